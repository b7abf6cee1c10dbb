/* SPDX-License-Identifier: MIT */
/*
 * paired.h - what two networks lose on the same recordings, beside what chance does.
 */
#ifndef SNNQ_PAIRED_H
#define SNNQ_PAIRED_H

#include <stdbool.h>
#include <stdint.h>

/* Standard errors that a difference must have to be more than chance. */
#define PAIRED_NOISE 2.0

struct paired {
	double mean, error; /* of the differences; error: standard, infinite for one recording */
};

/* Of @a - @b, [count] losses each; @b NULL: of @a. */
struct paired paired_difference(const double *a, const double *b, uint32_t count);
/* Is @a less than @b by more than @errors standard errors? */
bool paired_less(const double *a, const double *b, uint32_t count, double errors);

/*
 * Upper end of the interval of Clopper and Pearson for a share of which @found of @count were
 * seen: with it, so few have a probability of @tail.
 */
double paired_most(uint32_t found, uint32_t count, double tail);
/* The lower end. */
double paired_least(uint32_t found, uint32_t count, double tail);

#endif /* SNNQ_PAIRED_H */
