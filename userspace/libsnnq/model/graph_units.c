// SPDX-License-Identifier: MIT
/*
 * graph_units.c - what one step of each output of a float model is worth.
 */
#include <errno.h>

#include "base/error.h"
#include "graph.h"

static int fail(const char *path, const struct graph_layer *l, const char *what)
{
	return error_set(-EBADMSG, "%s: layer %s (%s): %s", path, l->name, l->op_name, what);
}

bool graph_keeps_format(const struct graph_layer *l)
{
	return l->neuron.model == SNNQ_NEURON_NONE &&
	       (l->op == SNNQ_OP_POOL_MAX || l->op == SNNQ_OP_UPSAMPLE ||
		(l->op == SNNQ_OP_REDUCE && l->mode != SNNQ_REDUCE_SUM));
}

/* Operands with each other. */
static bool multiplies(const struct graph_layer *l)
{
	return l->op == SNNQ_OP_ATTENTION || l->op == SNNQ_OP_MATMUL ||
	       (l->op == SNNQ_OP_ELEMENTWISE && l->mode == SNNQ_ELEMENTWISE_MULTIPLY);
}

static double unit_of(const struct graph_layer *l, double in)
{
	const struct snnq_neuron *n = &l->neuron;

	if (n->model != SNNQ_NEURON_NONE)
		return n->output != SNNQ_OUTPUT_POTENTIAL && n->output != SNNQ_OUTPUT_GRADED;
	if (l->op == GRAPH_AVGPOOL)
		return in / graph_taps(&l->geometry);
	if (graph_keeps_format(l))
		return in;
	return l->weight || l->out.format == SNNQ_FORMAT_INT32 ? 0 : in;
}

/* What was put out a step before is known to be spikes or counts when all units are known. */
static double operand_unit(const struct graph_layer *l, uint32_t k, const double *units)
{
	return l->view[k].previous ? 1 : units[l->in[k] + 1];
}

/* Weights, and products of two, read real numbers, too. */
static const char *refused_reals(const struct graph_layer *l)
{
	if (l->op == SNNQ_OP_POOL_SUM || l->op == GRAPH_AVGPOOL || l->op == SNNQ_OP_ATTENTION)
		return "expected spikes or counts as its input, not real numbers";
	if (l->op == SNNQ_OP_MATMUL && l->in_count > 2)
		return "expected two inputs, as some are real numbers";
	return NULL;
}

static int layer_unit(const char *path, const struct graph *graph, uint32_t index, double *units)
{
	const struct graph_layer *l = &graph->layers[index];
	double in = operand_unit(l, 0, units);
	bool real = false;

	for (uint32_t i = 0; i < l->in_count; i++)
		real |= operand_unit(l, i, units) == 0;
	for (uint32_t i = 1; !real && i < l->in_count; i++)
		if (operand_unit(l, i, units) != in)
			return fail(path, l, "inputs have different scales");
	units[index + 1] = unit_of(l, real ? 0 : in);
	if (real && refused_reals(l))
		return fail(path, l, refused_reals(l));
	if (!real && multiplies(l) && in != 1)
		return fail(path, l, "expected spikes, found means");
	return 0;
}

bool graph_feeds_weights(const struct graph *graph, int layer, const double *units)
{
	if (layer == GRAPH_INPUT || units[layer + 1] != 0)
		return false;
	for (uint32_t i = 0; i < graph->layer_count; i++)
		if (graph->layers[i].weight && graph->layers[i].in[0] == layer)
			return true;
	return false;
}

/*
 * What weights read of real numbers has bit-planes in an integer model, which neurons, sums and the
 * readout do not take it from: it must be theirs alone.
 */
static int check_fed(const char *path, const struct graph *graph, uint32_t index)
{
	const struct graph_layer *l = &graph->layers[index];
	bool others = graph->readout == (int)index;

	if (l->neuron.model != SNNQ_NEURON_NONE || graph_keeps_format(l))
		return fail(path, l,
			    "weights read its real numbers: expected sums without neurons, or a "
			    "copy in between");
	for (uint32_t i = 0; i < graph->layer_count; i++)
		for (uint32_t k = 0; k < graph->layers[i].in_count; k++) {
			if (graph->layers[i].in[k] != (int)index)
				continue;
			others |= !graph->layers[i].weight;
			if (graph->layers[i].view[k].flags)
				return fail(path, &graph->layers[i],
					    "expected all that its input puts out, found a view of "
					    "real numbers");
		}
	return others ? fail(path, l,
			     "weights and others read its real numbers: expected a copy for the "
			     "weights") :
			0;
}

int graph_units(const char *path, const struct graph *graph, double *units)
{
	int ret = 0;

	units[0] = 1;
	for (uint32_t i = 0; !ret && i < graph->layer_count; i++)
		ret = layer_unit(path, graph, i, units);
	for (uint32_t i = 0; !ret && i < graph->layer_count; i++)
		for (uint32_t k = 0; k < graph->layers[i].in_count; k++)
			if (graph->layers[i].view[k].previous &&
			    units[graph->layers[i].in[k] + 1] != 1)
				ret = fail(path, &graph->layers[i],
					   "inputs: previous: expected spikes or counts");
	for (uint32_t i = 0; !ret && i < graph->layer_count; i++)
		if (graph_feeds_weights(graph, (int)i, units))
			ret = check_fed(path, graph, i);
	return ret;
}
