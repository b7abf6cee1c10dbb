// SPDX-License-Identifier: MIT
/*
 * events_aedat2.c - AEDAT 2.0 and 1.0 of jAER: big-endian addresses, of 4 or 2 bytes, and times
 * behind lines of comments.
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

#define TIME_BYTES  4
#define RANGE	    (1ll << 32)
#define DVS128_SIDE 128
#define CHIP_LINE   "# AEChip: "

enum address_map { MAP_UNKNOWN, MAP_DVS128, MAP_DVS128_TONIC, MAP_DAVIS };

struct aedat2 {
	bool begun;
	struct events_clock clock;
	enum address_map map;
};

/* What the comments say, up to @end, of the addresses and the sensor. */
static int choose_map(struct aedat2 *s, const struct events_camera *chip, size_t end, bool wide,
		      struct snnq_events *events)
{
	struct snnq_events_info *info = &events->info;

	if (s->map == MAP_UNKNOWN &&
	    (!chip || chip->kind == CAMERA_OTHER || (chip->kind == CAMERA_DAVIS && !wide)))
		return events_bad(events, end,
				  "AEChip: expected DVS128%s in a comment, found %s; name the "
				  "addresses with a format option",
				  wide ? ", DAVIS240 or DAVIS346" : "", chip ? chip->name : "none");
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

/*
 * Bytes of the comment at @line; 0: it is none, less: not yet all there. Events can begin with "#"
 * by chance. jAER writes letters beyond ASCII in one byte, and CR LF behind them.
 */
static int64_t comment(const uint8_t *line, size_t size, bool last)
{
	int64_t n = *line == '#' ? text_line_of_letters(line, size, last) : 0;

	if (n > 1 && line[n - 2] != '\r')
		return text_line(line, size, last);
	return n;
}

/* "#End Of ASCII Header" of jAER, "# End of ASCII Header" of others. */
static bool ends_comments(const uint8_t *line, size_t bytes)
{
	const char *text = (const char *)line + 1;
	size_t n = bytes - 1;

	for (; n && *text == ' '; n--)
		text++;
	return text_begins_with_word(text, n, "End Of ASCII Header");
}

/* Bytes of the comments, when they are all there. */
static int64_t read_comments(struct aedat2 *s, const uint8_t *data, size_t size, bool last,
			     bool wide, struct snnq_events *events)
{
	const struct events_camera *chip = NULL;
	size_t pos = 0;
	int64_t n;
	int ret;

	for (;;) {
		const uint8_t *line = data + pos;

		if (pos == size && !last)
			return 0;
		n = pos < size ? comment(line, size - pos, last) : 0;
		if (n < 0)
			return 0;
		if (!n)
			break;
		pos += (size_t)n;
		if (text_begins(line, (size_t)n, CHIP_LINE))
			chip = events_camera(line, (size_t)n);
		if (ends_comments(line, (size_t)n))
			break;
	}
	ret = choose_map(s, chip, pos, wide, events);
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

/* The map of @map, or when that is unknown the camera's; @wide: addresses of 4 bytes. */
static int64_t take(struct aedat2 *s, enum address_map map, bool wide, const uint8_t *data,
		    size_t size, bool last, struct snnq_events *events)
{
	size_t pos = 0, address = wide ? 4 : 2, record = address + TIME_BYTES;
	int ret = 0;

	if (!s->begun) {
		int64_t n;

		s->map = map;
		n = read_comments(s, data, size, last, wide, events);
		if (n < 0 || !s->begun)
			return n;
		pos = (size_t)n;
	}
	for (; !ret && size - pos >= record && !events_full(events); pos += record)
		ret = append(events, s->map, wide ? get_be32(data + pos) : get_be16(data + pos),
			     events_unwrap(&s->clock, RANGE, get_be32(data + pos + address)));
	if (!ret && last && !events_full(events))
		return events_tail(events, size - pos, size);
	return ret ? ret : (int64_t)pos;
}

static int64_t take_aedat1(void *state, const uint8_t *data, size_t size, bool last,
			   struct snnq_events *events)
{
	return take(state, MAP_UNKNOWN, false, data, size, last, events);
}

static int64_t take_aedat1_dvs128(void *state, const uint8_t *data, size_t size, bool last,
				  struct snnq_events *events)
{
	return take(state, MAP_DVS128, false, data, size, last, events);
}

static int64_t take_aedat1_tonic(void *state, const uint8_t *data, size_t size, bool last,
				 struct snnq_events *events)
{
	return take(state, MAP_DVS128_TONIC, false, data, size, last, events);
}

static int64_t take_aedat2(void *state, const uint8_t *data, size_t size, bool last,
			   struct snnq_events *events)
{
	return take(state, MAP_UNKNOWN, true, data, size, last, events);
}

static int64_t take_aedat2_dvs128(void *state, const uint8_t *data, size_t size, bool last,
				  struct snnq_events *events)
{
	return take(state, MAP_DVS128, true, data, size, last, events);
}

static int64_t take_aedat2_tonic(void *state, const uint8_t *data, size_t size, bool last,
				 struct snnq_events *events)
{
	return take(state, MAP_DVS128_TONIC, true, data, size, last, events);
}

static int64_t take_aedat2_davis(void *state, const uint8_t *data, size_t size, bool last,
				 struct snnq_events *events)
{
	return take(state, MAP_DAVIS, true, data, size, last, events);
}

const struct events_decoder events_aedat1 = { sizeof(struct aedat2), take_aedat1, NULL };
const struct events_decoder events_aedat1_dvs128 = { sizeof(struct aedat2), take_aedat1_dvs128,
						     NULL };
const struct events_decoder events_aedat1_tonic = { sizeof(struct aedat2), take_aedat1_tonic,
						    NULL };
const struct events_decoder events_aedat2 = { sizeof(struct aedat2), take_aedat2, NULL };
const struct events_decoder events_aedat2_dvs128 = { sizeof(struct aedat2), take_aedat2_dvs128,
						     NULL };
const struct events_decoder events_aedat2_tonic = { sizeof(struct aedat2), take_aedat2_tonic,
						    NULL };
const struct events_decoder events_aedat2_davis = { sizeof(struct aedat2), take_aedat2_davis,
						    NULL };
