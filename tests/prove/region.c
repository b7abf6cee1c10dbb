// SPDX-License-Identifier: MIT
/*
 * region.c - any region descriptor of any program: what check_region() accepts is what it says for
 * every number of steps, up to STEPS.
 */
#define ZEROS_APART
#include "prove.h"

static const void *descriptor;
static size_t descriptor_bytes;

static bool prove_zero(const void *p, size_t bytes)
{
	size_t at = (size_t)((const char *)p - (const char *)descriptor);

	assert_that("looks for zeros inside", lies_within(at, bytes, descriptor_bytes));
	return nondet_bool();
}

static void any_job(const struct snnq_region_desc *r, __u32 max_steps)
{
	struct snnq_program_info info;
	__u32 steps = nondet_u32(), t = nondet_u32();
	__u64 bytes;

	assume(steps >= 1 && steps <= max_steps && t < steps);
	info.regions[0] =
		(struct snnq_region_info){ .bytes = r->bytes, .step_bytes = r->step_bytes };
	bytes = snnq_region_required(&info, 0, steps);
	assert_that("a job's region has a size", bytes && bytes <= SNNQ_MAX_REGION_BYTES);
	assert_that("each step lies in it",
		    !r->step_bytes || lies_within((__u64)t * r->step_bytes, r->step_bytes, bytes));
}

int main(void)
{
	struct snnq_program_header header;
	struct check c = { .header = &header, .layer = NOT_IN_LAYER };
	struct snnq_region_desc region, *r = &region;

	assume(header_holds(&header) && header.max_steps <= STEPS);
	descriptor = r;
	descriptor_bytes = header.region_bytes;
	if (check_region(&c, r))
		return 0;
	assert_that("the region is in range", region_holds(r));
	any_job(r, header.max_steps);
	return 0;
}
