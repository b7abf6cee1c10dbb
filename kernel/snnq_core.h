/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_core.h - one core: its rings and the jobs in them.
 */
#ifndef SNNQ_CORE_H
#define SNNQ_CORE_H

#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/spinlock.h>

#include <drm/gpu_scheduler.h>

#include "snnq_device.h"

struct snnq_job;

/*
 * Shallow, so that a new job of one stream waits for few jobs of others: order
 * is decided by the scheduler, and only jobs outside the ring can be overtaken.
 */
#define SNNQ_RING_ENTRIES	16u
#define SNNQ_QUEUE_DEPTH	8u

/* Wrong completion records that a core may send before it is reset. */
#define SNNQ_MAX_BAD_COMPLETIONS	16u

/*
 * Memory shared with the device. The progress words are apart from the submission
 * ring, so that a device which writes astray by a little does not hit its orders.
 */
struct snnq_rings {
	struct snnq_sq_entry sq[SNNQ_RING_ENTRIES];
	struct snnq_cq_entry cq[SNNQ_RING_ENTRIES] __aligned(64);
	u64 progress[SNNQ_RING_ENTRIES] __aligned(64);
};

/**
 * struct snnq_core - one core
 * @sdev: device.
 * @index: number.
 * @name: of its scheduler and interrupt.
 * @sched: scheduler; its pending list has the jobs in the ring, in order.
 * @lock: rings, @jobs and what follows; taken in interrupts.
 * @rings: memory shared with the device.
 * @rings_dma: its address.
 * @entries: of each ring.
 * @tail: next submission entry.
 * @head: next completion record.
 * @phase: phase bit of a new record.
 * @generation: upper bits of the next job id; the lower ones are the entry.
 * @jobs: job of each submission entry, or NULL.
 * @last_done: when the last job ended.
 * @bad: wrong records since the last reset.
 * @halted: the device reported an error of this core.
 * @enabled: it has the rings.
 * @irq: interrupt number.
 */
struct snnq_core {
	struct snnq_device *sdev;
	u32 index;
	char name[16];
	struct drm_gpu_scheduler sched;

	spinlock_t lock;	/* rings and what follows */
	struct snnq_rings *rings;
	dma_addr_t rings_dma;
	u32 entries;
	u32 tail;
	u32 head;
	u32 phase;
	u32 generation;
	struct snnq_job *jobs[SNNQ_RING_ENTRIES];
	ktime_t last_done;
	u32 bad;
	bool halted;
	bool enabled;
	int irq;
};

static inline struct snnq_core *to_snnq_core(struct drm_gpu_scheduler *sched)
{
	return container_of(sched, struct snnq_core, sched);
}

static inline void snnq_core_write(struct snnq_core *core, u32 reg, u32 value)
{
	snnq_write(core->sdev, SNNQ_CORE_BASE(core->index) + reg, value);
}

static inline u32 snnq_core_read(struct snnq_core *core, u32 reg)
{
	return snnq_read(core->sdev, SNNQ_CORE_BASE(core->index) + reg);
}

int snnq_core_init(struct snnq_core *core, struct snnq_device *sdev, u32 index);
int snnq_core_start(struct snnq_core *core);
int snnq_core_reset(struct snnq_core *core);
int snnq_core_submit(struct snnq_core *core, struct snnq_job *job);
unsigned int snnq_core_drain(struct snnq_core *core);
void snnq_core_forget(struct snnq_core *core);
void snnq_core_fail_all(struct snnq_core *core, int error);
irqreturn_t snnq_core_irq(int irq, void *data);

#endif /* SNNQ_CORE_H */
