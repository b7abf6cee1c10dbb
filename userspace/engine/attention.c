// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * attention.c - accumulators of ATTENTION, one query token at a time: the row
 * a[n][.] of Q K^T by AND and popcount, then the sum of a[n][m] V[m].
 *
 * Synaptic operations are counted by the order that the layer states, from sums over
 * tokens and over channels: they do not tell how accumulators are computed.
 */
#include "engine.h"

bool attention_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	const struct snnq_tensor *t = &l->desc->in[0];

	(void)plan;
	(void)pace;
	l->dense_percent = 15;
	l->acc_bound = (int64_t)tensor_positions(t) * (t->channels / l->desc->param);
	return false;
}

/* Channels [first, end) of a head. */
struct head {
	uint32_t first, end;
};

static struct head head_channels(const struct layer *l, uint32_t h)
{
	uint32_t d = l->desc->in[0].channels / l->desc->param;

	return (struct head){ h * d, (h + 1) * d };
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
			if (work_in_part(part, head.end - head.first) ||
			    work_in_part(part, head.end - head.first))
				return true;
			for (c = head.first; c < head.end; c++)
				a += tensor_get(t, s->in[0], n, c) * tensor_get(t, s->in[1], m, c);
			for (c = head.first; c < head.end; c++)
				acc[c] += a * tensor_get(t, s->in[2], m, c);
		}
	}
	return false;
}

/* Common channels of a query and a key within a head. */
static inline uint32_t overlap(const uint64_t *q, const uint64_t *k, struct head h)
{
	uint32_t a = 0, w;

	for (w = h.first / 64; w * 64 < h.end; w++)
		a += (uint32_t)__builtin_popcountll(q[w] & k[w] &
						    range_mask(h.first, h.end, w));
	return a;
}

/* Add @a to the channels of the head that spike in @v. */
static inline void add_value(const uint64_t *v, struct head h, int32_t a, int32_t *acc,
				 bool dense)
{
	uint32_t w;

	for (w = h.first / 64; w * 64 < h.end; w++) {
		uint64_t bits = v[w] & range_mask(h.first, h.end, w);

		if (dense) {
			spread64(bits, a, acc + w * 64);
			continue;
		}
		for (; bits; bits &= bits - 1)
			acc[w * 64 + (uint32_t)__builtin_ctzll(bits)] += a;
	}
}

/* Heads [first, end) of a query and keys [from, to). */
struct part_of_query {
	uint64_t query;
	uint32_t first, end;
	uint64_t from, to;
};

static inline __attribute__((always_inline)) void attend(struct layer *l, const struct step *s,
							 struct part_of_query p, int32_t *acc,
							 bool dense)
{
	uint32_t words = tensor_words(&l->desc->in[0]), h;
	uint64_t m;

	for (h = p.first; h < p.end; h++) {
		struct head head = head_channels(l, h);

		for (m = p.from; m < p.to; m++) {
			uint32_t a = overlap(s->in[0] + p.query * words, s->in[1] + m * words,
					     head);

			if (a)
				add_value(s->in[2] + m * words, head, (int32_t)a, acc, dense);
		}
	}
}

SIMD_CLONES
static void attend_event(struct layer *l, const struct step *s, struct part_of_query p, int32_t *acc)
{
	attend(l, s, p, acc, false);
}

SIMD_CLONES
static void attend_dense(struct layer *l, const struct step *s, struct part_of_query p, int32_t *acc)
{
	attend(l, s, p, acc, true);
}

/* Operations for a pair of tokens: words of Q and K, channels of V. */
static uint32_t pair_ops(uint32_t d, bool dense)
{
	uint32_t ops = (dense ? (d + 63) / 64 * 64 : d) + 2;

	return ops < SNNQ_SAFE_POINT_OPS ? ops : SNNQ_SAFE_POINT_OPS;
}

uint64_t attention_position_ops(const struct layer *l)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t heads = l->desc->param;

	return heads * tensor_positions(t) * pair_ops(t->channels / heads, true);
}

static bool attend_all(struct job *part, struct layer *l, const struct step *s, uint64_t query,
		       int32_t *acc, bool dense)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t ops = pair_ops(t->channels / l->desc->param, dense), h;
	uint64_t tokens = tensor_positions(t), most = SNNQ_SAFE_POINT_OPS / ops, m, n;
	void (*attend_part)(struct layer *l, const struct step *s, struct part_of_query p,
		       int32_t *acc) = dense ? attend_dense : attend_event;

	if (!part) {
		attend_part(l, s, (struct part_of_query){ query, 0, l->desc->param, 0, tokens }, acc);
		return false;
	}
	for (h = 0; h < l->desc->param; h++) {
		for (m = 0; m < tokens; m += n) {
			n = tokens - m < most ? tokens - m : most;
			if (work(part, (uint32_t)n * ops))
				return true;
			attend_part(l, s, (struct part_of_query){ query, h, h + 1, m, m + n }, acc);
		}
	}
	return false;
}

