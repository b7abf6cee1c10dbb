// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fences of buffers: others see each job that uses a buffer, and jobs wait for
 * what others do with it. Held up by fences of another driver (gates), so that
 * nothing depends on how fast the device is.
 * Catches: a buffer in several regions that takes more room for fences than was
 * made, jobs that others cannot see (exported later, profiles, second job of a
 * call), implicit waits that are missing, too many, or not to be had off.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snnq_harness.h"
#include "snnq_test.h"

#define STEPS	64
#define SOON_MS 10000 /* for what must come */
#define LATE_MS 200   /* for what must not */

/* The regions of the usual network in another order: readout, weights, input. */
static int model_written_first(int fd, uint32_t *model)
{
	struct test_program p;
	struct snnq_region_desc readout;

	program_fill(&p, STEPS);
	readout = p.region[2];
	p.region[2] = p.region[1];
	p.region[1] = p.region[0];
	p.region[0] = readout;
	p.layer[0].quant.region = SNNQ_REGION_USER + 1;
	p.layer[0].in[0].region = SNNQ_REGION_USER + 2;
	p.layer[1].out.region = SNNQ_REGION_USER;
	return model_create(fd, &p, p.header.total_bytes, model);
}

enum origin { OWN, EXPORTED, IMPORTED };

FIXTURE(one_buffer)
{
	int fd;
	struct test_net net;
	struct test_gate gate;
	uint32_t model, syncobj, handle;
	uint8_t *map;
};

/* Several jobs of a call, each with one and the same buffer for all that it uses. */
FIXTURE_VARIANT(one_buffer)
{
	uint32_t jobs;
	enum origin origin;
};

FIXTURE_VARIANT_ADD(one_buffer, one_own){ 1, OWN };
FIXTURE_VARIANT_ADD(one_buffer, one_exported){ 1, EXPORTED };
FIXTURE_VARIANT_ADD(one_buffer, one_imported){ 1, IMPORTED };
FIXTURE_VARIANT_ADD(one_buffer, three_own){ 3, OWN };
FIXTURE_VARIANT_ADD(one_buffer, three_exported){ 3, EXPORTED };
FIXTURE_VARIANT_ADD(one_buffer, three_imported){ 3, IMPORTED };
FIXTURE_VARIANT_ADD(one_buffer, sixteen_own){ 16, OWN };
FIXTURE_VARIANT_ADD(one_buffer, sixteen_exported){ 16, EXPORTED };
FIXTURE_VARIANT_ADD(one_buffer, sixteen_imported){ 16, IMPORTED };
FIXTURE_VARIANT_ADD(one_buffer, most_own){ SNNQ_MAX_JOBS_PER_SUBMIT, OWN };
FIXTURE_VARIANT_ADD(one_buffer, most_exported){ SNNQ_MAX_JOBS_PER_SUBMIT, EXPORTED };
FIXTURE_VARIANT_ADD(one_buffer, most_imported){ SNNQ_MAX_JOBS_PER_SUBMIT, IMPORTED };

#define AT_WEIGHTS   4096
#define AT_INPUT     (AT_WEIGHTS + WEIGHT_BYTES)
#define AT_PROFILE   16384
#define BUFFER_BYTES 65536

static const struct drm_snnq_binding places[3] = {
	{ .offset = 0, .size = READOUT_BYTES },
	{ .offset = AT_WEIGHTS, .size = WEIGHT_BYTES },
	{ .offset = AT_INPUT, .size = STEPS * CHANNELS / 8 },
};

