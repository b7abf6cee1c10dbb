// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: right results, in order, alone and beside others.
 * Catches: lost state between jobs, completions mixed up between jobs, streams
 * or files, waits that return early, rings that break when they wrap.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snnq_harness.h"
#include "snnq_test.h"

#define STEPS 256

FIXTURE(submit)
{
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
};

FIXTURE_SETUP(submit)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_EQ(0, net_create(self->fd, STEPS, 2, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(submit)
{
	if (self->fd >= 0) {
		net_destroy(&self->net);
		close(self->fd);
	}
}

TEST_F(submit, one_job)
{
	struct drm_snnq_stream_query q;
	struct test_job j;
	uint32_t binary;

	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	ASSERT_EQ(0, job_track(self->fd, &j, &binary));
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 1, 10000));
	EXPECT_EQ(0, job_status(self->fd, binary));
	net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
	EXPECT_NE(0, self->net.sum[0] | self->net.sum[1] | self->net.sum[2]);
	ASSERT_EQ(0, stream_query(self->fd, self->stream, &q));
	EXPECT_EQ(STEPS, q.steps);
	EXPECT_EQ(DRM_SNNQ_STREAM_OK, q.state);
}

TEST_F_TIMEOUT(submit, longest_program, 120)
{
	uint32_t bytes = dev_info(self->fd).max_program_bytes, model, stream;
	struct test_job j;

	ASSERT_LT(1u << 20, bytes);
	ASSERT_EQ(0, long_model_create(self->fd, STEPS, bytes, &model));
	ASSERT_EQ(0, stream_create(self->fd, model, &stream));
	for (uint64_t point = 1; point <= 2; point++) {
		job_fill(&j, &self->net, stream, 0, STEPS, self->syncobj, point);
		ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
		ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, point, 60000));
		net_expect(&self->net, 0, STEPS);
		EXPECT_TRUE(net_matches(&self->net));
	}
}

/* Many short jobs of one stream equal one long job; more than a ring holds. */
TEST_F_TIMEOUT(submit, jobs_of_eight_steps, 300)
{
	uint64_t point = 0;

	for (int round = 0; round < 64; round++) {
		struct test_job j[STEPS / 8];
		struct drm_snnq_job jobs[STEPS / 8];

		for (int i = 0; i < STEPS / 8; i++) {
			job_fill(&j[i], &self->net, self->stream, 8 * i, 8, self->syncobj, ++point);
			jobs[i] = j[i].job;
		}
		ASSERT_EQ(0, submit(self->fd, jobs, STEPS / 8, NULL));
		ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, point, 10000));
		net_expect(&self->net, 0, STEPS);
		ASSERT_TRUE(net_matches(&self->net)) TH_LOG("round %d", round);
	}
}

TEST_F(submit, reset_starts_from_zero_state)
{
	struct test_job j;

	for (uint64_t point = 1; point <= 4; point++) {
		job_fill(&j, &self->net, self->stream, 0, 100, self->syncobj, point);
		if (point == 2)
			ASSERT_EQ(0, stream_reset(self->fd, self->stream));
		if (point == 3)
			j.job.flags = DRM_SNNQ_JOB_RESET;
		if (point == 2 || point == 3)
			net_expect_reset(&self->net);
		ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
		ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, point, 10000));
		net_expect(&self->net, 0, 100);
		EXPECT_TRUE(net_matches(&self->net)) TH_LOG("job %d", (int)point);
	}
}

/* A job waits for its in-sync, and for nothing else. */
TEST_F(submit, waits_for_a_syncobj)
{
	struct test_job first, second;
	uint32_t gate, other;

	ASSERT_EQ(0, syncobj_create(self->fd, &gate));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &other));
	/* the gate's point is the end of a job of another stream */
	job_fill(&first, &self->net, other, 0, STEPS, gate, 1);
	job_fill(&second, &self->net, self->stream, 0, 64, self->syncobj, 1);
	second.sync[1] = (struct drm_snnq_sync){
		.handle = gate,
		.flags = DRM_SNNQ_SYNC_WAIT | DRM_SNNQ_SYNC_TIMELINE,
		.point = 1,
	};
	second.job.syncs.count = 2;
	/* not yet submitted: nothing to wait for */
	EXPECT_EQ(-EINVAL, submit(self->fd, &second.job, 1, NULL));
	ASSERT_EQ(0, submit(self->fd, &first.job, 1, NULL));
	ASSERT_EQ(0, submit(self->fd, &second.job, 1, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 1, 10000));
	EXPECT_EQ(0, timeline_wait(self->fd, gate, 1, 0));
	net_expect(&self->net, 0, 64);
	EXPECT_TRUE(net_matches(&self->net));
}

