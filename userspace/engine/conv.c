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

/* All weights under the window, for DENSE once, for EVENT at worst in each plane. */
uint64_t conv_position_ops(const struct layer *l)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint64_t planes = l->kernel == SNNQ_KERNEL_EVENT ? in->planes : 1;
	uint64_t taps = (uint64_t)l->geometry.kernel_h * l->geometry.kernel_w;
	uint64_t rows = in->channels + tensor_words(in) + l->geometry.groups;

	return planes * taps * rows * (l->depthwise ? 1 : l->row_stride);
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

ACCUMULATE(conv_generic)
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
				for (i = 0; i < inputs; i++) {
					if (work_in_part(part, in->planes))
						return true;
					acc[o] += weight(l, group, ky, kx, i, o % outputs) *
						  tensor_get(in, s->in[0],
							     window_position(l, y, x, ky, kx),
							     group * inputs + i);
				}
	}
	return false;
}

/* Weight rows to be summed for one plane of one group. */
struct row_list {
	const struct layer *layer;
	int32_t *acc;
	int32_t factor;
	const int16_t *rows[ADD_ROWS];
};

/* Columns of @rows rows whose sum may be announced at once; whole vectors. */
static uint32_t columns_at_once(uint32_t rows)
{
	return SNNQ_SAFE_POINT_OPS / rows & ~63u;
}

static void add_rows(const struct row_list *list, uint32_t count, uint32_t first, uint32_t width)
{
	if (list->layer->add_rows < 8)
		rows_add_wide(list->acc + first, list->rows, count, first, width,
			      list->factor);
	else
		rows_add(list->acc + first, list->rows, count, first, width, list->factor);
}

/* Kernels are compiled twice, so that what announces nothing has no trace of it. */
#define BOTH_WAYS	static inline __attribute__((always_inline))

BOTH_WAYS bool flush(struct job *part, const struct row_list *list, uint32_t count)
{
	uint32_t width = list->layer->row_stride, first, n;

	if (!count)
		return false;
	if (!part) {
		add_rows(list, count, 0, width);
		return false;
	}
	n = (uint64_t)width * count <= SNNQ_SAFE_POINT_OPS ? width :
								   columns_at_once(count);
	for (first = 0; first < width; first += n) {
		n = n < width - first ? n : width - first;
		if (work(part, n * count))
			return true;
		add_rows(list, count, first, n);
	}
	return false;
}

BOTH_WAYS bool list_spikes(struct job *part, struct row_list *list, uint32_t *listed,
			   const uint64_t *words, uint32_t first, uint32_t end,
			   const int16_t *rows)
{
	uint32_t stride = list->layer->row_stride, count = *listed;
	uint32_t most = list->layer->add_rows < 8 ? ADD_ROWS : list->layer->add_rows;
	uint32_t w;

	if (work_in_part(part, (end - first) / 64 + 2))
		return true;
	for (w = first / 64; w * 64 < end; w++) {
		uint64_t bits = words[w] & range_mask(first, end, w);

		for (; bits; bits &= bits - 1) {
			uint32_t c = w * 64 + (uint32_t)__builtin_ctzll(bits);

			if (count == most) {
				if (flush(part, list, count))
					return true;
				count = 0;
			}
			list->rows[count++] = rows + (uint64_t)(c - first) * stride;
		}
	}
	*listed = count;
	return false;
}

BOTH_WAYS bool event_plane(struct job *part, struct layer *l, const struct step *s, uint32_t y,
			   uint32_t x, uint32_t group, uint32_t plane, int32_t *acc)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint32_t inputs = in->channels / l->geometry.groups;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t count = 0, ky, kx;
	struct row_list list;

	list.layer = l;
	list.acc = acc;
	list.factor = tensor_plane_value(in, plane);
	for (ky = rows.first; ky < rows.end; ky++) {
		for (kx = columns.first; kx < columns.end; kx++) {
			uint64_t pos = window_position(l, y, x, ky, kx);

			if (list_spikes(part, &list, &count,
					s->in[0] + tensor_index(in, plane, pos, 0),
					group * inputs, (group + 1) * inputs,
					tap_rows(l, group, ky, kx)))
				return true;
		}
	}
	return flush(part, &list, count);
}

