/* SPDX-License-Identifier: MIT */
/*
 * container.h - files in which events are not in a row: each becomes an array of NumPy's with fields,
 * as bytes that come piece by piece, and is decoded as one.
 */
#ifndef SNNQ_EVENTS_CONTAINER_H
#define SNNQ_EVENTS_CONTAINER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct format_option;

struct events_container {
	/*
	 * The descriptor stays the caller's; it is read at places only. @unit_ns: of times, if their
	 * data set is known. 0 or -errno with the error set.
	 */
	int (*open)(int fd, const char *path, const struct format_option *option, void **state,
		    int64_t *unit_ns);
	/* The next bytes; 0: no more; or -errno with the error set. */
	ssize_t (*read)(void *state, uint8_t *to, size_t size);
	void (*close)(void *state); /* of what open() left, NULL too */
};

extern const struct events_container events_hdf5, events_mat, events_npz;

#endif /* SNNQ_EVENTS_CONTAINER_H */
