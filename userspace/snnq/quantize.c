// SPDX-License-Identifier: MIT
/*
 * quantize.c - `snnq quantize`: a float model to an integer one, scheme and bits by layer.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/output.h"
#include "cli.h"
#include "describe.h"
#include "front.h"
#include "quality.h"
#include "quantize_options.h"
#include "report_html.h"
#include "snnq_tools.h"

/* ---- what is told ---- */

static void report(void *ctx, const struct snnq_quantize_layer *l, uint32_t done, uint32_t total)
{
	char name[256];

	(void)ctx;
	fprintf(stderr, "[%3u/%u] %-20s %-7s %u %-4s  F %u  SQNR ", done, total,
		text_printable(l->name, name, sizeof(name)), l->scheme, l->bits,
		l->bits == 1 ? "bit" : "bits", l->shift);
	if (isfinite(l->sqnr_db))
		fprintf(stderr, "%5.1f dB", l->sqnr_db);
	else
		fprintf(stderr, "exact   ");
	if (!isnan(l->wrong))
		fprintf(stderr, "  wrong %5.2f %%", 100 * l->wrong);
	fprintf(stderr, "  %" PRIu64 " byte%s\n", l->weight_bytes, text_s((double)l->weight_bytes));
}

static void progress(void *ctx, const char *what, size_t done, size_t total)
{
	(void)ctx;
	cli_progress(what, done, total);
}

/* @ctx: the list of warnings. */
static void warn(void *ctx, const char *text)
{
	cli_fail(CLI_OK, "warning: %s", text);
	cJSON_AddItemToArray(ctx, cJSON_CreateString(text));
}

/* What is said of a model besides what it is. */
static cJSON *members(const struct quantize_options *q, const struct snnq_recordings *recordings,
		      const cJSON *warnings, const struct snnq_quantize_quality *quality)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "quality", quality_json(quality));
	if (!q->source.path)
		return o;
	cli_put_recordings(o, recordings);
	cJSON_AddItemToObject(o, "warnings", cJSON_Duplicate(warnings, true));
	return o;
}

static int finish(const struct quantize_options *q, char *result,
		  const struct snnq_recordings *recordings, const cJSON *warnings,
		  const struct snnq_quantize_quality *quality)
{
	int code = CLI_OK;
	cJSON *more, *document;

	if (result && q->report && report_write(result, q->report))
		code = cli_fail(CLI_FAILED, "%s", output_problem());
	if (!code && result && q->front)
		code = front_write(result, q->front);
	if (code)
		return code;
	if (q->opts.shards)
		return cli_fail(CLI_OK, "shard %u/%u is in %s", q->opts.shard, q->opts.shards,
				q->opts.journal);
	document = result && q->explain ? cJSON_Parse(result) : NULL;
	more = members(q, recordings, warnings, quality);
	if (document)
		cJSON_AddItemToObject(more, "explain", front_explained(document));
	if (q->opts.estimate && q->json)
		code = cli_print_json(cJSON_Duplicate(more, true));
	else if (q->opts.estimate)
		quality_print_size(quality);
	else
		code = describe_result(q->out, q->json, more);
	cJSON_Delete(more);
	if (!code && !q->json)
		quality_print(quality);
	if (!code && !q->json && document)
		front_explain(document);
	cJSON_Delete(document);
	return code;
}

/* ---- files ---- */

