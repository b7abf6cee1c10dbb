// SPDX-License-Identifier: MIT
/*
 * rewrite.c - a float model to an integer one by rounding.
 *
 * Layer by layer the graph's JSON is rewritten: weights packed, thresholds and
 * biases folded, average pools turned into sums whose factor goes into what
 * follows. units[] carries the real value of one integer step of each output. With calibration this
 * runs twice: the first result is executed to measure which inputs matter.
 */
#include "quantize.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "model.h"

#define HEAD_MULT 256		/* keeps eight bits of a head's bias below one step */

struct quantizer {
	const char *path;
	const struct snnq_quantize_opts *opts;
	const struct graph *graph;
	struct modelfile *out;
	cJSON *layers;			/* of the result */
	double *units;			/* [1 + layers]: of the input, then of outputs */
	double **importance;		/* as calibrate() gives, or NULL: first pass */
	bool final;
};

static int fail(const struct quantizer *q, const struct graph_layer *l, const char *what)
{
	return error_set(-EBADMSG, "%s: layer %s (%s): %s", q->path, l->name, l->op_name, what);
}

static double unit_of(const struct quantizer *q, int layer)
{
	return q->units[layer + 1];	/* GRAPH_INPUT is -1 */
}

static double real_number(const struct graph_numbers *n, uint32_t channel, double absent)
{
	float value;

	if (!n->count)
		return absent;
	if (!n->tensor)
		return n->value;
	memcpy(&value, (const char *)n->tensor->data + (n->count > 1 ? channel : 0) * sizeof(value),
	       sizeof(value));
	return value;
}

static double *real_numbers(const struct graph_numbers *n, uint32_t channels, double absent)
{
	double *values = malloc(channels * sizeof(*values));

	for (uint32_t c = 0; values && c < channels; c++)
		values[c] = real_number(n, c, absent);
	return values;
}

static const struct snnq_layer_choice *find_choice(const struct quantizer *q, const char *name)
{
	const struct snnq_layer_choice *general = NULL;

	for (size_t i = 0; i < q->opts->choice_count; i++) {
		const struct snnq_layer_choice *c = &q->opts->choices[i];

		if (!c->layer)
			general = c;
		else if (!strcmp(c->layer, name))
			return c;
	}
	return general;
}

static int check_choices(const struct quantizer *q)
{
	for (size_t i = 0; i < q->opts->choice_count; i++) {
		const struct snnq_layer_choice *c = &q->opts->choices[i];
		bool found = !c->layer;
		struct grid grid;

		if (!grid_init(&grid, grid_scheme(c->scheme), c->bits))
			return error_set(-EINVAL, "%s: %s: expected uniform:1..8, pot:2..5 or "
					 "odd:1..8, found %s:%u", q->path,
					 c->layer ? c->layer : "default", c->scheme, c->bits);
		for (uint32_t l = 0; l < q->graph->layer_count; l++)
			found = found || (q->graph->layers[l].weight &&
					  !strcmp(q->graph->layers[l].name, c->layer));
		if (!found)
			return error_set(-EINVAL, "%s: no layer with weights is named \"%s\"",
					 q->path, c->layer);
	}
	return 0;
}

static struct weight_shape shape_of(const struct graph *g, const struct graph_layer *l)
{
	uint32_t inputs = graph_shape(g, l->in[0])->channels;
	struct weight_shape s = { l->out_channels, inputs, 1, 1, 1 };

	if (l->op == SNNQ_OP_CONV2D)
		s = (struct weight_shape){ l->out_channels, inputs / l->geometry.groups,
					   l->geometry.kernel_h, l->geometry.kernel_w,
					   l->geometry.groups };
	return s;
}

static void set_number(cJSON *node, const char *key, double value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(node, key);
	cJSON_AddNumberToObject(node, key, value);
}

static void report(const struct quantizer *q, uint32_t index, const struct rounding *r,
		   uint32_t shift)
{
	struct snnq_quantize_layer info = {
		.name = q->graph->layers[index].name, .scheme = grid_scheme_name(r->grid.scheme),
		.bits = r->grid.bits, .shift = shift,
		.sqnr_db = r->noise > 0 ? 10 * log10(r->signal / r->noise) : INFINITY,
		.weight_bytes = weight_packed_bytes(&r->shape, r->grid.bits),
	};

	if (q->opts->report && q->final)
		q->opts->report(q->opts->report_ctx, &info, index + 1, q->graph->layer_count);
}

/* ---- neurons ---- */

/*
 * Thresholds and biases as integers. @unit: real value of an accumulator step per
 * channel; @exact: there are no weights to round.
 */
