// SPDX-License-Identifier: MIT
/*
 * energy_run.c - energy of a model on recordings: run it, add up counters, report.
 *
 * Only a recording's first window counts, as in evaluations. Counters are added as
 * integers, so the figures do not depend on the order of recordings.
 */
#include <errno.h>
#include <stdlib.h>

#include "energy.h"
#include "base/error.h"
#include "model/grid.h"
#include "snnq_tools.h"
#include "run/stream.h"
#include "run/values.h"

struct run {
	const struct snnq_energy_opts *opts;
	struct snnq_device *device;
	struct snnq_model *model;
	struct snnq_stream *stream;
	struct snnq_layer_stats *stats; /* sums over recordings */
	struct snnq_recordings seen;
	struct energy_constants constants;
	struct energy_dataflow flow;
};

static int add_counters(struct run *r)
{
	struct snnq_layer_counters c;

	for (uint32_t i = 0; i < r->model->graph.layer_count; i++) {
		struct snnq_layer_stats *s = &r->stats[i];
		int ret = snnq_stream_counters(r->stream, i, &c);

		if (ret)
			return ret;
		s->input_spikes += c.input_spikes;
		s->input_possible += c.input_possible;
		s->synops += c.synops;
		s->neuron_updates += c.neuron_updates;
		s->output_spikes += c.output_spikes;
	}
	return 0;
}

static int run_recording(struct run *r, size_t i)
{
	const char *path = r->opts->recordings[i];
	struct snnq_events_opts opts = { .size = sizeof(opts) };
	struct snnq_model_info info;
	struct snnq_events *events;
	struct snnq_result result;
	int ret;

	if (r->opts->events)
		opts = r->opts->events[i];
	snnq_model_info(r->model, &info);
	opts.channels = (uint8_t)info.input_polarities;
	ret = snnq_events_open(path, &opts, &events);
	if (ret)
		return ret;
	ret = snnq_stream_push_events(r->stream, events, &result);
	if (ret > 0)
		snnq_recordings_add(&r->seen, events, result.dropped_events, result.first_step);
	snnq_events_close(events);
	if (!ret)
		return error_set(-EBADMSG, "%s%s%s: expected events, found none", path,
				 opts.format ? ": " : "", opts.format ? opts.format : "");
	return ret < 0 ? ret : add_counters(r);
}

static bool is_enough(const struct run *r)
{
	return r->opts->limit && r->seen.count >= r->opts->limit;
}

/* All samples of a file. */
static int run_values(struct run *r, size_t i)
{
	struct snnq_values *values;
	struct snnq_result result;
	int ret = values_check_options(r->opts->recordings[i],
				       r->opts->events ? &r->opts->events[i] : NULL);

	if (!ret)
		ret = snnq_values_open(r->opts->recordings[i], &values);
	if (ret)
		return ret;
	for (uint64_t k = 0; !ret && !is_enough(r); k++) {
		ret = snnq_stream_push_values(r->stream, values, k, &result);
		if (ret <= 0)
			break;
		r->seen.count++;
		r->seen.clamped_values += result.clamped_values;
		ret = add_counters(r);
	}
	snnq_values_close(values);
	return ret;
}

static int run_all(struct run *r)
{
	bool values = r->model->graph.input.values;

	for (size_t i = 0; i < r->opts->recording_count; i++) {
		int ret = values ? run_values(r, i) : run_recording(r, i);

		if (ret)
			return ret;
		if (r->opts->progress)
			r->opts->progress(r->opts->progress_ctx, i + 1, r->opts->recording_count);
	}
	return 0;
}

static int open_run(struct run *r, const char *path)
{
	int ret = 0;

	r->constants = energy_45nm;
	if (r->opts->constants)
		ret = energy_constants_read(r->opts->constants, &r->constants);
	r->flow = (struct energy_dataflow){
		.reuse = r->opts->reuse,
		.tick_batching = r->opts->tick_batching,
		.reload = r->opts->reload,
		.resident = r->opts->resident,
		.activity = r->opts->all_rows ? 1 : -1,
	};
	if (!ret)
		ret = snnq_open("sim", NULL, &r->device);
	if (!ret)
		ret = snnq_model_load(r->device, path, NULL, &r->model);
	if (!ret)
		ret = snnq_stream_create(r->model,
					 SNNQ_OPTS(struct snnq_stream_opts,
						   .priority = SNNQ_PRIO_NORMAL, .profile = true),
					 &r->stream);
	if (ret)
		return ret;
	r->stats = calloc(r->model->graph.layer_count, sizeof(*r->stats));
	return r->stats ? 0 : error_set(-ENOMEM, "%s: no memory", path);
}

/* ---- the document ---- */

