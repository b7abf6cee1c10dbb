// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device, independent of its bus: capabilities, memory, reset, errors.
 */
#include <linux/capability.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_coredump.h"
#include "snnq_device.h"
#include "snnq_gem.h"
#include "snnq_job.h"
#include "snnq_mem.h"
#include "snnq_model.h"
#include "snnq_recover.h"

#define SNNQ_MAX_QUERY_BYTES 4096u

static u64 snnq_read_pair(struct snnq_device *sdev, u32 reg)
{
	return snnq_read(sdev, reg) | (u64)snnq_read(sdev, reg + 4) << 32;
}

static int snnq_device_identify(struct snnq_device *sdev, size_t regs_bytes)
{
	struct device *dev = sdev->drm.dev;
	u32 id = snnq_read(sdev, SNNQ_REG_ID), cores;

	if (id != SNNQ_ID)
		return dev_err_probe(dev, -ENODEV, "identity is %#x, expected %#x\n", id, SNNQ_ID);
	sdev->info.hw_version = snnq_read(sdev, SNNQ_REG_VERSION);
	if (sdev->info.hw_version >> 16 != SNNQ_HW_VERSION >> 16)
		return dev_err_probe(dev, -ENODEV, "hardware version %#x is unknown\n",
				     sdev->info.hw_version);
	cores = snnq_read(sdev, SNNQ_REG_CAP_CORES);
	if (!cores || cores > SNNQ_MAX_CORES || SNNQ_REGS_BYTES(cores) > regs_bytes)
		return dev_err_probe(dev, -ENODEV, "%u cores in %zu bytes of registers\n", cores,
				     regs_bytes);
	sdev->info.cores = cores;
	return 0;
}

