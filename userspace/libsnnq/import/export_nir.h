/* SPDX-License-Identifier: MIT */
/*
 * export_nir.h - a float model that becomes a NIR graph, between the parts of the exporter.
 *
 * What a layer puts out is a flow: the sum of what some nodes put out, since in NIR several edges
 * into a node are added up. Each layer becomes nodes for its weights or pool, its neuron, its
 * delay, or nothing: sums and repetitions are edges.
 */
#ifndef SNNQ_EXPORT_NIR_H
#define SNNQ_EXPORT_NIR_H

#include "nir_write.h"

#define EXPORT_MOST_SOURCES 16 /* of a sum */

struct export_flow {
	int sources[EXPORT_MOST_SOURCES];
	int count;
	int fires;     /* the neuron before a delay, -1: none */
	int flat;      /* the Flatten behind it, -1: none yet */
	bool map;      /* (C, H, W), of one position too; else (C) */
	uint64_t most; /* as nir_value has it */
	struct graph_shape shape;
};

/* An operand of the step before, whose layer may come later. */
struct export_back {
	int layer, to;
	bool vector; /* what it goes to takes no map */
	const struct graph_layer *reader;
};

struct export
{
	const char *path;
	const struct graph *graph;
	const struct snnq_export_opts *opts;
	struct nir_file f;
	struct export_flow *flows; /* [1 + layer] */
	struct export_back *backs;
	int back_count;
	double dt; /* seconds */
	/* What holds for all neurons of a file, since it says nothing of it: the first that has it. */
	const struct graph_layer *compares, *resets, *currents;
};

/* An error that names the layer. */
int export_refuse(const struct export *e, const struct graph_layer *l, const char *what);
/* Whether NIR has such a neuron. */
int export_check_neuron(struct export *e, const struct graph_layer *l);
/* Whether it does nothing but repeat, maybe later, spikes that come in @most at a time. */
bool export_repeats(const struct graph_layer *l, uint64_t most);
/*
 * Its node, or -errno, named as the layer with @suffix. @weights: a node before it has the bias of
 * @l, unless export_keeps_bias(); @map: parameters are (C, H, W).
 */
int export_put_neuron(struct export *e, const struct graph_layer *l, const char *suffix,
		      bool weights, bool map);
/* Whether the bias of a layer with weights is one of the neuron behind them. */
bool export_keeps_bias(const struct graph_layer *l);
/* A Delay by that of the layer's neuron, and @more steps; its node, or -errno. */
int export_put_delay(struct export *e, const struct graph_layer *l, int more, bool map);

/* The nodes of a layer; those before it are there. */
int export_layer(struct export *e, int index);
/* The edges of what a layer read of the step before; all nodes of layers are there. */
int export_back(struct export *e, const struct export_back *back);
/* What @layer puts out, to the file's Output. */
int export_output(struct export *e, int layer, int node);

#endif /* SNNQ_EXPORT_NIR_H */
