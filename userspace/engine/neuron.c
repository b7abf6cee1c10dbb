// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * neuron.c - the neuron stage: accumulators of one output position at a time to
 * spikes, or requantized when there is no neuron. 64 channels make one word.
 */
#include <string.h>

#include "neuron.h"

#include "engine.h"

#define AUX_COUNTER	0xffffu		/* refractory steps left */
#define AUX_STICKY	0x10000u

/* A leak by a power of two, told apart because shifts are fast. */
#define LEAK_SHIFT	(SNNQ_LEAK_TZ12 + 1u)

/* Expand a table of one or all channels; an absent one is @otherwise everywhere. */
static bool expand(const struct snnq_plan *plan, const struct layer *l, struct snnq_pace *pace,
		   uint32_t index, uint32_t count, int32_t otherwise, int32_t *values)
{
	const int32_t *table = snnq_program_table(plan->program);
	uint32_t channels = l->desc->out.channels, c;

	if (snnq_work(pace, channels))
		return true;
	for (c = 0; c < channels; c++)
		values[c] = count ? table[index + (count == 1 ? 0 : c)] : otherwise;
	return false;
}

/* Whether (accumulator << F) + bias always fits int32. */
static bool input_is_narrow(const struct layer *l)
{
	int64_t bound = l->acc_bound * (1ll << l->desc->neuron.shift);
	uint32_t c;

	for (c = 0; c < l->desc->out.channels; c++) {
		int64_t b = l->bias[c];

		if (bound + (b < 0 ? -b : b) > INT32_MAX)
			return false;
	}
	return true;
}

static void bind_state(struct snnq_plan *plan, struct layer *l)
{
	const struct snnq_neuron *n = &l->desc->neuron;
	uint8_t *p = plan->state + l->desc->state_offset;
	uint64_t part = (snnq_tensor_elements(&l->desc->out) * 4 + 7) & ~7ull;

	l->u = (int32_t *)(void *)p;
	p += part;
	if (n->model == SNNQ_NEURON_CUBA) {
		l->i = (int32_t *)(void *)p;
		p += part;
	}
	if ((n->flags & SNNQ_NEURON_FLAG_STICKY) || n->refractory) {
		l->aux = (uint32_t *)(void *)p;
		p += part;
	}
	if (n->delay)
		l->line = (uint64_t *)(void *)p;
}

void neuron_lay_out(struct snnq_plan *plan, struct layer *l)
{
	uint32_t channels = l->desc->out.channels;

	if (l->op->run)
		return;
	l->bias = plan_part(plan, channels, sizeof(*l->bias));
	if (l->desc->neuron.model == SNNQ_NEURON_NONE)
		l->mult = plan_part(plan, channels, sizeof(*l->mult));
	else
		l->threshold = plan_part(plan, channels, sizeof(*l->threshold));
}

bool neuron_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	const struct snnq_neuron *n = &l->desc->neuron;

	if (l->op->run)
		return false;
	if (expand(plan, l, pace, n->bias_index, n->bias_count, 0, l->bias))
		return true;
	if (n->model == SNNQ_NEURON_NONE)
		return expand(plan, l, pace, n->mult_index, n->mult_count, 1, l->mult);
	if (expand(plan, l, pace, n->threshold_index, n->threshold_count, 0, l->threshold) ||
	    snnq_work(pace, l->desc->out.channels))
		return true;
	l->narrow = input_is_narrow(l);
	bind_state(plan, l);
	return false;
}

static inline __attribute__((always_inline)) int64_t leak(uint32_t kind, uint32_t param,
							   int32_t u)
{
	int32_t n = (int32_t)param, q;
	int64_t m;

	switch (kind) {
	case SNNQ_LEAK_DIVN:
		q = u / n;
		return q - (u % n < 0);
	case LEAK_SHIFT:
		return u >> param;
	case SNNQ_LEAK_Q16:
		return ((int64_t)u * param) >> 16;
	case SNNQ_LEAK_TZ12:
		m = ((u < 0 ? -(int64_t)u : u) * (4096 - (int64_t)param)) >> 12;
		return u < 0 ? -m : m;
	default:
		return u;
	}
}

