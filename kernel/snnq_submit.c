// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SUBMIT ioctl: all jobs of a call are queued, or none.
 *
 * Whatever can fail is done first: jobs are built, what they wait for is looked
 * up, what they signal gets its memory, buffers are locked and have room for the
 * jobs' fences, and places in the queues are taken. From the first
 * drm_sched_job_arm() on, nothing fails.
 *
 * Buffers: each job has a list of what it uses, each reservation once, as written
 * if any of its regions is. Room for fences, waiting and attaching all go by it.
 *
 * Syncobjs: a call means what its jobs would mean one call after the other. So a
 * wait may be for an earlier job of the call, whose fence exists only once that
 * is armed; until then the wait names the job. Syncobjs are compared, not their
 * handles, of which one may have several.
 */
#include <linux/dma-fence-chain.h>
#include <linux/dma-resv.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
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
#include "snnq_trace.h"

/* Sized by the user, within limits. */
#define SNNQ_GFP_USER (GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

static_assert(sizeof(struct drm_snnq_job) >= DRM_SNNQ_JOB_SIZE_V1);
static_assert(sizeof(struct drm_snnq_sync) >= DRM_SNNQ_SYNC_SIZE_V1);
static_assert(SNNQ_MAX_JOBS_PER_SUBMIT <= 64); /* bits of snnq_item.after */

/**
 * struct snnq_signal - a syncobj that a job signals
 * @syncobj: the syncobj, with a reference.
 * @chain: memory for a timeline point; NULL for a binary syncobj.
 * @point: timeline point.
 * @job: index of the job.
 */
struct snnq_signal {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	u64 point;
	u32 job;
};

/**
 * struct snnq_use - a buffer that a job uses
 * @obj: the buffer, with a reference: the job's may go as soon as it is pushed, and the
 *	last one must not go while reservations are locked.
 * @write: the job writes it.
 */
struct snnq_use {
	struct drm_gem_object *obj;
	bool write;
};

/**
 * struct snnq_item - one job of a call
 * @args: what the user said.
 * @job: the job; NULL when not built yet, or queued.
 * @fence: of the armed job.
 * @stream: of the queued job, which may end before the scheduler let go of the queue.
 * @after: bit n: runs after job n of the call.
 * @uses: its buffers, each once.
 * @use_count: number of them.
 */
struct snnq_item {
	struct drm_snnq_job args;
	struct snnq_job *job;
	struct dma_fence *fence;
	struct snnq_stream *stream;
	u64 after;
	struct snnq_use *uses;
	u32 use_count;
};

/**
 * struct snnq_submit - one call
 * @file: who calls.
 * @items: the jobs.
 * @count: number of them.
 * @signals: syncobjs to signal, in the order of the jobs.
 * @signal_count: number of them.
 * @uses: memory for the lists of buffers.
 * @use_count: entries used in it.
 * @exec: locks of the buffers.
 * @failed: job at fault.
 * @few_items: the three tables, where so few will do: of most calls.
 * @few_signals: see there.
 * @few_uses: see there.
 */
struct snnq_submit {
	struct drm_file *file;
	struct snnq_item *items;
	u32 count;
	struct snnq_signal *signals;
	u32 signal_count;
	struct snnq_use *uses;
	u32 use_count;
	struct drm_exec exec;
	u32 failed;
	struct snnq_item few_items[1];
	struct snnq_signal few_signals[2];
	struct snnq_use few_uses[8];
};

/* Room for @count entries of @size zeros: @few, which has @few_bytes, or allocated. */
static void *snnq_submit_table(void *few, size_t few_bytes, u32 count, size_t size)
{
	return count <= few_bytes / size ? few : kvcalloc(count, size, SNNQ_GFP_USER);
}

static void snnq_submit_table_free(void *table, void *few)
{
	if (table != few)
		kvfree(table);
}

/*
 * Waits are kept by the job, not as dependencies of the scheduler's part of it,
 * which even a job that is cancelled would wait for. Room for all that it may get.
 */
static int snnq_submit_wait_alloc(struct snnq_item *item, u32 index)
{
	if (!item->job->waits)
		item->job->waits = kcalloc(item->args.syncs.count + index,
					   sizeof(*item->job->waits), SNNQ_GFP_USER);
	return item->job->waits ? 0 : -ENOMEM;
}

