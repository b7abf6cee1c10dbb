// SPDX-License-Identifier: MIT
/*
 * test_event_aedat.c - the formats of jAER and cAER: what a good file holds, what is wrong with a
 * bad one, and that no cut or damaged one is read beyond its end.
 */
#include "event_file.h"

/* Addresses of two bytes, of a DVS128. */
static void aedat1_has_short_addresses(void **state)
{
	static const struct snnq_event jaer[] = {
		{ .t = 100, .x = 117, .y = 20, .p = 1 },
		{ .t = 1ll << 32 | 2, .x = 127, .y = 127, .p = 0 },
	};
	static const struct snnq_event tonic[] = {
		{ .t = 100, .x = 20, .y = 10, .p = 0 },
		{ .t = 1ll << 32 | 2, .x = 127, .y = 0, .p = 1 },
	};
	static const char records[] = "\x14\x14\0\0\0\x64"
				      "\x80\0\xff\xff\xff\xff" /* a signal */
				      "\x7f\x01\0\0\0\2";
	struct file f = { .size = 0 }, bare = { .size = 0 }, none = { .size = 0 };

	(void)state;
	add_text(&f, "#!AER-DAT1.0\r\n# AEChip: ch.unizh.ini.caviar.chip.retina.DVS128\r\n");
	add(&f, records, 18);
	add_text(&bare, "#!AER-DAT1.0\r\n# This is a raw AE data file\r\n");
	add(&bare, records, 18);
	add(&none, records, 18);
	holds(&f, NULL, "aedat1", jaer, 2);
	holds(&bare, "aedat1-dvs128", "aedat1-dvs128", jaer, 2);
	holds(&none, "aedat1-dvs128", "aedat1-dvs128", jaer, 2);
	holds(&f, "aedat1-tonic", "aedat1-tonic", tonic, 2);
	refused(&bare, NULL, "AEChip: expected DVS128 in a comment, found none");
	refused(&f, "aedat2", "expected aedat2, as the option says, found aedat1");
	refused(&f, "aedat2-dvs128", "expected aedat2-dvs128, as the option says, found aedat1");
	assert_true(info_of(&f, NULL).origin_bottom);
	assert_int_equal(info_of(&none, "aedat1-dvs128").width, 128);
	survives(&f, &events_aedat1);
	f.size--;
	assert_int_equal(info_of(&f, NULL).damaged_bytes, 5);
	f.size = 0;
	add_text(&f, "#!AER-DAT1.0\r\n# AEChip: DAVIS240C\r\n");
	refused(&f, NULL, "AEChip: expected DVS128 in a comment, found DAVIS240");
}

/* Comments as programs other than today's jAER write them. */
static void aedat2_comments_of_others(void **state)
{
	static const struct {
		const char *text;
		uint32_t width;
	} headers[] = {
		/* letters of ISO 8859 */
		{ "#!AER-DAT2.0\r\n# User: J\xfcrgen, M\xe4rz\r\n# AEChip: a.DAVIS346\r\n", 346 },
		{ "#!AER-DAT2.0\r\n# AEChip: DAVI346\r\n# End of ASCII Header\r\n", 346 },
		{ "#!AER-DAT2.0\n# AEChip: eu.seebetter.ini.chips.davis.Davis346blue\n", 346 },
		{ "#!AER-DAT2.0\n# AEChip: eu.seebetter.ini.chips.sbret10.DAViS240\n", 240 },
		{ "#!AER-DAT2.0\n# AEChip: eu.seebetter.ini.chips.davis.Davis128\n", 128 },
		{ "#!AER-DAT2.0\n# AEChip: Davis208PixelParade\n#End Of ASCII Header\n", 208 },
		{ "#!AER-DAT2.0\n# AEChip: Davis640\n#End Of ASCII Header\n", 640 },
	};
	static const struct snnq_event want = { .t = 7, .x = 100, .y = 90, .p = 1 };
	/* row 140 of a DAVIS begins with "#" */
	static const struct snnq_event hash = { .t = 0x41, .x = 100, .y = 140, .p = 1 };
	struct file f;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		f.size = 0;
		add_text(&f, headers[i].text);
		add_be32(&f, 90 << 22 | 100 << 12 | 1 << 11);
		add_be32(&f, 7);
		holds(&f, NULL, "aedat2", &want, 1);
		assert_int_equal(info_of(&f, NULL).width, headers[i].width);
	}
	f.size = 0;
	add_text(&f, headers[1].text);
	add_be32(&f, 140u << 22 | 100 << 12 | 1 << 11);
	add_be32(&f, 0x41);
	holds(&f, NULL, "aedat2", &hash, 1);
	survives(&f, &events_aedat2);
}

