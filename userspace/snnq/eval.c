// SPDX-License-Identifier: MIT
/*
 * eval.c - `snnq eval`: accuracy over a labelled list of recordings.
 *
 * A thread per job in flight: each has a stream and takes the next recording.
 * Results are stored by sample, so that output does not depend on the threads.
 * Only a recording's first window counts.
 */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char *device;
static struct cli_source source = { .usual = "test" };
static uint32_t threads;
static bool json, counts, tsv;

static const struct cli_option options[] = {
	{ "data", 0, "LIST", "TSV or CSV of path,label; a folder per class; or an array",
	  .text = &source.path },
	{ "labels", 0, "FILE", "of values: --data is an array of samples, this one of labels",
	  .text = &source.labels },
	CLI_SOURCE_OPTIONS(source),
	{ "device", 'd', "NAME", "auto (default), sim[:cores=N] or a path", .text = &device },
	{ "threads", 0, "N", "recordings at a time (default: all CPUs)", .number = &threads },
	{ "counts", 0, NULL, "also spikes of the input and of each layer", .flag = &counts },
	{ "tsv", 0, NULL, "a table of predictions on standard output", .flag = &tsv },
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"eval MODEL --data LIST | --dataset NAME DIR [options]",
	"Classify every recording of a labelled list and count what is right.",
	"snnq eval digits.snnq --data test.tsv\n"
	"snnq eval gesture.snnq --data recordings/ --threads 4 --json\n"
	"snnq eval gesture.snnq --dataset dvs128-gesture DvsGesture/\n"
	"snnq eval digits.snnq --data test.tsv --counts --tsv > spikes.tsv\n"
	"snnq eval cifar.snnq --data images.npy --labels labels.npy\n",
	options,
	CLI_ONE_OR_MORE,
};

struct prediction {
	uint32_t class;
	double *scores;
	uint64_t *spikes; /* with --counts: input, then each layer */
	uint64_t synops;
};

struct totals {
	size_t correct;
	double synops;
};

struct evaluation {
	const struct cli_session *session;
	struct cli_dataset data;
	struct prediction *predictions;
	uint32_t classes, layers;

	pthread_mutex_t lock; /* protects what follows */
	size_t next, done;
	int code;
	struct snnq_recordings seen;
};

static int store_counts(struct evaluation *e, struct snnq_stream *stream, struct prediction *p)
{
	struct snnq_layer_counters c;

	p->spikes = calloc(e->layers + 1, sizeof(*p->spikes));
	for (uint32_t i = 0; p->spikes && i < e->layers; i++) {
		if (snnq_stream_counters(stream, i, &c))
			return cli_fail(CLI_DEVICE, "counters: %s",
					snnq_last_error(e->session->device));
		if (!i)
			p->spikes[0] = c.input_spikes;
		p->spikes[i + 1] = c.output_spikes;
	}
	return p->spikes ? CLI_OK : cli_fail(CLI_FAILED, "no memory for counts");
}

static int store_result(struct evaluation *e, struct snnq_stream *stream,
			const struct snnq_result *r, struct prediction *p)
{
	p->scores = calloc(e->classes, sizeof(*p->scores));
	if (!p->scores || r->count != e->classes)
		return cli_fail(CLI_FAILED, "expected %u score%s, found %u", e->classes,
				text_s(e->classes), r->count);
	for (uint32_t c = 0; c < e->classes; c++)
		p->scores[c] = cli_score(r, c);
	p->class = r->class_index;
	p->synops = r->synops;
	return counts ? store_counts(e, stream, p) : CLI_OK;
}

static int classify(struct evaluation *e, struct cli_runner *runner, size_t index)
{
	struct snnq_recordings seen;
	struct snnq_result result;
	int code = cli_classify(e->session, runner, &e->data.samples[index], &result, &seen);

	if (!code)
		code = store_result(e, runner->stream, &result, &e->predictions[index]);
	if (!code) {
		pthread_mutex_lock(&e->lock);
		cli_add_recordings(&e->seen, &seen);
		pthread_mutex_unlock(&e->lock);
	}
	return code;
}

