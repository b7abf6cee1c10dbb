// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * reduce.c - REDUCE along axes: SUM to accumulators; MAX, which of spikes is OR.
 */
#include "engine.h"

/* What of the operand one result is made of: positions, and neighbours in @per channels. */
struct box {
	uint32_t y, y_end, x, x_end, per;
};

static struct box box_of(const struct layer *l, uint32_t y, uint32_t x)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint32_t axes = l->desc->axes;
	struct box b = { y, y + 1, x, x + 1, in->channels / l->desc->out.channels };

	if (axes & SNNQ_AXIS_HEIGHT) {
		b.y = 0;
		b.y_end = in->height;
	}
	if (axes & SNNQ_AXIS_WIDTH) {
		b.x = 0;
		b.x_end = in->width;
	}
	return b;
}

bool reduce_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	(void)plan;
	(void)pace;
	l->acc_bound = (int64_t)(snnq_tensor_elements(&l->desc->in[0]) /
				 snnq_tensor_elements(&l->desc->out)) *
		       snnq_tensor_largest(&l->desc->in[0]);
	return false;
}

ACCUMULATE(reduce_generic)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	struct box b = box_of(l, y, x);
	uint32_t iy, ix, c;

	for (iy = b.y; iy < b.y_end; iy++)
		for (ix = b.x; ix < b.x_end; ix++)
			for (c = 0; c < in->channels; c++) {
				if (work(job, 1u + in->planes))
					return true;
				acc[c / b.per] +=
					tensor_get(in, s->in[0], (uint64_t)iy * in->width + ix, c);
			}
	return false;
}

/* Add 64 channels from @first on to the accumulators of their neighbourhoods. */
static void add_neighbours(int32_t *acc, const int32_t v[64], uint32_t first, uint32_t end,
			   uint32_t per)
{
	uint32_t j;

	if (per == 1) {
		for (j = 0; j < 64; j++)
			acc[first + j] += v[j];
		return;
	}
	for (j = 0; j < 64 && first + j < end; j++)
		acc[(first + j) / per] += v[j];
}

static bool add_position(struct job *job, const struct layer *l, const uint64_t *data, uint64_t pos,
			 uint32_t per, int32_t *acc)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	int32_t v[64];
	uint32_t w;

	for (w = 0; w < tensor_words(in); w++) {
		if (work(job, 64u * (1u + in->planes)))
			return true;
		tensor_load64(in, data, pos, w, v);
		add_neighbours(acc, v, w * 64, in->channels, per);
	}
	return false;
}

ACCUMULATE(reduce_sum)
{
	struct box b = box_of(l, y, x);
	uint32_t iy, ix;

	for (iy = b.y; iy < b.y_end; iy++)
		for (ix = b.x; ix < b.x_end; ix++)
			if (add_position(job, l, s->in[0], (uint64_t)iy * l->desc->in[0].width + ix,
					 b.per, acc))
				return true;
	return false;
}

/* The largest of a result's elements. */
static bool max_element(struct job *job, const struct layer *l, const uint64_t *data, struct box b,
			uint32_t channel, int32_t *best)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint32_t iy, ix, c;

	*best = INT32_MIN;
	for (iy = b.y; iy < b.y_end; iy++)
		for (ix = b.x; ix < b.x_end; ix++)
			for (c = channel * b.per; c < (channel + 1) * b.per; c++) {
				int32_t v;

				if (work(job, 1u + in->planes))
					return true;
				v = tensor_get(in, data, (uint64_t)iy * in->width + ix, c);
				*best = v > *best ? v : *best;
			}
	return false;
}

/* The same for 64 channels that are not reduced. */
static bool max_64(struct job *job, const struct layer *l, const uint64_t *data, struct box b,
		   uint32_t w, int32_t best[64])
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint32_t iy, ix, j;
	int32_t v[64];

	for (j = 0; j < 64; j++)
		best[j] = INT32_MIN;
	for (iy = b.y; iy < b.y_end; iy++)
		for (ix = b.x; ix < b.x_end; ix++) {
			if (work(job, 64u * (1u + in->planes)))
				return true;
			tensor_load64(in, data, (uint64_t)iy * in->width + ix, w, v);
			for (j = 0; j < 64; j++)
				best[j] = v[j] > best[j] ? v[j] : best[j];
		}
	return false;
}

bool reduce_max_run(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *out = &l->desc->out;
	bool generic = l->kernel == SNNQ_KERNEL_GENERIC;
	uint64_t pos;
	uint32_t w, j;

	for (pos = 0; pos < tensor_positions(out); pos++) {
		struct box b =
			box_of(l, (uint32_t)(pos / out->width), (uint32_t)(pos % out->width));

		for (w = 0; w < tensor_words(out); w++) {
			int32_t v[64] = { 0 };

			if (work(job, 64u * (1u + out->planes)))
				return true;
			if (b.per == 1 && !generic && max_64(job, l, s->in[0], b, w, v))
				return true;
			for (j = 0; (b.per > 1 || generic) && j < 64 && w * 64 + j < out->channels;
			     j++)
				if (max_element(job, l, s->in[0], b, w * 64 + j, &v[j]))
					return true;
			tensor_store64(out, s->out, pos, w, v);
		}
	}
	return false;
}
