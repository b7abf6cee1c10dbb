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

/* A table in place of a parameter of the leak. */
static uint32_t leak_table(struct maker *m, uint8_t kind, uint32_t count)
{
	return random_table(m, count, kind == SNNQ_LEAK_DIVN ? 1 : 0, 3000);
}

static void any_tables(struct maker *m, struct snnq_layer *l)
{
	struct snnq_neuron *n = &l->neuron;
	uint32_t count = l->out.channels;

	if (n->leak != SNNQ_LEAK_NONE && chance(m, 50)) {
		n->leak_param = 0;
		n->leak_index = leak_table(m, n->leak, count);
		n->leak_count = count;
	}
	if (n->model == SNNQ_NEURON_CUBA && n->current_leak != SNNQ_LEAK_NONE && chance(m, 50)) {
		n->current_leak_param = 0;
		n->current_leak_index = leak_table(m, n->current_leak, count);
		n->current_leak_count = count;
	}
	if (n->delay && chance(m, 50)) {
		n->delay_index = random_table(m, count, 0, n->delay + 1u);
		n->delay_count = count;
	}
	if (n->leak_count || n->current_leak_count || n->delay_count)
		m->p->h.needs |= SNNQ_PROGRAM_NEEDS_TABLES;
}

/* Neurons of the less usual kinds. */
static void any_neuron(struct maker *m, struct snnq_layer *l)
{
	struct snnq_neuron *n = &l->neuron;

	any_tables(m, l);
	if (chance(m, 50)) {
		n->levels = (uint16_t)between(m, 2, 7);
		n->tie = (uint8_t)(n->flags & SNNQ_NEURON_FLAG_STICKY ? 0 : between(m, 0, 1));
		n->flags |= chance(m, 50) ? SNNQ_NEURON_FLAG_HALF_LEVELS : 0;
		n->output = SNNQ_OUTPUT_COUNTS;
		l->out.planes = 3;
		m->p->h.needs |= SNNQ_PROGRAM_NEEDS_LEVELS;
	} else if (chance(m, 50)) {
		n->output = (uint8_t)between(m, SNNQ_OUTPUT_POTENTIAL, SNNQ_OUTPUT_GRADED);
		n->requant_shift = (uint8_t)between(m, 0, 3);
		l->out.format = SNNQ_FORMAT_SIGNED;
		l->out.planes = 5;
		m->p->h.needs |= SNNQ_PROGRAM_NEEDS_POTENTIALS;
	}
	if (chance(m, 50))
		return;
	m->p->h.needs |= SNNQ_PROGRAM_NEEDS_RESETS;
	n->flags |= SNNQ_NEURON_FLAG_CLAMP_LOW;
	n->low = (int32_t)between(m, 0, 9) - 8;
	n->flags |= n->reset == SNNQ_RESET_SOFT ? SNNQ_NEURON_FLAG_DELAYED_RESET : 0;
	n->reset_period = between(m, 0, 4);
	n->reset_offset = n->reset_period ? random_below(&m->seed, n->reset_period) : 0;
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
	l->out.bound = 0;
	random_bias(m, l);
	if (chance(m, 30))
		any_neuron(m, l);
}

