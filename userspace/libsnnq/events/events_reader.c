// SPDX-License-Identifier: MIT
/*
 * events_reader.c - events of a file or pipe, forward only, as they come.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "source.h"

#define BATCH_EVENTS 65536

struct snnq_reader {
	struct events_source source;
	struct snnq_events *batch;
};

void snnq_reader_close(struct snnq_reader *reader)
{
	if (!reader)
		return;
	source_close(&reader->source);
	if (reader->batch)
		events_free(reader->batch);
	free(reader);
}

int snnq_reader_open(int fd, const char *name, const struct snnq_events_opts *opts,
		     struct snnq_reader **out)
{
	struct snnq_reader *reader;
	int ret;

	if (fd < 0 || !name || !out || (opts && opts->size != sizeof(*opts)))
		return error_set(-EINVAL, "snnq_reader_open: bad argument");
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return error_set(-ENOMEM, "%s: no memory", name);
	reader->batch = events_new();
	ret = reader->batch ? source_open(&reader->source, fd, false, name, opts, reader->batch) :
			      error_set(-ENOMEM, "%s: no memory", name);
	if (ret) {
		snnq_reader_close(reader);
		return ret;
	}
	reader->batch->limit = BATCH_EVENTS;
	*out = reader;
	return 0;
}

int64_t snnq_reader_next(struct snnq_reader *reader, const struct snnq_event **events)
{
	int ret;

	reader->batch->count = 0;
	ret = source_read(&reader->source, reader->batch, true);
	/* What was before the fault is good. */
	if (ret && !reader->batch->count)
		return ret;
	*events = reader->batch->data;
	return (int64_t)reader->batch->count;
}

int snnq_reader_info(struct snnq_reader *reader, struct snnq_events_info *info)
{
	*info = reader->batch->info;
	return 0;
}
