/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_compat.h - what differs between kernels, and nothing else.
 *
 * Stable kernels backport interfaces, so version numbers say little. SNNQ_HAVE_*
 * were found by compiling snnq_probe.c. The rest of the driver is written for the
 * newest form, and asks neither for a version nor for what a kernel has.
 */
#ifndef SNNQ_COMPAT_H
#define SNNQ_COMPAT_H

#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>

#include <net/genetlink.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/gpu_scheduler.h>

#include "snnq_device.h"
#include "snnq_have.h"

#ifdef SNNQ_HAVE_ACCEL
#include <drm/drm_accel.h>
#endif

#ifdef SNNQ_HAVE_DRM_EXEC
#include <drm/drm_exec.h>
#else
#include "snnq_exec.h"
#endif

/* Module */

#ifdef SNNQ_HAVE_IMPORT_NS_STRING
#define SNNQ_IMPORT_DMA_BUF MODULE_IMPORT_NS("DMA_BUF")
#else
#define SNNQ_IMPORT_DMA_BUF MODULE_IMPORT_NS(DMA_BUF)
#endif

#ifndef overflows_type
#define overflows_type(n, type) ((n) != (type)(n))
#endif

/* PCI */

#ifndef PCI_IRQ_INTX
#define PCI_IRQ_INTX PCI_IRQ_LEGACY
#endif

#if defined(CONFIG_PCI) && !defined(SNNQ_HAVE_PCIM_IOMAP_REGION)
static inline void __iomem *pcim_iomap_region(struct pci_dev *pdev, int bar, const char *name)
{
	int err = pcim_iomap_regions(pdev, BIT(bar), name);

	return err ? IOMEM_ERR_PTR(err) : pcim_iomap_table(pdev)[bar];
}
#endif

/* Platform devices */

/* What the removal of one returns, and how. */
#ifdef SNNQ_HAVE_PLATFORM_REMOVE_VOID
#define SNNQ_REMOVE void
#define SNNQ_REMOVED
#else
#define SNNQ_REMOVE  int
#define SNNQ_REMOVED 0
#endif

/* Power */

#ifndef SNNQ_HAVE_GET_IF_ACTIVE
#define pm_runtime_get_if_active(dev) pm_runtime_get_if_active(dev, true)
#endif

/* Scheduler */

#ifdef SNNQ_HAVE_SCHED_PREPARE_JOB
#define snnq_sched_prepare prepare_job
#else
#define snnq_sched_prepare dependency
#endif

/* @depth: jobs that may be given to the hardware. No job times out: snnq_recover.c watches. */
static inline int snnq_sched_init(struct drm_gpu_scheduler *sched,
				  const struct drm_sched_backend_ops *ops, u32 depth,
				  const char *name, struct device *dev)
{
#if defined(SNNQ_HAVE_SCHED_INIT_ARGS)
	const struct drm_sched_init_args args = {
		.ops = ops,
#ifdef SNNQ_HAVE_SCHED_INIT_ARGS_NUM_RQS
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
#endif
		.credit_limit = depth,
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = name,
		.dev = dev,
	};

	return drm_sched_init(sched, &args);
#elif defined(SNNQ_HAVE_SCHED_INIT_NUM_RQS)
	return drm_sched_init(sched, ops, NULL, DRM_SCHED_PRIORITY_COUNT, depth, 0,
			      MAX_SCHEDULE_TIMEOUT, NULL, NULL, name, dev);
#else
	return drm_sched_init(sched, ops, depth, 0, MAX_SCHEDULE_TIMEOUT, NULL, NULL, name, dev);
#endif
}

static inline int snnq_sched_job_init(struct drm_sched_job *job, struct drm_sched_entity *entity,
				      void *owner, u64 client_id)
{
#if defined(SNNQ_HAVE_SCHED_JOB_CLIENT_ID)
	return drm_sched_job_init(job, entity, 1, owner, client_id);
#elif defined(SNNQ_HAVE_SCHED_JOB_CREDITS)
	return drm_sched_job_init(job, entity, 1, owner);
#else
	return drm_sched_job_init(job, entity, owner);
#endif
}

static inline void snnq_sched_start(struct drm_gpu_scheduler *sched)
{
#if defined(SNNQ_HAVE_SCHED_START_BOOL)
	drm_sched_start(sched, true);
#elif defined(SNNQ_HAVE_SCHED_START_ERRNO)
	drm_sched_start(sched, 0);
#else
	drm_sched_start(sched);
#endif
}

/* The error of a job, before the fence is signalled that its run_job() returned. */
static inline void snnq_sched_job_error(struct drm_sched_job *job, int error)
{
#ifdef SNNQ_HAVE_SCHED_FENCE_SILENT
	dma_fence_set_error(&job->s_fence->finished, error);
#endif
}

/* DRM driver and its files. Macros are lists of members, for initializers. */

#ifdef SNNQ_HAVE_ACCEL
#define SNNQ_NODE      DRIVER_COMPUTE_ACCEL
#define snnq_node_open accel_open
#else
#define SNNQ_NODE      DRIVER_RENDER
#define snnq_node_open drm_open
#endif

