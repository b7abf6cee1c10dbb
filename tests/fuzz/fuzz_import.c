// SPDX-License-Identifier: MIT
/*
 * fuzz_import.c - libFuzzer harness: any bytes as a network of other projects.
 *
 * The first byte chooses what follows two bytes of options:
 *
 *	even	JSON, of which objects are made as the program that reads HDF5 files answers them.
 *		An object is a group, a string or number a scalar, an array a data set, whose axes
 *		are nested arrays; {"of": [SHAPE], "is": NUMBER, "as": "f4"} a larger one; null one
 *		without values, true an attribute, ">PATH" a link, "!" values in another file. If
 *		its second bit is set, the bytes of such an answer.
 *	odd	a SLAYER folder: network.yaml, NUL, then arrays: a byte for the name, two for the
 *		length, the file.
 *
 * The HDF5 library has no part in it: what it does, it does in a process of its own, to whose
 * answers h5_process_read() below comes.
 *
 * What is imported can be opened, and is what graph_parse() takes; a refusal has a text.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "import/h5_process.h"
#include "model/graph.h"
#include "snnq_tools.h"

#define MOST_AXES     8
#define MOST_ELEMENTS (1u << 14)
#define MOST_DEPTH    12

static char folder[64], yaml[80], out[80], path[80];
static char *answer;
static size_t answer_bytes;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Models are written for nobody. */
int fsync(int fd)
{
	(void)fd;
	return 0;
}

static void must(bool good)
{
	if (!good)
		abort();
}

static void write_whole(const char *name, const void *data, size_t size)
{
	FILE *f = fopen(name, "wb");

	must(f && fwrite(data, 1, size, f) == size && !fclose(f));
}

/* In the place of the program's answer. */
int h5_process_read(const char *name, int file, uint64_t bytes, struct tree_object **root)
{
	FILE *f = fmemopen(answer, answer_bytes, "r");
	const char *wrong = NULL;
	int ret;

	(void)file;
	(void)bytes;
	must(f);
	ret = tree_read(f, root, &wrong);
	fclose(f);
	must((ret == -EBADMSG) == !!wrong && !ret == !!*root);
	return ret ? error_set(ret, "%s: %s", name, wrong ? wrong : "cut") : 0;
}

int h5_process_write(const char *name, const struct tree_object *root, FILE *to)
{
	(void)name;
	(void)root;
	(void)to;
	abort();
}

static void clean(void)
{
	unlink(out);
	unlink(yaml);
	unlink(path);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *temporary = getenv("TMPDIR");

	(void)argc;
	(void)argv;
	snprintf(folder, sizeof(folder), "%.40s/snnq-fuzz-XXXXXX", temporary ? temporary : "/tmp");
	must(mkdtemp(folder));
	snprintf(yaml, sizeof(yaml), "%s/network.yaml", folder);
	snprintf(out, sizeof(out), "%s/out", folder);
	snprintf(path, sizeof(path), "%s.h5", folder);
	write_whole(path, "", 0);
	atexit(clean);
	return 0;
}

/* ---- objects of JSON ---- */

static void put_member(struct tree_object *at, const char *name, const cJSON *item, int depth);

/* Axes of nested arrays, as their first elements have them. */
static int find_shape(const cJSON *item, uint64_t shape[MOST_AXES], uint64_t *count)
{
	int dims = 0;

	*count = 1;
	for (; cJSON_IsArray(item) && dims < MOST_AXES; item = item->child) {
		shape[dims] = (uint64_t)cJSON_GetArraySize(item);
		*count *= shape[dims++];
		if (*count > MOST_ELEMENTS)
			return -1;
	}
	return dims;
}

static const cJSON *first_leaf(const cJSON *item)
{
	while (cJSON_IsArray(item) && item->child)
		item = item->child;
	return item;
}

/* Leaves in order; what has too few or too many is filled up or cut. */
static void take_leaves(const cJSON *item, double *numbers, const char **texts, uint64_t count,
			uint64_t *at)
{
	const cJSON *child;

	if (cJSON_IsArray(item)) {
		cJSON_ArrayForEach(child, item)
			take_leaves(child, numbers, texts, count, at);
	} else if (*at < count) {
		numbers[*at] = cJSON_IsNumber(item) ? item->valuedouble : 0;
		texts[(*at)++] = cJSON_IsString(item) ? item->valuestring : "";
	}
}

