// SPDX-License-Identifier: GPL-2.0-only
/*
 * hwmon: temperature and power, for sensors(1) and its like.
 */
#include <linux/hwmon.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include <drm/drm_print.h>

#include "snnq_device.h"

static umode_t snnq_hwmon_is_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
				     int channel)
{
	return 0444;
}

/* Asking does not wake the device: one that sleeps has no data. */
static int snnq_hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel,
			   long *value)
{
	s32 temperature;
	u32 power;

	if (!snnq_device_sensors(dev_get_drvdata(dev), &temperature, &power))
		return -ENODATA;
	*value = type == hwmon_temp ? temperature : min_t(unsigned long, power, LONG_MAX);
	return 0;
}

static const struct hwmon_ops snnq_hwmon_ops = {
	.is_visible = snnq_hwmon_is_visible,
	.read = snnq_hwmon_read,
};

static const struct hwmon_channel_info *snnq_hwmon_channels[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT),
	HWMON_CHANNEL_INFO(power, HWMON_P_INPUT),
	NULL,
};

static const struct hwmon_chip_info snnq_hwmon_chip = {
	.ops = &snnq_hwmon_ops,
	.info = snnq_hwmon_channels,
};

/* It goes with the driver. A device without is none the worse. */
void snnq_hwmon_init(struct snnq_device *sdev)
{
	struct device *hwmon;

	if (!IS_REACHABLE(CONFIG_HWMON))
		return;
	hwmon = devm_hwmon_device_register_with_info(sdev->drm.dev, SNNQ_DRIVER_NAME, sdev,
						     &snnq_hwmon_chip, NULL);
	if (IS_ERR(hwmon))
		drm_warn(&sdev->drm, "no hwmon: error %ld\n", PTR_ERR(hwmon));
}
