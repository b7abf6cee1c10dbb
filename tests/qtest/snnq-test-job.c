/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What jobs compute, and each way in which one can fail. */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "snnq.h"
#include "snnq_validate.h"

#define NO_LAYER        SNNQ_LAYER_NONE
#define NO_REGION       SNNQ_REGION_NONE

typedef struct Fixture {
    Device *d;
    Net *net;
} Fixture;

static Fixture setup(const char *options)
{
    Fixture f = { .d = device_boot(options) };

    f.net = net_new(f.d, 1);
    core_enable(f.d, 0, 8, 8);
    return f;
}

/* After whatever failed, the same core still computes the right thing. */
static void teardown(Fixture *f)
{
    struct snnq_cq_entry record = net_run(f->d, 0, f->net, 0, 7);

    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_OK);
    net_check(f->d, f->net);
    g_assert_cmphex(reg_read(f->d, SNNQ_REG_ERROR), ==, 0);
    net_free(f->net);
    device_close(f->d);
}

/* Run an entry as it is. */
static struct snnq_cq_entry run(Fixture *f, const struct snnq_sq_entry *entry)
{
    struct snnq_cq_entry record;

    ring_push(f->d, 0, entry);
    record = ring_pop(f->d, 0);
    ring_ack(f->d, 0);
    g_assert_cmpuint(record.job_id, ==, entry->job_id);
    return record;
}

static void test_result(void)
{
    Fixture f = setup("");
    struct snnq_cq_entry record = net_run(f.d, 0, f.net, 0, NET_STEPS);
    int32_t spikes = 0;

    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_OK);
    g_assert_cmpuint(record.cycles, >, 0);
    net_check(f.d, f.net);
    for (unsigned i = 0; i < CHANNELS; i++) {
        spikes += f.net->sum[i];
    }
    g_assert_cmpint(spikes, >, 0);
    g_assert_cmpuint(qtest_readq(f.d->qts, f.d->progress), >, 0);
    g_assert_true(vector_take(f.d, 1));
    teardown(&f);
}

/* One job of n steps, or n jobs: the same bits. */
static void test_split(void)
{
    Fixture f = setup("");
    uint32_t first = 0, steps;

    for (steps = 1; first + steps <= NET_STEPS; first += steps++) {
        struct snnq_cq_entry record = net_run(f.d, 0, f.net, first, steps);

        g_assert_cmpuint(record.status, ==, SNNQ_STATUS_OK);
        net_check(f.d, f.net);
    }
    teardown(&f);
}

/* A reset reads no old state: its region may be missing. */
static void test_reset_state(void)
{
    Fixture f = setup("");
    struct snnq_sq_entry entry;
    struct snnq_cq_entry record;

    net_run(f.d, 0, f.net, 0, 9);
    entry = net_entry(f.d, f.net, 0, 5);
    net_table(f.d, f.net, SNNQ_REGION_STATE_IN, (struct snnq_region_entry) { });
    entry.flags = SNNQ_SQ_FLAG_RESET;
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_OK, NO_LAYER, NO_REGION, 0);
    memset(f.net->sum, 0, sizeof(f.net->sum));
    memset(f.net->potential, 0, sizeof(f.net->potential));
    net_advance(f.net, 0, 5);
    net_check(f.d, f.net);
    teardown(&f);
}

static void test_profile(void)
{
    Fixture f = setup("");
    struct snnq_sq_entry entry = net_entry(f.d, f.net, 0, 8);
    struct snnq_layer_stats stats[2];
    struct snnq_cq_entry record;
    uint64_t spikes = 0, cycles = 0;

    net_profile(f.d, f.net, &entry, sizeof(stats[0]));
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_OK, NO_LAYER, NO_REGION, 0);
    net_advance(f.net, 0, 8);
    region_read(f.d, &f.net->profile, 0, stats, sizeof(stats));
    for (unsigned t = 0; t < 8; t++) {
        spikes += ctpop64(f.net->input[t]);
    }
    g_assert_cmpuint(stats[0].input_spikes, ==, spikes);
    g_assert_cmpuint(stats[0].synops, ==, spikes * CHANNELS);
    g_assert_cmpuint(stats[0].neuron_updates, ==, 8 * CHANNELS);
    g_assert_cmpuint(stats[0].steps, ==, 8);
    g_assert_cmpuint(stats[1].input_spikes, ==, stats[0].output_spikes);
    for (unsigned i = 0; i < 2; i++) {
        cycles += MAX(stats[i].compute_cycles, stats[i].memory_cycles);
    }
    g_assert_cmpuint(record.cycles, ==, cycles);
    teardown(&f);
}

