// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * shared.c - decoded weights that any number of plans share, and whose turn it is.
 *
 * What is decoded is a cache of what is in memory: each job looks whether its memory has
 * the same. The first to need a layer decodes it; others go on to the next layer meanwhile
 * and wait only when there is none left. A job with other weights waits until it is the
 * only one, decodes its own in their place, and lets others in again.
 *
 * A job that waits to be alone holds nothing, and one that waits for a layer waits for a
 * job that waits for nobody: there is no circle.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define LOOK_OPS 8u /* to look at a layer that is loaded */

void *weights_lay_out_head(struct arena *arena, const struct snnq_program_header *h)
{
	arena->bytes = 0;
	arena_part(arena, 1, sizeof(struct snnq_weights));
	return arena_part(arena, h->total_bytes, 1);
}

static bool copy_program(struct snnq_weights *w, const void *program, struct snnq_pace *pace)
{
	size_t size = w->info.program_bytes, done, n;

	for (done = 0; done < size; done += n) {
		n = size - done < CHUNK_BYTES ? size - done : CHUNK_BYTES;
		if (snnq_work(pace, (uint32_t)(n / 8 + 1)))
			return true;
		memcpy(w->program + done, (const uint8_t *)program + done, n);
	}
	return false;
}

int weights_new(const void *program, const struct snnq_program_info *info, uint64_t bytes,
		struct snnq_pace *pace, struct snnq_weights **weights)
{
	struct arena arena;
	void *block = arena_allocate(&arena, bytes);
	struct snnq_weights *w;

	*weights = NULL;
	if (!block)
		return -ENOMEM;
	w = (void *)arena.base;
	w->block = block;
	w->program = weights_lay_out_head(&arena, program);
	w->arena = arena;
	w->info = *info;
	atomic_init(&w->references, 1);
	pthread_mutex_init(&w->lock, NULL);
	wait_init(&w->changed);
	if (copy_program(w, program, pace)) {
		snnq_weights_put(w);
		return -EINTR;
	}
	*weights = w;
	return 0;
}

struct snnq_weights *snnq_weights_get(struct snnq_weights *weights)
{
	atomic_fetch_add(&weights->references, 1);
	return weights;
}

void snnq_weights_put(struct snnq_weights *weights)
{
	if (!weights || atomic_fetch_sub(&weights->references, 1) != 1)
		return;
	pthread_cond_destroy(&weights->changed);
	pthread_mutex_destroy(&weights->lock);
	free(weights->block);
}

/* ---- waiting ---- */

typedef bool condition_fn(const struct snnq_weights *w, const struct layer *l);

static bool is_busy(const struct snnq_weights *w, const struct layer *l)
{
	(void)w;
	return *l->decoded == DECODED_BUSY;
}

static bool is_closed(const struct snnq_weights *w, const struct layer *l)
{
	(void)l;
	return w->alone || w->waiting;
}

static bool is_in_use(const struct snnq_weights *w, const struct layer *l)
{
	(void)l;
	return w->jobs;
}

/* Wait, with the lock, while @holds; a job that is told to end does not wait on. */
static bool wait_while(struct job *job, condition_fn *holds, const struct layer *l)
{
	struct snnq_weights *w = job->plan->weights;

	while (holds(w, l)) {
		bool ended;

		if (!job->pace.tick) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		wait_a_little(&w->changed, &w->lock);
		pthread_mutex_unlock(&w->lock);
		ended = work(job, SNNQ_SAFE_POINT_OPS);
		pthread_mutex_lock(&w->lock);
		if (ended)
			return true;
	}
	return false;
}

static bool join(struct job *job)
{
	struct snnq_weights *w = job->plan->weights;
	bool ended;

	pthread_mutex_lock(&w->lock);
	ended = wait_while(job, is_closed, NULL);
	if (!ended)
		w->jobs++;
	pthread_mutex_unlock(&w->lock);
	return ended;
}

