/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The golden vectors through the device. SNNQ_GOLDEN names the file, whose format is
 * in tests/reference/README.md; they come from an implementation of its own.
 */
#include "qemu/osdep.h"
#include "snnq.h"

#define FILL            0xa5

enum { INPUT_NEW, INPUT_SAME, OUTPUT };

struct golden_case {
    char name[64];
    uint32_t program_bytes, jobs, regions, reserved;
};

struct golden_job {
    uint32_t steps, flags, status;
    uint16_t layer, region;
    uint64_t offset;
};

struct golden_region {
    uint32_t kind, reserved;
    uint64_t bytes;
};

/* A place in the file; reading beyond its end fails the test. */
typedef struct Cursor {
    const char *at, *end;
} Cursor;

typedef struct Case {
    Device *d;
    const struct golden_case *golden;
    const struct snnq_program_header *header;
    uint64_t table_at;
    Region code, profile;
    Region region[SNNQ_MAX_REGIONS];
    const void *expected[SNNQ_MAX_REGIONS];     /* of outputs, else NULL */
    bool flipped;
    uint64_t seq;
} Case;

static const void *take(Cursor *c, uint64_t bytes)
{
    const char *at = c->at;

    g_assert_cmpuint(ROUND_UP(bytes, 8), <=, c->end - c->at);
    c->at += ROUND_UP(bytes, 8);
    return at;
}

static void region_fill(Device *d, const Region *r, int byte)
{
    g_autofree char *buf = g_malloc(r->bytes);

    memset(buf, byte, r->bytes);
    region_write(d, r, 0, buf, r->bytes);
}

static void compare(Case *c, unsigned job, const char *what, const void *got,
                    const void *want, uint64_t bytes)
{
    const uint8_t *g = got, *w = want;

    for (uint64_t i = 0; i < bytes; i++) {
        if (g[i] != w[i]) {
            g_error("%s, job %u, %s: byte %" PRIu64 " is 0x%02x, expected 0x%02x",
                    c->golden->name, job, what, i, g[i], w[i]);
        }
    }
}

static void compare_region(Case *c, unsigned job, const char *what, const Region *r,
                           const void *want)
{
    g_autofree char *got = g_malloc(r->bytes);

    region_read(c->d, r, 0, got, r->bytes);
    compare(c, job, what, got, want, r->bytes);
}

static void case_begin(Case *c, Cursor *at)
{
    uint32_t rw = SNNQ_ACCESS_READ | SNNQ_ACCESS_WRITE;
    Region *r = c->region;

    c->golden = take(at, sizeof(*c->golden));
    c->header = take(at, c->golden->program_bytes);
    c->code = region_new(c->d, 0, c->golden->program_bytes, SNNQ_ACCESS_READ);
    c->table_at = memory_alloc(c->d, SNNQ_PAGE_BYTES);
    c->profile = region_new(c->d, 64, c->header->layer_count *
                                      sizeof(struct snnq_layer_stats), SNNQ_ACCESS_WRITE);
    region_write(c->d, &c->code, 0, c->header, c->golden->program_bytes);
    r[0] = region_new(c->d, 0, c->header->state_bytes, rw);
    r[1] = region_new(c->d, 16, c->header->state_bytes, rw);
    r[2] = region_new(c->d, 0, c->header->tile_steps * c->header->scratch_step_bytes, rw);
    region_fill(c->d, &r[0], 0);
}

static void job_region(Case *c, Cursor *at, unsigned i)
{
    const struct golden_region *g = take(at, sizeof(*g));
    Region *r = &c->region[i];

    c->expected[i] = NULL;
    if (g->kind == INPUT_SAME) {
        return;
    }
    region_free(r);
    *r = region_new(c->d, 8 * i, g->bytes,
                    g->kind == OUTPUT ? SNNQ_ACCESS_WRITE : SNNQ_ACCESS_READ);
    if (g->kind == OUTPUT) {
        c->expected[i] = take(at, g->bytes);
        region_fill(c->d, r, FILL);
    } else {
        region_write(c->d, r, 0, take(at, g->bytes), g->bytes);
    }
}

static struct snnq_cq_entry job_run(Case *c, const struct golden_job *g)
{
    unsigned regions = SNNQ_REGION_USER + c->golden->regions;
    struct snnq_sq_entry entry = {
        .program = c->code.list, .region_table = c->table_at,
        .profile_stride = sizeof(struct snnq_layer_stats), .progress = c->d->progress, .state_seq = c->seq,
        .job_id = c->d->next_id++, .program_bytes = c->golden->program_bytes,
        .program_pages = c->code.pages, .steps = g->steps, .region_count = regions + 1,
        .flags = SNNQ_SQ_FLAG_PROFILE | (g->flags & 1 ? SNNQ_SQ_FLAG_RESET : 0),
    };
    struct snnq_cq_entry record;

