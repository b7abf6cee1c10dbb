// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery: a watch over each core, and what is done about what it finds.
 *
 * The watch looks at the oldest job of a core from time to time while there is
 * one. It is not the scheduler's timer, which starts anew with each job that
 * enters the ring, so that other people's jobs would put off the discovery.
 *
 * Long is not hung. The device counts its progress in memory; a job whose counter
 * moves goes on, until its limit. Then, from mild to harsh, each step confirmed
 * before the next is tried: cancel the job, reset its core, reset the device, give
 * the device up. That a step is answered does not mean that it helped: a core that
 * completes no job after its reset makes the next step due.
 *
 * A job is blamed when the core was working on it and stood still, when resets
 * that were nobody else's fault do not help, or when the device fails as a whole
 * again and again and always with this job at work. All others that stood in a ring are
 * put into it again, in order; they have not changed the state they read.
 * drm_sched_stop() drops the jobs' fences and drm_sched_start() would take jobs
 * without one for cancelled, so the fences are put back in between.
 *
 * All of this runs on one ordered work queue, so never twice at a time.
 */
#include <linux/delay.h>
#include <linux/iopoll.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_coredump.h"
#include "snnq_event.h"
#include "snnq_front.h"
#include "snnq_job.h"
#include "snnq_recover.h"

/* A vector that is off: time between looks, and looks until it is on again. */
#define SNNQ_POLL_MS 10u
#define SNNQ_POLLS   100u

/**
 * struct snnq_look - a look at a core
 * @sight: what is judged.
 * @id: oldest job's, or 0.
 */
struct snnq_look {
	struct snnq_sight sight;
	u32 id;
};

static u64 snnq_since(ktime_t now, ktime_t then)
{
	return (u64)max_t(s64, ktime_to_ns(ktime_sub(now, then)), 0);
}

/* The oldest job's part of a look. */
static void snnq_recover_look_job(struct snnq_core *core, struct snnq_job *job, ktime_t now,
				  struct snnq_look *look)
{
	u64 progress = READ_ONCE(core->rings->progress[snnq_core_slot(job->id)]);

	lockdep_assert_held(&core->lock);
	if (core->seen_id != job->id || core->seen_progress != progress) {
		core->seen_id = job->id;
		core->seen_progress = progress;
		core->seen_at = now;
	}
	look->id = job->id;
	look->sight.job = true;
	look->sight.cancelling = job->cancelling;
	look->sight.cancel_ns = job->cancelling ? snnq_since(now, job->cancelled_at) : 0;
	look->sight.idle_ns = snnq_since(now, core->seen_at);
	look->sight.run_ns = snnq_since(now, snnq_core_turned(core, job));
	look->sight.limit_ns = job->limit_ns;
}

static struct snnq_look snnq_recover_look(struct snnq_core *core)
{
	struct snnq_look look = {
		.sight.timeout_ns = (u64)snnq_timeout_ms * NSEC_PER_MSEC,
		.sight.grace_ns = (u64)snnq_grace_us(core->sdev, SNNQ_CANCEL_US) * NSEC_PER_USEC,
	};
	ktime_t now = ktime_get();
	struct snnq_job *job;
	unsigned long flags;

	snnq_core_drain(core);
	look.sight.status = snnq_core_read(core, SNNQ_CORE_STATUS);
	spin_lock_irqsave(&core->lock, flags);
	look.sight.broken = core->broken;
	job = snnq_core_oldest(core);
	if (job)
		snnq_recover_look_job(core, job, now, &look);
	spin_unlock_irqrestore(&core->lock, flags);
	return look;
}

/* Reset everything and wait until there is no more DMA. */
int snnq_recover_quiet(struct snnq_device *sdev)
{
	u32 status, i;
	int err;

	for (i = 0; i < sdev->info.cores; i++)
		snnq_core_disable(&sdev->cores[i]);
	snnq_write(sdev, SNNQ_REG_POWER_STATE, SNNQ_POWER_STATE_ON);
	snnq_write(sdev, SNNQ_REG_CONTROL, SNNQ_CONTROL_RESET);
	err = read_poll_timeout(snnq_read, status, status & SNNQ_DEV_STATUS_READY, 100,
				snnq_grace_us(sdev, SNNQ_DEVICE_RESET_US), false, sdev,
				SNNQ_REG_STATUS);
	return err || status == U32_MAX ? -EIO : 0;
}

