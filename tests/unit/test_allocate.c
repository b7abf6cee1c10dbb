// SPDX-License-Identifier: MIT
/*
 * test_allocate.c - allocation against the enumeration of all configurations, on hundreds of
 * small random problems; problems of a real size for time and memory.
 */
#define _GNU_SOURCE /* qsort_r */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "quantize/allocate.h"
#include "quantize/pareto.h"
#include "snnq.h"

#define MAX_LAYERS  25
#define MAX_OPTIONS 25

static uint64_t random_state = 1;

static double uniform(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(random_state >> 11) * 0x1p-53;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(uniform() * n);
}

/* A problem with room for its options. */
struct fixture {
	struct allocate_option options[MAX_LAYERS][MAX_OPTIONS];
	struct allocate_layer layers[MAX_LAYERS];
	struct allocate_problem p;
};

static void fixture_init(struct fixture *f, uint32_t layers)
{
	f->p = (struct allocate_problem){
		f->layers, layers, { ALLOCATE_NO_BUDGET, ALLOCATE_NO_BUDGET, ALLOCATE_NO_BUDGET }
	};
	for (uint32_t l = 0; l < layers; l++)
		f->layers[l] = (struct allocate_layer){ f->options[l], 0 };
}

/* Small costs and few losses: many ties, zeros and equal options. */
static void fill_coarse(struct fixture *f, uint32_t layers)
{
	fixture_init(f, layers);
	for (uint32_t l = 0; l < layers; l++) {
		f->layers[l].count = 1 + below(5);
		for (uint32_t i = 0; i < f->layers[l].count; i++)
			f->options[l][i] =
				(struct allocate_option){ below(6) / 4.0,
							  { below(5), below(5), below(4) * 1000 } };
	}
}

/* Losses like those of layers: each bit quarters them. */
static void fill_smooth(struct fixture *f, uint32_t layers)
{
	fixture_init(f, layers);
	for (uint32_t l = 0; l < layers; l++) {
		uint32_t weights = 64 * (1 + below(40));

		f->layers[l].count = 2 + below(4);
		for (uint32_t i = 0; i < f->layers[l].count; i++) {
			uint32_t bits = 1 + below(8);

			f->options[l][i] = (struct allocate_option){
				pow(4, -(double)bits) * weights * (0.5 + uniform()),
				{ weights * bits * 10, weights * bits / 8 + below(100),
				  (uint64_t)(weights * (1 + uniform() * bits) * 1000) }
			};
		}
	}
}

/* Budgets between the least and the most that can be spent. */
static void set_budgets(struct fixture *f, unsigned int mask)
{
	for (unsigned int c = 0; c < ALLOCATE_COSTS; c++) {
		uint64_t least = 0, most = 0;

		for (uint32_t l = 0; l < f->p.count; l++) {
			uint64_t low = UINT64_MAX, high = 0;

			for (uint32_t i = 0; i < f->layers[l].count; i++) {
				uint64_t cost = f->options[l][i].cost[c];

				low = cost < low ? cost : low;
				high = cost > high ? cost : high;
			}
			least += low;
			most += high;
		}
		if (mask >> c & 1)
			f->p.budget[c] = least + (uint64_t)((double)(most - least) * uniform());
	}
}

/* ---- enumeration ---- */

struct truth {
	double loss;
	uint64_t cost[ALLOCATE_COSTS];
	uint16_t choice[MAX_LAYERS];
};

static void evaluate(const struct fixture *f, struct truth *t)
{
	t->loss = 0;
	memset(t->cost, 0, sizeof(t->cost));
	for (uint32_t l = f->p.count; l-- > 0;) {
		const struct allocate_option *o = &f->options[l][t->choice[l]];

		t->loss += o->loss;
		for (int c = 0; c < ALLOCATE_COSTS; c++)
			t->cost[c] += o->cost[c];
	}
}

static bool next_choice(const struct fixture *f, struct truth *t)
{
	for (uint32_t l = f->p.count; l-- > 0;) {
		if (++t->choice[l] < f->layers[l].count)
			return true;
		t->choice[l] = 0;
	}
	return false;
}

