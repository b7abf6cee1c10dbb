// SPDX-License-Identifier: MIT
/*
 * refusal.c - what a device lacks for a program, in the words of the model file.
 *
 * The validator names fields of the program, which no user wrote. Limits are told with
 * what was found and what the device has, choices with the word that stands in the file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "refusal.h"

struct limit {
	const char *field, *word;
	uint64_t found, most;
};

/* "in[0].planes" of tensor "in[0]". */
static const struct snnq_tensor *tensor_named(const struct snnq_layer *l, const char *field)
{
	unsigned int k = 0;

	if (sscanf(field, "in[%u].", &k) == 1 && k < SNNQ_MAX_OPERANDS)
		return &l->in[k];
	return strncmp(field, "out.", 4) ? NULL : &l->out;
}

static bool find_limit(const struct limit *limits, size_t count, const char *field,
		       struct limit *found)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(limits[i].field, field) || limits[i].found <= limits[i].most)
			continue;
		*found = limits[i];
		return true;
	}
	return false;
}

static bool program_limit(const struct snnq_program_header *h, const struct snnq_caps *caps,
			  const char *field, struct limit *found)
{
	const struct limit limits[] = {
		{ "total_bytes", "bytes of the program", h->total_bytes, caps->max_program_bytes },
		{ "layer_count", "layers", h->layer_count, caps->max_layers },
		{ "max_steps", "steps", h->max_steps, caps->max_steps },
		{ "tile_steps", "steps of a tile", h->tile_steps, caps->max_tile_steps },
		{ "state_bytes", "bytes of state", h->state_bytes, caps->max_state_bytes },
		{ "scratch_step_bytes", "bytes of scratch", h->tile_steps * h->scratch_step_bytes,
		  caps->max_scratch_bytes },
	};

	return find_limit(limits, sizeof(limits) / sizeof(limits[0]), field, found);
}

static bool layer_limit(const struct snnq_layer *l, const struct snnq_caps *caps, const char *field,
			struct limit *found)
{
	bool conv = l->op == SNNQ_OP_CONV2D;
	uint32_t kernel = conv ? caps->max_kernel : caps->max_window;
	const struct snnq_geometry *g = &l->geometry;
	const struct limit limits[] = {
		{ "geometry.kernel_h", "kernel", g->kernel_h, kernel },
		{ "geometry.kernel_w", "kernel", g->kernel_w, kernel },
		{ "geometry.stride_h", "stride", g->stride_h, caps->max_stride },
		{ "geometry.stride_w", "stride", g->stride_w, caps->max_stride },
		{ "geometry.dilation_h", "dilation", g->dilation_h, caps->max_dilation },
		{ "geometry.dilation_w", "dilation", g->dilation_w, caps->max_dilation },
		{ "neuron.delay", "neuron.delay", l->neuron.delay, caps->max_delay },
	};

	return find_limit(limits, sizeof(limits) / sizeof(limits[0]), field, found);
}

static bool tensor_limit(const struct snnq_layer *l, const struct snnq_caps *caps,
			 const char *field, struct limit *found)
{
	const struct snnq_tensor *t = tensor_named(l, field);
	const char *dot = strrchr(field, '.');
	bool in = !strncmp(field, "in", 2);

	if (!t || !dot)
		return false;
	const struct limit limits[] = {
		{ ".planes", in ? "planes of an input" : "planes", t->planes, caps->max_planes },
		{ ".height", in ? "height of an input" : "height", t->height, caps->max_dim },
		{ ".width", in ? "width of an input" : "width", t->width, caps->max_dim },
		{ ".channels", in ? "channels of an input" : "channels", t->channels,
		  caps->max_channels },
	};

	return find_limit(limits, sizeof(limits) / sizeof(limits[0]), dot, found);
}

/* The word of the model file that @field comes from. */
static void explain_choice(char *text, size_t size, const struct graph_layer *layer,
			   const struct snnq_layer *l, const char *field)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(layer->json, "neuron");

	if (!strcmp(field, "op") || !strcmp(field, "mode")) {
		snprintf(text, size, "op: this device has no \"%s\"", layer->op_name);
		return;
	}
	if (!strcmp(field, "quant.bits")) {
		snprintf(text, size, "weight: this device has no %s:%u", layer->scheme_name,
			 l->quant.bits);
		return;
	}
	if (!strncmp(field, "neuron.", 7)) {
		item = cJSON_GetObjectItemCaseSensitive(item, field + 7);
		if (cJSON_IsObject(item))
			item = cJSON_GetObjectItemCaseSensitive(item, "kind");
		if (cJSON_IsString(item)) {
			snprintf(text, size, "%s: this device has no \"%.40s\"", field,
				 item->valuestring);
			return;
		}
	}
	snprintf(text, size, "this device does not execute it (%s)",
		 !strcmp(field, "flags") ? "neuron.skip_first" : field);
}

void refusal_explain(char *text, size_t size, const struct graph_layer *layer,
		     const struct snnq_program_header *program, const struct snnq_diag *diag,
		     const struct snnq_caps *caps)
{
	const struct snnq_layer *l = diag->layer < program->layer_count ?
					     snnq_program_layer(program, diag->layer) :
					     NULL;
	struct limit limit;

	if (l ? layer_limit(l, caps, diag->field, &limit) ||
			    tensor_limit(l, caps, diag->field, &limit) :
		program_limit(program, caps, diag->field, &limit))
		snprintf(text, size, "%s: this device takes at most %" PRIu64 ", found %" PRIu64,
			 limit.word, limit.most, limit.found);
	else if (l && layer)
		explain_choice(text, size, layer, l, diag->field);
	else
		snprintf(text, size, "this device does not execute it (%s)", diag->field);
}
