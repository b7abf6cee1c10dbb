// SPDX-License-Identifier: MIT
/*
 * quality.c - what a quantized model is, and how far it is from the float network.
 */
#include "quantize/quality.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "model/compact.h"
#include "quantize/paired.h"

#define TAIL 0.025 /* at each end of an interval */

static int no_memory(const struct session *s)
{
	return error_set(-ENOMEM, "%s: no memory", s->path);
}

/* Run it on @c, which may be NULL: nothing is known then. */
static int run(const struct session *s, const struct calibration *c, const struct graph *graph,
	       struct snnq_layer_stats *stats, struct snnq_quantize_drop *drop)
{
	struct judge_opts opts = { .threads = s->opts->threads, .stats = stats };
	struct judgement j = { 0 };
	struct paired loss;
	uint32_t changed;
	int ret;

	*drop = (struct snnq_quantize_drop){ 0 };
	if (!c)
		return 0;
	opts.losses = malloc(c->count * sizeof(*opts.losses));
	ret = opts.losses ? judge_run(c, graph, &opts, &j) : no_memory(s);
	if (!ret && j.saturated)
		ret = error_set(-ERANGE,
				"%s: layer %s: sums leave 32 bits in a recording; expected "
				"grids of smaller levels there or before it",
				s->path, s->graph.layers[j.saturated - 1].name);
	if (!ret) {
		loss = paired_difference(opts.losses, NULL, c->count);
		changed = c->count - j.agreeing;
		*drop = (struct snnq_quantize_drop){
			.recordings = c->count,
			.changed = changed,
			.least = paired_least(changed, c->count, TAIL),
			.most = paired_most(changed, c->count, TAIL),
			.loss = loss.mean,
			.error = loss.error,
		};
	}
	free(opts.losses);
	return ret;
}

/* Microjoule with the spikes of @stats, which are those of @count recordings. */
static double energy_of(const struct session *s, const struct graph *graph,
			const struct snnq_layer_stats *stats, uint32_t count, bool resident)
{
	struct energy_dataflow flow = s->flow;
	struct energy_out total;

	flow.resident = resident;
	energy_graph(&s->energy, &flow, graph, stats, count, NULL, &total);
	return total.total / 1e6;
}

static void count_bits(const struct session *s, const struct quantized *results,
		       struct snnq_quantize_quality *told)
{
	double bits = 0, weights = 0;

	for (uint32_t i = 0; i < s->weighted_count; i++) {
		double n = (double)graph_layer_params(&s->graph.layers[s->weighted[i]]);

		bits += n * grid_weight_bits(&results[s->weighted[i]].grid);
		weights += n;
	}
	told->bits = weights > 0 ? bits / weights : 0;
}

static int run_all(const struct session *s, const struct graph *graph, struct quality *q)
{
	const struct calibration *c = s->calibration ? s->calibration : s->check;
	int ret = run(s, s->calibration, graph, q->stats, &q->told.calibration);

	if (!ret)
		ret = run(s, s->check, graph, s->calibration ? NULL : q->stats, &q->told.check);
	if (ret || !c)
		return ret;
	q->told.energy = energy_of(s, graph, q->stats, c->count, false);
	q->told.energy_resident = energy_of(s, graph, q->stats, c->count, true);
	q->energy = s->flow.resident ? q->told.energy_resident : q->told.energy;
	return 0;
}

int quality_measure(const struct session *s, const struct quantized *results, struct quality *q)
{
	struct modelfile *file;
	struct graph graph;
	int ret = session_model(s, results, &file);

	quality_free(q);
	if (ret)
		return ret;
	q->stats = calloc(s->graph.layer_count + 1, sizeof(*q->stats));
	count_bits(s, results, &q->told);
	ret = q->stats ? graph_parse(s->path, file, &graph) : no_memory(s);
	if (!ret) {
		ret = run_all(s, &graph, q);
		graph_free(&graph);
	}
	if (!ret)
		ret = compact_model(s->path, file);
	if (!ret)
		ret = modelfile_size(file, &q->told.bytes);
	modelfile_free(file);
	return ret;
}

void quality_free(struct quality *q)
{
	free(q->stats);
	*q = (struct quality){ .stats = NULL };
}
