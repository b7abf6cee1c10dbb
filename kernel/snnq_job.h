/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_job.h - jobs, from submission to the end.
 */
#ifndef SNNQ_JOB_H
#define SNNQ_JOB_H

#include <linux/dma-fence.h>
#include <linux/ktime.h>
#include <linux/workqueue.h>

#include <drm/gpu_scheduler.h>

#include "snnq_fair.h"
#include "snnq_regs.h"
#include "snnq_stream.h"

struct drm_snnq_job;
struct snnq_core;
struct snnq_job;

/**
 * struct snnq_fence - signals when the device is done with a job
 * @base: fence; only the scheduler sees it.
 * @lock: of @base.
 * @sdev: device, kept alive: the scheduler's fences outlive their job and name
 *	their scheduler. For the same reason it holds a reference to the module.
 * @free: frees it outside of interrupts.
 */
struct snnq_fence {
	struct dma_fence base;
	spinlock_t lock; /* of base */
	struct snnq_device *sdev;
	struct work_struct free;
};

/**
 * struct snnq_wait - something to wait for before running
 * @fence: to wait for; the scheduler takes the reference.
 * @producer: instead: index of an earlier job of the same call, plus 1; its fence
 *	follows when that is armed.
 */
struct snnq_wait {
	struct dma_fence *fence;
	u32 producer;
};

/* Who has a job, and alone may end it or hand it on; under its core's lock. */
enum snnq_job_where {
	SNNQ_JOB_QUEUED,     /* the scheduler; while that is stopped, recovery */
	SNNQ_JOB_RING,	     /* the device */
	SNNQ_JOB_COMPLETING, /* who took it from the ring or the queue */
	SNNQ_JOB_DONE,	     /* nobody: everyone was told */
};

/**
 * struct snnq_job - a job
 * @base: scheduler's part.
 * @stream: stream, with a reference.
 * @steps: time steps.
 * @flags: DRM_SNNQ_JOB_*.
 * @seq: number in the stream, from 0.
 * @epoch: of the stream.
 * @fence: signals when the device is done.
 * @table: region table.
 * @regions: entries in it.
 * @bos: buffers of the user regions.
 * @writes: bit n: region n of @bos is written.
 * @waits: syncobjs to wait for; others' fences on buffers are in @base.
 * @wait_count: number of them.
 * @wait_next: next to wait for.
 * @pass: its place at the core.
 * @dropped: nobody wanted it any more when it was its turn; it has no place and does not run.
 * @profile_bo: where the user wants layer statistics, or NULL.
 * @profile_stride: bytes from one layer to the next there.
 * @result_bo: where the user wants to know how it ended, or NULL.
 * @result_offset: in it.
 * @limit_ns: time after which progress no longer counts.
 * @where: who has it.
 * @powered: it keeps the device's power on.
 * @id: id in the ring.
 * @started: when it was put into the ring.
 * @begun: when the device turned to it, as far as is known; 0: it did not.
 * @ended: when that was over.
 * @hung: it was found hanging.
 * @blamed: recovery does not run it again.
 * @cancelling: the device was asked to end it, as its stream died.
 * @cancelled_at: when.
 * @replays: resets of the core while it was the oldest and nobody was blamed.
 * @fatals: errors of the whole device while it was the oldest.
 * @result: completion record.
 * @error: 0, or how it failed.
 * @done: link in the core's list of jobs that nobody was told of.
 * @free: frees the job outside of the scheduler's work.
 */
struct snnq_job {
	struct drm_sched_job base;
	struct snnq_stream *stream;
	u32 steps;
	u32 flags;
	u64 seq;
	u64 epoch;
	struct snnq_fence *fence;
	struct snnq_table table;
	u32 regions;
	struct snnq_bo *bos[SNNQ_MAX_USER_REGIONS];
	u32 writes;
	struct snnq_wait *waits;
	u32 wait_count;
	u32 wait_next;
	struct snnq_pass pass;
	bool dropped;
	struct snnq_bo *profile_bo;
	u32 profile_stride;
	struct snnq_bo *result_bo;
	u64 result_offset;
	u64 limit_ns;

	enum snnq_job_where where;
	bool powered;
	u32 id;
	ktime_t started;
	ktime_t begun;
	ktime_t ended;
	bool hung;
	bool blamed;
	bool cancelling;
	ktime_t cancelled_at;
	u32 replays;
	u32 fatals;
	struct snnq_cq_entry result;
	int error;
	struct list_head done;
	struct work_struct free;
};

static inline struct snnq_job *to_snnq_job(struct drm_sched_job *base)
{
	return container_of(base, struct snnq_job, base);
}

/*
 * Time for a job: what the device would take for @ops operations, many times over
 * as it may be slow or emulated, but at least @floor_ns and at most @cap_ns.
 */
#define SNNQ_JOB_LIMIT_FACTOR 1000u

static inline u64 snnq_job_limit_ns(u64 ops, u32 lanes, u32 clock_khz, u64 floor_ns, u64 cap_ns)
{
	u64 ops_per_ms = (u64)max(lanes, 1u) * max(clock_khz, 1u);
	u64 ms, ns;

	if (check_add_overflow(div64_u64(ops, ops_per_ms), 1ull, &ms) ||
	    check_mul_overflow(ms, (u64)SNNQ_JOB_LIMIT_FACTOR * NSEC_PER_MSEC, &ns))
		ns = U64_MAX;
	return min(max(ns, floor_ns), cap_ns);
}

/* Module parameters. */
extern unsigned int snnq_timeout_ms;
extern unsigned int snnq_limit_ms;

int snnq_jobs_init(void);
void snnq_jobs_exit(void);
void snnq_jobs_flush(void);
struct snnq_job *snnq_job_create(struct drm_file *file, const struct drm_snnq_job *args);
void snnq_job_abort(struct snnq_job *job);
void snnq_job_free(struct snnq_job *job);
void snnq_job_prepare(struct snnq_job *job, struct snnq_sq_entry *sqe);
int snnq_job_error(const struct snnq_job *job);
void snnq_job_finish(struct snnq_job *job);

/* snnq_submit.c */
#define SNNQ_MAX_STRIDE 4096u

int snnq_array_fetch(u64 ptr, u32 stride, u32 index, void *to, size_t least, size_t size);
int snnq_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

/* snnq_sched.c */
int snnq_sched_create(struct snnq_core *core);

#endif /* SNNQ_JOB_H */
