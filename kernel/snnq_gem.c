// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: shmem-backed GEM objects, and imported dma-bufs.
 *
 * A buffer is pinned, mapped for the device and has its page list from creation
 * to the end, so that submitting a job neither allocates nor maps. The same
 * objects, without a handle, hold programs, and state and scratch memory of streams.
 *
 * When the driver leaves the device, mappings, page lists and attachments go. The
 * pages stay as long as anybody has the buffer: what processes and importers have
 * mapped keeps its content.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "snnq_compat.h"
#include "snnq_device.h"
#include "snnq_gem.h"

/* A new buffer is mapped: from now on removal knows of it. */
static void snnq_bo_mapped(struct snnq_bo *bo)
{
	struct snnq_device *sdev = to_snnq_device(snnq_bo_obj(bo)->dev);

	mutex_lock(&sdev->dma_lock);
	list_add(&bo->node, &sdev->bos);
	mutex_unlock(&sdev->dma_lock);
}

static void snnq_bo_unmap(struct snnq_bo *bo)
{
	struct drm_gem_object *obj = snnq_bo_obj(bo);
	struct sg_table *sgt = bo->base.sgt;

	lockdep_assert_held(&to_snnq_device(obj->dev)->dma_lock);
	list_del_init(&bo->node);
	bo->base.sgt = NULL;
	snnq_pagelist_free(&bo->list, obj->dev->dev);
	if (snnq_bo_imported(bo)) {
		dma_buf_unmap_attachment_unlocked(obj->import_attach, sgt, DMA_BIDIRECTIONAL);
		dma_buf_detach(bo->dmabuf, obj->import_attach);
	} else {
		dma_unmap_sgtable(obj->dev->dev, sgt, DMA_BIDIRECTIONAL, 0);
		sg_free_table(sgt);
		kfree(sgt);
	}
}

static void snnq_gem_free(struct drm_gem_object *obj)
{
	struct snnq_device *sdev = to_snnq_device(obj->dev);
	struct snnq_bo *bo = to_snnq_bo(obj);

	if (READ_ONCE(sdev->unstoppable)) { /* the device may still write to it */
		drm_gem_free_mmap_offset(obj);
		return;
	}
	mutex_lock(&sdev->dma_lock);
	if (!list_empty(&bo->node))
		snnq_bo_unmap(bo);
	mutex_unlock(&sdev->dma_lock);
	snnq_uncharge(&bo->charge);
	if (snnq_bo_imported(bo)) {
		dma_buf_put(bo->dmabuf);
		drm_gem_object_release(obj);
		kfree(bo);
	} else {
		drm_gem_shmem_free(&bo->base);
	}
}

/* The driver leaves the device, which is quiet. */
void snnq_gem_remove(struct snnq_device *sdev)
{
	struct snnq_bo *bo, *next;

	mutex_lock(&sdev->dma_lock);
	list_for_each_entry_safe(bo, next, &sdev->bos, node) {
		snnq_bo_unmap(bo);
		cond_resched();
	}
	mutex_unlock(&sdev->dma_lock);
}

/*
 * Page by page: DMA addresses of neighbours may be merged while the pages are
 * apart, and bouncing more than the range would undo what the CPU wrote nearby.
 * Inside drm_dev_enter(). @end: > @offset.
 */
static void snnq_bo_sync(struct snnq_bo *bo, u64 offset, u64 end, bool for_device)
{
	struct device *dev = snnq_bo_obj(bo)->dev->dev;
	u64 page = offset & ~(u64)(PAGE_SIZE - 1), next;
	struct snnq_place place = snnq_pagelist_place(&bo->list, page >> SNNQ_PAGE_SHIFT);
	dma_addr_t addr;
	size_t size;

	for (;; offset = page = next) {
		next = page + PAGE_SIZE;
		addr = snnq_place_address(&place) + (offset - page);
		size = min(next, end) - offset;
		if (for_device)
			dma_sync_single_for_device(dev, addr, size, DMA_BIDIRECTIONAL);
		else
			dma_sync_single_for_cpu(dev, addr, size, DMA_BIDIRECTIONAL);
		if (next >= end)
			break;
		snnq_place_advance(&place, PAGE_SIZE >> SNNQ_PAGE_SHIFT);
	}
}

