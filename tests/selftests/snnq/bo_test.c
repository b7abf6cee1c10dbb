// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: mapping, sharing, lifetime.
 * Catches: stale data in new buffers, wrong page lists for large or offset
 * buffers, imported buffers that die with their exporter, handles that outlive.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snnq_harness.h"
#include "snnq_life.h"
#include "snnq_test.h"

FIXTURE(bo)
{
	int fd;
};

FIXTURE_SETUP(bo)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
}

FIXTURE_TEARDOWN(bo)
{
	if (self->fd >= 0)
		close(self->fd);
}

TEST_F(bo, size_is_rounded_and_content_is_zero)
{
	struct drm_snnq_bo_info info = {};
	struct test_bo bo;

	ASSERT_EQ(0, bo_create(self->fd, page_bytes() + 904, 0, &bo));
	EXPECT_EQ(2 * page_bytes(), bo.size);
	for (uint64_t i = 0; i < bo.size; i++)
		ASSERT_EQ(0, ((uint8_t *)bo.map)[i]);
	info.handle = bo.handle;
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_INFO, &info));
	EXPECT_EQ(2 * page_bytes(), info.size);
	EXPECT_EQ(0, info.bo_flags);
	info.flags = 1;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_INFO, &info));
	info.flags = 0;
	info.pad = 1;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_INFO, &info));
	bo_destroy(&bo);
}

TEST_F(bo, mapping_outlives_the_handle)
{
	struct drm_gem_close arg = {};
	struct test_bo bo;

	ASSERT_EQ(0, bo_create(self->fd, 4096, 0, &bo));
	arg.handle = bo.handle;
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_GEM_CLOSE, &arg));
	memset(bo.map, 0x5a, bo.size);
	EXPECT_EQ(0x5a, ((uint8_t *)bo.map)[bo.size - 1]);
	munmap(bo.map, bo.size);
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_GEM_CLOSE, &arg));
}

TEST_F(bo, mmap_refuses_what_is_no_buffer)
{
	struct drm_snnq_bo_info info = { .handle = 555 };
	struct test_bo bo;

	EXPECT_EQ(-ENOENT, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_INFO, &info));
	ASSERT_EQ(0, bo_create(self->fd, 4096, 0, &bo));
	info = (struct drm_snnq_bo_info){ .handle = bo.handle };
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_INFO, &info));
	/* longer than the buffer, and next to it */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * page_bytes(), PROT_READ, MAP_SHARED, self->fd,
				   (off_t)info.mmap_offset));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd,
				   (off_t)info.mmap_offset + (1 << 30)));
	bo_destroy(&bo);
}

TEST_F(bo, info_tells_where_to_map)
{
	struct drm_snnq_bo_info info = {};
	struct test_bo bo;
	uint8_t *again;

	ASSERT_EQ(0, bo_create(self->fd, page_bytes(), DRM_SNNQ_BO_DEVICE_READONLY, &bo));
	info.handle = bo.handle;
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_INFO, &info));
	EXPECT_EQ(DRM_SNNQ_BO_DEVICE_READONLY, info.bo_flags);
	EXPECT_EQ(0, info.flags);
	again = mmap(NULL, bo.size, PROT_READ, MAP_SHARED, self->fd, (off_t)info.mmap_offset);
	ASSERT_NE(MAP_FAILED, again);
	((uint8_t *)bo.map)[17] = 0x5a;
	EXPECT_EQ(0x5a, again[17]);
	munmap(again, bo.size);
	bo_destroy(&bo);
}

static bool booted_with(const char *word)
{
	char line[4096] = "";
	int fd = open("/proc/cmdline", O_RDONLY);

	if (fd >= 0) {
		if (read(fd, line, sizeof(line) - 1) < 0)
			line[0] = 0;
		close(fd);
	}
	return strstr(line, word);
}

/*
 * Emulated machines are coherent, unless the kernel puts something between: by force, or as the
 * device does not reach all memory, where whoever boots says so.
 */
TEST_F(bo, coherence_is_told)
{
	bool told = dev_info(self->fd).flags & DRM_SNNQ_DEV_COHERENT;

	if (booted_with("swiotlb=")) {
		EXPECT_FALSE(told);
	} else if (!booted_with("iommu")) {
		EXPECT_TRUE(told);
	}
}

