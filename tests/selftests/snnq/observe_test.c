// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's common interfaces tell of devices and clients: hwmon, fdinfo, and the
 * uevent of a device that was given up.
 * Catches: sensors that wake the device or speak while it sleeps, time and memory of one
 * client in another's account, memory without a handle that is not counted, a device that
 * is given up in silence or told of twice.
 *
 * Wants to be the only user of the device. Injection registers as in fault_test.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define HWMON	"/sys/class/hwmon"
#define CLIENTS 4
#define SLOW_NS 2000000

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

/* ---- fdinfo ---- */

/* Half of the clients have a job each that lasts; the others have nothing to do. */
TEST_F_TIMEOUT(observe, each_client_has_its_own_time_and_memory, 300)
{
	volatile uint32_t *regs = map_registers();
	long long before[CLIENTS], during[CLIENTS], sum = 0;
	uint32_t stream[CLIENTS], syncobj[CLIENTS];
	struct test_net net[CLIENTS];
	struct test_job j[CLIENTS];
	int fd[CLIENTS];

	if (!regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	for (uint32_t i = 0; i < CLIENTS; i++) {
		fd[i] = snnq_test_open();
		ASSERT_EQ(0, net_create(fd[i], STEPS, i, &net[i]));
		ASSERT_EQ(0, stream_create(fd[i], net[i].model, &stream[i]));
		ASSERT_EQ(0, syncobj_create(fd[i], &syncobj[i]));
		before[i] = fdinfo(fd[i], "drm-engine-core");
		EXPECT_EQ(0, before[i]);
		for (uint32_t k = 0; k < i; k++)
			EXPECT_NE(fdinfo(fd[k], "drm-client-id"), fdinfo(fd[i], "drm-client-id"));
	}
	inject(regs, SNNQ_INJECT_SLOW_NS, SLOW_NS);
	for (uint32_t i = 0; i < CLIENTS / 2; i++) {
		job_fill(&j[i], &net[i], stream[i], 0, STEPS, syncobj[i], 1);
		ASSERT_EQ(0, submit(fd[i], &j[i].job, 1, NULL));
	}
	for (uint32_t i = 0; i < CLIENTS / 2; i++)
		ASSERT_EQ(0, timeline_wait(fd[i], syncobj[i], 1, 60000));
	inject(regs, SNNQ_INJECT_SLOW_NS, 0);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct drm_snnq_stats s = stats(fd[i], DRM_SNNQ_QUERY_FILE_STATS);

		during[i] = fdinfo(fd[i], "drm-engine-core");
		EXPECT_EQ((long long)s.busy_ns, during[i]);
		EXPECT_EQ((long long)s.cycles, fdinfo(fd[i], "drm-cycles-core"));
		EXPECT_EQ((long long)(s.memory_bytes >> 10), fdinfo(fd[i], "snnq-memory"));
		/* four tiles of two layers at least; nothing for those who did nothing */
		EXPECT_EQ(i < CLIENTS / 2, during[i] >= 8ll * SLOW_NS);
		EXPECT_EQ(i<CLIENTS / 2, during[i]> 0);
		sum += during[i];
	}
	EXPECT_LE(sum, (long long)stats(self->fd, DRM_SNNQ_QUERY_DEV_STATS).busy_ns);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		net_destroy(&net[i]);
		close(fd[i]);
	}
	unmap_registers(regs);
}

/* Programs, state and tables have no handle, and yet their client's account has them. */
TEST_F(observe, memory_without_a_handle_counts)
{
	long long visible = fdinfo(self->fd, "drm-total-memory");
	long long memory = fdinfo(self->fd, "snnq-memory");
	struct drm_snnq_stream_destroy destroy;
	uint32_t stream, handle;

	/* three buffers have handles */
	EXPECT_EQ((long long)(3 * ((4096 + page_bytes() - 1) / page_bytes()) * page_bytes() >> 10),
		  visible);
	EXPECT_LT(visible, memory);
	ASSERT_EQ(0, long_model_create(self->fd, STEPS, 300000, &handle));
	EXPECT_EQ(visible, fdinfo(self->fd, "drm-total-memory"));
	EXPECT_LE(memory + 290, fdinfo(self->fd, "snnq-memory"));
	memory = fdinfo(self->fd, "snnq-memory");
	ASSERT_EQ(0, stream_create(self->fd, handle, &stream));
	EXPECT_LT(memory, fdinfo(self->fd, "snnq-memory"));
	EXPECT_EQ(visible, fdinfo(self->fd, "drm-total-memory"));
	destroy = (struct drm_snnq_stream_destroy){ .handle = stream };
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &destroy));
	EXPECT_EQ(memory, fdinfo(self->fd, "snnq-memory"));
}

/* ---- the device is given up ---- */

static int listen_uevents(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	return fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a)) ? fd : -1;
}

/* The value of a key of a uevent, or "". */
static const char *key_of(const char *text, size_t bytes, const char *key)
{
	for (const char *at = text; at < text + bytes; at += strlen(at) + 1)
		if (!strncmp(at, key, strlen(key)) && at[strlen(key)] == '=')
			return at + strlen(key) + 1;
	return "";
}

/* The next uevent with WEDGED within @ms, in @text; its bytes, or 0. */
static size_t wedged_event(int fd, int ms, char text[4096])
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, ms) > 0) {
		ssize_t n = recv(fd, text, 4095, 0);

		if (n <= 0)
			return 0;
		text[n] = 0;
		if (*key_of(text, (size_t)n, "WEDGED"))
			return (size_t)n;
	}
	return 0;
}

TEST_F_TIMEOUT(observe, a_device_that_is_given_up_is_told_once, 300)
{
	volatile uint32_t *regs = map_registers();
	int uevents = listen_uevents();
	char text[4096], path[64];
	struct test_job j;
	size_t n;

	if (!regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	ASSERT_LE(0, uevents);
	ASSERT_TRUE(node_path(self->fd, path));
	inject(regs, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_DEVICE);
	inject(regs, SNNQ_INJECT_DEV_ERROR, SNNQ_DEV_ERROR_FATAL);
	n = wedged_event(uevents, 100000, text);
	ASSERT_LT(0, n);
	EXPECT_STREQ("rebind,bus-reset", key_of(text, n, "WEDGED"));
	EXPECT_STREQ("change", key_of(text, n, "ACTION"));
	if (strstr(path, "accel")) {
		EXPECT_STREQ("accel", key_of(text, n, "SUBSYSTEM"));
		EXPECT_STREQ(path + strlen("/dev/"), key_of(text, n, "DEVNAME"));
	} else {
		EXPECT_STREQ("drm", key_of(text, n, "SUBSYSTEM"));
		EXPECT_EQ(key_of(text, n, "DEVNAME"),
			  strstr(key_of(text, n, "DEVNAME"), "dri/card"));
	}
	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	EXPECT_EQ(-EIO, submit(self->fd, &j.job, 1, NULL));
	inject(regs, SNNQ_INJECT_DEV_ERROR, SNNQ_DEV_ERROR_FATAL);
	EXPECT_EQ(0, wedged_event(uevents, 2000, text));
	inject(regs, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_NONE);
	/* what the event says helps */
	ASSERT_TRUE(device_unbind(self->pci));
	ASSERT_TRUE(device_bind(self->pci));
	EXPECT_TRUE(device_works(snnq_test_open()));
	EXPECT_EQ(0, wedged_event(uevents, 500, text));
	close(uevents);
	unmap_registers(regs);
}

TEST_HARNESS_MAIN
