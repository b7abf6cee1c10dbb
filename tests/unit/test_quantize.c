// SPDX-License-Identifier: MIT
/*
 * test_quantize.c - grids, packing, scales and folds; and a float network, computed
 * here in doubles, against its quantized form on the engine, score by score.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/modelfile.h"
#include "quantize/paired.h"
#include "quantize/quantize.h"
#include "snnq_engine.h"

static const struct {
	uint32_t scheme, min, max;
} schemes[] = {
	{ SNNQ_SCHEME_UNIFORM, 1, 8 }, { SNNQ_SCHEME_ODD, 1, 8 },     { SNNQ_SCHEME_POT, 2, 5 },
	{ SNNQ_SCHEME_APOT, 3, 5 },    { SNNQ_SCHEME_TERNARY, 2, 2 },
};

#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

/* A small generator, the same everywhere. */
static uint64_t random_state = 1;

static double uniform(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(random_state >> 11) * 0x1p-53;
}

static double gaussian(void)
{
	return sqrt(-2 * log(1 - uniform())) * cos(2 * M_PI * uniform());
}

/* ---- grids ---- */

static void nearest_is_what_the_engine_encodes(void **state)
{
	struct grid g;

	(void)state;
	for (size_t s = 0; s < SCHEMES; s++)
		for (uint32_t bits = schemes[s].min; bits <= schemes[s].max; bits++) {
			assert_true(grid_init(&g, schemes[s].scheme, bits));
			for (int i = -600; i <= 600; i++) {
				double v = i * g.largest / 500.0;
				uint32_t code = snnq_weight_encode(schemes[s].scheme, bits, v);

				assert_int_equal(g.levels[grid_nearest(&g, v)],
						 snnq_weight_decode(schemes[s].scheme, bits, code));
			}
			for (uint32_t i = 0; i < g.count; i++) /* codes belong to levels */
				assert_int_equal(g.levels[i],
						 snnq_weight_decode(g.scheme, bits, g.codes[i]));
		}
	assert_false(grid_init(&g, SNNQ_SCHEME_UNIFORM, 9));
	assert_false(grid_init(&g, SNNQ_SCHEME_POT, 1));
	assert_false(grid_init(&g, SNNQ_SCHEME_APOT, 2));
	assert_false(grid_init(&g, SNNQ_SCHEME_APOT, 6));
	assert_false(grid_init(&g, SNNQ_SCHEME_TERNARY, 1));
	assert_false(grid_init(&g, SNNQ_SCHEME_TERNARY, 3));
	assert_false(grid_init(&g, SNNQ_SCHEME_NONE, 4));
}

static void check_exact(const double *w, size_t n, const char *scheme, uint32_t bits,
			uint32_t factor)
{
	uint32_t found;
	struct grid g;

	assert_true(grid_find_exact(w, n, &g, &found));
	assert_string_equal(grid_scheme_name(g.scheme), scheme);
	assert_int_equal(g.bits, bits);
	assert_int_equal(found, factor);
}

static void integers_find_their_smallest_grid(void **state)
{
	uint32_t factor;
	struct grid g;

	(void)state;
	check_exact((double[]){ -2, 0, 2 }, 3, "ternary", 2, 1);
	check_exact((double[]){ -4, -2, 0, 4 }, 4, "uniform", 3, 1);
	check_exact((double[]){ -50, 48, 2, 0 }, 4, "uniform", 6, 1);
	check_exact((double[]){ 1, -1 }, 2, "uniform", 1, 0);
	check_exact((double[]){ 0, 1, -16, 64 }, 4, "pot", 4, 0);
	check_exact((double[]){ 3, -1, 1 }, 3, "odd", 2, 0);
	check_exact((double[]){ 127, 1 }, 2, "odd", 7, 0);
	check_exact((double[]){ 0, 0 }, 2, "ternary", 2, 0);
	check_exact((double[]){ 4, -9, 16 }, 3, "apot", 3, 0);
	check_exact((double[]){ 24, 9, -1, 0 }, 4, "apot", 4, 0);
	check_exact((double[]){ 48, 33, -18, 0, 1 }, 5, "apot", 5, 0);
	assert_false(grid_find_exact((double[]){ 1000, 1, 0 }, 3, &g, &factor));
	assert_false(grid_find_exact((double[]){ 0.5 }, 1, &g, &factor));
	assert_false(grid_find_exact((double[]){ NAN }, 1, &g, &factor));
}

