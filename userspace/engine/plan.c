// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plan.c - making a plan: one block with all memory that its jobs will need, beside that
 * of its weights. lay_out() is gone through twice, to know the sizes of both and then to
 * say where everything is in them.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* Operands and results; operations have said before what else they need. */
static void add_needs(struct needs *n, const struct layer *l)
{
	const struct snnq_layer *d = l->desc;
	uint32_t k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++) {
		struct snnq_tensor whole = view_whole(&d->in[k]);

		if (d->in[k].region >= SNNQ_REGION_USER || d->in[k].flags)
			plan_needs(&n->stage[k],
				   ((snnq_tensor_bytes(&d->in[k]) + 7) & ~7ull) * l->event_steps);
		if (d->in[k].region >= SNNQ_REGION_USER && d->in[k].flags)
			plan_needs(&n->whole, snnq_tensor_bytes(&whole));
	}
	if (d->out.region >= SNNQ_REGION_USER)
		plan_needs(&n->out, ((snnq_tensor_bytes(&d->out) + 7) & ~7ull) * l->block_steps);
	plan_needs(&n->acc, tensor_words(&d->out) * 64ull * sizeof(int32_t));
}

static void lay_out_hand(struct arena *arena, const struct needs *n, struct hand *hand)
{
	hand->list = arena_part(arena, n->list, 1);
	hand->acc = arena_part(arena, n->acc, 1);
}

static void lay_out_buffers(struct snnq_plan *plan)
{
	const struct needs *n = &plan->needs;
	uint32_t k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		plan->stage[k] = plan_part(plan, n->stage[k], 1);
	plan->whole = plan_part(plan, n->whole, 1);
	plan->out = plan_part(plan, n->out, 1);
	plan->values = plan_part(plan, n->values, 1);
	plan->attention = plan_part(plan, n->attention, 1);
	lay_out_hand(&plan->own, n, &plan->hand);
	plan->row = plan_part(plan, n->row, 1);
	plan->chunk = plan_part(plan, CHUNK_BYTES, 1);
}

/* @plan has a validated program, and bases unless sizes are all that is wanted. */
static void lay_out(struct snnq_plan *plan)
{
	const struct snnq_program_header *h = plan->program;
	const void *program = plan->program;
	uint32_t i;

	weights_lay_out_head(&plan->shared, program);
	plan->own.bytes = 0;
	plan_part(plan, 1, sizeof(*plan));
	plan->layers = plan_part(plan, h->layer_count, sizeof(*plan->layers));
	plan->state = plan_part(plan, h->state_bytes, 1);
	plan->scratch = plan_part(plan, h->scratch_step_bytes, h->tile_steps);
	for (i = 0; i < h->layer_count; i++) {
		struct layer unused = { 0 }, *l = plan->own.base ? &plan->layers[i] : &unused;

		l->desc = snnq_program_layer(program, i);
		l->op = op_of(l->desc);
		l->geometry = l->desc->geometry;
		l->block_steps = 1;
		l->event_steps = 1;
		if (l->op->lay_out)
			l->op->lay_out(plan, l);
		neuron_lay_out(plan, l);
		add_needs(&plan->needs, l);
	}
	lay_out_buffers(plan);
}

uint64_t snnq_weights_bytes(const void *program)
{
	struct snnq_plan sizes = { .program = program };

	lay_out(&sizes);
	return arena_block_bytes(&sizes.shared);
}

uint64_t snnq_plan_share_bytes(const void *program)
{
	struct snnq_plan sizes = { .program = program };

	lay_out(&sizes);
	return arena_block_bytes(&sizes.own);
}

uint64_t snnq_plan_bytes(const void *program)
{
	uint64_t own = snnq_plan_share_bytes(program), shared = snnq_weights_bytes(program);

	return own > UINT64_MAX - shared ? UINT64_MAX : own + shared;
}

/* Costs are measured where something depends on them. */
static bool use_isa(struct snnq_plan *plan, enum snnq_isa isa, struct snnq_pace *pace)
{
	uint32_t i;

	plan->vec = vec_of(isa);
	plan->costs = NULL;
	for (i = 0; i < plan->info.layer_count; i++) {
		struct layer *l = &plan->layers[i];

		if (l->looks && lookup_use(l, plan->vec, pace))
			return true;
		if ((l->dense || l->looks) && !plan->costs && costs_of(isa, pace, &plan->costs))
			return true;
	}
	return false;
}

static bool prepare(struct snnq_plan *plan, struct snnq_pace *pace)
{
	uint32_t i;

	plan->tight_state = state_is_tight(plan);
	if (use_isa(plan, snnq_isa_default(), pace) || snnq_work(pace, 256 * 8))
		return true;
	byte_bits_init(&plan->bits);
	for (i = 0; i < plan->info.layer_count; i++) {
		struct layer *l = &plan->layers[i];

		if (l->op->prepare && l->op->prepare(plan, l, pace))
			return true;
		if (neuron_prepare(plan, l, pace))
			return true;
	}
	return false;
}

