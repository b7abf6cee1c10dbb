/* SPDX-License-Identifier: MIT */
/*
 * npy_header.h - the header of an array of NumPy's, format 1 to 3: a dictionary in Python's words,
 * which is read, and never run.
 */
#ifndef SNNQ_NPY_HEADER_H
#define SNNQ_NPY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NPY_MAGIC	 "\x93NUMPY"
#define NPY_HEADER_BYTES 4096 /* of a text, at most */
#define NPY_BEGIN_BYTES	 (12 + NPY_HEADER_BYTES)
#define NPY_MAX_DIMS	 6

struct npy_header {
	char text[NPY_HEADER_BYTES + 1];
	size_t bytes, offset; /* of the text */
	const char *at;	      /* what is not read yet, or not understood */
	uint32_t dims;
	uint64_t shape[NPY_MAX_DIMS];
	uint64_t count; /* of elements */
};

/* What a header may say. */
struct npy_rules {
	/* Move over the type of elements: NULL, or what was expected in place of what is there. */
	const char *(*take_descr)(struct npy_header *h, void *ctx);
	uint64_t most, most_axis; /* elements; and along one axis */
	bool empty;		  /* axes of 0 */
	const char *shape;	  /* both of these in words */
};

/* Bytes of a header that begins with @data, or, of so few that they do not tell, those that tell more;
 * 0: it is none, or too long.
 */
size_t npy_header_bytes(const uint8_t *data, size_t size);
/* The text of a file that begins with @data. Bytes before the elements; 0: there are not enough, or
 * this is no header.
 */
size_t npy_header_begin(const uint8_t *data, size_t size, struct npy_header *h);
/* Read it: each key once, no other, nothing behind it. NULL, or what was expected at h->at. */
const char *npy_header_take(struct npy_header *h, const struct npy_rules *rules, void *ctx);
/* What is there in place of it, without the blanks that fill a header. */
const char *npy_header_found(const struct npy_header *h, char shown[128]);

/* Move over @text and blanks; false: something else is there. */
bool npy_take(struct npy_header *h, const char *text);

/* Whether the elements have fields, as events have; they are no values then. */
bool npy_has_fields(const uint8_t *data, size_t size);

#endif /* SNNQ_NPY_HEADER_H */
