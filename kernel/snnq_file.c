// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files: the DRM driver, its ioctls, and what opening and closing do.
 *
 * An accel node where the kernel has them, else a render node.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_print.h>

#include "snnq_compat.h"
#include "snnq_device.h"
#include "snnq_gem.h"
#include "snnq_job.h"
#include "snnq_mem.h"
#include "snnq_model.h"
#include "snnq_stream.h"

/* Files that are opened at the same time may get here in another order than their numbers. */
static void snnq_file_add(struct snnq_device *sdev, struct snnq_file *sfile)
{
	struct snnq_file *older;

	mutex_lock(&sdev->files_lock);
	list_for_each_entry(older, &sdev->files, node)
		if (older->client.id < sfile->client.id)
			break;
	list_add_tail(&sfile->node, &older->node);
	mutex_unlock(&sdev->files_lock);
}

static void snnq_file_del(struct snnq_device *sdev, struct snnq_file *sfile)
{
	mutex_lock(&sdev->files_lock);
	list_del(&sfile->node);
	mutex_unlock(&sdev->files_lock);
}

static int snnq_open(struct drm_device *drm, struct drm_file *file)
{
	struct snnq_file *sfile = kzalloc(sizeof(*sfile), GFP_KERNEL_ACCOUNT);
	u32 level;

	if (!sfile)
		return -ENOMEM;
	kref_init(&sfile->ref);
	sfile->sdev = to_snnq_device(drm);
	xa_init_flags(&sfile->models, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	xa_init_flags(&sfile->streams, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	mutex_init(&sfile->submit_lock);
	init_waitqueue_head(&sfile->idle);
	snnq_throttle_init(&sfile->throttle);
	for (level = 0; level < SNNQ_LEVELS; level++)
		snnq_account_init(&sfile->accounts[level], level);
	snnq_client_init(&sfile->client, snnq_client_id(file));
	snnq_file_add(sfile->sdev, sfile);
	file->driver_priv = sfile;
	return 0;
}

/*
 * Jobs go on by themselves after their file is closed. Waiting for them, within
 * reason, is a courtesy: what follows a close finds the memory free and the
 * module unused.
 */
static void snnq_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct snnq_file *sfile = file->driver_priv;

	snnq_file_del(sfile->sdev, sfile);
	snnq_streams_close(to_snnq_device(drm), sfile);
	snnq_models_close(sfile);
	if (wait_event_timeout(sfile->idle, !atomic_read(&sfile->jobs), HZ))
		snnq_jobs_flush();
	snnq_file_put(sfile);
}

void snnq_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct snnq_device *sdev = to_snnq_device(file->minor->dev);
	struct snnq_file *sfile = file->driver_priv;

	snnq_device_settle(sdev);
	drm_printf(p, "drm-engine-core:\t%llu ns\n",
		   (u64)atomic64_read(&sfile->counters.value[SNNQ_BUSY_NS]));
	drm_printf(p, "drm-engine-capacity-core:\t%u\n", sdev->info.cores);
	drm_printf(p, "drm-cycles-core:\t%llu\n",
		   (u64)atomic64_read(&sfile->counters.value[SNNQ_CYCLES]));
	drm_printf(p, "drm-maxfreq-core:\t%llu Hz\n", sdev->info.clock_khz * 1000ull);
	drm_printf(p, "snnq-memory:\t%llu KiB\n",
		   (u64)atomic64_read(&sfile->counters.value[SNNQ_MEMORY_BYTES]) >> 10);
	drm_show_memory_stats(p, file);
}

/*
 * Whether an ioctl may use the device, or make what its removal takes back. Others
 * must not run inside drm_dev_enter(): they may wait for what removal alone ends.
 */
