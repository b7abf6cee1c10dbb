// SPDX-License-Identifier: MIT
/*
 * bins.c - how events become time steps; the rules are in model-format.md.
 */
#include <string.h>

#include "bins.h"

static uint64_t slot_words(const struct graph_input *in)
{
	const struct graph_shape *s = &in->shape;

	return (uint64_t)s->height * s->width * s->planes * ((s->channels + 63) / 64);
}

/* Quotient rounded towards minus infinity, or to the nearest with ties to even. */
static int64_t step_of(const struct graph_input *in, int64_t t, int64_t origin)
{
	int64_t length = in->step_us, d, q, r;

	/* times that far apart are of no real recording: the last step of all is as good */
	if (__builtin_sub_overflow(t, origin, &d))
		d = t < origin ? INT64_MIN : INT64_MAX;
	q = d / length;
	r = d % length;
	if (r < 0) {
		q--;
		r += length;
	}
	if (in->half_even && (2 * r > length || (2 * r == length && (q & 1))))
		q++;
	return q;
}

/* Count up, staying at 2^planes - 1. */
static void count_up(const struct graph_input *in, uint64_t *slot, uint32_t pos, uint32_t channel)
{
	const struct graph_shape *s = &in->shape;
	uint32_t words = (s->channels + 63) / 64;
	uint64_t plane = (uint64_t)s->height * s->width * words;
	uint64_t *at = slot + (uint64_t)pos * words + channel / 64;
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

/* Into a step; false: outside the sensor, or of a channel that the model has not. */
static bool place(const struct graph_input *in, uint64_t *slot, const struct snnq_event *e)
{
	uint32_t x = e->x, y = e->y, p = 0;

	if (x < in->crop_x || y < in->crop_y)
		return false;
	x = (x - in->crop_x) / in->downscale;
	y = (y - in->crop_y) / in->downscale;
	if (x >= in->width || y >= in->height)
		return false;
	if (in->polarities > 1 && e->p >= in->polarities)
		return false;
	if (in->polarities == 2)
		p = e->p ? in->on_channel : 1 - in->on_channel;
	else if (in->polarities > 2)
		p = e->p;
	if (in->flat)
		count_up(in, slot, 0, (p * in->height + y) * in->width + x);
	else
		count_up(in, slot, y * in->width + x, p);
	return true;
}

void bins_begin(struct bins *b, const struct graph_input *in)
{
	*b = (struct bins){ .in = in, .first = -1, .begun = !in->from_first };
}

void bins_open(struct bins *b, uint64_t *slots)
{
	if (b->first >= 0 && __builtin_add_overflow(b->first, b->in->steps, &b->next))
		b->next = INT64_MAX;
	b->first = -1;
	b->dropped = 0;
	b->slots = slots;
	memset(slots, 0, b->in->steps * slot_words(b->in) * 8);
}

bool bins_take(struct bins *b, const struct snnq_event *e, size_t count, size_t *taken)
{
	const struct graph_input *in = b->in;
	uint64_t words = slot_words(in);

	if (count && !b->begun) {
		b->origin = e->t;
		b->begun = true;
	}
	for (*taken = 0; *taken < count; ++*taken, e++) {
		int64_t step = step_of(in, e->t, b->origin);

		if (step < b->next) {
			b->dropped++;
			b->late += step >= 0;
			continue;
		}
		if (b->first < 0)
			b->first = b->next = step - step % in->steps;
		else if (step - b->first >= in->steps)
			return true;
		b->dropped += !place(in, b->slots + (uint64_t)(step - b->first) * words, e);
	}
	return false;
}

static int fill_by_count(const struct graph_input *in, struct snnq_events *events, uint64_t *slots,
			 uint64_t *dropped)
{
	const struct snnq_event *e;
	int64_t count = events->cursor ? 0 : snnq_events_data(events, &e);
	uint64_t each = (uint64_t)count / in->steps, words = slot_words(in);

	if (count <= 0)
		return (int)count;
	memset(slots, 0, in->steps * words * 8);
	for (uint64_t i = 0; i < (uint64_t)count; i++) {
		uint64_t step = each ? i / each : in->steps - 1;

		if (step >= in->steps)
			step = in->steps - 1;
		*dropped += !place(in, slots + step * words, &e[i]);
	}
	events->cursor = events->count;
	return 1;
}

/* The next window that has events: each recording ends after a bounded number. */
static int fill_by_time(const struct graph_input *in, struct snnq_events *events, uint64_t *slots,
			uint64_t *dropped)
{
	const struct snnq_event *e;
	bool complete = false;
	struct bins b;
	int64_t count;
	size_t taken;

	bins_begin(&b, in);
	if (in->from_first && events->any) {
		b.origin = events->begin_us;
		b.begun = true;
	}
	bins_open(&b, slots);
	while (!complete && (count = events_next(events, &e)) > 0) {
		complete = bins_take(&b, e, (size_t)count, &taken);
		events->cursor += taken;
	}
	events->window_step = b.first > 0 ? (uint64_t)b.first : 0;
	*dropped += b.dropped;
	/* a fault behind the window waits for the next one */
	return b.first >= 0 ? 1 : complete ? 0 : (int)count;
}

int bins_fill(const struct graph_input *in, struct snnq_events *events, uint64_t *slots,
	      uint64_t *dropped)
{
	uint64_t lost;
	int ret;

	*dropped = 0;
	ret = in->by_count ? fill_by_count(in, events, slots, dropped) :
			     fill_by_time(in, events, slots, dropped);
	/* what the reader left out since is of no other window */
	lost = events->info.dropped + events->late;
	*dropped += lost - events->told;
	events->told = lost;
	return ret;
}
