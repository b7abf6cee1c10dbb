/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How running jobs end early: cancel, resets, stopped machine, unplug. */
#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qobject/qdict.h"
#include "snnq.h"

typedef struct Fixture {
    Device *d;
    Net *net[CORES];
} Fixture;

static Fixture setup(void)
{
    Fixture f = { .d = device_boot("") };

    nets_new(f.d, f.net);
    return f;
}

static void teardown(Fixture *f)
{
    nets_free(f->net);
    device_close(f->d);
}

/* Submit a job that hangs before layer 1, and wait until it does. */
static uint32_t hang(Fixture *f, unsigned core, unsigned level)
{
    struct snnq_sq_entry entry = net_entry(f->d, f->net[core], 0, 8);

    inject(f->d, SNNQ_INJECT_HANG_LEVEL, level);
    inject(f->d, SNNQ_INJECT_HANG_LAYER, 1);
    inject(f->d, SNNQ_INJECT_HANG_COUNT, 1);
    ring_push(f->d, core, &entry);
    reg_wait(f->d, SNNQ_INJECT_REG(SNNQ_INJECT_HANG_COUNT), UINT32_MAX, 0);
    g_assert_true(core_read(f->d, core, SNNQ_CORE_STATUS) & SNNQ_CORE_ST_BUSY);
    return entry.job_id;
}

static void test_cancel_running(void)
{
    Fixture f = setup();
    uint32_t id = hang(&f, 0, SNNQ_INJECT_HANG_UNTIL_CANCEL);
    struct snnq_cq_entry record;

    core_write(f.d, 0, SNNQ_CORE_CANCEL, id + 100);
    g_assert_cmpuint(net_run(f.d, 1, f.net[1], 0, 4).status, ==, SNNQ_STATUS_OK);
    g_assert_false(ring_peek(f.d, 0, &record));
    core_write(f.d, 0, SNNQ_CORE_CANCEL, id);
    record = ring_pop(f.d, 0);
    ring_ack(f.d, 0);
    g_assert_cmpuint(record.job_id, ==, id);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_CANCELLED);
    nets_run(f.d, f.net);
    teardown(&f);
}

/* Cancelled before it ran; the one behind it runs, though its id was written too. */
static void test_cancel_next(void)
{
    Fixture f = setup();
    uint32_t id = hang(&f, 0, SNNQ_INJECT_HANG_UNTIL_CANCEL);
    struct snnq_sq_entry entry;
    struct snnq_cq_entry record;

    for (unsigned i = 1; i < 3; i++) {
        entry = net_entry(f.d, f.net[0], 0, 8);
        g_assert_cmpuint(entry.job_id, ==, id + i);
        ring_push(f.d, 0, &entry);
    }
    core_write(f.d, 0, SNNQ_CORE_CANCEL, id + 2);
    core_write(f.d, 0, SNNQ_CORE_CANCEL, id + 1);
    core_write(f.d, 0, SNNQ_CORE_CANCEL, id);
    record = ring_pop(f.d, 0);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_CANCELLED);
    record = ring_pop(f.d, 0);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_CANCELLED);
    g_assert_cmpuint(record.job_id, ==, id + 1);
    record = ring_pop(f.d, 0);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_OK);
    net_advance(f.net[0], 0, 8);
    net_check(f.d, f.net[0]);
    teardown(&f);
}

/* An id that is not next when the next entry is fetched is forgotten. */
static void test_cancel_later(void)
{
    Fixture f = setup();
    uint32_t id = hang(&f, 0, SNNQ_INJECT_HANG_UNTIL_CANCEL);

    for (unsigned i = 1; i < 3; i++) {
        struct snnq_sq_entry entry = net_entry(f.d, f.net[0], 0, 8);

        entry.flags = SNNQ_SQ_FLAG_RESET;
        ring_push(f.d, 0, &entry);
    }
    core_write(f.d, 0, SNNQ_CORE_CANCEL, id + 2);
    core_write(f.d, 0, SNNQ_CORE_CANCEL, id);
    g_assert_cmpuint(ring_pop(f.d, 0).status, ==, SNNQ_STATUS_CANCELLED);
    g_assert_cmpuint(ring_pop(f.d, 0).status, ==, SNNQ_STATUS_OK);
    g_assert_cmpuint(ring_pop(f.d, 0).status, ==, SNNQ_STATUS_OK);
    teardown(&f);
}

