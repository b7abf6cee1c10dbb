/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA: memory of jobs, region tables and page lists, through which programs come too.
 *
 * Invariants:
 *  - Every access is checked against the width of DMA addresses, counted (for
 *    injection), refused once the core is being reset, and has its result looked at.
 *  - Only RAM is reached: a device whose registers a job could name is refused.
 *  - An access never crosses a 4 KiB page of host memory, so that the n-th access
 *    does not depend on where the pages lie.
 *  - What was fetched is a private copy, checked after copying.
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "snnq.h"
#include "trace.h"

static const MemTxAttrs attrs = { .memory = true };

/* Last byte that the device can address. */
uint64_t snnq_dma_limit(SnnqState *s)
{
    return s->dma_bits == 64 ? UINT64_MAX : (1ull << s->dma_bits) - 1;
}

static bool dma_in_range(SnnqState *s, uint64_t addr, size_t len)
{
    uint64_t limit = snnq_dma_limit(s);

    return addr <= limit && len - 1 <= limit - addr;
}

/* Access under the BQL. */
bool snnq_dma_bql(SnnqState *s, uint64_t addr, void *buf, size_t len, bool is_write)
{
    bool ok = dma_in_range(s, addr, len) && !snnq_gone(s);

    if (ok) {
        ok = dma_memory_rw(s->as, addr, buf, len,
                           is_write ? DMA_DIRECTION_FROM_DEVICE : DMA_DIRECTION_TO_DEVICE,
                           attrs) == MEMTX_OK;
    }
    if (!ok) {
        trace_snnq_err_dma(s, addr, len, is_write);
    }
    return ok;
}

/*
 * Copy to or from plain RAM without the BQL. False: it is not (all) plain RAM.
 * The RCU section keeps the memory region alive, so that ours is never the last
 * reference to it.
 */
static bool dma_direct(SnnqState *s, uint64_t addr, void *buf, size_t len, bool is_write)
{
    MemoryRegionCache cache;
    bool ok;

    RCU_READ_LOCK_GUARD();
    ok = address_space_cache_init(&cache, s->as, addr, len, is_write) >= (int64_t)len &&
         cache.ptr;
    if (ok) {
        smp_mb();       /* as dma_barrier(): in order with what a CPU sees */
        if (is_write) {
            address_space_write_cached(&cache, 0, buf, len);
            address_space_cache_invalidate(&cache, 0, len);
        } else {
            address_space_read_cached(&cache, 0, buf, len);
        }
    }
    address_space_cache_destroy(&cache);
    return ok;
}

/* With the BQL and the core's lock: serve the thread's access, if there is one. */
void snnq_dma_serve_locked(SnnqCore *core)
{
    SnnqDmaRequest *r = core->request;

    if (!r) {
        return;
    }
    r->result = dma_memory_rw(core->s->as, r->addr, r->buf, r->len,
                              r->is_write ? DMA_DIRECTION_FROM_DEVICE :
                                            DMA_DIRECTION_TO_DEVICE, attrs);
    r->done = true;
    core->request = NULL;
    qemu_cond_broadcast(&core->wake);
}

void snnq_dma_serve(SnnqCore *core)
{
    QEMU_LOCK_GUARD(&core->lock);
    snnq_dma_serve_locked(core);
}

static bool dma_by_bql(SnnqCore *core, uint64_t addr, void *buf, size_t len,
                       bool is_write)
{
    SnnqDmaRequest r = { .addr = addr, .buf = buf, .len = len, .is_write = is_write };

    QEMU_LOCK_GUARD(&core->lock);
    core->request = &r;
    qemu_cond_broadcast(&core->idle);
    qemu_bh_schedule(core->bh);
    while (!r.done) {
        qemu_cond_wait(&core->wake, &core->lock);
    }
    return r.result == MEMTX_OK;
}

/* Whether the thread may go on doing DMA; waits while the machine is stopped. */
static bool dma_allowed(SnnqCore *core)
{
    QEMU_LOCK_GUARD(&core->lock);
    while (core->paused && core->stop < SNNQ_STOP_CORE) {
        core->parked = true;
        qemu_cond_broadcast(&core->idle);
        qemu_cond_wait(&core->wake, &core->lock);
        core->parked = false;
    }
    return core->stop < SNNQ_STOP_CORE;
}

/* One access within a page. */
static bool dma_access(SnnqCore *core, uint64_t addr, void *buf, size_t len,
                       bool is_write)
{
    SnnqState *s = core->s;

    core->job.accesses++;
    return dma_in_range(s, addr, len) && !snnq_inject_dma_error(core) &&
           dma_allowed(core) && !snnq_gone(s) &&
           (dma_direct(s, addr, buf, len, is_write) ||
            dma_by_bql(core, addr, buf, len, is_write));
}

