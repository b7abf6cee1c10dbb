/* SPDX-License-Identifier: MIT */
/*
 * graph.h - the graph of a model file as checked structures with shapes.
 *
 * Names and numbers come from Documentation/model-format.md. After graph_parse()
 * operations, modes and shapes are known and agree; for integer models tensors have
 * the right types and sizes. What the arithmetic allows is left to the validator.
 */
#ifndef SNNQ_GRAPH_H
#define SNNQ_GRAPH_H

#include <stdbool.h>

#include "modelfile.h"
#include "snnq_program.h"

#define GRAPH_INPUT   (-1)	/* the network's input, in `in` */
#define GRAPH_AVGPOOL 100u	/* op of float models only */
#define GRAPH_WEIGHTS "weights" /* tensors that layers share */
#define GRAPH_NUMBERS "numbers"

struct graph_shape {
	uint32_t height, width, channels;
	uint8_t format, planes; /* SNNQ_FORMAT_* */
};

/* A number for all channels, or a tensor with one per channel, or (count 0) nothing. */
struct graph_numbers {
	const struct tensor *tensor;
	double value;
	uint32_t count; /* 0, 1, or channels */
};

/* A box of what a layer wrote, or all of it in another shape; or what it wrote a step before. */
struct graph_view {
	uint32_t flags;	      /* SNNQ_TENSOR_FLAG_*; 0: no view */
	const char *previous; /* name of the layer, which may come later */
	uint32_t first[3];
	struct graph_shape whole;
};

struct graph_scale {
	struct graph_numbers mult;
	uint32_t shift;
};

struct graph_layer {
	const char *name, *op_name;
	cJSON *json;
	uint32_t op; /* SNNQ_OP_* or GRAPH_AVGPOOL */
	uint32_t mode, axes;
	uint32_t loop, loop_count; /* group, 0: none, and its rounds in a step */
	int in[4];
	struct graph_shape from[4]; /* operands, through their views */
	struct graph_view view[4];
	struct graph_scale scale[4];
	uint32_t in_count;
	struct graph_shape out;
	struct snnq_geometry geometry; /* CONV2D, pools, UPSAMPLE, REDUCE */
	uint32_t out_channels, heads, value;
	const struct tensor *weight, *scales;
	const char *scheme_name;
	uint32_t scheme, bits; /* SNNQ_SCHEME_NONE: float */
	struct graph_numbers bias, threshold, mult;
	/* in place of the neuron's parameters; count 0: those hold */
	struct graph_numbers leak, current_leak, reset, delay;
	double low;		   /* of a float model, in place of the neuron's */
	struct snnq_neuron neuron; /* table fields zero */
	bool skip_first;
};

#define GRAPH_MAX_POLARITIES 255u /* what an event can number */

struct graph_input {
	struct graph_shape shape;
	uint32_t width, height, planes;
	uint32_t channels;   /* of a position */
	uint32_t polarities; /* the same, of events; 0: of values */
	uint32_t on_channel; /* that of ON, where there are two */
	uint32_t steps, step_us;
	bool flat, by_count, half_even, from_first;
	uint32_t crop_x, crop_y, downscale; /* downscale >= 1 */
	/* Values, not events. */
	bool values;
	bool frames;	    /* a sample has an image for each step, not one for all */
	bool channels_last; /* of the axes of files */
	double scale;	    /* what one is worth in files; 0: they have it as it is */
	uint32_t zero;	    /* what 0 in files is */
};

struct graph {
	const struct modelfile *file;
	const char *name;
	bool integer;
	uint32_t class_count;
	const char **classes;
	struct graph_input input;
	struct graph_layer *layers;
	uint32_t layer_count;
	struct tensor *parts; /* of shared tensors: what layers point to */
	uint32_t part_count;
	int readout;				 /* layer */
	uint32_t readout_mode, readout_channels; /* SNNQ_READOUT_*, and what it gives out */
	double readout_scale;
};

/* Positions of a window over @in and @padding of both ends together; 0: it does not fit. */
static inline uint64_t graph_window(uint32_t in, uint32_t kernel, uint32_t stride, uint32_t padding,
				    uint32_t dilation)
{
	int64_t room = (int64_t)in + (int64_t)padding - (int64_t)dilation * ((int64_t)kernel - 1);

	return room < 1 || !kernel || !stride || !dilation ? 0 : ((uint64_t)room - 1) / stride + 1;
}

/* Inputs of a channel in a window. */
static inline uint32_t graph_taps(const struct snnq_geometry *g)
{
	return (uint32_t)g->kernel_h * g->kernel_w;
}

/* @path is for messages. 0, -EBADMSG, -ENOMEM. The graph points into @file. */
int graph_parse(const char *path, const struct modelfile *file, struct graph *graph);
void graph_free(struct graph *graph);

const struct graph_shape *graph_shape(const struct graph *graph, int layer);
/* Weights of a layer (0 without). */
uint64_t graph_layer_params(const struct graph_layer *layer);
/* Values of a graph_numbers as integers. */
int32_t graph_number(const struct graph_numbers *n, uint32_t channel);
/* The same of a float model; 0 where there is none. */
double graph_real(const struct graph_numbers *n, uint32_t channel);
/* Whether its output has the format of its input, whatever that is. */
bool graph_keeps_format(const struct graph_layer *layer);
/*
 * Of a float model: what one step of each output is worth, units[1 + layer]; [0] is the input's.
 * 1 for spikes and counts, 1/k after an average of k; 0 where outputs are real: sums without
 * neurons, potentials, and what is made of them. 0 or -EBADMSG, with @path in the message.
 */
int graph_units(const char *path, const struct graph *graph, double *units);
/* Whether weights read real numbers of a layer, and then nothing else does. */
bool graph_feeds_weights(const struct graph *graph, int layer, const double *units);

#endif /* SNNQ_GRAPH_H */
