// SPDX-License-Identifier: MIT
/*
 * fit.c - non-negative ridge regression by coordinate descent.
 *
 * The objective is convex and each step is its exact minimum along one coefficient, so a fixed
 * number of passes in a fixed order gives one answer.
 */
#include "quantize/fit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"

#define PASSES 200
#define RIDGE  0.5 /* of the square of a column: losses of single layers have noise */
#define RANGE  4   /* no coefficient is further from the common factor */

/* Differences count relative to the loss, but losses below a tenth of the mean are noise. */
static double weight_of(const struct fit_sample *s, double mean)
{
	double scale = fmax(s->loss, 0) + mean / 10;

	return scale > 0 ? 1 / (scale * scale) : 1;
}

static double mean_loss(const struct fit_sample *samples, size_t count)
{
	double mean = 0;

	for (size_t i = 0; i < count; i++)
		mean += fmax(samples[i].loss, 0) / (double)count;
	return mean;
}

static double common_factor(const struct fit_sample *samples, size_t count, uint32_t layers)
{
	double above = 0, below = 0, mean = mean_loss(samples, count);

	for (size_t i = 0; i < count; i++) {
		double sum = 0, w = weight_of(&samples[i], mean);

		for (uint32_t l = 0; l < layers; l++)
			sum += samples[i].single[l];
		above += w * sum * samples[i].loss;
		below += w * sum * sum;
	}
	return below > 0 && above > 0 ? above / below : 1;
}

/* The best coefficient of layer @l while all others stay; @rest: [count] losses not explained. */
static double best_of(const struct fit_sample *samples, size_t count, uint32_t l, double now,
		      double centre, const double *rest)
{
	double above = 0, below = 0, ridge, mean = mean_loss(samples, count);

	for (size_t i = 0; i < count; i++) {
		double x = samples[i].single[l], w = weight_of(&samples[i], mean);

		above += w * x * (rest[i] + now * x);
		below += w * x * x;
	}
	ridge = RIDGE * below + 1e-12;
	return fmin(fmax((above + ridge * centre) / (below + ridge), centre / RANGE),
		    centre * RANGE);
}

int fit_coefficients(const struct fit_sample *samples, size_t count, uint32_t layers,
		     double *coefficients)
{
	double centre = common_factor(samples, count, layers);
	double *rest = malloc((count + 1) * sizeof(*rest));

	if (!rest)
		return error_set(-ENOMEM, "no memory to fit losses");
	for (uint32_t l = 0; l < layers; l++)
		coefficients[l] = centre;
	for (size_t i = 0; i < count; i++) {
		rest[i] = samples[i].loss;
		for (uint32_t l = 0; l < layers; l++)
			rest[i] -= centre * samples[i].single[l];
	}
	for (int pass = 0; pass < PASSES; pass++)
		for (uint32_t l = 0; l < layers; l++) {
			double a = best_of(samples, count, l, coefficients[l], centre, rest);

			for (size_t i = 0; i < count; i++)
				rest[i] -= (a - coefficients[l]) * samples[i].single[l];
			coefficients[l] = a;
		}
	free(rest);
	return 0;
}
