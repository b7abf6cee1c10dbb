// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams: a model, the network's state, and a queue of jobs.
 *
 * State is double buffered and versioned. The device refuses a job whose state
 * version is not the one it was told, so jobs of a stream can stand back to back
 * in a ring: when one fails, those behind it cannot run on a wrong state. An
 * interrupted job can be started again, as it has not changed what it read.
 *
 * A failure concerns an epoch, that is the jobs from one reset to the next. Jobs
 * of the same epoch end with -ECANCELED; a reset begins a new epoch.
 *
 * A stream lives until its last job is freed. Nothing waits for that: destroying
 * it marks it dead, has the device end what of it is running, and its queue then
 * drains by itself.
 */
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "snnq_device.h"
#include "snnq_gem.h"
#include "snnq_mem.h"
#include "snnq_model.h"
#include "snnq_stream.h"

static void snnq_stream_release(struct kref *ref)
{
	struct snnq_stream *stream = container_of(ref, struct snnq_stream, ref);
	struct snnq_device *sdev = stream->sdev;

	if (stream->entity.rq)
		drm_sched_entity_fini(&stream->entity);
	snnq_bo_put(stream->state[0]);
	snnq_bo_put(stream->state[1]);
	snnq_bo_put(stream->scratch);
	snnq_mem_destroy(stream->tables);
	snnq_model_put(stream->model);
	atomic_dec(&stream->file->stream_count);
	snnq_file_put(stream->file);
	kfree(stream);
	drm_dev_put(&sdev->drm);
}

void snnq_stream_put(struct snnq_stream *stream)
{
	if (stream)
		kref_put(&stream->ref, snnq_stream_release);
}

struct snnq_stream *snnq_stream_get(struct snnq_file *sfile, u32 handle)
{
	struct snnq_stream *stream;

	xa_lock(&sfile->streams);
	stream = xa_load(&sfile->streams, handle);
	if (stream)
		kref_get(&stream->ref);
	xa_unlock(&sfile->streams);
	return stream;
}

/* Jobs submitted from now on start over; caller holds the file's submit_lock. */
void snnq_stream_new_epoch(struct snnq_stream *stream)
{
	unsigned long flags;

	lockdep_assert_held(&stream->file->submit_lock);
	spin_lock_irqsave(&stream->lock, flags);
	stream->epoch++;
	stream->failed = false;
	stream->fault = (struct snnq_fault){};
	stream->steps = 0;
	spin_unlock_irqrestore(&stream->lock, flags);
}

/*
 * Jobs of earlier epochs may run after a later reset. Their own failures are
 * known by the device, which refuses the state they expect.
 */
bool snnq_stream_cancelled(struct snnq_stream *stream, u64 epoch)
{
	unsigned long flags;
	bool failed;

	spin_lock_irqsave(&stream->lock, flags);
	failed = stream->failed && stream->epoch == epoch;
	spin_unlock_irqrestore(&stream->lock, flags);
	return failed || READ_ONCE(stream->dead);
}

/**
 * snnq_stream_job_done() - account for a job that ended
 * @stream: stream.
 * @epoch: of the job.
 * @steps: that it did.
 * @error: how it ended.
 * @fault: where, when it failed.
 *
 * Return: @error, or -ECANCELED for a victim of an earlier failure.
 */
int snnq_stream_job_done(struct snnq_stream *stream, u64 epoch, u32 steps, int error,
			 const struct snnq_fault *fault)
{
	unsigned long flags;

	spin_lock_irqsave(&stream->lock, flags);
	stream->queued--;
	if (stream->epoch == epoch) {
		if (stream->failed) {
			error = -ECANCELED;
		} else if (error) {
			stream->failed = true;
			stream->fault = *fault;
		} else {
			stream->steps += steps;
		}
	}
	spin_unlock_irqrestore(&stream->lock, flags);
	return error;
}

static int snnq_stream_buffers(struct snnq_stream *stream)
{
	const struct snnq_program_info *info = &stream->model->info;
	u64 bytes[3] = { info->state_bytes, info->state_bytes, info->scratch_bytes };
	struct snnq_bo **slot[3] = { &stream->state[0], &stream->state[1], &stream->scratch };
	struct snnq_bo *bo;
	int i;

	for (i = 0; i < ARRAY_SIZE(slot); i++) {
		if (!bytes[i])
			continue;
		bo = snnq_bo_create(stream->file, bytes[i]);
		if (IS_ERR(bo))
			return PTR_ERR(bo);
		*slot[i] = bo;
	}
	return 0;
}

