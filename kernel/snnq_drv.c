// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module: it comes with its front ends and goes with them.
 */
#include <linux/module.h>

#include "snnq_compat.h"
#include "snnq_device.h"
#include "snnq_front.h"
#include "snnq_job.h"
#include "snnq_telemetry.h"

static int __init snnq_init(void)
{
	int err = snnq_jobs_init();

	if (err)
		return err;
	err = snnq_netlink_init();
	if (err)
		goto jobs;
	err = snnq_pci_register();
	if (err)
		goto netlink;
	err = snnq_of_register();
	if (err)
		goto pci;
	return 0;
pci:
	snnq_pci_unregister();
netlink:
	snnq_netlink_exit();
jobs:
	snnq_jobs_exit();
	return err;
}

static void __exit snnq_exit(void)
{
	snnq_of_unregister();
	snnq_pci_unregister();
	snnq_netlink_exit();
	snnq_jobs_exit();
}

module_init(snnq_init);
module_exit(snnq_exit);

MODULE_DESCRIPTION("Driver for the snnq spiking neural network coprocessor");
MODULE_LICENSE("GPL");
SNNQ_IMPORT_DMA_BUF;
