// SPDX-License-Identifier: MIT
/*
 * calibration.c - recordings to calibrate with, and what the float network does with them.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/bins.h"
#include "run/values.h"
#include "base/error.h"
#include "base/parallel.h"
#include "quantize/quantize.h"

#define CALIBRATION_FEW	 32u	      /* different recordings: fewer make poor models */
#define MOST_INPUT_BYTES (8ull << 30) /* of arrays, which may have a great many samples */

/* Room for the input of one more, which belongs to a file of the list. */
static int add_input(struct calibration *c, const char *path, size_t file)
{
	uint32_t room = c->room ? 2 * c->room : 64;
	uint64_t **inputs;
	uint32_t *files;

	if (c->count == c->room) {
		if (room <= c->room)
			return error_set(-E2BIG, "%s: expected fewer than 2^31 recordings", path);
		inputs = realloc(c->inputs, room * sizeof(*inputs));
		if (inputs)
			c->inputs = inputs;
		files = realloc(c->files, room * sizeof(*files));
		if (files)
			c->files = files;
		if (!inputs || !files)
			return error_set(-ENOMEM, "%s: no memory", path);
		c->room = room;
	}
	c->files[c->count] = (uint32_t)file;
	c->inputs[c->count] = calloc(c->graph->input.steps * floatnet_words(c->net, GRAPH_INPUT),
				     sizeof(**c->inputs));
	if (!c->inputs[c->count])
		return error_set(-ENOMEM, "%s: no memory for its input", path);
	c->count++;
	return 0;
}

/* Parts of a file are told apart by the format option. */
static int wrong(const struct recording_list *list, size_t i, int code, const char *what)
{
	const char *format = list->how ? list->how[i].format : NULL;

	return error_set(code, "%s%s%s: %s", list->paths[i], format ? ": " : "",
			 format ? format : "", what);
}

/* Its first window, which is what a recording is classified by. */
static int read_recording(struct calibration *c, const struct recording_list *list, size_t i)
{
	const struct graph_input *in = &c->graph->input;
	struct snnq_events_opts opts = { .size = sizeof(opts) };
	const char *path = list->paths[i];
	struct snnq_events *events;
	uint64_t dropped = 0;
	int ret, found;

	if (list->how)
		opts = list->how[i];
	opts.channels = (uint8_t)in->polarities;
	ret = snnq_events_open(path, &opts, &events);
	if (ret)
		return ret;
	ret = add_input(c, path, i);
	found = ret ? ret : bins_fill(in, events, c->inputs[c->count - 1], &dropped);
	if (found < 0)
		ret = found;
	else if (!found)
		ret = wrong(list, i, -EBADMSG, "expected events, found none");
	snnq_recordings_add(&c->seen, events, dropped, events->window_step);
	snnq_events_close(events);
	return ret;
}

/* All samples stay in memory, as the network sees them. */
static int check_room(const struct calibration *c, const struct recording_list *list, size_t i,
		      uint64_t samples)
{
	uint64_t bytes = c->graph->input.steps * floatnet_words(c->net, GRAPH_INPUT) *
			 sizeof(**c->inputs);
	uint64_t all = c->count + samples;

	if (list->limit && all > list->limit)
		all = list->limit;
	if (all <= MOST_INPUT_BYTES / bytes)
		return 0;
	return error_set(-E2BIG,
			 "%s: expected at most %" PRIu64 " samples of %" PRIu64
			 " bytes in all lists together, as the network sees them, found %" PRIu64
			 ": give fewer, or a limit",
			 list->paths[i], (uint64_t)MOST_INPUT_BYTES / bytes, bytes, all);
}

