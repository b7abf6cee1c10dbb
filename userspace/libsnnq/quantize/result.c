// SPDX-License-Identifier: MIT
/*
 * result.c - what a search keeps and tells.
 */
#define _GNU_SOURCE /* asprintf */
#include "quantize/result.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/compact.h"
#include "energy/energy.h"
#include "base/error.h"
#include "base/part.h"

/*
 * What evaluations are made by: raise it with every change of the quantizer, the float network or
 * the engine that gives another loss for the same option. A search does not go on from a journal
 * of another one. tests/cli/revision.py fails when losses change and this does not.
 */
#define REVISION 2

#define HASH_DIGITS	    16 /* of a recording's hash before a part's name: enough to tell files apart */
#define RECORDING_HASH_SIZE (JOURNAL_HASH_SIZE + 128)
#define HISTOGRAM_BINS	    64
#define FRONT_POINTS	    200u /* of the document */

static int no_memory(const struct search *x)
{
	return error_set(-ENOMEM, "%s: no memory", x->s->path);
}

/* ---- journal ---- */

/* A recording is another one when it is read otherwise. */
static void add_recording(cJSON *recordings, const char *hash, const struct snnq_events_opts *how,
			  size_t i)
{
	char text[480];
	int n = snprintf(text, sizeof(text), "%s", hash);

	if (how && how[i].format)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %.230s", how[i].format);
	if (how && how[i].cut)
		snprintf(text + n, sizeof(text) - (size_t)n, " %" PRId64 "..%" PRId64,
			 how[i].from_us, how[i].to_us);
	cJSON_AddItemToArray(recordings, cJSON_CreateString(text));
}

/* Of a file, or of "FILE[PART]"; enough of it to tell them apart. */
static int hash_recording(const char *path, char text[RECORDING_HASH_SIZE])
{
	char *file = strdup(path), *part = file ? part_split(file) : NULL;
	int ret = file ? journal_hash_file(file, text) : error_set(-ENOMEM, "%s: no memory", path);

	if (!ret)
		snprintf(text + HASH_DIGITS, RECORDING_HASH_SIZE - HASH_DIGITS, "%s%.120s%s",
			 part ? "[" : "", part ? part : "", part ? "]" : "");
	free(file);
	return ret;
}

static int add_hashes(const struct search *x, cJSON *header)
{
	const struct snnq_quantize_opts *o = x->s->opts;
	cJSON *recordings = cJSON_AddArrayToObject(header, "recordings");
	const char *hashed = NULL; /* parts of a file follow one another */
	char hash[RECORDING_HASH_SIZE];
	int ret = journal_hash_file(x->s->path, hash);

	cJSON_AddStringToObject(header, "model", hash);
	if (x->s->graph.input.values && o->calibration_limit)
		cJSON_AddNumberToObject(header, "samples", x->s->calibration->count);
	for (size_t i = 0; !ret && i < o->calibration_count; i++) {
		if (!hashed || strcmp(hashed, o->calibration[i]))
			ret = hash_recording(o->calibration[i], hash);
		hashed = o->calibration[i];
		add_recording(recordings, hash, o->calibration_events, i);
	}
	return ret;
}

static char *header_of(const struct search *x, int *ret)
{
	cJSON *header = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(header, "kind", "snnq quantize journal");
	cJSON_AddNumberToObject(header, "version", 2);
	cJSON_AddNumberToObject(header, "revision", REVISION);
	if (x->s->opts->traces)
		cJSON_AddStringToObject(header, "moments", "traces");
	*ret = add_hashes(x, header);
	text = cJSON_PrintUnformatted(header);
	cJSON_Delete(header);
	if (!*ret && !text)
		*ret = no_memory(x);
	return text;
}

/* Shards' journals, and what the journal has already, into the journal. */
static int merge_journals(const struct snnq_quantize_opts *o, const char *header)
{
	const char **paths = malloc((o->merge_count + 1) * sizeof(*paths));
	size_t count = o->merge_count;
	int ret;

	if (!paths)
		return error_set(-ENOMEM, "%s: no memory", o->journal);
	memcpy(paths, o->merge, count * sizeof(*paths));
	if (!access(o->journal, F_OK))
		paths[count++] = o->journal;
	ret = journal_merge(o->journal, header, paths, count);
	free(paths);
	return ret;
}

