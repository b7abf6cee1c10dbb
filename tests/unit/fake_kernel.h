/* SPDX-License-Identifier: MIT */
/*
 * fake_kernel.h - the driver as the drm backend sees it, for tests without one.
 *
 * It answers the ioctls, checks what it is given as the driver would, and counts
 * what is alive. The device node is a plain file in which each buffer has its
 * place, so that mmap works and the "device" can read and write buffers.
 */
#ifndef TEST_FAKE_KERNEL_H
#define TEST_FAKE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "snnq_drm.h"
#include "snnq_validate.h"

#define FAKE_OBJECTS 64
#define FAKE_CYCLES  1234

/* Widths of each scheme that the device has: no two alike, and enough for the models of tests. */
#define FAKE_UNIFORM 0x1fe
#define FAKE_ODD     0xfe
#define FAKE_POT     0x3c
#define FAKE_APOT    0x30
#define FAKE_TERNARY 0x04

struct fake_buffer {
	bool live, imported;
	uint64_t bytes, place; /* in the file */
	uint32_t synced;       /* DRM_SNNQ_BO_SYNC_* seen */
};

struct fake_kernel {
	char path[64];
	int file;
	const char *driver; /* name that VERSION tells */

	/* Fail call number fail_at (from 0) with fail_errno; -1: none. */
	int calls, fail_at, fail_errno;
	unsigned long failed; /* the request that was failed */

	struct fake_buffer buffers[FAKE_OBJECTS];
	bool programs[FAKE_OBJECTS], streams[FAKE_OBJECTS], syncobjs[FAKE_OBJECTS];
	bool fence[FAKE_OBJECTS]; /* a binary syncobj has one */
	uint64_t point;		  /* of the timeline */
	struct snnq_program_info info;
	uint32_t priority;

	/* script */
	int job_error;	   /* how jobs end: 0 or -errno */
	bool pending;	   /* waits expire */
	bool removed;	   /* jobs end without a record */
	int32_t scores[4]; /* written to the readout */
	uint32_t cores;

	/* seen */
	struct drm_snnq_job job;
	struct drm_snnq_binding bindings[SNNQ_MAX_BINDINGS_PER_JOB];
	int submits;
	bool failed_stream;
	int64_t wait_until;
};

extern struct fake_kernel fake;

void fake_start(void);
/* Fails the test when something was made and not freed. */
void fake_expect_nothing_alive(void);
void fake_stop(void);
/* The content of a buffer. */
void fake_read(uint32_t handle, void *data, uint64_t bytes);

#endif /* TEST_FAKE_KERNEL_H */
