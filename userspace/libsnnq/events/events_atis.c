// SPDX-License-Identifier: MIT
/*
 * events_atis.c - the headerless big-endian records of ATIS and SLAYER.
 *
 * .bin and .bs2 have 5 bytes: x, y, polarity and 23 bits of time. Original ATIS
 * recordings mark an overflow of their clock with y = 240; .bs2 files of sensors
 * that have a row 240 must not be read so. .bs3 has 7 bytes: 12-bit x and y,
 * channel, 24 bits of time.
 */
#include <errno.h>

#include "events.h"

#define ATIS_BYTES 5
#define BS3_BYTES 7
#define ATIS_OVERFLOW_ROW 240
#define ATIS_OVERFLOW_US 8192

static int decode_40bit(const uint8_t *data, size_t size, bool markers, struct snnq_events *events)
{
	int64_t base = 0;
	size_t pos;

	for (pos = 0; size - pos >= ATIS_BYTES; pos += ATIS_BYTES) {
		const uint8_t *r = data + pos;
		int64_t t = (r[2] & 0x7f) << 16 | r[3] << 8 | r[4];
		int ret;

		if (markers && r[1] == ATIS_OVERFLOW_ROW) {
			base += ATIS_OVERFLOW_US;
			continue;
		}
		ret = events_append(events, base + t, r[0], r[1], r[2] >> 7);
		if (ret)
			return ret;
	}
	events->info.dropped += pos != size;
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
	size_t pos;

	for (pos = 0; size - pos >= BS3_BYTES; pos += BS3_BYTES) {
		const uint8_t *r = data + pos;
		uint16_t x = r[0] << 4 | r[1] >> 4, y = (r[1] & 0xf) << 8 | r[2];
		int64_t t = r[4] << 16 | r[5] << 8 | r[6];
		int ret;

		if (r[3] > 1)
			return events_bad(events, pos + 3,
					  "channel: expected 0 (OFF) or 1 (ON), found %u", r[3]);
		ret = events_append(events, t, x, y, r[3]);
		if (ret)
			return ret;
	}
	events->info.dropped += pos != size;
	return 0;
}
