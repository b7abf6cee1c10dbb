/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * snnq_drm.h - ioctls of the snnq DRM accel driver.
 *
 * Life of a job: DEV_QUERY tells what the device can do; BO_CREATE makes
 * buffers; MODEL_CREATE copies and validates a program once; STREAM_CREATE makes
 * a stream, which keeps the network's state (membrane potentials, delays)
 * between jobs; SUBMIT queues jobs that advance streams by time steps; DRM
 * syncobjs tell when they are done.
 *
 * Rules, which hold for every structure here:
 *  - fixed-width types, natural alignment, sizes multiples of 8, same layout
 *    for 32 and 64 bit; pointers travel as __u64;
 *  - fields marked MBZ must be zero and unknown flag bits clear, else -EINVAL;
 *  - structures grow at the end. A new field is announced by a flag bit that old
 *    kernels refuse. Elements of arrays carry their stride: a longer element is
 *    accepted when its tail is zero (else -E2BIG); in a shorter one what is missing
 *    counts as zero, but for less than its first version, *_SIZE_V1 (-EINVAL);
 *  - ids are append-only and never reordered; room that is kept for what comes later is
 *    listed in Documentation/uapi.md, sizes and offsets in abi.txt;
 *  - handles (BO, model, stream, syncobj) belong to the file that made them;
 *    an unknown one is -ENOENT. 0 is never a valid handle.
 *
 * Common errors: -EFAULT bad pointer, -EINVAL bad argument, -ENOENT unknown
 * handle, -E2BIG array or structure too long, -ENOMEM out of memory,
 * -EOPNOTSUPP the device cannot do it, -ENOSPC a limit of this file is reached,
 * -EBUSY the stream's queue is full, -ECANCELED the stream failed and was not
 * reset, -EIO the device is lost, -ENODEV it was removed.
 */
#ifndef SNNQ_DRM_H
#define SNNQ_DRM_H

#ifdef __KERNEL__
#include <drm/drm.h>
#else
#include "drm.h"
#endif

