/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz.h - sequences of calls, made of numbers.
 *
 * A call is its kind and numbers that are used up from left to right, one for each
 * thing that there is to choose. Where they end, and where they are 0, the choice is
 * a good one. So any numbers are a call, and few that change change little.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdint.h>

#define FUZZ_CHOICES 96
#define FUZZ_CALLS   16
#define FUZZ_FILES   2

struct fuzz_call {
	uint8_t kind, file;
	uint16_t used; /* choices that it came to */
	uint32_t choice[FUZZ_CHOICES];
};

struct fuzz_sequence {
	uint32_t count;
	struct fuzz_call call[FUZZ_CALLS];
};

/* Kinds of calls are 0 to this. */
uint32_t fuzz_kinds(void);
/* A kind by its name, or the number of kinds. */
uint32_t fuzz_kind(const char *name);
/* Whether the table tells of every byte of uapi's structures, and of each call. */
bool fuzz_table_complete(void);

/* Memory for arguments; once in a process. 0 or -errno. */
int fuzz_prepare(void);
/* New files without handles. 0 or -errno. */
int fuzz_open(void);
/* Make a call; -errno, or what it returns. */
int fuzz_make(struct fuzz_call *call);
void fuzz_close(void);

#endif /* FUZZ_H */
