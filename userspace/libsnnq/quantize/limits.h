/* SPDX-License-Identifier: MIT */
/*
 * limits.h - what the options say about a layer's grid.
 */
#ifndef SNNQ_LIMITS_H
#define SNNQ_LIMITS_H

#include "quantize/quantize.h"

/* Schemes and bits that a search may choose. */
struct limits {
	const char *schemes; /* NULL: all */
	uint32_t min_bits, max_bits;
};

/* Grids and limits that were asked for: each exists, is of this device, and names a layer. */
int limits_check(const struct session *s);
/* The choice for a layer, or NULL. */
const struct snnq_layer_choice *limits_choice(const struct snnq_quantize_opts *opts,
					      const char *layer);
struct limits limits_of(const struct snnq_quantize_opts *opts, const char *layer);
/* Is a scheme among the names of a list? */
bool limits_named(const char *list, const char *scheme);

#endif /* SNNQ_LIMITS_H */
