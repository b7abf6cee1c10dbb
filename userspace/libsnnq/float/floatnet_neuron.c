// SPDX-License-Identifier: MIT
/*
 * floatnet_neuron.c - neurons in real arithmetic (doubles).
 *
 * As Documentation/numerics.md, but that nothing is rounded: a leak is a plain
 * product or quotient, no sum saturates, and the sticky bit, which stands for what
 * the integer leak drops, is not needed. X = drive + bias, without a shift.
 */
#include <stdlib.h>

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

/* Neurons side by side: pointers to the first one. */
struct lanes {
	const struct snnq_neuron *neuron;
	struct real_leak leak, current_leak;
	const double *drive, *threshold, *bias;
	double *u, *i;
	uint16_t *rest;
	uint32_t count;
};

/* LIF without refractory time; @n's neuron resets and compares as said here. */
static inline __attribute__((always_inline)) void lif(const struct lanes *n, uint8_t reset,
						      bool equal_fires, int32_t *restrict fired)
{
	const double *restrict drive = n->drive, *restrict bias = n->bias;
	const double *restrict threshold = n->threshold;
	double reset_value = n->neuron->reset_value, *restrict state = n->u;
	struct real_leak l = n->leak;

	for (uint32_t j = 0; j < n->count; j++) {
		double u = leak(l, state[j]) + (drive[j] + bias[j]);
		bool fire = equal_fires ? u >= threshold[j] : u > threshold[j];

		if (reset == SNNQ_RESET_HARD)
			u = fire ? reset_value : u;
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

/* CUBA: update the current; returns what the membrane integrates of it. */
static double update_current(const struct lanes *n, uint32_t j)
{
	double old = n->i[j];

	n->i[j] = leak(n->current_leak, old) + n->drive[j];
	return n->neuron->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : n->i[j];
}

/* Any neuron; returns whether it fires. */
static bool update_neuron(const struct lanes *n, uint32_t j)
{
	const struct snnq_neuron *d = n->neuron;
	double input = n->i ? update_current(n, j) : n->drive[j], u, theta = n->threshold[j];
	bool fire;

	if (n->rest && n->rest[j]) {
		n->rest[j]--;
		n->u[j] = d->reset_value;
		return false;
	}
	u = leak(n->leak, n->u[j]) + (input + n->bias[j]);
	fire = d->compare == SNNQ_COMPARE_GE ? u >= theta : u > theta;
	if (fire && d->reset == SNNQ_RESET_HARD)
		u = d->reset_value;
	else if (fire && d->reset == SNNQ_RESET_SOFT)
		u -= theta;
	if (fire && n->rest)
		n->rest[j] = d->refractory;
	n->u[j] = u;
	return fire;
}

void floatnet_fire(struct real_neurons *n, uint64_t pos, uint32_t first, const double *drive,
		   int32_t fired[64])
{
	const struct real_layer *r = n->layer;
	const struct snnq_neuron *d = &r->graph->neuron;
	uint64_t at = pos * r->out.channels + first;
	uint32_t left = r->out.channels - first;
	struct lanes lanes = {
		.neuron = d,
		.leak = leak_of(d->leak, d->leak_param),
		.current_leak = leak_of(d->current_leak, d->current_leak_param),
		.drive = drive,
		.threshold = r->threshold + first,
		.bias = r->bias + first,
		.u = n->u + at,
		.i = n->i ? n->i + at : NULL,
		.rest = n->rest ? n->rest + at : NULL,
		.count = left < 64 ? left : 64,
	};

	if (!n->i && !n->rest) {
		lif_lanes(&lanes, fired);
		return;
	}
	for (uint32_t j = 0; j < lanes.count; j++)
		fired[j] = update_neuron(&lanes, j);
}

int floatnet_neurons_alloc(const struct real_layer *r, struct real_neurons *n)
{
	size_t count = (size_t)r->out.height * r->out.width * r->out.channels;
	bool cuba = r->graph->neuron.model == SNNQ_NEURON_CUBA;

	*n = (struct real_neurons){ .layer = r };
	if (r->graph->neuron.model == SNNQ_NEURON_NONE)
		return 0;
	n->u = calloc(count, sizeof(*n->u));
	if (cuba)
		n->i = calloc(count, sizeof(*n->i));
	if (r->graph->neuron.refractory)
		n->rest = calloc(count, sizeof(*n->rest));
	if (n->u && (n->i || !cuba) && (n->rest || !r->graph->neuron.refractory))
		return 0;
	floatnet_neurons_free(n);
	return -ENOMEM;
}

void floatnet_neurons_free(struct real_neurons *n)
{
	free(n->u);
	free(n->i);
	free(n->rest);
}
