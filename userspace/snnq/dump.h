/* SPDX-License-Identifier: MIT */
/*
 * dump.h - dumps of jobs that failed, as the driver makes them (snnq_dump.h): checked, and
 * shown.
 */
#ifndef CLI_DUMP_H
#define CLI_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snnq_dump.h"

/* Longest dump that is read; what the driver writes has 4.2 MiB at most. */
#define DUMP_MAX_BYTES	(16u << 20)
#define DUMP_TEXT_BYTES 200

/* A section's entries, in the bytes that were parsed; @count 0: it is not there. */
struct dump_section {
	const unsigned char *entries;
	uint32_t entry_bytes, count;
};

struct dump {
	struct dump_section sections[SNNQ_DUMP_SECTION_COUNT];
	uint32_t unknown; /* sections of types that this program does not know */
};

/* Whether a file of these first bytes is meant to be a dump. */
bool dump_is(const void *bytes, size_t size);
/* Find and check all sections. @problem says where what was expected and found, when it fails. */
bool dump_parse(struct dump *d, const void *bytes, size_t size, char problem[DUMP_TEXT_BYTES]);
/* The first @size bytes of entry @index, which is there, of a section. */
void dump_entry(const struct dump *d, uint32_t type, uint32_t index, void *to, size_t size);

/*
 * Whether a file is a dump; if so, its bytes, to be freed, and their number. *@code: CLI_OK, or an
 * exit code after cli_fail().
 */
bool dump_read(const char *path, unsigned char **bytes, size_t *size, int *code);
/* Print the dump of a file, for people or as JSON; an exit code. */
int dump_show(const struct dump *d, const char *title, bool json);

#endif /* CLI_DUMP_H */