static void put_set(struct tree_object *at, const char *name, enum tree_kind kind, int dims,
		    const uint64_t *shape, const void *values, size_t bytes)
{
	struct tree_object *o = tree_add(at, name, kind);

	/* more axes than there may be are left to the reader of bytes */
	must(o && tree_put(o, dims > TREE_MOST_AXES ? TREE_MOST_AXES : (uint32_t)dims, shape,
			   values, bytes));
}

static void put_texts(struct tree_object *at, const char *name, int dims, const uint64_t *shape,
		      const char **texts, uint64_t count)
{
	size_t bytes = 0;
	char *all, *end;

	for (uint64_t i = 0; i < count; i++)
		bytes += strlen(texts[i]) + 1;
	all = malloc(bytes + 1);
	must(all);
	end = all;
	for (uint64_t i = 0; i < count; i++)
		end = stpcpy(end, texts[i]) + 1;
	put_set(at, name, TREE_TEXTS, dims, shape, all, bytes);
	free(all);
}

static void put_array(struct tree_object *at, const char *name, const cJSON *item)
{
	uint64_t shape[MOST_AXES], count, found = 0;
	int dims = find_shape(item, shape, &count);
	double *numbers = calloc(count + 1, sizeof(*numbers));
	const char **texts = calloc(count + 1, sizeof(*texts));

	for (uint64_t i = 0; dims >= 0 && i < count; i++)
		texts[i] = "";
	if (dims >= 0) {
		take_leaves(item, numbers, texts, count, &found);
		if (cJSON_IsString(first_leaf(item)))
			put_texts(at, name, dims, shape, texts, count);
		else
			put_set(at, name, TREE_DOUBLES, dims, shape, numbers,
				count * sizeof(*numbers));
	}
	free(numbers);
	free(texts);
}

/* {"of": [3, 2], "is": 0.5}: all the same; of "as": "f4", multiples of it. */
static void put_filled(struct tree_object *at, const char *name, const cJSON *item, const cJSON *of)
{
	const char *as = cJSON_GetStringValue(cJSON_GetObjectItem(item, "as"));
	double is = cJSON_GetNumberValue(cJSON_GetObjectItem(item, "is")), *numbers;
	uint64_t shape[MOST_AXES], count = 1;
	float *floats;
	int dims = 0;

	for (const cJSON *n = of->child; n && dims < MOST_AXES; n = n->next) {
		double size = cJSON_IsNumber(n) ? n->valuedouble : 1;

		shape[dims] = size >= 0 && size <= MOST_ELEMENTS ? (uint64_t)size : 1;
		count *= shape[dims++];
		if (count > MOST_ELEMENTS)
			return;
	}
	numbers = calloc(count + 1, sizeof(*numbers));
	floats = calloc(count + 1, sizeof(*floats));
	for (uint64_t i = 0; i < count; i++) {
		numbers[i] = is;
		floats[i] = (float)(is * ((int)(i * 7 % 5) - 1));
	}
	if (as && *as == 'f')
		put_set(at, name, TREE_FLOATS, dims, shape, floats, count * sizeof(*floats));
	else
		put_set(at, name, TREE_DOUBLES, dims, shape, numbers, count * sizeof(*numbers));
	free(numbers);
	free(floats);
}

static void put_group(struct tree_object *at, const char *name, const cJSON *item, int depth)
{
	const cJSON *of = cJSON_GetObjectItemCaseSensitive(item, "of"), *member;
	struct tree_object *group;

	if (cJSON_IsArray(of)) {
		put_filled(at, name, item, of);
		return;
	}
	group = tree_add(at, name, TREE_GROUP);
	must(group);
	cJSON_ArrayForEach(member, item)
		put_member(group, member->string, member, depth + 1);
}

static void put_member(struct tree_object *at, const char *name, const cJSON *item, int depth)
{
	if (depth > MOST_DEPTH || !*name || tree_member(at, name))
		return;
	if (cJSON_IsObject(item)) {
		put_group(at, name, item, depth);
	} else if (cJSON_IsString(item) && strchr(">=", *item->valuestring)) {
		must(tree_add(at, name, TREE_LINK));
	} else if (cJSON_IsString(item) && *item->valuestring == '!') {
		must(tree_add(at, name, TREE_OUTSIDE));
	} else if (cJSON_IsNull(item)) {
		must(tree_add(at, name, TREE_OTHER));
	} else if (cJSON_IsTrue(item)) {
		free(at->attribute);
		at->attribute = strdup(name);
	} else {
		put_array(at, name, item);
	}
}

