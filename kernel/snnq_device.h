/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_device.h - the device, independent of its bus.
 *
 * snnq_front.c calls snnq_device_init(), lets its bus request interrupts, calls
 * snnq_device_start() and registers the DRM device last.
 *
 * Lifetime: struct snnq_device and the schedulers live until the last file, job,
 * fence and dma-buf is gone (drmm). Registers and interrupts go at remove (devm), and
 * before them all that the DMA API gave (snnq_mem.c, snnq_gem.c); whoever touches
 * them holds drm_dev_enter() or runs in an interrupt. All ioctls that make or use
 * DMA memory run inside drm_dev_enter(): snnq_file.c.
 */
#ifndef SNNQ_DEVICE_H
#define SNNQ_DEVICE_H

#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pm_runtime.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>

#include "snnq_drm.h"
#include "snnq_event.h"
#include "snnq_fair.h"
#include "snnq_regs.h"
#include "snnq_throttle.h"
#include "snnq_validate.h"

#ifdef __BIG_ENDIAN
#error "programs, rings and registers are little-endian; so is this driver"
#endif

struct drm_file;
struct drm_printer;
struct drm_gpu_scheduler;
struct snnq_core;
struct snnq_coredump;
struct snnq_front;

/* Limits that users ask for by DEV_INFO. */
#define SNNQ_MAX_MODELS_PER_FILE   1024u
#define SNNQ_MAX_STREAMS_PER_FILE  1024u
#define SNNQ_MAX_QUEUED_PER_STREAM 256u
#define SNNQ_MAX_QUEUED_PER_FILE   8192u

/* Counters, in the order of struct drm_snnq_stats. */
enum snnq_counter {
	SNNQ_JOBS_SUBMITTED,
	SNNQ_JOBS_COMPLETED,
	SNNQ_JOBS_FAILED,
	SNNQ_JOBS_CANCELLED,
	SNNQ_STEPS,
	SNNQ_BUSY_NS,
	SNNQ_CYCLES,
	SNNQ_HANGS,
	SNNQ_CORE_RESETS,
	SNNQ_DEVICE_RESETS,
	SNNQ_BAD_COMPLETIONS,
	SNNQ_MEMORY_BYTES,
	SNNQ_MEMORY_LIMIT, /* not counted */
	SNNQ_STATS,
	/* not part of it */
	SNNQ_THROTTLES = SNNQ_STATS,
	SNNQ_COUNTERS
};

static_assert(sizeof(struct drm_snnq_stats) == SNNQ_STATS * sizeof(u64));

struct snnq_counters {
	atomic64_t value[SNNQ_COUNTERS];
};

/**
 * struct snnq_guard - keeps a vector that floods us from taking the processor
 * @irq: interrupt number.
 * @idle: interrupts in a row that brought nothing; while @masked, looks.
 * @masked: there were too many: it is off, and what it tells of is polled.
 *
 * Written by the vector's handler, and while that is off by the watch. A line has that of
 * the device for @idle: only the kernel stops what others may share.
 */
struct snnq_guard {
	int irq;
	u32 idle;
	bool masked;
};

/**
 * struct snnq_device - one coprocessor
 * @drm: DRM device.
 * @regs: register window; valid inside drm_dev_enter().
 * @info: capabilities as users see them, clamped.
 * @caps: the part of @info that programs are validated against.
 * @cores: info.cores cores.
 * @scheds: their schedulers, for entities.
 * @fair: who has which places at them.
 * @guard: of the admin vector.
 * @safe_cycles: most clock cycles in which a core does not look at cancel and reset.
 * @reset_us: most microseconds from a safe point to the end of a reset.
 * @timeout_wq: ordered: one recovery at a time.
 * @fatal: resets the device: snnq_recover.c.
 * @abandon: gives up a device whose bus does not recover.
 * @dma_lock: @mems and @bos.
 * @mems: all memory that the DMA API allocated.
 * @bos: all buffers that are mapped for the device.
 * @import_lock: one import at a time.
 * @importer: whose.
 * @files_lock: @files.
 * @files: open files, those with larger numbers first.
 * @counters: of the whole device.
 * @events: what others are to be told of.
 * @dump: what is kept of a job that failed.
 * @node: in the list of devices that snnq_netlink.c tells of.
 * @front: what its bus does.
 * @dark: it has no power, and none is to be had: registers read as those of one that is gone.
 * @asleep: no power, or soon none: recovery and interrupts keep off its registers.
 * @halted: schedulers are stopped, until snnq_recover_resume(). Under the device lock.
 * @wedged: recovery failed: nothing runs any more.
 * @unstoppable: the last resort did not help: memory that the device knows of is
 *	never freed.
 */
