// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * run.c - a job, part by part: layers over tiles of steps, and their operands and results.
 */
#include <string.h>

#include "engine.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "programs and tensors are little-endian and used in place"
#endif

static bool begin_layers(struct job *job)
{
	uint32_t i;

	for (i = 0; i < job->plan->info.layer_count; i++) {
		struct layer *l = enter_layer(job, i);

		memset(&l->stats, 0, sizeof(l->stats));
		l->line_slot = 0;
		if (state_begin_layer(job, l))
			return true;
		if (l->op->begin_job && l->op->begin_job(job, l))
			return true;
	}
	return false;
}

/* Offset of a tensor in a user region at step @t of the job. */
static uint64_t user_offset(const struct snnq_plan *plan, const struct snnq_tensor *tensor,
			    uint32_t t)
{
	return plan->info.regions[tensor->region - SNNQ_REGION_USER].step_bytes * t +
	       tensor->offset;
}

static uint64_t *scratch_slot(const struct snnq_plan *plan, const struct snnq_tensor *tensor,
			      uint32_t slot)
{
	return (uint64_t *)(void *)(plan->scratch + slot * plan->info.scratch_step_bytes +
				    tensor->offset);
}

static bool load_view(struct job *job, const struct snnq_tensor *t, uint32_t slot, uint32_t step,
		      uint64_t *to)
{
	struct snnq_plan *plan = job->plan;
	struct snnq_tensor whole = view_whole(t);

	if (t->region == SNNQ_REGION_SCRATCH)
		return view_copy(job, t, scratch_slot(plan, t, slot), to);
	return job_read(job, t->region, user_offset(plan, t, step), plan->whole,
			snnq_tensor_bytes(&whole)) ||
	       view_copy(job, t, plan->whole, to);
}

/* Of the step before: from the state, which others can write to. */
static bool load_operand(struct job *job, struct layer *l, uint32_t i, uint32_t slot, uint32_t step,
			 uint64_t *to)
{
	const struct snnq_tensor *t = &l->desc->in[i];
	uint64_t bytes = snnq_tensor_bytes(t);

	if (t->flags & SNNQ_TENSOR_FLAG_PREVIOUS)
		return job_copy(job, to, l->previous[i], bytes) || tensor_mask(job, t, to);
	if (t->flags)
		return load_view(job, t, slot, step, to);
	return job_read(job, t->region, user_offset(job->plan, t, step), to, bytes) ||
	       tensor_mask(job, t, to);
}

/* Make a step's operands available, at @k of the stage; event lists are read by their layer. */
static bool load_inputs(struct job *job, struct layer *l, uint32_t slot, uint32_t k, struct step *s)
{
	struct snnq_plan *plan = job->plan;
	uint64_t *to;
	uint32_t i;

	for (i = 0; i < SNNQ_MAX_OPERANDS; i++) {
		const struct snnq_tensor *t = &l->desc->in[i];
		uint64_t bytes = snnq_tensor_bytes(t);

		if (!bytes)
			continue;
		if (t->region == SNNQ_REGION_SCRATCH && !t->flags) {
			s->in[i] = scratch_slot(plan, t, slot);
			continue;
		}
		if (l->kernel == SNNQ_KERNEL_DENSE && l->in_view) {
			s->in[i] = job_view(job, t->region, user_offset(plan, t, s->t), bytes);
			if (s->in[i])
				continue;
		}
		to = plan->stage[i] + k * ((bytes + 7) / 8);
		s->in[i] = to;
		if (load_operand(job, l, i, slot, s->t, to))
			return true;
		if ((t->region != SNNQ_REGION_SCRATCH || l->previous[i]) &&
		    tensor_limit(job, t, to, &job->stats->saturations))
			return true;
	}
	return false;
}

/* Where a layer has no such kernel, it is EVENT. */
static enum snnq_kernel_choice choose(const struct job *job, const struct layer *l)
{
	enum snnq_kernel_choice k = job->plan->choice;

	if (k == SNNQ_KERNEL_AUTO)
		return l->op->choose ? l->op->choose(job, l) : SNNQ_KERNEL_EVENT;
	return conv_has(l, k) ? k : SNNQ_KERNEL_EVENT;
}

