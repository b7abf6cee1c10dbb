// SPDX-License-Identifier: GPL-2.0-only
/*
 * A dump of a job that failed, for devcoredump; uapi/snnq_dump.h has its format.
 *
 * Faults are noticed in interrupts and under fences, where nothing can be allocated. So
 * each device has room for one snapshot. What is fleeting is copied there at once; a
 * work item adds the program's descriptors, which the stream keeps, and hands the dump
 * over. Faults that come meanwhile have none, as devcoredump would drop it anyway until
 * the first is read.
 *
 * A hang is looked at before the core is cancelled or reset, since little is left of it
 * when the job ends: snnq_coredump_see().
 */
#include <linux/devcoredump.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_coredump.h"
#include "snnq_device.h"
#include "snnq_dump.h"
#include "snnq_gem.h"
#include "snnq_job.h"
#include "snnq_model.h"

#define SNNQ_DUMP_ADMIN_BYTES (SNNQ_REG_CAP_END + SNNQ_REG_RESET_TIME + 4 - SNNQ_REG_CONTROL)
#define SNNQ_DUMP_CORE_BYTES  (SNNQ_CORE_COALESCE + 4)
#define SNNQ_DUMP_REGISTERS   ((SNNQ_DUMP_ADMIN_BYTES + SNNQ_MAX_CORES * SNNQ_DUMP_CORE_BYTES) / 4)

/**
 * struct snnq_coredump - the snapshot of a device
 * @sdev: device.
 * @lock: @busy and @seen_id; taken in interrupts.
 * @busy: somebody fills what follows, or the work item reads it.
 * @seen_core: whose ring, and the device's registers, were looked at before the fault,
 * @seen_id: when this was its oldest job; 0: none was.
 * @work: makes the dump.
 * @stream: of the job, with a reference.
 * @device: as in the dump, like the following.
 * @job: the job.
 * @cores: each core.
 * @ring: what is in the ring of the job's core.
 * @slots: entries of @ring.
 * @registers: registers.
 * @register_count: entries of @registers.
 * @regions: the job's region table.
 * @region_count: entries of @regions.
 */
struct snnq_coredump {
	struct snnq_device *sdev;
	spinlock_t lock; /* busy, seen_id */
	bool busy;
	u32 seen_core;
	u32 seen_id;
	struct work_struct work;
	struct snnq_stream *stream;
	struct snnq_dump_device device;
	struct snnq_dump_job job;
	struct snnq_dump_core cores[SNNQ_MAX_CORES];
	struct snnq_dump_slot ring[SNNQ_RING_ENTRIES];
	u32 slots;
	struct snnq_dump_register registers[SNNQ_DUMP_REGISTERS];
	u32 register_count;
	struct snnq_dump_region regions[SNNQ_TABLE_ENTRIES];
	u32 region_count;
};

/**
 * struct snnq_dump_part - a section that is to be written
 * @head: its head.
 * @from: the entries; NULL: they are in the program.
 * @offset: where there.
 */
struct snnq_dump_part {
	struct snnq_dump_section head;
	const void *from;
	u32 offset;
};

/* Have the snapshot for oneself. */
static bool snnq_coredump_take(struct snnq_coredump *dump)
{
	unsigned long flags;
	bool taken;

	if (!IS_ENABLED(CONFIG_DEV_COREDUMP))
		return false;
	spin_lock_irqsave(&dump->lock, flags);
	taken = !dump->busy;
	dump->busy = true;
	spin_unlock_irqrestore(&dump->lock, flags);
	return taken;
}

/* @seen_id: what it has of the job that fails next. */
static void snnq_coredump_give(struct snnq_coredump *dump, u32 seen_id)
{
	unsigned long flags;

	spin_lock_irqsave(&dump->lock, flags);
	dump->seen_id = seen_id;
	dump->busy = false;
	spin_unlock_irqrestore(&dump->lock, flags);
}

static void snnq_coredump_register(struct snnq_coredump *dump, u32 offset)
{
	dump->registers[dump->register_count++] = (struct snnq_dump_register){
		.offset = offset,
		.value = snnq_read(dump->sdev, offset),
	};
}

/* Of a device that has power. What is not used reads as zero. */
static void snnq_coredump_registers(struct snnq_coredump *dump)
{
	u32 i, at;

	dump->register_count = 0;
	for (at = 0; at < SNNQ_REG_CAP_END; at += 4)
		snnq_coredump_register(dump, at);
	for (at = SNNQ_REG_CONTROL; at <= SNNQ_REG_RESET_TIME; at += 4)
		snnq_coredump_register(dump, at);
	for (i = 0; i < dump->sdev->info.cores; i++)
		for (at = 0; at <= SNNQ_CORE_COALESCE; at += 4)
			snnq_coredump_register(dump, SNNQ_CORE_BASE(i) + at);
}

