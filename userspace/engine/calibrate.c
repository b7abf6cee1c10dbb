// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * calibrate.c - what the inner loops cost on this machine: measured once in a process for each
 * instruction set, on data as layers have it. Of all repetitions the
 * least counts, as others may be at work.
 */
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "engine.h"

#define REPEATS	  7u
#define ROWS	  1024u /* of weights: more than the first cache has, as in layers */
#define UNITS	  32u
#define PLANES	  8u
#define FEW	  16u /* rows of int8 whose sum fits, as with weights of 3 or 4 bits */
#define LONG	  256u
#define SHORT	  8u
#define RUNS	  3u /* DENSE: a window of 3x3 with two channels */
#define RUN_PAIRS 3u
#define STEPS	  16u
#define TOKENS	  64u
#define GROUPS	  64u

/* What loops are measured on: a quarter of the bits set, tables and weights of any kind. */
static struct {
	struct byte_bits bits;
	struct unit units[UNITS];
	uint64_t words[UNITS * PLANES];
	int8_t weights[ROWS * LANES];
	uint16_t list[LONG];
	uint16_t listed[UNITS * 64 + 32];
	uint8_t index[4 * GROUPS * LOOKUP_LANES];
	uint8_t tables[GROUPS * LOOKUP_OUTPUTS * LOOKUP_ENTRIES];
	uint32_t at[GROUPS];
	int16_t sums[LANES * LOOKUP_LANES];
	int32_t acc[LANES * LOOKUP_LANES];
	int16_t pairs[2 * RUNS * RUN_PAIRS * 2 * DENSE_LANES];
	uint32_t run_at[RUNS];
	uint64_t values[TOKENS];
	int32_t u[LANES], threshold[LANES], bias[LANES];
} data;

static uint32_t random_bits(void)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223; /* Numerical Recipes, 7.1 */
	return seed >> 16;
}

static void fill_data(void)
{
	uint32_t i;

	byte_bits_init(&data.bits);
	for (i = 0; i < UNITS * PLANES * 4; i++)
		data.words[i / 4] = data.words[i / 4] << 16 | (random_bits() & random_bits());
	for (i = 0; i < sizeof(data.weights); i++)
		data.weights[i] = (int8_t)(random_bits() % 15 - 7);
	for (i = 0; i < LONG; i++)
		data.list[i] = (uint16_t)(random_bits() % ROWS * LIST_SCALE);
	for (i = 0; i < sizeof(data.index); i++)
		data.index[i] = random_bits() % LOOKUP_ENTRIES;
	for (i = 0; i < UNITS; i++)
		data.units[i] = (struct unit){
			.at = i, .mask = ~0ull, .bytes = 8, .row = (uint16_t)(i * 64 * LIST_SCALE)
		};
	for (i = 0; i < GROUPS; i++)
		data.at[i] = i;
	for (i = 0; i < LANES; i++)
		data.threshold[i] = 40;
	for (i = 0; i < RUNS; i++)
		data.run_at[i] = i * 2 * RUN_PAIRS;
}

/* One round of what is measured; @n is for those that have a length. */
typedef void round_fn(const struct vec *v, uint32_t n);

static void list_round(const struct vec *v, uint32_t n)
{
	v->list(&data.bits, data.words, data.units, n, data.listed);
}

static void row_round(const struct vec *v, uint32_t n)
{
	struct rows r = { .base = data.weights,
			  .list = data.list,
			  .count = n,
			  .few = FEW,
			  .many = ROWS,
			  .factor = 1 };

	v->add8(data.acc, &r);
}

static void dense_round(const struct vec *v, uint32_t n)
{
	struct dense d = { .in = data.sums,
			   .in_stride = RUNS * 2 * RUN_PAIRS,
			   .weights = data.pairs,
			   .run_at = data.run_at,
			   .runs = RUNS,
			   .pairs = RUN_PAIRS,
			   .columns = 2,
			   .bytes = true };

	v->dense(data.acc, LANES, n, &d);
}

static void unpack_round(const struct vec *v, uint32_t n)
{
	v->unpack4(data.values, data.words, UNITS, n, 2, UNITS);
}

static void lookup_round(const struct vec *v, uint32_t n)
{
	struct lookup l = { .index = data.index,
			    .at = data.at,
			    .shift = 6,
			    .tables = data.tables,
			    .count = n,
			    .bias = 28,
			    .few = 4 };

	v->lookup(data.sums, &l);
}

static void lookup4_round(const struct vec *v, uint32_t n)
{
	struct lookup l = { .index = data.index,
			    .at = data.at,
			    .shift = 6,
			    .fours = true,
			    .tables = data.tables,
			    .count = n,
			    .bias = 28 };

	v->lookup4(data.sums, &l);
}

static void nibble_round(const struct vec *v, uint32_t n)
{
	v->nibbles(data.index, STEPS, STEPS, data.words, n);
}

static void turn_round(const struct vec *v, uint32_t n)
{
	(void)n;
	v->turn(data.acc, data.sums, false);
}

