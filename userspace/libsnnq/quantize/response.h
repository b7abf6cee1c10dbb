/* SPDX-License-Identifier: MIT */
/*
 * response.h - thresholds and biases with which neurons fire as the float network's do.
 */
#ifndef SNNQ_RESPONSE_H
#define SNNQ_RESPONSE_H

#include "quantize/patches.h"

/**
 * struct response - neurons of outputs that share inputs
 * @patches: what they see.
 * @neuron: theirs; @shift: F; @skip_first: nothing happens in their first step.
 * @grid, @indices: weights, [count][inputs] levels.
 * @count: of outputs; @first: channel of the layer's output that is output 0.
 * @out: shape of the layer's output.
 * @targets: [recordings] packed outputs of the float network, steps slots each.
 * @search: change thresholds and biases, where that is better on all folds of the recordings;
 *	otherwise only measure.
 * @threshold, @bias: [count] as folded; results.
 * @distance: [count] results: see response.c.
 * @wrong: [count] results: spikes that are in only one of the two.
 */
struct response {
	const struct patches *patches;
	const struct snnq_neuron *neuron;
	uint32_t shift;
	bool skip_first;
	const struct grid *grid;
	const uint8_t *indices;
	uint32_t count, first;
	const struct graph_shape *out;
	const uint64_t *const *targets;
	bool search;
	int32_t *threshold, *bias;
	uint64_t *distance, *wrong;
};

/* 0 or -ENOMEM. The result does not depend on @threads. */
int response_run(struct response *response, uint32_t threads);

#endif /* SNNQ_RESPONSE_H */
