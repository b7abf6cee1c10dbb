// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: built from what the user submits, ended by what the device reports.
 *
 * Everything that a job needs is allocated here, before it is queued: what comes
 * later (run, completion, recovery) signals fences that memory reclaim may wait
 * for, so it must not allocate, nor take locks under which others allocate.
 *
 * A job holds references to its stream and buffers until it is freed, whatever
 * the user closes meanwhile.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_coredump.h"
#include "snnq_device.h"
#include "snnq_event.h"
#include "snnq_gem.h"
#include "snnq_job.h"
#include "snnq_model.h"
#include "snnq_trace.h"

unsigned int snnq_timeout_ms = 4000;
module_param_named(timeout_ms, snnq_timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "a job without progress for this time is hung (default 4000)");

unsigned int snnq_limit_ms = 10000;
module_param_named(limit_ms, snnq_limit_ms, uint, 0444);
MODULE_PARM_DESC(limit_ms,
		 "a job may run that long at most, whatever its progress (default 10000)");

/* Frees jobs and fences, whose last reference may go in any context. */
static struct workqueue_struct *snnq_wq;

int snnq_jobs_init(void)
{
	snnq_wq = alloc_workqueue("snnq", WQ_UNBOUND, 0);
	return snnq_wq ? 0 : -ENOMEM;
}

void snnq_jobs_exit(void)
{
	destroy_workqueue(snnq_wq);
}

/* Free what has ended: jobs, then their fences. */
void snnq_jobs_flush(void)
{
	flush_workqueue(snnq_wq);
	flush_workqueue(snnq_wq);
}

static const char *snnq_fence_name(struct dma_fence *fence)
{
	return SNNQ_DRIVER_NAME;
}

static void snnq_fence_free_work(struct work_struct *work)
{
	struct snnq_fence *fence = container_of(work, struct snnq_fence, free);
	struct snnq_device *sdev = fence->sdev;

	dma_fence_free(&fence->base);
	drm_dev_put(&sdev->drm);
	module_put(THIS_MODULE); /* unloading flushes the work queue */
}

static void snnq_fence_release(struct dma_fence *base)
{
	struct snnq_fence *fence = container_of(base, struct snnq_fence, base);

	queue_work(snnq_wq, &fence->free);
}

static const struct dma_fence_ops snnq_fence_ops = {
	.get_driver_name = snnq_fence_name,
	.get_timeline_name = snnq_fence_name,
	.release = snnq_fence_release,
};

static struct snnq_fence *snnq_fence_create(struct snnq_device *sdev)
{
	struct snnq_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL_ACCOUNT);

	if (!fence)
		return NULL;
	spin_lock_init(&fence->lock);
	INIT_WORK(&fence->free, snnq_fence_free_work);
	dma_fence_init(&fence->base, &snnq_fence_ops, &fence->lock, dma_fence_context_alloc(1), 1);
	__module_get(THIS_MODULE); /* an open file holds one already */
	drm_dev_get(&sdev->drm);
	fence->sdev = sdev;
	return fence;
}

static void snnq_job_set_region(struct snnq_job *job, u32 region, struct snnq_bo *bo, u64 start,
				u64 bytes, u32 access)
{
	struct snnq_region_entry *entry = &job->table.entry[region];

	entry->access = access;
	if (!bo)
		return;
	entry->page_list = bo->list.table[0].dma;
	entry->pages = bo->list.pages;
	entry->start = start;
	entry->bytes = bytes;
}

static int snnq_job_bind(struct snnq_job *job, struct drm_file *file, u32 region,
			 const struct drm_snnq_binding *binding)
{
	const struct snnq_program_info *info = &job->stream->model->info;
	u32 access = info->regions[region].access;
	struct snnq_bo *bo;
	u64 end;

	if (binding->flags || !IS_ALIGNED(binding->offset, 64))
		return -EINVAL;
	bo = snnq_bo_lookup(file, binding->handle);
	if (!bo)
		return -ENOENT;
	job->bos[region] = bo;
	if (check_add_overflow(binding->offset, binding->size, &end) || end > snnq_bo_obj(bo)->size)
		return -EINVAL;
	if (binding->size < snnq_region_required(info, region, job->steps))
		return -EOVERFLOW;
	if (access & SNNQ_ACCESS_WRITE) {
		if (bo->device_readonly)
			return -EACCES;
		job->writes |= BIT(region);
	}
	snnq_job_set_region(job, SNNQ_REGION_USER + region, bo, binding->offset, binding->size,
			    access);
	return 0;
}