/* Layers depend on what a journal does, and on what is done to each. */
static int open_cache(struct search *x, const char *header)
{
	char *made_of;
	int ret;

	if (asprintf(&made_of, "%s, parts %#x", header, x->s->parts) < 0)
		return no_memory(x);
	ret = cache_open(x->s->opts->cache, made_of, &x->cache);
	free(made_of);
	return ret;
}

int result_journal(struct search *x)
{
	const struct snnq_quantize_opts *o = x->s->opts;
	char *header;
	int ret = 0;

	if (o->merge_count && !o->journal)
		return error_set(-EINVAL, "%s: merging shards needs a journal to merge them into",
				 x->s->path);
	if (!o->journal && !o->cache)
		return 0;
	header = header_of(x, &ret);
	if (!ret)
		ret = open_cache(x, header);
	if (!ret && o->merge_count)
		ret = merge_journals(o, header);
	if (!ret && o->journal)
		ret = journal_open(o->journal, header, &x->journal);
	free(header);
	return ret;
}

/* ---- sizes ---- */

/* Of the network at 8 bits, which has the tensors, and the record, of what will be written. */
int result_metadata(const struct search *x, uint64_t *bytes)
{
	struct quantized *base = calloc(x->s->graph.layer_count + 1, sizeof(*base));
	struct modelfile *file = NULL;
	uint64_t packed = 0;
	int ret = base ? 0 : no_memory(x);

	for (uint32_t i = 0; !ret && i < x->s->weighted_count; i++) {
		const struct option_layer *l = &x->options.layers[i];

		base[l->layer] = l->base; /* which keeps its arrays */
		packed += l->base.packed_bytes;
	}
	if (!ret)
		ret = session_model(x->s, base, &file);
	if (!ret)
		ret = compact_model(x->s->path, file);
	if (!ret)
		ret = modelfile_size(file, bytes);
	if (!ret)
		*bytes -= packed;
	modelfile_free(file);
	free(base);
	return ret;
}

/* ---- the document ---- */

static void add_grid(cJSON *o, const struct grid *g)
{
	cJSON_AddStringToObject(o, "scheme", grid_scheme_name(g->scheme));
	cJSON_AddNumberToObject(o, "bits", g->bits);
}

static void add_if_known(cJSON *o, const char *key, double value)
{
	if (isfinite(value))
		cJSON_AddNumberToObject(o, key, value);
}

static double sqnr(const struct quantized *q)
{
	return 10 * log10(q->signal / q->noise);
}

static void add_histograms(cJSON *o, const struct quantized *q, const struct tensor *weights,
			   size_t count)
{
	cJSON *levels = cJSON_AddObjectToObject(o, "histogram"), *real, *counts, *values;
	uint64_t bins[HISTOGRAM_BINS] = { 0 };
	double low = INFINITY, high = -INFINITY;

	values = cJSON_AddArrayToObject(levels, "levels");
	counts = cJSON_AddArrayToObject(levels, "counts");
	for (uint32_t i = 0; i < q->grid.count; i++) {
		cJSON_AddItemToArray(values, cJSON_CreateNumber(q->grid.levels[i]));
		cJSON_AddItemToArray(counts, cJSON_CreateNumber((double)q->level_counts[i]));
	}
	for (size_t i = 0; i < count; i++) {
		low = fmin(low, tensor_real(weights, i));
		high = fmax(high, tensor_real(weights, i));
	}
	for (size_t i = 0; i < count && high > low; i++)
		bins[(size_t)fmin((tensor_real(weights, i) - low) / (high - low) * HISTOGRAM_BINS,
				  HISTOGRAM_BINS - 1)]++;
	real = cJSON_AddObjectToObject(o, "float_histogram");
	cJSON_AddNumberToObject(real, "low", low);
	cJSON_AddNumberToObject(real, "high", high);
	counts = cJSON_AddArrayToObject(real, "counts");
	for (int i = 0; i < HISTOGRAM_BINS; i++)
		cJSON_AddItemToArray(counts, cJSON_CreateNumber((double)bins[i]));
}

