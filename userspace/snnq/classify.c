// SPDX-License-Identifier: MIT
/*
 * classify.c - what a model makes of a sample: the first window of a recording, or values.
 */
#include <string.h>

#include "cli.h"

static int classify_events(const struct cli_session *s, struct snnq_stream *stream,
			   const struct cli_sample *sample, struct snnq_result *result,
			   struct snnq_recordings *seen)
{
	struct snnq_events *events;
	int ret = snnq_events_open(sample->path, &sample->how, &events), code = CLI_OK;

	if (ret)
		return cli_fail(cli_recording_code(ret), "%s", snnq_last_error(NULL));
	ret = snnq_stream_push_events(stream, events, result);
	if (ret < 0)
		code = cli_fail(cli_run_code(ret), "%s: %s", sample->shown,
				snnq_last_error(s->device));
	else if (!ret)
		code = cli_fail(CLI_FILE, "%s: recording has no events", sample->shown);
	else
		snnq_recordings_add(seen, events, result->dropped_events, result->first_step);
	snnq_events_close(events);
	return code;
}

static int open_values(struct cli_runner *r, const char *path)
{
	if (r->values && !strcmp(r->path, path))
		return CLI_OK;
	snnq_values_close(r->values);
	r->values = NULL;
	r->path = path;
	return snnq_values_open(path, &r->values) ?
		       cli_fail(CLI_FILE, "%s (the model takes values)", snnq_last_error(NULL)) :
		       CLI_OK;
}

static int classify_values(const struct cli_session *s, struct cli_runner *r,
			   const struct cli_sample *sample, struct snnq_result *result,
			   struct snnq_recordings *seen)
{
	int ret, code = open_values(r, sample->path);

	if (code)
		return code;
	ret = snnq_stream_push_values(r->stream, r->values, sample->sample, result);
	if (ret < 0)
		code = cli_fail(cli_run_code(ret), "%s", snnq_last_error(s->device));
	else if (!ret)
		code = cli_fail(CLI_FILE, "%s: expected a sample, found none", sample->shown);
	seen->count++;
	seen->clamped_values += code ? 0 : result->clamped_values;
	return code;
}

int cli_classify(const struct cli_session *s, struct cli_runner *runner,
		 const struct cli_sample *sample, struct snnq_result *result,
		 struct snnq_recordings *seen)
{
	*seen = (struct snnq_recordings){ 0 };
	return s->model_info.input_values ?
		       classify_values(s, runner, sample, result, seen) :
		       classify_events(s, runner->stream, sample, result, seen);
}

void cli_runner_close(struct cli_runner *runner)
{
	snnq_stream_destroy(runner->stream);
	snnq_values_close(runner->values);
	*runner = (struct cli_runner){ NULL };
}
