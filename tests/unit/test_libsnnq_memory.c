// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_memory.c - without memory: each call of the library fails by saying so, gives back
 * what it took, and leaves devices, models, streams and files as they were. And how much memory
 * models may have.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "model/compact.h"
#include "base/error.h"
#include "base/output.h"
#include "failing_alloc.h"
#include "fake_kernel.h"
#include "floats.h"
#include "models.h"
#include "snnq_tools.h"

#define CORPUS "tests/fuzz/corpus-events/"

static void must(int ret)
{
	if (ret < 0)
		fail_msg("%s (%d)", error_get(), ret);
}

static void each(int (*attempt)(void *ctx), void *ctx)
{
	error_set(0, "nothing was said");
	with_each_allocation_failing(attempt, ctx, error_get);
}

static uint8_t *contents(const char *path, size_t *bytes)
{
	FILE *f = fopen(path, "rb");
	uint8_t *all = malloc(1 << 16);

	assert_non_null(f);
	assert_non_null(all);
	*bytes = fread(all, 1, 1 << 16, f);
	fclose(f);
	return all;
}

static void contents_write(const char *path, const void *bytes, size_t count)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, count, f), count);
	assert_int_equal(fclose(f), 0);
}

/* ---- devices, models, streams ---- */

static int open_device(void *ctx)
{
	struct snnq_device *dev;
	int ret = snnq_open(ctx, NULL, &dev);

	if (!ret)
		snnq_close(dev);
	return ret;
}

static void test_open(void **state)
{
	(void)state;
	each(open_device, (void *)(uintptr_t) "sim");
	each(open_device, (void *)(uintptr_t) "sim:cores=3");
}

struct setup {
	struct snnq_device *dev;
	const char *path;
	bool taps;
	struct snnq_model *model;
	struct snnq_stream *stream;
	struct snnq_tensor_buf *input;
	uint64_t steps; /* submitted */
	bool known;	/* what the scores must be */
	double scores[2];
};

static int load(void *ctx)
{
	struct setup *s = ctx;
	struct snnq_model *model;
	struct snnq_model_info info;
	int ret = snnq_model_load(s->dev, s->path,
				  SNNQ_OPTS(struct snnq_model_opts, .taps = s->taps), &model);

	if (ret)
		return ret;
	must(snnq_model_info(model, &info));
	assert_true(info.layers == 8 || info.layers == 3);
	snnq_model_destroy(model);
	return 0;
}

/* The same model in its short form. */
static const char *compact_write(void)
{
	struct modelfile *file = network_model();

	must(compact_model("net", file));
	return model_write(file);
}

static void test_load(void **state)
{
	struct setup s = { 0 };

	(void)state;
	must(snnq_open("sim:cores=2", NULL, &s.dev));
	for (int i = 0; i < 6; i++) {
		s.taps = i % 2;
		s.path = i < 2 ? model_write(network_model()) :
			 i < 4 ? compact_write() :
				 small_float_write();
		each(load, &s);
	}
	snnq_close(s.dev);
}

static void setup_model(struct setup *s, const char *device, const char *path, bool taps)
{
	*s = (struct setup){ .path = path, .taps = taps };
	must(snnq_open(device, NULL, &s->dev));
	must(snnq_model_load(s->dev, s->path, SNNQ_OPTS(struct snnq_model_opts, .taps = taps),
			     &s->model));
}

static void setup_free(struct setup *s)
{
	snnq_model_destroy(s->model);
	snnq_close(s->dev);
}

static const struct snnq_stream_opts with_profile = {
	.size = sizeof(with_profile),
	.priority = SNNQ_PRIO_NORMAL,
	.profile = true,
};

static int create_stream(void *ctx)
{
	struct setup *s = ctx;
	struct snnq_stream *stream;
	int ret = snnq_stream_create(s->model, &with_profile, &stream);

	if (!ret)
		snnq_stream_destroy(stream);
	return ret;
}

/* A recording out of order, made, sorted and run; the stream stays, and is none the worse. */
static int push(void *ctx)
{
	struct setup *s = ctx;
	struct snnq_event list[60];
	struct snnq_events *events = NULL;
	struct snnq_result r;
	int ret;

	for (int i = 0; i < 60; i++)
		list[i] = (struct snnq_event){
			.t = 130 * i % 7919, .x = i % 4, .y = i / 4 % 4, .p = i % 3 == 0
		};
	ret = snnq_events_from_array(list, 60, &events);
	if (!ret)
		ret = snnq_stream_push_events(s->stream, events, &r);
	if (ret > 0 && s->known)
		assert_memory_equal(r.real_scores, s->scores, sizeof(s->scores));
	if (ret > 0)
		memcpy(s->scores, r.real_scores, sizeof(s->scores));
	snnq_events_close(events);
	return ret < 0 ? ret : 0;
}

