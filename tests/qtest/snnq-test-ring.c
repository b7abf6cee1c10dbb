/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings, doorbells, interrupts. */
#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "snnq.h"

/* Registers that enable must refuse; the core halts, tells, and leaves by a reset. */
static void test_bring_up(void)
{
    static const struct { uint32_t reg, value; } bad[] = {
        { SNNQ_CORE_SQ_BASE_LO, 0x1000020 }, { SNNQ_CORE_CQ_BASE_LO, 0x1000008 },
        { SNNQ_CORE_SQ_BASE_HI, 0x100 }, { SNNQ_CORE_CQ_BASE_HI, 0xffffffff },
        { SNNQ_CORE_SQ_SIZE, 0 }, { SNNQ_CORE_SQ_SIZE, 1 }, { SNNQ_CORE_SQ_SIZE, 12 },
        { SNNQ_CORE_CQ_SIZE, 2048 }, { SNNQ_CORE_CQ_SIZE, 0x80000000 },
    };
    Device *d = device_boot("");

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        core_write(d, 1, SNNQ_CORE_SQ_BASE_LO, 0x1000000);
        core_write(d, 1, SNNQ_CORE_CQ_BASE_LO, 0x1010000);
        core_write(d, 1, SNNQ_CORE_SQ_SIZE, 8);
        core_write(d, 1, SNNQ_CORE_CQ_SIZE, 8);
        core_write(d, 1, bad[i].reg, bad[i].value);
        core_write(d, 1, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_ENABLE);
        g_assert_cmphex(core_read(d, 1, SNNQ_CORE_STATUS), ==, SNNQ_CORE_ST_HALTED);
        g_assert_cmphex(core_read(d, 1, SNNQ_CORE_ERROR), ==, SNNQ_CORE_ERR_RING);
        g_assert_cmphex(reg_read(d, SNNQ_REG_ERROR), ==, SNNQ_DEV_ERROR_CORE);
        g_assert_cmphex(reg_read(d, SNNQ_REG_ERROR_CORES), ==, 2);
        g_assert_true(vector_take(d, 0));
        core_write(d, 1, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
        reg_wait(d, SNNQ_CORE_BASE(1) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
        g_assert_cmphex(reg_read(d, SNNQ_REG_ERROR_CORES), ==, 0);
        reg_write(d, SNNQ_REG_ERROR, SNNQ_DEV_ERROR_CORE);
        g_assert_cmphex(reg_read(d, SNNQ_REG_ERROR), ==, 0);
    }
    device_close(d);
}

/* Several times around both rings, of different sizes. */
static void test_wrap(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);

    core_enable(d, 0, 4, 8);
    for (unsigned i = 0; i < 40; i++) {
        struct snnq_cq_entry record = net_run(d, 0, net, i, 1);

        g_assert_cmpuint(record.status, ==, SNNQ_STATUS_OK);
        g_assert_cmpuint(core_read(d, 0, SNNQ_CORE_SQ_HEAD), ==, (i + 1) % 4);
        g_assert_cmpuint(core_read(d, 0, SNNQ_CORE_CQ_TAIL), ==, (i + 1) % 8);
        g_assert_true(vector_take(d, 1));
    }
    net_check(d, net);
    net_free(net);
    device_close(d);
}

/* The device never overruns the completion ring. */
static void test_stall(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);
    struct snnq_cq_entry record;

    core_enable(d, 0, 8, 2);
    net_push(d, 0, net, 3);
    for (unsigned i = 0; i < 3; i++) {
        record = ring_pop(d, 0);
        g_assert_cmpuint(record.job_id, ==, 1 + i);
        vector_wait(d, 1);
        g_usleep(QUIET_US);
        g_assert_cmpuint(core_read(d, 0, SNNQ_CORE_CQ_TAIL), ==, (i + 1) % 2);
        g_assert_false(vector_take(d, 1));
        ring_ack(d, 0);
    }
    g_usleep(QUIET_US);
    g_assert_false(ring_peek(d, 0, &record));
    net_free(net);
    device_close(d);
}

