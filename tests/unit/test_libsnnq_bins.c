// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_bins.c - when and where an event counts: rounding at every tie,
 * windows, drops, polarity, layouts, sensors. A slip here costs accuracy silently.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/bins.h"

#define STEPS 4

/* One pixel, one polarity: which step got something. */
static struct graph_input one_pixel(void)
{
	return (struct graph_input){
		.width = 1,
		.height = 1,
		.polarities = 1,
		.planes = 1,
		.steps = STEPS,
		.step_us = 1000,
		.downscale = 1,
		.shape = { .height = 1,
			   .width = 1,
			   .channels = 1,
			   .format = SNNQ_FORMAT_UNSIGNED,
			   .planes = 1 },
	};
}

static struct snnq_events *events_of(const struct snnq_event *e, size_t count)
{
	struct snnq_events *events;

	assert_int_equal(snnq_events_from_array(e, count, &events), 0);
	return events;
}

/*
 * The step in which an event at @t lands, or -1 when it is not in the first window.
 * That one begins at 0: another pixel has an event there.
 */
static int step_at(const struct graph_input *one, int64_t t)
{
	struct snnq_event e[2] = { { .t = 0 }, { .t = t, .x = 1 } };
	struct snnq_events *events = events_of(e, 2);
	struct graph_input in = *one;
	uint64_t slots[2 * STEPS], dropped;
	int step = -1;

	in.width = in.shape.width = 2;
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_int_equal(slots[0], 1);
	for (int i = 0; i < STEPS; i++)
		if (slots[2 * i + 1]) {
			assert_int_equal(step, -1);
			step = i;
		}
	assert_int_equal(dropped, step < 0 && t < 0);
	snnq_events_close(events);
	return step;
}

static void test_floor(void **state)
{
	struct graph_input in = one_pixel();

	(void)state;
	assert_int_equal(step_at(&in, -1), -1);
	assert_int_equal(step_at(&in, 0), 0);
	assert_int_equal(step_at(&in, 999), 0);
	assert_int_equal(step_at(&in, 1000), 1);
	assert_int_equal(step_at(&in, 3999), 3);
	assert_int_equal(step_at(&in, 4000), -1);
}

/* Ties go to the even step, below zero too. */
static void test_half_even(void **state)
{
	struct graph_input in = one_pixel();

	(void)state;
	in.half_even = true;
	assert_int_equal(step_at(&in, -501), -1);
	assert_int_equal(step_at(&in, -500), 0);
	assert_int_equal(step_at(&in, 499), 0);
	assert_int_equal(step_at(&in, 500), 0);
	assert_int_equal(step_at(&in, 501), 1);
	assert_int_equal(step_at(&in, 1499), 1);
	assert_int_equal(step_at(&in, 1500), 2);
	assert_int_equal(step_at(&in, 2500), 2);
	assert_int_equal(step_at(&in, 2501), 3);
	assert_int_equal(step_at(&in, 3499), 3);
	assert_int_equal(step_at(&in, 3500), -1);
}

/* With an odd step nothing ties; half of 5 lies between 2 and 3. */
static void test_half_even_odd_step(void **state)
{
	struct graph_input in = one_pixel();

	(void)state;
	in.half_even = true;
	in.step_us = 5;
	assert_int_equal(step_at(&in, 2), 0);
	assert_int_equal(step_at(&in, 3), 1);
	assert_int_equal(step_at(&in, 7), 1);
	assert_int_equal(step_at(&in, 8), 2);
}

static void test_extreme_times(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_event e[2] = { { .t = INT64_MIN }, { .t = INT64_MAX } };
	struct snnq_events *events;
	uint64_t slots[STEPS], dropped;

	(void)state;
	assert_int_equal(step_at(&in, INT64_MIN), -1);
	assert_int_equal(step_at(&in, INT64_MAX), -1);
	in.from_first = true;
	events = events_of(e, 2);
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_int_equal(slots[0], 1);
	snnq_events_close(events);
}

