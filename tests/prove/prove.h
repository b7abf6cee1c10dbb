/* SPDX-License-Identifier: MIT */
/*
 * prove.h - what the harnesses of `make prove` share: the validator in one piece, and what
 * it promises.
 *
 * The promises, *_holds(), are what executors rely on. A harness asserts those of what its
 * part of the validator accepts, and assumes those of what other parts have accepted
 * before, each of which some harness asserts. Sizes of tensors and weights are those of
 * snnq_tensor_bytes() and snnq_weight_bytes(); that these enclose every element and row
 * is proved by itself (extent.c).
 */
#ifndef PROVE_H
#define PROVE_H

#include "snnq_validate.h"

void *malloc(size_t bytes);

#define assume(condition)     __CPROVER_assume(condition)
#define assert_that(what, is) __CPROVER_assert(is, what)

/* Where parts of the program lie is proved in header.c; elsewhere they are apart. */
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

/* That mul_sat() is exact is proved in arith.c; elsewhere it is any function of two numbers. */
#ifdef PRODUCTS_APART
#define mul_sat(a, b) prove_product(a, b)
__u64 __CPROVER_uninterpreted_product(__u64 a, __u64 b);

static __u64 prove_product(__u64 a, __u64 b)
{
	__u64 product = __CPROVER_uninterpreted_product(a, b);

	assume(product <= SATURATED);
	return product;
}
#endif

#include "snnq_validate_base.c"

/* How large states are is said by one function, for executors too. */
#ifdef STATES_APART
#define snnq_layer_state_bytes(l) prove_state_bytes(l)
static __u64 prove_state_bytes(const struct snnq_layer *l);
#endif

/* How large tensors are is proved in extent.c; elsewhere they are as large as they like. */
#ifdef SIZES_APART
#define snnq_tensor_bytes(t)	prove_bytes(t)
#define snnq_tensor_elements(t) prove_elements(t)
static __u64 prove_bytes(const struct snnq_tensor *t);
static __u64 prove_elements(const struct snnq_tensor *t);
#endif

/* Its files have static functions of equal names. */
#include "snnq_validate.c"
#undef H
#include "snnq_validate_ops.c"
#undef snnq_layer_state_bytes
#define check_flags neuron_check_flags
#include "snnq_validate_neuron.c"
#undef check_flags
#include "snnq_validate_caps.c"

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

/* A tensor of a format that is executed, its dimensions in range. */
static bool tensor_holds(const struct snnq_tensor *t)
{
	bool planes = t->format == SNNQ_FORMAT_UNSIGNED || t->format == SNNQ_FORMAT_SIGNED;

	return t->format >= SNNQ_FORMAT_UNSIGNED && t->format <= SNNQ_FORMAT_EVENTS &&
	       (planes ? t->planes >= 1 && t->planes <= 16 : !t->planes) &&
	       (t->format != SNNQ_FORMAT_SIGNED || t->planes >= 2) && t->height >= 1 &&
	       t->height <= SNNQ_MAX_DIM && t->width >= 1 && t->width <= SNNQ_MAX_DIM &&
	       t->channels >= 1 && t->channels <= SNNQ_MAX_CHANNELS;
}

#define MOST_BYTES    (1ull << 41)
#define MOST_ELEMENTS (1ull << 40)

#ifdef SIZES_APART
/* Functions of which cbmc knows no more than that they are. */
__u64 __CPROVER_uninterpreted_bytes(__u8 format, __u8 planes, __u16 height, __u16 width,
				    __u32 channels);
__u64 __CPROVER_uninterpreted_elements(__u16 height, __u16 width, __u32 channels);

static __u64 prove_bytes(const struct snnq_tensor *t)
{
	__u64 bytes = __CPROVER_uninterpreted_bytes(t->format, t->planes, t->height, t->width,
						    t->channels);

	assert_that("the size of what is in range is asked for", tensor_holds(t));
	assume(bytes <= MOST_BYTES && (bytes || t->format == SNNQ_FORMAT_EVENTS));
	return bytes;
}

static __u64 prove_elements(const struct snnq_tensor *t)
{
	__u64 n = __CPROVER_uninterpreted_elements(t->height, t->width, t->channels);

	assume(n <= MOST_ELEMENTS && (n || !t->height || !t->width || !t->channels));
	return n;
}
#endif

/* @bytes at @offset of something that has @limit, in numbers without end. */
static bool lies_within(__u64 offset, __u64 bytes, __u64 limit)
{
	return (unsigned __int128)offset + bytes <= limit;
}

static bool apart(__u64 a, __u64 a_bytes, __u64 b, __u64 b_bytes)
{
	return lies_within(a, a_bytes, b) || lies_within(b, b_bytes, a);
}

/* What is read or written of a step lies within the step's part of its region. */
static bool place_holds(const struct check *c, const struct snnq_tensor *t, __u32 access)
{
	const struct snnq_region_desc *r;
	__u64 bytes = t->format == SNNQ_FORMAT_EVENTS ? 8 : snnq_tensor_bytes(t);

	if (t->offset % 8)
		return false;
	if (t->region == SNNQ_REGION_SCRATCH)
		return lies_within(t->offset, bytes, c->header->scratch_step_bytes);
	if (t->region < SNNQ_REGION_USER || t->region >= SNNQ_REGION_USER + c->header->region_count)
		return false;
	r = snnq_program_region(c->header, t->region - SNNQ_REGION_USER);
	return r->access == access &&
	       lies_within(t->offset, bytes, r->step_bytes ? r->step_bytes : r->bytes);
}

/* The box that a view takes of a tensor, or all its elements in another shape. */
static bool view_holds(const struct snnq_tensor *t)
{
	struct snnq_tensor whole = { .height = t->whole_height,
				     .width = t->whole_width,
				     .channels = t->whole_channels };

	if (t->flags & SNNQ_TENSOR_FLAG_SLICE)
		return t->whole_height <= SNNQ_MAX_DIM && t->whole_width <= SNNQ_MAX_DIM &&
		       t->whole_channels <= SNNQ_MAX_CHANNELS &&
		       lies_within(t->first_y, t->height, t->whole_height) &&
		       lies_within(t->first_x, t->width, t->whole_width) &&
		       lies_within(t->first_channel, t->channels, t->whole_channels);
	if (t->flags & SNNQ_TENSOR_FLAG_RESHAPE)
		return t->whole_height && t->whole_width && t->whole_channels &&
		       t->whole_height <= SNNQ_MAX_DIM && t->whole_width <= SNNQ_MAX_DIM &&
		       t->whole_channels <= SNNQ_MAX_CHANNELS &&
		       snnq_tensor_elements(&whole) == snnq_tensor_elements(t);
	return true;
}

/* @count entries of the table from @index on; all of them in [@low, @high]. */
static bool table_holds(const struct check *c, __u64 index, __u64 count, __s64 low, __s64 high)
{
	__u32 i = nondet_u32();

	if (!lies_within(index, count, c->header->table_count))
		return false;
	return i >= count || (c->table[index + i] >= low && c->table[index + i] <= high);
}

#endif /* PROVE_H */
