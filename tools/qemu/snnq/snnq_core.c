/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers, errors, reset and life of the device. Under the BQL.
 *
 * MMIO callbacks only change state and schedule bottom halves: no DMA, no waiting.
 * A reset by register is therefore a handshake; a reset of the machine and an unplug
 * wait for the cores' threads instead.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "snnq.h"
#include "trace.h"

#define LOW(value)              ((uint32_t)(value))
#define HIGH(value)             ((uint32_t)((value) >> 32))
#define SET_LOW(reg, value)     ((reg) = deposit64((reg), 0, 32, (value)))
#define SET_HIGH(reg, value)    ((reg) = deposit64((reg), 32, 32, (value)))

/* The line follows what is neither masked nor acknowledged. */
void snnq_line_update(SnnqState *s)
{
    s->bus->line(s->bus_opaque, !snnq_gone(s) && s->int_status & s->int_enable);
}

/* Enabling what happened before interrupts now, on both kinds of bus. */
static void int_enable(SnnqState *s, uint32_t value)
{
    uint32_t enable = value & SNNQ_INT_ALL(s->cores);
    uint32_t now = enable & ~s->int_enable & s->int_status;

    s->int_enable = enable;
    for (unsigned vector = 0; vector <= s->cores; vector++) {
        if (now >> vector & 1) {
            s->bus->message(s->bus_opaque, vector);
        }
    }
    snnq_line_update(s);
}

void snnq_notify(SnnqState *s, unsigned vector)
{
    uint32_t lost = snnq_inject_read(s, SNNQ_INJECT_LOST_IRQ);

    if (snnq_gone(s)) {
        return;
    }
    trace_snnq_irq(s, vector, lost);
    if (lost) {
        qatomic_set(&s->inject[SNNQ_INJECT_LOST_IRQ], lost - 1);
        return;
    }
    s->int_status |= 1u << vector;
    if (s->int_enable >> vector & 1) {
        s->bus->message(s->bus_opaque, vector);
    }
    snnq_line_update(s);
}

void snnq_device_error(SnnqState *s, uint32_t error)
{
    if (error) {
        trace_snnq_err_device(s, error);
        s->error |= error;
        snnq_notify(s, 0);
    }
}

/* An error of one core halts that core. */
void snnq_core_error(SnnqCore *core, uint32_t error)
{
    trace_snnq_err_core(core->s, core->index, error);
    core->error |= error;
    core->halted = true;
    snnq_device_error(core->s, SNNQ_DEV_ERROR_CORE);
}

static void core_reset(SnnqCore *core, SnnqStop level)
{
    trace_snnq_reset(core->s, core->index, level);
    snnq_spoil_drop(core);
    core->resetting = true;
    snnq_job_stop(core, level);
    qemu_bh_schedule(core->bh);
}

static void admin_clear(SnnqState *s)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    s->control = 0;
    s->error = 0;
    s->reset_ns = s->sensor_ns = now;
    s->busy_cycles = 0;
    s->load = 0;
    s->cycles_hi = 0;
    s->int_status = s->int_enable = 0;
    s->resetting = false;
    snnq_line_update(s);
}

/* The core's thread is idle: end its reset, and the device's after the last core. */
void snnq_core_reset_done(SnnqCore *core)
{
    SnnqState *s = core->s;

    snnq_spoil_after_reset(core);
    snnq_job_forget_all(core);
    snnq_ring_forget(core);
    core->resetting = false;
    s->int_status &= ~SNNQ_INT_CORE(core->index);
    snnq_line_update(s);
    trace_snnq_reset_done(s, core->index);
    for (unsigned i = 0; i < s->cores; i++) {
        if (s->core[i].resetting) {
            return;
        }
    }
    if (s->resetting) {
        admin_clear(s);
    }
}

static void device_reset(SnnqState *s)
{
    s->resetting = true;
    for (unsigned i = 0; i < s->cores; i++) {
        core_reset(&s->core[i], SNNQ_STOP_DEVICE);
    }
}

