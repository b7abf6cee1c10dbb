// SPDX-License-Identifier: MIT
/*
 * test_compensate.c - what the quantizer does with moments against slow and plain
 * computations: rounding, neurons, fitted losses.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/parallel.h"
#include "quantize/fit.h"
#include "quantize/quantize.h"
#include "quantize/response.h"
#include "scene.h"
#include "snnq_engine.h"

/* ---- rounding ---- */

#define ROWS 21

struct problem {
	struct scene scene;
	struct patches patches;
	struct moment moment;
	struct grid grid;
	float *weights;
	double *hw, smallest[ROWS], scales[ROWS], error[ROWS];
	uint8_t *indices;
	struct rows rows;
};

static void problem_open_on(struct problem *p, uint32_t scheme, uint32_t bits, bool correlated)
{
	uint32_t n;

	memset(p, 0, sizeof(*p));
	scene_open(&p->scene, 10, 1, 0);
	if (correlated)
		scene_correlate(&p->scene);
	assert_int_equal(patches_collect(&p->scene.source, SIZE_MAX, &p->patches), 0);
	assert_int_equal(moment_compute(&p->patches, NULL, 1, &p->moment), 0);
	assert_true(grid_init(&p->grid, scheme, bits));
	n = p->moment.inputs;
	p->weights = malloc(ROWS * n * sizeof(*p->weights));
	p->hw = malloc(ROWS * n * sizeof(*p->hw));
	p->indices = calloc(ROWS, n);
	for (uint32_t i = 0; i < ROWS * n; i++)
		p->weights[i] = i / n == 3 ? 0 : (float)(scene_uniform() + scene_uniform() - 1);
	assert_int_equal(rows_weigh(&p->moment, p->weights, ROWS, 2, p->hw), 0);
	p->rows = (struct rows){ .grid = &p->grid,
				 .moment = &p->moment,
				 .weights = p->weights,
				 .hw = p->hw,
				 .smallest = p->smallest,
				 .count = ROWS,
				 .scales = p->scales,
				 .indices = p->indices,
				 .error = p->error };
}

static void problem_open(struct problem *p, uint32_t scheme, uint32_t bits)
{
	problem_open_on(p, scheme, bits, false);
}

static void problem_close(struct problem *p)
{
	scene_close(&p->scene);
	patches_free(&p->patches);
	moment_free(&p->moment);
	free(p->weights);
	free(p->hw);
	free(p->indices);
}

/* (w - sq)^T h (w - sq), with weight @k changed to level @index. */
static double error_of(const struct problem *p, uint32_t row, uint32_t k, uint32_t index)
{
	uint32_t n = p->moment.inputs;
	double *e = malloc(n * sizeof(*e)), sum = 0;

	for (uint32_t i = 0; i < n; i++)
		e[i] = p->weights[row * n + i] -
		       p->scales[row] * p->grid.levels[i == k ? index : p->indices[row * n + i]];
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < n; j++)
			sum += e[i] * p->moment.h[i * n + j] * e[j];
	free(e);
	return sum;
}

static const struct {
	uint32_t scheme, bits;
} grids[] = {
	{ SNNQ_SCHEME_UNIFORM, 1 }, { SNNQ_SCHEME_UNIFORM, 2 }, { SNNQ_SCHEME_UNIFORM, 4 },
	{ SNNQ_SCHEME_ODD, 2 },	    { SNNQ_SCHEME_ODD, 3 },	{ SNNQ_SCHEME_POT, 3 },
	{ SNNQ_SCHEME_POT, 5 },	    { SNNQ_SCHEME_APOT, 4 },	{ SNNQ_SCHEME_TERNARY, 2 },
};

#define GRIDS (sizeof(grids) / sizeof(grids[0]))

static void compensation_is_never_worse_and_ends_in_a_minimum(void **state)
{
	(void)state;
	for (size_t g = 0; g < GRIDS; g++) {
		double nearest[ROWS], before = 0, after = 0;
		struct problem p;

		problem_open(&p, grids[g].scheme, grids[g].bits);
		assert_int_equal(rows_round(&p.rows, 1), 0);
		memcpy(nearest, p.error, sizeof(nearest));
		p.rows.feedback = p.rows.descent = true;
		assert_int_equal(rows_round(&p.rows, 1), 0);
		for (uint32_t r = 0; r < ROWS; r++) {
			double e = error_of(&p, r, UINT32_MAX, 0);

			assert_float_equal(p.error[r], e, 1e-9);
			assert_true(p.error[r] <= nearest[r] * (1 + 1e-12));
			before += nearest[r];
			after += p.error[r];
			/* no other level of one weight is better by more than the refitted scale */
			for (uint32_t k = 0; k < p.moment.inputs && r < 4; k++)
				for (uint32_t i = 0; i < p.grid.count; i++)
					assert_true(error_of(&p, r, k, i) > e * 0.98 - 1e-12);
		}
		assert_true(after < before);
		problem_close(&p);
	}
}

