// SPDX-License-Identifier: MIT
/*
 * compact.c - the short form of a model.
 *
 * Tensors first, while the graph is known: weights and 16-bit integers move into
 * shared tensors in the order in which graph_parse() takes them out again. Then the
 * JSON: what readers fill in by themselves is left out, and what most layers of an
 * operation have in common becomes a default.
 */
#include "compact.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "graph.h"
#include "base/json.h"

static cJSON *member(const cJSON *node, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(node, key);
}

static void drop(cJSON *node, const char *key)
{
	cJSON_DeleteItemFromObjectCaseSensitive(node, key);
}

/* ---- tensors ---- */

struct pool {
	char *bytes;
	uint64_t used;
};

struct packer {
	const struct modelfile *file;
	const struct graph *graph;
	uint32_t *uses; /* per tensor of the file: by how many layers */
	bool *moved;	/* into a pool */
	struct pool weights, numbers;
};

/* Index in the file, or count for a part of a shared tensor. */
static size_t tensor_index(const struct packer *k, const struct tensor *t)
{
	size_t i = 0;

	while (i < k->file->count && t != &k->file->tensors[i])
		i++;
	return i;
}

static bool fits_16_bits(const struct tensor *t)
{
	if (t->dtype == DTYPE_I16)
		return true;
	for (uint64_t i = 0; i < tensor_elements(t); i++)
		if (tensor_int(t, i) != (int16_t)tensor_int(t, i))
			return false;
	return true;
}

/* Whether @t goes into a pool; what several layers use stays, or it would be stored twice. */
static bool movable(const struct packer *k, const struct tensor *t)
{
	size_t i = t ? tensor_index(k, t) : 0;

	return t && (i == k->file->count || k->uses[i] == 1) &&
	       (t->dtype == DTYPE_U8 || fits_16_bits(t));
}

static void count_uses(struct packer *k)
{
	for (uint32_t i = 0; i < k->graph->layer_count; i++) {
		const struct graph_layer *l = &k->graph->layers[i];
		/* scales never move */
		const struct tensor *used[] = {
			l->weight,	l->scales,	     l->scales,
			l->bias.tensor, l->threshold.tensor, l->mult.tensor
		};

		for (size_t u = 0; u < sizeof(used) / sizeof(used[0]); u++)
			if (used[u])
				k->uses[tensor_index(k, used[u])]++;
	}
}

static void move_weights(struct packer *k, struct graph_layer *l)
{
	cJSON *node = member(l->json, "weight");
	char text[32];

	if (!movable(k, l->weight))
		return;
	memcpy(k->weights.bytes + k->weights.used, l->weight->data, l->weight->bytes);
	k->weights.used += l->weight->bytes;
	k->moved[tensor_index(k, l->weight)] = true;
	drop(node, "tensor");
	if (cJSON_GetArraySize(node) != 2) /* more than scheme and bits */
		return;
	snprintf(text, sizeof(text), "%.15s:%u", l->scheme_name, l->bits);
	json_replace(l->json, "weight", cJSON_CreateString(text));
}

static void move_numbers(struct packer *k, const struct graph_numbers *n, cJSON *node,
			 const char *key)
{
	if (!movable(k, n->tensor))
		return;
	for (uint32_t i = 0; i < n->count; i++, k->numbers.used += 2) {
		int16_t value = (int16_t)tensor_int(n->tensor, i);

		memcpy(k->numbers.bytes + k->numbers.used, &value, sizeof(value));
	}
	k->moved[tensor_index(k, n->tensor)] = true;
	json_replace(node, key, cJSON_CreateTrue());
}

/* Room for everything that may move. */
static bool allocate(struct packer *k)
{
	uint64_t weights = 0, numbers = 0;

	for (uint32_t i = 0; i < k->graph->layer_count; i++) {
		const struct graph_layer *l = &k->graph->layers[i];

		weights += l->weight ? l->weight->bytes : 0;
		numbers += (uint64_t)l->bias.count + l->threshold.count + l->mult.count;
	}
	k->weights.bytes = malloc(weights + 1);
	k->numbers.bytes = malloc(2 * numbers + 1);
	k->uses = calloc(k->file->count + 1, sizeof(*k->uses));
	k->moved = calloc(k->file->count + 1, sizeof(*k->moved));
	return k->weights.bytes && k->numbers.bytes && k->uses && k->moved;
}

