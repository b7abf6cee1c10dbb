// SPDX-License-Identifier: MIT
/*
 * floatnet_neuron.c - neurons in real arithmetic (doubles).
 *
 * As Documentation/numerics.md, but that nothing is rounded: a leak is a plain
 * product or quotient, no sum saturates, and the sticky bit, which stands for what
 * the integer leak drops, is not needed. X = drive + bias, without a shift.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"
#include "floatnet_layers.h"

/* leak(u) = u * factor / divisor; one of them is 1. */
struct real_leak {
	double factor, divisor;
};

static struct real_leak leak_of(uint8_t kind, uint32_t param)
{
	switch (kind) {
	case SNNQ_LEAK_DIVN:
		return (struct real_leak){ 1, param };
	case SNNQ_LEAK_Q16:
		return (struct real_leak){ param / 65536.0, 1 };
	case SNNQ_LEAK_TZ12:
		return (struct real_leak){ (4096 - (double)param) / 4096, 1 };
	default:
		return (struct real_leak){ 1, 1 };
	}
}

static inline double leak(struct real_leak l, double v)
{
	return v * l.factor / l.divisor;
}

/* Neurons side by side: pointers to the first one, which is of channel @first. */
struct lanes {
	const struct graph_layer *graph;
	const struct snnq_neuron *neuron;
	struct real_leak leak, current_leak;
	const double *drive, *threshold, *bias, *reset;
	double *u, *i;
	uint16_t *rest, *kept;
	uint32_t first, count;
};

/* LIF of one level without refractory time; @n's neuron resets and compares as said here. */
static inline __attribute__((always_inline)) void lif(const struct lanes *n, uint8_t reset,
						      bool equal_fires, int32_t *restrict fired)
{
	const double *restrict drive = n->drive, *restrict bias = n->bias;
	const double *restrict threshold = n->threshold, *restrict to = n->reset;
	double *restrict state = n->u;
	struct real_leak l = n->leak;

	for (uint32_t j = 0; j < n->count; j++) {
		double u = leak(l, state[j]) + (drive[j] + bias[j]);
		bool fire = equal_fires ? u >= threshold[j] : u > threshold[j];

		if (reset == SNNQ_RESET_HARD)
			u = fire ? to[j] : u;
		else if (reset == SNNQ_RESET_SOFT)
			u = fire ? u - threshold[j] : u;
		state[j] = u;
		fired[j] = fire;
	}
}

SIMD_CLONES
static void lif_lanes(const struct lanes *n, int32_t *fired)
{
	bool equal_fires = n->neuron->compare == SNNQ_COMPARE_GE;

	switch (n->neuron->reset) {
	case SNNQ_RESET_HARD:
		return equal_fires ? lif(n, SNNQ_RESET_HARD, true, fired) :
				     lif(n, SNNQ_RESET_HARD, false, fired);
	case SNNQ_RESET_SOFT:
		return equal_fires ? lif(n, SNNQ_RESET_SOFT, true, fired) :
				     lif(n, SNNQ_RESET_SOFT, false, fired);
	default:
		return lif(n, SNNQ_RESET_NONE, equal_fires, fired);
	}
}

/* ---- any neuron ---- */

static struct real_leak own_leak(const struct graph_numbers *table, uint8_t kind,
				 struct real_leak all, uint32_t channel)
{
	return table->count ? leak_of(kind, (uint32_t)graph_number(table, channel)) : all;
}

/* CUBA: update the current; returns what the membrane integrates of it. */
static double update_current(const struct lanes *n, uint32_t j)
{
	double old = n->i[j];
	struct real_leak l = own_leak(&n->graph->current_leak, n->neuron->current_leak,
				      n->current_leak, n->first + j);

	n->i[j] = leak(l, old) + n->drive[j];
	return n->neuron->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : n->i[j];
}

/* Threshold of level @level, from 1 on, of lane @j. */
static double level_threshold(const struct lanes *n, uint32_t j, uint32_t level)
{
	const struct snnq_neuron *d = n->neuron;

	if (d->flags & SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS)
		return n->threshold[(size_t)j * d->levels + level - 1];
	if (d->flags & SNNQ_NEURON_FLAG_HALF_LEVELS)
		return (2.0 * level - 1) * n->threshold[j] / 2;
	return level * n->threshold[j];
}

static bool passes(const struct lanes *n, uint32_t j, uint32_t level, double u)
{
	double theta = level_threshold(n, j, level);

	if (u != theta)
		return u > theta;
	return n->neuron->tie == SNNQ_TIE_EVEN ? !(level & 1) :
						 n->neuron->compare == SNNQ_COMPARE_GE;
}

