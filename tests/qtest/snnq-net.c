/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small network: CHANNELS input spikes -> LINEAR, 8-bit uniform weights -> LIF (leak
 * 1/2, hard reset) -> READOUT SUM. Its result is computed here, not by the engine.
 */
#include "qemu/osdep.h"
#include "snnq.h"

#define THRESHOLD       300
#define STATE_BYTES     (sizeof(struct snnq_state_header) + CHANNELS * (4 + 8))

static struct snnq_tensor spikes(uint16_t region)
{
    return (struct snnq_tensor) {
        .region = region, .format = SNNQ_FORMAT_UNSIGNED, .planes = 1, .height = 1,
        .width = 1, .channels = CHANNELS,
    };
}

static void fill_layers(Net *net)
{
    net->program.layer[0] = (struct snnq_layer) {
        .op = SNNQ_OP_LINEAR, .in = { spikes(NET_INPUT) },
        .out = spikes(SNNQ_REGION_SCRATCH),
        .quant = { .region = NET_WEIGHTS, .scheme = SNNQ_SCHEME_UNIFORM, .bits = 8 },
        .neuron = { .model = SNNQ_NEURON_LIF, .leak = SNNQ_LEAK_DIVN, .leak_param = 2,
                    .threshold_count = 1 },
        .state_offset = sizeof(struct snnq_state_header),
    };
    net->program.layer[1] = (struct snnq_layer) {
        .op = SNNQ_OP_READOUT, .param = SNNQ_READOUT_SUM,
        .in = { spikes(SNNQ_REGION_SCRATCH) },
        .out = { .region = NET_READOUT, .format = SNNQ_FORMAT_INT32, .height = 1,
                 .width = 1, .channels = CHANNELS },
        .state_offset = sizeof(struct snnq_state_header) + CHANNELS * 4,
    };
}

static void fill_program(Net *net)
{
    net->program.header = (struct snnq_program_header) {
        .magic = SNNQ_PROGRAM_MAGIC, .version = SNNQ_PROGRAM_VERSION,
        .header_bytes = sizeof(struct snnq_program_header),
        .region_bytes = sizeof(struct snnq_region_desc),
        .layer_bytes = sizeof(struct snnq_layer),
        .total_bytes = sizeof(net->program), .layer_count = 2, .region_count = 3,
        .table_count = 1, .max_steps = NET_STEPS, .tile_steps = 4,
        .scratch_step_bytes = 8, .state_bytes = STATE_BYTES,
    };
    net->program.region[0] = (struct snnq_region_desc) {
        .bytes = sizeof(net->weight), .access = SNNQ_ACCESS_READ,
        .role = SNNQ_ROLE_WEIGHTS };
    net->program.region[1] = (struct snnq_region_desc) {
        .step_bytes = 8, .access = SNNQ_ACCESS_READ, .role = SNNQ_ROLE_INPUT };
    net->program.region[2] = (struct snnq_region_desc) {
        .bytes = CHANNELS * 4, .access = SNNQ_ACCESS_WRITE, .role = SNNQ_ROLE_READOUT };
    fill_layers(net);
    net->program.threshold = THRESHOLD;
}

static void fill_data(Net *net, uint32_t seed)
{
    GRand *random = g_rand_new_with_seed(seed);

    for (unsigned i = 0; i < CHANNELS; i++) {
        for (unsigned j = 0; j < CHANNELS; j++) {
            net->weight[i][j] = g_rand_int_range(random, -127, 128);
        }
    }
    for (unsigned t = 0; t < NET_STEPS; t++) {
        net->input[t] = (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);
        net->input[t] &= (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);
    }
    g_rand_free(random);
}

void net_program(Device *d, Net *net)
{
    region_write(d, &net->code, 0, &net->program, sizeof(net->program));
}

/* The weights begin in the last page of a first list page and end on the second. */
Net *net_new(Device *d, uint32_t seed)
{
    Net *net = g_new0(Net, 1);
    uint32_t r = SNNQ_ACCESS_READ, w = SNNQ_ACCESS_WRITE;
    uint64_t far = SNNQ_LIST_LINK * SNNQ_PAGE_BYTES - 72;

    fill_program(net);
    fill_data(net, seed);
    net->code = region_new(d, 0, sizeof(net->program), r);
    net->table_at = memory_alloc(d, SNNQ_PAGE_BYTES);
    net->profile = region_new(d, 4096 - 192, 4096, w);
    net->region[SNNQ_REGION_STATE_IN] = region_new(d, 0, STATE_BYTES, r | w);
    net->region[SNNQ_REGION_STATE_OUT] = region_new(d, 4000, STATE_BYTES, r | w);
    net->region[SNNQ_REGION_SCRATCH] = region_new(d, 8, 4 * 8, r | w);
    net->region[NET_WEIGHTS] = region_new(d, far, sizeof(net->weight) + 4096, r);
    net->region[NET_INPUT] = region_new(d, 4096 - 24, sizeof(net->input), r);
    net->region[NET_READOUT] = region_new(d, 64, CHANNELS * 4, w);
    net_program(d, net);
    region_write(d, &net->region[NET_WEIGHTS], 0, net->weight, sizeof(net->weight));
    region_write(d, &net->region[NET_INPUT], 0, net->input, sizeof(net->input));
    return net;
}

