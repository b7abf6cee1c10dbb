// SPDX-License-Identifier: MIT
/* events_mat.c - MATLAB files of version 5 and 7, which snnq-mat reads. */
#include <stddef.h>

#include "helper.h"

static int mat_open(int fd, const char *path, const struct format_option *option, void **state,
		    int64_t *unit_ns)
{
	static const struct process_program program = { "snnq-mat", "reads MATLAB files", "matio" };
	static const char *const arguments[] = { "snnq-mat", NULL };

	(void)option;
	return helper_open(fd, path, &program, arguments, state, unit_ns);
}

const struct events_container events_mat = { mat_open, helper_read, helper_close };
