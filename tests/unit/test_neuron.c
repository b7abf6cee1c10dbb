// SPDX-License-Identifier: MIT
/*
 * test_neuron.c - the neuron stage: traces computed by hand, the claim that
 * integer leaks by 1/n are exact (against rationals, for every short input), and
 * the codes of weights.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

/* A layer of neurons whose accumulators are the inputs: POOL_SUM, 1x1 window. */
static struct snnq_layer *neurons(struct program *p, uint8_t planes, uint32_t count, uint32_t steps)
{
	struct snnq_layer *l;

	program_init(p, steps, steps < 256 ? steps : 256);
	l = add_layer(p, SNNQ_OP_POOL_SUM);
	l->in[0] = in_region(p, make_tensor(0, 0, SNNQ_FORMAT_SIGNED, planes, 1, 1, count),
			     SNNQ_ROLE_INPUT);
	l->out = in_region(p, make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 1, 1, 1, count),
			   SNNQ_ROLE_OUTPUT);
	l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	l->param = 1;
	return l;
}

/* One neuron, a job per step: inputs and what spikes and potentials must be. */
struct trace {
	uint32_t steps;
	int32_t in[8];
	int32_t spikes[8];
	int32_t u[8];
	uint32_t saturations;
};

static void check_trace(struct program *p, struct snnq_layer *l, const struct trace *t)
{
	struct snnq_plan *plan;
	uint64_t saturations = 0;
	struct memory m;
	uint32_t step;

	place_state(p, l);
	plan = make_plan(p);
	memory_init(&m, snnq_plan_info(plan), 1);
	for (step = 0; step < t->steps; step++) {
		struct snnq_layer_stats stats;
		struct snnq_outcome outcome;
		struct snnq_run run;
		int32_t u;

		set_element(&l->in[0], m.bytes[l->in[0].region], 0, 0, 0, t->in[step]);
		run_init(&run, &m, 1);
		run.reset = !step;
		run.state_seq = step;
		run.stats = &stats;
		snnq_plan_run(plan, &run, &outcome);
		assert_int_equal(outcome.status, SNNQ_STATUS_OK);
		memcpy(&u, m.bytes[SNNQ_REGION_STATE_OUT] + l->state_offset, sizeof(u));
		assert_int_equal(u, t->u[step]);
		assert_int_equal(get_element(&l->out, m.bytes[l->out.region], 0, 0, 0),
				 t->spikes[step]);
		saturations += stats.saturations;
		memory_advance(&m);
	}
	assert_int_equal(saturations, t->saturations);
	memory_free(&m);
	snnq_plan_destroy(plan);
}

static void set_leak(struct snnq_layer *l, uint8_t leak, uint32_t param)
{
	l->neuron.leak = leak;
	l->neuron.leak_param = param;
}

static void resets_and_comparison(void **context)
{
	struct program p;
	struct snnq_layer *l;

	(void)context;
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 5);
	l->neuron.reset_value = -1;
	check_trace(&p, l,
		    &(struct trace){ 4, { 3, 2, 6, 5 }, { 0, 1, 1, 0 }, { 3, -1, -1, 4 }, 0 });
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 5);
	l->neuron.compare = SNNQ_COMPARE_GT;
	l->neuron.reset = SNNQ_RESET_SOFT;
	check_trace(&p, l,
		    &(struct trace){ 4, { 5, 1, 9, -3 }, { 0, 1, 1, 0 }, { 5, 1, 5, 2 }, 0 });
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 5);
	l->neuron.reset = SNNQ_RESET_NONE;
	check_trace(&p, l, &(struct trace){ 3, { 5, 1, -2 }, { 1, 1, 0 }, { 5, 6, 4 }, 0 });
}