static int fold_neuron(const struct quantizer *q, const struct graph_layer *l, cJSON *json,
		       const double *unit, bool exact, uint32_t *shift)
{
	cJSON *neuron = cJSON_GetObjectItemCaseSensitive(json, "neuron");
	uint32_t channels = l->out.channels;
	double *t = real_numbers(&l->threshold, channels, 0), *b = NULL;
	struct folding f = { .path = q->path, .layer = l->name, .channels = channels, .unit = unit,
			     .thresholds = t, .exact = exact && !l->bias.count };
	struct model_slot slot = { q->out, neuron, "threshold", l->name, "threshold" };
	int ret = 0;

	if (l->bias.count)
		f.biases = b = real_numbers(&l->bias, channels, 0);
	if (!t || (l->bias.count && !b))
		ret = error_set(-ENOMEM, "%s: no memory", q->path);
	if (!ret && l->neuron.reset_value)
		ret = fail(q, l, "reset_value: expected 0, as thresholds are scaled by channel");
	if (!ret)
		ret = folding_run(&f);
	if (!ret && l->threshold.count == 1 && exact)
		set_number(neuron, "threshold", f.threshold_out[0]);
	else if (!ret)
		ret = model_add_integers(&slot, f.threshold_out, channels);
	if (!ret && l->bias.count) {
		slot = (struct model_slot){ q->out, json, "bias", l->name, "bias" };
		ret = model_add_integers(&slot, f.bias_out, channels);
	}
	if (!ret) {
		set_number(neuron, "shift", f.shift);
		*shift = f.shift;
	}
	free(t);
	free(b);
	free(f.threshold_out);
	free(f.bias_out);
	return ret;
}

/* A layer without weights but with a neuron; @unit: real value of its accumulator step. */
static int fold_plain(const struct quantizer *q, const struct graph_layer *l, cJSON *json,
		      double unit)
{
	double *units = malloc(l->out.channels * sizeof(*units));
	uint32_t shift;
	int ret;

	if (!units)
		return error_set(-ENOMEM, "%s: no memory", q->path);
	for (uint32_t c = 0; c < l->out.channels; c++)
		units[c] = unit;
	ret = fold_neuron(q, l, json, units, true, &shift);
	free(units);
	return ret;
}

/* ---- layers with weights ---- */

/* Largest power of two up to HEAD_MULT with which no output can leave int32. */
static int32_t head_multiplier(const struct rounding *r, const struct graph_shape *in)
{
	double terms = (double)r->shape.inputs * r->shape.kernel_h * r->shape.kernel_w;
	double bound = terms * ((1 << in->planes) - 1) * r->grid.largest;
	int32_t mult = HEAD_MULT;

	while (mult > 1 && bound * mult > (1 << 30))
		mult /= 2;
	return mult;
}

/* The head: its one scale goes into the readout, its bias into units of 1 / mult. */
static int fold_head(struct quantizer *q, uint32_t index, cJSON *json, const struct rounding *r)
{
	const struct graph_layer *l = &q->graph->layers[index];
	const struct graph_shape *in = graph_shape(q->graph, l->in[0]);
	cJSON *neuron = cJSON_GetObjectItemCaseSensitive(json, "neuron");
	struct model_slot slot = { q->out, json, "bias", l->name, "bias" };
	int32_t mult = head_multiplier(r, in), *bias;
	double unit = r->scales[0] * unit_of(q, l->in[0]) / mult;
	int ret = 0;

	if (l->mult.count || l->neuron.requant_shift || l->out.format != SNNQ_FORMAT_INT32)
		return fail(q, l, "expected a plain output (int32, no mult) without a neuron");
	bias = calloc(l->out.channels, sizeof(*bias));
	for (uint32_t c = 0; bias && !ret && c < l->out.channels; c++) {
		double b = rint(real_number(&l->bias, c, 0) / unit);

		if (!(fabs(b) < 1 << 30))
			ret = fail(q, l, "bias: more than 2^30 steps of the result");
		else
			bias[c] = (int32_t)b;
	}
	if (!bias)
		ret = error_set(-ENOMEM, "%s: no memory", q->path);
	if (!ret && l->bias.count)
		ret = model_add_integers(&slot, bias, l->out.channels);
	set_number(neuron, "mult", mult);
	set_number(neuron, "requant_shift", 0);
	q->units[index + 1] = unit;
	free(bias);
	return ret;
}

