// SPDX-License-Identifier: MIT
/*
 * model.c - add tensors to a model that is being made.
 */
#include "model/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

int model_add_tensor(const struct model_slot *s, enum dtype dtype, uint64_t count, const void *data)
{
	char name[256];
	int ret;

	snprintf(name, sizeof(name), "%s.%s", s->layer, s->part);
	ret = modelfile_add(s->file, name, dtype, 1, &count, data);
	if (ret)
		return error_set(ret, "%s: no memory", name);
	cJSON_DeleteItemFromObjectCaseSensitive(s->node, s->key);
	if (!cJSON_AddStringToObject(s->node, s->key, name))
		return error_set(-ENOMEM, "%s: no memory", name);
	return 0;
}

int model_add_integers(const struct model_slot *s, const int32_t *values, uint32_t count)
{
	bool small = true;
	int16_t *narrow;
	int ret;

	for (uint32_t i = 0; i < count; i++)
		small = small && values[i] >= INT16_MIN && values[i] <= INT16_MAX;
	if (!small)
		return model_add_tensor(s, DTYPE_I32, count, values);
	narrow = malloc(count * sizeof(*narrow));
	if (!narrow)
		return error_set(-ENOMEM, "%s.%s: no memory", s->layer, s->part);
	for (uint32_t i = 0; i < count; i++)
		narrow[i] = (int16_t)values[i];
	ret = model_add_tensor(s, DTYPE_I16, count, narrow);
	free(narrow);
	return ret;
}

int model_add_packed(const struct model_slot *s, const struct grid *grid, const uint8_t *packed,
		     size_t bytes)
{
	int ret = model_add_tensor(s, DTYPE_U8, bytes, packed);

	if (ret)
		return ret;
	cJSON_DeleteItemFromObjectCaseSensitive(s->node, "scheme");
	cJSON_DeleteItemFromObjectCaseSensitive(s->node, "bits");
	if (cJSON_AddStringToObject(s->node, "scheme", grid_scheme_name(grid->scheme)) &&
	    cJSON_AddNumberToObject(s->node, "bits", grid->bits))
		return 0;
	return error_set(-ENOMEM, "%s.%s: no memory", s->layer, s->part);
}

int model_add_weight(const struct model_slot *s, const struct weight_shape *shape,
		     const struct grid *grid, const uint8_t *indices)
{
	size_t bytes = weight_packed_bytes(shape, grid);
	uint8_t *packed = calloc(1, bytes);
	int ret;

	if (!packed)
		return error_set(-ENOMEM, "%s.%s: no memory", s->layer, s->part);
	weight_pack(shape, grid, indices, packed);
	ret = model_add_packed(s, grid, packed, bytes);
	free(packed);
	return ret;
}
