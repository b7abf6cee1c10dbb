// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery: what the device does wrong hurts whoever made it do so, in bounded
 * time, and nobody else; and those who are gone do not keep the hardware.
 * Catches: clients of a core that fail with it, jobs ended twice, a watch that
 * others can put off, work of the dead that runs on, resets that do not help and
 * are repeated for ever, a device that does not come back from sleep.
 *
 * Injection registers as in fault_test.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define INNOCENTS    5
#define ERRORS	     400000 /* of some 100000 interrupts in a row the kernel thinks */
#define HOG_TOKENS_Y 256
#define HOG_TOKENS_X 128
#define HOG_CHANNELS 8192
#define HOG_BYTES    ((uint64_t)HOG_TOKENS_Y * HOG_TOKENS_X * HOG_CHANNELS / 8)

FIXTURE(recover)
{
	volatile uint32_t *regs;
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
	pid_t innocents[INNOCENTS];
	int innocent_count;
};

static uint64_t resets(int fd)
{
	struct drm_snnq_stats s = stats(fd, DRM_SNNQ_QUERY_DEV_STATS);

	return s.core_resets + s.device_resets;
}

/* Errors that an earlier test injected last may still be on their way, on a slow machine. */
static void wait_for_recovery(int fd)
{
	uint64_t before;

	do {
		before = resets(fd);
		usleep(1000000);
	} while (resets(fd) != before);
}