static void test_origin_first(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_event e[3] = { { .t = 123456 }, { .t = 124455 }, { .t = 126456 } };
	struct snnq_events *events = events_of(e, 3);
	uint64_t slots[STEPS], dropped;

	(void)state;
	in.from_first = true;
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_memory_equal(slots, ((uint64_t[]){ 1, 0, 0, 1 }), sizeof(slots));
	assert_int_equal(dropped, 0);
	snnq_events_close(events);
}

/* One window after the other, each event in exactly one of them. */
static void test_windows(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_event e[5] = {
		{ .t = 0 }, { .t = 3999 }, { .t = 4000 }, { .t = 6500 }, { .t = 8000 }
	};
	static const uint64_t want[3][STEPS] = { { 1, 0, 0, 1 }, { 1, 0, 1, 0 }, { 1, 0, 0, 0 } };
	struct snnq_events *events = events_of(e, 5);
	uint64_t slots[STEPS], dropped;

	(void)state;
	for (int w = 0; w < 3; w++) {
		assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
		assert_memory_equal(slots, want[w], sizeof(slots));
		assert_int_equal(dropped, 0);
	}
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 0);
	snnq_events_close(events);
}

/* Times decide, not the order in the file; each event counts once. */
static void test_out_of_order(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_event e[5] = {
		{ .t = 9000 }, { .t = 4100 }, { .t = 0 }, { .t = 3900 }, { .t = -5 }
	};
	static const uint64_t want[3][STEPS] = { { 1, 0, 0, 1 }, { 1, 0, 0, 0 }, { 0, 1, 0, 0 } };
	struct snnq_events *events = events_of(e, 5);
	const struct snnq_event *data;
	uint64_t slots[STEPS], dropped;

	(void)state;
	for (int w = 0; w < 3; w++) {
		assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
		assert_memory_equal(slots, want[w], sizeof(slots));
		assert_int_equal(dropped, w == 0);
	}
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 0);
	assert_int_equal(snnq_events_data(events, &data), 5);
	assert_int_equal(data[0].t, 9000);
	snnq_events_close(events);
}

/* Clocks that start anywhere, and pauses, do not make windows without events. */
static void test_empty_windows_are_skipped(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_event e[2] = { { .t = 1600000000001000 }, { .t = 1600000900003000 } };
	struct snnq_events *events = events_of(e, 2);
	uint64_t slots[STEPS], dropped;

	(void)state;
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_memory_equal(slots, ((uint64_t[]){ 0, 1, 0, 0 }), sizeof(slots));
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_memory_equal(slots, ((uint64_t[]){ 0, 0, 0, 1 }), sizeof(slots));
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 0);
	snnq_events_close(events);
}

/* Nothing but events before the start: no window. */
static void test_all_before_the_start(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_events *events = events_of(&(struct snnq_event){ .t = -1 }, 1);
	uint64_t slots[STEPS], dropped;

	(void)state;
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 0);
	assert_int_equal(dropped, 1);
	snnq_events_close(events);
}

static void test_by_count(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_event e[11] = { { .t = 0 } };
	struct snnq_events *events = events_of(e, 11);
	uint64_t slots[9], dropped;

	(void)state;
	in.by_count = true;
	in.steps = 3;
	in.planes = in.shape.planes = 3;
	/* 11 events in 3 steps: 3, 3, and the last takes 5 */
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_memory_equal(slots, ((uint64_t[]){ 1, 1, 0, 1, 1, 0, 1, 0, 1 }), sizeof(slots));
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 0);
	snnq_events_close(events);
}

/* Counts stay at the largest value; a binary carry passes through all planes. */
static void test_saturation(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_event e[9] = { { .t = 0 } };
	uint64_t slots[2], dropped;

	(void)state;
	in.planes = in.shape.planes = 2;
	in.steps = 1;
	for (size_t n = 1; n <= 9; n++) {
		struct snnq_events *events = events_of(e, n);
		uint64_t count = n > 3 ? 3 : n;

		assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
		assert_int_equal(slots[0] | slots[1] << 1, count);
		snnq_events_close(events);
	}
}

