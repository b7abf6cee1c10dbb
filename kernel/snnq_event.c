// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events wait here for a work item that may sleep, since they happen in interrupts
 * and under locks. Their number is bounded: a client that fails as fast as it can
 * costs memory that is there anyway, and others learn how many events they missed.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "snnq_device.h"
#include "snnq_event.h"

/* The caller is the client. */
void snnq_client_init(struct snnq_client *client, u64 id)
{
	client->id = id;
	client->uid = current_euid();
	client->pid = get_pid(task_tgid(current));
	get_task_comm(client->comm, current->group_leader);
}

void snnq_client_fini(struct snnq_client *client)
{
	put_pid(client->pid);
}

void snnq_events_init(struct snnq_events *events)
{
	spin_lock_init(&events->lock);
}

/* The oldest event, if there is one. */
bool snnq_events_take(struct snnq_events *events, struct snnq_event *event)
{
	unsigned long flags;
	bool found;

	spin_lock_irqsave(&events->lock, flags);
	found = events->count;
	if (found) {
		*event = events->ring[events->first];
		events->first = (events->first + 1) % SNNQ_MAX_EVENTS;
		events->count--;
	}
	spin_unlock_irqrestore(&events->lock, flags);
	return found;
}

/**
 * snnq_event_raise() - let those know who listen
 * @sdev: device.
 * @event: what happened; time and client are filled in.
 * @sfile: whose job it was, or NULL.
 *
 * Any context.
 */
void snnq_event_raise(struct snnq_device *sdev, struct snnq_event *event, struct snnq_file *sfile)
{
	struct snnq_events *events = &sdev->events;
	unsigned long flags;

	event->time = ktime_get_ns();
	if (sfile) {
		event->client = sfile->client;
		event->client.pid = NULL;
		event->pid = pid_nr(sfile->client.pid);
	}
	spin_lock_irqsave(&events->lock, flags);
	if (events->count < SNNQ_MAX_EVENTS) {
		event->lost = events->lost;
		events->lost = 0;
		events->ring[(events->first + events->count++) % SNNQ_MAX_EVENTS] = *event;
	} else {
		events->lost++;
	}
	spin_unlock_irqrestore(&events->lock, flags);
	schedule_work(&events->send);
}
