/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Injected faults: each does what it says, as often as it says, to the cores it says. */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "snnq.h"

#define LATE_US         500

typedef struct Fixture {
    Device *d;
    Net *net;
} Fixture;

/* What a job leaves behind. */
typedef struct Result {
    int32_t sum[CHANNELS], potential[CHANNELS];
} Result;

static Fixture setup(void)
{
    Fixture f = { .d = device_boot("") };

    f.net = net_new(f.d, 5);
    cores_enable(f.d);
    return f;
}

/* Whatever was injected is over: both cores compute the right thing. */
static void teardown(Fixture *f)
{
    for (unsigned i = 0; i < CORES; i++) {
        g_assert_cmpuint(net_run(f->d, i, f->net, 0, 7).status, ==, SNNQ_STATUS_OK);
        net_check(f->d, f->net);
    }
    net_free(f->net);
    device_close(f->d);
}

static uint32_t injected(Fixture *f, unsigned index)
{
    return reg_read(f->d, SNNQ_INJECT_REG(index));
}

static void core_reset(Fixture *f, unsigned core)
{
    core_write(f->d, core, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    reg_wait(f->d, SNNQ_CORE_BASE(core) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
}

static void step_us(Fixture *f, unsigned us)
{
    qtest_clock_step(f->d->qts, us * 1000ll);
}

/* Run steps 0 to 8 from the current state, which stays the current one. */
static Result run_again(Fixture *f)
{
    struct snnq_sq_entry entry = net_entry(f->d, f->net, 0, 8);
    struct snnq_cq_entry record;
    Result r;

    ring_push(f->d, 0, &entry);
    record = ring_pop(f->d, 0);
    ring_ack(f->d, 0);
    assert_record(&record, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0);
    region_read(f->d, &f->net->region[NET_READOUT], 0, r.sum, sizeof(r.sum));
    region_read(f->d, &f->net->region[!f->net->flipped], sizeof(struct snnq_state_header),
                r.potential, sizeof(r.potential));
    return r;
}

/* With one bit flipped exactly one neuron differs, once. */
static void check_flip(Fixture *f, unsigned index, uint32_t bit, unsigned neuron)
{
    Result good = run_again(f), bad, again;

    inject(f->d, SNNQ_INJECT_CORES, 2);
    inject(f->d, index, bit + 1);
    again = run_again(f);
    g_assert_cmpmem(&again, sizeof(again), &good, sizeof(good));
    inject(f->d, SNNQ_INJECT_CORES, UINT32_MAX);
    bad = run_again(f);
    for (unsigned i = 0; i < CHANNELS; i++) {
        g_assert_true((bad.potential[i] == good.potential[i] &&
                       bad.sum[i] == good.sum[i]) == (i != neuron));
    }
    g_assert_cmpuint(injected(f, index), ==, 0);
    again = run_again(f);
    g_assert_cmpmem(&again, sizeof(again), &good, sizeof(good));
}

static void test_flip_weights(void)
{
    Fixture f = setup();
    unsigned input = ctz64(f.net->input[7]), neuron = 11;

    g_assert_cmpuint(net_run(f.d, 0, f.net, 0, 8).status, ==, SNNQ_STATUS_OK);
    check_flip(&f, SNNQ_INJECT_FLIP_WEIGHTS, (input * CHANNELS + neuron) * 8 + 6, neuron);
    teardown(&f);
}

static void test_flip_state(void)
{
    Fixture f = setup();
    unsigned neuron = 37;

    g_assert_cmpuint(net_run(f.d, 0, f.net, 0, 8).status, ==, SNNQ_STATUS_OK);
    check_flip(&f, SNNQ_INJECT_FLIP_STATE, neuron * 32 + 30, neuron);
    teardown(&f);
}

/* The phase says that the record is there; the rest is there later. */
static void test_torn_record(void)
{
    Fixture f = setup();
    struct snnq_cq_entry record;
    uint32_t id = f.d->next_id;

    inject(f.d, SNNQ_INJECT_TORN_RECORD, LATE_US);
    net_push(f.d, 0, f.net, 1);
    vector_wait(f.d, 1);
    g_assert_true(ring_peek(f.d, 0, &record));
    g_assert_cmpuint(record.job_id, ==, 0);
    step_us(&f, LATE_US - 1);
    g_assert_true(ring_peek(f.d, 0, &record));
    g_assert_cmpuint(record.job_id, ==, 0);
    step_us(&f, 1);
    record = ring_pop(f.d, 0);
    g_assert_cmpuint(record.job_id, ==, id);
    g_assert_cmpuint(record.steps, ==, 1);
    assert_record(&record, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0);
    ring_ack(f.d, 0);
    teardown(&f);
}

static void test_lost_doorbell(void)
{
    Fixture f = setup();
    struct snnq_cq_entry record;

    inject(f.d, SNNQ_INJECT_CORES, 1);
    inject(f.d, SNNQ_INJECT_LOST_DOORBELL, 2);
    net_push(f.d, 0, f.net, 2);
    net_push(f.d, 1, f.net, 1);
    ring_pop(f.d, 1);
    ring_ack(f.d, 1);
    g_usleep(QUIET_US);
    g_assert_false(ring_peek(f.d, 0, &record));
    g_assert_cmpuint(core_read(f.d, 0, SNNQ_CORE_SQ_TAIL), ==, 0);
    g_assert_cmpuint(injected(&f, SNNQ_INJECT_LOST_DOORBELL), ==, 0);
    core_write(f.d, 0, SNNQ_CORE_SQ_TAIL, 2);
    ring_pop(f.d, 0);
    ring_pop(f.d, 0);
    ring_ack(f.d, 0);
    teardown(&f);
}

static void test_ring_error(void)
{
    Fixture f = setup();
    struct snnq_cq_entry record;

    for (uint32_t ring = SNNQ_INJECT_RING_SUBMISSION; ring <= SNNQ_INJECT_RING_COMPLETION;
         ring++) {
        inject(f.d, SNNQ_INJECT_RING_ERROR, ring);
        net_push(f.d, 0, f.net, 1);
        reg_wait(f.d, SNNQ_CORE_BASE(0) + SNNQ_CORE_ERROR, UINT32_MAX, SNNQ_CORE_ERR_DMA);
        g_assert_cmphex(core_read(f.d, 0, SNNQ_CORE_STATUS), ==,
                        SNNQ_CORE_ST_ENABLED | SNNQ_CORE_ST_HALTED);
        g_assert_false(ring_peek(f.d, 0, &record));
        g_assert_cmpuint(injected(&f, SNNQ_INJECT_RING_ERROR), ==, 0);
        g_assert_cmphex(core_read(f.d, 1, SNNQ_CORE_STATUS), ==, SNNQ_CORE_ST_ENABLED);
        core_reset(&f, 0);
        core_enable(f.d, 0, 8, 8);
    }
    teardown(&f);
}

/* Resets that do not end, until the next stronger one, or until they may. */
static void test_stuck_reset(void)
{
    Fixture f = setup();

    inject(f.d, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_CORE);
    core_write(f.d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    g_usleep(QUIET_US);
    g_assert_true(core_read(f.d, 0, SNNQ_CORE_STATUS) & SNNQ_CORE_ST_RESETTING);
    g_assert_cmpuint(net_run(f.d, 1, f.net, 0, 4).status, ==, SNNQ_STATUS_OK);
    reg_write(f.d, SNNQ_REG_CONTROL, SNNQ_CONTROL_RESET);
    reg_wait(f.d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);

    inject(f.d, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_DEVICE);
    reg_write(f.d, SNNQ_REG_CONTROL, SNNQ_CONTROL_RESET);
    g_usleep(QUIET_US);
    g_assert_cmphex(reg_read(f.d, SNNQ_REG_STATUS), ==, 0);
    inject(f.d, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_NONE);
    reg_wait(f.d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);

    device_enable(f.d);
    cores_enable(f.d);
    teardown(&f);
}

/* Each capability register, all of them, and none again. */
static void test_capability(void)
{
    Fixture f = setup();
    unsigned words = SNNQ_REG_CAP_END / 4;
    uint32_t good[SNNQ_REG_CAP_END / 4];

    for (unsigned i = 0; i < words; i++) {
        good[i] = reg_read(f.d, 4 * i);
    }
    inject(f.d, SNNQ_INJECT_CAP_VALUE, 0xdead);
    for (unsigned wrong = 0; wrong <= words; wrong++) {
        inject(f.d, SNNQ_INJECT_CAPABILITY, wrong);
        for (unsigned i = 0; i < words; i++) {
            g_assert_cmphex(reg_read(f.d, 4 * i), ==, i + 1 == wrong ? 0xdead : good[i]);
        }
    }
    inject(f.d, SNNQ_INJECT_CAPABILITY, SNNQ_INJECT_CAP_ALL);
    for (unsigned i = 0; i < words; i++) {
        g_assert_cmphex(reg_read(f.d, 4 * i), ==,
                        4 * i > SNNQ_REG_VERSION ? 0xdead : good[i]);
    }
    inject(f.d, SNNQ_INJECT_CAPABILITY, SNNQ_INJECT_CAP_ALL + 1);
    g_assert_cmpuint(injected(&f, SNNQ_INJECT_CAPABILITY), ==, SNNQ_INJECT_CAP_ALL);
    inject(f.d, SNNQ_INJECT_CAPABILITY, 0);
    g_assert_cmphex(reg_read(f.d, SNNQ_REG_CAP_CORES), ==, CORES);
    teardown(&f);
}

/* A reset without a job has nothing to tell; one with a job tells of it, too late. */
static void test_late_record(void)
{
    Fixture f = setup();
    struct snnq_cq_entry record;
    uint32_t id;

    inject(f.d, SNNQ_INJECT_LATE_RECORD, LATE_US);
    core_reset(&f, 1);
    step_us(&f, LATE_US);
    g_assert_false(ring_peek(f.d, 1, &record));
    g_assert_cmpuint(injected(&f, SNNQ_INJECT_LATE_RECORD), ==, LATE_US);
    core_enable(f.d, 1, 8, 8);

    inject(f.d, SNNQ_INJECT_HANG_LAYER, 0);
    id = f.d->next_id;
    net_push(f.d, 0, f.net, 1);
    reg_wait(f.d, SNNQ_INJECT_REG(SNNQ_INJECT_HANG_COUNT), UINT32_MAX, 0);
    inject(f.d, SNNQ_INJECT_HANG_LAYER, SNNQ_INJECT_OFF);
    core_reset(&f, 0);
    step_us(&f, LATE_US - 1);
    g_assert_false(ring_peek(f.d, 0, &record));
    g_assert_false(vector_take(f.d, 1));
    step_us(&f, 1);
    g_assert_true(vector_take(f.d, 1));
    g_assert_true(ring_peek(f.d, 0, &record));
    g_assert_cmpuint(record.job_id, ==, id);
    g_assert_cmpuint(injected(&f, SNNQ_INJECT_LATE_RECORD), ==, 0);
    core_enable(f.d, 0, 8, 8);
    teardown(&f);
}

static void test_storm(void)
{
    enum { COUNT = 50, PERIOD_US = 20 };
    Fixture f = setup();

    for (unsigned vector = 0; vector <= CORES; vector++) {
        unsigned seen = 0;

        inject(f.d, SNNQ_INJECT_STORM_VECTOR, vector);
        inject(f.d, SNNQ_INJECT_STORM_NS, PERIOD_US * 1000);
        inject(f.d, SNNQ_INJECT_STORM, COUNT);
        for (unsigned i = 0; i < COUNT; i++) {
            step_us(&f, PERIOD_US - 1);
            g_assert_false(vector_take(f.d, vector));
            step_us(&f, 1);
            seen += vector_take(f.d, vector);
        }
        g_assert_cmpuint(seen, ==, COUNT);
        step_us(&f, 10 * PERIOD_US);
        g_assert_false(vector_take(f.d, vector));
        g_assert_cmpuint(injected(&f, SNNQ_INJECT_STORM), ==, 0);
    }
    /* It can be ended early. */
    inject(f.d, SNNQ_INJECT_STORM, UINT32_MAX);
    inject(f.d, SNNQ_INJECT_STORM, 0);
    step_us(&f, 10 * PERIOD_US);
    g_assert_false(vector_take(f.d, CORES));
    teardown(&f);
}

/* One core says that its rings are wrong, and starts when they are not any more. */
static void test_no_start(void)
{
    Fixture f = setup();

    core_reset(&f, 0);
    core_reset(&f, 1);
    inject(f.d, SNNQ_INJECT_CORES, 1u << 1);
    inject(f.d, SNNQ_INJECT_NO_START, 1);
    core_enable(f.d, 0, 8, 8);
    core_write(f.d, 1, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_ENABLE);
    g_assert_cmphex(core_read(f.d, 1, SNNQ_CORE_STATUS), ==, SNNQ_CORE_ST_HALTED);
    g_assert_cmphex(core_read(f.d, 1, SNNQ_CORE_ERROR), ==, SNNQ_CORE_ERR_RING);
    vector_wait(f.d, 0);
    inject(f.d, SNNQ_INJECT_NO_START, 0);
    core_write(f.d, 1, SNNQ_CORE_ERROR, SNNQ_CORE_ERR_RING);
    core_reset(&f, 1);
    core_enable(f.d, 1, 8, 8);
    reg_write(f.d, SNNQ_REG_ERROR, UINT32_MAX);
    teardown(&f);
}

/* The record of the first job comes after that of the second. */
static void test_overtaken(void)
{
    Fixture f = setup();
    struct snnq_cq_entry record;
    uint32_t id = f.d->next_id;

    inject(f.d, SNNQ_INJECT_OVERTAKEN, LATE_US);
    net_push(f.d, 0, f.net, 2);
    g_assert_cmpuint(ring_pop(f.d, 0).job_id, ==, id + 1);
    vector_wait(f.d, 1);
    step_us(&f, LATE_US - 1);
    g_assert_false(ring_peek(f.d, 0, &record));
    step_us(&f, 1);
    record = ring_pop(f.d, 0);
    g_assert_cmpuint(record.job_id, ==, id);
    assert_record(&record, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0);
    g_assert_true(vector_take(f.d, 1));
    ring_ack(f.d, 0);
    teardown(&f);
}

/* Without room it waits, as any record does; a reset forgets it. */
static void test_overtaken_full(void)
{
    Fixture f = setup();
    struct snnq_cq_entry record;
    uint32_t id = f.d->next_id;

    core_reset(&f, 0);
    core_enable(f.d, 0, 8, 2);
    inject(f.d, SNNQ_INJECT_OVERTAKEN, LATE_US);
    net_push(f.d, 0, f.net, 2);
    g_assert_cmpuint(ring_pop(f.d, 0).job_id, ==, id + 1);
    step_us(&f, 10 * LATE_US);
    g_assert_cmpuint(core_read(f.d, 0, SNNQ_CORE_CQ_TAIL), ==, 1);
    ring_ack(f.d, 0);
    step_us(&f, 10 * LATE_US);
    g_assert_cmpuint(ring_pop(f.d, 0).job_id, ==, id);
    ring_ack(f.d, 0);

    inject(f.d, SNNQ_INJECT_OVERTAKEN, LATE_US);
    net_push(f.d, 0, f.net, 1);
    reg_wait(f.d, SNNQ_INJECT_REG(SNNQ_INJECT_OVERTAKEN), UINT32_MAX, 0);
    core_reset(&f, 0);
    core_enable(f.d, 0, 8, 8);
    step_us(&f, 10 * LATE_US);
    g_assert_false(ring_peek(f.d, 0, &record));
    teardown(&f);
}

/* Each kind of wrong record, once; the next one is right again. */
static void test_bad_records(void)
{
    Device *d = device_boot("");
    Net *net = net_new(d, 3);
    struct snnq_cq_entry r;

    core_enable(d, 0, 16, 16);
    for (unsigned kind = SNNQ_INJECT_BAD_ID; kind < SNNQ_INJECT_BAD_COUNT; kind++) {
        uint32_t id = d->next_id;

        inject(d, SNNQ_INJECT_BAD_RECORD, kind);
        net_push(d, 0, net, 2);
        if (kind != SNNQ_INJECT_BAD_LOST) {
            r = ring_pop(d, 0);
            g_assert_true((r.job_id == id) == (kind != SNNQ_INJECT_BAD_ID));
            g_assert_true((r.status == UINT16_MAX) == (kind == SNNQ_INJECT_BAD_STATUS));
            g_assert_true((r.layer > SNNQ_MAX_LAYERS && r.layer != SNNQ_LAYER_NONE) ==
                          (kind == SNNQ_INJECT_BAD_LAYER));
            g_assert_true((r.steps > 1) == (kind == SNNQ_INJECT_BAD_STEPS));
        }
        if (kind == SNNQ_INJECT_BAD_TWICE) {
            g_assert_cmpuint(ring_pop(d, 0).job_id, ==, id);
        }
        r = ring_pop(d, 0);
        g_assert_cmpuint(r.job_id, ==, id + 1);
        g_assert_cmpuint(r.status, ==, SNNQ_STATUS_OK);
        ring_ack(d, 0);
    }
    net_free(net);
    device_close(d);
}

void add_inject_tests(void)
{
    qtest_add_func("/snnq/inject/bad-records", test_bad_records);
    qtest_add_func("/snnq/inject/flip-weights", test_flip_weights);
    qtest_add_func("/snnq/inject/flip-state", test_flip_state);
    qtest_add_func("/snnq/inject/torn-record", test_torn_record);
    qtest_add_func("/snnq/inject/lost-doorbell", test_lost_doorbell);
    qtest_add_func("/snnq/inject/ring-error", test_ring_error);
    qtest_add_func("/snnq/inject/stuck-reset", test_stuck_reset);
    qtest_add_func("/snnq/inject/capability", test_capability);
    qtest_add_func("/snnq/inject/late-record", test_late_record);
    qtest_add_func("/snnq/inject/storm", test_storm);
    qtest_add_func("/snnq/inject/no-start", test_no_start);
    qtest_add_func("/snnq/inject/overtaken", test_overtaken);
    qtest_add_func("/snnq/inject/overtaken-full", test_overtaken_full);
}
