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
	const struct steps *steps;
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

/* Whether or not there is one. */
static void set_item(cJSON *node, const char *key, cJSON *item)
{
	cJSON_DeleteItemFromObjectCaseSensitive(node, key);
	json_put(node, key, item);
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
		return ret;
	}
	if (q->mults)
		ret = ret ? ret : add_numbers(a, l, neuron, "mult", q->mults);
	else
		set_number(neuron, "mult", q->mult);
	set_number(neuron, "requant_shift", q->requant_shift);
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

/* mean of k = sum / k: the sum is exact, 1 / k goes into the unit. */
static int turn_average(const struct assembler *a, const struct graph_layer *l, cJSON *json,
			double in_unit)
{
	uint32_t planes = steps_count_planes(a->graph, (int)(l - a->graph->layers));

	json_replace(json, "op", cJSON_CreateString("sumpool"));
	set_number(json, "value", 1);
	if (l->neuron.model != SNNQ_NEURON_NONE)
		return fold_plain(a, l, json, in_unit / graph_taps(&l->geometry));
	if (planes > SNNQ_MAX_PLANES)
		return fail(a->path, l, "sums do not fit 16 bit-planes");
	set_number(json, "planes", planes);
	return 0;
}

/* ---- currents ---- */

static bool is_current(const struct assembler *a, const struct graph_layer *l)
{
	bool real = a->steps->real[l - a->graph->layers + 1];

	for (uint32_t k = 0; k < l->in_count; k++)
		real |= steps_reads_real(a->steps, l, k);
	return real;
}

/* {"mult", "shift"} that bring steps of @from to those of @to: exactly, or in 15 bits. */
static cJSON *scale_of(double from, double to, const char *shift_key)
{
	double mult = from / to;
	uint32_t shift = 0;
	cJSON *o = cJSON_CreateObject();

	while (mult != rint(mult) && mult <= INT16_MAX / 2 && shift < SNNQ_MAX_REQUANT_SHIFT) {
		mult *= 2;
		shift++;
	}
	json_put_number(o, "mult", rint(mult));
	json_put_number(o, shift_key, shift);
	return o;
}

/* The step that a layer computes in: that of its currents, of a copy its own. */
static double working_step(const struct assembler *a, const struct graph_layer *l)
{
	double own = a->steps->unit[l - a->graph->layers + 1];

	if (l->op == SNNQ_OP_MATMUL)
		return a->steps->unit[l->in[0] + 1] * a->steps->unit[l->in[1] + 1];
	if (l->neuron.model == SNNQ_NEURON_NONE)
		return own;
	for (uint32_t k = 0; k < l->in_count; k++)
		if (steps_reads_real(a->steps, l, k))
			return a->steps->unit[l->in[k] + 1];
	return own;
}

/* Operands of another step are brought to that of the layer. */
static void put_scales(const struct assembler *a, const struct graph_layer *l, cJSON *json,
		       double step)
{
	cJSON *list = cJSON_CreateArray();
	bool differ = false;

	for (uint32_t k = 0; k < l->in_count; k++) {
		double unit = l->view[k].previous ? 1 : a->steps->unit[l->in[k] + 1];

		json_append(list,
			    unit == step ? cJSON_CreateNull() : scale_of(unit, step, "shift"));
		differ |= unit != step;
	}
	if (differ)
		set_item(json, "scales", list);
	else
		cJSON_Delete(list);
}

/* Biases of sums without a neuron, in steps of 2^-shift. */
static int put_bias(const struct assembler *a, const struct graph_layer *l, cJSON *json,
		    double step)
{
	int32_t *values;
	int ret = 0;

	if (!l->bias.count)
		return 0;
	values = calloc(l->out.channels, sizeof(*values));
	if (!values)
		return error_set(-ENOMEM, "%s: no memory", a->path);
	for (uint32_t c = 0; !ret && c < l->out.channels; c++) {
		double b = rint(graph_real(&l->bias, c) / step);

		if (fabs(b) <= INT32_MAX)
			values[c] = (int32_t)b;
		else
			ret = error_set(-EBADMSG,
					"%s: layer %s: channel %u: bias %g: expected at most 2^31 "
					"steps of %g",
					a->path, l->name, c, graph_real(&l->bias, c), step);
	}
	if (!ret)
		ret = add_numbers(a, l, json, "bias", values);
	free(values);
	return ret;
}