static bool within(const struct fixture *f, const struct truth *t)
{
	for (int c = 0; c < ALLOCATE_COSTS; c++)
		if (t->cost[c] > f->p.budget[c])
			return false;
	return true;
}

/* Can a budget be exceeded at all? Those come first in ties. */
static bool binds(const struct fixture *f, int c)
{
	uint64_t most = 0;

	for (uint32_t l = 0; l < f->p.count; l++) {
		uint64_t high = 0;

		for (uint32_t i = 0; i < f->layers[l].count; i++)
			high = f->options[l][i].cost[c] > high ? f->options[l][i].cost[c] : high;
		most += high;
	}
	return most > f->p.budget[c];
}

/* Strictly before, by loss, costs (axis, binding, others), choice. */
static bool better(const struct fixture *f, int axis, const struct truth *a, const struct truth *b)
{
	if (a->loss != b->loss)
		return a->loss < b->loss;
	for (int rank = 0; rank < 3; rank++)
		for (int c = 0; c < ALLOCATE_COSTS; c++) {
			int its = c == axis ? 0 : binds(f, c) ? 1 : 2;

			if (its == rank && a->cost[c] != b->cost[c])
				return a->cost[c] < b->cost[c];
		}
	for (uint32_t l = 0; l < f->p.count; l++)
		if (a->choice[l] != b->choice[l])
			return a->choice[l] < b->choice[l];
	return false;
}

/* The best with at most @most on the axis (-1: none). */
static bool enumerate(const struct fixture *f, int axis, uint64_t most, struct truth *best)
{
	struct truth t = { 0 };
	bool found = false;

	do {
		evaluate(f, &t);
		if (!within(f, &t) || (axis >= 0 && t.cost[axis] > most))
			continue;
		if (!found || better(f, axis, &t, best))
			*best = t;
		found = true;
	} while (next_choice(f, &t));
	return found;
}

static void assert_same(const struct fixture *f, const struct allocate_point *got,
			const struct truth *t)
{
	assert_true(got->loss == t->loss);
	assert_memory_equal(got->cost, t->cost, sizeof(t->cost));
	assert_memory_equal(got->choice, t->choice, f->p.count * sizeof(*t->choice));
	assert_true(got->excess == 0);
}

/* ---- tests ---- */

static void check_best(const struct fixture *f, unsigned int *found)
{
	struct allocate_point best;
	struct truth t;
	int ret = allocate_best(&f->p, &best);

	if (!enumerate(f, -1, 0, &t)) {
		assert_int_equal(ret, -EDOM);
		return;
	}
	if (ret)
		fail_msg("%s", snnq_last_error(NULL));
	assert_same(f, &best, &t);
	allocate_point_clear(&best);
	++*found;
}

static void best_is_that_of_all(void **state)
{
	static struct fixture f;
	unsigned int found = 0;

	(void)state;
	for (int i = 0; i < 800; i++) {
		(i % 2 ? fill_coarse : fill_smooth)(&f, 1 + below(5));
		set_budgets(&f, below(8));
		check_best(&f, &found);
	}
	assert_in_range(found, 500, 799); /* some fit, some do not */
}

/* The front is what enumeration with ever smaller budgets on the axis finds. */
static void check_front(const struct fixture *f, int axis)
{
	struct allocate_point *points;
	uint64_t most = UINT64_MAX;
	struct truth t;
	size_t count, i;
	int ret = allocate_front(&f->p, (enum allocate_cost)axis, &points, &count);

	if (!enumerate(f, axis, most, &t)) {
		assert_int_equal(ret, -EDOM);
		return;
	}
	if (ret)
		fail_msg("%s", snnq_last_error(NULL));
	for (i = count; enumerate(f, axis, most, &t); most = t.cost[axis] - 1) {
		assert_true(i > 0);
		assert_same(f, &points[--i], &t);
		if (!t.cost[axis])
			break;
	}
	assert_int_equal(i, 0);
	allocate_front_free(points, count);
}

static void fronts_hold_every_best(void **state)
{
	static struct fixture f;

	(void)state;
	for (int i = 0; i < 400; i++) {
		int axis = (int)below(ALLOCATE_COSTS);

		(i % 2 ? fill_coarse : fill_smooth)(&f, 1 + below(4));
		set_budgets(&f, i % 4 < 2 ? 0 : below(8));
		check_front(&f, axis);
	}
}