/* All samples of a file behind those to be skipped yet, or as many as are still wanted. */
static int read_values(struct calibration *c, const struct recording_list *list, size_t i,
		       uint64_t *skip)
{
	const struct graph_input *in = &c->graph->input;
	struct snnq_values *values;
	uint64_t clamped, first = 0;
	int64_t samples;
	int ret = values_check_options(list->paths[i], list->how ? &list->how[i] : NULL);

	if (!ret)
		ret = snnq_values_open(list->paths[i], &values);
	if (ret)
		return ret;
	samples = values_samples(in, values);
	if (samples > 0)
		first = *skip < (uint64_t)samples ? *skip : (uint64_t)samples;
	*skip -= first;
	ret = samples < 0 ? (int)samples : check_room(c, list, i, (uint64_t)samples - first);
	for (uint64_t k = first;
	     !ret && k < (uint64_t)samples && (!list->limit || c->count < list->limit); k++) {
		ret = add_input(c, list->paths[i], i);
		if (!ret)
			ret = values_fill(in, values, k, c->inputs[c->count - 1], &clamped);
		if (ret > 0) {
			c->seen.count++;
			c->seen.clamped_values += clamped;
			ret = 0;
		}
	}
	snnq_values_close(values);
	return ret;
}

static int read_all(struct calibration *c, const struct recording_list *list)
{
	uint64_t skip = list->skip;
	int ret = 0;

	for (size_t i = 0; !ret && i < list->count; i++)
		ret = c->graph->input.values ? read_values(c, list, i, &skip) :
					       read_recording(c, list, i);
	if (!ret && !c->count)
		ret = error_set(-EINVAL,
				"%s: expected more than %" PRIu64 " samples, of which others are "
				"for calibration",
				list->paths[0], list->skip - skip);
	return ret;
}

struct float_run {
	struct calibration *c;
	pthread_mutex_t lock; /* of the sums of counters, which are the same in any order */
};

static int run_float(void *ctx, uint32_t i)
{
	struct float_run *run = ctx;
	struct calibration *c = run->c;
	uint32_t layers = c->graph->layer_count;
	struct snnq_layer_stats *stats = calloc(layers + 1, sizeof(*stats));
	int ret = stats ? floatnet_record_alloc(c->net, &c->records[i]) : -ENOMEM;

	if (!ret)
		ret = floatnet_run(c->net, c->inputs[i], &c->records[i], stats);
	pthread_mutex_lock(&run->lock);
	for (size_t k = 0; !ret && k < layers * sizeof(*stats) / sizeof(__u64); k++)
		((__u64 *)c->stats)[k] += ((const __u64 *)stats)[k];
	pthread_mutex_unlock(&run->lock);
	free(stats);
	return ret ? error_set(ret, "calibration: no memory for outputs") : 0;
}

static int run_all(struct calibration *c, uint32_t threads)
{
	struct float_run run = { .c = c, .lock = PTHREAD_MUTEX_INITIALIZER };

	c->records = calloc(c->count + 1, sizeof(*c->records));
	c->stats = calloc(c->graph->layer_count + 1, sizeof(*c->stats));
	if (!c->records || !c->stats)
		return error_set(-ENOMEM, "calibration: no memory");
	return parallel_for(c->count, threads, run_float, &run);
}

struct floatnet_record *calibration_records(const struct calibration *c)
{
	struct floatnet_record *records = calloc(c->count + 1, sizeof(*records));

	for (uint32_t i = 0; records && i < c->count; i++)
		if (floatnet_record_alloc(c->net, &records[i])) {
			calibration_records_free(c, records);
			return NULL;
		}
	return records;
}

void calibration_records_free(const struct calibration *c, struct floatnet_record *records)
{
	for (uint32_t i = 0; records && i < c->count; i++)
		floatnet_record_free(c->net, &records[i]);
	free(records);
}

/* ---- doubts ---- */

