// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that says what cannot be of itself, and whether it may write to memory.
 * Catches: shifts, divisions and sizes made of capability registers, a driver that believes
 * more than it can do, a device left with access to memory or without it after a reset.
 *
 * Wants to be the only user of the device. Injection registers as in fault_test.
 */
#include <poll.h>
#include <stdio.h>

#include "fault.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define COMMAND_MASTER 4 /* in the PCI command register */

FIXTURE(device)
{
	volatile uint32_t *regs;
	char name[32];
};

FIXTURE_SETUP(device)
{
	int fd = snnq_test_open();

	if (fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_TRUE(pci_name(fd, self->name));
	close(fd);
	self->regs = map_registers();
	if (!self->regs)
		SKIP(return, "no injection registers");
}

FIXTURE_TEARDOWN(device)
{
	if (!self->regs)
		return;
	unmap_registers(self->regs);
	device_bind(self->name);
}

/* Nothing that the driver tells may be more than its own limits. */
/* No limit and no bit of which this version of the program format knows nothing. */
static bool program_is_sane(const struct drm_snnq_dev_info *i)
{
	return i->max_layers <= SNNQ_MAX_LAYERS && i->max_dim <= SNNQ_MAX_DIM &&
	       i->max_channels <= SNNQ_MAX_CHANNELS && i->max_steps <= SNNQ_MAX_STEPS &&
	       i->max_program_bytes <= SNNQ_MAX_PROGRAM_BYTES && i->max_planes <= SNNQ_MAX_PLANES &&
	       i->max_kernel <= SNNQ_MAX_DIM && i->max_window <= SNNQ_MAX_DIM &&
	       i->max_stride <= 255 && i->max_dilation <= 255 && i->max_delay <= SNNQ_MAX_DELAY &&
	       i->max_tile_steps <= SNNQ_MAX_TILE_STEPS &&
	       i->max_state_bytes <= SNNQ_MAX_REGION_BYTES &&
	       i->max_scratch_bytes <= SNNQ_MAX_REGION_BYTES && !(i->ops >> SNNQ_OP_COUNT) &&
	       !(i->elementwise >> SNNQ_ELEMENTWISE_COUNT) &&
	       !(i->attention >> SNNQ_ATTENTION_COUNT) && !(i->readouts >> SNNQ_READOUT_COUNT) &&
	       !(i->formats >> SNNQ_FORMAT_COUNT) && !(i->layer_flags & ~SNNQ_LAYER_FLAGS) &&
	       !(i->neuron_flags & ~SNNQ_NEURON_FLAGS) &&
	       !(i->needs & ~(2 * SNNQ_PROGRAM_NEEDS_PADDING - 1));
}

static bool info_is_sane(const struct drm_snnq_dev_info *i)
{
	return program_is_sane(i) && i->cores >= 1 && i->cores <= SNNQ_MAX_CORES &&
	       i->dma_bits >= 32 && i->dma_bits <= 64 && i->queue_depth >= 1;
}

/* A network is refused, or computed right, or its job has an error and an end. */
static const char *work_goes(int fd)
{
	uint32_t stream, syncobj, done;
	struct test_net net;
	struct test_job j;
	const char *bad = NULL;
	int ret;

	if (net_create(fd, STEPS, 7, &net) || stream_create(fd, net.model, &stream) ||
	    syncobj_create(fd, &syncobj))
		goto out;
	job_fill(&j, &net, stream, 0, STEPS, syncobj, 1);
	if (job_track(fd, &j, &done) || submit(fd, &j.job, 1, NULL))
		goto out;
	ret = timeline_wait(fd, syncobj, 1, 120000);
	if (ret)
		bad = "a job without end";
	net_expect(&net, 0, STEPS);
	if (!ret && !job_status(fd, done) && !net_matches(&net))
		bad = "a wrong result";
out:
	net_destroy(&net);
	return bad;
}

/* What is bad about how the driver takes the device as it is; NULL: nothing. */
static const char *taken(const char *name)
{
	struct drm_snnq_dev_info info;
	const char *bad = NULL;
	int fd;

	if (!device_bind(name))
		return NULL;
	fd = snnq_test_open();
	if (fd < 0)
		return "bound without a node";
	info = dev_info(fd);
	if (!info_is_sane(&info))
		bad = "limits beyond the driver's";
	else
		bad = work_goes(fd);
	close(fd);
	if (!device_unbind(name))
		bad = "cannot be unbound";
	return bad;
}

/* A kernel that checks itself binds slowly. */
static bool checked(void)
{
	return !access("/proc/lockdep", F_OK);
}

/* All values of each register, or, where that takes long, one in turn. */
TEST_F_TIMEOUT(device, capabilities_that_cannot_be_hurt_nobody, 900)
{
	static const uint32_t values[] = { 0, 0x80000001, ~0u };
	uint32_t count = sizeof(values) / sizeof(values[0]);
	bool slow = checked();

	ASSERT_TRUE(device_unbind(self->name));
	for (uint32_t offset = 0; offset < SNNQ_REG_CAP_END; offset += 4) {
		for (uint32_t n = 0; n < count; n++) {
			const char *bad;

			if (slow && n != offset / 4 % count)
				continue;
			inject(self->regs, SNNQ_INJECT_CAP_VALUE, values[n]);
			inject(self->regs, SNNQ_INJECT_CAPABILITY, 1 + offset / 4);
			bad = taken(self->name);
			inject(self->regs, SNNQ_INJECT_CAPABILITY, 0);
			EXPECT_EQ(NULL, bad)
			{
				TH_LOG("register %#x is %#x: %s", offset, values[n], bad);
			}
		}
	}
	EXPECT_TRUE(device_bind(self->name));
	EXPECT_TRUE(device_works(snnq_test_open()));
}

static int command_register(const char *name)
{
	uint8_t command[2];
	char path[80];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
	fd = open(path, O_RDONLY);
	n = fd >= 0 ? pread(fd, command, sizeof(command), 4) : -1;
	if (fd >= 0)
		close(fd);
	return n == sizeof(command) ? command[0] | command[1] << 8 : -1;
}

static bool is_master(const char *name)
{
	int command = command_register(name);

	return command >= 0 && command & COMMAND_MASTER;
}

/* As long as the driver has the device, whatever that went through; and no longer. */
TEST_F_TIMEOUT(device, memory_is_open_to_it_while_it_has_a_driver, 300)
{
	if (!strchr(self->name, ':'))
		SKIP(return, "only PCI closes memory to a device");
	EXPECT_TRUE(is_master(self->name));
	ASSERT_TRUE(device_unbind(self->name));
	EXPECT_FALSE(is_master(self->name));
	inject(self->regs, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_DEVICE);
	EXPECT_FALSE(device_bind(self->name));
	EXPECT_FALSE(is_master(self->name));
	inject(self->regs, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_NONE);
	ASSERT_TRUE(device_bind(self->name));
	EXPECT_TRUE(is_master(self->name));
	for (int n = 0; n < 3; n++) {
		inject(self->regs, SNNQ_INJECT_DEV_ERROR, SNNQ_DEV_ERROR_FATAL);
		EXPECT_TRUE(device_works(snnq_test_open()));
		EXPECT_TRUE(is_master(self->name));
	}
}

/* Interrupts come up to the end of a probe that fails late, with all there is to use. */
TEST_F_TIMEOUT(device, a_core_that_does_not_start_hurts_nobody, 300)
{
	bool line = !strchr(self->name, ':');

	ASSERT_TRUE(device_unbind(self->name));
	inject(self->regs, SNNQ_INJECT_NO_START, 1);
	inject(self->regs, SNNQ_INJECT_STORM_NS, 3000);
	for (uint32_t vector = 0; vector < 2; vector++) {
		for (int n = 0; n < (checked() ? 3 : 10); n++) {
			inject(self->regs, SNNQ_INJECT_CORES, n % 2 ? 2 : 1);
			inject(self->regs, SNNQ_INJECT_STORM_VECTOR, vector);
			inject(self->regs, SNNQ_INJECT_STORM, line ? 0 : 1000000);
			EXPECT_FALSE(device_bind(self->name));
			inject(self->regs, SNNQ_INJECT_STORM, 0);
		}
	}
	inject(self->regs, SNNQ_INJECT_CORES, UINT32_MAX);
	inject(self->regs, SNNQ_INJECT_NO_START, 0);
	ASSERT_TRUE(device_bind(self->name));
	EXPECT_TRUE(device_works(snnq_test_open()));
}

/* A core that is well until it is reset. */
TEST_F_TIMEOUT(device, a_core_that_does_not_start_again_hurts_nobody, 300)
{
	uint32_t stream, syncobj;
	struct test_net net;
	int fd = snnq_test_open(), other;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, net_create(fd, STEPS, 7, &net));
	ASSERT_EQ(0, stream_create(fd, net.model, &stream));
	ASSERT_EQ(0, syncobj_create(fd, &syncobj));
	inject(self->regs, SNNQ_INJECT_NO_START, 1);
	inject(self->regs, SNNQ_INJECT_BAD_RECORD, SNNQ_INJECT_BAD_ID);
	EXPECT_EQ(-EIO, run_one(fd, &net, stream, syncobj, 1));
	inject(self->regs, SNNQ_INJECT_NO_START, 0);
	other = snnq_test_open();
	EXPECT_FALSE(device_works(other));
	net_destroy(&net);
	close(fd);
	ASSERT_TRUE(device_unbind(self->name));
	ASSERT_TRUE(device_bind(self->name));
	EXPECT_TRUE(device_works(snnq_test_open()));
}

TEST_HARNESS_MAIN
