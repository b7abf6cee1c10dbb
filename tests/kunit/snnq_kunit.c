// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what needs no device: page lists and the validator as the kernel
 * compiles it. Catches: wrong links at the edges of list pages, lists of memory
 * that the device cannot address by pages, programs accepted by default.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>

#include "../../kernel/snnq_pagelist.c"
#include "snnq_validate.h"

#define TEST_BASE 0x40000000ull

struct test_lists {
	struct platform_device *pdev;
};

static int test_init(struct kunit *test)
{
	struct test_lists *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->pdev = platform_device_register_simple("snnq-kunit", PLATFORM_DEVID_AUTO, NULL, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->pdev));
	test->priv = t;
	KUNIT_ASSERT_EQ(test, 0, dma_coerce_mask_and_coherent(&t->pdev->dev, DMA_BIT_MASK(64)));
	return 0;
}

static void test_exit(struct kunit *test)
{
	struct test_lists *t = test->priv;

	if (!t)
		return;
	platform_device_unregister(t->pdev);
}

/* A table of two pieces, as if mapped; @first device pages in the first. */
static void test_table(struct sg_table *sgt, struct scatterlist sg[2], u32 first, u32 pages)
{
	u32 length[2] = { first, pages - first };
	int i, n = length[1] ? 2 : 1;

	sg_init_table(sg, n);
	*sgt = (struct sg_table){ .sgl = sg, .nents = n, .orig_nents = n };
	for (i = 0; i < n; i++) {
		sg_dma_address(&sg[i]) = TEST_BASE * (i + 1);
		sg_dma_len(&sg[i]) = length[i] * SNNQ_PAGE_BYTES;
		sg[i].length = sg_dma_len(&sg[i]);
	}
}

static u64 test_expected(u32 first, u32 page)
{
	return page < first ? TEST_BASE + (u64)page * SNNQ_PAGE_BYTES :
			      2 * TEST_BASE + (u64)(page - first) * SNNQ_PAGE_BYTES;
}

/* Walk the list as the device does: see snnq_regs.h. */
static void test_walk(struct kunit *test, const struct snnq_pagelist *list, u32 first)
{
	u32 page = 0, table = 0, slot = 0, left;

	while (page < list->pages) {
		left = list->pages - page;
		if (slot == SNNQ_LIST_LINK && left > 1) {
			KUNIT_ASSERT_LT(test, table + 1, list->tables);
			KUNIT_ASSERT_EQ(test, list->table[table].cpu[slot],
					list->table[table + 1].dma);
			table++;
			slot = 0;
			continue;
		}
		KUNIT_ASSERT_EQ(test, list->table[table].cpu[slot], test_expected(first, page));
		page++;
		slot++;
	}
	KUNIT_EXPECT_EQ(test, table + 1, list->tables);
}

static void test_sizes(struct kunit *test)
{
	static const u32 sizes[] = { 1, 2, 510, 511, 512, 513, 1022, 1023, 1024, 1533, 1534, 1535 };
	struct test_lists *t = test->priv;
	struct snnq_pagelist list = {};
	struct scatterlist sg[2];
	struct sg_table sgt;
	u32 i, first;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		first = (sizes[i] + 1) / 2;
		test_table(&sgt, sg, first, sizes[i]);
		KUNIT_ASSERT_EQ(test, 0,
				snnq_pagelist_build(&list, &t->pdev->dev, &sgt,
						    (u64)sizes[i] * SNNQ_PAGE_BYTES));
		test_walk(test, &list, first);
		snnq_pagelist_free(&list, &t->pdev->dev);
		KUNIT_EXPECT_PTR_EQ(test, list.table, NULL);
	}
}

/* A device may write to its list. What the kernel makes of addresses must not come from there. */
static void test_spoilt(struct kunit *test)
{
	const u32 pages = 2 * SNNQ_LIST_ENTRIES + 3, first = SNNQ_LIST_ENTRIES + 100;
	struct test_lists *t = test->priv;
	struct snnq_pagelist list = {};
	struct snnq_place place, next;
	struct scatterlist sg[2];
	struct sg_table sgt;
	u32 page, i;

	test_table(&sgt, sg, first, pages);
	KUNIT_ASSERT_EQ(test, 0,
			snnq_pagelist_build(&list, &t->pdev->dev, &sgt,
					    (u64)pages * SNNQ_PAGE_BYTES));
	for (i = 0; i < list.tables; i++)
		memset(list.table[i].cpu, 0xa5, SNNQ_PAGE_BYTES);
	next = snnq_pagelist_place(&list, 0);
	for (page = 0; page < pages; page++) {
		place = snnq_pagelist_place(&list, page);
		KUNIT_ASSERT_EQ(test, snnq_place_address(&place), test_expected(first, page));
		KUNIT_ASSERT_EQ(test, snnq_place_address(&next), test_expected(first, page));
		if (page + 1 < pages)
			snnq_place_advance(&next, 1);
	}
	snnq_pagelist_free(&list, &t->pdev->dev);
}

