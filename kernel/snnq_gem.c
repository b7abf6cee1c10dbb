// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: shmem-backed GEM objects, and imported dma-bufs.
 *
 * A buffer is pinned, mapped for the device and has its page list from creation
 * to the end, so that submitting a job neither allocates nor maps. The same
 * objects, without a handle, hold the state and scratch memory of streams.
 *
 * All buffers of a device together take at most half of the machine's memory;
 * what a process may take is up to its memory cgroup, which shmem charges.
 */
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "snnq_device.h"
#include "snnq_gem.h"

static void snnq_gem_free(struct drm_gem_object *obj)
{
	struct snnq_device *sdev = to_snnq_device(obj->dev);
	struct snnq_bo *bo = to_snnq_bo(obj);

	snnq_pagelist_free(&bo->list, sdev->lists);
	atomic64_sub(bo->counted, &sdev->counters.value[SNNQ_BO_BYTES]);
	drm_gem_shmem_free(&bo->base);
}

static enum drm_gem_object_status snnq_gem_status(struct drm_gem_object *obj)
{
	return DRM_GEM_OBJECT_RESIDENT;
}

static const struct drm_gem_object_funcs snnq_gem_funcs = {
	.free = snnq_gem_free,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
	.status = snnq_gem_status,
};

struct drm_gem_object *snnq_gem_create_object(struct drm_device *drm, size_t size)
{
	struct snnq_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->base.base.funcs = &snnq_gem_funcs;
	return &bo->base.base;
}

/* Reserve bytes in the device's total, before any memory is taken. */
static int snnq_gem_account(struct snnq_device *sdev, u64 size)
{
	u64 limit = min_t(u64, (u64)totalram_pages() << (PAGE_SHIFT - 1),
			  SNNQ_MAX_REGION_BYTES);
	atomic64_t *total = &sdev->counters.value[SNNQ_BO_BYTES];

	if (size > limit)
		return -ENOMEM;
	if (atomic64_add_return(size, total) > limit) {
		atomic64_sub(size, total);
		return -ENOMEM;
	}
	return 0;
}

/**
 * snnq_bo_create() - make a zeroed buffer
 * @sdev: device.
 * @size: bytes, > 0; rounded up to pages.
 *
 * Return: the buffer, without a handle, or an error pointer.
 */
struct snnq_bo *snnq_bo_create(struct snnq_device *sdev, u64 size)
{
	struct drm_gem_shmem_object *shmem;
	struct sg_table *sgt;
	struct snnq_bo *bo;
	int err;

	if (!size || size > SNNQ_MAX_REGION_BYTES)
		return ERR_PTR(-ENOMEM);
	size = PAGE_ALIGN(size);
	err = snnq_gem_account(sdev, size);
	if (err)
		return ERR_PTR(err);

	shmem = drm_gem_shmem_create(&sdev->drm, size);
	if (IS_ERR(shmem)) {
		atomic64_sub(size, &sdev->counters.value[SNNQ_BO_BYTES]);
		return ERR_CAST(shmem);
	}
	bo = to_snnq_bo(&shmem->base);
	bo->counted = size;

	sgt = drm_gem_shmem_get_pages_sgt(shmem);
	err = PTR_ERR_OR_ZERO(sgt);
	if (!err)
		err = snnq_pagelist_build(&bo->list, sdev->lists, sgt, size);
	if (err) {
		snnq_bo_put(bo);
		return ERR_PTR(err);
	}
	return bo;
}

struct drm_gem_object *snnq_gem_import_sg_table(struct drm_device *drm,
						struct dma_buf_attachment *attach,
						struct sg_table *sgt)
{
	struct snnq_device *sdev = to_snnq_device(drm);
	struct drm_gem_object *obj;
	struct snnq_bo *bo;
	int err;

	if (!attach->dmabuf->size || attach->dmabuf->size > SNNQ_MAX_REGION_BYTES)
		return ERR_PTR(-EINVAL);
	obj = drm_gem_shmem_prime_import_sg_table(drm, attach, sgt);
	if (IS_ERR(obj))
		return obj;
	bo = to_snnq_bo(obj);
	err = snnq_pagelist_build(&bo->list, sdev->lists, sgt, obj->size);
	if (err) {
		/* The attachment and its mapping stay with the caller. */
		bo->base.sgt = NULL;
		drm_gem_object_put(obj);
		return ERR_PTR(err);
	}
	return obj;
}

