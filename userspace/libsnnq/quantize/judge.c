// SPDX-License-Identifier: MIT
/*
 * judge.c - run an integer model on the calibration recordings, compare its classes with
 * the float network's.
 *
 * The engine runs it. The loss is the mean over recordings of the Kullback-Leibler divergence
 * of softmax(integer scores / T) from softmax(float scores / T), in nats. T is the root mean
 * square of the float scores around their means: softened like this (Hinton et al. 2015),
 * recordings of which the network is sure tell something too. exp and log are made of basic
 * operations here, because those of C libraries differ in the last bit.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "model/compile.h"
#include "base/error.h"
#include "base/host.h"
#include "run/job_memory.h"
#include "base/parallel.h"
#include "quantize/quantize.h"

/* ---- functions ---- */

/* e^x for x <= 0: 2^k e^r with |r| <= log(2) / 2, and the series of e^r. */
static double exp_of(double x)
{
	double k = rint(x * 1.4426950408889634), r, sum = 1;

	if (!(x > -700))
		return 0;
	r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10; /* log(2) in two parts */
	for (int i = 14; i; i--)
		sum = 1 + sum * r / i;
	return ldexp(sum, (int)k);
}

/* log x for x >= 1: x = 2^k m; log m = 2 artanh((m - 1) / (m + 1)), and its series. */
static double log_of(double x)
{
	int k;
	double m = frexp(x, &k), z, sum = 0;

	if (m < 0.7071067811865476) {
		m *= 2;
		k--;
	}
	z = (m - 1) / (m + 1);
	for (int i = 21; i > 0; i -= 2)
		sum = sum * z * z + 1.0 / i;
	return 2 * z * sum + k * 0.6931471805599453;
}

static uint32_t largest_of(const double *x, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++)
		if (x[i] > x[best])
			best = i;
	return best;
}

/* log sum e^(x / t) */
static double log_sum_exp(const double *x, uint32_t n, double t)
{
	double largest = x[largest_of(x, n)] / t, sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += exp_of(x[i] / t - largest);
	return largest + log_of(sum);
}

double judge_temperature(const struct floatnet_record *records, uint32_t count, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		double mean = 0;

		for (uint32_t c = 0; c < n; c++)
			mean += records[i].scores[c] / n;
		for (uint32_t c = 0; c < n; c++)
			sum += (records[i].scores[c] - mean) * (records[i].scores[c] - mean);
	}
	return sum > 0 ? sqrt(sum / ((double)count * n)) : 1;
}

double judge_divergence(const double *is, const double *other, uint32_t n, double t)
{
	double norm = log_sum_exp(is, n, t), other_norm = log_sum_exp(other, n, t), sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		double log_p = is[i] / t - norm;

		sum += exp_of(log_p) * (log_p - (other[i] / t - other_norm));
	}
	return fmax(sum, 0);
}

/* ---- candidates ---- */

int candidate_graph_open(const struct graph *integer, double float_scale, struct candidate_graph *g)
{
	*g = (struct candidate_graph){ .graph = *integer, .float_scale = float_scale };
	g->layers = malloc(integer->layer_count * sizeof(*g->layers));
	g->tensors = calloc(3 * (size_t)integer->layer_count, sizeof(*g->tensors));
	if (!g->layers || !g->tensors) {
		candidate_graph_close(g);
		return error_set(-ENOMEM, "no memory for a candidate");
	}
	memcpy(g->layers, integer->layers, integer->layer_count * sizeof(*g->layers));
	g->graph.layers = g->layers;
	return 0;
}

static void set_numbers(struct graph_numbers *n, struct tensor *t, const int32_t *values,
			uint32_t count)
{
	*t = (struct tensor){ .dtype = DTYPE_I32,
			      .dims = 1,
			      .shape = { count },
			      .data = values,
			      .bytes = (uint64_t)count * sizeof(*values) };
	*n = (struct graph_numbers){ .tensor = t, .count = count };
}

