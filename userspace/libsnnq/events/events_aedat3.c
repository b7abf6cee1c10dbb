// SPDX-License-Identifier: MIT
/*
 * events_aedat3.c - AEDAT 3.1 of cAER: packets of events behind lines of text.
 *
 * Packets of other types are skipped by their length. Of several cameras the first one's events
 * are read. Some converters leave the mark of validity away in all events: when the first
 * packet has none it says nothing. iniVation, "AEDAT 3.1".
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

#define MARKS_BYTES 65536 /* of the first packet that are looked at */

struct aedat3 {
	bool begun;
	bool sourced, marked; /* the camera is known; some of its events are marked as valid */
	uint32_t source;
	/* the packet that is being read */
	bool inside, ours;
	uint32_t overflow;
	uint64_t left, passed; /* bytes */
};

static void take_source(struct snnq_events_info *info, const uint8_t *line, size_t bytes)
{
	const struct events_camera *camera = events_camera(line, bytes);

	if (camera) {
		info->width = camera->width;
		info->height = camera->height;
	}
}

/* Bytes of the lines; 0: not yet all there. */
static int64_t read_lines(const uint8_t *data, size_t size, bool last, struct snnq_events *events)
{
	bool sourced = false;
	size_t pos = 0;

	for (;;) {
		const uint8_t *line = data + pos, *end = memchr(line, '\n', size - pos);
		size_t n;

		if (!end && !last && size < TEXT_MAX_BYTES && (pos == size || *line == '#'))
			return 0;
		if (!end || *line != '#')
			return events_bad(events, pos, "expected the line " END_LINE);
		n = (size_t)(end - line) + 1;
		if (text_begins(line, n, FORMAT_LINE) && !text_begins(line, n, FORMAT_LINE "RAW"))
			return events_bad(events, pos, "format: expected RAW, found %.*s",
					  (int)(n - 1 < 40 ? n - 1 : 40), line);
		if (text_begins(line, n, SOURCE_LINE) && !sourced) {
			take_source(&events->info, line, n);
			sourced = true;
		}
		pos += n;
		if (text_begins(line, n, END_LINE))
			return (int64_t)pos;
	}
}

/* A number that is none of ours when it is negative. */
static int read_number(const uint8_t *data, size_t pos, const char *what, uint32_t *value,
		       struct snnq_events *events)
{
	*value = get_le32(data + pos);
	return *value >> 31 ? events_bad(events, pos, "%s: expected a positive number, found %d",
					 what, (int32_t)*value) :
			      0;
}

/* The header of a packet at @pos. */
static int read_packet(struct aedat3 *a, const uint8_t *data, size_t pos,
		       struct snnq_events *events)
{
	uint32_t type = get_le16(data + pos), source = get_le16(data + pos + 2);
	uint32_t event_bytes, time_offset, count;
	int ret = read_number(data, pos + 4, "bytes of an event", &event_bytes, events);

	if (!ret)
		ret = read_number(data, pos + 8, "place of the time", &time_offset, events);
	if (!ret)
		ret = read_number(data, pos + 12, "turns of the clock", &a->overflow, events);
	if (!ret)
		ret = read_number(data, pos + 20, "events of a packet", &count, events);
	if (ret)
		return ret;
	if (type == POLARITY && (event_bytes != EVENT_BYTES || time_offset != TIME_OFFSET))
		return events_bad(events, pos + 4,
				  "events: expected 8 bytes with the time at 4, found %u and %u",
				  event_bytes, time_offset);
	a->inside = true;
	a->ours = type == POLARITY && (!a->sourced || source == a->source);
	if (a->ours)
		a->source = source;
	a->left = (uint64_t)count * event_bytes;
	a->passed = 0;
	return 0;
}

/* Whether the first packet of the camera has marks; false: it is not there yet. */
static bool find_marks(struct aedat3 *a, const uint8_t *data, size_t size, bool last)
{
	size_t bytes = a->left < MARKS_BYTES ? (size_t)a->left : MARKS_BYTES;

	if (!a->ours || a->sourced || !a->left)
		return true;
	if (size < bytes && !last)
		return false;
	for (size_t i = 0; i + EVENT_BYTES <= bytes && i + EVENT_BYTES <= size; i += EVENT_BYTES)
		a->marked |= data[i] & 1;
	a->sourced = true;
	return true;
}

static int read_event(const struct aedat3 *a, const uint8_t *data, size_t pos,
		      struct snnq_events *events)
{
	uint32_t w = get_le32(data + pos), t = get_le32(data + pos + TIME_OFFSET);

	if (a->marked && !(w & 1)) {
		events->info.dropped++;
		return 0;
	}
	if (t >> 31)
		return events_bad(events, pos + TIME_OFFSET,
				  "time: expected a positive number, found %d", (int32_t)t);
	return events_append(events, ((int64_t)a->overflow << 31) + t, w >> 17, w >> 2 & 0x7fff,
			     w >> 1 & 1);
}

/* Bytes of the packet from @pos on. @ret: 0 or an error. */
static size_t take_packet(struct aedat3 *a, const uint8_t *data, size_t pos, size_t size,
			  struct snnq_events *events, int *ret)
{
	size_t begin = pos;

	if (a->ours) {
		for (; !*ret && a->left - (pos - begin) >= EVENT_BYTES &&
		       size - pos >= EVENT_BYTES && !events_full(events);
		     pos += EVENT_BYTES)
			*ret = read_event(a, data, pos, events);
	} else {
		pos += a->left < size - pos ? a->left : size - pos;
	}
	a->left -= pos - begin;
	a->passed += pos - begin;
	a->inside = a->left > 0;
	return pos - begin;
}

static int64_t take(void *state, const uint8_t *data, size_t size, bool last,
		    struct snnq_events *events)
{
	struct aedat3 *a = state;
	size_t pos = 0, before;
	int ret = 0;

	if (!a->begun) {
		int64_t n = read_lines(data, size, last, events);

		if (n <= 0)
			return n;
		a->begun = true;
		pos = (size_t)n;
	}
	do {
		before = pos;
		if (!a->inside && size - pos >= PACKET_BYTES) {
			ret = read_packet(a, data, pos, events);
			pos += PACKET_BYTES;
		}
		if (!ret && a->inside && find_marks(a, data + pos, size - pos, last))
			pos += take_packet(a, data, pos, size, events, &ret);
	} while (!ret && pos > before && !events_full(events));
	if (ret || !last || events_full(events))
		return ret ? ret : (int64_t)pos;
	/* a last packet that was cut */
	if (a->inside) {
		events->info.damaged_bytes += (a->passed + size - pos) % EVENT_BYTES;
		events->info.dropped++;
		return (int64_t)size;
	}
	return events_tail(events, size - pos, size);
}

const struct events_decoder events_aedat3 = { sizeof(struct aedat3), take, NULL };
