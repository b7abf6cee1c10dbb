/* SPDX-License-Identifier: MIT */
/*
 * moment.h - second moments of a layer's inputs, factored for error compensation.
 */
#ifndef SNNQ_MOMENT_H
#define SNNQ_MOMENT_H

#include "quantize/patches.h"

/**
 * struct moment - how the inputs of a window fire together
 * @inputs: K.
 * @patches: that were counted.
 * @mean, @square: [K] mean value of each input, and of its square.
 * @h: [K][K] usually covariance of the inputs, or of their traces, plus a damping of 1 % of its mean
 *	diagonal; in any unit. Covariance, because the bias takes up what is constant.
 * @order: [K] inputs by falling diagonal of h (or as they are), in which weights are rounded.
 * @feedback: [K][K], with inputs in that order: h = (I + A) D (I + A)^T with A strictly
 *	upper triangular and D diagonal; row q holds A[p][q], p < q.
 */
struct moment {
	uint32_t inputs;
	uint64_t patches;
	double *mean, *square, *h;
	uint32_t *order;
	double *feedback;
};

/**
 * struct moment_how - what @h is of
 * @traces: NULL, or the neurons whose traces of the inputs take the place of the inputs:
 *	what the membrane holds of an input, spikes apart, so that errors count as they add up in it.
 * @about_zero: second moments, no covariance: the bias takes up nothing.
 * @unsorted: weights are rounded in the order of the inputs.
 */
struct moment_how {
	const struct snnq_neuron *traces;
	bool about_zero, unsorted;
};

/* @how: NULL: as its zeros. 0 or -ENOMEM. The result does not depend on @threads. */
int moment_compute(const struct patches *patches, const struct moment_how *how, uint32_t threads,
		   struct moment *moment);
void moment_free(struct moment *moment);

#endif /* SNNQ_MOMENT_H */