static uint32_t steps_at_once(const struct layer *l)
{
	if (l->kernel == SNNQ_KERNEL_GENERIC)
		return 1;
	return l->kernel == SNNQ_KERNEL_DENSE ? l->block_steps : l->event_steps;
}

static bool begin_step(struct job *job, struct layer *l, struct step *s, uint32_t t, uint32_t slot,
		       uint32_t k)
{
	struct snnq_plan *plan = job->plan;
	const struct snnq_tensor *out = &l->desc->out;

	s->t = t;
	s->first = job->first_step + t == 0 && !job->round;
	if (load_inputs(job, l, slot, l->kernel == SNNQ_KERNEL_DENSE ? 0 : k, s))
		return true;
	s->out = out->region == SNNQ_REGION_SCRATCH ?
			 scratch_slot(plan, out, slot) :
			 plan->out + k * ((snnq_tensor_bytes(out) + 7) / 8);
	if (l->kernel == SNNQ_KERNEL_DENSE)
		return l->op->take(job, l, s, k);
	return l->op->count && l->op->count(job, l, s);
}

static bool end_step(struct job *job, struct layer *l, const struct step *s)
{
	const struct snnq_tensor *out = &l->desc->out;

	if (l->op->end_job)
		return false; /* the result comes at the end */
	if (tensor_count(job, out, s->out, &job->stats->output_spikes))
		return true;
	return out->region != SNNQ_REGION_SCRATCH &&
	       job_write(job, out->region, user_offset(job->plan, out, s->t), s->out,
			 snnq_tensor_bytes(out));
}

/* @n steps from step @t of the job and slot @slot on. */
static bool run_block(struct job *job, struct layer *l, uint32_t t, uint32_t slot, uint32_t n)
{
	struct step steps[BLOCK_STEPS];
	struct block b = { .steps = steps, .count = n };
	uint64_t before = job->stats->input_spikes;
	uint32_t k;

	for (k = 0; k < n; k++)
		if (begin_step(job, l, &steps[k], t + k, slot + k, k))
			return true;
	b.out_stride = n > 1 ? (size_t)(steps[1].out - steps[0].out) : 0;
	if (l->op->run ? l->op->run(job, l, &steps[0]) : neuron_run(job, l, &b))
		return true;
	l->spikes = (job->stats->input_spikes - before) / n;
	l->measured = true;
	for (k = 0; k < n; k++)
		if (end_step(job, l, &steps[k]))
			return true;
	return false;
}

/* A layer over the steps of a tile. */
static bool run_layer(struct job *job, struct layer *l, uint32_t first, uint32_t steps)
{
	uint32_t slot, n;

	for (slot = 0; slot < steps; slot += n) {
		l->kernel = choose(job, l);
		n = steps_at_once(l);
		n = n < steps - slot ? n : steps - slot;
		if (run_block(job, l, first + slot, slot, n))
			return true;
	}
	return false;
}

/* Behind the last layer that loops with layer @first. */
static uint32_t group_end(const struct snnq_plan *plan, uint32_t first)
{
	uint32_t loop = plan->layers[first].desc->loop, end = first + 1;

	while (loop && end < plan->info.layer_count && plan->layers[end].desc->loop == loop)
		end++;
	return end;
}

/* What a round leaves is what the next one finds. */
static bool keep_operands(struct job *job, uint32_t first, uint32_t end, uint32_t slot)
{
	uint32_t i, k;

	for (i = first; i < end; i++) {
		struct layer *l = enter_layer(job, i);

		for (k = 0; k < SNNQ_MAX_OPERANDS; k++) {
			const struct snnq_tensor *t = &l->desc->in[k];

			if (t->flags & SNNQ_TENSOR_FLAG_PREVIOUS &&
			    job_copy(job, l->previous[k], scratch_slot(job->plan, t, slot),
				     snnq_tensor_bytes(t)))
				return true;
		}
	}
	return false;
}

/* All rounds of a step of layers that loop together. */
static bool run_rounds(struct job *job, uint32_t first, uint32_t end, uint32_t slot)
{
	uint32_t rounds = job->plan->layers[first].desc->loop_count, i;

	for (job->round = 0; job->round < rounds; job->round++) {
		for (i = first; i < end; i++) {
			struct layer *l = enter_layer(job, i);

			l->kernel = choose(job, l);
			if (run_block(job, l, job->outcome->steps + slot, slot, 1))
				return true;
		}
		if (keep_operands(job, first, end, slot))
			return true;
	}
	job->round = 0;
	return false;
}

