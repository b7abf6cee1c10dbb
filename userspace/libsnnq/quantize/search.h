/* SPDX-License-Identifier: MIT */
/*
 * search.h - which grid for which layer.
 */
#ifndef SNNQ_SEARCH_H
#define SNNQ_SEARCH_H

#include "quantize/quantize.h"

/*
 * Choose grids within the options' targets and quantize with them. @fixed: grids of layers
 * that are not searched, by layer (bits 0: search). @results: by layer, the caller's to
 * free. -EDOM: no choice meets the targets.
 */
int search_run(const struct session *session, const struct grid_choice *fixed,
	       struct quantized *results);

#endif /* SNNQ_SEARCH_H */
