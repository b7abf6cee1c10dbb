/* SPDX-License-Identifier: MIT */
/*
 * parallel.h - a loop over independent items on several threads.
 */
#ifndef SNNQ_PARALLEL_H
#define SNNQ_PARALLEL_H

#include <stdint.h>

/* Work on one item; 0 or -errno with the error line set. */
typedef int (*parallel_fn)(void *ctx, uint32_t item);

/*
 * Run @fn for items 0..@count - 1, taken in order by @threads threads (0: one per
 * CPU). After a failure no new items begin. Returns the failure of the lowest item,
 * with its error line set in the calling thread.
 */
int parallel_for(uint32_t count, uint32_t threads, parallel_fn fn, void *ctx);

#endif /* SNNQ_PARALLEL_H */
