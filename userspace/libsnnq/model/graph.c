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
#include "graph_read.h"
#include "snnq_validate.h"

int32_t graph_number(const struct graph_numbers *n, uint32_t channel)
{
	return n->tensor ? tensor_int(n->tensor, channel) : (int32_t)n->value;
}

double graph_real(const struct graph_numbers *n, uint32_t channel)
{
	if (!n->count)
		return 0;
	return n->tensor ? tensor_real(n->tensor, channel) : n->value;
}

/* ---- neurons ---- */

static const struct word leaks[] = {
	{ "none", SNNQ_LEAK_NONE },
	{ "div", SNNQ_LEAK_DIVN },
	{ "q16", SNNQ_LEAK_Q16 },
	{ "tz12", SNNQ_LEAK_TZ12 },
	{ NULL },
};

static void get_leak(struct parser *p, const cJSON *node, const char *key, uint8_t *leak,
		     uint32_t *param)
{
	const cJSON *item = member(node, key);

	*leak = SNNQ_LEAK_NONE;
	if (!item)
		return;
	*leak = (uint8_t)read_word(p, item, "kind", leaks, false);
	if (*leak == SNNQ_LEAK_DIVN)
		*param = (uint32_t)read_integer(p, item, "n", 1, 65536);
	else if (*leak == SNNQ_LEAK_Q16)
		*param = (uint32_t)read_integer(p, item, "lambda", 0, 65536);
	else if (*leak == SNNQ_LEAK_TZ12)
		*param = (uint32_t)read_integer(p, item, "decay", 0, 4096);
	only_keys(p, item, key,
		  *leak == SNNQ_LEAK_DIVN ? "kind n" :
		  *leak == SNNQ_LEAK_Q16  ? "kind lambda" :
		  *leak == SNNQ_LEAK_TZ12 ? "kind decay" :
					    "kind");
}

static void get_spiking(struct parser *p, const cJSON *node, struct graph_layer *l)
{
	static const struct word compares[] = {
		{ "ge", SNNQ_COMPARE_GE },
		{ "gt", SNNQ_COMPARE_GT },
		{ NULL },
	};
	static const struct word resets[] = {
		{ "hard", SNNQ_RESET_HARD },
		{ "soft", SNNQ_RESET_SOFT },
		{ "none", SNNQ_RESET_NONE },
		{ NULL },
	};
	struct snnq_neuron *n = &l->neuron;

	get_leak(p, node, "leak", &n->leak, &n->leak_param);
	get_leak(p, node, "current_leak", &n->current_leak, &n->current_leak_param);
	n->compare = (uint8_t)read_word(p, node, "compare", compares, false);
	n->reset = (uint8_t)read_word(p, node, "reset", resets, false);
	n->shift = (uint8_t)read_default(p, node, "shift", 0, SNNQ_MAX_SHIFT, 0);
	n->delay = (uint8_t)read_default(p, node, "delay", 0, SNNQ_MAX_DELAY, 0);
	n->refractory = (uint16_t)read_default(p, node, "refractory", 0, 65535, 0);
	n->reset_value = (int32_t)read_default(p, node, "reset_value", INT32_MIN, INT32_MAX, 0);
	l->skip_first = read_flag(p, node, "skip_first");
	if (read_flag(p, node, "sticky"))
		n->flags |= SNNQ_NEURON_FLAG_STICKY;
	if (read_flag(p, node, "old_current"))
		n->flags |= SNNQ_NEURON_FLAG_OLD_CURRENT;
	read_numbers(p, node, "threshold", l->out.channels, true, &l->threshold);
	l->out.format = SNNQ_FORMAT_UNSIGNED;
	l->out.planes = 1;
}

static void get_requant(struct parser *p, const cJSON *node, struct graph_layer *l)
{
	l->neuron.requant_shift =
		(uint8_t)read_default(p, node, "requant_shift", 0, SNNQ_MAX_REQUANT_SHIFT, 0);
	read_numbers(p, node, "mult", l->out.channels, false, &l->mult);
	l->out.format = SNNQ_FORMAT_INT32;
	l->out.planes = 0;
	if (!member(l->json, "planes"))
		return;
	l->out.planes = (uint8_t)read_integer(p, l->json, "planes", 1, SNNQ_MAX_PLANES);
	l->out.format = read_flag(p, l->json, "signed") ? SNNQ_FORMAT_SIGNED : SNNQ_FORMAT_UNSIGNED;
}

