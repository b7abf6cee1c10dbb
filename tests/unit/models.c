// SPDX-License-Identifier: MIT
/* models.c - see models.h. */
#define _GNU_SOURCE
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "models.h"

#define MAX_PATHS 512

static char directory[] = "/tmp/snnq-test-XXXXXX";
static char paths[MAX_PATHS][64];
static int path_count;

const char *temporary_path(void)
{
	if (!path_count)
		assert_non_null(mkdtemp(directory));
	assert_true(path_count < MAX_PATHS);
	snprintf(paths[path_count], sizeof(paths[0]), "%s/%d.snnq", directory, path_count);
	return paths[path_count++];
}

void models_cleanup(void)
{
	for (int i = 0; i < path_count; i++)
		unlink(paths[i]);
	if (path_count)
		rmdir(directory);
}

const char *memory_file(const void *bytes, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("snnq-test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	return path;
}

const char *error_of(const char *path)
{
	const char *error = snnq_last_error(NULL);
	size_t n = strlen(path);

	if (strncmp(error, path, n) || strncmp(error + n, ": ", 2))
		fail_msg("error \"%s\" does not begin with the file's name", error);
	return error + n + 2;
}

/* ---- the network with all operations ---- */

/* clang-format off */
#define LIF(threshold) \
	"\"neuron\": {\"model\": \"lif\", \"leak\": {\"kind\": \"div\", \"n\": 2}," \
	" \"compare\": \"ge\", \"reset\": \"hard\", \"threshold\": " threshold "}"
#define LINEAR4(name) \
	"{\"name\": \"" name "\", \"op\": \"linear\", \"inputs\": [\"pool1\"]," \
	" \"out_channels\": 4, \"weight\": {\"tensor\": \"" name ".weight\"," \
	" \"scheme\": \"pot\", \"bits\": 2}, " LIF("1") "}"

static const char network_text[] =
	"{\"format\": \"snnq\", \"version\": 1, \"arithmetic\": \"integer\", \"name\": \"net\","
	"\"classes\": [\"yes\", \"no\"],"
	"\"input\": {\"width\": 4, \"height\": 4, \"polarities\": 2, \"on_channel\": 1,"
	" \"layout\": \"hwc\", \"planes\": 1, \"binning\": \"duration\", \"steps\": 8,"
	" \"step_us\": 1000, \"rounding\": \"floor\", \"origin\": \"zero\"},"
	"\"layers\": ["
	"{\"name\": \"conv1\", \"op\": \"conv2d\", \"inputs\": [\"input\"], \"out_channels\": 3,"
	" \"kernel\": [3, 3], \"stride\": [1, 1], \"padding\": [1, 1], \"dilation\": [1, 1],"
	" \"groups\": 1, \"weight\": {\"tensor\": \"conv1.weight\", \"scheme\": \"uniform\","
	" \"bits\": 4}, " LIF("\"conv1.threshold\"") "},"
	"{\"name\": \"pool1\", \"op\": \"maxpool\", \"inputs\": [\"conv1\"], \"kernel\": [2, 2],"
	" \"stride\": [2, 2], \"padding\": [0, 0]},"
	LINEAR4("q") "," LINEAR4("k") "," LINEAR4("v") ","
	"{\"name\": \"attn\", \"op\": \"attention\", \"inputs\": [\"q\", \"k\", \"v\"],"
	" \"heads\": 2, " LIF("2") "},"
	"{\"name\": \"res\", \"op\": \"add\", \"inputs\": [\"q\", \"attn\"], \"planes\": 2},"
	"{\"name\": \"head\", \"op\": \"linear\", \"inputs\": [\"res\"], \"out_channels\": 2,"
	" \"weight\": {\"tensor\": \"head.weight\", \"scheme\": \"uniform\", \"bits\": 8},"
	" \"bias\": \"head.bias\", \"neuron\": {\"model\": \"none\"}}],"
	"\"readout\": {\"input\": \"head\", \"mode\": \"sum\", \"scale\": 0.5}}";
/* clang-format on */

static void add_bytes(struct modelfile *file, const char *name, uint64_t bytes, uint32_t seed)
{
	uint8_t data[64];

	assert_true(bytes <= sizeof(data));
	for (uint64_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)(random32(&seed) >> 8);
	assert_int_equal(modelfile_add(file, name, DTYPE_U8, 1, &bytes, data), 0);
}

struct modelfile *network_model(void)
{
	static const int16_t thresholds[3] = { 3, 400, 5 };
	static const int32_t biases[2] = { -70000, 9 };
	struct modelfile *file;
	cJSON *graph = cJSON_Parse(network_text);

	assert_non_null(graph);
	assert_int_equal(modelfile_new(graph, &file), 0);
	add_bytes(file, "conv1.weight", 36, 1);
	assert_int_equal(modelfile_add(file, "conv1.threshold", DTYPE_I16, 1,
				       (const uint64_t[]){ 3 }, thresholds),
			 0);
	add_bytes(file, "q.weight", 3, 2);
	add_bytes(file, "k.weight", 3, 3);
	add_bytes(file, "v.weight", 3, 4);
	add_bytes(file, "head.weight", 8, 5);
	assert_int_equal(
		modelfile_add(file, "head.bias", DTYPE_I32, 1, (const uint64_t[]){ 2 }, biases), 0);
	return file;
}

/* The node that holds the last key of @path, which is left in @key. */
static cJSON *edit_parent(cJSON *node, char *path, char **key)
{
	char *save = NULL, *next;

	*key = strtok_r(path, ".", &save);
	while ((next = strtok_r(NULL, ".", &save))) {
		node = cJSON_IsArray(node) ? cJSON_GetArrayItem(node, atoi(*key)) :
					     cJSON_GetObjectItemCaseSensitive(node, *key);
		assert_non_null(node);
		*key = next;
	}
	return node;
}

void edit(struct modelfile *file, const char *path, const char *json)
{
	char copy[128], *key;
	cJSON *parent, *value = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	parent = edit_parent(file->graph, copy, &key);
	if (json) {
		value = cJSON_Parse(json);
		assert_non_null(value);
	}
	if (cJSON_IsArray(parent)) {
		assert_true(value && cJSON_ReplaceItemInArray(parent, atoi(key), value));
		return;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(parent, key);
	if (value)
		assert_true(cJSON_AddItemToObject(parent, key, value));
}

const char *model_write(struct modelfile *file)
{
	const char *path = temporary_path();

	if (modelfile_write(file, path))
		fail_msg("%s", snnq_last_error(NULL));
	modelfile_free(file);
	return path;
}

/* ---- one dense layer ---- */

uint32_t random32(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

struct dense *dense_random(uint32_t inputs, uint32_t outputs, uint32_t steps, uint32_t seed)
{
	struct dense *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	*d = (struct dense){ .inputs = inputs,
			     .outputs = outputs,
			     .steps = steps,
			     .threshold = 200,
			     .weights = malloc((size_t)inputs * outputs) };
	assert_non_null(d->weights);
	for (uint32_t i = 0; i < inputs * outputs; i++)
		d->weights[i] = (int8_t)((int)(random32(&seed) % 255) - 127);
	return d;
}

void dense_free(struct dense *d)
{
	free(d->weights);
	free(d);
}

uint32_t dense_words(const struct dense *d)
{
	return (d->inputs + 63) / 64;
}

const char *dense_write(const struct dense *d)
{
	uint64_t bytes = (uint64_t)d->inputs * d->outputs;
	struct modelfile *file;
	char text[1024];

	snprintf(
		text, sizeof(text),
		"{\"format\": \"snnq\", \"version\": 1, \"arithmetic\": \"integer\","
		"\"input\": {\"width\": %u, \"height\": 1, \"polarities\": 1, \"layout\": \"flat\","
		"\"planes\": 1, \"binning\": \"duration\", \"steps\": %u, \"step_us\": 10},"
		"\"layers\": [{\"name\": \"fc\", \"op\": \"linear\", \"inputs\": [\"input\"],"
		"\"out_channels\": %u, \"weight\": {\"tensor\": \"w\", \"scheme\": \"uniform\","
		"\"bits\": 8}, \"neuron\": {\"model\": \"lif\", \"leak\": {\"kind\": \"div\","
		"\"n\": 2}, \"compare\": \"ge\", \"reset\": \"hard\", \"threshold\": %d}}],"
		"\"readout\": {\"input\": \"fc\", \"mode\": \"sum\"}}",
		d->inputs, d->steps, d->outputs, d->threshold);
	assert_int_equal(modelfile_new(cJSON_Parse(text), &file), 0);
	assert_int_equal(modelfile_add(file, "w", DTYPE_U8, 1, &bytes, d->weights), 0);
	return model_write(file);
}

/* floor(u / 2) without relying on the shift of negative numbers. */
static int32_t half(int32_t u)
{
	return u >= 0 ? u / 2 : -((1 - u) / 2);
}

void dense_run(const struct dense *d, const uint64_t *input, uint32_t steps, int32_t *u,
	       int32_t *counts)
{
	for (uint32_t t = 0; t < steps; t++, input += dense_words(d))
		for (uint32_t o = 0; o < d->outputs; o++) {
			int32_t sum = 0;

			for (uint32_t i = 0; i < d->inputs; i++)
				if (input[i / 64] >> i % 64 & 1)
					sum += d->weights[i * d->outputs + o];
			u[o] = half(u[o]) + sum;
			if (u[o] >= d->threshold) {
				u[o] = 0;
				counts[o]++;
			}
		}
}