/*
 * Let job @index wait for what @syncobj holds once the earlier jobs of the call
 * have signalled it: the fence that is there now, unless a job replaces it, and
 * the jobs that add to it, up to the first that reaches @point.
 */
static int snnq_submit_wait(struct snnq_submit *submit, u32 index, struct drm_syncobj *syncobj,
			    u64 point)
{
	struct snnq_item *item = &submit->items[index];
	struct dma_fence *fence = drm_syncobj_fence_get(syncobj);
	bool reached = point ? !dma_fence_chain_find_seqno(&fence, point) : !!fence;
	u64 after = 0;
	u32 i;

	for (i = 0; i < submit->signal_count && submit->signals[i].job < index; i++) {
		const struct snnq_signal *s = &submit->signals[i];

		if (s->syncobj != syncobj)
			continue;
		if (!s->chain) {
			dma_fence_put(fence);
			fence = NULL;
			after = BIT_ULL(s->job);
			reached = !point;
		} else if (!point || !reached) {
			after |= BIT_ULL(s->job);
			reached = !point || s->point >= point;
		}
	}
	if (!reached || !fence || dma_fence_is_signaled(fence)) {
		dma_fence_put(fence);
		fence = NULL;
	}
	if (!reached)
		return -EINVAL;
	item->after |= after;
	if (fence)
		item->job->waits[item->job->wait_count++].fence = fence;
	return 0;
}

static int snnq_submit_signal(struct snnq_submit *submit, u32 index, struct drm_syncobj *syncobj,
			      u64 point)
{
	struct snnq_signal *signal = &submit->signals[submit->signal_count];

	if (point) {
		signal->chain = dma_fence_chain_alloc();
		if (!signal->chain)
			return -ENOMEM;
	}
	drm_syncobj_get(syncobj);
	signal->syncobj = syncobj;
	signal->point = point;
	signal->job = index;
	submit->signal_count++;
	return 0;
}

static int snnq_submit_sync(struct snnq_submit *submit, u32 index, const struct drm_snnq_sync *sync)
{
	u32 what = sync->flags & ~DRM_SNNQ_SYNC_TIMELINE;
	struct drm_syncobj *syncobj;
	int err;

	if (!(sync->flags & DRM_SNNQ_SYNC_TIMELINE) != !sync->point)
		return -EINVAL;
	if (what != DRM_SNNQ_SYNC_WAIT && what != DRM_SNNQ_SYNC_SIGNAL)
		return -EINVAL;
	syncobj = drm_syncobj_find(submit->file, sync->handle);
	if (!syncobj)
		return -ENOENT;
	if (what == DRM_SNNQ_SYNC_WAIT)
		err = snnq_submit_wait_alloc(&submit->items[index], index) ?:
			      snnq_submit_wait(submit, index, syncobj, sync->point);
	else
		err = snnq_submit_signal(submit, index, syncobj, sync->point);
	drm_syncobj_put(syncobj);
	return err;
}

static int snnq_submit_syncs(struct snnq_submit *submit, u32 index)
{
	const struct drm_snnq_array *array = &submit->items[index].args.syncs;
	struct drm_snnq_sync sync;
	int err = 0;
	u32 i;

	for (i = 0; !err && i < array->count; i++) {
		err = snnq_array_fetch(array->ptr, array->stride, i, &sync, DRM_SNNQ_SYNC_SIZE_V1,
				       sizeof(sync));
		if (!err)
			err = snnq_submit_sync(submit, index, &sync);
	}
	return err;
}

/* Add the earlier jobs of the call to the waits. */
static void snnq_submit_producers(struct snnq_item *item)
{
	struct snnq_job *job = item->job;
	u64 after;

	for (after = item->after; after; after &= after - 1)
		job->waits[job->wait_count++].producer = __ffs64(after) + 1;
}

/*
 * Note that a job uses a buffer. What counts is the reservation, which buffers of
 * another driver may share.
 */
static void snnq_submit_use(struct snnq_item *item, struct snnq_bo *bo, bool write)
{
	struct drm_gem_object *obj = snnq_bo_obj(bo);
	u32 i;

	for (i = 0; i < item->use_count; i++)
		if (item->uses[i].obj->resv == obj->resv)
			break;
	if (i == item->use_count) {
		drm_gem_object_get(obj);
		item->uses[item->use_count++].obj = obj;
	}
	item->uses[i].write |= write;
}

