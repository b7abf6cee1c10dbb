/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * neuron.h - up to 64 neurons side by side, one time step; also for those who look for
 * thresholds and biases.
 */
#ifndef SNNQ_NEURON_H
#define SNNQ_NEURON_H

#include <stdbool.h>
#include <stdint.h>

#include "snnq_program.h"

/**
 * struct neuron_lanes - one word's worth of neurons
 * @neuron: LIF or CUBA; its delay is not looked at.
 * @acc, @threshold, @bias: [count].
 * @u: [count] membrane potentials; @i: of currents, NULL for LIF; @aux: refractory steps left
 *	and sticky bits, NULL where the neuron has neither. All zero at first.
 * @count: 1..64.
 * @narrow: (acc << shift) + bias fits int32 always: faster.
 * @saturations: counted up.
 * @leak_kind, @leak_param: set by neuron_lanes_of().
 */
struct neuron_lanes {
	const struct snnq_neuron *neuron;
	const int32_t *acc;
	const int32_t *threshold;
	const int32_t *bias;
	int32_t *u;
	int32_t *i;
	uint32_t *aux;
	uint32_t count;
	bool narrow;
	__u64 saturations;
	uint32_t leak_kind;
	uint32_t leak_param;
};

/* Lanes of these neurons, all pointers NULL. */
struct neuron_lanes neuron_lanes_of(const struct snnq_neuron *neuron);
/* One step; bit j is whether lane j fires. */
uint64_t neuron_word(struct neuron_lanes *lanes);

#endif /* SNNQ_NEURON_H */
