/* SPDX-License-Identifier: MIT */
/*
 * import_nir.h - a NIR file that is being read, between the parts of its importer.
 *
 * Subgraphs are dissolved: the node b in the subgraph a is the node a.b. What is read of the
 * file is a graph of nodes (nir_file.c), which is put in order and simplified (nir_graph.c),
 * then each node becomes layers (nir_flow.c, nir_layers.c, nir_neuron.c).
 */
#ifndef SNNQ_IMPORT_NIR_H
#define SNNQ_IMPORT_NIR_H

#include <stdio.h>

#include "import_h5.h"
#include "model/graph.h"

#define NIR_MOST       1e30 /* of a number; floats have more */
#define NIR_MOST_NODES 256
#define NIR_MOST_EDGES 1024
#define NIR_MOST_DEPTH 8   /* of subgraphs in subgraphs */
#define NIR_NAME       180 /* of a layer, its end included */
#define NIR_MOST_NAME  166 /* of a node, which .sum65535 or the like follows */
#define NIR_SCALES     4   /* behind each other */

enum nir_role {
	NIR_INPUT,
	NIR_OUTPUT,
	NIR_WEIGHTED,
	NIR_POOL,
	NIR_FLATTEN,
	NIR_SCALE,
	NIR_DELAY,
	NIR_SPIKING,
	NIR_POTENTIAL /* neurons that do not fire */
};

struct nir_kind {
	const char *type, *members;
	enum nir_role role;
	bool current; /* of neurons: there is one before the membrane */
};

/* What flows out of a node. */
struct nir_value {
	char layer[NIR_NAME];
	uint32_t channels, height, width;
	uint64_t most; /* the largest; 0: real numbers */
	bool flat;     /* behind Flatten, which keeps the order (C, H, W) */
	bool previous; /* what it was a step before */
	bool seen;     /* potentials of neurons */
	bool shared;   /* others read it, too */
	bool mean;     /* sums, worth a part each */
	bool shaped;   /* elements of the layer in the order (H, W, C), which has other sizes */
	uint32_t rows, columns; /* positions that are channels here; 0: none are */
};

struct nir_node {
	char name[NIR_NAME], path[512];
	const struct nir_kind *kind;
	bool inner;	/* Input or Output of a subgraph: nothing but a name for what is there */
	bool gone;	/* dissolved into others */
	int loop;	/* number, 0: none */
	int host;	/* of a neuron: the node whose layer it is part of, -1: none */
	int neuron;	/* of a host */
	int stands_for; /* of what is gone: the node whose output has its shape, -1: none */
	int scales[NIR_SCALES];
	int scale_count; /* of weights: nodes that scale their rows */
	struct nir_value out;
};

struct nir_edge {
	int from, to;
	bool previous;
};

struct nir {
	const struct h5 *h;
	const struct snnq_import_opts *opts;
	struct modelfile *file;
	cJSON *layers;
	struct nir_node nodes[NIR_MOST_NODES];
	struct nir_edge edges[NIR_MOST_EDGES];
	int count, edge_count;
	int order[NIR_MOST_NODES], ordered;
	unsigned short copies; /* so far */
};

/* ---- nir_file.c: nodes, edges, parameters ---- */

/* An error that names the node, and @key of it unless it is empty. */
int nir_bad(const struct nir *n, const struct nir_node *node, const char *key,
	    const char *expected);
static inline void nir_path(char path[H5_PATH], const struct nir_node *node, const char *key)
{
	snprintf(path, H5_PATH, "%s%s%s", node->path, *key ? "/" : "", key);
}
int nir_read_nodes(struct nir *n);
/* Numbers that must be there, finite. */
int nir_read_array(const struct nir *n, const struct nir_node *node, const char *key,
		   struct import_array *a);
/* One number for each channel of @at; @absent where there is none, unless that is a NaN. */
int nir_read_channels(const struct nir *n, const struct nir_node *node, const char *key,
		      double absent, const struct nir_value *at, double *values);
/* Parameters that may have a number for each neuron, those that say its sizes best first. */
#define NIR_NEURON_KEYS 11
extern const char *const nir_neuron_keys[NIR_NEURON_KEYS];
/* Whether parameters of a node differ within a channel. */
bool nir_varies(const struct nir *n, const struct nir_node *node);
/* Seconds of a step of the equations. */
double nir_dt(const struct nir *n);

/* ---- nir_graph.c ---- */

bool nir_has_edge(const struct nir *n, int from, int to);
int nir_add_edge(struct nir *n, int from, int to);
/* The only node behind @node, or before it; -1: there are none or more. */
int nir_next(const struct nir *n, int node);
int nir_before(const struct nir *n, int node);
/* Whether all that flows into a neuron that does not fire has its gain already. */
bool nir_gain_before(const struct nir *n, int node);
/* Dissolve what is nothing but a name, fold scales and neurons into layers, find loops, order. */
int nir_arrange(struct nir *n);

/* ---- nir_flow.c ---- */

/* What flows into a node; sums of more than one get layers of their own. */
int nir_gather(struct nir *n, int index, struct nir_value *value);
/* The same; @layer: the last sum, which may get a neuron yet, or NULL: there is one input. */
int nir_gather_open(struct nir *n, int index, struct nir_value *value, cJSON **layer);
/* Planes that hold @most, or an error; @layer: NULL, or what gets them. */
int nir_put_planes(const struct nir *n, const struct nir_node *node, cJSON *layer, uint64_t most);
cJSON *nir_input_item(const struct nir_value *value);
cJSON *nir_begin_layer(struct nir *n, const struct nir_node *node, const char *name, const char *op,
		       const struct nir_value *in);
/* What weights can read: real numbers must be sums that are theirs alone. */
int nir_feed_weights(struct nir *n, const struct nir_node *node, struct nir_value *value);
/* A map behind Flatten as what it says: so many channels, in the order (C, H, W). */
int nir_flatten(struct nir *n, const struct nir_node *node, struct nir_value *value);
/* Each position's neuron as a channel of its own, and back. */
int nir_spread(struct nir *n, const struct nir_node *node, struct nir_value *value);
void nir_gather_up(struct nir_value *value);
/* What @value is as the output of a layer, without a view. */
int nir_settle(struct nir *n, const struct nir_node *node, struct nir_value *value);

/* ---- nir_layers.c ---- */

/* The layers of @index, in its order; also of the neuron that it is host of. */
int nir_lower(struct nir *n, int index);

/* ---- nir_numbers.c ---- */

int nir_add_floats(const struct nir *n, const char *layer, const char *part, uint32_t dims,
		   const uint64_t *shape, const double *values, cJSON *node, const char *key);
int nir_add_channels(const struct nir *n, const char *layer, const double *values, uint32_t count,
		     cJSON *node, const char *key);
int nir_add_integers(const struct nir *n, const char *layer, const char *part,
		     const int32_t *values, uint32_t count, cJSON *node, const char *key);

/* ---- nir_neuron.c ---- */

/* What rows of weights are multiplied by, so that a neuron that does not fire shows its units. */
int nir_potential_gain(const struct nir *n, const struct nir_node *node, const struct nir_value *at,
		       double *gain);
/* A neuron of what flows into it, at the layer that it is part of, whose output @out is. */
int nir_put_neuron(struct nir *n, struct nir_node *node, cJSON *layer,
		   const struct import_array *bias, struct nir_value *out);
/* A delay: of the layer that repeats what comes in; @old: it is a step old already. */
int nir_put_delay(struct nir *n, struct nir_node *node, cJSON *layer, bool old,
		  struct nir_value *out);

#endif /* SNNQ_IMPORT_NIR_H */
