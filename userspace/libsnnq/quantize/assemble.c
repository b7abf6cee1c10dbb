// SPDX-License-Identifier: MIT
/*
 * assemble.c - quantized layers to an integer model.
 *
 * The float graph's JSON is copied and changed: weights packed, thresholds and biases
 * folded, average pools turned into sums whose factor goes into what follows.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "model/model.h"
#include "quantize/quantize.h"

struct assembler {
	const char *path;
	const struct graph *graph;
	const double *units; /* as graph_units() gives */
	struct modelfile *out;
	cJSON *layers; /* of the result */
};

static int fail(const char *path, const struct graph_layer *l, const char *what)
{
	return error_set(-EBADMSG, "%s: layer %s (%s): %s", path, l->name, l->op_name, what);
}

static void set_number(cJSON *node, const char *key, double value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(node, key);
	json_put_number(node, key, value);
}

static uint32_t window(const struct graph_layer *l)
{
	return (uint32_t)l->geometry.kernel_h * l->geometry.kernel_w;
}

/* ---- layers with weights ---- */

static int add_numbers(const struct assembler *a, const struct graph_layer *l, cJSON *node,
		       const char *part, const int32_t *values)
{
	struct model_slot slot = { a->out, node, part, l->name, part };

	return model_add_integers(&slot, values, l->out.channels);
}

static bool any(const int32_t *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (values[i])
			return true;
	return false;
}

static int put_weighted(const struct assembler *a, const struct graph_layer *l, cJSON *json,
			const struct quantized *q)
{
	cJSON *neuron = cJSON_GetObjectItemCaseSensitive(json, "neuron");
	struct model_slot weight = { a->out, cJSON_GetObjectItemCaseSensitive(json, "weight"),
				     "tensor", l->name, "weight" };
	int ret = model_add_packed(&weight, &q->grid, q->packed, q->packed_bytes);

	cJSON_DeleteItemFromObjectCaseSensitive(json, "bias");
	if (!ret && any(q->bias, l->out.channels))
		ret = add_numbers(a, l, json, "bias", q->bias);
	if (!ret && q->threshold)
		ret = add_numbers(a, l, neuron, "threshold", q->threshold);
	if (q->threshold) {
		set_number(neuron, "shift", q->shift);
	} else {
		set_number(neuron, "mult", q->mult);
		set_number(neuron, "requant_shift", 0);
	}
	return ret;
}

/* ---- layers without weights ---- */

/* Thresholds and biases of neurons whose accumulator steps are worth @unit. */
static int fold_plain(const struct assembler *a, const struct graph_layer *l, cJSON *json,
		      double unit)
{
	cJSON *neuron = cJSON_GetObjectItemCaseSensitive(json, "neuron");
	uint32_t channels = l->out.channels;
	double *numbers = malloc(3 * (size_t)channels * sizeof(*numbers));
	struct folding f = { .path = a->path,
			     .layer = l->name,
			     .channels = channels,
			     .unit = numbers,
			     .exact = !l->bias.count };
	int ret;

	if (!numbers)
		return error_set(-ENOMEM, "%s: no memory", a->path);
	for (uint32_t c = 0; c < channels; c++) {
		numbers[c] = unit;
		numbers[channels + c] = graph_real(&l->threshold, c);
		numbers[2 * channels + c] = graph_real(&l->bias, c);
	}
	f.thresholds = numbers + channels;
	f.biases = l->bias.count ? numbers + 2 * channels : NULL;
	ret = l->reset.count ? fail(a->path, l,
				    "reset_value: expected 0, as thresholds are "
				    "scaled") :
			       folding_run(&f);
	if (!ret && l->threshold.count == 1)
		set_number(neuron, "threshold", f.threshold_out[0]);
	else if (!ret)
		ret = add_numbers(a, l, neuron, "threshold", f.threshold_out);
	if (!ret && l->bias.count)
		ret = add_numbers(a, l, json, "bias", f.bias_out);
	if (!ret)
		set_number(neuron, "shift", f.shift);
	free(numbers);
	free(f.threshold_out);
	free(f.bias_out);
	return ret;
}

