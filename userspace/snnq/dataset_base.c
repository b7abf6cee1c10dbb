// SPDX-License-Identifier: MIT
/*
 * dataset_base.c - what readers of lists and of data sets share: recordings, labels, lines.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset.h"
#include "base/number.h"

struct cli_sample *dataset_add(struct cli_dataset *d, const char *folder, const char *shown,
			       uint32_t label)
{
	struct cli_sample *s;

	if (d->count == d->capacity) {
		size_t capacity = d->capacity ? d->capacity * 2 : 64;

		s = realloc(d->samples, capacity * sizeof(*s));
		if (!s)
			return NULL;
		d->samples = s;
		d->capacity = capacity;
	}
	s = &d->samples[d->count];
	*s = (struct cli_sample){ .label = label, .shown = strdup(shown) };
	if (shown[0] == '/' || !folder[0])
		s->path = strdup(shown);
	else if (asprintf(&s->path, "%s/%s", folder, shown) < 0)
		s->path = NULL;
	d->count++;
	return s->path && s->shown ? s : NULL;
}

void cli_dataset_drop(struct cli_dataset *d, size_t from, size_t end)
{
	end = end < d->count ? end : d->count;
	if (from >= end)
		return;
	for (size_t i = from; i < end; i++) {
		free(d->samples[i].path);
		free(d->samples[i].shown);
		free(d->samples[i].part);
	}
	memmove(&d->samples[from], &d->samples[end], (d->count - end) * sizeof(*d->samples));
	d->count -= end - from;
}

void cli_dataset_free(struct cli_dataset *d)
{
	cli_dataset_drop(d, 0, d->count);
	free(d->samples);
	memset(d, 0, sizeof(*d));
}

bool dataset_label(const char *text, struct snnq_model *model, uint32_t classes, uint32_t *label)
{
	uint64_t n;

	*label = 0;
	if (!classes)
		return true;
	for (uint32_t i = 0; model && i < classes; i++) {
		const char *name = snnq_model_class_name(model, i);

		if (name && !strcmp(name, text)) {
			*label = i;
			return true;
		}
	}
	if (!number_parse_u64(text, classes - 1, &n))
		return false;
	*label = (uint32_t)n;
	return true;
}

char *dataset_line(char **text, const char *end)
{
	char *line = *text;
	size_t length;

	if (line >= end)
		return NULL;
	length = strcspn(line, "\r\n");
	if (line + length < end && !line[length])
		return NULL;
	*text = line + length + 1 + (line[length] == '\r' && line[length + 1] == '\n');
	line[length] = 0;
	return line;
}
