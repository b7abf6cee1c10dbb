// SPDX-License-Identifier: MIT
/*
 * inspect_sheet.c - a recording as a picture: frames in rows, below them the rate of events.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "inspect.h"

#define MARGIN	    24
#define GAP	    16
#define LINE	    (CANVAS_TEXT_HEIGHT + 8)
#define CONTENT	    1440 /* width to fill with frames */
#define NARROW	    640	 /* width that titles need */
#define TALLEST	    640	 /* of a frame that is enlarged */
#define THIN	    4	 /* cells of a frame that are drawn wider, or higher, than they are */
#define THIN_WIDTH  96	 /* and to what: a time fits below it */
#define THIN_HEIGHT 24
#define PLOT_HEIGHT 160
#define PLOT_BAR    4 /* width of a bin */

static const struct colour background = { 15, 17, 22 }, plain = { 208, 212, 220 },
			   faint = { 128, 134, 148 }, line = { 52, 57, 68 }, on = { 84, 176, 255 },
			   off = { 255, 104, 84 };

struct layout {
	uint32_t columns, rows;	  /* of frames */
	uint32_t width, height;	  /* of a frame, in cells */
	uint32_t across, down;	  /* pixels of a cell */
	uint32_t content, indent; /* width; of frames, where they are narrower */
};

double inspect_brightness(const struct activity_count *count, uint32_t brightest)
{
	double value = log1p((double)activity_sum(count)) / log1p(brightest);

	return value < 1 ? value : 1;
}

/* One event is seen, too. */
static double light(const struct activity_count *count, uint32_t brightest)
{
	double value = inspect_brightness(count, brightest);

	return value > 0 ? 0.25 + 0.75 * value : 0;
}

static uint8_t mix(uint8_t dark, double a, uint8_t of_a, double b, uint8_t of_b)
{
	double value = dark + a * of_a + b * of_b;

	return value < 255 ? (uint8_t)value : 255;
}

struct colour inspect_colour(const struct activity_count *count, uint32_t brightest)
{
	struct activity_count ons = { { 0, count->polarity[1] } },
			      offs = { { count->polarity[0], 0 } };
	double a = light(&ons, brightest), b = light(&offs, brightest);
	static const struct colour dark = { 24, 27, 34 };

	return (struct colour){ mix(dark.r, a, on.r, b, off.r), mix(dark.g, a, on.g, b, off.g),
				mix(dark.b, a, on.b, b, off.b) };
}

const char *inspect_time(double us, double span_us, char text[32])
{
	if (span_us >= 2e6)
		snprintf(text, 32, "%.2f s", us / 1e6);
	else if (span_us >= 2e3)
		snprintf(text, 32, span_us >= 1e5 ? "%.0f ms" : "%.1f ms", us / 1e3);
	else
		snprintf(text, 32, "%.0f us", us);
	return text;
}

const char *inspect_number(double n, char text[32])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P" };
	unsigned int unit = 0;

	while (n >= 999.5 && unit < 5) {
		n /= 1000;
		unit++;
	}
	snprintf(text, 32, "%.*f%s", !unit || n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2, n, units[unit]);
	return text;
}

/* Columns for @frames: near a square, and so that rows are full where that can be. */
static uint32_t choose_columns(uint32_t frames)
{
	uint32_t columns = 1;

	while (columns * columns < frames)
		columns++;
	for (uint32_t c = columns; c <= columns + 1; c++)
		if (frames % c == 0)
			return c;
	return frames < columns ? frames : columns;
}

static struct layout lay_out(const struct inspection *in)
{
	const struct activity *a = &in->activity;
	struct layout l = { .columns = choose_columns(in->frames) };
	uint32_t slot = (CONTENT - GAP * (l.columns - 1)) / l.columns, shrink, scale, used;

