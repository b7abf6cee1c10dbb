// SPDX-License-Identifier: MIT
/*
 * allocate_bound.c - a Lagrangian bound on the loss of what still fits the budgets, and a good
 * configuration to begin with.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "allocate_internal.h"
#include "base/error.h"

#define EXPONENTS 60 /* multipliers are 2^-60 to 2^60 units */

static double penalized(const struct allocation *s, const struct pareto_state *o)
{
	double value = o->loss;

	for (unsigned int d = 0; d < s->dims; d++)
		value += s->multiplier[d] * (double)o->cost[d];
	return value;
}

struct relaxed {
	uint64_t cost[ALLOCATE_COSTS];
	double dual;	  /* no configuration within the budgets has less loss */
	uint32_t *choice; /* of reduced options */
};

/* Each layer's best option when costs are paid for by the multipliers. */
static void relax(const struct allocation *s, struct relaxed *r)
{
	memset(r->cost, 0, sizeof(r->cost));
	r->dual = 0;
	for (uint32_t l = 0; l < s->problem->count; l++) {
		const struct level *level = &s->levels[l];
		double least = INFINITY;

		for (uint32_t i = 0; i < level->count; i++) {
			double value = penalized(s, &level->options[i]);

			if (value < least) {
				least = value;
				r->choice[l] = i;
			}
		}
		r->dual += least;
		for (unsigned int d = 0; d < s->dims; d++)
			r->cost[d] += level->options[r->choice[l]].cost[d];
	}
	for (unsigned int d = 0; d < s->dims; d++)
		r->dual -= s->multiplier[d] * (double)s->budget[d];
}

static bool fits(const struct allocation *s, const uint64_t cost[ALLOCATE_COSTS])
{
	for (unsigned int d = 0; d < s->dims; d++)
		if (cost[d] > s->budget[d])
			return false;
	return true;
}

/* Other options for two layers (or one, twice the same). */
struct exchange {
	uint32_t layer[2], option[2];
	double gain;
};

/* Keep the exchange in @best if it saves more loss within the budgets. */
static void try_exchange(const struct allocation *s, const struct relaxed *r, struct exchange e,
			 struct exchange *best)
{
	uint64_t cost[ALLOCATE_COSTS];

	e.gain = 0;
	memcpy(cost, r->cost, sizeof(cost));
	for (int k = 0; k < 1 + (e.layer[0] != e.layer[1]); k++) {
		const struct pareto_state *options = s->levels[e.layer[k]].options;
		const struct pareto_state *from = &options[r->choice[e.layer[k]]];
		const struct pareto_state *to = &options[e.option[k]];

		e.gain += from->loss - to->loss;
		for (unsigned int d = 0; d < s->dims; d++)
			cost[d] += to->cost[d] - from->cost[d]; /* modulo 2^64 on the way */
	}
	if (e.gain > best->gain && fits(s, cost))
		*best = e;
}

static void try_partners(const struct allocation *s, const struct relaxed *r, struct exchange e,
			 struct exchange *best)
{
	for (uint32_t l = 0; l < e.layer[0]; l++)
		for (uint32_t i = 0; i < s->levels[l].count; i++) {
			e.layer[1] = l;
			e.option[1] = i;
			try_exchange(s, r, e, best);
		}
}

/* Exchange while it helps: the best single option each time, or the best pair. */
static void improve(const struct allocation *s, struct relaxed *r, bool pairs)
{
	struct exchange best;

	do {
		best = (struct exchange){ .gain = 0 };
		for (uint32_t l = 0; l < s->problem->count; l++)
			for (uint32_t i = 0; i < s->levels[l].count; i++) {
				struct exchange e = { { l, l }, { i, i }, 0 };

				try_exchange(s, r, e, &best);
				if (pairs)
					try_partners(s, r, e, &best);
			}
		for (int k = 0; k < 1 + (best.layer[0] != best.layer[1]); k++) {
			const struct level *level = &s->levels[best.layer[k]];
			uint32_t *choice = &r->choice[best.layer[k]];

			for (unsigned int d = 0; best.gain > 0 && d < s->dims; d++)
				r->cost[d] += level->options[best.option[k]].cost[d] -
					      level->options[*choice].cost[d];
			*choice = best.gain > 0 ? best.option[k] : *choice;
		}
	} while (best.gain > 0);
}

static double loss_of(const struct allocation *s, const uint32_t *choice)
{
	double loss = 0;

	for (uint32_t l = s->problem->count; l-- > 0;)
		loss += s->levels[l].options[choice[l]].loss;
	return loss;
}

struct bound {
	struct relaxed now, found;		 /* found: the best that fits, made better */
	double loss;				 /* of found, or INFINITY */
	double dual, multiplier[ALLOCATE_COSTS]; /* largest bound from below */
	double unit[ALLOCATE_COSTS];		 /* of multipliers */
};

