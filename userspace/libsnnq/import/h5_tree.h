/* SPDX-License-Identifier: MIT */
/*
 * h5_tree.h - what an HDF5 file holds, in memory and as bytes between processes.
 *
 * The HDF5 library runs in a program of its own, snnq-hdf5, which reads a file into these bytes or
 * makes a file of them; h5_process.h starts it. Whoever reads them trusts nothing of them.
 *
 * The bytes are objects, each behind the group that it belongs to: struct tree_head, name, name of
 * an attribute, values. Both ends are one machine's.
 */
#ifndef SNNQ_H5_TREE_H
#define SNNQ_H5_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TREE_MAGIC	   0x35716e73
#define TREE_MOST_AXES	   6
#define TREE_MOST_DEPTH	   64 /* of groups in groups */
#define TREE_MOST_NAME	   255
#define TREE_MOST_OBJECTS  65536
#define TREE_MOST_ELEMENTS ((uint64_t)1 << 28) /* of one set */
#define TREE_MOST_TEXT	   ((uint64_t)1 << 20) /* bytes of one set of texts, and texts */
#define TREE_MOST_BYTES	   ((uint64_t)1 << 32) /* of all values */

enum tree_kind {
	TREE_GROUP,
	TREE_FLOATS,
	TREE_DOUBLES,
	TREE_INTEGERS, /* int64_t */
	TREE_TEXTS,    /* each ends in a NUL */
	TREE_LINK,     /* to another place or file */
	TREE_OUTSIDE,  /* its values are not in the file */
	TREE_OTHER,    /* anything else, which nobody reads; the root: it is no HDF5 file */
	TREE_KINDS,
	TREE_END = TREE_KINDS, /* of objects; and before a file that was made of them, of @bytes */
};

struct tree_head {
	uint32_t magic, kind;
	uint32_t depth;		  /* of the root 0 */
	uint32_t name, attribute; /* bytes of them; the root has no name */
	uint32_t dims;		  /* these two of values */
	uint64_t shape[TREE_MOST_AXES];
	uint64_t bytes;
};

struct tree_object {
	char *name, *attribute; /* one that it has, or NULL */
	enum tree_kind kind;
	uint32_t dims;
	uint64_t shape[TREE_MOST_AXES], count;
	size_t bytes;
	void *values;
	struct tree_object *first, *last, *next; /* members of a group, in the order of names */
};

/* All of these return NULL for want of memory. */
struct tree_object *tree_root(void);
struct tree_object *tree_add(struct tree_object *group, const char *name, enum tree_kind kind);
/* Values are copied; they are @bytes as kind and shape have it. */
void *tree_put(struct tree_object *o, uint32_t dims, const uint64_t *shape, const void *values,
	       size_t bytes);
void tree_free(struct tree_object *root);

struct tree_object *tree_member(const struct tree_object *group, const char *name);
/* Of the path /a/b; NULL: there is none. */
struct tree_object *tree_find(struct tree_object *root, const char *path);

/* 0, -EIO, or -EPIPE: the bytes end before their end, -EBADMSG with what is wrong with them. */
int tree_read(FILE *f, struct tree_object **root, const char **wrong);
/* An object without its members, or the end; all of a tree. Errors are those of the stream. */
void tree_write_object(FILE *f, const struct tree_object *o, uint32_t depth);
void tree_write_end(FILE *f);
void tree_write(FILE *f, const struct tree_object *root);

#endif /* SNNQ_H5_TREE_H */