	l.rows = (in->frames + l.columns - 1) / l.columns;
	shrink = (a->width + slot - 1) / slot;
	if (shrink < (a->height + CONTENT - 1) / CONTENT)
		shrink = (a->height + CONTENT - 1) / CONTENT;
	l.width = (a->width + shrink - 1) / shrink;
	l.height = (a->height + shrink - 1) / shrink;
	scale = slot / l.width;
	if (scale > TALLEST / l.height)
		scale = TALLEST / l.height;
	l.across = l.down = scale ? scale : 1;
	if (l.width <= THIN && l.width * l.across < THIN_WIDTH)
		l.across = (slot < THIN_WIDTH ? slot : THIN_WIDTH) / l.width;
	if (l.height <= THIN && l.height * l.down < THIN_HEIGHT)
		l.down = THIN_HEIGHT / l.height;
	used = l.columns * l.width * l.across + GAP * (l.columns - 1);
	l.content = used > NARROW ? used : NARROW;
	l.indent = (l.content - used) / 2;
	return l;
}

/* No more of a text than fits into @width. */
static void text_within(struct canvas *c, uint32_t x, uint32_t y, uint32_t width,
			struct colour colour, const char *text)
{
	char cut[256];
	size_t n = width / CANVAS_TEXT_WIDTH, bytes = 0;

	/* whole characters of UTF-8 */
	for (size_t shown = 0; text[bytes] && bytes < sizeof(cut) - 5; bytes++) {
		shown += (text[bytes] & 0xc0) != 0x80;
		if (shown > n)
			break;
		cut[bytes] = text[bytes];
	}
	cut[bytes] = 0;
	canvas_text(c, x, y, colour, cut);
}

static void draw_titles(struct canvas *c, const struct inspection *in, const struct layout *l)
{
	const struct activity *a = &in->activity;
	double events = (double)(a->total[0] + a->total[1]), span = (double)a->span_us;
	char text[160], n[32], t[32], r[32];

	text_within(c, MARGIN, MARGIN, l->content, plain, in->title);
	snprintf(text, sizeof(text), "%s  %ux%u  %s event%s in %s, %s/s", a->info.format, a->width,
		 a->height, inspect_number(events, n), text_s(events), inspect_time(span, span, t),
		 inspect_number(events / span * 1e6, r));
	text_within(c, MARGIN, MARGIN + LINE, l->content, faint, text);
}

static uint64_t sum_cells(const struct activity_count *cells, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += activity_sum(&cells[i]);
	return sum;
}

/* "120 .. 180 ms  12.3k"; where that is too wide, "120 ms". */
static void draw_caption(struct canvas *c, const struct inspection *in, uint32_t frame,
			 uint64_t sum, uint32_t x, uint32_t y, uint32_t width)
{
	const struct activity *a = &in->activity;
	double span = (double)a->span_us;
	double start = (double)((uint64_t)a->first_us - (uint64_t)a->info.first_us);
	char text[96], from[32], n[32];
	int bytes;

	inspect_time(start + span * frame / in->frames, start + span, from);
	bytes = snprintf(text, sizeof(text), "%s  %s event%s", from, inspect_number((double)sum, n),
			 text_s((double)sum));
	if ((uint32_t)bytes * CANVAS_TEXT_WIDTH > width)
		snprintf(text, sizeof(text), "%s", from);
	text_within(c, x, y, width, faint, text);
}

static void draw_frames(struct canvas *c, const struct inspection *in, const struct layout *l,
			const struct activity_count *cells, struct colour *pixels, uint32_t y)
{
	size_t area = (size_t)l->width * l->height;
	uint32_t brightest = activity_brightest(cells, area * in->frames);
	uint32_t width = l->width * l->across, step = l->height * l->down + LINE + GAP;

	for (uint32_t f = 0; f < in->frames; f++) {
		const struct activity_count *frame = cells + f * area;
		uint32_t left = MARGIN + l->indent + f % l->columns * (width + GAP);
		uint32_t top = y + f / l->columns * step;

		for (size_t i = 0; i < area; i++)
			pixels[i] = inspect_colour(&frame[i], brightest);
		canvas_image(c, left, top, l->across, l->down, pixels, l->width, l->height);
		draw_caption(c, in, f, sum_cells(frame, area), left, top + step - GAP - LINE + 6,
			     width);
	}
}

