// SPDX-License-Identifier: MIT
/*
 * test_hostile.c - memory, state and event lists that belong to somebody else: they fail, change
 * between two looks or hold what nobody would write. A job that ends early leaves nothing behind
 * in the plan that a later job could take for its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

static struct snnq_tensor spikes(uint16_t h, uint16_t w, uint32_t c)
{
	return make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 1, h, w, c);
}

/* A plan and the memory of its jobs. */
struct setup {
	struct program p;
	struct snnq_plan *plan;
	struct memory m;
	struct snnq_run run;
	struct snnq_layer_stats stats[PROGRAM_LAYERS];
	struct snnq_outcome outcome;
	uint64_t ticks, cancel_at;
};

static void setup_memory(struct setup *s, uint32_t steps)
{
	s->plan = make_plan(&s->p);
	memory_init(&s->m, snnq_plan_info(s->plan), steps);
	run_init(&s->run, &s->m, steps);
	s->run.stats = s->stats;
}

static void setup_free(struct setup *s)
{
	memory_free(&s->m);
	snnq_plan_destroy(s->plan);
}

static uint16_t run(struct setup *s)
{
	snnq_plan_run(s->plan, &s->run, &s->outcome);
	return s->outcome.status;
}

static void expect_fault(struct setup *s, uint16_t status, uint16_t region, uint64_t offset)
{
	assert_int_equal(run(s), status);
	assert_int_equal(s->outcome.layer, 0);
	assert_int_equal(s->outcome.region, region);
	assert_int_equal(s->outcome.offset, offset);
	assert_int_equal(s->outcome.cycles, 0);
}

static bool tick(void *ctx, uint32_t layer)
{
	struct setup *s = ctx;

	(void)layer;
	return ++s->ticks == s->cancel_at;
}

/* What was written by a job: all regions that can be, one after the other. */
static uint8_t *written(const struct setup *s, size_t *bytes)
{
	uint8_t *all = NULL;
	uint32_t r;

	*bytes = 0;
	for (r = 0; r < s->m.count; r++) {
		if (!(s->m.access[r] & SNNQ_ACCESS_WRITE) || r == SNNQ_REGION_SCRATCH)
			continue;
		all = realloc(all, *bytes + s->m.size[r] + 1);
		if (!all)
			abort();
		memcpy(all + *bytes, s->m.bytes[r], s->m.size[r]);
		*bytes += s->m.size[r];
	}
	return all;
}

/* The job must now give what a plan gives that has seen nothing before. */
static void expect_as_fresh(struct setup *s)
{
	struct snnq_layer_stats stats[PROGRAM_LAYERS];
	size_t bytes, count = s->p.h.layer_count * sizeof(stats[0]);
	struct snnq_plan *used = s->plan;
	uint8_t *want, *got;

	s->plan = make_plan(&s->p);
	assert_int_equal(run(s), SNNQ_STATUS_OK);
	want = written(s, &bytes);
	memcpy(stats, s->stats, count);
	snnq_plan_destroy(s->plan);
	s->plan = used;
	assert_int_equal(run(s), SNNQ_STATUS_OK);
	got = written(s, &bytes);
	assert_memory_equal(got, want, bytes);
	assert_memory_equal(s->stats, stats, count);
	free(got);
	free(want);
}

/* 128 KiB of weights in two reads; one weight of the first changes. */
static void make_large_layer(struct setup *s)
{
	struct snnq_layer *l;

	program_init(&s->p, 1, 1);
	l = add_layer(&s->p, SNNQ_OP_LINEAR);
	l->in[0] = in_region(&s->p, spikes(1, 1, 1024), SNNQ_ROLE_INPUT);
	l->out = in_region(&s->p, make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 1, 1, 128),
			   SNNQ_ROLE_OUTPUT);
	set_weights(&s->p, l, SNNQ_SCHEME_UNIFORM, 8);
	setup_memory(s, 1);
	memset(s->m.bytes[3], 0xff, s->m.size[3]);
}

static void weights_after_failed_read(void **context)
{
	static struct setup s;
	uint32_t n;

	(void)context;
	make_large_layer(&s);
	assert_int_equal(run(&s), SNNQ_STATUS_OK);
	for (n = 0; n < 4; n++) { /* input, two reads of weights, output */
		s.m.bytes[5][7]++;
		s.m.accesses = 0;
		s.m.fail_after = n;
		s.m.fail_status = SNNQ_STATUS_DMA;
		assert_int_equal(run(&s), SNNQ_STATUS_DMA);
		s.m.fail_status = SNNQ_STATUS_OK;
		expect_as_fresh(&s);
	}
	setup_free(&s);
}

