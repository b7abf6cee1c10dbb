/* SPDX-License-Identifier: MIT */
/*
 * fit.h - how much each layer's loss counts when other layers are coarse too.
 */
#ifndef SNNQ_FIT_H
#define SNNQ_FIT_H

#include <stddef.h>
#include <stdint.h>

/* A measured configuration: the losses of its layers one by one, and of all together. */
struct fit_sample {
	const double *single; /* [layers] */
	double loss;
};

/*
 * Coefficients a > 0 so that sum a[l] single[l] is close to loss, in relative terms, over
 * all samples. Ridge towards one common factor, as there are about as many samples as
 * layers. 0 or -ENOMEM.
 */
int fit_coefficients(const struct fit_sample *samples, size_t count, uint32_t layers,
		     double *coefficients);

#endif /* SNNQ_FIT_H */
