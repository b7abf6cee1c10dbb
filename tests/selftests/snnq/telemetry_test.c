// SPDX-License-Identifier: GPL-2.0-only
/*
 * The netlink family: what it tells, to whom, and what happens to it when its users
 * are hostile or the device goes meanwhile.
 * Catches: others' work told to those who may not know, counters that stand still
 * while a job runs, events without or with the wrong client, a dump that crashes when
 * the device or its files go between two parts, a module that goes under a dump.
 *
 * Wants to be the only user of the device.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "fault.h"
#include "genl.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define USER	   1000
#define MANY_FILES 400
#define AT_ONCE	   8
#define ROUNDS	   100
#define MESSAGES   20000
#define DUMPERS	   4
#define REBINDS	   6

FIXTURE(telemetry)
{
	struct genl genl;
	int fd;
	char node[64];
	uint32_t device;
};

FIXTURE_SETUP(telemetry)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_TRUE(node_path(self->fd, self->node));
	self->device = (uint32_t)strtoul(strpbrk(strrchr(self->node, '/'), "0123456789"), NULL, 10);
	ASSERT_EQ(0, genl_open(&self->genl));
}

FIXTURE_TEARDOWN(telemetry)
{
	genl_close(&self->genl);
	close(self->fd);
}

/* What a dump of clients brought. */
struct seen {
	uint32_t count, pid, uid; /* of the last */
	bool mine;		  /* there is one of @want */
	uint32_t want;
	uint64_t id, busy, memory, submitted, failed;
	uint32_t queued, streams;
	char comm[32];
};

static void see_client(void *ctx, const struct nlmsghdr *m)
{
	struct seen *s = ctx;

	s->count++;
	s->pid = genl_u32(m, SNNQ_A_CLIENT_PID);
	s->uid = genl_u32(m, SNNQ_A_CLIENT_UID);
	if (s->pid != s->want)
		return;
	s->mine = true;
	s->id = genl_u64(m, SNNQ_A_CLIENT_ID);
	s->busy = genl_u64(m, SNNQ_A_CLIENT_BUSY);
	s->memory = genl_u64(m, SNNQ_A_CLIENT_MEMORY);
	s->submitted = genl_u64(m, SNNQ_A_CLIENT_JOBS_SUBMITTED);
	s->failed = genl_u64(m, SNNQ_A_CLIENT_JOBS_FAILED);
	s->queued = genl_u32(m, SNNQ_A_CLIENT_QUEUED);
	s->streams = genl_u32(m, SNNQ_A_CLIENT_STREAMS);
	snprintf(s->comm, sizeof(s->comm), "%s", genl_text(m, SNNQ_A_CLIENT_COMM));
}

static struct seen clients(struct genl *g, uint32_t want)
{
	struct seen s = { .want = want };

	if (genl_dump(g, SNNQ_CMD_CLIENT_GET, 0, 0, see_client, &s))
		s.count = UINT32_MAX;
	return s;
}

struct device_seen {
	uint32_t count, id, cores, with_work;
	char node[64];
	uint64_t submitted, limit;
};

static void see_device(void *ctx, const struct nlmsghdr *m)
{
	struct device_seen *s = ctx;

	s->count++;
	s->id = genl_u32(m, SNNQ_A_DEVICE_ID);
	s->cores = genl_u32(m, SNNQ_A_DEVICE_CORES);
	s->submitted = genl_u64(m, SNNQ_A_DEVICE_JOBS_SUBMITTED);
	s->limit = genl_u64(m, SNNQ_A_DEVICE_MEMORY_LIMIT);
	s->with_work += !!genl_attr(m, SNNQ_A_DEVICE_JOBS_SUBMITTED) ||
			!!genl_attr(m, SNNQ_A_DEVICE_MEMORY) ||
			!!genl_attr(m, SNNQ_A_DEVICE_BUSY) || !!genl_attr(m, SNNQ_A_DEVICE_CLIENTS);
	snprintf(s->node, sizeof(s->node), "/dev/%s", genl_text(m, SNNQ_A_DEVICE_NODE));
}

struct core_seen {
	uint32_t count, with_work;
};

