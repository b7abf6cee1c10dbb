// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_feed.c - live feeds: for any cutting into chunks the results of a recording of the
 * same events, bit for bit; what is dropped when the model is slower than the feed, and when
 * events come late; failures; the rules of threads.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "floats.h"
#include "models.h"

#define CLASSES	     2
#define WINDOW_STEPS 8
#define STEP_US	     1000
#define WINDOW	     (WINDOW_STEPS * STEP_US)
#define MOST	     64 /* windows */
#define MOST_EVENTS  4000

static void must(int ret)
{
	if (ret < 0)
		fail_msg("%s (%d)", snnq_last_error(NULL), ret);
}

/* ---- models: all operations, integer and float ---- */

/* The integer model, its input edited. */
static const char *integer_write(const char *path, const char *json)
{
	struct modelfile *file = network_model();

	edit(file, "input.steps", "8");
	edit(file, "input.step_us", "1000");
	if (path)
		edit(file, path, json);
	return model_write(file);
}

struct setup {
	struct snnq_device *dev;
	struct snnq_model *model;
	struct snnq_stream *stream;
};

static void setup_open(struct setup *s, const char *device, const char *path)
{
	must(snnq_open(device, NULL, &s->dev));
	must(snnq_model_load(s->dev, path, NULL, &s->model));
	must(snnq_stream_create(s->model, NULL, &s->stream));
}

static void setup_close(struct setup *s)
{
	snnq_stream_destroy(s->stream);
	snnq_model_destroy(s->model);
	snnq_close(s->dev);
}

/* ---- results ---- */

struct seen {
	uint32_t count;
	struct one {
		double scores[CLASSES];
		uint64_t first_step, dropped;
		uint32_t class;
	} windows[MOST];
	uint64_t slowest_ns;
};

static void note(void *ctx, const struct snnq_result *r)
{
	struct seen *s = ctx;
	struct one *one = &s->windows[s->count++];

	if (s->count > MOST || r->count != CLASSES)
		abort();
	memset(one, 0, sizeof(*one));
	memcpy(one->scores, r->real_scores, sizeof(one->scores));
	one->first_step = r->first_step;
	one->dropped = r->dropped_events;
	one->class = r->class_index;
	if (r->latency_ns > s->slowest_ns)
		s->slowest_ns = r->latency_ns;
}

/* What a recording of these events gives. */
static void as_recording(struct setup *s, const struct snnq_event *e, size_t count,
			 struct seen *seen)
{
	struct snnq_events *events;
	struct snnq_result r;
	int ret;

	seen->count = 0;
	must(snnq_events_from_array(e, count, &events));
	while ((ret = snnq_stream_push_events(s->stream, events, &r)) > 0)
		note(seen, &r);
	must(ret);
	snnq_events_close(events);
}

static struct snnq_feed *feed_new(struct setup *s, uint32_t queue,
				  void (*result)(void *ctx, const struct snnq_result *r), void *ctx)
{
	struct snnq_feed *feed;

	must(snnq_feed_create(s->stream,
			      SNNQ_OPTS(struct snnq_feed_opts, .queue = queue, .result = result,
					.result_ctx = ctx),
			      &feed));
	return feed;
}

static struct snnq_feed_info info_of(struct snnq_feed *feed)
{
	struct snnq_feed_info info;

	must(snnq_feed_info(feed, &info));
	return info;
}

/* Chunks of @most events, or of random sizes up to that, some of them empty. */
static void push_cut(struct snnq_feed *feed, const struct snnq_event *e, size_t count, size_t most,
		     bool random, uint32_t *seed)
{
	size_t done = 0;

	while (done < count) {
		size_t n = random ? random32(seed) % (most + 1) : most;
		struct snnq_event *exact;

		if (n > count - done)
			n = count - done;
		/* no longer there when the call returns */
		exact = malloc(n * sizeof(*e) + 1);
		assert_non_null(exact);
		memcpy(exact, e + done, n * sizeof(*e));
		must(snnq_feed_push(feed, exact, n));
		free(exact);
		done += n;
	}
}

/* How a model cuts time: from where, and how far before that a step begins. */
struct cut {
	const char *path, *json; /* edit of the model */
	bool from_first;
	int64_t early;
};

static int64_t window_of(const struct cut *cut, const struct snnq_event *e, int64_t t)
{
	t += cut->early - (cut->from_first ? e[0].t : 0);
	return t < 0 ? -1 : t / WINDOW;
}

