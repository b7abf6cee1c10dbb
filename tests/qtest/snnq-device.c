/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine, registers, rings and regions; see snnq.h. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "snnq.h"

#define SLOT            4
#define MEMORY_START    (16ull << 20)
#define MEMORY_END      (240ull << 20)
/* Arm's virt machine: where its memory begins, and the first device of its system bus. */
#define VIRT_MEMORY     (1ull << 30)
#define VIRT_DEVICE     0x0c000000
#define MSIX_ENTRY      16

bool on_pci(void)
{
    return strcmp(qtest_get_arch(), "aarch64");
}

static void msix_setup(Device *d)
{
    d->msix = d->pci->msix_table_bar;
    for (unsigned i = 0; i <= CORES; i++) {
        uint64_t entry = d->pci->msix_table_off + i * MSIX_ENTRY;

        qpci_io_writel(d->pci, d->msix, entry, d->vectors + 4 * i);
        qpci_io_writel(d->pci, d->msix, entry + 4, 0);
        qpci_io_writel(d->pci, d->msix, entry + 8, 0x500 + i);
        qpci_io_writel(d->pci, d->msix, entry + 12, 0);
    }
}

Device *device_boot(const char *options)
{
    return device_boot_on("pc", options);
}

/* @machine: for a PC; of another machine its options. */
static void machine_boot(Device *d, const char *machine, const char *options)
{
    const char *rest = strchr(machine, ' ');

    if (on_pci()) {
        d->qs = qtest_pc_boot("-m 256 -nic none -M %s -device snnq-pci,id=snnq,addr=%d,"
                              "cores=%d,inject-regs=on%s", machine, SLOT, CORES, options);
        d->qts = d->qs->qts;
        return;
    }
    d->qts = qtest_initf("-m 256 -nic none -M virt%s -device snnq-mmio,id=snnq,cores=%d,"
                         "inject-regs=on%s", rest ? rest : "", CORES, options);
    qtest_irq_intercept_out_named(d->qts, "/machine/peripheral/snnq", "sysbus-irq");
}

/* Interrupts and DMA, after a reset. */
void device_enable(Device *d)
{
    reg_write(d, SNNQ_REG_INT_ENABLE, SNNQ_INT_ALL(CORES));
    reg_write(d, SNNQ_REG_CONTROL, SNNQ_CONTROL_ENABLE);
}

static void pci_setup(Device *d)
{
    d->pci = qpci_device_find(d->qs->pcibus, QPCI_DEVFN(SLOT, 0));
    g_assert(d->pci);
    qpci_device_enable(d->pci);
    d->bar = qpci_iomap(d->pci, SNNQ_PCI_BAR_REGS, NULL);
    qpci_msix_enable(d->pci);
    msix_setup(d);
}

Device *device_boot_on(const char *machine, const char *options)
{
    Device *d = g_new0(Device, 1);

    machine_boot(d, machine, options);
    d->base = on_pci() ? 0 : VIRT_MEMORY;
    d->memory = d->base + MEMORY_START;
    d->vectors = memory_alloc(d, SNNQ_PAGE_BYTES);
    d->progress = memory_alloc(d, SNNQ_PAGE_BYTES);
    d->next_id = 1;
    if (on_pci()) {
        pci_setup(d);
    } else {
        d->bar.addr = VIRT_DEVICE;
    }
    device_enable(d);
    return d;
}

void device_bring_up(Device *d)
{
    if (on_pci()) {
        qpci_device_enable(d->pci);
        qpci_config_writel(d->pci, PCI_BASE_ADDRESS_0, d->bar.addr);
    }
    reg_wait(d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);
    device_enable(d);
}

Device *device_boot_incoming(const Device *from, const char *options)
{
    Device *d = g_memdup2(from, sizeof(*from));

    machine_boot(d, "pc -incoming defer", options);
    return d;
}

void device_arrive(Device *d)
{
    QPCIDevice *pci;

    if (!on_pci()) {
        /* The line's other end keeps its level, but here that is this program: say it again. */
        reg_write(d, SNNQ_REG_INT_ENABLE, reg_read(d, SNNQ_REG_INT_ENABLE));
        return;
    }
    pci = qpci_device_find(d->qs->pcibus, QPCI_DEVFN(SLOT, 0));
    g_assert(pci);
    pci->msix_enabled = d->pci->msix_enabled;
    pci->msix_table_bar = d->pci->msix_table_bar;
    pci->msix_pba_bar = d->pci->msix_pba_bar;
    pci->msix_table_off = d->pci->msix_table_off;
    pci->msix_pba_off = d->pci->msix_pba_off;
    d->pci = pci;
}

