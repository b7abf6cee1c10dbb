// SPDX-License-Identifier: MIT
/*
 * test_baseline.c - what the quantizer is held against: second-order rounding as published, and
 * allocations by simple rules, against answers worked out by hand and the exact allocation.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quantize/allocate_simple.h"
#include "quantize/compensate.h"
#include "scene.h"
#include "snnq.h"

/* ---- rounding ---- */

/*
 * Two inputs with h = (2 1; 1 1), weights 0.4 and 0.4, levels 0 and 1: the first becomes 0, and the
 * second makes up for it as Optimal Brain Surgeon has it: 0.4 + 0.4 * 1 / 1 = 0.8, so 1. The error
 * is (0.4 -0.6) h (0.4 -0.6)^T = 0.2; nearest levels have 0.8.
 */
static void the_second_weight_makes_up_for_the_first(void **state)
{
	double h[] = { 2, 1, 1, 1 }, feedback[] = { 0, 0, 1, 0 }, hw[2], error, scale;
	double smallest = 1; /* than which no better one is searched for */
	const float w[] = { 0.4f, 0.4f };
	uint32_t order[] = { 0, 1 };
	uint8_t indices[2];
	struct grid grid;
	struct moment m = { .inputs = 2, .h = h, .order = order, .feedback = feedback };
	struct rows r = { .grid = &grid,
			  .moment = &m,
			  .weights = w,
			  .hw = hw,
			  .smallest = &smallest,
			  .count = 1,
			  .plain_scale = true,
			  .scales = &scale,
			  .indices = indices,
			  .error = &error };

	(void)state;
	assert_true(grid_init(&grid, SNNQ_SCHEME_UNIFORM, 2));
	assert_int_equal(rows_weigh(&m, w, 1, 1, hw), 0);
	assert_int_equal(rows_round(&r, 1), 0);
	assert_float_equal(error, 0.8, 1e-6);
	r.feedback = true;
	assert_int_equal(rows_round(&r, 1), 0);
	assert_float_equal(scale, 1, 0);
	assert_int_equal(grid.levels[indices[0]], 0);
	assert_int_equal(grid.levels[indices[1]], 1);
	assert_float_equal(error, 0.2, 1e-6);
}

#define ROWS 16

/* In the error that it makes least, second-order rounding is better than nearest levels. */
static void second_order_is_better_than_nearest(void **state)
{
	static const struct {
		uint32_t scheme, bits;
	} grids[] = { { SNNQ_SCHEME_UNIFORM, 2 }, { SNNQ_SCHEME_UNIFORM, 3 },
		      { SNNQ_SCHEME_UNIFORM, 4 }, { SNNQ_SCHEME_ODD, 2 },
		      { SNNQ_SCHEME_ODD, 4 },	  { SNNQ_SCHEME_POT, 4 } };
	const struct moment_how how = { .about_zero = true, .unsorted = true };
	static double smallest[ROWS];
	double scales[ROWS], error[ROWS], sums[2];
	struct patches patches;
	struct scene scene;
	struct moment m;
	struct grid grid;

	(void)state;
	scene_seed(11);
	scene_open(&scene, 10, 1, 0);
	scene_correlate(&scene);
	assert_int_equal(patches_collect(&scene.source, SIZE_MAX, &patches), 0);
	assert_int_equal(moment_compute(&patches, &how, 1, &m), 0);
	float *w = malloc(ROWS * m.inputs * sizeof(*w));
	double *hw = malloc(ROWS * m.inputs * sizeof(*hw));
	uint8_t *indices = calloc(ROWS, m.inputs);

	for (uint32_t i = 0; i < ROWS * m.inputs; i++)
		w[i] = (float)(scene_uniform() + scene_uniform() - 1);
	assert_int_equal(rows_weigh(&m, w, ROWS, 1, hw), 0);
	for (size_t g = 0; g < sizeof(grids) / sizeof(grids[0]); g++) {
		assert_true(grid_init(&grid, grids[g].scheme, grids[g].bits));
		for (int feedback = 0; feedback < 2; feedback++) {
			struct rows r = { .grid = &grid,
					  .moment = &m,
					  .weights = w,
					  .hw = hw,
					  .smallest = smallest,
					  .count = ROWS,
					  .plain_scale = true,
					  .feedback = feedback,
					  .scales = scales,
					  .indices = indices,
					  .error = error };

			assert_int_equal(rows_round(&r, 1), 0);
			sums[feedback] = 0;
			for (uint32_t i = 0; i < ROWS; i++)
				sums[feedback] += error[i];
		}
		/* measured: 0.35 to 0.60 */
		assert_true(sums[1] < 0.8 * sums[0]);
	}
	free(w);
	free(hw);
	free(indices);
	moment_free(&m);
	patches_free(&patches);
	scene_close(&scene);
}

