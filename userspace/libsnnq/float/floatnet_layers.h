/* SPDX-License-Identifier: MIT */
/*
 * floatnet_layers.h - inside floatnet: what a network keeps of each layer.
 *
 * A float model runs as an integer program does: it has a plan of the engine,
 * made from its graph with placeholders for all that is real. Checks, shapes, pools,
 * sums, attention, moves of 32-bit values and counters are the engine's;
 * weighted sums, neurons, what is made of real operands and the readout are real
 * and belong to floatnet.
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
 * @threshold, @bias, @reset: of all channels, @threshold of all levels where they have
 *	their own; NULL with neither a neuron nor a real output.
 * @gain: real value of one step of the accumulator.
 */
struct real_layer {
	const struct graph_layer *graph;
	struct graph_shape out;
	float *weights;
	uint32_t stride;
	bool depthwise;
	double *threshold, *bias, *reset;
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

/* The same of real inputs, into @drive in doubles; returns how many weights were added. */
uint64_t floatnet_sum_real(const struct layer *l, const struct real_layer *r, const float *in,
			   uint32_t y, uint32_t x, double *drive);

/* State of a layer's neurons, all zero at first, and what one step gives them. */
struct real_neurons {
	const struct real_layer *layer;
	double *u, *i;	/* @i: CUBA */
	uint16_t *rest; /* refractory steps left, or NULL */
	uint16_t *kept; /* spikes whose reset comes in the next step, or NULL */
};

/* What up to 64 neurons put out: spikes or their number, and what is seen of potentials. */
struct real_output {
	int32_t count[64];
	double seen[64];
};

int floatnet_neurons_alloc(const struct real_layer *r, struct real_neurons *n);
void floatnet_neurons_free(struct real_neurons *n);
/* All zero again, where the time has come. */
void floatnet_neurons_restart(struct real_neurons *n, uint32_t step);
/* Of up to 64 channels, from channel @first of position @pos on. @drive: their weighted sums. */
void floatnet_fire(struct real_neurons *n, uint64_t pos, uint32_t first, const double *drive,
		   struct real_output *out);

/* Whether records have its output: planes, and what other layers read. */
bool floatnet_is_kept(const struct floatnet *net, uint32_t index);

/* ---- floatnet_real.c: operations of which an operand or the result is real ---- */

/* Whether it is computed here, not by the engine: with weights it is neither. */
bool floatnet_is_real(const struct floatnet *net, uint32_t index);
/* Values that floatnet_combine() needs room for beside a row of its widest tensor. */
size_t floatnet_room(const struct layer *l);
/*
 * What the neurons at position (y, x) get, or what is put out there. @units: of the operands;
 * @room: floatnet_room() and a row of channels, of any operand, rounded up to words.
 */
void floatnet_combine(const struct layer *l, const struct step *s, const double *units, uint32_t y,
		      uint32_t x, double *room, double *drive);

#endif /* SNNQ_FLOATNET_LAYERS_H */
