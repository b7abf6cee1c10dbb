// SPDX-License-Identifier: MIT
/*
 * compensate.c - error-compensating rounding and coordinate descent.
 *
 * The error that matters of a row w rounded to s q is e^T h e with e = w - s q. GPTQ's
 * column-wise rounding equals linear feedback of the errors made so far with the factor A of
 * h = (I + A) D (I + A)^T (Chee et al. 2023, "QuIP", theorem 6): weight q is rounded after
 * adding sum over p < q of e[p] A[p][q]. Rows are done LANES at a time.
 */
#include "quantize/compensate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/parallel.h"
#include "quantize/vector.h"
#include "base/simd.h"
#include "snnq_program.h"

#define LANES  16u
#define ROUNDS 4  /* of descent and scale */
#define SWEEPS 12 /* of descent in a round, at most */

/*
 * Scales tried: parts of that without clipping, geometric from 1/4 to 1.2; then parts of the
 * best, between its neighbours. Numbers, as pow() is not the same in all C libraries.
 */
static const double coarse[] = {
	0.25,
	0.2676450359698726,
	0.2865354611172576,
	0.30675917518948975,
	0.3284102819107177,
	0.35158952685948014,
	0.37640476625174424,
	0.40297146881071827,
	0.4314132530587083,
	0.46186246253111096,
	0.4944607815890925,
	0.5293598946964159,
	0.5667221922281208,
	0.6067215260952817,
	0.6495440187018707,
	0.6953889289979112,
	0.7444695796587885,
	0.7970143497050094,
	0.8532677371812074,
	0.9134914968391843,
	0.9779658581187849,
	1.046990829094038,
	1.120887592452002,
	1.2,
};
static const double fine[] = {
	0.9432181036599312,
	0.9524527494775707,
	0.9617778077703804,
	0.9711941637283099,
	0.9807027112078259,
	0.990304352816762,
	1.0,
	1.0097905731259893,
	1.019677001574114,
	1.0296602238229147,
	1.0397411875391753,
	1.0499208496678805,
	1.0602001765230546,
};

#define COARSE ((int)(sizeof(coarse) / sizeof(*coarse)))
#define FINE   ((int)(sizeof(fine) / sizeof(*fine)))

struct task {
	struct rows *rows;
	double *hw; /* of rows_weigh() */
	const float *weights;
	const struct moment *moment;
	uint32_t count;
};

/* ---- levels ---- */

/* grid_nearest() without a search where levels are evenly spaced. */
static inline uint32_t nearest(const struct grid *g, double v)
{
	double top = g->largest, a = fabs(v), l;

	if (!(a < 1e9))
		a = isnan(v) ? 0 : 1e9;
	if (g->scheme == SNNQ_SCHEME_UNIFORM && g->bits > 1) {
		l = fmin(ceil(a - 0.5), top);
		return (uint32_t)(v < 0 ? top - l : top + l);
	}
	if (g->scheme == SNNQ_SCHEME_ODD) {
		l = fmin(fmax(ceil(a / 2 - 1), 0) * 2 + 1, top);
		return (uint32_t)((v < 0 ? top - l : top + l) / 2);
	}
	return grid_nearest(g, v);
}

/* ---- scales by nearest rounding ---- */

/* Error weighted by the diagonal of h. */
static double nearest_error(const struct rows *r, uint32_t first, uint32_t end, double scale)
{
	uint32_t k = r->moment->inputs;
	double error = 0;

	for (uint32_t row = first; row < end; row++)
		for (uint32_t i = 0; i < k; i++) {
			double w = r->weights[(size_t)row * k + i];
			double e = w - scale * r->grid->levels[nearest(r->grid, w / scale)];

			error += (r->plain_scale ? 1 : r->moment->h[(size_t)i * k + i]) * e * e;
		}
	return error;
}

