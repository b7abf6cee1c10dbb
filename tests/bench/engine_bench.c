// SPDX-License-Identifier: MIT
/*
 * engine_bench.c - speed of the engine, one thread: synaptic operations per
 * second of layers as in Spikformer-2-256, by kernel and input density. Prints
 * one line per layer, kernel and density; dense/s is what a layer would need to
 * do if it did not skip zeros. Then the whole network, layer by layer.
 *
 *	engine_bench [LAYERS NAMED SO|spikformer]
 *	engine_bench --write FOLDER RATE | --time RATE THREADS	(peers.py)
 *	engine_bench --jobs COUNT ISA	(to count instructions)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define STEPS	16
#define SECONDS 0.4

/* Layers to be measured. */
struct shape {
	const char *name;
	uint16_t op;
	uint16_t height, width;
	uint32_t inputs, outputs;
	uint8_t kernel;
	uint32_t groups; /* attention: heads */
	uint8_t planes;
};

static const struct shape shapes[] = {
	{ "conv 3x3 128->256 16x16", SNNQ_OP_CONV2D, 16, 16, 128, 256, 3, 1, 1 },
	{ "conv 3x3 32->64 64x64", SNNQ_OP_CONV2D, 64, 64, 32, 64, 3, 1, 1 },
	{ "conv 3x3 2->32 128x128", SNNQ_OP_CONV2D, 128, 128, 2, 32, 3, 1, 1 },
	{ "conv 3x3 depthwise 256 8x8", SNNQ_OP_CONV2D, 8, 8, 256, 256, 3, 256, 1 },
	{ "linear 256->1024 64 tokens", SNNQ_OP_LINEAR, 1, 64, 256, 1024, 1, 1, 1 },
	{ "linear 1024->256 64 tokens", SNNQ_OP_LINEAR, 1, 64, 1024, 256, 1, 1, 1 },
	{ "linear 256->256 3 planes", SNNQ_OP_LINEAR, 1, 64, 256, 256, 1, 1, 3 },
	{ "conv 3x3 2->32 128x128 counts", SNNQ_OP_CONV2D, 128, 128, 2, 32, 3, 1, 8 },
	{ "attention 64 tokens 256/16", SNNQ_OP_ATTENTION, 1, 64, 256, 256, 1, 16, 1 },
};

static const char *const kernel_names[SNNQ_KERNEL_CHOICES] = {
	[SNNQ_KERNEL_AUTO] = "auto",	 [SNNQ_KERNEL_GENERIC] = "generic",
	[SNNQ_KERNEL_EVENT] = "event",	 [SNNQ_KERNEL_DENSE] = "dense",
	[SNNQ_KERNEL_LOOKUP] = "lookup",
};

static void make_layer(struct program *p, const struct shape *s)
{
	struct snnq_tensor in =
		make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, s->planes, s->height, s->width, s->inputs);
	struct snnq_layer *l;
	uint16_t pad = s->kernel / 2;

	program_init(p, STEPS, STEPS);
	l = add_layer(p, s->op);
	l->in[0] = in_region(p, in, SNNQ_ROLE_INPUT);
	if (s->op == SNNQ_OP_ATTENTION) {
		l->in[1] = in_region(p, in, SNNQ_ROLE_INPUT);
		l->in[2] = in_region(p, in, SNNQ_ROLE_INPUT);
		l->param = s->groups;
	}
	if (s->op == SNNQ_OP_CONV2D)
		l->geometry = (struct snnq_geometry){ s->kernel, s->kernel, 1,	       1, pad, pad,
						      1,	 1,	    s->groups, 0, 0,   0 };
	l->out = in_region(
		p, make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, 1, s->height, s->width, s->outputs),
		SNNQ_ROLE_OUTPUT);
	if (s->op != SNNQ_OP_ATTENTION)
		set_weights(p, l, SNNQ_SCHEME_UNIFORM, 4);
	set_lif(p, l, 20);
	l->neuron.leak = SNNQ_LEAK_DIVN;
	l->neuron.leak_param = 2;
	place_state(p, l);
}

/* Inputs with @percent of the bits set, random weights. */
static void fill(struct memory *m, const struct program *p, uint32_t percent)
{
	uint64_t random = 1, k;
	uint32_t r, j;

	for (r = 0; r < p->h.region_count; r++) {
		uint8_t *bytes = m->bytes[SNNQ_REGION_USER + r];

		for (k = 0; k < m->size[SNNQ_REGION_USER + r]; k++) {
			if (p->regions[r].role == SNNQ_ROLE_WEIGHTS) {
				bytes[k] = (uint8_t)random_next(&random);
				continue;
			}
			bytes[k] = 0;
			for (j = 0; j < 8; j++)
				bytes[k] |= (uint8_t)((random_below(&random, 100) < percent) << j);
		}
	}
}

static void measure(const struct shape *s, enum snnq_kernel_choice kernel, uint32_t percent)
{
	struct snnq_layer_stats stats;
	struct snnq_outcome outcome;
	struct snnq_plan *plan;
	double begin, start, end, seconds = 1e9, dense;
	struct snnq_run run;
	struct program p;
	struct memory m;

	make_layer(&p, s);
	plan = make_plan(&p);
	snnq_plan_force_kernel(plan, kernel);
	memory_init(&m, snnq_plan_info(plan), STEPS);
	m.use_view = true;
	fill(&m, &p, percent);
	run_init(&run, &m, STEPS);
	run.stats = &stats;
	snnq_plan_run(plan, &run, &outcome); /* decodes the weights */
	/* The best job, as others may be at work on the machine. */
	begin = cpu_seconds();
	do {
		start = cpu_seconds();
		snnq_plan_run(plan, &run, &outcome);
		end = cpu_seconds();
		seconds = end - start < seconds ? end - start : seconds;
	} while (end - begin < SECONDS);
	if (outcome.status)
		abort();
	dense = (double)stats.synops * (double)stats.input_possible / (double)stats.input_spikes;
	printf("%-29s %-8s %3u %% %8.3f ms/step %8.2f Gsynop/s %8.2f Gdense/s\n", s->name,
	       kernel_names[kernel], percent, seconds / STEPS * 1e3,
	       (double)stats.synops / seconds * 1e-9, dense / seconds * 1e-9);
	bench_result(seconds / STEPS * 1e3, "ms", "%s, %s, %u %%", s->name, kernel_names[kernel],
		     percent);
	memory_free(&m);
	snnq_plan_destroy(plan);
}

int main(int argc, char **argv)
{
	static const uint32_t percents[] = { 2, 20, 50 };
	size_t i, k, d;

	if (argc == 4 && !strcmp(argv[1], "--write")) {
		write_spikformer(argv[2], atof(argv[3]));
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "--jobs")) {
		run_spikformer((uint32_t)atoi(argv[2]), argv[3]);
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "--time")) {
		time_spikformer(atof(argv[2]), (uint32_t)atoi(argv[3]));
		return 0;
	}
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (argc > 1 && !strstr(shapes[i].name, argv[1]))
			continue;
		for (d = 0; d < sizeof(percents) / sizeof(percents[0]); d++)
			for (k = SNNQ_KERNEL_AUTO; k < SNNQ_KERNEL_CHOICES; k++)
				if (k != SNNQ_KERNEL_GENERIC)
					measure(&shapes[i], k, percents[d]);
	}
	if (argc < 2 || !strcmp(argv[1], "spikformer"))
		measure_spikformer();
	return 0;
}
