// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pool.c - POOL_SUM (accumulators of one position) and POOL_MAX.
 *
 * POOL_MAX compares 64 channels at once, from the highest plane down: a bit
 * decides where all higher ones were equal. For spikes this is OR.
 */
#include <string.h>

#include "engine.h"

bool pool_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	const struct snnq_geometry *g = &l->geometry;

	(void)plan;
	l->acc_bound = (int64_t)g->kernel_h * g->kernel_w * tensor_bound(&l->desc->in[0]) *
		       l->desc->param;
	return window_prepare(l, pace);
}

ACCUMULATE(pool_sum_generic)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t ky, kx, c;

	for (c = 0; c < in->channels; c++)
		for (ky = rows.first; ky < rows.end; ky++) {
			if (work(job, (columns.end - columns.first) * in->planes))
				return true;
			for (kx = columns.first; kx < columns.end; kx++)
				acc[c] += (int32_t)l->desc->param *
					  tensor_get(in, s->in[0], window_position(l, y, x, ky, kx),
						     c);
		}
	return false;
}

ACCUMULATE(pool_sum)
{
	static const int16_t ones[64] = { [0 ... 63] = 1 };
	const struct snnq_tensor *in = &l->desc->in[0];
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t words = tensor_words(in), ky, kx, p, w;

	for (p = 0; p < in->planes; p++) {
		int32_t value = (int32_t)l->desc->param * tensor_plane_value(in, p);

		for (ky = rows.first; ky < rows.end; ky++)
			for (kx = columns.first; kx < columns.end; kx++) {
				uint64_t pos = window_position(l, y, x, ky, kx);
				const uint64_t *bits = s->in[0] + tensor_index(in, p, pos, 0);

				if (work(job, words) || work(job, words * 32) ||
				    work(job, words * 32))
					return true;
				for (w = 0; w < words; w++)
					if (bits[w])
						job->plan->vec->spread(acc + w * 64, bits[w], ones,
								       value);
			}
	}
	return false;
}

/* POOL_MAX of int32, which are scaled afterwards: no multiplier is negative. */
bool pool_max_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	return scale_prepare(plan, l, 0, pace, &l->acc_bound) || window_prepare(l, pace);
}

ACCUMULATE(pool_max_generic)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t ky, kx, c;

	for (c = 0; c < in->channels; c++) {
		int64_t best = INT64_MIN;

		for (ky = rows.first; ky < rows.end; ky++) {
			if (work(job, columns.end - columns.first))
				return true;
			for (kx = columns.first; kx < columns.end; kx++) {
				int64_t v = scale_get(l, 0, s->in[0],
						      window_position(l, y, x, ky, kx), c);

				best = v > best ? v : best;
			}
		}
		acc[c] = (int32_t)best;
	}
	return false;
}

ACCUMULATE(pool_max_sum)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t ky, kx, w, j;
	int32_t part[64];

	for (w = 0; w < tensor_words(in); w++, acc += 64) {
		bool whole = in->format == SNNQ_FORMAT_INT32 && in->channels - w * 64 >= 64;

		for (j = 0; j < 64; j++)
			acc[j] = INT32_MIN;
		for (ky = rows.first; ky < rows.end; ky++)
			for (kx = columns.first; kx < columns.end; kx++) {
				uint64_t pos = window_position(l, y, x, ky, kx);
				const int32_t *v = part;

				if (work(job, 64))
					return true;
				if (whole)
					v = (const int32_t *)s->in[0] + pos * in->channels + w * 64;
				else
					tensor_load64(in, s->in[0], pos, w, part);
				job->plan->vec->greatest(acc, v);
			}
		if (work(job, 64))
			return true;
		scale_64(l, 0, w, acc);
	}
	return false;
}

/* best = max(best, candidate) in each of 64 channels, bit-planes. */
static void max_planes(const struct snnq_tensor *t, uint64_t best[SNNQ_MAX_PLANES],
		       const uint64_t candidate[SNNQ_MAX_PLANES])
{
	uint64_t greater = 0, equal = ~0ull;
	uint32_t p;

	for (p = t->planes; p-- > 0;) {
		uint64_t differ = best[p] ^ candidate[p];
		bool sign = t->format == SNNQ_FORMAT_SIGNED && p + 1u == t->planes;

		greater |= equal & differ & (sign ? best[p] : candidate[p]);
		equal &= ~differ;
	}
	for (p = 0; p < t->planes; p++)
		best[p] = (best[p] & ~greater) | (candidate[p] & greater);
}

