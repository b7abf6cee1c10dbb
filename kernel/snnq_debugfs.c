// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: what each core does now, for people.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include <drm/drm_drv.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_device.h"
#include "snnq_job.h"

static void snnq_debugfs_core(struct seq_file *m, struct snnq_core *core)
{
	unsigned long flags;
	u32 i, jobs = 0;

	spin_lock_irqsave(&core->lock, flags);
	for (i = 0; i < core->entries; i++)
		jobs += !!core->jobs[i];
	seq_printf(m, "%s: jobs %u tail %u head %u phase %u fruitless resets %u%s%s%s\n",
		   core->name, jobs, core->tail, core->head, core->phase, core->fruitless,
		   core->enabled ? "" : " disabled", core->broken ? " broken" : "",
		   core->guard.masked ? " polled" : "");
	spin_unlock_irqrestore(&core->lock, flags);
}

static void snnq_debugfs_registers(struct seq_file *m, struct snnq_device *sdev)
{
	u32 i;

	for (i = 0; i < sdev->info.cores; i++) {
		struct snnq_core *core = &sdev->cores[i];

		seq_printf(m, "core %u: status %#x error %#x fetched %u written %u\n", i,
			   snnq_core_read(core, SNNQ_CORE_STATUS),
			   snnq_core_read(core, SNNQ_CORE_ERROR),
			   snnq_core_read(core, SNNQ_CORE_SQ_HEAD),
			   snnq_core_read(core, SNNQ_CORE_CQ_TAIL));
	}
	seq_printf(m, "temperature %d mC, power %u uW\n",
		   (s32)snnq_read(sdev, SNNQ_REG_TEMPERATURE), snnq_read(sdev, SNNQ_REG_POWER));
}

/* Looking does not wake it up. Whether it did not rest. */
static bool snnq_debugfs_awake(struct seq_file *m, struct snnq_device *sdev)
{
	bool awake;

	if (!snnq_power_hold(sdev))
		return false;
	awake = !READ_ONCE(sdev->asleep);
	if (awake)
		snnq_debugfs_registers(m, sdev);
	snnq_power_put(sdev);
	return awake;
}

static int snnq_debugfs_cores_show(struct seq_file *m, void *unused)
{
	struct snnq_device *sdev = m->private;
	int idx;
	u32 i;

	if (!drm_dev_enter(&sdev->drm, &idx))
		return -ENODEV;
	for (i = 0; i < sdev->info.cores; i++)
		snnq_debugfs_core(m, &sdev->cores[i]);
	if (!snnq_debugfs_awake(m, sdev))
		seq_puts(m, "at rest\n");
	if (READ_ONCE(sdev->wedged))
		seq_puts(m, "given up\n");
	drm_dev_exit(idx);
	return 0;
}

DEFINE_SHOW_ATTRIBUTE(snnq_debugfs_cores);

/* The device is registered. DRM removes the files when it no longer is. */
void snnq_debugfs_init(struct snnq_device *sdev)
{
	debugfs_create_file("cores", 0444, snnq_debugfs_root(&sdev->drm), sdev,
			    &snnq_debugfs_cores_fops);
}