/* Bit j of the result is fired[j], which is 0 or 1. */
static inline uint64_t pack_fired(const uint8_t fired[64])
{
	uint64_t w = 0, bytes;
	uint32_t k;

	for (k = 0; k < 8; k++) {
		memcpy(&bytes, fired + 8 * k, 8);
		w |= (bytes * 0x0102040810204080ull >> 56) << (8 * k);
	}
	return w;
}

/*
 * LIF without refractory time and sticky bit, whose input fits int32; constant
 * @kind and @reset. Written for the vectorizer: no branches, no aliases, 32 bits.
 */
static inline __attribute__((always_inline)) uint64_t lif_lanes(struct neuron_lanes *n, uint32_t kind,
								uint32_t reset)
{
	const int32_t *restrict acc = n->acc, *restrict bias = n->bias;
	const int32_t *restrict threshold = n->threshold;
	int32_t equal_fires = n->neuron->compare == SNNQ_COMPARE_GE;
	int32_t reset_value = n->neuron->reset_value, scale = 1 << n->neuron->shift;
	uint32_t param = n->leak_param, count = n->count, clamped = 0, j;
	int32_t *restrict state = n->u;
	uint8_t fired[64] = { 0 };

	for (j = 0; j < count; j++) {
		int32_t x = acc[j] * scale + bias[j];
		int32_t a = (int32_t)leak(kind, param, state[j]);
		int32_t sum = (int32_t)((uint32_t)a + (uint32_t)x);
		uint32_t over = (uint32_t)((a ^ sum) & (x ^ sum)) >> 31;
		int32_t u = over ? (a >> 31) ^ INT32_MAX : sum;
		int32_t fire = u > threshold[j] - equal_fires;

		clamped += over;
		if (reset == SNNQ_RESET_HARD)
			u = fire ? reset_value : u;
		else if (reset == SNNQ_RESET_SOFT)	/* u >= threshold >= 1: no overflow */
			u -= fire ? threshold[j] : 0;
		state[j] = u;
		fired[j] = (uint8_t)fire;
	}
	n->saturations += clamped;
	return pack_fired(fired);
}

#define LIF_RESETS(kind) do {						\
	switch (n->neuron->reset) {					\
	case SNNQ_RESET_HARD:						\
		return lif_lanes(n, kind, SNNQ_RESET_HARD);		\
	case SNNQ_RESET_SOFT:						\
		return lif_lanes(n, kind, SNNQ_RESET_SOFT);		\
	default:							\
		return lif_lanes(n, kind, SNNQ_RESET_NONE);		\
	} } while (0)

SIMD_CLONES
static uint64_t lif_word(struct neuron_lanes *n)
{
	switch (n->leak_kind) {
	case SNNQ_LEAK_NONE:
		LIF_RESETS(SNNQ_LEAK_NONE);
	case LEAK_SHIFT:
		LIF_RESETS(LEAK_SHIFT);
	case SNNQ_LEAK_DIVN:
		LIF_RESETS(SNNQ_LEAK_DIVN);
	case SNNQ_LEAK_Q16:
		LIF_RESETS(SNNQ_LEAK_Q16);
	default:
		LIF_RESETS(SNNQ_LEAK_TZ12);
	}
}

/* Steps 1 to 3 of a neuron that is not refractory; returns whether leak dropped something. */
static bool integrate(struct neuron_lanes *n, uint32_t j, int64_t input, int32_t *u)
{
	const struct snnq_neuron *d = n->neuron;

	*u = sat32(leak(n->leak_kind, n->leak_param, n->u[j]) + input, &n->saturations);
	return d->leak == SNNQ_LEAK_DIVN && n->u[j] % (int32_t)d->leak_param;
}

/* CUBA: update the current; returns what the membrane integrates of it. */
static int32_t update_current(struct neuron_lanes *n, uint32_t j, int64_t input)
{
	const struct snnq_neuron *d = n->neuron;
	int32_t old = n->i[j];

	n->i[j] = sat32(leak(d->current_leak, d->current_leak_param, old) + input,
			&n->saturations);
	return d->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : n->i[j];
}