/* Each layer has its place, here on two pages, and nothing else is written. */
static void test_profile_stride(void)
{
    enum { STRIDE = sizeof(struct snnq_layer_stats) + 72 };
    Fixture f = setup("");
    struct snnq_sq_entry entry = net_entry(f.d, f.net, 0, 8);
    struct snnq_layer_stats stats[2];
    struct snnq_cq_entry record;
    uint8_t bytes[2 * STRIDE];

    memset(bytes, 0xa5, sizeof(bytes));
    region_write(f.d, &f.net->profile, 0, bytes, sizeof(bytes));
    net_profile(f.d, f.net, &entry, STRIDE);
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_OK, NO_LAYER, NO_REGION, 0);
    net_advance(f.net, 0, 8);
    region_read(f.d, &f.net->profile, 0, bytes, sizeof(bytes));
    for (unsigned i = 0; i < 2; i++) {
        memcpy(&stats[i], bytes + i * STRIDE, sizeof(stats[i]));
        g_assert_cmpuint(stats[i].steps, ==, 8);
        for (unsigned k = sizeof(stats[i]); k < STRIDE; k++) {
            g_assert_cmphex(bytes[i * STRIDE + k], ==, 0xa5);
        }
    }
    g_assert_cmpuint(stats[1].input_spikes, ==, stats[0].output_spikes);
    teardown(&f);
}

/* A profile that is wrong before the job, and one that fails when all else is done. */
static void test_profile_region(void)
{
    Fixture f = setup("");
    const Region *r = &f.net->profile;
    uint64_t bad[] = { HOLE, r->page[1] + 8 };
    struct snnq_region_entry e;
    struct snnq_sq_entry entry;
    struct snnq_cq_entry record;

    entry = net_entry(f.d, f.net, 0, 8);
    net_profile(f.d, f.net, &entry, 160);
    e = region_entry(r);
    e.bytes = 2 * 160 - 1;
    net_table(f.d, f.net, NET_PROFILE, e);
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_BAD_REGION, NO_LAYER, NET_PROFILE,
                  offsetof(struct snnq_region_entry, bytes));
    g_assert_cmpuint(record.steps, ==, 0);

    entry = net_entry(f.d, f.net, 0, 8);
    net_profile(f.d, f.net, &entry, 160);
    e = region_entry(r);
    e.access = SNNQ_ACCESS_READ;
    net_table(f.d, f.net, NET_PROFILE, e);
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_ACCESS, NO_LAYER, NET_PROFILE, 0);
    net_advance(f.net, 0, 8);           /* the new state is there all the same */
    net_check(f.d, f.net);

    /* The second layer's counters begin 160 bytes behind the first's, and 32 before a page. */
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        entry = net_entry(f.d, f.net, 0, 8);
        net_profile(f.d, f.net, &entry, 160);
        qtest_memwrite(f.d->qts, r->list + 8, &bad[i], 8);
        record = run(&f, &entry);
        assert_record(&record, bad[i] == HOLE ? SNNQ_STATUS_DMA : SNNQ_STATUS_ACCESS, NO_LAYER,
                      NET_PROFILE, bad[i] == HOLE ? HOLE : 192);
        net_advance(f.net, 0, 8);
        net_check(f.d, f.net);
    }
    qtest_memwrite(f.d->qts, r->list + 8, &r->page[1], 8);
    teardown(&f);
}