/* A tensor that keeps the name of a pool would be taken for it. */
static bool names_are_free(const struct packer *k)
{
	for (size_t i = 0; i < k->file->count; i++) {
		const struct tensor *t = &k->file->tensors[i];
		bool pool = !strcmp(t->name, GRAPH_WEIGHTS) || !strcmp(t->name, GRAPH_NUMBERS);
		bool taken = k->uses[k->file->count] && !k->uses[i];

		if (pool && !taken && !movable(k, t))
			return false;
	}
	return true;
}

/* The pools replace what moved, and pools from before. */
static int store_pools(struct packer *k, struct modelfile *file)
{
	uint64_t numbers = k->numbers.used / 2, weights = k->weights.used;
	int ret = 0;

	for (size_t i = 0; i < file->count; i++)
		if (!strcmp(file->tensors[i].name, GRAPH_WEIGHTS) ||
		    !strcmp(file->tensors[i].name, GRAPH_NUMBERS))
			k->moved[i] = true;
	modelfile_remove(file, k->moved);
	if (weights)
		ret = modelfile_add(file, GRAPH_WEIGHTS, DTYPE_U8, 1, &weights, k->weights.bytes);
	if (!ret && numbers)
		ret = modelfile_add(file, GRAPH_NUMBERS, DTYPE_I16, 1, &numbers, k->numbers.bytes);
	return ret;
}

static void move_layer(struct packer *k, struct graph_layer *l)
{
	cJSON *neuron = member(l->json, "neuron");

	/* in the order of graph_parse() */
	if (l->weight)
		move_weights(k, l);
	move_numbers(k, &l->threshold, neuron, "threshold");
	move_numbers(k, &l->mult, neuron, "mult");
	move_numbers(k, &l->bias, l->json, "bias");
}

static int pack_tensors(const char *path, struct modelfile *file, struct graph *graph)
{
	struct packer k = { .file = file, .graph = graph };
	int ret = allocate(&k) ? 0 : error_set(-ENOMEM, "%s: no memory", path);

	if (!ret)
		count_uses(&k);
	if (!ret && names_are_free(&k)) {
		for (uint32_t i = 0; i < graph->layer_count; i++)
			move_layer(&k, &graph->layers[i]);
		ret = store_pools(&k, file);
	}
	free(k.weights.bytes);
	free(k.numbers.bytes);
	free(k.uses);
	free(k.moved);
	return ret;
}

/* ---- what readers fill in ---- */

static bool is_pair(const cJSON *item, double a, double b)
{
	return cJSON_GetArraySize(item) == 2 && cJSON_GetArrayItem(item, 0)->valuedouble == a &&
	       cJSON_GetArrayItem(item, 1)->valuedouble == b;
}

static void shorten_pair(cJSON *layer, const char *key, double absent)
{
	cJSON *item = member(layer, key);
	double first = item && item->child ? item->child->valuedouble : 0;

	if (!is_pair(item, first, first))
		return;
	if (first == absent)
		drop(layer, key);
	else
		json_replace(layer, key, cJSON_CreateNumber(first));
}

static void shorten_number(cJSON *layer, const char *key, double absent)
{
	const cJSON *item = member(layer, key);

	if (cJSON_IsNumber(item) && item->valuedouble == absent)
		drop(layer, key);
}

static void shorten_layer(const struct graph *g, uint32_t index)
{
	const struct graph_layer *l = &g->layers[index];

	const cJSON *inputs = member(l->json, "inputs");

	/* GRAPH_INPUT is -1; a view says more than the name */
	if (l->in_count == 1 && l->in[0] == (int)index - 1 && cJSON_IsString(inputs->child))
		drop(l->json, "inputs");
	if (l->geometry.kernel_h) {
		shorten_pair(l->json, "kernel", 0);
		shorten_pair(l->json, "stride", 1);
		shorten_pair(l->json, "padding", 0);
		shorten_pair(l->json, "dilation", 1);
	}
	if (l->op == SNNQ_OP_CONV2D)
		shorten_number(l->json, "groups", 1);
	if (l->op == SNNQ_OP_POOL_SUM)
		shorten_number(l->json, "value", 1);
}

