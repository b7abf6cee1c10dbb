// SPDX-License-Identifier: MIT
/*
 * test_engine.c - each operation on cases small enough to compute by hand, with
 * every kernel; counters; how jobs end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

#define ELEMENTS 64

/* One layer between input regions and an output region, one step. */
struct bench {
	struct program p;
	struct snnq_layer *l;
	int32_t in[3][ELEMENTS];
	int32_t out[ELEMENTS];
	uint8_t weights[64];
	struct snnq_layer_stats stats;
};

static struct snnq_tensor unsigned_tensor(uint8_t planes, uint16_t h, uint16_t w, uint32_t c)
{
	return make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, planes, h, w, c);
}

static struct snnq_tensor signed_tensor(uint8_t planes, uint16_t h, uint16_t w, uint32_t c)
{
	return make_tensor(0, 0, SNNQ_FORMAT_SIGNED, planes, h, w, c);
}

static struct snnq_tensor int32_tensor(uint16_t h, uint16_t w, uint32_t c)
{
	return make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, h, w, c);
}

static void bench_init(struct bench *b, uint16_t op, struct snnq_tensor in, struct snnq_tensor out)
{
	memset(b, 0, sizeof(*b));
	program_init(&b->p, 16, 4);
	b->l = add_layer(&b->p, op);
	b->l->in[0] = in_region(&b->p, in, SNNQ_ROLE_INPUT);
	b->l->out =
		in_region(&b->p, out, op == SNNQ_OP_READOUT ? SNNQ_ROLE_READOUT : SNNQ_ROLE_OUTPUT);
}

static void window(struct bench *b, struct snnq_geometry g)
{
	b->l->geometry = g;
}

/* Element i in row-major order. */
static void coordinates(const struct snnq_tensor *t, uint32_t i, uint32_t *y, uint32_t *x,
			uint32_t *c)
{
	*c = i % t->channels;
	*x = i / t->channels % t->width;
	*y = i / t->channels / t->width;
}

static void put(const struct snnq_tensor *t, void *data, const int32_t *values)
{
	uint32_t i, y, x, c;

	for (i = 0; i < snnq_tensor_elements(t); i++) {
		coordinates(t, i, &y, &x, &c);
		set_element(t, data, y, x, c, values[i]);
	}
}

static void get(const struct snnq_tensor *t, const void *data, int32_t *values)
{
	uint32_t i, y, x, c;

	for (i = 0; i < snnq_tensor_elements(t); i++) {
		coordinates(t, i, &y, &x, &c);
		values[i] = get_element(t, data, y, x, c);
	}
}

/* Pad bits of inputs are set: they must not matter. */
static void bench_run(struct bench *b, enum snnq_kernel_choice kernel)
{
	struct snnq_plan *plan = make_plan(&b->p);
	struct snnq_outcome outcome;
	struct snnq_run run;
	struct memory m;
	uint32_t k;

	snnq_plan_force_kernel(plan, kernel);
	memory_init(&m, snnq_plan_info(plan), 1);
	for (k = 0; k < 3; k++) {
		const struct snnq_tensor *t = &b->l->in[k];

		if (t->format == SNNQ_FORMAT_NONE)
			continue;
		memset(m.bytes[t->region], 0xff, m.size[t->region]);
		put(t, m.bytes[t->region], b->in[k]);
	}
	if (b->l->quant.scheme)
		memcpy(m.bytes[b->l->quant.region], b->weights, m.size[b->l->quant.region]);
	run_init(&run, &m, 1);
	run.stats = &b->stats;
	snnq_plan_run(plan, &run, &outcome);
	assert_int_equal(outcome.status, SNNQ_STATUS_OK);
	get(&b->l->out, m.bytes[b->l->out.region], b->out);
	memory_free(&m);
	snnq_plan_destroy(plan);
}

static void expect(struct bench *b, uint64_t n, const int32_t *values)
{
	enum snnq_kernel_choice k;

	assert_int_equal(n, snnq_tensor_elements(&b->l->out));
	for (k = SNNQ_KERNEL_AUTO; k < SNNQ_KERNEL_CHOICES; k++) {
		bench_run(b, k);
		assert_memory_equal(b->out, values, n * sizeof(*values));
	}
}

#define EXPECT(b, ...)                                                  \
	do {                                                            \
		const int32_t values_[] = { __VA_ARGS__ };              \
		expect(b, sizeof(values_) / sizeof(*values_), values_); \
	} while (0)

#define INPUT(b, k, ...)                                      \
	do {                                                  \
		const int32_t values_[] = { __VA_ARGS__ };    \
		memcpy((b)->in[k], values_, sizeof(values_)); \
	} while (0)