static double largest_weight(const struct rows *r, uint32_t first, uint32_t end)
{
	uint32_t k = r->moment->inputs;
	double largest = 0;

	for (size_t i = (size_t)first * k; i < (size_t)end * k; i++)
		largest = fmax(largest, fabs(r->weights[i]));
	return largest;
}

/* Scale for rows [first, end); also tries scales that put the largest weight on a level. */
static double search_scale(const struct rows *r, uint32_t first, uint32_t end)
{
	double largest = largest_weight(r, first, end), full = largest / r->grid->largest;
	double best = INFINITY, scale = full, centre;

	if (!(largest > 0))
		return 0;
	for (int i = -(int)r->grid->count; i < COARSE; i++) {
		int level = i < 0 ? r->grid->levels[-i - 1] : 1;
		double s = i < 0 ? largest / level : full * coarse[i];
		double error = level > 0 && s <= 1.5 * full ? nearest_error(r, first, end, s) :
							      INFINITY;

		if (error < best) {
			best = error;
			scale = s;
		}
	}
	centre = scale;
	for (int i = 0; i < FINE && best > 0; i++) {
		double s = centre * fine[i];
		double error = nearest_error(r, first, end, s);

		if (error < best) {
			best = error;
			scale = s;
		}
	}
	return scale;
}

/* ---- products with h, LANES rows at a time ---- */

SIMD_CLONES
static void add_product(double *acc, const double *x, const double *factors, uint32_t n)
{
	double a[LANES];

	memcpy(a, acc, sizeof(a));
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t c = 0; c < LANES; c++)
			a[c] += x[(size_t)i * LANES + c] * factors[i];
	memcpy(acc, a, sizeof(a));
}

/* out[k] = sum over i of h[k][i] x[i], each of LANES. */
static void multiply(const struct moment *m, const double *x, double *out)
{
	memset(out, 0, (size_t)m->inputs * LANES * sizeof(*out));
	for (uint32_t k = 0; k < m->inputs; k++)
		add_product(out + (size_t)k * LANES, x, m->h + (size_t)k * m->inputs, m->inputs);
}

/* ---- a block of rows ---- */

/* Work memory; [inputs][LANES] unless said otherwise. */
struct block {
	struct rows *rows;
	const struct moment *m;
	uint32_t first, lanes;
	double *levels, *product; /* q and h q */
	double *errors;		  /* in the order of rounding */
	double *row;		  /* [inputs] h q of one row */
};

static int block_open(struct block *b, struct rows *rows, uint32_t first)
{
	size_t n = (size_t)rows->moment->inputs * LANES;

	b->rows = rows;
	b->m = rows->moment;
	b->first = first;
	b->lanes = rows->count - first < LANES ? rows->count - first : LANES;
	b->levels = calloc(3 * n + rows->moment->inputs, sizeof(double));
	if (!b->levels)
		return error_set(-ENOMEM, "no memory to round weights");
	b->product = b->levels + n;
	b->errors = b->product + n;
	b->row = b->errors + n;
	return 0;
}

static float weight(const struct block *b, uint32_t lane, uint32_t input)
{
	return b->rows->weights[(size_t)(b->first + lane) * b->m->inputs + input];
}

static uint8_t *indices(const struct block *b, uint32_t lane)
{
	return b->rows->indices + (size_t)(b->first + lane) * b->m->inputs;
}

static void set_level(struct block *b, uint32_t lane, uint32_t input, double value)
{
	uint32_t index = nearest(b->rows->grid, value);

	indices(b, lane)[input] = (uint8_t)index;
	b->levels[(size_t)input * LANES + lane] = b->rows->grid->levels[index];
}

static void round_nearest(struct block *b)
{
	for (uint32_t c = 0; c < b->lanes; c++) {
		double scale = b->rows->scales[b->first + c];

		for (uint32_t i = 0; i < b->m->inputs; i++)
			set_level(b, c, i, scale > 0 ? weight(b, c, i) / scale : 0);
	}
}

