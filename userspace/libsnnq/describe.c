// SPDX-License-Identifier: MIT
/*
 * describe.c - what a model file holds, as JSON: layers, schemes, honest sizes.
 *
 * Parameters are weights and biases; the fp32 size that ratios compare with is four
 * bytes for each. All that is not packed weights counts as metadata.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph.h"
#include "quantize/grid.h"
#include "snnq_tools.h"

struct totals {
	uint64_t params, weights, weight_bytes;
	double weight_bits;
};

static uint64_t count_zeros(const struct graph_layer *l, uint64_t weights)
{
	uint32_t groups = l->geometry.groups ? l->geometry.groups : 1;
	uint64_t zeros = 0;
	float w;

	if (l->scheme != SNNQ_SCHEME_NONE) {
		uint32_t row = l->out.channels / groups;

		return weight_zeros(l->scheme, l->bits, l->weight->data, weights / row, row);
	}
	for (uint64_t i = 0; i < weights; i++) {
		memcpy(&w, (const char *)l->weight->data + i * sizeof(w), sizeof(w));
		zeros += w == 0;
	}
	return zeros;
}

static const char *scheme_of(const struct graph_layer *l, uint64_t weights)
{
	if (!weights)
		return "none";
	return l->scheme == SNNQ_SCHEME_NONE ? "float" : grid_scheme_name(l->scheme);
}

static cJSON *layer_json(const struct graph *g, const struct graph_layer *l, struct totals *t)
{
	cJSON *o = cJSON_CreateObject(), *shape;
	uint64_t weights = l->weight ? graph_layer_params(g, l) : 0, biases = l->bias.count;
	uint32_t bits = !weights ? 0 : l->scheme == SNNQ_SCHEME_NONE ? 32 : l->bits;
	int dims[] = { (int)l->out.height, (int)l->out.width, (int)l->out.channels };

	if (biases == 1)
		biases = l->out.channels;
	cJSON_AddStringToObject(o, "name", l->name);
	cJSON_AddStringToObject(o, "op", l->op_name);
	cJSON_AddStringToObject(o, "scheme", scheme_of(l, weights));
	cJSON_AddNumberToObject(o, "bits", bits);
	cJSON_AddNumberToObject(o, "params", (double)(weights + biases));
	cJSON_AddNumberToObject(o, "weight_bytes", weights ? (double)l->weight->bytes : 0);
	cJSON_AddNumberToObject(o, "sparsity",
				weights ? (double)count_zeros(l, weights) / (double)weights : 0);
	shape = cJSON_CreateIntArray(dims, 3);
	cJSON_AddItemToObject(o, "output", shape);
	t->params += weights + biases;
	t->weights += weights;
	t->weight_bytes += weights ? l->weight->bytes : 0;
	t->weight_bits += (double)weights * weight_stored_bits(l->scheme, l->bits);
	return o;
}

static void add_input(const struct graph *g, cJSON *o)
{
	const struct graph_input *in = &g->input;
	cJSON *input = cJSON_AddObjectToObject(o, "input");

	cJSON_AddNumberToObject(input, "width", in->width);
	cJSON_AddNumberToObject(input, "height", in->height);
	cJSON_AddNumberToObject(input, "polarities", in->polarities);
	cJSON_AddNumberToObject(input, "planes", in->planes);
	cJSON_AddNumberToObject(input, "steps", in->steps);
	cJSON_AddNumberToObject(input, "step_us", in->step_us);
}

static cJSON *graph_json(const struct graph *g)
{
	cJSON *o = cJSON_CreateObject(), *layers, *provenance;
	struct totals t = { 0 };
	double file = (double)g->file->file_bytes, average;

	cJSON_AddStringToObject(o, "kind", "model");
	cJSON_AddStringToObject(o, "name", g->name);
	cJSON_AddStringToObject(o, "arithmetic", g->integer ? "integer" : "float");
	cJSON_AddNumberToObject(o, "classes", g->class_count);
	add_input(g, o);
	layers = cJSON_AddArrayToObject(o, "layers");
	for (uint32_t i = 0; i < g->layer_count; i++)
		cJSON_AddItemToArray(layers, layer_json(g, &g->layers[i], &t));
	average = t.weights ? t.weight_bits / (double)t.weights : 0;
	cJSON_AddNumberToObject(o, "params", (double)t.params);
	cJSON_AddNumberToObject(o, "avg_weight_bits", average);
	cJSON_AddNumberToObject(o, "weight_bytes", (double)t.weight_bytes);
	cJSON_AddNumberToObject(o, "model_bytes", file);
	cJSON_AddNumberToObject(o, "metadata_bytes", file - (double)t.weight_bytes);
	cJSON_AddNumberToObject(o, "metadata_percent",
				100 * (file - (double)t.weight_bytes) / file);
	cJSON_AddNumberToObject(o, "effective_bits", t.weights ? 8 * file / (double)t.weights : 0);
	cJSON_AddNumberToObject(o, "compression_ratio", 4.0 * (double)t.params / file);
	cJSON_AddNumberToObject(o, "weight_compression_ratio", average ? 32 / average : 0);
	provenance = cJSON_GetObjectItemCaseSensitive(g->file->graph, "quantization");
	if (provenance)
		cJSON_AddItemToObject(o, "quantization", cJSON_Duplicate(provenance, 1));
	return o;
}

int snnq_describe(const char *path, char **json)
{
	struct modelfile *file = NULL;
	struct graph graph;
	cJSON *document;
	int ret = modelfile_open(path, &file);

	*json = NULL;
	if (!ret)
		ret = graph_parse(path, file, &graph);
	if (ret) {
		modelfile_free(file);
		return ret;
	}
	document = graph_json(&graph);
	*json = cJSON_Print(document);
	cJSON_Delete(document);
	graph_free(&graph);
	modelfile_free(file);
	return *json ? 0 : error_set(-ENOMEM, "%s: no memory", path);
}
