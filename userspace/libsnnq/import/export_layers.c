// SPDX-License-Identifier: MIT
/*
 * export_layers.c - layers of a float model as nodes of NIR.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "export_nir.h"
#include "snnq_program.h"

static struct export_flow *flow_of(const struct export *e, int layer)
{
	return &e->flows[1 + layer];
}

static bool has_neuron(const struct graph_layer *l)
{
	return l->neuron.model != SNNQ_NEURON_NONE;
}

/* ---- flows ---- */

static struct export_flow flow_from(int node, const struct graph_layer *l, bool map, uint64_t most)
{
	return (struct export_flow){ .sources = { node },
				     .count = 1,
				     .fires = -1,
				     .flat = -1,
				     .map = map,
				     .most = most,
				     .shape = l->out };
}

static int connect(struct export *e, const struct export_flow *flow, int to)
{
	int ret = 0;

	for (int i = 0; !ret && i < flow->count; i++)
		ret = nir_file_edge(&e->f, flow->sources[i], to, false);
	return ret;
}

/* A Flatten of a map, after which nobody has to know its sizes; its node, or -errno. */
static int add_flatten(struct export *e, const char *name, const struct graph_shape *s)
{
	const int64_t map[3] = { s->channels, s->height, s->width }, first = 0, last = -1;
	int node = nir_file_add(&e->f, name, "_flat", "Flatten");

	if (node >= 0) {
		nir_file_integers(&e->f, "start_dim", 0, &first);
		nir_file_integers(&e->f, "end_dim", 0, &last);
		nir_file_integers(&e->f, "input_type", 3, map);
	}
	return node;
}

/* A flow as a vector. */
static int flatten(struct export *e, int layer, struct export_flow *flat)
{
	struct export_flow *flow = flow_of(e, layer);
	const char *name = layer == GRAPH_INPUT ? "input" : e->graph->layers[layer].name;
	int ret = 0;

	if (flow->map && flow->flat < 0) {
		int node = add_flatten(e, name, &flow->shape);

		ret = node < 0 ? node : connect(e, flow, node);
		flow->flat = node;
	}
	*flat = *flow;
	if (!flow->map || ret)
		return ret;
	flat->sources[0] = flow->flat;
	flat->count = 1;
	flat->map = false;
	flat->fires = -1;
	return 0;
}

/* What operand @k of a layer brings to @node. */
static int bring(struct export *e, const struct graph_layer *l, uint32_t k, bool vector, int node)
{
	struct export_flow flow;
	int ret;

	if (l->view[k].previous) {
		e->backs[e->back_count++] = (struct export_back){ l->in[k], node, vector, l };
		return 0;
	}
	flow = *flow_of(e, l->in[k]);
	ret = vector ? flatten(e, l->in[k], &flow) : 0;
	return ret ? ret : connect(e, &flow, node);
}

static int bring_all(struct export *e, const struct graph_layer *l, bool map, int node)
{
	int ret = 0;

	for (uint32_t k = 0; !ret && k < l->in_count; k++)
		ret = bring(e, l, k, !map, node);
	return ret;
}

/* Whether what comes in is a map; of steps before that is known by the size alone. */
static bool is_map(const struct export *e, const struct graph_layer *l, uint32_t k)
{
	if (l->view[k].previous)
		return l->from[k].height > 1 || l->from[k].width > 1;
	return flow_of(e, l->in[k])->map;
}

static uint64_t most_of(const struct export *e, const struct graph_layer *l, uint32_t k)
{
	return l->view[k].previous ? (1u << l->from[k].planes) - 1 : flow_of(e, l->in[k])->most;
}

/* Counts are sums in NIR, however large. */
static int check_planes(const struct export *e, const struct graph_layer *l, uint64_t most)
{
	if (l->out.format == SNNQ_FORMAT_SIGNED)
		return export_refuse(e, l, "NIR has no counts with a sign");
	if (l->out.format == SNNQ_FORMAT_UNSIGNED && most >> l->out.planes)
		return export_refuse(e, l, "NIR has no sums that saturate: more planes are needed");
	return 0;
}

