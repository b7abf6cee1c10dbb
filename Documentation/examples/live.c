// SPDX-License-Identifier: MIT
/*
 * live.c - what a camera sees, as it sees it:  camera | live MODEL [FORMAT]
 *
 * cc live.c $(pkg-config --cflags --libs snnq) -o live
 *
 * A program that gets its events from a camera's library gives them to snnq_feed_push() itself, in
 * whatever chunks they come, and needs no reader.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <snnq.h>

/* Called by a thread of the library, for each window. */
static void show(void *ctx, const struct snnq_result *r)
{
	(void)ctx;
	printf("step %" PRIu64 ": %u %s, after %.2f ms\n", r->first_step, r->class_index,
	       r->class_name ? r->class_name : "", (double)r->latency_ns * 1e-6);
	fflush(stdout);
}

static int fail(void)
{
	fprintf(stderr, "live: %s\n", snnq_last_error(NULL));
	return 1;
}

int main(int argc, char **argv)
{
	struct snnq_events_opts recording = { .size = sizeof(recording) };
	struct snnq_feed_opts opts = { .size = sizeof(opts), .queue = 2, .result = show };
	const struct snnq_event *events;
	struct snnq_feed_info info;
	struct snnq_device *dev;
	struct snnq_model *model;
	struct snnq_stream *stream;
	struct snnq_feed *feed;
	struct snnq_reader *reader;
	int64_t count;
	int ret = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: camera | live MODEL [FORMAT]\n");
		return 2;
	}
	recording.format = argc > 2 ? argv[2] : NULL;
	if (snnq_open("auto", NULL, &dev) || snnq_model_load(dev, argv[1], NULL, &model) ||
	    snnq_stream_create(model, NULL, &stream) || snnq_feed_create(stream, &opts, &feed) ||
	    snnq_reader_open(STDIN_FILENO, "standard input", &recording, &reader))
		return fail();
	while (!ret && (count = snnq_reader_next(reader, &events)) > 0)
		ret = snnq_feed_push(feed, events, (size_t)count);
	if (ret || count < 0 || snnq_feed_finish(feed))
		return fail();
	snnq_feed_info(feed, &info);
	fprintf(stderr, "%" PRIu64 " of %" PRIu64 " windows dropped, %" PRIu64 " events late\n",
		info.dropped_windows, info.windows, info.late_events);
	/* In any order: what others need is kept. */
	snnq_reader_close(reader);
	snnq_feed_destroy(feed);
	snnq_stream_destroy(stream);
	snnq_model_destroy(model);
	snnq_close(dev);
	return 0;
}
