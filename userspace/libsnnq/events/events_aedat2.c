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
#define DVS128_SIDE  128
#define END_LINE     "#End Of ASCII Header"
#define CHIP_LINE    "# AEChip: "

enum address_map { MAP_UNKNOWN, MAP_DVS128, MAP_DVS128_TONIC, MAP_DAVIS };

/* The end of the comments; @map unless the caller named one. */
static int read_comments(const uint8_t *data, size_t size, struct snnq_events *events,
			 enum address_map *map, size_t *end)
{
	const struct events_camera *chip = NULL;
	size_t pos = 0, n;

	/* Events can begin with "#" by chance. */
	while (pos < size && data[pos] == '#' && (n = text_line(data + pos, size - pos))) {
		const uint8_t *line = data + pos;

		pos += n;
		if (text_begins(line, n, CHIP_LINE))
			chip = events_camera(line, n);
		if (text_begins(line, n, END_LINE))
			break;
	}
	*end = pos;
	if (*map == MAP_UNKNOWN && (!chip || chip->kind == CAMERA_OTHER))
		return events_bad(
			events, pos,
			"AEChip: expected DVS128, DAVIS240 or DAVIS346 in a comment, found "
			"none; name the addresses with a format option");
	if (*map == MAP_UNKNOWN)
		*map = chip->kind == CAMERA_DVS128 ? MAP_DVS128 : MAP_DAVIS;
	if (chip && chip->kind == (*map == MAP_DAVIS ? CAMERA_DAVIS : CAMERA_DVS128)) {
		events->info.width = chip->width;
		events->info.height = chip->height;
	} else if (*map != MAP_DAVIS) {
		events->info.width = events->info.height = DVS128_SIDE;
	}
	return 0;
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

static int decode(const uint8_t *data, size_t size, enum address_map map,
		  struct snnq_events *events)
{
	struct events_clock clock = { .range = 1ll << 32, .last = -1 };
	size_t pos, end;
	int ret = read_comments(data, size, events, &map, &pos);

	if (ret)
		return ret;
	end = pos + (size - pos) / RECORD_BYTES * RECORD_BYTES;
	events->info.damaged_bytes = size - end;
	events->info.dropped += size != end;
	events->info.origin_bottom = true;
	for (; !ret && pos < end; pos += RECORD_BYTES)
		ret = append(events, map, get_be32(data + pos),
			     events_unwrap(&clock, get_be32(data + pos + 4)));
	return ret;
}

int events_decode_aedat2(const uint8_t *data, size_t size, struct snnq_events *events)
{
	return decode(data, size, MAP_UNKNOWN, events);
}

int events_decode_aedat2_dvs128(const uint8_t *data, size_t size, struct snnq_events *events)
{
	return decode(data, size, MAP_DVS128, events);
}

int events_decode_aedat2_tonic(const uint8_t *data, size_t size, struct snnq_events *events)
{
	return decode(data, size, MAP_DVS128_TONIC, events);
}

int events_decode_aedat2_davis(const uint8_t *data, size_t size, struct snnq_events *events)
{
	return decode(data, size, MAP_DAVIS, events);
}
