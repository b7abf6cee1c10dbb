// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI front end: registers in BAR 0, one MSI-X vector for errors and one per
 * core; without MSI-X its line serves all.
 */
#include <linux/module.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_device.h"
#include "snnq_front.h"
#include "snnq_recover.h"

/* The bus's recovery from an error takes some seconds at most. */
#define SNNQ_BUS_RECOVERY_MS 30000

/* Reading back sees to it that what was on the way has arrived; all ones: it is gone. */
static bool snnq_pci_stop_dma(struct snnq_device *sdev)
{
	struct pci_dev *pdev = to_pci_dev(sdev->drm.dev);
	u16 command = 0;

	pci_clear_master(pdev);
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return PCI_POSSIBLE_ERROR(command) || !(command & PCI_COMMAND_MASTER);
}

static void snnq_pci_free_vectors(void *pdev)
{
	pci_free_irq_vectors(pdev);
}

static void snnq_pci_free_irqs(struct snnq_device *sdev)
{
	struct pci_dev *pdev = to_pci_dev(sdev->drm.dev);
	u32 i;

	for (i = 0; i < sdev->info.cores; i++)
		if (sdev->cores[i].guard.irq)
			devm_free_irq(&pdev->dev, sdev->cores[i].guard.irq, &sdev->cores[i]);
	devm_free_irq(&pdev->dev, pci_irq_vector(pdev, 0), sdev);
}

static int snnq_pci_request_core(struct snnq_core *core, int irq)
{
	int err;

	core->guard.irq = irq; /* before its handler may run */
	err = devm_request_irq(core->sdev->drm.dev, irq, snnq_core_irq, 0, core->name, core);
	if (err)
		core->guard.irq = 0;
	return err;
}

/* All or none. */
static int snnq_pci_request(struct snnq_device *sdev, bool shared)
{
	struct pci_dev *pdev = to_pci_dev(sdev->drm.dev);
	const char *name;
	int err;
	u32 i;

	name = devm_kasprintf(&pdev->dev, GFP_KERNEL, "snnq-%s", pci_name(pdev));
	if (!name)
		return -ENOMEM;
	sdev->guard.irq = shared ? 0 : pci_irq_vector(pdev, 0);
	err = devm_request_irq(&pdev->dev, pci_irq_vector(pdev, 0),
			       shared ? snnq_device_line_irq : snnq_device_irq,
			       shared ? IRQF_SHARED : 0, name, sdev);
	if (err || shared)
		return err;
	for (i = 0; !err && i < sdev->info.cores; i++)
		err = snnq_pci_request_core(&sdev->cores[i], pci_irq_vector(pdev, 1 + i));
	if (err)
		snnq_pci_free_irqs(sdev);
	return err;
}

static int snnq_pci_irqs(struct snnq_device *sdev)
{
	struct pci_dev *pdev = to_pci_dev(sdev->drm.dev);
	int vectors = 1 + sdev->info.cores, err;
	bool shared = false;

	err = pci_alloc_irq_vectors(pdev, vectors, vectors, PCI_IRQ_MSIX);
	if (err < 0) {
		shared = true;
		err = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_INTX);
	}
	if (err < 0)
		return dev_err_probe(&pdev->dev, err, "no interrupts\n");
	err = devm_add_action_or_reset(&pdev->dev, snnq_pci_free_vectors, pdev);
	if (!err)
		err = snnq_pci_request(sdev, shared);
	return err;
}

/* Recovery of the bus may fail without a word; jobs do not wait for it for ever. */
static void snnq_pci_abandon(struct work_struct *work)
{
	struct snnq_device *sdev = container_of(to_delayed_work(work), struct snnq_device, abandon);
	struct device *dev = sdev->drm.dev;

	if (!device_trylock(dev)) {
		schedule_delayed_work(&sdev->abandon, HZ); /* somebody is at it */
		return;
	}
	if (sdev->halted)
		snnq_recover_resume(sdev, "was not recovered by its bus");
	device_unlock(dev);
}

static void snnq_pci_sync_irqs(struct snnq_device *sdev)
{
	struct pci_dev *pdev = to_pci_dev(sdev->drm.dev);
	u32 i;

	synchronize_irq(pci_irq_vector(pdev, 0));
	for (i = 0; i < sdev->info.cores; i++)
		if (sdev->cores[i].guard.irq)
			synchronize_irq(sdev->cores[i].guard.irq);
}

static void snnq_pci_allow_dma(struct snnq_device *sdev)
{
	pci_set_master(to_pci_dev(sdev->drm.dev));
}

static const struct snnq_front snnq_pci_front = {
	.irqs = snnq_pci_irqs,
	.free_irqs = snnq_pci_free_irqs,
	.sync_irqs = snnq_pci_sync_irqs,
	.allow_dma = snnq_pci_allow_dma,
	.stop_dma = snnq_pci_stop_dma,
};

