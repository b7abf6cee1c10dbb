// SPDX-License-Identifier: MIT
/*
 * quantize.c - `snnq quantize`: a float model to an integer one, scheme and bits by layer.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "describe.h"
#include "front.h"
#include "quality.h"
#include "base/number.h"
#include "base/output.h"
#include "capabilities.h"
#include "report_html.h"
#include "snnq_tools.h"

static struct cli_source source = { .usual = "train" }, check;
static uint32_t check_limit;
static const char *out, *general, *method, *journal, *cache, *shard, *report_path;
static const char *front_path, *pick_path, *point, *constants, *weights;
static const char *moments, *device;
static const char *target_bits, *target_bytes, *target_energy, *max_drop;
static struct cli_list layers, merge, also, exclude, min_bits, max_bits, schemes;
static struct cli_list without;
static const char *seed;
static uint32_t threads;
static bool json, estimate, explain;
static struct front_pick pick;

static const struct cli_option options[] = {
	{ "output", 'o', "OUT", "the integer .snnq file to write", .text = &out },
	{ "calib", 0, "LIST", "recordings, or arrays, to calibrate with; never the test's",
	  .text = &source.path },
	CLI_SOURCE_OPTIONS(source),
	{ "check", 0, "LIST", "other recordings: what comes out is held against them",
	  .text = &check.path },
	{ "check-limit", 0, "N", "only the first N of --check", .number = &check_limit },
	{ "layer", 'l', "NAME=SCHEME:BITS", "grid of a layer, or of those of a pattern",
	  .list = &layers },
	{ "exclude", 0, "NAME", "keep a layer, or those of a pattern, at uniform:8",
	  .list = &exclude },
	{ "default", 0, "SCHEME:BITS", "grid of all other layers with weights", .text = &general },
	{ "method", 0, "NAME",
	  "round, compensate, search; or, to compare with: gptq, sbc, greedy, beam, random",
	  .text = &method },
	{ "without", 0, "PART", "compensate: leave out a part, to see what it is worth: see manual",
	  .list = &without },
	{ "seed", 0, "N", "random: of the grids (1)", .text = &seed },
	{ "moments", 0, "NAME",
	  "weigh errors by spikes (default) or traces (their rest in membranes)",
	  .text = &moments },
	{ "target-bits", 0, "B", "search: average bits of weights", .text = &target_bits },
	{ "target-bytes", 0, "N", "search: bytes of the file", .text = &target_bytes },
	{ "target-energy", 0, "UJ", "search: microjoule per recording (45 nm model)",
	  .text = &target_energy },
	{ "max-drop", 0, "PERCENT", "search: recordings whose class may differ from float's",
	  .text = &max_drop },
	{ "schemes", 0, "[NAME=]A,B", "search: schemes to choose from; default: all",
	  .list = &schemes },
	{ "min-bits", 0, "[NAME=]B", "search: of each layer, or those of a pattern",
	  .list = &min_bits },
	{ "max-bits", 0, "[NAME=]B", "search: likewise, the most", .list = &max_bits },
	{ "constants", 0, "FILE", "energies of operations, as of snnq energy", .text = &constants },
	{ "weights", 0, "WHERE", "streamed from DRAM (default) or resident on the chip, for energy",
	  .text = &weights },
	{ "estimate", 0, NULL, "write no model: tell bytes, bits and energy", .flag = &estimate },
	{ "front", 0, "FILE.json", "search: write the whole front, to pick from",
	  .text = &front_path },
	{ "pick", 0, "FILE.json", "grids of a point of such a front: --point, or within targets",
	  .text = &pick_path },
	{ "point", 0, "N", "number of the point to pick, from 0", .text = &point },
	{ "explain", 0, NULL, "search: what a bit more or less in each layer costs",
	  .flag = &explain },
	{ "also", 0, "OUT=BITS", "search: another model at other bits; may be repeated",
	  .list = &also },
	{ "journal", 0, "FILE", "search: keep evaluations here; go on from it when it exists",
	  .text = &journal },
	{ "cache", 0, "DIR", "search: keep quantized layers here, and take them from there",
	  .text = &cache },
	{ "shard", 0, "I/N", "search: only evaluate part I of N into the journal", .text = &shard },
	{ "merge", 0, "FILE", "search: go on from a shard's journal; may be repeated",
	  .list = &merge },
	{ "report", 0, "FILE.html", "search: write a report", .text = &report_path },
	{ "device", 'd', "NAME",
	  "only what this one executes: a device, or `snnq info NAME --json`", .text = &device },
	{ "threads", 'j', "N", "default: one per CPU; the result is the same", .number = &threads },
	{ "json", 0, NULL, "describe the result as one JSON document", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"quantize IN.snnq -o OUT.snnq [options]",
	"Turn a float model into an integer one. Schemes: uniform:1..8 (with zero), odd:1..8\n"
	"(no zero), pot:2..5 (powers of two), apot:3..5 (sums of two), ternary:2. With a target,\n"
	"each layer's scheme and bits are searched; otherwise --layer and --default say them.\n"
	"With --calib, rounding errors are compensated and neurons adjusted to fire as the float\n"
	"network's do.",
	"snnq quantize float.snnq -o out.snnq --calib train.tsv --target-bits 3.14 --report out.html\n"
	"snnq quantize float.snnq -o out.snnq --calib train.tsv --target-bytes 1000000\n"
	"snnq quantize float.snnq -o out.snnq --default uniform:4 --layer head=uniform:8\n",
	options,
	1,
};

/* Split SCHEME:BITS in place. */
static bool parse_grid(char *text, struct snnq_layer_choice *choice)
{
	char *colon = strchr(text, ':');
	uint64_t bits;

	if (!colon)
		return false;
	*colon = 0;
	choice->scheme = text;
	if (!number_parse_u64(colon + 1, 64, &bits))
		return false;
	choice->bits = (uint32_t)bits;
	return true;
}