/* ---- neurons ---- */

/* @flow, that of the layer's neuron @node, with the delay that the layer may have behind it. */
static int put_delayed(struct export *e, const struct graph_layer *l, int node, bool map,
		       struct export_flow *flow)
{
	int late;

	*flow = flow_from(node, l, map, l->neuron.output == SNNQ_OUTPUT_SPIKES);
	if (!l->neuron.delay)
		return 0;
	late = export_put_delay(e, l, 0, map);
	if (late < 0)
		return late;
	flow->sources[0] = late;
	flow->fires = node;
	return nir_file_edge(&e->f, node, late, false);
}

/* The neuron behind @node, of a layer with weights or a pool; without one, @node is what flows. */
static int end_layer(struct export *e, const struct graph_layer *l, int node, bool weights,
		     bool map, struct export_flow *flow)
{
	int neuron, ret;

	if (!has_neuron(l))
		return 0;
	ret = export_check_neuron(e, l);
	neuron = ret ? ret : export_put_neuron(e, l, "_neuron", weights, map);
	if (neuron >= 0)
		ret = nir_file_edge(&e->f, node, neuron, false);
	if (neuron < 0 || ret)
		return neuron < 0 ? neuron : ret;
	return put_delayed(e, l, neuron, map, flow);
}

/* Spikes that are repeated, some of them later: of the step before, later by that. */
static int put_repeat(struct export *e, const struct graph_layer *l, bool map,
		      struct export_flow *flow)
{
	int back = l->view[0].previous ? 1 : 0, node;

	if (!back && !l->neuron.delay) {
		*flow = *flow_of(e, l->in[0]);
		return 0;
	}
	node = export_put_delay(e, l, back, map);
	if (node < 0)
		return node;
	*flow = flow_from(node, l, map, 1);
	return bring(e, l, 0, !map, node);
}

/* A layer that is a neuron alone: of one input, or of two that are added up. */
static int put_alone(struct export *e, const struct graph_layer *l, bool map,
		     struct export_flow *flow)
{
	int ret = 0, node;

	if (l->in_count == 1 && export_repeats(l, most_of(e, l, 0)))
		return put_repeat(e, l, map, flow);
	ret = export_check_neuron(e, l);
	node = ret ? ret : export_put_neuron(e, l, "", false, map);
	if (node < 0)
		return node;
	ret = bring_all(e, l, map, node);
	return ret ? ret : put_delayed(e, l, node, map, flow);
}

/* ---- weights ---- */

static float *real_weights(const struct export *e, const struct graph_layer *l)
{
	uint64_t count = tensor_elements(l->weight);
	float *values = malloc(count * sizeof(*values));

	if (!values)
		error_set(-ENOMEM, "%s: no memory", e->path);
	for (uint64_t i = 0; values && i < count; i++)
		values[i] = tensor_real(l->weight, i);
	return values;
}

/* The bias that a node with weights has; where it belongs to the neuron, or is none, zeros. */
static void put_bias(struct export *e, const struct graph_layer *l)
{
	uint64_t channels = l->out_channels;
	float *values = calloc(channels, sizeof(*values));

	for (uint32_t c = 0; values && !export_keeps_bias(l) && c < channels; c++)
		values[c] = (float)graph_real(&l->bias, l->bias.count > 1 ? c : 0);
	if (values)
		nir_file_floats(&e->f, "bias", 1, &channels, values);
	e->f.failed |= !values;
	free(values);
}

static bool puts_bias(const struct graph_layer *l)
{
	return l->bias.count && !export_keeps_bias(l);
}

