// SPDX-License-Identifier: GPL-2.0-only
/*
 * Removing the device while everything that outlives it is alive: files, buffers and their
 * mappings, models, streams, jobs that run and jobs that wait, dma-bufs of ours and of
 * others, fences. Then all of that is closed, in every order.
 * Catches: DMA memory freed after its device is gone (a crash behind an IOMMU, a report of
 * DMA_API_DEBUG elsewhere), ioctls that make some meanwhile, fences never signalled, content
 * lost under a mapping, memory that does not come back.
 *
 * Wants to be the only user of the device.
 */
#include <signal.h>
#include <sys/wait.h>

#include "snnq_harness.h"
#include "fault.h"
#include "snnq_life.h"

#define JOB_STEPS 4096
#define BIG	  (1u << 20)
#define CLOSERS	  4

/* Everything that can be held. */
struct held {
	int fd, dmabuf, foreign, running, waiting;
	struct test_net net;
	struct test_bo bo;
	char *dmabuf_map, *foreign_map;
	uint32_t stream, gated, imported;
	struct test_gate gate;
};

FIXTURE(remove)
{
	char name[32];
};

FIXTURE_VARIANT(remove)
{
	bool hot;
};

FIXTURE_VARIANT_ADD(remove, unbind){
	.hot = false,
};

FIXTURE_VARIANT_ADD(remove, unplug){
	.hot = true,
};

FIXTURE_SETUP(remove)
{
	int fd = snnq_test_open();

	if (fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_TRUE(pci_name(fd, self->name));
	close(fd);
}

FIXTURE_TEARDOWN(remove)
{
}

static bool take_away(bool hot, const char *name)
{
	return hot ? device_remove(name) : device_unbind(name);
}

static bool give_back(bool hot, const char *name)
{
	return hot ? device_rescan(name) : device_bind(name);
}

static int hold_buffers(struct held *h)
{
	int ret = bo_create(h->fd, BIG, 0, &h->bo);

	if (ret)
		return ret;
	memset(h->bo.map, 0x5a, BIG);
	h->dmabuf = bo_export(h->fd, h->bo.handle);
	if (h->dmabuf < 0)
		return h->dmabuf;
	h->dmabuf_map = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_SHARED, h->dmabuf, 0);
	h->foreign = foreign_dmabuf(JOB_STEPS * (CHANNELS / 8), (void **)&h->foreign_map);
	if (h->dmabuf_map == MAP_FAILED || h->foreign < 0)
		return -ENODEV;
	return bo_import(h->fd, h->foreign, &h->imported);
}

/* Four jobs that take long, with foreign memory as input; a fence for the last. */
static int hold_running(struct held *h)
{
	struct test_job j[4];
	struct drm_snnq_job jobs[4];
	uint32_t done;
	int ret;

	for (int i = 0; i < 4; i++) {
		job_fill(&j[i], &h->net, h->stream, 0, JOB_STEPS, 0, 0);
		j[i].binding[1].handle = h->imported;
		if (i == 3) {
			ret = job_track(h->fd, &j[i], &done);
			if (ret)
				return ret;
		}
		jobs[i] = j[i].job;
	}
	ret = submit(h->fd, jobs, 4, NULL);
	h->running = ret ? ret : syncobj_sync_file(h->fd, done);
	return h->running < 0 ? h->running : 0;
}

/* A job that waits for what does not come. */
static int hold_waiting(struct held *h)
{
	struct test_job j;
	uint32_t done, gate;
	int ret = gate_for_jobs(h->fd, &h->gate, &gate);

	if (ret)
		return ret;
	job_fill(&j, &h->net, h->gated, 0, 64, 0, 0);
	job_sync(&j, gate, DRM_SNNQ_SYNC_WAIT, 0);
	ret = job_track(h->fd, &j, &done);
	if (!ret)
		ret = submit(h->fd, &j.job, 1, NULL);
	h->waiting = ret ? ret : syncobj_sync_file(h->fd, done);
	return h->waiting < 0 ? h->waiting : 0;
}

static int hold_everything(struct held *h)
{
	int ret;

	memset(h, 0, sizeof(*h));
	h->fd = snnq_test_open();
	if (h->fd < 0)
		return -ENODEV;
	ret = net_create(h->fd, JOB_STEPS, 11, &h->net);
	if (!ret)
		ret = stream_create(h->fd, h->net.model, &h->stream);
	if (!ret)
		ret = stream_create(h->fd, h->net.model, &h->gated);
	if (!ret)
		ret = hold_buffers(h);
	if (!ret)
		ret = hold_waiting(h);
	return ret ? ret : hold_running(h);
}

