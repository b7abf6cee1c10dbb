/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: the thread of a core, and how the register side starts, stops and awaits it.
 *
 * Invariants:
 *  - The thread looks at the job, its plans and memory through snnq_dma_job() only;
 *    it raises no interrupt and writes no ring. Its result is job.outcome.
 *  - A job ends at the next poll or tick after a stop was asked for; from SNNQ_STOP_CORE on
 *    it does no DMA, so that its end is also the end of all DMA.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "snnq.h"
#include "trace.h"

#define TELL_NS (10 * SCALE_MS)  /* between stores of progress within a layer */

/* Record a failure; the first one counts. */
void snnq_outcome_fail(struct snnq_outcome *outcome, uint16_t status,
                       uint16_t region, uint64_t offset)
{
    if (outcome->status == SNNQ_STATUS_OK) {
        outcome->status = status;
        outcome->region = region;
        outcome->offset = offset;
    }
}

/* Level of the stop asked for; waits while the machine is stopped. */
static SnnqStop job_stop_level(SnnqCore *core)
{
    QEMU_LOCK_GUARD(&core->lock);
    while (core->paused && !core->stop) {
        core->parked = true;
        qemu_cond_broadcast(&core->idle);
        qemu_cond_wait(&core->wake, &core->lock);
        core->parked = false;
    }
    return core->stop;
}

/* Sleep @ms milliseconds, or until a stop of at least @level is asked for. */
static void job_sleep(SnnqCore *core, int64_t ms, SnnqStop level)
{
    int64_t end = ms < INT64_MAX ? get_clock() / SCALE_MS + ms : INT64_MAX, left;

    QEMU_LOCK_GUARD(&core->lock);
    core->parked = true;
    qemu_cond_broadcast(&core->idle);
    while (core->stop < level && (left = end - get_clock() / SCALE_MS) > 0) {
        qemu_cond_timedwait(&core->wake, &core->lock, MIN(left, 1000));
    }
    core->parked = false;
}

/* Injected delays. */
static void job_delay(SnnqCore *core, uint32_t layer)
{
    uint32_t slow = snnq_inject_hits(core) ?
                    snnq_inject_read(core->s, SNNQ_INJECT_SLOW_NS) : 0;

    if (snnq_inject_hang(core, layer)) {
        job_sleep(core, INT64_MAX, snnq_inject_read(core->s, SNNQ_INJECT_HANG_LEVEL));
    }
    if (slow) {
        job_sleep(core, slow / SCALE_MS, SNNQ_STOP_CANCEL);
        g_usleep(slow % SCALE_MS / SCALE_US);
    }
}

/* Let the guest see that the job goes on; false: it cannot be told. */
static bool job_tell(SnnqCore *core, uint32_t layer)
{
    SnnqJob *job = &core->job;
    uint64_t progress = ++job->progress;

    job->told_ns = get_clock();
    if (!snnq_dma_job(core, job->entry.progress, &progress, sizeof(progress), true)) {
        job->fault.layer = layer;
        return false;
    }
    return true;
}

/* Before a layer; false: the job is to end. */
static bool job_goes_on(SnnqCore *core, uint32_t layer)
{
    trace_snnq_job_layer(core->s, core->index, core->job.entry.job_id, layer,
                         core->job.progress);
    job_delay(core, layer);
    return job_tell(core, layer) && job_stop_level(core) == SNNQ_STOP_NONE;
}

/* Whether the job is to end, whatever it is doing. */
bool snnq_job_ending(SnnqCore *core)
{
    return qatomic_read(&core->stop) != SNNQ_STOP_NONE;
}

/* A safe point. Flags may be read late, but not for long. */
bool snnq_job_tick(void *opaque)
{
    SnnqCore *core = opaque;

    return (qatomic_read(&core->stop) || qatomic_read(&core->paused)) &&
           job_stop_level(core) != SNNQ_STOP_NONE;
}

/* In the midst of a layer, often. */
static bool job_tick(void *opaque, uint32_t layer)
{
    SnnqCore *core = opaque;

    if (snnq_job_tick(core)) {
        return true;
    }
    /* Asking for the time takes longer than all of the above. */
    return core->job.ticks++ % 8 == 0 && get_clock() - core->job.told_ns > TELL_NS &&
           !job_tell(core, layer);
}

