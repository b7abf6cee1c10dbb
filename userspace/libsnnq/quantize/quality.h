/* SPDX-License-Identifier: MIT */
/*
 * quality.h - what a quantized model is, and how far it is from the float network.
 */
#ifndef SNNQ_QUALITY_H
#define SNNQ_QUALITY_H

#include "quantize/quantize.h"

struct quality {
	struct snnq_quantize_quality told;
	struct snnq_layer_stats *stats; /* [layers], sums over the recordings for calibration */
	double energy;			/* microjoule by the session's dataflow */
};

/*
 * Assemble the model of @results in memory and run it on all recordings. Earlier results in
 * @quality are replaced. -ERANGE: sums leave 32 bits in a recording.
 */
int quality_measure(const struct session *s, const struct quantized *results,
		    struct quality *quality);
void quality_free(struct quality *quality);

#endif /* SNNQ_QUALITY_H */