static void weights_after_cancel(void **context)
{
	static struct setup s;
	uint64_t n;

	(void)context;
	make_large_layer(&s);
	s.run.tick = tick;
	s.run.tick_ctx = &s;
	assert_int_equal(run(&s), SNNQ_STATUS_OK);
	for (n = 1; n < 1000; n++) {
		s.m.bytes[5][7]++;
		s.ticks = 0;
		s.cancel_at = n;
		if (run(&s) == SNNQ_STATUS_OK)
			break;
		assert_int_equal(s.outcome.status, SNNQ_STATUS_CANCELLED);
		s.cancel_at = 0;
		if (n < 4 || n % 64 == 0)
			expect_as_fresh(&s);
	}
	assert_true(n > 1);
	setup_free(&s);
}

/* Any program: other memory, a job that fails or is cancelled somewhere, then one that is not. */
static void nothing_left_behind(void **context)
{
	static struct setup s;
	uint64_t seed, k, ticks, random;

	(void)context;
	for (seed = 1; seed <= 60; seed++) {
		random = seed;
		random_program(&s.p, seed);
		setup_memory(&s, s.p.h.max_steps < 4 ? s.p.h.max_steps : 4);
		s.run.tick = tick;
		s.run.tick_ctx = &s;
		s.cancel_at = 0;
		memory_fill(&s.m, &s.p, s.run.steps, seed);
		s.ticks = 0;
		assert_int_equal(run(&s), SNNQ_STATUS_OK);
		ticks = s.ticks;
		for (k = 0; k < 8; k++) {
			memory_fill(&s.m, &s.p, s.run.steps, seed + 1000 * (k + 1));
			s.m.accesses = 0;
			s.ticks = 0;
			s.m.fail_after = k / 2;
			s.m.fail_status = k % 2 ? SNNQ_STATUS_DMA : SNNQ_STATUS_OK;
			s.cancel_at = k % 2 ? 0 : 1 + random_below(&random, (uint32_t)ticks);
			run(&s);
			s.m.fail_status = SNNQ_STATUS_OK;
			s.cancel_at = 0;
			expect_as_fresh(&s);
		}
		setup_free(&s);
	}
}

/* Ones where no channel is, in a delay line that came from outside, are no spikes. */
static void foreign_delay_line(void **context)
{
	static struct setup s;
	struct snnq_layer *l;
	const uint64_t *out;
	uint64_t line;
	uint32_t i;

	(void)context;
	program_init(&s.p, 3, 3);
	l = add_layer(&s.p, SNNQ_OP_POOL_SUM);
	l->in[0] = in_region(&s.p, spikes(1, 2, 5), SNNQ_ROLE_INPUT);
	l->out = in_region(&s.p, spikes(1, 2, 5), SNNQ_ROLE_OUTPUT);
	l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	l->param = 1;
	set_lif(&s.p, l, 100);
	l->neuron.delay = 2;
	place_state(&s.p, l);
	setup_memory(&s, 3);
	s.run.reset = false;
	line = l->state_offset + 2 * 5 * 4;
	memset(s.m.bytes[SNNQ_REGION_STATE_IN] + line, 0xff, s.m.size[SNNQ_REGION_STATE_IN] - line);
	assert_int_equal(run(&s), SNNQ_STATUS_OK);
	out = (const void *)s.m.bytes[4];
	for (i = 0; i < 6; i++)
		assert_int_equal(out[i], i < 4 ? 0x1f : 0);
	assert_int_equal(s.stats[0].output_spikes, 20);
	setup_free(&s);
}

/* Event lists. */

static uint64_t event(uint64_t step, uint64_t y, uint64_t x, uint64_t c)
{
	return step << SNNQ_EVENT_STEP_SHIFT | y << SNNQ_EVENT_Y_SHIFT | x << SNNQ_EVENT_X_SHIFT |
	       c;
}

static void make_events(struct setup *s, uint32_t records)
{
	struct snnq_layer *l;

	program_init(&s->p, 3, 3);
	l = add_layer(&s->p, SNNQ_OP_EVENTS);
	l->in[0] = make_tensor(add_region(&s->p, SNNQ_ROLE_EVENTS, 8ull * records), 0,
			       SNNQ_FORMAT_EVENTS, 0, 2, 3, 4);
	l->out = in_region(&s->p, spikes(2, 3, 4), SNNQ_ROLE_OUTPUT);
	setup_memory(s, 3);
}

