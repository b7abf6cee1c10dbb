// SPDX-License-Identifier: MIT
/*
 * session.c - a model on its way from float to integer, layer after layer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/compact.h"
#include "base/error.h"
#include "quantize/paired.h"
#include "quantize/quantize.h"

#define BASE_BITS 8 /* of layers that are not done yet */

/* ---- opening ---- */

static int find_weighted(struct session *s)
{
	s->weighted = calloc(s->graph.layer_count + 1, sizeof(*s->weighted));
	if (!s->weighted)
		return error_set(-ENOMEM, "%s: no memory", s->path);
	for (uint32_t i = 0; i < s->graph.layer_count; i++)
		if (s->graph.layers[i].weight)
			s->weighted[s->weighted_count++] = i;
	return 0;
}

/* What float models can have and the quantizer does not know yet. */
static const char *unknown_of(const struct graph_layer *l)
{
	const uint32_t known = SNNQ_NEURON_FLAG_STICKY | SNNQ_NEURON_FLAG_OLD_CURRENT |
			       SNNQ_NEURON_FLAG_HALF_LEVELS;
	const struct snnq_neuron *n = &l->neuron;

	if (l->loop && l->loop_count > 1)
		return "loops of more rounds than one";
	if (l->weight && l->view[0].flags && !l->view[0].previous)
		return "views before weights";
	if (n->model == SNNQ_NEURON_NONE)
		return NULL;
	if (l->leak.count || l->current_leak.count || l->delay.count)
		return "parameters by channel";
	if (n->output == SNNQ_OUTPUT_POTENTIAL || n->output == SNNQ_OUTPUT_GRADED)
		return "output of potentials";
	return n->flags & ~known || n->reset_period ?
		       "level_thresholds, low, delayed_reset or restart" :
		       NULL;
}

static int check_known(const struct session *s)
{
	for (uint32_t i = 0; i < s->graph.layer_count; i++) {
		const struct graph_layer *l = &s->graph.layers[i];
		const char *unknown = unknown_of(l);

		if (unknown)
			return error_set(
				-EBADMSG,
				"%s: layer %s (%s): expected no %s: they are not quantized "
				"yet",
				s->path, l->name, l->op_name, unknown);
	}
	return 0;
}

/* What the float run refuses has no meaning for the quantizer either, with recordings or without. */
static int check_runs(const struct session *s)
{
	struct floatnet *net;
	int ret = floatnet_create(s->path, &s->graph, &net);

	if (!ret)
		floatnet_destroy(net);
	return ret;
}

/* What it can do as far as this version knows it. */
static void take_caps(const struct snnq_device_info *device, struct snnq_caps *caps)
{
#define MASK(member, name) caps->member &= device->member;
#define LIMIT(member, name)                \
	if (caps->member > device->member) \
		caps->member = device->member;
	SNNQ_CAPS_MASKS(MASK)
	SNNQ_CAPS_MASKS64(MASK)
	SNNQ_CAPS_LIMITS(LIMIT)
	SNNQ_CAPS_LIMITS64(LIMIT)
#undef MASK
#undef LIMIT
}

static int open_energy(struct session *s)
{
	s->energy = energy_45nm;
	s->flow = energy_default_flow;
	s->flow.resident = s->opts->resident;
	return s->opts->constants ? energy_constants_read(s->opts->constants, &s->energy) : 0;
}

static int open_recordings(struct session *s)
{
	const struct snnq_quantize_opts *o = s->opts;
	const struct recording_list list = { o->calibration, o->calibration_events,
					     o->calibration_count, o->calibration_limit, 0 };
	const struct recording_list check = { o->check, o->check_events, o->check_count,
					      o->check_limit, o->check_skip };
	int ret = 0;

	if (list.count)
		ret = calibration_open(s->path, &s->graph, &list, o->threads, &s->calibration);
	if (!ret && check.count)
		ret = calibration_open(s->path, &s->graph, &check, o->threads, &s->check);
	if (ret)
		return ret;
	if (s->calibration) {
		s->calibration->traces = o->traces || o->method == SNNQ_QUANTIZE_SBC;
		s->calibration->parts = s->parts;
	}
	if (s->calibration && s->check) {
		s->check->temperature = s->calibration->temperature;
		ret = calibration_separate(s->calibration, s->check, &check);
	}
	return ret;
}

