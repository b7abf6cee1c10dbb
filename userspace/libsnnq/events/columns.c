// SPDX-License-Identifier: MIT
/* See columns.h. */
#include "columns.h"

#include <string.h>

const char *const column_names[COLUMNS] = { "t", "x", "y", "p" };

const char *const column_known[COLUMNS][COLUMN_MOST_NAMES + 1] = {
	{ "t", "ts", "time", "times", "timestamp", "timestamps" },
	{ "x", "xs" },
	{ "y", "ys" },
	{ "p", "ps", "pol", "polarity" },
};

enum column column_find(const char *name, size_t bytes)
{
	for (enum column c = COLUMN_T; c < COLUMNS; c++)
		for (const char *const *known = column_known[c]; *known; known++)
			if (strlen(*known) == bytes && !memcmp(*known, name, bytes))
				return c;
	return COLUMNS;
}
