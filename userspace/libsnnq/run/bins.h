/* SPDX-License-Identifier: MIT */
/* bins.h - events into the packed time steps that a model wants. */
#ifndef SNNQ_BINS_H
#define SNNQ_BINS_H

#include "events/events.h"
#include "model/graph.h"

/*
 * The windows of events that come one after the other, binned by duration: of a recording, of
 * which all is known, and of a live feed alike.
 */
struct bins {
	const struct graph_input *in;
	int64_t origin; /* time of step 0 */
	bool begun;	/* it is known */
	int64_t next;	/* first step that may still come: what is before is dropped */
	int64_t first;	/* of the open window; -1: it has no events yet */
	uint64_t *slots;
	uint64_t dropped; /* of the open window */
	uint64_t late;	  /* of them: a window that is over, or that was passed over, had them */
};

/* Begin: step 0 is at 0, or at the first event that is taken, as the model says. */
void bins_begin(struct bins *bins, const struct graph_input *in);

/* Open the window behind the last one, written to @slots (see bins_fill()). */
void bins_open(struct bins *bins, uint64_t *slots);

/**
 * bins_take() - put events into the open window
 * @bins: see above; counts what it drops.
 * @events: as they come.
 * @count: of them.
 * @taken: out: events that are dealt with.
 *
 * Return: true when the event behind them belongs to a later window: this one is complete.
 */
bool bins_take(struct bins *bins, const struct snnq_event *events, size_t count, size_t *taken);

/**
 * bins_fill() - write the next window of a recording
 * @in: the model's input section.
 * @events: recording; its cursor moves behind the window, and its window_step to the first step.
 *	Binned by duration, its events are taken in the order of time, and windows without events
 *	skipped.
 * @slots: in->steps slots of one packed input tensor each; overwritten.
 * @dropped: out: events of the window outside the sensor, or before step 0; and what the reader
 *	dropped or found too late since the window before.
 *
 * Return: 1, 0 at the end of the recording, or -errno with the error set.
 */
int bins_fill(const struct graph_input *in, struct snnq_events *events, uint64_t *slots,
	      uint64_t *dropped);

#endif /* SNNQ_BINS_H */
