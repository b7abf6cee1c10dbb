// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_values.c - arrays of numbers as time steps: which bit each number becomes, in each
 * order of axes and layout; which shapes are samples; rounding at every tie; refusals; arrays in
 * memory; files that change while they are read; and that models take what they say.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "failing_alloc.h"
#include "models.h"
#include "run/values.h"

#define WIDTH	 3u
#define HEIGHT	 2u
#define CHANNELS 70u /* more than a word */
#define PLANES	 4u
#define STEPS	 3u
#define IMAGE	 (WIDTH * HEIGHT * CHANNELS)

static void must(int ret)
{
	if (ret < 0)
		fail_msg("%s (%d)", error_get(), ret);
}

static struct graph_input input(bool flat, bool last, bool frames)
{
	struct graph_input in = {
		.values = true,
		.width = WIDTH,
		.height = HEIGHT,
		.channels = CHANNELS,
		.planes = PLANES,
		.steps = STEPS,
		.flat = flat,
		.channels_last = last,
		.frames = frames,
		.downscale = 1,
		.shape = { .height = HEIGHT,
			   .width = WIDTH,
			   .channels = CHANNELS,
			   .format = SNNQ_FORMAT_UNSIGNED,
			   .planes = PLANES },
	};

	if (flat)
		in.shape = (struct graph_shape){ 1, 1, IMAGE, SNNQ_FORMAT_UNSIGNED, PLANES };
	return in;
}

static struct snnq_values *array(const char *type, const void *data, uint32_t dims,
				 const uint64_t *shape)
{
	struct snnq_values *v;

	must(snnq_values_from_array(type, data, dims, shape, &v));
	return v;
}

/* What the tensor of a step holds. */
static uint32_t element(const struct graph_input *in, const uint64_t *slot, uint32_t y, uint32_t x,
			uint32_t c)
{
	const struct graph_shape *s = &in->shape;
	uint32_t position = in->flat ? 0 : y * WIDTH + x, value = 0;
	uint32_t channel = in->flat ? (c * HEIGHT + y) * WIDTH + x : c;
	uint64_t words = (s->channels + 63) / 64, plane = words * s->height * s->width;

	for (uint32_t p = 0; p < PLANES; p++)
		value |= (uint32_t)(slot[p * plane + position * words + channel / 64] >>
					    channel % 64 &
				    1)
			 << p;
	return value;
}

static void expect_image(const struct graph_input *in, const uint64_t *slot, const uint8_t *image)
{
	for (uint32_t c = 0; c < CHANNELS; c++)
		for (uint32_t y = 0; y < HEIGHT; y++)
			for (uint32_t x = 0; x < WIDTH; x++)
				assert_int_equal(
					element(in, slot, y, x, c),
					image[in->channels_last ? (y * WIDTH + x) * CHANNELS + c :
								  (c * HEIGHT + y) * WIDTH + x]);
}

static uint64_t slot_words(const struct graph_input *in)
{
	return (uint64_t)in->shape.height * in->shape.width * PLANES *
	       ((in->shape.channels + 63) / 64);
}

