// SPDX-License-Identifier: GPL-2.0-only
/*
 * A core: submission ring, doorbell, completion ring.
 *
 * Submitting and completing touch memory and doorbells only; no register is read.
 * Ring positions are the driver's own, and a completion record is believed only
 * as far as it fits a job that is in flight: devices may be broken or hostile.
 */
#include <linux/dma-mapping.h>
#include <linux/iopoll.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "snnq_core.h"
#include "snnq_job.h"
#include "snnq_model.h"

#define SNNQ_CORE_RESET_US	100000

/* Forget ring contents: entry 0 is next on both sides. Core lock held, or core off. */
static void snnq_core_clear(struct snnq_core *core)
{
	memset(core->rings, 0, sizeof(*core->rings));
	memset(core->jobs, 0, sizeof(core->jobs));
	core->tail = 0;
	core->head = 0;
	core->phase = 1;
	core->bad = 0;
	core->halted = false;
	core->enabled = false;
}

int snnq_core_init(struct snnq_core *core, struct snnq_device *sdev, u32 index)
{
	core->sdev = sdev;
	core->index = index;
	core->entries = sdev->info.queue_depth < SNNQ_QUEUE_DEPTH ?
			sdev->info.queue_depth + 1 : SNNQ_RING_ENTRIES;
	spin_lock_init(&core->lock);
	snprintf(core->name, sizeof(core->name), "snnq-core%u", index);
	core->rings = dmam_alloc_coherent(sdev->drm.dev, sizeof(*core->rings),
					  &core->rings_dma, GFP_KERNEL);
	if (!core->rings)
		return -ENOMEM;
	snnq_core_clear(core);
	return 0;
}

/* Forget the jobs in the ring of a core that was reset; the caller knows them. */
void snnq_core_forget(struct snnq_core *core)
{
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	snnq_core_clear(core);
	spin_unlock_irqrestore(&core->lock, flags);
}

static void snnq_core_set_ring(struct snnq_core *core, u32 reg, size_t offset)
{
	u64 base = core->rings_dma + offset;

	snnq_core_write(core, reg, lower_32_bits(base));
	snnq_core_write(core, reg + 4, upper_32_bits(base));
	snnq_core_write(core, reg + 8, core->entries);
}

/* Give empty rings to a core that was reset. */
int snnq_core_start(struct snnq_core *core)
{
	void __iomem *reg = core->sdev->regs + SNNQ_CORE_BASE(core->index) + SNNQ_CORE_STATUS;
	u32 status;
	int err;

	snnq_core_drain(core);		/* what it completed before the reset */
	snnq_core_forget(core);
	snnq_core_set_ring(core, SNNQ_CORE_SQ_BASE_LO, offsetof(struct snnq_rings, sq));
	snnq_core_set_ring(core, SNNQ_CORE_CQ_BASE_LO, offsetof(struct snnq_rings, cq));
	snnq_core_write(core, SNNQ_CORE_COALESCE, 0);
	snnq_core_write(core, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_ENABLE);
	err = readl_poll_timeout(reg, status, status & (SNNQ_CORE_ST_ENABLED | SNNQ_CORE_ST_HALTED),
				 50, SNNQ_CORE_RESET_US);
	if (err || status & SNNQ_CORE_ST_HALTED) {	/* all ones is HALTED too */
		drm_err(&core->sdev->drm, "core %u does not start: status %#x, error %#x\n",
			core->index, status, snnq_core_read(core, SNNQ_CORE_ERROR));
		return -EIO;
	}
	core->enabled = true;
	return 0;
}

/* Reset the core and wait until it does no more DMA. */
int snnq_core_reset(struct snnq_core *core)
{
	void __iomem *reg = core->sdev->regs + SNNQ_CORE_BASE(core->index) + SNNQ_CORE_STATUS;
	u32 status;
	int err;

	WRITE_ONCE(core->enabled, false);
	snnq_core_write(core, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
	err = readl_poll_timeout(reg, status, !(status & SNNQ_CORE_ST_RESETTING), 50,
				 SNNQ_CORE_RESET_US);
	return err || status & SNNQ_CORE_ST_BUSY ? -EIO : 0;
}

/* Ids are never 0, and differ from those of the last jobs in the same entry. */
static u32 snnq_core_next_id(struct snnq_core *core, u32 slot)
{
	u32 id;

	do {
		id = core->generation++ * SNNQ_RING_ENTRIES + slot;
	} while (!id);
	return id;
}

static void snnq_core_write_entry(struct snnq_core *core, struct snnq_job *job, u32 slot)
{
	struct snnq_sq_entry *sqe = &core->rings->sq[slot];

	job->slot = slot;
	job->id = snnq_core_next_id(core, slot);
	job->progress = 0;
	job->started = ktime_get();
	core->rings->progress[slot] = 0;
	core->jobs[slot] = job;
	snnq_job_prepare(job, sqe);
	sqe->progress = core->rings_dma + offsetof(struct snnq_rings, progress[slot]);
	sqe->job_id = job->id;
}

/**
 * snnq_core_submit() - put a job into the ring
 * @core: core.
 * @job: job; its completion may already be under way on return.
 *
 * Inside drm_dev_enter(). The scheduler sees to it that there is room, unless the
 * device completes out of order.
 *
 * Return: 0 or -EIO.
 */
int snnq_core_submit(struct snnq_core *core, struct snnq_job *job)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&core->lock, flags);
	if (READ_ONCE(core->sdev->wedged) || core->jobs[core->tail]) {
		err = -EIO;
	} else {
		snnq_core_write_entry(core, job, core->tail);
		core->tail = (core->tail + 1) & (core->entries - 1);
		dma_wmb();
		snnq_core_write(core, SNNQ_CORE_SQ_TAIL, core->tail);
	}
	spin_unlock_irqrestore(&core->lock, flags);
	return err;
}