static void snnq_submit_buffers(struct snnq_submit *submit, struct snnq_item *item)
{
	struct snnq_job *job = item->job;
	u32 r;

	item->uses = submit->uses + submit->use_count;
	for (r = 0; r < SNNQ_MAX_USER_REGIONS && job->bos[r]; r++)
		snnq_submit_use(item, job->bos[r], job->writes & BIT(r));
	if (job->profile_bo)
		snnq_submit_use(item, job->profile_bo, true);
	if (job->result_bo)
		snnq_submit_use(item, job->result_bo, true);
	submit->use_count += item->use_count;
}

static int snnq_submit_build_one(struct snnq_submit *submit, u32 index)
{
	struct snnq_item *item = &submit->items[index];
	struct snnq_job *job = snnq_job_create(submit->file, &item->args);
	int err;

	if (IS_ERR(job))
		return PTR_ERR(job);
	item->job = job;
	snnq_submit_buffers(submit, item);
	err = snnq_submit_syncs(submit, index);
	if (!err)
		snnq_submit_producers(item);
	return err;
}

static int snnq_submit_build(struct snnq_submit *submit)
{
	u32 i;
	int err;

	for (i = 0; i < submit->count; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = snnq_submit_build_one(submit, i);
		if (err) {
			submit->failed = i;
			return err;
		}
		cond_resched();
	}
	return 0;
}

/* Fetch what the user says about the jobs, and allocate what that takes. */
static int snnq_submit_fetch(struct snnq_submit *submit, const struct drm_snnq_array *array)
{
	u32 i, syncs = 0, uses = 0;
	int err = 0;

	submit->items = snnq_submit_table(submit->few_items, sizeof(submit->few_items),
					  submit->count, sizeof(*submit->items));
	if (!submit->items)
		return -ENOMEM;
	for (i = 0; i < submit->count; i++) {
		struct drm_snnq_job *args = &submit->items[i].args;

		err = snnq_array_fetch(array->ptr, array->stride, i, args, DRM_SNNQ_JOB_SIZE_V1,
				       sizeof(*args));
		if (!err && args->bindings.count > SNNQ_MAX_BINDINGS_PER_JOB)
			err = -EINVAL;
		if (!err && args->syncs.count > SNNQ_MAX_SYNCS_PER_JOB)
			err = -E2BIG;
		if (err) {
			submit->failed = i;
			return err;
		}
		syncs += args->syncs.count;
		uses += args->bindings.count + 2; /* and profile and result */
	}
	submit->uses = snnq_submit_table(submit->few_uses, sizeof(submit->few_uses), uses,
					 sizeof(*submit->uses));
	if (!submit->uses)
		return -ENOMEM;
	submit->signals = snnq_submit_table(submit->few_signals, sizeof(submit->few_signals), syncs,
					    sizeof(*submit->signals));
	return submit->signals ? 0 : -ENOMEM;
}

/*
 * Wait for what others do with the job's buffers. Jobs of the same file are ordered
 * by their streams and syncobjs only.
 */
static int snnq_submit_implicit(struct snnq_submit *submit, struct snnq_item *item)
{
	struct snnq_job *job = item->job;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	u32 i;
	int err;

	if (job->flags & DRM_SNNQ_JOB_NO_IMPLICIT_SYNC)
		return 0;
	for (i = 0; i < item->use_count; i++) {
		const struct snnq_use *use = &item->uses[i];

		dma_resv_for_each_fence(&cursor, use->obj->resv, dma_resv_usage_rw(use->write),
					fence) {
			struct drm_sched_fence *s_fence = to_drm_sched_fence(fence);

			/* An owner lives as long as its fence is not signaled. */
			if (s_fence && s_fence->owner == submit->file->driver_priv)
				continue;
			if (dma_fence_is_signaled(fence))
				continue;
			err = drm_sched_job_add_dependency(&job->base, dma_fence_get(fence));
			if (err)
				return err;
		}
	}
	return 0;
}

/* Each job adds at most one fence to a reservation. */
static int snnq_submit_reserve(struct snnq_submit *submit)
{
	u32 i;
	int err = 0;

	for (i = 0; !err && i < submit->use_count; i++)
		err = drm_exec_prepare_obj(&submit->exec, submit->uses[i].obj, submit->count);
	return err;
}

