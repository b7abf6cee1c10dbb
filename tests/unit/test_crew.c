// SPDX-License-Identifier: MIT
/*
 * test_crew.c - threads within a job: the same bits and counters for any number, jobs
 * that end in the midst, many plans with one crew.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 30
#else
#define SEEDS 150
#endif
#define STEPS  5
#define OWNERS 3

/* A plan with memory, and what a job of it left behind. */
struct user {
	struct snnq_plan *plan;
	struct memory m;
	struct snnq_run run;
	struct snnq_layer_stats stats[PROGRAM_LAYERS];
	struct snnq_outcome outcome;
	pthread_t self;
	uint32_t ticks, end_at;
};

/* Who runs a job looks at its ticks, and no other. */
static bool count_tick(void *ctx, uint32_t layer)
{
	struct user *u = ctx;

	(void)layer;
	if (!pthread_equal(u->self, pthread_self()))
		abort();
	return ++u->ticks == u->end_at;
}

static void user_init(struct user *u, const struct program *p, uint64_t seed,
		      enum snnq_kernel_choice kernel, struct snnq_crew *crew)
{
	memset(u, 0, sizeof(*u));
	u->plan = make_plan(p);
	snnq_plan_force_kernel(u->plan, kernel);
	if (crew) {
		assert_int_equal(snnq_plan_use_crew(u->plan, crew, UINT64_MAX), 0);
		snnq_plan_force_bands(u->plan);
	}
	memory_init(&u->m, snnq_plan_info(u->plan), STEPS);
	memory_fill(&u->m, p, STEPS, seed);
	run_init(&u->run, &u->m, STEPS);
	u->run.stats = u->stats;
	u->run.tick = count_tick;
	u->run.tick_ctx = u;
}

static void user_free(struct user *u)
{
	memory_free(&u->m);
	snnq_plan_destroy(u->plan);
}

static void *run(void *arg)
{
	struct user *u = arg;

	u->self = pthread_self();
	u->ticks = 0;
	snnq_plan_run(u->plan, &u->run, &u->outcome);
	return NULL;
}

static void same(const struct user *a, const struct user *b, uint32_t layers)
{
	uint32_t r;

	assert_int_equal(a->outcome.status, SNNQ_STATUS_OK);
	assert_int_equal(b->outcome.status, SNNQ_STATUS_OK);
	assert_int_equal(a->outcome.cycles, b->outcome.cycles);
	assert_memory_equal(a->stats, b->stats, layers * sizeof(a->stats[0]));
	for (r = 0; r < a->m.count; r++)
		if (r != SNNQ_REGION_SCRATCH && a->m.access[r] == SNNQ_ACCESS_WRITE)
			assert_memory_equal(a->m.bytes[r], b->m.bytes[r], a->m.size[r]);
}

static struct snnq_crew *new_crew(uint32_t helpers)
{
	struct snnq_crew *crew;

	assert_int_equal(snnq_crew_create(helpers, &crew), 0);
	return crew;
}

static void program_of(struct program *p, uint64_t seed)
{
	random_program(p, seed);
	if (p->h.max_steps < STEPS)
		p->h.max_steps = STEPS;
}

static void any_number_of_threads(void **context)
{
	static const uint32_t helpers[] = { 0, 1, 3 };
	static struct user alone, helped;
	static struct program p;
	uint64_t seed;
	uint32_t k;

	(void)context;
	for (k = 0; k < sizeof(helpers) / sizeof(helpers[0]); k++) {
		struct snnq_crew *crew = new_crew(helpers[k]);

		for (seed = 1; seed <= SEEDS; seed++) {
			enum snnq_kernel_choice kernel = seed % SNNQ_KERNEL_CHOICES;

			program_of(&p, seed);
			user_init(&alone, &p, seed, kernel, NULL);
			user_init(&helped, &p, seed, kernel, crew);
			run(&alone);
			run(&helped);
			same(&alone, &helped, p.h.layer_count);
			user_free(&alone);
			user_free(&helped);
		}
		snnq_crew_destroy(crew);
	}
}

/* Ended at any tick, a job leaves nobody at work, and the next one is right. */
static void ended_in_the_midst(void **context)
{
	static struct user alone, helped;
	static struct program p;
	struct snnq_crew *crew = new_crew(2);
	uint32_t ended = 0;
	uint64_t seed;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		program_of(&p, seed);
		user_init(&alone, &p, seed, SNNQ_KERNEL_AUTO, NULL);
		user_init(&helped, &p, seed, SNNQ_KERNEL_AUTO, crew);
		run(&alone);
		for (helped.end_at = 1; helped.end_at < 4; helped.end_at++) {
			run(&helped);
			if (helped.ticks < helped.end_at)
				break;
			assert_int_equal(helped.outcome.status, SNNQ_STATUS_CANCELLED);
			ended++;
		}
		helped.end_at = 0;
		run(&helped);
		same(&alone, &helped, p.h.layer_count);
		user_free(&alone);
		user_free(&helped);
	}
	assert_true(ended > SEEDS);
	snnq_crew_destroy(crew);
}

static void many_owners(void **context)
{
	static struct user alone, helped[OWNERS];
	static struct program p;
	struct snnq_crew *crew = new_crew(2);
	pthread_t threads[OWNERS];
	uint64_t seed;
	uint32_t i;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		program_of(&p, seed);
		user_init(&alone, &p, seed, SNNQ_KERNEL_AUTO, NULL);
		run(&alone);
		for (i = 0; i < OWNERS; i++) {
			user_init(&helped[i], &p, seed, SNNQ_KERNEL_AUTO, crew);
			assert_int_equal(pthread_create(&threads[i], NULL, run, &helped[i]), 0);
		}
		for (i = 0; i < OWNERS; i++) {
			pthread_join(threads[i], NULL);
			same(&alone, &helped[i], p.h.layer_count);
			user_free(&helped[i]);
		}
		user_free(&alone);
	}
	snnq_crew_destroy(crew);
}

static void memory_is_known_before(void **context)
{
	static struct program p;
	struct snnq_crew *crew = new_crew(3);
	struct snnq_plan *plan;
	uint64_t bytes;
	size_t size;
	void *blob;

	(void)context;
	program_of(&p, 1);
	blob = pack(&p, &size);
	plan = make_plan(&p);
	bytes = snnq_plan_crew_bytes(blob, 3);
	assert_true(bytes > snnq_plan_crew_bytes(blob, 1));
	assert_int_equal(snnq_plan_use_crew(plan, crew, bytes - 1), -EFBIG);
	assert_int_equal(snnq_plan_use_crew(plan, crew, bytes), 0);
	snnq_plan_destroy(plan);
	free(blob);
	snnq_crew_destroy(crew);
	assert_int_equal(snnq_crew_create(SNNQ_MAX_HELPERS + 1, &crew), -EINVAL);
	assert_null(crew);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_threads),
		cmocka_unit_test(ended_in_the_midst),
		cmocka_unit_test(many_owners),
		cmocka_unit_test(memory_is_known_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