static void leaks(void **context)
{
	struct program p;
	struct snnq_layer *l;

	(void)context;
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 100);
	set_leak(l, SNNQ_LEAK_DIVN, 3);
	check_trace(&p, l, &(struct trace){ 4, { -7, 0, 8, 0 }, { 0 }, { -7, -3, 7, 2 }, 0 });
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 100);
	set_leak(l, SNNQ_LEAK_DIVN, 4);
	check_trace(&p, l, &(struct trace){ 3, { -7, 0, 0 }, { 0 }, { -7, -2, -1 }, 0 });
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 100);
	set_leak(l, SNNQ_LEAK_Q16, 49152); /* 3/4 */
	check_trace(&p, l, &(struct trace){ 3, { -7, 0, 20 }, { 0 }, { -7, -6, 15 }, 0 });
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 100);
	set_leak(l, SNNQ_LEAK_TZ12, 1024); /* towards zero */
	check_trace(&p, l, &(struct trace){ 3, { -7, 0, 20 }, { 0 }, { -7, -5, 17 }, 0 });
}

static void refractory_and_skip(void **context)
{
	struct program p;
	struct snnq_layer *l;

	(void)context;
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 4);
	l->neuron.refractory = 2;
	l->neuron.reset_value = 1;
	check_trace(
		&p, l,
		&(struct trace){ 5, { 4, 9, 9, 2, 1 }, { 1, 0, 0, 0, 1 }, { 1, 1, 1, 3, 1 }, 0 });
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 4);
	l->flags = SNNQ_LAYER_FLAG_SKIP_FIRST;
	check_trace(&p, l, &(struct trace){ 3, { 9, 3, 1 }, { 0, 0, 1 }, { 0, 3, 0 }, 0 });
}

static void delays(void **context)
{
	struct program p;
	struct snnq_layer *l;

	(void)context;
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 1);
	l->neuron.delay = 2;
	check_trace(&p, l,
		    &(struct trace){ 6, { 1, 0, 1, 1, 0, 0 }, { 0, 0, 1, 0, 1, 1 }, { 0 }, 0 });
	l = neurons(&p, 8, 1, 8); /* the line moves in a skipped step */
	set_lif(&p, l, 1);
	l->neuron.delay = 1;
	l->flags = SNNQ_LAYER_FLAG_SKIP_FIRST;
	check_trace(&p, l, &(struct trace){ 4, { 1, 1, 0, 0 }, { 0, 0, 1, 0 }, { 0 }, 0 });
}

static void sticky(void **context)
{
	struct program p;
	struct snnq_layer *l;

	(void)context;
	/* 3/2 + 1 = 2.5 > 2 although the integer is 2; then 2 alone is not > 2. */
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 2);
	l->neuron.compare = SNNQ_COMPARE_GT;
	l->neuron.reset = SNNQ_RESET_HARD;
	l->neuron.flags = SNNQ_NEURON_FLAG_STICKY;
	set_leak(l, SNNQ_LEAK_DIVN, 2);
	check_trace(&p, l, &(struct trace){ 4, { 1, 2, 2, 1 }, { 0, 1, 0, 0 }, { 1, 0, 2, 2 }, 0 });
}

static void cuba(void **context)
{
	struct program p;
	struct snnq_layer *l;

	(void)context;
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 6);
	l->neuron.model = SNNQ_NEURON_CUBA;
	l->neuron.current_leak = SNNQ_LEAK_DIVN;
	l->neuron.current_leak_param = 2;
	/* i = 4 2 1 5; u = 4 6 -> fires */
	check_trace(&p, l, &(struct trace){ 4, { 4, 0, 0, 5 }, { 0, 1, 0, 1 }, { 4, 0, 1, 0 }, 0 });
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 6);
	l->neuron.model = SNNQ_NEURON_CUBA;
	l->neuron.flags = SNNQ_NEURON_FLAG_OLD_CURRENT;
	l->neuron.refractory = 1; /* the current goes on in the refractory step */
	/* i = 3 3 3 4 4; membrane takes 0 3 3 - 4 */
	check_trace(
		&p, l,
		&(struct trace){ 5, { 3, 0, 0, 1, 0 }, { 0, 0, 1, 0, 0 }, { 0, 3, 0, 0, 4 }, 0 });
}

