// SPDX-License-Identifier: MIT
/*
 * quantize.c - the quantizer's entry: check what is wanted, run the method, write the model.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/output.h"
#include "model/compile.h"
#include "quantize/baseline.h"
#include "quantize/cache.h"
#include "quantize/journal.h"
#include "quantize/limits.h"
#include "quantize/quality.h"
#include "quantize/quantize.h"
#include "quantize/search.h"
#include "run/isa.h"

/* The grid of each layer; with @all, every layer with weights must have one. */
static int take_choices(const struct session *s, bool all, struct grid_choice *choices)
{
	for (uint32_t i = 0; i < s->weighted_count; i++) {
		const struct graph_layer *l = &s->graph.layers[s->weighted[i]];
		const struct snnq_layer_choice *c = limits_choice(s->opts, l->name);

		if (c)
			choices[s->weighted[i]] =
				(struct grid_choice){ grid_scheme(c->scheme), c->bits };
		else if (all)
			return error_set(-EINVAL,
					 "%s: layer %s (%s): no scheme and bits were "
					 "chosen for it, and no default",
					 s->path, l->name, l->op_name);
	}
	return 0;
}

/* ---- methods ---- */

static int round_all(const struct session *s, const struct grid_choice *choices,
		     struct quantized *results)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < s->weighted_count; i++) {
		uint32_t l = s->weighted[i];
		struct weighted w;
		const uint64_t **slots = NULL;

		ret = weighted_open(s->path, &s->graph, l, &s->steps, &w);
		if (ret)
			break;
		if (s->calibration) {
			slots = calibration_slots(s->calibration, s->calibration->records,
						  s->graph.layers[l].in[0]);
			ret = slots ? weighted_measure(&w, s->calibration, slots,
						       s->opts->threads) :
				      -ENOMEM;
		}
		if (!ret)
			ret = weighted_quantize(&w, choices[l].scheme, choices[l].bits,
						METHOD_ROUND, s->opts->threads, &results[l]);
		free(slots);
		weighted_close(&w);
	}
	return ret;
}

static void report(const struct session *s, const struct quantized *results)
{
	for (uint32_t i = 0; s->opts->report && i < s->weighted_count; i++) {
		const struct quantized *q = &results[s->weighted[i]];
		struct snnq_quantize_layer info = {
			.name = s->graph.layers[s->weighted[i]].name,
			.scheme = grid_scheme_name(q->grid.scheme),
			.bits = q->grid.bits,
			.shift = q->shift,
			.weight_bytes = q->packed_bytes,
			.sqnr_db = q->noise > 0 ? 10 * log10(q->signal / q->noise) : INFINITY,
			.wrong = q->wrong,
		};

		s->opts->report(s->opts->report_ctx, &info, i + 1, s->weighted_count);
	}
}

/* All but the grids, which are chosen later: before the work, not when it is done. */
static int check_device(const struct session *s)
{
	struct snnq_caps caps = s->caps;
	struct compile_opts opts = { .caps = &caps };
	struct compiled compiled;
	struct modelfile *file;
	struct graph graph;
	int ret = session_rounded(s, &file, &graph);

	if (ret)
		return ret;
	caps.scheme_uniform = snnq_caps_all.scheme_uniform;
	ret = compile_graph(s->path, &graph, &opts, &compiled);
	if (!ret)
		compile_free(&compiled);
	graph_free(&graph);
	modelfile_free(file);
	return ret;
}

/* Does what came of given grids keep to the targets? */
static int check_quality(const struct session *s, const struct quality *q)
{
	const struct snnq_quantize_opts *o = s->opts;

	if (o->target_bits > 0 && q->told.bits > o->target_bits + 1e-9)
		return error_set(-EDOM,
				 "%s: its grids have %.3f bits on average, expected at most %g",
				 s->path, q->told.bits, o->target_bits);
	if (o->target_bytes && q->told.bytes > o->target_bytes)
		return error_set(-EDOM,
				 "%s: with its grids the file has %" PRIu64 " bytes, expected at "
				 "most %" PRIu64,
				 s->path, q->told.bytes, o->target_bytes);
	if (o->target_energy > 0 && q->energy > o->target_energy + 1e-9)
		return error_set(-EDOM, "%s: with its grids it takes %g uJ, expected at most %g",
				 s->path, q->energy, o->target_energy);
	return 0;
}

