/* SPDX-License-Identifier: MIT */
/*
 * activity.h - what a recording does in a window of time: counts by pixel, by time, by frame.
 */
#ifndef SNNQ_ACTIVITY_H
#define SNNQ_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snnq.h"

#define ACTIVITY_MAX_PIXELS (1u << 24)

/* Events of both polarities, of a pixel or a moment. */
struct activity_count {
	uint32_t polarity[2]; /* OFF, ON */
};

struct activity_pixel {
	uint16_t x, y; /* as in the recording */
	struct activity_count count;
};

/* A window of a recording, which stays open as long as this is used. */
struct activity {
	struct snnq_events *events;
	struct snnq_events_info info; /* of the whole recording */
	int64_t first_us;	      /* of the window */
	uint64_t span_us;	      /* its length, at least 1 */
	bool wanted[2];		      /* polarities that count */
	uint32_t width, height;
	uint64_t total[2]; /* in the window, by polarity; 0 of one that does not count */
};

/*
 * Look at the window of @span_us (0: to the last event) that begins @from_us after the earliest
 * event. Fails where nothing can be seen; *@reason says why, or is NULL: snnq_last_error() does.
 */
bool activity_open(struct activity *a, struct snnq_events *events, uint64_t from_us,
		   uint64_t span_us, const bool wanted[2], const char **reason);
/*
 * Each of these is a pass over the events, which are not kept. False: they could not be read again,
 * or there is no memory, and that is said.
 *
 * Events of the window in each of @count equal parts of its time.
 */
bool activity_rate(struct activity *a, struct activity_count *bins, uint32_t count);
/*
 * @frames equal parts of the window, each @width x @height cells with the events of the pixels
 * that fall into them, rows from the top. @cells: frames * height * width.
 */
bool activity_frames(struct activity *a, struct activity_count *cells, uint32_t frames,
		     uint32_t width, uint32_t height);
/* The @count pixels of most events, in falling order; then it is how many there are. */
bool activity_hottest(struct activity *a, struct activity_pixel *pixels, uint32_t *count);
/* The count at which a picture of these cells is as bright as it gets; at least 1. */
uint32_t activity_brightest(const struct activity_count *cells, size_t count);

static inline uint64_t activity_sum(const struct activity_count *c)
{
	return (uint64_t)c->polarity[0] + c->polarity[1];
}

#endif /* SNNQ_ACTIVITY_H */