static void see_core(void *ctx, const struct nlmsghdr *m)
{
	struct core_seen *s = ctx;

	s->count++;
	s->with_work += !!genl_attr(m, SNNQ_A_CORE_BUSY) || !!genl_attr(m, SNNQ_A_CORE_JOBS) ||
			!!genl_attr(m, SNNQ_A_CORE_QUEUED);
}

static void ignore(void *ctx, const struct nlmsghdr *m)
{
	(*(uint32_t *)ctx)++;
}

TEST_F(telemetry, tells_of_devices_cores_and_clients)
{
	struct drm_snnq_stats mine, all;
	struct device_seen d = {};
	struct core_seen c = {};
	struct test_net net;
	uint32_t stream, syncobj;
	struct seen s;

	ASSERT_EQ(0, net_create(self->fd, STEPS, 3, &net));
	ASSERT_EQ(0, stream_create(self->fd, net.model, &stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &syncobj));
	ASSERT_EQ(0, run_one(self->fd, &net, stream, syncobj, 1));
	mine = stats(self->fd, DRM_SNNQ_QUERY_FILE_STATS);
	all = stats(self->fd, DRM_SNNQ_QUERY_DEV_STATS);

	ASSERT_EQ(0, genl_dump(&self->genl, SNNQ_CMD_DEVICE_GET, 0, 0, see_device, &d));
	EXPECT_EQ(1, d.count);
	EXPECT_EQ(self->device, d.id);
	EXPECT_STREQ(self->node, d.node);
	EXPECT_EQ(all.jobs_submitted, d.submitted);
	EXPECT_EQ(all.memory_limit, d.limit);
	ASSERT_EQ(0, genl_dump(&self->genl, SNNQ_CMD_CORE_GET, SNNQ_A_CORE_DEVICE_ID, self->device,
			       see_core, &c));
	EXPECT_EQ(dev_info(self->fd).cores, c.count);
	EXPECT_EQ(c.count, c.with_work);

	s = clients(&self->genl, (uint32_t)getpid());
	ASSERT_TRUE(s.mine);
	EXPECT_EQ(1, s.count);
	EXPECT_EQ(mine.jobs_submitted, s.submitted);
	EXPECT_EQ(mine.busy_ns, s.busy);
	EXPECT_LT(0, s.busy);
	EXPECT_EQ(mine.memory_bytes, s.memory);
	EXPECT_EQ(1, s.streams);
	EXPECT_EQ(0, s.queued);
	EXPECT_EQ(geteuid(), s.uid);
	EXPECT_STREQ("telemetry_test", s.comm);
	net_destroy(&net);
}

TEST_F(telemetry, refuses_what_is_not_there)
{
	uint32_t n = 0;

	EXPECT_EQ(-ENODEV, genl_dump(&self->genl, SNNQ_CMD_CORE_GET, SNNQ_A_CORE_DEVICE_ID, 9999,
				     ignore, &n));
	EXPECT_EQ(-ENODEV, genl_dump(&self->genl, SNNQ_CMD_CLIENT_GET, SNNQ_A_CLIENT_DEVICE_ID,
				     9999, ignore, &n));
	EXPECT_EQ(-EINVAL, genl_dump(&self->genl, SNNQ_CMD_DEVICE_GET, SNNQ_A_DEVICE_ID,
				     self->device, ignore, &n));
	EXPECT_EQ(-EINVAL,
		  genl_dump(&self->genl, SNNQ_CMD_CORE_GET, SNNQ_A_CORE_INDEX, 0, ignore, &n));
	EXPECT_EQ(0, n);
}

/* One device by its number, and the errors of that. */
TEST_F(telemetry, answers_about_one_device)
{
	char buffer[GENL_ROOM] __attribute__((aligned(8)));
	struct nlmsghdr *m = (void *)buffer;
	struct device_seen d = {};

	ASSERT_EQ(0, genl_ask(&self->genl, SNNQ_CMD_DEVICE_GET, 0, SNNQ_A_DEVICE_ID, self->device));
	ASSERT_LT(0, genl_receive(&self->genl, buffer, sizeof(buffer), 5000));
	ASSERT_EQ(self->genl.family, m->nlmsg_type);
	see_device(&d, m);
	EXPECT_STREQ(self->node, d.node);
	ASSERT_EQ(0, genl_ask(&self->genl, SNNQ_CMD_DEVICE_GET, 0, SNNQ_A_DEVICE_ID, 9999));
	ASSERT_LT(0, genl_receive(&self->genl, buffer, sizeof(buffer), 5000));
	EXPECT_EQ(-ENODEV, ((struct nlmsgerr *)NLMSG_DATA(m))->error);
	ASSERT_EQ(0, genl_ask(&self->genl, SNNQ_CMD_DEVICE_GET, 0, 0, 0));
	ASSERT_LT(0, genl_receive(&self->genl, buffer, sizeof(buffer), 5000));
	EXPECT_EQ(-EINVAL, ((struct nlmsgerr *)NLMSG_DATA(m))->error);
}

