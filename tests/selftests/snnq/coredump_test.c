// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dump of a job that failed: what is in it, what is not, and for whom.
 * Catches: dumps without the job's own story, of another moment than the hang, with
 * users' data or other clients' work in them, readable by everyone, or never made.
 *
 * Injection registers as in fault_test.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "snnq_dump.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define DUMPS	   "/sys/class/devcoredump"
#define ROOM	   (8u << 20)
#define BYSTANDERS 8
#define SECRET	   "a secret of the user's, in weights"

FIXTURE(coredump)
{
	volatile uint32_t *regs;
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
	char *dump;
	size_t bytes;
};

/* The data file of a dump that waits. */
static bool find_dump(char path[300])
{
	DIR *dir = opendir(DUMPS);
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		snprintf(path, 300, DUMPS "/%s/data", e->d_name);
		found = strstr(e->d_name, "devcd") && !access(path, F_OK);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Writing to it throws it away. */
static void drop_dumps(void)
{
	char path[300];

	usleep(300000); /* of the job that just failed */
	for (int i = 0; i < 10 && find_dump(path); i++)
		write_text(path, "1");
}

static bool take_dump(FIXTURE_DATA(coredump) * self)
{
	char path[300];
	FILE *f;

	for (int ms = 0; ms < 20000 && !find_dump(path); ms += 20)
		usleep(20000);
	f = fopen(path, "r");
	if (!f)
		return false;
	self->bytes = fread(self->dump, 1, ROOM, f);
	fclose(f);
	return write_text(path, "1");
}

FIXTURE_SETUP(coredump)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	if (access(DUMPS, F_OK))
		SKIP(return, "the kernel has no devcoredump");
	self->regs = map_registers();
	if (!self->regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	self->dump = malloc(ROOM);
	ASSERT_NE(NULL, self->dump);
	drop_dumps();
	ASSERT_EQ(0, net_create(self->fd, STEPS, 9, &self->net));
	memcpy(self->net.weights.map, SECRET, sizeof(SECRET));
	ASSERT_EQ(0, bo_flush(&self->net.weights));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(coredump)
{
	unmap_registers(self->regs);
	free(self->dump);
	if (self->fd < 0)
		return;
	net_destroy(&self->net);
	close(self->fd);
	drop_dumps();
}

/* The entries of a section that is there once, and their number; NULL: it is not so. */
static const void *section(FIXTURE_DATA(coredump) * self, uint32_t type, size_t entry_bytes,
			   uint32_t *count)
{
	const struct snnq_dump_header *h = (void *)self->dump;
	size_t at = sizeof(*h);
	const void *found = NULL;

	for (uint32_t i = 0; i < h->section_count; i++) {
		const struct snnq_dump_section *s = (void *)(self->dump + at);
		size_t room = ((size_t)s->entry_bytes * s->count + 7) / 8 * 8;

		at += sizeof(*s);
		if (at > self->bytes || room > self->bytes - at)
			return NULL;
		if (s->type == type && (found || s->entry_bytes != entry_bytes))
			return NULL;
		if (s->type == type) {
			found = self->dump + at;
			*count = s->count;
		}
		at += room;
	}
	return at == self->bytes ? found : NULL;
}

#define SECTION(self, name, type, count) \
	((const type *)section(self, SNNQ_DUMP_SECTION_##name, sizeof(type), count))

static uint32_t register_at(FIXTURE_DATA(coredump) * self, uint32_t offset)
{
	uint32_t count = 0;
	const struct snnq_dump_register *r =
		SECTION(self, REGISTERS, struct snnq_dump_register, &count);

	for (uint32_t i = 0; r && i < count; i++)
		if (r[i].offset == offset)
			return r[i].value;
	return UINT32_MAX;
}

TEST_F(coredump, a_fault_leaves_what_one_needs_to_find_it)
{
	const struct snnq_dump_header *h = (void *)self->dump;
	struct drm_snnq_dev_info info = dev_info(self->fd);
	const struct snnq_dump_region *region;
	const struct snnq_dump_device *device;
	const struct drm_snnq_dev_info *told;
	const struct snnq_dump_core *core;
	const struct snnq_dump_job *job;
	struct drm_snnq_result r;
	struct utsname kernel;
	char name[32];
	uint32_t n = 0;

	ASSERT_EQ(0, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	inject(self->regs, SNNQ_INJECT_DMA_ERROR, 8);
	ASSERT_EQ(-EIO, run_recorded(self->fd, &self->net, self->stream, self->syncobj, 2, &r));
	ASSERT_TRUE(take_dump(self));
	ASSERT_LT(sizeof(*h), self->bytes);
	EXPECT_EQ(SNNQ_DUMP_MAGIC, h->magic);
	EXPECT_EQ(SNNQ_DUMP_KIND, h->kind);
	EXPECT_EQ(SNNQ_DUMP_VERSION, h->version);
	EXPECT_EQ(sizeof(*h), h->header_bytes);
	EXPECT_EQ(self->bytes, h->total_bytes);

	device = SECTION(self, DEVICE, struct snnq_dump_device, &n);
	ASSERT_NE(NULL, device);
	ASSERT_TRUE(pci_name(self->fd, name));
	ASSERT_EQ(0, uname(&kernel));
	EXPECT_STREQ(name, device->name);
	EXPECT_STREQ(kernel.release, device->kernel);
	EXPECT_STREQ(SNNQ_DRIVER_NAME, device->driver);
	EXPECT_EQ(info.hw_version, device->hw_version);
	told = SECTION(self, INFO, struct drm_snnq_dev_info, &n);
	ASSERT_NE(NULL, told);
	EXPECT_EQ(0, memcmp(&info, told, sizeof(info)));

	job = SECTION(self, JOB, struct snnq_dump_job, &n);
	ASSERT_NE(NULL, job);
	EXPECT_EQ(2, job->seq);
	EXPECT_EQ(getpid(), job->pid);
	EXPECT_EQ(geteuid(), job->uid);
	EXPECT_STREQ("coredump_test", job->comm);
	EXPECT_EQ(-EIO, job->error);
	EXPECT_EQ(SNNQ_STATUS_DMA, job->status);
	EXPECT_EQ(0, job->offset);
	EXPECT_NE(0, job->record_offset); /* the address, for root */
	EXPECT_EQ(SNNQ_STATUS_DMA, job->record_status);
	EXPECT_EQ(r.layer, job->layer);
	EXPECT_EQ(r.region, job->region);
	EXPECT_EQ(STEPS, job->steps);
	EXPECT_EQ(r.steps, job->record_steps);
	EXPECT_EQ(r.start_ns, job->begun_ns);
	EXPECT_EQ(r.end_ns, job->ended_ns);
	EXPECT_EQ(0, job->state);
	EXPECT_LE(job->ended_ns, device->time_ns);

	core = SECTION(self, CORES, struct snnq_dump_core, &n);
	ASSERT_NE(NULL, core);
	EXPECT_EQ(info.cores, n);
	EXPECT_EQ(SNNQ_ID, register_at(self, SNNQ_REG_ID));
	EXPECT_EQ(info.cores, register_at(self, SNNQ_REG_CAP_CORES));
	EXPECT_EQ(SNNQ_CORE_ST_ENABLED,
		  SNNQ_CORE_ST_ENABLED &
			  register_at(self, SNNQ_CORE_BASE(job->core) + SNNQ_CORE_STATUS));
	region = SECTION(self, REGIONS, struct snnq_dump_region, &n);
	ASSERT_NE(NULL, region);
	ASSERT_EQ(SNNQ_REGION_USER + 3, n);
	EXPECT_EQ(self->net.weights.size, region[SNNQ_REGION_USER].bytes);
	EXPECT_EQ(SNNQ_ACCESS_READ, region[SNNQ_REGION_USER].access);
	EXPECT_EQ(READOUT_BYTES, region[SNNQ_REGION_USER + 2].bytes);
}

TEST_F(coredump, the_program_is_there_without_its_tables)
{
	const struct snnq_program_header *header;
	const struct snnq_region_desc *needs;
	const struct snnq_layer *layers;
	struct test_program p;
	const char *last;
	uint32_t n = 0;

	program_fill(&p, MAX_TEST_STEPS);
	inject(self->regs, SNNQ_INJECT_DMA_ERROR, 8);
	ASSERT_EQ(-EIO, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	ASSERT_TRUE(take_dump(self));
	header = SECTION(self, PROGRAM, struct snnq_program_header, &n);
	ASSERT_TRUE(header && n == 1);
	EXPECT_EQ(0, memcmp(&p.header, header, sizeof(p.header)));
	needs = SECTION(self, NEEDS, struct snnq_region_desc, &n);
	ASSERT_TRUE(needs && n == 3);
	EXPECT_EQ(0, memcmp(p.region, needs, sizeof(p.region)));
	layers = SECTION(self, LAYERS, struct snnq_layer, &n);
	ASSERT_TRUE(layers && n == 2);
	EXPECT_EQ(0, memcmp(p.layer, layers, sizeof(p.layer)));
	EXPECT_EQ(NULL, memmem(self->dump, self->bytes, SECRET, sizeof(SECRET) - 1));
	/* What stands behind the layers in the program. */
	last = (const char *)&p + offsetof(struct test_program, layer) + sizeof(p.layer[0]);
	EXPECT_EQ(NULL,
		  memmem(self->dump, self->bytes, last, sizeof(p.layer[0]) + sizeof(p.table)));
}

/* Another client's jobs behind one that hangs, on both cores. */
static int crowd(int fd, struct test_net *net, uint32_t syncobj, struct drm_snnq_job *jobs,
		 struct test_job *j)
{
	for (uint32_t i = 0; i < BYSTANDERS; i++) {
		uint32_t stream;
		int ret = stream_create(fd, net->model, &stream);

		if (ret)
			return ret;
		job_fill(&j[i], net, stream, 0, STEPS, syncobj, i + 1);
		jobs[i] = j[i].job;
	}
	return submit(fd, jobs, BYSTANDERS, NULL);
}

TEST_F_TIMEOUT(coredump, a_hang_is_seen_as_it_was_and_others_are_not, 300)
{
	struct drm_snnq_job jobs[BYSTANDERS];
	struct test_job j, others[BYSTANDERS];
	const struct snnq_dump_slot *slot;
	uint32_t syncobj, n = 0, mine = 0;
	const struct snnq_dump_job *job;
	int fd = snnq_test_open();
	struct test_net net;

	ASSERT_EQ(0, net_create(fd, STEPS, 50, &net));
	ASSERT_EQ(0, syncobj_create(fd, &syncobj));
	inject(self->regs, SNNQ_INJECT_HANG_LEVEL, SNNQ_INJECT_HANG_UNTIL_CANCEL);
	inject(self->regs, SNNQ_INJECT_HANG_COUNT, 1);
	inject(self->regs, SNNQ_INJECT_HANG_LAYER, 1);
	job_fill(&j, &self->net, self->stream, 0, STEPS, self->syncobj, 1);
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	usleep(300000); /* it hangs */
	ASSERT_EQ(0, crowd(fd, &net, syncobj, jobs, others));
	ASSERT_TRUE(take_dump(self));
	job = SECTION(self, JOB, struct snnq_dump_job, &n);
	ASSERT_NE(NULL, job);
	EXPECT_EQ(-ETIME, job->error);
	EXPECT_EQ(SNNQ_STATUS_WATCHDOG, job->status);
	EXPECT_EQ(SNNQ_DUMP_JOB_HUNG | SNNQ_DUMP_JOB_SEEN, job->state);
	EXPECT_EQ(SNNQ_CORE_ST_ENABLED | SNNQ_CORE_ST_BUSY,
		  register_at(self, SNNQ_CORE_BASE(job->core) + SNNQ_CORE_STATUS));
	slot = SECTION(self, RING, struct snnq_dump_slot, &n);
	ASSERT_NE(NULL, slot);
	ASSERT_LT(1, n) TH_LOG("nobody stood behind the job");
	for (uint32_t i = 0; i < n; i++) {
		if (slot[i].flags == SNNQ_DUMP_SLOT_JOB) {
			mine++;
			EXPECT_EQ(0, i);
			EXPECT_EQ(job->id, slot[i].id);
			EXPECT_EQ(job->context, slot[i].context);
			EXPECT_EQ(STEPS, slot[i].steps);
			EXPECT_EQ(1, slot[i].seq);
			continue;
		}
		EXPECT_EQ(SNNQ_DUMP_SLOT_OTHER, slot[i].flags);
		EXPECT_EQ(0, slot[i].steps);
		EXPECT_EQ(0, slot[i].seq);
		EXPECT_EQ(0, slot[i].context);
		EXPECT_EQ(0, slot[i].progress);
	}
	EXPECT_EQ(1, mine);
	EXPECT_EQ(0, timeline_wait(fd, syncobj, BYSTANDERS, 60000));
	net_destroy(&net);
	close(fd);
}

/* Nor does a job leave one that was cancelled, or fell with another. */
TEST_F(coredump, victims_leave_none)
{
	const struct snnq_dump_job *job;
	struct drm_snnq_job jobs[3];
	struct test_job j[3];
	char path[300];
	uint32_t n = 0;

	for (uint32_t i = 0; i < 3; i++) {
		job_fill(&j[i], &self->net, self->stream, 0, STEPS, self->syncobj, i + 1);
		jobs[i] = j[i].job;
	}
	inject(self->regs, SNNQ_INJECT_DMA_ERROR, 8);
	ASSERT_EQ(0, submit(self->fd, jobs, 3, NULL));
	ASSERT_EQ(0, timeline_wait(self->fd, self->syncobj, 3, 60000));
	ASSERT_TRUE(take_dump(self));
	job = SECTION(self, JOB, struct snnq_dump_job, &n);
	ASSERT_NE(NULL, job);
	EXPECT_EQ(1, job->seq);
	usleep(300000);
	EXPECT_FALSE(find_dump(path));
}

TEST_F(coredump, only_root_may_read_it)
{
	char path[300];
	pid_t pid;

	inject(self->regs, SNNQ_INJECT_DMA_ERROR, 8);
	ASSERT_EQ(-EIO, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	for (int ms = 0; ms < 20000 && !find_dump(path); ms += 20)
		usleep(20000);
	ASSERT_EQ(0, access(path, R_OK));
	pid = fork();
	if (!pid)
		_exit(setuid(1000) || open(path, O_RDONLY) >= 0 || errno != EACCES ||
		      open(path, O_WRONLY) >= 0);
	EXPECT_EQ(0, exit_status(pid));
}

/* With the dump unread: removal does not wait for a reader, nor does the dump go. */
TEST_F(coredump, a_dump_outlives_the_driver)
{
	char name[32];

	ASSERT_TRUE(pci_name(self->fd, name));
	inject(self->regs, SNNQ_INJECT_DMA_ERROR, 8);
	ASSERT_EQ(-EIO, run_one(self->fd, &self->net, self->stream, self->syncobj, 1));
	ASSERT_TRUE(device_unbind(name));
	ASSERT_TRUE(take_dump(self));
	EXPECT_EQ(SNNQ_DUMP_MAGIC, ((struct snnq_dump_header *)self->dump)->magic);
	ASSERT_TRUE(device_bind(name));
	EXPECT_TRUE(device_works(snnq_test_open()));
}

TEST_HARNESS_MAIN
