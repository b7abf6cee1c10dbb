// SPDX-License-Identifier: MIT
/*
 * compile.c - lay out regions, scratch, state and tables; write descriptors.
 *
 * Everything is placed by bumping an offset: activations of one step of a whole
 * network are small beside its weights. The validator has the last word, so
 * nothing is checked twice here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "compile_bound.h"
#include "refusal.h"
#include "base/error.h"

struct compiler {
	const struct graph *graph;
	const struct snnq_caps *caps; /* of the device */
	struct compiled *out;
	struct snnq_program_header header;
	struct snnq_region_desc regions[4];
	struct snnq_layer *layers;
	int32_t *table;
	__u64 weights_bytes;
};

static uint64_t align8(uint64_t n)
{
	return (n + 7) & ~7ull;
}

static __u64 bump(__u64 *at, __u64 bytes)
{
	__u64 offset = *at;

	*at += align8(bytes);
	return offset;
}

static int add_region(struct compiler *c, uint32_t role, uint64_t bytes, uint64_t step_bytes)
{
	bool written = role == SNNQ_ROLE_OUTPUT || role == SNNQ_ROLE_READOUT;

	c->regions[c->header.region_count] = (struct snnq_region_desc){
		.bytes = bytes,
		.step_bytes = step_bytes,
		.role = role,
		.access = written ? SNNQ_ACCESS_WRITE : SNNQ_ACCESS_READ,
	};
	return (int)c->header.region_count++;
}

static struct snnq_tensor tensor_of(const struct graph_shape *s, uint32_t region, uint64_t offset)
{
	return (struct snnq_tensor){
		.offset = offset,
		.region = (uint16_t)region,
		.format = s->format,
		.planes = s->planes,
		.height = (uint16_t)s->height,
		.width = (uint16_t)s->width,
		.channels = s->channels,
	};
}

static uint32_t user(int region)
{
	return SNNQ_REGION_USER + (uint32_t)region;
}

static struct snnq_tensor written(const struct compiler *c, int layer)
{
	if (layer != GRAPH_INPUT)
		return c->layers[layer].out;
	return tensor_of(&c->graph->input.shape, user(c->out->input_region), 0);
}

/* What layer @g reads as operand @k. */
static struct snnq_tensor operand(struct compiler *c, const struct graph_layer *g, uint32_t k)
{
	struct snnq_tensor t = written(c, g->in[k]);
	const struct graph_view *v = &g->view[k];

	if (!v->flags)
		return t;
	if (v->previous) {
		t.flags = SNNQ_TENSOR_FLAG_PREVIOUS;
		c->header.needs |= SNNQ_PROGRAM_NEEDS_PREVIOUS;
		return t;
	}
	t.flags = (uint16_t)v->flags;
	t.whole_height = t.height;
	t.whole_width = t.width;
	t.whole_channels = t.channels;
	t.first_y = (uint16_t)v->first[0];
	t.first_x = (uint16_t)v->first[1];
	t.first_channel = v->first[2];
	t.height = (uint16_t)g->from[k].height;
	t.width = (uint16_t)g->from[k].width;
	t.channels = g->from[k].channels;
	c->header.needs |= SNNQ_PROGRAM_NEEDS_VIEWS;
	return t;
}

static void add_numbers(struct compiler *c, const struct graph_numbers *n, uint32_t *index,
			uint32_t *count)
{
	if (!n->count)
		return;
	*index = c->header.table_count;
	*count = n->count;
	for (uint32_t i = 0; i < n->count; i++)
		c->table[c->header.table_count++] = graph_number(n, i);
}

static void add_weights(struct compiler *c, const struct graph_layer *g, struct snnq_layer *l)
{
	l->quant = (struct snnq_quant){
		.offset = bump(&c->weights_bytes, g->weight->bytes),
		.region = (uint16_t)user(c->out->weights_region),
		.scheme = (uint8_t)g->scheme,
		.bits = (uint8_t)g->bits,
	};
	memcpy((char *)c->out->weights + l->quant.offset, g->weight->data, g->weight->bytes);
}

