// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shares of clients, each a process, whose jobs all wait for one fence, counted in jobs of one
 * length; who began when, the jobs' records tell.
 * Catches: shares that go by streams, priorities that starve others, clients whose faults cost
 * others more than a few jobs.
 *
 * How long anything takes does not matter. Jobs are slowed by injection, as in fault_test, so
 * that the device decides, not the processors.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "snnq_harness.h"

#define MAX_CLIENTS 8
#define MAX_STREAMS 8
#define DEPTH	    4	/* jobs of a stream that are always queued */
#define EACH	    60	/* jobs of a client that are looked at, on average */
#define JOBS	    120 /* of a client, for all its streams */
#define SLOW_NS	    200000
#define MANY_NS	    600000
#define MOST_NS	    (16 * MANY_NS)
/* SNNQ_PATIENCE_* of the driver: places of higher levels, after which it is a job's turn. */
#define PATIENCE_NORMAL 16
#define PATIENCE_LOW	64
#define RING		8
#define BURST		"/sys/module/snnq/parameters/fault_burst"

/* What a client does. */
struct role {
	int streams;
	int depth;    /* jobs that each always has queued; 0: DEPTH */
	bool faulty;  /* each job fails; it is not waited for */
	bool watched; /* its jobs bring the race to its end */
};

/* What clients have in common. */
struct race {
	int ready, go;
	int jobs;			   /* of those watched */
	int until;			   /* so many */
	int done[MAX_CLIENTS];		   /* of each, up to then */
	int error[MAX_CLIENTS];		   /* what went wrong */
	uint64_t begun[MAX_CLIENTS][JOBS]; /* when each job did */
};

FIXTURE(fair)
{
	volatile uint32_t *regs;
	struct race *race;
	int cores;
};

FIXTURE_SETUP(fair)
{
	int fd = snnq_test_open();

	if (fd < 0)
		SKIP(return, "no snnq device");
	self->cores = (int)dev_info(fd).cores;
	close(fd);
	self->regs = map_registers();
	if (!self->regs)
		SKIP(return, "no injection registers (iomem=relaxed, inject-regs=on)");
	self->race = mmap(NULL, sizeof(*self->race), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->race);
	inject(self->regs, SNNQ_INJECT_SLOW_NS, SLOW_NS);
}

FIXTURE_TEARDOWN(fair)
{
	unmap_registers(self->regs);
}

struct queue {
	uint32_t stream, syncobj;
	uint64_t submitted;
};

static int add_job(int fd, const struct test_net *net, const struct role *role, struct queue *q)
{
	struct test_job j;

	job_fill(&j, net, q->stream, 0, STEPS, q->syncobj, ++q->submitted);
	if (role->faulty)
		j.job.flags = DRM_SNNQ_JOB_RESET;
	return submit(fd, &j.job, 1, NULL);
}

/* The test network behind a layer that takes its input, random words, for a list of events. */
static int faulty_model(int fd, uint32_t *model)
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
	p.region[1].role = SNNQ_ROLE_EVENTS;
	p.region[1].bytes = 8;
	p.region[1].step_bytes = 0;
	memcpy(&p.layer[1], two.layer, sizeof(two.layer));
	p.layer[0].op = SNNQ_OP_EVENTS;
	p.layer[0].in[0] = two.layer[0].in[0];
	p.layer[0].in[0].format = SNNQ_FORMAT_EVENTS;
	p.layer[0].in[0].planes = 0;
	p.layer[0].out = two.layer[0].out;
	p.layer[1].in[0] = p.layer[0].out;
	p.layer[1].out.offset = 8;
	p.layer[2].in[0] = p.layer[1].out;
	p.table[0] = two.table[0];
	p.header.layer_count = 3;
	p.header.table_count = 2;
	p.header.scratch_step_bytes = 16;
	p.header.total_bytes = sizeof(p);
	return model_create(fd, &p, sizeof(p), model);
}

static int depth(const struct role *role)
{
	return role->depth ? role->depth : DEPTH;
}

static int prepare(int fd, struct test_net *net, const struct role *role, struct queue *queues)
{
	int ret = net_create(fd, STEPS, 5, net);
	uint32_t model = net->model;

	if (!ret && role->faulty)
		ret = faulty_model(fd, &model);
	for (int i = 0; !ret && i < role->streams; i++) {
		queues[i].submitted = 0;
		ret = stream_create(fd, model, &queues[i].stream);
		if (!ret)
			ret = syncobj_create(fd, &queues[i].syncobj);
		for (int n = 0; !ret && n < depth(role); n++)
			ret = add_job(fd, net, role, &queues[i]);
	}
	return ret;
}

