/* SPDX-License-Identifier: MIT */
/*
 * compensate.h - rounding in which later weights make up for the errors of earlier ones.
 */
#ifndef SNNQ_COMPENSATE_H
#define SNNQ_COMPENSATE_H

#include "model/grid.h"
#include "quantize/moment.h"

/**
 * struct rows - outputs of a layer that share inputs
 * @grid: to round to.
 * @weights: [count][inputs].
 * @hw: [count][inputs] rows of weights times moment->h, as rows_weigh() makes them.
 * @smallest: [count] bounds from below for scales.
 * @one_scale: all rows have one scale.
 * @plain_scale: scales by the error of weights as they are; otherwise weighted by the diagonal
 *	of h.
 * @feedback: errors are made up for by weights that are rounded later.
 * @descent: then coordinate descent; with neither, weights are rounded to nearest.
 * @scales: [count] results, real values of a level step; 0 where all weights are.
 * @indices: [count][inputs] results, levels of the grid.
 * @error: [count] results, (w - sq)^T h (w - sq).
 */
struct rows {
	const struct grid *grid;
	const struct moment *moment;
	const float *weights;
	const double *hw, *smallest;
	uint32_t count;
	bool one_scale, plain_scale, feedback, descent;
	double *scales;
	uint8_t *indices;
	double *error;
};

/* Rows times moment->h into @hw. 0 or -ENOMEM. */
int rows_weigh(const struct moment *moment, const float *weights, uint32_t count, uint32_t threads,
	       double *hw);
/*
 * Round. With descent rows are never worse than rounded ones, in this error. The result
 * does not depend on @threads. 0 or -ENOMEM.
 */
int rows_round(struct rows *rows, uint32_t threads);

#endif /* SNNQ_COMPENSATE_H */
