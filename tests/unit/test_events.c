// SPDX-License-Identifier: MIT
/*
 * test_events.c - recordings: real files against published digests, and
 * hand-made AEDAT 4 files in every container, cut and damaged at every byte.
 */
#include <endian.h>
#include <errno.h>
#include <lz4frame.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#include "chunks.h"
#include "events/events.h"

#define SENSOR_XML                                                                      \
	"<dv version=\"2.0\"><node name=\"outInfo\">"                                   \
	"<node name=\"0\"><attr key=\"typeIdentifier\">FRME</attr></node>"              \
	"<node name=\"3\"><attr key=\"typeIdentifier\">EVTS</attr><node name=\"info\">" \
	"<attr key=\"sizeX\">40</attr><attr key=\"sizeY\">30</attr></node></node></node></dv>"

static const char *data_dir(void)
{
	const char *dir = getenv("SNNQ_DATA");

	return dir ? dir : "../shared/data";
}

/* Path of a data file; skips the test, visibly, when it is not there. */
static const char *data_file(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", data_dir(), name);
	if (access(path, R_OK)) {
		print_message("SKIP: no %s (set SNNQ_DATA)\n", path);
		skip();
	}
	return path;
}

static struct snnq_events *open_ok(const char *path)
{
	struct snnq_events *events;

	if (snnq_events_open(path, NULL, &events))
		fail_msg("%s", snnq_last_error(NULL));
	return events;
}

/* ---- digests ---- */

static void column(const struct snnq_event *e, int which, FILE *f)
{
	int64_t t = (int64_t)htole64((uint64_t)e->t);
	uint16_t xy = htole16(which == 1 ? e->x : e->y);

	if (which == 0)
		fwrite(&t, sizeof(t), 1, f);
	else if (which < 3)
		fwrite(&xy, sizeof(xy), 1, f);
	else
		fwrite(&e->p, 1, 1, f);
}

static void digest(struct snnq_events *events, int which, char hex[65])
{
	char name[] = "/tmp/snnq-events-XXXXXX", command[64];
	const struct snnq_event *data;
	size_t n = snnq_events_data(events, &data);
	FILE *f = fdopen(mkstemp(name), "w");

	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		column(&data[i], which, f);
	fclose(f);
	snprintf(command, sizeof(command), "sha256sum %s", name);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%64s", hex), 1);
	pclose(f);
	unlink(name);
}

/* Compare a file with its line in the table of counts and digests. */
static void check_golden(const char *file)
{
	char path[512], table[512], line[1024], name[64], want[4][65], got[65];
	unsigned long long events, on, ons = 0;
	long long first, last;
	const struct snnq_event *data;
	struct snnq_events_info info;
	struct snnq_events *ev;
	bool found = false;
	FILE *f;

	data_file("events/golden.tsv", table, sizeof(table));
	snprintf(name, sizeof(name), "events/%s", file);
	ev = open_ok(data_file(name, path, sizeof(path)));
	snnq_events_info(ev, &info);
	f = fopen(table, "r");
	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%63s %llu %lld %lld %*u %*u %*u %*u %llu %64s %64s %64s %64s",
			       name, &events, &first, &last, &on, want[0], want[1], want[2],
			       want[3]) == 9 &&
			!strcmp(name, file);
	fclose(f);
	assert_true(found);
	assert_int_equal(info.events, events);
	assert_int_equal(info.first_us, first);
	assert_int_equal(info.last_us, last);
	snnq_events_data(ev, &data);
	for (size_t i = 0; i < info.events; i++)
		ons += data[i].p;
	assert_int_equal(ons, on);
	for (int c = 0; c < 4; c++) {
		digest(ev, c, got);
		assert_string_equal(got, want[c]);
	}
	snnq_events_close(ev);
}

static void nmnist_bin_matches_digests(void **state)
{
	(void)state;
	check_golden("tonic/sample_nmnist.bin");
}

static void davis_aedat4_matches_digests(void **state)
{
	(void)state;
	check_golden("aestream/davis.aedat4");
}

static void evt2_matches_digests(void **state)
{
	(void)state;
	check_golden("expelliarmus/evt2_sample.raw");
}

static void evt3_matches_digests(void **state)
{
	(void)state;
	check_golden("expelliarmus/evt3_pedestrians.raw");
}

