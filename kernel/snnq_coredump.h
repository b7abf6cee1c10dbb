/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_coredump.h - what is kept of a job that failed.
 */
#ifndef SNNQ_COREDUMP_H
#define SNNQ_COREDUMP_H

#include <linux/types.h>

struct snnq_core;
struct snnq_device;
struct snnq_fault;
struct snnq_job;

int snnq_coredump_init(struct snnq_device *sdev);
void snnq_coredump_stop(struct snnq_device *sdev);
void snnq_coredump_see(struct snnq_core *core, u32 id);
void snnq_coredump_fault(const struct snnq_job *job, const struct snnq_fault *fault);

#endif /* SNNQ_COREDUMP_H */
