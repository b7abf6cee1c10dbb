/* SPDX-License-Identifier: MIT */
/*
 * import_nir.h - a NIR file that is being read, between the parts of its importer.
 */
#ifndef SNNQ_IMPORT_NIR_H
#define SNNQ_IMPORT_NIR_H

#include "import_h5.h"
#include "model/graph.h"

#define NIR_NODES      "/node/nodes"
#define NIR_MOST       1e30 /* of a number; floats have more */
#define NIR_MOST_EDGES (2 * IMPORT_MAX_LAYERS)

struct nir_node {
	char name[32], type[32];
	int next, before; /* nodes, -1: none */
};

struct nir {
	const struct h5 *h;
	const struct snnq_import_opts *opts;
	struct modelfile *file;
	cJSON *layers;
	struct nir_node nodes[2 * IMPORT_MAX_LAYERS];
	int count;
	uint32_t channels, height, width; /* of what flows here */
	uint64_t most;			  /* its largest value */
	bool flat;			  /* behind Flatten, which keeps the order (C, H, W) */
	char last[32];			  /* layer, or "input" */
	/* The layer that waits for its neuron; NULL: none. */
	cJSON *layer;
	bool weighted;
	struct import_array bias;
};

/* ---- nir_file.c: nodes, edges, parameters ---- */

/* An error that names the node, and @key of it unless it is empty. */
int nir_bad(const struct nir *n, const struct nir_node *node, const char *key,
	    const char *expected);
void nir_path(char path[96], const struct nir_node *node, const char *key);
int nir_read_nodes(struct nir *n);
int nir_read_edges(struct nir *n);
/* Numbers that must be there, finite. */
int nir_read_array(const struct nir *n, const struct nir_node *node, const char *key,
		   struct import_array *a);
/* One number for each channel; @absent where there is none, unless that is a NaN. */
int nir_read_channels(const struct nir *n, const struct nir_node *node, const char *key,
		      double absent, double *values);
/* 1 - dt/tau of all channels alike, as a share of 65536. */
int nir_read_decay(const struct nir *n, const struct nir_node *node, const char *key, double *tau,
		   uint32_t *lambda);

/* ---- nir_layers.c: each appends to the layer that waits, or begins one ---- */

int nir_read_conv(struct nir *n, const struct nir_node *node);
int nir_read_linear(struct nir *n, const struct nir_node *node, bool affine);
int nir_read_pool(struct nir *n, const struct nir_node *node, const char *op);
int nir_read_flatten(struct nir *n, const struct nir_node *node);
int nir_read_neuron(struct nir *n, const struct nir_node *node);
int nir_add_channels(const struct nir *n, const double *values, cJSON *node, const char *key);
/* Nothing more comes to the layer that waits. */
int nir_end_layer(struct nir *n);

#endif /* SNNQ_IMPORT_NIR_H */
