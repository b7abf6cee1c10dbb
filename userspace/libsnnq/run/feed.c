// SPDX-License-Identifier: MIT
/*
 * feed.c - live feeds: events in chunks of any size become windows, and windows results.
 *
 * The caller's thread fills windows, one of the library's runs them. They form a ring: those that
 * are complete, from the oldest, and behind them the open one. When the ring is full a window
 * that becomes complete is dropped, and its place is the next one's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/host.h"
#include "base/thread.h"
#include "bins.h"
#include "stream.h"
#include "values.h"

#define QUEUE_DEFAULT 4u
#define QUEUE_MAX     1024u

struct window {
	struct snnq_tensor_buf *input;
	uint64_t first_step, dropped;
	int64_t complete_ns;
};

struct snnq_feed {
	struct snnq_stream *stream;
	struct snnq_feed_opts opts;
	struct bins bins; /* of the caller's thread */
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct window *windows; /* opts.queue + 1 */
	uint32_t oldest, complete;
	bool stop;
	int error; /* of the first window that could not be run */
	char message[200];
	struct snnq_feed_info info;
};

static struct window *window_at(struct snnq_feed *f, uint32_t index)
{
	return &f->windows[(f->oldest + index) % (f->opts.queue + 1)];
}

/* ---- the library's thread ---- */

static int run(struct snnq_feed *f, const struct window *w)
{
	struct snnq_result r;
	int ret = stream_window(f->stream, w->input, &r);

	if (ret)
		return ret;
	r.first_step = w->first_step;
	r.dropped_events = w->dropped;
	r.latency_ns = (uint64_t)(now_ns() - w->complete_ns);
	f->opts.result(f->opts.result_ctx, &r);
	return 0;
}

/* Wait for the oldest complete window; NULL: the end. */
static const struct window *next_window(struct snnq_feed *f)
{
	const struct window *w;

	pthread_mutex_lock(&f->lock);
	while (!f->complete && !f->stop)
		pthread_cond_wait(&f->changed, &f->lock);
	w = f->stop ? NULL : window_at(f, 0);
	pthread_mutex_unlock(&f->lock);
	return w;
}

