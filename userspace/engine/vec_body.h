/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vec_body.h - the inner loops; compiled once for each instruction set, with VEC_NAME and
 * VEC_LEVEL: 0 any machine, 1 AVX2, 2 AVX-512, 3 with VNNI, 4 with VBMI2; or VEC_ARM: 1 NEON,
 * 2 with dot products.
 * Vectors of the compiler where these do, intrinsics where it makes less of them.
 */
#include <string.h>

#include "vec.h"

/* Vectors are passed between functions of this file only. */
#pragma GCC diagnostic ignored "-Wpsabi"

#ifndef VEC_LEVEL
#define VEC_LEVEL 0
#endif
#ifndef VEC_ARM
#define VEC_ARM 0
#endif

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

#if VEC_LEVEL >= 2
#define VB 64 /* bytes of a vector */
#elif VEC_LEVEL == 1
#define VB 32
#else
#define VB 16
#endif
#define V8  (LANES / VB) /* vectors for LANES elements of int8, ... */
#define V16 (2 * V8)
#define V32 (4 * V8)

typedef int8_t i8v __attribute__((vector_size(VB)));
typedef int16_t i16v __attribute__((vector_size(VB)));
typedef int32_t i32v __attribute__((vector_size(VB)));
typedef uint64_t qv __attribute__((vector_size(VB)));

#define INLINE static inline __attribute__((always_inline))

INLINE i8v load8(const void *p)
{
	i8v v;

	memcpy(&v, p, sizeof(v));
	return v;
}

INLINE i16v load16(const void *p)
{
	i16v v;

	memcpy(&v, p, sizeof(v));
	return v;
}

INLINE i32v load32(const void *p)
{
	i32v v;

	memcpy(&v, p, sizeof(v));
	return v;
}

INLINE void store32(void *p, i32v v)
{
	typedef i32v anywhere __attribute__((aligned(1), may_alias));

	*(anywhere *)p = v;
}

/* Half @h of the elements, in twice the width. */
#if VEC_LEVEL >= 2
INLINE i16v widen8(i8v v, int h)
{
	__m512i x = (__m512i)v;

	return (i16v)_mm512_cvtepi8_epi16(h ? _mm512_extracti64x4_epi64(x, 1) :
					      _mm512_castsi512_si256(x));
}

INLINE i32v widen16(i16v v, int h)
{
	__m512i x = (__m512i)v;

	return (i32v)_mm512_cvtepi16_epi32(h ? _mm512_extracti64x4_epi64(x, 1) :
					       _mm512_castsi512_si256(x));
}
#elif VEC_LEVEL == 1
INLINE i16v widen8(i8v v, int h)
{
	__m256i x = (__m256i)v;

	return (i16v)_mm256_cvtepi8_epi16(h ? _mm256_extracti128_si256(x, 1) :
					      _mm256_castsi256_si128(x));
}

INLINE i32v widen16(i16v v, int h)
{
	__m256i x = (__m256i)v;

	return (i32v)_mm256_cvtepi16_epi32(h ? _mm256_extracti128_si256(x, 1) :
					       _mm256_castsi256_si128(x));
}
#elif VEC_ARM
INLINE i16v widen8(i8v v, int h)
{
	return h ? vmovl_high_s8(v) : vmovl_s8(vget_low_s8(v));
}

INLINE i32v widen16(i16v v, int h)
{
	return h ? vmovl_high_s16(v) : vmovl_s16(vget_low_s16(v));
}
#else
INLINE i16v widen8(i8v v, int h)
{
	int8_t half __attribute__((vector_size(VB / 2)));

	memcpy(&half, (const char *)&v + h * (VB / 2), sizeof(half));
	return __builtin_convertvector(half, i16v);
}

INLINE i32v widen16(i16v v, int h)
{
	int16_t half __attribute__((vector_size(VB / 2)));

	memcpy(&half, (const char *)&v + h * (VB / 2), sizeof(half));
	return __builtin_convertvector(half, i32v);
}
#endif

#if VEC_LEVEL >= 4
/* Rows of 32 bits, squeezed together where they are set. */
INLINE uint16_t *list_half(uint16_t *end, uint32_t bits, uint16_t row)
{
	const __m512i rows = (__m512i)(uint16_t __attribute__((vector_size(64)))){
		0,   8,	  16,  24,  32,	 40,  48,  56,	64,  72,  80,  88,  96,	 104, 112, 120,
		128, 136, 144, 152, 160, 168, 176, 184, 192, 200, 208, 216, 224, 232, 240, 248
	};
	__m512i set = _mm512_maskz_compress_epi16(
		bits, _mm512_add_epi16(rows, _mm512_set1_epi16((int16_t)row)));

	_mm512_storeu_si512(end, set);
	return end + __builtin_popcount(bits);
}

