// SPDX-License-Identifier: MIT
/*
 * test_property.c - what must hold for every program: results and counters do
 * not depend on the kernels, the instruction set, the tile size, on how memory is reached, nor on
 * how steps are divided into jobs; every access can fail and is reported.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

/* With sanitizers programs take six times as long; the suite runs both. */
#ifdef __SANITIZE_ADDRESS__
#define SEEDS 60
#else
#define SEEDS 250
#endif
#define FAIL_SEEDS 40

/* A program with inputs, and all that one job of it left behind. */
struct world {
	struct program program;
	struct memory memory;
	struct snnq_layer_stats stats[PROGRAM_LAYERS];
	struct snnq_outcome outcome;
	uint32_t steps;
};

static void world_init(struct world *w, uint64_t seed)
{
	struct snnq_plan *plan;
	uint64_t state = seed;

	random_program(&w->program, seed);
	w->steps = 1 + random_below(&state, w->program.h.max_steps);
	plan = make_plan(&w->program);
	memory_init(&w->memory, snnq_plan_info(plan), w->steps);
	memory_fill(&w->memory, &w->program, w->steps, seed);
	snnq_plan_destroy(plan);
}

static void clear_results(struct memory *m)
{
	uint32_t r;

	for (r = 0; r < m->count; r++)
		if (m->access[r] == SNNQ_ACCESS_WRITE)
			memset(m->bytes[r], 0xa5, m->size[r]);
}

static void world_run(struct world *w, struct snnq_plan *plan)
{
	struct snnq_run run;

	clear_results(&w->memory);
	memset(w->stats, 0xa5, sizeof(w->stats));
	run_init(&run, &w->memory, w->steps);
	run.stats = w->stats;
	snnq_plan_run(plan, &run, &w->outcome);
}

/* A run of the world's job with another kernel, tile size or memory path. */
static void run_on(struct world *other, const struct world *w, enum snnq_isa isa,
		   enum snnq_kernel_choice kernel, uint32_t tile_steps, bool use_view)
{
	struct snnq_plan *plan;
	uint32_t r;

	other->program = w->program;
	other->program.h.tile_steps = tile_steps;
	other->steps = w->steps;
	plan = make_plan(&other->program);
	snnq_plan_force_kernel(plan, kernel);
	assert_true(isa == SNNQ_ISA_COUNT || snnq_plan_force_isa(plan, isa));
	memory_init(&other->memory, snnq_plan_info(plan), w->steps);
	other->memory.use_view = use_view;
	for (r = SNNQ_REGION_USER; r < w->memory.count; r++)
		memcpy(other->memory.bytes[r], w->memory.bytes[r], w->memory.size[r]);
	world_run(other, plan);
	snnq_plan_destroy(plan);
}

static void run_again(struct world *other, const struct world *w, enum snnq_kernel_choice kernel,
		      uint32_t tile_steps, bool use_view)
{
	run_on(other, w, SNNQ_ISA_COUNT, kernel, tile_steps, use_view);
}

static void same_results(const struct memory *a, const struct memory *b, uint64_t seed)
{
	uint32_t r;

	for (r = 0; r < a->count; r++) {
		if (r == SNNQ_REGION_SCRATCH || a->access[r] != SNNQ_ACCESS_WRITE)
			continue;
		if (memcmp(a->bytes[r], b->bytes[r], a->size[r]))
			fail_msg("seed %llu: region %u differs", (unsigned long long)seed, r);
	}
}

/* Counters that do not depend on tiles. */
static void same_counts(const struct world *a, const struct world *b, uint64_t seed)
{
	uint32_t i;

	for (i = 0; i < a->program.h.layer_count; i++) {
		struct snnq_layer_stats x = a->stats[i], y = b->stats[i];

		x.weight_bytes = y.weight_bytes;
		x.state_bytes = y.state_bytes;
		x.sram_bytes = y.sram_bytes;
		x.memory_cycles = y.memory_cycles;
		x.stall_cycles = y.stall_cycles;
		if (memcmp(&x, &y, sizeof(x)))
			fail_msg("seed %llu: counters of layer %u differ", (unsigned long long)seed,
				 i);
	}
}