/* Two cores at once, several programs in turn: the plans of a core are told apart. */
static void test_cores(void)
{
    Fixture f = setup("");
    Net *net[6];

    core_enable(f.d, 1, 8, 8);
    for (unsigned i = 0; i < ARRAY_SIZE(net); i++) {
        net[i] = net_new(f.d, 10 + i);
        net[i]->program.header.tile_steps = 1 + i;
        net[i]->program.header.scratch_step_bytes = 8;
        region_free(&net[i]->region[SNNQ_REGION_SCRATCH]);
        net[i]->region[SNNQ_REGION_SCRATCH] =
            region_new(f.d, 0, 8 * (1 + i), SNNQ_ACCESS_READ | SNNQ_ACCESS_WRITE);
        net_program(f.d, net[i]);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(net); i++) {
            struct snnq_cq_entry record = net_run(f.d, i % 2, net[i], 4 * round, 4 + i);

            g_assert_cmpuint(record.status, ==, SNNQ_STATUS_OK);
            net_check(f.d, net[i]);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(net); i++) {
        net_free(net[i]);
    }
    teardown(&f);
}

/* Each field of an entry alone wrong: BAD_ENTRY with the field's offset. */
static void test_bad_entry(void)
{
    Fixture f = setup("");
    struct snnq_sq_entry good = net_entry(f.d, f.net, 0, 4);

#define BAD(field, value) do { \
        struct snnq_sq_entry entry = good; \
        struct snnq_cq_entry record; \
        entry.field = (value); \
        record = run(&f, &entry); \
        assert_record(&record, SNNQ_STATUS_BAD_ENTRY, NO_LAYER, NO_REGION, \
                      offsetof(struct snnq_sq_entry, field)); \
        g_assert_cmpuint(record.steps, ==, 0); \
    } while (0)
    BAD(program, good.program + 8);
    BAD(program, 1ull << 40);
    BAD(program, UINT64_MAX << SNNQ_PAGE_SHIFT);
    BAD(region_table, good.region_table + 4);
    BAD(progress, good.progress + 1);
    BAD(job_id, 0);
    BAD(program_bytes, sizeof(struct snnq_program_header) - 1);
    BAD(program_bytes, SNNQ_MAX_PROGRAM_BYTES + 1);
    BAD(program_bytes, UINT32_MAX);
    BAD(steps, 0);
    BAD(steps, NET_STEPS + 1);
    BAD(region_count, SNNQ_REGION_USER - 1);
    BAD(region_count, NET_REGIONS - 1);
    BAD(region_count, NET_REGIONS + 1);
    BAD(region_count, UINT16_MAX);
    BAD(flags, SNNQ_SQ_FLAGS + 1);
    BAD(program_pages, good.program_pages - 1);
    BAD(reserved, 1u << 31);
    BAD(profile_stride, 128);
    net_profile(f.d, f.net, &good, 128);
    BAD(profile_stride, 0);
    BAD(profile_stride, 120);
    BAD(profile_stride, 132);
    BAD(region_count, NET_REGIONS);
    BAD(region_count, NET_REGIONS + 2);
#undef BAD
    teardown(&f);
}

static void test_bad_program(void)
{
    Fixture f = setup("");
    struct snnq_sq_entry entry = net_entry(f.d, f.net, 0, 4);
    struct snnq_cq_entry record;

    f.net->program.header.magic++;
    net_program(f.d, f.net);
    record = run(&f, &entry);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_BAD_PROGRAM);
    g_assert_cmphex(record.layer, ==, NO_LAYER);
    f.net->program.header.magic--;

    f.net->program.layer[1].op = SNNQ_OP_COUNT;
    net_program(f.d, f.net);
    record = run(&f, &entry);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_BAD_PROGRAM);
    g_assert_cmpuint(record.layer, ==, 1);
    f.net->program.layer[1].op = SNNQ_OP_READOUT;

    net_program(f.d, f.net);
    entry.program_bytes -= 4;
    record = run(&f, &entry);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_BAD_PROGRAM);
    teardown(&f);
}

/* The operation exists, but this device was made without it. */
static void test_missing_op(void)
{
    Fixture f = setup(",ops=4");
    struct snnq_cq_entry record = net_run(f.d, 0, f.net, 0, 4);

    g_assert_cmphex(reg_read(f.d, SNNQ_REG_CAP_OPS_LO), ==, 1u << SNNQ_OP_CONV2D);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_BAD_PROGRAM);
    net_free(f.net);
    device_close(f.d);
}

