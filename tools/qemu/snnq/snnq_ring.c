/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Submission and completion rings of a core, doorbells and interrupts. All of it
 * under the BQL.
 *
 * Invariants:
 *  - Entries are copied once, then checked. Jobs run one at a time, in order.
 *  - A record is written only where there is room, its phase last; a finished job
 *    waits for room. Each record is followed by an interrupt, at the latest when the
 *    coalescing timer ends.
 *  - Rings are used as latched at enable. A halted core fetches and writes nothing.
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "snnq.h"
#include "trace.h"

#define RING_ALIGN      64
#define RING_BATCH      64      /* entries handled before others get the main loop */

bool snnq_ring_valid(SnnqState *s, uint64_t base, uint32_t size, size_t entry)
{
    uint64_t limit = snnq_dma_limit(s);

    return base % RING_ALIGN == 0 && is_power_of_2(size) && size >= 2 &&
           size <= s->ring_size && base <= limit && size * entry - 1 <= limit - base;
}

void snnq_ring_enable(SnnqCore *core)
{
    SnnqState *s = core->s;

    if (core->enabled || core->halted || core->resetting) {
        return;
    }
    if (snnq_inject_no_start(core) ||
        !snnq_ring_valid(s, core->sq_base, core->sq_size, sizeof(struct snnq_sq_entry)) ||
        !snnq_ring_valid(s, core->cq_base, core->cq_size, sizeof(struct snnq_cq_entry))) {
        snnq_core_error(core, SNNQ_CORE_ERR_RING);
        return;
    }
    core->sq = (SnnqRing) { .base = core->sq_base, .size = core->sq_size };
    core->cq = (SnnqRing) { .base = core->cq_base, .size = core->cq_size };
    core->cq_phase = 1;
    core->enabled = true;
    trace_snnq_core_enable(s, core->index, core->sq.base, core->sq.size, core->cq.base,
                           core->cq.size);
}

/* A doorbell: the new index of a ring, unless it is out of range. */
static bool ring_doorbell(SnnqCore *core, const char *name, const SnnqRing *ring,
                          uint32_t value)
{
    trace_snnq_doorbell(core->s, core->index, name, value);
    if (!core->enabled || core->halted || core->resetting) {
        qemu_log_mask(LOG_GUEST_ERROR, "snnq: core %u: %s doorbell while the core does "
                      "not run\n", core->index, name);
        return false;
    }
    if (value >= ring->size) {
        qemu_log_mask(LOG_GUEST_ERROR, "snnq: core %u: %s doorbell %u, ring has %u\n",
                      core->index, name, value, ring->size);
        snnq_core_error(core, SNNQ_CORE_ERR_DOORBELL);
        return false;
    }
    qemu_bh_schedule(core->bh);
    return true;
}

void snnq_ring_set_tail(SnnqCore *core, uint32_t tail)
{
    if (!snnq_inject_count_down(core, SNNQ_INJECT_LOST_DOORBELL) &&
        ring_doorbell(core, "submission", &core->sq, tail)) {
        core->sq.tail = tail;
    }
}

void snnq_ring_set_head(SnnqCore *core, uint32_t head)
{
    if (ring_doorbell(core, "completion", &core->cq, head)) {
        core->cq.head = head;
    }
}

static uint32_t ring_next(const SnnqRing *ring, uint32_t index)
{
    return (index + 1) & (ring->size - 1);
}

static bool ring_full(const SnnqRing *ring)
{
    return ring_next(ring, ring->tail) == ring->head;
}

/* Interrupt for the records so far. */
static void ring_signal(SnnqCore *core)
{
    timer_del(core->coalesce_timer);
    if (core->unsignalled) {
        trace_snnq_signal(core->s, core->index, core->unsignalled);
        core->unsignalled = 0;
        snnq_notify(core->s, 1 + core->index);
    }
}

void snnq_ring_timer(void *opaque)
{
    ring_signal(opaque);
}

