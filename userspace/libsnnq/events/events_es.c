// SPDX-License-Identifier: MIT
/*
 * events_es.c - Event Stream 2 (.es), its types for event cameras: DVS and ATIS.
 *
 * Magic, version, type, width and height; then for each event a byte with the time since
 * the one before and the polarity, x and y. Bytes whose time is the largest are time alone:
 * of a DVS 0xff is 127 us and 0xfe, which puts readers right again, none; of an ATIS the other
 * two bits count 63 us. An ATIS measures gray levels, too; they are passed over. Rows count from
 * the bottom.
 */
#include <errno.h>

#include "bytes.h"
#include "events.h"

#define MAGIC_BYTES  12
#define HEADER_BYTES 20
#define EVENT_BYTES  5
#define TYPE_DVS     1
#define TYPE_ATIS    2

static int check_header(const uint8_t *data, size_t size, struct snnq_events *events)
{
	static const char *const types[] = { "0 (generic)", "", "", "3 (display)", "4 (color)" };
	const uint8_t *type = data + MAGIC_BYTES + 3;

	if (size < HEADER_BYTES)
		return events_bad(events, size, "expected a header of %u bytes, found the end",
				  HEADER_BYTES);
	if (data[MAGIC_BYTES] != 2)
		return events_bad(events, MAGIC_BYTES, "version: expected 2, found %u.%u.%u",
				  data[MAGIC_BYTES], data[MAGIC_BYTES + 1], data[MAGIC_BYTES + 2]);
	if (*type != TYPE_DVS && *type != TYPE_ATIS)
		return events_bad(events, MAGIC_BYTES + 3,
				  "type: expected 1 (DVS) or 2 (ATIS), found %s",
				  *type < 5 ? types[*type] : "an unknown one");
	if (!get_le16(type + 1) || !get_le16(type + 3))
		return events_bad(events, MAGIC_BYTES + 4, "expected width and height, found 0");
	return 0;
}

struct es {
	bool begun, atis;
	int64_t t;
};

static void begin(struct es *s, const uint8_t *data, struct snnq_events *events)
{
	events->info.width = get_le16(data + MAGIC_BYTES + 4);
	events->info.height = get_le16(data + MAGIC_BYTES + 6);
	events->info.origin_bottom = true;
	s->atis = data[MAGIC_BYTES + 3] == TYPE_ATIS;
	s->begun = true;
}

/* The first byte of an event is all of it. */
static bool is_time(const struct es *s, uint8_t b)
{
	return b >= (s->atis ? 0xfc : 0xfe);
}

/* Microseconds that it adds. */
static int time_of(const struct es *s, uint8_t b)
{
	if (s->atis)
		return is_time(s, b) ? 63 * (b & 3) : b >> 2;
	return b == 0xfe ? 0 : b >> 1;
}

static int append(const struct es *s, const uint8_t *e, struct snnq_events *events)
{
	if (s->atis && *e & 1)
		return 0; /* of a gray level */
	return events_append(events, s->t, get_le16(e + 1), get_le16(e + 3),
			     (s->atis ? *e >> 1 : *e) & 1);
}

static int64_t take(void *state, const uint8_t *data, size_t size, bool last,
		    struct snnq_events *events)
{
	struct es *s = state;
	size_t pos = 0;
	int ret = 0;

	if (!s->begun) {
		if (size < HEADER_BYTES && !last)
			return 0;
		ret = check_header(data, size, events);
		if (ret)
			return ret;
		begin(s, data, events);
		pos = HEADER_BYTES;
	}
	while (!ret && pos < size && !events_full(events)) {
		const uint8_t *e = data + pos;
		bool alone = is_time(s, *e);

		if (!alone && size - pos < EVENT_BYTES)
			break;
		s->t += time_of(s, *e);
		pos += alone ? 1 : EVENT_BYTES;
		if (!alone)
			ret = append(s, e, events);
	}
	if (!ret && last && !events_full(events))
		return events_tail(events, size - pos, size);
	return ret ? ret : (int64_t)pos;
}

const struct events_decoder events_es = { sizeof(struct es), take, NULL };