/* A hang that ignores cancel: the core's reset ends it, and nothing is reported. */
static void test_core_reset(void)
{
    Fixture f = setup();
    uint32_t id = hang(&f, 0, SNNQ_INJECT_HANG_UNTIL_CORE_RESET);
    struct snnq_cq_entry record;

    core_write(f.d, 0, SNNQ_CORE_CANCEL, id);
    g_usleep(QUIET_US);
    g_assert_false(ring_peek(f.d, 0, &record));
    core_write(f.d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    reg_wait(f.d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, SNNQ_CORE_ST_RESETTING, 0);
    g_assert_false(ring_peek(f.d, 0, &record));
    for (uint32_t reg = 0; reg < 0x60; reg += 4) {
        g_assert_cmphex(core_read(f.d, 0, reg), ==, 0);
    }
    g_assert_true(core_read(f.d, 1, SNNQ_CORE_STATUS) & SNNQ_CORE_ST_ENABLED);
    core_enable(f.d, 0, 4, 4);
    nets_run(f.d, f.net);
    teardown(&f);
}

static void test_device_reset(void)
{
    Fixture f = setup();
    struct snnq_cq_entry record;

    for (unsigned i = 0; i < CORES; i++) {
        hang(&f, i, SNNQ_INJECT_HANG_UNTIL_DEVICE_RESET);
    }
    core_write(f.d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    g_usleep(QUIET_US);
    g_assert_true(core_read(f.d, 0, SNNQ_CORE_STATUS) & SNNQ_CORE_ST_RESETTING);
    reg_write(f.d, SNNQ_REG_CONTROL, SNNQ_CONTROL_RESET);
    reg_wait(f.d, SNNQ_REG_STATUS, SNNQ_DEV_STATUS_READY, SNNQ_DEV_STATUS_READY);
    g_assert_cmphex(reg_read(f.d, SNNQ_REG_CONTROL), ==, 0);
    for (unsigned i = 0; i < CORES; i++) {
        g_assert_cmphex(core_read(f.d, i, SNNQ_CORE_STATUS), ==, 0);
        g_assert_false(ring_peek(f.d, i, &record));
        g_assert_false(vector_take(f.d, 1 + i));
        core_enable(f.d, i, 8, 8);
    }
    device_enable(f.d);
    nets_run(f.d, f.net);
    teardown(&f);
}

/* The machine resets while jobs hang that only the device's reset ends. */
static void test_system_reset(void)
{
    Fixture f = setup();

    for (unsigned i = 0; i < CORES; i++) {
        hang(&f, i, SNNQ_INJECT_HANG_UNTIL_DEVICE_RESET);
    }
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(f.d->qts, "RESET");
    device_bring_up(f.d);
    for (unsigned i = 0; i < CORES; i++) {
        g_assert_cmphex(core_read(f.d, i, SNNQ_CORE_STATUS), ==, 0);
        core_enable(f.d, i, 8, 8);
    }
    nets_run(f.d, f.net);
    teardown(&f);
}

/* A stopped machine: the job goes no further, and ends right after. */
static void test_machine_stop(void)
{
    Fixture f = setup();
    struct snnq_sq_entry entry = net_entry(f.d, f.net[0], 0, NET_STEPS);
    struct snnq_cq_entry record;
    uint64_t progress;

    inject(f.d, SNNQ_INJECT_SLOW_NS, 30 * 1000 * 1000);
    ring_push(f.d, 0, &entry);
    while (!qtest_readq(f.d->qts, f.d->progress)) {
        g_usleep(1000);
    }
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'stop'}");
    progress = qtest_readq(f.d->qts, f.d->progress);
    g_usleep(4 * QUIET_US);
    g_assert_cmpuint(qtest_readq(f.d->qts, f.d->progress), ==, progress);
    g_assert_false(ring_peek(f.d, 0, &record));
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'cont'}");
    record = ring_pop(f.d, 0);
    assert_record(&record, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0);
    net_advance(f.net[0], 0, NET_STEPS);
    net_check(f.d, f.net[0]);
    teardown(&f);
}

