// SPDX-License-Identifier: MIT
/*
 * moment.c - co-firing counts by AND and population count, and their factors.
 *
 * Counts are integers, exact in any order; only then come doubles, in a fixed order.
 */
#include "quantize/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/parallel.h"
#include "quantize/vector.h"
#include "base/simd.h"

#define DAMPING	     0.01 /* of the mean diagonal; the usual choice for such inverses */
#define FACTOR_ROWS  8u	  /* rows of a task of the factorization */
#define FACTOR_BLOCK 32u
#define TRACE_UNIT   256u
#define TRACE_PLANES 5u

/* Inputs over time: bit m of string (plane, k) says whether input k has that bit in patch m. */
struct strings {
	uint32_t inputs, planes;
	size_t words;
	uint64_t *bits;
	uint64_t *sum; /* [inputs] of values */
	bool about_zero;
	struct moment *moment;
};

static int strings_alloc(const struct patches *p, uint32_t planes, struct strings *s)
{
	s->inputs = p->inputs;
	s->planes = planes;
	s->words = (patch_count(p) + 63) / 64;
	s->bits = calloc((size_t)planes * s->inputs * s->words + 1, sizeof(*s->bits));
	s->sum = calloc(s->inputs, sizeof(*s->sum));
	return s->bits && s->sum ? 0 : -ENOMEM;
}

/* Input @k has @value in patch @m. */
static void strings_set(struct strings *s, size_t m, uint32_t k, uint64_t value)
{
	s->sum[k] += value;
	for (uint32_t b = 0; value; value >>= 1, b++)
		s->bits[((size_t)b * s->inputs + k) * s->words + m / 64] |= (value & 1) << m % 64;
}

static int strings_of_values(const struct patches *p, struct strings *s)
{
	int ret = strings_alloc(p, p->planes, s);

	for (size_t m = 0; !ret && m < patch_count(p); m++)
		for (size_t e = p->start[m]; e < p->start[m + 1]; e++)
			strings_set(s, m, p->entry[e], p->value[e]);
	return ret;
}

/* ---- traces ---- */

/* What is left of values after a step, in 1/65536. */
static uint32_t share_left(uint32_t leak, uint32_t by)
{
	switch (leak) {
	case SNNQ_LEAK_DIVN:
		return 65536 / by;
	case SNNQ_LEAK_Q16:
		return by;
	case SNNQ_LEAK_TZ12:
		return 16 * (4096 - by);
	default:
		return 65536;
	}
}

/* floor(value * share / 65536), where the product may not fit. */
static uint64_t keep(uint64_t value, uint32_t share)
{
	return (value >> 16) * share + ((value & 0xffff) * share >> 16);
}

/* What a membrane holds of one input, if nothing fires; in 1 / TRACE_UNIT. */
struct trace {
	uint64_t u, i;
};

static void trace_step(const struct snnq_neuron *n, struct trace *t, uint64_t value)
{
	uint64_t drive = value * TRACE_UNIT, old = t->i;

	if (n->model == SNNQ_NEURON_CUBA) {
		t->i = keep(old, share_left(n->current_leak, n->current_leak_param)) + drive;
		drive = n->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : t->i;
	}
	t->u = keep(t->u, share_left(n->leak, n->leak_param)) + drive;
}

static uint32_t bits_of(uint64_t value)
{
	return value ? 64 - (uint32_t)__builtin_clzll(value) : 0;
}

/* Bits of the largest trace that there can be. */
static uint32_t trace_bits(const struct patches *p, const struct snnq_neuron *n)
{
	struct trace t = { 0 };

	for (uint32_t step = 0; step < p->steps; step++)
		trace_step(n, &t, (1ull << p->planes) - 1);
	return bits_of(t.u);
}

