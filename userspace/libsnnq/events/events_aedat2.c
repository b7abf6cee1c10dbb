// SPDX-License-Identifier: MIT
/*
 * events_aedat2.c - AEDAT 2.0 of jAER: big-endian addresses and times behind lines of comments.
 *
 * What an address means depends on the camera, which a comment names. For the DVS128 there are
 * two readings in use, and networks need the one that they were trained with: jAER's, and that of
 * data sets read by tonic, which takes x for y and leaves the polarity as it is stored. Rows
 * count from the bottom. iniVation, "AEDAT file formats".
 */
#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "events.h"

#define RECORD_BYTES 8
#define RANGE	     (1ll << 32)
#define DVS128_SIDE  128
#define END_LINE     "#End Of ASCII Header"
#define CHIP_LINE    "# AEChip: "

enum address_map { MAP_UNKNOWN, MAP_DVS128, MAP_DVS128_TONIC, MAP_DAVIS };

struct aedat2 {
	bool begun;
	struct events_clock clock;
	enum address_map map;
};

/* What the comments say, up to @end, of the addresses and the sensor. */
static int choose_map(struct aedat2 *s, const struct events_camera *chip, size_t end,
		      struct snnq_events *events)
{
	struct snnq_events_info *info = &events->info;

	if (s->map == MAP_UNKNOWN && (!chip || chip->kind == CAMERA_OTHER))
		return events_bad(
			events, end,
			"AEChip: expected DVS128, DAVIS240 or DAVIS346 in a comment, found "
			"none; name the addresses with a format option");
	if (s->map == MAP_UNKNOWN)
		s->map = chip->kind == CAMERA_DVS128 ? MAP_DVS128 : MAP_DAVIS;
	if (chip && chip->kind == (s->map == MAP_DAVIS ? CAMERA_DAVIS : CAMERA_DVS128)) {
		info->width = chip->width;
		info->height = chip->height;
	} else if (s->map != MAP_DAVIS) {
		info->width = info->height = DVS128_SIDE;
	}
	info->origin_bottom = true;
	s->begun = true;
	return 0;
}

/* Bytes of the comments, when they are all there. */
static int64_t read_comments(struct aedat2 *s, const uint8_t *data, size_t size, bool last,
			     struct snnq_events *events)
{
	const struct events_camera *chip = NULL;
	size_t pos = 0;
	int64_t n;
	int ret;

	for (;;) {
		const uint8_t *line = data + pos;

		if (pos == size && !last)
			return 0;
		/* Events can begin with "#" by chance. */
		n = pos < size && *line == '#' ? text_line(line, size - pos, last) : 0;
		if (n < 0)
			return 0;
		if (!n)
			break;
		pos += (size_t)n;
		if (text_begins(line, (size_t)n, CHIP_LINE))
			chip = events_camera(line, (size_t)n);
		if (text_begins(line, (size_t)n, END_LINE))
			break;
	}
	ret = choose_map(s, chip, pos, events);
	return ret ? ret : (int64_t)pos;
}

static int append(struct snnq_events *events, enum address_map map, uint32_t a, int64_t t)
{
	uint16_t low = a >> 1 & 0x7f, high = a >> 8 & 0x7f;

	if (map == MAP_DAVIS && (a >> 31 || a >> 10 & 1))
		return 0; /* a frame's sample; an input of the camera */
	if (map == MAP_DAVIS)
		return events_append(events, t, a >> 12 & 0x3ff, a >> 22 & 0x1ff, a >> 11 & 1);
	if (a >> 15 & 1)
		return 0; /* a signal to synchronize cameras */
	if (map == MAP_DVS128_TONIC)
		return events_append(events, t, high, low, a & 1);
	return events_append(events, t, DVS128_SIDE - 1 - low, high, !(a & 1));
}

static int64_t take(struct aedat2 *s, enum address_map map, const uint8_t *data, size_t size,
		    bool last, struct snnq_events *events)
{
	size_t pos = 0;
	int ret = 0;

	if (!s->begun) {
		int64_t n;

		s->map = map;
		n = read_comments(s, data, size, last, events);
		if (n < 0 || !s->begun)
			return n;
		pos = (size_t)n;
	}
	for (; !ret && size - pos >= RECORD_BYTES && !events_full(events); pos += RECORD_BYTES)
		ret = append(events, s->map, get_be32(data + pos),
			     events_unwrap(&s->clock, RANGE, get_be32(data + pos + 4)));
	if (!ret && last && !events_full(events))
		return events_tail(events, size - pos, size);
	return ret ? ret : (int64_t)pos;
}

static int64_t take_any(void *state, const uint8_t *data, size_t size, bool last,
			struct snnq_events *events)
{
	return take(state, MAP_UNKNOWN, data, size, last, events);
}

static int64_t take_dvs128(void *state, const uint8_t *data, size_t size, bool last,
			   struct snnq_events *events)
{
	return take(state, MAP_DVS128, data, size, last, events);
}

static int64_t take_tonic(void *state, const uint8_t *data, size_t size, bool last,
			  struct snnq_events *events)
{
	return take(state, MAP_DVS128_TONIC, data, size, last, events);
}

static int64_t take_davis(void *state, const uint8_t *data, size_t size, bool last,
			  struct snnq_events *events)
{
	return take(state, MAP_DAVIS, data, size, last, events);
}

const struct events_decoder events_aedat2 = { sizeof(struct aedat2), take_any, NULL };
const struct events_decoder events_aedat2_dvs128 = { sizeof(struct aedat2), take_dvs128, NULL };
const struct events_decoder events_aedat2_tonic = { sizeof(struct aedat2), take_tonic, NULL };
const struct events_decoder events_aedat2_davis = { sizeof(struct aedat2), take_davis, NULL };
