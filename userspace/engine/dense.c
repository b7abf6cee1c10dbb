// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * dense.c - DENSE convolutions: all inputs as int16 in an image with its padding, for
 * all steps of a block, multiplied with all weights. It wins where inputs have many
 * planes and few channels, as those of a network do.
 *
 * Under a window, values lie in runs of neighbours: a row of the kernel or, with
 * dilation, a kernel position. Two neighbours are multiplied and added at once; what
 * follows a run of odd length is multiplied with zero.
 */
#include <string.h>

#include "engine.h"

#define SLACK 2u /* values behind the last that may be read */
#define FEW   4u /* channels that are unpacked together */

static bool dilated(const struct layer *l)
{
	return l->geometry.dilation_w > 1;
}

static uint32_t runs(const struct layer *l)
{
	return l->geometry.kernel_h * (dilated(l) ? l->geometry.kernel_w : 1u);
}

/* Where in the kernel a run starts. */
static uint32_t run_y(const struct layer *l, uint32_t run)
{
	return dilated(l) ? run / l->geometry.kernel_w : run;
}

static uint32_t run_x(const struct layer *l, uint32_t run)
{
	return dilated(l) ? run % l->geometry.kernel_w : 0;
}

static uint64_t run_pairs(const struct layer *l)
{
	uint64_t taps = dilated(l) ? 1 : l->geometry.kernel_w;

	return (taps * l->desc->in[0].channels + 1) / 2;
}

static uint64_t step_values(const struct layer *l)
{
	return window_padded_height(l) * window_padded_width(l) * l->desc->in[0].channels;
}

/* Spikes are for EVENT; weights of one step's window must be one piece of work. */
static bool suits(const struct layer *l)
{
	const struct snnq_tensor *in = &l->desc->in[0];

	return in->planes > 1 && tensor_bound(in) <= INT16_MAX && l->geometry.groups == 1 &&
	       runs(l) * run_pairs(l) * 2 * DENSE_LANES <= SNNQ_SAFE_POINT_OPS;
}

void dense_lay_out(struct snnq_plan *plan, struct layer *l)
{
	uint64_t columns = (l->desc->out.channels + DENSE_LANES - 1) / DENSE_LANES;
	const struct snnq_tensor *in = &l->desc->in[0];

	if (!suits(l))
		return;
	l->dense = true;
	l->few = in->channels <= FEW && in->format == SNNQ_FORMAT_UNSIGNED;
	l->in_view = l->few && !in->bound && !in->flags;
	if (l->few)
		plan_needs(&plan->needs.list, in->width * sizeof(uint64_t));
	l->runs = runs(l);
	l->run_pairs = (uint32_t)run_pairs(l);
	l->run_at = plan_part(plan, l->runs, sizeof(*l->run_at));
	l->pairs = arena_part(&plan->shared, columns * l->runs * l->run_pairs,
			      2 * DENSE_LANES * sizeof(*l->pairs));
	plan_needs(&plan->needs.values,
		   (l->block_steps * step_values(l) + SLACK) * sizeof(int16_t));
	plan_needs(&plan->needs.acc,
		   tensor_words(&l->desc->out) * 64ull * l->block_steps * sizeof(int32_t));
}

bool dense_prepare(struct layer *l, struct snnq_pace *pace)
{
	const struct snnq_geometry *g = &l->geometry;
	uint32_t run;

	if (snnq_work(pace, l->runs))
		return true;
	for (run = 0; run < l->runs; run++)
		l->run_at[run] =
			(uint32_t)((run_y(l, run) * g->dilation_h * window_padded_width(l) +
				    run_x(l, run) * g->dilation_w) *
				   l->inputs);
	return false;
}

/* Value @i of a run is an input channel under a kernel position; its weights become a half of pairs. */
static void pair_row(struct layer *l, uint32_t run, uint32_t i)
{
	const struct snnq_geometry *g = &l->geometry;
	uint64_t tap = (uint64_t)run_y(l, run) * g->kernel_w + run_x(l, run) + i / l->inputs;
	uint64_t row = tap * l->inputs + i % l->inputs;
	size_t column = (size_t)l->runs * l->run_pairs * DENSE_LANES * 2;
	int16_t *to = l->pairs + ((size_t)run * l->run_pairs + i / 2) * DENSE_LANES * 2 + i % 2;
	uint32_t outputs = l->desc->out.channels, first, n, o;

	for (first = 0; first < outputs; first += DENSE_LANES, to += column) {
		const int8_t *weights = l->wide ? NULL : weights_at(l, row, first);

		n = outputs - first < DENSE_LANES ? outputs - first : DENSE_LANES;
		for (o = 0; o < n; o++)
			to[2 * o] = (int16_t)(weights ? weights[o] :
							weight(l, 0, run_y(l, run),
							       run_x(l, run) + i / l->inputs,
							       i % l->inputs, first + o));
	}
}