FIXTURE_SETUP(one_buffer)
{
	struct test_bo bo;
	int ret;

	self->gate = (struct test_gate){ .vgem = -1, .dmabuf = -1 };
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_EQ(0, net_create(self->fd, STEPS, 6, &self->net));
	ASSERT_EQ(0, model_written_first(self->fd, &self->model));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
	if (variant->origin == IMPORTED) {
		ret = gate_create(BUFFER_BYTES, true, &self->gate);
		if (ret == -ENODEV)
			SKIP(return, "no vgem device");
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, gate_open(&self->gate));
		ASSERT_EQ(0, bo_import(self->fd, self->gate.dmabuf, &self->handle));
		self->map = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
				 self->gate.dmabuf, 0);
		ASSERT_NE(MAP_FAILED, self->map);
	} else {
		ASSERT_EQ(0, bo_create(self->fd, BUFFER_BYTES, 0, &bo));
		self->handle = bo.handle;
		self->map = bo.map;
		if (variant->origin == EXPORTED)
			ASSERT_LE(0, bo_export(self->fd, bo.handle));
	}
	memcpy(self->map + AT_WEIGHTS, self->net.weights.map, WEIGHT_BYTES);
	memcpy(self->map + AT_INPUT, self->net.input.map, STEPS * CHANNELS / 8);
}

FIXTURE_TEARDOWN(one_buffer)
{
	if (self->gate.vgem >= 0)
		gate_destroy(&self->gate);
	if (self->fd >= 0) {
		net_destroy(&self->net);
		close(self->fd);
	}
}

/* @streams: of how many streams the jobs are. */
static void run_jobs(struct __test_metadata *_metadata, FIXTURE_DATA(one_buffer) * self,
		     const FIXTURE_VARIANT(one_buffer) * variant, uint32_t streams)
{
	static struct test_job j[SNNQ_MAX_JOBS_PER_SUBMIT];
	struct drm_snnq_job jobs[SNNQ_MAX_JOBS_PER_SUBMIT];
	uint32_t stream[SNNQ_MAX_JOBS_PER_SUBMIT];

	for (uint32_t i = 0; i < streams; i++)
		ASSERT_EQ(0, stream_create(self->fd, self->model, &stream[i]));
	for (uint32_t i = 0; i < variant->jobs; i++) {
		job_fill(&j[i], &self->net, stream[i % streams], 0, STEPS, self->syncobj, i + 1);
		for (int r = 0; r < 3; r++) {
			j[i].binding[r] = places[r];
			j[i].binding[r].handle = self->handle;
		}
		j[i].job.flags = DRM_SNNQ_JOB_RESET;
		if (variant->origin != IMPORTED) {
			job_profile(&j[i].job, self->handle, AT_PROFILE,
				    sizeof(struct snnq_layer_stats));
		}
		jobs[i] = j[i].job;
	}
	for (int round = 0; round < 4; round++) {
		ASSERT_EQ(0, submit(self->fd, jobs, variant->jobs, NULL));
		for (uint32_t i = 0; i < variant->jobs; i++)
			j[i].sync[0].point += variant->jobs;
	}
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 4 * variant->jobs, 60000));
	net_expect(&self->net, 0, STEPS);
	EXPECT_EQ(0, memcmp(self->map, self->net.sum, sizeof(self->net.sum)));
}

TEST_F_TIMEOUT(one_buffer, in_all_regions_of_jobs_of_many_streams, 300)
{
	run_jobs(_metadata, self, variant, variant->jobs);
}

TEST_F_TIMEOUT(one_buffer, in_all_regions_of_jobs_of_one_stream, 300)
{
	run_jobs(_metadata, self, variant, 1);
}

FIXTURE(resv)
{
	int fd;
	struct test_net net;
	struct test_bo profile;
	struct test_gate gate;
	uint32_t stream, gated, end;
	struct test_job j;
};