static void draw_bars(struct canvas *c, const struct activity_count *bins, uint32_t count,
		      uint64_t most, uint32_t y)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t x = MARGIN + i * PLOT_BAR;
		uint32_t all = (uint32_t)(activity_sum(&bins[i]) * PLOT_HEIGHT / most);
		uint32_t low = (uint32_t)((uint64_t)bins[i].polarity[0] * PLOT_HEIGHT / most);

		canvas_rectangle(c, x, y + PLOT_HEIGHT - all, PLOT_BAR, all - low, on);
		canvas_rectangle(c, x, y + PLOT_HEIGHT - low, PLOT_BAR, low, off);
	}
}

static void draw_legend(struct canvas *c, const struct inspection *in, uint32_t right, uint32_t y)
{
	static const struct {
		const char *name;
		const struct colour *colour;
	} legend[] = { { "OFF", &off }, { "ON", &on } };

	for (uint32_t p = 0; p < 2; p++) {
		if (!in->activity.wanted[p])
			continue;
		right -= 3 * CANVAS_TEXT_WIDTH;
		canvas_text(c, right, y, plain, legend[p].name);
		right -= 20;
		canvas_rectangle(c, right, y, 14, 14, *legend[p].colour);
		right -= 16;
	}
}

/* The rate over time, with a mark where each frame begins. */
static void draw_rate(struct canvas *c, const struct inspection *in, const struct layout *l,
		      const struct activity_count *bins, uint32_t count, uint32_t y)
{
	const struct activity *a = &in->activity;
	double span = (double)a->span_us;
	double start = (double)((uint64_t)a->first_us - (uint64_t)a->info.first_us);
	char text[64], n[32];
	uint64_t most = 1;
	uint32_t right = MARGIN + count * PLOT_BAR;

	for (uint32_t i = 0; i < count; i++)
		most = activity_sum(&bins[i]) > most ? activity_sum(&bins[i]) : most;
	snprintf(text, sizeof(text), "up to %s events/s",
		 inspect_number((double)most * count / span * 1e6, n));
	canvas_text(c, MARGIN, y, plain, text);
	draw_legend(c, in, right, y);
	y += LINE;
	for (uint32_t i = 0; i <= 4; i++)
		canvas_rectangle(c, MARGIN, y + PLOT_HEIGHT * i / 4, l->content, 1, line);
	for (uint32_t f = 1; f < in->frames; f++)
		canvas_rectangle(c,
				 MARGIN + (uint32_t)((uint64_t)count * PLOT_BAR * f / in->frames),
				 y, 1, PLOT_HEIGHT, line);
	draw_bars(c, bins, count, most, y);
	y += PLOT_HEIGHT + 8;
	canvas_text(c, MARGIN, y, faint, inspect_time(start, start + span, text));
	inspect_time(start + span, start + span, text);
	for (const char *s = text; *s; s++)
		right -= CANVAS_TEXT_WIDTH;
	canvas_text(c, right, y, faint, text);
}

struct canvas *inspect_sheet(struct inspection *in, bool svg)
{
	struct layout l = lay_out(in);
	size_t area = (size_t)l.width * l.height;
	uint32_t count = l.content / PLOT_BAR, top = MARGIN + 2 * LINE + 8;
	uint32_t plot = top + l.rows * (l.height * l.down + LINE + GAP);
	struct activity_count *cells = calloc(area * in->frames, sizeof(*cells));
	struct activity_count *bins = calloc(count, sizeof(*bins));
	struct colour *pixels = calloc(area, sizeof(*pixels));
	struct canvas *c = NULL;

	if (cells && bins && pixels)
		c = canvas_new(svg, l.content + 2 * MARGIN, plot + 2 * LINE + PLOT_HEIGHT + MARGIN,
			       background);
	if (!c) {
		cli_fail(CLI_FAILED, "no memory for a picture");
	} else if (!activity_frames(&in->activity, cells, in->frames, l.width, l.height) ||
		   !activity_rate(&in->activity, bins, count)) {
		canvas_free(c);
		c = NULL;
	} else {
		draw_titles(c, in, &l);
		draw_frames(c, in, &l, cells, pixels, top);
		draw_rate(c, in, &l, bins, count, plot);
	}
	free(pixels);
	free(bins);
	free(cells);
	return c;
}