/* How many levels @u passes: they rise, but for ties to even no level behind one that it fails. */
static uint32_t levels_passed(const struct lanes *n, uint32_t j, double u)
{
	uint32_t low = 0, high = n->neuron->levels ? n->neuron->levels : 1;

	while (low < high) {
		uint32_t middle = (low + high + 1) / 2;

		if (passes(n, j, middle, u))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* What a reset by subtraction takes away. */
static double subtracted(const struct lanes *n, uint32_t j, uint32_t count)
{
	if (!count)
		return 0;
	if (n->neuron->flags & SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS)
		return level_threshold(n, j, count);
	return count * n->threshold[j];
}

static double reset(const struct lanes *n, uint32_t j, double u, uint32_t count)
{
	if (n->neuron->reset == SNNQ_RESET_HARD)
		return n->reset[j];
	if (n->neuron->reset == SNNQ_RESET_NONE)
		return u;
	if (n->kept) {
		n->kept[j] = (uint16_t)count;
		return u;
	}
	return u - subtracted(n, j, count);
}

static void update_neuron(const struct lanes *n, uint32_t j, struct real_output *out)
{
	const struct snnq_neuron *d = n->neuron;
	double input = n->i ? update_current(n, j) : n->drive[j], u;
	uint32_t count = 0;

	if (n->rest && n->rest[j]) {
		n->rest[j]--;
		u = n->reset[j];
		if (n->kept)
			n->kept[j] = 0;
	} else {
		u = leak(own_leak(&n->graph->leak, d->leak, n->leak, n->first + j), n->u[j]) +
		    (input + n->bias[j]);
		if (n->kept)
			u -= subtracted(n, j, n->kept[j]);
		if (n->kept)
			n->kept[j] = 0;
		if (d->flags & SNNQ_NEURON_FLAG_CLAMP_LOW && u < n->graph->low)
			u = n->graph->low;
		count = n->graph->threshold.count ? levels_passed(n, j, u) : 0;
	}
	out->count[j] = d->output == SNNQ_OUTPUT_COUNTS ? (int32_t)count : count > 0;
	out->seen[j] = d->output == SNNQ_OUTPUT_GRADED && !count ? 0 : u;
	n->u[j] = count ? reset(n, j, u, count) : u;
	if (count && n->rest)
		n->rest[j] = d->refractory;
}

static bool is_plain(const struct real_neurons *n)
{
	const struct graph_layer *g = n->layer->graph;
	const struct snnq_neuron *d = &g->neuron;

	return !n->i && !n->rest && !n->kept && !d->output && !d->levels && !g->leak.count &&
	       !(d->flags & SNNQ_NEURON_FLAG_CLAMP_LOW) && g->threshold.count;
}

void floatnet_fire(struct real_neurons *n, uint64_t pos, uint32_t first, const double *drive,
		   struct real_output *out)
{
	const struct real_layer *r = n->layer;
	const struct snnq_neuron *d = &r->graph->neuron;
	uint32_t own = d->flags & SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS ? d->levels : 1;
	uint64_t at = pos * r->out.channels + first;
	uint32_t left = r->out.channels - first;
	struct lanes lanes = {
		.graph = r->graph,
		.neuron = d,
		.leak = leak_of(d->leak, d->leak_param),
		.current_leak = leak_of(d->current_leak, d->current_leak_param),
		.drive = drive,
		.threshold = r->threshold + (size_t)first * own,
		.bias = r->bias + first,
		.reset = r->reset + first,
		.u = n->u + at,
		.i = n->i ? n->i + at : NULL,
		.rest = n->rest ? n->rest + at : NULL,
		.kept = n->kept ? n->kept + at : NULL,
		.first = first,
		.count = left < 64 ? left : 64,
	};

	if (is_plain(n)) {
		lif_lanes(&lanes, out->count);
		return;
	}
	for (uint32_t j = 0; j < lanes.count; j++)
		update_neuron(&lanes, j, out);
}

static size_t neuron_count(const struct real_layer *r)
{
	return (size_t)r->out.height * r->out.width * r->out.channels;
}

int floatnet_neurons_alloc(const struct real_layer *r, struct real_neurons *n)
{
	size_t count = neuron_count(r);
	const struct snnq_neuron *d = &r->graph->neuron;
	bool cuba = d->model == SNNQ_NEURON_CUBA;
	bool keeps = d->flags & SNNQ_NEURON_FLAG_DELAYED_RESET;

	*n = (struct real_neurons){ .layer = r };
	if (d->model == SNNQ_NEURON_NONE)
		return 0;
	n->u = calloc(count, sizeof(*n->u));
	if (cuba)
		n->i = calloc(count, sizeof(*n->i));
	if (d->refractory)
		n->rest = calloc(count, sizeof(*n->rest));
	if (keeps)
		n->kept = calloc(count, sizeof(*n->kept));
	if (n->u && (n->i || !cuba) && (n->rest || !d->refractory) && (n->kept || !keeps))
		return 0;
	floatnet_neurons_free(n);
	return -ENOMEM;
}

void floatnet_neurons_restart(struct real_neurons *n, uint32_t step)
{
	const struct snnq_neuron *d = &n->layer->graph->neuron;
	size_t count = neuron_count(n->layer);

	if (!n->u || !d->reset_period || step % d->reset_period != d->reset_offset)
		return;
	memset(n->u, 0, count * sizeof(*n->u));
	if (n->i)
		memset(n->i, 0, count * sizeof(*n->i));
	if (n->rest)
		memset(n->rest, 0, count * sizeof(*n->rest));
	if (n->kept)
		memset(n->kept, 0, count * sizeof(*n->kept));
}

void floatnet_neurons_free(struct real_neurons *n)
{
	free(n->u);
	free(n->i);
	free(n->rest);
	free(n->kept);
}
