// SPDX-License-Identifier: MIT
/*
 * dataset.c - labelled recordings: a list file, or a directory per class.
 *
 * Each line of a list is "path TAB label" or "path,label"; the last separator splits, so that
 * paths may hold commas. Fields of a line without a tab may be quoted as in CSV. Lines end in LF,
 * CR LF or CR. Paths are relative to the list. A first line "path,label" is a heading, empty lines
 * and those that begin with # are comments; no other line is passed over. Where labels are not
 * needed a line may be a path alone.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset.h"
#include "base/number.h"

#define LIST_MAX_BYTES (256 << 20)

static int compare_samples(const void *a, const void *b)
{
	return strcmp(((const struct cli_sample *)a)->path, ((const struct cli_sample *)b)->path);
}

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

/* Take the quotes off a field that begins with one, in place; what follows it, NULL: not closed. */
static char *unquote(char *field)
{
	char *to = field, *from = field + 1;

	while (*from && (*from != '"' || from[1] == '"')) {
		from += *from == '"';
		*to++ = *from++;
	}
	if (!*from)
		return NULL;
	*to = 0;
	return from + 1;
}

/* Split "path","label", with quotes around either. @label stays NULL when there is none. */
static const char *split_quoted(char *line, char **label)
{
	char *rest = unquote(line);

	if (!rest)
		return "a closing quote";
	rest += strspn(rest, " ");
	if (!*rest)
		return NULL;
	if (*rest != ',')
		return "a comma after the quoted path";
	*label = rest + 1;
	return NULL;
}

/* Split @line in place. NULL, or what was expected. @label: NULL when there is none. */
static const char *split_line(char *line, char **label)
{
	char *cut = strrchr(line, '\t'), *rest;
	bool csv = !cut;
	const char *expected = NULL;

	*label = NULL;
	if (csv && line[0] == '"') {
		expected = split_quoted(line, label);
	} else {
		cut = cut ? cut : strrchr(line, ',');
		if (cut)
			*cut++ = 0;
		*label = cut;
	}
	if (!*label)
		return expected;
	*label += strspn(*label, " ");
	if (csv && **label == '"') {
		rest = unquote(*label);
		if (!rest || rest[strspn(rest, " ")])
			return "a label in closed quotes";
	}
	return expected;
}

static int read_line(char *line, const char *path, const char *folder, unsigned int number,
		     struct snnq_model *model, uint32_t classes, struct cli_dataset *d)
{
	const char *expected;
	uint32_t class;
	char *label;

	if (!line[0] || line[0] == '#')
		return CLI_OK;
	expected = split_line(line, &label);
	if (!expected && number == 1 && label && !strcmp(label, "label"))
		return CLI_OK;
	if (!expected && (!line[0] || (classes && !label)))
		expected = "a path and a label, separated by a tab or a comma";
	if (expected)
		return cli_fail(CLI_FILE, "%s: line %u: expected %s", path, number, expected);
	if (!dataset_label(label ? label : "", model, classes, &class))
		return cli_fail(CLI_FILE,
				"%s: line %u: label: expected a class name or 0..%u, found "
				"\"%s\"",
				path, number, classes - 1, label);
	return dataset_add(d, folder, line, class) ? CLI_OK :
						     cli_fail(CLI_FAILED, "no memory for %s", path);
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

static int read_lines(char *text, size_t bytes, const char *path, const char *folder,
		      struct snnq_model *model, uint32_t classes, struct cli_dataset *d)
{
	char *end = text + bytes, *line;
	unsigned int number = 1;
	int code = CLI_OK;

