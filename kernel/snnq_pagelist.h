/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_pagelist.h - lists of 4 KiB device pages, as snnq_regs.h defines them.
 *
 * Device pages are 4 KiB whatever the CPU's pages are. A list is written once by
 * the CPU, and never read back: a device may write to whatever it can read.
 */
#ifndef SNNQ_PAGELIST_H
#define SNNQ_PAGELIST_H

#include <linux/math.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "snnq_regs.h"

struct device;
struct scatterlist;
struct sg_table;

/**
 * struct snnq_place - where in a scatter table a device page is
 * @sg: piece that has it.
 * @page: device pages of the piece before it.
 */
struct snnq_place {
	struct scatterlist *sg;
	u32 page;
};

/**
 * struct snnq_list_page - a page of a page list
 * @cpu: its entries; only written.
 * @dma: its address.
 * @first: the first device page in it.
 */
struct snnq_list_page {
	u64 *cpu;
	dma_addr_t dma;
	struct snnq_place first;
};

/* List pages are allocated by pages of the CPU. */
#define SNNQ_LIST_CHUNK ((u32)(PAGE_SIZE / SNNQ_PAGE_BYTES))

/**
 * struct snnq_pagelist - a page list
 * @pages: device pages in it.
 * @tables: list pages.
 * @table: the list pages; NULL: there is no list.
 */
struct snnq_pagelist {
	u32 pages;
	u32 tables;
	struct snnq_list_page *table;
};

/* List pages for @pages device pages: all but the last spend an entry on a link. */
static inline u32 snnq_pagelist_tables(u32 pages)
{
	if (pages <= SNNQ_LIST_ENTRIES)
		return 1;
	return 1 + DIV_ROUND_UP(pages - SNNQ_LIST_ENTRIES, SNNQ_LIST_LINK);
}

/* Where device page @page of a list with @tables list pages stands. */
static inline u32 snnq_pagelist_slot(u32 tables, u32 page, u32 *slot)
{
	u32 table = page / SNNQ_LIST_LINK;

	if (table == tables) /* the last list page has no link */
		table--;
	*slot = page - table * SNNQ_LIST_LINK;
	return table;
}

/* Memory that the list of @bytes takes. */
static inline u64 snnq_pagelist_bytes(u64 bytes)
{
	u32 tables = snnq_pagelist_tables(bytes >> SNNQ_PAGE_SHIFT);

	return (u64)DIV_ROUND_UP(tables, SNNQ_LIST_CHUNK) * PAGE_SIZE;
}

int snnq_pagelist_build(struct snnq_pagelist *list, struct device *dev, struct sg_table *sgt,
			u64 bytes);
struct snnq_place snnq_pagelist_place(const struct snnq_pagelist *list, u32 page);
void snnq_place_advance(struct snnq_place *place, u32 pages);
dma_addr_t snnq_place_address(const struct snnq_place *place);
void snnq_pagelist_free(struct snnq_pagelist *list, struct device *dev);

#endif /* SNNQ_PAGELIST_H */
