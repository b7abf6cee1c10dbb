// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SUBMIT ioctl: all jobs of a call are queued, or none.
 *
 * Whatever can fail is done first: jobs are built, what they wait for is looked
 * up, what they signal gets its memory, buffers that others see are locked, and
 * places in the queues are taken. From the first drm_sched_job_arm() on, nothing
 * fails.
 *
 * A job may wait for what an earlier job of the call signals. The fence for that
 * exists only once the earlier job is armed, so until then the wait names the job.
 */
#include <linux/bsearch.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_syncobj.h>

#include "snnq_compat.h"
#include "snnq_device.h"
#include "snnq_gem.h"
#include "snnq_job.h"
#include "snnq_stream.h"

#define SNNQ_MAX_STRIDE	4096u

/* A syncobj that a job signals. */
struct snnq_signal {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;	/* NULL for a binary one */
	u64 point;
	u32 handle;
	u32 job;
};

/**
 * struct snnq_submit - one call
 * @file: who calls.
 * @jobs: jobs; those not built yet, or queued, are NULL.
 * @fences: of the armed jobs.
 * @streams: of the queued jobs, which may end before the scheduler let go of the queue.
 * @count: number of jobs.
 * @signals: syncobjs to signal, by job.
 * @signal_count: number of them.
 * @shared: buffers that others see, each once.
 * @shared_count: number of them.
 * @ticket: lock of their reservations.
 * @failed: job at fault.
 */
struct snnq_submit {
	struct drm_file *file;
	struct snnq_job **jobs;
	struct dma_fence **fences;
	struct snnq_stream **streams;
	u32 count;
	struct snnq_signal *signals;
	u32 signal_count;
	struct drm_gem_object **shared;
	u32 shared_count;
	struct ww_acquire_ctx ticket;
	u32 failed;
};

/**
 * snnq_array_fetch() - copy one element of a user's array
 * @ptr: the array.
 * @stride: bytes from one element to the next.
 * @index: which.
 * @to: result.
 * @size: bytes of an element that we know. More must be zero, less is refused.
 *
 * Return: 0, -EINVAL, -E2BIG or -EFAULT.
 */
int snnq_array_fetch(u64 ptr, u32 stride, u32 index, void *to, size_t size)
{
	if (stride < size || stride > SNNQ_MAX_STRIDE)
		return -EINVAL;
	return copy_struct_from_user(to, size, u64_to_user_ptr(ptr + (u64)stride * index), stride);
}

/* The fence that an earlier job of this call will put there; later ones win. */
static u32 snnq_submit_producer(struct snnq_submit *submit, const struct drm_snnq_sync *sync,
				u32 job)
{
	u32 i = submit->signal_count;

	while (i--) {
		const struct snnq_signal *s = &submit->signals[i];

		if (s->job < job && s->handle == sync->handle && !s->chain == !sync->point &&
		    s->point >= sync->point)
			return s->job + 1;
	}
	return 0;
}

static int snnq_submit_wait(struct snnq_submit *submit, u32 index,
			    const struct drm_snnq_sync *sync)
{
	struct snnq_job *job = submit->jobs[index];
	struct snnq_wait *wait = &job->waits[job->wait_count];
	int err = 0;

	wait->producer = snnq_submit_producer(submit, sync, index);
	if (!wait->producer)
		err = drm_syncobj_find_fence(submit->file, sync->handle, sync->point, 0,
					     &wait->fence);
	if (!err)
		job->wait_count++;
	return err;
}

static int snnq_submit_signal(struct snnq_submit *submit, u32 index,
			      const struct drm_snnq_sync *sync)
{
	struct snnq_signal *signal = &submit->signals[submit->signal_count];

	signal->syncobj = drm_syncobj_find(submit->file, sync->handle);
	if (!signal->syncobj)
		return -ENOENT;
	submit->signal_count++;
	signal->handle = sync->handle;
	signal->point = sync->point;
	signal->job = index;
	if (sync->point) {
		signal->chain = dma_fence_chain_alloc();
		if (!signal->chain)
			return -ENOMEM;
	}
	return 0;
}

