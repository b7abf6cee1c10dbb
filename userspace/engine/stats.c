// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stats.c - counters that do not depend on how a layer is computed, and the
 * cycle model of Documentation/cycle-model.md.
 */
#include "engine.h"

#define SRAM_ACCESS	8u	/* bytes: an int32 read and written */

bool count_all_inputs(struct job *job, struct layer *l, const struct step *s)
{
	uint32_t k;

	for (k = 0; k < 3; k++)
		if (l->desc->in[k].format != SNNQ_FORMAT_NONE &&
		    tensor_count(job, &l->desc->in[k], s->in[k], &l->stats.input_spikes))
			return true;
	return false;
}

bool count_spikes_as_synops(struct job *job, struct layer *l, const struct step *s)
{
	uint64_t before = l->stats.input_spikes;

	if (count_all_inputs(job, l, s))
		return true;
	l->stats.synops += l->stats.input_spikes - before;
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

/* Whatever follows from the number of steps and from other counters. */
void stats_finish(struct layer *l, uint32_t steps, uint32_t tiles)
{
	const struct snnq_layer *d = l->desc;
	struct snnq_layer_stats *s = &l->stats;
	uint32_t k;

	for (k = 0; k < 3; k++) {
		const struct snnq_tensor *t = &d->in[k];

		s->input_possible += snnq_tensor_elements(t) * (t->planes ? t->planes : 1) * steps;
		s->input_bytes += snnq_tensor_bytes(t) * steps;
	}
	if (!l->op->end_job)
		s->output_bytes += snnq_tensor_bytes(&d->out) * steps;
	s->weight_bytes = snnq_weight_bytes(d) * tiles;
	s->state_bytes = 2 * snnq_layer_state_bytes(d);
	s->sram_bytes = host_bytes(s) + ceil_div(s->synops * d->quant.bits, 8) +
			SRAM_ACCESS * (s->synops + s->neuron_updates);
	s->compute_cycles = ceil_div(s->synops, SNNQ_LANES) +
			    ceil_div(s->neuron_updates, SNNQ_LANES);
	s->memory_cycles = ceil_div(host_bytes(s), SNNQ_PORT_BYTES);
	s->stall_cycles = stats_cycles(s) - s->compute_cycles;
	s->steps = steps;
}

uint64_t stats_cycles(const struct snnq_layer_stats *s)
{
	return s->compute_cycles > s->memory_cycles ? s->compute_cycles : s->memory_cycles;
}
