// SPDX-License-Identifier: MIT
/*
 * dataset.c - labelled recordings, wherever they come from.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/part.h"
#include "dataset.h"

static int read_unnamed(const char *path, struct snnq_model *model, uint32_t classes,
			struct cli_dataset *d)
{
	struct stat st;

	if (snnq_values_in(path))
		return dataset_read_array(path, d);
	if (stat(path, &st))
		return cli_fail(CLI_FILE, "%s: %s", path, strerror(errno));
	return S_ISDIR(st.st_mode) ? dataset_read_folders(path, model, classes, d) :
				     dataset_read_list(path, model, classes, d);
}

/*
 * "FILE[PART]" is a recording of a file that has several; arrays of values keep their names. False:
 * no memory.
 */
static bool take_part(struct cli_sample *s, const char *format)
{
	size_t n = strlen(s->path);
	char *part = NULL;

	if (n && s->path[n - 1] == ']' && !snnq_values_in(s->path))
		part = part_split(s->path);
	if (part && asprintf(&s->part, "%s:part=%s", format ? format : "hdf5", part) < 0)
		s->part = NULL;
	return !part || s->part;
}

static int take_parts(const struct cli_source *source, struct cli_dataset *d)
{
	for (size_t i = 0; i < d->count; i++) {
		struct cli_sample *s = &d->samples[i];

		if (!take_part(s, source->format))
			return cli_fail(CLI_FAILED, "no memory for %s", source->path);
		if (s->part && source->format && strstr(source->format, ":part="))
			return cli_fail(CLI_USAGE,
					"%s: --format %s: expected one part, found another behind "
					"the file",
					s->shown, source->format);
	}
	return CLI_OK;
}

int cli_dataset_read(const struct cli_source *source, struct snnq_model *model, uint32_t classes,
		     struct cli_dataset *d)
{
	struct snnq_model_info info = { .input_polarities = 2 };
	int code;

	if (model)
		snnq_model_info(model, &info);
	memset(d, 0, sizeof(*d));
	if (source->split && !source->name)
		return cli_fail(CLI_USAGE, "--split: expected --dataset beside it");
	code = source->name ? dataset_read_named(source, model, classes, d) :
			      read_unnamed(source->path, model, classes, d);
	if (!code && !d->count)
		code = cli_fail(CLI_FILE, "%s: expected at least one recording", source->path);
	if (!code && info.input_values)
		code = dataset_take_samples(source, model, classes, d);
	else if (!code && model && source->labels)
		code = cli_fail(CLI_USAGE, "--labels: of no use: the model takes events");
	if (!code && !info.input_values)
		code = take_parts(source, d);
	if (code)
		cli_dataset_free(d);
	else if (source->limit)
		cli_dataset_drop(d, source->limit, d->count);
	for (size_t i = 0; i < d->count; i++) {
		struct snnq_events_opts *how = &d->samples[i].how;

		how->size = sizeof(*how);
		how->format = source->format ? source->format : how->format;
		if (d->samples[i].part)
			how->format = d->samples[i].part;
		how->width = (uint16_t)source->width;
		how->height = (uint16_t)source->height;
		how->channels = (uint8_t)info.input_polarities;
	}
	return code;
}

bool cli_dataset_arrays(const struct cli_dataset *d, const char ***paths,
			struct snnq_events_opts **how, size_t *count)
{
	*paths = calloc(d->count + 1, sizeof(**paths));
	*how = calloc(d->count + 1, sizeof(**how));
	*count = 0;
	for (size_t i = 0; *paths && *how && i < d->count; i++) {
		if (d->samples[i].sample)
			continue;
		(*paths)[*count] = d->samples[i].path;
		(*how)[(*count)++] = d->samples[i].how;
	}
	return *paths && *how;
}
