/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vec_neurons.h - part of vec_body.h: neurons side by side, all steps of a block at once.
 */

#if VEC_LEVEL >= 1
#define NV 1 /* vectors of neurons side by side: what their bits fill is a byte or two */
#elif VEC_ARM
#define NV 4
#else
#define NV 2
#endif
#define VL (VB / 4)
#define NL (NV * VL)

#if NL == 16
typedef uint16_t fired_bits;
#else
typedef uint8_t fired_bits;
#endif

typedef i32v nv;
typedef uint32_t nu __attribute__((vector_size(VB)));

/* Where neurons of a vector fire. */
#if VEC_LEVEL >= 2
typedef __mmask16 fired;
#else
typedef nv fired; /* 0 or -1 */
#endif

INLINE nv choose_v(nv mask, nv a, nv b)
{
	return (mask & a) | (~mask & b);
}

INLINE fired fired_of(nv mask)
{
#if VEC_LEVEL >= 2
	return _mm512_movepi32_mask((__m512i)mask);
#else
	return mask;
#endif
}

/* Bit j is whether neuron j of all vectors fires. */
INLINE fired_bits bits_of_fired(const fired f[NV])
{
#if VEC_LEVEL >= 2
	return (fired_bits)f[0];
#elif VEC_LEVEL == 1
	return (fired_bits)_mm256_movemask_ps((__m256)f[0]);
#elif VEC_ARM
	const uint8x16_t place = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128 };
	uint16x8_t low = vuzp1q_u16((uint16x8_t)f[0], (uint16x8_t)f[1]);
	uint16x8_t high = vuzp1q_u16((uint16x8_t)f[2], (uint16x8_t)f[3]);
	uint8x16_t bits = place & vuzp1q_u8((uint8x16_t)low, (uint8x16_t)high);
	uint32_t k;

	for (k = 0; k < 3; k++)
		bits = vpaddq_u8(bits, bits);
	return vgetq_lane_u16((uint16x8_t)bits, 0);
#else
	uint32_t bits = 0, j;

	for (j = 0; j < NL; j++)
		bits |= (uint32_t)f[j / VL][j % VL] & 1u << j;
	return (fired_bits)bits;
#endif
}

/* a * b >> 32 */
INLINE nu multiply_high(nu a, uint32_t b)
{
#if VEC_LEVEL >= 2
	__m512i m = _mm512_set1_epi32((int)b);
	__m512i even = _mm512_mul_epu32((__m512i)a, m);
	__m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)a, 32), m);

	return (nu)_mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
#elif VEC_LEVEL == 1
	__m256i m = _mm256_set1_epi32((int)b);
	__m256i even = _mm256_mul_epu32((__m256i)a, m);
	__m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)a, 32), m);

	return (nu)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
#elif VEC_ARM
	uint64x2_t low = vmull_n_u32(vget_low_u32(a), b), high = vmull_high_n_u32(a, b);

	return vuzp2q_u32((uint32x4_t)low, (uint32x4_t)high);
#else
	nu r;
	uint32_t j;

	for (j = 0; j < VL; j++)
		r[j] = (uint32_t)((uint64_t)a[j] * b >> 32);
	return r;
#endif
}

#define LEAK_HALF (LEAK_SHIFT + 1) /* a shift by one, which all processors do at once */

/* See neuron_lanes_of(); products are split so that none needs more than 32 bits. */
INLINE nv leak_v(uint32_t kind, const struct neuron_leak *k, nv u)
{
	nv sign = u >> 31;
	nu m;

	switch (kind) {
	case SNNQ_LEAK_DIVN: /* floor: of -u - 1 for negative u, which is ~u */
		m = multiply_high((nu)(u ^ sign), k->magic) >> k->shift;
		return (nv)m ^ sign;
	case LEAK_SHIFT:
		return u >> (int)k->shift;
	case LEAK_HALF:
		return u >> 1;
	case SNNQ_LEAK_Q16:
		return (nv)((nu)(u >> 16) * k->param + (((nu)u & 0xffff) * k->param >> 16));
	case SNNQ_LEAK_TZ12:
		m = (nu)(u ^ sign) - (nu)sign;
		m = (m >> 12) * (4096 - k->param) + ((m & 4095) * (4096 - k->param) >> 12);
		return (nv)((m ^ (nu)sign) - (nu)sign);
	default:
		return u;
	}
}

