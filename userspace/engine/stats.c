// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stats.c - counters that do not depend on how a layer is computed, and the
 * cycle model of Documentation/cycle-model.md.
 */
#include "engine.h"

#define SRAM_ACCESS 8u /* bytes: an int32 read and written */

bool count_all_inputs(struct job *job, struct layer *l, const struct step *s)
{
	uint32_t k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		if (l->desc->in[k].format != SNNQ_FORMAT_NONE &&
		    tensor_count(job, &l->desc->in[k], s->in[k], &job->stats->input_spikes))
			return true;
	return false;
}

bool count_spikes_as_synops(struct job *job, struct layer *l, const struct step *s)
{
	uint64_t before = job->stats->input_spikes;

	if (count_all_inputs(job, l, s))
		return true;
	job->stats->synops += job->stats->input_spikes - before;
	return false;
}

static uint64_t ceil_div(uint64_t a, uint32_t b)
{
	return a / b + (a % b != 0);
}

static uint64_t host_bytes(const struct snnq_layer_stats *s)
{
	return s->weight_bytes + s->input_bytes + s->output_bytes + s->state_bytes;
}

/* Neighbouring channels that the lanes work on at once for a synaptic operation. */
static uint32_t lane_channels(const struct layer *l)
{
	const struct snnq_layer *d = l->desc;

	switch (d->op) {
	case SNNQ_OP_EVENTS:
		return 1;
	case SNNQ_OP_CONV2D:
	case SNNQ_OP_LINEAR:
		/* With one input for each group, as in a pool, all groups together. */
		return d->in[0].channels == l->geometry.groups ?
			       d->out.channels :
			       d->out.channels / l->geometry.groups;
	case SNNQ_OP_ATTENTION:
	case SNNQ_OP_MATMUL:
		return d->out.channels / d->param;
	default:
		return d->in[0].channels;
	}
}

/* Cycles of @n operations on vectors of @channels, which fill the lanes or not. */
static uint64_t lane_cycles(uint64_t n, uint32_t channels)
{
	return ceil_div(n, channels) * ceil_div(channels, SNNQ_LANES);
}

/* Words of operands, which are looked at one by one, empty or not. */
static uint64_t scanned_words(const struct layer *l)
{
	return l->desc->op == SNNQ_OP_EVENTS ? 0 : ceil_div(l->stats.input_bytes, 8);
}

/* Whatever follows from the number of steps and from other counters. */
void stats_finish(struct layer *l, uint32_t steps, uint32_t tiles)
{
	const struct snnq_layer *d = l->desc;
	struct snnq_layer_stats *s = &l->stats;
	uint64_t runs = (uint64_t)steps * snnq_layer_rounds(d);
	uint32_t k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++) {
		const struct snnq_tensor *t = &d->in[k];

		s->input_possible += snnq_tensor_elements(t) * (t->planes ? t->planes : 1) * runs;
		s->input_bytes += snnq_tensor_bytes(t) * runs;
	}
	if (!l->op->end_job)
		s->output_bytes += snnq_tensor_bytes(&d->out) * runs;
	s->weight_bytes = snnq_weight_bytes(d) * tiles;
	s->state_bytes = 2 * snnq_layer_state_bytes(d) * tiles;
	s->sram_bytes = host_bytes(s) + ceil_div(s->synops * d->quant.bits, 8) +
			SRAM_ACCESS * (s->synops + s->neuron_updates);
	s->compute_cycles = scanned_words(l) + lane_cycles(s->synops, lane_channels(l)) +
			    lane_cycles(s->neuron_updates, d->out.channels);
	s->memory_cycles = ceil_div(host_bytes(s), SNNQ_PORT_BYTES);
	s->stall_cycles = stats_cycles(s) - s->compute_cycles;
	s->steps = steps;
}

uint64_t stats_cycles(const struct snnq_layer_stats *s)
{
	return s->compute_cycles > s->memory_cycles ? s->compute_cycles : s->memory_cycles;
}
