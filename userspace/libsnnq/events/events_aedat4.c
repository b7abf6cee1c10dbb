// SPDX-License-Identifier: MIT
/*
 * events_aedat4.c - AEDAT 4 (DV): packets of FlatBuffers, plain, LZ4 or Zstandard.
 *
 * Layout: magic line, size-prefixed IOHeader, then packets (stream id, size,
 * content) up to the data table. Only events of the lowest stream of type EVTS are read. Each
 * offset of a FlatBuffer is checked against its buffer before it is followed.
 */
#include <errno.h>
#include <inttypes.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "bytes.h"
#include "events.h"

#define MAGIC		    "#!AER-DAT4.0\r\n"
#define MAGIC_BYTES	    (sizeof(MAGIC) - 1)
#define PACKET_HEADER_BYTES 8
#define EVENT_BYTES	    16
/* One packet holds some 10 ms; 4 M events are far beyond any camera. */
#define PACKET_MAX_BYTES ((size_t)64 << 20)

enum {
	COMPRESSION_NONE,
	COMPRESSION_LZ4,
	COMPRESSION_LZ4_HIGH,
	COMPRESSION_ZSTD,
	COMPRESSION_ZSTD_HIGH,
	COMPRESSIONS
};

struct span {
	const uint8_t *data;
	size_t size;
};

struct aedat4 {
	struct snnq_events *events;
	struct span file;
	size_t pos, end;
	size_t written; /* behind the last byte that is not 0, unless closed */
	uint32_t compression;
	struct aedat4_info info;
	int64_t stream;	 /* of the events; -1: not yet known */
	uint8_t *buffer; /* decompressed packet */
	size_t buffer_size;
	bool no_memory; /* for a packet */
};

static bool inside(const struct span *s, uint64_t offset, uint64_t bytes)
{
	return offset <= s->size && bytes <= s->size - offset;
}

/* Position of the root table of a FlatBuffer with identifier @id; false: malformed. */
static bool fb_root(const struct span *fb, const char *id, uint64_t *table)
{
	if (!inside(fb, 0, 8) || memcmp(fb->data + 4, id, 4))
		return false;
	*table = get_le32(fb->data);
	return inside(fb, *table, 4);
}

/* Position of @field's value of @bytes in @table: 0 absent, -1 malformed. */
static int64_t fb_field(const struct span *fb, uint64_t table, unsigned int field, size_t bytes)
{
	int64_t vtable = (int64_t)table - (int32_t)get_le32(fb->data + table);
	uint16_t vtable_bytes, offset;

	if (vtable < 0 || !inside(fb, vtable, 4))
		return -1;
	vtable_bytes = get_le16(fb->data + vtable);
	if (vtable_bytes < 4 || !inside(fb, vtable, vtable_bytes))
		return -1;
	if (4 + 2 * field + 2 > vtable_bytes)
		return 0;
	offset = get_le16(fb->data + vtable + 4 + 2 * field);
	if (!offset)
		return 0;
	return inside(fb, table + offset, bytes) ? (int64_t)(table + offset) : -1;
}

/* Vector (or string) that @field refers to. 1 found, 0 absent, -1 malformed. */
static int fb_vector(const struct span *fb, uint64_t table, unsigned int field, size_t element,
		     struct span *vector)
{
	int64_t at = fb_field(fb, table, field, 4);
	uint64_t start, count;

	if (at <= 0)
		return (int)at;
	start = (uint64_t)at + get_le32(fb->data + at);
	if (!inside(fb, start, 4))
		return -1;
	count = get_le32(fb->data + start);
	if (!inside(fb, start + 4, count * element))
		return -1;
	*vector = (struct span){ fb->data + start + 4, count * element };
	return 1;
}

/* Take a size-prefixed FlatBuffer from the start of @from. */
static bool take_prefixed(const struct span *from, struct span *fb)
{
	if (from->size < 4 || get_le32(from->data) > from->size - 4)
		return false;
	*fb = (struct span){ from->data + 4, get_le32(from->data) };
	return true;
}

static int read_info_node(struct aedat4 *a, const struct span *fb, uint64_t table)
{
	unsigned long line = 0;
	struct span xml;
	int ret = fb_vector(fb, table, 2, 1, &xml);

	if (ret < 0)
		return events_bad(a->events, MAGIC_BYTES,
				  "header: info node lies outside the header");
	if (!ret || !xml.size)
		return 0;
	ret = aedat4_info_parse((const char *)xml.data, xml.size, &a->info, &line);
	if (ret == -EBADMSG)
		return events_bad(a->events, (uint64_t)(xml.data - a->file.data),
				  "info node: malformed XML in its line %lu", line);
	return ret;
}

