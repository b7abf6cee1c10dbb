/* SPDX-License-Identifier: MIT */
/*
 * allocate.h - give each layer one of its options: least loss within budgets.
 *
 * The multiple-choice knapsack, solved exactly. A loss of a configuration is the sum of its
 * options' losses, added from the last layer to the first. Equal losses: the lower costs win
 * (first the front's axis, then costs whose budget can be exceeded, then the others), then the
 * choice that is first in lexicographic order. So there is one answer, on every machine.
 */
#ifndef SNNQ_ALLOCATE_H
#define SNNQ_ALLOCATE_H

#include <stddef.h>
#include <stdint.h>

enum allocate_cost {
	ALLOCATE_BITS, /* tenths of weight bits: ternary weights have 1.6 */
	ALLOCATE_BYTES,
	ALLOCATE_ENERGY, /* femtojoule */
	ALLOCATE_COSTS
};

#define ALLOCATE_NO_BUDGET   UINT64_MAX
#define ALLOCATE_MAX_OPTIONS 65535

struct allocate_option {
	double loss; /* finite, not negative */
	uint64_t cost[ALLOCATE_COSTS];
};

struct allocate_layer {
	const struct allocate_option *options;
	uint32_t count; /* at least 1 */
};

struct allocate_problem {
	const struct allocate_layer *layers;
	uint32_t count;			 /* at least 1 */
	uint64_t budget[ALLOCATE_COSTS]; /* or ALLOCATE_NO_BUDGET */
};

struct allocate_point {
	double loss;
	uint64_t cost[ALLOCATE_COSTS];
	uint16_t *choice; /* [layers], index of an option */
	/*
	 * 0: exact. Else states became too many and those that were nearly dominated were
	 * dropped: the least loss may be lower, by at most this part of it.
	 */
	double excess;
};

/*
 * Least loss within all budgets. 0; -EDOM when nothing fits (the error says what the smallest
 * possible cost is); -EINVAL for a problem out of range; -ENOMEM.
 */
int allocate_best(const struct allocate_problem *problem, struct allocate_point *best);
/* Every point within the budgets that no other beats in both cost[axis] and loss, by cost. */
int allocate_front(const struct allocate_problem *problem, enum allocate_cost axis,
		   struct allocate_point **points, size_t *count);
/* Free what a point holds; free a front. */
void allocate_point_clear(struct allocate_point *point);
void allocate_front_free(struct allocate_point *points, size_t count);

#endif /* SNNQ_ALLOCATE_H */