/*
 * How much of the error compensation leaves where inputs fire together: the most that each grid
 * may leave, 8 % above what was measured (an inverted feedback leaves 12 to 50 % more).
 */
static void feedback_uses_what_inputs_share(void **state)
{
	static const double most[GRIDS] = { .60, .58, .575, .526, .464, .45, .44, .50, .58 };

	(void)state;
	for (size_t g = 0; g < GRIDS; g++) {
		double before = 0, after = 0;
		struct problem p;

		scene_seed(5);
		problem_open_on(&p, grids[g].scheme, grids[g].bits, true);
		assert_int_equal(rows_round(&p.rows, 1), 0);
		for (uint32_t r = 0; r < ROWS; r++)
			before += p.error[r];
		p.rows.feedback = p.rows.descent = true;
		assert_int_equal(rows_round(&p.rows, 1), 0);
		for (uint32_t r = 0; r < ROWS; r++)
			after += p.error[r];
		if (!(after <= most[g] * before))
			fail_msg(
				"scheme %u, %u bits: %.3f of the error are left, expected at most %.3f",
				grids[g].scheme, grids[g].bits, after / before, most[g]);
		problem_close(&p);
	}
}

static void rounding_does_not_depend_on_threads(void **state)
{
	struct problem a, b;

	(void)state;
	scene_seed(11);
	problem_open(&a, SNNQ_SCHEME_ODD, 2);
	scene_seed(11);
	problem_open(&b, SNNQ_SCHEME_ODD, 2);
	a.rows.feedback = a.rows.descent = b.rows.feedback = b.rows.descent = true;
	assert_int_equal(rows_round(&a.rows, 1), 0);
	assert_int_equal(rows_round(&b.rows, 4), 0);
	assert_memory_equal(a.scales, b.scales, sizeof(a.scales));
	assert_memory_equal(a.indices, b.indices, ROWS * a.moment.inputs);
	problem_close(&a);
	problem_close(&b);
}

static void one_scale_stays_one(void **state)
{
	struct problem p;

	(void)state;
	problem_open(&p, SNNQ_SCHEME_UNIFORM, 3);
	p.rows.one_scale = p.rows.feedback = p.rows.descent = true;
	assert_int_equal(rows_round(&p.rows, 2), 0);
	for (uint32_t r = 1; r < ROWS; r++)
		assert_true(p.scales[r] == p.scales[0]);
	problem_close(&p);
}

/* ---- neurons ---- */

struct kind {
	struct snnq_neuron neuron;
	bool skip_first;
};

static int64_t leaked(uint32_t leak, int64_t by, int64_t u)
{
	int64_t size = u < 0 ? -u : u;

	switch (leak) {
	case SNNQ_LEAK_DIVN:
		return (int64_t)floor((double)u / (double)by);
	case SNNQ_LEAK_Q16:
		return (int64_t)floor((double)(u * by) / 65536);
	case SNNQ_LEAK_TZ12:
		return (u < 0 ? -1 : 1) * (size * (4096 - by) / 4096);
	default:
		return u;
	}
}

struct cell {
	int64_t u, i;
	uint32_t rest;
	bool sticky;
};

/* One step of a neuron by numerics.md. */
static bool fires(const struct kind *k, struct cell *c, uint32_t step, int64_t drive,
		  int32_t threshold, int32_t bias)
{
	const struct snnq_neuron *n = &k->neuron;
	int64_t old = c->i;
	bool spike;

	if (k->skip_first && !step)
		return false;
	if (n->model == SNNQ_NEURON_CUBA) {
		c->i = leaked(n->current_leak, n->current_leak_param, old) + drive;
		drive = n->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : c->i;
	}
	if (c->rest) {
		c->rest--;
		c->u = 0;
		return false;
	}
	if (n->flags & SNNQ_NEURON_FLAG_STICKY && c->u % n->leak_param)
		c->sticky = true;
	c->u = leaked(n->leak, n->leak_param, c->u) + drive + bias;
	spike = c->u > threshold ||
		(c->u == threshold && (n->compare == SNNQ_COMPARE_GE || c->sticky));
	if (!spike)
		return false;
	if (n->reset == SNNQ_RESET_SOFT)
		c->u -= threshold;
	if (n->reset == SNNQ_RESET_HARD)
		c->u = c->sticky = 0;
	c->rest = n->refractory;
	return true;
}

