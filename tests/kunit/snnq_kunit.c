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
#include "../../kernel/snnq_validate.c"
#include "../../kernel/snnq_validate_ops.c"

#define TEST_BASE	0x40000000ull

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
		KUNIT_ASSERT_EQ(test, 0, snnq_pagelist_build(&list, &t->pdev->dev, &sgt,
							     (u64)sizes[i] * SNNQ_PAGE_BYTES));
		test_walk(test, &list, first);
		snnq_pagelist_free(&list, &t->pdev->dev);
		KUNIT_EXPECT_PTR_EQ(test, list.table, NULL);
	}
}

static void test_refused(struct kunit *test)
{
	struct test_lists *t = test->priv;
	struct snnq_pagelist list = {};
	struct scatterlist sg[2];
	struct sg_table sgt;

	test_table(&sgt, sg, 2, 4);	/* shorter than claimed */
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
	KUNIT_EXPECT_EQ(test, -EINVAL, snnq_program_validate(p, sizeof(*p), &snnq_caps_all, info,
							     &diag));
	KUNIT_EXPECT_EQ(test, (int)diag.check, SNNQ_CHECK_MAGIC);
	p->header.magic = SNNQ_PROGRAM_MAGIC;
	p->header.version = SNNQ_PROGRAM_VERSION;
	p->header.total_bytes = sizeof(*p);
	p->header.layer_count = 1;
	p->header.max_steps = 1;
	p->header.tile_steps = 1;
	p->header.state_bytes = sizeof(struct snnq_state_header);
	KUNIT_EXPECT_EQ(test, -EINVAL, snnq_program_validate(p, sizeof(*p), &snnq_caps_all, info,
							     &diag));
	KUNIT_EXPECT_EQ(test, (int)diag.check, SNNQ_CHECK_OP);	/* operation 0 is none */
	KUNIT_EXPECT_EQ(test, -EINVAL, snnq_program_validate(p, sizeof(*p) - 1, &snnq_caps_all,
							     info, &diag));
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
	KUNIT_CASE(test_sizes),
	KUNIT_CASE(test_refused),
	KUNIT_CASE(test_validator),
	KUNIT_CASE(test_schemes),
	{ }
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