ACCUMULATE(attention_event)
{
	return attend_all(part, l, s, (uint64_t)y * l->desc->in[0].width + x, acc, false);
}

ACCUMULATE(attention_dense)
{
	return attend_all(part, l, s, (uint64_t)y * l->desc->in[0].width + x, acc, true);
}

#define COUNT_BITS	25u	/* of a number of tokens, at most SNNQ_MAX_DIM squared */
#define COUNT_TOKENS	4096u	/* between two questions whether to go on */

/* Spikes of each of 64 channels over tokens: bit p of their numbers in plane p. */
struct columns {
	uint64_t plane[COUNT_BITS];
};

static void columns_add(struct columns *c, uint64_t spikes)
{
	uint32_t p;

	for (p = 0; spikes; p++) {
		uint64_t carry = c->plane[p] & spikes;

		c->plane[p] ^= spikes;
		spikes = carry;
	}
}

/* The sum over channels of the product of both numbers. */
static uint64_t columns_product(const struct columns *a, const struct columns *b)
{
	uint64_t sum = 0;
	uint32_t i, j;

	for (i = 0; i < COUNT_BITS; i++)
		for (j = 0; a->plane[i] && j < COUNT_BITS; j++)
			sum += (uint64_t)__builtin_popcountll(a->plane[i] & b->plane[j]) << (i + j);
	return sum;
}

/* Coincidences of Q and K in 64 channels, of any query with any key. */
static bool count_coincidences(struct job *job, struct layer *l, const struct step *s, uint32_t w)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint64_t tokens = tensor_positions(t), n;
	struct columns q = { { 0 } }, k = { { 0 } };
	uint32_t words = tensor_words(t);

	if (work(job, COUNT_BITS * COUNT_BITS))
		return true;
	for (n = 0; n < tokens; n++) {
		if (!(n % COUNT_TOKENS) && work(job, 4 * COUNT_TOKENS))
			return true;
		columns_add(&q, s->in[0][n * words + w]);
		columns_add(&k, s->in[1][n * words + w]);
	}
	l->stats.synops += columns_product(&q, &k);
	return false;
}

/* Spikes of a token in a head. */
static uint64_t head_spikes(const uint64_t *token, struct head h)
{
	uint64_t n = 0;
	uint32_t w;

	for (w = h.first / 64; w * 64 < h.end; w++)
		n += (uint64_t)__builtin_popcountll(token[w] & range_mask(h.first, h.end, w));
	return n;
}

/*
 * Q K^T first: each query that is not silent takes all spikes of V. K^T V first: each
 * spike of K takes those of V of its token.
 */
static bool count_head(struct job *job, struct layer *l, const struct step *s, struct head h)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t words = tensor_words(t), ops = 3 * ((h.end - h.first) / 64 + 2);
	bool kv = l->desc->mode == SNNQ_ATTENTION_KV_FIRST;
	uint64_t queries = 0, values = 0, pairs = 0, n;

	for (n = 0; n < tensor_positions(t); n++) {
		uint64_t v = head_spikes(s->in[2] + n * words, h);

		if (work(job, ops))
			return true;
		values += v;
		if (kv)
			pairs += v * head_spikes(s->in[1] + n * words, h);
		else
			queries += head_spikes(s->in[0] + n * words, h) > 0;
	}
	l->stats.synops += kv ? pairs : queries * values;
	return false;
}

bool attention_count(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *q = &l->desc->in[0];
	__u64 queries = 0;
	uint32_t h, w;

	if (count_all_inputs(job, l, s))
		return true;
	for (h = 0; h < l->desc->param; h++)
		if (count_head(job, l, s, head_channels(l, h)))
			return true;
	if (l->desc->mode == SNNQ_ATTENTION_KV_FIRST) {
		if (tensor_count(job, q, s->in[0], &queries))
			return true;
		l->stats.synops += queries * (q->channels / l->desc->param);
		return false;
	}
	for (w = 0; w < tensor_words(q); w++)
		if (count_coincidences(job, l, s, w))
			return true;
	return false;
}
