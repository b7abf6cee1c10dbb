// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * attention_count.c - synaptic operations of ATTENTION by the order of products that the
 * layer states (numerics.md), from numbers of spikes over tokens and over channels: they
 * do not tell how accumulators are computed.
 */
#include "engine.h"

#define COUNT_BITS   25u   /* of a number of tokens, at most SNNQ_MAX_DIM squared */
#define COUNT_TOKENS 4096u /* between two questions whether to go on */

/* Spikes of each of 64 channels over tokens: bit p of their numbers in plane p. */
struct tally {
	uint64_t plane[COUNT_BITS];
};

static void tally_add(struct tally *c, uint64_t spikes)
{
	uint32_t p;

	for (p = 0; spikes; p++) {
		uint64_t carry = c->plane[p] & spikes;

		c->plane[p] ^= spikes;
		spikes = carry;
	}
}

/* The sum over channels of the product of both numbers. */
static uint64_t tally_product(const struct tally *a, const struct tally *b)
{
	uint32_t i, j, end = COUNT_BITS;
	uint64_t sum = 0;

	while (end && !b->plane[end - 1])
		end--;
	for (i = 0; i < COUNT_BITS; i++)
		for (j = 0; a->plane[i] && j < end; j++)
			sum += (uint64_t)__builtin_popcountll(a->plane[i] & b->plane[j]) << (i + j);
	return sum;
}

/* Coincidences of Q and K in 64 channels, of any query with any key. */
static bool count_coincidences(struct job *job, struct layer *l, const struct step *s, uint32_t w)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint64_t tokens = tensor_positions(t), n;
	struct tally q = { { 0 } }, k = { { 0 } };
	uint32_t words = tensor_words(t);

	if (work(job, COUNT_BITS * COUNT_BITS))
		return true;
	for (n = 0; n < tokens; n++) {
		if (!(n % COUNT_TOKENS) && work(job, 4 * COUNT_TOKENS))
			return true;
		tally_add(&q, s->in[0][n * words + w]);
		tally_add(&k, s->in[1][n * words + w]);
	}
	job->stats->synops += tally_product(&q, &k);
	return false;
}

/*
 * Q K^T first: each query that is not silent takes all spikes of V. K^T V first: each
 * spike of K takes those of V of its token.
 */
static bool count_head(struct job *job, struct layer *l, const struct step *s, struct head h)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t words = tensor_words(t), ops = 3 * ((h.end - h.first) / 64 + 2), n;
	uint32_t at_once = SNNQ_SAFE_POINT_OPS / ops;
	uint64_t tokens = tensor_positions(t), m;
	struct head_spikes c = { .first = h.first, .end = h.end };

	for (m = 0; m < tokens; m += n) {
		n = tokens - m < at_once ? (uint32_t)(tokens - m) : at_once;
		if (work(job, n * ops))
			return true;
		job->plan->vec->head(&c, s->in[0] + m * words, s->in[1] + m * words,
				     s->in[2] + m * words, n, words);
	}
	job->stats->synops += l->desc->mode == SNNQ_ATTENTION_KV_FIRST ? c.pairs :
									 c.queries * c.values;
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
		job->stats->synops += queries * (q->channels / l->desc->param);
		return false;
	}
	for (w = 0; w < tensor_words(q); w++)
		if (count_coincidences(job, l, s, w))
			return true;
	return false;
}
