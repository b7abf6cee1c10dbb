// SPDX-License-Identifier: MIT
/*
 * half.c - floating-point numbers of 16 bits.
 */
#include <string.h>

#include "half.h"

static float float_of_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

float float_of_half(uint16_t bits)
{
	uint32_t half = bits, sign = half >> 15 << 31, exponent = half >> 10 & 31;
	uint32_t mantissa = half & 0x3ff;
	float value;

	if (exponent == 31)
		return float_of_bits(sign | 0x7f800000 | mantissa << 13);
	if (exponent)
		return float_of_bits(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
	value = (float)mantissa / (1 << 24);
	return sign ? -value : value;
}

float float_of_bfloat(uint16_t bits)
{
	return float_of_bits((uint32_t)bits << 16);
}