/* A word per position, or all channels in a row: word and bit of each event. */
static void test_layouts(void **state)
{
	struct graph_input in = {
		.width = 3,
		.height = 30,
		.polarities = 2,
		.on_channel = 1,
		.planes = 1,
		.steps = 1,
		.step_us = 1,
		.downscale = 1,
		.shape = { .height = 30,
			   .width = 3,
			   .channels = 2,
			   .format = SNNQ_FORMAT_UNSIGNED,
			   .planes = 1 },
	};
	struct snnq_event on = { .x = 2, .y = 17, .p = 1 }, off = { .x = 2, .y = 17, .p = 0 };
	struct snnq_events *events;
	uint64_t slots[90], dropped;

	(void)state;
	events = events_of(&on, 1);
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_int_equal(slots[17 * 3 + 2], 2);
	snnq_events_close(events);
	in.on_channel = 0;
	events = events_of(&on, 1);
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_int_equal(slots[17 * 3 + 2], 1);
	snnq_events_close(events);

	in.flat = true;
	in.shape = (struct graph_shape){ 1, 1, 180, SNNQ_FORMAT_UNSIGNED, 1 };
	events = events_of(&off, 1); /* channel (1 * 30 + 17) * 3 + 2 = 143 */
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_int_equal(slots[0] | slots[1], 0);
	assert_int_equal(slots[2], 1ull << (143 - 128));
	snnq_events_close(events);
}

static void test_one_polarity(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_event e[2] = { { .t = 0, .p = 0 }, { .t = 1000, .p = 1 } };
	struct snnq_events *events = events_of(e, 2);
	uint64_t slots[STEPS], dropped;

	(void)state;
	in.on_channel = 1;
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_memory_equal(slots, ((uint64_t[]){ 1, 1, 0, 0 }), sizeof(slots));
	snnq_events_close(events);
}

/* Events name their channels; one that the model has not is dropped. */
static void test_channels(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_event e[5] = {
		{ .t = 0, .p = 2 },    { .t = 0, .p = 0 },	{ .t = 1000, .p = 1 },
		{ .t = 1000, .p = 3 }, { .t = 1000, .p = 255 },
	};
	struct snnq_events *events = events_of(e, 5);
	uint64_t slots[STEPS], dropped;

	(void)state;
	in.polarities = in.shape.channels = 3;
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_memory_equal(slots, ((uint64_t[]){ 5, 2, 0, 0 }), sizeof(slots));
	assert_int_equal(dropped, 2);
	snnq_events_close(events);
	/* Of two, they are OFF and ON. */
	events = events_of(e, 5);
	in.polarities = in.shape.channels = 2;
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	assert_int_equal(dropped, 3);
	snnq_events_close(events);
}

/* Crop at (10, 20), then halve: 2 x 1 pixels of the input. */
static void test_sensor(void **state)
{
	struct graph_input in = one_pixel();
	static const struct {
		uint16_t x, y;
		int pixel;
	} cases[] = {
		{ 10, 20, 0 }, { 11, 21, 0 },  { 12, 20, 1 },  { 13, 21, 1 },	     { 14, 20, -1 },
		{ 9, 20, -1 }, { 10, 19, -1 }, { 10, 22, -1 }, { 65535, 65535, -1 },
	};

	(void)state;
	in.width = in.shape.width = 2;
	in.steps = 1;
	in.crop_x = 10;
	in.crop_y = 20;
	in.downscale = 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snnq_event e = { .x = cases[i].x, .y = cases[i].y };
		struct snnq_events *events = events_of(&e, 1);
		uint64_t slots[2], dropped;

		assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
		assert_int_equal(dropped, cases[i].pixel < 0);
		assert_int_equal(slots[0], cases[i].pixel == 0);
		assert_int_equal(slots[1], cases[i].pixel == 1);
		snnq_events_close(events);
	}
}

