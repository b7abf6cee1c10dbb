/* SPDX-License-Identifier: MIT */
/* host.h - what the library asks the machine it runs on. */
#ifndef SNNQ_HOST_H
#define SNNQ_HOST_H

#include <stdint.h>
#include <time.h>
#include <unistd.h>

/* Of CLOCK_MONOTONIC. */
static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Bytes of memory. */
static inline uint64_t host_memory(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

#endif /* SNNQ_HOST_H */
