/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_compat.h - what differs between kernels, and nothing else.
 *
 * SNNQ_HAVE_* come from Kbuild, which looks into the headers of the kernel the
 * module is built for. The rest of the driver is written for the newest form.
 */
#ifndef SNNQ_COMPAT_H
#define SNNQ_COMPAT_H

#include <drm/gpu_scheduler.h>

#if IS_ENABLED(CONFIG_DRM_EXEC)
#include <drm/drm_exec.h>
#else
#include "snnq_exec.h"
#endif

#ifndef SNNQ_HAVE_SCHED_INIT_ARGS
struct drm_sched_init_args {
	const struct drm_sched_backend_ops *ops;
	struct workqueue_struct *submit_wq;
	struct workqueue_struct *timeout_wq;
	u32 num_rqs;
	u32 credit_limit;
	unsigned int hang_limit;
	long timeout;
	atomic_t *score;
	const char *name;
	struct device *dev;
};
#endif

static inline int snnq_sched_init(struct drm_gpu_scheduler *sched,
				  const struct drm_sched_init_args *args)
{
#ifdef SNNQ_HAVE_SCHED_INIT_ARGS
	return drm_sched_init(sched, args);
#else
	return drm_sched_init(sched, args->ops, args->submit_wq, args->num_rqs, args->credit_limit,
			      args->hang_limit, args->timeout, args->timeout_wq, args->score,
			      args->name, args->dev);
#endif
}

static inline int snnq_sched_job_init(struct drm_sched_job *job, struct drm_sched_entity *entity,
				      void *owner, u64 client_id)
{
#ifdef SNNQ_HAVE_SCHED_JOB_CLIENT_ID
	return drm_sched_job_init(job, entity, 1, owner, client_id);
#else
	return drm_sched_job_init(job, entity, 1, owner);
#endif
}

static inline void snnq_sched_start(struct drm_gpu_scheduler *sched)
{
#ifdef SNNQ_HAVE_SCHED_START_ERRNO
	drm_sched_start(sched, 0);
#else
	drm_sched_start(sched);
#endif
}

#endif /* SNNQ_COMPAT_H */
