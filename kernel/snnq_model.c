// SPDX-License-Identifier: GPL-2.0-only
/*
 * Models: programs, copied once and validated.
 *
 * The user's program is copied into kernel memory, the copy is validated, and a
 * copy of that is what the device executes. That is a buffer of scattered pages as
 * any, but has no handle, so no mapping or export through which it could change
 * afterwards.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "snnq_device.h"
#include "snnq_gem.h"
#include "snnq_mem.h"
#include "snnq_model.h"

static void snnq_model_release(struct kref *ref)
{
	struct snnq_model *model = container_of(ref, struct snnq_model, ref);

	snnq_bo_put(model->program);
	atomic_dec(&model->file->model_count);
	snnq_file_put(model->file);
	kfree(model);
}

void snnq_model_put(struct snnq_model *model)
{
	if (model)
		kref_put(&model->ref, snnq_model_release);
}

struct snnq_model *snnq_model_get(struct snnq_file *sfile, u32 handle)
{
	struct snnq_model *model;

	xa_lock(&sfile->models);
	model = xa_load(&sfile->models, handle);
	if (model)
		kref_get(&model->ref);
	xa_unlock(&sfile->models);
	return model;
}

void snnq_models_close(struct snnq_file *sfile)
{
	struct snnq_model *model;
	unsigned long handle;

	xa_for_each(&sfile->models, handle, model)
		snnq_model_put(model);
	xa_destroy(&sfile->models);
}

static int snnq_model_validate(struct snnq_model *model, const void *blob,
			       struct drm_snnq_model_create *args)
{
	struct snnq_device *sdev = model->file->sdev;
	struct snnq_diag diag = {};
	int err;

	err = snnq_program_validate(blob, args->size, &sdev->caps, &model->info, &diag);
	if (err) {
		args->error_code = diag.check;
		args->error_layer = diag.layer;
		drm_dbg(&sdev->drm, "program refused: layer %d: %s (%s)\n", (int)diag.layer,
			snnq_check_text(diag.check), diag.field ? diag.field : "?");
	}
	return err;
}

static int snnq_model_load(struct snnq_model *model, const void *blob, u32 bytes)
{
	struct snnq_bo *bo = snnq_bo_create(model->file, bytes);

	if (IS_ERR(bo))
		return PTR_ERR(bo);
	model->program = bo;
	model->bytes = bytes;
	return snnq_bo_load(bo, blob, bytes);
}

static struct snnq_model *snnq_model_alloc(struct snnq_file *sfile)
{
	struct snnq_model *model;

	if (!atomic_add_unless(&sfile->model_count, 1, SNNQ_MAX_MODELS_PER_FILE))
		return ERR_PTR(-ENOSPC);
	model = kzalloc(sizeof(*model), GFP_KERNEL_ACCOUNT);
	if (!model) {
		atomic_dec(&sfile->model_count);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&model->ref);
	kref_get(&sfile->ref);
	model->file = sfile;
	return model;
}

static struct snnq_model *snnq_model_create(struct snnq_file *sfile,
					    struct drm_snnq_model_create *args)
{
	struct snnq_model *model = snnq_model_alloc(sfile);
	void *blob;
	int err;

	if (IS_ERR(model))
		return model;
	blob = kvmalloc(args->size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!blob)
		err = -ENOMEM;
	else if (copy_from_user(blob, u64_to_user_ptr(args->program), args->size))
		err = -EFAULT;
	else
		err = snnq_model_validate(model, blob, args);
	if (!err)
		err = snnq_model_load(model, blob, args->size);
	kvfree(blob);
	if (!err)
		return model;
	snnq_model_put(model);
	return ERR_PTR(err);
}

int snnq_ioctl_model_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_model_create *args = data;
	struct snnq_file *sfile = file->driver_priv;
	struct snnq_model *model;
	int err;

	args->error_code = SNNQ_CHECK_OK;
	args->error_layer = U32_MAX;
	if (args->flags || args->reserved)
		return -EINVAL;
	if (args->size > sfile->sdev->info.max_program_bytes)
		return -E2BIG;
	if (!args->size) {
		args->error_code = SNNQ_CHECK_SIZE;
		return -EINVAL;
	}
	model = snnq_model_create(sfile, args);
	if (IS_ERR(model))
		return PTR_ERR(model);
	err = xa_alloc(&sfile->models, &args->handle, model, XA_LIMIT(1, SNNQ_MAX_MODELS_PER_FILE),
		       GFP_KERNEL_ACCOUNT);
	if (err)
		snnq_model_put(model);
	return err == -EBUSY ? -ENOSPC : err;
}

int snnq_ioctl_model_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_snnq_model_destroy *args = data;
	struct snnq_file *sfile = file->driver_priv;
	struct snnq_model *model;

	if (args->pad)
		return -EINVAL;
	model = xa_erase(&sfile->models, args->handle);
	snnq_model_put(model);
	return model ? 0 : -ENOENT;
}
