// SPDX-License-Identifier: MIT
/*
 * floatnet_real.c - operations of which an operand or the result is real: sums and
 * products of currents, the largest of them, and what is only moved.
 *
 * As Documentation/numerics.md, of numbers that are nothing but their values: there are
 * no scales, as there is nothing to bring to the same one. Real tensors lie as those of
 * INT32, position by position, without pad.
 */
#include <math.h>
#include <string.h>

#include "floatnet_layers.h"
#include "snnq_validate.h"

bool floatnet_is_real(const struct floatnet *net, uint32_t index)
{
	const struct graph_layer *l = &net->graph->layers[index];
	bool moves = l->op == SNNQ_OP_CONCAT || l->op == SNNQ_OP_COPY;

	for (uint32_t k = 0; k < l->in_count; k++)
		if (!l->view[k].previous && net->units[l->in[k] + 1] == 0)
			return true;
	return moves && !net->layers[index].out.planes;
}

struct operands {
	const struct layer *layer;
	const struct step *step;
	const double *units;
};

/* All channels of a position; @v has room for whole words of them. */
static void load(const struct operands *o, uint32_t k, uint64_t pos, double *v)
{
	const struct snnq_tensor *t = &o->layer->desc->in[k];

	if (t->format == SNNQ_FORMAT_INT32) {
		const float *from = (const float *)(const void *)o->step->in[k] + pos * t->channels;

		for (uint32_t c = 0; c < t->channels; c++)
			v[c] = from[c];
		return;
	}
	for (uint32_t w = 0; w < tensor_words(t); w++) {
		int32_t n[64];

		tensor_load64(t, o->step->in[k], pos, w, n);
		for (uint32_t j = 0; j < 64; j++)
			v[w * 64 + j] = n[j] * o->units[k];
	}
}

static double element(const struct operands *o, uint32_t k, uint64_t pos, uint32_t channel)
{
	const struct snnq_tensor *t = &o->layer->desc->in[k];

	if (t->format == SNNQ_FORMAT_INT32)
		return ((const float *)(const void *)o->step->in[k])[pos * t->channels + channel];
	return tensor_get(t, o->step->in[k], pos, channel) * o->units[k];
}

/* Of one position or one channel there is the same everywhere. */
static void load_repeated(const struct operands *o, uint32_t k, uint64_t pos, double *v)
{
	const struct snnq_tensor *t = &o->layer->desc->in[k], *out = &o->layer->desc->out;

	load(o, k, t->height == 1 && t->width == 1 ? 0 : pos, v);
	for (uint32_t c = 1; t->channels == 1 && c < out->channels; c++)
		v[c] = v[0];
}

static void combine_two(const struct operands *o, uint64_t pos, double *room, double *drive)
{
	bool product = o->layer->desc->mode == SNNQ_ELEMENTWISE_MULTIPLY;

	load_repeated(o, 0, pos, drive);
	load_repeated(o, 1, pos, room);
	for (uint32_t c = 0; c < o->layer->desc->out.channels; c++)
		drive[c] = product ? drive[c] * room[c] : drive[c] + room[c];
}

static void largest_of_window(const struct operands *o, uint32_t y, uint32_t x, double *room,
			      double *drive)
{
	const struct layer *l = o->layer;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t channels = l->desc->out.channels;

	for (uint32_t c = 0; c < channels; c++)
		drive[c] = -INFINITY;
	for (uint32_t ky = rows.first; ky < rows.end; ky++)
		for (uint32_t kx = columns.first; kx < columns.end; kx++) {
			load(o, 0, window_position(l, y, x, ky, kx), room);
			for (uint32_t c = 0; c < channels; c++)
				drive[c] = fmax(drive[c], room[c]);
		}
}

static void reduce(const struct operands *o, uint32_t y, uint32_t x, double *room, double *drive)
{
	const struct snnq_layer *d = o->layer->desc;
	const struct snnq_tensor *in = &d->in[0];
	uint32_t per = in->channels / d->out.channels;
	uint32_t y_end = d->axes & SNNQ_AXIS_HEIGHT ? in->height : y + 1;
	uint32_t x_first = d->axes & SNNQ_AXIS_WIDTH ? 0 : x;
	uint32_t x_end = d->axes & SNNQ_AXIS_WIDTH ? in->width : x + 1;
	bool sum = d->mode == SNNQ_REDUCE_SUM;

	for (uint32_t c = 0; c < d->out.channels; c++)
		drive[c] = sum ? 0 : -INFINITY;
	for (y = d->axes & SNNQ_AXIS_HEIGHT ? 0 : y; y < y_end; y++)
		for (x = x_first; x < x_end; x++) {
			load(o, 0, (uint64_t)y * in->width + x, room);
			for (uint32_t c = 0; c < in->channels; c++) {
				double *to = &drive[c / per];

				*to = sum ? *to + room[c] : fmax(*to, room[c]);
			}
		}
}

