// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory and things that a client may have, and what it learns of others.
 * Catches: kernel memory outside of the memory cgroup or of the file's limit, limits that
 * end with the handle, one client that takes everything, counters of others, DMA addresses.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "snnq_harness.h"
#include "snnq_life.h"

#define MIB	 (1ul << 20)
#define LIMIT_MB "64"
#define PARAM	 "/sys/module/snnq/parameters/file_memory_mb"
#define CGROUP	 "/sys/fs/cgroup/snnq"

FIXTURE(memory)
{
	int fd;
};

FIXTURE_SETUP(memory)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
}

FIXTURE_TEARDOWN(memory)
{
	write_text(PARAM, "0");
	if (self->fd >= 0)
		close(self->fd);
}

static uint64_t memory(int fd)
{
	return stats(fd, DRM_SNNQ_QUERY_FILE_STATS).memory_bytes;
}

static int big_model(int fd, uint32_t mib, uint32_t *model)
{
	return long_model_create(fd, 16, (uint32_t)(mib * MIB), model);
}

static int bo_only(int fd, uint64_t size, uint32_t *handle)
{
	struct drm_snnq_bo_create c = { .size = size };
	int ret = snnq_ioctl(fd, DRM_IOCTL_SNNQ_BO_CREATE, &c);

	*handle = c.handle;
	return ret;
}

/* How many of something a process gets inside a cgroup of 64 MiB; 255: no cgroup. */
static int count_in_cgroup(int (*make)(int fd))
{
	pid_t pid = fork();
	int status, fd, n;

	if (!pid) {
		mkdir("/sys/fs/cgroup", 0755);
		mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
		write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
		mkdir(CGROUP, 0755);
		if (!write_text(CGROUP "/memory.max", LIMIT_MB "M") ||
		    !write_text(CGROUP "/cgroup.procs", "0"))
			_exit(255);
		fd = snnq_test_open();
		for (n = 0; n < 200 && !make(fd); n++)
			;
		_exit(n);
	}
	waitpid(pid, &status, 0);
	/* killed for its memory: it did not get it */
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static int make_model(int fd)
{
	uint32_t model;

	return big_model(fd, 3, &model);
}

static int make_bo(int fd)
{
	uint32_t handle;

	return bo_only(fd, 3 * MIB, &handle);
}

/* Neither kind goes beyond the limit, and programs are no longer free. */
TEST_F_TIMEOUT(memory, a_cgroup_bounds_programs_and_buffers, 300)
{
	int n = count_in_cgroup(make_model);

	if (n == 255)
		SKIP(return, "no memory cgroup");
	EXPECT_LT(n, 22);
	EXPECT_LT(count_in_cgroup(make_bo), 22);
}

/* All kinds count, and go back. */
TEST_F_TIMEOUT(memory, everything_counts_and_goes_back, 300)
{
	uint64_t start = memory(self->fd), before;
	struct drm_snnq_model_destroy dm = {};
	struct drm_snnq_stream_destroy ds = {};
	struct drm_gem_close close_arg = {};
	int foreign = foreign_dmabuf(MIB, NULL);

	ASSERT_LT(start, 1u << 20);
	ASSERT_EQ(0, big_model(self->fd, 3, &dm.handle));
	EXPECT_GE(memory(self->fd), start + 3 * MIB);
	before = memory(self->fd);
	ASSERT_EQ(0, stream_create(self->fd, dm.handle, &ds.handle));
	EXPECT_GT(memory(self->fd), before);
	before = memory(self->fd);
	ASSERT_EQ(0, bo_only(self->fd, MIB, &close_arg.handle));
	EXPECT_GT(memory(self->fd), before + MIB);
	before = memory(self->fd);
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_GEM_CLOSE, &close_arg));
	EXPECT_LE(memory(self->fd), before - MIB);
	ASSERT_GE(foreign, 0);
	before = memory(self->fd);
	ASSERT_EQ(0, bo_import(self->fd, foreign, &close_arg.handle));
	EXPECT_GT(memory(self->fd), before + MIB);
	close(foreign);
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_GEM_CLOSE, &close_arg));
	EXPECT_EQ(memory(self->fd), before);
	/* a destroyed model counts until its stream is gone */
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_DESTROY, &dm));
	EXPECT_GE(memory(self->fd), start + 3 * MIB);
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &ds));
	EXPECT_EQ(memory(self->fd), start);
}

