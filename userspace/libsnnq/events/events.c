// SPDX-License-Identifier: MIT
/*
 * events.c - recordings: open a file, find its format, hold its events.
 *
 * A format is found by content where the content can tell (a magic string), and then nobody
 * may name another; headerless formats go by the caller's option, then by the file's extension.
 */
#include "events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

#define FILE_MAX_BYTES ((uint64_t)4 << 30)
#define HEAD_BYTES     1024 /* what tells formats apart */

static const struct events_format {
	const char *name, *magic, *extension;
	int (*decode)(const uint8_t *data, size_t size, struct snnq_events *events);
	const char *refusal;  /* recognized, but not read */
	uint32_t event_bytes; /* where all events have as many; 0: they do not */
} formats[] = {
	{ "aedat4", "#!AER-DAT4.0", NULL, events_decode_aedat4, NULL, 0 },
	{ NULL, "#!AER-DAT1", NULL, NULL, "AEDAT 1.0", 0 },
	{ NULL, "#!AER-DAT2", NULL, NULL, "AEDAT 2.0", 0 },
	{ NULL, "#!AER-DAT3", NULL, NULL, "AEDAT 3.1", 0 },
	{ NULL, "Event Stream", NULL, NULL, "Event Stream", 0 },
	{ NULL, "% ", NULL, NULL, "Prophesee RAW or DAT", 0 },
	{ NULL, "\x89HDF\r\n\x1a\n", NULL, NULL, "HDF5", 0 },
	{ NULL, "\x93NUMPY", NULL, NULL, "NumPy's format", 0 },
	{ NULL, "\x89PNG\r\n\x1a\n", NULL, NULL, "a picture", 0 },
	{ NULL, "#ROSBAG V", NULL, NULL, "a ROS bag", 0 },
	{ NULL,
	  "\x7f"
	  "ELF\x02\x01\x01",
	  NULL, NULL, "a program", 0 },
	{ "atis", NULL, ".bin", events_decode_atis, NULL, 5 },
	{ "bs2", NULL, ".bs2", events_decode_bs2, NULL, 5 },
	{ "bs3", NULL, ".bs3", events_decode_bs3, NULL, 7 },
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

int events_bad(struct snnq_events *events, uint64_t offset, const char *format, ...)
{
	va_list args;
	int n = snprintf(events->error, sizeof(events->error), "offset %" PRIu64 ": ", offset);

	va_start(args, format);
	vsnprintf(events->error + n, sizeof(events->error) - n, format, args);
	va_end(args);
	return -EBADMSG;
}

struct snnq_events *events_new(void)
{
	return calloc(1, sizeof(struct snnq_events));
}

static int events_grow(struct snnq_events *events)
{
	size_t capacity = events->capacity ? events->capacity * 2 : 4096;
	struct snnq_event *data;

	if (events->count >= EVENTS_MAX)
		return -ENOMEM;
	data = realloc(events->data, capacity * sizeof(*data));
	if (!data)
		return -ENOMEM;
	events->data = data;
	events->capacity = capacity;
	return 0;
}

int events_append(struct snnq_events *events, int64_t t, uint16_t x, uint16_t y, bool on)
{
	struct snnq_events_info *info = &events->info;
	int ret;

	if ((info->width && x >= info->width) || (info->height && y >= info->height)) {
		info->dropped++;
		return 0;
	}
	if (events->count == events->capacity) {
		ret = events_grow(events);
		if (ret)
			return ret;
	}
	if (!events->count)
		info->first_us = info->last_us = t;
	else if (t < events->previous_us)
		info->nonmonotonic++;
	events->previous_us = t;
	info->first_us = t < info->first_us ? t : info->first_us;
	info->last_us = t > info->last_us ? t : info->last_us;
	events->data[events->count++] = (struct snnq_event){ .t = t, .x = x, .y = y, .p = on };
	info->events = events->count;
	return 0;
}

static const struct events_format *find_by_name(const char *name)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (formats[i].name && !strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

/* A magic of two bytes could be the coordinates of an event: a line of text must follow. */
static bool has_text_line(const uint8_t *data, size_t size)
{
	size_t n = 0;

	while (n < size && n < HEAD_BYTES && data[n] >= ' ' && data[n] < 0x7f)
		n++;
	return n < size && n < HEAD_BYTES && n > 2 && (data[n] == '\n' || data[n] == '\r');
}

/* A model file: the length of its header, and JSON. */
static bool is_model(const uint8_t *head, size_t size)
{
	static const struct {
		uint8_t bytes[5];
	} high = { { 0, 0, 0, 0, '{' } };
	size_t n = 9;

	if (size < 16 || memcmp(head + 4, high.bytes, sizeof(high.bytes)))
		return false;
	n += strspn((const char *)head + n, " \t\r\n");
	return head[n] == '"';
}

static const struct events_format *find_by_magic(const uint8_t *data, size_t size)
{
	static const struct events_format model = { .refusal = "a model" };

	if (is_model(data, size))
		return &model;
	for (size_t i = 0; i < FORMATS; i++) {
		const char *magic = formats[i].magic;
		size_t n = magic ? strlen(magic) : 0;

		if (n && size >= n && !memcmp(data, magic, n) &&
		    (n > 2 || has_text_line(data, size)))
			return &formats[i];
	}
	return NULL;
}

static const struct events_format *find_by_extension(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < FORMATS; i++)
		if (formats[i].extension && !strcasecmp(dot, formats[i].extension))
			return &formats[i];
	return NULL;
}

/* The format of a file that begins with @head; NULL with the error set and the code in @ret. */
static const struct events_format *find_format(const char *path, const char *name,
					       const uint8_t *head, size_t size, int *ret)
{
	const struct events_format *format = find_by_magic(head, size), *named = NULL;

	if (name) {
		named = find_by_name(name);
		if (!named) {
			*ret = error_set(-EINVAL,
					 "%s: unknown format \"%s\" (known: atis, bs2, "
					 "bs3, aedat4)",
					 path, name);
			return NULL;
		}
		if (format && format != named) {
			*ret = error_set(-EBADMSG,
					 "%s: offset 0: expected %s, as the option says, "
					 "found %s",
					 path, name, format->name ? format->name : format->refusal);
			return NULL;
		}
		return named;
	}
	if (!format)
		format = find_by_extension(path);
	if (!format)
		*ret = error_set(-EBADMSG,
				 "%s: offset 0: no known format in content or extension "
				 "(.bin, .bs2, .bs3, AEDAT 4); name it with a format option",
				 path);
	else if (!format->decode)
		*ret = error_set(-EBADMSG,
				 "%s: offset 0: found %s, which is not supported; "
				 "expected atis, bs2, bs3 or aedat4",
				 path, format->refusal);
	return format && format->decode ? format : NULL;
}

/* Up to @size bytes from the start; fewer only at the end. Negative: -errno. */
static int64_t read_start(int fd, uint8_t *data, uint64_t size)
{
	uint64_t done = 0;
	ssize_t n = 1;

	while (done < size && n > 0) {
		n = pread(fd, data + done, size - done, (off_t)done);
		if (n > 0)
			done += (uint64_t)n;
	}
	return n < 0 ? -errno : (int64_t)done;
}

static int decode(const char *path, int fd, uint64_t bytes, const struct events_format *format,
		  struct snnq_events *events)
{
	uint8_t *data = malloc(bytes + 1);
	int64_t size = data ? read_start(fd, data, bytes) : -ENOMEM;
	int ret;

	if (size < 0) {
		free(data);
		return error_set((int)size, "%s: cannot be read: %s", path, strerror((int)-size));
	}
	ret = format->decode(data, (size_t)size, events);
	free(data);
	if (ret)
		return error_set(ret, "%s: %s: %s", path, format->name,
				 ret == -ENOMEM ? "too many events for memory" : events->error);
	return 0;
}

/* Find the format and decode; what is too large is refused before it is read. */
static int read_events(const char *path, int fd, uint64_t bytes,
		       const struct snnq_events_opts *opts, struct snnq_events *events)
{
	const struct events_format *format;
	uint8_t head[HEAD_BYTES + 1];
	int64_t size = read_start(fd, head, HEAD_BYTES);
	uint64_t most = FILE_MAX_BYTES;
	int ret = 0;

	if (size < 0)
		return error_set((int)size, "%s: cannot be read: %s", path, strerror((int)-size));
	head[size] = 0;
	format = find_format(path, opts ? opts->format : NULL, head, (size_t)size, &ret);
	if (!format)
		return ret;
	if (format->event_bytes)
		most = (uint64_t)EVENTS_MAX * format->event_bytes;
	if (bytes > most)
		return error_set(-EBADMSG,
				 "%s: %s: expected at most %" PRIu64 " bytes, found %" PRIu64, path,
				 format->name, most, bytes);
	events->info.format = format->name;
	if (opts) {
		events->info.width = opts->width;
		events->info.height = opts->height;
	}
	return decode(path, fd, bytes, format, events);
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
	ret = events ? read_events(path, fd, bytes, opts, events) :
		       error_set(-ENOMEM, "%s: no memory", path);
	close(fd);
	if (ret) {
		snnq_events_close(events);
		return ret;
	}
	*out = events;
	return 0;
}

int snnq_events_from_array(const struct snnq_event *array, size_t count, struct snnq_events **out)
{
	struct snnq_events *events = events_new();
	int ret = events ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < count; i++)
		ret = events_append(events, array[i].t, array[i].x, array[i].y, array[i].p);
	if (ret) {
		snnq_events_close(events);
		return error_set(ret, "snnq_events_from_array: no memory for %zu events", count);
	}
	events->info.format = "array";
	*out = events;
	return 0;
}

int snnq_events_info(struct snnq_events *events, struct snnq_events_info *info)
{
	*info = events->info;
	return 0;
}

size_t snnq_events_data(struct snnq_events *events, const struct snnq_event **data)
{
	*data = events->data;
	return events->count;
}

void snnq_events_close(struct snnq_events *events)
{
	if (!events)
		return;
	free(events->data);
	free(events->sorted);
	free(events);
}
