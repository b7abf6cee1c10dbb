/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_recover.h - the watch over a core's oldest job, and resets.
 */
#ifndef SNNQ_RECOVER_H
#define SNNQ_RECOVER_H

#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/time64.h>
#include <linux/types.h>

#include "snnq_regs.h"

struct snnq_core;
struct snnq_device;

/* Resets in a row after which no job was completed: from here the device is reset, */
#define SNNQ_FRUITLESS_DEVICE 1u
/* the oldest job is blamed, */
#define SNNQ_FRUITLESS_BLAME 2u
/* and the device is given up. */
#define SNNQ_FRUITLESS_WEDGED 6u
/* Resets that a job may stand at the head of without having been blamed. */
#define SNNQ_MAX_REPLAYS 3u
/* Likewise for errors of the whole device, at which most jobs are at work by chance. */
#define SNNQ_MAX_FATALS 16u

/**
 * struct snnq_sight - what a look at a core shows
 * @status: its STATUS register.
 * @broken: it sent what cannot be, or lost a job.
 * @job: there is a job in the ring. What follows is about the oldest.
 * @cancelling: it was asked to end, as nobody wants its result.
 * @idle_ns: since it became the oldest or last showed progress, as far as was seen.
 * @run_ns: since it became the oldest.
 * @cancel_ns: since it was asked to end.
 * @timeout_ns: most of @idle_ns.
 * @limit_ns: most of @run_ns.
 * @grace_ns: most of @cancel_ns.
 */
struct snnq_sight {
	u32 status;
	bool broken;
	bool job;
	bool cancelling;
	u64 idle_ns;
	u64 run_ns;
	u64 cancel_ns;
	u64 timeout_ns;
	u64 limit_ns;
	u64 grace_ns;
};

enum snnq_verdict {
	SNNQ_REST,   /* nothing to watch */
	SNNQ_FINE,   /* going on */
	SNNQ_HUNG,   /* the job does not go on, or takes too long */
	SNNQ_DEAF,   /* it was to end and does not */
	SNNQ_BROKEN, /* the core, not the job */
};

/* Total: each sight has a verdict. */
static inline enum snnq_verdict snnq_recover_judge(const struct snnq_sight *s)
{
	if (s->broken || s->status & SNNQ_CORE_ST_HALTED) /* all ones too */
		return SNNQ_BROKEN;
	if (!s->job)
		return SNNQ_REST;
	if (s->cancelling && s->cancel_ns > s->grace_ns)
		return SNNQ_DEAF;
	if (s->status & SNNQ_CORE_ST_BUSY)
		return s->idle_ns > s->timeout_ns || s->run_ns > s->limit_ns ? SNNQ_HUNG :
									       SNNQ_FINE;
	/* It works on nothing: when that lasts, it lost the job's order or its record. */
	return s->idle_ns > s->timeout_ns ? SNNQ_BROKEN : SNNQ_FINE;
}

int snnq_recover_quiet(struct snnq_device *sdev);
int snnq_recover_insist(struct snnq_device *sdev);
int snnq_recover_restart(struct snnq_device *sdev);
void snnq_recover_isolate(struct snnq_device *sdev);
void snnq_recover_init(struct snnq_core *core);
void snnq_recover_fatal(struct snnq_device *sdev);
void snnq_recover_stop(struct snnq_device *sdev);
void snnq_recover_remove(struct snnq_device *sdev);
int snnq_recover_halt(struct snnq_device *sdev);
int snnq_recover_resume(struct snnq_device *sdev, const char *lost);
int snnq_recover_doze(struct snnq_device *sdev);
void snnq_recover_wake(struct snnq_device *sdev);

#endif /* SNNQ_RECOVER_H */