static void saturation(void **context)
{
	static const int32_t bias = INT32_MAX - 127 * 65536 - 5;
	struct program p;
	struct snnq_layer *l;

	(void)context;
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, INT32_MAX);
	l->neuron.shift = 16;
	l->neuron.bias_index = add_table(&p, 1, &bias);
	l->neuron.bias_count = 1;
	l->neuron.reset = SNNQ_RESET_NONE;
	check_trace(&p, l,
		    &(struct trace){ 2, { 127, 127 }, { 0, 1 }, { INT32_MAX - 5, INT32_MAX }, 1 });
	l = neurons(&p, 8, 1, 8);
	set_lif(&p, l, 1);
	l->neuron.model = SNNQ_NEURON_CUBA;
	l->neuron.shift = 16;
	check_trace(
		&p, l,
		&(struct trace){ 2, { -128, -128 }, { 0 }, { -128 * 65536, -3 * 128 * 65536 }, 0 });
}

/* Every input of STEPS values in LOW ... LOW + VALUES - 1, one neuron each. */
#define STEPS	6
#define VALUES	6
#define LOW	(-2)
#define NEURONS 46656 /* VALUES ^ STEPS */

static int32_t digit(uint32_t neuron, uint32_t step)
{
	while (step--)
		neuron /= VALUES;
	return (int32_t)(neuron % VALUES) + LOW;
}

/* Spikes of the recursion u = u / n + x in rationals, bit t for step t. */
static uint32_t exact_spikes(uint32_t neuron, int64_t n, int64_t threshold,
			     const struct snnq_neuron *d)
{
	int64_t numerator = 0, denominator = 1;
	uint32_t spikes = 0, t;

	for (t = 0; t < STEPS; t++) {
		denominator *= n;
		numerator += digit(neuron, t) * denominator;
		if (numerator > threshold * denominator ||
		    (d->compare == SNNQ_COMPARE_GE && numerator == threshold * denominator)) {
			spikes |= 1u << t;
			if (d->reset == SNNQ_RESET_HARD)
				numerator = 0;
			else if (d->reset == SNNQ_RESET_SOFT)
				numerator -= threshold * denominator;
		}
	}
	return spikes;
}

static void compare_with_rationals(struct snnq_plan *plan, struct memory *m,
				   const struct snnq_layer *l, uint32_t n, int32_t threshold)
{
	struct snnq_outcome outcome;
	struct snnq_run run;
	uint32_t i, t;

	run_init(&run, m, STEPS);
	snnq_plan_run(plan, &run, &outcome);
	assert_int_equal(outcome.status, SNNQ_STATUS_OK);
	for (i = 0; i < NEURONS; i++) {
		uint32_t spikes = 0;

		for (t = 0; t < STEPS; t++)
			spikes |= (uint32_t)get_element(&l->out,
							m->bytes[l->out.region] +
								t * snnq_tensor_bytes(&l->out),
							0, 0, i)
				  << t;
		if (spikes != exact_spikes(i, n, threshold, &l->neuron))
			fail_msg("neuron %u, n %u, threshold %d, compare %u, reset %u", i, n,
				 threshold, l->neuron.compare, l->neuron.reset);
	}
}

static void exact_leak_case(uint32_t n, int32_t threshold, uint8_t compare, uint8_t reset)
{
	struct snnq_plan *plan;
	struct snnq_layer *l;
	struct program p;
	struct memory m;
	uint32_t i, t;

	l = neurons(&p, 4, NEURONS, STEPS);
	set_lif(&p, l, threshold);
	set_leak(l, SNNQ_LEAK_DIVN, n);
	l->neuron.compare = compare;
	l->neuron.reset = reset;
	l->neuron.flags = compare == SNNQ_COMPARE_GT ? SNNQ_NEURON_FLAG_STICKY : 0;
	place_state(&p, l);
	plan = make_plan(&p);
	memory_init(&m, snnq_plan_info(plan), STEPS);
	for (t = 0; t < STEPS; t++)
		for (i = 0; i < NEURONS; i++)
			set_element(&l->in[0],
				    m.bytes[l->in[0].region] + t * snnq_tensor_bytes(&l->in[0]), 0,
				    0, i, digit(i, t));
	compare_with_rationals(plan, &m, l, n, threshold);
	memory_free(&m);
	snnq_plan_destroy(plan);
}