/**
 * snnq_array_fetch() - copy one element of a user's array
 * @ptr: the array.
 * @stride: bytes from one element to the next.
 * @index: which.
 * @to: result; what the user's element lacks is zero.
 * @least: bytes of the first version of the element; less is refused.
 * @size: bytes of an element that we know. More must be zero.
 *
 * Return: 0, -EINVAL, -E2BIG or -EFAULT.
 */
int snnq_array_fetch(u64 ptr, u32 stride, u32 index, void *to, size_t least, size_t size)
{
	if (stride < least || stride > SNNQ_MAX_STRIDE)
		return -EINVAL;
	return copy_struct_from_user(to, size, u64_to_user_ptr(ptr + (u64)stride * index), stride);
}

static int snnq_job_bindings(struct snnq_job *job, struct drm_file *file,
			     const struct drm_snnq_array *array, bool profile)
{
	const struct snnq_program_info *info = &job->stream->model->info;
	struct drm_snnq_binding binding;
	u32 i;
	int err;

	if (array->count != info->region_count)
		return -EINVAL;
	err = snnq_stream_table_get(job->stream, profile, &job->table);
	if (err)
		return err;
	job->regions = SNNQ_REGION_USER + info->region_count;
	snnq_job_set_region(job, SNNQ_REGION_SCRATCH, job->stream->scratch, 0, info->scratch_bytes,
			    SNNQ_ACCESS_READ | SNNQ_ACCESS_WRITE);
	for (i = 0; i < array->count; i++) {
		err = snnq_array_fetch(array->ptr, array->stride, i, &binding,
				       DRM_SNNQ_BINDING_SIZE_V1, sizeof(binding));
		if (!err)
			err = snnq_job_bind(job, file, i, &binding);
		if (err)
			return err;
	}
	return 0;
}

/*
 * A buffer of ours of which @size bytes at @offset are written when the job ends. The
 * caller has the reference, also when this fails.
 */
static int snnq_job_output(struct drm_file *file, u32 handle, u64 offset, u64 size,
			   struct snnq_bo **result)
{
	struct snnq_bo *bo;
	u64 end;

	if (!IS_ALIGNED(offset, 64))
		return -EINVAL;
	bo = snnq_bo_lookup(file, handle);
	if (!bo)
		return -ENOENT;
	*result = bo;
	if (snnq_bo_imported(bo) || check_add_overflow(offset, size, &end) ||
	    end > snnq_bo_obj(bo)->size)
		return -EINVAL;
	return bo->device_readonly ? -EACCES : 0;
}

/*
 * The device writes statistics to the user's buffer, by the last entry of the table,
 * which was allocated for it.
 */
static int snnq_job_profile(struct snnq_job *job, struct drm_file *file,
			    const struct drm_snnq_job *args)
{
	const struct snnq_device *sdev = job->stream->sdev;
	u32 layers = job->stream->model->info.layer_count;
	int err;

	if (!args->profile_handle)
		return args->profile_offset || args->profile_size || args->profile_stride ?
			       -EINVAL :
			       0;
	if (!(sdev->info.features & DRM_SNNQ_FEATURE_PROFILE))
		return -EOPNOTSUPP;
	if (args->profile_stride < DRM_SNNQ_LAYER_STATS_SIZE_V1 ||
	    args->profile_stride > SNNQ_MAX_STRIDE || !IS_ALIGNED(args->profile_stride, 8))
		return -EINVAL;
	err = snnq_job_output(file, args->profile_handle, args->profile_offset, args->profile_size,
			      &job->profile_bo);
	if (err)
		return err;
	if (args->profile_size < (u64)layers * args->profile_stride)
		return -EOVERFLOW;
	job->profile_stride = args->profile_stride;
	snnq_job_set_region(job, job->regions++, job->profile_bo, args->profile_offset,
			    args->profile_size, SNNQ_ACCESS_WRITE);
	return 0;
}