static int fold_weighted(struct quantizer *q, uint32_t index, cJSON *json, struct rounding *r,
			 uint32_t *shift)
{
	const struct graph_layer *l = &q->graph->layers[index];

	*shift = 0;
	if (l->neuron.model == SNNQ_NEURON_NONE)
		return fold_head(q, index, json, r);
	for (uint32_t c = 0; c < r->shape.outputs; c++)
		r->scales[c] *= unit_of(q, l->in[0]);
	return fold_neuron(q, l, json, r->scales, false, shift);
}

/*
 * Scales must not make thresholds larger than 2^22 steps, or they would not fit
 * with their fraction bits: matters for channels whose weights are (nearly) zero.
 */
static double *smallest_scales(const struct quantizer *q, const struct graph_layer *l)
{
	double *s = malloc(l->out.channels * sizeof(*s));

	for (uint32_t c = 0; s && c < l->out.channels; c++) {
		double t = real_number(&l->threshold, c, 1);

		s[c] = ldexp(t > 0 ? t : 1, -22) / unit_of(q, l->in[0]);
	}
	return s;
}

static int round_weighted(struct quantizer *q, uint32_t index, cJSON *json)
{
	const struct graph_layer *l = &q->graph->layers[index];
	const struct snnq_layer_choice *choice = find_choice(q, l->name);
	struct rounding r = { .shape = shape_of(q->graph, l),
			      .one_scale = l->neuron.model == SNNQ_NEURON_NONE };
	struct model_slot slot = { q->out, cJSON_GetObjectItemCaseSensitive(json, "weight"),
				   "tensor", l->name, "weight" };
	double *smallest = smallest_scales(q, l);
	uint32_t shift = 0;
	int ret = -ENOMEM;

	if (!choice) {
		free(smallest);
		return fail(q, l, "no scheme and bits were chosen for it, and no default");
	}
	grid_init(&r.grid, grid_scheme(choice->scheme), choice->bits);
	r.importance = q->importance ? q->importance[l->in[0] + 1] : NULL;
	r.weights = malloc(l->weight->bytes);
	if (r.weights && smallest) {
		memcpy(r.weights, l->weight->data, l->weight->bytes);
		ret = rounding_run(&r, smallest);
	}
	if (ret)
		error_set(ret, "%s: layer %s: no memory", q->path, l->name);
	if (!ret)
		ret = model_add_weight(&slot, &r.shape, &r.grid, r.indices);
	if (!ret)
		ret = fold_weighted(q, index, json, &r, &shift);
	if (!ret)
		report(q, index, &r, shift);
	rounding_free(&r);
	free(smallest);
	return ret;
}

/* ---- layers without weights ---- */

/* mean of k = sum / k: the sum is exact, 1 / k goes into the unit. */
static int turn_average(struct quantizer *q, uint32_t index, cJSON *json)
{
	const struct graph_layer *l = &q->graph->layers[index];
	const struct graph_shape *in = graph_shape(q->graph, l->in[0]);
	uint32_t k = (uint32_t)l->geometry.kernel_h * l->geometry.kernel_w, planes = 0;
	double unit = unit_of(q, l->in[0]) / k;

	cJSON_ReplaceItemInObjectCaseSensitive(json, "op", cJSON_CreateString("sumpool"));
	set_number(json, "value", 1);
	if (l->neuron.model != SNNQ_NEURON_NONE)
		return fold_plain(q, l, json, unit);
	while (planes < SNNQ_MAX_PLANES && (uint64_t)k * ((1u << in->planes) - 1) >> planes)
		planes++;
	if ((uint64_t)k * ((1u << in->planes) - 1) >> planes)
		return fail(q, l, "sums do not fit 16 bit-planes");
	set_number(json, "planes", planes);
	q->units[index + 1] = unit;
	return 0;
}

static int fold_sums(struct quantizer *q, uint32_t index, cJSON *json)
{
	const struct graph_layer *l = &q->graph->layers[index];
	double unit = unit_of(q, l->in[0]);

	if (l->neuron.model != SNNQ_NEURON_NONE)
		return fold_plain(q, l, json, unit);
	q->units[index + 1] = unit;
	return 0;
}

static int pass_unit(struct quantizer *q, uint32_t index)
{
	const struct graph_layer *l = &q->graph->layers[index];

	for (uint32_t i = 1; i < l->in_count; i++)
		if (unit_of(q, l->in[i]) != unit_of(q, l->in[0]))
			return fail(q, l, "inputs have different scales");
	q->units[index + 1] = unit_of(q, l->in[0]);
	return 0;
}

