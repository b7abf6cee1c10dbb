/* SPDX-License-Identifier: MIT */
/*
 * prove.h - what the harnesses of `make prove` share: the validator in one piece, and what
 * it promises.
 *
 * The promises, *_holds(), are what executors rely on. A harness asserts those of what its
 * part of the validator accepts, and assumes those of what other parts have accepted
 * before, each of which some harness asserts.
 */
#ifndef PROVE_H
#define PROVE_H

#include "snnq_validate.h"

/* Where parts of the program lie is no matter of what is proved here: they are apart. */
#ifdef PARTS_APART
#define snnq_program_layer(blob, i)  prove_layer(i)
#define snnq_program_region(blob, i) prove_region(i)
static const struct snnq_layer *prove_layer(__u32 i);
static const struct snnq_region_desc *prove_region(__u32 i);
#endif
#include "snnq_validate_internal.h"

/* What all_zero() is, is proved in arith.c; elsewhere it is what is easier to follow. */
#ifdef ZEROS_APART
#define all_zero(p, bytes) prove_zero(p, bytes)
static bool prove_zero(const void *p, size_t bytes);
#endif

#include "snnq_validate_base.c"

/* Its files have static functions of equal names. */
#include "snnq_validate.c"
#undef H
#include "snnq_validate_ops.c"
#define check_flags neuron_check_flags
#include "snnq_validate_neuron.c"
#undef check_flags
#include "snnq_validate_caps.c"

void *malloc(size_t bytes);

#define assume(condition)     __CPROVER_assume(condition)
#define assert_that(what, is) __CPROVER_assert(is, what)

/* Any value at all: cbmc knows them by their prefix. */
__u32 nondet_u32(void);
__u64 nondet_u64(void);
__s64 nondet_s64(void);
_Bool nondet_bool(void);

/* The program, as check_header() left it. */
static bool header_holds(const struct snnq_program_header *h)
{
	return h->layer_count >= 1 && h->layer_count <= SNNQ_MAX_LAYERS &&
	       h->region_count <= SNNQ_MAX_USER_REGIONS && h->max_steps >= 1 &&
	       h->max_steps <= SNNQ_MAX_STEPS && h->tile_steps >= 1 &&
	       h->tile_steps <= SNNQ_MAX_TILE_STEPS &&
	       h->table_count <= SNNQ_MAX_PROGRAM_BYTES / 4 &&
	       h->header_bytes <= SNNQ_MAX_DESC_BYTES && h->region_bytes <= SNNQ_MAX_DESC_BYTES &&
	       h->header_bytes >= sizeof(*h) && h->layer_bytes >= sizeof(struct snnq_layer) &&
	       h->region_bytes >= sizeof(struct snnq_region_desc) &&
	       h->layer_bytes <= SNNQ_MAX_DESC_BYTES && h->scratch_step_bytes % 8 == 0 &&
	       h->scratch_step_bytes <= SNNQ_MAX_REGION_BYTES && h->state_bytes % 8 == 0 &&
	       h->state_bytes >= sizeof(struct snnq_state_header) &&
	       h->state_bytes <= SNNQ_MAX_REGION_BYTES &&
	       h->scratch_step_bytes * h->tile_steps <= SNNQ_MAX_REGION_BYTES;
}

/* A region of any job: as long as all its steps, and no longer than can be. */
static bool region_holds(const struct snnq_region_desc *r)
{
	bool timed = r->role == SNNQ_ROLE_INPUT || r->role == SNNQ_ROLE_OUTPUT;
	bool written = r->role == SNNQ_ROLE_OUTPUT || r->role == SNNQ_ROLE_READOUT;

	return r->role >= SNNQ_ROLE_WEIGHTS && r->role <= SNNQ_ROLE_READOUT &&
	       r->access == (written ? SNNQ_ACCESS_WRITE : SNNQ_ACCESS_READ) &&
	       (timed ? !r->bytes && r->step_bytes && r->step_bytes % 8 == 0 &&
				r->step_bytes <= SNNQ_MAX_REGION_BYTES :
			!r->step_bytes && r->bytes && r->bytes <= SNNQ_MAX_REGION_BYTES);
}

/* @bytes at @offset of something that has @limit, in numbers without end. */
static bool lies_within(__u64 offset, __u64 bytes, __u64 limit)
{
	return (unsigned __int128)offset + bytes <= limit;
}

static bool apart(__u64 a, __u64 a_bytes, __u64 b, __u64 b_bytes)
{
	return lies_within(a, a_bytes, b) || lies_within(b, b_bytes, a);
}

#endif /* PROVE_H */