static int read_header(struct aedat4 *a)
{
	struct span rest, fb;
	uint64_t table;
	int64_t compression, position, end = -1;

	if (a->file.size < MAGIC_BYTES || memcmp(a->file.data, MAGIC, MAGIC_BYTES))
		return events_bad(a->events, 0, "expected \"#!AER-DAT4.0\\r\\n\"");
	rest = (struct span){ a->file.data + MAGIC_BYTES, a->file.size - MAGIC_BYTES };
	if (!take_prefixed(&rest, &fb))
		return events_bad(a->events, MAGIC_BYTES, "header does not fit the file");
	if (!fb_root(&fb, "IOHE", &table))
		return events_bad(a->events, MAGIC_BYTES + 8, "header: expected identifier IOHE");
	compression = fb_field(&fb, table, 0, 4);
	position = fb_field(&fb, table, 1, 8);
	if (compression < 0 || position < 0)
		return events_bad(a->events, MAGIC_BYTES, "header: malformed table");
	a->compression = compression ? get_le32(fb.data + compression) : COMPRESSION_NONE;
	if (a->compression >= COMPRESSIONS)
		return events_bad(a->events, MAGIC_BYTES,
				  "compression: expected 0..4, found %" PRIu32, a->compression);
	if (position)
		end = (int64_t)get_le64(fb.data + position);
	a->pos = MAGIC_BYTES + 4 + fb.size;
	if (end != -1 && (end < 0 || (uint64_t)end < a->pos))
		return events_bad(a->events, MAGIC_BYTES,
				  "data table: position %" PRId64
				  " is before the first packet at %zu",
				  end, a->pos);
	a->end = end < 0 || (uint64_t)end > a->file.size ? a->file.size : (size_t)end;
	for (a->written = a->end; end < 0 && !a->file.data[a->written - 1]; a->written--)
		;
	return read_info_node(a, &fb, table);
}

/* Make room for more output; false when the packet would exceed its bound. */
static bool grow_buffer(struct aedat4 *a)
{
	size_t size = a->buffer_size ? a->buffer_size * 2 : (size_t)1 << 16;
	uint8_t *buffer;

	if (size > PACKET_MAX_BYTES)
		return false;
	buffer = realloc(a->buffer, size);
	if (!buffer) {
		a->no_memory = true;
		return false;
	}
	a->buffer = buffer;
	a->buffer_size = size;
	return true;
}

static bool unpack_lz4(struct aedat4 *a, struct span *packet)
{
	LZ4F_dctx *ctx;
	size_t in = 0, out = 0, hint = 1;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION))) {
		a->no_memory = true;
		return false;
	}
	while (hint) {
		size_t from = packet->size - in, to = a->buffer_size - out;

		if (!to) {
			if (!grow_buffer(a))
				break;
			continue;
		}
		hint = LZ4F_decompress(ctx, a->buffer + out, &to, packet->data + in, &from, NULL);
		if (LZ4F_isError(hint) || (!from && !to))
			break;
		in += from;
		out += to;
	}
	LZ4F_freeDecompressionContext(ctx);
	*packet = (struct span){ a->buffer, out };
	return !hint;
}

static bool unpack_zstd(struct aedat4 *a, struct span *packet)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	ZSTD_inBuffer in = { packet->data, packet->size, 0 };
	size_t out = 0, hint = 1;

	a->no_memory = !ctx;
	while (ctx && hint) {
		ZSTD_outBuffer to = { a->buffer + out, a->buffer_size - out, 0 };
		size_t before = in.pos;

		if (!to.size) {
			if (!grow_buffer(a))
				break;
			continue;
		}
		hint = ZSTD_decompressStream(ctx, &to, &in);
		if (ZSTD_isError(hint) || (in.pos == before && !to.pos))
			break;
		out += to.pos;
	}
	ZSTD_freeDCtx(ctx);
	*packet = (struct span){ a->buffer, out };
	return !hint;
}

static bool unpack(struct aedat4 *a, struct span *packet)
{
	if (a->compression == COMPRESSION_NONE)
		return true;
	if (!a->buffer && !grow_buffer(a))
		return false;
	if (a->compression <= COMPRESSION_LZ4_HIGH)
		return unpack_lz4(a, packet);
	return unpack_zstd(a, packet);
}

/* Bytes of the events that were written: others are zeros up to the end of the file. */
static size_t written_bytes(struct aedat4 *a, const struct span *vector)
{
	const uint8_t *last = a->file.data + a->written;
	bool in_file = vector->data >= a->file.data && vector->data < a->file.data + a->file.size;
	size_t bytes = vector->size;

	if (in_file && vector->data + bytes > last)
		bytes = vector->data >= last ? 0 :
					       ((size_t)(last - vector->data) + EVENT_BYTES - 1) /
						       EVENT_BYTES * EVENT_BYTES;
	return bytes;
}

