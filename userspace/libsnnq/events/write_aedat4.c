// SPDX-License-Identifier: MIT
/*
 * write_aedat4.c - AEDAT 4 as DV writes it (events_aedat4.c reads it): one stream of events in
 * packets of 10 ms, and behind them a table of the packets.
 *
 * FlatBuffers, each with its size in front. Fields lie where their vtable says; numbers are
 * aligned to their size, counted from that size on, so positions here are 4 less than a multiple
 * of 8 where 8 bytes follow.
 */
#include <errno.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "writer.h"

#define MAGIC	    "#!AER-DAT4.0\r\n"
#define PACKET_US   10000
#define PACKET_MOST 16384u /* events */
#define EVENT_BYTES 16
#define PACKET_HEAD 32 /* of a packet of events, before the first of them */
#define TABLE_HEAD  44 /* of the table, with its size, before its offsets */
#define ENTRY_BYTES 48
#define ZSTD_LEVEL  3
#define STREAM	    0

/* What the table says of a packet. */
struct entry {
	uint64_t at, events;
	uint32_t bytes;
	int64_t first_us, last_us;
};

struct aedat4 {
	uint64_t at; /* bytes written */
	long table_position;
	uint8_t packet[PACKET_HEAD + PACKET_MOST * EVENT_BYTES];
	uint32_t count;
	int64_t first_us, last_us; /* of the packet */
	struct entry *entries;
	size_t entry_count, entry_capacity;
	uint8_t *packed;
	size_t packed_capacity;
};

static int out(struct snnq_writer *w, const void *data, size_t bytes)
{
	((struct aedat4 *)w->state)->at += bytes;
	return writer_write(w, data, bytes);
}

static size_t pack_bound(const struct snnq_writer *w, size_t bytes)
{
	if (w->compression == WRITE_LZ4)
		return LZ4F_compressFrameBound(bytes, NULL);
	return w->compression == WRITE_ZSTD ? ZSTD_compressBound(bytes) : 0;
}

/* Compress as the header says; @data and @bytes get what to write. */
static int pack(struct snnq_writer *w, const uint8_t **data, size_t *bytes)
{
	size_t bound = pack_bound(w, *bytes), n;
	struct aedat4 *s = w->state;
	uint8_t *packed;

	if (w->compression == WRITE_PLAIN)
		return 0;
	if (bound > s->packed_capacity) {
		packed = realloc(s->packed, bound);
		if (!packed)
			return error_set(-ENOMEM, "%s: no memory", w->path);
		s->packed = packed;
		s->packed_capacity = bound;
	}
	if (w->compression == WRITE_LZ4)
		n = LZ4F_compressFrame(s->packed, bound, *data, *bytes, NULL);
	else
		n = ZSTD_compress(s->packed, bound, *data, *bytes, ZSTD_LEVEL);
	if (w->compression == WRITE_LZ4 ? LZ4F_isError(n) : ZSTD_isError(n))
		return error_set(-ENOMEM, "%s: a packet cannot be compressed", w->path);
	*data = s->packed;
	*bytes = n;
	return 0;
}

/* ---- packets ---- */

static int remember(struct snnq_writer *w, const struct entry *e)
{
	struct aedat4 *s = w->state;
	struct entry *entries;

	if (s->entry_count == s->entry_capacity) {
		size_t capacity = s->entry_capacity ? 2 * s->entry_capacity : 256;

		entries = realloc(s->entries, capacity * sizeof(*entries));
		if (!entries)
			return error_set(-ENOMEM, "%s: no memory", w->path);
		s->entries = entries;
		s->entry_capacity = capacity;
	}
	s->entries[s->entry_count++] = *e;
	return 0;
}

/* Size, root, identifier, the vtable of a table with one field, the table, the vector's length. */
static void put_packet_head(uint8_t *p, uint32_t count)
{
	p = put_le32(p, PACKET_HEAD - 4 + count * EVENT_BYTES);
	p = put_le32(p, 16);
	p = (uint8_t *)memcpy(p, "EVTS\0\0", 6) + 6;
	p = put_le16(p, 6);
	p = put_le16(p, 8);
	p = put_le16(p, 4);
	p = put_le32(p, 6); /* at 16 */
	p = put_le32(p, 4); /* at 20: the vector is at 24 */
	put_le32(p, count);
}