void candidate_graph_set(struct candidate_graph *g, uint32_t layer, const struct quantized *q)
{
	struct graph_layer *l = &g->layers[layer];
	struct tensor *t = &g->tensors[3 * (size_t)layer];

	*t = (struct tensor){ .dtype = DTYPE_U8,
			      .dims = 1,
			      .shape = { q->packed_bytes },
			      .data = q->packed,
			      .bytes = q->packed_bytes };
	l->weight = t;
	l->scheme = q->grid.scheme;
	l->bits = q->grid.bits;
	set_numbers(&l->bias, t + 1, q->bias, q->shape.outputs);
	if (q->threshold) {
		set_numbers(&l->threshold, t + 2, q->threshold, q->shape.outputs);
		l->neuron.shift = (uint8_t)q->shift;
		return;
	}
	l->neuron.requant_shift = (uint8_t)q->requant_shift;
	if (q->mults)
		set_numbers(&l->mult, t + 2, q->mults, q->shape.outputs);
	else
		l->mult = (struct graph_numbers){ .value = q->mult, .count = 1 };
	if (g->graph.readout == (int)layer)
		g->graph.readout_scale = g->float_scale * q->unit;
}

void candidate_graph_close(struct candidate_graph *g)
{
	free(g->layers);
	free(g->tensors);
	g->layers = NULL;
	g->tensors = NULL;
}

/* ---- running ---- */

struct verdict {
	double loss;
	bool agrees;
	uint32_t saturated;
};

struct judge {
	const struct calibration *calibration;
	const struct graph *graph;
	struct compiled program;
	struct snnq_weights *weights; /* of all chunks */
	const struct judge_opts *opts;
	uint32_t first_layer, chunk; /* chunk: recordings of an item */
	struct verdict *verdicts;
	atomic_uint changed;  /* classes so far */
	pthread_mutex_t lock; /* of opts->stats */
};

/* What a run writes. */
struct work {
	struct job_memory memory;
	double *scores;			/* [classes] */
	struct snnq_layer_stats *stats; /* [layers of the program] */
};

static void set_region(struct work *w, int region, const void *base, uint64_t bytes)
{
	if (region >= 0)
		w->memory.user[region] = (struct job_region){ (uint8_t *)base, bytes };
}

/*
 * Where a record has a layer's output: int32 values lie as the float network's real ones do. NULL
 * for what weights read of them, which has bit-planes here.
 */
static uint64_t *slots_of(const struct judge *j, const struct floatnet_record *r, uint32_t i)
{
	const struct graph_layer *l = &j->graph->layers[i];
	bool same = l->out.format == SNNQ_FORMAT_INT32 ||
		    floatnet_words(j->calibration->net, (int)i);

	if (!same)
		return NULL;
	return r->spikes[i] ? r->spikes[i] : r->reals[i];
}

/* Outputs of all layers, step by step, into a record like the float network's. */
static void copy_taps(const struct judge *j, const struct work *w, struct floatnet_record *r)
{
	const struct compiled *p = &j->program;
	const uint8_t *taps = w->memory.user[p->taps_region].base;

	for (uint32_t i = j->first_layer; i < j->graph->layer_count; i++) {
		uint64_t words = floatnet_slot_words(j->calibration->net, (int)i);
		uint64_t bytes = snnq_tensor_bytes(&p->taps[i]), *to = slots_of(j, r, i);

		for (uint32_t t = 0; to && t < j->graph->input.steps; t++)
			memcpy(to + t * words, taps + t * p->taps_step_bytes + p->taps[i].offset,
			       bytes);
	}
}

/* Outputs of layers that do not run, as the plan holds them. */
static void supply_outputs(const struct judge *j, struct snnq_plan *plan, uint32_t recording)
{
	size_t slot_bytes;
	uint8_t *scratch = snnq_plan_scratch(plan, &slot_bytes);

	for (uint32_t i = 0; i < j->first_layer; i++) {
		const uint64_t *from = slots_of(j, &j->opts->before[recording], i);
		uint64_t words = floatnet_slot_words(j->calibration->net, (int)i);

		for (uint32_t t = 0; from && t < j->graph->input.steps; t++)
			memcpy(scratch + t * slot_bytes + j->program.offsets[i], from + t * words,
			       words * 8);
	}
}

