// SPDX-License-Identifier: MIT
/* See activity.h. Each picture is one pass over the events. */
#include "activity.h"

#include <stdlib.h>
#include <string.h>

#define BRIGHTEST_LEVELS 4096

/* @part of @whole as one of @count places; part < whole. */
static uint64_t place(uint64_t part, uint64_t whole, uint32_t count)
{
	if (whole <= UINT64_MAX / count)
		return part * count / whole;
	return (uint64_t)((unsigned __int128)part * count / whole);
}

/* Whether an event counts, and when in the window it is. */
static bool in_window(const struct activity *a, const struct snnq_event *e, uint64_t *at)
{
	*at = (uint64_t)e->t - (uint64_t)a->first_us;
	return e->t >= a->first_us && *at < a->span_us && a->wanted[e->p != 0];
}

static void add(struct activity_count *c, unsigned int polarity)
{
	c->polarity[polarity != 0] += c->polarity[polarity != 0] < UINT32_MAX;
}

/* The sensor's size; of a file that does not say it, what its events need. */
static void find_size(struct activity *a)
{
	a->width = a->info.width;
	a->height = a->info.height;
	for (size_t i = 0; i < a->count; i++) {
		if (!a->info.width && a->events[i].x >= a->width)
			a->width = a->events[i].x + 1u;
		if (!a->info.height && a->events[i].y >= a->height)
			a->height = a->events[i].y + 1u;
	}
}

bool activity_open(struct activity *a, struct snnq_events *events, uint64_t from_us,
		   uint64_t span_us, const bool wanted[2], const char **reason)
{
	uint64_t whole, at;
	int64_t count;

	memset(a, 0, sizeof(*a));
	memcpy(a->wanted, wanted, sizeof(a->wanted));
	snnq_events_info(events, &a->info);
	count = snnq_events_data(events, &a->events);
	*reason = NULL;
	if (count < 0)
		return false;
	a->count = (size_t)count;
	*reason = "the recording has no events";
	if (!a->count)
		return false;
	whole = (uint64_t)a->info.last_us - (uint64_t)a->info.first_us;
	*reason = "the window begins behind the last event";
	if (from_us > whole)
		return false;
	a->first_us = (int64_t)((uint64_t)a->info.first_us + from_us);
	a->span_us = span_us ? span_us : whole - from_us + (whole - from_us != UINT64_MAX);
	find_size(a);
	*reason = "expected a sensor of at most 16777216 pixels; --width and --height cut it";
	if ((uint64_t)a->width * a->height > ACTIVITY_MAX_PIXELS)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (in_window(a, &a->events[i], &at))
			a->total[a->events[i].p != 0]++;
	return true;
}

void activity_rate(const struct activity *a, struct activity_count *bins, uint32_t count)
{
	uint64_t at;

	memset(bins, 0, count * sizeof(*bins));
	for (size_t i = 0; i < a->count; i++)
		if (in_window(a, &a->events[i], &at))
			add(&bins[place(at, a->span_us, count)], a->events[i].p);
}

void activity_frames(const struct activity *a, struct activity_count *cells, uint32_t frames,
		     uint32_t width, uint32_t height)
{
	uint64_t at;

	memset(cells, 0, (size_t)frames * width * height * sizeof(*cells));
	for (size_t i = 0; i < a->count; i++) {
		const struct snnq_event *e = &a->events[i];
		size_t frame, row;

		if (!in_window(a, e, &at))
			continue;
		frame = place(at, a->span_us, frames);
		row = a->info.origin_bottom ? a->height - 1u - e->y : e->y;
		row = frame * height + place(row, a->height, height);
		add(&cells[row * width + place(e->x, a->width, width)], e->p);
	}
}

/* Keep the @kept hottest of at most @count in order; of equal ones the earlier. */
static uint32_t keep_hottest(struct activity_pixel *pixels, uint32_t kept, uint32_t count,
			     const struct activity_pixel *p)
{
	uint32_t i;

	if (kept == count && activity_sum(&pixels[kept - 1].count) >= activity_sum(&p->count))
		return kept;
	kept += kept < count;
	for (i = kept - 1; i && activity_sum(&pixels[i - 1].count) < activity_sum(&p->count); i--)
		pixels[i] = pixels[i - 1];
	pixels[i] = *p;
	return kept;
}

int64_t activity_hottest(const struct activity *a, struct activity_pixel *pixels, uint32_t count)
{
	struct activity_count *all = calloc((size_t)a->width * a->height, sizeof(*all));
	uint32_t kept = 0;
	uint64_t at;

	if (!all)
		return -1;
	for (size_t i = 0; i < a->count; i++) {
		const struct snnq_event *e = &a->events[i];

		if (in_window(a, e, &at))
			add(&all[(size_t)e->y * a->width + e->x], e->p);
	}
	for (size_t i = 0; count && i < (size_t)a->width * a->height; i++) {
		struct activity_pixel p = { .x = (uint16_t)(i % a->width),
					    .y = (uint16_t)(i / a->width),
					    .count = all[i] };

		if (activity_sum(&p.count))
			kept = keep_hottest(pixels, kept, count, &p);
	}
	free(all);
	return kept;
}

/* That of all but one in 200 cells which have events: hot pixels do not darken the others. */
uint32_t activity_brightest(const struct activity_count *cells, size_t count)
{
	size_t levels[BRIGHTEST_LEVELS] = { 0 }, lit = 0, above = 0;
	uint32_t level = BRIGHTEST_LEVELS - 1;

	for (size_t i = 0; i < count; i++)
		for (unsigned int p = 0; p < 2; p++) {
			uint32_t n = cells[i].polarity[p];

			levels[n < BRIGHTEST_LEVELS ? n : BRIGHTEST_LEVELS - 1]++;
			lit += n > 0;
		}
	for (; level > 1; level--) {
		above += levels[level];
		if (above > lit / 200)
			break;
	}
	return level;
}
