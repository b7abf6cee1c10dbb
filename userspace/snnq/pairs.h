/* SPDX-License-Identifier: MIT */
/*
 * pairs.h - what two models do on the same recordings, beside what chance does.
 */
#ifndef SNNQ_PAIRS_H
#define SNNQ_PAIRS_H

#include <stddef.h>
#include <stdint.h>

/* A difference of shares, with its 95 % interval. */
struct pairs_gain {
	double mean, least, most;
};

/*
 * What the second model gains in accuracy: @lost recordings only the first has right, @won only
 * the second, of @count. The interval of Wald with half a recording more for each of the four
 * outcomes (Agresti and Min 2005).
 */
struct pairs_gain pairs_gain(uint64_t lost, uint64_t won, uint64_t count);
/* Two-sided p of McNemar's exact test: a coin that falls so, or more unevenly. */
double pairs_mcnemar(uint64_t lost, uint64_t won);
/*
 * Earth mover's distance of two samples of the same size, which are sorted in place: the mean
 * difference of the k-th smallest values.
 */
double pairs_distance(double *a, double *b, size_t count);

#endif /* SNNQ_PAIRS_H */
