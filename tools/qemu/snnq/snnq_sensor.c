/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cycle counter and sensors. The sensors follow the load: the share of cycles, by
 * the cycle model, that the cores were busy, averaged over about a second.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qemu/timer.h"
#include "snnq.h"

#define LOAD_WINDOW_NS  NANOSECONDS_PER_SECOND
#define IDLE_MILLIDEG   35000
#define BUSY_MILLIDEG   40000           /* more, with all cores busy */
#define IDLE_UWATT      60000
#define CORE_UWATT      400000          /* more, for each busy core */

static uint64_t ns_to_cycles(int64_t ns)
{
    return muldiv64(ns, SNNQ_CLOCK_KHZ, 1000000);
}

/* Clock cycles since reset. */
uint64_t snnq_cycles(SnnqState *s)
{
    return ns_to_cycles(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - s->reset_ns);
}

/* Fold what happened since the last look into the average. */
static uint32_t load(SnnqState *s)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    int64_t elapsed = now - s->sensor_ns;
    uint64_t possible = ns_to_cycles(elapsed) * s->cores;
    uint64_t busy = MIN(s->busy_cycles, possible);
    int64_t share, weight;

    if (!possible) {
        return s->load;
    }
    share = (int64_t)((double)busy / possible * SNNQ_LOAD_ONE);
    weight = MIN(elapsed, LOAD_WINDOW_NS);
    s->load += (share - (int64_t)s->load) * weight / LOAD_WINDOW_NS;
    s->busy_cycles = 0;
    s->sensor_ns = now;
    return s->load;
}

uint32_t snnq_temperature(SnnqState *s)
{
    return IDLE_MILLIDEG + (uint64_t)load(s) * BUSY_MILLIDEG / SNNQ_LOAD_ONE;
}

uint32_t snnq_power(SnnqState *s)
{
    return IDLE_UWATT + (uint64_t)load(s) * CORE_UWATT * s->cores / SNNQ_LOAD_ONE;
}
