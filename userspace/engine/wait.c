// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * wait.c - sleep for others, but never so long that a job's tick is not heeded.
 */
#include <time.h>

#include "engine.h"

#define WAIT_NS 1000000 /* between two looks at whether the waiting job is to end */

void wait_init(pthread_cond_t *changed)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(changed, &attr);
	pthread_condattr_destroy(&attr);
}

bool wait_a_little(pthread_cond_t *changed, pthread_mutex_t *lock)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += WAIT_NS;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return !pthread_cond_timedwait(changed, lock, &t);
}
