/* SPDX-License-Identifier: MIT */
/* variables.h - the events of a MATLAB file. */
#ifndef SNNQ_MAT_VARIABLES_H
#define SNNQ_MAT_VARIABLES_H

#include <matio.h>

/* Put them out, or what is wrong. 0, or an errno for what cannot be said. */
int variables_put(mat_t *mat);

#endif /* SNNQ_MAT_VARIABLES_H */
