/* SPDX-License-Identifier: MIT */
/* values.h - images, frames and feature maps into the packed time steps that a model wants. */
#ifndef SNNQ_VALUES_H
#define SNNQ_VALUES_H

#include "model/graph.h"
#include "snnq.h"

/* -EINVAL with the error set when a model takes events, not @values, or the reverse. */
int values_wanted(const struct graph_input *in, bool values);

/* -EINVAL with the error set: @how, or NULL, says something of a recording in place of an array. */
int values_check_options(const char *path, const struct snnq_events_opts *how);

/**
 * values_samples() - how many samples an array has for a model
 * @in: the model's input section, of values.
 * @values: an array.
 *
 * Return: their number, or -EBADMSG with the error set: its axes are not the model's.
 */
int64_t values_samples(const struct graph_input *in, const struct snnq_values *values);

/**
 * values_fill() - write a sample
 * @in: the model's input section, of values.
 * @values: an array; used by one thread at a time.
 * @sample: its number, from 0.
 * @slots: in->steps slots of one packed input tensor each; overwritten.
 * @clamped: out: values that were outside of what the model takes.
 *
 * Return: 1, 0 when there is no such sample, or -errno with the error set.
 */
int values_fill(const struct graph_input *in, struct snnq_values *values, uint64_t sample,
		uint64_t *slots, uint64_t *clamped);

#endif /* SNNQ_VALUES_H */