static void snnq_coredump_core(struct snnq_dump_core *to, struct snnq_core *core)
{
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	*to = (struct snnq_dump_core){
		.index = core->index,
		.state = (core->enabled ? SNNQ_CORE_STATE_ENABLED : 0) |
			 (core->broken ? SNNQ_CORE_STATE_BROKEN : 0) |
			 (core->guard.masked ? SNNQ_CORE_STATE_POLLED : 0),
		.entries = core->entries,
		.tail = core->tail,
		.head = core->head,
		.phase = core->phase,
		.fruitless = core->fruitless,
		.resets = core->resets,
	};
	spin_unlock_irqrestore(&core->lock, flags);
}

static void snnq_coredump_slot(struct snnq_dump_slot *to, struct snnq_core *core, u32 slot,
			       const struct snnq_file *mine, u32 id)
{
	const struct snnq_job *job = core->jobs[slot];

	lockdep_assert_held(&core->lock);
	*to = (struct snnq_dump_slot){ .slot = slot, .id = job->id };
	if (job->stream->file != mine) {
		to->flags = SNNQ_DUMP_SLOT_OTHER;
		return;
	}
	to->flags = job->id == id ? SNNQ_DUMP_SLOT_JOB : 0;
	to->steps = job->steps;
	to->seq = job->seq + 1;
	to->context = job->base.s_fence->finished.context;
	to->progress = READ_ONCE(core->rings->progress[slot]);
}

/* What stands in the ring beside job @id, or did when it was there; @mine: whose that is. */
static void snnq_coredump_ring(struct snnq_coredump *dump, struct snnq_core *core,
			       const struct snnq_file *mine, u32 id)
{
	const struct snnq_job *job;
	unsigned long flags;
	u32 i, slot;

	dump->slots = 0;
	spin_lock_irqsave(&core->lock, flags);
	job = core->jobs[snnq_core_slot(id)];
	if (job && job->id == id)
		mine = job->stream->file;
	for (i = 0; i < core->entries; i++) {
		slot = (core->tail + i) & (core->entries - 1);
		if (core->jobs[slot])
			snnq_coredump_slot(&dump->ring[dump->slots++], core, slot, mine, id);
	}
	spin_unlock_irqrestore(&core->lock, flags);
}

static void snnq_coredump_cores(struct snnq_coredump *dump, struct snnq_core *core,
				const struct snnq_file *mine, u32 id)
{
	u32 i;

	for (i = 0; i < dump->sdev->info.cores; i++)
		snnq_coredump_core(&dump->cores[i], &dump->sdev->cores[i]);
	snnq_coredump_ring(dump, core, mine, id);
}

/**
 * snnq_coredump_see() - look at a core that will be told to give up its oldest job
 * @core: core, of a device that is there and has power.
 * @id: the job's; 0: there is none.
 */
void snnq_coredump_see(struct snnq_core *core, u32 id)
{
	struct snnq_coredump *dump = core->sdev->dump;

	if (!id || !snnq_coredump_take(dump))
		return;
	dump->seen_core = core->index;
	snnq_coredump_registers(dump);
	snnq_coredump_cores(dump, core, NULL, id);
	snnq_coredump_give(dump, id);
}

static void snnq_coredump_device(struct snnq_coredump *dump)
{
	const struct snnq_device *sdev = dump->sdev;
	struct snnq_dump_device *to = &dump->device;

	*to = (struct snnq_dump_device){
		.hw_version = sdev->info.hw_version,
		.cores = sdev->info.cores,
		.driver_major = sdev->drm.driver->major,
		.driver_minor = sdev->drm.driver->minor,
		.time_ns = ktime_get_ns(),
		.real_ns = ktime_get_real_ns(),
	};
	strscpy(to->name, dev_name(sdev->drm.dev), sizeof(to->name));
	strscpy(to->driver, sdev->drm.driver->name, sizeof(to->driver));
	strscpy(to->kernel, init_utsname()->release, sizeof(to->kernel));
}

