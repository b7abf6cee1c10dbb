// SPDX-License-Identifier: GPL-2.0-only
/*
 * A core: submission ring, doorbell, completion ring.
 *
 * Submitting and completing touch memory and doorbells only; no register is read.
 * Ring positions are the driver's own, and a completion record is believed only
 * as far as it fits a job that is in flight: devices may be broken or hostile.
 *
 * Each job has one owner at a time, named by job->where under the core's lock:
 * the scheduler or recovery (QUEUED), the device (RING), or whoever took it from
 * the ring (COMPLETING), who alone ends it. So an interrupt and a recovery that
 * meet cannot both end a job, nor can one put back what the other ended.
 */
#include <linux/iopoll.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "snnq_core.h"
#include "snnq_job.h"
#include "snnq_mem.h"
#include "snnq_model.h"
#include "snnq_trace.h"

/* Looks per timeout. */
#define SNNQ_LOOKS 4u

/* Clocks of an emulated device are that much slower than they say. */
#define SNNQ_SLOWNESS	  1000u
#define SNNQ_MAX_GRACE_US 10000000u

/* How long a device may take for what it does in @rest_us when it has nothing else to do. */
u32 snnq_grace_us(struct snnq_device *sdev, u32 rest_us)
{
	u64 us = (u64)sdev->safe_cycles * 1000 * SNNQ_SLOWNESS;

	us = div_u64(us, max(sdev->info.clock_khz, 1u));
	us += (u64)sdev->reset_us * SNNQ_SLOWNESS;
	return (u32)min(us + rest_us, (u64)SNNQ_MAX_GRACE_US);
}

unsigned long snnq_core_look_period(void)
{
	return max(msecs_to_jiffies(snnq_timeout_ms / SNNQ_LOOKS), 1ul);
}

/* Have the core looked at within @us. Any context. */
void snnq_core_kick(struct snnq_core *core, u32 us)
{
	mod_delayed_work(core->sdev->timeout_wq, &core->watch, usecs_to_jiffies(us));
}

/* There is a job in the ring. A look that is due already stays due. */
void snnq_core_watch(struct snnq_core *core)
{
	queue_delayed_work(core->sdev->timeout_wq, &core->watch, snnq_core_look_period());
}

/* In the vector's handler, which is not reentered. @core's watch polls when it is off. */
void snnq_core_guard(struct snnq_guard *guard, bool useful, struct snnq_core *core)
{
	if (useful) {
		guard->idle = 0;
	} else if (++guard->idle >= SNNQ_MAX_IDLE_IRQS) {
		guard->idle = 0;
		WRITE_ONCE(guard->masked, true);
		disable_irq_nosync(guard->irq);
		snnq_core_kick(core, 0);
	}
}

/* Forget ring contents: entry 0 is next on both sides. */
static void snnq_core_clear(struct snnq_core *core)
{
	memset(core->rings, 0, sizeof(*core->rings));
	memset(core->jobs, 0, sizeof(core->jobs));
	core->tail = 0;
	core->head = 0;
	core->phase = 1;
	core->broken = false;
	core->enabled = false;
	core->seen_id = 0;
}

static void snnq_core_free_rings(struct drm_device *drm, void *mem)
{
	snnq_mem_destroy(mem);
}

int snnq_core_init(struct snnq_core *core, struct snnq_device *sdev, u32 index)
{
	struct snnq_mem *mem;

	core->sdev = sdev;
	core->index = index;
	core->entries = sdev->info.queue_depth < SNNQ_QUEUE_DEPTH ? sdev->info.queue_depth + 1 :
								    SNNQ_RING_ENTRIES;
	spin_lock_init(&core->lock);
	INIT_LIST_HEAD(&core->done);
	snprintf(core->name, sizeof(core->name), "snnq-%s-core%u", dev_name(sdev->drm.dev), index);
	mem = snnq_mem_create(sdev, NULL, sizeof(*core->rings));
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	core->rings = mem->cpu;
	core->rings_dma = mem->dma;
	snnq_core_clear(core);
	return drmm_add_action_or_reset(&sdev->drm, snnq_core_free_rings, mem);
}