static uint32_t list_rows(const struct byte_bits *bits, const uint64_t *in,
			  const struct unit *units, uint32_t n, uint16_t *list)
{
	uint16_t *end = list;
	uint32_t i;

	_Static_assert(LIST_SCALE == 8, "list_half()");
	(void)bits;
	for (i = 0; i < n; i++) {
		uint64_t word = in[units[i].at] & units[i].mask;

		end = list_half(end, (uint32_t)word, units[i].row);
		if (units[i].bytes > 4)
			end = list_half(end, (uint32_t)(word >> 32),
					(uint16_t)(units[i].row + 32 * LIST_SCALE));
	}
	return (uint32_t)(end - list);
}
#else
static uint32_t list_rows(const struct byte_bits *bits, const uint64_t *in,
			  const struct unit *units, uint32_t n, uint16_t *list)
{
	typedef uint16_t row8 __attribute__((vector_size(16)));
	uint16_t *end = list;
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint64_t word = in[units[i].at] & units[i].mask;
		row8 rows = units[i].row - (row8){ 0 };
		uint32_t left = word ? units[i].bytes : 0;

		/* All bytes, as their number is the same for each word: no jump to guess. */
		for (; left; left--, word >>= 8, rows += 8 * LIST_SCALE) {
			uint32_t byte = word & 0xff;
			row8 at;

			memcpy(&at, bits->at[byte], sizeof(at));
			at += rows;
			memcpy(end, &at, sizeof(at));
			end += bits->count[byte];
		}
	}
	return (uint32_t)(end - list);
}
#endif

/* Put the sums of LANES elements into accumulators, or add them. */
INLINE void put_sums(int32_t *acc, const i16v sums[V16], int32_t factor, bool add)
{
	uint32_t k;

	for (k = 0; k < V32; k++) {
		int32_t *to = acc + k * (VB / 4);
		i32v v = widen16(sums[k / 2], k % 2) * factor;

		if (add)
			v += load32(to);
		store32(to, v);
	}
}

/* Row @i of a list whose rows take @bytes each. */
INLINE const void *row_at(const struct rows *r, const uint16_t *list, uint32_t i, size_t bytes)
{
	return (const char *)r->base + list[i] * (bytes / LIST_SCALE);
}

INLINE i8v load_row8(const struct rows *r, const uint16_t *list, uint32_t i, uint32_t k)
{
	return load8((const char *)row_at(r, list, i, LANES) + k * VB);
}

/* Sums of four rows, in pairs, so that they do not wait for each other. */
INLINE i8v four_rows(const struct rows *r, const uint16_t *list, uint32_t k)
{
	return (load_row8(r, list, 0, k) + load_row8(r, list, 1, k)) +
	       (load_row8(r, list, 2, k) + load_row8(r, list, 3, k));
}

static void add8(int32_t *acc, const struct rows *r)
{
	const uint16_t *list = r->list, *end = list + r->count, *many_end, *few_end;
	/* Eights, where as many fit. */
	size_t few = r->few >= 8 ? r->few & ~7u : r->few;
	bool add = r->add;
	uint32_t k;

	do {
		i16v sums[V16] = { 0 };

		many_end = (size_t)(end - list) > r->many ? list + r->many : end;
		while (list < many_end) {
			i8v s[V8] = { 0 };

			few_end = (size_t)(many_end - list) > few ? list + few : many_end;
			for (; few_end - list >= 8; list += 8)
				for (k = 0; k < V8; k++)
					s[k] += four_rows(r, list, k) + four_rows(r, list + 4, k);
			for (; few_end - list >= 4; list += 4)
				for (k = 0; k < V8; k++)
					s[k] += four_rows(r, list, k);
			for (; list < few_end; list++)
				for (k = 0; k < V8; k++)
					s[k] += load_row8(r, list, 0, k);
			for (k = 0; k < V16; k++)
				sums[k] += widen8(s[k / 2], k % 2);
		}
		put_sums(acc, sums, r->factor, add);
		add = true;
	} while (list < end);
}

