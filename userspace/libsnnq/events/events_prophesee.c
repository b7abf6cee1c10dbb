// SPDX-License-Identifier: MIT
/*
 * events_prophesee.c - the text before the events of Prophesee's RAW and DAT files.
 *
 * Lines "% key value", ended by "% end" or, in older files, by the first byte that begins no
 * such line. Events can begin with "% " by chance: a line is printable text up to its end.
 * Keys that say nothing about the events are comments. Prophesee, "Data encoding formats".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "prophesee.h"

#define MOST_SIDE 16384u

struct line {
	const char *key, *value;
	size_t key_length, value_length;
	size_t at; /* of the value */
};

/* The line at @pos, see text_line(). */
static int64_t next_line(const uint8_t *data, size_t size, size_t pos, bool last, struct line *line)
{
	const char *text = (const char *)data + pos;
	size_t end;
	int64_t n;

	if (size - pos < 2 && !last && !memcmp(text, "% ", size - pos))
		return -1;
	n = text_begins(text, size - pos, "% ") ? text_line(data + pos, size - pos, last) : 0;
	if (n <= 0)
		return n;
	end = (size_t)n - (text[n - 2] == '\r' ? 2 : 1);
	line->key = text + 2;
	line->key_length = 0;
	while (line->key_length + 2 < end && line->key[line->key_length] != ' ')
		line->key_length++;
	line->value = line->key + line->key_length;
	while (line->value < text + end && *line->value == ' ')
		line->value++;
	line->value_length = (size_t)(text + end - line->value);
	line->at = pos + (size_t)(line->value - text);
	return n;
}

static bool is_key(const struct line *l, const char *key)
{
	return strlen(key) == l->key_length && !memcmp(l->key, key, l->key_length);
}

static int bad(struct snnq_events *events, const struct line *l, const char *expected)
{
	return events_bad(events, l->at, "%.*s: expected %s, found \"%.*s\"", (int)l->key_length,
			  l->key, expected, l->value_length > 40 ? 40 : (int)l->value_length,
			  l->value);
}

/* Digits up to @end, from 1 to @most; 0: something else. */
static uint32_t number(const char *text, const char *end, uint32_t most)
{
	uint64_t n = 0;

	if (text == end)
		return 0;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > most)
			return 0;
	}
	return (uint32_t)n;
}

static int set_format(struct prophesee_header *h, struct snnq_events *events, const struct line *l,
		      const char *format)
{
	if (h->format[0] && strcmp(h->format, format))
		return events_bad(events, l->at, "%.*s: %s contradicts %s before it",
				  (int)l->key_length, l->key, format, h->format);
	strcpy(h->format, format);
	return 0;
}

static int set_size(uint32_t *to, struct snnq_events *events, const struct line *l,
		    const char *text, const char *end)
{
	uint32_t n = number(text, end, MOST_SIDE);

	if (!n)
		return bad(events, l, "a size from 1 to 16384");
	if (*to && *to != n)
		return events_bad(events, l->at, "%.*s: %u contradicts %u before it",
				  (int)l->key_length, l->key, n, *to);
	*to = n;
	return 0;
}

/* EVT3;width=1280;height=720;endianness=little */
static int read_format(struct prophesee_header *h, struct snnq_events *events, const struct line *l)
{
	static const struct {
		const char *text, *name;
	} known[] = { { "EVT2", "evt2" }, { "EVT21", "evt21" }, { "EVT3", "evt3" } };
	const char *end = l->value + l->value_length, *at = l->value, *next;
	int ret = 0;

	for (; !ret && at < end; at = next + (next < end)) {
		next = memchr(at, ';', (size_t)(end - at));
		if (!next)
			next = end;
		size_t n = (size_t)(next - at);

		if (at == l->value) {
			size_t i = 0;

			while (i < 3 &&
			       (n != strlen(known[i].text) || memcmp(at, known[i].text, n)))
				i++;
			if (i == 3)
				return bad(events, l, "EVT2, EVT21 or EVT3");
			ret = set_format(h, events, l, known[i].name);
		} else if (text_begins(at, n, "width=")) {
			ret = set_size(&h->width, events, l, at + 6, next);
		} else if (text_begins(at, n, "height=")) {
			ret = set_size(&h->height, events, l, at + 7, next);
		} else if (text_begins(at, n, "endianness=legacy")) {
			h->swapped = h->ordered = true;
		} else if (text_begins(at, n, "endianness=little")) {
			h->ordered = true;
		} else if (n) {
			ret = bad(events, l, "width, height and endianness, little or legacy");
		}
	}
	return ret;
}

static int read_evt(struct prophesee_header *h, struct snnq_events *events, const struct line *l)
{
	static const struct {
		const char *text, *name;
	} known[] = { { "2.0", "evt2" }, { "2.1", "evt21" }, { "3.0", "evt3" } };

	for (size_t i = 0; i < 3; i++)
		if (l->value_length == 3 && !memcmp(l->value, known[i].text, 3))
			return set_format(h, events, l, known[i].name);
	return bad(events, l, "2.0, 2.1 or 3.0");
}

static int read_geometry(struct prophesee_header *h, struct snnq_events *events,
			 const struct line *l)
{
	const char *end = l->value + l->value_length, *x = memchr(l->value, 'x', l->value_length);
	int ret = x ? set_size(&h->width, events, l, l->value, x) : bad(events, l, "WIDTHxHEIGHT");

	return ret ? ret : set_size(&h->height, events, l, x + 1, end);
}