static void on_each_isa(struct world *other, const struct world *w, enum snnq_kernel_choice kernel,
			uint64_t seed)
{
	enum snnq_isa isa;

	for (isa = SNNQ_ISA_GENERIC; isa < SNNQ_ISA_COUNT; isa++) {
		if (!snnq_isa_name(isa))
			continue;
		run_on(other, w, isa, kernel, w->program.h.tile_steps, kernel & 1);
		same_results(&w->memory, &other->memory, seed);
		assert_memory_equal(w->stats, other->stats,
				    w->program.h.layer_count * sizeof(w->stats[0]));
		assert_int_equal(w->outcome.cycles, other->outcome.cycles);
		memory_free(&other->memory);
		if (kernel == SNNQ_KERNEL_GENERIC)
			return; /* the same for all */
	}
}

static void kernels_and_tiles(void **context)
{
	static struct world w, other;
	uint64_t seed;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		struct snnq_plan *plan;
		uint32_t kernel;

		world_init(&w, seed);
		plan = make_plan(&w.program);
		world_run(&w, plan);
		assert_int_equal(w.outcome.status, SNNQ_STATUS_OK);
		assert_int_equal(w.outcome.steps, w.steps);
		snnq_plan_destroy(plan);
		for (kernel = SNNQ_KERNEL_GENERIC; kernel < SNNQ_KERNEL_CHOICES; kernel++)
			on_each_isa(&other, &w, kernel, seed);
		run_again(&other, &w, SNNQ_KERNEL_AUTO, 1, true);
		same_results(&w.memory, &other.memory, seed);
		same_counts(&w, &other, seed);
		memory_free(&other.memory);
		run_again(&other, &w, SNNQ_KERNEL_AUTO, 37, false);
		same_results(&w.memory, &other.memory, seed);
		same_counts(&w, &other, seed);
		memory_free(&other.memory);
		memory_free(&w.memory);
	}
}

/* The events of steps [first, first + steps), counted from there. */
static void slice_events(const struct memory *from, struct memory *to, uint32_t region,
			 uint32_t first, uint32_t steps)
{
	const uint64_t *list = (const void *)from->bytes[region];
	uint64_t *out = (void *)to->bytes[region];
	uint64_t n = from->size[region] / 8, i, k = 0;

	memset(out, 0xff, to->size[region]);
	for (i = 0; i < n && list[i] != SNNQ_EVENT_END; i++) {
		uint64_t step = list[i] >> SNNQ_EVENT_STEP_SHIFT;

		if (step >= first && step < first + steps)
			out[k++] = list[i] - ((uint64_t)first << SNNQ_EVENT_STEP_SHIFT);
	}
}

static void slice_inputs(const struct world *w, struct memory *to, uint32_t first, uint32_t steps)
{
	const struct memory *from = &w->memory;
	uint32_t r;

	for (r = 0; r < w->program.h.region_count; r++) {
		uint32_t region = SNNQ_REGION_USER + r;
		uint64_t step_bytes = w->program.regions[r].step_bytes;

		if (w->program.regions[r].role == SNNQ_ROLE_EVENTS)
			slice_events(from, to, region, first, steps);
		else if (from->access[region] == SNNQ_ACCESS_READ)
			memcpy(to->bytes[region], from->bytes[region] + first * step_bytes,
			       to->size[region]);
	}
}

/* Results of a part of the steps are those of the whole. */
static void part_matches(const struct world *w, const struct memory *part, uint32_t first,
			 bool last, uint64_t seed)
{
	uint32_t r;

	for (r = SNNQ_REGION_USER; r < part->count; r++) {
		uint64_t step_bytes = w->program.regions[r - SNNQ_REGION_USER].step_bytes;

		if (part->access[r] != SNNQ_ACCESS_WRITE || (!step_bytes && !last))
			continue;
		if (memcmp(part->bytes[r], w->memory.bytes[r] + first * step_bytes, part->size[r]))
			fail_msg("seed %llu: region %u differs from step %u on",
				 (unsigned long long)seed, r, first);
	}
}

