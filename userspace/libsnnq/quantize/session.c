// SPDX-License-Identifier: MIT
/*
 * session.c - a model on its way from float to integer, layer after layer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/compact.h"
#include "base/error.h"
#include "quantize/quantize.h"

#define BASE_BITS 8 /* of layers that are not done yet */

/* ---- opening ---- */

static int find_weighted(struct session *s)
{
	s->weighted = calloc(s->graph.layer_count + 1, sizeof(*s->weighted));
	s->units = calloc(s->graph.layer_count + 1, sizeof(*s->units));
	if (!s->weighted || !s->units)
		return error_set(-ENOMEM, "%s: no memory", s->path);
	for (uint32_t i = 0; i < s->graph.layer_count; i++)
		if (s->graph.layers[i].weight)
			s->weighted[s->weighted_count++] = i;
	return graph_units(s->path, &s->graph, s->units);
}

/* What float models can have and the quantizer does not know yet. */
static const char *unknown_of(const struct session *s, const struct graph_layer *l)
{
	const uint32_t known = SNNQ_NEURON_FLAG_STICKY | SNNQ_NEURON_FLAG_OLD_CURRENT;
	const struct snnq_neuron *n = &l->neuron;

	if (l->loop)
		return "loops";
	for (uint32_t k = 0; k < l->in_count; k++) {
		if (l->view[k].flags)
			return "views";
		if (s->units[l->in[k] + 1] == 0)
			return "currents or potentials as its input";
	}
	if (n->model == SNNQ_NEURON_NONE)
		return NULL;
	if (l->leak.count || l->current_leak.count || l->delay.count)
		return "parameters by channel";
	return n->output || n->levels || n->flags & ~known || n->reset_period ?
		       "output, levels, low, delayed_reset or restart" :
		       NULL;
}

