// SPDX-License-Identifier: MIT
/*
 * graph_ops.c - the layers of a graph: their operands, and what each operation reads of
 * them. Default deny: keys that an operation does not read are refused.
 */
#include <string.h>

#include "graph_ops.h"
#include "snnq_validate.h"

/* ---- operands ---- */

int graph_find_layer(struct parser *p, const char *name, uint32_t before)
{
	if (!strcmp(name, "input"))
		return GRAPH_INPUT;
	for (uint32_t i = 0; i < before; i++)
		if (!strcmp(p->graph->layers[i].name, name))
			return (int)i;
	complain(p, "inputs: \"%s\" is neither \"input\" nor an earlier layer", name);
	return GRAPH_INPUT;
}

/* Three numbers [vertical, horizontal, channels]. */
static void read_triple(struct parser *p, const cJSON *node, const char *key, int64_t low,
			uint32_t v[3])
{
	static const int64_t most[3] = { SNNQ_MAX_DIM, SNNQ_MAX_DIM, SNNQ_MAX_CHANNELS };
	const cJSON *list = member(node, key), *item;
	uint32_t i = 0;

	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != 3) {
		complain(p, "inputs: %s: expected [vertical, horizontal, channels], found %s", key,
			 found(p, list));
		return;
	}
	cJSON_ArrayForEach(item, list) {
		if (!cJSON_IsNumber(item) || item->valuedouble < (double)low ||
		    item->valuedouble > (double)most[i] ||
		    item->valuedouble != (double)(int64_t)item->valuedouble)
			complain(p, "inputs: %s: expected integers, found %s", key, found(p, item));
		else
			v[i] = (uint32_t)item->valuedouble;
		i++;
	}
}

/* { "layer": name, "first": [..], "size": [..] } or { "layer": name, "shape": [..] } */
static void get_view(struct parser *p, struct graph_layer *l, uint32_t k, const cJSON *node)
{
	struct graph_shape *s = &l->from[k];
	struct graph_view *v = &l->view[k];
	uint64_t elements = (uint64_t)s->height * s->width * s->channels;
	bool reshape = member(node, "shape");
	uint32_t size[3] = { 1, 1, 1 };

	v->whole = *s;
	v->flags = reshape ? SNNQ_TENSOR_FLAG_RESHAPE : SNNQ_TENSOR_FLAG_SLICE;
	only_keys(p, node, "inputs", reshape ? "layer shape" : "layer first size");
	read_triple(p, node, reshape ? "shape" : "size", 1, size);
	if (!reshape)
		read_triple(p, node, "first", 0, v->first);
	if (p->error)
		return;
	if (reshape && (uint64_t)size[0] * size[1] * size[2] != elements)
		complain(p, "inputs: shape: %ux%ux%u is no other shape of %ux%ux%u", size[0],
			 size[1], size[2], s->height, s->width, s->channels);
	if (!reshape && (v->first[0] + size[0] > s->height || v->first[1] + size[1] > s->width ||
			 v->first[2] + size[2] > s->channels))
		complain(p, "inputs: size: %ux%ux%u from %u, %u, %u on does not fit %ux%ux%u",
			 size[0], size[1], size[2], v->first[0], v->first[1], v->first[2],
			 s->height, s->width, s->channels);
	s->height = size[0];
	s->width = size[1];
	s->channels = size[2];
}

/*
 * { "layer": name, "previous": true, "shape": [..], "planes": .. }: the layer may come later, so
 * its shape is told, and compared in the end.
 */
static void get_previous(struct parser *p, struct graph_layer *l, uint32_t k, const cJSON *node)
{
	uint32_t size[3] = { 1, 1, 1 };

	only_keys(p, node, "inputs", "layer previous shape planes signed");
	if (!l->loop)
		complain(p, "inputs: previous: expected in a layer with a loop");
	l->view[k].previous = read_string(p, node, "layer");
	l->view[k].flags = SNNQ_TENSOR_FLAG_PREVIOUS;
	read_triple(p, node, "shape", 1, size);
	l->from[k] = (struct graph_shape){
		.height = size[0],
		.width = size[1],
		.channels = size[2],
		.format = read_flag(p, node, "signed") ? SNNQ_FORMAT_SIGNED : SNNQ_FORMAT_UNSIGNED,
		.planes = (uint8_t)read_integer(p, node, "planes", 1, SNNQ_MAX_PLANES),
	};
}

