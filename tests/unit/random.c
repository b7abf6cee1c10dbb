// SPDX-License-Identifier: MIT
/*
 * random.c - random valid programs; see program.h. A chain of layers, each
 * reading what the one before wrote to scratch. What a layer wrote is also
 * copied to an output region (by POOL_MAX with a 1x1 window), so that tests see
 * every intermediate result.
 */
#include <string.h>

#include "program.h"

/* splitmix64 */
uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((random_next(state) >> 32) * n >> 32);
}

#define MOST_CHANNELS 300u /* around blocks of 256 too */

struct maker {
	struct program *p;
	uint64_t seed;
	struct snnq_tensor at; /* what the next layer reads */
};

static uint32_t between(struct maker *m, uint32_t low, uint32_t high)
{
	return low + random_below(&m->seed, high - low + 1);
}

static bool chance(struct maker *m, uint32_t percent)
{
	return random_below(&m->seed, 100) < percent;
}

/* Channels or neurons: often around where words and blocks of them end. */
static uint32_t random_width(struct maker *m, uint32_t most)
{
	static const uint16_t edges[] = { 15,  16,  17,	 63,  64,  65,	127, 128,
					  129, 191, 192, 193, 255, 256, 257 };
	uint32_t n = edges[random_below(&m->seed, sizeof(edges) / sizeof(edges[0]))];

	return chance(m, 30) && n <= most ? n : between(m, 1, most < 100 ? most : 100);
}

static uint32_t random_table(struct maker *m, uint32_t count, uint32_t least, uint32_t range)
{
	int32_t v[MOST_CHANNELS];
	uint32_t i;

	for (i = 0; i < count; i++)
		v[i] = (int32_t)(least + random_below(&m->seed, range));
	return add_table(m->p, count, v);
}

static uint32_t random_leak(struct maker *m, uint8_t kind)
{
	switch (kind) {
	case SNNQ_LEAK_DIVN:
		return between(m, 1, 9);
	case SNNQ_LEAK_Q16:
		return between(m, 0, 65536);
	case SNNQ_LEAK_TZ12:
		return between(m, 0, 4096);
	default:
		return 0;
	}
}

static void random_bias(struct maker *m, struct snnq_layer *l)
{
	if (chance(m, 50))
		return;
	l->neuron.bias_count = chance(m, 50) ? 1 : l->out.channels;
	l->neuron.bias_index = random_table(m, l->neuron.bias_count, (uint32_t)-8, 17);
}

static void random_neuron(struct maker *m, struct snnq_layer *l)
{
	struct snnq_neuron *n = &l->neuron;

	n->model = chance(m, 60) ? SNNQ_NEURON_LIF : SNNQ_NEURON_CUBA;
	n->compare = (uint8_t)between(m, 0, 1);
	n->reset = (uint8_t)between(m, 0, 2);
	n->leak = (uint8_t)between(m, 0, 3);
	n->leak_param = random_leak(m, n->leak);
	n->shift = (uint8_t)(chance(m, 10) ? 16 : between(m, 0, 3));
	n->refractory = (uint16_t)(chance(m, 30) ? between(m, 1, 4) : 0);
	n->delay = (uint8_t)(chance(m, 30) ? between(m, 1, 5) : 0);
	if (n->model == SNNQ_NEURON_CUBA) {
		n->current_leak = (uint8_t)between(m, 0, 3);
		n->current_leak_param = random_leak(m, n->current_leak);
		n->flags = chance(m, 50) ? SNNQ_NEURON_FLAG_OLD_CURRENT : 0;
	} else if (n->leak == SNNQ_LEAK_DIVN && n->compare == SNNQ_COMPARE_GT) {
		n->flags = SNNQ_NEURON_FLAG_STICKY;
	}
	if (n->reset == SNNQ_RESET_HARD || n->refractory)
		n->reset_value = (int32_t)between(m, 0, 6) - 3;
	n->threshold_count = chance(m, 50) ? 1 : l->out.channels;
	n->threshold_index = random_table(m, n->threshold_count, 1, 20);
	l->flags = chance(m, 20) ? SNNQ_LAYER_FLAG_SKIP_FIRST : 0;
	l->out.format = SNNQ_FORMAT_UNSIGNED;
	l->out.planes = 1;
	random_bias(m, l);
}

/* Now and then counts have a bound below what their planes hold. */
static void random_bound(struct maker *m, struct snnq_tensor *t)
{
	if (t->format != SNNQ_FORMAT_UNSIGNED || t->planes < 2 || chance(m, 50))
		return;
	t->bound = between(m, 1, (1u << t->planes) - 1);
	m->p->h.needs = SNNQ_PROGRAM_NEEDS_BOUNDS;
}

