// SPDX-License-Identifier: MIT
/*
 * graph_layer.c - parts of layers that operations have in common: neurons, windows,
 * weights, scales.
 */
#include <inttypes.h>
#include <string.h>

#include "graph_ops.h"
#include "snnq_validate.h"

/* ---- neurons ---- */

static const struct word leaks[] = {
	{ "none", SNNQ_LEAK_NONE },
	{ "div", SNNQ_LEAK_DIVN },
	{ "q16", SNNQ_LEAK_Q16 },
	{ "tz12", SNNQ_LEAK_TZ12 },
	{ NULL },
};

/* A parameter of all neurons, or the name of a tensor with one for each channel. */
static uint32_t read_parameter(struct parser *p, const struct graph_layer *l, const cJSON *node,
			       const char *key, int64_t low, int64_t high,
			       struct graph_numbers *table)
{
	if (!cJSON_IsString(member(node, key)))
		return (uint32_t)read_integer(p, node, key, low, high);
	read_table(p, node, key, l->out.channels, true, true, table);
	for (uint32_t c = 0; !p->error && c < table->count; c++)
		if (graph_number(table, c) < low || graph_number(table, c) > high)
			complain(p, "%s: channel %u: expected %" PRId64 " to %" PRId64 ", found %d",
				 key, c, low, high, graph_number(table, c));
	return 0;
}

static void get_leak(struct parser *p, const struct graph_layer *l, const cJSON *node,
		     const char *key, uint8_t *leak, uint32_t *param, struct graph_numbers *table)
{
	const cJSON *item = member(node, key);

	*leak = SNNQ_LEAK_NONE;
	if (!item)
		return;
	*leak = (uint8_t)read_word(p, item, "kind", leaks, false);
	if (*leak == SNNQ_LEAK_DIVN)
		*param = read_parameter(p, l, item, "n", 1, 65536, table);
	else if (*leak == SNNQ_LEAK_Q16)
		*param = read_parameter(p, l, item, "lambda", 0, 65536, table);
	else if (*leak == SNNQ_LEAK_TZ12)
		*param = read_parameter(p, l, item, "decay", 0, 4096, table);
	only_keys(p, item, key,
		  *leak == SNNQ_LEAK_DIVN ? "kind n" :
		  *leak == SNNQ_LEAK_Q16  ? "kind lambda" :
		  *leak == SNNQ_LEAK_TZ12 ? "kind decay" :
					    "kind");
}

/* The planes that hold counts up to @most. */
static uint8_t planes_for(uint32_t most)
{
	uint8_t planes = 1;

	while (most >> planes)
		planes++;
	return planes;
}

static void get_format(struct parser *p, struct graph_layer *l)
{
	l->out.format = SNNQ_FORMAT_INT32;
	l->out.planes = 0;
	if (!member(l->json, "planes"))
		return;
	l->out.planes = (uint8_t)read_integer(p, l->json, "planes", 1, SNNQ_MAX_PLANES);
	l->out.format = read_flag(p, l->json, "signed") ? SNNQ_FORMAT_SIGNED : SNNQ_FORMAT_UNSIGNED;
}

/* What neurons put out: spikes, their number, or what is seen of the potential. */
static void get_output(struct parser *p, const cJSON *node, struct graph_layer *l)
{
	static const struct word outputs[] = {
		{ "spikes", SNNQ_OUTPUT_SPIKES },
		{ "counts", SNNQ_OUTPUT_COUNTS },
		{ "potential", SNNQ_OUTPUT_POTENTIAL },
		{ "graded", SNNQ_OUTPUT_GRADED },
		{ NULL },
	};
	struct snnq_neuron *n = &l->neuron;

	n->output = (uint8_t)read_word(p, node, "output", outputs, true);
	if (n->output == SNNQ_OUTPUT_POTENTIAL || n->output == SNNQ_OUTPUT_GRADED) {
		n->requant_shift = (uint8_t)read_default(p, node, "requant_shift", 0,
							 SNNQ_MAX_REQUANT_SHIFT, 0);
		read_numbers(p, node, "mult", l->out.channels, false, &l->mult);
		get_format(p, l);
		return;
	}
	if (member(node, "requant_shift") || member(node, "mult"))
		complain(p, "requant_shift, mult: expected none, as no potential is put out");
	if (member(l->json, "planes") || member(l->json, "signed"))
		complain(p, "planes, signed: expected none, as the neuron's output is spikes");
	l->out.format = SNNQ_FORMAT_UNSIGNED;
	l->out.planes = n->output == SNNQ_OUTPUT_COUNTS ? planes_for(n->levels) : 1;
}

