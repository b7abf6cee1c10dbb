// SPDX-License-Identifier: MIT
/*
 * spikformer.c - Spikformer 2-256 for event cameras, end to end: 128x128x2 counts in
 * 8 planes, 16 steps, 2.57 M odd 3-bit weights. Weights and input are random, always the
 * same; thresholds are such that the patch embedding fires at about 5 % and the rest at
 * 18 %, as the printed rates show, or at a rate that is asked for. Prints the time of each
 * layer, and of jobs; or writes the network for others to run it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define STEPS	16
#define SIZE	128
#define HEADS	16
#define RUNS	8
#define SPIKING 19 /* layers with neurons */

struct network {
	struct program p;
	const char *names[PROGRAM_LAYERS];
	uint16_t weights; /* region */
	uint64_t weight_bytes;
	const char *variant; /* of all neurons */
	const int32_t *thresholds;
	uint32_t spiking;
};

/* conv0..3, rpe; of each block q, k, v, attention, proj, fc1, fc2 */
static const int32_t usual[SPIKING] = { 27, 69, 121, 142, 82, 48, 50, 39, 15, 29,
					62, 52, 100, 79,  92, 20, 28, 90, 64 };

static struct snnq_tensor planes(uint8_t n, uint16_t h, uint16_t w, uint32_t c)
{
	return make_tensor(0, 0, SNNQ_FORMAT_UNSIGNED, n, h, w, c);
}

static struct snnq_layer *layer(struct network *n, const char *name, uint16_t op,
				struct snnq_tensor in)
{
	struct snnq_layer *l;

	n->names[n->p.h.layer_count] = name;
	l = add_layer(&n->p, op);
	l->in[0] = in;
	return l;
}

static void add_weights(struct network *n, struct snnq_layer *l)
{
	l->quant = (struct snnq_quant){ .scheme = SNNQ_SCHEME_ODD,
					.bits = 3,
					.region = n->weights,
					.offset = n->weight_bytes };
	n->weight_bytes += snnq_weight_bytes(l);
}

/* Leak 1/2, or what the variant says. */
static void add_neurons(struct network *n, struct snnq_layer *l)
{
	set_lif(&n->p, l, n->thresholds[n->spiking++]);
	l->neuron.leak = SNNQ_LEAK_DIVN;
	l->neuron.leak_param = strcmp(n->variant, "u/3") ? 2 : 3;
	if (!strcmp(n->variant, "CUBA")) {
		l->neuron.model = SNNQ_NEURON_CUBA;
		l->neuron.current_leak = SNNQ_LEAK_TZ12;
		l->neuron.current_leak_param = 3072;
	}
	place_state(&n->p, l);
}

static struct snnq_tensor conv(struct network *n, const char *name, struct snnq_tensor in,
			       uint32_t outputs)
{
	struct snnq_layer *l = layer(n, name, SNNQ_OP_CONV2D, in);

	l->geometry = (struct snnq_geometry){ 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0 };
	l->out = in_scratch(&n->p, planes(1, in.height, in.width, outputs));
	add_weights(n, l);
	add_neurons(n, l);
	return l->out;
}

static struct snnq_tensor pool(struct network *n, const char *name, struct snnq_tensor in)
{
	struct snnq_layer *l = layer(n, name, SNNQ_OP_POOL_MAX, in);

	l->geometry = (struct snnq_geometry){ 3, 3, 2, 2, 1, 1, 1, 1, 1, 0, 0, 0 };
	l->out = in_scratch(&n->p, planes(1, in.height / 2, in.width / 2, in.channels));
	return l->out;
}

static struct snnq_tensor linear(struct network *n, const char *name, struct snnq_tensor in,
				 uint32_t outputs)
{
	struct snnq_layer *l = layer(n, name, SNNQ_OP_LINEAR, in);

	l->out = in_scratch(&n->p, planes(1, in.height, in.width, outputs));
	add_weights(n, l);
	add_neurons(n, l);
	return l->out;
}

