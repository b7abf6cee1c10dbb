// SPDX-License-Identifier: MIT
/*
 * dataset_named.c - data sets as users download them.
 *
 * Most are a folder for each class, in folders of the train and the test set or, where the
 * authors made none, with the first nine of ten recordings of each class, by name, for training.
 * DVS128 Gesture has long recordings with tables of what is when, and lists of those for either.
 *
 * Recordings come in turn from all classes, so that the first ones are of all.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "dataset.h"
#include "base/number.h"

#define PATH_BYTES 4096
#define ROOT_BYTES 2048
#define COLUMNS	   3
#define HEADING	   "class,startTime_usec,endTime_usec"

enum split { TRAIN, TEST, ALL };

/* A data set being read. */
struct reading {
	const struct data_set *set;
	char root[ROOT_BYTES];
	enum split split;
	struct snnq_model *model;
	uint32_t classes;
	struct cli_dataset *d;
};

static int read_classes(struct reading *r);
static int read_trials(struct reading *r);

static const struct data_set {
	const char *name;
	const char *folder;    /* that the download makes; the one within it will do, too */
	const char *format;    /* where recordings do not tell; NULL: by content */
	const char *extension; /* of their names */
	const char *splits[2]; /* folders, or lists; NULL: there are none */
	int (*read)(struct reading *r);
} sets[] = {
	{ "n-mnist", "N-MNIST", "atis", ".bin", { "Train", "Test" }, read_classes },
	{ "n-caltech101", "Caltech101", "atis", ".bin", { NULL, NULL }, read_classes },
	{ "cifar10-dvs", "CIFAR10DVS", "aedat2-dvs128", ".aedat", { NULL, NULL }, read_classes },
	{ "dvs128-gesture",
	  "DvsGesture",
	  NULL,
	  ".aedat",
	  { "trials_to_train.txt", "trials_to_test.txt" },
	  read_trials },
};

static int no_memory(const struct reading *r)
{
	return cli_fail(CLI_FAILED, "no memory for %s", r->root);
}

static int too_long(const char *folder)
{
	return cli_fail(CLI_FILE, "%s: a name in it is too long", folder);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* "@folder/@name" in @path; false when it is too long. */
static bool join(char path[PATH_BYTES], const char *folder, const char *name)
{
	return snprintf(path, PATH_BYTES, "%s%s%s", folder, *name ? "/" : "", name) < PATH_BYTES;
}

static struct cli_sample *add(struct reading *r, const char *shown, uint32_t label)
{
	struct cli_sample *s = dataset_add(r->d, r->root, shown, label);

	if (s)
		s->how.format = r->set->format;
	return s;
}

/* ---- a folder for each class ---- */

struct names {
	char **values;
	size_t count;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->values[i]);
	free(n->values);
}

/* Names in a folder, in order: of folders, or of files that end in @extension. */
static int list_names(const char *folder, const char *extension, struct names *n)
{
	DIR *dir = opendir(folder);
	int code = dir ? CLI_OK : cli_fail(CLI_FILE, "%s: %s", folder, strerror(errno));
	struct dirent *e;
	char path[PATH_BYTES];

	*n = (struct names){ NULL };
	while (!code && (e = readdir(dir))) {
		const char *dot = strrchr(e->d_name, '.');
		char **more;

		if (e->d_name[0] == '.' || !join(path, folder, e->d_name) ||
		    (extension ? !dot || strcasecmp(dot, extension) : !is_folder(path)))
			continue;
		more = realloc(n->values, (n->count + 1) * sizeof(*more));
		if (more)
			n->values = more;
		if (more && (more[n->count] = strdup(e->d_name)))
			n->count++;
		else
			code = cli_fail(CLI_FAILED, "no memory for %s", folder);
	}
	if (dir)
		closedir(dir);
	if (n->count)
		qsort(n->values, n->count, sizeof(*n->values), compare_names);
	return code;
}

/* Which of @count recordings of a class are of the split, where the data set says nothing. */
static void cut_class(const struct reading *r, size_t count, size_t *first, size_t *end)
{
	size_t train = (count * 9 + 9) / 10;

	*first = !r->set->splits[0] && r->split == TEST ? train : 0;
	*end = !r->set->splits[0] && r->split == TRAIN ? train : count;
}

/*
 * The class of a folder: by the model's name of it, its number, or, where the model has no names
 * but numbers, its place among all.
 */