void net_free(Net *net)
{
    region_free(&net->code);
    region_free(&net->profile);
    for (unsigned i = 0; i < NET_REGIONS; i++) {
        region_free(&net->region[i]);
    }
    g_free(net);
}

void net_table(Device *d, Net *net, unsigned region, struct snnq_region_entry entry)
{
    qtest_memwrite(d->qts, net->table_at + region * sizeof(entry), &entry, sizeof(entry));
}

void net_profile(Device *d, Net *net, struct snnq_sq_entry *entry, uint32_t stride)
{
    net_table(d, net, NET_PROFILE, region_entry(&net->profile));
    entry->flags |= SNNQ_SQ_FLAG_PROFILE;
    entry->profile_stride = stride;
    entry->region_count = NET_REGIONS + 1;
}

struct snnq_sq_entry net_entry(Device *d, Net *net, uint32_t first, uint32_t steps)
{
    for (unsigned i = 0; i < NET_REGIONS; i++) {
        unsigned of = i <= SNNQ_REGION_STATE_OUT && net->flipped ? 1 - i : i;
        struct snnq_region_entry e = region_entry(&net->region[of]);

        if (i == NET_INPUT) {
            e.start += 8 * first;
            e.bytes -= 8 * first;
        }
        net_table(d, net, i, e);
    }
    return (struct snnq_sq_entry) {
        .program = net->code.list, .region_table = net->table_at,
        .progress = d->progress, .state_seq = net->seq, .job_id = d->next_id++,
        .program_bytes = sizeof(net->program), .steps = steps,
        .region_count = NET_REGIONS, .program_pages = net->code.pages,
    };
}

void net_advance(Net *net, uint32_t first, uint32_t steps)
{
    for (uint32_t t = first; t < first + steps; t++) {
        for (unsigned o = 0; o < CHANNELS; o++) {
            int32_t acc = 0, u = net->potential[o];

            for (unsigned i = 0; i < CHANNELS; i++) {
                acc += net->input[t] >> i & 1 ? net->weight[i][o] : 0;
            }
            u = (u >> 1) + acc;         /* floor(u / 2) */
            if (u >= THRESHOLD) {
                u = 0;
                net->sum[o]++;
            }
            net->potential[o] = u;
        }
    }
    net->flipped = !net->flipped;
    net->seq++;
}

void net_check(Device *d, Net *net)
{
    int32_t sum[CHANNELS], potential[CHANNELS];
    struct snnq_state_header h;
    const Region *state = &net->region[net->flipped];

    region_read(d, &net->region[NET_READOUT], 0, sum, sizeof(sum));
    region_read(d, state, 0, &h, sizeof(h));
    region_read(d, state, sizeof(h), potential, sizeof(potential));
    g_assert_cmpmem(sum, sizeof(sum), net->sum, sizeof(net->sum));
    g_assert_cmpmem(potential, sizeof(potential), net->potential, sizeof(net->potential));
    g_assert_cmpuint(h.seq, ==, net->seq);
}

struct snnq_cq_entry net_run(Device *d, unsigned core, Net *net, uint32_t first,
                             uint32_t steps)
{
    struct snnq_sq_entry entry = net_entry(d, net, first, steps);
    struct snnq_cq_entry record;

    ring_push(d, core, &entry);
    record = ring_pop(d, core);
    ring_ack(d, core);
    g_assert_cmpuint(record.job_id, ==, entry.job_id);
    if (record.status == SNNQ_STATUS_OK) {
        assert_record(&record, SNNQ_STATUS_OK, SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0);
        g_assert_cmpuint(record.steps, ==, steps);
        net_advance(net, first, steps);
    }
    return record;
}

void net_push(Device *d, unsigned core, Net *net, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct snnq_sq_entry entry = net_entry(d, net, 0, 1);

        /* A reset each: they do not depend on each other. */
        entry.flags = SNNQ_SQ_FLAG_RESET;
        ring_push(d, core, &entry);
    }
}

void assert_record(const struct snnq_cq_entry *r, uint16_t status, uint16_t layer,
                   uint16_t region, uint64_t offset)
{
    g_assert_cmpuint(r->status, ==, status);
    g_assert_cmphex(r->layer, ==, layer);
    g_assert_cmphex(r->region, ==, region);
    g_assert_cmphex(r->offset, ==, offset);
}

void nets_new(Device *d, Net *net[CORES])
{
    for (unsigned i = 0; i < CORES; i++) {
        net[i] = net_new(d, i);
    }
    cores_enable(d);
}

void nets_free(Net *net[CORES])
{
    for (unsigned i = 0; i < CORES; i++) {
        net_free(net[i]);
    }
}

void nets_run(Device *d, Net *net[CORES])
{
    for (unsigned i = 0; i < CORES; i++) {
        g_assert_cmpuint(net_run(d, i, net[i], 0, 9).status, ==, SNNQ_STATUS_OK);
        net_check(d, net[i]);
    }
}