/* Each number in its place, whatever was there before; two samples. */
static void test_places(void **state)
{
	static uint8_t numbers[2 * STEPS * IMAGE];
	static uint64_t slots[STEPS * 6 * PLANES * 8];
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers); i++)
		numbers[i] = (uint8_t)(random32(&seed) % 16);
	for (int kind = 0; kind < 8; kind++) {
		struct graph_input in = input(kind & 1, kind & 2, kind & 4);
		uint32_t images = in.frames ? STEPS : 1, c = CHANNELS;
		uint64_t chw[] = { 2, images, c, HEIGHT, WIDTH };
		uint64_t hwc[] = { 2, images, HEIGHT, WIDTH, c };
		struct snnq_values *v = array("|u1", numbers, 5, in.channels_last ? hwc : chw);
		uint64_t clamped = 9, words = slot_words(&in);

		assert_true(STEPS * words <= sizeof(slots) / sizeof(*slots));
		if (!in.frames) {
			/* an axis of 1 too many in front of the samples' */
			assert_int_equal(values_samples(&in, v), -EBADMSG);
			snnq_values_close(v);
			chw[1] = hwc[1] = 2;
			v = array("|u1", numbers, 4, (in.channels_last ? hwc : chw) + 1);
		}
		assert_int_equal(values_samples(&in, v), 2);
		for (uint32_t sample = 0; sample < 2; sample++) {
			memset(slots, 0xa5, sizeof(slots));
			assert_int_equal(values_fill(&in, v, sample, slots, &clamped), 1);
			assert_int_equal(clamped, 0);
			for (uint32_t t = 0; t < STEPS; t++)
				expect_image(&in, slots + t * words,
					     numbers + (sample * images + (in.frames ? t : 0)) *
							       IMAGE);
			assert_int_equal(slots[STEPS * words], 0xa5a5a5a5a5a5a5a5);
		}
		assert_int_equal(values_fill(&in, v, 2, slots, &clamped), 0);
		assert_int_equal(values_fill(&in, v, UINT64_MAX, slots, &clamped), 0);
		snnq_values_close(v);
	}
}

/* One pixel. */
static struct graph_input pixel(double scale, uint32_t zero)
{
	return (struct graph_input){
		.values = true,
		.width = 1,
		.height = 1,
		.channels = 1,
		.planes = PLANES,
		.steps = 1,
		.downscale = 1,
		.scale = scale,
		.zero = zero,
		.shape = { 1, 1, 1, SNNQ_FORMAT_UNSIGNED, PLANES },
	};
}

/* What a number becomes; -1: it is refused. */
static int level(const struct graph_input *in, double x, uint64_t *clamped)
{
	struct snnq_values *v = array("<f8", &x, 0, NULL);
	uint64_t slot[PLANES];
	int ret = values_fill(in, v, 0, slot, clamped), value = 0;

	snnq_values_close(v);
	for (uint32_t p = 0; p < PLANES; p++)
		value |= (int)slot[p] << p;
	return ret == 1 ? value : -1;
}

