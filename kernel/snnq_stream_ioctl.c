// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handles of streams: what files do with their streams, and what closing does.
 */
#include <linux/capability.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_device.h"
#include "snnq_model.h"
#include "snnq_stream.h"

/* Streams were marked dead: free the hardware of them. */
static void snnq_stream_reap(struct snnq_device *sdev)
{
	int idx;
	u32 i;

	if (!drm_dev_enter(&sdev->drm, &idx))
		return;
	for (i = 0; i < sdev->info.cores; i++)
		snnq_core_cancel_dead(&sdev->cores[i]);
	drm_dev_exit(idx);
}

void snnq_streams_close(struct snnq_device *sdev, struct snnq_file *sfile)
{
	struct snnq_stream *stream;
	unsigned long handle;

	xa_for_each(&sfile->streams, handle, stream)
		WRITE_ONCE(stream->dead, true);
	snnq_stream_reap(sdev);
	xa_for_each(&sfile->streams, handle, stream)
		snnq_stream_put(stream);
	xa_destroy(&sfile->streams);
}

static int snnq_stream_level(u32 priority, enum snnq_level *result)
{
	switch (priority) {
	case DRM_SNNQ_PRIORITY_LOW:
		*result = SNNQ_LEVEL_LOW;
		return 0;
	case DRM_SNNQ_PRIORITY_NORMAL:
		*result = SNNQ_LEVEL_NORMAL;
		return 0;
	case DRM_SNNQ_PRIORITY_HIGH:
		*result = SNNQ_LEVEL_HIGH;
		return capable(CAP_SYS_NICE) ? 0 : -EACCES;
	default:
		return -EINVAL;
	}
}

int snnq_ioctl_stream_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_stream_create *args = data;
	struct snnq_file *sfile = file->driver_priv;
	struct snnq_stream *stream;
	struct snnq_model *model;
	enum snnq_level level;
	int err;

	if (args->flags || args->pad)
		return -EINVAL;
	err = snnq_stream_level(args->priority, &level);
	if (err)
		return err;
	model = snnq_model_get(sfile, args->model);
	if (!model)
		return -ENOENT;
	stream = snnq_stream_create(sfile, model, level, args->limit_ms);
	if (IS_ERR(stream))
		return PTR_ERR(stream);
	err = xa_alloc(&sfile->streams, &args->handle, stream,
		       XA_LIMIT(1, SNNQ_MAX_STREAMS_PER_FILE), GFP_KERNEL_ACCOUNT);
	if (err)
		snnq_stream_put(stream);
	return err == -EBUSY ? -ENOSPC : err;
}

int snnq_ioctl_stream_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_stream_destroy *args = data;
	struct snnq_file *sfile = file->driver_priv;
	struct snnq_stream *stream;

	if (args->pad)
		return -EINVAL;
	stream = xa_erase(&sfile->streams, args->handle);
	if (!stream)
		return -ENOENT;
	WRITE_ONCE(stream->dead, true);
	snnq_stream_reap(stream->sdev);
	snnq_stream_put(stream);
	return 0;
}

int snnq_ioctl_stream_reset(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_stream_reset *args = data;
	struct snnq_file *sfile = file->driver_priv;
	struct snnq_stream *stream;
	int err;

	if (args->flags)
		return -EINVAL;
	stream = snnq_stream_get(sfile, args->handle);
	if (!stream)
		return -ENOENT;
	err = mutex_lock_interruptible(&sfile->submit_lock);
	if (!err) {
		stream->reset = true;
		snnq_stream_new_epoch(stream);
		mutex_unlock(&sfile->submit_lock);
	}
	snnq_stream_put(stream);
	return err;
}

int snnq_ioctl_stream_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_stream_query *args = data;
	struct snnq_stream *stream;
	unsigned long flags;

	if (args->flags)
		return -EINVAL;
	stream = snnq_stream_get(file->driver_priv, args->handle);
	if (!stream)
		return -ENOENT;
	spin_lock_irqsave(&stream->lock, flags);
	args->state = stream->failed ? DRM_SNNQ_STREAM_FAILED : DRM_SNNQ_STREAM_OK;
	args->steps = stream->steps;
	args->queued = stream->queued;
	args->status = stream->fault.status;
	args->layer = stream->failed ? stream->fault.layer : SNNQ_LAYER_NONE;
	args->region = stream->failed ? stream->fault.region : SNNQ_REGION_NONE;
	args->offset = stream->fault.offset;
	args->fault_seq = stream->fault.seq;
	args->error = stream->fault.error;
	spin_unlock_irqrestore(&stream->lock, flags);
	snnq_stream_put(stream);
	return 0;
}
