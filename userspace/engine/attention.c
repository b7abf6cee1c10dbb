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

/* Operations for a pair of tokens: words of Q and K, channels of V. */
static uint32_t pair_ops(uint32_t d, bool dense)
{
	uint32_t ops = (dense ? (d + 63) / 64 * 64 : d) + 2;

	return ops < SNNQ_SAFE_POINT_OPS ? ops : SNNQ_SAFE_POINT_OPS;
}

static inline __attribute__((always_inline)) bool attend(struct job *job, struct layer *l, const struct step *s, uint32_t y,
			  uint32_t x, int32_t *acc, bool dense)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t words = tensor_words(t), ops = pair_ops(t->channels / l->desc->param, dense);
	uint32_t most = SNNQ_SAFE_POINT_OPS / ops;
	uint64_t tokens = tensor_positions(t), n = (uint64_t)y * t->width + x, m, end;
	uint64_t synops = 0;
	uint32_t h;

	for (h = 0; h < l->desc->param; h++) {
		struct head head = head_channels(l, h);

		for (m = 0; m < tokens;) {
			end = tokens - m < most ? tokens : m + most;
			if (work(job, (uint32_t)(end - m) * ops))
				return true;
			for (; m < end; m++) {
				uint32_t a = overlap(s->in[0] + n * words, s->in[1] + m * words,
						     head);

				if (a)
					synops += a + add_value(s->in[2] + m * words, head,
								(int32_t)a, acc, dense);
			}
		}
	}
	l->stats.synops += synops;
	return false;
}

SIMD_CLONES
ACCUMULATE(attention_event)
{
	return attend(job, l, s, y, x, acc, false);
}

SIMD_CLONES
ACCUMULATE(attention_dense)
{
	return attend(job, l, s, y, x, acc, true);
}
