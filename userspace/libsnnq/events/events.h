/* SPDX-License-Identifier: MIT */
/*
 * events.h - recordings: decoders from memory, and the array that they fill.
 *
 * Decoders read untrusted bytes: each returns 0, or -EBADMSG with one line in
 * events->error that names the offset, what was expected and what was found, or
 * -ENOMEM. A tail that was cut off is no error: it is counted as dropped.
 */
#ifndef SNNQ_EVENTS_H
#define SNNQ_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "snnq.h"

/* 4 GiB of events; also the bound for what a compressed file may unfold to. */
#define EVENTS_MAX (1u << 28)

struct snnq_events {
	struct snnq_event *data;
	size_t count, capacity;
	size_t cursor;		   /* next event of snnq_stream_push_events() */
	uint64_t window_step;	   /* first step of its last window */
	struct snnq_event *sorted; /* by time, where the file's order is another; or NULL */
	int64_t previous_us;	   /* time of the event that was appended last */
	int64_t from_us, to_us;	   /* others are passed over */
	int64_t origin_us;	   /* what times count from */
	struct snnq_events_info info;
	char error[200];
};

struct snnq_events *events_new(void);
int events_decode_atis(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_bs2(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_bs3(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_aedat2(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_aedat2_dvs128(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_aedat2_tonic(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_aedat2_davis(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_aedat3(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_aedat4(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_dat(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_es(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_evt2(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_evt21(const uint8_t *data, size_t size, struct snnq_events *events);
int events_decode_evt3(const uint8_t *data, size_t size, struct snnq_events *events);

/* What a caller says about a recording. 0, or -EINVAL: a window that is none. */
int events_set(struct snnq_events *events, const struct snnq_events_opts *opts);
/* Append one event of the window; outside the sensor it is counted as dropped. 0 or -ENOMEM. */
int events_append(struct snnq_events *events, int64_t t, uint16_t x, uint16_t y, bool on);
/* Fill the error line; returns -EBADMSG. */
int events_bad(struct snnq_events *events, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A counter of @range values: how often it started over, and its last value, -1 before the first. */
struct events_clock {
	int64_t range, turns, last;
};

/*
 * The time since the first turn began. Going back by more than half of the range is a new turn;
 * shortly after one, a time near the end of the range is still of the turn before.
 */
int64_t events_unwrap(struct events_clock *clock, int64_t t);

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