static void dat_matches_digests(void **state)
{
	(void)state;
	check_golden("expelliarmus/ncars_td.dat");
	check_golden("tonic/sample_ncars.dat");
}

static void es_matches_digests(void **state)
{
	(void)state;
	check_golden("faery/dvs.es");
}

static void bs3_holds_the_events_of_bs2(void **state)
{
	char path[512];
	struct snnq_events *a, *b;
	const struct snnq_event *x, *y;
	size_t n;

	(void)state;
	a = open_ok(data_file("dvsgesture/1.bs2", path, sizeof(path)));
	b = open_ok(data_file("dvsgesture/1.bs3", path, sizeof(path)));
	n = snnq_events_data(a, &x);
	assert_int_equal(n, snnq_events_data(b, &y));
	assert_int_equal(n, 63471);
	assert_memory_equal(x, y, n * sizeof(*x));
	snnq_events_close(a);
	snnq_events_close(b);
}

/* ---- headerless formats ---- */

static const uint8_t three_atis[] = {
	3, 4,	0x80, 0x00, 0x05, /* x 3, y 4, ON, 5 us */
	0, 240, 0,    0,    0,	  /* overflow mark (a row for .bs2) */
	7, 8,	0x01, 0x02, 0x03, /* OFF, 0x10203 us */
	9,			  /* cut off */
};

static void atis_marks_add_8192_us(void **state)
{
	struct snnq_events *ev = events_new();

	(void)state;
	assert_int_equal(chunks_same(&events_atis, three_atis, sizeof(three_atis), 1, 1, ev), 0);
	assert_int_equal(ev->count, 2);
	assert_int_equal(ev->data[0].t, 5);
	assert_int_equal(ev->data[0].p, 1);
	assert_int_equal(ev->data[1].t, 0x10203 + 8192);
	assert_int_equal(ev->data[1].p, 0);
	assert_int_equal(ev->info.dropped, 1);
	snnq_events_close(ev);
}

static void bs2_has_no_marks_and_counts_what_is_wrong(void **state)
{
	struct snnq_events *ev = events_new();

	(void)state;
	ev->info.width = 4;
	ev->info.height = 255;
	assert_int_equal(chunks_same(&events_bs2, three_atis, sizeof(three_atis), 1, 1, ev), 0);
	assert_int_equal(ev->count, 2); /* x 7 lies outside */
	assert_int_equal(ev->data[1].y, 240);
	assert_int_equal(ev->info.dropped, 2); /* and one is cut off */
	assert_int_equal(ev->info.nonmonotonic, 1);
	snnq_events_close(ev);
}

