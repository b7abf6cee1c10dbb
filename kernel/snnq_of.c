// SPDX-License-Identifier: GPL-2.0-only
/*
 * Platform front end: a node of the device tree, as dts/snnq,npu.yaml says. One window of
 * registers, one level line for all, which others may share. Supply, clocks, resets and
 * power domain are there or not; who brings them may come later than the device.
 *
 * No bridge stands between the device and memory that could be closed as on PCI: what
 * keeps it from memory is a reset that it confirms, or that it has no power.
 */
#include <linux/clk.h>
#include <linux/delay.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/regulator/consumer.h>
#include <linux/reset.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "snnq_compat.h"
#include "snnq_device.h"
#include "snnq_front.h"
#include "snnq_recover.h"

/* What a reset line needs; the device itself says when it is ready. */
#define SNNQ_OF_RESET_US 10

/**
 * struct snnq_of - a device of the device tree
 * @sdev: device.
 * @irq: its line.
 * @supply: regulator, or NULL.
 * @clocks: of its cores and of its registers; each may be NULL.
 * @resets: all its reset lines, or NULL.
 * @on: supply and clocks are on, and it is not held in reset.
 */
struct snnq_of {
	struct snnq_device sdev;
	int irq;
	struct regulator *supply;
	struct clk_bulk_data clocks[2];
	struct reset_control *resets;
	bool on;
};

static struct snnq_of *to_snnq_of(struct snnq_device *sdev)
{
	return container_of(sdev, struct snnq_of, sdev);
}

static int snnq_of_irqs(struct snnq_device *sdev)
{
	struct device *dev = sdev->drm.dev;
	int err;

	err = devm_request_irq(dev, to_snnq_of(sdev)->irq, snnq_device_line_irq, IRQF_SHARED,
			       dev_name(dev), sdev);
	return err ? dev_err_probe(dev, err, "no interrupt\n") : 0;
}

static void snnq_of_free_irqs(struct snnq_device *sdev)
{
	devm_free_irq(sdev->drm.dev, to_snnq_of(sdev)->irq, sdev);
}

static void snnq_of_sync_irqs(struct snnq_device *sdev)
{
	synchronize_irq(to_snnq_of(sdev)->irq);
}

/* It does no DMA before it is told to. */
static void snnq_of_allow_dma(struct snnq_device *sdev)
{
}

static bool snnq_of_stop_dma(struct snnq_device *sdev)
{
	struct snnq_of *of = to_snnq_of(sdev);

	if (!of->on)
		return true;
	if (!reset_control_assert(of->resets)) {
		fsleep(SNNQ_OF_RESET_US);
		reset_control_deassert(of->resets);
	}
	return !snnq_recover_quiet(sdev);
}

static const struct snnq_front snnq_of_front = {
	.irqs = snnq_of_irqs,
	.free_irqs = snnq_of_free_irqs,
	.sync_irqs = snnq_of_sync_irqs,
	.allow_dma = snnq_of_allow_dma,
	.stop_dma = snnq_of_stop_dma,
};

/* Held in reset until it has all: it may be at work for an earlier kernel. */
static int snnq_of_power_on(struct snnq_of *of)
{
	int err;

	reset_control_assert(of->resets);
	err = of->supply ? regulator_enable(of->supply) : 0;
	if (err)
		return err;
	err = clk_bulk_prepare_enable(ARRAY_SIZE(of->clocks), of->clocks);
	if (err)
		goto supply;
	fsleep(SNNQ_OF_RESET_US);
	err = reset_control_deassert(of->resets);
	if (err)
		goto clocks;
	fsleep(SNNQ_OF_RESET_US);
	of->on = true;
	return 0;
clocks:
	clk_bulk_disable_unprepare(ARRAY_SIZE(of->clocks), of->clocks);
supply:
	if (of->supply)
		regulator_disable(of->supply);
	return err;
}

static void snnq_of_power_off(void *data)
{
	struct snnq_of *of = data;

	if (!of->on)
		return;
	of->on = false;
	reset_control_assert(of->resets);
	clk_bulk_disable_unprepare(ARRAY_SIZE(of->clocks), of->clocks);
	if (of->supply)
		regulator_disable(of->supply);
}

/* What gets no power any more is given up as one that is gone: nobody touches it. */
static void snnq_of_power_back(struct snnq_of *of)
{
	int err = of->on ? 0 : snnq_of_power_on(of);

	if (err) {
		drm_err(&of->sdev.drm, "has no power: %d\n", err);
		WRITE_ONCE(of->sdev.dark, true);
	}
}

static int snnq_of_get_supply(struct snnq_of *of, struct device *dev)
{
	of->supply = devm_regulator_get_optional(dev, "vdd");
	if (!IS_ERR(of->supply))
		return 0;
	if (PTR_ERR(of->supply) != -ENODEV)
		return dev_err_probe(dev, PTR_ERR(of->supply), "no supply\n");
	of->supply = NULL;
	return 0;
}