/* Exit status of what another user, and a socket of theirs, sees; bits are failures. */
static int as_user(const char *node, uint32_t device)
{
	struct device_seen d = {};
	struct core_seen c = {};
	struct genl g;
	struct seen s;
	int bad = 0, fd;

	if (setgid(USER) || setuid(USER) || genl_open(&g))
		return 1;
	s = clients(&g, (uint32_t)getpid());
	bad |= s.count ? 2 : 0; /* root's is not theirs */
	fd = open(node, O_RDWR);
	s = clients(&g, (uint32_t)getpid());
	bad |= fd < 0 || s.count != 1 || !s.mine || s.uid != USER ? 4 : 0;
	bad |= genl_dump(&g, SNNQ_CMD_DEVICE_GET, 0, 0, see_device, &d) || !d.count || d.with_work ?
		       8 :
		       0;
	bad |= genl_dump(&g, SNNQ_CMD_CORE_GET, 0, 0, see_core, &c) || !c.count || c.with_work ?
		       16 :
		       0;
	bad |= genl_listen(&g, g.groups[0]) ? 32 : 0;
	bad |= genl_listen(&g, g.groups[1]) != -EPERM ? 64 : 0;
	return bad;
}

TEST_F(telemetry, users_see_their_own_clients_only)
{
	pid_t pid;

	ASSERT_EQ(0, chmod(self->node, 0666));
	pid = fork();
	if (!pid)
		_exit(as_user(self->node, self->device));
	EXPECT_EQ(0, exit_status(pid));
}

/* A privileged process that writes to a user's socket does not lend it its rights. */
TEST_F(telemetry, a_users_socket_stays_a_users)
{
	struct seen s;
	struct genl g;

	ASSERT_EQ(0, setresuid(-1, USER, 0));
	EXPECT_EQ(0, genl_open(&g));
	ASSERT_EQ(0, seteuid(0));
	s = clients(&g, (uint32_t)getpid());
	EXPECT_EQ(0, s.count);
	genl_close(&g);
}

TEST_F(telemetry, other_network_namespaces_have_no_family)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct genl g;

		if (unshare(CLONE_NEWNET))
			_exit(KSFT_SKIP);
		_exit(genl_open(&g) != -ENOENT);
	}
	status = exit_status(pid);
	if (status == KSFT_SKIP)
		SKIP(return, "no network namespaces");
	EXPECT_EQ(0, status);
}

/* A job that is still running counts, and never less than before. */
TEST_F(telemetry, running_jobs_count)
{
	volatile uint32_t *regs = map_registers();
	long long before, during;
	struct test_net net;
	uint32_t stream, syncobj, binary;
	struct test_job j;
	struct seen s, later;

	if (!regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	ASSERT_EQ(0, net_create(self->fd, STEPS, 3, &net));
	ASSERT_EQ(0, stream_create(self->fd, net.model, &stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &syncobj));
	inject(regs, SNNQ_INJECT_HANG_LEVEL, SNNQ_INJECT_HANG_UNTIL_CORE_RESET);
	inject(regs, SNNQ_INJECT_HANG_COUNT, 1);
	inject(regs, SNNQ_INJECT_HANG_LAYER, 0);
	job_fill(&j, &net, stream, 0, STEPS, syncobj, 1);
	ASSERT_EQ(0, job_track(self->fd, &j, &binary));
	before = fdinfo(self->fd, "drm-engine-core");
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, NULL));
	usleep(500000);
	ASSERT_TRUE(job_busy(self->fd, binary));
	during = fdinfo(self->fd, "drm-engine-core");
	EXPECT_LT(before + 100000000, during);
	s = clients(&self->genl, (uint32_t)getpid());
	EXPECT_LE((uint64_t)during, s.busy);
	EXPECT_EQ(1, s.queued);
	/* the core is reset under the job: what was counted stays counted */
	ASSERT_EQ(0, timeline_wait(self->fd, syncobj, 1, 60000));
	EXPECT_EQ(-ETIME, job_status(self->fd, binary));
	later = clients(&self->genl, (uint32_t)getpid());
	EXPECT_LT(s.busy, later.busy);
	EXPECT_EQ(1, later.failed);
	usleep(100000);
	EXPECT_EQ(later.busy, clients(&self->genl, (uint32_t)getpid()).busy);
	net_destroy(&net);
	unmap_registers(regs);
}

