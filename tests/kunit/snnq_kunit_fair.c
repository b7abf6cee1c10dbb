// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of fairness between clients, on cores that only count: streams ask for a
 * place again as soon as they have one, and each core ends its jobs in order.
 * Catches: shares that go by streams, by jobs where those are long, or by cores; time
 * that is saved up or owed for long; levels that starve; places that get lost.
 */
#include <kunit/test.h>

#include "../../kernel/snnq_fair.c"

#define PLACES	8u
#define CLIENTS 3u
#define CORES	2u
#define JOBS	256u /* more than a hog may have before others */
#define MS	1000000ull

struct test_client {
	struct snnq_account account;
	u64 ns[2];    /* length of its jobs, in turn */
	bool patient; /* asks for a place when its last job ended */
	u64 time;     /* of its jobs that ended */
	u32 jobs;
	u32 gap;  /* jobs of others since the last of its own */
	u32 most; /* of these */
};

struct test_stream {
	struct test_client *client; /* NULL: there is none */
	u32 core;
	struct snnq_pass passes[PLACES + 1];
	u32 next;
	struct snnq_pass *asks;
};

struct test_core {
	u64 clock;
	struct snnq_pass *ring[PLACES];
	struct test_stream *owner[PLACES];
	u32 head, count;
};

struct test_device {
	struct snnq_fair fair;
	struct test_client clients[CLIENTS];
	struct test_stream streams[32];
	struct test_core cores[CORES];
};

static int test_init(struct kunit *test)
{
	struct test_device *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, d);
	test->priv = d;
	snnq_fair_init(&d->fair, PLACES);
	for (i = 0; i < CLIENTS; i++) {
		d->clients[i].ns[0] = MS;
		d->clients[i].ns[1] = MS;
	}
	return 0;
}

static void test_ask(struct test_device *d, struct test_stream *s)
{
	struct dma_fence *fence;

	s->asks = &s->passes[s->next++ % ARRAY_SIZE(s->passes)];
	*s->asks = (struct snnq_pass){};
	fence = snnq_fair_enter(&d->fair, s->core, &s->client->account, s->asks);
	dma_fence_put(fence);
}

/* A client gets @streams, the first at core @first and the others in turn at @cores. */
static void test_open(struct kunit *test, u32 index, u32 streams, u32 first, u32 cores)
{
	struct test_device *d = test->priv;
	u32 i, made = 0;

	for (i = 0; i < ARRAY_SIZE(d->streams) && made < streams; i++) {
		if (d->streams[i].client)
			continue;
		d->streams[i].client = &d->clients[index];
		d->streams[i].core = first + made++ % cores;
		test_ask(d, &d->streams[i]);
	}
	KUNIT_ASSERT_EQ(test, streams, made);
}

/* A client of @level begins, with @streams that are spread over so many cores. */
static struct test_client *test_join(struct kunit *test, u32 index, enum snnq_level level,
				     u32 streams, u32 cores)
{
	struct test_device *d = test->priv;

	snnq_account_init(&d->clients[index].account, level);
	test_open(test, index, streams, 0, cores);
	return &d->clients[index];
}

/* What has a place goes into the ring, and its stream asks for the next one. */
static void test_feed(struct kunit *test, u32 index)
{
	struct test_device *d = test->priv;
	struct test_core *core = &d->cores[index];
	struct test_stream *s;
	u32 i, slot;

	for (i = 0; i < ARRAY_SIZE(d->streams); i++) {
		s = &d->streams[i];
		while (s->client && s->core == index && s->asks && s->asks->granted) {
			KUNIT_ASSERT_LT(test, core->count, PLACES);
			slot = (core->head + core->count++) % PLACES;
			core->ring[slot] = s->asks;
			core->owner[slot] = s;
			s->asks = NULL;
			if (!s->client->patient)
				test_ask(d, s);
		}
	}
	KUNIT_ASSERT_EQ(test, core->count, d->fair.gates[index].taken);
}

