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
	bool begun;
	bool closed;  /* the header says where packets end: */
	uint64_t end; /* there */
	uint32_t compression;
	struct aedat4_info info;
	int64_t stream;	 /* of the events; -1: not yet known */
	uint64_t skip;	 /* bytes left of a packet that is not read */
	bool too_large;	 /* because it is */
	uint64_t zeros;	 /* bytes of them, where a packet should begin */
	bool lost;	 /* what is behind a packet that was not written to its end */
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

static int read_info_node(struct aedat4 *a, const uint8_t *data, const struct span *fb,
			  uint64_t table, struct snnq_events *events)
{
	unsigned long line = 0;
	struct span xml;
	int ret = fb_vector(fb, table, 2, 1, &xml);

	if (ret < 0)
		return events_bad(events, MAGIC_BYTES, "header: info node lies outside the header");
	if (!ret || !xml.size)
		return 0;
	ret = aedat4_info_parse((const char *)xml.data, xml.size, &a->info, &line);
	if (ret == -EBADMSG)
		return events_bad(events, (uint64_t)(xml.data - data),
				  "info node: malformed XML in its line %lu", line);
	return ret;
}

static int read_table(struct aedat4 *a, const uint8_t *data, const struct span *fb,
		      struct snnq_events *events)
{
	int64_t compression, position, end = -1;
	size_t packets = MAGIC_BYTES + 4 + fb->size;
	uint64_t table;

	if (!fb_root(fb, "IOHE", &table))
		return events_bad(events, MAGIC_BYTES + 8, "header: expected identifier IOHE");
	compression = fb_field(fb, table, 0, 4);
	position = fb_field(fb, table, 1, 8);
	if (compression < 0 || position < 0)
		return events_bad(events, MAGIC_BYTES, "header: malformed table");
	a->compression = compression ? get_le32(fb->data + compression) : COMPRESSION_NONE;
	if (a->compression >= COMPRESSIONS)
		return events_bad(events, MAGIC_BYTES, "compression: expected 0..4, found %" PRIu32,
				  a->compression);
	if (position)
		end = (int64_t)get_le64(fb->data + position);
	if (end != -1 && (end < 0 || (uint64_t)end < packets))
		return events_bad(events, MAGIC_BYTES,
				  "data table: position %" PRId64
				  " is before the first packet at %zu",
				  end, packets);
	a->closed = end >= 0;
	a->end = a->closed ? (uint64_t)end : UINT64_MAX;
	return read_info_node(a, data, fb, table, events);
}

/* Bytes of the header; 0: not yet all there. */
static int64_t read_header(struct aedat4 *a, const uint8_t *data, size_t size, bool last,
			   struct snnq_events *events)
{
	struct span rest, fb;
	int ret;

