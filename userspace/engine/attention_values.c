// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * attention_values.c - ATTENTION of counts, or with V of another width than Q and K. Once a
 * step K^T V by rows of V for each element of K that is not zero, where that is small;
 * otherwise a query's products with the keys, one after the other.
 */
#include <string.h>

#include "engine.h"

#define MOST_BYTES (1u << 24) /* of K^T V */

static uint32_t key_width(const struct layer *l)
{
	return l->desc->in[0].channels / l->desc->param;
}

static uint32_t value_width(const struct layer *l)
{
	return l->desc->in[2].channels / l->desc->param;
}

static uint64_t product_bytes(const struct layer *l)
{
	return (uint64_t)l->desc->in[0].channels * value_width(l) * sizeof(int32_t);
}

static bool by_product(const struct layer *l)
{
	return product_bytes(l) <= MOST_BYTES;
}

/* Rows of Q or K, and of V, as int32; numbers of set bits take the place of K^T V. */
struct value_rows {
	int32_t *key, *value;
};

static struct value_rows rows_of(const struct layer *l, const struct hand *hand)
{
	struct value_rows r = { .key = (int32_t *)(void *)hand->list };

	r.value = r.key + tensor_words(&l->desc->in[0]) * 64;
	return r;
}

void values_lay_out(struct snnq_plan *plan, struct layer *l)
{
	uint64_t words = tensor_words(&l->desc->in[0]) + tensor_words(&l->desc->in[2]);

	plan_needs(&plan->needs.list, words * 64 * sizeof(int32_t));
	plan_needs(&plan->needs.attention, by_product(l) ? product_bytes(l) : 0);
	plan_needs(&plan->needs.attention, 2ull * l->desc->in[0].channels * sizeof(uint64_t));
}

bool values_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	const struct snnq_layer *d = l->desc;

	(void)plan;
	(void)pace;
	l->acc_bound = (int64_t)tensor_positions(&d->in[0]) * key_width(l) *
		       tensor_bound(&d->in[0]) * tensor_bound(&d->in[1]) * tensor_bound(&d->in[2]);
	return false;
}

ACCUMULATE(values_generic)
{
	const struct snnq_layer *d = l->desc;
	uint64_t tokens = tensor_positions(&d->in[0]), n = (uint64_t)y * d->out.width + x, m;
	uint32_t wide = key_width(l), out = value_width(l), h, c;

	for (h = 0; h < d->param; h++)
		for (m = 0; m < tokens; m++) {
			int32_t a = 0;

			for (c = h * wide; c < (h + 1) * wide; c++) {
				if (work(job, 1u + d->in[0].planes + d->in[1].planes))
					return true;
				a += tensor_get(&d->in[0], s->in[0], n, c) *
				     tensor_get(&d->in[1], s->in[1], m, c);
			}
			for (c = h * out; c < (h + 1) * out; c++) {
				if (work(job, 1u + d->in[2].planes))
					return true;
				acc[c] += a * tensor_get(&d->in[2], s->in[2], m, c);
			}
		}
	return false;
}

static bool load_row(struct job *job, const struct snnq_tensor *t, const uint64_t *data,
		     uint64_t pos, int32_t *row)
{
	uint32_t w;

	for (w = 0; w < tensor_words(t); w++, row += 64) {
		if (work(job, 64u * (1u + t->planes)))
			return true;
		tensor_load64(t, data, pos, w, row);
	}
	return false;
}

/* to += factor * row */
static bool add_row(struct job *job, int32_t *to, const int32_t *row, int32_t factor, uint32_t n)
{
	uint32_t j;

	if (work(job, n))
		return true;
	for (j = 0; j < n; j++)
		to[j] += factor * row[j];
	return false;
}

/* For each channel of a row that is not zero: the row of it, times it. */
static bool each_channel(struct job *job, const struct layer *l, const int32_t *row,
			 bool (*fn)(struct job *job, const struct layer *l, uint32_t c, int32_t v,
				    int32_t *to),
			 int32_t *to)
{
	uint32_t c;

	for (c = 0; c < l->desc->in[0].channels; c++) {
		if (!(c % 1024) && work(job, 1024))
			return true;
		if (row[c] && fn(job, l, c, row[c], to))
			return true;
	}
	return false;
}

static bool multiply_value(struct job *job, const struct layer *l, uint32_t c, int32_t v,
			   int32_t *kv)
{
	uint32_t out = value_width(l);
	const int32_t *row = rows_of(l, &job->hand).value + c / key_width(l) * out;

	return add_row(job, kv + (uint64_t)c * out, row, v, out);
}

