// SPDX-License-Identifier: MIT
/* See source.h. */
#define _GNU_SOURCE
#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define ROOM_FIRST ((size_t)128 << 10)
/* Beyond the longest piece of a decoder. */
#define ROOM_MOST ((size_t)128 << 20)

/* The next bytes; 0 at the end, or -errno with the error set. */
static ssize_t read_some(const struct events_source *s, uint8_t *to, size_t size)
{
	off_t at = (off_t)(s->offset + s->held);

	if (s->unpacked)
		return s->format->container->read(s->unpacked, to, size);
	for (;;) {
		ssize_t n = s->seekable ? pread(s->fd, to, size, at) : read(s->fd, to, size);

		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return error_set(-errno, "%s: cannot be read: %s", s->path,
					 strerror(errno));
		if (errno == EAGAIN)
			poll(&(struct pollfd){ .fd = s->fd, .events = POLLIN }, 1, -1);
	}
}

static int grow(struct events_source *s)
{
	size_t room = s->room ? s->room * 2 : ROOM_FIRST;
	uint8_t *bytes;

	if (room > ROOM_MOST)
		return error_set(-EBADMSG,
				 "%s: offset %llu: expected pieces of at most %zu bytes, "
				 "found a longer one",
				 s->path, (unsigned long long)s->offset, ROOM_MOST);
	bytes = realloc(s->bytes, room + 1);
	if (!bytes)
		return error_set(-ENOMEM, "%s: no memory", s->path);
	s->bytes = bytes;
	s->room = room;
	return 0;
}

/* Wait for more bytes, or the end. */
static int fill(struct events_source *s)
{
	ssize_t n;
	int ret;

	if (s->at) {
		memmove(s->bytes, s->bytes + s->at, s->held);
		s->at = 0;
	}
	ret = s->held == s->room ? grow(s) : 0;
	if (ret)
		return ret;
	n = read_some(s, s->bytes + s->held, s->room - s->held);
	if (n < 0)
		return (int)n;
	s->held += (size_t)n;
	s->last = !n;
	s->bytes[s->held] = 0;
	return 0;
}

/* A file that is read from its beginning: its events come out of a container. */
static int unpack(struct events_source *s, const struct format_option *option,
		  struct snnq_events *sink)
{
	int64_t unit_ns = 0;
	struct stat st;
	int ret;

	if (fstat(s->fd, &st) || !S_ISREG(st.st_mode) ||
	    (!s->seekable && lseek(s->fd, 0, SEEK_CUR) != (off_t)s->held))
		return error_set(-EBADMSG,
				 "%s: %s: expected a file, which is read at several places at "
				 "once, found a pipe",
				 s->path, s->format->name);
	ret = s->format->container->open(s->fd, s->path, option, &s->unpacked, &unit_ns);
	if (!sink->unit_ns)
		sink->unit_ns = unit_ns;
	s->held = 0;
	s->last = false;
	return ret;
}

static int find_format(struct events_source *s, const struct format_option *option,
		       struct snnq_events *sink)
{
	size_t size;
	int ret = 0;

	do
		ret = fill(s);
	while (!ret && !s->last && s->held < FORMAT_HEAD_BYTES &&
	       !events_format_tells(s->bytes, s->held));
	if (ret)
		return ret;
	size = s->held < FORMAT_HEAD_BYTES ? s->held : FORMAT_HEAD_BYTES;
	s->format = events_format_find(s->path, option, s->bytes, size, &ret);
	if (!s->format)
		return ret;
	s->state = calloc(1, s->format->decoder->state_bytes);
	if (!s->state)
		return error_set(-ENOMEM, "%s: no memory", s->path);
	return s->format->container ? unpack(s, option, sink) : 0;
}