FIXTURE_SETUP(recover)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	self->regs = map_registers();
	if (!self->regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	wait_for_recovery(self->fd);
	ASSERT_EQ(0, net_create(self->fd, STEPS, 9, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(recover)
{
	unmap_registers(self->regs);
	while (self->innocent_count)
		end_innocent(self->innocents[--self->innocent_count]);
	if (self->fd >= 0) {
		net_destroy(&self->net);
		close(self->fd);
	}
}

static void start_innocents(FIXTURE_DATA(recover) * self)
{
	while (self->innocent_count < INNOCENTS) {
		int i = self->innocent_count++;

		self->innocents[i] = start_innocent(500 + (uint32_t)i, 0);
	}
	usleep(300000);
}

/* Number of them that lost something. */
static int end_innocents(FIXTURE_DATA(recover) * self)
{
	int hurt = 0;

	while (self->innocent_count)
		hurt += end_innocent(self->innocents[--self->innocent_count]) != 0;
	return hurt;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double parameter_s(const char *name)
{
	char path[96];
	unsigned int ms = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/snnq/parameters/%s", name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%u", &ms) != 1)
		ms = 0;
	if (f)
		fclose(f);
	return ms / 1000.0;
}

/* One record that is wrong, or missing, while all stand in line. */
TEST_F_TIMEOUT(recover, wrong_records_hurt_nobody, 300)
{
	for (uint32_t kind = SNNQ_INJECT_BAD_ID; kind < SNNQ_INJECT_BAD_COUNT; kind++) {
		start_innocents(self);
		for (int i = 0; i < 3; i++) {
			inject(self->regs, SNNQ_INJECT_BAD_RECORD, kind);
			usleep(200000);
		}
		EXPECT_EQ(0, end_innocents(self)) TH_LOG("kind %u", kind);
	}
}

/* What else goes wrong between device and driver, in one place and once. */
static const struct {
	const char *name;
	uint32_t what, value;
	bool reset; /* shows at a reset of a core that works */
} mishaps[] = {
	{ "record torn", SNNQ_INJECT_TORN_RECORD, 2000 },
	{ "doorbell lost", SNNQ_INJECT_LOST_DOORBELL, 1 },
	{ "three doorbells lost", SNNQ_INJECT_LOST_DOORBELL, 3 },
	{ "submission ring does not answer", SNNQ_INJECT_RING_ERROR, SNNQ_INJECT_RING_SUBMISSION },
	{ "completion ring does not answer", SNNQ_INJECT_RING_ERROR, SNNQ_INJECT_RING_COMPLETION },
	{ "record overtaken", SNNQ_INJECT_OVERTAKEN, 2000 },
	{ "interrupts lost", SNNQ_INJECT_LOST_IRQ, 2 },
	/* Later than a busy host delays the driver's last look: until then it is no late one. */
	{ "record after a reset", SNNQ_INJECT_LATE_RECORD, 50000, true },
};

TEST_F_TIMEOUT(recover, mishaps_hurt_nobody, 600)
{
	for (size_t i = 0; i < sizeof(mishaps) / sizeof(mishaps[0]); i++) {
		start_innocents(self);
		for (int round = 0; round < 3; round++) {
			inject(self->regs, mishaps[i].what, mishaps[i].value);
			if (mishaps[i].reset)
				inject(self->regs, SNNQ_INJECT_BAD_RECORD, SNNQ_INJECT_BAD_ID);
			usleep(200000);
		}
		EXPECT_EQ(0, end_innocents(self)) TH_LOG("%s", mishaps[i].name);
	}
}

/* Interrupts without cause, as fast as they come, on each vector. */
TEST_F_TIMEOUT(recover, floods_of_interrupts_are_survived, 300)
{
	for (uint32_t vector = 0; vector < 2; vector++) {
		start_innocents(self);
		inject(self->regs, SNNQ_INJECT_STORM_NS, 1000);
		inject(self->regs, SNNQ_INJECT_STORM_VECTOR, vector);
		inject(self->regs, SNNQ_INJECT_STORM, 1000000);
		sleep(3);
		inject(self->regs, SNNQ_INJECT_STORM, 0);
		EXPECT_EQ(0, end_innocents(self)) TH_LOG("vector %u", vector);
	}
}

/* An error that is never over, as on a line that does not fall. */
TEST_F_TIMEOUT(recover, floods_of_errors_are_survived, 300)
{
	for (int i = 0; i < ERRORS; i++)
		inject(self->regs, SNNQ_INJECT_DEV_ERROR, SNNQ_DEV_ERROR_SENSOR);
	start_innocents(self);
	sleep(1);
	EXPECT_EQ(0, end_innocents(self));
}

/* Bits that flip in one client's memory make one client's results wrong, at most. */
TEST_F_TIMEOUT(recover, flipped_bits_stay_with_their_client, 300)
{
	uint32_t flips[] = { SNNQ_INJECT_FLIP_WEIGHTS, SNNQ_INJECT_FLIP_STATE };

	for (int i = 0; i < 2; i++) {
		int wrong = 0;

		start_innocents(self);
		inject(self->regs, flips[i], i ? 7 : 12345);
		usleep(300000);
		while (self->innocent_count)
			wrong += end_innocent(self->innocents[--self->innocent_count]) != 0;
		EXPECT_LE(wrong, 1);
	}
}

/* A core that does not come out of its reset takes the device with it, not the clients. */
TEST_F_TIMEOUT(recover, a_stuck_core_reset_hurts_nobody_else, 300)
{
	start_innocents(self);
	inject(self->regs, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_CORE);
	inject(self->regs, SNNQ_INJECT_BAD_RECORD, SNNQ_INJECT_BAD_ID);
	sleep(2);
	inject(self->regs, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_NONE);
	EXPECT_EQ(0, end_innocents(self));
}

/* The whole device is reset again and again under everybody's jobs. */
TEST_F_TIMEOUT(recover, device_resets_hurt_nobody, 300)
{
	start_innocents(self);
	for (int i = 0; i < 40; i++) {
		inject(self->regs, SNNQ_INJECT_DEV_ERROR, SNNQ_DEV_ERROR_FATAL);
		usleep(50000);
	}
	EXPECT_EQ(0, end_innocents(self));
}

/* Jobs that others submit meanwhile do not put off that a hang is found. */
TEST_F_TIMEOUT(recover, a_hang_is_found_in_time_whatever_others_do, 300)
{
	double timeout = parameter_s("timeout_ms"), start;
	uint32_t other, point = 0;
	struct test_job j;

	ASSERT_LT(0, timeout);
	ASSERT_EQ(0, syncobj_create(self->fd, &other));
	inject(self->regs, SNNQ_INJECT_HANG_LEVEL, SNNQ_INJECT_HANG_UNTIL_CANCEL);
	inject(self->regs, SNNQ_INJECT_HANG_COUNT, 1);
	inject(self->regs, SNNQ_INJECT_HANG_LAYER, 1);
	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	start = now();
	while (timeline_wait(self->fd, self->syncobj, 1, (int64_t)(timeout * 200))) {
		uint32_t stream;

		ASSERT_EQ(0, stream_create(self->fd, self->net.model, &stream));
		job_fill(&j, &self->net, stream, 0, STEPS, other, ++point);
		ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	}
	EXPECT_GE(now() - start, timeout * 0.9);
	EXPECT_LE(now() - start, timeout * 1.5 + 1);
}

/*
 * ATTENTION with a head for each channel over as many tokens as there may be, some seconds at
 * least, again and again in a loop: days of work for any processor.
 */
static int hog_create(int fd, struct test_bo bo[2], uint32_t *model)
{
	struct {
		struct snnq_program_header header;
		struct snnq_region_desc region[4];
		struct snnq_layer layer;
	} p = {
		.header = {
			.magic = SNNQ_PROGRAM_MAGIC, .version = SNNQ_PROGRAM_VERSION,
			.header_bytes = sizeof(struct snnq_program_header),
			.region_bytes = sizeof(struct snnq_region_desc),
			.layer_bytes = sizeof(struct snnq_layer),
			.total_bytes = sizeof(p), .layer_count = 1, .region_count = 4,
			.max_steps = 1, .tile_steps = 1,
			.needs = SNNQ_PROGRAM_NEEDS_LOOPS,
			.state_bytes = sizeof(struct snnq_state_header),
		},
		.layer = {
			.op = SNNQ_OP_ATTENTION, .param = HOG_CHANNELS,
			.loop = 1, .loop_count = 0xffff,
		},
	};
	int ret;

	for (uint32_t i = 0; i < 4; i++) {
		struct snnq_tensor *t = i < 3 ? &p.layer.in[i] : &p.layer.out;

		p.region[i] = (struct snnq_region_desc){
			.step_bytes = HOG_BYTES,
			.access = i < 3 ? SNNQ_ACCESS_READ : SNNQ_ACCESS_WRITE,
			.role = i < 3 ? SNNQ_ROLE_INPUT : SNNQ_ROLE_OUTPUT,
		};
		*t = (struct snnq_tensor){
			.region = SNNQ_REGION_USER + i,
			.format = SNNQ_FORMAT_UNSIGNED,
			.planes = 1,
			.height = HOG_TOKENS_Y,
			.width = HOG_TOKENS_X,
			.channels = HOG_CHANNELS,
		};
	}
	ret = model_create(fd, &p, sizeof(p), model);
	for (int i = 0; !ret && i < 2; i++)
		ret = bo_create(fd, HOG_BYTES, 0, &bo[i]);
	if (!ret)
		memset(bo[0].map, 0xff, HOG_BYTES);
	return ret;
}

/* A job of a new stream of it. */
static int hog_submit(int fd, struct test_bo bo[2], uint32_t model, uint32_t limit_ms,
		      uint32_t *stream, uint32_t *binary)
{
	struct drm_snnq_stream_create create = {
		.model = model,
		.priority = DRM_SNNQ_PRIORITY_NORMAL,
		.limit_ms = limit_ms,
	};
	struct drm_snnq_binding binding[4];
	struct test_job j = {};
	int ret = snnq_ioctl(fd, DRM_IOCTL_SNNQ_STREAM_CREATE, &create);

	for (int i = 0; i < 4; i++)
		binding[i] = (struct drm_snnq_binding){
			.handle = bo[i / 3].handle,
			.size = HOG_BYTES,
		};
	*stream = create.handle;
	j.job = (struct drm_snnq_job){
		.stream = *stream,
		.steps = 1,
		.bindings = { (uintptr_t)binding, 4, sizeof(binding[0]) },
		.syncs = { (uintptr_t)j.sync, 0, sizeof(j.sync[0]) },
	};
	if (!ret && binary)
		ret = job_track(fd, &j, binary);
	return ret ? ret : submit(fd, &j.job, 1, NULL);
}

/* Fills the rings of all cores, and more, until it is killed. */
static pid_t start_hog(int *ready)
{
	int end[2];
	pid_t pid;

	if (pipe(end))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct test_bo bo[2];
		uint32_t model, stream;
		int fd = snnq_test_open(), ret;

		ret = hog_create(fd, bo, &model);
		for (int i = 0; !ret && i < 40; i++)
			ret = hog_submit(fd, bo, model, 0, &stream, NULL);
		if (ret || write(end[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(end[1]);
	*ready = end[0];
	return pid;
}

TEST_F_TIMEOUT(recover, a_killed_client_frees_the_cores, 300)
{
	double start;
	int ready;
	char c;
	pid_t pid = start_hog(&ready);

	ASSERT_GT(pid, 0);
	ASSERT_EQ(1, read(ready, &c, 1));
	close(ready);
	sleep(1);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(-1, exit_status(pid));
	start = now();
	EXPECT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
	TH_LOG("another client's job was done after %.1f s", now() - start);
	EXPECT_LT(now() - start, 10);
}

TEST_F_TIMEOUT(recover, a_destroyed_stream_frees_the_cores, 300)
{
	struct drm_snnq_stream_destroy destroy = {};
	uint32_t model, stream[20], binary[20];
	struct test_bo bo[2];
	double start;

	ASSERT_EQ(0, hog_create(self->fd, bo, &model));
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, hog_submit(self->fd, bo, model, 0, &stream[i], &binary[i]));
	}
	sleep(1);
	start = now();
	for (int i = 0; i < 20; i++) {
		destroy.handle = stream[i];
		ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &destroy));
	}
	EXPECT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	TH_LOG("another stream's job was done after %.1f s", now() - start);
	EXPECT_LT(now() - start, 10);
	for (int i = 0; i < 20; i++) {
		while (job_busy(self->fd, binary[i]) && now() - start < 10)
			usleep(10000);
		EXPECT_EQ(-ECANCELED, job_status(self->fd, binary[i])) TH_LOG("job %d", i);
	}
	for (int i = 0; i < 2; i++)
		bo_destroy(&bo[i]);
}

/* Progress alone does not keep a job alive: the stream's limit, and the device's. */
TEST_F_TIMEOUT(recover, a_job_ends_at_its_limit, 300)
{
	double limit[2] = { 1.5, parameter_s("limit_ms") }, start, took;
	uint32_t model, stream, binary;
	struct test_bo bo[2];

	ASSERT_LT(0, limit[1]);
	ASSERT_EQ(0, hog_create(self->fd, bo, &model));
	for (int i = 0; i < 2; i++) {
		start = now();
		ASSERT_EQ(0, hog_submit(self->fd, bo, model, i ? 0 : 1500, &stream, &binary));
		ASSERT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj,
				     1 + (uint64_t)i));
		while (job_busy(self->fd, binary) && now() - start < 100)
			usleep(50000);
		took = now() - start;
		EXPECT_EQ(-ETIME, job_status(self->fd, binary));
		TH_LOG("limit %.1f s, ended after %.1f s", limit[i], took);
		EXPECT_GE(took, limit[i] * 0.9);
		EXPECT_LE(took, limit[i] + parameter_s("timeout_ms") + 2);
	}
	for (int i = 0; i < 2; i++)
		bo_destroy(&bo[i]);
}

