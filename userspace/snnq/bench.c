// SPDX-License-Identifier: MIT
/*
 * bench.c - `snnq bench`: how long a model takes to load, a window, and a step at a time.
 *
 * Inputs are random spikes, always the same, so that nothing is measured but the device; results of
 * recordings are `snnq eval`'s. One window goes before those that count, for whatever is done once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/host.h"
#include "bench.h"

#define MOST_RUNS    1000000u
#define MOST_STREAMS 256u

static const char *device;
#define NOT_SAID UINT32_MAX

static uint32_t runs = 20, threads, density = NOT_SAID, streams = 1;
static bool json, peak;

static const struct cli_option options[] = {
	{ "device", 'd', "NAME", "auto (default), sim[:cores=N][,threads=N] or a path",
	  .text = &device },
	{ "runs", 'r', "N", "windows of each kind that count (default 20)", .number = &runs,
	  .max = MOST_RUNS },
	{ "threads", 't', "N", "of sim, for a job (default: as many as processors)",
	  .number = &threads, .max = 64 },
	{ "density", 0, "PERCENT", "of the input's bits that are set (default 5, of values 50)",
	  .number = &density, .max = 100, .zero = true },
	{ "streams", 's', "N", "that run windows at once (default 1)", .number = &streams,
	  .max = MOST_STREAMS },
	{ "peak", 'p', NULL, "no model: what sim's inner loops reach on this machine",
	  .flag = &peak },
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"bench MODEL [options] | bench --peak",
	"Measure how long a model takes to load, for a window, and for one step at a time.",
	"snnq bench digits.snnq\n"
	"snnq bench digits.snnq --device sim:threads=1 --runs 100 --json\n"
	"snnq bench --peak\n",
	options,
	CLI_ZERO_OR_ONE,
};

static double now_ms(void)
{
	return (double)now_ns() / 1e6;
}

static double memory_mb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024.;
}

/*
 * Random bits in the first plane of each step: spikes, or counts of one. Of values in all planes;
 * where one image is for all steps it is.
 */
static void fill_input(const struct snnq_model_info *m, uint64_t *words, size_t step_words,
		       uint32_t steps)
{
	uint32_t per_position = (m->input_channels + 63) / 64, seed = 1;
	uint64_t positions = (uint64_t)m->input_height * m->input_width;
	uint32_t images = m->input_values && !m->input_frames ? 1 : steps;

	if (m->input_values)
		positions *= m->input_planes; /* they are one behind the other */
	for (uint32_t t = 0; t < images; t++)
		for (uint64_t pos = 0; pos < positions; pos++)
			for (uint32_t c = 0; c < m->input_channels; c++) {
				uint64_t at = t * step_words + pos * per_position + c / 64;

				seed = seed * 1664525 + 1013904223; /* Numerical Recipes, 7.1 */
				if ((seed >> 8) % 100 < density)
					words[at] |= 1ull << c % 64;
			}
	for (uint32_t t = images; t < steps; t++)
		memcpy(words + t * step_words, words, step_words * sizeof(*words));
}

struct bed {
	const struct cli_session *session;
	struct snnq_stream *streams[MOST_STREAMS]; /* steps are the first one's */
	struct snnq_job *jobs[MOST_STREAMS];
	struct snnq_tensor_buf *window, *step; /* inputs; those of a step differ from job to job */
	size_t step_bytes;
	uint32_t steps;
};

/* Say why; what stands for a time then. */
static double failed(const struct bed *bed)
{
	cli_fail(CLI_DEVICE, "bench: %s", snnq_last_error(bed->session->device));
	return -1;
}

static int reset(const struct bed *bed, uint32_t count)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < count; i++)
		ret = snnq_stream_reset(bed->streams[i]);
	return ret;
}

/* Submit a job to each of the first streams, then wait for all; what was submitted is waited for. */
static int run_jobs(struct bed *bed, uint32_t count, struct snnq_tensor_buf *input, uint32_t steps)
{
	struct snnq_result result;
	uint32_t submitted = 0;
	int ret = 0;

	while (!ret && submitted < count) {
		ret = snnq_stream_submit(bed->streams[submitted], input, steps,
					 &bed->jobs[submitted]);
		submitted += !ret;
	}
	for (uint32_t i = 0; i < submitted; i++) {
		int waited = snnq_job_wait(bed->jobs[i], -1, &result);

		ret = ret ? ret : waited;
		snnq_job_free(bed->jobs[i]);
	}
	return ret;
}

/* From the submission to the last result; milliseconds, or negative with a message said. */
static double time_jobs(struct bed *bed, uint32_t count, struct snnq_tensor_buf *input,
			uint32_t steps)
{
	double start = now_ms();
	int ret = run_jobs(bed, count, input, steps);

	return ret ? failed(bed) : now_ms() - start;
}

/* On all streams at once. */
static double run_window(struct bed *bed)
{
	if (reset(bed, streams))
		return failed(bed);
	return time_jobs(bed, streams, bed->window, bed->steps);
}

