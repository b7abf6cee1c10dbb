// SPDX-License-Identifier: MIT
/*
 * arith.c - what all checks are made of, in numbers without end: saturating arithmetic, ranges,
 * zeros, and safe points.
 */
#include <string.h>

#include "prove.h"

typedef unsigned __int128 wide;

/* Products by any factor up to FACTOR: no solver compares those of 64 bits with 64. */
static void saturation(void)
{
	__u64 a = nondet_u64(), b = nondet_u64(), most = 1ull << 63;
	wide sum = (wide)a + b, product;

	assert_that("add_sat() adds or saturates", add_sat(a, b) == (sum > most ? most : sum));
	assume(b <= FACTOR);
	product = (wide)a * b;
	assert_that("mul_sat() multiplies or saturates",
		    mul_sat(a, b) == (product > most ? most : product));
}

static void ranges(void)
{
	__u64 a = nondet_u64(), b = nondet_u64(), limit = nondet_u64(), more = nondet_u64();
	__u32 first = nondet_u32(), size = nondet_u32(), whole = nondet_u32(), most = nondet_u32();

	assert_that("fits() is exact", fits(a, b, limit) == lies_within(a, b, limit));
	assert_that("in_whole() is exact",
		    in_whole(first, size, whole, most) ==
			    (whole <= most && lies_within(first, size, whole)));
	assume(lies_within(a, b, 1ull << 63) && lies_within(limit, more, 1ull << 63));
	assert_that("what does not overlap is apart",
		    overlaps(a, b, limit, more) || !b || !more || apart(a, b, limit, more));
	assert_that("what overlaps has a byte in common",
		    !overlaps(a, b, limit, more) || !b || !more || !apart(a, b, limit, more));
}

/* Any bytes of an object that ends with them. */
static void zeros(void)
{
	size_t bytes = nondet_u64(), i = nondet_u64();
	unsigned char *p;

	assume(bytes <= ZEROS);
	p = malloc(bytes);
	assert_that("all_zero() is true of zeros only", !all_zero(p, bytes) || i >= bytes || !p[i]);
	memset(p, 0, bytes);
	assert_that("all_zero() is true of zeros", all_zero(p, bytes));
}

static __u32 done; /* since the last safe point */

static bool tick(void *ctx)
{
	(void)ctx;
	done = 0;
	return nondet_bool();
}

/*
 * By induction: as long as each piece of work is asked for before it is done, what is done
 * since a safe point and what is left until the next are no more than the bound.
 */
static void safe_points(void)
{
	struct snnq_pace pace = { .tick = nondet_bool() ? tick : NULL, .left = nondet_u32() };
	__u32 ops = nondet_u32();

	done = nondet_u32();
	assume((__u64)done + pace.left <= SNNQ_SAFE_POINT_OPS && ops <= SNNQ_SAFE_POINT_OPS);
	if (!pace.tick)
		assume(ops <= pace.left);
	if (snnq_work(&pace, ops))
		return;
	done += ops;
	assert_that("between safe points there is a bounded amount of work",
		    (__u64)done + pace.left <= SNNQ_SAFE_POINT_OPS);
}

/* Each turn of a loop is asked for: turn @i by itself, or by one of the turns before it. */
static void turns(void)
{
	struct snnq_pace pace = { .left = SNNQ_SAFE_POINT_OPS };
	__u32 i = nondet_u32(), count = nondet_u32(), asked;
	struct check c = { .pace = &pace };

	assume(i < count);
	assert_that("no tick, no end", !paced_turn(&c, i, count));
	asked = SNNQ_SAFE_POINT_OPS - pace.left;
	if (i % SNNQ_SAFE_POINT_OPS)
		assert_that("asked for before", !asked);
	else
		assert_that("asked for up to the next time or to the end",
			    asked == (count - i < SNNQ_SAFE_POINT_OPS ? count - i :
									SNNQ_SAFE_POINT_OPS));
}

int main(void)
{
	saturation();
	ranges();
	zeros();
	safe_points();
	turns();
	return 0;
}