/* What is left of a device that is not there. */
static int refused(struct held *h)
{
	struct drm_snnq_bo_create bo = { .size = 4096 };
	struct drm_snnq_bo_sync sync = {
		.handle = h->bo.handle,
		.flags = DRM_SNNQ_BO_SYNC_FOR_CPU,
		.size = 4096,
	};
	struct test_program program;
	uint32_t handle;

	program_fill(&program, MAX_TEST_STEPS);
	if (snnq_ioctl(h->fd, DRM_IOCTL_SNNQ_BO_CREATE, &bo) != -ENODEV ||
	    snnq_ioctl(h->fd, DRM_IOCTL_SNNQ_BO_SYNC, &sync) != -ENODEV ||
	    model_create(h->fd, &program, program.header.total_bytes, &handle) != -ENODEV ||
	    stream_create(h->fd, h->net.model, &handle) != -ENODEV ||
	    bo_import(h->fd, h->foreign, &handle) != -ENODEV)
		return -1;
	return 0;
}

static void close_one(struct held *h, int which)
{
	switch (which) {
	case 0:
		close(h->fd);
		break;
	case 1:
		munmap(h->bo.map, h->bo.size);
		munmap(h->net.weights.map, h->net.weights.size);
		munmap(h->net.input.map, h->net.input.size);
		munmap(h->net.readout.map, h->net.readout.size);
		break;
	case 2:
		munmap(h->dmabuf_map, BIG);
		close(h->dmabuf);
		close(h->foreign);
		break;
	case 3:
		close(h->running);
		close(h->waiting);
		gate_destroy(&h->gate);
		break;
	}
}

/* The n-th order of CLOSERS things. */
static void permutation(int n, int order[CLOSERS])
{
	int left[CLOSERS] = { 0, 1, 2, 3 };

	for (int i = 0; i < CLOSERS; i++) {
		int k = n % (CLOSERS - i);

		n /= CLOSERS - i;
		order[i] = left[k];
		memmove(&left[k], &left[k + 1], sizeof(left) - (k + 1) * sizeof(left[0]));
	}
}

TEST_F_TIMEOUT(remove, everything_alive_then_closed_in_every_order, 900)
{
	long before = 0;

	for (int n = 0; n < 24; n++) {
		int order[CLOSERS], status;
		struct held h;

		ASSERT_EQ(0, hold_everything(&h));
		usleep(10000 * (n % 5));
		ASSERT_TRUE(take_away(variant->hot, self->name));
		/* each fence of a job that stood in a ring is signalled */
		status = fence_wait(h.running, 20000);
		EXPECT_TRUE(status == 1 || status == -ENODEV || status == -ECANCELED)
		{
			TH_LOG("running job: status %d", status);
		}
		EXPECT_EQ(0, fence_status(h.waiting));
		EXPECT_EQ(0, refused(&h));
		/* the content is still there, and the same through all mappings */
		EXPECT_EQ(0x5a, ((char *)h.bo.map)[BIG - 1]);
		EXPECT_EQ(0x5a, h.dmabuf_map[BIG / 2]);
		((char *)h.bo.map)[BIG / 2] = (char)n;
		EXPECT_EQ((char)n, h.dmabuf_map[BIG / 2]);
		if (n % 2) /* before the device is back, or after */
			ASSERT_TRUE(give_back(variant->hot, self->name));
		permutation(n, order);
		for (int i = 0; i < CLOSERS; i++)
			close_one(&h, order[i]);
		munmap(h.foreign_map, JOB_STEPS * (CHANNELS / 8));
		if (!(n % 2))
			ASSERT_TRUE(give_back(variant->hot, self->name));
		if (n == 3)
			before = meminfo_kib("MemFree:");
	}
	EXPECT_TRUE(device_works(snnq_test_open()));
	/* each round held 1.2 MiB: what stays of that shows after 20 of them */
	EXPECT_LT(before - meminfo_kib("MemFree:"), 12 << 10);
}

