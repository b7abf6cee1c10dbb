// SPDX-License-Identifier: MIT
/*
 * nir_flow.c - what flows between the nodes of a NIR graph.
 *
 * Several edges into a node are added up. What flows is spikes and counts, or real numbers: sums
 * of layers without neurons and potentials of neurons.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "import_nir.h"
#include "snnq_program.h"

/* ---- parts of layers ---- */

static void put_triple(cJSON *node, const char *key, const struct nir_value *v)
{
	int size[] = { (int)v->height, (int)v->width, (int)v->channels };

	json_put(node, key, cJSON_CreateIntArray(size, 3));
}

cJSON *nir_input_item(const struct nir_value *v)
{
	cJSON *item;

	if (!v->previous && !v->shaped)
		return cJSON_CreateString(v->layer);
	item = cJSON_CreateObject();
	json_put_string(item, "layer", v->layer);
	put_triple(item, "shape", v);
	if (v->previous) {
		json_put(item, "previous", cJSON_CreateTrue());
		json_put_number(item, "planes", 1);
	}
	return item;
}

cJSON *nir_begin_layer(struct nir *n, const struct nir_node *node, const char *name, const char *op,
		       const struct nir_value *in)
{
	cJSON *layer = json_append_object(n->layers), *inputs;

	json_put_string(layer, "name", name);
	json_put_string(layer, "op", op);
	inputs = json_put_array(layer, "inputs");
	json_append(inputs, nir_input_item(in));
	if (node->loop)
		json_put_number(json_put_object(layer, "loop"), "number", node->loop);
	return layer;
}

int nir_put_planes(const struct nir *n, const struct nir_node *node, cJSON *layer, uint64_t most)
{
	uint32_t planes = 0;

	while (most >> planes)
		planes++;
	if (planes > SNNQ_MAX_PLANES)
		return error_set(-EBADMSG, "%s: %s: expected sums up to %u, found %" PRIu64,
				 n->h->path, node->path, (1u << SNNQ_MAX_PLANES) - 1, most);
	if (layer)
		json_put_number(layer, "planes", planes);
	return 0;
}

/* ---- the same in another form ---- */

/* A copy of what flows into @node, named after both; @axes: NULL, or their order. */
static int put_copy(struct nir *n, const struct nir_node *node, const char *end, const char *axes,
		    struct nir_value *v)
{
	char name[NIR_NAME];
	cJSON *layer;
	int ret;

	snprintf(name, sizeof(name), "%.*s.%.4s%hu", NIR_MOST_NAME, node->name, end, ++n->copies);
	layer = nir_begin_layer(n, node, name, "copy", v);
	if (axes)
		json_put_string(layer, "axes", axes);
	ret = v->most ? nir_put_planes(n, node, layer, v->most) : 0;
	memcpy(v->layer, name, sizeof(name));
	v->previous = v->shaped = v->seen = v->shared = false;
	return ret;
}

int nir_feed_weights(struct nir *n, const struct nir_node *node, struct nir_value *v)
{
	if (v->most || (!v->seen && !v->shared && !v->shaped))
		return 0;
	return put_copy(n, node, "in", NULL, v);
}

int nir_settle(struct nir *n, const struct nir_node *node, struct nir_value *v)
{
	return v->shaped || v->previous ? put_copy(n, node, "out", NULL, v) : 0;
}

int nir_flatten(struct nir *n, const struct nir_node *node, struct nir_value *v)
{
	uint64_t all = (uint64_t)v->channels * v->height * v->width;
	int ret;

	v->flat = false;
	if (v->height == 1 && v->width == 1)
		return 0;
	if (all > SNNQ_MAX_CHANNELS || v->channels > SNNQ_MAX_DIM)
		return error_set(
			-EBADMSG,
			"%s: %s: expected at most %u values in %u channels behind Flatten, "
			"found %" PRIu64 " in %u",
			n->h->path, node->path, SNNQ_MAX_CHANNELS, SNNQ_MAX_DIM, all, v->channels);
	/* (H, W, C) of one channel is (C, H, W) already */
	ret = v->channels > 1 || v->previous ? put_copy(n, node, "flat", "chw", v) : 0;
	v->channels = (uint32_t)all;
	v->height = v->width = 1;
	v->shaped = true;
	return ret;
}