/* The inverse of h, by elimination. */
static double *inverse_of(const struct moment *m)
{
	uint32_t n = m->inputs;
	double *a = malloc((size_t)n * n * sizeof(*a)), *b = calloc((size_t)n * n, sizeof(*b));

	memcpy(a, m->h, (size_t)n * n * sizeof(*a));
	for (uint32_t i = 0; i < n; i++)
		b[i * n + i] = 1;
	for (uint32_t i = 0; i < n; i++) {
		double pivot = a[i * n + i];

		for (uint32_t k = 0; k < n; k++) {
			a[i * n + k] /= pivot;
			b[i * n + k] /= pivot;
		}
		for (uint32_t j = 0; j < n; j++) {
			double f = j == i ? 0 : a[j * n + i];

			for (uint32_t k = 0; k < n; k++) {
				a[j * n + k] -= f * a[i * n + k];
				b[j * n + k] -= f * b[i * n + k];
			}
		}
	}
	free(a);
	return b;
}

/*
 * A row by the formulae of the paper: column after column to its nearest level, the error over the
 * inverse's diagonal taken out of the columns to come, then the column out of the inverse.
 */
static void round_as_published(const struct moment *m, const struct grid *grid, const float *row,
			       double scale, int32_t *levels)
{
	double *inverse = inverse_of(m), *w = malloc(m->inputs * sizeof(*w));
	uint32_t n = m->inputs;

	for (uint32_t i = 0; i < n; i++)
		w[i] = row[i];
	for (uint32_t i = 0; i < n; i++) {
		double e;

		levels[i] = grid->levels[grid_nearest(grid, w[i] / scale)];
		e = (w[i] - scale * levels[i]) / inverse[i * n + i];
		for (uint32_t k = i + 1; k < n; k++)
			w[k] -= e * inverse[i * n + k];
		for (uint32_t j = i + 1; j < n; j++) {
			double f = inverse[j * n + i] / inverse[i * n + i];

			for (uint32_t k = i; k < n; k++)
				inverse[j * n + k] -= f * inverse[i * n + k];
		}
	}
	free(inverse);
	free(w);
}

/* The factored form that is used here gives the levels of the formulae in the paper. */
static void levels_are_those_of_the_paper(void **state)
{
	const struct moment_how how = { .about_zero = true, .unsorted = true };
	static double smallest[ROWS], scales[ROWS], error[ROWS];
	struct patches patches;
	struct scene scene;
	struct moment m;
	struct grid grid;
	uint32_t n;

	(void)state;
	scene_seed(12);
	scene_open(&scene, 10, 1, 0);
	scene_correlate(&scene);
	assert_int_equal(patches_collect(&scene.source, SIZE_MAX, &patches), 0);
	assert_int_equal(moment_compute(&patches, &how, 1, &m), 0);
	n = m.inputs;
	float *w = malloc(ROWS * n * sizeof(*w));
	double *hw = malloc(ROWS * n * sizeof(*hw));
	uint8_t *indices = calloc(ROWS, n);
	int32_t *levels = malloc(n * sizeof(*levels));

	for (uint32_t i = 0; i < ROWS * n; i++)
		w[i] = (float)(scene_uniform() + scene_uniform() - 1);
	assert_int_equal(rows_weigh(&m, w, ROWS, 1, hw), 0);
	for (uint32_t bits = 2; bits <= 4; bits++) {
		struct rows r = { .grid = &grid,
				  .moment = &m,
				  .weights = w,
				  .hw = hw,
				  .smallest = smallest,
				  .count = ROWS,
				  .plain_scale = true,
				  .feedback = true,
				  .scales = scales,
				  .indices = indices,
				  .error = error };

		assert_true(grid_init(&grid, SNNQ_SCHEME_UNIFORM, bits));
		assert_int_equal(rows_round(&r, 2), 0);
		for (uint32_t c = 0; c < ROWS; c++) {
			round_as_published(&m, &grid, w + c * n, scales[c], levels);
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(grid.levels[indices[c * n + i]], levels[i]);
		}
	}
	free(w);
	free(hw);
	free(indices);
	free(levels);
	moment_free(&m);
	patches_free(&patches);
	scene_close(&scene);
}

