/* SPDX-License-Identifier: MIT */
/*
 * nir_write.h - a NIR file that is being made, in memory, until it is complete.
 *
 * As the nir package writes it: /version; /node with its type, its edges, and a group with type
 * and parameters for each node. What fails is kept and told at the end: in memory it is want of it.
 */
#ifndef SNNQ_NIR_WRITE_H
#define SNNQ_NIR_WRITE_H

#include "import_nir.h"

struct nir_file {
	const char *path; /* of what it is made of, for messages */
	struct tree_object *root, *nodes, *node;
	bool failed;
	char names[NIR_MOST_NODES][NIR_MOST_NAME + 1];
	int count;
	struct nir_edge edges[NIR_MOST_EDGES];
	int edge_count;
};

int nir_file_open(const char *path, struct nir_file *f);
void nir_file_close(struct nir_file *f);

/* A node whose name begins with @name, if it is free with this name; its number or -errno. */
int nir_file_add(struct nir_file *f, const char *name, const char *suffix, const char *type);
/* Parameters of the node that was added last; without @dims a scalar. */
void nir_file_floats(struct nir_file *f, const char *key, uint32_t dims, const uint64_t *shape,
		     const float *values);
void nir_file_doubles(struct nir_file *f, const char *key, uint32_t dims, const uint64_t *shape,
		      const double *values);
void nir_file_integers(struct nir_file *f, const char *key, uint32_t count, const int64_t *values);
/* @previous: it is known to carry what was put out a step before. */
int nir_file_edge(struct nir_file *f, int from, int to, bool previous);

/* Put the edges in; then whoever reads the file understands what goes back, or it is refused. */
int nir_file_finish(struct nir_file *f);
int nir_file_write(struct nir_file *f, const char *out);

#endif /* SNNQ_NIR_WRITE_H */