static int find_class(const struct reading *r, const char *folder, const struct names *all,
		      size_t index, uint32_t *label)
{
	const char *name = r->model ? snnq_model_class_name(r->model, 0) : NULL;

	if (dataset_label(all->values[index], r->model, r->classes, label))
		return CLI_OK;
	*label = (uint32_t)index;
	if (name && strcmp(name, "0"))
		return cli_fail(CLI_FILE, "%s/%s: expected folders named as the model's classes",
				folder, all->values[index]);
	if (all->count != r->classes)
		return cli_fail(CLI_FILE,
				"%s: expected %u folder%s, as the model has classes, found %zu",
				folder, r->classes, text_s(r->classes), all->count);
	return CLI_OK;
}

/* The recordings of each class, one of each in turn. */
static int add_in_turn(struct reading *r, const char *within, const struct names *classes,
		       const uint32_t *labels, const struct names *files)
{
	char shown[PATH_BYTES];
	bool more = true;

	for (size_t turn = 0; more; turn++) {
		more = false;
		for (size_t c = 0; c < classes->count; c++) {
			size_t first, end;

			cut_class(r, files[c].count, &first, &end);
			if (first + turn >= end)
				continue;
			more = true;
			snprintf(shown, sizeof(shown), "%s%s%s/%s", within, *within ? "/" : "",
				 classes->values[c], files[c].values[first + turn]);
			if (!add(r, shown, labels[c]))
				return no_memory(r);
		}
	}
	return CLI_OK;
}

/* A folder with a folder for each class; @within: its name below the root, or empty. */
static int read_folder(struct reading *r, const char *within)
{
	struct names classes = { NULL }, *files = NULL;
	char folder[PATH_BYTES], path[PATH_BYTES];
	uint32_t *labels = NULL;
	int code;

	code = join(folder, r->root, within) ? list_names(folder, NULL, &classes) :
					       too_long(r->root);
	if (!code && !classes.count)
		code = cli_fail(CLI_FILE, "%s: expected a folder for each class, found none",
				folder);
	if (!code) {
		files = calloc(classes.count, sizeof(*files));
		labels = calloc(classes.count, sizeof(*labels));
		code = files && labels ? CLI_OK : no_memory(r);
	}
	for (size_t c = 0; !code && c < classes.count; c++) {
		code = find_class(r, folder, &classes, c, &labels[c]);
		if (!code)
			code = join(path, folder, classes.values[c]) ? CLI_OK : too_long(folder);
		if (!code)
			code = list_names(path, r->set->extension, &files[c]);
		if (!code && !files[c].count)
			code = cli_fail(CLI_FILE, "%s: expected recordings (%s), found none", path,
					r->set->extension);
	}
	if (!code)
		code = add_in_turn(r, within, &classes, labels, files);
	for (size_t c = 0; files && c < classes.count; c++)
		free_names(&files[c]);
	free(files);
	free(labels);
	free_names(&classes);
	return code;
}

static int read_classes(struct reading *r)
{
	int code = CLI_OK;

	if (!r->set->splits[0])
		return read_folder(r, "");
	for (enum split s = TRAIN; !code && s <= TEST; s++) {
		if (r->split == s || r->split == ALL)
			code = read_folder(r, r->set->splits[s]);
	}
	return code;
}

/* ---- recordings with tables of what is when ---- */

/* "3,80048239,85092709" of a table: class, beginning and end, both of which belong to it. */
static bool parse_row(char *line, uint64_t numbers[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		char *field = strsep(&line, ",");

		if (!field || !number_parse_u64(field, i ? INT64_MAX : UINT32_MAX, &numbers[i]))
			return false;
	}
	return !line && numbers[0] && numbers[1] <= numbers[2];
}

static int read_row(struct reading *r, char *line, const char *table, unsigned int number,
		    const char *recording)
{
	uint64_t numbers[COLUMNS];
	struct cli_sample *s;
	char shown[PATH_BYTES];

	if (number == 1)
		return strcmp(line, HEADING) ?
			       cli_fail(CLI_FILE,
					"%s: line 1: expected \"" HEADING "\", found \"%.80s\"",
					table, line) :
			       CLI_OK;
	if (!*line)
		return CLI_OK;
	if (!parse_row(line, numbers))
		return cli_fail(
			CLI_FILE,
			"%s: line %u: expected a class from 1, and times of its beginning and "
			"end in microseconds",
			table, number);
	if (r->classes && numbers[0] > r->classes)
		return cli_fail(CLI_FILE, "%s: line %u: class: expected 1..%u, found %u", table,
				number, r->classes, (uint32_t)numbers[0]);
	/* as files are called, with a name for each part of them */
	s = add(r, recording, r->classes ? (uint32_t)numbers[0] - 1 : 0);
	if (!s)
		return no_memory(r);
	snprintf(shown, sizeof(shown), "%s@%ju-%ju", recording, (uintmax_t)numbers[1],
		 (uintmax_t)numbers[2]);
	free(s->shown);
	s->shown = strdup(shown);
	s->how.cut = true;
	s->how.from_us = (int64_t)numbers[1];
	s->how.to_us = (int64_t)numbers[2];
	return s->shown ? CLI_OK : no_memory(r);
}