static void random_requant(struct maker *m, struct snnq_layer *l)
{
	struct snnq_neuron *n = &l->neuron;

	n->requant_shift = (uint8_t)between(m, 0, 4);
	if (chance(m, 50)) {
		n->mult_count = chance(m, 50) ? 1 : l->out.channels;
		n->mult_index = random_table(m, n->mult_count, (uint32_t)-5, 11);
	}
	l->out.format = (uint8_t)(chance(m, 50) ? SNNQ_FORMAT_UNSIGNED : SNNQ_FORMAT_SIGNED);
	l->out.planes = (uint8_t)between(m, 2, 6);
	random_bound(m, &l->out);
	random_bias(m, l);
}

static void neuron_stage(struct maker *m, struct snnq_layer *l)
{
	if (chance(m, 75))
		random_neuron(m, l);
	else
		random_requant(m, l);
}

static uint16_t out_size(uint32_t in, uint32_t kernel, uint32_t stride, uint32_t pad,
			 uint32_t dilation)
{
	return (uint16_t)((in + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1);
}

/* A window that fits; padding only where a window always keeps a position inside. */
static void random_window(struct maker *m, struct snnq_layer *l)
{
	struct snnq_geometry *g = &l->geometry;

	g->kernel_h = (uint16_t)between(m, 1, l->in[0].height < 3 ? l->in[0].height : 3u);
	g->kernel_w = (uint16_t)between(m, 1, l->in[0].width < 3 ? l->in[0].width : 3u);
	g->stride_h = (uint8_t)between(m, 1, 3);
	g->stride_w = (uint8_t)between(m, 1, 3);
	g->dilation_h = 1;
	g->dilation_w = (uint8_t)(g->kernel_w > 1 && l->in[0].width > 4 ? between(m, 1, 2) : 1);
	g->pad_h = (uint16_t)between(m, 0, g->kernel_h - 1u);
	g->pad_w = (uint16_t)between(m, 0, g->kernel_w - 1u);
	g->groups = 1;
	l->out.height =
		out_size(l->in[0].height, g->kernel_h, g->stride_h, g->pad_h, g->dilation_h);
	l->out.width = out_size(l->in[0].width, g->kernel_w, g->stride_w, g->pad_w, g->dilation_w);
}

static void random_scheme(struct maker *m, struct snnq_layer *l)
{
	uint8_t scheme = (uint8_t)between(m, SNNQ_SCHEME_UNIFORM, SNNQ_SCHEME_TERNARY);
	uint32_t bits = between(m, 1, 8);

	while (!snnq_scheme_ok(&snnq_caps_all, scheme, bits))
		bits = between(m, 1, 8);
	set_weights(m->p, l, scheme, (uint8_t)bits);
}

static uint32_t random_divisor(struct maker *m, uint32_t n)
{
	uint32_t d = between(m, 1, n);

	while (n % d)
		d--;
	return d;
}

static void make_conv(struct maker *m, struct snnq_layer *l)
{
	uint32_t c = l->in[0].channels;

	random_window(m, l);
	l->out.channels = random_width(m, MOST_CHANNELS);
	if (chance(m, 25)) { /* depthwise, with or without a multiplier */
		l->geometry.groups = c;
		l->out.channels = c <= 50 && chance(m, 50) ? 2 * c : c;
	} else if (chance(m, 40)) { /* rows of groups with and without padding */
		l->geometry.groups = random_divisor(m, c);
		l->out.channels = l->geometry.groups * between(m, 1, 200 / l->geometry.groups);
	}
	random_scheme(m, l);
	neuron_stage(m, l);
}

static void make_linear(struct maker *m, struct snnq_layer *l)
{
	l->out.height = l->in[0].height;
	l->out.width = l->in[0].width;
	l->out.channels = random_width(m, MOST_CHANNELS);
	random_scheme(m, l);
	neuron_stage(m, l);
}

static void make_pool(struct maker *m, struct snnq_layer *l)
{
	random_window(m, l);
	l->out.channels = l->in[0].channels;
	if (l->op == SNNQ_OP_POOL_SUM) {
		l->param = between(m, 1, 3);
		neuron_stage(m, l);
		return;
	}
	l->geometry.pad_h = 0; /* out sizes below follow */
	l->geometry.pad_w = 0;
	l->out.height = out_size(l->in[0].height, l->geometry.kernel_h, l->geometry.stride_h, 0, 1);
	l->out.width = out_size(l->in[0].width, l->geometry.kernel_w, l->geometry.stride_w, 0,
				l->geometry.dilation_w);
	l->out.format = l->in[0].format;
	l->out.planes = l->in[0].planes;
	l->out.bound = l->in[0].bound;
}

static void make_add(struct maker *m, struct snnq_layer *l)
{
	struct snnq_tensor other = l->in[0];

	other.format = (uint8_t)between(m, SNNQ_FORMAT_UNSIGNED, SNNQ_FORMAT_SIGNED);
	other.planes = (uint8_t)between(m, 2, 4);
	other.bound = 0;
	random_bound(m, &other);
	l->in[1] = in_region(m->p, other, SNNQ_ROLE_INPUT);
	l->out = other;
	l->out.format = (uint8_t)between(m, SNNQ_FORMAT_UNSIGNED, SNNQ_FORMAT_SIGNED);
	l->out.planes = (uint8_t)between(m, 2, 4);
	l->out.bound = 0;
	random_bound(m, &l->out);
}

static void make_attention(struct maker *m, struct snnq_layer *l)
{
	uint32_t heads = between(m, 1, 4);

	l->param = l->in[0].channels % heads ? 1 : heads;
	l->mode = between(m, SNNQ_ATTENTION_QK_FIRST, SNNQ_ATTENTION_KV_FIRST);
	l->in[1] = in_region(m->p, l->in[0], SNNQ_ROLE_INPUT);
	l->in[2] = in_region(m->p, l->in[0], SNNQ_ROLE_INPUT);
	l->out = l->in[0];
	neuron_stage(m, l);
}

static uint16_t pick_op(struct maker *m)
{
	static const uint16_t ops[] = {
		SNNQ_OP_CONV2D,	  SNNQ_OP_CONV2D,      SNNQ_OP_LINEAR,	  SNNQ_OP_POOL_MAX,
		SNNQ_OP_POOL_SUM, SNNQ_OP_ELEMENTWISE, SNNQ_OP_ATTENTION,
	};
	uint16_t op = ops[between(m, 0, 6)];
	bool spikes = m->at.planes == 1 && m->at.format == SNNQ_FORMAT_UNSIGNED;

	return op == SNNQ_OP_ATTENTION && !spikes ? SNNQ_OP_LINEAR : op;
}

static void make_layer(struct maker *m)
{
	struct snnq_layer *l = add_layer(m->p, pick_op(m)), *copy;

	l->in[0] = m->at;
	switch (l->op) {
	case SNNQ_OP_CONV2D:
		make_conv(m, l);
		break;
	case SNNQ_OP_LINEAR:
		make_linear(m, l);
		break;
	case SNNQ_OP_ELEMENTWISE:
		make_add(m, l);
		break;
	case SNNQ_OP_ATTENTION:
		make_attention(m, l);
		break;
	default:
		make_pool(m, l);
	}
	l->out = in_scratch(m->p, l->out);
	place_state(m->p, l);
	m->at = l->out;

	copy = add_layer(m->p, SNNQ_OP_POOL_MAX);
	copy->in[0] = m->at;
	copy->out = in_region(m->p, m->at, SNNQ_ROLE_OUTPUT);
	copy->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
}

static void make_first(struct maker *m)
{
	struct snnq_tensor t = make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED,
					   (uint8_t)(chance(m, 50) ? 1 : between(m, 2, 5)),
					   (uint16_t)between(m, 1, 7), (uint16_t)between(m, 1, 7),
					   random_width(m, MOST_CHANNELS));
	struct snnq_layer *l;

	if (chance(m, 10)) { /* tokens: more than a word of them, few channels */
		t.height = 1;
		t.width = (uint16_t)between(m, 60, 140);
		t.channels = between(m, 1, 24);
	}
	random_bound(m, &t);
	if (chance(m, 60)) {
		m->at = in_region(m->p, t, SNNQ_ROLE_INPUT);
		return;
	}
	l = add_layer(m->p, SNNQ_OP_EVENTS);
	l->in[0] = t;
	l->in[0].format = SNNQ_FORMAT_EVENTS;
	l->in[0].planes = 0;
	l->in[0].bound = 0;
	l->in[0].region = add_region(m->p, SNNQ_ROLE_EVENTS, 8 * between(m, 1, 400));
	l->out = in_scratch(m->p, t);
	m->at = l->out;
}

static void make_readout(struct maker *m)
{
	struct snnq_layer *l = add_layer(m->p, SNNQ_OP_READOUT);

	l->param = between(m, SNNQ_READOUT_SUM, SNNQ_READOUT_LAST);
	l->in[0] = m->at;
	l->out = in_region(m->p, make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 1, 1, m->at.channels),
			   SNNQ_ROLE_READOUT);
	place_state(m->p, l);
}

void random_program(struct program *p, uint64_t seed)
{
	struct maker m = { .p = p, .seed = seed };
	uint32_t layers;

	program_init(p, 32, between(&m, 1, 9));
	p->h.layer_bytes += 8 * between(&m, 0, 2);
	p->h.region_bytes += 8 * between(&m, 0, 2);
	make_first(&m);
	for (layers = between(&m, 1, 4); layers; layers--)
		make_layer(&m);
	make_readout(&m);
}