static void add_state(struct compiler *c, struct snnq_layer *l)
{
	uint64_t bytes = snnq_layer_state_bytes(l);

	if (bytes)
		l->state_offset = bump(&c->header.state_bytes, bytes);
}

static struct snnq_layer *add_layer(struct compiler *c, uint32_t op)
{
	struct snnq_layer *l = &c->layers[c->header.layer_count++];

	l->op = (uint16_t)op;
	return l;
}

/* Maxima, and what is only moved, have the bound of their operand. */
static bool keeps_bound(const struct snnq_layer *l)
{
	return (l->op == SNNQ_OP_POOL_MAX && l->in[0].format != SNNQ_FORMAT_INT32) ||
	       l->op == SNNQ_OP_UPSAMPLE || (l->op == SNNQ_OP_REDUCE && l->mode != SNNQ_REDUCE_SUM);
}

/* What sums of counts come to, where that is less than their planes hold. */
static uint32_t bound_of(const struct snnq_layer *l)
{
	uint64_t sum;

	if (keeps_bound(l))
		return l->in[0].bound;
	if (l->neuron.output == SNNQ_OUTPUT_COUNTS)
		return l->neuron.levels;
	if (l->out.format != SNNQ_FORMAT_UNSIGNED || l->neuron.model != SNNQ_NEURON_NONE ||
	    l->scale[0].mult_count || l->scale[1].mult_count || l->mode != SNNQ_ELEMENTWISE_ADD ||
	    l->neuron.mult_count || l->neuron.bias_count)
		return 0;
	if (l->op != SNNQ_OP_ELEMENTWISE || l->in[0].format != SNNQ_FORMAT_UNSIGNED ||
	    l->in[1].format != SNNQ_FORMAT_UNSIGNED)
		return 0;
	sum = (uint64_t)snnq_tensor_largest(&l->in[0]) + snnq_tensor_largest(&l->in[1]);
	return sum < snnq_tensor_largest(&l->out) ? (uint32_t)sum : 0;
}

static void add_scale(struct compiler *c, const struct graph_scale *g, struct snnq_scale *s)
{
	add_numbers(c, &g->mult, &s->mult_index, &s->mult_count);
	s->shift = g->shift;
	if (s->shift || s->mult_count)
		c->header.needs |= SNNQ_PROGRAM_NEEDS_SCALES;
}

/* What of the neuron is one value for each channel, and what the program then needs. */
static void add_neuron(struct compiler *c, const struct graph_layer *g, struct snnq_neuron *n)
{
	const uint32_t resets = SNNQ_NEURON_FLAG_DELAYED_RESET | SNNQ_NEURON_FLAG_CLAMP_LOW;

	add_numbers(c, &g->threshold, &n->threshold_index, &n->threshold_count);
	add_numbers(c, &g->bias, &n->bias_index, &n->bias_count);
	add_numbers(c, &g->mult, &n->mult_index, &n->mult_count);
	add_numbers(c, &g->leak, &n->leak_index, &n->leak_count);
	add_numbers(c, &g->current_leak, &n->current_leak_index, &n->current_leak_count);
	add_numbers(c, &g->reset, &n->reset_index, &n->reset_count);
	add_numbers(c, &g->delay, &n->delay_index, &n->delay_count);
	if (n->leak_count || n->current_leak_count || n->reset_count || n->delay_count)
		c->header.needs |= SNNQ_PROGRAM_NEEDS_TABLES;
	if (n->levels)
		c->header.needs |= SNNQ_PROGRAM_NEEDS_LEVELS;
	if (n->output == SNNQ_OUTPUT_POTENTIAL || n->output == SNNQ_OUTPUT_GRADED)
		c->header.needs |= SNNQ_PROGRAM_NEEDS_POTENTIALS;
	if (n->flags & resets || n->reset_period)
		c->header.needs |= SNNQ_PROGRAM_NEEDS_RESETS;
}