/* A layer goes over the tile before the next one starts; layers that loop, step by step. */
static bool run_next_layer(struct job *job)
{
	uint32_t first = job->next, slot;

	job->next = group_end(job->plan, first);
	if (!job->plan->layers[first].desc->loop)
		return run_layer(job, enter_layer(job, first), job->outcome->steps, job->tile);
	for (slot = 0; slot < job->tile; slot++)
		if (run_rounds(job, first, job->next, slot))
			return true;
	return false;
}

static void begin_tile(struct job *job)
{
	uint32_t left = job->run.steps - job->outcome->steps, most = job->plan->info.tile_steps;

	job->tile = left < most ? left : most;
	job->next = job->run.first_layer;
}

static bool end_layers(struct job *job)
{
	uint32_t steps = job->run.steps, tile = job->plan->info.tile_steps, i;

	for (i = 0; i < job->plan->info.layer_count; i++) {
		struct layer *l = enter_layer(job, i);

		if (neuron_end_job(job, l))
			return true;
		if (l->op->end_job && l->op->end_job(job, l))
			return true;
		stats_finish(l, steps, steps / tile + (steps % tile != 0));
	}
	job->layer = SNNQ_LAYER_NONE;
	return false;
}

static bool at_safe_point(void *ctx)
{
	struct job *job = ctx;
	const struct snnq_run *run = &job->run;

	return run->tick(run->tick_ctx, job->layer) &&
	       fault(job, SNNQ_STATUS_CANCELLED, SNNQ_REGION_NONE, 0);
}

static void report(struct job *job)
{
	uint32_t i;

	for (i = 0; i < job->plan->info.layer_count; i++) {
		const struct snnq_layer_stats *s = &job->plan->layers[i].stats;

		job->outcome->cycles += stats_cycles(s);
		if (job->run.stats)
			job->run.stats[i] = *s;
	}
}

void *snnq_plan_scratch(struct snnq_plan *plan, size_t *slot_bytes)
{
	*slot_bytes = plan->info.scratch_step_bytes;
	return plan->scratch;
}

bool snnq_job_begin(struct snnq_plan *plan, const struct snnq_run *run,
		    struct snnq_outcome *outcome)
{
	struct job *job = &plan->job;

	*job = (struct job){
		.plan = plan,
		.run = *run,
		.outcome = outcome,
		.layer = SNNQ_LAYER_NONE,
		.hand = plan->hand,
		.pace = { .tick = run->tick ? at_safe_point : NULL, .ctx = job },
	};
	*outcome = (struct snnq_outcome){
		.status = SNNQ_STATUS_OK,
		.layer = SNNQ_LAYER_NONE,
		.region = SNNQ_REGION_NONE,
	};
	if (!run->steps || run->steps > plan->info.max_steps)
		return !fault(job, SNNQ_STATUS_BAD_ENTRY, SNNQ_REGION_NONE, 0);
	if (state_begin(job) || begin_layers(job) || weights_use(job))
		return false;
	begin_tile(job);
	return true;
}

uint32_t snnq_job_layer(const struct snnq_plan *plan)
{
	return plan->job.next;
}

bool snnq_job_step(struct snnq_plan *plan)
{
	uint32_t layers = plan->info.layer_count;
	struct job *job = &plan->job;
	bool ended = job->next < layers && run_next_layer(job);

	if (!ended && job->next >= layers) {
		job->outcome->steps += job->tile;
		begin_tile(job);
	}
	if (!ended && job->tile)
		return true;
	weights_leave(job);
	if (!ended && !end_layers(job) && !state_end(job))
		report(job);
	return false;
}

void snnq_job_cancel(struct snnq_plan *plan)
{
	struct job *job = &plan->job;

	weights_leave(job);
	job->layer = job->next;
	fault(job, SNNQ_STATUS_CANCELLED, SNNQ_REGION_NONE, 0);
}

void snnq_plan_run(struct snnq_plan *plan, const struct snnq_run *run, struct snnq_outcome *outcome)
{
	bool more = snnq_job_begin(plan, run, outcome);

	while (more)
		more = snnq_job_step(plan);
}