/* Take the jobs of a core that was reset out of its ring; recovery has them then. */
void snnq_core_forget(struct snnq_core *core)
{
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&core->lock, flags);
	for (i = 0; i < core->entries; i++)
		if (core->jobs[i])
			core->jobs[i]->where = SNNQ_JOB_QUEUED;
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
	unsigned long flags;
	u32 status;
	int err;

	snnq_core_drain(core); /* what it completed before the reset */
	snnq_core_forget(core);
	snnq_core_set_ring(core, SNNQ_CORE_SQ_BASE_LO, offsetof(struct snnq_rings, sq));
	snnq_core_set_ring(core, SNNQ_CORE_CQ_BASE_LO, offsetof(struct snnq_rings, cq));
	snnq_core_write(core, SNNQ_CORE_COALESCE, 0);
	snnq_core_write(core, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_ENABLE);
	err = read_poll_timeout(snnq_core_read, status,
				status & (SNNQ_CORE_ST_ENABLED | SNNQ_CORE_ST_HALTED), 50,
				snnq_grace_us(core->sdev, SNNQ_CORE_RESET_US), false, core,
				SNNQ_CORE_STATUS);
	if (err || status & SNNQ_CORE_ST_HALTED) { /* all ones is HALTED too */
		drm_err(&core->sdev->drm, "core %u does not start: status %#x, error %#x\n",
			core->index, status, snnq_core_read(core, SNNQ_CORE_ERROR));
		return -EIO;
	}
	spin_lock_irqsave(&core->lock, flags);
	core->enabled = true;
	spin_unlock_irqrestore(&core->lock, flags);
	return 0;
}

/* Count the time for which the core has been at @job. */
static void snnq_core_busy(struct snnq_core *core, struct snnq_job *job, ktime_t now)
{
	ktime_t since = snnq_core_turned(core, job);
	u64 ns;

	lockdep_assert_held(&core->lock);
	if (ktime_after(core->counted, since))
		since = core->counted;
	ns = max_t(s64, ktime_to_ns(ktime_sub(now, since)), 0);
	core->counted = now;
	core->busy_ns += ns;
	snnq_count(&core->sdev->counters, SNNQ_BUSY_NS, ns);
	snnq_count(&job->stream->file->counters, SNNQ_BUSY_NS, ns);
}

static void snnq_core_settle_locked(struct snnq_core *core)
{
	struct snnq_job *job = snnq_core_oldest(core);

	if (job && core->enabled)
		snnq_core_busy(core, job, ktime_get());
}

/* The job that runs counts up to now, so that counters grow while it does. */
void snnq_core_settle(struct snnq_core *core)
{
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	snnq_core_settle_locked(core);
	spin_unlock_irqrestore(&core->lock, flags);
}

/*
 * From here on no doorbell of a core that is about to be reset is written, and what
 * is in its ring takes no time any more.
 */
void snnq_core_disable(struct snnq_core *core)
{
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	snnq_core_settle_locked(core);
	core->enabled = false;
	spin_unlock_irqrestore(&core->lock, flags);
}

