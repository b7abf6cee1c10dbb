// SPDX-License-Identifier: MIT
/*
 * response.c - simulate neurons for pairs of threshold and bias, keep the best pair.
 *
 * What is minimised is the distance of van Rossum (2001) between the spike trains of a place: the
 * sum over steps of the squared difference of their leaky traces, here d <- floor(d / 2) +
 * 256 (spike - target). Unlike the number of wrong spikes it counts a spike that is one step late
 * as less wrong than a missing one. The arithmetic of the neuron is that of numerics.md.
 */
#include "quantize/response.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "neuron.h"
#include "base/parallel.h"
#include "base/simd.h"

#define LANES  16u
#define LEVELS 3  /* of the search: steps of 1/8, 1/16, ... of the threshold */
#define MOVES  2  /* tries of all neighbours on each level */
#define FOLDS  4u /* of the recordings; a pair has to be better on each */

struct block {
	const struct response *r;
	uint32_t lanes;
	int16_t *weights; /* [inputs][LANES] */
	int32_t *acc;	  /* [patches][LANES], shifted by F */
	uint16_t *target; /* [patches], a bit per lane */
	int32_t limit;	  /* no potential can pass it with biases below it */
};

struct pairs {
	int32_t threshold[LANES], bias[LANES];
};

/* By fold of the recordings. */
struct outcome {
	uint64_t distance[FOLDS][LANES], wrong[FOLDS][LANES];
};

/* ---- neurons ---- */

/* Whether simulate_place() will do. */
static bool is_plain(const struct response *r)
{
	const struct snnq_neuron *n = r->neuron;

	return n->model == SNNQ_NEURON_LIF && !n->delay && !n->refractory && !n->reset_value &&
	       !n->flags && n->leak != SNNQ_LEAK_TZ12 && n->reset != SNNQ_RESET_NONE &&
	       !r->skip_first;
}

static inline uint32_t fold_of(const struct block *b, size_t patch)
{
	return b->r->patches->places[patch / b->r->patches->steps].recording % FOLDS;
}

static inline __attribute__((always_inline)) int32_t leaked(int32_t u, uint32_t leak, uint32_t by)
{
	switch (leak) {
	case SNNQ_LEAK_NONE:
		return u;
	case SNNQ_LEAK_Q16:
		return (int32_t)(((int64_t)u * by) >> 16);
	default:
		return by == 2 ? u >> 1 : (u - (u < 0 ? (int32_t)by - 1 : 0)) / (int32_t)by;
	}
}

/* All steps of a place; @soft, @strict, @leak and @by are constants where it matters. */
static inline __attribute__((always_inline)) void simulate_place(
	const struct block *b, size_t first, const struct pairs *p, struct outcome *o, bool soft,
	bool strict, uint32_t leak, uint32_t by)
{
	int32_t u[LANES] = { 0 }, trace[LANES] = { 0 }, sum[LANES] = { 0 }, wrong[LANES] = { 0 };
	uint32_t fold = fold_of(b, first);

	for (uint32_t t = 0; t < b->r->patches->steps; t++) {
		const int32_t *acc = b->acc + (first + t) * LANES;
		int32_t target = b->target[first + t];

		for (uint32_t c = 0; c < LANES; c++) {
			int32_t v = leaked(u[c], leak, by) + acc[c] + p->bias[c];
			int32_t s = strict ? v > p->threshold[c] : v >= p->threshold[c];
			int32_t d = s - (target >> c & 1);

			u[c] = soft ? v - (-s & p->threshold[c]) : v & (s - 1);
			trace[c] = (trace[c] >> 1) + 256 * d;
			sum[c] += trace[c] * trace[c] >> 4;
			wrong[c] += d & 1;
		}
	}
	for (uint32_t c = 0; c < LANES; c++) {
		o->distance[fold][c] += (uint32_t)sum[c];
		o->wrong[fold][c] += (uint32_t)wrong[c];
	}
}

SIMD_CLONES
static void simulate_plain(const struct block *b, const struct pairs *p, struct outcome *o)
{
	const struct snnq_neuron *n = b->r->neuron;
	bool soft = n->reset == SNNQ_RESET_SOFT, strict = n->compare == SNNQ_COMPARE_GT;
	bool usual = n->leak == SNNQ_LEAK_DIVN && n->leak_param == 2 && !soft && !strict;
	uint32_t steps = b->r->patches->steps;

	for (size_t m = 0; m < patch_count(b->r->patches); m += steps) {
		if (usual)
			simulate_place(b, m, p, o, false, false, SNNQ_LEAK_DIVN, 2);
		else
			simulate_place(b, m, p, o, soft, strict, n->leak, n->leak_param);
	}
}

/* Spikes of one step, of any neurons, as the engine executes them; delays are left out. */
static uint64_t fire(const struct block *b, struct neuron_lanes *n, size_t patch, bool first)
{
	if (first && b->r->skip_first)
		return 0;
	n->acc = b->acc + patch * LANES;
	return neuron_word(n);
}