static int read_table(struct reading *r, const char *recording)
{
	const char *dot = strrchr(recording, '.');
	char path[PATH_BYTES], name[NAME_MAX + 16], *text = NULL, *at, *line;
	unsigned int number = 1;
	size_t bytes = 0;
	int code;

	snprintf(name, sizeof(name), "%.*s_labels.csv", (int)(dot - recording), recording);
	code = join(path, r->root, name) ? cli_file_text(path, DATASET_LIST_BYTES, &text, &bytes) :
					   too_long(r->root);
	at = text;
	while (!code && (line = dataset_line(&at, text + bytes)))
		code = read_row(r, line, path, number++, recording);
	if (!code && (number == 1 || at < text + bytes))
		code = cli_fail(CLI_FILE, "%s: line %u: expected text, found %s", path, number,
				bytes ? "a zero byte" : "none");
	free(text);
	return code;
}

/* A line of a list: the name of a recording. */
static int read_trial(struct reading *r, char *line, const char *list, unsigned int number)
{
	const char *dot;
	size_t n = strlen(line);

	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		line[--n] = 0;
	if (!n)
		return CLI_OK;
	dot = strrchr(line, '.');
	if (!dot || strcasecmp(dot, r->set->extension) || strchr(line, '/') || n > NAME_MAX)
		return cli_fail(
			CLI_FILE,
			"%s: line %u: expected the name of a recording (%s), found \"%.80s\"", list,
			number, r->set->extension, line);
	return read_table(r, line);
}

static int read_trials(struct reading *r)
{
	int code = CLI_OK;

	for (enum split s = TRAIN; !code && s <= TEST; s++) {
		char path[PATH_BYTES], *text = NULL, *at, *line;
		unsigned int number = 1;
		size_t bytes = 0;

		if (r->split != s && r->split != ALL)
			continue;
		code = join(path, r->root, r->set->splits[s]) ?
			       cli_file_text(path, DATASET_LIST_BYTES, &text, &bytes) :
			       too_long(r->root);
		at = text;
		while (!code && (line = dataset_line(&at, text + bytes)))
			code = read_trial(r, line, path, number++);
		if (!code && at < text + bytes)
			code = cli_fail(CLI_FILE, "%s: line %u: expected text, found a zero byte",
					path, number);
		free(text);
	}
	return code;
}

/* ---- all ---- */

static int find_set(const char *name, const struct data_set **set)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (!strcmp(sets[i].name, name)) {
			*set = &sets[i];
			return CLI_OK;
		}
	return cli_fail(CLI_USAGE,
			"--dataset: expected n-mnist, n-caltech101, cifar10-dvs or dvs128-gesture, "
			"found \"%s\"",
			name);
}

static int find_split(const char *name, enum split *split)
{
	static const char *const names[] = { "train", "test", "all" };

	for (*split = TRAIN; *split <= ALL; ++*split)
		if (!strcmp(names[*split], name))
			return CLI_OK;
	return cli_fail(CLI_USAGE, "--split: expected train, test or all, found \"%s\"", name);
}

int dataset_read_named(const struct cli_source *source, struct snnq_model *model, uint32_t classes,
		       struct cli_dataset *d)
{
	struct reading *r = calloc(1, sizeof(*r));
	int code = r ? find_set(source->name, &r->set) : cli_fail(CLI_FAILED, "no memory");
	char inner[PATH_BYTES];

	if (!code)
		code = find_split(source->split ? source->split : source->usual, &r->split);
	if (!code && (strlen(source->path) > ROOT_BYTES - 64 || !is_folder(source->path)))
		code = cli_fail(CLI_FILE, "%s: expected the folder of %s", source->path,
				source->name);
	if (!code) {
		bool within = join(inner, source->path, r->set->folder) && is_folder(inner);

		snprintf(r->root, sizeof(r->root), "%.*s", ROOT_BYTES - 1,
			 within ? inner : source->path);
		r->model = model;
		r->classes = classes;
		r->d = d;
		code = r->set->read(r);
	}
	free(r);
	return code;
}