/* JSON as an answer. */
static bool put_answer(const char *text, size_t size)
{
	cJSON *json = cJSON_ParseWithLength(text, size), *member;
	struct tree_object *root;
	FILE *f;

	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return false;
	}
	root = tree_root();
	must(root);
	cJSON_ArrayForEach(member, json)
		put_member(root, member->string, member, 0);
	cJSON_Delete(json);
	f = open_memstream(&answer, &answer_bytes);
	must(f);
	tree_write(f, root);
	must(!fclose(f));
	tree_free(root);
	return true;
}

/* ---- folders ---- */

static void import_folder(const uint8_t *data, size_t size, const struct snnq_import_opts *opts)
{
	static const char *const names[] = { "fc1",   "fc2",   "fc3",	"conv1",
					     "conv2", "pool1", "pool2", "other" };
	const uint8_t *end = memchr(data, 0, size), *at = end ? end + 1 : data + size;
	size_t left = (size_t)(data + size - at), used[8] = { 0 };
	char name[96];

	write_whole(yaml, data, end ? (size_t)(end - data) : size);
	while (left > 3) {
		size_t which = at[0] % 8, bytes = at[1] | (size_t)at[2] << 8;

		bytes = bytes < left - 3 ? bytes : left - 3;
		snprintf(name, sizeof(name), "%s/%s.npy", folder, names[which]);
		write_whole(name, at + 3, bytes);
		used[which] = 1;
		at += 3 + bytes;
		left -= 3 + bytes;
	}
	must(!snnq_import(folder, out, opts) || strlen(snnq_last_error(NULL)) > 5);
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "%s/%s.npy", folder, names[i]);
		if (used[i])
			unlink(name);
	}
}

/* ---- the harness ---- */

static void take_note(void *ctx, const char *text)
{
	(void)ctx;
	must(*text);
}

/* What the importer wrote, if it did, is a model. */
static void check_model(void)
{
	struct modelfile *file;
	struct graph graph;

	if (access(out, F_OK))
		return;
	must(!modelfile_open(out, &file));
	must(!file->graph || !graph_parse(out, file, &graph));
	graph_free(&graph);
	modelfile_free(file);
	unlink(out);
}

static void import_objects(uint8_t flags, uint8_t more, bool nir)
{
	struct snnq_import_opts opts = {
		.size = sizeof(opts),
		.note = take_note,
		.compare_ge = flags & 1,
		.steps = flags & 2 ? more + 1u : 8,
		.width = flags & 4 ? more & 15 : 0,
		.height = flags & 4 ? more >> 4 : 0,
		.polarities = flags & 8 ? more & 7 : 0,
	};

	if (nir) {
		opts.planes = flags & 16 ? more & 15 : 0;
		opts.reset_subtract = flags & 32;
		opts.old_current = flags & 64;
		opts.transposed = flags & 128;
	} else {
		opts.no_delay = flags & 16;
		opts.skip_first = flags & 32;
		opts.spikes_in = flags & 64;
	}
	must(!snnq_import(path, out, &opts) || strlen(snnq_last_error(NULL)) > 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snnq_import_opts folder_opts = { .size = sizeof(folder_opts) };

	if (size < 4)
		return 0;
	if (data[0] % 2) {
		folder_opts.compare_ge = data[1] & 1;
		folder_opts.no_delay = data[1] & 2;
		folder_opts.polarities = data[1] & 4 ? data[2] : 0;
		import_folder(data + 3, size - 3, &folder_opts);
	} else if (data[0] & 2) {
		answer_bytes = size - 3;
		answer = memcpy(malloc(answer_bytes), data + 3, answer_bytes);
		import_objects(data[1], data[2], memmem(data, size, "node", 4));
		free(answer);
	} else if (put_answer((const char *)data + 3, size - 3)) {
		import_objects(data[1], data[2], memmem(data, size, "\"node\"", 6));
		free(answer);
	}
	check_model();
	return 0;
}
