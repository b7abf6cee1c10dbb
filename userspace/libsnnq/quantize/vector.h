/* SPDX-License-Identifier: MIT */
/* vector.h - one operation on vectors of doubles that several parts need. */
#ifndef SNNQ_VECTOR_H
#define SNNQ_VECTOR_H

#include <stdint.h>

/* x -= by * y, each of @n elements. */
void vector_subtract(double *x, const double *y, double by, uint32_t n);

#endif /* SNNQ_VECTOR_H */