static void add_counts(struct snnq_layer_stats *sum, const struct snnq_layer_stats *s, bool readout)
{
	sum->input_spikes += s->input_spikes;
	sum->input_possible += s->input_possible;
	sum->synops += s->synops;
	sum->neuron_updates += s->neuron_updates;
	sum->steps += s->steps;
	if (readout) /* written, and clamped, at the end of each job */
		return;
	sum->output_spikes += s->output_spikes;
	sum->output_bytes += s->output_bytes;
	sum->saturations += s->saturations;
}

/* Divide the steps into jobs of at most @most. */
static void run_split(const struct world *w, uint32_t most, uint64_t seed)
{
	struct snnq_layer_stats sums[PROGRAM_LAYERS] = { 0 }, whole[PROGRAM_LAYERS] = { 0 };
	struct snnq_plan *plan = make_plan(&w->program);
	struct memory state = { 0 };
	uint64_t random = seed + most;
	uint32_t first, n, i, jobs = 0;

	for (first = 0; first < w->steps; first += n) {
		struct snnq_layer_stats stats[PROGRAM_LAYERS];
		struct snnq_outcome outcome;
		struct snnq_run run;
		struct memory m;

		n = 1 + random_below(&random, most);
		if (n > w->steps - first)
			n = w->steps - first;
		memory_init(&m, snnq_plan_info(plan), n);
		clear_results(&m);
		m.use_view = random_below(&random, 2);
		slice_inputs(w, &m, first, n);
		if (jobs)
			memcpy(m.bytes[SNNQ_REGION_STATE_IN], state.bytes[SNNQ_REGION_STATE_OUT],
			       m.size[SNNQ_REGION_STATE_IN]);
		memory_free(&state);
		run_init(&run, &m, n);
		run.reset = !jobs;
		run.state_seq = jobs++;
		run.stats = stats;
		snnq_plan_run(plan, &run, &outcome);
		assert_int_equal(outcome.status, SNNQ_STATUS_OK);
		part_matches(w, &m, first, first + n == w->steps, seed);
		for (i = 0; i < w->program.h.layer_count; i++)
			add_counts(&sums[i], &stats[i], w->program.layers[i].op == SNNQ_OP_READOUT);
		state = m;
	}
	for (i = 0; i < w->program.h.layer_count; i++)
		add_counts(&whole[i], &w->stats[i], w->program.layers[i].op == SNNQ_OP_READOUT);
	assert_memory_equal(sums, whole, sizeof(sums));
	assert_memory_equal(state.bytes[SNNQ_REGION_STATE_OUT] + 8,
			    w->memory.bytes[SNNQ_REGION_STATE_OUT] + 8,
			    state.size[SNNQ_REGION_STATE_OUT] - 8);
	memory_free(&state);
	snnq_plan_destroy(plan);
}

static void job_splitting(void **context)
{
	static struct world w;
	uint64_t seed;

	(void)context;
	for (seed = 1; seed <= SEEDS; seed++) {
		struct snnq_plan *plan;

		world_init(&w, seed);
		plan = make_plan(&w.program);
		world_run(&w, plan);
		assert_int_equal(w.outcome.status, SNNQ_STATUS_OK);
		snnq_plan_destroy(plan);
		run_split(&w, 1, seed);
		run_split(&w, 7, seed);
		memory_free(&w.memory);
	}
}

/* After a failure the new state is as it was before, or it says that it is torn. */
static void expect_no_state(const struct world *w)
{
	const uint8_t *state = w->memory.bytes[SNNQ_REGION_STATE_OUT];
	struct snnq_state_header h;
	uint64_t i;

	memcpy(&h, state, sizeof(h));
	if (h.seq == SNNQ_STATE_TORN)
		return;
	for (i = 0; i < w->memory.size[SNNQ_REGION_STATE_OUT]; i++)
		assert_int_equal(state[i], 0xa5);
}