static int snnq_submit_sync(struct snnq_submit *submit, u32 index,
			    const struct drm_snnq_sync *sync)
{
	u32 what = sync->flags & ~DRM_SNNQ_SYNC_TIMELINE;

	if (!(sync->flags & DRM_SNNQ_SYNC_TIMELINE) != !sync->point)
		return -EINVAL;
	if (what == DRM_SNNQ_SYNC_WAIT)
		return snnq_submit_wait(submit, index, sync);
	if (what == DRM_SNNQ_SYNC_SIGNAL)
		return snnq_submit_signal(submit, index, sync);
	return -EINVAL;
}

static int snnq_submit_syncs(struct snnq_submit *submit, u32 index,
			     const struct drm_snnq_array *array)
{
	struct snnq_job *job = submit->jobs[index];
	struct drm_snnq_sync sync;
	u32 i;
	int err;

	if (array->count > SNNQ_MAX_SYNCS_PER_JOB)
		return -E2BIG;
	if (!array->count)
		return 0;
	job->waits = kcalloc(array->count, sizeof(*job->waits), GFP_KERNEL_ACCOUNT);
	if (!job->waits)
		return -ENOMEM;
	for (i = 0; i < array->count; i++) {
		err = snnq_array_fetch(array->ptr, array->stride, i, &sync, sizeof(sync));
		if (!err)
			err = snnq_submit_sync(submit, index, &sync);
		if (err)
			return err;
	}
	return 0;
}

static int snnq_submit_build(struct snnq_submit *submit, const struct drm_snnq_array *array)
{
	struct drm_snnq_job args;
	struct snnq_job *job;
	u32 i;
	int err;

	for (i = 0; i < submit->count; i++) {
		submit->failed = i;
		err = snnq_array_fetch(array->ptr, array->stride, i, &args, sizeof(args));
		if (err)
			return err;
		job = snnq_job_create(submit->file, &args);
		if (IS_ERR(job))
			return PTR_ERR(job);
		submit->jobs[i] = job;
		err = snnq_submit_syncs(submit, i, &args.syncs);
		if (err)
			return err;
	}
	submit->failed = U32_MAX;
	return 0;
}

static int snnq_compare_pointers(const void *a, const void *b)
{
	uintptr_t pa = *(const uintptr_t *)a, pb = *(const uintptr_t *)b;

	return pa < pb ? -1 : pa > pb;
}

/* Collect buffers that others see, each once: locking one twice fails. */
static int snnq_submit_collect(struct snnq_submit *submit)
{
	u32 i, r, n = 0;

	submit->shared = kvcalloc(submit->count * SNNQ_MAX_USER_REGIONS, sizeof(*submit->shared),
				  GFP_KERNEL_ACCOUNT);
	if (!submit->shared)
		return -ENOMEM;
	for (i = 0; i < submit->count; i++)
		for (r = 0; r < SNNQ_MAX_USER_REGIONS && submit->jobs[i]->bos[r]; r++)
			if (snnq_bo_shared(submit->jobs[i]->bos[r]))
				submit->shared[n++] = snnq_bo_obj(submit->jobs[i]->bos[r]);
	sort(submit->shared, n, sizeof(*submit->shared), snnq_compare_pointers, NULL);
	for (i = 0; i < n; i++)
		if (!i || submit->shared[i] != submit->shared[i - 1])
			submit->shared[submit->shared_count++] = submit->shared[i];
	return 0;
}

/* Wait for what others do with shared buffers. Their number is bounded by the locks. */
static int snnq_submit_implicit(struct snnq_submit *submit, struct snnq_job *job)
{
	u32 r;
	int err = 0;

	for (r = 0; !err && r < SNNQ_MAX_USER_REGIONS && job->bos[r]; r++) {
		struct drm_gem_object *obj = snnq_bo_obj(job->bos[r]);

		/* It may have been exported since they were collected. */
		if (!bsearch(&obj, submit->shared, submit->shared_count, sizeof(obj),
			     snnq_compare_pointers))
			continue;
		err = drm_sched_job_add_implicit_dependencies(&job->base, obj,
							      job->writes & BIT(r));
	}
	return err;
}