int nir_spread(struct nir *n, const struct nir_node *node, struct nir_value *v)
{
	uint64_t all = (uint64_t)v->channels * v->height * v->width;
	int ret = v->previous ? put_copy(n, node, "was", NULL, v) : 0;

	if (!ret && all > SNNQ_MAX_CHANNELS)
		ret = error_set(-EBADMSG,
				"%s: %s: expected the same parameters at all positions of a "
				"channel, as there are more than %u",
				n->h->path, node->path, SNNQ_MAX_CHANNELS);
	v->rows = v->height;
	v->columns = v->width;
	v->channels = (uint32_t)all;
	v->height = v->width = 1;
	v->shaped = true;
	return ret;
}

void nir_gather_up(struct nir_value *v)
{
	if (!v->rows)
		return;
	v->channels /= v->rows * v->columns;
	v->height = v->rows;
	v->width = v->columns;
	v->rows = v->columns = 0;
	v->shaped = true;
}

/* ---- what flows into a node ---- */

/* Sizes that an array has: of neurons, or behind axes of 1 of a batch where there are more. */
static bool sizes_of(const struct import_array *a, struct nir_value *v)
{
	const uint32_t *shape = a->shape;
	uint32_t dims = a->dims;

	for (; (dims > 3 || dims == 2) && *shape == 1; shape++)
		dims--;
	if (a->count < 2 || dims > 3)
		return false;
	v->channels = shape[0];
	v->height = dims == 3 ? shape[1] : 1;
	v->width = dims > 1 ? shape[dims - 1] : 1;
	return true;
}

/* The output of @node from what the file says of it alone: some parameter, or rows of weights. */
static bool own_sizes(const struct nir *n, const struct nir_node *node, struct nir_value *v)
{
	bool linear = !strcmp(node->kind->type, "Linear") || !strcmp(node->kind->type, "Affine");
	struct import_array a;
	char path[H5_PATH];
	bool found = false;

	for (size_t i = 0; !found && i < NIR_NEURON_KEYS; i++) {
		nir_path(path, node, nir_neuron_keys[i]);
		found = h5_numbers(n->h, path, &a) > 0 && sizes_of(&a, v);
		import_array_free(&a);
	}
	nir_path(path, node, "weight");
	if (linear && h5_numbers(n->h, path, &a) > 0) {
		*v = (struct nir_value){ .channels = a.shape[n->opts->transposed ? 1 : 0],
					 .height = 1,
					 .width = 1 };
		found = a.dims == 2;
		import_array_free(&a);
	}
	return found;
}

/* As others see the output of a node whose layer is there. */
static bool known_sizes(const struct nir_node *node, struct nir_value *v)
{
	*v = node->out;
	if (v->channels && v->flat)
		*v = (struct nir_value){ .channels = v->channels * v->height * v->width,
					 .height = 1,
					 .width = 1 };
	return v->channels;
}

/* Of what flows in from such a node: parameters may say the channels of a map only. */
static bool sizes_before(const struct nir *n, int index, struct nir_value *v)
{
	for (int i = 0; i < n->edge_count; i++)
		if (n->edges[i].to == index && !n->edges[i].previous &&
		    known_sizes(&n->nodes[n->edges[i].from], v))
			return true;
	return false;
}

/* The same, or that of what flows into it in the same step. */
static bool find_sizes(const struct nir *n, int index, bool *tried, struct nir_value *v)
{
	enum nir_role role = n->nodes[index].kind->role;
	bool other = role == NIR_POOL || role == NIR_FLATTEN || role == NIR_WEIGHTED;

	if (tried[index])
		return false;
	tried[index] = true;
	if (known_sizes(&n->nodes[index], v) || (!other && sizes_before(n, index, v)) ||
	    own_sizes(n, &n->nodes[index], v))
		return true;
	if (other)
		return false; /* than those of its inputs */
	for (int i = 0; i < n->edge_count; i++)
		if (n->edges[i].to == index && !n->edges[i].previous &&
		    find_sizes(n, n->edges[i].from, tried, v))
			return true;
	return false;
}

