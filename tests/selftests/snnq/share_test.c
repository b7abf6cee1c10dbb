// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU access to shared buffers, with nothing but the calls that are meant for it. Shows what
 * is wrong only where they do something: swiotlb=force, or a machine that is not coherent.
 * Catches: DMA_BUF_IOCTL_SYNC that does nothing, exporters that are passed over.
 */
#include "snnq_harness.h"
#include "snnq_life.h"

#define STEPS 512

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

TEST_HARNESS_MAIN
