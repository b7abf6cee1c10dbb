// SPDX-License-Identifier: MIT
/*
 * test_layer_cache.c - quantized layers in a folder: bit-exact; what is cut, changed, renamed or
 * of other work is as if it were not there.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "quantize/cache.h"
#include "snnq.h"

#define OUTPUTS 3

static const struct weight_shape shape = { OUTPUTS, 5, 2, 2, 1 };

static struct cache cache_of(const char *made_of)
{
	struct cache c;

	if (cache_open(folder_path(NULL), made_of, &c))
		fail_msg("%s", snnq_last_error(NULL));
	return c;
}

static void *filled(size_t bytes, unsigned int with)
{
	uint8_t *p = malloc(bytes);

	assert_non_null(p);
	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(with + 37 * i);
	return p;
}

/* A layer with or without thresholds and multipliers. */
static struct quantized layer(uint32_t scheme, uint32_t bits, bool thresholds, bool mults)
{
	struct quantized q = { .shape = shape,
			       .shift = 7,
			       .requant_shift = 11,
			       .mult = -3,
			       .unit = 1 / 3.0,
			       .signal = 5e-324,
			       .noise = -0.0,
			       .distance = NAN,
			       .wrong = INFINITY };

	assert_true(grid_init(&q.grid, scheme, bits));
	q.packed_bytes = weight_packed_bytes(&shape, &q.grid);
	q.packed = filled(q.packed_bytes, 1);
	q.bias = filled(OUTPUTS * sizeof(*q.bias), 2);
	q.threshold = thresholds ? filled(OUTPUTS * sizeof(*q.bias), 3) : NULL;
	q.mults = mults ? filled(OUTPUTS * sizeof(*q.bias), 4) : NULL;
	for (size_t i = 0; i < GRID_MAX_LEVELS; i++)
		q.level_counts[i] = i << 33;
	return q;
}

static bool same_array(const void *a, const void *b, size_t bytes)
{
	return a && b ? !memcmp(a, b, bytes) : a == b;
}

static void assert_same(const struct quantized *a, const struct quantized *b)
{
	size_t numbers = OUTPUTS * sizeof(*a->bias);

	assert_memory_equal(&a->shape, &b->shape, sizeof(a->shape));
	assert_int_equal(a->grid.scheme, b->grid.scheme);
	assert_int_equal(a->grid.bits, b->grid.bits);
	assert_int_equal(a->packed_bytes, b->packed_bytes);
	assert_int_equal(a->shift, b->shift);
	assert_int_equal(a->requant_shift, b->requant_shift);
	assert_int_equal(a->mult, b->mult);
	assert_memory_equal(&a->unit, &b->unit, sizeof(a->unit));
	assert_memory_equal(&a->signal, &b->signal, 2 * sizeof(double));
	assert_memory_equal(&a->distance, &b->distance, 2 * sizeof(double));
	assert_memory_equal(a->level_counts, b->level_counts, sizeof(a->level_counts));
	assert_true(same_array(a->packed, b->packed, a->packed_bytes));
	assert_true(same_array(a->bias, b->bias, numbers));
	assert_true(same_array(a->threshold, b->threshold, numbers));
	assert_true(same_array(a->mults, b->mults, numbers));
}

static void layers_come_back_bit_for_bit(void **state)
{
	const struct cache c = cache_of("a");
	uint32_t number = 0;

	(void)state;
	for (int has = 0; has < 4; has++)
		for (uint32_t scheme = 1; scheme <= SNNQ_SCHEME_TERNARY; scheme++, number++) {
			uint32_t bits = scheme == SNNQ_SCHEME_TERNARY ? 2 : 3;
			struct quantized q = layer(scheme, bits, has & 1, has & 2), got;

			assert_false(cache_read(&c, number, "option", &q.grid, &shape, &got));
			assert_int_equal(cache_write(&c, number, "option", &q.grid, &q), 0);
			assert_true(cache_read(&c, number, "option", &q.grid, &shape, &got));
			assert_same(&q, &got);
			quantized_free(&got);
			assert_false(cache_read(&c, number, "base", &q.grid, &shape, &got));
			quantized_free(&q);
		}
}

