/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How programs reach the device: through page lists of any length. The programs here
 * are the small network with a table as long as one likes; the threshold that the
 * network uses is the last entry, so that the result tells whether all of it arrived.
 */
#include "qemu/osdep.h"
#include "snnq.h"

#define STEPS           16
#define NO_LAYER        SNNQ_LAYER_NONE
#define NO_REGION       SNNQ_REGION_NONE
#define FIELD(name)     offsetof(struct snnq_sq_entry, name)

typedef struct Fixture {
    Device *d;
    Net *net;
    uint32_t bytes;             /* of the program */
} Fixture;

static Fixture setup(void)
{
    Fixture f = { .d = device_boot("") };

    f.net = net_new(f.d, 5);
    core_enable(f.d, 0, 8, 8);
    return f;
}

static void teardown(Fixture *f)
{
    net_free(f->net);
    device_close(f->d);
}

/* Give the program so many bytes, and new pages. */
static void grow(Fixture *f, uint32_t bytes)
{
    Net *net = f->net;
    uint32_t small = sizeof(net->program), entries = 1 + (bytes - small) / 4;
    g_autofree char *blob = g_malloc0(bytes);

    net->program.header.table_count = entries;
    net->program.header.total_bytes = f->bytes = small + 4 * (entries - 1);
    net->program.layer[0].neuron.threshold_index = entries - 1;
    memcpy(blob, &net->program, small);
    memset(blob + small - 4, 0, 4);
    memcpy(blob + f->bytes - 4, &net->program.threshold, 4);
    region_free(&net->code);
    net->code = region_new(f->d, 0, f->bytes, SNNQ_ACCESS_READ);
    region_write(f->d, &net->code, 0, blob, f->bytes);
}

static struct snnq_cq_entry run(Fixture *f, const struct snnq_sq_entry *entry)
{
    struct snnq_cq_entry record;

    ring_push(f->d, 0, entry);
    record = ring_pop(f->d, 0);
    ring_ack(f->d, 0);
    return record;
}

static struct snnq_sq_entry entry_of(Fixture *f)
{
    struct snnq_sq_entry entry = net_entry(f->d, f->net, 0, STEPS);

    entry.program_bytes = f->bytes;
    return entry;
}

static void run_well(Fixture *f)
{
    struct snnq_sq_entry entry = entry_of(f);
    struct snnq_cq_entry record = run(f, &entry);

    assert_record(&record, SNNQ_STATUS_OK, NO_LAYER, NO_REGION, 0);
    net_advance(f->net, 0, STEPS);
    net_check(f->d, f->net);
}

/* Around a page, around a list page with and without a link, and the largest. */
static void test_sizes(void)
{
    static const uint32_t sizes[] = {
        SNNQ_PAGE_BYTES, SNNQ_PAGE_BYTES + 4, 3 * SNNQ_PAGE_BYTES - 4,
        511 * SNNQ_PAGE_BYTES, 511 * SNNQ_PAGE_BYTES + 4,
        512 * SNNQ_PAGE_BYTES, 512 * SNNQ_PAGE_BYTES + 4,
        1022 * SNNQ_PAGE_BYTES + 4, 1023 * SNNQ_PAGE_BYTES + 4, SNNQ_MAX_PROGRAM_BYTES,
    };
    Fixture f = setup();

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        g_test_message("%u bytes", sizes[i]);
        grow(&f, sizes[i]);
        g_assert_cmpuint(f.bytes, ==, sizes[i]);
        run_well(&f);
    }
    teardown(&f);
}

/* A list may have more pages than the program, and other links therefore. */
static void test_longer_list(void)
{
    Fixture f = setup();
    Region more;

    grow(&f, 512 * SNNQ_PAGE_BYTES);
    more = region_new(f.d, 0, 520 * SNNQ_PAGE_BYTES, SNNQ_ACCESS_READ);
    for (unsigned i = 0; i < 512; i++) {
        char page[SNNQ_PAGE_BYTES];

        region_read(f.d, &f.net->code, i * sizeof(page), page, sizeof(page));
        region_write(f.d, &more, i * sizeof(page), page, sizeof(page));
    }
    region_free(&f.net->code);
    f.net->code = more;
    run_well(&f);
    teardown(&f);
}

static void test_short_list(void)
{
    Fixture f = setup();
    struct snnq_sq_entry entry;
    struct snnq_cq_entry record;

    grow(&f, 2 * SNNQ_PAGE_BYTES + 4);
    for (uint32_t pages = 0; pages < 3; pages++) {
        entry = entry_of(&f);
        entry.program_pages = pages;
        record = run(&f, &entry);
        assert_record(&record, SNNQ_STATUS_BAD_ENTRY, NO_LAYER, NO_REGION,
                      FIELD(program_pages));
    }
    run_well(&f);
    teardown(&f);
}