void device_close(Device *d)
{
    if (on_pci()) {
        qpci_iounmap(d->pci, d->bar);
        g_free(d->pci);
        qtest_shutdown(d->qs);
    } else {
        qtest_quit(d->qts);
    }
    g_free(d);
}

uint64_t memory_alloc(Device *d, uint64_t bytes)
{
    uint64_t at = d->memory;

    d->memory += ROUND_UP(bytes, SNNQ_PAGE_BYTES);
    g_assert_cmpuint(d->memory - d->base, <=, MEMORY_END);
    return at;
}

#define REG_ACCESS(letter, type) \
    type reg_read##letter(Device *d, uint32_t reg) \
    { \
        return on_pci() ? qpci_io_read##letter(d->pci, d->bar, reg) : \
                          qtest_read##letter(d->qts, d->bar.addr + reg); \
    } \
    void reg_write##letter(Device *d, uint32_t reg, type value) \
    { \
        if (on_pci()) { \
            qpci_io_write##letter(d->pci, d->bar, reg, value); \
        } else { \
            qtest_write##letter(d->qts, d->bar.addr + reg, value); \
        } \
    }
REG_ACCESS(b, uint8_t)
REG_ACCESS(w, uint16_t)
REG_ACCESS(l, uint32_t)
REG_ACCESS(q, uint64_t)
#undef REG_ACCESS

uint32_t reg_read(Device *d, uint32_t reg)
{
    return reg_readl(d, reg);
}

void reg_write(Device *d, uint32_t reg, uint32_t value)
{
    reg_writel(d, reg, value);
}

uint32_t core_read(Device *d, unsigned core, uint32_t reg)
{
    return reg_read(d, SNNQ_CORE_BASE(core) + reg);
}

void core_write(Device *d, unsigned core, uint32_t reg, uint32_t value)
{
    reg_write(d, SNNQ_CORE_BASE(core) + reg, value);
}

void inject(Device *d, unsigned index, uint32_t value)
{
    reg_write(d, SNNQ_INJECT_REG(index), value);
}

void reg_wait(Device *d, uint32_t reg, uint32_t mask, uint32_t value)
{
    for (int ms = 0; ms < WAIT_MS; ms++) {
        if ((reg_read(d, reg) & mask) == value) {
            return;
        }
        g_usleep(1000);
    }
    g_error("register 0x%x stays 0x%x, expected 0x%x in 0x%x", reg, reg_read(d, reg),
            value, mask);
}

bool line_asserted(Device *d)
{
    return on_pci() ? qpci_config_readw(d->pci, PCI_STATUS) & PCI_STATUS_INTERRUPT :
                      qtest_get_irq(d->qts, 0);
}

/* Where there are no messages: an event that asserts the line, and is acknowledged. */
static bool event_take(Device *d, unsigned vector)
{
    if (!line_asserted(d)) {
        return false;
    }
    if (!(reg_read(d, SNNQ_REG_INT_STATUS) & reg_read(d, SNNQ_REG_INT_ENABLE) & 1u << vector)) {
        return false;
    }
    reg_write(d, SNNQ_REG_INT_STATUS, 1u << vector);
    return true;
}

static bool message_take(Device *d, unsigned vector)
{
    uint64_t at = d->vectors + 4 * vector;
    uint32_t word = qtest_readl(d->qts, at);

    if (!word) {
        return false;   /* not cleared: a message may arrive right now */
    }
    g_assert_cmphex(word, ==, 0x500 + vector);
    qtest_writel(d->qts, at, 0);
    return true;
}

bool vector_take(Device *d, unsigned vector)
{
    return on_pci() ? message_take(d, vector) : event_take(d, vector);
}

void vector_wait(Device *d, unsigned vector)
{
    for (int ms = 0; ms < WAIT_MS; ms++) {
        if (vector_take(d, vector)) {
            return;
        }
        g_usleep(1000);
    }
    g_error("vector %u was not raised", vector);
}

void core_enable(Device *d, unsigned core, uint32_t sq_size, uint32_t cq_size)
{
    Ring *ring = &d->ring[core];

    *ring = (Ring) {
        .sq = memory_alloc(d, sq_size * sizeof(struct snnq_sq_entry)),
        .cq = memory_alloc(d, cq_size * sizeof(struct snnq_cq_entry)),
        .sq_size = sq_size, .cq_size = cq_size, .phase = 1,
    };
    core_write(d, core, SNNQ_CORE_SQ_BASE_LO, ring->sq);
    core_write(d, core, SNNQ_CORE_SQ_SIZE, sq_size);
    core_write(d, core, SNNQ_CORE_CQ_BASE_LO, ring->cq);
    core_write(d, core, SNNQ_CORE_CQ_SIZE, cq_size);
    core_write(d, core, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_ENABLE);
    g_assert_cmphex(core_read(d, core, SNNQ_CORE_STATUS), ==, SNNQ_CORE_ST_ENABLED);
}

