// SPDX-License-Identifier: GPL-2.0-only
/*
 * Syncobjs in SUBMIT: a call means what its jobs would mean one call after the
 * other. Held up by fences of another driver (gates), so that what must wait is
 * seen waiting, and what must not is seen done, however fast the device is.
 * Catches: points taken for reached before all of the timeline is, waits for more
 * than that, syncobjs told apart by handle, stale fences, lost queue places.
 */
#include <errno.h>
#include <unistd.h>

#include "snnq_harness.h"
#include "snnq_test.h"

#define STREAMS 3
#define WAIT	DRM_SNNQ_SYNC_WAIT
#define SIGNAL	DRM_SNNQ_SYNC_SIGNAL
#define SOON_MS 10000 /* for what must come */
#define LATE_MS 200   /* for what must not */

FIXTURE(wait)
{
	int fd;
	struct test_net net;
	struct test_gate gate;
	uint32_t stream[STREAMS];
	uint32_t gated;		 /* binary syncobj behind the gate */
	uint32_t timeline, done; /* done: point n + 1 is for job n */
	struct test_job j[STREAMS];
};

/* Jobs 0..2 on a stream each; each signals its point of "done". */
FIXTURE_SETUP(wait)
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
	ASSERT_EQ(0, net_create(self->fd, 64, 2, &self->net));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->timeline));
	for (uint32_t i = 0; i < STREAMS; i++) {
		ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream[i]));
		job_fill(&self->j[i], &self->net, self->stream[i], 0, 1, 0, 0);
	}
}

FIXTURE_TEARDOWN(wait)
{
	if (self->gate.vgem >= 0)
		gate_destroy(&self->gate);
	if (self->fd >= 0) {
		net_destroy(&self->net);
		close(self->fd);
	}
}

static int submit_range(FIXTURE_DATA(wait) * self, int first, int count, uint32_t *failed)
{
	struct drm_snnq_job jobs[STREAMS];

	for (int i = 0; i < count; i++)
		jobs[i] = self->j[first + i].job;
	return submit(self->fd, jobs, (uint32_t)count, failed);
}

/* Let job @index tell its end by a syncobj of its own. */
static int track(FIXTURE_DATA(wait) * self, int index, uint32_t *binary)
{
	return job_track(self->fd, &self->j[index], binary);
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

static int alias(int fd, uint32_t syncobj, uint32_t *other)
{
	struct drm_syncobj_handle arg = { .handle = syncobj, .fd = -1 };
	int ret = snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg);

	if (ret)
		return ret;
	ret = snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &arg);
	*other = arg.handle;
	close(arg.fd);
	return ret;
}

/* The last job waits while the gate is shut, and runs once it is open. */
static void expect_gated(struct __test_metadata *_metadata, FIXTURE_DATA(wait) * self,
			 uint32_t binary)
{
	EXPECT_EQ(-ETIME, binary_wait(self->fd, binary, LATE_MS));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, binary_wait(self->fd, binary, SOON_MS));
	EXPECT_EQ(0, job_status(self->fd, binary));
}

/* The last job does not wait for the gate. */
static void expect_free(struct __test_metadata *_metadata, FIXTURE_DATA(wait) * self,
			uint32_t binary)
{
	EXPECT_EQ(0, binary_wait(self->fd, binary, SOON_MS / 2));
	EXPECT_EQ(0, job_status(self->fd, binary));
}

FIXTURE_VARIANT(wait)
{
	int calls;
};

/* Everything that is true of one call is true of three. */
FIXTURE_VARIANT_ADD(wait, one_call){ .calls = 1 };
FIXTURE_VARIANT_ADD(wait, three_calls){ .calls = 3 };

static int submit_all(FIXTURE_DATA(wait) * self, const FIXTURE_VARIANT(wait) * variant)
{
	int ret = 0;

	if (variant->calls == 1)
		return submit_range(self, 0, STREAMS, NULL);
	for (int i = 0; i < STREAMS && !ret; i++)
		ret = submit_range(self, i, 1, NULL);
	return ret;
}

/* A point is reached when the points before it are. */
TEST_F(wait, earlier_points_count)
{
	uint32_t end;

	job_sync(&self->j[0], self->gated, WAIT, 0);
	job_sync(&self->j[0], self->timeline, SIGNAL, 1);
	job_sync(&self->j[1], self->timeline, SIGNAL, 2);
	job_sync(&self->j[2], self->timeline, WAIT, 2);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_gated(_metadata, self, end);
}