/* Pieces of one page each, the most that there can be, and steps over several. */
static void test_fragments(struct kunit *test)
{
	const u32 pages = 2 * SNNQ_LIST_ENTRIES + 3;
	struct test_lists *t = test->priv;
	struct snnq_pagelist list = {};
	struct snnq_place place;
	struct scatterlist *sg;
	struct sg_table sgt;
	u32 page;
	int i;

	KUNIT_ASSERT_EQ(test, 0, sg_alloc_table(&sgt, pages, GFP_KERNEL));
	for_each_sgtable_dma_sg(&sgt, sg, i) {
		sg_dma_address(sg) = TEST_BASE + 2 * i * SNNQ_PAGE_BYTES;
		sg_dma_len(sg) = SNNQ_PAGE_BYTES;
	}
	KUNIT_EXPECT_EQ(test, 0,
			snnq_pagelist_build(&list, &t->pdev->dev, &sgt,
					    (u64)pages * SNNQ_PAGE_BYTES));
	for (page = 0; list.table && page < pages; page++) {
		place = snnq_pagelist_place(&list, page);
		KUNIT_EXPECT_EQ(test, snnq_place_address(&place),
				TEST_BASE + 2ull * page * SNNQ_PAGE_BYTES);
		if (page + 16 >= pages)
			continue;
		snnq_place_advance(&place, 16);
		KUNIT_EXPECT_EQ(test, snnq_place_address(&place),
				TEST_BASE + 2ull * (page + 16) * SNNQ_PAGE_BYTES);
	}
	snnq_pagelist_free(&list, &t->pdev->dev);
	sg_free_table(&sgt);
}

static void test_refused(struct kunit *test)
{
	struct test_lists *t = test->priv;
	struct snnq_pagelist list = {};
	struct scatterlist sg[2];
	struct sg_table sgt;

	test_table(&sgt, sg, 2, 4); /* shorter than claimed */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			snnq_pagelist_build(&list, &t->pdev->dev, &sgt, 5 * SNNQ_PAGE_BYTES));
	sg_dma_address(&sg[1]) += 64;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			snnq_pagelist_build(&list, &t->pdev->dev, &sgt, 4 * SNNQ_PAGE_BYTES));
	test_table(&sgt, sg, 2, 4);
	sg_dma_len(&sg[0]) -= 8;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			snnq_pagelist_build(&list, &t->pdev->dev, &sgt, 4 * SNNQ_PAGE_BYTES));
	KUNIT_EXPECT_PTR_EQ(test, list.table, NULL);
}

/* Each page of a list of any length has its own place, none of them that of a link. */
static void test_places(struct kunit *test)
{
	u32 pages, page, table, slot, tables, last;

	for (pages = 1; pages < 3 * SNNQ_LIST_ENTRIES; pages++) {
		tables = snnq_pagelist_tables(pages);
		last = 0;
		for (page = 0; page < pages; page++) {
			table = snnq_pagelist_slot(tables, page, &slot);
			KUNIT_ASSERT_LT(test, table, tables);
			KUNIT_ASSERT_LT(test, slot, SNNQ_LIST_ENTRIES);
			if (slot == SNNQ_LIST_LINK)
				KUNIT_ASSERT_EQ(test, table + 1, tables);
			if (page)
				KUNIT_ASSERT_GT(test, table * SNNQ_LIST_ENTRIES + slot, last);
			last = table * SNNQ_LIST_ENTRIES + slot;
		}
		/* the last list page is not empty */
		KUNIT_ASSERT_EQ(test, table + 1, tables);
	}
}

#define TEST_CHANNELS 64

struct test_program {
	struct snnq_program_header header;
	struct snnq_region_desc region[3];
	struct snnq_layer layer[2];
	__s32 table[2];
};