	if (bytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3; /* the mark of the byte order */
	while (!code && (line = dataset_line(&text, end)))
		code = read_line(line, path, folder, number++, model, classes, d);
	if (!code && text < end)
		code = cli_fail(CLI_FILE, "%s: line %u: expected text, found a zero byte", path,
				number);
	return code;
}

int dataset_text(const char *path, char **text, size_t *bytes)
{
	struct stat st;
	FILE *f;

	*text = NULL;
	if (stat(path, &st))
		return cli_fail(CLI_FILE, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return cli_fail(CLI_FILE, "%s: expected a regular file or a folder", path);
	if (st.st_size > LIST_MAX_BYTES)
		return cli_fail(CLI_FILE, "%s: expected a list of at most %d bytes, found %jd",
				path, LIST_MAX_BYTES, (intmax_t)st.st_size);
	*bytes = (size_t)st.st_size;
	f = fopen(path, "re");
	if (!f)
		return cli_fail(CLI_FILE, "%s: %s", path, strerror(errno));
	*text = calloc(1, *bytes + 2);
	if (!*text || fread(*text, 1, *bytes, f) != *bytes) {
		fclose(f);
		return *text ? cli_fail(CLI_FILE, "%s: cannot be read", path) :
			       cli_fail(CLI_FAILED, "no memory for %s", path);
	}
	fclose(f);
	return CLI_OK;
}

static int read_list(const char *path, struct snnq_model *model, uint32_t classes,
		     struct cli_dataset *d)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL, *text = NULL;
	size_t bytes;
	int code;

	if (folder)
		*(slash ? slash : folder) = 0;
	code = folder ? dataset_text(path, &text, &bytes) :
			cli_fail(CLI_FAILED, "no memory for %s", path);
	if (!code)
		code = read_lines(text, bytes, path, folder, model, classes, d);
	free(text);
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
		if (!dataset_add(d, root, shown, class))
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
		if (!dataset_label(e->d_name, model, classes, &class))
			code = cli_fail(CLI_FILE,
					"%s/%s: expected folders named as classes or "
					"0..%u",
					root, e->d_name, classes - 1);
		else
			code = read_class_folder(root, e->d_name, class, d);
	}
	if (dir)
		closedir(dir);
	if (d->count)
		qsort(d->samples, d->count, sizeof(d->samples[0]), compare_samples);
	return code;
}

static void drop_after(struct cli_dataset *d, size_t count)
{
	for (size_t i = count; i < d->count; i++) {
		free(d->samples[i].path);
		free(d->samples[i].shown);
	}
	if (d->count > count)
		d->count = count;
}

static int read_unnamed(const char *path, struct snnq_model *model, uint32_t classes,
			struct cli_dataset *d)
{
	struct stat st;

	if (stat(path, &st))
		return cli_fail(CLI_FILE, "%s: %s", path, strerror(errno));
	return S_ISDIR(st.st_mode) ? read_folders(path, model, classes, d) :
				     read_list(path, model, classes, d);
}

int cli_dataset_read(const struct cli_source *source, struct snnq_model *model, uint32_t classes,
		     struct cli_dataset *d)
{
	int code;

	memset(d, 0, sizeof(*d));
	if (source->split && !source->name)
		return cli_fail(CLI_USAGE, "--split: expected --dataset beside it");
	code = source->name ? dataset_read_named(source, model, classes, d) :
			      read_unnamed(source->path, model, classes, d);
	if (!code && !d->count)
		code = cli_fail(CLI_FILE, "%s: expected at least one recording", source->path);
	if (code)
		cli_dataset_free(d);
	else if (source->limit)
		drop_after(d, source->limit);
	for (size_t i = 0; i < d->count; i++) {
		struct snnq_events_opts *how = &d->samples[i].how;

		how->size = sizeof(*how);
		how->format = source->format ? source->format : how->format;
		how->width = (uint16_t)source->width;
		how->height = (uint16_t)source->height;
	}
	return code;
}

bool cli_dataset_arrays(const struct cli_dataset *d, const char ***paths,
			struct snnq_events_opts **how)
{
	*paths = calloc(d->count + 1, sizeof(**paths));
	*how = calloc(d->count + 1, sizeof(**how));
	for (size_t i = 0; *paths && *how && i < d->count; i++) {
		(*paths)[i] = d->samples[i].path;
		(*how)[i] = d->samples[i].how;
	}
	return *paths && *how;
}

void cli_dataset_free(struct cli_dataset *d)
{
	drop_after(d, 0);
	free(d->samples);
	memset(d, 0, sizeof(*d));
}
