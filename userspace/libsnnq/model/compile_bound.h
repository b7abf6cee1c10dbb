/* SPDX-License-Identifier: MIT */
/* compile_bound.h - how large results can get, so that what follows can be proven to fit. */
#ifndef SNNQ_COMPILE_BOUND_H
#define SNNQ_COMPILE_BOUND_H

#include <stdint.h>

#include "snnq_program.h"

/*
 * The largest magnitude of an int32 result of a layer without a neuron, whose operands have
 * theirs; at most 2^31 - 1, to which more is clamped. @table: the program's.
 */
uint32_t largest_result(const struct snnq_layer *l, const int32_t *table);

#endif /* SNNQ_COMPILE_BOUND_H */
