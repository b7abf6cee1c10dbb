/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snnq.h - the coprocessor, independent of its bus.
 *
 * Two sides share a core. The register side (MMIO, rings, interrupts) runs under
 * the BQL. The core's thread runs jobs and never takes the BQL. Between them lies
 * SnnqCore.lock, taken after the BQL; what it guards is marked. The job itself
 * belongs to the thread while `phase` is SNNQ_JOB_RUNNING, else to the BQL side.
 *
 * Memory is reached only through snnq_dma_*(). Direct RAM is copied by the thread
 * itself; anything else (IOMMU, ROM, holes) is served by whoever holds the BQL, so
 * that one who waits for a thread with the BQL held cannot deadlock.
 */
#ifndef HW_MISC_SNNQ_H
#define HW_MISC_SNNQ_H

#include "qemu/thread.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "hw/qdev-core.h"
#include "hw/qdev-properties.h"
#include "snnq_qemu_compat.h"
#include "snnq_engine.h"
#include "snnq_inject.h"
#include "snnq_regs.h"

#define SNNQ_CAP_WORDS  (SNNQ_REG_CAP_END / 4)
#define SNNQ_PLANS      4       /* programs that a core remembers */

/* Properties: what the capabilities are not to exceed. */
typedef struct SnnqAsked {
#define SNNQ_ASKED32(member, name) uint32_t member;
#define SNNQ_ASKED64(member, name) uint64_t member;
    SNNQ_CAPS_MASKS(SNNQ_ASKED32)
    SNNQ_CAPS_LIMITS(SNNQ_ASKED32)
    SNNQ_CAPS_MASKS64(SNNQ_ASKED64)
    SNNQ_CAPS_LIMITS64(SNNQ_ASKED64)
#undef SNNQ_ASKED32
#undef SNNQ_ASKED64
} SnnqAsked;

#define SNNQ_CLOCK_KHZ  400000
#define SNNQ_RESET_US   1000    /* of a host that is not busy */
#define SNNQ_LOAD_ONE   65536   /* all cores are busy */

typedef struct SnnqState SnnqState;
typedef struct SnnqCore SnnqCore;

/* How interrupts leave the device; both under the BQL. A bus uses one of them. */
typedef struct SnnqBus {
    void (*message)(void *opaque, unsigned vector);     /* 0 admin, 1 + n core n */
    void (*line)(void *opaque, bool level);             /* shared by all */
} SnnqBus;

/* A region of the running job, with what is known of its page list. */
typedef struct SnnqRegion {
    struct snnq_region_entry entry;
    uint64_t *links;            /* addresses of the first `known` list pages */
    uint32_t known;
    uint32_t room;
    uint32_t cached;            /* list page in list[], or UINT32_MAX */
    uint64_t list[SNNQ_LIST_ENTRIES];
} SnnqRegion;

typedef struct SnnqJob {
    struct snnq_sq_entry entry;
    struct snnq_outcome outcome;        /* of the thread, when done */
    SnnqRegion *regions;
    uint32_t region_count;
    struct snnq_plan *plan;             /* in use, or NULL */
    uint64_t accesses;                  /* DMA accesses so far */
    uint64_t progress;                  /* as told to the guest, */
    int64_t told_ns;                    /* and when */
    uint32_t ticks;
    struct snnq_outcome fault;          /* first one met by DMA; status OK: none */
    uint32_t flip_weights, flip_state;  /* injected: bits from 1, 0: none */
} SnnqJob;

/* Injected: what of a record is still to be written. */
typedef enum SnnqLate {
    SNNQ_LATE_NOTHING,
    SNNQ_LATE_BODY,             /* all but the phase, at late_addr */
    SNNQ_LATE_STALE,            /* all of it, at late_addr: of before the reset */
    SNNQ_LATE_RECORD,           /* all of it, to wherever the ring is then */
} SnnqLate;

typedef enum SnnqJobPhase {
    SNNQ_JOB_NONE,
    SNNQ_JOB_RUNNING,
    SNNQ_JOB_DONE,
} SnnqJobPhase;

/* How urgently a running job has to end; numbers as SNNQ_INJECT_HANG_UNTIL_*. */
typedef enum SnnqStop {
    SNNQ_STOP_NONE,
    SNNQ_STOP_CANCEL,           /* ends as CANCELLED */
    SNNQ_STOP_CORE,             /* result is dropped; no DMA from now on */
    SNNQ_STOP_DEVICE,
} SnnqStop;