/* What happened is in the status until it is acknowledged, message or not. */
static void test_interrupt_mask(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);

    core_enable(d, 0, 8, 8);
    reg_write(d, SNNQ_REG_INT_ENABLE, SNNQ_INT_ADMIN | SNNQ_INT_CORE(1));
    g_assert_cmpuint(net_run(d, 0, net, 0, 1).status, ==, SNNQ_STATUS_OK);
    reg_wait(d, SNNQ_REG_INT_STATUS, UINT32_MAX, SNNQ_INT_CORE(0));
    g_usleep(QUIET_US);
    g_assert_false(vector_take(d, 1));
    /* Nothing that came while it was masked is lost. */
    reg_write(d, SNNQ_REG_INT_ENABLE, UINT32_MAX);
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_ENABLE), ==, SNNQ_INT_ALL(CORES));
    if (on_pci()) {
        g_assert_true(vector_take(d, 1));
        /* Enabled already: no second one. */
        reg_write(d, SNNQ_REG_INT_ENABLE, UINT32_MAX);
        g_assert_false(vector_take(d, 1));
    } else {
        g_assert_true(line_asserted(d));
    }
    /* Ones clear, zeros keep. */
    reg_write(d, SNNQ_REG_INT_STATUS, SNNQ_INT_CORE(1) | SNNQ_INT_ADMIN);
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_STATUS), ==, SNNQ_INT_CORE(0));
    reg_write(d, SNNQ_REG_INT_STATUS, SNNQ_INT_CORE(0));
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_STATUS), ==, 0);
    /* Without an acknowledgement each event has its message. */
    for (unsigned i = 1; i < 3; i++) {
        g_assert_cmpuint(net_run(d, 0, net, i, 1).status, ==, SNNQ_STATUS_OK);
        if (on_pci()) {
            vector_wait(d, 1);
        }
    }
    /* The reset of a core takes back its own bit, that of the device all. */
    inject(d, SNNQ_INJECT_DEV_ERROR, SNNQ_DEV_ERROR_SENSOR);
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_STATUS), ==, SNNQ_INT_ADMIN | SNNQ_INT_CORE(0));
    core_write(d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    reg_wait(d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_STATUS), ==, SNNQ_INT_ADMIN);
    reg_write(d, SNNQ_REG_CONTROL, SNNQ_CONTROL_RESET);
    reg_wait(d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_STATUS), ==, 0);
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_ENABLE), ==, 0);
    net_check(d, net);
    net_free(net);
    device_close(d);
}

static void line_wait(Device *d)
{
    for (int ms = 0; ms < WAIT_MS && !line_asserted(d); ms++) {
        g_usleep(1000);
    }
    g_assert_true(line_asserted(d));
}