/* Each capability may be taken away, and is then announced and obeyed. */
static void test_less_capable(void)
{
    static const struct {
        const char *property;
        unsigned reg;
        uint32_t value;
        uint16_t status;
    } cases[] = {
        { "neurons=0x5", SNNQ_REG_CAP_NEURONS, 0x5, SNNQ_STATUS_BAD_PROGRAM },
        { "neurons=0x3", SNNQ_REG_CAP_NEURONS, 0x3, SNNQ_STATUS_OK },
        { "leaks=0", SNNQ_REG_CAP_LEAKS, 0, SNNQ_STATUS_BAD_PROGRAM },
        { "resets=0", SNNQ_REG_CAP_RESETS, 0, SNNQ_STATUS_BAD_PROGRAM },
        { "compares=0", SNNQ_REG_CAP_COMPARES, 0, SNNQ_STATUS_BAD_PROGRAM },
        { "neuron-flags=1", SNNQ_REG_CAP_NEURON_FLAGS, 1, SNNQ_STATUS_OK },
        { "layer-flags=0", SNNQ_REG_CAP_LAYER_FLAGS, 0, SNNQ_STATUS_OK },
        { "formats=0x2", SNNQ_REG_CAP_FORMATS, 0x2, SNNQ_STATUS_BAD_PROGRAM },
        { "elementwise=0", SNNQ_REG_CAP_ELEMENTWISE, 0, SNNQ_STATUS_OK },
        { "attention=0x1", SNNQ_REG_CAP_ATTENTION, 0x1, SNNQ_STATUS_OK },
        { "readouts=0", SNNQ_REG_CAP_READOUTS, 0, SNNQ_STATUS_BAD_PROGRAM },
        { "scheme-uniform=0", SNNQ_REG_CAP_UNIFORM, 0, SNNQ_STATUS_BAD_PROGRAM },
        { "scheme-odd=2", SNNQ_REG_CAP_ODD, 2, SNNQ_STATUS_OK },
        { "scheme-pot=4", SNNQ_REG_CAP_POT, 4, SNNQ_STATUS_OK },
        { "scheme-apot=8", SNNQ_REG_CAP_APOT, 8, SNNQ_STATUS_OK },
        { "scheme-ternary=0", SNNQ_REG_CAP_TERNARY, 0, SNNQ_STATUS_OK },
        { "max-layers=1", SNNQ_REG_CAP_LAYERS, 1, SNNQ_STATUS_BAD_PROGRAM },
        { "max-dim=1", SNNQ_REG_CAP_DIM, 1, SNNQ_STATUS_OK },
        { "max-channels=63", SNNQ_REG_CAP_CHANNELS, 63, SNNQ_STATUS_BAD_PROGRAM },
        { "max-steps=3", SNNQ_REG_CAP_STEPS, 3, SNNQ_STATUS_BAD_PROGRAM },
        { "max-planes=0", SNNQ_REG_CAP_PLANES, 0, SNNQ_STATUS_BAD_PROGRAM },
        { "max-kernel=0", SNNQ_REG_CAP_KERNEL, 0, SNNQ_STATUS_OK },
        { "max-window=1", SNNQ_REG_CAP_WINDOW, 1, SNNQ_STATUS_OK },
        { "max-stride=0", SNNQ_REG_CAP_STRIDE, 0, SNNQ_STATUS_OK },
        { "max-dilation=0", SNNQ_REG_CAP_DILATION, 0, SNNQ_STATUS_OK },
        { "max-delay=0", SNNQ_REG_CAP_DELAY, 0, SNNQ_STATUS_OK },
        { "max-tile-steps=0", SNNQ_REG_CAP_TILE, 0, SNNQ_STATUS_BAD_PROGRAM },
        { "needs=0", SNNQ_REG_CAP_NEEDS_LO, 0, SNNQ_STATUS_OK },
        { "max-state-bytes=64", SNNQ_REG_CAP_STATE_LO, 64, SNNQ_STATUS_BAD_PROGRAM },
        { "max-scratch-bytes=0", SNNQ_REG_CAP_SCRATCH_LO, 0, SNNQ_STATUS_BAD_PROGRAM },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *option = g_strdup_printf(",%s", cases[i].property);
        Fixture f = setup(option);
        struct snnq_cq_entry record = net_run(f.d, 0, f.net, 0, 4);

        g_test_message("%s", cases[i].property);
        g_assert_cmphex(reg_read(f.d, cases[i].reg), ==, cases[i].value);
        g_assert_cmpuint(record.status, ==, cases[i].status);
        if (record.status == SNNQ_STATUS_BAD_PROGRAM) {
            g_assert_cmpuint(record.offset, ==, SNNQ_CHECK_UNSUPPORTED);
        }
        net_free(f.net);
        device_close(f.d);
    }
}