/* Every access fails once; the next job is not disturbed. */
static void failing_accesses(void **context)
{
	static struct world w, other;
	uint64_t seed;

	(void)context;
	for (seed = 1; seed <= FAIL_SEEDS; seed++) {
		struct snnq_plan *plan;
		uint64_t accesses, k;

		world_init(&w, seed);
		plan = make_plan(&w.program);
		w.memory.accesses = 0;
		world_run(&w, plan);
		accesses = w.memory.accesses;
		for (k = 0; k < accesses; k += 1 + accesses / 50) {
			w.memory.accesses = 0;
			w.memory.fail_after = k;
			w.memory.fail_status = k & 1 ? SNNQ_STATUS_DMA : SNNQ_STATUS_ACCESS;
			world_run(&w, plan);
			assert_int_equal(w.outcome.status, w.memory.fail_status);
			assert_int_not_equal(w.outcome.region, SNNQ_REGION_NONE);
			assert_true(w.outcome.layer == SNNQ_LAYER_NONE ||
				    w.outcome.layer < w.program.h.layer_count);
			expect_no_state(&w);
		}
		w.memory.fail_status = SNNQ_STATUS_OK;
		world_run(&w, plan);
		assert_int_equal(w.outcome.status, SNNQ_STATUS_OK);
		run_again(&other, &w, SNNQ_KERNEL_AUTO, w.program.h.tile_steps, true);
		same_results(&w.memory, &other.memory, seed);
		memory_free(&other.memory);
		memory_free(&w.memory);
		snnq_plan_destroy(plan);
	}
}

/* New weights take effect in the next job of the same plan. */
static void weights_change(void **context)
{
	static struct world w, other;
	uint64_t seed;

	(void)context;
	for (seed = 1; seed <= FAIL_SEEDS; seed++) {
		struct snnq_plan *plan;

		world_init(&w, seed);
		plan = make_plan(&w.program);
		world_run(&w, plan);
		memory_fill(&w.memory, &w.program, w.steps, seed + 1000);
		world_run(&w, plan);
		snnq_plan_destroy(plan);
		run_again(&other, &w, SNNQ_KERNEL_GENERIC, w.program.h.tile_steps, true);
		same_results(&w.memory, &other.memory, seed);
		memory_free(&other.memory);
		memory_free(&w.memory);
	}
}

/* Two jobs, with a part of one and a part of the other in turn, as if each were alone. */
static void interleaved_parts(void **context)
{
	static struct world w[2], alone;
	struct snnq_plan *plans[2];
	struct snnq_run runs[2];
	bool more[2];
	uint64_t seed;
	uint32_t i;

	(void)context;
	for (seed = 1; seed <= FAIL_SEEDS; seed++) {
		for (i = 0; i < 2; i++) {
			world_init(&w[i], seed + i);
			plans[i] = make_plan(&w[i].program);
			clear_results(&w[i].memory);
			run_init(&runs[i], &w[i].memory, w[i].steps);
			runs[i].stats = w[i].stats;
			more[i] = snnq_job_begin(plans[i], &runs[i], &w[i].outcome);
		}
		for (i = 0; more[0] || more[1]; i = !i)
			more[i] = more[i] && snnq_job_step(plans[i]);
		for (i = 0; i < 2; i++) {
			assert_int_equal(w[i].outcome.status, SNNQ_STATUS_OK);
			run_again(&alone, &w[i], SNNQ_KERNEL_AUTO, w[i].program.h.tile_steps,
				  false);
			same_results(&w[i].memory, &alone.memory, seed);
			same_counts(&w[i], &alone, seed);
			memory_free(&alone.memory);
			memory_free(&w[i].memory);
			snnq_plan_destroy(plans[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_and_tiles), cmocka_unit_test(job_splitting),
		cmocka_unit_test(failing_accesses),  cmocka_unit_test(weights_change),
		cmocka_unit_test(interleaved_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
