/* SPDX-License-Identifier: MIT */
/*
 * quantize.h - the parts of the rounding quantizer.
 *
 * A weight becomes scale * level with one scale per output channel. Scales are
 * not stored: divided by them, thresholds and biases become integers with F
 * fraction bits. Layers without a neuron have one scale, which goes into the readout.
 */
#ifndef SNNQ_QUANTIZE_H
#define SNNQ_QUANTIZE_H

#include "graph.h"
#include "grid.h"
#include "snnq_tools.h"

/* Weights of a layer while they are rounded. */
struct rounding {
	struct weight_shape shape;
	struct grid grid;
	float *weights;			/* [outputs][inputs][kh][kw] */
	const double *importance;	/* of input channels (all groups), or NULL: 1 */
	bool one_scale;
	/* Results. */
	double *scales;			/* [outputs] */
	uint8_t *indices;		/* of levels, as weights */
	double signal, noise;		/* weighted squares */
};

/*
 * Choose scales of least weighted squared error, and levels. @smallest: bound from
 * below for each scale, [outputs]. 0 or -ENOMEM.
 */
int rounding_run(struct rounding *r, const double *smallest);
void rounding_free(struct rounding *r);

/* Real thresholds and biases of a neuron layer divided by the scale of its accumulator. */
struct folding {
	const char *path, *layer;
	uint32_t channels;
	const double *unit;		/* real value of one accumulator step, [channels] */
	const double *thresholds, *biases;	/* real, [channels]; biases may be NULL */
	bool exact;			/* no weights: look for an F that loses nothing */
	/* Results: integers with shift fraction bits. */
	uint32_t shift;
	int32_t *threshold_out, *bias_out;
};

/* 0, -ENOMEM, or -ERANGE with the channel named. Results are the caller's to free. */
int folding_run(struct folding *f);

/*
 * Mean square of each channel of the input (index 0) and of each layer's output
 * (index 1 + layer), measured by running the integer model at @path on recordings.
 * Arrays are the caller's to free.
 */
int calibrate(const char *path, const struct graph *graph, const struct snnq_quantize_opts *opts,
	      double **importance);

#endif /* SNNQ_QUANTIZE_H */