/* Weights 1, 2, -3 along x; inputs 1 0 1. */
static void conv_row(struct bench *b, struct snnq_geometry g, uint16_t width)
{
	static const int32_t levels[] = { 1, 2, -3 };
	uint32_t i;

	bench_init(b, SNNQ_OP_CONV2D, unsigned_tensor(1, 1, 3, 1), int32_tensor(1, width, 1));
	window(b, g);
	set_weights(&b->p, b->l, SNNQ_SCHEME_UNIFORM, 3);
	for (i = 0; i < 3; i++)
		b->weights[i] = (uint8_t)levels[i] & 7;
	INPUT(b, 0, 1, 0, 1);
}

static void conv2d(void **context)
{
	struct bench b;

	(void)context;
	conv_row(&b, (struct snnq_geometry){ 1, 3, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0 }, 3);
	EXPECT(&b, 2, -2, 2); /* no kernel flip */
	/* windows that hold input 0: 2, input 2: 2 */
	assert_int_equal(b.stats.input_spikes, 2);
	assert_int_equal(b.stats.input_possible, 3);
	assert_int_equal(b.stats.synops, 4);
	assert_int_equal(b.stats.neuron_updates, 0);
	assert_int_equal(b.stats.output_spikes, 3);
	assert_int_equal(b.stats.weight_bytes, 3);
	conv_row(&b, (struct snnq_geometry){ 1, 3, 1, 2, 0, 1, 1, 1, 1, 0, 0, 0 }, 2);
	EXPECT(&b, 2, 2);
	assert_int_equal(b.stats.synops, 2);
	conv_row(&b, (struct snnq_geometry){ 1, 3, 1, 1, 0, 2, 1, 2, 1, 0, 0, 0 }, 3);
	EXPECT(&b, -1, 0, 3);
	assert_int_equal(b.stats.synops, 4);
	conv_row(&b, (struct snnq_geometry){ 1, 3, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 }, 1);
	EXPECT(&b, -2);
}

static void conv2d_groups(void **context)
{
	struct bench b;

	(void)context;
	/* Two groups of one input and two outputs; weights 1, -1 and -1, -1. */
	bench_init(&b, SNNQ_OP_CONV2D, unsigned_tensor(2, 1, 1, 2), int32_tensor(1, 1, 4));
	window(&b, (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 2, 0, 0, 0 });
	set_weights(&b.p, b.l, SNNQ_SCHEME_ODD, 1);
	b.weights[0] = 2;
	b.weights[1] = 3;
	INPUT(&b, 0, 3, 2);
	EXPECT(&b, 3, -3, -2, -2);
	assert_int_equal(b.stats.input_spikes, 3);
	assert_int_equal(b.stats.input_possible, 4);
	assert_int_equal(b.stats.synops, 6);
	/* Depthwise: weights 3, -4 of UNIFORM 3 bits. */
	bench_init(&b, SNNQ_OP_CONV2D, unsigned_tensor(2, 1, 1, 2), int32_tensor(1, 1, 2));
	window(&b, (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 2, 0, 0, 0 });
	set_weights(&b.p, b.l, SNNQ_SCHEME_UNIFORM, 3);
	b.weights[0] = 3;
	b.weights[1] = 4;
	INPUT(&b, 0, 3, 2);
	EXPECT(&b, 9, -8);
}

static void linear(void **context)
{
	struct bench b;

	(void)context;
	/* PoT 3 bits: codes 1 2 3 | 4: +1 +2 +4 | negated. Rows 2 -4, 0 1. */
	bench_init(&b, SNNQ_OP_LINEAR, signed_tensor(2, 2, 1, 2), int32_tensor(2, 1, 2));
	set_weights(&b.p, b.l, SNNQ_SCHEME_POT, 3);
	b.weights[0] = 2 | 7 << 3;
	b.weights[1] = 0 | 1 << 3;
	INPUT(&b, 0, -2, 1, 1, -1);
	EXPECT(&b, -4, 9, 2, -5);
	assert_int_equal(b.stats.input_spikes, 5); /* 10 01, 01 11 */
	assert_int_equal(b.stats.synops, 10);
}

static void requantize(void **context)
{
	static const int32_t mult[] = { 3, -3 }, bias[] = { 1, 0 };
	struct bench b;

	(void)context;
	bench_init(&b, SNNQ_OP_POOL_SUM, signed_tensor(4, 1, 3, 2), signed_tensor(3, 1, 3, 2));
	window(&b, (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 });
	b.l->param = 1;
	b.l->neuron.requant_shift = 1;
	b.l->neuron.mult_index = add_table(&b.p, 2, mult);
	b.l->neuron.mult_count = 2;
	b.l->neuron.bias_index = add_table(&b.p, 2, bias);
	b.l->neuron.bias_count = 2;
	INPUT(&b, 0, 1, 1, 0, -1, 7, -8);
	/* (3 + 1 + 1) >> 1, (-3 + 1) >> 1; 1, 2; 11 and 12 clamped to 3 */
	EXPECT(&b, 2, -1, 1, 2, 3, 3);
	assert_int_equal(b.stats.saturations, 2);
}

