/* SPDX-License-Identifier: MIT */
/*
 * half.h - floating-point numbers of 16 bits; all their values are those of a float.
 */
#ifndef SNNQ_HALF_H
#define SNNQ_HALF_H

#include <stdint.h>

/* IEEE binary16: a sign, 5 bits of exponent, 10 of mantissa. */
float float_of_half(uint16_t bits);
/* bfloat16: the upper half of a float. */
float float_of_bfloat(uint16_t bits);

#endif /* SNNQ_HALF_H */