static int flush(struct snnq_writer *w)
{
	struct aedat4 *s = w->state;
	size_t bytes = PACKET_HEAD + (size_t)s->count * EVENT_BYTES;
	struct entry e = { .events = s->count, .first_us = s->first_us, .last_us = s->last_us };
	const uint8_t *data = s->packet;
	uint8_t head[8];
	int ret;

	if (!s->count)
		return 0;
	put_packet_head(s->packet, s->count);
	s->count = 0;
	ret = pack(w, &data, &bytes);
	if (ret)
		return ret;
	put_le32(put_le32(head, STREAM), (uint32_t)bytes);
	ret = out(w, head, sizeof(head));
	e.at = s->at;
	e.bytes = (uint32_t)bytes;
	if (!ret)
		ret = out(w, data, bytes);
	return ret ? ret : remember(w, &e);
}

static int put(struct snnq_writer *w, const struct snnq_event *events, size_t count)
{
	struct aedat4 *s = w->state;
	int ret = 0;

	for (; !ret && count; events++, count--) {
		uint8_t *p;

		if (s->count == PACKET_MOST || (s->count && events->t - s->first_us >= PACKET_US))
			ret = flush(w);
		if (ret)
			break;
		if (!s->count)
			s->first_us = events->t;
		s->last_us = events->t;
		p = s->packet + PACKET_HEAD + (size_t)s->count++ * EVENT_BYTES;
		p = put_le64(p, (uint64_t)events->t);
		p = put_le16(p, events->x);
		p = put_le16(p, events->y);
		put_le32(p, events->p != 0);
	}
	return ret;
}

/* ---- before and behind them ---- */

static int describe(const struct snnq_writer *w, char *text, size_t size)
{
	static const char *const names[] = {
		[WRITE_PLAIN] = "NONE",
		[WRITE_LZ4] = "LZ4",
		[WRITE_ZSTD] = "ZSTD",
	};

	return snprintf(
		text, size,
		"<dv version=\"2.0\"><node name=\"outInfo\" path=\"/mainloop/Recorder/outInfo/\">"
		"<node name=\"0\" path=\"/mainloop/Recorder/outInfo/0/\">"
		"<attr key=\"compression\" type=\"string\">%s</attr>"
		"<attr key=\"originalModuleName\" type=\"string\">snnq</attr>"
		"<attr key=\"originalOutputName\" type=\"string\">events</attr>"
		"<attr key=\"typeDescription\" type=\"string\">Array of events (polarity ON/OFF)."
		"</attr><attr key=\"typeIdentifier\" type=\"string\">EVTS</attr>"
		"<node name=\"info\" path=\"/mainloop/Recorder/outInfo/0/info/\">"
		"<attr key=\"sizeX\" type=\"int\">%u</attr>"
		"<attr key=\"sizeY\" type=\"int\">%u</attr>"
		"<attr key=\"source\" type=\"string\">snnq</attr>"
		"<attr key=\"tsOffset\" type=\"long\">0</attr></node></node></node></dv>\n",
		names[w->compression], w->width, w->height);
}

/* The position of the table is not yet known. */
static int begin(struct snnq_writer *w)
{
	static const uint32_t compressions[] = {
		[WRITE_PLAIN] = 0,
		[WRITE_LZ4] = 1,
		[WRITE_ZSTD] = 3,
	};
	struct aedat4 *s = w->state;
	char text[1024];
	uint32_t n = (uint32_t)describe(w, text, sizeof(text));
	uint8_t head[48], *p = head;
	int ret;

	p = put_le32(p, 44 + n + 1);
	p = put_le32(p, 20);
	p = (uint8_t *)memcpy(p, "IOHE\0\0", 6) + 6;
	p = put_le16(p, 10); /* at 10: the vtable */
	p = put_le16(p, 20);
	p = put_le16(p, 4);
	p = put_le16(p, 8);
	p = put_le16(p, 16);
	p = put_le32(p, 10); /* at 20: the table */
	p = put_le32(p, compressions[w->compression]);
	p = put_le64(p, UINT64_MAX);
	p = put_le32(p, 4); /* at 36: the text is at 40 */
	put_le32(p, n);
	ret = out(w, MAGIC, strlen(MAGIC));
	s->table_position = (long)s->at + 32;
	if (!ret)
		ret = out(w, head, sizeof(head));
	return ret ? ret : out(w, text, n + 1);
}

