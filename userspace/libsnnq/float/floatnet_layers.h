/* SPDX-License-Identifier: MIT */
/*
 * floatnet_layers.h - inside floatnet: what a network keeps of each layer.
 *
 * A float model runs as an integer program does: it has a plan of the engine,
 * made from its graph with placeholders for all that is real. Checks, shapes, pools,
 * sums, attention and counters are the engine's; weighted sums, neurons and
 * the readout are real and belong to floatnet.
 */
#ifndef SNNQ_FLOATNET_LAYERS_H
#define SNNQ_FLOATNET_LAYERS_H

#include "engine.h"
#include "floatnet.h"

#define FLOAT_ROW_ALIGN 16u  /* weights in the smallest vector loop */
#define FLOAT_ROWS	256u /* most rows that are summed at once */

/**
 * struct real_layer - the real part of a layer
 * @weights: rows as those of an integer model, [group, ky, kx, input][output], of
 *	@stride weights; depthwise [ky][kx][channel].
 * @threshold, @bias: of all channels; NULL without a neuron.
 * @gain: real value of one step of the accumulator.
 */
struct real_layer {
	const struct graph_layer *graph;
	struct graph_shape out;
	float *weights;
	uint32_t stride;
	bool depthwise;
	double *threshold, *bias;
	double gain;
};

struct floatnet {
	const struct graph *graph;
	struct snnq_plan *plan; /* never run, only its layers are */
	struct real_layer *layers;
	double *units; /* of outputs, as graph_units() gives */
};

/* Add the weighted sums of output position (y, x) to @sums, which is zero; see floatnet_sums.c. */
void floatnet_sum(const struct layer *l, const struct real_layer *r, const uint64_t *in, uint32_t y,
		  uint32_t x, float *sums);

/* State of a layer's neurons, all zero at first, and what one step gives them. */
struct real_neurons {
	const struct real_layer *layer;
	double *u, *i;	/* @i: CUBA */
	uint16_t *rest; /* refractory steps left, or NULL */
};

int floatnet_neurons_alloc(const struct real_layer *r, struct real_neurons *n);
void floatnet_neurons_free(struct real_neurons *n);
/*
 * Spikes of up to 64 channels, from channel @first of position @pos on. @drive:
 * their weighted sums. @fired: 1 or 0.
 */
void floatnet_fire(struct real_neurons *n, uint64_t pos, uint32_t first, const double *drive,
		   int32_t fired[64]);

#endif /* SNNQ_FLOATNET_LAYERS_H */