/* One step more; the state goes on from the last job that was taken, not from one that was not. */
static int submit(void *ctx)
{
	struct setup *s = ctx;
	struct snnq_result r;
	struct snnq_job *job;
	int ret = snnq_stream_submit(s->stream, s->input, 1, &job);

	if (ret)
		return ret;
	s->steps++;
	ret = snnq_job_wait(job, -1, &r);
	if (!ret)
		assert_int_equal(r.steps, s->steps);
	snnq_job_free(job);
	return ret;
}

static void nothing(void *ctx, const struct snnq_result *r)
{
	(void)ctx;
	(void)r;
}

/* A feed of two windows; the stream stays, and is none the worse. */
static int feed(void *ctx)
{
	static const struct snnq_event list[] = { { .t = 1 }, { .t = 1 << 20, .x = 1 } };
	struct setup *s = ctx;
	struct snnq_feed *feed;
	int ret = snnq_feed_create(s->stream, SNNQ_OPTS(struct snnq_feed_opts, .result = nothing),
				   &feed);

	if (ret)
		return ret;
	ret = snnq_feed_push(feed, list, 2);
	if (!ret)
		ret = snnq_feed_finish(feed);
	snnq_feed_destroy(feed);
	return ret;
}

static void try_streams(const char *device, const char *path, bool taps)
{
	struct setup s;

	setup_model(&s, device, path, taps);
	each(create_stream, &s);
	must(snnq_stream_create(s.model, &with_profile, &s.stream));
	must(push(&s));
	s.known = true;
	each(push, &s);
	each(feed, &s);
	must(push(&s));
	snnq_stream_destroy(s.stream);
	setup_free(&s);
}

static void try_jobs(const char *device, const char *path)
{
	struct setup s;

	setup_model(&s, device, path, false);
	must(snnq_stream_create(s.model, &with_profile, &s.stream));
	must(snnq_tensor_alloc(s.dev, snnq_stream_input_bytes(s.stream), &s.input));
	each(submit, &s);
	assert_true(s.steps > 1);
	snnq_tensor_free(s.input);
	snnq_stream_destroy(s.stream);
	setup_free(&s);
}

static void test_streams(void **state)
{
	(void)state;
	try_streams("sim", model_write(network_model()), false);
	try_streams("sim", model_write(network_model()), true);
	try_streams("sim", small_float_write(), false);
	try_streams("sim", small_float_write(), true);
}

static void test_jobs(void **state)
{
	(void)state;
	try_jobs("sim", model_write(network_model()));
}

/* A device instead: whatever was made in the kernel is unmade there. */
static void test_drm(void **state)
{
	struct setup s = { .path = model_write(network_model()) };

	(void)state;
	fake_start();
	each(open_device, fake.path);
	must(snnq_open(fake.path, NULL, &s.dev));
	each(load, &s);
	snnq_close(s.dev);
	try_streams(fake.path, s.path, false);
	try_jobs(fake.path, s.path);
	fake_expect_nothing_alive();
	fake_stop();
}

/* ---- recordings ---- */

static int open_events(void *ctx)
{
	const struct snnq_event *data;
	struct snnq_events *events;
	int ret = snnq_events_open(ctx, NULL, &events);

	if (ret)
		return ret;
	assert_true(snnq_events_data(events, &data) > 0);
	snnq_events_close(events);
	return 0;
}

static int read_events(void *ctx)
{
	int fd = open(ctx, O_RDONLY);
	const struct snnq_event *data;
	struct snnq_reader *reader;
	int64_t n = snnq_reader_open(fd, "file", NULL, &reader);

	assert_true(fd >= 0);
	if (!n) {
		while ((n = snnq_reader_next(reader, &data)) > 0)
			;
		snnq_reader_close(reader);
	}
	close(fd);
	return (int)n;
}

