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

	if (!v->previous)
		return cJSON_CreateString(v->layer);
	item = cJSON_CreateObject();
	json_put_string(item, "layer", v->layer);
	json_put(item, "previous", cJSON_CreateTrue());
	put_triple(item, "shape", v);
	json_put_number(item, "planes", 1);
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

/* ---- what flows into a node ---- */

/* What a neuron put out a step before, whose layer may come later. */
static int value_before(const struct nir *n, const struct nir_node *from, struct nir_value *v)
{
	const char *key = strcmp(from->kind->type, "Threshold") ? "v_threshold" : "threshold";
	const struct nir_node *holder = from->host >= 0 ? &n->nodes[from->host] : from;
	struct import_array a;
	int ret = nir_read_array(n, from, key, &a);

	*v = (struct nir_value){ .height = 1, .width = 1, .most = 1, .previous = true };
	snprintf(v->layer, sizeof(v->layer), "%s", holder->name);
	if (!ret && ((a.dims != 1 && a.dims != 3) || a.shape[0] > SNNQ_MAX_CHANNELS))
		ret = nir_bad(n, from, key, "a number for each neuron, as its spikes go back");
	if (!ret) {
		v->channels = a.shape[0];
		v->height = a.dims == 3 ? a.shape[1] : 1;
		v->width = a.dims == 3 ? a.shape[2] : 1;
	}
	import_array_free(&a);
	return ret;
}

static int add_value(struct nir *n, const struct nir_node *node, int count, struct nir_value *sum,
		     const struct nir_value *v, cJSON **layer)
{
	char name[NIR_NAME];
	cJSON *inputs;

	if (sum->channels != v->channels || sum->height != v->height || sum->width != v->width ||
	    sum->flat != v->flat)
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
	snprintf(name, sizeof(name), "%.*s.sum%d", NIR_MOST_NAME, node->name, count);
	*layer = nir_begin_layer(n, node, name, "add", sum);
	inputs = cJSON_GetObjectItem(*layer, "inputs");
	json_append(inputs, nir_input_item(v));
	memcpy(sum->layer, name, sizeof(name));
	sum->most = sum->most && v->most ? sum->most + v->most : 0;
	sum->previous = false;
	return 0;
}

int nir_gather_open(struct nir *n, int index, struct nir_value *value, cJSON **layer)
{
	const struct nir_node *node = &n->nodes[index];
	int count = 0, ret = 0;

	*layer = NULL;
	for (int i = 0; !ret && i < n->edge_count; i++) {
		const struct nir_node *from = &n->nodes[n->edges[i].from];
		struct nir_value v = from->out;

		if (n->edges[i].to != index)
			continue;
		if (n->edges[i].previous)
			ret = value_before(n, from, &v);
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