/* A matrix; of groups, with zeros between them. */
static int put_matrix(struct export *e, const struct graph_layer *l, const float *weights)
{
	uint32_t groups = l->op == SNNQ_OP_CONV2D ? l->geometry.groups : 1;
	uint64_t rows = l->out_channels;
	uint64_t own = tensor_elements(l->weight) / rows, columns = own * groups;
	const uint64_t shape[2] = { rows, columns };
	float *matrix = calloc(rows * columns, sizeof(*matrix));
	int node;

	if (!matrix)
		return error_set(-ENOMEM, "%s: no memory", e->path);
	for (uint64_t r = 0; r < rows; r++)
		memcpy(matrix + r * columns + r / (rows / groups) * own, weights + r * own,
		       own * sizeof(*matrix));
	node = nir_file_add(&e->f, l->name, "", puts_bias(l) ? "Affine" : "Linear");
	if (node >= 0)
		nir_file_floats(&e->f, "weight", 2, shape, matrix);
	if (node >= 0 && puts_bias(l))
		put_bias(e, l);
	free(matrix);
	return node;
}

static void put_pair(struct export *e, const char *key, uint32_t h, uint32_t w)
{
	const int64_t pair[2] = { h, w };

	nir_file_integers(&e->f, key, 2, pair);
}

static int put_conv(struct export *e, const struct graph_layer *l, const float *weights)
{
	const struct snnq_geometry *g = &l->geometry;
	bool linear = l->op == SNNQ_OP_LINEAR; /* at each position */
	uint32_t kernel[2] = { linear ? 1 : g->kernel_h, linear ? 1 : g->kernel_w };
	uint64_t shape[4] = { l->out_channels, 0, kernel[0], kernel[1] };
	const int64_t groups = linear ? 1 : g->groups;
	int node = nir_file_add(&e->f, l->name, "", "Conv2d");

	if (node < 0)
		return node;
	shape[1] = tensor_elements(l->weight) / (shape[0] * shape[2] * shape[3]);
	nir_file_floats(&e->f, "weight", 4, shape, weights);
	put_bias(e, l);
	put_pair(e, "stride", linear ? 1 : g->stride_h, linear ? 1 : g->stride_w);
	put_pair(e, "padding", linear ? 0 : g->pad_h, linear ? 0 : g->pad_w);
	put_pair(e, "dilation", linear ? 1 : g->dilation_h, linear ? 1 : g->dilation_w);
	put_pair(e, "input_shape", l->from[0].height, l->from[0].width);
	nir_file_integers(&e->f, "groups", 0, &groups);
	return node;
}

static int put_scale(struct export *e, const struct graph_layer *l, const float *weights)
{
	uint64_t channels = l->out_channels;
	int node = nir_file_add(&e->f, l->name, "", "Scale");

	if (node >= 0)
		nir_file_floats(&e->f, "scale", 1, &channels, weights);
	return node;
}

/* Whether the window is all of the map at once. */
static bool sees_all(const struct graph_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;

	return g->kernel_h == l->from[0].height && g->kernel_w == l->from[0].width && !g->pad_h &&
	       !g->pad_w && g->dilation_h == 1 && g->dilation_w == 1;
}

static int check_window(const struct export *e, const struct graph_layer *l)
{
	return l->geometry.more_h || l->geometry.more_w ?
		       export_refuse(e, l, "windows of NIR have the same padding at both ends") :
		       0;
}

/* Weights of all that comes in, of channels of a vector, or of a window. */
static int put_weighted(struct export *e, const struct graph_layer *l, struct export_flow *flow)
{
	bool conv = l->op == SNNQ_OP_CONV2D, map = is_map(e, l, 0);
	bool point = l->from[0].height == 1 && l->from[0].width == 1;
	bool matrix = conv ? sees_all(l) && (!map || l->geometry.groups == 1) : point;
	uint32_t channels = l->from[0].channels;
	bool scale = conv && matrix && !map && l->geometry.groups == channels && channels > 1 &&
		     l->out_channels == channels && !puts_bias(l);
	float *weights;
	int node, ret = conv ? check_window(e, l) : 0;

	if (!ret && !matrix && !map)
		ret = export_refuse(e, l, "windows of NIR are of maps, expected one before it");
	if (ret)
		return ret;
	weights = real_weights(e, l);
	if (!weights)
		return -ENOMEM;
	node = scale  ? put_scale(e, l, weights) :
	       matrix ? put_matrix(e, l, weights) :
			put_conv(e, l, weights);
	free(weights);
	if (node < 0)
		return node;
	ret = bring(e, l, 0, matrix, node);
	*flow = flow_from(node, l, !matrix, 0);
	return ret ? ret : end_layer(e, l, node, true, !matrix, flow);
}

