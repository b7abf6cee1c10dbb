// SPDX-License-Identifier: MIT
/*
 * floatnet.c - make a float model ready to run: its real numbers, and a plan of
 * the engine for everything else.
 *
 * The plan comes from a shadow of the graph: weights of one bit, thresholds of 1,
 * no biases, averages as sums. Compiling and validating it checks the geometry, what
 * operations accept, and that sums fit, as for an integer model.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/compile.h"
#include "base/error.h"
#include "base/host.h"
#include "floatnet_layers.h"

#define RECORD_MAX_BYTES (1ull << 32) /* outputs of all steps of a recording */

struct builder {
	const char *path;
	struct floatnet *net;
	struct graph shadow;
	struct tensor *tensors; /* of the shadow, [layer] */
};

static int refuse(const struct builder *b, const struct graph_layer *l, const char *what)
{
	return error_set(-EBADMSG, "%s: layer %s (%s): %s", b->path, l->name, l->op_name, what);
}

static int no_memory(const struct builder *b)
{
	return error_set(-ENOMEM, "%s: no memory", b->path);
}

/* ---- the shadow ---- */

static bool has_neuron(const struct graph_layer *l)
{
	return l->neuron.model != SNNQ_NEURON_NONE;
}

/* mean of k = sum / k, and 1 / k goes into the unit. */
static int shadow_average(const struct builder *b, struct graph_layer *l)
{
	const struct graph_shape *in = graph_shape(&b->shadow, l->in[0]);
	uint64_t largest = (uint64_t)graph_taps(&l->geometry) * ((1u << in->planes) - 1);
	uint8_t planes = 1;

	l->op = SNNQ_OP_POOL_SUM;
	l->value = 1;
	if (has_neuron(l))
		return 0;
	if (in->format != SNNQ_FORMAT_UNSIGNED || l->out.format == SNNQ_FORMAT_SIGNED)
		return refuse(b, l,
			      "expected unsigned spikes or counts, found signed or real "
			      "ones");
	while (planes < SNNQ_MAX_PLANES && largest >> planes)
		planes++;
	if (largest >> planes)
		return refuse(b, l, "sums do not fit 16 bit-planes");
	l->out.format = SNNQ_FORMAT_UNSIGNED;
	l->out.planes = planes;
	return 0;
}

/* One bit per weight; whose values nobody reads. */
static void shadow_weight(struct builder *b, uint32_t index, struct graph_layer *l)
{
	uint32_t groups = l->op == SNNQ_OP_CONV2D ? l->geometry.groups : 1;
	uint64_t rows = graph_layer_params(l) / (l->out_channels / groups);

	b->tensors[index] = *l->weight;
	b->tensors[index].bytes = rows * ((l->out_channels / groups + 7) / 8);
	l->weight = &b->tensors[index];
	l->scheme = SNNQ_SCHEME_UNIFORM;
	l->bits = 1;
}

static bool shows_potential(const struct graph_layer *l)
{
	return l->neuron.output == SNNQ_OUTPUT_POTENTIAL || l->neuron.output == SNNQ_OUTPUT_GRADED;
}

/* What a float model has no meaning for. */
static int check_neuron(const struct builder *b, const struct graph_layer *l)
{
	bool real = l->out.format == SNNQ_FORMAT_INT32;
	if (l->mult.count || l->neuron.requant_shift)
		return refuse(b, l, "expected no mult and no requant_shift in a float model");
	if (!has_neuron(l))
		return 0;
	if (shows_potential(l) && !real)
		return refuse(b, l, "expected a real output of potentials, found bit-planes");
	if (l->neuron.delay && (real || l->loop_count > 1))
		return refuse(b, l,
			      "delay: expected none of real outputs and in loops of more rounds");
	return isfinite(l->low) ? 0 : refuse(b, l, "low: expected a finite number");
}

/*
 * What neurons compare with and are set to is real, and not the plan's. Potentials are sums there,
 * which have a bound.
 */
static void shadow_neuron(struct graph_layer *l)
{
	if (shows_potential(l)) {
		l->neuron = (struct snnq_neuron){ .model = SNNQ_NEURON_NONE };
		l->leak = l->current_leak = l->threshold = (struct graph_numbers){ 0 };
		l->skip_first = false;
	}
	l->neuron.reset_value = 0;
	l->neuron.low = 0;
	l->reset = (struct graph_numbers){ 0 };
	l->neuron.flags &= ~SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS;
	l->bias = (struct graph_numbers){ 0 };
	if (l->threshold.count)
		l->threshold = (struct graph_numbers){ .value = 1, .count = 1 };
}

