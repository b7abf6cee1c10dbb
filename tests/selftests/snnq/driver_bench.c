// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver adds, each as a ratio to something else that this kernel does, as an emulated
 * machine's microseconds mean little:
 *
 *	driver_bench [RUNS [SECONDS]]
 *
 * Medians of many calls, the median of RUNS (5) of them; of ioctls the time of the calling thread.
 * Then load by 1, 2, 4 and 8 processes, SECONDS (2) each. A line for each figure: name, value, unit,
 * what it is compared with, ratio, parted by tabs. Where the clock counts instructions
 * (tools/guest/run --count) all runs are alike.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "genl.h"
#include "snnq_test.h"

#define CALLS	  300
#define CHAIN	  24
#define MOST_RUNS 99
#define CLIENTS	  8

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Of this thread: what runs meanwhile, as the scheduler's worker does, is not the call's. */
static uint64_t own_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void check(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "driver_bench: %s: %s\n", what, strerror(-ret));
	exit(1);
}

/* A client with a stream of the smallest jobs. */
struct client {
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
	uint64_t point;
};

static void client_open(struct client *c)
{
	c->fd = snnq_test_open();
	check(c->fd < 0 ? -ENODEV : 0, "no snnq device");
	check(net_create(c->fd, 64, 1, &c->net), "network");
	check(stream_create(c->fd, c->net.model, &c->stream), "stream");
	check(syncobj_create(c->fd, &c->syncobj), "syncobj");
	c->point = 0;
}

static void client_close(struct client *c)
{
	net_destroy(&c->net);
	close(c->fd);
}

/* A SUBMIT of @count jobs; the last one signals. */
static void client_submit(struct client *c, uint32_t count)
{
	static struct test_job j[CHAIN];
	struct drm_snnq_job jobs[CHAIN];
	uint32_t k;

	for (k = 0; k < count; k++) {
		job_fill(&j[k], &c->net, c->stream, 0, 1, c->syncobj,
			 k + 1 < count ? 0 : ++c->point);
		jobs[k] = j[k].job;
	}
	check(submit(c->fd, jobs, count, NULL), "SUBMIT");
}

static void client_wait(struct client *c)
{
	check(timeline_wait(c->fd, c->syncobj, c->point, 60000), "wait");
}

/* ---- calls: each gives nanoseconds ---- */

/* What reading that clock takes. */
static double own_clock_ns;

static double own_since(uint64_t start)
{
	return (double)(own_ns() - start) - own_clock_ns;
}

static void measure_own_clock(void)
{
	double ns[CALLS];
	int i;

	for (i = 0; i < CALLS; i++)
		ns[i] = own_since(own_ns());
	own_clock_ns = median(ns, CALLS);
}

static double empty(struct client *c)
{
	struct drm_snnq_dev_query q = { .type = DRM_SNNQ_QUERY_DEV_INFO };
	uint64_t start = own_ns();

	check(snnq_ioctl(c->fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q), "DEV_QUERY");
	return own_since(start);
}

static double submit_of(struct client *c, uint32_t count)
{
	uint64_t start = own_ns();
	double ns;

	client_submit(c, count);
	ns = own_since(start);
	client_wait(c);
	return ns / count;
}

static double submit_one(struct client *c)
{
	return submit_of(c, 1);
}

static double submit_chain(struct client *c)
{
	return submit_of(c, CHAIN);
}

static double seen_of(struct client *c, uint32_t count)
{
	uint64_t start = now_ns();

	client_submit(c, count);
	client_wait(c);
	return (double)(now_ns() - start) / count;
}

static double seen_one(struct client *c)
{
	return seen_of(c, 1);
}

static double seen_chain(struct client *c)
{
	return seen_of(c, CHAIN);
}

/* To another thread and back. */
static int ping = -1, pong = -1;

static void *echo(void *unused)
{
	eventfd_t value;

	(void)unused;
	while (!eventfd_read(ping, &value))
		eventfd_write(pong, 1);
	return NULL;
}

static double round_trip(struct client *c)
{
	uint64_t start = now_ns();
	eventfd_t value;

	(void)c;
	check(eventfd_write(ping, 1) || eventfd_read(pong, &value) ? -EIO : 0, "eventfd");
	return (double)(now_ns() - start);
}

static void start_echo(void)
{
	pthread_t thread;

	ping = eventfd(0, 0);
	pong = eventfd(0, 0);
	check(ping < 0 || pong < 0 ? -EMFILE : 0, "eventfd");
	check(-pthread_create(&thread, NULL, echo, NULL), "thread");
	pthread_detach(thread);
}

static struct genl netlink;

static double ask(const void *request, size_t size)
{
	char answer[8192] __attribute__((aligned(8)));
	uint64_t start = now_ns();

	check(genl_send(&netlink, request, size), "netlink");
	check(genl_receive(&netlink, answer, sizeof(answer), 1000) > 0 ? 0 : -EIO, "netlink");
	check(((struct nlmsghdr *)answer)->nlmsg_type == NLMSG_ERROR ? -EPROTO : 0, "netlink");
	return (double)(now_ns() - start);
}

struct request {
	struct nlmsghdr message;
	struct genlmsghdr command;
	struct nlattr head;
	uint32_t value;
};

/* The controller, of our family. */
static double ask_controller(struct client *c)
{
	struct request r = {
		.message = { sizeof(r), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0 },
		.command = { CTRL_CMD_GETFAMILY, 1, 0 },
		.head = { NLA_HDRLEN + sizeof(uint16_t), CTRL_ATTR_FAMILY_ID },
		.value = netlink.family,
	};

	(void)c;
	return ask(&r, sizeof(r));
}

