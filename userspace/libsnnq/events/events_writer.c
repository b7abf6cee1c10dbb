// SPDX-License-Identifier: MIT
/*
 * events_writer.c - write recordings: what all formats have in common.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "writer.h"

static const struct writer_format *const formats[] = { &writer_evt3, &writer_aedat4 };

#define FORMATS (sizeof(formats) / sizeof(formats[0]))
#define AT_ONCE 1024 /* events that are turned */

static const struct writer_format *find_format(const char *path, const char *name)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; i < FORMATS; i++)
		if (name ? !strcmp(name, formats[i]->name) :
			   dot && !strcasecmp(dot, formats[i]->extension))
			return formats[i];
	return NULL;
}

static int choose_format(struct snnq_writer *w, const struct snnq_writer_opts *opts)
{
	w->format = find_format(w->path, opts->format);
	if (!w->format && opts->format)
		return error_set(-EINVAL,
				 "%s: unknown format to write \"%s\" (known: evt3, aedat4)",
				 w->path, opts->format);
	if (!w->format)
		return error_set(-EINVAL,
				 "%s: expected the extension .raw (evt3) or .aedat4, or a format "
				 "by name",
				 w->path);
	return 0;
}

static int choose_compression(struct snnq_writer *w, const char *name)
{
	static const char *const names[] = {
		[WRITE_PLAIN] = "none",
		[WRITE_LZ4] = "lz4",
		[WRITE_ZSTD] = "zstd",
	};

	if (!name) {
		w->compression = w->format->compresses ? WRITE_LZ4 : WRITE_PLAIN;
		return 0;
	}
	if (!w->format->compresses)
		return error_set(-EINVAL, "%s: %s has no compression to choose", w->path,
				 w->format->name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name)) {
			w->compression = (enum writer_compression)i;
			return 0;
		}
	return error_set(-EINVAL, "%s: compression: expected none, lz4 or zstd, found \"%s\"",
			 w->path, name);
}

/* The first part of the file, once the sensor is known. */
static int begin(struct snnq_writer *w, uint32_t width, uint32_t height)
{
	uint32_t most = w->format->most;

	if (w->width)
		return 0;
	if (!width || !height)
		return error_set(-EINVAL, "%s: expected the width and height of the sensor",
				 w->path);
	if (width > most || height > most)
		return error_set(-EINVAL,
				 "%s: sensor: %s expects at most %" PRIu32 " x %" PRIu32
				 ", found %" PRIu32 " x %" PRIu32,
				 w->path, w->format->name, most, most, width, height);
	w->width = (uint16_t)width;
	w->height = (uint16_t)height;
	w->error = w->format->begin(w);
	return w->error;
}

static void writer_free(struct snnq_writer *w)
{
	if (w->state && w->format->release)
		w->format->release(w->state);
	free(w->state);
	free(w->path);
	free(w);
}

static int set_up(struct snnq_writer *w, const struct snnq_writer_opts *opts)
{
	int ret = choose_format(w, opts);

	if (!ret)
		ret = choose_compression(w, opts->compression);
	if (ret)
		return ret;
	w->state = calloc(1, w->format->state_bytes);
	if (!w->state)
		return error_set(-ENOMEM, "%s: no memory", w->path);
	ret = output_open(w->path, &w->output);
	if (ret)
		return error_set(ret, "%s", output_problem());
	if (opts->width || opts->height)
		ret = begin(w, opts->width, opts->height);
	if (ret)
		output_cancel(&w->output);
	return ret;
}

int snnq_writer_open(const char *path, const struct snnq_writer_opts *opts,
		     struct snnq_writer **writer)
{
	struct snnq_writer *w;
	int ret;

	if (!path || !writer || !opts || opts->size != sizeof(*opts))
		return error_set(-EINVAL, "snnq_writer_open: bad argument");
	w = calloc(1, sizeof(*w));
	if (w)
		w->path = strdup(path);
	if (!w || !w->path) {
		free(w);
		return error_set(-ENOMEM, "%s: no memory", path);
	}
	ret = set_up(w, opts);
	if (ret) {
		writer_free(w);
		return ret;
	}
	*writer = w;
	return 0;
}