static void add16(int32_t *acc, const struct rows *r)
{
	const uint16_t *list = r->list, *end = list + r->count, *few_end;
	bool add = r->add;
	uint32_t k;

	do {
		i16v sums[V16] = { 0 };

		few_end = (size_t)(end - list) > r->few ? list + r->few : end;
		for (; list < few_end; list++) {
			const char *row = row_at(r, list, 0, 2 * LANES);

			for (k = 0; k < V16; k++)
				sums[k] += load16(row + k * VB);
		}
		put_sums(acc, sums, r->factor, add);
		add = true;
	} while (list < end);
}

typedef int8_t i8x16 __attribute__((vector_size(16)));
typedef int16_t i16x16 __attribute__((vector_size(32)));
typedef int32_t i32x16 __attribute__((vector_size(64)));

INLINE void put_narrow(int32_t *acc, const i16x16 *sums, int32_t factor, bool add)
{
	i32x16 v = __builtin_convertvector(*sums, i32x16) * factor, old;

	if (add) {
		memcpy(&old, acc, sizeof(old));
		v += old;
	}
	memcpy(acc, &v, sizeof(v));
}

static void add8_narrow(int32_t *acc, const struct rows *r)
{
	uint32_t i = 0, few_end, many_end;
	bool add = r->add;

	do {
		i16x16 sums = { 0 };

		many_end = r->count - i > r->many ? i + r->many : r->count;
		while (i < many_end) {
			i8x16 s = { 0 }, row;

			few_end = many_end - i > r->few ? i + r->few : many_end;
			for (; i < few_end; i++) {
				memcpy(&row, row_at(r, r->list, i, NARROW_LANES), sizeof(row));
				s += row;
			}
			sums += __builtin_convertvector(s, i16x16);
		}
		put_narrow(acc, &sums, r->factor, add);
		add = true;
	} while (i < r->count);
}

static void add16_narrow(int32_t *acc, const struct rows *r)
{
	uint32_t i = 0, few_end;
	bool add = r->add;

	do {
		i16x16 sums = { 0 }, row;

		few_end = r->count - i > r->few ? i + r->few : r->count;
		for (; i < few_end; i++) {
			memcpy(&row, row_at(r, r->list, i, 2 * NARROW_LANES), sizeof(row));
			sums += row;
		}
		put_narrow(acc, &sums, r->factor, add);
		add = true;
	} while (i < r->count);
}

static void spread(int32_t *acc, uint64_t bits, const int16_t *weights, int32_t factor)
{
	uint32_t low = (uint32_t)bits, high = (uint32_t)(bits >> 32), j;

	for (j = 0; j < 32; j++)
		acc[j] += (int32_t)(-(low >> j & 1)) & (weights[j] * factor);
	for (j = 0; j < 32; j++)
		acc[32 + j] += (int32_t)(-(high >> j & 1)) & (weights[32 + j] * factor);
}

/* ---- dense ---- */

#if VEC_ARM
#include "vec_dense_neon.h"
#else
#define DV (DENSE_LANES * 4 / VB) /* vectors of accumulators */

/* acc += w[2j] * low half + w[2j + 1] * high half of @pair, for each lane j. */
INLINE void dot(i32v acc[DV], const int16_t *w, uint32_t pair)
{
#if VEC_LEVEL >= 3
	acc[0] = (i32v)_mm512_dpwssd_epi32((__m512i)acc[0], _mm512_loadu_si512(w),
					   _mm512_set1_epi32((int)pair));
#elif VEC_LEVEL == 2
	acc[0] += (i32v)_mm512_madd_epi16(_mm512_loadu_si512(w), _mm512_set1_epi32((int)pair));
#elif VEC_LEVEL == 1
	const __m256i x = _mm256_set1_epi32((int)pair);
	uint32_t k;

	for (k = 0; k < DV; k++)
		acc[k] += (i32v)_mm256_madd_epi16((__m256i)load16(w + k * (VB / 2)), x);
#else
	int32_t low = (int16_t)pair, high = (int16_t)(pair >> 16);
	uint32_t k, j;

	for (k = 0; k < DV; k++)
		for (j = 0; j < VB / 4; j++, w += 2)
			acc[k][j] += w[0] * low + w[1] * high;
#endif
}