/* Now and then counts have a bound below what their planes hold. */
static void random_bound(struct maker *m, struct snnq_tensor *t)
{
	if (t->format != SNNQ_FORMAT_UNSIGNED || t->planes < 2 || chance(m, 50))
		return;
	t->bound = between(m, 1, (1u << t->planes) - 1);
	m->p->h.needs |= SNNQ_PROGRAM_NEEDS_BOUNDS;
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
	l->out.bound = 0;
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

static uint16_t out_size(uint32_t in, uint32_t kernel, uint32_t stride, uint32_t padding,
			 uint32_t dilation)
{
	return (uint16_t)((in + padding - dilation * (kernel - 1) - 1) / stride + 1);
}

/* What the far side has more of padding than the near one has, which is @pad. */
static int16_t random_more(struct maker *m, uint32_t pad, uint32_t kernel)
{
	int32_t far = chance(m, 30) ? (int32_t)between(m, 0, kernel - 1) : (int32_t)pad;

	if (far != (int32_t)pad)
		m->p->h.needs |= SNNQ_PROGRAM_NEEDS_PADDING;
	return (int16_t)(far - (int32_t)pad);
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
	g->more_h = random_more(m, g->pad_h, g->kernel_h);
	g->more_w = random_more(m, g->pad_w, g->kernel_w);
	g->groups = 1;
	l->out.height = out_size(l->in[0].height, g->kernel_h, g->stride_h,
				 (uint32_t)(2 * g->pad_h + g->more_h), g->dilation_h);
	l->out.width = out_size(l->in[0].width, g->kernel_w, g->stride_w,
				(uint32_t)(2 * g->pad_w + g->more_w), g->dilation_w);
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
	l->geometry.pad_h = l->geometry.pad_w = 0; /* out sizes below follow */
	l->geometry.more_h = l->geometry.more_w = 0;
	l->out.height = out_size(l->in[0].height, l->geometry.kernel_h, l->geometry.stride_h, 0, 1);
	l->out.width = out_size(l->in[0].width, l->geometry.kernel_w, l->geometry.stride_w, 0,
				l->geometry.dilation_w);
	l->out.format = l->in[0].format;
	l->out.planes = l->in[0].planes;
	l->out.bound = l->in[0].bound;
}

/* What is made after an operand that is a view. */
static void clear_view(struct snnq_tensor *t)
{
	t->flags = t->whole_height = t->whole_width = t->first_y = t->first_x = 0;
	t->whole_channels = t->first_channel = 0;
}

static void make_add(struct maker *m, struct snnq_layer *l)
{
	struct snnq_tensor other = l->in[0];

	clear_view(&other);

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

static struct snnq_scale random_scale(struct maker *m, uint32_t channels, uint32_t least)
{
	struct snnq_scale s = { .shift = between(m, 0, 5) };

	if (chance(m, 70)) {
		s.mult_count = chance(m, 50) ? 1 : channels;
		s.mult_index = random_table(m, s.mult_count, least, 12);
	}
	if (s.shift || s.mult_count)
		m->p->h.needs |= SNNQ_PROGRAM_NEEDS_SCALES;
	return s;
}

/* Two operands, one of them maybe repeated, scaled, and what becomes of them. */
static void make_elementwise(struct maker *m, struct snnq_layer *l)
{
	struct snnq_tensor other = l->in[0];
	bool spikes = other.format == SNNQ_FORMAT_UNSIGNED && other.planes == 1;

	clear_view(&other);
	l->out = other;
	l->mode = between(m, SNNQ_ELEMENTWISE_ADD, SNNQ_ELEMENTWISE_MULTIPLY);
	if (!spikes && l->mode != SNNQ_ELEMENTWISE_MULTIPLY)
		l->mode = SNNQ_ELEMENTWISE_ADD;
	if (chance(m, 20))
		other.height = other.width = 1;
	if (chance(m, 20))
		other.channels = 1;
	l->in[1] = in_region(m->p, other, SNNQ_ROLE_INPUT);
	if (l->mode == SNNQ_ELEMENTWISE_ADD || l->mode == SNNQ_ELEMENTWISE_MULTIPLY) {
		l->scale[0] = random_scale(m, l->in[0].channels, (uint32_t)-5);
		l->scale[1] = random_scale(m, other.channels, (uint32_t)-5);
	}
	if (!spikes || chance(m, 60))
		neuron_stage(m, l);
}

/* A layer of accumulators, and the largest of them in windows to neurons. */
static void make_integer_pool(struct maker *m, struct snnq_layer *l)
{
	struct snnq_layer *sums = l;

	make_elementwise(m, sums);
	memset(&sums->neuron, 0, sizeof(sums->neuron));
	sums->flags = 0;
	sums->out = make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, sums->in[0].height, sums->in[0].width,
				sums->in[0].channels);
	sums->out.bound = between(m, 1, 2000);
	m->p->h.needs |= SNNQ_PROGRAM_NEEDS_BOUNDS;
	sums->out = in_scratch(m->p, sums->out);
	l = add_layer(m->p, SNNQ_OP_POOL_MAX);
	l->in[0] = sums->out;
	random_window(m, l);
	l->geometry.pad_h = l->geometry.pad_w = 0;
	l->geometry.more_h = l->geometry.more_w = 0;
	l->out.height = out_size(l->in[0].height, l->geometry.kernel_h, l->geometry.stride_h, 0, 1);
	l->out.width = out_size(l->in[0].width, l->geometry.kernel_w, l->geometry.stride_w, 0,
				l->geometry.dilation_w);
	l->out.channels = l->in[0].channels;
	l->scale[0] = random_scale(m, l->out.channels, 0);
	neuron_stage(m, l);
}

static void make_reduce(struct maker *m, struct snnq_layer *l)
{
	l->axes = between(m, 1, 7);
	l->mode = between(m, SNNQ_REDUCE_SUM, SNNQ_REDUCE_MAX);
	l->out = l->in[0];
	if (l->axes & SNNQ_AXIS_HEIGHT)
		l->out.height = 1;
	if (l->axes & SNNQ_AXIS_WIDTH)
		l->out.width = 1;
	if (l->axes & SNNQ_AXIS_CHANNELS)
		l->out.channels = l->geometry.groups = random_divisor(m, l->in[0].channels);
	if (l->mode == SNNQ_REDUCE_OR &&
	    (l->in[0].format != SNNQ_FORMAT_UNSIGNED || l->in[0].planes > 1))
		l->mode = SNNQ_REDUCE_MAX;
	if (l->mode == SNNQ_REDUCE_SUM)
		neuron_stage(m, l);
}

static void random_planes(struct maker *m, struct snnq_tensor *t)
{
	t->format = (uint8_t)between(m, SNNQ_FORMAT_UNSIGNED, SNNQ_FORMAT_SIGNED);
	t->planes = (uint8_t)between(m, 2, 5);
	t->bound = 0;
	random_bound(m, t);
}

static void make_concat(struct maker *m, struct snnq_layer *l)
{
	uint32_t axis = between(m, 0, 2), count = between(m, 2, 4), k;

	l->axes = 1u << axis;
	l->out = l->in[0];
	for (k = 0; k < count; k++) {
		struct snnq_tensor t = l->in[0];

		clear_view(&t);
		if (k) {
			random_planes(m, &t);
			if (axis == 2)
				t.channels = between(m, 1, 70);
			else
				*(axis ? &t.width : &t.height) = (uint16_t)between(m, 1, 3);
			l->in[k] = in_region(m->p, t, SNNQ_ROLE_INPUT);
			l->out.channels += axis == 2 ? t.channels : 0;
			l->out.width = (uint16_t)(l->out.width + (axis == 1 ? t.width : 0));
			l->out.height = (uint16_t)(l->out.height + (axis == 0 ? t.height : 0));
		}
		l->scale[k] = random_scale(m, t.channels, (uint32_t)-5);
	}
	random_planes(m, &l->out);
}

static void make_copy(struct maker *m, struct snnq_layer *l)
{
	const struct snnq_tensor *t = &l->in[0];
	uint32_t dims[3] = { t->height, t->width, t->channels };

	l->mode = between(m, SNNQ_COPY_HWC, SNNQ_COPY_WHC);
	if (t->height * t->width <= MOST_CHANNELS && t->channels <= 7)
		l->mode = between(m, SNNQ_COPY_HWC, SNNQ_COPY_CWH);
	l->out = *t;
	l->out.height = (uint16_t)dims[snnq_copy_axes[l->mode][0]];
	l->out.width = (uint16_t)dims[snnq_copy_axes[l->mode][1]];
	l->out.channels = dims[snnq_copy_axes[l->mode][2]];
	l->scale[0] = random_scale(m, t->channels, (uint32_t)-5);
	random_planes(m, &l->out);
}

static void make_upsample(struct maker *m, struct snnq_layer *l)
{
	l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	l->out = l->in[0];
	if (l->out.height > 10 || l->out.width > 10)
		return;
	l->geometry.stride_h = (uint8_t)between(m, 1, 2);
	l->geometry.stride_w = (uint8_t)between(m, 1, 3);
	l->out.height = (uint16_t)(l->out.height * l->geometry.stride_h);
	l->out.width = (uint16_t)(l->out.width * l->geometry.stride_w);
}

/* What it reads becomes a box of it, or the same in another shape. */
static void random_view(struct maker *m, struct snnq_tensor *t)
{
	uint32_t positions = (uint32_t)t->height * t->width;

	t->whole_height = t->height;
	t->whole_width = t->width;
	t->whole_channels = t->channels;
	m->p->h.needs |= SNNQ_PROGRAM_NEEDS_VIEWS;
	if (chance(m, 30)) {
		t->flags = SNNQ_TENSOR_FLAG_RESHAPE;
		t->height = 1;
		t->width = (uint16_t)positions;
		if (t->channels % 2 == 0 && chance(m, 50)) {
			t->height = 2;
			t->channels /= 2;
		}
		return;
	}
	t->flags = SNNQ_TENSOR_FLAG_SLICE;
	t->first_y = (uint16_t)random_below(&m->seed, t->height);
	t->first_x = (uint16_t)random_below(&m->seed, t->width);
	t->first_channel = random_below(&m->seed, t->channels);
	t->height = (uint16_t)between(m, 1, (uint32_t)t->height - t->first_y);
	t->width = (uint16_t)between(m, 1, (uint32_t)t->width - t->first_x);
	t->channels = between(m, 1, t->channels - t->first_channel);
}

static void make_attention(struct maker *m, struct snnq_layer *l)
{
	struct snnq_tensor plain = l->in[0];
	uint32_t heads = between(m, 1, 4);

	clear_view(&plain);
	l->param = plain.channels % heads ? 1 : heads;
	l->mode = between(m, SNNQ_ATTENTION_QK_FIRST, SNNQ_ATTENTION_CHANNEL);
	l->in[1] = in_region(m->p, plain, SNNQ_ROLE_INPUT);
	if (l->mode != SNNQ_ATTENTION_TOKEN)
		l->in[2] = in_region(m->p, plain, SNNQ_ROLE_INPUT);
	l->out = plain;
	if (l->mode >= SNNQ_ATTENTION_TOKEN)
		return;
	if (chance(m, 40)) { /* counts, and values of another width */
		struct snnq_tensor other = plain;

		other.planes = (uint8_t)between(m, 1, 3);
		l->in[1] = in_region(m->p, other, SNNQ_ROLE_INPUT);
		other.planes = (uint8_t)between(m, 1, 3);
		other.channels = l->param * between(m, 1, 20);
		l->in[2] = in_region(m->p, other, SNNQ_ROLE_INPUT);
		l->out = other;
	}
	neuron_stage(m, l);
}

/* Products with one or two others, of any order and transposed. */
static void make_matmul(struct maker *m, struct snnq_layer *l)
{
	uint32_t last = between(m, 1, 2), heads = between(m, 1, 4), inner, k;
	const struct snnq_tensor *t = &l->in[0];
	uint32_t rows = (uint32_t)t->height * t->width;

	l->param = t->channels % heads ? 1 : heads;
	l->mode = between(m, 0, last == 2 ? 15 : 3);
	inner = t->channels / l->param;
	if (l->mode & SNNQ_MATMUL_TRANSPOSE_0) {
		inner = rows;
		rows = t->channels / l->param;
	}
	for (k = 1; k <= last; k++) {
		bool turned = l->mode & SNNQ_MATMUL_TRANSPOSE_0 << k;
		uint32_t columns = between(m, 1, 20);
		struct snnq_tensor other = make_tensor(0, 0, SNNQ_FORMAT_SIGNED,
						       (uint8_t)between(m, 2, 4), 1,
						       (uint16_t)(turned ? columns : inner),
						       l->param * (turned ? inner : columns));

		if (chance(m, 50))
			other.format = SNNQ_FORMAT_UNSIGNED;
		l->in[k] = in_region(m->p, other, SNNQ_ROLE_INPUT);
		inner = columns;
	}
	l->out = make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 1, 1, (uint16_t)rows, l->param * inner);
	neuron_stage(m, l);
}

