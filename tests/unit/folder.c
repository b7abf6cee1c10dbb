// SPDX-License-Identifier: MIT
/* folder.c - see folder.h. */
#define _GNU_SOURCE /* mkdtemp */
#include "folder.h"

#include <stdio.h>
#include <stdlib.h>

static char folder[] = "/tmp/snnq-test-XXXXXX";

int folder_make(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

int folder_remove(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

const char *folder_path(const char *name)
{
	static char paths[8][128];
	static int next;
	char *path = paths[next++ % 8];

	if (!name)
		return folder;
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}
