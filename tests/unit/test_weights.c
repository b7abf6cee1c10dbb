// SPDX-License-Identifier: MIT
/*
 * test_weights.c - weights shared by plans: jobs of any number of plans, one after the other
 * and at the same time, give what each plan alone would give; who decodes, who waits, and
 * what is left when that ends early.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

#define SEEDS	30
#define LAYERS	3u
#define WIDTH	192u
#define STEPS	2
#define THREADS 4
#define ROUNDS	40

/**
 * struct user - a plan, and a job of it in memory of its own
 * @stop_region: the first read of this region says so (@stopped), waits (@go), and then ends
 *	with @stop_status. 0: none.
 * @stop_writing: the same for the first write.
 * @reads: of each region.
 * @ticks: safe points so far; the job ends at number @cancel_at.
 * @hurry: it ends at the next one.
 */
struct user {
	struct snnq_plan *plan;
	struct memory m;
	struct snnq_run run;
	struct snnq_layer_stats stats[PROGRAM_LAYERS];
	struct snnq_outcome outcome;
	pthread_t thread;
	uint32_t stop_region;
	int stop_status;
	bool stop_writing;
	sem_t stopped, go;
	atomic_uint reads[SNNQ_MAX_REGIONS];
	atomic_uint ticks;
	unsigned int cancel_at;
	atomic_bool hurry;
};

static void stop(struct user *u)
{
	sem_post(&u->stopped);
	while (sem_wait(&u->go))
		;
}

static void wait_stopped(struct user *u)
{
	while (sem_wait(&u->stopped))
		;
}

static int user_read(void *ctx, uint32_t region, uint64_t offset, void *buf, size_t bytes)
{
	struct user *u = ctx;
	struct snnq_run plain;
	unsigned int before = atomic_fetch_add(&u->reads[region], 1);

	if (region && region == u->stop_region && !before) {
		stop(u);
		if (u->stop_status)
			return u->stop_status;
	}
	run_init(&plain, &u->m, 1);
	return plain.memory.read(&u->m, region, offset, buf, bytes);
}

static int user_write(void *ctx, uint32_t region, uint64_t offset, const void *buf, size_t bytes)
{
	struct user *u = ctx;
	struct snnq_run plain;

	if (u->stop_writing)
		stop(u);
	u->stop_writing = false;
	run_init(&plain, &u->m, 1);
	return plain.memory.write(&u->m, region, offset, buf, bytes);
}

static bool user_tick(void *ctx, uint32_t layer)
{
	struct user *u = ctx;

	(void)layer;
	return atomic_fetch_add(&u->ticks, 1) + 1 == u->cancel_at || atomic_load(&u->hurry);
}

static void user_reset(struct user *u)
{
	size_t i;

	for (i = 0; i < SNNQ_MAX_REGIONS; i++)
		atomic_store(&u->reads[i], 0);
	atomic_store(&u->ticks, 0);
	atomic_store(&u->hurry, false);
	u->cancel_at = 0;
	u->stop_region = 0;
	u->stop_status = SNNQ_STATUS_OK;
}

/* @weights NULL: of its own. */
static struct user *user_new(const struct program *p, struct snnq_weights *weights, uint64_t seed,
			     uint32_t steps)
{
	struct user *u = calloc(1, sizeof(*u));

	assert_non_null(u);
	if (!weights)
		u->plan = make_plan(p);
	else
		assert_int_equal(snnq_plan_share(weights, UINT64_MAX, NULL, &u->plan), 0);
	memory_init(&u->m, snnq_plan_info(u->plan), steps);
	memory_fill(&u->m, p, steps, seed);
	run_init(&u->run, &u->m, steps);
	u->run.stats = u->stats;
	u->run.memory = (struct snnq_memory){ .read = user_read, .write = user_write, .ctx = u };
	u->run.tick_ctx = u;
	sem_init(&u->stopped, 0, 0);
	sem_init(&u->go, 0, 0);
	return u;
}

static void user_free(struct user *u)
{
	memory_free(&u->m);
	snnq_plan_destroy(u->plan);
	sem_destroy(&u->stopped);
	sem_destroy(&u->go);
	free(u);
}

static uint16_t run(struct user *u)
{
	snnq_plan_run(u->plan, &u->run, &u->outcome);
	return u->outcome.status;
}

static void *run_thread(void *arg)
{
	run(arg);
	return NULL;
}

static void start(struct user *u)
{
	assert_int_equal(pthread_create(&u->thread, NULL, run_thread, u), 0);
}

