/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saving and loading the device: migration, snapshots. Under the BQL, machine stopped.
 *
 * What is saved is a plain copy, SnnqSaved. What arrives is one, too; it comes from
 * outside, so all of it is checked before any of it is used.
 *
 * A running job lives in the engine, whose plan cannot move. It need not: what a job
 * reads it leaves as it is, so it runs again from its submission entry, with the same
 * bits. Only its progress is kept, for a driver expects that to grow. Times are saved
 * as what has passed or is left, whatever the clock says where they are loaded.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "migration/vmstate.h"
#include "snnq.h"
#include "trace.h"

#define NO_TIME         (-1)
#define MAX_AGE_NS      (INT64_MAX / 2)
#define MAX_COALESCE_NS (UINT16_MAX * (int64_t)SCALE_US)
#define MAX_LATE_NS     (UINT32_MAX * (int64_t)SCALE_US)
#define MAX_UNSIGNALLED 0x10000
#define CORE_ERRORS     (SNNQ_CORE_ERR_DOORBELL | SNNQ_CORE_ERR_RING | SNNQ_CORE_ERR_DMA)

typedef struct SnnqSavedCore {
    uint64_t sq_base, cq_base;
    uint32_t sq_size, cq_size;
    SnnqRing sq, cq;
    uint16_t cq_phase;
    bool enabled, halted, resetting;
    uint32_t error, coalesce, cancel_id, unsignalled;
    int64_t coalesce_ns;        /* to the timer's end, or NO_TIME */
    uint32_t late;
    uint64_t late_addr;
    struct snnq_cq_entry late_record;
    int64_t late_ns;
    uint32_t phase, stop;
    struct snnq_sq_entry entry;
    struct snnq_outcome outcome;
    uint64_t progress;
    uint32_t flip_weights, flip_state;
} SnnqSavedCore;

typedef struct SnnqSaved {
    SnnqState *parent;
    uint32_t cap_words[SNNQ_CAP_WORDS];
    uint32_t cores;
    uint32_t control, error, int_status, int_enable, power_state;
    bool resetting;
    int64_t reset_age_ns, sensor_age_ns;
    uint32_t cycles_hi, load;
    uint64_t busy_cycles;
    SnnqSavedCore core[SNNQ_MAX_CORES];
    bool injecting;             /* the next came along */
    uint32_t inject[SNNQ_INJECT_COUNT];
} SnnqSaved;

static int64_t timer_left(QEMUTimer *timer, int64_t now)
{
    return timer_pending(timer) ? MAX((int64_t)timer_expire_time_ns(timer) - now, 0) :
                                  NO_TIME;
}

static void timer_set_left(QEMUTimer *timer, int64_t now, int64_t left)
{
    if (left != NO_TIME) {
        timer_mod(timer, now + left);
    }
}

/* The job of a core that is being reset is over, whatever it still does. */
static void job_save(SnnqCore *core, SnnqSavedCore *c)
{
    QEMU_LOCK_GUARD(&core->lock);
    c->phase = core->phase;
    c->stop = core->stop;
    if (core->resetting) {
        c->stop = SNNQ_STOP_NONE;
        if (c->phase == SNNQ_JOB_RUNNING) {
            c->phase = SNNQ_JOB_DONE;
        }
    }
    c->entry = core->job.entry;
    if (c->phase == SNNQ_JOB_DONE) {
        c->outcome = core->job.outcome;
    }
    c->progress = core->job.progress;
    c->flip_weights = core->job.flip_weights;
    c->flip_state = core->job.flip_state;
}

static void core_save(SnnqCore *core, SnnqSavedCore *c, int64_t now)
{
    *c = (SnnqSavedCore) {
        .sq_base = core->sq_base, .sq_size = core->sq_size, .sq = core->sq,
        .cq_base = core->cq_base, .cq_size = core->cq_size, .cq = core->cq,
        .cq_phase = core->cq_phase, .enabled = core->enabled, .halted = core->halted,
        .resetting = core->resetting, .error = core->error, .coalesce = core->coalesce,
        .cancel_id = core->cancel_id, .unsignalled = core->unsignalled,
        .coalesce_ns = timer_left(core->coalesce_timer, now),
        .late = core->late, .late_addr = core->late_addr,
        .late_record = core->late_record, .late_ns = timer_left(core->late_timer, now),
    };
    job_save(core, c);
}

