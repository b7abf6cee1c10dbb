// SPDX-License-Identifier: MIT
/*
 * pareto.c - see pareto.h.
 *
 * With one cost, a sweep. With more, the list is halved again and again (Kung, Luccio and
 * Preparata 1975): no state of the left half costs more than one of the right in the first
 * cost, so what is left to ask is who in the left half has no more of the others. Taken in
 * the order of the second cost, a Fenwick tree over the ranks of the third answers with the
 * least loss.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pareto.h"

int pareto_compare(const struct pareto_state *a, const struct pareto_state *b, unsigned int dims)
{
	for (unsigned int d = 0; d < dims; d++)
		if (a->cost[d] != b->cost[d])
			return a->cost[d] < b->cost[d] ? -1 : 1;
	if (a->loss != b->loss)
		return a->loss < b->loss ? -1 : 1;
	for (unsigned int d = dims; d < PARETO_COSTS; d++)
		if (a->cost[d] != b->cost[d])
			return a->cost[d] < b->cost[d] ? -1 : 1;
	return a->option < b->option ? -1 : a->option > b->option;
}

static size_t sweep(struct pareto_state *states, size_t count, double factor)
{
	double least = INFINITY;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!(least <= states[i].loss * factor)) {
			least = states[i].loss;
			states[kept++] = states[i];
		}
	return kept;
}

struct keyed {
	uint64_t key;
	uint32_t index;
};

struct filter {
	const struct pareto_state *states;
	uint32_t count;
	struct keyed *keys; /* for sorting */
	bool *dominated;
	uint32_t *rank; /* of the third cost, from 1; all 1 with two costs */
	uint32_t ranks;
	uint32_t *order, *merged; /* indices by second cost, within each part */
	double *tree;		  /* least loss of ranks, INFINITY when empty */
	double factor;
};

static void tree_add(struct filter *f, uint32_t rank, double loss)
{
	for (; rank <= f->ranks; rank += rank & -rank)
		if (loss < f->tree[rank])
			f->tree[rank] = loss;
}

static void tree_reset(struct filter *f, uint32_t rank)
{
	for (; rank <= f->ranks; rank += rank & -rank)
		f->tree[rank] = INFINITY;
}

static double tree_least(const struct filter *f, uint32_t rank)
{
	double least = INFINITY;

	for (; rank; rank &= rank - 1)
		if (f->tree[rank] < least)
			least = f->tree[rank];
	return least;
}

static void visit(struct filter *f, uint32_t i, bool left)
{
	if (f->dominated[i])
		return;
	if (left)
		tree_add(f, f->rank[i], f->states[i].loss);
	else if (tree_least(f, f->rank[i]) <= f->states[i].loss * f->factor)
		f->dominated[i] = true;
}

/* merged[]: both halves of order[], each sorted by the second cost, as one. */
static void merge(struct filter *f, uint32_t from, uint32_t mid, uint32_t to)
{
	uint32_t a = from, b = mid;

	for (uint32_t k = from; k < to; k++) {
		bool left = b == to || (a < mid && f->states[f->order[a]].cost[1] <=
							   f->states[f->order[b]].cost[1]);

		f->merged[k] = left ? f->order[a++] : f->order[b++];
	}
}

static void split(struct filter *f, uint32_t from, uint32_t mid, uint32_t to)
{
	uint32_t a = from, b = mid;

	memcpy(f->merged + from, f->order + from, (to - from) * sizeof(*f->order));
	for (uint32_t k = from; k < to; k++)
		if (f->merged[k] < mid)
			f->order[a++] = f->merged[k];
		else
			f->order[b++] = f->merged[k];
}

/*
 * Mark dominated states in [from, to), whose indices in order[] are sorted by the second cost
 * before and after. A state is asked after all before it were, so it drops no other when it is
 * dropped itself: the slack does not add up.
 */
static void halve(struct filter *f, uint32_t from, uint32_t to)
{
	uint32_t mid = from + (to - from) / 2;

	if (to - from < 2)
		return;
	split(f, from, mid, to);
	halve(f, from, mid);
	merge(f, from, mid, to);
	for (uint32_t k = from; k < to; k++)
		visit(f, f->merged[k], f->merged[k] < mid);
	for (uint32_t k = from; k < mid; k++)
		tree_reset(f, f->rank[f->order[k]]);
	halve(f, mid, to);
	merge(f, from, mid, to);
	memcpy(f->order + from, f->merged + from, (to - from) * sizeof(*f->order));
}

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void sort_by(struct filter *f, unsigned int dim)
{
	for (uint32_t i = 0; i < f->count; i++)
		f->keys[i] = (struct keyed){ f->states[i].cost[dim], i };
	qsort(f->keys, f->count, sizeof(*f->keys), by_key);
}

static int filter_init(struct filter *f, unsigned int dims)
{
	f->keys = malloc(f->count * sizeof(*f->keys));
	f->dominated = calloc(f->count, sizeof(*f->dominated));
	f->rank = malloc(f->count * sizeof(*f->rank));
	f->order = malloc(f->count * sizeof(*f->order));
	f->merged = malloc(f->count * sizeof(*f->merged));
	f->tree = malloc((f->count + 1) * sizeof(*f->tree));
	if (!f->keys || !f->dominated || !f->rank || !f->order || !f->merged || !f->tree)
		return -ENOMEM;
	sort_by(f, 1);
	for (uint32_t i = 0; i < f->count; i++) {
		f->order[i] = f->keys[i].index;
		f->tree[i] = INFINITY;
	}
	f->tree[f->count] = INFINITY;
	f->ranks = 1;
	if (dims > 2)
		sort_by(f, 2);
	for (uint32_t i = 0; i < f->count; i++) {
		if (dims > 2 && i && f->keys[i].key != f->keys[i - 1].key)
			f->ranks++;
		f->rank[f->keys[i].index] = f->ranks;
	}
	return 0;
}

int64_t pareto_filter(struct pareto_state *states, size_t count, unsigned int dims, double slack)
{
	struct filter f = { .states = states, .count = (uint32_t)count, .factor = 1 + slack };
	int64_t kept = 0;

	if (dims < 2 || !count)
		return (int64_t)sweep(states, count, f.factor);
	if (count > UINT32_MAX / 2 || filter_init(&f, dims)) {
		kept = -ENOMEM;
	} else {
		halve(&f, 0, f.count);
		for (size_t i = 0; i < count; i++)
			if (!f.dominated[i])
				states[kept++] = states[i];
	}
	free(f.keys);
	free(f.dominated);
	free(f.rank);
	free(f.order);
	free(f.merged);
	free(f.tree);
	return kept;
}