/* Each kind ends at the limit, and the limit is this file's only. */
TEST_F_TIMEOUT(memory, a_file_has_a_limit, 300)
{
	uint32_t handle = 0;
	int other, foreign, n, ret = 0;

	ASSERT_TRUE(write_text(PARAM, LIMIT_MB));
	EXPECT_EQ(64 * MIB, stats(self->fd, DRM_SNNQ_QUERY_FILE_STATS).memory_limit);
	for (n = 0; n < 40 && !(ret = big_model(self->fd, 3, &handle)); n++)
		;
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_GE(21, n);
	EXPECT_LE(64 * MIB - 4 * MIB, memory(self->fd));
	EXPECT_EQ(-ENOSPC, bo_only(self->fd, 4 * MIB, &handle));
	foreign = foreign_dmabuf(4 * MIB, NULL);
	ASSERT_GE(foreign, 0);
	EXPECT_EQ(-ENOSPC, bo_import(self->fd, foreign, &handle));
	/* somebody else's is not touched by it */
	other = snnq_test_open();
	EXPECT_EQ(0, bo_import(other, foreign, &handle));
	EXPECT_EQ(0, bo_only(other, 32 * MIB, &handle));
	close(other);
	close(foreign);
}

/* One file gets a share of what there is for all. */
TEST_F(memory, nobody_takes_all)
{
	struct drm_snnq_stats all = stats(self->fd, DRM_SNNQ_QUERY_DEV_STATS);
	struct drm_snnq_stats mine = stats(self->fd, DRM_SNNQ_QUERY_FILE_STATS);
	uint32_t handle;

	EXPECT_GT(all.memory_limit, 0);
	EXPECT_GT(mine.memory_limit, 0);
	EXPECT_LE(mine.memory_limit, all.memory_limit / 2);
	EXPECT_EQ(-ENOSPC, bo_only(self->fd, mine.memory_limit, &handle));
}

/* Streams that were destroyed wait for a fence: they count. */
TEST_F_TIMEOUT(memory, destroyed_streams_count, 300)
{
	struct drm_snnq_stream_destroy d = {};
	/* 26 MB are counted; a checking kernel keeps books of them, and frees late. */
	const long most = 80 << 10;
	struct test_gate gate;
	struct test_net net;
	uint32_t gate_sync;
	long free_before;
	int n, ret = 0;

	ASSERT_EQ(0, net_create(self->fd, 64, 13, &net));
	ASSERT_EQ(0, gate_for_jobs(self->fd, &gate, &gate_sync));
	free_before = meminfo_kib("MemAvailable:");
	for (n = 0; n < 3000 && !ret; n++) {
		struct test_job j;

		ret = stream_create(self->fd, net.model, &d.handle);
		if (ret)
			break;
		job_fill(&j, &net, d.handle, 0, 1, 0, 0);
		job_sync(&j, gate_sync, DRM_SNNQ_SYNC_WAIT, 0);
		ret = submit(self->fd, &j.job, 1, NULL);
		snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &d);
	}
	TH_LOG("%d streams made and destroyed, then %d; %llu bytes counted", n, ret,
	       (unsigned long long)memory(self->fd));
	/* the limit holds, or they are gone in truth, but for what workers and RCU are still at */
	if (ret) {
		EXPECT_EQ(-ENOSPC, ret);
	} else {
		for (n = 0; n < 100 && free_before - meminfo_kib("MemAvailable:") >= most; n++)
			usleep(50000);
		TH_LOG("%ld KiB of memory less after %d ms",
		       free_before - meminfo_kib("MemAvailable:"), n * 50);
		EXPECT_GT(most, free_before - meminfo_kib("MemAvailable:"));
	}
	EXPECT_GE(40 * MIB, memory(self->fd));
	gate_destroy(&gate);
	for (n = 0; n < 1000 && memory(self->fd) > 2 * MIB; n++)
		usleep(50000);
	TH_LOG("gone after %d ms", n * 50);
	EXPECT_GE(2 * MIB, memory(self->fd));
	EXPECT_EQ(0, stream_create(self->fd, net.model, &d.handle));
}

