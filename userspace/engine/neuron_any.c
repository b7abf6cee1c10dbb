// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * neuron_any.c - neurons with whatever the format knows: levels, counts and potentials as
 * outputs, values by channel or element, clamps, delayed and periodic resets. One after the
 * other; the usual ones have faster ways (neuron.c).
 */
#include "engine.h"

#define KEPT_SHIFT 17u /* of the count to be subtracted, in the counter word */

/**
 * struct any - neurons of a word, in a step
 * @element: number of the first one in the output; @channel: likewise.
 * @acc, @u, @i, @aux: of them; the last two may be NULL.
 * @restart: state and counters become zero first.
 */
struct any {
	const struct layer *l;
	const struct snnq_neuron *d;
	uint64_t element;
	uint32_t channel;
	const int32_t *acc;
	int32_t *u;
	int32_t *i;
	uint32_t *aux;
	bool restart;
	__u64 *saturations;
};

bool neuron_is_any(const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	const uint32_t usual = SNNQ_NEURON_FLAG_STICKY | SNNQ_NEURON_FLAG_OLD_CURRENT;
	uint32_t c = l->out.channels;

	return n->output || n->levels || n->flags & ~usual || n->reset_period || n->leak_count ||
	       n->current_leak_count || n->reset_count || n->delay_count ||
	       n->threshold_count > c || n->bias_count > c || n->mult_count > c;
}

int64_t neuron_leak_value(uint32_t kind, uint32_t param, int32_t u)
{
	int32_t n = (int32_t)param, q;
	int64_t m;

	switch (kind) {
	case SNNQ_LEAK_DIVN:
		q = u / n;
		return q - (u % n < 0);
	case SNNQ_LEAK_Q16:
		return ((int64_t)u * param) >> 16;
	case SNNQ_LEAK_TZ12:
		m = ((u < 0 ? -(int64_t)u : u) * (4096 - (int64_t)param)) >> 12;
		return u < 0 ? -m : m;
	default:
		return u;
	}
}

/* A value of neuron @j: of all, of its channel, or its own. */
static int32_t value(const struct any *n, uint32_t index, uint32_t count, int32_t otherwise,
		     uint32_t j)
{
	const int32_t *table = n->l->table + index;

	if (count <= 1)
		return count ? table[0] : otherwise;
	return count == n->l->desc->out.channels ? table[n->channel + j] : table[n->element + j];
}

static int64_t leaked(const struct any *n, uint32_t kind, uint32_t param, uint32_t index,
		      uint32_t count, int32_t v, uint32_t j)
{
	return neuron_leak_value(kind, (uint32_t)value(n, index, count, (int32_t)param, j), v);
}

static const int32_t *level_thresholds(const struct any *n, uint32_t j)
{
	const int32_t *table = n->l->table + n->d->threshold_index;

	return n->d->threshold_count == n->d->levels ?
		       table :
		       table + (size_t)(n->channel + j) * n->d->levels;
}

/* Whether @u passes level @level. */
static bool passes(const struct any *n, uint32_t j, int32_t u, uint32_t level, bool sticky)
{
	const struct snnq_neuron *d = n->d;
	int64_t at, v = u;

	if (d->flags & SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS) {
		at = level_thresholds(n, j)[level - 1];
	} else {
		at = value(n, d->threshold_index, d->threshold_count, 0, j);
		if (d->flags & SNNQ_NEURON_FLAG_HALF_LEVELS) {
			at *= 2 * (int64_t)level - 1;
			v *= 2;
		} else {
			at *= level;
		}
	}
	if (v != at)
		return v > at;
	if (sticky)
		return true;
	return d->tie == SNNQ_TIE_EVEN ? level % 2 == 0 : d->compare == SNNQ_COMPARE_GE;
}