/* Interrupt now, or later when more records may share it. */
static void ring_coalesce(SnnqCore *core)
{
    uint32_t count = core->coalesce & 0xffff, us = core->coalesce >> 16;

    if (!us || core->unsignalled >= count || ring_full(&core->cq)) {
        ring_signal(core);
    } else if (core->unsignalled && !timer_pending(core->coalesce_timer)) {
        trace_snnq_coalesce(core->s, core->index, core->unsignalled, count, us);
        timer_mod(core->coalesce_timer,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + us * (int64_t)SCALE_US);
    }
}

void snnq_ring_set_coalesce(SnnqCore *core, uint32_t value)
{
    core->coalesce = value;
    timer_del(core->coalesce_timer);
    if (core->enabled) {
        ring_coalesce(core);
    }
}

void snnq_ring_cancel(SnnqCore *core, uint32_t job_id)
{
    trace_snnq_cancel(core->s, core->index, job_id);
    if (snnq_job_phase(core) == SNNQ_JOB_RUNNING && core->job.entry.job_id == job_id) {
        snnq_job_stop(core, SNNQ_STOP_CANCEL);
    } else {
        core->cancel_id = job_id;
    }
}

/* Back to the values after reset. The thread must be idle. */
void snnq_ring_forget(SnnqCore *core)
{
    timer_del(core->coalesce_timer);
    core->sq_base = core->cq_base = 0;
    core->sq_size = core->cq_size = 0;
    core->sq = core->cq = (SnnqRing) { };
    core->enabled = core->halted = false;
    core->error = 0;
    core->coalesce = 0;
    core->cancel_id = 0;
    core->unsignalled = 0;
}

/* Offset of the first field that is wrong, or -1. */
int snnq_entry_check(const struct snnq_sq_entry *e, uint64_t limit)
{
#define WRONG(field, condition) \
    if (condition) { \
        return offsetof(struct snnq_sq_entry, field); \
    }
    WRONG(program, e->program % SNNQ_PAGE_BYTES || e->program > limit)
    WRONG(region_table, e->region_table % 8)
    WRONG(progress, e->progress % 8)
    WRONG(job_id, !e->job_id)
    WRONG(program_bytes, e->program_bytes < sizeof(struct snnq_program_header) ||
                         e->program_bytes > SNNQ_MAX_PROGRAM_BYTES)
    WRONG(program_pages, e->program_pages < DIV_ROUND_UP(e->program_bytes, SNNQ_PAGE_BYTES))
    WRONG(steps, !e->steps)
    WRONG(region_count, e->region_count < SNNQ_REGION_USER ||
                        e->region_count > SNNQ_TABLE_ENTRIES)
    WRONG(flags, e->flags & ~SNNQ_SQ_FLAGS)
    WRONG(profile_stride, e->flags & SNNQ_SQ_FLAG_PROFILE ?
                          e->profile_stride < sizeof(struct snnq_layer_stats) ||
                          e->profile_stride % 8 : e->profile_stride)
    WRONG(reserved, e->reserved)
#undef WRONG
    return -1;
}

/* Fetch the next entry and start its job. False: there is none. */
static bool ring_fetch(SnnqCore *core)
{
    SnnqState *s = core->s;
    SnnqJob *job = &core->job;
    int wrong;

    if (!(s->control & SNNQ_CONTROL_ENABLE) || core->sq.head == core->sq.tail) {
        return false;
    }
    if (snnq_inject_ring_error(core, SNNQ_INJECT_RING_SUBMISSION) ||
        !snnq_dma_bql(s, core->sq.base + core->sq.head * sizeof(job->entry),
                      &job->entry, sizeof(job->entry), false)) {
        snnq_core_error(core, SNNQ_CORE_ERR_DMA);
        return false;
    }
    core->sq.head = ring_next(&core->sq, core->sq.head);
    job->outcome = (struct snnq_outcome) {
        .layer = SNNQ_LAYER_NONE, .region = SNNQ_REGION_NONE,
    };
    wrong = snnq_entry_check(&job->entry, snnq_dma_limit(s));
    if (wrong >= 0) {
        snnq_outcome_fail(&job->outcome, SNNQ_STATUS_BAD_ENTRY, SNNQ_REGION_NONE, wrong);
    } else if (job->entry.job_id == core->cancel_id) {
        snnq_outcome_fail(&job->outcome, SNNQ_STATUS_CANCELLED, SNNQ_REGION_NONE, 0);
    }
    core->cancel_id = 0;
    trace_snnq_job_start(s, core->index, job->entry.job_id, job->entry.steps);
    snnq_job_start(core);
    return true;
}

