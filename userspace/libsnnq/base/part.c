// SPDX-License-Identifier: MIT
/* See part.h. */
#include "part.h"

#include <string.h>
#include <sys/stat.h>

/* The bracket that belongs to the one at the end of a text; NULL: there is none. */
static char *opening(char *text)
{
	size_t depth = 0, n = strlen(text);

	if (!n || text[n - 1] != ']')
		return NULL;
	for (char *at = text + n; at > text; at--) {
		depth += at[-1] == ']';
		depth -= depth && at[-1] == '[';
		if (!depth)
			return at[-1] == '[' ? at - 1 : NULL;
	}
	return NULL;
}

char *part_split(char *path)
{
	char *open = opening(path);
	struct stat st;

	if (!open || open == path || open[1] == ']' || !stat(path, &st))
		return NULL;
	path[strlen(path) - 1] = 0;
	*open = 0;
	return open + 1;
}
