/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vec.h - the inner loops, once per instruction set: vec_body.h is compiled by one
 * file for each, and vec.c says which of them the machine has. All give the same bits.
 */
#ifndef SNNQ_VEC_H
#define SNNQ_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "neuron.h"
#include "snnq_engine.h"

#define LANES	     64u /* outputs that row kernels make at once */
#define NARROW_LANES 16u /* the same for layers with no more outputs than that */
#define DENSE_LANES  16u
#define LIST_SCALE   8u /* that entries of lists are multiplied by, as addresses can be */

#define LOOKUP_LANES   64u  /* steps and positions side by side */
#define LOOKUP_OUTPUTS 8u   /* whose tables lie together */
#define LOOKUP_ENTRIES 16u  /* of a table */
#define LOOKUP_DIGIT   16   /* base of levels that have two digits */
#define LOOKUP_GROUPS  128u /* most at once */

/**
 * struct unit - input channels of one word under one kernel position
 * @at: index of the word.
 * @row: weight row of its lowest bit, times LIST_SCALE and modulo 2^16, as in lists; there
 *	rows of set bits in @mask fit.
 * @mask: bits that belong to the group; @bytes: up to the last of them.
 */
struct unit {
	size_t at;
	uint64_t mask;
	uint16_t row;
	uint16_t bytes;
};

/* Positions of the set bits of each byte, times LIST_SCALE, and their number. */
struct byte_bits {
	uint16_t at[256][8];
	uint8_t count[256];
};

void byte_bits_init(struct byte_bits *bits);

/**
 * struct rows - weight rows to be summed
 * @base: first row, LANES or NARROW_LANES weights each.
 * @list: numbers of @count rows, times LIST_SCALE.
 * @few: rows whose sum fits the type of the weights; @many: the same for int16.
 * @factor: of the sum.
 * @add: to what is in the accumulators, or instead of it.
 */
struct rows {
	const void *base;
	const uint16_t *list;
	uint32_t count;
	uint32_t few;
	uint32_t many;
	int32_t factor;
	bool add;
};

/**
 * struct dense - all weights of some outputs under one window, for some steps
 * @in: first value under the window; the next step is @in_stride values further.
 * @weights: of each run of values, and each pair in it, the pair for each output.
 * @run_at: where runs start in @in.
 * @runs, @pairs: number of runs, and of pairs in each.
 * @columns: 1 or 2, of DENSE_LANES outputs; weights of a column stand together.
 * @bytes: values are 0 to 255, and weights fit int8.
 */
struct dense {
	const int16_t *in;
	size_t in_stride;
	const int16_t *weights;
	const uint32_t *run_at;
	uint32_t runs;
	uint32_t pairs;
	uint32_t columns;
	bool bytes;
};

/**
 * struct lookup - tables to be summed for LOOKUP_OUTPUTS outputs
 * @index: LOOKUP_LANES bytes below LOOKUP_ENTRIES, for each group of inputs; that of
 *	group k is @at[k] << @shift bytes further. For lookup4(), four bytes of four groups for
 *	each lane instead, that of group k with 16 * (k % 4) added.
 * @tables: of each group, one for each output, at lookup_table(); @count: groups.
 * @fours: tables of four groups lie together.
 * @bias: that entries have too much; @few: entries whose sum fits uint8.
 */
struct lookup {
	const uint8_t *index;
	const uint32_t *at;
	uint32_t shift;
	bool fours;
	const uint8_t *tables;
	uint32_t count;
	uint32_t bias;
	uint32_t few;
};

/* Where the table of a group for an output of a block is. */
static inline size_t lookup_table(bool fours, uint32_t group, uint32_t output)
{
	size_t at = fours ? group / 4 * 4 * LOOKUP_OUTPUTS + output * 4 + group % 4 :
			    group * LOOKUP_OUTPUTS + output;

	return at * LOOKUP_ENTRIES;
}

typedef void nibbles_fn(uint8_t *out, size_t stride, uint32_t bytes, const uint64_t words[16],
			uint32_t n);

/**
 * struct head_spikes - spikes of the channels [@first, @end) of tokens
 * @queries: tokens with any in Q; @values: in V; @pairs: those in K times those in V.
 */
struct head_spikes {
	uint32_t first, end;
	uint64_t queries;
	uint64_t values;
	uint64_t pairs;
};

/**
 * struct requant - what makes values of LANES accumulators
 * @mult, @bias: of each; @half, @shift: what is added to the product with its bias, and where it
 *	is shifted to the right. All of it fits int32.
 * @low, @high: what the result is clamped to.
 */
struct requant {
	const int32_t *mult;
	const int32_t *bias;
	int32_t half;
	uint32_t shift;
	int32_t low;
	int32_t high;
};