/*
 * Of --exclude, behind those of --layer and --default: of a pattern it goes before theirs, wherever
 * it stands.
 */
static int add_excluded(struct snnq_layer_choice *choices, size_t *count)
{
	for (size_t i = 0; i < exclude.count; i++) {
		for (size_t k = 0; k < *count; k++)
			if (choices[k].layer && !strcmp(choices[k].layer, exclude.values[i]))
				return cli_fail(CLI_USAGE,
						"quantize: --exclude: expected each layer once, "
						"found %s twice",
						exclude.values[i]);
		choices[(*count)++] = (struct snnq_layer_choice){ exclude.values[i], "uniform", 8 };
	}
	return CLI_OK;
}

/* Limits of an option, of all layers or of those of patterns; texts are split. */
static int add_limits(const struct cli_list *list, struct snnq_layer_limit *limits, size_t *count)
{
	for (size_t i = 0; i < list->count; i++) {
		char *value = (char *)list->values[i], *equals = strchr(value, '=');
		struct snnq_layer_limit *l = &limits[(*count)++];
		uint64_t bits = 0;

		*l = (struct snnq_layer_limit){ .layer = equals ? value : NULL };
		if (equals)
			*equals = 0;
		if (equals)
			value = equals + 1;
		if (list == &schemes)
			l->schemes = value;
		else if (!number_parse_u64(value, 8, &bits) || !bits)
			return cli_fail(CLI_USAGE,
					"quantize: --%s: expected [NAME=]BITS with 1 to 8 bits, "
					"found \"%s\"",
					list == &min_bits ? "min-bits" : "max-bits", value);
		if (list == &min_bits)
			l->min_bits = (uint32_t)bits;
		if (list == &max_bits)
			l->max_bits = (uint32_t)bits;
	}
	return CLI_OK;
}

