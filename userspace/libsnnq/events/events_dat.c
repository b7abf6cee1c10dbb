// SPDX-License-Identifier: MIT
/*
 * events_dat.c - DAT files of Prophesee and Chronocam (N-CARS): records of 8 bytes.
 *
 * Behind a header two bytes give type and size of the records; a file without header has
 * neither. In the first version coordinates have 9 and 8 bits, in the second 14. Time has 32 bits
 * and starts over after 71 minutes. Prophesee, "DAT file format".
 */
#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "prophesee.h"

#define RECORD_BYTES 8
#define RANGE	     (1ll << 32)
#define TYPE_2D	     0x00
#define TYPE_CD	     0x0c
#define MINUS_ONE    0xf /* OFF, in old files */

static int check_records(const uint8_t *data, size_t size, const struct prophesee_header *h,
			 struct snnq_events *events)
{
	if (h->format[0] && strcmp(h->format, "dat"))
		return events_bad(events, 0, "expected dat, found %s", h->format);
	if (!h->bytes)
		return 0;
	/* Tools differ in which one they take it for. */
	if (!h->version)
		return events_bad(events, 0, "Version: expected 1 or 2, found none");
	if (h->version > 2)
		return events_bad(events, 0, "Version: expected 1 or 2, found %u", h->version);
	if (size - h->bytes < 2)
		return events_bad(events, h->bytes,
				  "expected type and size of records, found the end");
	if (data[h->bytes] != TYPE_2D && data[h->bytes] != TYPE_CD)
		return events_bad(events, h->bytes,
				  "type: expected 0x00 or 0x0c (changes of contrast), found %#04x",
				  data[h->bytes]);
	if (data[h->bytes + 1] != RECORD_BYTES)
		return events_bad(events, h->bytes + 1, "bytes of a record: expected 8, found %u",
				  data[h->bytes + 1]);
	return 0;
}

/* Where a record has coordinates and polarity. */
struct dat_bits {
	uint32_t x, y; /* masks */
	unsigned int y_at, p_at;
};

static const struct dat_bits versions[] = {
	{ 0x1ff, 0xff, 9, 17 },
	{ 0x3fff, 0x3fff, 14, 28 },
};

struct dat {
	bool begun;
	struct events_clock clock;
	const struct dat_bits *bits;
};

/* Bytes before the records; -EAGAIN: not yet all there. */
static int64_t begin(struct dat *s, const uint8_t *data, size_t size, bool last,
		     struct snnq_events *events)
{
	struct prophesee_header h;
	int ret = prophesee_header_read(data, size, last, events, &h);

	if (!ret && h.bytes && size - h.bytes < 2 && !last)
		ret = 1;
	if (!ret)
		ret = check_records(data, size, &h, events);
	if (ret)
		return ret < 0 ? ret : -EAGAIN;
	s->begun = true;
	s->bits = &versions[h.bytes && h.version == 1 ? 0 : 1];
	return h.bytes ? (int64_t)h.bytes + 2 : 0;
}

static int64_t take(void *state, const uint8_t *data, size_t size, bool last,
		    struct snnq_events *events)
{
	struct dat *s = state;
	size_t pos = 0;
	int ret = 0;

	if (!s->begun) {
		int64_t n = begin(s, data, size, last, events);

		if (n < 0)
			return n == -EAGAIN ? 0 : n;
		pos = (size_t)n;
	}
	for (; !ret && size - pos >= RECORD_BYTES && !events_full(events); pos += RECORD_BYTES) {
		uint32_t place = get_le32(data + pos + 4), p = place >> s->bits->p_at & 0xf;

		ret = events_append(events, events_unwrap(&s->clock, RANGE, get_le32(data + pos)),
				    place & s->bits->x, place >> s->bits->y_at & s->bits->y,
				    p & 1 && p != MINUS_ONE);
	}
	if (!ret && last && !events_full(events))
		return events_tail(events, size - pos, size);
	return ret ? ret : (int64_t)pos;
}

const struct events_decoder events_dat = { sizeof(struct dat), take, NULL };