static void get_levels(struct parser *p, const cJSON *node, struct graph_layer *l)
{
	static const struct word ties[] = {
		{ "compare", SNNQ_TIE_COMPARE },
		{ "even", SNNQ_TIE_EVEN },
		{ NULL },
	};
	struct snnq_neuron *n = &l->neuron;

	n->levels = (uint16_t)read_default(p, node, "levels", 2, SNNQ_MAX_LEVELS, 0);
	n->tie = (uint8_t)read_word(p, node, "tie", ties, true);
	if (read_flag(p, node, "half_levels"))
		n->flags |= SNNQ_NEURON_FLAG_HALF_LEVELS;
	if (!member(node, "level_thresholds")) {
		bool leaky = n->reset == SNNQ_RESET_NONE && member(node, "output");

		read_numbers(p, node, "threshold", l->out.channels, !leaky, &l->threshold);
		return;
	}
	if (member(node, "threshold"))
		complain(p, "threshold: expected none beside level_thresholds");
	n->flags |= SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS;
	read_numbers(p, node, "level_thresholds", n->levels * (uint32_t)l->out.channels, true,
		     &l->threshold);
}

static void get_resets(struct parser *p, const cJSON *node, struct graph_layer *l)
{
	static const struct word resets[] = {
		{ "hard", SNNQ_RESET_HARD },
		{ "soft", SNNQ_RESET_SOFT },
		{ "none", SNNQ_RESET_NONE },
		{ NULL },
	};
	const cJSON *period = member(node, "restart");
	struct snnq_neuron *n = &l->neuron;

	n->reset = (uint8_t)read_word(p, node, "reset", resets, false);
	if (!p->graph->integer)
		read_numbers(p, node, "reset_value", l->out.channels, false, &l->reset);
	else if (member(node, "reset_value"))
		n->reset_value = (int32_t)read_parameter(p, l, node, "reset_value", INT32_MIN,
							 INT32_MAX, &l->reset);
	if (!l->reset.tensor && l->reset.value == 0)
		l->reset.count = 0;
	if (read_flag(p, node, "delayed_reset"))
		n->flags |= SNNQ_NEURON_FLAG_DELAYED_RESET;
	if (member(node, "low")) {
		n->flags |= SNNQ_NEURON_FLAG_CLAMP_LOW;
		if (p->graph->integer)
			n->low = (int32_t)read_integer(p, node, "low", INT32_MIN, INT32_MAX);
		else if (cJSON_IsNumber(member(node, "low")))
			l->low = member(node, "low")->valuedouble;
		else
			complain(p, "low: expected a number, found %s",
				 found(p, member(node, "low")));
	}
	if (!period)
		return;
	only_keys(p, period, "restart", "period offset");
	n->reset_period = (uint32_t)read_integer(p, period, "period", 1, UINT32_MAX);
	n->reset_offset = (uint32_t)read_default(p, period, "offset", 0, UINT32_MAX, 0);
}

static void get_delay(struct parser *p, const cJSON *node, struct graph_layer *l)
{
	int32_t longest = 0;

	if (!member(node, "delay"))
		return;
	l->neuron.delay =
		(uint8_t)read_parameter(p, l, node, "delay", 0, SNNQ_MAX_DELAY, &l->delay);
	for (uint32_t c = 0; !p->error && c < l->delay.count; c++)
		if (graph_number(&l->delay, c) > longest)
			longest = graph_number(&l->delay, c);
	if (l->delay.count)
		l->neuron.delay = (uint8_t)longest;
	if (!l->neuron.delay)
		l->delay.count = 0;
}

static void get_spiking(struct parser *p, const cJSON *node, struct graph_layer *l)
{
	static const struct word compares[] = {
		{ "ge", SNNQ_COMPARE_GE },
		{ "gt", SNNQ_COMPARE_GT },
		{ NULL },
	};
	struct snnq_neuron *n = &l->neuron;

	get_leak(p, l, node, "leak", &n->leak, &n->leak_param, &l->leak);
	get_leak(p, l, node, "current_leak", &n->current_leak, &n->current_leak_param,
		 &l->current_leak);
	n->compare = (uint8_t)read_word(p, node, "compare", compares, false);
	n->shift = (uint8_t)read_default(p, node, "shift", 0, SNNQ_MAX_SHIFT, 0);
	n->refractory = (uint16_t)read_default(p, node, "refractory", 0, 65535, 0);
	l->skip_first = read_flag(p, node, "skip_first");
	if (read_flag(p, node, "sticky"))
		n->flags |= SNNQ_NEURON_FLAG_STICKY;
	if (read_flag(p, node, "old_current"))
		n->flags |= SNNQ_NEURON_FLAG_OLD_CURRENT;
	get_resets(p, node, l);
	get_delay(p, node, l);
	get_levels(p, node, l);
	get_output(p, node, l);
}

static void get_requant(struct parser *p, const cJSON *node, struct graph_layer *l)
{
	l->neuron.requant_shift =
		(uint8_t)read_default(p, node, "requant_shift", 0, SNNQ_MAX_REQUANT_SHIFT, 0);
	read_numbers(p, node, "mult", l->out.channels, false, &l->mult);
	get_format(p, l);
}