static void test_empty(void **state)
{
	struct graph_input in = one_pixel();
	struct snnq_events *events = events_of(NULL, 0);
	uint64_t slots[STEPS], dropped;

	(void)state;
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 0);
	in.by_count = true;
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 0);
	snnq_events_close(events);
}

/* ---- recordings that are too long to be held ---- */

#define LONG_EVENTS  (9u << 20) /* twice as many as are read ahead, and some */
#define LONG_BYTES   7
#define LONG_STEP_US (1u << 18)
#define LONG_WINDOW  (STEPS * LONG_STEP_US) /* as many events: one each microsecond */

struct long_file {
	char path[32];
	uint8_t *data;
};

/* SLAYER's records of 7 bytes: x, channel, time in 24 bits. */
static void long_put(struct long_file *f, uint32_t index, uint32_t t, uint8_t x)
{
	uint8_t *r = f->data + (size_t)index * LONG_BYTES;

	r[0] = 0;
	r[1] = (uint8_t)(x << 4);
	r[2] = 0;
	r[3] = 1;
	r[4] = (uint8_t)(t >> 16);
	r[5] = (uint8_t)(t >> 8);
	r[6] = (uint8_t)t;
}

static void long_begin(struct long_file *f)
{
	f->data = malloc((size_t)LONG_EVENTS * LONG_BYTES);
	assert_non_null(f->data);
	for (uint32_t i = 0; i < LONG_EVENTS; i++)
		long_put(f, i, i, 0);
}

static struct snnq_events *long_open(struct long_file *f)
{
	struct snnq_events *events;
	int fd;

	strcpy(f->path, "/tmp/snnq-bins-XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->data, (size_t)LONG_EVENTS * LONG_BYTES),
			 (size_t)LONG_EVENTS * LONG_BYTES);
	close(fd);
	free(f->data);
	assert_int_equal(snnq_events_open(f->path,
					  SNNQ_OPTS(struct snnq_events_opts, .format = "bs3"),
					  &events),
			 0);
	unlink(f->path);
	return events;
}

static struct graph_input long_input(void)
{
	struct graph_input in = one_pixel();

	in.width = in.shape.width = 2;
	in.step_us = LONG_STEP_US;
	return in;
}

/* In order as far as some millions of events reach; what comes later than that is counted. */
static void test_long_recordings(void **state)
{
	const uint32_t near = 1u << 20, far = 6u << 20, at = LONG_STEP_US * 6 + 9;
	struct graph_input in = long_input();
	struct long_file f;
	const struct snnq_event *data;
	struct snnq_events *events;
	struct snnq_events_info info;
	uint64_t slots[2 * STEPS], dropped, late = 0;

	(void)state;
	long_begin(&f);
	long_put(&f, at + near, at, 1);
	long_put(&f, at + far, at + 1, 1);
	events = long_open(&f);
	for (uint32_t w = 0; w < LONG_EVENTS / LONG_WINDOW; w++) {
		assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
		assert_int_equal(events->window_step, w * STEPS);
		for (uint32_t i = 0; i < STEPS; i++) {
			assert_int_equal(slots[2 * i], 1);
			assert_int_equal(slots[2 * i + 1], w == 1 && i == 2);
		}
		late += dropped;
		if (w == 0) {
			snnq_events_info(events, &info);
			assert_int_equal(info.events, LONG_EVENTS);
			assert_int_equal(info.last_us, LONG_EVENTS - 1);
			assert_int_equal(info.nonmonotonic, 2);
		}
	}
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 0);
	assert_int_equal(late, 1);
	assert_true(events->capacity <= 2 * EVENTS_AHEAD);
	snnq_events_info(events, &info);
	assert_int_equal(info.events, LONG_EVENTS);
	assert_int_equal(snnq_events_data(events, &data), LONG_EVENTS);
	assert_int_equal(data[at + near].t, at);
	assert_int_equal(data[LONG_EVENTS - 1].t, LONG_EVENTS - 1);
	snnq_events_close(events);
}

