// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_compact.c - the short form of models: it means the same as the long
 * one, is as small as it has to be, and is refused in words when it is malformed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/compact.h"
#include "model/compile.h"
#include "models.h"
#include "snnq_tools.h"

struct program {
	struct modelfile *file;
	struct graph graph;
	struct compiled compiled;
};

static void compile_path(const char *path, struct program *p)
{
	struct compile_opts opts = { .caps = &snnq_caps_all };

	if (modelfile_open(path, &p->file) || graph_parse(path, p->file, &p->graph) ||
	    compile_graph(path, &p->graph, &opts, &p->compiled))
		fail_msg("%s", snnq_last_error(NULL));
}

static void release(struct program *p)
{
	compile_free(&p->compiled);
	graph_free(&p->graph);
	modelfile_free(p->file);
}

/* Both files run as the very same program. */
static void same_program(const char *a, const char *b)
{
	struct program x, y;

	compile_path(a, &x);
	compile_path(b, &y);
	assert_int_equal(x.compiled.program_bytes, y.compiled.program_bytes);
	assert_memory_equal(x.compiled.program, y.compiled.program, x.compiled.program_bytes);
	assert_int_equal(x.compiled.weights_bytes, y.compiled.weights_bytes);
	assert_memory_equal(x.compiled.weights, y.compiled.weights, x.compiled.weights_bytes);
	for (uint32_t i = 0; i < x.graph.layer_count; i++) {
		assert_string_equal(x.graph.layers[i].name, y.graph.layers[i].name);
		assert_string_equal(x.graph.layers[i].op_name, y.graph.layers[i].op_name);
	}
	release(&x);
	release(&y);
}

static void compact(struct modelfile *file)
{
	if (compact_model("model", file))
		fail_msg("%s", snnq_last_error(NULL));
}

static const char *compact_write(struct modelfile *file)
{
	compact(file);
	return model_write(file);
}

