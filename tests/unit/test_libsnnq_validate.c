// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_validate.c - the judge of devices, judged: vectors that are wrong in one place are
 * said to fail, for the reason; whatever is malformed is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models.h"
#include "snnq_program.h"
#include "snnq_tools.h"

#define STATS_WORDS (sizeof(struct snnq_layer_stats) / 8)

static uint8_t *golden;
static size_t golden_bytes;

/* A case of the golden vectors in a file of its own, and where its first job's parts are. */
struct vector {
	uint8_t bytes[1 << 16];
	size_t size, status, state, mask, counters, output, output_bytes;
	uint32_t layers;
};

struct verdict {
	enum snnq_validate_result result;
	char detail[200];
	int count;
};

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint64_t u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static size_t pad8(uint64_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* Find the parts of the first job. */
static void parse(struct vector *v)
{
	size_t at = 16 + 8 + 64, program = u32(v->bytes + at), regions = u32(v->bytes + at + 8);

	at += 16 + pad8(program);
	v->status = at + 8;
	at += 24;
	for (size_t r = 0; r < regions; r++) {
		uint32_t kind = u32(v->bytes + at);
		uint64_t bytes = u64(v->bytes + at + 8);

		at += 16;
		if (kind == 2) {
			v->output = at;
			v->output_bytes = bytes;
		}
		at += kind == 1 ? 0 : pad8(bytes);
	}
	v->state = at;
	at += 8 + pad8(u64(v->bytes + at));
	v->layers = u32(v->bytes + at);
	v->mask = at + 4;
	v->counters = at + 8;
	assert_true(v->counters + 8ull * STATS_WORDS * v->layers <= v->size);
}

static void take_case(struct vector *v, const char *name)
{
	size_t at = 16, bytes;

	memset(v, 0, sizeof(*v));
	for (uint32_t i = 0; i < u32(golden + 12); i++, at += 8 + bytes) {
		bytes = u64(golden + at);
		if (strcmp((const char *)golden + at + 8, name))
			continue;
		assert_true(16 + 8 + bytes <= sizeof(v->bytes));
		memcpy(v->bytes, golden, 12);
		v->bytes[12] = 1;
		memcpy(v->bytes + 16, golden + at, 8 + bytes);
		v->size = 16 + 8 + bytes;
		parse(v);
		return;
	}
	fail_msg("no case %s", name);
}

static void report(void *ctx, const char *name, enum snnq_validate_result result,
		   const char *detail, uint32_t done, uint32_t total)
{
	struct verdict *v = ctx;

	(void)name;
	(void)done;
	(void)total;
	v->result = result;
	snprintf(v->detail, sizeof(v->detail), "%s", detail);
	v->count++;
}

static int judge(const struct vector *v, size_t size, struct verdict *verdict)
{
	struct snnq_device *dev;
	int ret;

	*verdict = (struct verdict){ .count = 0 };
	assert_int_equal(snnq_open("sim", NULL, &dev), 0);
	ret = snnq_validate(dev, memory_file(v->bytes, size),
			    SNNQ_OPTS(struct snnq_validate_opts, .report = report,
				      .report_ctx = verdict));
	snnq_close(dev);
	return ret;
}

static void expect(const struct vector *v, enum snnq_validate_result result, const char *detail)
{
	struct verdict verdict;

	assert_int_equal(judge(v, v->size, &verdict), 0);
	assert_int_equal(verdict.count, 1);
	if (verdict.result != result || !strstr(verdict.detail, detail))
		fail_msg("%d \"%s\", expected %d \"%s\"", verdict.result, verdict.detail, result,
			 detail);
}

/* One more or one less than there must be. */
static void test_counters(void **state)
{
	struct vector v;
	char words[64];

	(void)state;
	take_case(&v, "linear-uniform-3");
	expect(&v, SNNQ_VALIDATE_PASSED, "");
	assert_int_equal(v.layers, 2);
	for (uint32_t i = 0; i < v.layers * STATS_WORDS; i++) {
		bool compared = u32(v.bytes + v.mask) >> i % STATS_WORDS & 1;
		uint64_t good = u64(v.bytes + v.counters + 8 * i);

		snprintf(words, sizeof(words), "job 0: layer %u: counter %u: expected",
			 (uint32_t)(i / STATS_WORDS), (uint32_t)(i % STATS_WORDS));
		for (int change = -1; change <= 1; change += 2) {
			uint64_t bad = good + (uint64_t)change;

			memcpy(v.bytes + v.counters + 8 * i, &bad, 8);
			if (compared)
				expect(&v, SNNQ_VALIDATE_FAILED, words);
			else
				expect(&v, SNNQ_VALIDATE_PASSED, "");
		}
		memcpy(v.bytes + v.counters + 8 * i, &good, 8);
	}
	memset(v.bytes + v.mask, 0, 4);
	memset(v.bytes + v.counters, 0x55, 8 * STATS_WORDS);
	expect(&v, SNNQ_VALIDATE_PASSED, "");
}

static void test_outputs(void **state)
{
	struct vector v;

	(void)state;
	take_case(&v, "linear-uniform-3");
	for (size_t i = 0; i < v.output_bytes;
	     i += i + 1 < v.output_bytes ? v.output_bytes - 1 : 1) {
		v.bytes[v.output + i] ^= 0x10;
		expect(&v, SNNQ_VALIDATE_FAILED, "job 0: region ");
		v.bytes[v.output + i] ^= 0x10;
	}
	expect(&v, SNNQ_VALIDATE_PASSED, "");
}

/* A job that must fail and does not; one that fails and must not. */
static void test_errors(void **state)
{
	struct vector v;
	size_t second;

	(void)state;
	take_case(&v, "linear-uniform-3");
	v.bytes[v.status] = SNNQ_STATUS_BAD_EVENT;
	expect(&v, SNNQ_VALIDATE_FAILED, "job 0: expected status 5, found error 0");

	take_case(&v, "events-bad-order-first");
	expect(&v, SNNQ_VALIDATE_PASSED, "");
	second = v.counters + 8 * STATS_WORDS * v.layers + 8;
	assert_int_equal(u32(v.bytes + second), SNNQ_STATUS_BAD_EVENT);
	v.bytes[second] = SNNQ_STATUS_OK;
	expect(&v, SNNQ_VALIDATE_FAILED, "job 1: expected status 0, found error -14");
}

static void test_malformed(void **state)
{
	struct verdict verdict;
	struct vector v;

	(void)state;
	take_case(&v, "linear-uniform-3");
	for (size_t n = 1; n < v.size; n += n < 120 ? 1 : 61)
		assert_int_equal(judge(&v, n, &verdict), -EBADMSG);
	for (size_t at = 0; at < v.size; at += at < 120 ? 1 : 37) {
		v.bytes[at] ^= 0xff;
		assert_in_range(-judge(&v, v.size, &verdict), 0, EBADMSG);
		v.bytes[at] ^= 0xff;
	}
}

#define GOLDEN_MOST (1 << 23)

static int setup(void **state)
{
	FILE *f = fopen("tests/golden/golden.bin", "rb");

	(void)state;
	assert_non_null(f);
	golden = malloc(GOLDEN_MOST);
	assert_non_null(golden);
	golden_bytes = fread(golden, 1, GOLDEN_MOST, f);
	fclose(f);
	return golden_bytes > 1u << 20 ? 0 : -1;
}

static int cleanup(void **state)
{
	(void)state;
	free(golden);
	models_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, setup, cleanup);
}
