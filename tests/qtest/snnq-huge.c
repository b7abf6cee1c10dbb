/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of one layer that are valid and enormous, from a guest that has one page for
 * all their data: every entry of the only list page names it, and its link itself.
 */
#include "qemu/osdep.h"
#include "snnq.h"

typedef struct Program {
    struct snnq_program_header header;
    struct snnq_region_desc region[5];
    struct snnq_layer layer;
} Program;

static uint64_t tensor_bytes(const struct snnq_tensor *t)
{
    uint64_t positions = (uint64_t)t->height * t->width;

    return t->format == SNNQ_FORMAT_INT32 ? positions * t->channels * 4 :
           positions * t->planes * DIV_ROUND_UP(t->channels, 64) * 8;
}

static struct snnq_region_desc role(uint32_t role, uint64_t bytes)
{
    bool timed = role == SNNQ_ROLE_INPUT || role == SNNQ_ROLE_OUTPUT;
    bool written = role == SNNQ_ROLE_OUTPUT || role == SNNQ_ROLE_READOUT;

    return (struct snnq_region_desc) {
        .role = role, .bytes = timed ? 0 : bytes, .step_bytes = timed ? bytes : 0,
        .access = written ? SNNQ_ACCESS_WRITE : SNNQ_ACCESS_READ,
    };
}

/* Give each tensor of the layer a region of its own; the bytes that a job needs of it. */
static unsigned place(Program *p, uint64_t *bytes)
{
    struct snnq_layer *l = &p->layer;
    unsigned n = 0;

    for (unsigned k = 0; k < 3 && l->in[k].format != SNNQ_FORMAT_NONE; k++, n++) {
        bool list = l->in[k].format == SNNQ_FORMAT_EVENTS;

        l->in[k].region = SNNQ_REGION_USER + n;
        bytes[n] = list ? HUGE_LIST_BYTES : tensor_bytes(&l->in[k]);
        p->region[n] = role(list ? SNNQ_ROLE_EVENTS : SNNQ_ROLE_INPUT, list ? 8 : bytes[n]);
    }
    bytes[n] = tensor_bytes(&l->out);
    p->region[n] = role(l->op == SNNQ_OP_READOUT ? SNNQ_ROLE_READOUT : SNNQ_ROLE_OUTPUT,
                        bytes[n]);
    l->out.region = SNNQ_REGION_USER + n++;
    if (l->quant.bits) {
        bytes[n] = (uint64_t)l->in[0].channels *
                   DIV_ROUND_UP(l->out.channels * l->quant.bits, 8);
        p->region[n] = role(SNNQ_ROLE_WEIGHTS, bytes[n]);
        l->quant.region = SNNQ_REGION_USER + n++;
    }
    return n;
}

/* A page of spikes everywhere; as a list of events it is one event for ever. */
static uint64_t list_of_one_page(Device *d, uint8_t content)
{
    uint64_t list = memory_alloc(d, SNNQ_PAGE_BYTES);
    uint64_t page = memory_alloc(d, SNNQ_PAGE_BYTES), entries[SNNQ_LIST_ENTRIES];

    for (unsigned i = 0; i < SNNQ_LIST_LINK; i++) {
        entries[i] = page;
    }
    entries[SNNQ_LIST_LINK] = list;
    qtest_memwrite(d->qts, list, entries, sizeof(entries));
    qtest_memset(d->qts, page, content, SNNQ_PAGE_BYTES);
    return list;
}

static uint64_t table_write(Device *d, uint64_t list, const uint64_t *bytes,
                            unsigned regions, uint32_t skip_pages)
{
    uint64_t at = memory_alloc(d, SNNQ_PAGE_BYTES);

    for (unsigned i = 0; i < SNNQ_REGION_USER + regions; i++) {
        bool user = i >= SNNQ_REGION_USER;
        struct snnq_region_entry e = {
            .page_list = list, .start = user ? (uint64_t)skip_pages << SNNQ_PAGE_SHIFT : 0,
            .bytes = user ? bytes[i - SNNQ_REGION_USER] : SNNQ_PAGE_BYTES,
            .access = SNNQ_ACCESS_READ | SNNQ_ACCESS_WRITE,
        };

        e.pages = DIV_ROUND_UP(e.start + e.bytes, SNNQ_PAGE_BYTES);
        qtest_memwrite(d->qts, at + i * sizeof(e), &e, sizeof(e));
    }
    return at;
}

struct snnq_sq_entry huge_entry(Device *d, const struct snnq_layer *layer,
                                uint32_t skip_pages)
{
    Program p = {
        .header = {
            .magic = SNNQ_PROGRAM_MAGIC, .version = SNNQ_PROGRAM_VERSION,
            .header_bytes = sizeof(struct snnq_program_header),
            .region_bytes = sizeof(struct snnq_region_desc),
            .layer_bytes = sizeof(struct snnq_layer),
            .layer_count = 1, .max_steps = 1, .tile_steps = 1,
            .state_bytes = sizeof(struct snnq_state_header),
        },
        .layer = *layer,
    };
    uint64_t list = list_of_one_page(d, layer->op == SNNQ_OP_EVENTS ? 0 : 0xff);
    uint64_t bytes[5];
    size_t head = sizeof(p.header);
    struct snnq_sq_entry entry;
    Region code;

    p.header.region_count = place(&p, bytes);
    head += p.header.region_count * sizeof(p.region[0]);
    p.header.total_bytes = head + sizeof(p.layer);
    code = region_new(d, 0, p.header.total_bytes, SNNQ_ACCESS_READ);
    region_write(d, &code, 0, &p, head);
    region_write(d, &code, head, &p.layer, sizeof(p.layer));
    entry = (struct snnq_sq_entry) {
        .program = code.list, .program_pages = code.pages,
        .region_table = table_write(d, list, bytes, p.header.region_count, skip_pages),
        .progress = d->progress, .job_id = d->next_id++,
        .program_bytes = p.header.total_bytes, .steps = 1,
        .region_count = SNNQ_REGION_USER + p.header.region_count,
        .flags = SNNQ_SQ_FLAG_RESET,
    };
    region_free(&code);
    return entry;
}

struct snnq_tensor huge_spikes(uint16_t height, uint16_t width, uint32_t channels)
{
    return (struct snnq_tensor) {
        .format = SNNQ_FORMAT_UNSIGNED, .planes = 1, .height = height, .width = width,
        .channels = channels,
    };
}

struct snnq_tensor huge_sums(uint32_t channels)
{
    return (struct snnq_tensor) {
        .format = SNNQ_FORMAT_INT32, .height = 1, .width = 1, .channels = channels,
    };
}