/* Outputs of @columns times DENSE_LANES in @steps steps, up to 2 and 4, in registers. */
INLINE void dense_steps(int32_t *acc, size_t stride, const struct dense *d, uint32_t steps,
			uint32_t columns)
{
	size_t column = (size_t)d->runs * d->pairs * 2 * DENSE_LANES;
	i32v sums[2][4][DV] = { { { { 0 } } } };
	const int16_t *w = d->weights;
	uint32_t t, run, k, c;

	for (run = 0; run < d->runs; run++) {
		const int16_t *in = d->in + d->run_at[run];

		for (k = 0; k < d->pairs; k++, w += 2 * DENSE_LANES)
			for (t = 0; t < steps; t++) {
				uint32_t pair;

				memcpy(&pair, in + t * d->in_stride + 2 * k, sizeof(pair));
				for (c = 0; c < columns; c++)
					dot(sums[c][t], w + c * column, pair);
			}
	}
	for (c = 0; c < columns; c++)
		for (t = 0; t < steps; t++)
			memcpy(acc + t * stride + c * DENSE_LANES, sums[c][t], sizeof(sums[c][t]));
}

INLINE void dense_columns(int32_t *acc, size_t stride, uint32_t steps, struct dense d,
			  uint32_t columns)
{
	for (; steps >= 4; steps -= 4, acc += 4 * stride, d.in += 4 * d.in_stride)
		dense_steps(acc, stride, &d, 4, columns);
	for (; steps; steps--, acc += stride, d.in += d.in_stride)
		dense_steps(acc, stride, &d, 1, columns);
}

static void dense(int32_t *acc, size_t stride, uint32_t steps, const struct dense *d)
{
	if (d->columns == 2)
		dense_columns(acc, stride, steps, *d, 2);
	else
		dense_columns(acc, stride, steps, *d, 1);
}
#endif

/* ---- lookup ---- */

#include "vec_lookup.h"

#include "vec_neurons.h"

/* ---- set bits ---- */

#if VEC_LEVEL >= 1 || VEC_ARM
/* Of each 64 bits: a table has those of four (Mula, "SSSE3: fast popcount"). */
INLINE qv bits_of(qv v)
{
#if VEC_ARM
	return vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(vcntq_u8((uint8x16_t)v))));
#elif VEC_LEVEL >= 4
	return (qv)_mm512_popcnt_epi64((__m512i)v);
#elif VEC_LEVEL >= 2
	const __m512i few = _mm512_set1_epi8(15);
	const __m512i table = _mm512_broadcast_i32x4(
		_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
	__m512i low = _mm512_and_si512((__m512i)v, few);
	__m512i high = _mm512_and_si512(_mm512_srli_epi64((__m512i)v, 4), few);

	return (qv)_mm512_sad_epu8(_mm512_add_epi8(_mm512_shuffle_epi8(table, low),
						   _mm512_shuffle_epi8(table, high)),
				   _mm512_setzero_si512());
#else
	const __m256i few = _mm256_set1_epi8(15);
	const __m256i table = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
	__m256i low = _mm256_and_si256((__m256i)v, few);
	__m256i high = _mm256_and_si256(_mm256_srli_epi64((__m256i)v, 4), few);

	return (qv)_mm256_sad_epu8(_mm256_add_epi8(_mm256_shuffle_epi8(table, low),
						   _mm256_shuffle_epi8(table, high)),
				   _mm256_setzero_si256());
#endif
}