/* The host has no memory for it: how many bytes it would have been. */
static void out_of_memory(SnnqJob *job, uint64_t bytes)
{
    snnq_outcome_fail(&job->outcome, SNNQ_STATUS_INTERNAL, SNNQ_REGION_NONE, bytes);
}

/* Make the plan, or say why not. */
static bool plan_get(SnnqCore *core, const void *program, size_t size)
{
    SnnqJob *job = &core->job;
    struct snnq_diag diag;
    uint64_t bytes = 0;
    int ret;

    job->plan = snnq_cache_get(core, program, size, &ret, &bytes, &diag);
    if (job->plan) {
        return true;
    }
    if (ret == -EINTR) {
        snnq_outcome_fail(&job->outcome, SNNQ_STATUS_CANCELLED, SNNQ_REGION_NONE, 0);
    } else if (ret == -EFBIG || ret == -ENOMEM) {
        out_of_memory(job, bytes);
    } else {
        trace_snnq_err_program(core->s, core->index, job->entry.job_id, diag.layer,
                               diag.field, snnq_check_text(diag.check));
        job->outcome.layer = MIN(diag.layer, SNNQ_LAYER_NONE);
        snnq_outcome_fail(&job->outcome, SNNQ_STATUS_BAD_PROGRAM, SNNQ_REGION_NONE,
                          diag.check);
    }
    return false;
}

/* Fetch the program, whose size the submission entry bounded, and plan it. */
static bool program_fetch(SnnqCore *core, void *program)
{
    SnnqJob *job = &core->job;

    switch (snnq_program_read(core, program)) {
    case SNNQ_STATUS_OK:
        return plan_get(core, program, job->entry.program_bytes);
    case SNNQ_STATUS_DMA:
        job->outcome = job->fault;
        break;
    case SNNQ_STATUS_CANCELLED:
        snnq_outcome_fail(&job->outcome, SNNQ_STATUS_CANCELLED, SNNQ_REGION_NONE, 0);
        break;
    case SNNQ_STATUS_ACCESS:
        snnq_outcome_fail(&job->outcome, SNNQ_STATUS_BAD_ENTRY, SNNQ_REGION_NONE,
                          offsetof(struct snnq_sq_entry, program));
        break;
    default:
        out_of_memory(job, job->entry.program_bytes);
    }
    return false;
}

static bool program_load(SnnqCore *core)
{
    SnnqJob *job = &core->job;
    size_t bytes = job->entry.program_bytes;
    g_autofree void *program = NULL;
    bool ok;

    if (!snnq_memory_take(core, bytes)) {
        out_of_memory(job, bytes);
        return false;
    }
    program = g_try_malloc(bytes);
    if (program) {
        ok = program_fetch(core, program);
    } else {
        out_of_memory(job, bytes);
        ok = false;
    }
    snnq_memory_give(core, bytes);
    return ok;
}

static bool profiled(const SnnqJob *job)
{
    return job->entry.flags & SNNQ_SQ_FLAG_PROFILE;
}

/* What of the submission entry depends on the program. */
static bool entry_fits(SnnqJob *job, const struct snnq_program_info *info)
{
    if (job->entry.steps > info->max_steps) {
        snnq_outcome_fail(&job->outcome, SNNQ_STATUS_BAD_ENTRY, SNNQ_REGION_NONE,
                          offsetof(struct snnq_sq_entry, steps));
    } else if (job->entry.region_count != SNNQ_REGION_USER + info->region_count + profiled(job)) {
        snnq_outcome_fail(&job->outcome, SNNQ_STATUS_BAD_ENTRY, SNNQ_REGION_NONE,
                          offsetof(struct snnq_sq_entry, region_count));
    }
    return job->outcome.status == SNNQ_STATUS_OK;
}

/* The engine knows the layer of a failure; what DMA saw is more precise else. */
static void job_explain(SnnqJob *job)
{
    struct snnq_outcome *outcome = &job->outcome;

    if (outcome->status == SNNQ_STATUS_CANCELLED) {
        outcome->region = SNNQ_REGION_NONE;     /* also when it was within an access */
        outcome->offset = 0;
    }
    if (outcome->status == SNNQ_STATUS_OK || job->fault.status == SNNQ_STATUS_OK) {
        return;
    }
    outcome->status = job->fault.status;
    outcome->offset = job->fault.offset;
    if (outcome->layer == SNNQ_LAYER_NONE) {
        outcome->layer = job->fault.layer;
    }
    if (outcome->region == SNNQ_REGION_NONE) {
        outcome->region = job->fault.region;
    }
}

