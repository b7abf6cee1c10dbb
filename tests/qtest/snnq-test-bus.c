/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bus does to the device: power states, function-level reset. */
#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "snnq.h"

#define D0      0
#define D3      3

typedef struct Fixture {
    Device *d;
    Net *net[CORES];
} Fixture;

static Fixture setup(const char *machine)
{
    Fixture f = { .d = device_boot_on(machine, "") };

    nets_new(f.d, f.net);
    return f;
}

static void teardown(Fixture *f)
{
    nets_free(f->net);
    device_close(f->d);
}

static void check_alive(Fixture *f)
{
    for (unsigned i = 0; i < CORES; i++) {
        g_assert_cmphex(core_read(f->d, i, SNNQ_CORE_STATUS), ==, 0);
    }
    cores_enable(f->d);
    nets_run(f->d, f->net);
}

/* A core hangs in a job that only the device's reset ends, the other works slowly. */
static void busy(Fixture *f)
{
    struct snnq_sq_entry entry = net_entry(f->d, f->net[0], 0, 8);

    inject(f->d, SNNQ_INJECT_HANG_LEVEL, SNNQ_INJECT_HANG_UNTIL_DEVICE_RESET);
    inject(f->d, SNNQ_INJECT_HANG_LAYER, 1);
    inject(f->d, SNNQ_INJECT_HANG_COUNT, 1);
    ring_push(f->d, 0, &entry);
    reg_wait(f->d, SNNQ_INJECT_REG(SNNQ_INJECT_HANG_COUNT), UINT32_MAX, 0);
    inject(f->d, SNNQ_INJECT_SLOW_NS, 20 * 1000 * 1000);
    entry = net_entry(f->d, f->net[1], 0, NET_STEPS);
    ring_push(f->d, 1, &entry);
}

static void check_silent(Fixture *f)
{
    struct snnq_cq_entry record;

    g_usleep(QUIET_US);
    for (unsigned i = 0; i < CORES; i++) {
        g_assert_false(ring_peek(f->d, i, &record));
        g_assert_false(vector_take(f->d, 1 + i));
    }
    g_assert_false(vector_take(f->d, 0));
}

static void set_power(Device *d, unsigned state)
{
    uint8_t pm = qpci_find_capability(d->pci, PCI_CAP_ID_PM, 0);

    g_assert_cmpuint(pm, !=, 0);
    qpci_config_writew(d->pci, pm + PCI_PM_CTRL, state);
    g_assert_cmphex(qpci_config_readw(d->pci, pm + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK, ==,
                    state);
}

/* In D3 nothing answers, writes or signals; in D0 it is as after a reset, but set up. */
static void test_power(const void *machine)
{
    Fixture f = setup(machine);

    for (int i = 0; i < 3; i++) {
        busy(&f);
        set_power(f.d, D3);
        g_assert_cmphex(reg_read(f.d, SNNQ_REG_ID), !=, SNNQ_ID);
        reg_write(f.d, SNNQ_REG_CONTROL, SNNQ_CONTROL_ENABLE);
        check_silent(&f);
        g_assert_cmphex(qpci_config_readw(f.d->pci, PCI_DEVICE_ID), ==, SNNQ_PCI_DEVICE_ID);
        set_power(f.d, D0);
        reg_wait(f.d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);
        g_assert_cmphex(reg_read(f.d, SNNQ_REG_CONTROL), ==, 0);
        g_assert_cmphex(reg_read(f.d, SNNQ_REG_INT_ENABLE), ==, 0);
        device_enable(f.d);
        inject(f.d, SNNQ_INJECT_SLOW_NS, 0);
        check_alive(&f);
        for (unsigned core = 0; core < CORES; core++) {
            vector_wait(f.d, 1 + core);
            core_write(f.d, core, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
            reg_wait(f.d, SNNQ_CORE_BASE(core) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
            core_enable(f.d, core, 8, 8);
        }
    }
    /* Off by its own register, then by the bus: on by both. */
    reg_write(f.d, SNNQ_REG_POWER_STATE, SNNQ_POWER_STATE_OFF);
    set_power(f.d, D3);
    set_power(f.d, D0);
    reg_wait(f.d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);
    teardown(&f);
}

/* A reset of the machine finds it in D3. */
static void test_power_reset(void)
{
    Fixture f = setup("pc");

    busy(&f);
    set_power(f.d, D3);
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(f.d->qts, "RESET");
    device_bring_up(f.d);
    inject(f.d, SNNQ_INJECT_SLOW_NS, 0);
    check_alive(&f);
    teardown(&f);
}

/* Function-level reset, which PCI Express devices have: all is as after power-on. */
static void test_function_reset(void)
{
    Fixture f = setup("q35");
    uint8_t exp = qpci_find_capability(f.d->pci, PCI_CAP_ID_EXP, 0);

    g_assert_cmpuint(exp, !=, 0);
    g_assert_true(qpci_config_readl(f.d->pci, exp + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
    for (int i = 0; i < 2; i++) {
        busy(&f);
        if (i) {
            set_power(f.d, D3);
        }
        qpci_config_writew(f.d->pci, exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
        g_assert_cmphex(qpci_config_readw(f.d->pci, exp + PCI_EXP_DEVCTL) &
                        PCI_EXP_DEVCTL_BCR_FLR, ==, 0);
        check_silent(&f);
        g_assert_cmphex(qpci_config_readl(f.d->pci, PCI_BASE_ADDRESS_0), ==, 0);
        device_bring_up(f.d);
        inject(f.d, SNNQ_INJECT_SLOW_NS, 0);
        check_alive(&f);
        for (unsigned core = 0; core < CORES; core++) {
            core_write(f.d, core, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
            reg_wait(f.d, SNNQ_CORE_BASE(core) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
            core_enable(f.d, core, 8, 8);
        }
    }
    teardown(&f);
}

/* Capabilities by bus: a conventional one has no Express. */
static void test_capabilities(void)
{
    Device *d = device_boot_on("pc", "");

    g_assert_cmpuint(qpci_find_capability(d->pci, PCI_CAP_ID_PM, 0), !=, 0);
    g_assert_cmpuint(qpci_find_capability(d->pci, PCI_CAP_ID_EXP, 0), ==, 0);
    device_close(d);
    d = device_boot_on("q35", "");
    g_assert_cmpuint(qpci_find_capability(d->pci, PCI_CAP_ID_PM, 0), !=, 0);
    g_assert_cmpuint(qpci_find_capability(d->pci, PCI_CAP_ID_EXP, 0), !=, 0);
    device_close(d);
}

void add_bus_tests(void)
{
    qtest_add_func("/snnq/bus/capabilities", test_capabilities);
    qtest_add_data_func("/snnq/bus/power-pci", "pc", test_power);
    qtest_add_data_func("/snnq/bus/power-pcie", "q35", test_power);
    qtest_add_func("/snnq/bus/power-reset", test_power_reset);
    qtest_add_func("/snnq/bus/function-reset", test_function_reset);
}