/* A DMA access that the thread hands to the holder of the BQL. */
typedef struct SnnqDmaRequest {
    uint64_t addr;
    void *buf;
    size_t len;
    bool is_write;
    bool done;
    MemTxResult result;
} SnnqDmaRequest;

typedef struct SnnqRing {
    uint64_t base;
    uint32_t size;
    uint32_t head;
    uint32_t tail;
} SnnqRing;

/* A program that a core remembers. */
typedef struct SnnqCached {
    struct snnq_plan *plan;
    uint64_t bytes;
} SnnqCached;

struct SnnqCore {
    SnnqState *s;
    unsigned index;

    /* BQL: registers as written, rings as latched. */
    uint64_t sq_base, cq_base;
    uint32_t sq_size, cq_size;
    SnnqRing sq, cq;
    uint16_t cq_phase;
    bool enabled, halted, resetting;
    uint32_t error;
    uint32_t coalesce;
    uint32_t cancel_id;         /* cancels the next entry when it matches */
    uint32_t unsignalled;       /* records without interrupt yet */
    QEMUTimer *coalesce_timer;
    SnnqLate late;
    uint64_t late_addr;
    struct snnq_cq_entry late_record;
    QEMUTimer *late_timer;
    QEMUBH *bh;

    QemuThread thread;
    QemuMutex lock;
    QemuCond wake;              /* to the thread */
    QemuCond idle;              /* from the thread */
    SnnqJobPhase phase;         /* lock */
    SnnqStop stop;              /* lock */
    bool paused;                /* lock: the machine is stopped */
    bool parked;                /* lock: the thread waits, does no DMA */
    bool quit;                  /* lock */
    bool forget;                /* lock: the thread lets its plans go */
    SnnqDmaRequest *request;    /* lock */

    SnnqJob job;                /* see top */
    uint64_t memory;            /* thread: taken of the core's share */
    SnnqCached plans[SNNQ_PLANS];               /* thread; latest first */
};

typedef struct SnnqInjectProperty {
    SnnqState *s;
    unsigned index;
} SnnqInjectProperty;

struct SnnqState {
    /* Properties. */
    uint32_t cores, sram, dma_bits, ring_size;
    uint64_t max_plan_memory;
    uint32_t threads;
    SnnqAsked asked;
    bool inject_regs;

    DeviceState *dev;
    MemoryRegion regs;
    AddressSpace *as;
    const SnnqBus *bus;
    void *bus_opaque;
    VMChangeStateEntry *vm_handler;
    bool running;               /* the machine runs */
    bool live;                  /* atomic: between realize and unrealize */
    bool unpowered;             /* atomic: the bus took power away */

    /* BQL: admin page. */
    struct snnq_caps caps;
    uint32_t cap_words[SNNQ_CAP_WORDS];
    uint32_t control, error;
    uint32_t int_status, int_enable, power_state;
    bool resetting;
    int64_t reset_ns;           /* zero of the cycle counter */
    uint32_t cycles_hi;         /* latched */
    uint64_t busy_cycles;       /* of jobs done since sensor_ns */
    int64_t sensor_ns;
    uint32_t load;              /* moving average, at most SNNQ_LOAD_ONE */

    uint32_t inject[SNNQ_INJECT_COUNT];         /* atomic */
    QEMUTimer *storm_timer;
    SnnqInjectProperty inject_properties[SNNQ_INJECT_COUNT];
    struct snnq_crew *crew;                     /* helps all cores */
    SnnqCore core[SNNQ_MAX_CORES];
};