/* A recording in each format that is written; a failure leaves no file. */
static int write_events(void *ctx)
{
	static const char *const kinds[][2] = {
		{ "evt3", NULL }, { "aedat4", "none" }, { "aedat4", "lz4" }, { "aedat4", "zstd" }
	};
	struct snnq_writer *writer;
	int ret = 0;

	for (size_t k = 0; !ret && k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		ret = snnq_writer_open(ctx,
				       SNNQ_OPTS(struct snnq_writer_opts, .format = kinds[k][0],
						 .compression = kinds[k][1], .width = 9,
						 .height = 9),
				       &writer);
		if (ret)
			break;
		for (int64_t i = 0; !ret && i < 300; i++) {
			const struct snnq_event e = { .t = i * 20000, .x = 3, .y = 8, .p = 1 };

			ret = snnq_writer_put(writer, &e, 1);
		}
		if (ret)
			snnq_writer_close(writer, false);
		else
			ret = snnq_writer_close(writer, true);
		assert_int_equal(access(ctx, F_OK), ret ? -1 : 0);
		unlink(ctx);
	}
	return ret;
}

static void test_write_events(void **state)
{
	(void)state;
	each(write_events, (void *)(uintptr_t)temporary_path());
}

static void test_events(void **state)
{
	static const char *const seeds[] = { "aedat4-plain", "aedat4-lz4", "aedat4-zstd",
					     "npy-fields",   "npz-stored", "npz-deflated" };
	char path[96];

	(void)state;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		const char *copy = temporary_path();
		size_t bytes;
		uint8_t *all;

		snprintf(path, sizeof(path), CORPUS "%s", seeds[i]);
		all = contents(path, &bytes);
		/* its first byte is not the recording's: tests/fuzz/fuzz_events.c */
		contents_write(copy, all + 1, bytes - 1);
		free(all);
		each(open_events, (void *)(uintptr_t)copy);
		each(read_events, (void *)(uintptr_t)copy);
	}
}

/* ---- files ---- */

static int describe(void *ctx)
{
	char *json;
	int ret = snnq_describe(ctx, &json);

	free(json);
	return ret;
}

static void test_describe(void **state)
{
	(void)state;
	each(describe, (void *)(uintptr_t)model_write(network_model()));
}

/* Read, shorten, write over itself: the file is the old one or the whole new one. */
struct rewrite {
	const char *path;
	uint8_t *before, *after;
	size_t before_bytes, after_bytes;
};

static int rewrite_file(void *ctx)
{
	struct rewrite *w = ctx;
	struct modelfile *file;
	int ret = modelfile_open(w->path, &file);

	if (ret)
		return ret;
	ret = compact_model(w->path, file);
	if (!ret)
		ret = modelfile_write(file, w->path);
	modelfile_free(file);
	return ret;
}

static void restore(const struct rewrite *w)
{
	contents_write(w->path, w->before, w->before_bytes);
}

static int rewrite(void *ctx)
{
	struct rewrite *w = ctx;
	int ret = rewrite_file(w);
	size_t bytes;
	uint8_t *now;

	failing_alloc_pause(true);
	now = contents(w->path, &bytes);
	failing_alloc_pause(false);
	assert_int_equal(bytes, ret ? w->before_bytes : w->after_bytes);
	assert_memory_equal(now, ret ? w->before : w->after, bytes);
	free(now);
	restore(w);
	return ret;
}

static void test_rewrite(void **state)
{
	struct rewrite w = { .path = model_write(network_model()) };

	(void)state;
	w.before = contents(w.path, &w.before_bytes);
	must(rewrite_file(&w));
	w.after = contents(w.path, &w.after_bytes);
	assert_int_not_equal(w.before_bytes, w.after_bytes);
	restore(&w);
	each(rewrite, &w);
	free(w.before);
	free(w.after);
}

/* That an output is read, too, is found or cannot be told; it is never missed. */
static int check_output(void *ctx)
{
	const char *const outputs[] = { ctx }, *const inputs[] = { "README.md", ctx };
	int ret = output_check(outputs, 1, inputs, 2);

	assert_int_not_equal(ret, 0);
	return ret == -EINVAL ? 0 : ret;
}

static void test_check_output(void **state)
{
	(void)state;
	with_each_allocation_failing(check_output, (void *)(uintptr_t)model_write(network_model()),
				     output_problem);
}

/* ---- imports ---- */

/* A .npy file of int8 weights [rows][columns]. */
static void npy_write(const char *path, int rows, int columns)
{
	char header[118];
	FILE *f;

	snprintf(header, sizeof(header),
		 "{'descr': '|i1', 'fortran_order': False, 'shape': (%d, %d), }", rows, columns);
	memset(header + strlen(header), ' ', sizeof(header) - strlen(header));
	header[117] = '\n';
	f = fopen(path, "wb");
	assert_non_null(f);
	fwrite("\x93NUMPY\1\0\x76\0", 1, 10, f);
	fwrite(header, 1, sizeof(header), f);
	for (int i = 0; i < rows * columns; i++)
		fputc((i * 5 % 15 - 7) & 255, f);
	assert_int_equal(fclose(f), 0);
}

