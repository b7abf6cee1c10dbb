/* SPDX-License-Identifier: MIT */
/* columns.h - the numbers of an event, as data sets name them. */
#ifndef SNNQ_EVENTS_COLUMNS_H
#define SNNQ_EVENTS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column { COLUMN_T, COLUMN_X, COLUMN_Y, COLUMN_P, COLUMNS };

#define COLUMN_NAMES "t, x, y and p"

extern const char *const column_names[COLUMNS];

#define COLUMN_MOST_NAMES 6

/* All names of each, those first that are looked for first. */
extern const char *const column_known[COLUMNS][COLUMN_MOST_NAMES + 1];

/* COLUMNS: none has this name. */
enum column column_find(const char *name, size_t bytes);

#define COLUMNS_HEADER_BYTES 512

/*
 * What an array of NumPy's begins with that has these fields: at most COLUMNS of them, each of a
 * type such as "<i4", or NULL, which is none. Returns the bytes.
 */
size_t columns_header(const char *const *names, const char *const *types, int n, uint64_t count,
		      char to[COLUMNS_HEADER_BYTES]);

/* Whether floats of @bytes, 4 or 8, are whole numbers, but for those that are not finite. */
bool columns_are_whole(const void *numbers, uint32_t bytes, uint64_t count);

#endif /* SNNQ_EVENTS_COLUMNS_H */
