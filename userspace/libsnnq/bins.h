/* SPDX-License-Identifier: MIT */
/* bins.h - events into the packed time steps that a model wants. */
#ifndef SNNQ_BINS_H
#define SNNQ_BINS_H

#include "events.h"
#include "graph.h"

/**
 * bins_fill() - write one window of a recording
 * @in: the model's input section.
 * @events: recording; its cursor moves behind the window.
 * @window: number of the window, 0 for the first.
 * @slots: in->steps slots of one packed input tensor each; overwritten.
 * @dropped: out: events outside the sensor or before the window.
 *
 * Return: false when the recording has ended before this window.
 */
bool bins_fill(const struct graph_input *in, struct snnq_events *events, uint64_t window,
	       uint64_t *slots, uint64_t *dropped);

#endif /* SNNQ_BINS_H */
