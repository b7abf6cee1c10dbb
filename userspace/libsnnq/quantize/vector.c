// SPDX-License-Identifier: MIT
/* vector.c - one operation on vectors of doubles that several parts need. */
#include "quantize/vector.h"

#include "base/simd.h"

SIMD_CLONES
void vector_subtract(double *x, const double *y, double by, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		x[i] -= by * y[i];
}