    for (unsigned i = 0; i <= regions; i++) {
        unsigned of = i <= SNNQ_REGION_STATE_OUT && c->flipped ? 1 - i : i;
        struct snnq_region_entry e = region_entry(i < regions ? &c->region[of] : &c->profile);

        qtest_memwrite(c->d->qts, c->table_at + i * sizeof(e), &e, sizeof(e));
    }
    ring_push(c->d, 0, &entry);
    record = ring_pop(c->d, 0);
    ring_ack(c->d, 0);
    return record;
}

static void job_counters(Case *c, Cursor *at, unsigned job)
{
    const uint32_t *head = take(at, 8);
    uint32_t layers = head[0], mask = head[1];
    size_t bytes = layers * sizeof(struct snnq_layer_stats);
    const uint64_t *want = take(at, bytes);
    g_autofree uint64_t *got = g_malloc(bytes + 1);
    char what[64];

    region_read(c->d, &c->profile, 0, got, bytes);
    for (unsigned i = 0; i < bytes / 8; i++) {
        if (mask >> i % 16 & 1) {
            snprintf(what, sizeof(what), "counter %u of layer %u", i % 16, i / 16);
            compare(c, job, what, &got[i], &want[i], 8);
        }
    }
}

static void case_job(Case *c, Cursor *at, unsigned job)
{
    const struct golden_job *g = take(at, sizeof(*g));
    struct snnq_cq_entry record;
    const void *state;
    uint64_t state_bytes;

    for (unsigned i = 0; i < c->golden->regions; i++) {
        job_region(c, at, SNNQ_REGION_USER + i);
    }
    record = job_run(c, g);
    if (record.status != g->status) {
        g_error("%s, job %u: status %u, expected %u", c->golden->name, job, record.status,
                g->status);
    }
    assert_record(&record, g->status, g->layer, g->region, g->offset);
    state_bytes = *(const uint64_t *)take(at, 8);
    state = take(at, state_bytes);
    if (!record.status) {
        c->flipped = !c->flipped;
        c->seq++;
        g_assert_cmpuint(state_bytes, ==, c->header->state_bytes);
        compare_region(c, job, "state", &c->region[c->flipped], state);
        for (unsigned i = 0; i < SNNQ_MAX_REGIONS; i++) {
            if (c->expected[i]) {
                compare_region(c, job, "output", &c->region[i], c->expected[i]);
            }
        }
    }
    job_counters(c, at, job);
}

static void run_case(Device *d, Cursor *at)
{
    uint64_t mark = d->memory;
    Case c = { .d = d };
    uint64_t bytes = *(const uint64_t *)take(at, 8);
    Cursor in = { .at = at->at };

    take(at, bytes);
    in.end = at->at;
    case_begin(&c, &in);
    for (unsigned i = 0; i < c.golden->jobs; i++) {
        case_job(&c, &in, i);
    }
    g_assert(in.at == in.end);
    region_free(&c.code);
    region_free(&c.profile);
    for (unsigned i = 0; i < SNNQ_MAX_REGIONS; i++) {
        region_free(&c.region[i]);
    }
    d->memory = mark;
}

static void test_golden(void)
{
    const char *name = g_getenv("SNNQ_GOLDEN");
    g_autofree char *content = NULL;
    gsize bytes;
    Cursor at;
    Device *d;
    uint32_t cases;

    if (!name) {
        g_test_skip("SNNQ_GOLDEN names no file");
        return;
    }
    g_assert_true(g_file_get_contents(name, &content, &bytes, NULL));
    at = (Cursor) { .at = content, .end = content + bytes };
    g_assert_cmpmem(take(&at, 8), 8, "SNNQGOLD", 8);
    g_assert_cmpuint(*(const uint32_t *)at.at, ==, 1);
    cases = ((const uint32_t *)take(&at, 8))[1];
    g_assert_cmpuint(cases, >, 0);
    d = device_boot("");
    core_enable(d, 0, 8, 8);
    for (uint32_t i = 0; i < cases; i++) {
        run_case(d, &at);
    }
    g_assert(at.at == at.end);
    g_test_message("%u golden cases", cases);
    device_close(d);
}

void add_golden_tests(void)
{
    qtest_add_func("/snnq/golden", test_golden);
}
