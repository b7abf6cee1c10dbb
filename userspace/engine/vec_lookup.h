/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vec_lookup.h - part of vec_body.h: inner loops of LOOKUP kernels. Tables have what four
 * weights add up to for each set of spikes, made positive, so that bytes of two lanes can
 * be summed as halves of 16 bits.
 */

typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int16_t i16x8 __attribute__((vector_size(16)));
typedef int32_t i32x8 __attribute__((vector_size(32)));

/* Elements of half of two vectors, from element @k on. */
#define BYTES_IN_TURN(a, b, k)                                                                \
	__builtin_shufflevector(a, b, k, k + 16, k + 1, k + 17, k + 2, k + 18, k + 3, k + 19, \
				k + 4, k + 20, k + 5, k + 21, k + 6, k + 22, k + 7, k + 23)
#define WORDS_IN_TURN(a, b, k) \
	__builtin_shufflevector(a, b, k, k + 8, k + 1, k + 9, k + 2, k + 10, k + 3, k + 11)

#if VEC_LEVEL >= 1
#define LOOKUP_AT_ONCE 4 /* groups whose sums are widened together */

#if VEC_LEVEL >= 2
#define LOOKUP_BLOCK 8 /* outputs whose sums are in registers */
typedef __m512i lookup_v;

INLINE lookup_v look_up(const uint8_t *table, lookup_v index)
{
	return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const void *)table)),
				   index);
}

INLINE lookup_v low_lanes(lookup_v low, lookup_v high)
{
	const __m512i order = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);

	return _mm512_permutex2var_epi64(low, order, high);
}

INLINE lookup_v high_lanes(lookup_v low, lookup_v high)
{
	const __m512i order = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);

	return _mm512_permutex2var_epi64(low, order, high);
}

#define LOOKUP_OP(name) _mm512_##name
#else
#define LOOKUP_BLOCK 4
typedef __m256i lookup_v;

INLINE lookup_v look_up(const uint8_t *table, lookup_v index)
{
	return _mm256_shuffle_epi8(
		_mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)table)), index);
}

INLINE lookup_v low_lanes(lookup_v low, lookup_v high)
{
	return _mm256_permute2x128_si256(low, high, 0x20);
}

INLINE lookup_v high_lanes(lookup_v low, lookup_v high)
{
	return _mm256_permute2x128_si256(low, high, 0x31);
}

#define LOOKUP_OP(name) _mm256_##name
#endif

INLINE lookup_v load_lookup(const void *p)
{
	lookup_v v;

	memcpy(&v, p, sizeof(v));
	return v;
}

INLINE void add_lanes(int16_t *acc, lookup_v sums)
{
	lookup_v v = LOOKUP_OP(add_epi16)(load_lookup(acc), sums);

	memcpy(acc, &v, sizeof(v));
}

/* Sums of even and of odd lanes, which also have @bias too much, to accumulators in order. */
INLINE void put_lanes(int16_t *acc, lookup_v even, lookup_v odd, lookup_v bias)
{
	lookup_v low, high;

	even = LOOKUP_OP(sub_epi16)(even, bias);
	odd = LOOKUP_OP(sub_epi16)(odd, bias);
	low = LOOKUP_OP(unpacklo_epi16)(even, odd);
	high = LOOKUP_OP(unpackhi_epi16)(even, odd);
	add_lanes(acc, low_lanes(low, high));
	add_lanes(acc + sizeof(low) / 2, high_lanes(low, high));
}

/* Sums of @n groups, which fit a byte, to those of all and of odd lanes. */
INLINE void add_tables(lookup_v *all, lookup_v *odd, const uint8_t *tables, bool fours,
		       const lookup_v *at, uint32_t n)
{
	uint32_t o, k;

	for (o = 0; o < LOOKUP_BLOCK; o++) {
		const uint8_t *of_output = tables + lookup_table(fours, 0, o);
		lookup_v s = look_up(of_output, at[0]);

		for (k = 1; k < n; k++)
			s = LOOKUP_OP(
				add_epi8)(s, look_up(of_output + lookup_table(fours, k, 0), at[k]));
		all[o] = LOOKUP_OP(add_epi16)(all[o], s);
		odd[o] = LOOKUP_OP(add_epi16)(odd[o], LOOKUP_OP(srli_epi16)(s, 8));
	}
}