/* Whether a record says nothing that cannot be. */
static bool snnq_core_plausible(const struct snnq_job *job, const struct snnq_cq_entry *rec)
{
	return rec->status < SNNQ_STATUS_COUNT && rec->steps <= job->steps &&
	       (rec->status || rec->steps == job->steps) &&
	       (rec->layer < job->stream->model->info.layer_count ||
		rec->layer == SNNQ_LAYER_NONE) &&
	       (rec->region < job->regions || rec->region == SNNQ_REGION_NONE);
}

/* The job that a record ends, or NULL. Core lock held. */
static struct snnq_job *snnq_core_match(struct snnq_core *core, const struct snnq_cq_entry *rec)
{
	u32 slot = rec->job_id % SNNQ_RING_ENTRIES;
	struct snnq_job *job = core->jobs[slot];
	bool known = job && job->id == rec->job_id;

	if (known && snnq_core_plausible(job, rec)) {
		job->result = *rec;
	} else {
		snnq_count(&core->sdev->counters, SNNQ_BAD_COMPLETIONS, 1);
		core->bad++;
		if (!known)
			return NULL;
		job->result.status = SNNQ_STATUS_INTERNAL;
		job->result.layer = SNNQ_LAYER_NONE;
		job->result.region = SNNQ_REGION_NONE;
	}
	core->jobs[slot] = NULL;
	return job;
}

static void snnq_core_busy(struct snnq_core *core, struct snnq_job *job, ktime_t now)
{
	ktime_t since = ktime_after(job->started, core->last_done) ? job->started :
								     core->last_done;
	u64 ns = max_t(s64, ktime_to_ns(ktime_sub(now, since)), 0);

	core->last_done = now;
	snnq_count(&core->sdev->counters, SNNQ_BUSY_NS, ns);
	snnq_count(&job->stream->file->counters, SNNQ_BUSY_NS, ns);
}

/* Fetch new records; at most one round, however fast the device writes them. */
static unsigned int snnq_core_fetch(struct snnq_core *core, struct list_head *done)
{
	ktime_t now = ktime_get();
	struct snnq_cq_entry rec;
	struct snnq_job *job;
	unsigned int n;

	for (n = 0; n < core->entries; n++) {
		const struct snnq_cq_entry *entry = &core->rings->cq[core->head];

		if (READ_ONCE(entry->phase) != core->phase)
			break;
		dma_rmb();
		rec = *entry;
		core->head = (core->head + 1) & (core->entries - 1);
		if (!core->head)
			core->phase ^= 1;
		job = snnq_core_match(core, &rec);
		if (!job)
			continue;
		snnq_core_busy(core, job, now);
		list_add_tail(&job->done, done);
	}
	return n;
}

/**
 * snnq_core_drain() - end the jobs that the device has completed
 * @core: core.
 *
 * Return: number of records seen. Any context, inside drm_dev_enter() or in the
 * interrupt handler.
 */
unsigned int snnq_core_drain(struct snnq_core *core)
{
	struct snnq_job *job, *next;
	unsigned long flags;
	LIST_HEAD(done);
	unsigned int n;
	bool cookie = dma_fence_begin_signalling();

	spin_lock_irqsave(&core->lock, flags);
	n = snnq_core_fetch(core, &done);
	if (n && READ_ONCE(core->enabled))
		snnq_core_write(core, SNNQ_CORE_CQ_HEAD, core->head);
	if (core->bad >= SNNQ_MAX_BAD_COMPLETIONS && !core->halted) {
		core->halted = true;
		drm_sched_fault(&core->sched);
	}
	spin_unlock_irqrestore(&core->lock, flags);

	list_for_each_entry_safe(job, next, &done, done)
		snnq_job_complete(job);
	dma_fence_end_signalling(cookie);
	return n;
}

/* End all jobs in the ring. The device does not run them any more. */
void snnq_core_fail_all(struct snnq_core *core, int error)
{
	struct snnq_job *job, *next;
	unsigned long flags;
	LIST_HEAD(done);
	u32 i;

	spin_lock_irqsave(&core->lock, flags);
	for (i = 0; i < core->entries; i++) {
		/* Oldest first. */
		u32 slot = (core->tail + i) & (core->entries - 1);

		if (core->jobs[slot])
			list_add_tail(&core->jobs[slot]->done, &done);
		core->jobs[slot] = NULL;
	}
	spin_unlock_irqrestore(&core->lock, flags);

	list_for_each_entry_safe(job, next, &done, done)
		snnq_job_finish(job, error);
}

irqreturn_t snnq_core_irq(int irq, void *data)
{
	return snnq_core_drain(data) ? IRQ_HANDLED : IRQ_NONE;
}
