// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * attention.c - accumulators of ATTENTION, one query token at a time: the row
 * a[n][.] of Q K^T by AND and popcount, then the sum of a[n][m] V[m].
 *
 * Counts synaptic operations itself, because a[n][m] > 0 is known only here.
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
			l->stats.synops += (uint32_t)a;
			for (c = head.first; c < head.end; c++) {
				int32_t v = tensor_get(t, s->in[2], m, c);

				acc[c] += a * v;
				l->stats.synops += a > 0 && v;
			}
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

/* Add @a to the channels of the head that spike in @v; returns their number. */
static inline uint32_t add_value(const uint64_t *v, struct head h, int32_t a, int32_t *acc,
				 bool dense)
{
	uint32_t spikes = 0, w;

	for (w = h.first / 64; w * 64 < h.end; w++) {
		uint64_t bits = v[w] & range_mask(h.first, h.end, w);

		spikes += (uint32_t)__builtin_popcountll(bits);
		if (dense) {
			spread64(bits, a, acc + w * 64);
			continue;
		}
		for (; bits; bits &= bits - 1)
			acc[w * 64 + (uint32_t)__builtin_ctzll(bits)] += a;
	}
	return spikes;
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
	uint64_t synops = 0, m;

	for (h = p.first; h < p.end; h++) {
		struct head head = head_channels(l, h);

		for (m = p.from; m < p.to; m++) {
			uint32_t a = overlap(s->in[0] + p.query * words, s->in[1] + m * words,
					     head);

			if (a)
				synops += a + add_value(s->in[2] + m * words, head, (int32_t)a, acc,
							dense);
		}
	}
	l->stats.synops += synops;
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
