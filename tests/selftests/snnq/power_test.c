// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power: an idle device sleeps and wakes for the next job; what happens to the device
 * on its bus meanwhile loses nothing.
 * Catches: a device that never sleeps or does not come back, registers that are read
 * while it has no power, jobs that keep it awake though they only wait, state or jobs
 * lost by a reset of the function, references to its power that are never put.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "fault.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define DELAY_MS  50
#define ROUNDS	  10
#define INNOCENTS 4

FIXTURE(power)
{
	int fd;
	char pci[32];
	struct test_net net;
	uint32_t stream, syncobj;
	uint64_t point;
};

static void attribute(const char *pci, const char *name, char path[128])
{
	snprintf(path, 128, "%s/devices/%s/%s", bus_of(pci), pci, name);
}

static bool set(const char *pci, const char *name, const char *value)
{
	char path[128];

	attribute(pci, name, path);
	return write_text(path, value);
}

static bool is(const char *pci, const char *name, const char *value)
{
	char path[128], text[64] = "";
	int fd;

	attribute(pci, name, path);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		perror(path);
	close(fd);
	return !strncmp(text, value, strlen(value));
}

static bool asleep(const char *pci)
{
	return is(pci, "power/runtime_status", "suspended");
}

static bool sleeps_within(const char *pci, int ms)
{
	while (!asleep(pci) && ms > 0) {
		usleep(10000);
		ms -= 10;
	}
	return asleep(pci);
}

static uint64_t resets(int fd)
{
	struct drm_snnq_stats s = stats(fd, DRM_SNNQ_QUERY_DEV_STATS);

	return s.hangs + s.core_resets + s.device_resets + s.bad_completions;
}

FIXTURE_SETUP(power)
{
	char delay[16];

	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_TRUE(pci_name(self->fd, self->pci));
	snprintf(delay, sizeof(delay), "%d", DELAY_MS);
	ASSERT_TRUE(set(self->pci, "power/autosuspend_delay_ms", delay));
	ASSERT_TRUE(is(self->pci, "power/control", "auto"));
	ASSERT_EQ(0, net_create(self->fd, STEPS, 17, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(power)
{
	if (self->fd < 0)
		return;
	set(self->pci, "power/autosuspend_delay_ms", "1000");
	net_destroy(&self->net);
	close(self->fd);
}

/* A job of the fixture's stream, whose state goes on from one to the next. */
static bool computes(FIXTURE_DATA(power) * self)
{
	if (run_one(self->fd, &self->net, self->stream, self->syncobj, ++self->point))
		return false;
	net_expect(&self->net, 0, STEPS);
	return net_matches(&self->net);
}

TEST_F_TIMEOUT(power, an_idle_device_sleeps_and_wakes, 300)
{
	uint64_t before = resets(self->fd);

	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(sleeps_within(self->pci, 20000)) TH_LOG("round %d", i);
		ASSERT_TRUE(computes(self)) TH_LOG("round %d", i);
	}
	/* Nor does what needs no device wake it. */
	ASSERT_TRUE(sleeps_within(self->pci, 20000));
	close(snnq_test_open());
	EXPECT_EQ(0, stream_reset(self->fd, self->stream));
	EXPECT_TRUE(asleep(self->pci));
	EXPECT_EQ(before, resets(self->fd));
}

/* Jobs that come just as it falls asleep. */
TEST_F_TIMEOUT(power, jobs_meet_it_falling_asleep, 300)
{
	uint64_t before = resets(self->fd);

	ASSERT_TRUE(set(self->pci, "power/autosuspend_delay_ms", "0"));
	for (int i = 0; i < 40 * ROUNDS; i++) {
		ASSERT_TRUE(computes(self)) TH_LOG("round %d", i);
		usleep((useconds_t)(i * 37 % 1000));
	}
	EXPECT_EQ(before, resets(self->fd));
}

/* A job that waits for somebody does not need the device yet. */
TEST_F_TIMEOUT(power, a_job_that_waits_lets_it_sleep, 300)
{
	struct test_gate gate;
	struct test_job j;
	uint32_t wait;
	int ret = gate_for_jobs(self->fd, &gate, &wait);

	if (ret)
		SKIP(return, "neither sw_sync nor vgem");
	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, ++self->point);
	job_sync(&j, wait, DRM_SNNQ_SYNC_WAIT, 0);
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	EXPECT_TRUE(sleeps_within(self->pci, 8000));
	ASSERT_EQ(0, gate_open(&gate));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, self->point, 60000));
	net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
	gate_destroy(&gate);
}

/* Removed, bound anew, and looked at, while it sleeps. */
TEST_F_TIMEOUT(power, what_happens_while_it_sleeps, 300)
{
	char path[64];
	int dir;

	ASSERT_TRUE(sleeps_within(self->pci, 20000));
	dir = open("/sys/kernel/debug/accel", O_RDONLY | O_DIRECTORY);
	for (int i = 0; dir >= 0 && i < 64; i++) {
		char text[4096];
		int fd;

		snprintf(path, sizeof(path), "%d/cores", i);
		fd = openat(dir, path, O_RDONLY);
		if (fd >= 0)
			EXPECT_LT(0, read(fd, text, sizeof(text)));
		close(fd);
	}
	close(dir);
	EXPECT_TRUE(asleep(self->pci));
	ASSERT_TRUE(device_unbind(self->pci));
	ASSERT_TRUE(device_bind(self->pci));
	EXPECT_TRUE(device_works(snnq_test_open()));
	ASSERT_TRUE(set(self->pci, "power/autosuspend_delay_ms", "0"));
	EXPECT_TRUE(sleeps_within(self->pci, 20000));
	ASSERT_TRUE(device_remove(self->pci));
	ASSERT_TRUE(device_rescan(self->pci));
	EXPECT_TRUE(device_works(snnq_test_open()));
}

/* Its function is reset again and again, at work and asleep: clients do not notice. */
TEST_F_TIMEOUT(power, resets_of_the_function_lose_nothing, 300)
{
	struct drm_snnq_stats before = stats(self->fd, DRM_SNNQ_QUERY_DEV_STATS), after;
	pid_t innocent[INNOCENTS];
	char path[128];

	attribute(self->pci, "reset", path);
	if (access(path, W_OK))
		SKIP(return, "the bus has no reset of a function");
	ASSERT_TRUE(computes(self));
	for (int i = 0; i < INNOCENTS; i++)
		innocent[i] = start_innocent(700 + (uint32_t)i, 0);
	for (int i = 0; i < 2 * ROUNDS; i++) {
		usleep((useconds_t)(i * 7919 % 100000));
		ASSERT_TRUE(set(self->pci, "reset", "1"));
	}
	for (int i = 0; i < INNOCENTS; i++)
		EXPECT_EQ(0, end_innocent(innocent[i]));
	EXPECT_TRUE(computes(self));
	EXPECT_TRUE(sleeps_within(self->pci, 20000));
	EXPECT_TRUE(set(self->pci, "reset", "1"));
	EXPECT_TRUE(computes(self));
	EXPECT_TRUE(sleeps_within(self->pci, 20000));
	after = stats(self->fd, DRM_SNNQ_QUERY_DEV_STATS);
	EXPECT_EQ(before.hangs, after.hangs);
	EXPECT_EQ(before.jobs_failed, after.jobs_failed);
}

TEST_HARNESS_MAIN