static cJSON *candidate_json(const struct option *p)
{
	cJSON *o = cJSON_CreateObject();

	add_grid(o, &p->grid);
	cJSON_AddNumberToObject(o, "bytes", (double)p->quantized.packed_bytes);
	cJSON_AddNumberToObject(o, "loss", p->measured.mean);
	add_if_known(o, "error", p->measured.error);
	cJSON_AddNumberToObject(o, "smoothed", p->costs.loss);
	cJSON_AddNumberToObject(o, "energy_uj", (double)p->costs.cost[ALLOCATE_ENERGY] / 1e9);
	add_if_known(o, "sqnr_db", sqnr(&p->quantized));
	add_if_known(o, "mismatch", p->quantized.wrong);
	return o;
}

static double rate_of(const struct search *x, const struct snnq_layer_stats *stats, uint32_t layer)
{
	const struct graph_shape *out = &x->s->graph.layers[layer].out;
	double all = (double)out->height * out->width * out->channels *
		     (out->planes ? out->planes : 1);

	return (double)stats[layer].output_spikes /
	       (all * x->s->graph.input.steps * x->s->calibration->count);
}

/* The best option with at least a bit less, or more, and what it loses beside the choice. */
static void add_neighbour(const struct search *x, uint32_t at, int step, cJSON *o)
{
	const struct option_layer *l = &x->options.layers[at];
	const struct option *now = &l->options[x->choice[at]], *best = NULL;
	double bits = grid_weight_bits(&now->grid);
	struct paired p;

	for (uint32_t k = 0; k < l->count; k++) {
		const struct option *n = &l->options[k];
		double by = step * (grid_weight_bits(&n->grid) - bits);
		double than = best ? step * (grid_weight_bits(&best->grid) - bits) : INFINITY;

		if (by >= 1 && (by < than || (!(by > than) && n->costs.loss < best->costs.loss)))
			best = n;
	}
	if (!best)
		return;
	p = paired_difference(best->losses, now->losses, x->s->calibration->count);
	o = cJSON_AddObjectToObject(o, step < 0 ? "less" : "more");
	add_grid(o, &best->grid);
	cJSON_AddNumberToObject(o, "bytes",
				(double)best->quantized.packed_bytes -
					(double)now->quantized.packed_bytes);
	cJSON_AddNumberToObject(o, "loss", p.mean);
	add_if_known(o, "error", p.error);
	cJSON_AddNumberToObject(o, "smoothed", best->costs.loss - now->costs.loss);
}

static cJSON *layer_json(const struct search *x, uint32_t at, const struct quantized *results)
{
	const struct option_layer *l = &x->options.layers[at];
	const struct graph_layer *g = &x->s->graph.layers[l->layer];
	const struct option *p = &l->options[x->choice[at]];
	const struct quantized *q = &results[l->layer];
	cJSON *o = cJSON_CreateObject(), *candidates;

	cJSON_AddStringToObject(o, "name", g->name);
	cJSON_AddStringToObject(o, "op", g->op_name);
	cJSON_AddNumberToObject(o, "weights", l->weights);
	cJSON_AddNumberToObject(o, "outputs", g->out.channels);
	add_grid(o, &q->grid);
	cJSON_AddNumberToObject(o, "bytes", (double)q->packed_bytes);
	cJSON_AddNumberToObject(o, "loss", p->costs.loss);
	cJSON_AddNumberToObject(o, "coefficient", x->coefficients[at]);
	add_if_known(o, "sqnr_db", sqnr(q));
	add_if_known(o, "mismatch", q->wrong);
	cJSON_AddNumberToObject(o, "energy_uj", (double)p->costs.cost[ALLOCATE_ENERGY] / 1e9);
	if (g->neuron.model != SNNQ_NEURON_NONE) {
		cJSON_AddNumberToObject(o, "rate_float",
					rate_of(x, x->s->calibration->stats, l->layer));
		cJSON_AddNumberToObject(o, "rate_quantized", rate_of(x, x->final.stats, l->layer));
	}
	add_neighbour(x, at, -1, o);
	add_neighbour(x, at, 1, o);
	add_histograms(o, q, g->weight, l->weights);
	candidates = cJSON_AddArrayToObject(o, "candidates");
	for (uint32_t k = 0; k < l->count; k++)
		cJSON_AddItemToArray(candidates, candidate_json(&l->options[k]));
	return o;
}

