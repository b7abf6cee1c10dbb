// SPDX-License-Identifier: MIT
/*
 * events_evt.c - EVT 2.0, 2.1 and 3.0, the streams of Prophesee's cameras.
 *
 * Words of 32, 64 or 16 bits, little-endian, with a type in the highest four. Time comes in
 * words of its own; what comes before the first has none and is counted as dropped. Triggers,
 * IMU and monitoring words are skipped. So are words of types that are reserved, which cameras
 * with gray levels have used: each counts as dropped. Prophesee, "Data encoding formats"; halves
 * of 64-bit words are swapped in older systems.
 */
#include <errno.h>
#include <string.h>

#include "batch.h"
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
	EVT3_GRAY_Y = 0x1,
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

/* What words of EVT 2 leave to those that follow. */
struct evt2 {
	bool begun, swapped;
	struct events_clock clock;
	bool timed;   /* there was a time */
	int64_t high; /* of it */
};

#define EVT2_RANGE (1 << 28)

/* A word of EVT 2.1; one of 2.0 is its upper half, with an event at x itself. */
static void evt2_word(struct evt2 *s, struct events_batch *b, uint64_t w)
{
	switch (w >> 60) {
	case EVT2_OFF:
	case EVT2_ON:
		if (s->timed)
			batch_append(b, s->high << 6 | (w >> 54 & 0x3f), w >> 43 & 0x7ff,
				     w >> 32 & 0x7ff, (uint32_t)w, w >> 60);
		else
			b->dropped += (uint64_t)__builtin_popcount((uint32_t)w);
		return;
	case EVT2_TIME_HIGH:
		s->high = events_unwrap(&s->clock, EVT2_RANGE, w >> 32 & 0xfffffff);
		s->timed = true;
		return;
	case EVT2_TRIGGER:
	case EVT2_IMU:
	case EVT2_OTHERS:
	case EVT2_CONTINUED:
		return;
	default:
		b->dropped++;
	}
}

/* Words up to a pause; the bytes that are done, or an error. */
static int64_t evt2_words(struct evt2 *state, const uint8_t *data, size_t size, size_t bytes,
			  struct snnq_events *events)
{
	struct evt2 s = *state; /* in registers */
	struct events_batch b;
	int ret = batch_begin(&b, events);
	size_t pos = 0;

	if (ret)
		return ret;
	for (; size - pos >= bytes && batch_ready(&b); pos += bytes) {
		uint64_t w = bytes == 4 ? (uint64_t)get_le32(data + pos) << 32 | 1 :
					  get_le64(data + pos);

		if (s.swapped && bytes == 8)
			w = w << 32 | w >> 32;
		evt2_word(&s, &b, w);
	}
	batch_end(&b, events);
	*state = s;
	return (int64_t)pos;
}

static int64_t evt20_words(void *state, const uint8_t *data, size_t size,
			   struct snnq_events *events)
{
	return evt2_words(state, data, size, 4, events);
}

static int64_t evt21_words(void *state, const uint8_t *data, size_t size,
			   struct snnq_events *events)
{
	return evt2_words(state, data, size, 8, events);
}

/* What words of EVT 3.0 leave to those that follow. */
struct evt3 {
	bool begun;
	struct events_clock clock;
	bool timed, rowed, based; /* there was a time, a row, a base of vectors */
	int64_t high, t;
	uint32_t raw_high;
	uint32_t y;
	uint32_t x; /* next of a vector */
	bool on;
};

#define EVT3_RANGE (1 << 12)

static void evt3_single(const struct evt3 *s, struct events_batch *b, uint32_t x, bool on)
{
	if (s->timed && s->rowed)
		batch_append_one(b, s->t, x, s->y, on);
	else
		b->dropped++;
}

static void evt3_vector(struct evt3 *s, struct events_batch *b, uint32_t mask, uint32_t width)
{
	uint32_t x = s->x;
	/* Beyond the bits of x there is no sensor. */
	bool beyond = s->based && x >= 2048;

	s->x += s->based && !beyond ? width : 0;
	if (s->based && !beyond && s->timed && s->rowed)
		batch_append(b, s->t, x, s->y, mask, s->on);
	else
		b->dropped += (uint64_t)__builtin_popcount(mask);
}

/* The low part starts over when the high one changes, not when it is repeated. */
static void evt3_time_high(struct evt3 *s, uint32_t high)
{
	int64_t low = !s->timed || high != s->raw_high ? 0 : s->t & 0xfff;

	s->raw_high = high;
	s->high = events_unwrap(&s->clock, EVT3_RANGE, high);
	s->t = s->high << 12 | low;
	s->timed = true;
}