/* Counters of layers go to the last region. */
static void profile_write(SnnqCore *core, const struct snnq_layer_stats *stats)
{
    SnnqJob *job = &core->job;
    uint32_t layers = snnq_plan_info(job->plan)->layer_count;
    uint32_t region = job->region_count - 1;

    for (uint32_t i = 0; i < layers; i++) {
        int status = snnq_region_write(core, region, (uint64_t)i * job->entry.profile_stride,
                                       &stats[i], sizeof(stats[i]));

        if (status) {
            snnq_outcome_fail(&job->outcome, status, region, 0);
            job_explain(job);
            return;
        }
    }
}

/* Run the plan; counters go to @stats, if there is room for them, and to the guest. */
static void job_run(SnnqCore *core, struct snnq_layer_stats *stats)
{
    SnnqJob *job = &core->job;
    const struct snnq_program_info *info = snnq_plan_info(job->plan);
    struct snnq_run run = {
        .steps = job->entry.steps,
        .reset = job->entry.flags & SNNQ_SQ_FLAG_RESET,
        .state_seq = job->entry.state_seq,
        .memory = { .read = snnq_region_read, .write = snnq_region_write, .ctx = core },
        .stats = stats,
        .tick = job_tick,
        .tick_ctx = core,
    };
    bool more;

    for (uint32_t i = 0; i < info->region_count; i++) {
        run.event_bytes[i] = job->regions[SNNQ_REGION_USER + i].entry.bytes;
    }
    trace_snnq_job_run(core->s, core->index, job->entry.job_id, info->layer_count);
    more = snnq_job_begin(job->plan, &run, &job->outcome);
    while (more) {
        if (job_goes_on(core, snnq_job_layer(job->plan))) {
            more = snnq_job_step(job->plan);
        } else {
            snnq_job_cancel(job->plan);
            break;
        }
    }
    job_explain(job);
    if (stats && job->outcome.status == SNNQ_STATUS_OK) {
        profile_write(core, stats);
    }
}

static void job_run_profiled(SnnqCore *core)
{
    size_t bytes = snnq_plan_info(core->job.plan)->layer_count *
                   sizeof(struct snnq_layer_stats);
    g_autofree struct snnq_layer_stats *stats = NULL;

    if (!snnq_memory_take(core, bytes)) {
        out_of_memory(&core->job, bytes);
        return;
    }
    stats = g_malloc0(bytes);
    job_run(core, stats);
    snnq_memory_give(core, bytes);
}

static void job_execute(SnnqCore *core)
{
    SnnqJob *job = &core->job;

    if (program_load(core) && entry_fits(job, snnq_plan_info(job->plan)) &&
        snnq_regions_fetch(core, snnq_plan_info(job->plan))) {
        if (profiled(job)) {
            job_run_profiled(core);
        } else {
            job_run(core, NULL);
        }
    }
    snnq_regions_free(core);
    job->plan = NULL;
}

static void *job_thread(void *opaque)
{
    SnnqCore *core = opaque;

    rcu_register_thread();
    qemu_mutex_lock(&core->lock);
    while (!core->quit) {
        if (core->forget) {
            core->forget = false;
            qemu_mutex_unlock(&core->lock);
            snnq_cache_clear(core);
            qemu_mutex_lock(&core->lock);
            continue;
        }
        if (core->phase != SNNQ_JOB_RUNNING) {
            qemu_cond_wait(&core->wake, &core->lock);
            continue;
        }
        qemu_mutex_unlock(&core->lock);
        job_execute(core);
        qemu_mutex_lock(&core->lock);
        core->phase = SNNQ_JOB_DONE;
        qemu_cond_broadcast(&core->idle);
        qemu_bh_schedule(core->bh);
    }
    qemu_mutex_unlock(&core->lock);
    snnq_cache_clear(core);
    rcu_unregister_thread();
    return NULL;
}

