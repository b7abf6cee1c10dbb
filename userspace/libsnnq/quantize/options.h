/* SPDX-License-Identifier: MIT */
/*
 * options.h - the grids a layer can have in a search, what each costs and loses.
 */
#ifndef SNNQ_OPTIONS_H
#define SNNQ_OPTIONS_H

#include "quantize/allocate.h"
#include "quantize/cache.h"
#include "quantize/journal.h"
#include "quantize/paired.h"
#include "quantize/quantize.h"

/* A grid for a layer. */
struct option {
	struct grid grid;
	struct quantized quantized;   /* calibrated on the float network's spikes */
	struct allocate_option costs; /* loss: smoothed, above that of the layer's best option */
	/* of the network with the other layers at 8 bits, above the base's, as measured */
	struct paired measured;
	double *losses;	    /* of each recording; NULL: not judged */
	uint32_t saturated; /* 1 + a layer whose sums leave 32 bits then, or 0 */
	bool here;	    /* not another shard's */
	bool tried;	    /* quantized, or known to be none */
};

struct option_layer {
	uint32_t layer, weights;
	struct option *options;
	uint32_t count;
	struct quantized base; /* at 8 bits */
};

/* All options of all layers with weights, and the network that they are tried in. */
struct options {
	const struct session *s;
	struct cache cache;
	struct option_layer *layers; /* [s->weighted_count] */
	struct modelfile *base_file;
	struct graph base;   /* all layers at 8 bits, each compensated on the float spikes */
	double *base_losses; /* of each recording */
	struct floatnet_record *base_records; /* its outputs, while options are judged */
	uint64_t fixed_energy;		      /* femtojoule of layers without weights */
};

/* -EDOM: no choice has so few bits on average, 0: any number. */
int options_check_bits(const struct options *options, double bits);
/* List the options; @fixed: layers that have no choice, by layer, bits 0: free. */
int options_list(const struct session *s, const struct grid_choice *fixed, struct options *options);
/*
 * The same; quantize each, or take it from @cache and keep it there, and find what it costs. With
 * shards, only this shard's are quantized, and no costs are found.
 */
int options_open(const struct session *s, const struct grid_choice *fixed,
		 const struct cache *cache, struct options *options);
/*
 * Judge each option in the base network. What @journal has is not judged again; with
 * shards, only this shard's options are judged. Else those with which sums leave 32 bits are
 * dropped. @journal may be NULL.
 */
int options_judge_each(struct options *options, struct journal *journal);
void options_close(struct options *options);

/* A whole configuration on the recordings. */
struct option_result {
	double loss; /* above the base's; infinite: sums leave 32 bits */
	double error;
	uint32_t agreeing; /* recordings */
};

/*
 * Judge whole configurations, choice[i] for layer i of the options: @count of them,
 * [count][layers]. What @journal has is taken from it.
 */
int options_judge(const struct options *options, struct journal *journal, const uint16_t *choices,
		  uint32_t count, const char *what, struct option_result *results);
/* Do at most @allowed recordings change their class with a configuration? */
int options_keep(const struct options *options, struct journal *journal, const uint16_t *choice,
		 uint32_t allowed, bool *keeps);

#endif /* SNNQ_OPTIONS_H */