/* The highest TRACE_PLANES bits of the traces of the places' inputs. */
static int strings_of_traces(const struct patches *p, const struct snnq_neuron *n,
			     struct strings *s)
{
	uint32_t bits = trace_bits(p, n), drop = bits > TRACE_PLANES ? bits - TRACE_PLANES : 0;
	struct trace *traces = malloc(p->inputs * sizeof(*traces));
	uint16_t *values = calloc(p->inputs, sizeof(*values));
	int ret = traces && values ? strings_alloc(p, bits - drop, s) : -ENOMEM;

	for (size_t m = 0; !ret && m < patch_count(p); m++) {
		if (m % p->steps == 0)
			memset(traces, 0, p->inputs * sizeof(*traces));
		for (size_t e = p->start[m]; e < p->start[m + 1]; e++)
			values[p->entry[e]] = p->value[e];
		for (uint32_t k = 0; k < p->inputs; k++) {
			trace_step(n, &traces[k], values[k]);
			strings_set(s, m, k, traces[k].u >> drop);
		}
		for (size_t e = p->start[m]; e < p->start[m + 1]; e++)
			values[p->entry[e]] = 0;
	}
	free(traces);
	free(values);
	return ret;
}

/* ---- covariance ---- */

SIMD_CLONES
static uint64_t common_bits(const uint64_t *a, const uint64_t *b, size_t words)
{
	uint64_t n = 0;

	for (size_t i = 0; i < words; i++)
		n += (uint64_t)__builtin_popcountll(a[i] & b[i]);
	return n;
}

/* Sum of products of the values of two inputs. */
static uint64_t product_sum(const struct strings *s, uint32_t i, uint32_t j)
{
	uint64_t sum = 0;

	for (uint32_t p = 0; p < s->planes; p++)
		for (uint32_t r = 0; r < s->planes; r++)
			sum += common_bits(s->bits + ((size_t)p * s->inputs + i) * s->words,
					   s->bits + ((size_t)r * s->inputs + j) * s->words,
					   s->words)
			       << (p + r);
	return sum;
}

static int covariance_row(void *ctx, uint32_t i)
{
	struct strings *s = ctx;
	struct moment *m = s->moment;
	double n = (double)m->patches, *row = m->h + (size_t)i * m->inputs;

	for (uint32_t j = 0; j <= i; j++) {
		double mean = (double)s->sum[i] * (double)s->sum[j] / n;
		double c = (double)product_sum(s, i, j) - (s->about_zero ? 0 : mean);

		row[j] = c / n;
		m->h[(size_t)j * m->inputs + i] = row[j];
	}
	return 0;
}

static void find_means(const struct patches *p, struct moment *m)
{
	double n = (double)m->patches;

	for (size_t e = 0; e < p->start[patch_count(p)]; e++) {
		double value = p->value[e];

		m->mean[p->entry[e]] += value; /* integers: exact in any order */
		m->square[p->entry[e]] += value * value;
	}
	for (uint32_t k = 0; k < m->inputs; k++) {
		m->mean[k] /= n;
		m->square[k] /= n;
	}
}

static void damp(struct moment *m)
{
	double mean = 0;

	for (uint32_t k = 0; k < m->inputs; k++)
		mean += m->h[(size_t)k * m->inputs + k];
	mean /= m->inputs;
	for (uint32_t k = 0; k < m->inputs; k++)
		m->h[(size_t)k * m->inputs + k] += mean > 0 ? DAMPING * mean : 1;
}

/* ---- order ---- */

struct ranked {
	double diagonal;
	uint32_t input;
};

static int by_falling_diagonal(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->diagonal != y->diagonal)
		return x->diagonal > y->diagonal ? -1 : 1;
	return x->input < y->input ? -1 : 1;
}

static int choose_order(struct moment *m, bool unsorted)
{
	struct ranked *r = malloc(m->inputs * sizeof(*r));

	if (!r)
		return -ENOMEM;
	for (uint32_t k = 0; k < m->inputs; k++)
		r[k] = (struct ranked){ unsorted ? 0 : m->h[(size_t)k * m->inputs + k], k };
	qsort(r, m->inputs, sizeof(*r), by_falling_diagonal);
	for (uint32_t k = 0; k < m->inputs; k++)
		m->order[k] = r[k].input;
	free(r);
	return 0;
}