#define SNNQ_TAKE_MASK(member, name) \
	info->member = snnq_read(sdev, SNNQ_REG_CAP_##name) & all->member;
#define SNNQ_TAKE_LIMIT(member, name) \
	info->member = min(snnq_read(sdev, SNNQ_REG_CAP_##name), all->member);
#define SNNQ_TAKE_MASK64(member, name) \
	info->member = snnq_read_pair(sdev, SNNQ_REG_CAP_##name##_LO) & all->member;
#define SNNQ_TAKE_LIMIT64(member, name) \
	info->member = min(snnq_read_pair(sdev, SNNQ_REG_CAP_##name##_LO), all->member);
#define SNNQ_TAKE_CAP(member, name) caps->member = info->member;

/* What programs may ask for: of the device's capabilities those that the driver knows. */
static void snnq_device_caps(struct snnq_device *sdev)
{
	struct drm_snnq_dev_info *info = &sdev->info;
	const struct snnq_caps *all = &snnq_caps_all;
	struct snnq_caps *caps = &sdev->caps;

	SNNQ_CAPS_MASKS(SNNQ_TAKE_MASK)
	SNNQ_CAPS_LIMITS(SNNQ_TAKE_LIMIT)
	SNNQ_CAPS_MASKS64(SNNQ_TAKE_MASK64)
	SNNQ_CAPS_LIMITS64(SNNQ_TAKE_LIMIT64)
	SNNQ_CAPS(SNNQ_TAKE_CAP)
}

/* What the device can do, at most what the driver can. */
static int snnq_device_limits(struct snnq_device *sdev)
{
	struct drm_snnq_dev_info *info = &sdev->info;
	u32 ring = snnq_read(sdev, SNNQ_REG_CAP_RING);

	info->sram_bytes = snnq_read(sdev, SNNQ_REG_CAP_SRAM);
	info->dma_bits = snnq_read(sdev, SNNQ_REG_CAP_DMA_BITS);
	snnq_device_caps(sdev);
	if (snnq_read(sdev, SNNQ_REG_CAP_FEATURES) & SNNQ_FEATURE_PROFILE)
		info->features |= DRM_SNNQ_FEATURE_PROFILE;
	info->lanes = snnq_read(sdev, SNNQ_REG_CAP_LANES);
	info->port_bytes = snnq_read(sdev, SNNQ_REG_CAP_PORT);
	info->clock_khz = snnq_read(sdev, SNNQ_REG_CAP_CLOCK);
	info->limit_ms = snnq_limit_ms;
	info->timeout_ms = snnq_timeout_ms;
	info->page_bytes = PAGE_SIZE;
	info->max_models = SNNQ_MAX_MODELS_PER_FILE;
	info->max_streams = SNNQ_MAX_STREAMS_PER_FILE;
	info->max_queued_stream = SNNQ_MAX_QUEUED_PER_STREAM;
	info->max_queued_file = SNNQ_MAX_QUEUED_PER_FILE;
	info->max_jobs = SNNQ_MAX_JOBS_PER_SUBMIT;
	info->max_syncs = SNNQ_MAX_SYNCS_PER_JOB;
	sdev->safe_cycles = snnq_read(sdev, SNNQ_REG_CAP_SAFE_POINT);
	sdev->reset_us = snnq_read(sdev, SNNQ_REG_RESET_TIME);
	if (ring < 2 || !is_power_of_2(ring) || info->dma_bits < 32 || info->dma_bits > 64)
		return dev_err_probe(sdev->drm.dev, -ENODEV, "rings of %u, %u DMA bits\n", ring,
				     info->dma_bits);
	info->queue_depth = min(min(ring, SNNQ_RING_ENTRIES) - 1, SNNQ_QUEUE_DEPTH);
	return 0;
}

static void snnq_destroy_wq(struct drm_device *drm, void *wq)
{
	destroy_workqueue(wq);
}

static void snnq_destroy_sched(struct drm_device *drm, void *sched)
{
	drm_sched_fini(sched);
}

/*
 * Whether CPU and device see the same of every buffer: no caches between them, and no
 * bounce buffers, which a kernel may put there for all memory or for what is out of reach.
 */
static bool snnq_device_coherent(struct device *dev)
{
	struct page *page;
	bool coherent = false;
	dma_addr_t addr;

	if (!dev_is_dma_coherent(dev) || dma_get_required_mask(dev) & ~dma_get_mask(dev))
		return false;
	page = alloc_page(GFP_KERNEL);
	if (!page)
		return false;
	addr = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (!dma_mapping_error(dev, addr)) {
		coherent = !dma_need_sync(dev, addr);
		dma_unmap_page(dev, addr, PAGE_SIZE, DMA_BIDIRECTIONAL);
	}
	__free_page(page);
	return coherent;
}

static int snnq_device_memory(struct snnq_device *sdev)
{
	struct device *dev = sdev->drm.dev;
	int err;

	err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(sdev->info.dma_bits));
	if (err)
		return dev_err_probe(dev, err, "%u DMA bits do not reach memory\n",
				     sdev->info.dma_bits);
	dma_set_max_seg_size(dev, UINT_MAX);
	if (snnq_device_coherent(dev))
		sdev->info.flags |= DRM_SNNQ_DEV_COHERENT;

	err = drmm_mutex_init(&sdev->drm, &sdev->dma_lock);
	if (!err)
		err = drmm_mutex_init(&sdev->drm, &sdev->import_lock);
	if (!err)
		err = drmm_mutex_init(&sdev->drm, &sdev->files_lock);
	INIT_LIST_HEAD(&sdev->files);
	INIT_LIST_HEAD(&sdev->mems);
	INIT_LIST_HEAD(&sdev->bos);
	return err;
}

static int snnq_device_queues(struct snnq_device *sdev)
{
	sdev->timeout_wq =
		alloc_ordered_workqueue("snnq-timeout-%s", WQ_MEM_RECLAIM, dev_name(sdev->drm.dev));
	if (!sdev->timeout_wq)
		return -ENOMEM;
	return drmm_add_action_or_reset(&sdev->drm, snnq_destroy_wq, sdev->timeout_wq);
}

static int snnq_device_cores(struct snnq_device *sdev)
{
	struct snnq_core *core;
	int err;
	u32 i;

	sdev->cores = drmm_kcalloc(&sdev->drm, sdev->info.cores, sizeof(*sdev->cores), GFP_KERNEL);
	if (!sdev->cores)
		return -ENOMEM;
	snnq_fair_init(&sdev->fair, sdev->info.queue_depth);
	for (i = 0; i < sdev->info.cores; i++) {
		core = &sdev->cores[i];
		err = snnq_core_init(core, sdev, i);
		snnq_recover_init(core);
		if (!err)
			err = snnq_sched_create(core);
		if (!err)
			err = drmm_add_action_or_reset(&sdev->drm, snnq_destroy_sched,
						       &core->sched);
		if (err)
			return err;
		sdev->scheds[i] = &core->sched;
	}
	return 0;
}

/**
 * snnq_device_init() - all but interrupts and DMA
 * @sdev: device, with its registers mapped.
 * @regs_bytes: size of the register window.
 *
 * Return: 0 or an error, which was logged unless it is -ENOMEM.
 */
int snnq_device_init(struct snnq_device *sdev, size_t regs_bytes)
{
	int err;

	err = snnq_device_identify(sdev, regs_bytes);
	if (!err)
		err = snnq_device_limits(sdev);
	if (!err)
		err = snnq_device_memory(sdev);
	if (!err)
		err = snnq_coredump_init(sdev);
	if (!err)
		err = snnq_device_queues(sdev);
	if (!err)
		err = snnq_device_cores(sdev);
	return err;
}

/* It is quiet. */
int snnq_device_start(struct snnq_device *sdev)
{
	int err = snnq_recover_restart(sdev);

	if (err)
		return dev_err_probe(sdev->drm.dev, err, "device does not start\n");
	drm_info(&sdev->drm, "hardware %u.%u, %u core(s), %u KiB local memory each\n",
		 sdev->info.hw_version >> 16, sdev->info.hw_version & 0xffff, sdev->info.cores,
		 sdev->info.sram_bytes >> 10);
	return 0;
}

/**
 * snnq_device_remove() - end all use of the hardware and of the DMA API
 * @sdev: device; already unplugged, interrupts off.
 *
 * Jobs that the hardware had end now, those in queues as soon as the scheduler tries them.
 */
void snnq_device_remove(struct snnq_device *sdev)
{
	snnq_recover_stop(sdev);
	if (snnq_recover_quiet(sdev))
		drm_warn(&sdev->drm, "does not confirm its last reset\n");
	snnq_recover_isolate(sdev);
	snnq_recover_remove(sdev);
	snnq_coredump_stop(sdev);
	if (READ_ONCE(sdev->unstoppable))
		return;
	snnq_gem_remove(sdev);
	snnq_mem_remove(sdev);
}

static void snnq_device_core_error(struct snnq_device *sdev, struct snnq_core *core)
{
	u32 error = snnq_core_read(core, SNNQ_CORE_ERROR);

	if (!error)
		return;
	dev_err_ratelimited(sdev->drm.dev, "core %u: error %#x\n", core->index, error);
	snnq_core_write(core, SNNQ_CORE_ERROR, error);
	snnq_core_kick(core, 0);
}

/* Admin interrupt: not part of submission and completion, so it may read registers. */
irqreturn_t snnq_device_irq(int irq, void *data)
{
	struct snnq_device *sdev = data;
	u32 error, i;

	if (READ_ONCE(sdev->asleep))
		return IRQ_NONE;
	error = snnq_read(sdev, SNNQ_REG_ERROR);
	/* Errors are so rare that many of them are a flood, too. */
	if (irq == sdev->guard.irq)
		snnq_core_guard(&sdev->guard, false, &sdev->cores[0]);
	if (!error)
		return irq == sdev->guard.irq ? IRQ_HANDLED : IRQ_NONE;
	snnq_write(sdev, SNNQ_REG_ERROR, error);
	if (error != SNNQ_DEV_ERROR_CORE)
		dev_err_ratelimited(sdev->drm.dev, "device error %#x\n", error);
	if (error & SNNQ_DEV_ERROR_FATAL)
		snnq_recover_fatal(sdev);
	for (i = 0; i < sdev->info.cores; i++)
		snnq_device_core_error(sdev, &sdev->cores[i]);
	return IRQ_HANDLED;
}

/*
 * The line of a device without messages, perhaps shared. What is acknowledged before it
 * is looked at cannot be lost: later events set their bits again. Events with nothing
 * behind them are not handled, nor are errors without end, so that the kernel stops a
 * line that does not fall.
 */
irqreturn_t snnq_device_line_irq(int irq, void *data)
{
	struct snnq_device *sdev = data;
	irqreturn_t ret = IRQ_NONE;
	u32 status, i;

	if (READ_ONCE(sdev->asleep))
		return IRQ_NONE;
	status = snnq_read(sdev, SNNQ_REG_INT_STATUS);
	if (status == U32_MAX || !(status & SNNQ_INT_ALL(sdev->info.cores)))
		return IRQ_NONE;
	snnq_write(sdev, SNNQ_REG_INT_STATUS, status);
	if (status & SNNQ_INT_ADMIN)
		ret = snnq_device_irq(irq, sdev);
	if (ret == IRQ_HANDLED && ++sdev->guard.idle > SNNQ_MAX_IDLE_IRQS) {
		sdev->guard.idle = SNNQ_MAX_IDLE_IRQS;
		ret = IRQ_NONE;
	}
	for (i = 0; i < sdev->info.cores; i++) {
		if (status & SNNQ_INT_CORE(i) && snnq_core_drain(&sdev->cores[i])) {
			sdev->guard.idle = 0;
			ret = IRQ_HANDLED;
		}
	}
	return ret;
}

/* No more interrupts, so that a shared line is not left asserted. */
void snnq_device_mute(struct snnq_device *sdev)
{
	snnq_write(sdev, SNNQ_REG_INT_ENABLE, 0);
	snnq_read(sdev, SNNQ_REG_INT_ENABLE);
}

/* Minor number of its node. */
int snnq_device_number(const struct snnq_device *sdev)
{
	return snnq_node(&sdev->drm)->index;
}

static bool snnq_device_feel(struct snnq_device *sdev, s32 *temperature, u32 *power)
{
	if (READ_ONCE(sdev->asleep))
		return false;
	*temperature = (s32)snnq_read(sdev, SNNQ_REG_TEMPERATURE);
	*power = snnq_read(sdev, SNNQ_REG_POWER);
	return snnq_read(sdev, SNNQ_REG_ID) == SNNQ_ID;
}

/*
 * Millidegree Celsius and microwatt; false when the device is not there or asleep. It
 * does not fall asleep meanwhile, nor stay awake longer for being asked.
 */
bool snnq_device_sensors(struct snnq_device *sdev, s32 *temperature, u32 *power)
{
	bool felt = false;
	int idx;

	if (!drm_dev_enter(&sdev->drm, &idx))
		return false;
	if (snnq_power_held(sdev, pm_runtime_get_if_active(sdev->drm.dev))) {
		felt = snnq_device_feel(sdev, temperature, power);
		pm_runtime_put(sdev->drm.dev);
	}
	drm_dev_exit(idx);
	return felt;
}

/* Jobs that run count up to now. */
void snnq_device_settle(struct snnq_device *sdev)
{
	u32 i;

	for (i = 0; i < sdev->info.cores; i++)
		snnq_core_settle(&sdev->cores[i]);
}

static void snnq_stats_read(const struct snnq_counters *c, struct drm_snnq_stats *stats)
{
	u64 *to = (u64 *)stats;
	int i;

	for (i = 0; i < SNNQ_STATS; i++)
		to[i] = atomic64_read(&c->value[i]);
}

/* How much others compute, and when, is theirs; how the device fares is everyone's. */
static void snnq_device_stats(struct snnq_device *sdev, struct drm_snnq_stats *stats)
{
	snnq_stats_read(&sdev->counters, stats);
	stats->memory_limit = snnq_memory_budget();
	if (perfmon_capable())
		return;
	*stats = (struct drm_snnq_stats){
		.hangs = stats->hangs,
		.core_resets = stats->core_resets,
		.device_resets = stats->device_resets,
		.bad_completions = stats->bad_completions,
		.memory_limit = stats->memory_limit,
	};
}

/* Copy out the smaller of both sizes, zero the rest, tell our size. */
static int snnq_query_answer(struct drm_snnq_dev_query *args, const void *from, u32 size)
{
	void __user *to = u64_to_user_ptr(args->ptr);
	u32 room = args->size, n = min(room, size);

	args->size = size;
	if (!args->ptr)
		return 0;
	if (room > SNNQ_MAX_QUERY_BYTES)
		return -E2BIG;
	if (copy_to_user(to, from, n) || clear_user(to + n, room - n))
		return -EFAULT;
	return 0;
}

int snnq_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct snnq_device *sdev = to_snnq_device(drm);
	struct snnq_file *sfile = file->driver_priv;
	struct drm_snnq_dev_query *args = data;
	struct drm_snnq_stats stats;

	if (args->type != DRM_SNNQ_QUERY_DEV_INFO)
		snnq_device_settle(sdev);
	switch (args->type) {
	case DRM_SNNQ_QUERY_DEV_INFO:
		return snnq_query_answer(args, &sdev->info, sizeof(sdev->info));
	case DRM_SNNQ_QUERY_DEV_STATS:
		snnq_device_stats(sdev, &stats);
		return snnq_query_answer(args, &stats, sizeof(stats));
	case DRM_SNNQ_QUERY_FILE_STATS:
		snnq_stats_read(&sfile->counters, &stats);
		stats.memory_limit = snnq_file_budget();
		return snnq_query_answer(args, &stats, sizeof(stats));
	default:
		return -EINVAL;
	}
}
