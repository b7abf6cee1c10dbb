/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snnq.h - what the device's qtests share: a booted machine with one device, snnq-pci
 * or, where the emulator is that of Arm, snnq-mmio, guest
 * memory, rings driven the way a driver does, and a small network with its expected
 * result computed in the plainest way.
 *
 * Guest memory is handed out once and never freed; each test boots its own machine.
 * Time of the machine stands still unless a test steps it.
 */
#ifndef SNNQ_QTEST_H
#define SNNQ_QTEST_H

#include "hw/misc/snnq/snnq_inject.h"
#include "libqos/libqos-pc.h"
#include "libqos/pci.h"
#include "libqtest.h"
#include "snnq_program.h"
#include "snnq_regs.h"

#define CORES           2
#define WAIT_MS         20000
#define CHANNELS        64
#define QUIET_US        100000          /* in which a job would have ended */
#define NET_REGIONS     6               /* the kernel's three, weights, input, readout */
#define NET_PROFILE     NET_REGIONS     /* behind them, for jobs that want it */
#define NET_STEPS       64

enum { NET_WEIGHTS = SNNQ_REGION_USER, NET_INPUT, NET_READOUT };

#define HOLE            0xa0000000ull   /* nothing answers here */

typedef struct Ring {
    uint64_t sq, cq;
    uint32_t sq_size, cq_size;
    uint32_t tail, head;
    uint16_t phase;
} Ring;

typedef struct Device {
    QOSState *qs;               /* of a PC, */
    QTestState *qts;
    QPCIDevice *pci;            /* there, */
    QPCIBar bar;                /* elsewhere only the address */
    QPCIBar msix;
    uint64_t base;              /* of guest memory */
    uint64_t memory;            /* next free guest address */
    uint64_t vectors;           /* one word per vector: set by its message */
    uint64_t progress;
    uint32_t next_id;
    Ring ring[CORES];
} Device;

/* A region in scattered pages of guest memory. */
typedef struct Region {
    uint64_t list;
    uint64_t start, bytes;
    uint32_t pages, access;
    uint64_t *page;
} Region;

typedef struct Net {
    struct {
        struct snnq_program_header header;
        struct snnq_region_desc region[3];
        struct snnq_layer layer[2];
        int32_t threshold;
    } QEMU_PACKED program;
    uint64_t table_at;
    Region code;                /* the program */
    Region profile;
    Region region[NET_REGIONS];
    bool flipped;               /* which state version is the current one */
    uint64_t seq;
    int8_t weight[CHANNELS][CHANNELS];
    uint64_t input[NET_STEPS];
    int32_t potential[CHANNELS];
    int32_t sum[CHANNELS];
} Net;

/* snnq-device.c */
Device *device_boot(const char *options);
Device *device_boot_on(const char *machine, const char *options);
/* Let it do DMA and interrupt, after a reset. */
void device_enable(Device *d);
/* What firmware and driver do before the cores; again after a reset of the machine. */
void device_bring_up(Device *d);
/* A machine that waits for the state of the one with @from; the device is there after it. */
Device *device_boot_incoming(const Device *from, const char *options);
/* The state arrived: bars and vectors are where they were. */
void device_arrive(Device *d);
void device_close(Device *d);
uint64_t memory_alloc(Device *d, uint64_t bytes);
/* Whether the machine is a PC: what is of PCI is tested there. */
bool on_pci(void);
/* Whether its line is asserted, when it has no messages. */
bool line_asserted(Device *d);
uint32_t reg_read(Device *d, uint32_t reg);
void reg_write(Device *d, uint32_t reg, uint32_t value);
/* Accesses of other sizes. */
uint8_t reg_readb(Device *d, uint32_t reg);
uint16_t reg_readw(Device *d, uint32_t reg);
uint32_t reg_readl(Device *d, uint32_t reg);
uint64_t reg_readq(Device *d, uint32_t reg);
void reg_writeb(Device *d, uint32_t reg, uint8_t value);
void reg_writew(Device *d, uint32_t reg, uint16_t value);
void reg_writel(Device *d, uint32_t reg, uint32_t value);
void reg_writeq(Device *d, uint32_t reg, uint64_t value);
uint32_t core_read(Device *d, unsigned core, uint32_t reg);
void core_write(Device *d, unsigned core, uint32_t reg, uint32_t value);
void inject(Device *d, unsigned index, uint32_t value);
/* Wait until the masked bits of a register have a value. */
void reg_wait(Device *d, uint32_t reg, uint32_t mask, uint32_t value);
/* Whether the vector was raised since the last look. */
bool vector_take(Device *d, unsigned vector);
void vector_wait(Device *d, unsigned vector);