static struct snnq_tensor add(struct network *n, const char *name, struct snnq_tensor a,
			      struct snnq_tensor b, uint8_t out_planes)
{
	struct snnq_layer *l = layer(n, name, SNNQ_OP_ELEMENTWISE, a);

	l->in[1] = b;
	l->out = in_scratch(&n->p, planes(out_planes, a.height, a.width, a.channels));
	return l->out;
}

static struct snnq_tensor block(struct network *n, struct snnq_tensor x, uint8_t out_planes)
{
	struct snnq_tensor q = linear(n, "q", x, 256);
	struct snnq_tensor k = linear(n, "k", x, 256);
	struct snnq_tensor v = linear(n, "v", x, 256);
	struct snnq_layer *l = layer(n, "attention", SNNQ_OP_ATTENTION, q);

	l->in[1] = k;
	l->in[2] = v;
	l->param = HEADS;
	l->out = in_scratch(&n->p, planes(1, x.height, x.width, 256));
	add_neurons(n, l);
	x = add(n, "add", x, linear(n, "proj", l->out, 256), out_planes);
	q = linear(n, "fc1", x, 1024);
	return add(n, "add", x, linear(n, "fc2", q, 256), 3);
}

static void make_network(struct network *n, uint32_t job_steps)
{
	struct snnq_tensor x, scores;
	struct snnq_layer *l;

	program_init(&n->p, STEPS, job_steps);
	x = in_region(&n->p, planes(8, SIZE, SIZE, 2), SNNQ_ROLE_INPUT);
	n->weights = add_region(&n->p, SNNQ_ROLE_WEIGHTS, 1);
	n->weight_bytes = 0;
	n->spiking = 0;
	x = pool(n, "pool0", conv(n, "conv0", x, 32));
	x = pool(n, "pool1", conv(n, "conv1", x, 64));
	x = pool(n, "pool2", conv(n, "conv2", x, 128));
	x = pool(n, "pool3", conv(n, "conv3", x, 256));
	x = add(n, "add", x, conv(n, "rpe", x, 256), 2);
	x = block(n, x, 2);
	x = block(n, x, 3);
	l = layer(n, "head", SNNQ_OP_LINEAR, x);
	l->out = in_scratch(&n->p, make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 8, 8, 10));
	add_weights(n, l);
	scores = l->out;
	l = layer(n, "readout", SNNQ_OP_READOUT, scores);
	l->param = SNNQ_READOUT_SUM;
	l->out = in_region(&n->p, make_tensor(0, 0, SNNQ_FORMAT_INT32, 0, 1, 1, 10),
			   SNNQ_ROLE_READOUT);
	place_state(&n->p, l);
	n->p.regions[n->weights - SNNQ_REGION_USER].bytes = n->weight_bytes;
}

/* Counts with a mean of a third where something moves: three blocks of 16x16 in four. */
static void fill_input(const struct network *n, struct memory *m, uint64_t *random)
{
	const struct snnq_tensor *in = &n->p.layers[0].in[0];
	uint64_t step = n->p.regions[in->region - SNNQ_REGION_USER].step_bytes;
	uint32_t t, y, x, c;

	for (t = 0; t < STEPS; t++)
		for (y = 0; y < SIZE; y++)
			for (x = 0; x < SIZE; x++)
				for (c = 0; c < 2; c++) {
					bool moves = (y / 16 + x / 16 + t / 4) % 3;
					int32_t v = 0;

					while (v < 255 &&
					       random_below(random, 1000) < (moves ? 320 : 80))
						v++;
					set_element(in, m->bytes[in->region] + t * step, y, x, c,
						    v);
				}
}

static void fill_network(const struct network *n, struct memory *m)
{
	uint64_t random = 1, i;

	for (i = 0; i < n->weight_bytes; i++)
		m->bytes[n->weights][i] = (uint8_t)random_next(&random);
	fill_input(n, m, &random);
}

