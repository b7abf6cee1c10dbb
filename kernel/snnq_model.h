/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_model.h - validated programs.
 */
#ifndef SNNQ_MODEL_H
#define SNNQ_MODEL_H

#include <linux/kref.h>

#include "snnq_validate.h"

struct drm_device;
struct drm_file;
struct snnq_bo;
struct snnq_file;

/**
 * struct snnq_model - a program that the validator accepted
 * @ref: held by its handle and by its streams.
 * @file: who made it, with a reference.
 * @info: all that submitting a job has to know of the program.
 * @program: the copy that runs; nobody can map it.
 * @bytes: its size.
 */
struct snnq_model {
	struct kref ref;
	struct snnq_file *file;
	struct snnq_program_info info;
	struct snnq_bo *program;
	u32 bytes;
};

struct snnq_model *snnq_model_get(struct snnq_file *sfile, u32 handle);
void snnq_model_put(struct snnq_model *model);
void snnq_models_close(struct snnq_file *sfile);

int snnq_ioctl_model_create(struct drm_device *drm, void *data, struct drm_file *file);
int snnq_ioctl_model_destroy(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* SNNQ_MODEL_H */
