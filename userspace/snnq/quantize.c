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

#include "cli.h"
#include "describe.h"
#include "quality.h"
#include "base/number.h"
#include "base/output.h"
#include "capabilities.h"
#include "report_html.h"
#include "snnq_tools.h"

static struct cli_source source = { .usual = "train" }, check;
static const char *out, *general, *method, *schemes, *journal, *shard, *report_path;
static const char *moments, *device;
static const char *target_bits, *target_bytes, *target_energy, *max_drop;
static struct cli_list layers, merge, also;
static uint32_t threads;
static bool json;

static const struct cli_option options[] = {
	{ "output", 'o', "OUT", "the integer .snnq file to write", .text = &out },
	{ "calib", 0, "LIST", "recordings to calibrate with; never those of the test",
	  .text = &source.path },
	CLI_SOURCE_OPTIONS(source),
	{ "check", 0, "LIST", "other recordings: what comes out is held against them",
	  .text = &check.path },
	{ "layer", 'l', "NAME=SCHEME:BITS", "grid of a layer; may be repeated", .list = &layers },
	{ "default", 0, "SCHEME:BITS", "grid of all other layers with weights", .text = &general },
	{ "method", 0, "NAME", "round, compensate or search; default: what the other options need",
	  .text = &method },
	{ "moments", 0, "NAME",
	  "weigh errors by spikes (default) or traces (their rest in membranes)",
	  .text = &moments },
	{ "target-bits", 0, "B", "search: average bits of weights", .text = &target_bits },
	{ "target-bytes", 0, "N", "search: bytes of the file", .text = &target_bytes },
	{ "target-energy", 0, "UJ", "search: microjoule per recording (45 nm model)",
	  .text = &target_energy },
	{ "max-drop", 0, "PERCENT", "search: recordings whose class may differ from float's",
	  .text = &max_drop },
	{ "schemes", 0, "A,B", "search: schemes to choose from; default: all", .text = &schemes },
	{ "also", 0, "OUT=BITS", "search: another model at other bits; may be repeated",
	  .list = &also },
	{ "journal", 0, "FILE", "search: keep evaluations here; go on from it when it exists",
	  .text = &journal },
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
	return CLI_OK;
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

static const char *const methods[] = { "round", "compensate", "search" };

static bool searching(void)
{
	return target_bits || target_bytes || target_energy || max_drop || shard;
}

static int parse_method(enum snnq_quantize_method *m)
{
	*m = searching() ? SNNQ_QUANTIZE_SEARCH :
	     source.path ? SNNQ_QUANTIZE_COMPENSATE :
			   SNNQ_QUANTIZE_ROUND;
	if (!method)
		return CLI_OK;
	for (int i = 0; i < 3; i++)
		if (!strcmp(method, methods[i])) {
			*m = (enum snnq_quantize_method)i;
			return CLI_OK;
		}
	return cli_fail(CLI_USAGE,
			"quantize: method: expected round, compensate or search, found %s", method);
}

/* Who gives an option that has no use expects something else to happen. */
static int check_uses(enum snnq_quantize_method m)
{
	const struct {
		const char *name;
		bool given, shard; /* shard: of use there */
	} searches[] = {
		{ "target-bits", target_bits, false },
		{ "target-bytes", target_bytes, false },
		{ "target-energy", target_energy, false },
		{ "max-drop", max_drop, false },
		{ "also", also.count, false },
		{ "report", report_path, false },
		{ "schemes", schemes, true },
		{ "journal", journal, true },
		{ "shard", shard, true },
		{ "merge", merge.count, true },
	};

	for (size_t i = 0; i < sizeof(searches) / sizeof(searches[0]); i++) {
		if (searches[i].given && m != SNNQ_QUANTIZE_SEARCH)
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
	if (shard && check.path)
		return cli_fail(CLI_USAGE, "quantize: --check: has no use with --shard, which "
					   "writes no model");
	if (shard && (out || json))
		return cli_fail(CLI_USAGE,
				"quantize: --%s: has no use with --shard, which writes "
				"no model",
				out ? "output" : "json");
	if (!source.path && !check.path &&
	    (source.name || source.split || source.limit || source.format || source.width ||
	     source.height))
		return cli_fail(CLI_USAGE, "quantize: options of recordings: expected --calib "
					   "beside them");
	if (moments && m == SNNQ_QUANTIZE_ROUND)
		return cli_fail(CLI_USAGE,
				"quantize: --moments: expected a method that compensates "
				"errors, found rounding");
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
	cJSON *more;

	if (result && report_path && report_write(result, report_path))
		code = cli_fail(CLI_FAILED, "%s", output_problem());
	if (code)
		return code;
	if (shard)
		return cli_fail(CLI_OK, "shard %s is in %s", shard, journal);
	more = members(recordings, warnings, quality);
	code = describe_result(out, json, more);
	cJSON_Delete(more);
	if (!code && !json)
		quality_print(quality);
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
	const char *const others[] = { in, source.path, check.path };
	size_t outputs = 3 + also.count;
	const char **paths = calloc(outputs, sizeof(*paths));
	int code;

	if (!paths)
		return cli_fail(CLI_FAILED, "no memory");
	paths[0] = out;
	paths[1] = report_path;
	paths[2] = journal;
	for (size_t i = 0; i < also.count; i++)
		paths[3 + i] = also.values[i];
	code = cli_check_outputs(paths, outputs, recordings, count);
	if (!code)
		code = cli_check_outputs(paths, outputs, checked, checked_count);
	if (!code)
		code = cli_check_outputs(paths, outputs, others, 3);
	/* the journal itself may be among those that go into it */
	paths[2] = NULL;
	if (!code)
		code = cli_check_outputs(paths, outputs, merge.values, merge.count);
	free(paths);
	return code;
}

/* Read as those for calibration are. */
static int read_check(struct cli_dataset *others)
{
	struct cli_source how = source;

	how.path = check.path;
	how.limit = 0;
	return cli_dataset_read(&how, NULL, 0, others);
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
		code = read_check(&others);
	if (!code)
		code = cli_dataset_arrays(&data, &paths, &how) &&
				       cli_dataset_arrays(&others, &other_paths, &how_others) ?
			       check_files(in, paths, data.count, other_paths, others.count) :
			       cli_fail(CLI_FAILED, "no memory");
	o->check = other_paths;
	o->check_events = how_others;
	o->check_count = others.count;
	o->quality = &quality;
	o->calibration = paths;
	o->calibration_events = how;
	o->calibration_count = data.count;
	o->recordings = &recordings;
	o->warn_ctx = warnings = cJSON_CreateArray();
	o->result = o->method == SNNQ_QUANTIZE_SEARCH ? &result : NULL;
	ret = code ? 0 : snnq_quantize(in, out, o);
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

int verb_quantize(int argc, char **argv)
{
	struct snnq_quantize_opts o = {
		.size = sizeof(o), .report = report, .progress = progress, .warn = warn
	};
	struct snnq_device_info target;
	struct snnq_layer_choice *choices;
	struct snnq_quantize_also *others;
	char **args, **texts;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (!out && !shard)
		return cli_fail(CLI_USAGE, "quantize: -o is missing\nusage: snnq %s",
				command.usage);
	o.threads = threads;
	o.schemes = schemes;
	o.journal = journal;
	o.merge = merge.values;
	o.merge_count = merge.count;
	choices = calloc(layers.count + 1, sizeof(*choices));
	texts = calloc(layers.count + 1, sizeof(*texts));
	others = calloc(also.count + 1, sizeof(*others));
	o.choices = choices;
	code = choices && texts && others ? parse_choices(choices, texts, &o.choice_count) :
					    cli_fail(CLI_FAILED, "no memory");
	if (!code)
		code = parse_method(&o.method);
	if (!code)
		code = parse_moments(&o.traces);
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
	if (!code)
		code = quantize(args[0], &o);
	for (size_t i = 0; texts && i <= layers.count; i++)
		free(texts[i]);
	free(texts);
	free(choices);
	free(others);
	free(layers.values);
	free(merge.values);
	free(also.values);
	return code;
}
