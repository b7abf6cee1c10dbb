/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_stream.h - streams: a model, its state and a queue.
 */
#ifndef SNNQ_STREAM_H
#define SNNQ_STREAM_H

#include <linux/kref.h>
#include <linux/spinlock.h>

#include <drm/gpu_scheduler.h>

#include "snnq_fair.h"

struct drm_device;
struct drm_file;
struct snnq_bo;
struct snnq_device;
struct snnq_file;
struct snnq_mem;
struct snnq_model;
struct snnq_region_entry;

/**
 * struct snnq_fault - what went wrong first since a reset
 * @status: SNNQ_STATUS_*; 0: nothing.
 * @layer: where, or SNNQ_LAYER_NONE.
 * @region: where, or SNNQ_REGION_NONE.
 * @offset: where in the region.
 * @seq: number of the job.
 * @error: how it ended.
 */
struct snnq_fault {
	u32 status;
	u32 layer;
	u32 region;
	u64 offset;
	u64 seq;
	int error;
};

/**
 * struct snnq_stream - a stream
 * @ref: held by its handle and by its jobs.
 * @sdev: device.
 * @file: who made it.
 * @model: what it runs.
 * @entity: queue.
 * @level: its priority.
 * @state: job number n reads state[n & 1], which has version n, and writes
 *	version n + 1 to the other.
 * @scratch: activations between layers, or NULL when the program has none.
 * @tables: region tables of the jobs that are queued or running, at most 64; when
 *	there are more of them, each gets memory of its own.
 * @seq: number of the next job; file's submit_lock.
 * @reset: the next job starts from zero state; file's submit_lock.
 * @dead: the handle is gone: queued jobs are cancelled.
 * @limit_ms: time that a job may run at most, or 0.
 * @lock: what follows; taken in interrupts.
 * @epoch: number of resets; a failure ends the jobs of its epoch only.
 * @failed: a job of the epoch failed.
 * @fault: how.
 * @steps: done in this epoch.
 * @queued: jobs queued or running.
 * @tables_used: bit n: table n of @tables is a job's.
 */
struct snnq_stream {
	struct kref ref;
	struct snnq_device *sdev;
	struct snnq_file *file;
	struct snnq_model *model;
	struct drm_sched_entity entity;
	enum snnq_level level;
	struct snnq_bo *state[2];
	struct snnq_bo *scratch;
	struct snnq_mem *tables;
	u64 seq;
	bool reset;
	bool dead;
	u32 limit_ms;

	spinlock_t lock; /* what follows */
	u64 epoch;
	bool failed;
	struct snnq_fault fault;
	u64 steps;
	u32 queued;
	u64 tables_used;
};

/**
 * struct snnq_table - a region table of a job
 * @own: its memory, or NULL: it is one of the stream's.
 * @index: which of these.
 * @entry: the table.
 * @dma: its address.
 */
struct snnq_table {
	struct snnq_mem *own;
	u32 index;
	struct snnq_region_entry *entry;
	dma_addr_t dma;
};

int snnq_stream_table_get(struct snnq_stream *stream, bool profile, struct snnq_table *table);
void snnq_stream_table_put(struct snnq_stream *stream, struct snnq_table *table);

struct snnq_stream *snnq_stream_create(struct snnq_file *sfile, struct snnq_model *model,
				       enum snnq_level level, u32 limit_ms);
struct snnq_stream *snnq_stream_get(struct snnq_file *sfile, u32 handle);
void snnq_stream_put(struct snnq_stream *stream);
void snnq_stream_new_epoch(struct snnq_stream *stream);
bool snnq_stream_cancelled(struct snnq_stream *stream, u64 epoch);
int snnq_stream_job_done(struct snnq_stream *stream, u64 epoch, u32 steps, int error,
			 const struct snnq_fault *fault);

/* snnq_stream_ioctl.c */
void snnq_streams_close(struct snnq_device *sdev, struct snnq_file *sfile);
int snnq_ioctl_stream_create(struct drm_device *drm, void *data, struct drm_file *file);
int snnq_ioctl_stream_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int snnq_ioctl_stream_reset(struct drm_device *drm, void *data, struct drm_file *file);
int snnq_ioctl_stream_query(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* SNNQ_STREAM_H */
