// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * view.c - operands that are a box of what was written, or all of it in another shape:
 * copied into a tensor of their own, so that operations see no difference.
 */
#include <string.h>

#include "engine.h"

struct snnq_tensor view_whole(const struct snnq_tensor *t)
{
	struct snnq_tensor whole = *t;

	if (t->flags & ~SNNQ_TENSOR_FLAG_PREVIOUS) {
		whole.height = t->whole_height;
		whole.width = t->whole_width;
		whole.channels = t->whole_channels;
		whole.flags = 0;
	}
	return whole;
}

/* @n bits, at most 64, from bit @at on; words behind the last of them are not read. */
static uint64_t bits_at(const uint64_t *from, uint64_t at, uint32_t n)
{
	uint32_t shift = at % 64;
	uint64_t w = from[at / 64] >> shift;

	if (shift && shift + n > 64)
		w |= from[at / 64 + 1] << (64 - shift);
	return n == 64 ? w : w & ((1ull << n) - 1);
}

/* Copy @n bits to where bits are still zero. */
static bool copy_bits(struct job *job, uint64_t *to, uint64_t to_bit, const uint64_t *from,
		      uint64_t from_bit, uint64_t n)
{
	uint32_t now;

	if (work(job, (uint32_t)(n / 32 + 2)))
		return true;
	for (; n; n -= now, to_bit += now, from_bit += now) {
		now = 64 - to_bit % 64;
		now = n < now ? (uint32_t)n : now;
		to[to_bit / 64] |= bits_at(from, from_bit, now) << (to_bit % 64);
	}
	return false;
}

/* Bit of a plane where a position's channels start. */
static uint64_t bit_of(const struct snnq_tensor *t, uint32_t plane, uint64_t position)
{
	return tensor_index(t, plane, position, 0) * 64;
}

static bool copy_box_row(struct job *job, const struct snnq_tensor *t,
			 const struct snnq_tensor *whole, const uint64_t *from, uint64_t *to,
			 uint64_t pos)
{
	uint64_t y = pos / t->width + t->first_y, x = pos % t->width + t->first_x;
	uint64_t source = y * whole->width + x;
	uint32_t p;

	if (t->format == SNNQ_FORMAT_INT32) {
		if (work(job, t->channels / 2 + 1))
			return true;
		memcpy((int32_t *)to + pos * t->channels,
		       (const int32_t *)from + source * whole->channels + t->first_channel,
		       t->channels * sizeof(int32_t));
		return false;
	}
	for (p = 0; p < t->planes; p++)
		if (copy_bits(job, to, bit_of(t, p, pos), from,
			      bit_of(whole, p, source) + t->first_channel, t->channels))
			return true;
	return false;
}

/* Runs that end where a position of either ends. */
static bool copy_plane(struct job *job, const struct snnq_tensor *t,
		       const struct snnq_tensor *whole, const uint64_t *from, uint64_t *to,
		       uint32_t plane)
{
	uint64_t done, n, all = snnq_tensor_elements(t);

	for (done = 0; done < all; done += n) {
		uint64_t a = done % whole->channels, b = done % t->channels;

		n = whole->channels - a;
		n = t->channels - b < n ? t->channels - b : n;
		if (copy_bits(job, to, bit_of(t, plane, done / t->channels) + b, from,
			      bit_of(whole, plane, done / whole->channels) + a, n))
			return true;
	}
	return false;
}

bool view_copy(struct job *job, const struct snnq_tensor *t, const uint64_t *from, uint64_t *to)
{
	struct snnq_tensor whole = view_whole(t);
	uint64_t pos;
	uint32_t p;

	if (job_zero(job, to, (snnq_tensor_bytes(t) + 7) & ~7ull))
		return true;
	if (t->flags & SNNQ_TENSOR_FLAG_SLICE) {
		for (pos = 0; pos < tensor_positions(t); pos++)
			if (copy_box_row(job, t, &whole, from, to, pos))
				return true;
		return false;
	}
	if (t->format == SNNQ_FORMAT_INT32)
		return job_copy(job, to, from, snnq_tensor_bytes(t));
	for (p = 0; p < t->planes; p++)
		if (copy_plane(job, t, &whole, from, to, p))
			return true;
	return false;
}
