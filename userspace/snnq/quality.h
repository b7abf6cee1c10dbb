/* SPDX-License-Identifier: MIT */
/* quality.h - how far a quantized model is from the float network, for people and as JSON. */
#ifndef SNNQ_CLI_QUALITY_H
#define SNNQ_CLI_QUALITY_H

#include <cjson/cJSON.h>

#include "snnq_tools.h"

/* Size, of what is not written. */
void quality_print_size(const struct snnq_quantize_quality *quality);
void quality_print(const struct snnq_quantize_quality *quality);
cJSON *quality_json(const struct snnq_quantize_quality *quality);

#endif /* SNNQ_CLI_QUALITY_H */
