// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * state.c - the state of a job. Where the memory of the job lends itself to it, neurons
 * take their old state from STATE_IN and leave the new one in STATE_OUT, 64 of them at a
 * time, and nothing is copied as a whole; else the plan's buffer holds it meanwhile.
 */
#include <string.h>

#include "engine.h"

/* Where STATE_OUT and, but for a reset, STATE_IN can be worked on, and are apart. */
static bool use_views(struct job *job)
{
	const struct snnq_memory *m = &job->run.memory;
	uint64_t bytes = job->plan->info.state_bytes;
	const uint8_t *from = NULL;
	uint8_t *to;

	if (!job->plan->tight_state || !m->edit)
		return false;
	to = m->edit(m->ctx, SNNQ_REGION_STATE_OUT, 0, bytes);
	if (!to || (uintptr_t)to % sizeof(uint64_t))
		return false;
	if (!job->run.reset) {
		from = job_view(job, SNNQ_REGION_STATE_IN, 0, bytes);
		if (!from || (from < to + bytes && to < from + bytes))
			return false;
	}
	job->state = to;
	job->old_state = from;
	return true;
}

/* The plan's buffer as it is before the job; a reset leaves it to the layers where it can. */
static bool use_buffer(struct job *job)
{
	struct snnq_plan *plan = job->plan;
	uint64_t bytes = plan->info.state_bytes;

	job->state = plan->state;
	job->old_state = job->run.reset && plan->tight_state ? NULL : plan->state;
	if (!job->run.reset)
		return job_read(job, SNNQ_REGION_STATE_IN, 0, plan->state, bytes);
	return job->old_state && job_zero(job, plan->state, bytes);
}

bool state_begin(struct job *job)
{
	bool in_place = use_views(job);
	struct snnq_state_header h;
	uint64_t torn = SNNQ_STATE_TORN;

	if (!in_place && use_buffer(job))
		return true;
	if (!job->run.reset) {
		memcpy(&h, job->old_state, sizeof(h));
		if (h.seq != job->run.state_seq || h.seq == SNNQ_STATE_TORN)
			return fault(job, SNNQ_STATUS_BAD_STATE, SNNQ_REGION_STATE_IN, 0);
		job->first_step = h.step;
	}
	return in_place && job_write(job, SNNQ_REGION_STATE_OUT, 0, &torn, sizeof(torn));
}

bool state_end(struct job *job)
{
	struct snnq_state_header h = {
		.seq = job->run.state_seq + 1,
		.step = job->first_step + job->run.steps,
	};
	uint64_t bytes = job->plan->info.state_bytes - sizeof(h), torn = SNNQ_STATE_TORN;

	if (job->state == job->plan->state &&
	    (job_write(job, SNNQ_REGION_STATE_OUT, 0, &torn, sizeof(torn)) ||
	     (bytes &&
	      job_write(job, SNNQ_REGION_STATE_OUT, sizeof(h), job->state + sizeof(h), bytes))))
		return true;
	return job_write(job, SNNQ_REGION_STATE_OUT, 0, &h, sizeof(h));
}

void state_fetch(const struct job *job, void *part, size_t bytes)
{
	if (!job->old_state)
		memset(part, 0, bytes);
	else if (job->old_state != job->state)
		memcpy(part, job->old_state + ((uint8_t *)part - job->state), bytes);
}

bool state_fetch_neurons(struct job *job, const struct layer *l, uint64_t at, uint32_t count)
{
	size_t bytes = count * sizeof(*l->u);

	if (work(job, 3 * 64))
		return true;
	state_fetch(job, l->u + at, bytes);
	if (l->i)
		state_fetch(job, l->i + at, bytes);
	if (l->aux)
		state_fetch(job, l->aux + at, bytes);
	return false;
}

static bool fetch_all(struct job *job, uint8_t *part, uint64_t bytes)
{
	uint64_t done, n;

	if (job->old_state == job->state)
		return false;
	for (done = 0; done < bytes; done += n) {
		n = chunk_at(done, bytes - done);
		if (work(job, (uint32_t)(n / sizeof(uint64_t))))
			return true;
		state_fetch(job, part + done, n);
	}
	return false;
}

/* The next part, of a word a neuron; what pads it is zero. */
static void *neuron_part(uint8_t **at, uint64_t neurons)
{
	uint32_t *part = (void *)*at;

	if (neurons % 2)
		part[neurons] = 0;
	*at += (neurons + neurons % 2) * sizeof(*part);
	return part;
}

/* Neurons fetch their own state when they are first at work, see neuron_stage(). */
bool state_begin_layer(struct job *job, struct layer *l)
{
	const struct snnq_neuron *n = &l->desc->neuron;
	uint64_t bytes = snnq_layer_state_bytes(l->desc);
	uint64_t neurons = snnq_tensor_elements(&l->desc->out);
	uint8_t *start = job->state + l->desc->state_offset, *at = start;
	uint8_t *rest;
	uint32_t k;

	if (!bytes)
		return false;
	if (!l->op->run && n->model != SNNQ_NEURON_NONE) {
		l->u = neuron_part(&at, neurons);
		l->i = n->model == SNNQ_NEURON_CUBA ? neuron_part(&at, neurons) : NULL;
		l->aux = snnq_neuron_has_counter(n) ? neuron_part(&at, neurons) : NULL;
	}
	rest = job->layer < job->run.first_layer ? start : at;
	if (n->delay) {
		l->line = (void *)at;
		at += n->delay * ((snnq_tensor_bytes(&l->desc->out) + 7) & ~7ull);
	}
	if (l->desc->op == SNNQ_OP_READOUT && l->desc->param != SNNQ_READOUT_LAST) {
		l->sum = (void *)at;
		at += l->desc->out.channels * sizeof(*l->sum);
	}
	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		if (l->desc->in[k].flags & SNNQ_TENSOR_FLAG_PREVIOUS) {
			l->previous[k] = (void *)at;
			at += (snnq_tensor_bytes(&l->desc->in[k]) + 7) & ~7ull;
		}
	return fetch_all(job, rest, bytes - (uint64_t)(rest - start));
}

bool state_is_tight(const struct snnq_plan *plan)
{
	uint64_t bytes = sizeof(struct snnq_state_header);
	uint32_t i;

	for (i = 0; i < plan->info.layer_count; i++)
		bytes += snnq_layer_state_bytes(plan->layers[i].desc);
	return bytes == plan->info.state_bytes;
}