/* Start all cores of a quiet device, with empty rings. */
int snnq_recover_restart(struct snnq_device *sdev)
{
	int err = 0;
	u32 i;

	snnq_write(sdev, SNNQ_REG_INT_ENABLE, SNNQ_INT_ALL(sdev->info.cores));
	snnq_write(sdev, SNNQ_REG_CONTROL, SNNQ_CONTROL_ENABLE);
	for (i = 0; !err && i < sdev->info.cores; i++)
		err = snnq_core_start(&sdev->cores[i]);
	return err;
}

/* Keep a device from memory that does not answer a reset; or remember that nothing can. */
void snnq_recover_isolate(struct snnq_device *sdev)
{
	if (sdev->front->stop_dma(sdev))
		return;
	drm_err(&sdev->drm, "cannot be stopped: memory that it may write to is lost\n");
	WRITE_ONCE(sdev->unstoppable, true);
}

/* Tell what is counted, and whose job it was about. */
static void snnq_recover_tell(struct snnq_core *core, enum snnq_counter which,
			      struct snnq_file *sfile)
{
	struct snnq_event event = {
		.cmd = which == SNNQ_HANGS ? SNNQ_CMD_HANG_EVENT : SNNQ_CMD_RESET_EVENT,
		.scope = which == SNNQ_DEVICE_RESETS ? SNNQ_RESET_SCOPE_DEVICE :
						       SNNQ_RESET_SCOPE_CORE,
		.core = core->index,
	};

	snnq_event_raise(core->sdev, &event, sfile);
}

/* For what a reset costs, count who caused it, if anybody did. */
static void snnq_recover_count(struct snnq_core *core, u32 id, enum snnq_counter which)
{
	struct snnq_file *sfile = NULL;
	struct snnq_job *job;
	unsigned long flags;

	snnq_count(&core->sdev->counters, which, 1);
	spin_lock_irqsave(&core->lock, flags);
	job = snnq_core_find(core, id);
	if (job) {
		sfile = job->stream->file;
		snnq_count(&sfile->counters, which, 1);
	}
	core->resets += which == SNNQ_CORE_RESETS;
	snnq_recover_tell(core, which, sfile);
	spin_unlock_irqrestore(&core->lock, flags);
}

/* Ask the device to give job @id up; whether it ended. */
static bool snnq_recover_cancel(struct snnq_core *core, u32 id)
{
	u32 left = snnq_grace_us(core->sdev, SNNQ_CANCEL_US) / 1000;
	struct snnq_job *job;
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	job = snnq_core_find(core, id);
	if (job) {
		job->hung = true;
		snnq_core_write(core, SNNQ_CORE_CANCEL, id);
	}
	spin_unlock_irqrestore(&core->lock, flags);
	for (; left && snnq_core_has(core, id); left--) {
		usleep_range(1000, 1500);
		snnq_core_drain(core);
	}
	return !snnq_core_has(core, id);
}

/* Why a job that was in a reset ring is not run again, or 0. */
static int snnq_recover_verdict(struct snnq_job *job, int dead)
{
	if (dead)
		return dead;
	if (snnq_stream_cancelled(job->stream, job->epoch))
		return -ECANCELED;
	if (job->blamed)
		return job->hung ? -ETIME : -EIO;
	return 0;
}

/*
 * Give the scheduler its fences back, and the reset core its jobs. Jobs whose
 * stream failed meanwhile, and all when there is no core any more, end here.
 */
static void snnq_recover_replay(struct snnq_core *core, int dead)
{
	struct drm_sched_job *base;
	int err;

	list_for_each_entry(base, &core->sched.pending_list, list) {
		struct snnq_job *job = to_snnq_job(base);

		base->s_fence->parent = dma_fence_get(&job->fence->base);
		if (READ_ONCE(job->where) != SNNQ_JOB_QUEUED)
			continue; /* somebody is about to end it */
		err = snnq_recover_verdict(job, dead);
		if (err)
			snnq_core_end(core, job, err);
		else
			snnq_core_submit(core, job);
	}
	snnq_sched_start(&core->sched);
}