/* Start, up to its read of weights of a layer. */
static void start_until(struct user *u, uint32_t region)
{
	u->stop_region = region;
	start(u);
	wait_stopped(u);
}

static uint16_t finish(struct user *u)
{
	assert_int_equal(pthread_join(u->thread, NULL), 0);
	return u->outcome.status;
}

static void clear_results(struct user *u)
{
	uint32_t r;

	for (r = 0; r < u->m.count; r++)
		if (u->m.access[r] == SNNQ_ACCESS_WRITE)
			memset(u->m.bytes[r], 0x5a, u->m.size[r]);
	memset(u->stats, 0xa5, sizeof(u->stats));
}

static void expect_same(const struct user *a, const struct user *b)
{
	uint32_t r;

	assert_int_equal(a->outcome.status, SNNQ_STATUS_OK);
	assert_int_equal(b->outcome.status, SNNQ_STATUS_OK);
	assert_int_equal(a->outcome.cycles, b->outcome.cycles);
	assert_memory_equal(a->stats, b->stats,
			    snnq_plan_info(a->plan)->layer_count * sizeof(a->stats[0]));
	for (r = 0; r < a->m.count; r++)
		if (a->m.access[r] == SNNQ_ACCESS_WRITE)
			assert_memory_equal(a->m.bytes[r], b->m.bytes[r], a->m.size[r]);
}

static struct snnq_weights *make_weights(const struct program *p)
{
	struct snnq_weights *weights;
	size_t size;
	void *blob = pack(p, &size);

	assert_int_equal(snnq_weights_create(blob, size, &snnq_caps_all, UINT64_MAX, NULL, &weights,
					     NULL),
			 0);
	free(blob);
	return weights;
}

/* Linear layers of WIDTH inputs and outputs, the last one's sums; weights of each in a region. */
static void make_layers(struct program *p)
{
	struct snnq_tensor t = make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 1, 1, 1, WIDTH);
	uint32_t i;

	program_init(p, STEPS, STEPS);
	t = in_region(p, t, SNNQ_ROLE_INPUT);
	for (i = 0; i < LAYERS; i++) {
		struct snnq_layer *l = add_layer(p, SNNQ_OP_LINEAR);

		l->in[0] = t;
		l->out = in_scratch(p, t);
		if (i + 1 == LAYERS)
			l->out = in_region(p, make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 1, 1, WIDTH),
					   SNNQ_ROLE_OUTPUT);
		else
			set_lif(p, l, 100);
		t = l->out;
		set_weights(p, l, SNNQ_SCHEME_UNIFORM, 8);
		place_state(p, l);
	}
}

static uint32_t region_of(const struct program *p, uint32_t layer)
{
	return p->layers[layer].quant.region;
}

/* ---- one after the other ---- */

/* Each kernel with each instruction set, on weights that any of them may have decoded. */
static void expect_any_kernel(const struct program *p, uint64_t seed)
{
	struct snnq_weights *weights = make_weights(p);
	struct user *alone = user_new(p, NULL, seed, p->h.max_steps < 3 ? p->h.max_steps : 3), *u;
	uint32_t isa, kernel, k;

	clear_results(alone);
	snnq_plan_force_kernel(alone->plan, SNNQ_KERNEL_GENERIC);
	run(alone);
	for (k = 0; k < SNNQ_ISA_COUNT * SNNQ_KERNEL_CHOICES; k++) {
		isa = (k + (uint32_t)seed) % SNNQ_ISA_COUNT;
		kernel = k / SNNQ_ISA_COUNT;
		if (!snnq_isa_name(isa))
			continue;
		u = user_new(p, weights, seed, alone->run.steps);
		assert_true(snnq_plan_force_isa(u->plan, isa));
		snnq_plan_force_kernel(u->plan, kernel);
		clear_results(u);
		run(u);
		expect_same(u, alone);
		user_free(u);
	}
	user_free(alone);
	snnq_weights_put(weights);
}

static void any_kernel(void **context)
{
	struct program p;
	uint64_t seed;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		random_program(&p, seed);
		expect_any_kernel(&p, seed);
	}
}

/* As many outputs as inputs, counts, and weights of a grid. */
static void make_layer(struct program *p, uint32_t width, uint32_t scheme, uint32_t bits)
{
	struct snnq_tensor counts = make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 2, 1, 5, width);
	struct snnq_tensor sums = make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 1, 5, width);
	struct snnq_layer *l;

	program_init(p, STEPS, STEPS);
	l = add_layer(p, SNNQ_OP_LINEAR);
	l->in[0] = in_region(p, counts, SNNQ_ROLE_INPUT);
	l->out = in_region(p, sums, SNNQ_ROLE_OUTPUT);
	set_weights(p, l, scheme, bits);
	place_state(p, l);
}