static void round_with_feedback(struct block *b)
{
	for (uint32_t q = 0; q < b->m->inputs; q++) {
		uint32_t input = b->m->order[q];
		double sums[LANES] = { 0 };

		add_product(sums, b->errors, b->m->feedback + (size_t)q * b->m->inputs, q);
		for (uint32_t c = 0; c < b->lanes; c++) {
			double w = weight(b, c, input), scale = b->rows->scales[b->first + c];

			set_level(b, c, input, scale > 0 ? (w + sums[c]) / scale : 0);
			b->errors[(size_t)q * LANES + c] =
				w - scale * b->levels[(size_t)input * LANES + c];
		}
	}
}

/* ---- one row ---- */

struct row {
	const struct rows *rows;
	const struct moment *m;
	const float *w;
	const double *hw;
	double *hq; /* h times levels */
	uint8_t *indices;
	double scale;
};

static int32_t level(const struct row *r, uint32_t i)
{
	return r->rows->grid->levels[r->indices[i]];
}

static double row_error(const struct row *r)
{
	double error = 0;

	for (uint32_t i = 0; i < r->m->inputs; i++)
		error += (r->w[i] - r->scale * level(r, i)) * (r->hw[i] - r->scale * r->hq[i]);
	return error;
}

/* Set weights one by one to the level that is best while all others stay; number changed. */
static uint32_t sweep(struct row *r)
{
	uint32_t changed = 0, n = r->m->inputs;

	for (uint32_t i = 0; i < n; i++) {
		const double *h = r->m->h + (size_t)i * n;
		double gradient = r->hw[i] - r->scale * r->hq[i];
		uint32_t index = nearest(r->rows->grid, level(r, i) + gradient / (r->scale * h[i]));
		double d = r->rows->grid->levels[index] - level(r, i), gain;

		gain = r->scale * d * (2 * gradient - r->scale * d * h[i]);
		if (!(gain > 1e-9 * fabs(gradient * r->w[i])))
			continue;
		r->indices[i] = (uint8_t)index;
		vector_subtract(r->hq, h, -d, n);
		changed++;
	}
	return changed;
}

/* The terms of the best scale for given levels. */
static void scale_terms(const struct row *r, double *above, double *below)
{
	for (uint32_t i = 0; i < r->m->inputs; i++) {
		*above += level(r, i) * r->hw[i];
		*below += level(r, i) * r->hq[i];
	}
}

static void descend(struct row *r, double smallest)
{
	for (int round = 0; round < ROUNDS && r->scale > 0; round++) {
		double above = 0, below = 0, before = r->scale;
		uint32_t changed = 0, now = 1;

		for (int i = 0; i < SWEEPS && now; i++)
			changed += now = sweep(r);
		if (r->rows->one_scale)
			return;
		scale_terms(r, &above, &below);
		if (below > 0 && above > 0)
			r->scale = fmax(above / below, smallest);
		if (!changed && fabs(r->scale - before) < 1e-9 * before)
			return;
	}
}

static struct row row_of(const struct block *b, uint32_t lane)
{
	size_t at = (size_t)(b->first + lane) * b->m->inputs;
	struct row r = { .rows = b->rows,
			 .m = b->m,
			 .w = b->rows->weights + at,
			 .hw = b->rows->hw + at,
			 .hq = b->row,
			 .indices = indices(b, lane),
			 .scale = b->rows->scales[b->first + lane] };

	for (uint32_t i = 0; i < b->m->inputs; i++)
		b->row[i] = b->product[(size_t)i * LANES + lane];
	return r;
}

static void finish_rows(struct block *b, bool descent)
{
	multiply(b->m, b->levels, b->product);
	for (uint32_t c = 0; c < b->lanes; c++) {
		struct row r = row_of(b, c);

		if (descent)
			descend(&r, b->rows->smallest[b->first + c]);
		b->rows->scales[b->first + c] = r.scale;
		b->rows->error[b->first + c] = row_error(&r);
	}
}