struct snnq_device {
	struct drm_device drm;
	void __iomem *regs;
	struct drm_snnq_dev_info info;
	struct snnq_caps caps;
	struct snnq_core *cores;
	struct drm_gpu_scheduler *scheds[SNNQ_MAX_CORES];
	struct snnq_fair fair;
	struct snnq_guard guard;
	u32 safe_cycles;
	u32 reset_us;
	struct workqueue_struct *timeout_wq;
	struct work_struct fatal;
	struct delayed_work abandon;
	struct mutex dma_lock; /* mems, bos */
	struct list_head mems;
	struct list_head bos;
	struct mutex import_lock; /* importer */
	struct snnq_file *importer;
	struct mutex files_lock; /* files */
	struct list_head files;
	struct snnq_counters counters;
	struct snnq_events events;
	struct snnq_coredump *dump;
	struct list_head node;
	const struct snnq_front *front;
	bool dark;
	bool asleep;
	bool halted;
	bool wedged;
	bool unstoppable;
};

/**
 * struct snnq_file - an open file
 * @ref: held by the open file, by each stream, and by all memory.
 * @sdev: device; it is there as long as there is memory.
 * @node: in the device's list, as long as it is open.
 * @client: who opened it.
 * @throttle: its faults.
 * @accounts: what it had of the device, by level.
 * @models: handles of models.
 * @streams: handles of streams.
 * @submit_lock: jobs of this file enter their queues in one order.
 * @counters: of this file.
 * @model_count: models that exist, with a handle or without.
 * @stream_count: likewise streams.
 * @jobs: likewise jobs.
 * @idle: woken when @jobs drops to zero.
 */
struct snnq_file {
	struct kref ref;
	struct snnq_device *sdev;
	struct list_head node;
	struct snnq_client client;
	struct snnq_throttle throttle;
	struct snnq_account accounts[SNNQ_LEVELS];
	struct xarray models;
	struct xarray streams;
	struct mutex submit_lock; /* one order of jobs */
	struct snnq_counters counters;
	atomic_t model_count;
	atomic_t stream_count;
	atomic_t jobs;
	wait_queue_head_t idle;
};

extern const struct drm_driver snnq_drm_driver;
void snnq_show_fdinfo(struct drm_printer *p, struct drm_file *file);

static inline struct snnq_device *to_snnq_device(struct drm_device *drm)
{
	return container_of(drm, struct snnq_device, drm);
}

static inline void snnq_count(struct snnq_counters *c, enum snnq_counter which, u64 n)
{
	atomic64_add(n, &c->value[which]);
}

static inline u32 snnq_read(struct snnq_device *sdev, u32 reg)
{
	return READ_ONCE(sdev->dark) ? U32_MAX : readl(sdev->regs + reg);
}

static inline void snnq_write(struct snnq_device *sdev, u32 reg, u32 value)
{
	if (!READ_ONCE(sdev->dark))
		writel(value, sdev->regs + reg);
}

/*
 * Power. A job holds it from when a core gets it until it ended, so that what waits for
 * others' fences does not. Who only looks holds it while somebody else does.
 */

/* For a job; sleeps while the device wakes up, and allocates nothing. */
static inline int snnq_power_get(struct snnq_device *sdev)
{
	return pm_runtime_resume_and_get(sdev->drm.dev);
}

/* Whether power is held, by what pm_runtime_get_if_*() returned. */
static inline bool snnq_power_held(struct snnq_device *sdev, int ret)
{
	if (ret != -EINVAL)
		return ret > 0;
	/* No runtime power management, or not now: it is on, or asleep. */
	pm_runtime_get_noresume(sdev->drm.dev);
	return true;
}

/* Any context. False: nobody uses the device, so there is nothing to see. */
static inline bool snnq_power_hold(struct snnq_device *sdev)
{
	return snnq_power_held(sdev, pm_runtime_get_if_in_use(sdev->drm.dev));
}

/* Any context. */
static inline void snnq_power_put(struct snnq_device *sdev)
{
	pm_runtime_mark_last_busy(sdev->drm.dev);
	pm_runtime_put_autosuspend(sdev->drm.dev);
}

int snnq_device_init(struct snnq_device *sdev, size_t regs_bytes);
int snnq_device_start(struct snnq_device *sdev);
void snnq_device_remove(struct snnq_device *sdev);
irqreturn_t snnq_device_irq(int irq, void *data);
irqreturn_t snnq_device_line_irq(int irq, void *data);
void snnq_device_mute(struct snnq_device *sdev);
int snnq_device_number(const struct snnq_device *sdev);
void snnq_device_settle(struct snnq_device *sdev);
bool snnq_device_sensors(struct snnq_device *sdev, s32 *temperature, u32 *power);
int snnq_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file);

void snnq_debugfs_init(struct snnq_device *sdev);
void snnq_hwmon_init(struct snnq_device *sdev);

#endif /* SNNQ_DEVICE_H */