static int snnq_submit_lock(struct snnq_submit *submit)
{
	u32 i;
	int err;

	if (!submit->shared_count)
		return 0;
	err = drm_gem_lock_reservations(submit->shared, submit->shared_count, &submit->ticket);
	if (err)
		return err;
	for (i = 0; !err && i < submit->shared_count; i++)
		err = dma_resv_reserve_fences(submit->shared[i]->resv, submit->count);
	for (i = 0; !err && i < submit->count; i++)
		err = snnq_submit_implicit(submit, submit->jobs[i]);
	if (err)
		drm_gem_unlock_reservations(submit->shared, submit->shared_count,
					    &submit->ticket);
	return err;
}

static void snnq_submit_unlock(struct snnq_submit *submit)
{
	if (submit->shared_count)
		drm_gem_unlock_reservations(submit->shared, submit->shared_count,
					    &submit->ticket);
}

static void snnq_stream_unqueue(struct snnq_stream *stream)
{
	unsigned long flags;

	spin_lock_irqsave(&stream->lock, flags);
	stream->queued--;
	spin_unlock_irqrestore(&stream->lock, flags);
}

/* Take a place in the stream's queue. @restart: an earlier job of the call resets it. */
static int snnq_stream_enqueue(struct snnq_stream *stream, bool restart)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&stream->lock, flags);
	if (stream->failed && !restart)
		err = -ECANCELED;
	else if (stream->queued >= SNNQ_MAX_QUEUED_PER_STREAM)
		err = -EBUSY;
	else
		stream->queued++;
	spin_unlock_irqrestore(&stream->lock, flags);
	return err;
}

static bool snnq_submit_restarts(struct snnq_submit *submit, u32 index)
{
	u32 i;

	for (i = 0; i <= index; i++)
		if (submit->jobs[i]->stream == submit->jobs[index]->stream &&
		    submit->jobs[i]->flags & DRM_SNNQ_JOB_RESET)
			return true;
	return false;
}

static int snnq_submit_enqueue(struct snnq_submit *submit)
{
	u32 i;
	int err;

	for (i = 0; i < submit->count; i++) {
		err = snnq_stream_enqueue(submit->jobs[i]->stream,
					  snnq_submit_restarts(submit, i));
		if (err) {
			submit->failed = i;
			while (i--)
				snnq_stream_unqueue(submit->jobs[i]->stream);
			return err;
		}
	}
	return 0;
}

/* Give the job its place in the stream. */
static void snnq_submit_number(struct snnq_job *job)
{
	struct snnq_stream *stream = job->stream;

	if (job->flags & DRM_SNNQ_JOB_RESET)
		snnq_stream_new_epoch(stream);
	else if (stream->reset)
		job->flags |= DRM_SNNQ_JOB_RESET;
	stream->reset = false;
	job->epoch = stream->epoch;
	job->seq = stream->seq++;
}

static void snnq_submit_attach(struct snnq_submit *submit, struct snnq_job *job,
			       struct dma_fence *fence)
{
	u32 r;