/* In order but for some within a window; with pauses, events outside the sensor and before 0. */
static size_t random_recording(const struct cut *cut, struct snnq_event *e, uint32_t *seed)
{
	size_t count = 1 + random32(seed) % (MOST_EVENTS - 1);
	int64_t t = (int64_t)(random32(seed) % (3 * WINDOW)) - 50;

	for (size_t i = 0; i < count; i++) {
		t += random32(seed) %
		     (random32(seed) % 400 ? 40 * WINDOW / MOST_EVENTS : 3 * WINDOW);
		e[i] = (struct snnq_event){
			.t = t,
			.x = random32(seed) % 5,
			.y = random32(seed) % 4,
			.p = random32(seed) % 2,
		};
		if (i > 1 && window_of(cut, e, t) >= 0 && random32(seed) % 9 == 0 &&
		    window_of(cut, e, t) == window_of(cut, e, e[i - 1].t)) {
			e[i].t = e[i - 1].t;
			e[i - 1].t = t;
		}
	}
	return count;
}

static void same_as_recording(struct setup *s, const struct cut *cut, uint32_t rounds,
			      uint32_t *windows)
{
	static const size_t cuts[] = { 1, 2, 7, 100, 1000, MOST_EVENTS };
	static struct snnq_event e[MOST_EVENTS];
	static struct seen want, got;
	struct snnq_feed *feed = feed_new(s, MOST, note, &got);
	uint32_t seed = 7 + *windows;

	for (uint32_t round = 0; round < rounds; round++) {
		struct snnq_feed_info before = info_of(feed), after;
		size_t count = random_recording(cut, e, &seed);

		got.count = 0;
		push_cut(feed, e, count, cuts[random32(&seed) % 6], random32(&seed) % 2, &seed);
		must(snnq_feed_finish(feed));
		after = info_of(feed);
		as_recording(s, e, count, &want);
		assert_int_equal(got.count, want.count);
		assert_memory_equal(got.windows, want.windows,
				    want.count * sizeof(want.windows[0]));
		assert_int_equal(after.events - before.events, count);
		assert_int_equal(after.windows - before.windows, want.count);
		assert_int_equal(after.results - before.results, want.count);
		assert_int_equal(after.dropped_windows, 0);
		assert_int_equal(after.late_events, 0);
		for (uint32_t w = 0; w < want.count; w++)
			before.dropped_events += want.windows[w].dropped;
		if (want.count)
			assert_int_equal(after.dropped_events, before.dropped_events);
		*windows += want.count;
	}
	snnq_feed_destroy(feed);
}

static void test_any_cut_is_the_recording(void **state)
{
	static const struct cut cuts[] = {
		{ NULL, NULL, false, 0 },
		{ "input.origin", "\"first\"", true, 0 },
		{ "input.rounding", "\"half_even\"", false, STEP_US / 2 },
		{ "input.planes", "3", false, 0 },
	};
	uint32_t windows = 0;
	struct setup s;

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		setup_open(&s, "sim", integer_write(cuts[i].path, cuts[i].json));
		same_as_recording(&s, &cuts[i], 40, &windows);
		setup_close(&s);
	}
	setup_open(&s, "sim", small_float_write());
	same_as_recording(&s, &cuts[0], 20, &windows);
	setup_close(&s);
	assert_true(windows > 1000);
}

/* ---- what is dropped ---- */

struct gate {
	struct seen seen;
	sem_t inside, go;
};

static void slow(void *ctx, const struct snnq_result *r)
{
	struct gate *g = ctx;

	sem_post(&g->inside);
	sem_wait(&g->go);
	note(&g->seen, r);
}

/* The event that opens window @w. */
static struct snnq_event opener(int w)
{
	return (struct snnq_event){ .t = (int64_t)w * WINDOW, .x = 1, .y = 2, .p = 1 };
}