/* Outputs against all that is read. */
static int check_files(const struct quantize_options *q, const struct snnq_quantize_opts *o)
{
	const char *const others[] = { q->in, q->source.path, q->check.path, o->constants,
				       q->pick };
	size_t outputs = 4 + o->also_count;
	const char **paths = calloc(outputs, sizeof(*paths));
	int code;

	if (!paths)
		return cli_fail(CLI_FAILED, "no memory");
	paths[0] = o->estimate ? NULL : q->out;
	paths[1] = q->report;
	paths[2] = o->journal;
	paths[3] = q->front;
	for (size_t i = 0; i < o->also_count; i++)
		paths[4 + i] = o->also[i].out;
	code = cli_check_outputs(paths, outputs, o->calibration, o->calibration_count);
	if (!code)
		code = cli_check_outputs(paths, outputs, o->check, o->check_count);
	if (!code)
		code = cli_check_outputs(paths, outputs, others, 5);
	/* the journal itself may be among those that go into it */
	paths[2] = NULL;
	if (!code)
		code = cli_check_outputs(paths, outputs, o->merge, o->merge_count);
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
static int read_check(const struct quantize_options *q, const struct cli_dataset *data,
		      struct cli_dataset *others, uint64_t *skip)
{
	struct cli_source how = q->source;
	struct stat st;
	bool arrays;
	int code;

	how.path = q->check.path;
	how.limit = 0;
	if (q->source.path && !stat(q->check.path, &st) && S_ISREG(st.st_mode))
		how.name = how.split = NULL;
	code = cli_dataset_read(&how, NULL, 0, others);
	if (code)
		return code;
	arrays = snnq_values_in(others->samples[0].path);
	if (is_same(q->source.path, q->check.path)) {
		if (!q->source.limit || (!arrays && data->count >= others->count)) {
			cli_dataset_free(others);
			return cli_fail(
				CLI_USAGE,
				"quantize: --check: %s: --calib takes all of its recordings; "
				"expected --limit, which leaves others",
				q->check.path);
		}
		*skip = q->source.limit;
		if (!arrays)
			cli_dataset_drop(others, 0, data->count);
	}
	if (q->check_limit && !arrays)
		cli_dataset_drop(others, q->check_limit, others->count);
	return CLI_OK;
}

/* ---- the work ---- */

/* With points of a front until what is made of one keeps to the targets. @code: of the picking. */
static int run(const struct quantize_options *q, struct snnq_quantize_opts *o,
	       struct front_pick *pick, int *code)
{
	int ret = snnq_quantize(q->in, q->out, o);

	while (ret == -EDOM && q->pick && q->point < 0) {
		cli_fail(CLI_OK, "%s; another point of %s is tried", snnq_last_error(NULL),
			 q->pick);
		*code = front_pick_less(q->pick, o, o->quality, pick);
		if (*code)
			return 0;
		o->choices = pick->choices;
		o->warn = NULL; /* the same again */
		ret = snnq_quantize(q->in, q->out, o);
	}
	return ret;
}

/* What is read, as the library takes it. */
struct inputs {
	struct cli_dataset data, others;
	const char **paths, **other_paths;
	struct snnq_events_opts *how, *other_how;
};

static int read_inputs(const struct quantize_options *q, struct snnq_quantize_opts *o,
		       struct inputs *in)
{
	int code = CLI_OK;

	if (q->source.path)
		code = cli_dataset_read(&q->source, NULL, 0, &in->data);
	if (!code && q->check.path)
		code = read_check(q, &in->data, &in->others, &o->check_skip);
	if (code)
		return code;
	if (!cli_dataset_arrays(&in->data, &in->paths, &in->how, &o->calibration_count) ||
	    !cli_dataset_arrays(&in->others, &in->other_paths, &in->other_how, &o->check_count))
		return cli_fail(CLI_FAILED, "no memory");
	o->calibration = in->paths;
	o->calibration_events = in->how;
	o->calibration_limit = q->source.limit;
	o->check = in->other_paths;
	o->check_events = in->other_how;
	o->check_limit = q->check_limit;
	return check_files(q, o);
}

static void free_inputs(struct inputs *in)
{
	free(in->paths);
	free(in->how);
	free(in->other_paths);
	free(in->other_how);
	cli_dataset_free(&in->data);
	cli_dataset_free(&in->others);
}

static int quantize(const struct quantize_options *q, struct snnq_quantize_opts *o,
		    struct front_pick *pick)
{
	struct snnq_recordings recordings = { 0 };
	struct snnq_quantize_quality quality = { 0 };
	struct inputs in = { .paths = NULL };
	cJSON *warnings = cJSON_CreateArray();
	char *result = NULL;
	int code = read_inputs(q, o, &in), ret;

	o->quality = &quality;
	o->recordings = &recordings;
	o->warn_ctx = warnings;
	o->result = o->method == SNNQ_QUANTIZE_SEARCH && !o->shards ? &result : NULL;
	ret = code ? 0 : run(q, o, pick, &code);
	if (!ret && !code && q->source.path)
		cli_note_recordings(q->source.path, &recordings);
	free_inputs(&in);
	if (ret)
		code = cli_fail(ret == -EINVAL ? CLI_USAGE :
				ret == -EDOM   ? CLI_FAILED :
						 cli_file_code(ret),
				"%s", snnq_last_error(NULL));
	else if (!code)
		code = finish(q, result, &recordings, warnings, &quality);
	cJSON_Delete(warnings);
	free(result);
	return code;
}

static int pick_point(const struct quantize_options *q, struct snnq_quantize_opts *o,
		      struct front_pick *pick)
{
	int code;

	if (!q->pick)
		return CLI_OK;
	code = front_pick(q->pick, q->point, o, pick);
	o->choices = pick->choices;
	o->choice_count = pick->count;
	o->model_hash = pick->model_hash;
	return code;
}

int verb_quantize(int argc, char **argv)
{
	int code;
	const struct quantize_options *q = quantize_options_read(argc, argv, &code);
	struct front_pick pick = { NULL };
	struct snnq_quantize_opts o;

	if (q) {
		o = q->opts;
		o.report = report;
		o.progress = progress;
		o.warn = warn;
		code = pick_point(q, &o, &pick);
		if (!code)
			code = quantize(q, &o, &pick);
		front_pick_free(&pick);
	}
	quantize_options_free();
	return code;
}
