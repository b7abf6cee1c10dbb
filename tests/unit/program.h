/* SPDX-License-Identifier: MIT */
/*
 * program.h - programs, memory and jobs for tests: a builder for programs, a
 * generator of random valid ones, and memory that can fail.
 */
#ifndef TEST_PROGRAM_H
#define TEST_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snnq_engine.h"

#define PROGRAM_LAYERS 64
#define PROGRAM_TABLE  8192

/* A program in parts; pack() makes the blob, descriptors as long as the header says. */
struct program {
	struct snnq_program_header h;
	struct snnq_region_desc regions[SNNQ_MAX_USER_REGIONS];
	struct snnq_layer layers[PROGRAM_LAYERS];
	int32_t table[PROGRAM_TABLE];
};

struct memory {
	uint8_t *bytes[SNNQ_MAX_REGIONS];
	uint64_t size[SNNQ_MAX_REGIONS];
	uint32_t access[SNNQ_MAX_REGIONS];
	uint32_t count;
	bool use_view;
	int fail_status;     /* SNNQ_STATUS_OK: never */
	uint64_t fail_after; /* accesses that succeed first */
	uint64_t accesses;
};

void program_init(struct program *p, uint32_t max_steps, uint32_t tile_steps);
/* @bytes: per step for roles with a time axis. Returns the region number. */
uint16_t add_region(struct program *p, uint32_t role, uint64_t bytes);
uint32_t add_table(struct program *p, uint32_t count, const int32_t *values);
struct snnq_tensor make_tensor(uint16_t region, uint64_t offset, uint8_t format, uint8_t planes,
			       uint16_t height, uint16_t width, uint32_t channels);
/* Give a tensor a place: in scratch, or in a region of its own. */
struct snnq_tensor in_scratch(struct program *p, struct snnq_tensor t);
struct snnq_tensor in_region(struct program *p, struct snnq_tensor t, uint32_t role);
struct snnq_layer *add_layer(struct program *p, uint16_t op);
/* Give the layer the state that it needs. */
void place_state(struct program *p, struct snnq_layer *l);
void set_lif(struct program *p, struct snnq_layer *l, int32_t threshold);
void set_weights(struct program *p, struct snnq_layer *l, uint8_t scheme, uint8_t bits);
void *pack(const struct program *p, size_t *size);

/* A plan from a program that must be valid. */
struct snnq_plan *make_plan(const struct program *p);

/* A random valid program that uses all operations now and then. */
void random_program(struct program *p, uint64_t seed);
uint64_t random_next(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t n);

void memory_init(struct memory *m, const struct snnq_program_info *info, uint32_t steps);
void memory_free(struct memory *m);
/* Random inputs and weights; event lists that are valid for @steps. */
void memory_fill(struct memory *m, const struct program *p, uint32_t steps, uint64_t seed);
void run_init(struct snnq_run *run, struct memory *m, uint32_t steps);
/* Exchange old and new state, for the next job. */
void memory_advance(struct memory *m);

/* Elements, by a way of their own. */
int32_t get_element(const struct snnq_tensor *t, const void *data, uint32_t y, uint32_t x,
		    uint32_t c);
void set_element(const struct snnq_tensor *t, void *data, uint32_t y, uint32_t x, uint32_t c,
		 int32_t value);

#endif /* TEST_PROGRAM_H */
