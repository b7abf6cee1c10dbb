// SPDX-License-Identifier: MIT
/*
 * events_evt.c - EVT 2.0, 2.1 and 3.0, the streams of Prophesee's cameras.
 *
 * Words of 32, 64 or 16 bits, little-endian, with a type in the highest four. Time comes in
 * words of its own; what comes before the first has none and is counted as dropped. Triggers,
 * IMU and monitoring words are skipped, words of no known type refused. Prophesee, "Data
 * encoding formats"; halves of 64-bit words are swapped in older systems.
 */
#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "prophesee.h"

enum evt_type { /* of EVT 2.0 and 2.1 */
		EVT2_OFF = 0x0,
		EVT2_ON = 0x1,
		EVT2_TIME_HIGH = 0x8,
		EVT2_TRIGGER = 0xa,
		EVT2_IMU = 0xd,
		EVT2_OTHERS = 0xe,
		EVT2_CONTINUED = 0xf,
};

enum evt3_type {
	EVT3_Y = 0x0,
	EVT3_X = 0x2,
	EVT3_VECTOR_X = 0x3,
	EVT3_VECTOR_12 = 0x4,
	EVT3_VECTOR_8 = 0x5,
	EVT3_TIME_LOW = 0x6,
	EVT3_CONTINUED_4 = 0x7,
	EVT3_TIME_HIGH = 0x8,
	EVT3_TRIGGER = 0xa,
	EVT3_IMU = 0xd,
	EVT3_OTHERS = 0xe,
	EVT3_CONTINUED_12 = 0xf,
};

/*
 * The header, and that it is of @format or says none. Whether words follow; otherwise @done is what
 * to return: bytes that are done, or an error.
 */
static bool begin(const uint8_t *data, size_t size, bool last, const char *format,
		  struct snnq_events *events, struct prophesee_header *h, int64_t *done)
{
	int ret = prophesee_header_read(data, size, last, events, h);

	if (!ret && h->format[0] && strcmp(h->format, format))
		ret = events_bad(events, 0, "expected %s, found %s", format, h->format);
	*done = ret < 0 ? ret : 0;
	return !ret;
}

static int unknown(struct snnq_events *events, size_t pos, unsigned int type)
{
	return events_bad(events, pos, "type of a word: expected one of the format, found %#x",
			  type);
}

/* Events of one time and row at @x and to the right of it, one for each bit of @mask. */
static int append_mask(struct snnq_events *events, int64_t t, uint32_t x, uint16_t y, uint32_t mask,
		       bool on)
{
	int ret = 0;

	for (; !ret && mask; mask &= mask - 1)
		ret = events_append(events, t, (uint16_t)(x + (uint32_t)__builtin_ctz(mask)), y,
				    on);
	return ret;
}

/* What words of EVT 2 leave to those that follow. */
struct evt2 {
	bool begun, swapped;
	struct events_clock clock;
	bool timed;   /* there was a time */
	int64_t high; /* of it */
};

#define EVT2_RANGE (1 << 28)

/* A word of EVT 2.1; one of 2.0 is its upper half, with an event at x itself. */
static int evt2_word(struct evt2 *s, struct snnq_events *events, uint64_t w, size_t pos)
{
	switch (w >> 60) {
	case EVT2_OFF:
	case EVT2_ON:
		if (s->timed)
			return append_mask(events, s->high << 6 | (w >> 54 & 0x3f), w >> 43 & 0x7ff,
					   w >> 32 & 0x7ff, (uint32_t)w, w >> 60);
		events->info.dropped += (uint64_t)__builtin_popcount((uint32_t)w);
		return 0;
	case EVT2_TIME_HIGH:
		s->high = events_unwrap(&s->clock, EVT2_RANGE, w >> 32 & 0xfffffff);
		s->timed = true;
		return 0;
	case EVT2_TRIGGER:
	case EVT2_IMU:
	case EVT2_OTHERS:
	case EVT2_CONTINUED:
		return 0;
	default:
		return unknown(events, pos, (unsigned int)(w >> 60));
	}
}

static int64_t take_evt2(void *state, const uint8_t *data, size_t size, bool last,
			 struct snnq_events *events, size_t bytes)
{
	struct evt2 *s = state;
	size_t pos = 0;
	int ret = 0;

