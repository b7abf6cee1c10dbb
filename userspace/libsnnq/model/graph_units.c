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
		return in / ((double)l->geometry.kernel_h * l->geometry.kernel_w);
	if (graph_keeps_format(l))
		return in;
	return l->weight || l->out.format == SNNQ_FORMAT_INT32 ? 0 : in;
}

/* What was put out a step before is known to be spikes or counts when all units are known. */
static double operand_unit(const struct graph_layer *l, uint32_t k, const double *units)
{
	return l->view[k].previous ? 1 : units[l->in[k] + 1];
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
	if (real && (l->weight || l->op == SNNQ_OP_POOL_SUM || l->op == GRAPH_AVGPOOL ||
		     l->op == SNNQ_OP_ATTENTION || l->op == SNNQ_OP_MATMUL))
		return fail(path, l, "expected spikes or counts as its input, not real numbers");
	if (!real && multiplies(l) && in != 1)
		return fail(path, l, "expected spikes, found means");
	return 0;
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
	return ret;
}