static void get_neuron(struct parser *p, struct graph_layer *l)
{
	static const struct word models[] = {
		{ "none", SNNQ_NEURON_NONE },
		{ "lif", SNNQ_NEURON_LIF },
		{ "cuba", SNNQ_NEURON_CUBA },
		{ NULL },
	};
	const cJSON *node = member(l->json, "neuron");

	if (!cJSON_IsObject(node)) {
		/* pools of counts need none */
		if (l->op == SNNQ_OP_POOL_SUM || l->op == GRAPH_AVGPOOL)
			get_requant(p, NULL, l);
		else
			complain(p, "neuron: expected an object, found %s", found(p, node));
		return;
	}
	l->neuron.model = (uint8_t)read_word(p, node, "model", models, false);
	if (l->neuron.model == SNNQ_NEURON_NONE)
		get_requant(p, node, l);
	else
		get_spiking(p, node, l);
	only_keys(
		p, node, "neuron",
		l->neuron.model == SNNQ_NEURON_NONE ?
			"model mult requant_shift" :
			"model leak current_leak compare reset threshold shift delay refractory reset_value "
			"skip_first sticky old_current");
	read_numbers(p, l->json, "bias", l->out.channels, false, &l->bias);
}

/* ---- windows and weights ---- */

static uint32_t window_out(struct parser *p, uint32_t in, uint32_t kernel, uint32_t stride,
			   uint32_t pad, uint32_t dilation)
{
	uint64_t out = graph_window(in, kernel, stride, pad, dilation);

	if (!out)
		complain(p, "kernel: %u positions do not fit an input of %u", kernel, in);
	return out ? (uint32_t)out : 1;
}

static void get_geometry(struct parser *p, struct graph_layer *l, const struct graph_shape *in)
{
	uint32_t kernel[2], stride[2], pad[2], dilation[2];

	read_pair(p, l->json, "kernel", 1, SNNQ_MAX_DIM, -1, kernel);
	read_pair(p, l->json, "stride", 1, 255, 1, stride);
	read_pair(p, l->json, "padding", 0, SNNQ_MAX_DIM, 0, pad);
	read_pair(p, l->json, "dilation", 1, 255, 1, dilation);
	if (p->error)
		return;
	l->geometry = (struct snnq_geometry){
		.kernel_h = (uint16_t)kernel[0],
		.kernel_w = (uint16_t)kernel[1],
		.stride_h = (uint8_t)stride[0],
		.stride_w = (uint8_t)stride[1],
		.pad_h = (uint16_t)pad[0],
		.pad_w = (uint16_t)pad[1],
		.dilation_h = (uint8_t)dilation[0],
		.dilation_w = (uint8_t)dilation[1],
		.groups = 1,
	};
	l->out.height = window_out(p, in->height, kernel[0], stride[0], pad[0], dilation[0]);
	l->out.width = window_out(p, in->width, kernel[1], stride[1], pad[1], dilation[1]);
}

uint64_t graph_layer_params(const struct graph *g, const struct graph_layer *l)
{
	const struct graph_shape *in = graph_shape(g, l->in[0]);

	if (l->op == SNNQ_OP_LINEAR)
		return (uint64_t)in->channels * l->out_channels;
	if (l->op != SNNQ_OP_CONV2D)
		return 0;
	return (uint64_t)l->geometry.kernel_h * l->geometry.kernel_w *
	       (in->channels / l->geometry.groups) * l->out_channels;
}

/* The layer's own tensor, checked, or its part of the shared one. */
static void get_packed(struct parser *p, const cJSON *node, struct graph_layer *l,
		       const struct graph_shape *in)
{
	uint32_t groups = l->op == SNNQ_OP_CONV2D ? l->geometry.groups : 1;
	uint64_t row = snnq_row_bytes(l->scheme, l->bits, l->out_channels / groups), rows, want;

	if (!snnq_scheme_ok(&snnq_caps_all, l->scheme, l->bits)) {
		complain(p, "weight.bits: %u is no width of scheme \"%s\"", l->bits,
			 l->scheme_name);
		return;
	}
	rows = l->op == SNNQ_OP_CONV2D ?
		       (uint64_t)l->geometry.kernel_h * l->geometry.kernel_w * in->channels :
		       in->channels;
	want = rows * row; /* 24 + 16 and 17 bits */
	if (!member(node, "tensor")) {
		l->weight = take_part(p, &p->weights, "weight", want);
		return;
	}
	l->weight = read_tensor(p, read_string(p, node, "tensor"), "weight");
	if (p->error)
		return;
	if (l->weight->dtype != DTYPE_U8 || l->weight->bytes != want)
		complain(p,
			 "weight: tensor %s: expected U8 with %" PRIu64 " bytes (%" PRIu64
			 " rows of %" PRIu64 "), found %s with %" PRIu64,
			 l->weight->name, want, rows, row, l->weight->type_name, l->weight->bytes);
	check_shape(p, "weight", l->weight, 1, &want);
}

