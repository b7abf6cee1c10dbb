/* SPDX-License-Identifier: MIT */
/*
 * grid.h - the levels of a scheme, and weights packed into its codes.
 */
#ifndef SNNQ_GRID_H
#define SNNQ_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRID_MAX_LEVELS 256

struct grid {
	uint32_t scheme, bits, count;
	int32_t largest;		 /* magnitude */
	int32_t levels[GRID_MAX_LEVELS]; /* ascending */
	uint8_t codes[GRID_MAX_LEVELS];
};

/* Shape of weights as models hold them: [outputs][inputs / groups][kh][kw]. */
struct weight_shape {
	uint32_t outputs, inputs, kernel_h, kernel_w, groups; /* inputs: of one group */
};

/* false: no such scheme with these bits. */
bool grid_init(struct grid *grid, uint32_t scheme, uint32_t bits);
/* SNNQ_SCHEME_* of a name, SNNQ_SCHEME_NONE if unknown; and back. */
uint32_t grid_scheme(const char *name);
const char *grid_scheme_name(uint32_t scheme);
/* Index of the level nearest to @value, ties to the smaller magnitude, then to plus. */
uint32_t grid_nearest(const struct grid *grid, double value);
/* Stored bits of a weight: @bits, but 8 / 5 of a ternary one; float (NONE): 32. */
double weight_stored_bits(uint32_t scheme, uint32_t bits);

static inline double grid_weight_bits(const struct grid *grid)
{
	return weight_stored_bits(grid->scheme, grid->bits);
}

/*
 * Find the grid with the fewest stored bits that holds @weights / 2^*factor exactly, where
 * 2^*factor is their largest common power of two. false: none does.
 */
bool grid_find_exact(const double *weights, size_t count, struct grid *grid, uint32_t *factor);

static inline size_t weight_count(const struct weight_shape *s)
{
	return (size_t)s->outputs * s->inputs * s->kernel_h * s->kernel_w;
}

size_t weight_packed_bytes(const struct weight_shape *shape, const struct grid *grid);
/*
 * Pack level indices, in the order of the shape, into rows as the program format
 * wants them. @packed has weight_packed_bytes() zero bytes.
 */
void weight_pack(const struct weight_shape *shape, const struct grid *grid, const uint8_t *indices,
		 uint8_t *packed);
/* Packed weights whose level is 0, in @rows rows of @row weights. */
uint64_t weight_zeros(uint32_t scheme, uint32_t bits, const uint8_t *packed, uint64_t rows,
		      uint32_t row);

#endif /* SNNQ_GRID_H */