/* Let every core look again at what it has to do. */
void snnq_kick(SnnqState *s)
{
    for (unsigned i = 0; i < s->cores; i++) {
        qemu_bh_schedule(s->core[i].bh);
    }
}

/* The device is gone: what it was doing ends, silently. */
void snnq_vanish(SnnqState *s)
{
    snnq_line_update(s);
    device_reset(s);
}

/*
 * The bus takes power away, and all that the device knows with it, or gives it back.
 * Who has the power taken away waits for nothing: a job ends at its next safe point.
 */
void snnq_bus_power(SnnqState *s, bool on)
{
    if (on != s->unpowered) {
        return;
    }
    trace_snnq_bus_power(s, on);
    qatomic_set(&s->unpowered, !on);
    if (!on) {
        s->power_state = SNNQ_POWER_STATE_ON;
        device_reset(s);
    }
    snnq_line_update(s);
}

static uint32_t error_cores(SnnqState *s)
{
    uint32_t cores = 0;

    for (unsigned i = 0; i < s->cores; i++) {
        cores |= (s->core[i].error != 0) << i;
    }
    return cores;
}

static uint32_t cycles_low(SnnqState *s)
{
    uint64_t cycles = snnq_cycles(s);

    s->cycles_hi = HIGH(cycles);
    return LOW(cycles);
}

static bool is_inject(SnnqState *s, hwaddr reg)
{
    return s->inject_regs && reg >= SNNQ_INJECT_BASE &&
           reg < SNNQ_INJECT_REG(SNNQ_INJECT_COUNT);
}

static bool admin_read(SnnqState *s, hwaddr reg, uint32_t *value)
{
    if (reg / 4 < SNNQ_CAP_WORDS) {
        *value = snnq_inject_capability(s, reg / 4);
        return true;
    }
    if (is_inject(s, reg)) {
        *value = snnq_inject_read(s, (reg - SNNQ_INJECT_BASE) / 4);
        return true;
    }
    switch (reg) {
    case SNNQ_REG_CONTROL:
        *value = s->control;
        return true;
    case SNNQ_REG_STATUS:
        *value = s->resetting || s->power_state ? 0 : SNNQ_DEV_STATUS_READY;
        return true;
    case SNNQ_REG_ERROR:
        *value = s->error;
        return true;
    case SNNQ_REG_ERROR_CORES:
        *value = error_cores(s);
        return true;
    case SNNQ_REG_TEMPERATURE:
        *value = snnq_temperature(s);
        return true;
    case SNNQ_REG_POWER:
        *value = snnq_power(s);
        return true;
    case SNNQ_REG_CYCLES_LO:
        *value = cycles_low(s);
        return true;
    case SNNQ_REG_CYCLES_HI:
        *value = s->cycles_hi;
        return true;
    case SNNQ_REG_INT_STATUS:
        *value = s->int_status;
        return true;
    case SNNQ_REG_INT_ENABLE:
        *value = s->int_enable;
        return true;
    case SNNQ_REG_POWER_STATE:
        *value = s->power_state;
        return true;
    case SNNQ_REG_RESET_TIME:
        *value = SNNQ_RESET_US;
        return true;
    }
    return false;
}

static uint32_t core_status(SnnqCore *core)
{
    return (core->enabled ? SNNQ_CORE_ST_ENABLED : 0) |
           (core->halted ? SNNQ_CORE_ST_HALTED : 0) |
           (core->resetting ? SNNQ_CORE_ST_RESETTING : 0) |
           (snnq_job_phase(core) == SNNQ_JOB_RUNNING ? SNNQ_CORE_ST_BUSY : 0);
}

