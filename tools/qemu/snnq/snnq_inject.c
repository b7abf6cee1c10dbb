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
    [SNNQ_INJECT_FLIP_WEIGHTS] = {
        "inject-flip-weights", 0, 0, 0, "number of a bit of weights, from 1, to flip once" },
    [SNNQ_INJECT_FLIP_STATE] = {
        "inject-flip-state", 0, 0, 0, "number of a bit of state, from 1, to flip once" },
    [SNNQ_INJECT_TORN_RECORD] = {
        "inject-torn-record", 0, 0, 0, "us from the next record's phase to its rest" },
    [SNNQ_INJECT_LOST_DOORBELL] = {
        "inject-lost-doorbell", 0, 0, 0, "so many submission doorbells are dropped" },
    [SNNQ_INJECT_RING_ERROR] = {
        "inject-ring-error", 0, 0, SNNQ_INJECT_RING_COMPLETION,
        "ring that does not answer, once: 1 submission, 2 completion" },
    [SNNQ_INJECT_STUCK_RESET] = {
        "inject-stuck-reset", 0, 0, SNNQ_INJECT_STUCK_DEVICE,
        "resets do not end: 1 of cores, 2 of the device either" },
    [SNNQ_INJECT_CAPABILITY] = {
        "inject-capability", 0, 0, SNNQ_INJECT_CAP_ALL,
        "number of a capability register, from 1, that is wrong" },
    [SNNQ_INJECT_CAP_VALUE] = {
        "inject-capability-value", UINT32_MAX, 0, 0, "what that register reads" },
    [SNNQ_INJECT_LATE_RECORD] = {
        "inject-late-record", 0, 0, 0,
        "us from a core's reset to a record of the job that it ended" },
    [SNNQ_INJECT_STORM] = {
        "inject-storm", 0, 0, 0, "raise an interrupt so often from now" },
    [SNNQ_INJECT_STORM_NS] = {
        "inject-storm-ns", 10000, 1000, UINT32_MAX, "time between these interrupts" },
    [SNNQ_INJECT_STORM_VECTOR] = {
        "inject-storm-vector", 1, 0, SNNQ_MAX_CORES, "their vector" },
    [SNNQ_INJECT_OVERTAKEN] = {
        "inject-overtaken", 0, 0, 0, "us for which the next record is held back" },
    [SNNQ_INJECT_NO_START] = {
        "inject-no-start", 0, 0, 1, "cores do not start" },
};

uint32_t snnq_inject_read(SnnqState *s, unsigned index)
{
    return qatomic_read(&s->inject[index]);
}

bool snnq_inject_valid(unsigned index, uint32_t value)
{
    const InjectInfo *info = &infos[index];

    return info->property && (!info->max || (value >= info->min && value <= info->max));
}

static void storm_next(SnnqState *s)
{
    if (snnq_inject_read(s, SNNQ_INJECT_STORM)) {
        timer_mod(s->storm_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                  snnq_inject_read(s, SNNQ_INJECT_STORM_NS));
    } else {
        timer_del(s->storm_timer);
    }
}

void snnq_inject_storm_timer(void *opaque)
{
    SnnqState *s = opaque;
    uint32_t vector = snnq_inject_read(s, SNNQ_INJECT_STORM_VECTOR);

    if (vector <= s->cores) {
        snnq_notify(s, vector);
    }
    qatomic_dec(&s->inject[SNNQ_INJECT_STORM]);
    storm_next(s);
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
    case SNNQ_INJECT_STUCK_RESET:
        snnq_kick(s);
        break;
    case SNNQ_INJECT_STORM:
        storm_next(s);
        break;
    }
}

