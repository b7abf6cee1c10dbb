// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_stream.c - streams on sim against a network computed here: jobs
 * split in any way, several streams on several cores, recordings, counters, taps,
 * and what the interface promises about waiting, failing and destroying.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "models.h"
#include "snnq_program.h"
#include "snnq_tools.h"

#define INPUTS	100
#define OUTPUTS 37
#define STEPS	24

struct network {
	struct dense *dense;
	struct snnq_device *dev;
	struct snnq_model *model;
};

static void must(int ret)
{
	if (ret < 0)
		fail_msg("%s (%d)", snnq_last_error(NULL), ret);
}

static void network_open(struct network *n, const char *device, uint32_t seed,
			 const struct snnq_model_opts *opts)
{
	n->dense = dense_random(INPUTS, OUTPUTS, STEPS, seed);
	must(snnq_open(device, NULL, &n->dev));
	must(snnq_model_load(n->dev, dense_write(n->dense), opts, &n->model));
}

static void network_close(struct network *n)
{
	snnq_model_destroy(n->model);
	snnq_close(n->dev);
	dense_free(n->dense);
}

/* A buffer of @steps random steps, about one input in four on; pad bits are noise. */
static struct snnq_tensor_buf *random_input(struct network *n, uint32_t steps, uint32_t seed)
{
	struct snnq_tensor_buf *buf;
	uint32_t words = steps * dense_words(n->dense) * 2, *map;

	must(snnq_tensor_alloc(n->dev, words * sizeof(*map), &buf));
	map = snnq_tensor_map(buf);
	for (uint32_t i = 0; i < words; i++)
		map[i] = random32(&seed) & random32(&seed);
	must(snnq_tensor_sync_for_device(buf));
	return buf;
}

static void expect_scores(const struct snnq_result *r, const int32_t *counts)
{
	uint32_t best = 0;

	assert_int_equal(r->count, OUTPUTS);
	assert_memory_equal(r->scores, counts, OUTPUTS * sizeof(*counts));
	for (uint32_t i = 1; i < OUTPUTS; i++)
		if (counts[i] > counts[best])
			best = i;
	assert_int_equal(r->class_index, best);
}

/* Run @steps of @input in jobs of the sizes in @split (repeated). */
static void run_split(struct network *n, struct snnq_stream *s, struct snnq_tensor_buf *input,
		      const uint32_t *split, uint32_t splits, struct snnq_result *r)
{
	const uint64_t *words = snnq_tensor_map(input);
	uint32_t done = 0, slot = dense_words(n->dense);

	for (uint32_t i = 0; done < STEPS; i++) {
		uint32_t steps = split[i % splits];
		struct snnq_tensor_buf *part;
		struct snnq_job *job;

		if (steps > STEPS - done)
			steps = STEPS - done;
		must(snnq_tensor_alloc(n->dev, steps * slot * 8, &part));
		memcpy(snnq_tensor_map(part), words + done * slot, steps * slot * 8);
		must(snnq_stream_submit(s, part, steps, &job));
		must(snnq_job_wait(job, -1, r));
		snnq_job_free(job);
		snnq_tensor_free(part);
		done += steps;
		assert_int_equal(r->steps, done);
	}
}

/* One job of n steps, n jobs of one step, and jobs of mixed sizes: the same. */
static void test_split(void **state)
{
	static const uint32_t splits[][3] = { { STEPS, STEPS, STEPS }, { 1, 1, 1 }, { 7, 2, 5 } };
	static const uint32_t tiles[] = { 0, 1, 5 };
	struct network n;

	(void)state;
	for (int tile = 0; tile < 3; tile++) {
		struct snnq_tensor_buf *input;
		int32_t u[OUTPUTS] = { 0 }, counts[OUTPUTS] = { 0 };

		network_open(&n, "sim", 7,
			     SNNQ_OPTS(struct snnq_model_opts, .tile_steps = tiles[tile]));
		input = random_input(&n, STEPS, 99);
		dense_run(n.dense, snnq_tensor_map(input), STEPS, u, counts);
		for (int i = 0; i < 3; i++) {
			struct snnq_stream *s;
			struct snnq_result r;

			must(snnq_stream_create(n.model, NULL, &s));
			run_split(&n, s, input, splits[i], 3, &r);
			expect_scores(&r, counts);
			snnq_stream_destroy(s);
		}
		snnq_tensor_free(input);
		network_close(&n);
	}
}

