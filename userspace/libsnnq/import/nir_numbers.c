// SPDX-License-Identifier: MIT
/*
 * nir_numbers.c - numbers of layers: one for all channels in the graph, or a tensor.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "import_nir.h"
#include "model/model.h"

/* A tensor of so many dimensions. */
int nir_add_floats(const struct nir *n, const char *layer, const char *part, uint32_t dims,
		   const uint64_t *shape, const double *values, cJSON *node, const char *key)
{
	char tensor[NIR_NAME + 16];
	uint64_t count = 1;
	float *floats;
	int ret;

	for (uint32_t i = 0; i < dims; i++)
		count *= shape[i];
	floats = malloc(count * sizeof(*floats));
	if (!floats)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	for (uint64_t i = 0; i < count; i++)
		floats[i] = (float)values[i];
	snprintf(tensor, sizeof(tensor), "%s.%s", layer, part);
	ret = modelfile_add(n->file, tensor, DTYPE_F32, dims, shape, floats);
	free(floats);
	json_put_string(node, key, tensor);
	return ret;
}

/* A number, or a tensor of them where they differ; biases are always tensors. */
int nir_add_channels(const struct nir *n, const char *layer, const double *values, uint32_t count,
		     cJSON *node, const char *key)
{
	uint64_t channels = count;
	uint32_t c = 1;

	while (c < count && values[c] == values[0])
		c++;
	if (c < count)
		return nir_add_floats(n, layer, key, 1, &channels, values, node, key);
	json_put_number(node, key, values[0]);
	return 0;
}

int nir_add_integers(const struct nir *n, const char *layer, const char *part,
		     const int32_t *values, uint32_t count, cJSON *node, const char *key)
{
	uint32_t c = 1;

	while (c < count && values[c] == values[0])
		c++;
	if (c < count)
		return model_add_integers(&(struct model_slot){ n->file, node, key, layer, part },
					  values, count);
	json_put_number(node, key, values[0]);
	return 0;
}