static void pool_sum(void **context)
{
	struct bench b;

	(void)context;
	bench_init(&b, SNNQ_OP_POOL_SUM, unsigned_tensor(2, 2, 3, 1), int32_tensor(1, 2, 1));
	window(&b, (struct snnq_geometry){ 2, 2, 2, 2, 0, 1, 1, 1, 1, 0, 0, 0 });
	b.l->param = 5;
	INPUT(&b, 0, 3, 1, 0, 2, 0, 1);
	EXPECT(&b, 25, 10);
	assert_int_equal(b.stats.input_spikes, 5);
	assert_int_equal(b.stats.synops, 5);
}

static void pool_max(void **context)
{
	struct bench b;

	(void)context;
	bench_init(&b, SNNQ_OP_POOL_MAX, signed_tensor(3, 1, 4, 2), signed_tensor(3, 1, 3, 2));
	window(&b, (struct snnq_geometry){ 1, 2, 1, 2, 0, 1, 1, 1, 1, 0, 0, 0 });
	INPUT(&b, 0, -4, 3, -3, 2, -1, -2, 0, 1);
	EXPECT(&b, -4, 3, -1, 2, 0, 1);
	bench_init(&b, SNNQ_OP_POOL_MAX, unsigned_tensor(2, 1, 2, 2), unsigned_tensor(2, 1, 1, 2));
	window(&b, (struct snnq_geometry){ 1, 2, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 });
	INPUT(&b, 0, 2, 1, 1, 3);
	EXPECT(&b, 2, 3);
}

static void add(void **context)
{
	struct bench b;

	(void)context;
	bench_init(&b, SNNQ_OP_ELEMENTWISE, unsigned_tensor(2, 1, 2, 2),
		   unsigned_tensor(2, 1, 2, 2));
	b.l->in[1] = in_region(&b.p, signed_tensor(3, 1, 2, 2), SNNQ_ROLE_INPUT);
	INPUT(&b, 0, 3, 0, 2, 1);
	INPUT(&b, 1, 1, -1, -4, 2);
	EXPECT(&b, 3, 0, 0, 3);
	assert_int_equal(b.stats.saturations, 3);
	assert_int_equal(b.stats.input_spikes, 4 + 1 + 3 + 1 + 1);
	assert_int_equal(b.stats.synops, b.stats.input_spikes);
	assert_int_equal(b.stats.input_possible, 4 * 2 + 4 * 3);
}

static void attention_case(struct bench *b, uint32_t heads, uint32_t mode)
{
	bench_init(b, SNNQ_OP_ATTENTION, unsigned_tensor(1, 1, 2, 2), int32_tensor(1, 2, 2));
	b->l->in[1] = in_region(&b->p, unsigned_tensor(1, 1, 2, 2), SNNQ_ROLE_INPUT);
	b->l->in[2] = in_region(&b->p, unsigned_tensor(1, 1, 2, 2), SNNQ_ROLE_INPUT);
	b->l->param = heads;
	b->l->mode = mode;
	INPUT(b, 0, 1, 1, 0, 1);
	INPUT(b, 1, 1, 0, 1, 1);
	INPUT(b, 2, 1, 0, 1, 1);
}

static void attention(void **context)
{
	struct bench b;

	(void)context;
	attention_case(&b, 1, SNNQ_ATTENTION_QK_FIRST); /* a = 1 2, 0 1 */
	EXPECT(&b, 3, 2, 1, 1);
	assert_int_equal(b.stats.synops, (1 * 2 + 2 * 1) + 2 * 3);
	assert_int_equal(b.stats.input_spikes, 9);
	assert_int_equal(b.stats.input_possible, 12);
	attention_case(&b, 2, SNNQ_ATTENTION_QK_FIRST); /* a = 1 1, 0 0 and 0 1, 0 1 */
	EXPECT(&b, 2, 1, 0, 1);
	assert_int_equal(b.stats.synops, (1 * 2 + 2 * 1) + 1 * 2 + 2 * 1);
	attention_case(&b, 1, SNNQ_ATTENTION_KV_FIRST);
	EXPECT(&b, 3, 2, 1, 1);
	assert_int_equal(b.stats.synops, 1 * 1 + 2 * 2 + 3 * 2);
	attention_case(&b, 2, SNNQ_ATTENTION_KV_FIRST);
	EXPECT(&b, 2, 1, 0, 1);
	assert_int_equal(b.stats.synops, (1 + 1) + 1 + 3 * 1);
}

