/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * failnth.h - let an allocation of the calling thread fail: /proc/self/task/TID/fail-nth of
 * kernels with CONFIG_FAULT_INJECTION.
 */
#ifndef FAILNTH_H
#define FAILNTH_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/* The file that says which allocation fails, or -1. */
static inline int open_control(void)
{
	char path[64];

	write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/failslab/verbose", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	return open(path, O_RDWR);
}

static inline void arm(int control, int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(control, text, (size_t)n, 0) != n)
		perror("fail-nth");
}

/* How many allocations are left to the one that fails; 0: it did. */
static inline int disarm(int control)
{
	char text[16] = "";
	int left = pread(control, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;

	arm(control, 0);
	return left;
}

/* Whether the armed failure happened; disarms. */
static inline bool fired(int control)
{
	return !disarm(control);
}

#endif /* FAILNTH_H */
