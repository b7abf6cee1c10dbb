// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * tensor.c - bit-plane and int32 tensors in buffers.
 */
#include <string.h>

#include "engine.h"

#define BLOCK 8192u /* elements or words between two questions whether to go on */

/* Clear pad bits of data that came from outside. */
bool tensor_mask(struct job *job, const struct snnq_tensor *t, uint64_t *data)
{
	uint32_t words = tensor_words(t);
	uint64_t mask = word_mask(t->channels, words - 1);
	uint64_t n = tensor_positions(t) * t->planes;
	uint64_t i, end;

	if (t->format == SNNQ_FORMAT_INT32 || !~mask)
		return false;
	for (i = 0; i < n;) {
		end = n - i < BLOCK ? n : i + BLOCK;
		if (work(job, (uint32_t)(end - i)))
			return true;
		for (; i < end; i++)
			data[i * words + words - 1] &= mask;
	}
	return false;
}

/* Clamp 64 elements, their planes @stride words apart; returns how many it were. */
static uint32_t limit_word(const struct snnq_tensor *t, uint64_t *data, uint64_t stride)
{
	uint64_t above = 0, equal = ~0ull;
	uint32_t p;

	for (p = t->planes; p-- > 0;) {
		uint64_t w = data[p * stride];

		if (!(t->bound >> p & 1))
			above |= equal & w;
		equal &= t->bound >> p & 1 ? w : ~w;
	}
	for (p = 0; above && p < t->planes; p++) {
		data[p * stride] &= ~above;
		data[p * stride] |= t->bound >> p & 1 ? above : 0;
	}
	return (uint32_t)__builtin_popcountll(above);
}

static bool limit_integers(struct job *job, const struct snnq_tensor *t, int32_t *v,
			   __u64 *saturations)
{
	uint64_t n = snnq_tensor_elements(t), i, end;

	for (i = 0; i < n;) {
		end = n - i < BLOCK ? n : i + BLOCK;
		if (work(job, (uint32_t)(end - i)))
			return true;
		for (; i < end; i++)
			v[i] = tensor_clamp(t, v[i], saturations);
	}
	return false;
}

bool tensor_limit(struct job *job, const struct snnq_tensor *t, uint64_t *data, __u64 *saturations)
{
	uint64_t words = tensor_positions(t) * tensor_words(t), i, end;

	if (!t->bound)
		return false;
	if (t->format == SNNQ_FORMAT_INT32)
		return limit_integers(job, t, (int32_t *)data, saturations);
	for (i = 0; i < words;) {
		end = words - i < BLOCK / SNNQ_MAX_PLANES ? words : i + BLOCK / SNNQ_MAX_PLANES;
		if (work(job, (uint32_t)(end - i) * 2 * t->planes))
			return true;
		for (; i < end; i++)
			*saturations += limit_word(t, data + i, words);
	}
	return false;
}

static uint64_t count_elements(const int32_t *v, uint64_t n)
{
	uint64_t count = 0, i;

	for (i = 0; i < n; i++)
		count += v[i] != 0;
	return count;
}

bool tensor_count(struct job *job, const struct snnq_tensor *t, const uint64_t *data, __u64 *count)
{
	bool planes = t->format != SNNQ_FORMAT_INT32;
	uint64_t all = planes ? snnq_tensor_bytes(t) / 8 : snnq_tensor_elements(t), i, n;

	for (i = 0; i < all; i += n) {
		n = all - i < BLOCK ? all - i : BLOCK;
		if (work(job, (uint32_t)n))
			return true;
		*count += planes ? job->plan->vec->popcount(data + i, n) :
				   count_elements((const int32_t *)data + i, n);
	}
	return false;
}

int32_t tensor_get(const struct snnq_tensor *t, const uint64_t *data, uint64_t position,
		   uint32_t channel)
{
	int32_t v = 0;
	uint32_t p;

	if (t->format == SNNQ_FORMAT_INT32)
		return ((const int32_t *)data)[position * t->channels + channel];
	for (p = 0; p < t->planes; p++)
		if (data[tensor_index(t, p, position, channel / 64)] >> (channel % 64) & 1)
			v += tensor_plane_value(t, p);
	return v;
}

/* Elements 64 @word ... of a position; beyond the last, zero. */
void tensor_load64(const struct snnq_tensor *t, const uint64_t *data, uint64_t position,
		   uint32_t word, int32_t v[64])
{
	uint32_t left = t->channels - word * 64, p;

	memset(v, 0, 64 * sizeof(*v));
	if (t->format == SNNQ_FORMAT_INT32) {
		memcpy(v, (const int32_t *)data + position * t->channels + word * 64ull,
		       (left < 64 ? left : 64) * sizeof(*v));
		return;
	}
	for (p = 0; p < t->planes; p++)
		spread64(data[tensor_index(t, p, position, word)], tensor_plane_value(t, p), v);
}

static uint64_t gather64(const int32_t v[64], uint32_t plane)
{
	uint64_t w = 0;
	uint32_t j;

	for (j = 0; j < 64; j++)
		w |= (uint64_t)((uint32_t)v[j] >> plane & 1) << j;
	return w;
}

/* The reverse of tensor_load64(), also for int32; elements beyond the last are ignored. */
void tensor_store64(const struct snnq_tensor *t, uint64_t *data, uint64_t position, uint32_t word,
		    const int32_t v[64])
{
	uint32_t left = t->channels - word * 64;
	uint32_t p;

	if (t->format == SNNQ_FORMAT_INT32) {
		memcpy((int32_t *)data + position * t->channels + word * 64ull, v,
		       (left < 64 ? left : 64) * sizeof(*v));
		return;
	}
	for (p = 0; p < t->planes; p++)
		data[tensor_index(t, p, position, word)] = gather64(v, p) &
							   word_mask(t->channels, word);
}

/* The values that @t can hold. */
void tensor_range(const struct snnq_tensor *t, int64_t *low, int64_t *high)
{
	if (t->format == SNNQ_FORMAT_INT32) {
		*high = t->bound ? (int64_t)t->bound : INT32_MAX;
		*low = t->bound ? -*high : INT32_MIN;
	} else if (t->format == SNNQ_FORMAT_SIGNED) {
		*high = ((int64_t)1 << (t->planes - 1)) - 1;
		*low = -*high - 1;
	} else {
		*high = tensor_bound(t);
		*low = 0;
	}
}

/* The nearest of them. */
int32_t tensor_clamp(const struct snnq_tensor *t, int64_t v, __u64 *saturations)
{
	int64_t low, high;

	tensor_range(t, &low, &high);
	if (v >= low && v <= high)
		return (int32_t)v;
	++*saturations;
	return (int32_t)(v < low ? low : high);
}