/* Runs one job on buffers of the caller's choice and compares. */
static int run_once(int fd, struct test_net *net, struct test_job *j)
{
	uint32_t stream, syncobj, binary;
	int ret = stream_create(fd, net->model, &stream);

	if (!ret)
		ret = syncobj_create(fd, &syncobj);
	if (ret)
		return ret;
	j->job.stream = stream;
	j->sync[0].handle = syncobj;
	ret = job_track(fd, j, &binary);
	if (!ret)
		ret = submit(fd, &j->job, 1, NULL);
	if (!ret)
		ret = timeline_wait(fd, syncobj, 1, 20000);
	if (!ret)
		ret = job_status(fd, binary);
	return ret;
}

/* All three regions in one buffer of several list pages, at odd places. */
TEST_F(bo, regions_inside_one_large_buffer)
{
	const uint64_t size = 3ull << 20, at[3] = { 2093056 + 64, 4096 * 511 - 320, 192 };
	struct test_net net;
	struct test_bo big;
	struct test_job j;

	ASSERT_EQ(0, net_create(self->fd, 128, 3, &net));
	ASSERT_EQ(0, bo_create(self->fd, size, 0, &big));
	job_fill(&j, &net, 0, 0, 128, 0, 1);
	memcpy((char *)big.map + at[0] + 8192, net.weights.map, WEIGHT_BYTES);
	memcpy((char *)big.map + at[1], net.input.map, 128 * CHANNELS / 8);
	for (int i = 0; i < 3; i++)
		j.binding[i].handle = big.handle;
	j.binding[0].offset = at[0] + 8192;
	j.binding[0].size = WEIGHT_BYTES;
	j.binding[1].offset = at[1];
	j.binding[2].offset = at[2];
	ASSERT_EQ(0, bo_flush(&big));
	ASSERT_EQ(0, run_once(self->fd, &net, &j));
	ASSERT_EQ(0, bo_fetch(&big));
	net_expect(&net, 0, 128);
	EXPECT_EQ(0, memcmp((char *)big.map + at[2], net.sum, sizeof(net.sum)));
	/* nothing beside the readout was written */
	for (uint64_t i = at[2] + READOUT_BYTES; i < at[1]; i++)
		ASSERT_EQ(0, ((uint8_t *)big.map)[i]);
	bo_destroy(&big);
	net_destroy(&net);
}

TEST_F(bo, prime_between_two_files)
{
	struct drm_prime_handle out = { .flags = DRM_CLOEXEC | DRM_RDWR, .fd = -1 }, in;
	struct test_net net;
	struct test_job j;
	int other = snnq_test_open();

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, net_create(self->fd, 64, 4, &net));
	out.handle = net.readout.handle;
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &out));
	in = (struct drm_prime_handle){ .fd = out.fd };
	ASSERT_EQ(0, snnq_ioctl(other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &in));
	close(out.fd);
	close(other);
	job_fill(&j, &net, 0, 0, 64, 0, 1);
	ASSERT_EQ(0, run_once(self->fd, &net, &j));
	net_expect(&net, 0, 64);
	EXPECT_TRUE(net_matches(&net));
	net_destroy(&net);
}

/* Input from another driver's memory, without a copy. */
TEST_F(bo, import_from_another_driver)
{
	struct drm_prime_handle prime = {};
	struct drm_snnq_bo_info info = {};
	struct test_bo imported;
	struct test_net net;
	struct test_job j;
	void *map = MAP_FAILED;
	int buf = foreign_dmabuf(page_bytes(), &map);

	if (buf < 0)
		SKIP(return, "no memory of another driver");
	ASSERT_NE(MAP_FAILED, map);
	prime.fd = buf;
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime));
	close(buf);
	info.handle = prime.handle;
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_INFO, &info));
	EXPECT_TRUE(info.bo_flags & DRM_SNNQ_BO_IMPORTED);
	EXPECT_EQ(0, info.mmap_offset);
	ASSERT_EQ(0, net_create(self->fd, 64, 5, &net));
	imported = (struct test_bo){
		.fd = self->fd,
		.handle = prime.handle,
		.size = page_bytes(),
	};
	ASSERT_EQ(0, bo_fetch(&imported));
	memcpy(map, net.input.map, 64 * CHANNELS / 8);
	ASSERT_EQ(0, bo_flush(&imported));
	job_fill(&j, &net, 0, 0, 64, 0, 1);
	j.binding[1].handle = prime.handle;
	ASSERT_EQ(0, run_once(self->fd, &net, &j));
	net_expect(&net, 0, 64);
	EXPECT_TRUE(net_matches(&net));
	net_destroy(&net);
	munmap(map, page_bytes());
}

TEST_HARNESS_MAIN
