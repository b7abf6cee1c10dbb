// SPDX-License-Identifier: MIT
/*
 * test_safe_points.c - how much is done between two safe points, whatever the
 * geometry of a program is. The engine's own count is not asked: engine and validator
 * are compiled to call __sanitizer_cov_trace_pc() in each basic block, and for what
 * they leave to memcpy() and its like the linker puts counters in front (meson.build).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

#define SEEDS 60
/* An operation is a few basic blocks, up to 32, and there are some around a piece of work. */
#define MOST_BLOCKS  (32ull * SNNQ_SAFE_POINT_OPS + 4096)
#define ENOUGH_TICKS 700u

static uint64_t blocks, most_blocks, ticks;

void __sanitizer_cov_trace_pc(void);
void *__real_memcpy(void *to, const void *from, size_t n);
void *__real_memset(void *to, int c, size_t n);
int __real_memcmp(const void *a, const void *b, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memset(void *to, int c, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n);

void __sanitizer_cov_trace_pc(void)
{
	blocks++;
}

void *__wrap_memcpy(void *to, const void *from, size_t n)
{
	blocks += n / 8;
	return __real_memcpy(to, from, n);
}

void *__wrap_memset(void *to, int c, size_t n)
{
	blocks += n / 8;
	return __real_memset(to, c, n);
}

int __wrap_memcmp(const void *a, const void *b, size_t n)
{
	blocks += n / 8;
	return __real_memcmp(a, b, n);
}

static void reset_counts(void)
{
	blocks = 0;
	most_blocks = 0;
	ticks = 0;
}

static void note_blocks(void)
{
	if (blocks > most_blocks)
		most_blocks = blocks;
	blocks = 0;
}

static bool plan_tick(void *ctx)
{
	(void)ctx;
	note_blocks();
	ticks++;
	return false;
}

/* Long jobs are ended: what comes later is like what came. */
static bool run_tick(void *ctx, uint32_t layer)
{
	(void)layer;
	return plan_tick(ctx) || ticks >= ENOUGH_TICKS;
}

static void expect_bound(const char *what, unsigned int detail)
{
	note_blocks();
	if (most_blocks > MOST_BLOCKS)
		fail_msg("%s %u: %llu basic blocks between safe points, expected at most %llu",
			 what, detail, (unsigned long long)most_blocks, MOST_BLOCKS);
}

static struct snnq_plan *paced_plan(const void *blob, size_t size, const char *what,
				    unsigned int detail)
{
	struct snnq_pace pace = { .tick = plan_tick };
	struct snnq_plan *plan;

	reset_counts();
	assert_int_equal(
		snnq_plan_create(blob, size, &snnq_caps_all, UINT64_MAX, &pace, &plan, NULL), 0);
	/* One operation at a time. */
	assert_true(snnq_plan_force_isa(plan, SNNQ_ISA_GENERIC));
	expect_bound(what, detail);
	return plan;
}

static void one_run(struct snnq_plan *plan, struct memory *m, uint32_t steps, bool reset,
		    const char *what, unsigned int detail)
{
	struct snnq_outcome outcome;
	struct snnq_run run;

	run_init(&run, m, steps);
	run.reset = reset;
	run.tick = run_tick;
	reset_counts();
	snnq_plan_run(plan, &run, &outcome);
	expect_bound(what, detail);
	assert_true(outcome.status == SNNQ_STATUS_OK ||
		    (outcome.status == SNNQ_STATUS_CANCELLED && ticks == ENOUGH_TICKS));
}

/* Inputs all ones; the weights are kept from the first run, the state goes on. */
static void run_kernels(const struct program *p, uint32_t steps, const char *what)
{
	enum snnq_kernel_choice k;
	struct snnq_plan *plan;
	struct memory m;
	uint32_t r;
	size_t size;
	void *blob = pack(p, &size);

	for (k = SNNQ_KERNEL_GENERIC; k < SNNQ_KERNEL_CHOICES; k++) {
		plan = paced_plan(blob, size, what, k);
		snnq_plan_force_kernel(plan, k);
		memory_init(&m, snnq_plan_info(plan), steps);
		m.use_view = k == SNNQ_KERNEL_EVENT;
		for (r = 0; r < p->h.region_count; r++)
			if (p->regions[r].role == SNNQ_ROLE_INPUT)
				memset(m.bytes[SNNQ_REGION_USER + r], 0xff,
				       m.size[SNNQ_REGION_USER + r]);
		one_run(plan, &m, steps, true, what, k);
		one_run(plan, &m, steps, false, what, k);
		assert_true(ticks > 2);
		memory_free(&m);
		snnq_plan_destroy(plan);
	}
	free(blob);
}

/* Layers each with something that the others have not. */

static struct snnq_tensor planes(uint8_t n, uint16_t h, uint16_t w, uint32_t c)
{
	return make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, n, h, w, c);
}