struct snnq_bo *snnq_bo_lookup(struct drm_file *file, u32 handle)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, handle);

	return obj ? to_snnq_bo(obj) : NULL;
}

void snnq_bo_put(struct snnq_bo *bo)
{
	if (bo)
		drm_gem_object_put(snnq_bo_obj(bo));
}

/*
 * Page by page: DMA addresses of neighbours may be merged while the pages are
 * apart, and bouncing more than the range would undo what the CPU wrote nearby.
 */
void snnq_bo_sync(struct snnq_bo *bo, u64 offset, u64 size, bool for_device)
{
	struct device *dev = snnq_bo_obj(bo)->dev->dev;
	struct sg_dma_page_iter iter;
	u64 end = offset + size, at = offset & ~(u64)(PAGE_SIZE - 1);

	for_each_sgtable_dma_page(bo->base.sgt, &iter, at >> PAGE_SHIFT) {
		u64 from = max(at, offset), to = min(at + PAGE_SIZE, end);
		dma_addr_t addr = sg_page_iter_dma_address(&iter) + (from - at);

		if (from >= to)
			break;
		if (for_device)
			dma_sync_single_for_device(dev, addr, to - from, DMA_BIDIRECTIONAL);
		else
			dma_sync_single_for_cpu(dev, addr, to - from, DMA_BIDIRECTIONAL);
		at += PAGE_SIZE;
	}
}

/* Copy kernel memory into a buffer of ours, from any context. */
void snnq_bo_fill(struct snnq_bo *bo, u64 offset, const void *from, size_t size)
{
	u64 at = offset, end = offset + size;

	while (at < end) {
		size_t n = min_t(u64, end - at, PAGE_SIZE - offset_in_page(at));
		struct page *page = bo->base.pages[at >> PAGE_SHIFT];

		memcpy_to_page(page, offset_in_page(at), from, n);
		from += n;
		at += n;
	}
	snnq_bo_sync(bo, offset, size, true);
}

int snnq_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_bo_create *args = data;
	struct snnq_bo *bo;
	int err;

	if (!args->size || args->flags & ~DRM_SNNQ_BO_DEVICE_READONLY)
		return -EINVAL;
	bo = snnq_bo_create(to_snnq_device(drm), args->size);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	bo->device_readonly = args->flags & DRM_SNNQ_BO_DEVICE_READONLY;
	args->size = snnq_bo_obj(bo)->size;
	err = drm_gem_handle_create(file, snnq_bo_obj(bo), &args->handle);
	snnq_bo_put(bo);
	return err;
}

int snnq_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_bo_mmap_offset *args = data;
	struct snnq_bo *bo;
	int err;

	if (args->flags)
		return -EINVAL;
	bo = snnq_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	err = snnq_bo_imported(bo) ? -EINVAL : drm_gem_create_mmap_offset(snnq_bo_obj(bo));
	if (!err)
		args->offset = drm_vma_node_offset_addr(&snnq_bo_obj(bo)->vma_node);
	snnq_bo_put(bo);
	return err;
}

int snnq_ioctl_bo_sync(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_bo_sync *args = data;
	struct snnq_bo *bo;
	u64 end;
	int err = 0, idx;

	if (args->flags != DRM_SNNQ_SYNC_FOR_CPU && args->flags != DRM_SNNQ_SYNC_FOR_DEVICE)
		return -EINVAL;
	if (!args->size || check_add_overflow(args->offset, args->size, &end))
		return -EINVAL;
	bo = snnq_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	if (end > snnq_bo_obj(bo)->size)
		err = -EINVAL;
	else if (!drm_dev_enter(drm, &idx))
		err = -ENODEV;
	if (!err) {
		snnq_bo_sync(bo, args->offset, args->size,
			     args->flags == DRM_SNNQ_SYNC_FOR_DEVICE);
		drm_dev_exit(idx);
	}
	snnq_bo_put(bo);
	return err;
}

int snnq_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_bo_info *args = data;
	struct snnq_bo *bo;

	if (args->flags)
		return -EINVAL;
	bo = snnq_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	args->size = snnq_bo_obj(bo)->size;
	if (bo->device_readonly)
		args->flags |= DRM_SNNQ_BO_DEVICE_READONLY;
	if (snnq_bo_imported(bo))
		args->flags |= DRM_SNNQ_BO_INFO_IMPORTED;
	snnq_bo_put(bo);
	return 0;
}