static void readout(void **context)
{
	struct bench b;

	(void)context;
	bench_init(&b, SNNQ_OP_READOUT, signed_tensor(2, 2, 1, 2), int32_tensor(1, 1, 2));
	b.l->param = SNNQ_READOUT_LAST;
	INPUT(&b, 0, 1, -2, 1, -1);
	EXPECT(&b, 2, -3);
	b.l->param = SNNQ_READOUT_SUM;
	place_state(&b.p, b.l);
	EXPECT(&b, 2, -3);
	assert_int_equal(b.stats.output_bytes, 8);
	assert_int_equal(b.stats.output_spikes, 2);
	assert_int_equal(b.stats.state_bytes, 32);
}

/* The example of Documentation/cycle-model.md. */
static void cycle_model(void **context)
{
	struct snnq_layer_stats stats;
	struct snnq_outcome outcome;
	struct snnq_plan *plan;
	struct snnq_layer *l;
	struct snnq_run run;
	struct program p;
	struct memory m;
	uint32_t t, c;

	(void)context;
	program_init(&p, 10, 10);
	l = add_layer(&p, SNNQ_OP_LINEAR);
	l->in[0] = in_region(&p, unsigned_tensor(1, 1, 1, 64), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, unsigned_tensor(1, 1, 1, 32), SNNQ_ROLE_OUTPUT);
	set_weights(&p, l, SNNQ_SCHEME_UNIFORM, 4);
	set_lif(&p, l, 1);
	place_state(&p, l);
	plan = make_plan(&p);
	memory_init(&m, snnq_plan_info(plan), 10);
	for (t = 0; t < 10; t++)
		for (c = 0; c < 12; c++)
			set_element(&l->in[0], m.bytes[l->in[0].region] + 8 * t, 0, 0, 5 * c, 1);
	run_init(&run, &m, 10);
	run.stats = &stats;
	snnq_plan_run(plan, &run, &outcome);
	assert_int_equal(outcome.status, SNNQ_STATUS_OK);
	assert_int_equal(stats.synops, 3840);
	assert_int_equal(stats.neuron_updates, 320);
	assert_int_equal(stats.weight_bytes, 1024);
	assert_int_equal(stats.input_bytes, 80);
	assert_int_equal(stats.output_bytes, 80);
	assert_int_equal(stats.state_bytes, 256);
	assert_int_equal(stats.compute_cycles, 140);
	assert_int_equal(stats.memory_cycles, 90);
	assert_int_equal(stats.stall_cycles, 0);
	assert_int_equal(stats.sram_bytes, 36640);
	assert_int_equal(stats.steps, 10);
	assert_int_equal(outcome.cycles, 140);
	memory_free(&m);
	snnq_plan_destroy(plan);
}

/* Event lists: 2x3 positions, 4 channels, 2 planes; 3 steps. */
struct event_case {
	uint64_t list[8];
	uint32_t count; /* of records in the region */
	int bad;	/* index of the record refused, or -1 */
};

static uint64_t event(uint64_t step, uint64_t y, uint64_t x, uint64_t c)
{
	return step << SNNQ_EVENT_STEP_SHIFT | y << SNNQ_EVENT_Y_SHIFT | x << SNNQ_EVENT_X_SHIFT |
	       c;
}

static void event_program(struct program *p, struct snnq_layer **l, uint32_t records)
{
	program_init(p, 3, 2);
	*l = add_layer(p, SNNQ_OP_EVENTS);
	(*l)->in[0] = make_tensor(add_region(p, SNNQ_ROLE_EVENTS, 8 + 8 * records), 8,
				  SNNQ_FORMAT_EVENTS, 0, 2, 3, 4);
	(*l)->out = in_region(p, unsigned_tensor(2, 2, 3, 4), SNNQ_ROLE_OUTPUT);
}

static void run_events(const struct event_case *e, struct snnq_layer_stats *stats, int32_t *out,
		       struct snnq_outcome *outcome)
{
	struct snnq_plan *plan;
	struct snnq_layer *l;
	struct snnq_run run;
	struct program p;
	struct memory m;
	uint32_t t;

	event_program(&p, &l, e->count);
	plan = make_plan(&p);
	memory_init(&m, snnq_plan_info(plan), 3);
	memcpy(m.bytes[l->in[0].region] + 8, e->list, 8 * e->count);
	run_init(&run, &m, 3);
	run.stats = stats;
	snnq_plan_run(plan, &run, outcome);
	for (t = 0; t < 3; t++)
		get(&l->out, m.bytes[l->out.region] + t * snnq_tensor_bytes(&l->out), out + 24 * t);
	memory_free(&m);
	snnq_plan_destroy(plan);
}

