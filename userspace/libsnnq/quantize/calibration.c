// SPDX-License-Identifier: MIT
/*
 * calibration.c - recordings to calibrate with, and what the float network does with them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bins.h"
#include "error.h"
#include "parallel.h"
#include "quantize/quantize.h"

static int add_window(struct calibration *c, uint32_t *capacity, uint64_t *slots)
{
	if (c->count == *capacity) {
		uint32_t more = *capacity ? 2 * *capacity : 64;
		uint64_t **inputs = realloc(c->inputs, more * sizeof(*inputs));

		if (!inputs)
			return -ENOMEM;
		c->inputs = inputs;
		*capacity = more;
	}
	c->inputs[c->count++] = slots;
	return 0;
}

/* All windows of a recording. */
static int read_recording(struct calibration *c, uint32_t *capacity, const char *path)
{
	const struct graph_input *in = &c->graph->input;
	size_t words = in->steps * floatnet_words(c->net, GRAPH_INPUT);
	struct snnq_events *events = NULL;
	uint32_t before = c->count;
	int ret = snnq_events_open(path, NULL, &events), more = 1;

	while (!ret && more > 0) {
		uint64_t *slots = calloc(words, sizeof(*slots)), dropped;

		more = slots ? bins_fill(in, events, slots, &dropped) : -ENOMEM;
		if (more > 0 && !add_window(c, capacity, slots))
			continue;
		free(slots);
		if (more)
			ret = error_set(-ENOMEM, "%s: no memory for its windows", path);
	}
	if (!ret && c->count == before)
		ret = error_set(-EBADMSG, "%s: expected events, found none", path);
	snnq_events_close(events);
	return ret;
}

static int run_float(void *ctx, uint32_t i)
{
	struct calibration *c = ctx;
	int ret = floatnet_record_alloc(c->net, &c->records[i]);

	if (!ret)
		ret = floatnet_run(c->net, c->inputs[i], &c->records[i], NULL);
	return ret ? error_set(ret, "calibration: no memory for outputs") : 0;
}

int calibration_open(const char *path, const struct graph *graph, const char *const *recordings,
		     size_t count, uint32_t threads, struct calibration **calibration)
{
	struct calibration *c = calloc(1, sizeof(*c));
	uint32_t capacity = 0;
	int ret;

	if (!c)
		return error_set(-ENOMEM, "%s: no memory", path);
	c->graph = graph;
	ret = floatnet_create(path, graph, &c->net);
	for (size_t i = 0; !ret && i < count; i++)
		ret = read_recording(c, &capacity, recordings[i]);
	if (!ret) {
		c->records = calloc(c->count + 1, sizeof(*c->records));
		ret = c->records ? parallel_for(c->count, threads, run_float, c) :
				   error_set(-ENOMEM, "%s: no memory", path);
	}
	if (ret) {
		calibration_close(c);
		c = NULL;
	}
	*calibration = c;
	return ret;
}

void calibration_close(struct calibration *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->records)
			floatnet_record_free(c->net, &c->records[i]);
		free(c->inputs[i]);
	}
	free(c->records);
	free(c->inputs);
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