static void test_bad_region(void)
{
    Fixture f = setup("");
    struct snnq_sq_entry entry = net_entry(f.d, f.net, 0, 4);

#define BAD(number, member, field, value) do { \
        struct snnq_region_entry e = region_entry(&f.net->region[number]), wrong = e; \
        struct snnq_cq_entry record; \
        wrong.field = (value); \
        net_table(f.d, f.net, number, wrong); \
        record = run(&f, &entry); \
        assert_record(&record, SNNQ_STATUS_BAD_REGION, NO_LAYER, number, \
                      offsetof(struct snnq_region_entry, member)); \
        net_table(f.d, f.net, number, e); \
    } while (0)
    BAD(NET_WEIGHTS, page_list, page_list, wrong.page_list + 8);
    BAD(NET_WEIGHTS, page_list, page_list, 1ull << 40);
    BAD(NET_WEIGHTS, start, start, (uint64_t)wrong.pages * SNNQ_PAGE_BYTES + 1);
    BAD(NET_WEIGHTS, start, start, UINT64_MAX);
    BAD(NET_WEIGHTS, bytes, bytes, sizeof(f.net->weight) - 1);
    BAD(NET_WEIGHTS, bytes, bytes, UINT64_MAX);
    BAD(NET_WEIGHTS, bytes, pages, wrong.pages - 1);
    BAD(NET_WEIGHTS, access, access, wrong.access | 4);
    BAD(NET_INPUT, bytes, bytes, 4 * 8 - 1);
    BAD(NET_READOUT, bytes, bytes, CHANNELS * 4 - 1);
    BAD(SNNQ_REGION_STATE_IN, bytes, bytes, wrong.bytes - 1);
    BAD(SNNQ_REGION_STATE_OUT, bytes, bytes, 0);
    BAD(SNNQ_REGION_SCRATCH, bytes, bytes, 31);
#undef BAD
    teardown(&f);
}

/* Layer, region and offset of an access without the right or through a bad page. */
static void test_access(void)
{
    Fixture f = setup("");
    struct snnq_sq_entry entry = net_entry(f.d, f.net, 0, 4);
    struct snnq_region_entry e;
    struct snnq_cq_entry record;
    uint64_t bad = f.net->region[NET_WEIGHTS].page[SNNQ_LIST_LINK] + 8, second;

    e = region_entry(&f.net->region[NET_WEIGHTS]);
    e.access = SNNQ_ACCESS_WRITE;
    net_table(f.d, f.net, NET_WEIGHTS, e);
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_ACCESS, 0, NET_WEIGHTS, 0);

    entry = net_entry(f.d, f.net, 0, 4);
    e = region_entry(&f.net->region[NET_READOUT]);
    e.access = SNNQ_ACCESS_READ;
    net_table(f.d, f.net, NET_READOUT, e);
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_ACCESS, 1, NET_READOUT, 0);

    /* The weights begin 72 bytes before the end of their first page. */
    entry = net_entry(f.d, f.net, 0, 4);
    qtest_memread(f.d->qts, f.net->region[NET_WEIGHTS].list + SNNQ_LIST_LINK * 8, &second,
                  8);
    qtest_memwrite(f.d->qts, second, &bad, sizeof(bad));
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_ACCESS, 0, NET_WEIGHTS, 72);
    bad -= 8;
    qtest_memwrite(f.d->qts, second, &bad, sizeof(bad));
    teardown(&f);
}

