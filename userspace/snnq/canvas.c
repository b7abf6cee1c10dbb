// SPDX-License-Identifier: MIT
/*
 * canvas.c - see canvas.h.
 *
 * A PNG is drawn into pixels. An SVG is text as it is drawn; images in it are small PNG files, which
 * the viewer enlarges.
 */
#define _GNU_SOURCE
#include "canvas.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define DOT (CANVAS_TEXT_HEIGHT / FONT_HEIGHT) /* pixels of a font's dot */

struct canvas {
	uint32_t width, height;
	struct colour *pixels; /* PNG */
	FILE *svg;
	char *text; /* SVG: what is written to it so far */
	size_t bytes;
	bool failed;
};

bool canvas_knows(const char *path, bool *svg)
{
	const char *dot = strrchr(path, '.');

	*svg = dot && !strcasecmp(dot, ".svg");
	return *svg || (dot && !strcasecmp(dot, ".png"));
}

/* ---- PNG ---- */

static png_image describe(uint32_t width, uint32_t height)
{
	return (png_image){ .version = PNG_IMAGE_VERSION,
			    .width = width,
			    .height = height,
			    .format = PNG_FORMAT_RGB };
}

static void fill(struct canvas *c, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
		 struct colour colour)
{
	uint32_t right = x < c->width && width < c->width - x ? x + width : c->width;
	uint32_t bottom = y < c->height && height < c->height - y ? y + height : c->height;

	for (; y < bottom; y++)
		for (uint32_t i = x; i < right; i++)
			c->pixels[(size_t)y * c->width + i] = colour;
}

/* ---- SVG ---- */

static void put_base64(FILE *out, const uint8_t *data, size_t bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < bytes; i += 3) {
		uint32_t left = bytes - i < 3 ? (uint32_t)(bytes - i) : 3;
		uint32_t v = (uint32_t)data[i] << 16 | (left > 1 ? data[i + 1] << 8 : 0) |
			     (left > 2 ? data[i + 2] : 0);

		for (uint32_t k = 0; k < 4; k++)
			putc(k <= left ? digits[v >> (18 - 6 * k) & 63] : '=', out);
	}
}

static bool put_image(FILE *out, const struct colour *pixels, uint32_t width, uint32_t height)
{
	png_image image = describe(width, height);
	png_alloc_size_t bytes = 0;
	uint8_t *file = NULL;
	bool good;

	good = png_image_write_to_memory(&image, NULL, &bytes, 0, pixels, 0, NULL);
	if (good)
		file = malloc(bytes);
	good = file && png_image_write_to_memory(&image, file, &bytes, 0, pixels, 0, NULL);
	if (good)
		put_base64(out, file, bytes);
	free(file);
	return good;
}

static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		default:
			putc(*text, out);
		}
}

static void open_svg(struct canvas *c, struct colour background)
{
	c->svg = open_memstream(&c->text, &c->bytes);
	if (!c->svg)
		return;
	fprintf(c->svg,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\" font-family=\"monospace\" font-size=\"%u\">\n",
		c->width, c->height, c->width, c->height, CANVAS_TEXT_WIDTH * 5 / 3);
	canvas_rectangle(c, 0, 0, c->width, c->height, background);
}

/* ---- both ---- */

struct canvas *canvas_new(bool svg, uint32_t width, uint32_t height, struct colour background)
{
	struct canvas *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->width = width;
	c->height = height;
	if (svg)
		open_svg(c, background);
	else
		c->pixels = malloc((size_t)width * height * sizeof(*c->pixels));
	if (!c->svg && !c->pixels) {
		free(c);
		return NULL;
	}
	if (c->pixels)
		fill(c, 0, 0, width, height, background);
	return c;
}

void canvas_rectangle(struct canvas *c, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
		      struct colour k)
{
	if (!c->svg)
		fill(c, x, y, width, height, k);
	else if (width && height)
		fprintf(c->svg,
			"<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" "
			"fill=\"#%02x%02x%02x\"/>\n",
			x, y, width, height, k.r, k.g, k.b);
}

void canvas_image(struct canvas *c, uint32_t x, uint32_t y, uint32_t across, uint32_t down,
		  const struct colour *pixels, uint32_t width, uint32_t height)
{
	if (!c->svg) {
		for (uint32_t row = 0; row < height; row++)
			for (uint32_t i = 0; i < width; i++)
				fill(c, x + i * across, y + row * down, across, down,
				     pixels[(size_t)row * width + i]);
		return;
	}
	fprintf(c->svg,
		"<image x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" "
		"preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,",
		x, y, width * across, height * down);
	if (!put_image(c->svg, pixels, width, height))
		c->failed = true;
	fputs("\"/>\n", c->svg);
}

void canvas_text(struct canvas *c, uint32_t x, uint32_t y, struct colour k, const char *text)
{
	if (c->svg) {
		/* all of the same width, whatever the font that is there */
		fprintf(c->svg,
			"<text x=\"%u\" y=\"%u\" fill=\"#%02x%02x%02x\" xml:space=\"preserve\">", x,
			y + CANVAS_TEXT_HEIGHT - DOT, k.r, k.g, k.b);
		put_escaped(c->svg, text);
		fputs("</text>\n", c->svg);
		return;
	}
	for (const unsigned char *s = (const unsigned char *)text; *s; x += CANVAS_TEXT_WIDTH) {
		size_t n = text_character(s);
		const uint8_t *columns = font_columns(n == 1 ? *s : 0);

		for (uint32_t i = 0; i < FONT_WIDTH; i++)
			for (uint32_t row = 0; row < FONT_HEIGHT; row++)
				if (columns[i] >> row & 1)
					fill(c, x + i * DOT, y + row * DOT, DOT, DOT, k);
		s += n ? n : 1;
	}
}

bool canvas_write(struct canvas *c, FILE *out)
{
	png_image image = describe(c->width, c->height);

	if (!c->svg)
		return png_image_write_to_stdio(&image, out, 0, c->pixels, 0, NULL);
	fputs("</svg>\n", c->svg);
	return !fflush(c->svg) && !ferror(c->svg) && !c->failed &&
	       fwrite(c->text, 1, c->bytes, out) == c->bytes;
}

void canvas_free(struct canvas *c)
{
	if (c->svg)
		fclose(c->svg);
	free(c->text);
	free(c->pixels);
	free(c);
}
