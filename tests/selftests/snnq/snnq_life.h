/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of lifetimes: the device behind a node, removing and binding it, dma-bufs of
 * ours and of others, and a fence that signals when the test says so.
 */
#ifndef SNNQ_LIFE_H
#define SNNQ_LIFE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "snnq_test.h"

#define LIFE __attribute__((unused)) static

/*
 * Name of the device behind an open node, on PCI its address; the devices of a node have a
 * "device" link.
 */
LIFE bool pci_name(int fd, char name[32])
{
	char path[80], target[300];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return false;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = 0;
	snprintf(name, 32, "%.31s", strrchr(target, '/') + 1);
	return true;
}

LIFE bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = fd >= 0 ? write(fd, text, strlen(text)) : -1;

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text);
}

/* The folder of a device's bus in sysfs, and a file there. */
LIFE const char *bus_of(const char *name)
{
	return strchr(name, ':') ? "/sys/bus/pci" : "/sys/bus/platform";
}

LIFE bool write_driver(const char *name, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/drivers/snnq/%s", bus_of(name), file);
	return write_text(path, name);
}

LIFE bool device_unbind(const char *name)
{
	return write_driver(name, "unbind");
}

LIFE bool device_bind(const char *name)
{
	return write_driver(name, "bind");
}

/* As if it were pulled out, and put in again; what cannot be is unbound and bound. */
LIFE bool device_remove(const char *name)
{
	char path[80];

	if (!strchr(name, ':'))
		return device_unbind(name);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", name);
	return write_text(path, "1");
}

LIFE bool device_rescan(const char *name)
{
	char path[80];

	if (!strchr(name, ':'))
		return device_bind(name);
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/snnq/%s", name);
	return write_text("/sys/bus/pci/rescan", "1") && !access(path, F_OK);
}

LIFE int dmabuf_sync(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync s = { .flags = flags | DMA_BUF_SYNC_RW };

	return snnq_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &s);
}

LIFE int bo_sync(int fd, uint32_t handle, uint64_t size, uint32_t flags)
{
	struct drm_snnq_bo_sync s = { .handle = handle, .flags = flags, .size = size };

	return snnq_ioctl(fd, DRM_IOCTL_SNNQ_BO_SYNC, &s);
}

/* Kernels may lack udmabuf. */
LIFE int vgem_dmabuf(uint64_t bytes, void **map)
{
	struct test_gate gate;
	int buf = gate_create(bytes, true, &gate) ? -1 : dup(gate.dmabuf);

	gate_destroy(&gate);
	if (map && buf >= 0)
		*map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	return buf;
}

/* Memory of another driver, as a dma-buf; -1 when there is no such driver. @map: for the CPU. */
LIFE int foreign_dmabuf(uint64_t bytes, void **map)
{
	struct udmabuf_create create = { .size = bytes };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), mem, buf = -1;

	if (dev < 0)
		return vgem_dmabuf(bytes, map);
	mem = memfd_create("snnq", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	create.memfd = (uint32_t)mem;
	if (mem >= 0 && !ftruncate(mem, (off_t)bytes) && !fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK))
		buf = ioctl(dev, UDMABUF_CREATE, &create);
	if (map && buf >= 0)
		*map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
	close(mem);
	close(dev);
	return buf;
}

/* Status of a sync_file: 0 pending, 1 good, < 0 error. */
LIFE int fence_status(int sync_file)
{
	struct sync_file_info info = {};
	int ret = snnq_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);

	return ret ? ret : info.status;
}

LIFE int fence_wait(int sync_file, int timeout_ms)
{
	struct pollfd p = { .fd = sync_file, .events = POLLIN };

	poll(&p, 1, timeout_ms);
	return fence_status(sync_file);
}

LIFE int syncobj_sync_file(int fd, uint32_t syncobj)
{
	struct drm_syncobj_handle h = {
		.handle = syncobj,
		.fd = -1,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};
	int ret = snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &h);

	return ret ? ret : h.fd;
}

/* The first device computes right for a new user. */
LIFE bool device_works(int fd)
{
	uint32_t stream, syncobj;
	struct test_net net;
	struct test_job j;
	bool good = false;

	if (fd < 0)
		return false;
	if (!net_create(fd, 64, 7, &net) && !stream_create(fd, net.model, &stream) &&
	    !syncobj_create(fd, &syncobj)) {
		job_fill(&j, &net, stream, 0, 64, syncobj, 1);
		net_expect(&net, 0, 64);
		good = !submit(fd, &j.job, 1, NULL) && !timeline_wait(fd, syncobj, 1, 120000) &&
		       net_matches(&net);
	}
	net_destroy(&net);
	close(fd);
	return good;
}

LIFE long meminfo_kib(const char *key)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[200];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kib = atol(line + strlen(key));
	if (f)
		fclose(f);
	return kib;
}

#endif /* SNNQ_LIFE_H */