/* The fastest run of each layer: jobs say when a layer starts. */
struct clock {
	double started, seconds[PROGRAM_LAYERS];
	int64_t layer;
};

static void layer_starts(struct clock *c, uint32_t layer)
{
	double now = cpu_seconds();

	if (c->layer >= 0)
		c->seconds[c->layer] += now - c->started;
	c->layer = layer;
	c->started = now;
}

static double percent(uint64_t part, double whole)
{
	return whole > 0 ? 100. * (double)part / whole : 0;
}

/*
 * The least time of a layer with weights: its operations by EVENT, or those of all inputs by LOOKUP
 * or, with planes, DENSE; and its neurons' updates. Each at the rate that its loop alone reaches.
 */
static double least_seconds(const struct snnq_layer *l, const struct snnq_layer_stats *s,
			    const struct snnq_costs *c)
{
	double outputs = (double)snnq_tensor_elements(&l->out) * STEPS;
	double all = (double)s->synops * (double)s->input_possible / (double)s->input_spikes;
	double sums = (double)s->synops * c->row / 64, other;

	if (l->op != SNNQ_OP_CONV2D && l->op != SNNQ_OP_LINEAR)
		return 0;
	if (l->in[0].planes > 1)
		other = all / l->in[0].planes * c->dot / 32;
	else
		other = all * (c->table4 > 0 ? c->table4 : c->table) / (8 * 64 * 4);
	sums = other < sums ? other : sums;
	return (sums + (l->neuron.model == SNNQ_NEURON_NONE ? 0 : outputs * c->neuron)) * 1e-12;
}

static void print_layers(const struct network *n, const char *isa,
			 const struct snnq_layer_stats *stats, const double *seconds)
{
	const struct snnq_costs *costs = snnq_isa_costs(snnq_isa_find(isa));
	uint32_t i;

	for (i = 0; i < n->p.h.layer_count; i++) {
		const struct snnq_layer *l = &n->p.layers[i];
		double outputs = (double)snnq_tensor_elements(&l->out) * l->out.planes * STEPS;

		double least = least_seconds(l, &stats[i], costs);

		printf("  %-10s in %5.1f %%  out %5.1f %%  %8.3f ms %8.2f Gsynop/s", n->names[i],
		       percent(stats[i].input_spikes, (double)stats[i].input_possible),
		       percent(stats[i].output_spikes, outputs), seconds[i] * 1e3,
		       (double)stats[i].synops / seconds[i] * 1e-9);
		if (least > 0) {
			printf("  %3.0f %% of its peak", 100 * least / seconds[i]);
			bench_result(least * 1e3, "ms", "spikformer 2-256, %s, layer %u %s, least",
				     isa, i, n->names[i]);
		}
		putchar('\n');
		bench_result(seconds[i] * 1e3, "ms", "spikformer 2-256, %s, layer %u %s", isa, i,
			     n->names[i]);
	}
}

/* All steps in jobs of @job_steps; returns the best time of all jobs. */
static double run_jobs(struct snnq_plan *plan, struct memory *m, uint32_t job_steps,
		       struct snnq_layer_stats *stats, struct clock *clock)
{
	double start = cpu_seconds(), end;
	struct snnq_outcome outcome;
	struct snnq_run run;
	uint32_t done;
	bool more;

	for (done = 0; done < STEPS; done += job_steps) {
		run_init(&run, m, job_steps);
		run.reset = !done;
		run.state_seq = done / job_steps;
		run.stats = stats;
		for (more = snnq_job_begin(plan, &run, &outcome); more; more = snnq_job_step(plan))
			if (clock)
				layer_starts(clock, snnq_job_layer(plan));
		if (outcome.status)
			abort();
		memory_advance(m);
	}
	end = cpu_seconds();
	if (clock)
		layer_starts(clock, 0);
	return end - start;
}

/* The best that the machine has. */
static enum snnq_isa isa_best(void)
{
	enum snnq_isa isa, best = SNNQ_ISA_GENERIC;

