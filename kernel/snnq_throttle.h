/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_throttle.h - clients whose jobs fail again and again have to wait.
 */
#ifndef SNNQ_THROTTLE_H
#define SNNQ_THROTTLE_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct snnq_file;
struct snnq_job;

/**
 * struct snnq_throttle - the faults of a file
 * @lock: what follows; taken in interrupts.
 * @paid_ns: when its faults are forgotten, by CLOCK_MONOTONIC.
 * @waits: it is above what it may have, and that was told.
 */
struct snnq_throttle {
	spinlock_t lock; /* what follows */
	u64 paid_ns;
	bool waits;
};

void snnq_throttle_init(struct snnq_throttle *throttle);
void snnq_throttle_fault(const struct snnq_job *job, int error);
int snnq_throttle_wait(struct snnq_file *sfile);

#endif /* SNNQ_THROTTLE_H */