static int snnq_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct snnq_device *sdev;
	int err;

	sdev = devm_drm_dev_alloc(&pdev->dev, &snnq_drm_driver, struct snnq_device, drm);
	if (IS_ERR(sdev))
		return PTR_ERR(sdev);
	pci_set_drvdata(pdev, sdev);
	err = pcim_enable_device(pdev);
	if (err)
		return err;
	sdev->regs = pcim_iomap_region(pdev, SNNQ_PCI_BAR_REGS, SNNQ_DRIVER_NAME);
	if (IS_ERR(sdev->regs))
		return dev_err_probe(&pdev->dev, PTR_ERR(sdev->regs), "no registers\n");
	INIT_DELAYED_WORK(&sdev->abandon, snnq_pci_abandon);
	pci_clear_master(pdev); /* an earlier kernel may have left it on */
	err = snnq_front_probe(sdev, &snnq_pci_front, pci_resource_len(pdev, SNNQ_PCI_BAR_REGS));
	if (err)
		return err;
	pci_save_state(pdev); /* as whenever it wakes, for snnq_pci_slot_reset() */
	pm_runtime_allow(&pdev->dev);
	snnq_front_let_sleep(&pdev->dev);
	return 0;
}

static void snnq_pci_remove(struct pci_dev *pdev)
{
	struct snnq_device *sdev = pci_get_drvdata(pdev);

	pm_runtime_forbid(&pdev->dev);
	pm_runtime_get_noresume(&pdev->dev);
	pm_runtime_dont_use_autosuspend(&pdev->dev);
	cancel_delayed_work_sync(&sdev->abandon);
	snnq_front_remove(sdev);
}

/* Before another kernel takes over: no more DMA. */
static void snnq_pci_shutdown(struct pci_dev *pdev)
{
	snnq_pci_remove(pdev);
}

static int snnq_pci_suspend(struct device *dev)
{
	return snnq_front_suspend(dev_get_drvdata(dev));
}

static int snnq_pci_resume(struct device *dev)
{
	pci_save_state(to_pci_dev(dev));
	return snnq_recover_resume(dev_get_drvdata(dev), NULL);
}

static int snnq_pci_runtime_suspend(struct device *dev)
{
	return snnq_front_doze(dev_get_drvdata(dev));
}

static int snnq_pci_runtime_resume(struct device *dev)
{
	pci_save_state(to_pci_dev(dev));
	snnq_recover_wake(dev_get_drvdata(dev));
	return 0;
}

static const struct dev_pm_ops snnq_pci_pm = {
	SYSTEM_SLEEP_PM_OPS(snnq_pci_suspend, snnq_pci_resume)
		RUNTIME_PM_OPS(snnq_pci_runtime_suspend, snnq_pci_runtime_resume, NULL)
};

/* Somebody resets the function. What it does meanwhile is no answer to us. */
static void snnq_pci_reset_prepare(struct pci_dev *pdev)
{
	struct snnq_device *sdev = pci_get_drvdata(pdev);

	snnq_recover_halt(sdev);
	snnq_pci_sync_irqs(sdev);
}

static void snnq_pci_reset_done(struct pci_dev *pdev)
{
	snnq_recover_resume(pci_get_drvdata(pdev), NULL);
}

/* The bus lost something. What jobs did since is undone by running them again. */
static pci_ers_result_t snnq_pci_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct snnq_device *sdev = pci_get_drvdata(pdev);

	snnq_recover_halt(sdev);
	snnq_pci_sync_irqs(sdev);
	if (state != pci_channel_io_perm_failure) {
		mod_delayed_work(system_wq, &sdev->abandon, msecs_to_jiffies(SNNQ_BUS_RECOVERY_MS));
		return PCI_ERS_RESULT_NEED_RESET;
	}
	snnq_recover_resume(sdev, "is cut off from its bus");
	return PCI_ERS_RESULT_DISCONNECT;
}

/*
 * The link was reset, or the error did not harm it. It is enabled all the time as far as the
 * kernel knows; its state says so to the device.
 */
static pci_ers_result_t snnq_pci_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	pci_save_state(pdev);
	pci_set_master(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

static void snnq_pci_error_resume(struct pci_dev *pdev)
{
	struct snnq_device *sdev = pci_get_drvdata(pdev);

	cancel_delayed_work_sync(&sdev->abandon);
	snnq_recover_resume(sdev, NULL);
}

static const struct pci_error_handlers snnq_pci_errors = {
	.error_detected = snnq_pci_error_detected,
	.slot_reset = snnq_pci_slot_reset,
	.resume = snnq_pci_error_resume,
	.reset_prepare = snnq_pci_reset_prepare,
	.reset_done = snnq_pci_reset_done,
};

static const struct pci_device_id snnq_pci_ids[] = {
	{ PCI_DEVICE(SNNQ_PCI_VENDOR_ID, SNNQ_PCI_DEVICE_ID) }, {}
};
MODULE_DEVICE_TABLE(pci, snnq_pci_ids);

static struct pci_driver snnq_pci_driver = {
	.name = SNNQ_DRIVER_NAME,
	.id_table = snnq_pci_ids,
	.probe = snnq_pci_probe,
	.remove = snnq_pci_remove,
	.shutdown = snnq_pci_shutdown,
	.err_handler = &snnq_pci_errors,
	.driver.pm = pm_ptr(&snnq_pci_pm),
};

int snnq_pci_register(void)
{
	return pci_register_driver(&snnq_pci_driver);
}

void snnq_pci_unregister(void)
{
	pci_unregister_driver(&snnq_pci_driver);
}