/* A later job of one call may wait for what an earlier one signals. */
TEST_F(submit, chain_within_one_call)
{
	struct test_job j[2];
	struct drm_snnq_job jobs[2];
	uint32_t other;

	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &other));
	job_fill(&j[0], &self->net, other, 0, STEPS, self->syncobj, 1);
	job_fill(&j[1], &self->net, self->stream, 0, 32, self->syncobj, 2);
	j[1].sync[1] = (struct drm_snnq_sync){
		.handle = self->syncobj,
		.flags = DRM_SNNQ_SYNC_WAIT | DRM_SNNQ_SYNC_TIMELINE,
		.point = 1,
	};
	j[1].job.syncs.count = 2;
	jobs[0] = j[0].job;
	jobs[1] = j[1].job;
	ASSERT_EQ(0, submit(self->fd, jobs, 2, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 2, 10000));
	net_expect(&self->net, 0, 32);
	EXPECT_TRUE(net_matches(&self->net));
}

TEST_F(submit, binary_syncobj_and_sync_file_poll)
{
	struct drm_syncobj_handle file = {
		.handle = self->syncobj,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	struct pollfd p = { .events = POLLIN };
	struct test_job j;

	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	j.sync[0].flags = DRM_SNNQ_SYNC_SIGNAL;
	j.sync[0].point = 0;
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &file));
	p.fd = file.fd;
	EXPECT_EQ(1, poll(&p, 1, 10000));
	close(file.fd);
	net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
}

TEST_F(submit, profile_counters_are_exact)
{
	const struct snnq_layer_stats *s;
	const uint8_t *input = self->net.input.map;
	uint64_t spikes = 0;
	struct test_bo profile;
	struct test_job j;

	ASSERT_EQ(0, bo_create(self->fd, 4096, 0, &profile));
	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	job_profile(&j.job, profile.handle, 0, sizeof(*s));
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 1, 10000));
	ASSERT_EQ(0, bo_fetch(&profile));
	for (int i = 0; i < STEPS * CHANNELS / 8; i++)
		spikes += (unsigned int)__builtin_popcount(input[i]);
	s = profile.map;
	EXPECT_EQ(spikes, s[0].input_spikes);
	EXPECT_EQ(spikes * CHANNELS, s[0].synops);
	EXPECT_EQ(STEPS * CHANNELS, s[0].neuron_updates);
	EXPECT_EQ(STEPS, s[0].steps);
	EXPECT_EQ(s[0].output_spikes, s[1].input_spikes);
	bo_destroy(&profile);
}

/* Counters of later kernels are longer: each layer has its place, and nothing else is written. */
TEST_F(submit, profile_keeps_to_its_stride)
{
	const uint32_t stride = sizeof(struct snnq_layer_stats) + 72, offset = 64;
	const struct snnq_layer_stats *s[2];
	struct test_bo profile;
	struct test_job j;
	uint8_t *bytes;

	ASSERT_EQ(0, bo_create(self->fd, 4096, 0, &profile));
	bytes = profile.map;
	memset(bytes, 0xa5, profile.size);
	ASSERT_EQ(0, bo_flush(&profile));
	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	job_profile(&j.job, profile.handle, offset, stride);
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 1, 10000));
	ASSERT_EQ(0, bo_fetch(&profile));
	s[0] = (void *)(bytes + offset);
	s[1] = (void *)(bytes + offset + stride);
	EXPECT_EQ(STEPS, s[0]->steps);
	EXPECT_EQ(STEPS, s[1]->steps);
	EXPECT_EQ(s[0]->output_spikes, s[1]->input_spikes);
	for (uint32_t i = 0; i < profile.size; i++) {
		uint32_t layer = i < offset + stride ? 0 : 1;
		uint32_t at = i - offset - layer * stride;

		if (i < offset || at >= sizeof(*s[0]))
			EXPECT_EQ(0xa5, bytes[i]) TH_LOG("byte %u", i);
	}
	bo_destroy(&profile);
}

