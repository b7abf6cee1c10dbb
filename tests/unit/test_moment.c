// SPDX-License-Identifier: MIT
/*
 * test_moment.c - patches, their moments and factors against slow and plain computations.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quantize/quantize.h"
#include "scene.h"
#include "snnq_engine.h"

/* Input k of a patch, by the definition of the window. */
static uint32_t window_value(const struct scene *s, const struct place *p, uint32_t step,
			     uint32_t k)
{
	const struct snnq_geometry *g = &s->source.geometry;
	uint32_t kx = k % g->kernel_w, ky = k / g->kernel_w % g->kernel_h;
	uint32_t channel = s->source.group * s->shape.inputs + k / (g->kernel_w * g->kernel_h);
	int64_t y = (int64_t)p->y * g->stride_h + ky * g->dilation_h - g->pad_h;
	int64_t x = (int64_t)p->x * g->stride_w + kx * g->dilation_w - g->pad_w;

	if (y < 0 || x < 0 || y >= s->in.height || x >= s->in.width)
		return 0;
	return scene_value(s, p->recording, step, y, x, channel);
}

static void patches_are_the_windows(void **state)
{
	static const uint32_t channels[] = { 2, 20, 128, 140 };

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct scene s;
		struct patches p;
		uint32_t *values;

		scene_open(&s, channels[i % 4], 1 + i % 3, i / 4);
		assert_int_equal(patches_collect(&s.source, SIZE_MAX, &p), 0);
		assert_int_equal(p.place_count, SCENE_RECORDINGS * 15);
		values = scene_dense(&p);
		for (size_t m = 0; m < patch_count(&p); m++)
			for (uint32_t k = 0; k < p.inputs; k++)
				assert_int_equal(values[m * p.inputs + k],
						 window_value(&s, &p.places[m / SCENE_STEPS],
							      m % SCENE_STEPS, k));
		free(values);
		patches_free(&p);
		scene_close(&s);
	}
}

static void fewer_patches_come_from_everywhere(void **state)
{
	enum { MANY = 40, MOST = MANY * 15 * SCENE_STEPS / 3 };
	const uint64_t *slots[MANY];
	uint32_t seen[15] = { 0 };
	struct scene s;
	struct patches p;

	(void)state;
	scene_open(&s, 4, 1, 0);
	for (int i = 0; i < MANY; i++)
		slots[i] = s.slots[i % SCENE_RECORDINGS];
	s.source.recordings = MANY;
	s.source.slots = slots;
	assert_int_equal(patches_collect(&s.source, MOST, &p), 0);
	assert_true(patch_count(&p) <= MOST + SCENE_STEPS && patch_count(&p) > MOST / 2);
	for (uint32_t i = 0; i < p.place_count; i++)
		seen[p.places[i].y * 5 + p.places[i].x]++;
	for (int i = 0; i < 15; i++) /* all positions equally often */
		assert_in_range(seen[i], p.place_count / 15, p.place_count / 15 + 1);
	patches_free(&p);
	scene_close(&s);
}

/* ---- moments ---- */

static void moments_are_covariances_and_factors_multiply_back(void **state)
{
	(void)state;
	for (uint32_t planes = 1; planes <= 3; planes++) {
		struct scene s;
		struct patches p;
		struct moment m, again;
		uint32_t *values, n;
		double count, *d;

		scene_open(&s, 22, planes, 1);
		assert_int_equal(patches_collect(&s.source, SIZE_MAX, &p), 0);
		assert_int_equal(moment_compute(&p, NULL, 1, &m), 0);
		assert_int_equal(moment_compute(&p, NULL, 3, &again), 0);
		n = m.inputs;
		count = (double)patch_count(&p);
		values = scene_dense(&p);
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t j = 0; j < n; j++) {
				double sum = 0, a = 0, b = 0, want;

				for (size_t k = 0; k < patch_count(&p); k++) {
					sum += (double)values[k * n + i] * values[k * n + j];
					a += values[k * n + i];
					b += values[k * n + j];
				}
				want = sum / count - a / count * (b / count);
				if (i == j) { /* damped: by the same for all */
					assert_float_equal(m.square[i], sum / count, 1e-12);
					want += m.h[0] - (m.square[0] - m.mean[0] * m.mean[0]);
				}
				assert_float_equal(m.h[i * n + j], want, 1e-9);
			}
		assert_memory_equal(m.h, again.h, (size_t)n * n * sizeof(double));
		for (uint32_t q = 0; q < n; q++)
			assert_memory_equal(m.feedback + (size_t)q * n,
					    again.feedback + (size_t)q * n, q * sizeof(double));
		/* (I + A) D (I + A)^T = h, in the order of rounding */
		d = calloc(n, sizeof(*d));
		for (uint32_t q = n; q-- > 0;) {
			d[q] = m.h[m.order[q] * n + m.order[q]];
			for (uint32_t r = q + 1; r < n; r++)
				d[q] -= d[r] * m.feedback[r * n + q] * m.feedback[r * n + q];
			assert_true(d[q] > 0);
		}
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t j = 0; j <= i; j++) {
				double sum = 0;

				for (uint32_t q = i; q < n; q++)
					sum += d[q] * (q == i ? 1 : m.feedback[q * n + i]) *
					       (q == j ? 1 : m.feedback[q * n + j]);
				assert_float_equal(sum, m.h[m.order[i] * n + m.order[j]], 1e-9);
			}
		free(d);
		free(values);
		moment_free(&m);
		moment_free(&again);
		patches_free(&p);
		scene_close(&s);
	}
}