/* The layer's own tensor of real numbers. */
static void get_real(struct parser *p, const cJSON *node, struct graph_layer *l,
		     const struct graph_shape *in)
{
	bool conv = l->op == SNNQ_OP_CONV2D;
	uint64_t shape[4] = { l->out_channels, in->channels / (conv ? l->geometry.groups : 1),
			      l->geometry.kernel_h, l->geometry.kernel_w };

	l->weight = read_tensor(p, read_string(p, node, "tensor"), "weight");
	if (p->error)
		return;
	if (!tensor_is_real(l->weight))
		complain(p, "weight: tensor %s: expected F32, F16 or BF16, found %s",
			 l->weight->name, l->weight->type_name);
	l->bits = l->weight->dtype == DTYPE_F32 ? 32 : 16;
	check_shape(p, "weight", l->weight, conv ? 4 : 2, shape);
}

/* Real values of levels, for reports: one for all channels, or one for each. */
static void get_scales(struct parser *p, const cJSON *node, struct graph_layer *l)
{
	if (!member(node, "scales"))
		return;
	l->scales = read_tensor(p, read_string(p, node, "scales"), "weight.scales");
	if (p->error)
		return;
	if (l->scales->dtype != DTYPE_F32)
		complain(p, "weight.scales: tensor %s: expected F32, found %s", l->scales->name,
			 l->scales->type_name);
	check_shape(p, "weight.scales", l->scales, 1,
		    &(uint64_t){ tensor_elements(l->scales) == 1 ? 1 : l->out_channels });
}

static void get_weight(struct parser *p, struct graph_layer *l, const struct graph_shape *in)
{
	static const struct word schemes[] = {
		{ "float", SNNQ_SCHEME_NONE },
		{ "uniform", SNNQ_SCHEME_UNIFORM },
		{ "odd", SNNQ_SCHEME_ODD },
		{ "pot", SNNQ_SCHEME_POT },
		{ "apot", SNNQ_SCHEME_APOT },
		{ "ternary", SNNQ_SCHEME_TERNARY },
		{ NULL },
	};
	const cJSON *node = member(l->json, "weight");

	l->out_channels = (uint32_t)read_integer(p, l->json, "out_channels", 1, SNNQ_MAX_CHANNELS);
	l->geometry.groups =
		l->op == SNNQ_OP_CONV2D ?
			(uint32_t)read_default(p, l->json, "groups", 1, SNNQ_MAX_CHANNELS, 1) :
			0;
	if (l->geometry.groups &&
	    (in->channels % l->geometry.groups || l->out_channels % l->geometry.groups))
		complain(p, "groups: %u does not divide %u and %u channels", l->geometry.groups,
			 in->channels, l->out_channels);
	l->scheme = read_word(p, node, "scheme", schemes, false);
	l->scheme_name = p->error ? "" : read_string(p, node, "scheme");
	get_scales(p, node, l);
	if (p->error)
		return;
	if ((l->scheme != SNNQ_SCHEME_NONE) != p->graph->integer) {
		complain(p, "weight.scheme: \"%s\" in a model whose arithmetic is %s",
			 l->scheme_name, p->graph->integer ? "integer" : "float");
		return;
	}
	only_keys(p, node, "weight",
		  p->graph->integer ? "scheme bits tensor scales" : "scheme tensor");
	if (p->graph->integer) {
		l->bits = (uint32_t)read_integer(p, node, "bits", 1, 8);
		if (!p->error)
			get_packed(p, node, l, in);
		return;
	}
	get_real(p, node, l, in);
}

/* ---- layers ---- */

static int find_layer(struct parser *p, const char *name, uint32_t before)
{
	if (!strcmp(name, "input"))
		return GRAPH_INPUT;
	for (uint32_t i = 0; i < before; i++)
		if (!strcmp(p->graph->layers[i].name, name))
			return (int)i;
	complain(p, "inputs: \"%s\" is neither \"input\" nor an earlier layer", name);
	return GRAPH_INPUT;
}