static u32 snnq_stream_table_bytes(const struct snnq_stream *stream, bool profile)
{
	u32 entries = SNNQ_REGION_USER + stream->model->info.region_count + profile;

	return ALIGN(entries * sizeof(struct snnq_region_entry), 64);
}

/* Tables that one piece of memory has room for. */
static u32 snnq_stream_tables(const struct snnq_stream *stream)
{
	return min_t(u32, SNNQ_PAGE_BYTES / snnq_stream_table_bytes(stream, false), 64);
}

static_assert(SNNQ_TABLE_ENTRIES * sizeof(struct snnq_region_entry) + 64 <= SNNQ_PAGE_BYTES);

static int snnq_stream_table_take(struct snnq_stream *stream)
{
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&stream->lock, flags);
	i = ~stream->tables_used ? __ffs64(~stream->tables_used) : 64;
	if (i < snnq_stream_tables(stream))
		stream->tables_used |= BIT_ULL(i);
	else
		i = 64;
	spin_unlock_irqrestore(&stream->lock, flags);
	return i;
}

/**
 * snnq_stream_table_get() - memory for the region table of a job
 * @stream: stream.
 * @profile: with room for the profile, which those of the stream may not have.
 * @table: result, zeroed.
 *
 * Return: 0 or an error.
 */
int snnq_stream_table_get(struct snnq_stream *stream, bool profile, struct snnq_table *table)
{
	u32 bytes = snnq_stream_table_bytes(stream, profile);
	bool fits = bytes == snnq_stream_table_bytes(stream, false);
	u32 i = fits ? snnq_stream_table_take(stream) : 64;
	struct snnq_mem *mem = stream->tables;

	if (i < 64) {
		table->index = i;
		table->entry = mem->cpu + i * bytes;
		table->dma = mem->dma + i * bytes;
		memset(table->entry, 0, bytes);
		return 0;
	}
	mem = snnq_mem_create(stream->sdev, stream->file, bytes);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	table->own = mem;
	table->entry = mem->cpu;
	table->dma = mem->dma;
	return 0;
}

void snnq_stream_table_put(struct snnq_stream *stream, struct snnq_table *table)
{
	unsigned long flags;

	if (table->own) {
		snnq_mem_destroy(table->own);
	} else if (table->entry) {
		spin_lock_irqsave(&stream->lock, flags);
		stream->tables_used &= ~BIT_ULL(table->index);
		spin_unlock_irqrestore(&stream->lock, flags);
	}
}

static int snnq_stream_memory(struct snnq_stream *stream)
{
	struct snnq_mem *tables = snnq_mem_create(stream->sdev, stream->file, SNNQ_PAGE_BYTES);

	if (IS_ERR(tables))
		return PTR_ERR(tables);
	stream->tables = tables;
	return snnq_stream_buffers(stream);
}

static struct snnq_stream *snnq_stream_alloc(struct snnq_file *sfile)
{
	struct snnq_stream *stream;

	if (!atomic_add_unless(&sfile->stream_count, 1, SNNQ_MAX_STREAMS_PER_FILE))
		return ERR_PTR(-ENOSPC);
	stream = kzalloc(sizeof(*stream), GFP_KERNEL_ACCOUNT);
	if (!stream) {
		atomic_dec(&sfile->stream_count);
		return ERR_PTR(-ENOMEM);
	}
	return stream;
}

/* Takes the reference to @model. */
struct snnq_stream *snnq_stream_create(struct snnq_file *sfile, struct snnq_model *model,
				       enum snnq_level level, u32 limit_ms)
{
	struct snnq_device *sdev = sfile->sdev;
	struct snnq_stream *stream = snnq_stream_alloc(sfile);
	int err;

	if (IS_ERR(stream)) {
		snnq_model_put(model);
		return stream;
	}
	kref_init(&stream->ref);
	spin_lock_init(&stream->lock);
	drm_dev_get(&sdev->drm);
	stream->sdev = sdev;
	kref_get(&sfile->ref);
	stream->file = sfile;
	stream->model = model;
	stream->level = level;
	stream->limit_ms = limit_ms;
	stream->reset = true;
	err = snnq_stream_memory(stream);
	if (!err)
		err = drm_sched_entity_init(&stream->entity, DRM_SCHED_PRIORITY_NORMAL,
					    sdev->scheds, sdev->info.cores, NULL);
	if (err) {
		snnq_stream_put(stream);
		return ERR_PTR(err);
	}
	return stream;
}
