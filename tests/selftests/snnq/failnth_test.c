// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation that a call makes fails once, the first, the second, ... until
 * the call gets through (/proc/self/task/TID/fail-nth).
 * Catches: error paths that leak, free twice or use what they freed; the checkers
 * and kmemleak of the debug kernel see it. Skips without CONFIG_FAULT_INJECTION.
 */
#include <drm.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "failnth.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define MAX_NTH 400

/* What a failed allocation may become: shmem calls it ENOSPC, a failed copy is EFAULT. */
static bool acceptable(int ret)
{
	return ret == 0 || ret == -ENOMEM || ret == -ENOSPC || ret == -EFAULT;
}

FIXTURE(failnth)
{
	int control;
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
	uint64_t point;
};

FIXTURE_SETUP(failnth)
{
	self->fd = -1;
	self->control = open_control();
	if (self->control < 0)
		SKIP(return, "kernel without CONFIG_FAULT_INJECTION");
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_EQ(0, net_create(self->fd, 64, 11, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(failnth)
{
	if (self->fd >= 0) {
		net_destroy(&self->net);
		close(self->fd);
	}
	if (self->control >= 0)
		close(self->control);
}

TEST_F_TIMEOUT(failnth, opening, 300)
{
	char path[64];
	int nth;

	ASSERT_TRUE(node_path(self->fd, path));
	for (nth = 1; nth < MAX_NTH; nth++) {
		int fd;

		arm(self->control, nth);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (!fired(self->control))
			break;
		if (fd >= 0)
			close(fd);
	}
	EXPECT_LT(nth, MAX_NTH);
}

/* A buffer that may have been made in part only. */
static void discard(int fd, struct test_bo *bo)
{
	bo->fd = fd;
	if (bo->map == (void *)-1)
		bo->map = NULL;
	bo_destroy(bo);
}

TEST_F_TIMEOUT(failnth, buffers_models_and_streams, 300)
{
	struct test_program program;
	int nth;

	program_fill(&program, 64);
	for (nth = 1; nth < MAX_NTH; nth++) {
		struct drm_snnq_stream_destroy stream = {};
		struct drm_snnq_model_destroy model = {};
		struct test_bo bo = {};
		int ret;
		bool hit;

		arm(self->control, nth);
		ret = bo_create(self->fd, 16384, 0, &bo);
		if (!ret)
			ret = model_create(self->fd, &program, program.header.total_bytes,
					   &model.handle);
		if (!ret)
			ret = stream_create(self->fd, model.handle, &stream.handle);
		hit = fired(self->control);
		if (stream.handle)
			snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &stream);
		if (model.handle)
			snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_DESTROY, &model);
		discard(self->fd, &bo);
		ASSERT_TRUE(acceptable(ret)) TH_LOG("failure %d: %d", nth, ret);
		if (!hit)
			break;
	}
	EXPECT_LT(nth, MAX_NTH);
}

/* A buffer that goes to another file and back, is mapped, moved between caches, and asked about. */
static int share(int fd, int other, struct test_bo *bo)
{
	struct drm_snnq_bo_info info = {};
	struct drm_gem_close closing = {};
	int dmabuf, ret;

	ret = bo_create(fd, 16384, 0, bo);
	if (ret)
		return ret;
	dmabuf = bo_export(fd, bo->handle);
	if (dmabuf < 0)
		return dmabuf;
	ret = bo_import(other, dmabuf, &closing.handle);
	close(dmabuf);
	if (ret)
		return ret;
	info.handle = closing.handle;
	ret = snnq_ioctl(other, DRM_IOCTL_SNNQ_BO_INFO, &info);
	if (!ret)
		ret = bo_flush(bo);
	if (!ret)
		ret = bo_fetch(bo);
	snnq_ioctl(other, DRM_IOCTL_GEM_CLOSE, &closing);
	return ret;
}

TEST_F_TIMEOUT(failnth, sharing, 300)
{
	int other = snnq_test_open(), nth;

	ASSERT_LE(0, other);
	for (nth = 1; nth < MAX_NTH; nth++) {
		struct test_bo bo = {};
		bool hit;
		int ret;

		arm(self->control, nth);
		ret = share(self->fd, other, &bo);
		hit = fired(self->control);
		discard(self->fd, &bo);
		ASSERT_TRUE(acceptable(ret)) TH_LOG("failure %d: %d", nth, ret);
		if (!hit)
			break;
	}
	EXPECT_LT(nth, MAX_NTH);
	close(other);
}

/* Time steps of the stream once nothing is queued. */
static uint64_t settled_steps(int fd, uint32_t stream)
{
	struct drm_snnq_stream_query q;

	while (!stream_query(fd, stream, &q) && q.queued)
		usleep(1000);
	return q.steps;
}

/*
 * A job is queued or refused; what was computed is right all the same. EFAULT may
 * also mean that it was queued and only the answer could not be copied out.
 */
TEST_F_TIMEOUT(failnth, submitting, 300)
{
	int nth;

	for (nth = 1; nth < MAX_NTH; nth++) {
		struct test_job j;
		bool hit;
		int ret;

		job_fill(&j, &self->net, self->stream, 0, 64, self->syncobj, self->point + 1);
		arm(self->control, nth);
		ret = submit(self->fd, &j.job, 1, NULL);
		hit = fired(self->control);
		ASSERT_TRUE(acceptable(ret)) TH_LOG("failure %d: %d", nth, ret);
		if (!ret ||
		    (ret == -EFAULT && settled_steps(self->fd, self->stream) > 64 * self->point)) {
			ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, ++self->point, 30000));
			net_expect(&self->net, 0, 64);
			ASSERT_TRUE(net_matches(&self->net)) TH_LOG("failure %d", nth);
		}
		if (!hit)
			break;
	}
	EXPECT_LT(nth, MAX_NTH);
}