/* ---- pools and sums ---- */

static bool is_single(const struct graph_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;

	return g->kernel_h == 1 && g->kernel_w == 1 && g->stride_h == 1 && g->stride_w == 1 &&
	       !g->pad_h && !g->pad_w;
}

/* What comes in is what goes out. */
static int pass_on(struct export *e, const struct graph_layer *l, struct export_flow *flow)
{
	if (l->view[0].previous)
		return export_refuse(e, l, "NIR has nothing that only waits for a step");
	if (l->bias.count)
		return export_refuse(e, l, "NIR has no bias without weights or neurons");
	*flow = *flow_of(e, l->in[0]);
	return check_planes(e, l, flow->most);
}

static int put_pool(struct export *e, const struct graph_layer *l, struct export_flow *flow)
{
	const struct snnq_geometry *g = &l->geometry;
	bool map = is_map(e, l, 0);
	uint64_t most = most_of(e, l, 0) * g->kernel_h * g->kernel_w;
	int node, ret = check_window(e, l);

	if (!ret && l->op == SNNQ_OP_POOL_SUM && l->value != 1)
		ret = export_refuse(e, l, "pools of NIR have no weight: value: expected 1");
	if (!ret && is_single(l))
		return has_neuron(l) ? put_alone(e, l, map, flow) : pass_on(e, l, flow);
	if (!ret && l->op == SNNQ_OP_POOL_MAX)
		ret = export_refuse(e, l, "NIR has no pool of the largest");
	if (!ret && (g->dilation_h != 1 || g->dilation_w != 1))
		ret = export_refuse(e, l, "pools of NIR have no dilation");
	if (!ret && !map)
		ret = export_refuse(e, l, "windows of NIR are of maps, expected one before it");
	if (!ret && l->bias.count && !has_neuron(l))
		ret = export_refuse(e, l, "NIR has no bias without weights or neurons");
	if (!ret && !has_neuron(l))
		ret = check_planes(e, l, most);
	if (ret)
		return ret;
	node = nir_file_add(&e->f, l->name, "",
			    l->op == SNNQ_OP_POOL_SUM ? "SumPool2d" : "AvgPool2d");
	if (node < 0)
		return node;
	put_pair(e, "kernel_size", g->kernel_h, g->kernel_w);
	put_pair(e, "stride", g->stride_h, g->stride_w);
	put_pair(e, "padding", g->pad_h, g->pad_w);
	ret = bring(e, l, 0, false, node);
	*flow = flow_from(node, l, true, most);
	return ret ? ret : end_layer(e, l, node, false, true, flow);
}

/* A sum without a neuron is what its edges are. */
static int join(struct export *e, const struct graph_layer *l, struct export_flow *flow)
{
	struct export_flow part;
	int ret = 0;

	if (l->view[0].previous || l->view[1].previous)
		return export_refuse(e, l, "sums of NIR with what was a step before need a neuron");
	if (l->bias.count)
		return export_refuse(e, l, "NIR has no bias without weights or neurons");
	*flow = *flow_of(e, l->in[0]);
	part = *flow_of(e, l->in[1]);
	if (flow->map != part.map) {
		ret = flatten(e, l->in[flow->map ? 0 : 1], flow->map ? flow : &part);
		if (ret)
			return ret;
	}
	if (flow->count + part.count > EXPORT_MOST_SOURCES)
		return export_refuse(e, l, "expected a sum of at most 16");
	memcpy(flow->sources + flow->count, part.sources, (size_t)part.count * sizeof(int));
	flow->count += part.count;
	flow->fires = flow->flat = -1;
	flow->most = flow->most && part.most ? flow->most + part.most : 0;
	flow->shape = l->out;
	return check_planes(e, l, flow->most);
}

