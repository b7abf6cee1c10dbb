// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two devices that use each other's buffers, of which one goes, then the other.
 * Catches: what is the driver's instead of the device's, buffers of one that die with the
 * other, attachments that outlive their device, a machine's memory that goes as often as it
 * has devices. Needs two devices, so it is not among the
 * tests that run everywhere.
 */
#include "snnq_harness.h"
#include "snnq_life.h"

FIXTURE(two)
{
	char name[32];
};

FIXTURE_SETUP(two)
{
	int fd = snnq_test_open();

	if (fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_TRUE(pci_name(fd, self->name));
	close(fd);
}

FIXTURE_TEARDOWN(two)
{
}

/* The device that is not @name. */
static int other_device(const char *name, char other[32])
{
	DIR *dir = opendir("/dev/accel");
	struct dirent *e;
	int fd = -1;

	while (dir && fd < 0 && (e = readdir(dir))) {
		char path[300];

		snprintf(path, sizeof(path), "/dev/accel/%s", e->d_name);
		fd = strncmp(e->d_name, "accel", 5) ? -1 : open(path, O_RDWR);
		if (fd >= 0 && (!pci_name(fd, other) || !strcmp(name, other))) {
			close(fd);
			fd = -1;
		}
	}
	if (dir)
		closedir(dir);
	return fd;
}

static int contains(const char *path, const char *text)
{
	FILE *f = fopen(path, "r");
	char line[1000];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, text);
	if (f)
		fclose(f);
	return n;
}

TEST_F_TIMEOUT(two, one_goes_while_the_other_works, 300)
{
	char second[32], core[48];
	uint32_t stream, syncobj, input, in2;
	int a, b, dmabuf, out;
	struct test_net net;
	struct test_bo bo;
	struct test_job j;
	void *map;

	b = other_device(self->name, second);
	if (b < 0)
		SKIP(return, "only one snnq device");
	a = other_device(second, core);
	ASSERT_GE(a, 0);
	/* names of interrupts are their devices' */
	snprintf(core, sizeof(core), "snnq-%s-core0", self->name);
	EXPECT_EQ(1, contains("/proc/interrupts", core));
	snprintf(core, sizeof(core), "snnq-%s-core0", second);
	EXPECT_EQ(1, contains("/proc/interrupts", core));
	/* the second computes on memory of the first, and exports to it */
	ASSERT_EQ(0, bo_create(a, 4096, 0, &bo));
	dmabuf = bo_export(a, bo.handle);
	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, net_create(b, 512, 12, &net));
	out = bo_export(b, net.readout.handle);
	ASSERT_GE(out, 0);
	ASSERT_EQ(0, bo_import(a, out, &in2));
	ASSERT_EQ(0, bo_import(b, dmabuf, &input));
	memcpy(bo.map, net.input.map, 4096);
	ASSERT_EQ(0, stream_create(b, net.model, &stream));
	ASSERT_EQ(0, syncobj_create(b, &syncobj));
	job_fill(&j, &net, stream, 0, 512, syncobj, 1);
	j.binding[1].handle = input;
	ASSERT_EQ(0, submit(b, &j.job, 1, NULL));
	ASSERT_TRUE(device_unbind(self->name));
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, timeline_wait(b, syncobj, 1, 120000));
	net_expect(&net, 0, 512);
	EXPECT_TRUE(net_matches(&net));
	job_fill(&j, &net, stream, 0, 512, syncobj, 2);
	j.binding[1].handle = input;
	ASSERT_EQ(0, submit(b, &j.job, 1, NULL));
	ASSERT_EQ(0, timeline_wait(b, syncobj, 2, 120000));
	net_expect(&net, 0, 512);
	EXPECT_TRUE(net_matches(&net));
	/* the importer goes first, then the exporter, then the files */
	ASSERT_TRUE(device_unbind(second));
	ASSERT_TRUE(device_bind(self->name));
	EXPECT_EQ(0, memcmp(map, net.input.map, 4096));
	close(dmabuf);
	close(a);
	munmap(map, 4096);
	bo_destroy(&bo);
	close(out);
	net_destroy(&net);
	close(b);
	ASSERT_TRUE(device_bind(second));
	EXPECT_TRUE(device_works(other_device(self->name, core)));
	EXPECT_TRUE(device_works(other_device(second, core)));
}

static int take(int fd, uint64_t bytes)
{
	struct drm_snnq_bo_create c = { .size = bytes };

	return snnq_ioctl(fd, DRM_IOCTL_SNNQ_BO_CREATE, &c);
}

/* All that a file may have, but for what pages lists take; what it was refused with. */
static int take_all(int fd, uint64_t piece)
{
	int err = 0;

	while (!err)
		err = take(fd, piece);
	return err;
}

/* Pinned memory is the machine's, through whichever device it was had. */
TEST_F_TIMEOUT(two, memory_is_shared_by_both, 300)
{
	int files[8], second, count = 0, err = -ENOSPC;
	char other[32];
	uint64_t piece;

	second = other_device(self->name, other);
	if (second < 0)
		SKIP(return, "only one snnq device");
	piece = stats(second, DRM_SNNQ_QUERY_FILE_STATS).memory_limit / 16;
	EXPECT_EQ(0, take(second, piece));
	/* the first file beyond all that there is for all learns that it is not its own limit */
	for (; count < 8 && err == -ENOSPC; count++) {
		files[count] = other_device(other, self->name);
		ASSERT_LE(0, files[count]);
		err = take_all(files[count], piece);
	}
	EXPECT_EQ(-ENOMEM, err);
	EXPECT_EQ(-ENOMEM, take(second, 2 * piece));
	while (count--)
		close(files[count]);
	EXPECT_EQ(0, take(second, 2 * piece));
	close(second);
}

TEST_HARNESS_MAIN
