// SPDX-License-Identifier: MIT
/*
 * compile_bound.c - how large results can get: the worst case of inputs and weights, by the
 * formulas of Documentation/numerics.md.
 */
#include <stdlib.h>

#include "compile_bound.h"
#include "grid.h"
#include "snnq_validate.h"

#define MOST 0x7fffffffull

static uint64_t product(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX / 2 : r;
}

static uint64_t largest_number(const int32_t *table, uint32_t index, uint32_t count)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t v = (uint64_t)llabs((long long)table[index + i]);

		most = v > most ? v : most;
	}
	return most;
}

static uint64_t shifted(uint64_t v, uint32_t shift)
{
	return shift ? (v + (1ull << (shift - 1))) >> shift : v;
}

static uint64_t largest_operand(const struct snnq_layer *l, uint32_t k, const int32_t *table)
{
	const struct snnq_scale *s = &l->scale[k];
	uint64_t mult = s->mult_count ? largest_number(table, s->mult_index, s->mult_count) : 1;

	return shifted(product(snnq_tensor_largest(&l->in[k]), mult), s->shift);
}

static uint64_t largest_weight(const struct snnq_quant *q)
{
	struct grid grid;

	return grid_init(&grid, q->scheme, q->bits) ? (uint64_t)grid.largest + 1 : 0;
}

/* Elements that are multiplied and added up in the product of operands k and k + 1. */
static uint64_t inner_size(const struct snnq_layer *l, uint32_t k)
{
	return l->mode & SNNQ_MATMUL_TRANSPOSE_0 << k ? (uint64_t)l->in[k].height * l->in[k].width :
							l->in[k].channels / l->param;
}

static uint64_t largest_accumulator(const struct snnq_layer *l, const int32_t *table)
{
	const struct snnq_geometry *g = &l->geometry;
	uint64_t x = largest_operand(l, 0, table), terms = 1;

	switch (l->op) {
	case SNNQ_OP_CONV2D:
		terms = (uint64_t)g->kernel_h * g->kernel_w * (l->in[0].channels / g->groups);
		return product(product(terms, x), largest_weight(&l->quant));
	case SNNQ_OP_LINEAR:
		return product(product(l->in[0].channels, x), largest_weight(&l->quant));
	case SNNQ_OP_POOL_SUM:
		return product(product((uint64_t)g->kernel_h * g->kernel_w, x), l->param);
	case SNNQ_OP_ATTENTION:
		terms = (uint64_t)l->in[0].height * l->in[0].width * (l->in[0].channels / l->param);
		return product(product(product(terms, x), largest_operand(l, 1, table)),
			       largest_operand(l, 2, table));
	case SNNQ_OP_MATMUL:
		terms = product(inner_size(l, 0), product(x, largest_operand(l, 1, table)));
		return l->in[2].format ? product(product(terms, inner_size(l, 1)),
						 largest_operand(l, 2, table)) :
					 terms;
	case SNNQ_OP_REDUCE:
		terms = snnq_tensor_elements(&l->in[0]) / snnq_tensor_elements(&l->out);
		return product(terms, l->mode == SNNQ_REDUCE_SUM ? x : 1);
	case SNNQ_OP_ELEMENTWISE:
		if (l->mode == SNNQ_ELEMENTWISE_MULTIPLY)
			return product(x, largest_operand(l, 1, table));
		return l->mode == SNNQ_ELEMENTWISE_ADD ? x + largest_operand(l, 1, table) : 1;
	default:
		return x;
	}
}

/* Of operations that only move their operands. */
static uint64_t largest_moved(const struct snnq_layer *l, const int32_t *table)
{
	uint64_t most = 0;

	for (uint32_t k = 0; k < SNNQ_MAX_OPERANDS; k++) {
		uint64_t x = l->in[k].format ? largest_operand(l, k, table) : 0;

		most = x > most ? x : most;
	}
	return most;
}

uint32_t largest_result(const struct snnq_layer *l, const int32_t *table)
{
	const struct snnq_neuron *n = &l->neuron;
	uint64_t v;

	if (l->op == SNNQ_OP_CONCAT || l->op == SNNQ_OP_COPY) {
		v = largest_moved(l, table);
	} else if (l->op == SNNQ_OP_UPSAMPLE ||
		   (l->op == SNNQ_OP_REDUCE && l->mode != SNNQ_REDUCE_SUM)) {
		return l->in[0].bound;
	} else if (n->model != SNNQ_NEURON_NONE) {
		return (uint32_t)MOST; /* a potential */
	} else {
		v = largest_accumulator(l, table);
		if (n->mult_count)
			v = product(v, largest_number(table, n->mult_index, n->mult_count));
		v += largest_number(table, n->bias_index, n->bias_count);
		v = shifted(v, n->requant_shift);
	}
	if (!v)
		return 1;
	return v < MOST ? (uint32_t)v : (uint32_t)MOST;
}