/* Reset the core and wait until it does no more DMA. */
int snnq_core_reset(struct snnq_core *core)
{
	u32 status;
	int err;

	snnq_core_disable(core);
	snnq_core_write(core, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
	err = read_poll_timeout(snnq_core_read, status,
				!(status & SNNQ_CORE_ST_RESETTING) || status == U32_MAX, 50,
				snnq_grace_us(core->sdev, SNNQ_CORE_RESET_US), false, core,
				SNNQ_CORE_STATUS);
	return err || status & SNNQ_CORE_ST_BUSY ? -EIO : 0;
}

static void snnq_core_write_entry(struct snnq_core *core, struct snnq_job *job, u32 slot)
{
	struct snnq_sq_entry *sqe = &core->rings->sq[slot];

	job->id = snnq_core_make_id(&core->generation, slot);
	job->started = ktime_get();
	job->cancelling = false;
	job->where = SNNQ_JOB_RING;
	core->rings->progress[slot] = 0;
	core->jobs[slot] = job;
	snnq_job_prepare(job, sqe);
	sqe->progress = core->rings_dma + offsetof(struct snnq_rings, progress[slot]);
	sqe->job_id = job->id;
	trace_snnq_job_run(job, core);
}

/* The core must be reset; the jobs in its ring and those that come stay as they are. */
static void snnq_core_break(struct snnq_core *core)
{
	lockdep_assert_held(&core->lock);
	if (core->broken)
		return;
	core->broken = true;
	snnq_core_kick(core, 0);
}

/**
 * snnq_core_submit() - put a job into the ring
 * @core: core.
 * @job: job, QUEUED; its completion may already be under way on return.
 *
 * Inside drm_dev_enter(). The scheduler sees to it that there is room. An entry
 * that is still taken shows that the core lost a job: that is not the fault of
 * this one, which waits for the core's recovery.
 */
void snnq_core_submit(struct snnq_core *core, struct snnq_job *job)
{
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	if (core->jobs[core->tail])
		snnq_core_break(core);
	if (!core->broken) {
		snnq_core_write_entry(core, job, core->tail);
		core->tail = (core->tail + 1) & (core->entries - 1);
		dma_wmb();
		snnq_core_write(core, SNNQ_CORE_SQ_TAIL, core->tail);
	}
	spin_unlock_irqrestore(&core->lock, flags);
	snnq_core_watch(core);
}

/* The job that the device works on, or takes next; NULL: none. Core lock held. */
struct snnq_job *snnq_core_oldest(struct snnq_core *core)
{
	u32 i, slot;

	lockdep_assert_held(&core->lock);
	for (i = 0; i < core->entries; i++) {
		slot = (core->tail + i) & (core->entries - 1);
		if (core->jobs[slot])
			return core->jobs[slot];
	}
	return NULL;
}

/* Job @id, if it is in the ring; ids are never 0. Core lock held. */
struct snnq_job *snnq_core_find(struct snnq_core *core, u32 id)
{
	struct snnq_job *job = core->jobs[snnq_core_slot(id)];

	lockdep_assert_held(&core->lock);
	return job && job->id == id ? job : NULL;
}

bool snnq_core_has(struct snnq_core *core, u32 id)
{
	unsigned long flags;
	bool has;

	spin_lock_irqsave(&core->lock, flags);
	has = snnq_core_find(core, id);
	spin_unlock_irqrestore(&core->lock, flags);
	return has;
}

/* When the device turned to the oldest job. */
ktime_t snnq_core_turned(const struct snnq_core *core, const struct snnq_job *job)
{
	return ktime_after(job->started, core->last_done) ? job->started : core->last_done;
}

/* Take the job from the ring, or from the queue, to end it. */
static void snnq_core_take(struct snnq_core *core, struct snnq_job *job, int error, ktime_t now)
{
	lockdep_assert_held(&core->lock);
	if (job->where == SNNQ_JOB_RING || job->blamed)
		job->begun = snnq_core_turned(core, job);
	job->ended = now;
	if (job->where == SNNQ_JOB_RING)
		core->jobs[snnq_core_slot(job->id)] = NULL;
	job->where = SNNQ_JOB_COMPLETING;
	job->error = error;
	list_add_tail(&job->done, &core->done);
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

/*
 * Jobs of a core end in order, so older ones have ended too, and their records are
 * lost. An older one of the same stream ended well if this one did, for the device
 * checked the version of the state between them. The others are run again: what
 * they read is unchanged.
 */
static void snnq_core_imply(struct snnq_core *core, struct snnq_job *job, ktime_t now)
{
	struct snnq_job *older;
	u32 i;

	for (i = 0; i < core->entries; i++) {
		older = core->jobs[(core->tail + i) & (core->entries - 1)];
		if (older == job)
			break;
		if (!older)
			continue;
		snnq_core_break(core);
		if (older->stream != job->stream || job->result.status ||
		    job->flags & DRM_SNNQ_JOB_RESET)
			continue;
		older->result = (struct snnq_cq_entry){
			.steps = older->steps,
			.layer = SNNQ_LAYER_NONE,
			.region = SNNQ_REGION_NONE,
		};
		snnq_core_take(core, older, 0, now);
	}
}

/* Take the job that a record ends. */
static void snnq_core_record(struct snnq_core *core, const struct snnq_cq_entry *rec, ktime_t now)
{
	struct snnq_job *job = snnq_core_find(core, rec->job_id);

	if (!job || !snnq_core_plausible(job, rec)) {
		snnq_count(&core->sdev->counters, SNNQ_BAD_COMPLETIONS, 1);
		snnq_core_break(core);
		return;
	}
	job->result = *rec;
	snnq_core_imply(core, job, now);
	snnq_core_take(core, job, snnq_job_error(job), now);
	snnq_core_busy(core, job, now);
	core->last_done = now;
	core->ended++;
	core->fruitless = 0;
}

/* Fetch new records; at most one round, however fast the device writes them. */
static unsigned int snnq_core_fetch(struct snnq_core *core)
{
	ktime_t now = ktime_get();
	struct snnq_cq_entry rec;
	unsigned int n;

	for (n = 0; n < core->entries; n++) {
		const struct snnq_cq_entry *entry = &core->rings->cq[core->head];

		if (READ_ONCE(entry->phase) != core->phase)
			break;
		dma_rmb();
		rec = *entry;
		barrier(); /* what is checked is what is used */
		core->head = (core->head + 1) & (core->entries - 1);
		if (!core->head)
			core->phase ^= 1;
		snnq_core_record(core, &rec, now);
	}
	return n;
}

/* Tell of the jobs taken from the ring: in order, one at a time, whoever asks for it. */
static void snnq_core_complete(struct snnq_core *core)
{
	struct snnq_job *job;
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	while (!core->completing && !list_empty(&core->done)) {
		job = list_first_entry(&core->done, struct snnq_job, done);
		list_del(&job->done);
		core->completing = true;
		spin_unlock_irqrestore(&core->lock, flags);
		snnq_job_finish(job);
		spin_lock_irqsave(&core->lock, flags);
		core->completing = false;
	}
	spin_unlock_irqrestore(&core->lock, flags);
}

/* Ask for the end of the oldest job, if nobody wants its result any more. */
static void snnq_core_cancel_oldest(struct snnq_core *core)
{
	struct snnq_job *job = snnq_core_oldest(core);

	if (!job || job->cancelling || !core->enabled ||
	    !snnq_stream_cancelled(job->stream, job->epoch))
		return;
	job->cancelling = true;
	job->cancelled_at = ktime_get();
	snnq_core_write(core, SNNQ_CORE_CANCEL, job->id);
	snnq_core_kick(core, snnq_grace_us(core->sdev, SNNQ_CANCEL_US));
}

/* Streams died: what of them is running is to end now. Inside drm_dev_enter(). */
void snnq_core_cancel_dead(struct snnq_core *core)
{
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	snnq_core_cancel_oldest(core);
	spin_unlock_irqrestore(&core->lock, flags);
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
	unsigned long flags;
	unsigned int n;
	bool cookie = dma_fence_begin_signalling();

	spin_lock_irqsave(&core->lock, flags);
	n = snnq_core_fetch(core);
	if (n && core->enabled) {
		snnq_core_write(core, SNNQ_CORE_CQ_HEAD, core->head);
		snnq_core_cancel_oldest(core);
	}
	spin_unlock_irqrestore(&core->lock, flags);
	snnq_core_complete(core);
	dma_fence_end_signalling(cookie);
	return n;
}

/* End a job that is QUEUED, with an error. */
void snnq_core_end(struct snnq_core *core, struct snnq_job *job, int error)
{
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	snnq_core_take(core, job, error, ktime_get());
	spin_unlock_irqrestore(&core->lock, flags);
	snnq_core_complete(core);
}

/* A vector of the core's own. */
irqreturn_t snnq_core_irq(int irq, void *data)
{
	struct snnq_core *core = data;

	snnq_core_guard(&core->guard, snnq_core_drain(core), core);
	return IRQ_HANDLED;
}
