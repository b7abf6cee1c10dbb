/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers, properties and doors for injection. */
#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qobject/qdict.h"
#include "snnq.h"

static void test_reset_values(void)
{
    Device *d = device_boot("");

    g_assert_cmphex(reg_read(d, SNNQ_REG_ID), ==, SNNQ_ID);
    g_assert_cmphex(reg_read(d, SNNQ_REG_VERSION), ==, SNNQ_HW_VERSION);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_CORES), ==, CORES);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_SRAM), ==, 65536);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_DMA_BITS), ==, 40);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_RING), ==, 1024);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_LAYERS), ==, SNNQ_MAX_LAYERS);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_PROGRAM), ==, SNNQ_MAX_PROGRAM_BYTES);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_NEURONS), ==, 0x7);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_LEAKS), ==, 0xf);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_RESETS), ==, 0x7);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_COMPARES), ==, 0x3);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_NEURON_FLAGS), ==, 0x6f);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_LAYER_FLAGS), ==, 0x1);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_FORMATS), ==, 0x1e);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_ELEMENTWISE), ==, 0x1f);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_ATTENTION), ==, 0xf);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_READOUTS), ==, 0x1e);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_PLANES), ==, SNNQ_MAX_PLANES);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_KERNEL), ==, SNNQ_MAX_DIM);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_WINDOW), ==, SNNQ_MAX_DIM);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_STRIDE), ==, 255);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_DILATION), ==, 255);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_DELAY), ==, SNNQ_MAX_DELAY);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_TILE), ==, SNNQ_MAX_TILE_STEPS);
    g_assert_cmphex(reg_readq(d, SNNQ_REG_CAP_NEEDS_LO), ==,
                    0x17af);
    g_assert_cmphex(reg_readq(d, SNNQ_REG_CAP_STATE_LO), ==,
                    SNNQ_MAX_REGION_BYTES);
    g_assert_cmphex(reg_readq(d, SNNQ_REG_CAP_SCRATCH_LO), ==,
                    SNNQ_MAX_REGION_BYTES);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_OPS_LO), ==,
                    (1u << SNNQ_OP_COUNT) - 2);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_UNIFORM), ==, 0x1fe);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_ODD), ==, 0x1fe);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_POT), ==, 0x3c);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_APOT), ==, 0x38);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_TERNARY), ==, 0x04);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_SAFE_POINT), ==, 65536);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_LANES), ==, 64);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_CAP_PORT), ==, 16);
    g_assert_cmphex(reg_read(d, SNNQ_REG_STATUS), ==, SNNQ_DEV_STATUS_READY);
    g_assert_cmphex(reg_read(d, SNNQ_REG_ERROR), ==, 0);
    g_assert_cmpint((int32_t)reg_read(d, SNNQ_REG_TEMPERATURE), ==, 35000);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_POWER), ==, 60000);
    for (unsigned core = 0; core < CORES; core++) {
        for (uint32_t reg = 0; reg < 0x60; reg += 4) {
            g_assert_cmphex(core_read(d, core, reg), ==, 0);
        }
    }
    if (on_pci()) {
        g_assert_cmphex(qpci_config_readw(d->pci, PCI_CLASS_DEVICE), ==, SNNQ_PCI_CLASS);
        g_assert_cmpuint(qpci_msix_table_size(d->pci), ==, 1 + CORES);
    }
    device_close(d);
}

static void test_access_rules(void)
{
    Device *d = device_boot("");

    reg_write(d, SNNQ_REG_ID, 0);
    g_assert_cmphex(reg_read(d, SNNQ_REG_ID), ==, SNNQ_ID);
    reg_write(d, 0x700, 0x1234);
    g_assert_cmphex(reg_read(d, 0x700), ==, 0);
    g_assert_cmphex(reg_read(d, SNNQ_CORE_BASE(CORES)), ==, 0);
    /* Wrong sizes and misaligned accesses are ignored. */
    g_assert_cmphex(reg_readb(d, SNNQ_REG_ID), ==, 0);
    g_assert_cmphex(reg_readw(d, SNNQ_REG_ID), ==, 0);
    g_assert_cmphex(reg_readl(d, SNNQ_REG_ID + 2), ==, 0);
    g_assert_cmphex(reg_readq(d, SNNQ_REG_CAP_CORES), ==, 0);
    reg_writew(d, SNNQ_CORE_BASE(0) + SNNQ_CORE_SQ_SIZE, 8);
    g_assert_cmphex(core_read(d, 0, SNNQ_CORE_SQ_SIZE), ==, 0);
    /* Pairs are reachable either way. */
    reg_writeq(d, SNNQ_CORE_BASE(1) + SNNQ_CORE_CQ_BASE_LO,
                   0x12345678abcdef00ull);
    g_assert_cmphex(core_read(d, 1, SNNQ_CORE_CQ_BASE_LO), ==, 0xabcdef00);
    g_assert_cmphex(core_read(d, 1, SNNQ_CORE_CQ_BASE_HI), ==, 0x12345678);
    core_write(d, 1, SNNQ_CORE_CQ_BASE_HI, 0x9abc);
    g_assert_cmphex(reg_readq(d, SNNQ_CORE_BASE(1) + SNNQ_CORE_CQ_BASE_LO),
                    ==, 0x9abcabcdef00ull);
    g_assert_cmphex(core_read(d, 0, SNNQ_CORE_CQ_BASE_LO), ==, 0);
    device_close(d);
}