/* Each reduces one capability; by default nothing does. */
#define SNNQ_CAPS_PROPERTIES(type, field) \
    DEFINE_PROP_UINT32("neurons", type, field.asked.neurons, UINT32_MAX), \
    DEFINE_PROP_UINT32("leaks", type, field.asked.leaks, UINT32_MAX), \
    DEFINE_PROP_UINT32("resets", type, field.asked.resets, UINT32_MAX), \
    DEFINE_PROP_UINT32("compares", type, field.asked.compares, UINT32_MAX), \
    DEFINE_PROP_UINT32("neuron-flags", type, field.asked.neuron_flags, UINT32_MAX), \
    DEFINE_PROP_UINT32("layer-flags", type, field.asked.layer_flags, UINT32_MAX), \
    DEFINE_PROP_UINT32("formats", type, field.asked.formats, UINT32_MAX), \
    DEFINE_PROP_UINT32("elementwise", type, field.asked.elementwise, UINT32_MAX), \
    DEFINE_PROP_UINT32("attention", type, field.asked.attention, UINT32_MAX), \
    DEFINE_PROP_UINT32("readouts", type, field.asked.readouts, UINT32_MAX), \
    DEFINE_PROP_UINT32("scheme-uniform", type, field.asked.scheme_uniform, UINT32_MAX), \
    DEFINE_PROP_UINT32("scheme-odd", type, field.asked.scheme_odd, UINT32_MAX), \
    DEFINE_PROP_UINT32("scheme-pot", type, field.asked.scheme_pot, UINT32_MAX), \
    DEFINE_PROP_UINT32("scheme-apot", type, field.asked.scheme_apot, UINT32_MAX), \
    DEFINE_PROP_UINT32("scheme-ternary", type, field.asked.scheme_ternary, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-layers", type, field.asked.max_layers, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-dim", type, field.asked.max_dim, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-channels", type, field.asked.max_channels, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-steps", type, field.asked.max_steps, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-program-bytes", type, field.asked.max_program_bytes, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-planes", type, field.asked.max_planes, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-kernel", type, field.asked.max_kernel, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-window", type, field.asked.max_window, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-stride", type, field.asked.max_stride, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-dilation", type, field.asked.max_dilation, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-delay", type, field.asked.max_delay, UINT32_MAX), \
    DEFINE_PROP_UINT32("max-tile-steps", type, field.asked.max_tile_steps, UINT32_MAX), \
    DEFINE_PROP_UINT64("ops", type, field.asked.ops, UINT64_MAX), \
    DEFINE_PROP_UINT64("needs", type, field.asked.needs, UINT64_MAX), \
    DEFINE_PROP_UINT64("max-state-bytes", type, field.asked.max_state_bytes, UINT64_MAX), \
    DEFINE_PROP_UINT64("max-scratch-bytes", type, field.asked.max_scratch_bytes, UINT64_MAX)

#define SNNQ_DEVICE_PROPERTIES(type, field) \
    SNNQ_CAPS_PROPERTIES(type, field), \
    DEFINE_PROP_UINT32("cores", type, field.cores, 2), \
    DEFINE_PROP_SIZE32("sram", type, field.sram, 64 * 1024), \
    DEFINE_PROP_UINT32("dma-bits", type, field.dma_bits, 40), \
    DEFINE_PROP_UINT32("ring-size", type, field.ring_size, 1024), \
    DEFINE_PROP_SIZE("max-plan-memory", type, field.max_plan_memory, 1 * GiB), \
    DEFINE_PROP_UINT32("threads", type, field.threads, 1), \
    DEFINE_PROP_BOOL("inject-regs", type, field.inject_regs, false)

/* snnq_core.c: the device as its bus front end sees it. */
void snnq_init(SnnqState *s, Object *obj);
bool snnq_realize(SnnqState *s, DeviceState *dev, AddressSpace *as, const SnnqBus *bus,
                  void *opaque, Error **errp);
void snnq_unrealize(SnnqState *s);
void snnq_reset_enter(SnnqState *s);
void snnq_reset_hold(SnnqState *s);
void snnq_reset_exit(SnnqState *s);
void snnq_notify(SnnqState *s, unsigned vector);
void snnq_line_update(SnnqState *s);
void snnq_core_error(SnnqCore *core, uint32_t error);
void snnq_device_error(SnnqState *s, uint32_t error);
void snnq_core_reset_done(SnnqCore *core);
void snnq_vanish(SnnqState *s);
void snnq_bus_power(SnnqState *s, bool on);
void snnq_kick(SnnqState *s);

/*
 * Whether there is no device, as far as the guest can tell. Every way in asks this
 * first: a vCPU may have found a region before unplug and dispatch into it after,
 * and properties of an unrealized device can be set.
 */
static inline bool snnq_gone(SnnqState *s)
{
    return !qatomic_read(&s->live) || qatomic_read(&s->unpowered) ||
           qatomic_read(&s->inject[SNNQ_INJECT_VANISH]);
}

/* snnq_save.c */
extern const VMStateDescription snnq_vmstate;

/* snnq_sensor.c */
uint64_t snnq_cycles(SnnqState *s);
uint32_t snnq_temperature(SnnqState *s);
uint32_t snnq_power(SnnqState *s);

/* snnq_ring.c */
bool snnq_ring_valid(SnnqState *s, uint64_t base, uint32_t size, size_t entry);
int snnq_entry_check(const struct snnq_sq_entry *e, uint64_t limit);
void snnq_ring_enable(SnnqCore *core);
void snnq_ring_set_tail(SnnqCore *core, uint32_t tail);
void snnq_ring_set_head(SnnqCore *core, uint32_t head);
void snnq_ring_set_coalesce(SnnqCore *core, uint32_t value);
void snnq_ring_cancel(SnnqCore *core, uint32_t job_id);
void snnq_ring_forget(SnnqCore *core);
void snnq_ring_bh(void *opaque);
void snnq_ring_timer(void *opaque);
bool snnq_ring_report(SnnqCore *core, struct snnq_cq_entry record);

/* snnq_spoil.c */
unsigned snnq_spoil_record(SnnqCore *core, struct snnq_cq_entry *record);
bool snnq_spoil_torn(SnnqCore *core, uint64_t addr, const struct snnq_cq_entry *record);
void snnq_spoil_after_reset(SnnqCore *core);
void snnq_spoil_drop(SnnqCore *core);
void snnq_spoil_timer(void *opaque);

/* snnq_job.c */
void snnq_job_thread_start(SnnqCore *core);
void snnq_job_thread_join(SnnqCore *core);
void snnq_job_start(SnnqCore *core);
void snnq_job_resume(SnnqCore *core, SnnqJobPhase phase, SnnqStop stop, uint64_t progress);
SnnqJobPhase snnq_job_phase(SnnqCore *core);
void snnq_job_forget(SnnqCore *core);
void snnq_job_forget_all(SnnqCore *core);
void snnq_job_stop(SnnqCore *core, SnnqStop stop);
void snnq_job_wait(SnnqCore *core);
void snnq_job_pause(SnnqCore *core, bool pause);
void snnq_job_wait_parked(SnnqCore *core);
bool snnq_job_tick(void *opaque);
bool snnq_job_ending(SnnqCore *core);
void snnq_outcome_fail(struct snnq_outcome *outcome, uint16_t status,
                       uint16_t region, uint64_t offset);

/* snnq_cache.c */
bool snnq_memory_take(SnnqCore *core, uint64_t bytes);
void snnq_memory_give(SnnqCore *core, uint64_t bytes);
struct snnq_plan *snnq_cache_get(SnnqCore *core, const void *program, size_t size,
                                 int *ret, uint64_t *bytes, struct snnq_diag *diag);
void snnq_cache_clear(SnnqCore *core);

/* snnq_dma.c */
uint64_t snnq_dma_limit(SnnqState *s);
bool snnq_dma_bql(SnnqState *s, uint64_t addr, void *buf, size_t len, bool is_write);
bool snnq_dma_job(SnnqCore *core, uint64_t addr, void *buf, size_t len, bool is_write);
void snnq_dma_serve(SnnqCore *core);
void snnq_dma_serve_locked(SnnqCore *core);
int snnq_program_read(SnnqCore *core, void *program);
bool snnq_regions_fetch(SnnqCore *core, const struct snnq_program_info *info);
void snnq_regions_free(SnnqCore *core);
int snnq_region_read(void *opaque, uint32_t region, uint64_t offset, void *buf,
                     size_t bytes);
int snnq_region_write(void *opaque, uint32_t region, uint64_t offset, const void *buf,
                      size_t bytes);

/* snnq_inject.c */
void snnq_inject_init(SnnqState *s, Object *obj);
bool snnq_inject_valid(unsigned index, uint32_t value);
bool snnq_inject_idle(SnnqState *s);
void snnq_inject_load(SnnqState *s, const uint32_t values[SNNQ_INJECT_COUNT]);
uint32_t snnq_inject_read(SnnqState *s, unsigned index);
void snnq_inject_write(SnnqState *s, unsigned index, uint32_t value);
bool snnq_inject_hits(SnnqCore *core);
bool snnq_inject_dma_error(SnnqCore *core);
bool snnq_inject_hang(SnnqCore *core, uint32_t layer);
uint32_t snnq_inject_take(SnnqCore *core, unsigned index);
bool snnq_inject_count_down(SnnqCore *core, unsigned index);
bool snnq_inject_ring_error(SnnqCore *core, uint32_t ring);
bool snnq_inject_no_start(SnnqCore *core);
bool snnq_inject_stuck(SnnqCore *core);
uint32_t snnq_inject_capability(SnnqState *s, unsigned word);
void snnq_inject_flip(SnnqCore *core, uint32_t region, uint64_t offset, void *buf,
                      size_t bytes);
void snnq_inject_storm_timer(void *opaque);

#endif /* HW_MISC_SNNQ_H */