struct visits {
	uint64_t events, sum, pieces, stop;
};

static int count_events(void *ctx, const struct snnq_event *events, size_t count)
{
	struct visits *v = ctx;

	v->pieces++;
	v->events += count;
	for (size_t i = 0; i < count; i++)
		v->sum += (uint64_t)events[i].t * (1 + events[i].x);
	return v->pieces == v->stop ? 7 : 0;
}

/* In pieces the events are those of the whole, as often as they are asked for. */
static void test_visits(void **state)
{
	struct long_file f;
	const struct snnq_event *data;
	struct snnq_events *events, *few;
	struct visits v, all = { 0 };

	(void)state;
	long_begin(&f);
	events = long_open(&f);
	for (int i = 0; i < 2; i++) {
		v = (struct visits){ 0 };
		assert_int_equal(snnq_events_visit(events, count_events, &v), 0);
		assert_int_equal(v.events, LONG_EVENTS);
		assert_true(v.pieces > 50);
	}
	assert_int_equal(snnq_events_data(events, &data), LONG_EVENTS);
	count_events(&all, data, LONG_EVENTS);
	assert_int_equal(v.sum, all.sum);
	v = (struct visits){ .stop = 3 };
	assert_int_equal(snnq_events_visit(events, count_events, &v), 7);
	assert_int_equal(v.pieces, 3);

	assert_int_equal(snnq_events_from_array(data, 5, &few), 0);
	v = (struct visits){ 0 };
	assert_int_equal(snnq_events_visit(few, count_events, &v), 0);
	assert_int_equal(v.events, 5);
	snnq_events_close(few);
	snnq_events_close(events);
}

/* What is before a fault is good, and then the fault is told, again and again. */
static void test_long_damaged(void **state)
{
	const uint32_t fault = 7u << 20;
	struct graph_input in = long_input();
	struct long_file f;
	const struct snnq_event *data;
	struct snnq_events *events;
	struct snnq_events_info info;
	uint64_t slots[2 * STEPS], dropped;
	struct visits v = { 0 };

	(void)state;
	long_begin(&f);
	f.data[(size_t)fault * LONG_BYTES + 3] = 2;
	events = long_open(&f);
	for (uint32_t w = 0; w < fault / LONG_WINDOW; w++)
		assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bins_fill(&in, events, slots, &dropped), -EBADMSG);
		assert_non_null(
			strstr(snnq_last_error(NULL), "offset 51380227: channel: expected"));
		assert_int_equal(snnq_events_info(events, &info), -EBADMSG);
		assert_int_equal(snnq_events_data(events, &data), -EBADMSG);
		assert_int_equal(snnq_events_visit(events, count_events, &v), -EBADMSG);
	}
	snnq_events_close(events);
}

/* Split by number, they are needed whole. */
static void test_long_count(void **state)
{
	struct graph_input in = long_input();
	struct long_file f;
	struct snnq_events *events;
	uint64_t slots[2 * STEPS], dropped;

	(void)state;
	in.by_count = true;
	long_begin(&f);
	long_put(&f, LONG_EVENTS / STEPS * 2, 0, 1);
	events = long_open(&f);
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 1);
	for (uint32_t i = 0; i < STEPS; i++)
		assert_int_equal(slots[2 * i + 1], i == 2);
	assert_int_equal(bins_fill(&in, events, slots, &dropped), 0);
	snnq_events_close(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_half_even),
		cmocka_unit_test(test_half_even_odd_step),
		cmocka_unit_test(test_extreme_times),
		cmocka_unit_test(test_origin_first),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_empty_windows_are_skipped),
		cmocka_unit_test(test_all_before_the_start),
		cmocka_unit_test(test_by_count),
		cmocka_unit_test(test_saturation),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_one_polarity),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_sensor),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_long_recordings),
		cmocka_unit_test(test_visits),
		cmocka_unit_test(test_long_damaged),
		cmocka_unit_test(test_long_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
