// SPDX-License-Identifier: MIT
/*
 * test_event_formats.c - EVT, DAT and Event Stream: what a good file holds, what is wrong with a
 * bad one, and that no cut or damaged one is read beyond its end.
 */
#include <string.h>

#include "event_file.h"

/* ---- EVT ---- */

static uint32_t evt2_word(uint32_t type, uint32_t t, uint32_t x, uint32_t y)
{
	return type << 28 | (t & 0x3f) << 22 | x << 11 | y;
}

#define EVT2_HIGH(high) (0x8u << 28 | (high))

static void evt2_has_time_before_events(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = 5 << 6 | 7, .x = 600, .y = 479, .p = 1 },
		{ .t = 5 << 6 | 63, .x = 0, .y = 1, .p = 0 },
		/* the 34 bits start over */
		{ .t = (int64_t)0xfffffff << 6, .x = 2, .y = 2, .p = 1 },
		{ .t = (1ll << 34) + (2 << 6) + 1, .x = 3, .y = 3, .p = 1 },
	};
	struct file f = { .size = 0 };

	(void)state;
	add_text(&f, "% Date 2020-09-14\n% evt 2.0\n% plugin_name hal_plugin_gen31_fx3\n");
	add_le(&f, evt2_word(1, 1, 9, 9), 4); /* no time yet */
	add_le(&f, EVT2_HIGH(5), 4);
	add_le(&f, evt2_word(1, 7, 600, 479), 4);
	add_le(&f, 0xau << 28 | 1, 4); /* a trigger */
	add_le(&f, 0xeu << 28 | 9, 4); /* monitoring */
	add_le(&f, evt2_word(0, 63, 0, 1), 4);
	add_le(&f, evt2_word(1, 0, 640, 0), 4); /* outside */
	add_le(&f, EVT2_HIGH(0x8000000), 4);
	add_le(&f, EVT2_HIGH(0xfffffff), 4);
	add_le(&f, evt2_word(1, 0, 2, 2), 4);
	add_le(&f, EVT2_HIGH(2), 4);
	add_le(&f, evt2_word(1, 1, 3, 3), 4);
	add(&f, "abc", 3);
	holds(&f, NULL, "evt2", want, 4);
	assert_int_equal(info_of(&f, NULL).dropped, 3);
	assert_int_equal(info_of(&f, NULL).damaged_bytes, 3);
	assert_int_equal(info_of(&f, NULL).width, 640);
	assert_int_equal(info_of(&f, NULL).height, 480);
	refused(&f, "evt3", "expected evt3, as the option says, found evt2");
	survives(&f, &events_evt2);
	add(&f, "\x50", 1); /* completes a word of type 5, which is reserved */
	holds(&f, NULL, "evt2", want, 4);
	assert_int_equal(info_of(&f, NULL).dropped, 3);
	assert_int_equal(info_of(&f, NULL).damaged_bytes, 0);
}

static void evt21_holds_32_pixels_in_a_word(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = 9 << 6 | 3, .x = 64, .y = 700, .p = 0 },
		{ .t = 9 << 6 | 3, .x = 95, .y = 700, .p = 0 },
		{ .t = 9 << 6 | 4, .x = 33, .y = 0, .p = 1 },
	};
	static const uint64_t words[] = {
		1ull << 60 | 3, /* two events without time */
		8ull << 60 | 9ull << 32, 3ull << 54 | 64ull << 43 | 700ull << 32 | 0x80000001,
		0xeull << 60 | 5,	 1ull << 60 | 4ull << 54 | 32ull << 43 | 2,
	};
	struct file f = { .size = 0 }, swapped = { .size = 0 }, old = { .size = 0 };

	(void)state;
	add_text(&f, "% format EVT21;width=1280;height=720;endianness=little\n% end\n");
	add_text(&swapped, "% format EVT21;height=720;width=1280;endianness=legacy\r\n% end\n");
	add_text(&old, "% evt 2.1\n% endianness legacy\n% geometry 1280x720\n% end\n");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		add_le(&f, words[i], 8);
		add_le(&swapped, words[i] << 32 | words[i] >> 32, 8);
		add_le(&old, words[i] << 32 | words[i] >> 32, 8);
	}
	holds(&f, NULL, "evt21", want, 3);
	holds(&swapped, NULL, "evt21", want, 3);
	holds(&old, NULL, "evt21", want, 3);
	assert_int_equal(info_of(&old, NULL).dropped, 2);
	assert_int_equal(info_of(&old, NULL).height, 720);
	survives(&f, &events_evt21);
}