static int shadow_layer(struct builder *b, uint32_t index)
{
	struct graph_layer *l = &b->shadow.layers[index];
	int ret = check_neuron(b, l);

	if (ret)
		return ret;
	for (uint32_t k = 0; !has_neuron(l) && l->out.planes && k < l->in_count; k++)
		if (!l->view[k].previous && !graph_shape(&b->shadow, l->in[k])->planes &&
		    !graph_keeps_format(l))
			return refuse(b, l,
				      "expected a real output of real inputs, found bit-planes");
	if (!has_neuron(l) && l->weight && l->out.planes)
		return refuse(b, l, "expected a real output without a neuron, found bit-planes");
	if (graph_keeps_format(l) && !l->view[0].previous) {
		l->out.format = graph_shape(&b->shadow, l->in[0])->format;
		l->out.planes = graph_shape(&b->shadow, l->in[0])->planes;
	}
	if (!has_neuron(l) && l->out.planes && l->bias.count)
		return refuse(b, l, "expected no bias, as there are neither weights nor neurons");
	if (l->weight)
		shadow_weight(b, index, l);
	shadow_neuron(l);
	return l->op == GRAPH_AVGPOOL ? shadow_average(b, l) : 0;
}

/* Real numbers that weights read are planes in the plan, which takes no others; none is written. */
static void shadow_fed(struct graph_shape *out)
{
	out->format = SNNQ_FORMAT_SIGNED;
	out->planes = 2;
}

static int make_plan(struct builder *b)
{
	struct compiled compiled;
	int ret = compile_graph(b->path, &b->shadow,
				&(struct compile_opts){ .tile_steps = 1, .caps = &snnq_caps_all },
				&compiled);

	if (ret)
		return ret == -ENOMEM ? ret : -EBADMSG;
	ret = snnq_plan_create(compiled.program, compiled.program_bytes, &snnq_caps_all,
			       host_memory(), NULL, &b->net->plan, NULL);
	compile_free(&compiled);
	return ret ? no_memory(b) : 0;
}

static int make_shadow(struct builder *b)
{
	const struct graph *g = b->net->graph;
	int ret = 0;

	b->shadow = *g;
	b->shadow.integer = true;
	b->shadow.layers = calloc(g->layer_count, sizeof(*g->layers));
	b->tensors = calloc(g->layer_count, sizeof(*b->tensors));
	if (!b->shadow.layers || !b->tensors)
		return no_memory(b);
	memcpy(b->shadow.layers, g->layers, g->layer_count * sizeof(*g->layers));
	for (uint32_t i = 0; !ret && i < g->layer_count; i++) {
		ret = shadow_layer(b, i);
		b->net->layers[i].out = b->shadow.layers[i].out;
		if (graph_feeds_weights(g, (int)i, b->net->units))
			shadow_fed(&b->shadow.layers[i].out);
	}
	return ret ? ret : make_plan(b);
}

/* ---- real numbers ---- */

static double *expand(const struct graph_numbers *n, uint32_t count)
{
	double *values = calloc(count, sizeof(*values));

	for (uint32_t c = 0; values && n->count && c < count; c++)
		values[c] = graph_real(n, n->count > 1 ? c : 0);
	return values;
}

static int check_numbers(const struct builder *b, const struct graph_layer *l, const char *what,
			 const double *values, uint32_t count)
{
	for (uint32_t c = 0; c < count; c++)
		if (!isfinite(values[c]))
			return error_set(-EBADMSG,
					 "%s: layer %s: channel %u: %s: expected a finite number, "
					 "found %g",
					 b->path, l->name, c, what, values[c]);
	return 0;
}

/* Positive, and those of the levels of a channel rise. */
static int check_thresholds(const struct builder *b, const struct real_layer *r)
{
	const struct graph_layer *l = r->graph;
	bool table = l->neuron.flags & SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS;
	uint32_t levels = table ? l->neuron.levels : 1;

	for (uint32_t i = 0; i < l->out.channels * levels; i++) {
		double low = i % levels ? r->threshold[i - 1] : 0;

		if (l->threshold.count && !(r->threshold[i] > low && isfinite(r->threshold[i])))
			return error_set(-EBADMSG,
					 "%s: layer %s: channel %u: threshold: expected "
					 "a %s number, found %g",
					 b->path, l->name, i / levels,
					 low > 0 ? "larger" : "positive", r->threshold[i]);
	}
	return 0;
}