static struct snnq_tensor test_tensor(u32 region, u32 format, u32 planes)
{
	return (struct snnq_tensor){
		.region = region,
		.format = format,
		.planes = planes,
		.height = 1,
		.width = 1,
		.channels = TEST_CHANNELS,
	};
}

/* Spikes -> LINEAR with LIF neurons -> sums of their spikes. */
static void test_fill(struct test_program *p)
{
	struct snnq_layer *fc = &p->layer[0], *readout = &p->layer[1];

	*p = (struct test_program) {
		.header = {
			.magic = SNNQ_PROGRAM_MAGIC, .version = SNNQ_PROGRAM_VERSION,
			.header_bytes = sizeof(struct snnq_program_header),
			.region_bytes = sizeof(struct snnq_region_desc),
			.layer_bytes = sizeof(struct snnq_layer),
			.total_bytes = sizeof(*p), .layer_count = 2, .region_count = 3,
			.table_count = 2, .max_steps = 16, .tile_steps = 16,
			.scratch_step_bytes = TEST_CHANNELS / 8,
			.state_bytes = sizeof(struct snnq_state_header) + TEST_CHANNELS * 12,
		},
		.region = {
			{ .bytes = TEST_CHANNELS * TEST_CHANNELS, .access = SNNQ_ACCESS_READ,
			  .role = SNNQ_ROLE_WEIGHTS },
			{ .step_bytes = TEST_CHANNELS / 8, .access = SNNQ_ACCESS_READ,
			  .role = SNNQ_ROLE_INPUT },
			{ .bytes = TEST_CHANNELS * 4, .access = SNNQ_ACCESS_WRITE,
			  .role = SNNQ_ROLE_READOUT },
		},
		.table = { 300, 1 },
	};
	fc->op = SNNQ_OP_LINEAR;
	fc->in[0] = test_tensor(SNNQ_REGION_USER + 1, SNNQ_FORMAT_UNSIGNED, 1);
	fc->out = test_tensor(SNNQ_REGION_SCRATCH, SNNQ_FORMAT_UNSIGNED, 1);
	fc->quant.region = SNNQ_REGION_USER;
	fc->quant.scheme = SNNQ_SCHEME_UNIFORM;
	fc->quant.bits = 8;
	fc->neuron.model = SNNQ_NEURON_LIF;
	fc->neuron.leak = SNNQ_LEAK_DIVN;
	fc->neuron.leak_param = 2;
	fc->neuron.threshold_count = 1;
	fc->state_offset = sizeof(struct snnq_state_header);
	readout->op = SNNQ_OP_READOUT;
	readout->param = SNNQ_READOUT_SUM;
	readout->in[0] = fc->out;
	readout->out = test_tensor(SNNQ_REGION_USER + 2, SNNQ_FORMAT_INT32, 0);
	readout->state_offset = fc->state_offset + TEST_CHANNELS * 4;
}

#define SPOIL(name, statement)                           \
	static void spoil_##name(struct test_program *p) \
	{                                                \
		statement;                               \
	}
SPOIL(operation, p->layer[0].op = SNNQ_OP_COUNT)
SPOIL(weights, p->region[0].bytes--)
SPOIL(threshold, p->table[0] = 0)
SPOIL(scratch, p->header.scratch_step_bytes -= 8)
SPOIL(source, p->layer[1].in[0].offset = 64)
SPOIL(access, p->region[2].access = SNNQ_ACCESS_READ)
SPOIL(state, p->layer[1].state_offset = 1 << 20)
#define TEST_NO_LAYER U32_MAX

/* A right program is accepted; a change in one place is refused, and the layer named. */
static void test_programs(struct kunit *test)
{
	static const struct {
		void (*spoil)(struct test_program *p);
		u32 layer;
	} cases[] = {
		{ spoil_operation, 0 }, { spoil_weights, 0 }, { spoil_threshold, 0 },
		{ spoil_scratch, 0 },	{ spoil_source, 1 },  { spoil_access, TEST_NO_LAYER },
		{ spoil_state, 1 },
	};
	struct test_program *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct snnq_program_info *info = kunit_kzalloc(test, sizeof(*info), GFP_KERNEL);
	struct snnq_caps caps = snnq_caps_all;
	struct snnq_diag diag;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, info);
	test_fill(p);
	KUNIT_ASSERT_EQ(test, 0, snnq_program_validate(p, sizeof(*p), &caps, info, &diag));
	KUNIT_EXPECT_EQ(test, 2, info->layer_count);
	KUNIT_EXPECT_GE(test, info->work_per_step, TEST_CHANNELS * TEST_CHANNELS);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		test_fill(p);
		cases[i].spoil(p);
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    snnq_program_validate(p, sizeof(*p), &caps, info, &diag),
				    "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].layer, diag.layer, "case %u", i);
	}
	test_fill(p);
	caps.ops &= ~BIT_ULL(SNNQ_OP_READOUT);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			snnq_program_validate(p, sizeof(*p), &caps, info, &diag));
	KUNIT_EXPECT_EQ(test, 1, diag.layer);
}