static void simulate_any(const struct block *b, const struct pairs *p, struct outcome *o)
{
	struct snnq_neuron neuron = *b->r->neuron;
	uint32_t steps = b->r->patches->steps, delay = neuron.delay;
	struct neuron_lanes n = neuron_lanes_of(&neuron);

	neuron.shift = 0; /* accumulators are shifted already */
	n.threshold = p->threshold;
	n.bias = p->bias;
	n.count = LANES;
	for (size_t m = 0; m < patch_count(b->r->patches); m += steps) {
		int32_t u[LANES] = { 0 }, i[LANES] = { 0 }, trace[LANES] = { 0 };
		uint32_t aux[LANES] = { 0 }, fold = fold_of(b, m);

		n.u = u;
		n.i = neuron.model == SNNQ_NEURON_CUBA ? i : NULL;
		n.aux = neuron.refractory || neuron.flags & SNNQ_NEURON_FLAG_STICKY ? aux : NULL;
		for (uint32_t t = 0; t + delay < steps; t++) {
			uint64_t spikes = fire(b, &n, m + t, !t);
			uint32_t target = b->target[m + t + delay];

			for (uint32_t c = 0; c < LANES; c++) {
				int32_t d = (int32_t)(spikes >> c & 1) - (int32_t)(target >> c & 1);

				trace[c] = (trace[c] >> 1) + 256 * d;
				o->distance[fold][c] += (uint32_t)(trace[c] * trace[c] >> 4);
				o->wrong[fold][c] += d & 1;
			}
		}
	}
}

static void simulate(const struct block *b, const struct pairs *p, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	if (is_plain(b->r))
		simulate_plain(b, p, o);
	else
		simulate_any(b, p, o);
}

/* ---- what they get ---- */

/* Sums of one patch in 32 bits: any values. */
static inline void add_wide(const struct block *b, size_t first, size_t end, int32_t sum[LANES])
{
	const struct patches *p = b->r->patches;

	for (size_t e = first; e < end; e++) {
		const int16_t *w = b->weights + (size_t)p->entry[e] * LANES;
		int32_t value = p->value[e];

		for (uint32_t c = 0; c < LANES; c++)
			sum[c] += value * w[c];
	}
}

/* Of spikes, in 16 bits as long as those suffice: @most rows. */
static inline void add_spikes(const struct block *b, size_t first, size_t end, size_t most,
			      int32_t sum[LANES])
{
	const uint32_t *entry = b->r->patches->entry;

	while (first < end) {
		size_t stop = end - first < most ? end : first + most;
		int16_t narrow[LANES] = { 0 };

		for (; first < stop; first++)
			for (uint32_t c = 0; c < LANES; c++)
				narrow[c] = (int16_t)(narrow[c] +
						      b->weights[(size_t)entry[first] * LANES + c]);
		for (uint32_t c = 0; c < LANES; c++)
			sum[c] += narrow[c];
	}
}

SIMD_CLONES
static void accumulate(struct block *b)
{
	const struct patches *p = b->r->patches;
	size_t most = p->planes == 1 ? (size_t)(INT16_MAX / b->r->grid->largest) : 1;

	for (size_t m = 0; m < patch_count(p); m++) {
		int32_t sum[LANES] = { 0 };

		if (most > 1)
			add_spikes(b, p->start[m], p->start[m + 1], most, sum);
		else
			add_wide(b, p->start[m], p->start[m + 1], sum);
		for (uint32_t c = 0; c < LANES; c++)
			b->acc[m * LANES + c] = sum[c] * (1 << b->r->shift);
	}
}

static void read_targets(struct block *b, uint32_t first)
{
	const struct response *r = b->r;
	const struct graph_shape *out = r->out;
	size_t words = (out->channels + 63) / 64, slot = words * out->height * out->width;
	uint32_t steps = r->patches->steps, channel = r->first + first;

	for (uint32_t i = 0; i < r->patches->place_count; i++) {
		const struct place *p = &r->patches->places[i];
		const uint64_t *at = r->targets[p->recording] +
				     ((size_t)p->y * out->width + p->x) * words;

		for (uint32_t t = 0; t < steps; t++, at += slot) {
			uint32_t bits = 0;

			for (uint32_t c = 0; c < b->lanes; c++)
				bits |= (uint32_t)(at[(channel + c) / 64] >> (channel + c) % 64 & 1)
					<< c;
			b->target[(size_t)i * steps + t] = (uint16_t)bits;
		}
	}
}

/* The most that biases and thresholds may be, so that potentials stay within int32. */
static int32_t find_limit(const struct block *b)
{
	const struct snnq_neuron *n = b->r->neuron;
	double largest = 0, gain = b->r->patches->steps;

	for (size_t i = 0; i < patch_count(b->r->patches) * LANES; i++)
		largest = fmax(largest, fabs((double)b->acc[i]));
	if (n->leak == SNNQ_LEAK_DIVN && n->leak_param >= 2)
		gain = 2;
	return (int32_t)fmax((double)INT32_MAX / (gain + 1) - largest, 0);
}