/* Without messages a line is asserted as long as something is neither masked nor acknowledged. */
static void test_interrupt_line(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);

    core_enable(d, 0, 8, 8);
    g_assert_cmpuint(net_run(d, 0, net, 0, 1).status, ==, SNNQ_STATUS_OK);
    if (on_pci()) {
        g_assert_cmphex(qpci_config_readb(d->pci, PCI_INTERRUPT_PIN), ==, 1);
        vector_wait(d, 1);
        g_assert_false(line_asserted(d));
        /* Not acknowledged, so the line has it when messages go. */
        qpci_msix_disable(d->pci);
    }
    line_wait(d);
    reg_write(d, SNNQ_REG_INT_STATUS, UINT32_MAX);
    g_assert_false(line_asserted(d));
    g_assert_cmpuint(net_run(d, 0, net, 1, 1).status, ==, SNNQ_STATUS_OK);
    line_wait(d);
    if (on_pci()) {
        g_assert_false(vector_take(d, 1));
    }
    reg_write(d, SNNQ_REG_INT_ENABLE, SNNQ_INT_ADMIN);
    g_assert_false(line_asserted(d));
    reg_write(d, SNNQ_REG_INT_ENABLE, SNNQ_INT_ALL(CORES));
    g_assert_true(line_asserted(d));
    /* Two events: the line falls with the second. */
    inject(d, SNNQ_INJECT_DEV_ERROR, SNNQ_DEV_ERROR_SENSOR);
    reg_write(d, SNNQ_REG_INT_STATUS, SNNQ_INT_CORE(0));
    g_assert_true(line_asserted(d));
    reg_write(d, SNNQ_REG_INT_STATUS, SNNQ_INT_ADMIN);
    g_assert_false(line_asserted(d));
    /* Acknowledged before its record is read: one that comes between is not lost. */
    net_push(d, 0, net, 2);
    line_wait(d);
    reg_write(d, SNNQ_REG_INT_STATUS, SNNQ_INT_CORE(0));
    ring_pop(d, 0);
    ring_pop(d, 0);
    ring_ack(d, 0);
    /* A lost interrupt leaves no trace; its record is there all the same. */
    g_usleep(QUIET_US);
    reg_write(d, SNNQ_REG_INT_STATUS, UINT32_MAX);
    inject(d, SNNQ_INJECT_LOST_IRQ, 1);
    net_push(d, 0, net, 1);
    ring_pop(d, 0);
    g_usleep(QUIET_US);
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_STATUS), ==, 0);
    g_assert_false(line_asserted(d));
    inject(d, SNNQ_INJECT_SPURIOUS, 1);
    g_assert_true(line_asserted(d));
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'qom-set', 'arguments': { 'path': "
                             "'/machine/peripheral/snnq', 'property': 'inject-vanish', "
                             "'value': 1 } }");
    g_assert_false(line_asserted(d));
    net_free(net);
    device_close(d);
}

/* Off, the device takes nothing and keeps nothing; on, it is as after a reset. */
static void test_power(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);
    struct snnq_cq_entry record;

    g_assert_cmphex(reg_read(d, SNNQ_REG_CAP_FEATURES) & SNNQ_FEATURE_POWER_OFF, !=, 0);
    g_assert_cmpuint(reg_read(d, SNNQ_REG_RESET_TIME), ==, 1000);
    core_enable(d, 0, 8, 8);
    g_assert_cmpuint(net_run(d, 0, net, 0, 1).status, ==, SNNQ_STATUS_OK);
    vector_wait(d, 1);
    reg_write(d, SNNQ_REG_POWER_STATE, 2);
    g_assert_cmphex(reg_read(d, SNNQ_REG_POWER_STATE), ==, SNNQ_POWER_STATE_ON);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CONTROL), ==, SNNQ_CONTROL_ENABLE);
    reg_write(d, SNNQ_REG_POWER_STATE, SNNQ_POWER_STATE_OFF);
    reg_wait(d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
    g_assert_cmphex(reg_read(d, SNNQ_REG_STATUS), ==, 0);
    g_assert_cmphex(reg_read(d, SNNQ_REG_ID), ==, SNNQ_ID);
    reg_write(d, SNNQ_REG_CONTROL, SNNQ_CONTROL_ENABLE);
    reg_write(d, SNNQ_REG_INT_ENABLE, UINT32_MAX);
    core_write(d, 0, SNNQ_CORE_SQ_SIZE, 8);
    net_push(d, 0, net, 1);
    g_usleep(QUIET_US);
    g_assert_false(ring_peek(d, 0, &record));
    reg_write(d, SNNQ_REG_POWER_STATE, SNNQ_POWER_STATE_ON);
    reg_wait(d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);
    g_assert_cmphex(reg_read(d, SNNQ_REG_CONTROL), ==, 0);
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_STATUS), ==, 0);
    g_assert_cmphex(reg_read(d, SNNQ_REG_INT_ENABLE), ==, 0);
    g_assert_cmphex(core_read(d, 0, SNNQ_CORE_SQ_SIZE), ==, 0);
    reg_write(d, SNNQ_REG_CONTROL, SNNQ_CONTROL_ENABLE);
    core_enable(d, 0, 8, 8);
    g_assert_cmpuint(net_run(d, 0, net, 1, 1).status, ==, SNNQ_STATUS_OK);
    net_check(d, net);
    net_free(net);
    device_close(d);
}