static void names_and_stored_bits(void **state)
{
	static const char *const names[] = { "none", "uniform", "odd", "pot", "apot", "ternary" };
	struct grid g;

	(void)state;
	for (uint32_t s = 0; s < 6; s++) {
		assert_string_equal(grid_scheme_name(s), names[s]);
		assert_int_equal(grid_scheme(names[s]), s);
	}
	for (size_t s = 0; s < SCHEMES; s++)
		for (uint32_t bits = schemes[s].min; bits <= schemes[s].max; bits++) {
			assert_true(grid_init(&g, schemes[s].scheme, bits));
			assert_true(grid_weight_bits(&g) ==
				    (schemes[s].scheme == SNNQ_SCHEME_TERNARY ? 1.6 : bits));
		}
	assert_true(weight_stored_bits(SNNQ_SCHEME_NONE, 16) == 16);
}

/* Bit i of row r, as numerics.md counts them. */
static uint32_t code_at(const uint8_t *rows, size_t row_bytes, size_t r, uint32_t j, uint32_t bits)
{
	uint32_t code = 0;

	for (uint32_t i = 0; i < bits; i++) {
		size_t bit = (size_t)j * bits + i;

		code |= (uint32_t)(rows[r * row_bytes + bit / 8] >> bit % 8 & 1) << i;
	}
	return code;
}

static void weights_are_packed_in_rows(void **state)
{
	const struct weight_shape s = { 6, 2, 3, 2, 2 }; /* out, in/group, kh, kw, groups */
	size_t n = weight_count(&s), row_bytes = (3 * 5 + 7) / 8;
	uint8_t indices[72], packed[48] = { 0 };
	struct grid g;

	(void)state;
	assert_int_equal(n, 72);
	grid_init(&g, SNNQ_SCHEME_UNIFORM, 5);
	assert_int_equal(weight_packed_bytes(&s, &g), 48);
	for (size_t i = 0; i < n; i++)
		indices[i] = (uint8_t)(i * 7 % g.count);
	weight_pack(&s, &g, indices, packed);
	for (uint32_t o = 0; o < 6; o++)
		for (uint32_t i = 0; i < 2; i++)
			for (uint32_t y = 0; y < 3; y++)
				for (uint32_t x = 0; x < 2; x++) {
					size_t row = ((o / 3 * 3 + y) * 2 + x) * 2 + i;
					uint32_t code = code_at(packed, row_bytes, row, o % 3, 5);
					size_t at = ((o * 2 + i) * 3 + y) * 2 + x;

					assert_int_equal(code, g.codes[indices[at]]);
				}
}

/* Every grid: the levels of packed rows, as the engine reads them, are those that went in. */
static void packed_rows_hold_their_levels(void **state)
{
	const struct weight_shape s = { 26, 3, 1, 2, 2 }; /* 13 weights in a row */
	uint8_t indices[156], packed[12 * 13];
	struct grid g;

	(void)state;
	for (size_t c = 0; c < SCHEMES; c++)
		for (uint32_t bits = schemes[c].min; bits <= schemes[c].max; bits++) {
			uint32_t row_bytes, zeros = 0;

			grid_init(&g, schemes[c].scheme, bits);
			row_bytes = g.scheme == SNNQ_SCHEME_TERNARY ? 3 : (13 * bits + 7) / 8;
			assert_int_equal(weight_packed_bytes(&s, &g), 12 * row_bytes);
			memset(packed, 0, sizeof(packed));
			for (size_t i = 0; i < 156; i++) {
				indices[i] = (uint8_t)(uniform() * g.count);
				zeros += !g.levels[indices[i]];
			}
			weight_pack(&s, &g, indices, packed);
			for (uint32_t i = 0; i < 156; i++) { /* [out][in][1][2] */
				uint32_t o = i / 6, row = (o / 13 * 2 + i % 2) * 3 + i / 2 % 3;
				uint32_t code = snnq_weight_code(g.scheme, bits,
								 packed + row * row_bytes, o % 13);

				assert_int_equal(snnq_weight_decode(g.scheme, bits, code),
						 g.levels[indices[i]]);
			}
			assert_int_equal(weight_zeros(g.scheme, bits, packed, 12, 13), zeros);
		}
}

/* ---- scales ---- */

/* Weights of @out outputs, the caller's to set; rounded by sqnr(). */
struct trial {
	struct rounding r;
	float *weights;
};

static struct trial trial_of(uint32_t scheme, uint32_t bits, uint32_t out, uint32_t in)
{
	struct trial t = { .r = { .shape = { out, in, 1, 1, 1 } } };

	assert_true(grid_init(&t.r.grid, scheme, bits));
	t.weights = malloc(sizeof(*t.weights) * out * in);
	t.r.weights = t.weights;
	return t;
}

