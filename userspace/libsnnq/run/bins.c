// SPDX-License-Identifier: MIT
/*
 * bins.c - how events become time steps; the rules are in model-format.md.
 *
 * Times are int64 microseconds from a file: differences and divisions are kept
 * from overflowing by working in 128 bits where they could.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bins.h"

struct binner {
	const struct graph_input *in;
	uint64_t *slots;
	uint64_t slot_words;
	uint64_t *dropped;
};

/* Quotient rounded towards minus infinity, or to the nearest with ties to even. */
static int64_t step_of(const struct graph_input *in, int64_t t, int64_t origin)
{
	__int128 d = (__int128)t - origin, q = d / in->step_us, r = d % in->step_us;

	if (r < 0) {
		q--;
		r += in->step_us;
	}
	if (in->half_even && (2 * r > in->step_us || (2 * r == in->step_us && (q & 1))))
		q++;
	return q > INT64_MAX ? INT64_MAX : q < INT64_MIN ? INT64_MIN : (int64_t)q;
}

/* Count up, staying at 2^planes - 1. */
static void count_up(struct binner *b, uint64_t step, uint32_t pos, uint32_t channel)
{
	const struct graph_shape *s = &b->in->shape;
	uint32_t words = (s->channels + 63) / 64;
	uint64_t plane = (uint64_t)s->height * s->width * words;
	uint64_t *at = b->slots + step * b->slot_words + (uint64_t)pos * words + channel / 64;
	uint64_t bit = 1ull << channel % 64;
	uint32_t p;

	for (p = 0; p < s->planes && (at[p * plane] & bit); p++)
		;
	if (p == s->planes)
		return; /* all ones */
	at[p * plane] |= bit;
	while (p-- > 0)
		at[p * plane] &= ~bit;
}

static bool place(struct binner *b, const struct snnq_event *e, uint64_t step)
{
	const struct graph_input *in = b->in;
	uint32_t x = e->x, y = e->y, p = 0;

	if (x < in->crop_x || y < in->crop_y)
		return false;
	x = (x - in->crop_x) / in->downscale;
	y = (y - in->crop_y) / in->downscale;
	if (x >= in->width || y >= in->height)
		return false;
	if (in->polarities == 2)
		p = e->p ? in->on_channel : 1 - in->on_channel;
	if (in->flat)
		count_up(b, step, 0, (p * in->height + y) * in->width + x);
	else
		count_up(b, step, y * in->width + x, p);
	return true;
}

static int fill_by_count(struct binner *b, struct snnq_events *events)
{
	size_t each = events->count / b->in->steps;

	if (events->cursor >= events->count)
		return 0;
	for (size_t i = 0; i < events->count; i++) {
		uint64_t step = each ? i / each : b->in->steps - 1;

		if (step >= b->in->steps)
			step = b->in->steps - 1;
		*b->dropped += !place(b, &events->data[i], step);
	}
	events->cursor = events->count;
	return 1;
}

static int by_time(const void *a, const void *b)
{
	const struct snnq_event *x = a, *y = b;

	return x->t < y->t ? -1 : x->t > y->t;
}

/* The events by time: those of the file, or a sorted copy. NULL: no memory. */
static const struct snnq_event *in_time_order(struct snnq_events *events)
{
	if (!events->info.nonmonotonic)
		return events->data;
	if (events->sorted)
		return events->sorted;
	events->sorted = malloc(events->count * sizeof(*events->sorted));
	if (!events->sorted)
		return NULL;
	memcpy(events->sorted, events->data, events->count * sizeof(*events->sorted));
	qsort(events->sorted, events->count, sizeof(*events->sorted), by_time);
	return events->sorted;
}

/* The next window that has events: each recording ends after a bounded number. */
static int fill_by_time(struct binner *b, struct snnq_events *events)
{
	const struct graph_input *in = b->in;
	const struct snnq_event *e = in_time_order(events);
	int64_t origin, first = -1;

	if (!e && events->count)
		return -ENOMEM;
	origin = in->from_first && events->count ? e[0].t : 0;
	for (; events->cursor < events->count; events->cursor++) {
		int64_t step = step_of(in, e[events->cursor].t, origin);

		if (first < 0 && step >= 0)
			first = step - step % in->steps;
		if (step >= 0 && step - first >= in->steps)
			break;
		*b->dropped += step < 0 || !place(b, &e[events->cursor], (uint64_t)(step - first));
	}
	events->window_step = first > 0 ? (uint64_t)first : 0;
	return first >= 0;
}

int bins_fill(const struct graph_input *in, struct snnq_events *events, uint64_t *slots,
	      uint64_t *dropped)
{
	const struct graph_shape *s = &in->shape;
	struct binner b = {
		.in = in,
		.slots = slots,
		.dropped = dropped,
		.slot_words = (uint64_t)s->height * s->width * s->planes *
			      ((s->channels + 63) / 64),
	};

	/* what the reader left out belongs to no window: it goes with the first */
	*dropped = events->cursor ? 0 : events->info.dropped;
	memset(slots, 0, in->steps * b.slot_words * 8);
	return in->by_count ? fill_by_count(&b, events) : fill_by_time(&b, events);
}