static void assert_graph(const struct modelfile *file, const char *key, const char *expected)
{
	cJSON *node = cJSON_GetObjectItemCaseSensitive(file->graph, key);
	char *text = node ? cJSON_PrintUnformatted(node) : NULL;

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

#define LEAK "\"leak\":{\"kind\":\"div\",\"n\":2}"
#define REST "\"compare\":\"ge\",\"reset\":\"hard\""

/* The form itself, as model-format.md shows it. */
static void test_form(void **state)
{
	struct modelfile *file = network_model();

	(void)state;
	compact(file);
	assert_graph(file, "defaults",
		     "{\"neuron\":{\"model\":\"lif\"," LEAK "," REST ",\"threshold\":1},"
		     "\"linear\":{\"out_channels\":4,\"weight\":\"pot:2\"}}");
	assert_graph(file, "layers",
		     "[{\"name\":\"conv1\",\"op\":\"conv2d\",\"out_channels\":3,\"kernel\":3,"
		     "\"padding\":1,\"weight\":\"uniform:4\",\"neuron\":{\"threshold\":true}},"
		     "{\"name\":\"pool1\",\"op\":\"maxpool\",\"kernel\":2,\"stride\":2},"
		     "{\"name\":\"q\",\"op\":\"linear\"},"
		     "{\"name\":\"k\",\"op\":\"linear\",\"inputs\":[\"pool1\"]},"
		     "{\"name\":\"v\",\"op\":\"linear\",\"inputs\":[\"pool1\"]},"
		     "{\"name\":\"attn\",\"op\":\"attention\",\"inputs\":[\"q\",\"k\",\"v\"],"
		     "\"heads\":2,\"neuron\":{\"threshold\":2}},"
		     "{\"name\":\"res\",\"op\":\"add\",\"inputs\":[\"q\",\"attn\"],\"planes\":2},"
		     "{\"name\":\"head\",\"op\":\"linear\",\"out_channels\":2,"
		     "\"weight\":\"uniform:8\",\"bias\":\"head.bias\","
		     "\"neuron\":{\"model\":\"none\"}}]");
	assert_graph(file, "readout", "{\"mode\":\"sum\",\"scale\":0.5}");
	/* biases of more than 16 bits keep their tensor */
	assert_int_equal(file->count, 3);
	assert_int_equal(modelfile_find(file, "head.bias")->dtype, DTYPE_I32);
	assert_int_equal(tensor_elements(modelfile_find(file, "numbers")), 3);
	assert_int_equal(tensor_elements(modelfile_find(file, "weights")), 36 + 9 + 8);
	modelfile_free(file);
}

static void test_same_program(void **state)
{
	struct modelfile *file = network_model();

	(void)state;
	same_program(model_write(network_model()), compact_write(file));
}

/* All constants in all places that can share: mult, bias and threshold, both widths. */
static struct modelfile *rich_model(void)
{
	static const int32_t small[4] = { -32768, 32767, 1, 0 }, mult[2] = { 3, 500 };
	struct modelfile *file = network_model();

	assert_int_equal(modelfile_add(file, "small", DTYPE_I32, 1, (const uint64_t[]){ 4 }, small),
			 0);
	assert_int_equal(modelfile_add(file, "mult", DTYPE_I32, 1, (const uint64_t[]){ 2 }, mult),
			 0);
	edit(file, "layers.2.bias", "\"small\"");
	edit(file, "layers.3.neuron.delay", "1");
	edit(file, "layers.7.neuron.mult", "\"mult\"");
	edit(file, "layers.7.neuron.requant_shift", "2");
	return file;
}

static void test_rich_program(void **state)
{
	const char *path = compact_write(rich_model()), *again;
	struct modelfile *file;

	(void)state;
	same_program(model_write(rich_model()), path);
	/* written once more, it is the same file */
	assert_int_equal(modelfile_open(path, &file), 0);
	assert_int_equal(file->count, 4); /* with a filler */
	assert_int_equal(file->tensors[3].bytes, 2 * (3 + 4 + 2));
	again = compact_write(file);
	same_program(path, again);
	assert_int_equal(modelfile_open(path, &file), 0);
	compact(file);
	compact(file);
	same_program(path, model_write(file));
}

/* Masks have no neuron to take from the defaults, and a view is more than "the layer before". */
static void test_masks_and_views(void **state)
{
	static const char *const edits[][2] = {
		{ "layers.5.mode", "\"channel\"" },
		{ "layers.5.neuron", NULL },
		{ "layers.7.inputs", "[{\"layer\": \"res\", \"shape\": [4, 1, 4]}]" },
	};
	struct modelfile *file[2] = { network_model(), network_model() };

	(void)state;
	for (int i = 0; i < 6; i++)
		edit(file[i % 2], edits[i / 2][0], edits[i / 2][1]);
	same_program(model_write(file[0]), compact_write(file[1]));
}

/* A tensor that two layers use stays one tensor. */
static void test_shared_by_name(void **state)
{
	struct modelfile *file = rich_model();
	const char *path;

	(void)state;
	edit(file, "layers.3.weight.tensor", "\"q.weight\"");
	path = model_write(file);
	assert_int_equal(modelfile_open(path, &file), 0);
	compact(file);
	assert_non_null(modelfile_find(file, "q.weight"));
	same_program(path, model_write(file));
}

/* Names of ours that a model uses for its own purposes. */
static void test_taken_names(void **state)
{
	struct modelfile *file = network_model();
	const char *path;

	(void)state;
	edit(file, "layers.2.weight.tensor", "\"weights\"");
	edit(file, "layers.3.weight.tensor", "\"weights\"");
	assert_int_equal(
		modelfile_add(file, "weights", DTYPE_U8, 1, (const uint64_t[]){ 3 }, "abc"), 0);
	path = model_write(file);
	assert_int_equal(modelfile_open(path, &file), 0);
	compact(file);
	assert_non_null(modelfile_find(file, "conv1.weight"));
	same_program(path, model_write(file));

	/* used once, it moves like any other */
	file = network_model();
	edit(file, "layers.2.weight.tensor", "\"numbers\"");
	assert_int_equal(
		modelfile_add(file, "numbers", DTYPE_U8, 1, (const uint64_t[]){ 3 }, "abc"), 0);
	path = model_write(file);
	assert_int_equal(modelfile_open(path, &file), 0);
	compact(file);
	assert_null(modelfile_find(file, "conv1.weight"));
	same_program(path, model_write(file));
}

/* What the format leaves to others survives, null included. */
static void test_unknown_keys(void **state)
{
	struct modelfile *file = network_model();
	cJSON *before, *layers;
	const char *path;

	(void)state;
	edit(file, "x-author", "{\"name\": null, \"tags\": [1, null, {}]}");
	edit(file, "layers.2.x-note", "null");
	edit(file, "layers.3.x-note", "\"x\"");
	edit(file, "layers.4.x-note", "\"x\"");
	edit(file, "layers.1.x-groups", "1");
	edit(file, "layers.7.x-value", "1");
	edit(file, "layers.2.x-about", "{\"long name\": 1}");
	edit(file, "layers.3.x-about", "{\"long name\": 1}");
	edit(file, "layers.4.x-about", "{\"other\": 2}");
	before = cJSON_Duplicate(file->graph, true);
	path = compact_write(file);
	assert_int_equal(modelfile_open(path, &file), 0);
	assert_null(cJSON_GetObjectItem(file->graph, "defaults"));
	assert_true(cJSON_Compare(cJSON_GetObjectItem(before, "x-author"),
				  cJSON_GetObjectItem(file->graph, "x-author"), true));
	layers = cJSON_GetObjectItem(file->graph, "layers");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(layers, 2), "x-note")));
	for (int i = 3; i < 5; i++)
		assert_string_equal(
			cJSON_GetObjectItem(cJSON_GetArrayItem(layers, i), "x-note")->valuestring,
			"x");
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(layers, 5), "x-note"));
	assert_int_equal(
		cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetArrayItem(layers, 4), "x-about")),
		1);
	assert_non_null(cJSON_GetObjectItem(cJSON_GetArrayItem(layers, 1), "x-groups"));
	assert_non_null(cJSON_GetObjectItem(cJSON_GetArrayItem(layers, 7), "x-value"));
	cJSON_Delete(before);
	modelfile_free(file);
}