/* Access by the core's thread; a failure is left in job.fault. */
bool snnq_dma_job(SnnqCore *core, uint64_t addr, void *buf, size_t len, bool is_write)
{
    char *at = buf;

    while (len) {
        size_t part = MIN(len, SNNQ_PAGE_BYTES - addr % SNNQ_PAGE_BYTES);

        if (!dma_access(core, addr, at, part, is_write)) {
            trace_snnq_err_dma(core->s, addr, part, is_write);
            snnq_outcome_fail(&core->job.fault, SNNQ_STATUS_DMA, SNNQ_REGION_NONE, addr);
            return false;
        }
        at += part;
        addr += part;
        len -= part;
    }
    return true;
}

/* List pages of a page list: all but the last hold 511 addresses and a link. */
static uint32_t list_pages(uint32_t pages)
{
    return pages <= SNNQ_LIST_ENTRIES ? 1 : DIV_ROUND_UP(pages - 1, SNNQ_LIST_LINK);
}

/* Twice as much room; the old one goes only after that. */
static bool links_grow(SnnqCore *core, SnnqRegion *r)
{
    uint64_t bytes = 2 * r->room * sizeof(*r->links);
    uint64_t *links;

    if (!snnq_memory_take(core, bytes)) {
        return false;
    }
    links = g_try_malloc(bytes);
    if (!links) {
        snnq_memory_give(core, bytes);
        return false;
    }
    memcpy(links, r->links, bytes / 2);
    g_free(r->links);
    snnq_memory_give(core, bytes / 2);
    r->links = links;
    r->room *= 2;
    return true;
}

/* Append the address of the next list page. */
static int link_add(SnnqCore *core, SnnqRegion *r, uint64_t addr)
{
    if (addr % SNNQ_PAGE_BYTES) {
        return SNNQ_STATUS_ACCESS;
    }
    if (r->known == r->room && !links_grow(core, r)) {
        return SNNQ_STATUS_INTERNAL;
    }
    r->links[r->known++] = addr;
    return SNNQ_STATUS_OK;
}

/* Walk the chain up to list page @wanted and hold a copy of it. */
static int list_fetch(SnnqCore *core, SnnqRegion *r, uint32_t wanted)
{
    uint64_t link;
    int status;

    while (r->known <= wanted) {
        if (snnq_job_ending(core)) {
            return SNNQ_STATUS_CANCELLED;
        }
        if (!snnq_dma_job(core, r->links[r->known - 1] + SNNQ_LIST_LINK * sizeof(link),
                          &link, sizeof(link), false)) {
            return SNNQ_STATUS_DMA;
        }
        status = link_add(core, r, link);
        if (status) {
            return status;
        }
    }
    r->cached = UINT32_MAX;
    if (!snnq_dma_job(core, r->links[wanted], r->list, sizeof(r->list), false)) {
        return SNNQ_STATUS_DMA;
    }
    r->cached = wanted;
    return SNNQ_STATUS_OK;
}

/* DMA address of page @page of a region. */
static int page_address(SnnqCore *core, SnnqRegion *r, uint32_t page, uint64_t *addr)
{
    uint32_t list = MIN(page / SNNQ_LIST_LINK, list_pages(r->entry.pages) - 1);
    int status;

    if (r->cached != list) {
        status = list_fetch(core, r, list);
        if (status) {
            return status;
        }
    }
    *addr = r->list[page - list * SNNQ_LIST_LINK];
    return *addr % SNNQ_PAGE_BYTES ? SNNQ_STATUS_ACCESS : SNNQ_STATUS_OK;
}

/* Move bytes of a region that are known to lie within it. */
static int region_copy(SnnqCore *core, SnnqRegion *r, uint64_t *offset, char *buf,
                       size_t bytes, bool is_write)
{
    while (bytes) {
        uint64_t at = r->entry.start + *offset, addr;
        size_t part = MIN(bytes, SNNQ_PAGE_BYTES - at % SNNQ_PAGE_BYTES);
        int status = snnq_job_ending(core) ? SNNQ_STATUS_CANCELLED :
                     page_address(core, r, at / SNNQ_PAGE_BYTES, &addr);

        if (status) {
            return status;
        }
        if (!snnq_dma_job(core, addr + at % SNNQ_PAGE_BYTES, buf, part, is_write)) {
            return SNNQ_STATUS_DMA;
        }
        buf += part;
        *offset += part;
        bytes -= part;
    }
    return SNNQ_STATUS_OK;
}

static int region_access(SnnqCore *core, uint32_t region, uint64_t offset, void *buf,
                         size_t bytes, bool is_write)
{
    SnnqJob *job = &core->job;
    SnnqRegion *r = region < job->region_count ? &job->regions[region] : NULL;
    uint32_t right = is_write ? SNNQ_ACCESS_WRITE : SNNQ_ACCESS_READ;
    int status = SNNQ_STATUS_ACCESS;

    if (r && r->entry.access & right &&
        offset <= r->entry.bytes && bytes <= r->entry.bytes - offset) {
        uint64_t at = offset;

        status = region_copy(core, r, &at, buf, bytes, is_write);
        if (!status && !is_write) {
            snnq_inject_flip(core, region, offset, buf, bytes);
        }
        offset = at;
    }
    if (status == SNNQ_STATUS_ACCESS) {
        trace_snnq_err_access(core->s, core->index, job->entry.job_id, region, offset,
                              bytes, is_write);
        snnq_outcome_fail(&job->fault, status, region, offset);
    }
    return status;
}