static void events_count(void **context)
{
	const struct event_case e = {
		.list = { event(0, 1, 2, 3), event(0, 1, 2, 3), event(0, 1, 2, 3),
			  event(0, 1, 2, 3), event(2, 0, 1, 0), SNNQ_EVENT_END, event(9, 9, 9, 9) },
		.count = 7,
	};
	struct snnq_layer_stats stats;
	struct snnq_outcome outcome;
	int32_t out[72], sum = 0;
	uint32_t i;

	(void)context;
	run_events(&e, &stats, out, &outcome);
	assert_int_equal(outcome.status, SNNQ_STATUS_OK);
	assert_int_equal(out[(1 * 3 + 2) * 4 + 3], 3);
	assert_int_equal(out[48 + 4], 1);
	for (i = 0; i < 72; i++)
		sum += out[i];
	assert_int_equal(sum, 4);
	assert_int_equal(stats.saturations, 1);
	assert_int_equal(stats.input_spikes, 5);
	assert_int_equal(stats.synops, 5);
	assert_int_equal(stats.input_bytes, 48);
	assert_int_equal(stats.input_possible, 72);
	assert_int_equal(stats.output_spikes, 3);
}

static void events_refused(void **context)
{
	const struct event_case cases[] = {
		{ { event(1, 0, 0, 0), event(0, 0, 0, 0) }, 2, 1 },
		{ { event(3, 0, 0, 0) }, 1, 0 },
		{ { event(0, 0, 0, 0), event(0, 2, 0, 0) }, 2, 1 },
		{ { event(0, 0, 0, 0), event(0, 0, 3, 0) }, 2, 1 },
		{ { event(0, 0, 0, 4) }, 1, 0 },
		{ { event(2, 1, 2, 3), event(2, 1, 2, 3), event(1, 0, 0, 0) }, 3, 2 },
		{ { event(0, 1, 2, 3), SNNQ_EVENT_END, event(9, 9, 9, 9) }, 3, -1 },
		{ { event(0, 1, 2, 3), event(2, 1, 2, 3) }, 2, -1 },
	};
	struct snnq_layer_stats stats;
	struct snnq_outcome outcome;
	int32_t out[72];
	uint32_t i;

	(void)context;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run_events(&cases[i], &stats, out, &outcome);
		if (cases[i].bad < 0) {
			assert_int_equal(outcome.status, SNNQ_STATUS_OK);
			continue;
		}
		assert_int_equal(outcome.status, SNNQ_STATUS_BAD_EVENT);
		assert_int_equal(outcome.layer, 0);
		assert_int_equal(outcome.region, SNNQ_REGION_USER);
		assert_int_equal(outcome.offset, 8 + 8 * cases[i].bad);
		assert_int_equal(outcome.steps, 0);
	}
}

/* How jobs end. */

struct ending {
	struct program p;
	struct snnq_plan *plan;
	struct memory m;
	struct snnq_run run;
	struct snnq_outcome outcome;
	uint64_t ticks;
	uint64_t cancel_at;
};

static void ending_init(struct ending *e)
{
	struct snnq_layer *l;

	memset(e, 0, sizeof(*e));
	program_init(&e->p, 10, 4);
	l = add_layer(&e->p, SNNQ_OP_LINEAR);
	l->in[0] = in_region(&e->p, unsigned_tensor(1, 1, 1, 64), SNNQ_ROLE_INPUT);
	l->out = in_region(&e->p, unsigned_tensor(1, 1, 1, 32), SNNQ_ROLE_OUTPUT);
	set_weights(&e->p, l, SNNQ_SCHEME_UNIFORM, 4);
	set_lif(&e->p, l, 1);
	place_state(&e->p, l);
	e->plan = make_plan(&e->p);
	memory_init(&e->m, snnq_plan_info(e->plan), 10);
	run_init(&e->run, &e->m, 10);
}

static void ending_run(struct ending *e, uint16_t status, uint16_t layer, uint16_t region,
		       uint64_t offset, uint32_t steps)
{
	snnq_plan_run(e->plan, &e->run, &e->outcome);
	assert_int_equal(e->outcome.status, status);
	assert_int_equal(e->outcome.layer, layer);
	assert_int_equal(e->outcome.region, region);
	assert_int_equal(e->outcome.offset, offset);
	assert_int_equal(e->outcome.steps, steps);
}

static void ending_free(struct ending *e)
{
	memory_free(&e->m);
	snnq_plan_destroy(e->plan);
}