/* The device is lost: nothing runs any more. */
static void snnq_recover_give_up(struct snnq_device *sdev, const char *why)
{
	struct snnq_event event = { .cmd = SNNQ_CMD_DEVICE_WEDGED, .core = SNNQ_NO_CORE };

	drm_err(&sdev->drm, "device %s and is given up\n", why);
	WRITE_ONCE(sdev->wedged, true);
	snnq_event_raise(sdev, &event, NULL);
	snnq_recover_isolate(sdev);
}

/* Quiet, and once more: the first may have met the device in the midst of something long. */
int snnq_recover_insist(struct snnq_device *sdev)
{
	return snnq_recover_quiet(sdev) ? snnq_recover_quiet(sdev) : 0;
}

/* The hardware has no jobs any more. The schedulers are stopped, and start. */
static void snnq_recover_end_all(struct snnq_device *sdev, int error)
{
	u32 i;

	for (i = 0; i < sdev->info.cores; i++) {
		snnq_core_forget(&sdev->cores[i]);
		snnq_recover_replay(&sdev->cores[i], error);
	}
}

/*
 * Reset the device whose schedulers are stopped, and run on. With @hopeless, which
 * says why, all jobs fail instead.
 */
static void snnq_recover_device(struct snnq_device *sdev, const char *hopeless)
{
	int err = hopeless ? -EIO : snnq_recover_insist(sdev);
	u32 i;

	if (!err)
		err = snnq_recover_restart(sdev);
	if (err) {
		snnq_recover_give_up(sdev, hopeless ?: "does not answer a reset");
		snnq_recover_end_all(sdev, -EIO);
		return;
	}
	for (i = 0; i < sdev->info.cores; i++)
		snnq_recover_replay(&sdev->cores[i], 0);
}

static void snnq_recover_stop_scheds(struct snnq_device *sdev, struct snnq_core *except)
{
	u32 i;

	for (i = 0; i < sdev->info.cores; i++)
		if (&sdev->cores[i] != except)
			drm_sched_stop(&sdev->cores[i].sched, NULL);
}

/*
 * Job @id stood at the head when its core broke. When it is @guilty, or was there too
 * often, it is not run again: whether that is so.
 */
static bool snnq_recover_blame(struct snnq_core *core, u32 id, bool guilty)
{
	struct snnq_job *job;
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	job = snnq_core_find(core, id);
	if (job) {
		guilty |= ++job->replays > SNNQ_MAX_REPLAYS;
		job->blamed |= guilty;
	}
	spin_unlock_irqrestore(&core->lock, flags);
	return guilty;
}

/* Reset the core, or the device where that did not help. @id is the oldest job. */
static void snnq_recover_reset(struct snnq_core *core, u32 id, bool blame)
{
	u32 fruitless;
	unsigned long flags;
	int err = -EIO;

	drm_sched_stop(&core->sched, NULL);
	spin_lock_irqsave(&core->lock, flags);
	fruitless = core->fruitless++;
	spin_unlock_irqrestore(&core->lock, flags);
	if (!snnq_recover_blame(core, id, blame || fruitless >= SNNQ_FRUITLESS_BLAME))
		id = 0;
	if (fruitless < SNNQ_FRUITLESS_DEVICE) {
		snnq_recover_count(core, id, SNNQ_CORE_RESETS);
		err = snnq_core_reset(core);
		if (!err)
			err = snnq_core_start(core);
		if (err)
			drm_warn(&core->sdev->drm, "core %u does not answer a reset\n",
				 core->index);
	}
	if (!err) {
		snnq_recover_replay(core, 0);
		return;
	}
	snnq_recover_count(core, id, SNNQ_DEVICE_RESETS);
	snnq_recover_stop_scheds(core->sdev, core);
	snnq_recover_device(core->sdev, fruitless < SNNQ_FRUITLESS_WEDGED ?
						NULL :
						"completes no job after many resets");
}

/* A look instead of an interrupt: whether another is due. */
static bool snnq_guard_poll(struct snnq_guard *guard)
{
	if (!READ_ONCE(guard->masked))
		return false;
	if (++guard->idle < SNNQ_POLLS)
		return true;
	guard->idle = 0;
	WRITE_ONCE(guard->masked, false);
	enable_irq(guard->irq);
	return false;
}