/* All layers are known now. */
void graph_find_previous(struct parser *p, struct graph_layer *l)
{
	for (uint32_t k = 0; k < l->in_count; k++) {
		const struct graph_shape *s = &l->from[k], *is;

		if (!l->view[k].previous)
			continue;
		p->where = l->name;
		l->in[k] = graph_find_layer(p, l->view[k].previous, p->graph->layer_count);
		if (p->error)
			return;
		is = graph_shape(p->graph, l->in[k]);
		if (l->in[k] == GRAPH_INPUT || p->graph->layers[l->in[k]].loop != l->loop)
			complain(p, "inputs: previous: expected a layer of the same loop, found %s",
				 l->view[k].previous);
		else if (s->height != is->height || s->width != is->width ||
			 s->channels != is->channels || s->planes != is->planes ||
			 s->format != is->format)
			complain(
				p,
				"inputs: previous: layer %s has %ux%ux%u and %u planes, expected as "
				"told, %ux%ux%u and %u",
				l->view[k].previous, is->height, is->width, is->channels,
				is->planes, s->height, s->width, s->channels, s->planes);
	}
}

static void get_loop(struct parser *p, struct graph_layer *l)
{
	const cJSON *node = member(l->json, "loop");

	if (!node)
		return;
	only_keys(p, node, "loop", "number rounds");
	l->loop = (uint32_t)read_integer(p, node, "number", 1, 65535);
	l->loop_count = (uint32_t)read_default(p, node, "rounds", 1, 65535, 1);
}

static void get_input(struct parser *p, struct graph_layer *l, uint32_t index, uint32_t k,
		      const cJSON *item)
{
	const cJSON *name = cJSON_IsObject(item) ? member(item, "layer") : item;

	if (cJSON_IsObject(item) && read_flag(p, item, "previous")) {
		get_previous(p, l, k, item);
		return;
	}

	if (!cJSON_IsString(name)) {
		complain(p, "inputs: expected names, found %s", found(p, name));
		return;
	}
	l->in[k] = graph_find_layer(p, name->valuestring, index);
	if (p->error)
		return;
	l->from[k] = *graph_shape(p->graph, l->in[k]);
	if (cJSON_IsObject(item))
		get_view(p, l, k, item);
}

static void get_inputs(struct parser *p, struct graph_layer *l, uint32_t index, uint32_t least,
		       uint32_t most)
{
	const cJSON *list = member(l->json, "inputs"), *item;
	int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : -1;
	uint32_t k = 0;

	if (count < (int)least || count > (int)most) {
		if (least == most)
			complain(p, "inputs: expected %u names, found %s", least, found(p, list));
		else
			complain(p, "inputs: expected %u to %u names, found %s", least, most,
				 found(p, list));
		return;
	}
	l->in_count = (uint32_t)count;
	cJSON_ArrayForEach(item, list) {
		if (!p->error)
			get_input(p, l, index, k, item);
		k++;
	}
}

static void differ(struct parser *p, const struct graph_shape *a, const struct graph_shape *b)
{
	complain(p, "inputs: shapes %ux%ux%u and %ux%ux%u differ", a->height, a->width, a->channels,
		 b->height, b->width, b->channels);
}

/* ---- operations ---- */

static bool same_shape(const struct graph_shape *a, const struct graph_shape *b)
{
	return a->height == b->height && a->width == b->width && a->channels == b->channels;
}

static void get_weighted(struct parser *p, struct graph_layer *l)
{
	if (l->op == SNNQ_OP_CONV2D)
		graph_get_window(p, l);
	if (p->error)
		return;
	graph_get_weight(p, l);
	l->out.channels = l->out_channels;
	graph_get_neuron(p, l, true);
}

static void get_max_pool(struct parser *p, struct graph_layer *l)
{
	graph_get_window(p, l);
	if (l->from[0].format == SNNQ_FORMAT_INT32) {
		graph_get_scales(p, l);
		graph_get_neuron(p, l, false);
	} else if (member(l->json, "neuron") || member(l->json, "scales")) {
		complain(p, "neuron, scales: expected none, as its input is spikes or counts");
	} else if (member(l->json, "planes") || member(l->json, "signed") ||
		   member(l->json, "bias")) {
		complain(p,
			 "planes, signed, bias: expected none, as its input is spikes or counts");
	}
	if (!p->graph->integer && l->from[0].format == SNNQ_FORMAT_INT32 &&
	    (member(l->json, "planes") || member(l->json, "signed")))
		complain(p,
			 "planes, signed: expected none in a float model, as its input has none");
}