static bool tick_count(void *ctx, uint32_t layer)
{
	struct ending *e = ctx;

	assert_true(!layer || layer == SNNQ_LAYER_NONE);
	return ++e->ticks == e->cancel_at;
}

static void state_versions(void **context)
{
	struct snnq_state_header *h;
	struct ending e;

	(void)context;
	ending_init(&e);
	e.run.state_seq = 41;
	ending_run(&e, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 10);
	h = (void *)e.m.bytes[SNNQ_REGION_STATE_OUT];
	assert_int_equal(h->seq, 42);
	assert_int_equal(h->step, 10);
	memory_advance(&e.m);
	e.run.reset = false;
	ending_run(&e, SNNQ_STATUS_BAD_STATE, SNNQ_LAYER_NONE, SNNQ_REGION_STATE_IN, 0, 0);
	h = (void *)e.m.bytes[SNNQ_REGION_STATE_OUT];
	assert_int_equal(h->seq, 0);
	e.run.state_seq = 42;
	e.run.steps = 3;
	ending_run(&e, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 3);
	assert_int_equal(h->seq, 43);
	assert_int_equal(h->step, 13);
	ending_free(&e);
}

/*
 * A write of the state fails: the valid state that was there before is not taken for
 * one any more, by its version or by any other.
 */
static void torn_state(void **context)
{
	const uint64_t versions[] = { 41, 42, 43, SNNQ_STATE_TORN, 0 };
	struct snnq_state_header *h;
	uint64_t accesses, k;
	struct ending e;
	size_t i, torn = 0;

	(void)context;
	ending_init(&e);
	e.run.state_seq = 42;
	e.m.accesses = 0;
	ending_run(&e, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 10);
	accesses = e.m.accesses;
	for (k = 0; k < accesses; k++) {
		uint8_t *state = e.m.bytes[SNNQ_REGION_STATE_OUT];
		uint64_t size = e.m.size[SNNQ_REGION_STATE_OUT];

		memset(state, 0x55, size);
		h = (void *)state;
		h->seq = 41;
		e.run.reset = true;
		e.run.state_seq = 42;
		e.m.accesses = 0;
		e.m.fail_after = k;
		e.m.fail_status = SNNQ_STATUS_DMA;
		snnq_plan_run(e.plan, &e.run, &e.outcome);
		assert_int_equal(e.outcome.status, SNNQ_STATUS_DMA);
		e.m.fail_status = SNNQ_STATUS_OK;
		if (e.outcome.region != SNNQ_REGION_STATE_OUT || h->seq == 41) {
			assert_int_equal(h->seq, 41);
			assert_int_equal(state[size - 1], 0x55);
			continue;
		}
		torn++;
		memory_advance(&e.m);
		e.run.reset = false;
		for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
			e.run.state_seq = versions[i];
			ending_run(&e, SNNQ_STATUS_BAD_STATE, SNNQ_LAYER_NONE, SNNQ_REGION_STATE_IN,
				   0, 0);
		}
	}
	assert_int_equal(torn, 2); /* the rest of the state, the header */
	ending_free(&e);
}

/* A job from the state @from; returns the new one, which lay in @m or in the plan meanwhile. */
static uint8_t *state_after(struct ending *e, const uint8_t *from, bool use_view)
{
	uint64_t size = e->m.size[SNNQ_REGION_STATE_OUT];
	uint8_t *out = e->m.bytes[SNNQ_REGION_STATE_OUT], *copy = malloc(size);

	e->m.use_view = use_view;
	e->run.reset = !from;
	e->run.state_seq = from ? 1 : 0;
	if (from)
		memcpy(e->m.bytes[SNNQ_REGION_STATE_IN], from, size);
	memset(out, 0x55, size);
	ending_run(e, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 10);
	assert_non_null(copy);
	return memcpy(copy, out, size);
}

static void same_states(struct ending *e)
{
	uint64_t size = e->m.size[SNNQ_REGION_STATE_OUT];
	uint8_t *first = state_after(e, NULL, false), *next = state_after(e, first, false), *other;

	other = state_after(e, NULL, true);
	assert_memory_equal(first, other, size);
	free(other);
	other = state_after(e, first, true);
	assert_memory_equal(next, other, size);
	assert_memory_not_equal(first, next, size);
	free(other);
	free(first);
	free(next);
}