static struct snnq_layer *one_layer(struct program *p, uint16_t op, struct snnq_tensor in,
				    struct snnq_tensor out)
{
	struct snnq_layer *l;

	program_init(p, 4, 1);
	l = add_layer(p, op);
	l->in[0] = in_region(p, in, SNNQ_ROLE_INPUT);
	l->out = in_region(p, out, op == SNNQ_OP_READOUT ? SNNQ_ROLE_READOUT : SNNQ_ROLE_OUTPUT);
	if (op == SNNQ_OP_CONV2D || op == SNNQ_OP_POOL_SUM || op == SNNQ_OP_POOL_MAX)
		l->geometry = (struct snnq_geometry){ (uint16_t)(in.height - out.height + 1),
						      (uint16_t)(in.width - out.width + 1),
						      1,
						      1,
						      0,
						      0,
						      1,
						      1,
						      1,
						      0,
						      0,
						      0 };
	if (op == SNNQ_OP_POOL_SUM)
		l->param = 1;
	return l;
}

static void spiking(struct program *p, struct snnq_layer *l)
{
	set_lif(p, l, 1);
	place_state(p, l);
}

static void attention(void **context)
{
	static const uint32_t heads[] = { 1, 64, 1024 };
	struct snnq_layer *l;
	struct program p;
	size_t i;

	(void)context;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		l = one_layer(&p, SNNQ_OP_ATTENTION, planes(1, 2, 2048, 1024),
			      planes(1, 2, 2048, 1024));
		l->in[1] = in_region(&p, l->in[0], SNNQ_ROLE_INPUT);
		l->in[2] = in_region(&p, l->in[0], SNNQ_ROLE_INPUT);
		l->param = heads[i];
		spiking(&p, l);
		run_kernels(&p, 1, "attention");
	}
}

static void matmul(void **context)
{
	/* The last is larger than what is unpacked. */
	static const struct {
		uint16_t tokens, columns;
		uint32_t channels, heads, mode;
	} cases[] = {
		{ 512, 512, 1024, 1, SNNQ_MATMUL_TRANSPOSE_1 },
		{ 300, 1024, 1024, 8, SNNQ_MATMUL_TRANSPOSE_0 | SNNQ_MATMUL_RIGHT_FIRST },
		{ 16, 1, 65536, 65536, 0 },
		{ 4096, 4096, 4096, 1, SNNQ_MATMUL_TRANSPOSE_0 | SNNQ_MATMUL_TRANSPOSE_1 },
	};
	struct snnq_layer *l;
	struct program p;
	size_t i;

	(void)context;
	for (i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t mode = cases[i / 2].mode, heads = cases[i / 2].heads;
		uint16_t inner = cases[i / 2].tokens, columns = cases[i / 2].columns;
		uint16_t rows = (uint16_t)(cases[i / 2].channels / heads);
		bool turned = mode & SNNQ_MATMUL_TRANSPOSE_1;

		if (!(mode & SNNQ_MATMUL_TRANSPOSE_0)) {
			rows = inner;
			inner = (uint16_t)(cases[i / 2].channels / heads);
		}
		l = one_layer(&p, SNNQ_OP_MATMUL,
			      planes(1, 1, cases[i / 2].tokens, cases[i / 2].channels),
			      planes(1, 1, rows, heads * columns));
		l->in[1] = in_region(&p,
				     planes(1, 1, turned ? columns : inner,
					    heads * (turned ? inner : columns)),
				     SNNQ_ROLE_INPUT);
		if (i % 2)
			l->in[2] = in_region(&p, planes(1, 1, columns, heads * columns),
					     SNNQ_ROLE_INPUT);
		l->mode = i % 2 ? mode : mode & ~SNNQ_MATMUL_RIGHT_FIRST;
		l->param = heads;
		spiking(&p, l);
		run_kernels(&p, 1, "matmul");
	}
}