/* Pages that do not answer: a hole, beyond the DMA width, registers, ROM. */
static void test_dma_error(void)
{
    Fixture f = setup("");
    uint64_t bad[] = { HOLE, 1ull << 40, 1ull << 63, f.d->bar.addr, 0xfffff000 };
    struct snnq_cq_entry record;
    const Region *r = &f.net->region[NET_READOUT];

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct snnq_sq_entry entry = net_entry(f.d, f.net, 0, 4);

        qtest_memwrite(f.d->qts, r->list, &bad[i], 8);
        record = run(&f, &entry);
        assert_record(&record, SNNQ_STATUS_DMA, 1, NET_READOUT, bad[i] + r->start);
    }
    qtest_memwrite(f.d->qts, r->list, r->page, 8);
    teardown(&f);
}

/* Memory that answers, just below and just beyond the width of DMA addresses. */
static void test_dma_width(void)
{
    static const struct { const char *option; uint16_t status; } width[] = {
        { ",dma-bits=32", SNNQ_STATUS_DMA }, { ",dma-bits=33", SNNQ_STATUS_OK },
    };
    uint64_t high = 1ull << 32;

    for (unsigned i = 0; i < ARRAY_SIZE(width); i++) {
        Fixture f = { .d = device_boot_on("pc -m 5G", width[i].option) };
        struct snnq_cq_entry record;

        f.net = net_new(f.d, 1);
        core_enable(f.d, 0, 8, 8);
        qtest_memwrite(f.d->qts, f.net->region[NET_READOUT].list, &high, 8);
        f.net->region[NET_READOUT].page[0] = high;
        record = net_run(f.d, 0, f.net, 0, 4);
        g_assert_cmpuint(record.status, ==, width[i].status);
        if (record.status) {
            g_assert_cmphex(record.offset, ==, high + f.net->region[NET_READOUT].start);
        } else {
            net_check(f.d, f.net);
        }
        net_free(f.net);
        device_close(f.d);
    }
}

/* An address of the entry where nothing answers. */
static void fail_at(Fixture *f, size_t field)
{
    struct snnq_sq_entry entry = net_entry(f->d, f->net, 0, 4);
    uint64_t hole = HOLE;
    struct snnq_cq_entry record;

    memcpy((char *)&entry + field, &hole, sizeof(hole));
    record = run(f, &entry);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_DMA);
    g_assert_cmphex(record.region, ==, NO_REGION);
    g_assert_cmphex(record.offset, ==, HOLE);
}

static void test_dma_error_entry(void)
{
    Fixture f = setup("");

    fail_at(&f, offsetof(struct snnq_sq_entry, program));
    fail_at(&f, offsetof(struct snnq_sq_entry, region_table));
    fail_at(&f, offsetof(struct snnq_sq_entry, progress));
    teardown(&f);
}

/* Let the n-th access fail, for every n of a job. Afterwards the job succeeds. */
static void test_dma_inject(void)
{
    Fixture f = setup("");
    struct snnq_cq_entry record;
    unsigned n = 0;

    do {
        inject(f.d, SNNQ_INJECT_DMA_ERROR, ++n);
        record = net_run(f.d, 0, f.net, 0, 8);
        g_assert_true(record.status == SNNQ_STATUS_DMA ||
                      record.status == SNNQ_STATUS_OK);
        g_assert_cmpuint(n, <, 200);
    } while (record.status);
    /* Program, table, three lists and a link, and the pages themselves at least. */
    g_assert_cmpuint(n, >, 15);
    g_assert_cmpuint(reg_read(f.d, SNNQ_INJECT_REG(SNNQ_INJECT_DMA_ERROR)), ==, n);
    net_check(f.d, f.net);
    inject(f.d, SNNQ_INJECT_DMA_ERROR, 0);
    teardown(&f);
}

/* Registers and bits of the IOMMU that the test needs. */
#define VTD             0xfed90000ull
#define VTD_COMMAND     (VTD + 0x18)
#define VTD_ROOT        (VTD + 0x20)
#define VTD_SET_ROOT    (1u << 30)
#define VTD_TRANSLATE   (1u << 31)
#define VTD_PRESENT     1u
#define VTD_RW          3u
#define VTD_LARGE       (1u << 7)
#define VTD_3_LEVELS    1u
#define VTD_MAPPED      127u            /* pages of 2 MiB; RAM has one more */