/* Run the program while the word at @at is @bad. */
static void with(Fixture *f, uint64_t at, uint64_t bad, uint16_t status, uint64_t offset)
{
    uint64_t good = qtest_readq(f->d->qts, at);
    struct snnq_sq_entry entry = entry_of(f);
    struct snnq_cq_entry record;

    qtest_writeq(f->d->qts, at, bad);
    record = run(f, &entry);
    assert_record(&record, status, NO_LAYER, NO_REGION, offset);
    g_assert_cmpuint(record.steps, ==, 0);
    qtest_writeq(f->d->qts, at, good);
}

/* Each entry of a list of two pages, and its link. */
static void test_bad_list(void)
{
    Fixture f = setup();
    uint64_t list, link, second;
    const uint64_t far[] = { HOLE, 1ull << 40, 1ull << 63, UINT64_MAX << SNNQ_PAGE_SHIFT };

    grow(&f, 600 * SNNQ_PAGE_BYTES);
    list = f.net->code.list;
    link = list + 8 * SNNQ_LIST_LINK;
    second = qtest_readq(f.d->qts, link);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t at[] = { list, list + 8, link, second + 8 * (599 - SNNQ_LIST_LINK) };
        uint64_t good = qtest_readq(f.d->qts, at[i]);

        with(&f, at[i], good + 8, SNNQ_STATUS_BAD_ENTRY, FIELD(program));
        with(&f, at[i], good | 1, SNNQ_STATUS_BAD_ENTRY, FIELD(program));
        for (unsigned k = 0; k < ARRAY_SIZE(far); k++) {
            with(&f, at[i], far[k], SNNQ_STATUS_DMA, far[k]);
        }
        run_well(&f);
    }
    teardown(&f);
}

/* What is behind the program's last page in the list is nobody's business. */
static void test_unused_entries(void)
{
    Fixture f = setup();

    grow(&f, 2 * SNNQ_PAGE_BYTES);
    for (unsigned i = 2; i < SNNQ_LIST_ENTRIES; i++) {
        qtest_writeq(f.d->qts, f.net->code.list + 8 * i, HOLE + 1);
    }
    run_well(&f);
    teardown(&f);
}

/* A core that remembers the program sees that its last page changed, and that it moved. */
static void test_changed_page(void)
{
    Fixture f = setup();
    int32_t never = INT32_MAX;
    uint64_t old, page;
    struct snnq_sq_entry entry;
    struct snnq_cq_entry record;
    int32_t sum[CHANNELS];
    char copy[SNNQ_PAGE_BYTES];

    grow(&f, 3 * SNNQ_PAGE_BYTES);
    run_well(&f);
    region_write(f.d, &f.net->code, f.bytes - 4, &never, 4);
    entry = entry_of(&f);
    entry.flags = SNNQ_SQ_FLAG_RESET;
    record = run(&f, &entry);
    assert_record(&record, SNNQ_STATUS_OK, NO_LAYER, NO_REGION, 0);
    region_read(f.d, &f.net->region[NET_READOUT], 0, sum, sizeof(sum));
    for (unsigned i = 0; i < CHANNELS; i++) {
        g_assert_cmpint(sum[i], ==, 0);
    }
    region_write(f.d, &f.net->code, f.bytes - 4, &f.net->program.threshold, 4);
    old = f.net->code.page[2];
    page = memory_alloc(f.d, SNNQ_PAGE_BYTES);
    qtest_memread(f.d->qts, old, copy, sizeof(copy));
    qtest_memwrite(f.d->qts, page, copy, sizeof(copy));
    qtest_memset(f.d->qts, old, 0xff, sizeof(copy));
    f.net->code.page[2] = page;
    qtest_writeq(f.d->qts, f.net->code.list + 16, page);
    run_well(&f);
    teardown(&f);
}

void add_program_tests(void)
{
    qtest_add_func("/snnq/program/sizes", test_sizes);
    qtest_add_func("/snnq/program/longer-list", test_longer_list);
    qtest_add_func("/snnq/program/short-list", test_short_list);
    qtest_add_func("/snnq/program/bad-list", test_bad_list);
    qtest_add_func("/snnq/program/unused-entries", test_unused_entries);
    qtest_add_func("/snnq/program/changed-page", test_changed_page);
}