/* The next step of a window. */
static double run_step(struct bed *bed, uint32_t t)
{
	const char *window = snnq_tensor_map(bed->window);

	if (t == 0 && reset(bed, 1))
		return failed(bed);
	memcpy(snnq_tensor_map(bed->step), window + t * bed->step_bytes, bed->step_bytes);
	snnq_tensor_sync_for_device(bed->step);
	return time_jobs(bed, 1, bed->step, 1);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool make_times(struct bench_times *times, uint64_t most)
{
	times->count = 0;
	times->ms = calloc(most, sizeof(*times->ms));
	return times->ms;
}

static bool add_time(struct bench_times *times, double ms)
{
	if (ms < 0)
		return false;
	times->ms[times->count++] = ms;
	return true;
}

static void sort_times(struct bench_times *times)
{
	qsort(times->ms, times->count, sizeof(*times->ms), by_size);
}

/* Synaptic operations of a stream's last job. */
static uint64_t synops(const struct bed *bed)
{
	struct snnq_layer_counters counters;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < bed->session->model_info.layers; i++)
		if (!snnq_stream_counters(bed->streams[0], i, &counters))
			sum += counters.synops;
	return sum;
}

static int measure(struct bed *bed, struct bench *b)
{
	if (!make_times(&b->windows, runs) || !make_times(&b->single, (uint64_t)runs * bed->steps))
		return cli_fail(CLI_FAILED, "no memory");
	b->first_ms = run_window(bed);
	if (b->first_ms < 0)
		return CLI_DEVICE;
	for (uint32_t i = 0; i < runs; i++) {
		cli_progress("windows", i, runs);
		if (!add_time(&b->windows, run_window(bed)))
			return CLI_DEVICE;
	}
	b->synops = synops(bed);
	for (uint32_t i = 0; i < runs; i++)
		for (uint32_t t = 0; t < bed->steps; t++) {
			cli_progress("steps", (size_t)i * bed->steps + t,
				     (size_t)runs * bed->steps);
			if (!add_time(&b->single, run_step(bed, t)))
				return CLI_DEVICE;
		}
	cli_progress("steps", 1, 1);
	sort_times(&b->windows);
	sort_times(&b->single);
	b->memory_mb = memory_mb();
	return CLI_OK;
}

static int prepare(struct bed *bed)
{
	const struct cli_session *s = bed->session;

	if (strcmp(s->model_info.arithmetic, "integer"))
		return cli_fail(CLI_FILE, "bench: expected an integer model, found a float one");
	for (uint32_t i = 0; i < streams; i++)
		if (snnq_stream_create(s->model,
				       SNNQ_OPTS(struct snnq_stream_opts, .profile = true),
				       &bed->streams[i]))
			return cli_fail(CLI_DEVICE, "stream: %s", snnq_last_error(s->device));
	if (density == NOT_SAID)
		density = s->model_info.input_values ? 50 : 5;
	bed->steps = s->model_info.steps;
	bed->step_bytes = snnq_stream_input_bytes(bed->streams[0]);
	if (snnq_tensor_alloc(s->device, bed->steps * bed->step_bytes, &bed->window) ||
	    snnq_tensor_alloc(s->device, bed->step_bytes, &bed->step))
		return cli_fail(CLI_DEVICE, "input: %s", snnq_last_error(s->device));
	fill_input(&s->model_info, snnq_tensor_map(bed->window), bed->step_bytes / 8, bed->steps);
	snnq_tensor_sync_for_device(bed->window);
	return CLI_OK;
}

static int bench_model(const struct cli_session *s, struct bench *b)
{
	struct bed bed = { .session = s };
	int code = prepare(&bed);

	if (!code) {
		b->steps = bed.steps;
		b->density = density / 100.;
		b->streams = streams;
		code = measure(&bed, b);
	}
	if (!code)
		code = bench_print(s, b, json);
	snnq_tensor_free(bed.step);
	snnq_tensor_free(bed.window);
	for (uint32_t i = 0; i < streams; i++)
		snnq_stream_destroy(bed.streams[i]);
	free(b->windows.ms);
	free(b->single.ms);
	return code;
}

/* With --threads the device is sim. */
static const char *device_name(char text[32])
{
	if (!threads)
		return device;
	snprintf(text, 32, "sim:threads=%u", threads);
	return text;
}

int verb_bench(int argc, char **argv)
{
	struct bench b = { .steps = 0 };
	struct cli_session s;
	char **positional, name[32];
	double start;
	int code;

	if (!cli_parse(&command, argc, argv, &positional, &code))
		return code;
	if (peak)
		return positional[0] ?
			       cli_fail(CLI_USAGE,
					"bench: expected no model with --peak, found \"%s\"",
					positional[0]) :
			       bench_print_speeds(json);
	if (!positional[0])
		return cli_fail(CLI_USAGE, "bench: expected a model, or --peak");
	if (threads && device && strcmp(device, "sim"))
		return cli_fail(CLI_USAGE, "--threads: expected --device sim, found \"%s\"",
				device);
	code = cli_session_open(&s, device_name(name), 1);
	if (code)
		return code;
	start = now_ms();
	code = cli_session_load(&s, positional[0], false);
	b.load_ms = now_ms() - start;
	if (!code)
		code = bench_model(&s, &b);
	cli_session_close(&s);
	return code;
}