static void snnq_coredump_job(struct snnq_coredump *dump, const struct snnq_job *job,
			      const struct snnq_fault *fault, bool seen)
{
	const struct snnq_client *client = &job->stream->file->client;
	struct snnq_dump_job *to = &dump->job;

	*to = (struct snnq_dump_job){
		.client = client->id,
		.context = job->base.s_fence->finished.context,
		.seq = job->seq + 1,
		.pid = pid_nr(client->pid),
		.uid = from_kuid_munged(&init_user_ns, client->uid),
		.core = to_snnq_core(job->base.sched)->index,
		.id = job->id,
		.error = fault->error,
		.status = fault->status,
		.layer = fault->layer,
		.region = fault->region,
		.offset = fault->offset,
		.steps = job->steps,
		.flags = job->flags,
		.state = (job->hung ? SNNQ_DUMP_JOB_HUNG : 0) |
			 (job->blamed ? SNNQ_DUMP_JOB_BLAMED : 0) |
			 (job->cancelling ? SNNQ_DUMP_JOB_CANCELLING : 0) |
			 (seen ? SNNQ_DUMP_JOB_SEEN : 0),
		.replays = job->replays,
		.fatals = job->fatals,
		.record_steps = job->result.steps,
		.limit_ns = job->limit_ns,
		.started_ns = ktime_to_ns(job->started),
		.begun_ns = ktime_to_ns(job->begun),
		.ended_ns = ktime_to_ns(job->ended),
		.record_cycles = job->result.cycles,
		.record_offset = job->result.offset,
		.record_status = job->result.status,
		.record_layer = job->result.layer,
		.record_region = job->result.region,
	};
	strscpy(to->comm, client->comm, sizeof(to->comm));
}

static void snnq_coredump_regions(struct snnq_coredump *dump, const struct snnq_job *job)
{
	u32 i;

	dump->region_count = job->regions;
	for (i = 0; i < job->regions; i++) {
		const struct snnq_region_entry *entry = &job->table.entry[i];

		dump->regions[i] = (struct snnq_dump_region){
			.index = i,
			.access = entry->access,
			.pages = entry->pages,
			.start = entry->start,
			.bytes = entry->bytes,
		};
	}
}

/**
 * snnq_coredump_fault() - keep what is known of a job that failed
 * @job: job, COMPLETING, with its region table; its stream holds the device.
 * @fault: how, as its user is told.
 *
 * Any context, without locks. Nothing is kept of a job that no core turned to.
 */
void snnq_coredump_fault(const struct snnq_job *job, const struct snnq_fault *fault)
{
	struct snnq_core *core = to_snnq_core(job->base.sched);
	struct snnq_coredump *dump = core->sdev->dump;
	bool seen;

	if (!job->begun || !snnq_coredump_take(dump))
		return;
	seen = dump->seen_id == job->id && dump->seen_core == core->index;
	if (!seen) {
		dump->register_count = 0;
		snnq_coredump_cores(dump, core, job->stream->file, job->id);
	}
	snnq_coredump_device(dump);
	snnq_coredump_job(dump, job, fault, seen);
	snnq_coredump_regions(dump, job);
	kref_get(&job->stream->ref);
	dump->stream = job->stream;
	schedule_work(&dump->work);
}

/* Registers of now, when there are none of before. As for sensors, this does not wake it. */
static void snnq_coredump_late_registers(struct snnq_coredump *dump)
{
	struct snnq_device *sdev = dump->sdev;
	int idx;

	if (dump->register_count || !drm_dev_enter(&sdev->drm, &idx))
		return;
	if (snnq_power_held(sdev, pm_runtime_get_if_active(sdev->drm.dev))) {
		if (!READ_ONCE(sdev->asleep))
			snnq_coredump_registers(dump);
		pm_runtime_put(sdev->drm.dev);
	}
	drm_dev_exit(idx);
}

static void snnq_coredump_part(struct snnq_dump_part *part, u32 type, const void *from,
			       u32 entry_bytes, u32 count)
{
	part->head = (struct snnq_dump_section){
		.type = type,
		.entry_bytes = entry_bytes,
		.count = count,
	};
	part->from = from;
}

/*
 * Header and descriptors, which stand before the tables. The device that reads programs
 * may have written to this one: what was valid is looked at once more.
 */
static u32 snnq_coredump_program(const struct snnq_model *model, struct snnq_dump_part *parts)
{
	struct snnq_program_header h;
	u32 regions, layers;

	snnq_bo_read(model->program, 0, &h, sizeof(h));
	if (max3(h.header_bytes, h.region_bytes, h.layer_bytes) > SNNQ_MAX_DESC_BYTES ||
	    h.region_count > SNNQ_MAX_USER_REGIONS || h.layer_count > SNNQ_MAX_LAYERS)
		return 0;
	regions = h.header_bytes;
	layers = regions + h.region_count * h.region_bytes;
	if (layers + h.layer_count * h.layer_bytes > model->bytes)
		return 0;
	snnq_coredump_part(&parts[0], SNNQ_DUMP_SECTION_PROGRAM, NULL, h.header_bytes, 1);
	snnq_coredump_part(&parts[1], SNNQ_DUMP_SECTION_NEEDS, NULL, h.region_bytes,
			   h.region_count);
	parts[1].offset = regions;
	snnq_coredump_part(&parts[2], SNNQ_DUMP_SECTION_LAYERS, NULL, h.layer_bytes, h.layer_count);
	parts[2].offset = layers;
	return 3;
}

