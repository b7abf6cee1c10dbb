// SPDX-License-Identifier: MIT
/*
 * quantize_options.c - see quantize_options.h.
 *
 * Who gives an option that has no use expects something else to happen: it is refused.
 */
#include "quantize_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "capabilities.h"

#define MOST_BITS   32.0 /* a float weight's */
#define MOST_ENERGY 1e9
#define MOST_BYTES  (1ull << 53) /* as JSON has integers */

static struct quantize_options said = {
	.source = { .usual = "train" },
	.point = -1,
	.opts = { .size = sizeof(said.opts), .seed = 1 },
};

/* What is parsed into it. */
static const char *general, *method, *shard, *point, *weights, *moments, *device, *seed;
static const char *target_bits, *target_bytes, *target_energy, *max_drop;
static struct cli_list layers, merge, also, exclude, min_bits, max_bits, schemes, without;

/* What it points to. */
static struct {
	struct snnq_layer_choice *choices;
	struct snnq_layer_limit *limits;
	struct snnq_quantize_also *also;
	char **texts; /* of the choices */
	struct snnq_device_info device;
} parsed;

static const struct cli_option options[] = {
	{ "output", 'o', "OUT", "the integer .snnq file to write", .text = &said.out },
	{ "calib", 0, "LIST", "recordings, or arrays, to calibrate with; never the test's",
	  .text = &said.source.path },
	CLI_SOURCE_OPTIONS(said.source),
	{ "check", 0, "LIST", "other recordings: what comes out is held against them",
	  .text = &said.check.path },
	{ "check-limit", 0, "N", "only the first N of --check", .number = &said.check_limit },
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
	{ "constants", 0, "FILE", "energies of operations, as of snnq energy",
	  .text = &said.opts.constants },
	{ "weights", 0, "WHERE", "streamed from DRAM (default) or resident on the chip, for energy",
	  .text = &weights },
	{ "estimate", 0, NULL, "write no model: tell bytes, bits and energy",
	  .flag = &said.opts.estimate },
	{ "front", 0, "FILE.json", "search: write the whole front, to pick from",
	  .text = &said.front },
	{ "pick", 0, "FILE.json", "grids of a point of such a front: --point, or within targets",
	  .text = &said.pick },
	{ "point", 0, "N", "number of the point to pick, from 0", .text = &point },
	{ "explain", 0, NULL, "search: what a bit more or less in each layer costs",
	  .flag = &said.explain },
	{ "also", 0, "OUT=BITS", "search: another model at other bits; may be repeated",
	  .list = &also },
	{ "journal", 0, "FILE", "search: keep evaluations here; go on from it when it exists",
	  .text = &said.opts.journal },
	{ "cache", 0, "DIR", "search: keep quantized layers here, and take them from there",
	  .text = &said.opts.cache },
	{ "shard", 0, "I/N", "search: only evaluate part I of N into the journal", .text = &shard },
	{ "merge", 0, "FILE", "search: go on from a shard's journal; may be repeated",
	  .list = &merge },
	{ "report", 0, "FILE.html", "search: write a report", .text = &said.report },
	{ "device", 'd', "NAME",
	  "only what this one executes: a device, or `snnq info NAME --json`", .text = &device },
	{ "threads", 'j', "N", "default: one per CPU; the result is the same",
	  .number = &said.opts.threads },
	{ "json", 0, NULL, "describe the result as one JSON document", .flag = &said.json },
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

/* ---- grids and limits ---- */

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

static int parse_limits(void)
{
	const struct cli_list *const lists[] = { &schemes, &min_bits, &max_bits };
	int code = CLI_OK;

	for (int i = 0; !code && i < 3; i++)
		code = add_limits(lists[i], parsed.limits, &said.opts.limit_count);
	said.opts.limits = parsed.limits;
	return code;
}

/* Choices from the options; the texts that they point into are kept. */
static int parse_choices(void)
{
	struct snnq_layer_choice *choices = parsed.choices;

	said.opts.choices = choices;
	for (size_t i = 0; i < layers.count + (general != NULL); i++) {
		const char *value = i < layers.count ? layers.values[i] : general;
		char *grid = parsed.texts[i] = strdup(value);

		choices[i].layer = NULL;
		if (i < layers.count && grid) {
			grid = strchr(parsed.texts[i], '=');
			if (grid)
				*grid++ = 0;
			choices[i].layer = parsed.texts[i];
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
		said.opts.choice_count = i + 1;
	}
	return add_excluded(choices, &said.opts.choice_count);
}

/* ---- numbers and names ---- */

static const char *const methods[] = { "round", "compensate", "search", "gptq",
				       "sbc",	"greedy",     "beam",	"random" };

#define METHODS (sizeof(methods) / sizeof(methods[0]))

static bool searching(void)
{
	return !said.pick && (target_bits || target_bytes || target_energy || max_drop || shard);
}

static int parse_method(void)
{
	enum snnq_quantize_method *m = &said.opts.method;

	*m = searching()      ? SNNQ_QUANTIZE_SEARCH :
	     said.source.path ? SNNQ_QUANTIZE_COMPENSATE :
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

static int parse_without(void)
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
		said.opts.without |= 1u << k;
	}
	return CLI_OK;
}

static int parse_seed(void)
{
	if (!seed || number_parse_u64(seed, UINT32_MAX, &said.opts.seed))
		return CLI_OK;
	return cli_fail(CLI_USAGE, "quantize: --seed: expected a number, found \"%s\"", seed);
}

static int parse_moments(void)
{
	said.opts.traces = moments && !strcmp(moments, "traces");
	if (!moments || said.opts.traces || !strcmp(moments, "spikes"))
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

static int parse_shard(void)
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
	if (!said.opts.journal)
		return cli_fail(CLI_USAGE, "quantize: --shard needs --journal");
	said.opts.shard = (uint32_t)i;
	said.opts.shards = (uint32_t)n;
	return CLI_OK;
}

static int parse_targets(void)
{
	struct snnq_quantize_opts *o = &said.opts;
	double drop = 0;
	int code = parse_real("target-bits", target_bits, false, MOST_BITS, &o->target_bits);

	if (!code)
		code = parse_real("target-energy", target_energy, false, MOST_ENERGY,
				  &o->target_energy);
	if (!code)
		code = parse_real("max-drop", max_drop, true, 100, &drop);
	if (!code)
		code = parse_shard();
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
static int parse_also(void)
{
	for (size_t i = 0; i < also.count; i++) {
		char *equals = strrchr(also.values[i], '=');
		int code = equals ? parse_real("also OUT=BITS", equals + 1, false, MOST_BITS,
					       &parsed.also[i].target_bits) :
				    cli_fail(CLI_USAGE,
					     "quantize: --also: expected OUT=BITS, found \"%s\"",
					     also.values[i]);

		if (code)
			return code;
		*equals = 0;
		parsed.also[i].out = also.values[i];
	}
	said.opts.also = parsed.also;
	said.opts.also_count = also.count;
	return CLI_OK;
}

static int parse_point(void)
{
	uint64_t number = 0;

	if (point && !number_parse_u64(point, INT32_MAX, &number))
		return cli_fail(CLI_USAGE, "quantize: --point: expected a number, found \"%s\"",
				point);
	said.point = point ? (int64_t)number : -1;
	return CLI_OK;
}

static int parse_weights(void)
{
	said.opts.resident = weights && !strcmp(weights, "resident");
	if (!weights || said.opts.resident || !strcmp(weights, "streamed"))
		return CLI_OK;
	return cli_fail(CLI_USAGE,
			"quantize: --weights: expected resident or streamed, found \"%s\"",
			weights);
}

static int parse(void)
{
	static int (*const parsers[])(void) = { parse_choices, parse_limits,  parse_method,
						parse_moments, parse_without, parse_seed,
						parse_targets, parse_also,    parse_point,
						parse_weights };
	int code = CLI_OK;

	for (size_t i = 0; !code && i < sizeof(parsers) / sizeof(parsers[0]); i++)
		code = parsers[i]();
	return code;
}

/* ---- what fits together ---- */

static int check_searches(enum snnq_quantize_method m)
{
	const struct {
		const char *name;
		bool given, shard; /* shard: of use there */
		bool baseline;	   /* of use to those that choose grids otherwise */
	} searches[] = {
		{ "target-bits", target_bits && !said.pick, false, true },
		{ "target-bytes", target_bytes && !said.pick, false, false },
		{ "target-energy", target_energy && !said.pick, false, false },
		{ "max-drop", max_drop, false, false },
		{ "front", said.front, false, false },
		{ "explain", said.explain, false, false },
		{ "min-bits", min_bits.count, true, true },
		{ "max-bits", max_bits.count, true, true },
		{ "also", also.count, false, false },
		{ "report", said.report, false, false },
		{ "schemes", schemes.count, true, true },
		{ "journal", said.opts.journal, true, false },
		{ "cache", said.opts.cache, true, false },
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
	return CLI_OK;
}

static int check_shard(void)
{
	if (shard && said.opts.estimate)
		return cli_fail(CLI_USAGE, "quantize: --estimate: has no use with --shard");
	if (shard && said.check.path)
		return cli_fail(CLI_USAGE, "quantize: --check: has no use with --shard, which "
					   "writes no model");
	if (shard && (said.out || said.json))
		return cli_fail(CLI_USAGE,
				"quantize: --%s: has no use with --shard, which writes "
				"no model",
				said.out ? "output" : "json");
	return CLI_OK;
}

static int check_pick(enum snnq_quantize_method m)
{
	if (said.pick && (layers.count || general || exclude.count || m == SNNQ_QUANTIZE_SEARCH))
		return cli_fail(CLI_USAGE, "quantize: --pick: expected no other grids and no "
					   "search beside it");
	if (said.pick && !point && !target_bits && !target_bytes && !target_energy)
		return cli_fail(CLI_USAGE,
				"quantize: --pick: expected --point or a target of bits, "
				"bytes or energy");
	if (point && (!said.pick || target_bits || target_bytes || target_energy))
		return cli_fail(CLI_USAGE, "quantize: --point: expected --pick, and no target");
	if (said.pick && target_energy && !said.source.path && !said.check.path)
		return cli_fail(CLI_USAGE, "quantize: --target-energy: expected recordings, whose "
					   "spikes take energy");
	return CLI_OK;
}

static int check_recordings(void)
{
	if ((said.opts.constants || weights) && !said.source.path && !said.check.path)
		return cli_fail(CLI_USAGE,
				"quantize: --%s: expected recordings, whose spikes "
				"take energy",
				said.opts.constants ? "constants" : "weights");
	if (said.check_limit && !said.check.path)
		return cli_fail(CLI_USAGE, "quantize: --check-limit: expected --check beside it");
	if (said.source.limit && !said.source.path && said.check.path)
		return cli_fail(CLI_USAGE, "quantize: --limit: is of --calib, which is missing; "
					   "expected --check-limit for --check");
	if (!said.source.path && !said.check.path &&
	    (said.source.name || said.source.split || said.source.limit || said.source.format ||
	     said.source.width || said.source.height))
		return cli_fail(CLI_USAGE, "quantize: options of recordings: expected --calib "
					   "beside them");
	return CLI_OK;
}

static int check_files(void)
{
	if (said.opts.estimate && (said.report || also.count || said.front))
		return cli_fail(CLI_USAGE, "quantize: --estimate: writes nothing, found --%s",
				said.report ? "report" :
				also.count  ? "also" :
					      "front");
	if (merge.count && !said.opts.journal)
		return cli_fail(CLI_USAGE, "quantize: --merge: expected --journal beside it");
	return CLI_OK;
}

static int check_method(enum snnq_quantize_method m)
{
	if (general && (m == SNNQ_QUANTIZE_SEARCH || m >= SNNQ_QUANTIZE_GREEDY))
		return cli_fail(CLI_USAGE,
				"quantize: --default: gives all layers grids and leaves none to "
				"%s, expected --layer or --exclude of some",
				m == SNNQ_QUANTIZE_SEARCH ? "search" : "choose");
	if (!said.pick && !layers.count && !general && !exclude.count &&
	    m != SNNQ_QUANTIZE_SEARCH && m < SNNQ_QUANTIZE_GREEDY)
		return cli_fail(CLI_USAGE,
				"quantize: expected grids (--default, --layer, --pick), or "
				"a target to search them for, found neither");
	if (moments && m != SNNQ_QUANTIZE_COMPENSATE && m != SNNQ_QUANTIZE_SEARCH)
		return cli_fail(CLI_USAGE,
				"quantize: --moments: expected compensate or search, found %s",
				methods[m]);
	if (without.count && (m != SNNQ_QUANTIZE_COMPENSATE || said.opts.estimate))
		return cli_fail(CLI_USAGE, "quantize: --without: expected compensate, found %s",
				said.opts.estimate ? "--estimate" : methods[m]);
	if (seed && m != SNNQ_QUANTIZE_RANDOM)
		return cli_fail(CLI_USAGE, "quantize: --seed: expected random, found %s",
				methods[m]);
	if (m >= SNNQ_QUANTIZE_GREEDY && !target_bits)
		return cli_fail(CLI_USAGE, "quantize: --method %s: --target-bits is missing",
				methods[m]);
	return CLI_OK;
}

static int check(void)
{
	enum snnq_quantize_method m = said.opts.method;
	int code = check_searches(m);

	if (!code)
		code = check_shard();
	if (!code)
		code = check_files();
	if (!code)
		code = check_pick(m);
	if (!code)
		code = check_recordings();
	return code ? code : check_method(m);
}

/* ---- the command line ---- */

static int make_room(void)
{
	parsed.choices = calloc(layers.count + exclude.count + 1, sizeof(*parsed.choices));
	parsed.limits =
		calloc(schemes.count + min_bits.count + max_bits.count + 1, sizeof(*parsed.limits));
	parsed.also = calloc(also.count + 1, sizeof(*parsed.also));
	parsed.texts = calloc(layers.count + 1, sizeof(*parsed.texts));
	return parsed.choices && parsed.limits && parsed.also && parsed.texts ?
		       CLI_OK :
		       cli_fail(CLI_FAILED, "no memory");
}

static int find_device(void)
{
	if (!device)
		return CLI_OK;
	said.opts.device = &parsed.device;
	return capabilities_of(device, &parsed.device);
}

const struct quantize_options *quantize_options_read(int argc, char **argv, int *code)
{
	char **args;

	if (!cli_parse(&command, argc, argv, &args, code))
		return NULL;
	if (!said.out && !shard && !said.opts.estimate)
		*code = cli_fail(CLI_USAGE, "quantize: -o is missing\nusage: snnq %s",
				 command.usage);
	said.in = args[0];
	said.opts.merge = merge.values;
	said.opts.merge_count = merge.count;
	if (!*code)
		*code = make_room();
	if (!*code)
		*code = parse();
	if (!*code)
		*code = check();
	if (!*code)
		*code = find_device();
	return *code ? NULL : &said;
}

void quantize_options_free(void)
{
	struct cli_list *const lists[] = { &layers,   &merge,	 &also,	   &exclude,
					   &min_bits, &max_bits, &schemes, &without };

	for (size_t i = 0; parsed.texts && i <= layers.count; i++)
		free(parsed.texts[i]);
	free(parsed.texts);
	free(parsed.choices);
	free(parsed.limits);
	free(parsed.also);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		free(lists[i]->values);
}
