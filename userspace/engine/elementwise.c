// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * elementwise.c - ELEMENTWISE: accumulators of two operands, each scaled, one of them maybe
 * repeated along positions or channels; AND, ANDN and OR of spikes as words. The sum of
 * bit-planes that goes to no neuron is in add.c.
 */
#include "engine.h"

bool elementwise_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	int64_t a, b;

	if (scale_prepare(plan, l, 0, pace, &a) || scale_prepare(plan, l, 1, pace, &b))
		return true;
	switch (l->desc->mode) {
	case SNNQ_ELEMENTWISE_ADD:
		l->acc_bound = a + b;
		break;
	case SNNQ_ELEMENTWISE_MULTIPLY:
		l->acc_bound = a * b;
		break;
	default:
		l->acc_bound = 1;
	}
	return false;
}

static int64_t combine(uint32_t mode, int64_t a, int64_t b)
{
	switch (mode) {
	case SNNQ_ELEMENTWISE_ADD:
		return a + b;
	case SNNQ_ELEMENTWISE_MULTIPLY:
		return a * b;
	case SNNQ_ELEMENTWISE_AND:
		return a & b;
	case SNNQ_ELEMENTWISE_ANDN:
		return a & ~b;
	default:
		return a | b;
	}
}

/* Position of operand @k that belongs to a position of the result. */
static uint64_t position_in(const struct layer *l, uint32_t k, uint64_t pos)
{
	return l->desc->in[k].height * l->desc->in[k].width == 1 ? 0 : pos;
}

ACCUMULATE(elementwise_generic)
{
	uint64_t pos = (uint64_t)y * l->desc->out.width + x;
	uint32_t c, k;

	for (c = 0; c < l->desc->out.channels; c++) {
		int64_t v[2];

		if (work(job, 2u + l->desc->in[0].planes + l->desc->in[1].planes))
			return true;
		for (k = 0; k < 2; k++)
			v[k] = scale_get(l, k, s->in[k], position_in(l, k, pos),
					 l->desc->in[k].channels == 1 ? 0 : c);
		acc[c] = (int32_t)combine(l->desc->mode, v[0], v[1]);
	}
	return false;
}

/* 64 elements of an operand, repeated and scaled. */
static void load_repeated(const struct layer *l, uint32_t k, const uint64_t *data, uint64_t pos,
			  uint32_t w, int32_t v[64])
{
	const struct snnq_tensor *t = &l->desc->in[k];
	bool repeated = t->channels == 1;
	uint32_t j;

	pos = position_in(l, k, pos);
	tensor_load64(t, data, pos, repeated ? 0 : w, v);
	scale_64(l, k, repeated ? 0 : w, v);
	for (j = 1; repeated && j < 64; j++)
		v[j] = v[0];
}

ACCUMULATE(elementwise_sum)
{
	const struct snnq_layer *d = l->desc;
	uint64_t pos = (uint64_t)y * d->out.width + x;
	int32_t a[64], b[64];
	uint32_t w, j;

	for (w = 0; w < tensor_words(&d->out); w++, acc += 64) {
		if (work(job, 64u * (2u + d->in[0].planes + d->in[1].planes)))
			return true;
		load_repeated(l, 0, s->in[0], pos, w, a);
		load_repeated(l, 1, s->in[1], pos, w, b);
		if (d->mode == SNNQ_ELEMENTWISE_ADD)
			for (j = 0; j < 64; j++)
				acc[j] = a[j] + b[j];
		else
			for (j = 0; j < 64; j++)
				acc[j] = (int32_t)combine(d->mode, a[j], b[j]);
	}
	return false;
}

bool logic_run(struct job *job, struct layer *l, const struct step *s)
{
	uint64_t words = snnq_tensor_bytes(&l->desc->out) / 8, i, end;
	const uint64_t *a = s->in[0], *b = s->in[1];

	for (i = 0; i < words;) {
		end = words - i < CHUNK_BYTES / 8 ? words : i + CHUNK_BYTES / 8;
		if (work(job, (uint32_t)(end - i)))
			return true;
		for (; i < end; i++)
			s->out[i] = l->desc->mode == SNNQ_ELEMENTWISE_AND  ? a[i] & b[i] :
				    l->desc->mode == SNNQ_ELEMENTWISE_ANDN ? a[i] & ~b[i] :
									     a[i] | b[i];
	}
	return false;
}