static void integer_leak_is_exact(void **context)
{
	uint32_t n;

	(void)context;
	for (n = 2; n <= 5; n++) {
		int32_t threshold;

		for (threshold = 1; threshold <= 3; threshold++) {
			uint8_t mode;

			for (mode = 0; mode < 6; mode++)
				exact_leak_case(n, threshold, mode & 1, mode / 2);
		}
	}
}

static void weight_codes(void **context)
{
	static const int32_t pot3[] = { 0, 1, 2, 4, 0, -1, -2, -4 };
	static const int32_t odd2[] = { 1, 3, -3, -1 };
	static const int32_t uniform3[] = { 0, 1, 2, 3, -4, -3, -2, -1 };
	static const int32_t apot3[] = { 0, 4, 9, 16, 0, -4, -9, -16 };
	static const int32_t ternary[] = { 0, 1, -1, 0 }; /* 3 can not be stored */
	uint32_t c;

	(void)context;
	for (c = 0; c < 8; c++) {
		assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_POT, 3, c), pot3[c]);
		assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_UNIFORM, 3, c), uniform3[c]);
		assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_ODD, 2, c), odd2[c % 4]);
		assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_UNIFORM, 1, c), c & 1 ? -1 : 1);
		assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_ODD, 1, c), c & 1 ? -1 : 1);
		assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_APOT, 3, c), apot3[c]);
		assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_TERNARY, 2, c), ternary[c % 4]);
	}
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_POT, 5, 15), 16384);
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_POT, 2, 3), -1);
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_ODD, 8, 128), -255);
	/* No level where there is no such grid, whoever asks. */
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_POT, 8, 255), 0);
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_APOT, 2, 3), 0);
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_APOT, 6, 63), 0);
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_TERNARY, 8, 1), 0);
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_TERNARY + 1, 3, 1), 0);
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_UNIFORM, 0, 1), 0);
	assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_UNIFORM, ~0u, 1), 0);
}

/* Each magnitude is the sum of one term of each set; sets are those of the paper. */
static void additive_levels(void **context)
{
	static const uint32_t first[] = { 0, 32, 8, 2 }, second[] = { 0, 16, 4, 1 };
	uint32_t bits, i, k, count;

	(void)context;
	for (bits = 4; bits <= 5; bits++) {
		bool found[49] = { 0 };

		count = bits == 4 ? 2 : 4;
		for (i = 0; i < 4; i++)
			for (k = 0; k < count; k++)
				found[(first[i] + second[k]) >> (5 - bits)] = true;
		for (i = 0, k = 0; k < 49; k++)
			if (found[k]) {
				uint32_t negative = i | 1u << (bits - 1);

				assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_APOT, bits, i), k);
				assert_int_equal(snnq_weight_decode(SNNQ_SCHEME_APOT, bits,
								    negative),
						 -(int32_t)k);
				i++;
			}
		assert_int_equal(i, 1u << (bits - 1));
	}
}

static void packed_codes(void **context)
{
	static const uint8_t row[] = { 0xb1, 0x7e, 0x05 }; /* bits 101 01111110 10110001 */
	static const uint32_t threes[] = { 1, 6, 2, 7, 7, 2, 1 };
	static const uint32_t sevens[] = { 0x31, 0x7d, 0x15 };
	uint8_t byte;
	uint32_t i, v;

	(void)context;
	for (i = 0; i < 7; i++)
		assert_int_equal(snnq_weight_code(SNNQ_SCHEME_POT, 3, row, i), threes[i]);
	for (i = 0; i < 3; i++)
		assert_int_equal(snnq_weight_code(SNNQ_SCHEME_ODD, 7, row, i), sevens[i]);
	for (i = 0; i < 3; i++)
		assert_int_equal(snnq_weight_code(SNNQ_SCHEME_UNIFORM, 8, row, i), row[i]);
	for (v = 0; v < 256; v++) {
		uint32_t rest = v;

		byte = (uint8_t)v;
		for (i = 0; i < SNNQ_TERNARY_PER_BYTE; i++, rest /= 3)
			assert_int_equal(snnq_weight_code(SNNQ_SCHEME_TERNARY, 2, &byte, i),
					 rest % 3);
	}
	byte = 2 * 3 + 1;
	assert_int_equal(snnq_weight_code(SNNQ_SCHEME_TERNARY, 2, (uint8_t[]){ 9, byte }, 5), 1);
	assert_int_equal(snnq_weight_code(SNNQ_SCHEME_TERNARY, 2, (uint8_t[]){ 9, byte }, 6), 2);
}