/* Of grids that were given; what leaves 32 bits in a recording is not written. */
static int finish(const struct session *s, const struct quantized *results, const char *out)
{
	struct quality quality = { .stats = NULL };
	int ret = quality_measure(s, results, &quality);

	if (!ret && s->opts->quality)
		*s->opts->quality = quality.told;
	if (!ret)
		ret = check_quality(s, &quality);
	quality_free(&quality);
	if (!ret)
		report(s, results);
	return ret || s->opts->estimate ? ret : session_write(s, results, out);
}

/* Are the choices for this model? */
static int check_hash(const struct session *s)
{
	char hash[JOURNAL_HASH_SIZE];
	int ret = s->opts->model_hash ? journal_hash_file(s->path, hash) : 0;

	if (ret || !s->opts->model_hash || !strcmp(hash, s->opts->model_hash))
		return ret;
	return error_set(-ESTALE,
			 "%s: the grids were chosen for another model: expected SHA-256 %.16s..., "
			 "found %.16s...",
			 s->path, s->opts->model_hash, hash);
}

static bool chooses_grids(enum snnq_quantize_method method)
{
	return method == SNNQ_QUANTIZE_SEARCH || method >= SNNQ_QUANTIZE_GREEDY;
}

static int run_method(struct session *s, struct grid_choice *choices, struct quantized *results,
		      const char *out)
{
	enum snnq_quantize_method method = s->opts->method;
	int ret = check_hash(s);

	if (!ret)
		ret = limits_check(s);

	if (!ret && !(s->graph.readout_scale > 0))
		ret = error_set(-EBADMSG,
				"%s: readout: scale: expected a positive number, found %g", s->path,
				s->graph.readout_scale);
	if (!ret && method != SNNQ_QUANTIZE_ROUND && !s->calibration)
		ret = error_set(-EINVAL, "%s: expected recordings for calibration, found none",
				s->path);
	if (!ret)
		ret = take_choices(s, !chooses_grids(method), choices);
	if (!ret && chooses_grids(method) && method != SNNQ_QUANTIZE_SEARCH)
		ret = baseline_choose(s, choices);
	if (!ret && s->opts->device)
		ret = check_device(s);
	if (ret)
		return ret;
	if (method != SNNQ_QUANTIZE_SEARCH) /* which first checks its targets */
		calibration_doubts(s->calibration, s->opts);
	if (method == SNNQ_QUANTIZE_SEARCH)
		ret = search_run(s, choices, out, results);
	else if (method != SNNQ_QUANTIZE_ROUND && !s->opts->estimate)
		ret = session_quantize(s, choices, NULL, results);
	else
		ret = round_all(s, choices, results);
	if (ret)
		return ret;
	if (s->opts->shards)
		return 0; /* its evaluations are in the journal */
	if (method != SNNQ_QUANTIZE_SEARCH)
		return finish(s, results, out);
	report(s, results);
	return 0;
}

static bool is_real(double x, double most)
{
	return x >= 0 && x <= most; /* and a number */
}

static int check_targets(const char *in, const struct snnq_quantize_opts *o)
{
	if (!is_real(o->target_bits, 64) || !is_real(o->target_energy, 1e9) ||
	    o->target_bytes > 1ull << 53 || (o->limit_drop && !is_real(o->max_drop, 1)))
		return error_set(-EINVAL, "%s: targets: expected numbers from 0 in range", in);
	for (size_t i = 0; i < o->also_count; i++)
		if (!o->also || !o->also[i].out || !is_real(o->also[i].target_bits, 64) ||
		    !(o->also[i].target_bits > 0))
			return error_set(-EINVAL,
					 "%s: expected bits and a file for each other model", in);
	return 0;
}

