// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ends in the middle: close, destroy, exit and SIGKILL with work queued.
 * Catches: buffers, models or streams freed under a running job, fences never
 * signalled, a device left unusable for the next user.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snnq_harness.h"
#include "snnq_test.h"

#define STEPS 2048

FIXTURE(end)
{
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
};

FIXTURE_SETUP(end)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_EQ(0, net_create(self->fd, STEPS, 6, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(end)
{
	if (self->fd >= 0) {
		net_destroy(&self->net);
		close(self->fd);
	}
}

static int queue(int fd, struct test_net *net, uint32_t stream, uint32_t syncobj, int count)
{
	for (int i = 1; i <= count; i++) {
		struct test_job j;
		int ret;

		job_fill(&j, net, stream, 0, STEPS, syncobj, (uint64_t)i);
		ret = submit(fd, &j.job, 1, NULL);
		if (ret)
			return ret;
	}
	return 0;
}

/* The device still computes right for a new user. */
static bool works(void)
{
	struct test_net net;
	struct test_job j;
	uint32_t stream, syncobj;
	int fd = snnq_test_open();
	bool good;

	if (fd < 0 || net_create(fd, 64, 7, &net) || stream_create(fd, net.model, &stream) ||
	    syncobj_create(fd, &syncobj))
		return false;
	job_fill(&j, &net, stream, 0, 64, syncobj, 1);
	net_expect(&net, 0, 64);
	good = !submit(fd, &j.job, 1, NULL) && !timeline_wait(fd, syncobj, 1, 120000) &&
	       net_matches(&net);
	net_destroy(&net);
	close(fd);
	return good;
}

TEST_F(end, objects_destroyed_while_the_job_runs)
{
	struct drm_snnq_model_destroy model = { .handle = self->net.model };
	struct test_job j;

	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	net_expect(&self->net, 0, STEPS);
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_DESTROY, &model));
	bo_destroy(&self->net.weights);
	bo_destroy(&self->net.input);
	self->net.model = 0;
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 1, 20000));
	EXPECT_TRUE(net_matches(&self->net));
}

TEST_F_TIMEOUT(end, stream_destroyed_with_a_queue, 300)
{
	struct drm_snnq_stream_destroy d = { .handle = self->stream };

	ASSERT_EQ(0, queue(self->fd, &self->net, self->stream, self->syncobj, 50));
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &d));
	/* each fence is signalled, with or without an error */
	EXPECT_EQ(0, timeline_wait(self->fd, self->syncobj, 50, 120000));
	EXPECT_TRUE(works());
}

TEST_F_TIMEOUT(end, file_closed_with_a_queue, 300)
{
	ASSERT_EQ(0, queue(self->fd, &self->net, self->stream, self->syncobj, 50));
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(works());
}

static pid_t start_client(void)
{
	pid_t pid = fork();

	if (!pid) {
		struct test_net net;
		uint32_t stream, syncobj;
		int fd = snnq_test_open();

		if (fd < 0 || net_create(fd, STEPS, 8, &net) ||
		    stream_create(fd, net.model, &stream) || syncobj_create(fd, &syncobj))
			_exit(1);
		for (;;)
			if (queue(fd, &net, stream, syncobj, 30))
				timeline_wait(fd, syncobj, 30, 1000);
	}
	return pid;
}

TEST_F_TIMEOUT(end, killed_at_any_time, 300)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = start_client();
		int status;

		ASSERT_GT(pid, 0);
		usleep(2000 + 17000 * (i % 7));
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
	}
	EXPECT_TRUE(works());
}

TEST_HARNESS_MAIN