/* A job that makes the whole device fail each time it runs is not put back for ever. */
TEST_F_TIMEOUT(recover, a_job_at_work_at_each_fatal_error_ends, 300)
{
	uint32_t model, stream, binary;
	struct test_bo bo[2];
	int n;

	ASSERT_EQ(0, hog_create(self->fd, bo, &model));
	start_innocents(self);
	ASSERT_EQ(0, hog_submit(self->fd, bo, model, 0, &stream, &binary));
	for (n = 0; n < 100 && job_busy(self->fd, binary); n++) {
		inject(self->regs, SNNQ_INJECT_DEV_ERROR, SNNQ_DEV_ERROR_FATAL);
		usleep(50000);
	}
	TH_LOG("ended after %d fatal errors", n);
	EXPECT_EQ(-EIO, job_status(self->fd, binary));
	EXPECT_EQ(0, end_innocents(self));
	EXPECT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	for (int i = 0; i < 2; i++)
		bo_destroy(&bo[i]);
}

/* The most work that can lie between two looks of a core at what it is told. */
TEST_F_TIMEOUT(recover, the_heaviest_position_can_be_cancelled, 300)
{
	uint32_t model, stream, binary;
	struct test_bo bo[2];
	double start;

	ASSERT_EQ(0, hog_create(self->fd, bo, &model));
	start_innocents(self);
	start = now();
	ASSERT_EQ(0, hog_submit(self->fd, bo, model, 2000, &stream, &binary));
	while (job_busy(self->fd, binary) && now() - start < 60)
		usleep(50000);
	TH_LOG("ended after %.1f s", now() - start);
	EXPECT_LT(now() - start, 2 + parameter_s("timeout_ms") + 2);
	EXPECT_EQ(-ETIME, job_status(self->fd, binary));
	EXPECT_EQ(0, end_innocents(self));
	EXPECT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	for (int i = 0; i < 2; i++)
		bo_destroy(&bo[i]);
}