static void concatenate(const struct operands *o, uint32_t y, uint32_t x, double *room,
			double *drive)
{
	const struct snnq_layer *d = o->layer->desc;
	uint32_t at[3] = { y, x, 0 }, axis = d->axes >> 1, k = 0, done = 0;

	for (; axis < 2; k++) {
		uint32_t size = axis ? d->in[k].width : d->in[k].height;

		if (at[axis] < size) {
			load(o, k, (uint64_t)at[0] * d->in[k].width + at[1], drive);
			return;
		}
		at[axis] -= size;
	}
	for (; done < d->out.channels; done += d->in[k++].channels) {
		load(o, k, (uint64_t)y * d->out.width + x, room);
		memcpy(drive + done, room, d->in[k].channels * sizeof(*drive));
	}
}

/* Axis i of the result is axis axes[i] of the operand. */
static void copy(const struct operands *o, uint32_t y, uint32_t x, double *drive)
{
	const struct snnq_layer *d = o->layer->desc;
	const __u8 *axes = snnq_copy_axes[d->mode];
	uint32_t at[3];

	at[axes[0]] = y;
	at[axes[1]] = x;
	for (uint32_t c = 0; c < d->out.channels; c++) {
		at[axes[2]] = c;
		drive[c] = element(o, 0, (uint64_t)at[0] * d->in[0].width + at[1], at[2]);
	}
}

/* Matrices of a product: rows of the first, by head, and columns of the second. */
struct product {
	const struct snnq_tensor *a, *b;
	uint32_t heads, inner, columns;
	bool turned_a, turned_b;
};

static struct product product_of(const struct layer *l)
{
	const struct snnq_layer *d = l->desc;
	struct product m = { .a = &d->in[0],
			     .b = &d->in[1],
			     .heads = d->param,
			     .turned_a = d->mode & SNNQ_MATMUL_TRANSPOSE_0,
			     .turned_b = d->mode & SNNQ_MATMUL_TRANSPOSE_1 };

	m.inner = m.turned_a ? (uint32_t)tensor_positions(m.a) : m.a->channels / m.heads;
	m.columns = d->out.channels / m.heads;
	return m;
}

/* Rounded up to words, which are loaded whole. */
static size_t row_room(const struct product *m)
{
	return ((size_t)m->heads * m->inner + 63) / 64 * 64;
}

size_t floatnet_room(const struct layer *l)
{
	struct product m;

	if (l->desc->op != SNNQ_OP_MATMUL)
		return 0;
	m = product_of(l);
	return row_room(&m);
}

/* The row of each head; @row: position of the result. */
static void load_rows(const struct operands *o, const struct product *m, uint64_t row, double *to)
{
	uint32_t per = m->a->channels / m->heads;

	if (!m->turned_a) {
		load(o, 0, row, to);
		return;
	}
	for (uint32_t h = 0; h < m->heads; h++)
		for (uint32_t k = 0; k < m->inner; k++)
			to[(size_t)h * m->inner + k] = element(o, 0, k, h * per + (uint32_t)row);
}

static void multiply(const struct operands *o, uint64_t row, double *room, double *drive)
{
	const struct product m = product_of(o->layer);
	double *b = room + row_room(&m);
	uint32_t per = m.b->channels / m.heads;

	memset(drive, 0, o->layer->desc->out.channels * sizeof(*drive));
	load_rows(o, &m, row, room);
	for (uint64_t pos = 0; pos < tensor_positions(m.b); pos++) {
		load(o, 1, pos, b);
		for (uint32_t h = 0; h < m.heads; h++) {
			const double *a = room + (size_t)h * m.inner, *at = b + (size_t)h * per;
			double *to = drive + (size_t)h * m.columns;

			for (uint32_t i = 0; i < per; i++)
				to[m.turned_b ? pos : i] += a[m.turned_b ? i : pos] * at[i];
		}
	}
}

void floatnet_combine(const struct layer *l, const struct step *s, const double *units, uint32_t y,
		      uint32_t x, double *room, double *drive)
{
	const struct operands o = { l, s, units };
	const struct snnq_layer *d = l->desc;

	switch (d->op) {
	case SNNQ_OP_ELEMENTWISE:
		return combine_two(&o, (uint64_t)y * d->out.width + x, room, drive);
	case SNNQ_OP_POOL_MAX:
		return largest_of_window(&o, y, x, room, drive);
	case SNNQ_OP_REDUCE:
		return reduce(&o, y, x, room, drive);
	case SNNQ_OP_CONCAT:
		return concatenate(&o, y, x, room, drive);
	case SNNQ_OP_COPY:
		return copy(&o, y, x, drive);
	case SNNQ_OP_MATMUL:
		return multiply(&o, (uint64_t)y * d->out.width + x, room, drive);
	default: /* UPSAMPLE */
		return load(&o, 0,
			    (uint64_t)(y / d->geometry.stride_h) * d->in[0].width +
				    x / d->geometry.stride_w,
			    drive);
	}
}
