// SPDX-License-Identifier: MIT
/*
 * test_plan.c - the memory of plans: how much it is, who says so, what happens when
 * there is none, and that jobs stay within it (sanitizers see the end of each part).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

#define SEEDS 300

/* Allocations of the engine and of this program since allocations_reset(). */
static struct {
	uint64_t count;
	uint64_t bytes;
	uint64_t fail_at; /* number, from 1, of the one that fails; 0: none */
} allocations;

static void allocations_reset(uint64_t fail_at)
{
	memset(&allocations, 0, sizeof(allocations));
	allocations.fail_at = fail_at;
}

static bool fails(uint64_t bytes)
{
	allocations.bytes += bytes;
	return ++allocations.count == allocations.fail_at;
}

/* The linker puts these in front of the real ones (meson.build). */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
	return fails(bytes) ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails((uint64_t)count * size) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t bytes)
{
	return fails(bytes) ? NULL : __real_realloc(p, bytes);
}

static int create(const void *blob, size_t size, uint64_t max_bytes, struct snnq_pace *pace,
		  struct snnq_plan **plan)
{
	struct snnq_diag diag;
	int ret = snnq_plan_create(blob, size, &snnq_caps_all, max_bytes, pace, plan, &diag);

	assert_int_equal(diag.check, SNNQ_CHECK_OK);
	assert_int_equal(!ret, *plan != NULL);
	return ret;
}

/* The size is known before, is all there is, and is what the limit is compared with. */
static void sizes(void **context)
{
	struct snnq_plan *plan;
	struct program p;
	uint64_t seed, bytes;
	size_t size;
	void *blob;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		random_program(&p, seed);
		blob = pack(&p, &size);
		bytes = snnq_plan_bytes(blob);
		assert_true(bytes >
			    size + p.h.state_bytes + p.h.scratch_step_bytes * p.h.tile_steps);
		allocations_reset(0);
		assert_int_equal(create(blob, size, bytes - 1, NULL, &plan), -EFBIG);
		assert_int_equal(allocations.count, 0);
		assert_int_equal(create(blob, size, bytes, NULL, &plan), 0);
		assert_int_equal(allocations.bytes, bytes);
		snnq_plan_destroy(plan);
		free(blob);
	}
}

#define SHARERS 8

/* Each plan that shares weights takes its own part only. */
static void shared_sizes(void **context)
{
	struct snnq_plan *plans[SHARERS], *none;
	struct snnq_weights *weights;
	struct program p;
	uint64_t seed, whole, each;
	struct snnq_diag diag;
	size_t size, i;
	void *blob;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		random_program(&p, seed);
		blob = pack(&p, &size);
		whole = snnq_weights_bytes(blob);
		each = snnq_plan_share_bytes(blob);
		assert_int_equal(snnq_plan_bytes(blob), whole + each);
		allocations_reset(0);
		assert_int_equal(snnq_weights_create(blob, size, &snnq_caps_all, whole - 1, NULL,
						     &weights, &diag),
				 -EFBIG);
		assert_int_equal(diag.check, SNNQ_CHECK_OK);
		assert_null(weights);
		assert_int_equal(allocations.count, 0);
		assert_int_equal(snnq_weights_create(blob, size, &snnq_caps_all, whole, NULL,
						     &weights, NULL),
				 0);
		free(blob); /* nobody looks at it any more */
		assert_int_equal(allocations.bytes, whole);
		assert_int_equal(snnq_plan_share(weights, each - 1, NULL, &none), -EFBIG);
		assert_null(none);
		for (i = 0; i < SHARERS; i++)
			assert_int_equal(snnq_plan_share(weights, each, NULL, &plans[i]), 0);
		assert_int_equal(allocations.bytes, whole + SHARERS * each);
		snnq_weights_put(weights);
		for (i = 0; i < SHARERS; i++)
			snnq_plan_destroy(plans[i]);
	}
}

/* One layer of 1-bit weights is eight times as large when decoded. */
static void large_weights(void **context)
{
	struct snnq_plan *plan;
	struct snnq_layer *l;
	struct program p;
	uint64_t packed, bytes;
	size_t size;
	void *blob;

	(void)context;
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_LINEAR);
	l->in[0] = in_region(&p, make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 1, 1, 1, 65536),
			     SNNQ_ROLE_INPUT);
	l->out = in_region(&p, make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 1, 1, 1, 65536),
			   SNNQ_ROLE_OUTPUT);
	set_weights(&p, l, SNNQ_SCHEME_UNIFORM, 1);
	set_lif(&p, l, 1);
	place_state(&p, l);
	blob = pack(&p, &size);
	packed = snnq_weight_bytes(l);
	bytes = snnq_plan_bytes(blob);
	assert_in_range(bytes, 9 * packed, 10 * packed);
	assert_in_range(snnq_weights_bytes(blob), 9 * packed, bytes);
	assert_in_range(snnq_plan_share_bytes(blob), 1, packed / 100);
	allocations_reset(0);
	assert_int_equal(create(blob, size, 8 * packed, NULL, &plan), -EFBIG);
	/* A size beyond any memory is refused by the limit, not by an overflow. */
	((struct snnq_program_header *)blob)->scratch_step_bytes = SNNQ_MAX_REGION_BYTES;
	assert_int_equal(create(blob, size, SNNQ_MAX_REGION_BYTES, NULL, &plan), -EFBIG);
	assert_true(snnq_plan_bytes(blob) > SNNQ_MAX_REGION_BYTES);
	assert_int_equal(allocations.count, 0);
	free(blob);
}

