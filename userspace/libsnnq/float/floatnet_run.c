// SPDX-License-Identifier: MIT
/*
 * floatnet_run.c - one window through a float model, layer by layer over all steps:
 * outputs go to the record anyway, so that only one layer's state exists at a time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "floatnet_layers.h"

/* One layer while it runs. */
struct pass {
	struct job job; /* nobody waits for its safe points */
	const struct floatnet *net;
	const struct real_layer *real;
	const uint64_t *input;
	struct floatnet_record *record;
	uint32_t index;
	struct layer engine;	/* a copy, whose counters are ours */
	struct snnq_plan tools; /* what sums of integers need */
	struct real_neurons neurons;
	/* of one output position; rounded up to words */
	int32_t *acc;
	float *sums;
	double *drive;
	double *scores; /* of a step, where the largest counts; else the record's */
	uint64_t *late; /* one step of spikes that leave the window delayed */
};

static int pass_alloc(struct pass *p)
{
	size_t words = tensor_words(&p->engine.desc->out);
	int ret = floatnet_neurons_alloc(p->real, &p->neurons);

	p->acc = calloc(words, 64 * sizeof(*p->acc));
	/* rows of the last group may be longer than it */
	p->sums = calloc(words * 64 + FLOAT_ROW_ALIGN, sizeof(*p->sums));
	p->drive = calloc(words, 64 * sizeof(*p->drive));
	p->job.plan = &p->tools;
	p->tools.vec = p->net->plan->vec;
	p->tools.attention = calloc(1, p->net->plan->needs.attention + 1);
	p->late = calloc(floatnet_words(p->net, (int)p->index) + 1, sizeof(*p->late));
	p->scores = p->record->scores;
	if (p->net->graph->readout_mode == SNNQ_READOUT_MAX)
		p->scores = calloc(p->net->graph->readout_channels, sizeof(*p->scores));
	return !ret && p->acc && p->sums && p->drive && p->late && p->scores && p->tools.attention ?
		       0 :
		       error_set(-ENOMEM, "no memory to run layer %s", p->real->graph->name);
}

static void pass_free(struct pass *p)
{
	floatnet_neurons_free(&p->neurons);
	free(p->acc);
	free(p->sums);
	free(p->drive);
	free(p->late);
	if (p->scores != p->record->scores)
		free(p->scores);
	free(p->tools.attention);
}

/* ---- readout ---- */

static bool is_read(const struct pass *p, uint32_t t)
{
	const struct graph *g = p->net->graph;

	return (int)p->index == g->readout &&
	       (g->readout_mode != SNNQ_READOUT_LAST || t + 1 == g->input.steps);
}

/* Add to the score of a channel, or of the channels that vote together. */
static void add_score(struct pass *p, uint32_t channel, double v)
{
	p->scores[channel / (p->real->out.channels / p->net->graph->readout_channels)] += v;
}

/* The layer that is read has put out step @t. */
static void end_step(struct pass *p, uint32_t t)
{
	double *most = p->record->scores;

	if (p->scores == most)
		return;
	for (uint32_t c = 0; c < p->net->graph->readout_channels; c++) {
		if (!t || p->scores[c] > most[c])
			most[c] = p->scores[c];
		p->scores[c] = 0;
	}
}

static void read_planes(struct pass *p, const uint64_t *out)
{
	const struct snnq_tensor *t = &p->engine.desc->out;

	for (uint64_t pos = 0; pos < tensor_positions(t); pos++)
		for (uint32_t w = 0; w < tensor_words(t); w++) {
			uint32_t left = t->channels - w * 64;
			int32_t v[64];

			tensor_load64(t, out, pos, w, v);
			for (uint32_t j = 0; j < 64 && j < left; j++)
				add_score(p, w * 64 + j, v[j] * p->net->units[p->index + 1]);
		}
}

/* A head's output at one position. */
static void read_real(struct pass *p, uint32_t t)
{
	bool read = is_read(p, t);

	for (uint32_t c = 0; c < p->real->out.channels; c++) {
		double v = p->drive[c] + p->real->bias[c];

		p->engine.stats.output_spikes += v != 0;
		if (read)
			add_score(p, c, v);
	}
}

/* ---- one step ---- */

/* The input of the neurons at output position (y, x), without bias. */
static void drive_position(struct pass *p, const struct step *s, uint32_t y, uint32_t x)
{
	const struct layer *l = &p->engine;
	size_t n = tensor_words(&l->desc->out) * 64ul;
	double gain = p->real->gain;

	if (p->real->weights) {
		memset(p->sums, 0, n * sizeof(*p->sums));
		floatnet_sum(l, p->real, s->in[0], y, x, p->sums);
		for (size_t c = 0; c < n; c++)
			p->drive[c] = p->sums[c] * gain;
		return;
	}
	memset(p->acc, 0, n * sizeof(*p->acc));
	/* Fast ones that work on blocks want more of a plan than there is here. */
	(l->op->sum ? l->op->sum : l->op->generic)(&p->job, &p->engine, s, y, x, p->acc);
	for (size_t c = 0; c < n; c++)
		p->drive[c] = p->acc[c] * gain;
}

/* Sums without a neuron stay integers. */
static void clamp_word(struct pass *p, uint32_t w, int32_t v[64])
{
	for (uint32_t j = 0; j < 64; j++)
		v[j] = tensor_clamp(&p->engine.desc->out, p->acc[w * 64 + j],
				    &p->engine.stats.saturations);
}

