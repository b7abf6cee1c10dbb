// SPDX-License-Identifier: MIT
/*
 * events.c - recordings: open a file, find its format, hold its events.
 *
 * A format is found by content where the content can tell (a magic string);
 * headerless formats go by the caller's option, then by the file's extension.
 */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define FILE_MAX_BYTES ((off_t)4 << 30)

static const struct events_format {
	const char *name, *magic, *extension;
	int (*decode)(const uint8_t *data, size_t size, struct snnq_events *events);
	const char *refusal;	/* recognized, but not read */
} formats[] = {
	{ "aedat4", "#!AER-DAT4.0", NULL, events_decode_aedat4, NULL },
	{ NULL, "#!AER-DAT1", NULL, NULL, "AEDAT 1.0" },
	{ NULL, "#!AER-DAT2", NULL, NULL, "AEDAT 2.0" },
	{ NULL, "#!AER-DAT3", NULL, NULL, "AEDAT 3.1" },
	{ NULL, "Event Stream", NULL, NULL, "Event Stream" },
	{ NULL, "% ", NULL, NULL, "Prophesee RAW or DAT" },
	{ "atis", NULL, ".bin", events_decode_atis, NULL },
	{ "bs2", NULL, ".bs2", events_decode_bs2, NULL },
	{ "bs3", NULL, ".bs3", events_decode_bs3, NULL },
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
		info->first_us = t;
	else if (t < info->last_us)
		info->nonmonotonic++;
	info->last_us = t;
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

static const struct events_format *find_by_content(const char *path, const uint8_t *data,
						   size_t size)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; i < FORMATS; i++) {
		const char *magic = formats[i].magic;

		if (magic && size >= strlen(magic) && !memcmp(data, magic, strlen(magic)))
			return &formats[i];
	}
	for (size_t i = 0; dot && i < FORMATS; i++)
		if (formats[i].extension && !strcasecmp(dot, formats[i].extension))
			return &formats[i];
	return NULL;
}

/* The whole regular file at @path in memory (the caller frees it). */
static int read_file(const char *path, uint8_t **data, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return error_set(-errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES) {
		close(fd);
		return error_set(-EINVAL, "%s: expected a regular file of at most 4 GiB", path);
	}
	*data = malloc(st.st_size + 1);
	while (*data && done < (size_t)st.st_size) {
		n = read(fd, *data + done, st.st_size - done);
		if (n <= 0)
			break;
		done += n;
	}
	close(fd);
	if (!*data || n < 0) {
		n = *data ? -EIO : -ENOMEM;
		free(*data);
		return error_set((int)n, n == -EIO ? "%s: cannot be read" : "%s: no memory", path);
	}
	*size = done;
	return 0;
}

static int decode(const char *path, const struct snnq_events_opts *opts, const uint8_t *data,
		  size_t size, struct snnq_events *events)
{
	const char *name = opts ? opts->format : NULL;
	const struct events_format *format;
	int ret;

	format = name ? find_by_name(name) : find_by_content(path, data, size);
	if (name && !format)
		return error_set(-EINVAL,
				 "%s: unknown format \"%s\" (known: atis, bs2, bs3, aedat4)", path,
				 name);
	if (!format)
		return error_set(-EBADMSG, "%s: offset 0: no known format in content or extension "
				 "(.bin, .bs2, .bs3, AEDAT 4); name it with a format option", path);
	if (!format->decode)
		return error_set(-EBADMSG, "%s: offset 0: found %s, which is not supported; "
				 "expected atis, bs2, bs3 or aedat4", path, format->refusal);
	events->info.format = format->name;
	if (opts) {
		events->info.width = opts->width;
		events->info.height = opts->height;
	}
	ret = format->decode(data, size, events);
	if (ret)
		return error_set(ret, "%s: %s: %s", path, format->name,
				 ret == -ENOMEM ? "too many events for memory" : events->error);
	return 0;
}

int snnq_events_open(const char *path, const struct snnq_events_opts *opts,
		     struct snnq_events **out)
{
	struct snnq_events *events;
	uint8_t *data = NULL;
	size_t size = 0;
	int ret;

	if (!path || !out || (opts && opts->size != sizeof(*opts)))
		return error_set(-EINVAL, "snnq_events_open: bad argument");
	ret = read_file(path, &data, &size);
	if (ret)
		return ret;
	events = events_new();
	ret = events ? decode(path, opts, data, size, events) :
		       error_set(-ENOMEM, "%s: no memory", path);
	free(data);
	if (ret) {
		snnq_events_close(events);
		return ret;
	}
	*out = events;
	return 0;
}

int snnq_events_from_array(const struct snnq_event *array, size_t count,
			   struct snnq_events **out)
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
