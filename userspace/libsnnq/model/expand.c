// SPDX-License-Identifier: MIT
/*
 * expand.c - the long form of a graph from the short one.
 *
 * Works on JSON alone, before anything is known to make sense: whatever is not as
 * expected stays as it is, and graph_parse() complains.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "base/error.h"
#include "base/json.h"
#include "snnq_program.h"

#define MAX_DEFAULTS 16384 /* bytes: they are copied to each layer */

static cJSON *member(const cJSON *node, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(node, key);
}

/* Bytes of text in @node, about. */
static size_t text_bytes(const cJSON *node)
{
	size_t bytes = 8 + (node->string ? strlen(node->string) : 0) +
		       (node->valuestring ? strlen(node->valuestring) : 0);
	const cJSON *child;

	cJSON_ArrayForEach(child, node)
		bytes += text_bytes(child);
	return bytes;
}

/* Give @node what it lacks of @defaults; null says that it shall lack it. */
static void merge(cJSON *node, const cJSON *defaults)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, defaults) {
		cJSON *own = member(node, item->string);

		if (cJSON_IsNull(own))
			cJSON_DeleteItemFromObjectCaseSensitive(node, item->string);
		else if (cJSON_IsObject(own) && cJSON_IsObject(item))
			merge(own, item);
		else if (!own)
			json_put(node, item->string, cJSON_Duplicate(item, true));
	}
}

/* 3 stands for [3, 3]. */
static void expand_pair(cJSON *layer, const char *key)
{
	cJSON *item = member(layer, key), *pair;

	if (!cJSON_IsNumber(item))
		return;
	pair = cJSON_CreateDoubleArray((const double[]){ item->valuedouble, item->valuedouble }, 2);
	json_replace(layer, key, pair);
}

/* "uniform:3" stands for {"scheme": "uniform", "bits": 3}. */
static int expand_weight(const char *path, cJSON *layer)
{
	cJSON *item = member(layer, "weight"), *weight;
	const char *name = cJSON_GetStringValue(member(layer, "name"));
	char scheme[16], bits[2];
	int end = 0;

	if (!cJSON_IsString(item))
		return 0;
	if (sscanf(item->valuestring, "%15[a-z]:%1[0-9]%n", scheme, bits, &end) != 2 ||
	    item->valuestring[end])
		return error_set(-EBADMSG,
				 "%s: %.64s: weight: expected SCHEME:BITS, found \"%.40s\"", path,
				 name ? name : "layers", item->valuestring);
	weight = cJSON_CreateObject();
	json_put_string(weight, "scheme", scheme);
	json_put_number(weight, "bits", bits[0] - '0');
	json_replace(layer, "weight", weight);
	return 0;
}

/* Attention in its modes "token" and "channel" masks spikes and has no neuron. */
static bool has_neuron(const cJSON *layer, const char *op)
{
	const char *mode = cJSON_GetStringValue(member(layer, "mode"));

	if (!strcmp(op, "attention"))
		return !mode || !strcmp(mode, "values");
	return !strcmp(op, "conv2d") || !strcmp(op, "linear");
}

/*
 * Neurons of the model that the defaults are for take them; so do operations that
 * have a neuron but do not mention it.
 */
static void expand_neuron(cJSON *layer, const char *op, const cJSON *defaults)
{
	cJSON *neuron = member(layer, "neuron"), *model;

	if (!defaults)
		return;
	if (!neuron && has_neuron(layer, op))
		neuron = json_put_object(layer, "neuron");
	if (!cJSON_IsObject(neuron))
		return;
	model = member(neuron, "model");
	if (!model || cJSON_Compare(model, member(defaults, "model"), true))
		merge(neuron, defaults);
}

/* The layer before, or the input; @before NULL: there is none that has a name. */
static void expand_inputs(cJSON *layer, const char *before)
{
	if (before && !member(layer, "inputs"))
		json_put(layer, "inputs", cJSON_CreateStringArray(&before, 1));
}

static int check_defaults(const char *path, const cJSON *defaults)
{
	const cJSON *item;

	if (!defaults)
		return 0;
	if (!cJSON_IsObject(defaults))
		return error_set(-EBADMSG, "%s: defaults: expected an object", path);
	cJSON_ArrayForEach(item, defaults)
		if (!cJSON_IsObject(item))
			return error_set(-EBADMSG, "%s: defaults: %.40s: expected an object", path,
					 item->string);
	if (text_bytes(defaults) > MAX_DEFAULTS)
		return error_set(-EBADMSG, "%s: defaults: expected at most %u bytes, found %zu",
				 path, MAX_DEFAULTS, text_bytes(defaults));
	return 0;
}

static int expand_layers(const char *path, const cJSON *defaults, cJSON *layers, const char **last)
{
	static const char *const pairs[] = { "kernel", "stride", "padding", "dilation" };
	cJSON *layer;
	int ret = 0;

	cJSON_ArrayForEach(layer, layers) {
		const char *op = cJSON_GetStringValue(member(layer, "op"));

		if (!cJSON_IsObject(layer))
			continue;
		if (op) {
			merge(layer, member(defaults, op));
			expand_neuron(layer, op, member(defaults, "neuron"));
		}
		for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
			expand_pair(layer, pairs[i]);
		ret = expand_weight(path, layer);
		if (ret)
			return ret;
		expand_inputs(layer, *last);
		*last = cJSON_GetStringValue(member(layer, "name"));
	}
	return 0;
}

int graph_expand(const char *path, cJSON *graph)
{
	const cJSON *defaults = member(graph, "defaults");
	cJSON *layers = member(graph, "layers"), *readout = member(graph, "readout");
	const char *last = "input";
	uint64_t losses = json_losses();
	int ret = check_defaults(path, defaults);

	if (ret || !cJSON_IsArray(layers) || cJSON_GetArraySize(layers) > (int)SNNQ_MAX_LAYERS)
		return ret;
	ret = expand_layers(path, defaults, layers, &last);
	if (ret)
		return ret;
	cJSON_DeleteItemFromObjectCaseSensitive(graph, "defaults");
	if (last && cJSON_IsObject(readout) && !member(readout, "input"))
		json_put_string(readout, "input", last);
	return json_losses() == losses ? 0 : error_set(-ENOMEM, "%s: no memory", path);
}