static void get_inputs(struct parser *p, struct graph_layer *l, uint32_t index, uint32_t count)
{
	const cJSON *list = member(l->json, "inputs");

	l->in_count = count;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != (int)count) {
		complain(p, "inputs: expected %u names, found %s", count, found(p, list));
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		const cJSON *name = cJSON_GetArrayItem(list, (int)i);

		if (!cJSON_IsString(name))
			complain(p, "inputs: expected names, found %s", found(p, name));
		else
			l->in[i] = find_layer(p, name->valuestring, index);
	}
}

static void same_shapes(struct parser *p, const struct graph_layer *l)
{
	const struct graph_shape *a = graph_shape(p->graph, l->in[0]);

	for (uint32_t i = 1; i < l->in_count; i++) {
		const struct graph_shape *b = graph_shape(p->graph, l->in[i]);

		if (a->height != b->height || a->width != b->width || a->channels != b->channels)
			complain(p, "inputs: shapes %ux%ux%u and %ux%ux%u differ", a->height,
				 a->width, a->channels, b->height, b->width, b->channels);
	}
}

static void get_details(struct parser *p, struct graph_layer *l)
{
	const struct graph_shape *in = graph_shape(p->graph, l->in[0]);

	l->out = *in;
	switch (l->op) {
	case SNNQ_OP_CONV2D:
	case SNNQ_OP_POOL_MAX:
	case SNNQ_OP_POOL_SUM:
	case GRAPH_AVGPOOL:
		get_geometry(p, l, in);
		break;
	case SNNQ_OP_ELEMENTWISE:
		same_shapes(p, l);
		l->out.format = SNNQ_FORMAT_UNSIGNED;
		l->out.planes = (uint8_t)read_integer(p, l->json, "planes", 1, SNNQ_MAX_PLANES);
		if (read_flag(p, l->json, "signed"))
			l->out.format = SNNQ_FORMAT_SIGNED;
		return;
	case SNNQ_OP_ATTENTION:
		same_shapes(p, l);
		l->heads = (uint32_t)read_integer(p, l->json, "heads", 1, SNNQ_MAX_CHANNELS);
		break;
	default:
		break;
	}
	if (p->error || l->op == SNNQ_OP_POOL_MAX)
		return;
	if (l->op == SNNQ_OP_CONV2D || l->op == SNNQ_OP_LINEAR) {
		get_weight(p, l, in);
		l->out.channels = l->out_channels;
	}
	if (l->op == SNNQ_OP_POOL_SUM)
		l->value = (uint32_t)read_default(p, l->json, "value", 1, 32767, 1);
	get_neuron(p, l);
}

/* What each operation reads, besides name, op and inputs. */
static void check_layer_keys(struct parser *p, const struct graph_layer *l)
{
	static const struct {
		uint32_t op;
		const char *keys;
	} known[] = {
		{ SNNQ_OP_CONV2D,
		  "name op inputs out_channels kernel stride padding dilation groups "
		  "weight bias neuron planes signed" },
		{ SNNQ_OP_LINEAR, "name op inputs out_channels weight bias neuron planes signed" },
		{ SNNQ_OP_POOL_MAX, "name op inputs kernel stride padding dilation" },
		{ SNNQ_OP_POOL_SUM,
		  "name op inputs kernel stride padding dilation value bias neuron "
		  "planes signed" },
		{ GRAPH_AVGPOOL, "name op inputs kernel stride padding dilation bias neuron planes "
				 "signed" },
		{ SNNQ_OP_ELEMENTWISE, "name op inputs planes signed" },
		{ SNNQ_OP_ATTENTION, "name op inputs heads bias neuron planes signed" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].op == l->op)
			only_keys(p, l->json, l->op_name, known[i].keys);
	if (l->op != SNNQ_OP_ELEMENTWISE && l->neuron.model != SNNQ_NEURON_NONE &&
	    (member(l->json, "planes") || member(l->json, "signed")))
		complain(p, "planes, signed: expected none, as the neuron's output is spikes");
}

static void get_layer(struct parser *p, cJSON *json, uint32_t index)
{
	static const struct word ops[] = {
		{ "conv2d", SNNQ_OP_CONV2D },	    { "linear", SNNQ_OP_LINEAR },
		{ "maxpool", SNNQ_OP_POOL_MAX },    { "sumpool", SNNQ_OP_POOL_SUM },
		{ "avgpool", GRAPH_AVGPOOL },	    { "add", SNNQ_OP_ELEMENTWISE },
		{ "attention", SNNQ_OP_ATTENTION }, { NULL },
	};
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
	l->op = read_word(p, json, "op", ops, false);
	l->op_name = p->error ? "" : read_string(p, json, "op");
	if (p->graph->integer && l->op == GRAPH_AVGPOOL)
		complain(p, "op: \"avgpool\" in an integer model");
	get_inputs(p, l, index,
		   l->op == SNNQ_OP_ATTENTION	? 3 :
		   l->op == SNNQ_OP_ELEMENTWISE ? 2 :
						  1);
	if (!p->error)
		get_details(p, l);
	check_layer_keys(p, l);
}

