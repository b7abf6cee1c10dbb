/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest may cost its host: whatever its jobs do, the machine stops, resets and
 * ends at once, and the device's memory stays within its property.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "snnq.h"
#include <sys/wait.h>

#define ANSWER_US       100000
#define ROUNDS          3
#define SLACK           (8 * MiB)       /* of the host: stacks, heaps */
#define SLOT            4
#define ACPI_PCIHP_EJECT 0xae08

typedef struct Workload {
    const char *name;
    unsigned wait_ms;           /* until the job is where it takes long */
    uint32_t skip_pages;
    struct snnq_layer layer;
} Workload;

static Device *boot(void)
{
    return device_boot_on("pc -m 64", ",max-plan-memory=2G,threads=3");
}

/* Start the job and let it get to its work: inputs are read before. */
static void start(Device *d, const Workload *w)
{
    struct snnq_sq_entry entry = huge_entry(d, &w->layer, w->skip_pages);

    core_enable(d, 0, 8, 8);
    ring_push(d, 0, &entry);
    reg_wait(d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, SNNQ_CORE_ST_BUSY,
             SNNQ_CORE_ST_BUSY);
    g_usleep(w->wait_ms * 1000);
    g_assert_true(core_read(d, 0, SNNQ_CORE_STATUS) & SNNQ_CORE_ST_BUSY);
}

static int64_t stop_us(Device *d)
{
    int64_t begin = g_get_monotonic_time(), end;

    qtest_qmp_assert_success(d->qts, "{'execute': 'stop'}");
    end = g_get_monotonic_time();
    qtest_qmp_assert_success(d->qts, "{'execute': 'cont'}");
    return end - begin;
}

