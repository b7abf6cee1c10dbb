/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_telemetry.h - what others may learn of devices.
 */
#ifndef SNNQ_TELEMETRY_H
#define SNNQ_TELEMETRY_H

#include <linux/types.h>

struct snnq_device;

int snnq_netlink_init(void);
void snnq_netlink_exit(void);
int snnq_netlink_prepare(struct snnq_device *sdev);
void snnq_netlink_add(struct snnq_device *sdev);
void snnq_netlink_remove(struct snnq_device *sdev);

#endif /* SNNQ_TELEMETRY_H */