/* Who gives what has no use expects something else to happen. */
static int check_uses(const char *in, const char *out, const struct snnq_quantize_opts *o)
{
	bool search = o->method == SNNQ_QUANTIZE_SEARCH,
	     baseline = o->method >= SNNQ_QUANTIZE_GREEDY;
	bool target = o->target_bits != 0 || o->target_bytes || o->target_energy != 0 ||
		      o->limit_drop;

	if (o->method < SNNQ_QUANTIZE_ROUND || o->method > SNNQ_QUANTIZE_RANDOM)
		return error_set(-EINVAL, "%s: expected a method, found %d", in, o->method);
	if (!out && !o->estimate && !(search && o->shards))
		return error_set(-EINVAL, "%s: expected a file to write, found none", in);
	if (baseline &&
	    (!(o->target_bits > 0) || o->target_bytes || o->target_energy != 0 || o->limit_drop))
		return error_set(-EINVAL, "%s: expected a target of bits, and no other", in);
	if (o->without &&
	    (o->method != SNNQ_QUANTIZE_COMPENSATE || o->without & ~SNNQ_QUANTIZE_PARTS))
		return error_set(-EINVAL,
				 "%s: parts to leave out: expected those of compensating to given "
				 "grids, found %#x",
				 in, o->without);
	if (o->traces && o->method != SNNQ_QUANTIZE_COMPENSATE && !search)
		return error_set(-EINVAL,
				 "%s: moments of traces: expected a method that compensates "
				 "errors, found another",
				 in);
	if (!search && o->target_energy != 0 && !o->calibration_count && !o->check_count)
		return error_set(
			-EINVAL,
			"%s: a target of energy: expected recordings, whose spikes take it", in);
	if (!search &&
	    (o->limit_drop || (!baseline && (o->schemes || o->limit_count)) || o->also_count ||
	     o->journal || o->cache || o->shards || o->merge_count || o->result))
		return error_set(
			-EINVAL,
			"%s: a target of classes, schemes, other models, journals, caches, shards and "
			"a document are of a search, found another method",
			in);
	if (o->shards ? !o->shard || o->shard > o->shards || !o->journal : o->shard)
		return error_set(-EINVAL,
				 "%s: expected a shard from 1 to their number, and a journal, "
				 "found %u of %u",
				 in, o->shard, o->shards);
	if (o->shards && (target || o->also_count))
		return error_set(-EINVAL,
				 "%s: targets and other models have no use for a "
				 "shard, which only evaluates",
				 in);
	if ((o->calibration_count && !o->calibration) || (o->check_count && !o->check) ||
	    (o->choice_count && !o->choices) || (o->merge_count && !o->merge) ||
	    (o->limit_count && !o->limits))
		return error_set(-EINVAL, "%s: a list is missing", in);
	return check_targets(in, o);
}

/* Before the work. */
static int check_outputs(const char *in, const char *out, const struct snnq_quantize_opts *o)
{
	size_t inputs = 1 + o->calibration_count + o->check_count, outputs = 2 + o->also_count;
	const char **paths = calloc(inputs + outputs, sizeof(*paths));
	int ret;

	if (!paths)
		return error_set(-ENOMEM, "%s: no memory", in);
	paths[0] = in;
	for (size_t i = 0; i < o->calibration_count; i++)
		paths[1 + i] = o->calibration[i];
	for (size_t i = 0; i < o->check_count; i++)
		paths[1 + o->calibration_count + i] = o->check[i];
	paths[inputs] = o->shards || o->estimate ? NULL : out;
	paths[inputs + 1] = o->journal;
	for (size_t i = 0; i < o->also_count; i++)
		paths[inputs + 2 + i] = o->estimate ? NULL : o->also[i].out;
	ret = output_check(paths + inputs, outputs, paths, inputs);
	free(paths);
	return ret ? error_set(ret, "%s", output_problem()) : cache_check(o->cache);
}

int snnq_quantize(const char *in, const char *out, const struct snnq_quantize_opts *opts)
{
	struct grid_choice *choices;
	struct quantized *results;
	struct session s;
	int ret;

	if (!in || !opts || opts->size != sizeof(*opts))
		return error_set(-EINVAL, "snnq_quantize: the model or options are missing, or "
					  "options of unknown size");
	ret = isa_check();
	if (!ret)
		ret = check_uses(in, out, opts);
	if (!ret)
		ret = check_outputs(in, out, opts);
	if (!ret)
		ret = session_open(in, opts, &s);
	if (ret)
		return ret;
	if (opts->recordings)
		*opts->recordings = s.calibration ? s.calibration->seen :
						    (struct snnq_recordings){ 0 };
	choices = calloc(s.graph.layer_count + 1, sizeof(*choices));
	results = calloc(s.graph.layer_count + 1, sizeof(*results));
	ret = choices && results ? run_method(&s, choices, results, out) :
				   error_set(-ENOMEM, "%s: no memory", in);
	for (uint32_t i = 0; results && i < s.graph.layer_count; i++)
		quantized_free(&results[i]);
	free(results);
	free(choices);
	session_close(&s);
	return ret;
}