static bool core_read(SnnqCore *core, hwaddr reg, uint32_t *value)
{
    const struct { hwaddr reg; uint32_t value; } regs[] = {
        { SNNQ_CORE_SQ_BASE_LO, LOW(core->sq_base) },
        { SNNQ_CORE_SQ_BASE_HI, HIGH(core->sq_base) },
        { SNNQ_CORE_SQ_SIZE, core->sq_size },
        { SNNQ_CORE_SQ_TAIL, core->sq.tail },
        { SNNQ_CORE_SQ_HEAD, core->sq.head },
        { SNNQ_CORE_CQ_BASE_LO, LOW(core->cq_base) },
        { SNNQ_CORE_CQ_BASE_HI, HIGH(core->cq_base) },
        { SNNQ_CORE_CQ_SIZE, core->cq_size },
        { SNNQ_CORE_CQ_HEAD, core->cq.head },
        { SNNQ_CORE_CQ_TAIL, core->cq.tail },
        { SNNQ_CORE_CONTROL, core->enabled ? SNNQ_CORE_CTL_ENABLE : 0 },
        { SNNQ_CORE_STATUS, core_status(core) },
        { SNNQ_CORE_CANCEL, 0 },
        { SNNQ_CORE_ERROR, core->error },
        { SNNQ_CORE_COALESCE, core->coalesce },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(regs); i++) {
        if (regs[i].reg == reg) {
            *value = regs[i].value;
            return true;
        }
    }
    return false;
}

/* Off is a reset that does not get ready again, before it is on. */
static void power_state(SnnqState *s, uint32_t value)
{
    if (value > SNNQ_POWER_STATE_OFF || value == s->power_state) {
        return;
    }
    s->power_state = value;
    if (value) {
        device_reset(s);
    }
}

/* What a device that is off takes: only its power, and what is of tests. */
static bool asleep(SnnqState *s, hwaddr addr)
{
    return s->power_state && addr != SNNQ_REG_POWER_STATE && !is_inject(s, addr);
}

static bool admin_write(SnnqState *s, hwaddr reg, uint32_t value)
{
    if (is_inject(s, reg)) {
        snnq_inject_write(s, (reg - SNNQ_INJECT_BASE) / 4, value);
        return true;
    }
    switch (reg) {
    case SNNQ_REG_CONTROL:
        if (value & SNNQ_CONTROL_RESET) {
            device_reset(s);
        } else if (!s->resetting) {
            s->control = value & SNNQ_CONTROL_ENABLE;
            snnq_kick(s);
        }
        return true;
    case SNNQ_REG_ERROR:
        s->error &= ~value;
        return true;
    case SNNQ_REG_INT_STATUS:
        s->int_status &= ~value;
        snnq_line_update(s);
        return true;
    case SNNQ_REG_INT_ENABLE:
        if (!s->resetting) {
            int_enable(s, value);
        }
        return true;
    case SNNQ_REG_POWER_STATE:
        power_state(s, value);
        return true;
    }
    return false;
}

static bool core_write(SnnqCore *core, hwaddr reg, uint32_t value)
{
    switch (reg) {
    case SNNQ_CORE_SQ_BASE_LO:
        SET_LOW(core->sq_base, value);
        return true;
    case SNNQ_CORE_SQ_BASE_HI:
        SET_HIGH(core->sq_base, value);
        return true;
    case SNNQ_CORE_SQ_SIZE:
        core->sq_size = value;
        return true;
    case SNNQ_CORE_SQ_TAIL:
        snnq_ring_set_tail(core, value);
        return true;
    case SNNQ_CORE_CQ_BASE_LO:
        SET_LOW(core->cq_base, value);
        return true;
    case SNNQ_CORE_CQ_BASE_HI:
        SET_HIGH(core->cq_base, value);
        return true;
    case SNNQ_CORE_CQ_SIZE:
        core->cq_size = value;
        return true;
    case SNNQ_CORE_CQ_HEAD:
        snnq_ring_set_head(core, value);
        return true;
    case SNNQ_CORE_CONTROL:
        if (value & SNNQ_CORE_CTL_RESET) {
            core_reset(core, SNNQ_STOP_CORE);
        } else if (value & SNNQ_CORE_CTL_ENABLE) {
            snnq_ring_enable(core);
        }
        return true;
    case SNNQ_CORE_CANCEL:
        snnq_ring_cancel(core, value);
        return true;
    case SNNQ_CORE_ERROR:
        core->error &= ~value;
        return true;
    case SNNQ_CORE_COALESCE:
        snnq_ring_set_coalesce(core, value);
        return true;
    }
    return false;
}

