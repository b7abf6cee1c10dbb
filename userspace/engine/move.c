// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * move.c - UPSAMPLE, CONCAT and COPY: elements at other places, the last two scaled and
 * clamped to another format.
 */
#include <string.h>

#include "engine.h"

bool upsample_run(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	bool planes = out->format != SNNQ_FORMAT_INT32;
	size_t row = planes ? tensor_words(out) * sizeof(uint64_t) :
			      out->channels * sizeof(int32_t);
	const uint8_t *from = (const void *)s->in[0];
	uint8_t *to = (void *)s->out;
	uint32_t p, y, x;

	for (p = 0; p < (planes ? out->planes : 1u); p++, from += tensor_positions(in) * row)
		for (y = 0; y < out->height; y++)
			for (x = 0; x < out->width; x++, to += row) {
				uint64_t source = (uint64_t)(y / l->geometry.stride_h) * in->width +
						  x / l->geometry.stride_w;

				if (work(job, (uint32_t)(row / 8 + 1)))
					return true;
				memcpy(to, from + source * row, row);
			}
	return false;
}

bool move_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	int64_t unused;
	uint32_t k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		if (scale_prepare(plan, l, k, pace, &unused))
			return true;
	return false;
}

void concat_lay_out(struct snnq_plan *plan, struct layer *l)
{
	plan_needs(&plan->needs.list, (tensor_words(&l->desc->out) + 1) * 64ull * sizeof(int32_t));
}

static void clamp_64(struct job *job, const struct snnq_tensor *out, int32_t v[64], uint32_t n)
{
	int64_t low, high;
	uint32_t j, beyond = 0;

	tensor_range(out, &low, &high);
	for (j = 0; j < n; j++) {
		beyond += v[j] < low || v[j] > high;
		v[j] = v[j] < low ? (int32_t)low : v[j] > high ? (int32_t)high : v[j];
	}
	job->stats->saturations += beyond;
}

/* Channels 64 @w ... of a position of operand @k, as the result's; returns their number. */
static uint32_t load_clamped(struct job *job, const struct layer *l, const struct step *s,
			     uint32_t k, uint64_t pos, uint32_t w, int32_t v[64])
{
	uint32_t left = l->desc->in[k].channels - w * 64, n = left < 64 ? left : 64;

	tensor_load64(&l->desc->in[k], s->in[k], pos, w, v);
	scale_64(l, k, w, v);
	clamp_64(job, &l->desc->out, v, n);
	return n;
}

static uint32_t element_ops(const struct layer *l, uint32_t k)
{
	return 2u + l->desc->in[k].planes + l->desc->out.planes;
}

/* One operand, or one of some that lie side by side along height or width. */
static bool move_position(struct job *job, struct layer *l, const struct step *s, uint32_t k,
			  uint64_t from, uint64_t to)
{
	int32_t v[64];
	uint32_t w;

	for (w = 0; w < tensor_words(&l->desc->out); w++) {
		if (work(job, 64 * element_ops(l, k)))
			return true;
		load_clamped(job, l, s, k, from, w, v);
		tensor_store64(&l->desc->out, s->out, to, w, v);
	}
	return false;
}

static bool join_channels(struct job *job, struct layer *l, const struct step *s, uint64_t pos)
{
	int32_t *row = (int32_t *)(void *)job->hand.list, v[64];
	uint32_t k, w, n, end = 0;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		for (w = 0; w < tensor_words(&l->desc->in[k]); w++, end += n) {
			if (work(job, 64 * element_ops(l, k)))
				return true;
			n = load_clamped(job, l, s, k, pos, w, v);
			memcpy(row + end, v, n * sizeof(*v));
		}
	for (w = 0; w < tensor_words(&l->desc->out); w++) {
		if (work(job, 64u * (1u + l->desc->out.planes)))
			return true;
		tensor_store64(&l->desc->out, s->out, pos, w, row + w * 64ull);
	}
	return false;
}

/* Along an axis the operand that has coordinate @at, which becomes its own. */
static uint32_t operand_at(const struct layer *l, bool height, uint32_t *at)
{
	uint32_t k;

	for (k = 0;; k++) {
		uint32_t size = height ? l->desc->in[k].height : l->desc->in[k].width;

		if (*at < size)
			return k;
		*at -= size;
	}
}

bool concat_run(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *out = &l->desc->out;
	uint64_t pos;

	for (pos = 0; pos < tensor_positions(out); pos++) {
		uint32_t y = (uint32_t)(pos / out->width), x = (uint32_t)(pos % out->width), k;

		if (l->desc->axes == SNNQ_AXIS_CHANNELS) {
			if (join_channels(job, l, s, pos))
				return true;
			continue;
		}
		if (l->desc->axes == SNNQ_AXIS_HEIGHT)
			k = operand_at(l, true, &y);
		else
			k = operand_at(l, false, &x);
		if (move_position(job, l, s, k, (uint64_t)y * l->desc->in[k].width + x, pos))
			return true;
	}
	return false;
}