static uint16_t pick_op(struct maker *m)
{
	static const uint16_t ops[] = {
		SNNQ_OP_CONV2D,	     SNNQ_OP_CONV2D,	SNNQ_OP_LINEAR,	   SNNQ_OP_LINEAR,
		SNNQ_OP_POOL_MAX,    SNNQ_OP_POOL_MAX,	SNNQ_OP_POOL_SUM,  SNNQ_OP_ELEMENTWISE,
		SNNQ_OP_ELEMENTWISE, SNNQ_OP_ATTENTION, SNNQ_OP_ATTENTION, SNNQ_OP_CONCAT,
		SNNQ_OP_COPY,	     SNNQ_OP_UPSAMPLE,	SNNQ_OP_REDUCE,	   SNNQ_OP_MATMUL,
	};
	uint16_t op = ops[random_below(&m->seed, sizeof(ops) / sizeof(ops[0]))];
	bool spikes = m->at.planes == 1 && m->at.format == SNNQ_FORMAT_UNSIGNED;

	return op == SNNQ_OP_ATTENTION && !spikes ? SNNQ_OP_LINEAR : op;
}

static void make_pool_of(struct maker *m, struct snnq_layer *l)
{
	if (l->op == SNNQ_OP_POOL_MAX && chance(m, 40)) {
		l->op = SNNQ_OP_ELEMENTWISE;
		make_integer_pool(m, l);
	} else {
		make_pool(m, l);
	}
}