/* Pairs of weights from the rows that EVENT has. */
bool dense_decode(struct job *job, struct layer *l)
{
	uint32_t values = dilated(l) ? l->inputs : l->geometry.kernel_w * l->inputs, run, i;

	for (run = 0; run < l->runs; run++)
		for (i = 0; i < values; i++) {
			if (work(job, l->desc->out.channels))
				return true;
			pair_row(l, run, i);
		}
	return false;
}

/* The image of a step: values of bit-planes. Its border stays zero. */
static int16_t *image_row(const struct layer *l, int16_t *values, uint32_t y)
{
	return values + ((y + l->geometry.pad_h) * window_padded_width(l) + l->geometry.pad_w) *
				l->desc->in[0].channels;
}

static bool unpack(struct job *job, struct layer *l, const uint64_t *data, int16_t *values)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t words = tensor_words(t), y, x, w, j;
	uint64_t pos = 0;
	int32_t v[64];

	for (y = 0; y < t->height; y++) {
		int16_t *to = image_row(l, values, y);

		for (x = 0; x < t->width; x++, pos++)
			for (w = 0; w < words; w++) {
				uint32_t left = t->channels - w * 64, n = left < 64 ? left : 64;

				if (work(job, 64u * t->planes))
					return true;
				tensor_load64(t, data, pos, w, v);
				for (j = 0; j < n; j++)
					*to++ = (int16_t)v[j];
			}
	}
	return false;
}

/* The same of a row with few channels. */
static void unpack_row(const struct snnq_tensor *t, const uint64_t *row, int16_t *to)
{
	uint32_t x, c;

	for (x = 0; x < t->width; x++)
		for (c = 0; c < t->channels; c++)
			*to++ = (int16_t)(row[x] >> 16 * c);
}

static bool unpack_few(struct job *job, struct layer *l, const uint64_t *data, int16_t *values)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint64_t *row = (uint64_t *)(void *)job->hand.list;
	uint32_t y;

	for (y = 0; y < t->height; y++, data += t->width) {
		uint64_t sums[2] = { 0 };

		if (work(job, t->width * t->planes) || work(job, 4u * t->width))
			return true;
		job->plan->vec->unpack4(row, data, tensor_positions(t), t->planes, t->channels,
					t->width);
		unpack_row(t, row, image_row(l, values, y));
		if (work(job, 2u * t->width))
			return true;
		job->plan->vec->count(sums, row, t->width, 1, l->fan_w);
		job->stats->input_spikes += sums[0];
		job->stats->synops += sums[1] * l->fan_h[y] * l->desc->out.channels;
	}
	return false;
}

/* Step @k of a block, as soon as its input is there. */
bool dense_take(struct job *job, struct layer *l, const struct step *s, uint32_t k)
{
	int16_t *values = (int16_t *)job->plan->values;

	if (!k &&
	    job_zero(job, values, (l->block_steps * step_values(l) + SLACK) * sizeof(*values)))
		return true;
	values += k * step_values(l);
	if (l->few)
		return unpack_few(job, l, s->in[0], values);
	return window_count(job, l, s) || unpack(job, l, s->in[0], values);
}

/* All outputs of a position. */
static bool sum_window(struct job *job, struct layer *l, struct dense *d, uint32_t steps,
		       int32_t *acc, size_t stride)
{
	uint32_t column = d->runs * d->pairs * 2 * DENSE_LANES, at_once, t, n, o, left;
	const int16_t *in = d->in;

	d->weights = l->pairs;
	for (o = 0; o < l->desc->out.channels; o += d->columns * DENSE_LANES) {
		left = l->desc->out.channels - o;
		d->columns = left > DENSE_LANES && 2 * column <= SNNQ_SAFE_POINT_OPS ? 2 : 1;
		at_once = SNNQ_SAFE_POINT_OPS / (d->columns * column);
		for (t = 0; t < steps; t += n) {
			n = steps - t < at_once ? steps - t : at_once;
			if (work(job, n * d->columns * column))
				return true;
			d->in = in + t * d->in_stride;
			job->plan->vec->dense(acc + t * stride + o, stride, n, d);
		}
		d->weights += (size_t)d->columns * column;
	}
	return false;
}

bool dense_block(struct job *job, struct layer *l, const struct block *b, struct range r)
{
	const struct snnq_geometry *g = &l->geometry;
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	struct dense d = { .in_stride = step_values(l),
			   .run_at = l->run_at,
			   .runs = l->runs,
			   .pairs = l->run_pairs,
			   .bytes = in->format == SNNQ_FORMAT_UNSIGNED && in->planes <= 8 &&
				    !l->wide };
	size_t stride = tensor_words(out) * 64;
	int32_t *acc = job->hand.acc;
	uint64_t pos;
	uint32_t w;

	for (pos = r.first; pos < r.end; pos++) {
		uint64_t y = pos / out->width, x = pos % out->width;

		d.in = (int16_t *)job->plan->values +
		       (y * g->stride_h * window_padded_width(l) + x * g->stride_w) * l->inputs;
		if (sum_window(job, l, &d, b->count, acc, stride))
			return true;
		for (w = 0; w < tensor_words(out); w++)
			if (neuron_stage(job, l, b, pos, w, acc + w * 64, stride))
				return true;
	}
	return false;
}
