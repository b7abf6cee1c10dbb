/* SPDX-License-Identifier: MIT */
/* helper.h - recordings that a program of the library's own reads (answer.h). */
#ifndef SNNQ_EVENTS_HELPER_H
#define SNNQ_EVENTS_HELPER_H

#include "base/process.h"
#include "container.h"

/* Start it with the file. @arguments end in NULL. */
int helper_open(int fd, const char *path, const struct process_program *program,
		const char *const arguments[], void **state, int64_t *unit_ns);
ssize_t helper_read(void *state, uint8_t *to, size_t size);
void helper_close(void *state);

#endif /* SNNQ_EVENTS_HELPER_H */
