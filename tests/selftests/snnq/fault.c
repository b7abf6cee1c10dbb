// SPDX-License-Identifier: GPL-2.0-only
/* See fault.h. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"

/* Those that last, at the value that does nothing. */
static const struct {
	uint32_t what, off;
} lasting[] = {
	{ SNNQ_INJECT_CORES, UINT32_MAX },
	{ SNNQ_INJECT_DMA_ERROR, 0 },
	{ SNNQ_INJECT_HANG_LAYER, SNNQ_INJECT_OFF },
	{ SNNQ_INJECT_SLOW_NS, 0 },
	{ SNNQ_INJECT_LOST_IRQ, 0 },
	{ SNNQ_INJECT_BAD_RECORD, SNNQ_INJECT_BAD_NONE },
	{ SNNQ_INJECT_FLIP_WEIGHTS, 0 },
	{ SNNQ_INJECT_FLIP_STATE, 0 },
	{ SNNQ_INJECT_TORN_RECORD, 0 },
	{ SNNQ_INJECT_LOST_DOORBELL, 0 },
	{ SNNQ_INJECT_RING_ERROR, SNNQ_INJECT_RING_NONE },
	{ SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_NONE },
	{ SNNQ_INJECT_CAPABILITY, 0 },
	{ SNNQ_INJECT_LATE_RECORD, 0 },
	{ SNNQ_INJECT_STORM, 0 },
	{ SNNQ_INJECT_OVERTAKEN, 0 },
	{ SNNQ_INJECT_NO_START, 0 },
};

static void injections_off(volatile uint32_t *regs)
{
	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		inject(regs, lasting[i].what, lasting[i].off);
}

/* power/control of the device, whose registers do not answer while it sleeps. */
static char control[320];

static void power(const char *how)
{
	int fd = open(control, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* a kernel without power management */
	if (write(fd, how, strlen(how)) < 0)
		perror(control);
	close(fd);
}

/*
 * The window of a device: on PCI a file of its own, elsewhere memory, at the address that its name
 * begins with.
 */
static void *map_window(const char *driver, const char *name)
{
	bool pci = strchr(name, ':');
	char path[320] = "/dev/mem";
	off_t at = pci ? 0 : (off_t)strtoull(name, NULL, 16);
	void *map;
	int fd;

	if (pci)
		snprintf(path, sizeof(path), "%s/%s/resource0", driver, name);
	snprintf(control, sizeof(control), "%s/%s/power/control", driver, name);
	power("on");
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		return MAP_FAILED;
	map = mmap(NULL, SNNQ_REG_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
	close(fd);
	return map;
}

/* The first device of ours on a bus. */
static void *map_first(const char *driver)
{
	DIR *dir = opendir(driver);
	void *map = MAP_FAILED;
	struct dirent *e;

	while (dir && (e = readdir(dir)) && map == MAP_FAILED)
		if (strpbrk(e->d_name, ":.") && e->d_name[0] != '.')
			map = map_window(driver, e->d_name);
	if (dir)
		closedir(dir);
	return map;
}

volatile uint32_t *map_registers(void)
{
	volatile uint32_t *regs;
	void *map = map_first("/sys/bus/pci/drivers/snnq");

	if (map == MAP_FAILED)
		map = map_first("/sys/bus/platform/drivers/snnq");
	if (map == MAP_FAILED)
		return NULL;
	regs = map;
	if (regs[SNNQ_INJECT_REG(SNNQ_INJECT_ID) / 4] != SNNQ_INJECT_MAGIC) {
		munmap(map, SNNQ_REG_PAGE);
		return NULL;
	}
	injections_off(regs);
	return regs;
}

void unmap_registers(volatile uint32_t *regs)
{
	if (!regs)
		return;
	injections_off(regs);
	munmap((void *)regs, SNNQ_REG_PAGE);
	power("auto");
}

void inject(volatile uint32_t *regs, uint32_t what, uint32_t value)
{
	/* A driver that was bound anew lets the device sleep. */
	if (regs[SNNQ_INJECT_REG(SNNQ_INJECT_ID) / 4] != SNNQ_INJECT_MAGIC)
		power("on");
	regs[SNNQ_INJECT_REG(what) / 4] = value;
}

int run_one(int fd, const struct test_net *net, uint32_t stream, uint32_t syncobj, uint64_t point)
{
	return run_recorded(fd, net, stream, syncobj, point, NULL);
}

int run_recorded(int fd, const struct test_net *net, uint32_t stream, uint32_t syncobj,
		 uint64_t point, struct drm_snnq_result *result)
{
	struct test_bo bo = {};
	struct test_job j;
	uint32_t binary;
	int ret;

	job_fill(&j, net, stream, 0, STEPS, syncobj, point);
	ret = job_track(fd, &j, &binary);
	if (!ret && result)
		ret = bo_create(fd, 4096, 0, &bo);
	if (!ret && result)
		job_result(&j.job, bo.handle, 64);
	if (!ret)
		ret = submit(fd, &j.job, 1, NULL);
	if (!ret)
		ret = timeline_wait(fd, syncobj, point, 60000);
	if (!ret && result)
		ret = bo_fetch(&bo);
	if (!ret && result)
		memcpy(result, (char *)bo.map + 64, sizeof(*result));
	if (bo.handle)
		bo_destroy(&bo);
	return ret ? ret : job_status(fd, binary);
}

static volatile sig_atomic_t told_to_end;

static void end(int signal)
{
	told_to_end = 1;
}

static int innocent(uint32_t seed, int rounds)
{
	struct test_net net;
	uint32_t stream, syncobj;
	int fd = snnq_test_open();

	if (fd < 0 || net_create(fd, STEPS, seed, &net) || stream_create(fd, net.model, &stream) ||
	    syncobj_create(fd, &syncobj)) {
		printf("# innocent client %u: does not begin\n", seed);
		return 1;
	}
	for (int i = 1; rounds ? i <= rounds : !told_to_end; i++) {
		int err = run_one(fd, &net, stream, syncobj, (uint64_t)i);

		if (err) {
			printf("# innocent client %u: job %d ended with %d\n", seed, i, err);
			return 3;
		}
		net_expect(&net, 0, STEPS);
		if (!net_matches(&net)) {
			printf("# innocent client %u: wrong result of job %d\n", seed, i);
			return 4;
		}
		usleep(1000);
	}
	return 0;
}

pid_t start_innocent(uint32_t seed, int rounds)
{
	/* It may be told to end before it is there. */
	void (*ours)(int) = signal(SIGTERM, end);
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int status = innocent(seed, rounds);

		fflush(stdout);
		_exit(status);
	}
	signal(SIGTERM, ours);
	return pid;
}

int exit_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int end_innocent(pid_t pid)
{
	kill(pid, SIGTERM);
	return exit_status(pid);
}
