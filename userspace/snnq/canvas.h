/* SPDX-License-Identifier: MIT */
/*
 * canvas.h - a drawing that becomes a PNG or an SVG file.
 */
#ifndef SNNQ_CANVAS_H
#define SNNQ_CANVAS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A character of text, with the space to the next. */
#define CANVAS_TEXT_WIDTH  12
#define CANVAS_TEXT_HEIGHT 16

struct colour {
	uint8_t r, g, b;
};

struct canvas;

/* NULL: no memory. */
struct canvas *canvas_new(bool svg, uint32_t width, uint32_t height, struct colour background);
void canvas_rectangle(struct canvas *c, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
		      struct colour colour);
/* @width x @height pixels, each of them @across x @down. */
void canvas_image(struct canvas *c, uint32_t x, uint32_t y, uint32_t across, uint32_t down,
		  const struct colour *pixels, uint32_t width, uint32_t height);
/* A line of text with its upper left corner at (x, y). */
void canvas_text(struct canvas *c, uint32_t x, uint32_t y, struct colour colour, const char *text);
/* Write the file's bytes, once; false: no memory, or the file has an error. */
bool canvas_write(struct canvas *c, FILE *out);
void canvas_free(struct canvas *c);

/* Whether @path names a kind of file that can be written. */
bool canvas_knows(const char *path, bool *svg);

/* ---- font.c ---- */

#define FONT_WIDTH  5
#define FONT_HEIGHT 8

/* Columns of a printable ASCII character from the left, bit 0 on top; a box for any other. */
const uint8_t *font_columns(unsigned char character);

#endif /* SNNQ_CANVAS_H */
