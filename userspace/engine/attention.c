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
			if (work(job, head.end - head.first) || work(job, head.end - head.first))
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

/* A query's row of Q, and the keys and values from some token on. */
struct tokens {
	const uint64_t *q, *k, *v;
	uint32_t words;		/* of a token */
};

/* One head and the next @n keys; returns synaptic operations. */
static inline __attribute__((always_inline)) uint64_t attend(struct tokens t, struct head head,
							     uint64_t n, int32_t *acc, bool dense)
{
	uint64_t synops = 0, m;

	for (m = 0; m < n; m++) {
		uint32_t a = overlap(t.q, t.k + m * t.words, head);

		if (a)
			synops += a + add_value(t.v + m * t.words, head, (int32_t)a, acc, dense);
	}
	return synops;
}

SIMD_CLONES
static uint64_t attend_event(struct tokens t, struct head head, uint64_t n, int32_t *acc)
{
	return attend(t, head, n, acc, false);
}

SIMD_CLONES
static uint64_t attend_dense(struct tokens t, struct head head, uint64_t n, int32_t *acc)
{
	return attend(t, head, n, acc, true);
}

/* Operations for a pair of tokens: words of Q and K, channels of V. */
static uint32_t pair_ops(uint32_t d, bool dense)
{
	uint32_t ops = (dense ? (d + 63) / 64 * 64 : d) + 2;

	return ops < SNNQ_SAFE_POINT_OPS ? ops : SNNQ_SAFE_POINT_OPS;
}

static bool attend_all(struct job *job, struct layer *l, const struct step *s, uint64_t query,
		       int32_t *acc, bool dense)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t words = tensor_words(t), ops = pair_ops(t->channels / l->desc->param, dense);
	uint64_t tokens = tensor_positions(t), most = SNNQ_SAFE_POINT_OPS / ops, m, n;
	uint32_t h;

	for (h = 0; h < l->desc->param; h++) {
		for (m = 0; m < tokens; m += n) {
			struct tokens from = {
				s->in[0] + query * words, s->in[1] + m * words,
				s->in[2] + m * words, words,
			};

			n = tokens - m < most ? tokens - m : most;
			if (work(job, (uint32_t)n * ops))
				return true;
			l->stats.synops += (dense ? attend_dense : attend_event)
				(from, head_channels(l, h), n, acc);
		}
	}
	return false;
}

ACCUMULATE(attention_event)
{
	return attend_all(job, l, s, (uint64_t)y * l->desc->in[0].width + x, acc, false);
}

ACCUMULATE(attention_dense)
{
	return attend_all(job, l, s, (uint64_t)y * l->desc->in[0].width + x, acc, true);
}
