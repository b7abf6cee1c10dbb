// SPDX-License-Identifier: MIT
/*
 * live.c - `snnq run MODEL -`: results of events that come through a pipe, as they come.
 *
 * Also where a signal ends the input, the last window gets its result, and what was lost is said.
 */
#include "live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "standard input"

struct live {
	const struct cli_session *session;
	const struct live_opts *opts;
	struct snnq_stream *stream;
	struct snnq_feed *feed;
	struct snnq_reader *reader;
	uint64_t first_step; /* of the first result */
	bool any, failed;
};

/* One line, at once. */
static bool print_line(cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);
	bool done = text && printf("%s\n", text) >= 0 && !fflush(stdout);

	free(text);
	cJSON_Delete(o);
	return done;
}

static void take_result(void *ctx, const struct snnq_result *r)
{
	struct live *l = ctx;

	if (!l->any)
		l->first_step = r->first_step;
	l->any = true;
	if (l->opts->json) {
		l->failed |= !print_line(cli_result_json(r));
	} else {
		cli_print_result(l->session, r);
		l->failed |= fflush(stdout) != 0;
	}
}

static int feed_all(struct live *l)
{
	const struct snnq_event *events;
	int64_t n = 0;
	int ret = 0, end;

	while (!ret && !l->failed && (n = snnq_reader_next(l->reader, &events)) > 0)
		ret = snnq_feed_push(l->feed, events, (size_t)n);
	if (n < 0 && !cli_input_ended()) { /* a signal may cut an event */
		/* what came before the fault has its results first */
		char *why = strdup(snnq_last_error(NULL));

		snnq_feed_finish(l->feed);
		cli_fail(CLI_FILE, "%s", why ? why : NAME ": damaged");
		free(why);
		return CLI_FILE;
	}
	end = snnq_feed_finish(l->feed);
	if (ret || end)
		return cli_fail(CLI_DEVICE, "run: %s", snnq_last_error(l->session->device));
	return l->failed ? cli_fail(CLI_FAILED, "standard output: cannot be written") : CLI_OK;
}

/* What was lost, on standard error and as the last line of JSON. */
static int report(const struct live *l)
{
	struct snnq_events_info read;
	struct snnq_feed_info fed;
	struct snnq_recordings seen = { .count = 1 };
	cJSON *o;

	snnq_reader_info(l->reader, &read);
	snnq_feed_info(l->feed, &fed);
	seen.dropped_events = read.dropped + fed.dropped_events - fed.late_events;
	seen.damaged_bytes = read.damaged_bytes;
	seen.damaged = read.damaged_bytes > 0;
	seen.far_from_origin = l->first_step > 0;
	cli_note_recordings(NAME, &seen);
	if (fed.late_events)
		cli_fail(CLI_OK, NAME ": note: %" PRIu64 " event%s complete, and %s dropped",
			 fed.late_events,
			 fed.late_events == 1 ? " came after its window was" :
						"s came after their windows were",
			 fed.late_events == 1 ? "is" : "are");
	if (read.nonmonotonic)
		cli_fail(CLI_OK,
			 NAME ": note: %" PRIu64 " event%s back in time; within a window the order "
			      "is all the same",
			 read.nonmonotonic, read.nonmonotonic == 1 ? " goes" : "s go");
	if (fed.dropped_windows)
		cli_fail(CLI_OK,
			 NAME ": note: %" PRIu64 " of %" PRIu64 " window%s %s dropped: the device "
			      "is slower than the events",
			 fed.dropped_windows, fed.windows, text_s((double)fed.windows),
			 fed.dropped_windows == 1 ? "is" : "are");
	if (!l->opts->json)
		return CLI_OK;
	seen.nonmonotonic = read.nonmonotonic; /* late where they are of another window */
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", "feed");
	cJSON_AddStringToObject(o, "format", read.format);
	cJSON_AddNumberToObject(o, "events", read.events);
	cJSON_AddNumberToObject(o, "windows", fed.windows);
	cJSON_AddNumberToObject(o, "results", fed.results);
	cJSON_AddNumberToObject(o, "dropped_windows", fed.dropped_windows);
	cJSON_AddNumberToObject(o, "late_events", fed.late_events);
	cli_put_recordings(o, &seen);
	return print_line(o) ? CLI_OK : cli_fail(CLI_FAILED, "standard output: cannot be written");
}

static int run(struct live *l)
{
	int ret = snnq_stream_create(l->session->model,
				     SNNQ_OPTS(struct snnq_stream_opts,
					       .priority = SNNQ_PRIO_NORMAL, .profile = true),
				     &l->stream);
	int code;

	if (!ret)
		ret = snnq_feed_create(l->stream,
				       SNNQ_OPTS(struct snnq_feed_opts, .queue = l->opts->queue,
						 .wait = l->opts->wait, .result = take_result,
						 .result_ctx = l),
				       &l->feed);
	if (ret)
		return cli_fail(cli_file_code(ret), "feed: %s",
				snnq_last_error(l->session->device));
	ret = snnq_reader_open(STDIN_FILENO, NAME, &l->opts->events, &l->reader);
	if (ret)
		return cli_input_ended() ?
			       CLI_OK :
			       cli_fail(cli_recording_code(ret), "%s", snnq_last_error(NULL));
	code = feed_all(l);
	if (!code && !l->any && !cli_input_ended())
		code = cli_fail(CLI_FILE, NAME ": no events");
	if (!code)
		code = report(l);
	return code;
}

int live_run(const struct cli_session *session, const struct live_opts *opts)
{
	struct live l = { .session = session, .opts = opts };
	int code = cli_signals_end_input();

	if (!code)
		code = run(&l);
	snnq_feed_destroy(l.feed);
	snnq_stream_destroy(l.stream);
	snnq_reader_close(l.reader);
	return code;
}
