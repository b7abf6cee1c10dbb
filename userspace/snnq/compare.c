// SPDX-License-Identifier: MIT
/*
 * compare.c - `snnq compare`: two models on the same recordings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "snnq_tools.h"

static const char *constants, *device = "sim";
static struct cli_source source = { .usual = "test" };
static uint32_t threads;
static bool json;

static const struct cli_option options[] = {
	{ "data", 0, "LIST", "TSV or CSV of path,label; a folder per class; or an array",
	  .text = &source.path },
	{ "labels", 0, "FILE", "of values: --data is an array of samples, this one of labels",
	  .text = &source.labels },
	CLI_SOURCE_OPTIONS(source),
	{ "constants", 0, "FILE", "of the energy model, as JSON: see snnq-energy(1)",
	  .text = &constants },
	{ "device", 'd', "NAME", "sim (default), or a path: where both run", .text = &device },
	{ "threads", 0, "N", "recordings at a time (default: all CPUs)", .number = &threads },
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"compare A B --data LIST [options]",
	"Run two models on the same labelled recordings: what B gains or loses in accuracy, which\n"
	"answers change, where spikes begin to differ and by how much, what each costs.",
	"snnq compare digits-float.snnq digits.snnq --data test.tsv\n"
	"snnq compare old.snnq new.snnq --data test.tsv --limit 100 --json\n",
	options,
	2,
};

/* ---- are they comparable? ---- */

static int describe(const char *path, cJSON **document)
{
	char *json_text;
	int ret = snnq_describe(path, &json_text);

	if (ret)
		return cli_fail(cli_file_code(ret), "%s", snnq_last_error(NULL));
	*document = cJSON_Parse(json_text);
	free(json_text);
	return *document ? CLI_OK : cli_fail(CLI_FAILED, "no memory");
}

/* A number or word of a document. */
static const char *shown(const cJSON *item, char text[64])
{
	snprintf(text, 64, "nothing");
	if (cJSON_IsNumber(item))
		snprintf(text, 64, "%.10g", item->valuedouble);
	else if (cJSON_IsString(item))
		snprintf(text, 64, "%s", item->valuestring);
	return text;
}

/* The first member of a document's input, of those that @of has, that differs; or NULL. */
static const char *first_difference(cJSON *const *documents, int of)
{
	const cJSON *a = cJSON_GetObjectItemCaseSensitive(documents[of], "input"), *v;
	const cJSON *b = cJSON_GetObjectItemCaseSensitive(documents[!of], "input");

	cJSON_ArrayForEach(v, a)
		if (!cJSON_Compare(v, cJSON_GetObjectItemCaseSensitive(b, v->string), true))
			return v->string;
	return NULL;
}

/* Both must see the same of a recording, and neither something that the other does not know. */
static int check_input(char **paths, cJSON *const *documents)
{
	const cJSON *a = cJSON_GetObjectItemCaseSensitive(documents[0], "input");
	const cJSON *b = cJSON_GetObjectItemCaseSensitive(documents[1], "input");
	const char *key = first_difference(documents, 0);
	char want[64], is[64];

	if (!key)
		key = first_difference(documents, 1);
	if (!key)
		return CLI_OK;
	return cli_fail(CLI_FILE, "%s: input: %s: expected %s, as %s has, found %s", paths[1], key,
			shown(cJSON_GetObjectItemCaseSensitive(a, key), want), paths[0],
			shown(cJSON_GetObjectItemCaseSensitive(b, key), is));
}

static int check_classes(char **paths, const struct cli_session *s)
{
	uint32_t count = s[0].model_info.classes;

	if (s[1].model_info.classes != count)
		return cli_fail(CLI_FILE, "%s: expected %u class%s, as %s has, found %u", paths[1],
				count, count == 1 ? "" : "es", paths[0], s[1].model_info.classes);
	for (uint32_t i = 0; i < count; i++) {
		const char *a = snnq_model_class_name(s[0].model, i);
		const char *b = snnq_model_class_name(s[1].model, i);

		if (a && b && strcmp(a, b))
			return cli_fail(CLI_FILE,
					"%s: class %u: expected \"%s\", as %s has, found \"%s\"",
					paths[1], i, a, paths[0], b);
	}
	return CLI_OK;
}

