// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults and hangs, made by the device model's injection registers: one stream
 * fails, with the right error and place, and others lose nothing.
 * Catches: the wrong job blamed, innocent jobs cancelled by a reset, results
 * changed by a replay, a driver that believes what a device says.
 *
 * Needs the device with inject-regs=on and a kernel that lets user space map the
 * BAR (iomem=relaxed); skips otherwise.
 */
#include <errno.h>
#include <unistd.h>

#include "fault.h"
#include "snnq_harness.h"

FIXTURE(fault)
{
	volatile uint32_t *regs;
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
};

FIXTURE_SETUP(fault)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	self->regs = map_registers();
	if (!self->regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	ASSERT_EQ(0, net_create(self->fd, STEPS, 9, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(fault)
{
	unmap_registers(self->regs);
	if (self->fd >= 0) {
		net_destroy(&self->net);
		close(self->fd);
	}
}

TEST_F(fault, dma_error_is_reported_and_the_stream_recovers)
{
	struct drm_snnq_stream_query q;

	ASSERT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	inject(self->regs, SNNQ_INJECT_DMA_ERROR, 8);
	EXPECT_EQ(-EIO, run_one(self->fd, &self->net, self->stream, self->syncobj, 2));
	ASSERT_EQ(0, stream_query(self->fd, self->stream, &q));
	EXPECT_EQ(DRM_SNNQ_STREAM_FAILED, q.state);
	EXPECT_EQ(SNNQ_STATUS_DMA, q.status);
	EXPECT_EQ(0, q.offset); /* the device reports an address: not for users */
	EXPECT_EQ(-EIO, q.error);
	EXPECT_EQ(2, q.fault_seq);
	/* refused until it is reset */
	EXPECT_EQ(-ECANCELED, run_one(self->fd, &self->net, self->stream, self->syncobj, 3));
	ASSERT_EQ(0, stream_reset(self->fd, self->stream));
	ASSERT_EQ(0, stream_query(self->fd, self->stream, &q));
	EXPECT_EQ(0, q.error);
	EXPECT_EQ(0, q.fault_seq);
	ASSERT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 4));
	net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
}

/* A job with RESET revives a failed stream, for those behind it in the call too. */
TEST_F(fault, job_with_reset_revives_a_failed_stream)
{
	struct test_job j[3];
	struct drm_snnq_job jobs[3];
	uint32_t failed;

	inject(self->regs, SNNQ_INJECT_DMA_ERROR, 8);
	EXPECT_EQ(-EIO, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	for (int i = 0; i < 3; i++) {
		job_fill(&j[i], &self->net, self->stream, 0, STEPS, self->syncobj, (uint64_t)i + 2);
		jobs[i] = j[i].job;
	}
	/* not for those before it */
	jobs[1].flags = DRM_SNNQ_JOB_RESET;
	EXPECT_EQ(-ECANCELED, submit(self->fd, jobs, 3, &failed));
	EXPECT_EQ(0, failed);
	jobs[1].flags = 0;
	jobs[0].flags = DRM_SNNQ_JOB_RESET;
	ASSERT_EQ(0, submit(self->fd, jobs, 3, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 4, 60000));
	for (int i = 0; i < 3; i++)
		net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
}

/*
 * Jobs queued behind a failed one of their stream are victims; no half state is read.
 * The record of each job says the same as its fence.
 */
TEST_F(fault, queue_behind_a_fault_is_cancelled)
{
	struct test_job j[4];
	struct drm_snnq_job jobs[4];
	const struct drm_snnq_result *r;
	struct test_bo results;
	uint32_t binary[4];
	int good = 0, cancelled = 0, io = 0;

	ASSERT_EQ(0, bo_create(self->fd, 4096, 0, &results));
	r = results.map;
	for (int i = 0; i < 4; i++) {
		job_fill(&j[i], &self->net, self->stream, 0, STEPS, self->syncobj, (uint64_t)i + 1);
		ASSERT_EQ(0, job_track(self->fd, &j[i], &binary[i]));
		job_result(&j[i].job, results.handle, 64 * (uint32_t)i);
		jobs[i] = j[i].job;
	}
	inject(self->regs, SNNQ_INJECT_DMA_ERROR, 8);
	ASSERT_EQ(0, submit(self->fd, jobs, 4, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 4, 60000));
	ASSERT_EQ(0, bo_fetch(&results));
	for (int i = 0; i < 4; i++) {
		int status = job_status(self->fd, binary[i]);

		EXPECT_EQ(status, r[i].error) TH_LOG("job %d", i);
		EXPECT_EQ((uint64_t)i + 1, r[i].seq);
		EXPECT_NE(SNNQ_STATUS_OK, r[i].status);
		EXPECT_EQ(0, r[i].offset);
		EXPECT_LE(r[i].start_ns, r[i].end_ns);
		good += status == 0;
		cancelled += status == -ECANCELED;
		io += status == -EIO;
	}
	EXPECT_EQ(0, good);
	EXPECT_GE(io, 1);
	EXPECT_EQ(4, io + cancelled);
	EXPECT_EQ(SNNQ_STATUS_DMA, r[0].status);
	bo_destroy(&results);
}

static const uint32_t hang_levels[] = {
	SNNQ_INJECT_HANG_UNTIL_CANCEL,
	SNNQ_INJECT_HANG_UNTIL_CORE_RESET,
	SNNQ_INJECT_HANG_UNTIL_DEVICE_RESET,
};

/* Whatever it takes to end the hang, only the hung job fails; data is compared. */
TEST_F_TIMEOUT(fault, a_hang_hurts_only_its_stream, 300)
{
	for (int level = 0; level < 3; level++) {
		uint32_t stream, other;
		struct drm_snnq_result r = {};
		struct test_net innocent;
		uint64_t point = 0;
		int hung;

		ASSERT_EQ(0, stream_create(self->fd, self->net.model, &stream));
		ASSERT_EQ(0, net_create(self->fd, STEPS, 50, &innocent));
		ASSERT_EQ(0, stream_create(self->fd, innocent.model, &other));
		inject(self->regs, SNNQ_INJECT_HANG_LEVEL, hang_levels[level]);
		inject(self->regs, SNNQ_INJECT_HANG_COUNT, 1);
		inject(self->regs, SNNQ_INJECT_HANG_LAYER, 1);
		hung = run_recorded(self->fd, &self->net, stream, self->syncobj,
				    10 * (uint64_t)level + 1, &r);
		EXPECT_EQ(-ETIME, hung) TH_LOG("level %d", level);
		EXPECT_EQ(-ETIME, r.error) TH_LOG("level %d", level);
		EXPECT_EQ(SNNQ_STATUS_WATCHDOG, r.status) TH_LOG("level %d", level);
		EXPECT_EQ(1, r.seq);
		EXPECT_NE(0, r.start_ns);
		/* a hang is seen after the module's timeout only */
		EXPECT_LE(dev_info(self->fd).timeout_ms * 1000000ull, r.end_ns - r.start_ns);
		point = 10 * (uint64_t)level + 2;
		ASSERT_EQ(0, run_one(self->fd, &innocent, other, self->syncobj, point));
		net_expect(&innocent, 0, STEPS);
		EXPECT_TRUE(net_matches(&innocent)) TH_LOG("level %d", level);
		net_destroy(&innocent);
	}
}

/* The test network with a third layer, so that a hang at layer 2 hits nobody else. */
static int three_layers(int fd, uint32_t *model)
{
	struct {
		struct snnq_program_header header;
		struct snnq_region_desc region[3];
		struct snnq_layer layer[3];
		__s32 table[2];
	} p;
	struct test_program two;

	program_fill(&two, MAX_TEST_STEPS);
	memset(&p, 0, sizeof(p));
	p.header = two.header;
	memcpy(p.region, two.region, sizeof(p.region));
	memcpy(p.layer, two.layer, sizeof(two.layer));
	p.layer[2] = two.layer[0];
	p.layer[2].out.offset = 8;
	p.layer[2].state_offset = two.header.state_bytes;
	p.table[0] = p.table[1] = two.table[0];
	p.header.layer_count = 3;
	p.header.table_count = 2;
	p.header.scratch_step_bytes = 16;
	p.header.state_bytes += CHANNELS * 4;
	p.header.total_bytes = sizeof(p);
	return model_create(fd, &p, sizeof(p), model);
}

TEST_F_TIMEOUT(fault, others_run_on_through_hangs_and_resets, 300)
{
	uint32_t model, stream;
	pid_t pid[3];

	ASSERT_EQ(0, three_layers(self->fd, &model));
	for (int i = 0; i < 3; i++) {
		pid[i] = start_innocent(300 + (uint32_t)i, 300);
		ASSERT_GT(pid[i], 0);
	}
	for (int level = 0; level < 3; level++) {
		usleep(100000);
		ASSERT_EQ(0, stream_create(self->fd, model, &stream));
		inject(self->regs, SNNQ_INJECT_HANG_LEVEL, hang_levels[level]);
		inject(self->regs, SNNQ_INJECT_HANG_COUNT, 1);
		inject(self->regs, SNNQ_INJECT_HANG_LAYER, 2);
		EXPECT_EQ(-ETIME, run_one(self->fd, &self->net, stream, self->syncobj,
					  20 + (uint64_t)level))
		TH_LOG("level %d", level);
	}
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, exit_status(pid[i])) TH_LOG("client %d", i);
	}
}