TEST_F(telemetry, faults_and_resets_are_told_with_their_client)
{
	char buffer[GENL_ROOM] __attribute__((aligned(8)));
	volatile uint32_t *regs = map_registers();
	struct genl health, all;
	const struct nlmsghdr *m;
	struct test_net net;
	uint32_t stream, syncobj;

	if (!regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	ASSERT_EQ(0, genl_open(&health));
	ASSERT_EQ(0, genl_listen(&health, health.groups[0]));
	ASSERT_EQ(0, genl_open(&all));
	ASSERT_EQ(0, genl_listen(&all, all.groups[1]));
	ASSERT_EQ(0, net_create(self->fd, STEPS, 3, &net));
	ASSERT_EQ(0, stream_create(self->fd, net.model, &stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &syncobj));

	inject(regs, SNNQ_INJECT_DMA_ERROR, 8);
	EXPECT_EQ(-EIO, run_one(self->fd, &net, stream, syncobj, 1));
	m = genl_event(&all, SNNQ_CMD_FAULT_EVENT, 10000, buffer);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(self->device, genl_u32(m, SNNQ_A_EVENT_DEVICE_ID));
	EXPECT_EQ(getpid(), (pid_t)genl_u32(m, SNNQ_A_EVENT_PID));
	EXPECT_STREQ("telemetry_test", genl_text(m, SNNQ_A_EVENT_COMM));
	EXPECT_EQ(-EIO, (int32_t)genl_u32(m, SNNQ_A_EVENT_ERROR));
	EXPECT_EQ(SNNQ_STATUS_DMA, genl_u32(m, SNNQ_A_EVENT_STATUS));
	EXPECT_EQ(0, genl_u64(m, SNNQ_A_EVENT_OFFSET)); /* an address is for nobody */
	EXPECT_EQ(1, genl_u64(m, SNNQ_A_EVENT_SEQ));
	EXPECT_EQ(fdinfo(self->fd, "drm-client-id"),
		  (long long)genl_u64(m, SNNQ_A_EVENT_CLIENT_ID));

	ASSERT_EQ(0, stream_reset(self->fd, stream));
	inject(regs, SNNQ_INJECT_HANG_LEVEL, SNNQ_INJECT_HANG_UNTIL_CORE_RESET);
	inject(regs, SNNQ_INJECT_HANG_COUNT, 1);
	inject(regs, SNNQ_INJECT_HANG_LAYER, 0);
	EXPECT_EQ(-ETIME, run_one(self->fd, &net, stream, syncobj, 2));
	m = genl_event(&all, SNNQ_CMD_HANG_EVENT, 10000, buffer);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(getpid(), (pid_t)genl_u32(m, SNNQ_A_EVENT_PID));
	/* and for all, without what is nobody's business */
	m = genl_event(&health, SNNQ_CMD_HANG_EVENT, 10000, buffer);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(NULL, genl_attr(m, SNNQ_A_EVENT_PID));
	EXPECT_EQ(NULL, genl_attr(m, SNNQ_A_EVENT_UID));
	EXPECT_EQ(NULL, genl_attr(m, SNNQ_A_EVENT_COMM));
	EXPECT_EQ(NULL, genl_attr(m, SNNQ_A_EVENT_CLIENT_ID));
	m = genl_event(&health, SNNQ_CMD_RESET_EVENT, 10000, buffer);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(SNNQ_RESET_SCOPE_CORE, genl_u32(m, SNNQ_A_EVENT_SCOPE));
	EXPECT_EQ(NULL, genl_event(&health, SNNQ_CMD_FAULT_EVENT, 500, buffer));
	net_destroy(&net);
	unmap_registers(regs);
	genl_close(&health);
	genl_close(&all);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nothing(int signal)
{
}

/*
 * A client that caused more faults than it may waits with its next SUBMIT, and may be
 * interrupted in that; others do not wait.
 */
TEST_F(telemetry, repeated_faults_are_throttled)
{
	const char *burst = "/sys/module/snnq/parameters/fault_burst";
	struct sigaction action = { .sa_handler = nothing };
	char buffer[GENL_ROOM] __attribute__((aligned(8)));
	volatile uint32_t *regs = map_registers();
	uint32_t stream, syncobj, failed, other_stream, other_syncobj;
	struct test_net net, other;
	const struct nlmsghdr *m;
	struct drm_snnq_submit s;
	struct test_job j;
	struct seen seen;
	int64_t begin;
	int fd;

	if (!regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	ASSERT_TRUE(write_text(burst, "1"));
	ASSERT_EQ(0, genl_listen(&self->genl, self->genl.groups[1]));
	ASSERT_EQ(0, net_create(self->fd, STEPS, 3, &net));
	ASSERT_EQ(0, stream_create(self->fd, net.model, &stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &syncobj));
	fd = snnq_test_open();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, net_create(fd, STEPS, 4, &other));
	ASSERT_EQ(0, stream_create(fd, other.model, &other_stream));
	ASSERT_EQ(0, syncobj_create(fd, &other_syncobj));

	/* a hang counts for 4, so there are 3 seconds to wait */
	inject(regs, SNNQ_INJECT_HANG_LEVEL, SNNQ_INJECT_HANG_UNTIL_CANCEL);
	inject(regs, SNNQ_INJECT_HANG_COUNT, 1);
	inject(regs, SNNQ_INJECT_HANG_LAYER, 0);
	EXPECT_EQ(-ETIME, run_one(self->fd, &net, stream, syncobj, 1));
	begin = now_ms();
	m = genl_event(&self->genl, SNNQ_CMD_THROTTLE_EVENT, 10000, buffer);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(getpid(), (pid_t)genl_u32(m, SNNQ_A_EVENT_PID));
	EXPECT_EQ(3000000000ull, genl_u64(m, SNNQ_A_EVENT_DELAY));
	ASSERT_EQ(0, stream_reset(self->fd, stream));

	/* a signal ends the wait, and nothing was submitted */
	sigaction(SIGALRM, &action, NULL);
	job_fill(&j, &net, stream, 0, STEPS, syncobj, 2);
	s = (struct drm_snnq_submit){
		.jobs = { .ptr = (uintptr_t)&j.job, .count = 1, .stride = sizeof(j.job) }
	};
	ualarm(200000, 0);
	EXPECT_EQ(-1, ioctl(self->fd, DRM_IOCTL_SNNQ_SUBMIT, &s));
	EXPECT_EQ(EINTR, errno);
	/* another client's job runs meanwhile */
	EXPECT_EQ(0, run_one(fd, &other, other_stream, other_syncobj, 1));
	EXPECT_GT(begin + 3000, now_ms());
	ASSERT_EQ(0, submit(self->fd, &j.job, 1, &failed));
	EXPECT_LT(begin + 2500, now_ms());
	EXPECT_EQ(0, timeline_wait(self->fd, syncobj, 2, 60000));
	seen = clients(&self->genl, (uint32_t)getpid());
	EXPECT_EQ(2, seen.count);
	EXPECT_TRUE(write_text(burst, "32"));
	net_destroy(&other);
	net_destroy(&net);
	close(fd);
	unmap_registers(regs);
}

TEST_F(telemetry, coming_and_going_is_told)
{
	char buffer[GENL_ROOM] __attribute__((aligned(8)));
	const struct nlmsghdr *m;
	char name[32];

	ASSERT_TRUE(pci_name(self->fd, name));
	ASSERT_EQ(0, genl_listen(&self->genl, self->genl.groups[0]));
	ASSERT_TRUE(device_unbind(name));
	m = genl_event(&self->genl, SNNQ_CMD_DEVICE_REMOVED, 10000, buffer);
	ASSERT_NE(NULL, m);
	EXPECT_STREQ(name, genl_text(m, SNNQ_A_EVENT_NAME));
	ASSERT_TRUE(device_bind(name));
	ASSERT_NE(NULL, genl_event(&self->genl, SNNQ_CMD_DEVICE_ADDED, 10000, buffer));
}

/* A dump in many parts has each client once. */
TEST_F(telemetry, many_clients_in_parts)
{
	int fds[MANY_FILES], count = 0;
	struct seen s;

	while (count < MANY_FILES) {
		fds[count] = open(self->node, O_RDWR | O_CLOEXEC);
		if (fds[count] < 0)
			break;
		count++;
	}
	s = clients(&self->genl, 0);
	EXPECT_EQ(MANY_FILES, count);
	EXPECT_EQ((uint32_t)count + 1, s.count);
	while (count--)
		close(fds[count]);
}

struct comers {
	pthread_barrier_t barrier;
	const char *node;
};

/* Open when all do, and close when they were counted. */
static void *come_and_go(void *arg)
{
	struct comers *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		int fd;

		pthread_barrier_wait(&c->barrier);
		fd = open(c->node, O_RDWR | O_CLOEXEC);
		pthread_barrier_wait(&c->barrier);
		pthread_barrier_wait(&c->barrier);
		close(fd);
	}
	return NULL;
}

/* Files opened at the same time may get numbers in another order than places in lists. */
TEST_F(telemetry, clients_that_come_at_once)
{
	struct comers c = { .node = self->node };
	pthread_t threads[AT_ONCE];
	uint32_t fewest = UINT32_MAX, most = 0;

	pthread_barrier_init(&c.barrier, NULL, AT_ONCE + 1);
	for (int i = 0; i < AT_ONCE; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, come_and_go, &c));
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t count;

		pthread_barrier_wait(&c.barrier);
		pthread_barrier_wait(&c.barrier);
		count = clients(&self->genl, 0).count;
		fewest = count < fewest ? count : fewest;
		most = count > most ? count : most;
		pthread_barrier_wait(&c.barrier);
	}
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&c.barrier);
	EXPECT_EQ(AT_ONCE + 1, fewest);
	EXPECT_EQ(AT_ONCE + 1, most);
}