/* LOOKUP_BLOCK outputs from output @o on, for the lanes of a vector; @n groups at once. */
INLINE void look_up_block(int16_t *acc, const struct lookup *l, uint32_t o, uint32_t lane,
			  bool fours, uint32_t n)
{
	const uint8_t *tables = l->tables + lookup_table(fours, 0, o);
	lookup_v all[LOOKUP_BLOCK], odd[LOOKUP_BLOCK], at[LOOKUP_AT_ONCE], bias;
	uint32_t k, i;

	for (i = 0; i < LOOKUP_BLOCK; i++)
		all[i] = odd[i] = LOOKUP_OP(set1_epi8)(0);
	for (k = 0; k + n <= l->count; k += n) {
		for (i = 0; i < n; i++)
			at[i] = load_lookup(l->index + lane + ((size_t)l->at[k + i] << l->shift));
		add_tables(all, odd, tables + lookup_table(fours, k, 0), fours, at, n);
	}
	for (; k < l->count; k++) {
		at[0] = load_lookup(l->index + lane + ((size_t)l->at[k] << l->shift));
		add_tables(all, odd, tables + lookup_table(fours, k, 0), fours, at, 1);
	}
	bias = LOOKUP_OP(set1_epi16)((int16_t)(l->count * l->bias));
	for (i = 0; i < LOOKUP_BLOCK; i++)
		put_lanes(acc + (o + i) * LOOKUP_LANES + lane,
			  LOOKUP_OP(sub_epi16)(all[i], LOOKUP_OP(slli_epi16)(odd[i], 8)), odd[i],
			  bias);
}

#define LOOKUP_STRIDE sizeof(lookup_v)
#elif VEC_ARM
#include "vec_lookup_neon.h"
#endif

#if VEC_LEVEL >= 1 || VEC_ARM
INLINE void look_up_all(int16_t *acc, const struct lookup *l, bool fours, uint32_t n)
{
	uint32_t o, lane;

	for (o = 0; o < LOOKUP_OUTPUTS; o += LOOKUP_BLOCK)
		for (lane = 0; lane < LOOKUP_LANES; lane += LOOKUP_STRIDE)
			look_up_block(acc, l, o, lane, fours, n);
}

static void lookup(int16_t *acc, const struct lookup *l)
{
	if (l->few < 2)
		look_up_all(acc, l, l->fours, 1);
	else if (l->few < 4)
		look_up_all(acc, l, l->fours, 2);
	else if (l->fours)
		look_up_all(acc, l, true, 4);
	else
		look_up_all(acc, l, false, 4);
}
#else
static void lookup(int16_t *acc, const struct lookup *l)
{
	uint32_t k, o, lane;

	for (k = 0; k < l->count; k++) {
		const uint8_t *index = l->index + ((size_t)l->at[k] << l->shift);

		for (o = 0; o < LOOKUP_OUTPUTS; o++) {
			const uint8_t *table = l->tables + lookup_table(l->fours, k, o);

			for (lane = 0; lane < LOOKUP_LANES; lane++)
				acc[o * LOOKUP_LANES + lane] =
					(int16_t)(acc[o * LOOKUP_LANES + lane] +
						  table[index[lane]] - (int32_t)l->bias);
		}
	}
}
#endif

#if VEC_LEVEL >= 4
#define BLOCK4	 4u /* outputs whose sums are in registers */
#define LANES4	 16u
#define VECTORS4 (LOOKUP_LANES / LANES4)

/* The tables of four groups are one of 64 entries, and what it gives is summed by fours. */
INLINE void look_up_block4(int16_t *acc, const struct lookup *l, uint32_t o)
{
	const __m512i ones = _mm512_set1_epi8(1);
	__m512i sums[BLOCK4][VECTORS4], at[VECTORS4];
	uint32_t k, i, v;

	for (i = 0; i < BLOCK4; i++)
		for (v = 0; v < VECTORS4; v++)
			sums[i][v] = _mm512_set1_epi32(-(int32_t)(l->count * l->bias));
	for (k = 0; k < l->count; k += 4) {
		for (v = 0; v < VECTORS4; v++)
			at[v] = _mm512_loadu_si512(l->index + ((size_t)l->at[k] << l->shift) +
						   v * sizeof(at[v]));
		for (i = 0; i < BLOCK4; i++) {
			__m512i table =
				_mm512_loadu_si512(l->tables + lookup_table(true, k, o + i));

			for (v = 0; v < VECTORS4; v++)
				sums[i][v] = _mm512_dpbusd_epi32(
					sums[i][v], _mm512_permutexvar_epi8(at[v], table), ones);
		}
	}
	for (i = 0; i < BLOCK4; i++)
		for (v = 0; v < VECTORS4; v++) {
			int16_t *to = acc + (o + i) * LOOKUP_LANES + v * LANES4;
			__m256i sum = _mm512_cvtepi32_epi16(sums[i][v]);

			_mm256_storeu_si256((void *)to,
					    _mm256_add_epi16(sum, _mm256_loadu_si256((void *)to)));
		}
}