/* Second moments about zero, in the order of the inputs, damped by 1 %. */
static void moments_about_zero(void **state)
{
	const struct moment_how how = { .about_zero = true, .unsorted = true };
	struct patches patches;
	struct scene scene;
	struct moment m;
	uint32_t *values;
	double mean = 0;

	(void)state;
	scene_open(&scene, 10, 2, 0);
	assert_int_equal(patches_collect(&scene.source, SIZE_MAX, &patches), 0);
	assert_int_equal(moment_compute(&patches, &how, 2, &m), 0);
	values = scene_dense(&patches);
	for (uint32_t i = 0; i < m.inputs; i++)
		mean += m.square[i] / m.inputs;
	for (uint32_t i = 0; i < m.inputs; i++) {
		assert_int_equal(m.order[i], i);
		for (uint32_t j = 0; j < m.inputs; j++) {
			double want = i == j ? 0.01 * mean : 0;

			for (size_t k = 0; k < patch_count(&patches); k++)
				want += (double)values[k * m.inputs + i] *
					values[k * m.inputs + j] / (double)patch_count(&patches);
			assert_float_equal(m.h[i * m.inputs + j], want, 1e-9);
		}
	}
	free(values);
	moment_free(&m);
	patches_free(&patches);
	scene_close(&scene);
}

/* ---- allocations ---- */

#define LAYERS	5
#define OPTIONS 6

struct fixture {
	struct allocate_option options[LAYERS][OPTIONS];
	struct allocate_layer layers[LAYERS];
	struct allocate_problem p;
};

static void fill(struct fixture *f, uint32_t layers, uint32_t options)
{
	memset(f, 0, sizeof(*f));
	f->p = (struct allocate_problem){
		f->layers, layers, { ALLOCATE_NO_BUDGET, ALLOCATE_NO_BUDGET, ALLOCATE_NO_BUDGET }
	};
	for (uint32_t l = 0; l < layers; l++)
		f->layers[l] = (struct allocate_layer){ f->options[l], options };
}

static void fill_random(struct fixture *f)
{
	uint32_t layers = 1 + scene_below(LAYERS), most = 0, least = 0;

	fill(f, layers, 1 + scene_below(OPTIONS));
	for (uint32_t l = 0; l < layers; l++) {
		uint32_t high = 0, low = UINT32_MAX;

		for (uint32_t k = 0; k < f->layers[l].count; k++) {
			uint32_t cost = 1 + scene_below(30);

			f->options[l][k].loss = scene_below(20) / 4.0;
			for (int i = 0; i < ALLOCATE_COSTS; i++)
				f->options[l][k].cost[i] = cost;
			high = cost > high ? cost : high;
			low = cost < low ? cost : low;
		}
		most += high;
		least += low;
	}
	f->p.budget[ALLOCATE_BITS] = least + scene_below(most - least + 2);
}

static void check_point(const struct fixture *f, const struct allocate_point *point, double best)
{
	uint64_t cost = 0;
	double loss = 0;

	for (uint32_t l = 0; l < f->p.count; l++) {
		assert_true(point->choice[l] < f->layers[l].count);
		cost += f->options[l][point->choice[l]].cost[ALLOCATE_BITS];
		loss += f->options[l][point->choice[l]].loss;
	}
	assert_int_equal(point->cost[ALLOCATE_BITS], cost);
	assert_float_equal(point->loss, loss, 1e-12);
	assert_true(cost <= f->p.budget[ALLOCATE_BITS]);
	assert_true(loss >= best - 1e-12);
}

/* Within the budget and never better than the exact one; a wide beam is as good. */
static void simple_ones_keep_to_the_budget(void **state)
{
	double sums[4] = { 0 };

	(void)state;
	scene_seed(3);
	for (int i = 0; i < 400; i++) {
		struct allocate_point exact, points[3];
		struct fixture f;

		fill_random(&f);
		assert_int_equal(allocate_best(&f.p, &exact), 0);
		assert_int_equal(allocate_greedy(&f.p, &points[0]), 0);
		assert_int_equal(allocate_beam(&f.p, 1000, &points[1]), 0);
		assert_int_equal(allocate_random(&f.p, (uint64_t)i, &points[2]), 0);
		sums[3] += exact.loss;
		for (int k = 0; k < 3; k++) {
			check_point(&f, &points[k], exact.loss);
			sums[k] += points[k].loss;
			allocate_point_clear(&points[k]);
		}
		allocate_point_clear(&exact);
	}
	assert_float_equal(sums[1], sums[3], 1e-9);
	assert_true(sums[3] < sums[0] && sums[0] < sums[2]);
}

