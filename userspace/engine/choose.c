// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * choose.c - which kernel a convolution runs, by what a step costs with each, in picoseconds
 * of this machine (calibrate.c).
 */
#include "engine.h"

#define ASSUMED_DENSITY 8u  /* one bit in so many, before there was any input */
#define WORTH_A_CHANGE	0.9 /* of the cost */

bool conv_has(const struct layer *l, enum snnq_kernel_choice kernel)
{
	switch (kernel) {
	case SNNQ_KERNEL_DENSE:
		return l->dense;
	case SNNQ_KERNEL_LOOKUP:
		return l->looks;
	default:
		return true;
	}
}

static double input_bits(const struct layer *l)
{
	const struct snnq_tensor *in = &l->desc->in[0];

	return (double)snnq_tensor_elements(in) * in->planes;
}

/* Depends on how many bits of the input are set. */
static double event_cost(const struct layer *l, const struct snnq_costs *c)
{
	double spikes = l->measured ? (double)l->spikes : input_bits(l) / ASSUMED_DENSITY;
	double positions = (double)tensor_positions(&l->desc->out);
	double taps = (double)l->geometry.kernel_h * l->geometry.kernel_w;
	double units = taps * tensor_words(&l->desc->in[0]);
	double hits = spikes * taps * positions / (double)tensor_positions(&l->desc->in[0]);
	double rows = l->lanes == LANES ? c->row : c->row / 2;

	return positions * l->desc->in[0].planes *
		       (units * c->unit + (double)l->columns * c->call) +
	       hits * (double)l->columns * (l->wide ? 2 * rows : rows);
}

static double dense_cost(const struct layer *l, const struct snnq_costs *c)
{
	uint64_t columns = (l->desc->out.channels + DENSE_LANES - 1) / DENSE_LANES;

	return (double)(tensor_positions(&l->desc->out) * columns) * l->runs * l->run_pairs *
		       c->dot +
	       input_bits(l) * (l->few ? c->unpack : c->load);
}

static double lookup_cost(const struct layer *l, const struct snnq_costs *c)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	double images = (double)(tensor_positions(in) * in->planes) * l->look.groups;

	return ((double)lookup_count(l) * (l->look.together ? c->table4 : c->table) +
		images * c->image) /
		       l->event_steps +
	       (double)tensor_positions(&l->desc->out) * l->desc->out.channels * l->look.digits *
		       c->turn;
}

static double cost(const struct job *job, const struct layer *l, enum snnq_kernel_choice kernel)
{
	switch (kernel) {
	case SNNQ_KERNEL_DENSE:
		return dense_cost(l, job->plan->costs);
	case SNNQ_KERNEL_LOOKUP:
		return lookup_cost(l, job->plan->costs);
	default:
		return event_cost(l, job->plan->costs);
	}
}

/*
 * By what the last block's input was like, since the next one's is not known yet; for a small
 * gain nothing is changed.
 */
enum snnq_kernel_choice conv_choose(const struct job *job, const struct layer *l)
{
	static const enum snnq_kernel_choice others[] = { SNNQ_KERNEL_EVENT, SNNQ_KERNEL_DENSE,
							  SNNQ_KERNEL_LOOKUP };
	enum snnq_kernel_choice best = SNNQ_KERNEL_EVENT;
	double least, enough;
	uint32_t i;

	if (!l->dense && !l->looks)
		return best;
	if (l->kernel == SNNQ_KERNEL_DENSE || l->kernel == SNNQ_KERNEL_LOOKUP)
		best = l->kernel;
	least = cost(job, l, best);
	enough = l->measured ? least * WORTH_A_CHANGE : least;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		double other = conv_has(l, others[i]) ? cost(job, l, others[i]) : least;

		if (other < enough && other < least) {
			best = others[i];
			least = other;
		}
	}
	return best;
}