/* A float model keeps its tensors and shares the rest. */
static void test_float(void **state)
{
	static const float weights[16], thresholds[3] = { 0.5f, 1, 2 };
	struct modelfile *file = network_model(), *back;
	struct graph g;

	(void)state;
	for (int i = 7; i > 0; i--)
		cJSON_DeleteItemFromArray(cJSON_GetObjectItem(file->graph, "layers"), i);
	edit(file, "arithmetic", "\"float\"");
	edit(file, "classes", NULL);
	edit(file, "readout.input", "\"conv1\"");
	edit(file, "layers.0.kernel", "[1, 2]");
	edit(file, "layers.0.padding", "[0, 0]");
	edit(file, "layers.0.weight", "{\"tensor\": \"w\", \"scheme\": \"float\"}");
	edit(file, "layers.0.neuron.threshold", "\"t\"");
	modelfile_add(file, "w", DTYPE_F32, 4, (const uint64_t[]){ 3, 2, 1, 2 }, weights);
	modelfile_add(file, "t", DTYPE_F32, 1, (const uint64_t[]){ 3 }, thresholds);
	assert_int_equal(modelfile_open(compact_write(file), &back), 0);
	assert_non_null(modelfile_find(back, "w"));
	if (graph_parse("float", back, &g))
		fail_msg("%s", snnq_last_error(NULL));
	assert_int_equal(g.layers[0].geometry.kernel_w, 2);
	assert_int_equal(g.layers[0].geometry.stride_h, 1);
	assert_int_equal(g.layers[0].in[0], GRAPH_INPUT);
	graph_free(&g);
	/* there is nothing to take from */
	edit(back, "layers.0.neuron.threshold", "true");
	assert_int_equal(graph_parse("float", back, &g), -EBADMSG);
	assert_string_equal(error_of("float"), "conv1: threshold: expected a number or the name of "
					       "a tensor, found true, false or null");
	modelfile_free(back);
}

/* ---- malformed files ---- */

static int open_and_parse(const char *path)
{
	struct modelfile *file = NULL;
	struct graph g;
	int ret = modelfile_open(path, &file);

	if (!ret)
		ret = graph_parse(path, file, &g);
	if (!ret)
		graph_free(&g);
	modelfile_free(file);
	return ret;
}

