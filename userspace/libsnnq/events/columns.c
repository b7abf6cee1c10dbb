// SPDX-License-Identifier: MIT
/* See columns.h. */
#include "columns.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
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

size_t columns_header(const char *const *names, const char *const *types, int n, uint64_t count,
		      char to[COLUMNS_HEADER_BYTES])
{
	const size_t size = COLUMNS_HEADER_BYTES, text = 10;
	size_t at = text;

	memcpy(to, "\x93NUMPY\1\0", 8);
	at += (size_t)snprintf(to + at, size - at, "{'descr': [");
	for (int i = 0; i < n; i++)
		if (types[i])
			at += (size_t)snprintf(to + at, size - at, "('%s', '%s'), ", names[i],
					       types[i]);
	at += (size_t)snprintf(to + at, size - at,
			       "], 'fortran_order': False, 'shape': (%" PRIu64 ",), }\n", count);
	to[8] = (char)(at - text);
	to[9] = (char)((at - text) >> 8);
	return at;
}

bool columns_are_whole(const void *numbers, uint32_t bytes, uint64_t count)
{
	const double *d = numbers;
	const float *f = numbers;

	for (uint64_t i = 0; i < count; i++) {
		double number = bytes == sizeof(*d) ? d[i] : (double)f[i];

		if (isfinite(number) && number != rint(number))
			return false;
	}
	return true;
}
