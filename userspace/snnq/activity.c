// SPDX-License-Identifier: MIT
/* See activity.h. Each picture is one pass over the events. */
#include "activity.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"

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

/* ---- passes over the events ---- */

struct pass {
	struct activity *a;
	void (*take)(struct pass *p, const struct snnq_event *e, uint64_t at); /* of the window */
	struct activity_count *counts;
	uint32_t frames, width, height; /* of them; frames alone: parts of time */
	uint64_t done;
};

static int visit(void *ctx, const struct snnq_event *events, size_t count)
{
	struct pass *p = ctx;
	uint64_t at;

	for (size_t i = 0; i < count; i++)
		if (in_window(p->a, &events[i], &at))
			p->take(p, &events[i], at);
	p->done += count;
	cli_progress("events", p->done, p->a->info.events);
	return 0;
}

static bool run(struct pass *p)
{
	int ret = snnq_events_visit(p->a->events, visit, p);

	cli_progress("events", p->a->info.events, p->a->info.events);
	if (!ret)
		return true;
	cli_fail(CLI_FILE, "%s", snnq_last_error(NULL));
	return false;
}

/* A file may grow between passes. */
static bool on_sensor(const struct activity *a, const struct snnq_event *e)
{
	return e->x < a->width && e->y < a->height;
}

/* Events outside the window count for the size, too. */
static int visit_first(void *ctx, const struct snnq_event *events, size_t count)
{
	struct pass *p = ctx;
	struct activity *a = p->a;

	for (size_t i = 0; i < count; i++) {
		if (!a->info.width && events[i].x >= a->width)
			a->width = events[i].x + 1u;
		if (!a->info.height && events[i].y >= a->height)
			a->height = events[i].y + 1u;
	}
	return visit(ctx, events, count);
}

static void take_total(struct pass *p, const struct snnq_event *e, uint64_t at)
{
	(void)at;
	p->a->total[e->p != 0]++;
}

/* How the recording is, and its window; false with the reason. */
static bool find_window(struct activity *a, uint64_t from_us, uint64_t span_us, const char **reason)
{
	uint64_t whole = (uint64_t)a->info.last_us - (uint64_t)a->info.first_us;

	*reason = "the recording has no events";
	if (!a->info.events)
		return false;
	*reason = "the window begins behind the last event";
	if (from_us > whole)
		return false;
	a->first_us = (int64_t)((uint64_t)a->info.first_us + from_us);
	a->span_us = span_us ? span_us : whole - from_us + (whole - from_us != UINT64_MAX);
	return true;
}

bool activity_open(struct activity *a, struct snnq_events *events, uint64_t from_us,
		   uint64_t span_us, const bool wanted[2], const char **reason)
{
	struct pass p = { .a = a, .take = take_total };

	memset(a, 0, sizeof(*a));
	memcpy(a->wanted, wanted, sizeof(a->wanted));
	a->events = events;
	*reason = NULL;
	if (snnq_events_info(events, &a->info))
		return false;
	if (!find_window(a, from_us, span_us, reason))
		return false;
	a->width = a->info.width;
	a->height = a->info.height;
	*reason = NULL;
	if (snnq_events_visit(events, visit_first, &p))
		return false;
	*reason = "expected a sensor of at most 16777216 pixels; --width and --height cut it";
	return (uint64_t)a->width * a->height <= ACTIVITY_MAX_PIXELS;
}

static void take_rate(struct pass *p, const struct snnq_event *e, uint64_t at)
{
	add(&p->counts[place(at, p->a->span_us, p->frames)], e->p);
}

bool activity_rate(struct activity *a, struct activity_count *bins, uint32_t count)
{
	struct pass p = { .a = a, .take = take_rate, .counts = bins, .frames = count };

	memset(bins, 0, count * sizeof(*bins));
	return run(&p);
}

static void take_cell(struct pass *p, const struct snnq_event *e, uint64_t at)
{
	const struct activity *a = p->a;
	size_t frame = place(at, a->span_us, p->frames), row;

	if (!on_sensor(a, e))
		return;
	row = a->info.origin_bottom ? a->height - 1u - e->y : e->y;
	row = frame * p->height + place(row, a->height, p->height);
	add(&p->counts[row * p->width + place(e->x, a->width, p->width)], e->p);
}

bool activity_frames(struct activity *a, struct activity_count *cells, uint32_t frames,
		     uint32_t width, uint32_t height)
{
	struct pass p = { .a = a,
			  .take = take_cell,
			  .counts = cells,
			  .frames = frames,
			  .width = width,
			  .height = height };

	memset(cells, 0, (size_t)frames * width * height * sizeof(*cells));
	return run(&p);
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

static void take_pixel(struct pass *p, const struct snnq_event *e, uint64_t at)
{
	(void)at;
	if (on_sensor(p->a, e))
		add(&p->counts[(size_t)e->y * p->a->width + e->x], e->p);
}

bool activity_hottest(struct activity *a, struct activity_pixel *pixels, uint32_t *count)
{
	struct activity_count *all = calloc((size_t)a->width * a->height, sizeof(*all));
	struct pass p = { .a = a, .take = take_pixel, .counts = all };
	uint32_t most = *count;
	bool good;

	*count = 0;
	if (!all)
		return !cli_fail(CLI_FAILED, "no memory for %u x %u pixels", a->width, a->height);
	good = !most || run(&p);
	for (size_t i = 0; good && most && i < (size_t)a->width * a->height; i++) {
		struct activity_pixel pixel = { .x = (uint16_t)(i % a->width),
						.y = (uint16_t)(i / a->width),
						.count = all[i] };

		if (activity_sum(&pixel.count))
			*count = keep_hottest(pixels, *count, most, &pixel);
	}
	free(all);
	return good;
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