/* The level that the encoder picks. */
static int32_t nearest(uint32_t scheme, uint32_t bits, double v)
{
	return snnq_weight_decode(scheme, bits, snnq_weight_encode(scheme, bits, v));
}

static void weight_encoding(void **context)
{
	uint32_t bits, c;

	(void)context;
	assert_int_equal(nearest(SNNQ_SCHEME_UNIFORM, 3, -100), -3); /* not -4 */
	assert_int_equal(nearest(SNNQ_SCHEME_UNIFORM, 3, 2.5), 2);   /* ties to zero */
	assert_int_equal(nearest(SNNQ_SCHEME_UNIFORM, 3, -2.5), -2);
	assert_int_equal(nearest(SNNQ_SCHEME_UNIFORM, 1, -0.01), -1);
	assert_int_equal(nearest(SNNQ_SCHEME_UNIFORM, 1, 0), 1);
	assert_int_equal(nearest(SNNQ_SCHEME_ODD, 2, 2), 1);
	assert_int_equal(nearest(SNNQ_SCHEME_ODD, 2, -9), -3);
	assert_int_equal(nearest(SNNQ_SCHEME_POT, 4, 3), 2);
	assert_int_equal(nearest(SNNQ_SCHEME_POT, 4, 3.01), 4);
	assert_int_equal(nearest(SNNQ_SCHEME_POT, 4, -0.5), 0);
	assert_int_equal(nearest(SNNQ_SCHEME_POT, 5, INFINITY), 16384);
	assert_int_equal(nearest(SNNQ_SCHEME_POT, 5, -INFINITY), -16384);
	assert_int_equal(snnq_weight_encode(SNNQ_SCHEME_POT, 5, 0), 0);
	assert_int_equal(nearest(SNNQ_SCHEME_UNIFORM, 8, NAN), 0);
	assert_int_equal(nearest(SNNQ_SCHEME_APOT, 4, 6), 4);
	assert_int_equal(nearest(SNNQ_SCHEME_APOT, 5, 1e9), 48);
	assert_int_equal(nearest(SNNQ_SCHEME_TERNARY, 2, 0.5), 0);
	assert_int_equal(nearest(SNNQ_SCHEME_TERNARY, 2, 0.51), 1);
	assert_int_equal(snnq_weight_encode(SNNQ_SCHEME_TERNARY, 2, -7), 2);
	assert_int_equal(snnq_weight_encode(SNNQ_SCHEME_TERNARY, 2, -0.2), 0);
	for (bits = 2; bits <= 5; bits++)
		for (c = 0; c < 1u << bits; c++) {
			int32_t v = snnq_weight_decode(SNNQ_SCHEME_POT, bits, c);

			assert_int_equal(nearest(SNNQ_SCHEME_POT, bits, v), v);
			v = snnq_weight_decode(SNNQ_SCHEME_APOT, bits, c);
			assert_int_equal(nearest(SNNQ_SCHEME_APOT, bits, v), v);
		}
	for (bits = 1; bits <= 8; bits++)
		for (c = 0; c < 1u << bits; c++) {
			int32_t v = snnq_weight_decode(SNNQ_SCHEME_ODD, bits, c);

			assert_int_equal(snnq_weight_encode(SNNQ_SCHEME_ODD, bits, v), c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets_and_comparison),
		cmocka_unit_test(leaks),
		cmocka_unit_test(refractory_and_skip),
		cmocka_unit_test(delays),
		cmocka_unit_test(sticky),
		cmocka_unit_test(cuba),
		cmocka_unit_test(saturation),
		cmocka_unit_test(integer_leak_is_exact),
		cmocka_unit_test(weight_codes),
		cmocka_unit_test(additive_levels),
		cmocka_unit_test(packed_codes),
		cmocka_unit_test(weight_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
