// SPDX-License-Identifier: MIT
/*
 * test_golden.c - the engine gives what the reference (tests/reference) computed
 * for the cases of tests/golden/golden.bin, with every kernel. The layout of the
 * file is in tests/reference/README.md.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

enum { KIND_INPUT, KIND_SAME_INPUT, KIND_OUTPUT };

struct file_header {
	char magic[8];
	uint32_t version;
	uint32_t cases;
};

struct case_header {
	uint64_t bytes;
	char name[64];
	uint32_t program_bytes;
	uint32_t jobs;
	uint32_t regions;
	uint32_t zero;
};

struct job_header {
	uint32_t steps;
	uint32_t flags;
	uint32_t status;
	uint16_t layer;
	uint16_t region;
	uint64_t offset;
};

struct region_header {
	uint32_t kind;
	uint32_t zero;
	uint64_t bytes;
};

struct counters_header {
	uint32_t layers;
	uint32_t mask;
};

struct reader {
	const uint8_t *at;
	const uint8_t *end;
};

/* One stream: the plan, its memory and which state version comes next. */
struct stream {
	const char *name;
	struct snnq_plan *plan;
	struct memory m;
	uint64_t seq;
	const uint8_t *expected[SNNQ_MAX_USER_REGIONS];	/* NULL: an input */
};

static const void *take(struct reader *r, uint64_t bytes)
{
	const void *p = r->at;
	uint64_t padded = (bytes + 7) & ~7ull;

	if (padded < bytes || padded > (uint64_t)(r->end - r->at))
		fail_msg("golden.bin is too short");
	r->at += padded;
	return p;
}

static void resize(struct memory *m, uint32_t region, uint64_t bytes)
{
	free(m->bytes[region]);
	m->bytes[region] = calloc(1, bytes ? bytes : 1);
	assert_non_null(m->bytes[region]);
	m->size[region] = bytes;
}

static void take_region(struct reader *r, struct stream *s, uint32_t index)
{
	const struct region_header *h = take(r, sizeof(*h));
	uint32_t region = SNNQ_REGION_USER + index;

	s->expected[index] = NULL;
	if (h->kind == KIND_SAME_INPUT) {
		assert_int_equal(s->m.size[region], h->bytes);
		return;
	}
	assert_true(h->kind == KIND_INPUT || h->kind == KIND_OUTPUT);
	resize(&s->m, region, h->bytes);
	if (h->kind == KIND_INPUT) {
		memcpy(s->m.bytes[region], take(r, h->bytes), h->bytes);
	} else {
		s->expected[index] = take(r, h->bytes);
		memset(s->m.bytes[region], 0xa5, h->bytes);
	}
}

static void same(const struct stream *s, const char *what, uint32_t index, const uint8_t *got,
		 const uint8_t *expected, uint64_t bytes)
{
	uint64_t i;

	for (i = 0; i < bytes; i++)
		if (got[i] != expected[i])
			fail_msg("%s: job %" PRIu64 ": %s %u, byte %" PRIu64 ": 0x%02x, not 0x%02x",
				 s->name, s->seq, what, index, i, got[i], expected[i]);
}

static void same_counters(const struct stream *s, const struct snnq_layer_stats *got,
			  const struct snnq_layer_stats *expected, uint32_t layers, uint32_t mask)
{
	uint32_t i, k;

	for (i = 0; i < layers; i++) {
		const __u64 *a = (const void *)&got[i], *b = (const void *)&expected[i];

		for (k = 0; k < sizeof(*got) / 8; k++)
			if (mask >> k & 1 && a[k] != b[k])
				fail_msg("%s: job %" PRIu64 ": layer %u, counter %u: %llu, not %llu",
					 s->name, s->seq, i, k, a[k], b[k]);
	}
}

/* What the job must have left behind. */
static void check_results(struct reader *r, const struct stream *s, bool ok,
			  const struct snnq_layer_stats *stats)
{
	uint32_t layer_count = snnq_plan_info(s->plan)->layer_count, i;
	const struct counters_header *c;
	const uint64_t *state_bytes;
	const void *state;

	if (ok)
		for (i = 0; i < snnq_plan_info(s->plan)->region_count; i++)
			if (s->expected[i])
				same(s, "region", i, s->m.bytes[SNNQ_REGION_USER + i],
				     s->expected[i], s->m.size[SNNQ_REGION_USER + i]);
	state_bytes = take(r, sizeof(*state_bytes));
	state = take(r, *state_bytes);
	assert_int_equal(*state_bytes, ok ? s->m.size[SNNQ_REGION_STATE_OUT] : 0);
	same(s, "state", 0, s->m.bytes[SNNQ_REGION_STATE_OUT], state, *state_bytes);
	c = take(r, sizeof(*c));
	assert_int_equal(c->layers, ok ? layer_count : 0);
	same_counters(s, stats, take(r, c->layers * sizeof(*stats)), c->layers, c->mask);
}

