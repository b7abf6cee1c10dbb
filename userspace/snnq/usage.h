/* SPDX-License-Identifier: MIT */
/*
 * usage.h - all that the driver tells of devices, cores and clients, at one moment.
 */
#ifndef SNNQ_USAGE_H
#define SNNQ_USAGE_H

#include "snnq.h"

struct usage {
	struct snnq_telemetry_device *devices;
	struct snnq_telemetry_core *cores;
	struct snnq_telemetry_client *clients;
	size_t device_count, core_count, client_count;
	bool lost; /* for want of memory */
};

/* Ask the driver; 0 or -errno. Free it in either case. */
int usage_read(struct snnq_telemetry *telemetry, struct usage *usage);
void usage_free(struct usage *usage);

/* The same one at another moment, or NULL. */
const struct snnq_telemetry_device *usage_device(const struct usage *usage, uint32_t id);
const struct snnq_telemetry_core *usage_core(const struct usage *usage, uint32_t device,
					     uint32_t index);
const struct snnq_telemetry_client *usage_client(const struct usage *usage, uint32_t device,
						 uint64_t id);

/* "ready", and so on. */
const char *usage_state_name(uint32_t state);
/* Write what is now as metrics of Prometheus; @events: those seen so far, by kind. */
struct usage_events {
	uint64_t count[SNNQ_EVENT_THROTTLE + 1];
	uint64_t lost;
};
int usage_write_metrics(const struct usage *usage, const struct usage_events *events,
			const char *path);

#endif /* SNNQ_USAGE_H */