uint32_t assemble_planes(const struct graph *g, int layer)
{
	const struct graph_layer *l = &g->layers[layer < 0 ? 0 : layer];
	uint64_t most;
	uint32_t planes = 0;

	if (layer == GRAPH_INPUT || graph_shape(g, layer)->planes)
		return graph_shape(g, layer)->planes;
	planes = assemble_planes(g, l->in[0]);
	if (planes > SNNQ_MAX_PLANES)
		return planes; /* too many, whatever follows */
	most = (1ull << planes) - 1;
	planes = 0;
	if (l->op == GRAPH_AVGPOOL)
		most *= window(l);
	while (most >> planes)
		planes++;
	return planes;
}

/* mean of k = sum / k: the sum is exact, 1 / k goes into the unit. */
static int turn_average(const struct assembler *a, const struct graph_layer *l, cJSON *json,
			double in_unit)
{
	uint32_t planes = assemble_planes(a->graph, (int)(l - a->graph->layers));

	json_replace(json, "op", cJSON_CreateString("sumpool"));
	set_number(json, "value", 1);
	if (l->neuron.model != SNNQ_NEURON_NONE)
		return fold_plain(a, l, json, in_unit / window(l));
	if (planes > SNNQ_MAX_PLANES)
		return fail(a->path, l, "sums do not fit 16 bit-planes");
	set_number(json, "planes", planes);
	return 0;
}

static int put_layer(const struct assembler *a, uint32_t index, const struct quantized *q)
{
	const struct graph_layer *l = &a->graph->layers[index];
	cJSON *json = cJSON_GetArrayItem(a->layers, (int)index);
	double in_unit = a->units[l->in[0] + 1];

	if (l->weight)
		return put_weighted(a, l, json, q);
	if (l->op == GRAPH_AVGPOOL)
		return turn_average(a, l, json, in_unit);
	if (l->op == SNNQ_OP_ATTENTION || l->op == SNNQ_OP_MATMUL)
		return fold_plain(a, l, json, 1);
	if (l->neuron.model != SNNQ_NEURON_NONE)
		return fold_plain(a, l, json, in_unit);
	return 0;
}

/* ---- the model ---- */

static void finish(const struct assembler *a, cJSON *graph, const struct quantized *const *q,
		   cJSON *record)
{
	cJSON *readout = cJSON_GetObjectItemCaseSensitive(graph, "readout");
	int layer = a->graph->readout;
	double unit = layer >= 0 && q[layer] && !q[layer]->threshold ? q[layer]->unit :
								       a->units[layer + 1];

	json_replace(graph, "arithmetic", cJSON_CreateString("integer"));
	set_number(readout, "scale", a->graph->readout_scale * unit);
	cJSON_DeleteItemFromObjectCaseSensitive(graph, "quantization");
	if (record)
		json_put(graph, "quantization", record);
}

int assemble(const char *path, const struct graph *graph, const struct quantized *const *quantized,
	     cJSON *record, struct modelfile **file)
{
	uint64_t losses = json_losses();
	double *units = calloc(graph->layer_count + 1, sizeof(*units));
	struct assembler a = { .path = path, .graph = graph, .units = units };
	int ret = modelfile_new(cJSON_Duplicate(graph->file->graph, 1), &a.out);

	if (ret || !units) {
		modelfile_free(a.out);
		cJSON_Delete(record);
		free(units);
		return error_set(-ENOMEM, "%s: no memory", path);
	}
	a.layers = cJSON_GetObjectItemCaseSensitive(a.out->graph, "layers");
	ret = graph_units(path, graph, units);
	for (uint32_t i = 0; !ret && i < graph->layer_count; i++)
		ret = put_layer(&a, i, quantized[i]);
	if (ret)
		cJSON_Delete(record);
	else
		finish(&a, a.out->graph, quantized, record);
	if (!ret && json_losses() != losses)
		ret = error_set(-ENOMEM, "%s: no memory", path);
	if (ret) {
		modelfile_free(a.out);
		a.out = NULL;
	}
	free(units);
	*file = a.out;
	return ret;
}