/* Sums of spikes or counts that are currents, of operations without scales. */
static int put_sums(const struct assembler *a, const struct graph_layer *l, cJSON *json,
		    double step)
{
	double unit = a->steps->unit[l->in[0] + 1];
	cJSON *neuron = steps_reads_real(a->steps, l, 0) ? cJSON_CreateObject() :
							   scale_of(unit, step, "requant_shift");
	const cJSON *shift = cJSON_GetObjectItemCaseSensitive(neuron, "requant_shift");

	json_put_string(neuron, "model", "none");
	set_item(json, "neuron", neuron);
	return put_bias(a, l, json, shift ? ldexp(step, -shift->valueint) : step);
}

static int put_current(const struct assembler *a, const struct graph_layer *l, cJSON *json)
{
	double step = working_step(a, l);

	if (l->op == SNNQ_OP_ELEMENTWISE || l->op == SNNQ_OP_COPY || l->op == SNNQ_OP_CONCAT)
		put_scales(a, l, json, step);
	if (l->neuron.model != SNNQ_NEURON_NONE)
		return fold_plain(a, l, json, step);
	if (l->op == SNNQ_OP_POOL_SUM || (l->op == SNNQ_OP_REDUCE && !graph_keeps_format(l)))
		return put_sums(a, l, json, step);
	if (l->op != SNNQ_OP_ELEMENTWISE)
		return put_bias(a, l, json, step);
	cJSON_DeleteItemFromObjectCaseSensitive(json, "neuron");
	json_put_string(json_put_object(json, "neuron"), "model", "none");
	return put_bias(a, l, json, step);
}

static int put_layer(const struct assembler *a, uint32_t index, const struct quantized *q)
{
	const struct graph_layer *l = &a->graph->layers[index];
	cJSON *json = cJSON_GetArrayItem(a->layers, (int)index);
	double in_unit = a->steps->unit[l->in[0] + 1];

	if (a->steps->planes[index + 1]) {
		set_number(json, "planes", a->steps->planes[index + 1]);
		set_item(json, "signed", cJSON_CreateTrue());
	}
	if (l->weight)
		return put_weighted(a, l, json, q);
	if (is_current(a, l))
		return put_current(a, l, json);
	if (l->op == GRAPH_AVGPOOL)
		return turn_average(a, l, json, in_unit);
	if (l->op == SNNQ_OP_ATTENTION || l->op == SNNQ_OP_MATMUL)
		return l->neuron.model == SNNQ_NEURON_NONE ? 0 : fold_plain(a, l, json, 1);
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
								       a->steps->unit[layer + 1];

	json_replace(graph, "arithmetic", cJSON_CreateString("integer"));
	set_number(readout, "scale", a->graph->readout_scale * unit);
	cJSON_DeleteItemFromObjectCaseSensitive(graph, "quantization");
	if (record)
		json_put(graph, "quantization", record);
}

int assemble(const char *path, const struct graph *graph, const struct steps *steps,
	     const struct quantized *const *quantized, cJSON *record, struct modelfile **file)
{
	uint64_t losses = json_losses();
	struct assembler a = { .path = path, .graph = graph, .steps = steps };
	int ret = modelfile_new(cJSON_Duplicate(graph->file->graph, 1), &a.out);

	if (ret) {
		modelfile_free(a.out);
		cJSON_Delete(record);
		return error_set(-ENOMEM, "%s: no memory", path);
	}
	a.layers = cJSON_GetObjectItemCaseSensitive(a.out->graph, "layers");
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
	*file = a.out;
	return ret;
}
