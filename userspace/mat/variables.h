/* SPDX-License-Identifier: MIT */
/* variables.h - the events of a MATLAB file. */
#ifndef SNNQ_MAT_VARIABLES_H
#define SNNQ_MAT_VARIABLES_H

#include <matio.h>
#include <stdint.h>

/*
 * Put them out, or what is wrong: the file has @count variables. 0, or an errno for what cannot be
 * said.
 */
int variables_put(mat_t *mat, uint32_t count);
/* For the library to say what it does not return. */
void variables_log(int level, char *message);

#endif /* SNNQ_MAT_VARIABLES_H */