/* ---- defaults ---- */

/* Texts of one key's values in all layers of an operation; NULL: absent. */
struct values {
	char **texts;
	int count, present, objects;
	bool null;
};

static void values_free(struct values *v)
{
	for (int i = 0; v->texts && i < v->count; i++)
		cJSON_free(v->texts[i]);
	free(v->texts);
}

static bool values_get(struct values *v, cJSON **nodes, int count, const char *key)
{
	*v = (struct values){ .texts = calloc((size_t)count, sizeof(*v->texts)), .count = count };
	for (int i = 0; v->texts && i < count; i++) {
		const cJSON *item = member(nodes[i], key);

		if (!item)
			continue;
		v->present++;
		v->objects += cJSON_IsObject(item);
		v->null |= cJSON_IsNull(item);
		v->texts[i] = cJSON_PrintUnformatted(item);
		if (!v->texts[i])
			return false;
	}
	return v->texts;
}

static bool same_text(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* Index of the most frequent value, the first of equals; *times how often. */
static int most_frequent(const struct values *v, int *times)
{
	int best = 0;

	*times = 0;
	for (int i = 0; i < v->count; i++) {
		int n = 0;

		for (int j = i; j < v->count; j++)
			n += same_text(v->texts[i], v->texts[j]);
		if (n > *times) {
			*times = n;
			best = i;
		}
	}
	return best;
}

static cJSON *common(cJSON **nodes, int count);

/* Objects that all layers have: what their parts have in common. */
static bool common_object(cJSON **nodes, int count, const char *key, cJSON *defaults)
{
	cJSON **inner = calloc((size_t)count, sizeof(*inner)), *part;

	if (!inner)
		return false;
	for (int i = 0; i < count; i++)
		inner[i] = member(nodes[i], key);
	part = common(inner, count);
	free(inner);
	if (!part)
		return false;
	if (!part->child) {
		cJSON_Delete(part);
		return true;
	}
	for (int i = 0; i < count; i++)
		if (!member(nodes[i], key)->child)
			drop(nodes[i], key);
	json_put(defaults, key, part);
	return true;
}

/* Make the most frequent value the default when the text gets shorter by it. */
static bool common_value(cJSON **nodes, const struct values *v, const char *key, cJSON *defaults)
{
	size_t name = strlen(key) + 6, null = name + 4; /* \"key\":...,  */
	int times, best = most_frequent(v, &times);
	size_t entry = name + strlen(v->texts[best]);
	cJSON *copy;

	if ((size_t)(times - 1) * entry <= (size_t)(v->count - v->present) * null)
		return true;
	/* other objects would inherit its members */
	if (v->texts[best][0] == '{' && times != v->objects)
		return true;
	copy = cJSON_Duplicate(member(nodes[best], key), true);
	json_put(defaults, key, copy);
	for (int i = 0; i < v->count; i++) {
		if (!v->texts[i])
			json_put(nodes[i], key, cJSON_CreateNull());
		else if (same_text(v->texts[i], v->texts[best]))
			drop(nodes[i], key);
	}
	return true;
}

static bool common_key(cJSON **nodes, int count, const char *key, cJSON *defaults)
{
	struct values v;
	bool good = values_get(&v, nodes, count, key);

	if (good && !v.null && v.objects == count)
		good = common_object(nodes, count, key, defaults);
	else if (good && !v.null)
		good = common_value(nodes, &v, key, defaults);
	values_free(&v);
	return good;
}

/* Take out of @nodes what they have in common; NULL without memory. */
static cJSON *common(cJSON **nodes, int count)
{
	cJSON *keys = cJSON_CreateObject(), *defaults = cJSON_CreateObject(), *item;
	bool good = keys && defaults;

	for (int i = 0; good && i < count; i++)
		cJSON_ArrayForEach(item, nodes[i])
			if (!member(keys, item->string))
				good = good && cJSON_AddNullToObject(keys, item->string);
	drop(keys, "name");
	drop(keys, "op");
	drop(keys, "inputs");
	cJSON_ArrayForEach(item, keys)
		good = good && common_key(nodes, count, item->string, defaults);
	cJSON_Delete(keys);
	if (good)
		return defaults;
	cJSON_Delete(defaults);
	return NULL;
}

/* Defaults of operation @op from its layers, @nodes being room for them. */
static bool common_of_op(const struct graph *g, const char *op, cJSON **nodes, cJSON *defaults)
{
	cJSON *part;
	int count = 0;

	for (uint32_t i = 0; i < g->layer_count; i++)
		if (!strcmp(g->layers[i].op_name, op))
			nodes[count++] = g->layers[i].json;
	part = common(nodes, count);
	if (!part)
		return false;
	if (part->child)
		json_put(defaults, op, part);
	else
		cJSON_Delete(part);
	return true;
}

/* Whether a layer of this operation has a neuron even if it does not say so. */
static bool needs_neuron(const struct graph_layer *l)
{
	return l->op == SNNQ_OP_CONV2D || l->op == SNNQ_OP_LINEAR || l->op == SNNQ_OP_ATTENTION;
}

/* Defaults of the neurons with the model that most have, @nodes being room for them. */
static bool common_of_neurons(const struct graph *g, cJSON **nodes, cJSON *defaults)
{
	uint32_t models[3] = { 0 }, most = SNNQ_NEURON_LIF;
	cJSON *part;
	int count = 0;

	for (uint32_t i = 0; i < g->layer_count; i++)
		models[g->layers[i].neuron.model]++;
	if (models[SNNQ_NEURON_CUBA] > models[most])
		most = SNNQ_NEURON_CUBA;
	for (uint32_t i = 0; i < g->layer_count; i++)
		if (g->layers[i].neuron.model == most)
			nodes[count++] = member(g->layers[i].json, "neuron");
	part = count > 1 ? common(nodes, count) : cJSON_CreateObject();
	if (!part)
		return false;
	for (uint32_t i = 0; i < g->layer_count; i++) {
		const cJSON *neuron = member(g->layers[i].json, "neuron");

		if (neuron && !neuron->child && needs_neuron(&g->layers[i]))
			drop(g->layers[i].json, "neuron");
	}
	if (part->child)
		json_put(defaults, "neuron", part);
	else
		cJSON_Delete(part);
	return true;
}

static int add_defaults(const char *path, const struct graph *g, cJSON *graph)
{
	cJSON **nodes = calloc(g->layer_count, sizeof(*nodes));
	cJSON *defaults = cJSON_CreateObject();
	bool good = nodes && defaults && common_of_neurons(g, nodes, defaults);

	for (uint32_t i = 0; good && i < g->layer_count; i++)
		if (!member(defaults, g->layers[i].op_name))
			good = common_of_op(g, g->layers[i].op_name, nodes, defaults);
	free(nodes);
	if (good && defaults->child)
		json_put(graph, "defaults", defaults);
	else
		cJSON_Delete(defaults);
	return good ? 0 : error_set(-ENOMEM, "%s: no memory", path);
}

int compact_model(const char *path, struct modelfile *file)
{
	uint64_t losses = json_losses();
	struct graph graph;
	int ret = graph_expand(path, file->graph);

	if (!ret)
		ret = graph_parse(path, file, &graph);
	if (ret)
		return ret;
	if (graph.readout == (int)graph.layer_count - 1)
		drop(member(file->graph, "readout"), "input");
	for (uint32_t i = 0; i < graph.layer_count; i++)
		shorten_layer(&graph, i);
	if (graph.integer)
		ret = pack_tensors(path, file, &graph);
	if (!ret)
		ret = add_defaults(path, &graph, file->graph);
	graph_free(&graph);
	if (!ret && json_losses() != losses)
		ret = error_set(-ENOMEM, "%s: no memory", path);
	return ret;
}