static int read_endianness(struct prophesee_header *h, struct snnq_events *events,
			   const struct line *l)
{
	h->ordered = true;
	if (text_begins(l->value, l->value_length, "legacy"))
		h->swapped = true;
	else if (!text_begins(l->value, l->value_length, "little"))
		return bad(events, l, "little or legacy");
	return 0;
}

/* The sensor's size follows from the camera, where nobody says it. */
static void guess_size(struct snnq_events_info *info, const struct line *l)
{
	static const struct {
		const char *part;
		uint32_t width, height;
	} cameras[] = {
		{ "gen4", 1280, 720 },
		{ "imx636", 1280, 720 },
		{ "genx320", 320, 320 },
		{ "gen3", 640, 480 },
	};

	for (size_t i = 0; !info->width && i < sizeof(cameras) / sizeof(cameras[0]); i++)
		if (text_contains(l->value, l->value_length, cameras[i].part)) {
			info->width = cameras[i].width;
			info->height = cameras[i].height;
			break;
		}
}

/* What older headers leave to the number of the camera: format and size. */
static const struct system {
	uint8_t number;
	const char *format;
	uint16_t width, height;
} systems[] = {
	/* of generation 3 */
	{ 0x15, "evt2", 640, 480 },
	{ 0x17, "evt2", 640, 480 },
	{ 0x19, "evt2", 640, 480 },
	{ 0x1c, "evt2", 640, 480 },
	{ 0x1d, "evt2", 640, 480 },
	{ 0x21, "evt2", 640, 480 },
	{ 0x22, "evt2", 640, 480 },
	{ 0x23, "evt2", 640, 480 },
	{ 0x28, "evt3", 640, 480 },
	{ 0x29, "evt2", 640, 480 },
	/* of generation 4, and IMX636 */
	{ 0x1a, "evt2", 1280, 720 },
	{ 0x1e, "evt3", 1280, 720 },
	{ 0x1f, "evt2", 1280, 720 },
	{ 0x27, "evt2", 1280, 720 },
	{ 0x2e, "evt3", 1280, 720 },
	{ 0x30, "evt3", 1280, 720 },
	{ 0x31, "evt3", 1280, 720 },
	{ 0x32, "evt3", 1280, 720 },
};

#define SYSTEM_PROXY	0x80 /* the same camera, on a board */
#define SYSTEM_IN_ORDER 0x37 /* halves of words are, from this one on */

/* Fill in what the header does not say. */
static void complete(struct prophesee_header *h, struct snnq_events_info *info)
{
	uint32_t number = h->system & ~SYSTEM_PROXY;
	const struct system *s = NULL;

	if (!h->system || h->foreign || !strcmp(h->format, "dat"))
		return;
	for (size_t i = 0; !s && i < sizeof(systems) / sizeof(systems[0]); i++)
		s = systems[i].number == number ? &systems[i] : NULL;
	if (s && !h->format[0])
		strcpy(h->usual, s->format);
	if (s && !info->width && !info->height) {
		info->width = s->width;
		info->height = s->height;
	}
	if (!h->ordered && !strcmp(h->format, "evt21"))
		h->swapped = h->system < SYSTEM_IN_ORDER;
}

static bool ends_with(const struct line *l, const char *with)
{
	size_t n = strlen(with);

	return l->key_length >= n && !memcmp(l->key + l->key_length - n, with, n);
}

static int read_line(struct prophesee_header *h, struct snnq_events *events, const struct line *l)
{
	const char *end = l->value + l->value_length;

	if (is_key(l, "format"))
		return read_format(h, events, l);
	if (is_key(l, "evt"))
		return read_evt(h, events, l);
	if (is_key(l, "geometry"))
		return read_geometry(h, events, l);
	if (is_key(l, "endianness"))
		return read_endianness(h, events, l);
	if (is_key(l, "Width"))
		return set_size(&h->width, events, l, l->value, end);
	if (is_key(l, "Height"))
		return set_size(&h->height, events, l, l->value, end);
	if (is_key(l, "system_ID"))
		h->system = number(l->value, end, UINT32_MAX);
	if (ends_with(l, "integrator_name"))
		h->foreign |= l->value_length != 9 || memcmp(l->value, "Prophesee", 9);
	if (is_key(l, "Data"))
		return set_format(h, events, l, "dat");
	if (is_key(l, "Version")) {
		h->version = number(l->value, end, 1000);
		return h->version ? 0 : bad(events, l, "a number");
	}
	return 0;
}

int prophesee_header_read(const uint8_t *data, size_t size, bool last, struct snnq_events *events,
			  struct prophesee_header *h)
{
	struct line line;
	int64_t n;

	memset(h, 0, sizeof(*h));
	while ((n = next_line(data, size, h->bytes, last || size > TEXT_MAX_BYTES, &line))) {
		int ret;

		if (n < 0)
			return 1;
		ret = read_line(h, events, &line);
		h->bytes += (size_t)n;
		if (ret)
			return ret;
		if (is_key(&line, "plugin_name") || is_key(&line, "sensor_name"))
			guess_size(&events->info, &line);
		if (is_key(&line, "end"))
			break;
	}
	if (!h->width != !h->height)
		return events_bad(events, h->bytes, "expected width and height, found one of them");
	if (h->width) {
		events->info.width = h->width;
		events->info.height = h->height;
	}
	complete(h, &events->info);
	return 0;
}