/* A stream goes on where it was; a reset starts over. */
static void test_reset(void **state)
{
	int32_t u[OUTPUTS] = { 0 }, twice[OUTPUTS] = { 0 }, once[OUTPUTS];
	struct snnq_tensor_buf *input;
	struct snnq_stream *s;
	struct snnq_result r;
	struct network n;

	(void)state;
	network_open(&n, "sim", 3, NULL);
	input = random_input(&n, STEPS, 5);
	dense_run(n.dense, snnq_tensor_map(input), STEPS, u, twice);
	memcpy(once, twice, sizeof(once));
	dense_run(n.dense, snnq_tensor_map(input), STEPS, u, twice);
	must(snnq_stream_create(n.model, NULL, &s));
	for (int i = 0; i < 3; i++) {
		struct snnq_job *job;

		if (i == 2)
			must(snnq_stream_reset(s));
		must(snnq_stream_submit(s, input, STEPS, &job));
		must(snnq_job_wait(job, -1, &r));
		expect_scores(&r, i == 1 ? twice : once);
		assert_int_equal(r.steps, i == 1 ? 2 * STEPS : STEPS);
		snnq_job_free(job);
	}
	snnq_stream_destroy(s);
	snnq_tensor_free(input);
	network_close(&n);
}

/* Queued without waiting, waited for in any order. */
static void test_queue(void **state)
{
	enum { JOBS = 20 };
	int32_t u[OUTPUTS] = { 0 }, counts[JOBS][OUTPUTS] = { { 0 } };
	struct snnq_tensor_buf *input;
	struct snnq_job *jobs[JOBS];
	struct snnq_stream *s;
	struct snnq_result r;
	struct network n;

	(void)state;
	network_open(&n, "sim:cores=3", 11, NULL);
	input = random_input(&n, STEPS, 1);
	must(snnq_stream_create(n.model, NULL, &s));
	for (int i = 0; i < JOBS; i++) {
		if (i)
			memcpy(counts[i], counts[i - 1], sizeof(counts[i]));
		dense_run(n.dense, snnq_tensor_map(input), STEPS, u, counts[i]);
		must(snnq_stream_submit(s, input, STEPS, &jobs[i]));
	}
	for (int i = JOBS - 1; i >= 0; i--) {
		must(snnq_job_wait(jobs[i], -1, &r));
		expect_scores(&r, counts[i]);
		assert_int_equal(r.steps, (i + 1) * STEPS);
		snnq_job_free(jobs[i]);
	}
	snnq_stream_destroy(s);
	snnq_tensor_free(input);
	network_close(&n);
}

/* Jobs long enough that free cores would take the next ones, were they let. */
static void test_one_job_of_a_stream_at_a_time(void **state)
{
	enum { JOBS = 8, LARGE = 600, NEURONS = 300, LONG = 100 };
	static int32_t u[NEURONS], counts[JOBS][NEURONS];
	struct network n = { .dense = dense_random(LARGE, NEURONS, LONG, 5) };
	struct snnq_tensor_buf *input;
	struct snnq_job *jobs[JOBS];
	struct snnq_stream *s;
	struct snnq_result r;

	(void)state;
	must(snnq_open("sim:cores=4", NULL, &n.dev));
	must(snnq_model_load(n.dev, dense_write(n.dense), NULL, &n.model));
	input = random_input(&n, LONG, 3);
	must(snnq_stream_create(n.model, NULL, &s));
	for (int i = 0; i < JOBS; i++)
		must(snnq_stream_submit(s, input, LONG, &jobs[i]));
	for (int i = 0; i < JOBS; i++) {
		if (i)
			memcpy(counts[i], counts[i - 1], sizeof(counts[i]));
		dense_run(n.dense, snnq_tensor_map(input), LONG, u, counts[i]);
		must(snnq_job_wait(jobs[i], -1, &r));
		assert_memory_equal(r.scores, counts[i], sizeof(counts[i]));
		snnq_job_free(jobs[i]);
	}
	snnq_stream_destroy(s);
	snnq_tensor_free(input);
	network_close(&n);
}

/* One job of many steps on a stream of its own. */
struct long_job {
	struct snnq_stream *stream;
	struct snnq_job *job;
};