/* Whether an operation computes with what the layer puts out. */
static bool is_operand(const struct graph *graph, const struct graph_layer *g)
{
	for (const struct graph_layer *l = g + 1; l < graph->layers + graph->layer_count; l++)
		for (uint32_t i = 0; i < l->in_count; i++)
			if (l->in[i] == g - graph->layers)
				return true;
	return false;
}

static void compile_layer(struct compiler *c, const struct graph_layer *g)
{
	struct snnq_layer *l = add_layer(c, g->op);

	for (uint32_t i = 0; i < g->in_count; i++)
		l->in[i] = operand(c, g, i);
	l->loop = (uint16_t)g->loop;
	l->loop_count = (uint16_t)g->loop_count;
	if (g->loop)
		c->header.needs |= SNNQ_PROGRAM_NEEDS_LOOPS;
	l->mode = g->mode;
	l->axes = g->axes;
	/* The results are the same. */
	if (g->op == SNNQ_OP_ATTENTION && g->mode == SNNQ_ATTENTION_QK_FIRST &&
	    !(c->caps->attention & 1u << SNNQ_ATTENTION_QK_FIRST))
		l->mode = SNNQ_ATTENTION_KV_FIRST;
	if (g->op != SNNQ_OP_LINEAR)
		l->geometry = g->geometry;
	if (l->geometry.more_h || l->geometry.more_w)
		c->header.needs |= SNNQ_PROGRAM_NEEDS_PADDING;
	l->flags = g->skip_first ? SNNQ_LAYER_FLAG_SKIP_FIRST : 0;
	l->param = g->op == SNNQ_OP_POOL_SUM ? g->value : g->heads;
	l->neuron = g->neuron;
	if (g->weight)
		add_weights(c, g, l);
	add_neuron(c, g, &l->neuron);
	for (uint32_t i = 0; i < g->in_count; i++)
		add_scale(c, &g->scale[i], &l->scale[i]);
	if (c->caps->needs & SNNQ_PROGRAM_NEEDS_BOUNDS)
		l->out.bound = is_operand(c->graph, g) && l->out.format == SNNQ_FORMAT_INT32 ?
				       largest_result(l, c->table) :
				       bound_of(l);
	if (l->out.bound)
		c->header.needs |= SNNQ_PROGRAM_NEEDS_BOUNDS;
	add_state(c, l);
}

/* Where results lie, so that layers can refer to later ones. */
static void place_results(struct compiler *c)
{
	for (uint32_t i = 0; i < c->graph->layer_count; i++) {
		struct snnq_tensor out =
			tensor_of(&c->graph->layers[i].out, SNNQ_REGION_SCRATCH, 0);

		out.offset = bump(&c->header.scratch_step_bytes, snnq_tensor_bytes(&out));
		c->out->offsets[i] = out.offset;
		c->layers[i].out = out;
	}
}

/* Operands of the step before have the bounds that were found for what is written. */
static void bind_previous(struct compiler *c)
{
	for (uint32_t i = 0; i < c->graph->layer_count; i++)
		for (uint32_t k = 0; k < c->graph->layers[i].in_count; k++)
			if (c->graph->layers[i].view[k].previous)
				c->layers[i].in[k].bound =
					c->layers[c->graph->layers[i].in[k]].out.bound;
}

static void compile_readout(struct compiler *c)
{
	struct snnq_layer *l = add_layer(c, SNNQ_OP_READOUT);

	l->in[0] = written(c, c->graph->readout);
	l->param = c->graph->readout_mode;
	l->out = (struct snnq_tensor){
		.region = (uint16_t)user(c->out->readout_region),
		.format = SNNQ_FORMAT_INT32,
		.height = 1,
		.width = 1,
		.channels = c->graph->readout_channels,
	};
	add_state(c, l);
}

/*
 * A copy of layer @i's output for the user: spikes and counts by a pool of one position, int32
 * values by a copy or, where the device has none, by computing them again.
 */
