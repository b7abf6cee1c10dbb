/* SPDX-License-Identifier: MIT */
/*
 * target.h - what a search keeps to: budgets, and how many classes may change.
 */
#ifndef SNNQ_TARGET_H
#define SNNQ_TARGET_H

#include "quantize/search.h"

/* Budgets of the allocation from the targets. -EDOM: they cannot hold what is no weight. */
int target_budgets(struct search *x);
/* Is there any? */
bool target_is_budget(const struct search *x);
/*
 * Before networks are run: each target by itself can be met, and the recordings suffice to tell
 * whether it is. Tells opts->warn how finely.
 */
int target_check(struct search *x);
/*
 * Did the model become larger than its targets? Then budgets shrink by as much. -EDOM: to
 * nothing.
 */
int target_excess(struct search *x, bool *over);
/* Recordings for calibration whose class may change. */
uint32_t target_allowed(const struct search *x);
/* Does the model keep its classes on the recordings for calibration? */
bool target_keeps_calibration(const struct search *x);
/* Does it keep them on all? Every model that is held against the same recordings counts. */
bool target_keeps(struct search *x);
/* -EDOM, with what changed. */
int target_dropped(const struct search *x);

#endif /* SNNQ_TARGET_H */