/* Any neuron, one lane; returns whether it fires. */
static bool update_neuron(struct neuron_lanes *n, uint32_t j)
{
	const struct snnq_neuron *d = n->neuron;
	uint32_t aux = n->aux ? n->aux[j] : 0;
	uint32_t counter = aux & AUX_COUNTER;
	bool sticky = aux & AUX_STICKY, keeps = d->flags & SNNQ_NEURON_FLAG_STICKY, fire;
	int64_t input = (int64_t)n->acc[j] * (1 << d->shift);
	int32_t u, theta = n->threshold[j];

	if (n->i)
		input = update_current(n, j, input);
	if (counter) {
		counter--;
		u = d->reset_value;
		fire = false;
	} else {
		if (integrate(n, j, input + n->bias[j], &u))
			sticky |= keeps;
		fire = u > theta || (u == theta && (d->compare == SNNQ_COMPARE_GE || sticky));
		if (fire) {
			if (d->reset == SNNQ_RESET_HARD)
				u = d->reset_value;
			else if (d->reset == SNNQ_RESET_SOFT)
				u -= theta;
			sticky &= d->reset != SNNQ_RESET_HARD;
			counter = d->refractory;
		}
	}
	n->u[j] = u;
	if (n->aux)
		n->aux[j] = counter | (keeps && sticky ? AUX_STICKY : 0);
	return fire;
}

struct neuron_lanes neuron_lanes_of(const struct snnq_neuron *n)
{
	struct neuron_lanes lanes = {
		.neuron = n, .leak_kind = n->leak, .leak_param = n->leak_param,
	};

	if (n->leak == SNNQ_LEAK_DIVN && !(n->leak_param & (n->leak_param - 1))) {
		lanes.leak_kind = LEAK_SHIFT;
		lanes.leak_param = (uint32_t)__builtin_ctz(n->leak_param);
	}
	return lanes;
}

uint64_t neuron_word(struct neuron_lanes *n)
{
	uint64_t w = 0;
	uint32_t j;

	if (n->narrow && !n->i && !n->aux)
		return lif_word(n);
	for (j = 0; j < n->count; j++)
		w |= (uint64_t)update_neuron(n, j) << j;
	return w;
}

/* Spikes of output position @pos from its accumulators. */
static bool fire_position(struct job *part, struct layer *l, uint64_t pos, const int32_t *acc,
			  uint64_t *out)
{
	const struct snnq_tensor *t = &l->desc->out;
	uint32_t words = tensor_words(t), w;
	struct neuron_lanes lanes = neuron_lanes_of(&l->desc->neuron);

	if (work_in_part(part, t->channels))
		return true;
	lanes.narrow = l->narrow;
	for (w = 0; w < words; w++) {
		uint64_t at = pos * t->channels + w * 64ull;
		uint32_t left = t->channels - w * 64;

		lanes.count = left < 64 ? left : 64;
		lanes.acc = acc + w * 64;
		lanes.threshold = l->threshold + w * 64;
		lanes.bias = l->bias + w * 64;
		lanes.u = l->u + at;
		lanes.i = l->i ? l->i + at : NULL;
		lanes.aux = l->aux ? l->aux + at : NULL;
		out[pos * words + w] = neuron_word(&lanes);
	}
	l->stats.saturations += lanes.saturations;
	return false;
}

/* Model NONE: multiply, add, shift with rounding, clamp. */
static bool requantize_position(struct job *part, struct layer *l, uint64_t pos,
				const int32_t *acc, uint64_t *out)
{
	const struct snnq_tensor *t = &l->desc->out;
	uint32_t shift = l->desc->neuron.requant_shift, w, j;

	for (w = 0; w < tensor_words(t); w++) {
		int32_t v[64] = { 0 };

		if (work_in_part(part, 64u * (1u + t->planes)))
			return true;
		for (j = 0; j < 64 && w * 64 + j < t->channels; j++) {
			uint32_t c = w * 64 + j;
			int64_t r = (int64_t)acc[c] * l->mult[c] + l->bias[c];

			if (shift)
				r = (r + (1ll << (shift - 1))) >> shift;
			v[j] = tensor_clamp(t, r, &l->stats.saturations);
		}
		tensor_store64(t, out, pos, w, v);
	}
	return false;
}