static int parse_limits(struct snnq_layer_limit *limits, size_t *count)
{
	const struct cli_list *const lists[] = { &schemes, &min_bits, &max_bits };
	int code = CLI_OK;

	for (int i = 0; !code && i < 3; i++)
		code = add_limits(lists[i], limits, count);
	return code;
}

/* Choices from the options; the texts that they point into are in @texts. */
static int parse_choices(struct snnq_layer_choice *choices, char **texts, size_t *count)
{
	for (size_t i = 0; i < layers.count + (general != NULL); i++) {
		const char *value = i < layers.count ? layers.values[i] : general;
		char *grid = texts[i] = strdup(value);

		choices[i].layer = NULL;
		if (i < layers.count && grid) {
			grid = strchr(texts[i], '=');
			if (grid)
				*grid++ = 0;
			choices[i].layer = texts[i];
		}
		if (!grid || !parse_grid(grid, &choices[i]))
			return cli_fail(CLI_USAGE, "quantize: expected %sSCHEME:BITS, found \"%s\"",
					i < layers.count ? "NAME=" : "", value);
		for (size_t k = 0; k < i; k++)
			if (choices[i].layer && !strcmp(choices[k].layer, choices[i].layer))
				return cli_fail(CLI_USAGE,
						"quantize: --layer: expected each layer "
						"once, found %s twice",
						choices[i].layer);
		*count = i + 1;
	}
	return add_excluded(choices, count);
}

static void report(void *ctx, const struct snnq_quantize_layer *l, uint32_t done, uint32_t total)
{
	char name[256];

	(void)ctx;
	fprintf(stderr, "[%3u/%u] %-20s %-7s %u bits  F %u  SQNR ", done, total,
		text_printable(l->name, name, sizeof(name)), l->scheme, l->bits, l->shift);
	if (isfinite(l->sqnr_db))
		fprintf(stderr, "%5.1f dB", l->sqnr_db);
	else
		fprintf(stderr, "exact   ");
	if (!isnan(l->wrong))
		fprintf(stderr, "  wrong %5.2f %%", 100 * l->wrong);
	fprintf(stderr, "  %" PRIu64 " bytes\n", l->weight_bytes);
}

/* ---- options ---- */

#define MOST_BITS   32.0 /* a float weight's */
#define MOST_ENERGY 1e9
#define MOST_BYTES  (1ull << 53) /* as JSON has integers */

static const char *const methods[] = { "round", "compensate", "search", "gptq",
				       "sbc",	"greedy",     "beam",	"random" };

#define METHODS (sizeof(methods) / sizeof(methods[0]))

static bool searching(void)
{
	return !pick_path && (target_bits || target_bytes || target_energy || max_drop || shard);
}

static int parse_method(enum snnq_quantize_method *m)
{
	*m = searching() ? SNNQ_QUANTIZE_SEARCH :
	     source.path ? SNNQ_QUANTIZE_COMPENSATE :
			   SNNQ_QUANTIZE_ROUND;
	if (!method)
		return CLI_OK;
	for (size_t i = 0; i < METHODS; i++)
		if (!strcmp(method, methods[i])) {
			*m = (enum snnq_quantize_method)i;
			return CLI_OK;
		}
	return cli_fail(CLI_USAGE,
			"quantize: --method: expected round, compensate, search, gptq, sbc, "
			"greedy, beam or random, found \"%s\"",
			method);
}

static int parse_without(unsigned int *parts)
{
	/* in the order of enum snnq_quantize_part */
	static const char *const names[] = { "centre", "sort",	  "scale", "feedback", "descent",
					     "bias",   "neurons", "again", "rounded" };
	const size_t count = sizeof(names) / sizeof(names[0]);

	for (size_t i = 0; i < without.count; i++) {
		size_t k = 0;

		while (k < count && strcmp(names[k], without.values[i]) != 0)
			k++;
		if (k == count)
			return cli_fail(
				CLI_USAGE,
				"quantize: --without: expected centre, sort, scale, feedback, "
				"descent, bias, neurons, again or rounded, found \"%s\"",
				without.values[i]);
		*parts |= 1u << k;
	}
	return CLI_OK;
}