static double sqnr(struct trial *t)
{
	static const double smallest[64];
	const struct rounding *r = &t->r;
	double signal = 0, noise = 0;

	assert_int_equal(rounding_run(&t->r, smallest), 0);
	for (uint32_t i = 0; i < r->shape.outputs * r->shape.inputs; i++) {
		double h = r->importance ? r->importance[i % r->shape.inputs] : 1;
		double e = r->weights[i] -
			   r->scales[i / r->shape.inputs] * r->grid.levels[r->indices[i]];

		signal += h * r->weights[i] * r->weights[i];
		noise += h * e * e;
	}
	return 10 * log10(signal / noise);
}

static void trial_free(struct trial *t)
{
	free(t->weights);
	free(t->r.scales);
	free(t->r.indices);
}

static void weights_on_a_grid_lose_nothing(void **state)
{
	(void)state;
	for (size_t s = 0; s < SCHEMES; s++)
		for (uint32_t bits = schemes[s].min; bits <= schemes[s].max; bits++) {
			struct trial r = trial_of(schemes[s].scheme, bits, 3, 40);

			for (uint32_t i = 0; i < 120; i++) /* the largest level is not used */
				r.weights[i] = 0.375f * (1 + i / 40) *
					       r.r.grid.levels[1 + i * 5 % (r.r.grid.count - 1)];
			assert_true(sqnr(&r) > 120);
			trial_free(&r);
		}
}

/* Published optimum for Gaussian weights (design notes; Max 1960 for the uniform ones). */
static void gaussian_weights_reach_the_best_sqnr(void **state)
{
	static const struct {
		uint32_t scheme, bits;
		double db;
	} cases[] = {
		{ SNNQ_SCHEME_UNIFORM, 2, 7.21 },  { SNNQ_SCHEME_UNIFORM, 3, 13.29 },
		{ SNNQ_SCHEME_UNIFORM, 4, 18.90 }, { SNNQ_SCHEME_UNIFORM, 5, 24.32 },
		{ SNNQ_SCHEME_ODD, 1, 4.40 },	   { SNNQ_SCHEME_ODD, 3, 14.27 },
		{ SNNQ_SCHEME_ODD, 4, 19.38 },	   { SNNQ_SCHEME_POT, 3, 13.23 },
		{ SNNQ_SCHEME_POT, 4, 14.23 },	   { SNNQ_SCHEME_APOT, 3, 13.52 },
		{ SNNQ_SCHEME_APOT, 4, 18.06 },	   { SNNQ_SCHEME_APOT, 5, 22.21 },
		{ SNNQ_SCHEME_TERNARY, 2, 7.21 },
	};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct trial r = trial_of(cases[c].scheme, cases[c].bits, 1, 60000);
		double got;

		for (uint32_t i = 0; i < 60000; i++)
			r.weights[i] = (float)gaussian();
		got = sqnr(&r);
		if (fabs(got - cases[c].db) > 0.15)
			fail_msg("scheme %u, %u bits: %.2f dB, expected %.2f", cases[c].scheme,
				 cases[c].bits, got, cases[c].db);
		trial_free(&r);
	}
}

static void inputs_that_never_fire_do_not_count(void **state)
{
	double importance[40];
	struct trial r = trial_of(SNNQ_SCHEME_UNIFORM, 3, 1, 40);

	(void)state;
	for (int i = 0; i < 40; i++) {
		importance[i] = i < 20;
		r.weights[i] = i < 20 ? 0.5f * (float)(i % 7 - 3) : 1000; /* silent and huge */
	}
	r.r.importance = importance;
	assert_true(sqnr(&r) > 120);
	assert_float_equal(r.r.scales[0], 0.5, 1e-6);
	trial_free(&r);
}

/* A scale has a bound from below, above which rows keep theirs. */
static void scales_have_a_lower_bound(void **state)
{
	(void)state;
	for (int one_scale = 0; one_scale < 2; one_scale++) {
		double smallest[3] = { 0.01, 2, 0.01 };
		struct trial t = trial_of(SNNQ_SCHEME_UNIFORM, 4, 3, 30);

		smallest[0] = one_scale ? 2 : 0.01;
		for (int i = 0; i < 90; i++)
			t.weights[i] = 0.5f * (float)(i % 15 - 7);
		t.r.one_scale = one_scale;
		assert_int_equal(rounding_run(&t.r, smallest), 0);
		for (int o = 0; o < 3; o++)
			assert_float_equal(t.r.scales[o], one_scale || o == 1 ? 2 : 0.5, 1e-6);
		for (int i = 30; i < 60; i++) /* the nearest levels of the scale that was taken */
			assert_true(fabs(t.weights[i] - 2.0 * t.r.grid.levels[t.r.indices[i]]) <=
				    1);
		trial_free(&t);
	}
}