int snnq_region_read(void *opaque, uint32_t region, uint64_t offset, void *buf,
                     size_t bytes)
{
    return region_access(opaque, region, offset, buf, bytes, false);
}

int snnq_region_write(void *opaque, uint32_t region, uint64_t offset, const void *buf,
                      size_t bytes)
{
    return region_access(opaque, region, offset, (void *)buf, bytes, true);
}

/* Nothing is known of the list yet but where it begins. */
static void region_open(SnnqRegion *r, struct snnq_region_entry entry)
{
    r->entry = entry;
    r->cached = UINT32_MAX;
    r->links = g_new(uint64_t, 1);
    r->links[0] = entry.page_list;
    r->known = r->room = 1;
}

static void region_close(SnnqCore *core, SnnqRegion *r)
{
    /* The first one is part of the region, so to speak. */
    snnq_memory_give(core, (r->room - 1) * sizeof(*r->links));
    g_free(r->links);
}

/* Copy the program. Status; ACCESS: an address in its list is not that of a page. */
int snnq_program_read(SnnqCore *core, void *program)
{
    struct snnq_sq_entry *e = &core->job.entry;
    g_autofree SnnqRegion *r = g_new(SnnqRegion, 1);
    uint64_t at = 0;
    int status;

    region_open(r, (struct snnq_region_entry) {
        .page_list = e->program, .bytes = e->program_bytes,
        .pages = e->program_pages,
    });
    status = region_copy(core, r, &at, program, e->program_bytes, false);
    region_close(core, r);
    return status;
}

/* Bytes that the job needs of a region. */
static uint64_t region_needs(const struct snnq_program_info *info,
                             const struct snnq_sq_entry *entry, uint32_t region)
{
    switch (region) {
    case SNNQ_REGION_STATE_IN:
    case SNNQ_REGION_STATE_OUT:
        return info->state_bytes;
    case SNNQ_REGION_SCRATCH:
        return info->scratch_bytes;
    }
    region -= SNNQ_REGION_USER;
    return region < info->region_count ?
           snnq_region_required(info, region, entry->steps) :
           (uint64_t)info->layer_count * entry->profile_stride;
}

/* Offset in the table entry of the first field that is wrong, or -1. */
static int region_check(const struct snnq_region_entry *e, uint64_t needs, uint64_t limit)
{
    uint64_t mapped = (uint64_t)e->pages << SNNQ_PAGE_SHIFT;

    if (e->access & ~(SNNQ_ACCESS_READ | SNNQ_ACCESS_WRITE)) {
        return offsetof(struct snnq_region_entry, access);
    }
    if (e->page_list % SNNQ_PAGE_BYTES || (e->pages && e->page_list > limit)) {
        return offsetof(struct snnq_region_entry, page_list);
    }
    if (e->start > mapped) {
        return offsetof(struct snnq_region_entry, start);
    }
    if (e->bytes > mapped - e->start || e->bytes < needs) {
        return offsetof(struct snnq_region_entry, bytes);
    }
    return -1;
}

static bool regions_read(SnnqCore *core, uint32_t count)
{
    SnnqJob *job = &core->job;
    struct snnq_region_entry table[SNNQ_TABLE_ENTRIES];

    if (!snnq_dma_job(core, job->entry.region_table, table, count * sizeof(table[0]),
                      false)) {
        job->outcome = job->fault;
        return false;
    }
    job->regions = g_new0(SnnqRegion, count);       /* at most 36 of 4 KiB */
    job->region_count = count;
    for (uint32_t i = 0; i < count; i++) {
        region_open(&job->regions[i], table[i]);
    }
    return true;
}

/*
 * Fetch and check the region table. False: job.outcome says why. The old state
 * of a job that resets is not read, so its entry may be anything: it becomes empty.
 */
bool snnq_regions_fetch(SnnqCore *core, const struct snnq_program_info *info)
{
    SnnqJob *job = &core->job;
    struct snnq_sq_entry *entry = &job->entry;

    if (!regions_read(core, entry->region_count)) {
        return false;
    }
    if (entry->flags & SNNQ_SQ_FLAG_RESET) {
        job->regions[SNNQ_REGION_STATE_IN].entry = (struct snnq_region_entry) { };
    }
    for (uint32_t i = 0; i < job->region_count; i++) {
        bool unused = i == SNNQ_REGION_STATE_IN && entry->flags & SNNQ_SQ_FLAG_RESET;
        int wrong = region_check(&job->regions[i].entry,
                                 unused ? 0 : region_needs(info, entry, i),
                                 snnq_dma_limit(core->s));

        if (wrong >= 0) {
            snnq_outcome_fail(&job->outcome, SNNQ_STATUS_BAD_REGION, i, wrong);
            return false;
        }
    }
    return true;
}

void snnq_regions_free(SnnqCore *core)
{
    SnnqJob *job = &core->job;

    for (uint32_t i = 0; i < job->region_count; i++) {
        region_close(core, &job->regions[i]);
    }
    g_free(job->regions);
    job->regions = NULL;
    job->region_count = 0;
}