	for (isa = SNNQ_ISA_GENERIC; isa < SNNQ_ISA_COUNT; isa++)
		if (snnq_isa_name(isa))
			best = isa;
	return best;
}

/* A network ready to run, with a crew. */
struct ready {
	struct snnq_plan *plan;
	struct snnq_crew *crew;
	struct memory m;
};

static void get_ready(struct ready *r, struct network *n, enum snnq_isa isa, uint32_t threads,
		      uint32_t job_steps)
{
	make_network(n, job_steps);
	r->plan = make_plan(&n->p);
	r->crew = NULL;
	snnq_plan_force_isa(r->plan, isa);
	if (threads > 1 && (snnq_crew_create(threads - 1, &r->crew) ||
			    snnq_plan_use_crew(r->plan, r->crew, UINT64_MAX)))
		abort();
	memory_init(&r->m, snnq_plan_info(r->plan), STEPS);
	r->m.use_view = true;
	fill_network(n, &r->m);
}

static void put_away(struct ready *r)
{
	memory_free(&r->m);
	snnq_plan_destroy(r->plan);
	snnq_crew_destroy(r->crew);
}

static double wall_of_a_job(struct ready *r, struct snnq_layer_stats *stats)
{
	double start = wall_seconds();

	run_jobs(r->plan, &r->m, STEPS, stats, NULL);
	return wall_seconds() - start;
}

/* Wall time with so many threads; the machine should have nothing else to do. */
static void measure_threads(struct network *n, enum snnq_isa isa, uint32_t threads)
{
	static struct snnq_layer_stats stats[PROGRAM_LAYERS];
	double best = 1e9, seconds;
	struct ready r;
	uint32_t run;

	get_ready(&r, n, isa, threads, STEPS);
	run_jobs(r.plan, &r.m, STEPS, stats, NULL);
	for (run = 0; run < RUNS; run++) {
		seconds = wall_of_a_job(&r, stats);
		best = seconds < best ? seconds : best;
	}
	printf("spikformer 2-256 %-5s %-8s %2u thread%s %8.2f ms wall\n", n->variant,
	       snnq_isa_name(isa), threads, threads == 1 ? ": " : "s:", best * 1e3);
	bench_result(best * 1e3, "ms", "spikformer 2-256, %s, %u threads, wall", snnq_isa_name(isa),
		     threads);
	put_away(&r);
}

static void measure_network(struct network *n, enum snnq_isa isa, uint32_t job_steps, bool layers)
{
	static struct snnq_layer_stats stats[PROGRAM_LAYERS];
	double best[PROGRAM_LAYERS], total = 1e9, seconds;
	struct ready r;
	uint32_t run, i;

	get_ready(&r, n, isa, 1, job_steps);
	for (i = 0; i < PROGRAM_LAYERS; i++)
		best[i] = 1e9;
	run_jobs(r.plan, &r.m, job_steps, stats, NULL); /* decodes the weights */
	for (run = 0; run < RUNS; run++) {
		struct clock clock = { .layer = -1 };

		seconds = run_jobs(r.plan, &r.m, job_steps, stats, &clock);
		total = seconds < total ? seconds : total;
		for (i = 0; i < n->p.h.layer_count; i++)
			best[i] = clock.seconds[i] < best[i] ? clock.seconds[i] : best[i];
	}
	if (layers)
		print_layers(n, snnq_isa_name(isa), stats, best);
	printf("spikformer 2-256 %-5s %-8s jobs of %2u steps: %8.2f ms\n", n->variant,
	       snnq_isa_name(isa), job_steps, total * 1e3);
	bench_result(total * 1e3, "ms", "spikformer 2-256 %s, %s, jobs of %u steps", n->variant,
		     snnq_isa_name(isa), job_steps);
	put_away(&r);
}

/* Layer of neuron layer @k. */
static uint32_t layer_of(const struct network *n, uint32_t k)
{
	uint32_t i;

	for (i = 0;; i++)
		if (n->p.layers[i].neuron.model != SNNQ_NEURON_NONE && !k--)
			return i;
}

