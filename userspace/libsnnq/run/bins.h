/* SPDX-License-Identifier: MIT */
/* bins.h - events into the packed time steps that a model wants. */
#ifndef SNNQ_BINS_H
#define SNNQ_BINS_H

#include "events/events.h"
#include "model/graph.h"

/**
 * bins_fill() - write the next window of a recording
 * @in: the model's input section.
 * @events: recording; its cursor moves behind the window, and its window_step to the first step. Binned by duration, its
 *	events are taken in the order of time, and windows without events skipped.
 * @slots: in->steps slots of one packed input tensor each; overwritten.
 * @dropped: out: events of the window outside the sensor, or before step 0; with the first
 *	window also what the reader dropped.
 *
 * Return: 1, 0 at the end of the recording, -ENOMEM.
 */
int bins_fill(const struct graph_input *in, struct snnq_events *events, uint64_t *slots,
	      uint64_t *dropped);

#endif /* SNNQ_BINS_H */