void core_enable(Device *d, unsigned core, uint32_t sq_size, uint32_t cq_size);
/* All of them, with rings of 8. */
void cores_enable(Device *d);
void ring_push(Device *d, unsigned core, const struct snnq_sq_entry *entry);
bool ring_peek(Device *d, unsigned core, struct snnq_cq_entry *record);
/* Next record; the head doorbell is left to ring_ack(). */
struct snnq_cq_entry ring_pop(Device *d, unsigned core);
void ring_ack(Device *d, unsigned core);

Region region_new(Device *d, uint64_t start, uint64_t bytes, uint32_t access);
void region_write(Device *d, const Region *r, uint64_t offset, const void *buf, size_t n);
void region_read(Device *d, const Region *r, uint64_t offset, void *buf, size_t n);
void region_free(Region *r);
struct snnq_region_entry region_entry(const Region *r);

/* snnq-net.c */
Net *net_new(Device *d, uint32_t seed);
void net_free(Net *net);
/* One for each core; the cores get rings. */
void nets_new(Device *d, Net *net[CORES]);
void nets_free(Net *net[CORES]);
/* Every core computes the right thing. */
void nets_run(Device *d, Net *net[CORES]);
/* Put a changed program into guest memory. */
void net_program(Device *d, Net *net);
/* A submission of @steps from input step @first; writes the region table. */
struct snnq_sq_entry net_entry(Device *d, Net *net, uint32_t first, uint32_t steps);
/* Let the entry ask for counters, @stride apart. */
void net_profile(Device *d, Net *net, struct snnq_sq_entry *entry, uint32_t stride);
void net_table(Device *d, Net *net, unsigned region, struct snnq_region_entry entry);
/* The job succeeded: the expected result advances, state versions swap. */
void net_advance(Net *net, uint32_t first, uint32_t steps);
void net_check(Device *d, Net *net);
/* Submit, wait, acknowledge. */
struct snnq_cq_entry net_run(Device *d, unsigned core, Net *net, uint32_t first,
                             uint32_t steps);
/* Submit so many jobs of one step that do not depend on each other. */
void net_push(Device *d, unsigned core, Net *net, unsigned count);
void assert_record(const struct snnq_cq_entry *r, uint16_t status, uint16_t layer,
                   uint16_t region, uint64_t offset);

/* snnq-huge.c */
#define HUGE_LIST_BYTES (1ull << 42)    /* of events */
/* A job of one layer, all its data one page; @skip_pages lie before that in the list. */
struct snnq_sq_entry huge_entry(Device *d, const struct snnq_layer *layer,
                                uint32_t skip_pages);
struct snnq_tensor huge_spikes(uint16_t height, uint16_t width, uint32_t channels);
struct snnq_tensor huge_sums(uint32_t channels);

/* Tests by area. */
void add_register_tests(void);
void add_job_tests(void);
void add_program_tests(void);
void add_ring_tests(void);
void add_end_tests(void);
void add_inject_tests(void);
void add_limit_tests(void);
void add_golden_tests(void);
void add_save_tests(void);
void add_bus_tests(void);

#endif /* SNNQ_QTEST_H */
