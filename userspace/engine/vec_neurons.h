/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vec_neurons.h - part of vec_body.h: neurons side by side, all steps of a block at once.
 */

#if VEC_LEVEL >= 2
#define NL 16 /* neurons side by side; a word has 64 / NL such groups */
typedef uint16_t fired_bits;
#else
#define NL 8
typedef uint8_t fired_bits;
#endif

typedef int32_t nv __attribute__((vector_size(4 * NL)));
typedef uint32_t nu __attribute__((vector_size(4 * NL)));

INLINE nv choose_v(nv mask, nv a, nv b)
{
	return (mask & a) | (~mask & b);
}

/* Bit j is whether lane j, which is 0 or -1, is set. */
INLINE fired_bits mask_bits(nv mask)
{
#if VEC_LEVEL >= 2
	return (fired_bits)_mm512_movepi32_mask((__m512i)mask);
#elif VEC_LEVEL == 1
	return (fired_bits)_mm256_movemask_ps((__m256)mask);
#else
	uint32_t bits = 0, j;

	for (j = 0; j < NL; j++)
		bits |= (uint32_t)mask[j] & 1u << j;
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
#else
	nu r;
	uint32_t j;

	for (j = 0; j < NL; j++)
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

/* Where u > least: its bits, and u reset there to @value, or by subtracting it. */
INLINE fired_bits reset_v(nv *u, nv least, nv value, bool hard)
{
#if VEC_LEVEL >= 2
	__m512i old = (__m512i)*u;
	__mmask16 fire = _mm512_cmpgt_epi32_mask(old, (__m512i)least);

	*u = (nv)(hard ? _mm512_mask_mov_epi32(old, fire, (__m512i)value) :
			 _mm512_mask_sub_epi32(old, fire, old, (__m512i)value));
	return (fired_bits)fire;
#else
	nv fire = *u > least;

	*u = hard ? choose_v(fire, value, *u) : *u - (fire & value);
	return mask_bits(fire);
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
	nv u = load_n(n->u + g * NL), bias = load_n(n->bias + g * NL);
	nv threshold = load_n(n->threshold + g * NL), clamped = { 0 }, over, input;
	nv least = threshold - (d->compare == SNNQ_COMPARE_GE), value = u ^ u;
	bool hard = d->reset == SNNQ_RESET_HARD;
	fired_bits bits;
	uint32_t t;

	if (hard)
		value += d->reset_value;
	else if (d->reset == SNNQ_RESET_SOFT)
		value = threshold;
	for (t = 0; t < n->steps; t++, acc += n->acc_stride, out += 8 * n->out_stride) {
		input = load_n(acc);
		input = (shifts ? input << d->shift : input) + bias;
		if (tame) {
			u = leak_v(kind, &n->leak, u) + input;
		} else {
			u = add2_v(leak_v(kind, &n->leak, u), input, &over);
			clamped -= over;
		}
		bits = reset_v(&u, least, value, hard);
		memcpy(out, &bits, sizeof(bits));
	}
	memcpy(n->u + g * NL, &u, sizeof(u));
	return clamped;
}

/* Any neurons. */
INLINE nv fire_any(const struct neuron_lanes *n, uint32_t g)
{
	const struct snnq_neuron *d = n->neuron;
	const int32_t *acc = n->acc + g * NL;
	uint8_t *out = (uint8_t *)n->out + g * sizeof(fired_bits);
	nv u = load_n(n->u + g * NL), bias = load_n(n->bias + g * NL), zero = u ^ u;
	nv threshold = load_n(n->threshold + g * NL), clamped = zero, over;
	nv i = n->i ? load_n(n->i + g * NL) : zero, aux = n->aux ? load_n(n->aux + g * NL) : zero;
	nv counter = aux & AUX_COUNTER, sticky = (aux & AUX_STICKY) != 0;
	nv keeps = zero - (d->flags & SNNQ_NEURON_FLAG_STICKY ? 1 : 0);
	nv equal_fires = zero - (d->compare == SNNQ_COMPARE_GE);
	bool divides = d->leak == SNNQ_LEAK_DIVN;
	fired_bits bits;
	uint32_t t;

	for (t = 0; t < n->steps; t++, acc += n->acc_stride, out += 8 * n->out_stride) {
		nv input = load_n(acc) * (1 << d->shift), left, next, fire, rests = counter != 0;

		if (n->i) {
			nv old = i;

			i = add2_v(leak_v(n->current_leak.kind, &n->current_leak, i), input, &over);
			clamped -= over;
			input = d->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : i;
		}
		left = leak_v(n->leak.kind, &n->leak, u);
		if (divides)
			sticky |= keeps & ~rests &
				  ((nu)u - (nu)left * (uint32_t)d->leak_param != 0);
		next = add3_v(left, input, bias, &over);
		clamped -= over & ~rests;
		fire = ((next > threshold) | ((next == threshold) & (equal_fires | sticky))) &
		       ~rests;
		if (d->reset == SNNQ_RESET_HARD) {
			next = choose_v(fire, zero + d->reset_value, next);
			sticky &= ~fire;
		} else if (d->reset == SNNQ_RESET_SOFT) {
			next -= fire & threshold;
		}
		u = choose_v(rests, zero + d->reset_value, next);
		counter = choose_v(fire, zero + d->refractory, counter + rests);
		bits = mask_bits(fire);
		memcpy(out, &bits, sizeof(bits));
	}
	memcpy(n->u + g * NL, &u, sizeof(u));
	if (n->i)
		memcpy(n->i + g * NL, &i, sizeof(i));
	aux = counter | (keeps & sticky & AUX_STICKY);
	if (n->aux)
		memcpy(n->aux + g * NL, &aux, sizeof(aux));
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
	for (j = 0; j < NL; j++)
		n->saturations += (uint32_t)clamped[j];
}
