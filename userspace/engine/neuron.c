// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * neuron.c - the neuron stage: accumulators of one word of outputs, for some steps, to
 * spikes, or requantized when there is no neuron.
 */
#include <string.h>

#include "engine.h"

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

/* Whether the magnitude of (accumulator << F) + bias is always at most @most. */
static bool input_is_below(const struct layer *l, int64_t most)
{
	int64_t bound = l->acc_bound * (1ll << l->desc->neuron.shift);
	uint32_t c;

	for (c = 0; c < l->desc->out.channels; c++) {
		int64_t b = l->bias[c];

		if (bound + (b < 0 ? -b : b) > most)
			return false;
	}
	return true;
}

/* Whether (accumulator * multiplier + bias) and what rounding adds fit int32 always. */
static bool products_fit(const struct layer *l)
{
	uint32_t shift = l->desc->neuron.requant_shift, c;
	int64_t half = shift ? 1ll << (shift - 1) : 0;

	for (c = 0; c < l->desc->out.channels; c++) {
		int64_t m = l->mult[c], b = l->bias[c], product;

		if (__builtin_mul_overflow(l->acc_bound, m < 0 ? -m : m, &product) ||
		    product > INT32_MAX || product + (b < 0 ? -b : b) + half > INT32_MAX)
			return false;
	}
	return true;
}

void neuron_lay_out(struct snnq_plan *plan, struct layer *l)
{
	uint64_t channels = tensor_words(&l->desc->out) * 64ull; /* whole words, with zeros */

	l->any = neuron_is_any(l->desc);
	if (l->op->run || l->any)
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

	l->table = snnq_program_table(plan->program);
	if (l->op->run || l->any)
		return false;
	if (expand(plan, l, pace, n->bias_index, n->bias_count, 0, l->bias))
		return true;
	if (n->model == SNNQ_NEURON_NONE) {
		if (expand(plan, l, pace, n->mult_index, n->mult_count, 1, l->mult) ||
		    snnq_work(pace, l->desc->out.channels))
			return true;
		l->narrow = products_fit(l);
		return false;
	}
	if (expand(plan, l, pace, n->threshold_index, n->threshold_count, 0, l->threshold) ||
	    snnq_work(pace, l->desc->out.channels) || snnq_work(pace, l->desc->out.channels))
		return true;
	l->neurons = neuron_lanes_of(n);
	l->neurons.narrow = input_is_below(l, INT32_MAX);
	l->neurons.tame = input_is_below(l, INT32_MAX / 2) && n->leak == SNNQ_LEAK_DIVN &&
			  n->leak_param > 1;
	return false;
}

static int64_t leak(const struct neuron_leak *k, int32_t u)
{
	return k->kind == LEAK_SHIFT ? u >> k->shift : neuron_leak_value(k->kind, k->param, u);
}

/* Steps 1 to 3 of a neuron that is not refractory; returns whether leak dropped something. */
static bool integrate(struct neuron_lanes *n, uint32_t j, int64_t input, int32_t *u)
{
	const struct snnq_neuron *d = n->neuron;

	*u = sat32(leak(&n->leak, n->u[j]) + input, &n->saturations);
	return d->leak == SNNQ_LEAK_DIVN && n->u[j] % (int32_t)d->leak_param;
}

