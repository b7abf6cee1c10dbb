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

/* The header, and that it is of @format or says none. */
static int begin(const uint8_t *data, size_t size, const char *format, size_t word,
		 struct snnq_events *events, struct prophesee_header *h, size_t *end)
{
	int ret = prophesee_header_read(data, size, events, h);

	if (ret)
		return ret;
	if (h->format[0] && strcmp(h->format, format))
		return events_bad(events, 0, "expected %s, found %s", format, h->format);
	*end = h->bytes + (size - h->bytes) / word * word;
	events->info.damaged_bytes = size - *end;
	events->info.dropped += size != *end;
	return 0;
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
	struct snnq_events *events;
	struct events_clock clock;
	int64_t high; /* -1: no time yet */
};

/* A word of EVT 2.1; one of 2.0 is its upper half, with an event at x itself. */
static int evt2_word(struct evt2 *s, uint64_t w, size_t pos)
{
	switch (w >> 60) {
	case EVT2_OFF:
	case EVT2_ON:
		if (s->high >= 0)
			return append_mask(s->events, s->high << 6 | (w >> 54 & 0x3f),
					   w >> 43 & 0x7ff, w >> 32 & 0x7ff, (uint32_t)w, w >> 60);
		s->events->info.dropped += (uint64_t)__builtin_popcount((uint32_t)w);
		return 0;
	case EVT2_TIME_HIGH:
		s->high = events_unwrap(&s->clock, w >> 32 & 0xfffffff);
		return 0;
	case EVT2_TRIGGER:
	case EVT2_IMU:
	case EVT2_OTHERS:
	case EVT2_CONTINUED:
		return 0;
	default:
		return unknown(s->events, pos, (unsigned int)(w >> 60));
	}
}

int events_decode_evt2(const uint8_t *data, size_t size, struct snnq_events *events)
{
	struct evt2 s = { events, { .range = 1 << 28, .last = -1 }, -1 };
	struct prophesee_header h;
	size_t end;
	int ret = begin(data, size, "evt2", 4, events, &h, &end);

	for (size_t pos = h.bytes; !ret && pos < end; pos += 4)
		ret = evt2_word(&s, (uint64_t)get_le32(data + pos) << 32 | 1, pos);
	return ret;
}

int events_decode_evt21(const uint8_t *data, size_t size, struct snnq_events *events)
{
	struct evt2 s = { events, { .range = 1 << 28, .last = -1 }, -1 };
	struct prophesee_header h;
	size_t end;
	int ret = begin(data, size, "evt21", 8, events, &h, &end);

	for (size_t pos = h.bytes; !ret && pos < end; pos += 8) {
		uint64_t w = get_le64(data + pos);

		ret = evt2_word(&s, h.swapped ? w << 32 | w >> 32 : w, pos);
	}
	return ret;
}

/* What words of EVT 3.0 leave to those that follow. */
struct evt3 {
	struct snnq_events *events;
	struct events_clock clock;
	int64_t high; /* -1: no time yet */
	uint32_t raw_high, low;
	int32_t y; /* -1: none yet */
	int32_t x; /* next of a vector; -1: none yet */
	bool on;
};

static int evt3_append(struct evt3 *s, uint32_t x, uint32_t mask, bool on)
{
	if (s->high >= 0 && s->y >= 0)
		return append_mask(s->events, s->high << 12 | s->low, x, (uint16_t)s->y, mask, on);
	s->events->info.dropped += (uint64_t)__builtin_popcount(mask);
	return 0;
}

static int evt3_vector(struct evt3 *s, uint32_t mask, int32_t width)
{
	int ret = 0;

	if (s->x < 0) {
		s->events->info.dropped += (uint64_t)__builtin_popcount(mask);
		return 0;
	}
	/* Beyond the bits of x there is no sensor. */
	if (s->x < 2048)
		ret = evt3_append(s, (uint32_t)s->x, mask, s->on);
	else
		s->events->info.dropped += (uint64_t)__builtin_popcount(mask);
	s->x = s->x < 2048 ? s->x + width : s->x;
	return ret;
}

/* The low part starts over when the high one changes, not when it is repeated. */
static void evt3_time_high(struct evt3 *s, uint32_t high)
{
	if (s->high < 0 || high != s->raw_high)
		s->low = 0;
	s->raw_high = high;
	s->high = events_unwrap(&s->clock, high);
}

static int evt3_word(struct evt3 *s, uint16_t w, size_t pos)
{
	switch (w >> 12) {
	case EVT3_Y:
		s->y = w & 0x7ff;
		return 0;
	case EVT3_X:
		return evt3_append(s, w & 0x7ff, 1, w >> 11 & 1);
	case EVT3_VECTOR_X:
		s->x = w & 0x7ff;
		s->on = w >> 11 & 1;
		return 0;
	case EVT3_VECTOR_12:
		return evt3_vector(s, w & 0xfff, 12);
	case EVT3_VECTOR_8:
		return evt3_vector(s, w & 0xff, 8);
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
		return unknown(s->events, pos, w >> 12);
	}
}

int events_decode_evt3(const uint8_t *data, size_t size, struct snnq_events *events)
{
	struct evt3 s = { .events = events,
			  .clock = { .range = 1 << 12, .last = -1 },
			  .high = -1,
			  .y = -1,
			  .x = -1 };
	struct prophesee_header h;
	size_t end;
	int ret = begin(data, size, "evt3", 2, events, &h, &end);

	for (size_t pos = h.bytes; !ret && pos < end; pos += 2)
		ret = evt3_word(&s, get_le16(data + pos), pos);
	return ret;
}
