// SPDX-License-Identifier: MIT
/*
 * eject.c - a device is taken out while another processor writes one of its registers.
 *
 * eject DEVICE BAR OFFSET VALUE: the device is one of bus 0, named as in /sys/bus/pci/devices and
 * without a driver; its core 0 is enabled first, with empty rings, so that doorbells reach it. The
 * model is at fault when the machine dies. Status 0: the device is gone and the guest goes on.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snnq_regs.h"

/* Ports of the machine's ACPI hot-plug: choice of the bus, ejection of slots. */
#define PORT_BUS       0xae10
#define PORT_EJECT     0xae08
#define WRITE_FIRST_US 300000
#define RING_AT	       0x100000

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(2, "cannot run on processor %d", cpu);
}

/* Configuration space of a slot without a device reads all-ones. */
static bool is_there(const char *device)
{
	char path[256];
	uint32_t id;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", device);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, &id, sizeof(id)) != sizeof(id))
		err(2, "%s", path);
	close(fd);
	return id != UINT32_MAX;
}

static void power_on(const char *device)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", device);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1)
		err(2, "%s", path);
	close(fd);
}

/* One page of registers of a BAR. */
static volatile uint32_t *map_page(const char *device, int bar, off_t at)
{
	char path[256];
	void *map;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", device, bar);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		err(2, "%s", path);
	map = mmap(NULL, SNNQ_REG_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
	if (map == MAP_FAILED)
		err(2, "%s: mmap", path);
	close(fd);
	return map;
}

static void core_enable(volatile uint32_t *core)
{
	core[SNNQ_CORE_SQ_BASE_LO / 4] = RING_AT;
	core[SNNQ_CORE_SQ_SIZE / 4] = 2;
	core[SNNQ_CORE_CQ_BASE_LO / 4] = RING_AT;
	core[SNNQ_CORE_CQ_SIZE / 4] = 2;
	core[SNNQ_CORE_CONTROL / 4] = SNNQ_CORE_CTL_ENABLE;
	if (core[SNNQ_CORE_STATUS / 4] != SNNQ_CORE_ST_ENABLED)
		errx(2, "core 0 is not enabled: status 0x%x", core[SNNQ_CORE_STATUS / 4]);
}

static void write_for_ever(volatile uint32_t *reg, uint32_t value)
{
	pin(1);
	for (;;)
		*reg = value;
}

int main(int argc, char **argv)
{
	unsigned int slot, offset;
	volatile uint32_t *core, *reg;
	pid_t writer;

	if (argc != 5 || sscanf(argv[1], "0000:00:%x.0", &slot) != 1)
		errx(2, "usage: eject 0000:00:SLOT.0 BAR OFFSET VALUE");
	power_on(argv[1]);
	core = map_page(argv[1], SNNQ_PCI_BAR_REGS, SNNQ_CORE_BASE(0));
	core_enable(core);
	offset = strtoul(argv[3], NULL, 0);
	reg = map_page(argv[1], atoi(argv[2]), offset / SNNQ_REG_PAGE * SNNQ_REG_PAGE) +
	      offset % SNNQ_REG_PAGE / 4;
	if (iopl(3))
		err(2, "no access to ports");
	writer = fork();
	if (writer < 0)
		err(2, "fork");
	if (!writer)
		write_for_ever(reg, strtoul(argv[4], NULL, 0));
	pin(0);
	usleep(WRITE_FIRST_US);
	outl(0, PORT_BUS);
	outl(1u << slot, PORT_EJECT);
	usleep(WRITE_FIRST_US);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	if (is_there(argv[1]))
		errx(1, "the device is still there");
	return 0;
}
