// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * crew.c - threads that help with jobs. Who has work cuts it into items, does items
 * itself, and gets help from those who are free: nobody waits for a thread that never
 * comes, and any number of jobs share one crew.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "engine.h"

/**
 * struct batch - items of one piece of work
 * @next: first that nobody has begun; @count when none is to be begun any more.
 * @hands: who took part, the owner among them. @busy: helpers who are at an item.
 * @done: told when @busy becomes 0.
 */
struct batch {
	struct batch *following;
	const struct crew_work *work;
	uint32_t next;
	uint32_t count;
	uint32_t hands;
	uint32_t busy;
	pthread_cond_t done;
};

/* @lock guards everything, batches too. @wanted: told when there is a new one, or the @end. */
struct snnq_crew {
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct batch *first;
	bool end;
	uint32_t helpers;
	pthread_t threads[SNNQ_MAX_HELPERS];
};

/* One who takes part, as @hand, does items while there are any. The lock is held before and after. */
static void do_items(struct snnq_crew *crew, struct batch *b, uint32_t hand)
{
	while (b->next < b->count) {
		uint32_t item = b->next++;
		bool end;

		pthread_mutex_unlock(&crew->lock);
		end = b->work->item(b->work->ctx, item, hand);
		pthread_mutex_lock(&crew->lock);
		if (end)
			b->next = b->count;
	}
}

static struct batch *batch_with_room(struct snnq_crew *crew)
{
	struct batch *b = crew->first;

	while (b && (b->next == b->count || b->hands > b->work->helpers))
		b = b->following;
	return b;
}

static void *help(void *context)
{
	struct snnq_crew *crew = context;
	struct batch *b;

	pthread_mutex_lock(&crew->lock);
	while (!crew->end) {
		b = batch_with_room(crew);
		if (!b) {
			pthread_cond_wait(&crew->wanted, &crew->lock);
			continue;
		}
		b->busy++;
		do_items(crew, b, b->hands++);
		if (!--b->busy)
			pthread_cond_signal(&b->done);
	}
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

static void remove_batch(struct snnq_crew *crew, struct batch *b)
{
	struct batch **at = &crew->first;

	while (*at != b)
		at = &(*at)->following;
	*at = b->following;
}

/* Helpers end what they are at; meanwhile the owner heeds its tick. */
static void await(struct snnq_crew *crew, struct batch *b)
{
	while (b->busy) {
		if (wait_a_little(&b->done, &crew->lock))
			continue;
		pthread_mutex_unlock(&crew->lock);
		b->work->wait(b->work->ctx);
		pthread_mutex_lock(&crew->lock);
	}
}

void crew_do(struct snnq_crew *crew, const struct crew_work *work, uint32_t count)
{
	struct batch b = { .work = work, .count = count, .hands = 1 }, **at;
	uint32_t i;

	wait_init(&b.done);
	pthread_mutex_lock(&crew->lock);
	for (at = &crew->first; *at; at = &(*at)->following)
		;
	*at = &b;
	for (i = 0; i < work->helpers && i + 1 < count; i++)
		pthread_cond_signal(&crew->wanted);
	do_items(crew, &b, 0);
	remove_batch(crew, &b);
	await(crew, &b);
	pthread_mutex_unlock(&crew->lock);
	pthread_cond_destroy(&b.done);
}

uint32_t crew_helpers(const struct snnq_crew *crew)
{
	return crew->helpers;
}

/* Signals are for the threads of the program. */
static int start_helpers(struct snnq_crew *crew, uint32_t helpers)
{
	sigset_t all, before;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!ret && crew->helpers < helpers) {
		ret = pthread_create(&crew->threads[crew->helpers], NULL, help, crew);
		crew->helpers += !ret;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

int snnq_crew_create(uint32_t helpers, struct snnq_crew **crew)
{
	struct snnq_crew *c;
	int ret;

	*crew = NULL;
	if (helpers > SNNQ_MAX_HELPERS)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wanted, NULL);
	ret = start_helpers(c, helpers);
	if (ret) {
		snnq_crew_destroy(c);
		return ret;
	}
	*crew = c;
	return 0;
}

void snnq_crew_destroy(struct snnq_crew *crew)
{
	uint32_t i;

	if (!crew)
		return;
	pthread_mutex_lock(&crew->lock);
	crew->end = true;
	pthread_cond_broadcast(&crew->wanted);
	pthread_mutex_unlock(&crew->lock);
	for (i = 0; i < crew->helpers; i++)
		pthread_join(crew->threads[i], NULL);
	pthread_cond_destroy(&crew->wanted);
	pthread_mutex_destroy(&crew->lock);
	free(crew);
}