/* What the caller wants of the recording. */
static int take_window(const struct events_source *s, struct snnq_events *sink)
{
	const struct snnq_events_opts *o = &s->opts;
	int64_t span;

	if (!o->cut)
		return 0;
	if (__builtin_sub_overflow(o->to_us, o->from_us, &span) || span < 0)
		return error_set(-EINVAL,
				 "%s: window: expected an end at or after its beginning at %" PRId64
				 " us, found %" PRId64,
				 s->path, o->from_us, o->to_us);
	sink->from_us = sink->origin_us = o->from_us;
	sink->to_us = o->to_us;
	return 0;
}

/* As lists have it, in messages. */
static int name_part(struct events_source *s, const char *part)
{
	char *path;

	if (asprintf(&path, "%s[%s]", s->file, part) < 0)
		return error_set(-ENOMEM, "%s: no memory", s->path);
	free(s->path);
	s->path = path;
	return 0;
}

/* The option is kept: the recording may be read again. */
static int take_option(struct events_source *s, struct format_option *option,
		       struct snnq_events *sink)
{
	int ret;

	if (!s->opts.format)
		return 0;
	s->option = strdup(s->opts.format);
	s->opts.format = s->option;
	if (!s->option)
		return error_set(-ENOMEM, "%s: no memory", s->path);
	ret = format_option_read(s->path, s->option, option);
	sink->unit_ns = option->unit_ns;
	return ret || !*option->part ? ret : name_part(s, option->part);
}

int source_open(struct events_source *s, int fd, bool seekable, const char *path,
		const struct snnq_events_opts *opts, struct snnq_events *sink)
{
	struct format_option option;
	int ret;

	*s = (struct events_source){
		.fd = fd, .seekable = seekable, .file = strdup(path), .path = strdup(path)
	};
	if (!s->file || !s->path)
		return error_set(-ENOMEM, "%s: no memory", path);
	if (opts)
		s->opts = *opts;
	ret = take_window(s, sink);
	if (!ret)
		ret = take_option(s, &option, sink);
	if (!ret)
		ret = find_format(s, s->option ? &option : NULL, sink);
	if (ret)
		return ret;
	sink->info.format = s->format->name;
	sink->info.width = s->opts.width;
	sink->info.height = s->opts.height;
	if (s->opts.channels)
		sink->channels = s->opts.channels;
	return 0;
}

int source_again(const struct events_source *s, struct events_source *other,
		 struct snnq_events *sink)
{
	struct snnq_events_opts opts = s->opts;

	if (!opts.format)
		opts.format = s->format->name;
	return source_open(other, s->fd, s->seekable, s->file, &opts, sink);
}

/* What is held, as far as it goes. */
static int decode(struct events_source *s, struct snnq_events *sink)
{
	int64_t n;

	sink->base = s->offset;
	n = s->format->decoder->take(s->state, s->bytes + s->at, s->held, s->last, sink);
	if (n < 0)
		return error_set((int)n, "%s: %s: %s", s->path, s->format->name,
				 n == -ENOMEM ? "too many events for memory" : sink->error);
	s->at += (size_t)n;
	s->held -= (size_t)n;
	s->offset += (uint64_t)n;
	s->end = s->last && !events_full(sink);
	return 0;
}

int source_read(struct events_source *s, struct snnq_events *sink, bool some)
{
	if (s->error)
		return error_set(s->error, "%s", s->message);
	while (!s->error && !s->end && !events_full(sink)) {
		s->error = decode(s, sink);
		if (s->error || s->end || events_full(sink) || (some && sink->count))
			break;
		s->error = fill(s);
	}
	if (s->error)
		snprintf(s->message, sizeof(s->message), "%s", error_get());
	return s->error;
}

void source_close(struct events_source *s)
{
	if (s->state && s->format->decoder->release)
		s->format->decoder->release(s->state);
	if (s->unpacked)
		s->format->container->close(s->unpacked);
	free(s->state);
	free(s->bytes);
	free(s->option);
	free(s->path);
	free(s->file);
}