static void lookup4(int16_t *acc, const struct lookup *l)
{
	uint32_t o;

	for (o = 0; o < LOOKUP_OUTPUTS; o += BLOCK4)
		look_up_block4(acc, l, o);
}

/* Of eight steps: bits 4 * i of a word to a byte each, which also says its place in four. */
INLINE __m512i spread_nibbles(__m512i words, uint64_t first)
{
	const uint64_t every = 0x1c1814100c080400;
	__m512i bytes = _mm512_multishift_epi64_epi8(
		_mm512_set1_epi64((long long)(every + first * 0x0101010101010101)), words);

	return _mm512_or_si512(_mm512_and_si512(bytes, _mm512_set1_epi8(15)),
			       _mm512_set1_epi32(0x30201000));
}

static void nibbles4(uint8_t *out, size_t stride, uint32_t bytes, const uint64_t words[16],
		     uint32_t n)
{
	const __m512i even =
		_mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
	const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
	const __mmask16 steps = (__mmask16)((1u << bytes) - 1);
	__m512i low = _mm512_loadu_si512(words), high = _mm512_loadu_si512(words + 8);
	uint32_t i;

	for (i = 0; i < n; i += 8, out += 8 * stride) {
		__m512i a = spread_nibbles(low, i * 4), b = spread_nibbles(high, i * 4);

		_mm512_mask_storeu_epi32(out, steps, _mm512_permutex2var_epi32(a, even, b));
		if (n - i > 4)
			_mm512_mask_storeu_epi32(out + 4 * stride, steps,
						 _mm512_permutex2var_epi32(a, odd, b));
	}
}
#endif

/*
 * Read as one row of 128 bytes, with a byte's number in its word lowest, four times taking
 * from the halves in turn brings the words' numbers to the lowest place.
 */
static void nibbles(uint8_t *out, size_t stride, uint32_t bytes, const uint64_t words[16],
		    uint32_t n)
{
	u8x16 v[8], next[8];
	uint32_t round, i;

	memcpy(v, words, sizeof(v));
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 4; i++) {
			next[2 * i] = BYTES_IN_TURN(v[i], v[i + 4], 0);
			next[2 * i + 1] = BYTES_IN_TURN(v[i], v[i + 4], 8);
		}
		memcpy(v, next, sizeof(v));
	}
	for (i = 0; i < n; i++, out += stride) {
		u8x16 part = i % 2 ? v[i / 2] >> 4 : v[i / 2] & 15;

		if (bytes == sizeof(part))
			memcpy(out, &part, sizeof(part));
		else
			memcpy(out, &part, bytes);
	}
}

/* Eight lanes of eight outputs. */
INLINE void turn_block(int32_t *acc, const int16_t *sums, bool add)
{
	i16x8 v[8], next[8];
	uint32_t round, i;

	for (i = 0; i < 8; i++)
		memcpy(&v[i], sums + i * LOOKUP_LANES, sizeof(v[i]));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 4; i++) {
			next[2 * i] = WORDS_IN_TURN(v[i], v[i + 4], 0);
			next[2 * i + 1] = WORDS_IN_TURN(v[i], v[i + 4], 4);
		}
		memcpy(v, next, sizeof(v));
	}
	for (i = 0; i < 8; i++) {
		i32x8 wide = __builtin_convertvector(v[i], i32x8), higher;

		if (add) {
			memcpy(&higher, acc + i * LANES, sizeof(higher));
			wide += higher * LOOKUP_DIGIT;
		}
		memcpy(acc + i * LANES, &wide, sizeof(wide));
	}
}

INLINE void turn_all(int32_t *acc, const int16_t *sums, bool add)
{
	uint32_t o, lane;

	for (o = 0; o < LANES; o += 8)
		for (lane = 0; lane < LOOKUP_LANES; lane += 8)
			turn_block(acc + lane * LANES + o, sums + o * LOOKUP_LANES + lane, add);
}

static void turn(int32_t *acc, const int16_t *sums, bool add)
{
	if (add)
		turn_all(acc, sums, true);
	else
		turn_all(acc, sums, false);
}
