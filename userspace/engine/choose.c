// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * choose.c - which kernel a convolution runs, by what a step costs with each, in picoseconds
 * of this instruction set.
 */
#include "engine.h"

#define ASSUMED_DENSITY 8u /* one bit in so many, before there was any input */

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

/* What a step costs, in picoseconds, with so many set bits in the input. */
static uint64_t event_cost(const struct layer *l, const struct vec *v, uint64_t spikes)
{
	uint64_t positions = tensor_positions(&l->desc->out);
	uint64_t taps = (uint64_t)l->geometry.kernel_h * l->geometry.kernel_w;
	uint64_t planes = l->desc->in[0].planes;
	uint64_t hits = spikes * taps * positions / tensor_positions(&l->desc->in[0]);

	return positions * planes *
		       (taps * tensor_words(&l->desc->in[0]) * v->unit_cost +
			l->columns * v->call_cost) +
	       hits * l->columns * v->row_cost;
}

static uint64_t dense_cost(const struct layer *l, const struct vec *v)
{
	uint64_t columns = (l->desc->out.channels + DENSE_LANES - 1) / DENSE_LANES;
	const struct snnq_tensor *in = &l->desc->in[0];

	return tensor_positions(&l->desc->out) * columns * l->runs * l->run_pairs * v->dot_cost +
	       snnq_tensor_elements(in) * in->planes * v->unpack_cost;
}

static uint64_t lookup_cost(const struct layer *l, const struct vec *v)
{
	return lookup_count(l) * v->table_cost / l->event_steps +
	       tensor_positions(&l->desc->out) * l->desc->out.channels * v->turn_cost;
}

static uint64_t cost(const struct job *job, const struct layer *l, enum snnq_kernel_choice kernel)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint64_t bits = snnq_tensor_elements(in) * in->planes;

	switch (kernel) {
	case SNNQ_KERNEL_DENSE:
		return dense_cost(l, job->plan->vec);
	case SNNQ_KERNEL_LOOKUP:
		return lookup_cost(l, job->plan->vec);
	default:
		return event_cost(l, job->plan->vec,
				  l->measured ? l->spikes : bits / ASSUMED_DENSITY);
	}
}

/*
 * By what the last block's input was like, since the next one's is not known yet. Only a
 * gain by a quarter is worth a change.
 */
enum snnq_kernel_choice conv_choose(const struct job *job, const struct layer *l)
{
	static const enum snnq_kernel_choice others[] = { SNNQ_KERNEL_EVENT, SNNQ_KERNEL_DENSE,
							  SNNQ_KERNEL_LOOKUP };
	enum snnq_kernel_choice best = SNNQ_KERNEL_EVENT;
	uint64_t least, now;
	uint32_t i;

	if (!l->dense && !l->looks)
		return best;
	if (l->kernel == SNNQ_KERNEL_DENSE || l->kernel == SNNQ_KERNEL_LOOKUP)
		best = l->kernel;
	least = cost(job, l, best);
	now = least;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		uint64_t other = conv_has(l, others[i]) ? cost(job, l, others[i]) : UINT64_MAX;

		if (other < now / 4 * 3 && other < least) {
			best = others[i];
			least = other;
		}
	}
	return best;
}