/* The core ends its oldest job. */
static void test_end(struct kunit *test, u32 index)
{
	struct test_device *d = test->priv;
	struct test_core *core = &d->cores[index];
	struct test_stream *s = core->owner[core->head];
	struct snnq_pass *pass = core->ring[core->head];
	struct test_client *client = s->client;
	u64 ns = client->ns[client->jobs++ % 2];
	u32 i;

	core->head = (core->head + 1) % PLACES;
	core->count--;
	core->clock += ns;
	client->time += ns;
	for (i = 0; i < CLIENTS; i++)
		d->clients[i].gap++;
	client->most = max(client->most, client->gap - 1);
	client->gap = 0;
	snnq_fair_leave(&d->fair, pass, ns);
	if (client->patient)
		test_ask(d, s);
}

/* @jobs of all cores end, each when it is time for it. */
static void test_run(struct kunit *test, u32 jobs)
{
	struct test_device *d = test->priv;
	u32 core, next;

	while (jobs--) {
		for (core = 0; core < CORES; core++)
			test_feed(test, core);
		next = 0;
		for (core = 0; core < CORES; core++)
			if (d->cores[core].count &&
			    (!d->cores[next].count || d->cores[core].clock < d->cores[next].clock))
				next = core;
		KUNIT_ASSERT_NE(test, 0, d->cores[next].count);
		test_end(test, next);
	}
}

/* Forget what clients had, not what accounts know of it. */
static void test_restart(struct kunit *test)
{
	struct test_device *d = test->priv;
	u32 i;

	for (i = 0; i < CLIENTS; i++) {
		d->clients[i].time = 0;
		d->clients[i].gap = 0;
		d->clients[i].most = 0;
	}
}

/* Of what both had, @a had half, within 2 %. */
static void test_halves(struct kunit *test, const struct test_client *a,
			const struct test_client *b)
{
	u32 share = div64_u64(a->time * 1000, a->time + b->time);

	KUNIT_EXPECT_GE_MSG(test, share, 480u, "thousandths");
	KUNIT_EXPECT_LE_MSG(test, share, 520u, "thousandths");
}

static void test_streams(struct kunit *test)
{
	struct test_client *many = test_join(test, 0, SNNQ_LEVEL_NORMAL, 8, 1);
	struct test_client *one = test_join(test, 1, SNNQ_LEVEL_NORMAL, 1, 1);

	test_run(test, 2000);
	test_halves(test, one, many);
}

/* What counts is the device: at one core a client may have all, when another has the other. */
static void test_cores(struct kunit *test)
{
	struct test_client *many = test_join(test, 0, SNNQ_LEVEL_NORMAL, 8, 2);
	struct test_client *one = test_join(test, 1, SNNQ_LEVEL_NORMAL, 1, 1);

	test_run(test, 2000);
	test_halves(test, one, many);
}

static void test_lengths(struct kunit *test)
{
	struct test_device *d = test->priv;
	struct test_client *mixed, *even, *quick;

	d->clients[0].ns[0] = 10 * MS;
	d->clients[1].ns[0] = 5 * MS;
	d->clients[1].ns[1] = 5 * MS;
	mixed = test_join(test, 0, SNNQ_LEVEL_NORMAL, 3, 1);
	even = test_join(test, 1, SNNQ_LEVEL_NORMAL, 1, 1);
	quick = test_join(test, 2, SNNQ_LEVEL_NORMAL, 8, 1);
	test_run(test, 8000);
	test_halves(test, mixed, even);
	test_halves(test, quick, even);
}

/* Who has another core for itself does not matter to those that share one. */
static void test_apart(struct kunit *test)
{
	struct test_device *d = test->priv;
	struct test_client *quick, *slow;

	d->clients[1].ns[0] = 10 * MS;
	d->clients[1].ns[1] = 10 * MS;
	quick = test_join(test, 0, SNNQ_LEVEL_NORMAL, 4, 1);
	slow = test_join(test, 1, SNNQ_LEVEL_NORMAL, 4, 1);
	snnq_account_init(&d->clients[2].account, SNNQ_LEVEL_NORMAL);
	test_open(test, 2, 4, 1, 1);
	test_run(test, 8000);
	test_halves(test, quick, slow);
}

