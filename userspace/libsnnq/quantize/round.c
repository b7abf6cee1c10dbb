// SPDX-License-Identifier: MIT
/*
 * round.c - scales of least squared error, and the nearest levels.
 *
 * For each row (output channel, or the whole layer with one scale) a grid of ratios
 * is tried, and each scale that puts the largest weight exactly on a level, so that
 * weights that lie on a grid already are found without loss. The best one is then refitted: for
 * fixed levels q the best scale is sum(h w q) / sum(h q q).
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quantize/quantize.h"

#define RATIOS	   96 /* from 1/64 to 1.5 of the scale without clipping */
#define RATIO_UNIT 64
#define REFITS	   5

struct row {
	const struct grid *grid;
	const float *weights;
	const double *importance; /* of each weight, or NULL */
	size_t count;
	bool spread;
};

struct sums {
	double error, wq, qq;
};

static struct sums measure(const struct row *row, double scale)
{
	struct sums s = { 0 };

	for (size_t i = 0; i < row->count; i++) {
		double w = row->weights[i], h = row->importance ? row->importance[i] : 1;
		double q = row->grid->levels[grid_nearest(row->grid, w / scale)];

		s.error += h * (w - scale * q) * (w - scale * q);
		s.wq += h * w * q;
		s.qq += h * q * q;
	}
	return s;
}

static void try_scale(const struct row *row, double scale, double *best_scale, struct sums *best)
{
	struct sums s;

	if (!(scale > 0) || !isfinite(scale))
		return;
	s = measure(row, scale);
	if (s.error < best->error) {
		*best = s;
		*best_scale = scale;
	}
}

/* Of those that matter. */
static double largest_weight(const struct row *row)
{
	double largest = 0;

	for (size_t i = 0; i < row->count; i++)
		if (!row->importance || row->importance[i] > 0)
			largest = fmax(largest, fabs(row->weights[i]));
	return largest;
}

/* Scale of a row; 0 when all its weights are. */
static double search_scale(const struct row *row)
{
	double largest = largest_weight(row), full = largest / row->grid->largest, scale = full;
	struct sums best = { .error = INFINITY };

	if (!(largest > 0))
		return 0;
	for (uint32_t i = 0; i < row->grid->count; i++)
		if (row->grid->levels[i] > 0 &&
		    (!row->spread || largest / row->grid->levels[i] <= 2 * full))
			try_scale(row, largest / row->grid->levels[i], &scale, &best);
	for (int i = 1; i <= RATIOS; i++)
		try_scale(row, full * i / RATIO_UNIT, &scale, &best);
	for (int i = 0; i < REFITS && best.error > 0 && best.qq > 0; i++)
		try_scale(row, best.wq / best.qq, &scale, &best);
	return scale;
}

static void settle(struct rounding *r, const struct row *row, size_t first, double scale)
{
	for (size_t i = 0; i < row->count; i++)
		r->indices[first + i] = (uint8_t)grid_nearest(row->grid, row->weights[i] / scale);
}

/* Importance of each weight of @outputs rows that begin with output @first. */
static void spread_importance(const struct rounding *r, uint32_t first, uint32_t outputs, double *h)
{
	size_t inputs = (size_t)r->shape.inputs * r->shape.kernel_h * r->shape.kernel_w;

	for (uint32_t o = first; o < first + outputs; o++, h += inputs) {
		uint32_t group = o / (r->shape.outputs / r->shape.groups);

		memcpy(h, r->importance + group * inputs, inputs * sizeof(*h));
	}
}

int rounding_run(struct rounding *r, const double *smallest)
{
	uint32_t rows = r->one_scale ? 1 : r->shape.outputs, outputs = r->shape.outputs / rows;
	size_t count = weight_count(&r->shape) / rows;
	struct row row = { .grid = &r->grid, .count = count, .spread = r->spread };
	double *h = r->importance ? malloc(count * sizeof(*h)) : NULL;

	r->scales = malloc(r->shape.outputs * sizeof(*r->scales));
	r->indices = malloc(count * rows);
	if (!r->scales || !r->indices || (r->importance && !h)) {
		free(h);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < rows; i++) {
		double scale;

		row.weights = r->weights + i * count;
		row.importance = h;
		if (h)
			spread_importance(r, i * outputs, outputs, h);
		scale = fmax(search_scale(&row), smallest[i]);
		settle(r, &row, i * count, scale);
		for (uint32_t o = 0; o < outputs; o++)
			r->scales[i * outputs + o] = scale;
	}
	free(h);
	return 0;
}