/* CUBA: update the current; returns what the membrane integrates of it. */
static int32_t update_current(struct neuron_lanes *n, uint32_t j, int64_t input)
{
	int32_t old = n->i[j];

	n->i[j] = sat32(leak(&n->current_leak, old) + input, &n->saturations);
	return n->neuron->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : n->i[j];
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

/*
 * With s = ceil(log2(n)) and magic = ceil(2^(31 + s) / n), u * magic is too large by less
 * than u * n < 2^(31 + s), so the quotient by less than what would carry it over.
 */
static struct neuron_leak leak_of(uint32_t kind, uint32_t param)
{
	struct neuron_leak k = { .kind = kind, .param = param };
	uint32_t s;

	if (kind != SNNQ_LEAK_DIVN)
		return k;
	if (!(param & (param - 1))) {
		k.kind = LEAK_SHIFT;
		k.shift = (uint32_t)__builtin_ctz(param);
		return k;
	}
	s = 32 - (uint32_t)__builtin_clz(param - 1);
	k.magic = (uint32_t)(((1ull << (31 + s)) + param - 1) / param);
	k.shift = s - 1;
	return k;
}

struct neuron_lanes neuron_lanes_of(const struct snnq_neuron *n)
{
	return (struct neuron_lanes){
		.neuron = n,
		.leak = leak_of(n->leak, n->leak_param),
		.current_leak = leak_of(n->current_leak, n->current_leak_param),
	};
}

/* The part of a word that exists, made whole: what is added never fires. */
struct whole {
	int32_t threshold[64], bias[64], u[64], i[64];
	uint32_t aux[64];
};

static void fire_part(struct neuron_lanes *n)
{
	struct whole w = { .u = { 0 } };
	struct neuron_lanes all = *n;
	size_t bytes = n->count * sizeof(int32_t);
	uint32_t j;

	memcpy(w.threshold, n->threshold, bytes);
	for (j = n->count; j < 64; j++)
		w.threshold[j] = INT32_MAX;
	memcpy(w.bias, n->bias, bytes);
	memcpy(w.u, n->u, bytes);
	all.threshold = w.threshold;
	all.bias = w.bias;
	all.u = w.u;
	if (n->i)
		all.i = memcpy(w.i, n->i, bytes);
	if (n->aux)
		all.aux = memcpy(w.aux, n->aux, bytes);
	n->vec->fire(&all);
	memcpy(n->u, w.u, bytes);
	if (n->i)
		memcpy(n->i, w.i, bytes);
	if (n->aux)
		memcpy(n->aux, w.aux, bytes);
	n->saturations = all.saturations;
}

static void neuron_fire(struct neuron_lanes *n)
{
	uint32_t t, j;

	if (n->count < 64 || !n->narrow)
		for (t = 0; t < n->steps; t++)
			n->out[t * n->out_stride] = 0;
	if (n->narrow) {
		if (n->count % 16)
			fire_part(n);
		else
			n->vec->fire(n);
		return;
	}
	for (t = 0; t < n->steps; t++, n->acc += n->acc_stride)
		for (j = 0; j < n->count; j++)
			n->out[t * n->out_stride] |= (uint64_t)update_neuron(n, j) << j;
}

uint64_t neuron_word(struct neuron_lanes *n)
{
	const int32_t *given = n->acc;
	int32_t acc[64] = { 0 };
	uint64_t w = 0;

	n->out = &w;
	n->steps = 1;
	n->acc = memcpy(acc, given, n->count * sizeof(*acc));
	neuron_fire(n);
	n->acc = given;
	n->out = NULL;
	return w;
}

static void requantize_word(struct job *job, const struct layer *l, uint64_t pos, uint32_t w,
			    const int32_t *acc, uint64_t *out)
{
	const struct snnq_tensor *t = &l->desc->out;
	uint32_t shift = l->desc->neuron.requant_shift, j;
	int32_t v[64] = { 0 };

	for (j = 0; j < 64 && w * 64 + j < t->channels; j++) {
		uint32_t c = w * 64 + j;
		int64_t r = (int64_t)acc[j] * l->mult[c] + l->bias[c];

		if (shift)
			r = (r + (1ll << (shift - 1))) >> shift;
		v[j] = tensor_clamp(t, r, &job->stats->saturations);
	}
	tensor_store64(t, out, pos, w, v);
}

static struct requant requant_of(const struct layer *l, uint32_t w)
{
	uint32_t shift = l->desc->neuron.requant_shift;
	int64_t low, high;

	tensor_range(&l->desc->out, &low, &high);
	return (struct requant){ .mult = l->mult + w * 64,
				 .bias = l->bias + w * 64,
				 .half = shift ? 1 << (shift - 1) : 0,
				 .shift = shift,
				 .low = (int32_t)low,
				 .high = (int32_t)high };
}

static bool requantize_narrow(struct job *job, const struct layer *l, const struct block *b,
			      uint64_t pos, uint32_t w, const int32_t *acc, size_t stride)
{
	const struct requant r = requant_of(l, w);
	int32_t v[64];
	uint32_t t;

	for (t = 0; t < b->count; t++, acc += stride) {
		if (work(job, 64u * (1u + l->desc->out.planes)))
			return true;
		job->stats->saturations += job->plan->vec->requantize(v, acc, &r);
		tensor_store64(&l->desc->out, b->steps[t].out, pos, w, v);
	}
	return false;
}

static bool requantize(struct job *job, struct layer *l, const struct block *b, uint64_t pos,
		       uint32_t w, const int32_t *acc, size_t stride)
{
	uint32_t t;

	if (l->narrow)
		return requantize_narrow(job, l, b, pos, w, acc, stride);
	for (t = 0; t < b->count; t++, acc += stride) {
		if (work(job, 64u * (1u + l->desc->out.planes)))
			return true;
		requantize_word(job, l, pos, w, acc, b->steps[t].out);
	}
	return false;
}

bool neuron_stage(struct job *job, struct layer *l, const struct block *b, uint64_t pos, uint32_t w,
		  const int32_t *acc, size_t stride)
{
	const struct snnq_tensor *t = &l->desc->out;
	struct neuron_lanes n = l->neurons;
	uint64_t at = pos * t->channels + w * 64ull;
	uint32_t left = t->channels - w * 64;

	if (l->any)
		return neuron_any_stage(job, l, b, pos, w, acc, stride);
	if (l->desc->neuron.model == SNNQ_NEURON_NONE)
		return requantize(job, l, b, pos, w, acc, stride);
	n.steps = b->count - b->skip;
	n.count = left < 64 ? left : 64;
	if (work(job, n.steps * n.count))
		return true;
	n.vec = job->plan->vec;
	n.acc = acc + b->skip * stride;
	n.acc_stride = stride;
	n.out = b->steps[0].out + b->skip * b->out_stride + pos * tensor_words(t) + w;
	n.out_stride = b->out_stride;
	n.threshold = l->threshold + w * 64;
	n.bias = l->bias + w * 64;
	n.u = l->u + at;
	n.i = l->i ? l->i + at : NULL;
	n.aux = l->aux ? l->aux + at : NULL;
	if (!b->steps[0].t && !job->round && state_fetch_neurons(job, l, at, n.count))
		return true;
	neuron_fire(&n);
	job->stats->saturations += n.saturations;
	return false;
}

/* What comes from a delay line comes from a state that others can write to. */
static bool checked(struct job *job, const struct layer *l, uint64_t *out)
{
	return tensor_mask(job, &l->desc->out, out) ||
	       tensor_limit(job, &l->desc->out, out, &job->stats->saturations);
}

/* Exchange new outputs with the oldest of the delay line. */
static bool delay(struct job *job, struct layer *l, uint64_t *spikes)
{
	uint64_t words = (snnq_tensor_bytes(&l->desc->out) + 7) / 8, k, end;
	uint64_t *slot = l->line + l->line_slot * words;

	if (l->desc->neuron.delay_count)
		return neuron_any_delay(job, l, spikes) || checked(job, l, spikes);
	for (k = 0; k < words;) {
		end = words - k < CHUNK_BYTES / 8 ? words : k + CHUNK_BYTES / 8;
		if (work(job, (uint32_t)(2 * (end - k))))
			return true;
		for (; k < end; k++) {
			uint64_t fresh = spikes[k];

			spikes[k] = slot[k];
			slot[k] = fresh;
		}
	}
	l->line_slot = (l->line_slot + 1) % l->desc->neuron.delay;
	return checked(job, l, spikes);
}

/* One position after the other of one step. */
static bool sum_positions(struct job *job, struct layer *l, const struct block *b, struct range r)
{
	const struct snnq_tensor *t = &l->desc->out;
	accumulate_fn *sum = l->kernel == SNNQ_KERNEL_GENERIC ? l->op->generic : l->op->sum;
	uint32_t words = tensor_words(t), w;
	int32_t *acc = job->hand.acc;
	uint64_t pos;

	for (pos = r.first; pos < r.end; pos++) {
		if (work(job, words * 32))
			return true;
		memset(acc, 0, words * 64 * sizeof(*acc));
		if (sum(job, l, b->steps, (uint32_t)(pos / t->width), (uint32_t)(pos % t->width),
			acc))
			return true;
		for (w = 0; w < words; w++)
			if (neuron_stage(job, l, b, pos, w, acc + w * 64, 0))
				return true;
	}
	return false;
}

static bool sum_steps(struct job *job, struct layer *l, const struct block *b)
{
	struct block one = *b;

	one.count = 1;
	for (one.steps = b->steps; one.steps < b->steps + b->count; one.steps++, one.skip = 0)
		if (run_bands(job, l, &one, sum_positions))
			return true;
	return false;
}

bool neuron_run(struct job *job, struct layer *l, struct block *b)
{
	const struct snnq_tensor *t = &l->desc->out;
	bool spiking = l->desc->neuron.model != SNNQ_NEURON_NONE;
	bool begins = l->op->begin_block && l->kernel != SNNQ_KERNEL_GENERIC && !l->depthwise;
	band_fn *block = begins ? l->op->block : NULL;
	uint32_t k;

	b->skip = (l->desc->flags & SNNQ_LAYER_FLAG_SKIP_FIRST) && b->steps[0].first;
	if (begins && l->op->begin_block(job, l, b))
		return true;
	if (block ? run_bands(job, l, b, block) : sum_steps(job, l, b))
		return true;
	if (b->skip && job_zero(job, b->steps[0].out, snnq_tensor_bytes(t)))
		return true;
	if (spiking)
		job->stats->neuron_updates += snnq_tensor_elements(t) * (b->count - b->skip);
	for (k = 0; l->line && k < b->count; k++)
		if (delay(job, l, b->steps[k].out))
			return true;
	return false;
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
	uint64_t words = (snnq_tensor_bytes(&l->desc->out) + 7) / 8;
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