static void aedat2_addresses_go_by_the_camera(void **state)
{
	static const struct snnq_event jaer = { .t = 100, .x = 117, .y = 20, .p = 1 };
	static const struct snnq_event tonic = { .t = 100, .x = 20, .y = 10, .p = 0 };
	static const struct snnq_event davis[] = {
		{ .t = 0xffffffff, .x = 345, .y = 259, .p = 1 },
		{ .t = 1ll << 32, .x = 1, .y = 2, .p = 0 },
	};
	struct file f = { .size = 0 }, d = { .size = 0 }, bare;

	(void)state;
	add_text(&f, "#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.DVS128\r\n");
	bare = f;
	bare.size = 14;
	for (int i = 0; i < 2; i++) {
		struct file *to = i ? &bare : &f;

		add_be32(to, 20 << 8 | 10 << 1); /* y, x, ON */
		add_be32(to, 100);
		add_be32(to, 1 << 15); /* a signal */
		add_be32(to, 101);
	}
	holds(&f, NULL, "aedat2", &jaer, 1);
	holds(&f, "aedat2-tonic", "aedat2-tonic", &tonic, 1);
	assert_true(info_of(&f, NULL).origin_bottom);
	refused(&bare, NULL, "AEChip: expected DVS128, DAVIS240 or DAVIS346");
	holds(&bare, "aedat2-dvs128", "aedat2-dvs128", &jaer, 1);
	survives(&f, &events_aedat2);

	add_text(&d, "#!AER-DAT2.0\n# AEChip: ch.unizh.ini.DAVIS346\n#End Of ASCII Header\n");
	add_be32(&d, 259u << 22 | 345u << 12 | 1 << 11);
	add_be32(&d, 0xffffffff);
	add_be32(&d, 1u << 31 | 5); /* a frame's sample */
	add_be32(&d, 0);
	add_be32(&d, 1 << 10); /* an input */
	add_be32(&d, 0);
	add_be32(&d, 2 << 22 | 1 << 12);
	add_be32(&d, 0);
	holds(&d, NULL, "aedat2", davis, 2);
	assert_int_equal(info_of(&d, NULL).width, 346);
	refused(&d, "aedat3", "expected aedat3, as the option says, found aedat2");
	survives(&d, &events_aedat2_davis);
}

static void add_packet_of(struct file *f, uint32_t source, uint32_t type, uint32_t bytes,
			  uint32_t turns, uint32_t count, uint32_t valid)
{
	add_le(f, type, 2);
	add_le(f, source, 2);
	add_le(f, bytes, 4);
	add_le(f, 4, 4);
	add_le(f, turns, 4);
	add_le(f, count, 4);
	add_le(f, count, 4);
	add_le(f, valid, 4);
}

static void add_packet(struct file *f, uint32_t type, uint32_t bytes, uint32_t turns,
		       uint32_t count)
{
	add_packet_of(f, 1, type, bytes, turns, count, count);
}

static void add_polarity(struct file *f, uint32_t t, uint32_t x, uint32_t y, uint32_t bits)
{
	add_le(f, x << 17 | y << 2 | bits, 4);
	add_le(f, t, 4);
}

static void aedat3_begin(struct file *f)
{
	add_text(f, "#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n"
		    "#-Something 50\r\n#!END-HEADER\r\n");
}