static uint32_t wrong_spikes(const struct problem *p, const struct kind *k, uint32_t shift,
			     uint32_t row, int32_t threshold, int32_t bias,
			     const uint64_t *const *targets)
{
	uint32_t wrong = 0, inputs = p->moment.inputs, delay = k->neuron.delay;
	uint32_t *values = scene_dense(&p->patches);

	for (uint32_t i = 0; i < p->patches.place_count; i++) {
		const struct place *at = &p->patches.places[i];
		struct cell cell = { 0 };

		for (uint32_t t = 0; t + delay < SCENE_STEPS; t++) {
			uint32_t target =
				targets[at->recording][(t + delay) * 15 + at->y * 5 + at->x] >>
					row &
				1;
			int64_t acc = 0;

			for (uint32_t w = 0; w < inputs; w++)
				acc += (int64_t)values[(i * SCENE_STEPS + t) * inputs + w] *
				       p->grid.levels[p->indices[row * inputs + w]];
			wrong += fires(k, &cell, t, acc * (1 << shift), threshold, bias) != target;
		}
	}
	free(values);
	return wrong;
}

#define LIF(kind, by, ...)                        \
	{                                         \
		.neuron = {                       \
			.model = SNNQ_NEURON_LIF, \
			.leak = SNNQ_LEAK_##kind, \
			.leak_param = (by),       \
			__VA_ARGS__               \
		}                                 \
	}

static const struct kind neurons[] = {
	LIF(DIVN, 2),
	LIF(DIVN, 3, .compare = SNNQ_COMPARE_GT, .reset = SNNQ_RESET_SOFT),
	LIF(Q16, 50000),
	LIF(NONE, 0, .reset = SNNQ_RESET_SOFT),
	LIF(DIVN, 2, .reset = SNNQ_RESET_NONE),
	LIF(TZ12, 1000, .delay = 2),
	LIF(DIVN, 2, .refractory = 1),
	LIF(DIVN, 3, .compare = SNNQ_COMPARE_GT, .flags = SNNQ_NEURON_FLAG_STICKY),
	LIF(DIVN, 2, .delay = SCENE_STEPS),
	{ .neuron = { .model = SNNQ_NEURON_CUBA,
		      .refractory = 2,
		      .leak = SNNQ_LEAK_TZ12,
		      .leak_param = 1024,
		      .current_leak = SNNQ_LEAK_TZ12,
		      .current_leak_param = 2048 } },
	{ .neuron = { .model = SNNQ_NEURON_CUBA,
		      .delay = 1,
		      .flags = SNNQ_NEURON_FLAG_OLD_CURRENT,
		      .leak = SNNQ_LEAK_TZ12,
		      .leak_param = 128,
		      .current_leak = SNNQ_LEAK_TZ12,
		      .current_leak_param = 1024 },
	  .skip_first = true },
};

/* The distance on each recording alone. */
static void measure_alone(const struct problem *p, const struct response *whole,
			  uint64_t distance[SCENE_RECORDINGS][ROWS])
{
	for (uint32_t i = 0; i < SCENE_RECORDINGS; i++) {
		struct patch_source source = p->scene.source;
		struct response r = *whole;
		uint64_t wrong[ROWS];
		struct patches patches;

		source.recordings = 1;
		source.slots += i;
		assert_int_equal(patches_collect(&source, SIZE_MAX, &patches), 0);
		r.patches = &patches;
		r.targets += i;
		r.search = false;
		r.distance = distance[i];
		r.wrong = wrong;
		assert_int_equal(response_run(&r, 1), 0);
		patches_free(&patches);
	}
}