static int snnq_job_result(struct snnq_job *job, struct drm_file *file,
			   const struct drm_snnq_job *args)
{
	if (!args->result_handle)
		return args->result_offset || args->result_size ? -EINVAL : 0;
	if (args->result_size < DRM_SNNQ_RESULT_SIZE_V1)
		return -EINVAL;
	job->result_offset = args->result_offset;
	return snnq_job_output(file, args->result_handle, args->result_offset, args->result_size,
			       &job->result_bo);
}

/* So that a record is in one page, and has room. */
static_assert(sizeof(struct drm_snnq_result) == DRM_SNNQ_RESULT_SIZE_V1);
static_assert(sizeof(struct drm_snnq_result) <= 64);
static_assert(sizeof(struct snnq_layer_stats) >= DRM_SNNQ_LAYER_STATS_SIZE_V1);

/* By the size of the program and the stream's own limit; fences must not take for ever. */
static u64 snnq_job_limit(const struct snnq_job *job)
{
	const struct snnq_stream *stream = job->stream;
	const struct drm_snnq_dev_info *info = &stream->sdev->info;
	u64 cap = (u64)snnq_limit_ms * NSEC_PER_MSEC, ops;

	if (stream->limit_ms)
		cap = min(cap, (u64)stream->limit_ms * NSEC_PER_MSEC);
	if (check_mul_overflow(stream->model->info.work_per_step, (u64)job->steps, &ops))
		return cap;
	return snnq_job_limit_ns(ops, info->lanes, info->clock_khz,
				 2ull * snnq_timeout_ms * NSEC_PER_MSEC, cap);
}

static void snnq_job_uncount(struct snnq_file *sfile)
{
	if (atomic_dec_and_test(&sfile->jobs))
		wake_up(&sfile->idle);
}

static void snnq_job_release(struct snnq_job *job)
{
	struct snnq_file *sfile = job->stream->file;
	u32 i;

	for (i = 0; i < job->wait_count; i++)
		dma_fence_put(job->waits[i].fence);
	kfree(job->waits);
	for (i = 0; i < ARRAY_SIZE(job->bos); i++)
		snnq_bo_put(job->bos[i]);
	snnq_bo_put(job->profile_bo);
	snnq_bo_put(job->result_bo);
	snnq_stream_table_put(job->stream, &job->table);
	snnq_job_uncount(sfile);
	snnq_stream_put(job->stream);
	if (job->fence)
		dma_fence_put(&job->fence->base);
	kfree(job);
}

static void snnq_job_free_work(struct work_struct *work)
{
	snnq_job_release(container_of(work, struct snnq_job, free));
}

static int snnq_job_build(struct snnq_job *job, struct drm_file *file,
			  const struct drm_snnq_job *args)
{
	struct snnq_stream *stream = job->stream;
	int err;

	if (args->flags & ~(DRM_SNNQ_JOB_RESET | DRM_SNNQ_JOB_NO_IMPLICIT_SYNC))
		return -EINVAL;
	if (!args->steps || args->steps > stream->model->info.max_steps)
		return -EINVAL;
	job->steps = args->steps;
	job->flags = args->flags;
	job->limit_ns = snnq_job_limit(job);
	job->fence = snnq_fence_create(stream->sdev);
	if (!job->fence)
		return -ENOMEM;
	err = snnq_job_bindings(job, file, &args->bindings, args->profile_handle);
	if (!err)
		err = snnq_job_profile(job, file, args);
	if (!err)
		err = snnq_job_result(job, file, args);
	return err;
}

static struct snnq_job *snnq_job_alloc(struct snnq_file *sfile)
{
	struct snnq_job *job;

	if (!atomic_add_unless(&sfile->jobs, 1, SNNQ_MAX_QUEUED_PER_FILE))
		return ERR_PTR(-EBUSY);
	job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);
	if (!job) {
		snnq_job_uncount(sfile);
		return ERR_PTR(-ENOMEM);
	}
	return job;
}

