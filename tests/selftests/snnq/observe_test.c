// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's common interfaces tell of devices: hwmon.
 * Catches: sensors that wake the device or speak while it sleeps.
 *
 * Wants to be the only user of the device. Injection registers as in fault_test.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "fault.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define HWMON "/sys/class/hwmon"

FIXTURE(observe)
{
	int fd;
	char pci[32];
	struct test_net net;
	uint32_t stream, syncobj;
};

FIXTURE_SETUP(observe)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_TRUE(pci_name(self->fd, self->pci));
	ASSERT_EQ(0, net_create(self->fd, STEPS, 19, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(observe)
{
	if (self->fd < 0)
		return;
	net_destroy(&self->net);
	close(self->fd);
}

/* ---- hwmon ---- */

/* The first line of a file; -errno of reading it. */
static int read_line(const char *path, char text[64])
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, 63) : -1;
	int error = errno;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return n >= 0 ? 0 : -error;
}

/* The folder of the device's sensors. */
static bool find_hwmon(const char *pci, char folder[300])
{
	char text[64], path[320], target[300];
	DIR *dir = opendir(HWMON);
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		ssize_t n;

		snprintf(folder, 300, HWMON "/%s", e->d_name);
		snprintf(path, sizeof(path), "%s/name", folder);
		if (read_line(path, text) || strcmp(text, "snnq"))
			continue;
		snprintf(path, sizeof(path), "%s/device", folder);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		found = n > 0 && !strcmp(strrchr(target, '/') + 1, pci);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* A sensor's value, or -errno. */
static long sensor(const char *folder, const char *name)
{
	char path[340], text[64];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ret = read_line(path, text);
	return ret ? ret : atol(text);
}

static bool asleep(const char *pci)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status", pci);
	return !read_line(path, text) && !strcmp(text, "suspended");
}

static bool control(const char *pci, const char *how)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control", pci);
	return write_text(path, how);
}

TEST_F_TIMEOUT(observe, sensors_speak_while_the_device_is_awake, 300)
{
	char folder[300];
	long celsius, watt;

	if (access(HWMON, F_OK))
		SKIP(return, "the kernel has no hwmon");
	ASSERT_TRUE(find_hwmon(self->pci, folder));
	ASSERT_TRUE(control(self->pci, "on"));
	ASSERT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	celsius = sensor(folder, "temp1_input");
	watt = sensor(folder, "power1_input");
	EXPECT_TRUE(celsius > 0 && celsius < 150000) TH_LOG("%ld millidegrees", celsius);
	EXPECT_TRUE(watt > 0 && watt < 1000000000) TH_LOG("%ld microwatts", watt);
	ASSERT_TRUE(control(self->pci, "auto"));
	for (int ms = 0; ms < 20000 && !asleep(self->pci); ms += 10) {
		usleep(10000);
		sensor(folder, "temp1_input"); /* does not keep it awake */
	}
	ASSERT_TRUE(asleep(self->pci));
	EXPECT_EQ(-ENODATA, sensor(folder, "temp1_input"));
	EXPECT_EQ(-ENODATA, sensor(folder, "power1_input"));
	EXPECT_TRUE(asleep(self->pci));
	ASSERT_TRUE(device_unbind(self->pci));
	EXPECT_FALSE(find_hwmon(self->pci, folder));
	ASSERT_TRUE(device_bind(self->pci));
	EXPECT_TRUE(find_hwmon(self->pci, folder));
}

TEST_HARNESS_MAIN