/* DMA addresses of the first pages are guest memory, all others fault. */
static void iommu_on(Device *d)
{
    uint64_t root = memory_alloc(d, SNNQ_PAGE_BYTES);
    uint64_t context = memory_alloc(d, SNNQ_PAGE_BYTES);
    uint64_t table = memory_alloc(d, SNNQ_PAGE_BYTES);
    uint64_t pages = memory_alloc(d, SNNQ_PAGE_BYTES);

    for (uint64_t i = 0; i < VTD_MAPPED; i++) {
        qtest_writeq(d->qts, pages + 8 * i, i << 21 | VTD_RW | VTD_LARGE);
    }
    qtest_writeq(d->qts, table, pages | VTD_RW);
    qtest_writeq(d->qts, context + 16 * d->pci->devfn, table | VTD_PRESENT);
    qtest_writeq(d->qts, context + 16 * d->pci->devfn + 8, 1 << 8 | VTD_3_LEVELS);
    qtest_writeq(d->qts, root, context | VTD_PRESENT);
    qtest_writeq(d->qts, VTD_ROOT, root);
    qtest_writel(d->qts, VTD_COMMAND, VTD_SET_ROOT);
    qtest_writel(d->qts, VTD_COMMAND, VTD_TRANSLATE);
}

/* Behind an IOMMU the thread's accesses are served by the main loop. */
static void test_iommu(void)
{
    Fixture f = {
        .d = device_boot_on("q35 -device intel-iommu", ""),
    };
    const Region *r;
    uint64_t bad[] = { HOLE, VTD_MAPPED << 21 };

    iommu_on(f.d);
    f.net = net_new(f.d, 1);
    core_enable(f.d, 0, 8, 8);
    g_assert_cmpuint(net_run(f.d, 0, f.net, 0, 9).status, ==, SNNQ_STATUS_OK);
    net_check(f.d, f.net);
    g_assert_true(vector_take(f.d, 1));
    r = &f.net->region[NET_READOUT];
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct snnq_sq_entry entry = net_entry(f.d, f.net, 9, 4);
        struct snnq_cq_entry record;

        qtest_memwrite(f.d->qts, r->list, &bad[i], 8);
        record = run(&f, &entry);
        assert_record(&record, SNNQ_STATUS_DMA, 1, NET_READOUT, bad[i] + r->start);
    }
    qtest_memwrite(f.d->qts, r->list, r->page, 8);
    teardown(&f);
}

static void test_bad_state(void)
{
    Fixture f = setup("");
    struct snnq_sq_entry entry = net_entry(f.d, f.net, 0, 4);
    struct snnq_cq_entry record;

    entry.state_seq = 5;
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_BAD_STATE, NO_LAYER, SNNQ_REGION_STATE_IN, 0);
    teardown(&f);
}

void add_job_tests(void)
{
    qtest_add_func("/snnq/job/result", test_result);
    qtest_add_func("/snnq/job/split", test_split);
    qtest_add_func("/snnq/job/reset", test_reset_state);
    qtest_add_func("/snnq/job/profile", test_profile);
    qtest_add_func("/snnq/job/profile-stride", test_profile_stride);
    qtest_add_func("/snnq/job/profile-region", test_profile_region);
    qtest_add_func("/snnq/job/cores", test_cores);
    qtest_add_func("/snnq/job/bad-entry", test_bad_entry);
    qtest_add_func("/snnq/job/bad-program", test_bad_program);
    qtest_add_func("/snnq/job/missing-op", test_missing_op);
    qtest_add_func("/snnq/job/less-capable", test_less_capable);
    qtest_add_func("/snnq/job/bad-region", test_bad_region);
    qtest_add_func("/snnq/job/access", test_access);
    qtest_add_func("/snnq/job/dma-error", test_dma_error);
    qtest_add_func("/snnq/job/dma-error-entry", test_dma_error_entry);
    qtest_add_func("/snnq/job/dma-inject", test_dma_inject);
    if (on_pci()) {
        qtest_add_func("/snnq/job/dma-width", test_dma_width);
        qtest_add_func("/snnq/job/iommu", test_iommu);
    }
    qtest_add_func("/snnq/job/bad-state", test_bad_state);
}