static bool take_product(struct job *job, const struct layer *l, uint32_t c, int32_t v,
			 int32_t *acc)
{
	const int32_t *kv = job->plan->attention;
	uint32_t out = value_width(l);

	return add_row(job, acc + c / key_width(l) * out, kv + (uint64_t)c * out, v, out);
}

bool values_begin(struct job *job, struct layer *l, const struct block *b)
{
	const struct snnq_layer *d = l->desc;
	struct value_rows rows = rows_of(l, &job->hand);
	const struct step *s = b->steps;
	uint64_t m;

	if (!by_product(l))
		return false;
	if (job_zero(job, job->plan->attention, product_bytes(l)))
		return true;
	for (m = 0; m < tensor_positions(&d->in[1]); m++)
		if (load_row(job, &d->in[1], s->in[1], m, rows.key) ||
		    load_row(job, &d->in[2], s->in[2], m, rows.value) ||
		    each_channel(job, l, rows.key, multiply_value, job->plan->attention))
			return true;
	return false;
}

ACCUMULATE(values_sum)
{
	uint64_t pos = (uint64_t)y * l->desc->out.width + x;
	struct value_rows rows = rows_of(l, &job->hand);

	if (!by_product(l))
		return values_generic(job, l, s, y, x, acc);
	return load_row(job, &l->desc->in[0], s->in[0], pos, rows.key) ||
	       each_channel(job, l, rows.key, take_product, acc);
}

/* ---- synaptic operations ---- */

/* Set bits in the channels of head @h of a position. */
static bool head_bits(struct job *job, const struct layer *l, uint32_t k, const uint64_t *data,
		      uint64_t pos, uint32_t h, uint64_t *bits)
{
	const struct snnq_tensor *t = &l->desc->in[k];
	uint32_t wide = t->channels / l->desc->param, first = h * wide, end = first + wide, p, w;

	*bits = 0;
	for (p = 0; p < t->planes; p++) {
		if (work(job, wide / 64 + 2))
			return true;
		for (w = first / 64; w * 64 < end; w++)
			*bits += (uint64_t)__builtin_popcountll(data[tensor_index(t, p, pos, w)] &
								range_mask(first, end, w));
	}
	return false;
}

/* What V, and the order that the layer states, make of a head. */
static bool count_values(struct job *job, struct layer *l, const struct step *s, uint32_t h)
{
	uint64_t m, q, k, v, queries = 0, values = 0;

	for (m = 0; m < tensor_positions(&l->desc->in[0]); m++) {
		if (head_bits(job, l, 0, s->in[0], m, h, &q) ||
		    head_bits(job, l, 1, s->in[1], m, h, &k) ||
		    head_bits(job, l, 2, s->in[2], m, h, &v))
			return true;
		if (l->desc->mode == SNNQ_ATTENTION_KV_FIRST)
			job->stats->synops += k * v + q * value_width(l);
		queries += q != 0;
		values += v;
	}
	if (l->desc->mode == SNNQ_ATTENTION_QK_FIRST)
		job->stats->synops += queries * values;
	return false;
}

/* Set bits of each channel over all tokens. */
static bool channel_bits(struct job *job, const struct snnq_tensor *t, const uint64_t *data,
			 uint64_t *counts)
{
	uint64_t pos, bits;
	uint32_t p, w;

	if (job_zero(job, counts, t->channels * sizeof(*counts)))
		return true;
	for (p = 0; p < t->planes; p++)
		for (pos = 0; pos < tensor_positions(t); pos++)
			for (w = 0; w < tensor_words(t); w++) {
				if (work(job, 64))
					return true;
				bits = data[tensor_index(t, p, pos, w)];
				for (; bits; bits &= bits - 1)
					counts[w * 64 + (uint32_t)__builtin_ctzll(bits)]++;
			}
	return false;
}

bool values_count(struct job *job, struct layer *l, const struct step *s)
{
	uint32_t channels = l->desc->in[0].channels, h, c;
	uint64_t *q = job->plan->attention, *k = q + channels;

	if (count_all_inputs(job, l, s))
		return true;
	for (h = 0; h < l->desc->param; h++)
		if (count_values(job, l, s, h))
			return true;
	if (l->desc->mode == SNNQ_ATTENTION_KV_FIRST)
		return false;
	if (channel_bits(job, &l->desc->in[0], s->in[0], q) ||
	    channel_bits(job, &l->desc->in[1], s->in[1], k) || work(job, channels / 2 + 1))
		return true;
	for (c = 0; c < channels; c++)
		job->stats->synops += q[c] * k[c];
	return false;
}
