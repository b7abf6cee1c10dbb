// SPDX-License-Identifier: MIT
/*
 * events.c - recordings in files.
 *
 * Most are read when they are opened, and held in memory whole. Of a longer one as many events are
 * read ahead as put nearly all in order; it slides on as they are taken.
 */
#include "events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "source.h"

#define SCAN_EVENTS 65536

/* What remains to be read of a recording that is not held whole. */
struct events_rest {
	struct events_source source;
	uint64_t ordered; /* events that go back in time, among those that are in order */
	int64_t taken_us; /* time of the last event that was taken */
	bool taken;
	struct snnq_events *all;      /* in the order of the file, when they were asked for */
	struct snnq_events_info info; /* of the whole, when that was */
	bool known;
};

static int by_time(const void *a, const void *b)
{
	const struct snnq_event *x = a, *y = b;

	return x->t < y->t ? -1 : x->t > y->t;
}

static void rest_free(struct events_rest *rest)
{
	if (!rest)
		return;
	close(rest->source.fd);
	source_close(&rest->source);
	if (rest->all)
		events_free(rest->all);
	free(rest);
}

/* Those that were read: in the order of time. Late is what should have been taken before. */
static void put_in_order(struct snnq_events *events)
{
	struct events_rest *rest = events->rest;

	if (rest->ordered != events->info.nonmonotonic)
		qsort(events->data, events->count, sizeof(*events->data), by_time);
	rest->ordered = events->info.nonmonotonic;
	for (; rest->taken && events->cursor < events->count &&
	       events->data[events->cursor].t < rest->taken_us;
	     events->cursor++)
		events->late++;
}

/* Let go what was taken, and read on. */
static int slide(struct snnq_events *events)
{
	struct events_rest *rest = events->rest;
	int ret;

	if (events->cursor) {
		rest->taken_us = events->data[events->cursor - 1].t;
		rest->taken = true;
		events->count -= events->cursor;
		memmove(events->data, events->data + events->cursor,
			events->count * sizeof(*events->data));
		events->cursor = 0;
	}
	ret = source_read(&rest->source, events, false);
	put_in_order(events);
	return ret;
}

static int64_t next_of_rest(struct snnq_events *events, const struct snnq_event **next)
{
	const struct events_source *source = &events->rest->source;
	bool all = source->end;
	size_t until;
	int ret = 0;

	if (!all && events->cursor >= events->count / 2) {
		ret = slide(events);
		all = ret || source->end;
	}
	/* The second half is there to put in order what comes behind it. */
	until = all || events->cursor >= events->count / 2 ? events->count : events->count / 2;
	*next = events->data + events->cursor;
	return until == events->cursor ? ret : (int64_t)(until - events->cursor);
}

int64_t events_next(struct snnq_events *events, const struct snnq_event **next)
{
	const struct snnq_event *all = events->data;

	if (events->rest)
		return next_of_rest(events, next);
	if (events->info.nonmonotonic && !events->sorted) {
		events->sorted = malloc(events->count * sizeof(*events->sorted));
		if (!events->sorted)
			return error_set(-ENOMEM, "no memory to sort the recording");
		memcpy(events->sorted, events->data, events->count * sizeof(*events->sorted));
		qsort(events->sorted, events->count, sizeof(*events->sorted), by_time);
	}
	if (events->sorted)
		all = events->sorted;
	*next = all ? all + events->cursor : NULL;
	return (int64_t)(events->count - events->cursor);
}

/* ---- the whole of a recording that is not held so ---- */

typedef int (*visitor)(void *ctx, const struct snnq_event *events, size_t count);

/* Read all of it again: into @sink or, when that has a limit, past @visit, where there is one. */
static int read_again(const struct events_rest *rest, struct snnq_events *sink, visitor visit,
		      void *ctx)
{
	struct events_source source;
	int ret = source_again(&rest->source, &source, sink);

	while (!ret && !source.end) {
		ret = source_read(&source, sink, false);
		if (sink->limit == SIZE_MAX)
			continue;
		if (!ret && visit)
			ret = visit(ctx, sink->data, sink->count);
		sink->count = 0;
	}
	source_close(&source);
	return ret;
}

/* @info: what it was like; or NULL. */
static int scan(const struct events_rest *rest, visitor visit, void *ctx,
		struct snnq_events_info *info)
{
	struct snnq_events *sink = events_new();
	int ret;

	if (!sink)
		return error_set(-ENOMEM, "no memory");
	sink->limit = SCAN_EVENTS;
	ret = read_again(rest, sink, visit, ctx);
	if (info)
		*info = sink->info;
	events_free(sink);
	return ret;
}

int snnq_events_visit(struct snnq_events *events, visitor visit, void *ctx)
{
	if (events->rest)
		return scan(events->rest, visit, ctx, NULL);
	return events->count ? visit(ctx, events->data, events->count) : 0;
}

int snnq_events_info(struct snnq_events *events, struct snnq_events_info *info)
{
	struct events_rest *rest = events->rest;
	int ret;

	*info = events->info;
	if (!rest || rest->source.end)
		return 0;
	if (!rest->known) {
		ret = scan(rest, NULL, NULL, &rest->info);
		if (ret)
			return ret;
		rest->known = true;
	}
	*info = rest->info;
	return 0;
}

int64_t snnq_events_data(struct snnq_events *events, const struct snnq_event **data)
{
	struct events_rest *rest = events->rest;
	struct snnq_events *all = events;
	int ret;

	if (rest && !rest->all) {
		all = events_new();
		ret = all ? read_again(rest, all, NULL, NULL) : error_set(-ENOMEM, "no memory");
		if (ret) {
			if (all)
				events_free(all);
			return ret;
		}
		rest->all = all;
	}
	if (rest)
		all = rest->all;
	*data = all->data;
	return (int64_t)all->count;
}

/* ---- open, close ---- */

/* All of it, or what is ahead. The descriptor is in good hands in either case. */
static int read_file(const char *path, int fd, const struct snnq_events_opts *opts,
		     struct snnq_events *events)
{
	struct events_rest *rest = calloc(1, sizeof(*rest));
	int ret;

	if (!rest) {
		close(fd);
		return error_set(-ENOMEM, "%s: no memory", path);
	}
	events->limit = EVENTS_AHEAD;
	ret = source_open(&rest->source, fd, true, path, opts, events);
	if (!ret)
		ret = source_read(&rest->source, events, false);
	events->begin_us = events->info.first_us;
	if (ret || rest->source.end) {
		rest_free(rest);
		return ret;
	}
	events->rest = rest;
	put_in_order(events);
	return 0;
}

int snnq_events_open(const char *path, const struct snnq_events_opts *opts,
		     struct snnq_events **out)
{
	struct snnq_events *events;
	uint64_t bytes;
	int fd, ret;

	if (!path || !out || (opts && opts->size != sizeof(*opts)))
		return error_set(-EINVAL, "snnq_events_open: bad argument");
	fd = file_open(path, &bytes);
	if (fd < 0)
		return fd;
	events = events_new();
	if (!events) {
		close(fd);
		return error_set(-ENOMEM, "%s: no memory", path);
	}
	ret = read_file(path, fd, opts, events);
	if (ret) {
		snnq_events_close(events);
		return ret;
	}
	*out = events;
	return 0;
}

void snnq_events_close(struct snnq_events *events)
{
	if (!events)
		return;
	rest_free(events->rest);
	events_free(events);
}