/* What a client had at one core holds it back at the others, but not for long. */
static void test_elsewhere(struct kunit *test)
{
	struct test_device *d = test->priv;
	struct test_client *one = &d->clients[0];

	snnq_account_init(&one->account, SNNQ_LEVEL_NORMAL);
	test_open(test, 0, 1, 1, 1);
	test_run(test, 3);
	KUNIT_EXPECT_EQ(test, 3 * MS, one->account.turns[0].ns);
	test_run(test, 4000);
	KUNIT_EXPECT_EQ(test, PLACES * MS, one->account.turns[0].ns);
}

/* Jobs that were taken for long ones and are short do not buy places before all others. */
static void test_refund(struct kunit *test)
{
	struct test_device *d = test->priv;
	struct snnq_account *hog = &d->clients[0].account, *other = &d->clients[1].account;
	struct snnq_pass *passes = kunit_kcalloc(test, JOBS, sizeof(*passes), GFP_KERNEL);
	struct snnq_pass one = {};
	u32 i, gap = 0, most = 0;

	KUNIT_ASSERT_NOT_NULL(test, passes);
	snnq_account_init(hog, SNNQ_LEVEL_NORMAL);
	snnq_account_init(other, SNNQ_LEVEL_NORMAL);
	dma_fence_put(snnq_fair_enter(&d->fair, 0, hog, &one));
	snnq_fair_leave(&d->fair, &one, 10000 * MS);
	for (i = 0; i < JOBS; i++)
		dma_fence_put(snnq_fair_enter(&d->fair, 0, hog, &passes[i]));
	one = (struct snnq_pass){};
	dma_fence_put(snnq_fair_enter(&d->fair, 0, other, &one));
	for (i = 0; i < JOBS; i++) {
		gap = one.granted ? 0 : gap + 1;
		most = max(most, gap);
		if (one.granted) {
			snnq_fair_leave(&d->fair, &one, MS);
			one = (struct snnq_pass){};
			dma_fence_put(snnq_fair_enter(&d->fair, 0, other, &one));
		}
		KUNIT_ASSERT_TRUE(test, passes[i].granted);
		snnq_fair_leave(&d->fair, &passes[i], MS);
	}
	KUNIT_EXPECT_TRUE(test, one.granted);
	KUNIT_EXPECT_LE(test, most, 100u);
	snnq_fair_leave(&d->fair, &one, MS);
}

/* Jobs that are dropped when they get their place leave it to their level. */
static void test_dropped(struct kunit *test)
{
	struct test_device *d = test->priv;
	struct snnq_account *high = &d->clients[0].account, *gone = &d->clients[1].account;
	struct snnq_account *other = &d->clients[2].account;
	struct snnq_pass *passes = kunit_kcalloc(test, JOBS, sizeof(*passes), GFP_KERNEL);
	struct snnq_pass dead[4] = {}, one = {};
	u32 i, j;

	KUNIT_ASSERT_NOT_NULL(test, passes);
	snnq_account_init(high, SNNQ_LEVEL_HIGH);
	snnq_account_init(gone, SNNQ_LEVEL_NORMAL);
	snnq_account_init(other, SNNQ_LEVEL_NORMAL);
	for (i = 0; i < JOBS; i++)
		dma_fence_put(snnq_fair_enter(&d->fair, 0, high, &passes[i]));
	for (j = 0; j < ARRAY_SIZE(dead); j++)
		dma_fence_put(snnq_fair_enter(&d->fair, 0, gone, &dead[j]));
	dma_fence_put(snnq_fair_enter(&d->fair, 0, other, &one));
	for (i = 0; i < JOBS && !one.granted; i++) {
		snnq_fair_leave(&d->fair, &passes[i], MS);
		for (j = 0; j < ARRAY_SIZE(dead); j++) {
			if (dead[j].granted) {
				snnq_fair_leave(&d->fair, &dead[j], 0);
				dead[j].granted = false;
			}
		}
	}
	KUNIT_EXPECT_TRUE(test, one.granted);
	KUNIT_EXPECT_LE(test, i, SNNQ_PATIENCE_NORMAL + PLACES);
}

/* Nobody gets a ring full of places for jobs of which it is not known how long they take. */
static void test_unknown(struct kunit *test)
{
	struct test_device *d = test->priv;
	struct test_client *old = test_join(test, 0, SNNQ_LEVEL_NORMAL, 8, 1);

	test_run(test, 100);
	d->clients[1].ns[0] = 50 * MS;
	d->clients[1].ns[1] = 50 * MS;
	test_join(test, 1, SNNQ_LEVEL_NORMAL, 8, 1);
	test_restart(test);
	test_run(test, 4 * PLACES);
	KUNIT_EXPECT_LE(test, old->most, 2u);
}