/* A job that is behind the gate, unless a test says otherwise, and tells its end. */
FIXTURE_SETUP(resv)
{
	int ret;

	self->gate = (struct test_gate){ .vgem = -1, .dmabuf = -1 };
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ret = gate_create(4096, true, &self->gate);
	if (ret == -ENODEV)
		SKIP(return, "no vgem device");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, gate_syncobj(self->fd, &self->gate, &self->gated));
	ASSERT_EQ(0, net_create(self->fd, STEPS, 7, &self->net));
	ASSERT_EQ(0, bo_create(self->fd, 4096, 0, &self->profile));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	job_fill(&self->j, &self->net, self->stream, 0, STEPS, 0, 0);
	ASSERT_EQ(0, job_track(self->fd, &self->j, &self->end));
}

FIXTURE_TEARDOWN(resv)
{
	if (self->gate.vgem >= 0)
		gate_destroy(&self->gate);
	if (self->fd >= 0) {
		bo_destroy(&self->profile);
		net_destroy(&self->net);
		close(self->fd);
	}
}

FIXTURE_VARIANT(resv)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(resv, implicit){ 0 };
FIXTURE_VARIANT_ADD(resv, explicit){ DRM_SNNQ_JOB_NO_IMPLICIT_SYNC };

static int ready(int dmabuf, short events, int timeout_ms)
{
	struct pollfd p = { .fd = dmabuf, .events = events };
	int ret = poll(&p, 1, timeout_ms);

	return ret > 0 ? p.revents == events : ret;
}

/* Whether the fences that a reader (or writer) would wait for are signaled. */
static int sync_file_done(int dmabuf, uint32_t flags)
{
	struct dma_buf_export_sync_file file = { .flags = flags, .fd = -1 };
	struct sync_file_info info = {};
	int ret = snnq_ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &file);

	if (ret)
		return ret;
	ret = snnq_ioctl(file.fd, SYNC_IOC_FILE_INFO, &info);
	close(file.fd);
	return ret ? ret : info.status;
}

static int binary_wait(int fd, uint32_t syncobj, int64_t timeout_ms)
{
	struct drm_syncobj_wait arg = {
		.handles = (uintptr_t)&syncobj,
		.count_handles = 1,
		.timeout_nsec = test_deadline_ns(timeout_ms),
	};

	return snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &arg);
}

/* A job in flight reads, or writes, what is behind a dma-buf. */
static void expect_busy(struct __test_metadata *_metadata, int dmabuf, bool written)
{
	EXPECT_EQ(!written, ready(dmabuf, POLLIN, 0));
	EXPECT_EQ(0, ready(dmabuf, POLLOUT, 0));
	EXPECT_EQ(!written, sync_file_done(dmabuf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, sync_file_done(dmabuf, DMA_BUF_SYNC_WRITE));
}

static void expect_idle(struct __test_metadata *_metadata, int dmabuf)
{
	EXPECT_EQ(1, ready(dmabuf, POLLIN, SOON_MS));
	EXPECT_EQ(1, ready(dmabuf, POLLOUT, SOON_MS));
	EXPECT_EQ(1, sync_file_done(dmabuf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(1, sync_file_done(dmabuf, DMA_BUF_SYNC_WRITE));
}

/* "drm-active-memory" in KiB, of a file; later kernels do not tell of none. */
static long active_kib(int fd)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "drm-active-memory: %ld KiB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* Whenever it was exported: before the job or while it is under way. */
TEST_F(resv, others_see_a_job)
{
	const uint32_t handle[] = {
		self->net.weights.handle,
		self->net.input.handle,
		self->net.readout.handle,
		self->profile.handle,
	};
	int dmabuf[4][2];

	self->j.job.flags = variant->flags;
	job_profile(&self->j.job, self->profile.handle, 0, sizeof(struct snnq_layer_stats));
	job_sync(&self->j, self->gated, DRM_SNNQ_SYNC_WAIT, 0);
	for (int i = 0; i < 4; i += 2)
		dmabuf[i][0] = bo_export(self->fd, handle[i]);
	ASSERT_EQ(0, submit(self->fd, &self->j.job, 1, NULL));
	for (int i = 1; i < 4; i += 2)
		dmabuf[i][0] = bo_export(self->fd, handle[i]);
	for (int i = 0; i < 4; i++) {
		expect_busy(_metadata, dmabuf[i][0], i >= 2);
		dmabuf[i][1] = bo_export(self->fd, handle[i]);
		expect_busy(_metadata, dmabuf[i][1], i >= 2);
	}
	EXPECT_EQ(4 * 4, active_kib(self->fd));
	ASSERT_EQ(0, gate_open(&self->gate));
	for (int i = 0; i < 4; i++)
		expect_idle(_metadata, dmabuf[i][0]);
	/* and it is what it says */
	EXPECT_EQ(0, job_status(self->fd, self->end));
	EXPECT_EQ(0, active_kib(self->fd));
	net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
	for (int i = 0; i < 4; i++) {
		close(dmabuf[i][0]);
		close(dmabuf[i][1]);
	}
}

/* Each job of a call, not only the first or the last. */
TEST_F(resv, others_see_each_job_of_a_call)
{
	struct drm_snnq_job jobs[3];
	struct test_job free;
	uint32_t other;
	int dmabuf;

	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &other));
	job_fill(&free, &self->net, other, 0, STEPS, 0, 0);
	self->j.job.flags = variant->flags;
	job_sync(&self->j, self->gated, DRM_SNNQ_SYNC_WAIT, 0);
	jobs[0] = free.job;
	jobs[1] = self->j.job;
	jobs[2] = free.job;
	dmabuf = bo_export(self->fd, self->net.readout.handle);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, submit(self->fd, jobs, 3, NULL));
	EXPECT_EQ(0, ready(dmabuf, POLLIN, LATE_MS));
	ASSERT_EQ(0, gate_open(&self->gate));
	expect_idle(_metadata, dmabuf);
	EXPECT_EQ(0, job_status(self->fd, self->end));
	close(dmabuf);
}