static int quantize_layer(struct quantizer *q, uint32_t index)
{
	const struct graph_layer *l = &q->graph->layers[index];
	cJSON *json = cJSON_GetArrayItem(q->layers, (int)index);

	q->units[index + 1] = 1;	/* spikes */
	switch (l->op) {
	case SNNQ_OP_CONV2D:
	case SNNQ_OP_LINEAR:
		return round_weighted(q, index, json);
	case SNNQ_OP_ATTENTION:
		return fold_plain(q, l, json, 1);
	case SNNQ_OP_POOL_SUM:
		return fold_sums(q, index, json);
	case GRAPH_AVGPOOL:
		return turn_average(q, index, json);
	default:
		return pass_unit(q, index);
	}
}

/* ---- the model ---- */

static void record(const struct quantizer *q, cJSON *graph)
{
	cJSON *o;

	cJSON_DeleteItemFromObjectCaseSensitive(graph, "quantization");
	o = cJSON_AddObjectToObject(graph, "quantization");
	cJSON_AddStringToObject(o, "method", "round");
	cJSON_AddStringToObject(o, "scales", "per channel, least squares, folded");
	cJSON_AddNumberToObject(o, "calibration_recordings", (double)q->opts->calibration_count);
	if (q->opts->calibration_count && q->opts->calibration_name)
		cJSON_AddStringToObject(o, "calibration", q->opts->calibration_name);
}

static void finish_graph(const struct quantizer *q, cJSON *graph)
{
	cJSON *readout = cJSON_GetObjectItemCaseSensitive(graph, "readout");

	cJSON_ReplaceItemInObjectCaseSensitive(graph, "arithmetic", cJSON_CreateString("integer"));
	set_number(readout, "scale",
		   q->graph->readout_scale * q->units[q->graph->readout + 1]);
	record(q, graph);
}

static int run_pass(struct quantizer *q, const char *path)
{
	cJSON *graph = cJSON_Duplicate(q->graph->file->graph, 1);
	int ret = graph ? modelfile_new(graph, &q->out) : -ENOMEM;

	if (ret)
		return error_set(ret, "%s: no memory", q->path);
	q->layers = cJSON_GetObjectItemCaseSensitive(graph, "layers");
	q->units[0] = 1;
	for (uint32_t i = 0; !ret && i < q->graph->layer_count; i++)
		ret = quantize_layer(q, i);
	if (!ret) {
		finish_graph(q, graph);
		ret = modelfile_write(q->out, path);
	}
	modelfile_free(q->out);
	q->out = NULL;
	return ret;
}

/* First pass to a file beside the result, measure it, remove it. */
static int measure_activity(struct quantizer *q, const char *out)
{
	char path[4096];
	int ret;

	if (snprintf(path, sizeof(path), "%s.calibration.%ld", out, (long)getpid()) >=
	    (int)sizeof(path))
		return error_set(-ENAMETOOLONG, "%s: name too long", out);
	ret = run_pass(q, path);
	if (!ret) {
		q->importance = calloc(q->graph->layer_count + 1, sizeof(*q->importance));
		ret = q->importance ? calibrate(path, q->graph, q->opts, q->importance) :
				      error_set(-ENOMEM, "%s: no memory", q->path);
	}
	unlink(path);
	return ret;
}

static int quantize_graph(struct quantizer *q, const char *out)
{
	int ret;

	if (q->graph->integer)
		return error_set(-EBADMSG, "%s: arithmetic: expected float, found integer",
				 q->path);
	q->units = calloc(q->graph->layer_count + 1, sizeof(*q->units));
	if (!q->units)
		return error_set(-ENOMEM, "%s: no memory", q->path);
	ret = check_choices(q);
	if (!ret && q->opts->calibration_count)
		ret = measure_activity(q, out);
	q->final = true;
	if (!ret)
		ret = run_pass(q, out);
	for (uint32_t i = 0; q->importance && i <= q->graph->layer_count; i++)
		free(q->importance[i]);
	free(q->importance);
	free(q->units);
	return ret;
}

int snnq_quantize(const char *in, const char *out, const struct snnq_quantize_opts *opts)
{
	struct modelfile *file = NULL;
	struct graph graph;
	struct quantizer q = { .path = in, .opts = opts, .graph = &graph };
	int ret;

	if (!opts || opts->size != sizeof(*opts))
		return error_set(-EINVAL, "snnq_quantize: options are missing or of unknown size");
	ret = modelfile_open(in, &file);
	if (!ret)
		ret = graph_parse(in, file, &graph);
	if (!ret) {
		ret = quantize_graph(&q, out);
		graph_free(&graph);
	}
	modelfile_free(file);
	return ret;
}