static int parse_seed(uint64_t *number)
{
	*number = 1;
	if (!seed || number_parse_u64(seed, UINT32_MAX, number))
		return CLI_OK;
	return cli_fail(CLI_USAGE, "quantize: --seed: expected a number, found \"%s\"", seed);
}

/* Who gives an option that has no use expects something else to happen. */
static int check_uses(enum snnq_quantize_method m)
{
	const struct {
		const char *name;
		bool given, shard; /* shard: of use there */
		bool baseline;	   /* of use to those that choose grids otherwise */
	} searches[] = {
		{ "target-bits", target_bits && !pick_path, false, true },
		{ "target-bytes", target_bytes && !pick_path, false, false },
		{ "target-energy", target_energy && !pick_path, false, false },
		{ "max-drop", max_drop, false, false },
		{ "front", front_path, false, false },
		{ "explain", explain, false, false },
		{ "min-bits", min_bits.count, true, true },
		{ "max-bits", max_bits.count, true, true },
		{ "also", also.count, false, false },
		{ "report", report_path, false, false },
		{ "schemes", schemes.count, true, true },
		{ "journal", journal, true, false },
		{ "cache", cache, true, false },
		{ "shard", shard, true, false },
		{ "merge", merge.count, true, false },
	};

	for (size_t i = 0; i < sizeof(searches) / sizeof(searches[0]); i++) {
		if (searches[i].given && m != SNNQ_QUANTIZE_SEARCH &&
		    !(searches[i].baseline && m >= SNNQ_QUANTIZE_GREEDY))
			return cli_fail(CLI_USAGE,
					"quantize: --%s: expected a search, found %s "
					"(a search needs a target)",
					searches[i].name, methods[m]);
		if (searches[i].given && shard && !searches[i].shard)
			return cli_fail(CLI_USAGE,
					"quantize: --%s: has no use with --shard, which "
					"only evaluates",
					searches[i].name);
	}
	if (shard && estimate)
		return cli_fail(CLI_USAGE, "quantize: --estimate: has no use with --shard");
	if (estimate && (report_path || also.count || front_path))
		return cli_fail(CLI_USAGE, "quantize: --estimate: writes nothing, found --%s",
				report_path ? "report" :
				also.count  ? "also" :
					      "front");
	if (pick_path && (layers.count || general || exclude.count || m == SNNQ_QUANTIZE_SEARCH))
		return cli_fail(CLI_USAGE, "quantize: --pick: expected no other grids and no "
					   "search beside it");
	if (pick_path && !point && !target_bits && !target_bytes && !target_energy)
		return cli_fail(CLI_USAGE,
				"quantize: --pick: expected --point or a target of bits, "
				"bytes or energy");
	if (point && (!pick_path || target_bits || target_bytes || target_energy))
		return cli_fail(CLI_USAGE, "quantize: --point: expected --pick, and no target");
	if (pick_path && target_energy && !source.path && !check.path)
		return cli_fail(CLI_USAGE, "quantize: --target-energy: expected recordings, whose "
					   "spikes take energy");
	if ((constants || weights) && !source.path && !check.path)
		return cli_fail(CLI_USAGE,
				"quantize: --%s: expected recordings, whose spikes "
				"take energy",
				constants ? "constants" : "weights");
	if (weights && strcmp(weights, "resident") != 0 && strcmp(weights, "streamed") != 0)
		return cli_fail(CLI_USAGE,
				"quantize: --weights: expected resident or streamed, found \"%s\"",
				weights);
	if (shard && check.path)
		return cli_fail(CLI_USAGE, "quantize: --check: has no use with --shard, which "
					   "writes no model");
	if (shard && (out || json))
		return cli_fail(CLI_USAGE,
				"quantize: --%s: has no use with --shard, which writes "
				"no model",
				out ? "output" : "json");
	if (general && (m == SNNQ_QUANTIZE_SEARCH || m >= SNNQ_QUANTIZE_GREEDY))
		return cli_fail(CLI_USAGE,
				"quantize: --default: gives all layers grids and leaves none to "
				"%s, expected --layer or --exclude of some",
				m == SNNQ_QUANTIZE_SEARCH ? "search" : "choose");
	if (merge.count && !journal)
		return cli_fail(CLI_USAGE, "quantize: --merge: expected --journal beside it");
	if (check_limit && !check.path)
		return cli_fail(CLI_USAGE, "quantize: --check-limit: expected --check beside it");
	if (source.limit && !source.path && check.path)
		return cli_fail(CLI_USAGE, "quantize: --limit: is of --calib, which is missing; "
					   "expected --check-limit for --check");
	if (!pick_path && !layers.count && !general && !exclude.count &&
	    m != SNNQ_QUANTIZE_SEARCH && m < SNNQ_QUANTIZE_GREEDY)
		return cli_fail(CLI_USAGE,
				"quantize: expected grids (--default, --layer, --pick), or "
				"a target to search them for, found neither");
	if (!source.path && !check.path &&
	    (source.name || source.split || source.limit || source.format || source.width ||
	     source.height))
		return cli_fail(CLI_USAGE, "quantize: options of recordings: expected --calib "
					   "beside them");
	if (moments && m != SNNQ_QUANTIZE_COMPENSATE && m != SNNQ_QUANTIZE_SEARCH)
		return cli_fail(CLI_USAGE,
				"quantize: --moments: expected compensate or search, found %s",
				methods[m]);
	if (without.count && (m != SNNQ_QUANTIZE_COMPENSATE || estimate))
		return cli_fail(CLI_USAGE, "quantize: --without: expected compensate, found %s",
				estimate ? "--estimate" : methods[m]);
	if (seed && m != SNNQ_QUANTIZE_RANDOM)
		return cli_fail(CLI_USAGE, "quantize: --seed: expected random, found %s",
				methods[m]);
	if (m >= SNNQ_QUANTIZE_GREEDY && !target_bits)
		return cli_fail(CLI_USAGE, "quantize: --method %s: --target-bits is missing",
				methods[m]);
	return CLI_OK;
}

