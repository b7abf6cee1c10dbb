// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shares of clients that always have work, counted in jobs of one length, until all of them
 * together did a fixed number.
 * Catches: a client that is starved by others of its priority.
 *
 * How long anything takes does not matter. Jobs are slowed by injection, as in fault_test, so
 * that the device decides, not the processors.
 */
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "snnq_harness.h"

#define MAX_CLIENTS 8
#define MAX_STREAMS 8
#define DEPTH	    4  /* jobs of a stream that are always queued */
#define EACH	    50 /* jobs of a client, on average */
#define SLOW_NS	    200000

/* What clients have in common. */
struct race {
	int ready, go;
	int jobs;		/* of all that ended */
	int until;		/* so many */
	int done[MAX_CLIENTS];	/* of each, up to then */
	int error[MAX_CLIENTS]; /* what went wrong */
};

FIXTURE(fair)
{
	volatile uint32_t *regs;
	struct race *race;
};

FIXTURE_SETUP(fair)
{
	int fd = snnq_test_open();

	if (fd < 0)
		SKIP(return, "no snnq device");
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

static int add_job(int fd, const struct test_net *net, struct queue *q)
{
	struct test_job j;

	job_fill(&j, net, q->stream, 0, STEPS, q->syncobj, ++q->submitted);
	return submit(fd, &j.job, 1, NULL);
}

static int prepare(int fd, struct test_net *net, struct queue *queues, int streams)
{
	int ret = net_create(fd, STEPS, 5, net);

	for (int i = 0; !ret && i < streams; i++) {
		queues[i].submitted = 0;
		ret = stream_create(fd, net->model, &queues[i].stream);
		if (!ret)
			ret = syncobj_create(fd, &queues[i].syncobj);
		for (int n = 0; !ret && n < DEPTH; n++)
			ret = add_job(fd, net, &queues[i]);
	}
	return ret;
}

/* Run jobs in all streams until everyone together is through. */
static int client(struct race *race, int index, int streams)
{
	struct queue queues[MAX_STREAMS];
	int fd = snnq_test_open(), ret;
	struct test_net net;

	ret = prepare(fd, &net, queues, streams);
	__atomic_add_fetch(&race->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&race->go, __ATOMIC_SEQ_CST))
		sched_yield();
	for (int i = 0; !ret; i = (i + 1) % streams) {
		struct queue *q = &queues[i];

		ret = timeline_wait(fd, q->syncobj, q->submitted - DEPTH + 1, 60000);
		if (ret || __atomic_add_fetch(&race->jobs, 1, __ATOMIC_SEQ_CST) > race->until)
			break;
		race->done[index]++;
		ret = add_job(fd, &net, q);
	}
	close(fd);
	return ret;
}

/* Clients with @streams[i] streams each; shares are in race->done. */
static void run_race(struct race *race, int clients, const int *streams)
{
	pid_t pid[MAX_CLIENTS];

	memset(race, 0, sizeof(*race));
	race->until = EACH * clients;
	fflush(stdout);
	for (int i = 0; i < clients; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			race->error[i] = client(race, i, streams[i]);
			_exit(0);
		}
	}
	while (__atomic_load_n(&race->ready, __ATOMIC_SEQ_CST) < clients)
		usleep(1000);
	__atomic_store_n(&race->go, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < clients; i++)
		waitpid(pid[i], NULL, 0);
	printf("# %d clients:", clients);
	for (int i = 0; i < clients; i++)
		printf(" %.1f %% with %d", 100.0 * race->done[i] / race->until, streams[i]);
	printf(" stream(s)\n");
}

/* With a stream each, nobody has less than half of what is due. */
TEST_F_TIMEOUT(fair, equal_clients_have_equal_shares, 300)
{
	static const int one_each[MAX_CLIENTS] = { 1, 1, 1, 1, 1, 1, 1, 1 };

	for (int clients = 1; clients <= MAX_CLIENTS; clients *= 2) {
		run_race(self->race, clients, one_each);
		for (int i = 0; i < clients; i++) {
			EXPECT_EQ(0, self->race->error[i]);
			EXPECT_LE(EACH / 2, self->race->done[i])
			{
				TH_LOG("client %d of %d", i, clients);
			}
		}
	}
}

/* Shares go by streams, not by clients; but they leave something to the others. */
TEST_F_TIMEOUT(fair, many_streams_do_not_starve_others, 300)
{
	static const int streams[2] = { MAX_STREAMS, 1 };

	run_race(self->race, 2, streams);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, self->race->error[i]);
		EXPECT_LE(2 * EACH / (2 * (MAX_STREAMS + 1)), self->race->done[i]);
	}
}

TEST_HARNESS_MAIN
