// SPDX-License-Identifier: MIT
/*
 * grid.c - the levels of a scheme, and weights packed into its codes.
 *
 * Levels come from the engine's decoder, so that both always agree.
 */
#include "model/grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "snnq_engine.h"

static const struct {
	const char *name;
	uint32_t scheme;
} schemes[] = {
	/* at equal bits the first that fits is taken; ternary stores less */
	{ "ternary", SNNQ_SCHEME_TERNARY }, { "uniform", SNNQ_SCHEME_UNIFORM },
	{ "pot", SNNQ_SCHEME_POT },	    { "odd", SNNQ_SCHEME_ODD },
	{ "apot", SNNQ_SCHEME_APOT },
};

#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

uint32_t grid_scheme(const char *name)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (!strcmp(schemes[i].name, name))
			return schemes[i].scheme;
	return SNNQ_SCHEME_NONE;
}

const char *grid_scheme_name(uint32_t scheme)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (schemes[i].scheme == scheme)
			return schemes[i].name;
	return "none";
}

/* Insert @level in order; several zeros become one, that of the lowest code. */
static void insert(struct grid *g, int32_t level, uint8_t code)
{
	uint32_t at = g->count;

	for (uint32_t i = 0; i < g->count; i++)
		if (g->levels[i] == level)
			return;
	for (; at && g->levels[at - 1] > level; at--) {
		g->levels[at] = g->levels[at - 1];
		g->codes[at] = g->codes[at - 1];
	}
	g->levels[at] = level;
	g->codes[at] = code;
	g->count++;
	if (abs(level) > g->largest)
		g->largest = abs(level);
}

bool grid_init(struct grid *g, uint32_t scheme, uint32_t bits)
{
	memset(g, 0, sizeof(*g));
	if (!snnq_scheme_ok(&snnq_caps_all, scheme, bits))
		return false;
	g->scheme = scheme;
	g->bits = bits;
	for (uint32_t code = 0; code < 1u << bits; code++) {
		/* The lowest code of a uniform grid is not a level. */
		if (scheme == SNNQ_SCHEME_UNIFORM && bits > 1 && code == 1u << (bits - 1))
			continue;
		insert(g, snnq_weight_decode(scheme, bits, code), (uint8_t)code);
	}
	return true;
}

uint32_t grid_nearest(const struct grid *g, double value)
{
	uint32_t low = 0, high = g->count - 1;
	double below, above;

	if (isnan(value))
		value = 0;
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (g->levels[middle] <= value)
			low = middle;
		else
			high = middle;
	}
	below = fabs(value - g->levels[low]);
	above = fabs(g->levels[high] - value);
	if (below != above)
		return below < above ? low : high;
	return abs(g->levels[low]) < abs(g->levels[high]) ? low : high;
}

static bool holds(const struct grid *g, const double *weights, size_t count, double scale)
{
	for (size_t i = 0; i < count; i++)
		if (g->levels[grid_nearest(g, weights[i] * scale)] != weights[i] * scale)
			return false;
	return true;
}

/* Exponent of the largest power of two that divides all weights; -1: not integers. */
static int common_factor(const double *weights, size_t count)
{
	uint64_t all = 0;

	for (size_t i = 0; i < count; i++) {
		double w = weights[i];

		if (!(fabs(w) < 1 << 30) || w != trunc(w))
			return -1;
		all |= (uint64_t)fabs(w);
	}
	return all ? __builtin_ctzll(all) : 0;
}

bool grid_find_exact(const double *weights, size_t count, struct grid *g, uint32_t *factor)
{
	int exponent = common_factor(weights, count);

	if (exponent < 0)
		return false;
	*factor = (uint32_t)exponent;
	for (uint32_t bits = 1; bits <= 8; bits++)
		for (size_t i = 0; i < SCHEMES; i++)
			if (grid_init(g, schemes[i].scheme, bits) &&
			    holds(g, weights, count, ldexp(1, -exponent)))
				return true;
	return false;
}

double weight_stored_bits(uint32_t scheme, uint32_t bits)
{
	return scheme == SNNQ_SCHEME_TERNARY ? 8.0 / SNNQ_TERNARY_PER_BYTE : bits;
}

static size_t row_bytes(const struct weight_shape *s, const struct grid *g)
{
	return (size_t)snnq_row_bytes(g->scheme, g->bits, s->outputs / s->groups);
}

size_t weight_packed_bytes(const struct weight_shape *s, const struct grid *g)
{
	return row_bytes(s, g) * s->groups * s->kernel_h * s->kernel_w * s->inputs;
}

/* Add the code of weight @i to a row that has none there yet. */
static void put_code(uint8_t *row, const struct grid *g, uint32_t i, uint32_t code)
{
	static const uint8_t powers[SNNQ_TERNARY_PER_BYTE] = { 1, 3, 9, 27, 81 };
	size_t bit = (size_t)i * g->bits;

	if (g->scheme == SNNQ_SCHEME_TERNARY) {
		row[i / SNNQ_TERNARY_PER_BYTE] +=
			(uint8_t)(code * powers[i % SNNQ_TERNARY_PER_BYTE]);
		return;
	}
	for (uint32_t b = 0; b < g->bits; b++, bit++)
		row[bit / 8] |= (uint8_t)((code >> b & 1) << (bit % 8));
}

void weight_pack(const struct weight_shape *s, const struct grid *g, const uint8_t *indices,
		 uint8_t *packed)
{
	size_t window = (size_t)s->kernel_h * s->kernel_w, bytes = row_bytes(s, g);
	uint32_t group_outputs = s->outputs / s->groups;

	for (uint32_t o = 0; o < s->outputs; o++)
		for (uint32_t i = 0; i < s->inputs; i++)
			for (size_t k = 0; k < window; k++) {
				size_t from = ((size_t)o * s->inputs + i) * window + k;
				size_t row = (o / group_outputs * window + k) * s->inputs + i;

				put_code(packed + row * bytes, g, o % group_outputs,
					 g->codes[indices[from]]);
			}
}

uint64_t weight_zeros(uint32_t scheme, uint32_t bits, const uint8_t *packed, uint64_t rows,
		      uint32_t row)
{
	uint64_t bytes = snnq_row_bytes(scheme, bits, row), zeros = 0;

	for (uint64_t r = 0; r < rows; r++, packed += bytes)
		for (uint32_t i = 0; i < row; i++) {
			uint32_t code = snnq_weight_code(scheme, bits, packed, i);

			zeros += !snnq_weight_decode(scheme, bits, code);
		}
	return zeros;
}