static int parse_moments(bool *traces)
{
	*traces = moments && !strcmp(moments, "traces");
	if (!moments || *traces || !strcmp(moments, "spikes"))
		return CLI_OK;
	return cli_fail(CLI_USAGE, "quantize: --moments: expected spikes or traces, found \"%s\"",
			moments);
}

/* A number above 0, or with @zero that too, up to @most. */
static int parse_real(const char *name, const char *text, bool zero, double most, double *value)
{
	if (!text)
		return CLI_OK;
	if (number_parse(text, value) && (zero ? *value >= 0 : *value > 0) && *value <= most)
		return CLI_OK;
	return cli_fail(CLI_USAGE,
			"quantize: --%s: expected a number %s 0 and at most %g, found "
			"\"%s\"",
			name, zero ? "from" : "above", most, text);
}

static int parse_shard(struct snnq_quantize_opts *o)
{
	char *text = shard ? strdup(shard) : NULL, *slash = text ? strchr(text, '/') : NULL;
	uint64_t i, n;
	bool good;

	if (!shard)
		return CLI_OK;
	if (slash)
		*slash++ = 0;
	good = number_parse_u64(slash, UINT32_MAX, &n) && number_parse_u64(text, n, &i) && i;
	free(text);
	if (!good)
		return cli_fail(CLI_USAGE,
				"quantize: --shard: expected I/N with 1 <= I <= N, found "
				"\"%s\"",
				shard);
	if (!journal)
		return cli_fail(CLI_USAGE, "quantize: --shard needs --journal");
	o->shard = (uint32_t)i;
	o->shards = (uint32_t)n;
	return CLI_OK;
}