/* Also those of earlier calls. */
TEST_F(wait, points_of_earlier_calls_count)
{
	uint32_t end;

	job_sync(&self->j[0], self->gated, WAIT, 0);
	job_sync(&self->j[0], self->timeline, SIGNAL, 1);
	job_sync(&self->j[1], self->timeline, SIGNAL, 2);
	job_sync(&self->j[2], self->timeline, WAIT, 2);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_range(self, 0, 1, NULL));
	ASSERT_EQ(0, submit_range(self, 1, 2, NULL));
	expect_gated(_metadata, self, end);
}

/* Points behind the one that is waited for do not count. */
TEST_F(wait, later_points_do_not_count)
{
	uint32_t end;

	job_sync(&self->j[0], self->timeline, SIGNAL, 1);
	job_sync(&self->j[1], self->gated, WAIT, 0);
	job_sync(&self->j[1], self->timeline, SIGNAL, 2);
	job_sync(&self->j[2], self->timeline, WAIT, 1);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_free(_metadata, self, end);
}

/* A point that is there already is not waited for through jobs that come later. */
TEST_F(wait, signaled_point_is_free)
{
	uint32_t end;

	job_sync(&self->j[0], self->timeline, SIGNAL, 1);
	ASSERT_EQ(0, submit_range(self, 0, 1, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, self->timeline, 1, SOON_MS));
	job_sync(&self->j[1], self->gated, WAIT, 0);
	job_sync(&self->j[1], self->timeline, SIGNAL, 5);
	job_sync(&self->j[2], self->timeline, WAIT, 1);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_range(self, 1, 2, NULL));
	expect_free(_metadata, self, end);
}

/* A point between two is reached by the next one. */
TEST_F(wait, point_between_is_reached_by_the_next)
{
	uint32_t end;

	job_sync(&self->j[0], self->timeline, SIGNAL, 1);
	job_sync(&self->j[1], self->gated, WAIT, 0);
	job_sync(&self->j[1], self->timeline, SIGNAL, 7);
	job_sync(&self->j[2], self->timeline, WAIT, 4);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_gated(_metadata, self, end);
}

/* Two points by one job, and a wait for a binary syncobj that is a timeline. */
TEST_F(wait, binary_wait_for_a_timeline_is_for_all_of_it)
{
	uint32_t end;

	job_sync(&self->j[0], self->gated, WAIT, 0);
	job_sync(&self->j[0], self->timeline, SIGNAL, 1);
	job_sync(&self->j[0], self->timeline, SIGNAL, 2);
	job_sync(&self->j[1], self->timeline, SIGNAL, 3);
	job_sync(&self->j[2], self->timeline, WAIT, 0);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_gated(_metadata, self, end);
}

/* A handle is a name; the syncobj is what counts. */
TEST_F(wait, alias_of_a_timeline)
{
	uint32_t other, end;

	ASSERT_EQ(0, alias(self->fd, self->timeline, &other));
	ASSERT_NE(self->timeline, other);
	job_sync(&self->j[0], self->gated, WAIT, 0);
	job_sync(&self->j[0], self->timeline, SIGNAL, 1);
	job_sync(&self->j[2], other, WAIT, 1);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_gated(_metadata, self, end);
}

TEST_F(wait, alias_of_a_binary_syncobj)
{
	uint32_t stale, other, end;

	/* it has a fence that is signaled */
	ASSERT_EQ(0, track(self, 0, &stale));
	ASSERT_EQ(0, submit_range(self, 0, 1, NULL));
	ASSERT_EQ(0, binary_wait(self->fd, stale, SOON_MS));
	ASSERT_EQ(0, alias(self->fd, stale, &other));
	job_sync(&self->j[0], self->gated, WAIT, 0);
	job_sync(&self->j[2], other, WAIT, 0);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_gated(_metadata, self, end);
}

