// SPDX-License-Identifier: MIT
/*
 * compare_run.c - run two models on the same recordings, and compare what their layers put out.
 *
 * A thread per recording at work has a stream of each model. All that is added up are integers,
 * and of first differences the earliest recording's stays: nothing depends on the threads.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

/* ---- layers ---- */

static int find_layer(struct snnq_model *model, uint32_t count, const char *name,
		      struct snnq_layer_info *info)
{
	for (uint32_t i = 0; i < count; i++)
		if (!snnq_model_layer(model, i, info) && !strcmp(info->name, name))
			return (int)i;
	return -1;
}

/* Why outputs cannot be compared value by value; NULL: they can. */
static const char *unlike(const struct snnq_layer_info *a, const struct snnq_layer_info *b)
{
	if (a->height != b->height || a->width != b->width || a->channels != b->channels)
		return "its shapes differ";
	return a->planes && b->planes ? NULL : "its output is not spikes in both models";
}

/* The layers of model @m that @c does not have yet, in their order. */
static void add_layers(struct comparison *c, int m)
{
	const struct cli_session *s = c->sessions, *mine = &s[m], *other = &s[!m];

	for (uint32_t i = 0; i < mine->model_info.layers; i++) {
		struct compare_layer *l = &c->layers[c->layer_count];
		struct snnq_layer_info info, twin;
		int found;

		if (snnq_model_layer(mine->model, i, &info))
			continue;
		found = find_layer(other->model, other->model_info.layers, info.name, &twin);
		if (m && found >= 0)
			continue; /* it came with the first model */
		snprintf(l->name, sizeof(l->name), "%s", info.name);
		l->in[m] = true;
		l->index[m] = i;
		if (found >= 0) {
			l->in[!m] = true;
			l->index[!m] = (uint32_t)found;
			l->unlike = unlike(&info, &twin);
		}
		l->neurons = (uint64_t)info.height * info.width * info.channels;
		c->layer_count++;
	}
}

int compare_layers(struct comparison *c)
{
	const struct cli_session *s = c->sessions;

	c->steps = s[0].model_info.steps;
	c->layers = calloc((size_t)s[0].model_info.layers + s[1].model_info.layers + 1,
			   sizeof(*c->layers));
	if (!c->layers)
		return cli_fail(CLI_FAILED, "no memory");
	add_layers(c, 0);
	add_layers(c, 1);
	for (uint32_t i = 0; i < c->layer_count; i++) {
		struct compare_layer *l = &c->layers[i];

		if (!compare_is_compared(l))
			continue;
		l->sums[0] = calloc(2 * l->neurons + 1, sizeof(**l->sums));
		if (!l->sums[0])
			return cli_fail(CLI_FAILED, "no memory for layer %s", l->name);
		l->sums[1] = l->sums[0] + l->neurons;
	}
	return CLI_OK;
}

/* ---- recordings ---- */

struct work {
	struct comparison *c;
	pthread_mutex_t lock; /* protects what follows, and the comparison's results */
	size_t next, done;
	int code;
};

/* What one recording's output of a layer adds. */
struct difference {
	int64_t *sums; /* [2][neurons] */
	uint64_t values;
	uint32_t first_step;
};

struct worker {
	struct work *work;
	struct cli_runner runners[2];
	int32_t *taps[2]; /* of the largest layer */
	size_t capacity;
	int64_t *sums;
};

static int open_worker(struct worker *w)
{
	const struct comparison *c = w->work->c;
	uint64_t most = 0;

	for (uint32_t i = 0; i < c->layer_count; i++)
		if (compare_is_compared(&c->layers[i]) && c->layers[i].neurons > most)
			most = c->layers[i].neurons;
	w->capacity = most * c->steps;
	w->taps[0] = malloc((2 * w->capacity + 1) * sizeof(**w->taps));
	w->sums = malloc((2 * most + 1) * sizeof(*w->sums));
	if (!w->taps[0] || !w->sums)
		return cli_fail(CLI_FAILED, "no memory for the output of layers");
	w->taps[1] = w->taps[0] + w->capacity;
	for (int m = 0; m < 2; m++)
		if (snnq_stream_create(c->sessions[m].model,
				       SNNQ_OPTS(struct snnq_stream_opts,
						 .priority = SNNQ_PRIO_NORMAL),
				       &w->runners[m].stream))
			return cli_fail(CLI_DEVICE, "stream: %s",
					snnq_last_error(c->sessions[m].device));
	return CLI_OK;
}

static void close_worker(struct worker *w)
{
	cli_runner_close(&w->runners[0]);
	cli_runner_close(&w->runners[1]);
	free(w->taps[0]);
	free(w->sums);
}

