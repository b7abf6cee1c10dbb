// SPDX-License-Identifier: MIT
/* See event_file.h. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event_file.h"

#include "chunks.h"

void add(struct file *f, const void *data, size_t size)
{
	assert_true(size <= sizeof(f->data) - f->size);
	memcpy(f->data + f->size, data, size);
	f->size += size;
}

void add_text(struct file *f, const char *text)
{
	add(f, text, strlen(text));
}

void add_le(struct file *f, uint64_t value, size_t bytes)
{
	value = htole64(value);
	add(f, &value, bytes);
}

void add_be32(struct file *f, uint32_t value)
{
	value = htobe32(value);
	add(f, &value, sizeof(value));
}

/* Written and opened as users do; the format by @name, or found when that is NULL. */
static int open_file(const struct file *f, const char *name, struct snnq_events **events)
{
	char path[] = "/tmp/snnq-formats-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->data, f->size), f->size);
	close(fd);
	ret = snnq_events_open(path, SNNQ_OPTS(struct snnq_events_opts, .format = name), events);
	unlink(path);
	return ret;
}

/* A pipe that gives the file in so many pieces, one at each read. */
static int pipe_of(const struct file *f, size_t pieces)
{
	size_t each = f->size / pieces + 1;
	int ends[2];

	assert_int_equal(pipe2(ends, O_DIRECT), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0);
	for (size_t at = 0; at < f->size; at += each) {
		size_t n = f->size - at < each ? f->size - at : each;

		assert_int_equal(write(ends[1], f->data + at, n), n);
	}
	close(ends[1]);
	return ends[0];
}

/* All that comes out of it: a recording of these events, or the error. */
static int read_pipe(const struct file *f, const char *name, size_t pieces, struct snnq_events *all)
{
	int fd = pipe_of(f, pieces);
	const struct snnq_event *some;
	struct snnq_reader *reader;
	int64_t n = snnq_reader_open(fd, "pipe", SNNQ_OPTS(struct snnq_events_opts, .format = name),
				     &reader);

	if (!n) {
		while ((n = snnq_reader_next(reader, &some)) > 0)
			for (int64_t i = 0; i < n; i++)
				events_append(all, some[i].t, some[i].x, some[i].y, some[i].p);
		/* told again */
		assert_int_equal(snnq_reader_next(reader, &some), n);
		snnq_reader_info(reader, &all->info);
		snnq_reader_close(reader);
	}
	close(fd);
	return (int)n;
}

/* The same as of the file. */
static void pipe_holds(const struct file *f, const char *name, struct snnq_events *ev)
{
	for (size_t pieces = 1; pieces < 200; pieces = pieces * 3 + 1) {
		struct snnq_events *all = events_new();

		if (read_pipe(f, name, pieces, all))
			fail_msg("%zu pieces: %s", pieces, snnq_last_error(NULL));
		assert_true(chunks_equal(ev, all));
		assert_string_equal(all->info.format, ev->info.format);
		snnq_events_close(all);
	}
}

void holds(const struct file *f, const char *name, const char *format,
	   const struct snnq_event *want, size_t count)
{
	const struct snnq_event *data;
	struct snnq_events_info info;
	struct snnq_events *ev;

	if (open_file(f, name, &ev))
		fail_msg("%s", snnq_last_error(NULL));
	snnq_events_info(ev, &info);
	assert_string_equal(info.format, format);
	assert_int_equal(snnq_events_data(ev, &data), count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(data[i].t, want[i].t);
		assert_int_equal(data[i].x, want[i].x);
		assert_int_equal(data[i].y, want[i].y);
		assert_int_equal(data[i].p, want[i].p);
	}
	pipe_holds(f, name, ev);
	snnq_events_close(ev);
}

void refused(const struct file *f, const char *name, const char *words)
{
	struct snnq_events *ev;

	assert_int_equal(open_file(f, name, &ev), -EBADMSG);
	if (!strstr(snnq_last_error(NULL), words))
		fail_msg("\"%s\" in \"%s\"", words, snnq_last_error(NULL));
	for (size_t pieces = 1; pieces < 200; pieces = pieces * 3 + 1) {
		ev = events_new();
		assert_int_equal(read_pipe(f, name, pieces, ev), -EBADMSG);
		assert_non_null(strstr(snnq_last_error(NULL), words));
		snnq_events_close(ev);
	}
}

struct snnq_events_info info_of(const struct file *f, const char *name)
{
	struct snnq_events_info info;
	struct snnq_events *ev;

	if (open_file(f, name, &ev))
		fail_msg("%s", snnq_last_error(NULL));
	snnq_events_info(ev, &info);
	snnq_events_close(ev);
	return info;
}

void survives(const struct file *f, const struct events_decoder *decoder)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 40, 333 };

	for (size_t i = 0; i < 2 * f->size; i++) {
		size_t size = i < f->size ? i : f->size;
		struct snnq_events *ev = events_new();
		struct file copy = *f;
		int ret;

		if (i >= f->size)
			copy.data[i - f->size] ^= 0xff;
		ret = chunks_same(decoder, copy.data, size, pieces[i % 6], i % 4, ev);
		assert_true(ret == 0 || (ret == -EBADMSG && ev->error[0]));
		snnq_events_close(ev);
	}
}
