// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * window.c - windows of convolutions and pooling: which input positions a window
 * meets, and how many windows meet an input position.
 */
#include "engine.h"

struct span window_span(uint32_t o, uint32_t in, uint32_t kernel, uint32_t stride, uint32_t pad,
			uint32_t dilation)
{
	uint32_t start = o * stride;	/* of the window, in padded coordinates */
	struct span s = { 0, 0 };

	if (start < pad)
		s.first = (pad - start + dilation - 1) / dilation;
	if (start < in + pad)
		s.end = (in + pad - start - 1) / dilation + 1;
	if (s.end > kernel)
		s.end = kernel;
	if (s.first > s.end)
		s.first = s.end;
	return s;
}

struct span window_rows(const struct layer *l, uint32_t y)
{
	const struct snnq_geometry *g = &l->geometry;

	return window_span(y, l->desc->in[0].height, g->kernel_h, g->stride_h, g->pad_h,
			   g->dilation_h);
}

struct span window_columns(const struct layer *l, uint32_t x)
{
	const struct snnq_geometry *g = &l->geometry;

	return window_span(x, l->desc->in[0].width, g->kernel_w, g->stride_w, g->pad_w,
			   g->dilation_w);
}

/* Input position under kernel position (ky, kx), which must be inside. */
uint64_t window_position(const struct layer *l, uint32_t y, uint32_t x, uint32_t ky,
			 uint32_t kx)
{
	const struct snnq_geometry *g = &l->geometry;
	uint32_t iy = y * g->stride_h + ky * g->dilation_h - g->pad_h;
	uint32_t ix = x * g->stride_w + kx * g->dilation_w - g->pad_w;

	return (uint64_t)iy * l->desc->in[0].width + ix;
}

/*
 * Windows per input coordinate: each window adds one to an arithmetic
 * progression, so mark where these start and end and sum along the dilation.
 */
static void fan(uint32_t *n, uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride,
		uint32_t pad, uint32_t dilation)
{
	uint32_t o, i;

	for (o = 0; o < out; o++) {
		struct span s = window_span(o, in, kernel, stride, pad, dilation);
		uint32_t end = o * stride + s.end * dilation - pad;

		if (s.first == s.end)
			continue;
		n[o * stride + s.first * dilation - pad]++;
		if (end < in)
			n[end]--;
	}
	for (i = dilation; i < in; i++)
		n[i] += n[i - dilation];
}

void window_lay_out(struct snnq_plan *plan, struct layer *l)
{
	l->fan_h = plan_part(plan, l->desc->in[0].height, sizeof(*l->fan_h));
	l->fan_w = plan_part(plan, l->desc->in[0].width, sizeof(*l->fan_w));
}

bool window_prepare(struct layer *l, struct snnq_pace *pace)
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	const struct snnq_geometry *g = &l->geometry;

	/* Two loops over each of at most SNNQ_MAX_DIM rows or columns. */
	if (snnq_work(pace, (uint32_t)in->height + in->width + out->height + out->width))
		return true;
	fan(l->fan_h, in->height, out->height, g->kernel_h, g->stride_h, g->pad_h, g->dilation_h);
	fan(l->fan_w, in->width, out->width, g->kernel_w, g->stride_w, g->pad_w, g->dilation_w);
	return false;
}

/* Set bits of @n positions from @pos on. */
static bool count_row(struct job *job, const struct snnq_tensor *t, const uint64_t *data,
		      uint64_t pos, uint32_t n, uint64_t *bits)
{
	uint32_t words = tensor_words(t), at_once = 1 + SNNQ_SAFE_POINT_OPS / 2 / words, p, i, m;

	*bits = 0;
	for (p = 0; p < t->planes; p++)
		for (i = 0; i < n; i += m) {
			m = n - i < at_once ? n - i : at_once;
			if (work(job, m * words))
				return true;
			*bits += job->plan->vec->popcount(data + tensor_index(t, p, pos + i, 0),
							  (size_t)m * words);
		}
	return false;
}

/* Positions from @x on that as many windows contain as @x. */
static uint32_t alike(const struct layer *l, uint32_t x)
{
	uint32_t end = x + 1;

	while (end < l->desc->in[0].width && l->fan_w[end] == l->fan_w[x])
		end++;
	return end - x;
}

/* A set bit feeds the channels of its group in each window that contains it. */
bool window_count(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	bool pool = l->desc->quant.scheme == SNNQ_SCHEME_NONE;
	uint64_t targets = pool ? 1 : l->desc->out.channels / l->geometry.groups;
	uint64_t spikes = 0, synops = 0;
	uint32_t y, x, n;

	for (y = 0; y < in->height; y++) {
		for (x = 0; x < in->width; x += n) {
			uint64_t bits;

			n = alike(l, x);
			if (work(job, n) || count_row(job, in, s->in[0],
						      (uint64_t)y * in->width + x, n, &bits))
				return true;
			spikes += bits;
			synops += bits * l->fan_h[y] * l->fan_w[x];
		}
	}
	l->stats.input_spikes += spikes;
	l->stats.synops += synops * targets;
	return false;
}