void snnq_job_thread_start(SnnqCore *core)
{
    char name[16];

    snprintf(name, sizeof(name), "snnq/%u", core->index);
    qemu_mutex_init(&core->lock);
    qemu_cond_init(&core->wake);
    qemu_cond_init(&core->idle);
    core->quit = false;
    qemu_thread_create(&core->thread, name, job_thread, core, QEMU_THREAD_JOINABLE);
}

/* The job must have ended: snnq_job_wait(). */
void snnq_job_thread_join(SnnqCore *core)
{
    WITH_QEMU_LOCK_GUARD(&core->lock) {
        core->quit = true;
        qemu_cond_broadcast(&core->wake);
    }
    qemu_thread_join(&core->thread);
    qemu_cond_destroy(&core->idle);
    qemu_cond_destroy(&core->wake);
    qemu_mutex_destroy(&core->lock);
}

SnnqJobPhase snnq_job_phase(SnnqCore *core)
{
    QEMU_LOCK_GUARD(&core->lock);
    return core->phase;
}

/*
 * Hand job.entry to the thread, or with an outcome that is a failure already,
 * skip the thread.
 */
void snnq_job_start(SnnqCore *core)
{
    SnnqJob *job = &core->job;

    job->flip_weights = job->flip_state = 0;
    snnq_job_resume(core, job->outcome.status ? SNNQ_JOB_DONE : SNNQ_JOB_RUNNING,
                    SNNQ_STOP_NONE, 0);
}

/*
 * Go on with job.entry: with its report when it is done, else from its first step on.
 * A driver that watches its progress, which was @progress, sees it grow.
 */
void snnq_job_resume(SnnqCore *core, SnnqJobPhase phase, SnnqStop stop, uint64_t progress)
{
    SnnqJob *job = &core->job;
    const struct snnq_outcome nothing = {
        .layer = SNNQ_LAYER_NONE, .region = SNNQ_REGION_NONE,
    };

    job->accesses = 0;
    job->progress = progress;
    job->fault = nothing;
    if (phase != SNNQ_JOB_DONE) {
        job->outcome = nothing;
    }
    QEMU_LOCK_GUARD(&core->lock);
    qatomic_set(&core->stop, stop);
    core->phase = phase;
    qemu_cond_broadcast(&core->wake);
}

/* The job was reported, or its result is not wanted. */
void snnq_job_forget(SnnqCore *core)
{
    QEMU_LOCK_GUARD(&core->lock);
    assert(core->phase != SNNQ_JOB_RUNNING);
    core->phase = SNNQ_JOB_NONE;
    qatomic_set(&core->stop, SNNQ_STOP_NONE);
}

/* After a reset: also the plans, before the thread's next job. */
void snnq_job_forget_all(SnnqCore *core)
{
    snnq_job_forget(core);
    QEMU_LOCK_GUARD(&core->lock);
    core->forget = true;
    qemu_cond_broadcast(&core->wake);
}

/* Ask the running job, if there is one, to end. */
void snnq_job_stop(SnnqCore *core, SnnqStop stop)
{
    QEMU_LOCK_GUARD(&core->lock);
    qatomic_set(&core->stop, MAX(core->stop, stop));
    qemu_cond_broadcast(&core->wake);
}

/* With the BQL: wait for the job's end, serving its DMA. */
void snnq_job_wait(SnnqCore *core)
{
    QEMU_LOCK_GUARD(&core->lock);
    while (core->phase == SNNQ_JOB_RUNNING) {
        snnq_dma_serve_locked(core);
        qemu_cond_wait(&core->idle, &core->lock);
    }
}

/* Stop the thread before its next access to memory, or let it go on. */
void snnq_job_pause(SnnqCore *core, bool pause)
{
    QEMU_LOCK_GUARD(&core->lock);
    qatomic_set(&core->paused, pause);
    qemu_cond_broadcast(&core->wake);
}

/* With the BQL, paused: wait until the thread is at a safe point, serving its DMA. */
void snnq_job_wait_parked(SnnqCore *core)
{
    QEMU_LOCK_GUARD(&core->lock);
    while (core->phase == SNNQ_JOB_RUNNING && !core->parked) {
        snnq_dma_serve_locked(core);
        qemu_cond_wait(&core->idle, &core->lock);
    }
}
