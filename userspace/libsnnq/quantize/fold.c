// SPDX-License-Identifier: MIT
/*
 * fold.c - thresholds and biases as integers with F fraction bits.
 *
 * F starts at 4: with thresholds around 20 accumulator steps that rounds by 0.2 %.
 * More are taken when a threshold would fall below 1, fewer when that makes all
 * values fit 16 bits and the smallest threshold still keeps six bits.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "quantize/quantize.h"

#define SHIFT_DEFAULT  4
#define SHIFT_MAX      8
#define KEEP_THRESHOLD 64
#define THRESHOLD_MAX  (1 << 30)

struct extent {
	double smallest, largest; /* thresholds; largest also of |biases| */
};

static struct extent measure(const struct folding *f)
{
	struct extent e = { INFINITY, 0 };

	for (uint32_t c = 0; c < f->channels; c++) {
		double t = f->thresholds[c] / f->unit[c];
		double b = f->biases ? fabs(f->biases[c] / f->unit[c]) : 0;

		e.smallest = fmin(e.smallest, t);
		e.largest = fmax(e.largest, fmax(t, b));
	}
	return e;
}

/* Smallest F at which every threshold is an integer, or the largest that leaves room for all. */
static uint32_t exact_shift(const struct folding *f, double largest)
{
	for (uint32_t shift = 0; shift < SHIFT_MAX; shift++) {
		bool exact = true;

		for (uint32_t c = 0; c < f->channels; c++) {
			double t = ldexp(f->thresholds[c] / f->unit[c], (int)shift);

			exact = exact && t == rint(t);
		}
		if (exact || ldexp(largest, (int)shift + 1) > THRESHOLD_MAX)
			return shift;
	}
	return SHIFT_MAX;
}

static uint32_t choose_shift(const struct folding *f)
{
	struct extent e = measure(f);
	uint32_t shift = SHIFT_DEFAULT;

	if (f->exact)
		return exact_shift(f, e.largest);
	while (shift < SHIFT_MAX && ldexp(e.smallest, (int)shift) < 1)
		shift++;
	while (shift && ldexp(e.largest, (int)shift) > INT16_MAX &&
	       ldexp(e.smallest, (int)shift - 1) >= KEEP_THRESHOLD)
		shift--;
	return shift;
}

static int fold_channel(struct folding *f, uint32_t c)
{
	double t = rint(ldexp(f->thresholds[c] / f->unit[c], (int)f->shift));
	double b = f->biases ? rint(ldexp(f->biases[c] / f->unit[c], (int)f->shift)) : 0;

	if (!(t >= 1))
		return error_set(-ERANGE,
				 "%s: layer %s: channel %u: threshold %g: expected at least "
				 "1/%u of an accumulator step (%g), found %g; use more bits",
				 f->path, f->layer, c, f->thresholds[c], 1u << f->shift, f->unit[c],
				 f->thresholds[c] / f->unit[c]);
	if (!(t <= THRESHOLD_MAX))
		return error_set(-ERANGE,
				 "%s: layer %s: channel %u: threshold %g: expected at most 2^30 "
				 "accumulator steps (%g), found %g",
				 f->path, f->layer, c, f->thresholds[c],
				 ldexp(f->unit[c], -(int)f->shift), t);
	if (!(fabs(b) <= INT32_MAX))
		return error_set(-ERANGE,
				 "%s: layer %s: channel %u: bias %g: expected at most 2^31 "
				 "in units of 1/%u accumulator step, found %g",
				 f->path, f->layer, c, f->biases[c], 1u << f->shift, b);
	f->threshold_out[c] = (int32_t)t;
	f->bias_out[c] = (int32_t)b;
	return 0;
}

int folding_run(struct folding *f)
{
	int ret = 0;

	f->threshold_out = calloc(f->channels, sizeof(*f->threshold_out));
	f->bias_out = calloc(f->channels, sizeof(*f->bias_out));
	if (!f->threshold_out || !f->bias_out)
		return error_set(-ENOMEM, "%s: layer %s: no memory", f->path, f->layer);
	f->shift = choose_shift(f);
	for (uint32_t c = 0; !ret && c < f->channels; c++)
		ret = fold_channel(f, c);
	return ret;
}
