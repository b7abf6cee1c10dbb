/* SPDX-License-Identifier: MIT */
/* graph_ops.h - how graph.c reads the input and layers, and what operations read of them. */
#ifndef SNNQ_GRAPH_OPS_H
#define SNNQ_GRAPH_OPS_H

#include "graph_read.h"

/* The section "input". */
void graph_get_input(struct parser *p, const cJSON *root);

/* "input", or the number of a layer before @before. */
int graph_find_layer(struct parser *p, const char *name, uint32_t before);
/* All of layer @index but its name; those before it are known. */
void graph_get_layer(struct parser *p, struct graph_layer *l, uint32_t index);

/* The layers that operands of the step before come from. */
void graph_find_previous(struct parser *p, struct graph_layer *l);

/* Parts of the layer, whose operands are known; each may change the shape of its output. */
void graph_get_window(struct parser *p, struct graph_layer *l);
void graph_get_weight(struct parser *p, struct graph_layer *l);
/* Neuron and bias; without a neuron that is not @required accumulators go out as they are. */
void graph_get_neuron(struct parser *p, struct graph_layer *l, bool required);
void graph_get_scales(struct parser *p, struct graph_layer *l);

#endif /* SNNQ_GRAPH_OPS_H */
