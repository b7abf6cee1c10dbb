// SPDX-License-Identifier: MIT
/*
 * floatnet_run.c - one window through a float model, layer by layer over all steps:
 * outputs go to the record anyway, so that only one layer's state exists at a time.
 * Layers in a loop go through it together, step by step.
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
	bool combines; /* floatnet_real.c does it */
	bool weighs;   /* real inputs */
	bool kept;     /* in the record */
	double units[SNNQ_MAX_OPERANDS];
	struct layer engine;	/* a copy, whose counters are ours */
	struct snnq_plan tools; /* what sums of integers need */
	struct real_neurons neurons;
	/* of one output position; rounded up to words, of the operands, too */
	int32_t *acc;
	float *sums;
	double *drive, *room;
	double *scores; /* of a step, where the largest counts; else the record's */
	uint64_t *late; /* one step of spikes that leave the window delayed */
	uint64_t *stage[SNNQ_MAX_OPERANDS]; /* views, and what was put out a step before */
};

/* Values of a position of the largest of the layer's tensors. */
static size_t widest(const struct pass *p)
{
	const struct snnq_layer *d = p->engine.desc;
	size_t words = tensor_words(&d->out);

	for (uint32_t k = 0; k < SNNQ_MAX_OPERANDS; k++)
		if (words < tensor_words(&d->in[k]))
			words = tensor_words(&d->in[k]);
	return words * 64;
}

static bool alloc_stages(struct pass *p)
{
	for (uint32_t k = 0; k < p->real->graph->in_count; k++) {
		if (!p->real->graph->view[k].flags)
			continue;
		p->stage[k] = calloc(snnq_tensor_bytes(&p->engine.desc->in[k]) / 8 + 1, 8);
		if (!p->stage[k])
			return false;
	}
	return true;
}

static int pass_alloc(struct pass *p)
{
	size_t words = tensor_words(&p->engine.desc->out), n = widest(p);
	size_t room = n + (p->combines ? floatnet_room(&p->engine) : 0);
	int ret = floatnet_neurons_alloc(p->real, &p->neurons);

	p->acc = calloc(words, 64 * sizeof(*p->acc));
	/* rows of the last group may be longer than it */
	p->sums = calloc(words * 64 + FLOAT_ROW_ALIGN, sizeof(*p->sums));
	p->drive = calloc(n, sizeof(*p->drive));
	p->room = calloc(room, sizeof(*p->room));
	p->job.plan = &p->tools;
	p->tools.vec = p->net->plan->vec;
	p->tools.attention = calloc(1, p->net->plan->needs.attention + 1);
	p->job.hand.list = calloc(1, p->net->plan->needs.list + 1);
	p->late = calloc(floatnet_slot_words(p->net, (int)p->index) + 1, sizeof(*p->late));
	p->scores = p->record->scores;
	if (p->net->graph->readout_mode == SNNQ_READOUT_MAX)
		p->scores = calloc(p->net->graph->readout_channels, sizeof(*p->scores));
	return !ret && p->acc && p->sums && p->drive && p->room && p->late && p->scores &&
			       p->tools.attention && p->job.hand.list && alloc_stages(p) ?
		       0 :
		       error_set(-ENOMEM, "no memory to run layer %s", p->real->graph->name);
}

static void pass_free(struct pass *p)
{
	floatnet_neurons_free(&p->neurons);
	free(p->acc);
	free(p->sums);
	free(p->drive);
	free(p->room);
	if (p->scores != p->record->scores)
		free(p->scores);
	free(p->tools.attention);
	free(p->job.hand.list);
	free(p->late);
	for (uint32_t k = 0; k < SNNQ_MAX_OPERANDS; k++)
		free(p->stage[k]);
}

/* ---- slots ---- */

static uint64_t *slot(const struct pass *p, int layer, uint32_t t)
{
	const struct floatnet_record *r = p->record;
	uint64_t *first = r->spikes[layer] ? r->spikes[layer] : r->reals[layer];

	return first + floatnet_slot_words(p->net, layer) * t;
}