static void store_position(struct pass *p, uint64_t pos, uint64_t *out)
{
	const struct snnq_tensor *t = &p->engine.desc->out;

	for (uint32_t w = 0; w < tensor_words(t); w++) {
		int32_t v[64] = { 0 };

		if (p->neurons.u)
			floatnet_fire(&p->neurons, pos, w * 64, p->drive + w * 64, v);
		else
			clamp_word(p, w, v);
		tensor_store64(t, out, pos, w, v);
	}
}

static void sum_step(struct pass *p, struct step *s)
{
	const struct snnq_tensor *t = &p->engine.desc->out;
	bool skip = p->real->graph->skip_first && s->first;
	struct block one = { .steps = s, .count = 1 };
	uint64_t pos = 0;

	if (!p->real->weights && p->engine.op->sum && p->engine.op->begin_block)
		p->engine.op->begin_block(&p->job, &p->engine, &one);
	for (uint32_t y = 0; y < t->height; y++)
		for (uint32_t x = 0; x < t->width; x++, pos++) {
			drive_position(p, s, y, x);
			if (!p->real->out.planes)
				read_real(p, s->t);
			else if (!skip)
				store_position(p, pos, s->out);
		}
	if (skip)
		memset(s->out, 0, floatnet_words(p->net, (int)p->index) * sizeof(uint64_t));
	else if (p->neurons.u)
		p->engine.stats.neuron_updates += snnq_tensor_elements(t);
}

static uint64_t *slot(const struct pass *p, uint32_t t)
{
	return p->record->spikes[p->index] + floatnet_words(p->net, (int)p->index) * t;
}

static const uint64_t *operand(const struct pass *p, int layer, uint32_t t)
{
	const uint64_t *first = layer == GRAPH_INPUT ? p->input : p->record->spikes[layer];

	return first + floatnet_words(p->net, layer) * t;
}

static void run_step(struct pass *p, uint32_t t, bool count)
{
	struct layer *l = &p->engine;
	uint32_t delay = p->real->graph->neuron.delay;
	struct step s = { .t = t, .first = !t, .out = p->late };

	for (uint32_t k = 0; k < p->real->graph->in_count; k++)
		s.in[k] = operand(p, p->real->graph->in[k], t);
	if (p->real->out.planes && t + delay < p->net->graph->input.steps)
		s.out = slot(p, t + delay);
	if (count)
		l->op->count(&p->job, l, &s);
	if (l->op->run)
		l->op->run(&p->job, l, &s);
	else
		sum_step(p, &s);
	if (!p->real->out.planes && is_read(p, t))
		end_step(p, t);
}

/* ---- one layer ---- */

static void read_and_count(struct pass *p, bool count)
{
	const struct snnq_tensor *t = &p->engine.desc->out;

	for (uint32_t i = 0; p->real->out.planes && i < p->net->graph->input.steps; i++) {
		if (is_read(p, i)) {
			read_planes(p, slot(p, i));
			end_step(p, i);
		}
		if (count)
			tensor_count(&p->job, t, slot(p, i), &p->engine.stats.output_spikes);
	}
}

static void give_stats(const struct pass *p, struct snnq_layer_stats *stats)
{
	const struct snnq_layer_stats *from = &p->engine.stats;
	uint32_t steps = p->net->graph->input.steps;

	*stats = (struct snnq_layer_stats){
		.input_spikes = from->input_spikes,
		.synops = from->synops,
		.neuron_updates = from->neuron_updates,
		.output_spikes = from->output_spikes,
		.steps = steps,
	};
	for (uint32_t k = 0; k < p->real->graph->in_count; k++) {
		const struct snnq_tensor *t = &p->engine.desc->in[k];

		stats->input_possible += snnq_tensor_elements(t) * t->planes * steps;
	}
}

static int run_layer(struct pass *p, struct snnq_layer_stats *stats)
{
	uint32_t steps = p->net->graph->input.steps, delay = p->real->graph->neuron.delay;
	int ret = pass_alloc(p);

	p->job.stats = &p->engine.stats;
	for (uint32_t t = 0; !ret && t < delay && t < steps; t++)
		memset(slot(p, t), 0, floatnet_words(p->net, (int)p->index) * sizeof(uint64_t));
	for (uint32_t t = 0; !ret && t < steps; t++)
		run_step(p, t, stats);
	if (!ret) {
		read_and_count(p, stats);
		if (stats)
			give_stats(p, stats);
	}
	pass_free(p);
	return ret;
}

int floatnet_run(const struct floatnet *net, const uint64_t *input, struct floatnet_record *record,
		 struct snnq_layer_stats *stats)
{
	const struct graph *g = net->graph;
	uint32_t classes = g->readout_channels;
	int ret = 0;

	memset(record->scores, 0, classes * sizeof(*record->scores));
	for (uint32_t i = 0; !ret && i < g->layer_count; i++) {
		struct pass p = {
			.net = net,
			.real = &net->layers[i],
			.input = input,
			.record = record,
			.index = i,
			.engine = net->plan->layers[i],
		};

		p.engine.kernel = SNNQ_KERNEL_AUTO; /* neither GENERIC nor one that makes lists */
		ret = run_layer(&p, stats ? &stats[i] : NULL);
	}
	for (uint32_t c = 0; !ret && c < classes; c++)
		record->scores[c] *= g->readout_scale;
	return ret;
}
