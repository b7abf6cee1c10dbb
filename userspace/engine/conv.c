// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * conv.c - accumulators of CONV2D and LINEAR (a 1x1 convolution), one output
 * position at a time.
 *
 * EVENT lists the weight rows of the set bits of one plane and sums them; DENSE
 * multiplies all rows under the window with the unpacked input.
 */
#include "engine.h"

void conv_lay_out(struct snnq_plan *plan, struct layer *l)
{
	if (l->desc->op == SNNQ_OP_LINEAR)
		l->geometry = (struct snnq_geometry){
			.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1,
			.dilation_h = 1, .dilation_w = 1, .groups = 1,
		};
	window_lay_out(plan, l);
	weights_lay_out(plan, l);
}

bool conv_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	(void)plan;
	l->dense_percent = l->depthwise ? 10 : 90;
	return window_prepare(l, pace) || weights_prepare(l, pace);
}

static uint64_t tap_of(const struct layer *l, uint32_t group, uint32_t ky, uint32_t kx)
{
	return ((uint64_t)group * l->geometry.kernel_h + ky) * l->geometry.kernel_w + kx;
}

/* First weight row of (group, ky, kx). */
static const int16_t *tap_rows(const struct layer *l, uint32_t group, uint32_t ky, uint32_t kx)
{
	uint32_t inputs = l->desc->in[0].channels / l->geometry.groups;

	return l->weights + tap_of(l, group, ky, kx) * inputs * l->row_stride;
}

static int32_t weight(const struct layer *l, uint32_t group, uint32_t ky, uint32_t kx,
		      uint32_t input, uint32_t output)
{
	if (l->depthwise)
		return l->weights[tap_of(l, 0, ky, kx) * l->desc->in[0].channels + group];
	return tap_rows(l, group, ky, kx)[(uint64_t)input * l->row_stride + output];
}

void conv_generic(struct layer *l, const struct step *s, uint32_t y, uint32_t x, int32_t *acc)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint32_t inputs = in->channels / l->geometry.groups;
	uint32_t outputs = l->desc->out.channels / l->geometry.groups;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t o, ky, kx, i;

	for (o = 0; o < l->desc->out.channels; o++) {
		uint32_t group = o / outputs;

		for (ky = rows.first; ky < rows.end; ky++)
			for (kx = columns.first; kx < columns.end; kx++)
				for (i = 0; i < inputs; i++)
					acc[o] += weight(l, group, ky, kx, i, o % outputs) *
						  tensor_get(in, s->in[0],
							     window_position(l, y, x, ky, kx),
							     group * inputs + i);
	}
}

/* Weight rows to be summed for one plane of one group. */
struct row_list {
	const struct layer *layer;
	int32_t *acc;
	int32_t factor;
	uint32_t count;
	const int16_t *rows[ADD_ROWS];
};

static void flush(struct row_list *list)
{
	uint32_t width = list->layer->row_stride;

	if (list->layer->add_rows < 8)
		rows_add_wide(list->acc, list->rows, list->count, width, list->factor);
	else
		rows_add(list->acc, list->rows, list->count, width, list->factor);
	list->count = 0;
}

/* List the rows of the set bits among input channels [first, end). */
static void list_spikes(struct row_list *list, const uint64_t *words, uint32_t first,
			uint32_t end, const int16_t *rows)
{
	uint32_t stride = list->layer->row_stride;
	uint32_t most = list->layer->add_rows < 8 ? ADD_ROWS : list->layer->add_rows;
	uint32_t w;

	for (w = first / 64; w * 64 < end; w++) {
		uint64_t bits = words[w] & range_mask(first, end, w);

		for (; bits; bits &= bits - 1) {
			uint32_t c = w * 64 + (uint32_t)__builtin_ctzll(bits);

			if (list->count == most)
				flush(list);
			list->rows[list->count++] = rows + (uint64_t)(c - first) * stride;
		}
	}
}

