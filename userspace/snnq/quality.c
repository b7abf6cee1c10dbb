// SPDX-License-Identifier: MIT
/*
 * quality.c - how far a quantized model is from the float network, for people and as JSON.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "quality.h"

static void print_drop(const char *name, const struct snnq_quantize_drop *d)
{
	if (!d->recordings)
		return;
	printf("%-12s loss %.4f", name, d->loss);
	if (isfinite(d->error))
		printf(" +- %.4f", d->error);
	printf("; another class in %" PRIu64 " of %" PRIu64 " recording%s, %.2f %% [%.2f, %.2f]\n",
	       d->changed, d->recordings, text_s((double)d->recordings),
	       100.0 * (double)d->changed / (double)d->recordings, 100 * d->least, 100 * d->most);
}

void quality_print_size(const struct snnq_quantize_quality *q)
{
	printf("estimate:    %" PRIu64 " bytes, %.3f bits for a weight on average\n", q->bytes,
	       q->bits);
}

void quality_print(const struct snnq_quantize_quality *q)
{
	print_drop("optimised:", &q->calibration);
	print_drop("checked:", &q->check);
	if (q->energy > 0)
		printf("energy:      %.3f uJ with weights from DRAM, %.3f uJ with weights on chip\n",
		       q->energy, q->energy_resident);
}

static void add_drop(cJSON *o, const char *name, const struct snnq_quantize_drop *d)
{
	cJSON *drop;

	if (!d->recordings)
		return;
	drop = cJSON_AddObjectToObject(o, name);
	cJSON_AddNumberToObject(drop, "recordings", (double)d->recordings);
	cJSON_AddNumberToObject(drop, "changed", (double)d->changed);
	cJSON_AddNumberToObject(drop, "least", d->least);
	cJSON_AddNumberToObject(drop, "most", d->most);
	cJSON_AddNumberToObject(drop, "loss", d->loss);
	if (isfinite(d->error))
		cJSON_AddNumberToObject(drop, "error", d->error);
}

cJSON *quality_json(const struct snnq_quantize_quality *q)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "bytes", (double)q->bytes);
	cJSON_AddNumberToObject(o, "avg_weight_bits", q->bits);
	add_drop(o, "calibration", &q->calibration);
	add_drop(o, "check", &q->check);
	if (q->energy > 0) {
		cJSON_AddNumberToObject(o, "energy_uj", q->energy);
		cJSON_AddNumberToObject(o, "energy_resident_uj", q->energy_resident);
	}
	return o;
}