#define SNNQ_SYNC_BYTES ((u64)SZ_1M)

/* As much as the user likes, so in pieces. A device that is gone needs no sync. */
static int snnq_bo_sync_range(struct snnq_bo *bo, u64 offset, u64 size, bool for_device)
{
	struct drm_device *drm = snnq_bo_obj(bo)->dev;
	u64 end = offset + size, next;
	int idx;

	for (; offset < end; offset = next) {
		next = min(end, ALIGN(offset + 1, SNNQ_SYNC_BYTES));
		if (!drm_dev_enter(drm, &idx))
			return -ENODEV;
		snnq_bo_sync(bo, offset, next, for_device);
		drm_dev_exit(idx);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* dma-bufs of our buffers: as DRM's own, and able to sync. */

static int snnq_dmabuf_sync(struct dma_buf *dmabuf, bool for_device)
{
	struct drm_gem_object *obj = dmabuf->priv;
	int err = snnq_bo_sync_range(to_snnq_bo(obj), 0, obj->size, for_device);

	return err == -ENODEV ? 0 : err;
}

static int snnq_dmabuf_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return snnq_dmabuf_sync(dmabuf, false);
}

static int snnq_dmabuf_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return snnq_dmabuf_sync(dmabuf, true);
}

static const struct dma_buf_ops snnq_dmabuf_ops = {
	.attach = drm_gem_map_attach,
	.detach = drm_gem_map_detach,
	.map_dma_buf = drm_gem_map_dma_buf,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
	.begin_cpu_access = snnq_dmabuf_begin_cpu_access,
	.end_cpu_access = snnq_dmabuf_end_cpu_access,
};

static struct dma_buf *snnq_gem_export(struct drm_gem_object *obj, int flags)
{
	struct dma_buf_export_info info = {
		.exp_name = SNNQ_DRIVER_NAME,
		.owner = THIS_MODULE,
		.ops = &snnq_dmabuf_ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};

	return drm_gem_dmabuf_export(obj->dev, &info);
}

struct drm_gem_object *snnq_gem_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct drm_gem_object *obj = dmabuf->priv;

	if (dmabuf->ops != &snnq_dmabuf_ops || obj->dev != drm)
		return drm_gem_prime_import(drm, dmabuf);
	drm_gem_object_get(obj); /* it is ours: no need to go through the dma-buf */
	return obj;
}

static const struct drm_gem_object_funcs snnq_gem_funcs = {
	.free = snnq_gem_free,
	.export = snnq_gem_export,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	SNNQ_GEM_RESIDENT,
};

struct drm_gem_object *snnq_gem_create_object(struct drm_device *drm, size_t size)
{
	struct snnq_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->base.base.funcs = &snnq_gem_funcs;
	INIT_LIST_HEAD(&bo->node);
	return &bo->base.base;
}

static struct snnq_bo *snnq_bo_alloc(struct snnq_device *sdev, u64 size)
{
	struct drm_gem_shmem_object *shmem;

	if (overflows_type(size, size_t))
		return ERR_PTR(-ENOMEM);
	shmem = drm_gem_shmem_create(&sdev->drm, size);
	return IS_ERR(shmem) ? ERR_CAST(shmem) : to_snnq_bo(&shmem->base);
}

/**
 * snnq_bo_create() - make a zeroed buffer
 * @sfile: for whom.
 * @size: bytes, > 0; rounded up to pages.
 *
 * Inside drm_dev_enter().
 *
 * Return: the buffer, without a handle, or an error pointer.
 */
