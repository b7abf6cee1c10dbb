// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * attention.c - ATTENTION: (Q K^T) V, which is Q (K^T V).
 *
 * Heads with no more channels than tokens go by the second: once a step, K and V are
 * turned into bits of tokens by channel; K^T V is then a popcount for each pair of
 * channels, and a query adds a row of it for each of its spikes. Other heads go by the
 * first: a query's row a[n][.] by AND and popcount over the keys, then a[n][m] V[m].
 *
 * The order that the layer states matters to its count of synaptic operations alone
 * (attention_count.c).
 */
#include <string.h>

#include "engine.h"

#define MOST_WIDTH 4096u /* channels of a head for the second way */
#define CHUNK	   16u	 /* columns, and words of them, that are one piece of work */

static uint32_t head_width(const struct layer *l)
{
	return l->desc->in[0].channels / l->desc->param;
}

static uint64_t token_words(const struct layer *l)
{
	return (tensor_positions(&l->desc->in[0]) + 63) / 64;
}

/* What a step needs: tokens by channel that have K, and V; K^T V. */
struct columns {
	uint64_t *k, *v;
	int32_t *kv;
};

static struct columns columns_of(const struct layer *l, void *memory)
{
	uint64_t n = token_words(l), channels = l->desc->in[0].channels;
	struct columns c = { .k = memory };

	c.v = c.k + channels * n;
	c.kv = (int32_t *)(void *)(c.v + channels * n);
	return c;
}

static uint64_t columns_bytes(const struct layer *l)
{
	uint64_t n = token_words(l), channels = l->desc->in[0].channels;

	return 2 * channels * n * 8 + channels * head_width(l) * sizeof(int32_t);
}

static bool by_columns(const struct layer *l)
{
	return head_width(l) <= MOST_WIDTH && head_width(l) <= tensor_positions(&l->desc->in[0]);
}

uint64_t attention_bytes(const struct layer *l)
{
	return by_columns(l) ? columns_bytes(l) : 0;
}

void attention_lay_out(struct snnq_plan *plan, struct layer *l)
{
	plan_needs(&plan->needs.attention, attention_bytes(l));
}

bool attention_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	const struct snnq_tensor *t = &l->desc->in[0];

	(void)plan;
	(void)pace;
	l->acc_bound = (int64_t)tensor_positions(t) * (t->channels / l->desc->param);
	return false;
}

ACCUMULATE(attention_generic)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint64_t tokens = tensor_positions(t), n = (uint64_t)y * t->width + x, m;
	uint32_t h, c;

	for (h = 0; h < l->desc->param; h++) {
		struct head head = head_channels(l, h);

		for (m = 0; m < tokens; m++) {
			int32_t a = 0;

			/* Once with K, once with V. */
			if (work(job, head.end - head.first) || work(job, head.end - head.first))
				return true;
			for (c = head.first; c < head.end; c++)
				a += tensor_get(t, s->in[0], n, c) * tensor_get(t, s->in[1], m, c);
			for (c = head.first; c < head.end; c++)
				acc[c] += a * tensor_get(t, s->in[2], m, c);
		}
	}
	return false;
}

/* ---- Q (K^T V) ---- */

/* Bits of each channel by token. */
static bool transpose(struct job *job, const struct snnq_tensor *t, const uint64_t *data,
		      uint64_t *columns, uint64_t n)
{
	uint64_t m, tokens = tensor_positions(t);
	uint32_t words = tensor_words(t), w;

	if (job_zero(job, columns, t->channels * n * 8))
		return true;
	for (m = 0; m < tokens; m++)
		for (w = 0; w < words; w++) {
			uint64_t bits = data[m * words + w];

			if (work(job, 64))
				return true;
			for (; bits; bits &= bits - 1)
				columns[(w * 64ull + (uint32_t)__builtin_ctzll(bits)) * n +
					m / 64] |= 1ull << m % 64;
		}
	return false;
}