static void test_cycles(void)
{
    Device *d = device_boot("");
    uint64_t khz = reg_read(d, SNNQ_REG_CAP_CLOCK), before, after;
    uint32_t low;

    before = reg_readq(d, SNNQ_REG_CYCLES_LO);
    qtest_clock_step(d->qts, 60000000000);
    low = reg_read(d, SNNQ_REG_CYCLES_LO);
    qtest_clock_step(d->qts, 60000000000);
    after = (uint64_t)reg_read(d, SNNQ_REG_CYCLES_HI) << 32 | low;
    g_assert_cmpuint(after - before, ==, 60000 * khz);
    device_close(d);
}

/* Every property out of range is refused, and the message names the range. */
static void test_properties(void)
{
    static const struct { const char *name; unsigned value; const char *range; } bad[] = {
        { "cores", 0, "between 1 and 16" }, { "cores", 17, "between 1 and 16" },
        { "dma-bits", 31, "between 32 and 64" }, { "dma-bits", 65, "between 32 and 64" },
        { "sram", 4095, "between 4096 and 67108864" },
        { "ring-size", 1, "between 2 and 65536" }, { "ring-size", 48, "power of two" },
        { "ops", 1, "ops must have a bit of" },
        { "inject-hang-level", 4, "between 1 and 3" }, { "inject-vanish", 2, "0 and 1" },
        { "inject-ring-error", 3, "0 and 2" }, { "inject-stuck-reset", 3, "0 and 2" },
        { "inject-storm-ns", 999, "between 1000 and" },
        { "inject-storm-vector", 17, "0 and 16" },
        { "max-plan-memory", 1048575, "between 1048576 and 1099511627776" },
        { "threads", 0, "between 1 and 64" }, { "threads", 65, "between 1 and 64" },
        { "inject-capability", 0x10000, "0 and 65535" }, { "inject-no-start", 2, "0 and 1" },
    };
    QTestState *qts = qtest_init("-M pc -nic none");

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        QDict *reply = qtest_qmp(qts, "{'execute': 'device_add', 'arguments': "
                                 "{'driver': 'snnq-pci', 'id': 'x', %s: %u}}",
                                 bad[i].name, bad[i].value);
        const char *why = qdict_get_str(qdict_get_qdict(reply, "error"), "desc");

        g_assert_nonnull(strstr(why, bad[i].range));
        qobject_unref(reply);
    }
    qtest_quit(qts);
}

static void test_inject_doors(void)
{
    Device *d = device_boot(",inject-regs=off,inject-slow-ns=7");
    QDict *reply;

    g_assert_cmphex(reg_read(d, SNNQ_INJECT_REG(SNNQ_INJECT_ID)), ==, 0);
    reg_write(d, SNNQ_INJECT_REG(SNNQ_INJECT_VANISH), 1);
    g_assert_cmphex(reg_read(d, SNNQ_REG_ID), ==, SNNQ_ID);
    device_close(d);

    d = device_boot(",inject-slow-ns=7");
    g_assert_cmphex(reg_read(d, SNNQ_INJECT_REG(SNNQ_INJECT_ID)), ==, SNNQ_INJECT_MAGIC);
    g_assert_cmpuint(reg_read(d, SNNQ_INJECT_REG(SNNQ_INJECT_SLOW_NS)), ==, 7);
    qtest_qmp_assert_success(d->qts, "{'execute': 'qom-set', 'arguments': {'path': "
                             "'/machine/peripheral/snnq', 'property': 'inject-slow-ns', "
                             "'value': 9}}");
    g_assert_cmpuint(reg_read(d, SNNQ_INJECT_REG(SNNQ_INJECT_SLOW_NS)), ==, 9);
    inject(d, SNNQ_INJECT_SLOW_NS, 11);
    reply = qtest_qmp(d->qts, "{'execute': 'qom-get', 'arguments': {'path': "
                      "'/machine/peripheral/snnq', 'property': 'inject-slow-ns'}}");
    g_assert_cmpint(qdict_get_int(reply, "return"), ==, 11);
    qobject_unref(reply);
    device_close(d);
}

void add_register_tests(void)
{
    qtest_add_func("/snnq/registers/reset-values", test_reset_values);
    qtest_add_func("/snnq/registers/access-rules", test_access_rules);
    qtest_add_func("/snnq/registers/cycles", test_cycles);
    if (on_pci()) {
        qtest_add_func("/snnq/registers/properties", test_properties);
    }
    qtest_add_func("/snnq/registers/inject-doors", test_inject_doors);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_register_tests();
    add_job_tests();
    add_program_tests();
    add_ring_tests();
    add_end_tests();
    add_inject_tests();
    add_golden_tests();
    if (on_pci()) {
        add_limit_tests();
        add_bus_tests();
    }
    add_save_tests();
    return g_test_run();
}