/* All parts that neurons have, an odd number of them, with and without a gap behind. */
static void state_in_place(void **context)
{
	uint32_t gap;

	(void)context;
	for (gap = 0; gap <= 24; gap += 8) {
		struct ending e;
		uint64_t i;

		ending_init(&e);
		ending_free(&e);
		e.p.layers[0].out.channels = 21;
		e.p.layers[0].neuron = (struct snnq_neuron){
			.model = SNNQ_NEURON_CUBA,
			.leak = SNNQ_LEAK_DIVN,
			.leak_param = 2,
			.current_leak = SNNQ_LEAK_TZ12,
			.current_leak_param = 1000,
			.refractory = 2,
			.delay = 3,
			.threshold_index = e.p.layers[0].neuron.threshold_index,
			.threshold_count = 1,
			.bias_count = 0,
		};
		e.p.h.state_bytes = sizeof(struct snnq_state_header);
		place_state(&e.p, &e.p.layers[0]);
		e.p.h.state_bytes += gap;
		e.plan = make_plan(&e.p);
		memory_init(&e.m, snnq_plan_info(e.plan), 10);
		run_init(&e.run, &e.m, 10);
		for (i = 0; i < e.m.size[SNNQ_REGION_USER]; i++)
			e.m.bytes[SNNQ_REGION_USER][i] = (uint8_t)(i * 37);
		same_states(&e);
		ending_free(&e);
	}
}

/* What STATE_OUT holds when a job that works there ends early, and when it is STATE_IN too. */
static void state_in_place_ends(void **context)
{
	struct snnq_state_header *h;
	struct ending e;
	uint8_t *state;

	(void)context;
	ending_init(&e);
	e.m.use_view = true;
	state = e.m.bytes[SNNQ_REGION_STATE_OUT];
	h = (void *)state;
	assert_true(snnq_job_begin(e.plan, &e.run, &e.outcome));
	assert_int_equal(h->seq, SNNQ_STATE_TORN);
	assert_true(snnq_job_step(e.plan));
	snnq_job_cancel(e.plan);
	assert_int_equal(h->seq, SNNQ_STATE_TORN);
	ending_run(&e, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 10);
	assert_int_equal(h->seq, 1);
	e.run.reset = false; /* the old state has version 0 */
	e.run.state_seq = 1;
	ending_run(&e, SNNQ_STATUS_BAD_STATE, SNNQ_LAYER_NONE, SNNQ_REGION_STATE_IN, 0, 0);
	assert_int_equal(h->seq, 1);
	free(e.m.bytes[SNNQ_REGION_STATE_IN]);
	e.m.bytes[SNNQ_REGION_STATE_IN] = state;
	assert_true(snnq_job_begin(e.plan, &e.run, &e.outcome));
	assert_true(snnq_job_step(e.plan));
	snnq_job_cancel(e.plan);
	assert_int_equal(h->seq, 1);
	ending_run(&e, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 10);
	assert_int_equal(h->seq, 2);
	assert_int_equal(h->step, 20);
	e.m.bytes[SNNQ_REGION_STATE_IN] = NULL;
	ending_free(&e);
}

static void parts(void **context)
{
	struct ending e;
	uint32_t n = 0;
	bool more;

	(void)context;
	ending_init(&e);
	for (more = snnq_job_begin(e.plan, &e.run, &e.outcome); more;
	     more = snnq_job_step(e.plan)) {
		assert_int_equal(snnq_job_layer(e.plan), 0);
		assert_int_equal(e.outcome.steps, 4 * n++);
	}
	assert_int_equal(n, 3);
	assert_int_equal(e.outcome.status, SNNQ_STATUS_OK);
	assert_int_equal(e.outcome.steps, 10);
	assert_true(snnq_job_begin(e.plan, &e.run, &e.outcome));
	assert_true(snnq_job_step(e.plan));
	snnq_job_cancel(e.plan);
	assert_int_equal(e.outcome.status, SNNQ_STATUS_CANCELLED);
	assert_int_equal(e.outcome.layer, 0);
	assert_int_equal(e.outcome.steps, 4);
	e.run.steps = 11;
	assert_false(snnq_job_begin(e.plan, &e.run, &e.outcome));
	assert_int_equal(e.outcome.status, SNNQ_STATUS_BAD_ENTRY);
	e.run.steps = 10;
	ending_run(&e, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 10);
	ending_free(&e);
}

