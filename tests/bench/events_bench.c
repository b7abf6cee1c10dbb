// SPDX-License-Identifier: MIT
/*
 * events_bench.c - speed of decoding EVT 3, one thread: events per second of the library, and of a
 * straightforward decoder beside it, which keeps the state of the format and appends to an array.
 * Prints a line for each kind of stream; both decoders must come to the same events.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/events.h"
#include "bench.h"

#define WORDS	    (4u << 20)
#define MOST_EVENTS (12 * (size_t)WORDS)
#define PIECE	    ((size_t)128 << 10) /* bytes, as a file is read */
#define SECONDS	    1.0

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

struct stream {
	uint16_t *words;
	size_t count;
	uint32_t t, seed;
};

static void put(struct stream *s, uint32_t word)
{
	s->words[s->count++] = (uint16_t)word;
}

static void put_time(struct stream *s)
{
	s->t += next_random(&s->seed) % 4;
	if (!(s->t & 15))
		put(s, 0x8000 | (s->t >> 12 & 0xfff));
	put(s, 0x6000 | (s->t & 0xfff));
}

/* Events far from each other: each has a row, some a time. */
static void put_single(struct stream *s)
{
	if (next_random(&s->seed) % 4 == 0)
		put_time(s);
	put(s, next_random(&s->seed) % 720);
	put(s, 0x2000 | (next_random(&s->seed) & 0x800) | next_random(&s->seed) % 1280);
}

/* A row of 32 pixels, of which a share of 1/@part has events. */
static void put_vector(struct stream *s, uint32_t part)
{
	uint32_t mask[3] = { 0 };

	for (uint32_t i = 0; i < 32; i++)
		mask[i / 12] |= (uint32_t)(next_random(&s->seed) % part == 0) << i % 12;
	put_time(s);
	put(s, next_random(&s->seed) % 720);
	put(s, 0x3000 | (next_random(&s->seed) & 0x800) | next_random(&s->seed) % 1248);
	put(s, 0x4000 | mask[0]);
	put(s, 0x4000 | mask[1]);
	put(s, 0x5000 | mask[2]);
}

static void make(struct stream *s, uint32_t part)
{
	s->words = malloc(WORDS * sizeof(*s->words));
	if (!s->words)
		abort();
	s->seed = 9;
	put(s, 0x8000);
	while (s->count + 16 < WORDS) {
		if (part)
			put_vector(s, part);
		else
			put_single(s);
	}
}

/* ---- the decoder beside ---- */

struct plain {
	uint64_t high, turns;
	uint32_t low, x, y, last_high, on;
	struct snnq_event *out;
	size_t count;
};

static void plain_append(struct plain *p, uint32_t x, uint32_t on)
{
	if (x >= 1280 || p->y >= 720)
		return;
	p->out[p->count].t = (int64_t)(p->turns << 24 | p->high << 12 | p->low);
	p->out[p->count].x = (uint16_t)x;
	p->out[p->count].y = (uint16_t)p->y;
	p->out[p->count].p = (uint8_t)on;
	p->count++;
}

static void plain_word(struct plain *p, uint16_t w)
{
	uint32_t width = w >> 12 == 4 ? 12 : 8;

	switch (w >> 12) {
	case 0:
		p->y = w & 0x7ff;
		break;
	case 2:
		plain_append(p, w & 0x7ff, w >> 11 & 1);
		break;
	case 3:
		p->x = w & 0x7ff;
		p->on = w >> 11 & 1;
		break;
	case 4:
	case 5:
		for (uint32_t i = 0; i < width; i++)
			if (w >> i & 1)
				plain_append(p, p->x + i, p->on);
		p->x += width;
		break;
	case 6:
		p->low = w & 0xfff;
		break;
	case 8:
		if ((w & 0xfffu) != p->high)
			p->low = 0;
		p->turns += p->high > 0x800 + (w & 0xfffu);
		p->high = w & 0xfff;
		break;
	default:
		break;
	}
}

static size_t run_plain(const struct stream *s, struct snnq_event *out)
{
	struct plain p = { .out = out };

	for (size_t i = 0; i < s->count; i++)
		plain_word(&p, s->words[i]);
	return p.count;
}

/* ---- ours ---- */

static size_t run_ours(const struct stream *s, struct snnq_events *events)
{
	static const char header[] = "% evt 3.0\n% geometry 1280x720\n% end\n";
	void *state = calloc(1, events_evt3.state_bytes);
	const uint8_t *bytes = (const uint8_t *)s->words;
	size_t size = s->count * sizeof(*s->words);

	if (!state ||
	    events_evt3.take(state, (const uint8_t *)header, sizeof(header) - 1, false, events) < 0)
		abort();
	events->count = 0;
	for (size_t at = 0; at < size; at += PIECE) {
		size_t n = size - at < PIECE ? size - at : PIECE;

		if (events_evt3.take(state, bytes + at, n, at + n == size, events) != (int64_t)n)
			abort();
	}
	free(state);
	return events->count;
}

static void compare(const struct snnq_events *ours, const struct snnq_event *plain, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ours->data[i].t != plain[i].t || ours->data[i].x != plain[i].x ||
		    ours->data[i].y != plain[i].y || ours->data[i].p != plain[i].p)
			abort();
}

/* The best of several, as others may be at work on the machine. */
static void measure(const char *name, uint32_t part)
{
	struct snnq_events *events = events_new();
	struct snnq_event *plain = calloc(MOST_EVENTS, sizeof(*plain));
	double best[2] = { 1e9, 1e9 }, begin;
	struct stream s = { .count = 0 };
	size_t count, same;

	if (!events || !plain)
		abort();
	make(&s, part);
	count = run_plain(&s, plain);
	same = run_ours(&s, events); /* memory is there now */
	if (count != same)
		abort();
	compare(events, plain, count);
	begin = cpu_seconds();
	do {
		for (int i = 0; i < 2; i++) {
			double start = cpu_seconds(), seconds;

			if ((i ? run_plain(&s, plain) : run_ours(&s, events)) != count)
				abort();
			seconds = cpu_seconds() - start;
			best[i] = seconds < best[i] ? seconds : best[i];
		}
	} while (cpu_seconds() - begin < SECONDS);
	printf("%-28s %4.2f events/word %7.1f M events/s, straightforward %7.1f, ratio %.2f\n",
	       name, (double)count / (double)s.count, (double)count / best[0] * 1e-6,
	       (double)count / best[1] * 1e-6, best[1] / best[0]);
	bench_result(best[0] / (double)count * 1e9, "ns", "%s, an event", name);
	bench_result(best[1] / (double)count * 1e9, "ns", "%s, an event, straightforward", name);
	free(s.words);
	free(plain);
	events_free(events);
}

int main(void)
{
	measure("EVT 3, single events", 0);
	measure("EVT 3, vectors 1/8 full", 8);
	measure("EVT 3, vectors 1/2 full", 2);
	return 0;
}
