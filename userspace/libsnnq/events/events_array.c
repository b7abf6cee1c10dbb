// SPDX-License-Identifier: MIT
/*
 * events_array.c - the events of a recording in memory, as decoders and callers append them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "events.h"

int events_bad(struct snnq_events *events, uint64_t offset, const char *format, ...)
{
	va_list args;
	int n = snprintf(events->error, sizeof(events->error), "offset %" PRIu64 ": ",
			 events->base + offset);

	va_start(args, format);
	vsnprintf(events->error + n, sizeof(events->error) - n, format, args);
	va_end(args);
	return -EBADMSG;
}

struct snnq_events *events_new(void)
{
	struct snnq_events *events = calloc(1, sizeof(*events));

	if (events) {
		events->limit = SIZE_MAX;
		events->channels = 2;
		events->from_us = INT64_MIN;
		events->to_us = INT64_MAX;
	}
	return events;
}

int64_t events_tail(struct snnq_events *events, size_t bytes, size_t size)
{
	events->info.damaged_bytes += bytes;
	events->info.dropped += bytes != 0;
	return (int64_t)size;
}

int64_t events_unwrap(struct events_clock *c, int64_t range, int64_t t)
{
	int64_t step = c->begun ? t - c->last : 0;

	c->begun = true;
	if (c->turns && step > range / 8 * 7)
		return (c->turns - 1) * range + t;
	c->turns += step <= -range / 2;
	c->last = t;
	return c->turns * range + t;
}

int events_grow(struct snnq_events *events)
{
	size_t capacity = events->capacity ? events->capacity * 2 : 4096;
	struct snnq_event *data;

	if (events->count >= EVENTS_MAX)
		return -ENOMEM;
	data = realloc(events->data, capacity * sizeof(*data));
	if (!data)
		return -ENOMEM;
	events->data = data;
	events->capacity = capacity;
	return 0;
}

int snnq_events_from_array(const struct snnq_event *array, size_t count, struct snnq_events **out)
{
	struct snnq_events *events = events_new();
	int ret = events ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < count; i++)
		ret = events_append(events, array[i].t, array[i].x, array[i].y, array[i].p);
	if (ret) {
		if (events)
			events_free(events);
		return error_set(ret, "snnq_events_from_array: no memory for %zu events", count);
	}
	events->info.format = "array";
	events->begin_us = events->info.first_us;
	*out = events;
	return 0;
}

void events_free(struct snnq_events *events)
{
	free(events->data);
	free(events->sorted);
	free(events);
}