static uint32_t random_word(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Messages that are nearly right, and those that are not at all. */
static size_t wrong_message(const struct genl *g, uint32_t *seed, char *buffer)
{
	struct nlmsghdr *n = (void *)buffer;
	struct genlmsghdr *h = NLMSG_DATA(n);
	uint32_t kind = random_word(seed) % 4;
	size_t size = NLMSG_HDRLEN + GENL_HDRLEN + random_word(seed) % 64;

	for (size_t i = 0; i < 256; i += 4) {
		uint32_t word = random_word(seed);

		memcpy(buffer + i, &word, 4);
	}
	if (!kind)
		return size;
	n->nlmsg_type = g->family;
	n->nlmsg_flags = NLM_F_REQUEST | (random_word(seed) & NLM_F_DUMP) |
			 (random_word(seed) & NLM_F_ACK);
	n->nlmsg_len = (uint32_t)(kind == 1 ? size + 32 - random_word(seed) % 64 : size);
	h->cmd = (uint8_t)(random_word(seed) % (SNNQ_CMD_MAX + 3));
	h->version = 1;
	h->reserved = 0;
	if (kind == 3) { /* attributes of the right form */
		struct nlattr *a = (void *)(buffer + NLMSG_HDRLEN + GENL_HDRLEN);

		a->nla_len = (uint16_t)(NLA_HDRLEN + random_word(seed) % 12);
		a->nla_type = (uint16_t)(random_word(seed) % 4);
	}
	return size;
}

TEST_F(telemetry, survives_malformed_messages)
{
	static char buffer[GENL_ROOM] __attribute__((aligned(8)));
	uint32_t seed = 1;

	for (int i = 0; i < MESSAGES; i++) {
		size_t size = wrong_message(&self->genl, &seed, buffer);

		genl_send(&self->genl, buffer, size);
		while (genl_receive(&self->genl, buffer, sizeof(buffer), 0) > 0)
			;
	}
	genl_close(&self->genl);
	ASSERT_EQ(0, genl_open(&self->genl));
	EXPECT_EQ(1, clients(&self->genl, 0).count);
}

/* Dump all the time, until killed. */
static void flood(void)
{
	struct genl g;
	uint32_t n = 0;

	for (;;) {
		if (genl_open(&g))
			continue;
		for (int i = 0; i < 50; i++) {
			genl_dump(&g, SNNQ_CMD_DEVICE_GET, 0, 0, ignore, &n);
			genl_dump(&g, SNNQ_CMD_CORE_GET, 0, 0, ignore, &n);
			genl_dump(&g, SNNQ_CMD_CLIENT_GET, 0, 0, ignore, &n);
		}
		genl_close(&g);
	}
}

/* Open and close, until killed. */
static void churn(const char *node)
{
	for (;;) {
		int fds[8];

		for (int i = 0; i < 8; i++)
			fds[i] = open(node, O_RDWR);
		for (int i = 0; i < 8; i++)
			close(fds[i]);
	}
}

TEST_F(telemetry, floods_of_dumps_while_devices_go)
{
	pid_t pids[2 * DUMPERS];
	char name[32];

	ASSERT_TRUE(pci_name(self->fd, name));
	for (int i = 0; i < 2 * DUMPERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			close(self->fd);
			if (i < DUMPERS)
				flood();
			churn(self->node);
		}
	}
	for (int i = 0; i < REBINDS; i++) {
		usleep(100000);
		EXPECT_TRUE(device_unbind(name));
		usleep(50000);
		EXPECT_TRUE(device_bind(name));
	}
	for (int i = 0; i < 2 * DUMPERS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	close(self->fd);
	self->fd = snnq_test_open();
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(1, clients(&self->genl, 0).count);
}

static int unload(void)
{
	return syscall(SYS_delete_module, "snnq", O_NONBLOCK) ? -errno : 0;
}

static int load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	err = fd < 0 || syscall(SYS_finit_module, fd, "limit_ms=10000", 0) ? -errno : 0;
	close(fd);
	return err;
}