static bool race_over(struct race *race, const struct role *role)
{
	int add = role->watched ? 1 : 0;

	return __atomic_add_fetch(&race->jobs, add, __ATOMIC_SEQ_CST) >= race->until + add;
}

/* Run jobs in all streams until those who are watched are through. */
static int client(struct race *race, int index, const struct role *role)
{
	struct queue queues[MAX_STREAMS];
	int fd = snnq_test_open(), ret;
	struct test_net net;

	ret = prepare(fd, &net, role, queues);
	__atomic_add_fetch(&race->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&race->go, __ATOMIC_SEQ_CST))
		sched_yield();
	for (int i = 0; !ret; i = (i + 1) % role->streams) {
		struct queue *q = &queues[i];

		ret = timeline_wait(fd, q->syncobj, q->submitted - (uint64_t)depth(role) + 1,
				    60000);
		if (ret || race_over(race, role))
			break;
		race->done[index]++;
		ret = add_job(fd, &net, role, q);
	}
	close(fd);
	return ret;
}

/* What became of it is in race->done. */
static void run_race(struct race *race, int clients, const struct role *roles, int until)
{
	pid_t pid[MAX_CLIENTS];
	int all = 0;

	memset(race, 0, sizeof(*race));
	race->until = until;
	fflush(stdout);
	for (int i = 0; i < clients; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			race->error[i] = client(race, i, &roles[i]);
			_exit(0);
		}
	}
	while (__atomic_load_n(&race->ready, __ATOMIC_SEQ_CST) < clients)
		usleep(1000);
	__atomic_store_n(&race->go, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < clients; i++)
		if (!roles[i].faulty)
			waitpid(pid[i], NULL, 0);
	/* who waits for its faults to be forgotten would do so for long */
	for (int i = 0; i < clients; i++)
		if (roles[i].faulty) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
	for (int i = 0; i < clients; i++)
		all += race->done[i];
	printf("# %d clients:", clients);
	for (int i = 0; i < clients; i++)
		printf(" %.1f %% with %d", 100.0 * race->done[i] / all, roles[i].streams);
	printf(" stream(s)\n");
}

#define FLOOD_JOBS 64 /* of each stream */

/* Jobs of a stream of @priority, behind a gate; records of how they end from @record on. */
static int queue_jobs(int fd, const struct test_net *net, uint32_t priority, int count,
		      uint32_t gated, uint32_t results, int record, uint32_t *syncobj)
{
	struct drm_snnq_stream_create arg = { .model = net->model, .priority = priority };
	int ret = snnq_ioctl(fd, DRM_IOCTL_SNNQ_STREAM_CREATE, &arg);

	if (!ret)
		ret = syncobj_create(fd, syncobj);
	for (int i = 0; !ret && i < count; i++) {
		struct test_job j;

		job_fill(&j, net, arg.handle, 0, STEPS, *syncobj, (uint64_t)i + 1);
		job_result(&j.job, results, 64 * (uint64_t)(record + i));
		if (!i)
			job_sync(&j, gated, DRM_SNNQ_SYNC_WAIT, 0);
		ret = submit(fd, &j.job, 1, NULL);
	}
	return ret;
}

/* A client whose jobs wait for the syncobj behind @gate; when each began is in the race. */
static int waiting_client(struct race *race, int index, int streams, int gate)
{
	struct drm_syncobj_handle gated = { .fd = gate };
	int fd = snnq_test_open(), ret, each = JOBS / streams;
	uint32_t syncobj[MAX_STREAMS];
	struct test_bo results;
	struct test_net net;

	ret = snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &gated);
	if (!ret)
		ret = net_create(fd, STEPS, 5, &net);
	if (!ret)
		ret = bo_create(fd, 64 * JOBS, 0, &results);
	for (int i = 0; !ret && i < streams; i++)
		ret = queue_jobs(fd, &net, DRM_SNNQ_PRIORITY_NORMAL, each, gated.handle,
				 results.handle, i * each, &syncobj[i]);
	__atomic_add_fetch(&race->ready, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; !ret && i < streams; i++)
		ret = timeline_wait(fd, syncobj[i], (uint64_t)each, 60000);
	if (!ret)
		ret = bo_fetch(&results);
	for (int i = 0; !ret && i < JOBS; i++)
		race->begun[index][i] = ((struct drm_snnq_result *)results.map)[i].start_ns;
	close(fd);
	return ret;
}