/* Also on a buffer that came from another driver. */
TEST_F(resv, others_see_a_job_on_their_buffer)
{
	struct test_gate foreign;
	uint32_t handle;

	ASSERT_EQ(0, gate_create(4096, true, &foreign));
	ASSERT_EQ(0, gate_open(&foreign));
	ASSERT_EQ(0, bo_import(self->fd, foreign.dmabuf, &handle));
	expect_idle(_metadata, foreign.dmabuf);
	self->j.job.flags = variant->flags;
	self->j.binding[2].handle = handle;
	job_sync(&self->j, self->gated, DRM_SNNQ_SYNC_WAIT, 0);
	ASSERT_EQ(0, submit(self->fd, &self->j.job, 1, NULL));
	expect_busy(_metadata, foreign.dmabuf, true);
	ASSERT_EQ(0, gate_open(&self->gate));
	expect_idle(_metadata, foreign.dmabuf);
	EXPECT_EQ(0, job_status(self->fd, self->end));
	gate_destroy(&foreign);
}

/* The job waits while the gate is shut, if it is to wait at all. */
static void expect_waits(struct __test_metadata *_metadata, FIXTURE_DATA(resv) * self, bool waits)
{
	EXPECT_EQ(waits ? -ETIME : 0,
		  binary_wait(self->fd, self->end, waits ? LATE_MS : SOON_MS / 2));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, binary_wait(self->fd, self->end, SOON_MS));
	EXPECT_EQ(0, job_status(self->fd, self->end));
}

/* A foreign driver still writes the input. */
TEST_F(resv, waits_for_a_foreign_writer)
{
	self->j.job.flags = variant->flags;
	ASSERT_EQ(0, bo_import(self->fd, self->gate.dmabuf, &self->j.binding[1].handle));
	ASSERT_EQ(0, submit(self->fd, &self->j.job, 1, NULL));
	expect_waits(_metadata, self, !variant->flags);
}