static void a_grid_can_be_none(void **state)
{
	const struct cache c = cache_of("none");
	struct quantized q = layer(SNNQ_SCHEME_POT, 4, true, false), got;

	(void)state;
	quantized_free(&q);
	assert_int_equal(cache_write(&c, 1, "option", &q.grid, &q), 0);
	assert_true(cache_read(&c, 1, "option", &q.grid, &shape, &got));
	assert_null(got.packed);
}

static void other_work_is_not_found(void **state)
{
	const struct cache c = cache_of("work"), other = cache_of("other work"), none = { 0 };
	struct quantized q = layer(SNNQ_SCHEME_ODD, 3, true, true), got;
	struct weight_shape larger = shape;
	struct grid grid;

	(void)state;
	larger.inputs++;
	assert_true(grid_init(&grid, SNNQ_SCHEME_ODD, 4));
	assert_int_equal(cache_write(&c, 1, "option", &q.grid, &q), 0);
	assert_false(cache_read(&other, 1, "option", &q.grid, &shape, &got));
	assert_false(cache_read(&c, 2, "option", &q.grid, &shape, &got));
	assert_false(cache_read(&c, 1, "option", &grid, &shape, &got));
	assert_false(cache_read(&c, 1, "option", &q.grid, &larger, &got));
	assert_int_equal(cache_write(&none, 1, "option", &q.grid, &q), 0);
	assert_false(cache_read(&none, 1, "option", &q.grid, &shape, &got));
	quantized_free(&q);
}

/* The one file of work @made_of. */
static void find_file(const struct cache *c, char path[256])
{
	char command[128];
	FILE *f;

	snprintf(command, sizeof(command), "ls %s/%.16s-*", folder_path(NULL), c->made_of);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(path, 256, f));
	pclose(f);
	path[strcspn(path, "\n")] = 0;
}

static void write_bytes(const char *path, const uint8_t *bytes, size_t count)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, count, f), count);
	assert_int_equal(fclose(f), 0);
}

static void damage_is_as_if_nothing_were_there(void **state)
{
	const struct cache c = cache_of("damage");
	struct quantized q = layer(SNNQ_SCHEME_UNIFORM, 2, true, false), got;
	uint8_t bytes[8192];
	char path[256];
	size_t count;
	FILE *f;

	(void)state;
	assert_int_equal(cache_write(&c, 1, "option", &q.grid, &q), 0);
	find_file(&c, path);
	f = fopen(path, "r");
	assert_non_null(f);
	count = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_in_range(count, 100, sizeof(bytes) - 1);
	for (size_t at = 0; at < count; at++) {
		bytes[at] ^= 0x10;
		write_bytes(path, bytes, count);
		assert_false(cache_read(&c, 1, "option", &q.grid, &shape, &got));
		bytes[at] ^= 0x10;
		write_bytes(path, bytes, at);
		assert_false(cache_read(&c, 1, "option", &q.grid, &shape, &got));
	}
	write_bytes(path, bytes, count + 1);
	assert_false(cache_read(&c, 1, "option", &q.grid, &shape, &got));
	unlink(path);
	assert_int_equal(mkdir(path, 0777), 0);
	assert_false(cache_read(&c, 1, "option", &q.grid, &shape, &got));
	rmdir(path);
	assert_int_equal(mkfifo(path, 0666), 0); /* nobody writes to it */
	assert_false(cache_read(&c, 1, "option", &q.grid, &shape, &got));
	unlink(path);
	assert_int_equal(cache_write(&c, 1, "option", &q.grid, &q), 0);
	assert_true(cache_read(&c, 1, "option", &q.grid, &shape, &got));
	assert_same(&q, &got);
	quantized_free(&got);
	quantized_free(&q);
}

static void folders_that_cannot_be(void **state)
{
	struct cache c;

	(void)state;
	assert_int_equal(cache_open("/proc/none/layers", "a", &c), -ENOENT);
	assert_non_null(strstr(snnq_last_error(NULL), "/proc/none/layers"));
	assert_int_equal(cache_open(NULL, "a", &c), 0);
	assert_null(c.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_come_back_bit_for_bit),
		cmocka_unit_test(a_grid_can_be_none),
		cmocka_unit_test(other_work_is_not_found),
		cmocka_unit_test(damage_is_as_if_nothing_were_there),
		cmocka_unit_test(folders_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