static void aedat3_holds_packets(void **state)
{
	static const struct snnq_event marked[] = {
		{ .t = 50, .x = 127, .y = 3, .p = 1 },
		{ .t = (1ll << 31) + 2, .x = 5, .y = 6, .p = 0 },
	};
	static const struct snnq_event unmarked = { .t = 1, .x = 2, .y = 3, .p = 1 };
	struct file f = { .size = 0 }, bad;
	size_t polarity;

	(void)state;
	aedat3_begin(&f);
	add_packet(&f, 0, 8, 0, 1); /* special */
	add_polarity(&f, 0, 0, 0, 1);
	add_packet(&f, 3, 36, 0, 1); /* IMU */
	f.size += 36;
	polarity = f.size;
	add_packet(&f, 1, 8, 0, 2);
	add_polarity(&f, 50, 127, 3, 3);
	add_polarity(&f, 51, 1, 1, 2); /* not valid */
	add_packet(&f, 1, 8, 1, 1);
	add_polarity(&f, 2, 5, 6, 1);
	holds(&f, NULL, "aedat3", marked, 2);
	assert_int_equal(info_of(&f, NULL).dropped, 1);
	survives(&f, &events_aedat3);
	bad = f;
	bad.size -= 3; /* the last event is cut */
	holds(&bad, NULL, "aedat3", marked, 1);
	assert_int_equal(info_of(&bad, NULL).damaged_bytes, 5);
	bad = f;
	bad.data[polarity + 4] = 12;
	refused(&bad, NULL, "events: expected 8 bytes with the time at 4, found 12 and 4");
	bad = f;
	bad.data[polarity + 23] = 0x80;
	refused(&bad, NULL, "events of a packet: expected a positive number, found -");

	f.size = 0;
	aedat3_begin(&f);
	add_packet(&f, 1, 8, 0, 1);
	add_polarity(&f, 1, 2, 3, 2);
	holds(&f, NULL, "aedat3", &unmarked, 1);

	f.size = 0;
	add_text(&f, "#!AER-DAT3.1\r\n#Format: Serial-TS\r\n");
	refused(&f, NULL, "format: expected RAW, found #Format: Serial-TS");
	f.size = 0;
	add_text(&f, "#!AER-DAT3.1\r\n#Format: RAW\r\nabc");
	refused(&f, NULL, "offset 28: expected the line #!END-HEADER");
}

/* The sensor is that of the camera whose events are read, whichever line comes first. */
static void aedat3_of_several_cameras(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = 5, .x = 300, .y = 200, .p = 1 },
		{ .t = 7, .x = 345, .y = 259, .p = 0 },
	};
	struct file f = { .size = 0 };

	(void)state;
	add_text(&f, "#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n"
		     "#Source 2: DAVIS346B\r\n#!END-HEADER\r\n");
	add_packet_of(&f, 1, 0, 8, 0, 1, 1); /* special */
	add_polarity(&f, 0, 0, 0, 1);
	add_packet_of(&f, 1, 1, 8, 0, 0, 0); /* of no events */
	add_packet_of(&f, 2, 1, 8, 0, 1, 1);
	add_polarity(&f, 5, 300, 200, 3);
	add_packet_of(&f, 1, 1, 8, 0, 1, 1);
	add_polarity(&f, 6, 1, 2, 3);
	add_packet_of(&f, 2, 1, 8, 0, 1, 1);
	add_polarity(&f, 7, 345, 259, 1);
	holds(&f, NULL, "aedat3", want, 2);
	assert_int_equal(info_of(&f, NULL).width, 346);
	assert_int_equal(info_of(&f, NULL).dropped, 0);
	survives(&f, &events_aedat3);
	/* the number of an only line need not match */
	f.size = 0;
	add_text(&f, "#!AER-DAT3.1\r\n#Source 0: DAVIS240C\r\n#!END-HEADER\r\n");
	add_packet(&f, 1, 8, 0, 1);
	add_polarity(&f, 7, 239, 179, 1);
	assert_int_equal(info_of(&f, NULL).width, 240);
	assert_int_equal(info_of(&f, NULL).events, 1);
}

/* A filter that marked nothing as valid at first does not make all valid. */
static void aedat3_with_nothing_valid_at_first(void **state)
{
	static const struct snnq_event want = { .t = 60, .x = 4, .y = 5, .p = 1 };
	static const struct snnq_event all[] = {
		{ .t = 50, .x = 1, .y = 2, .p = 0 },
		{ .t = 51, .x = 1, .y = 2, .p = 1 },
	};
	struct file f = { .size = 0 };

	(void)state;
	aedat3_begin(&f);
	add_packet_of(&f, 1, 1, 8, 0, 2, 0);
	add_polarity(&f, 50, 1, 2, 0);
	add_polarity(&f, 51, 1, 2, 2);
	holds(&f, NULL, "aedat3", all, 2); /* nothing says that they would have marks */
	add_packet_of(&f, 1, 3, 36, 0, 1, 1);
	f.size += 36;
	add_packet_of(&f, 1, 1, 8, 0, 2, 1);
	add_polarity(&f, 60, 4, 5, 3);
	add_polarity(&f, 61, 4, 5, 2);
	holds(&f, NULL, "aedat3", &want, 1);
	assert_int_equal(info_of(&f, NULL).dropped, 3);
	survives(&f, &events_aedat3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aedat1_has_short_addresses),
		cmocka_unit_test(aedat2_comments_of_others),
		cmocka_unit_test(aedat2_addresses_go_by_the_camera),
		cmocka_unit_test(aedat3_holds_packets),
		cmocka_unit_test(aedat3_of_several_cameras),
		cmocka_unit_test(aedat3_with_nothing_valid_at_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