static void run_job(struct reader *r, struct stream *s)
{
	const struct job_header *h = take(r, sizeof(*h));
	struct snnq_layer_stats *stats;
	struct snnq_outcome outcome;
	struct snnq_run run;
	uint32_t i;

	for (i = 0; i < snnq_plan_info(s->plan)->region_count; i++)
		take_region(r, s, i);
	stats = calloc(snnq_plan_info(s->plan)->layer_count, sizeof(*stats));
	assert_non_null(stats);
	run_init(&run, &s->m, h->steps);
	run.reset = h->flags & 1;
	run.state_seq = s->seq;
	run.stats = stats;
	snnq_plan_run(s->plan, &run, &outcome);
	if (outcome.status != h->status || outcome.layer != h->layer ||
	    outcome.region != h->region || outcome.offset != h->offset)
		fail_msg("%s: job %" PRIu64 ": status %u layer %u region %u offset %" PRIu64
			 ", not %u %u %u %" PRIu64, s->name, s->seq, outcome.status,
			 outcome.layer, outcome.region, outcome.offset, h->status, h->layer,
			 h->region, (uint64_t)h->offset);
	check_results(r, s, !outcome.status, stats);
	if (!outcome.status) {
		memory_advance(&s->m);
		s->seq++;
	}
	free(stats);
}

static void run_case(struct reader *r, enum snnq_kernel_choice kernel)
{
	const struct case_header *h = take(r, sizeof(*h));
	struct reader inside = { r->at, r->at };
	struct stream s = { .name = h->name };
	const void *program;
	struct snnq_diag diag;
	uint32_t i;

	take(r, h->bytes - (sizeof(*h) - sizeof(h->bytes)));
	inside.end = r->at;
	program = take(&inside, h->program_bytes);
	if (snnq_plan_create(program, h->program_bytes, &snnq_caps_all, &s.plan, &diag))
		fail_msg("%s: layer %u, %s: %s", h->name, diag.layer, diag.field,
			 snnq_check_text(diag.check));
	assert_int_equal(snnq_plan_info(s.plan)->region_count, h->regions);
	snnq_plan_force_kernel(s.plan, kernel);
	memory_init(&s.m, snnq_plan_info(s.plan), 1);
	for (i = 0; i < h->jobs; i++)
		run_job(&inside, &s);
	assert_ptr_equal(inside.at, inside.end);
	memory_free(&s.m);
	snnq_plan_destroy(s.plan);
}

static uint8_t *read_file(const char *name, size_t *bytes)
{
	FILE *f = fopen(name, "rb");
	uint8_t *data;
	long size;

	if (!f)
		fail_msg("cannot open %s", name);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	assert_true(size > 0);
	data = malloc((size_t)size);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)size, f), size);
	fclose(f);
	*bytes = (size_t)size;
	return data;
}

static void golden(enum snnq_kernel_choice kernel)
{
	const char *name = getenv("SNNQ_GOLDEN");
	const struct file_header *h;
	struct reader r;
	uint8_t *data;
	size_t bytes;
	uint32_t i;

	data = read_file(name ? name : GOLDEN_FILE, &bytes);
	r = (struct reader){ data, data + bytes };
	h = take(&r, sizeof(*h));
	assert_memory_equal(h->magic, "SNNQGOLD", 8);
	assert_int_equal(h->version, 1);
	assert_true(h->cases > 0);
	for (i = 0; i < h->cases; i++)
		run_case(&r, kernel);
	assert_ptr_equal(r.at, r.end);
	free(data);
}

static void golden_auto(void **context)
{
	(void)context;
	golden(SNNQ_KERNEL_AUTO);
}

static void golden_generic(void **context)
{
	(void)context;
	golden(SNNQ_KERNEL_GENERIC);
}

static void golden_event(void **context)
{
	(void)context;
	golden(SNNQ_KERNEL_EVENT);
}

static void golden_dense(void **context)
{
	(void)context;
	golden(SNNQ_KERNEL_DENSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_auto), cmocka_unit_test(golden_generic),
		cmocka_unit_test(golden_event), cmocka_unit_test(golden_dense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