static void linear(void **context)
{
	static const struct {
		uint8_t scheme, bits, planes;
	} cases[] = {
		{ SNNQ_SCHEME_UNIFORM, 1, 1 }, { SNNQ_SCHEME_ODD, 8, 1 },
		{ SNNQ_SCHEME_ODD, 8, 6 },     { SNNQ_SCHEME_POT, 5, 1 },
		{ SNNQ_SCHEME_TERNARY, 2, 2 },
	};
	struct snnq_layer *l;
	struct program p;
	size_t i;

	(void)context;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		l = one_layer(&p, SNNQ_OP_LINEAR, planes(cases[i].planes, 1, 1, 2000),
			      planes(1, 1, 1, 4000));
		set_weights(&p, l, cases[i].scheme, cases[i].bits);
		spiking(&p, l);
		run_kernels(&p, 1, "linear");
	}
	l = one_layer(&p, SNNQ_OP_LINEAR, planes(1, 1, 1, 32), planes(1, 1, 1, 65536));
	set_weights(&p, l, SNNQ_SCHEME_UNIFORM, 4);
	spiking(&p, l);
	run_kernels(&p, 1, "wide linear");
}

static void convolution(void **context)
{
	static const uint32_t shapes[][3] = {
		/* in, out, groups */
		{ 16, 256, 1 },
		{ 16, 272, 16 },
		{ 1024, 1024, 1024 },
		{ 65536, 65536, 65536 },
	};
	struct snnq_layer *l;
	struct program p;
	size_t i;

	(void)context;
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		uint16_t size = shapes[i][0] == 65536 ? 4 : 40;

		l = one_layer(&p, SNNQ_OP_CONV2D, planes(2, size, size, shapes[i][0]),
			      planes(1, 1, 1, shapes[i][1]));
		l->geometry.groups = shapes[i][2];
		set_weights(&p, l, SNNQ_SCHEME_UNIFORM, 2);
		spiking(&p, l);
		run_kernels(&p, 1, "convolution");
	}
}

static void pooling(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	l = one_layer(&p, SNNQ_OP_POOL_SUM, planes(2, 256, 256, 64), planes(1, 1, 1, 64));
	spiking(&p, l);
	run_kernels(&p, 1, "sum of a large window");
	one_layer(&p, SNNQ_OP_POOL_MAX, planes(4, 512, 512, 64), planes(4, 1, 1, 64));
	run_kernels(&p, 1, "maximum of a large window");
	one_layer(&p, SNNQ_OP_POOL_MAX, planes(1, 1024, 1024, 1), planes(1, 1024, 1024, 1));
	run_kernels(&p, 1, "many positions");
}

static void add(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	l = one_layer(&p, SNNQ_OP_ELEMENTWISE, planes(16, 1, 1, 65536), planes(16, 1, 1, 65536));
	l->in[1] = in_region(&p, l->in[0], SNNQ_ROLE_INPUT);
	run_kernels(&p, 1, "add");
}

static void readout(void **context)
{
	struct snnq_layer *l;
	struct program p;
	uint32_t k;

	(void)context;
	for (k = SNNQ_READOUT_SUM; k <= SNNQ_READOUT_LAST; k++) {
		l = one_layer(&p, SNNQ_OP_READOUT, planes(2, 256, 256, 128),
			      make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 1, 1, 128));
		l->param = k;
		place_state(&p, l);
		run_kernels(&p, 1, "readout of spikes");
		l = one_layer(&p, SNNQ_OP_READOUT,
			      make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 128, 128, 200),
			      make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 1, 1, 200));
		l->param = k;
		place_state(&p, l);
		run_kernels(&p, 1, "readout of integers");
	}
}

/* State of many neurons, with currents, sticky counters and a delay line; pad bits. */
static void neurons(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	l = one_layer(&p, SNNQ_OP_POOL_SUM, planes(1, 4, 4, 65535), planes(1, 4, 4, 65535));
	set_lif(&p, l, 1);
	l->neuron.model = SNNQ_NEURON_CUBA;
	l->neuron.refractory = 1;
	l->neuron.delay = SNNQ_MAX_DELAY;
	l->flags = SNNQ_LAYER_FLAG_SKIP_FIRST;
	place_state(&p, l);
	run_kernels(&p, 4, "neurons");
	l = one_layer(&p, SNNQ_OP_POOL_SUM, planes(1, 512, 512, 2), planes(1, 512, 512, 2));
	set_lif(&p, l, 1);
	l->neuron.delay = 5;
	place_state(&p, l);
	run_kernels(&p, 4, "neurons at many positions");
}

