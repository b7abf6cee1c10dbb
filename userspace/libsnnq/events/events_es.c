// SPDX-License-Identifier: MIT
/*
 * events_es.c - Event Stream 2 (.es), its type for event cameras.
 *
 * Magic, version, type, width and height; then for each event a byte with the time since
 * the one before and the polarity, x and y. A byte of 0xfe or 0xff is time alone. Rows count
 * from the bottom.
 */
#include <errno.h>

#include "bytes.h"
#include "events.h"

#define MAGIC_BYTES  12
#define HEADER_BYTES 20
#define EVENT_BYTES  5
#define TYPE_DVS     1

static int check_header(const uint8_t *data, size_t size, struct snnq_events *events)
{
	static const char *const types[] = { "0 (generic)", "", "2 (ATIS)", "3", "4 (color)" };
	const uint8_t *type = data + MAGIC_BYTES + 3;

	if (size < HEADER_BYTES)
		return events_bad(events, size, "expected a header of %u bytes, found the end",
				  HEADER_BYTES);
	if (data[MAGIC_BYTES] != 2)
		return events_bad(events, MAGIC_BYTES, "version: expected 2, found %u.%u.%u",
				  data[MAGIC_BYTES], data[MAGIC_BYTES + 1], data[MAGIC_BYTES + 2]);
	if (*type != TYPE_DVS)
		return events_bad(events, MAGIC_BYTES + 3, "type: expected 1 (DVS), found %s",
				  *type < 5 ? types[*type] : "an unknown one");
	if (!get_le16(type + 1) || !get_le16(type + 3))
		return events_bad(events, MAGIC_BYTES + 4, "expected width and height, found 0");
	return 0;
}

struct es {
	bool begun;
	int64_t t;
};

static void begin(const uint8_t *data, struct snnq_events *events)
{
	events->info.width = get_le16(data + MAGIC_BYTES + 4);
	events->info.height = get_le16(data + MAGIC_BYTES + 6);
	events->info.origin_bottom = true;
}

static int64_t take(void *state, const uint8_t *data, size_t size, bool last,
		    struct snnq_events *events)
{
	struct es *s = state;
	size_t pos = 0;
	int ret = 0;

	if (!s->begun) {
		if (size < HEADER_BYTES && !last)
			return 0;
		ret = check_header(data, size, events);
		if (ret)
			return ret;
		begin(data, events);
		s->begun = true;
		pos = HEADER_BYTES;
	}
	while (!ret && pos < size && !events_full(events)) {
		const uint8_t *e = data + pos;
		bool time_alone = *e >= 0xfe;

		if (!time_alone && size - pos < EVENT_BYTES)
			break;
		s->t += *e >> 1;
		pos += time_alone ? 1 : EVENT_BYTES;
		if (!time_alone)
			ret = events_append(events, s->t, get_le16(e + 1), get_le16(e + 3), *e & 1);
	}
	if (!ret && last && !events_full(events))
		return events_tail(events, size - pos, size);
	return ret ? ret : (int64_t)pos;
}

const struct events_decoder events_es = { sizeof(struct es), take, NULL };
