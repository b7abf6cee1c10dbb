/* SPDX-License-Identifier: MIT */
/*
 * options.h - the grids a layer can have in a search, what each costs and loses.
 */
#ifndef SNNQ_OPTIONS_H
#define SNNQ_OPTIONS_H

#include "quantize/allocate.h"
#include "quantize/journal.h"
#include "quantize/quantize.h"

/* A grid for a layer. */
struct option {
	struct grid grid;
	struct quantized quantized; /* calibrated on the float network's spikes */
	/* loss: of the network with the other layers at 8 bits, above the base's; smoothed */
	struct allocate_option costs;
	double measured; /* the same, not smoothed */
	bool judged;
};

struct option_layer {
	uint32_t layer, weights;
	struct option *options;
	uint32_t count;
};

/* All options of all layers with weights, and the network that they are tried in. */
struct options {
	const struct session *s;
	struct option_layer *layers; /* [s->weighted_count] */
	struct modelfile *base_file;
	struct graph base; /* all layers at 8 bits */
	double base_loss;
	struct floatnet_record *base_records; /* its outputs, while options are judged */
	uint64_t fixed_energy;		      /* femtojoule of layers without weights */
};

/*
 * List the options (@fixed: layers that have no choice, by layer, bits 0: free), quantize
 * each, and find what it costs.
 */
int options_open(const struct session *s, const struct grid_choice *fixed, struct options *options);
/*
 * Judge each option in the base network. What @journal has is not judged again; with
 * shards, only this shard's options are judged. @journal may be NULL.
 */
int options_judge_each(struct options *options, struct journal *journal);
void options_close(struct options *options);

/*
 * Losses of whole configurations, choice[i] for layer i of the options: @count of
 * them, [count][layers]. Above the base's; agreeing: recordings. What @journal has is taken from it.
 */
struct option_result {
	double loss;
	uint32_t agreeing;
};
int options_judge(const struct options *options, struct journal *journal, const uint16_t *choices,
		  uint32_t count, const char *what, struct option_result *results);

#endif /* SNNQ_OPTIONS_H */