/* The layer runs some times a step; a sum or product may be one with what it was before. */
static void make_loop(struct maker *m, struct snnq_layer *l)
{
	l->loop = (uint16_t)(l - m->p->layers + 1);
	l->loop_count = (uint16_t)between(m, 1, 3);
	m->p->h.needs |= SNNQ_PROGRAM_NEEDS_LOOPS;
	if (l->op != SNNQ_OP_ELEMENTWISE || l->mode != SNNQ_ELEMENTWISE_ADD ||
	    (l->in[1].channels == 1) != (l->out.channels == 1))
		return;
	l->in[1] = l->out;
	l->in[1].flags = SNNQ_TENSOR_FLAG_PREVIOUS;
	m->p->h.needs |= SNNQ_PROGRAM_NEEDS_PREVIOUS;
}

static void make_layer(struct maker *m)
{
	struct snnq_layer *l = add_layer(m->p, pick_op(m)), *copy;

	l->in[0] = m->at;
	if (chance(m, 15))
		random_view(m, &l->in[0]);
	switch (l->op) {
	case SNNQ_OP_CONV2D:
		make_conv(m, l);
		break;
	case SNNQ_OP_LINEAR:
		make_linear(m, l);
		break;
	case SNNQ_OP_ELEMENTWISE:
		if (chance(m, 50))
			make_add(m, l);
		else
			make_elementwise(m, l);
		break;
	case SNNQ_OP_ATTENTION:
		make_attention(m, l);
		break;
	case SNNQ_OP_MATMUL:
		make_matmul(m, l);
		break;
	case SNNQ_OP_CONCAT:
		make_concat(m, l);
		break;
	case SNNQ_OP_COPY:
		make_copy(m, l);
		break;
	case SNNQ_OP_UPSAMPLE:
		make_upsample(m, l);
		break;
	case SNNQ_OP_REDUCE:
		make_reduce(m, l);
		break;
	default:
		make_pool_of(m, l);
	}
	l = &m->p->layers[m->p->h.layer_count - 1]; /* it may be two */
	clear_view(&l->out);
	l->out = in_scratch(m->p, l->out);
	if (chance(m, 20))
		make_loop(m, l);
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

	uint32_t channels = m->at.channels;

	l->param = between(m, SNNQ_READOUT_SUM, SNNQ_READOUT_VOTE);
	if (l->param == SNNQ_READOUT_VOTE && channels % 3 == 0)
		channels /= 3;
	l->in[0] = m->at;
	l->out = in_region(m->p, make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 1, 1, channels),
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