/* An entry: the place of its vtable, an eighth that is not used, five fields of 8 bytes. */
static void put_entry(uint8_t *p, uint32_t at, const struct entry *e)
{
	p = put_le32(p, at - 14);
	p = put_le64(p, e->at);
	p = put_le32(p, STREAM);
	p = put_le32(p, e->bytes);
	p = put_le64(p, e->events);
	p = put_le64(p, (uint64_t)e->first_us);
	put_le64(p, (uint64_t)e->last_us);
}

static void put_table_head(uint8_t *p, uint32_t bytes, uint32_t count)
{
	static const uint16_t vtables[] = { 6, 8, 4, 14, 44, 4, 12, 20, 28, 36 };

	p = put_le32(p, bytes - 4);
	p = put_le32(p, 28);
	p = (uint8_t *)memcpy(p, "FTAB", 4) + 4;
	for (size_t i = 0; i < sizeof(vtables) / sizeof(vtables[0]); i++)
		p = put_le16(p, vtables[i]); /* at 8 and 14 */
	p = put_le32(p, 20);		     /* at 28: the table */
	p = put_le32(p, 4);		     /* at 32: the vector is at 36 */
	put_le32(p, count);
}

/* The table of packets; NULL: no memory, or too many for 32 bits. */
static uint8_t *make_table(const struct aedat4 *s, size_t *bytes)
{
	size_t first = (TABLE_HEAD - 4 + 4 * s->entry_count + 7) & ~(size_t)7, i;
	uint8_t *table = NULL, *offsets;

	*bytes = 4 + first + s->entry_count * ENTRY_BYTES;
	if (*bytes <= INT32_MAX)
		table = calloc(1, *bytes);
	if (!table)
		return NULL;
	put_table_head(table, (uint32_t)*bytes, (uint32_t)s->entry_count);
	offsets = table + TABLE_HEAD;
	for (i = 0; i < s->entry_count; i++) {
		size_t at = first + i * ENTRY_BYTES;

		offsets = put_le32(offsets, (uint32_t)(at - (TABLE_HEAD - 4 + 4 * i)));
		put_entry(table + 4 + at, (uint32_t)at, &s->entries[i]);
	}
	return table;
}

static int end(struct snnq_writer *w)
{
	struct aedat4 *s = w->state;
	int ret = flush(w);
	const uint8_t *data;
	uint8_t *table, position[8];
	size_t bytes;

	if (ret)
		return ret;
	put_le64(position, s->at);
	table = make_table(s, &bytes);
	if (!table)
		return error_set(-ENOMEM, "%s: no memory for the table of packets", w->path);
	data = table;
	ret = pack(w, &data, &bytes);
	if (!ret)
		ret = out(w, data, bytes);
	free(table);
	if (!ret && fseek(w->output.file, s->table_position, SEEK_SET))
		ret = error_set(-errno, "%s: cannot be written: %s", w->path, strerror(errno));
	return ret ? ret : writer_write(w, position, sizeof(position));
}

static void release(void *state)
{
	struct aedat4 *s = state;

	free(s->entries);
	free(s->packed);
}

const struct writer_format writer_aedat4 = {
	.name = "aedat4",
	.extension = ".aedat4",
	.state_bytes = sizeof(struct aedat4),
	.compresses = true,
	.most = 32768,
	.begin = begin,
	.put = put,
	.end = end,
	.release = release,
};
