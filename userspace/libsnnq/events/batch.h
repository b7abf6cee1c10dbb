/* SPDX-License-Identifier: MIT */
/*
 * batch.h - append many events, with all that is counted in registers.
 *
 * Between batch_begin() and batch_end() the array's counters are out of date, and it has room for
 * BATCH_STEP events at each batch_ready().
 */
#ifndef SNNQ_EVENTS_BATCH_H
#define SNNQ_EVENTS_BATCH_H

#include "events.h"

#define BATCH_STEP 32 /* most events of one call */

struct events_batch {
	struct snnq_event *at, *ready; /* while at < ready there is room */
	uint32_t width, height;
	bool any;
	int64_t previous, first, last;
	uint64_t dropped, nonmonotonic;
	int64_t from, to, origin; /* the window */
};

/* 0, or -ENOMEM: no room for another step. */
static inline int batch_begin(struct events_batch *b, struct snnq_events *events)
{
	const struct snnq_events_info *info = &events->info;
	size_t until;

	if (events->capacity - events->count < BATCH_STEP) {
		int ret = events_grow(events);

		if (ret)
			return ret;
	}
	until = events->capacity - BATCH_STEP + 1;
	until = until < events->limit ? until : events->limit;
	*b = (struct events_batch){
		.at = events->data + events->count,
		.ready = events->data + until,
		.width = info->width ? info->width : UINT32_MAX,
		.height = info->height ? info->height : UINT32_MAX,
		.from = events->from_us,
		.to = events->to_us,
		.origin = events->origin_us,
		.any = events->any,
		.previous = events->previous_us,
		.first = info->first_us,
		.last = info->last_us,
	};
	return 0;
}

static inline bool batch_ready(const struct events_batch *b)
{
	return b->at < b->ready;
}

/* The time of the next events is another one. */
static inline void batch_time(struct events_batch *b, int64_t t)
{
	if (!b->any) {
		b->first = b->last = b->previous = t;
		b->any = true;
	}
	b->nonmonotonic += t < b->previous;
	b->first = t < b->first ? t : b->first;
	b->last = t > b->last ? t : b->last;
	b->previous = t;
}

/* One event. */
static inline void batch_append_one(struct events_batch *b, int64_t t, uint32_t x, uint32_t y,
				    bool on)
{
	if (t < b->from || t > b->to)
		return;
	t -= b->origin;
	if (x >= b->width || y >= b->height) {
		b->dropped++;
		return;
	}
	if (t != b->previous || !b->any)
		batch_time(b, t);
	*b->at++ = (struct snnq_event){ .t = t, .x = (uint16_t)x, .y = (uint16_t)y, .p = on };
}

/* Events at @x and to the right of it, one for each bit of @mask. */
static inline void batch_append(struct events_batch *b, int64_t t, uint32_t x, uint32_t y,
				uint32_t mask, bool on)
{
	struct snnq_event e = { .y = (uint16_t)y, .p = on };

	if (t < b->from || t > b->to)
		return;
	e.t = t -= b->origin;
	if (y >= b->height || x >= b->width) {
		b->dropped += (uint64_t)__builtin_popcount(mask);
		return;
	}
	if (b->width - x < 32) {
		uint32_t outside = mask >> (b->width - x) << (b->width - x);

		b->dropped += (uint64_t)__builtin_popcount(outside);
		mask ^= outside;
	}
	if (!mask)
		return;
	if (t != b->previous || !b->any)
		batch_time(b, t);
	for (; mask; mask &= mask - 1) {
		e.x = (uint16_t)(x + (uint32_t)__builtin_ctz(mask));
		*b->at++ = e;
	}
}

static inline void batch_end(const struct events_batch *b, struct snnq_events *events)
{
	size_t count = (size_t)(b->at - events->data);

	events->info.events += count - events->count;
	events->count = count;
	events->any = b->any;
	events->previous_us = b->previous;
	events->info.first_us = b->first;
	events->info.last_us = b->last;
	events->info.dropped += b->dropped;
	events->info.nonmonotonic += b->nonmonotonic;
}

#endif /* SNNQ_EVENTS_BATCH_H */