static int saved_pre_save(void *opaque)
{
    SnnqSaved *v = opaque;
    SnnqState *s = v->parent;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    if (s->running) {
        error_report("snnq: saved while the machine runs");
        return -EBUSY;
    }
    *v = (SnnqSaved) {
        .parent = s, .cores = s->cores, .control = s->control, .error = s->error,
        .int_status = s->int_status, .int_enable = s->int_enable,
        .power_state = s->power_state, .resetting = s->resetting,
        .reset_age_ns = now - s->reset_ns, .sensor_age_ns = now - s->sensor_ns,
        .cycles_hi = s->cycles_hi, .load = s->load, .busy_cycles = s->busy_cycles,
    };
    memcpy(v->cap_words, s->cap_words, sizeof(v->cap_words));
    for (unsigned i = 0; i < s->cores; i++) {
        core_save(&s->core[i], &v->core[i], now);
        trace_snnq_save(s, i, v->core[i].phase, v->core[i].entry.job_id,
                        v->core[i].progress);
    }
    for (unsigned i = 0; i < SNNQ_INJECT_COUNT; i++) {
        v->inject[i] = snnq_inject_read(s, i);
    }
    return 0;
}

static int saved_pre_load(void *opaque)
{
    SnnqSaved *v = opaque;

    *v = (SnnqSaved) { .parent = v->parent, .cores = v->parent->cores };
    return 0;
}

/* The first rule that a core's state breaks, or NULL. */
static const char *ring_check(const SnnqSavedCore *c, SnnqState *s)
{
    if (!c->enabled) {
        return c->sq.base || c->sq.size || c->sq.head || c->sq.tail || c->cq.base ||
               c->cq.size || c->cq.head || c->cq.tail ? "rings of a core that is off" :
               c->phase != SNNQ_JOB_NONE ? "a job of a core that is off" : NULL;
    }
    return !snnq_ring_valid(s, c->sq.base, c->sq.size, sizeof(struct snnq_sq_entry)) ?
           "submission ring" :
           !snnq_ring_valid(s, c->cq.base, c->cq.size, sizeof(struct snnq_cq_entry)) ?
           "completion ring" :
           c->sq.head >= c->sq.size || c->sq.tail >= c->sq.size ?
           "index of the submission ring" :
           c->cq.head >= c->cq.size || c->cq.tail >= c->cq.size ?
           "index of the completion ring" :
           c->cq_phase > 1 ? "phase of the completion ring" : NULL;
}

static const char *job_check(const SnnqSavedCore *c, SnnqState *s)
{
    switch (c->phase) {
    case SNNQ_JOB_NONE:
        return c->stop ? "stop without a job" : NULL;
    case SNNQ_JOB_RUNNING:
        return c->resetting ? "a running job of a core that is reset" :
               c->stop > SNNQ_STOP_CANCEL ? "stop" :
               snnq_entry_check(&c->entry, snnq_dma_limit(s)) >= 0 ?
               "submission entry of the running job" : NULL;
    case SNNQ_JOB_DONE:
        return c->outcome.status >= SNNQ_STATUS_COUNT ? "status of the job" :
               c->stop > SNNQ_STOP_DEVICE ? "stop" : NULL;
    default:
        return "phase of the job";
    }
}

static const char *core_check(const SnnqSavedCore *c, SnnqState *s)
{
    const char *wrong = ring_check(c, s);

    if (!wrong) {
        wrong = job_check(c, s);
    }
    return wrong ? wrong :
           c->error & ~CORE_ERRORS ? "error" :
           c->unsignalled > MAX_UNSIGNALLED ? "records without interrupt" :
           c->coalesce_ns < NO_TIME || c->coalesce_ns > MAX_COALESCE_NS ?
           "coalescing timer" :
           c->late > SNNQ_LATE_RECORD ? "late record" :
           c->late_ns < NO_TIME || c->late_ns > MAX_LATE_NS ||
           (c->late_ns == NO_TIME) != (c->late == SNNQ_LATE_NOTHING) ?
           "timer of a late record" : NULL;
}

static const char *admin_check(const SnnqSaved *v, SnnqState *s)
{
    bool resetting = false;

    for (unsigned i = 0; i < s->cores; i++) {
        resetting |= v->core[i].resetting;
        if (v->power_state && v->core[i].enabled && !v->core[i].resetting) {
            return "a core at work while power is off";
        }
    }
    return v->control & ~SNNQ_CONTROL_ENABLE ? "CONTROL" :
           v->int_status & ~SNNQ_INT_ALL(s->cores) ? "INT_STATUS" :
           v->int_enable & ~SNNQ_INT_ALL(s->cores) ? "INT_ENABLE" :
           v->power_state > SNNQ_POWER_STATE_OFF ? "POWER_STATE" :
           v->resetting && !resetting ? "a reset that no core is in" :
           v->reset_age_ns < 0 || v->reset_age_ns > MAX_AGE_NS ? "time since the reset" :
           v->sensor_age_ns < 0 || v->sensor_age_ns > MAX_AGE_NS ?
           "time since the sensors' last look" :
           v->load > SNNQ_LOAD_ONE ? "load" : NULL;
}