static void evt3_is_a_machine_of_states(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = 0x123456, .x = 7, .y = 5, .p = 1 },
		/* a vector of 12, 12 and 8 pixels, the middle one empty */
		{ .t = 0x123450, .x = 100, .y = 6, .p = 0 },
		{ .t = 0x123450, .x = 111, .y = 6, .p = 0 },
		{ .t = 0x123450, .x = 124, .y = 6, .p = 0 },
		{ .t = 0x123450, .x = 131, .y = 6, .p = 0 },
		/* repeated, the high part leaves the low one; changed, it clears it */
		{ .t = 0x123450, .x = 1, .y = 6, .p = 0 },
		{ .t = 0x124000, .x = 2, .y = 6, .p = 0 },
		/* the 24 bits start over */
		{ .t = 0xfff001, .x = 3, .y = 6, .p = 0 },
		{ .t = 0x1000000, .x = 4, .y = 6, .p = 0 },
	};
	static const uint16_t words[] = {
		0x0009, 0x2001, 0x600f, 0x2001,			/* no time yet: 2 events */
		0x8123, 0x6456, 0x0005, 0x2807,			/* x 7, ON */
		0x4001,						/* no base yet: 1 event */
		0x0006, 0x6450, 0x3064, 0x4801, 0x4000, 0x5081, /* 100, 111, 124, 131 */
		0xe001, 0x7002, 0xf003, 0xa001,			/* monitoring, a trigger */
		0x8123, 0x2001, 0x8124, 0x2002, 0x8fff, 0x6001,
		0x2003, 0x8000, 0x2004, 0x0400, 0x2005, /* row 1024: outside */
		0x0006, 0x37ff, 0x4fff, 0x4fff, 0x5001, /* beyond the sensor: 12 + 12 + 1 */
	};
	struct file f = { .size = 0 };

	(void)state;
	add_text(&f, "% evt 3.0\n% format EVT3;height=720;width=1280\n% end\n");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		add_le(&f, words[i], 2);
	holds(&f, NULL, "evt3", want, 9);
	assert_int_equal(info_of(&f, NULL).dropped, 2 + 1 + 1 + 25);
	assert_int_equal(info_of(&f, NULL).nonmonotonic, 1);
	survives(&f, &events_evt3);
	/* a row of gray levels, which has what follows; words of no known type */
	add_le(&f, 0x1001, 2);
	add_le(&f, 0x2001, 2);
	add_le(&f, 0x9001, 2);
	add_le(&f, 0xb001, 2);
	add_le(&f, 0xc001, 2);
	holds(&f, NULL, "evt3", want, 9);
	assert_int_equal(info_of(&f, NULL).dropped, 2 + 1 + 1 + 25 + 5);
}

/* The clock of 24 bits starts over where its high part goes back by half or more, as OpenEB has it. */
static void evt3_starts_over_from_half_on(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = 0xc00001, .x = 1, .y = 0, .p = 1 },
		{ .t = 0x1400001, .x = 2, .y = 0, .p = 1 },
		{ .t = 0x1300001, .x = 3, .y = 0, .p = 1 },
	};
	static const uint16_t words[] = {
		0x8c00, 0x6001, 0x0000, 0x2801, 0x8400, 0x6001, 0x2802, 0x8300, 0x6001, 0x2803,
	};
	struct file f = { .size = 0 };

	(void)state;
	add_text(&f, "% evt 3.0\n% end\n");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		add_le(&f, words[i], 2);
	holds(&f, NULL, "evt3", want, 3);
	assert_int_equal(info_of(&f, NULL).nonmonotonic, 1);
}

