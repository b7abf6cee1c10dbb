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

int events_decode_es(const uint8_t *data, size_t size, struct snnq_events *events)
{
	int ret = check_header(data, size, events);
	size_t pos = HEADER_BYTES;
	int64_t t = 0;

	if (ret)
		return ret;
	events->info.width = get_le16(data + MAGIC_BYTES + 4);
	events->info.height = get_le16(data + MAGIC_BYTES + 6);
	events->info.origin_bottom = true;
	while (!ret && pos < size) {
		uint8_t b = data[pos];

		t += b >> 1;
		if (b >= 0xfe) {
			pos++;
			continue;
		}
		if (size - pos < 5) {
			events->info.damaged_bytes = size - pos;
			events->info.dropped++;
			break;
		}
		ret = events_append(events, t, get_le16(data + pos + 1), get_le16(data + pos + 3),
				    b & 1);
		pos += 5;
	}
	return ret;
}
