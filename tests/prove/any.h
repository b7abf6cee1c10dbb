/* SPDX-License-Identifier: MIT */
/*
 * any.h - any layer of a program, behind BEFORE layers that were accepted, with up to REGIONS regions
 * and TABLE entries of tables: what a harness of one part of check_layer() begins with.
 */
#ifndef ANY_H
#define ANY_H

#define PARTS_APART
#define ZEROS_APART
#define SIZES_APART
#include "prove.h"

/* In fewer turns than by bytes. */
static bool prove_zero(const void *p, size_t bytes)
{
	const __u32 *words = p;
	const __u8 *rest = p;
	size_t i;

	for (i = 0; i < bytes / 4; i++)
		if (words[i])
			return false;
	for (i = bytes / 4 * 4; i < bytes; i++)
		if (rest[i])
			return false;
	return true;
}

/* Objects of their own, which cbmc follows field by field. */
static struct snnq_program_header *program;
static struct snnq_region_desc *regions[REGIONS];
static struct snnq_layer *layers[BEFORE + 1];
static __u32 looks;

static const struct snnq_layer *prove_layer(__u32 i)
{
	assert_that("a layer is there", i < BEFORE + 1);
	looks++;
	return layers[i];
}

static const struct snnq_region_desc *prove_region(__u32 i)
{
	assert_that("a region is there", i < program->region_count);
	return regions[i];
}

#ifdef STATES_APART
#define state_bytes_of(l) prove_state_bytes(l)
#else
#define state_bytes_of(l) 0
#endif

/* What a layer before this one has been checked for, as far as it matters here. */
static bool before_holds(const struct check *c, const struct snnq_layer *o)
{
	__u32 k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		if (o->in[k].flags & SNNQ_TENSOR_FLAG_PREVIOUS && !tensor_holds(&o->in[k]))
			return false;
	return o->op >= SNNQ_OP_EVENTS && o->op < SNNQ_OP_COUNT && tensor_holds(&o->out) &&
	       place_holds(c, &o->out, SNNQ_ACCESS_WRITE) && o->neuron.delay <= SNNQ_MAX_DELAY &&
	       (!o->state_offset ||
		lies_within(o->state_offset, state_bytes_of(o), program->state_bytes));
}

static bool no_tick(void *ctx)
{
	(void)ctx;
	assert_that("what is looked at was announced", false);
	return false;
}

/* The layer, its fields in range one by one as check_fields() and check_layer() see to it. */
static struct snnq_layer *any_layer(struct check *c, struct snnq_program_header *header,
				    struct snnq_pace *pace)
{
	__u32 i;

	*pace = (struct snnq_pace){ .tick = no_tick, .left = SNNQ_SAFE_POINT_OPS };
	*c = (struct check){ .header = header, .layer = BEFORE, .pace = pace };
	assume(header_holds(header) && header->tile_steps == 1);
	assume(header->region_count <= REGIONS && header->table_count == TABLE);
	program = header;
	c->table = malloc(TABLE * sizeof(__s32));
	for (i = 0; i < REGIONS; i++) {
		regions[i] = malloc(sizeof(*regions[i]));
		assume(i >= header->region_count || region_holds(regions[i]));
	}
	for (i = 0; i <= BEFORE; i++) {
		layers[i] = malloc(sizeof(*layers[i]));
		assume(i == BEFORE || before_holds(c, layers[i]));
	}
	assume(!snnq_check_rules(c, layers[BEFORE], layer_rules, COUNT(layer_rules)));
	assume(!snnq_check_rules(c, layers[BEFORE], later_rules, COUNT(later_rules)));
	looks = 0;
	return layers[BEFORE];
}

static bool tensors_apart(const struct snnq_tensor *a, const struct snnq_tensor *b)
{
	return a->region != b->region ||
	       apart(a->offset, snnq_tensor_bytes(a), b->offset, snnq_tensor_bytes(b));
}

#endif /* ANY_H */
