/* SPDX-License-Identifier: MIT */
/*
 * floatnet.h - run a float model: what the quantizer compares with, and what the
 * accuracy of a float model is measured by.
 *
 * Weights, thresholds and states are floating point; what layers exchange are
 * integers in bit-planes (spikes, counts), packed as the engine's tensors, or
 * real: floats that lie as its int32 values do. Sums have a fixed order, so
 * results are the same on every machine and for any number of threads.
 */
#ifndef SNNQ_FLOATNET_H
#define SNNQ_FLOATNET_H

#include "model/graph.h"
#include "snnq_program.h"

struct floatnet;

/* Outputs of one recording: one window of graph->input.steps steps. */
struct floatnet_record {
	/*
	 * [layer]: steps slots of one packed tensor of shape floatnet_shape() each;
	 * NULL where the output is real.
	 */
	uint64_t **spikes;
	uint64_t **reals; /* the same, of floats; NULL where no layer reads real outputs */
	double *scores;	  /* [channels of the readout]: readout * scale */
};

/*
 * @path is for messages. @graph must be float, and stay as long as @net.
 * 0, -ENOMEM, or -EBADMSG for what cannot be executed.
 */
int floatnet_create(const char *path, const struct graph *graph, struct floatnet **net);
void floatnet_destroy(struct floatnet *net);

/* A layer's output as stored in records; GRAPH_INPUT is allowed. planes is 0 for real outputs. */
const struct graph_shape *floatnet_shape(const struct floatnet *net, int layer);
/* 64-bit words of one packed time step of a layer's output; 0 for real outputs. */
uint64_t floatnet_words(const struct floatnet *net, int layer);
/* The same, of real outputs too. */
uint64_t floatnet_slot_words(const struct floatnet *net, int layer);

int floatnet_record_alloc(const struct floatnet *net, struct floatnet_record *record);
void floatnet_record_free(const struct floatnet *net, struct floatnet_record *record);

/**
 * floatnet_run() - run one window from zero state
 * @net: may be shared by threads.
 * @input: graph->input.steps slots, as bins_fill() makes them.
 * @record: overwritten.
 * @stats: NULL or one per layer: input_spikes, input_possible, synops, neuron_updates,
 *	output_spikes and steps as the engine counts them; the rest is 0.
 *
 * Return: 0 or -ENOMEM.
 */
int floatnet_run(const struct floatnet *net, const uint64_t *input, struct floatnet_record *record,
		 struct snnq_layer_stats *stats);

#endif /* SNNQ_FLOATNET_H */
