// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * add.c - ELEMENTWISE ADD: the sum of two bit-plane tensors, clamped to the output's range.
 */
#include "engine.h"

static void add_generic(struct layer *l, const struct step *s, uint64_t pos, uint32_t w)
{
	const struct snnq_layer *d = l->desc;
	uint32_t first = w * 64, c;
	int32_t v[64] = { 0 };

	for (c = 0; c < 64 && first + c < d->out.channels; c++)
		v[c] = tensor_clamp(&d->out,
				    (int64_t)tensor_get(&d->in[0], s->in[0], pos, first + c) +
				    tensor_get(&d->in[1], s->in[1], pos, first + c),
				    &l->stats.saturations);
	tensor_store64(&d->out, s->out, pos, w, v);
}

static void add_word(struct layer *l, const struct step *s, uint64_t pos, uint32_t w)
{
	const struct snnq_layer *d = l->desc;
	int32_t a[64], b[64];
	uint32_t j;

	tensor_load64(&d->in[0], s->in[0], pos, w, a);
	tensor_load64(&d->in[1], s->in[1], pos, w, b);
	for (j = 0; j < 64; j++)	/* absent channels are zero and never clamped */
		a[j] = tensor_clamp(&d->out, a[j] + b[j], &l->stats.saturations);
	tensor_store64(&d->out, s->out, pos, w, a);
}

bool add_run(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *out = &l->desc->out;
	/* Of a word: its bits in each plane, and the sums. */
	uint32_t planes = 0u + l->desc->in[0].planes + l->desc->in[1].planes + out->planes;
	uint64_t pos;
	uint32_t w;

	for (pos = 0; pos < tensor_positions(out); pos++) {
		for (w = 0; w < tensor_words(out); w++) {
			if (work(job, 64 * (planes + 1)))
				return true;
			if (l->kernel == SNNQ_KERNEL_GENERIC)
				add_generic(l, s, pos, w);
			else
				add_word(l, s, pos, w);
		}
	}
	return false;
}
