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

#include "base/error.h"
#include "graph.h"
#include "base/json.h"
#include "model/grid.h"
#include "snnq.h"

struct totals {
	uint64_t params, weights, weight_bytes;
	double weight_bits;
};

static uint64_t count_zeros(const struct graph_layer *l, uint64_t weights)
{
	uint32_t groups = l->geometry.groups ? l->geometry.groups : 1;
	uint64_t zeros = 0;

	if (l->scheme != SNNQ_SCHEME_NONE) {
		uint32_t row = l->out.channels / groups;

		return weight_zeros(l->scheme, l->bits, l->weight->data, weights / row, row);
	}
	for (uint64_t i = 0; i < weights; i++)
		zeros += tensor_real(l->weight, i) == 0;
	return zeros;
}

static const char *scheme_of(const struct graph_layer *l, uint64_t weights)
{
	if (!weights)
		return "none";
	return l->scheme == SNNQ_SCHEME_NONE ? "float" : grid_scheme_name(l->scheme);
}

static cJSON *layer_json(const struct graph_layer *l, struct totals *t)
{
	cJSON *o = cJSON_CreateObject(), *shape;
	uint64_t weights = l->weight ? graph_layer_params(l) : 0, biases = l->bias.count;
	int dims[] = { (int)l->out.height, (int)l->out.width, (int)l->out.channels };

	if (biases == 1)
		biases = l->out.channels;
	json_put_string(o, "name", l->name);
	json_put_string(o, "op", l->op_name);
	json_put_string(o, "scheme", scheme_of(l, weights));
	json_put_number(o, "bits", weights ? l->bits : 0);
	json_put_number(o, "params", (double)(weights + biases));
	json_put_number(o, "weight_bytes", weights ? (double)l->weight->bytes : 0);
	json_put_number(o, "sparsity",
			weights ? (double)count_zeros(l, weights) / (double)weights : 0);
	shape = cJSON_CreateIntArray(dims, 3);
	json_put(o, "output", shape);
	t->params += weights + biases;
	t->weights += weights;
	t->weight_bytes += weights ? l->weight->bytes : 0;
	t->weight_bits += (double)weights * weight_stored_bits(l->scheme, l->bits);
	return o;
}

static void add_input(const struct graph *g, cJSON *o)
{
	const struct graph_input *in = &g->input;
	cJSON *input = json_put_object(o, "input");

	json_put_string(input, "kind", in->values ? "values" : "events");
	json_put_number(input, "width", in->width);
	json_put_number(input, "height", in->height);
	json_put_number(input, in->values ? "channels" : "polarities", in->channels);
	json_put_number(input, "planes", in->planes);
	json_put_number(input, "steps", in->steps);
	if (!in->values) {
		json_put_number(input, "step_us", in->step_us);
		return;
	}
	json_put_string(input, "frames", in->frames ? "steps" : "repeat");
	json_put_string(input, "axes", in->channels_last ? "hwc" : "chw");
	if (in->scale) {
		json_put_number(input, "scale", in->scale);
		json_put_number(input, "zero", in->zero);
	}
}

static cJSON *graph_json(const struct graph *g)
{
	cJSON *o = cJSON_CreateObject(), *layers, *provenance;
	struct totals t = { 0 };
	double file = (double)g->file->file_bytes, average;

	json_put_string(o, "kind", "model");
	json_put_string(o, "name", g->name);
	json_put_string(o, "arithmetic", g->integer ? "integer" : "float");
	json_put_number(o, "classes", g->class_count);
	add_input(g, o);
	layers = json_put_array(o, "layers");
	for (uint32_t i = 0; i < g->layer_count; i++)
		json_append(layers, layer_json(&g->layers[i], &t));
	average = t.weights ? t.weight_bits / (double)t.weights : 0;
	json_put_number(o, "params", (double)t.params);
	json_put_number(o, "avg_weight_bits", average);
	json_put_number(o, "weight_bytes", (double)t.weight_bytes);
	json_put_number(o, "model_bytes", file);
	json_put_number(o, "metadata_bytes", file - (double)t.weight_bytes);
	json_put_number(o, "metadata_percent", 100 * (file - (double)t.weight_bytes) / file);
	json_put_number(o, "effective_bits", t.weights ? 8 * file / (double)t.weights : 0);
	json_put_number(o, "compression_ratio", 4.0 * (double)t.params / file);
	json_put_number(o, "weight_compression_ratio", average ? 32 / average : 0);
	provenance = cJSON_GetObjectItemCaseSensitive(g->file->graph, "quantization");
	if (provenance)
		json_put(o, "quantization", cJSON_Duplicate(provenance, 1));
	return o;
}

int snnq_describe(const char *path, char **json)
{
	struct modelfile *file = NULL;
	struct graph graph;
	cJSON *document;
	uint64_t losses;
	int ret = modelfile_open(path, &file);

	*json = NULL;
	if (!ret)
		ret = graph_parse(path, file, &graph);
	if (ret) {
		modelfile_free(file);
		return ret;
	}
	losses = json_losses();
	document = graph_json(&graph);
	if (json_losses() == losses)
		*json = cJSON_Print(document);
	cJSON_Delete(document);
	graph_free(&graph);
	modelfile_free(file);
	return *json ? 0 : error_set(-ENOMEM, "%s: no memory", path);
}
