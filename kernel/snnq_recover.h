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
struct snnq_guard;

/* Times that a device at rest answers in; snnq_grace_us() adds for one at work. */
#define SNNQ_CANCEL_US	     50000u
#define SNNQ_CORE_RESET_US   100000u
#define SNNQ_DEVICE_RESET_US 1000000u

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

/*
 * Time for a job: what the device would take for @ops operations, many times over
 * as it may be slow or emulated, but at least @floor_ns and at most @cap_ns.
 */
#define SNNQ_LIMIT_FACTOR 1000u

static inline u64 snnq_recover_limit(u64 ops, u32 lanes, u32 clock_khz, u64 floor_ns, u64 cap_ns)
{
	u64 ops_per_ms = (u64)max(lanes, 1u) * max(clock_khz, 1u);
	u64 ms, ns;

	if (check_add_overflow(div64_u64(ops, ops_per_ms), 1ull, &ms) ||
	    check_mul_overflow(ms, (u64)SNNQ_LIMIT_FACTOR * NSEC_PER_MSEC, &ns))
		ns = U64_MAX;
	return min(max(ns, floor_ns), cap_ns);
}

void snnq_guard_count(struct snnq_guard *guard, bool useful, struct snnq_core *core);
u32 snnq_grace_us(struct snnq_device *sdev, u32 rest_us);
void snnq_recover_init(struct snnq_core *core);
void snnq_recover_watch(struct snnq_core *core);
void snnq_recover_kick(struct snnq_core *core, u32 us);
void snnq_recover_fatal(struct snnq_device *sdev);
void snnq_recover_stop(struct snnq_device *sdev);
void snnq_recover_remove(struct snnq_device *sdev);
int snnq_recover_suspend(struct snnq_device *sdev);
int snnq_recover_resume(struct snnq_device *sdev);

#endif /* SNNQ_RECOVER_H */
