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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "prophesee.h"

#define FILE_MAX_BYTES ((uint64_t)4 << 30)
#define HEAD_BYTES     4096 /* what tells formats apart */

static const struct events_format {
	const char *name, *magic, *extension;
	const char *reading_of; /* content that says this name may be read so */
	int (*decode)(const uint8_t *data, size_t size, struct snnq_events *events);
	const char *refusal;  /* recognized, but not read */
	uint32_t event_bytes; /* where all events have as many; 0: they do not */
} formats[] = {
	{ .name = "atis", .extension = ".bin", .decode = events_decode_atis, .event_bytes = 5 },
	{ .name = "bs2", .extension = ".bs2", .decode = events_decode_bs2, .event_bytes = 5 },
	{ .name = "bs3", .extension = ".bs3", .decode = events_decode_bs3, .event_bytes = 7 },
	{ .name = "aedat2", .magic = "#!AER-DAT2.0", .decode = events_decode_aedat2 },
	{ .name = "aedat2-dvs128", .reading_of = "aedat2", .decode = events_decode_aedat2_dvs128 },
	{ .name = "aedat2-tonic", .reading_of = "aedat2", .decode = events_decode_aedat2_tonic },
	{ .name = "aedat2-davis", .reading_of = "aedat2", .decode = events_decode_aedat2_davis },
	{ .name = "aedat3", .magic = "#!AER-DAT3.1", .decode = events_decode_aedat3 },
	{ .name = "aedat4", .magic = "#!AER-DAT4.0", .decode = events_decode_aedat4 },
	/* Prophesee's are told apart by what their headers say. */
	{ .name = "evt2", .decode = events_decode_evt2 },
	{ .name = "evt21", .decode = events_decode_evt21 },
	{ .name = "evt3", .decode = events_decode_evt3 },
	{ .name = "dat", .extension = ".dat", .decode = events_decode_dat, .event_bytes = 8 },
	{ .name = "es", .magic = "Event Stream", .decode = events_decode_es },
	{ .magic = "#!AER-DAT1", .refusal = "AEDAT 1.0" },
	{ .magic = "#!AER-DAT", .refusal = "a version of AEDAT" },
	{ .magic = "\x89HDF\r\n\x1a\n", .refusal = "HDF5" },
	{ .magic = "\x93NUMPY", .refusal = "NumPy's format" },
	{ .magic = "MATLAB 5.0", .refusal = "MATLAB's format" },
	{ .magic = "\x89PNG\r\n\x1a\n", .refusal = "a picture" },
	{ .magic = "#ROSBAG V", .refusal = "a ROS bag" },
	{ .magic = "\x7f"
		   "ELF\x02\x01\x01",
	  .refusal = "a program" },
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct events_format *find_by_name(const char *name)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (formats[i].name && !strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
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

/* What the header of a file of Prophesee's says; NULL: it has none. */
static const struct events_format *find_by_header(const uint8_t *data, size_t size)
{
	static const struct events_format unknown = { .refusal = "a header that names no format" };
	struct snnq_events nothing = { .data = NULL };
	struct prophesee_header header;
	int ret = prophesee_header_read(data, size, &nothing, &header);

	if (!header.bytes)
		return NULL;
	/* With a fault, any of them tells it. */
	return header.format[0] || ret ? find_by_name(header.format[0] ? header.format : "evt3") :
					 &unknown;
}

static const struct events_format *find_by_magic(const uint8_t *data, size_t size)
{
	static const struct events_format model = { .refusal = "a model" };

	if (is_model(data, size))
		return &model;
	for (size_t i = 0; i < FORMATS; i++) {
		const char *magic = formats[i].magic;
		size_t n = magic ? strlen(magic) : 0;

		if (n && size >= n && !memcmp(data, magic, n))
			return &formats[i];
	}
	return find_by_header(data, size);
}

static const struct events_format *find_by_extension(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < FORMATS; i++)
		if (formats[i].extension && !strcasecmp(dot, formats[i].extension))
			return &formats[i];
	return NULL;
}

/* "atis, bs2, ..." */
static const char *known_formats(char *text, size_t size)
{
	size_t n = 0;

	*text = 0;
	for (size_t i = 0; i < FORMATS && n < size; i++)
		if (formats[i].name)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "",
					      formats[i].name);
	return text;
}

/* The format of a file that begins with @head; NULL with the error set and the code in @ret. */
static const struct events_format *find_format(const char *path, const char *name,
					       const uint8_t *head, size_t size, int *ret)
{
	const struct events_format *format = find_by_magic(head, size), *named = NULL;
	char known[160];

	if (name) {
		named = find_by_name(name);
		if (!named) {
			*ret = error_set(-EINVAL, "%s: unknown format \"%s\" (known: %s)", path,
					 name, known_formats(known, sizeof(known)));
			return NULL;
		}
		if (format && format != named &&
		    !(named->reading_of && find_by_name(named->reading_of) == format)) {
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
				 "(.bin, .bs2, .bs3, .dat); name it with a format option: %s",
				 path, known_formats(known, sizeof(known)));
	else if (!format->decode)
		*ret = error_set(-EBADMSG,
				 "%s: offset 0: found %s, which is not supported; expected %s",
				 path, format->refusal, known_formats(known, sizeof(known)));
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
	if (opts && events_set(events, opts))
		return error_set(-EINVAL,
				 "%s: window: expected an end at or after its beginning at %" PRId64
				 " us, found %" PRId64,
				 path, opts->from_us, opts->to_us);
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
