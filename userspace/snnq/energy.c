// SPDX-License-Identifier: MIT
/*
 * energy.c - `snnq energy`: what inferences of models cost, side by side.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "snnq_tools.h"

static const char *constants;
static struct cli_source source = { .usual = "test" };
static uint32_t reuse = 64;
static bool json, layers, tick_batching, reload, resident, all_rows;

static const struct cli_option options[] = {
	{ "data", 0, "LIST", "TSV or CSV of path,label; a folder per class; or an array",
	  .text = &source.path },
	CLI_SOURCE_OPTIONS(source),
	{ "constants", 0, "FILE", "another table of constants, as JSON", .text = &constants },
	{ "reuse", 0, "N", "positions x steps served by one read of a weight (64); 0: all",
	  .number = &reuse, .zero = true },
	{ "tick-batching", 0, NULL, "potentials stay in registers for all steps",
	  .flag = &tick_batching },
	{ "reload", 0, NULL, "weights come from DRAM in each step", .flag = &reload },
	{ "resident", 0, NULL, "weights stay on the chip: none come from DRAM", .flag = &resident },
	{ "all-rows", 0, NULL, "read weights of silent inputs too", .flag = &all_rows },
	{ "layers", 0, NULL, "also a line for each layer", .flag = &layers },
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"energy MODEL... --data LIST [options]",
	"Run models, float or integer, on recordings and compute the energy of an inference\n"
	"from exact counts with a 45 nm model (not a measurement of silicon). Ratios are to the\n"
	"first model.",
	"snnq energy float.snnq uniform8.snnq digits.snnq --data test.tsv\n"
	"snnq energy digits.snnq --data test.tsv --limit 20 --layers\n"
	"snnq energy float.snnq digits.snnq --data test.tsv --constants 28nm.json --json\n",
	options,
	CLI_ONE_OR_MORE,
};

static const cJSON *get(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

static double number(const cJSON *o, const char *key)
{
	return cJSON_GetNumberValue(get(o, key));
}

static const char *text(const cJSON *o, const char *key)
{
	return cJSON_GetStringValue(get(o, key));
}

/* ---- text ---- */

static void print_layers(const cJSON *model)
{
	const cJSON *l;

	cJSON_ArrayForEach(l, get(model, "layers")) {
		char grid[24] = "", name[256];

		if (number(l, "bits"))
			snprintf(grid, sizeof(grid), "%.12s:%.0f", text(l, "scheme"),
				 number(l, "bits"));
		printf("  %-16.16s %-10.10s rate %5.1f %% %10.3f %10.3f %10.3f %11.3f %10.3f\n",
		       text_printable(text(l, "name"), name, sizeof(name)), grid,
		       100 * number(l, "input_rate"), number(l, "compute_uj"), number(l, "sram_uj"),
		       number(l, "dram_uj"), number(l, "total_uj"), number(l, "paper_uj"));
	}
}

/* Rate of spikes over the inputs of all layers with weights, each layer counting once. */
static double mean_rate(const cJSON *model)
{
	const cJSON *l;
	double sum = 0;
	int n = 0;

	cJSON_ArrayForEach(l, get(model, "layers")) {
		if (!number(l, "bits"))
			continue;
		sum += number(l, "input_rate");
		n++;
	}
	return n ? sum / n : 0;
}

