/* SPDX-License-Identifier: MIT */
/*
 * writer.h - recordings that are written: what formats have to do, and what they write with.
 */
#ifndef SNNQ_EVENTS_WRITER_H
#define SNNQ_EVENTS_WRITER_H

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/output.h"
#include "events.h"

enum writer_compression {
	WRITE_PLAIN,
	WRITE_LZ4,
	WRITE_ZSTD,
};

/**
 * struct writer_format - how a format is written
 * @state_bytes: zeros at the beginning.
 * @compresses: the compression may be chosen.
 * @most: width and height of the largest sensor.
 * @begin: write what is before the events.
 * @put: take events, in order and inside the sensor.
 * @end: write what is left, and what is behind it.
 * @release: or NULL.
 *
 * The functions that return int return 0, or -errno with the error set.
 */
struct writer_format {
	const char *name, *extension;
	size_t state_bytes;
	bool compresses;
	uint32_t most;
	int (*begin)(struct snnq_writer *w);
	int (*put)(struct snnq_writer *w, const struct snnq_event *events, size_t count);
	int (*end)(struct snnq_writer *w);
	void (*release)(void *state);
};

extern const struct writer_format writer_evt3, writer_aedat4;

/**
 * struct snnq_writer - a recording that is being written
 * @error: of the first call that failed: nothing can follow it.
 * @any: there were events; @last_us: time of the last one.
 */
struct snnq_writer {
	const struct writer_format *format;
	void *state;
	struct output output;
	char *path;
	uint16_t width, height;
	enum writer_compression compression;
	int error;
	bool any;
	int64_t last_us;
};

/* Append to the file. 0 or -errno with the error set. */
static inline int writer_write(struct snnq_writer *w, const void *data, size_t bytes)
{
	if (fwrite(data, 1, bytes, w->output.file) == bytes)
		return 0;
	return error_set(-errno, "%s: cannot be written: %s", w->path, strerror(errno));
}

static inline uint8_t *put_le16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	return (uint8_t *)memcpy(p, &v, sizeof(v)) + sizeof(v);
}

static inline uint8_t *put_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	return (uint8_t *)memcpy(p, &v, sizeof(v)) + sizeof(v);
}

static inline uint8_t *put_le64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	return (uint8_t *)memcpy(p, &v, sizeof(v)) + sizeof(v);
}

#endif /* SNNQ_EVENTS_WRITER_H */