/* The core whose page @addr lies in; NULL: the admin page or none. */
static SnnqCore *core_at(SnnqState *s, hwaddr addr)
{
    hwaddr page = addr / SNNQ_REG_PAGE;

    return page && page <= s->cores ? &s->core[page - 1] : NULL;
}

/* Registers that one 64-bit access may reach. */
static bool is_pair(SnnqState *s, hwaddr addr)
{
    hwaddr reg = addr % SNNQ_REG_PAGE;

    return core_at(s, addr) ?
           reg == SNNQ_CORE_SQ_BASE_LO || reg == SNNQ_CORE_CQ_BASE_LO :
           addr == SNNQ_REG_CAP_OPS_LO || addr == SNNQ_REG_CAP_NEEDS_LO ||
           addr == SNNQ_REG_CAP_STATE_LO || addr == SNNQ_REG_CAP_SCRATCH_LO ||
           addr == SNNQ_REG_CYCLES_LO;
}

static bool access_valid(SnnqState *s, hwaddr addr, unsigned size)
{
    return addr % size == 0 && (size == 4 || (size == 8 && is_pair(s, addr)));
}

static void access_refused(SnnqState *s, const char *what, hwaddr addr, unsigned size)
{
    trace_snnq_err_access_mmio(s, what, addr, size);
    qemu_log_mask(LOG_GUEST_ERROR, "snnq: %s of %u bytes at 0x%" HWADDR_PRIx
                  ": no such register\n", what, size, addr);
}

static uint32_t reg_read(SnnqState *s, hwaddr addr)
{
    SnnqCore *core = core_at(s, addr);
    uint32_t value = 0;

    if (core ? !core_read(core, addr % SNNQ_REG_PAGE, &value) :
               addr >= SNNQ_REG_PAGE || !admin_read(s, addr, &value)) {
        access_refused(s, "read", addr, 4);
    }
    trace_snnq_read(s, addr, value);
    return value;
}

static void reg_write(SnnqState *s, hwaddr addr, uint32_t value)
{
    SnnqCore *core = core_at(s, addr);

    trace_snnq_write(s, addr, value);
    if (asleep(s, addr)) {
        return;
    }
    if (core ? !core_write(core, addr % SNNQ_REG_PAGE, value) :
               addr >= SNNQ_REG_PAGE || !admin_write(s, addr, value)) {
        access_refused(s, "write", addr, 4);
    }
}

static uint64_t regs_read(void *opaque, hwaddr addr, unsigned size)
{
    SnnqState *s = opaque;
    uint64_t low;

    if (snnq_gone(s)) {
        return UINT64_MAX;
    }
    if (!access_valid(s, addr, size)) {
        access_refused(s, "read", addr, size);
        return 0;
    }
    low = reg_read(s, addr);
    return size == 8 ? low | (uint64_t)reg_read(s, addr + 4) << 32 : low;
}

static void regs_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    SnnqState *s = opaque;

    if (snnq_gone(s)) {
        return;
    }
    if (!access_valid(s, addr, size)) {
        access_refused(s, "write", addr, size);
        return;
    }
    reg_write(s, addr, LOW(value));
    if (size == 8) {
        reg_write(s, addr + 4, HIGH(value));
    }
}