	if (!s->begun) {
		struct prophesee_header h;
		int64_t done;

		if (!begin(data, size, last, bytes == 4 ? "evt2" : "evt21", events, &h, &done))
			return done;
		s->begun = true;
		s->swapped = h.swapped;
		pos = h.bytes;
	}
	for (; !ret && size - pos >= bytes && !events_full(events); pos += bytes) {
		uint64_t w = bytes == 4 ? (uint64_t)get_le32(data + pos) << 32 | 1 :
					  get_le64(data + pos);

		ret = evt2_word(s, events, s->swapped && bytes == 8 ? w << 32 | w >> 32 : w, pos);
	}
	if (!ret && last && !events_full(events))
		return events_tail(events, size - pos, size);
	return ret ? ret : (int64_t)pos;
}

static int64_t take_evt20(void *state, const uint8_t *data, size_t size, bool last,
			  struct snnq_events *events)
{
	return take_evt2(state, data, size, last, events, 4);
}

static int64_t take_evt21(void *state, const uint8_t *data, size_t size, bool last,
			  struct snnq_events *events)
{
	return take_evt2(state, data, size, last, events, 8);
}

/* What words of EVT 3.0 leave to those that follow. */
struct evt3 {
	bool begun;
	struct events_clock clock;
	bool timed, rowed, based; /* there was a time, a row, a base of vectors */
	int64_t high;
	uint32_t raw_high, low;
	uint32_t y;
	uint32_t x; /* next of a vector */
	bool on;
};

#define EVT3_RANGE (1 << 12)

static int evt3_append(struct evt3 *s, struct snnq_events *events, uint32_t x, uint32_t mask,
		       bool on)
{
	if (s->timed && s->rowed)
		return append_mask(events, s->high << 12 | s->low, x, (uint16_t)s->y, mask, on);
	events->info.dropped += (uint64_t)__builtin_popcount(mask);
	return 0;
}

static int evt3_vector(struct evt3 *s, struct snnq_events *events, uint32_t mask, uint32_t width)
{
	uint32_t x = s->x;

	/* Beyond the bits of x there is no sensor. */
	if (!s->based || x >= 2048) {
		events->info.dropped += (uint64_t)__builtin_popcount(mask);
		return 0;
	}
	s->x += width;
	return evt3_append(s, events, x, mask, s->on);
}

/* The low part starts over when the high one changes, not when it is repeated. */
static void evt3_time_high(struct evt3 *s, uint32_t high)
{
	if (!s->timed || high != s->raw_high)
		s->low = 0;
	s->raw_high = high;
	s->high = events_unwrap(&s->clock, EVT3_RANGE, high);
	s->timed = true;
}

static int evt3_word(struct evt3 *s, struct snnq_events *events, uint16_t w, size_t pos)
{
	switch (w >> 12) {
	case EVT3_Y:
		s->y = w & 0x7ff;
		s->rowed = true;
		return 0;
	case EVT3_X:
		return evt3_append(s, events, w & 0x7ff, 1, w >> 11 & 1);
	case EVT3_VECTOR_X:
		s->x = w & 0x7ff;
		s->on = w >> 11 & 1;
		s->based = true;
		return 0;
	case EVT3_VECTOR_12:
		return evt3_vector(s, events, w & 0xfff, 12);
	case EVT3_VECTOR_8:
		return evt3_vector(s, events, w & 0xff, 8);
	case EVT3_TIME_LOW:
		s->low = w & 0xfff;
		return 0;
	case EVT3_TIME_HIGH:
		evt3_time_high(s, w & 0xfff);
		return 0;
	case EVT3_TRIGGER:
	case EVT3_IMU:
	case EVT3_OTHERS:
	case EVT3_CONTINUED_4:
	case EVT3_CONTINUED_12:
		return 0;
	default:
		return unknown(events, pos, w >> 12);
	}
}

static int64_t take_evt3(void *state, const uint8_t *data, size_t size, bool last,
			 struct snnq_events *events)
{
	struct evt3 *s = state;
	size_t pos = 0;
	int ret = 0;

	if (!s->begun) {
		struct prophesee_header h;
		int64_t done;

		if (!begin(data, size, last, "evt3", events, &h, &done))
			return done;
		s->begun = true;
		pos = h.bytes;
	}
	for (; !ret && size - pos >= 2 && !events_full(events); pos += 2)
		ret = evt3_word(s, events, get_le16(data + pos), pos);
	if (!ret && last && !events_full(events))
		return events_tail(events, size - pos, size);
	return ret ? ret : (int64_t)pos;
}

const struct events_decoder events_evt2 = { sizeof(struct evt2), take_evt20, NULL };
const struct events_decoder events_evt21 = { sizeof(struct evt2), take_evt21, NULL };
const struct events_decoder events_evt3 = { sizeof(struct evt3), take_evt3, NULL };
