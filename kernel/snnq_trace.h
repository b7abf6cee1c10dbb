/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_trace.h - tracepoints: a job is submitted, given to a core, ends, and how it failed.
 *
 * The fields are described in Documentation/telemetry.md. Numbers only, nothing that needs
 * the job to be there when the trace is read, and no address of kernel or device.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM snnq

#if !defined(SNNQ_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SNNQ_TRACE_H

#include <linux/tracepoint.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_job.h"

/* clang-format off */

/* What names a job from its submission to its end. */
#define SNNQ_TRACE_JOB					\
	__field(u32, device)				\
	__field(u64, client)				\
	__field(u64, context)				\
	__field(u64, seq)

#define SNNQ_TRACE_ASSIGN_JOB							\
	__entry->device = snnq_node(&job->stream->sdev->drm)->index;		\
	__entry->client = job->stream->file->client.id;			\
	__entry->context = job->base.s_fence->finished.context;			\
	__entry->seq = job->seq + 1

#define SNNQ_TRACE_FORMAT "device=%u client=%llu context=%llu seq=%llu"
#define SNNQ_TRACE_ARGS __entry->device, __entry->client, __entry->context, __entry->seq

TRACE_EVENT(snnq_job_submit,
	TP_PROTO(const struct snnq_job *job),
	TP_ARGS(job),
	TP_STRUCT__entry(
		SNNQ_TRACE_JOB
		__field(u32, steps)
		__field(u32, flags)
	),
	TP_fast_assign(
		SNNQ_TRACE_ASSIGN_JOB;
		__entry->steps = job->steps;
		__entry->flags = job->flags;
	),
	TP_printk(SNNQ_TRACE_FORMAT " steps=%u flags=%#x",
		  SNNQ_TRACE_ARGS, __entry->steps, __entry->flags)
);

TRACE_EVENT(snnq_job_run,
	TP_PROTO(const struct snnq_job *job, const struct snnq_core *core),
	TP_ARGS(job, core),
	TP_STRUCT__entry(
		SNNQ_TRACE_JOB
		__field(u32, core)
		__field(u32, id)
	),
	TP_fast_assign(
		SNNQ_TRACE_ASSIGN_JOB;
		__entry->core = core->index;
		__entry->id = job->id;
	),
	TP_printk(SNNQ_TRACE_FORMAT " core=%u id=%#x",
		  SNNQ_TRACE_ARGS, __entry->core, __entry->id)
);

TRACE_EVENT(snnq_job_done,
	TP_PROTO(const struct snnq_job *job, int error),
	TP_ARGS(job, error),
	TP_STRUCT__entry(
		SNNQ_TRACE_JOB
		__field(u32, core)
		__field(u32, id)
		__field(int, error)
		__field(u32, steps)
		__field(u64, cycles)
		__field(u64, ns)
	),
	TP_fast_assign(
		SNNQ_TRACE_ASSIGN_JOB;
		__entry->core = to_snnq_core(job->base.sched)->index;
		__entry->id = job->id;
		__entry->error = error;
		__entry->steps = job->result.steps;
		__entry->cycles = job->result.cycles;
		__entry->ns = job->begun ? ktime_to_ns(ktime_sub(job->ended, job->begun)) : 0;
	),
	TP_printk(SNNQ_TRACE_FORMAT " core=%u id=%#x error=%d steps=%u cycles=%llu ns=%llu",
		  SNNQ_TRACE_ARGS, __entry->core, __entry->id, __entry->error,
		  __entry->steps, __entry->cycles, __entry->ns)
);

TRACE_EVENT(snnq_job_fault,
	TP_PROTO(const struct snnq_job *job, const struct snnq_fault *fault),
	TP_ARGS(job, fault),
	TP_STRUCT__entry(
		SNNQ_TRACE_JOB
		__field(u32, core)
		__field(u32, id)
		__field(int, error)
		__field(u32, status)
		__field(u32, layer)
		__field(u32, region)
		__field(u64, offset)
	),
	TP_fast_assign(
		SNNQ_TRACE_ASSIGN_JOB;
		__entry->core = to_snnq_core(job->base.sched)->index;
		__entry->id = job->id;
		__entry->error = fault->error;
		__entry->status = fault->status;
		__entry->layer = fault->layer;
		__entry->region = fault->region;
		__entry->offset = fault->offset;
	),
	TP_printk(SNNQ_TRACE_FORMAT
		  " core=%u id=%#x error=%d status=%u layer=%#x region=%#x offset=%#llx",
		  SNNQ_TRACE_ARGS, __entry->core, __entry->id, __entry->error,
		  __entry->status, __entry->layer, __entry->region, __entry->offset)
);

/* clang-format on */

#endif /* SNNQ_TRACE_H */

/* Found by -I of Kbuild. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE snnq_trace
#include <trace/define_trace.h>
