/* SPDX-License-Identifier: MIT */
/*
 * model.h - add tensors to a model that is being made.
 *
 * Each adds the tensor LAYER.PART and stores its name in @node under @key.
 * Return 0 or -ENOMEM with the error set.
 */
#ifndef SNNQ_MODEL_H
#define SNNQ_MODEL_H

#include "modelfile.h"
#include "model/grid.h"

struct model_slot {
	struct modelfile *file;
	cJSON *node;
	const char *key, *layer, *part;
};

int model_add_tensor(const struct model_slot *slot, enum dtype dtype, uint64_t count,
		     const void *data);
/* As I16 when all values fit, else I32. */
int model_add_integers(const struct model_slot *slot, const int32_t *values, uint32_t count);
/* Packed weights, described by their grid: {"tensor", "scheme", "bits"} in slot->node. */
int model_add_packed(const struct model_slot *slot, const struct grid *grid, const uint8_t *packed,
		     size_t bytes);
/* Pack level indices and describe them: {"tensor", "scheme", "bits"} in slot->node. */
int model_add_weight(const struct model_slot *slot, const struct weight_shape *shape,
		     const struct grid *grid, const uint8_t *indices);

#endif /* SNNQ_MODEL_H */
