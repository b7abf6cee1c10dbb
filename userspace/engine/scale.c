// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scale.c - operands brought to a common scale, (a M + 2^(S - 1)) >> S. The validator
 * has proven that results fit int32.
 */
#include "engine.h"

static const int32_t *multipliers(const struct layer *l, uint32_t k)
{
	return l->table + l->desc->scale[k].mult_index;
}

static int64_t scaled(const struct snnq_scale *s, int64_t v, int64_t mult)
{
	v *= mult;
	return s->shift ? (v + (1ll << (s->shift - 1))) >> s->shift : v;
}

bool scale_prepare(struct snnq_plan *plan, struct layer *l, uint32_t k, struct snnq_pace *pace,
		   int64_t *bound)
{
	const struct snnq_scale *s = &l->desc->scale[k];
	int64_t most = s->mult_count ? 0 : 1;
	uint32_t i;

	l->table = snnq_program_table(plan->program);
	if (snnq_work(pace, s->mult_count))
		return true;
	for (i = 0; i < s->mult_count; i++) {
		int64_t m = multipliers(l, k)[i];

		m = m < 0 ? -m : m;
		most = m > most ? m : most;
	}
	*bound = scaled(s, snnq_tensor_largest(&l->desc->in[k]), most);
	return false;
}

int64_t scale_get(const struct layer *l, uint32_t k, const uint64_t *data, uint64_t position,
		  uint32_t channel)
{
	const struct snnq_scale *s = &l->desc->scale[k];
	int64_t v = tensor_get(&l->desc->in[k], data, position, channel);

	if (!s->mult_count)
		return scaled(s, v, 1);
	return scaled(s, v, multipliers(l, k)[s->mult_count == 1 ? 0 : channel]);
}

void scale_64(const struct layer *l, uint32_t k, uint32_t word, int32_t v[64])
{
	const struct snnq_scale *s = &l->desc->scale[k];
	uint32_t left = l->desc->in[k].channels - word * 64, n = left < 64 ? left : 64, j;
	const int32_t *m = s->mult_count > 1 ? multipliers(l, k) + word * 64 : NULL;
	int64_t one = s->mult_count == 1 ? multipliers(l, k)[0] : 1;
	int64_t half = s->shift ? 1ll << (s->shift - 1) : 0;

	if (!s->mult_count && !s->shift)
		return;
	for (j = 0; j < n; j++)
		v[j] = (int32_t)((v[j] * (m ? (int64_t)m[j] : one) + half) >> s->shift);
}
