// SPDX-License-Identifier: MIT
/*
 * failing_alloc.c - see failing_alloc.h.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_alloc.h"

#define MOST_ALLOCATIONS 100000u /* of an attempt; more is a loop without end */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);

static atomic_ullong done, fail_at;
static atomic_bool forever, quiet;

static bool fails(void)
{
	uint64_t at = atomic_load(&fail_at), number;

	if (!at || atomic_load(&quiet))
		return false;
	number = atomic_fetch_add(&done, 1) + 1;
	if (number != at && !(atomic_load(&forever) && number > at))
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

void failing_alloc_start(uint64_t n, bool all_after)
{
	atomic_store(&done, 0);
	atomic_store(&forever, all_after);
	atomic_store(&fail_at, n);
}

void failing_alloc_pause(bool paused)
{
	atomic_store(&quiet, paused);
}

bool failing_alloc_end(void)
{
	uint64_t at = atomic_exchange(&fail_at, 0);

	return atomic_load(&done) >= at;
}

void with_each_allocation_failing(int (*attempt)(void *ctx), void *ctx, const char *(*error)(void))
{
	bool reached = true;

	for (uint64_t n = 1; reached; n++) {
		assert_in_range(n, 1, MOST_ALLOCATIONS);
		for (int all_after = 0; all_after < 2; all_after++) {
			int ret;

			failing_alloc_start(n, all_after);
			ret = attempt(ctx);
			reached = failing_alloc_end();
			if (!reached)
				assert_int_equal(ret, 0);
			if (ret && (ret != -ENOMEM || !strstr(error(), "memory")))
				fail_msg("allocation %llu%s: %d, \"%s\"", (unsigned long long)n,
					 all_after ? " and all after it" : "", ret, error());
		}
	}
}