static bool max_word(struct job *job, struct layer *l, const struct step *s, uint32_t y, uint32_t x,
		     uint32_t w)
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint64_t best[SNNQ_MAX_PLANES], candidate[SNNQ_MAX_PLANES];
	uint64_t to = (uint64_t)y * out->width + x;
	uint32_t ky, kx, p;
	bool any = false;

	for (ky = rows.first; ky < rows.end; ky++) {
		if (work(job, (columns.end - columns.first) * in->planes))
			return true;
		for (kx = columns.first; kx < columns.end; kx++) {
			uint64_t pos = window_position(l, y, x, ky, kx);

			for (p = 0; p < in->planes; p++)
				candidate[p] = s->in[0][tensor_index(in, p, pos, w)];
			if (any)
				max_planes(in, best, candidate);
			else
				memcpy(best, candidate, sizeof(best));
			any = true;
		}
	}
	for (p = 0; p < out->planes; p++)
		s->out[tensor_index(out, p, to, w)] = best[p];
	return false;
}

static bool max_generic(struct job *job, struct layer *l, const struct step *s, uint32_t y,
			uint32_t x, uint32_t w)
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t first = w * 64, ky, kx, c;
	int32_t v[64] = { 0 };

	for (c = 0; c < 64 && first + c < in->channels; c++) {
		int32_t best = INT32_MIN;

		for (ky = rows.first; ky < rows.end; ky++) {
			if (work(job, (columns.end - columns.first) * in->planes))
				return true;
			for (kx = columns.first; kx < columns.end; kx++) {
				int32_t candidate = tensor_get(
					in, s->in[0], window_position(l, y, x, ky, kx), first + c);

				if (candidate > best)
					best = candidate;
			}
		}
		v[c] = best;
	}
	if (work(job, 64u * out->planes))
		return true;
	tensor_store64(out, s->out, (uint64_t)y * out->width + x, w, v);
	return false;
}

/* out[x] |= in[x * stride], words each, for @n positions. */
static inline void join_positions(uint64_t *out, const uint64_t *in, uint32_t n, size_t stride,
				  uint32_t words)
{
	uint32_t x, w;

	for (x = 0; x < n; x++, out += words, in += stride * words)
		for (w = 0; w < words; w++)
			out[w] |= in[w];
}

/* Row @y of the output: what lies below one kernel column, for all positions at once. */
static bool join_column(struct job *job, const struct layer *l, const uint64_t *row, uint32_t kx,
			uint64_t *out)
{
	const struct snnq_geometry *g = &l->geometry;
	uint32_t words = tensor_words(&l->desc->in[0]), in = l->desc->in[0].width;
	uint32_t at = kx * g->dilation_w; /* of the window's start, in padded coordinates */
	uint32_t first = at < g->pad_w ? (g->pad_w - at + g->stride_w - 1) / g->stride_w : 0, n;
	uint32_t end = at < in + g->pad_w ? (in + g->pad_w - at - 1) / g->stride_w + 1 : 0;

	if (end > l->desc->out.width)
		end = l->desc->out.width;
	for (; first < end; first += n) {
		uint64_t *to = out + (size_t)first * words;
		const uint64_t *from = row + ((size_t)first * g->stride_w + at - g->pad_w) * words;

		n = SNNQ_SAFE_POINT_OPS / words;
		n = end - first < n ? end - first : n;
		if (work(job, n * words))
			return true;
		if (words == 1)
			join_positions(to, from, n, g->stride_w, 1);
		else
			join_positions(to, from, n, g->stride_w, words);
	}
	return false;
}

/* Of spikes the maximum is whether there is any. */
static bool any_run(struct job *job, const struct layer *l, const struct step *s)
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	const struct snnq_geometry *g = &l->geometry;
	size_t words = tensor_words(out), in_row = in->width * words;
	uint64_t *to = s->out;
	uint32_t y, ky, kx;

	if (job_zero(job, to, snnq_tensor_bytes(out)))
		return true;
	for (y = 0; y < out->height; y++, to += out->width * words) {
		struct span rows = window_rows(l, y);

		for (ky = rows.first; ky < rows.end; ky++) {
			size_t row = (size_t)y * g->stride_h + ky * g->dilation_h - g->pad_h;

			if (work(job, g->kernel_w))
				return true;
			for (kx = 0; kx < g->kernel_w; kx++)
				if (join_column(job, l, s->in[0] + row * in_row, kx, to))
					return true;
		}
	}
	return false;
}

bool pool_max_run(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *out = &l->desc->out;
	bool generic = l->kernel == SNNQ_KERNEL_GENERIC;
	uint32_t y, x, w;

	if (!generic && out->planes == 1)
		return any_run(job, l, s);

	for (y = 0; y < out->height; y++)
		for (x = 0; x < out->width; x++)
			for (w = 0; w < tensor_words(out); w++)
				if (generic ? max_generic(job, l, s, y, x, w) :
					      max_word(job, l, s, y, x, w))
					return true;
	return false;
}
