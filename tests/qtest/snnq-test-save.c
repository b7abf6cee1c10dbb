/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saving the machine and moving it to another emulator, at work; incoming nonsense. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "qobject/qdict.h"
#include "snnq.h"

#define SLOW_NS         (20 * 1000 * 1000)
#define PER_CORE        2               /* networks */
#define FUZZ_ROUNDS     1500
#define SECTION_FOOTER  0x7e
#define SECTION_NAME    "0000:00:04.0/snnq-pci"

typedef struct Fixture {
    Device *d;
    Net *net[CORES][PER_CORE];
} Fixture;

static Fixture setup(const char *machine)
{
    Fixture f = { .d = device_boot_on(machine, "") };

    for (unsigned i = 0; i < CORES; i++) {
        core_enable(f.d, i, 8, 8);
        for (unsigned j = 0; j < PER_CORE; j++) {
            f.net[i][j] = net_new(f.d, i * PER_CORE + j);
        }
    }
    return f;
}

static void teardown(Fixture *f)
{
    for (unsigned i = 0; i < CORES; i++) {
        for (unsigned j = 0; j < PER_CORE; j++) {
            net_free(f->net[i][j]);
        }
    }
    device_close(f->d);
}

static void check_alive(Fixture *f)
{
    for (unsigned i = 0; i < CORES; i++) {
        g_assert_cmpuint(net_run(f->d, i, f->net[i][0], 0, 9).status, ==, SNNQ_STATUS_OK);
        net_check(f->d, f->net[i][0]);
    }
}

/* How the migration that the machine is part of ended. */
static bool migrated(QTestState *qts)
{
    for (int ms = 0; ms < WAIT_MS; ms += 5) {
        QDict *reply = qtest_qmp_assert_success_ref(qts, "{'execute': 'query-migrate'}");
        const char *status = qdict_get_try_str(reply, "status");
        bool good = status && !strcmp(status, "completed");
        bool bad = status && !strcmp(status, "failed");

        qobject_unref(reply);
        if (good || bad) {
            return good;
        }
        g_usleep(5000);
    }
    g_error("the migration does not end");
}

static void outgoing(Device *d, const char *uri)
{
    qtest_qmp_assert_success(d->qts, "{'execute': 'migrate', 'arguments': {'uri': %s}}", uri);
}

static void incoming(Device *d, const char *uri)
{
    qtest_qmp_assert_success(d->qts, "{'execute': 'migrate-incoming', 'arguments': "
                             "{'uri': %s, 'exit-on-error': false}}", uri);
}

/*
 * Save @from and load it into @to, through a file, a command, or while the one is still
 * there. Whether it arrived.
 */
static bool transfer(Device *from, Device *to, const char *how)
{
    g_autofree char *name = g_strdup_printf("/tmp/snnq-qtest-%d", getpid());
    g_autofree char *uri = g_strdup_printf("%s:%s", how, name);
    g_autofree char *cat = g_strdup_printf("exec:cat >%s", name);
    g_autofree char *tac = g_strdup_printf("exec:cat %s", name);
    bool exec = !strcmp(how, "exec"), live = !strcmp(how, "unix"), sent, ok;

    if (live) {
        incoming(to, uri);
    }
    outgoing(from, exec ? cat : uri);
    sent = migrated(from->qts);
    g_assert_true(sent || live);
    if (!live) {
        incoming(to, exec ? tac : uri);
    }
    ok = migrated(to->qts);
    unlink(name);
    return ok;
}

/* The same machine in another emulator; pointers to the old device are void. */
static Device *move(Device *from, const char *how)
{
    Device *to = device_boot_incoming(from, "");

    g_assert_true(transfer(from, to, how));
    device_arrive(to);
    device_close(from);
    return to;
}

static void await_progress(Device *d, uint64_t value)
{
    for (int ms = 0; qtest_readq(d->qts, d->progress) < value; ms++) {
        g_assert_cmpint(ms, <, WAIT_MS);
        g_usleep(1000);
    }
}

static void expect_good(Device *d, unsigned core, uint32_t id)
{
    struct snnq_cq_entry record = ring_pop(d, core);

    ring_ack(d, core);
    g_assert_cmpuint(record.job_id, ==, id);
    assert_record(&record, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0);
}