struct snnq_bo *snnq_bo_create(struct snnq_file *sfile, u64 size)
{
	struct snnq_charge charge = {};
	struct sg_table *sgt;
	struct snnq_bo *bo;
	int err;

	if (!size || size > SNNQ_MAX_REGION_BYTES)
		return ERR_PTR(-ENOMEM);
	size = PAGE_ALIGN(size);
	err = snnq_charge(&charge, sfile, size + snnq_pagelist_bytes(size));
	if (err)
		return ERR_PTR(err);
	bo = snnq_bo_alloc(sfile->sdev, size);
	if (IS_ERR(bo)) {
		snnq_uncharge(&charge);
		return bo;
	}
	bo->charge = charge;
	sgt = drm_gem_shmem_get_pages_sgt(&bo->base);
	err = PTR_ERR_OR_ZERO(sgt);
	if (!err)
		err = snnq_pagelist_build(&bo->list, sfile->sdev->drm.dev, sgt, size);
	if (err) {
		snnq_bo_put(bo);
		return ERR_PTR(err);
	}
	snnq_bo_mapped(bo);
	return bo;
}

/* The mapping and the attachment stay with the caller when this fails. */
static int snnq_bo_import(struct snnq_bo *bo, struct snnq_file *sfile, struct sg_table *sgt)
{
	struct drm_gem_object *obj = snnq_bo_obj(bo);
	int err = snnq_charge(&bo->charge, sfile, obj->size + snnq_pagelist_bytes(obj->size));

	if (!err)
		err = snnq_pagelist_build(&bo->list, obj->dev->dev, sgt, obj->size);
	if (err)
		bo->base.sgt = NULL;
	return err;
}

/* Inside snnq_gem_fd_to_handle(). */
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
	err = snnq_bo_import(bo, sdev->importer, sgt);
	if (err) {
		drm_gem_object_put(obj);
		return ERR_PTR(err);
	}
	bo->dmabuf = attach->dmabuf; /* DRM takes the reference for us */
	snnq_bo_mapped(bo);
	return obj;
}

/* DRM does not tell for whom a buffer is imported. It imports one at a time anyway. */
int snnq_gem_fd_to_handle(struct drm_device *drm, struct drm_file *file, int fd, u32 *handle)
{
	struct snnq_device *sdev = to_snnq_device(drm);
	int err;

	mutex_lock(&sdev->import_lock);
	sdev->importer = file->driver_priv;
	err = drm_gem_prime_fd_to_handle(drm, file, fd, handle);
	sdev->importer = NULL;
	mutex_unlock(&sdev->import_lock);
	return err;
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

static void snnq_bo_write(struct snnq_bo *bo, u64 at, const void *from, size_t size)
{
	u64 end = at + size;

	while (at < end) {
		size_t n = min_t(u64, end - at, PAGE_SIZE - offset_in_page(at));
		struct page *page = bo->base.pages[at >> PAGE_SHIFT];

		memcpy_to_page(page, offset_in_page(at), from, n);
		from += n;
		at += n;
	}
}

/* What the CPU wrote to a buffer of ours; also when the device is gone. */
void snnq_bo_read(struct snnq_bo *bo, u64 at, void *to, size_t size)
{
	u64 end = at + size;

	while (at < end) {
		size_t n = min_t(u64, end - at, PAGE_SIZE - offset_in_page(at));

		memcpy_from_page(to, bo->base.pages[at >> PAGE_SHIFT], offset_in_page(at), n);
		to += n;
		at += n;
	}
}

/**
 * snnq_bo_load() - copy from kernel memory to the begin of a new buffer of ours
 * @bo: buffer, not imported.
 * @from: what.
 * @size: how much, > 0.
 *
 * Inside drm_dev_enter(); sleeps.
 *
 * Return: 0 or -EINTR.
 */
int snnq_bo_load(struct snnq_bo *bo, const void *from, size_t size)
{
	snnq_bo_write(bo, 0, from, size);
	return snnq_bo_sync_range(bo, 0, size, true);
}

/**
 * snnq_bo_record() - copy a record from kernel memory into a buffer of ours
 * @bo: buffer, not imported.
 * @offset: where it goes; all of it into one device page.
 * @from: the record.
 * @size: its bytes.
 *
 * Any context; it takes little time, wherever in the buffer that is. When the device is
 * removed, a bounce buffer may have the last word.
 */
void snnq_bo_record(struct snnq_bo *bo, u64 offset, const void *from, size_t size)
{
	int idx;

	snnq_bo_write(bo, offset, from, size);
	if (!drm_dev_enter(snnq_bo_obj(bo)->dev, &idx))
		return;
	snnq_bo_sync(bo, offset, offset + size, true);
	drm_dev_exit(idx);
}

/* Of a buffer of ours; it is made with the object. */
static u64 snnq_bo_mmap_offset(struct snnq_bo *bo)
{
	return drm_vma_node_offset_addr(&snnq_bo_obj(bo)->vma_node);
}

int snnq_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_bo_create *args = data;
	struct snnq_bo *bo;
	int err;

	if (!args->size || args->flags & ~DRM_SNNQ_BO_DEVICE_READONLY)
		return -EINVAL;
	bo = snnq_bo_create(file->driver_priv, args->size);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	bo->device_readonly = args->flags & DRM_SNNQ_BO_DEVICE_READONLY;
	args->size = snnq_bo_obj(bo)->size;
	args->mmap_offset = snnq_bo_mmap_offset(bo);
	err = drm_gem_handle_create(file, snnq_bo_obj(bo), &args->handle);
	snnq_bo_put(bo);
	return err;
}