/* Ends at each safe point in turn, after which the same plan computes as before. */
static void cancel_within_a_layer(void **context)
{
	uint8_t expected[8 * 16 * 3];
	uint64_t at, all, k;
	struct snnq_layer *l;
	struct ending e;

	(void)context;
	memset(&e, 0, sizeof(e));
	program_init(&e.p, 3, 2);
	l = add_layer(&e.p, SNNQ_OP_LINEAR);
	l->in[0] = in_region(&e.p, unsigned_tensor(1, 1, 1, 1024), SNNQ_ROLE_INPUT);
	l->out = in_region(&e.p, unsigned_tensor(1, 1, 1, 1024), SNNQ_ROLE_OUTPUT);
	set_weights(&e.p, l, SNNQ_SCHEME_UNIFORM, 4);
	set_lif(&e.p, l, 100);
	place_state(&e.p, l);
	e.plan = make_plan(&e.p);
	memory_init(&e.m, snnq_plan_info(e.plan), 3);
	memory_fill(&e.m, &e.p, 3, 1);
	run_init(&e.run, &e.m, 3);
	e.run.tick = tick_count;
	e.run.tick_ctx = &e;
	ending_run(&e, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 3);
	assert_int_equal(e.m.size[l->out.region], sizeof(expected));
	memcpy(expected, e.m.bytes[l->out.region], sizeof(expected));
	all = e.ticks;
	assert_in_range(all, 1024 * 1024 / SNNQ_SAFE_POINT_OPS, 200);
	for (at = 1; at <= all; at++) {
		snnq_plan_destroy(e.plan);
		e.plan = make_plan(&e.p); /* has no decoded weights */
		for (k = 0; k < 2; k++) {
			e.ticks = 0;
			e.cancel_at = k ? 0 : at;
			snnq_plan_run(e.plan, &e.run, &e.outcome);
			if (!k) {
				assert_int_equal(e.outcome.status, SNNQ_STATUS_CANCELLED);
				assert_int_equal(e.ticks, at);
				assert_true(e.outcome.steps == 0 || e.outcome.steps == 2 ||
					    e.outcome.steps == 3);
				memset(e.m.bytes[l->out.region], 0, sizeof(expected));
			}
		}
		assert_int_equal(e.outcome.status, SNNQ_STATUS_OK);
		assert_memory_equal(e.m.bytes[l->out.region], expected, sizeof(expected));
	}
	ending_free(&e);
}

static void faults(void **context)
{
	struct ending e;

	(void)context;
	ending_init(&e);
	e.run.steps = 0;
	ending_run(&e, SNNQ_STATUS_BAD_ENTRY, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 0);
	e.run.steps = 11;
	ending_run(&e, SNNQ_STATUS_BAD_ENTRY, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0, 0);
	e.run.steps = 10;
	e.m.size[3] = 8 * 6; /* input for 6 steps only */
	ending_run(&e, SNNQ_STATUS_ACCESS, 0, 3, 48, 4);
	e.m.size[3] = 8 * 10;
	e.m.access[4] = SNNQ_ACCESS_READ;
	ending_run(&e, SNNQ_STATUS_ACCESS, 0, 4, 0, 0);
	e.m.access[4] = SNNQ_ACCESS_WRITE;
	e.m.fail_status = SNNQ_STATUS_DMA; /* the weights come first */
	ending_run(&e, SNNQ_STATUS_DMA, 0, 5, 0, 0);
	e.m.fail_status = 77;
	ending_run(&e, SNNQ_STATUS_INTERNAL, 0, 5, 0, 0);
	ending_free(&e);
}

static void plans(void **context)
{
	struct snnq_plan *plan;
	struct snnq_diag diag;
	struct program p;
	size_t size;
	char *blob;

	(void)context;
	random_program(&p, 1);
	blob = pack(&p, &size);
	assert_int_equal(
		snnq_plan_create(blob, size, &snnq_caps_all, UINT64_MAX, NULL, &plan, &diag), 0);
	assert_int_equal(diag.check, SNNQ_CHECK_OK);
	assert_true(snnq_plan_matches(plan, blob, size));
	assert_false(snnq_plan_matches(plan, blob, size - 4));
	assert_int_equal(snnq_plan_info(plan)->layer_count, p.h.layer_count);
	snnq_plan_destroy(plan);
	blob[0] ^= 1;
	assert_int_equal(snnq_plan_create(blob, size, &snnq_caps_all, UINT64_MAX, NULL, &plan,
					  &diag),
			 -EINVAL);
	assert_int_equal(diag.check, SNNQ_CHECK_MAGIC);
	assert_null(plan);
	free(blob);
	snnq_plan_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conv2d),
		cmocka_unit_test(conv2d_groups),
		cmocka_unit_test(linear),
		cmocka_unit_test(requantize),
		cmocka_unit_test(pool_sum),
		cmocka_unit_test(pool_max),
		cmocka_unit_test(add),
		cmocka_unit_test(attention),
		cmocka_unit_test(readout),
		cmocka_unit_test(cycle_model),
		cmocka_unit_test(events_count),
		cmocka_unit_test(events_refused),
		cmocka_unit_test(state_versions),
		cmocka_unit_test(torn_state),
		cmocka_unit_test(state_in_place),
		cmocka_unit_test(state_in_place_ends),
		cmocka_unit_test(parts),
		cmocka_unit_test(cancel_within_a_layer),
		cmocka_unit_test(faults),
		cmocka_unit_test(plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