static void requantization(void **context)
{
	struct program p;

	(void)context;
	one_layer(&p, SNNQ_OP_POOL_SUM, planes(8, 2, 2, 65536),
		  make_tensor(0, 0, SNNQ_FORMAT_SIGNED, 16, 2, 2, 65536));
	run_kernels(&p, 1, "requantization");
	one_layer(&p, SNNQ_OP_POOL_SUM, planes(1, 2, 2, 65536),
		  make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 2, 2, 65536));
	run_kernels(&p, 1, "requantization to integers");
}

static void events(void **context)
{
	const uint32_t records = 500000;
	struct snnq_layer *l;
	struct program p;
	struct memory m;
	struct snnq_plan *plan;

	(void)context;
	program_init(&p, 4, 4);
	l = add_layer(&p, SNNQ_OP_EVENTS);
	l->in[0] = make_tensor(add_region(&p, SNNQ_ROLE_EVENTS, 8ull * records), 0,
			       SNNQ_FORMAT_EVENTS, 0, 128, 128, 2);
	l->out = in_region(&p, planes(16, 128, 128, 2), SNNQ_ROLE_OUTPUT);
	plan = make_plan(&p);
	memory_init(&m, snnq_plan_info(plan), 1); /* all events of one step, one place */
	one_run(plan, &m, 1, true, "events", 0);
	assert_true(ticks > 2 * records / SNNQ_SAFE_POINT_OPS);
	memory_free(&m);
	snnq_plan_destroy(plan);
}

/* Layers that all read what the first one wrote: each is compared with all before it. */
static char *layers_of_one(size_t layers, size_t *size)
{
	struct program p;
	char *blob, *all;
	size_t i;

	program_init(&p, 1, 1);
	add_layer(&p, SNNQ_OP_POOL_MAX);
	p.layers[0].in[0] = in_region(&p, planes(1, 1, 1, 1), SNNQ_ROLE_INPUT);
	p.layers[0].geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	p.layers[0].out = in_scratch(&p, planes(1, 1, 1, 1));
	p.layers[1] = p.layers[0];
	p.layers[1].in[0] = p.layers[0].out;
	p.layers[1].out = in_scratch(&p, planes(1, 1, 1, 1));
	p.h.layer_count = 2;
	blob = pack(&p, size);
	all = malloc(*size + (layers - 2) * sizeof(struct snnq_layer));
	assert_non_null(all);
	memcpy(all, blob, *size);
	for (i = 2; i < layers; i++)
		memcpy(all + *size + (i - 2) * sizeof(struct snnq_layer), &p.layers[1],
		       sizeof(struct snnq_layer));
	*size += (layers - 2) * sizeof(struct snnq_layer);
	((struct snnq_program_header *)(void *)all)->layer_count = (uint32_t)layers;
	((struct snnq_program_header *)(void *)all)->total_bytes = (uint32_t)*size;
	free(blob);
	return all;
}

static void many_layers(void **context)
{
	size_t layers = SNNQ_MAX_LAYERS, size;
	char *all = layers_of_one(layers, &size);

	(void)context;
	snnq_plan_destroy(paced_plan(all, size, "layers", (unsigned int)layers));
	assert_true(ticks > layers * layers / 2 / SNNQ_SAFE_POINT_OPS);
	free(all);
}

/* Each announcement ticks. What belongs to a layer comes in up to three of them. */
struct announced {
	struct snnq_pace pace;
	uint32_t ops[3];
};

static void expect_announced(const struct announced *a)
{
	uint64_t ops = (uint64_t)a->ops[0] + a->ops[1] + a->ops[2];

	if (blocks > 32 * ops + 1024)
		fail_msg("%llu basic blocks, %llu operations were announced",
			 (unsigned long long)blocks, (unsigned long long)ops);
	blocks = 0;
}

static bool every_tick(void *ctx)
{
	struct announced *a = ctx;

	expect_announced(a);
	a->ops[0] = a->ops[1];
	a->ops[1] = a->ops[2];
	a->ops[2] = SNNQ_SAFE_POINT_OPS - a->pace.left;
	a->pace.left = 0;
	return false;
}