static void compile_tap(struct compiler *c, uint32_t i)
{
	struct snnq_layer *l = add_layer(c, SNNQ_OP_POOL_MAX);
	struct snnq_tensor from = c->layers[i].out;

	if (from.format == SNNQ_FORMAT_INT32 && c->caps->ops & 1ull << SNNQ_OP_COPY) {
		l->op = SNNQ_OP_COPY;
		l->in[0] = from;
	} else if (from.format == SNNQ_FORMAT_INT32) {
		*l = c->layers[i];
	} else {
		l->in[0] = from;
		l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	}
	l->out = from;
	l->out.region = (uint16_t)user(c->out->taps_region);
	l->out.offset = bump(&c->out->taps_step_bytes, snnq_tensor_bytes(&from));
	c->out->taps[i] = l->out;
}

static uint64_t tap_bytes(const struct graph *g)
{
	__u64 bytes = 0;

	for (uint32_t i = 0; i < g->layer_count; i++) {
		struct snnq_tensor t = tensor_of(&g->layers[i].out, 0, 0);

		bump(&bytes, snnq_tensor_bytes(&t));
	}
	return bytes;
}

static void lay_out_regions(struct compiler *c, bool taps)
{
	const struct graph *g = c->graph;
	struct compiled *out = c->out;
	struct snnq_tensor in = tensor_of(&g->input.shape, 0, 0);

	out->weights_region = out->taps_region = -1;
	if (out->weights_bytes)
		out->weights_region = add_region(c, SNNQ_ROLE_WEIGHTS, out->weights_bytes, 0);
	out->input_step_bytes = snnq_tensor_bytes(&in);
	out->input_region = add_region(c, SNNQ_ROLE_INPUT, 0, out->input_step_bytes);
	out->readout_bytes = align8((uint64_t)g->readout_channels * 4);
	out->readout_region = add_region(c, SNNQ_ROLE_READOUT, out->readout_bytes, 0);
	if (taps)
		out->taps_region = add_region(c, SNNQ_ROLE_OUTPUT, 0, tap_bytes(g));
}

static int allocate(struct compiler *c)
{
	const struct graph *g = c->graph;
	uint64_t numbers = 0;

	for (uint32_t i = 0; i < g->layer_count; i++) {
		const struct graph_layer *l = &g->layers[i];

		numbers += (uint64_t)l->threshold.count + l->bias.count + l->mult.count +
			   l->leak.count + l->current_leak.count + l->reset.count + l->delay.count;
		for (uint32_t k = 0; k < l->in_count; k++)
			numbers += l->scale[k].mult.count;
		if (l->weight)
			bump(&c->out->weights_bytes, l->weight->bytes);
	}
	c->layers = calloc(2 * (size_t)g->layer_count + 1, sizeof(*c->layers));
	c->table = calloc(numbers + 1, sizeof(*c->table));
	c->out->weights = calloc(1, c->out->weights_bytes + 1);
	c->out->taps = calloc(g->layer_count, sizeof(*c->out->taps));
	c->out->offsets = calloc(g->layer_count, sizeof(*c->out->offsets));
	if (c->layers && c->table && c->out->weights && c->out->taps && c->out->offsets)
		return 0;
	return error_set(-ENOMEM, "no memory for the program");
}

/* As many as pay, and as the device and its scratch take. */
static uint32_t choose_tile(const struct compiler *c)
{
	const struct snnq_program_header *h = &c->header;
	uint32_t tile = h->max_steps < 64 ? h->max_steps : 64;
	uint64_t room = h->scratch_step_bytes ? c->caps->max_scratch_bytes / h->scratch_step_bytes :
						tile;

	if (tile > c->caps->max_tile_steps)
		tile = c->caps->max_tile_steps;
	if (tile > room)
		tile = (uint32_t)room;
	return tile ? tile : 1; /* which the validator refuses by name */
}

