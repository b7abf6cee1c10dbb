// SPDX-License-Identifier: MIT
/*
 * graph.c - from JSON to checked structures.
 *
 * Default deny: an operation, scheme, mode or key that is not known is refused by name, but for
 * keys that begin with "x-". Every message names file, layer and key.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "graph_ops.h"
#include "snnq_validate.h"

/* ---- layers ---- */

static void get_layer(struct parser *p, cJSON *json, uint32_t index)
{
	struct graph_layer *l = &p->graph->layers[index];

	l->json = json;
	p->where = "layers";
	l->name = read_name(p, read_string(p, json, "name"));
	if (!l->name[0] || strchr(l->name, '/'))
		complain(p, "name: expected one without \"/\", found \"%.40s\"", l->name);
	p->where = l->name;
	for (uint32_t i = 0; i < index; i++)
		if (!strcmp(p->graph->layers[i].name, l->name) || !strcmp(l->name, "input"))
			complain(p, "name: used twice");
	graph_get_layer(p, l, index);
}

static void get_layers(struct parser *p, const cJSON *root)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "layers"), *json;
	int count = cJSON_GetArraySize(list);

	p->where = "layers";
	if (!cJSON_IsArray(list) || count < 1 || count > (int)SNNQ_MAX_LAYERS / 2) {
		complain(p, "expected 1 to %u layers, found %s", SNNQ_MAX_LAYERS / 2,
			 found(p, list));
		return;
	}
	p->graph->layers = calloc((size_t)count, sizeof(*p->graph->layers));
	/* weights, bias, threshold or mult, and mult of each operand */
	p->graph->parts = calloc((3 + SNNQ_MAX_OPERANDS) * (size_t)count, sizeof(*p->graph->parts));
	if (!p->graph->layers || !p->graph->parts) {
		p->error = error_set(-ENOMEM, "%s: no memory", p->path);
		return;
	}
	cJSON_ArrayForEach(json, list) {
		get_layer(p, json, p->graph->layer_count);
		if (p->error)
			return;
		p->graph->layer_count++;
	}
	for (uint32_t i = 0; i < p->graph->layer_count; i++)
		graph_find_previous(p, &p->graph->layers[i]);
}

/* ---- readout, top ---- */

/* One value for each channel, or for each of some groups of neighbouring ones. */
static void get_readout_channels(struct parser *p, const cJSON *node)
{
	struct graph *g = p->graph;
	const struct graph_layer *l = &g->layers[g->readout];

	g->readout_channels = l->out.channels;
	if (g->readout_mode == SNNQ_READOUT_VOTE)
		g->readout_channels =
			(uint32_t)read_integer(p, node, "votes", 1, SNNQ_MAX_CHANNELS);
	else if (member(node, "votes"))
		complain(p, "votes: expected nothing, as the mode is not \"vote\"");
	if (!p->error && l->out.channels % g->readout_channels)
		complain(p, "votes: %u do not divide the %u channels of layer %s",
			 g->readout_channels, l->out.channels, l->name);
	if (g->class_count && g->class_count != g->readout_channels)
		complain(p, "input: %u classes, but layer %s has %u %s", g->class_count, l->name,
			 g->readout_channels,
			 g->readout_mode == SNNQ_READOUT_VOTE ? "votes" : "channels");
}

static void get_readout(struct parser *p, const cJSON *root)
{
	static const struct word modes[] = {
		{ "sum", SNNQ_READOUT_SUM },
		{ "last", SNNQ_READOUT_LAST },
		{ "max", SNNQ_READOUT_MAX },
		{ "vote", SNNQ_READOUT_VOTE },
		{ NULL },
	};
	const cJSON *node = member(root, "readout"), *scale = member(node, "scale");
	struct graph *g = p->graph;

	p->where = "readout";
	g->readout_mode = read_word(p, node, "mode", modes, false);
	g->readout = graph_find_layer(p, read_string(p, node, "input"), g->layer_count);
	if (g->readout == GRAPH_INPUT)
		complain(p, "input: expected a layer, found \"input\"");
	else
		get_readout_channels(p, node);
	g->readout_scale = 1;
	if (scale && (!cJSON_IsNumber(scale) || !isfinite(scale->valuedouble)))
		complain(p, "scale: expected a number, found %s", found(p, scale));
	else if (scale)
		g->readout_scale = scale->valuedouble;
	only_keys(p, node, "readout", "input mode votes scale");
}

static void get_classes(struct parser *p, const cJSON *root)
{
	const cJSON *list = member(root, "classes"), *name;
	struct graph *g = p->graph;

	p->where = "classes";
	if (!list)
		return;
	g->classes = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*g->classes));
	if (!g->classes) {
		p->error = error_set(-ENOMEM, "%s: no memory", p->path);
		return;
	}
	cJSON_ArrayForEach(name, list) {
		if (!cJSON_IsString(name))
			complain(p, "expected names, found %s", found(p, name));
		else
			read_name(p, name->valuestring);
		g->classes[g->class_count++] = cJSON_IsString(name) ? name->valuestring : "";
	}
}

static void get_top(struct parser *p, const cJSON *root)
{
	static const struct word kinds[] = { { "float", 0 }, { "integer", 1 }, { NULL } };
	static const struct word formats[] = { { "snnq", 0 }, { NULL } };

	p->where = "model";
	read_word(p, root, "format", formats, false);
	read_integer(p, root, "version", 1, 1);
	p->graph->integer = read_word(p, root, "arithmetic", kinds, false);
	p->graph->name = member(root, "name") ? read_name(p, read_string(p, root, "name")) : "";
	only_keys(p, root, "graph",
		  "format version arithmetic name classes input layers readout "
		  "imported_from quantization");
}

int graph_parse(const char *path, const struct modelfile *file, struct graph *graph)
{
	struct parser p = {
		.path = path,
		.file = file,
		.graph = graph,
		.weights = { .name = GRAPH_WEIGHTS, .dtype = DTYPE_U8, .element = 1 },
		.numbers = { .name = GRAPH_NUMBERS, .dtype = DTYPE_I16, .element = 2 },
	};

	memset(graph, 0, sizeof(*graph));
	graph->file = file;
	get_top(&p, file->graph);
	if (!p.error)
		graph_get_input(&p, file->graph);
	if (!p.error)
		get_classes(&p, file->graph);
	if (!p.error)
		get_layers(&p, file->graph);
	if (!p.error)
		get_readout(&p, file->graph);
	if (!p.error && graph->integer) {
		check_taken(&p, &p.weights);
		check_taken(&p, &p.numbers);
	}
	if (p.error)
		graph_free(graph);
	return p.error;
}

void graph_free(struct graph *graph)
{
	free(graph->layers);
	free(graph->parts);
	free(graph->classes);
	memset(graph, 0, sizeof(*graph));
}