/* All of the ioctls that make something, until the device is gone. */
static void load(const char *device, int seed)
{
	for (;;) {
		int fd = snnq_test_open(), ret = 0;
		uint32_t stream, syncobj, imported;
		struct test_net net;
		struct test_job j;
		int foreign = foreign_dmabuf(65536, NULL), dmabuf;
		char name[32];

		/* there may be others */
		if (fd < 0 || !pci_name(fd, name) || strcmp(name, device))
			ret = -ENODEV;
		for (int i = 0; i < 20 && !ret; i++) {
			ret = net_create(fd, 64 << seed % 4, (uint32_t)seed, &net);
			if (!ret)
				ret = stream_create(fd, net.model, &stream);
			if (!ret)
				ret = syncobj_create(fd, &syncobj);
			if (ret)
				break;
			bo_import(fd, foreign, &imported);
			dmabuf = bo_export(fd, net.readout.handle);
			job_fill(&j, &net, stream, 0, 64, syncobj, 1);
			ret = submit(fd, &j.job, 1, NULL);
			if (dmabuf >= 0)
				close(dmabuf);
			net_destroy(&net);
		}
		close(fd);
		close(foreign);
		if (ret == -ENODEV)
			_exit(0);
		if (ret)
			_exit(1);
	}
}

TEST_F_TIMEOUT(remove, under_load, 600)
{
	for (int n = 0; n < 12; n++) {
		pid_t pid[4];

		for (int i = 0; i < 4; i++) {
			pid[i] = fork();
			ASSERT_GE(pid[i], 0);
			if (!pid[i])
				load(self->name, n * 4 + i);
		}
		usleep(20000 + 37000 * (n % 7));
		ASSERT_TRUE(take_away(variant->hot, self->name));
		for (int i = 0; i < 4; i++) {
			int status;

			ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
			EXPECT_EQ(0, status);
		}
		ASSERT_TRUE(give_back(variant->hot, self->name));
	}
	EXPECT_TRUE(device_works(snnq_test_open()));
}

FIXTURE(stuck)
{
	volatile uint32_t *regs;
	char name[32];
};

FIXTURE_SETUP(stuck)
{
	int fd = snnq_test_open();

	if (fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_TRUE(pci_name(fd, self->name));
	close(fd);
	self->regs = map_registers();
	if (!self->regs)
		SKIP(return, "no injection registers");
}

FIXTURE_TEARDOWN(stuck)
{
	if (!self->regs)
		return;
	inject(self->regs, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_NONE);
	device_bind(self->name);
	unmap_registers(self->regs);
}

/* The device does not say that it stopped: it is kept from memory otherwise, and all goes on. */
TEST_F_TIMEOUT(stuck, removal_without_a_confirmed_reset, 300)
{
	struct held h;
	int status;

	ASSERT_EQ(0, hold_everything(&h));
	inject(self->regs, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_DEVICE);
	ASSERT_TRUE(device_unbind(self->name));
	status = fence_wait(h.running, 20000);
	EXPECT_TRUE(status == 1 || status == -ENODEV || status == -ECANCELED);
	EXPECT_EQ(0, refused(&h));
	for (int i = 0; i < CLOSERS; i++)
		close_one(&h, i);
	munmap(h.foreign_map, JOB_STEPS * (CHANNELS / 8));
	/* nor is it used again as long as it is so */
	EXPECT_FALSE(device_bind(self->name));
	inject(self->regs, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_NONE);
	EXPECT_TRUE(device_bind(self->name));
	EXPECT_TRUE(device_works(snnq_test_open()));
}

/* Jobs that a broken core was to get again end too, whenever the driver leaves. */
TEST_F_TIMEOUT(stuck, removal_of_a_broken_core, 300)
{
	for (int n = 0; n < 24; n++) {
		struct held h;
		int status;

		ASSERT_EQ(0, hold_everything(&h));
		inject(self->regs, SNNQ_INJECT_BAD_RECORD, SNNQ_INJECT_BAD_ID);
		usleep(1000 * n);
		ASSERT_TRUE(device_unbind(self->name));
		status = fence_wait(h.running, 20000);
		EXPECT_TRUE(status == 1 || status == -ENODEV || status == -ECANCELED)
		{
			TH_LOG("round %d: status %d", n, status);
		}
		for (int i = 0; i < CLOSERS; i++)
			close_one(&h, i);
		munmap(h.foreign_map, JOB_STEPS * (CHANNELS / 8));
		inject(self->regs, SNNQ_INJECT_BAD_RECORD, SNNQ_INJECT_BAD_NONE);
		ASSERT_TRUE(device_bind(self->name));
	}
	EXPECT_TRUE(device_works(snnq_test_open()));
}

TEST_HARNESS_MAIN