static int block_open(struct block *b, const struct response *r, uint32_t first)
{
	uint32_t n = r->patches->inputs;

	b->r = r;
	b->lanes = r->count - first < LANES ? r->count - first : LANES;
	b->weights = calloc((size_t)n * LANES, sizeof(*b->weights));
	b->acc = malloc(patch_count(r->patches) * LANES * sizeof(*b->acc));
	b->target = malloc(patch_count(r->patches) * sizeof(*b->target));
	if (!b->weights || !b->acc || !b->target)
		return error_set(-ENOMEM, "no memory to simulate neurons");
	for (uint32_t c = 0; c < b->lanes; c++)
		for (uint32_t i = 0; i < n; i++)
			b->weights[(size_t)i * LANES + c] =
				(int16_t)r->grid->levels[r->indices[(size_t)(first + c) * n + i]];
	accumulate(b);
	read_targets(b, first);
	b->limit = find_limit(b);
	return 0;
}

static void block_close(struct block *b)
{
	free(b->weights);
	free(b->acc);
	free(b->target);
}

/* ---- search ---- */

static bool within(const struct block *b, int32_t threshold, int32_t bias)
{
	return threshold >= 1 && threshold <= b->limit && bias <= b->limit && bias >= -b->limit;
}

/* The pair moved by (dt, db) steps of each lane, where that is allowed. */
static struct pairs moved(const struct block *b, const struct pairs *from, const int32_t *step,
			  int dt, int db)
{
	struct pairs p = *from;

	for (uint32_t c = 0; c < b->lanes; c++) {
		int64_t t = (int64_t)from->threshold[c] + (int64_t)dt * step[c];
		int64_t bias = (int64_t)from->bias[c] + (int64_t)db * step[c];

		if (t > INT32_MAX || bias > INT32_MAX || bias < INT32_MIN || t < 1 ||
		    !within(b, (int32_t)t, (int32_t)bias))
			continue;
		p.threshold[c] = (int32_t)t;
		p.bias[c] = (int32_t)bias;
	}
	return p;
}

/*
 * Of many pairs one is always better by chance: it must be so on each fold of the recordings.
 */
static bool is_better(const struct outcome *o, const struct outcome *least, uint32_t lane)
{
	uint64_t sum = 0, least_sum = 0;

	for (uint32_t fold = 0; fold < FOLDS; fold++) {
		if (o->distance[fold][lane] > least->distance[fold][lane])
			return false;
		sum += o->distance[fold][lane];
		least_sum += least->distance[fold][lane];
	}
	return sum < least_sum;
}

static bool keep_better(const struct block *b, const struct pairs *p, const struct outcome *o,
			struct pairs *best, struct outcome *least)
{
	bool moved = false;

	for (uint32_t c = 0; c < b->lanes; c++) {
		if (!is_better(o, least, c))
			continue;
		best->threshold[c] = p->threshold[c];
		best->bias[c] = p->bias[c];
		for (uint32_t fold = 0; fold < FOLDS; fold++) {
			least->distance[fold][c] = o->distance[fold][c];
			least->wrong[fold][c] = o->wrong[fold][c];
		}
		moved = true;
	}
	return moved;
}

static void search(const struct block *b, struct pairs *best, struct outcome *least)
{
	int32_t start[LANES], step[LANES];

	memcpy(start, best->threshold, sizeof(start));
	for (uint32_t level = 0; level < LEVELS; level++) {
		bool going = true;

		for (uint32_t c = 0; c < LANES; c++)
			step[c] = start[c] >> (3 + level) ? start[c] >> (3 + level) : 1;
		for (uint32_t move = 0; move < MOVES && going; move++) {
			struct pairs from = *best;

			going = false;
			for (int i = 0; i < 9; i++) {
				struct pairs p = moved(b, &from, step, i / 3 - 1, i % 3 - 1);
				struct outcome o;

				if (i == 4)
					continue;
				simulate(b, &p, &o);
				going |= keep_better(b, &p, &o, best, least);
			}
		}
	}
}

static int run_block(void *ctx, uint32_t item)
{
	struct response *r = ctx;
	uint32_t first = item * LANES;
	struct block b = { 0 };
	int ret = block_open(&b, r, first);

	if (!ret) {
		struct pairs best = { .threshold = { 0 } };
		struct outcome least;
		bool in_range = true;

		for (uint32_t c = 0; c < b.lanes; c++) {
			best.threshold[c] = r->threshold[first + c];
			best.bias[c] = r->bias[first + c];
			in_range = in_range && within(&b, best.threshold[c], best.bias[c]);
		}
		simulate(&b, &best, &least);
		if (r->search && in_range)
			search(&b, &best, &least);
		for (uint32_t c = 0; c < b.lanes; c++) {
			r->threshold[first + c] = best.threshold[c];
			r->bias[first + c] = best.bias[c];
			r->distance[first + c] = r->wrong[first + c] = 0;
			for (uint32_t fold = 0; fold < FOLDS; fold++) {
				r->distance[first + c] += least.distance[fold][c];
				r->wrong[first + c] += least.wrong[fold][c];
			}
		}
	}
	block_close(&b);
	return ret;
}

int response_run(struct response *r, uint32_t threads)
{
	return parallel_for((r->count + LANES - 1) / LANES, threads, run_block, r);
}
