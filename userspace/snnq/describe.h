/* SPDX-License-Identifier: MIT */
/* describe.h - show a model file: `info`, and what `import` and `quantize` made. */
#ifndef SNNQ_CLI_DESCRIBE_H
#define SNNQ_CLI_DESCRIBE_H

#include <stdbool.h>

#include <cjson/cJSON.h>

struct snnq_recordings;

/* Text or JSON on standard output. Returns an exit code. */
int describe_model(const char *path, bool json);
/* The same of a model made with @recordings, or without (NULL), and what @warnings there were. */
int describe_result(const char *path, bool json, const struct snnq_recordings *recordings,
		    const cJSON *warnings);

#endif /* SNNQ_CLI_DESCRIBE_H */