/* Levels of each grid, those that one byte of a table holds, or two, or none. */
static void any_grid(void **context)
{
	static const uint32_t widths[] = { 37, 64 };
	uint32_t scheme, bits, i, grids = 0;
	struct program p;

	(void)context;
	for (scheme = 0; scheme <= UINT8_MAX; scheme++)
		for (bits = 1; bits <= 8; bits++) {
			if (!snnq_scheme_ok(&snnq_caps_all, scheme, bits))
				continue;
			for (i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
				make_layer(&p, widths[i], scheme, bits);
				expect_any_kernel(&p, bits);
			}
			grids++;
		}
	assert_int_equal(grids, 24);
}

/* The first job decodes for all plans; who comes later finds that done. */
static void decoded_once(void **context)
{
	struct user *alone, *users[3];
	struct snnq_weights *weights;
	unsigned int first, later;
	struct program p;
	size_t i;

	(void)context;
	make_layers(&p);
	weights = make_weights(&p);
	alone = user_new(&p, NULL, 1, STEPS);
	alone->run.tick = user_tick;
	run(alone);
	first = alone->ticks;
	user_reset(alone);
	run(alone);
	later = alone->ticks;
	assert_true(first >= later + LAYERS * WIDTH * WIDTH * 2 / SNNQ_SAFE_POINT_OPS);
	for (i = 0; i < 3; i++) {
		users[i] = user_new(&p, weights, 1, STEPS);
		users[i]->run.tick = user_tick;
		run(users[i]);
		expect_same(users[i], alone);
		assert_int_equal(users[i]->ticks, i ? later : first);
	}
	/* They stay with those who hold them. */
	snnq_weights_put(weights);
	user_free(users[0]);
	user_reset(users[1]);
	run(users[1]);
	expect_same(users[1], alone);
	assert_int_equal(users[1]->ticks, later);
	user_free(users[1]);
	user_free(users[2]);
	user_free(alone);
}

/* A job that runs only the last layer needs, and decodes, no more. */
static void only_what_runs(void **context)
{
	struct snnq_weights *weights;
	struct program p;
	struct user *u;

	(void)context;
	make_layers(&p);
	weights = make_weights(&p);
	u = user_new(&p, weights, 1, STEPS);
	u->run.first_layer = LAYERS - 1;
	assert_int_equal(run(u), SNNQ_STATUS_OK);
	assert_int_equal(u->reads[region_of(&p, 0)], 0);
	assert_int_equal(u->reads[region_of(&p, 1)], 0);
	assert_true(u->reads[region_of(&p, 2)]);
	user_free(u);
	snnq_weights_put(weights);
}

/* A job that ends at any safe point, or cannot read, leaves nothing wrong for others. */
static void ended_early(void **context)
{
	struct snnq_weights *weights;
	struct user *alone, *a, *b;
	unsigned int at;
	uint32_t layer;
	struct program p;
	bool done;

	(void)context;
	make_layers(&p);
	alone = user_new(&p, NULL, 1, STEPS);
	run(alone);
	for (at = 1;; at++) {
		weights = make_weights(&p);
		a = user_new(&p, weights, 1, STEPS);
		b = user_new(&p, weights, 1, STEPS);
		a->run.tick = user_tick;
		a->cancel_at = at;
		if (run(a) != SNNQ_STATUS_OK) {
			assert_int_equal(a->outcome.status, SNNQ_STATUS_CANCELLED);
			run(b);
			expect_same(b, alone);
			run(a);
			expect_same(a, alone);
		}
		done = at > a->ticks;
		user_free(a);
		user_free(b);
		snnq_weights_put(weights);
		if (done)
			break;
	}
	assert_true(at > LAYERS);
	for (layer = 0; layer < LAYERS; layer++) {
		weights = make_weights(&p);
		a = user_new(&p, weights, 1, STEPS);
		b = user_new(&p, weights, 1, STEPS);
		a->stop_region = region_of(&p, layer);
		a->stop_status = SNNQ_STATUS_DMA;
		sem_post(&a->go);
		assert_int_equal(run(a), SNNQ_STATUS_DMA);
		assert_int_equal(a->outcome.layer, layer);
		assert_int_equal(a->outcome.region, region_of(&p, layer));
		run(b);
		expect_same(b, alone);
		user_free(a);
		user_free(b);
		snnq_weights_put(weights);
	}
	user_free(alone);
}