static int check_known(const struct session *s)
{
	for (uint32_t i = 0; i < s->graph.layer_count; i++) {
		const struct graph_layer *l = &s->graph.layers[i];
		const char *unknown = unknown_of(s, l);

		if (unknown)
			return error_set(
				-EBADMSG,
				"%s: layer %s (%s): expected no %s: they are not quantized "
				"yet",
				s->path, l->name, l->op_name, unknown);
	}
	return 0;
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

int session_open(const char *path, const struct snnq_quantize_opts *opts, struct session *s)
{
	int ret;

	*s = (struct session){ .path = path, .opts = opts, .caps = snnq_caps_all };
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
	if (!ret && opts->calibration_count)
		ret = calibration_open(path, &s->graph, opts, &s->calibration);
	if (s->calibration)
		s->calibration->traces = opts->traces;
	if (ret)
		session_close(s);
	return ret;
}

void session_close(struct session *s)
{
	if (!s->file)
		return;
	calibration_close(s->calibration);
	free(s->units);
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

static int round_one(const struct session *s, uint32_t layer, struct quantized *q)
{
	struct weighted w;
	int ret = weighted_open(s->path, &s->graph, layer,
				s->units[s->graph.layers[layer].in[0] + 1], &w);

	if (ret)
		return ret;
	ret = weighted_quantize(&w, SNNQ_SCHEME_UNIFORM, BASE_BITS, METHOD_ROUND, s->opts->threads,
				q);
	weighted_close(&w);
	return ret;
}

int session_base(const struct session *s, struct modelfile **file, struct graph *graph)
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
		ret = assemble(s->path, &s->graph, all, NULL, file);
	if (!ret)
		ret = graph_parse(s->path, *file, graph);
	if (ret) {
		modelfile_free(*file);
		*file = NULL;
	}
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
	struct modelfile *file; /* all layers at 8 bits */
	struct graph base;
	struct candidate_graph current;
	struct floatnet_record *records; /* outputs of the current network */
	double loss;			 /* of the current network */
};

static int sequence_open(struct sequence *q, const struct quantized *const *start)
{
	const struct session *s = q->s;
	int ret = session_base(s, &q->file, &q->base);

	if (!ret)
		ret = candidate_graph_open(&q->base, s->graph.readout_scale, &q->current);
	if (ret)
		return ret;
	for (uint32_t i = 0; start && i < s->weighted_count; i++)
		candidate_graph_set(&q->current, s->weighted[i], start[s->weighted[i]]);
	q->records = calibration_records(s->calibration);
	return q->records ? 0 : error_set(-ENOMEM, "%s: no memory for outputs", s->path);
}

static void sequence_close(struct sequence *q)
{
	calibration_records_free(q->s->calibration, q->records);
	candidate_graph_close(&q->current);
	if (q->file)
		graph_free(&q->base);
	modelfile_free(q->file);
}

static int judge_current(struct sequence *q)
{
	struct judge_opts opts = { .threads = q->s->opts->threads, .records = q->records };
	struct judgement j;
	int ret = judge_run(q->s->calibration, &q->current.graph, &opts, &j);

	q->loss = j.loss;
	return ret;
}

/* Try @result, which is taken over, in the network; keep it if the loss is lower. */
static int try_result(struct sequence *q, uint32_t layer, struct quantized *result)
{
	struct quantized *best = &q->results[layer];
	struct judge_opts opts = { .threads = q->s->opts->threads };
	struct judgement j;
	int ret;

	candidate_graph_set(&q->current, layer, result);
	ret = judge_run(q->s->calibration, &q->current.graph, &opts, &j);
	if (!ret && (!best->packed || j.loss < q->loss)) {
		struct quantized old = *best;

		*best = *result;
		*result = old;
		q->loss = j.loss;
	}
	if (best->packed)
		candidate_graph_set(&q->current, layer, best);
	quantized_free(result);
	return ret;
}

/* The layer compensated, just rounded, and as it was at the start, if that has the grid. */
static int try_all(struct sequence *q, const struct weighted *w, const struct quantized *start)
{
	const struct grid_choice *c = &q->choices[w->index];
	struct quantized result;
	int ret = weighted_quantize(w, c->scheme, c->bits, METHOD_COMPENSATE, q->s->opts->threads,
				    &result);

	if (!ret)
		ret = try_result(q, w->index, &result);
	if (!ret) {
		ret = weighted_quantize(w, c->scheme, c->bits, METHOD_ROUND, q->s->opts->threads,
					&result);
		/* Thresholds may be out of range with its scales. */
		ret = ret == -ERANGE ? 0 : ret ? ret : try_result(q, w->index, &result);
	}
	if (ret || !start || start->grid.scheme != c->scheme || start->grid.bits != c->bits)
		return ret;
	ret = quantized_copy(start, &result);
	return ret ? ret : try_result(q, w->index, &result);
}

static int quantize_one(struct sequence *q, uint32_t layer, const struct quantized *start)
{
	const struct session *s = q->s;
	const uint64_t **slots =
		calibration_slots(s->calibration, q->records, s->graph.layers[layer].in[0]);
	struct weighted w;
	int ret = slots ? weighted_open(s->path, &s->graph, layer,
					s->units[s->graph.layers[layer].in[0] + 1], &w) :
			  error_set(-ENOMEM, "%s: no memory", s->path);

	if (!ret) {
		ret = weighted_measure(&w, s->calibration, slots, s->opts->threads);
		if (!ret)
			ret = try_all(q, &w, start);
		weighted_close(&w);
	}
	free(slots);
	return ret ? ret : judge_current(q);
}

int session_quantize(const struct session *s, const struct grid_choice *choices,
		     const struct quantized *const *start, struct quantized *results)
{
	struct sequence q = { .s = s, .choices = choices, .results = results };
	int ret = sequence_open(&q, start);

	if (!ret)
		ret = judge_current(&q);
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++) {
		session_progress(s, "layers", i, s->weighted_count);
		ret = quantize_one(&q, s->weighted[i], start ? start[s->weighted[i]] : NULL);
	}
	if (!ret)
		session_progress(s, "layers", s->weighted_count, s->weighted_count);
	sequence_close(&q);
	return ret;
}

static cJSON *record_of(const struct session *s)
{
	static const char *const methods[] = { "round", "compensate", "search" };
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "method", methods[s->opts->method]);
	if (s->calibration)
		cJSON_AddNumberToObject(o, "recordings", s->calibration->count);
	if (s->opts->traces)
		cJSON_AddStringToObject(o, "moments", "traces");
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
	ret = assemble(s->path, &s->graph, all, record_of(s), file);
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
