// SPDX-License-Identifier: MIT
/* events_hdf5.c - HDF5 files, MATLAB's of version 7.3 among them, which snnq-hdf5 reads. */
#include <stddef.h>

#include "format.h"
#include "helper.h"

static int hdf5_open(int fd, const char *path, const struct format_option *option, void **state,
		     int64_t *unit_ns)
{
	static const struct process_program program = { "snnq-hdf5", "reads and writes HDF5",
							"HDF5" };
	const char *const arguments[] = { "snnq-hdf5", "events", option ? option->part : "", NULL };

	return helper_open(fd, path, &program, arguments, state, unit_ns);
}

const struct events_container events_hdf5 = { hdf5_open, helper_read, helper_close };
