// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all front ends do, in one order: a device that comes, sleeps and goes.
 */
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "snnq_compat.h"
#include "snnq_device.h"
#include "snnq_front.h"
#include "snnq_recover.h"
#include "snnq_telemetry.h"

/* Idle for so long, the device sleeps. Waking up costs it some 10 ms, most of it the bus's. */
#define SNNQ_AUTOSUSPEND_MS 1000

/* An earlier kernel may have left it at work on memory that is not its own any more. */
static int snnq_front_quiet(struct snnq_device *sdev)
{
	int err = snnq_recover_insist(sdev);

	return err ? dev_err_probe(sdev->drm.dev, err, "no answer to a reset\n") : 0;
}

/* Everything that open files and interrupts can reach is there before they are. */
static int snnq_front_init(struct snnq_device *sdev, size_t regs_bytes)
{
	int err = snnq_netlink_prepare(sdev);

	if (!err)
		err = snnq_device_init(sdev, regs_bytes);
	if (!err)
		err = snnq_front_quiet(sdev);
	if (err)
		return err;
	err = sdev->front->irqs(sdev);
	if (err)
		snnq_recover_stop(sdev); /* some may have been there, and told of something */
	return err;
}

/*
 * It has power, and keeps it to the end. Interrupts end before what they use; what may
 * start anew without them finds the device unplugged.
 */
static void snnq_front_down(struct snnq_device *sdev)
{
	drm_dev_unplug(&sdev->drm);
	snnq_device_mute(sdev);
	sdev->front->free_irqs(sdev);
	snnq_device_remove(sdev);
}

/**
 * snnq_front_probe() - bring up a device
 * @sdev: device, with power and registers.
 * @front: its bus.
 * @regs_bytes: size of the register window.
 *
 * Return: 0 or an error, which was logged unless it is -ENOMEM; then the device is quiet.
 */
int snnq_front_probe(struct snnq_device *sdev, const struct snnq_front *front, size_t regs_bytes)
{
	int err;

	sdev->front = front;
	err = snnq_front_init(sdev, regs_bytes);
	if (err)
		return err;
	front->allow_dma(sdev);
	err = snnq_device_start(sdev);
	if (!err)
		err = drm_dev_register(&sdev->drm, 0);
	if (err) {
		snnq_front_down(sdev);
		return err;
	}
	snnq_debugfs_init(sdev);
	snnq_hwmon_init(sdev);
	snnq_netlink_add(sdev);
	return 0;
}

/* It has power, and keeps it to the end. */
void snnq_front_remove(struct snnq_device *sdev)
{
	snnq_netlink_remove(sdev);
	snnq_front_down(sdev);
}

/* From here on it may sleep; the caller's hold on its power goes. */
void snnq_front_let_sleep(struct device *dev)
{
	pm_runtime_set_autosuspend_delay(dev, SNNQ_AUTOSUSPEND_MS);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_mark_last_busy(dev);
	pm_runtime_put_autosuspend(dev);
}

/* For the sleep of the system. A handler that began before has ended when it returns. */
int snnq_front_suspend(struct snnq_device *sdev)
{
	int err = snnq_recover_halt(sdev);

	if (err)
		snnq_recover_resume(sdev, NULL);
	else
		sdev->front->sync_irqs(sdev);
	return err;
}

/* For its own, while it has nothing to do. */
int snnq_front_doze(struct snnq_device *sdev)
{
	int err = snnq_recover_doze(sdev);

	if (!err)
		sdev->front->sync_irqs(sdev);
	return err;
}