/* ---- factors ---- */

/*
 * Row q of the lower triangle first holds h, then d times A. Rows are finished from
 * the last to the first; a block of rows first takes up all finished rows.
 */
struct factor {
	double *f;
	const double *d;
	uint32_t n, first, end; /* rows of the block */
};

/* Take rows q in [from, to) out of row p. */
static void reduce_row(const struct factor *f, uint32_t p, uint32_t from, uint32_t to)
{
	for (uint32_t q = to; q-- > from;) {
		const double *a = f->f + (size_t)q * f->n;

		vector_subtract(f->f + (size_t)p * f->n, a, f->d[q] * a[p], p + 1);
	}
}

static int reduce_rows(void *ctx, uint32_t task)
{
	const struct factor *f = ctx;
	uint32_t first = f->first + task * FACTOR_ROWS, end = first + FACTOR_ROWS;

	end = end < f->end ? end : f->end;
	/* Finished rows outside, so that each is read once for all rows of the task. */
	for (uint32_t q = f->n; q-- > f->end;)
		for (uint32_t p = first; p < end; p++)
			reduce_row(f, p, q, q + 1);
	return 0;
}

static int factorize(struct moment *m, uint32_t threads)
{
	uint32_t n = m->inputs;
	double *d = malloc(n * sizeof(*d));
	struct factor f = { .f = m->feedback, .d = d, .n = n };

	if (!d)
		return -ENOMEM;
	for (uint32_t q = 0; q < n; q++)
		for (uint32_t p = 0; p <= q; p++)
			f.f[(size_t)q * n + p] = m->h[(size_t)m->order[q] * n + m->order[p]];
	for (f.end = n; f.end; f.end = f.first) {
		f.first = f.end > FACTOR_BLOCK ? f.end - FACTOR_BLOCK : 0;
		parallel_for((f.end - f.first + FACTOR_ROWS - 1) / FACTOR_ROWS, threads,
			     reduce_rows, &f);
		for (uint32_t q = f.end; q-- > f.first;) {
			double *row = f.f + (size_t)q * n;

			reduce_row(&f, q, q + 1, f.end);
			d[q] = row[q];
			for (uint32_t p = 0; p < q; p++)
				row[p] /= d[q];
		}
	}
	free(d);
	return 0;
}

static int allocate(struct moment *m)
{
	size_t n = m->inputs;

	m->mean = calloc(n, sizeof(*m->mean));
	m->square = calloc(n, sizeof(*m->square));
	m->h = malloc(n * n * sizeof(*m->h));
	m->order = malloc(n * sizeof(*m->order));
	m->feedback = malloc(n * n * sizeof(*m->feedback));
	return m->mean && m->square && m->h && m->order && m->feedback ? 0 : -ENOMEM;
}

int moment_compute(const struct patches *p, const struct moment_how *how, uint32_t threads,
		   struct moment *m)
{
	static const struct moment_how usual = { NULL };
	struct strings s = { .moment = m };
	int ret;

	how = how ? how : &usual;
	s.about_zero = how->about_zero;

	*m = (struct moment){ .inputs = p->inputs, .patches = patch_count(p) };
	ret = allocate(m);
	if (!ret)
		ret = how->traces ? strings_of_traces(p, how->traces, &s) :
				    strings_of_values(p, &s);
	if (!ret) {
		find_means(p, m);
		parallel_for(m->inputs, threads, covariance_row, &s);
		damp(m);
		ret = choose_order(m, how->unsorted);
	}
	free(s.bits);
	free(s.sum);
	if (!ret)
		ret = factorize(m, threads);
	if (!ret)
		return 0;
	moment_free(m);
	return error_set(-ENOMEM, "calibration: no memory for moments of %u inputs", p->inputs);
}

void moment_free(struct moment *m)
{
	free(m->mean);
	free(m->square);
	free(m->h);
	free(m->order);
	free(m->feedback);
	memset(m, 0, sizeof(*m));
}
