/* SPDX-License-Identifier: MIT */
/*
 * chunks.h - decode bytes in pieces of any size, for tests and fuzzers.
 *
 * Each time the decoder is shown what it left and one piece more, in exactly as much memory, so
 * that ASan sees each byte too far. It must take all at the end, and never more than there is.
 */
#ifndef TEST_CHUNKS_H
#define TEST_CHUNKS_H

#include <stdlib.h>
#include <string.h>

#include "events/events.h"

/* Show @size bytes of which the caller goes on with those that are not taken; < 0: an error. */
static inline int64_t chunks_show(const struct events_decoder *d, void *state, const uint8_t *data,
				  size_t size, bool last, struct snnq_events *events)
{
	uint8_t *exact = malloc(size ? size : 1);
	int64_t n;

	if (!exact)
		abort();
	if (size)
		memcpy(exact, data, size);
	n = d->take(state, exact, size, last, events);
	free(exact);
	if (n > (int64_t)size)
		abort();
	return n;
}

/*
 * Decode @data in pieces of @piece bytes. 0 or what the decoder returned. Where it pauses because
 * of the limit of @events, it goes on with a limit that is @more further.
 */
static inline int chunks_decode(const struct events_decoder *d, const uint8_t *data, size_t size,
				size_t piece, size_t more, struct snnq_events *events)
{
	void *state = calloc(1, d->state_bytes);
	size_t at = 0, until = piece < size ? piece : size;
	int64_t n = 0;

	if (!state)
		abort();
	events->limit = more ? events->count + more : SIZE_MAX;
	for (;;) {
		bool last = until == size, full;

		events->base = at;
		n = chunks_show(d, state, data + at, until - at, last, events);
		if (n < 0)
			break;
		at += (size_t)n;
		full = events_full(events);
		if (full) {
			events->limit = events->count + more;
		} else if (last) {
			if (at != size)
				abort();
			break;
		} else {
			until = size - until > piece ? until + piece : size;
		}
	}
	if (d->release)
		d->release(state);
	free(state);
	return n < 0 ? (int)n : 0;
}

static inline bool chunks_equal(const struct snnq_events *a, const struct snnq_events *b)
{
	const struct snnq_events_info *i = &a->info, *j = &b->info;

	for (size_t k = 0; k < a->count && k < b->count; k++)
		if (a->data[k].t != b->data[k].t || a->data[k].x != b->data[k].x ||
		    a->data[k].y != b->data[k].y || a->data[k].p != b->data[k].p)
			return false;
	return a->count == b->count && i->events == j->events && i->dropped == j->dropped &&
	       i->nonmonotonic == j->nonmonotonic && i->first_us == j->first_us &&
	       i->last_us == j->last_us && i->width == j->width && i->height == j->height &&
	       i->origin_bottom == j->origin_bottom && i->damaged_bytes == j->damaged_bytes &&
	       !strcmp(a->error, b->error);
}

/* Decode at once, and in pieces: both must come to the same. Returns what the decoder does. */
static inline int chunks_same(const struct events_decoder *d, const uint8_t *data, size_t size,
			      size_t piece, size_t more, struct snnq_events *events)
{
	struct snnq_events *other = events_new();
	int ret;

	if (!other)
		abort();
	other->info = events->info; /* the caller's sensor */
	ret = chunks_decode(d, data, size, SIZE_MAX, 0, events);
	if (chunks_decode(d, data, size, piece, more, other) != ret || !chunks_equal(events, other))
		abort();
	events_free(other);
	return ret;
}

#endif /* TEST_CHUNKS_H */
