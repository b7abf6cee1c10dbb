/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_event.h - what happens to a device, on its way to those who listen.
 */
#ifndef SNNQ_EVENT_H
#define SNNQ_EVENT_H

#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include "snnq_netlink.h"
#include "snnq_stream.h"

struct pid;
struct snnq_device;
struct snnq_file;

/* Events that wait to be told; what comes then is counted only. */
#define SNNQ_MAX_EVENTS 64u
#define SNNQ_NO_CORE	U32_MAX

/**
 * struct snnq_client - who opened a file
 * @id: number that no other open file has.
 * @uid: effective user.
 * @pid: process, with a reference.
 * @comm: its name.
 */
struct snnq_client {
	u64 id;
	kuid_t uid;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct snnq_event - something that happened
 * @cmd: SNNQ_CMD_* of the notification.
 * @scope: of a reset.
 * @core: where, or SNNQ_NO_CORE.
 * @time: when.
 * @lost: events before this one that nobody will be told of.
 * @client: whose job it was, by value; its @id is 0 when it was nobody's. No reference.
 * @pid: of the client, in the first namespace.
 * @fault: of a job.
 * @delay_ns: of a throttled client.
 */
struct snnq_event {
	u8 cmd;
	u32 scope;
	u32 core;
	u64 time;
	u64 lost;
	struct snnq_client client;
	u32 pid;
	struct snnq_fault fault;
	u64 delay_ns;
};

/**
 * struct snnq_events - those of a device that wait
 * @lock: what follows; taken in interrupts.
 * @ring: them, from @first on.
 * @first: the oldest.
 * @count: number of them.
 * @lost: since the last that found room.
 * @wedged: it was told that the device is given up; of @send.
 * @send: tells of them.
 */
struct snnq_events {
	spinlock_t lock; /* what follows */
	struct snnq_event ring[SNNQ_MAX_EVENTS];
	u32 first;
	u32 count;
	u64 lost;
	bool wedged;
	struct work_struct send;
};

void snnq_client_init(struct snnq_client *client, u64 id);
void snnq_client_fini(struct snnq_client *client);
void snnq_events_init(struct snnq_events *events);
bool snnq_events_take(struct snnq_events *events, struct snnq_event *event);
void snnq_event_raise(struct snnq_device *sdev, struct snnq_event *event, struct snnq_file *sfile);

#endif /* SNNQ_EVENT_H */