static int put_sum(struct export *e, const struct graph_layer *l, struct export_flow *flow)
{
	const struct graph_shape *a = &l->from[0], *b = &l->from[1];

	if (a->height != b->height || a->width != b->width || a->channels != b->channels)
		return export_refuse(e, l, "sums of NIR are of the same size, nothing is repeated");
	if (has_neuron(l))
		return put_alone(e, l, is_map(e, l, 0) && is_map(e, l, 1), flow);
	return join(e, l, flow);
}

/* ---- any layer ---- */

static int check_operands(const struct export *e, const struct graph_layer *l)
{
	if (l->loop_count > 1)
		return export_refuse(e, l, "loop: NIR has one round in a step");
	for (uint32_t k = 0; k < l->in_count; k++) {
		if (l->view[k].flags && !l->view[k].previous)
			return export_refuse(e, l,
					     "inputs: NIR has no part of what a layer puts "
					     "out, nor another shape of it");
		if (l->from[k].format == SNNQ_FORMAT_SIGNED)
			return export_refuse(e, l, "NIR has no counts with a sign");
	}
	return 0;
}

int export_layer(struct export *e, int index)
{
	const struct graph_layer *l = &e->graph->layers[index];
	struct export_flow flow;
	int ret = check_operands(e, l);

	if (ret)
		return ret;
	if (l->op == SNNQ_OP_CONV2D || l->op == SNNQ_OP_LINEAR)
		ret = put_weighted(e, l, &flow);
	else if (l->op == SNNQ_OP_POOL_SUM || l->op == SNNQ_OP_POOL_MAX || l->op == GRAPH_AVGPOOL)
		ret = put_pool(e, l, &flow);
	else if (l->op == SNNQ_OP_ELEMENTWISE && l->mode == SNNQ_ELEMENTWISE_ADD)
		ret = put_sum(e, l, &flow);
	else if (l->op == SNNQ_OP_COPY && l->mode == SNNQ_COPY_HWC)
		ret = pass_on(e, l, &flow);
	else
		ret = export_refuse(e, l, "NIR has no such operation");
	if (!ret)
		*flow_of(e, index) = flow;
	return ret;
}

int export_output(struct export *e, int layer, int node)
{
	struct export_flow flow;
	int ret = flatten(e, layer, &flow);

	return ret ? ret : connect(e, &flow, node);
}

/* ---- what goes back ---- */

/* To @to what @flow puts out, a step later, and flat. */
static int bring_back(struct export *e, const struct export_back *back, int from, bool previous)
{
	const struct export_flow *flow = flow_of(e, back->layer);
	int flat, ret;

	if (!back->vector || !flow->map)
		return nir_file_edge(&e->f, from, back->to, previous);
	flat = add_flatten(e, e->graph->layers[back->layer].name, &flow->shape);
	ret = flat < 0 ? flat : nir_file_edge(&e->f, from, flat, previous);
	return ret ? ret : nir_file_edge(&e->f, flat, back->to, false);
}

int export_back(struct export *e, const struct export_back *back)
{
	const struct export_flow *flow = flow_of(e, back->layer);
	const struct graph_layer *l = &e->graph->layers[back->layer];
	int ret = 0, late;

	if (!back->vector && !flow->map)
		return export_refuse(e, back->reader, "expected a map of the step before");
	if (flow->fires < 0) {
		for (int i = 0; !ret && i < flow->count; i++)
			ret = bring_back(e, back, flow->sources[i], true);
		return ret;
	}
	/* a delay of its own, which counts the step that goes back, too */
	late = export_put_delay(e, l, 1, flow->map);
	if (late < 0)
		return late;
	ret = nir_file_edge(&e->f, flow->fires, late, true);
	return ret ? ret : bring_back(e, back, late, false);
}
