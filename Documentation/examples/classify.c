// SPDX-License-Identifier: MIT
/* The example of README.md: classify a recording, window by window. */
#include <stdio.h>
#include <snnq.h>

int main(int argc, char **argv)
{
	struct snnq_device *dev;
	struct snnq_model *model;
	struct snnq_stream *stream;
	struct snnq_events *events;
	struct snnq_result r;

	if (argc != 3 || snnq_open("auto", NULL, &dev) ||
	    snnq_model_load(dev, argv[1], NULL, &model) ||
	    snnq_stream_create(model, NULL, &stream) || snnq_events_open(argv[2], NULL, &events))
		return fprintf(stderr, "%s\n", snnq_last_error(NULL)), 1;
	while (snnq_stream_push_events(stream, events, &r) > 0)
		printf("%u %s\n", r.class_index, r.class_name);
	return 0;
}