/* A dump that nobody reads holds the module, and nothing else; then all can go. */
TEST_F(telemetry, unload_while_a_dump_is_in_progress)
{
	static char buffer[GENL_ROOM] __attribute__((aligned(8)));
	const char *module = getenv("SNNQ_MODULE");
	int fds[MANY_FILES], room = 4096, n, ended = 0;
	char name[32];

	if (!module)
		SKIP(return, "SNNQ_MODULE does not name the module");
	ASSERT_TRUE(pci_name(self->fd, name));
	for (int i = 0; i < MANY_FILES; i++)
		fds[i] = open(self->node, O_RDWR | O_CLOEXEC);
	setsockopt(self->genl.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	ASSERT_EQ(0, genl_ask(&self->genl, SNNQ_CMD_CLIENT_GET, NLM_F_DUMP, 0, 0));
	for (int i = 0; i < MANY_FILES; i++)
		close(fds[i]);
	close(self->fd);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	/* the device goes between two parts */
	EXPECT_TRUE(device_unbind(name));
	for (int i = 0; i < 1000 && !ended; i++) {
		n = genl_receive(&self->genl, buffer, sizeof(buffer), 1000);
		if (n <= 0)
			break;
		for (const struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, (unsigned int)n);
		     m = NLMSG_NEXT(m, n))
			ended |= m->nlmsg_type == NLMSG_DONE;
	}
	EXPECT_TRUE(ended);
	/* and the module, with a socket open that was told of it */
	EXPECT_EQ(0, unload());
	n = genl_ask(&self->genl, SNNQ_CMD_CLIENT_GET, NLM_F_DUMP, 0, 0);
	ASSERT_EQ(0, load(module));
	self->fd = snnq_test_open();
	ASSERT_LE(0, self->fd);
	genl_close(&self->genl);
	ASSERT_EQ(0, genl_open(&self->genl));
	EXPECT_EQ(1, clients(&self->genl, 0).count);
}

TEST_HARNESS_MAIN
