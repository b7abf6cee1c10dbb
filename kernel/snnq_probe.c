// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel at hand has. snnq_probe.sh compiles this file, but for no object:
 * the name of each piece that the compiler has nothing against is defined. So what is
 * asked for is the shape of a thing, not that its name occurs somewhere. Pieces with
 * NEED in their name are what the driver cannot do without.
 *
 * A macro that is there or not needs no piece: snnq_compat.h looks for it itself.
 */
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/pm_runtime.h>
#include <net/genetlink.h>

#if __has_include(<drm/drm_accel.h>)
#include <drm/drm_accel.h>
#endif
#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#if __has_include(<drm/drm_exec.h>)
#include <drm/drm_exec.h>
#endif
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_syncobj.h>
#include <drm/gpu_scheduler.h>

/*
 * The compiler says where an error is, and for an error in a macro that is where the
 * macro is: pieces use none of the kernel's that could fail.
 */

#line 1 "SNNQ_NEED_CONFIG_DRM"
_Static_assert(IS_ENABLED(CONFIG_DRM), "off");

/* Without a prompt: they are there when the configuration has a driver that selects them. */
#line 1 "SNNQ_NEED_CONFIG_DRM_SCHED"
_Static_assert(IS_ENABLED(CONFIG_DRM_SCHED), "off");

#line 1 "SNNQ_NEED_CONFIG_DRM_GEM_SHMEM_HELPER"
_Static_assert(IS_ENABLED(CONFIG_DRM_GEM_SHMEM_HELPER), "off");

#line 1 "SNNQ_NEED_CONFIG_DMA_SHARED_BUFFER"
_Static_assert(IS_ENABLED(CONFIG_DMA_SHARED_BUFFER), "off");

/* Linux 5.19 */
#line 1 "SNNQ_NEED_dma_resv_usage_rw"
enum dma_resv_usage (*const need_usage)(bool write) = dma_resv_usage_rw;

/* Linux 6.0 */
#line 1 "SNNQ_NEED_drm_sched_job_add_dependency"
int (*const need_dependency)(struct drm_sched_job *job,
			     struct dma_fence *fence) = drm_sched_job_add_dependency;

/* Linux 6.1 */
#line 1 "SNNQ_NEED_dma_buf_unmap_attachment_unlocked"
void (*const need_unmap)(struct dma_buf_attachment *attach, struct sg_table *sgt,
			 enum dma_data_direction dir) = dma_buf_unmap_attachment_unlocked;

#line 1 "SNNQ_HAVE_GET_IF_ACTIVE"
int have_get_if_active(struct device *dev)
{
	return pm_runtime_get_if_active(dev);
}

#line 1 "SNNQ_HAVE_ACCEL"
int (*const have_accel)(struct inode *inode, struct file *file) = accel_open;

#line 1 "SNNQ_HAVE_DRM_EXEC"
_Static_assert(IS_ENABLED(CONFIG_DRM_EXEC), "off");
void (*const have_exec)(struct drm_exec *exec, u32 flags, unsigned int nr) = drm_exec_init;

/* 6.1 has the type by backport, with other members. */
#line 1 "SNNQ_HAVE_SCHED_INIT_ARGS"
int (*const have_init_args)(struct drm_gpu_scheduler *sched,
			    const struct drm_sched_init_args *args) = drm_sched_init;

#line 1 "SNNQ_HAVE_SCHED_INIT_ARGS_NUM_RQS"
u32 have_num_rqs(const struct drm_sched_init_args *args)
{
	return args->num_rqs;
}

#line 1 "SNNQ_HAVE_SCHED_INIT_NUM_RQS"
int (*const have_init_num_rqs)(struct drm_gpu_scheduler *sched,
			       const struct drm_sched_backend_ops *ops,
			       struct workqueue_struct *submit_wq, u32 num_rqs, u32 credit_limit,
			       unsigned int hang_limit, long timeout,
			       struct workqueue_struct *timeout_wq, atomic_t *score,
			       const char *name, struct device *dev) = drm_sched_init;

#line 1 "SNNQ_HAVE_SCHED_PREPARE_JOB"
size_t have_prepare_job = __builtin_offsetof(struct drm_sched_backend_ops, prepare_job);

#line 1 "SNNQ_HAVE_SCHED_JOB_CREDITS"
int (*const have_credits)(struct drm_sched_job *job, struct drm_sched_entity *entity, u32 credits,
			  void *owner) = drm_sched_job_init;

#line 1 "SNNQ_HAVE_SCHED_JOB_CLIENT_ID"
int (*const have_client_id)(struct drm_sched_job *job, struct drm_sched_entity *entity, u32 credits,
			    void *owner, u64 drm_client_id) = drm_sched_job_init;

#line 1 "SNNQ_HAVE_SCHED_START_BOOL"
void (*const have_start_bool)(struct drm_gpu_scheduler *sched, bool full) = drm_sched_start;

#line 1 "SNNQ_HAVE_SCHED_START_ERRNO"
void (*const have_start_errno)(struct drm_gpu_scheduler *sched, int error) = drm_sched_start;

/* The scheduler's fences do not get the errors of those that run_job() returned. */
#line 1 "SNNQ_HAVE_SCHED_FENCE_SILENT"
void (*const have_silent)(struct drm_sched_fence *fence) = drm_sched_fence_finished;

#line 1 "SNNQ_HAVE_DRIVER_DATE"
size_t have_date = __builtin_offsetof(struct drm_driver, date);

#line 1 "SNNQ_HAVE_DRIVER_PRIME_MMAP"
size_t have_prime_mmap = __builtin_offsetof(struct drm_driver, gem_prime_mmap);

#line 1 "SNNQ_HAVE_SHOW_FDINFO"
size_t have_driver_fdinfo = __builtin_offsetof(struct drm_driver, show_fdinfo);
void (*const have_fdinfo)(struct seq_file *m, struct file *f) = drm_show_fdinfo;
void (*const have_memory)(struct drm_printer *p, struct drm_file *file) = drm_show_memory_stats;

#line 1 "SNNQ_HAVE_FILE_CLIENT_ID"
size_t have_file_client_id = __builtin_offsetof(struct drm_file, client_id);

#line 1 "SNNQ_HAVE_FOP_UNSIGNED_OFFSET"
size_t have_fop_flags = __builtin_offsetof(struct file_operations, fop_flags) + FOP_UNSIGNED_OFFSET;

#line 1 "SNNQ_HAVE_GEM_STATUS"
size_t have_status = __builtin_offsetof(struct drm_gem_object_funcs, status);

#line 1 "SNNQ_HAVE_DEBUGFS_ROOT"
size_t have_debugfs_root = __builtin_offsetof(struct drm_device, debugfs_root);

#line 1 "SNNQ_HAVE_PCIM_IOMAP_REGION"
void __iomem *(*const have_iomap)(struct pci_dev *pdev, int bar,
				  const char *name) = pcim_iomap_region;

#line 1 "SNNQ_HAVE_PLATFORM_REMOVE_VOID"
void have_remove_void(struct platform_driver *driver, void (*remove)(struct platform_device *pdev))
{
	driver->remove = remove;
}

#line 1 "SNNQ_HAVE_DUMP_INFO"
size_t have_dump_info = __builtin_offsetof(struct genl_dumpit_info, info);

/* It became a string, which the old macro makes another string of. */
#line 1 "SNNQ_HAVE_IMPORT_NS_STRING"
#undef MODULE_INFO
#define MODULE_INFO(tag, info) _Static_assert(sizeof(info) == sizeof("DMA_BUF"), "quoted")
MODULE_IMPORT_NS("DMA_BUF");