/* The measured loss of a choice, with its error; or NAN. */
static struct paired measured(const struct search *x, const uint16_t *choice)
{
	uint32_t n = x->s->weighted_count;

	for (uint32_t i = 0; i < x->sample_count; i++)
		if (!memcmp(x->sample_choices + (size_t)i * n, choice, n * sizeof(*choice)))
			return (struct paired){ x->sample_losses[i], x->sample_errors[i] };
	return (struct paired){ NAN, NAN };
}

static uint64_t packed_bytes(const struct search *x, const uint16_t *choice)
{
	uint64_t bytes = 0;

	for (uint32_t l = 0; l < x->s->weighted_count; l++)
		bytes += x->options.layers[l].options[choice[l]].quantized.packed_bytes;
	return bytes;
}

/* What was written says what a file has besides weights, which differs little between choices. */
static uint64_t file_bytes(const struct search *x, const uint16_t *choice)
{
	return x->final.told.bytes - packed_bytes(x, x->choice) + packed_bytes(x, choice);
}

/* The losses are differences from that of the base, "base_loss". */
static cJSON *point_json(const struct search *x, const uint16_t *choice, double loss)
{
	cJSON *o = cJSON_CreateObject(), *names;
	uint64_t cost[ALLOCATE_COSTS] = { 0 };
	struct paired known = measured(x, choice);

	names = cJSON_CreateArray();
	for (uint32_t l = 0; l < x->s->weighted_count; l++) {
		const struct option *p = &x->options.layers[l].options[choice[l]];
		char name[32];

		for (int c = 0; c < ALLOCATE_COSTS; c++)
			cost[c] += p->costs.cost[c];
		snprintf(name, sizeof(name), "%s:%u", grid_scheme_name(p->grid.scheme),
			 p->grid.bits);
		cJSON_AddItemToArray(names, cJSON_CreateString(name));
	}
	cJSON_AddNumberToObject(o, "avg_bits",
				(double)cost[ALLOCATE_BITS] / 10 / (double)x->weights);
	cJSON_AddNumberToObject(o, "bytes", (double)file_bytes(x, choice));
	cJSON_AddNumberToObject(o, "energy_uj",
				(double)(cost[ALLOCATE_ENERGY] + x->options.fixed_energy) / 1e9);
	cJSON_AddNumberToObject(o, "predicted", loss);
	if (!isfinite(known.mean))
		cJSON_AddNullToObject(o, "measured");
	else
		cJSON_AddNumberToObject(o, "measured", known.mean);
	add_if_known(o, "error", known.error);
	cJSON_AddItemToObject(o, "choice", names);
	return o;
}

static double choice_loss(const struct search *x, const uint16_t *choice)
{
	double loss = 0;

	for (uint32_t l = 0; l < x->s->weighted_count; l++)
		loss += x->coefficients[l] * x->options.layers[l].options[choice[l]].costs.loss;
	return loss;
}

/* Points of the front, all or evenly thinned, and the choice at the end. */
static void add_front(const struct search *x, cJSON *document)
{
	cJSON *front = cJSON_AddArrayToObject(document, "front");
	size_t step = x->front_count / FRONT_POINTS + 1;

	for (size_t i = 0; i < x->front_count; i++)
		if (i % step == 0 || i + 1 == x->front_count ||
		    !isnan(measured(x, x->front[i].choice).mean))
			cJSON_AddItemToArray(front,
					     point_json(x, x->front[i].choice, x->front[i].loss));
	cJSON_AddNumberToObject(
		document, "base_loss",
		paired_difference(x->options.base_losses, NULL, x->s->calibration->count).mean);
	cJSON_AddNumberToObject(document, "chosen", cJSON_GetArraySize(front));
	cJSON_AddItemToArray(front, point_json(x, x->choice, choice_loss(x, x->choice)));
}

