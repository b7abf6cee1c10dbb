/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_core.h - one core: its rings and the jobs in them.
 */
#ifndef SNNQ_CORE_H
#define SNNQ_CORE_H

#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <drm/gpu_scheduler.h>

#include "snnq_device.h"

struct snnq_job;

/*
 * Shallow, so that a new job of one stream waits for few jobs of others: order
 * is decided by snnq_fair.c, and only jobs outside the ring can be overtaken.
 */
#define SNNQ_RING_ENTRIES 16u
#define SNNQ_QUEUE_DEPTH  8u

/* Times that a device at rest answers in; snnq_grace_us() adds for one at work. */
#define SNNQ_CANCEL_US	     50000u
#define SNNQ_CORE_RESET_US   100000u
#define SNNQ_DEVICE_RESET_US 1000000u

/*
 * Memory shared with the device, each part in pages of its own, so that a device
 * which writes astray by a little does not hit its orders.
 */
struct snnq_rings {
	struct snnq_sq_entry sq[SNNQ_RING_ENTRIES];
	struct snnq_cq_entry cq[SNNQ_RING_ENTRIES] __aligned(SNNQ_PAGE_BYTES);
	u64 progress[SNNQ_RING_ENTRIES] __aligned(SNNQ_PAGE_BYTES);
};

/* Interrupts in a row that bring nothing, from which nobody listens any more. */
#define SNNQ_MAX_IDLE_IRQS 1000u

/**
 * struct snnq_core - one core
 * @sdev: device.
 * @index: number.
 * @name: of its scheduler and interrupt.
 * @sched: scheduler; its pending list has the jobs in the ring, in order.
 * @guard: of its vector.
 * @watch: looks at the oldest job from time to time: snnq_recover.c.
 * @lock: rings, @jobs, where jobs are, and what follows; taken in interrupts.
 * @rings: memory shared with the device.
 * @rings_dma: its address.
 * @entries: of each ring.
 * @tail: next submission entry.
 * @head: next completion record.
 * @phase: phase bit of a new record.
 * @generation: upper bits of the next job id; the lower ones are the entry.
 * @jobs: job of each submission entry, or NULL.
 * @done: jobs taken from the ring that nobody was told of yet, in order.
 * @completing: somebody tells of one.
 * @last_done: when the last job ended.
 * @counted: up to when the time of jobs is counted.
 * @busy_ns: time of jobs.
 * @ended: jobs that it ended.
 * @resets: of this core alone.
 * @broken: it sent what cannot be, or lost a job: it must be reset.
 * @enabled: it has the rings.
 * @fruitless: resets since it last completed a job.
 * @seen_id: oldest job at the last look of @watch.
 * @seen_progress: its progress word then.
 * @seen_at: when either was first seen.
 */
struct snnq_core {
	struct snnq_device *sdev;
	u32 index;
	char name[32];
	struct drm_gpu_scheduler sched;
	struct snnq_guard guard;
	struct delayed_work watch;

	spinlock_t lock; /* rings and what follows */
	struct snnq_rings *rings;
	dma_addr_t rings_dma;
	u32 entries;
	u32 tail;
	u32 head;
	u32 phase;
	u32 generation;
	struct snnq_job *jobs[SNNQ_RING_ENTRIES];
	struct list_head done;
	bool completing;
	ktime_t last_done;
	ktime_t counted;
	u64 busy_ns;
	u64 ended;
	u64 resets;
	bool broken;
	bool enabled;
	u32 fruitless;
	u32 seen_id;
	u64 seen_progress;
	ktime_t seen_at;
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

/* Ids are never 0, and differ from those of the last jobs in the same entry. */
static inline u32 snnq_core_make_id(u32 *generation, u32 slot)
{
	u32 id;

	do {
		id = (*generation)++ * SNNQ_RING_ENTRIES + slot;
	} while (!id);
	return id;
}

static inline u32 snnq_core_slot(u32 id)
{
	return id % SNNQ_RING_ENTRIES;
}

u32 snnq_grace_us(struct snnq_device *sdev, u32 rest_us);
unsigned long snnq_core_look_period(void);
void snnq_core_kick(struct snnq_core *core, u32 us);
void snnq_core_watch(struct snnq_core *core);
void snnq_core_guard(struct snnq_guard *guard, bool useful, struct snnq_core *core);
int snnq_core_init(struct snnq_core *core, struct snnq_device *sdev, u32 index);
int snnq_core_start(struct snnq_core *core);
int snnq_core_reset(struct snnq_core *core);
void snnq_core_submit(struct snnq_core *core, struct snnq_job *job);
void snnq_core_end(struct snnq_core *core, struct snnq_job *job, int error);
void snnq_core_cancel_dead(struct snnq_core *core);
unsigned int snnq_core_drain(struct snnq_core *core);
struct snnq_job *snnq_core_oldest(struct snnq_core *core);
struct snnq_job *snnq_core_find(struct snnq_core *core, u32 id);
bool snnq_core_has(struct snnq_core *core, u32 id);
ktime_t snnq_core_turned(const struct snnq_core *core, const struct snnq_job *job);
void snnq_core_settle(struct snnq_core *core);
void snnq_core_disable(struct snnq_core *core);
void snnq_core_forget(struct snnq_core *core);
irqreturn_t snnq_core_irq(int irq, void *data);

#endif /* SNNQ_CORE_H */
