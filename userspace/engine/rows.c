// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * rows.c - the inner loops: sums of weight rows.
 *
 * Weights are int16. The narrow loops keep 64 sums in int16 vectors while they
 * go over the rows and widen once; their callers bound the number of rows so
 * that no sum can leave int16. The wide loops are for levels too large for that.
 * Rows of ROW_ALIGN or more weights are padded with zeros to a multiple of it,
 * and so are accumulators; shorter rows are not padded.
 */
#include <string.h>

#include "engine.h"

typedef int16_t v16 __attribute__((vector_size(32), aligned(2), may_alias));
typedef int32_t w16 __attribute__((vector_size(64), aligned(4), may_alias));

#define LOAD(p, k)	(((const v16 *)(const void *)(p))[k])
#define WIDEN(acc, k, sum, factor) \
	(((w16 *)(void *)(acc))[k] += __builtin_convertvector(sum, w16) * (factor))

static inline void add64(int32_t *acc, const int16_t *const *rows, uint32_t n, uint32_t j,
			 int32_t factor)
{
	v16 s0 = { 0 }, s1 = { 0 }, s2 = { 0 }, s3 = { 0 };
	uint32_t r;

	for (r = 0; r < n; r++) {
		const int16_t *p = rows[r] + j;

		s0 += LOAD(p, 0);
		s1 += LOAD(p, 1);
		s2 += LOAD(p, 2);
		s3 += LOAD(p, 3);
	}
	WIDEN(acc, 0, s0, factor);
	WIDEN(acc, 1, s1, factor);
	WIDEN(acc, 2, s2, factor);
	WIDEN(acc, 3, s3, factor);
}

/* acc += factor * sum of rows; |sum| <= 32767. */
SIMD_CLONES
void rows_add(int32_t *acc, const int16_t *const *rows, uint32_t n, uint32_t first,
	      uint32_t width, int32_t factor)
{
	uint32_t j = 0, r;

	if (width < ROW_ALIGN) {
		for (r = 0; r < n; r++)
			for (j = 0; j < width; j++)
				acc[j] += factor * rows[r][first + j];
		return;
	}
	for (; j + 64 <= width; j += 64)
		add64(acc + j, rows, n, first + j, factor);
	for (; j < width; j += ROW_ALIGN) {
		v16 s = { 0 };

		for (r = 0; r < n; r++)
			s += LOAD(rows[r] + first + j, 0);
		WIDEN(acc + j, 0, s, factor);
	}
}

SIMD_CLONES
void rows_add_wide(int32_t *acc, const int16_t *const *rows, uint32_t n, uint32_t first,
		   uint32_t width, int32_t factor)
{
	uint32_t j, r;

	for (r = 0; r < n; r++)
		for (j = 0; j < width; j++)
			acc[j] += factor * rows[r][first + j];
}

static inline void mac64(int32_t *acc, const int16_t *row, uint32_t stride, const int32_t *x,
			 uint32_t n)
{
	v16 s0 = { 0 }, s1 = { 0 }, s2 = { 0 }, s3 = { 0 };
	uint32_t r;

	for (r = 0; r < n; r++, row += stride) {
		int16_t f = (int16_t)x[r];

		s0 += LOAD(row, 0) * f;
		s1 += LOAD(row, 1) * f;
		s2 += LOAD(row, 2) * f;
		s3 += LOAD(row, 3) * f;
	}
	WIDEN(acc, 0, s0, 1);
	WIDEN(acc, 1, s1, 1);
	WIDEN(acc, 2, s2, 1);
	WIDEN(acc, 3, s3, 1);
}

/* acc += sum of x[r] * row r; the sum of |x[r] * row r| <= 32767. */
SIMD_CLONES
void rows_mac(int32_t *acc, const int16_t *row, uint32_t stride, const int32_t *x, uint32_t n,
	      uint32_t width)
{
	uint32_t j = 0, r;

	if (width < ROW_ALIGN) {
		for (r = 0; r < n; r++, row += stride)
			for (j = 0; j < width; j++)
				acc[j] += x[r] * row[j];
		return;
	}
	for (; j + 64 <= width; j += 64)
		mac64(acc + j, row + j, stride, x, n);
	for (; j < width; j += ROW_ALIGN) {
		const int16_t *p = row + j;
		v16 s = { 0 };

		for (r = 0; r < n; r++, p += stride)
			s += LOAD(p, 0) * (int16_t)x[r];
		WIDEN(acc + j, 0, s, 1);
	}
}

SIMD_CLONES
void rows_mac_wide(int32_t *acc, const int16_t *row, uint32_t stride, const int32_t *x,
		   uint32_t n, uint32_t width)
{
	uint32_t j, r;

	for (r = 0; r < n; r++, row += stride)
		for (j = 0; j < width; j++)
			acc[j] += x[r] * row[j];
}