static void add_energy_row(cJSON *o, const char *name, const struct search *x,
			   const struct graph *graph, const struct snnq_layer_stats *stats)
{
	struct energy_dataflow flow = x->s->flow;
	cJSON *row = cJSON_AddObjectToObject(o, name);
	struct energy_out total, on_chip;

	flow.resident = false;

	energy_graph(&x->s->energy, &flow, graph, stats, x->s->calibration->count, NULL, &total);
	flow.resident = true;
	energy_graph(&x->s->energy, &flow, graph, stats, x->s->calibration->count, NULL, &on_chip);
	cJSON_AddNumberToObject(row, "resident", on_chip.total / 1e6);
	cJSON_AddNumberToObject(row, "compute", total.compute / 1e6);
	cJSON_AddNumberToObject(row, "sram", total.sram / 1e6);
	cJSON_AddNumberToObject(row, "dram", total.dram / 1e6);
	cJSON_AddNumberToObject(row, "total", total.total / 1e6);
	cJSON_AddNumberToObject(row, "convention_a", total.paper / 1e6);
}

/* Each with its own spikes. */
static int add_energy(const struct search *x, const struct quantized *results, cJSON *o)
{
	uint32_t layers = x->s->graph.layer_count;
	struct judge_opts opts = { .threads = x->s->opts->threads,
				   .stats = calloc(layers, sizeof(*opts.stats)) };
	struct judgement j;
	struct modelfile *file = NULL;
	struct graph graph;
	int ret = opts.stats ? judge_run(x->s->calibration, &x->options.base, &opts, &j) :
			       no_memory(x);

	if (!ret) {
		add_energy_row(o, "fp32", x, &x->s->graph, x->s->calibration->stats);
		add_energy_row(o, "uniform8", x, &x->options.base, opts.stats);
		ret = session_model(x->s, results, &file);
	}
	if (!ret)
		ret = graph_parse(x->s->path, file, &graph);
	if (!ret) {
		add_energy_row(o, "result", x, &graph, x->final.stats);
		graph_free(&graph);
	}
	modelfile_free(file);
	free(opts.stats);
	return ret;
}

static void add_drop(cJSON *o, const char *name, const struct snnq_quantize_drop *d)
{
	cJSON *drop = cJSON_AddObjectToObject(o, name);

	cJSON_AddNumberToObject(drop, "recordings", (double)d->recordings);
	cJSON_AddNumberToObject(drop, "changed", (double)d->changed);
	cJSON_AddNumberToObject(drop, "least", d->least);
	cJSON_AddNumberToObject(drop, "most", d->most);
	cJSON_AddNumberToObject(drop, "loss", d->loss);
	add_if_known(drop, "error", d->error);
}

static void add_result(const struct search *x, const struct quantized *results, cJSON *o)
{
	const struct graph *g = &x->s->graph;
	double bits = 0, params = (double)x->weights;
	uint64_t packed = 0;

	for (uint32_t l = 0; l < x->s->weighted_count; l++) {
		const struct option_layer *p = &x->options.layers[l];
		const struct graph_layer *layer = &g->layers[p->layer];

		bits += p->weights * grid_weight_bits(&results[p->layer].grid);
		packed += results[p->layer].packed_bytes;
		params += layer->bias.count ? layer->out.channels : 0;
	}
	cJSON_AddNumberToObject(o, "avg_weight_bits", bits / (double)x->weights);
	cJSON_AddNumberToObject(o, "effective_bits",
				8.0 * (double)x->final.told.bytes / (double)x->weights);
	cJSON_AddNumberToObject(o, "model_bytes", (double)x->final.told.bytes);
	cJSON_AddNumberToObject(o, "metadata_bytes", (double)(x->final.told.bytes - packed));
	cJSON_AddNumberToObject(o, "compression_ratio", 4 * params / (double)x->final.told.bytes);
	cJSON_AddNumberToObject(o, "weight_compression_ratio", 32 * (double)x->weights / bits);
	add_drop(o, "calibration", &x->final.told.calibration);
	if (x->s->check)
		add_drop(o, "check", &x->final.told.check);
}

