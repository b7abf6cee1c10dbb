// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what decides about jobs: the verdict on a core, the time limit of
 * a job, the ids of jobs. Catches: innocents blamed, hangs overlooked, limits that
 * wrap, ids that come again too soon.
 */
#include <kunit/test.h>

#include "../../kernel/snnq_core.h"
#include "../../kernel/snnq_job.h"
#include "../../kernel/snnq_recover.h"

static const struct snnq_sight healthy = {
	.status = SNNQ_CORE_ST_ENABLED | SNNQ_CORE_ST_BUSY,
	.job = true,
	.idle_ns = 10,
	.run_ns = 20,
	.timeout_ns = 100,
	.limit_ns = 1000,
	.grace_ns = 50,
};

static void judge(struct kunit *test, const struct snnq_sight *s, enum snnq_verdict verdict,
		  const char *what)
{
	KUNIT_EXPECT_EQ_MSG(test, (int)verdict, (int)snnq_recover_judge(s), "%s", what);
}

#define JUDGE(verdict, what, ...)               \
	do {                                    \
		struct snnq_sight s = healthy;  \
		__VA_ARGS__;                    \
		judge(test, &s, verdict, what); \
	} while (0)

static void test_verdicts(struct kunit *test)
{
	JUDGE(SNNQ_FINE, "goes on");
	JUDGE(SNNQ_REST, "no job", s.job = false);
	JUDGE(SNNQ_REST, "no job, long ago", s.job = false, s.idle_ns = U64_MAX);
	JUDGE(SNNQ_FINE, "at the timeout", s.idle_ns = s.timeout_ns);
	JUDGE(SNNQ_HUNG, "beyond the timeout", s.idle_ns = s.timeout_ns + 1);
	JUDGE(SNNQ_FINE, "at the limit", s.run_ns = s.limit_ns);
	JUDGE(SNNQ_HUNG, "progress, but beyond the limit", s.run_ns = s.limit_ns + 1);
	JUDGE(SNNQ_FINE, "asked to end", s.cancelling = true, s.cancel_ns = s.grace_ns);
	JUDGE(SNNQ_DEAF, "does not end", s.cancelling = true, s.cancel_ns = s.grace_ns + 1);
	JUDGE(SNNQ_FINE, "nobody asked it to end", s.cancel_ns = U64_MAX);
}

static void test_broken_cores(struct kunit *test)
{
	JUDGE(SNNQ_BROKEN, "a lie", s.broken = true);
	JUDGE(SNNQ_BROKEN, "a lie without a job", s.broken = true, s.job = false);
	JUDGE(SNNQ_BROKEN, "halted", s.status |= SNNQ_CORE_ST_HALTED);
	JUDGE(SNNQ_BROKEN, "vanished", s.status = U32_MAX);
	JUDGE(SNNQ_BROKEN, "halted beside a hung job", s.status |= SNNQ_CORE_ST_HALTED,
	      s.idle_ns = U64_MAX);
	JUDGE(SNNQ_FINE, "idle for a moment", s.status = SNNQ_CORE_ST_ENABLED);
	JUDGE(SNNQ_BROKEN, "idle with a job in the ring", s.status = SNNQ_CORE_ST_ENABLED,
	      s.idle_ns = s.timeout_ns + 1);
}

static void test_limits(struct kunit *test)
{
	const u64 s = NSEC_PER_SEC;
	u64 ops, last = 0;

	KUNIT_EXPECT_EQ(test, s, snnq_job_limit_ns(0, 64, 1000000, s, 10 * s));
	KUNIT_EXPECT_EQ(test, 10 * s, snnq_job_limit_ns(U64_MAX, 64, 1000000, s, 10 * s));
	KUNIT_EXPECT_EQ(test, U64_MAX, snnq_job_limit_ns(U64_MAX, 0, 0, s, U64_MAX));
	/* 5 ms of work, and the millisecond that was begun */
	KUNIT_EXPECT_EQ(test, 6ull * SNNQ_JOB_LIMIT_FACTOR * NSEC_PER_MSEC,
			snnq_job_limit_ns(5 * 64 * 1000, 64, 1000, 0, U64_MAX));
	for (ops = 1; ops; ops <<= 1) {
		u64 limit = snnq_job_limit_ns(ops, 1, 1, 0, U64_MAX);

		KUNIT_EXPECT_GE(test, limit, last);
		last = limit;
	}
}

static void test_ids(struct kunit *test)
{
	u32 generation = U32_MAX - 40, slot = 0, id, last[SNNQ_RING_ENTRIES] = {};
	int i;

	for (i = 0; i < 100 * SNNQ_RING_ENTRIES; i++) {
		id = snnq_core_make_id(&generation, slot);
		KUNIT_ASSERT_NE(test, 0, id);
		KUNIT_ASSERT_EQ(test, slot, snnq_core_slot(id));
		KUNIT_ASSERT_NE(test, last[slot], id);
		last[slot] = id;
		slot = (slot + 1) % SNNQ_RING_ENTRIES;
	}
}

static struct kunit_case snnq_recover_cases[] = { KUNIT_CASE(test_verdicts),
						  KUNIT_CASE(test_broken_cores),
						  KUNIT_CASE(test_limits),
						  KUNIT_CASE(test_ids),
						  {} };

static struct kunit_suite snnq_recover_suite = {
	.name = "snnq_recover",
	.test_cases = snnq_recover_cases,
};

kunit_test_suite(snnq_recover_suite);
