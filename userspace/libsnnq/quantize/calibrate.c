// SPDX-License-Identifier: MIT
/*
 * calibrate.c - how active each channel is on real recordings.
 *
 * The integer model itself runs (sim backend, outputs tapped), so that what is
 * measured are the spikes that a quantized layer will see. For spikes the mean
 * square is the firing rate; for counts the square is what the error is weighted with.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bins.h"
#include "error.h"
#include "quantize.h"

struct session {
	const struct graph *graph;
	struct snnq_device *device;
	struct snnq_model *model;
	struct snnq_stream *stream;
	int32_t *tap;
	size_t tap_size;
	double **sums;
	uint64_t windows;
};

static void add_element(double *sum, const struct graph_shape *s, const uint64_t *slot,
			size_t position, uint32_t channel)
{
	size_t words = (s->channels + 63) / 64;
	size_t plane_words = (size_t)s->height * s->width * words;
	double value = 0;

	for (uint32_t p = 0; p < s->planes; p++) {
		uint64_t word = slot[p * plane_words + position * words + channel / 64];

		value += (double)((word >> channel % 64 & 1) << p);
	}
	sum[channel] += value * value;
}

static int add_input(struct session *s, struct snnq_events *events)
{
	const struct graph_input *in = &s->graph->input;
	const struct graph_shape *shape = &in->shape;
	size_t positions = (size_t)shape->height * shape->width;
	size_t words = positions * shape->planes * ((shape->channels + 63) / 64);
	uint64_t *slots = calloc((size_t)in->steps * words, sizeof(*slots)), dropped;
	int ret;

	if (!slots)
		return error_set(-ENOMEM, "calibration: no memory for the input");
	ret = bins_fill(in, events, slots, &dropped);
	for (uint32_t t = 0; t < in->steps; t++)
		for (size_t p = 0; p < positions; p++)
			for (uint32_t c = 0; c < shape->channels; c++)
				add_element(s->sums[0], shape, slots + t * words, p, c);
	free(slots);
	return ret < 0 ? error_set(ret, "calibration: no memory to sort the recording") : 0;
}

static int add_layer(struct session *s, uint32_t layer)
{
	uint32_t channels = s->graph->layers[layer].out.channels;
	int64_t count = snnq_stream_tap(s->stream, layer, NULL, 0);

	if (count < 0)
		return (int)count;
	if ((size_t)count > s->tap_size) {
		free(s->tap);
		s->tap = malloc(count * sizeof(*s->tap));
		s->tap_size = s->tap ? (size_t)count : 0;
		if (!s->tap)
			return error_set(-ENOMEM, "calibration: no memory for outputs");
	}
	count = snnq_stream_tap(s->stream, layer, s->tap, s->tap_size);
	for (int64_t i = 0; i < count; i++)
		s->sums[layer + 1][i % channels] += (double)s->tap[i] * s->tap[i];
	return count < 0 ? (int)count : 0;
}

static int add_recording(struct session *s, const char *path)
{
	struct snnq_events *events;
	struct snnq_result result;
	int ret = snnq_events_open(path, NULL, &events);

	if (ret)
		return ret;
	ret = add_input(s, events);
	if (!ret) {
		events->cursor = 0;	/* the same window again, now through the network */
		ret = snnq_stream_push_events(s->stream, events, &result);
		if (!ret)
			ret = error_set(-EBADMSG, "%s: expected events, found none", path);
	}
	for (uint32_t i = 0; ret > 0 && i < s->graph->layer_count; i++) {
		int failed = add_layer(s, i);

		if (failed)
			ret = failed;
	}
	s->windows++;
	snnq_events_close(events);
	return ret < 0 ? ret : 0;
}

/* Sums to means; a channel that never fired keeps some weight, so that it is not ignored. */
static void finish(struct session *s)
{
	for (uint32_t i = 0; i <= s->graph->layer_count; i++) {
		const struct graph_shape *shape = i ? &s->graph->layers[i - 1].out :
						      &s->graph->input.shape;
		double count = (double)shape->height * shape->width * s->graph->input.steps *
			       (double)s->windows;
		double mean = 0;

		for (uint32_t c = 0; c < shape->channels; c++) {
			s->sums[i][c] /= count;
			mean += s->sums[i][c] / shape->channels;
		}
		for (uint32_t c = 0; c < shape->channels; c++)
			s->sums[i][c] = mean > 0 ? s->sums[i][c] + 0.01 * mean : 1;
	}
}

static int open_session(struct session *s, const char *path)
{
	int ret = snnq_open("sim", NULL, &s->device);

	if (!ret)
		ret = snnq_model_load(s->device, path,
				      SNNQ_OPTS(struct snnq_model_opts, .taps = true), &s->model);
	if (!ret)
		ret = snnq_stream_create(s->model, NULL, &s->stream);
	for (uint32_t i = 0; !ret && i <= s->graph->layer_count; i++) {
		uint32_t channels = i ? s->graph->layers[i - 1].out.channels :
					s->graph->input.shape.channels;

		s->sums[i] = calloc(channels, sizeof(*s->sums[i]));
		if (!s->sums[i])
			ret = error_set(-ENOMEM, "calibration: no memory");
	}
	return ret;
}

int calibrate(const char *path, const struct graph *graph, const struct snnq_quantize_opts *opts,
	      double **importance)
{
	struct session s = { .graph = graph, .sums = importance };
	int ret = open_session(&s, path);

	for (size_t i = 0; !ret && i < opts->calibration_count; i++)
		ret = add_recording(&s, opts->calibration[i]);
	if (!ret)
		finish(&s);
	free(s.tap);
	snnq_stream_destroy(s.stream);
	snnq_model_destroy(s.model);
	snnq_close(s.device);
	return ret;
}
