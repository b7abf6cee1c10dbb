// SPDX-License-Identifier: MIT
/*
 * target.c - see target.h.
 */
#include "quantize/target.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "quantize/paired.h"

#define TAIL 0.025 /* probability that the first model's share is larger than its bound */

uint32_t target_allowed(const struct search *x)
{
	return (uint32_t)(x->target.max_drop * x->s->calibration->count + 1e-9);
}

int target_budgets(struct search *x)
{
	const struct search_target *t = &x->target;
	double energy = 1e9 * t->energy - (double)x->options.fixed_energy;

	for (int i = 0; i < ALLOCATE_COSTS; i++)
		x->problem.budget[i] = ALLOCATE_NO_BUDGET;
	if (t->bits > 0)
		x->problem.budget[ALLOCATE_BITS] =
			(uint64_t)(10 * t->bits * (double)x->weights + 1e-6);
	if (t->bytes && t->bytes <= x->metadata)
		return error_set(-EDOM,
				 "%s: the file has %" PRIu64 " bytes besides weights, "
				 "expected at most %" PRIu64 " in all",
				 x->s->path, x->metadata, t->bytes);
	if (t->bytes)
		x->problem.budget[ALLOCATE_BYTES] = t->bytes - x->metadata;
	if (t->energy > 0 && energy < 0)
		return error_set(-EDOM,
				 "%s: energy: layers without weights alone take %g uJ, "
				 "expected at most %g",
				 x->s->path, (double)x->options.fixed_energy / 1e9, t->energy);
	if (t->energy > 0)
		x->problem.budget[ALLOCATE_ENERGY] = (uint64_t)energy;
	return 0;
}

bool target_is_budget(const struct search *x)
{
	for (int i = 0; i < ALLOCATE_COSTS; i++)
		if (x->problem.budget[i] != ALLOCATE_NO_BUDGET)
			return true;
	return false;
}

/* The least that the options can cost. */
static uint64_t least_cost(const struct search *x, int cost)
{
	uint64_t sum = 0;

	for (uint32_t l = 0; l < x->s->weighted_count; l++) {
		const struct option_layer *o = &x->options.layers[l];
		uint64_t least = UINT64_MAX;

		for (uint32_t k = 0; k < o->count; k++)
			if (o->options[k].costs.cost[cost] < least)
				least = o->options[k].costs.cost[cost];
		sum += least;
	}
	return sum;
}

/* Recordings of which none may change to show that at most @share of all do; there may be none. */
static double needed(double share)
{
	return share > 0 ? ceil(log(TAIL) / log1p(-share)) : INFINITY;
}

/* Whether so few classes can be told from more. */
static int check_resolution(const struct search *x)
{
	const struct snnq_quantize_opts *o = x->s->opts;
	double share = x->target.max_drop;
	char text[256];

	if (share < 0)
		return 0;
	if (x->s->check && !(share > 0))
		return error_set(
			-EINVAL,
			"%s: a drop of at most 0 %%: no number of recordings to check with "
			"shows that none of all changes; expected a drop above 0, or none "
			"to check with",
			x->s->path);
	if (x->s->check && x->s->check->count < needed(share))
		return error_set(-EINVAL,
				 "%s: a drop of at most %g %%: expected at least %.0f "
				 "recordings to check with, found %u: if the class of none "
				 "changes, that of %.2f %% of others may",
				 x->s->path, 100 * share, needed(share), x->s->check->count,
				 100 * paired_most(0, x->s->check->count, TAIL));
	snprintf(text, sizeof(text),
		 "a drop of at most %g %%: of %u recordings for calibration the class of %u may "
		 "change, in steps of %.3g %%%s",
		 100 * share, x->s->calibration->count, target_allowed(x),
		 100.0 / x->s->calibration->count,
		 x->s->check ? "; those to check with decide" :
			       "; they are what is optimised on, and others may change more");
	if (o->warn)
		o->warn(o->warn_ctx, text);
	return 0;
}

