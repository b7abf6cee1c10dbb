/* SPDX-License-Identifier: MIT */
/*
 * search.h - which grid for which layer.
 */
#ifndef SNNQ_SEARCH_H
#define SNNQ_SEARCH_H

#include "quantize/options.h"
#include "quantize/quality.h"

/* What is searched for; 0 where there is no target, of max_drop a negative number. */
struct search_target {
	double bits, energy, max_drop;
	uint64_t bytes;
};

struct search {
	const struct session *s;
	const char *out;
	struct search_target target;
	struct journal *journal; /* or NULL */
	struct cache cache;
	struct options options;
	uint64_t weights, metadata; /* weights of the network, other bytes of a file */
	/* configurations measured so far; the first are the same for all targets */
	uint32_t sample_count, variant_count;
	uint16_t *sample_choices; /* [sample_count][layers] */
	double *sample_losses, *sample_errors;
	double *coefficients; /* [layers] */
	/* the allocation */
	struct allocate_problem problem;
	struct allocate_layer *problem_layers;
	struct allocate_option *problem_options;
	struct allocate_point *front;
	size_t front_count;
	uint16_t *choice; /* [layers], an option of each */
	/* what came out */
	struct quality final;
	uint32_t tries; /* models that were held against the recordings to check */
};

/*
 * Choose grids within the options' targets, quantize with them and write the model to @out
 * (nothing, for a shard). @fixed: grids of layers
 * that are not searched, by layer (bits 0: search). @results: by layer, the caller's to
 * free; nothing is in them after a shard. -EDOM: no choice meets the targets.
 */
int search_run(const struct session *session, const struct grid_choice *fixed, const char *out,
	       struct quantized *results);

#endif /* SNNQ_SEARCH_H */