static void what_does_not_fit_is_told(void **state)
{
	static struct fixture f;
	struct allocate_point best, *points;
	size_t count;

	(void)state;
	fixture_init(&f, 2);
	f.layers[0].count = f.layers[1].count = 2;
	for (int l = 0; l < 2; l++) {
		f.options[l][0] = (struct allocate_option){ 1, { 10, 1, 5 } };
		f.options[l][1] = (struct allocate_option){ 0, { 20, 9, 1 } };
	}
	f.p.budget[ALLOCATE_BITS] = 19;
	assert_int_equal(allocate_best(&f.p, &best), -EDOM);
	assert_non_null(
		strstr(snnq_last_error(NULL),
		       "budget is 19 tenths of weight bits, the smallest possible cost 20"));
	f.p.budget[ALLOCATE_BITS] = 20;
	f.p.budget[ALLOCATE_ENERGY] = 9;
	assert_int_equal(allocate_best(&f.p, &best), -EDOM);
	assert_non_null(strstr(snnq_last_error(NULL), "not all at once"));
	assert_int_equal(allocate_front(&f.p, ALLOCATE_BYTES, &points, &count), -EDOM);
	f.p.budget[ALLOCATE_ENERGY] = 10;
	assert_int_equal(allocate_best(&f.p, &best), 0);
	assert_true(best.loss == 2);
	allocate_point_clear(&best);
}

static void assert_refused(const struct fixture *f, const char *why)
{
	struct allocate_point best, *points;
	size_t count;

	assert_int_equal(allocate_best(&f->p, &best), -EINVAL);
	assert_non_null(strstr(snnq_last_error(NULL), why));
	assert_int_equal(allocate_front(&f->p, ALLOCATE_BITS, &points, &count), -EINVAL);
}

static void problems_out_of_range_are_refused(void **state)
{
	static struct fixture f;
	struct allocate_point *points;
	size_t count;

	(void)state;
	fixture_init(&f, 0);
	assert_refused(&f, "no layers");
	fixture_init(&f, 2);
	f.layers[0].count = 1;
	assert_refused(&f, "layer 1: expected 1 to 65535 options, found 0");
	f.layers[1].count = 1;
	memset(f.options[0], 0, sizeof(f.options[0]));
	f.options[1][0] = (struct allocate_option){ NAN, { 0 } };
	assert_refused(&f, "layer 1, option 0: expected a finite loss");
	f.options[1][0].loss = -1;
	assert_refused(&f, "found -1");
	f.options[1][0].loss = INFINITY;
	assert_refused(&f, "found inf");
	f.options[0][0].loss = f.options[1][0].loss = 1e308;
	assert_refused(&f, "sum of losses is infinite");
	f.options[0][0].loss = 0;
	f.options[0][0].cost[ALLOCATE_ENERGY] = UINT64_MAX - 5;
	f.options[1][0].cost[ALLOCATE_ENERGY] = 5; /* the value that says: no budget */
	assert_refused(&f, "layer 1: the sum of femtojoules leaves 64 bits");
	f.options[1][0].cost[ALLOCATE_ENERGY] = 6;
	assert_refused(&f, "leaves 64 bits");
	f.options[1][0].cost[ALLOCATE_ENERGY] = 4;
	assert_int_equal(allocate_front(&f.p, ALLOCATE_ENERGY, &points, &count), 0);
	assert_int_equal(points[0].cost[ALLOCATE_ENERGY], UINT64_MAX - 1);
	allocate_front_free(points, count);
	assert_int_equal(allocate_front(&f.p, ALLOCATE_COSTS, &points, &count), -EINVAL);
}

/* ---- dominance ---- */

#define STATES 300

static int by_order(const void *a, const void *b, void *dims)
{
	return pareto_compare(a, b, *(unsigned int *)dims);
}

static bool dominates(const struct pareto_state *a, const struct pareto_state *b, unsigned int dims,
		      double slack)
{
	for (unsigned int d = 0; d < dims; d++)
		if (a->cost[d] > b->cost[d])
			return false;
	return a->loss <= b->loss * (1 + slack);
}

