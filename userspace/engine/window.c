// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * window.c - windows of convolutions and pooling: which input positions a window
 * meets, and how many windows meet an input position.
 */
#include "engine.h"

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

/* Set bits of row @y, and the same times the windows that contain each. */
static bool count_row(struct job *job, const struct layer *l, const uint64_t *data, uint32_t y,
		      uint64_t sums[2])
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t words = tensor_words(t), at_once = 1 + SNNQ_SAFE_POINT_OPS / 2 / words, p, x, n;

	for (p = 0; p < t->planes; p++)
		for (x = 0; x < t->width; x += n) {
			n = t->width - x < at_once ? t->width - x : at_once;
			if (work(job, n * words))
				return true;
			job->plan->vec->count(
				sums, data + tensor_index(t, p, (uint64_t)y * t->width + x, 0), n,
				words, l->fan_w + x);
		}
	return false;
}

/* Elements of int32 that are not zero, likewise. */
static bool count_integers(struct job *job, const struct layer *l, const uint64_t *data, uint32_t y,
			   uint64_t sums[2])
{
	const struct snnq_tensor *t = &l->desc->in[0];
	const int32_t *v = (const int32_t *)data + (uint64_t)y * t->width * t->channels;
	uint32_t x, c;

	for (x = 0; x < t->width; x++, v += t->channels) {
		uint64_t n = 0;

		if (work(job, t->channels))
			return true;
		for (c = 0; c < t->channels; c++)
			n += v[c] != 0;
		sums[0] += n;
		sums[1] += n * l->fan_w[x];
	}
	return false;
}

/* A set bit feeds the channels of its group in each window that contains it. */
bool window_count(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	bool pool = l->desc->quant.scheme == SNNQ_SCHEME_NONE;
	uint64_t targets = pool ? 1 : l->desc->out.channels / l->geometry.groups;
	uint32_t y;

	for (y = 0; y < in->height; y++) {
		uint64_t sums[2] = { 0 };

		if (in->format == SNNQ_FORMAT_INT32 ? count_integers(job, l, s->in[0], y, sums) :
						      count_row(job, l, s->in[0], y, sums))
			return true;
		job->stats->input_spikes += sums[0];
		job->stats->synops += sums[1] * l->fan_h[y] * targets;
	}
	return false;
}
