/* SPDX-License-Identifier: MIT */
/*
 * npy.h - arrays of NumPy (.npy): little-endian integers and floats, C order, format 1 to 3.
 *
 * Files are untrusted, and may change while they are read: numbers are taken from the file when
 * they are asked for, and never mapped.
 */
#ifndef SNNQ_NPY_H
#define SNNQ_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "npy_header.h"

struct npy_type {
	const char *name; /* as the header has it: "|u1", "<f4" */
	uint32_t bytes;
};

struct npy {
	char *path;	       /* for messages */
	int fd;		       /* -1: @memory has the numbers */
	const uint8_t *memory; /* not ours */
	const struct npy_type *type;
	uint32_t dims, shape[NPY_MAX_DIMS]; /* no axis is 0 */
	uint64_t count;			    /* elements, at most 2^40 */
	uint64_t offset;		    /* of the first in the file */
};

/* NULL: no type that is read. */
const struct npy_type *npy_type_find(const char *name);

/*
 * Read the header of an array of at most @most elements, up to 2^40: 0, or -errno with the error
 * set and nothing to close. All elements are there.
 */
int npy_open(const char *path, uint64_t most, struct npy *npy);
/* The same of an open file of @bytes, which is ours then, or closed. @path: for messages. */
int npy_open_fd(int fd, const char *path, uint64_t bytes, uint64_t most, struct npy *npy);
/* Elements from @first on, all in the array; integers up to 2^53 are exact. 0 or -errno. */
int npy_read(const struct npy *npy, uint64_t first, uint64_t count, double *values);
void npy_close(struct npy *npy);

#endif /* SNNQ_NPY_H */