static void neurons_fire_as_defined_and_search_comes_closer(void **state)
{
	struct graph_shape out = { 3, 5, ROWS, SNNQ_FORMAT_UNSIGNED, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(neurons) / sizeof(neurons[0]); i++) {
		uint64_t distance[ROWS], wrong[ROWS], before = 0, after = 0;
		uint64_t first[SCENE_RECORDINGS][ROWS], last[SCENE_RECORDINGS][ROWS];
		int32_t threshold[ROWS], bias[ROWS];
		uint64_t *targets[SCENE_RECORDINGS];
		struct problem p;
		struct response r;

		problem_open(&p, SNNQ_SCHEME_UNIFORM, 4);
		assert_int_equal(rows_round(&p.rows, 1), 0);
		for (int k = 0; k < SCENE_RECORDINGS; k++) {
			targets[k] = malloc(SCENE_STEPS * 15 * 8);
			for (int w = 0; w < SCENE_STEPS * 15; w++)
				targets[k][w] = (uint64_t)scene_below(1 << 21) &
						scene_below(1 << 21);
		}
		for (uint32_t c = 0; c < ROWS; c++) {
			threshold[c] = 40 + (int32_t)scene_below(100);
			bias[c] = (int32_t)scene_below(40) - 20;
		}
		r = (struct response){
			.patches = &p.patches,
			.neuron = &neurons[i].neuron,
			.shift = 2,
			.skip_first = neurons[i].skip_first,
			.grid = &p.grid,
			.indices = p.indices,
			.count = ROWS,
			.out = &out,
			.targets = (const uint64_t *const *)targets,
			.threshold = threshold,
			.bias = bias,
			.distance = distance,
			.wrong = wrong,
		};
		assert_int_equal(response_run(&r, 2), 0);
		measure_alone(&p, &r, first);
		for (uint32_t c = 0; c < ROWS; c++) {
			assert_int_equal(distance[c], first[0][c] + first[1][c] + first[2][c]);
			assert_int_equal(wrong[c], wrong_spikes(&p, &neurons[i], 2, c, threshold[c],
								bias[c], r.targets));
			before += distance[c];
		}
		r.search = true;
		assert_int_equal(response_run(&r, 1), 0);
		measure_alone(&p, &r, last);
		for (uint32_t c = 0; c < ROWS; c++) {
			for (int k = 0; k < SCENE_RECORDINGS; k++) /* each is a fold */
				assert_true(last[k][c] <= first[k][c]);
			assert_int_equal(wrong[c], wrong_spikes(&p, &neurons[i], 2, c, threshold[c],
								bias[c], r.targets));
			after += distance[c];
		}
		assert_true(after < before || neurons[i].neuron.delay == SCENE_STEPS);
		for (int k = 0; k < SCENE_RECORDINGS; k++)
			free(targets[k]);
		problem_close(&p);
	}
}

/* ---- fitted losses ---- */

static void coefficients_are_found_and_stay_in_range(void **state)
{
	double single[60][3], a[3], error = 0, plain = 0;
	struct fit_sample samples[60];

	(void)state;
	for (int i = 0; i < 60; i++) {
		for (int l = 0; l < 3; l++)
			single[i][l] = scene_uniform();
		samples[i] = (struct fit_sample){ single[i], 2 * single[i][0] + 0.5 * single[i][1] +
								     9 * single[i][2] };
	}
	assert_int_equal(fit_coefficients(samples, 60, 3, a), 0);
	assert_true(a[2] > a[0] && a[0] > a[1] && a[1] > 0);
	assert_true(a[2] <= 16 * a[1] * 1.0001);
	for (int i = 0; i < 60; i++) {
		double sum = single[i][0] + single[i][1] + single[i][2];

		error += fabs(a[0] * single[i][0] + a[1] * single[i][1] + a[2] * single[i][2] -
			      samples[i].loss) /
			 samples[i].loss;
		plain += fabs(4 * sum - samples[i].loss) / samples[i].loss;
	}
	assert_true(error < plain * 2 / 3);
	assert_int_equal(fit_coefficients(NULL, 0, 3, a), 0);
	assert_float_equal(a[0], 1, 0);
}

/* ---- loops ---- */

static int square(void *ctx, uint32_t item)
{
	((uint64_t *)ctx)[item] = (uint64_t)item * item;
	return item % 100 == 57 ? -(int)item : 0;
}

static void loops_do_each_item_once_and_report_the_first_failure(void **state)
{
	uint64_t results[1000] = { 0 };

	(void)state;
	assert_int_equal(parallel_for(57, 4, square, results), 0);
	for (uint64_t i = 0; i < 57; i++)
		assert_int_equal(results[i], i * i);
	assert_int_equal(parallel_for(1000, 1, square, results), -57);
	assert_int_equal(results[58], 0);
	assert_int_equal(parallel_for(0, 4, square, results), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compensation_is_never_worse_and_ends_in_a_minimum),
		cmocka_unit_test(feedback_uses_what_inputs_share),
		cmocka_unit_test(rounding_does_not_depend_on_threads),
		cmocka_unit_test(one_scale_stays_one),
		cmocka_unit_test(neurons_fire_as_defined_and_search_comes_closer),
		cmocka_unit_test(coefficients_are_found_and_stay_in_range),
		cmocka_unit_test(loops_do_each_item_once_and_report_the_first_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