static bool is_kept(const struct pareto_state *kept, int64_t count, uint32_t parent)
{
	for (int64_t i = 0; i < count; i++)
		if (kept[i].parent == parent)
			return true;
	return false;
}

/* Who is kept is dominated by nobody who is; who is dropped is dominated by one who is kept. */
static void check_filter(const struct pareto_state *all, unsigned int dims, double slack)
{
	struct pareto_state kept[STATES];
	int64_t count;

	memcpy(kept, all, sizeof(kept));
	count = pareto_filter(kept, STATES, dims, slack);
	assert_in_range(count, 1, STATES);
	for (int64_t i = 0; i < count; i++)
		for (int64_t k = 0; k < i; k++)
			assert_false(dominates(&kept[k], &kept[i], dims, slack));
	for (int i = 0; i < STATES; i++) {
		bool dominated = is_kept(kept, count, all[i].parent);

		for (int64_t k = 0; k < count && !dominated; k++)
			dominated = dominates(&kept[k], &all[i], dims, slack);
		assert_true(dominated);
	}
}

static void filters_keep_what_nothing_dominates(void **state)
{
	struct pareto_state all[STATES];

	(void)state;
	for (int round = 0; round < 150; round++) {
		unsigned int dims = 1 + below(3), range = round % 2 ? 6 : 1000;

		for (uint32_t i = 0; i < STATES; i++)
			all[i] =
				(struct pareto_state){ { below(range), below(range), below(range) },
						       1 + below(range),
						       0,
						       below(3) };
		qsort_r(all, STATES, sizeof(*all), by_order, &dims);
		for (uint32_t i = 0; i < STATES; i++)
			all[i].parent = i;
		check_filter(all, dims, 0);
		check_filter(all, dims, 0.1);
	}
	assert_int_equal(pareto_filter(all, 0, 3, 0), 0);
}

/* ---- real sizes ---- */

/* Weights of the layers of a spiking transformer with 2.6 million; all schemes and widths. */
static void fill_large(struct fixture *f, uint32_t layers)
{
	static const uint32_t weights[] = {
		576,	18432,	73728, 294912, 589824, 65536, 65536,  65536,  65536,
		262144, 262144, 65536, 65536,  65536,  65536, 262144, 262144, 2560,
	};

	fixture_init(f, layers);
	for (uint32_t l = 0; l < layers; l++) {
		double n = weights[l % 18], scale = exp(3 * uniform() - 1.5) * n / 1e5;
		double energy = n * (200 + 5000 * uniform());

		f->layers[l].count = MAX_OPTIONS;
		for (uint32_t i = 0; i < MAX_OPTIONS; i++) {
			uint32_t bits = 1 + i % 8, mantissa = i / 8 == 1 ? bits + 1 : bits;
			uint64_t tenths = i == 24 ? 16 : bits * 10;

			f->options[l][i] = (struct allocate_option){
				scale * pow(4, -(double)tenths / 10) * (0.8 + 0.4 * uniform()),
				{ (uint64_t)n * tenths, (uint64_t)n * tenths / 80 + 64,
				  (uint64_t)(energy * (bits * 4 + mantissa * (3 + i / 8.0))) }
			};
		}
	}
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec * 1e-6;
}

static void assert_on_front(const struct fixture *f, const struct allocate_point *p, int axis)
{
	struct fixture *g = malloc(sizeof(*g));
	struct allocate_point best;

	assert_non_null(g);
	memcpy(g, f, sizeof(*g));
	for (uint32_t l = 0; l < g->p.count; l++)
		g->layers[l].options = g->options[l];
	g->p.layers = g->layers;
	g->p.budget[axis] = p->cost[axis];
	assert_int_equal(allocate_best(&g->p, &best), 0);
	assert_true(best.loss == p->loss);
	allocate_point_clear(&best);
	free(g);
}