/* K^T V of channel @c of a head with all of them. */
static bool multiply_column(struct job *job, const struct columns *at, struct head h, uint32_t c,
			    uint64_t n)
{
	uint32_t d = h.end - h.first, j, columns;
	int32_t *row = at->kv + (uint64_t)c * d;
	uint64_t w, words;

	if (job_zero(job, row, d * sizeof(*row)))
		return true;
	for (w = 0; w < n; w += words) {
		words = n - w < CHUNK ? n - w : CHUNK;
		for (j = 0; j < d; j += columns) {
			columns = d - j < CHUNK ? d - j : CHUNK;
			if (work(job, columns * (uint32_t)words))
				return true;
			job->plan->vec->matches(row + j, columns, at->k + c * n + w,
						at->v + (h.first + j) * n + w, n, words);
		}
	}
	return false;
}

bool attention_begin(struct job *job, struct layer *l, const struct step *s)
{
	struct columns at = columns_of(l, job->plan->attention);
	uint64_t n = token_words(l);
	uint32_t h, c;

	if (!by_columns(l))
		return false;
	if (transpose(job, &l->desc->in[1], s->in[1], at.k, n) ||
	    transpose(job, &l->desc->in[2], s->in[2], at.v, n))
		return true;
	for (h = 0; h < l->desc->param; h++) {
		struct head head = head_channels(l, h);

		for (c = head.first; c < head.end; c++)
			if (multiply_column(job, &at, head, c, n))
				return true;
	}
	return false;
}

static bool add_columns(struct job *job, struct layer *l, const uint64_t *query, uint32_t head,
			int32_t *acc)
{
	struct columns at = columns_of(l, job->plan->attention);
	struct head h = head_channels(l, head);
	uint32_t d = h.end - h.first, q;
	uint64_t bits;

	for (q = h.first / 64; q * 64 < h.end; q++)
		for (bits = query[q] & range_mask(h.first, h.end, q); bits; bits &= bits - 1) {
			if (work(job, d))
				return true;
			job->plan->vec->add(
				acc + h.first,
				at.kv + (q * 64ull + (uint32_t)__builtin_ctzll(bits)) * d, d);
		}
	return false;
}

/* ---- (Q K^T) V ---- */

/* Common channels of a query and a key within a head. */
static uint32_t overlap(const uint64_t *q, const uint64_t *k, struct head h)
{
	uint32_t a = 0, w;

	for (w = h.first / 64; w * 64 < h.end; w++)
		a += (uint32_t)__builtin_popcountll(q[w] & k[w] & range_mask(h.first, h.end, w));
	return a;
}

/* Add @a to the channels of the head that spike in @v. */
static void add_value(const uint64_t *v, struct head h, int32_t a, int32_t *acc)
{
	uint64_t bits;
	uint32_t w;

	for (w = h.first / 64; w * 64 < h.end; w++)
		for (bits = v[w] & range_mask(h.first, h.end, w); bits; bits &= bits - 1)
			acc[w * 64 + (uint32_t)__builtin_ctzll(bits)] += a;
}

static bool add_pairs(struct job *job, struct layer *l, const struct step *s, uint64_t query,
		      uint32_t head, int32_t *acc)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t words = tensor_words(t);
	struct head h = head_channels(l, head);
	uint64_t m;

	for (m = 0; m < tensor_positions(t); m++) {
		uint32_t a;

		if (work(job, (h.end - h.first) / 64 + 2) || work(job, h.end - h.first))
			return true;
		a = overlap(s->in[0] + query * words, s->in[1] + m * words, h);
		if (a)
			add_value(s->in[2] + m * words, h, (int32_t)a, acc);
	}
	return false;
}

ACCUMULATE(attention_sum)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint64_t query = (uint64_t)y * t->width + x;
	uint32_t h;

	for (h = 0; h < l->desc->param; h++)
		if (by_columns(l) ?
			    add_columns(job, l, s->in[0] + query * tensor_words(t), h, acc) :
			    add_pairs(job, l, s, query, h, acc))
			return true;
	return false;
}
