// SPDX-License-Identifier: MIT
/*
 * metrics.c - telemetry in Prometheus' text format, for node_exporter's textfile collector. The
 * file appears complete, under a name that the collector does not look at until then.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/output.h"
#include "usage.h"

/* Inside the quotes of a label. */
static void put_label(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			fputc('\\', f);
		if (*text == '\n')
			fputs("\\n", f);
		else
			fputc(*text, f);
	}
}

static void put_device(FILE *f, const struct snnq_telemetry_device *d)
{
	fputs("{device=\"", f);
	put_label(f, d->name);
	fputc('"', f);
}

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP snnq_%s %s\n# TYPE snnq_%s %s\n", name, help, name, type);
}

/* A metric of all devices, from a member of theirs. */
struct metric {
	const char *name, *type, *help;
	size_t offset;
	bool work; /* only where that is known */
};

#define METRIC(name, type, member, work, help)                                         \
	{                                                                              \
		name, type, help, offsetof(struct snnq_telemetry_device, member), work \
	}

static const struct metric metrics[] = {
	METRIC("hangs_total", "counter", hangs, false, "Jobs that hung."),
	METRIC("core_resets_total", "counter", core_resets, false, "Resets of a core."),
	METRIC("device_resets_total", "counter", device_resets, false, "Resets of the device."),
	METRIC("bad_completions_total", "counter", bad_completions, false,
	       "Completion records that the driver refused."),
	METRIC("throttles_total", "counter", throttles, false,
	       "Times that a client had to wait for its faults."),
	METRIC("memory_limit_bytes", "gauge", memory_limit, false,
	       "Most memory of all clients together."),
	METRIC("memory_bytes", "gauge", memory, true, "Memory of clients."),
	METRIC("jobs_submitted_total", "counter", jobs_submitted, true, "Jobs submitted."),
	METRIC("jobs_completed_total", "counter", jobs_completed, true, "Jobs that ended well."),
	METRIC("jobs_failed_total", "counter", jobs_failed, true, "Jobs that failed."),
	METRIC("jobs_cancelled_total", "counter", jobs_cancelled, true,
	       "Jobs that were cancelled."),
	METRIC("steps_total", "counter", steps, true, "Time steps of completed jobs."),
	METRIC("cycles_total", "counter", cycles, true, "Device cycles of completed jobs."),
};

static void put_metric(FILE *f, const struct usage *u, const struct metric *m)
{
	head(f, m->name, m->type, m->help);
	for (size_t i = 0; i < u->device_count; i++) {
		const struct snnq_telemetry_device *d = &u->devices[i];
		uint64_t value;

		if (m->work && !d->work)
			continue;
		memcpy(&value, (const char *)d + m->offset, sizeof(value));
		fprintf(f, "snnq_%s", m->name);
		put_device(f, d);
		fprintf(f, "} %" PRIu64 "\n", value);
	}
}

static void put_states(FILE *f, const struct usage *u)
{
	head(f, "device_info", "gauge", "A device, always 1.");
	for (size_t i = 0; i < u->device_count; i++) {
		const struct snnq_telemetry_device *d = &u->devices[i];

		fputs("snnq_device_info", f);
		put_device(f, d);
		fputs(",node=\"", f);
		put_label(f, d->node);
		fprintf(f, "\",hw_version=\"%u.%u\"} 1\n", d->hw_version >> 16,
			d->hw_version & 0xffff);
	}
	head(f, "device_state", "gauge", "1 for the state that the device is in.");
	for (size_t i = 0; i < u->device_count; i++) {
		for (uint32_t s = 0; s <= SNNQ_STATE_WEDGED; s++) {
			fputs("snnq_device_state", f);
			put_device(f, &u->devices[i]);
			fprintf(f, ",state=\"%s\"} %d\n", usage_state_name(s),
				u->devices[i].state == s);
		}
	}
}

static void put_sensors(FILE *f, const struct usage *u)
{
	head(f, "temperature_celsius", "gauge", "Temperature of the device.");
	for (size_t i = 0; i < u->device_count; i++) {
		if (!u->devices[i].sensors)
			continue;
		fputs("snnq_temperature_celsius", f);
		put_device(f, &u->devices[i]);
		fprintf(f, "} %.3f\n", u->devices[i].temperature / 1e3);
	}
	head(f, "power_watts", "gauge", "Estimate of the device's power.");
	for (size_t i = 0; i < u->device_count; i++) {
		if (!u->devices[i].sensors)
			continue;
		fputs("snnq_power_watts", f);
		put_device(f, &u->devices[i]);
		fprintf(f, "} %.6f\n", u->devices[i].power / 1e6);
	}
	head(f, "clients", "gauge", "Open files.");
	for (size_t i = 0; i < u->device_count; i++) {
		if (!u->devices[i].work)
			continue;
		fputs("snnq_clients", f);
		put_device(f, &u->devices[i]);
		fprintf(f, "} %u\n", u->devices[i].clients);
	}
}

static void put_cores(FILE *f, const struct usage *u)
{
	head(f, "core_busy_seconds_total", "counter", "Time that the core spent on jobs.");
	for (size_t i = 0; i < u->core_count; i++) {
		const struct snnq_telemetry_device *d = usage_device(u, u->cores[i].device);

		if (!d || !u->cores[i].work)
			continue;
		fputs("snnq_core_busy_seconds_total", f);
		put_device(f, d);
		fprintf(f, ",core=\"%u\"} %.9f\n", u->cores[i].index, u->cores[i].busy_ns / 1e9);
	}
}

static void put_events(FILE *f, const struct usage_events *events)
{
	head(f, "events_total", "counter", "Events since the monitor runs.");
	for (int i = 0; i <= SNNQ_EVENT_THROTTLE; i++)
		fprintf(f, "snnq_events_total{event=\"%s\"} %" PRIu64 "\n",
			snnq_telemetry_kind_name((enum snnq_telemetry_kind)i), events->count[i]);
	head(f, "events_lost_total", "counter", "Events that came too fast to be told.");
	fprintf(f, "snnq_events_lost_total %" PRIu64 "\n", events->lost);
}

int usage_write_metrics(const struct usage *usage, const struct usage_events *events,
			const char *path)
{
	struct output out;
	int err = output_open(path, &out);

	if (err)
		return err;
	put_states(out.file, usage);
	put_sensors(out.file, usage);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		put_metric(out.file, usage, &metrics[i]);
	put_cores(out.file, usage);
	put_events(out.file, events);
	return output_commit(&out);
}
