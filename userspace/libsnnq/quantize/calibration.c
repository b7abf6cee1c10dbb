// SPDX-License-Identifier: MIT
/*
 * calibration.c - recordings to calibrate with, and what the float network does with them.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bins.h"
#include "error.h"
#include "parallel.h"
#include "quantize/quantize.h"

/* Its first window, which is what a recording is classified by. */
static int read_recording(struct calibration *c, const char *path, uint64_t **slots)
{
	struct snnq_recordings *seen = &c->seen;
	const struct graph_input *in = &c->graph->input;
	struct snnq_events *events;
	uint64_t dropped = 0;
	int ret = snnq_events_open(path, NULL, &events), found;

	if (ret)
		return ret;
	*slots = calloc(in->steps * floatnet_words(c->net, GRAPH_INPUT), sizeof(**slots));
	found = *slots ? bins_fill(in, events, *slots, &dropped) : -ENOMEM;
	if (found < 0)
		ret = error_set(-ENOMEM, "%s: no memory for its events", path);
	else if (!found)
		ret = error_set(-EBADMSG, "%s: expected events, found none", path);
	seen->count++;
	seen->dropped_events += dropped;
	seen->nonmonotonic += events->info.nonmonotonic;
	seen->damaged_bytes += events->info.damaged_bytes;
	seen->unordered += events->info.nonmonotonic > 0;
	seen->damaged += events->info.damaged_bytes > 0;
	seen->far_from_origin += events->window_step > 0;
	snnq_events_close(events);
	return ret;
}

struct float_run {
	struct calibration *c;
	pthread_mutex_t lock;	/* of the sums of counters, which are the same in any order */
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

int calibration_open(const char *path, const struct graph *graph, const char *const *recordings,
		     size_t count, uint32_t threads, struct calibration **calibration)
{
	struct calibration *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return error_set(-ENOMEM, "%s: no memory", path);
	c->graph = graph;
	ret = floatnet_create(path, graph, &c->net);
	c->inputs = calloc(count, sizeof(*c->inputs));
	if (!ret && !c->inputs)
		ret = error_set(-ENOMEM, "%s: no memory", path);
	for (; !ret && c->count < count; c->count++)
		ret = read_recording(c, recordings[c->count], &c->inputs[c->count]);
	if (!ret)
		ret = run_all(c, threads);
	if (!ret)
		c->temperature = judge_temperature(c->records, c->count,
						   graph_shape(graph, graph->readout)->channels);
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
	calibration_records_free(c, c->records);
	for (uint32_t i = 0; c->inputs && i < c->count; i++)
		free(c->inputs[i]);
	free(c->stats);
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