/* The element of the operand that element (y, x, c) of the result is. */
static int64_t turned(const struct layer *l, const struct step *s, uint32_t y, uint32_t x,
		      uint32_t c)
{
	const __u8 *axes = snnq_copy_axes[l->desc->mode];
	uint32_t at[3];

	at[axes[0]] = y;
	at[axes[1]] = x;
	at[axes[2]] = c;
	return scale_get(l, 0, s->in[0], (uint64_t)at[0] * l->desc->in[0].width + at[1], at[2]);
}

/* Bit-planes that the result takes over as they are. */
static bool same_planes(const struct layer *l)
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	const struct snnq_scale *scale = &l->desc->scale[0];

	return l->kernel != SNNQ_KERNEL_GENERIC && in->format != SNNQ_FORMAT_INT32 &&
	       in->format == out->format && in->planes == out->planes &&
	       tensor_bound(in) <= tensor_bound(out) && !scale->mult_count && !scale->shift;
}

/*
 * A plane of 64 places along the axis that becomes channels, and of 64 channels, which become places
 * along axis @to of the result; @other is the coordinate along the remaining one.
 */
static void turn_block(const struct job *job, const struct layer *l, const struct step *s,
		       uint32_t plane, uint32_t to, uint32_t other, const uint32_t word[2])
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	const __u8 *axes = snnq_copy_axes[l->desc->mode];
	uint32_t places = out->channels - word[0] * 64, channels = in->channels - word[1] * 64;
	uint64_t m[64] = { 0 };
	uint32_t at[2], i;

	at[axes[1 - to]] = other;
	for (i = 0; i < places && i < 64; i++) {
		at[axes[2]] = word[0] * 64 + i;
		m[i] = s->in[0]
			    [tensor_index(in, plane, (uint64_t)at[0] * in->width + at[1], word[1])];
	}
	job->plan->vec->turn_bits(m);
	at[1 - to] = other;
	for (i = 0; i < channels && i < 64; i++) {
		at[to] = word[1] * 64 + i;
		s->out[tensor_index(out, plane, (uint64_t)at[0] * out->width + at[1], word[0])] =
			m[i];
	}
}

/* Channels and an axis of places change roles. */
static bool turn_planes(struct job *job, const struct layer *l, const struct step *s)
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	uint32_t to = snnq_copy_axes[l->desc->mode][0] == 2 ? 0 : 1;
	uint32_t others = to ? out->height : out->width, other, plane, word[2];

	for (plane = 0; plane < out->planes; plane++)
		for (other = 0; other < others; other++)
			for (word[0] = 0; word[0] < tensor_words(out); word[0]++)
				for (word[1] = 0; word[1] < tensor_words(in); word[1]++) {
					if (work(job, 512))
						return true;
					turn_block(job, l, s, plane, to, other, word);
				}
	return false;
}

/* Where element (y, x) of the result's places is in the operand, channels staying channels. */
static uint64_t place_of(const struct layer *l, uint64_t pos)
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;

	if (snnq_copy_axes[l->desc->mode][0] == 0)
		return pos;
	return (pos % out->width) * in->width + pos / out->width;
}

static bool copy_elements(struct job *job, struct layer *l, const struct step *s, uint64_t pos)
{
	const struct snnq_tensor *out = &l->desc->out;
	uint32_t w, j;

	for (w = 0; w < tensor_words(out); w++) {
		uint32_t left = out->channels - w * 64, n = left < 64 ? left : 64;
		int32_t v[64] = { 0 };

		if (work(job, 64 * element_ops(l, 0)))
			return true;
		for (j = 0; j < n; j++)
			v[j] = (int32_t)turned(l, s, (uint32_t)(pos / out->width),
					       (uint32_t)(pos % out->width), w * 64 + j);
		clamp_64(job, out, v, n);
		tensor_store64(out, s->out, pos, w, v);
	}
	return false;
}

bool copy_run(struct job *job, struct layer *l, const struct step *s)
{
	bool channels = snnq_copy_axes[l->desc->mode][2] == 2 && l->kernel != SNNQ_KERNEL_GENERIC;
	uint64_t pos;

	if (!channels && same_planes(l))
		return turn_planes(job, l, s);
	for (pos = 0; pos < tensor_positions(&l->desc->out); pos++)
		if (channels ? move_position(job, l, s, 0, place_of(l, pos), pos) :
			       copy_elements(job, l, s, pos))
			return true;
	return false;
}
