/* SPDX-License-Identifier: MIT */
/* allocate_internal.h - an allocation while it is computed; shared by its two files. */
#ifndef SNNQ_ALLOCATE_INTERNAL_H
#define SNNQ_ALLOCATE_INTERNAL_H

#include "allocate.h"
#include "pareto.h"

_Static_assert(PARETO_COSTS == ALLOCATE_COSTS, "a state has all costs");

struct step {
	uint32_t parent, option;
};

struct level {
	struct pareto_state *options; /* those worth having, in order */
	uint32_t count;
	uint64_t least[ALLOCATE_COSTS]; /* sums over the layers before this one */
	double least_penalized;
	struct step *steps; /* how each state of this level came about */
};

struct list {
	struct pareto_state *states;
	size_t count, capacity;
};

struct allocation {
	const struct allocate_problem *problem;
	unsigned int dims, order[ALLOCATE_COSTS];
	uint64_t budget[ALLOCATE_COSTS]; /* permuted, like all that follows */
	struct level *levels;
	struct list list, next;
	size_t most_states, work;
	double thinned, left_out; /* factors of loss: 1 is none */
	/* Lagrangian bound. */
	double multiplier[ALLOCATE_COSTS], limit, margin;
};

/* Sets multipliers, and as @loss that of a configuration that fits, or INFINITY. */
int allocation_bound(struct allocation *a, double *loss);

#endif /* SNNQ_ALLOCATE_INTERNAL_H */