static const struct {
	const char *key, *json; /* edits of the short form of rich_model() */
	const char *error;
} refused[] = {
	{ "defaults", "[]", "defaults: expected an object" },
	{ "defaults", "{\"linear\": 4}", "defaults: linear: expected an object" },
	{ "defaults", NULL, "conv1: model: expected a string, found nothing" },
	{ "defaults.linear", NULL,
	  "q: out_channels: expected an integer from 1 to 65536, found nothing" },
	{ "defaults.linear.out_channels", "5",
	  "v: weight: expected 6 elements from byte 48 of tensor weights, found 5" },
	{ "layers.0.weight", "\"uniform\"",
	  "conv1: weight: expected SCHEME:BITS, found \"uniform\"" },
	{ "layers.0.weight", "\"uniform:44\"",
	  "conv1: weight: expected SCHEME:BITS, found \"uniform:44\"" },
	{ "layers.0.weight", "\"uniform: 4\"",
	  "conv1: weight: expected SCHEME:BITS, found \"uniform: 4\"" },
	{ "layers.0.weight", "\"uniform:0\"",
	  "conv1: bits: expected an integer from 1 to 8, found 0" },
	{ "layers.0.weight", "\"cubic:4\"", "conv1: scheme: \"cubic\" is not known" },
	{ "layers.0.weight", "\"float:4\"",
	  "conv1: weight.scheme: \"float\" in a model whose arithmetic is integer" },
	{ "layers.0.weight", "\"uniform:8\"",
	  "conv1: weight: expected 54 elements from byte 0 of tensor weights, found 53" },
	{ "layers.0.weight", "\"uniform:1\"",
	  "weights: expected 35 bytes by the layers, found 53" },
	{ "layers.7.weight", "{\"tensor\": \"weights\", \"scheme\": \"uniform\", \"bits\": 8}",
	  "head: weight: tensor weights: expected U8 with 8 bytes (4 rows of 2), found U8 with 53" },
	{ "layers.0.out_channels", "65536",
	  "conv1: weight: expected 589824 elements from byte 0 of tensor weights, found 53" },
	{ "layers.0.neuron.threshold", "1", "numbers: expected 12 bytes by the layers, found 18" },
	{ "layers.0.neuron.threshold", "false",
	  "conv1: threshold: expected a number or the name of a tensor, found true, false or null" },
	{ "layers.2.bias", NULL, "numbers: expected 10 bytes by the layers, found 18" },
	{ "layers.2.neuron", "{\"threshold\": true}",
	  "q: bias: expected 4 elements from byte 14 of tensor numbers, found 2" },
	{ "layers.0.kernel", "2.5",
	  "conv1: kernel: expected an integer from 1 to 4096, found 2.5" },
	{ "layers.6.inputs", NULL, "res: inputs: expected 2 names, found an array of 1" },
	{ "readout.input", "null", "readout: input: expected a string, found true, false or null" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct modelfile *file = rich_model();
		const char *path;

		compact(file);
		edit(file, refused[i].key, refused[i].json);
		path = model_write(file);
		if (open_and_parse(path) != -EBADMSG)
			fail_msg("accepted: %s = %s", refused[i].key, refused[i].json);
		if (strcmp(error_of(path), refused[i].error))
			fail_msg("%s = %s: expected \"%s\", found \"%s\"", refused[i].key,
				 refused[i].json, refused[i].error, snnq_last_error(NULL));
	}
}

/* Replace the pool @name by one of @bytes bytes of another type. */
static const char *with_pool(const char *name, enum dtype dtype, uint64_t bytes)
{
	static const char zeros[256];
	struct modelfile *file = rich_model();
	bool remove[16] = { false };
	uint64_t count = dtype == DTYPE_I32 ? bytes / 4 : dtype == DTYPE_I16 ? bytes / 2 : bytes;

	compact(file);
	for (size_t i = 0; i < file->count; i++)
		remove[i] = !strcmp(file->tensors[i].name, name);
	modelfile_remove(file, remove);
	if (bytes)
		assert_int_equal(modelfile_add(file, name, dtype, 1, &count, zeros), 0);
	return model_write(file);
}

static void refused_pool(const char *name, enum dtype dtype, uint64_t bytes, const char *error)
{
	const char *path = with_pool(name, dtype, bytes);

	assert_int_equal(open_and_parse(path), -EBADMSG);
	assert_string_equal(error_of(path), error);
}