static void warn(const struct snnq_quantize_opts *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void warn(const struct snnq_quantize_opts *o, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	o->warn(o->warn_ctx, text);
}

/* Bytes of a recording's input. */
static size_t input_bytes(const struct calibration *c)
{
	return c->graph->input.steps * floatnet_words(c->net, GRAPH_INPUT) * sizeof(**c->inputs);
}

static bool is_silent(const struct calibration *c, uint32_t i)
{
	const uint64_t *words = c->inputs[i];

	for (size_t k = 0; k < input_bytes(c) / sizeof(*words); k++)
		if (words[k])
			return false;
	return true;
}

static bool is_repeated(const struct calibration *c, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (!memcmp(c->inputs[i], c->inputs[k], input_bytes(c)))
			return true;
	return false;
}

static uint32_t class_of(const struct calibration *c, uint32_t i, uint32_t classes)
{
	const double *scores = c->records[i].scores;
	uint32_t best = 0;

	for (uint32_t k = 1; k < classes; k++)
		if (scores[k] > scores[best])
			best = k;
	return best;
}

/* How many of the first 64 classes the float network finds in the recordings. */
static uint32_t classes_found(const struct calibration *c, uint32_t classes)
{
	uint64_t found = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		uint32_t class = class_of(c, i, classes);

		if (class < 64)
			found |= 1ull << class;
	}
	return (uint32_t)__builtin_popcountll(found);
}

void calibration_doubts(const struct calibration *c, const struct snnq_quantize_opts *o)
{
	uint32_t classes, found, silent = 0, repeated = 0;

	if (!c || !o->warn)
		return;
	classes = c->graph->readout_channels;
	found = classes_found(c, classes);
	for (uint32_t i = 0; i < c->count; i++) {
		silent += is_silent(c, i);
		repeated += !is_silent(c, i) && is_repeated(c, i);
	}
	if (c->count - repeated < CALIBRATION_FEW)
		warn(o,
		     "calibration has %u different recording%s; 64 to 100, all classes alike, "
		     "are expected",
		     c->count - repeated, c->count - repeated == 1 ? "" : "s");
	if (repeated)
		warn(o, "%u of %u recordings for calibration repeat others", repeated, c->count);
	if (silent)
		warn(o, "%u of %u recordings for calibration have no %s", silent, c->count,
		     c->graph->input.values ? "value but 0" : "event in the model's window");
	if (found < classes && classes <= 64)
		warn(o,
		     "the float network finds %u of %u classes in the recordings for calibration",
		     found, classes);
}

int calibration_open(const char *path, const struct graph *graph, const struct recording_list *list,
		     uint32_t threads, struct calibration **calibration)
{
	struct calibration *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return error_set(-ENOMEM, "%s: no memory", path);
	c->graph = graph;
	ret = floatnet_create(path, graph, &c->net);
	if (!ret)
		ret = read_all(c, list);
	if (!ret)
		ret = run_all(c, threads);
	if (!ret)
		c->temperature = judge_temperature(c->records, c->count, graph->readout_channels);
	if (ret) {
		calibration_close(c);
		c = NULL;
	}
	*calibration = c;
	return ret;
}

int calibration_separate(const struct calibration *c, const struct calibration *check,
			 const struct recording_list *list)
{
	for (uint32_t i = 0; i < check->count; i++)
		for (uint32_t k = 0; !is_silent(check, i) && k < c->count; k++)
			if (!memcmp(check->inputs[i], c->inputs[k], input_bytes(c)))
				return wrong(list, check->files[i], -EINVAL,
					     "is a recording for calibration, too; expected "
					     "others to check with");
	return 0;
}

void calibration_close(struct calibration *c)
{
	if (!c)
		return;
	calibration_records_free(c, c->records);
	for (uint32_t i = 0; c->inputs && i < c->count; i++)
		free(c->inputs[i]);
	free(c->stats);
	free(c->inputs);
	free(c->files);
	floatnet_destroy(c->net);
	free(c);
}

const uint64_t **calibration_slots(const struct calibration *c,
				   const struct floatnet_record *records, int layer)
{
	const uint64_t **slots = malloc((c->count + 1) * sizeof(*slots));

	for (uint32_t i = 0; slots && i < c->count; i++)
		slots[i] = layer == GRAPH_INPUT ? c->inputs[i] : records[i].spikes[layer];
	return slots;
}