#if defined(__cplusplus)
extern "C" {
#endif

#define SNNQ_DRIVER_NAME "snnq"

/* Offsets from DRM_COMMAND_BASE. */
#define DRM_SNNQ_DEV_QUERY	0x00
#define DRM_SNNQ_BO_CREATE	0x01
#define DRM_SNNQ_BO_SYNC	0x02
#define DRM_SNNQ_BO_INFO	0x03
#define DRM_SNNQ_MODEL_CREATE	0x04
#define DRM_SNNQ_MODEL_DESTROY	0x05
#define DRM_SNNQ_STREAM_CREATE	0x06
#define DRM_SNNQ_STREAM_DESTROY 0x07
#define DRM_SNNQ_STREAM_RESET	0x08
#define DRM_SNNQ_STREAM_QUERY	0x09
#define DRM_SNNQ_SUBMIT		0x0a

/* What one call may have on every kernel; DEV_INFO tells what this one takes. */
#define SNNQ_MAX_JOBS_PER_SUBMIT  64
#define SNNQ_MAX_SYNCS_PER_JOB	  64
#define SNNQ_MAX_BINDINGS_PER_JOB 32 /* SNNQ_MAX_USER_REGIONS */

/**
 * struct drm_snnq_array - array of user structures
 * @ptr: user address of the first element; ignored when @count is 0.
 * @count: number of elements.
 * @stride: bytes from one element to the next; at least the element's *_SIZE_V1,
 *	at most 4096; ignored when @count is 0.
 */
struct drm_snnq_array {
	__u64 ptr;
	__u32 count;
	__u32 stride;
};

/**
 * struct drm_snnq_dev_query - ask for information
 * @type: DRM_SNNQ_QUERY_*; unknown: -EINVAL.
 * @size: in: bytes at @ptr. Out: size that the kernel knows.
 * @ptr: user address, or 0 to learn the size. The kernel copies the smaller of
 *	both sizes and zeroes the rest; @size > 4096: -E2BIG.
 */
struct drm_snnq_dev_query {
	__u32 type;
	__u32 size;
	__u64 ptr;
};

#define DRM_SNNQ_QUERY_DEV_INFO	  0
#define DRM_SNNQ_QUERY_DEV_STATS  1
#define DRM_SNNQ_QUERY_FILE_STATS 2

/**
 * struct drm_snnq_dev_info - what the device can do
 * @hw_version: major << 16 | minor.
 * @cores: number of cores.
 * @sram_bytes: local memory per core.
 * @dma_bits: width of DMA addresses.
 * @max_layers: layers of a program; as all limits of programs, clamped to what the driver
 *	accepts.
 * @max_dim: height or width of a tensor.
 * @max_channels: channels of a tensor.
 * @max_steps: time steps of a job.
 * @max_program_bytes: size of a program.
 * @features: DRM_SNNQ_FEATURE_*.
 * @ops: bit n: operation SNNQ_OP n.
 * @scheme_uniform: bit b: weights of SNNQ_SCHEME_UNIFORM with b bits.
 * @scheme_odd: likewise SNNQ_SCHEME_ODD.
 * @scheme_pot: likewise SNNQ_SCHEME_POT.
 * @lanes: synaptic additions per cycle and core.
 * @port_bytes: host memory bytes per cycle.
 * @clock_khz: nominal clock.
 * @queue_depth: jobs that a core takes before completing the first.
 * @scheme_apot: likewise SNNQ_SCHEME_APOT.
 * @scheme_ternary: likewise SNNQ_SCHEME_TERNARY.
 * @limit_ms: most time that the device may spend on one job, in milliseconds.
 * @timeout_ms: a job that shows no progress for that long is hung, in milliseconds.
 * @flags: DRM_SNNQ_DEV_*.
 * @page_bytes: buffers are multiples of it.
 * @max_models: models of one file; more: -ENOSPC. A destroyed one counts until its last
 *	stream is gone.
 * @max_streams: streams of one file; more: -ENOSPC. A destroyed one counts until its last
 *	job ended.
 * @max_queued_stream: jobs of one stream that did not end yet; more: -EBUSY.
 * @max_queued_file: jobs of one file that did not end yet; more: -EBUSY.
 * @max_jobs: jobs of one SUBMIT; more: -E2BIG.
 * @max_syncs: syncobjs of one job; more: -E2BIG.
 * @neurons: bit n: SNNQ_NEURON n; bit 0: requantizing instead.
 * @leaks: bit n: SNNQ_LEAK n, of the potential and of the current.
 * @resets: bit n: SNNQ_RESET n.
 * @compares: bit n: SNNQ_COMPARE n.
 * @neuron_flags: SNNQ_NEURON_FLAG_*.
 * @layer_flags: SNNQ_LAYER_FLAG_*.
 * @formats: bit n: tensors of SNNQ_FORMAT n.
 * @elementwise: bit n: SNNQ_ELEMENTWISE n.
 * @attention: bit n: SNNQ_ATTENTION n.
 * @readouts: bit n: SNNQ_READOUT n.
 * @max_planes: planes of a tensor.
 * @max_kernel: rows or columns of a convolution's kernel.
 * @max_window: rows or columns of a pool's window.
 * @max_stride: stride of either.
 * @max_dilation: dilation of either.
 * @max_delay: output delay of a neuron.
 * @max_tile_steps: time steps that layers run at a time.
 * @needs: SNNQ_PROGRAM_NEEDS_*.
 * @max_state_bytes: size of the state.
 * @max_scratch_bytes: size of the scratch, of all steps of a tile.
 */
struct drm_snnq_dev_info {
	__u32 hw_version;
	__u32 cores;
	__u32 sram_bytes;
	__u32 dma_bits;
	__u32 max_layers;
	__u32 max_dim;
	__u32 max_channels;
	__u32 max_steps;
	__u32 max_program_bytes;
	__u32 features;
	__u64 ops;
	__u32 scheme_uniform;
	__u32 scheme_odd;
	__u32 scheme_pot;
	__u32 lanes;
	__u32 port_bytes;
	__u32 clock_khz;
	__u32 queue_depth;
	__u32 scheme_apot;
	__u32 scheme_ternary;
	__u32 limit_ms;
	__u32 timeout_ms;
	__u32 flags;
	__u32 page_bytes;
	__u32 max_models;
	__u32 max_streams;
	__u32 max_queued_stream;
	__u32 max_queued_file;
	__u32 max_jobs;
	__u32 max_syncs;
	__u32 neurons;
	__u32 leaks;
	__u32 resets;
	__u32 compares;
	__u32 neuron_flags;
	__u32 layer_flags;
	__u32 formats;
	__u32 elementwise;
	__u32 attention;
	__u32 readouts;
	__u32 max_planes;
	__u32 max_kernel;
	__u32 max_window;
	__u32 max_stride;
	__u32 max_dilation;
	__u32 max_delay;
	__u32 max_tile_steps;
	__u64 needs;
	__u64 max_state_bytes;
	__u64 max_scratch_bytes;
};

/* The device counts per layer: jobs may have a profile. */
#define DRM_SNNQ_FEATURE_PROFILE (1 << 0)

/* BO_SYNC of a buffer that is not imported has nothing to do. */
#define DRM_SNNQ_DEV_COHERENT (1 << 0)

/**
 * struct drm_snnq_stats - counters (DEV_STATS: whole device; FILE_STATS: this file)
 * @jobs_submitted: jobs that SUBMIT took.
 * @jobs_completed: those that ended well.
 * @jobs_failed: those that ended with an error, but for cancelled ones.
 * @jobs_cancelled: those that ended with -ECANCELED.
 * @steps: time steps of completed jobs.
 * @busy_ns: time that cores spent on jobs.
 * @cycles: device cycles of completed jobs.
 * @hangs: jobs that hung.
 * @core_resets: resets of a core (FILE_STATS: for jobs of this file).
 * @device_resets: resets of the device (likewise).
 * @bad_completions: records that the driver refused (DEV_STATS only).
 * @memory_bytes: memory that exists now: buffers, also imported ones, their page lists,
 *	programs, state, scratch, region tables.
 * @memory_limit: most of it (of one file: -ENOSPC beyond; of all, whatever their
 *	device: -ENOMEM).
 *
 * Without CAP_PERFMON DEV_STATS tells how the device fares (@hangs, @core_resets,
 * @device_resets, @bad_completions, @memory_limit) and zero of all that is others'.
 */
struct drm_snnq_stats {
	__u64 jobs_submitted;
	__u64 jobs_completed;
	__u64 jobs_failed;
	__u64 jobs_cancelled;
	__u64 steps;
	__u64 busy_ns;
	__u64 cycles;
	__u64 hangs;
	__u64 core_resets;
	__u64 device_resets;
	__u64 bad_completions;
	__u64 memory_bytes;
	__u64 memory_limit;
};

/**
 * struct drm_snnq_bo_create - make a buffer, zero-filled
 * @size: bytes, > 0; rounded up to whole pages and written back. More than the
 *	file may have: -ENOSPC; more than any: -ENOMEM.
 * @flags: DRM_SNNQ_BO_*.
 * @handle: out: GEM handle.
 * @mmap_offset: out: what to pass to mmap() on the DRM file, as its offset.
 */
struct drm_snnq_bo_create {
	__u64 size;
	__u32 flags;
	__u32 handle;
	__u64 mmap_offset;
};

/* The device may only read it: -EACCES when bound to a written region. */
#define DRM_SNNQ_BO_DEVICE_READONLY (1 << 0)
/* BO_INFO only: it is a dma-buf's. */
#define DRM_SNNQ_BO_IMPORTED (1u << 31)

/**
 * struct drm_snnq_bo_sync - make CPU and device agree on a buffer's content
 * @handle: GEM handle.
 * @flags: one of DRM_SNNQ_BO_SYNC_*.
 * @offset: where the range begins in the buffer, in bytes.
 * @size: its bytes, > 0.
 *
 * Does not wait for jobs. Needed around CPU access; free on coherent machines.
 * For an imported buffer this is DMA_BUF_IOCTL_SYNC: FOR_CPU begins an access, may
 * wait for what others do with the buffer, and FOR_DEVICE ends the access. On an
 * exported one DMA_BUF_IOCTL_SYNC does the same as this.
 */
struct drm_snnq_bo_sync {
	__u32 handle;
	__u32 flags;
	__u64 offset;
	__u64 size;
};

#define DRM_SNNQ_BO_SYNC_FOR_CPU    (1 << 0) /* before the CPU reads */
#define DRM_SNNQ_BO_SYNC_FOR_DEVICE (1 << 1) /* after the CPU wrote */

/**
 * struct drm_snnq_bo_info - ask about a buffer
 * @handle: GEM handle.
 * @flags: MBZ.
 * @size: out: bytes.
 * @mmap_offset: out: as of BO_CREATE; 0 for an imported one: map the dma-buf.
 * @bo_flags: out: DRM_SNNQ_BO_*.
 * @pad: MBZ.
 */
struct drm_snnq_bo_info {
	__u32 handle;
	__u32 flags;
	__u64 size;
	__u64 mmap_offset;
	__u32 bo_flags;
	__u32 pad;
};

/**
 * struct drm_snnq_model_create - copy and validate a program
 * @program: user address of the program (snnq_program.h).
 * @size: its bytes.
 * @flags: MBZ.
 * @handle: out: model handle.
 * @error_code: out, with -EINVAL, -EOPNOTSUPP or -EOVERFLOW: what is wrong,
 *	enum snnq_check of the validator.
 * @error_layer: out: in which layer, or 0xffffffff.
 * @reserved: MBZ.
 */
struct drm_snnq_model_create {
	__u64 program;
	__u32 size;
	__u32 flags;
	__u32 handle;
	__u32 error_code;
	__u32 error_layer;
	__u32 reserved;
};

/**
 * struct drm_snnq_model_destroy - forget a model
 * @handle: model handle. Its streams and jobs live on, and it counts (max_models, memory)
 *	as long as they do.
 * @pad: MBZ.
 */
struct drm_snnq_model_destroy {
	__u32 handle;
	__u32 pad;
};

/**
 * struct drm_snnq_stream_create - make a stream of a model, in reset state
 * @model: model handle.
 * @priority: DRM_SNNQ_PRIORITY_*; HIGH needs CAP_SYS_NICE (-EACCES).
 * @flags: MBZ.
 * @handle: out: stream handle.
 * @limit_ms: milliseconds that the device may spend on one job, counted from when it
 *	turns to it; then the job ends with -ETIME. 0, or more than the device's limit
 *	(drm_snnq_dev_info): that limit. It is looked at a few times a second.
 * @pad: MBZ.
 */
struct drm_snnq_stream_create {
	__u32 model;
	__u32 priority;
	__u32 flags;
	__u32 handle;
	__u32 limit_ms;
	__u32 pad;
};

#define DRM_SNNQ_PRIORITY_NORMAL 0
#define DRM_SNNQ_PRIORITY_LOW	 1
#define DRM_SNNQ_PRIORITY_HIGH	 2

/**
 * struct drm_snnq_stream_destroy - forget a stream
 * @handle: stream handle.
 * @pad: MBZ.
 *
 * Does not wait for the jobs of the stream. Queued ones end with -ECANCELED, whatever they wait
 * for; the device is asked to end a running one, which then has -ECANCELED too or is done. Their
 * syncobjs signal and their records are written as always. Buffers may be written until then,
 * and the stream counts (max_streams, memory). Closing the file does this to all its streams.
 */
struct drm_snnq_stream_destroy {
	__u32 handle;
	__u32 pad;
};

/**
 * struct drm_snnq_stream_reset - clear the state
 * @handle: stream handle.
 * @flags: MBZ.
 *
 * The next job submitted starts from zero state. Jobs queued before it are not
 * affected. Also lets a stream that failed work again.
 */
struct drm_snnq_stream_reset {
	__u32 handle;
	__u32 flags;
};

/**
 * struct drm_snnq_stream_query - state of a stream and its last fault
 * @handle: stream handle.
 * @state: out: DRM_SNNQ_STREAM_*.
 * @steps: out: time steps done since the last reset.
 * @queued: out: jobs queued or running.
 * @status: out: SNNQ_STATUS_* of the job that failed first since the reset; 0: none did.
 * @layer: out: in which layer, or SNNQ_LAYER_NONE.
 * @region: out: in which region, or SNNQ_REGION_NONE; the number behind the program's
 *	regions is the profile.
 * @offset: out: byte offset in the region; 0 where memory did not answer
 *	(SNNQ_STATUS_DMA), as its address is no business of users.
 * @fault_seq: out: number of that job, or 0. The jobs of a stream have numbers from 1, in
 *	the order of submission; resets do not change that.
 * @flags: in: MBZ.
 * @error: out: how that job ended, as a negative errno, or 0.
 */
struct drm_snnq_stream_query {
	__u32 handle;
	__u32 state;
	__u64 steps;
	__u32 queued;
	__u32 status;
	__u32 layer;
	__u32 region;
	__u64 offset;
	__u64 fault_seq;
	__u32 flags;
	__s32 error;
};

#define DRM_SNNQ_STREAM_OK     0
#define DRM_SNNQ_STREAM_FAILED 1 /* a job failed; reset it */

/**
 * struct drm_snnq_binding - memory for one user region
 * @handle: GEM handle.
 * @flags: MBZ.
 * @offset: bytes from the start of the buffer, multiple of 64.
 * @size: bytes given; at least what the program needs for the job's steps
 *	(else -EOVERFLOW), inside the buffer (else -EINVAL).
 */
struct drm_snnq_binding {
	__u32 handle;
	__u32 flags;
	__u64 offset;
	__u64 size;
};

#define DRM_SNNQ_BINDING_SIZE_V1 24

/**
 * struct drm_snnq_sync - a syncobj to wait for or to signal
 * @handle: syncobj handle.
 * @flags: DRM_SNNQ_SYNC_WAIT or DRM_SNNQ_SYNC_SIGNAL, and _TIMELINE.
 * @point: timeline point, > 0; binary: 0. Points of a timeline must grow.
 *
 * A wait needs a fence that exists, or that an earlier job of the call makes: else
 * -EINVAL. A point is reached when what signals it and all points before it ended.
 */
struct drm_snnq_sync {
	__u32 handle;
	__u32 flags;
	__u64 point;
};

#define DRM_SNNQ_SYNC_SIZE_V1 16

#define DRM_SNNQ_SYNC_WAIT     (1 << 0)
#define DRM_SNNQ_SYNC_SIGNAL   (1 << 1)
#define DRM_SNNQ_SYNC_TIMELINE (1 << 2)

/**
 * struct drm_snnq_job - advance a stream by some time steps
 * @stream: stream handle. Jobs of a stream run in the order of submission.
 * @steps: 1..max_steps of the program.
 * @flags: DRM_SNNQ_JOB_*.
 * @profile_handle: GEM handle of the profile buffer, or 0.
 * @profile_offset: bytes into it, multiple of 64, where the struct snnq_layer_stats of the
 *	first layer goes.
 * @profile_size: bytes given there; at least @profile_stride for each layer of the program
 *	(else -EOVERFLOW), inside the buffer (else -EINVAL).
 * @profile_stride: bytes from one layer to the next, multiple of 8, at least
 *	DRM_SNNQ_LAYER_STATS_SIZE_V1, at most 4096. What of that the device does not know
 *	stays as it is.
 * @result_handle: GEM handle of the buffer that tells how the job ended, or 0.
 * @result_size: bytes given there, at least DRM_SNNQ_RESULT_SIZE_V1, inside the buffer
 *	(else -EINVAL). The kernel writes what of a struct drm_snnq_result it knows and has room.
 * @result_offset: bytes into it, multiple of 64. The CPU writes there: unless the device is
 *	DRM_SNNQ_DEV_COHERENT, keep it apart from what the device writes by the size of the
 *	caches' lines, or that is lost.
 * @bindings: array of struct drm_snnq_binding, one per user region of the program
 *	in its order (another count: -EINVAL).
 * @syncs: array of struct drm_snnq_sync.
 */
struct drm_snnq_job {
	__u32 stream;
	__u32 steps;
	__u32 flags;
	__u32 profile_handle;
	__u64 profile_offset;
	__u32 profile_size;
	__u32 profile_stride;
	__u32 result_handle;
	__u32 result_size;
	__u64 result_offset;
	struct drm_snnq_array bindings;
	struct drm_snnq_array syncs;
};

#define DRM_SNNQ_JOB_SIZE_V1	     80
#define DRM_SNNQ_LAYER_STATS_SIZE_V1 128

/**
 * struct drm_snnq_result - how a job ended
 * @seq: number of the job, as drm_snnq_stream_query counts; never 0.
 * @error: 0, or a negative errno: that of the job's fence.
 * @status: SNNQ_STATUS_*.
 * @layer: layer of a fault, or SNNQ_LAYER_NONE.
 * @region: region of a fault, or SNNQ_REGION_NONE; as in drm_snnq_stream_query.
 * @offset: byte offset of a fault in its region, or 0.
 * @steps: time steps that the device did.
 * @reserved: 0.
 * @cycles: device cycles that they took.
 * @start_ns: when the device turned to the job, by CLOCK_MONOTONIC; 0: it did not.
 * @end_ns: when its end was seen.
 *
 * Written before the job's fence signals, whatever the outcome; only when the device is
 * removed it may be missing. Who zeroes it before knows by @seq.
 */
struct drm_snnq_result {
	__u64 seq;
	__s32 error;
	__u32 status;
	__u32 layer;
	__u32 region;
	__u64 offset;
	__u32 steps;
	__u32 reserved;
	__u64 cycles;
	__u64 start_ns;
	__u64 end_ns;
};

#define DRM_SNNQ_RESULT_SIZE_V1 64

/* Start from zero state, as after STREAM_RESET. */
#define DRM_SNNQ_JOB_RESET (1 << 0)

/*
 * Do not wait for what others do with the job's buffers. Others still see the job
 * as a reader or writer of them.
 *
 * Without it, a job waits for fences of other files and other drivers on its
 * buffers: for writers, and for readers of what it writes. It never waits so for
 * jobs of its own file: those are ordered by their stream and by syncobjs, else
 * jobs that use parts of one buffer could not run in parallel.
 */
#define DRM_SNNQ_JOB_NO_IMPLICIT_SYNC (1 << 1)

/**
 * struct drm_snnq_submit - queue jobs, all or none
 * @jobs: array of struct drm_snnq_job, 1..SNNQ_MAX_JOBS_PER_SUBMIT. Syncobjs work
 *	as if each job were submitted by a call of its own, in this order: a job may
 *	wait for what an earlier job of the call signals.
 * @flags: MBZ.
 * @failed_index: out: with an error, the index of the job at fault, else 0xffffffff.
 *
 * A job that fails signals its syncobjs with the error (-EFAULT access fault,
 * -ETIME hang, -EIO device, -ECANCELED cancelled, or victim of an earlier failure
 * in its stream, -ENODEV removed); its result record and STREAM_QUERY tell the details.
 * The call waits, and a signal interrupts it, while the file has to pay for many faults.
 */
struct drm_snnq_submit {
	struct drm_snnq_array jobs;
	__u32 flags;
	__u32 failed_index;
};

#define DRM_IOCTL_SNNQ(nr, type) DRM_IOWR(DRM_COMMAND_BASE + (nr), type)
#define DRM_IOCTL_SNNQ_DEV_QUERY DRM_IOCTL_SNNQ(DRM_SNNQ_DEV_QUERY, struct drm_snnq_dev_query)
#define DRM_IOCTL_SNNQ_BO_CREATE DRM_IOCTL_SNNQ(DRM_SNNQ_BO_CREATE, struct drm_snnq_bo_create)
#define DRM_IOCTL_SNNQ_BO_SYNC	 DRM_IOCTL_SNNQ(DRM_SNNQ_BO_SYNC, struct drm_snnq_bo_sync)
#define DRM_IOCTL_SNNQ_BO_INFO	 DRM_IOCTL_SNNQ(DRM_SNNQ_BO_INFO, struct drm_snnq_bo_info)
#define DRM_IOCTL_SNNQ_MODEL_CREATE \
	DRM_IOCTL_SNNQ(DRM_SNNQ_MODEL_CREATE, struct drm_snnq_model_create)
#define DRM_IOCTL_SNNQ_MODEL_DESTROY \
	DRM_IOCTL_SNNQ(DRM_SNNQ_MODEL_DESTROY, struct drm_snnq_model_destroy)
#define DRM_IOCTL_SNNQ_STREAM_CREATE \
	DRM_IOCTL_SNNQ(DRM_SNNQ_STREAM_CREATE, struct drm_snnq_stream_create)
#define DRM_IOCTL_SNNQ_STREAM_DESTROY \
	DRM_IOCTL_SNNQ(DRM_SNNQ_STREAM_DESTROY, struct drm_snnq_stream_destroy)
#define DRM_IOCTL_SNNQ_STREAM_RESET \
	DRM_IOCTL_SNNQ(DRM_SNNQ_STREAM_RESET, struct drm_snnq_stream_reset)
#define DRM_IOCTL_SNNQ_STREAM_QUERY \
	DRM_IOCTL_SNNQ(DRM_SNNQ_STREAM_QUERY, struct drm_snnq_stream_query)
#define DRM_IOCTL_SNNQ_SUBMIT DRM_IOCTL_SNNQ(DRM_SNNQ_SUBMIT, struct drm_snnq_submit)

#if defined(__cplusplus)
}
#endif

#endif /* SNNQ_DRM_H */