/*
 * The caches of imported memory are its exporter's concern; a bounce buffer that
 * lies between it and our device is ours, and has the last word.
 */
static int snnq_bo_sync_imported(struct snnq_bo *bo, u64 offset, u64 size, bool for_device)
{
	int err = for_device ? dma_buf_end_cpu_access(bo->dmabuf, DMA_BIDIRECTIONAL) :
			       dma_buf_begin_cpu_access(bo->dmabuf, DMA_BIDIRECTIONAL);

	if (!err && dev_is_dma_coherent(snnq_bo_obj(bo)->dev->dev))
		err = snnq_bo_sync_range(bo, offset, size, for_device);
	return err;
}

int snnq_ioctl_bo_sync(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_bo_sync *args = data;
	bool for_device = args->flags == DRM_SNNQ_BO_SYNC_FOR_DEVICE;
	struct snnq_bo *bo;
	u64 end;
	int err;

	if (args->flags != DRM_SNNQ_BO_SYNC_FOR_CPU && args->flags != DRM_SNNQ_BO_SYNC_FOR_DEVICE)
		return -EINVAL;
	if (!args->size || check_add_overflow(args->offset, args->size, &end))
		return -EINVAL;
	bo = snnq_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	if (end > snnq_bo_obj(bo)->size)
		err = -EINVAL;
	else if (snnq_bo_imported(bo))
		err = snnq_bo_sync_imported(bo, args->offset, args->size, for_device);
	else
		err = snnq_bo_sync_range(bo, args->offset, args->size, for_device);
	snnq_bo_put(bo);
	return err;
}

int snnq_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_bo_info *args = data;
	struct snnq_bo *bo;

	if (args->flags || args->pad)
		return -EINVAL;
	bo = snnq_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	args->size = snnq_bo_obj(bo)->size;
	args->mmap_offset = snnq_bo_imported(bo) ? 0 : snnq_bo_mmap_offset(bo);
	args->bo_flags = (bo->device_readonly ? DRM_SNNQ_BO_DEVICE_READONLY : 0) |
			 (snnq_bo_imported(bo) ? DRM_SNNQ_BO_IMPORTED : 0);
	snnq_bo_put(bo);
	return 0;
}
