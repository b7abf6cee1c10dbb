/* SPDX-License-Identifier: MIT */
/*
 * inspect.h - a recording's activity, drawn: in a terminal, or as a picture.
 */
#ifndef SNNQ_INSPECT_H
#define SNNQ_INSPECT_H

#include "activity.h"
#include "canvas.h"

struct inspection {
	struct activity activity;
	char title[256]; /* the file, printable */
	uint32_t frames;
};

/* Of a cell: dark without events, blue for ON, red for OFF, white for many of both. */
struct colour inspect_colour(const struct activity_count *count, uint32_t brightest);
/* Between 0 and 1 of a cell or a bin, of both polarities. */
double inspect_brightness(const struct activity_count *count, uint32_t brightest);
/* A time in the unit that fits @span_us. */
const char *inspect_time(double us, double span_us, char text[32]);
/* "874", "12.3k", "4.56M" */
const char *inspect_number(double n, char text[32]);

/* Draw a picture; NULL: it is said why. */
struct canvas *inspect_sheet(struct inspection *in, bool svg);

/* What a terminal shows. */
struct terminal {
	uint32_t columns;
	bool utf8;
	enum { COLOURS_NONE, COLOURS_256, COLOURS_ALL } colours;
};

/* The one of standard output. @colours: "always", "never", or "auto", which is for terminals. */
struct terminal inspect_terminal(const char *colours);
/* Print frames and the rate; false: it is said why. */
bool inspect_print(struct inspection *in, const struct terminal *t);

#endif /* SNNQ_INSPECT_H */
