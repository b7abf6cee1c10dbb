/* SPDX-License-Identifier: MIT */
/*
 * pareto.h - partial configurations of which none is as good as another in every respect.
 *
 * A state's first @dims costs count; the others only decide between equals. Lists are in the
 * order of pareto_compare(), in which a state comes before all that it dominates.
 */
#ifndef SNNQ_PARETO_H
#define SNNQ_PARETO_H

#include <stddef.h>
#include <stdint.h>

#define PARETO_COSTS 3

struct pareto_state {
	uint64_t cost[PARETO_COSTS];
	double loss;
	uint32_t parent; /* the state of fewer layers that this one extends ... */
	uint32_t option; /* ... by this */
};

/* By costs that count, loss, other costs, option. */
int pareto_compare(const struct pareto_state *a, const struct pareto_state *b, unsigned int dims);
/*
 * Drop states that an earlier one dominates: no more of any cost that counts, and a loss no
 * more than 1 + @slack times theirs. Keeps the order; returns how many are left, or -ENOMEM.
 */
int64_t pareto_filter(struct pareto_state *states, size_t count, unsigned int dims, double slack);

#endif /* SNNQ_PARETO_H */