/* Leaks are seen by the sanitizer. */
static void no_memory(void **context)
{
	struct snnq_plan *plan;
	struct program p;
	uint64_t seed, at;
	size_t size;
	void *blob;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		random_program(&p, seed);
		blob = pack(&p, &size);
		for (at = 1;; at++) {
			allocations_reset(at);
			if (!create(blob, size, UINT64_MAX, NULL, &plan))
				break;
			assert_int_equal(create(blob, size, UINT64_MAX, NULL, &plan), 0);
			snnq_plan_destroy(plan);
		}
		assert_true(at > 1);
		assert_int_equal(allocations.count, at - 1);
		allocations_reset(0);
		snnq_plan_destroy(plan);
		free(blob);
	}
}

static int create_shared(const void *blob, size_t size, struct snnq_pace *pace,
			 struct snnq_plan **plan)
{
	struct snnq_weights *weights;
	int ret = snnq_weights_create(blob, size, &snnq_caps_all, UINT64_MAX, pace, &weights, NULL);

	*plan = NULL;
	if (!ret)
		ret = snnq_plan_share(weights, UINT64_MAX, pace, plan);
	assert_int_equal(!ret, *plan != NULL);
	snnq_weights_put(weights);
	return ret;
}

static void no_memory_shared(void **context)
{
	struct snnq_plan *plan;
	struct program p;
	uint64_t seed, at;
	size_t size;
	void *blob;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		random_program(&p, seed);
		blob = pack(&p, &size);
		for (at = 1; at <= 2; at++) {
			allocations_reset(at);
			assert_int_equal(create_shared(blob, size, NULL, &plan), -ENOMEM);
			assert_int_equal(allocations.count, at);
		}
		allocations_reset(0);
		assert_int_equal(create_shared(blob, size, NULL, &plan), 0);
		assert_int_equal(allocations.count, 2);
		snnq_plan_destroy(plan);
		free(blob);
	}
}

static bool end_at(void *ctx)
{
	return !--*(uint64_t *)ctx;
}

static void interrupted(void **context)
{
	struct snnq_plan *plan;
	struct program p;
	uint64_t at, left;
	size_t size;
	void *blob;
	int ret;

	(void)context;
	random_program(&p, 1);
	p.h.table_count = PROGRAM_TABLE;
	blob = pack(&p, &size);
	for (at = 1;; at++) {
		struct snnq_pace pace = { .tick = end_at, .ctx = &left };

		left = at;
		ret = create(blob, size, UINT64_MAX, &pace, &plan);
		if (!ret)
			break;
		assert_int_equal(ret, -EINTR);
		assert_int_equal(left, 0);
	}
	assert_true(at > 1);
	snnq_plan_destroy(plan);
	for (at = 1;; at++) {
		struct snnq_pace pace = { .tick = end_at, .ctx = &left };

		left = at;
		ret = create_shared(blob, size, &pace, &plan);
		if (!ret)
			break;
		assert_int_equal(ret, -EINTR);
	}
	assert_true(at > 1);
	snnq_plan_destroy(plan);
	free(blob);
}

/* Groups whose rows are padded: the last one must not leave the accumulators. */
static void group_run(uint32_t groups, uint32_t width, uint8_t bits, enum snnq_kernel_choice kernel,
		      uint8_t *out, size_t out_bytes)
{
	struct snnq_outcome outcome;
	struct snnq_plan *plan;
	struct snnq_layer *l;
	struct snnq_run run;
	struct program p;
	struct memory m;

	program_init(&p, 4, 4);
	l = add_layer(&p, SNNQ_OP_CONV2D);
	l->in[0] = in_region(&p, make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 1, 2, 2, groups * 2),
			     SNNQ_ROLE_INPUT);
	l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, groups, 0, 0, 0 };
	l->out = in_region(&p, make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 1, 2, 2, groups * width),
			   SNNQ_ROLE_OUTPUT);
	set_weights(&p, l, SNNQ_SCHEME_ODD, bits);
	set_lif(&p, l, 2);
	place_state(&p, l);
	plan = make_plan(&p);
	memory_init(&m, snnq_plan_info(plan), 4);
	memory_fill(&m, &p, 4, groups);
	run_init(&run, &m, 4);
	snnq_plan_force_kernel(plan, kernel);
	snnq_plan_run(plan, &run, &outcome);
	assert_int_equal(outcome.status, SNNQ_STATUS_OK);
	assert_in_range(m.size[l->out.region], 1, out_bytes);
	memcpy(out, m.bytes[l->out.region], m.size[l->out.region]);
	memory_free(&m);
	snnq_plan_destroy(plan);
}

static void groups(void **context)
{
	static const uint32_t shapes[][2] = {
		{ 64, 17 }, { 64, 31 }, { 2, 17 },  { 3, 21 },	 { 5, 65 },
		{ 16, 20 }, { 1, 16 },	{ 64, 15 }, { 128, 63 },
	};
	uint8_t expected[16384], out[16384];
	size_t i;
	uint8_t bits;
	int k;

	(void)context;
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (bits = 3; bits <= 8; bits += 5) {
			memset(expected, 0, sizeof(expected));
			group_run(shapes[i][0], shapes[i][1], bits, SNNQ_KERNEL_GENERIC, expected,
				  sizeof(expected));
			for (k = SNNQ_KERNEL_EVENT; k <= SNNQ_KERNEL_DENSE; k++) {
				memset(out, 0, sizeof(out));
				group_run(shapes[i][0], shapes[i][1], bits,
					  (enum snnq_kernel_choice)k, out, sizeof(out));
				assert_memory_equal(out, expected, sizeof(out));
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(shared_sizes),
		cmocka_unit_test(large_weights),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(no_memory_shared),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
