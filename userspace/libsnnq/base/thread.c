// SPDX-License-Identifier: MIT
/* See thread.h. */
#include "thread.h"

#include <errno.h>
#include <signal.h>

int thread_start(pthread_t *thread, void *(*work)(void *ctx), void *ctx)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(thread, NULL, work, ctx);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret ? -EAGAIN : 0;
}