static int parse_targets(struct snnq_quantize_opts *o)
{
	double drop = 0;
	int code = parse_real("target-bits", target_bits, false, MOST_BITS, &o->target_bits);

	if (!code)
		code = parse_real("target-energy", target_energy, false, MOST_ENERGY,
				  &o->target_energy);
	if (!code)
		code = parse_real("max-drop", max_drop, true, 100, &drop);
	if (!code)
		code = parse_shard(o);
	if (!code && target_bytes &&
	    (!number_parse_u64(target_bytes, MOST_BYTES, &o->target_bytes) || !o->target_bytes))
		code = cli_fail(CLI_USAGE,
				"quantize: --target-bytes: expected a number of bytes, "
				"found \"%s\"",
				target_bytes);
	o->limit_drop = max_drop;
	o->max_drop = drop / 100;
	return code;
}

/* Splits the texts in place; they live as long as the arguments. */
static int parse_also(struct snnq_quantize_also *list, struct snnq_quantize_opts *o)
{
	for (size_t i = 0; i < also.count; i++) {
		char *equals = strrchr(also.values[i], '=');
		int code = equals ? parse_real("also OUT=BITS", equals + 1, false, MOST_BITS,
					       &list[i].target_bits) :
				    cli_fail(CLI_USAGE,
					     "quantize: --also: expected OUT=BITS, found \"%s\"",
					     also.values[i]);

		if (code)
			return code;
		*equals = 0;
		list[i].out = also.values[i];
	}
	o->also = list;
	o->also_count = also.count;
	return CLI_OK;
}

static void progress(void *ctx, const char *what, size_t done, size_t total)
{
	(void)ctx;
	cli_progress(what, done, total);
}

/* What is said of a model besides what it is. */
static cJSON *members(const struct snnq_recordings *recordings, const cJSON *warnings,
		      const struct snnq_quantize_quality *quality)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "quality", quality_json(quality));
	if (!source.path)
		return o;
	cli_put_recordings(o, recordings);
	cJSON_AddItemToObject(o, "warnings", cJSON_Duplicate(warnings, true));
	return o;
}

static int finish(char *result, const struct snnq_recordings *recordings, const cJSON *warnings,
		  const struct snnq_quantize_quality *quality)
{
	int code = CLI_OK;
	cJSON *more, *document;

	if (result && report_path && report_write(result, report_path))
		code = cli_fail(CLI_FAILED, "%s", output_problem());
	if (!code && result && front_path)
		code = front_write(result, front_path);
	if (code)
		return code;
	if (shard)
		return cli_fail(CLI_OK, "shard %s is in %s", shard, journal);
	document = result && explain ? cJSON_Parse(result) : NULL;
	more = members(recordings, warnings, quality);
	if (document)
		cJSON_AddItemToObject(more, "explain", front_explained(document));
	if (estimate && json)
		code = cli_print_json(cJSON_Duplicate(more, true));
	else if (estimate)
		quality_print_size(quality);
	else
		code = describe_result(out, json, more);
	cJSON_Delete(more);
	if (!code && !json)
		quality_print(quality);
	if (!code && !json && document)
		front_explain(document);
	cJSON_Delete(document);
	return code;
}

/* @ctx: the list of warnings. */
static void warn(void *ctx, const char *text)
{
	cli_fail(CLI_OK, "warning: %s", text);
	cJSON_AddItemToArray(ctx, cJSON_CreateString(text));
}

