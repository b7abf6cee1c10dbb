/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vec_dense_neon.h - part of vec_body.h: DENSE sums of one column in up to four steps, for
 * which there are registers.
 */

#define DV    (DENSE_LANES * 4 / VB) /* vectors of accumulators */
#define STEPS 4

/**
 * struct dense_sums - sums of a step
 * @v: of each output.
 * @extra: where all are bytes, what each of them has too much.
 */
struct dense_sums {
	i32v v[DV];
	i32v extra;
};

/* Weights of pairs are parted, for a product with one of the two values each. */
INLINE void dot_words(struct dense_sums *s, const int16_t *w, int16x4_t x)
{
	uint32_t k;

	for (k = 0; k < DV; k += 2, w += VB) {
		int16x8_t even = vuzp1q_s16(load16(w), load16(w + VB / 2));
		int16x8_t odd = vuzp2q_s16(load16(w), load16(w + VB / 2));

		s->v[k] = vmlal_lane_s16(s->v[k], vget_low_s16(even), x, 0);
		s->v[k] = vmlal_lane_s16(s->v[k], vget_low_s16(odd), x, 1);
		s->v[k + 1] = vmlal_high_lane_s16(s->v[k + 1], even, x, 0);
		s->v[k + 1] = vmlal_high_lane_s16(s->v[k + 1], odd, x, 1);
	}
}

#if VEC_ARM >= 2
/*
 * Values up to 255 want products of unsigned bytes, for which weights get 128 more. High bytes
 * of values are zero, so it does not matter what those of weights are.
 */
INLINE void dot_bytes(struct dense_sums *s, const int16_t *w, uint8x8_t x)
{
	const uint8x16_t more = (uint8x16_t)vdupq_n_u16(128);
	uint32_t k;

	for (k = 0; k < DV; k++, w += VB / 2)
		s->v[k] = (i32v)vdotq_lane_u32((uint32x4_t)s->v[k], (uint8x16_t)load16(w) ^ more, x,
					       0);
	s->extra = (i32v)vdotq_lane_u32((uint32x4_t)s->extra, more, x, 0);
}
#else
INLINE void dot_bytes(struct dense_sums *s, const int16_t *w, uint8x8_t x)
{
	dot_words(s, w, (int16x4_t)x);
}
#endif

INLINE void dense_steps(int32_t *acc, size_t stride, const struct dense *d, uint32_t steps,
			bool bytes)
{
	struct dense_sums sums[STEPS] = { 0 };
	const int16_t *w = d->weights;
	uint32_t t, run, k;

	for (run = 0; run < d->runs; run++) {
		const int16_t *in = d->in + d->run_at[run];

		for (k = 0; k < d->pairs; k++, in += 2, w += 2 * DENSE_LANES)
			for (t = 0; t < steps; t++) {
				uint32_t pair;

				memcpy(&pair, in + t * d->in_stride, sizeof(pair));
				if (bytes)
					dot_bytes(&sums[t], w, vcreate_u8(pair));
				else
					dot_words(&sums[t], w, vcreate_s16(pair));
			}
	}
	for (t = 0; t < steps; t++)
		for (k = 0; k < DV; k++)
			store32(acc + t * stride + k * (VB / 4), sums[t].v[k] - sums[t].extra);
}

INLINE void dense_column(int32_t *acc, size_t stride, uint32_t steps, struct dense d, bool bytes)
{
	for (; steps >= STEPS; steps -= STEPS, acc += STEPS * stride, d.in += STEPS * d.in_stride)
		dense_steps(acc, stride, &d, STEPS, bytes);
	for (; steps; steps--, acc += stride, d.in += d.in_stride)
		dense_steps(acc, stride, &d, 1, bytes);
}

static void dense(int32_t *acc, size_t stride, uint32_t steps, const struct dense *d)
{
	struct dense column = *d;
	uint32_t c;

	for (c = 0; c < d->columns; c++, acc += DENSE_LANES) {
		if (VEC_ARM >= 2 && d->bytes)
			dense_column(acc, stride, steps, column, true);
		else
			dense_column(acc, stride, steps, column, false);
		column.weights += (size_t)d->runs * d->pairs * 2 * DENSE_LANES;
	}
}
