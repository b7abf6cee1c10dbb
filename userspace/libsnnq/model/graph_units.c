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

/* Operands with each other. */
static bool multiplies(const struct graph_layer *l)
{
	return l->op == SNNQ_OP_ATTENTION || l->op == SNNQ_OP_MATMUL ||
	       (l->op == SNNQ_OP_ELEMENTWISE && l->mode == SNNQ_ELEMENTWISE_MULTIPLY);
}

static int layer_unit(const char *path, const struct graph *graph, uint32_t index, double *units)
{
	const struct graph_layer *l = &graph->layers[index];
	double in = units[l->in[0] + 1];

	units[index + 1] = in;
	if (l->neuron.model != SNNQ_NEURON_NONE)
		units[index + 1] = 1; /* spikes */
	else if (l->weight)
		units[index + 1] = 0;
	else if (l->op == GRAPH_AVGPOOL)
		units[index + 1] = in / ((double)l->geometry.kernel_h * l->geometry.kernel_w);
	for (uint32_t i = 1; i < l->in_count; i++)
		if (units[l->in[i] + 1] != in)
			return fail(path, l, "inputs have different scales");
	if (l->weight && !(in > 0))
		return fail(path, l, "expected spikes or counts as its input, not real numbers");
	if (multiplies(l) && in != 1)
		return fail(path, l, "expected spikes, found means");
	return 0;
}

int graph_units(const char *path, const struct graph *graph, double *units)
{
	int ret = 0;

	units[0] = 1;
	for (uint32_t i = 0; !ret && i < graph->layer_count; i++)
		ret = layer_unit(path, graph, i, units);
	return ret;
}