/* What the job says of itself is there when its fence is, in order of time. */
TEST_F(submit, results_tell_of_each_job)
{
	uint64_t before = (uint64_t)test_deadline_ns(0), after;
	const struct drm_snnq_result *r;
	struct drm_snnq_job jobs[4];
	struct test_job j[4];
	struct test_bo bo;

	ASSERT_EQ(0, bo_create(self->fd, 4096, 0, &bo));
	memset(bo.map, 0xa5, bo.size);
	ASSERT_EQ(0, bo_flush(&bo));
	for (uint32_t i = 0; i < 4; i++) {
		job_fill(&j[i], &self->net, self->stream, 0, 32 * (i + 1), self->syncobj, i + 1);
		job_result(&j[i].job, bo.handle, 64 * i);
		jobs[i] = j[i].job;
	}
	jobs[3].result_offset = bo.size - 64;
	ASSERT_EQ(0, submit(self->fd, jobs, 4, NULL));
	for (uint32_t i = 0; i < 4; i++) {
		ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, i + 1, 10000));
		ASSERT_EQ(0, bo_fetch(&bo));
		after = (uint64_t)test_deadline_ns(0);
		r = (void *)((char *)bo.map + jobs[i].result_offset);
		EXPECT_EQ(i + 1, r->seq);
		EXPECT_EQ(0, r->error);
		EXPECT_EQ(SNNQ_STATUS_OK, r->status);
		EXPECT_EQ(SNNQ_LAYER_NONE, r->layer);
		EXPECT_EQ(SNNQ_REGION_NONE, r->region);
		EXPECT_EQ(0, r->offset);
		EXPECT_EQ(32 * (i + 1), r->steps);
		EXPECT_EQ(0, r->reserved);
		EXPECT_LT(0, r->cycles);
		EXPECT_LE(before, r->start_ns);
		EXPECT_LE(r->start_ns, r->end_ns); /* of jobs that are seen to end at once */
		EXPECT_LE(r->end_ns, after);
		before = r->end_ns;
	}
	/* and nothing else was written */
	for (uint32_t i = 192; i < bo.size - 64; i++)
		ASSERT_EQ(0xa5, ((uint8_t *)bo.map)[i]);
	bo_destroy(&bo);
}

/* One process: its own file, network and stream; 0 when every result was right. */
static int run_client(uint32_t seed, int rounds)
{
	struct test_net net;
	uint32_t stream, syncobj;
	int fd = snnq_test_open();

	if (fd < 0 || net_create(fd, STEPS, seed, &net) || stream_create(fd, net.model, &stream) ||
	    syncobj_create(fd, &syncobj))
		return 1;
	for (int i = 1; i <= rounds; i++) {
		struct test_job j;

		job_fill(&j, &net, stream, 0, STEPS, syncobj, (uint64_t)i);
		if (submit(fd, &j.job, 1, NULL) || timeline_wait(fd, syncobj, (uint64_t)i, 120000))
			return 2;
		net_expect(&net, 0, STEPS);
		if (!net_matches(&net))
			return 3;
	}
	net_destroy(&net);
	close(fd);
	return 0;
}

TEST_F_TIMEOUT(submit, several_processes, 300)
{
	pid_t pid[6];

	for (int i = 0; i < 6; i++) {
		pid[i] = fork();
		ASSERT_GE(pid[i], 0);
		if (!pid[i])
			_exit(run_client(100 + (uint32_t)i, 40));
	}
	for (int i = 0; i < 6; i++) {
		int status;

		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status))
		TH_LOG("client %d: status %x", i, status);
	}
}

static void *client_thread(void *seed)
{
	return (void *)(intptr_t)run_client((uint32_t)(uintptr_t)seed, 40);
}

TEST_F_TIMEOUT(submit, several_threads, 300)
{
	pthread_t thread[4];
	void *ret;

	for (uintptr_t i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, client_thread, (void *)(200 + i)));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], &ret));
		EXPECT_EQ(0, (intptr_t)ret);
	}
}

TEST_F_TIMEOUT(submit, full_queue_is_busy_and_loses_nothing, 300)
{
	uint32_t most = dev_info(self->fd).max_queued_stream;
	uint64_t point = 0;
	int ret = 0;

	ASSERT_LT(0, most);
	for (uint32_t i = 0; i < 4 * most && !ret; i++) {
		struct test_job j;

		job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, point + 1);
		ret = submit(self->fd, &j.job, 1, NULL);
		if (!ret) {
			point++;
			net_expect(&self->net, 0, STEPS);
		}
	}
	EXPECT_TRUE(ret == 0 || ret == -EBUSY);
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, point, 240000));
	EXPECT_TRUE(net_matches(&self->net));
}

TEST_HARNESS_MAIN