static struct long_job submit_long(struct network *n, struct snnq_tensor_buf *input, uint32_t steps,
				   enum snnq_priority priority)
{
	struct long_job j;

	must(snnq_stream_create(n->model, SNNQ_OPTS(struct snnq_stream_opts, .priority = priority),
				&j.stream));
	must(snnq_stream_submit(j.stream, input, steps, &j.job));
	return j;
}

static bool is_done(const struct long_job *j)
{
	return !snnq_job_wait(j->job, 0, NULL);
}

static void free_long(struct long_job *j)
{
	snnq_job_free(j->job);
	snnq_stream_destroy(j->stream);
}

/*
 * Whether a job of high priority was seen done before one of low priority that was queued first.
 * Only a try in which the job ahead of both still ran when both were queued says anything.
 */
static bool overtakes(struct network *n, struct snnq_tensor_buf *input, uint32_t steps, bool *said)
{
	struct long_job ahead = submit_long(n, input, steps, SNNQ_PRIO_NORMAL);
	struct long_job low = submit_long(n, input, steps, SNNQ_PRIO_LOW);
	struct long_job high = submit_long(n, input, 1, SNNQ_PRIO_HIGH);
	bool result;

	*said = !is_done(&ahead);
	must(snnq_job_wait(high.job, -1, NULL));
	result = !is_done(&low);
	free_long(&ahead);
	free_long(&low);
	free_long(&high);
	return result;
}

static void test_priorities(void **state)
{
	struct snnq_tensor_buf *input;
	uint32_t steps = 1 << 12, overtook = 0, tries = 0;
	struct network n;

	(void)state;
	network_open(&n, "sim", 6, SNNQ_OPTS(struct snnq_model_opts, .max_steps = SNNQ_MAX_STEPS));
	input = random_input(&n, SNNQ_MAX_STEPS, 3);
	for (uint32_t i = 0; i < 40 && !overtook; i++) {
		bool said, first = overtakes(&n, input, steps, &said);

		tries += said;
		overtook += said && first;
		if (!said && steps < SNNQ_MAX_STEPS)
			steps *= 2;
	}
	assert_true(tries > 0);
	assert_true(overtook > 0);
	snnq_tensor_free(input);
	network_close(&n);
}

struct worker {
	struct network *n;
	uint32_t seed;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	for (uint32_t round = 0; round < 5; round++) {
		struct snnq_tensor_buf *input = random_input(w->n, STEPS, w->seed + round);
		int32_t u[OUTPUTS] = { 0 }, counts[OUTPUTS] = { 0 };
		static const uint32_t split[2] = { 5, 1 };
		struct snnq_stream *s;
		struct snnq_result r;

		dense_run(w->n->dense, snnq_tensor_map(input), STEPS, u, counts);
		must(snnq_stream_create(w->n->model, NULL, &s));
		run_split(w->n, s, input, split, 2, &r);
		if (memcmp(r.scores, counts, sizeof(counts)))
			return arg;
		snnq_stream_destroy(s);
		snnq_tensor_free(input);
	}
	return NULL;
}

