// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery: what to do about a job that takes long.
 *
 * Long is not hung. The device counts its progress in memory; a job whose counter
 * moved since the last look goes on, until a limit that its program's size sets.
 * Else, from mild to harsh, each step confirmed before the next is tried: cancel
 * the job, reset its core, reset the device, give the device up.
 *
 * Only the hung job and its stream fail. Others that stood in a ring that was
 * reset are put into it again, in order; they have not changed the state they
 * read. drm_sched_stop() drops the jobs' fences and drm_sched_start() would take
 * jobs without one for cancelled, so the fences are put back in between.
 *
 * All of this runs on one ordered work queue, so never twice at a time.
 */
#include <linux/delay.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_job.h"

#define SNNQ_CANCEL_MS	50

/* Reset a core once before a job is blamed for what the core reports. */
#define SNNQ_MAX_REPLAYS	1

enum snnq_verdict {
	SNNQ_FINE,	/* done, or going on */
	SNNQ_HUNG,
	SNNQ_BROKEN,	/* the core, not the job */
	SNNQ_BREAKER,	/* the core, each time it runs this job */
};

static enum snnq_verdict snnq_recover_judge(struct snnq_core *core, struct snnq_job *job)
{
	u64 progress, elapsed;
	ktime_t since;

	synchronize_irq(core->irq);
	snnq_core_drain(core);
	if (snnq_job_signaled(job))
		return SNNQ_FINE;
	if (READ_ONCE(core->halted))
		return job->replays < SNNQ_MAX_REPLAYS ? SNNQ_BROKEN : SNNQ_BREAKER;
	since = ktime_after(job->started, core->last_done) ? job->started : core->last_done;
	elapsed = ktime_to_ns(ktime_sub(ktime_get(), since));
	progress = READ_ONCE(core->rings->progress[job->slot]);
	if (progress == job->progress)
		return SNNQ_HUNG;
	job->progress = progress;
	return elapsed > job->limit_ns ? SNNQ_HUNG : SNNQ_FINE;
}

/* Ask the device to give the job up. */
static bool snnq_recover_cancel(struct snnq_core *core, struct snnq_job *job)
{
	int i;

	job->hung = true;
	snnq_core_write(core, SNNQ_CORE_CANCEL, job->id);
	for (i = 0; i < SNNQ_CANCEL_MS && !snnq_job_signaled(job); i++) {
		usleep_range(1000, 1500);
		snnq_core_drain(core);
	}
	synchronize_irq(core->irq);
	return snnq_job_signaled(job);
}

static void snnq_recover_count(struct snnq_job *job, enum snnq_counter which)
{
	snnq_count(&job->stream->sdev->counters, which, 1);
	snnq_count(&job->stream->file->counters, which, 1);
}

/*
 * Give the scheduler its fences back, and the reset core its jobs. Jobs whose
 * stream failed meanwhile, and all when there is no core any more, end here.
 */
static void snnq_recover_replay(struct snnq_core *core, struct drm_sched_job *guilty, int dead)
{
	struct drm_sched_job *base;

	list_for_each_entry(base, &core->sched.pending_list, list) {
		struct snnq_job *job = to_snnq_job(base);
		int err = dead;

		base->s_fence->parent = dma_fence_get(&job->fence->base);
		if (snnq_job_signaled(job))
			continue;
		job->replays++;
		if (base == guilty)
			err = job->hung ? -ETIME : -EIO;
		else if (!err && snnq_stream_cancelled(job->stream, job->epoch))
			err = -ECANCELED;
		if (!err)
			err = snnq_core_submit(core, job);
		if (err)
			snnq_job_finish(job, err);
	}
	snnq_sched_start(&core->sched);
}

/* Only cores other than @core are not stopped yet. */
static void snnq_recover_device(struct snnq_core *core, struct drm_sched_job *guilty)
{
	struct snnq_device *sdev = core->sdev;
	int err;
	u32 i;

	for (i = 0; i < sdev->info.cores; i++)
		if (&sdev->cores[i] != core)
			drm_sched_stop(&sdev->cores[i].sched, NULL);
	err = snnq_device_reset(sdev);
	if (err) {
		drm_err(&sdev->drm, "device does not answer a reset and is given up\n");
		WRITE_ONCE(sdev->wedged, true);
		sdev->stop_dma(sdev);
	}
	for (i = 0; i < sdev->info.cores; i++) {
		if (err)
			snnq_core_forget(&sdev->cores[i]);
		snnq_recover_replay(&sdev->cores[i], guilty, err ? -EIO : 0);
	}
}

static void snnq_recover_reset(struct snnq_core *core, struct drm_sched_job *base, bool blame)
{
	struct drm_sched_job *guilty = blame ? base : NULL;
	int err;

	drm_sched_stop(&core->sched, base);
	snnq_recover_count(to_snnq_job(base), SNNQ_CORE_RESETS);
	err = snnq_core_reset(core);
	if (!err)
		err = snnq_core_start(core);
	if (!err) {
		snnq_recover_replay(core, guilty, 0);
		return;
	}
	drm_warn(&core->sdev->drm, "core %u does not answer a reset\n", core->index);
	snnq_recover_count(to_snnq_job(base), SNNQ_DEVICE_RESETS);
	snnq_recover_device(core, guilty);
}

/* timedout_job() of the scheduler. */
enum drm_gpu_sched_stat snnq_recover(struct drm_sched_job *base)
{
	struct snnq_core *core = to_snnq_core(base->sched);
	struct snnq_job *job = to_snnq_job(base);
	enum snnq_verdict verdict;
	int idx;

	if (!drm_dev_enter(&core->sdev->drm, &idx))
		return snnq_sched_no_hang(base);	/* removal ends it */
	verdict = snnq_recover_judge(core, job);
	if (verdict == SNNQ_HUNG) {
		snnq_recover_count(job, SNNQ_HANGS);
		drm_warn(&core->sdev->drm, "core %u: job %#x hangs\n", core->index, job->id);
		if (snnq_recover_cancel(core, job))
			verdict = SNNQ_FINE;
	}
	if (verdict != SNNQ_FINE)
		snnq_recover_reset(core, base, verdict != SNNQ_BROKEN);
	drm_dev_exit(idx);
	return verdict == SNNQ_FINE ? snnq_sched_no_hang(base) : SNNQ_SCHED_STAT_RESET;
}
