// SPDX-License-Identifier: MIT
/*
 * dataset_list.c - labelled recordings without a name: a list file, or a directory per class.
 *
 * Each line of a list is "path TAB label" or "path,label"; the last separator splits, so that
 * paths may hold commas. Fields of a line without a tab may be quoted as in CSV. Lines end in LF,
 * CR LF or CR. Paths are relative to the list. A first line "path,label" is a heading, empty lines
 * and those that begin with # are comments; no other line is passed over. Where labels are not
 * needed a line may be a path alone. A path may end in [PART] (dataset.c).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset.h"

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

int dataset_read_list(const char *path, struct snnq_model *model, uint32_t classes,
		      struct cli_dataset *d)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL, *text = NULL;
	size_t bytes;
	int code;

	if (folder)
		*(slash ? slash : folder) = 0;
	code = folder ? cli_file_text(path, DATASET_LIST_BYTES, &text, &bytes) :
			cli_fail(CLI_FAILED, "no memory for %s", path);
	if (!code)
		code = read_lines(text, bytes, path, folder, model, classes, d);
	free(text);
	free(folder);
	return code;
}

static int compare_samples(const void *a, const void *b)
{
	return strcmp(((const struct cli_sample *)a)->path, ((const struct cli_sample *)b)->path);
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

int dataset_read_folders(const char *root, struct snnq_model *model, uint32_t classes,
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