/* Entries wait until the device as a whole is enabled. */
static void test_device_enable(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);
    struct snnq_cq_entry record;

    reg_write(d, SNNQ_REG_CONTROL, 0);
    core_enable(d, 0, 8, 8);
    net_push(d, 0, net, 1);
    g_usleep(QUIET_US);
    g_assert_false(ring_peek(d, 0, &record));
    reg_write(d, SNNQ_REG_CONTROL, SNNQ_CONTROL_ENABLE);
    ring_pop(d, 0);
    net_free(net);
    device_close(d);
}

static void test_doorbell_range(void)
{
    static const uint32_t doorbells[] = { SNNQ_CORE_SQ_TAIL, SNNQ_CORE_CQ_HEAD };
    static const uint32_t values[] = { 8, UINT32_MAX };
    Device *d = device_boot("");
    Net *net = net_new(d, 3);

    core_enable(d, 1, 8, 8);
    for (unsigned i = 0; i < 4; i++) {
        core_enable(d, 0, 8, 8);
        core_write(d, 0, doorbells[i / 2], values[i % 2]);
        g_assert_cmphex(core_read(d, 0, SNNQ_CORE_STATUS), ==,
                        SNNQ_CORE_ST_ENABLED | SNNQ_CORE_ST_HALTED);
        g_assert_cmphex(core_read(d, 0, SNNQ_CORE_ERROR), ==, SNNQ_CORE_ERR_DOORBELL);
        g_assert_cmphex(reg_read(d, SNNQ_REG_ERROR_CORES), ==, 1);
        g_assert_true(vector_take(d, 0));
        /* Halted: good doorbells do nothing; the other core goes on. */
        net_push(d, 0, net, 1);
        g_assert_cmpuint(net_run(d, 1, net, i, 1).status, ==, SNNQ_STATUS_OK);
        g_assert_cmpuint(core_read(d, 0, SNNQ_CORE_SQ_HEAD), ==, 0);
        core_write(d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
        reg_wait(d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
    }
    net_check(d, net);
    net_free(net);
    device_close(d);
}

/* A ring that does not answer halts its core: submissions, then completions. */
static void test_ring_dma(void)
{
    static const uint32_t base[] = { SNNQ_CORE_SQ_BASE_LO, SNNQ_CORE_CQ_BASE_LO };
    Device *d = device_boot("");
    Net *net = net_new(d, 3);

    for (unsigned i = 0; i < 2; i++) {
        uint64_t rings = memory_alloc(d, SNNQ_PAGE_BYTES);

        d->ring[i] = (Ring) { .sq = rings, .sq_size = 8 };
        core_write(d, i, base[0], rings);
        core_write(d, i, base[1], rings + 2048);
        core_write(d, i, base[i], HOLE);
        core_write(d, i, SNNQ_CORE_SQ_SIZE, 8);
        core_write(d, i, SNNQ_CORE_CQ_SIZE, 8);
        core_write(d, i, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_ENABLE);
        net_push(d, i, net, 1);
        reg_wait(d, SNNQ_CORE_BASE(i) + SNNQ_CORE_STATUS, SNNQ_CORE_ST_HALTED,
                 SNNQ_CORE_ST_HALTED);
        g_assert_cmphex(core_read(d, i, SNNQ_CORE_ERROR), ==, SNNQ_CORE_ERR_DMA);
        vector_wait(d, 0);
    }
    net_free(net);
    device_close(d);
}

static void test_coalesce(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);

    core_enable(d, 0, 16, 16);
    /* By count: three records, one interrupt. */
    core_write(d, 0, SNNQ_CORE_COALESCE, 500 << 16 | 3);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_false(vector_take(d, 1));
        net_push(d, 0, net, 1);
        ring_pop(d, 0);
    }
    vector_wait(d, 1);
    /* By time: one record, after 500 microseconds and not before. */
    net_push(d, 0, net, 1);
    ring_pop(d, 0);
    reg_wait(d, SNNQ_CORE_BASE(0) + SNNQ_CORE_CQ_TAIL, UINT32_MAX, 4);
    qtest_clock_step(d->qts, 499 * 1000);
    g_assert_false(vector_take(d, 1));
    qtest_clock_step(d->qts, 2 * 1000);
    vector_wait(d, 1);
    /* Switched off with a record pending: now. */
    net_push(d, 0, net, 1);
    ring_pop(d, 0);
    reg_wait(d, SNNQ_CORE_BASE(0) + SNNQ_CORE_CQ_TAIL, UINT32_MAX, 5);
    g_assert_false(vector_take(d, 1));
    core_write(d, 0, SNNQ_CORE_COALESCE, 0);
    g_assert_true(vector_take(d, 1));
    net_free(net);
    device_close(d);
}