static void find_difference(const struct worker *w, uint64_t neurons, struct difference *d)
{
	uint32_t steps = w->work->c->steps;

	*d = (struct difference){ .sums = w->sums, .first_step = steps };
	memset(w->sums, 0, 2 * neurons * sizeof(*w->sums));
	for (uint32_t t = 0; t < steps; t++) {
		const int32_t *a = w->taps[0] + t * neurons, *b = w->taps[1] + t * neurons;
		uint64_t values = 0;

		for (uint64_t i = 0; i < neurons; i++) {
			w->sums[i] += a[i];
			w->sums[neurons + i] += b[i];
			values += a[i] != b[i];
		}
		if (values && d->first_step == steps)
			d->first_step = t;
		d->values += values;
	}
}

static void add_difference(struct work *work, struct compare_layer *l, size_t recording,
			   const struct difference *d)
{
	pthread_mutex_lock(&work->lock);
	for (uint64_t i = 0; i < 2 * l->neurons; i++)
		l->sums[0][i] += d->sums[i];
	if (d->values && (!l->recordings || recording < l->first_recording)) {
		l->first_recording = recording;
		l->first_step = d->first_step;
	}
	l->recordings += d->values > 0;
	l->differing += d->values;
	pthread_mutex_unlock(&work->lock);
}

static int compare_outputs(const struct worker *w, size_t recording)
{
	struct comparison *c = w->work->c;

	for (uint32_t i = 0; i < c->layer_count; i++) {
		struct compare_layer *l = &c->layers[i];
		struct difference d;

		if (!compare_is_compared(l))
			continue;
		for (int m = 0; m < 2; m++)
			if (snnq_stream_tap(w->runners[m].stream, l->index[m], w->taps[m],
					    w->capacity) != (int64_t)(l->neurons * c->steps))
				return cli_fail(CLI_FAILED,
						"layer %s: its output cannot be read: %s", l->name,
						snnq_last_error(c->sessions[m].device));
		find_difference(w, l->neurons, &d);
		add_difference(w->work, l, recording, &d);
	}
	return CLI_OK;
}

static int classify(struct worker *w, int m, size_t recording)
{
	struct comparison *c = w->work->c;
	struct snnq_recordings seen;
	struct snnq_result result;
	int code = cli_classify(&c->sessions[m], &w->runners[m], &c->data.samples[recording],
				&result, &seen);

	if (code)
		return code;
	c->classes[m][recording] = result.class_index;
	if (!m) {
		pthread_mutex_lock(&w->work->lock);
		cli_add_recordings(&c->seen, &seen);
		pthread_mutex_unlock(&w->work->lock);
	}
	return CLI_OK;
}

/* The next recording, or their number when there is nothing to do. */
static size_t take(struct work *work)
{
	size_t index;

	pthread_mutex_lock(&work->lock);
	index = work->code ? work->c->data.count : work->next;
	work->next += index < work->c->data.count;
	pthread_mutex_unlock(&work->lock);
	return index;
}

static void finish(struct work *work, int code)
{
	pthread_mutex_lock(&work->lock);
	if (code)
		work->code = code;
	else
		cli_progress("compare", ++work->done, work->c->data.count);
	pthread_mutex_unlock(&work->lock);
}

static void *run_worker(void *arg)
{
	struct worker w = { .work = arg };
	int code = open_worker(&w);
	size_t i;

	if (code)
		finish(w.work, code);
	while (!code && (i = take(w.work)) < w.work->c->data.count) {
		code = classify(&w, 0, i);
		if (!code)
			code = classify(&w, 1, i);
		if (!code)
			code = compare_outputs(&w, i);
		finish(w.work, code);
	}
	close_worker(&w);
	return NULL;
}

int compare_run(struct comparison *c, uint32_t threads)
{
	struct work work = { .c = c, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t *ids = calloc(threads, sizeof(*ids));
	uint32_t started = 0;

	c->classes[0] = calloc(2 * c->data.count + 1, sizeof(**c->classes));
	if (!ids || !c->classes[0]) {
		free(ids);
		return cli_fail(CLI_FAILED, "no memory");
	}
	c->classes[1] = c->classes[0] + c->data.count;
	while (started < threads && started < c->data.count &&
	       !pthread_create(&ids[started], NULL, run_worker, &work))
		started++;
	for (uint32_t i = 0; i < started; i++)
		pthread_join(ids[i], NULL);
	free(ids);
	return started ? work.code : cli_fail(CLI_FAILED, "no thread could be started");
}

void compare_free(struct comparison *c)
{
	for (uint32_t i = 0; c->layers && i < c->layer_count; i++)
		free(c->layers[i].sums[0]);
	free(c->layers);
	free(c->classes[0]);
	cli_dataset_free(&c->data);
	cli_session_close(&c->sessions[0]);
	cli_session_close(&c->sessions[1]);
}