static void snnq_recover_act(struct snnq_core *core, const struct snnq_look *look,
			     enum snnq_verdict verdict)
{
	snnq_coredump_see(core, look->id);
	if (verdict == SNNQ_HUNG) {
		snnq_recover_count(core, look->id, SNNQ_HANGS);
		drm_warn(&core->sdev->drm, "core %u: job %#x hangs\n", core->index, look->id);
		if (snnq_recover_cancel(core, look->id))
			return;
	} else {
		drm_warn(&core->sdev->drm, "core %u: %s, status %#x\n", core->index,
			 verdict == SNNQ_DEAF ? "a job cannot be cancelled" : "is reset",
			 look->sight.status);
	}
	snnq_recover_reset(core, look->id, verdict != SNNQ_BROKEN);
}

/* Stopping schedulers that are stopped would wait for jobs that nobody runs. */
static bool snnq_recover_off(struct snnq_device *sdev)
{
	return READ_ONCE(sdev->wedged) || READ_ONCE(sdev->asleep);
}

/* One look at a core that is there and has power. */
static void snnq_recover_watch(struct snnq_core *core)
{
	enum snnq_verdict verdict;
	unsigned long next = 0;
	struct snnq_look look;

	if (snnq_recover_off(core->sdev))
		return;
	look = snnq_recover_look(core);
	verdict = snnq_recover_judge(&look.sight);
	if (verdict > SNNQ_FINE)
		snnq_recover_act(core, &look, verdict);
	if (verdict != SNNQ_REST)
		next = snnq_core_look_period();
	if (look.sight.cancelling)
		next = min(next, usecs_to_jiffies(snnq_grace_us(core->sdev, SNNQ_CANCEL_US)) + 1);
	if (snnq_guard_poll(&core->guard) | (!core->index && snnq_guard_poll(&core->sdev->guard)))
		next = msecs_to_jiffies(SNNQ_POLL_MS) + 1;
	if (next)
		queue_delayed_work(core->sdev->timeout_wq, &core->watch, next);
}

static void snnq_recover_work(struct work_struct *work)
{
	struct snnq_core *core = container_of(to_delayed_work(work), struct snnq_core, watch);
	int idx;

	if (!drm_dev_enter(&core->sdev->drm, &idx))
		return;
	if (snnq_power_hold(core->sdev)) {
		snnq_recover_watch(core);
		snnq_power_put(core->sdev);
	}
	drm_dev_exit(idx);
}

/*
 * The device does not say whose job made it fail. One that it works on each time is
 * blamed in the end, or it would be put back for ever.
 */
static void snnq_recover_suspect(struct snnq_core *core)
{
	struct snnq_job *job;
	unsigned long flags;
	u32 id = 0;

	spin_lock_irqsave(&core->lock, flags);
	job = snnq_core_oldest(core);
	if (job && ++job->fatals > SNNQ_MAX_FATALS) {
		job->blamed = true;
		id = job->id;
	}
	spin_unlock_irqrestore(&core->lock, flags);
	if (id)
		drm_warn(&core->sdev->drm, "core %u: job %#x is at work at each fatal error\n",
			 core->index, id);
}

/* The device says that only its reset helps. */
static void snnq_recover_from_fatal(struct snnq_device *sdev)
{
	u32 i;

	snnq_recover_count(&sdev->cores[0], 0, SNNQ_DEVICE_RESETS);
	snnq_recover_stop_scheds(sdev, NULL);
	for (i = 0; i < sdev->info.cores; i++)
		snnq_recover_suspect(&sdev->cores[i]);
	snnq_recover_device(sdev, NULL);
}

static void snnq_recover_fatal_work(struct work_struct *work)
{
	struct snnq_device *sdev = container_of(work, struct snnq_device, fatal);
	int idx;

	if (drm_dev_enter(&sdev->drm, &idx)) {
		if (!snnq_recover_off(sdev))
			snnq_recover_from_fatal(sdev);
		drm_dev_exit(idx);
	}
	snnq_power_put(sdev);
}