static void test_validator(struct kunit *test)
{
	struct {
		struct snnq_program_header header;
		struct snnq_layer layer;
	} *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct snnq_program_info *info = kunit_kzalloc(test, sizeof(*info), GFP_KERNEL);
	struct snnq_diag diag;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, info);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			snnq_program_validate(p, sizeof(*p), &snnq_caps_all, info, &diag));
	KUNIT_EXPECT_EQ(test, (int)diag.check, SNNQ_CHECK_MAGIC);
	p->header.magic = SNNQ_PROGRAM_MAGIC;
	p->header.version = SNNQ_PROGRAM_VERSION;
	p->header.header_bytes = sizeof(struct snnq_program_header);
	p->header.region_bytes = sizeof(struct snnq_region_desc);
	p->header.layer_bytes = sizeof(struct snnq_layer);
	p->header.total_bytes = sizeof(*p);
	p->header.layer_count = 1;
	p->header.max_steps = 1;
	p->header.tile_steps = 1;
	p->header.state_bytes = sizeof(struct snnq_state_header);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			snnq_program_validate(p, sizeof(*p), &snnq_caps_all, info, &diag));
	KUNIT_EXPECT_EQ(test, (int)diag.check, SNNQ_CHECK_OP); /* operation 0 is none */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			snnq_program_validate(p, sizeof(*p) - 1, &snnq_caps_all, info, &diag));
	KUNIT_EXPECT_EQ(test, (int)diag.check, SNNQ_CHECK_SIZE);
}

static void test_schemes(struct kunit *test)
{
	struct snnq_caps caps = snnq_caps_all;

	KUNIT_EXPECT_TRUE(test, snnq_scheme_ok(&caps, SNNQ_SCHEME_APOT, 3));
	KUNIT_EXPECT_FALSE(test, snnq_scheme_ok(&caps, SNNQ_SCHEME_APOT, 2));
	KUNIT_EXPECT_TRUE(test, snnq_scheme_ok(&caps, SNNQ_SCHEME_TERNARY, 2));
	KUNIT_EXPECT_FALSE(test, snnq_scheme_ok(&caps, SNNQ_SCHEME_TERNARY, 34));
	KUNIT_EXPECT_FALSE(test, snnq_scheme_ok(&caps, SNNQ_SCHEME_NONE, 0));
	caps.scheme_ternary = 0;
	KUNIT_EXPECT_FALSE(test, snnq_scheme_ok(&caps, SNNQ_SCHEME_TERNARY, 2));
	KUNIT_EXPECT_EQ(test, 2, snnq_row_bytes(SNNQ_SCHEME_TERNARY, 2, 10));
	KUNIT_EXPECT_EQ(test, 3, snnq_row_bytes(SNNQ_SCHEME_TERNARY, 2, 11));
	KUNIT_EXPECT_EQ(test, 3, snnq_row_bytes(SNNQ_SCHEME_APOT, 5, 4));
}

static struct kunit_case snnq_cases[] = {
	KUNIT_CASE(test_sizes),	    KUNIT_CASE(test_spoilt),  KUNIT_CASE(test_fragments),
	KUNIT_CASE(test_refused),   KUNIT_CASE(test_places),  KUNIT_CASE(test_programs),
	KUNIT_CASE(test_validator), KUNIT_CASE(test_schemes), {}
};

static struct kunit_suite snnq_suite = {
	.name = "snnq",
	.init = test_init,
	.exit = test_exit,
	.test_cases = snnq_cases,
};

kunit_test_suite(snnq_suite);

MODULE_DESCRIPTION("KUnit tests of the snnq driver");
MODULE_LICENSE("GPL");