static void event_plane(struct layer *l, const struct step *s, uint32_t y, uint32_t x,
			uint32_t group, uint32_t plane, int32_t *acc)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint32_t inputs = in->channels / l->geometry.groups;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	struct row_list list;
	uint32_t ky, kx;

	list.layer = l;
	list.acc = acc;
	list.factor = tensor_plane_value(in, plane);
	list.count = 0;
	for (ky = rows.first; ky < rows.end; ky++) {
		for (kx = columns.first; kx < columns.end; kx++) {
			uint64_t pos = window_position(l, y, x, ky, kx);

			list_spikes(&list, s->in[0] + tensor_index(in, plane, pos, 0),
				    group * inputs, (group + 1) * inputs,
				    tap_rows(l, group, ky, kx));
		}
	}
	flush(&list);
}

static void event_depthwise(struct layer *l, const struct step *s, uint32_t y, uint32_t x,
			    int32_t *acc)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t p, ky, kx, w;

	for (p = 0; p < in->planes; p++)
		for (ky = rows.first; ky < rows.end; ky++)
			for (kx = columns.first; kx < columns.end; kx++) {
				uint64_t pos = window_position(l, y, x, ky, kx);
				const uint64_t *words = s->in[0] + tensor_index(in, p, pos, 0);

				for (w = 0; w < tensor_words(in); w++) {
					uint64_t bits = words[w];

					for (; bits; bits &= bits - 1) {
						uint32_t c = w * 64 +
							(uint32_t)__builtin_ctzll(bits);

						acc[c] += tensor_plane_value(in, p) *
							  weight(l, c, ky, kx, 0, 0);
					}
				}
			}
}

void conv_event(struct layer *l, const struct step *s, uint32_t y, uint32_t x, int32_t *acc)
{
	uint32_t outputs = l->desc->out.channels / l->geometry.groups;
	uint32_t group, plane;

	if (l->depthwise) {
		event_depthwise(l, s, y, x, acc);
		return;
	}
	for (group = 0; group < l->geometry.groups; group++)
		for (plane = 0; plane < l->desc->in[0].planes; plane++)
			event_plane(l, s, y, x, group, plane, acc + group * outputs);
}

SIMD_CLONES
static void mac_channels(int32_t *acc, const int16_t *w, const int32_t *x, uint32_t n)
{
	uint32_t c;

	for (c = 0; c < n; c++)
		acc[c] += w[c] * x[c];
}

/* All inputs of one kernel position of one group. */
static void dense_tap(struct layer *l, const int16_t *rows, const int32_t *x, uint32_t inputs,
		      int32_t *acc)
{
	uint32_t done, n;

	if (l->mac_rows < 8) {
		rows_mac_wide(acc, rows, l->row_stride, x, inputs, l->row_stride);
		return;
	}
	for (done = 0; done < inputs; done += n) {
		n = inputs - done < l->mac_rows ? inputs - done : l->mac_rows;
		rows_mac(acc, rows + (uint64_t)done * l->row_stride, l->row_stride, x + done, n,
			 l->row_stride);
	}
}

void conv_dense(struct layer *l, const struct step *s, uint32_t y, uint32_t x, int32_t *acc)
{
	uint32_t channels = l->desc->in[0].channels;
	uint32_t inputs = channels / l->geometry.groups;
	uint32_t outputs = l->desc->out.channels / l->geometry.groups;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t ky, kx, group;

	(void)s;
	for (ky = rows.first; ky < rows.end; ky++) {
		for (kx = columns.first; kx < columns.end; kx++) {
			const int32_t *v = l->values + window_position(l, y, x, ky, kx) * channels;

			if (l->depthwise) {
				mac_channels(acc, l->weights + tap_of(l, 0, ky, kx) * channels, v,
					     channels);
				continue;
			}
			for (group = 0; group < l->geometry.groups; group++)
				dense_tap(l, tap_rows(l, group, ky, kx), v + group * inputs, inputs,
					  acc + group * outputs);
		}
	}
}