/* Outputs against all that is read. */
static int check_files(const char *in, const char *const *recordings, size_t count,
		       const char *const *checked, size_t checked_count)
{
	const char *const others[] = { in, source.path, check.path, constants, pick_path };
	size_t outputs = 4 + also.count;
	const char **paths = calloc(outputs, sizeof(*paths));
	int code;

	if (!paths)
		return cli_fail(CLI_FAILED, "no memory");
	paths[0] = estimate ? NULL : out;
	paths[3 + also.count] = front_path;
	paths[1] = report_path;
	paths[2] = journal;
	for (size_t i = 0; i < also.count; i++)
		paths[3 + i] = also.values[i];
	code = cli_check_outputs(paths, outputs, recordings, count);
	if (!code)
		code = cli_check_outputs(paths, outputs, checked, checked_count);
	if (!code)
		code = cli_check_outputs(paths, outputs, others, 5);
	/* the journal itself may be among those that go into it */
	paths[2] = NULL;
	if (!code)
		code = cli_check_outputs(paths, outputs, merge.values, merge.count);
	free(paths);
	return code;
}

static bool is_same(const char *a, const char *b)
{
	struct stat x, y;

	return a && !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/*
 * Read as those for calibration, @data, are; a list may stand beside a data set. Where they come
 * from the same place, those that --limit leaves: of arrays, so many samples are skipped later.
 */
static int read_check(const struct cli_dataset *data, struct cli_dataset *others, uint64_t *skip)
{
	struct cli_source how = source;
	struct stat st;
	bool arrays;
	int code;

	how.path = check.path;
	how.limit = 0;
	if (source.path && !stat(check.path, &st) && S_ISREG(st.st_mode))
		how.name = how.split = NULL;
	code = cli_dataset_read(&how, NULL, 0, others);
	if (code)
		return code;
	arrays = snnq_values_in(others->samples[0].path);
	if (is_same(source.path, check.path)) {
		if (!source.limit || (!arrays && data->count >= others->count)) {
			cli_dataset_free(others);
			return cli_fail(
				CLI_USAGE,
				"quantize: --check: %s: --calib takes all of its recordings; "
				"expected --limit, which leaves others",
				check.path);
		}
		*skip = source.limit;
		if (!arrays)
			cli_dataset_drop(others, 0, data->count);
	}
	if (check_limit && !arrays)
		cli_dataset_drop(others, check_limit, others->count);
	return CLI_OK;
}

/* With points of a front until what is made of one keeps to the targets. @code: of the picking. */
static int run(const char *in, struct snnq_quantize_opts *o, int *code)
{
	int ret = snnq_quantize(in, out, o);

	while (ret == -EDOM && pick_path && !point) {
		cli_fail(CLI_OK, "%s; another point of %s is tried", snnq_last_error(NULL),
			 pick_path);
		*code = front_pick_less(pick_path, o, o->quality, &pick);
		if (*code)
			return 0;
		o->choices = pick.choices;
		o->warn = NULL; /* the same again */
		ret = snnq_quantize(in, out, o);
	}
	return ret;
}

static int quantize(const char *in, struct snnq_quantize_opts *o)
{
	struct snnq_recordings recordings = { 0 };
	struct snnq_quantize_quality quality = { 0 };
	struct cli_dataset data = { NULL }, others = { NULL };
	struct snnq_events_opts *how = NULL, *how_others = NULL;
	const char **paths = NULL, **other_paths = NULL;
	cJSON *warnings;
	char *result = NULL;
	int code = CLI_OK, ret;

	if (source.path)
		code = cli_dataset_read(&source, NULL, 0, &data);
	if (!code && check.path)
		code = read_check(&data, &others, &o->check_skip);
	if (!code)
		code = cli_dataset_arrays(&data, &paths, &how, &o->calibration_count) &&
				       cli_dataset_arrays(&others, &other_paths, &how_others,
							  &o->check_count) ?
			       check_files(in, paths, o->calibration_count, other_paths,
					   o->check_count) :
			       cli_fail(CLI_FAILED, "no memory");
	o->check = other_paths;
	o->check_events = how_others;
	o->quality = &quality;
	o->calibration = paths;
	o->calibration_events = how;
	o->calibration_limit = source.limit;
	o->check_limit = check_limit;
	o->recordings = &recordings;
	o->warn_ctx = warnings = cJSON_CreateArray();
	o->result = o->method == SNNQ_QUANTIZE_SEARCH && !shard ? &result : NULL;
	ret = code ? 0 : run(in, o, &code);
	if (!ret && !code && source.path)
		cli_note_recordings(source.path, &recordings);
	free(paths);
	free(how);
	free(other_paths);
	free(how_others);
	cli_dataset_free(&data);
	cli_dataset_free(&others);
	if (ret)
		code = cli_fail(ret == -EINVAL ? CLI_USAGE :
				ret == -EDOM   ? CLI_FAILED :
						 cli_file_code(ret),
				"%s", snnq_last_error(NULL));
	else if (!code)
		code = finish(result, &recordings, warnings, &quality);
	cJSON_Delete(warnings);
	free(result);
	return code;
}

static int pick_point(struct snnq_quantize_opts *o)
{
	uint64_t wanted = 0;
	int code;

	if (point && !number_parse_u64(point, INT32_MAX, &wanted))
		return cli_fail(CLI_USAGE, "quantize: --point: expected a number, found \"%s\"",
				point);
	code = front_pick(pick_path, point ? (int64_t)wanted : -1, o, &pick);
	o->choices = pick.choices;
	o->choice_count = pick.count;
	o->model_hash = pick.model_hash;
	return code;
}

int verb_quantize(int argc, char **argv)
{
	struct snnq_quantize_opts o = {
		.size = sizeof(o), .report = report, .progress = progress, .warn = warn
	};
	struct snnq_device_info target;
	struct snnq_layer_choice *choices;
	struct snnq_quantize_also *others;
	struct snnq_layer_limit *limits;
	char **args, **texts;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (!out && !shard && !estimate)
		return cli_fail(CLI_USAGE, "quantize: -o is missing\nusage: snnq %s",
				command.usage);
	o.threads = threads;
	o.constants = constants;
	o.resident = weights && !strcmp(weights, "resident");
	o.estimate = estimate;
	o.journal = journal;
	o.cache = cache;
	o.merge = merge.values;
	o.merge_count = merge.count;
	choices = calloc(layers.count + exclude.count + 1, sizeof(*choices));
	limits = calloc(schemes.count + min_bits.count + max_bits.count + 1, sizeof(*limits));
	texts = calloc(layers.count + 1, sizeof(*texts));
	others = calloc(also.count + 1, sizeof(*others));
	o.choices = choices;
	o.limits = limits;
	code = choices && texts && others && limits ?
		       parse_choices(choices, texts, &o.choice_count) :
		       cli_fail(CLI_FAILED, "no memory");
	if (!code)
		code = parse_limits(limits, &o.limit_count);
	if (!code)
		code = parse_method(&o.method);
	if (!code)
		code = parse_moments(&o.traces);
	if (!code)
		code = parse_without(&o.without);
	if (!code)
		code = parse_seed(&o.seed);
	if (!code)
		code = parse_targets(&o);
	if (!code)
		code = parse_also(others, &o);
	if (!code)
		code = check_uses(o.method);
	if (!code && device) {
		code = capabilities_of(device, &target);
		o.device = &target;
	}
	if (!code && pick_path)
		code = pick_point(&o);
	if (!code)
		code = quantize(args[0], &o);
	front_pick_free(&pick);
	free(limits);
	free(exclude.values);
	free(min_bits.values);
	free(max_bits.values);
	free(schemes.values);
	for (size_t i = 0; texts && i <= layers.count; i++)
		free(texts[i]);
	free(texts);
	free(choices);
	free(others);
	free(layers.values);
	free(merge.values);
	free(without.values);
	free(also.values);
	return code;
}