#ifdef SNNQ_HAVE_FOP_UNSIGNED_OFFSET
#define SNNQ_FOPS_OPEN .open = snnq_node_open, .fop_flags = FOP_UNSIGNED_OFFSET
#else
#define SNNQ_FOPS_OPEN .open = snnq_node_open
#endif

#ifdef SNNQ_HAVE_DRIVER_DATE
#define SNNQ_DRIVER_VERSION .major = 1, .minor = 0, .date = "20260101"
#else
#define SNNQ_DRIVER_VERSION .major = 1, .minor = 0
#endif

#ifdef SNNQ_HAVE_DRIVER_PRIME_MMAP
#define SNNQ_DRIVER_EXPORT \
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd, .gem_prime_mmap = drm_gem_prime_mmap
#else
#define SNNQ_DRIVER_EXPORT .prime_handle_to_fd = drm_gem_prime_handle_to_fd
#endif

#ifdef SNNQ_HAVE_SHOW_FDINFO
#define SNNQ_DRIVER_OPEN .open = snnq_open, .show_fdinfo = snnq_show_fdinfo
#else
#define SNNQ_DRIVER_OPEN .open = snnq_open
#endif

/* A number that no other open file has. */
static inline u64 snnq_client_id(const struct drm_file *file)
{
#ifdef SNNQ_HAVE_FILE_CLIENT_ID
	return file->client_id;
#else
	return dma_fence_context_alloc(1);
#endif
}

#ifndef SNNQ_HAVE_SHOW_FDINFO
/* All buffers are resident. */
static inline void drm_show_memory_stats(struct drm_printer *p, struct drm_file *file)
{
	u64 total = 0, shared = 0, active = 0;
	struct drm_gem_object *obj;
	int id;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id) {
		total += obj->size;
		if (obj->handle_count > 1)
			shared += obj->size;
		if (!dma_resv_test_signaled(obj->resv, dma_resv_usage_rw(true)))
			active += obj->size;
	}
	spin_unlock(&file->table_lock);
	drm_printf(p, "drm-total-memory:\t%llu KiB\n", total >> 10);
	drm_printf(p, "drm-shared-memory:\t%llu KiB\n", shared >> 10);
	drm_printf(p, "drm-active-memory:\t%llu KiB\n", active >> 10);
	drm_printf(p, "drm-resident-memory:\t%llu KiB\n", total >> 10);
}

static inline void drm_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct drm_printer p = drm_seq_file_printer(m);
	struct drm_file *file = filp->private_data;
	struct snnq_file *sfile = file->driver_priv;
	struct drm_device *drm = file->minor->dev;

	drm_printf(&p, "drm-driver:\t%s\n", drm->driver->name);
	drm_printf(&p, "drm-client-id:\t%llu\n", sfile->client.id);
	if (dev_is_pci(drm->dev))
		drm_printf(&p, "drm-pdev:\t%s\n", dev_name(drm->dev));
	snnq_show_fdinfo(&p, file);
}
#endif

/* Functions of shmem objects that are always resident. */
#ifdef SNNQ_HAVE_GEM_STATUS
static inline enum drm_gem_object_status snnq_gem_resident(struct drm_gem_object *obj)
{
	return DRM_GEM_OBJECT_RESIDENT;
}

#define SNNQ_GEM_RESIDENT .vm_ops = &drm_gem_shmem_vm_ops, .status = snnq_gem_resident
#else
#define SNNQ_GEM_RESIDENT .vm_ops = &drm_gem_shmem_vm_ops
#endif

/* Of a registered device. */
static inline struct dentry *snnq_debugfs_root(struct drm_device *drm)
{
#ifdef SNNQ_HAVE_DEBUGFS_ROOT
	return drm->debugfs_root;
#else
	return drm->primary->debugfs_root;
#endif
}

#ifdef SNNQ_HAVE_ACCEL
#define SNNQ_NODE_FORMAT "accel/accel%d"
#else
#define SNNQ_NODE_FORMAT "dri/renderD%d"
#endif

/* The minor of the node that users open. */
static inline const struct drm_minor *snnq_node(const struct drm_device *drm)
{
#ifdef SNNQ_HAVE_ACCEL
	return drm->accel;
#else
	return drm->render;
#endif
}

/*
 * The node whose uevent tells that the device is wedged. Where there are card nodes, it is
 * theirs; drm_dev_wedged_event() knows no others, and a device with an accel node has none.
 */
static inline struct device *snnq_wedged_node(const struct drm_device *drm)
{
#ifdef SNNQ_HAVE_ACCEL
	return drm->accel->kdev;
#else
	return drm->primary->kdev;
#endif
}

/* Attributes of the request that began a dump. */
static inline struct nlattr **snnq_dump_attrs(struct netlink_callback *cb)
{
#ifdef SNNQ_HAVE_DUMP_INFO
	return genl_dumpit_info(cb)->info.attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* Who may listen to a group: CAP_SYS_ADMIN. */
#ifdef GENL_MCAST_CAP_SYS_ADMIN
#define SNNQ_MCGRP_ADMIN .flags = GENL_MCAST_CAP_SYS_ADMIN
#else
#define SNNQ_MCGRP_ADMIN .cap_sys_admin = true
#endif

#endif /* SNNQ_COMPAT_H */