/* Every size comes through, so that the model itself refuses and traces. */
static const MemoryRegionOps regs_ops = {
    .read = regs_read,
    .write = regs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* What programs may ask for: all that there is, or less where a property says so. */
static void fill_caps(SnnqState *s)
{
    s->caps = snnq_caps_all;
#define MASK(member, name) s->caps.member &= s->asked.member;
#define LIMIT(member, name) s->caps.member = MIN(s->caps.member, s->asked.member);
    SNNQ_CAPS_MASKS(MASK)
    SNNQ_CAPS_MASKS64(MASK)
    SNNQ_CAPS_LIMITS(LIMIT)
    SNNQ_CAPS_LIMITS64(LIMIT)
#undef MASK
#undef LIMIT
}

/* Each register of the capability block, by its place. */
static void fill_capabilities(SnnqState *s)
{
#define WORD(member, name) { SNNQ_REG_CAP_##name, s->caps.member },
#define PAIR(member, name) { SNNQ_REG_CAP_##name##_LO, LOW(s->caps.member) }, \
                           { SNNQ_REG_CAP_##name##_HI, HIGH(s->caps.member) },
    const struct { unsigned reg; uint32_t value; } words[] = {
        { SNNQ_REG_ID, SNNQ_ID },
        { SNNQ_REG_VERSION, SNNQ_HW_VERSION },
        { SNNQ_REG_CAP_CORES, s->cores },
        { SNNQ_REG_CAP_SRAM, s->sram },
        { SNNQ_REG_CAP_DMA_BITS, s->dma_bits },
        { SNNQ_REG_CAP_RING, s->ring_size },
        { SNNQ_REG_CAP_FEATURES, SNNQ_FEATURE_PROFILE | SNNQ_FEATURE_FULL_CHECK |
                                 SNNQ_FEATURE_POWER_OFF },
        { SNNQ_REG_CAP_LANES, SNNQ_LANES },
        { SNNQ_REG_CAP_PORT, SNNQ_PORT_BYTES },
        { SNNQ_REG_CAP_CLOCK, SNNQ_CLOCK_KHZ },
        { SNNQ_REG_CAP_SAFE_POINT, SNNQ_SAFE_POINT_OPS },   /* a cycle each at worst */
        SNNQ_CAPS_MASKS(WORD)
        SNNQ_CAPS_LIMITS(WORD)
        SNNQ_CAPS_MASKS64(PAIR)
        SNNQ_CAPS_LIMITS64(PAIR)
    };
#undef WORD
#undef PAIR

    QEMU_BUILD_BUG_ON(ARRAY_SIZE(words) != SNNQ_CAP_WORDS);
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        s->cap_words[words[i].reg / 4] = words[i].value;
    }
}

static bool check_range(const char *name, uint64_t value, uint64_t min, uint64_t max,
                        Error **errp)
{
    if (value >= min && value <= max) {
        return true;
    }
    error_setg(errp, "%s must be between %" PRIu64 " and %" PRIu64 ", got %" PRIu64,
               name, min, max, value);
    return false;
}

static bool check_properties(SnnqState *s, Error **errp)
{
    if (!check_range("cores", s->cores, 1, SNNQ_MAX_CORES, errp) ||
        !check_range("sram", s->sram, 4 * KiB, 64 * MiB, errp) ||
        !check_range("dma-bits", s->dma_bits, 32, 64, errp) ||
        !check_range("ring-size", s->ring_size, 2, 65536, errp) ||
        !check_range("max-plan-memory", s->max_plan_memory, 1 * MiB, 1 * TiB, errp) ||
        !check_range("threads", s->threads, 1, SNNQ_MAX_HELPERS + 1, errp)) {
        return false;
    }
    if (!is_power_of_2(s->ring_size)) {
        error_setg(errp, "ring-size must be a power of two, got %u", s->ring_size);
        return false;
    }
    if (!(s->asked.ops & snnq_caps_all.ops)) {
        error_setg(errp, "ops must have a bit of 0x%" PRIx64 ", got 0x%" PRIx64,
                   (uint64_t)snnq_caps_all.ops, s->asked.ops);
        return false;
    }
    return true;
}

/* With the machine stopped no thread does DMA and no ring moves. */
static void vm_state_changed(void *opaque, bool running, RunState state)
{
    SnnqState *s = opaque;

    trace_snnq_running(s, running);
    s->running = running;
    for (unsigned i = 0; i < s->cores; i++) {
        snnq_job_pause(&s->core[i], !running);
    }
    for (unsigned i = 0; !running && i < s->cores; i++) {
        snnq_job_wait_parked(&s->core[i]);
    }
    trace_snnq_running_done(s, running);
    snnq_kick(s);
}

static void core_init(SnnqState *s, unsigned index)
{
    SnnqCore *core = &s->core[index];

    core->s = s;
    core->index = index;
    core->paused = !s->running;
    core->bh = qemu_bh_new_guarded(snnq_ring_bh, core, &s->dev->mem_reentrancy_guard);
    core->coalesce_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, snnq_ring_timer, core);
    core->late_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, snnq_spoil_timer, core);
    snnq_job_thread_start(core);
}