	if (size < MAGIC_BYTES + 4 && !last)
		return 0;
	if (size < MAGIC_BYTES || memcmp(data, MAGIC, MAGIC_BYTES))
		return events_bad(events, 0, "expected \"#!AER-DAT4.0\\r\\n\"");
	rest = (struct span){ data + MAGIC_BYTES, size - MAGIC_BYTES };
	if (!take_prefixed(&rest, &fb)) {
		if (!last && get_le32(rest.data) <= PACKET_MAX_BYTES)
			return 0;
		return events_bad(events, MAGIC_BYTES, "header does not fit the file");
	}
	ret = read_table(a, data, &fb, events);
	return ret ? ret : (int64_t)(MAGIC_BYTES + 4 + fb.size);
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

/* Events up to @written: others are zeros up to the end of the file. */
static int read_events(const struct span *vector, const uint8_t *written,
		       struct snnq_events *events)
{
	for (size_t i = 0; i < vector->size; i += EVENT_BYTES) {
		const uint8_t *e = vector->data + i;
		int16_t x = (int16_t)get_le16(e + 8), y = (int16_t)get_le16(e + 10);
		int ret;

		if (written && e >= written)
			break;
		if (x < 0 || y < 0) {
			events->info.dropped++;
			continue;
		}
		ret = events_append(events, (int64_t)get_le64(e), x, y, e[12] != 0);
		if (ret)
			return ret;
	}
	return 0;
}

/* The sensor of the stream bounds its events, unless the caller named another. */
static void choose_stream(struct aedat4 *a, uint32_t id, struct snnq_events *events)
{
	struct snnq_events_info *info = &events->info;

	a->stream = id;
	if (id < AEDAT4_STREAMS && !info->width && !info->height) {
		info->width = a->info.streams[id].width;
		info->height = a->info.streams[id].height;
	}
}

/* The packet at @pos; what was written of it ends at @written, which is NULL when all was. */
static int read_packet(struct aedat4 *a, size_t pos, uint32_t id, struct span packet,
		       const uint8_t *written, struct snnq_events *events)
{
	struct span fb = { 0 }, vector = { 0 };
	uint64_t table;
	int ret;

	a->no_memory = false;
	if (!unpack(a, &packet))
		return a->no_memory ? -ENOMEM :
				      events_bad(events, pos,
						 "packet of stream %" PRIu32
						 " is damaged or unfolds to more than 64 MiB",
						 id);
	if (!take_prefixed(&packet, &fb) || !fb_root(&fb, "EVTS", &table)) {
		if (a->stream == id)
			return events_bad(events, pos,
					  "packet of stream %" PRIu32
					  ": expected a FlatBuffer EVTS",
					  id);
		return 0;
	}
	if (a->stream < 0)
		choose_stream(a, id, events);
	ret = fb_vector(&fb, table, 0, EVENT_BYTES, &vector);
	if (ret < 0)
		return events_bad(events, pos,
				  "packet of stream %" PRIu32
				  ": event vector lies outside the packet",
				  id);
	return ret ? read_events(&vector, a->compression ? NULL : written, events) : 0;
}

static size_t zeros_at_end(const uint8_t *data, size_t size)
{
	size_t n = 0;

	while (n < size && !data[size - 1 - n])
		n++;
	return n;
}

static bool all_zero(const uint8_t *data, size_t size)
{
	return zeros_at_end(data, size) == size;
}

/*
 * A recorder that crashed leaves space that it never wrote, in the last packet or behind it. No
 * whole event is zeros, and no packet begins with so many. Bytes at the end of the packet at
 * hand that were not written: 0 but for a last one; -EAGAIN: what follows it is not there yet.
 */
static int64_t unwritten(const struct aedat4 *a, const uint8_t *content, size_t size, size_t behind,
			 bool last)
{
	size_t zeros = a->closed ? 0 : zeros_at_end(content, size);
	size_t next = behind < PACKET_HEADER_BYTES ? behind : PACKET_HEADER_BYTES;

	if (zeros < EVENT_BYTES || !all_zero(content + size, next))
		return 0;
	return next < PACKET_HEADER_BYTES && !last ? -EAGAIN : (int64_t)zeros;
}

/* A packet that is all there, or as much of it as there will be. Bytes; 0: it waits for more. */
static int64_t take_packet(struct aedat4 *a, const uint8_t *data, size_t pos, size_t size,
			   bool last, struct snnq_events *events)
{
	const uint8_t *content = data + pos + PACKET_HEADER_BYTES;
	uint32_t id = get_le32(data + pos), bytes = get_le32(data + pos + 4);
	size_t whole = PACKET_HEADER_BYTES + (size_t)bytes;
	int64_t zeros = unwritten(a, content, bytes, size - pos - whole, last);
	int ret;

	if (zeros < 0)
		return 0;
	ret = read_packet(a, pos, id, (struct span){ content, bytes },
			  zeros ? content + bytes - zeros : NULL, events);
	if (zeros && (!ret || ret == -EBADMSG)) {
		a->lost = true;
		events->info.dropped++;
		events->info.damaged_bytes += ret ? whole : (uint64_t)zeros;
		ret = 0;
	}
	return ret ? ret : (int64_t)whole;
}

/* Zeros where a packet should begin: nothing was written from here on, or it is no packet. */
static int64_t take_zeros(struct aedat4 *a, const uint8_t *data, size_t pos, size_t end,
			  struct snnq_events *events)
{
	size_t size = end - pos;
	size_t n = 0;