struct import {
	char folder[64], yaml[96], weights[2][96];
	const char *out;
};

static int import(void *ctx)
{
	struct import *m = ctx;

	return snnq_import(m->folder, m->out, NULL);
}

static void test_import(void **state)
{
	struct import m = { .out = temporary_path() };
	struct modelfile *file;
	FILE *f;

	(void)state;
	snprintf(m.folder, sizeof(m.folder), "%s", temporary_path());
	assert_int_equal(mkdir(m.folder, 0700), 0);
	snprintf(m.yaml, sizeof(m.yaml), "%s/network.yaml", m.folder);
	f = fopen(m.yaml, "w");
	assert_non_null(f);
	fputs("simulation: {Ts: 1.0, tSample: 20}\n"
	      "neuron: {type: LOIHI, vThMant: 80, vDecay: 128, iDecay: 1024, refDelay: 1,"
	      " wgtExp: 0}\n",
	      f);
	assert_int_equal(fclose(f), 0);
	for (int i = 0; i < 2; i++) {
		snprintf(m.weights[i], sizeof(m.weights[0]), "%s/fc%d.npy", m.folder, i + 1);
		npy_write(m.weights[i], 3 - i, i ? 3 : 8);
	}
	each(import, &m);
	must(modelfile_open(m.out, &file));
	modelfile_free(file);
	for (int i = 0; i < 2; i++)
		unlink(m.weights[i]);
	unlink(m.yaml);
	rmdir(m.folder);
}

/* cJSON allocates as we do, while this test runs. */
static int setup_json(void **state)
{
	cJSON_Hooks hooks = { malloc, free };

	(void)state;
	cJSON_InitHooks(&hooks);
	return 0;
}

static int cleanup(void **state)
{
	(void)state;
	models_cleanup();
	return 0;
}

/* ---- limits ---- */

/* The least memory that is enough for one model on so many cores. */
static uint64_t least_memory(const struct dense *dense, uint32_t cores)
{
	struct snnq_open_opts opts = { .size = sizeof(opts), .cores = cores };
	uint64_t low = 0, high = 1 << 24;
	struct snnq_model *model;
	struct snnq_device *dev;

	while (low + 1 < high) {
		opts.memory = (low + high) / 2;
		must(snnq_open("sim", &opts, &dev));
		if (snnq_model_load(dev, dense_write(dense), NULL, &model)) {
			low = opts.memory;
		} else {
			high = opts.memory;
			snnq_model_destroy(model);
		}
		snnq_close(dev);
	}
	assert_in_range(high, 1 << 12, (1 << 24) - 1);
	return high;
}

/* Models on sim share one limit, and give back what they took. */
static void test_memory_limit(void **state)
{
	struct dense *dense = dense_random(32, 10, 4, 3);
	struct snnq_open_opts opts = { .size = sizeof(opts), .cores = 2 };
	struct snnq_model *first, *second;
	struct snnq_device *dev;

	(void)state;
	opts.memory = 2 * least_memory(dense, 2) - 1;
	must(snnq_open("sim", &opts, &dev));
	must(snnq_model_load(dev, dense_write(dense), NULL, &first));
	assert_int_equal(snnq_model_load(dev, dense_write(dense), NULL, &second), -EFBIG);
	assert_non_null(strstr(snnq_last_error(dev), "model on sim: "));
	assert_non_null(strstr(snnq_last_error(dev), " bytes for its weights and 2 cores with "));
	snnq_model_destroy(first);
	must(snnq_model_load(dev, dense_write(dense), NULL, &first));
	snnq_model_destroy(first);
	snnq_close(dev);
	dense_free(dense);
}

/* Cores of sim share a model's weights: only the first one's memory has them. */
static void test_shared_weights(void **state)
{
	struct dense *dense = dense_random(512, 512, 4, 3);
	uint64_t one = least_memory(dense, 1), two = least_memory(dense, 2);
	uint64_t each = two - one;

	(void)state;
	assert_true(one - each > 512 * 512);
	assert_true(each < 512 * 512);
	assert_int_equal(least_memory(dense, 8), one + 7 * each);
	dense_free(dense);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_drm),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_write_events),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_check_output),
		cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_memory_limit),
		cmocka_unit_test(test_shared_weights),
	};

	return cmocka_run_group_tests(tests, setup_json, cleanup);
}
