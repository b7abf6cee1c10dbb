/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_exec.h - as much of drm_exec as the driver uses, for kernels without it.
 *
 * Nothing in a kernel's configuration can ask for DRM_EXEC but a driver that
 * selects it, so an external module may meet a kernel that lacks it.
 */
#ifndef SNNQ_EXEC_H
#define SNNQ_EXEC_H

#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>

#define DRM_EXEC_INTERRUPTIBLE_WAIT BIT(0) /* always */
#define DRM_EXEC_IGNORE_DUPLICATES  BIT(1) /* always */

/**
 * struct drm_exec - locks of many reservations
 * @ticket: orders them among those who lock.
 * @objects: locked objects, with a reference each.
 * @num_objects: number of them.
 * @contended: object that could not be locked, to be the first of the next attempt.
 * @started: @ticket is in use.
 */
struct drm_exec {
	struct ww_acquire_ctx ticket;
	struct drm_gem_object **objects;
	unsigned int num_objects;
	struct drm_gem_object *contended;
	bool started;
};

/* @nr: objects at most. */
static inline void drm_exec_init(struct drm_exec *exec, u32 flags, unsigned int nr)
{
	*exec = (struct drm_exec){
		.objects = kvmalloc_array(nr, sizeof(*exec->objects), GFP_KERNEL),
	};
}

static inline void drm_exec_unlock_all(struct drm_exec *exec)
{
	while (exec->num_objects) {
		struct drm_gem_object *obj = exec->objects[--exec->num_objects];

		dma_resv_unlock(obj->resv);
		drm_gem_object_put(obj);
	}
}

/* Begin an attempt; false when all is locked. */
static inline bool drm_exec_cleanup(struct drm_exec *exec)
{
	if (!exec->started) {
		ww_acquire_init(&exec->ticket, &reservation_ww_class);
		exec->started = true;
		return true;
	}
	if (!exec->contended) {
		ww_acquire_done(&exec->ticket);
		return false;
	}
	drm_exec_unlock_all(exec);
	dma_resv_lock_slow(exec->contended->resv, &exec->ticket);
	exec->objects[exec->num_objects++] = exec->contended;
	exec->contended = NULL;
	return true;
}

#define drm_exec_until_all_locked(exec) for (; drm_exec_cleanup(exec);)

static inline bool drm_exec_is_contended(const struct drm_exec *exec)
{
	return exec->contended;
}

static inline int drm_exec_prepare_obj(struct drm_exec *exec, struct drm_gem_object *obj,
				       unsigned int num_fences)
{
	int ret;

	if (!exec->objects)
		return -ENOMEM;
	ret = dma_resv_lock_interruptible(obj->resv, &exec->ticket);
	if (ret == -EDEADLK) {
		drm_gem_object_get(obj);
		exec->contended = obj;
		return ret;
	}
	if (ret && ret != -EALREADY)
		return ret;
	if (!ret) {
		drm_gem_object_get(obj);
		exec->objects[exec->num_objects++] = obj;
	}
	return dma_resv_reserve_fences(obj->resv, num_fences);
}

static inline void drm_exec_fini(struct drm_exec *exec)
{
	drm_exec_unlock_all(exec);
	if (exec->contended)
		drm_gem_object_put(exec->contended);
	kvfree(exec->objects);
	if (exec->started)
		ww_acquire_fini(&exec->ticket);
}

#endif /* SNNQ_EXEC_H */
