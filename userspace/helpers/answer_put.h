/* SPDX-License-Identifier: MIT */
/* answer_put.h - write a recording to standard output, as answer.h has it. */
#ifndef SNNQ_ANSWER_PUT_H
#define SNNQ_ANSWER_PUT_H

#include <stddef.h>

#include "events/answer.h"

struct put_column {
	const char *name; /* NULL: not there */
	char type[4];	  /* as NumPy has it: "<i4" */
	uint32_t bytes;
};

/*
 * The unit of times, where the data set's is known (0: not), and the header of @count events, of at
 * most COLUMNS columns.
 */
void put_begin(uint64_t unit_ns, const struct put_column *columns, int n, uint64_t count);
/* Events, each number behind the other. */
void put_rows(const void *rows, size_t bytes);
/* @count of them, from a row of numbers for each column (NULL where it is not there). */
void put_side_by_side(const struct put_column *columns, int n, const void *const *numbers,
		      size_t count);
/* What is wrong, of which the name of the file is no part. Returns 0: it is said. */
int put_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
void put_end(void);

#endif /* SNNQ_ANSWER_PUT_H */
