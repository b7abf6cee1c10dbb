// SPDX-License-Identifier: MIT
/*
 * main.c - snnq-hdf5 read NAME... <FILE >OBJECTS, snnq-hdf5 write <OBJECTS >LENGTH-AND-FILE
 *
 * The HDF5 library crashes on some files and stands still on others. So libsnnq-tools runs it here,
 * in a process that has its input and output, little time, and no system calls but those for memory and for
 * reading and writing what is open already. h5_tree.h says what the objects are.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hdf5_file.h"

#define MOST_MEMORY ((uint64_t)4 << 30) /* beside the file, or what becomes one */
#define LEAST_TIME  30			/* seconds of the processor: some MiB may hold 4 GiB */
#define TIME_A_BYTE (16u << 20)		/* bytes for which there is a second more */

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

/* ---- what the process may do ---- */

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
static void set_limits(uint64_t bytes, uint32_t copies)
{
	uint64_t seconds = LEAST_TIME + bytes / TIME_A_BYTE;
	struct rlimit time = { .rlim_cur = seconds, .rlim_max = seconds + 5 }, now;

	prctl(PR_SET_DUMPABLE, 0);
	lower(RLIMIT_CORE, 0);
#ifndef __SANITIZE_ADDRESS__
	lower(RLIMIT_AS, copies * bytes + MOST_MEMORY);
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

/* The library's own preparations may still look around; it has seen no file yet. */
static bool enclose(uint64_t bytes, uint32_t copies)
{
	H5E_auto2_t silent = NULL;

	closefrom(3);
	H5dont_atexit();
	if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, silent, NULL) < 0)
		return false;
	H5PLset_loading_state(0);
	set_limits(bytes, copies);
	forbid_calls();
	return true;
}

int main(int argc, char *argv[])
{
	bool reads = argc > 1 && !strcmp(argv[1], "read");
	void *image = NULL;
	struct stat st;
	int ret;

	if (argc < 2 || (!reads && strcmp(argv[1], "write")))
		return EINVAL;
	if (fstat(0, &st))
		return errno;
	if (reads) {
		image = mmap(NULL, (size_t)(st.st_size ? st.st_size : 1), PROT_READ, MAP_PRIVATE, 0,
			     0);
		if (image == MAP_FAILED)
			return errno;
	}
	/* Written: objects, the file, and once more what goes out. */
	if (!enclose((uint64_t)st.st_size, reads ? 1 : 3))
		return ENOMEM;
	ret = reads ? hdf5_read(image, (size_t)st.st_size, argv + 2, stdout) :
		      hdf5_write(stdin, stdout);
	if (!ret && fflush(stdout))
		ret = errno;
	if (!ret && ferror(stdout))
		ret = EIO;
	_exit(ret); /* whatever state the library is in */
}
