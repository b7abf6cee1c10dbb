/* SPDX-License-Identifier: MIT */
/* elements.h - what a MATLAB file of version 5 consists of, before a library reads it. */
#ifndef SNNQ_MAT_ELEMENTS_H
#define SNNQ_MAT_ELEMENTS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a file in memory is all there: elements one behind the other from its header on, the last
 * of which ends where it ends, and compressed ones whole. False: what is wrong was put out.
 */
bool elements_check(const uint8_t *file, uint64_t bytes, uint32_t *count);

#endif /* SNNQ_MAT_ELEMENTS_H */