static void test_bad_pools(void **state)
{
	(void)state;
	assert_int_equal(open_and_parse(with_pool("weights", DTYPE_U8, 53)), 0);
	refused_pool("weights", DTYPE_U8, 0,
		     "conv1: weight: expected a tensor \"weights\" of "
		     "U8 to take it from, found nothing");
	refused_pool("weights", DTYPE_I8, 53,
		     "conv1: weight: expected a tensor \"weights\" of "
		     "U8 to take it from, found I8");
	refused_pool("weights", DTYPE_U8, 52,
		     "head: weight: expected 8 elements from byte 45 of tensor weights, found 7");
	refused_pool("weights", DTYPE_U8, 54, "weights: expected 53 bytes by the layers, found 54");
	refused_pool("numbers", DTYPE_I16, 0,
		     "conv1: threshold: expected a tensor \"numbers\" of "
		     "I16 to take it from, found nothing");
	refused_pool("numbers", DTYPE_I32, 36,
		     "conv1: threshold: expected a tensor \"numbers\" of "
		     "I16 to take it from, found I32");
	refused_pool("numbers", DTYPE_I16, 16,
		     "head: mult: expected 2 elements from byte 14 of tensor numbers, found 1");
	refused_pool("numbers", DTYPE_I16, 20,
		     "numbers: expected 18 bytes by the layers, found 20");
}

/* Small layers with large defaults must not become a large graph. */
static void test_defaults_are_bounded(void **state)
{
	struct modelfile *file = rich_model();
	static char long_text[20000];
	const char *path;

	(void)state;
	compact(file);
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[0] = long_text[sizeof(long_text) - 2] = '"';
	edit(file, "defaults.linear.x-note", long_text);
	path = model_write(file);
	assert_int_equal(open_and_parse(path), -EBADMSG);
	assert_memory_equal(error_of(path), "defaults: expected at most 16384 bytes, found 20", 48);
}

/* Each byte changed: whatever is accepted stays in bounds (ASan watches). */
static void test_damage_everywhere(void **state)
{
	const char *path = compact_write(rich_model()), *damaged = temporary_path();
	static uint8_t bytes[8192];
	FILE *f = fopen(path, "rb");
	size_t size = fread(bytes, 1, sizeof(bytes), f);
	int accepted = 0;

	(void)state;
	assert_true(size > 1000 && size < sizeof(bytes));
	fclose(f);
	for (size_t i = 0; i < size; i++) {
		for (unsigned int flip = 1; flip < 256; flip *= 4) {
			bytes[i] ^= (uint8_t)flip;
			f = fopen(damaged, "wb");
			assert_int_equal(fwrite(bytes, 1, size, f), size);
			fclose(f);
			accepted += !open_and_parse(damaged);
			bytes[i] ^= (uint8_t)flip;
		}
	}
	assert_true(accepted > 0 && accepted < (int)(3 * size));
}

/* ---- size ---- */

#define LIF(shift)                                        \
	"\"neuron\": {\"model\": \"lif\", " LEAK "," REST \
	", \"threshold\": \"%s.threshold\", \"shift\": " shift "}"

struct spikformer {
	struct modelfile *file;
	cJSON *layers;
	uint32_t seed;
	uint64_t weights, bits, channels;
};

static void add_random(struct spikformer *s, const char *layer, const char *part, enum dtype dtype,
		       uint64_t count)
{
	uint64_t bytes = dtype == DTYPE_I16 ? 2 * count : count;
	uint8_t *data = malloc(bytes);
	char name[64];

	assert_non_null(data);
	for (uint64_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)(random32(&s->seed) >> 8);
	/* thresholds are positive */
	for (uint64_t i = 1; dtype == DTYPE_I16 && i < bytes; i += 2)
		data[i] = data[i] % 128 | 1;
	snprintf(name, sizeof(name), "%s.%s", layer, part);
	assert_int_equal(modelfile_add(s->file, name, dtype, 1, &count, data), 0);
	free(data);
}

static void add_json(struct spikformer *s, const char *text)
{
	cJSON *layer = cJSON_Parse(text);

	if (!layer)
		fail_msg("not JSON: %s", text);
	cJSON_AddItemToArray(s->layers, layer);
}