/*
 * The cheapest step for its bits is the first layer's, from 10 to 7 bits; then the second's has to
 * follow, from 10 to 5, which alone would have done.
 */
static void greedy_is_caught_where_a_beam_is_not(void **state)
{
	struct allocate_point point;
	struct fixture f;

	(void)state;
	fill(&f, 2, 2);
	f.options[0][0] = (struct allocate_option){ 0, { 10, 10, 10 } };
	f.options[0][1] = (struct allocate_option){ 1, { 7, 7, 7 } };
	f.options[1][0] = (struct allocate_option){ 0, { 10, 10, 10 } };
	f.options[1][1] = (struct allocate_option){ 2, { 5, 5, 5 } };
	f.p.budget[ALLOCATE_BITS] = 15;
	assert_int_equal(allocate_greedy(&f.p, &point), 0);
	assert_float_equal(point.loss, 3, 0);
	allocate_point_clear(&point);
	assert_int_equal(allocate_beam(&f.p, 2, &point), 0);
	assert_float_equal(point.loss, 2, 0);
	assert_int_equal(point.choice[0], 0);
	assert_int_equal(point.choice[1], 1);
	allocate_point_clear(&point);
}

/* A seed gives one allocation, others others; what still fits is used. */
static void random_ones_follow_the_seed_and_fill_the_budget(void **state)
{
	uint32_t differ = 0;
	struct fixture f;

	(void)state;
	fill(&f, LAYERS, OPTIONS);
	for (uint32_t l = 0; l < LAYERS; l++)
		for (uint32_t k = 0; k < OPTIONS; k++)
			f.options[l][k].cost[ALLOCATE_BITS] = (k + 1) * (l + 1);
	f.p.budget[ALLOCATE_BITS] = 40; /* of 15 to 90 */
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct allocate_point a, b, other;

		assert_int_equal(allocate_random(&f.p, seed, &a), 0);
		assert_int_equal(allocate_random(&f.p, seed, &b), 0);
		assert_int_equal(allocate_random(&f.p, seed + 1, &other), 0);
		assert_memory_equal(a.choice, b.choice, LAYERS * sizeof(*a.choice));
		differ += memcmp(a.choice, other.choice, LAYERS * sizeof(*a.choice)) != 0;
		for (uint32_t l = 0; l < LAYERS; l++) /* no layer has room for a step */
			assert_true(a.choice[l] == OPTIONS - 1 ||
				    a.cost[ALLOCATE_BITS] + l + 1 > 40);
		allocate_point_clear(&a);
		allocate_point_clear(&b);
		allocate_point_clear(&other);
	}
	assert_true(differ > 40);
}

static void what_cannot_fit_is_refused(void **state)
{
	struct allocate_point point;
	struct fixture f;

	(void)state;
	fill(&f, 2, 2);
	for (uint32_t l = 0; l < 2; l++)
		for (uint32_t k = 0; k < 2; k++)
			f.options[l][k] = (struct allocate_option){ k, { 20 - 10 * k, 1, 1 } };
	f.p.budget[ALLOCATE_BITS] = 19;
	assert_int_equal(allocate_greedy(&f.p, &point), -EDOM);
	assert_string_equal(snnq_last_error(NULL),
			    "expected a budget of at least 2.0 bits, found 1.9");
	assert_int_equal(allocate_beam(&f.p, 4, &point), -EDOM);
	assert_int_equal(allocate_random(&f.p, 1, &point), -EDOM);
	f.p.budget[ALLOCATE_BITS] = 20;
	assert_int_equal(allocate_beam(&f.p, 4, &point), 0);
	allocate_point_clear(&point);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_weight_makes_up_for_the_first),
		cmocka_unit_test(second_order_is_better_than_nearest),
		cmocka_unit_test(levels_are_those_of_the_paper),
		cmocka_unit_test(moments_about_zero),
		cmocka_unit_test(simple_ones_keep_to_the_budget),
		cmocka_unit_test(greedy_is_caught_where_a_beam_is_not),
		cmocka_unit_test(random_ones_follow_the_seed_and_fill_the_budget),
		cmocka_unit_test(what_cannot_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