BOTH_WAYS bool event_groups(struct job *part, struct layer *l, const struct step *s, uint32_t y,
			    uint32_t x, int32_t *acc)
{
	uint32_t outputs = l->desc->out.channels / l->geometry.groups;
	uint32_t group, plane;

	for (group = 0; group < l->geometry.groups; group++)
		for (plane = 0; plane < l->desc->in[0].planes; plane++)
			if (event_plane(part, l, s, y, x, group, plane, acc + group * outputs))
				return true;
	return false;
}

static bool event_depthwise(struct job *part, struct layer *l, const struct step *s, uint32_t y,
			    uint32_t x, int32_t *acc)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t p, ky, kx, w;

	for (p = 0; p < in->planes; p++)
		for (ky = rows.first; ky < rows.end; ky++)
			for (kx = columns.first; kx < columns.end; kx++) {
				uint64_t pos = window_position(l, y, x, ky, kx);
				const uint64_t *words = s->in[0] + tensor_index(in, p, pos, 0);

				if (work_in_part(part, in->channels))
					return true;
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
	return false;
}

ACCUMULATE(conv_event)
{
	if (l->depthwise)
		return event_depthwise(part, l, s, y, x, acc);
	return part ? event_groups(part, l, s, y, x, acc) :
		      event_groups(NULL, l, s, y, x, acc);
}

SIMD_CLONES
static void mac_channels(int32_t *acc, const int16_t *w, const int32_t *x, uint32_t n)
{
	uint32_t c;

	for (c = 0; c < n; c++)
		acc[c] += w[c] * x[c];
}

static void mac_rows(const struct layer *l, int32_t *acc, const int16_t *rows, const int32_t *x,
		     uint32_t n, uint32_t width)
{
	if (l->mac_rows < 8)
		rows_mac_wide(acc, rows, l->row_stride, x, n, width);
	else
		rows_mac(acc, rows, l->row_stride, x, n, width);
}

/* All inputs of one kernel position of one group. */
BOTH_WAYS bool dense_tap(struct job *part, const struct layer *l, const int16_t *rows,
		      const int32_t *x, uint32_t inputs, int32_t *acc)
{
	uint32_t most = l->mac_rows < 8 || l->mac_rows > MAC_ROWS ? MAC_ROWS : l->mac_rows;
	uint32_t width = l->row_stride, done, n, first, columns;

	for (done = 0; done < inputs; done += n) {
		n = inputs - done < most ? inputs - done : most;
		if (!part) {
			mac_rows(l, acc, rows + (uint64_t)done * width, x + done, n, width);
			continue;
		}
		columns = (uint64_t)n * width > SNNQ_SAFE_POINT_OPS ? columns_at_once(n) : width;
		for (first = 0; first < width; first += columns) {
			columns = columns < width - first ? columns : width - first;
			if (work(part, n * columns))
				return true;
			mac_rows(l, acc + first, rows + (uint64_t)done * width + first, x + done, n,
				 columns);
		}
	}
	return false;
}

BOTH_WAYS bool dense_position(struct job *part, struct layer *l, uint32_t y, uint32_t x, int32_t *acc)
{
	uint32_t channels = l->desc->in[0].channels;
	uint32_t inputs = channels / l->geometry.groups;
	uint32_t outputs = l->desc->out.channels / l->geometry.groups;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t ky, kx, group;

	for (ky = rows.first; ky < rows.end; ky++) {
		for (kx = columns.first; kx < columns.end; kx++) {
			const int32_t *v = l->values + window_position(l, y, x, ky, kx) * channels;

			if (l->depthwise) {
				if (work_in_part(part, channels))
					return true;
				mac_channels(acc, l->weights + tap_of(l, 0, ky, kx) * channels, v,
					     channels);
				continue;
			}
			for (group = 0; group < l->geometry.groups; group++)
				if (dense_tap(part, l, tap_rows(l, group, ky, kx),
					      v + group * inputs, inputs, acc + group * outputs))
					return true;
		}
	}
	return false;
}

ACCUMULATE(conv_dense)
{
	(void)s;
	return part ? dense_position(part, l, y, x, acc) : dense_position(NULL, l, y, x, acc);
}