/* Older headers leave format, size and the order of halves to the number of the camera. */
static void headers_name_cameras_by_number(void **state)
{
	static const struct {
		const char *text, *format;
		uint32_t width, height;
	} known[] = {
		{ "% system_ID 49\n", "evt3", 1280, 720 },
		{ "% system_ID 41\n% integrator_name Prophesee\n", "evt2", 640, 480 },
		{ "% system_ID 161\n", "evt2", 640, 480 }, /* 33, on a board */
		{ "% evt 3.0\n% system_ID 40\n", "evt3", 640, 480 },
		{ "% evt 3.0\n% system_ID 49\n% geometry 320x320\n", "evt3", 320, 320 },
		{ "% evt 3.0\n% system_ID 49\n% camera_integrator_name Other\n", "evt3", 0, 0 },
		{ "% evt 2.0\n% sensor_name IMX636\n", "evt2", 1280, 720 },
		{ "% evt 3.0\n% sensor_name GenX320\n", "evt3", 320, 320 },
	};
	static const struct {
		const char *text;
		bool swapped;
	} halves[] = {
		{ "% evt 2.1\n% system_ID 49\n", true },
		{ "% format EVT21;height=720;width=1280\n% system_ID 50\n", true },
		{ "% evt 2.1\n% system_ID 49\n% endianness little\n", false },
		{ "% format EVT21;endianness=little\n% system_ID 50\n", false },
		{ "% evt 2.1\n% system_ID 64\n", false },
		{ "% evt 2.1\n% system_ID 49\n% integrator_name Other\n", false },
		{ "% evt 2.1\n", false },
	};
	static const struct snnq_event one = { .t = 2 << 6 | 1, .x = 32, .y = 3, .p = 1 };
	const uint64_t words[] = { 8ull << 60 | 2ull << 32,
				   1ull << 60 | 1ull << 54 | 32ull << 43 | 3ull << 32 | 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct file f = { .size = 0 };

		add_text(&f, known[i].text);
		add_text(&f, "% end\n");
		assert_string_equal(info_of(&f, NULL).format, known[i].format);
		assert_int_equal(info_of(&f, NULL).width, known[i].width);
		assert_int_equal(info_of(&f, NULL).height, known[i].height);
		/* of whoever says another format, a number is no contradiction */
		if (!strstr(known[i].text, "evt"))
			assert_string_equal(info_of(&f, "evt21").format, "evt21");
	}
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
		struct file f = { .size = 0 };

		add_text(&f, halves[i].text);
		for (int w = 0; w < 2; w++)
			add_le(&f, halves[i].swapped ? words[w] << 32 | words[w] >> 32 : words[w],
			       8);
		holds(&f, NULL, "evt21", &one, 1);
	}
}

/* A header that names no format leaves it to the option, or to the extension. */
static void headers_that_name_no_format(void **state)
{
	static const struct snnq_event evt = { .t = 5 << 6 | 7, .x = 600, .y = 479, .p = 1 };
	static const struct snnq_event dat = { .t = 9, .x = 3, .y = 4, .p = 1 };
	struct file f = { .size = 0 }, d = { .size = 0 };

	(void)state;
	add_text(&f, "% Date 2014-03-27\n% system_ID 20\n");
	add_le(&f, EVT2_HIGH(5), 4);
	add_le(&f, evt2_word(1, 7, 600, 479), 4);
	refused(&f, NULL, "found a header that names no format (a format option may: evt2");
	holds(&f, "evt2", "evt2", &evt, 1);
	refused(&f, "atis", "expected atis, as the option says, found a header that names no");
	add_text(&d, "% Version 2\n% Date 2014-03-27\n");
	add(&d, "\0\x08", 2);
	add_le(&d, 9, 4);
	add_le(&d, 1u << 28 | 4 << 14 | 3, 4);
	holds(&d, "dat", "dat", &dat, 1);
}

