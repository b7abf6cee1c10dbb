/* SPDX-License-Identifier: MIT */
/* columns.h - numbers of events in data sets of HDF5, read side by side and put out. */
#ifndef SNNQ_HDF5_COLUMNS_H
#define SNNQ_HDF5_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "events/columns.h"
#include "hdf5_file.h"

/* A column: a set of one axis, or with one of length 1; one of a matrix; a member of elements. */
struct set_column {
	hid_t set;	    /* 0: not there */
	const char *member; /* NULL: elements are numbers */
	int index;	    /* of a matrix N x K; -1: it is none */
	char name[64];	    /* for messages */
	bool across;	    /* the long axis is the second: 1 x N */
	hid_t memory;	    /* type of numbers as they go out */
	char type[4];
	uint32_t bytes;
	uint64_t count;
};

struct set_columns {
	struct set_column of[COLUMNS];
	uint64_t unit_ns;  /* of times; 0: as usual */
	bool whole;	   /* of whole numbers only */
	int64_t offset;	   /* of times */
	bool shifted;	   /* there is one */
	bool without_sign; /* times, before they are shifted */
};

/*
 * Look at a set as a column; false: what is wrong was said. @member and @index as above.
 */
bool column_take(struct set_column *c, hid_t set, const char *name, const char *member, int index);
/* Put all events out. 0, or an errno. */
int columns_put(struct set_columns *c);

/* Whether the filters of a set are there; false: it was said which one is not. */
bool column_is_readable(hid_t set, const char *name);

#endif /* SNNQ_HDF5_COLUMNS_H */