/* While a result takes its time, the queue takes as many as it is long; the newest are lost. */
static void test_slow_model_drops_the_newest(void **state)
{
	enum { QUEUE = 3, WINDOWS = 10 };
	static struct gate g;
	struct snnq_feed_info info;
	struct snnq_feed *feed;
	struct setup s;

	(void)state;
	assert_int_equal(sem_init(&g.inside, 0, 0), 0);
	assert_int_equal(sem_init(&g.go, 0, 0), 0);
	setup_open(&s, "sim", integer_write(NULL, NULL));
	feed = feed_new(&s, QUEUE, slow, &g);
	for (int w = 0; w < WINDOWS; w++) {
		struct snnq_event e = opener(w);

		must(snnq_feed_push(feed, &e, 1));
	}
	sem_wait(&g.inside);
	info = info_of(feed);
	assert_int_equal(info.windows, WINDOWS - 1);
	assert_int_equal(info.results, 0);
	assert_int_equal(info.dropped_windows, WINDOWS - 1 - QUEUE);
	for (int i = 0; i < QUEUE + 1; i++)
		sem_post(&g.go);
	/* the last window waits for room and is not dropped */
	must(snnq_feed_finish(feed));
	info = info_of(feed);
	assert_int_equal(info.windows, WINDOWS);
	assert_int_equal(info.results, QUEUE + 1);
	assert_int_equal(info.dropped_windows, WINDOWS - 1 - QUEUE);
	assert_int_equal(g.seen.count, QUEUE + 1);
	for (int i = 0; i < QUEUE; i++)
		assert_int_equal(g.seen.windows[i].first_step, i * WINDOW_STEPS);
	assert_int_equal(g.seen.windows[QUEUE].first_step, (WINDOWS - 1) * WINDOW_STEPS);
	snnq_feed_destroy(feed);
	setup_close(&s);
}

/* Told to wait, it does, and drops nothing. */
static void test_wait(void **state)
{
	enum { WINDOWS = MOST };
	static struct seen seen;
	struct snnq_feed *feed;
	struct setup s;

	(void)state;
	setup_open(&s, "sim", integer_write(NULL, NULL));
	must(snnq_feed_create(s.stream,
			      SNNQ_OPTS(struct snnq_feed_opts, .queue = 1, .wait = true,
					.result = note, .result_ctx = &seen),
			      &feed));
	for (int w = 0; w < WINDOWS; w++) {
		struct snnq_event e = opener(w);

		must(snnq_feed_push(feed, &e, 1));
	}
	must(snnq_feed_finish(feed));
	assert_int_equal(seen.count, WINDOWS);
	assert_int_equal(info_of(feed).results, WINDOWS);
	assert_int_equal(info_of(feed).dropped_windows, 0);
	snnq_feed_destroy(feed);
	setup_close(&s);
}

/* Destroyed at any time: while nothing was pushed, while windows wait. */
static void test_destroy(void **state)
{
	static struct gate g;
	struct snnq_feed *feed;
	struct setup s;

	(void)state;
	assert_int_equal(sem_init(&g.inside, 0, 0), 0);
	assert_int_equal(sem_init(&g.go, 0, 1), 0);
	setup_open(&s, "sim", integer_write(NULL, NULL));
	feed = feed_new(&s, 8, note, &g.seen);
	snnq_feed_destroy(feed);
	feed = feed_new(&s, 8, slow, &g);
	setup_close(&s); /* in any order */
	for (int w = 0; w < 6; w++) {
		struct snnq_event e = opener(w);

		must(snnq_feed_push(feed, &e, 1));
	}
	sem_wait(&g.inside);
	sem_wait(&g.inside); /* the second is at work */
	assert_int_equal(info_of(feed).results, 1);
	for (int w = 0; w < 6; w++)
		sem_post(&g.go);
	snnq_feed_destroy(feed);
	assert_in_range(g.seen.count, 2, 5);
}

static void test_late_events(void **state)
{
	static struct seen seen;
	struct snnq_feed_info info;
	struct snnq_feed *feed;
	struct setup s;
	const struct snnq_event e[] = {
		{ .t = -1 }, /* before step 0 */
		opener(2),
		{ .t = WINDOW }, /* a window that was passed over */
		{ .t = 3 * WINDOW - 1 },
		opener(3),
		{ .t = 3 * WINDOW - 1, .x = 1 }, /* a window that is complete */
		{ .t = 3 * WINDOW, .x = 4 },	 /* outside */
		{ .t = INT64_MAX },
		{ .t = INT64_MIN },
		opener(4),
	};

	(void)state;
	setup_open(&s, "sim", integer_write(NULL, NULL));
	feed = feed_new(&s, 0, note, &seen);
	must(snnq_feed_push(feed, e, 0));
	must(snnq_feed_finish(feed));
	assert_int_equal(seen.count, 0);
	must(snnq_feed_push(feed, e, sizeof(e) / sizeof(e[0])));
	must(snnq_feed_finish(feed));
	info = info_of(feed);
	assert_int_equal(info.events, 10);
	assert_int_equal(info.windows, 3);
	assert_int_equal(info.dropped_events, 6);
	assert_int_equal(info.late_events, 3);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.windows[0].first_step, 2 * WINDOW_STEPS);
	assert_int_equal(seen.windows[0].dropped, 2);
	assert_int_equal(seen.windows[1].first_step, 3 * WINDOW_STEPS);
	assert_int_equal(seen.windows[1].dropped, 2);
	assert_int_equal(seen.windows[2].dropped, 2);
	/* another recording: its times begin anew */
	must(snnq_feed_push(feed, e + 1, 1));
	must(snnq_feed_finish(feed));
	assert_int_equal(info_of(feed).late_events, 3);
	assert_int_equal(seen.windows[3].first_step, 2 * WINDOW_STEPS);
	snnq_feed_destroy(feed);
	setup_close(&s);
}