/* How many levels @u passes: the first ones, which are found by halves. */
static uint32_t count_levels(const struct any *n, uint32_t j, int32_t u, bool sticky)
{
	uint32_t low = 0, high = n->d->levels ? n->d->levels : 1;

	if (!n->d->threshold_count)
		return 0;
	while (low < high) {
		uint32_t middle = (low + high + 1) / 2;

		if (passes(n, j, u, middle, sticky))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* What @count spikes take from the potential. */
static int64_t taken(const struct any *n, uint32_t j, uint32_t count)
{
	if (!count)
		return 0;
	if (n->d->flags & SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS)
		return level_thresholds(n, j)[count - 1];
	return (int64_t)count * value(n, n->d->threshold_index, n->d->threshold_count, 0, j);
}

static int64_t drive(const struct any *n, uint32_t j)
{
	const struct snnq_neuron *d = n->d;
	int64_t input = (int64_t)n->acc[j] * (1 << d->shift);
	int32_t old;

	if (!n->i)
		return input;
	old = n->i[j];
	n->i[j] = sat32(leaked(n, d->current_leak, d->current_leak_param, d->current_leak_index,
			       d->current_leak_count, old, j) +
				input,
			n->saturations);
	return d->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : n->i[j];
}

static int32_t requantized(const struct any *n, int64_t r)
{
	uint32_t shift = n->d->requant_shift;

	if (shift)
		r = (r + (1ll << (shift - 1))) >> shift;
	return tensor_clamp(&n->l->desc->out, r, n->saturations);
}

static int32_t output(const struct any *n, uint32_t j, int32_t u, uint32_t count)
{
	const struct snnq_neuron *d = n->d;

	switch (d->output) {
	case SNNQ_OUTPUT_SPIKES:
		return count > 0;
	case SNNQ_OUTPUT_COUNTS:
		return (int32_t)count;
	case SNNQ_OUTPUT_GRADED:
		if (!count)
			return 0;
	}
	return requantized(n, (int64_t)u * value(n, d->mult_index, d->mult_count, 1, j));
}

/* What is kept in the counter word. */
struct kept {
	uint32_t counter, count;
	bool sticky;
};

static struct kept unpack(const struct any *n, uint32_t j)
{
	uint32_t w = n->aux ? n->aux[j] : 0;
	struct kept k = { w & AUX_COUNTER, w >> KEPT_SHIFT, w & AUX_STICKY };

	return k;
}

static void pack(const struct any *n, uint32_t j, struct kept k)
{
	bool sticky = k.sticky && n->d->flags & SNNQ_NEURON_FLAG_STICKY;

	if (n->aux)
		n->aux[j] = k.counter | (sticky ? AUX_STICKY : 0) | k.count << KEPT_SHIFT;
}

/* Steps 2 and 3. */
static int32_t integrate(const struct any *n, uint32_t j, int64_t input, struct kept *k)
{
	const struct snnq_neuron *d = n->d;
	int32_t old = n->u[j], u;
	uint32_t param =
		(uint32_t)value(n, d->leak_index, d->leak_count, (int32_t)d->leak_param, j);

	if (d->leak == SNNQ_LEAK_DIVN && old % (int32_t)param)
		k->sticky |= d->flags & SNNQ_NEURON_FLAG_STICKY;
	input += value(n, d->bias_index, d->bias_count, 0, j);
	/* Kept counts come from a state that others can write to. */
	if (k->count > (d->levels ? d->levels : 1))
		k->count = 1;
	u = sat32(neuron_leak_value(d->leak, param, old) + input - taken(n, j, k->count),
		  n->saturations);
	k->count = 0;
	return d->flags & SNNQ_NEURON_FLAG_CLAMP_LOW && u < d->low ? d->low : u;
}

/* Step 5, after @count > 0 levels were passed. */
static int32_t reset(const struct any *n, uint32_t j, int32_t u, uint32_t count, struct kept *k)
{
	const struct snnq_neuron *d = n->d;

	k->counter = d->refractory;
	if (d->reset == SNNQ_RESET_HARD) {
		k->sticky = false;
		return value(n, d->reset_index, d->reset_count, d->reset_value, j);
	}
	if (d->reset == SNNQ_RESET_NONE)
		return u;
	if (!(d->flags & SNNQ_NEURON_FLAG_DELAYED_RESET))
		return sat32(u - taken(n, j, count), n->saturations);
	k->count = count;
	return u;
}

static int32_t update(const struct any *n, uint32_t j)
{
	const struct snnq_neuron *d = n->d;
	struct kept k = unpack(n, j);
	uint32_t count = 0;
	int64_t input;
	int32_t u, seen;

	if (n->restart) {
		k = (struct kept){ 0 };
		n->u[j] = 0;
		if (n->i)
			n->i[j] = 0;
	}
	input = drive(n, j);
	if (k.counter) {
		k.counter--;
		k.count = 0;
		u = seen = value(n, d->reset_index, d->reset_count, d->reset_value, j);
	} else {
		u = seen = integrate(n, j, input, &k);
		count = count_levels(n, j, u, k.sticky);
		if (count)
			u = reset(n, j, u, count, &k);
	}
	n->u[j] = u;
	pack(n, j, k);
	return output(n, j, seen, count);
}

/* Model NONE, with values of elements. */
static int32_t none(const struct any *n, uint32_t j)
{
	const struct snnq_neuron *d = n->d;

	return requantized(n, (int64_t)n->acc[j] * value(n, d->mult_index, d->mult_count, 1, j) +
				      value(n, d->bias_index, d->bias_count, 0, j));
}

static bool restarts(const struct job *job, const struct snnq_neuron *d, uint32_t t)
{
	return d->reset_period && !job->round &&
	       (job->first_step + t) % d->reset_period == d->reset_offset;
}

bool neuron_any_stage(struct job *job, struct layer *l, const struct block *b, uint64_t pos,
		      uint32_t w, const int32_t *acc, size_t stride)
{
	const struct snnq_tensor *out = &l->desc->out;
	uint64_t at = pos * out->channels + w * 64ull;
	uint32_t left = out->channels - w * 64, count = left < 64 ? left : 64, t, j;
	bool spiking = l->desc->neuron.model != SNNQ_NEURON_NONE;
	struct any n = { .l = l,
			 .d = &l->desc->neuron,
			 .element = at,
			 .channel = w * 64,
			 .u = l->u ? l->u + at : NULL,
			 .i = l->i ? l->i + at : NULL,
			 .aux = l->aux ? l->aux + at : NULL,
			 .saturations = &job->stats->saturations };

	if (spiking && !b->steps[0].t && !job->round && state_fetch_neurons(job, l, at, count))
		return true;
	for (t = spiking ? b->skip : 0; t < b->count; t++) {
		int32_t v[64] = { 0 };

		/* Levels are looked for in up to 15 steps. */
		if (work(job, 64u * (16u + out->planes)))
			return true;
		n.acc = acc + t * stride;
		n.restart = restarts(job, n.d, b->steps[t].t);
		for (j = 0; j < count; j++)
			v[j] = spiking ? update(&n, j) : none(&n, j);
		tensor_store64(out, b->steps[t].out, pos, w, v);
	}
	return false;
}

/* ---- delays by channel or element ---- */

/* A word of outputs: what each neuron put out as many steps ago as its delay is. */
static void delay_word(struct layer *l, uint64_t *out, uint64_t pos, uint32_t w)
{
	const struct snnq_tensor *t = &l->desc->out;
	const struct snnq_neuron *d = &l->desc->neuron;
	uint64_t words = (snnq_tensor_bytes(t) + 7) / 8, at = pos * t->channels + w * 64ull;
	uint32_t left = t->channels - w * 64, n = left < 64 ? left : 64, j;
	struct any any = { .l = l, .d = d, .element = at, .channel = w * 64 };
	int32_t fresh[64], late[64] = { 0 };

	tensor_load64(t, out, pos, w, fresh);
	for (j = 0; j < n; j++) {
		uint32_t steps = (uint32_t)value(&any, d->delay_index, d->delay_count, 0, j);
		uint32_t slot = (l->line_slot + d->delay - steps) % d->delay;

		late[j] = steps ? tensor_get(t, l->line + slot * words, pos, w * 64 + j) : fresh[j];
	}
	tensor_store64(t, l->line + l->line_slot * words, pos, w, fresh);
	tensor_store64(t, out, pos, w, late);
}

bool neuron_any_delay(struct job *job, struct layer *l, uint64_t *out)
{
	const struct snnq_tensor *t = &l->desc->out;
	uint64_t pos;
	uint32_t w;

	for (pos = 0; pos < tensor_positions(t); pos++)
		for (w = 0; w < tensor_words(t); w++) {
			if (work(job, 64u * (2u + 4u * t->planes)))
				return true;
			delay_word(l, out, pos, w);
		}
	l->line_slot = (l->line_slot + 1) % l->desc->neuron.delay;
	return false;
}