/* What a neuron put out a step before, whose layer may come later. */
static int value_before(struct nir *n, int index, int from, struct nir_value *v)
{
	const struct nir_node *node = &n->nodes[from];
	const struct nir_node *holder = node->host >= 0 ? &n->nodes[node->host] : node;
	bool tried[NIR_MOST_NODES] = { false };
	struct nir_value size = { .channels = 0 };
	int ret;

	if (!find_sizes(n, from, tried, &size) || size.channels > SNNQ_MAX_CHANNELS ||
	    size.height > SNNQ_MAX_DIM || size.width > SNNQ_MAX_DIM)
		return nir_bad(n, node, "",
			       "parameters with a number for each neuron, as its spikes go back");
	*v = (struct nir_value){ .channels = size.channels,
				 .height = size.height,
				 .width = size.width,
				 .most = 1,
				 .previous = true };
	snprintf(v->layer, sizeof(v->layer), "%s", holder->name);
	if (!nir_varies(n, node))
		return 0;
	v->channels *= v->height * v->width;
	v->height = v->width = 1;
	ret = put_copy(n, &n->nodes[index], "was", NULL, v);
	v->channels = size.channels;
	v->height = size.height;
	v->width = size.width;
	v->shaped = true;
	return ret;
}

static bool same_sizes(const struct nir_value *a, const struct nir_value *b)
{
	return a->channels == b->channels && a->height == b->height && a->width == b->width &&
	       a->flat == b->flat;
}

static int add_value(struct nir *n, const struct nir_node *node, int count, struct nir_value *sum,
		     const struct nir_value *v, cJSON **layer)
{
	char name[NIR_NAME];
	cJSON *inputs;

	if (!same_sizes(sum, v))
		return error_set(-EBADMSG,
				 "%s: %s: expected inputs of the same size, found %u x %u x %u "
				 "and %u x %u x %u",
				 n->h->path, node->path, sum->channels, sum->height, sum->width,
				 v->channels, v->height, v->width);
	if (*layer && sum->most) { /* of two before it, in bit-planes */
		int ret = nir_put_planes(n, node, *layer, sum->most);

		if (ret)
			return ret;
	}
	snprintf(name, sizeof(name), "%.*s.sum%hu", NIR_MOST_NAME, node->name,
		 (unsigned short)count);
	*layer = nir_begin_layer(n, node, name, "add", sum);
	inputs = cJSON_GetObjectItem(*layer, "inputs");
	json_append(inputs, nir_input_item(v));
	memcpy(sum->layer, name, sizeof(name));
	sum->most = sum->most && v->most ? sum->most + v->most : 0;
	sum->previous = sum->seen = sum->shared = sum->shaped = false;
	return 0;
}

/* A map behind Flatten and a vector are of one size as vectors. */
static int same_form(struct nir *n, const struct nir_node *node, struct nir_value *sum,
		     struct nir_value *v, cJSON **layer)
{
	int ret = 0;

	if (same_sizes(sum, v))
		return 0;
	if (sum->flat && *layer && sum->most)
		ret = nir_put_planes(n, node, *layer, sum->most);
	if (!ret && sum->flat) {
		*layer = NULL; /* which a copy reads now */
		ret = nir_flatten(n, node, sum);
	}
	if (!ret && v->flat)
		ret = nir_flatten(n, node, v);
	return ret;
}

int nir_gather_open(struct nir *n, int index, struct nir_value *value, cJSON **layer)
{
	const struct nir_node *node = &n->nodes[index];
	int count = 0, ret = 0;

	*layer = NULL;
	for (int i = 0; !ret && i < n->edge_count; i++) {
		int from = n->edges[i].from;
		struct nir_value v = n->nodes[from].out;

		if (n->edges[i].to != index)
			continue;
		if (n->edges[i].previous)
			ret = value_before(n, index, from, &v);
		if (!ret && count)
			ret = same_form(n, node, value, &v, layer);
		if (!ret && count)
			ret = add_value(n, node, count, value, &v, layer);
		else if (!ret)
			*value = v;
		count++;
	}
	return ret;
}

int nir_gather(struct nir *n, int index, struct nir_value *value)
{
	cJSON *layer;
	int ret = nir_gather_open(n, index, value, &layer);

	if (!ret && layer && value->most)
		ret = nir_put_planes(n, &n->nodes[index], layer, value->most);
	return ret;
}