/* All sections of the dump; their number. */
static u32 snnq_coredump_parts(const struct snnq_coredump *dump,
			       struct snnq_dump_part parts[SNNQ_DUMP_SECTION_COUNT])
{
	const struct drm_snnq_dev_info *info = &dump->sdev->info;

	memset(parts, 0, SNNQ_DUMP_SECTION_COUNT * sizeof(*parts));
	snnq_coredump_part(&parts[0], SNNQ_DUMP_SECTION_DEVICE, &dump->device, sizeof(dump->device),
			   1);
	snnq_coredump_part(&parts[1], SNNQ_DUMP_SECTION_INFO, info, sizeof(*info), 1);
	snnq_coredump_part(&parts[2], SNNQ_DUMP_SECTION_JOB, &dump->job, sizeof(dump->job), 1);
	snnq_coredump_part(&parts[3], SNNQ_DUMP_SECTION_CORES, dump->cores, sizeof(*dump->cores),
			   info->cores);
	snnq_coredump_part(&parts[4], SNNQ_DUMP_SECTION_RING, dump->ring, sizeof(*dump->ring),
			   dump->slots);
	snnq_coredump_part(&parts[5], SNNQ_DUMP_SECTION_REGISTERS, dump->registers,
			   sizeof(*dump->registers), dump->register_count);
	snnq_coredump_part(&parts[6], SNNQ_DUMP_SECTION_REGIONS, dump->regions,
			   sizeof(*dump->regions), dump->region_count);
	return 7 + snnq_coredump_program(dump->stream->model, &parts[7]);
}

static u32 snnq_coredump_bytes(const struct snnq_dump_section *head)
{
	return head->entry_bytes * head->count;
}

static void *snnq_coredump_write(struct snnq_coredump *dump, size_t *bytes)
{
	struct snnq_dump_part parts[SNNQ_DUMP_SECTION_COUNT];
	u32 i, count = snnq_coredump_parts(dump, parts);
	struct snnq_dump_header *header;
	void *data, *at;

	*bytes = sizeof(*header);
	for (i = 0; i < count; i++)
		*bytes += sizeof(parts[i].head) + ALIGN(snnq_coredump_bytes(&parts[i].head), 8);
	data = vzalloc(*bytes);
	if (!data)
		return NULL;
	header = data;
	*header = (struct snnq_dump_header){
		.magic = SNNQ_DUMP_MAGIC,
		.kind = SNNQ_DUMP_KIND,
		.version = SNNQ_DUMP_VERSION,
		.header_bytes = sizeof(*header),
		.total_bytes = *bytes,
		.section_count = count,
	};
	at = header + 1;
	for (i = 0; i < count; i++) {
		const struct snnq_dump_part *part = &parts[i];
		u32 n = snnq_coredump_bytes(&part->head);

		memcpy(at, &part->head, sizeof(part->head));
		at += sizeof(part->head);
		if (part->from)
			memcpy(at, part->from, n);
		else
			snnq_bo_read(dump->stream->model->program, part->offset, at, n);
		at += ALIGN(n, 8);
	}
	return data;
}

static void snnq_coredump_work(struct work_struct *work)
{
	struct snnq_coredump *dump = container_of(work, struct snnq_coredump, work);
	struct snnq_stream *stream = dump->stream;
	size_t bytes;
	void *data;

	snnq_coredump_late_registers(dump);
	data = snnq_coredump_write(dump, &bytes);
	if (data)
		dev_coredumpv(dump->sdev->drm.dev, data, bytes, GFP_KERNEL); /* takes @data */
	snnq_coredump_give(dump, 0);
	snnq_stream_put(stream); /* maybe with the device, and what is here */
}

int snnq_coredump_init(struct snnq_device *sdev)
{
	struct snnq_coredump *dump = drmm_kzalloc(&sdev->drm, sizeof(*dump), GFP_KERNEL);

	if (!dump)
		return -ENOMEM;
	dump->sdev = sdev;
	spin_lock_init(&dump->lock);
	INIT_WORK(&dump->work, snnq_coredump_work);
	sdev->dump = dump;
	return 0;
}

/* No job fails on this device any more, but with it. */
void snnq_coredump_stop(struct snnq_device *sdev)
{
	flush_work(&sdev->dump->work);
}