/* Whatever the validator looks at, it says so before. */
static void announcements(void **context)
{
	struct announced a = { .pace = { .tick = every_tick } };
	struct snnq_program_info info;
	size_t size;
	char *all = layers_of_one(SNNQ_MAX_LAYERS, &size);

	(void)context;
	a.pace.ctx = &a;
	reset_counts();
	assert_int_equal(
		snnq_program_validate_paced(all, size, &snnq_caps_all, &a.pace, &info, NULL), 0);
	expect_announced(&a);
	free(all);
}

/* Thresholds and biases of their own for each channel of each layer. */
static void large_tables(void **context)
{
	static const int32_t ones[PROGRAM_TABLE] = { 0 };
	struct snnq_tensor at = planes(1, 1, 1, PROGRAM_TABLE);
	struct program p;
	size_t size, i;
	void *blob;

	(void)context;
	program_init(&p, 1, 1);
	at = in_region(&p, at, SNNQ_ROLE_INPUT);
	add_table(&p, PROGRAM_TABLE, ones);
	for (i = 0; i < PROGRAM_TABLE; i++)
		p.table[i] = 1;
	for (i = 0; i < PROGRAM_LAYERS; i++) {
		struct snnq_layer *l = add_layer(&p, SNNQ_OP_POOL_SUM);

		l->in[0] = at;
		l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
		l->param = 1;
		l->out = in_scratch(&p, planes(1, 1, 1, PROGRAM_TABLE));
		l->neuron.model = SNNQ_NEURON_LIF;
		l->neuron.threshold_count = PROGRAM_TABLE;
		l->neuron.bias_count = PROGRAM_TABLE;
		place_state(&p, l);
		at = l->out;
	}
	blob = pack(&p, &size);
	snnq_plan_destroy(paced_plan(blob, size, "tables", PROGRAM_TABLE));
	assert_true(ticks > 3 * PROGRAM_LAYERS * PROGRAM_TABLE / SNNQ_SAFE_POINT_OPS);
	free(blob);
}

/* Tables with a value for each of so many elements that reading one passes safe points. */
static void tables_of_elements(void **context)
{
	const uint32_t values = 1024 * 1024;
	struct snnq_program_header *h;
	struct snnq_layer *l;
	struct program p;
	size_t size, i;
	void *blob;
	char *all;

	(void)context;
	l = one_layer(&p, SNNQ_OP_POOL_SUM, planes(1, 1024, 1024, 1), planes(1, 1024, 1024, 1));
	p.h.needs = SNNQ_PROGRAM_NEEDS_TABLES;
	spiking(&p, l);
	l->neuron.threshold_index = 0;
	l->neuron.threshold_count = values;
	l->neuron.reset_count = values;
	blob = pack(&p, &size);
	size -= p.h.table_count * sizeof(int32_t);
	all = malloc(size + values * sizeof(int32_t));
	assert_non_null(all);
	memcpy(all, blob, size);
	for (i = 0; i < values; i++)
		((int32_t *)(void *)(all + size))[i] = 1;
	size += values * sizeof(int32_t);
	h = (void *)all;
	h->table_count = values;
	h->total_bytes = (uint32_t)size;
	snnq_plan_destroy(paced_plan(all, size, "elements", values));
	assert_true(ticks >= 2 * values / SNNQ_SAFE_POINT_OPS);
	free(all);
	free(blob);
}

static void random_programs(void **context)
{
	struct snnq_plan *plan;
	struct program p;
	struct memory m;
	uint64_t seed;
	size_t size;
	void *blob;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		random_program(&p, seed);
		blob = pack(&p, &size);
		plan = paced_plan(blob, size, "program", (unsigned int)seed);
		snnq_plan_force_kernel(plan, seed % SNNQ_KERNEL_CHOICES);
		memory_init(&m, snnq_plan_info(plan), p.h.max_steps);
		memory_fill(&m, &p, p.h.max_steps, seed);
		one_run(plan, &m, p.h.max_steps, true, "program", (unsigned int)seed);
		memory_free(&m);
		snnq_plan_destroy(plan);
		free(blob);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attention),	   cmocka_unit_test(matmul),
		cmocka_unit_test(linear),	   cmocka_unit_test(convolution),
		cmocka_unit_test(pooling),	   cmocka_unit_test(add),
		cmocka_unit_test(readout),	   cmocka_unit_test(neurons),
		cmocka_unit_test(requantization),  cmocka_unit_test(events),
		cmocka_unit_test(many_layers),	   cmocka_unit_test(announcements),
		cmocka_unit_test(large_tables),	   cmocka_unit_test(tables_of_elements),
		cmocka_unit_test(random_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
