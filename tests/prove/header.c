// SPDX-License-Identifier: MIT
/*
 * header.c - any bytes of any size, with up to PARTS regions, layers and steps of a tile: what check_header() accepts has all its parts within them, and
 * nothing else. Zeros behind what is known may be any or none: all_zero() is proved in arith.c.
 */
#define ZEROS_APART
#include "prove.h"

/* Of which no more than the header is looked at, so that no more is there. */
static const char *program;
static size_t program_bytes;

static bool inside(const void *p, size_t bytes)
{
	return lies_within((size_t)p - (size_t)program, bytes, program_bytes);
}

static bool prove_zero(const void *p, size_t bytes)
{
	assert_that("looks for zeros inside", inside(p, bytes));
	return nondet_bool();
}

static void parts(const struct check *c)
{
	const struct snnq_program_header *h = c->header;
	__u32 i = nondet_u32();

	assert_that("the header is in range", header_holds(h));
	assert_that("nothing is needed that is not executed", !(h->needs & ~NEEDS_SUPPORTED));
	assert_that("the table ends the program",
		    (const char *)&c->table[h->table_count] == program + program_bytes);
	if (i < h->region_count)
		assert_that("each region lies inside",
			    inside(snnq_program_region(program, i), h->region_bytes));
	if (i < h->layer_count) {
		assert_that("each layer lies inside",
			    inside(snnq_program_layer(program, i), h->layer_bytes));
		assert_that("each layer is aligned",
			    ((size_t)snnq_program_layer(program, i) - (size_t)program) % 8 == 0);
	}
	if (i < h->table_count)
		assert_that("each entry lies inside", inside(&c->table[i], sizeof(__s32)));
}

/* Less than a header: nothing of it is looked at. */
static void too_small(void)
{
	struct check c = { .layer = NOT_IN_LAYER };
	size_t size = nondet_u64();

	assume(size < sizeof(struct snnq_program_header));
	assert_that("it is refused", check_header(&c, malloc(size), size));
}

int main(void)
{
	struct check c = { .layer = NOT_IN_LAYER };
	struct snnq_program_header header, *h = &header;

	too_small();
	program_bytes = nondet_u64();
	program = (const char *)&header;
	assume(program_bytes >= sizeof(*h));
	assume(h->region_count <= PARTS && h->layer_count <= PARTS && h->tile_steps <= PARTS);
	if (!check_header(&c, program, program_bytes))
		parts(&c);
	return 0;
}
