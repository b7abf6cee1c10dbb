/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of the host that a guest can make a core take, and the plans kept in it.
 *
 * Each core has an equal share of max-plan-memory, so that what one remembers is
 * never another's trouble. Whatever a guest's numbers size is taken from the share
 * before it is allocated; remembered plans that are not in use make room. Only the
 * core's thread comes here.
 */
#include "qemu/osdep.h"
#include "snnq.h"
#include "trace.h"

static uint64_t share(SnnqState *s)
{
    return s->max_plan_memory / s->cores;
}

static void plan_drop(SnnqCore *core, unsigned index)
{
    SnnqCached *c = &core->plans[index];

    trace_snnq_plan_drop(core->s, core->index, c->bytes, core->memory - c->bytes);
    snnq_plan_destroy(c->plan);
    core->memory -= c->bytes;
    *c = (SnnqCached) { };
}

/* Let the plan go that was not used for longest. False: none is left to go. */
static bool plan_evict(SnnqCore *core)
{
    for (unsigned i = SNNQ_PLANS; i-- > 0;) {
        if (core->plans[i].plan && core->plans[i].plan != core->job.plan) {
            plan_drop(core, i);
            return true;
        }
    }
    return false;
}

/* Take memory from the core's share. False: it does not have so much. */
bool snnq_memory_take(SnnqCore *core, uint64_t bytes)
{
    uint64_t all = share(core->s);

    while (bytes > all - core->memory) {
        if (bytes > all || !plan_evict(core)) {
            trace_snnq_err_memory(core->s, core->index, bytes, core->memory, all);
            return false;
        }
    }
    core->memory += bytes;
    return true;
}

void snnq_memory_give(SnnqCore *core, uint64_t bytes)
{
    core->memory -= bytes;
}

/* Make the plan at @index the latest one. */
static struct snnq_plan *plan_to_front(SnnqCore *core, unsigned index)
{
    SnnqCached c = core->plans[index];

    memmove(&core->plans[1], &core->plans[0], index * sizeof(c));
    core->plans[0] = c;
    return c.plan;
}

static struct snnq_plan *plan_find(SnnqCore *core, const void *program, size_t bytes)
{
    for (unsigned i = 0; i < SNNQ_PLANS; i++) {
        SnnqCached *c = &core->plans[i];

        if (c->plan && snnq_plan_matches(c->plan, program, bytes)) {
            trace_snnq_plan_hit(core->s, core->index, c->bytes, core->memory);
            return plan_to_front(core, i);
        }
    }
    return NULL;
}

/* What helpers of a job need besides the plan. */
static uint64_t crew_bytes(SnnqState *s, const void *program)
{
    return s->threads > 1 ? snnq_plan_crew_bytes(program, s->threads - 1) : 0;
}

/* Make a plan within what is free of the share; when that is too little, make room. */
static int plan_make(SnnqCore *core, const void *program, size_t size,
                     struct snnq_plan **plan, uint64_t *bytes, struct snnq_diag *diag)
{
    struct snnq_pace pace = { .tick = snnq_job_tick, .ctx = core };
    int ret = snnq_plan_create(program, size, &core->s->caps,
                               share(core->s) - core->memory, &pace, plan, diag);
    uint64_t plan_bytes;

    if (ret && ret != -EFBIG) {
        return ret;
    }
    plan_bytes = snnq_plan_bytes(program);
    *bytes = plan_bytes + MIN(crew_bytes(core->s, program), UINT64_MAX - plan_bytes);
    if (!snnq_memory_take(core, *bytes)) {
        snnq_plan_destroy(*plan);
        return -EFBIG;
    }
    if (ret) {
        ret = snnq_plan_create(program, size, &core->s->caps, plan_bytes, &pace, plan, diag);
    }
    if (!ret && core->s->threads > 1) {
        ret = snnq_plan_use_crew(*plan, core->s->crew, *bytes - plan_bytes);
    }
    if (ret) {
        snnq_plan_destroy(*plan);
        snnq_memory_give(core, *bytes);
    }
    return ret;
}

/*
 * The plan of a program, remembered or new. NULL: 0 or an error of snnq_plan_create()
 * is in *@ret; with -EFBIG *@bytes are more than the share has.
 */
struct snnq_plan *snnq_cache_get(SnnqCore *core, const void *program, size_t size,
                                 int *ret, uint64_t *bytes, struct snnq_diag *diag)
{
    struct snnq_plan *plan = plan_find(core, program, size);

    if (plan) {
        return plan;
    }
    *ret = plan_make(core, program, size, &plan, bytes, diag);
    if (*ret) {
        return NULL;
    }
    if (core->plans[SNNQ_PLANS - 1].plan) {
        plan_drop(core, SNNQ_PLANS - 1);
    }
    core->plans[SNNQ_PLANS - 1] = (SnnqCached) { .plan = plan, .bytes = *bytes };
    trace_snnq_plan_make(core->s, core->index, *bytes, core->memory);
    return plan_to_front(core, SNNQ_PLANS - 1);
}

/* Let all plans go. */
void snnq_cache_clear(SnnqCore *core)
{
    while (plan_evict(core)) {
    }
}