void graph_get_neuron(struct parser *p, struct graph_layer *l, bool required)
{
	static const struct word models[] = {
		{ "none", SNNQ_NEURON_NONE },
		{ "lif", SNNQ_NEURON_LIF },
		{ "cuba", SNNQ_NEURON_CUBA },
		{ NULL },
	};
	const cJSON *node = member(l->json, "neuron");

	if (!cJSON_IsObject(node)) {
		if (node || required)
			complain(p, "neuron: expected an object, found %s", found(p, node));
		else
			get_requant(p, NULL, l);
		read_numbers(p, l->json, "bias", l->out.channels, false, &l->bias);
		return;
	}
	l->neuron.model = (uint8_t)read_word(p, node, "model", models, false);
	if (l->neuron.model == SNNQ_NEURON_NONE)
		get_requant(p, node, l);
	else
		get_spiking(p, node, l);
	only_keys(p, node, "neuron",
		  l->neuron.model == SNNQ_NEURON_NONE ?
			  "model mult requant_shift" :
			  "model leak current_leak compare reset threshold shift delay refractory "
			  "reset_value skip_first sticky old_current output levels tie half_levels "
			  "level_thresholds low delayed_reset restart mult requant_shift");
	read_numbers(p, l->json, "bias", l->out.channels, false, &l->bias);
}

/* ---- windows and weights ---- */

static uint32_t window_out(struct parser *p, uint32_t in, uint32_t kernel, uint32_t stride,
			   uint32_t padding, uint32_t dilation)
{
	uint64_t out = graph_window(in, kernel, stride, padding, dilation);

	if (!out)
		complain(p, "kernel: %u positions do not fit an input of %u", kernel, in);
	return out ? (uint32_t)out : 1;
}

/* [vertical, horizontal], on both sides, or [top, left, bottom, right]. */
static void read_padding(struct parser *p, const cJSON *node, uint32_t near[2], uint32_t far[2])
{
	const cJSON *item = member(node, "padding");
	uint32_t sides[4];

	if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 4) {
		read_pair(p, node, "padding", 0, SNNQ_MAX_DIM, 0, near);
		far[0] = near[0];
		far[1] = near[1];
		return;
	}
	read_list(p, node, "padding", 0, SNNQ_MAX_DIM, 4, sides);
	near[0] = sides[0];
	near[1] = sides[1];
	far[0] = sides[2];
	far[1] = sides[3];
}

void graph_get_window(struct parser *p, struct graph_layer *l)
{
	const struct graph_shape *in = &l->from[0];
	uint32_t kernel[2], stride[2], near[2], far[2], dilation[2];

	read_pair(p, l->json, "kernel", 1, SNNQ_MAX_DIM, -1, kernel);
	read_pair(p, l->json, "stride", 1, 255, 1, stride);
	read_padding(p, l->json, near, far);
	read_pair(p, l->json, "dilation", 1, 255, 1, dilation);
	if (p->error)
		return;
	l->geometry = (struct snnq_geometry){
		.kernel_h = (uint16_t)kernel[0],
		.kernel_w = (uint16_t)kernel[1],
		.stride_h = (uint8_t)stride[0],
		.stride_w = (uint8_t)stride[1],
		.pad_h = (uint16_t)near[0],
		.pad_w = (uint16_t)near[1],
		.dilation_h = (uint8_t)dilation[0],
		.dilation_w = (uint8_t)dilation[1],
		.groups = 1,
		.more_h = (int16_t)((int32_t)far[0] - (int32_t)near[0]),
		.more_w = (int16_t)((int32_t)far[1] - (int32_t)near[1]),
	};
	l->out.height =
		window_out(p, in->height, kernel[0], stride[0], near[0] + far[0], dilation[0]);
	l->out.width =
		window_out(p, in->width, kernel[1], stride[1], near[1] + far[1], dilation[1]);
}

uint64_t graph_layer_params(const struct graph_layer *l)
{
	const struct graph_shape *in = &l->from[0];

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

void graph_get_weight(struct parser *p, struct graph_layer *l)
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
	const struct graph_shape *in = &l->from[0];

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

/* ---- scales ---- */

void graph_get_scales(struct parser *p, struct graph_layer *l)
{
	const cJSON *list = member(l->json, "scales"), *item;
	uint32_t k = 0;

	if (!list)
		return;
	if (!p->graph->integer)
		complain(p, "scales: expected none in a float model");
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != (int)l->in_count) {
		complain(p, "scales: expected %u of them, found %s", l->in_count, found(p, list));
		return;
	}
	cJSON_ArrayForEach(item, list) {
		struct graph_scale *s = &l->scale[k];

		if (!cJSON_IsNull(item) && !cJSON_IsObject(item))
			complain(p, "scales: expected null or an object, found %s", found(p, item));
		only_keys(p, item, "scales", "mult shift");
		s->shift = (uint32_t)read_default(p, item, "shift", 0, SNNQ_MAX_REQUANT_SHIFT, 0);
		read_numbers(p, item, "mult", l->from[k].channels, false, &s->mult);
		k++;
	}
}