static void test_levels(struct kunit *test)
{
	struct test_client *high = test_join(test, 0, SNNQ_LEVEL_HIGH, 8, 1);
	struct test_client *normal = test_join(test, 1, SNNQ_LEVEL_NORMAL, 8, 1);
	struct test_client *low = test_join(test, 2, SNNQ_LEVEL_LOW, 8, 1);

	test_run(test, 100);
	test_restart(test);
	test_run(test, 4000);
	KUNIT_EXPECT_GE(test, high->time, 3600 * MS);
	KUNIT_EXPECT_LE(test, normal->most, SNNQ_PATIENCE_NORMAL + 1);
	KUNIT_EXPECT_LE(test, low->most, SNNQ_PATIENCE_LOW + 1);
	KUNIT_EXPECT_GT(test, normal->time, 2 * low->time);
}

/* Who has one job at a time waits for those in the ring only, and for one more at most. */
static void test_patient(struct kunit *test)
{
	struct test_device *d = test->priv;
	struct test_client *one;

	d->clients[1].patient = true;
	test_join(test, 0, SNNQ_LEVEL_NORMAL, 16, 1);
	one = test_join(test, 1, SNNQ_LEVEL_NORMAL, 1, 1);
	test_run(test, 2000);
	KUNIT_EXPECT_LE(test, one->most, PLACES + 1);
}

/* Having been idle, or new, is no credit. */
static void test_newcomer(struct kunit *test)
{
	struct test_client *old = test_join(test, 0, SNNQ_LEVEL_NORMAL, 2, 1), *new;

	test_run(test, 5000);
	new = test_join(test, 1, SNNQ_LEVEL_NORMAL, 8, 1);
	test_restart(test);
	test_run(test, 400);
	test_halves(test, new, old);
}

/* Jobs that do not run give their places back, with or without one. */
static void test_cancelled(struct kunit *test)
{
	struct snnq_pass *passes = kunit_kcalloc(test, 3 * PLACES, sizeof(*passes), GFP_KERNEL);
	struct test_device *d = test->priv;
	struct snnq_account *account = &d->clients[0].account;
	struct snnq_pass none = {};
	struct dma_fence *fence;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, passes);
	snnq_account_init(account, SNNQ_LEVEL_LOW);
	snnq_fair_leave(&d->fair, &none, 0);
	for (i = 0; i < 3 * PLACES; i++) {
		fence = snnq_fair_enter(&d->fair, 0, account, &passes[i]);
		KUNIT_EXPECT_EQ(test, i < PLACES, !fence);
		dma_fence_put(fence);
	}
	for (i = 0; i < 3 * PLACES; i++) {
		KUNIT_EXPECT_TRUE(test, passes[i].granted);
		if (passes[i].waits)
			KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&passes[i].fence));
		KUNIT_EXPECT_NULL(test, snnq_fair_enter(&d->fair, 0, account, &passes[i]));
		snnq_fair_leave(&d->fair, &passes[i], 0);
	}
	KUNIT_EXPECT_EQ(test, 0, d->fair.gates[0].taken);
	KUNIT_EXPECT_LE(test, account->turns[0].ns, 3 * PLACES);
}

static struct kunit_case snnq_fair_cases[] = { KUNIT_CASE(test_streams),
					       KUNIT_CASE(test_cores),
					       KUNIT_CASE(test_lengths),
					       KUNIT_CASE(test_apart),
					       KUNIT_CASE(test_elsewhere),
					       KUNIT_CASE(test_unknown),
					       KUNIT_CASE(test_refund),
					       KUNIT_CASE(test_dropped),
					       KUNIT_CASE(test_levels),
					       KUNIT_CASE(test_patient),
					       KUNIT_CASE(test_newcomer),
					       KUNIT_CASE(test_cancelled),
					       {} };

static struct kunit_suite snnq_fair_suite = {
	.name = "snnq_fair",
	.init = test_init,
	.test_cases = snnq_fair_cases,
};

kunit_test_suite(snnq_fair_suite);