/* All that others bring. They may not be there yet. */
static int snnq_of_get(struct snnq_of *of, struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	int err = snnq_of_get_supply(of, dev);

	if (err)
		return err;
	of->clocks[0].id = "core";
	of->clocks[1].id = "bus";
	err = devm_clk_bulk_get_optional(dev, ARRAY_SIZE(of->clocks), of->clocks);
	if (err)
		return dev_err_probe(dev, err, "no clocks\n");
	of->resets = devm_reset_control_array_get_optional_exclusive(dev);
	if (IS_ERR(of->resets))
		return dev_err_probe(dev, PTR_ERR(of->resets), "no resets\n");
	of->irq = platform_get_irq(pdev, 0);
	return min(of->irq, 0);
}

/* The device has power. It keeps it while this is so, and when this ends in an error. */
static int snnq_of_run(struct snnq_of *of, size_t regs_bytes)
{
	struct device *dev = of->sdev.drm.dev;
	int err;

	pm_runtime_get_noresume(dev);
	pm_runtime_set_active(dev);
	pm_runtime_enable(dev);
	err = snnq_front_probe(&of->sdev, &snnq_of_front, regs_bytes);
	if (!err) {
		snnq_front_let_sleep(dev);
		return 0;
	}
	pm_runtime_disable(dev);
	pm_runtime_set_suspended(dev);
	pm_runtime_put_noidle(dev);
	return err;
}

static int snnq_of_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct resource *window;
	struct snnq_of *of;
	int err;

	of = devm_drm_dev_alloc(dev, &snnq_drm_driver, struct snnq_of, sdev.drm);
	if (IS_ERR(of))
		return PTR_ERR(of);
	platform_set_drvdata(pdev, &of->sdev);
	of->sdev.regs = devm_platform_get_and_ioremap_resource(pdev, 0, &window);
	if (IS_ERR(of->sdev.regs))
		return dev_err_probe(dev, PTR_ERR(of->sdev.regs), "no registers\n");
	err = snnq_of_get(of, pdev);
	if (err)
		return err;
	err = snnq_of_power_on(of);
	if (err)
		return dev_err_probe(dev, err, "no power\n");
	err = devm_add_action_or_reset(dev, snnq_of_power_off, of);
	if (!err)
		err = snnq_of_run(of, resource_size(window));
	return err;
}

static void snnq_of_end(struct platform_device *pdev)
{
	struct snnq_device *sdev = platform_get_drvdata(pdev);
	struct device *dev = &pdev->dev;

	if (pm_runtime_get_sync(dev) < 0)
		WRITE_ONCE(sdev->dark, true);
	pm_runtime_dont_use_autosuspend(dev);
	snnq_front_remove(sdev);
	pm_runtime_disable(dev);
	pm_runtime_set_suspended(dev);
	pm_runtime_put_noidle(dev);
}

static SNNQ_REMOVE snnq_of_remove(struct platform_device *pdev)
{
	snnq_of_end(pdev);
	return SNNQ_REMOVED;
}

static int snnq_of_suspend(struct device *dev)
{
	struct snnq_device *sdev = dev_get_drvdata(dev);
	int err = pm_runtime_resume(dev);

	if (err < 0)
		return err;
	err = snnq_front_suspend(sdev);
	if (!err)
		snnq_of_power_off(to_snnq_of(sdev));
	return err;
}

static int snnq_of_resume(struct device *dev)
{
	struct snnq_device *sdev = dev_get_drvdata(dev);

	snnq_of_power_back(to_snnq_of(sdev));
	return snnq_recover_resume(sdev, NULL);
}

static int snnq_of_runtime_suspend(struct device *dev)
{
	struct snnq_device *sdev = dev_get_drvdata(dev);
	int err = snnq_front_doze(sdev);

	if (!err)
		snnq_of_power_off(to_snnq_of(sdev));
	return err;
}

static int snnq_of_runtime_resume(struct device *dev)
{
	struct snnq_device *sdev = dev_get_drvdata(dev);

	snnq_of_power_back(to_snnq_of(sdev));
	snnq_recover_wake(sdev);
	return 0;
}

static const struct dev_pm_ops snnq_of_pm = {
	SYSTEM_SLEEP_PM_OPS(snnq_of_suspend, snnq_of_resume)
		RUNTIME_PM_OPS(snnq_of_runtime_suspend, snnq_of_runtime_resume, NULL)
};

static const struct of_device_id snnq_of_ids[] = { { .compatible = "snnq,npu-1.0" }, {} };
MODULE_DEVICE_TABLE(of, snnq_of_ids);

static struct platform_driver snnq_of_driver = {
	.probe = snnq_of_probe,
	.remove = snnq_of_remove,
	.shutdown = snnq_of_end, /* before another kernel takes over: no more DMA */
	.driver = {
		.name = SNNQ_DRIVER_NAME,
		.of_match_table = snnq_of_ids,
		.pm = pm_ptr(&snnq_of_pm),
	},
};

int snnq_of_register(void)
{
	return platform_driver_register(&snnq_of_driver);
}

void snnq_of_unregister(void)
{
	platform_driver_unregister(&snnq_of_driver);
}