/* The next sample's index, or the number of samples when there is nothing to do. */
static size_t take_sample(struct evaluation *e)
{
	size_t index;

	pthread_mutex_lock(&e->lock);
	index = e->code ? e->data.count : e->next;
	e->next += index < e->data.count;
	pthread_mutex_unlock(&e->lock);
	return index;
}

static void finish_sample(struct evaluation *e, int code)
{
	pthread_mutex_lock(&e->lock);
	if (code)
		e->code = code;
	cli_progress("eval", ++e->done, e->data.count);
	pthread_mutex_unlock(&e->lock);
}

static void *worker(void *arg)
{
	struct evaluation *e = arg;
	struct cli_runner runner = { NULL };
	size_t index;

	if (snnq_stream_create(e->session->model,
			       SNNQ_OPTS(struct snnq_stream_opts, .priority = SNNQ_PRIO_NORMAL,
					 .profile = true),
			       &runner.stream)) {
		finish_sample(e, cli_fail(CLI_DEVICE, "stream: %s",
					  snnq_last_error(e->session->device)));
		return NULL;
	}
	while ((index = take_sample(e)) < e->data.count)
		finish_sample(e, classify(e, &runner, index));
	cli_runner_close(&runner);
	return NULL;
}

static int run_workers(struct evaluation *e, uint32_t n)
{
	pthread_t *ids = calloc(n, sizeof(*ids));
	uint32_t started = 0;

	while (ids && started < n && !pthread_create(&ids[started], NULL, worker, e))
		started++;
	for (uint32_t i = 0; i < started; i++)
		pthread_join(ids[i], NULL);
	free(ids);
	return started ? e->code : cli_fail(CLI_FAILED, "no thread could be started");
}

static const char *layer_name(const struct evaluation *e, uint32_t layer)
{
	struct snnq_layer_info info;

	return snnq_model_layer(e->session->model, layer, &info) ? "?" : info.name;
}

static cJSON *prediction_json(const struct evaluation *e, size_t i)
{
	const struct prediction *p = &e->predictions[i];
	cJSON *o = cJSON_CreateObject(), *scores, *spikes;

	cJSON_AddStringToObject(o, "path", e->data.samples[i].shown);
	cJSON_AddNumberToObject(o, "label", e->data.samples[i].label);
	cJSON_AddNumberToObject(o, "class", p->class);
	scores = cJSON_AddArrayToObject(o, "scores");
	for (uint32_t c = 0; c < e->classes; c++)
		cJSON_AddItemToArray(scores, cJSON_CreateNumber(p->scores[c]));
	if (!counts)
		return o;
	cJSON_AddNumberToObject(o, "input_spikes", p->spikes[0]);
	spikes = cJSON_AddObjectToObject(o, "layer_spikes");
	for (uint32_t l = 0; l < e->layers; l++)
		cJSON_AddNumberToObject(spikes, layer_name(e, l), p->spikes[l + 1]);
	return o;
}

static int print_json(const struct evaluation *e, const struct totals *t)
{
	cJSON *o = cJSON_CreateObject(), *list_json;

	cJSON_AddStringToObject(o, "kind", "evaluation");
	cJSON_AddStringToObject(o, "device", e->session->device_info.name);
	cJSON_AddStringToObject(o, "arithmetic", e->session->model_info.arithmetic);
	cJSON_AddNumberToObject(o, "samples", e->data.count);
	cJSON_AddNumberToObject(o, "correct", t->correct);
	cJSON_AddNumberToObject(o, "accuracy", (double)t->correct / e->data.count);
	cJSON_AddNumberToObject(o, "synops_per_sample", t->synops / e->data.count);
	cli_put_recordings(o, &e->seen);
	list_json = cJSON_AddArrayToObject(o, "predictions");
	for (size_t i = 0; i < e->data.count; i++)
		cJSON_AddItemToArray(list_json, prediction_json(e, i));
	return cli_print_json(o);
}

