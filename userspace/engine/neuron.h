/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * neuron.h - up to 64 neurons side by side, some time steps; also for those who look
 * for thresholds and biases.
 */
#ifndef SNNQ_NEURON_H
#define SNNQ_NEURON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snnq_program.h"

#define AUX_COUNTER 0xffff /* refractory steps left */
#define AUX_STICKY  0x10000

/* A leak by a power of two, told apart because shifts are fast. */
#define LEAK_SHIFT (SNNQ_LEAK_TZ12 + 1u)

/**
 * struct neuron_leak - a leak, made ready
 * @kind: SNNQ_LEAK_* or LEAK_SHIFT.
 * @param: of the descriptor.
 * @magic, @shift: DIVN: u / n is u * magic >> 32 >> shift for 0 <= u < 2^31.
 *	LEAK_SHIFT: of u.
 */
struct neuron_leak {
	uint32_t kind;
	uint32_t param;
	uint32_t magic;
	uint32_t shift;
};

struct vec;

/**
 * struct neuron_lanes - one word's worth of neurons
 * @neuron: LIF or CUBA; its delay is not looked at.
 * @vec: loops for the instruction set; for @narrow ones only.
 * @acc: [steps][acc_stride], of which the first @count are taken.
 * @threshold, @bias: [count].
 * @u: [count] membrane potentials; @i: of currents, NULL for LIF; @aux: refractory steps left
 *	and sticky bits, NULL where the neuron has neither. All zero at first.
 * @out: [steps][out_stride], the first of them: bit j is whether lane j fires.
 * @count: 1..64.
 * @steps: number of time steps.
 * @narrow: (acc << shift) + bias fits int32 always: faster.
 * @tame: moreover no potential that leaks by half or more can leave int32.
 * @saturations: counted up.
 * @leak, @current_leak: set by neuron_lanes_of().
 */
struct neuron_lanes {
	const struct snnq_neuron *neuron;
	const struct vec *vec;
	const int32_t *acc;
	size_t acc_stride;
	const int32_t *threshold;
	const int32_t *bias;
	int32_t *u;
	int32_t *i;
	uint32_t *aux;
	uint64_t *out;
	size_t out_stride;
	uint32_t count;
	uint32_t steps;
	bool narrow;
	bool tame;
	__u64 saturations;
	struct neuron_leak leak;
	struct neuron_leak current_leak;
};

/* Lanes of these neurons, all pointers but that NULL. */
struct neuron_lanes neuron_lanes_of(const struct snnq_neuron *neuron);
/* One step, @out is not used; bit j is whether lane j fires. */
uint64_t neuron_word(struct neuron_lanes *lanes);

#endif /* SNNQ_NEURON_H */