/**
 * struct vec - inner loops for an instruction set
 * @name: of the set.
 * @list: list rows of set bits under units; returns their number. Writes up to 32 more.
 * @add8, @add8_narrow: sums of rows of int8; @add16, @add16_narrow: of int16.
 * @spread: add weights to the accumulators whose bit is set, times factor.
 * @dense: sums of one step after the other, @stride accumulators further each.
 * @lookup: add to LOOKUP_OUTPUTS rows of LOOKUP_LANES sums. @lookup4: by four groups at once;
 *	may be NULL, with @nibbles4.
 * @nibbles: of @n groups of four bits, those of all @words; @bytes of them, a power of two
 *	up to 16, for each group, @stride further each. @nibbles4: as lookup4() wants them; for
 *	each four groups, 4 * @stride further.
 * @turn: LANES rows of LOOKUP_LANES sums to accumulators of LANES outputs for each lane; or
 *	@add them to LOOKUP_DIGIT times what those have.
 * @fire: @steps steps of LANES neurons; a word of spikes per step.
 * @requantize: LANES accumulators; returns how many were clamped.
 * @greatest: the greater of each of LANES.
 * @unpack4: values of @n neighbours with up to 4 channels, 16 bits for each, from planes of
 *	a word each, @stride words apart.
 * @matches: add to each of @n sums the number of bits that @words of @a have in common with
 *	those of its row of @b, @stride words after the one before.
 * @add_marked: add the rows of @n sums whose bits are set.
 * @turn_bits: bit j of word i to bit i of word j.
 * @head: add up spikes of @n tokens of @words words.
 * @popcount: set bits of words.
 * @count: add to sums[0] the set bits of @n times @words words, to sums[1] the same times the
 *	weight of each.
 */
struct vec {
	const char *name;
	uint32_t (*list)(const struct byte_bits *bits, const uint64_t *in, const struct unit *units,
			 uint32_t n, uint16_t *list);
	void (*add8)(int32_t *acc, const struct rows *r);
	void (*add8_narrow)(int32_t *acc, const struct rows *r);
	void (*add16)(int32_t *acc, const struct rows *r);
	void (*add16_narrow)(int32_t *acc, const struct rows *r);
	void (*spread)(int32_t *acc, uint64_t bits, const int16_t *weights, int32_t factor);
	void (*dense)(int32_t *acc, size_t stride, uint32_t steps, const struct dense *d);
	void (*lookup)(int16_t *acc, const struct lookup *l);
	void (*lookup4)(int16_t *acc, const struct lookup *l);
	nibbles_fn *nibbles;
	nibbles_fn *nibbles4;
	void (*turn)(int32_t *acc, const int16_t *sums, bool add);
	void (*fire)(struct neuron_lanes *n);
	uint32_t (*requantize)(int32_t *values, const int32_t *acc, const struct requant *r);
	void (*greatest)(int32_t *values, const int32_t *others);
	void (*unpack4)(uint64_t *values, const uint64_t *data, size_t stride, uint32_t planes,
			uint32_t channels, uint32_t n);
	void (*matches)(int32_t *sums, uint32_t n, const uint64_t *a, const uint64_t *b,
			size_t stride, size_t words);
	void (*add_marked)(int32_t *acc, const int32_t *rows, uint64_t bits, uint32_t n);
	void (*turn_bits)(uint64_t square[64]);
	void (*head)(struct head_spikes *c, const uint64_t *q, const uint64_t *k, const uint64_t *v,
		     uint32_t n, uint32_t words);
	uint64_t (*popcount)(const uint64_t *words, size_t n);
	void (*count)(uint64_t sums[2], const uint64_t *data, uint32_t n, uint32_t words,
		      const uint32_t *weights);
};

#if defined(__aarch64__)
#define VEC_HAS_NEON 1
#else
#define VEC_HAS_NEON 0
#endif

/* Clang 14 knows dot products only where all is compiled for them. */
#if VEC_HAS_NEON && (!defined(__clang__) || defined(__ARM_FEATURE_DOTPROD))
#define VEC_HAS_DOTPROD 1
#else
#define VEC_HAS_DOTPROD 0
#endif

extern const struct vec vec_generic;
#if defined(__x86_64__)
extern const struct vec vec_avx2;
extern const struct vec vec_avx512;
extern const struct vec vec_vnni;
extern const struct vec vec_vbmi2;
#endif
#if VEC_HAS_NEON
extern const struct vec vec_neon;
#endif
#if VEC_HAS_DOTPROD
extern const struct vec vec_dotprod;
#endif

/* The loops for @isa, as enum snnq_isa; NULL when the machine has it not. */
const struct vec *vec_of(unsigned int isa);

#endif /* SNNQ_VEC_H */