static void get_sum_pool(struct parser *p, struct graph_layer *l)
{
	graph_get_window(p, l);
	l->value = (uint32_t)read_default(p, l->json, "value", 1, 32767, 1);
	graph_get_neuron(p, l, false);
}

/* A mean without neurons has as many planes as its sums need, and they are exact. */
static void get_average(struct parser *p, struct graph_layer *l)
{
	graph_get_window(p, l);
	graph_get_neuron(p, l, false);
	if (l->neuron.model == SNNQ_NEURON_NONE && l->bias.count)
		complain(p, "bias: expected none without a neuron");
}

/* Along each axis the larger of two sizes, of which the other is the same or 1. */
static void join_shapes(struct parser *p, struct graph_layer *l)
{
	const struct graph_shape *a = &l->from[0], *b = &l->from[1];
	bool map = a->height == b->height && a->width == b->width;
	bool point_a = a->height == 1 && a->width == 1, point_b = b->height == 1 && b->width == 1;

	if ((!map && !point_a && !point_b) ||
	    (a->channels != b->channels && a->channels != 1 && b->channels != 1))
		differ(p, a, b);
	l->out.height = a->height > b->height ? a->height : b->height;
	l->out.width = a->width > b->width ? a->width : b->width;
	l->out.channels = a->channels > b->channels ? a->channels : b->channels;
}

static bool is_logic(const struct graph_layer *l)
{
	return l->mode == SNNQ_ELEMENTWISE_AND || l->mode == SNNQ_ELEMENTWISE_ANDN ||
	       l->mode == SNNQ_ELEMENTWISE_OR;
}

/* Sums and products of spikes and counts: how many planes they get is for the model to say. */
static void get_elementwise(struct parser *p, struct graph_layer *l)
{
	bool integers = l->from[0].format == SNNQ_FORMAT_INT32 ||
			l->from[1].format == SNNQ_FORMAT_INT32;

	join_shapes(p, l);
	graph_get_scales(p, l);
	if (!is_logic(l) && !integers && !member(l->json, "neuron"))
		read_integer(p, l->json, "planes", 1, SNNQ_MAX_PLANES);
	graph_get_neuron(p, l, false);
	if (is_logic(l) && !member(l->json, "neuron") && !member(l->json, "planes")) {
		l->out.format = SNNQ_FORMAT_UNSIGNED;
		l->out.planes = 1;
	}
}

#define STAGE "neuron, bias, planes, signed"

static bool has_stage(const struct graph_layer *l)
{
	return member(l->json, "neuron") || member(l->json, "bias") || member(l->json, "planes") ||
	       member(l->json, "signed");
}

static void get_gate(struct parser *p, struct graph_layer *l)
{
	if (has_stage(l))
		complain(p, STAGE ": expected none, as mode \"%s\" passes spikes on",
			 read_string(p, l->json, "mode"));
	l->out.format = SNNQ_FORMAT_UNSIGNED;
	l->out.planes = 1;
}

static void get_attention(struct parser *p, struct graph_layer *l)
{
	bool gate = l->mode == SNNQ_ATTENTION_TOKEN || l->mode == SNNQ_ATTENTION_CHANNEL;
	const struct graph_shape *q = &l->from[0], *v = &l->from[2];

	for (uint32_t k = 1; k < l->in_count; k++)
		if (k == 2 && !gate ? q->height != v->height || q->width != v->width :
				      !same_shape(q, &l->from[k]))
			differ(p, q, &l->from[k]);
	l->heads = (uint32_t)read_integer(p, l->json, "heads", 1, SNNQ_MAX_CHANNELS);
	if (gate) {
		get_gate(p, l);
		return;
	}
	l->out.channels = v->channels;
	graph_get_neuron(p, l, true);
}

/* Which operands of a product are transposed, as SNNQ_MATMUL_TRANSPOSE_* flags. */
static uint32_t read_transpose(struct parser *p, const struct graph_layer *l)
{
	const cJSON *list = member(l->json, "transpose"), *item;
	uint32_t flags = 0, k = 0;

	if (!list)
		return 0;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != (int)l->in_count)
		complain(p, "transpose: expected %u times true or false, found %s", l->in_count,
			 found(p, list));
	cJSON_ArrayForEach(item, list) {
		if (!cJSON_IsBool(item))
			complain(p, "transpose: expected true or false, found %s", found(p, item));
		flags |= cJSON_IsTrue(item) ? SNNQ_MATMUL_TRANSPOSE_0 << k % 3 : 0;
		k++;
	}
	return flags;
}

