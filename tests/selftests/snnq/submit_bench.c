// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a SUBMIT costs, in units of an ioctl that does nothing (DEV_QUERY without a
 * buffer), as an emulated machine's microseconds mean little.
 *
 * Medians of many calls. Where the clock counts instructions
 * (tools/guest/run --count) all runs are alike.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "snnq_test.h"

#define CALLS 300
#define CHAIN 24

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double median(uint64_t *ns)
{
	qsort(ns, CALLS, sizeof(*ns), compare);
	return (double)ns[CALLS / 2];
}

static void check(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "submit_bench: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static double measure_empty(int fd)
{
	uint64_t ns[CALLS];

	for (int i = 0; i < CALLS; i++) {
		struct drm_snnq_dev_query q = { .type = DRM_SNNQ_QUERY_DEV_INFO };
		uint64_t start = now_ns();

		check(snnq_ioctl(fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q), "DEV_QUERY");
		ns[i] = now_ns() - start;
	}
	return median(ns);
}

/* Calls of @count jobs of one stream; the median call. The last job is waited for. */
static double measure_submit(const struct test_net *net, uint32_t stream, uint32_t syncobj,
			     uint64_t *point, uint32_t count)
{
	static struct test_job j[CHAIN];
	struct drm_snnq_job jobs[CHAIN];
	uint64_t ns[CALLS];

	for (int i = 0; i < CALLS; i++) {
		uint64_t start;

		for (uint32_t k = 0; k < count; k++) {
			job_fill(&j[k], net, stream, 0, 1, syncobj, k + 1 < count ? 0 : ++*point);
			jobs[k] = j[k].job;
		}
		start = now_ns();
		check(submit(net->fd, jobs, count, NULL), "SUBMIT");
		ns[i] = now_ns() - start;
		check(timeline_wait(net->fd, syncobj, *point, 60000), "wait");
	}
	return median(ns);
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 5, fd = snnq_test_open();
	uint32_t stream, syncobj;
	uint64_t point = 0;
	struct test_net net;

	check(fd < 0 ? -1 : 0, "no snnq device");
	check(net_create(fd, 64, 1, &net), "network");
	check(stream_create(fd, net.model, &stream), "stream");
	check(syncobj_create(fd, &syncobj), "syncobj");
	for (int i = 0; i < runs; i++) {
		double empty = measure_empty(fd);
		double one = measure_submit(&net, stream, syncobj, &point, 1);
		double chain = measure_submit(&net, stream, syncobj, &point, CHAIN) / CHAIN;

		printf("empty ioctl %.2f us; ", empty / 1e3);
		printf("SUBMIT of one job %.2f us, ratio %.1f; ", one / 1e3, one / empty);
		printf("of %d jobs, per job %.2f us, ratio %.1f\n", CHAIN, chain / 1e3,
		       chain / empty);
	}
	net_destroy(&net);
	close(fd);
	return 0;
}
