// SPDX-License-Identifier: GPL-2.0-only
/*
 * Throttling: a fault costs time, of the core and, when it must be reset, of those
 * whose jobs are put into its ring again. A file has credit for some faults in a row
 * and gets back one each second. Beyond that its SUBMITs wait, and nobody else's.
 *
 * What counts is what the client did: accesses outside of its regions, events out of
 * order, jobs that hang, exceed their time, or break their core. Memory that does not
 * answer and the device's own errors are nobody's fault.
 */
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include <drm/drm_drv.h>

#include "snnq_core.h"
#include "snnq_device.h"
#include "snnq_event.h"
#include "snnq_job.h"
#include "snnq_throttle.h"

/* Faults that cost a time-out or a reset count so often. */
#define SNNQ_DEAR_FAULT 4u
/* Longest wait that faults before it can add up to. */
#define SNNQ_MAX_WAIT_NS (10ull * NSEC_PER_SEC)
#define SNNQ_MAX_BURST	 1000000u

static unsigned int snnq_fault_burst = 32;
module_param_named(fault_burst, snnq_fault_burst, uint, 0644);
MODULE_PARM_DESC(fault_burst,
		 "faults that a file may cause in a row before it must wait (default 32)");

void snnq_throttle_init(struct snnq_throttle *throttle)
{
	spin_lock_init(&throttle->lock);
}

/* Time that the file has to wait, if it came now. */
static u64 snnq_throttle_excess(const struct snnq_throttle *t, u64 now)
{
	u64 credit = (u64)min(READ_ONCE(snnq_fault_burst), SNNQ_MAX_BURST) * NSEC_PER_SEC;

	lockdep_assert_held(&t->lock);
	return t->paid_ns > now + credit ? t->paid_ns - now - credit : 0;
}

/* Add a fault; how long the file has to wait, if that is new. */
static u64 snnq_throttle_add(struct snnq_throttle *t, u32 cost)
{
	u64 now = ktime_get_ns(), excess;
	unsigned long flags;
	bool told;

	spin_lock_irqsave(&t->lock, flags);
	t->paid_ns = max(t->paid_ns, now) + (u64)cost * NSEC_PER_SEC;
	excess = snnq_throttle_excess(t, now);
	if (excess > SNNQ_MAX_WAIT_NS) {
		t->paid_ns -= excess - SNNQ_MAX_WAIT_NS;
		excess = SNNQ_MAX_WAIT_NS;
	}
	told = t->waits;
	t->waits = excess;
	spin_unlock_irqrestore(&t->lock, flags);
	return told ? 0 : excess;
}

/* A job ended so. Any context. */
void snnq_throttle_fault(const struct snnq_job *job, int error)
{
	struct snnq_file *sfile = job->stream->file;
	struct snnq_event event = { .cmd = SNNQ_CMD_THROTTLE_EVENT, .core = SNNQ_NO_CORE };

	if (error == -ETIME || job->blamed)
		event.delay_ns = snnq_throttle_add(&sfile->throttle, SNNQ_DEAR_FAULT);
	else if (error == -EFAULT)
		event.delay_ns = snnq_throttle_add(&sfile->throttle, 1);
	if (!event.delay_ns)
		return;
	snnq_count(&sfile->counters, SNNQ_THROTTLES, 1);
	snnq_count(&sfile->sdev->counters, SNNQ_THROTTLES, 1);
	snnq_event_raise(sfile->sdev, &event, sfile);
}

static u64 snnq_throttle_left(struct snnq_throttle *t)
{
	unsigned long flags;
	u64 left;

	spin_lock_irqsave(&t->lock, flags);
	left = snnq_throttle_excess(t, ktime_get_ns());
	if (!left)
		t->waits = false;
	spin_unlock_irqrestore(&t->lock, flags);
	return left;
}

/**
 * snnq_throttle_wait() - before a SUBMIT
 * @sfile: whose.
 *
 * Not inside drm_dev_enter(), since it may wait for seconds.
 *
 * Return: 0 or -ERESTARTSYS.
 */
int snnq_throttle_wait(struct snnq_file *sfile)
{
	u64 left;

	while ((left = snnq_throttle_left(&sfile->throttle))) {
		if (drm_dev_is_unplugged(&sfile->sdev->drm))
			return 0;
		schedule_timeout_interruptible(min(nsecs_to_jiffies(left) + 1, HZ / 4ul));
		if (signal_pending(current))
			return -ERESTARTSYS;
	}
	return 0;
}