static bool snnq_ioctl_needs_device(unsigned int cmd)
{
	unsigned int nr = DRM_IOCTL_NR(cmd);

	switch (nr) {
	case DRM_IOCTL_NR(DRM_IOCTL_PRIME_HANDLE_TO_FD):
	case DRM_IOCTL_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE):
		return true;
	case DRM_COMMAND_BASE + DRM_SNNQ_BO_SYNC: /* enters by itself */
		return false;
	default:
		return nr >= DRM_COMMAND_BASE && nr < DRM_COMMAND_END;
	}
}

static long snnq_ioctl_any(struct file *filp, unsigned int cmd, unsigned long arg,
			   long (*ioctl)(struct file *filp, unsigned int cmd, unsigned long arg))
{
	struct drm_file *file = filp->private_data;
	long ret;
	int idx;

	if (!snnq_ioctl_needs_device(cmd))
		return ioctl(filp, cmd, arg);
	if (DRM_IOCTL_NR(cmd) == DRM_COMMAND_BASE + DRM_SNNQ_SUBMIT) {
		ret = snnq_throttle_wait(file->driver_priv);
		if (ret)
			return ret;
	}
	if (!drm_dev_enter(file->minor->dev, &idx))
		return -ENODEV;
	ret = ioctl(filp, cmd, arg);
	drm_dev_exit(idx);
	return ret;
}

static long snnq_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	return snnq_ioctl_any(filp, cmd, arg, drm_ioctl);
}

#ifdef CONFIG_COMPAT
static long snnq_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	return snnq_ioctl_any(filp, cmd, arg, drm_compat_ioctl);
}
#else
#define snnq_compat_ioctl NULL
#endif

#define SNNQ_IOCTL(name, handler) DRM_IOCTL_DEF_DRV(SNNQ_##name, handler, DRM_RENDER_ALLOW)

static const struct drm_ioctl_desc snnq_ioctls[] = {
	SNNQ_IOCTL(DEV_QUERY, snnq_ioctl_dev_query),
	SNNQ_IOCTL(BO_CREATE, snnq_ioctl_bo_create),
	SNNQ_IOCTL(BO_SYNC, snnq_ioctl_bo_sync),
	SNNQ_IOCTL(BO_INFO, snnq_ioctl_bo_info),
	SNNQ_IOCTL(MODEL_CREATE, snnq_ioctl_model_create),
	SNNQ_IOCTL(MODEL_DESTROY, snnq_ioctl_model_destroy),
	SNNQ_IOCTL(STREAM_CREATE, snnq_ioctl_stream_create),
	SNNQ_IOCTL(STREAM_DESTROY, snnq_ioctl_stream_destroy),
	SNNQ_IOCTL(STREAM_RESET, snnq_ioctl_stream_reset),
	SNNQ_IOCTL(STREAM_QUERY, snnq_ioctl_stream_query),
	SNNQ_IOCTL(SUBMIT, snnq_ioctl_submit),
};

/* As DRM_ACCEL_FOPS, which lacks show_fdinfo and exists with accel only. */
static const struct file_operations snnq_fops = {
	.owner = THIS_MODULE,
	SNNQ_FOPS_OPEN,
	.release = drm_release,
	.unlocked_ioctl = snnq_ioctl,
	.compat_ioctl = snnq_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = drm_gem_mmap,
	.show_fdinfo = drm_show_fdinfo,
};

const struct drm_driver snnq_drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE | SNNQ_NODE,
	SNNQ_DRIVER_OPEN,
	.postclose = snnq_postclose,
	.gem_create_object = snnq_gem_create_object,
	.gem_prime_import = snnq_gem_import,
	.gem_prime_import_sg_table = snnq_gem_import_sg_table,
	.prime_fd_to_handle = snnq_gem_fd_to_handle,
	SNNQ_DRIVER_EXPORT,
	.ioctls = snnq_ioctls,
	.num_ioctls = ARRAY_SIZE(snnq_ioctls),
	.fops = &snnq_fops,
	.name = SNNQ_DRIVER_NAME,
	.desc = "spiking neural network coprocessor",
	SNNQ_DRIVER_VERSION,
};