/**
 * snnq_job_create() - build a job, not yet queued
 * @file: who submits.
 * @args: what.
 *
 * Return: the job or an error pointer.
 */
struct snnq_job *snnq_job_create(struct drm_file *file, const struct drm_snnq_job *args)
{
	struct snnq_file *sfile = file->driver_priv;
	struct snnq_stream *stream = snnq_stream_get(sfile, args->stream);
	struct snnq_job *job;
	int err;

	if (!stream)
		return ERR_PTR(-ENOENT);
	job = snnq_job_alloc(sfile);
	if (IS_ERR(job)) {
		snnq_stream_put(stream);
		return job;
	}
	job->stream = stream;
	INIT_WORK(&job->free, snnq_job_free_work);
	err = snnq_job_build(job, file, args);
	if (!err)
		err = snnq_sched_job_init(&job->base, &stream->entity, sfile, sfile->client.id);
	if (err) {
		snnq_job_release(job);
		return ERR_PTR(err);
	}
	return job;
}

/* Undo snnq_job_create(); the job was not queued. */
void snnq_job_abort(struct snnq_job *job)
{
	drm_sched_job_cleanup(&job->base);
	snnq_job_release(job);
}

/*
 * End of a queued job. The scheduler calls this from the work item that also
 * runs jobs, so what may take locks is left to another one.
 */
void snnq_job_free(struct snnq_job *job)
{
	drm_sched_job_cleanup(&job->base);
	queue_work(snnq_wq, &job->free);
}

/* Write the job's submission entry, but for what belongs to the ring. */
void snnq_job_prepare(struct snnq_job *job, struct snnq_sq_entry *sqe)
{
	struct snnq_stream *stream = job->stream;
	const struct snnq_model *model = stream->model;
	u64 bytes = model->info.state_bytes;

	snnq_job_set_region(job, SNNQ_REGION_STATE_IN, stream->state[job->seq & 1], 0, bytes,
			    SNNQ_ACCESS_READ);
	snnq_job_set_region(job, SNNQ_REGION_STATE_OUT, stream->state[~job->seq & 1], 0, bytes,
			    SNNQ_ACCESS_READ | SNNQ_ACCESS_WRITE);
	*sqe = (struct snnq_sq_entry){
		.program = model->program->list.table[0].dma,
		.program_pages = model->program->list.pages,
		.region_table = job->table.dma,
		.state_seq = job->seq,
		.program_bytes = model->bytes,
		.steps = job->steps,
		.region_count = job->regions,
		.flags = (job->flags & DRM_SNNQ_JOB_RESET ? SNNQ_SQ_FLAG_RESET : 0) |
			 (job->profile_bo ? SNNQ_SQ_FLAG_PROFILE : 0),
		.profile_stride = job->profile_stride,
	};
}

static int snnq_status_to_errno(u32 status)
{
	switch (status) {
	case SNNQ_STATUS_OK:
		return 0;
	case SNNQ_STATUS_BAD_REGION:
	case SNNQ_STATUS_ACCESS:
	case SNNQ_STATUS_BAD_EVENT:
		return -EFAULT;
	case SNNQ_STATUS_BAD_STATE: /* an earlier job of the stream failed */
	case SNNQ_STATUS_CANCELLED:
		return -ECANCELED;
	case SNNQ_STATUS_WATCHDOG:
		return -ETIME;
	default:
		return -EIO;
	}
}

/* What the completion record of a job means. */
int snnq_job_error(const struct snnq_job *job)
{
	int err = snnq_status_to_errno(job->result.status);

	return err && job->hung ? -ETIME : err;
}

/* Others may have its place. */
static void snnq_job_leave(struct snnq_job *job)
{
	u64 ns = job->begun ? ktime_to_ns(ktime_sub(job->ended, job->begun)) : 0;

	snnq_fair_leave(&job->stream->sdev->fair, &job->pass, ns);
}