/* Memory with other weights: each job computes with those in its own. */
static void other_weights(void **context)
{
	struct user *alone[2], *users[2];
	struct snnq_weights *weights;
	struct program p;
	uint32_t i;

	(void)context;
	make_layers(&p);
	weights = make_weights(&p);
	for (i = 0; i < 2; i++) {
		alone[i] = user_new(&p, NULL, 1 + i, STEPS);
		run(alone[i]);
		users[i] = user_new(&p, weights, 1 + i, STEPS);
	}
	assert_memory_not_equal(alone[0]->m.bytes[p.layers[LAYERS - 1].out.region],
				alone[1]->m.bytes[p.layers[LAYERS - 1].out.region], WIDTH);
	for (i = 0; i < 6; i++) {
		clear_results(users[i % 2]);
		run(users[i % 2]);
		expect_same(users[i % 2], alone[i % 2]);
	}
	for (i = 0; i < 2; i++) {
		user_free(alone[i]);
		user_free(users[i]);
	}
	snnq_weights_put(weights);
}

/* ---- at the same time ---- */

struct pair {
	struct program p;
	struct snnq_weights *weights;
	struct user *alone, *a, *b;
};

static void pair_init(struct pair *t)
{
	make_layers(&t->p);
	t->weights = make_weights(&t->p);
	t->alone = user_new(&t->p, NULL, 1, STEPS);
	run(t->alone);
	t->a = user_new(&t->p, t->weights, 1, STEPS);
	t->b = user_new(&t->p, t->weights, 1, STEPS);
}

static void pair_free(struct pair *t)
{
	user_free(t->alone);
	user_free(t->a);
	user_free(t->b);
	snnq_weights_put(t->weights);
}

static void wait_for(atomic_uint *n, unsigned int at_least)
{
	while (atomic_load(n) < at_least)
		sched_yield();
}

/* While one job is about to decode the first layer, another decodes the rest, and waits. */
static void others_go_on(void **context)
{
	struct pair t;

	(void)context;
	pair_init(&t);
	start_until(t.a, region_of(&t.p, 0));
	t.b->run.tick = user_tick;
	start(t.b);
	wait_for(&t.b->reads[region_of(&t.p, LAYERS - 1)], 1);
	wait_for(&t.b->ticks, atomic_load(&t.b->ticks) + 20);
	assert_int_equal(t.b->reads[region_of(&t.p, 0)], 0);
	assert_true(t.b->reads[region_of(&t.p, 1)]);
	assert_int_equal(t.a->reads[region_of(&t.p, 1)], 0);
	sem_post(&t.a->go);
	assert_int_equal(finish(t.a), SNNQ_STATUS_OK);
	assert_int_equal(finish(t.b), SNNQ_STATUS_OK);
	assert_true(t.b->reads[region_of(&t.p, 0)]);
	expect_same(t.a, t.alone);
	expect_same(t.b, t.alone);
	pair_free(&t);
}

/* Who waits for a layer goes on when it is decoded, not only when that job ends. */
static void woken(void **context)
{
	struct pair t;

	(void)context;
	pair_init(&t);
	t.a->stop_writing = true;
	start_until(t.a, region_of(&t.p, 0));
	start(t.b);
	wait_for(&t.b->reads[region_of(&t.p, LAYERS - 1)], 1);
	sem_post(&t.a->go);
	wait_stopped(t.a);
	assert_int_equal(finish(t.b), SNNQ_STATUS_OK);
	expect_same(t.b, t.alone);
	sem_post(&t.a->go);
	assert_int_equal(finish(t.a), SNNQ_STATUS_OK);
	expect_same(t.a, t.alone);
	pair_free(&t);
}

/* The one that decodes fails; one that waits, with or without a tick, does it instead. */
static void taken_over(void **context)
{
	struct pair t;
	int ticks;

	(void)context;
	for (ticks = 0; ticks < 2; ticks++) {
		pair_init(&t);
		t.a->stop_status = SNNQ_STATUS_DMA;
		start_until(t.a, region_of(&t.p, 0));
		t.b->run.tick = ticks ? user_tick : NULL;
		start(t.b);
		wait_for(&t.b->reads[region_of(&t.p, LAYERS - 1)], 1);
		sem_post(&t.a->go);
		assert_int_equal(finish(t.a), SNNQ_STATUS_DMA);
		assert_int_equal(finish(t.b), SNNQ_STATUS_OK);
		expect_same(t.b, t.alone);
		pair_free(&t);
	}
}

