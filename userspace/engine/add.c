// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * add.c - ELEMENTWISE ADD: the sum of two bit-plane tensors, clamped to the output's range.
 * 64 channels at once, as 64 adders side by side that go from plane to plane.
 */
#include "engine.h"

#define PLANES (SNNQ_MAX_PLANES + 2u) /* of a sum: a carry and a sign */

static void add_generic(struct job *job, const struct layer *l, const struct step *s, uint64_t pos,
			uint32_t w)
{
	const struct snnq_layer *d = l->desc;
	uint32_t first = w * 64, c;
	int32_t v[64] = { 0 };

	for (c = 0; c < 64 && first + c < d->out.channels; c++)
		v[c] = tensor_clamp(&d->out,
				    (int64_t)tensor_get(&d->in[0], s->in[0], pos, first + c) +
					    tensor_get(&d->in[1], s->in[1], pos, first + c),
				    &job->stats->saturations);
	tensor_store64(&d->out, s->out, pos, w, v);
}

/* Where an operand's plane @p of a word is; planes beyond its last repeat a sign. */
static uint64_t plane_of(const struct snnq_tensor *t, const uint64_t *data, uint32_t p)
{
	uint32_t top = t->planes - 1u;

	if (p <= top)
		return data[p * tensor_positions(t) * tensor_words(t)];
	return t->format == SNNQ_FORMAT_SIGNED ? data[top * tensor_positions(t) * tensor_words(t)] :
						 0;
}

/* Where a sum that is not negative exceeds @high. */
static uint64_t above(const uint64_t *sum, uint32_t n, uint32_t high)
{
	uint64_t larger = 0, equal = ~sum[n - 1];
	uint32_t p;

	for (p = n - 1; p-- > 0;) {
		uint64_t bit = high >> p & 1 ? ~0ull : 0;

		larger |= equal & sum[p] & ~bit;
		equal &= ~(sum[p] ^ bit);
	}
	return larger;
}

/* Store @n planes of a sum, the last of them its sign, as values that the output can hold. */
static void store_clamped(struct job *job, const struct layer *l, uint64_t *data,
			  const uint64_t *sum, uint32_t n)
{
	const struct snnq_tensor *t = &l->desc->out;
	uint64_t stride = tensor_positions(t) * tensor_words(t), sign = sum[n - 1], low = sign;
	bool is_signed = t->format == SNNQ_FORMAT_SIGNED;
	uint32_t kept = t->planes - is_signed, p, high;
	uint64_t over;

	high = is_signed ? (1u << kept) - 1 : (uint32_t)tensor_bound(t);
	over = above(sum, n, high);
	if (is_signed) { /* the least value: all zeros but for the sign */
		for (p = kept, low = 0; p < n; p++)
			low |= sign & ~sum[p];
		data[kept * stride] = sign;
	}
	for (p = 0; p < kept; p++)
		data[p * stride] = (sum[p] & ~over & ~low) | (high >> p & 1 ? over : 0);
	job->stats->saturations += (uint32_t)__builtin_popcountll(over | low);
}

static void add_word(struct job *job, const struct layer *l, const struct step *s, uint64_t at)
{
	const struct snnq_tensor *a = &l->desc->in[0], *b = &l->desc->in[1];
	uint32_t n = (a->planes > b->planes ? a->planes : b->planes) + 2u, p;
	uint64_t sum[PLANES], carry = 0;

	if (n < l->desc->out.planes + 1u)
		n = l->desc->out.planes + 1u;
	for (p = 0; p < n; p++) {
		uint64_t x = plane_of(a, s->in[0] + at, p), y = plane_of(b, s->in[1] + at, p);

		sum[p] = x ^ y ^ carry;
		carry = (x & y) | (carry & (x ^ y));
	}
	store_clamped(job, l, s->out + at, sum, n);
}

bool add_run(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *out = &l->desc->out;
	/* Of a word: its bits in each plane, and the sums. */
	uint32_t planes = 0u + l->desc->in[0].planes + l->desc->in[1].planes + out->planes;
	uint64_t words = tensor_positions(out) * tensor_words(out), at;

	for (at = 0; at < words; at++) {
		if (l->kernel != SNNQ_KERNEL_GENERIC) {
			if (work(job, 2 * planes))
				return true;
			add_word(job, l, s, at);
			continue;
		}
		if (work(job, 64 * (planes + 1)))
			return true;
		add_generic(job, l, s, at / tensor_words(out), (uint32_t)(at % tensor_words(out)));
	}
	return false;
}