static void compare(struct judge *j, const int32_t *readout, double *scores, uint32_t recording)
{
	uint32_t n = j->graph->readout_channels;
	const double *is = j->calibration->records[recording].scores;

	for (uint32_t c = 0; c < n; c++)
		scores[c] = readout[c] * j->graph->readout_scale;
	j->verdicts[recording].loss = judge_divergence(is, scores, n, j->calibration->temperature);
	j->verdicts[recording].agrees = largest_of(is, n) == largest_of(scores, n);
	if (!j->verdicts[recording].agrees)
		atomic_fetch_add(&j->changed, 1);
}

/*
 * 1 + the first layer whose sums were clamped to 32 bits; of layers without weights and of currents
 * that are clamped to their planes this is what the network means.
 */
static uint32_t saturated(const struct judge *j, const struct snnq_layer_stats *stats)
{
	for (uint32_t i = 0; i < j->program.info.layer_count; i++) {
		const struct graph_layer *l = &j->graph->layers[i];

		if (!stats[i].saturations)
			continue;
		if (i >= j->graph->layer_count)
			return 1 + (uint32_t)j->graph->readout;
		if (l->weight && (l->neuron.model != SNNQ_NEURON_NONE || !l->out.planes))
			return 1 + i;
	}
	return 0;
}

/* Sums of integers: the same in any order. */
static void add_stats(struct judge *j, const struct snnq_layer_stats *stats)
{
	pthread_mutex_lock(&j->lock);
	for (uint32_t i = 0; i < j->graph->layer_count; i++)
		for (size_t k = 0; k < sizeof(*stats) / sizeof(__u64); k++)
			((__u64 *)&j->opts->stats[i])[k] += ((const __u64 *)&stats[i])[k];
	pthread_mutex_unlock(&j->lock);
}

static int run_one(struct judge *j, struct snnq_plan *plan, struct work *w, uint32_t i)
{
	const struct compiled *p = &j->program;
	uint32_t steps = j->graph->input.steps;
	struct snnq_run run = { .steps = steps,
				.reset = true,
				.first_layer = j->first_layer,
				.stats = w->stats,
				.memory = job_memory_of(&w->memory) };
	struct snnq_outcome outcome;

	set_region(w, p->input_region, j->calibration->inputs[i], steps * p->input_step_bytes);
	supply_outputs(j, plan, i);
	snnq_plan_run(plan, &run, &outcome);
	if (outcome.status != SNNQ_STATUS_OK)
		return error_set(-EIO, "engine: status %u in layer %u", outcome.status,
				 outcome.layer);
	if (j->opts->stats)
		add_stats(j, w->stats);
	j->verdicts[i].saturated = saturated(j, w->stats);
	compare(j, (const int32_t *)w->memory.user[p->readout_region].base, w->scores, i);
	if (j->opts->records)
		copy_taps(j, w, &j->opts->records[i]);
	return 0;
}

/* More classes than are allowed have changed: nothing else matters. */
static bool enough(struct judge *j)
{
	return j->opts->limit && atomic_load(&j->changed) > j->opts->allowed;
}

static int run_chunk(void *ctx, uint32_t item)
{
	struct judge *j = ctx;
	const struct compiled *p = &j->program;
	uint32_t first = item * j->chunk, end = first + j->chunk, all = j->calibration->count;
	uint64_t taps = p->taps_region >= 0 ? j->graph->input.steps * p->taps_step_bytes : 0;
	struct snnq_plan *plan = NULL;
	struct work w = { 0 };
	/* Scores have twice the bytes of readouts. */
	uint8_t *block = calloc(1, p->info.state_bytes + 3 * p->readout_bytes + taps +
					   p->info.layer_count * sizeof(*w.stats));
	int ret = block ? snnq_plan_share(j->weights, host_memory(), NULL, &plan) : -ENOMEM;

	if (ret)
		error_set(ret, "no memory to run a candidate");
	/* Read before it is written, and every run starts from zero: one state will do. */
	w.memory.state_in = w.memory.state_out = (struct job_region){ block, p->info.state_bytes };
	w.scores = (double *)(block + p->info.state_bytes + p->readout_bytes + taps);
	w.stats = (struct snnq_layer_stats *)(w.scores + p->readout_bytes / 4);
	set_region(&w, p->weights_region, p->weights, p->weights_bytes);
	set_region(&w, p->readout_region, block + p->info.state_bytes, p->readout_bytes);
	set_region(&w, p->taps_region, block + p->info.state_bytes + p->readout_bytes, taps);
	for (uint32_t i = first; !ret && i < end && i < all && !enough(j); i++)
		ret = run_one(j, plan, &w, i);
	snnq_plan_destroy(plan);
	free(block);
	return ret;
}

