/* SPDX-License-Identifier: MIT */
/*
 * allocate_simple.h - allocations as others make them, to hold the exact one against.
 *
 * All keep to problem->budget[ALLOCATE_BITS] and look at no other. 0; -EDOM: nothing fits; -ENOMEM.
 * A result is freed by allocate_point_clear().
 */
#ifndef SNNQ_ALLOCATE_SIMPLE_H
#define SNNQ_ALLOCATE_SIMPLE_H

#include "quantize/allocate.h"

/*
 * From each layer's option of least loss on, take again and again the step to a cheaper one that
 * costs least loss for each bit saved. Options that another beats in cost and loss are not taken.
 */
int allocate_greedy(const struct allocate_problem *problem, struct allocate_point *best);
/* The same steps, going on from the @width best of all states that have as many behind them. */
int allocate_beam(const struct allocate_problem *problem, uint32_t width,
		  struct allocate_point *best);
/*
 * An option at random for each layer, then cheaper ones at random until all fits, then dearer ones
 * at random while they do: sizes are as near to the budget as those of the others. @seed decides.
 */
int allocate_random(const struct allocate_problem *problem, uint64_t seed,
		    struct allocate_point *best);

#endif /* SNNQ_ALLOCATE_SIMPLE_H */
