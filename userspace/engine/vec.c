// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vec.c - which instruction sets the engine knows, and the machine has.
 */
#include <stdlib.h>
#include <string.h>

#include "vec.h"
#include "snnq_engine.h"
#if VEC_HAS_DOTPROD
#include <sys/auxv.h>
#endif

void byte_bits_init(struct byte_bits *bits)
{
	uint32_t byte, bit;

	memset(bits, 0, sizeof(*bits));
	for (byte = 0; byte < 256; byte++)
		for (bit = 0; bit < 8; bit++)
			if (byte >> bit & 1)
				bits->at[byte][bits->count[byte]++] = (uint16_t)(bit * LIST_SCALE);
}

static bool always(void)
{
	return true;
}

#if defined(__x86_64__)
static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("popcnt");
}

static bool has_avx512(void)
{
	return has_avx2() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq");
}

static bool has_vnni(void)
{
	return has_avx512() && __builtin_cpu_supports("avx512vnni");
}

static bool has_vbmi2(void)
{
	return has_vnni() && __builtin_cpu_supports("avx512vbmi") &&
	       __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vpopcntdq");
}
#endif

#if VEC_HAS_DOTPROD
static bool has_dotprod(void)
{
	return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
}
#endif

/* Slowest first; an instruction set is added here, in enum snnq_isa and in meson.build. */
static const struct {
	const struct vec *vec;
	bool (*has)(void);
} sets[SNNQ_ISA_COUNT] = {
	[SNNQ_ISA_GENERIC] = { &vec_generic, always },
#if defined(__x86_64__)
	[SNNQ_ISA_AVX2] = { &vec_avx2, has_avx2 },
	[SNNQ_ISA_AVX512] = { &vec_avx512, has_avx512 },
	[SNNQ_ISA_AVX512_VNNI] = { &vec_vnni, has_vnni },
	[SNNQ_ISA_AVX512_VBMI2] = { &vec_vbmi2, has_vbmi2 },
#endif
#if VEC_HAS_NEON
	[SNNQ_ISA_NEON] = { &vec_neon, always },
#endif
#if VEC_HAS_DOTPROD
	[SNNQ_ISA_NEON_DOTPROD] = { &vec_dotprod, has_dotprod },
#endif
};

const struct vec *vec_of(unsigned int isa)
{
	return isa < SNNQ_ISA_COUNT && sets[isa].vec && sets[isa].has() ? sets[isa].vec : NULL;
}

enum snnq_isa snnq_isa_find(const char *name)
{
	unsigned int isa;

	for (isa = 0; isa < SNNQ_ISA_COUNT; isa++)
		if (vec_of(isa) && !strcmp(name, vec_of(isa)->name))
			break;
	return isa;
}

enum snnq_isa snnq_isa_default(void)
{
	const char *asked = getenv("SNNQ_ISA");
	unsigned int isa = asked ? snnq_isa_find(asked) : SNNQ_ISA_COUNT;

	if (isa == SNNQ_ISA_COUNT)
		do
			isa--;
		while (!vec_of(isa));
	return isa;
}

const char *snnq_isa_name(enum snnq_isa isa)
{
	const struct vec *v = vec_of(isa);

	return v ? v->name : NULL;
}