static int snnq_submit_lock(struct snnq_submit *submit)
{
	int err = 0;
	u32 i;

	drm_exec_init(&submit->exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES,
		      submit->use_count);
	drm_exec_until_all_locked(&submit->exec) {
		err = snnq_submit_reserve(submit);
		if (err && !drm_exec_is_contended(&submit->exec))
			break;
	}
	for (i = 0; !err && i < submit->count; i++)
		err = snnq_submit_implicit(submit, &submit->items[i]);
	if (err)
		drm_exec_fini(&submit->exec);
	return err;
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
		if (submit->items[i].job->stream == submit->items[index].job->stream &&
		    submit->items[i].job->flags & DRM_SNNQ_JOB_RESET)
			return true;
	return false;
}

static int snnq_submit_enqueue(struct snnq_submit *submit)
{
	u32 i;
	int err;

	for (i = 0; i < submit->count; i++) {
		err = snnq_stream_enqueue(submit->items[i].job->stream,
					  snnq_submit_restarts(submit, i));
		if (err) {
			submit->failed = i;
			while (i--)
				snnq_stream_unqueue(submit->items[i].job->stream);
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

static void snnq_submit_attach(struct snnq_item *item)
{
	u32 i;

	for (i = 0; i < item->use_count; i++)
		dma_resv_add_fence(item->uses[i].obj->resv, item->fence,
				   item->uses[i].write ? DMA_RESV_USAGE_WRITE :
							 DMA_RESV_USAGE_READ);
}

static void snnq_submit_push(struct snnq_submit *submit, struct snnq_item *item)
{
	struct snnq_job *job = item->job;
	u32 i;

	for (i = 0; i < job->wait_count; i++) {
		u32 producer = job->waits[i].producer;

		if (producer)
			job->waits[i].fence = dma_fence_get(submit->items[producer - 1].fence);
	}
	snnq_submit_number(job);
	snnq_count(&job->stream->sdev->counters, SNNQ_JOBS_SUBMITTED, 1);
	snnq_count(&job->stream->file->counters, SNNQ_JOBS_SUBMITTED, 1);
	drm_sched_job_arm(&job->base);
	item->fence = dma_fence_get(&job->base.s_fence->finished);
	trace_snnq_job_submit(job);
	snnq_submit_attach(item);
	kref_get(&job->stream->ref);
	item->stream = job->stream;
	item->job = NULL;
	drm_sched_entity_push_job(&job->base);
}

static void snnq_submit_publish(struct snnq_submit *submit)
{
	u32 i;

	for (i = 0; i < submit->signal_count; i++) {
		struct snnq_signal *s = &submit->signals[i];
		struct dma_fence *fence = submit->items[s->job].fence;

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

	err = snnq_submit_lock(submit);
	if (err)
		return err;
	err = snnq_submit_enqueue(submit);
	for (i = 0; !err && i < submit->count; i++)
		snnq_submit_push(submit, &submit->items[i]);
	drm_exec_fini(&submit->exec);
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
	for (i = 0; i < submit->use_count; i++)
		drm_gem_object_put(submit->uses[i].obj);
	for (i = 0; submit->items && i < submit->count; i++) {
		struct snnq_item *item = &submit->items[i];

		if (item->job)
			snnq_job_abort(item->job);
		dma_fence_put(item->fence);
		snnq_stream_put(item->stream);
	}
	snnq_submit_table_free(submit->signals, submit->few_signals);
	snnq_submit_table_free(submit->uses, submit->few_uses);
	snnq_submit_table_free(submit->items, submit->few_items);
}

static int snnq_submit_run(struct snnq_submit *submit, const struct drm_snnq_array *jobs)
{
	struct snnq_file *sfile = submit->file->driver_priv;
	int err;

	err = snnq_submit_fetch(submit, jobs);
	if (!err)
		err = snnq_submit_build(submit);
	if (!err)
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
	int err, idx;

	args->failed_index = U32_MAX;
	if (args->flags || !args->jobs.count)
		return -EINVAL;
	if (args->jobs.count > SNNQ_MAX_JOBS_PER_SUBMIT)
		return -E2BIG;
	if (READ_ONCE(to_snnq_device(drm)->wedged))
		return -EIO;
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	err = snnq_submit_run(&submit, &args->jobs);
	snnq_submit_cleanup(&submit);
	drm_dev_exit(idx);
	if (err)
		args->failed_index = submit.failed;
	return err;
}
