// SPDX-License-Identifier: MIT
/* See enclose.h. */
#include "enclose.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define LEAST_TIME  30	       /* seconds: some MiB may hold 4 GiB */
#define TIME_A_BYTE (4u << 20) /* bytes for which there is a second more */

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

static void lower(int resource, uint64_t most)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return;
	if (limit.rlim_cur > most)
		limit.rlim_cur = most;
	setrlimit(resource, &limit);
}

/* The soft limit of time says by its signal what happened; the hard one nothing outlives. */
static void set_limits(uint64_t most_memory, uint64_t seconds)
{
	struct rlimit time = { .rlim_cur = seconds, .rlim_max = seconds + 5 }, now;

	prctl(PR_SET_DUMPABLE, 0);
	lower(RLIMIT_CORE, 0);
#ifndef __SANITIZE_ADDRESS__
	lower(RLIMIT_AS, most_memory);
#endif
	if (getrlimit(RLIMIT_CPU, &now) || now.rlim_cur <= time.rlim_cur)
		return;
	if (time.rlim_max > now.rlim_max)
		time.rlim_max = now.rlim_max;
	setrlimit(RLIMIT_CPU, &time);
}

/* Whatever the library is led to, it reaches no file, process or network. Without the kernel's
 * filter there are still a process of its own and its limits.
 */
static void forbid_calls(void)
{
#if defined(MACHINE) && !defined(__SANITIZE_ADDRESS__)
#define ALLOW(call)                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(read),
		ALLOW(write),
		ALLOW(lseek),
		ALLOW(brk),
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(madvise),
		ALLOW(futex),
		ALLOW(clock_gettime),
		ALLOW(gettimeofday),
		ALLOW(rt_sigreturn),
		ALLOW(exit),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
#endif
}

void enclose(uint64_t most_memory, uint64_t bytes)
{
	set_limits(most_memory, LEAST_TIME + bytes / TIME_A_BYTE);
	forbid_calls();
}
