/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Injected faults of completion records: wrong ones, and those that come too late.
 * Under the BQL. A core has at most one late record; a reset by register drops it,
 * unless it is one that tells of the reset's victim.
 */
#include "qemu/osdep.h"
#include "snnq.h"

#define RETRY_US        1000    /* a late record finds the ring full */

static void late_arm(SnnqCore *core, SnnqLate late, uint64_t addr,
                     const struct snnq_cq_entry *record, uint32_t us)
{
    core->late = late;
    core->late_addr = addr;
    core->late_record = *record;
    timer_mod(core->late_timer,
              qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + us * (int64_t)SCALE_US);
}

/* The delay that is injected now, if there is one and the core is free for it. */
static uint32_t late_delay(SnnqCore *core, unsigned index)
{
    return core->late == SNNQ_LATE_NOTHING ? snnq_inject_take(core, index) : 0;
}

void snnq_spoil_drop(SnnqCore *core)
{
    timer_del(core->late_timer);
    core->late = SNNQ_LATE_NOTHING;
}

void snnq_spoil_timer(void *opaque)
{
    SnnqCore *core = opaque;
    struct snnq_cq_entry record = core->late_record;
    SnnqLate late = core->late;

    core->late = SNNQ_LATE_NOTHING;
    switch (late) {
    case SNNQ_LATE_BODY:
        snnq_dma_bql(core->s, core->late_addr, &record,
                     offsetof(struct snnq_cq_entry, phase), true);
        break;
    case SNNQ_LATE_STALE:
        snnq_dma_bql(core->s, core->late_addr, &record, sizeof(record), true);
        snnq_notify(core->s, 1 + core->index);
        break;
    case SNNQ_LATE_RECORD:
        if (!snnq_ring_report(core, record)) {
            late_arm(core, late, 0, &record, RETRY_US);
        }
        break;
    default:
        break;
    }
}

/* Whether only the phase of this record is to be written now. */
bool snnq_spoil_torn(SnnqCore *core, uint64_t addr, const struct snnq_cq_entry *record)
{
    uint32_t us = late_delay(core, SNNQ_INJECT_TORN_RECORD);

    if (us) {
        late_arm(core, SNNQ_LATE_BODY, addr, record, us);
    }
    return us;
}

/* A core's reset is done but for forgetting its job and its rings. */
void snnq_spoil_after_reset(SnnqCore *core)
{
    struct snnq_cq_entry record = {
        .job_id = core->job.entry.job_id, .steps = core->job.entry.steps,
        .layer = SNNQ_LAYER_NONE, .region = SNNQ_REGION_NONE, .phase = core->cq_phase,
    };
    uint32_t us = core->enabled && snnq_job_phase(core) == SNNQ_JOB_DONE ?
                  late_delay(core, SNNQ_INJECT_LATE_RECORD) : 0;

    if (us) {
        late_arm(core, SNNQ_LATE_STALE, core->cq.base + core->cq.tail * sizeof(record),
                 &record, us);
    }
}

/* Injected nonsense. Returns how many records to write. */
unsigned snnq_spoil_record(SnnqCore *core, struct snnq_cq_entry *record)
{
    uint32_t us = late_delay(core, SNNQ_INJECT_OVERTAKEN);

    if (us) {
        late_arm(core, SNNQ_LATE_RECORD, 0, record, us);
        return 0;
    }
    switch (snnq_inject_take(core, SNNQ_INJECT_BAD_RECORD)) {
    case SNNQ_INJECT_BAD_ID:
        record->job_id ^= 0x80000000u;
        break;
    case SNNQ_INJECT_BAD_TWICE:
        return 2;
    case SNNQ_INJECT_BAD_STATUS:
        record->status = UINT16_MAX;
        break;
    case SNNQ_INJECT_BAD_LAYER:
        record->status = SNNQ_STATUS_ACCESS;
        record->layer = SNNQ_MAX_LAYERS + 1;
        record->region = SNNQ_MAX_REGIONS + 1;
        break;
    case SNNQ_INJECT_BAD_STEPS:
        record->steps = UINT32_MAX;
        break;
    case SNNQ_INJECT_BAD_LOST:
        return 0;
    }
    return 1;
}
