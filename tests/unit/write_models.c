// SPDX-License-Identifier: MIT
/*
 * write_models.c - seeds for tests/fuzz/fuzz_models.c: write_models DIRECTORY. The models of the
 * unit tests, long and short, as files and as graphs with their shared tensors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/compact.h"
#include "floats.h"
#include "models.h"

static const char *directory;

static FILE *seed_open(const char *name, char kind)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "wb");
	if (!f || fputc(kind, f) == EOF) {
		perror(path);
		exit(1);
	}
	return f;
}

/* The whole file. */
static void write_file(const char *name, const char *model)
{
	struct modelfile *file;
	FILE *f = seed_open(name, 0);

	if (modelfile_open(model, &file) ||
	    fwrite(file->map, 1, file->map_bytes, f) != file->map_bytes)
		exit(1);
	modelfile_free(file);
	fclose(f);
}

static void put_tensor(FILE *f, const struct tensor *t)
{
	if (t && fwrite(t->data, 1, t->bytes, f) != t->bytes)
		exit(1);
}

/* The short form: graph and shared tensors. */
static void write_graph(const char *name, struct modelfile *file)
{
	const struct tensor *numbers = modelfile_find(file, GRAPH_NUMBERS);
	FILE *f = seed_open(name, 1);
	char *text = cJSON_PrintUnformatted(file->graph);

	fwrite(text, 1, strlen(text) + 1, f);
	fputc(numbers ? (int)(numbers->bytes / 2) : 0, f);
	put_tensor(f, numbers);
	put_tensor(f, modelfile_find(file, GRAPH_WEIGHTS));
	free(text);
	fclose(f);
}

static void write_network(const char *form, const char *neuron)
{
	struct modelfile *file = network_model();
	char name[32];

	if (neuron)
		edit(file, "layers.0.neuron", neuron);
	snprintf(name, sizeof(name), "long-%s", form);
	write_file(name, model_write(file));
	file = network_model();
	if (neuron)
		edit(file, "layers.0.neuron", neuron);
	edit(file, "layers.7.bias", "9");
	if (compact_model("net", file))
		exit(1);
	snprintf(name, sizeof(name), "graph-%s", form);
	write_graph(name, file);
	snprintf(name, sizeof(name), "short-%s", form);
	write_file(name, model_write(file));
}

int main(int argc, char **argv)
{
	static const char float_text[] =
		"{\"format\":\"snnq\",\"version\":1,\"arithmetic\":\"float\",\"input\":{\"width\":4,"
		"\"height\":4,\"polarities\":2,\"planes\":1,\"binning\":\"count\",\"steps\":3},"
		"\"layers\":[{\"name\":\"p\",\"op\":\"avgpool\",\"inputs\":[\"input\"],\"kernel\":[2,2],"
		"\"stride\":[2,2]},{\"name\":\"c\",\"op\":\"conv2d\",\"inputs\":[\"p\"],\"kernel\":[2,2],"
		"\"out_channels\":2,\"weight\":{\"tensor\":\"c.w\",\"scheme\":\"float\",\"elements\":16},"
		"\"bias\":\"c.b\",\"neuron\":{\"model\":\"none\"}}],"
		"\"readout\":{\"input\":\"c\",\"mode\":\"sum\"}}";
	struct network n;

	if (argc != 2) {
		fprintf(stderr, "write_models DIRECTORY\n");
		return 2;
	}
	directory = argv[1];
	write_network("lif", NULL);
	write_network("cuba",
		      "{\"model\": \"cuba\", \"leak\": {\"kind\": \"tz12\", \"decay\": 128},"
		      " \"current_leak\": {\"kind\": \"q16\", \"lambda\": 9}, \"compare\": \"gt\","
		      " \"reset\": \"soft\", \"threshold\": 40, \"shift\": 2, \"delay\": 1,"
		      " \"refractory\": 2, \"reset_value\": -3, \"old_current\": true,"
		      " \"skip_first\": true}");
	write_file("dense", dense_write(dense_random(6, 5, 4, 1)));
	network_file(&n, float_text, 0.5f, 1);
	write_file("float", model_write(n.file));
	models_cleanup();
	return 0;
}