/* Columns: path, label, class, scores with commas; with --counts input and layers. */
static int print_table(const struct evaluation *e)
{
	char name[256];

	printf("path\tlabel\tclass\tscores");
	if (counts)
		printf("\tinput");
	for (uint32_t l = 0; counts && l < e->layers; l++)
		printf("\t%s", text_printable(layer_name(e, l), name, sizeof(name)));
	printf("\n");
	for (size_t i = 0; i < e->data.count; i++) {
		const struct prediction *p = &e->predictions[i];
		char path[4200];

		printf("%s\t%u\t%u\t", text_printable(e->data.samples[i].shown, path, sizeof(path)),
		       e->data.samples[i].label, p->class);
		for (uint32_t c = 0; c < e->classes; c++)
			printf("%s%.10g", c ? "," : "", p->scores[c]);
		for (uint32_t l = 0; counts && l <= e->layers; l++)
			printf("\t%" PRIu64, p->spikes[l]);
		printf("\n");
	}
	return fflush(stdout) ? cli_fail(CLI_FAILED, "cannot write the table") : CLI_OK;
}

static struct totals sum_up(const struct evaluation *e)
{
	struct totals t = { 0 };

	for (size_t i = 0; i < e->data.count; i++) {
		const struct prediction *p = &e->predictions[i];

		t.correct += p->class == e->data.samples[i].label;
		t.synops += (double)p->synops;
	}
	return t;
}

static int report(const struct evaluation *e)
{
	struct totals t = sum_up(e);

	cli_note_recordings(source.path, &e->seen);
	if (json)
		return print_json(e, &t);
	if (tsv)
		return print_table(e);
	printf("%zu of %zu right (%.2f %%) on %s, %s arithmetic, %.0f synaptic operation%s per "
	       "sample",
	       t.correct, e->data.count, 100.0 * t.correct / e->data.count,
	       e->session->device_info.name, e->session->model_info.arithmetic,
	       t.synops / e->data.count, text_s(rint(t.synops / e->data.count)));
	if (e->seen.dropped_events)
		printf(", %" PRIu64 " event%s dropped", e->seen.dropped_events,
		       text_s((double)e->seen.dropped_events));
	printf("\n");
	return CLI_OK;
}

static int evaluate(struct cli_session *s)
{
	struct evaluation e = { .session = s,
				.classes = s->model_info.classes,
				.layers = s->model_info.layers };
	int code = cli_dataset_read(&source, s->model, e.classes, &e.data);

	if (code)
		return code;
	e.predictions = calloc(e.data.count, sizeof(*e.predictions));
	pthread_mutex_init(&e.lock, NULL);
	code = e.predictions ? run_workers(&e, s->threads) : cli_fail(CLI_FAILED, "no memory");
	if (!code)
		code = report(&e);
	for (size_t i = 0; e.predictions && i < e.data.count; i++) {
		free(e.predictions[i].scores);
		free(e.predictions[i].spikes);
	}
	free(e.predictions);
	pthread_mutex_destroy(&e.lock);
	cli_dataset_free(&e.data);
	return code;
}

/* A data set's folder follows the model, or --data. */
static int take_source(char **args)
{
	if (args[1] && source.name && !source.path)
		source.path = *++args;
	if (args[1])
		return cli_fail(CLI_USAGE, "eval: too many arguments\nusage: snnq %s (see --help)",
				command.usage);
	if (!source.path)
		return cli_fail(CLI_USAGE, "eval: %s\nusage: snnq %s",
				source.name ? "the data set's folder is missing" :
					      "--data is missing",
				command.usage);
	return CLI_OK;
}

int verb_eval(int argc, char **argv)
{
	struct cli_session s;
	char **args;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	code = take_source(args);
	if (code)
		return code;
	if (json && tsv)
		return cli_fail(CLI_USAGE, "eval: --json and --tsv exclude each other");
	if (counts && !json && !tsv)
		return cli_fail(CLI_USAGE, "eval: --counts needs --json or --tsv");
	code = cli_session_open(&s, device, threads);
	if (!code)
		code = cli_session_load(&s, args[0], false);
	if (!code)
		code = evaluate(&s);
	cli_session_close(&s);
	return code;
}