static void fire_round(const struct vec *v, uint32_t n)
{
	static const struct snnq_neuron neuron = { .model = SNNQ_NEURON_LIF,
						   .leak = SNNQ_LEAK_DIVN,
						   .leak_param = 2 };
	struct neuron_lanes lanes = neuron_lanes_of(&neuron);

	lanes.vec = v;
	lanes.acc = data.acc;
	lanes.acc_stride = LANES;
	lanes.threshold = data.threshold;
	lanes.bias = data.bias;
	lanes.u = data.u;
	lanes.out = data.values;
	lanes.out_stride = 1;
	lanes.count = LANES;
	lanes.steps = n;
	lanes.narrow = true;
	lanes.tame = true;
	v->fire(&lanes);
}

static void match_round(const struct vec *v, uint32_t n)
{
	v->matches(data.acc, n, data.words, data.words, 1, 1);
}

static void load_round(const struct vec *v, uint32_t n)
{
	const struct snnq_tensor t = { .format = SNNQ_FORMAT_UNSIGNED,
				       .planes = (uint8_t)n,
				       .height = 1,
				       .width = UNITS,
				       .channels = 64 };
	uint32_t i;

	(void)v;
	for (i = 0; i < UNITS; i++)
		tensor_load64(&t, data.words, i, 0, data.acc);
}

/* Picoseconds of a round. */
static double cost_of(round_fn *round, const struct vec *v, uint32_t n, uint32_t rounds)
{
	double least = 1e18;
	uint32_t i, k;

	for (i = 0; i < REPEATS; i++) {
		struct timespec start, end;
		double ps;

		clock_gettime(CLOCK_MONOTONIC, &start);
		for (k = 0; k < rounds; k++)
			round(v, n);
		clock_gettime(CLOCK_MONOTONIC, &end);
		ps = ((double)(end.tv_sec - start.tv_sec) * 1e9 +
		      (double)(end.tv_nsec - start.tv_nsec)) *
		     1e3 / rounds;
		least = ps < least ? ps : least;
	}
	return least;
}

/* A loop, @rounds of it at a time; what is measured are the @units of a round. */
static const struct loop {
	round_fn *round;
	uint32_t n, rounds, units;
	size_t cost; /* where it stands */
} loops[] = {
#define COST(name) offsetof(struct snnq_costs, name)
	{ list_round, UNITS, 8, UNITS, COST(unit) },
	{ row_round, SHORT, 32, 1, COST(call) },
	{ row_round, LONG, 8, 1, COST(row) },
	{ dense_round, STEPS, 8, STEPS *RUNS *RUN_PAIRS * 2, COST(dot) },
	{ unpack_round, PLANES, 16, UNITS * 2 * PLANES, COST(unpack) },
	{ load_round, PLANES, 2, UNITS * 64 * PLANES, COST(load) },
	{ lookup_round, GROUPS, 2, GROUPS, COST(table) },
	{ lookup4_round, GROUPS, 2, GROUPS, COST(table4) },
	{ nibble_round, 16, 32, 16, COST(image) },
	{ turn_round, 0, 4, LANES *LOOKUP_LANES, COST(turn) },
	{ fire_round, STEPS, 8, LANES *STEPS, COST(neuron) },
	{ match_round, TOKENS, 32, TOKENS, COST(match) },
};

/* Rows are what long sums take more than short ones. */
static bool measure(const struct vec *v, struct snnq_costs *c, struct snnq_pace *pace)
{
	double few, many;
	uint32_t i;

	for (i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
		const struct loop *l = &loops[i];

		if (snnq_work(pace, SNNQ_SAFE_POINT_OPS))
			return true;
		if (l->round == lookup4_round && !v->lookup4)
			continue;
		*(double *)(void *)((char *)c + l->cost) = cost_of(l->round, v, l->n, l->rounds) /
							   l->units;
	}
	few = c->call;
	many = c->row;
	c->row = (many - few) / (LONG - SHORT);
	c->call = few > SHORT * c->row ? few - SHORT * c->row : 0;
	return false;
}

bool costs_of(enum snnq_isa isa, struct snnq_pace *pace, const struct snnq_costs **costs)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct snnq_costs all[SNNQ_ISA_COUNT];
	static bool filled, known[SNNQ_ISA_COUNT];

	pthread_mutex_lock(&lock);
	if (!filled)
		fill_data();
	filled = true;
	if (!known[isa])
		known[isa] = !measure(vec_of(isa), &all[isa], pace);
	*costs = known[isa] ? &all[isa] : NULL;
	pthread_mutex_unlock(&lock);
	return !*costs;
}

const struct snnq_costs *snnq_isa_costs(enum snnq_isa isa)
{
	struct snnq_pace unpaced = { .tick = NULL };
	const struct snnq_costs *costs = NULL;

	if (vec_of(isa))
		costs_of(isa, &unpaced, &costs);
	return costs;
}