static bool is_ready(const struct race *race, int clients)
{
	while (__atomic_load_n(&race->ready, __ATOMIC_SEQ_CST) < clients)
		usleep(1000);
	return true;
}

/* Jobs of all clients that began before @ns. */
static int rank(const struct race *race, int clients, uint64_t ns)
{
	int n = 0;

	for (int i = 0; i < clients; i++)
		for (int j = 0; j < JOBS; j++)
			n += race->begun[i][j] < ns;
	return n;
}

/* Have clients with so many streams each begin at once; their parts of the first jobs in done. */
static int share_out(struct race *race, int clients, const int *streams)
{
	struct drm_syncobj_handle gated = {};
	int fd = snnq_test_open(), ret;
	struct test_gate gate;
	pid_t pid[MAX_CLIENTS];

	memset(race, 0, sizeof(*race));
	ret = gate_for_jobs(fd, &gate, &gated.handle);
	if (!ret)
		ret = snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &gated);
	if (ret)
		return ret;
	fflush(stdout);
	for (int i = 0; i < clients && is_ready(race, i); i++) {
		pid[i] = fork();
		if (!pid[i]) {
			race->error[i] = waiting_client(race, i, streams[i], gated.fd);
			_exit(0);
		}
	}
	is_ready(race, clients);
	ret = gate_open(&gate);
	for (int i = 0; i < clients; i++)
		waitpid(pid[i], NULL, 0);
	gate_destroy(&gate);
	close(gated.fd);
	close(fd);
	printf("# %d clients:", clients);
	for (int i = 0; i < clients; i++) {
		for (int j = 0; j < JOBS; j++)
			race->done[i] += rank(race, clients, race->begun[i][j]) < EACH * clients;
		printf(" %.1f %% with %d", 100.0 * race->done[i] / (EACH * clients), streams[i]);
	}
	printf(" stream(s)\n");
	return ret;
}

/* However many streams each has, nobody has much less than what is due. */
static const int teams[][MAX_CLIENTS] = {
	{ 1 },	     { 1, 1 },	     { 1, 1, 1, 1, 1, 1, 1, 1 }, { 8, 1 },
	{ 8, 4, 1 }, { 8, 1, 1, 1 }, { 8, 8, 4, 4, 2, 2, 1, 1 },
};

static bool has_much_less(const struct race *race, int i)
{
	return race->done[i] < EACH * 3 / 4;
}

/*
 * Places go to those who wait for one. Who is slow to put the next job behind the last one
 * does not, so where the processor is, jobs take longer. What is unfair remains so then.
 */
TEST_F_TIMEOUT(fair, clients_have_equal_shares, 600)
{
	uint32_t ns = MANY_NS;

	for (size_t t = 0; t < sizeof(teams) / sizeof(teams[0]); t++) {
		int clients = 0, less, ret;

		while (clients < MAX_CLIENTS && teams[t][clients])
			clients++;
		for (;; ns *= 4) {
			inject(self->regs, SNNQ_INJECT_SLOW_NS, ns);
			ret = share_out(self->race, clients, teams[t]);
			if (ret == -ENODEV)
				SKIP(return, "no fences of others: neither sw_sync nor vgem");
			ASSERT_EQ(0, ret);
			less = 0;
			for (int i = 0; i < clients; i++) {
				EXPECT_EQ(0, self->race->error[i]);
				less += has_much_less(self->race, i);
			}
			if (!less || ns >= MOST_NS)
				break;
			printf("# not with %u ns a layer\n", ns);
		}
		EXPECT_EQ(0, less)
		{
			TH_LOG("team %zu", t);
		}
	}
}

/* Records among the first @count of jobs that began before @ns. */
static int begun(const struct drm_snnq_result *r, int count, uint64_t ns)
{
	int n = 0;

	for (int i = 0; i < count; i++)
		n += r[i].start_ns < ns;
	return n;
}

/* A flood of jobs of one priority, and a few of a lower one. */
struct levels {
	uint32_t flood, other;
	int patience, jobs;
};

#define FLOOD	  (MAX_STREAMS * FLOOD_JOBS)
#define MAX_OTHER 6