static int take_neuron(const struct builder *b, struct real_layer *r)
{
	const struct graph_layer *l = r->graph;
	bool table = l->neuron.flags & SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS;
	uint32_t levels = table ? l->neuron.levels : 1;
	int ret;

	if (!has_neuron(l) && r->out.planes)
		return 0;
	r->threshold = expand(&l->threshold, l->out.channels * levels);
	r->bias = expand(&l->bias, l->out.channels);
	r->reset = expand(&l->reset, l->out.channels);
	if (!r->threshold || !r->bias || !r->reset)
		return no_memory(b);
	ret = has_neuron(l) ? check_thresholds(b, r) : 0;
	if (!ret)
		ret = check_numbers(b, l, "bias", r->bias, l->out.channels);
	if (!ret)
		ret = check_numbers(b, l, "reset_value", r->reset, l->out.channels);
	return ret;
}

/* [out][in/groups][kh][kw] to rows. */
static void transpose(struct real_layer *r, uint32_t inputs, uint32_t taps, uint32_t outputs)
{
	const struct graph_layer *l = r->graph;
	size_t at = 0;

	for (uint32_t o = 0; o < l->out_channels; o++)
		for (uint32_t i = 0; i < inputs; i++)
			for (uint32_t k = 0; k < taps; k++) {
				size_t row = ((size_t)(o / outputs) * taps + k) * inputs + i;
				size_t to = r->depthwise ? (size_t)k * l->out_channels + o :
							   row * r->stride + o % outputs;

				r->weights[to] = tensor_real(l->weight, at++);
			}
}

static int take_weights(const struct builder *b, struct real_layer *r)
{
	const struct graph_layer *l = r->graph;
	const struct snnq_geometry *g = &l->geometry;
	bool conv = l->op == SNNQ_OP_CONV2D;
	uint32_t groups = conv ? g->groups : 1, taps = conv ? g->kernel_h * g->kernel_w : 1;
	uint32_t outputs = l->out_channels / groups;
	uint32_t inputs = l->from[0].channels / groups;
	size_t count = (size_t)graph_layer_params(l), rows = count / outputs;

	for (size_t i = 0; i < count; i++)
		if (!isfinite(tensor_real(l->weight, i)))
			return error_set(-EBADMSG,
					 "%s: layer %s: weight %zu: expected a finite "
					 "number, found %g",
					 b->path, l->name, i, tensor_real(l->weight, i));
	r->depthwise = groups > 1 && inputs == 1 && outputs == 1;
	r->stride = outputs < FLOAT_ROW_ALIGN ?
			    outputs :
			    (outputs + FLOAT_ROW_ALIGN - 1) / FLOAT_ROW_ALIGN * FLOAT_ROW_ALIGN;
	r->weights = calloc(rows * r->stride, sizeof(*r->weights));
	if (!r->weights)
		return no_memory(b);
	transpose(r, inputs, taps, outputs);
	return 0;
}

/* What steps of the layer's sums are worth. */
static double gain_of(const struct builder *b, const struct graph_layer *l)
{
	double in = l->view[0].previous ? 1 : b->net->units[l->in[0] + 1];

	if (in == 0)
		return 1;
	return l->op == GRAPH_AVGPOOL ? in / graph_taps(&l->geometry) : in;
}

static int take_layer(const struct builder *b, uint32_t index)
{
	struct real_layer *r = &b->net->layers[index];
	int ret;

	r->graph = &b->net->graph->layers[index];
	r->gain = gain_of(b, r->graph);
	ret = take_neuron(b, r);
	return !ret && r->graph->weight ? take_weights(b, r) : ret;
}

/* A record has no more than a plan: a small file must not ask for any amount of memory. */
static int check_record(const struct builder *b)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < b->net->graph->layer_count; i++)
		if (floatnet_is_kept(b->net, i))
			bytes += floatnet_slot_words(b->net, (int)i) * 8;
	if (!bytes || bytes <= RECORD_MAX_BYTES / b->net->graph->input.steps)
		return 0;
	return error_set(-EBADMSG,
			 "%s: input: steps: expected at most %llu of %llu bytes each, "
			 "found %u",
			 b->path, RECORD_MAX_BYTES / (unsigned long long)bytes,
			 (unsigned long long)bytes, b->net->graph->input.steps);
}