/* A foreign driver still reads: no matter to a reader, but to a writer. */
TEST_F(resv, waits_for_a_foreign_reader_if_it_writes)
{
	gate_destroy(&self->gate);
	ASSERT_EQ(0, gate_create(4096, false, &self->gate));
	self->j.job.flags = variant->flags;
	ASSERT_EQ(0, bo_import(self->fd, self->gate.dmabuf, &self->j.binding[2].handle));
	ASSERT_EQ(0, submit(self->fd, &self->j.job, 1, NULL));
	expect_waits(_metadata, self, !variant->flags);
}

TEST_F(resv, ignores_a_foreign_reader_if_it_reads)
{
	gate_destroy(&self->gate);
	ASSERT_EQ(0, gate_create(4096, false, &self->gate));
	self->j.job.flags = variant->flags;
	ASSERT_EQ(0, bo_import(self->fd, self->gate.dmabuf, &self->j.binding[1].handle));
	ASSERT_EQ(0, submit(self->fd, &self->j.job, 1, NULL));
	expect_waits(_metadata, self, false);
}

/* The second job of a call waits for others as the first does. */
TEST_F(resv, each_job_of_a_call_waits_for_others)
{
	struct drm_snnq_job jobs[2];
	struct test_job first;
	uint32_t other;

	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &other));
	job_fill(&first, &self->net, other, 0, STEPS, 0, 0);
	self->j.job.flags = variant->flags;
	ASSERT_EQ(0, bo_import(self->fd, self->gate.dmabuf, &self->j.binding[1].handle));
	jobs[0] = first.job;
	jobs[1] = self->j.job;
	ASSERT_EQ(0, submit(self->fd, jobs, 2, NULL));
	expect_waits(_metadata, self, !variant->flags);
}

/* Another file of this driver is another, too: it reads what a job here writes. */
TEST_F(resv, waits_for_a_job_of_another_file)
{
	int fd = snnq_test_open(), dmabuf;
	uint32_t stream, handle, end;
	struct test_net net;
	struct test_job j;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, net_create(fd, STEPS, 8, &net));
	ASSERT_EQ(0, stream_create(fd, net.model, &stream));
	/* exported only while the job is under way */
	job_sync(&self->j, self->gated, DRM_SNNQ_SYNC_WAIT, 0);
	ASSERT_EQ(0, submit(self->fd, &self->j.job, 1, NULL));
	dmabuf = bo_export(self->fd, self->net.readout.handle);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, bo_import(fd, dmabuf, &handle));
	job_fill(&j, &net, stream, 0, 1, 0, 0);
	j.job.flags = variant->flags;
	j.binding[1].handle = handle;
	j.binding[1].size = 64;
	ASSERT_EQ(0, job_track(fd, &j, &end));
	ASSERT_EQ(0, submit(fd, &j.job, 1, NULL));
	EXPECT_EQ(variant->flags ? 0 : -ETIME,
		  binary_wait(fd, end, variant->flags ? SOON_MS / 2 : LATE_MS));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, binary_wait(fd, end, SOON_MS));
	EXPECT_EQ(0, job_status(fd, end));
	close(dmabuf);
	net_destroy(&net);
	close(fd);
}

/* Streams and syncobjs order the jobs of a file, buffers do not. */
TEST_F(resv, does_not_wait_for_its_own_file)
{
	struct test_job first;
	uint32_t other;
	int dmabuf;

	dmabuf = bo_export(self->fd, self->net.readout.handle);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &other));
	job_fill(&first, &self->net, other, 0, STEPS, 0, 0);
	job_sync(&first, self->gated, DRM_SNNQ_SYNC_WAIT, 0);
	ASSERT_EQ(0, submit(self->fd, &first.job, 1, NULL));
	self->j.job.flags = variant->flags;
	ASSERT_EQ(0, submit(self->fd, &self->j.job, 1, NULL));
	expect_waits(_metadata, self, false);
	close(dmabuf);
}

TEST_HARNESS_MAIN
