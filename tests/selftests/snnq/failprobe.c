// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation of the driver's probe fails once, the first, the second, ... until one gets
 * through. What fails is what the driver asks for, itself or by few calls.
 * Catches: a probe that leaks, crashes or cannot be done again. Takes minutes on the checking
 * kernel. Skips without CONFIG_FAULT_INJECTION_STACKTRACE_FILTER.
 */
#include <stdio.h>
#include <unistd.h>

#include "failnth.h"
#include "snnq_harness.h"
#include "snnq_life.h"

#define MAX_NTH 2000
#define DEPTH	10

struct code {
	unsigned long long start, end;
};

/*
 * Where a function of the kernel is, or, with NULL, all of our module's. Those of the kernel are
 * in the order of their addresses.
 */
static struct code find_code(const char *function)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	struct code code = {};
	char line[300], name[128], type;

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long at;

		if (sscanf(line, "%llx %c %127s", &at, &type, name) != 3)
			continue;
		if (function && code.start && !code.end && at > code.start)
			code.end = at;
		if (function ? strcmp(name, function) :
			       !strchr("tT", type) || !strstr(line, "[snnq]"))
			continue;
		if (!code.start || at < code.start)
			code.start = at;
		if (!function && at >= code.end)
			code.end = at + 1;
	}
	if (f)
		fclose(f);
	return code;
}

/* Let those allocations fail that code in @from asks for, in at most @depth calls, not in @not. */
static void filter(unsigned long long depth, struct code from, struct code not )
{
	static const char *const dirs[] = { "failslab", "fail_page_alloc" };
	const struct {
		const char *name;
		unsigned long long value;
	} set[] = {
		{ "stacktrace-depth", depth }, { "require-start", from.start },
		{ "require-end", from.end },   { "reject-start", not .start },
		{ "reject-end", not .end },
	};
	char path[96], text[32];

	for (size_t d = 0; d < sizeof(dirs) / sizeof(*dirs); d++)
		for (size_t i = 0; i < sizeof(set) / sizeof(*set); i++) {
			snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", dirs[d],
				 set[i].name);
			snprintf(text, sizeof(text), "%#llx", set[i].value);
			write_file(path, text);
		}
}

/* Of its own, since nobody may have the node open. */
FIXTURE(probing)
{
	int control;
	char name[32];
};

FIXTURE_SETUP(probing)
{
	int fd;

	self->control = open_control();
	if (self->control < 0)
		SKIP(return, "kernel without CONFIG_FAULT_INJECTION");
	fd = snnq_test_open();
	if (fd < 0)
		SKIP(return, "no snnq device");
	if (access("/sys/kernel/debug/failslab/require-start", F_OK))
		SKIP(return, "kernel without CONFIG_FAULT_INJECTION_STACKTRACE_FILTER");
	ASSERT_TRUE(pci_name(fd, self->name));
	close(fd);
	ASSERT_TRUE(device_unbind(self->name));
}

FIXTURE_TEARDOWN(probing)
{
	filter(32, (struct code){ 0, ~0ull }, (struct code){ 0, 0 });
	if (self->control >= 0)
		close(self->control);
	if (self->name[0])
		device_bind(self->name);
}

/*
 * A probe works or fails, and can be done again. What fails is what the driver asks for, itself
 * or by few calls: all that a bind allocates is 6000 pieces, nearly all of them elsewhere. In 6.12
 * drm_minor_alloc() leaves an error pointer to drm_minor_alloc_release(), and the kernel crashes.
 */
TEST_F_TIMEOUT(probing, fails_and_works, 900)
{
	struct code ours = find_code(NULL), not = find_code("drm_minor_alloc");
	int nth, failed = 0;

	ASSERT_NE(0, ours.start);
	ASSERT_NE(0, not .end);
	filter(DEPTH, ours, not );
	for (nth = 1; nth < MAX_NTH; nth++) {
		bool bound, hit;

		arm(self->control, nth);
		bound = device_bind(self->name);
		hit = fired(self->control);
		ASSERT_TRUE(bound || hit);
		failed += !bound;
		if (!bound)
			continue;
		ASSERT_TRUE(device_works(snnq_test_open()))
		{
			TH_LOG("allocation %d", nth);
		}
		if (!hit)
			break;
		ASSERT_TRUE(device_unbind(self->name));
	}
	printf("# %d allocations, %d that it cannot do without\n", nth - 1, failed);
	EXPECT_LT(nth, MAX_NTH);
}

TEST_HARNESS_MAIN
