// SPDX-License-Identifier: MIT
/*
 * inspect_terminal.c - a recording in a terminal: frames of block characters, and a bar chart.
 *
 * With colours a character holds two cells, one above the other. Without, it is one cell, and
 * darker shades have more events. No line is wider than the terminal.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"
#include "inspect.h"
#include "base/number.h"

#define USUAL_COLUMNS 80
#define FEWEST	      16
#define MOST	      1000
#define FRAME_COLUMNS 36 /* frames are not made narrower to have more side by side */
#define FRAME_WIDEST  72
#define CHART_ROWS    6

/* ---- what the terminal can do ---- */

static uint32_t find_columns(void)
{
	struct winsize size;
	uint64_t columns;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		columns = size.ws_col;
	else if (!number_parse_u64(getenv("COLUMNS"), UINT32_MAX, &columns))
		columns = USUAL_COLUMNS;
	return columns < FEWEST ? FEWEST : columns > MOST ? MOST : (uint32_t)columns;
}

static bool speaks_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

struct terminal inspect_terminal(const char *colours)
{
	const char *depth = getenv("COLORTERM"), *none = getenv("NO_COLOR"), *kind = getenv("TERM");
	bool all = depth && (!strcmp(depth, "truecolor") || !strcmp(depth, "24bit"));
	bool can = isatty(STDOUT_FILENO) && !(none && *none) && kind && strcmp(kind, "dumb");
	struct terminal t = { .columns = find_columns(), .utf8 = speaks_utf8() };

	if (!strcmp(colours, "always") || (can && strcmp(colours, "never")))
		t.colours = all ? COLOURS_ALL : COLOURS_256;
	return t;
}

/* ---- frames ---- */

struct grid {
	uint32_t across;	/* frames side by side */
	uint32_t width, height; /* of a frame in cells */
	uint32_t rows;		/* and in lines */
	uint32_t pad;		/* blanks behind a frame that is less wide than its caption */
	bool halves;		/* a character has two cells */
};

static struct grid lay_out(const struct inspection *in, const struct terminal *t)
{
	const struct activity *a = &in->activity;
	/* A frame has an edge on each side, and a blank to the next one. */
	uint32_t edges = t->colours ? 0 : 2;
	uint32_t least = (a->width < FRAME_COLUMNS ? a->width : FRAME_COLUMNS) + edges;
	struct grid g = { .halves = t->colours != COLOURS_NONE && t->utf8 };

	if (least < FEWEST) /* the caption */
		least = FEWEST;
	g.across = (t->columns + 1) / (least + 1);
	g.across = g.across < 1 ? 1 : g.across > in->frames ? in->frames : g.across;
	g.width = (t->columns + 1) / g.across - 1 - edges;
	g.width = g.width > FRAME_WIDEST ? FRAME_WIDEST : g.width;
	g.width = g.width > a->width ? a->width : g.width;
	g.height = (uint32_t)(((uint64_t)a->height * g.width + a->width - 1) / a->width);
	if (!g.halves) /* characters are twice as high as wide */
		g.height = (g.height + 1) / 2;
	g.height = g.height > 2 * FRAME_WIDEST ? 2 * FRAME_WIDEST : g.height;
	g.height = g.height > a->height ? a->height : g.height;
	if (g.width + edges < FEWEST - 1)
		g.pad = FEWEST - 1 - g.width - edges;
	g.rows = g.halves ? (g.height + 1) / 2 : g.height;
	return g;
}

static void set_colour(const struct terminal *t, bool behind, struct colour c)
{
	if (t->colours == COLOURS_ALL)
		printf("\033[%d;2;%u;%u;%um", behind ? 48 : 38, c.r, c.g, c.b);
	else
		printf("\033[%d;5;%um", behind ? 48 : 38,
		       16 + 36 * ((c.r + 25) / 51) + 6 * ((c.g + 25) / 51) + (c.b + 25) / 51);
}

static const char *shade(const struct terminal *t, double value)
{
	static const char *const blocks[] = { " ", "░", "▒", "▓", "█" };
	static const char *const letters[] = { " ", ".", ":", "-", "=", "+", "*", "#", "%", "@" };

	/* one event is seen */
	if (t->utf8)
		return blocks[value > 0 ? 1 + (int)(value * 3.999) : 0];
	return letters[value > 0 ? 1 + (int)(value * 8.999) : 0];
}

/* One line of a frame, as wide as the frame. */
static void print_cells(const struct terminal *t, const struct grid *g,
			const struct activity_count *cells, uint32_t row, uint32_t brightest)
{
	const struct activity_count *top = cells + (size_t)row * (g->halves ? 2 : 1) * g->width;
	bool below = g->halves && 2 * row + 1 < g->height;
	static const struct activity_count nothing;

	for (uint32_t x = 0; x < g->width; x++) {
		if (!t->colours) {
			fputs(shade(t, inspect_brightness(&top[x], brightest)), stdout);
			continue;
		}
		if (!g->halves) {
			set_colour(t, true, inspect_colour(&top[x], brightest));
			putchar(' ');
			continue;
		}
		set_colour(t, false, inspect_colour(&top[x], brightest));
		set_colour(t, true,
			   inspect_colour(below ? &top[x + g->width] : &nothing, brightest));
		fputs("▀", stdout);
	}
	if (t->colours)
		fputs("\033[0m", stdout);
}

