/* SPDX-License-Identifier: MIT */
/*
 * baseline.h - grids chosen as others do it, to hold the search against.
 */
#ifndef SNNQ_BASELINE_H
#define SNNQ_BASELINE_H

#include "quantize/quantize.h"

/*
 * Choose grids within the target of bits by the method of the session's options; @choices, by
 * layer: those that are given (bits 0: none), and all on return. -EDOM: the target is too small.
 */
int baseline_choose(const struct session *session, struct grid_choice *choices);

#endif /* SNNQ_BASELINE_H */