/* Let others in again. */
static void end_alone(struct job *job)
{
	struct snnq_weights *w = job->plan->weights;

	if (!job->alone)
		return;
	job->alone = false;
	pthread_mutex_lock(&w->lock);
	w->alone = false;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void weights_leave(struct job *job)
{
	struct snnq_weights *w = job->plan->weights;

	end_alone(job);
	pthread_mutex_lock(&w->lock);
	w->jobs--;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void unload(struct job *job)
{
	uint32_t i;

	for (i = 0; i < job->plan->info.layer_count; i++)
		job->plan->layers[i].loaded = false;
}

/* Wait for the others to leave. One of them may have been alone before. */
static bool wait_alone(struct job *job)
{
	struct snnq_weights *w = job->plan->weights;
	bool ended;

	unload(job);
	w->jobs--;
	w->waiting++;
	pthread_cond_broadcast(&w->changed);
	ended = wait_while(job, is_in_use, NULL);
	w->waiting--;
	w->jobs++;
	return ended;
}

/* Be the only job, so that what is decoded may change. */
static bool begin_alone(struct job *job)
{
	struct snnq_weights *w = job->plan->weights;
	bool ended;

	if (job->alone)
		return false;
	pthread_mutex_lock(&w->lock);
	ended = w->jobs > 1 && wait_alone(job);
	if (!ended)
		w->alone = job->alone = true;
	pthread_mutex_unlock(&w->lock);
	return ended;
}

/* ---- loading ---- */

/* What came of a look at the weights of a layer. */
enum look {
	LOOK_LOADED,
	LOOK_BUSY,  /* another job decodes them */
	LOOK_OTHER, /* others than in memory are decoded */
	LOOK_ENDED,
};

/* How far a layer is; one that is not decoded is the caller's to decode. */
static enum decoded claim(struct job *job, struct layer *l)
{
	struct snnq_weights *w = job->plan->weights;
	enum decoded was;

	pthread_mutex_lock(&w->lock);
	was = *l->decoded;
	if (was == DECODED_NOT)
		*l->decoded = DECODED_BUSY;
	pthread_mutex_unlock(&w->lock);
	return was;
}

static void settle(struct job *job, struct layer *l, enum decoded decoded)
{
	struct snnq_weights *w = job->plan->weights;

	pthread_mutex_lock(&w->lock);
	*l->decoded = decoded;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static bool decode(struct job *job, struct layer *l)
{
	bool ended = weights_decode(job, l) || (l->dense && dense_decode(job, l)) ||
		     (l->looks && lookup_decode(job, l));

	settle(job, l, ended ? DECODED_NOT : DECODED);
	return ended;
}

static enum look look_at(struct job *job, struct layer *l)
{
	bool same = false;

	switch (claim(job, l)) {
	case DECODED_BUSY:
		return LOOK_BUSY;
	case DECODED:
		if (weights_same(job, l, &same))
			return LOOK_ENDED;
		if (!same && !job->alone)
			return LOOK_OTHER;
		break;
	case DECODED_NOT:
		break;
	}
	if (!same && decode(job, l))
		return LOOK_ENDED;
	l->loaded = true;
	return LOOK_LOADED;
}

/* Look at each layer that is not loaded; @busy: the first one to be waited for. */
static enum look look_at_all(struct job *job, struct layer **busy)
{
	enum look all = LOOK_LOADED;
	uint32_t i;

	for (i = job->run.first_layer; i < job->plan->info.layer_count; i++) {
		struct layer *l = &job->plan->layers[i];
		enum look look;

		if (work(job, LOOK_OPS))
			return LOOK_ENDED;
		if (!l->decoded || l->loaded)
			continue;
		enter_layer(job, i);
		look = look_at(job, l);
		if (look == LOOK_OTHER || look == LOOK_ENDED)
			return look;
		if (look == LOOK_BUSY && all == LOOK_LOADED) {
			all = look;
			*busy = l;
		}
	}
	return all;
}

static bool wait_for(struct job *job, const struct layer *l)
{
	struct snnq_weights *w = job->plan->weights;
	bool ended;

	pthread_mutex_lock(&w->lock);
	ended = wait_while(job, is_busy, l);
	pthread_mutex_unlock(&w->lock);
	return ended;
}

static bool load(struct job *job)
{
	struct layer *l;

	for (;;) {
		switch (look_at_all(job, &l)) {
		case LOOK_LOADED:
			return false;
		case LOOK_ENDED:
			return true;
		case LOOK_BUSY:
			if (wait_for(job, l))
				return true;
			break;
		case LOOK_OTHER:
			if (begin_alone(job))
				return true;
			break;
		}
	}
}

bool weights_use(struct job *job)
{
	if (join(job))
		return true;
	unload(job);
	if (load(job)) {
		weights_leave(job);
		return true;
	}
	end_alone(job);
	return false;
}