/* A thread per stream on four cores: nobody sees another's state. */
static void test_threads(void **state)
{
	struct worker workers[6];
	pthread_t threads[6];
	struct network n;

	(void)state;
	network_open(&n, "sim:cores=4", 21, NULL);
	for (uint32_t i = 0; i < 6; i++) {
		workers[i] = (struct worker){ &n, 1000 * (i + 1) };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < 6; i++) {
		void *bad;

		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	network_close(&n);
}

/* The descriptor polls readable when the job is done, not before. */
static void test_job_fd(void **state)
{
	struct snnq_tensor_buf *input;
	struct snnq_job *job;
	struct snnq_stream *s;
	struct network n;
	struct pollfd p = { .events = POLLIN };
	uint32_t syncobj;
	uint64_t point;

	(void)state;
	network_open(&n, "sim", 4, NULL);
	input = random_input(&n, STEPS, 5);
	must(snnq_stream_create(n.model, NULL, &s));
	must(snnq_stream_submit(s, input, STEPS, &job));
	p.fd = snnq_job_fd(job);
	must(p.fd);
	assert_int_equal(poll(&p, 1, 10000), 1);
	must(snnq_job_wait(job, 0, NULL));
	assert_int_equal(poll(&p, 1, 0), 1);
	close(p.fd);
	p.fd = snnq_job_fd(job);
	assert_int_equal(poll(&p, 1, 0), 1);
	close(p.fd);
	assert_int_equal(snnq_job_timeline(job, &syncobj, &point), -EOPNOTSUPP);
	snnq_job_free(job);
	snnq_stream_destroy(s);
	snnq_tensor_free(input);
	network_close(&n);
}

/* Everything else destroyed first: the job still ends, and nothing leaks (ASan). */
static void test_destroy_in_any_order(void **state)
{
	int32_t u[OUTPUTS] = { 0 }, counts[OUTPUTS] = { 0 };
	struct snnq_tensor_buf *input;
	struct snnq_job *job, *other;
	struct snnq_stream *s;
	struct snnq_result r;
	struct network n;

	(void)state;
	network_open(&n, "sim", 8, NULL);
	input = random_input(&n, STEPS, 5);
	dense_run(n.dense, snnq_tensor_map(input), STEPS, u, counts);
	must(snnq_stream_create(n.model, NULL, &s));
	must(snnq_stream_submit(s, input, STEPS, &job));
	must(snnq_stream_submit(s, input, STEPS, &other));
	network_close(&n);
	snnq_stream_destroy(s);
	must(snnq_job_wait(job, -1, &r));
	expect_scores(&r, counts);
	snnq_job_free(job);
	snnq_job_free(other);
	snnq_tensor_free(input);
	snnq_job_free(NULL);
	snnq_stream_destroy(NULL);
	snnq_model_destroy(NULL);
	snnq_tensor_free(NULL);
	snnq_close(NULL);
}

/* Set bits of the real inputs, without the noise in the pad. */
static uint64_t spikes_of(const struct dense *d, const uint64_t *input, uint32_t steps)
{
	uint64_t n = 0;

	for (uint32_t t = 0; t < steps; t++)
		for (uint32_t i = 0; i < d->inputs; i++)
			n += input[t * dense_words(d) + i / 64] >> i % 64 & 1;
	return n;
}

static void test_counters(void **state)
{
	int32_t u[OUTPUTS] = { 0 }, counts[OUTPUTS] = { 0 };
	uint64_t spikes, cycles, fired = 0;
	struct snnq_layer_counters c;
	struct snnq_tensor_buf *input;
	struct snnq_stream *s;
	struct snnq_result r;
	struct snnq_job *job;
	struct network n;

	(void)state;
	network_open(&n, "sim", 8, NULL);
	input = random_input(&n, STEPS, 6);
	spikes = spikes_of(n.dense, snnq_tensor_map(input), STEPS);
	dense_run(n.dense, snnq_tensor_map(input), STEPS, u, counts);
	for (int i = 0; i < OUTPUTS; i++)
		fired += counts[i];
	must(snnq_stream_create(n.model,
				SNNQ_OPTS(struct snnq_stream_opts, .priority = SNNQ_PRIO_NORMAL,
					  .profile = true),
				&s));
	must(snnq_stream_submit(s, input, STEPS, &job));
	must(snnq_job_wait(job, -1, &r));
	must(snnq_stream_counters(s, 0, &c));
	assert_string_equal(c.name, "fc");
	assert_int_equal(c.input_spikes, spikes);
	assert_int_equal(c.input_possible, INPUTS * STEPS);
	assert_int_equal(c.synops, spikes * OUTPUTS);
	assert_int_equal(c.neuron_updates, OUTPUTS * STEPS);
	assert_int_equal(c.output_spikes, fired);
	assert_int_equal(c.steps, STEPS);
	assert_int_equal(r.synops, c.synops);
	cycles = r.cycles;
	assert_int_equal(snnq_stream_counters(s, 1, &c), -EINVAL);
	snnq_job_free(job);
	snnq_stream_destroy(s);
	/* Summed over the layers' counters, or told by the device. */
	must(snnq_stream_create(n.model, NULL, &s));
	must(snnq_stream_submit(s, input, STEPS, &job));
	must(snnq_job_wait(job, -1, &r));
	assert_int_equal(r.cycles, cycles);
	snnq_job_free(job);
	assert_int_equal(snnq_stream_counters(s, 0, &c), -EINVAL);
	assert_string_equal(snnq_last_error(n.dev),
			    "no counters of layer 0: stream without profile");
	snnq_stream_destroy(s);
	snnq_tensor_free(input);
	network_close(&n);
}

/* ---- recordings ---- */

/* Events for @windows windows of 10 us steps, and the packed steps they mean. */
static struct snnq_events *random_events(const struct dense *d, uint32_t windows, uint32_t seed,
					 uint64_t *packed)
{
	uint32_t count = 0, capacity = windows * STEPS * INPUTS;
	struct snnq_event *e = calloc(capacity, sizeof(*e));
	struct snnq_events *events;

	assert_non_null(e);
	memset(packed, 0, windows * STEPS * dense_words(d) * 8);
	for (uint32_t t = 0; t < windows * STEPS; t++)
		for (uint32_t i = 0; i < INPUTS; i++) {
			if (random32(&seed) % 4)
				continue;
			e[count++] = (struct snnq_event){ .t = t * 10 + i % 10, .x = i };
			packed[t * dense_words(d) + i / 64] |= 1ull << i % 64;
		}
	must(snnq_events_from_array(e, count, &events));
	free(e);
	return events;
}

/* Each window of a recording is a result from zero state; then 0. */
static void test_push_events(void **state)
{
	enum { WINDOWS = 3 };
	uint64_t packed[WINDOWS * STEPS * 2];
	struct snnq_events *events;
	struct snnq_stream *s;
	struct snnq_result r;
	struct network n;

	(void)state;
	network_open(&n, "sim", 9, NULL);
	events = random_events(n.dense, WINDOWS, 77, packed);
	must(snnq_stream_create(n.model, NULL, &s));
	for (int w = 0; w < WINDOWS; w++) {
		int32_t u[OUTPUTS] = { 0 }, counts[OUTPUTS] = { 0 };

		dense_run(n.dense, packed + w * STEPS * 2, STEPS, u, counts);
		assert_int_equal(snnq_stream_push_events(s, events, &r), 1);
		expect_scores(&r, counts);
		assert_int_equal(r.steps, STEPS);
		assert_int_equal(r.dropped_events, 0);
	}
	assert_int_equal(snnq_stream_push_events(s, events, &r), 0);
	assert_int_equal(snnq_stream_push_events(s, events, &r), 0);
	snnq_stream_destroy(s);
	snnq_events_close(events);
	network_close(&n);
}

/* Taps hold every spike of the window, in order. */
static void test_taps(void **state)
{
	static int32_t values[STEPS * OUTPUTS];
	uint64_t packed[STEPS * 2];
	int32_t u[OUTPUTS] = { 0 };
	struct snnq_tensor_buf *input;
	struct snnq_events *events;
	struct snnq_stream *s;
	struct snnq_result r;
	struct snnq_job *job;
	struct network n;

	(void)state;
	network_open(&n, "sim", 9, SNNQ_OPTS(struct snnq_model_opts, .taps = true));
	events = random_events(n.dense, 1, 78, packed);
	must(snnq_stream_create(n.model, NULL, &s));
	assert_int_equal(snnq_stream_tap(s, 0, NULL, 0), -EINVAL);
	assert_int_equal(snnq_stream_push_events(s, events, &r), 1);
	assert_int_equal(snnq_stream_tap(s, 0, NULL, 0), STEPS * OUTPUTS);
	assert_int_equal(snnq_stream_tap(s, 0, values, STEPS * OUTPUTS - 1), -EINVAL);
	assert_int_equal(snnq_stream_tap(s, 1, values, STEPS * OUTPUTS), -EINVAL);
	assert_int_equal(snnq_stream_tap(s, 0, values, STEPS * OUTPUTS), STEPS * OUTPUTS);
	for (int t = 0; t < STEPS; t++) {
		int32_t fired[OUTPUTS] = { 0 };

		dense_run(n.dense, packed + t * 2, 1, u, fired);
		assert_memory_equal(values + t * OUTPUTS, fired, sizeof(fired));
	}
	must(snnq_tensor_alloc(n.dev, 4096, &input));
	assert_int_equal(snnq_stream_submit(s, input, 1, &job), -EINVAL);
	snnq_tensor_free(input);
	snnq_stream_destroy(s);
	snnq_events_close(events);
	network_close(&n);
}

/* Sums of signed outputs, of which the last step is read out. */
#define SIGNED_INPUTS  9
#define SIGNED_OUTPUTS 70

static const char *signed_write(int8_t *weights)
{
	const uint64_t bytes = SIGNED_INPUTS * SIGNED_OUTPUTS;
	struct modelfile *file;
	uint32_t seed = 4;
	char text[1024];

	for (uint32_t i = 0; i < bytes; i++)
		weights[i] = (int8_t)((int)(random32(&seed) % 255) - 127);
	snprintf(
		text, sizeof(text),
		"{\"format\": \"snnq\", \"version\": 1, \"arithmetic\": \"integer\","
		"\"input\": {\"width\": %u, \"height\": 1, \"polarities\": 1, \"layout\": \"flat\","
		"\"planes\": 1, \"binning\": \"duration\", \"steps\": %u, \"step_us\": 10},"
		"\"layers\": [{\"name\": \"s\", \"op\": \"linear\", \"inputs\": [\"input\"],"
		"\"out_channels\": %u, \"weight\": {\"tensor\": \"w\", \"scheme\": \"uniform\","
		"\"bits\": 8}, \"neuron\": {\"model\": \"none\", \"requant_shift\": 3},"
		"\"planes\": 5, \"signed\": true}],"
		"\"readout\": {\"input\": \"s\", \"mode\": \"last\"}}",
		SIGNED_INPUTS, STEPS, SIGNED_OUTPUTS);
	assert_int_equal(modelfile_new(cJSON_Parse(text), &file), 0);
	assert_int_equal(modelfile_add(file, "w", DTYPE_U8, 1, &bytes, weights), 0);
	return model_write(file);
}

/* (sum + 4) / 8, rounded down and kept in -16..15. */
static int32_t signed_output(const int8_t *weights, const bool *input, int o)
{
	int32_t sum = 4;

	for (int i = 0; i < SIGNED_INPUTS; i++)
		sum += input[i] ? weights[i * SIGNED_OUTPUTS + o] : 0;
	sum = sum >= 0 ? sum / 8 : -((7 - sum) / 8);
	return sum < -16 ? -16 : sum > 15 ? 15 : sum;
}

static void test_signed_and_last(void **state)
{
	static int32_t values[STEPS * SIGNED_OUTPUTS];
	int8_t weights[SIGNED_INPUTS * SIGNED_OUTPUTS];
	static bool input[STEPS][SIGNED_INPUTS];
	struct snnq_event list[STEPS * SIGNED_INPUTS];
	struct snnq_events *events;
	struct snnq_device *dev;
	struct snnq_model *model;
	struct snnq_stream *s;
	struct snnq_result r;
	uint32_t seed = 9;
	size_t count = 0;
	int low = 0;

	(void)state;
	for (int t = 0; t < STEPS; t++)
		for (int i = 0; i < SIGNED_INPUTS; i++) {
			input[t][i] = random32(&seed) % 3 == 0;
			if (input[t][i])
				list[count++] = (struct snnq_event){ .t = 10 * t, .x = i };
		}
	must(snnq_events_from_array(list, count, &events));
	must(snnq_open("sim", NULL, &dev));
	must(snnq_model_load(dev, signed_write(weights),
			     SNNQ_OPTS(struct snnq_model_opts, .taps = true), &model));
	must(snnq_stream_create(model, NULL, &s));
	assert_int_equal(snnq_stream_push_events(s, events, &r), 1);
	assert_int_equal(snnq_stream_tap(s, 0, values, STEPS * SIGNED_OUTPUTS),
			 STEPS * SIGNED_OUTPUTS);
	assert_int_equal(r.count, SIGNED_OUTPUTS);
	for (int t = 0; t < STEPS; t++)
		for (int o = 0; o < SIGNED_OUTPUTS; o++) {
			int32_t want = signed_output(weights, input[t], o);

			low += want < 0;
			assert_int_equal(values[t * SIGNED_OUTPUTS + o], want);
			if (t == STEPS - 1)
				assert_int_equal(r.scores[o], want);
		}
	assert_in_range(low, 100, STEPS * SIGNED_OUTPUTS - 100);
	snnq_stream_destroy(s);
	snnq_model_destroy(model);
	snnq_close(dev);
	snnq_events_close(events);
}

/* ---- wrong use ---- */

static void test_refused(void **state)
{
	struct snnq_tensor_buf *small;
	struct snnq_stream *s;
	struct snnq_job *job;
	struct network n;

	(void)state;
	network_open(&n, "sim", 9, NULL);
	must(snnq_stream_create(n.model, NULL, &s));
	assert_int_equal(snnq_stream_input_bytes(s), 16);
	must(snnq_tensor_alloc(n.dev, 16 * STEPS - 1, &small));
	assert_int_equal(snnq_stream_submit(s, small, STEPS, &job), -EINVAL);
	assert_string_equal(snnq_last_error(n.dev),
			    "input of 383 bytes for 24 steps, expected 384");
	assert_int_equal(snnq_stream_submit(s, small, 0, &job), -EINVAL);
	snnq_tensor_free(small);
	must(snnq_tensor_alloc(n.dev, 16 * (STEPS + 1), &small));
	assert_int_equal(snnq_stream_submit(s, small, STEPS + 1, &job), -EINVAL);
	assert_string_equal(snnq_last_error(n.dev), "job of 25 steps, expected 1 to 24");
	snnq_tensor_free(small);
	assert_int_equal(snnq_tensor_alloc(n.dev, 0, &small), -EINVAL);
	must(snnq_tensor_alloc(n.dev, 8, &small));
	assert_int_equal(snnq_tensor_export(small), -EOPNOTSUPP);
	snnq_tensor_free(small);
	assert_int_equal(snnq_tensor_import(n.dev, 0, &small), -EOPNOTSUPP);
	assert_null(small);
	snnq_stream_destroy(s);
	network_close(&n);
}

static void test_options_carry_their_size(void **state)
{
	struct snnq_open_opts open_opts = { .size = 1 };
	struct snnq_model_opts model_opts = { .size = 0 };
	struct snnq_stream_opts stream_opts = { .size = sizeof(stream_opts) + 8 };
	struct snnq_device *dev;
	struct snnq_model *model;
	struct snnq_stream *s;
	struct network n;

	(void)state;
	assert_int_equal(snnq_open("sim", &open_opts, &dev), -EINVAL);
	network_open(&n, "sim", 1, NULL);
	assert_int_equal(snnq_model_load(n.dev, "none", &model_opts, &model), -EINVAL);
	assert_int_equal(snnq_stream_create(n.model, &stream_opts, &s), -EINVAL);
	network_close(&n);
}

static void test_device_names(void **state)
{
	static const char *const bad[] = {
		"sim:",		"sim:cores=",	       "sim:cores=0",
		"sim:cores=2x", "sim:threads=0",       "sim:threads=65",
		"sim:cores=1,", "sim:cores=1,threads", "sim:cores=1,core=1",
		"simulator"
	};
	struct snnq_device_info info;
	struct snnq_device *dev;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(snnq_open(bad[i], NULL, &dev), -EINVAL);
	assert_int_equal(snnq_open("/dev/none", NULL, &dev), -ENOENT);
	assert_string_equal(snnq_last_error(NULL), "device /dev/none: No such file or directory");
	setenv("SNNQ_ISA", "avx3", 1);
	assert_int_equal(snnq_open("sim", NULL, &dev), -EINVAL);
	assert_non_null(strstr(snnq_last_error(NULL), "\"avx3\""));
	setenv("SNNQ_ISA", "generic", 1);
	must(snnq_open("sim", NULL, &dev));
	snnq_close(dev);
	unsetenv("SNNQ_ISA");
	must(snnq_open("sim:cores=3", NULL, &dev));
	must(snnq_device_info(dev, &info));
	assert_int_equal(info.cores, 3);
	assert_string_equal(info.name, "sim");
	snnq_close(dev);
	must(snnq_open("sim:threads=3,cores=4", NULL, &dev));
	must(snnq_device_info(dev, &info));
	assert_int_equal(info.cores, 4);
	snnq_close(dev);
	assert_int_equal(snnq_open("sim", SNNQ_OPTS(struct snnq_open_opts, .threads = 65), &dev),
			 -EINVAL);
	must(snnq_open("sim", SNNQ_OPTS(struct snnq_open_opts, .cores = 2), &dev));
	must(snnq_device_info(dev, &info));
	assert_int_equal(info.cores, 2);
	snnq_close(dev);
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
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_one_job_of_a_stream_at_a_time),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_job_fd),
		cmocka_unit_test(test_destroy_in_any_order),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_push_events),
		cmocka_unit_test(test_taps),
		cmocka_unit_test(test_signed_and_last),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_options_carry_their_size),
		cmocka_unit_test(test_device_names),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