	data += pos;
	while (n + PACKET_HEADER_BYTES <= size && all_zero(data + n, PACKET_HEADER_BYTES))
		n += PACKET_HEADER_BYTES;
	a->zeros += n;
	if (!a->zeros || all_zero(data + n, size - n))
		return (int64_t)n;
	/* empty packets of a stream that is not ours */
	if (a->stream != 0 && !a->lost) {
		a->zeros = 0;
		return (int64_t)n;
	}
	/* they may have begun before what is at hand: base makes that good */
	return events_bad(events, pos + n - a->zeros,
			  "packet of stream 0: expected a FlatBuffer EVTS");
}

/* Bytes from @at on that can be packets; without a table no packet is too long for them. */
static uint64_t left_to_table(const struct aedat4 *a, uint64_t at)
{
	return a->end > at ? a->end - at : 0;
}

#define TABLE_BYTES 12 /* that tell it from a packet */

/*
 * Whether this is the data table, of a recording whose header was not told where it is: it has no
 * header of a packet before it.
 */
static bool is_table(const struct aedat4 *a, const uint8_t *data, size_t size)
{
	if (a->closed || size < TABLE_BYTES)
		return false;
	if (a->compression == COMPRESSION_NONE)
		return !memcmp(data + 8, "FTAB", 4);
	return !memcmp(data,
		       a->compression <= COMPRESSION_LZ4_HIGH ? "\x04\x22\x4d\x18" :
								"\x28\xb5\x2f\xfd",
		       4);
}

/* The packet at @pos, or what is there of it. Bytes, 0: it waits for more. */
static int64_t take_next(struct aedat4 *a, const uint8_t *data, size_t pos, size_t size, bool last,
			 struct snnq_events *events)
{
	size_t rest = size - pos;
	uint32_t id, bytes;
	uint64_t left = left_to_table(a, events->base + pos + PACKET_HEADER_BYTES);
	int64_t n;

	if (a->skip) {
		rest = a->skip < rest ? (size_t)a->skip : rest;
		a->skip -= rest;
		return (int64_t)rest;
	}
	n = a->closed ? 0 : take_zeros(a, data, pos, size, events);
	if (n || rest < PACKET_HEADER_BYTES)
		return n;
	if (a->too_large)
		return events_bad(events, pos, "the packet before: expected at most 64 MiB");
	if (!a->closed && rest < TABLE_BYTES && !last)
		return 0;
	if (is_table(a, data + pos, rest)) {
		a->closed = true;
		a->end = events->base + pos;
		return 0;
	}
	id = get_le32(data + pos);
	bytes = get_le32(data + pos + 4);
	if (id > INT32_MAX || bytes > INT32_MAX)
		return events_bad(events, pos,
				  "packet header: expected a stream and a "
				  "size >= 0, found %" PRId32 " and %" PRId32,
				  (int32_t)id, (int32_t)bytes);
	if (bytes > left)
		return events_bad(events, pos,
				  "packet header: expected at most %" PRIu64
				  " bytes up to the data table, found %" PRIu32,
				  left, bytes);
	if ((a->stream >= 0 && a->stream != id) || bytes > PACKET_MAX_BYTES) {
		a->too_large = bytes > PACKET_MAX_BYTES && (a->stream < 0 || a->stream == id);
		a->skip = bytes;
		return PACKET_HEADER_BYTES;
	}
	return bytes > rest - PACKET_HEADER_BYTES ? 0 :
						    take_packet(a, data, pos, size, last, events);
}

/* Nothing follows @rest bytes that are no whole packet. */
static int64_t finish(struct aedat4 *a, size_t rest, size_t size, struct snnq_events *events)
{
	uint64_t lost = rest + a->zeros;

	events->info.damaged_bytes += lost;
	events->info.dropped += lost || a->skip;
	a->zeros = a->skip = 0;
	return (int64_t)size;
}

/* Where packets end in what is at hand; nothing follows the @last: the data table is none of ours. */
static size_t packets_end(const struct aedat4 *a, const struct snnq_events *events, size_t size,
			  bool *last)
{
	if (a->end > events->base + size)
		return size;
	*last = true;
	return a->end > events->base ? (size_t)(a->end - events->base) : 0;
}

static int64_t take(void *state, const uint8_t *data, size_t size, bool last,
		    struct snnq_events *events)
{
	struct aedat4 *a = state;
	size_t pos = 0, end;
	int64_t n = 0;

	if (!a->begun) {
		n = read_header(a, data, size, last, events);
		if (n <= 0)
			return n;
		a->begun = true;
		a->stream = -1;
		for (uint32_t i = 0; a->stream < 0 && i < AEDAT4_STREAMS; i++)
			if (!strcmp(a->info.streams[i].type, "EVTS"))
				choose_stream(a, i, events);
		pos = (size_t)n;
	}
	do {
		end = packets_end(a, events, size, &last);
		n = pos < end ? take_next(a, data, pos, end, last, events) : 0;
		pos += n > 0 ? (size_t)n : 0;
	} while (n > 0 && !events_full(events));
	end = packets_end(a, events, size, &last); /* the table may just have been found */
	if (n < 0 || !last || events_full(events))
		return n < 0 ? n : (int64_t)pos;
	return finish(a, end - pos, size, events);
}

static void release(void *state)
{
	free(((struct aedat4 *)state)->buffer);
}

const struct events_decoder events_aedat4 = { sizeof(struct aedat4), take, release };
