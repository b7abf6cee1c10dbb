/* SPDX-License-Identifier: MIT */
/*
 * events.h - recordings: decoders of bytes as they come, and the array that they fill.
 *
 * Decoders read untrusted bytes: each returns -EBADMSG with one line in events->error that names
 * the offset, what was expected and what was found, or -ENOMEM. A tail that was cut off is no
 * error: it is counted as dropped.
 */
#ifndef SNNQ_EVENTS_H
#define SNNQ_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snnq.h"

/* 4 GiB of events; also the bound for what a compressed file may unfold to. */
#define EVENTS_MAX (1u << 28)

/* A recording of fewer events is held in memory whole; a longer one is in order as far as half. */
#define EVENTS_AHEAD (1u << 22)

struct events_rest;

struct snnq_events {
	struct snnq_event *data; /* all, or those ahead (rest) */
	size_t count, capacity;
	size_t limit;		  /* decoders pause when there are as many */
	size_t cursor;		  /* next event of snnq_stream_push_events() */
	struct events_rest *rest; /* what is not yet read; NULL: nothing */
	uint64_t late;		  /* events that came behind those that they should have preceded */
	uint64_t told;		  /* dropped or late events that a window was charged with */
	uint64_t window_step;	  /* first step of its last window */
	struct snnq_event *sorted; /* by time, where the file's order is another; or NULL */
	bool any;		   /* there were events */
	int64_t begin_us;	   /* earliest of those that were there at first */
	int64_t previous_us;	   /* time of the event that was appended last */
	int64_t from_us, to_us;	   /* others are passed over */
	int64_t origin_us;	   /* what times count from */
	uint32_t channels;	   /* of events, where they have numbers */
	int64_t unit_ns;	   /* of times, where that is asked for; 0: as is usual */
	uint64_t base;		   /* where the decoder's bytes are in the file */
	struct snnq_events_info info;
	char error[200];
};

/* What is decoded piece by piece needs no more memory than its state and the longest piece. */
struct events_decoder {
	size_t state_bytes; /* zeros at the beginning */
	/*
	 * Take bytes, and append their events: returns how many bytes are done, the others are
	 * shown again with more behind them. With @last nothing follows: all are done when it
	 * returns, unless @events were as many as their limit.
	 */
	int64_t (*take)(void *state, const uint8_t *data, size_t size, bool last,
			struct snnq_events *events);
	void (*release)(void *state); /* or NULL */
};

extern const struct events_decoder events_atis, events_bs1, events_bs2, events_bs3;
extern const struct events_decoder events_aedat1, events_aedat1_dvs128, events_aedat1_tonic;
extern const struct events_decoder events_aedat2, events_aedat2_dvs128, events_aedat2_tonic,
	events_aedat2_davis;
extern const struct events_decoder events_aedat3, events_aedat4, events_dat, events_es;
extern const struct events_decoder events_evt2, events_evt21, events_evt3;
extern const struct events_decoder events_npy, events_npy_txyp, events_npy_xytp, events_npy_xypt;

struct snnq_events *events_new(void);
void events_free(struct snnq_events *events); /* without its rest */

/*
 * The next events in the order of time, from the cursor on; the caller moves it behind those that
 * it takes. Their number, 0 at the end, or -errno with the error set.
 */
int64_t events_next(struct snnq_events *events, const struct snnq_event **next);

/* The decoder has to pause. */
static inline bool events_full(const struct snnq_events *events)
{
	return events->count >= events->limit;
}

/* Count bytes at the end that are no whole event; returns @size, for decoders. */
int64_t events_tail(struct snnq_events *events, size_t bytes, size_t size);
/* Make room for more. 0 or -ENOMEM. */
int events_grow(struct snnq_events *events);

/* Append one event of the window; outside the sensor it is counted as dropped. 0 or -ENOMEM. */
static inline int events_append(struct snnq_events *events, int64_t t, uint16_t x, uint16_t y,
				uint8_t p)
{
	struct snnq_events_info *info = &events->info;

	if (t < events->from_us || t > events->to_us)
		return 0;
	if ((info->width && x >= info->width) || (info->height && y >= info->height)) {
		info->dropped++;
		return 0;
	}
	if (events->count == events->capacity) {
		int ret = events_grow(events);

		if (ret)
			return ret;
	}
	t -= events->origin_us;
	if (!events->any) {
		info->first_us = info->last_us = events->previous_us = t;
		events->any = true;
	}
	info->nonmonotonic += t < events->previous_us;
	events->previous_us = t;
	info->first_us = t < info->first_us ? t : info->first_us;
	info->last_us = t > info->last_us ? t : info->last_us;
	events->data[events->count++] = (struct snnq_event){ .t = t, .x = x, .y = y, .p = p };
	info->events++;
	return 0;
}

/* Fill the error line; @offset counts from the bytes at hand. Returns -EBADMSG. */
int events_bad(struct snnq_events *events, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A counter of few bits: how often it started over, and its last value. */
struct events_clock {
	bool begun;
	int64_t turns, last;
};

/*
 * The time since the first turn began, of a counter of @range values. Going back by half of the
 * range or more is a new turn; shortly after one, a time near the end of the range is still of the
 * turn before.
 */
int64_t events_unwrap(struct events_clock *clock, int64_t range, int64_t t);

/* A camera of iniVation's. */
struct events_camera {
	const char *name; /* part of what files call it */
	uint16_t width, height;
	enum { CAMERA_DVS128, CAMERA_DAVIS, CAMERA_OTHER } kind; /* of addresses in AEDAT 2 */
};

/* The one that a line of text names; NULL: none that is known. */
const struct events_camera *events_camera(const void *text, size_t bytes);

#define AEDAT4_STREAMS 64

/* What an AEDAT 4 header says about its streams, by stream id. */
struct aedat4_info {
	struct aedat4_stream {
		char type[5]; /* "EVTS", ...; empty: not described */
		uint16_t width, height;
	} streams[AEDAT4_STREAMS];
};

/* Parse the XML info node. Returns 0 or -EBADMSG; @line gets the place. */
int aedat4_info_parse(const char *xml, size_t size, struct aedat4_info *info, unsigned long *line);

#endif /* SNNQ_EVENTS_H */
