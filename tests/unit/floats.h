/* SPDX-License-Identifier: MIT */
/*
 * floats.h - float models with random numbers for tests, and a plain reference.
 *
 * Weights are multiples of a power of two, so that sums are exact in any order.
 */
#ifndef TEST_FLOATS_H
#define TEST_FLOATS_H

#include "float/floatnet.h"
#include "model/modelfile.h"
#include "snnq.h"

#define STEPS 7u /* of each model */

struct network {
	struct modelfile *file;
	struct graph graph;
	struct floatnet *net;
	struct floatnet_record record;
};

/*
 * Make the tensors that the graph @text names: LAYER.w with as many weights as the key
 * "elements" beside its name says, LAYER.b, LAYER.t; weights and biases are multiples of @unit.
 */
void network_file(struct network *n, const char *text, float unit, uint32_t seed);
/* A file with each of the two ways to make spikes, and a head with scores of its own. */
const char *small_float_write(void);
void network_open(struct network *n, const char *text, float unit, uint32_t seed);
void network_close(struct network *n);

/* A recording for a sensor of 6 x 5, and its first window as packed steps (free them). */
struct snnq_events *random_events(uint32_t seed);
uint64_t *input_of(const struct network *n, uint32_t seed);
/* Element of a packed step. */
int32_t element(const struct graph_shape *s, const uint64_t *slot, size_t pos, uint32_t c);

/* Outputs as real values, [layer][step][y][x][channel]; unit[layer] as they are stored in. */
struct reference {
	const struct network *n;
	double *out[16], *input, unit[16], scores[80];
};

void reference_run(struct reference *r, const struct network *n, const uint64_t *input);
void reference_free(struct reference *r);

#endif /* TEST_FLOATS_H */