INLINE qv load_q(const uint64_t *p)
{
	qv v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* @v, all below 2^32, times a weight each. */
INLINE qv weigh(qv v, const uint32_t *weights)
{
#if VEC_ARM
	return vmull_u32(vmovn_u64(v), vld1_u32(weights));
#else
	uint32_t w __attribute__((vector_size(VB / 2)));

	memcpy(&w, weights, sizeof(w));
	return v * __builtin_convertvector(w, qv);
#endif
}

INLINE uint64_t sum_q(qv v)
{
	uint64_t sum = 0;
	uint32_t k;

	for (k = 0; k < VB / 8; k++)
		sum += v[k];
	return sum;
}

/* The first words of @n, as many as fill vectors: their number. */
INLINE size_t popcount_vectors(const uint64_t *words, size_t n, uint64_t *count)
{
	size_t i;
	qv sums = { 0 };

	for (i = 0; i + VB / 8 <= n; i += VB / 8)
		sums += bits_of(load_q(words + i));
	*count = sum_q(sums);
	return i;
}

/* The same, each word's bits moreover times a weight. */
INLINE uint32_t count_vectors(uint64_t sums[2], const uint64_t *data, uint32_t n,
			      const uint32_t *weights)
{
	qv all = { 0 }, weighed = { 0 };
	uint32_t i;

	for (i = 0; i + VB / 8 <= n; i += VB / 8) {
		qv bits = bits_of(load_q(data + i));

		all += bits;
		weighed += weigh(bits, weights + i);
	}
	sums[0] += sum_q(all);
	sums[1] += sum_q(weighed);
	return i;
}

/* Of rows of a word, one behind the other. */
INLINE uint32_t matches_vectors(int32_t *sums, uint32_t n, uint64_t a, const uint64_t *b)
{
	typedef int32_t half __attribute__((vector_size(VB / 2)));
	const qv all = (qv){ 0 } + a;
	uint32_t j;

	for (j = 0; j + VB / 8 <= n; j += VB / 8) {
		half bits = __builtin_convertvector(bits_of(load_q(b + j) & all), half), old;

		memcpy(&old, sums + j, sizeof(old));
		old += bits;
		memcpy(sums + j, &old, sizeof(old));
	}
	return j;
}
#else
INLINE size_t popcount_vectors(const uint64_t *words, size_t n, uint64_t *count)
{
	(void)words;
	(void)n;
	*count = 0;
	return 0;
}

INLINE uint32_t count_vectors(uint64_t sums[2], const uint64_t *data, uint32_t n,
			      const uint32_t *weights)
{
	(void)sums;
	(void)data;
	(void)n;
	(void)weights;
	return 0;
}

INLINE uint32_t matches_vectors(int32_t *sums, uint32_t n, uint64_t a, const uint64_t *b)
{
	(void)sums;
	(void)n;
	(void)a;
	(void)b;
	return 0;
}
#endif

static uint64_t popcount(const uint64_t *words, size_t n)
{
	uint64_t count;
	size_t i;

	for (i = popcount_vectors(words, n, &count); i < n; i++)
		count += (uint64_t)__builtin_popcountll(words[i]);
	return count;
}

static void matches(int32_t *sums, uint32_t n, const uint64_t *a, const uint64_t *b, size_t stride,
		    size_t words)
{
	uint32_t j = words == 1 && stride == 1 ? matches_vectors(sums, n, a[0], b) : 0;
	size_t w;

	for (b += j * stride; j < n; j++, b += stride)
		for (w = 0; w < words; w++)
			sums[j] += __builtin_popcountll(a[w] & b[w]);
}

/* Bits of 4 channels in the four quarters of a word, of each plane: their values. */
static void unpack4(uint64_t *values, const uint64_t *data, size_t stride, uint32_t planes,
		    uint32_t channels, uint32_t n)
{
	const uint64_t one = 1, two = channels > 1 ? 2 : 0, four = channels > 2 ? 4 : 0;
	const uint64_t eight = channels > 3 ? 8 : 0;
	uint32_t p, i;

	for (p = 0; p < planes; p++, data += stride) {
		for (i = 0; i < n; i += 8) /* the next row, of which processors know nothing yet */
			__builtin_prefetch(data + n + i);
		for (i = 0; i < n; i++) {
			uint64_t w = data[i];

			w = (w & one) | (w & two) << 15 | (w & four) << 30 | (w & eight) << 45;
			values[i] = (p ? values[i] : 0) | w << p;
		}
	}
}

/* Columns of @vectors vectors from column @at on, in registers. */
INLINE uint32_t add_marked_at(int32_t *acc, const int32_t *rows, uint64_t bits, uint32_t n,
			      uint32_t at, uint32_t vectors)
{
	i32v sums[4];
	uint32_t k;

	for (k = 0; k < vectors; k++)
		sums[k] = load32(acc + at + k * (VB / 4));
	for (; bits; bits &= bits - 1) {
		const int32_t *row = rows + (size_t)__builtin_ctzll(bits) * n + at;

		for (k = 0; k < vectors; k++)
			sums[k] += load32(row + k * (VB / 4));
	}
	memcpy(acc + at, sums, vectors * sizeof(*sums));
	return at + vectors * (VB / 4);
}

static void add_marked(int32_t *acc, const int32_t *rows, uint64_t bits, uint32_t n)
{
	uint32_t at = 0;

	while (n - at >= VB)
		at = add_marked_at(acc, rows, bits, n, at, 4);
	while (n - at >= VB / 4)
		at = add_marked_at(acc, rows, bits, n, at, 1);
	for (; at < n; at++) {
		uint64_t left = bits;

		for (; left; left &= left - 1)
			acc[at] += rows[(size_t)__builtin_ctzll(left) * n + at];
	}
}

/* Halves of a square that lie across its diagonal change places. */
INLINE void swap_halves(uint64_t m[64], uint32_t half, uint64_t low)
{
	uint32_t i, k;

	for (i = 0; i < 64; i += 2 * half)
		for (k = i; k < i + half; k++) {
			uint64_t t = (m[k] >> half ^ m[k + half]) & low;

			m[k] ^= t << half;
			m[k + half] ^= t;
		}
}

/* Squares of 32, 16 ... bits (Warren, "Hacker's Delight", 7-3). */
static void turn_bits(uint64_t square[64])
{
	swap_halves(square, 32, 0x00000000ffffffffull);
	swap_halves(square, 16, 0x0000ffff0000ffffull);
	swap_halves(square, 8, 0x00ff00ff00ff00ffull);
	swap_halves(square, 4, 0x0f0f0f0f0f0f0f0full);
	swap_halves(square, 2, 0x3333333333333333ull);
	swap_halves(square, 1, 0x5555555555555555ull);
}

/* Bits of @word in channels [first, end), which it meets. */
INLINE uint64_t part_of(uint64_t bits, uint32_t word, uint32_t first, uint32_t end)
{
	if (first > word * 64)
		bits &= ~0ull << (first - word * 64);
	return end - word * 64 < 64 ? bits & ((1ull << (end - word * 64)) - 1) : bits;
}

static void head(struct head_spikes *c, const uint64_t *q, const uint64_t *k, const uint64_t *v,
		 uint32_t n, uint32_t words)
{
	uint32_t i, w;

	for (i = 0; i < n; i++, q += words, k += words, v += words) {
		uint64_t any = 0, keys = 0, values = 0;

		for (w = c->first / 64; w * 64 < c->end; w++) {
			any |= part_of(q[w], w, c->first, c->end);
			keys += (uint64_t)__builtin_popcountll(part_of(k[w], w, c->first, c->end));
			values +=
				(uint64_t)__builtin_popcountll(part_of(v[w], w, c->first, c->end));
		}
		c->queries += any != 0;
		c->values += values;
		c->pairs += keys * values;
	}
}

static void count(uint64_t sums[2], const uint64_t *data, uint32_t n, uint32_t words,
		  const uint32_t *weights)
{
	uint32_t i = words == 1 ? count_vectors(sums, data, n, weights) : 0;

	for (data += i; i < n; i++, data += words) {
		uint64_t bits = 0;
		uint32_t w;

		for (w = 0; w < words; w++)
			bits += (uint64_t)__builtin_popcountll(data[w]);
		sums[0] += bits;
		sums[1] += bits * weights[i];
	}
}

/* ---- values that go to no neuron ---- */

static uint32_t requantize(int32_t *restrict values, const int32_t *restrict acc,
			   const struct requant *r)
{
	const int32_t *restrict mult = r->mult, *restrict bias = r->bias;
	uint32_t half = (uint32_t)r->half, clamped = 0, j;
	int32_t low = r->low, high = r->high;
	int shift = (int)r->shift;

	for (j = 0; j < LANES; j++) {
		int32_t v = (int32_t)((uint32_t)acc[j] * (uint32_t)mult[j] + (uint32_t)bias[j] +
				      half) >>
			    shift;
		int32_t within = v < low ? low : v > high ? high : v;

		clamped += v != within;
		values[j] = within;
	}
	return clamped;
}

static void greatest(int32_t *restrict values, const int32_t *restrict others)
{
	uint32_t j;

	for (j = 0; j < LANES; j++)
		values[j] = others[j] > values[j] ? others[j] : values[j];
}

#define TEXT_(x) #x
#define TEXT(x)	 TEXT_(x)

const struct vec JOIN(vec_, VEC_NAME) = { .name = TEXT(VEC_NAME),
					  .list = list_rows,
					  .add8 = add8,
					  .add8_narrow = add8_narrow,
					  .add16 = add16,
					  .add16_narrow = add16_narrow,
					  .spread = spread,
					  .dense = dense,
					  .lookup = lookup,
					  .nibbles = nibbles,
#if VEC_LEVEL >= 4
					  .lookup4 = lookup4,
					  .nibbles4 = nibbles4,
#endif
					  .turn = turn,
					  .fire = fire,
					  .requantize = requantize,
					  .greatest = greatest,
					  .unpack4 = unpack4,
					  .matches = matches,
					  .add_marked = add_marked,
					  .turn_bits = turn_bits,
					  .head = head,
					  .popcount = popcount,
					  .count = count };