/* A list that was bound with fewer bytes than the program asks for. */
static void short_event_region(void **context)
{
	static struct setup s;
	uint64_t *list;

	(void)context;
	make_events(&s, 4);
	list = (void *)s.m.bytes[3];
	list[3] = SNNQ_EVENT_END;
	assert_int_equal(run(&s), SNNQ_STATUS_OK);
	s.run.event_bytes[0] = 31;
	expect_fault(&s, SNNQ_STATUS_BAD_REGION, 3, 31);
	s.run.event_bytes[0] = 0;
	expect_fault(&s, SNNQ_STATUS_BAD_REGION, 3, 0);
	setup_free(&s);
}

/* From the @change-th read of the event list on, record @index of it is @record. */
struct changing {
	struct setup *s;
	uint32_t reads, change, index;
	uint64_t record;
	int (*read)(void *ctx, uint32_t region, uint64_t offset, void *buf, size_t bytes);
};

static int read_changing(void *ctx, uint32_t region, uint64_t offset, void *buf, size_t bytes)
{
	struct changing *c = ctx;

	if (region == SNNQ_REGION_USER && c->reads++ == c->change)
		memcpy(c->s->m.bytes[region] + 8ull * c->index, &c->record, 8);
	return c->read(&c->s->m, region, offset, buf, bytes);
}

static int write_through(void *ctx, uint32_t region, uint64_t offset, const void *buf, size_t bytes)
{
	struct changing *c = ctx;

	if (offset > c->s->m.size[region] || bytes > c->s->m.size[region] - offset)
		return SNNQ_STATUS_ACCESS;
	memcpy(c->s->m.bytes[region] + offset, buf, bytes);
	return SNNQ_STATUS_OK;
}

/* Records as they are when the list was checked, and one that is another when it is used. */
static void run_changing(struct setup *s, uint32_t records, uint32_t change, uint32_t index,
			 uint64_t record)
{
	struct changing c = { .s = s, .change = change, .index = index, .record = record };
	uint64_t *list;
	uint32_t i;

	make_events(s, records);
	list = (void *)s->m.bytes[3];
	for (i = 0; i < records; i++)
		list[i] = event(i >= 5, 1, 2, 3);
	c.read = s->run.memory.read;
	s->run.memory = (struct snnq_memory){
		.read = read_changing,
		.write = write_through,
		.ctx = &c,
	};
	snnq_plan_run(s->plan, &s->run, &s->outcome);
	setup_free(s);
}

static void events_change_after_the_check(void **context)
{
	const uint64_t bad[] = {
		event(1, 2, 0, 0), event(1, 0, 3, 0),		event(1, 0, 0, 4),
		event(0, 0, 0, 0), event(1, 4095, 4095, 65535),
	};
	static struct setup s;
	size_t i;

	(void)context;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* Used as it was read, which is once more after the check. */
		run_changing(&s, 8, 1, 6, bad[i]);
		assert_int_equal(s.outcome.status, SNNQ_STATUS_BAD_EVENT);
		assert_int_equal(s.outcome.region, 3);
		assert_int_equal(s.outcome.offset, 48);
		run_changing(&s, 8, 2, 6, bad[i]);
		assert_int_equal(s.outcome.status, SNNQ_STATUS_OK);
	}
	/* Another good one counts instead; an end mark ends the list. */
	run_changing(&s, 8, 1, 5, event(1, 0, 0, 0));
	assert_int_equal(s.outcome.status, SNNQ_STATUS_OK);
	assert_int_equal(s.stats[0].input_spikes, 8);
	assert_int_equal(s.stats[0].output_spikes, 3);
	run_changing(&s, 8, 1, 5, SNNQ_EVENT_END);
	assert_int_equal(s.stats[0].input_spikes, 5);
	assert_int_equal(s.stats[0].input_bytes, 48);
	/* A step that never comes: the rest is not used. */
	run_changing(&s, 8, 1, 5, event(3, 0, 0, 0));
	assert_int_equal(s.outcome.status, SNNQ_STATUS_OK);
	assert_int_equal(s.stats[0].input_spikes, 5);
	/* A step that is over, behind a later one and in a later piece of a long list. */
	run_changing(&s, 2000, 2, 6, event(2, 1, 2, 3));
	assert_int_equal(s.outcome.status, SNNQ_STATUS_BAD_EVENT);
	assert_int_equal(s.outcome.offset, 56);
	run_changing(&s, 2000, 3, 1999, event(0, 1, 2, 3));
	assert_int_equal(s.outcome.status, SNNQ_STATUS_BAD_EVENT);
	assert_int_equal(s.outcome.offset, 8 * 1999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_after_failed_read),
		cmocka_unit_test(weights_after_cancel),
		cmocka_unit_test(nothing_left_behind),
		cmocka_unit_test(foreign_delay_line),
		cmocka_unit_test(short_event_region),
		cmocka_unit_test(events_change_after_the_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