static void add_figures(cJSON *o, const struct energy_out *e)
{
	static const double uj = 1e-6;
	const struct {
		const char *key;
		double pj;
	} figures[] = {
		{ "adds_uj", e->adds },
		{ "attention_uj", e->attention },
		{ "neurons_uj", e->neurons },
		{ "requants_uj", e->requants },
		{ "compute_uj", e->compute },
		{ "weight_sram_uj", e->weight_sram },
		{ "state_sram_uj", e->state_sram },
		{ "spike_sram_uj", e->spike_sram },
		{ "sram_uj", e->sram },
		{ "weight_dram_uj", e->weight_dram },
		{ "dram_uj", e->dram },
		{ "total_uj", e->total },
		{ "paper_uj", e->paper },
		{ "ann_uj", e->ann },
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		cJSON_AddNumberToObject(o, figures[i].key, figures[i].pj * uj);
}

static cJSON *layer_json(const struct run *r, uint32_t index, const struct energy_out *e)
{
	const struct graph_layer *l = &r->model->graph.layers[index];
	const struct snnq_layer_stats *s = &r->stats[index];
	double n = (double)r->seen.count;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", l->name);
	cJSON_AddStringToObject(o, "op", l->op_name);
	cJSON_AddStringToObject(o, "scheme", l->weight ? l->scheme_name : "none");
	cJSON_AddNumberToObject(o, "bits", l->weight ? l->bits : 0);
	cJSON_AddNumberToObject(o, "input_rate", e->rate);
	cJSON_AddNumberToObject(o, "row_activity", e->activity);
	cJSON_AddNumberToObject(o, "acc_bits", e->acc_bits);
	cJSON_AddNumberToObject(o, "state_bits", e->state_bits);
	cJSON_AddNumberToObject(o, "synops", (double)s->synops / n);
	cJSON_AddNumberToObject(o, "neuron_updates", (double)s->neuron_updates / n);
	cJSON_AddNumberToObject(o, "output_spikes", (double)s->output_spikes / n);
	add_figures(o, e);
	return o;
}

static void add_settings(const struct run *r, cJSON *o)
{
	cJSON *flow = cJSON_AddObjectToObject(o, "dataflow");
	cJSON *list = cJSON_AddObjectToObject(o, "constants");

	cJSON_AddNumberToObject(flow, "reuse", (double)r->flow.reuse);
	cJSON_AddBoolToObject(flow, "tick_batching", r->flow.tick_batching);
	cJSON_AddBoolToObject(flow, "reload", r->flow.reload);
	if (r->flow.resident)
		cJSON_AddBoolToObject(flow, "resident", true);
	cJSON_AddBoolToObject(flow, "all_rows", r->flow.activity >= 0);
	for (int i = 0; i < ENERGY_CONSTANTS; i++) {
		cJSON *k = cJSON_AddObjectToObject(list, energy_constant_name(i));

		cJSON_AddNumberToObject(k, "pj", r->constants.pj[i]);
		cJSON_AddStringToObject(k, "source", r->constants.source[i]);
	}
}

static double average_bits(const struct graph *g)
{
	double bits = 0, weights = 0;

	for (uint32_t i = 0; i < g->layer_count; i++) {
		const struct graph_layer *l = &g->layers[i];
		double n = (double)graph_layer_params(l);

		weights += n;
		if (l->weight)
			bits += n * weight_stored_bits(l->scheme, l->bits);
	}
	return weights > 0 ? bits / weights : 0;
}

/* What the same inferences cost where weights stay on the chip, whatever the dataflow says. */
static void add_resident(const struct run *r, cJSON *total)
{
	struct energy_dataflow flow = r->flow;
	struct energy_out resident;

	flow.resident = true;
	flow.reload = false;
	energy_graph(&r->constants, &flow, &r->model->graph, r->stats, r->seen.count, NULL,
		     &resident);
	cJSON_AddNumberToObject(total, "resident_uj", resident.total * 1e-6);
}

static cJSON *document(const struct run *r, const char *path)
{
	const struct graph *g = &r->model->graph;
	struct energy_out *out = calloc(g->layer_count, sizeof(*out)), total;
	cJSON *o = cJSON_CreateObject(), *layers;

	if (!out || !o) {
		free(out);
		cJSON_Delete(o);
		return NULL;
	}
	energy_graph(&r->constants, &r->flow, g, r->stats, r->seen.count, out, &total);
	cJSON_AddStringToObject(o, "kind", "energy");
	cJSON_AddStringToObject(o, "path", path);
	cJSON_AddStringToObject(o, "name", g->name);
	cJSON_AddStringToObject(o, "arithmetic", g->integer ? "integer" : "float");
	cJSON_AddStringToObject(o, "technology", r->constants.name);
	cJSON_AddNumberToObject(o, "recordings", (double)r->seen.count);
	cJSON_AddNumberToObject(o, "dropped_events", (double)r->seen.dropped_events);
	cJSON_AddNumberToObject(o, "nonmonotonic", (double)r->seen.nonmonotonic);
	cJSON_AddNumberToObject(o, "damaged_bytes", (double)r->seen.damaged_bytes);
	cJSON_AddNumberToObject(o, "far_from_origin", (double)r->seen.far_from_origin);
	cJSON_AddNumberToObject(o, "clamped_values", (double)r->seen.clamped_values);
	cJSON_AddNumberToObject(o, "avg_weight_bits", average_bits(g));
	add_settings(r, o);
	layers = cJSON_AddArrayToObject(o, "layers");
	for (uint32_t i = 0; i < g->layer_count; i++)
		cJSON_AddItemToArray(layers, layer_json(r, i, &out[i]));
	add_figures(cJSON_AddObjectToObject(o, "total"), &total);
	add_resident(r, cJSON_GetObjectItemCaseSensitive(o, "total"));
	free(out);
	return o;
}

int snnq_energy(const char *path, const struct snnq_energy_opts *opts, char **json)
{
	struct run r = { .opts = opts };
	cJSON *o = NULL;
	int ret;

	*json = NULL;
	if (!opts || opts->size != sizeof(*opts) || !opts->recording_count)
		return error_set(-EINVAL, "snnq_energy: options are missing, of unknown size or "
					  "without recordings");
	ret = open_run(&r, path);
	if (!ret)
		ret = run_all(&r);
	if (!ret) {
		o = document(&r, path);
		*json = o ? cJSON_Print(o) : NULL;
		if (!*json)
			ret = error_set(-ENOMEM, "%s: no memory", path);
	}
	if (!ret && opts->seen)
		*opts->seen = r.seen;
	cJSON_Delete(o);
	free(r.stats);
	snnq_stream_destroy(r.stream);
	snnq_model_destroy(r.model);
	snnq_close(r.device);
	return ret;
}