/* A full ring interrupts at once, whatever the coalescing. */
static void test_coalesce_full(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);

    core_enable(d, 0, 16, 4);
    core_write(d, 0, SNNQ_CORE_COALESCE, 0xffffffff);
    net_push(d, 0, net, 3);
    vector_wait(d, 1);
    g_assert_cmpuint(core_read(d, 0, SNNQ_CORE_CQ_TAIL), ==, 3);
    net_free(net);
    device_close(d);
}

static void test_vectors(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);

    for (unsigned core = 0; core < CORES; core++) {
        core_enable(d, core, 8, 8);
        net_push(d, core, net, 1);
        ring_pop(d, core);
        vector_wait(d, 1 + core);
        for (unsigned v = 0; v <= CORES; v++) {
            g_assert_false(vector_take(d, v));
        }
    }
    for (unsigned v = 0; v <= CORES; v++) {
        inject(d, SNNQ_INJECT_SPURIOUS, v);
        g_assert_true(vector_take(d, v));
    }
    inject(d, SNNQ_INJECT_SPURIOUS, CORES + 1);
    inject(d, SNNQ_INJECT_LOST_IRQ, 1);
    net_push(d, 0, net, 1);
    ring_pop(d, 0);
    reg_wait(d, SNNQ_INJECT_REG(SNNQ_INJECT_LOST_IRQ), UINT32_MAX, 0);
    g_assert_false(vector_take(d, 1));
    inject(d, SNNQ_INJECT_DEV_ERROR, SNNQ_DEV_ERROR_SENSOR);
    g_assert_true(vector_take(d, 0));
    g_assert_cmphex(reg_read(d, SNNQ_REG_ERROR), ==, SNNQ_DEV_ERROR_SENSOR);
    net_free(net);
    device_close(d);
}

void add_ring_tests(void)
{
    qtest_add_func("/snnq/ring/interrupt-mask", test_interrupt_mask);
    qtest_add_func("/snnq/ring/interrupt-line", test_interrupt_line);
    qtest_add_func("/snnq/ring/power", test_power);
    qtest_add_func("/snnq/ring/bring-up", test_bring_up);
    qtest_add_func("/snnq/ring/wrap", test_wrap);
    qtest_add_func("/snnq/ring/stall", test_stall);
    qtest_add_func("/snnq/ring/device-enable", test_device_enable);
    qtest_add_func("/snnq/ring/doorbell-range", test_doorbell_range);
    qtest_add_func("/snnq/ring/dma-error", test_ring_dma);
    qtest_add_func("/snnq/irq/coalesce", test_coalesce);
    qtest_add_func("/snnq/irq/coalesce-full", test_coalesce_full);
    qtest_add_func("/snnq/irq/vectors", test_vectors);
}