void cores_enable(Device *d)
{
    for (unsigned i = 0; i < CORES; i++) {
        core_enable(d, i, 8, 8);
    }
}

void ring_push(Device *d, unsigned core, const struct snnq_sq_entry *entry)
{
    Ring *ring = &d->ring[core];

    qtest_memwrite(d->qts, ring->sq + ring->tail * sizeof(*entry), entry, sizeof(*entry));
    ring->tail = (ring->tail + 1) % ring->sq_size;
    core_write(d, core, SNNQ_CORE_SQ_TAIL, ring->tail);
}

bool ring_peek(Device *d, unsigned core, struct snnq_cq_entry *record)
{
    Ring *ring = &d->ring[core];

    qtest_memread(d->qts, ring->cq + ring->head * sizeof(*record), record,
                  sizeof(*record));
    g_assert_cmpuint(record->phase, <=, 1);
    return record->phase == ring->phase;
}

struct snnq_cq_entry ring_pop(Device *d, unsigned core)
{
    Ring *ring = &d->ring[core];
    struct snnq_cq_entry record;
    int ms = 0;

    while (!ring_peek(d, core, &record)) {
        if (ms++ == WAIT_MS) {
            g_error("core %u: no record at %u; status 0x%x error 0x%x", core, ring->head,
                    core_read(d, core, SNNQ_CORE_STATUS),
                    core_read(d, core, SNNQ_CORE_ERROR));
        }
        g_usleep(1000);
    }
    ring->head = (ring->head + 1) % ring->cq_size;
    if (!ring->head) {
        ring->phase ^= 1;
    }
    return record;
}

void ring_ack(Device *d, unsigned core)
{
    core_write(d, core, SNNQ_CORE_CQ_HEAD, d->ring[core].head);
}

/* Write a page list; list pages lie apart from each other. */
static uint64_t list_write(Device *d, const uint64_t *page, uint32_t pages)
{
    uint64_t first = memory_alloc(d, SNNQ_PAGE_BYTES), list = first;
    uint64_t entries[SNNQ_LIST_ENTRIES];

    while (pages > SNNQ_LIST_ENTRIES) {
        uint64_t next;

        memory_alloc(d, SNNQ_PAGE_BYTES);
        next = memory_alloc(d, SNNQ_PAGE_BYTES);
        memcpy(entries, page, SNNQ_LIST_LINK * sizeof(*page));
        entries[SNNQ_LIST_LINK] = next;
        qtest_memwrite(d->qts, list, entries, sizeof(entries));
        page += SNNQ_LIST_LINK;
        pages -= SNNQ_LIST_LINK;
        list = next;
    }
    qtest_memwrite(d->qts, list, page, pages * sizeof(*page));
    return first;
}

/* Pages before the start are never to be touched: nothing answers at them. */
Region region_new(Device *d, uint64_t start, uint64_t bytes, uint32_t access)
{
    Region r = {
        .start = start, .bytes = bytes, .access = access,
        .pages = DIV_ROUND_UP(start + bytes, SNNQ_PAGE_BYTES),
    };
    uint32_t first = start / SNNQ_PAGE_BYTES;

    r.page = g_new0(uint64_t, r.pages + 1);
    for (uint32_t i = r.pages; i-- > 0;) {
        r.page[i] = i < first ? HOLE : memory_alloc(d, SNNQ_PAGE_BYTES);
    }
    r.list = list_write(d, r.page, r.pages);
    return r;
}

void region_free(Region *r)
{
    g_free(r->page);
    r->page = NULL;
}

struct snnq_region_entry region_entry(const Region *r)
{
    return (struct snnq_region_entry) {
        .page_list = r->list, .start = r->start, .bytes = r->bytes, .pages = r->pages,
        .access = r->access,
    };
}

static void region_move(Device *d, const Region *r, uint64_t offset, char *buf, size_t n,
                        bool is_write)
{
    while (n) {
        uint64_t at = r->start + offset;
        size_t part = MIN(n, SNNQ_PAGE_BYTES - at % SNNQ_PAGE_BYTES);
        uint64_t addr = r->page[at / SNNQ_PAGE_BYTES] + at % SNNQ_PAGE_BYTES;

        if (is_write) {
            qtest_memwrite(d->qts, addr, buf, part);
        } else {
            qtest_memread(d->qts, addr, buf, part);
        }
        buf += part;
        offset += part;
        n -= part;
    }
}

void region_write(Device *d, const Region *r, uint64_t offset, const void *buf, size_t n)
{
    region_move(d, r, offset, (char *)buf, n, true);
}

void region_read(Device *d, const Region *r, uint64_t offset, void *buf, size_t n)
{
    region_move(d, r, offset, buf, n, false);
}
