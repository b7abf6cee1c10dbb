/* SPDX-License-Identifier: MIT */
/*
 * steps.h - what one step of each output of the integer model is worth.
 *
 * Spikes and counts are what they are, means a fraction. Currents that meet in a sum, a pool or a
 * neuron have one step, a power of two: as fine as the thresholds that they are compared with ask
 * for, and as coarse as 32 bits do. A copy may be coarser than what it copies.
 */
#ifndef SNNQ_STEPS_H
#define SNNQ_STEPS_H

#include "model/graph.h"

/**
 * struct steps - by layer; [0] is the input's
 * @unit: real value of a step; 0: of a head, whose step follows from its weights.
 * @most: what sums of currents can come to, which their grids must keep to; 0: no current.
 * @planes: signed bit-planes of currents that weights read, or 0.
 * @real: currents.
 */
struct steps {
	double *unit, *most;
	uint8_t *planes;
	bool *real;
};

/* 0, -ENOMEM, or -EBADMSG for what the quantizer does not know. */
int steps_find(const char *path, const struct graph *graph, struct steps *steps);
void steps_free(struct steps *steps);

/*
 * Bit-planes that a layer's output has in the integer model, or an input: a float graph does not
 * say them for means. More than SNNQ_MAX_PLANES: it cannot be one.
 */
uint32_t steps_count_planes(const struct graph *graph, int layer);

/* Whether operand @k is currents: what was put out a step before is not. */
static inline bool steps_reads_real(const struct steps *s, const struct graph_layer *l, uint32_t k)
{
	return !l->view[k].previous && s->real[l->in[k] + 1];
}

#endif /* SNNQ_STEPS_H */