/* a + b + c, clamped; @over: where it was, as a mask. */
INLINE nv add3_v(nv a, nv b, nv c, nv *over)
{
	nu first = (nu)a + (nu)b, sum = first + (nu)c;
	nv high = (a >> 31) + (b >> 31) + (c >> 31) - (nv)(first < (nu)a) - (nv)(sum < first);

	*over = high != ((nv)sum >> 31);
	return choose_v(*over, (high >> 31) ^ INT32_MAX, (nv)sum);
}

INLINE nv add2_v(nv a, nv b, nv *over)
{
	nv sum = (nv)((nu)a + (nu)b);

	*over = ((a ^ sum) & (b ^ sum)) >> 31;
	return choose_v(*over, (a >> 31) ^ INT32_MAX, sum);
}

INLINE nv load_n(const void *p)
{
	nv v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Where u > least; there u is reset to @value, or by subtracting it. */
INLINE fired reset_v(nv *u, nv least, nv value, bool hard)
{
#if VEC_LEVEL >= 2
	__m512i old = (__m512i)*u;
	__mmask16 fire = _mm512_cmpgt_epi32_mask(old, (__m512i)least);

	*u = (nv)(hard ? _mm512_mask_mov_epi32(old, fire, (__m512i)value) :
			 _mm512_mask_sub_epi32(old, fire, old, (__m512i)value));
	return fire;
#else
	nv fire = *u > least;

	*u = hard ? choose_v(fire, value, *u) : *u - (fire & value);
	return fire;
#endif
}

/*
 * Group @g of the neurons, all steps: no current, refractory time or sticky bit. @shifts: the
 * accumulators.
 */
INLINE nv fire_simple(const struct neuron_lanes *n, uint32_t g, uint32_t kind, bool tame,
		      bool shifts)
{
	const struct snnq_neuron *d = n->neuron;
	const int32_t *acc = n->acc + g * NL;
	uint8_t *out = (uint8_t *)n->out + g * sizeof(fired_bits);
	nv u[NV], bias[NV], least[NV], value[NV], clamped = { 0 }, over, input;
	bool hard = d->reset == SNNQ_RESET_HARD;
	fired fire[NV];
	fired_bits bits;
	uint32_t t, k;

	for (k = 0; k < NV; k++) {
		nv threshold = load_n(n->threshold + g * NL + k * VL);

		u[k] = load_n(n->u + g * NL + k * VL);
		bias[k] = load_n(n->bias + g * NL + k * VL);
		least[k] = threshold - (d->compare == SNNQ_COMPARE_GE);
		value[k] = d->reset == SNNQ_RESET_SOFT ? threshold : u[k] ^ u[k];
		if (hard)
			value[k] += d->reset_value;
	}
	for (t = 0; t < n->steps; t++, acc += n->acc_stride, out += 8 * n->out_stride) {
		for (k = 0; k < NV; k++) {
			input = load_n(acc + k * VL);
			input = (shifts ? input << d->shift : input) + bias[k];
			if (tame) {
				u[k] = leak_v(kind, &n->leak, u[k]) + input;
			} else {
				u[k] = add2_v(leak_v(kind, &n->leak, u[k]), input, &over);
				clamped -= over;
			}
			fire[k] = reset_v(&u[k], least[k], value[k], hard);
		}
		bits = bits_of_fired(fire);
		memcpy(out, &bits, sizeof(bits));
	}
	for (k = 0; k < NV; k++)
		memcpy(n->u + g * NL + k * VL, &u[k], sizeof(u[k]));
	return clamped;
}

/* What a vector of neurons is at, and where it was clamped. */
struct any_lanes {
	nv u, i, counter, sticky, clamped;
};

INLINE struct any_lanes load_lanes(const struct neuron_lanes *n, uint32_t at)
{
	struct any_lanes s = { .u = load_n(n->u + at) };

	if (n->i)
		s.i = load_n(n->i + at);
	if (n->aux) {
		nv aux = load_n(n->aux + at);

		s.counter = aux & AUX_COUNTER;
		s.sticky = (aux & AUX_STICKY) != 0;
	}
	return s;
}

INLINE void store_lanes(const struct neuron_lanes *n, uint32_t at, struct any_lanes s)
{
	bool keeps = n->neuron->flags & SNNQ_NEURON_FLAG_STICKY;
	nv aux = s.counter | (s.sticky & (keeps ? AUX_STICKY : 0));

	memcpy(n->u + at, &s.u, sizeof(s.u));
	if (n->i)
		memcpy(n->i + at, &s.i, sizeof(s.i));
	if (n->aux)
		memcpy(n->aux + at, &aux, sizeof(aux));
}

/* A step of a vector of any neurons: where they fire, as a mask. */
INLINE nv step_any(const struct neuron_lanes *n, struct any_lanes *s, nv input, nv threshold,
		   nv bias)
{
	const struct snnq_neuron *d = n->neuron;
	nv zero = bias ^ bias, keeps = zero - (d->flags & SNNQ_NEURON_FLAG_STICKY ? 1 : 0);
	nv equal_fires = zero - (d->compare == SNNQ_COMPARE_GE);
	nv rests = s->counter != 0, left, next, fire, over;

	if (n->i) {
		nv old = s->i;

		s->i = add2_v(leak_v(n->current_leak.kind, &n->current_leak, old), input, &over);
		s->clamped -= over;
		input = d->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : s->i;
	}
	left = leak_v(n->leak.kind, &n->leak, s->u);
	if (d->leak == SNNQ_LEAK_DIVN)
		s->sticky |= keeps & ~rests & ((nu)s->u - (nu)left * (uint32_t)d->leak_param != 0);
	next = add3_v(left, input, bias, &over);
	s->clamped -= over & ~rests;
	fire = ((next > threshold) | ((next == threshold) & (equal_fires | s->sticky))) & ~rests;
	if (d->reset == SNNQ_RESET_HARD) {
		next = choose_v(fire, zero + d->reset_value, next);
		s->sticky &= ~fire;
	} else if (d->reset == SNNQ_RESET_SOFT) {
		next -= fire & threshold;
	}
	s->u = choose_v(rests, zero + d->reset_value, next);
	s->counter = choose_v(fire, zero + d->refractory, s->counter + rests);
	return fire;
}

/* Any neurons. */
INLINE nv fire_any(const struct neuron_lanes *n, uint32_t g)
{
	const int32_t *acc = n->acc + g * NL;
	uint8_t *out = (uint8_t *)n->out + g * sizeof(fired_bits);
	struct any_lanes s[NV];
	nv clamped = { 0 };
	fired fire[NV];
	fired_bits bits;
	uint32_t t, k;

	for (k = 0; k < NV; k++)
		s[k] = load_lanes(n, g * NL + k * VL);
	for (t = 0; t < n->steps; t++, acc += n->acc_stride, out += 8 * n->out_stride) {
		for (k = 0; k < NV; k++)
			fire[k] = fired_of(step_any(n, &s[k],
						    load_n(acc + k * VL) * (1 << n->neuron->shift),
						    load_n(n->threshold + g * NL + k * VL),
						    load_n(n->bias + g * NL + k * VL)));
		bits = bits_of_fired(fire);
		memcpy(out, &bits, sizeof(bits));
	}
	for (k = 0; k < NV; k++) {
		store_lanes(n, g * NL + k * VL, s[k]);
		clamped += s[k].clamped;
	}
	return clamped;
}

INLINE nv fire_group(const struct neuron_lanes *n, uint32_t g)
{
	if (n->i || n->aux)
		return fire_any(n, g);
	if (n->tame && n->leak.kind == LEAK_SHIFT && n->leak.shift == 1 && !n->neuron->shift)
		return fire_simple(n, g, LEAK_HALF, true, false);
	if (n->tame && n->leak.kind == LEAK_SHIFT)
		return fire_simple(n, g, LEAK_SHIFT, true, true);
	if (n->tame && n->leak.kind == SNNQ_LEAK_DIVN)
		return fire_simple(n, g, SNNQ_LEAK_DIVN, true, true);
	switch (n->leak.kind) {
	case SNNQ_LEAK_NONE:
		return fire_simple(n, g, SNNQ_LEAK_NONE, false, true);
	case LEAK_SHIFT:
		return fire_simple(n, g, LEAK_SHIFT, false, true);
	case SNNQ_LEAK_DIVN:
		return fire_simple(n, g, SNNQ_LEAK_DIVN, false, true);
	case SNNQ_LEAK_Q16:
		return fire_simple(n, g, SNNQ_LEAK_Q16, false, true);
	default:
		return fire_simple(n, g, SNNQ_LEAK_TZ12, false, true);
	}
}

static void fire(struct neuron_lanes *n)
{
	nv clamped = { 0 };
	uint32_t g, j;

	for (g = 0; g * NL < n->count; g++)
		clamped += fire_group(n, g);
	for (j = 0; j < VL; j++)
		n->saturations += (uint32_t)clamped[j];
}