/* ---- losses ---- */

/* Against libm: the judge has functions of its own, the same on every machine. */
static void divergence_is_that_of_softmax(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		double is[7], other[7], t = exp(4 * uniform() - 2), p = 0, q = 0, want = 0, got;
		uint32_t n = 2 + (uint32_t)(uniform() * 6);

		for (uint32_t i = 0; i < n; i++) {
			is[i] = 8 * gaussian();
			other[i] = is[i] + (round % 3 ? 3 * gaussian() : 0.1 * gaussian());
			p += exp(is[i] / t);
			q += exp(other[i] / t);
		}
		for (uint32_t i = 0; i < n; i++)
			want += exp(is[i] / t) / p * ((is[i] - other[i]) / t - log(p) + log(q));
		got = judge_divergence(is, other, n, t);
		if (fabs(got - want) > 1e-12 * (1 + 8 / t))
			fail_msg("%u classes at %g: %.17g, expected %.17g", n, t, got, want);
		assert_true(judge_divergence(is, is, n, t) < 1e-14);
	}
}

static void temperature_is_the_spread_of_scores(void **state)
{
	double scores[3][4], sum = 0;
	struct floatnet_record records[3] = { { .scores = scores[0] },
					      { .scores = scores[1] },
					      { .scores = scores[2] } };

	(void)state;
	for (int r = 0; r < 3; r++) {
		double mean = 0;

		for (int c = 0; c < 4; c++) {
			scores[r][c] = 100 * r + 20 * gaussian();
			mean += scores[r][c] / 4;
		}
		for (int c = 0; c < 4; c++)
			sum += (scores[r][c] - mean) * (scores[r][c] - mean);
	}
	assert_float_equal(judge_temperature(records, 3, 4), sqrt(sum / 12), 1e-12 * sqrt(sum));
	for (int c = 0; c < 4; c++)
		scores[0][c] = 5;
	assert_float_equal(judge_temperature(records, 1, 4), 1, 0); /* nothing to divide by */
}

/* ---- folds ---- */

static void folds_choose_their_fraction_bits(void **state)
{
	const double unit[2] = { 0.5, 0.25 }, t[2] = { 10, 10.01 }, b[2] = { -1, 2 };
	struct folding f = {
		.path = "m", .layer = "l", .channels = 2, .unit = unit, .thresholds = t, .biases = b
	};

	(void)state;
	assert_int_equal(folding_run(&f), 0);
	assert_int_equal(f.shift, 4);
	assert_int_equal(f.threshold_out[0], 320);
	assert_int_equal(f.threshold_out[1], 641); /* 640.64 */
	assert_int_equal(f.bias_out[0], -32);
	assert_int_equal(f.bias_out[1], 128);
	free(f.threshold_out);
	free(f.bias_out);
	/* small thresholds take more, large ones fewer bits */
	f.unit = (double[]){ 200, 100 };
	assert_int_equal(folding_run(&f), 0);
	assert_int_equal(f.shift, 5);
	free(f.threshold_out);
	free(f.bias_out);
	f.unit = (double[]){ 0.001, 0.001 };
	assert_int_equal(folding_run(&f), 0);
	assert_int_equal(f.shift, 1);
	assert_int_equal(f.threshold_out[0], 20000);
	free(f.threshold_out);
	free(f.bias_out);
	/* none is cut */
	f.exact = true;
	f.unit = (double[]){ 0x1.3p-26, 0x1.3p-26 };
	assert_int_equal(folding_run(&f), 0);
	assert_int_equal(f.shift, 0);
	assert_int_equal(f.threshold_out[1], rint(10.01 / 0x1.3p-26));
	free(f.threshold_out);
	free(f.bias_out);
}