static void add_neurons(struct spikformer *s, const char *name, const char *from, const char *grid,
			uint32_t rows, uint32_t outputs, const char *geometry)
{
	uint32_t bits = (uint32_t)atoi(strchr(grid, ':') + 1);
	char text[900];

	snprintf(text, sizeof(text),
		 "{\"name\": \"%s\", \"op\": \"%s\", \"inputs\": [\"%s\"], \"out_channels\": %u, %s"
		 "\"weight\": {\"tensor\": \"%s.weight\", \"scheme\": \"%.*s\", \"bits\": %u}," LIF(
			 "%u") ", \"bias\": \"%s.bias\"}",
		 name, *geometry ? "conv2d" : "linear", from, outputs, geometry, name,
		 (int)(strchr(grid, ':') - grid), grid, bits, name, 3 + random32(&s->seed) % 4,
		 name);
	add_json(s, text);
	add_random(s, name, "weight", DTYPE_U8, (uint64_t)rows * outputs * bits / 8);
	add_random(s, name, "threshold", DTYPE_I16, outputs);
	add_random(s, name, "bias", DTYPE_I16, outputs);
	s->weights += (uint64_t)rows * outputs;
	s->bits += (uint64_t)rows * outputs * bits;
	s->channels += outputs;
}

static void add_conv(struct spikformer *s, const char *name, const char *from, const char *grid,
		     uint32_t inputs, uint32_t outputs, const char *pool)
{
	char text[300];

	add_neurons(s, name, from, grid, 9 * inputs, outputs,
		    "\"kernel\": [3, 3], \"stride\": [1, 1], \"padding\": [1, 1],"
		    "\"dilation\": [1, 1], \"groups\": 1, ");
	if (!pool)
		return;
	snprintf(text, sizeof(text),
		 "{\"name\": \"%s\", \"op\": \"maxpool\", \"inputs\": [\"%s\"],"
		 "\"kernel\": [3, 3], \"stride\": [2, 2], \"padding\": [1, 1]}",
		 pool, name);
	add_json(s, text);
}

static void add_sum(struct spikformer *s, const char *name, const char *a, const char *b,
		    uint32_t planes)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "{\"name\": \"%.31s\", \"op\": \"add\", \"inputs\":"
		 "[\"%s\", \"%s\"], \"planes\": %u}",
		 name, a, b, planes);
	add_json(s, text);
}

static void add_block(struct spikformer *s, const char *block, const char *from)
{
	static const char *const parts[] = { "q", "k", "v" };
	static const char *const grids[] = { "uniform:3", "odd:3", "pot:3" };
	char n[8][32], text[500];

	for (int i = 0; i < 8; i++)
		snprintf(n[i], sizeof(n[0]), "%s.%s", block,
			 (const char *[]){ "q", "k", "v", "attn", "proj", "res1", "fc1",
					   "fc2" }[i]);
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%s.%s", block, parts[i]);
		add_neurons(s, n[i], from, grids[i], 256, 256, "");
	}
	snprintf(text, sizeof(text),
		 "{\"name\": \"%s\", \"op\": \"attention\", \"inputs\":"
		 "[\"%s\", \"%s\", \"%s\"], \"heads\": 16, \"neuron\": {\"model\": \"lif\", " LEAK
		 "," REST ", \"threshold\": 4}}",
		 n[3], n[0], n[1], n[2]);
	add_json(s, text);
	add_neurons(s, n[4], n[3], "pot:3", 256, 256, "");
	add_sum(s, n[5], from, n[4], 2);
	add_neurons(s, n[6], n[5], "uniform:3", 256, 1024, "");
	add_neurons(s, n[7], n[6], "odd:3", 1024, 256, "");
	snprintf(text, sizeof(text), "%s.res2", block);
	add_sum(s, text, n[5], n[7], 3);
}

static void add_head(struct spikformer *s)
{
	add_json(s, "{\"name\": \"head\", \"op\": \"linear\", \"inputs\": [\"block2.res2\"],"
		    "\"out_channels\": 10, \"weight\": {\"tensor\": \"head.weight\","
		    "\"scheme\": \"uniform\", \"bits\": 8}, \"bias\": \"head.bias\","
		    "\"neuron\": {\"model\": \"none\", \"mult\": 256, \"requant_shift\": 0}}");
	add_random(s, "head", "weight", DTYPE_U8, 2560);
	add_random(s, "head", "bias", DTYPE_I16, 10);
	s->weights += 2560;
	s->bits += 2560 * 8;
}

