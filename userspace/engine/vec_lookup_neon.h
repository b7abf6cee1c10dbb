/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vec_lookup_neon.h - part of vec_lookup.h: sums of tables that NEON looks up 16 lanes at a
 * time, and widens in their order.
 */

#define LOOKUP_AT_ONCE 4 /* groups whose sums are widened together */
#define LOOKUP_BLOCK   4 /* outputs whose sums are in registers */
#define LOOKUP_VECTORS 2 /* of lanes, for which tables are loaded once */

/* Sums of @n groups, which fit a byte, to those of LOOKUP_BLOCK outputs. */
INLINE void add_tables(uint16x8_t sums[LOOKUP_BLOCK][LOOKUP_VECTORS][2], const uint8_t *tables,
		       bool fours, const uint8x16_t at[LOOKUP_AT_ONCE][LOOKUP_VECTORS], uint32_t n)
{
	uint32_t o, k, v;

	for (o = 0; o < LOOKUP_BLOCK; o++)
		for (v = 0; v < LOOKUP_VECTORS; v++) {
			const uint8_t *of_output = tables + lookup_table(fours, 0, o);
			uint8x16_t s = vqtbl1q_u8(vld1q_u8(of_output), at[0][v]);

			for (k = 1; k < n; k++)
				s += vqtbl1q_u8(vld1q_u8(of_output + lookup_table(fours, k, 0)),
						at[k][v]);
			sums[o][v][0] = vaddw_u8(sums[o][v][0], vget_low_u8(s));
			sums[o][v][1] = vaddw_high_u8(sums[o][v][1], s);
		}
}

INLINE void load_index(uint8x16_t at[LOOKUP_VECTORS], const struct lookup *l, uint32_t k,
		       uint32_t lane)
{
	const uint8_t *index = l->index + lane + ((size_t)l->at[k] << l->shift);
	uint32_t v;

	for (v = 0; v < LOOKUP_VECTORS; v++)
		at[v] = vld1q_u8(index + v * VB);
}

INLINE void put_lanes(int16_t *acc, const uint16x8_t sums[LOOKUP_BLOCK][LOOKUP_VECTORS][2])
{
	uint32_t o, v;

	for (o = 0; o < LOOKUP_BLOCK; o++, acc += LOOKUP_LANES)
		for (v = 0; v < 2 * LOOKUP_VECTORS; v++)
			vst1q_s16(acc + v * (VB / 2),
				  load16(acc + v * (VB / 2)) + (i16v)sums[o][v / 2][v % 2]);
}

/* LOOKUP_BLOCK outputs from output @o on, for LOOKUP_VECTORS vectors; @n groups at once. */
INLINE void look_up_block(int16_t *acc, const struct lookup *l, uint32_t o, uint32_t lane,
			  bool fours, uint32_t n)
{
	const uint16x8_t zero = vdupq_n_u16((uint16_t)(0 - l->count * l->bias));
	const uint8_t *tables = l->tables + lookup_table(fours, 0, o);
	uint16x8_t sums[LOOKUP_BLOCK][LOOKUP_VECTORS][2];
	uint8x16_t at[LOOKUP_AT_ONCE][LOOKUP_VECTORS];
	uint32_t k, i, v;

	for (i = 0; i < LOOKUP_BLOCK; i++)
		for (v = 0; v < LOOKUP_VECTORS; v++)
			sums[i][v][0] = sums[i][v][1] = zero;
	for (k = 0; k + n <= l->count; k += n) {
		for (i = 0; i < n; i++)
			load_index(at[i], l, k + i, lane);
		add_tables(sums, tables + lookup_table(fours, k, 0), fours, at, n);
	}
	for (; k < l->count; k++) {
		load_index(at[0], l, k, lane);
		add_tables(sums, tables + lookup_table(fours, k, 0), fours, at, 1);
	}
	put_lanes(acc + o * LOOKUP_LANES + lane, sums);
}

#define LOOKUP_STRIDE (LOOKUP_VECTORS * VB)