const struct graph_shape *graph_shape(const struct graph *g, int layer)
{
	return layer == GRAPH_INPUT ? &g->input.shape : &g->layers[layer].out;
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
	/* weights, bias, and threshold or mult */
	p->graph->parts = calloc(3 * (size_t)count, sizeof(*p->graph->parts));
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
}

/* ---- input, readout, top ---- */

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

static void get_input(struct parser *p, const cJSON *root)
{
	static const struct word layouts[] = { { "hwc", 0 }, { "flat", 1 }, { NULL } };
	static const struct word binnings[] = { { "duration", 0 }, { "count", 1 }, { NULL } };
	static const struct word roundings[] = { { "floor", 0 }, { "half_even", 1 }, { NULL } };
	static const struct word origins[] = { { "zero", 0 }, { "first", 1 }, { NULL } };
	const cJSON *node = member(root, "input");
	struct graph_input *in = &p->graph->input;

	p->where = "input";
	in->width = (uint32_t)read_integer(p, node, "width", 1, SNNQ_MAX_DIM);
	in->height = (uint32_t)read_integer(p, node, "height", 1, SNNQ_MAX_DIM);
	in->polarities = (uint32_t)read_integer(p, node, "polarities", 1, GRAPH_MAX_POLARITIES);
	in->on_channel = (uint32_t)read_default(p, node, "on_channel", 0, 1, 1);
	if (in->polarities > 2 && member(node, "on_channel"))
		complain(p, "on_channel: expected nothing, as there are %u polarities",
			 in->polarities);
	in->planes = (uint32_t)read_integer(p, node, "planes", 1, SNNQ_MAX_PLANES);
	in->flat = read_word(p, node, "layout", layouts, true);
	in->by_count = read_word(p, node, "binning", binnings, false);
	in->steps = (uint32_t)read_integer(p, node, "steps", 1, SNNQ_MAX_STEPS);
	if (!in->by_count)
		in->step_us = (uint32_t)read_integer(p, node, "step_us", 1, 1000000000);
	in->half_even = read_word(p, node, "rounding", roundings, true);
	in->from_first = read_word(p, node, "origin", origins, true);
	get_sensor(p, node, in);
	only_keys(p, node, "input",
		  "width height polarities on_channel layout planes binning steps "
		  "step_us rounding origin sensor");
	in->shape = (struct graph_shape){
		.height = in->flat ? 1 : in->height,
		.width = in->flat ? 1 : in->width,
		.channels = in->polarities * (in->flat ? in->width * in->height : 1),
		.format = SNNQ_FORMAT_UNSIGNED,
		.planes = (uint8_t)in->planes,
	};
	if (in->shape.channels > SNNQ_MAX_CHANNELS)
		complain(p, "layout: %u channels, expected at most %u", in->shape.channels,
			 SNNQ_MAX_CHANNELS);
}

static void get_readout(struct parser *p, const cJSON *root)
{
	static const struct word modes[] = { { "sum", 0 }, { "last", 1 }, { NULL } };
	const cJSON *node = member(root, "readout"), *scale = member(node, "scale");
	struct graph *g = p->graph;

	p->where = "readout";
	g->readout_last = read_word(p, node, "mode", modes, false);
	g->readout = find_layer(p, read_string(p, node, "input"), g->layer_count);
	if (g->readout == GRAPH_INPUT)
		complain(p, "input: expected a layer, found \"input\"");
	else if (g->class_count && g->class_count != g->layers[g->readout].out.channels)
		complain(p, "input: %u classes, but layer %s has %u channels", g->class_count,
			 g->layers[g->readout].name, g->layers[g->readout].out.channels);
	g->readout_scale = 1;
	if (scale && (!cJSON_IsNumber(scale) || !isfinite(scale->valuedouble)))
		complain(p, "scale: expected a number, found %s", found(p, scale));
	else if (scale)
		g->readout_scale = scale->valuedouble;
	only_keys(p, node, "readout", "input mode scale");
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
		get_input(&p, file->graph);
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
