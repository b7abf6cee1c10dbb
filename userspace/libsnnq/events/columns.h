/* SPDX-License-Identifier: MIT */
/* columns.h - the numbers of an event, as data sets name them. */
#ifndef SNNQ_EVENTS_COLUMNS_H
#define SNNQ_EVENTS_COLUMNS_H

#include <stddef.h>

enum column { COLUMN_T, COLUMN_X, COLUMN_Y, COLUMN_P, COLUMNS };

#define COLUMN_NAMES "t, x, y and p"

extern const char *const column_names[COLUMNS];

#define COLUMN_MOST_NAMES 6

/* All names of each, those first that are looked for first. */
extern const char *const column_known[COLUMNS][COLUMN_MOST_NAMES + 1];

/* COLUMNS: none has this name. */
enum column column_find(const char *name, size_t bytes);

#endif /* SNNQ_EVENTS_COLUMNS_H */
