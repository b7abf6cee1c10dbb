// SPDX-License-Identifier: MIT
/*
 * events_aedat3.c - AEDAT 3.1 of cAER: packets of events behind lines of text.
 *
 * Packets of other types are skipped by their length. Of several cameras the first one's events
 * are read. Some converters leave the mark of validity away in all events: then it says
 * nothing. iniVation, "AEDAT 3.1".
 */
#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "events.h"

#define END_LINE     "#!END-HEADER"
#define FORMAT_LINE  "#Format: "
#define SOURCE_LINE  "#Source "
#define PACKET_BYTES 28
#define POLARITY     1
#define EVENT_BYTES  8
#define TIME_OFFSET  4

struct packet {
	uint32_t type, source, event_bytes, time_offset, overflow, events;
	size_t at, end; /* of the events that are there */
};

struct aedat3 {
	struct snnq_events *events;
	const uint8_t *data;
	size_t size, begin;
	int64_t source; /* -1: not yet known */
	bool marked;	/* some events are marked as valid */
};

static void take_source(struct snnq_events_info *info, const uint8_t *line, size_t bytes)
{
	const struct events_camera *camera = events_camera(line, bytes);

	if (camera) {
		info->width = camera->width;
		info->height = camera->height;
	}
}

static int read_lines(struct aedat3 *a)
{
	bool sourced = false;

	for (;;) {
		const uint8_t *line = a->data + a->begin, *end;
		size_t n;

		end = memchr(line, '\n', a->size - a->begin);
		if (!end || *line != '#')
			return events_bad(a->events, a->begin, "expected the line " END_LINE);
		n = (size_t)(end - line) + 1;
		if (text_begins(line, n, FORMAT_LINE) && !text_begins(line, n, FORMAT_LINE "RAW"))
			return events_bad(a->events, a->begin, "format: expected RAW, found %.*s",
					  (int)(n - 1 < 40 ? n - 1 : 40), line);
		if (text_begins(line, n, SOURCE_LINE) && !sourced) {
			take_source(&a->events->info, line, n);
			sourced = true;
		}
		a->begin += n;
		if (text_begins(line, n, END_LINE))
			return 0;
	}
}

/* A number that is none of ours when it is negative. */
static int take(const struct aedat3 *a, size_t pos, const char *what, uint32_t *value)
{
	*value = get_le32(a->data + pos);
	return *value >> 31 ? events_bad(a->events, pos, "%s: expected a positive number, found %d",
					 what, (int32_t)*value) :
			      0;
}

/* The packet at @pos. A last one that was cut holds what is there of it. */
static int take_packet(const struct aedat3 *a, size_t pos, struct packet *p)
{
	uint64_t bytes;
	int ret;

	p->type = get_le16(a->data + pos);
	p->source = get_le16(a->data + pos + 2);
	ret = take(a, pos + 4, "bytes of an event", &p->event_bytes);
	if (!ret)
		ret = take(a, pos + 8, "place of the time", &p->time_offset);
	if (!ret)
		ret = take(a, pos + 12, "turns of the clock", &p->overflow);
	if (!ret)
		ret = take(a, pos + 20, "events of a packet", &p->events);
	if (ret)
		return ret;
	if (p->type == POLARITY && (p->event_bytes != EVENT_BYTES || p->time_offset != TIME_OFFSET))
		return events_bad(a->events, pos + 4,
				  "events: expected 8 bytes with the time at 4, found %u and %u",
				  p->event_bytes, p->time_offset);
	bytes = (uint64_t)p->events * p->event_bytes;
	p->at = pos + PACKET_BYTES;
	p->end = bytes > a->size - p->at ? a->size : p->at + bytes;
	return 0;
}

static int take_events(struct aedat3 *a, const struct packet *p)
{
	size_t whole = p->at + (p->end - p->at) / EVENT_BYTES * EVENT_BYTES;
	int ret = 0;

	for (size_t pos = p->at; !ret && pos < whole; pos += EVENT_BYTES) {
		uint32_t w = get_le32(a->data + pos), t = get_le32(a->data + pos + TIME_OFFSET);

		if (a->marked && !(w & 1)) {
			a->events->info.dropped++;
			continue;
		}
		if (t >> 31)
			return events_bad(a->events, pos + TIME_OFFSET,
					  "time: expected a positive number, found %d", (int32_t)t);
		ret = events_append(a->events, ((int64_t)p->overflow << 31) + t, w >> 17,
				    w >> 2 & 0x7fff, w >> 1 & 1);
	}
	return ret;
}

static void find_marks(struct aedat3 *a, const struct packet *p)
{
	for (size_t pos = p->at; !a->marked && p->end - pos >= EVENT_BYTES; pos += EVENT_BYTES)
		a->marked = a->data[pos] & 1;
}

/* Every packet of the camera: its marks, or its events. */
static int walk(struct aedat3 *a, bool marks)
{
	struct snnq_events_info *info = &a->events->info;
	size_t pos = a->begin;
	struct packet p = { .end = 0 };
	int ret = 0;

	for (; !ret && a->size - pos >= PACKET_BYTES; pos = p.end) {
		ret = take_packet(a, pos, &p);
		if (ret)
			break;
		if (p.type == POLARITY && a->source < 0)
			a->source = p.source;
		if (p.type == POLARITY && p.source == a->source) {
			if (marks)
				find_marks(a, &p);
			else
				ret = take_events(a, &p);
		}
		if (!marks && (uint64_t)p.events * p.event_bytes > p.end - p.at) {
			info->damaged_bytes = (p.end - p.at) % EVENT_BYTES;
			info->dropped++;
		}
	}
	if (!ret && !marks && pos < a->size) {
		info->damaged_bytes = a->size - pos;
		info->dropped++;
	}
	return ret;
}

int events_decode_aedat3(const uint8_t *data, size_t size, struct snnq_events *events)
{
	struct aedat3 a = { .events = events, .data = data, .size = size, .source = -1 };
	int ret = read_lines(&a);

	if (!ret)
		ret = walk(&a, true);
	return ret ? ret : walk(&a, false);
}
