/* SPDX-License-Identifier: MIT */
/* describe.h - show a model file: `info`, and what `import` and `quantize` made. */
#ifndef SNNQ_CLI_DESCRIBE_H
#define SNNQ_CLI_DESCRIBE_H

#include <stdbool.h>

/* Text or JSON on standard output. Returns an exit code. */
int describe_model(const char *path, bool json);

#endif /* SNNQ_CLI_DESCRIBE_H */