/* Out-of-range values are ignored, as by any register. */
void snnq_inject_write(SnnqState *s, unsigned index, uint32_t value)
{
    if (!snnq_inject_valid(index, value)) {
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
    if (!snnq_inject_valid(p->index, value)) {
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

/* Whether nothing was ever injected, or all of it is off again. */
bool snnq_inject_idle(SnnqState *s)
{
    for (unsigned i = 0; i < SNNQ_INJECT_COUNT; i++) {
        if (infos[i].property && snnq_inject_read(s, i) != infos[i].reset) {
            return false;
        }
    }
    return true;
}

/* Values that were saved, and are valid. What takes effect at once did so there. */
void snnq_inject_load(SnnqState *s, const uint32_t values[SNNQ_INJECT_COUNT])
{
    for (unsigned i = 0; i < SNNQ_INJECT_COUNT; i++) {
        if (infos[i].property) {
            qatomic_set(&s->inject[i], values[i]);
        }
    }
    storm_next(s);
}

/* Whether injections hit this core. */
bool snnq_inject_hits(SnnqCore *core)
{
    return snnq_inject_read(core->s, SNNQ_INJECT_CORES) >> core->index & 1;
}

/* Take a value that counts once: it is off from now on. */
uint32_t snnq_inject_take(SnnqCore *core, unsigned index)
{
    return snnq_inject_hits(core) ? qatomic_xchg(&core->s->inject[index], 0) : 0;
}

/* Whether one more of so many is hit. */
bool snnq_inject_count_down(SnnqCore *core, unsigned index)
{
    uint32_t *count = &core->s->inject[index];
    uint32_t old = qatomic_read(count), seen;

    if (!snnq_inject_hits(core)) {
        return false;
    }
    while (old) {
        seen = qatomic_cmpxchg(count, old, old - 1);
        if (seen == old) {
            return true;
        }
        old = seen;
    }
    return false;
}

bool snnq_inject_ring_error(SnnqCore *core, uint32_t ring)
{
    return snnq_inject_read(core->s, SNNQ_INJECT_RING_ERROR) == ring &&
           snnq_inject_take(core, SNNQ_INJECT_RING_ERROR) == ring;
}

/* Whether the reset of this core does not end now. */
bool snnq_inject_stuck(SnnqCore *core)
{
    return snnq_inject_hits(core) &&
           snnq_inject_read(core->s, SNNQ_INJECT_STUCK_RESET) >
           (core->s->resetting ? SNNQ_INJECT_STUCK_CORE : SNNQ_INJECT_STUCK_NONE);
}

/* Whether this core does not start now. */
bool snnq_inject_no_start(SnnqCore *core)
{
    return snnq_inject_hits(core) && snnq_inject_read(core->s, SNNQ_INJECT_NO_START);
}

/* What a word of the capability block reads. */
uint32_t snnq_inject_capability(SnnqState *s, unsigned word)
{
    uint32_t wrong = snnq_inject_read(s, SNNQ_INJECT_CAPABILITY);

    return wrong == word + 1 ||
           (wrong == SNNQ_INJECT_CAP_ALL && word > SNNQ_REG_VERSION / 4) ?
           snnq_inject_read(s, SNNQ_INJECT_CAP_VALUE) : s->cap_words[word];
}

/*
 * Flip the bit of injection @index in what was read of a region at @offset, if it is there.
 * @taken: the job's; what it reads twice is flipped twice.
 */
static void flip(SnnqCore *core, unsigned index, uint32_t *taken, uint64_t first,
                 uint64_t offset, uint8_t *buf, size_t bytes)
{
    uint32_t *at = &core->s->inject[index];
    uint32_t n = *taken ? *taken : qatomic_read(at);
    uint64_t byte = first + (n - 1) / 8;

    if (!n || !snnq_inject_hits(core) || byte < offset || byte - offset >= bytes ||
        (!*taken && qatomic_cmpxchg(at, n, 0) != n)) {
        return;
    }
    *taken = n;
    trace_snnq_flip(core->s, core->index, core->job.entry.job_id, n - 1);
    buf[byte - offset] ^= 1u << (n - 1) % 8;
}

/* Data of a job that was read, about to be used. */
void snnq_inject_flip(SnnqCore *core, uint32_t region, uint64_t offset, void *buf,
                      size_t bytes)
{
    const struct snnq_program_info *info = snnq_plan_info(core->job.plan);

    if (region == SNNQ_REGION_STATE_IN) {
        flip(core, SNNQ_INJECT_FLIP_STATE, &core->job.flip_state,
             sizeof(struct snnq_state_header), offset, buf, bytes);
    } else if (region >= SNNQ_REGION_USER &&
               info->regions[region - SNNQ_REGION_USER].role == SNNQ_ROLE_WEIGHTS) {
        flip(core, SNNQ_INJECT_FLIP_WEIGHTS, &core->job.flip_weights, 0, offset, buf, bytes);
    }
}

/* Whether this DMA access of the running job is the one to fail. */
bool snnq_inject_dma_error(SnnqCore *core)
{
    uint32_t *at = &core->s->inject[SNNQ_INJECT_DMA_ERROR];
    uint32_t n = qatomic_read(at);

    return n && n == core->job.accesses && snnq_inject_hits(core) &&
           qatomic_cmpxchg(at, n, 0) == n;
}

/* Whether the running job is to hang before @layer. */
bool snnq_inject_hang(SnnqCore *core, uint32_t layer)
{
    if (layer != snnq_inject_read(core->s, SNNQ_INJECT_HANG_LAYER) ||
        !snnq_inject_count_down(core, SNNQ_INJECT_HANG_COUNT)) {
        return false;
    }
    trace_snnq_hang(core->s, core->index, core->job.entry.job_id, layer);
    return true;
}