/* ---- what each costs ---- */

static void show_progress(void *ctx, size_t done, size_t total)
{
	cli_progress(ctx, done, total);
}

static int add_energy(const struct comparison *c, char *path, cJSON *model)
{
	struct snnq_energy_opts opts = { .size = sizeof(opts),
					 .limit = c->data.count,
					 .constants = constants,
					 .reuse = 64,
					 .progress = show_progress,
					 .progress_ctx = path };
	struct snnq_events_opts *how = NULL;
	const char **recordings = NULL;
	char *text = NULL;
	const cJSON *total;
	cJSON *o = NULL;
	int code = CLI_OK, ret;

	if (!cli_dataset_arrays(&c->data, &recordings, &how, &opts.recording_count))
		code = cli_fail(CLI_FAILED, "no memory");
	opts.recordings = recordings;
	opts.events = how;
	ret = code ? 0 : snnq_energy(path, &opts, &text);
	if (ret)
		code = cli_fail(cli_file_code(ret), "%s", snnq_last_error(NULL));
	o = text ? cJSON_Parse(text) : NULL;
	if (!code && !o)
		code = cli_fail(CLI_FAILED, "no memory");
	total = cJSON_GetObjectItemCaseSensitive(o, "total");
	if (!code) {
		cJSON_AddNumberToObject(
			model, "energy_uj",
			cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(total, "total_uj")));
		cJSON_AddNumberToObject(model, "energy_resident_uj",
					cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(
						total, "resident_uj")));
	}
	cJSON_Delete(o);
	free(text);
	free(recordings);
	free(how);
	return code;
}

static int add_costs(const struct comparison *c, char **paths, cJSON *const *documents,
		     cJSON *models)
{
	static const char *const sizes[] = { "model_bytes", "avg_weight_bits" };
	int code = CLI_OK;

	for (int m = 0; !code && m < 2; m++) {
		cJSON *model = cJSON_GetArrayItem(models, m);

		for (int i = 0; i < 2; i++)
			cJSON_AddNumberToObject(
				model, sizes[i],
				cJSON_GetNumberValue(
					cJSON_GetObjectItemCaseSensitive(documents[m], sizes[i])));
		code = add_energy(c, paths[m], model);
	}
	return code;
}

/* ---- the verb ---- */

static int open_models(struct comparison *c, char **paths, cJSON **documents)
{
	int code = CLI_OK;

	for (int m = 0; !code && m < 2; m++) {
		code = cli_session_open(&c->sessions[m], device, threads);
		if (!code)
			code = cli_session_load(&c->sessions[m], paths[m], true);
		if (!code)
			code = describe(paths[m], &documents[m]);
	}
	if (!code)
		code = check_input(paths, documents);
	return code ? code : check_classes(paths, c->sessions);
}

static int report(const struct comparison *c, char **paths, cJSON *const *documents)
{
	cJSON *o = compare_document(c, paths);
	int code =
		o ? add_costs(c, paths, documents, cJSON_GetObjectItemCaseSensitive(o, "models")) :
		    cli_fail(CLI_FAILED, "no memory");

	if (!code) {
		cli_note_recordings(source.path, &c->seen);
		if (json)
			return cli_print_json(o);
		compare_print(o);
		if (fflush(stdout))
			code = cli_fail(CLI_FAILED, "cannot write");
	}
	cJSON_Delete(o);
	return code;
}

int verb_compare(int argc, char **argv)
{
	cJSON *documents[2] = { NULL, NULL };
	struct comparison c = { .steps = 0 };
	char **args;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (!source.path)
		return cli_fail(CLI_USAGE, "compare: --data is missing\nusage: snnq %s",
				command.usage);
	code = open_models(&c, args, documents);
	if (!code)
		code = cli_dataset_read(&source, c.sessions[0].model,
					c.sessions[0].model_info.classes, &c.data);
	if (!code)
		code = compare_layers(&c);
	if (!code)
		code = compare_run(&c, c.sessions[0].threads);
	if (!code)
		code = report(&c, args, documents);
	compare_free(&c);
	cJSON_Delete(documents[0]);
	cJSON_Delete(documents[1]);
	return code;
}
