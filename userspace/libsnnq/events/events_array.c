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
	int n = snprintf(events->error, sizeof(events->error), "offset %" PRIu64 ": ", offset);

	va_start(args, format);
	vsnprintf(events->error + n, sizeof(events->error) - n, format, args);
	va_end(args);
	return -EBADMSG;
}

struct snnq_events *events_new(void)
{
	struct snnq_events *events = calloc(1, sizeof(*events));

	if (events) {
		events->from_us = INT64_MIN;
		events->to_us = INT64_MAX;
	}
	return events;
}

int events_set(struct snnq_events *events, const struct snnq_events_opts *opts)
{
	int64_t span;

	events->info.width = opts->width;
	events->info.height = opts->height;
	if (!opts->cut)
		return 0;
	if (__builtin_sub_overflow(opts->to_us, opts->from_us, &span) || span < 0)
		return -EINVAL;
	events->from_us = events->origin_us = opts->from_us;
	events->to_us = opts->to_us;
	return 0;
}

int64_t events_unwrap(struct events_clock *c, int64_t t)
{
	int64_t step = c->last < 0 ? 0 : t - c->last;

	if (c->turns && step > c->range / 8 * 7)
		return (c->turns - 1) * c->range + t;
	c->turns += step < -c->range / 2;
	c->last = t;
	return c->turns * c->range + t;
}

static int events_grow(struct snnq_events *events)
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

int events_append(struct snnq_events *events, int64_t t, uint16_t x, uint16_t y, bool on)
{
	struct snnq_events_info *info = &events->info;
	int ret;

	if (t < events->from_us || t > events->to_us)
		return 0;
	if ((info->width && x >= info->width) || (info->height && y >= info->height)) {
		info->dropped++;
		return 0;
	}
	if (events->count == events->capacity) {
		ret = events_grow(events);
		if (ret)
			return ret;
	}
	t -= events->origin_us;
	if (!events->count)
		info->first_us = info->last_us = t;
	else if (t < events->previous_us)
		info->nonmonotonic++;
	events->previous_us = t;
	info->first_us = t < info->first_us ? t : info->first_us;
	info->last_us = t > info->last_us ? t : info->last_us;
	events->data[events->count++] = (struct snnq_event){ .t = t, .x = x, .y = y, .p = on };
	info->events = events->count;
	return 0;
}

int snnq_events_from_array(const struct snnq_event *array, size_t count, struct snnq_events **out)
{
	struct snnq_events *events = events_new();
	int ret = events ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < count; i++)
		ret = events_append(events, array[i].t, array[i].x, array[i].y, array[i].p);
	if (ret) {
		snnq_events_close(events);
		return error_set(ret, "snnq_events_from_array: no memory for %zu events", count);
	}
	events->info.format = "array";
	*out = events;
	return 0;
}

int snnq_events_info(struct snnq_events *events, struct snnq_events_info *info)
{
	*info = events->info;
	return 0;
}

size_t snnq_events_data(struct snnq_events *events, const struct snnq_event **data)
{
	*data = events->data;
	return events->count;
}

void snnq_events_close(struct snnq_events *events)
{
	if (!events)
		return;
	free(events->data);
	free(events->sorted);
	free(events);
}
