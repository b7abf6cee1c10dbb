/* SPDX-License-Identifier: MIT */
/*
 * failing_alloc.h - an allocation of the program under test fails, whichever we like.
 *
 * Programs that use it are linked with failing_alloc_args (meson.build): what their own
 * objects and static libraries allocate goes through here, in any thread; shared libraries keep
 * their allocator, except cJSON, which is given this one while allocations fail.
 */
#ifndef TEST_FAILING_ALLOC_H
#define TEST_FAILING_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/* Fail allocation @n from now, 1 being the next one; and, if @all_after, all that follow. */
void failing_alloc_start(uint64_t n, bool all_after);
/* What an attempt allocates meanwhile neither counts nor fails: the test's own. */
void failing_alloc_pause(bool paused);
/* Back to normal. Whether there were as many as that. */
bool failing_alloc_end(void);

/*
 * Make @attempt with each of its allocations failing in turn, alone and with all after it, until
 * it needs no more. It returns 0 or -errno, gives back all it took (leaks are the sanitizer's to
 * find), and checks what it got when it was 0. Without memory it may only say -ENOMEM, and
 * @error, the line of text for it, must say "memory".
 */
void with_each_allocation_failing(int (*attempt)(void *ctx), void *ctx, const char *(*error)(void));

#endif /* TEST_FAILING_ALLOC_H */