/*
 * Whatever a task that asks for it allocates in more than 8 KiB, in a row, fails. Less does
 * not, for the checkers make objects of a page larger.
 */
static void fragment(bool on)
{
	static const char *const set[][2] = {
		{ "task-filter", "Y" }, { "min-order", "2" },	       { "times", "-1" },
		{ "interval", "1" },	{ "ignore-gfp-highmem", "N" },
	};
	char path[96];

	for (size_t i = 0; i < sizeof(set) / sizeof(*set); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/fail_page_alloc/%s", set[i][0]);
		write_file(path, set[i][1]);
	}
	write_file("/sys/kernel/debug/fail_page_alloc/probability", on ? "100" : "0");
}

/* Whether it does: the kernel keeps a pipe's slots, 40 bytes each, in one piece. */
static bool fragmented(void)
{
	int fd[2], ret;

	if (pipe(fd))
		return false;
	ret = fcntl(fd[0], F_SETPIPE_SZ, 1 << 20);
	close(fd[0]);
	close(fd[1]);
	return ret < 0;
}

/* Memory in small pieces is enough for the longest program, its jobs and profiles. */
TEST_F_TIMEOUT(failnth, fragmented_memory, 300)
{
	uint32_t bytes = dev_info(self->fd).max_program_bytes, model, stream;
	int ask = open("/proc/self/make-it-fail", O_RDWR | O_CLOEXEC);
	struct test_job j;
	bool works;
	int ret;

	ASSERT_GE(ask, 0);
	fragment(true);
	EXPECT_FALSE(fragmented());
	ASSERT_EQ(1, pwrite(ask, "1", 1, 0));
	works = fragmented();
	ret = long_model_create(self->fd, 64, bytes, &model);
	if (!ret)
		ret = stream_create(self->fd, model, &stream);
	if (!ret) {
		job_fill(&j, &self->net, stream, 0, 64, self->syncobj, 1);
		job_profile(&j.job, self->net.readout.handle, 2048, 160);
		ret = submit(self->fd, &j.job, 1, NULL);
	}
	ASSERT_EQ(1, pwrite(ask, "0", 1, 0));
	fragment(false);
	close(ask);
	EXPECT_TRUE(works);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 1, 60000));
	net_expect(&self->net, 0, 64);
	EXPECT_TRUE(net_matches(&self->net));
}

TEST_HARNESS_MAIN