/* What was put there last counts, not what it replaced. */
TEST_F(wait, replaced_binary_syncobj)
{
	uint32_t end;

	job_sync(&self->j[0], self->gated, WAIT, 0);
	job_sync(&self->j[0], self->timeline, SIGNAL, 0);
	job_sync(&self->j[1], self->timeline, SIGNAL, 0);
	job_sync(&self->j[2], self->timeline, WAIT, 0);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_free(_metadata, self, end);
}

/* The gate's own syncobj is replaced by a job: nobody behind it waits for the gate. */
TEST_F(wait, replaced_foreign_fence)
{
	uint32_t end;

	job_sync(&self->j[1], self->gated, SIGNAL, 0);
	job_sync(&self->j[2], self->gated, WAIT, 0);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_free(_metadata, self, end);
}

/* A job's own signal is not what its wait is for, whatever their order. */
TEST_F(wait, own_signal_comes_after_own_wait)
{
	uint32_t end;

	job_sync(&self->j[2], self->gated, SIGNAL, 0);
	job_sync(&self->j[2], self->gated, WAIT, 0);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_gated(_metadata, self, end);
}

/* A point on top of a plain fence is reached after that. */
TEST_F(wait, point_on_top_of_a_fence)
{
	uint32_t end;

	job_sync(&self->j[1], self->gated, SIGNAL, 3);
	job_sync(&self->j[2], self->gated, WAIT, 2);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	expect_gated(_metadata, self, end);
}

/* What nobody will reach is refused, and nothing is queued. */
TEST_F(wait, unreachable_is_refused)
{
	struct drm_snnq_stream_query q;
	uint32_t failed, never;

	ASSERT_EQ(0, syncobj_create(self->fd, &never));
	job_sync(&self->j[0], self->timeline, SIGNAL, 1);
	job_sync(&self->j[1], self->timeline, SIGNAL, 2);
	job_sync(&self->j[2], self->timeline, WAIT, 3);
	EXPECT_EQ(-EINVAL, submit_range(self, 0, 3, &failed));
	EXPECT_EQ(2, failed);
	/* a fence that replaces the timeline has no points */
	self->j[2].job.syncs.count = 0;
	job_sync(&self->j[1], self->timeline, SIGNAL, 0);
	job_sync(&self->j[2], self->timeline, WAIT, 1);
	EXPECT_EQ(-EINVAL, submit_range(self, 0, 3, &failed));
	EXPECT_EQ(2, failed);
	/* later jobs do not help earlier ones */
	self->j[1].job.syncs.count = 0;
	self->j[2].job.syncs.count = 0;
	job_sync(&self->j[1], never, WAIT, 0);
	job_sync(&self->j[2], never, SIGNAL, 0);
	EXPECT_EQ(-EINVAL, submit_range(self, 0, 3, &failed));
	EXPECT_EQ(1, failed);
	for (int i = 0; i < STREAMS; i++) {
		ASSERT_EQ(0, stream_query(self->fd, self->stream[i], &q));
		EXPECT_EQ(0, q.queued);
	}
	EXPECT_EQ(-EINVAL, timeline_wait(self->fd, self->timeline, 1, 0));
}

/* All of a job's waits count: foreign fences, earlier calls, jobs of the call. */
TEST_F(wait, several_waits)
{
	struct test_gate second;
	uint32_t behind, end;

	ASSERT_EQ(0, gate_create(4096, true, &second));
	ASSERT_EQ(0, gate_syncobj(self->fd, &second, &behind));
	job_sync(&self->j[0], self->gated, WAIT, 0);
	job_sync(&self->j[0], self->timeline, SIGNAL, 1);
	job_sync(&self->j[1], self->timeline, SIGNAL, 2);
	job_sync(&self->j[2], behind, WAIT, 0);
	ASSERT_EQ(0, track(self, 2, &end));
	/* as many as there may be */
	while (self->j[2].job.syncs.count < SNNQ_MAX_SYNCS_PER_JOB)
		job_sync(&self->j[2], self->timeline, WAIT, 1 + self->j[2].job.syncs.count % 2);
	ASSERT_EQ(0, submit_all(self, variant));
	EXPECT_EQ(-ETIME, binary_wait(self->fd, end, LATE_MS));
	ASSERT_EQ(0, gate_open(&second));
	expect_gated(_metadata, self, end);
	gate_destroy(&second);
}