int session_open(const char *path, const struct snnq_quantize_opts *opts, struct session *s)
{
	bool plain = opts->method == SNNQ_QUANTIZE_GPTQ || opts->method == SNNQ_QUANTIZE_SBC;
	int ret;

	*s = (struct session){ .path = path,
			       .opts = opts,
			       .caps = snnq_caps_all,
			       .parts = plain ? METHOD_SECOND_ORDER :
						METHOD_COMPENSATE & ~opts->without,
			       .plain = plain };
	if (opts->device)
		take_caps(opts->device, &s->caps);
	ret = modelfile_open(path, &s->file);
	if (!ret)
		ret = graph_parse(path, s->file, &s->graph);
	if (ret) {
		modelfile_free(s->file);
		s->file = NULL;
		return ret;
	}
	if (s->graph.integer)
		ret = error_set(-EBADMSG, "%s: arithmetic: expected float, found integer", path);
	if (!ret)
		ret = find_weighted(s);
	if (!ret)
		ret = check_known(s);
	if (!ret)
		ret = check_runs(s);
	if (!ret)
		ret = steps_find(path, &s->graph, &s->steps);
	if (!ret)
		ret = open_energy(s);
	if (!ret)
		ret = open_recordings(s);
	if (ret)
		session_close(s);
	return ret;
}

void session_close(struct session *s)
{
	if (!s->file)
		return;
	calibration_close(s->calibration);
	calibration_close(s->check);
	steps_free(&s->steps);
	free(s->weighted);
	graph_free(&s->graph);
	modelfile_free(s->file);
	s->file = NULL;
}

void session_progress(const struct session *s, const char *what, size_t done, size_t total)
{
	if (s->opts->progress)
		s->opts->progress(s->opts->progress_ctx, what, done, total);
}

/* ---- the base ---- */

/* A layer on the float network's spikes: as all are, or just rounded. */
static int quantize_alone(const struct session *s, uint32_t layer, const struct grid_choice *c,
			  unsigned int parts, struct quantized *q)
{
	const struct graph_layer *l = &s->graph.layers[layer];
	const uint64_t **slots = NULL;
	struct weighted w;
	int ret = weighted_open(s->path, &s->graph, layer, &s->steps, &w);

	if (ret)
		return ret;
	slots = calibration_slots(s->calibration, s->calibration->records, l->in[0]);
	ret = slots ? weighted_measure(&w, s->calibration, slots, s->opts->threads) :
		      error_set(-ENOMEM, "%s: no memory", s->path);
	if (!ret)
		ret = weighted_quantize(&w, c->scheme, c->bits, parts, s->opts->threads, q);
	free(slots);
	weighted_close(&w);
	return ret;
}

void session_eight_grid(struct grid *grid)
{
	grid_init(grid, SNNQ_SCHEME_UNIFORM, BASE_BITS);
}

int session_eight_bits(const struct session *s, const struct weighted *w, struct quantized *q)
{
	int ret = weighted_quantize(w, SNNQ_SCHEME_UNIFORM, BASE_BITS,
				    w->moments ? METHOD_COMPENSATE : METHOD_ROUND, s->opts->threads,
				    q);

	if (ret != -ERANGE || !w->moments) /* else thresholds are out of range with its scales */
		return ret;
	return weighted_quantize(w, SNNQ_SCHEME_UNIFORM, BASE_BITS, METHOD_ROUND, s->opts->threads,
				 q);
}

static int round_one(const struct session *s, uint32_t layer, struct quantized *q)
{
	struct weighted w;
	int ret = weighted_open(s->path, &s->graph, layer, &s->steps, &w);

	if (!ret)
		ret = session_eight_bits(s, &w, q);
	weighted_close(&w);
	return ret;
}

int session_assemble(const struct session *s, const struct quantized *const *all,
		     struct modelfile **file, struct graph *graph)
{
	int ret = assemble(s->path, &s->graph, &s->steps, all, NULL, file);

	if (!ret)
		ret = graph_parse(s->path, *file, graph);
	if (ret) {
		modelfile_free(*file);
		*file = NULL;
	}
	return ret;
}