/* Rows of operand k of a product; by @columns, its columns. */
static uint64_t matrix_side(struct parser *p, const struct graph_layer *l, uint32_t k, bool columns)
{
	const struct graph_shape *s = &l->from[k];
	bool channels = columns != !!(l->mode & SNNQ_MATMUL_TRANSPOSE_0 << k);

	if (s->channels % l->heads)
		complain(p, "heads: %u do not divide %u channels", l->heads, s->channels);
	return channels ? s->channels / l->heads : (uint64_t)s->height * s->width;
}

/* Rows that are no positions of the first input lie in one line, unless `size` says how. */
static void get_product_shape(struct parser *p, struct graph_layer *l)
{
	uint64_t rows = matrix_side(p, l, 0, false),
		 columns = matrix_side(p, l, l->in_count - 1, true);
	uint32_t size[2] = { 1, (uint32_t)rows };

	for (uint32_t k = 1; k < l->in_count; k++)
		if (matrix_side(p, l, k - 1, true) != matrix_side(p, l, k, false))
			complain(p, "inputs: %llu columns of the %s matrix meet %llu rows",
				 (unsigned long long)matrix_side(p, l, k - 1, true),
				 k == 1 ? "first" : "second",
				 (unsigned long long)matrix_side(p, l, k, false));
	if (!(l->mode & SNNQ_MATMUL_TRANSPOSE_0)) {
		size[0] = l->from[0].height;
		size[1] = l->from[0].width;
	}
	if (member(l->json, "size"))
		read_pair(p, l->json, "size", 1, SNNQ_MAX_DIM, -1, size);
	if ((uint64_t)size[0] * size[1] != rows || size[1] > SNNQ_MAX_DIM)
		complain(p, "size: expected %llu positions in at most %u columns, found %u x %u",
			 (unsigned long long)rows, SNNQ_MAX_DIM, size[0], size[1]);
	if (columns * l->heads > SNNQ_MAX_CHANNELS)
		complain(p, "inputs: %llu channels of the result, expected at most %u",
			 (unsigned long long)(columns * l->heads), SNNQ_MAX_CHANNELS);
	l->out.height = size[0];
	l->out.width = size[1];
	l->out.channels = (uint32_t)columns * l->heads;
}

static void get_matmul(struct parser *p, struct graph_layer *l)
{
	static const struct word orders[] = { { "left", 0 },
					      { "right", SNNQ_MATMUL_RIGHT_FIRST },
					      { NULL } };

	l->heads = (uint32_t)read_default(p, l->json, "heads", 1, SNNQ_MAX_CHANNELS, 1);
	l->mode = read_transpose(p, l) | read_word(p, l->json, "first", orders, true);
	if (l->in_count == 2 && member(l->json, "first"))
		complain(p, "first: expected nothing, as there is one product");
	if (p->error)
		return;
	get_product_shape(p, l);
	if (!p->error)
		graph_get_neuron(p, l, true);
}

/* A list of names of axes as SNNQ_AXIS_* flags. */
static uint32_t read_axes(struct parser *p, const struct graph_layer *l)
{
	static const char *const names[] = { "height", "width", "channels" };
	const cJSON *list = member(l->json, "axes"), *item;
	uint32_t axes = 0;

	if (!cJSON_IsArray(list) || !cJSON_GetArraySize(list))
		complain(p, "axes: expected some of \"height\", \"width\", \"channels\", found %s",
			 found(p, list));
	cJSON_ArrayForEach(item, list) {
		uint32_t i = 0;

		while (i < 3 && !(cJSON_IsString(item) && !strcmp(item->valuestring, names[i])))
			i++;
		if (i == 3 || axes & 1u << i)
			complain(p,
				 "axes: expected each of \"height\", \"width\", \"channels\" "
				 "at most once, found %s",
				 found(p, item));
		axes |= i < 3 ? 1u << i : 0;
	}
	return axes;
}