/* After a failure windows are dropped: what comes behind it would not say so. */
static void finish_window(struct snnq_feed *f, int ret)
{
	pthread_mutex_lock(&f->lock);
	if (ret && !f->error) {
		f->error = ret;
		snprintf(f->message, sizeof(f->message), "%s", error_get());
	}
	f->info.results += !ret;
	f->info.dropped_windows += ret != 0;
	f->oldest = (f->oldest + 1) % (f->opts.queue + 1);
	f->complete--;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static void *work(void *ctx)
{
	struct snnq_feed *f = ctx;
	const struct window *w;
	int ret = 0;

	while ((w = next_window(f))) {
		if (!ret)
			ret = run(f, w);
		finish_window(f, ret);
	}
	return NULL;
}

/* ---- the caller's ---- */

/* Until at most @most windows wait. */
static void wait_for_results(struct snnq_feed *f, uint32_t most)
{
	pthread_mutex_lock(&f->lock);
	while (f->complete > most)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

/* The open window has all its events; open the one behind it. */
static void complete_window(struct snnq_feed *f)
{
	struct window *w;

	if (f->opts.wait)
		wait_for_results(f, f->opts.queue - 1);
	pthread_mutex_lock(&f->lock);
	f->info.windows++;
	if (f->complete == f->opts.queue) {
		f->info.dropped_windows++;
	} else {
		w = window_at(f, f->complete++);
		w->first_step = (uint64_t)f->bins.first;
		w->dropped = f->bins.dropped;
		w->complete_ns = now_ns();
		pthread_cond_broadcast(&f->changed);
	}
	w = window_at(f, f->complete);
	pthread_mutex_unlock(&f->lock);
	bins_open(&f->bins, w->input->map);
}

/* Of a failure of the library's thread, in this one. */
static int failure(struct snnq_feed *f)
{
	int ret;

	pthread_mutex_lock(&f->lock);
	ret = f->error ? error_set(f->error, "%s", f->message) : 0;
	pthread_mutex_unlock(&f->lock);
	return ret;
}

static void count(struct snnq_feed *f, uint64_t events, uint64_t dropped, uint64_t late)
{
	pthread_mutex_lock(&f->lock);
	f->info.events += events;
	f->info.dropped_events += dropped;
	f->info.late_events += late;
	pthread_mutex_unlock(&f->lock);
}

int snnq_feed_push(struct snnq_feed *f, const struct snnq_event *events, size_t size)
{
	uint64_t late = f->bins.late, dropped = 0;
	size_t done = 0, taken;
	bool complete;

	do {
		uint64_t before = f->bins.dropped;

		complete = bins_take(&f->bins, events + done, size - done, &taken);
		dropped += f->bins.dropped - before;
		done += taken;
		if (complete)
			complete_window(f);
	} while (complete);
	count(f, size, dropped, f->bins.late - late);
	return failure(f);
}

int snnq_feed_finish(struct snnq_feed *f)
{
	if (f->bins.first >= 0) {
		wait_for_results(f, f->opts.queue - 1); /* nothing is lost by it */
		complete_window(f);
	}
	wait_for_results(f, 0);
	bins_begin(&f->bins, f->bins.in);
	bins_open(&f->bins, window_at(f, 0)->input->map);
	return failure(f);
}

int snnq_feed_info(struct snnq_feed *f, struct snnq_feed_info *info)
{
	pthread_mutex_lock(&f->lock);
	*info = f->info;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static void stop(struct snnq_feed *f)
{
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
}

void snnq_feed_destroy(struct snnq_feed *f)
{
	if (!f)
		return;
	if (f->started)
		stop(f);
	for (uint32_t i = 0; f->windows && i <= f->opts.queue; i++)
		snnq_tensor_free(f->windows[i].input);
	free(f->windows);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	stream_put(f->stream);
	free(f);
}

static int start(struct snnq_feed *f)
{
	int ret = 0;

	f->windows = calloc(f->opts.queue + 1, sizeof(*f->windows));
	if (!f->windows)
		return error_set(-ENOMEM, "no memory");
	for (uint32_t i = 0; !ret && i <= f->opts.queue; i++)
		ret = stream_window_alloc(f->stream, &f->windows[i].input);
	if (ret)
		return ret;
	bins_begin(&f->bins, stream_input(f->stream));
	bins_open(&f->bins, f->windows[0].input->map);
	ret = thread_start(&f->thread, work, f);
	f->started = !ret;
	return ret ? error_set(ret, "snnq_feed_create: cannot start a thread") : 0;
}

static int check(const struct snnq_stream *stream, const struct snnq_feed_opts *opts)
{
	if (!opts || opts->size != sizeof(*opts))
		return error_set(-EINVAL, "snnq_feed_create: unknown size of options");
	if (!opts->result)
		return error_set(-EINVAL, "snnq_feed_create: expected a function for results");
	if (opts->queue > QUEUE_MAX)
		return error_set(-EINVAL, "snnq_feed_create: queue: expected at most %u, found %u",
				 QUEUE_MAX, opts->queue);
	if (values_wanted(stream_input(stream), false))
		return -EINVAL;
	if (stream_input(stream)->by_count)
		return error_set(-EOPNOTSUPP,
				 "the model's binning is \"count\", which needs the whole "
				 "recording: expected \"duration\"");
	return 0;
}

int snnq_feed_create(struct snnq_stream *stream, const struct snnq_feed_opts *opts,
		     struct snnq_feed **feed)
{
	struct snnq_feed *f;
	int ret = check(stream, opts);

	if (ret)
		return ret;
	f = calloc(1, sizeof(*f));
	if (!f)
		return error_set(-ENOMEM, "no memory");
	f->stream = stream_get(stream);
	f->opts = *opts;
	f->opts.queue = opts->queue ? opts->queue : QUEUE_DEFAULT;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	ret = start(f);
	if (ret)
		snnq_feed_destroy(f);
	else
		*feed = f;
	return ret;
}
