/* SPDX-License-Identifier: MIT */
/*
 * bad_programs.h - a valid program with every operation, and what must not be
 * done to it: one changed field each, with the reason it is refused for.
 */
#ifndef TEST_BAD_PROGRAMS_H
#define TEST_BAD_PROGRAMS_H

#include "program.h"

#define NOT_IN_LAYER 0xffffffffu

/* Layers of the program, in this order. */
enum {
	EVENTS,
	CONV,
	POOL_MAX,
	ATTENTION,
	POOL_SUM,
	ADD,
	LINEAR,
	UPSAMPLE,
	CONCAT,
	COPY,
	MATMUL,
	REDUCE,
	READOUT,
	LAYERS
};
/* User regions, by what they hold. */
enum { R_EVENTS = 3, R_CONV_WEIGHTS, R_KEYS, R_OTHER, R_LINEAR_WEIGHTS, R_OUT, R_READOUT, R_END };

void full_program(struct program *p);

/* With @size bytes at @at of the blob set to @value it is refused as stated, or @check is OK. */
struct corruption {
	size_t at;
	uint8_t size;
	uint64_t value;
	enum snnq_check check;
	uint32_t layer;
	const char *field;
};

struct corruption_set {
	const char *name;
	const struct corruption *bad;
	size_t count;
};

#define CORRUPTION_SETS 5
extern const struct corruption_set corruption_sets[CORRUPTION_SETS];

#endif /* TEST_BAD_PROGRAMS_H */
