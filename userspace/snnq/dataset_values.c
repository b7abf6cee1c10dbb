// SPDX-License-Identifier: MIT
/*
 * dataset_values.c - samples of models that take values: those of one array, with their labels in
 * another, or of the arrays that a list names.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset.h"

/* How many samples a file has; negative: an exit code, negated. */
static int64_t count_samples(const char *path, struct snnq_model *model)
{
	struct snnq_values *values;
	int64_t count;

	if (snnq_values_open(path, &values))
		return -cli_fail(CLI_FILE, "%s (the model takes values)", snnq_last_error(NULL));
	count = snnq_values_samples(values, model);
	if (count < 0)
		count = -cli_fail(CLI_FILE, "%s", snnq_last_error(NULL));
	snnq_values_close(values);
	return count;
}

static bool add_sample(struct cli_dataset *d, const struct cli_sample *file, uint64_t index,
		       bool numbered)
{
	struct cli_sample *s = dataset_add(d, "", file->path, file->label);

	if (!s)
		return false;
	free(s->shown);
	if (asprintf(&s->shown, numbered ? "%s[%" PRIu64 "]" : "%s", file->shown, index) < 0)
		s->shown = NULL;
	s->sample = index;
	return s->shown;
}

static int add_file(struct cli_dataset *d, const struct cli_sample *file, struct snnq_model *model,
		    uint32_t limit)
{
	int64_t count = count_samples(file->path, model);

	if (count < 0)
		return (int)-count;
	for (int64_t i = 0; i < count && (!limit || d->count < limit); i++)
		if (!add_sample(d, file, (uint64_t)i, count > 1))
			return cli_fail(CLI_FAILED, "no memory for %s", file->path);
	return CLI_OK;
}

/* ---- labels ---- */

static int set_labels(const char *path, const double *labels, uint32_t classes,
		      struct cli_dataset *d)
{
	for (size_t i = 0; i < d->count; i++) {
		if (!(labels[i] >= 0 && labels[i] < classes) || labels[i] != trunc(labels[i]))
			return cli_fail(CLI_FILE,
					"%s: element %zu: expected a class from 0 to %u, found %g",
					path, i, classes - 1, labels[i]);
		d->samples[i].label = (uint32_t)labels[i];
	}
	return CLI_OK;
}

/* Of the samples of @data, of which @d has the first. */
static int read_labels(const char *path, const char *data, struct snnq_model *model,
		       uint32_t classes, struct cli_dataset *d)
{
	int64_t count = count_samples(data, model);
	struct snnq_values *values;
	struct snnq_values_info info;
	double *labels;
	int code;

	if (count < 0)
		return (int)-count;
	if (snnq_values_open(path, &values))
		return cli_fail(CLI_FILE, "%s", snnq_last_error(NULL));
	snnq_values_info(values, &info);
	labels = malloc(d->count * sizeof(*labels));
	if (info.count != (uint64_t)count)
		code = cli_fail(CLI_FILE,
				"%s: expected %" PRId64 " labels, one for each sample of %s, found "
				"%" PRIu64,
				path, count, data, info.count);
	else if (!labels)
		code = cli_fail(CLI_FAILED, "no memory for %s", path);
	else if (snnq_values_read(values, 0, d->count, labels) != (int64_t)d->count)
		code = cli_fail(CLI_FILE, "%s", snnq_last_error(NULL));
	else
		code = set_labels(path, labels, classes, d);
	free(labels);
	snnq_values_close(values);
	return code;
}

int dataset_read_array(const char *path, struct cli_dataset *d)
{
	return dataset_add(d, "", path, 0) ? CLI_OK :
					     cli_fail(CLI_FAILED, "no memory for %s", path);
}

/* ---- all of them ---- */

static int check_source(const struct cli_source *s, bool array, uint32_t classes)
{
	const char *useless = s->name	? "dataset" :
			      s->format ? "format" :
			      s->width	? "width" :
			      s->height ? "height" :
					  NULL;

	if (useless)
		return cli_fail(CLI_USAGE, "--%s: of no use: the model takes values, not events",
				useless);
	if (s->labels && !array)
		return cli_fail(CLI_USAGE,
				"--labels: expected an array of samples beside it, found "
				"%s",
				s->path);
	if (array && classes && !s->labels)
		return cli_fail(CLI_USAGE,
				"%s: has no labels: expected --labels FILE.npy, or a list",
				s->path);
	return CLI_OK;
}

int dataset_take_samples(const struct cli_source *source, struct snnq_model *model,
			 uint32_t classes, struct cli_dataset *d)
{
	bool array = snnq_values_in(source->path);
	struct cli_dataset all = { NULL };
	int code = check_source(source, array, classes);

	for (size_t i = 0; !code && i < d->count && (!source->limit || all.count < source->limit);
	     i++)
		code = add_file(&all, &d->samples[i], model, source->limit);
	if (!code && source->labels)
		code = read_labels(source->labels, source->path, model, classes, &all);
	cli_dataset_free(d);
	*d = all;
	return code;
}
