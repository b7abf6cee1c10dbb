/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the snnq kselftests share: finding the node, raw ioctls, a small network
 * built by hand, and its expected result computed in the plainest way.
 *
 * The network: CHANNELS input spikes per step -> LINEAR, 8-bit uniform weights ->
 * LIF (leak 1/2, hard reset) -> READOUT SUM of the output spikes. Three user
 * regions: weights, input, readout.
 */
#ifndef SNNQ_TEST_H
#define SNNQ_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "snnq_drm.h"
#include "snnq_program.h"
#include "snnq_regs.h"

#define CHANNELS       64
#define MAX_TEST_STEPS 4096
#define THRESHOLD      300

#define WEIGHT_BYTES  (CHANNELS * CHANNELS)
#define READOUT_BYTES (CHANNELS * 4)

struct test_program {
	struct snnq_program_header header;
	struct snnq_region_desc region[3];
	struct snnq_layer layer[2];
	__s32 table[1];
} __attribute__((packed, aligned(8)));

struct test_bo {
	int fd;
	uint32_t handle;
	uint64_t size;
	void *map;
};

struct test_net {
	int fd;
	uint32_t model;
	uint32_t steps; /* room in input */
	struct test_bo weights, input, readout;
	int32_t potential[CHANNELS]; /* of the expected result */
	int32_t sum[CHANNELS];
};

/* Open the first snnq node; -1 when there is none. */
int snnq_test_open(void);
/* The path of a node that is open. */
bool node_path(int fd, char path[64]);
/* ioctl restarted on EINTR; 0 or -errno. */
int snnq_ioctl(int fd, unsigned long request, void *arg);
/* DRM_SNNQ_QUERY_*_STATS; all ones: it failed. */
struct drm_snnq_stats stats(int fd, uint32_t type);

/* The number behind a key of fdinfo, or -1. */
long long fdinfo(int fd, const char *key);

/* What the device can do. */
struct drm_snnq_dev_info dev_info(int fd);

int bo_create(int fd, uint64_t size, uint32_t flags, struct test_bo *bo);
void bo_destroy(struct test_bo *bo);
/*
 * Around what the CPU does with a buffer: after it wrote, before it reads. Needed where
 * the device is not coherent or the kernel bounces. 0 or -errno.
 */
int bo_flush(const struct test_bo *bo);
int bo_fetch(const struct test_bo *bo);
/* Bytes of a CPU page, which buffers are made of. */
uint64_t page_bytes(void);

void program_fill(struct test_program *p, uint32_t max_steps);
/*
 * Likewise of @bytes, most of them a table: the threshold is its last entry, so that the
 * result tells whether all of it arrived.
 */
int long_model_create(int fd, uint32_t max_steps, uint32_t bytes, uint32_t *handle);
int model_create(int fd, const void *program, uint32_t size, uint32_t *handle);
int stream_create(int fd, uint32_t model, uint32_t *handle);
int stream_reset(int fd, uint32_t stream);
int stream_query(int fd, uint32_t stream, struct drm_snnq_stream_query *query);

/* Buffers filled from @seed, model created. 0 or -errno. */
int net_create(int fd, uint32_t steps, uint32_t seed, struct test_net *net);
void net_destroy(struct test_net *net);
/* Advance the expected result by input steps [first, first + steps). */
void net_expect(struct test_net *net, uint32_t first, uint32_t steps);
void net_expect_reset(struct test_net *net);
/* Whether the readout buffer holds the expected sums. */
bool net_matches(const struct test_net *net);

/* A job of @steps from input step @first, with one signalled timeline point (0: none). */
struct test_job {
	struct drm_snnq_job job;
	struct drm_snnq_binding binding[3];
	struct drm_snnq_sync sync[SNNQ_MAX_SYNCS_PER_JOB];
};
void job_fill(struct test_job *job, const struct test_net *net, uint32_t stream, uint32_t first,
	      uint32_t steps, uint32_t syncobj, uint64_t point);
/* Have the counters of the test network's layers written to @handle. */
void job_profile(struct drm_snnq_job *job, uint32_t handle, uint64_t offset, uint32_t stride);
/* Have it written to @handle how the job ended. */
void job_result(struct drm_snnq_job *job, uint32_t handle, uint64_t offset);
int submit(int fd, struct drm_snnq_job *jobs, uint32_t count, uint32_t *failed);

int syncobj_create(int fd, uint32_t *handle);
int syncobj_destroy(int fd, uint32_t handle);
/* What the waits of syncobjs take: absolute time. */
int64_t test_deadline_ns(int64_t timeout_ms);
/* Wait for a timeline point; 0, -ETIME, or another -errno. */
int timeline_wait(int fd, uint32_t syncobj, uint64_t point, int64_t timeout_ms);
/*
 * The error of a job. A timeline forgets the errors of points that are behind it, so
 * a job whose outcome matters also signals a binary syncobj, added here.
 */
int job_track(int fd, struct test_job *job, uint32_t *binary);
/* Whether the job has not ended yet. */
bool job_busy(int fd, uint32_t binary);
/* 0: done well, -EBUSY: not done, another -errno: the job's error. Destroys @binary. */
int job_status(int fd, uint32_t binary);

/*
 * A fence of another driver (vgem's), which signals when the test says so, or after
 * 10 s. It guards @dmabuf, a buffer of @size bytes, as a writer or a reader of it.
 * With a @timeline it is sw_sync's: no buffer, and no end by itself.
 */
struct test_gate {
	int vgem;
	int timeline;
	uint32_t fence;
	uint64_t size;
	int dmabuf;
};
/* -ENODEV: there is no vgem. */
int gate_create(uint64_t size, bool write, struct test_gate *gate);
/* Let the fence signal. */
int gate_open(struct test_gate *gate);
void gate_destroy(struct test_gate *gate);
/* Put the gate's fence into a new binary syncobj. */
int gate_syncobj(int fd, const struct test_gate *gate, uint32_t *syncobj);
/* Both at once, with sw_sync where the kernel has it. */
int gate_for_jobs(int fd, struct test_gate *gate, uint32_t *syncobj);

/* A dma-buf of @handle, or -errno. */
int bo_export(int fd, uint32_t handle);
int bo_import(int fd, int dmabuf, uint32_t *handle);

/* Add a sync entry to a job. */
void job_sync(struct test_job *job, uint32_t syncobj, uint32_t flags, uint64_t point);

#endif /* SNNQ_TEST_H */