static void test_rounding(void **state)
{
	static const struct {
		double scale, x;
		uint32_t zero;
		int level, clamped;
	} cases[] = {
		{ 0, 0, 0, 0, 0 },	     { 0, 15, 0, 15, 0 },
		{ 0, 16, 0, -1, 0 },	     { 0, -1, 0, -1, 0 },
		{ 0, 0.5, 0, -1, 0 },	     { 0, -0.0, 0, 0, 0 },
		{ 1, 0.5, 0, 0, 0 },	     { 1, 1.5, 0, 2, 0 },
		{ 1, 2.5, 0, 2, 0 },	     { 1, 2.5000000000000004, 0, 3, 0 },
		{ 1, 14.5, 0, 14, 0 },	     { 1, 15.5, 0, 15, 1 },
		{ 1, -0.5, 0, 0, 0 },	     { 1, -0.6, 0, 0, 1 },
		{ 1, -1.5, 3, 1, 0 }, /* rounded before the zero is added */
		{ 1, -0.5, 3, 3, 0 },	     { 0.25, 0.375, 0, 2, 0 },
		{ 0.1, 0.3, 0, 3, 0 },	     { 1e-300, 1e300, 0, 15, 1 }, /* an infinite quotient */
		{ 1e-300, -1e300, 9, 0, 1 }, { 1e300, 1e-300, 9, 9, 0 },
		{ 1, NAN, 0, -1, 0 },	     { 1, INFINITY, 0, -1, 0 },
		{ 0, NAN, 0, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct graph_input in = pixel(cases[i].scale, cases[i].zero);
		uint64_t clamped;

		if (level(&in, cases[i].x, &clamped) != cases[i].level)
			fail_msg("case %zu: %s", i, error_get());
		if (cases[i].level >= 0)
			assert_int_equal(clamped, cases[i].clamped);
	}
}

static void test_arrays(void **state)
{
	static const int16_t numbers[] = { 1, -2, 300, 4, 5, 6 };
	const uint64_t shape[] = { 2, 3 }, empty[] = { 2, 0 }, huge[] = { 1u << 31, 1u << 31 };
	struct snnq_values *v = array("<i2", numbers, 2, shape);
	struct snnq_values_info info;
	double out[6];

	(void)state;
	must(snnq_values_info(v, &info));
	assert_string_equal(info.type, "<i2");
	assert_int_equal(info.dims, 2);
	assert_int_equal(info.shape[1], 3);
	assert_int_equal(info.count, 6);
	assert_int_equal(snnq_values_read(v, 1, 6, out), 5);
	assert_true(out[0] == -2 && out[1] == 300 && out[4] == 6);
	assert_int_equal(snnq_values_read(v, 6, 1, out), 0);
	assert_int_equal(snnq_values_read(v, UINT64_MAX, 1, out), 0);
	snnq_values_close(v);
	snnq_values_close(NULL);
	assert_int_equal(snnq_values_from_array(">i2", numbers, 2, shape, &v), -EINVAL);
	assert_int_equal(snnq_values_from_array("<i2", numbers, 7, shape, &v), -EINVAL);
	assert_int_equal(snnq_values_from_array("<i2", numbers, 2, empty, &v), -EINVAL);
	assert_int_equal(snnq_values_from_array("<i2", numbers, 2, huge, &v), -EINVAL);
	assert_int_equal(snnq_values_from_array("<i2", NULL, 2, shape, &v), -EINVAL);
	assert_int_equal(snnq_values_from_array("<i2", numbers, 2, NULL, &v), -EINVAL);
}

/* A file of @count bytes in a row. */
static const char *file_of(const char *shape, size_t count)
{
	static uint8_t bytes[128 + 4096];
	int n = snprintf((char *)bytes + 10, 118,
			 "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }", shape);

	memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
	memset(bytes + 10 + n, ' ', (size_t)(117 - n));
	bytes[127] = '\n';
	for (size_t i = 0; i < count; i++)
		bytes[128 + i] = (uint8_t)(i % 16);
	return memory_file(bytes, 128 + count);
}

/* A file that gets shorter is no reason to read what is not there. */
static void test_files(void **state)
{
	struct graph_input in = pixel(0, 0);
	uint64_t slot[PLANES], clamped;
	struct snnq_values *v;
	const char *path;

	(void)state;
	must(snnq_values_open(file_of("(40, 1)", 40), &v));
	assert_int_equal(values_samples(&in, v), 40);
	assert_int_equal(values_fill(&in, v, 39, slot, &clamped), 1);
	assert_int_equal(slot[0] | slot[1] << 1 | slot[2] << 2 | slot[3] << 3, 39 % 16);
	path = memory_file("", 0);
	assert_int_equal(values_fill(&in, v, 3, slot, &clamped), -EBADMSG);
	assert_string_equal(error_of(path),
			    "offset 131: expected 1 bytes, found the end of the file");
	snnq_values_close(v);
	path = file_of("(40, 1)", 39);
	assert_int_equal(snnq_values_open(path, &v), -EBADMSG);
	assert_string_equal(error_of(path), "offset 128: expected 40 elements of 1 bytes, found 39 "
					    "bytes");
	path = file_of("(40, -1)", 40);
	assert_int_equal(snnq_values_open(path, &v), -EBADMSG);
	assert_string_equal(error_of(path),
			    "offset 65: header: expected shape: at most 6 axes, none of "
			    "0, and 2^40 elements, found \"-1), }\"");
	path = memory_file("text, no array", 14);
	assert_int_equal(snnq_values_open(path, &v), -EBADMSG);
	assert_string_equal(error_of(path), "offset 0: expected a .npy header, found \"text, no\"");
	assert_int_equal(snnq_values_open("/nonexistent", &v), -ENOENT);
	assert_int_equal(snnq_values_open(NULL, &v), -EINVAL);
}

/* ---- models ---- */

static const char *values_model(void)
{
	struct modelfile *file = network_model();

	edit(file, "input",
	     "{\"kind\": \"values\", \"width\": 4, \"height\": 4, \"channels\": 2, "
	     "\"planes\": 1, \"steps\": 8}");
	return model_write(file);
}

static void got_result(void *ctx, const struct snnq_result *result)
{
	(void)ctx;
	(void)result;
}

static void test_models(void **state)
{
	const struct snnq_feed_opts feed_opts = { .size = sizeof(feed_opts), .result = got_result };
	const uint64_t shape[] = { 3, 2, 4, 4 };
	struct snnq_event event = { .t = 1 };
	struct snnq_model *models[2];
	struct snnq_stream *streams[2];
	struct snnq_model_info info;
	struct snnq_events *events;
	struct snnq_device *dev;
	struct snnq_values *v;
	struct snnq_result r;
	struct snnq_feed *feed;
	uint8_t ones[96];

	(void)state;
	memset(ones, 1, sizeof(ones));
	must(snnq_open("sim", NULL, &dev));
	must(snnq_model_load(dev, model_write(network_model()), NULL, &models[0]));
	must(snnq_model_load(dev, values_model(), NULL, &models[1]));
	v = array("|u1", ones, 4, shape);
	must(snnq_events_from_array(&event, 1, &events));
	for (int i = 0; i < 2; i++) {
		must(snnq_stream_create(models[i], NULL, &streams[i]));
		must(snnq_model_info(models[i], &info));
		assert_int_equal(info.input_values, i);
		assert_int_equal(info.input_polarities, i ? 0 : 2);
		assert_int_equal(snnq_values_samples(v, models[i]), i ? 3 : -EINVAL);
		assert_int_equal(snnq_stream_push_values(streams[i], v, 2, &r), i ? 1 : -EINVAL);
		assert_int_equal(snnq_stream_push_events(streams[i], events, &r), i ? -EINVAL : 1);
	}
	assert_string_equal(snnq_last_error(NULL),
			    "the model takes values, as arrays (.npy) have them, found events");
	assert_int_equal(snnq_stream_push_values(streams[1], v, 3, &r), 0);
	assert_int_equal(snnq_feed_create(streams[1], &feed_opts, &feed), -EINVAL);
	must(snnq_stream_push_values(streams[1], v, 0, &r));
	assert_int_equal(r.steps, 8);
	assert_int_equal(r.clamped_values, 0);
	for (int i = 0; i < 2; i++) {
		snnq_stream_destroy(streams[i]);
		snnq_model_destroy(models[i]);
	}
	snnq_events_close(events);
	snnq_values_close(v);
	snnq_close(dev);
}

/* Without memory: of a file and of an array, and a sample of each. */
static int without_memory(void *ctx)
{
	const uint64_t shape[] = { 4, 1 };
	struct graph_input in = pixel(0, 0);
	uint64_t slot[PLANES], clamped;
	struct snnq_values *v;
	int ret = ctx ? snnq_values_open(ctx, &v) :
			snnq_values_from_array("|u1", "\1\2\3\4", 2, shape, &v);

	if (ret)
		return ret;
	ret = values_fill(&in, v, 2, slot, &clamped);
	snnq_values_close(v);
	return ret < 0 ? ret : 0;
}

static void test_memory(void **state)
{
	(void)state;
	with_each_allocation_failing(without_memory, NULL, error_get);
	with_each_allocation_failing(without_memory, (void *)(uintptr_t)file_of("(4, 1)", 4),
				     error_get);
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
		cmocka_unit_test(test_places), cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_arrays), cmocka_unit_test(test_files),
		cmocka_unit_test(test_models), cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
