/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_gem.h - buffers.
 */
#ifndef SNNQ_GEM_H
#define SNNQ_GEM_H

#include <linux/dma-buf.h>
#include <linux/mutex.h>

#include <drm/drm_gem_shmem_helper.h>

#include "snnq_mem.h"
#include "snnq_pagelist.h"

struct drm_printer;
struct snnq_device;
struct snnq_file;

/**
 * struct snnq_bo - a buffer
 * @base: GEM object, mapped for the device as long as that is there.
 * @list: its page list, as old as the mapping.
 * @node: in the device's list, as long as it is mapped.
 * @charge: whose it is.
 * @dmabuf: what was imported, with a reference, or NULL.
 * @device_readonly: DRM_SNNQ_BO_DEVICE_READONLY.
 */
struct snnq_bo {
	struct drm_gem_shmem_object base;
	struct snnq_pagelist list;
	struct list_head node;
	struct snnq_charge charge;
	struct dma_buf *dmabuf;
	bool device_readonly;
};

static inline struct snnq_bo *to_snnq_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct snnq_bo, base);
}

static inline struct drm_gem_object *snnq_bo_obj(struct snnq_bo *bo)
{
	return &bo->base.base;
}

static inline bool snnq_bo_imported(struct snnq_bo *bo)
{
	return bo->dmabuf;
}

struct drm_gem_object *snnq_gem_create_object(struct drm_device *drm, size_t size);
struct drm_gem_object *snnq_gem_import_sg_table(struct drm_device *drm,
						struct dma_buf_attachment *attach,
						struct sg_table *sgt);
struct drm_gem_object *snnq_gem_import(struct drm_device *drm, struct dma_buf *dmabuf);
int snnq_gem_fd_to_handle(struct drm_device *drm, struct drm_file *file, int fd, u32 *handle);
void snnq_gem_remove(struct snnq_device *sdev);
struct snnq_bo *snnq_bo_create(struct snnq_file *sfile, u64 size);
struct snnq_bo *snnq_bo_lookup(struct drm_file *file, u32 handle);
void snnq_bo_put(struct snnq_bo *bo);
void snnq_bo_read(struct snnq_bo *bo, u64 at, void *to, size_t size);
int snnq_bo_load(struct snnq_bo *bo, const void *from, size_t size);
void snnq_bo_record(struct snnq_bo *bo, u64 offset, const void *from, size_t size);

int snnq_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int snnq_ioctl_bo_sync(struct drm_device *drm, void *data, struct drm_file *file);
int snnq_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* SNNQ_GEM_H */
