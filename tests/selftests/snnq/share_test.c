// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU access to shared buffers, with nothing but the calls that are meant for it. Shows what
 * is wrong only where they do something: swiotlb=force, or a machine that is not coherent.
 * Catches: DMA_BUF_IOCTL_SYNC that does nothing, exporters that are passed over; and, on a
 * kernel that checks locks, buffers that end where their locks are held.
 */
#include <pthread.h>

#include "snnq_harness.h"
#include "snnq_life.h"

#define STEPS  512
#define ROUNDS 40

FIXTURE(share)
{
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
};

FIXTURE_SETUP(share)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_EQ(0, net_create(self->fd, STEPS, 21, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(share)
{
	if (self->fd < 0)
		return;
	net_destroy(&self->net);
	close(self->fd);
}

static int run(int fd, struct test_job *j, uint32_t syncobj)
{
	int ret = submit(fd, &j->job, 1, NULL);

	return ret ? ret : timeline_wait(fd, syncobj, 1, 120000);
}

TEST_F(share, exported_buffers_sync_by_their_dma_buf)
{
	struct test_bo *bo[3] = { &self->net.weights, &self->net.input, &self->net.readout };
	struct test_job j;
	int dmabuf[3];

	for (int i = 0; i < 3; i++) {
		char copy[WEIGHT_BYTES], *map;

		memcpy(copy, bo[i]->map, WEIGHT_BYTES);
		dmabuf[i] = bo_export(self->fd, bo[i]->handle);
		ASSERT_GE(dmabuf[i], 0);
		map = mmap(NULL, bo[i]->size, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf[i], 0);
		ASSERT_NE(MAP_FAILED, map);
		ASSERT_EQ(0, dmabuf_sync(dmabuf[i], DMA_BUF_SYNC_START));
		memcpy(map, copy, WEIGHT_BYTES);
		ASSERT_EQ(0, dmabuf_sync(dmabuf[i], DMA_BUF_SYNC_END));
		munmap(map, bo[i]->size);
	}
	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	ASSERT_EQ(0, run(self->fd, &j, self->syncobj));
	net_expect(&self->net, 0, STEPS);
	ASSERT_EQ(0, dmabuf_sync(dmabuf[2], DMA_BUF_SYNC_START));
	EXPECT_TRUE(net_matches(&self->net));
	ASSERT_EQ(0, dmabuf_sync(dmabuf[2], DMA_BUF_SYNC_END));
	for (int i = 0; i < 3; i++)
		close(dmabuf[i]);
}

/* Input from, and result to another driver's memory. */
TEST_F(share, imported_buffers_sync_by_their_exporter)
{
	const uint64_t bytes[2] = { STEPS * (CHANNELS / 8), 4096 };
	uint32_t handle[2];
	struct test_job j;
	void *map[2];

	for (int i = 0; i < 2; i++) {
		int buf = foreign_dmabuf(bytes[i], &map[i]);

		ASSERT_GE(buf, 0);
		ASSERT_EQ(0, bo_import(self->fd, buf, &handle[i]));
		close(buf);
		/* udmabuf refuses to end what was not begun: so it was asked */
		EXPECT_EQ(access("/dev/udmabuf", F_OK) ? 0 : -EINVAL,
			  bo_sync(self->fd, handle[i], bytes[i], DRM_SNNQ_BO_SYNC_FOR_DEVICE));
	}
	ASSERT_EQ(0, bo_sync(self->fd, handle[0], bytes[0], DRM_SNNQ_BO_SYNC_FOR_CPU));
	memcpy(map[0], self->net.input.map, bytes[0]);
	ASSERT_EQ(0, bo_sync(self->fd, handle[0], bytes[0], DRM_SNNQ_BO_SYNC_FOR_DEVICE));
	ASSERT_EQ(0, bo_sync(self->fd, self->net.weights.handle, WEIGHT_BYTES,
			     DRM_SNNQ_BO_SYNC_FOR_DEVICE));
	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	j.binding[1].handle = handle[0];
	j.binding[2].handle = handle[1];
	ASSERT_EQ(0, run(self->fd, &j, self->syncobj));
	net_expect(&self->net, 0, STEPS);
	ASSERT_EQ(0, bo_sync(self->fd, handle[1], bytes[1], DRM_SNNQ_BO_SYNC_FOR_CPU));
	EXPECT_EQ(0, memcmp(map[1], self->net.sum, sizeof(self->net.sum)));
	munmap(map[0], bytes[0]);
	munmap(map[1], bytes[1]);
}

struct closing {
	pthread_barrier_t barrier;
	int fd;
	uint32_t handle;
	useconds_t delay;
};

static int gem_close(int fd, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	return snnq_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &args);
}

static void *close_soon(void *arg)
{
	struct closing *c = arg;

	pthread_barrier_wait(&c->barrier);
	usleep(c->delay);
	gem_close(c->fd, c->handle);
	return NULL;
}

/* Submit while another thread closes a buffer of the first job, @delay later. */
static int submit_and_close(int fd, struct drm_snnq_job *jobs, uint32_t handle, useconds_t delay)
{
	struct closing c = { .fd = fd, .handle = handle, .delay = delay };
	uint32_t failed = 0;
	pthread_t thread;
	int ret;

	pthread_barrier_init(&c.barrier, NULL, 2);
	if (pthread_create(&thread, NULL, close_soon, &c))
		return -ENOMEM;
	pthread_barrier_wait(&c.barrier);
	ret = submit(fd, jobs, SNNQ_MAX_JOBS_PER_SUBMIT, &failed);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&c.barrier);
	return failed && failed != UINT32_MAX ? -EILSEQ : ret;
}

/* An imported buffer ends outside of any call: the order of locks that others have to keep. */
static bool import_and_close(int fd)
{
	uint32_t handle;
	void *map;
	int foreign = foreign_dmabuf(4096, &map);
	bool good = foreign >= 0 && !bo_import(fd, foreign, &handle);

	close(foreign);
	good = good && !gem_close(fd, handle);
	munmap(map, 4096);
	return good;
}

/*
 * The first job of a call has ended, and its buffer's handle is closed, while the call still
 * holds the locks of all: whichever of them is the last to let go of it.
 */
TEST_F_TIMEOUT(share, buffers_that_end_in_the_midst_of_a_submit, 300)
{
	enum { COUNT = SNNQ_MAX_JOBS_PER_SUBMIT, LAST = COUNT - 1 };
	static struct test_job j[COUNT];
	struct drm_snnq_job jobs[COUNT];
	uint32_t others;

	ASSERT_TRUE(import_and_close(self->fd));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &others));
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct test_bo out;
		int ret;

		ASSERT_EQ(0, bo_create(self->fd, self->net.readout.size, 0, &out));
		munmap(out.map, out.size);
		for (uint32_t i = 0; i < COUNT; i++) {
			job_fill(&j[i], &self->net, i ? others : self->stream, 0, 1, self->syncobj,
				 i == LAST ? round + 1 : 0);
			if (!i)
				j[i].binding[2].handle = out.handle;
			jobs[i] = j[i].job;
		}
		ret = submit_and_close(self->fd, jobs, out.handle, round % 8 * 500);
		/* it was closed before the call saw it, or it was not */
		EXPECT_TRUE(!ret || ret == -ENOENT) TH_LOG("%d", ret);
		if (ret)
			ASSERT_EQ(0, submit(self->fd, &jobs[LAST], 1, NULL));
		ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, round + 1, 120000));
	}
}

TEST_HARNESS_MAIN