int session_rounded(const struct session *s, struct modelfile **file, struct graph *graph)
{
	const struct quantized **all = calloc(s->graph.layer_count + 1, sizeof(*all));
	struct quantized *rounded = calloc(s->graph.layer_count + 1, sizeof(*rounded));
	int ret = all && rounded ? 0 : error_set(-ENOMEM, "%s: no memory", s->path);

	*file = NULL;
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++) {
		all[s->weighted[i]] = &rounded[s->weighted[i]];
		ret = round_one(s, s->weighted[i], &rounded[s->weighted[i]]);
	}
	if (!ret)
		ret = session_assemble(s, all, file, graph);
	for (uint32_t i = 0; rounded && i < s->graph.layer_count; i++)
		quantized_free(&rounded[i]);
	free(rounded);
	free(all);
	return ret;
}

/* ---- layer after layer ---- */

struct sequence {
	const struct session *s;
	const struct grid_choice *choices;
	struct quantized *results;
	const struct quantized **all; /* what stands for layers that are not done yet, */
	struct quantized *start;      /*	where it was made here */
	struct modelfile *file;	      /* whose graph the current one is made of */
	struct graph base;
	struct candidate_graph current;
	struct floatnet_record *records; /* outputs of the current network */
	double *losses, *other;		 /* of the current network by recording; of another */
	bool saturates;			 /* the current one */
};

static int start_layers(struct sequence *q, const struct quantized *const *given,
			const struct quantized **all)
{
	const struct session *s = q->s;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < s->weighted_count; i++) {
		uint32_t layer = s->weighted[i];

		all[layer] = given ? given[layer] : &q->start[layer];
		session_progress(s, "quantizing", i, s->weighted_count);
		if (!given)
			ret = quantize_alone(s, layer, &q->choices[layer],
					     s->plain ? METHOD_ROUND : s->parts, &q->start[layer]);
	}
	return ret;
}

static int sequence_open(struct sequence *q, const struct quantized *const *given)
{
	const struct session *s = q->s;
	const struct quantized **all = calloc(s->graph.layer_count + 1, sizeof(*all));
	int ret;

	q->all = all;
	q->start = calloc(s->graph.layer_count + 1, sizeof(*q->start));
	q->losses = calloc(2 * (size_t)s->calibration->count, sizeof(*q->losses));
	q->records = calibration_records(s->calibration);
	ret = all && q->start && q->losses && q->records ?
		      start_layers(q, given, all) :
		      error_set(-ENOMEM, "%s: no memory for outputs", s->path);
	q->other = q->losses + s->calibration->count;
	if (!ret)
		ret = session_assemble(s, all, &q->file, &q->base);
	if (!ret)
		ret = candidate_graph_open(&q->base, s->graph.readout_scale, &q->current);
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++)
		candidate_graph_set(&q->current, s->weighted[i], all[s->weighted[i]]);
	return ret;
}

static void sequence_close(struct sequence *q)
{
	calibration_records_free(q->s->calibration, q->records);
	candidate_graph_close(&q->current);
	if (q->file)
		graph_free(&q->base);
	modelfile_free(q->file);
	for (uint32_t i = 0; q->start && i < q->s->graph.layer_count; i++)
		quantized_free(&q->start[i]);
	free(q->start);
	free(q->all);
	free(q->losses);
}

/* Run the current network from @layer on: what is before it stays as it is in the records. */
static int judge_current(struct sequence *q, uint32_t layer)
{
	struct judge_opts opts = { .threads = q->s->opts->threads,
				   .first_layer = layer,
				   .before = q->records,
				   .records = q->records };
	struct judgement j;

	return judge_run(q->s->calibration, &q->current.graph, &opts, &j);
}

/* Losses of the network with @result in place of a layer. */
static int judge_result(struct sequence *q, uint32_t layer, const struct quantized *result,
			double *losses, struct judgement *j)
{
	struct judge_opts opts = { .threads = q->s->opts->threads,
				   .first_layer = layer,
				   .before = q->records,
				   .losses = losses };

	candidate_graph_set(&q->current, layer, result);
	return judge_run(q->s->calibration, &q->current.graph, &opts, j);
}

/*
 * Try @result, which is taken over, in the network: it stays if the loss is lower by more than
 * chance makes it, or if only with it no sum leaves 32 bits.
 */
static int try_result(struct sequence *q, uint32_t layer, struct quantized *result)
{
	struct quantized *best = &q->results[layer];
	struct judgement j;
	int ret = judge_result(q, layer, result, q->other, &j);
	bool better = !best->packed ||
		      (!j.saturated &&
		       (q->saturates ||
			paired_less(q->other, q->losses, q->s->calibration->count, PAIRED_NOISE)));

	if (!ret && better) {
		struct quantized old = *best;

		*best = *result;
		*result = old;
		q->saturates = j.saturated;
		memcpy(q->losses, q->other, q->s->calibration->count * sizeof(*q->losses));
	}
	if (best->packed)
		candidate_graph_set(&q->current, layer, best);
	quantized_free(result);
	return ret;
}

