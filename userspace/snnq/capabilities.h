/* SPDX-License-Identifier: MIT */
/* capabilities.h - what a device can do, for people, as JSON, and back from JSON. */
#ifndef CLI_CAPABILITIES_H
#define CLI_CAPABILITIES_H

#include <cjson/cJSON.h>

#include "snnq.h"

/* The word of bit @bit of the set @key (a member of struct snnq_device_info); "?": it has none. */
const char *capabilities_word(const char *key, unsigned int bit);
void capabilities_print(const struct snnq_device_info *info);
/* Members of @to, named as those of struct snnq_device_info. */
void capabilities_to_json(const struct snnq_device_info *info, cJSON *to);
/*
 * @name: a device, or a file that `snnq info DEVICE --json` wrote. CLI_OK, or a code after
 * cli_fail().
 */
int capabilities_of(const char *name, struct snnq_device_info *info);

#endif /* CLI_CAPABILITIES_H */