/* Programs were checked against these, so the other device must have the same. */
static bool capabilities_equal(const SnnqSaved *v, SnnqState *s)
{
    for (unsigned i = 0; i < SNNQ_CAP_WORDS; i++) {
        if (v->cap_words[i] != s->cap_words[i]) {
            error_report("snnq: incoming state: capability register 0x%03x is 0x%x, here "
                         "0x%x: the devices' properties differ", 4 * i, v->cap_words[i],
                         s->cap_words[i]);
            return false;
        }
    }
    return true;
}

static bool saved_valid(const SnnqSaved *v, SnnqState *s)
{
    const char *wrong = admin_check(v, s);
    unsigned i;

    if (wrong) {
        error_report("snnq: incoming state: %s is impossible", wrong);
        return false;
    }
    for (i = 0; i < s->cores; i++) {
        wrong = core_check(&v->core[i], s);
        if (wrong) {
            error_report("snnq: incoming state: core %u: %s is impossible", i, wrong);
            return false;
        }
    }
    for (i = 0; v->injecting && i < SNNQ_INJECT_COUNT; i++) {
        if (i != SNNQ_INJECT_ID && !snnq_inject_valid(i, v->inject[i])) {
            error_report("snnq: incoming state: injection %u cannot be %u", i,
                         v->inject[i]);
            return false;
        }
    }
    return true;
}

static void core_load(SnnqCore *core, const SnnqSavedCore *c, int64_t now)
{
    core->sq_base = c->sq_base;
    core->sq_size = c->sq_size;
    core->sq = c->sq;
    core->cq_base = c->cq_base;
    core->cq_size = c->cq_size;
    core->cq = c->cq;
    core->cq_phase = c->cq_phase;
    core->enabled = c->enabled;
    core->halted = c->halted;
    core->resetting = c->resetting;
    core->error = c->error;
    core->coalesce = c->coalesce;
    core->cancel_id = c->cancel_id;
    core->unsignalled = c->unsignalled;
    core->late = c->late;
    core->late_addr = c->late_addr;
    core->late_record = c->late_record;
    timer_set_left(core->coalesce_timer, now, c->coalesce_ns);
    timer_set_left(core->late_timer, now, c->late_ns);
    core->job.entry = c->entry;
    core->job.outcome = c->outcome;
    core->job.flip_weights = c->flip_weights;
    core->job.flip_state = c->flip_state;
    snnq_job_resume(core, c->phase, c->stop, c->progress);
}

static void admin_load(SnnqState *s, const SnnqSaved *v, int64_t now)
{
    s->control = v->control;
    s->error = v->error;
    s->int_status = v->int_status;
    s->int_enable = v->int_enable;
    s->power_state = v->power_state;
    s->resetting = v->resetting;
    s->reset_ns = now - v->reset_age_ns;
    s->sensor_ns = now - v->sensor_age_ns;
    s->cycles_hi = v->cycles_hi;
    s->load = v->load;
    s->busy_cycles = v->busy_cycles;
}

static int saved_post_load(void *opaque, int version_id)
{
    SnnqSaved *v = opaque;
    SnnqState *s = v->parent;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    if (!capabilities_equal(v, s) || !saved_valid(v, s)) {
        return -EINVAL;
    }
    snnq_reset_hold(s);
    admin_load(s, v, now);
    if (v->injecting) {
        snnq_inject_load(s, v->inject);
    }
    for (unsigned i = 0; i < s->cores; i++) {
        core_load(&s->core[i], &v->core[i], now);
        trace_snnq_load(s, i, v->core[i].phase, v->core[i].entry.job_id,
                        v->core[i].progress);
    }
    snnq_kick(s);
    return 0;
}