static void test_vanish(void)
{
    Fixture f = setup();
    struct snnq_cq_entry record;

    hang(&f, 0, SNNQ_INJECT_HANG_UNTIL_DEVICE_RESET);
    inject(f.d, SNNQ_INJECT_VANISH, 1);
    g_assert_cmphex(reg_read(f.d, SNNQ_REG_ID), ==, UINT32_MAX);
    g_assert_cmphex(core_read(f.d, 1, SNNQ_CORE_STATUS), ==, UINT32_MAX);
    inject(f.d, SNNQ_INJECT_VANISH, 0);
    g_assert_cmphex(reg_read(f.d, SNNQ_REG_STATUS), ==, UINT32_MAX);
    g_usleep(QUIET_US);
    for (unsigned i = 0; i < CORES; i++) {
        g_assert_false(ring_peek(f.d, i, &record));
        g_assert_false(vector_take(f.d, i));
    }
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'qom-set', 'arguments': {'path': "
                             "'/machine/peripheral/snnq', 'property': 'inject-vanish', "
                             "'value': 0}}");
    reg_wait(f.d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);
    teardown(&f);
}

/* Jobs that hang, run slowly and wait in the ring, when the device is taken out. */
static void test_unplug(void)
{
    Fixture f = setup();
    struct snnq_sq_entry entry;

    hang(&f, 0, SNNQ_INJECT_HANG_UNTIL_DEVICE_RESET);
    inject(f.d, SNNQ_INJECT_SLOW_NS, 20 * 1000 * 1000);
    for (unsigned i = 0; i < 4; i++) {
        entry = net_entry(f.d, f.net[1], 0, NET_STEPS);
        ring_push(f.d, 1, &entry);
    }
    qpci_unplug_acpi_device_test(f.d->qts, "snnq", 4);
    g_assert_cmphex(qpci_config_readl(f.d->pci, PCI_VENDOR_ID), ==, UINT32_MAX);
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'device_add', 'arguments': "
                             "{'driver': 'snnq-pci', 'id': 'again', 'addr': '4'}}");
    g_assert_cmphex(qpci_config_readw(f.d->pci, PCI_DEVICE_ID), ==, SNNQ_PCI_DEVICE_ID);
    teardown(&f);
}

