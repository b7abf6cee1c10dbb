/* SPDX-License-Identifier: MIT */
/* import_h5.h - numbers, texts and names in HDF5 files, as importers read them. */
#ifndef SNNQ_IMPORT_H5_H
#define SNNQ_IMPORT_H5_H

#include "h5_tree.h"
#include "import.h"

#define H5_PATH 640 /* of an object in a file; all that is built is shorter */

struct h5 {
	const char *path; /* for messages */
	struct tree_object *root;
};

/* Read, use and free. What @use returns, or -EBADMSG: it is no such file, or one that cannot be
 * read.
 */
int h5_open(const char *path, int (*use)(const struct h5 *h, void *ctx), void *ctx);

bool h5_exists(const struct h5 *h, const char *name);
/* A group, or NULL with the error set. */
const struct tree_object *h5_group(const struct h5 *h, const char *name);
/* 1 read, 0 absent, -errno. */
int h5_numbers(const struct h5 *h, const char *name, struct import_array *array);
/* One string, of fixed or variable length, alone or in an array of one. */
bool h5_text(const struct h5 *h, const char *name, char text[32]);
/* One integer in min..max, or @absent; a negative @absent: it must be there. */
int h5_integer(const struct h5 *h, const char *name, double min, double max, double absent,
	       double *value);
/* One or two integers 0..255 (height, width), or @absent twice. */
int h5_pair(const struct h5 *h, const char *group, const char *key, uint32_t absent,
	    uint32_t pair[2]);
/*
 * Every member of @group is one of @known (a list with spaces, also at its ends): what is not
 * known may change what the network does. Links to other places and files are not followed.
 */
int h5_members(const struct h5 *h, const char *group, const char *known);

/* Readers of files that are open; see import.h. import_nir() writes the model, @name is its. */
int import_lava(const struct h5 *h5, struct import_net *net);
int import_nir(const struct h5 *h5, const char *name, const struct snnq_import_opts *opts,
	       const char *out);

#endif /* SNNQ_IMPORT_H5_H */
