// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints: each job tells once that it was submitted, that a core got it and that it
 * ended, in this order, and once more how it failed if it did.
 * Catches: events that are missing, doubled or in another order, fields that belong to
 * another job or are not what the job's record says, victims reported as faults.
 *
 * In a trace instance of its own. Injection registers as in fault_test.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fault.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define TRACEFS	 "/sys/kernel/tracing"
#define INSTANCE TRACEFS "/instances/snnq_test"
#define JOBS	 3

FIXTURE(trace)
{
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
	uint64_t device, client;
	struct test_bo results;
	char *text;
};

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (f && getdelim(&text, &size, 0, f) < 0) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text ? text : strdup("");
}

/* The number behind the first @key of a text, or all ones. */
static uint64_t number(const char *text, const char *key)
{
	const char *at = text ? strstr(text, key) : NULL;

	return at ? (uint64_t)strtoll(at + strlen(key), NULL, 0) : UINT64_MAX;
}

static bool trace_on(void)
{
	if (access(TRACEFS "/instances", F_OK) && mount("t", TRACEFS, "tracefs", 0, NULL))
		return false;
	mkdir(INSTANCE, 0700);
	return write_text(INSTANCE "/events/snnq/enable", "1");
}

FIXTURE_SETUP(trace)
{
	char path[64], *info;

	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	if (access(TRACEFS, F_OK))
		SKIP(return, "the kernel has no tracefs");
	ASSERT_TRUE(trace_on());
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd);
	info = read_all(path);
	self->client = number(info, "drm-client-id:");
	free(info);
	ASSERT_TRUE(node_path(self->fd, path));
	self->device = strtoul(strpbrk(strrchr(path, '/'), "0123456789"), NULL, 10);
	ASSERT_EQ(0, net_create(self->fd, STEPS, 13, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
	ASSERT_EQ(0, bo_create(self->fd, 4096, 0, &self->results));
}

FIXTURE_TEARDOWN(trace)
{
	free(self->text);
	if (self->fd < 0)
		return;
	rmdir(INSTANCE);
	net_destroy(&self->net);
	close(self->fd);
}

/* The line of the @nth event @name about job @seq, or NULL. */
static const char *event(const char *text, const char *name, uint64_t seq, int nth)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), " %s:", name);
	for (at = strstr(text, key); at; at = strstr(at + 1, key))
		if (number(at, " seq=") == seq && !nth--)
			return at;
	return NULL;
}

/* JOBS jobs in one call, of which the first fails with @broken; records in self->results. */
static int run_jobs(FIXTURE_DATA(trace) * self, volatile uint32_t *broken)
{
	struct drm_snnq_job jobs[JOBS];
	struct test_job j[JOBS];
	int ret;

	for (uint32_t i = 0; i < JOBS; i++) {
		job_fill(&j[i], &self->net, self->stream, 0, STEPS, self->syncobj, i + 1);
		job_result(&j[i].job, self->results.handle, 64 * i);
		jobs[i] = j[i].job;
	}
	if (broken)
		inject(broken, SNNQ_INJECT_DMA_ERROR, 8);
	ret = submit(self->fd, jobs, JOBS, NULL);
	if (!ret)
		ret = timeline_wait(self->fd, self->syncobj, JOBS, 60000);
	if (!ret)
		ret = bo_fetch(&self->results);
	self->text = read_all(INSTANCE "/trace");
	return ret;
}

static const char *const fields[][2] = {
	{ "snnq_job_submit", "u32 device u64 client u64 context u64 seq u32 steps u32 flags" },
	{ "snnq_job_run", "u32 device u64 client u64 context u64 seq u32 core u32 id" },
	{ "snnq_job_done", "u32 device u64 client u64 context u64 seq u32 core u32 id int error "
			   "u32 steps u64 cycles u64 ns" },
	{ "snnq_job_fault", "u32 device u64 client u64 context u64 seq u32 core u32 id int error "
			    "u32 status u32 layer u32 region u64 offset" },
};

/* Types and names of an event's own fields, in their order. */
static void fields_of(const char *name, char text[256])
{
	char path[96], *format, *line, type[16], field[32];

	snprintf(path, sizeof(path), INSTANCE "/events/snnq/%s/format", name);
	format = read_all(path);
	*text = 0;
	for (line = strtok(format, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, " field:%15s %31[a-z];", type, field) == 2 &&
		    strncmp(line, "\tfield:unsigned", 15) && strcmp(field, "common"))
			snprintf(text + strlen(text), 256 - strlen(text), "%s%s %s",
				 *text ? " " : "", type, field);
	free(format);
}

TEST_F(trace, events_have_the_fields_of_the_documentation)
{
	for (int i = 0; i < 4; i++) {
		char text[256];

		fields_of(fields[i][0], text);
		EXPECT_STREQ(fields[i][1], text);
	}
}