/* Asleep, the device forgets all that it was told; jobs in flight start again. */
TEST_F_TIMEOUT(recover, sleep_loses_nothing, 300)
{
	struct drm_snnq_stream_query q;

	if (access("/sys/class/rtc/rtc0/wakealarm", W_OK))
		SKIP(return, "no clock to wake the machine up");
	start_innocents(self);
	ASSERT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	for (uint64_t i = 2; i < 5; i++) {
		struct test_job j;

		inject(self->regs, SNNQ_INJECT_SLOW_NS, 3000000);
		job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 2 * i);
		ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
		write_text("/sys/class/rtc/rtc0/wakealarm", "0");
		ASSERT_TRUE(write_text("/sys/class/rtc/rtc0/wakealarm", "+3"));
		ASSERT_TRUE(write_text("/sys/power/state", "mem"));
		inject(self->regs, SNNQ_INJECT_SLOW_NS, 0);
		EXPECT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 2 * i + 1));
	}
	net_expect(&self->net, 0, STEPS);
	for (int i = 0; i < 6; i++)
		net_expect(&self->net, 0, STEPS);
	EXPECT_TRUE(net_matches(&self->net));
	ASSERT_EQ(0, stream_query(self->fd, self->stream, &q));
	EXPECT_EQ(7 * STEPS, q.steps);
	EXPECT_EQ(0, end_innocents(self));
}

TEST_HARNESS_MAIN