static void fronts_of_real_size_are_exact_and_fast(void **state)
{
	static struct fixture f;
	double start = cpu_seconds(), seconds;
	struct allocate_point *points;
	size_t count;

	(void)state;
	fill_large(&f, 25);
	for (int axis = 0; axis < ALLOCATE_COSTS; axis++) {
		assert_int_equal(allocate_front(&f.p, (enum allocate_cost)axis, &points, &count),
				 0);
		seconds = cpu_seconds() - start;
		print_message("# axis %d: %zu points, %.2f s\n", axis, count, seconds);
		assert_true(count > 1000);
		for (size_t i = 1; i < count; i++) {
			assert_true(points[i].cost[axis] > points[i - 1].cost[axis]);
			assert_true(points[i].loss < points[i - 1].loss);
		}
		for (size_t i = 0; i < count; i += count / 20)
			assert_on_front(&f, &points[i], axis);
		assert_true(points[0].excess == 0);
		allocate_front_free(points, count);
		start = cpu_seconds();
	}
}

static void budgets_beside_the_axis_hold(void **state)
{
	static struct fixture f;
	struct allocate_point *points, best;
	size_t count;

	(void)state;
	fill_large(&f, 18);
	f.p.budget[ALLOCATE_ENERGY] = 100000000000;
	assert_int_equal(allocate_best(&f.p, &best), 0);
	f.p.budget[ALLOCATE_ENERGY] = best.cost[ALLOCATE_ENERGY];
	assert_int_equal(allocate_front(&f.p, ALLOCATE_BYTES, &points, &count), 0);
	print_message("# %zu points, excess %g\n", count, points[0].excess);
	assert_true(points[0].excess < 0.2);
	assert_true(points[count - 1].loss == best.loss);
	for (size_t i = 0; i < count; i++) {
		assert_true(points[i].cost[ALLOCATE_ENERGY] <= f.p.budget[ALLOCATE_ENERGY]);
		if (i)
			assert_true(points[i].loss < points[i - 1].loss &&
				    points[i].cost[ALLOCATE_BYTES] >
					    points[i - 1].cost[ALLOCATE_BYTES]);
	}
	allocate_front_free(points, count);
	allocate_point_clear(&best);
}

/* What saves costs always loses as much: no state is better than another. */
static void fill_even(struct fixture *f, uint32_t layers, uint32_t options)
{
	fixture_init(f, layers);
	for (uint32_t l = 0; l < layers; l++) {
		f->layers[l].count = options;
		for (uint32_t i = 0; i < options; i++) {
			f->options[l][i].loss = ALLOCATE_COSTS;
			for (unsigned int c = 0; c < ALLOCATE_COSTS; c++) {
				double cost = uniform();

				f->options[l][i].cost[c] = (uint64_t)(cost * 0x1p40);
				f->options[l][i].loss -= cost;
			}
		}
	}
}

static void too_many_states_are_thinned_within_the_bound(void **state)
{
	enum { LAYERS = 6, OPTIONS = 20 };
	static struct fixture f;
	struct allocate_point best;
	double least = LAYERS * ALLOCATE_COSTS; /* when all budgets are spent */

	(void)state;
	random_state = 5;
	fill_even(&f, LAYERS, OPTIONS);
	for (unsigned int c = 0; c < ALLOCATE_COSTS; c++) {
		f.p.budget[c] = (uint64_t)(0.4 * LAYERS * 0x1p40);
		least -= 0.4 * LAYERS;
	}
	assert_int_equal(allocate_best(&f.p, &best), 0);
	print_message("# loss %g, %g at least; excess %g\n", best.loss, least, best.excess);
	assert_true(best.excess > 0 && best.excess < 0.1);
	assert_true(best.loss >= least * (1 - 1e-9) && best.loss <= least * (1 + best.excess));
	for (unsigned int c = 0; c < ALLOCATE_COSTS; c++)
		assert_true(best.cost[c] <= f.p.budget[c]);
	allocate_point_clear(&best);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(best_is_that_of_all),
		cmocka_unit_test(fronts_hold_every_best),
		cmocka_unit_test(what_does_not_fit_is_told),
		cmocka_unit_test(problems_out_of_range_are_refused),
		cmocka_unit_test(filters_keep_what_nothing_dominates),
		cmocka_unit_test(fronts_of_real_size_are_exact_and_fast),
		cmocka_unit_test(budgets_beside_the_axis_hold),
		cmocka_unit_test(too_many_states_are_thinned_within_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