struct saved {
	double scale, error;
};

/* A row that came out worse than rounded to nearest begins from there again. */
static void begin_again(struct block *b, uint32_t lane, double scale)
{
	uint32_t n = b->m->inputs;
	struct row r;

	for (uint32_t i = 0; i < n; i++)
		set_level(b, lane, i, weight(b, lane, i) / scale);
	r = row_of(b, lane);
	r.scale = scale;
	memset(r.hq, 0, n * sizeof(*r.hq));
	for (uint32_t i = 0; i < n; i++)
		vector_subtract(r.hq, b->m->h + (size_t)i * n, -level(&r, i), n);
	descend(&r, b->rows->smallest[b->first + lane]);
	b->rows->scales[b->first + lane] = r.scale;
	b->rows->error[b->first + lane] = row_error(&r);
}

static int round_block(void *ctx, uint32_t item)
{
	struct rows *rows = ctx;
	double scale[LANES], error[LANES];
	struct block b;
	int ret = block_open(&b, rows, item * LANES);

	if (ret)
		return ret;
	round_nearest(&b);
	finish_rows(&b, false);
	memcpy(scale, rows->scales + b.first, b.lanes * sizeof(*scale));
	memcpy(error, rows->error + b.first, b.lanes * sizeof(*error));
	if (rows->feedback)
		round_with_feedback(&b);
	if (rows->feedback || rows->descent)
		finish_rows(&b, rows->descent);
	for (uint32_t c = 0; rows->descent && c < b.lanes; c++)
		if (rows->error[b.first + c] > error[c])
			begin_again(&b, c, scale[c]);
	free(b.levels);
	return 0;
}

static int start_scales(void *ctx, uint32_t item)
{
	struct rows *r = ctx;

	r->scales[item] = fmax(search_scale(r, item, item + 1), r->smallest[item]);
	return 0;
}

/* One scale for all rows: start from the best for rounding, refit with all rows' levels. */
static int round_one_scale(struct rows *r, uint32_t threads)
{
	double scale = fmax(search_scale(r, 0, r->count), r->smallest[0]);
	uint32_t blocks = (r->count + LANES - 1) / LANES;

	for (uint32_t c = 0; c < r->count; c++)
		r->scales[c] = scale;
	return parallel_for(blocks, threads, round_block, r);
}

int rows_round(struct rows *r, uint32_t threads)
{
	if (r->one_scale)
		return round_one_scale(r, threads);
	parallel_for(r->count, threads, start_scales, r);
	return parallel_for((r->count + LANES - 1) / LANES, threads, round_block, r);
}

/* ---- h times weights ---- */

static int weigh_block(void *ctx, uint32_t item)
{
	const struct task *t = ctx;
	uint32_t n = t->moment->inputs, first = item * LANES;
	uint32_t lanes = t->count - first < LANES ? t->count - first : LANES;
	double *x = calloc(2 * (size_t)n * LANES, sizeof(*x)), *y = x + (size_t)n * LANES;

	if (!x)
		return error_set(-ENOMEM, "no memory to weigh weights");
	for (uint32_t c = 0; c < lanes; c++)
		for (uint32_t i = 0; i < n; i++)
			x[(size_t)i * LANES + c] = t->weights[(size_t)(first + c) * n + i];
	multiply(t->moment, x, y);
	for (uint32_t c = 0; c < lanes; c++)
		for (uint32_t i = 0; i < n; i++)
			t->hw[(size_t)(first + c) * n + i] = y[(size_t)i * LANES + c];
	free(x);
	return 0;
}

int rows_weigh(const struct moment *m, const float *weights, uint32_t count, uint32_t threads,
	       double *hw)
{
	struct task t = { .hw = hw, .weights = weights, .moment = m, .count = count };

	return parallel_for((count + LANES - 1) / LANES, threads, weigh_block, &t);
}