/* All may begin at once. So many of the flood did before each other one, in order. */
static int flood(int fd, const struct test_net *net, struct test_bo *results,
		 const struct levels *l, int before[MAX_OTHER])
{
	const struct drm_snnq_result *r = results->map;
	uint32_t syncobj[MAX_STREAMS + 1], gated;
	struct test_gate gate;
	int ret = gate_for_jobs(fd, &gate, &gated);

	if (ret)
		return ret;
	for (int i = 0; !ret && i < MAX_STREAMS; i++)
		ret = queue_jobs(fd, net, l->flood, FLOOD_JOBS, gated, results->handle,
				 i * FLOOD_JOBS, &syncobj[i]);
	if (!ret)
		ret = queue_jobs(fd, net, l->other, l->jobs, gated, results->handle, FLOOD,
				 &syncobj[MAX_STREAMS]);
	if (!ret)
		ret = gate_open(&gate);
	gate_destroy(&gate);
	for (int i = 0; !ret && i < MAX_STREAMS; i++)
		ret = timeline_wait(fd, syncobj[i], FLOOD_JOBS, 60000);
	if (!ret)
		ret = timeline_wait(fd, syncobj[MAX_STREAMS], (uint64_t)l->jobs, 60000);
	if (!ret)
		ret = bo_fetch(results);
	printf("# patience %d: jobs of the flood before each other one:", l->patience);
	for (int i = 0; !ret && i < l->jobs; i++) {
		before[i] = begun(r, FLOOD, r[FLOOD + i].start_ns);
		printf(" %d", before[i]);
	}
	printf(" of %d\n", FLOOD);
	return ret;
}

/* Each comes late, but not later than after so many of the others, more or less, at its core. */
static bool patience_pays(const struct levels *l, const int *before, int cores)
{
	int last = before[l->jobs - 1];

	for (int i = 0; i < l->jobs; i++)
		if (before[i] - (i ? before[i - 1] : 0) > 2 * (l->patience + RING) * cores)
			return false;
	return last >= (l->jobs - 2) * l->patience && last < FLOOD;
}

/* With jobs of a length as above. */
TEST_F_TIMEOUT(fair, priorities_do_not_starve_others, 300)
{
	static const struct levels levels[] = {
		{ DRM_SNNQ_PRIORITY_HIGH, DRM_SNNQ_PRIORITY_NORMAL, PATIENCE_NORMAL, MAX_OTHER },
		{ DRM_SNNQ_PRIORITY_NORMAL, DRM_SNNQ_PRIORITY_LOW, PATIENCE_LOW, 2 },
	};
	int fd = snnq_test_open(), before[MAX_OTHER];
	uint32_t ns = MANY_NS;
	struct test_bo results;
	struct test_net net;

	ASSERT_EQ(0, net_create(fd, STEPS, 5, &net));
	ASSERT_EQ(0, bo_create(fd, 65536, 0, &results));
	for (int l = 0; l < 2; l++) {
		for (;; ns *= 4) {
			int ret;

			inject(self->regs, SNNQ_INJECT_SLOW_NS, ns);
			ret = flood(fd, &net, &results, &levels[l], before);
			if (ret == -ENODEV)
				SKIP(return, "no fences of others: neither sw_sync nor vgem");
			ASSERT_EQ(0, ret);
			if (ns >= MOST_NS || patience_pays(&levels[l], before, self->cores))
				break;
			printf("# not with %u ns a layer\n", ns);
		}
		EXPECT_TRUE(patience_pays(&levels[l], before, self->cores));
	}
	net_destroy(&net);
	close(fd);
}

static int64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static bool set_burst(const char *text)
{
	FILE *f = fopen(BURST, "w");
	bool done = f && fputs(text, f) >= 0;

	return f && !fclose(f) && done;
}

/* Who fails all the time may do so a few times, and then once a second. */
TEST_F_TIMEOUT(fair, faults_do_not_slow_others, 300)
{
	struct role roles[2] = {
		{ .streams = MAX_STREAMS, .depth = 1, .faulty = true },
		{ .streams = 1, .watched = true },
	};
	int64_t begin;

	ASSERT_TRUE(set_burst("4"));
	begin = seconds();
	run_race(self->race, 2, roles, 4 * EACH);
	EXPECT_TRUE(set_burst("32"));
	EXPECT_EQ(0, self->race->error[0]);
	EXPECT_EQ(0, self->race->error[1]);
	EXPECT_EQ(4 * EACH, self->race->done[1]);
	EXPECT_LE(1, self->race->done[0]);
	/* those that were queued before the first one failed end, too */
	EXPECT_GE(4 + MAX_STREAMS + seconds() - begin + 1, self->race->done[0]);
}

TEST_HARNESS_MAIN
