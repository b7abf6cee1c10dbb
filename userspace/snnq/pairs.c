// SPDX-License-Identifier: MIT
/* See pairs.h. */
#include "pairs.h"

#include <math.h>
#include <stdlib.h>

#define NORMAL_95 1.959963984540054

struct pairs_gain pairs_gain(uint64_t lost, uint64_t won, uint64_t count)
{
	double total = (double)count + 2, gain = (double)won - (double)lost;
	double half = NORMAL_95 * sqrt((double)lost + (double)won + 1 - gain * gain / total) /
		      total;

	return (struct pairs_gain){ gain / (double)count, gain / total - half,
				    gain / total + half };
}

double pairs_mcnemar(uint64_t lost, uint64_t won)
{
	double n = (double)lost + (double)won, sum = 0;
	uint64_t k = lost < won ? lost : won;

	for (uint64_t i = 0; i <= k; i++)
		sum += exp(lgamma(n + 1) - lgamma((double)i + 1) - lgamma(n - (double)i + 1) -
			   n * log(2));
	return fmin(1, 2 * sum);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double pairs_distance(double *a, double *b, size_t count)
{
	double sum = 0;

	qsort(a, count, sizeof(*a), compare);
	qsort(b, count, sizeof(*b), compare);
	for (size_t i = 0; i < count; i++)
		sum += fabs(a[i] - b[i]);
	return count ? sum / (double)count : 0;
}