static void headers_are_read_or_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "% evt 4.0\n", "offset 6: evt: expected 2.0, 2.1 or 3.0, found \"4.0\"" },
		{ "% format EVT9\n", "format: expected EVT2, EVT21 or EVT3" },
		{ "% format EVT3;width=0;height=2\n", "expected a size from 1 to 16384" },
		{ "% format EVT3;width=12a;height=2\n", "expected a size from 1 to 16384" },
		{ "% format EVT3;width=99999999999999999999\n", "expected a size" },
		{ "% format EVT3;width=640\n", "expected width and height, found one of them" },
		{ "% format EVT3;depth=2\n", "expected width, height and endianness" },
		{ "% evt 2.0\n% format EVT3\n", "format: evt3 contradicts evt2 before it" },
		{ "% evt 3.0\n% geometry 640x480\n% geometry 641x480\n",
		  "geometry: 641 contradicts 640 before it" },
		{ "% evt 3.0\n% geometry 640\n", "expected WIDTHxHEIGHT" },
		{ "% evt 2.1\n% endianness big\n", "endianness: expected little or legacy" },
		{ "% Date today\n", "found a header that names no format" },
		{ "% Data file containing CD events.\n% Version 3\n",
		  "Version: expected 1 or 2, found 3" },
		{ "% Data file containing CD events.\n", "Version: expected 1 or 2, found none" },
		{ "% Data file containing CD events.\n% Version 2\n",
		  "expected type and size of records, found the end" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct file f = { .size = 0 };

		add_text(&f, bad[i].text);
		refused(&f, NULL, bad[i].words);
	}
}

/* The data of old files follows without an end, and may look like one more line. */
static void events_are_no_lines(void **state)
{
	static const struct snnq_event want = { .t = 2, .x = 0x25, .y = 0, .p = 0 };
	struct file f = { .size = 0 };

	(void)state;
	add_text(&f, "% evt 2.0\n");
	add_le(&f, EVT2_HIGH(0x2025), 4); /* "% " and no text */
	add_le(&f, EVT2_HIGH(0), 4);
	add_le(&f, evt2_word(0, 2, 0x25, 0), 4);
	holds(&f, NULL, "evt2", &want, 1);
}

/* ---- DAT and Event Stream ---- */

static void add_dat(struct file *f, uint32_t t, uint32_t x, uint32_t y, uint32_t p)
{
	add_le(f, t, 4);
	add_le(f, p << 28 | y << 14 | x, 4);
}

static void dat_with_and_without_header(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = 10, .x = 1023, .y = 719, .p = 1 },
		{ .t = 0xfffffff0, .x = 1, .y = 2, .p = 0 },
		{ .t = (1ll << 32) + 4, .x = 3, .y = 4, .p = 0 }, /* after 71 minutes */
		{ .t = (1ll << 32) + 5, .x = 5, .y = 6, .p = 1 },
	};
	struct file f = { .size = 0 }, bare = { .size = 0 }, bad;

	(void)state;
	add_text(&f,
		 "% Data file containing CD events.\n% Version 2\n% Width 1280\n% Height 720\n");
	add(&f, "\x0c\x08", 2);
	for (int i = 0; i < 2; i++) {
		struct file *to = i ? &bare : &f;

		add_dat(to, 10, 1023, 719, 1);
		add_dat(to, 0xfffffff0, 1, 2, 0);
		add_dat(to, 4, 3, 4, 15); /* -1 in four bits */
		add_dat(to, 5, 5, 6, 1);
	}
	holds(&f, NULL, "dat", want, 4);
	holds(&bare, "dat", "dat", want, 4);
	assert_int_equal(info_of(&f, NULL).width, 1280);
	survives(&f, &events_dat);
	bad = f;
	bad.data[f.size - 34] = 0x0e;
	refused(&bad, NULL, "type: expected 0x00 or 0x0c (changes of contrast), found 0x0e");
	bad = f;
	bad.data[f.size - 33] = 12;
	refused(&bad, NULL, "bytes of a record: expected 8, found 12");
}

/* The first version has 9 bits of x, 8 of y and the polarity behind them. */
static void dat_of_the_first_version(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = 10, .x = 303, .y = 239, .p = 1 },
		{ .t = 11, .x = 511, .y = 255, .p = 0 },
		{ .t = 12, .x = 0, .y = 1, .p = 0 },
		{ .t = 13, .x = 1, .y = 0, .p = 0 },
	};
	struct file f = { .size = 0 };

	(void)state;
	add_text(&f, "% Data file containing TD events.\n% Version 1\n");
	add(&f, "\0\x08", 2);
	add_le(&f, 10, 4);
	add_le(&f, 1 << 17 | 239 << 9 | 303, 4);
	add_le(&f, 11, 4);
	add_le(&f, 255 << 9 | 511, 4);
	add_le(&f, 12, 4);
	add_le(&f, 0xf << 17 | 1 << 9, 4);
	add_le(&f, 13, 4);
	add_le(&f, 1 << 20 | 1, 4); /* not the polarity's bit */
	holds(&f, NULL, "dat", want, 4);
	survives(&f, &events_dat);
}

