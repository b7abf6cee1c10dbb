// SPDX-License-Identifier: MIT
/*
 * write_evt3.c - EVT 3.0 as Prophesee's cameras send it (events_evt.c reads it).
 *
 * Words of 16 bits: a row, a column with a polarity, up to 12 neighbours in a row as bits, and
 * the time, whose 24 bits start over every 16.8 s. Readers take a fall of the upper 12 bits from
 * their end to their beginning for a new turn, so each turn passes both. Times count from the turn
 * in which the first event is.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "writer.h"

#define WORDS	    16384
#define VECTOR_BITS 12
#define TURN_HIGHS  4096
#define TURN_US	    (INT64_C(1) << 24)
#define LONGEST_US  (INT64_C(1) << 40) /* without an event: a turn in it takes two words */

enum {
	WORD_Y = 0x0000,
	WORD_X = 0x2000,
	WORD_VECTOR_X = 0x3000,
	WORD_VECTOR_12 = 0x4000,
	WORD_TIME_LOW = 0x6000,
	WORD_TIME_HIGH = 0x8000,
	WORD_ON = 0x0800,
};

struct evt3 {
	bool begun;
	int64_t turn; /* start of the first event's */
	int64_t high; /* of the time, not cut to its bits */
	uint32_t low, y;
	uint16_t words[WORDS]; /* little-endian */
	size_t count;
};

static int flush(struct snnq_writer *w)
{
	struct evt3 *s = w->state;
	size_t count = s->count;

	s->count = 0;
	return writer_write(w, s->words, count * sizeof(*s->words));
}

static int put_word(struct snnq_writer *w, uint32_t word)
{
	struct evt3 *s = w->state;

	s->words[s->count++] = htole16((uint16_t)word);
	return s->count == WORDS ? flush(w) : 0;
}

static int put_high(struct snnq_writer *w, int64_t high)
{
	struct evt3 *s = w->state;

	s->high = high;
	s->low = UINT32_MAX; /* readers forget it */
	return put_word(w, WORD_TIME_HIGH | (uint32_t)(high % TURN_HIGHS));
}

static int put_time(struct snnq_writer *w, int64_t t)
{
	struct evt3 *s = w->state;
	int64_t high;
	int ret = 0;

	if (!s->begun)
		s->turn = t - t % TURN_US;
	t -= s->turn;
	high = t >> 12;
	if (!s->begun)
		ret = put_high(w, high);
	s->begun = true;
	while (!ret && high / TURN_HIGHS > s->high / TURN_HIGHS) {
		if (s->high % TURN_HIGHS != TURN_HIGHS - 1)
			ret = put_high(w, s->high - s->high % TURN_HIGHS + TURN_HIGHS - 1);
		if (!ret)
			ret = put_high(w, s->high + 1);
	}
	if (!ret && high != s->high)
		ret = put_high(w, high);
	if (!ret && s->low != (t & 0xfff)) {
		s->low = t & 0xfff;
		ret = put_word(w, WORD_TIME_LOW | s->low);
	}
	return ret;
}

/* Events from the first on that are of one time, row and polarity, with columns that rise. */
static size_t row_length(const struct snnq_event *e, size_t count)
{
	size_t n = 1;

	while (n < count && e[n].t == e->t && e[n].y == e->y && !e[n].p == !e->p &&
	       e[n].x > e[n - 1].x)
		n++;
	return n;
}

/* How many of a row's events a vector takes, which has @vectors words of bits. */
static size_t vector_length(const struct snnq_event *e, size_t count, uint32_t *vectors)
{
	size_t n = 0, before;

	*vectors = 0;
	do {
		before = n;
		while (n < count && e[n].x < e->x + VECTOR_BITS * (*vectors + 1))
			n++;
		*vectors += n > before;
	} while (n > before);
	return n;
}

static int put_vector(struct snnq_writer *w, const struct snnq_event *e, size_t count,
		      uint32_t vectors)
{
	int ret = put_word(w, WORD_VECTOR_X | (e->p ? WORD_ON : 0u) | e->x);
	uint32_t x = e->x, bits;
	size_t n = 0;

	for (; !ret && vectors; vectors--, x += VECTOR_BITS) {
		for (bits = 0; n < count && e[n].x < x + VECTOR_BITS; n++)
			bits |= 1u << (e[n].x - x);
		ret = put_word(w, WORD_VECTOR_12 | bits);
	}
	return ret;
}

/* Events of a row: as vectors where these are fewer words. */
static int put_row(struct snnq_writer *w, const struct snnq_event *e, size_t count)
{
	uint32_t vectors;
	size_t n;
	int ret = 0;

	for (; !ret && count; e += n, count -= n) {
		n = vector_length(e, count, &vectors);
		if (n > vectors + 1) {
			ret = put_vector(w, e, n, vectors);
		} else {
			n = 1;
			ret = put_word(w, WORD_X | (e->p ? WORD_ON : 0u) | e->x);
		}
	}
	return ret;
}

static int put(struct snnq_writer *w, const struct snnq_event *events, size_t count)
{
	struct evt3 *s = w->state;
	int64_t last = w->any ? w->last_us : events->t;
	size_t n;
	int ret = 0;

	for (; !ret && count; last = events->t, events += n, count -= n) {
		if (events->t - last > LONGEST_US)
			return error_set(-EINVAL,
					 "%s: time of an event: evt3 expects at most %" PRId64
					 " us behind the one before, found %" PRId64,
					 w->path, LONGEST_US, events->t - last);
		ret = put_time(w, events->t);
		if (!ret && s->y != events->y) {
			s->y = events->y;
			ret = put_word(w, WORD_Y | s->y);
		}
		n = row_length(events, count);
		if (!ret)
			ret = put_row(w, events, n);
	}
	return ret;
}

static int begin(struct snnq_writer *w)
{
	struct evt3 *s = w->state;
	char text[160];
	int n;

	s->y = UINT32_MAX;
	n = snprintf(text, sizeof(text),
		     "%% evt 3.0\n%% format EVT3;height=%u;width=%u\n%% geometry %ux%u\n%% end\n",
		     w->height, w->width, w->width, w->height);
	return writer_write(w, text, (size_t)n);
}

const struct writer_format writer_evt3 = {
	.name = "evt3",
	.extension = ".raw",
	.state_bytes = sizeof(struct evt3),
	.most = 2048,
	.begin = begin,
	.put = put,
	.end = flush,
};
