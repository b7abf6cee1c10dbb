/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault.h - what tests of faults share: the device model's injection registers,
 * and innocent clients that must not notice what happens to others.
 */
#ifndef FAULT_H
#define FAULT_H

#include <sys/types.h>

#include "snnq_inject.h"
#include "snnq_test.h"

#define STEPS 64

/* The device's registers with injections off; NULL when they cannot be had. */
volatile uint32_t *map_registers(void);
/* Injections off, registers unmapped. */
void unmap_registers(volatile uint32_t *regs);
void inject(volatile uint32_t *regs, uint32_t what, uint32_t value);

/* One job of STEPS to its end; its error. */
int run_one(int fd, const struct test_net *net, uint32_t stream, uint32_t syncobj, uint64_t point);
/* The same; and what the job's record says. */
int run_recorded(int fd, const struct test_net *net, uint32_t stream, uint32_t syncobj,
		 uint64_t point, struct drm_snnq_result *result);

/*
 * A client of its own process: jobs, each compared, until @rounds are done or, with
 * @rounds 0, it gets SIGTERM. Exit status 0: nothing was lost.
 */
pid_t start_innocent(uint32_t seed, int rounds);
/* SIGTERM and exit status of one; -1 when it did not exit. */
int end_innocent(pid_t pid);
int exit_status(pid_t pid);

#endif /* FAULT_H */
