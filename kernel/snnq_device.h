/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_device.h - the device, independent of its bus.
 *
 * A front end (snnq_pci.c) maps the registers, calls snnq_device_init(), requests
 * interrupts, calls snnq_device_start() and registers the DRM device last.
 *
 * Lifetime: struct snnq_device and the schedulers live until the last file, job,
 * fence and dma-buf is gone (drmm). Registers, rings and interrupts go at remove
 * (devm); whoever touches them holds drm_dev_enter() or runs in an interrupt.
 */
#ifndef SNNQ_DEVICE_H
#define SNNQ_DEVICE_H

#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>

#include "snnq_drm.h"
#include "snnq_regs.h"
#include "snnq_validate.h"

#ifdef __BIG_ENDIAN
#error "programs, rings and registers are little-endian; so is this driver"
#endif

struct dma_pool;
struct drm_file;
struct drm_gpu_scheduler;
struct snnq_core;

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
	SNNQ_BO_BYTES,
	SNNQ_COUNTERS
};

static_assert(sizeof(struct drm_snnq_stats) == SNNQ_COUNTERS * sizeof(u64));

struct snnq_counters {
	atomic64_t value[SNNQ_COUNTERS];
};

/**
 * struct snnq_device - one coprocessor
 * @drm: DRM device.
 * @regs: register window; valid inside drm_dev_enter().
 * @info: capabilities as users see them, clamped.
 * @caps: the part of @info that programs are validated against.
 * @cores: info.cores cores.
 * @scheds: their schedulers, for entities.
 * @safe_cycles: most clock cycles in which a core does not look at cancel and reset.
 * @timeout_wq: ordered: one recovery at a time.
 * @complete_wq: ends jobs that an interrupt has no time for.
 * @fatal: resets the device: snnq_recover.c.
 * @tables: pool of region tables.
 * @lists: pool of page list pages.
 * @counters: of the whole device.
 * @stop_dma: front end's last resort to keep the device from memory.
 * @wedged: recovery failed: nothing runs any more.
 */
struct snnq_device {
	struct drm_device drm;
	void __iomem *regs;
	struct drm_snnq_dev_info info;
	struct snnq_caps caps;
	struct snnq_core *cores;
	struct drm_gpu_scheduler *scheds[SNNQ_MAX_CORES];
	u32 safe_cycles;
	struct workqueue_struct *timeout_wq;
	struct workqueue_struct *complete_wq;
	struct work_struct fatal;
	struct dma_pool *tables;
	struct dma_pool *lists;
	struct snnq_counters counters;
	void (*stop_dma)(struct snnq_device *sdev);
	bool wedged;
};

/**
 * struct snnq_file - an open file
 * @ref: held by the open file and by each stream.
 * @models: handles of models.
 * @streams: handles of streams.
 * @submit_lock: jobs of this file enter their queues in one order.
 * @counters: of this file.
 * @jobs: jobs that exist.
 * @idle: woken when @jobs drops to zero.
 */
struct snnq_file {
	struct kref ref;
	struct xarray models;
	struct xarray streams;
	struct mutex submit_lock;	/* one order of jobs */
	struct snnq_counters counters;
	atomic_t jobs;
	wait_queue_head_t idle;
};

/* Frees jobs and fences, whose last reference may go in any context. */
extern struct workqueue_struct *snnq_wq;
extern unsigned int snnq_timeout_ms;
extern unsigned int snnq_limit_ms;
extern const struct drm_driver snnq_drm_driver;
extern struct pci_driver snnq_pci_driver;

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
	return readl(sdev->regs + reg);
}

static inline void snnq_write(struct snnq_device *sdev, u32 reg, u32 value)
{
	writel(value, sdev->regs + reg);
}

void snnq_file_release(struct kref *ref);

int snnq_device_init(struct snnq_device *sdev, size_t regs_bytes);
int snnq_device_start(struct snnq_device *sdev);
int snnq_device_quiet(struct snnq_device *sdev);
int snnq_device_restart(struct snnq_device *sdev);
void snnq_device_remove(struct snnq_device *sdev);
irqreturn_t snnq_device_irq(int irq, void *data);
int snnq_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file);

void snnq_debugfs_init(struct snnq_device *sdev);

#endif /* SNNQ_DEVICE_H */