/* Every register of the cores and the device but those that live by time. */
static void registers(Device *d, uint32_t *to)
{
    for (unsigned core = 0; core < CORES; core++) {
        for (uint32_t reg = 0; reg < 0x60; reg += 4) {
            *to++ = core_read(d, core, reg);
        }
    }
    for (uint32_t reg = 0; reg < 0x110; reg += 4) {
        *to++ = reg_read(d, reg);
    }
    for (uint32_t reg = SNNQ_REG_INT_STATUS; reg <= SNNQ_REG_RESET_TIME; reg += 4) {
        *to++ = reg_read(d, reg);
    }
}

static void test_idle(void)
{
    enum { COUNT = CORES * 0x18 + 0x44 + 4 };
    uint32_t before[COUNT], after[COUNT];
    Fixture f = setup("pc");

    check_alive(&f);
    core_write(f.d, 0, SNNQ_CORE_COALESCE, 7u << 16 | 3);
    core_write(f.d, 1, SNNQ_CORE_SQ_TAIL, 99);          /* halts */
    core_write(f.d, 1, SNNQ_CORE_SQ_BASE_HI, 0x12);     /* not latched */
    reg_write(f.d, SNNQ_REG_INT_ENABLE, SNNQ_INT_CORE(0));
    registers(f.d, before);
    f.d = move(f.d, "file");
    registers(f.d, after);
    g_assert_cmpmem(before, sizeof(before), after, sizeof(after));
    core_write(f.d, 1, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    reg_wait(f.d, SNNQ_CORE_BASE(1) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
    core_enable(f.d, 1, 8, 8);
    core_write(f.d, 0, SNNQ_CORE_COALESCE, 0);
    check_alive(&f);
    teardown(&f);
}

/* Jobs running and queued on all cores, moved when the first one is so far. */
static void run_moved(uint64_t progress, const char *how)
{
    Fixture f = setup("pc");
    uint32_t id[CORES][PER_CORE];

    check_alive(&f);
    inject(f.d, SNNQ_INJECT_SLOW_NS, SLOW_NS);
    qtest_writeq(f.d->qts, f.d->progress, 0);
    for (unsigned i = 0; i < CORES; i++) {
        for (unsigned j = 0; j < PER_CORE; j++) {
            struct snnq_sq_entry entry = net_entry(f.d, f.net[i][j], 0, NET_STEPS);

            entry.progress += 8 * (i * PER_CORE + j);
            id[i][j] = entry.job_id;
            ring_push(f.d, i, &entry);
        }
    }
    await_progress(f.d, progress);
    f.d = move(f.d, how);
    g_assert_cmpuint(qtest_readq(f.d->qts, f.d->progress), >=, progress);
    inject(f.d, SNNQ_INJECT_SLOW_NS, 0);
    for (unsigned i = 0; i < CORES; i++) {
        for (unsigned j = 0; j < PER_CORE; j++) {
            expect_good(f.d, i, id[i][j]);
            net_advance(f.net[i][j], 0, NET_STEPS);
            net_check(f.d, f.net[i][j]);
        }
        g_assert_true(vector_take(f.d, 1 + i));
    }
    g_assert_cmpuint(qtest_readq(f.d->qts, f.d->progress), >, progress);
    check_alive(&f);
    teardown(&f);
}

static void test_running_file(void)
{
    for (uint64_t progress = 0; progress < 8; progress += 3) {
        run_moved(progress, "file");
    }
}

static void test_running_exec(void)
{
    run_moved(2, "exec");
}

static void test_running_live(void)
{
    for (uint64_t progress = 1; progress < 8; progress += 4) {
        run_moved(progress, "unix");
    }
}

/*
 * Saved again and again, the job ends when it is left alone. Until a busy host has saved it, it
 * must not have ended.
 */
static void test_again(void)
{
    Fixture f = setup("pc");
    struct snnq_sq_entry entry = net_entry(f.d, f.net[0][0], 0, NET_STEPS);
    uint64_t progress = 0;

    inject(f.d, SNNQ_INJECT_SLOW_NS, 25 * SLOW_NS);
    ring_push(f.d, 0, &entry);
    for (int i = 0; i < 3; i++) {
        await_progress(f.d, progress + 2);
        progress = qtest_readq(f.d->qts, f.d->progress);
        f.d = move(f.d, "file");
    }
    inject(f.d, SNNQ_INJECT_SLOW_NS, 0);
    expect_good(f.d, 0, entry.job_id);
    net_advance(f.net[0][0], 0, NET_STEPS);
    net_check(f.d, f.net[0][0]);
    teardown(&f);
}

/* A job that waits for room in the ring; records whose interrupt is still to come. */
static void test_done(void)
{
    Fixture f = setup("pc");
    uint32_t first = f.d->next_id;

    core_write(f.d, 0, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    reg_wait(f.d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
    core_enable(f.d, 0, 8, 2);
    net_push(f.d, 0, f.net[0][0], 2);
    core_write(f.d, 1, SNNQ_CORE_COALESCE, 500u << 16 | 2);
    net_push(f.d, 1, f.net[1][0], 1);
    reg_wait(f.d, SNNQ_CORE_BASE(1) + SNNQ_CORE_CQ_TAIL, UINT32_MAX, 1);
    reg_wait(f.d, SNNQ_CORE_BASE(0) + SNNQ_CORE_SQ_HEAD, UINT32_MAX, 2);
    reg_wait(f.d, SNNQ_CORE_BASE(0) + SNNQ_CORE_STATUS, SNNQ_CORE_ST_BUSY, 0);
    vector_wait(f.d, 1);
    g_assert_false(vector_take(f.d, 2));
    f.d = move(f.d, "file");

    expect_good(f.d, 0, first);
    expect_good(f.d, 0, first + 1);
    vector_wait(f.d, 1);
    qtest_clock_step(f.d->qts, 499 * 1000);
    g_assert_false(vector_take(f.d, 2));
    qtest_clock_step(f.d->qts, 2 * 1000);
    vector_wait(f.d, 2);
    expect_good(f.d, 1, first + 2);
    teardown(&f);
}

/* What was asked of the device and is not done yet is done by the other. */
static void test_asked(void)
{
    Fixture f = setup("pc");
    struct snnq_sq_entry entry = net_entry(f.d, f.net[0][0], 0, NET_STEPS);
    uint32_t id = entry.job_id;

    /* A job that ends by a cancel, though this one does not heed it; the next, too. */
    inject(f.d, SNNQ_INJECT_HANG_LEVEL, SNNQ_INJECT_HANG_UNTIL_CORE_RESET);
    inject(f.d, SNNQ_INJECT_HANG_LAYER, 1);
    ring_push(f.d, 0, &entry);
    reg_wait(f.d, SNNQ_INJECT_REG(SNNQ_INJECT_HANG_COUNT), UINT32_MAX, 0);
    net_push(f.d, 0, f.net[0][1], 1);
    core_write(f.d, 0, SNNQ_CORE_CANCEL, id);
    core_write(f.d, 0, SNNQ_CORE_CANCEL, id + 1);
    /* A reset that does not end. */
    inject(f.d, SNNQ_INJECT_STUCK_RESET, SNNQ_INJECT_STUCK_CORE);
    net_push(f.d, 1, f.net[1][0], 3);
    core_write(f.d, 1, SNNQ_CORE_CONTROL, SNNQ_CORE_CTL_RESET);
    f.d = move(f.d, "file");

    for (unsigned i = 0; i < 2; i++) {
        struct snnq_cq_entry record = ring_pop(f.d, 0);

        ring_ack(f.d, 0);
        g_assert_cmpuint(record.job_id, ==, id + i);
        g_assert_cmpuint(record.status, ==, SNNQ_STATUS_CANCELLED);
    }
    g_assert_true(core_read(f.d, 1, SNNQ_CORE_STATUS) & SNNQ_CORE_ST_RESETTING);
    inject(f.d, SNNQ_INJECT_STUCK_RESET, 0);
    reg_wait(f.d, SNNQ_CORE_BASE(1) + SNNQ_CORE_STATUS, UINT32_MAX, 0);
    core_enable(f.d, 1, 8, 8);
    check_alive(&f);
    teardown(&f);
}

/* Without power, by register and by the bus. */
static void test_off(void)
{
    Fixture f = setup("pc");
    uint8_t pm = qpci_find_capability(f.d->pci, PCI_CAP_ID_PM, 0);

    reg_write(f.d, SNNQ_REG_POWER_STATE, SNNQ_POWER_STATE_OFF);
    f.d = move(f.d, "file");
    g_assert_cmphex(reg_read(f.d, SNNQ_REG_STATUS), ==, 0);
    reg_write(f.d, SNNQ_REG_POWER_STATE, SNNQ_POWER_STATE_ON);
    reg_wait(f.d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);
    qpci_config_writew(f.d->pci, pm + PCI_PM_CTRL, 3);
    f.d = move(f.d, "file");
    g_assert_cmphex(reg_read(f.d, SNNQ_REG_ID), !=, SNNQ_ID);
    qpci_config_writew(f.d->pci, pm + PCI_PM_CTRL, 0);
    reg_wait(f.d, SNNQ_REG_STATUS, UINT32_MAX, SNNQ_DEV_STATUS_READY);
    device_enable(f.d);
    cores_enable(f.d);
    check_alive(&f);
    teardown(&f);
}

/* Another device than the guest knows; and the first one goes on where nobody listens. */
static void test_refused(void)
{
    static const char *const other[] = {
        ",cores=3", ",ring-size=64", ",sram=128K", ",dma-bits=39", ",max-dim=16", ",neurons=1",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(other); i++) {
        Fixture f = setup("pc");
        struct snnq_sq_entry entry = net_entry(f.d, f.net[0][0], 0, NET_STEPS);
        Device *to = device_boot_incoming(f.d, other[i]);

        inject(f.d, SNNQ_INJECT_SLOW_NS, SLOW_NS);
        ring_push(f.d, 0, &entry);
        if (i == 0) {
            outgoing(f.d, "exec:false");
            g_assert_false(migrated(f.d->qts));
        }
        g_assert_false(transfer(f.d, to, i ? "file" : "unix"));
        qtest_quit(to->qts);
        qtest_qmp_assert_success(f.d->qts, "{'execute': 'cont'}");
        inject(f.d, SNNQ_INJECT_SLOW_NS, 0);
        expect_good(f.d, 0, entry.job_id);
        net_advance(f.net[0][0], 0, NET_STEPS);
        net_check(f.d, f.net[0][0]);
        teardown(&f);
    }
}

/* A disk with a snapshot of the machine, and where the device's state lies in it. */
typedef struct State {
    char *name;
    uint8_t *bytes;
    gsize size;
    size_t begin, end;
} State;

static size_t find(const State *s, size_t from, const void *what, size_t n)
{
    uint8_t *at = memmem(s->bytes + from, s->size - from, what, n);

    g_assert_nonnull(at);
    return at - s->bytes;
}

/* A new disk of the machine, empty. */
static char *disk_new(Device *d)
{
    char *name = g_strdup_printf("/tmp/snnq-qtest-disk-%d", getpid());

    g_assert_true(g_file_set_contents(name, "", 0, NULL));
    qtest_qmp_assert_success(d->qts, "{'execute': 'blockdev-add', 'arguments': "
                             "{'driver': 'file', 'node-name': 'file', 'filename': %s}}", name);
    qtest_qmp_assert_success(d->qts, "{'execute': 'blockdev-create', 'arguments': {'job-id': "
                             "'disk', 'options': {'driver': 'qcow2', 'file': 'file', "
                             "'size': 1048576}}}");
    qtest_qmp_eventwait(d->qts, "JOB_STATUS_CHANGE");
    while (true) {
        QDict *event = qtest_qmp_eventwait_ref(d->qts, "JOB_STATUS_CHANGE");
        bool over = !strcmp(qdict_get_str(qdict_get_qdict(event, "data"), "status"),
                            "concluded");

        qobject_unref(event);
        if (over) {
            break;
        }
    }
    qtest_qmp_assert_success(d->qts, "{'execute': 'blockdev-add', 'arguments': "
                             "{'driver': 'qcow2', 'node-name': 'disk', 'file': 'file'}}");
    return name;
}

/* From the capability registers on, which come first, to the footer of its section. */
static State state_save(Device *d)
{
    State s = { .name = disk_new(d) };
    uint8_t id[4], footer[5] = { SECTION_FOOTER };
    g_autofree char *answer = qtest_hmp(d->qts, "savevm s");
    size_t name;

    g_assert_cmpstr(answer, ==, "");
    g_assert_true(g_file_get_contents(s.name, (char **)&s.bytes, &s.size, NULL));
    name = find(&s, 0, SECTION_NAME, strlen(SECTION_NAME));
    stl_be_p(id, SNNQ_ID);
    s.begin = find(&s, name, id, sizeof(id));
    /* The section's number lies before its name and the name's length. */
    memcpy(footer + 1, s.bytes + name - 5, 4);
    s.end = find(&s, s.begin, footer, sizeof(footer));
    return s;
}

/* Load the snapshot with other @bytes of the device. The disk is open: it keeps its inode. */
static bool state_load(Device *d, const State *s, const uint8_t *bytes)
{
    size_t n = s->end - s->begin;
    int fd = open(s->name, O_WRONLY);
    g_autofree char *answer = NULL;

    g_assert_cmpint(pwrite(fd, bytes, n, s->begin), ==, n);
    close(fd);
    answer = qtest_hmp(d->qts, "loadvm s");
    return !*answer;
}

/* Change bits, or numbers. */
static void spoil(GRand *rand, uint8_t *bytes, size_t n)
{
    static const uint32_t odd[] = { 0, 1, 2, 3, 8, 0x80, 0xffff, 0x10000, INT32_MAX, 1u << 31,
                                    UINT32_MAX };

    for (int times = g_rand_int_range(rand, 1, 4); times; times--) {
        size_t at = g_rand_int_range(rand, 0, n - 4);

        if (g_rand_boolean(rand)) {
            bytes[at] ^= 1u << g_rand_int_range(rand, 0, 8);
        } else {
            stl_be_p(bytes + at, odd[g_rand_int_range(rand, 0, ARRAY_SIZE(odd))]);
        }
    }
}

/* What it is like after whatever was loaded: indices lie in their rings. */
static void check_sane(Device *d)
{
    for (unsigned i = 0; i < CORES; i++) {
        uint32_t status = core_read(d, i, SNNQ_CORE_STATUS);

        if (status == UINT32_MAX || !(status & SNNQ_CORE_ST_ENABLED)) {
            continue;
        }
        g_assert_cmpuint(core_read(d, i, SNNQ_CORE_SQ_HEAD), <, 1024);
        g_assert_cmpuint(core_read(d, i, SNNQ_CORE_SQ_TAIL), <, 1024);
        g_assert_cmpuint(core_read(d, i, SNNQ_CORE_CQ_HEAD), <, 1024);
        g_assert_cmpuint(core_read(d, i, SNNQ_CORE_CQ_TAIL), <, 1024);
    }
}

/* With a job running, one queued, and interrupts to come, the state is spoiled. */
static void test_fuzz(void)
{
    Fixture f = setup("pc -m 64");
    struct snnq_sq_entry entry = net_entry(f.d, f.net[0][0], 0, NET_STEPS);
    g_autoptr(GRand) rand = g_rand_new_with_seed(20);
    unsigned good = 0;
    State s;

    inject(f.d, SNNQ_INJECT_SLOW_NS, SLOW_NS);
    ring_push(f.d, 0, &entry);
    net_push(f.d, 0, f.net[0][1], 1);
    core_write(f.d, 1, SNNQ_CORE_COALESCE, 500u << 16 | 2);
    await_progress(f.d, 2);
    s = state_save(f.d);
    for (int i = 0; i < FUZZ_ROUNDS; i++) {
        size_t n = s.end - s.begin;
        g_autofree uint8_t *bytes = g_memdup2(s.bytes + s.begin, n);

        /* Capability registers come first, and are but compared. */
        spoil(rand, bytes + SNNQ_REG_CAP_END, n - SNNQ_REG_CAP_END);
        qtest_qmp_assert_success(f.d->qts, "{'execute': 'stop'}");
        if (state_load(f.d, &s, bytes)) {
            good++;
        }
        qtest_qmp_assert_success(f.d->qts, "{'execute': 'cont'}");
        check_sane(f.d);
    }
    g_test_message("%u of %u accepted", good, FUZZ_ROUNDS);
    g_assert_cmpuint(good, >, FUZZ_ROUNDS / 20);
    g_assert_cmpuint(good, <, FUZZ_ROUNDS - FUZZ_ROUNDS / 20);
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'stop'}");
    g_assert_true(state_load(f.d, &s, s.bytes + s.begin));
    qtest_qmp_assert_success(f.d->qts, "{'execute': 'cont'}");
    inject(f.d, SNNQ_INJECT_SLOW_NS, 0);
    expect_good(f.d, 0, entry.job_id);
    net_advance(f.net[0][0], 0, NET_STEPS);
    net_check(f.d, f.net[0][0]);
    unlink(s.name);
    g_free(s.name);
    g_free(s.bytes);
    teardown(&f);
}

void add_save_tests(void)
{
    qtest_add_func("/snnq/save/idle", test_idle);
    qtest_add_func("/snnq/save/running-file", test_running_file);
    qtest_add_func("/snnq/save/again", test_again);
    qtest_add_func("/snnq/save/done", test_done);
    qtest_add_func("/snnq/save/asked", test_asked);
    if (on_pci()) {
        qtest_add_func("/snnq/save/running-exec", test_running_exec);
        qtest_add_func("/snnq/save/running-live", test_running_live);
        qtest_add_func("/snnq/save/off", test_off);
        qtest_add_func("/snnq/save/refused", test_refused);
        qtest_add_func("/snnq/save/fuzz", test_fuzz);
    }
}