static void bs1_is_one_row(void **state)
{
	const uint8_t bytes[] = { 0x12, 0x34, 0x80, 0, 5,    0xff, 0xff, 0x7f,
				  0xff, 0xff, 0,    1, 0x80, 0,	   0 };
	struct snnq_events *ev = events_new();

	(void)state;
	assert_int_equal(chunks_same(&events_bs1, bytes, sizeof(bytes), 2, 1, ev), 0);
	assert_int_equal(ev->count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(ev->data[i].y, 0);
	assert_int_equal(ev->data[0].x, 0x1234);
	assert_int_equal(ev->data[0].t, 5);
	assert_int_equal(ev->data[0].p, 1);
	assert_int_equal(ev->data[1].x, 0xffff);
	assert_int_equal(ev->data[1].t, 0x7fffff);
	assert_int_equal(ev->data[1].p, 0);
	assert_int_equal(ev->data[2].t, 1 << 23);
	snnq_events_close(ev);
}

static void bs3_refuses_unknown_channels(void **state)
{
	const uint8_t bytes[] = { 0x12, 0x34, 0x56, 1, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0 };
	struct snnq_events *ev = events_new();

	(void)state;
	assert_int_equal(chunks_same(&events_bs3, bytes, sizeof(bytes), 1, 1, ev), -EBADMSG);
	assert_string_equal(ev->error, "offset 10: channel: expected at most 1, found 2");
	assert_int_equal(ev->data[0].x, 0x123);
	assert_int_equal(ev->data[0].y, 0x456);
	assert_int_equal(ev->data[0].t, 256);
	snnq_events_close(ev);
}

/* ---- hand-made AEDAT 4 ---- */

struct bytes {
	uint8_t data[8192];
	size_t size;
};

static void put(struct bytes *b, const void *data, size_t size)
{
	assert_true(b->size + size <= sizeof(b->data));
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void put_le(struct bytes *b, uint64_t value, size_t size)
{
	value = htole64(value);
	put(b, &value, size);
}

/* Size prefix, root offset, identifier, vtable of one field, table, vector. */
static struct bytes events_buffer(int first, int count)
{
	struct bytes b = { .size = 0 };

	put_le(&b, 32 + 16 * count, 4);
	put_le(&b, 16, 4); /* root */
	put(&b, "EVTS", 4);
	put_le(&b, 6, 2); /* vtable at 8: size, table size, field 0 */
	put_le(&b, 8, 2);
	put_le(&b, 4, 2);
	put_le(&b, 0, 2);
	put_le(&b, 8, 4); /* table at 16: vtable is 8 before */
	put_le(&b, 8, 4); /* vector at 20 + 8 */
	put_le(&b, 0, 4);
	put_le(&b, count, 4);
	for (int i = first; i < first + count; i++) {
		put_le(&b, 1600000000000000ull + i * 10, 8);
		put_le(&b, i % 50, 2); /* the sensor is 40 wide */
		put_le(&b, i % 30, 2);
		put_le(&b, i & 1, 4);
	}
	return b;
}

static struct bytes compressed(const struct bytes *plain, int compression)
{
	struct bytes b = *plain;

	if (compression == 1)
		b.size = LZ4F_compressFrame(b.data, sizeof(b.data), plain->data, plain->size, NULL);
	else if (compression == 3)
		b.size = ZSTD_compress(b.data, sizeof(b.data), plain->data, plain->size, 3);
	assert_true(b.size < sizeof(b.data));
	return b;
}

static void put_packet(struct bytes *file, int stream, const struct bytes *plain, int compression)
{
	struct bytes packet = compressed(plain, compression);

	put_le(file, stream, 4);
	put_le(file, packet.size, 4);
	put(file, packet.data, packet.size);
}

/* Header with compression, data table position and info node in one table. */
static void put_header(struct bytes *file, int compression, int64_t table)
{
	const size_t xml = sizeof(SENSOR_XML) - 1;

	put(file, "#!AER-DAT4.0\r\n", 14);
	put_le(file, 48 + xml, 4);
	put_le(file, 20, 4);
	put(file, "IOHE", 4);
	put_le(file, 10, 2); /* vtable at 8 */
	put_le(file, 20, 2);
	put_le(file, 4, 2);
	put_le(file, 12, 2);
	put_le(file, 8, 2);
	put_le(file, 0, 2);
	put_le(file, 12, 4); /* table at 20 */
	put_le(file, compression, 4);
	put_le(file, 16, 4); /* info node at 28 + 16 */
	put_le(file, table, 8);
	put_le(file, 0, 4);
	put_le(file, xml, 4);
	put(file, SENSOR_XML, xml);
}

static struct bytes aedat4(int compression, int64_t table)
{
	struct bytes file = { .size = 0 }, first = events_buffer(0, 70),
		     second = events_buffer(70, 20);
	const struct bytes frame = { "\x08\0\0\0\x08\0\0\0FRME", 12 };

	put_header(&file, compression, table);
	put_packet(&file, 0, &frame, compression);
	put_packet(&file, 3, &first, compression);
	put_packet(&file, 0, &frame, compression);
	put_packet(&file, 3, &second, compression);
	return file;
}

static struct snnq_events *decoded(const struct bytes *file, size_t size, int expect)
{
	struct snnq_events *ev = events_new();

	if (chunks_same(&events_aedat4, file->data, size, 5, 1, ev) != expect)
		fail_msg("expected %d: %s", expect, ev->error);
	return ev;
}

static void aedat4_is_read_in_every_container(void **state)
{
	(void)state;
	for (int compression = 0; compression <= 3; compression += compression ? 2 : 1) {
		struct bytes file = aedat4(compression, -1);
		struct snnq_events *ev = decoded(&file, file.size, 0);

		assert_int_equal(ev->info.width, 40);
		assert_int_equal(ev->info.height, 30);
		assert_int_equal(ev->count, 80); /* 40..49 and none of 90.. lie outside */
		assert_int_equal(ev->info.dropped, 10);
		assert_int_equal(ev->data[79].t, 1600000000000890ll);
		assert_int_equal(ev->data[79].p, 1);
		assert_int_equal(ev->data[79].x, 39);
		assert_int_equal(ev->info.nonmonotonic, 0);
		snnq_events_close(ev);
	}
}

static void aedat4_stops_at_its_data_table(void **state)
{
	struct bytes file = aedat4(1, -1), with_table;
	size_t end = file.size;
	struct snnq_events *ev;

	(void)state;
	with_table = aedat4(1, end);
	put(&with_table, "\x04\x22\x4d\x18\xff\xff\xff\xff garbage", 16);
	ev = decoded(&with_table, with_table.size, 0);
	assert_int_equal(ev->count, 80);
	assert_int_equal(ev->info.dropped, 10);
	snnq_events_close(ev);
}

/* Of a recorder that ended before it wrote into the header where the table is. */
static void aedat4_finds_its_data_table(void **state)
{
	struct bytes table = { "\x08\0\0\0\x08\0\0\0FTAB\0\0\0\0\xff\xff\xff\xff", 20 };

	(void)state;
	for (int compression = 0; compression <= 3; compression += compression ? 2 : 1) {
		struct bytes file = aedat4(compression, -1), end = compressed(&table, compression);
		struct snnq_events *ev;

		put(&file, end.data, end.size);
		ev = decoded(&file, file.size, 0);
		assert_int_equal(ev->count, 80);
		assert_int_equal(ev->info.dropped, 10);
		assert_int_equal(ev->info.damaged_bytes, 0);
		snnq_events_close(ev);
	}
}

static void aedat4_tail_cut_off_is_counted(void **state)
{
	struct bytes file = aedat4(0, -1);
	struct snnq_events *ev = decoded(&file, file.size - 1, 0);

	(void)state;
	assert_int_equal(ev->count, 60);
	assert_int_equal(ev->info.dropped, 11);
	snnq_events_close(ev);
}

static void aedat4_refuses_with_the_place(void **state)
{
	struct bytes file = aedat4(0, -1);
	struct snnq_events *ev;
	size_t vector;

	(void)state;
	for (vector = 0; memcmp(file.data + vector, "EVTS\x06", 5); vector++)
		;
	file.data[vector + 24] = 71; /* one event more than there are bytes */
	ev = decoded(&file, file.size, -EBADMSG);
	assert_non_null(strstr(ev->error, "event vector lies outside the packet"));
	snnq_events_close(ev);
	file = aedat4(0, 3);
	ev = decoded(&file, file.size, -EBADMSG);
	assert_non_null(strstr(ev->error, "position 3 is before the first packet"));
	snnq_events_close(ev);
	file = aedat4(5, -1);
	ev = decoded(&file, file.size, -EBADMSG);
	assert_string_equal(ev->error, "offset 14: compression: expected 0..4, found 5");
	snnq_events_close(ev);
}

/* Each cut and each damaged byte ends in events or an error, never outside the bytes. */
static void aedat4_survives_damage(void **state)
{
	(void)state;
	for (int compression = 0; compression <= 3; compression++) {
		struct bytes file = aedat4(compression, -1);

		for (size_t i = 0; i < file.size * 2; i++) {
			size_t size = i < file.size ? i : file.size, at = i % file.size;
			struct snnq_events *ev = events_new();
			struct bytes copy = file;
			int ret;

			if (size == file.size)
				copy.data[at] ^= 0xff;
			ret = chunks_same(&events_aedat4, copy.data, size, 1 + i % 97, i % 5, ev);
			assert_true(ret == 0 || (ret == -EBADMSG && ev->error[0]));
			assert_true(ev->count <= 90);
			snnq_events_close(ev);
		}
	}
}

/* Space that was never written is told from events and packets of zeros, however it is cut. */
static void unwritten_space_in_pieces(void **state)
{
	static const uint8_t records[] = {
		3, 4, 0x80, 0, 5, 0, 0, 0, 0, 0, 3, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};

	char where[40];

	(void)state;
	for (size_t piece = 1; piece < 700; piece += piece < 20 ? 1 : 41)
		for (size_t more = 1; more < 4; more++) {
			struct bytes file = aedat4(0, -1);
			struct snnq_events *ev = events_new();

			assert_int_equal(chunks_same(&events_bs2, records, sizeof(records), piece,
						     more, ev),
					 0);
			assert_int_equal(ev->count, 3);
			assert_int_equal(ev->info.damaged_bytes, 12);
			assert_int_equal(ev->info.dropped, 1);
			snnq_events_close(ev);

			/* four events of the last packet, and space behind it */
			memset(file.data + file.size - 64, 0, 64 + 500);
			file.size += 500;
			ev = events_new();
			assert_int_equal(chunks_same(&events_aedat4, file.data, file.size, piece,
						     more, ev),
					 0);
			assert_int_equal(ev->info.damaged_bytes, 3 + 564); /* padding, too */
			assert_int_equal(ev->data[ev->count - 1].t, 1600000000000850ll);
			snnq_events_close(ev);

			/* it was not the end */
			file.data[file.size - 3] = 7;
			snprintf(where, sizeof(where), "offset %zu: packet", file.size - 500);
			ev = events_new();
			assert_int_equal(chunks_same(&events_aedat4, file.data, file.size, piece,
						     more, ev),
					 -EBADMSG);
			assert_memory_equal(ev->error, where, strlen(where));
			snnq_events_close(ev);

			/* an event of zeros, at the end of a packet behind which are others */
			file = aedat4(0, -1);
			memset(file.data + file.size - (8 + 356) - (8 + 12) - 16, 0, 16);
			ev = events_new();
			assert_int_equal(chunks_same(&events_aedat4, file.data, file.size, piece,
						     more, ev),
					 0);
			assert_int_equal(ev->info.damaged_bytes, 0);
			assert_int_equal(ev->info.nonmonotonic, 1);
			snnq_events_close(ev);
		}
}

/* What is short is a name only where nothing else says what the content is. */
static void containers_are_named(void **state)
{
	static const struct {
		const char *bytes, *name;
	} known[] = {
		{ "\x1f\x8b\x08 12345", "gzip" },
		{ "BZh91AY&SY", "bzip2" },
		{ "\xfd"
		  "7zXZ",
		  "xz" },
		{ "\x28\xb5\x2f\xfd 123", "Zstandard" },
		{ "\x04\x22\x4d\x18 123", "LZ4" },
		{ "7z\xbc\xaf 123", "a 7z archive" },
		{ "#ROSBAG V2.0\nsome more", "a ROS bag" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char name[] = "/tmp/snnq-events-XXXXXX.x", bin[] = "/tmp/snnq-events-XXXXXX.bin";
		int fd = mkstemps(name, 2), other = mkstemps(bin, 4);
		size_t n = strlen(known[i].bytes);
		struct snnq_events *ev;

		assert_int_equal(write(fd, known[i].bytes, n), n);
		assert_int_equal(write(other, known[i].bytes, n), n);
		close(fd);
		close(other);
		assert_int_equal(snnq_events_open(name, NULL, &ev), -EBADMSG);
		assert_non_null(strstr(snnq_last_error(NULL), "offset 0: found "));
		assert_non_null(strstr(snnq_last_error(NULL), known[i].name));
		if (n < 16) {
			snnq_events_close(open_ok(bin));
		} else {
			assert_int_equal(snnq_events_open(bin, NULL, &ev), -EBADMSG);
		}
		unlink(name);
		unlink(bin);
	}
}

static void unknown_content_is_refused_by_name(void **state)
{
	char name[] = "/tmp/snnq-events-XXXXXX";
	struct snnq_events *ev;
	int fd = mkstemp(name);

	(void)state;
	assert_int_equal(write(fd, "#!AER-DAT3.0\r\n", 14), 14);
	close(fd);
	assert_int_equal(snnq_events_open(name, NULL, &ev), -EBADMSG);
	assert_non_null(strstr(snnq_last_error(NULL), "found a version of AEDAT"));
	assert_int_equal(snnq_events_open(name, SNNQ_OPTS(struct snnq_events_opts, .format = "x"),
					  &ev),
			 -EINVAL);
	unlink(name);
	assert_int_equal(snnq_events_open(name, NULL, &ev), -ENOENT);
}

/* Events at 10, 20, .. 90 us, one of them later in the file; 60 lies outside the sensor. */
static void check_windows(const char *name, const char *format)
{
	static const struct {
		int64_t from, to;
		uint64_t events, dropped, nonmonotonic;
		int64_t first;
	} cases[] = {
		{ 10, 90, 8, 1, 1, 0 },
		{ 11, 90, 7, 1, 1, 9 },
		{ 10, 89, 7, 1, 1, 0 },
		{ 20, 20, 1, 0, 0, 0 },
		{ 60, 60, 0, 1, 0, 0 },
		{ 61, 69, 0, 0, 0, 0 },
		{ 61, 90, 3, 0, 0, 9 },
		{ INT64_MIN / 2, 10, 1, 0, 0, INT64_MAX / 2 + 11 },
		{ -1, INT64_MAX - 1, 8, 1, 1, 11 },
	};
	struct snnq_events_opts opts = {
		.size = sizeof(opts), .format = format, .width = 5, .height = 5, .cut = true
	};
	struct snnq_events_info info;
	struct snnq_events *ev;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		opts.from_us = cases[i].from;
		opts.to_us = cases[i].to;
		assert_int_equal(snnq_events_open(name, &opts, &ev), 0);
		assert_int_equal(snnq_events_info(ev, &info), 0);
		assert_int_equal(info.events, cases[i].events);
		assert_int_equal(info.dropped, cases[i].dropped);
		assert_int_equal(info.nonmonotonic, cases[i].nonmonotonic);
		assert_true(info.first_us == cases[i].first);
		snnq_events_close(ev);
	}
	opts.from_us = 21;
	opts.to_us = 20;
	assert_int_equal(snnq_events_open(name, &opts, &ev), -EINVAL);
	opts.from_us = INT64_MIN;
	assert_int_equal(snnq_events_open(name, &opts, &ev), -EINVAL);
}

/* Each format has one event of each time. */
static void only_a_window_is_read(void **state)
{
	static const uint8_t times[] = { 10, 20, 40, 30, 50, 60, 70, 80, 90 };
	static const char *const formats[] = { "bs2", "evt2", "evt3" };

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		char name[] = "/tmp/snnq-events-XXXXXX";
		FILE *f = fdopen(mkstemp(name), "w");

		if (k)
			fprintf(f, "%% evt %zu.0\n%% end\n", k + 1);
		for (size_t i = 0; i < sizeof(times); i++) {
			uint32_t t = times[i], x = t == 60 ? 9 : 1;
			const uint8_t bs2[] = { (uint8_t)x, 2, 0, 0, times[i] };
			const uint32_t evt2[] = { 0x80000000 | t >> 6,
						  0x10000000 | (t & 63) << 22 | x << 11 | 2 };
			const uint16_t evt3[] = { 0x8000, (uint16_t)(0x6000 | t), 2,
						  (uint16_t)(0x2000 | x) };

			fwrite(!k     ? (const void *)bs2 :
			       k == 1 ? (const void *)evt2 :
					evt3,
			       !k ? 5 : 8, 1, f);
		}
		assert_int_equal(fclose(f), 0);
		check_windows(name, formats[k]);
		unlink(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nmnist_bin_matches_digests),
		cmocka_unit_test(davis_aedat4_matches_digests),
		cmocka_unit_test(evt2_matches_digests),
		cmocka_unit_test(evt3_matches_digests),
		cmocka_unit_test(dat_matches_digests),
		cmocka_unit_test(es_matches_digests),
		cmocka_unit_test(bs3_holds_the_events_of_bs2),
		cmocka_unit_test(atis_marks_add_8192_us),
		cmocka_unit_test(bs2_has_no_marks_and_counts_what_is_wrong),
		cmocka_unit_test(bs1_is_one_row),
		cmocka_unit_test(bs3_refuses_unknown_channels),
		cmocka_unit_test(aedat4_is_read_in_every_container),
		cmocka_unit_test(aedat4_stops_at_its_data_table),
		cmocka_unit_test(aedat4_finds_its_data_table),
		cmocka_unit_test(aedat4_tail_cut_off_is_counted),
		cmocka_unit_test(aedat4_refuses_with_the_place),
		cmocka_unit_test(aedat4_survives_damage),
		cmocka_unit_test(unwritten_space_in_pieces),
		cmocka_unit_test(containers_are_named),
		cmocka_unit_test(unknown_content_is_refused_by_name),
		cmocka_unit_test(only_a_window_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
