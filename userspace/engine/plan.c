// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plan.c - making a plan: a validated copy of the program and all memory that
 * its jobs will need.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define BLOCK_ALIGN	64u

/* In front of each allocation. */
struct block {
	struct block *next;
};

/* Zeroed and aligned; NULL if there is no memory or the plan has its share. */
void *plan_alloc(struct snnq_plan *plan, uint64_t count, uint64_t size)
{
	uint64_t bytes;
	struct block *b;

	if (__builtin_mul_overflow(count, size, &bytes) ||
	    __builtin_add_overflow(bytes, 2 * BLOCK_ALIGN, &bytes) ||
	    bytes > PLAN_MAX_BYTES - plan->bytes || bytes > SIZE_MAX)
		return NULL;
	b = calloc(1, (size_t)bytes);
	if (!b)
		return NULL;
	plan->bytes += bytes;
	b->next = plan->blocks;
	plan->blocks = b;
	return (void *)(((uintptr_t)(b + 1) + BLOCK_ALIGN - 1) & ~(uintptr_t)(BLOCK_ALIGN - 1));
}

static void grow(uint64_t *largest, uint64_t v)
{
	if (v > *largest)
		*largest = v;
}

/* Largest need of any layer for the buffers that layers share. */
struct needs {
	uint64_t stage[3], out, fresh, values, acc;
};

static void add_needs(struct needs *n, const struct snnq_layer *d)
{
	uint64_t out = snnq_tensor_bytes(&d->out);
	uint32_t k;

	for (k = 0; k < 3; k++)
		if (d->in[k].region >= SNNQ_REGION_USER)
			grow(&n->stage[k], snnq_tensor_bytes(&d->in[k]));
	if (d->out.region >= SNNQ_REGION_USER)
		grow(&n->out, out);
	if (d->neuron.delay)
		grow(&n->fresh, out);
	if (op_table[d->op].unpack)
		grow(&n->values, snnq_tensor_elements(&d->in[0]) * sizeof(int32_t));
	grow(&n->acc, tensor_words(&d->out) * 64ull * sizeof(int32_t));
}

static int make_buffers(struct snnq_plan *plan)
{
	struct needs n = { 0 };
	uint32_t i, k;

	for (i = 0; i < plan->info.layer_count; i++)
		add_needs(&n, &snnq_program_layers(plan->program)[i]);
	for (k = 0; k < 3; k++) {
		plan->stage[k] = plan_alloc(plan, n.stage[k], 1);
		if (!plan->stage[k])
			return -ENOMEM;
	}
	plan->state = plan_alloc(plan, plan->info.state_bytes, 1);
	plan->scratch = plan_alloc(plan, plan->info.scratch_bytes, 1);
	plan->out = plan_alloc(plan, n.out, 1);
	plan->fresh = plan_alloc(plan, n.fresh, 1);
	plan->values = plan_alloc(plan, n.values, 1);
	plan->acc = plan_alloc(plan, n.acc, 1);
	plan->chunk = plan_alloc(plan, CHUNK_BYTES, 1);
	return plan->state && plan->scratch && plan->out && plan->fresh && plan->values &&
	       plan->acc && plan->chunk ? 0 : -ENOMEM;
}

static int make_layers(struct snnq_plan *plan)
{
	uint32_t i;

	plan->layers = plan_alloc(plan, plan->info.layer_count, sizeof(*plan->layers));
	if (!plan->layers)
		return -ENOMEM;
	for (i = 0; i < plan->info.layer_count; i++) {
		struct layer *l = &plan->layers[i];
		int ret;

		l->desc = &snnq_program_layers(plan->program)[i];
		l->op = &op_table[l->desc->op];
		l->geometry = l->desc->geometry;
		l->index = i;
		ret = l->op->prepare ? l->op->prepare(plan, l) : 0;
		if (!ret)
			ret = neuron_prepare(plan, l);
		if (ret)
			return ret;
	}
	return 0;
}

static int make_plan(struct snnq_plan *plan, const void *program, size_t size,
		     const struct snnq_caps *caps, struct snnq_diag *diag)
{
	int ret;

	if (size <= SNNQ_MAX_PROGRAM_BYTES) {
		plan->program = plan_alloc(plan, size, 1);
		if (!plan->program)
			return -ENOMEM;
		memcpy(plan->program, program, size);
		plan->program_bytes = size;
		program = plan->program;
	}
	ret = snnq_program_validate(program, size, caps, &plan->info, diag);
	if (!ret)
		ret = make_buffers(plan);
	return ret ? ret : make_layers(plan);
}

int snnq_plan_create(const void *program, size_t size, const struct snnq_caps *caps,
		     struct snnq_plan **plan, struct snnq_diag *diag)
{
	struct snnq_plan *p = calloc(1, sizeof(*p));
	int ret;

	*plan = NULL;
	if (diag)
		*diag = (struct snnq_diag){ SNNQ_CHECK_OK, 0xffffffffu, "" };
	if (!p)
		return -ENOMEM;
	ret = make_plan(p, program, size, caps, diag);
	if (ret) {
		snnq_plan_destroy(p);
		return ret;
	}
	*plan = p;
	return 0;
}

void snnq_plan_destroy(struct snnq_plan *plan)
{
	struct block *b, *next;

	if (!plan)
		return;
	for (b = plan->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(plan);
}

bool snnq_plan_matches(const struct snnq_plan *plan, const void *program, size_t size)
{
	return size == plan->program_bytes && !memcmp(plan->program, program, size);
}

const struct snnq_program_info *snnq_plan_info(const struct snnq_plan *plan)
{
	return &plan->info;
}

void snnq_plan_force_kernel(struct snnq_plan *plan, enum snnq_kernel_choice choice)
{
	plan->choice = choice;
}