static void evt3_word(struct evt3 *s, struct events_batch *b, uint16_t w)
{
	switch (w >> 12) {
	case EVT3_Y:
		s->y = w & 0x7ff;
		s->rowed = true;
		return;
	case EVT3_GRAY_Y:
		s->rowed = false; /* what follows is none of ours */
		b->dropped++;
		return;
	case EVT3_X:
		evt3_single(s, b, w & 0x7ff, w >> 11 & 1);
		return;
	case EVT3_VECTOR_X:
		s->x = w & 0x7ff;
		s->on = w >> 11 & 1;
		s->based = true;
		return;
	case EVT3_VECTOR_12:
		evt3_vector(s, b, w & 0xfff, 12);
		return;
	case EVT3_VECTOR_8:
		evt3_vector(s, b, w & 0xff, 8);
		return;
	case EVT3_TIME_LOW:
		s->t = s->high << 12 | (w & 0xfff);
		return;
	case EVT3_TIME_HIGH:
		evt3_time_high(s, w & 0xfff);
		return;
	case EVT3_TRIGGER:
	case EVT3_IMU:
	case EVT3_OTHERS:
	case EVT3_CONTINUED_4:
	case EVT3_CONTINUED_12:
		return;
	default:
		b->dropped++;
	}
}

/* Words up to a pause; the bytes that are done, or an error. */
static int64_t evt3_words(void *state, const uint8_t *data, size_t size, struct snnq_events *events)
{
	struct evt3 s = *(struct evt3 *)state; /* in registers */
	struct events_batch b;
	int ret = batch_begin(&b, events);
	size_t pos = 0;

	if (ret)
		return ret;
	for (; size - pos >= 2 && batch_ready(&b); pos += 2)
		evt3_word(&s, &b, get_le16(data + pos));
	batch_end(&b, events);
	*(struct evt3 *)state = s;
	return (int64_t)pos;
}

/* ---- what all have in common ---- */

typedef int64_t (*words_fn)(void *state, const uint8_t *data, size_t size,
			    struct snnq_events *events);

/* The words from @pos on, of @bytes each. */
static int64_t take_words(void *state, const uint8_t *data, size_t pos, size_t size, bool last,
			  size_t bytes, words_fn words, struct snnq_events *events)
{
	while (size - pos >= bytes && !events_full(events)) {
		int64_t n;

		events->base += pos;
		n = words(state, data + pos, size - pos, events);
		events->base -= pos;
		if (n < 0)
			return n;
		pos += (size_t)n;
	}
	return last && !events_full(events) ? events_tail(events, size - pos, size) : (int64_t)pos;
}

static int64_t take_evt2(struct evt2 *s, const uint8_t *data, size_t size, bool last, size_t bytes,
			 const char *format, words_fn words, struct snnq_events *events)
{
	size_t pos = 0;

	if (!s->begun) {
		struct prophesee_header h;
		int64_t done;

		if (!begin(data, size, last, format, events, &h, &done))
			return done;
		s->begun = true;
		s->swapped = h.swapped;
		pos = h.bytes;
	}
	return take_words(s, data, pos, size, last, bytes, words, events);
}

static int64_t take_evt20(void *state, const uint8_t *data, size_t size, bool last,
			  struct snnq_events *events)
{
	return take_evt2(state, data, size, last, 4, "evt2", evt20_words, events);
}

static int64_t take_evt21(void *state, const uint8_t *data, size_t size, bool last,
			  struct snnq_events *events)
{
	return take_evt2(state, data, size, last, 8, "evt21", evt21_words, events);
}

static int64_t take_evt3(void *state, const uint8_t *data, size_t size, bool last,
			 struct snnq_events *events)
{
	struct evt3 *s = state;
	size_t pos = 0;

	if (!s->begun) {
		struct prophesee_header h;
		int64_t done;

		if (!begin(data, size, last, "evt3", events, &h, &done))
			return done;
		s->begun = true;
		pos = h.bytes;
	}
	return take_words(s, data, pos, size, last, 2, evt3_words, events);
}

const struct events_decoder events_evt2 = { sizeof(struct evt2), take_evt20, NULL };
const struct events_decoder events_evt21 = { sizeof(struct evt2), take_evt21, NULL };
const struct events_decoder events_evt3 = { sizeof(struct evt3), take_evt3, NULL };
