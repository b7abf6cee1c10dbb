// SPDX-License-Identifier: MIT
/*
 * parallel.c - a loop over independent items on several threads.
 */
#include "parallel.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "error.h"
#include "thread.h"

#define MAX_THREADS 256u

struct loop {
	parallel_fn fn;
	void *ctx;
	uint32_t count;
	atomic_uint next;
	atomic_bool stop;
	pthread_mutex_t lock;
	/* Of the lowest item that failed. */
	uint32_t failed_item;
	int error;
	char line[512];
};

static void record_failure(struct loop *loop, uint32_t item, int error)
{
	pthread_mutex_lock(&loop->lock);
	if (!loop->error || item < loop->failed_item) {
		loop->error = error;
		loop->failed_item = item;
		snprintf(loop->line, sizeof(loop->line), "%s", error_get());
	}
	pthread_mutex_unlock(&loop->lock);
	atomic_store(&loop->stop, true);
}

static void *work(void *arg)
{
	struct loop *loop = arg;
	uint32_t item;
	int error;

	while (!atomic_load(&loop->stop) &&
	       (item = atomic_fetch_add(&loop->next, 1)) < loop->count) {
		error = loop->fn(loop->ctx, item);
		if (error)
			record_failure(loop, item, error);
	}
	return NULL;
}

static uint32_t thread_count(uint32_t wanted, uint32_t items)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t n = wanted ? wanted : cpus > 0 ? (uint32_t)cpus : 1;

	n = n < items ? n : items;
	return n < MAX_THREADS ? n : MAX_THREADS;
}

int parallel_for(uint32_t count, uint32_t threads, parallel_fn fn, void *ctx)
{
	struct loop loop = {
		.fn = fn, .ctx = ctx, .count = count, .lock = PTHREAD_MUTEX_INITIALIZER
	};
	pthread_t ids[MAX_THREADS];
	uint32_t started = 0;

	/* The calling thread works too, so fewer threads than wanted are no failure. */
	for (threads = thread_count(threads, count); started + 1 < threads; started++)
		if (thread_start(&ids[started], work, &loop))
			break;
	work(&loop);
	while (started)
		pthread_join(ids[--started], NULL);
	return loop.error ? error_set(loop.error, "%s", loop.line) : 0;
}