static void snnq_job_account(struct snnq_job *job, struct snnq_counters *c, int error)
{
	if (error == -ECANCELED) {
		snnq_count(c, SNNQ_JOBS_CANCELLED, 1);
	} else if (error) {
		snnq_count(c, SNNQ_JOBS_FAILED, 1);
	} else {
		snnq_count(c, SNNQ_JOBS_COMPLETED, 1);
		snnq_count(c, SNNQ_STEPS, job->steps);
		snnq_count(c, SNNQ_CYCLES, job->result.cycles);
	}
}

static void snnq_job_fault(const struct snnq_job *job, int error, struct snnq_fault *fault)
{
	fault->seq = job->seq + 1;
	fault->error = error;
	fault->status = job->result.status;
	fault->layer = job->result.layer;
	fault->region = job->result.region;
	fault->offset = job->result.offset;
	if (fault->status == SNNQ_STATUS_DMA) {
		drm_dbg(&job->stream->sdev->drm, "job %#x: no memory at %#llx\n", job->id,
			(u64)fault->offset);
		fault->offset = 0; /* DMA addresses are no business of users */
	}
	if (fault->status && !job->hung)
		return;
	/* No record, or not one of what is wrong. */
	fault->status = error == -ETIME	    ? SNNQ_STATUS_WATCHDOG :
			error == -ECANCELED ? SNNQ_STATUS_CANCELLED :
					      SNNQ_STATUS_INTERNAL;
	fault->layer = SNNQ_LAYER_NONE;
	fault->region = SNNQ_REGION_NONE;
	fault->offset = 0;
}

static void snnq_job_record(const struct snnq_job *job, const struct snnq_fault *fault)
{
	const struct drm_snnq_result result = {
		.seq = job->seq + 1,
		.error = fault->error,
		.status = fault->status,
		.layer = fault->error ? fault->layer : SNNQ_LAYER_NONE,
		.region = fault->error ? fault->region : SNNQ_REGION_NONE,
		.offset = fault->offset,
		.steps = job->result.steps,
		.cycles = job->result.cycles,
		.start_ns = ktime_to_ns(job->begun),
		.end_ns = ktime_to_ns(job->ended),
	};

	snnq_bo_record(job->result_bo, job->result_offset, &result, sizeof(result));
}

/* Not of a job that failed for another one, or with the device. */
static void snnq_job_tell(struct snnq_job *job, const struct snnq_fault *fault)
{
	struct snnq_event event = {
		.cmd = SNNQ_CMD_FAULT_EVENT,
		.core = to_snnq_core(job->base.sched)->index,
		.fault = *fault,
	};

	if (fault->error == -ECANCELED || fault->error == -ENODEV)
		return;
	trace_snnq_job_fault(job, fault);
	snnq_coredump_fault(job, fault);
	snnq_event_raise(job->stream->sdev, &event, job->stream->file);
	snnq_throttle_fault(job, fault->error);
}

/**
 * snnq_job_finish() - tell everyone that a job ended
 * @job: job, COMPLETING, with its error; may be gone on return.
 *
 * Any context.
 */
void snnq_job_finish(struct snnq_job *job)
{
	struct snnq_stream *stream = job->stream;
	struct snnq_fault fault = {};
	int error = job->error;

	if (error)
		snnq_job_fault(job, error, &fault);
	error = snnq_stream_job_done(stream, job->epoch, job->steps, error, &fault);
	if (error != fault.error)
		snnq_job_fault(job, error, &fault); /* a victim */
	if (job->result_bo)
		snnq_job_record(job, &fault);
	snnq_job_account(job, &stream->sdev->counters, error);
	snnq_job_account(job, &stream->file->counters, error);
	if (error) {
		snnq_job_tell(job, &fault);
		snnq_sched_job_error(&job->base, error);
		dma_fence_set_error(&job->fence->base, error);
	}
	trace_snnq_job_done(job, error);
	snnq_job_leave(job);
	if (job->powered)
		snnq_power_put(stream->sdev);
	WRITE_ONCE(job->where, SNNQ_JOB_DONE);
	dma_fence_signal(&job->fence->base);
}