/* In the interrupt that says so: the device has power, and keeps it for its reset. */
void snnq_recover_fatal(struct snnq_device *sdev)
{
	pm_runtime_get_noresume(sdev->drm.dev);
	if (!queue_work(sdev->timeout_wq, &sdev->fatal))
		snnq_power_put(sdev);
}

void snnq_recover_init(struct snnq_core *core)
{
	INIT_DELAYED_WORK(&core->watch, snnq_recover_work);
	if (!core->index)
		INIT_WORK(&core->sdev->fatal, snnq_recover_fatal_work);
}

/* No more looks, until a job is submitted. */
void snnq_recover_stop(struct snnq_device *sdev)
{
	u32 i;

	if (cancel_work_sync(&sdev->fatal))
		snnq_power_put(sdev);
	for (i = 0; i < sdev->info.cores; i++)
		cancel_delayed_work_sync(&sdev->cores[i].watch);
}

/**
 * snnq_recover_remove() - end all jobs that the hardware had
 * @sdev: device; unplugged, quiet, no more looks.
 *
 * Those in queues end as soon as the scheduler tries them.
 */
void snnq_recover_remove(struct snnq_device *sdev)
{
	if (sdev->halted)
		pm_runtime_put_noidle(sdev->drm.dev);
	else
		snnq_recover_stop_scheds(sdev, NULL);
	snnq_recover_end_all(sdev, -ENODEV);
}

/* From here on neither looks nor interrupts touch a register. */
static void snnq_recover_hush(struct snnq_device *sdev)
{
	WRITE_ONCE(sdev->asleep, true);
	snnq_recover_stop(sdev);
}

/* The device forgets all. */
static int snnq_recover_power_off(struct snnq_device *sdev)
{
	int err = 0;

	if (!READ_ONCE(sdev->wedged))
		err = snnq_recover_insist(sdev);
	if (!err)
		snnq_write(sdev, SNNQ_REG_POWER_STATE, SNNQ_POWER_STATE_OFF);
	return err;
}

/**
 * snnq_recover_halt() - stop all work, to go on with snnq_recover_resume()
 * @sdev: device.
 *
 * Jobs in rings stay with the driver, and start again from the state they read.
 *
 * Return: 0 or -EIO, when the device does not confirm that it stopped.
 */
int snnq_recover_halt(struct snnq_device *sdev)
{
	snnq_recover_hush(sdev);
	if (!sdev->halted) {
		/* It must not doze, which ends with waking up. */
		pm_runtime_get_noresume(sdev->drm.dev);
		snnq_recover_stop_scheds(sdev, NULL);
	}
	sdev->halted = true;
	return snnq_recover_power_off(sdev);
}

/*
 * Undo snnq_recover_halt(). The device may have lost all that it knew; with @lost,
 * which says why, it is lost itself.
 */
int snnq_recover_resume(struct snnq_device *sdev, const char *lost)
{
	bool halted = sdev->halted;

	sdev->halted = false;
	WRITE_ONCE(sdev->asleep, false);
	snnq_recover_device(sdev, READ_ONCE(sdev->wedged) ? "was lost" : lost);
	if (halted) /* it may have been given up before its bus recovered */
		snnq_power_put(sdev);
	return READ_ONCE(sdev->wedged) ? -EIO : 0;
}

/**
 * snnq_recover_doze() - take power away from a device that has nothing to do
 * @sdev: device; jobs that were given to a core hold its power, so there is none.
 *
 * Schedulers go on: the next job that they try wakes the device.
 *
 * Return: 0, or -EBUSY when the device does not stop; then it stays as it was.
 */
int snnq_recover_doze(struct snnq_device *sdev)
{
	snnq_recover_hush(sdev);
	if (!snnq_recover_power_off(sdev))
		return 0;
	snnq_recover_wake(sdev);
	return -EBUSY;
}

/* Undo snnq_recover_doze(). What does not wake up is given up; jobs find it so. */
void snnq_recover_wake(struct snnq_device *sdev)
{
	WRITE_ONCE(sdev->asleep, false);
	if (READ_ONCE(sdev->wedged))
		return;
	if (snnq_recover_insist(sdev) || snnq_recover_restart(sdev))
		snnq_recover_give_up(sdev, "does not wake up");
}