/* Share of firing neurons of neuron layer @k, in percent. */
static double rate_of(struct network *n, uint32_t k)
{
	static struct snnq_layer_stats stats[PROGRAM_LAYERS];
	const struct snnq_layer *l;
	struct ready r;

	get_ready(&r, n, isa_best(), 1, STEPS);
	run_jobs(r.plan, &r.m, STEPS, stats, NULL);
	put_away(&r);
	l = &n->p.layers[layer_of(n, k)];
	return percent(stats[layer_of(n, k)].output_spikes,
		       (double)snnq_tensor_elements(&l->out) * STEPS);
}

/* The least thresholds with which no layer fires at more than @rate percent. */
static void calibrate(struct network *n, double rate, int32_t thresholds[SPIKING])
{
	uint32_t k;

	n->thresholds = thresholds;
	for (k = 0; k < SPIKING; k++) {
		int32_t low = 0, high = 4096;

		while (high - low > 1) {
			thresholds[k] = (low + high) / 2;
			if (rate_of(n, k) > rate)
				low = thresholds[k];
			else
				high = thresholds[k];
		}
		thresholds[k] = high;
	}
}

static struct network *network_of(double rate)
{
	static int32_t thresholds[SPIKING];
	static struct network n;

	n.variant = "u/2";
	n.thresholds = usual;
	if (rate > 0) {
		memcpy(thresholds, usual, sizeof(thresholds));
		calibrate(&n, rate, thresholds);
	}
	return &n;
}

