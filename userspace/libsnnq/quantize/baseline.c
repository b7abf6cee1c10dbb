// SPDX-License-Identifier: MIT
/*
 * baseline.c - see baseline.h.
 *
 * What an option loses is the drift of membranes that weights just rounded to it cause by
 * themselves, on the float network's spikes. No network is run for it.
 */
#include "quantize/baseline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "quantize/allocate_simple.h"
#include "quantize/options.h"

#define BEAM 8 /* states */

static int measure_drifts(const struct session *s, struct option_layer *l)
{
	const struct graph_layer *g = &s->graph.layers[l->layer];
	const uint64_t **slots =
		calibration_slots(s->calibration, s->calibration->records, g->in[0]);
	struct weighted w;
	int ret = slots ? weighted_open(s->path, &s->graph, l->layer, &s->steps, &w) :
			  error_set(-ENOMEM, "%s: no memory", s->path);

	if (!ret) {
		ret = weighted_measure(&w, s->calibration, slots, s->opts->threads);
		for (uint32_t k = 0; !ret && k < l->count; k++)
			ret = weighted_drift(&w, &l->options[k].grid, s->opts->threads,
					     &l->options[k].costs.loss);
		weighted_close(&w);
	}
	free(slots);
	return ret;
}

/* Membranes, whatever the moments that weights are compensated by. */
static int find_drifts(const struct session *s, struct options *o)
{
	bool traces = s->calibration->traces;
	int ret = 0;

	s->calibration->traces = true;
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++) {
		session_progress(s, "drifts", i, s->weighted_count);
		ret = measure_drifts(s, &o->layers[i]);
	}
	session_progress(s, "drifts", s->weighted_count, s->weighted_count);
	s->calibration->traces = traces;
	return ret;
}

static int allocate(const struct session *s, const struct allocate_problem *p,
		    struct allocate_point *point)
{
	if (s->opts->method == SNNQ_QUANTIZE_RANDOM)
		return allocate_random(p, s->opts->seed, point);
	if (s->opts->method == SNNQ_QUANTIZE_BEAM)
		return allocate_beam(p, BEAM, point);
	return allocate_greedy(p, point);
}

static int choose(const struct session *s, const struct options *o, struct allocate_layer *layers,
		  struct grid_choice *choices)
{
	struct allocate_problem p = { .layers = layers, .count = s->weighted_count };
	struct allocate_point point = { 0 };
	double weights = 0;
	int ret;

	for (uint32_t i = 0; i < s->weighted_count; i++)
		weights += o->layers[i].weights;
	p.budget[ALLOCATE_BITS] = (uint64_t)(10 * s->opts->target_bits * weights + 1e-6);
	ret = allocate(s, &p, &point);
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++) {
		const struct grid *g = &o->layers[i].options[point.choice[i]].grid;

		choices[s->weighted[i]] = (struct grid_choice){ g->scheme, g->bits };
	}
	allocate_point_clear(&point);
	return ret;
}

/* As the allocation wants them; freed as one. */
static struct allocate_layer *problem_layers(const struct session *s, const struct options *o)
{
	struct allocate_layer *layers = calloc(s->weighted_count, sizeof(*layers));
	struct allocate_option *all;
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->weighted_count; i++)
		count += o->layers[i].count;
	all = calloc(count + 1, sizeof(*all));
	if (!layers || !all) {
		free(layers);
		free(all);
		return NULL;
	}
	for (uint32_t i = 0; i < s->weighted_count; i++) {
		const struct option_layer *l = &o->layers[i];

		layers[i] = (struct allocate_layer){ all, l->count };
		for (uint32_t k = 0; k < l->count; k++, all++) {
			*all = l->options[k].costs;
			all->cost[ALLOCATE_BITS] = (uint64_t)rint(
				10 * l->weights * grid_weight_bits(&l->options[k].grid));
		}
	}
	return layers;
}

int baseline_choose(const struct session *s, struct grid_choice *choices)
{
	struct allocate_layer *layers = NULL;
	struct options o;
	int ret = s->weighted_count ? options_list(s, choices, &o) :
				      error_set(-EBADMSG, "%s: no layer has weights", s->path);

	if (!s->weighted_count)
		return ret;
	if (!ret)
		ret = options_check_bits(&o, s->opts->target_bits);
	if (!ret && s->opts->method != SNNQ_QUANTIZE_RANDOM)
		ret = find_drifts(s, &o);
	if (!ret) {
		layers = problem_layers(s, &o);
		ret = layers ? choose(s, &o, layers, choices) :
			       error_set(-ENOMEM, "%s: no memory", s->path);
	}
	if (layers)
		free((void *)layers[0].options);
	free(layers);
	options_close(&o);
	return ret;
}
