/* SPDX-License-Identifier: MIT */
/*
 * energy.h - energy of a layer from exact counts; Documentation/energy.md has the
 * formulae and says what they leave out.
 *
 * Pure functions: counts are integers, their sums over inferences do not depend on
 * order, and each figure is computed from them in one fixed way. So results are the
 * same on every machine. Energies are in pJ per inference.
 */
#ifndef SNNQ_ENERGY_H
#define SNNQ_ENERGY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/graph.h"

enum energy_constant {
	ENERGY_FP32_ADD,
	ENERGY_FP32_MUL,
	ENERGY_INT_ADD_BIT, /* per bit of the adder */
	ENERGY_INT_MUL_BIT2,
	ENERGY_INT_MUL_BIT, /* b-bit multiplier: BIT2 b^2 + BIT b */
	ENERGY_SRAM_BIT,
	ENERGY_DRAM_BIT,
	ENERGY_PAPER_MAC,
	ENERGY_PAPER_AC, /* of the convention of papers */
	ENERGY_CONSTANTS
};

struct energy_constants {
	char name[64]; /* what every print says: "45 nm model" */
	double pj[ENERGY_CONSTANTS];
	char source[ENERGY_CONSTANTS][160];
};

struct energy_dataflow {
	uint64_t reuse;	    /* R: positions x steps that one weight read serves; 0: all */
	bool tick_batching; /* potentials stay in registers for all steps of a tile */
	bool reload;	    /* weights come from DRAM in each step, not once per inference */
	bool resident;	    /* weights and constants stay on the chip: never from DRAM */
	double activity;    /* p: share of weight rows read per bundle; < 0: from the rate */
};

/*
 * Counts of one layer. Those under "totals" are sums over @inferences, the others
 * belong to one inference.
 */
struct energy_layer_in {
	uint64_t inferences;
	uint32_t steps;	    /* T */
	uint64_t positions; /* P: of the output */
	uint32_t acc_bits;  /* b_acc; 0: sums are fp32 */
	bool fp32;	    /* neuron and requantization are fp32 */
	uint32_t states;    /* variables per neuron: 1 LIF, 2 CUBA */
	uint32_t input_planes;
	uint64_t weight_bits;				  /* as stored, n_w b */
	uint64_t metadata_bits, frame_bits, spilled_bits; /* DRAM, besides weights */
	uint64_t input_bits, output_bits;		  /* of one step, through SRAM */
	/* totals */
	uint64_t adds;	   /* A: additions into accumulators */
	uint64_t ands;	   /* bit pairs ANDed by attention */
	uint64_t neurons;  /* neuron updates */
	uint64_t requants; /* outputs multiplied instead */
	uint64_t readouts; /* elements added to the readout */
	uint64_t input_spikes, input_possible;
	/* the convention of papers */
	uint64_t macs; /* K Co P T */
	bool binary_input;
	uint64_t attention_acs; /* total */
};

struct energy_out {
	double adds, attention, neurons, requants, compute;
	double weight_sram, state_sram, spike_sram, sram;
	double weight_dram, dram;
	double total;
	double paper;	       /* 4.6 pJ per MAC and 0.9 pJ per synaptic operation */
	double ann;	       /* one fp32 pass of the same layer without spikes */
	double rate, activity; /* of the layer; meaningless in sums */
	uint32_t acc_bits, state_bits;
};

/* What is assumed unless said otherwise: reuse of 64, rows of silent inputs are not read. */
extern const struct energy_dataflow energy_default_flow;

/* The 45 nm table. */
extern const struct energy_constants energy_45nm;
/* Key of a constant in files and documents. */
const char *energy_constant_name(enum energy_constant constant);
/* Read a table: what the file does not name stays as in the 45 nm table. 0, -EBADMSG, ... */
int energy_constants_read(const char *path, struct energy_constants *constants);

/* Accumulator bits for weights up to @largest and @fan_in inputs up to @input_max. */
uint32_t energy_acc_bits(uint64_t largest, uint64_t fan_in, uint64_t input_max);

void energy_layer(const struct energy_constants *k, const struct energy_dataflow *flow,
		  const struct energy_layer_in *in, struct energy_out *out);
/* Add @layer to @sum. */
void energy_add(struct energy_out *sum, const struct energy_out *layer);

/*
 * Counts of layer @index. @stats: one per layer, each the sum over @inferences.
 * For another grid, replace weight_bits and acc_bits and clear fp32.
 */
void energy_graph_layer(const struct graph *graph, uint32_t index,
			const struct snnq_layer_stats *stats, uint64_t inferences,
			struct energy_layer_in *in);
/* All layers (@layers may be NULL) and their sum. */
void energy_graph(const struct energy_constants *k, const struct energy_dataflow *flow,
		  const struct graph *graph, const struct snnq_layer_stats *stats,
		  uint64_t inferences, struct energy_out *layers, struct energy_out *total);

#endif /* SNNQ_ENERGY_H */