static void bound_copy(const struct allocation *s, struct relaxed *to, const struct relaxed *from)
{
	memcpy(to->cost, from->cost, sizeof(to->cost));
	memcpy(to->choice, from->choice, s->problem->count * sizeof(*to->choice));
}

/* A relaxed configuration that fits, made better, is a bound from above. */
static void bound_above(const struct allocation *s, struct bound *b)
{
	double loss;

	if (!fits(s, b->now.cost))
		return;
	improve(s, &b->now, false);
	loss = loss_of(s, b->now.choice);
	if (loss >= b->loss)
		return;
	b->loss = loss;
	bound_copy(s, &b->found, &b->now);
}

static double try_multipliers(struct allocation *s, struct bound *b)
{
	double dual;

	relax(s, &b->now);
	dual = b->now.dual;
	if (dual > b->dual) {
		b->dual = dual;
		memcpy(b->multiplier, s->multiplier, sizeof(s->multiplier));
	}
	return dual;
}

/*
 * 2^x where x is an integer, straight lines between: any multiplier gives a bound, and exp2() is
 * not the same in all C libraries.
 */
static double power_of_two(double x)
{
	double whole = floor(x);

	return ldexp(1 + (x - whole), (int)whole);
}

/* Bisect the last multiplier, by its exponent, to where the cost passes the budget. */
static double bisect(struct allocation *s, struct bound *b)
{
	double low = -EXPONENTS, high = EXPONENTS, most = -INFINITY;
	unsigned int d = s->dims - 1;

	for (int i = 0; i < 32; i++) {
		double middle = (low + high) / 2;

		s->multiplier[d] = b->unit[d] * power_of_two(middle);
		most = fmax(most, try_multipliers(s, b));
		*(b->now.cost[d] > s->budget[d] ? &low : &high) = middle;
		bound_above(s, b);
	}
	return most;
}

/*
 * The largest bound from below over multipliers @d and later ones. It is concave in them: by
 * the golden section.
 */
static double maximize(struct allocation *s, unsigned int d, struct bound *b)
{
	const double golden = 0.6180339887498949;
	double low = -EXPONENTS, high = EXPONENTS, at[2], value[2];

	if (d == s->dims - 1)
		return bisect(s, b);
	for (int k = 0; k < 2; k++) {
		at[k] = k ? low + golden * (high - low) : high - golden * (high - low);
		s->multiplier[d] = b->unit[d] * power_of_two(at[k]);
		value[k] = maximize(s, d + 1, b);
	}
	for (int i = 0; i < 16; i++) {
		int k = value[0] < value[1]; /* this one is renewed, the other moves */

		*(k ? &low : &high) = at[!k];
		at[!k] = at[k];
		value[!k] = value[k];
		at[k] = k ? low + golden * (high - low) : high - golden * (high - low);
		s->multiplier[d] = b->unit[d] * power_of_two(at[k]);
		value[k] = maximize(s, d + 1, b);
	}
	return fmax(value[0], value[1]);
}

/* Any multipliers make a valid bound; good ones make a close one. */
static void find_multipliers(struct allocation *s, struct bound *b)
{
	double worst = 0, scale;

	memset(s->multiplier, 0, sizeof(s->multiplier));
	relax(s, &b->now); /* nothing to pay: least loss */
	b->dual = scale = b->now.dual;
	for (uint32_t l = 0; l < s->problem->count; l++)
		for (uint32_t i = 0; i < s->levels[l].count; i++)
			worst = fmax(worst, s->levels[l].options[i].loss);
	for (unsigned int d = 0; d < s->dims; d++)
		b->unit[d] = worst / ((double)s->budget[d] + 1);
	if (s->dims)
		maximize(s, 0, b);
	memcpy(s->multiplier, b->multiplier, sizeof(s->multiplier));
	for (unsigned int d = 0; d < s->dims; d++)
		scale += s->multiplier[d] * (double)s->budget[d];
	s->margin = 1e-9 * scale;
	if (s->dims > 1 && b->loss < INFINITY) {
		improve(s, &b->found, true);
		b->loss = loss_of(s, b->found.choice);
	}
}

int allocation_bound(struct allocation *s, double *loss)
{
	struct bound b = { .loss = INFINITY };
	uint32_t layers = s->problem->count;

	b.now.choice = calloc(layers, sizeof(*b.now.choice));
	b.found.choice = calloc(layers, sizeof(*b.found.choice));
	if (b.now.choice && b.found.choice)
		find_multipliers(s, &b);
	free(b.now.choice);
	free(b.found.choice);
	if (!b.now.choice || !b.found.choice)
		return error_set(-ENOMEM, "allocation: no memory");
	for (uint32_t l = 0; l < layers; l++) {
		double least = INFINITY;

		for (uint32_t i = 0; i < s->levels[l].count; i++)
			least = fmin(least, penalized(s, &s->levels[l].options[i]));
		s->levels[l + 1].least_penalized = s->levels[l].least_penalized + least;
	}
	*loss = b.loss;
	return 0;
}
