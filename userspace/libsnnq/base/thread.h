/* SPDX-License-Identifier: MIT */
/* thread.h - threads of the library's own. */
#ifndef SNNQ_THREAD_H
#define SNNQ_THREAD_H

#include <pthread.h>

/* Start one with all signals blocked: they are the program's. 0, or -EAGAIN. */
int thread_start(pthread_t *thread, void *(*work)(void *ctx), void *ctx);

#endif /* SNNQ_THREAD_H */