/* Write a record where there is room, the phase after everything else. */
static bool record_write(SnnqCore *core, struct snnq_cq_entry record)
{
    SnnqRing *cq = &core->cq;
    uint64_t addr = cq->base + cq->tail * sizeof(record);
    size_t body = offsetof(struct snnq_cq_entry, phase);

    record.phase = core->cq_phase;
    if (snnq_inject_ring_error(core, SNNQ_INJECT_RING_COMPLETION) ||
        (!snnq_spoil_torn(core, addr, &record) &&
         !snnq_dma_bql(core->s, addr, &record, body, true)) ||
        !snnq_dma_bql(core->s, addr + body, &record.phase, sizeof(record.phase), true)) {
        snnq_core_error(core, SNNQ_CORE_ERR_DMA);
        return false;
    }
    cq->tail = ring_next(cq, cq->tail);
    if (!cq->tail) {
        core->cq_phase ^= 1;
    }
    core->unsignalled++;
    return true;
}

/* A record that is not that of the job now. False: there is no room for it. */
bool snnq_ring_report(SnnqCore *core, struct snnq_cq_entry record)
{
    if (!core->enabled || core->halted) {
        return true;
    }
    if (ring_full(&core->cq)) {
        return false;
    }
    if (record_write(core, record)) {
        ring_coalesce(core);
    }
    return true;
}

/* Report the finished job. False: there is no room, or the ring failed. */
static bool ring_complete(SnnqCore *core)
{
    struct snnq_outcome *o = &core->job.outcome;
    struct snnq_cq_entry record = {
        .cycles = o->cycles, .offset = o->offset, .job_id = core->job.entry.job_id,
        .steps = o->steps, .status = o->status, .layer = o->layer, .region = o->region,
    };
    unsigned count;

    if (ring_full(&core->cq)) {
        trace_snnq_stall(core->s, core->index, core->cq.tail);
        ring_signal(core);
        return false;
    }
    trace_snnq_job_end(core->s, core->index, record.job_id, record.status, record.layer,
                       record.region, record.offset, record.steps, record.cycles);
    core->s->busy_cycles += o->cycles;
    for (count = snnq_spoil_record(core, &record); count && !ring_full(&core->cq); count--) {
        if (!record_write(core, record)) {
            return false;
        }
    }
    snnq_job_forget(core);
    ring_coalesce(core);
    return true;
}

/* One step of a core that may run; false when there is nothing to do now. */
static bool ring_step(SnnqCore *core)
{
    if (!core->enabled || core->halted) {
        return false;
    }
    switch (snnq_job_phase(core)) {
    case SNNQ_JOB_NONE:
        return ring_fetch(core);
    case SNNQ_JOB_DONE:
        return ring_complete(core);
    default:
        return false;
    }
}

/* After a doorbell, at the end of a job, and when the thread wants DMA. */
void snnq_ring_bh(void *opaque)
{
    SnnqCore *core = opaque;
    unsigned left = RING_BATCH;

    snnq_dma_serve(core);
    if (core->resetting) {
        if (snnq_job_phase(core) != SNNQ_JOB_RUNNING && !snnq_inject_stuck(core)) {
            snnq_core_reset_done(core);
        }
        return;
    }
    if (!core->s->running || snnq_gone(core->s)) {
        return;
    }
    while (left && ring_step(core)) {
        left--;
    }
    if (!left) {
        qemu_bh_schedule(core->bh);
    }
}