static FILE *create(const char *folder, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

/* Levels of all layers with weights, each [kernel y][kernel x][input][output]. */
static void write_weights(const struct network *n, const uint8_t *packed, FILE *f)
{
	uint32_t i, o;

	for (i = 0; i < n->p.h.layer_count; i++) {
		const struct snnq_layer *l = &n->p.layers[i];
		uint64_t bytes = l->quant.bits ? snnq_row_bytes(l->quant.scheme, l->quant.bits,
								l->out.channels) :
						 0;
		uint64_t row, rows = bytes ? snnq_weight_bytes(l) / bytes : 0;

		for (row = 0; row < rows; row++)
			for (o = 0; o < l->out.channels; o++)
				fputc((int8_t)snnq_weight_decode(
					      l->quant.scheme, l->quant.bits,
					      snnq_weight_code(
						      l->quant.scheme, l->quant.bits,
						      packed + l->quant.offset + row * bytes, o)),
				      f);
	}
}

/* Counts: [step][channel][y][x], a byte each. */
static void write_input(const struct network *n, const struct memory *m, FILE *f)
{
	const struct snnq_tensor *in = &n->p.layers[0].in[0];
	uint64_t step = n->p.regions[in->region - SNNQ_REGION_USER].step_bytes;
	uint32_t t, c, y, x;

	for (t = 0; t < STEPS; t++)
		for (c = 0; c < in->channels; c++)
			for (y = 0; y < SIZE; y++)
				for (x = 0; x < SIZE; x++)
					fputc(get_element(in, m->bytes[in->region] + t * step, y, x,
							  c),
					      f);
}

/* What layers did, and the scores. */
static void write_results(const struct network *n, const struct memory *m,
			  const struct snnq_layer_stats *stats, FILE *f)
{
	const struct snnq_tensor *out = &n->p.layers[n->p.h.layer_count - 1].out;
	uint32_t i;

	fprintf(f, "{\n  \"layers\": [\n");
	for (i = 0; i < SPIKING; i++) {
		uint32_t at = layer_of(n, i);
		const struct snnq_layer *l = &n->p.layers[at];

		fprintf(f,
			"    {\"name\": \"%s\", \"threshold\": %d, \"spikes\": %llu, \"outputs\": %llu}%s\n",
			n->names[at], n->thresholds[i], (unsigned long long)stats[at].output_spikes,
			(unsigned long long)snnq_tensor_elements(&l->out) * STEPS,
			i + 1 < SPIKING ? "," : "");
	}
	fprintf(f, "  ],\n  \"scores\": [");
	for (i = 0; i < out->channels; i++)
		fprintf(f, "%s%d", i ? ", " : "", get_element(out, m->bytes[out->region], 0, 0, i));
	fprintf(f, "]\n}\n");
}

void write_spikformer(const char *folder, double rate)
{
	static struct snnq_layer_stats stats[PROGRAM_LAYERS];
	struct network *n = network_of(rate);
	struct ready r;
	FILE *f[3];
	int i;

	if (mkdir(folder, 0777) && errno != EEXIST) {
		perror(folder);
		exit(1);
	}
	get_ready(&r, n, isa_best(), 1, STEPS);
	run_jobs(r.plan, &r.m, STEPS, stats, NULL);
	f[0] = create(folder, "weights.i8");
	f[1] = create(folder, "input.u8");
	f[2] = create(folder, "network.json");
	write_weights(n, r.m.bytes[n->weights], f[0]);
	write_input(n, &r.m, f[1]);
	write_results(n, &r.m, stats, f[2]);
	for (i = 0; i < 3; i++)
		if (fclose(f[i])) {
			perror(folder);
			exit(1);
		}
	put_away(&r);
}

void run_spikformer(uint32_t jobs, const char *name)
{
	/* Of some processor, so that the kernels are the same everywhere. */
	static const struct snnq_costs generic = { .unit = 5500,
						   .call = 24000,
						   .row = 770,
						   .dot = 3000,
						   .unpack = 230,
						   .load = 510,
						   .table = 290000,
						   .image = 730,
						   .turn = 100 };
	static const struct snnq_costs avx2 = { .unit = 5500,
						.call = 5000,
						.row = 410,
						.dot = 700,
						.unpack = 110,
						.load = 510,
						.table = 4200,
						.image = 580,
						.turn = 70 };
	static struct snnq_layer_stats stats[PROGRAM_LAYERS];
	enum snnq_isa isa = snnq_isa_find(name);
	struct ready r;

	if (isa == SNNQ_ISA_COUNT) {
		fprintf(stderr, "%s: expected an instruction set that this machine has\n", name);
		exit(1);
	}
	get_ready(&r, network_of(0), isa, 1, STEPS);
	snnq_plan_force_costs(r.plan, isa == SNNQ_ISA_GENERIC ? &generic : &avx2);
	for (; jobs; jobs--)
		run_jobs(r.plan, &r.m, STEPS, stats, NULL);
	put_away(&r);
}

void time_spikformer(double rate, uint32_t threads)
{
	static struct snnq_layer_stats stats[PROGRAM_LAYERS];
	struct network *n = network_of(rate);
	struct ready r;
	char line[16];

	get_ready(&r, n, isa_best(), threads, STEPS);
	run_jobs(r.plan, &r.m, STEPS, stats, NULL);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		printf("%.4f\n", wall_of_a_job(&r, stats) * 1e3);
		fflush(stdout);
	}
	put_away(&r);
}

void measure_spikformer(void)
{
	static const char *const variants[] = { "u/2", "u/3", "CUBA" };
	static struct network n;
	enum snnq_isa isa;
	uint32_t threads, processors = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	size_t v;

	n.variant = variants[0];
	n.thresholds = usual;
	for (isa = SNNQ_ISA_GENERIC; isa < SNNQ_ISA_COUNT; isa++)
		if (snnq_isa_name(isa))
			measure_network(&n, isa, STEPS, true);
	for (threads = 1; threads <= processors; threads *= 2)
		measure_threads(&n, isa_best(), threads);
	measure_network(&n, isa_best(), 1, false);
	for (v = 1; v < sizeof(variants) / sizeof(variants[0]); v++) {
		n.variant = variants[v];
		measure_network(&n, isa_best(), STEPS, false);
	}
}
