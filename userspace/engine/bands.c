// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bands.c - positions of a layer, in bands that the threads of a crew compute side by
 * side. Bands share what they read; each writes outputs and states of its own positions,
 * and has lists, accumulators and counters of its thread, so that the bits and the sums
 * of the counters are those of one thread.
 */
#include <stdatomic.h>

#include "engine.h"

#define WORTH_IT     (1u << 15) /* outputs, of all steps: some ten microseconds */
#define BANDS_A_HAND 3u		/* so that the last one does not keep the others waiting */
#define FEWEST	     8u		/* positions of a band */

/**
 * struct bands - what the threads share
 * @helper: the job as a helper sees it, but for what is each helper's own. A copy: the job
 *	itself changes while its thread works.
 * @all: positions, @each in a band.
 * @stop: the job is to end.
 * @counters: of each thread but the job's own.
 */
struct bands {
	struct job *job;
	struct job helper;
	struct layer *layer;
	const struct block *block;
	band_fn *fn;
	uint64_t all;
	uint64_t each;
	atomic_bool stop;
	struct snnq_layer_stats counters[SNNQ_MAX_HELPERS];
};

static bool told_to_stop(void *ctx)
{
	struct bands *b = ctx;

	return atomic_load_explicit(&b->stop, memory_order_relaxed);
}

static struct job job_of_helper(struct bands *b, uint32_t helper, struct snnq_outcome *unused)
{
	struct job job = b->helper;

	job.outcome = unused;
	job.stats = &b->counters[helper];
	job.hand = job.plan->hands[helper];
	job.pace = (struct snnq_pace){ .tick = job.pace.tick ? told_to_stop : NULL, .ctx = b };
	return job;
}

static bool do_band(void *ctx, uint32_t item, uint32_t hand)
{
	struct bands *b = ctx;
	struct range r = { .first = item * b->each, .end = (item + 1) * b->each };
	struct snnq_outcome unused;
	struct job job;

	if (r.end > b->all)
		r.end = b->all;
	if (hand) {
		job = job_of_helper(b, hand - 1, &unused);
		return b->fn(&job, b->layer, b->block, r);
	}
	if (!b->fn(b->job, b->layer, b->block, r))
		return false;
	atomic_store(&b->stop, true);
	return true;
}

/* The job's own thread has no band left. */
static void heed_tick(void *ctx)
{
	struct bands *b = ctx;
	struct snnq_pace *pace = &b->job->pace;

	if (pace->tick && !told_to_stop(b) && pace->tick(pace->ctx))
		atomic_store(&b->stop, true);
}

static void add_counters(struct snnq_layer_stats *to, const struct snnq_layer_stats *from)
{
	to->input_spikes += from->input_spikes;
	to->synops += from->synops;
	to->saturations += from->saturations;
}

static bool run_beside(struct job *job, struct layer *l, const struct block *b, band_fn *fn,
		       uint64_t each)
{
	struct bands bands = {
		.job = job, .helper = *job, .layer = l, .block = b, .fn = fn, .each = each
	};
	struct crew_work work = { .item = do_band,
				  .wait = heed_tick,
				  .ctx = &bands,
				  .helpers = crew_helpers(job->plan->crew) };
	uint32_t i;

	bands.all = tensor_positions(&l->desc->out);
	crew_do(job->plan->crew, &work, (uint32_t)((bands.all + each - 1) / each));
	for (i = 0; i < work.helpers; i++)
		add_counters(job->stats, &bands.counters[i]);
	return told_to_stop(&bands);
}

bool run_bands(struct job *job, struct layer *l, const struct block *b, band_fn *fn)
{
	const struct snnq_tensor *out = &l->desc->out;
	uint64_t positions = tensor_positions(out), hands, each;

	if (job->plan->crew && job->plan->force_bands)
		return run_beside(job, l, b, fn, 1);
	if (!job->plan->crew || positions < 2 * FEWEST ||
	    snnq_tensor_elements(out) * b->count < WORTH_IT)
		return fn(job, l, b, (struct range){ 0, positions });
	hands = crew_helpers(job->plan->crew) + 1u;
	each = (positions + hands * BANDS_A_HAND - 1) / (hands * BANDS_A_HAND);
	return run_beside(job, l, b, fn, each < FEWEST ? FEWEST : each);
}
