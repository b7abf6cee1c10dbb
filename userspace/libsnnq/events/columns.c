// SPDX-License-Identifier: MIT
/* See columns.h. */
#include "columns.h"

#include <string.h>

const char *const column_names[COLUMNS] = { "t", "x", "y", "p" };

enum column column_find(const char *name, size_t bytes)
{
	static const struct {
		const char *name;
		enum column column;
	} known[] = {
		{ "t", COLUMN_T },	   { "x", COLUMN_X },	{ "y", COLUMN_Y },
		{ "p", COLUMN_P },	   { "ts", COLUMN_T },	{ "time", COLUMN_T },
		{ "timestamp", COLUMN_T }, { "pol", COLUMN_P }, { "polarity", COLUMN_P },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == bytes && !memcmp(known[i].name, name, bytes))
			return known[i].column;
	return COLUMNS;
}
