/* SPDX-License-Identifier: MIT */
/* describe.h - show a model file: `info`, and what `import` and `quantize` made. */
#ifndef SNNQ_CLI_DESCRIBE_H
#define SNNQ_CLI_DESCRIBE_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* Text or JSON on standard output. Returns an exit code. */
int describe_model(const char *path, bool json);
/* The same of a model that was made; as JSON also the members of @more, which may be NULL. */
int describe_result(const char *path, bool json, const cJSON *more);

#endif /* SNNQ_CLI_DESCRIBE_H */