/* Put new spikes into the delay line and take the oldest out. */
static bool delay(struct job *job, struct layer *l, const uint64_t *fresh, uint64_t *out)
{
	uint64_t bytes = snnq_tensor_bytes(&l->desc->out);
	uint64_t *slot = l->line + l->line_slot * (bytes / 8);

	if (job_copy(job, out, slot, bytes) || tensor_mask(job, &l->desc->out, out) ||
	    job_copy(job, slot, fresh, bytes))
		return true;
	l->line_slot = (l->line_slot + 1) % l->desc->neuron.delay;
	return false;
}

/* Of all that is done for a position, at most. */
static uint64_t position_ops(const struct layer *l)
{
	const struct snnq_tensor *t = &l->desc->out;

	if (l->kernel == SNNQ_KERNEL_GENERIC)
		return UINT64_MAX;
	return l->op->position_ops(l) + tensor_words(t) * 64ull * (2 + t->planes);
}

bool neuron_step(struct job *job, struct layer *l, const struct step *s)
{
	struct snnq_plan *plan = job->plan;
	const struct snnq_tensor *t = &l->desc->out;
	bool spiking = l->desc->neuron.model != SNNQ_NEURON_NONE;
	bool skip = (l->desc->flags & SNNQ_LAYER_FLAG_SKIP_FIRST) && s->first;
	uint64_t *spikes = l->line ? plan->fresh : s->out;
	uint64_t acc_bytes = tensor_words(t) * 64 * sizeof(*plan->acc), pos = 0;
	uint64_t all = position_ops(l);
	struct job *part = all <= SNNQ_SAFE_POINT_OPS ? NULL : job;
	uint32_t y, x;

	if (l->op->unpack && l->kernel == SNNQ_KERNEL_DENSE &&
	    tensor_unpack(job, &l->desc->in[0], s->in[0], plan->values))
		return true;
	l->values = plan->values;
	for (y = 0; y < t->height; y++) {
		for (x = 0; x < t->width; x++, pos++) {
			if (work(job, part ? (uint32_t)(acc_bytes / 8) : (uint32_t)all))
				return true;
			memset(plan->acc, 0, acc_bytes);
			if (l->op->kernels[l->kernel](part, l, s, y, x, plan->acc))
				return true;
			if (!spiking ? requantize_position(part, l, pos, plan->acc, s->out) :
				       !skip && fire_position(part, l, pos, plan->acc, spikes))
				return true;
		}
	}
	if (skip && job_zero(job, spikes, snnq_tensor_bytes(t)))
		return true;
	if (spiking && !skip)
		l->stats.neuron_updates += snnq_tensor_elements(t);
	return l->line && delay(job, l, plan->fresh, s->out);
}

/* Reverse the order of @n slots of @words words. */
static bool reverse_slots(struct job *job, uint64_t *slots, uint32_t n, uint64_t words)
{
	uint64_t *low = slots, *high = slots + n * words, k;

	for (; n >= 2; n -= 2, low += words) {
		high -= words;
		for (k = 0; k < words; k++) {
			uint64_t v = low[k];

			if (work(job, 2))
				return true;
			low[k] = high[k];
			high[k] = v;
		}
	}
	return false;
}

/* A ring while the job ran, the delay line is kept with the oldest slot first. */
bool neuron_end_job(struct job *job, struct layer *l)
{
	uint64_t words = snnq_tensor_bytes(&l->desc->out) / 8;
	uint32_t d = l->desc->neuron.delay;

	if (!l->line || !l->line_slot)
		return false;
	if (reverse_slots(job, l->line, l->line_slot, words) ||
	    reverse_slots(job, l->line + l->line_slot * words, d - l->line_slot, words) ||
	    reverse_slots(job, l->line, d, words))
		return true;
	l->line_slot = 0;
	return false;
}
