// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page lists: what the device sees of scattered memory.
 */
#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "snnq_pagelist.h"

static u32 snnq_place_pages(const struct snnq_place *place)
{
	return sg_dma_len(place->sg) >> SNNQ_PAGE_SHIFT;
}

dma_addr_t snnq_place_address(const struct snnq_place *place)
{
	return sg_dma_address(place->sg) + ((u64)place->page << SNNQ_PAGE_SHIFT);
}

/* Go on by @pages device pages, to one that is there. */
void snnq_place_advance(struct snnq_place *place, u32 pages)
{
	place->page += pages;
	while (place->page >= snnq_place_pages(place)) {
		place->page -= snnq_place_pages(place);
		place->sg = sg_next(place->sg);
	}
}

/**
 * snnq_pagelist_place() - find a device page
 * @list: list that was built.
 * @page: device page of what is listed, < @list->pages.
 *
 * Any context. Takes at most as many steps as a list page has entries.
 *
 * Return: its place, good as long as the scatter table is there.
 */
struct snnq_place snnq_pagelist_place(const struct snnq_pagelist *list, u32 page)
{
	struct snnq_place place;
	u32 slot;

	place = list->table[snnq_pagelist_slot(list->tables, page, &slot)].first;
	snnq_place_advance(&place, slot);
	return place;
}

/* Big lists take long to make. */
static int snnq_pagelist_breathe(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* List page @i begins a new piece of memory, or goes on in the last one. */
static bool snnq_pagelist_add(struct snnq_pagelist *list, struct device *dev, u32 i)
{
	struct snnq_list_page *t = &list->table[i];

	if (i % SNNQ_LIST_CHUNK) {
		t->cpu = t[-1].cpu + SNNQ_LIST_ENTRIES;
		t->dma = t[-1].dma + SNNQ_PAGE_BYTES;
	} else {
		t->cpu = dma_alloc_coherent(dev, PAGE_SIZE, &t->dma,
					    GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	}
	return t->cpu;
}

static int snnq_pagelist_alloc(struct snnq_pagelist *list, struct device *dev)
{
	int err = 0;
	u32 i;

	list->tables = snnq_pagelist_tables(list->pages);
	list->table =
		kvcalloc(list->tables, sizeof(*list->table), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!list->table)
		return -ENOMEM;
	for (i = 0; !err && i < list->tables; i++) {
		if (!snnq_pagelist_add(list, dev, i))
			return -ENOMEM;
		if (i)
			list->table[i - 1].cpu[SNNQ_LIST_LINK] = list->table[i].dma;
		err = snnq_pagelist_breathe();
	}
	return err;
}

/* List a piece of memory from device page @page on. */
static int snnq_pagelist_add_piece(struct snnq_pagelist *list, struct snnq_place place, u32 *page)
{
	u32 end = min(list->pages, *page + snnq_place_pages(&place)), slot;
	struct snnq_list_page *table;
	int err = 0;

	for (; !err && *page < end; ++*page, place.page++) {
		table = &list->table[snnq_pagelist_slot(list->tables, *page, &slot)];
		table->cpu[slot] = snnq_place_address(&place);
		if (slot)
			continue;
		table->first = place;
		err = snnq_pagelist_breathe();
	}
	return err;
}

/* Exporters of imported buffers may hand over anything: check it. */
static int snnq_pagelist_fill(struct snnq_pagelist *list, struct sg_table *sgt)
{
	struct scatterlist *sg;
	u32 page = 0;
	int i, err;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (!IS_ALIGNED(sg_dma_address(sg), SNNQ_PAGE_BYTES) ||
		    !IS_ALIGNED(sg_dma_len(sg), SNNQ_PAGE_BYTES))
			return -EINVAL;
		err = snnq_pagelist_add_piece(list, (struct snnq_place){ .sg = sg }, &page);
		if (err)
			return err;
	}
	return page == list->pages ? 0 : -EINVAL;
}

/**
 * snnq_pagelist_build() - build the list of a mapped scatter table
 * @list: result; empty on failure.
 * @dev: who reads it.
 * @sgt: memory, mapped for the device.
 * @bytes: of memory, multiple of the device page size, at most SNNQ_MAX_REGION_BYTES.
 *
 * Return: 0, -ENOMEM, -EINTR, or -EINVAL when the memory is not made of device pages.
 */
int snnq_pagelist_build(struct snnq_pagelist *list, struct device *dev, struct sg_table *sgt,
			u64 bytes)
{
	int err;

	list->pages = bytes >> SNNQ_PAGE_SHIFT;
	err = snnq_pagelist_alloc(list, dev);
	if (!err)
		err = snnq_pagelist_fill(list, sgt);
	if (err)
		snnq_pagelist_free(list, dev);
	return err;
}

void snnq_pagelist_free(struct snnq_pagelist *list, struct device *dev)
{
	u32 i;

	for (i = 0; list->table && i < list->tables; i += SNNQ_LIST_CHUNK)
		if (list->table[i].cpu)
			dma_free_coherent(dev, PAGE_SIZE, list->table[i].cpu, list->table[i].dma);
	kvfree(list->table);
	*list = (struct snnq_pagelist){};
}