/* Fewer fraction bits only while the smallest threshold keeps six bits. */
static void folds_keep_small_thresholds(void **state)
{
	static const struct {
		double smallest, largest;
		uint32_t shift;
	} cases[] = {
		{ 10, 5000, 3 }, /* 80, where one bit less gives 40 */
		{ 8, 5000, 3 },	 /* 64 is enough */
		{ 7.9, 5000, 4 }, { 20, 5000, 2 },  { 20, 2000, 4 },   { 20, 2048, 3 },
		{ 64, 70000, 0 }, { 63, 70000, 1 }, { 0.1, 70000, 4 }, { 0.05, 1, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double t[2] = { cases[i].smallest, cases[i].largest }, unit[2] = { 1, 1 };
		struct folding f = {
			.path = "m", .layer = "l", .channels = 2, .unit = unit, .thresholds = t
		};

		assert_int_equal(folding_run(&f), 0);
		assert_int_equal(f.shift, cases[i].shift);
		for (int c = 0; c < 2; c++)
			assert_int_equal(f.threshold_out[c], lrint(ldexp(t[c], (int)f.shift)));
		free(f.threshold_out);
		free(f.bias_out);
	}
}

static void folds_of_plain_counts_are_exact(void **state)
{
	const double unit[1] = { 1 };
	struct folding f = {
		.path = "m", .layer = "attn", .channels = 1, .unit = unit, .exact = true
	};

	(void)state;
	f.thresholds = (double[]){ 4 };
	assert_int_equal(folding_run(&f), 0);
	assert_int_equal(f.shift, 0);
	assert_int_equal(f.threshold_out[0], 4);
	free(f.threshold_out);
	free(f.bias_out);
	f.thresholds = (double[]){ 2.25 };
	assert_int_equal(folding_run(&f), 0);
	assert_int_equal(f.shift, 2);
	assert_int_equal(f.threshold_out[0], 9);
	free(f.threshold_out);
	free(f.bias_out);
}

static void thresholds_below_one_are_refused_by_channel(void **state)
{
	struct folding f = { .path = "m.snnq",
			     .layer = "fc",
			     .channels = 2,
			     .unit = (double[]){ 1, 1000 },
			     .thresholds = (double[]){ 1, 1 } };

	(void)state;
	assert_int_equal(folding_run(&f), -ERANGE);
	assert_non_null(strstr(snnq_last_error(NULL), "m.snnq: layer fc: channel 1: threshold 1"));
	free(f.threshold_out);
	free(f.bias_out);
}

/* ---- a network ---- */

#define SIDE	4
#define INPUTS	(2 * SIDE * SIDE)
#define HIDDEN	12
#define CLASSES 3
#define STEPS	6

static const char graph_text[] =
	"{\"format\":\"snnq\",\"version\":1,\"arithmetic\":\"float\",\"name\":\"tiny\","
	"\"x-kept\":{\"unknown\":[1]},"
	"\"input\":{\"width\":4,\"height\":4,\"polarities\":2,\"on_channel\":1,\"layout\":\"flat\","
	"\"planes\":2,\"binning\":\"duration\",\"steps\":6,\"step_us\":1000,\"rounding\":\"floor\","
	"\"origin\":\"zero\"},\"layers\":["
	"{\"name\":\"fc\",\"op\":\"linear\",\"inputs\":[\"input\"],\"out_channels\":12,"
	"\"weight\":{\"tensor\":\"fc.weight\",\"scheme\":\"float\"},\"bias\":\"fc.bias\","
	"\"neuron\":{\"model\":\"lif\",\"leak\":{\"kind\":\"div\",\"n\":2},\"compare\":\"ge\","
	"\"reset\":\"hard\",\"threshold\":\"fc.threshold\"}},"
	"{\"name\":\"head\",\"op\":\"linear\",\"inputs\":[\"fc\"],\"out_channels\":3,"
	"\"weight\":{\"tensor\":\"head.weight\",\"scheme\":\"float\"},\"bias\":\"head.bias\","
	"\"neuron\":{\"model\":\"none\"}}],"
	"\"readout\":{\"input\":\"head\",\"mode\":\"sum\",\"scale\":0.5}}";

/* Parameters on grids: everything that is folded comes out exact. */
struct tiny {
	float w1[HIDDEN][INPUTS], b1[HIDDEN], t1[HIDDEN], w2[CLASSES][HIDDEN], b2[CLASSES];
};

static void tiny_fill(struct tiny *n)
{
	for (int o = 0; o < HIDDEN; o++) {
		float scale = 0.125f * (float)(1 + o % 3);

		for (int i = 0; i < INPUTS; i++)
			n->w1[o][i] = scale * (float)((int)(uniform() * 15) - 7);
		n->w1[o][0] = scale * 7;
		n->b1[o] = scale * (float)((int)(uniform() * 64) - 32) / 16;
		n->t1[o] = scale * (40 + (float)o) / 16 * 4;
	}
	for (int c = 0; c < CLASSES; c++) {
		for (int i = 0; i < HIDDEN; i++)
			n->w2[c][i] = 0.5f * (float)((int)(uniform() * 15) - 7);
		n->b2[c] = 0.5f * (float)(c - 1) / 4;
	}
	n->w2[0][0] = 3.5f;
}

static void tiny_write(const struct tiny *n, const char *path)
{
	struct modelfile *f;

	assert_int_equal(modelfile_new(cJSON_Parse(graph_text), &f), 0);
	assert_int_equal(modelfile_add(f, "fc.weight", DTYPE_F32, 2, (uint64_t[]){ HIDDEN, INPUTS },
				       n->w1),
			 0);
	assert_int_equal(modelfile_add(f, "fc.bias", DTYPE_F32, 1, (uint64_t[]){ HIDDEN }, n->b1),
			 0);
	assert_int_equal(
		modelfile_add(f, "fc.threshold", DTYPE_F32, 1, (uint64_t[]){ HIDDEN }, n->t1), 0);
	assert_int_equal(modelfile_add(f, "head.weight", DTYPE_F32, 2,
				       (uint64_t[]){ CLASSES, HIDDEN }, n->w2),
			 0);
	assert_int_equal(
		modelfile_add(f, "head.bias", DTYPE_F32, 1, (uint64_t[]){ CLASSES }, n->b2), 0);
	assert_int_equal(modelfile_write(f, path), 0);
	modelfile_free(f);
}

/* The real recursion in doubles: u = u / 2 + W x + b; fire at the threshold. */
static void tiny_run(const struct tiny *n, double x[STEPS][INPUTS], double scores[CLASSES],
		     unsigned int *spikes)
{
	double u[HIDDEN] = { 0 };

	for (int t = 0; t < STEPS; t++)
		for (int o = 0; o < HIDDEN; o++) {
			u[o] = u[o] / 2 + n->b1[o];
			for (int i = 0; i < INPUTS; i++)
				u[o] += n->w1[o][i] * x[t][i];
			if (u[o] < n->t1[o])
				continue;
			u[o] = 0;
			++*spikes;
			for (int c = 0; c < CLASSES; c++)
				scores[c] += n->w2[c][o];
		}
	for (int c = 0; c < CLASSES; c++)
		scores[c] = 0.5 * (scores[c] + STEPS * n->b2[c]);
}

static struct snnq_events *tiny_events(double x[STEPS][INPUTS])
{
	struct snnq_event e[60] = { { 0 } };
	struct snnq_events *events;

	memset(x, 0, sizeof(double) * STEPS * INPUTS);
	for (int i = 0; i < 60; i++) {
		int t = i * STEPS / 60, c;

		e[i] = (struct snnq_event){ .t = t * 1000 + i,
					    .x = (uint16_t)(uniform() * SIDE),
					    .y = (uint16_t)(uniform() * SIDE),
					    .p = uniform() < 0.5 };
		c = (e[i].p * SIDE + e[i].y) * SIDE + e[i].x;
		x[t][c] = fmin(x[t][c] + 1, 3); /* two planes */
	}
	assert_int_equal(snnq_events_from_array(e, 60, &events), 0);
	return events;
}

static void quantize_tiny(const char *in, const char *out)
{
	const struct snnq_layer_choice choices[] = {
		{ NULL, "uniform", 8 },
		{ "fc", "uniform", 4 },
		{ "head", "uniform", 4 },
	};

	if (snnq_quantize(in, out,
			  SNNQ_OPTS(struct snnq_quantize_opts, .choices = choices,
				    .choice_count = 3)))
		fail_msg("%s", snnq_last_error(NULL));
}

static void a_network_on_its_grid_computes_the_same(void **state)
{
	char in[] = "/tmp/snnq-float-XXXXXX", out[] = "/tmp/snnq-int-XXXXXX";
	struct snnq_device *dev;
	struct snnq_model *model;
	struct snnq_stream *stream;
	struct snnq_result result;
	double x[STEPS][INPUTS];
	unsigned int spikes = 0;
	struct tiny n;

	(void)state;
	close(mkstemp(in));
	close(mkstemp(out));
	tiny_fill(&n);
	tiny_write(&n, in);
	quantize_tiny(in, out);
	assert_int_equal(snnq_open("sim", NULL, &dev), 0);
	assert_int_equal(snnq_model_load(dev, out, NULL, &model), 0);
	assert_int_equal(snnq_stream_create(model, NULL, &stream), 0);
	for (int round = 0; round < 40; round++) {
		struct snnq_events *events = tiny_events(x);
		double scores[CLASSES] = { 0 };

		tiny_run(&n, x, scores, &spikes);
		assert_int_equal(snnq_stream_push_events(stream, events, &result), 1);
		for (int c = 0; c < CLASSES; c++)
			assert_float_equal(result.scores[c] * result.scale, scores[c], 1e-6);
		snnq_events_close(events);
	}
	assert_in_range(spikes, 40 * STEPS * HIDDEN / 20, 40 * STEPS * HIDDEN * 3 / 4);
	snnq_stream_destroy(stream);
	snnq_model_destroy(model);
	snnq_close(dev);
	unlink(in);
	unlink(out);
}

static void quantize_keeps_and_records(void **state)
{
	char in[] = "/tmp/snnq-float-XXXXXX", out[] = "/tmp/snnq-int-XXXXXX";
	struct modelfile *f;
	struct tiny n;
	const cJSON *q;

	(void)state;
	close(mkstemp(in));
	close(mkstemp(out));
	tiny_fill(&n);
	tiny_write(&n, in);
	quantize_tiny(in, out);
	assert_int_equal(modelfile_open(out, &f), 0);
	assert_non_null(cJSON_GetObjectItem(f->graph, "x-kept"));
	q = cJSON_GetObjectItem(f->graph, "quantization");
	assert_string_equal(cJSON_GetObjectItem(q, "method")->valuestring, "round");
	/* the short form: one tensor each for weights and for small integers */
	assert_true(modelfile_find(f, "weights")->bytes > INPUTS * HIDDEN / 2);
	assert_int_equal(modelfile_find(f, "numbers")->dtype, DTYPE_I16);
	assert_null(modelfile_find(f, "fc.weight"));
	assert_null(modelfile_find(f, "fc.scale"));
	modelfile_free(f);
	/* an integer model is not quantized again, and choices must name layers */
	assert_int_equal(snnq_quantize(out, in, SNNQ_OPTS(struct snnq_quantize_opts)), -EBADMSG);
	tiny_write(&n, in);
	assert_int_equal(snnq_quantize(in, out, SNNQ_OPTS(struct snnq_quantize_opts)), -EINVAL);
	assert_non_null(strstr(snnq_last_error(NULL), "layer fc (linear): no scheme"));
	assert_int_equal(
		snnq_quantize(
			in, out,
			SNNQ_OPTS(struct snnq_quantize_opts,
				  .choices = (struct snnq_layer_choice[]){ { "fd", "uniform", 4 } },
				  .choice_count = 1)),
		-EINVAL);
	assert_non_null(strstr(snnq_last_error(NULL), "no layer with weights is named \"fd\""));
	unlink(in);
	unlink(out);
}

/* What a caller gives that is missing, is no number, or has no use with the method. */
static void calls_without_sense_are_refused(void **state)
{
	char in[] = "/tmp/snnq-float-XXXXXX";
	const char *const list[] = { "/nowhere/a", "/nowhere/b" };
	const struct snnq_layer_choice grid = { NULL, "uniform", 4 };
	char *text = NULL;
	struct tiny n;

#define OPTS(...) \
	SNNQ_OPTS(struct snnq_quantize_opts, .choices = &grid, .choice_count = 1, __VA_ARGS__)
#define SEARCH		  .method = SNNQ_QUANTIZE_SEARCH, .calibration = list, .calibration_count = 2
#define COMPENSATE	  .method = SNNQ_QUANTIZE_COMPENSATE, .calibration = list, .calibration_count = 2
#define REFUSED(out, ...) assert_int_equal(snnq_quantize(in, out, OPTS(__VA_ARGS__)), -EINVAL)
	(void)state;
	close(mkstemp(in));
	tiny_fill(&n);
	tiny_write(&n, in);
	REFUSED(NULL, .method = SNNQ_QUANTIZE_ROUND);
	REFUSED(NULL, COMPENSATE);
	REFUSED(NULL, SEARCH, .target_bits = 4);
	REFUSED(NULL, SEARCH, .shard = 1, .shards = 1);
	REFUSED("q", SEARCH, .shard = 2, .shards = 1, .journal = "j");
	REFUSED("q", SEARCH, .shard = 0, .shards = 1, .journal = "j");
	REFUSED("q", SEARCH, .shard = 1, .journal = "j");
	REFUSED("q", SEARCH, .shard = 1, .shards = 1, .journal = "j", .target_bits = 4);
	REFUSED("q", SEARCH, .target_bits = NAN);
	REFUSED("q", SEARCH, .target_bits = -1);
	REFUSED("q", SEARCH, .target_bits = 4, .target_energy = INFINITY);
	REFUSED("q", SEARCH, .target_bytes = UINT64_MAX);
	REFUSED("q", SEARCH, .limit_drop = true, .max_drop = 1.5);
	REFUSED("q", SEARCH, .limit_drop = true, .max_drop = NAN);
	REFUSED("q", SEARCH, .target_bits = 4, .also_count = 1);
	REFUSED("q", SEARCH, .target_bits = 4, .merge_count = 1, .journal = "j");
	REFUSED("q", SEARCH, .target_bits = 4, .check_count = 1);
	REFUSED("q", .method = SNNQ_QUANTIZE_SEARCH, .calibration_count = 2, .target_bits = 4);
	REFUSED("q", .method = (enum snnq_quantize_method)3);
	/* nor is what only a search uses ignored by other methods */
	REFUSED("q", .target_energy = 4); /* of no recordings */
	assert_int_equal(snnq_quantize(in, "q", OPTS(.target_bits = 3.9)), -EDOM);
	assert_int_equal(snnq_quantize(in, "q", OPTS(.target_bytes = 9)), -EDOM);
	REFUSED("q", COMPENSATE, .limit_drop = true);
	REFUSED("q", COMPENSATE, .schemes = "uniform");
	REFUSED("q", COMPENSATE, .journal = "j");
	REFUSED("q", COMPENSATE, .shard = 1, .shards = 1, .journal = "j");
	REFUSED("q", COMPENSATE, .also_count = 1);
	REFUSED("q", COMPENSATE, .result = &text);
	assert_int_equal(snnq_quantize(in, "q", NULL), -EINVAL);
	assert_int_equal(snnq_quantize(NULL, "q", OPTS(.threads = 1)), -EINVAL);
	assert_int_equal(access("q", F_OK), -1);
	unlink(in);
}

/* ---- paired comparisons ---- */

/* Published: Clopper & Pearson 1934 for 3 of 10, and the rule of three's exact form for none. */
static void intervals_are_those_of_clopper_and_pearson(void **state)
{
	(void)state;
	assert_float_equal(paired_least(3, 10, 0.025), 0.06673951, 1e-7);
	assert_float_equal(paired_most(3, 10, 0.025), 0.65245285, 1e-7);
	for (uint32_t n = 1; n < 400; n += 13) {
		assert_float_equal(paired_most(0, n, 0.05), 1 - pow(0.05, 1.0 / n), 1e-12);
		assert_float_equal(paired_least(n, n, 0.05), pow(0.05, 1.0 / n), 1e-12);
		assert_float_equal(paired_least(0, n, 0.05), 0, 0);
		assert_float_equal(paired_most(n, n, 0.05), 1, 0);
	}
	assert_in_range(1e6 * paired_most(5000, 100000, 0.025), 51366, 51381);
}

static void differences_have_their_error(void **state)
{
	const double a[] = { 1, 2, 3, 4 }, b[] = { 1.5, 2.5, 3.5, 4.5 }, c[] = { 0, 3, 2, 5 };
	struct paired p = paired_difference(a, c, 4);

	(void)state;
	assert_float_equal(p.mean, 0, 0);
	assert_float_equal(p.error, sqrt(4 / 3.0 / 4), 1e-15);
	p = paired_difference(a, NULL, 4);
	assert_float_equal(p.mean, 2.5, 0);
	assert_float_equal(p.error, sqrt(5 / 3.0 / 4), 1e-15);
	assert_true(paired_less(a, b, 4, 2)); /* always less */
	assert_false(paired_less(b, a, 4, 2));
	assert_false(paired_less(a, a, 4, 2));
	assert_false(paired_less(a, c, 4, 2));
	assert_false(paired_less(a, b, 1, 2)); /* one recording tells nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearest_is_what_the_engine_encodes),
		cmocka_unit_test(integers_find_their_smallest_grid),
		cmocka_unit_test(names_and_stored_bits),
		cmocka_unit_test(weights_are_packed_in_rows),
		cmocka_unit_test(packed_rows_hold_their_levels),
		cmocka_unit_test(weights_on_a_grid_lose_nothing),
		cmocka_unit_test(gaussian_weights_reach_the_best_sqnr),
		cmocka_unit_test(inputs_that_never_fire_do_not_count),
		cmocka_unit_test(scales_have_a_lower_bound),
		cmocka_unit_test(divergence_is_that_of_softmax),
		cmocka_unit_test(temperature_is_the_spread_of_scores),
		cmocka_unit_test(folds_choose_their_fraction_bits),
		cmocka_unit_test(folds_keep_small_thresholds),
		cmocka_unit_test(folds_of_plain_counts_are_exact),
		cmocka_unit_test(thresholds_below_one_are_refused_by_channel),
		cmocka_unit_test(a_network_on_its_grid_computes_the_same),
		cmocka_unit_test(quantize_keeps_and_records),
		cmocka_unit_test(calls_without_sense_are_refused),
		cmocka_unit_test(intervals_are_those_of_clopper_and_pearson),
		cmocka_unit_test(differences_have_their_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