/* ---- threads, failures, wrong use ---- */

static void signals(void *ctx, const struct snnq_result *r)
{
	sigset_t blocked;

	(void)r;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	*(int *)ctx = sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM);
}

static void test_signals_are_the_programs(void **state)
{
	struct snnq_event e = opener(0);
	struct snnq_feed *feed;
	sigset_t mine;
	struct setup s;
	int blocked = -1;

	(void)state;
	setup_open(&s, "sim", integer_write(NULL, NULL));
	feed = feed_new(&s, 0, signals, &blocked);
	must(snnq_feed_push(feed, &e, 1));
	must(snnq_feed_finish(feed));
	assert_int_equal(blocked, 1);
	pthread_sigmask(SIG_BLOCK, NULL, &mine);
	assert_false(sigismember(&mine, SIGINT));
	snnq_feed_destroy(feed);
	setup_close(&s);
}

/* A job that fails ends the feed: with its own words, at once and for good. */
static void test_failures_are_told(void **state)
{
	static struct seen seen;
	struct snnq_event e[3] = { opener(0), opener(1), opener(2) };
	struct snnq_feed_info info;
	struct snnq_feed *feed;
	struct setup s;

	(void)state;
	fake_start();
	setup_open(&s, fake.path, integer_write(NULL, NULL));
	fake.job_error = -EIO;
	feed = feed_new(&s, 8, note, &seen);
	snnq_feed_push(feed, e, 3);
	assert_int_equal(snnq_feed_finish(feed), -EIO);
	assert_non_null(strstr(snnq_last_error(NULL), "job"));
	assert_int_equal(snnq_feed_push(feed, e, 1), -EIO);
	info = info_of(feed);
	assert_int_equal(seen.count, 0);
	assert_int_equal(info.results, 0);
	assert_int_equal(info.dropped_windows, 3);
	snnq_feed_destroy(feed);
	setup_close(&s);
	fake_expect_nothing_alive();
	fake_stop();
}

static void test_wrong_use(void **state)
{
	struct snnq_feed *feed = NULL;
	struct setup s;

	(void)state;
	setup_open(&s, "sim", integer_write(NULL, NULL));
	assert_int_equal(snnq_feed_create(s.stream, NULL, &feed), -EINVAL);
	assert_int_equal(snnq_feed_create(s.stream, SNNQ_OPTS(struct snnq_feed_opts, .queue = 2),
					  &feed),
			 -EINVAL);
	assert_int_equal(
		snnq_feed_create(s.stream,
				 SNNQ_OPTS(struct snnq_feed_opts, .queue = 1025, .result = note),
				 &feed),
		-EINVAL);
	assert_null(feed);
	setup_close(&s);
	setup_open(&s, "sim", integer_write("input.binning", "\"count\""));
	assert_int_equal(snnq_feed_create(s.stream,
					  SNNQ_OPTS(struct snnq_feed_opts, .result = note), &feed),
			 -EOPNOTSUPP);
	assert_non_null(strstr(snnq_last_error(NULL), "\"count\""));
	setup_close(&s);
}

static int cleanup(void **state)
{
	(void)state;
	models_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_cut_is_the_recording),
		cmocka_unit_test(test_slow_model_drops_the_newest),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_destroy),
		cmocka_unit_test(test_late_events),
		cmocka_unit_test(test_signals_are_the_programs),
		cmocka_unit_test(test_failures_are_told),
		cmocka_unit_test(test_wrong_use),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