/* Layers of a loop run together, and outputs that records have no place for must be made again. */
static uint32_t start_of(const struct graph *g, uint32_t first)
{
	uint32_t start = first;

	for (uint32_t i = first; i < g->layer_count; i++)
		for (uint32_t k = 0; k < g->layers[i].in_count; k++) {
			int in = g->layers[i].in[k];

			if (in >= 0 && (uint32_t)in < start &&
			    g->layers[in].out.format == SNNQ_FORMAT_SIGNED)
				start = (uint32_t)in;
		}
	while (start && g->layers[start].loop && g->layers[start - 1].loop == g->layers[start].loop)
		start--;
	return start == first ? start : start_of(g, start);
}

static uint32_t chunk_of(uint32_t count, uint32_t threads)
{
	/* Several chunks per thread level out; a plan for each costs little beside them. */
	return threads == 1 ? count : count / 8 + 1;
}

static int run_chunks(struct judge *j)
{
	const struct compiled *p = &j->program;
	int ret = snnq_weights_create(p->program, p->program_bytes, &snnq_caps_all, host_memory(),
				      NULL, &j->weights, NULL);

	if (ret)
		return error_set(ret, "no memory to run a candidate");
	ret = parallel_for((j->calibration->count + j->chunk - 1) / j->chunk, j->opts->threads,
			   run_chunk, j);
	snnq_weights_put(j->weights);
	return ret;
}

/* Records and plans have room for what both networks put out: they must agree. */
static int check_shapes(const struct judge *j)
{
	for (uint32_t i = 0; i < j->graph->layer_count; i++) {
		const struct graph_shape *is = &j->graph->layers[i].out;
		const struct graph_shape *want = floatnet_shape(j->calibration->net, (int)i);
		bool planes = !want->planes || want->planes == is->planes;

		if (!planes || is->height != want->height || is->width != want->width ||
		    is->channels != want->channels)
			return error_set(-EBADMSG,
					 "candidate: layer %s: expected %ux%ux%u and %u planes, as "
					 "the float model has, found %ux%ux%u and %u",
					 j->graph->layers[i].name, want->height, want->width,
					 want->channels, want->planes, is->height, is->width,
					 is->channels, is->planes);
	}
	return 0;
}

int judge_run(const struct calibration *c, const struct graph *integer,
	      const struct judge_opts *opts, struct judgement *judgement)
{
	struct judge j = { .calibration = c,
			   .graph = integer,
			   .opts = opts,
			   .chunk = chunk_of(c->count, opts->threads),
			   .lock = PTHREAD_MUTEX_INITIALIZER };
	struct compile_opts compile = { .taps = opts->records != NULL, .caps = &snnq_caps_all };
	int ret = check_shapes(&j);

	if (!ret)
		ret = compile_graph("candidate", integer, &compile, &j.program);
	if (ret)
		return ret;
	/* Supplied outputs must be there for all steps at once. */
	if (j.program.info.tile_steps >= integer->input.steps)
		j.first_layer = start_of(integer, opts->first_layer);
	j.verdicts = calloc(c->count, sizeof(*j.verdicts));
	ret = j.verdicts ? run_chunks(&j) : error_set(-ENOMEM, "no memory for results");
	*judgement = (struct judgement){ 0 };
	for (uint32_t i = 0; !ret && i < c->count; i++) {
		judgement->loss += j.verdicts[i].loss / c->count;
		judgement->agreeing += j.verdicts[i].agrees;
		if (!judgement->saturated)
			judgement->saturated = j.verdicts[i].saturated;
		if (opts->losses)
			opts->losses[i] = j.verdicts[i].loss;
	}
	free(j.verdicts);
	compile_free(&j.program);
	return ret;
}