/* Bus mastering off: what the job does next fails, and so does its record. */
static void test_master_off(void)
{
    Fixture f = setup();
    uint16_t command = qpci_config_readw(f.d->pci, PCI_COMMAND);
    uint32_t id = hang(&f, 0, SNNQ_INJECT_HANG_UNTIL_CANCEL);

    qpci_config_writew(f.d->pci, PCI_COMMAND, command & ~PCI_COMMAND_MASTER);
    core_write(f.d, 0, SNNQ_CORE_CANCEL, id);
    reg_wait(f.d, SNNQ_CORE_BASE(0) + SNNQ_CORE_ERROR, UINT32_MAX, SNNQ_CORE_ERR_DMA);
    qpci_config_writew(f.d->pci, PCI_COMMAND, command);
    core_write(f.d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    reg_wait(f.d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
    core_enable(f.d, 0, 8, 8);
    nets_run(f.d, f.net);
    teardown(&f);
}

/* Attention of all positions on each other, for minutes, as the first of two layers. */
static struct snnq_sq_entry long_entry(Fixture *f)
{
    enum { SIDE = 512, BYTES = SIDE * SIDE * CHANNELS / 8 };
    Net *net = f->net[0];
    struct snnq_layer *l = net->program.layer;
    struct snnq_sq_entry entry;

    l[0].in[0].height = l[0].in[0].width = SIDE;
    l[0] = (struct snnq_layer) {
        .op = SNNQ_OP_ATTENTION, .param = 1, .in = { l[0].in[0], l[0].in[0], l[0].in[0] },
        .out = l[0].in[0],
    };
    l[0].out.region = SNNQ_REGION_SCRATCH;
    l[1].in[0] = l[0].out;
    net->program.header.max_steps = net->program.header.tile_steps = 1;
    net->program.header.scratch_step_bytes = net->program.region[1].step_bytes = BYTES;
    net->program.header.table_count = 0;
    net->program.header.total_bytes -= sizeof(net->program.threshold);
    net_program(f->d, net);
    for (unsigned i = SNNQ_REGION_SCRATCH; i <= NET_INPUT; i += NET_INPUT - SNNQ_REGION_SCRATCH) {
        region_free(&net->region[i]);
        net->region[i] = region_new(f->d, 0, BYTES, SNNQ_ACCESS_READ | SNNQ_ACCESS_WRITE);
    }
    entry = net_entry(f->d, net, 0, 1);
    entry.program_bytes = net->program.header.total_bytes;
    return entry;
}

static void await_progress(Fixture *f)
{
    uint64_t before = qtest_readq(f->d->qts, f->d->progress);

    for (int ms = 0; qtest_readq(f->d->qts, f->d->progress) <= before; ms++) {
        g_assert_cmpint(ms, <, 60000);
        g_usleep(1000);
    }
}

/* A layer that takes long shows progress, and ends at once when it is told to. */
static void test_long_layer(void)
{
    Fixture f = setup();
    struct snnq_sq_entry entry = long_entry(&f);

    ring_push(f.d, 0, &entry);
    for (int i = 0; i < 3; i++) {
        await_progress(&f);
    }
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'stop'}");
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'cont'}");
    await_progress(&f);
    core_write(f.d, 0, SNNQ_CORE_CANCEL, entry.job_id);
    g_assert_cmpuint(ring_pop(f.d, 0).status, ==, SNNQ_STATUS_CANCELLED);
    ring_ack(f.d, 0);

    qtest_writeq(f.d->qts, f.d->progress, 0);
    ring_push(f.d, 0, &entry);
    await_progress(&f);
    core_write(f.d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    reg_wait(f.d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, SNNQ_CORE_ST_RESETTING, 0);

    core_enable(f.d, 0, 8, 8);
    qtest_writeq(f.d->qts, f.d->progress, 0);
    ring_push(f.d, 0, &entry);
    await_progress(&f);
    reg_write(f.d, SNNQ_REG_CONTROL, SNNQ_CONTROL_RESET);
    reg_wait(f.d, SNNQ_REG_STATUS, SNNQ_DEV_STATUS_READY, SNNQ_DEV_STATUS_READY);
    teardown(&f);
}

void add_end_tests(void)
{
    qtest_add_func("/snnq/end/cancel-running", test_cancel_running);
    qtest_add_func("/snnq/end/cancel-next", test_cancel_next);
    qtest_add_func("/snnq/end/cancel-later", test_cancel_later);
    qtest_add_func("/snnq/end/core-reset", test_core_reset);
    qtest_add_func("/snnq/end/device-reset", test_device_reset);
    qtest_add_func("/snnq/end/system-reset", test_system_reset);
    qtest_add_func("/snnq/end/machine-stop", test_machine_stop);
    qtest_add_func("/snnq/end/long-layer", test_long_layer);
    qtest_add_func("/snnq/end/vanish", test_vanish);
    if (on_pci()) {
        qtest_add_func("/snnq/end/unplug", test_unplug);
        qtest_add_func("/snnq/end/master-off", test_master_off);
    }
}
