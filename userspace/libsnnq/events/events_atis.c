// SPDX-License-Identifier: MIT
/*
 * events_atis.c - the headerless big-endian records of ATIS and SLAYER.
 *
 * .bin and .bs2 have 5 bytes: x, y, polarity and 23 bits of time. Original ATIS
 * recordings mark an overflow of their clock with y = 240; .bs2 files of sensors
 * that have a row 240 must not be read so. .bs1 is for one row: x has both bytes.
 * .bs3 has 7 bytes: 12-bit x and y, channel, 24 bits of time. All times start over, which is undone; zeros at the end are not
 * events but space that was never written.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "events.h"

#define ATIS_BYTES	  5
#define BS3_BYTES	  7
#define ATIS_OVERFLOW_ROW 240
#define ATIS_OVERFLOW_US  8192

struct atis {
	struct events_clock clock;
	int64_t base;	 /* of the marks */
	uint64_t zeros;	 /* records of them whose meaning depends on what follows */
	uint64_t events; /* of them that turned out to be events */
	bool content;	 /* a record was none of zeros; */
	bool at_zero;	 /* the last one that was none was at time 0 */
};

static bool is_zero(const uint8_t *data, size_t size)
{
	return !*data && !memcmp(data, data + 1, size - 1);
}

/* The record at @r, none of zeros. */
typedef int (*read_fn)(struct atis *a, const uint8_t *r, size_t pos, struct snnq_events *events);

/* A recording may begin, and end, with events at time 0 in the corner. */
static int64_t end(struct atis *a, size_t record, size_t tail, size_t size,
		   struct snnq_events *events)
{
	uint64_t zeros = a->zeros;

	a->zeros = 0;
	if (!a->content || a->at_zero)
		a->events = zeros;
	else
		tail += zeros * record;
	return a->events ? 0 : events_tail(events, tail, size);
}

static int64_t take(struct atis *a, const uint8_t *data, size_t size, bool last, size_t record,
		    int64_t range, read_fn read, struct snnq_events *events)
{
	size_t pos = 0;
	int ret = 0;

	while (!ret && !events_full(events)) {
		const uint8_t *r = data + pos;

		if (a->events) {
			ret = events_append(events, a->base + events_unwrap(&a->clock, range, 0), 0,
					    0, false);
			a->events--;
		} else if (size - pos < record) {
			int64_t done = last ? end(a, record, size - pos, size, events) :
					      (int64_t)pos;

			if (!a->events)
				return done;
		} else if (is_zero(r, record)) {
			a->zeros++;
			pos += record;
		} else if (a->zeros) {
			a->events = a->zeros;
			a->zeros = 0;
		} else {
			a->content = true;
			a->at_zero = is_zero(r + record - 3, 3);
			ret = read(a, r, pos, events);
			pos += record;
		}
	}
	return ret ? ret : (int64_t)pos;
}

#define RANGE_40BIT (1 << 23)
#define RANGE_BS3   (1 << 24)

static int read_40bit(struct atis *a, const uint8_t *r, uint16_t x, uint16_t y,
		      struct snnq_events *events)
{
	int64_t t = (r[2] & 0x7f) << 16 | r[3] << 8 | r[4];

	return events_append(events, a->base + events_unwrap(&a->clock, RANGE_40BIT, t), x, y,
			     r[2] >> 7);
}

static int read_bs1(struct atis *a, const uint8_t *r, size_t pos, struct snnq_events *events)
{
	(void)pos;
	return read_40bit(a, r, get_be16(r), 0, events);
}

static int read_bs2(struct atis *a, const uint8_t *r, size_t pos, struct snnq_events *events)
{
	(void)pos;
	return read_40bit(a, r, r[0], r[1], events);
}

static int read_atis(struct atis *a, const uint8_t *r, size_t pos, struct snnq_events *events)
{
	(void)pos;
	if (r[1] != ATIS_OVERFLOW_ROW)
		return read_40bit(a, r, r[0], r[1], events);
	a->base += ATIS_OVERFLOW_US;
	return 0;
}

static int read_bs3(struct atis *a, const uint8_t *r, size_t pos, struct snnq_events *events)
{
	uint16_t x = r[0] << 4 | r[1] >> 4, y = (r[1] & 0xf) << 8 | r[2];
	int64_t t = r[4] << 16 | r[5] << 8 | r[6];

	if (r[3] >= events->channels)
		return events_bad(events, pos + 3, "channel: expected at most %u, found %u",
				  events->channels - 1, r[3]);
	return events_append(events, events_unwrap(&a->clock, RANGE_BS3, t), x, y, r[3]);
}

static int64_t take_atis(void *state, const uint8_t *data, size_t size, bool last,
			 struct snnq_events *events)
{
	return take(state, data, size, last, ATIS_BYTES, RANGE_40BIT, read_atis, events);
}

static int64_t take_bs1(void *state, const uint8_t *data, size_t size, bool last,
			struct snnq_events *events)
{
	return take(state, data, size, last, ATIS_BYTES, RANGE_40BIT, read_bs1, events);
}

static int64_t take_bs2(void *state, const uint8_t *data, size_t size, bool last,
			struct snnq_events *events)
{
	return take(state, data, size, last, ATIS_BYTES, RANGE_40BIT, read_bs2, events);
}

static int64_t take_bs3(void *state, const uint8_t *data, size_t size, bool last,
			struct snnq_events *events)
{
	return take(state, data, size, last, BS3_BYTES, RANGE_BS3, read_bs3, events);
}

const struct events_decoder events_atis = { sizeof(struct atis), take_atis, NULL };
const struct events_decoder events_bs1 = { sizeof(struct atis), take_bs1, NULL };
const struct events_decoder events_bs2 = { sizeof(struct atis), take_bs2, NULL };
const struct events_decoder events_bs3 = { sizeof(struct atis), take_bs3, NULL };
