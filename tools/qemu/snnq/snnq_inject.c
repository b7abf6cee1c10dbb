/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fault injection: one table of values with two doors, properties and registers.
 * Values are set under the BQL and read by the cores' threads.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "snnq.h"
#include "trace.h"

typedef struct InjectInfo {
    const char *property;
    uint32_t reset;
    uint32_t min, max;          /* max 0: any value */
    const char *help;
} InjectInfo;

static const InjectInfo infos[SNNQ_INJECT_COUNT] = {
    [SNNQ_INJECT_CORES] = {
        "inject-cores", UINT32_MAX, 0, 0, "cores that injections hit, one bit each" },
    [SNNQ_INJECT_DMA_ERROR] = {
        "inject-dma-error-at", 0, 0, 0, "the n-th DMA access of a job fails, once" },
    [SNNQ_INJECT_HANG_LAYER] = {
        "inject-hang-layer", SNNQ_INJECT_OFF, 0, 0, "a job hangs before this layer" },
    [SNNQ_INJECT_HANG_COUNT] = {
        "inject-hang-count", 1, 0, 0, "so many jobs hang" },
    [SNNQ_INJECT_HANG_LEVEL] = {
        "inject-hang-level", SNNQ_INJECT_HANG_UNTIL_CANCEL, SNNQ_INJECT_HANG_UNTIL_CANCEL,
        SNNQ_INJECT_HANG_UNTIL_DEVICE_RESET,
        "what ends a hang: 1 cancel, 2 core reset, 3 device reset" },
    [SNNQ_INJECT_SLOW_NS] = {
        "inject-slow-ns", 0, 0, 0, "delay before each layer and tile of steps" },
    [SNNQ_INJECT_LOST_IRQ] = {
        "inject-lost-irq", 0, 0, 0, "so many interrupts are dropped" },
    [SNNQ_INJECT_SPURIOUS] = {
        "inject-spurious-irq", 0, 0, 0, "raise this vector now" },
    [SNNQ_INJECT_VANISH] = {
        "inject-vanish", 0, 0, 1, "the device is gone" },
    [SNNQ_INJECT_BAD_RECORD] = {
        "inject-bad-completion", 0, 0, SNNQ_INJECT_BAD_COUNT - 1,
        "one wrong completion record" },
    [SNNQ_INJECT_DEV_ERROR] = {
        "inject-device-error", 0, 0, 0, "set bits of the ERROR register now" },
};

uint32_t snnq_inject_read(SnnqState *s, unsigned index)
{
    return qatomic_read(&s->inject[index]);
}

static bool inject_valid(unsigned index, uint32_t value)
{
    const InjectInfo *info = &infos[index];

    return info->property && (!info->max || (value >= info->min && value <= info->max));
}

/* What takes effect at once; before realize there is nothing to affect. */
static void inject_act(SnnqState *s, unsigned index, uint32_t value)
{
    switch (index) {
    case SNNQ_INJECT_SPURIOUS:
        if (value <= s->cores) {
            snnq_notify(s, value);
        }
        break;
    case SNNQ_INJECT_VANISH:
        if (value) {
            snnq_vanish(s);
        }
        break;
    case SNNQ_INJECT_DEV_ERROR:
        snnq_device_error(s, value);
        break;
    }
}

/* Out-of-range values are ignored, as by any register. */
void snnq_inject_write(SnnqState *s, unsigned index, uint32_t value)
{
    if (!inject_valid(index, value)) {
        return;
    }
    trace_snnq_inject(s, infos[index].property, value);
    qatomic_set(&s->inject[index], value);
    if (qatomic_read(&s->live)) {
        inject_act(s, index, value);
    }
}

static void inject_get(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    SnnqInjectProperty *p = opaque;
    uint32_t value = snnq_inject_read(p->s, p->index);

    visit_type_uint32(v, name, &value, errp);
}

static void inject_set(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    SnnqInjectProperty *p = opaque;
    uint32_t value;

    if (!visit_type_uint32(v, name, &value, errp)) {
        return;
    }
    if (!inject_valid(p->index, value)) {
        error_setg(errp, "%s must be between %u and %u, got %u", name,
                   infos[p->index].min, infos[p->index].max, value);
        return;
    }
    snnq_inject_write(p->s, p->index, value);
}

void snnq_inject_init(SnnqState *s, Object *obj)
{
    s->inject[SNNQ_INJECT_ID] = SNNQ_INJECT_MAGIC;
    for (unsigned i = 0; i < SNNQ_INJECT_COUNT; i++) {
        const InjectInfo *info = &infos[i];

        if (!info->property) {
            continue;
        }
        s->inject[i] = info->reset;
        s->inject_properties[i] = (SnnqInjectProperty) { .s = s, .index = i };
        object_property_add(obj, info->property, "uint32", inject_get, inject_set, NULL,
                            &s->inject_properties[i]);
        object_property_set_description(obj, info->property, info->help);
    }
}

/* Whether injections hit this core. */
bool snnq_inject_hits(SnnqCore *core)
{
    return snnq_inject_read(core->s, SNNQ_INJECT_CORES) >> core->index & 1;
}

/* Whether this DMA access of the running job is the one to fail. */
bool snnq_inject_dma_error(SnnqCore *core)
{
    uint32_t *at = &core->s->inject[SNNQ_INJECT_DMA_ERROR];
    uint32_t n = core->job.accesses;

    return snnq_inject_hits(core) && qatomic_read(at) == n &&
           qatomic_cmpxchg(at, n, 0) == n;
}

/* Whether the running job is to hang before @layer. */
bool snnq_inject_hang(SnnqCore *core, uint32_t layer)
{
    uint32_t *count = &core->s->inject[SNNQ_INJECT_HANG_COUNT];
    uint32_t old = qatomic_read(count);

    if (layer != snnq_inject_read(core->s, SNNQ_INJECT_HANG_LAYER) ||
        !snnq_inject_hits(core)) {
        return false;
    }
    while (old) {
        uint32_t seen = qatomic_cmpxchg(count, old, old - 1);

        if (seen == old) {
            trace_snnq_hang(core->s, core->index, core->job.entry.job_id, layer);
            return true;
        }
        old = seen;
    }
    return false;
}