/* What is cancelled waits for no more than it waits for already. */
TEST_F(wait, cancelled_job_drops_its_other_waits)
{
	struct drm_snnq_stream_destroy destroy = { .handle = self->stream[2] };
	struct test_gate first;
	uint32_t behind, end;

	ASSERT_EQ(0, gate_create(4096, true, &first));
	ASSERT_EQ(0, gate_syncobj(self->fd, &first, &behind));
	job_sync(&self->j[2], behind, WAIT, 0);
	job_sync(&self->j[2], self->gated, WAIT, 0);
	ASSERT_EQ(0, track(self, 2, &end));
	ASSERT_EQ(0, submit_all(self, variant));
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &destroy));
	ASSERT_EQ(0, gate_open(&first));
	EXPECT_EQ(0, binary_wait(self->fd, end, SOON_MS / 2));
	EXPECT_EQ(-ECANCELED, job_status(self->fd, end));
	gate_destroy(&first);
}

/* The most that a call may hold: every job waits for all before it. */
TEST_F(wait, long_chain)
{
	static struct test_job j[SNNQ_MAX_JOBS_PER_SUBMIT];
	struct drm_snnq_job jobs[SNNQ_MAX_JOBS_PER_SUBMIT];
	uint32_t end;

	for (uint32_t i = 0; i < SNNQ_MAX_JOBS_PER_SUBMIT; i++) {
		uint32_t stream = self->stream[i % STREAMS];

		job_fill(&j[i], &self->net, stream, 0, 1, 0, 0);
		job_sync(&j[i], i ? self->timeline : self->gated, WAIT, i);
		job_sync(&j[i], self->timeline, SIGNAL, i + 1);
	}
	ASSERT_EQ(0, job_track(self->fd, &j[SNNQ_MAX_JOBS_PER_SUBMIT - 1], &end));
	for (int i = 0; i < SNNQ_MAX_JOBS_PER_SUBMIT; i++)
		jobs[i] = j[i].job;
	ASSERT_EQ(0, submit(self->fd, jobs, SNNQ_MAX_JOBS_PER_SUBMIT, NULL));
	expect_gated(_metadata, self, end);
}

/* Busy in the middle of a call: places taken before are given back. */
TEST_F(wait, busy_stream_gives_places_back)
{
	const uint32_t most = dev_info(self->fd).max_queued_stream;
	struct drm_snnq_job jobs[SNNQ_MAX_JOBS_PER_SUBMIT];
	struct drm_snnq_stream_query q;
	uint32_t failed, end;

	job_sync(&self->j[0], self->gated, WAIT, 0);
	for (int i = 0; i < SNNQ_MAX_JOBS_PER_SUBMIT; i++)
		jobs[i] = self->j[0].job;
	ASSERT_EQ(0, most % SNNQ_MAX_JOBS_PER_SUBMIT);
	for (uint32_t i = 0; i < most / SNNQ_MAX_JOBS_PER_SUBMIT; i++)
		ASSERT_EQ(0, submit(self->fd, jobs, SNNQ_MAX_JOBS_PER_SUBMIT, NULL));
	jobs[0] = self->j[1].job;
	jobs[1] = self->j[1].job;
	jobs[2] = self->j[2].job;
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(-EBUSY, submit(self->fd, jobs, 4, &failed));
		EXPECT_EQ(3, failed);
	}
	for (int i = 0; i < STREAMS; i++) {
		ASSERT_EQ(0, stream_query(self->fd, self->stream[i], &q));
		EXPECT_EQ(i ? 0 : most, q.queued);
	}
	ASSERT_EQ(0, gate_open(&self->gate));
	/* a job of each, once there is room */
	for (int i = 0; i < 2; i++) {
		int ret;

		self->j[i].job.syncs.count = 0;
		ASSERT_EQ(0, track(self, i, &end));
		for (int tries = 0;
		     (ret = submit_range(self, i, 1, NULL)) == -EBUSY && tries < 1000; tries++)
			usleep(10000);
		ASSERT_EQ(0, ret);
		EXPECT_EQ(0, binary_wait(self->fd, end, SOON_MS));
		EXPECT_EQ(0, job_status(self->fd, end));
		ASSERT_EQ(0, stream_query(self->fd, self->stream[i], &q));
		EXPECT_EQ(i ? 1 : most + 1, q.steps);
	}
}

TEST_HARNESS_MAIN