int target_check(struct search *x)
{
	const struct snnq_quantize_opts *o = x->s->opts;
	uint64_t bytes = x->metadata + least_cost(x, ALLOCATE_BYTES);
	uint64_t energy = x->options.fixed_energy + least_cost(x, ALLOCATE_ENERGY);
	int ret = target_budgets(x);

	if (!ret)
		ret = options_check_bits(&x->options, x->target.bits);
	for (size_t i = 0; !ret && i < o->also_count; i++)
		ret = options_check_bits(&x->options, o->also[i].target_bits);
	if (!ret && x->target.bytes && x->target.bytes < bytes)
		ret = error_set(-EDOM,
				"%s: target of %" PRIu64 " bytes: expected at least %" PRIu64
				", the least that its grids can have",
				x->s->path, x->target.bytes, bytes);
	if (!ret && x->target.energy > 0 && 1e9 * x->target.energy < (double)energy)
		ret = error_set(-EDOM,
				"%s: target of %g uJ: expected at least %.3f, the least that "
				"its grids can take",
				x->s->path, x->target.energy, ceil((double)energy / 1e6) / 1e3);
	return ret ? ret : check_resolution(x);
}

/* ---- what came out ---- */

/* @is and @most, of what @cost is; the budget is what the options may take of that. */
static int shrink(struct search *x, int cost, double is, double most, const char *unit, bool *over)
{
	uint64_t by = (uint64_t)ceil(is - most);

	if (is <= most)
		return 0;
	*over = true;
	if (by >= x->problem.budget[cost])
		return error_set(-EDOM, "%s: the result stays above its target of %s", x->s->path,
				 unit);
	x->problem.budget[cost] -= by;
	return 0;
}

int target_excess(struct search *x, bool *over)
{
	const struct search_target *t = &x->target;
	int ret = 0;

	*over = false;
	if (t->bytes)
		ret = shrink(x, ALLOCATE_BYTES, (double)x->final.told.bytes, (double)t->bytes,
			     "bytes", over);
	if (!ret && t->energy > 0)
		ret = shrink(x, ALLOCATE_ENERGY, 1e9 * x->final.energy, 1e9 * t->energy, "energy",
			     over);
	return ret;
}

/*
 * The n-th model to be held against the recordings has a tail of 2 / (n (n + 1)) of the first
 * one's: all together err with no more than twice that, which is 5 %.
 */
static double tail(uint32_t tries)
{
	return 2 * TAIL / ((double)tries * (tries + 1.0));
}

bool target_keeps_calibration(const struct search *x)
{
	return x->target.max_drop < 0 || x->final.told.calibration.changed <= target_allowed(x);
}

bool target_keeps(struct search *x)
{
	const struct snnq_quantize_drop *k = &x->final.told.check;

	if (x->target.max_drop < 0 || !target_keeps_calibration(x))
		return x->target.max_drop < 0;
	return !x->s->check || paired_most((uint32_t)k->changed, (uint32_t)k->recordings,
					   tail(++x->tries)) <= x->target.max_drop;
}

int target_dropped(const struct search *x)
{
	const struct snnq_quantize_drop *c = &x->final.told.calibration, *k = &x->final.told.check;
	bool budget = target_is_budget(x);

	if (c->changed > target_allowed(x) || !k->recordings)
		return error_set(-EDOM,
				 "%s: %" PRIu64 " of %" PRIu64 " recordings change their class, "
				 "expected at most %u (%g %%)%s",
				 x->s->path, c->changed, c->recordings, target_allowed(x),
				 100 * x->target.max_drop,
				 budget ? "; other targets allow no more bits" : "");
	return error_set(-EDOM,
			 "%s: %" PRIu64 " of %" PRIu64 " recordings to check with change their "
			 "class, so that %.2f %% of others may; expected at most %g %%%s",
			 x->s->path, k->changed, k->recordings,
			 100 * paired_most((uint32_t)k->changed, (uint32_t)k->recordings,
					   tail(x->tries ? x->tries : 1)),
			 100 * x->target.max_drop,
			 budget ? "; other targets allow no more bits" : "");
}