static void print_text(const cJSON *models)
{
	const cJSON *first = cJSON_GetArrayItem(models, 0), *m, *flow = get(first, "dataflow");
	char technology[256];

	printf("%s, microjoule per inference, mean of %.0f recording%s",
	       text_printable(text(first, "technology"), technology, sizeof(technology)),
	       number(first, "recordings"), text_s(number(first, "recordings")));
	if (number(first, "dropped_events"))
		printf(", %.0f event%s dropped", number(first, "dropped_events"),
		       text_s(number(first, "dropped_events")));
	printf("\n");
	const char *loads = cJSON_IsTrue(get(flow, "resident")) ?
				    "weights stay on the chip" :
			    cJSON_IsTrue(get(flow, "reload")) ?
				    "weights from DRAM once per step" :
				    "weights from DRAM once per inference";

	printf("dataflow: a weight read serves ");
	if (number(flow, "reuse"))
		printf("%.0f positions x steps", number(flow, "reuse"));
	else
		printf("all positions and steps");
	printf("; rows read: %s; potentials: %s; %s\n",
	       cJSON_IsTrue(get(flow, "all_rows")) ? "all" : "those with spikes",
	       cJSON_IsTrue(get(flow, "tick_batching")) ? "in registers" : "in SRAM", loads);
	printf("paper: %g pJ x MACs of layers with counts as input + %g pJ x synaptic operations\n\n",
	       number(get(get(first, "constants"), "paper_mac"), "pj"),
	       number(get(get(first, "constants"), "paper_ac"), "pj"));
	printf("%-29s %-12s %10s %10s %10s %11s %10s  ratio\n", "model, bits per weight",
	       "spike rate", "compute", "SRAM", "DRAM", "total", "paper");
	cJSON_ArrayForEach(m, models) {
		const cJSON *t = get(m, "total");
		const char *path = text(m, "path"), *slash = strrchr(path, '/');
		char name[256];

		printf("%-22.22s %6.3f %9.1f %%  %10.3f %10.3f %10.3f %11.3f %10.3f %5.2fx\n",
		       text_printable(slash ? slash + 1 : path, name, sizeof(name)),
		       number(m, "avg_weight_bits"), 100 * mean_rate(m), number(t, "compute_uj"),
		       number(t, "sram_uj"), number(t, "dram_uj"), number(t, "total_uj"),
		       number(t, "paper_uj"), number(m, "ratio"));
		if (layers)
			print_layers(m);
	}
}

/* ---- running ---- */

static void show_progress(void *ctx, size_t done, size_t total)
{
	cli_progress(ctx, done, total);
}

/* Energies of @path's model, added to @models. */
static int add_model(const char *path, const char **recordings, const struct snnq_events_opts *how,
		     size_t count, cJSON *models)
{
	struct snnq_recordings seen = { 0 };
	char *document;
	cJSON *o;
	int ret =
		snnq_energy(path,
			    SNNQ_OPTS(struct snnq_energy_opts, .recordings = recordings,
				      .recording_count = count, .events = how, .seen = &seen,
				      .limit = source.limit, .constants = constants, .reuse = reuse,
				      .tick_batching = tick_batching, .reload = reload,
				      .resident = resident, .all_rows = all_rows,
				      .progress = show_progress, .progress_ctx = (void *)path),
			    &document);

	if (ret)
		return cli_fail(ret == -EINVAL ? CLI_USAGE : cli_file_code(ret), "%s",
				snnq_last_error(NULL));
	cli_note_recordings(path, &seen);
	o = cJSON_Parse(document);
	free(document);
	if (!o)
		return cli_fail(CLI_FAILED, "no memory");
	cJSON_AddItemToArray(models, o);
	cJSON_AddNumberToObject(o, "ratio",
				number(get(cJSON_GetArrayItem(models, 0), "total"), "total_uj") /
					number(get(o, "total"), "total_uj"));
	return CLI_OK;
}

static int run_models(char **paths, const char **recordings, const struct snnq_events_opts *how,
		      size_t count)
{
	cJSON *o = cJSON_CreateObject(), *models;
	int code = CLI_OK;

	cJSON_AddStringToObject(o, "kind", "energy");
	models = cJSON_AddArrayToObject(o, "models");
	for (; !code && *paths; paths++)
		code = add_model(*paths, recordings, how, count, models);
	if (!code && json)
		return cli_print_json(o);
	if (!code) {
		print_text(models);
		if (fflush(stdout))
			code = cli_fail(CLI_FAILED, "cannot write");
	}
	cJSON_Delete(o);
	return code;
}

int verb_energy(int argc, char **argv)
{
	struct cli_dataset data = { NULL };
	struct snnq_events_opts *how;
	const char **recordings;
	size_t count;
	char **args;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (!source.path)
		return cli_fail(CLI_USAGE, "energy: --data is missing\nusage: snnq %s",
				command.usage);
	if (reload && resident)
		return cli_fail(CLI_USAGE, "energy: --resident: weights that are loaded in each "
					   "step are not resident, found --reload");
	if (json && layers)
		return cli_fail(CLI_USAGE, "energy: --layers has no use with --json, which has all "
					   "layers");
	code = cli_dataset_read(&source, NULL, 0, &data);
	if (code)
		return code;
	code = cli_dataset_arrays(&data, &recordings, &how, &count) ?
		       run_models(args, recordings, how, count) :
		       cli_fail(CLI_FAILED, "no memory");
	free(recordings);
	free(how);
	cli_dataset_free(&data);
	return code;
}