static int64_t reset_us(Device *d)
{
    int64_t begin = g_get_monotonic_time(), end;

    qtest_qmp_assert_success(d->qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(d->qts, "RESET");
    end = g_get_monotonic_time();
    device_bring_up(d);
    return end - begin;
}

static int64_t core_reset_us(Device *d)
{
    int64_t begin = g_get_monotonic_time();

    core_write(d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    reg_wait(d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
    return g_get_monotonic_time() - begin;
}

/* The guest's ejection, during which nothing else goes on; the event comes later. */
static int64_t unplug_us(Device *d)
{
    int64_t begin, end;

    qtest_qmp_device_del_send(d->qts, "snnq");
    begin = g_get_monotonic_time();
    qtest_outl(d->qts, ACPI_PCIHP_EJECT, 1 << SLOT);
    end = g_get_monotonic_time();
    qtest_qmp_eventwait(d->qts, "DEVICE_DELETED");
    return end - begin;
}

static int64_t quit_us(Device *d)
{
    int64_t begin = g_get_monotonic_time(), end;
    siginfo_t info;

    qtest_qmp_assert_success(d->qts, "{'execute': 'quit'}");
    g_assert_cmpint(waitid(P_PID, qtest_pid(d->qts), &info, WEXITED | WNOWAIT), ==, 0);
    end = g_get_monotonic_time();
    device_close(d);
    return end - begin;
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The host may be busy with something else once, not most of the time. */
static void check_answer(const char *what, int64_t *us)
{
    qsort(us, ROUNDS, sizeof(*us), compare);
    g_test_message("%s: median %" PRId64 " us, worst %" PRId64, what, us[ROUNDS / 2],
                   us[ROUNDS - 1]);
    g_assert_cmpint(us[ROUNDS / 2], <=, ANSWER_US);
}

static void test_answer(const void *opaque)
{
    const Workload *w = opaque;
    int64_t stop[ROUNDS], core[ROUNDS], reset[ROUNDS], quit[ROUNDS], unplug[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        Device *d = boot();

        start(d, w);
        stop[i] = stop_us(d);
        core[i] = core_reset_us(d);
        start(d, w);
        reset[i] = reset_us(d);
        start(d, w);
        quit[i] = quit_us(d);
        d = boot();
        start(d, w);
        unplug[i] = unplug_us(d);
        device_close(d);
    }
    check_answer("stop", stop);
    check_answer("reset of the core", core);
    check_answer("reset of the machine", reset);
    check_answer("quit", quit);
    check_answer("unplug", unplug);
}

static Workload workloads[] = {
    { "attention", 500, 0, { .op = SNNQ_OP_ATTENTION, .param = 8192 } },
    { "readout", 500, 0, { .op = SNNQ_OP_READOUT, .param = SNNQ_READOUT_LAST } },
    { "events", 300, 0, { .op = SNNQ_OP_EVENTS } },
    { "weights", 300, 0, { .op = SNNQ_OP_LINEAR } },
    { "far-page", 300, UINT32_MAX - 8192, { .op = SNNQ_OP_READOUT, .param = SNNQ_READOUT_LAST } },
};

static void fill_workloads(void)
{
    struct snnq_layer *l = &workloads[0].layer;

    l->in[0] = l->in[1] = l->in[2] = l->out = huge_spikes(256, 128, 8192);
    l = &workloads[1].layer;
    l->in[0] = huge_spikes(256, 256, 16384);
    l->out = huge_sums(16384);
    l = &workloads[2].layer;
    l->in[0] = (struct snnq_tensor) {
        .format = SNNQ_FORMAT_EVENTS, .height = 1, .width = 1, .channels = 1 };
    l->out = huge_spikes(1, 1, 1);
    l = &workloads[3].layer;
    l->in[0] = huge_spikes(1, 1, 16384);
    l->out = huge_sums(16384);
    l->quant = (struct snnq_quant) { .scheme = SNNQ_SCHEME_UNIFORM, .bits = 1 };
    l = &workloads[4].layer;
    l->in[0] = huge_spikes(1, 1, 64);
    l->out = huge_sums(64);
}

static uint64_t host_bytes(Device *d)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", qtest_pid(d->qts));
    g_autofree char *text = NULL;
    const char *rss;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    rss = strstr(text, "VmRSS:");
    g_assert_nonnull(rss);
    return g_ascii_strtoull(rss + strlen("VmRSS:"), NULL, 10) * KiB;
}

static void wait_host_bytes(Device *d, uint64_t most)
{
    for (int ms = 0; host_bytes(d) > most; ms++) {
        g_assert_cmpint(ms, <, WAIT_MS);
        g_usleep(1000);
    }
}

/* Weights of one bit, of which the model makes more; @variant tells programs apart. */
static struct snnq_layer square_layer(uint32_t channels, unsigned variant)
{
    struct snnq_layer l = {
        .op = SNNQ_OP_LINEAR, .out = huge_sums(channels),
        .quant = { .scheme = SNNQ_SCHEME_UNIFORM, .bits = 1 },
        .neuron = { .requant_shift = variant },
    };

    l.in[0] = huge_spikes(1, 1, channels);
    return l;
}

static struct snnq_cq_entry run(Device *d, unsigned core, const struct snnq_layer *l,
                                uint32_t skip_pages)
{
    struct snnq_sq_entry entry = huge_entry(d, l, skip_pages);
    struct snnq_cq_entry record;

    ring_push(d, core, &entry);
    record = ring_pop(d, core);
    ring_ack(d, core);
    return record;
}

/* More than a core's share is refused before it is there, by every core. */
static void test_memory_refused(void)
{
    Device *d = device_boot_on("pc -m 64", "");
    uint64_t before = host_bytes(d);

    for (unsigned core = 0; core < CORES; core++) {
        struct snnq_layer l = square_layer(24576, core);
        struct snnq_cq_entry record;

        core_enable(d, core, 8, 8);
        record = run(d, core, &l, 0);
        g_assert_cmpuint(record.status, ==, SNNQ_STATUS_INTERNAL);
        g_assert_cmphex(record.layer, ==, SNNQ_LAYER_NONE);
        g_assert_cmphex(record.region, ==, SNNQ_REGION_NONE);
        g_assert_cmpuint(record.offset, >, 512 * MiB);
    }
    g_assert_cmpuint(host_bytes(d), <, before + SLACK);
    device_close(d);
}

/* Plans make room for each other, and go by each kind of reset. */
static void test_memory_plans(void)
{
    Device *d = device_boot_on("pc -m 64", ",max-plan-memory=96M");
    uint64_t before = host_bytes(d);

    for (unsigned reset = 0; reset < 3; reset++) {
        core_enable(d, 0, 8, 8);
        for (unsigned i = 0; i < 5; i++) {
            struct snnq_layer l = square_layer(5888, i % 4);

            g_assert_cmpuint(run(d, 0, &l, 0).status, ==, SNNQ_STATUS_OK);
            g_assert_cmpuint(host_bytes(d), >, before + 32 * MiB);
            g_assert_cmpuint(host_bytes(d), <, before + 48 * MiB + SLACK);
        }
        if (reset == 0) {
            core_write(d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
        } else if (reset == 1) {
            reg_write(d, SNNQ_REG_CONTROL, SNNQ_CONTROL_RESET);
        } else {
            qtest_qmp_assert_success(d->qts, "{'execute': 'system_reset'}");
        }
        wait_host_bytes(d, before + SLACK);
        reg_write(d, SNNQ_REG_INT_ENABLE, SNNQ_INT_ALL(CORES));
        reg_write(d, SNNQ_REG_CONTROL, SNNQ_CONTROL_ENABLE);
    }
    device_close(d);
}

/* What is known of page lists counts too. */
static void test_memory_lists(void)
{
    Device *d = device_boot_on("pc -m 64", ",max-plan-memory=32M");
    uint64_t before = host_bytes(d);
    struct snnq_layer l = square_layer(64, 0);
    struct snnq_cq_entry record;

    core_enable(d, 0, 8, 8);
    record = run(d, 0, &l, UINT32_MAX - 8192);
    g_assert_cmpuint(record.status, ==, SNNQ_STATUS_INTERNAL);
    g_assert_cmpuint(record.layer, ==, 0);
    g_assert_cmpuint(record.region, >=, SNNQ_REGION_USER);
    g_assert_cmpuint(host_bytes(d), <, before + 16 * MiB + SLACK);
    g_assert_cmpuint(run(d, 0, &l, 0).status, ==, SNNQ_STATUS_OK);
    device_close(d);
}

void add_limit_tests(void)
{
    qtest_add_func("/snnq/limits/memory/refused", test_memory_refused);
    qtest_add_func("/snnq/limits/memory/plans", test_memory_plans);
    qtest_add_func("/snnq/limits/memory/lists", test_memory_lists);
    fill_workloads();
    for (unsigned i = 0; i < ARRAY_SIZE(workloads); i++) {
        g_autofree char *path = g_strdup_printf("/snnq/limits/answer/%s",
                                                workloads[i].name);

        qtest_add_data_func(path, &workloads[i], test_answer);
    }
}
