// SPDX-License-Identifier: GPL-2.0-only
/*
 * stress client SEED: one honest client, until the device goes or SIGTERM.
 * stress SECONDS [PROCESSES [SEED]]: honest clients, who compare what they compute,
 * beside clients that call anything with anything; all are killed at random, while
 * injections break jobs and the device is unbound and bound again.
 * Catches: results called good that are not, fences that never end, clients that
 * cannot die, a device that is lost afterwards; the kernel's checkers see the rest.
 *
 * Needs the device with inject-regs=on and iomem=relaxed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "snnq_inject.h"
#include "snnq_test.h"
#include "stress.h"

#define MAX_CLIENTS 64
#define STEPS	    64
#define STUCK_MS    120000

/* What a client that ends by itself has to say. */
enum { CLIENT_STOPPED, CLIENT_WRONG = 10, CLIENT_STUCK };

struct counts {
	uint64_t good, failed, calls, kills, injections, rebinds;
};

static struct counts *counts; /* shared by all processes */
static volatile sig_atomic_t stop;

uint32_t stress_random(uint32_t *state)
{
	/* xorshift32, Marsaglia 2003 */
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

void stress_called(void)
{
	__atomic_add_fetch(&counts->calls, 1, __ATOMIC_RELAXED);
}

static void end_client(int signal)
{
	stop = signal;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One job; *@status is its own error, the return value that of the calls. */
static int run_one(const struct test_net *net, uint32_t stream, uint32_t syncobj, uint64_t point,
		   int *status)
{
	struct test_job j;
	uint32_t binary;
	int ret;

	job_fill(&j, net, stream, 0, STEPS, syncobj, point);
	ret = job_track(net->fd, &j, &binary);
	if (ret)
		return ret;
	ret = submit(net->fd, &j.job, 1, NULL);
	if (!ret && timeline_wait(net->fd, syncobj, point, STUCK_MS) == -ETIME)
		_exit(CLIENT_STUCK);
	*status = job_status(net->fd, binary);
	return ret;
}

/* Jobs until something else than a job fails: the device went away, or is given up. */
static void compute(struct test_net *net, uint32_t stream, uint32_t syncobj)
{
	for (uint64_t point = 1; !stop; point++) {
		int status = 0, ret = run_one(net, stream, syncobj, point, &status);

		if (ret == -EIO)
			return;
		if (ret || status) {
			__atomic_add_fetch(&counts->failed, 1, __ATOMIC_RELAXED);
			if (stream_reset(net->fd, stream))
				return;
			net_expect_reset(net);
			continue;
		}
		net_expect(net, 0, STEPS);
		if (bo_fetch(&net->readout))
			return;
		if (memcmp(net->readout.map, net->sum, sizeof(net->sum)))
			_exit(CLIENT_WRONG);
		__atomic_add_fetch(&counts->good, 1, __ATOMIC_RELAXED);
	}
}

static void honest_client(uint32_t seed)
{
	while (!stop) {
		uint32_t stream, syncobj;
		struct test_net net;
		int fd = snnq_test_open();

		if (fd < 0) {
			usleep(10000);
			continue;
		}
		if (!net_create(fd, STEPS, seed, &net) && !stream_create(fd, net.model, &stream) &&
		    !syncobj_create(fd, &syncobj))
			compute(&net, stream, syncobj);
		net_destroy(&net);
		close(fd);
	}
}

static pid_t start_client(int slot, uint32_t seed)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	signal(SIGTERM, end_client);
	if (slot % 2)
		stress_chaos(seed, &stop);
	else
		honest_client(seed);
	_exit(CLIENT_STOPPED);
}

/* The PCI device: its name in sysfs, and its registers where they can be had. */
static bool find_device(char name[32])
{
	DIR *dir = opendir("/sys/bus/pci/drivers/snnq");
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		found = strchr(e->d_name, ':');
		if (found)
			snprintf(name, 32, "%.31s", e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Registers answer only while the device is awake; bound anew, it may sleep again. */
static void power(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control", name);
	write_file(path, "on");
}

static volatile uint32_t *map_registers(const char *name)
{
	volatile uint32_t *regs;
	char path[100];
	void *map;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", name);
	fd = open(path, O_RDWR | O_SYNC);
	power(name);
	map = mmap(NULL, SNNQ_REG_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return NULL;
	regs = map;
	return regs[SNNQ_INJECT_REG(SNNQ_INJECT_ID) / 4] == SNNQ_INJECT_MAGIC ? regs : NULL;
}

static void inject(volatile uint32_t *regs, uint32_t what, uint32_t value)
{
	regs[SNNQ_INJECT_REG(what) / 4] = value;
}

static void injections_off(volatile uint32_t *regs)
{
	inject(regs, SNNQ_INJECT_CORES, 0xffffffff);
	inject(regs, SNNQ_INJECT_DMA_ERROR, 0);
	inject(regs, SNNQ_INJECT_HANG_LAYER, SNNQ_INJECT_OFF);
	inject(regs, SNNQ_INJECT_SLOW_NS, 0);
	inject(regs, SNNQ_INJECT_LOST_IRQ, 0);
	inject(regs, SNNQ_INJECT_BAD_RECORD, SNNQ_INJECT_BAD_NONE);
}

/* A device that vanishes does not come back; all else is tried. */
static void inject_something(volatile uint32_t *regs, uint32_t *random)
{
	uint32_t r = stress_random(random);

	injections_off(regs);
	inject(regs, SNNQ_INJECT_CORES, 1 + r % 3);
	switch (r / 4 % 8) {
	case 0:
		inject(regs, SNNQ_INJECT_DMA_ERROR, 1 + r / 32 % 40);
		break;
	case 1:
	case 2:
		inject(regs, SNNQ_INJECT_HANG_LEVEL, SNNQ_INJECT_HANG_UNTIL_CANCEL + r / 32 % 3);
		inject(regs, SNNQ_INJECT_HANG_COUNT, 1);
		inject(regs, SNNQ_INJECT_HANG_LAYER, r / 128 % 2);
		break;
	case 3:
		inject(regs, SNNQ_INJECT_SLOW_NS, r / 32 % 1000000);
		break;
	case 4:
		inject(regs, SNNQ_INJECT_LOST_IRQ, 1 + r / 32 % 4);
		break;
	case 5:
		for (uint32_t i = 0; i < 20; i++)
			inject(regs, SNNQ_INJECT_SPURIOUS, i % 3);
		break;
	case 6:
		inject(regs, SNNQ_INJECT_BAD_RECORD,
		       SNNQ_INJECT_BAD_ID + r / 32 % (SNNQ_INJECT_BAD_COUNT - 1));
		break;
	default:
		inject(regs, SNNQ_INJECT_DEV_ERROR, 1u << r / 32 % 3);
	}
	counts->injections++;
}

static bool rebind(const char *name)
{
	counts->rebinds++;
	if (!write_file("/sys/bus/pci/drivers/snnq/unbind", name) ||
	    !write_file("/sys/bus/pci/drivers/snnq/bind", name))
		return false;
	power(name);
	return true;
}

/* The exit status of a client that should not have ended; 0 for one that was killed. */
static int reap(pid_t pid, bool *ended)
{
	int status;

	*ended = waitpid(pid, &status, WNOHANG) == pid;
	return *ended && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* SIGTERM, and SIGKILL for those that do not hear it: within the time all are gone. */
static bool end_all(pid_t *pid, int clients, int *worst)
{
	double begin = now();
	int left = clients;

	for (int i = 0; i < clients; i++)
		kill(pid[i], SIGTERM);
	while (left && now() < begin + STUCK_MS / 1000) {
		for (int i = 0; i < clients; i++) {
			bool ended = false;
			int status = pid[i] ? reap(pid[i], &ended) : 0;

			if (now() > begin + STUCK_MS / 2000 && pid[i])
				kill(pid[i], SIGKILL);
			if (!ended)
				continue;
			*worst = status ? status : *worst;
			pid[i] = 0;
			left--;
		}
		usleep(20000);
	}
	return !left;
}

static int works(void)
{
	uint32_t stream, syncobj;
	struct test_net net;
	int fd = snnq_test_open(), status = -ENODEV, ret;

	if (fd < 0)
		return -ENODEV;
	ret = net_create(fd, STEPS, 1, &net);
	if (!ret)
		ret = stream_create(fd, net.model, &stream);
	if (!ret)
		ret = syncobj_create(fd, &syncobj);
	if (!ret)
		ret = run_one(&net, stream, syncobj, 1, &status);
	if (!ret)
		ret = status;
	net_expect(&net, 0, STEPS);
	if (!ret && !net_matches(&net))
		ret = -EILSEQ;
	net_destroy(&net);
	close(fd);
	return ret;
}

static void result(int number, bool good, const char *what, int detail)
{
	printf("%sok %d - %s (%d)\n", good ? "" : "not ", number, what, detail);
}

/* 0: all jobs but the one that the device's end hit were good. */
static int one_client(uint32_t seed)
{
	uint32_t stream, syncobj;
	struct test_net net;
	int fd = snnq_test_open();

	if (fd < 0 || net_create(fd, STEPS, seed, &net) || stream_create(fd, net.model, &stream) ||
	    syncobj_create(fd, &syncobj))
		return 1;
	signal(SIGTERM, end_client);
	compute(&net, stream, syncobj);
	printf("%llu jobs good, %llu failed\n", (unsigned long long)counts->good,
	       (unsigned long long)counts->failed);
	return !counts->good || counts->failed > 1;
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 60, clients = argc > 2 ? atoi(argv[2]) : 8;
	uint32_t random = argc > 3 ? (uint32_t)atoi(argv[3]) : 1, seed = 0;
	volatile uint32_t *regs;
	pid_t pid[MAX_CLIENTS];
	int worst = 0, bound = 1, left;
	double end = now() + seconds, next_bind = now() + 5;
	char name[32];

	setvbuf(stdout, NULL, _IOLBF, 0);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (argc == 3 && !strcmp(argv[1], "client"))
		return one_client((uint32_t)clients);
	printf("TAP version 13\n1..5\n");
	if (clients < 1 || clients > MAX_CLIENTS || !random || !find_device(name) ||
	    !(regs = map_registers(name))) {
		printf("Bail out! arguments, or no device with injection registers\n");
		return 1;
	}
	for (int i = 0; i < clients; i++)
		pid[i] = start_client(i, ++seed);
	for (int round = 0; now() < end && bound && !worst; round++) {
		int victim = (int)(stress_random(&random) % (uint32_t)clients);
		bool ended;

		/* those who were killed are followed by others as soon as they are gone */
		usleep(20000 + stress_random(&random) % 400000);
		if (round % 2) {
			kill(pid[victim], SIGKILL);
			counts->kills++;
		} else {
			inject_something(regs, &random);
		}
		for (int i = 0; i < clients && !worst; i++) {
			worst = reap(pid[i], &ended);
			if (ended)
				pid[i] = start_client(i, ++seed);
		}
		if (now() > next_bind) {
			bound = rebind(name);
			next_bind = now() + 3 + stress_random(&random) % 10;
		}
	}
	injections_off(regs);
	left = !end_all(pid, clients, &worst);
	result(1, worst != CLIENT_WRONG, "what was called good is right", worst);
	result(2, worst != CLIENT_STUCK, "every job ends", worst);
	result(3, !left, "every client ends", left);
	result(4,
	       bound && counts->good && counts->kills && counts->injections &&
		       (counts->rebinds || seconds < 20),
	       "it was stress", bound);
	left = bound ? works() : -ENODEV;
	result(5, !left, "the device computes after all that", left);
	printf("# %d s, %d clients: %llu jobs good, %llu failed, %llu other calls, %llu kills, %llu injections, %llu rebinds\n",
	       seconds, clients, (unsigned long long)counts->good,
	       (unsigned long long)counts->failed, (unsigned long long)counts->calls,
	       (unsigned long long)counts->kills, (unsigned long long)counts->injections,
	       (unsigned long long)counts->rebinds);
	return worst || left || !bound;
}
