/* SPDX-License-Identifier: MIT */
/*
 * models.h - model files for the tests of libsnnq, made from a text and edits.
 *
 * An edit replaces one value of the graph: a path like "layers.0.weight.bits"
 * and the new JSON, or NULL to remove the key.
 */
#ifndef TEST_MODELS_H
#define TEST_MODELS_H

#include <stddef.h>
#include <stdint.h>

#include "model/graph.h"
#include "model/modelfile.h"
#include "snnq.h"

/* A file name in a fresh directory; gone after models_cleanup(). */
const char *temporary_path(void);
void models_cleanup(void);
/* A file in memory with this content until the next call: for tests with thousands of them. */
const char *memory_file(const void *bytes, size_t size);

/* The error line without the path in front of it. */
const char *error_of(const char *path);

/*
 * All operations: input 4x4x2, conv1 (3 channels, thresholds per channel), pool1,
 * q, k, v, attn, res (2 planes), head (2 classes, biases), readout.
 */
struct modelfile *network_model(void);
void edit(struct modelfile *file, const char *path, const char *json);
/* Write @file to a temporary path and free it. */
const char *model_write(struct modelfile *file);

/* One LINEAR layer of LIF neurons (u / 2, threshold, hard reset): easy to compute. */
struct dense {
	uint32_t inputs, outputs, steps;
	int32_t threshold;
	int8_t *weights; /* [inputs][outputs], the bytes of the 8-bit rows */
};

struct dense *dense_random(uint32_t inputs, uint32_t outputs, uint32_t steps, uint32_t seed);
void dense_free(struct dense *d);
const char *dense_write(const struct dense *d);
/* Advance potentials @u by @steps packed steps (@words each); adds spikes to @counts. */
void dense_run(const struct dense *d, const uint64_t *input, uint32_t steps, int32_t *u,
	       int32_t *counts);
uint32_t dense_words(const struct dense *d);

/* xorshift: the same numbers everywhere. */
uint32_t random32(uint32_t *state);

#endif /* TEST_MODELS_H */
