// SPDX-License-Identifier: MIT
/*
 * dataset.c - labelled recordings: a list file, or a directory per class.
 *
 * Each line of a list is "path TAB label" or "path,label"; the last separator
 * splits, so that paths may hold commas. Paths are relative to the list. A first
 * line "path,label" is a heading.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

static int compare_samples(const void *a, const void *b)
{
	return strcmp(((const struct cli_sample *)a)->path, ((const struct cli_sample *)b)->path);
}

static bool add_sample(struct cli_dataset *d, const char *folder, const char *shown, uint32_t label)
{
	struct cli_sample *s;

	if (d->count == d->capacity) {
		size_t capacity = d->capacity ? d->capacity * 2 : 64;

		s = realloc(d->samples, capacity * sizeof(*s));
		if (!s)
			return false;
		d->samples = s;
		d->capacity = capacity;
	}
	s = &d->samples[d->count];
	s->label = label;
	s->shown = strdup(shown);
	s->path = NULL;
	if (shown[0] == '/' || !folder[0])
		s->path = strdup(shown);
	else if (asprintf(&s->path, "%s/%s", folder, shown) < 0)
		s->path = NULL;
	d->count++;
	return s->path && s->shown;
}

/* A class by number or name; false when there is none. Without classes any text will do. */
static bool find_label(const char *text, struct snnq_model *model, uint32_t classes,
		       uint32_t *label)
{
	unsigned long n;
	char *end;

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
	n = strtoul(text, &end, 10);
	*label = (uint32_t)n;
	return end != text && !*end && text[0] != '-' && n < classes;
}

/* Split at the last separator and cut blanks; NULL when there is none. */
static char *split_label(char *line)
{
	char *cut = strrchr(line, '\t');

	if (!cut)
		cut = strrchr(line, ',');
	if (!cut)
		return NULL;
	*cut++ = 0;
	return cut + strspn(cut, " ");
}

static int read_list(FILE *f, const char *path, struct snnq_model *model, uint32_t classes,
		     struct cli_dataset *d)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
	char *line = NULL, *label;
	size_t size = 0;
	unsigned int number = 0;
	int code = folder ? CLI_OK : CLI_FAILED;
	uint32_t class;

	if (folder)
		*(slash ? slash : folder) = 0;
	while (!code && getline(&line, &size, f) >= 0) {
		number++;
		line[strcspn(line, "\r\n")] = 0;
		if (!line[0] || line[0] == '#')
			continue;
		label = split_label(line);
		if (number == 1 && label && !strcmp(label, "label"))
			continue;
		if (!label)
			code = cli_fail(CLI_FILE, "%s: line %u: expected a path and a label, "
					"separated by a tab or a comma", path, number);
		else if (!find_label(label, model, classes, &class))
			code = cli_fail(CLI_FILE, "%s: line %u: label: expected a class name or "
					"0..%u, found \"%s\"", path, number, classes - 1, label);
		else if (!add_sample(d, folder, line, class))
			code = cli_fail(CLI_FAILED, "no memory for %s", path);
	}
	free(line);
	free(folder);
	return code;
}

static int read_class_folder(const char *root, const char *name, uint32_t class,
			     struct cli_dataset *d)
{
	char path[4096], shown[4096];
	struct dirent *e;
	int code = CLI_OK;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	dir = opendir(path);
	if (!dir)
		return cli_fail(CLI_FILE, "%s: %s", path, strerror(errno));
	while (!code && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(shown, sizeof(shown), "%s/%s", name, e->d_name);
		if (!add_sample(d, root, shown, class))
			code = cli_fail(CLI_FAILED, "no memory for %s", path);
	}
	closedir(dir);
	return code;
}

static int read_folders(const char *root, struct snnq_model *model, uint32_t classes,
			struct cli_dataset *d)
{
	DIR *dir = opendir(root);
	int code = dir ? CLI_OK : cli_fail(CLI_FILE, "%s: %s", root, strerror(errno));
	struct dirent *e;
	uint32_t class;

	while (!code && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (!find_label(e->d_name, model, classes, &class))
			code = cli_fail(CLI_FILE, "%s/%s: expected folders named as classes or "
					"0..%u", root, e->d_name, classes - 1);
		else
			code = read_class_folder(root, e->d_name, class, d);
	}
	if (dir)
		closedir(dir);
	if (d->count)
		qsort(d->samples, d->count, sizeof(d->samples[0]), compare_samples);
	return code;
}

int cli_dataset_read(const char *path, struct snnq_model *model, uint32_t classes,
		     struct cli_dataset *d)
{
	struct stat st;
	int code;
	FILE *f;

	memset(d, 0, sizeof(*d));
	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		code = read_folders(path, model, classes, d);
	} else {
		f = fopen(path, "re");
		if (!f)
			return cli_fail(CLI_FILE, "%s: %s", path, strerror(errno));
		code = read_list(f, path, model, classes, d);
		fclose(f);
	}
	if (!code && !d->count)
		code = cli_fail(CLI_FILE, "%s: expected at least one recording", path);
	if (code)
		cli_dataset_free(d);
	return code;
}

void cli_dataset_free(struct cli_dataset *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->samples[i].path);
		free(d->samples[i].shown);
	}
	free(d->samples);
	memset(d, 0, sizeof(*d));
}
