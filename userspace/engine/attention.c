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

#define MOST_WIDTH  4096u      /* channels of a head for the second way */
#define CHUNK	    16u	       /* columns, and words of them, that are one piece of work */
#define BLOCK_BYTES (1u << 22) /* of K^T V, of all steps that run at once */

static uint32_t head_width(const struct layer *l)
{
	return l->desc->in[0].channels / l->desc->param;
}

static uint64_t token_words(const struct layer *l)
{
	return (tensor_positions(&l->desc->in[0]) + 63) / 64;
}

static bool by_columns(const struct layer *l)
{
	return head_width(l) <= MOST_WIDTH && head_width(l) <= tensor_positions(&l->desc->in[0]);
}

/* Tokens by channel that have K, and V, of a step; K^T V of step @k of a block. */
struct columns {
	uint64_t *k, *v;
	int32_t *kv;
};

static uint64_t products(const struct layer *l)
{
	return (uint64_t)l->desc->in[0].channels * head_width(l);
}

static struct columns columns_of(const struct layer *l, void *memory, uint32_t k)
{
	uint64_t n = token_words(l), channels = l->desc->in[0].channels;
	struct columns c = { .k = memory };

	c.v = c.k + channels * n;
	c.kv = (int32_t *)(void *)(c.v + channels * n) + k * products(l);
	return c;
}

void attention_lay_out(struct snnq_plan *plan, struct layer *l)
{
	uint64_t steps = ((const struct snnq_program_header *)plan->program)->tile_steps;
	uint64_t channels = l->desc->in[0].channels, bytes = products(l) * sizeof(int32_t);

	steps = steps < BLOCK_STEPS ? steps : BLOCK_STEPS;
	if (by_columns(l)) {
		while (steps > 1 && steps * bytes > BLOCK_BYTES)
			steps--;
		plan_needs(&plan->needs.attention,
			   2 * channels * token_words(l) * sizeof(uint64_t) + steps * bytes);
	}
	l->block_steps = (uint32_t)steps;
	l->event_steps = l->block_steps;
	plan_needs(&plan->needs.acc, tensor_words(&l->desc->out) * 64ull * steps * sizeof(int32_t));
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
static bool turn_tokens(struct job *job, const struct snnq_tensor *t, const uint64_t *data,
			uint64_t *columns, uint64_t n)
{
	uint64_t m, tokens = tensor_positions(t), square[64];
	uint32_t words = tensor_words(t), w, j, count;

	for (m = 0; m < n; m++)
		for (w = 0; w < words; w++) {
			if (work(job, 64 * 8))
				return true;
			count = tokens - m * 64 < 64 ? (uint32_t)(tokens - m * 64) : 64;
			for (j = 0; j < count; j++)
				square[j] = data[(m * 64 + j) * words + w];
			memset(square + count, 0, (64 - count) * sizeof(*square));
			job->plan->vec->turn_bits(square);
			for (j = 0; j < 64 && w * 64 + j < t->channels; j++)
				columns[(w * 64ull + j) * n + m] = square[j];
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

static bool multiply_columns(struct job *job, struct layer *l, const struct step *s, uint32_t k)
{
	struct columns at = columns_of(l, job->plan->attention, k);
	uint64_t n = token_words(l);
	uint32_t h, c;

	if (turn_tokens(job, &l->desc->in[1], s->in[1], at.k, n) ||
	    turn_tokens(job, &l->desc->in[2], s->in[2], at.v, n))
		return true;
	for (h = 0; h < l->desc->param; h++) {
		struct head head = head_channels(l, h);

		for (c = head.first; c < head.end; c++)
			if (multiply_column(job, &at, head, c, n))
				return true;
	}
	return false;
}

bool attention_begin(struct job *job, struct layer *l, const struct block *b)
{
	uint32_t k;

	for (k = 0; by_columns(l) && k < b->count; k++)
		if (multiply_columns(job, l, &b->steps[k], k))
			return true;
	return false;
}

/* A query takes the rows of its spikes, as many at once as are one piece of work. */
static bool add_columns(struct job *job, const int32_t *kv, const uint64_t *query, struct head h,
			int32_t *acc)
{
	uint32_t d = h.end - h.first, most = SNNQ_SAFE_POINT_OPS / d, q;

	for (q = h.first / 64; q * 64 < h.end; q++) {
		uint64_t left = query[q] & range_mask(h.first, h.end, q), now;

		for (; left; left &= ~now) {
			now = most >= 64 ? left : left & -left;
			if (work(job, (most >= 64 ? 64 : 1) * d))
				return true;
			job->plan->vec->add_marked(acc + h.first, kv + q * 64ull * d, now, d);
		}
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

/* A query in a step. */
static bool sum_query(struct job *job, struct layer *l, const struct step *s, uint32_t k,
		      uint64_t query, int32_t *acc)
{
	const uint64_t *spikes = s->in[0] + query * tensor_words(&l->desc->in[0]);
	const int32_t *kv = columns_of(l, job->plan->attention, k).kv;
	uint32_t h;

	for (h = 0; h < l->desc->param; h++)
		if (by_columns(l) ? add_columns(job, kv, spikes, head_channels(l, h), acc) :
				    add_pairs(job, l, s, query, h, acc))
			return true;
	return false;
}

ACCUMULATE(attention_sum)
{
	return sum_query(job, l, s, 0, (uint64_t)y * l->desc->in[0].width + x, acc);
}

bool attention_block(struct job *job, struct layer *l, const struct block *b, struct range r)
{
	uint32_t words = tensor_words(&l->desc->out), w, k;
	int32_t *acc = job->hand.acc;
	size_t stride = words * 64ull;
	uint64_t pos;

	for (pos = r.first; pos < r.end; pos++) {
		if (job_zero(job, acc, b->count * stride * sizeof(*acc)))
			return true;
		for (k = 0; k < b->count; k++)
			if (sum_query(job, l, &b->steps[k], k, pos, acc + k * stride))
				return true;
		for (w = 0; w < words; w++)
			if (neuron_stage(job, l, b, pos, w, acc + w * 64, stride))
				return true;
	}
	return false;
}