/* Whether formats can have these events, behind those before. */
static int check(const struct snnq_writer *w, const struct snnq_event *events, size_t count)
{
	int64_t last = w->any ? w->last_us : 0;

	for (size_t i = 0; i < count; i++) {
		const struct snnq_event *e = &events[i];

		if (e->t < last)
			return error_set(-EINVAL,
					 "%s: time of an event: expected at least %" PRId64
					 " us, found %" PRId64,
					 w->path, last, e->t);
		if (e->x >= w->width || e->y >= w->height)
			return error_set(
				-EINVAL,
				"%s: place of an event: expected one of %u x %u, found %u, %u",
				w->path, w->width, w->height, e->x, e->y);
		last = e->t;
	}
	return 0;
}

int snnq_writer_put(struct snnq_writer *w, const struct snnq_event *events, size_t count)
{
	int ret = w->error;

	if (ret)
		return error_set(ret, "%s: an earlier call failed", w->path);
	if (!count)
		return 0;
	ret = begin(w, 0, 0);
	if (!ret)
		ret = check(w, events, count);
	if (ret)
		return ret;
	w->error = w->format->put(w, events, count);
	w->any = true;
	w->last_us = events[count - 1].t;
	return w->error;
}

/* What others count from the bottom counts from the top in what is written here. */
static int put_upright(struct snnq_writer *w, const struct snnq_events_info *info,
		       const struct snnq_event *events, size_t count)
{
	struct snnq_event turned[AT_ONCE];
	size_t n, i;
	int ret = 0;

	if (!info->origin_bottom)
		return snnq_writer_put(w, events, count);
	for (; !ret && count; events += n, count -= n) {
		n = count < AT_ONCE ? count : AT_ONCE;
		for (i = 0; i < n; i++) {
			turned[i] = events[i];
			turned[i].y = (uint16_t)(w->height - 1 - events[i].y);
		}
		ret = snnq_writer_put(w, turned, n);
	}
	return ret;
}

int snnq_writer_put_recording(struct snnq_writer *w, struct snnq_events *events)
{
	const struct snnq_event *next;
	int64_t n;
	int ret = begin(w, events->info.width, events->info.height);

	if (ret)
		return ret;
	while ((n = events_next(events, &next)) > 0) {
		ret = put_upright(w, &events->info, next, (size_t)n);
		if (ret)
			return ret;
		events->cursor += (size_t)n;
	}
	if (!n && events->late)
		return error_set(-EBADMSG,
				 "%s: %" PRIu64 " events come later than %u others that they "
				 "should precede",
				 w->path, events->late, EVENTS_AHEAD / 2);
	return (int)n;
}

int snnq_writer_put_reader(struct snnq_writer *w, struct snnq_reader *reader)
{
	const struct snnq_event *next;
	struct snnq_events_info info;
	int64_t n;
	int ret;

	do {
		n = snnq_reader_next(reader, &next);
		if (n < 0)
			return (int)n;
		snnq_reader_info(reader, &info);
		ret = begin(w, info.width, info.height);
		if (!ret)
			ret = put_upright(w, &info, next, (size_t)n);
	} while (!ret && n);
	return ret;
}

int snnq_writer_close(struct snnq_writer *w, bool keep)
{
	int ret;

	if (!w)
		return 0;
	ret = keep && w->error ? error_set(w->error, "%s: an earlier call failed", w->path) : 0;
	if (!ret && keep)
		ret = begin(w, 0, 0);
	if (!ret && keep)
		ret = w->format->end(w);
	if (ret || !keep) {
		output_cancel(&w->output);
	} else {
		ret = output_commit(&w->output);
		if (ret)
			error_set(ret, "%s", output_problem());
	}
	writer_free(w);
	return ret;
}