static void fill_header(struct compiler *c, const struct compile_opts *o)
{
	uint32_t window = c->graph->input.steps;

	c->header.magic = SNNQ_PROGRAM_MAGIC;
	c->header.version = SNNQ_PROGRAM_VERSION;
	c->header.header_bytes = sizeof(struct snnq_program_header);
	c->header.region_bytes = sizeof(struct snnq_region_desc);
	c->header.layer_bytes = sizeof(struct snnq_layer);
	c->header.max_steps = o->max_steps > window ? o->max_steps : window;
	c->header.state_bytes = sizeof(struct snnq_state_header);
}

static int assemble(struct compiler *c)
{
	const struct snnq_program_header *h = &c->header;
	size_t regions = h->region_count * sizeof(*c->regions);
	size_t layers = h->layer_count * sizeof(*c->layers);
	size_t table = (size_t)h->table_count * sizeof(*c->table);
	char *p;

	c->out->program_bytes = sizeof(*h) + regions + layers + table;
	if (c->out->program_bytes > SNNQ_MAX_PROGRAM_BYTES)
		return error_set(-E2BIG, "program of %zu bytes, expected at most %u",
				 c->out->program_bytes, SNNQ_MAX_PROGRAM_BYTES);
	c->header.total_bytes = (uint32_t)c->out->program_bytes;
	p = malloc(c->out->program_bytes);
	if (!p)
		return error_set(-ENOMEM, "no memory for the program");
	c->out->program = p;
	memcpy(p, h, sizeof(*h));
	memcpy(p + sizeof(*h), c->regions, regions);
	memcpy(p + sizeof(*h) + regions, c->layers, layers);
	memcpy(p + sizeof(*h) + regions + layers, c->table, table);
	return 0;
}

static int validate(const char *path, struct compiler *c, const struct snnq_caps *caps)
{
	const struct graph *g = c->graph;
	const struct graph_layer *layer = NULL;
	struct snnq_diag diag;
	char text[200];
	int ret = snnq_program_validate(c->out->program, c->out->program_bytes, caps, &c->out->info,
					&diag);

	if (!ret)
		return 0;
	if (diag.layer < g->layer_count)
		layer = &g->layers[diag.layer];
	if (diag.check == SNNQ_CHECK_UNSUPPORTED)
		refusal_explain(text, sizeof(text), layer, c->out->program, &diag, caps);
	else
		snprintf(text, sizeof(text), "%s (%s)", snnq_check_text(diag.check), diag.field);
	return error_set(ret, "%s: %s: %s", path,
			 layer			      ? layer->name :
			 diag.layer == g->layer_count ? "readout" :
							"model",
			 text);
}

int compile_graph(const char *path, const struct graph *graph, const struct compile_opts *opts,
		  struct compiled *compiled)
{
	struct compiler c = { .graph = graph, .caps = opts->caps, .out = compiled };
	int ret;

	memset(compiled, 0, sizeof(*compiled));
	if (!graph->integer)
		return error_set(-EINVAL,
				 "%s: a float model does not run; quantize it first "
				 "(snnq quantize)",
				 path);
	ret = allocate(&c);
	if (!ret) {
		fill_header(&c, opts);
		lay_out_regions(&c, opts->taps);
		place_results(&c);
		for (uint32_t i = 0; i < graph->layer_count; i++)
			compile_layer(&c, &graph->layers[i]);
		bind_previous(&c);
		compile_readout(&c);
		for (uint32_t i = 0; opts->taps && i < graph->layer_count; i++)
			compile_tap(&c, i);
		c.header.tile_steps = opts->tile_steps ? opts->tile_steps : choose_tile(&c);
		ret = assemble(&c);
	}
	if (!ret)
		ret = validate(path, &c, opts->caps);
	free(c.layers);
	free(c.table);
	if (ret)
		compile_free(compiled);
	return ret;
}

void compile_free(struct compiled *compiled)
{
	free(compiled->program);
	free(compiled->weights);
	free(compiled->taps);
	free(compiled->offsets);
	memset(compiled, 0, sizeof(*compiled));
}