	for (r = 0; r < SNNQ_MAX_USER_REGIONS && job->bos[r]; r++) {
		struct drm_gem_object *obj = snnq_bo_obj(job->bos[r]);

		if (bsearch(&obj, submit->shared, submit->shared_count, sizeof(obj),
			    snnq_compare_pointers))
			dma_resv_add_fence(obj->resv, fence, job->writes & BIT(r) ?
					   DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	}
}

static void snnq_submit_push(struct snnq_submit *submit, u32 index)
{
	struct snnq_job *job = submit->jobs[index];
	struct dma_fence *fence;
	u32 i;

	for (i = 0; i < job->wait_count; i++)
		if (job->waits[i].producer)
			job->waits[i].fence =
				dma_fence_get(submit->fences[job->waits[i].producer - 1]);
	snnq_submit_number(job);
	snnq_count(&job->stream->sdev->counters, SNNQ_JOBS_SUBMITTED, 1);
	snnq_count(&job->stream->file->counters, SNNQ_JOBS_SUBMITTED, 1);
	drm_sched_job_arm(&job->base);
	fence = dma_fence_get(&job->base.s_fence->finished);
	submit->fences[index] = fence;
	snnq_submit_attach(submit, job, fence);
	kref_get(&job->stream->ref);
	submit->streams[index] = job->stream;
	submit->jobs[index] = NULL;
	drm_sched_entity_push_job(&job->base);
}

static void snnq_submit_publish(struct snnq_submit *submit)
{
	u32 i;

	for (i = 0; i < submit->signal_count; i++) {
		struct snnq_signal *s = &submit->signals[i];
		struct dma_fence *fence = submit->fences[s->job];

		if (s->chain)
			drm_syncobj_add_point(s->syncobj, s->chain, fence, s->point);
		else
			drm_syncobj_replace_fence(s->syncobj, fence);
		s->chain = NULL;
	}
}

/* All jobs are built; queue them. Caller holds the file's submit_lock. */
static int snnq_submit_commit(struct snnq_submit *submit)
{
	int err;
	u32 i;

	err = snnq_submit_collect(submit);
	if (!err)
		err = snnq_submit_lock(submit);
	if (err)
		return err;
	err = snnq_submit_enqueue(submit);
	for (i = 0; !err && i < submit->count; i++)
		snnq_submit_push(submit, i);
	snnq_submit_unlock(submit);
	if (!err)
		snnq_submit_publish(submit);
	return err;
}

static void snnq_submit_cleanup(struct snnq_submit *submit)
{
	u32 i;

	for (i = 0; i < submit->signal_count; i++) {
		dma_fence_chain_free(submit->signals[i].chain);
		drm_syncobj_put(submit->signals[i].syncobj);
	}
	kvfree(submit->signals);
	for (i = 0; i < submit->count; i++) {
		if (submit->jobs && submit->jobs[i])
			snnq_job_abort(submit->jobs[i]);
		if (submit->fences)
			dma_fence_put(submit->fences[i]);
		if (submit->streams)
			snnq_stream_put(submit->streams[i]);
	}
	kvfree(submit->shared);
	kfree(submit->streams);
	kfree(submit->fences);
	kfree(submit->jobs);
}

static int snnq_submit_run(struct snnq_submit *submit, const struct drm_snnq_array *jobs)
{
	struct snnq_file *sfile = submit->file->driver_priv;
	int err;

	submit->jobs = kcalloc(submit->count, sizeof(*submit->jobs), GFP_KERNEL_ACCOUNT);
	submit->fences = kcalloc(submit->count, sizeof(*submit->fences), GFP_KERNEL_ACCOUNT);
	submit->streams = kcalloc(submit->count, sizeof(*submit->streams), GFP_KERNEL_ACCOUNT);
	submit->signals = kvcalloc(submit->count * SNNQ_MAX_SYNCS_PER_JOB,
				   sizeof(*submit->signals), GFP_KERNEL_ACCOUNT);
	if (!submit->jobs || !submit->fences || !submit->streams || !submit->signals)
		return -ENOMEM;
	err = snnq_submit_build(submit, jobs);
	if (err)
		return err;
	err = mutex_lock_interruptible(&sfile->submit_lock);
	if (err)
		return err;
	err = snnq_submit_commit(submit);
	mutex_unlock(&sfile->submit_lock);
	return err;
}

int snnq_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_submit *args = data;
	struct snnq_submit submit = {
		.file = file,
		.count = args->jobs.count,
		.failed = U32_MAX,
	};
	int err;

	args->failed_index = U32_MAX;
	if (args->flags || !args->jobs.count)
		return -EINVAL;
	if (args->jobs.count > SNNQ_MAX_JOBS_PER_SUBMIT)
		return -E2BIG;
	if (READ_ONCE(to_snnq_device(drm)->wedged))
		return -EIO;
	err = snnq_submit_run(&submit, &args->jobs);
	snnq_submit_cleanup(&submit);
	if (err)
		args->failed_index = submit.failed;
	return err;
}