static void get_reduce(struct parser *p, struct graph_layer *l)
{
	l->axes = read_axes(p, l);
	if (l->axes & SNNQ_AXIS_HEIGHT)
		l->out.height = 1;
	if (l->axes & SNNQ_AXIS_WIDTH)
		l->out.width = 1;
	if (l->axes & SNNQ_AXIS_CHANNELS) {
		l->geometry.groups =
			(uint32_t)read_default(p, l->json, "groups", 1, SNNQ_MAX_CHANNELS, 1);
		if (l->from[0].channels % l->geometry.groups)
			complain(p, "groups: %u does not divide %u channels", l->geometry.groups,
				 l->from[0].channels);
		l->out.channels = l->geometry.groups;
	} else if (member(l->json, "groups")) {
		complain(p, "groups: expected none, as channels are not reduced");
	}
	if (l->mode == SNNQ_REDUCE_SUM)
		graph_get_neuron(p, l, false);
	else if (has_stage(l))
		complain(p, STAGE ": expected none, as values stay what they are");
}

/* Values that are moved, maybe into another format. */
static void get_moved(struct parser *p, struct graph_layer *l)
{
	graph_get_scales(p, l);
	if (!member(l->json, "planes")) {
		l->out.format = SNNQ_FORMAT_INT32;
		l->out.planes = 0;
		return;
	}
	l->out.planes = (uint8_t)read_integer(p, l->json, "planes", 1, SNNQ_MAX_PLANES);
	l->out.format = read_flag(p, l->json, "signed") ? SNNQ_FORMAT_SIGNED : SNNQ_FORMAT_UNSIGNED;
}

static void get_concat(struct parser *p, struct graph_layer *l)
{
	static const struct word axes[] = {
		{ "height", SNNQ_AXIS_HEIGHT },
		{ "width", SNNQ_AXIS_WIDTH },
		{ "channels", SNNQ_AXIS_CHANNELS },
		{ NULL },
	};

	l->axes = read_word(p, l->json, "axis", axes, false);
	for (uint32_t k = 1; k < l->in_count; k++) {
		struct graph_shape a = l->from[0], b = l->from[k];

		if (l->axes == SNNQ_AXIS_HEIGHT)
			l->out.height += b.height, a.height = b.height;
		else if (l->axes == SNNQ_AXIS_WIDTH)
			l->out.width += b.width, a.width = b.width;
		else
			l->out.channels += b.channels, a.channels = b.channels;
		if (!same_shape(&a, &b))
			differ(p, &l->from[0], &b);
	}
	get_moved(p, l);
}

static void get_copy(struct parser *p, struct graph_layer *l)
{
	static const struct word orders[] = {
		{ "hwc", SNNQ_COPY_HWC },
		{ "hcw", SNNQ_COPY_HCW },
		{ "whc", SNNQ_COPY_WHC },
		{ "wch", SNNQ_COPY_WCH },
		{ "chw", SNNQ_COPY_CHW },
		{ "cwh", SNNQ_COPY_CWH },
		{ NULL },
	};
	const struct graph_shape *in = &l->from[0];
	uint32_t dims[3] = { in->height, in->width, in->channels };

	l->mode = read_word(p, l->json, "axes", orders, true);
	l->out.height = dims[snnq_copy_axes[l->mode][0]];
	l->out.width = dims[snnq_copy_axes[l->mode][1]];
	l->out.channels = dims[snnq_copy_axes[l->mode][2]];
	get_moved(p, l);
}

static void get_upsample(struct parser *p, struct graph_layer *l)
{
	uint32_t factor[2];

	read_pair(p, l->json, "factor", 1, 255, -1, factor);
	if (p->error)
		return;
	l->geometry = (struct snnq_geometry){
		.kernel_h = 1,
		.kernel_w = 1,
		.stride_h = (uint8_t)factor[0],
		.stride_w = (uint8_t)factor[1],
		.dilation_h = 1,
		.dilation_w = 1,
		.groups = 1,
	};
	l->out.height *= factor[0];
	l->out.width *= factor[1];
}

/*
 * Operations by name: what they become, how many operands they take, their keys beside
 * name, op and inputs, and what reads them. @mode: of the operation, unless a key says it.
 */
struct graph_op {
	const char *name;
	uint32_t op, mode, least, most;
	const char *keys;
	void (*get)(struct parser *p, struct graph_layer *l);
};