static const struct {
	struct snnq_neuron neuron;
	double leak, current_leak; /* shares left; 0: no current */
} rememberers[] = {
	{ { .model = SNNQ_NEURON_LIF, .leak = SNNQ_LEAK_DIVN, .leak_param = 2 }, 1. / 2, 0 },
	{ { .model = SNNQ_NEURON_LIF, .leak = SNNQ_LEAK_Q16, .leak_param = 60000 },
	  60000 / 65536.,
	  0 },
	{ { .model = SNNQ_NEURON_LIF, .leak = SNNQ_LEAK_NONE }, 1, 0 },
	{ { .model = SNNQ_NEURON_CUBA,
	    .leak = SNNQ_LEAK_TZ12,
	    .leak_param = 1024,
	    .current_leak = SNNQ_LEAK_DIVN,
	    .current_leak_param = 4 },
	  3. / 4,
	  1. / 4 },
	{ { .model = SNNQ_NEURON_CUBA,
	    .leak = SNNQ_LEAK_DIVN,
	    .leak_param = 2,
	    .current_leak = SNNQ_LEAK_TZ12,
	    .current_leak_param = 2048,
	    .flags = SNNQ_NEURON_FLAG_OLD_CURRENT },
	  1. / 2,
	  1. / 2 },
};

/* [patches][inputs] of what membranes of @which hold, in real numbers. */
static double *real_traces(const struct patches *p, size_t which)
{
	double *traces = calloc(patch_count(p) * p->inputs, sizeof(*traces));
	uint32_t *values = scene_dense(p), n = p->inputs;
	bool old = rememberers[which].neuron.flags & SNNQ_NEURON_FLAG_OLD_CURRENT;

	for (uint32_t k = 0; k < n; k++) {
		double u = 0, i = 0;

		for (size_t m = 0; m < patch_count(p); m++) {
			double drive = values[m * n + k], before;

			if (m % p->steps == 0)
				u = i = 0;
			before = i;
			i = i * rememberers[which].current_leak + drive;
			u = u * rememberers[which].leak + (old ? before : i);
			traces[m * n + k] = u;
		}
	}
	free(values);
	return traces;
}

static void moments_of_traces_are_those_of_membranes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rememberers) / sizeof(rememberers[0]); i++) {
		double *traces, scale = 0, of_traces = 0, of_inputs = 0;
		struct moment m, plain;
		struct scene s;
		struct patches p;
		uint32_t n;

		scene_open(&s, 6, 1 + i % 2, 1);
		assert_int_equal(patches_collect(&s.source, SIZE_MAX, &p), 0);
		assert_int_equal(moment_compute(&p, NULL, 1, &plain), 0);
		assert_int_equal(
			moment_compute(&p, &(struct moment_how){ .traces = &rememberers[i].neuron },
				       2, &m),
			0);
		n = m.inputs;
		assert_memory_equal(m.mean, plain.mean, n * sizeof(double));
		assert_memory_equal(m.square, plain.square, n * sizeof(double));
		traces = real_traces(&p, i);
		/* Off the diagonal, which is damped; h may be in any unit. */
		for (int pass = 0; pass < 2; pass++)
			for (uint32_t k = 0; k < n; k++)
				for (uint32_t j = 0; j < k; j++) {
					double c = 0, a = 0, b = 0, h = m.h[k * n + j];

					for (size_t t = 0; t < patch_count(&p); t++) {
						c += traces[t * n + k] * traces[t * n + j];
						a += traces[t * n + k];
						b += traces[t * n + j];
					}
					c = c / (double)patch_count(&p) -
					    a * b / (double)patch_count(&p) /
						    (double)patch_count(&p);
					scale += pass ? 0 : c * c;
					of_traces += pass ? 0 : c * h;
					of_inputs += pass ? (h * scale / of_traces - c) *
								     (h * scale / of_traces - c) :
							    0;
				}
		assert_true(of_inputs < scale * 0.01); /* traces have five bits */
		free(traces);
		moment_free(&m);
		moment_free(&plain);
		patches_free(&p);
		scene_close(&s);
	}
}

/* The largest values for the most steps, nothing ever leaking: sums of sums. */
static void traces_of_the_longest_recordings_fit(void **state)
{
	enum { LONGEST = 65536 };
	struct snnq_neuron neuron = { .model = SNNQ_NEURON_CUBA };
	uint32_t *entry = calloc(LONGEST, sizeof(*entry));
	uint16_t *value = malloc(LONGEST * sizeof(*value));
	size_t *start = malloc((LONGEST + 1) * sizeof(*start));
	struct patches p = { .inputs = 1,
			     .steps = LONGEST,
			     .planes = 16,
			     .place_count = 1,
			     .start = start,
			     .entry = entry,
			     .value = value };
	double sum = 0, square = 0, u = 0, i = 0;
	struct moment m;

	(void)state;
	for (size_t t = 0; t < LONGEST; t++) {
		start[t] = t;
		value[t] = UINT16_MAX;
		i += 1;
		u += i / LONGEST * 31 / (LONGEST / 2); /* of five bits */
		sum += floor(u);
		square += floor(u) * floor(u);
	}
	start[LONGEST] = LONGEST;
	assert_int_equal(moment_compute(&p, &(struct moment_how){ .traces = &neuron }, 1, &m), 0);
	square = square / LONGEST - sum / LONGEST * sum / LONGEST;
	assert_true(fabs(m.h[0] / 1.01 / square - 1) < 0.1);
	moment_free(&m);
	free(start);
	free(entry);
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patches_are_the_windows),
		cmocka_unit_test(fewer_patches_come_from_everywhere),
		cmocka_unit_test(moments_are_covariances_and_factors_multiply_back),
		cmocka_unit_test(moments_of_traces_are_those_of_membranes),
		cmocka_unit_test(traces_of_the_longest_recordings_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
