// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scheduling: one drm_gpu_scheduler per core, one entity per stream. It sees to what
 * jobs wait for; which of those that wait for nothing goes first, snnq_fair.c says.
 *
 * An entity may go to any core, but only while none of its jobs is queued or
 * running: the scheduler sees to it (drm_sched_entity_select_rq()), and a
 * stream's state depends on it.
 *
 * Locks, outermost first: file's submit_lock, reservation of buffers, core lock,
 * stream lock, fence locks, of which fairness has its own. The last three are taken in
 * interrupts.
 */
#include <drm/drm_drv.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_job.h"

/* Fences of earlier jobs of the same call are known only now: see snnq_submit.c. */
static struct dma_fence *snnq_sched_prepare_job(struct drm_sched_job *base,
						struct drm_sched_entity *entity)
{
	struct snnq_job *job = to_snnq_job(base);
	struct snnq_stream *stream = job->stream;
	struct dma_fence *fence;

	/* What will not run waits for nothing more. A reset may come, but not bring it back. */
	job->dropped = snnq_stream_cancelled(stream, job->epoch);
	if (job->dropped)
		return NULL;
	if (job->wait_next == job->wait_count)
		return snnq_fair_enter(&stream->sdev->fair, to_snnq_core(base->sched)->index,
				       &stream->file->accounts[stream->level], &job->pass);
	fence = job->waits[job->wait_next].fence;
	job->waits[job->wait_next++].fence = NULL;
	return fence;
}

/* Give the job to the core of a device that is there. */
static void snnq_sched_start_job(struct snnq_core *core, struct snnq_job *job)
{
	int err = snnq_power_get(core->sdev);

	job->powered = !err;
	if (err || READ_ONCE(core->sdev->wedged))
		snnq_core_end(core, job, -EIO);
	else
		snnq_core_submit(core, job);
}

/* Returns the job's fence; signaled with an error when the job cannot run. */
static struct dma_fence *snnq_sched_run_job(struct drm_sched_job *base)
{
	struct snnq_job *job = to_snnq_job(base);
	struct snnq_core *core = to_snnq_core(base->sched);
	struct dma_fence *fence = dma_fence_get(&job->fence->base);
	bool cookie = dma_fence_begin_signalling();
	int idx;

	if (job->dropped || snnq_stream_cancelled(job->stream, job->epoch)) {
		snnq_core_end(core, job, -ECANCELED);
	} else if (drm_dev_enter(&core->sdev->drm, &idx)) {
		snnq_sched_start_job(core, job);
		drm_dev_exit(idx);
	} else {
		snnq_core_end(core, job, -ENODEV);
	}
	dma_fence_end_signalling(cookie);
	return fence;
}

static void snnq_sched_free_job(struct drm_sched_job *base)
{
	snnq_job_free(to_snnq_job(base));
}

static const struct drm_sched_backend_ops snnq_sched_ops = {
	.snnq_sched_prepare = snnq_sched_prepare_job,
	.run_job = snnq_sched_run_job,
	.free_job = snnq_sched_free_job,
};

/* Places are what bounds jobs. More may be given to it, so that all ask for one. */
int snnq_sched_create(struct snnq_core *core)
{
	return snnq_sched_init(&core->sched, &snnq_sched_ops, 2 * SNNQ_QUEUE_DEPTH, core->name,
			       core->sdev->drm.dev);
}