static int decode_events(struct aedat4 *a, const struct span *vector)
{
	size_t bytes = written_bytes(a, vector);

	for (size_t i = 0; i < bytes; i += EVENT_BYTES) {
		const uint8_t *e = vector->data + i;
		int16_t x = (int16_t)get_le16(e + 8), y = (int16_t)get_le16(e + 10);
		int ret;

		if (x < 0 || y < 0) {
			a->events->info.dropped++;
			continue;
		}
		ret = events_append(a->events, (int64_t)get_le64(e), x, y, e[12] != 0);
		if (ret)
			return ret;
	}
	return 0;
}

/* The sensor of the stream bounds its events, unless the caller named another. */
static void choose_stream(struct aedat4 *a, uint32_t id)
{
	struct snnq_events_info *info = &a->events->info;

	a->stream = id;
	if (id < AEDAT4_STREAMS && !info->width && !info->height) {
		info->width = a->info.streams[id].width;
		info->height = a->info.streams[id].height;
	}
}

static int read_packet(struct aedat4 *a, uint32_t id, struct span packet)
{
	struct span fb = { 0 }, vector = { 0 };
	uint64_t table;
	int ret;

	if (!unpack(a, &packet))
		return a->no_memory ? -ENOMEM :
				      events_bad(a->events, a->pos,
						 "packet of stream %" PRIu32
						 " is damaged or unfolds to more than 64 MiB",
						 id);
	if (!take_prefixed(&packet, &fb) || !fb_root(&fb, "EVTS", &table)) {
		if (a->stream == id)
			return events_bad(a->events, a->pos,
					  "packet of stream %" PRIu32
					  ": expected a FlatBuffer EVTS",
					  id);
		return 0;
	}
	if (a->stream < 0)
		choose_stream(a, id);
	ret = fb_vector(&fb, table, 0, EVENT_BYTES, &vector);
	if (ret < 0)
		return events_bad(a->events, a->pos,
				  "packet of stream %" PRIu32
				  ": event vector lies outside the packet",
				  id);
	return ret ? decode_events(a, &vector) : 0;
}

/* What is from here on is lost. */
static int lose_rest(struct aedat4 *a)
{
	a->events->info.dropped++;
	a->events->info.damaged_bytes += a->end - a->pos;
	return 0;
}

/* No whole event is zeros, so that a packet which ends in so many was not written to its end. */
static void note_unwritten(struct aedat4 *a, size_t end)
{
	if (a->written + EVENT_BYTES > end)
		return;
	a->events->info.dropped++;
	a->events->info.damaged_bytes += end - a->written;
}

/* A recorder that crashed leaves space that it never wrote, in the last packet or behind it. */
static int read_packets(struct aedat4 *a)
{
	while (a->pos < a->end) {
		const uint8_t *header = a->file.data + a->pos;
		size_t rest = a->end - a->pos;
		uint32_t id, size;
		int ret;

		if (rest < PACKET_HEADER_BYTES || a->pos >= a->written)
			return lose_rest(a);
		id = get_le32(header);
		size = get_le32(header + 4);
		if (id > INT32_MAX || size > INT32_MAX)
			return events_bad(a->events, a->pos,
					  "packet header: expected a stream and a "
					  "size >= 0, found %" PRId32 " and %" PRId32,
					  (int32_t)id, (int32_t)size);
		if (size > rest - PACKET_HEADER_BYTES)
			return lose_rest(a);
		if (a->stream < 0 || a->stream == id) {
			ret = read_packet(a, id,
					  (struct span){ header + PACKET_HEADER_BYTES, size });
			if (ret == -EBADMSG &&
			    a->written - a->pos < PACKET_HEADER_BYTES + (size_t)size)
				return lose_rest(a);
			if (ret)
				return ret;
			note_unwritten(a, a->pos + PACKET_HEADER_BYTES + (size_t)size);
		}
		a->pos += PACKET_HEADER_BYTES + (size_t)size;
	}
	return 0;
}

int events_decode_aedat4(const uint8_t *data, size_t size, struct snnq_events *events)
{
	struct aedat4 a = { .events = events, .file = { data, size }, .stream = -1 };
	int ret = read_header(&a);

	for (uint32_t i = 0; !ret && a.stream < 0 && i < AEDAT4_STREAMS; i++)
		if (!strcmp(a.info.streams[i].type, "EVTS"))
			choose_stream(&a, i);
	if (!ret)
		ret = read_packets(&a);
	free(a.buffer);
	return ret;
}