static void add_limit(cJSON *list, const struct snnq_layer_limit *l)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToArray(list, o);
	if (l->layer)
		cJSON_AddStringToObject(o, "layer", l->layer);
	if (l->schemes)
		cJSON_AddStringToObject(o, "schemes", l->schemes);
	if (l->min_bits)
		cJSON_AddNumberToObject(o, "min_bits", l->min_bits);
	if (l->max_bits)
		cJSON_AddNumberToObject(o, "max_bits", l->max_bits);
}

/* What the search was kept to: grids of layers, and limits in the order in which they were given. */
static void add_limits(const struct snnq_quantize_opts *s, cJSON *o)
{
	cJSON *grids = s->choice_count ? cJSON_AddArrayToObject(o, "grids") : NULL, *limits;
	const char *schemes = s->schemes;
	char text[160];

	for (size_t i = 0; i < s->choice_count; i++) {
		const struct snnq_layer_choice *c = &s->choices[i];

		snprintf(text, sizeof(text), "%.120s=%.16s:%u", c->layer ? c->layer : "default",
			 c->scheme, c->bits);
		cJSON_AddItemToArray(grids, cJSON_CreateString(text));
	}
	for (size_t i = 0; i < s->limit_count; i++)
		if (!s->limits[i].layer && s->limits[i].schemes)
			schemes = s->limits[i].schemes;
	cJSON_AddStringToObject(o, "schemes", schemes ? schemes : "all");
	limits = s->limit_count ? cJSON_AddArrayToObject(o, "limits") : NULL;
	for (size_t i = 0; i < s->limit_count; i++)
		add_limit(limits, &s->limits[i]);
}

static void add_options(const struct search *x, cJSON *document)
{
	const struct snnq_quantize_opts *s = x->s->opts;
	cJSON *o = cJSON_AddObjectToObject(document, "options");

	if (s->target_bits > 0)
		cJSON_AddNumberToObject(o, "target_bits", s->target_bits);
	if (s->target_bytes)
		cJSON_AddNumberToObject(o, "target_bytes", (double)s->target_bytes);
	if (s->target_energy > 0)
		cJSON_AddNumberToObject(o, "target_energy", s->target_energy);
	if (s->limit_drop)
		cJSON_AddNumberToObject(o, "max_drop", s->max_drop);
	add_limits(s, o);
	cJSON_AddStringToObject(o, "moments", s->traces ? "traces" : "spikes");
	/* whose energies the points have */
	cJSON_AddStringToObject(o, "constants", x->s->energy.name);
	cJSON_AddStringToObject(o, "weights", s->resident ? "resident" : "streamed");
}

int result_document(const struct search *x, const struct quantized *results, char **text)
{
	cJSON *document = cJSON_CreateObject(), *layers, *result;
	char hash[JOURNAL_HASH_SIZE];
	int ret;

	cJSON_AddStringToObject(document, "kind", "quantization");
	cJSON_AddStringToObject(document, "model", x->s->graph.name);
	ret = journal_hash_file(x->s->path, hash);
	cJSON_AddStringToObject(document, "model_sha256", ret ? "" : hash);
	cJSON_AddNumberToObject(document, "weights", (double)x->weights);
	cJSON_AddNumberToObject(cJSON_AddObjectToObject(document, "calibration"), "recordings",
				x->s->calibration->count);
	add_options(x, document);
	result = cJSON_AddObjectToObject(document, "result");
	add_result(x, results, result);
	if (!ret)
		ret = add_energy(x, results, cJSON_AddObjectToObject(result, "energy"));
	layers = cJSON_AddArrayToObject(document, "layers");
	for (uint32_t l = 0; !ret && l < x->s->weighted_count; l++)
		cJSON_AddItemToArray(layers, layer_json(x, l, results));
	add_front(x, document);
	*text = ret ? NULL : cJSON_PrintUnformatted(document);
	cJSON_Delete(document);
	return ret || *text ? ret : no_memory(x);
}
