// SPDX-License-Identifier: MIT
/*
 * floatnet_sums.c - weighted sums of a float model: the weight rows of the input
 * bits that are set are listed and added.
 *
 * The order of additions is fixed for each output: bit-planes, then kernel
 * positions, then inputs; vectors only put outputs side by side.
 */
#include "base/simd.h"
#include "floatnet_layers.h"

typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));

#define VECTOR(p, k)	   (((v8 *)(void *)(p))[k])
#define CONST_VECTOR(p, k) (((const v8 *)(const void *)(p))[k])

struct row_list {
	float *sums;
	float factor; /* of the bit-plane: a power of two, so products are exact */
	uint32_t width, count;
	const float *rows[FLOAT_ROWS];
};

/* @blocks vectors of 8 outputs from output @j on. */
static inline __attribute__((always_inline)) void add_rows(const struct row_list *list, uint32_t j,
							   uint32_t blocks)
{
	v8 s[8] = { { 0 } };

	for (uint32_t r = 0; r < list->count; r++)
		for (uint32_t b = 0; b < blocks; b++)
			s[b] += CONST_VECTOR(list->rows[r] + j, b);
	for (uint32_t b = 0; b < blocks; b++)
		VECTOR(list->sums + j, b) += s[b] * list->factor;
}

SIMD_CLONES
static void add_wide(const struct row_list *list)
{
	uint32_t j = 0;

	for (; j + 64 <= list->width; j += 64)
		add_rows(list, j, 8);
	for (; j < list->width; j += FLOAT_ROW_ALIGN)
		add_rows(list, j, FLOAT_ROW_ALIGN / 8);
}

static void add_narrow(const struct row_list *list)
{
	for (uint32_t j = 0; j < list->width; j++) {
		float s = 0;

		for (uint32_t r = 0; r < list->count; r++)
			s += list->rows[r][j];
		list->sums[j] += s * list->factor;
	}
}

static void flush(struct row_list *list)
{
	if (list->width < FLOAT_ROW_ALIGN)
		add_narrow(list);
	else
		add_wide(list);
	list->count = 0;
}

/* The rows of the bits set among inputs [first, end). */
static void list_rows(struct row_list *list, const uint64_t *words, uint32_t first, uint32_t end,
		      const float *rows)
{
	for (uint32_t w = first / 64; w * 64 < end; w++) {
		uint64_t bits = words[w] & range_mask(first, end, w);

		for (; bits; bits &= bits - 1) {
			uint32_t c = w * 64 + (uint32_t)__builtin_ctzll(bits);

			if (list->count == FLOAT_ROWS)
				flush(list);
			list->rows[list->count++] = rows + (size_t)(c - first) * list->width;
		}
	}
}

static void sum_plane(const struct layer *l, const struct real_layer *r, const uint64_t *in,
		      uint32_t y, uint32_t x, uint32_t group, uint32_t plane, float *sums)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	const struct snnq_geometry *g = &l->geometry;
	uint32_t inputs = t->channels / g->groups;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	struct row_list list;

	list.sums = sums;
	list.factor = (float)tensor_plane_value(t, plane);
	list.width = r->stride;
	list.count = 0;
	for (uint32_t ky = rows.first; ky < rows.end; ky++)
		for (uint32_t kx = columns.first; kx < columns.end; kx++) {
			uint64_t pos = window_position(l, y, x, ky, kx);
			size_t tap = ((size_t)group * g->kernel_h + ky) * g->kernel_w + kx;

			list_rows(&list, in + tensor_index(t, plane, pos, 0), group * inputs,
				  (group + 1) * inputs, r->weights + tap * inputs * r->stride);
		}
	flush(&list);
}

static void sum_depthwise_plane(const struct layer *l, const struct real_layer *r,
				const uint64_t *in, uint32_t y, uint32_t x, uint32_t plane,
				float *sums)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	float factor = (float)tensor_plane_value(t, plane);

	for (uint32_t ky = rows.first; ky < rows.end; ky++)
		for (uint32_t kx = columns.first; kx < columns.end; kx++) {
			uint64_t pos = window_position(l, y, x, ky, kx);
			const uint64_t *words = in + tensor_index(t, plane, pos, 0);
			const float *weights =
				r->weights + ((size_t)ky * l->geometry.kernel_w + kx) * t->channels;

			for (uint32_t w = 0; w < tensor_words(t); w++)
				for (uint64_t bits = words[w]; bits; bits &= bits - 1) {
					uint32_t c = w * 64 + (uint32_t)__builtin_ctzll(bits);

					sums[c] += factor * weights[c];
				}
		}
}

/* What one real input at a tap of the window gives its group's outputs; how many those are. */
static uint32_t add_real(const struct layer *l, const struct real_layer *r, uint32_t tap,
			 uint32_t channel, double v, double *drive)
{
	uint32_t inputs = l->desc->in[0].channels / l->geometry.groups;
	uint32_t outputs = l->desc->out.channels / l->geometry.groups, group = channel / inputs;
	uint32_t taps = graph_taps(&l->geometry);
	size_t row = ((size_t)group * taps + tap) * inputs + channel % inputs;

	if (r->depthwise) {
		drive[channel] += v * r->weights[(size_t)tap * l->desc->out.channels + channel];
		return 1;
	}
	for (uint32_t j = 0; j < outputs; j++)
		drive[(size_t)group * outputs + j] += v * r->weights[row * r->stride + j];
	return outputs;
}

uint64_t floatnet_sum_real(const struct layer *l, const struct real_layer *r, const float *in,
			   uint32_t y, uint32_t x, double *drive)
{
	uint32_t channels = l->desc->in[0].channels;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint64_t added = 0;

	for (uint32_t ky = rows.first; ky < rows.end; ky++)
		for (uint32_t kx = columns.first; kx < columns.end; kx++) {
			const float *at = in + window_position(l, y, x, ky, kx) * channels;

			for (uint32_t c = 0; c < channels; c++)
				if (at[c] != 0)
					added += add_real(l, r, ky * l->geometry.kernel_w + kx, c,
							  at[c], drive);
		}
	return added;
}

void floatnet_sum(const struct layer *l, const struct real_layer *r, const uint64_t *in, uint32_t y,
		  uint32_t x, float *sums)
{
	uint32_t outputs = l->desc->out.channels / l->geometry.groups;

	for (uint32_t p = 0; p < l->desc->in[0].planes; p++) {
		if (r->depthwise) {
			sum_depthwise_plane(l, r, in, y, x, p, sums);
			continue;
		}
		for (uint32_t g = 0; g < l->geometry.groups; g++)
			sum_plane(l, r, in, y, x, g, p, sums + (size_t)g * outputs);
	}
}