static size_t slot_bytes(const struct pass *p)
{
	return floatnet_slot_words(p->net, (int)p->index) * sizeof(uint64_t);
}

static const uint64_t *operand(struct pass *p, uint32_t k, uint32_t t)
{
	const struct graph_view *v = &p->real->graph->view[k];
	int layer = p->real->graph->in[k];
	const uint64_t *from;

	if (v->previous)
		return p->stage[k];
	from = layer == GRAPH_INPUT ? p->input + floatnet_words(p->net, layer) * t :
				      slot(p, layer, t);
	if (!v->flags)
		return from;
	view_copy(&p->job, &p->engine.desc->in[k], from, p->stage[k]);
	return p->stage[k];
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

/* ---- one step ---- */

/* The input of the neurons at output position (y, x), without bias. */
static void drive_position(struct pass *p, const struct step *s, uint32_t y, uint32_t x)
{
	const struct layer *l = &p->engine;
	size_t n = tensor_words(&l->desc->out) * 64ul;
	double gain = p->real->gain;

	if (p->combines) {
		floatnet_combine(l, s, p->units, y, x, p->room, p->drive);
		return;
	}
	if (p->weighs) {
		memset(p->drive, 0, n * sizeof(*p->drive));
		p->engine.stats.synops += floatnet_sum_real(
			l, p->real, (const float *)(const void *)s->in[0], y, x, p->drive);
		return;
	}
	if (p->real->weights) {
		memset(p->sums, 0, n * sizeof(*p->sums));
		floatnet_sum(l, p->real, s->in[0], y, x, p->sums);
		for (size_t c = 0; c < n; c++)
			p->drive[c] = p->sums[c] * gain;
		return;
	}
	memset(p->acc, 0, n * sizeof(*p->acc));
	l->op->sum(&p->job, &p->engine, s, y, x, p->acc);
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

/* What neurons put out, or, of none, their input and its bias. */
static void fire_word(struct pass *p, uint64_t pos, uint32_t w, struct real_output *out)
{
	uint32_t left = p->real->out.channels - w * 64;

	if (p->neurons.u) {
		floatnet_fire(&p->neurons, pos, w * 64, p->drive + w * 64, out);
		return;
	}
	for (uint32_t j = 0; p->real->bias && j < 64 && j < left; j++)
		out->seen[j] = p->drive[w * 64 + j] + p->real->bias[w * 64 + j];
}

/* @read: also into the scores, where nothing is rounded. */
static void store_real(struct pass *p, uint64_t pos, uint64_t *out, bool read)
{
	uint32_t channels = p->real->out.channels;
	float *to = (float *)(void *)out + pos * channels;

	for (uint32_t w = 0; w * 64 < channels; w++) {
		struct real_output v;

		fire_word(p, pos, w, &v);
		for (uint32_t j = 0; j < 64 && w * 64 + j < channels; j++) {
			to[w * 64 + j] = (float)v.seen[j];
			p->engine.stats.output_spikes += v.seen[j] != 0;
			if (read)
				add_score(p, w * 64 + j, v.seen[j]);
		}
	}
}

static void store_planes(struct pass *p, uint64_t pos, uint64_t *out)
{
	const struct snnq_tensor *t = &p->engine.desc->out;

	for (uint32_t w = 0; w < tensor_words(t); w++) {
		struct real_output v = { .count = { 0 } };

		if (p->neurons.u)
			fire_word(p, pos, w, &v);
		else
			clamp_word(p, w, v.count);
		tensor_store64(t, out, pos, w, v.count);
	}
}

static void sum_step(struct pass *p, struct step *s, bool last)
{
	const struct snnq_tensor *t = &p->engine.desc->out;
	bool skip = p->real->graph->skip_first && s->first;
	struct block one = { .steps = s, .count = 1 };
	uint64_t pos = 0;

	if (skip) {
		memset(s->out, 0, slot_bytes(p));
		return;
	}
	if (!p->real->weights && !p->combines && p->engine.op->begin_block)
		p->engine.op->begin_block(&p->job, &p->engine, &one);
	for (uint32_t y = 0; y < t->height; y++)
		for (uint32_t x = 0; x < t->width; x++, pos++) {
			drive_position(p, s, y, x);
			if (p->real->out.planes)
				store_planes(p, pos, s->out);
			else
				store_real(p, pos, s->out, last && is_read(p, s->t));
		}
	if (p->neurons.u)
		p->engine.stats.neuron_updates += snnq_tensor_elements(t);
}

/* Spikes of channels that are late by different times. */
static void spread(struct pass *p, uint32_t step, const uint64_t *from)
{
	const struct snnq_tensor *t = &p->engine.desc->out;
	const struct graph_numbers *delay = &p->real->graph->delay;
	uint32_t steps = p->net->graph->input.steps;

	for (uint32_t plane = 0; plane < t->planes; plane++)
		for (uint64_t pos = 0; pos < tensor_positions(t); pos++)
			for (uint32_t c = 0; c < t->channels; c++) {
				uint64_t at = tensor_index(t, plane, pos, c / 64);
				uint32_t to = step + (uint32_t)graph_number(delay, c);

				if (to < steps && from[at] >> c % 64 & 1)
					slot(p, (int)p->index, to)[at] |= 1ull << c % 64;
			}
}

/* Inputs that are not zero; what is added of them is counted as it is. */
static void count_reals(struct pass *p, const uint64_t *in)
{
	const float *values = (const float *)(const void *)in;

	for (uint64_t i = 0; i < snnq_tensor_elements(&p->engine.desc->in[0]); i++)
		p->engine.stats.input_spikes += values[i] != 0;
}

static void run_step(struct pass *p, uint32_t t, uint32_t round, bool count)
{
	struct layer *l = &p->engine;
	const struct graph_layer *g = p->real->graph;
	uint32_t delay = g->neuron.delay;
	struct step s = { .t = t, .first = !t && !round, .out = p->late };

	for (uint32_t k = 0; k < g->in_count; k++)
		s.in[k] = operand(p, k, t);
	if (!round)
		floatnet_neurons_restart(&p->neurons, t);
	if (p->kept && !g->delay.count && t + delay < p->net->graph->input.steps)
		s.out = slot(p, (int)p->index, t + delay);
	if (count && p->weighs)
		count_reals(p, s.in[0]);
	else if (count)
		l->op->count(&p->job, l, &s);
	if (l->op->run && !p->combines)
		l->op->run(&p->job, l, &s);
	else
		sum_step(p, &s, round + 1 >= g->loop_count);
	if (!p->real->out.planes && round + 1 >= g->loop_count && is_read(p, t))
		end_step(p, t);
	if (g->delay.count)
		spread(p, t, s.out);
}

/* ---- layers ---- */

static void read_and_count(struct pass *p, bool count)
{
	const struct snnq_tensor *t = &p->engine.desc->out;

	for (uint32_t i = 0; p->real->out.planes && i < p->net->graph->input.steps; i++) {
		if (is_read(p, i)) {
			read_planes(p, slot(p, (int)p->index, i));
			end_step(p, i);
		}
		if (count)
			tensor_count(&p->job, t, slot(p, (int)p->index, i),
				     &p->engine.stats.output_spikes);
	}
}

static void give_stats(const struct pass *p, struct snnq_layer_stats *stats)
{
	const struct snnq_layer_stats *from = &p->engine.stats;
	uint32_t rounds = p->real->graph->loop ? p->real->graph->loop_count : 1;
	uint64_t steps = p->net->graph->input.steps;

	*stats = (struct snnq_layer_stats){
		.input_spikes = from->input_spikes,
		.synops = from->synops,
		.neuron_updates = from->neuron_updates,
		.output_spikes = from->output_spikes,
		.steps = steps,
	};
	for (uint32_t k = 0; k < p->real->graph->in_count; k++) {
		const struct snnq_tensor *t = &p->engine.desc->in[k];
		uint32_t planes = t->planes && !p->weighs ? t->planes : 1;

		stats->input_possible += snnq_tensor_elements(t) * planes * steps * rounds;
	}
}

static int pass_open(struct pass *p)
{
	uint32_t steps = p->net->graph->input.steps, delay = p->real->graph->neuron.delay;
	const struct graph_layer *g = p->real->graph;
	int ret;

	p->engine = p->net->plan->layers[p->index];
	p->engine.kernel = SNNQ_KERNEL_AUTO; /* neither GENERIC nor one that makes lists */
	p->combines = !g->weight && floatnet_is_real(p->net, p->index);
	p->weighs = g->weight && !g->view[0].previous && p->net->units[g->in[0] + 1] == 0;
	p->kept = floatnet_is_kept(p->net, p->index);
	for (uint32_t k = 0; k < g->in_count; k++)
		p->units[k] = g->view[k].previous ? 1 : p->net->units[g->in[k] + 1];
	ret = pass_alloc(p);
	p->job.stats = &p->engine.stats;
	for (uint32_t t = 0; !ret && t < steps && (t < delay || g->delay.count); t++)
		memset(slot(p, (int)p->index, t), 0, slot_bytes(p));
	return ret;
}

/* What a round leaves is what the next one finds. */
static void keep_operands(struct pass *p, uint32_t t)
{
	const struct graph_layer *g = p->real->graph;

	for (uint32_t k = 0; k < g->in_count; k++)
		if (g->view[k].previous)
			memcpy(p->stage[k], slot(p, g->in[k], t),
			       snnq_tensor_bytes(&p->engine.desc->in[k]));
}

static void run_rounds(struct pass *passes, uint32_t count, uint32_t t, bool stats)
{
	const struct graph_layer *g = passes[0].real->graph;
	uint32_t rounds = g->loop ? g->loop_count : 1;

	for (uint32_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < count; i++)
			run_step(&passes[i], t, round, stats);
		for (uint32_t i = 0; i < count; i++)
			keep_operands(&passes[i], t);
	}
}

/* Layers that loop together, or one; their stats into [layer]. */
static int run_group(struct pass *passes, uint32_t count, struct snnq_layer_stats *stats)
{
	uint32_t steps = passes[0].net->graph->input.steps;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < count; i++)
		ret = pass_open(&passes[i]);
	for (uint32_t t = 0; !ret && t < steps; t++)
		run_rounds(passes, count, t, stats);
	for (uint32_t i = 0; !ret && i < count; i++) {
		read_and_count(&passes[i], stats);
		if (stats)
			give_stats(&passes[i], &stats[passes[i].index]);
	}
	for (uint32_t i = 0; i < count; i++)
		pass_free(&passes[i]);
	return ret;
}

static uint32_t group_end(const struct graph *g, uint32_t first)
{
	uint32_t end = first + 1;

	while (g->layers[first].loop && end < g->layer_count &&
	       g->layers[end].loop == g->layers[first].loop)
		end++;
	return end;
}

int floatnet_run(const struct floatnet *net, const uint64_t *input, struct floatnet_record *record,
		 struct snnq_layer_stats *stats)
{
	const struct graph *g = net->graph;
	uint32_t classes = g->readout_channels, end;
	struct pass *passes = calloc(g->layer_count, sizeof(*passes));
	int ret = passes ? 0 : error_set(-ENOMEM, "no memory to run a float model");

	memset(record->scores, 0, classes * sizeof(*record->scores));
	for (uint32_t i = 0; passes && i < g->layer_count; i++)
		passes[i] = (struct pass){
			.net = net,
			.real = &net->layers[i],
			.input = input,
			.record = record,
			.index = i,
		};
	for (uint32_t i = 0; !ret && i < g->layer_count; i = end) {
		end = group_end(g, i);
		ret = run_group(&passes[i], end - i, stats);
	}
	for (uint32_t c = 0; !ret && c < classes; c++)
		record->scores[c] *= g->readout_scale;
	free(passes);
	return ret;
}
