// SPDX-License-Identifier: MIT
/*
 * graph_input.c - the section "input" of a model: what a network is given, and how that becomes
 * time steps.
 */
#include <math.h>

#include "graph_ops.h"
#include "snnq_validate.h"

/* ---- events ---- */

static void get_sensor(struct parser *p, const cJSON *node, struct graph_input *in)
{
	const cJSON *sensor = member(node, "sensor");
	uint32_t crop[2];

	in->downscale = 1;
	if (!sensor)
		return;
	in->downscale = (uint32_t)read_default(p, sensor, "downscale", 1, SNNQ_MAX_DIM, 1);
	read_pair(p, sensor, "crop", 0, 65535, 0, crop);
	read_default(p, sensor, "width", 1, 65536, 1);
	read_default(p, sensor, "height", 1, 65536, 1);
	only_keys(p, sensor, "sensor", "width height crop downscale");
	in->crop_x = crop[0];
	in->crop_y = crop[1];
}

static void get_events(struct parser *p, const cJSON *node, struct graph_input *in)
{
	static const struct word binnings[] = { { "duration", 0 }, { "count", 1 }, { NULL } };
	static const struct word roundings[] = { { "floor", 0 }, { "half_even", 1 }, { NULL } };
	static const struct word origins[] = { { "zero", 0 }, { "first", 1 }, { NULL } };

	in->polarities = (uint32_t)read_integer(p, node, "polarities", 1, GRAPH_MAX_POLARITIES);
	in->channels = in->polarities;
	in->on_channel = (uint32_t)read_default(p, node, "on_channel", 0, 1, 1);
	if (in->polarities > 2 && member(node, "on_channel"))
		complain(p, "on_channel: expected nothing, as there are %u polarities",
			 in->polarities);
	in->by_count = read_word(p, node, "binning", binnings, false);
	if (!in->by_count)
		in->step_us = (uint32_t)read_integer(p, node, "step_us", 1, 1000000000);
	in->half_even = read_word(p, node, "rounding", roundings, true);
	in->from_first = read_word(p, node, "origin", origins, true);
	get_sensor(p, node, in);
	only_keys(p, node, "input",
		  "kind width height polarities on_channel layout planes binning steps "
		  "step_us rounding origin sensor");
}

/* ---- values ---- */

static void get_scale(struct parser *p, const cJSON *node, struct graph_input *in)
{
	const cJSON *scale = member(node, "scale");

	if (scale &&
	    !(cJSON_IsNumber(scale) && isfinite(scale->valuedouble) && scale->valuedouble > 0))
		complain(p, "scale: expected a number above 0, found %s", found(p, scale));
	else if (scale)
		in->scale = scale->valuedouble;
	in->zero = (uint32_t)read_default(p, node, "zero", 0, (1 << in->planes) - 1, 0);
	if (!scale && member(node, "zero"))
		complain(p, "zero: expected a scale beside it");
}

static void get_values(struct parser *p, const cJSON *node, struct graph_input *in)
{
	static const struct word frames[] = { { "repeat", 0 }, { "steps", 1 }, { NULL } };
	static const struct word axes[] = { { "chw", 0 }, { "hwc", 1 }, { NULL } };

	in->values = true;
	in->channels = (uint32_t)read_integer(p, node, "channels", 1, SNNQ_MAX_CHANNELS);
	in->frames = read_word(p, node, "frames", frames, true);
	in->channels_last = read_word(p, node, "axes", axes, true);
	in->downscale = 1;
	get_scale(p, node, in);
	only_keys(p, node, "input",
		  "kind width height channels axes layout planes steps frames scale zero");
}

void graph_get_input(struct parser *p, const cJSON *root)
{
	static const struct word kinds[] = { { "events", 0 }, { "values", 1 }, { NULL } };
	static const struct word layouts[] = { { "hwc", 0 }, { "flat", 1 }, { NULL } };
	const cJSON *node = member(root, "input");
	struct graph_input *in = &p->graph->input;
	uint64_t channels;

	p->where = "input";
	in->width = (uint32_t)read_integer(p, node, "width", 1, SNNQ_MAX_DIM);
	in->height = (uint32_t)read_integer(p, node, "height", 1, SNNQ_MAX_DIM);
	in->planes = (uint32_t)read_integer(p, node, "planes", 1, SNNQ_MAX_PLANES);
	in->flat = read_word(p, node, "layout", layouts, true);
	in->steps = (uint32_t)read_integer(p, node, "steps", 1, SNNQ_MAX_STEPS);
	if (read_word(p, node, "kind", kinds, true))
		get_values(p, node, in);
	else
		get_events(p, node, in);
	channels = in->channels * (in->flat ? (uint64_t)in->width * in->height : 1);
	if (channels > SNNQ_MAX_CHANNELS)
		complain(p, "layout: %llu channels, expected at most %u",
			 (unsigned long long)channels, SNNQ_MAX_CHANNELS);
	in->shape = (struct graph_shape){
		.height = in->flat ? 1 : in->height,
		.width = in->flat ? 1 : in->width,
		.channels = (uint32_t)channels,
		.format = SNNQ_FORMAT_UNSIGNED,
		.planes = (uint8_t)in->planes,
	};
}