#define KEYS	    "name op inputs loop "
#define WINDOW_KEYS "kernel stride padding dilation "
#define STAGE_KEYS  "bias neuron planes signed"
#define TWO(name, mode)                                                                           \
	{                                                                                         \
		name, SNNQ_OP_ELEMENTWISE, mode, 2, 2, KEYS "scales " STAGE_KEYS, get_elementwise \
	}

static const struct graph_op ops[] = {
	{ "conv2d", SNNQ_OP_CONV2D, 0, 1, 1,
	  KEYS WINDOW_KEYS "out_channels groups weight " STAGE_KEYS, get_weighted },
	{ "linear", SNNQ_OP_LINEAR, 0, 1, 1, KEYS "out_channels weight " STAGE_KEYS, get_weighted },
	{ "maxpool", SNNQ_OP_POOL_MAX, 0, 1, 1, KEYS WINDOW_KEYS "scales " STAGE_KEYS,
	  get_max_pool },
	{ "sumpool", SNNQ_OP_POOL_SUM, 0, 1, 1, KEYS WINDOW_KEYS "value " STAGE_KEYS,
	  get_sum_pool },
	{ "avgpool", GRAPH_AVGPOOL, 0, 1, 1, KEYS WINDOW_KEYS "bias neuron", get_average },
	TWO("add", SNNQ_ELEMENTWISE_ADD),
	TWO("multiply", SNNQ_ELEMENTWISE_MULTIPLY),
	TWO("and", SNNQ_ELEMENTWISE_AND),
	TWO("andnot", SNNQ_ELEMENTWISE_ANDN),
	TWO("or", SNNQ_ELEMENTWISE_OR),
	{ "attention", SNNQ_OP_ATTENTION, 0, 2, 3, KEYS "heads mode " STAGE_KEYS, get_attention },
	{ "matmul", SNNQ_OP_MATMUL, 0, 2, 3, KEYS "heads transpose first size " STAGE_KEYS,
	  get_matmul },
	{ "reduce", SNNQ_OP_REDUCE, 0, 1, 1, KEYS "mode axes groups " STAGE_KEYS, get_reduce },
	{ "concat", SNNQ_OP_CONCAT, 0, 2, 4, KEYS "axis scales planes signed", get_concat },
	{ "copy", SNNQ_OP_COPY, 0, 1, 1, KEYS "axes scales planes signed", get_copy },
	{ "upsample", SNNQ_OP_UPSAMPLE, 0, 1, 1, KEYS "factor", get_upsample },
};

static const struct graph_op *find_op(struct parser *p, const struct graph_layer *l)
{
	const char *name = read_string(p, l->json, "op");

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	complain(p, "op: \"%s\" is not known", name);
	return &ops[0];
}

static uint32_t read_mode(struct parser *p, const struct graph_layer *l, const struct graph_op *op)
{
	static const struct word attentions[] = {
		{ "values", SNNQ_ATTENTION_QK_FIRST },
		{ "token", SNNQ_ATTENTION_TOKEN },
		{ "channel", SNNQ_ATTENTION_CHANNEL },
		{ NULL },
	};
	static const struct word reductions[] = {
		{ "sum", SNNQ_REDUCE_SUM },
		{ "max", SNNQ_REDUCE_MAX },
		{ "or", SNNQ_REDUCE_OR },
		{ NULL },
	};

	if (op->op == SNNQ_OP_ATTENTION)
		return read_word(p, l->json, "mode", attentions, true);
	if (op->op == SNNQ_OP_REDUCE)
		return read_word(p, l->json, "mode", reductions, false);
	return op->mode;
}

void graph_get_layer(struct parser *p, struct graph_layer *l, uint32_t index)
{
	const struct graph_op *op = find_op(p, l);
	uint32_t least = op->least, most = op->most;

	if (p->error)
		return;
	l->op = op->op;
	l->op_name = op->name;
	l->mode = read_mode(p, l, op);
	get_loop(p, l);
	if (p->graph->integer && l->op == GRAPH_AVGPOOL)
		complain(p, "op: \"avgpool\" in an integer model");
	if (l->op == SNNQ_OP_ATTENTION)
		least = most = l->mode == SNNQ_ATTENTION_TOKEN ? 2 : 3;
	get_inputs(p, l, index, least, most);
	if (!p->error) {
		l->out = l->from[0];
		op->get(p, l);
	}
	only_keys(p, l->json, l->op_name, op->keys);
}