TEST_F(trace, a_job_tells_once_of_each_step)
{
	const struct drm_snnq_result *r = self->results.map;

	ASSERT_EQ(0, run_jobs(self, NULL));
	for (uint32_t i = 0; i < JOBS; i++) {
		const char *s = event(self->text, "snnq_job_submit", i + 1, 0);
		const char *run = event(self->text, "snnq_job_run", i + 1, 0);
		const char *done = event(self->text, "snnq_job_done", i + 1, 0);

		ASSERT_TRUE(s && run && done) TH_LOG("job %u of\n%s", i, self->text);
		EXPECT_TRUE(s < run && run < done);
		EXPECT_EQ(NULL, event(self->text, "snnq_job_submit", i + 1, 1));
		EXPECT_EQ(NULL, event(self->text, "snnq_job_run", i + 1, 1));
		EXPECT_EQ(NULL, event(self->text, "snnq_job_done", i + 1, 1));
		for (int n = 0; n < 3; n++) {
			const char *e = n == 0 ? s : n == 1 ? run : done;

			EXPECT_EQ(self->device, number(e, " device="));
			EXPECT_EQ(self->client, number(e, " client="));
			EXPECT_EQ(number(s, " context="), number(e, " context="));
		}
		EXPECT_EQ(STEPS, number(s, " steps="));
		EXPECT_EQ(i ? 0 : DRM_SNNQ_JOB_RESET, number(s, " flags="));
		EXPECT_GT(dev_info(self->fd).cores, number(run, " core="));
		EXPECT_EQ(number(run, " core="), number(done, " core="));
		EXPECT_EQ(number(run, " id="), number(done, " id="));
		EXPECT_EQ(0, number(done, " error="));
		EXPECT_EQ(STEPS, number(done, " steps="));
		EXPECT_EQ(r[i].cycles, number(done, " cycles="));
		EXPECT_EQ(r[i].end_ns - r[i].start_ns, number(done, " ns="));
	}
	EXPECT_EQ(NULL, strstr(self->text, "snnq_job_fault:"));
}

/* The first fails; those behind it are its victims, and no faults of their own. */
TEST_F(trace, a_job_that_fails_tells_of_its_fault)
{
	volatile uint32_t *regs = map_registers();
	const struct drm_snnq_result *r = self->results.map;
	const char *fault, *done;

	if (!regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	EXPECT_EQ(0, run_jobs(self, regs));
	unmap_registers(regs);
	fault = event(self->text, "snnq_job_fault", 1, 0);
	done = event(self->text, "snnq_job_done", 1, 0);
	ASSERT_TRUE(fault && done) TH_LOG("%s", self->text);
	EXPECT_TRUE(event(self->text, "snnq_job_run", 1, 0) < fault && fault < done);
	EXPECT_EQ(self->client, number(fault, " client="));
	EXPECT_EQ(number(done, " id="), number(fault, " id="));
	EXPECT_EQ(number(done, " core="), number(fault, " core="));
	EXPECT_EQ((uint64_t)-EIO, number(fault, " error="));
	EXPECT_EQ(SNNQ_STATUS_DMA, number(fault, " status="));
	EXPECT_EQ(r[0].layer, number(fault, " layer="));
	EXPECT_EQ(r[0].region, number(fault, " region="));
	EXPECT_EQ(0, number(fault, " offset=")); /* an address: not told */
	EXPECT_EQ((uint64_t)-EIO, number(done, " error="));
	for (uint32_t i = 1; i < JOBS; i++) {
		done = event(self->text, "snnq_job_done", i + 1, 0);
		EXPECT_EQ(r[i].error == -ECANCELED, !event(self->text, "snnq_job_fault", i + 1, 0));
		EXPECT_EQ((uint64_t)(int64_t)r[i].error, number(done, " error="));
	}
}

/* What never reaches a core ends without having run. */
TEST_F(trace, a_job_that_is_cancelled_in_its_queue_does_not_run)
{
	struct drm_snnq_stream_destroy destroy = { .handle = self->stream };
	struct test_gate gate;
	struct test_job j;
	uint32_t wait;

	if (gate_for_jobs(self->fd, &gate, &wait))
		SKIP(return, "neither sw_sync nor vgem");
	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	job_sync(&j, wait, DRM_SNNQ_SYNC_WAIT, 0);
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &destroy));
	ASSERT_EQ(0, gate_open(&gate));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 1, 60000));
	gate_destroy(&gate);
	self->text = read_all(INSTANCE "/trace");
	EXPECT_NE(NULL, event(self->text, "snnq_job_submit", 1, 0));
	EXPECT_EQ(NULL, event(self->text, "snnq_job_run", 1, 0));
	EXPECT_EQ((uint64_t)-ECANCELED,
		  number(event(self->text, "snnq_job_done", 1, 0), " error="));
	EXPECT_EQ(NULL, event(self->text, "snnq_job_fault", 1, 0));
}

TEST_HARNESS_MAIN
