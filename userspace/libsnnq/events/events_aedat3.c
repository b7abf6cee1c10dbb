// SPDX-License-Identifier: MIT
/*
 * events_aedat3.c - AEDAT 3.1 of cAER: packets of events behind lines of text.
 *
 * Packets of other types are skipped by their length. Of several cameras the events are read of
 * the one whose come first. Some converters leave the mark of validity away in all events: it
 * says nothing when a packet that claims to have valid events has none. iniVation, "AEDAT 3.1".
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

#define LOOK_BYTES (1u << 20) /* in which marks are looked for */
#define SOURCES	   8

struct aedat3 {
	bool begun;
	bool sourced;	     /* the camera is known, */
	bool judged, marked; /* and whether some of its events are marked as valid */
	uint32_t source;
	uint32_t sources; /* that the lines name: */
	struct aedat3_source {
		uint32_t number;
		const struct events_camera *camera;
	} named[SOURCES];
	/* the packet that is being read */
	bool inside, ours;
	uint32_t overflow, valid;
	uint64_t left, passed; /* bytes */
};

/* "#Source 1: DVS128" */
static void name_source(struct aedat3 *a, const uint8_t *line, size_t bytes)
{
	size_t at = sizeof(SOURCE_LINE) - 1;
	uint32_t number = 0;

	if (a->sources == SOURCES)
		return;
	for (; at < bytes && line[at] >= '0' && line[at] <= '9' && number < UINT16_MAX; at++)
		number = number * 10 + line[at] - '0';
	a->named[a->sources++] =
		(struct aedat3_source){ number, events_camera(line + at, bytes - at) };
}

static void set_size(const struct events_camera *camera, struct snnq_events_info *info)
{
	if (!camera)
		return;
	info->width = camera->width;
	info->height = camera->height;
}

/* The sensor is that of the line with the number of the packets, or of the only line. */
static void choose_source(struct aedat3 *a, uint32_t number, struct snnq_events_info *info)
{
	const struct events_camera *camera = NULL;

	a->source = number;
	a->sourced = true;
	for (uint32_t i = 0; i < a->sources; i++)
		if (a->named[i].number == number || a->sources == 1)
			camera = a->named[i].camera;
	set_size(camera, info);
}

/* Bytes of the lines; 0: not yet all there. */
static int64_t read_lines(struct aedat3 *a, const uint8_t *data, size_t size, bool last,
			  struct snnq_events *events)
{
	size_t pos = 0;

	a->sources = 0;
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
		if (text_begins(line, n, SOURCE_LINE))
			name_source(a, line, n);
		pos += n;
		if (!text_begins(line, n, END_LINE))
			continue;
		if (a->sources == 1) /* whatever packets there are */
			set_size(a->named[0].camera, &events->info);
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
	a->ours = type == POLARITY && count && (!a->sourced || source == a->source);
	if (a->ours && !a->sourced)
		choose_source(a, source, &events->info);
	a->valid = get_le32(data + pos + 24);
	a->left = (uint64_t)count * event_bytes;
	a->passed = 0;
	return 0;
}

/* Whether a packet at hand has marks: 1, 0 if it should have, -1 if it says nothing. */
static int has_marks(const uint8_t *data, size_t size, uint64_t bytes, uint32_t valid)
{
	size_t look = bytes < LOOK_BYTES ? (size_t)bytes : LOOK_BYTES;

	for (size_t i = 0; i + EVENT_BYTES <= look && i + EVENT_BYTES <= size; i += EVENT_BYTES)
		if (data[i] & 1)
			return 1;
	return size >= look && valid ? 0 : -1;
}

/*
 * Whether events of the camera have marks, from its first packet on, which @data begins with; false:
 * what tells is not there yet. A filter may have found nothing valid at first.
 */
static bool judge_marks(struct aedat3 *a, const uint8_t *data, size_t size, bool last)
{
	uint64_t bytes = a->left;
	uint32_t valid = a->valid;
	bool ours = true;
	size_t pos = 0;
	int marks = -1;

	for (;;) {
		if (ours)
			marks = has_marks(data + pos, size - pos, bytes, valid);
		if (marks >= 0 || bytes > size - pos || size - pos - bytes < PACKET_BYTES)
			break;
		pos += (size_t)bytes;
		ours = get_le16(data + pos) == POLARITY && get_le16(data + pos + 2) == a->source &&
		       get_le32(data + pos + 4) == EVENT_BYTES;
		bytes = (uint64_t)get_le32(data + pos + 4) * get_le32(data + pos + 20);
		valid = get_le32(data + pos + 24);
		pos += PACKET_BYTES;
	}
	if (marks < 0 && !last && size < LOOK_BYTES)
		return false;
	a->marked = marks > 0; /* else nothing says that events would have marks */
	a->judged = true;
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
		int64_t n = read_lines(a, data, size, last, events);

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
		if (!ret && a->inside &&
		    (!a->ours || a->judged || judge_marks(a, data + pos, size - pos, last)))
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
