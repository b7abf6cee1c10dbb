// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plan.c - making a plan: one block with a copy of the program and all memory that
 * its jobs will need. lay_out() is gone through twice, to know the block's size and
 * then to say where everything is in it.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POISON(p, bytes) ASAN_POISON_MEMORY_REGION(p, bytes)
#else
#define POISON(p, bytes)       \
	do {                   \
		(void)(p);     \
		(void)(bytes); \
	} while (0)
#endif

#define BLOCK_ALIGN 64u
#define GUARD	    64u /* behind each part; ASan sees who touches it */

void *plan_part(struct snnq_plan *plan, uint64_t count, uint64_t size)
{
	uint64_t at = plan->bytes, bytes, end;

	if (__builtin_mul_overflow(count, size, &bytes) ||
	    __builtin_add_overflow(at, bytes, &end) || end > UINT64_MAX - GUARD - BLOCK_ALIGN) {
		plan->bytes = UINT64_MAX;
		return NULL;
	}
	plan->bytes = (end + GUARD + BLOCK_ALIGN - 1) & ~(uint64_t)(BLOCK_ALIGN - 1);
	if (!plan->base)
		return NULL;
	POISON(plan->base + end, plan->bytes - end);
	return plan->base + at;
}

/* Operands and results; operations have said before what else they need. */
static void add_needs(struct needs *n, const struct layer *l)
{
	const struct snnq_layer *d = l->desc;
	uint32_t k;

	for (k = 0; k < 3; k++)
		if (d->in[k].region >= SNNQ_REGION_USER)
			plan_needs(&n->stage[k],
				   ((snnq_tensor_bytes(&d->in[k]) + 7) & ~7ull) * l->event_steps);
	if (d->out.region >= SNNQ_REGION_USER)
		plan_needs(&n->out, ((snnq_tensor_bytes(&d->out) + 7) & ~7ull) * l->block_steps);
	plan_needs(&n->acc, tensor_words(&d->out) * 64ull * sizeof(int32_t));
}

static void lay_out_buffers(struct snnq_plan *plan)
{
	const struct needs *n = &plan->needs;
	uint32_t k;

	for (k = 0; k < 3; k++)
		plan->stage[k] = plan_part(plan, n->stage[k], 1);
	plan->out = plan_part(plan, n->out, 1);
	plan->list = plan_part(plan, n->list, 1);
	plan->values = plan_part(plan, n->values, 1);
	plan->attention = plan_part(plan, n->attention, 1);
	plan->acc = plan_part(plan, n->acc, 1);
	plan->row = plan_part(plan, n->row, 1);
	plan->chunk = plan_part(plan, CHUNK_BYTES, 1);
}

/* @plan has a validated program, and a base unless sizes are all that is wanted. */
static void lay_out(struct snnq_plan *plan)
{
	const struct snnq_program_header *h = plan->program;
	const void *program = plan->program;
	uint32_t i;

	plan->bytes = 0;
	plan_part(plan, 1, sizeof(*plan));
	plan->copy = plan_part(plan, h->total_bytes, 1);
	plan->layers = plan_part(plan, h->layer_count, sizeof(*plan->layers));
	plan->state = plan_part(plan, h->state_bytes, 1);
	plan->scratch = plan_part(plan, h->scratch_step_bytes, h->tile_steps);
	for (i = 0; i < h->layer_count; i++) {
		struct layer unused = { 0 }, *l = plan->base ? &plan->layers[i] : &unused;

		l->desc = snnq_program_layer(program, i);
		l->op = &op_table[l->desc->op];
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

uint64_t snnq_plan_bytes(const void *program)
{
	struct snnq_plan sizes = { .program = program };

	lay_out(&sizes);
	return sizes.bytes > UINT64_MAX - BLOCK_ALIGN ? UINT64_MAX : sizes.bytes + BLOCK_ALIGN;
}

static bool list_bits(struct byte_bits *bits, struct snnq_pace *pace)
{
	uint32_t byte, bit;

	if (snnq_work(pace, 256 * 8))
		return true;
	for (byte = 0; byte < 256; byte++)
		for (bit = 0; bit < 8; bit++)
			if (byte >> bit & 1)
				bits->at[byte][bits->count[byte]++] = (uint16_t)bit;
	return false;
}

static bool prepare(struct snnq_plan *plan, struct snnq_pace *pace)
{
	uint32_t i;

	plan->vec = vec_default();
	if (list_bits(&plan->bits, pace))
		return true;
	for (i = 0; i < plan->info.layer_count; i++) {
		struct layer *l = &plan->layers[i];

		l->desc = snnq_program_layer(plan->program, i);
		if (l->op->prepare && l->op->prepare(plan, l, pace))
			return true;
		if (neuron_prepare(plan, l, pace))
			return true;
	}
	return false;
}

static bool copy_program(struct snnq_plan *plan, const void *program, struct snnq_pace *pace)
{
	size_t size = plan->info.program_bytes, done, n;

	for (done = 0; done < size; done += n) {
		n = size - done < CHUNK_BYTES ? size - done : CHUNK_BYTES;
		if (snnq_work(pace, (uint32_t)(n / 8 + 1)))
			return true;
		memcpy(plan->copy + done, (const uint8_t *)program + done, n);
	}
	plan->program = plan->copy;
	return false;
}

static struct snnq_plan *new_plan(const void *program, const struct snnq_program_info *info,
				  uint64_t bytes)
{
	void *block = bytes <= SIZE_MAX ? calloc(1, (size_t)bytes) : NULL;
	struct snnq_plan *plan;

	if (!block)
		return NULL;
	plan = (void *)(((uintptr_t)block + BLOCK_ALIGN - 1) & ~(uintptr_t)(BLOCK_ALIGN - 1));
	plan->block = block;
	plan->base = (uint8_t *)plan;
	plan->info = *info;
	plan->program = program;
	lay_out(plan);
	return plan;
}

int snnq_plan_create(const void *program, size_t size, const struct snnq_caps *caps,
		     uint64_t max_bytes, struct snnq_pace *pace, struct snnq_plan **plan,
		     struct snnq_diag *diag)
{
	struct snnq_pace never = { 0 };
	struct snnq_program_info info;
	struct snnq_plan *p;
	uint64_t bytes;
	int ret;

	*plan = NULL;
	pace = pace ? pace : &never;
	ret = snnq_program_validate_paced(program, size, caps, pace, &info, diag);
	if (ret)
		return ret;
	bytes = snnq_plan_bytes(program);
	if (bytes > max_bytes)
		return -EFBIG;
	p = new_plan(program, &info, bytes);
	if (!p)
		return -ENOMEM;
	if (copy_program(p, program, pace) || prepare(p, pace)) {
		snnq_plan_destroy(p);
		return -EINTR;
	}
	*plan = p;
	return 0;
}

void snnq_plan_destroy(struct snnq_plan *plan)
{
	if (plan)
		free(plan->block);
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
	const struct vec *v = vec_of(isa);

	if (v)
		plan->vec = v;
	return v;
}

void snnq_plan_force_kernel(struct snnq_plan *plan, enum snnq_kernel_choice choice)
{
	plan->choice = choice;
}