/* Of entries and records the bytes: they are little-endian wherever they are. */
static const VMStateDescription core_vmstate = {
    .name = "snnq-core",
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(sq_base, SnnqSavedCore),
        VMSTATE_UINT64(cq_base, SnnqSavedCore),
        VMSTATE_UINT32(sq_size, SnnqSavedCore),
        VMSTATE_UINT32(cq_size, SnnqSavedCore),
        VMSTATE_UINT64(sq.base, SnnqSavedCore),
        VMSTATE_UINT32(sq.size, SnnqSavedCore),
        VMSTATE_UINT32(sq.head, SnnqSavedCore),
        VMSTATE_UINT32(sq.tail, SnnqSavedCore),
        VMSTATE_UINT64(cq.base, SnnqSavedCore),
        VMSTATE_UINT32(cq.size, SnnqSavedCore),
        VMSTATE_UINT32(cq.head, SnnqSavedCore),
        VMSTATE_UINT32(cq.tail, SnnqSavedCore),
        VMSTATE_UINT16(cq_phase, SnnqSavedCore),
        VMSTATE_BOOL(enabled, SnnqSavedCore),
        VMSTATE_BOOL(halted, SnnqSavedCore),
        VMSTATE_BOOL(resetting, SnnqSavedCore),
        VMSTATE_UINT32(error, SnnqSavedCore),
        VMSTATE_UINT32(coalesce, SnnqSavedCore),
        VMSTATE_UINT32(cancel_id, SnnqSavedCore),
        VMSTATE_UINT32(unsignalled, SnnqSavedCore),
        VMSTATE_INT64(coalesce_ns, SnnqSavedCore),
        VMSTATE_UINT32(late, SnnqSavedCore),
        VMSTATE_UINT64(late_addr, SnnqSavedCore),
        VMSTATE_BUFFER_UNSAFE(late_record, SnnqSavedCore, 0, sizeof(struct snnq_cq_entry)),
        VMSTATE_INT64(late_ns, SnnqSavedCore),
        VMSTATE_UINT32(phase, SnnqSavedCore),
        VMSTATE_UINT32(stop, SnnqSavedCore),
        VMSTATE_BUFFER_UNSAFE(entry, SnnqSavedCore, 0, sizeof(struct snnq_sq_entry)),
        VMSTATE_UINT16(outcome.status, SnnqSavedCore),
        VMSTATE_UINT16(outcome.layer, SnnqSavedCore),
        VMSTATE_UINT16(outcome.region, SnnqSavedCore),
        VMSTATE_UINT64(outcome.offset, SnnqSavedCore),
        VMSTATE_UINT32(outcome.steps, SnnqSavedCore),
        VMSTATE_UINT64(outcome.cycles, SnnqSavedCore),
        VMSTATE_UINT64(progress, SnnqSavedCore),
        VMSTATE_UINT32(flip_weights, SnnqSavedCore),
        VMSTATE_UINT32(flip_state, SnnqSavedCore),
        VMSTATE_END_OF_LIST()
    }
};

static bool inject_needed(void *opaque)
{
    SnnqSaved *v = opaque;

    return !snnq_inject_idle(v->parent);
}

static int inject_post_load(void *opaque, int version_id)
{
    SnnqSaved *v = opaque;

    v->injecting = true;
    return 0;
}

/* Injections of the device that is loaded stay, when the other had none. */
static const VMStateDescription inject_vmstate = {
    .name = "snnq-saved/inject",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = inject_needed,
    .post_load = inject_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_ARRAY(inject, SnnqSaved, SNNQ_INJECT_COUNT),
        VMSTATE_END_OF_LIST()
    }
};

/* The copy has the version of what it is a copy of; a field of a later one is skipped. */
static const VMStateDescription saved_vmstate = {
    .name = "snnq-saved",
    .pre_save = saved_pre_save,
    .pre_load = saved_pre_load,
    .post_load = saved_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_ARRAY(cap_words, SnnqSaved, SNNQ_CAP_WORDS),
        VMSTATE_UINT32_EQUAL(cores, SnnqSaved, "cores of both devices must be the same"),
        VMSTATE_UINT32(control, SnnqSaved),
        VMSTATE_UINT32(error, SnnqSaved),
        VMSTATE_UINT32(int_status, SnnqSaved),
        VMSTATE_UINT32(int_enable, SnnqSaved),
        VMSTATE_UINT32(power_state, SnnqSaved),
        VMSTATE_BOOL(resetting, SnnqSaved),
        VMSTATE_INT64(reset_age_ns, SnnqSaved),
        VMSTATE_INT64(sensor_age_ns, SnnqSaved),
        VMSTATE_UINT32(cycles_hi, SnnqSaved),
        VMSTATE_UINT32(load, SnnqSaved),
        VMSTATE_UINT64(busy_cycles, SnnqSaved),
        VMSTATE_STRUCT_VARRAY_UINT32(core, SnnqSaved, cores, 0, core_vmstate, SnnqSavedCore),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &inject_vmstate,
        NULL
    }
};

const VMStateDescription snnq_vmstate = {
    .name = "snnq",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_WITH_TMP(SnnqState, SnnqSaved, saved_vmstate),
        VMSTATE_END_OF_LIST()
    }
};
