// SPDX-License-Identifier: MIT
/*
 * events_atis.c - the headerless big-endian records of ATIS and SLAYER.
 *
 * .bin and .bs2 have 5 bytes: x, y, polarity and 23 bits of time. Original ATIS
 * recordings mark an overflow of their clock with y = 240; .bs2 files of sensors
 * that have a row 240 must not be read so. .bs3 has 7 bytes: 12-bit x and y,
 * channel, 24 bits of time. Both times start over, which is undone; zeros at the end are not
 * events but space that was never written.
 */
#include <errno.h>
#include <string.h>

#include "events.h"

#define ATIS_BYTES	  5
#define BS3_BYTES	  7
#define ATIS_OVERFLOW_ROW 240
#define ATIS_OVERFLOW_US  8192

static bool is_zero(const uint8_t *data, size_t size)
{
	return !*data && !memcmp(data, data + 1, size - 1);
}

/* Bytes of whole records that are events; the others are counted as a damaged tail. */
static size_t event_bytes(const uint8_t *data, size_t size, size_t record,
			  struct snnq_events *events)
{
	size_t whole = size / record * record, end = whole;

	while (end && is_zero(data + end - record, record))
		end -= record;
	/* a recording may begin, and end, with events at time 0 in the corner */
	if (!end || is_zero(data + end - 3, 3))
		end = whole;
	events->info.damaged_bytes = size - end;
	events->info.dropped += end != size;
	return end;
}

static int decode_40bit(const uint8_t *data, size_t size, bool markers, struct snnq_events *events)
{
	struct events_clock clock = { .range = 1 << 23, .last = -1 };
	size_t end = event_bytes(data, size, ATIS_BYTES, events);
	int64_t base = 0;

	for (size_t pos = 0; pos < end; pos += ATIS_BYTES) {
		const uint8_t *r = data + pos;
		int64_t t = (r[2] & 0x7f) << 16 | r[3] << 8 | r[4];
		int ret;

		if (markers && r[1] == ATIS_OVERFLOW_ROW) {
			base += ATIS_OVERFLOW_US;
			continue;
		}
		ret = events_append(events, base + events_unwrap(&clock, t), r[0], r[1], r[2] >> 7);
		if (ret)
			return ret;
	}
	return 0;
}

int events_decode_atis(const uint8_t *data, size_t size, struct snnq_events *events)
{
	return decode_40bit(data, size, true, events);
}

int events_decode_bs2(const uint8_t *data, size_t size, struct snnq_events *events)
{
	return decode_40bit(data, size, false, events);
}

int events_decode_bs3(const uint8_t *data, size_t size, struct snnq_events *events)
{
	struct events_clock clock = { .range = 1 << 24, .last = -1 };
	size_t end = event_bytes(data, size, BS3_BYTES, events);

	for (size_t pos = 0; pos < end; pos += BS3_BYTES) {
		const uint8_t *r = data + pos;
		uint16_t x = r[0] << 4 | r[1] >> 4, y = (r[1] & 0xf) << 8 | r[2];
		int64_t t = r[4] << 16 | r[5] << 8 | r[6];
		int ret;

		if (r[3] > 1)
			return events_bad(events, pos + 3,
					  "channel: expected 0 (OFF) or 1 (ON), found %u", r[3]);
		ret = events_append(events, events_unwrap(&clock, t), x, y, r[3]);
		if (ret)
			return ret;
	}
	return 0;
}