TEST_F_TIMEOUT(fault, lost_interrupts_lose_no_job, 300)
{
	inject(self->regs, SNNQ_INJECT_LOST_IRQ, 1);
	EXPECT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
}

TEST_F(fault, spurious_interrupts_are_harmless)
{
	for (uint32_t i = 0; i < 100; i++)
		inject(self->regs, SNNQ_INJECT_SPURIOUS, i % 3);
	EXPECT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
}

/* Each kind of nonsense in a completion record: not believed, and the job loses nothing. */
TEST_F_TIMEOUT(fault, bad_completion_records, 300)
{
	for (uint32_t kind = SNNQ_INJECT_BAD_ID; kind < SNNQ_INJECT_BAD_COUNT; kind++) {
		uint32_t stream;

		ASSERT_EQ(0, stream_create(self->fd, self->net.model, &stream));
		net_expect_reset(&self->net);
		memset(self->net.readout.map, 0xff, READOUT_BYTES);
		for (uint64_t job = 0; job < 3; job++) {
			inject(self->regs, SNNQ_INJECT_BAD_RECORD,
			       job == 1 ? kind : SNNQ_INJECT_BAD_NONE);
			EXPECT_EQ(0, run_one(self->fd, &self->net, stream, self->syncobj,
					     4 * kind + job))
			TH_LOG("kind %u", kind);
			net_expect(&self->net, 0, STEPS);
			EXPECT_TRUE(net_matches(&self->net)) TH_LOG("kind %u", kind);
		}
	}
}

TEST_HARNESS_MAIN
