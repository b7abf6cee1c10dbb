// SPDX-License-Identifier: MIT
/*
 * paired.c - see paired.h.
 *
 * Sums of probabilities are made of basic operations and square roots, so that a decision is the
 * same on every machine.
 */
#include "quantize/paired.h"

#include <math.h>
#include <stddef.h>

#define BISECTIONS 60

struct paired paired_difference(const double *a, const double *b, uint32_t count)
{
	struct paired p = { 0, INFINITY };
	double square = 0;

	for (uint32_t i = 0; i < count; i++)
		p.mean += (a[i] - (b ? b[i] : 0)) / count;
	for (uint32_t i = 0; i < count; i++) {
		double d = a[i] - (b ? b[i] : 0) - p.mean;

		square += d * d;
	}
	if (count > 1)
		p.error = sqrt(square / ((double)count * (count - 1)));
	return p;
}

bool paired_less(const double *a, const double *b, uint32_t count, double errors)
{
	struct paired p = paired_difference(a, b, count);

	return p.mean + errors * p.error < 0;
}

/* Is the probability of at most @found of @count at share @p below @tail? */
static bool rarer(uint32_t found, uint32_t count, double p, double tail)
{
	double term = 1, sum = 1; /* of the term that is the largest */
	uint32_t top = (uint32_t)fmin(floor((count + 1.0) * p), count), k;
	double below = 0;

	/* all terms relative to that of @top, the sum of those up to @found, and of all */
	below += top <= found ? 1 : 0;
	for (k = top; k < count && term > 0; k++) {
		term *= (double)(count - k) / (k + 1) * (p / (1 - p));
		sum += term;
		below += k + 1 <= found ? term : 0;
	}
	term = 1;
	for (k = top; k > 0 && term > 0; k--) {
		term *= (double)k / (count - k + 1) * ((1 - p) / p);
		sum += term;
		below += k - 1 <= found ? term : 0;
	}
	return below < tail * sum;
}

double paired_most(uint32_t found, uint32_t count, double tail)
{
	double low = 0, high = 1;

	if (found >= count)
		return 1;
	for (int i = 0; i < BISECTIONS; i++) {
		double middle = (low + high) / 2;

		*(rarer(found, count, middle, tail) ? &high : &low) = middle;
	}
	return high;
}

double paired_least(uint32_t found, uint32_t count, double tail)
{
	return 1 - paired_most(count - found, count, tail);
}
