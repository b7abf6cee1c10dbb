// SPDX-License-Identifier: MIT
/*
 * import_net.c - the network that a reader fills, and what all readers put into a model.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "import.h"

int import_add_layer(struct import_net *net, const char *path, enum import_kind kind,
		     const char *name, struct import_layer **layer)
{
	struct import_layer *l;

	if (!net->layers)
		net->layers = calloc(IMPORT_MAX_LAYERS, sizeof(*net->layers));
	if (!net->layers)
		return error_set(-ENOMEM, "%s: no memory", path);
	if (net->layer_count == IMPORT_MAX_LAYERS)
		return error_set(-EBADMSG, "%s: more than %d layers", path, IMPORT_MAX_LAYERS);
	l = &net->layers[net->layer_count++];
	l->kind = kind;
	snprintf(l->name, sizeof(l->name), "%s", name);
	for (int i = 0; i < 2; i++)
		l->stride[i] = l->dilation[i] = 1;
	l->groups = 1;
	*layer = l;
	return 0;
}

void import_net_free(struct import_net *net)
{
	for (uint32_t i = 0; i < net->layer_count; i++) {
		import_array_free(&net->layers[i].weight);
		import_array_free(&net->layers[i].bias);
		import_array_free(&net->layers[i].recurrent);
		import_array_free(&net->layers[i].delay);
		import_array_free(&net->layers[i].current_decays);
		import_array_free(&net->layers[i].voltage_decays);
	}
	free(net->layers);
	memset(net, 0, sizeof(*net));
}

void import_note(const struct snnq_import_opts *opts, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!opts || !opts->note)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	opts->note(opts->note_ctx, text);
}

void import_put_head(cJSON *graph, const char *arithmetic, const char *name, const char *source)
{
	json_put_string(graph, "format", "snnq");
	json_put_number(graph, "version", 1);
	json_put_string(graph, "arithmetic", arithmetic);
	json_put_string(graph, "name", name);
	json_put_string(graph, "imported_from", source);
}

void import_put_classes(cJSON *graph, uint32_t count)
{
	cJSON *classes = json_put_array(graph, "classes");
	char name[16];

	for (uint32_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%" PRIu32, i);
		json_append(classes, cJSON_CreateString(name));
	}
}

void import_put_values(cJSON *input, const uint64_t map[3], bool flat, bool frames, uint32_t planes,
		       uint32_t steps)
{
	json_put_string(input, "kind", "values");
	json_put_number(input, "width", (double)map[2]);
	json_put_number(input, "height", (double)map[1]);
	json_put_number(input, "channels", (double)map[0]);
	json_put_string(input, "axes", "chw");
	json_put_string(input, "layout", flat ? "flat" : "hwc");
	json_put_number(input, "planes", planes);
	json_put_string(input, "frames", frames ? "steps" : "repeat");
	json_put_number(input, "steps", steps);
}

void import_put_pair(cJSON *layer, const char *key, uint32_t h, uint32_t w)
{
	int pair[] = { (int)h, (int)w };

	json_put(layer, key, cJSON_CreateIntArray(pair, 2));
}