int floatnet_create(const char *path, const struct graph *graph, struct floatnet **net)
{
	struct builder b = { .path = path, .net = calloc(1, sizeof(*b.net)) };
	int ret = 0;

	if (graph->integer) {
		free(b.net);
		return error_set(-EBADMSG, "%s: arithmetic: expected float, found integer", path);
	}
	if (!b.net)
		return no_memory(&b);
	b.net->graph = graph;
	b.net->layers = calloc(graph->layer_count, sizeof(*b.net->layers));
	b.net->units = calloc(graph->layer_count + 1, sizeof(*b.net->units));
	if (!b.net->layers || !b.net->units) {
		floatnet_destroy(b.net);
		return no_memory(&b);
	}
	if (!(graph->readout_scale > 0))
		ret = error_set(-EBADMSG,
				"%s: readout: scale: expected a positive number, found "
				"%g",
				path, graph->readout_scale);
	if (!ret)
		ret = graph_units(path, graph, b.net->units);
	if (!ret)
		ret = make_shadow(&b);
	if (!ret)
		ret = check_record(&b);
	for (uint32_t i = 0; !ret && i < graph->layer_count; i++)
		ret = take_layer(&b, i);
	free(b.shadow.layers);
	free(b.tensors);
	if (ret)
		floatnet_destroy(b.net);
	else
		*net = b.net;
	return ret;
}

void floatnet_destroy(struct floatnet *net)
{
	if (!net)
		return;
	for (uint32_t i = 0; net->layers && i < net->graph->layer_count; i++) {
		free(net->layers[i].weights);
		free(net->layers[i].threshold);
		free(net->layers[i].bias);
		free(net->layers[i].reset);
	}
	free(net->layers);
	free(net->units);
	snnq_plan_destroy(net->plan);
	free(net);
}

/* ---- what callers may know ---- */

const struct graph_shape *floatnet_shape(const struct floatnet *net, int layer)
{
	return layer == GRAPH_INPUT ? &net->graph->input.shape : &net->layers[layer].out;
}

uint64_t floatnet_words(const struct floatnet *net, int layer)
{
	const struct graph_shape *s = floatnet_shape(net, layer);

	return (uint64_t)s->planes * s->height * s->width * ((s->channels + 63) / 64);
}

uint64_t floatnet_slot_words(const struct floatnet *net, int layer)
{
	const struct graph_shape *s = floatnet_shape(net, layer);

	if (s->planes)
		return floatnet_words(net, layer);
	return ((uint64_t)s->height * s->width * s->channels + 1) / 2;
}

bool floatnet_is_kept(const struct floatnet *net, uint32_t index)
{
	const struct graph *g = net->graph;

	if (net->layers[index].out.planes)
		return true;
	for (uint32_t i = 0; i < g->layer_count; i++)
		for (uint32_t k = 0; k < g->layers[i].in_count; k++)
			if (g->layers[i].in[k] == (int)index)
				return true;
	return false;
}

int floatnet_record_alloc(const struct floatnet *net, struct floatnet_record *record)
{
	const struct graph *g = net->graph;
	bool complete;

	record->scores = calloc(g->readout_channels, sizeof(*record->scores));
	record->spikes = calloc(g->layer_count, sizeof(*record->spikes));
	record->reals = calloc(g->layer_count, sizeof(*record->reals));
	complete = record->scores && record->spikes && record->reals;
	for (uint32_t i = 0; complete && i < g->layer_count; i++) {
		uint64_t *slots;

		if (!floatnet_is_kept(net, i))
			continue;
		slots = calloc(g->input.steps, floatnet_slot_words(net, (int)i) * 8);
		(floatnet_words(net, (int)i) ? record->spikes : record->reals)[i] = slots;
		complete = slots;
	}
	if (complete)
		return 0;
	floatnet_record_free(net, record);
	return error_set(-ENOMEM, "no memory for the outputs of a recording");
}

void floatnet_record_free(const struct floatnet *net, struct floatnet_record *record)
{
	for (uint32_t i = 0; record->spikes && i < net->graph->layer_count; i++)
		free(record->spikes[i]);
	for (uint32_t i = 0; record->reals && i < net->graph->layer_count; i++)
		free(record->reals[i]);
	free(record->spikes);
	free(record->reals);
	free(record->scores);
	*record = (struct floatnet_record){ 0 };
}