static struct snnq_plan *new_plan(struct snnq_weights *weights, uint64_t bytes)
{
	struct arena own;
	void *block = arena_allocate(&own, bytes);
	struct snnq_plan *plan;

	if (!block)
		return NULL;
	plan = (void *)own.base;
	plan->block = block;
	plan->own = own;
	plan->weights = snnq_weights_get(weights);
	plan->shared = weights->arena;
	plan->info = weights->info;
	plan->program = weights->program;
	lay_out(plan);
	return plan;
}

int snnq_plan_share(struct snnq_weights *weights, uint64_t max_bytes, struct snnq_pace *pace,
		    struct snnq_plan **plan)
{
	uint64_t bytes = snnq_plan_share_bytes(weights->program);
	struct snnq_pace never = { 0 };
	struct snnq_plan *p;

	*plan = NULL;
	if (bytes > max_bytes)
		return -EFBIG;
	p = new_plan(weights, bytes);
	if (!p)
		return -ENOMEM;
	if (prepare(p, pace ? pace : &never)) {
		snnq_plan_destroy(p);
		return -EINTR;
	}
	*plan = p;
	return 0;
}

int snnq_weights_create(const void *program, size_t size, const struct snnq_caps *caps,
			uint64_t max_bytes, struct snnq_pace *pace, struct snnq_weights **weights,
			struct snnq_diag *diag)
{
	struct snnq_pace never = { 0 };
	struct snnq_program_info info;
	uint64_t bytes;
	int ret;

	*weights = NULL;
	pace = pace ? pace : &never;
	ret = snnq_program_validate_paced(program, size, caps, pace, &info, diag);
	if (ret)
		return ret;
	bytes = snnq_weights_bytes(program);
	return bytes > max_bytes ? -EFBIG : weights_new(program, &info, bytes, pace, weights);
}

int snnq_plan_create(const void *program, size_t size, const struct snnq_caps *caps,
		     uint64_t max_bytes, struct snnq_pace *pace, struct snnq_plan **plan,
		     struct snnq_diag *diag)
{
	struct snnq_weights *weights;
	struct snnq_program_info info;
	struct snnq_pace never = { 0 };
	int ret;

	*plan = NULL;
	pace = pace ? pace : &never;
	ret = snnq_program_validate_paced(program, size, caps, pace, &info, diag);
	if (ret)
		return ret;
	if (snnq_plan_bytes(program) > max_bytes)
		return -EFBIG;
	ret = weights_new(program, &info, snnq_weights_bytes(program), pace, &weights);
	if (ret)
		return ret;
	ret = snnq_plan_share(weights, UINT64_MAX, pace, plan);
	snnq_weights_put(weights);
	return ret;
}

void snnq_plan_destroy(struct snnq_plan *plan)
{
	struct snnq_weights *weights;

	if (!plan)
		return;
	weights = plan->weights;
	free(plan->hands_block);
	free(plan->block);
	snnq_weights_put(weights);
}

/* Buffers of @helpers; @plan has the needs, and hands unless sizes are all that is wanted. */
static void lay_out_hands(struct snnq_plan *plan, struct arena *arena, uint32_t helpers)
{
	struct hand unused;
	uint32_t i;

	plan->hands = arena_part(arena, helpers, sizeof(*plan->hands));
	for (i = 0; i < helpers; i++)
		lay_out_hand(arena, &plan->needs, plan->hands ? &plan->hands[i] : &unused);
}

uint64_t snnq_plan_crew_bytes(const void *program, uint32_t helpers)
{
	struct snnq_plan sizes = { .program = program };
	struct arena arena = { 0 };

	lay_out(&sizes);
	lay_out_hands(&sizes, &arena, helpers);
	return arena_block_bytes(&arena);
}

int snnq_plan_use_crew(struct snnq_plan *plan, struct snnq_crew *crew, uint64_t max_bytes)
{
	uint64_t bytes = snnq_plan_crew_bytes(plan->program, crew_helpers(crew));
	struct arena arena;

	if (bytes > max_bytes)
		return -EFBIG;
	plan->hands_block = arena_allocate(&arena, bytes);
	if (!plan->hands_block)
		return -ENOMEM;
	lay_out_hands(plan, &arena, crew_helpers(crew));
	plan->crew = crew;
	return 0;
}

bool snnq_plan_matches(const struct snnq_plan *plan, const void *program, size_t size)
{
	return size == plan->info.program_bytes && !memcmp(plan->program, program, size);
}

const struct snnq_program_info *snnq_plan_info(const struct snnq_plan *plan)
{
	return &plan->info;
}

bool snnq_plan_force_isa(struct snnq_plan *plan, enum snnq_isa isa)
{
	struct snnq_pace unpaced = { .tick = NULL };

	return vec_of(isa) && !use_isa(plan, isa, &unpaced);
}

void snnq_plan_force_costs(struct snnq_plan *plan, const struct snnq_costs *costs)
{
	plan->costs = costs;
}

void snnq_plan_force_bands(struct snnq_plan *plan)
{
	plan->force_bands = true;
}

void snnq_plan_force_kernel(struct snnq_plan *plan, enum snnq_kernel_choice choice)
{
	plan->choice = choice;
}