static const char spikformer_text[] =
	"{\"format\": \"snnq\", \"version\": 1, \"arithmetic\": \"integer\","
	"\"name\": \"spikformer-2-256\","
	"\"classes\": [\"0\", \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\"],"
	"\"input\": {\"width\": 128, \"height\": 128, \"polarities\": 2, \"on_channel\": 1,"
	" \"layout\": \"hwc\", \"planes\": 2, \"binning\": \"count\", \"steps\": 16,"
	" \"rounding\": \"floor\", \"origin\": \"zero\"}, \"layers\": [],"
	"\"readout\": {\"input\": \"head\", \"mode\": \"sum\", \"scale\": 0.00123456789012345},"
	"\"quantization\": {\"method\": \"search\", \"calibration\": \"train.tsv\","
	" \"calibration_recordings\": 64, \"scales\": \"per channel, least squares, folded\"}}";

/* Spikformer 2-256 with 3.14 bits per weight on average. */
static struct spikformer spikformer(void)
{
	struct spikformer s = { .seed = 7 };

	assert_int_equal(modelfile_new(cJSON_Parse(spikformer_text), &s.file), 0);
	s.layers = cJSON_GetObjectItem(s.file->graph, "layers");
	add_conv(&s, "conv1", "input", "uniform:8", 2, 32, "pool1");
	add_conv(&s, "conv2", "pool1", "uniform:5", 32, 64, "pool2");
	add_conv(&s, "conv3", "pool2", "pot:3", 64, 128, "pool3");
	add_conv(&s, "conv4", "pool3", "pot:4", 128, 256, "pool4");
	add_conv(&s, "rpe", "pool4", "uniform:3", 256, 256, NULL);
	add_sum(&s, "rpe.res", "pool4", "rpe", 2);
	add_block(&s, "block1", "rpe.res");
	add_block(&s, "block2", "block1.res2");
	add_head(&s);
	return s;
}

static double figure(const cJSON *o, const char *key)
{
	const cJSON *item = cJSON_GetObjectItem(o, key);

	assert_true(cJSON_IsNumber(item));
	return item->valuedouble;
}

static void test_size(void **state)
{
	struct spikformer s = spikformer();
	const char *path;
	char *text;
	cJSON *o;

	(void)state;
	assert_int_equal(s.weights, 2552896);
	assert_int_equal(s.channels, 5344);
	path = compact_write(s.file);
	assert_int_equal(snnq_describe(path, &text), 0);
	o = cJSON_Parse(text);
	free(text);
	print_message("avg_weight_bits %.4f effective_bits %.4f metadata %.0f bytes, %.3f %%, "
		      "weights %.3fx, file %.3fx\n",
		      figure(o, "avg_weight_bits"), figure(o, "effective_bits"),
		      figure(o, "metadata_bytes"), figure(o, "metadata_percent"),
		      figure(o, "weight_compression_ratio"), figure(o, "compression_ratio"));
	assert_float_equal(figure(o, "avg_weight_bits"), (double)s.bits / 2552896, 1e-9);
	assert_true(figure(o, "avg_weight_bits") > 3.13 && figure(o, "avg_weight_bits") < 3.14);
	assert_true(figure(o, "weight_bytes") == (double)s.bits / 8);
	assert_true(figure(o, "metadata_percent") < 2.5);
	assert_true(figure(o, "metadata_bytes") < 4 * 5344 + 4000);
	assert_true(figure(o, "metadata_bytes") + figure(o, "weight_bytes") ==
		    figure(o, "model_bytes"));
	assert_float_equal(figure(o, "effective_bits"), 8 * figure(o, "model_bytes") / 2552896,
			   1e-9);
	cJSON_Delete(o);
}

static void test_size_same_program(void **state)
{
	(void)state;
	same_program(model_write(spikformer().file), compact_write(spikformer().file));
}

static int cleanup(void **state)
{
	(void)state;
	models_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_same_program),
		cmocka_unit_test(test_rich_program),
		cmocka_unit_test(test_masks_and_views),
		cmocka_unit_test(test_shared_by_name),
		cmocka_unit_test(test_taken_names),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_float),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bad_pools),
		cmocka_unit_test(test_defaults_are_bounded),
		cmocka_unit_test(test_damage_everywhere),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_size_same_program),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