static double ask_device(struct client *c)
{
	struct request r = {
		.message = { sizeof(r), netlink.family, NLM_F_REQUEST, 1, 0 },
		.command = { SNNQ_CMD_DEVICE_GET, SNNQ_FAMILY_VERSION, 0 },
		.head = { NLA_HDRLEN + sizeof(uint32_t), SNNQ_A_DEVICE_ID },
		.value = 0,
	};

	(void)c;
	return ask(&r, sizeof(r));
}

/* ---- figures ---- */

struct figure {
	const char *name;
	double (*call)(struct client *c);
	const char *than; /* name of another, or NULL */
};

static const struct figure figures[] = {
	{ "empty ioctl", empty, NULL },
	{ "SUBMIT of a job", submit_one, "empty ioctl" },
	{ "SUBMIT of 24, a job", submit_chain, "SUBMIT of a job" },
	{ "round trip by eventfd", round_trip, NULL },
	{ "job, until it is seen", seen_one, "round trip by eventfd" },
	{ "24 jobs, until seen, a job", seen_chain, "job, until it is seen" },
	{ "query of the controller", ask_controller, NULL },
	{ "query of the device", ask_device, "query of the controller" },
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

static double of_calls(const struct figure *f, struct client *c)
{
	double ns[CALLS];
	int i;

	for (i = 0; i < CALLS; i++)
		ns[i] = f->call(c);
	return median(ns, CALLS);
}

static uint32_t figure_named(const char *name)
{
	uint32_t i;

	for (i = 0; strcmp(figures[i].name, name); i++)
		;
	return i;
}

/* Ratios are of calls of the same run. */
static void print_figures(struct client *c, uint32_t runs)
{
	static double ns[FIGURES][MOST_RUNS], values[MOST_RUNS];
	uint32_t r, i;

	for (r = 0; r < runs; r++)
		for (i = 0; i < FIGURES; i++)
			ns[i][r] = of_calls(&figures[i], c);
	for (i = 0; i < FIGURES; i++) {
		const char *than = figures[i].than;

		memcpy(values, ns[i], sizeof(values));
		printf("%s\t%.3f\tus\t", figures[i].name, median(values, runs) / 1e3);
		for (r = 0; than && r < runs; r++)
			values[r] = ns[i][r] / ns[figure_named(than)][r];
		if (than)
			printf("%s\t%.3f\n", than, median(values, runs));
		else
			printf("\t\n");
	}
}

/* ---- load ---- */

/* Interrupts of the driver so far, of all processors. */
static uint64_t interrupts(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	uint64_t sum = 0;
	char line[4096];

	check(f ? 0 : -errno, "/proc/interrupts");
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "snnq") ? strchr(line, ':') : NULL, *end;

		while (at) {
			unsigned long long n = strtoull(at + 1, &end, 10);

			if (end == at + 1)
				break;
			sum += n;
			at = end;
		}
	}
	fclose(f);
	return sum;
}

/* Chains of jobs, one in work while the next is made, until @end; tells how many jobs. */
static void load(int to, uint64_t end)
{
	struct client c;
	uint64_t jobs = 0;

	client_open(&c);
	while (now_ns() < end) {
		client_submit(&c, CHAIN);
		jobs += CHAIN;
		if (c.point > 1)
			check(timeline_wait(c.fd, c.syncobj, c.point - 1, 60000), "wait");
	}
	client_wait(&c);
	check(write(to, &jobs, sizeof(jobs)) == sizeof(jobs) ? 0 : -EIO, "pipe");
	client_close(&c);
	exit(0);
}

static void print_load(uint32_t clients, uint32_t seconds)
{
	uint64_t before = interrupts(), start = now_ns(), sum = 0, least = UINT64_MAX, most = 0;
	static double alone;
	int ends[2], status;
	uint32_t i;
	double us;

	check(pipe(ends) ? -errno : 0, "pipe");
	fflush(stdout);
	for (i = 0; i < clients; i++)
		if (!fork())
			load(ends[1], start + seconds * 1000000000ull);
	for (i = 0; i < clients; i++) {
		uint64_t jobs = 0;

		check(wait(&status) < 0 || status ? -ECHILD : 0, "a client");
		check(read(ends[0], &jobs, sizeof(jobs)) == sizeof(jobs) ? 0 : -EIO, "pipe");
		sum += jobs;
		least = jobs < least ? jobs : least;
		most = jobs > most ? jobs : most;
	}
	close(ends[0]);
	close(ends[1]);
	us = (double)(now_ns() - start) / 1e3 / (double)sum;
	if (clients == 1)
		alone = us;
	printf("a job, load of %u\t%.3f\tus\ta job, load of 1\t%.3f\n", clients, us, us / alone);
	printf("interrupts a job, load of %u\t%.3f\t1\t\t\n", clients,
	       (double)(interrupts() - before) / (double)sum);
	if (clients > 1)
		printf("most jobs of a client, load of %u\t%.3f\t1\tleast jobs of a client\t%.3f\n",
		       clients, (double)most / (double)least, (double)most / (double)least);
}

int main(int argc, char **argv)
{
	uint32_t runs = argc > 1 ? (uint32_t)atoi(argv[1]) : 5, clients;
	uint32_t seconds = argc > 2 ? (uint32_t)atoi(argv[2]) : 2;
	struct client c;

	if (runs < 1 || runs > MOST_RUNS || seconds > 600) {
		fprintf(stderr, "usage: driver_bench [RUNS [SECONDS]], RUNS 1 to %u\n", MOST_RUNS);
		return 2;
	}
	client_open(&c);
	check(genl_open(&netlink), "netlink family");
	start_echo();
	measure_own_clock();
	print_figures(&c, runs);
	for (clients = 1; seconds && clients <= CLIENTS; clients *= 2)
		print_load(clients, seconds);
	client_close(&c);
	return 0;
}
