// SPDX-License-Identifier: MIT
/*
 * fuzz_models.c - libFuzzer harness: any bytes as a model file.
 *
 * With an even first byte the rest is the file. With an odd one it is a graph in JSON, NUL, one
 * byte that says how many 16-bit numbers follow, these, and packed weights: a container is put
 * around them, so that the graph is reached by every mutation. What is accepted is compiled,
 * described and brought into the short form, which has to mean the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/compact.h"
#include "model/compile.h"
#include "base/error.h"
#include "float/floatnet.h"
#include "model/graph.h"
#include "snnq_tools.h"

#define MAX_STATE (1u << 22) /* of models that are made ready to run */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char path[] = "/proc/self/fd/200";

static void must(bool good)
{
	if (!good)
		abort();
}

static void put_file(const void *data, size_t size)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("model", 0);
		must(fd >= 0 && dup2(fd, 200) == 200);
	}
	must(!ftruncate(fd, (off_t)size) && pwrite(fd, data, size, 0) == (ssize_t)size);
}

/* Refusals have a text that names the file. */
static bool refused(int ret)
{
	if (!ret)
		return false;
	must(ret < 0 && ret != -ENOMEM && !strncmp(error_get(), path, strlen(path)));
	return true;
}

static struct modelfile *build(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size), *rest;
	uint64_t numbers = 0, weights = 0;
	struct modelfile *file = NULL;
	cJSON *graph = cJSON_ParseWithLength((const char *)data, end ? (size_t)(end - data) : size);

	if (!graph || modelfile_new(graph, &file))
		return NULL;
	if (!end || end + 1 == data + size)
		return file;
	rest = end + 2;
	numbers = end[1];
	if (2 * numbers > (uint64_t)(data + size - rest))
		numbers = (uint64_t)(data + size - rest) / 2;
	weights = (uint64_t)(data + size - rest) - 2 * numbers;
	if (weights)
		must(!modelfile_add(file, GRAPH_WEIGHTS, DTYPE_U8, 1, &weights,
				    rest + 2 * numbers));
	if (numbers)
		must(!modelfile_add(file, GRAPH_NUMBERS, DTYPE_I16, 1, &numbers, rest));
	return file;
}

static struct modelfile *open_model(const uint8_t *data, size_t size)
{
	struct modelfile *file;

	if (data[0] % 2) {
		file = build(data + 1, size - 1);
		if (file && refused(graph_expand(path, file->graph))) {
			modelfile_free(file);
			return NULL;
		}
		return file;
	}
	put_file(data + 1, size - 1);
	return refused(modelfile_open(path, &file)) ? NULL : file;
}

/* The program of a graph, or of its refusal nothing. */
static bool compile(const struct graph *graph, struct compiled *c)
{
	return !refused(compile_graph(
		path, graph, &(struct compile_opts){ .caps = &snnq_caps_all, .taps = true }, c));
}

static void check_short_form(struct modelfile *file, const struct compiled *want)
{
	struct graph graph;
	struct compiled c;

	must(!compact_model(path, file));
	must(!graph_expand(path, file->graph));
	must(!graph_parse(path, file, &graph));
	must(compile(&graph, &c));
	must(c.program_bytes == want->program_bytes && c.weights_bytes == want->weights_bytes);
	must(!memcmp(c.program, want->program, c.program_bytes));
	must(!memcmp(c.weights, want->weights, c.weights_bytes));
	compile_free(&c);
	graph_free(&graph);
}

static void check_float(const struct graph *graph)
{
	struct floatnet *net;
	uint64_t elements = 0;

	for (uint32_t i = 0; i < graph->layer_count; i++)
		elements += (uint64_t)graph->layers[i].out.height * graph->layers[i].out.width *
			    graph->layers[i].out.channels;
	if (elements < MAX_STATE && !refused(floatnet_create(path, graph, &net)))
		floatnet_destroy(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct modelfile *file = size ? open_model(data, size) : NULL;
	struct compiled c;
	struct graph graph;
	char *json;

	if (!file)
		return 0;
	if (refused(graph_parse(path, file, &graph))) {
		modelfile_free(file);
		return 0;
	}
	if (!graph.integer)
		check_float(&graph);
	else if (compile(&graph, &c)) {
		check_short_form(file, &c);
		compile_free(&c);
	}
	graph_free(&graph);
	if (data[0] % 2 == 0) {
		must(!snnq_describe(path, &json));
		free(json);
	}
	modelfile_free(file);
	return 0;
}