static int try_method(struct sequence *q, const struct weighted *w, unsigned int parts)
{
	const struct grid_choice *c = &q->choices[w->index];
	struct quantized result;
	int ret = weighted_quantize(w, c->scheme, c->bits, parts, q->s->opts->threads, &result);

	if (ret) /* thresholds may be out of range with its scales: then it stays as it is */
		return ret == -ERANGE && q->results[w->index].packed ? 0 : ret;
	return try_result(q, w->index, &result);
}

/* The layer as it was on the float network's spikes, compensated on those it gets, and rounded. */
static int try_all(struct sequence *q, const struct weighted *w)
{
	unsigned int parts = q->s->parts;
	struct quantized start;
	int ret;

	if (q->s->plain)
		return try_method(q, w, parts);
	ret = quantized_copy(q->all[w->index], &start);
	if (!ret)
		ret = try_result(q, w->index, &start);
	if (!w->moments) /* all versions are rounded */
		return ret;
	if (!ret && parts & SNNQ_QUANTIZE_AGAIN)
		ret = try_method(q, w, parts);
	return ret || !(parts & SNNQ_QUANTIZE_ROUNDED) ? ret : try_method(q, w, METHOD_ROUND);
}

static int quantize_one(struct sequence *q, uint32_t layer)
{
	const struct session *s = q->s;
	const uint64_t **slots =
		calibration_slots(s->calibration, q->records, s->graph.layers[layer].in[0]);
	struct weighted w;
	int ret = slots ? weighted_open(s->path, &s->graph, layer, &s->steps, &w) :
			  error_set(-ENOMEM, "%s: no memory", s->path);

	if (!ret) {
		ret = weighted_measure(&w, s->calibration, slots, s->opts->threads);
		if (!ret)
			ret = try_all(q, &w);
		weighted_close(&w);
	}
	free(slots);
	return ret ? ret : judge_current(q, layer);
}

int session_quantize(const struct session *s, const struct grid_choice *choices,
		     const struct quantized *const *start, struct quantized *results)
{
	struct sequence q = { .s = s, .choices = choices, .results = results };
	int ret = sequence_open(&q, start);

	if (!ret)
		ret = judge_current(&q, 0);
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++) {
		session_progress(s, "layers", i, s->weighted_count);
		quantized_free(&results[s->weighted[i]]);
		ret = quantize_one(&q, s->weighted[i]);
	}
	if (!ret)
		session_progress(s, "layers", s->weighted_count, s->weighted_count);
	sequence_close(&q);
	return ret;
}

static cJSON *record_of(const struct session *s)
{
	static const char *const methods[] = { "round", "compensate", "search", "gptq",
					       "sbc",	"greedy",     "beam",	"random" };
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "method", methods[s->opts->method]);
	if (s->calibration)
		cJSON_AddNumberToObject(o, "recordings", s->calibration->count);
	if (s->opts->traces)
		cJSON_AddStringToObject(o, "moments", "traces");
	if (s->opts->method == SNNQ_QUANTIZE_RANDOM)
		cJSON_AddNumberToObject(o, "seed", (double)s->opts->seed);
	if (s->opts->without)
		cJSON_AddNumberToObject(o, "without", s->opts->without);
	return o;
}

int session_model(const struct session *s, const struct quantized *results, struct modelfile **file)
{
	const struct quantized **all = calloc(s->graph.layer_count + 1, sizeof(*all));
	int ret;

	if (!all)
		return error_set(-ENOMEM, "%s: no memory", s->path);
	for (uint32_t i = 0; i < s->weighted_count; i++)
		all[s->weighted[i]] = &results[s->weighted[i]];
	ret = assemble(s->path, &s->graph, &s->steps, all, record_of(s), file);
	free(all);
	return ret;
}

int session_write(const struct session *s, const struct quantized *results, const char *out)
{
	struct modelfile *file = NULL;
	int ret = session_model(s, results, &file);

	if (!ret)
		ret = compact_model(s->path, file);
	if (!ret)
		ret = modelfile_write(file, out);
	modelfile_free(file);
	return ret;
}