static void print_edge(const struct terminal *t, const struct grid *g, bool top)
{
	if (t->colours)
		return;
	fputs(!t->utf8 ? "+" : top ? "┌" : "└", stdout);
	for (uint32_t x = 0; x < g->width; x++)
		fputs(t->utf8 ? "─" : "-", stdout);
	fputs(!t->utf8 ? "+" : top ? "┐" : "┘", stdout);
}

static void print_side(const struct terminal *t)
{
	if (!t->colours)
		fputs(t->utf8 ? "│" : "|", stdout);
}

/* Where a frame begins, and its events; as wide as the frame. */
static void print_caption(const struct inspection *in, const struct terminal *t,
			  const struct grid *g, uint32_t frame, const struct activity_count *cells)
{
	const struct activity *a = &in->activity;
	double start = (double)((uint64_t)a->first_us - (uint64_t)a->info.first_us);
	double span = (double)a->span_us;
	int width = (int)(g->width + (t->colours ? 0 : 2) + g->pad);
	char text[80], time[32], number[32];
	uint64_t sum = 0;

	for (size_t i = 0; i < (size_t)g->width * g->height; i++)
		sum += activity_sum(&cells[i]);
	snprintf(text, sizeof(text), "%s  %s",
		 inspect_time(start + span * frame / in->frames, start + span, time),
		 inspect_number((double)sum, number));
	printf("%-*.*s", width, width, text);
}

/* The line of frames that begins with @first. */
static void print_frames(const struct inspection *in, const struct terminal *t,
			 const struct grid *g, const struct activity_count *cells, uint32_t first,
			 uint32_t brightest)
{
	size_t area = (size_t)g->width * g->height;
	uint32_t end = first + g->across < in->frames ? first + g->across : in->frames;

	for (uint32_t line = 0; line < g->rows + 3; line++) {
		if (t->colours && (line == 1 || line == g->rows + 2))
			continue; /* no edges */
		for (uint32_t f = first; f < end; f++) {
			if (f > first)
				putchar(' ');
			if (!line) {
				print_caption(in, t, g, f, cells + f * area);
				continue;
			}
			if (line == 1 || line == g->rows + 2) {
				print_edge(t, g, line == 1);
			} else {
				print_side(t);
				print_cells(t, g, cells + f * area, line - 2, brightest);
				print_side(t);
			}
			printf("%*s", (int)g->pad, "");
		}
		putchar('\n');
	}
}

/* ---- the rate ---- */

static const char *bar(const struct terminal *t, double eighths)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	int level = eighths <= 0 ? 0 : eighths >= 8 ? 8 : (int)eighths;

	if (t->utf8)
		return blocks[level];
	return level > 5 ? "#" : level > 2 ? ":" : level ? "." : " ";
}

static void print_chart(const struct inspection *in, const struct terminal *t,
			const struct activity_count *bins, uint32_t count)
{
	static const struct activity_count blue = { { 0, 3 } };
	const struct activity *a = &in->activity;
	double start = (double)((uint64_t)a->first_us - (uint64_t)a->info.first_us);
	double span = (double)a->span_us;
	char from[32], to[32], n[32], title[64];
	uint64_t most = 1;
	int used;

	for (uint32_t i = 0; i < count; i++)
		most = activity_sum(&bins[i]) > most ? activity_sum(&bins[i]) : most;
	snprintf(title, sizeof(title), "up to %s/s",
		 inspect_number((double)most * count / span * 1e6, n));
	printf("%.*s\n", (int)count, title);
	for (int row = CHART_ROWS - 1; row >= 0; row--) {
		if (t->colours)
			set_colour(t, false, inspect_colour(&blue, 3));
		for (uint32_t i = 0; i < count; i++) {
			double high = (double)activity_sum(&bins[i]) / (double)most * CHART_ROWS *
				      8;

			/* what is there is seen */
			if (!row && high > 0 && high < 1)
				high = 1;
			fputs(bar(t, high - row * 8), stdout);
		}
		printf("%s\n", t->colours ? "\033[0m" : "");
	}
	inspect_time(start, start + span, from);
	inspect_time(start + span, start + span, to);
	used = (int)(strlen(from) + strlen(to));
	if (used < (int)count)
		printf("%s%*s%s\n", from, (int)count - used, "", to);
	else
		printf("%.*s\n", (int)count, from);
}

bool inspect_print(struct inspection *in, const struct terminal *t)
{
	struct grid g = lay_out(in, t);
	size_t all = (size_t)in->frames * g.width * g.height;
	struct activity_count *cells = calloc(all, sizeof(*cells));
	struct activity_count *bins = calloc(t->columns, sizeof(*bins));
	bool good = (cells && bins) || !cli_fail(CLI_FAILED, "no memory for frames");

	good = good && activity_frames(&in->activity, cells, in->frames, g.width, g.height) &&
	       activity_rate(&in->activity, bins, t->columns);
	if (good) {
		uint32_t brightest = activity_brightest(cells, all);

		for (uint32_t f = 0; f < in->frames; f += g.across)
			print_frames(in, t, &g, cells, f, brightest);
		print_chart(in, t, bins, t->columns);
	}
	free(bins);
	free(cells);
	return good;
}