/* Models live on in their streams; a file has no more of them than it may. */
TEST_F_TIMEOUT(memory, destroyed_models_count, 300)
{
	struct test_program p;
	uint32_t stream;
	int n, ret = 0;

	program_fill(&p, 16);
	for (n = 0; n < 2 * (int)dev_info(self->fd).max_models && !ret; n++) {
		struct drm_snnq_model_destroy d = {};

		ret = model_create(self->fd, &p, p.header.total_bytes, &d.handle);
		if (ret)
			break;
		ret = stream_create(self->fd, d.handle, &stream);
		snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_DESTROY, &d);
	}
	EXPECT_EQ(dev_info(self->fd).max_models, n);
	EXPECT_EQ(-ENOSPC, ret);
}

#define PER_CALL 64

TEST_F_TIMEOUT(memory, queued_jobs_have_a_limit, 300)
{
	const struct drm_snnq_dev_info info = dev_info(self->fd);
	static struct test_job j[PER_CALL];
	struct drm_snnq_job jobs[PER_CALL];
	uint32_t gate_sync, stream, streams;
	struct test_net net;
	struct test_gate gate;
	int n = 0, ret = 0;

	ASSERT_EQ(0, net_create(self->fd, 64, 14, &net));
	ASSERT_EQ(0, gate_for_jobs(self->fd, &gate, &gate_sync));
	for (streams = 0; streams < 40 && !ret; streams++) {
		ASSERT_EQ(0, stream_create(self->fd, net.model, &stream));
		for (uint32_t k = 0; k < info.max_queued_stream / PER_CALL && !ret; k++) {
			for (int i = 0; i < PER_CALL; i++) {
				job_fill(&j[i], &net, stream, 0, 1, 0, 0);
				job_sync(&j[i], gate_sync, DRM_SNNQ_SYNC_WAIT, 0);
				jobs[i] = j[i].job;
			}
			ret = submit(self->fd, jobs, PER_CALL, NULL);
			n += ret ? 0 : PER_CALL;
		}
	}
	EXPECT_EQ(-EBUSY, ret);
	EXPECT_EQ(info.max_queued_file, n);
	gate_destroy(&gate);
}

/* Others learn how the device fares, not what is computed on it. */
TEST_F(memory, others_work_is_not_shown)
{
	uint32_t stream, syncobj;
	struct drm_snnq_stats s;
	struct test_net net;
	struct test_job j;
	int status;
	pid_t pid;

	ASSERT_EQ(0, net_create(self->fd, 64, 15, &net));
	ASSERT_EQ(0, stream_create(self->fd, net.model, &stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &syncobj));
	job_fill(&j, &net, stream, 0, 64, syncobj, 1);
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, syncobj, 1, 120000));
	s = stats(self->fd, DRM_SNNQ_QUERY_DEV_STATS);
	EXPECT_GT(s.steps, 0);
	EXPECT_GT(s.memory_bytes, 0);
	pid = fork();
	if (!pid) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		s = stats(self->fd, DRM_SNNQ_QUERY_DEV_STATS);
		if (s.jobs_submitted | s.jobs_completed | s.jobs_failed | s.jobs_cancelled |
		    s.steps | s.busy_ns | s.cycles | s.memory_bytes)
			_exit(2);
		/* its own it may know */
		s = stats(self->fd, DRM_SNNQ_QUERY_FILE_STATS);
		_exit(s.steps == 64 && s.memory_bytes ? 0 : 3);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(memory, a_query_is_short)
{
	struct drm_snnq_dev_query q = { .size = 4097 };
	void *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	q.ptr = (uintptr_t)m;
	EXPECT_EQ(-E2BIG, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q));
	q.size = 4096;
	EXPECT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q));
}

TEST_HARNESS_MAIN