/* Properties; works without a realized device, as instance_init must. */
void snnq_init(SnnqState *s, Object *obj)
{
    snnq_inject_init(s, obj);
}

/* @as: what the device reaches by DMA. Map s->regs afterwards. */
bool snnq_realize(SnnqState *s, DeviceState *dev, AddressSpace *as, const SnnqBus *bus,
                  void *opaque, Error **errp)
{
    int ret;

    if (!check_properties(s, errp)) {
        return false;
    }
    ret = snnq_crew_create(s->threads - 1, &s->crew);
    if (ret) {
        error_setg_errno(errp, -ret, "cannot start %u threads", s->threads - 1);
        return false;
    }
    s->dev = dev;
    s->as = as;
    s->bus = bus;
    s->bus_opaque = opaque;
    fill_caps(s);
    s->running = runstate_is_running();
    s->storm_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, snnq_inject_storm_timer, s);
    fill_capabilities(s);
    memory_region_init_io(&s->regs, OBJECT(dev), &regs_ops, s, "snnq-regs",
                          pow2ceil(SNNQ_REGS_BYTES(s->cores)));
    for (unsigned i = 0; i < s->cores; i++) {
        core_init(s, i);
    }
    admin_clear(s);
    s->vm_handler = qdev_add_vm_change_state_handler(dev, vm_state_changed, s);
    qatomic_set(&s->live, true);
    return true;
}

static void stop_all(SnnqState *s)
{
    for (unsigned i = 0; i < s->cores; i++) {
        snnq_job_stop(&s->core[i], SNNQ_STOP_DEVICE);
    }
    for (unsigned i = 0; i < s->cores; i++) {
        snnq_job_wait(&s->core[i]);
    }
}

void snnq_unrealize(SnnqState *s)
{
    qatomic_set(&s->live, false);
    qemu_del_vm_change_state_handler(s->vm_handler);
    stop_all(s);
    for (unsigned i = 0; i < s->cores; i++) {
        SnnqCore *core = &s->core[i];

        snnq_job_thread_join(core);
        qemu_bh_delete(core->bh);
        timer_free(core->coalesce_timer);
        timer_free(core->late_timer);
    }
    timer_free(s->storm_timer);
    snnq_crew_destroy(s->crew);
}

/* Reset of the machine, the bus or by a function-level reset, first phase. */
void snnq_reset_enter(SnnqState *s)
{
    s->resetting = true;
    s->control = 0;
    s->power_state = SNNQ_POWER_STATE_ON;
    qatomic_set(&s->unpowered, false);
}

void snnq_reset_hold(SnnqState *s)
{
    stop_all(s);
    for (unsigned i = 0; i < s->cores; i++) {
        snnq_spoil_drop(&s->core[i]);
        snnq_job_forget_all(&s->core[i]);
        snnq_ring_forget(&s->core[i]);
        s->core[i].resetting = false;
    }
}

void snnq_reset_exit(SnnqState *s)
{
    admin_clear(s);
}