static void es_counts_time_in_bytes(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = 3, .x = 319, .y = 239, .p = 1 },
		{ .t = 3 + 254 + 126, .x = 1, .y = 0, .p = 0 },
		{ .t = 3 + 254 + 126, .x = 2, .y = 0, .p = 1 },
	};
	struct file f = { .size = 0 }, bad;

	(void)state;
	add_text(&f, "Event Stream\x02");
	add(&f, "\0\0\1\x40\1\xf0\0", 7);
	add(&f, "\x07\x3f\1\xef\0", 5);
	add(&f, "\xff\xff\xfc\1\0\0\0", 7);
	add(&f, "\xfe\1\2\0\0\0", 6); /* the first byte puts a reader right again */
	add(&f, "\1\x40\1\0\0", 5);   /* outside */
	holds(&f, NULL, "es", want, 3);
	assert_true(info_of(&f, NULL).origin_bottom);
	assert_int_equal(info_of(&f, NULL).dropped, 1);
	survives(&f, &events_es);
	bad = f;
	bad.size -= 2;
	assert_int_equal(info_of(&bad, NULL).damaged_bytes, 3);
	bad.data[15] = 4;
	refused(&bad, NULL, "type: expected 1 (DVS) or 2 (ATIS), found 4 (color)");
	bad.data[15] = 0;
	refused(&bad, NULL, "found 0 (generic)");
	bad.data[15] = 3;
	refused(&bad, NULL, "found 3 (display)");
	bad.data[15] = 200;
	refused(&bad, NULL, "found an unknown one");
	bad.data[12] = 1;
	refused(&bad, NULL, "version: expected 2, found 1.0.0");
	bad.size = 16;
	refused(&bad, NULL, "expected a header of 20 bytes, found the end");
}

/* Six bits of time; gray levels are passed over, and their time counts. */
static void es_of_an_atis(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = 3, .x = 303, .y = 239, .p = 1 },
		{ .t = 3 + 189 + 62, .x = 1, .y = 0, .p = 0 },
		{ .t = 3 + 189 + 62 + 5 + 63 + 1, .x = 2, .y = 0, .p = 1 },
	};
	struct file f = { .size = 0 }, bad;

	(void)state;
	add_text(&f, "Event Stream\x02");
	add(&f, "\0\0\2\x30\1\xf0\0", 7);
	add(&f, "\x0e\x2f\1\xef\0", 5);
	add(&f, "\xff\xfc\xf8\1\0\0\0", 7);
	add(&f, "\x15\1\0\0\0", 5); /* the first crossing of a level, 5 us later */
	add(&f, "\x03\1\0\0\0", 5); /* the second */
	add(&f, "\xfd\x06\2\0\0\0", 6);
	add(&f, "\2\x30\1\0\0", 5); /* outside */
	holds(&f, NULL, "es", want, 3);
	assert_true(info_of(&f, NULL).origin_bottom);
	assert_int_equal(info_of(&f, NULL).dropped, 1);
	survives(&f, &events_es);
	bad = f;
	bad.size -= 2;
	assert_int_equal(info_of(&bad, NULL).damaged_bytes, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evt2_has_time_before_events),
		cmocka_unit_test(evt21_holds_32_pixels_in_a_word),
		cmocka_unit_test(evt3_is_a_machine_of_states),
		cmocka_unit_test(evt3_starts_over_from_half_on),
		cmocka_unit_test(headers_name_cameras_by_number),
		cmocka_unit_test(headers_that_name_no_format),
		cmocka_unit_test(headers_are_read_or_refused),
		cmocka_unit_test(events_are_no_lines),
		cmocka_unit_test(dat_with_and_without_header),
		cmocka_unit_test(dat_of_the_first_version),
		cmocka_unit_test(es_counts_time_in_bytes),
		cmocka_unit_test(es_of_an_atis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