/* Who waits for a layer, or for others to leave, or for one that is alone, can be told to end. */
static void waits_end(void **context)
{
	struct pair t;
	struct user *other;

	(void)context;
	pair_init(&t);
	start_until(t.a, region_of(&t.p, 0)); /* busy */
	t.b->run.tick = user_tick;
	start(t.b);
	wait_for(&t.b->ticks, 20);
	atomic_store(&t.b->hurry, true);
	assert_int_equal(finish(t.b), SNNQ_STATUS_CANCELLED);
	sem_post(&t.a->go);
	assert_int_equal(finish(t.a), SNNQ_STATUS_OK);
	expect_same(t.a, t.alone);

	user_reset(t.a);
	start_until(t.a, t.p.layers[0].in[0].region); /* computes */
	other = user_new(&t.p, t.weights, 2, STEPS);
	other->run.tick = user_tick;
	start(other);
	wait_for(&other->ticks, 20); /* waits for it to leave */
	user_reset(t.b);
	start(t.b);
	wait_for(&t.b->ticks, 20); /* waits for that */
	assert_int_equal(t.b->reads[region_of(&t.p, 0)], 0);
	atomic_store(&t.b->hurry, true);
	assert_int_equal(finish(t.b), SNNQ_STATUS_CANCELLED);
	atomic_store(&other->hurry, true);
	assert_int_equal(finish(other), SNNQ_STATUS_CANCELLED);
	user_reset(t.b);
	assert_int_equal(run(t.b), SNNQ_STATUS_OK); /* nobody waits any more */
	expect_same(t.b, t.alone);
	sem_post(&t.a->go);
	assert_int_equal(finish(t.a), SNNQ_STATUS_OK);
	expect_same(t.a, t.alone);
	user_free(other);
	pair_free(&t);
}

/* A job with other weights decodes nothing while one computes with those that there are. */
static void nobody_disturbed(void **context)
{
	struct user *other, *alone;
	struct pair t;

	(void)context;
	pair_init(&t);
	alone = user_new(&t.p, NULL, 2, STEPS);
	run(alone);
	other = user_new(&t.p, t.weights, 2, STEPS);
	other->run.tick = user_tick;
	start_until(t.a, t.p.layers[0].in[0].region);
	start(other);
	wait_for(&other->ticks, 20);
	assert_int_equal(other->reads[t.p.layers[0].in[0].region], 0);
	sem_post(&t.a->go);
	assert_int_equal(finish(t.a), SNNQ_STATUS_OK);
	assert_int_equal(finish(other), SNNQ_STATUS_OK);
	expect_same(t.a, t.alone);
	expect_same(other, alone);
	user_free(other);
	user_free(alone);
	pair_free(&t);
}

/* Many jobs, the first of which find nothing decoded; @sets of weights. */
static void many(uint32_t sets)
{
	struct user *alone[2], *users[THREADS];
	struct snnq_weights *weights;
	struct program p;
	uint32_t i, round;

	make_layers(&p);
	for (i = 0; i < 2; i++) {
		alone[i] = user_new(&p, NULL, 1 + i, STEPS);
		run(alone[i]);
	}
	for (round = 0; round < ROUNDS; round++) {
		weights = make_weights(&p);
		for (i = 0; i < THREADS; i++) {
			users[i] = user_new(&p, weights, 1 + i % sets, STEPS);
			users[i]->run.tick = round % 2 ? user_tick : NULL;
			clear_results(users[i]);
		}
		snnq_weights_put(weights);
		for (i = 0; i < THREADS; i++)
			start(users[i]);
		for (i = 0; i < THREADS; i++) {
			finish(users[i]);
			expect_same(users[i], alone[i % sets]);
			user_free(users[i]);
		}
	}
	for (i = 0; i < 2; i++)
		user_free(alone[i]);
}

static void first_use(void **context)
{
	(void)context;
	many(1);
}

static void first_use_of_two(void **context)
{
	(void)context;
	many(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_kernel),	    cmocka_unit_test(any_grid),
		cmocka_unit_test(decoded_once),	    cmocka_unit_test(only_what_runs),
		cmocka_unit_test(ended_early),	    cmocka_unit_test(other_weights),
		cmocka_unit_test(others_go_on),	    cmocka_unit_test(woken),
		cmocka_unit_test(taken_over),	    cmocka_unit_test(waits_end),
		cmocka_unit_test(nobody_disturbed), cmocka_unit_test(first_use),
		cmocka_unit_test(first_use_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
