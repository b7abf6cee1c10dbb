// SPDX-License-Identifier: MIT
/*
 * monitor.c - `snnq monitor`: a line for each event, and metrics in a file.
 *
 * A driver that is unloaded takes its family along; the monitor waits for the next.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/output.h"
#include "cli.h"
#include "usage.h"

/* Time between looks for whether the driver is still there. */
#define LOOK_MS 1000

static uint32_t interval = 10, limit;
static bool json, once;
static const char *prom;

static const struct cli_option options[] = {
	{ "prom", 0, "FILE", "write metrics to FILE, for node_exporter's textfile collector",
	  .text = &prom },
	{ "interval", 0, "S", "seconds between two writes of them (default 10)",
	  .number = &interval, .max = 86400 },
	{ "count", 'n', "N", "end after N events", .number = &limit },
	{ "once", '1', NULL, "write the metrics once and end", .flag = &once },
	{ "json", 0, NULL, "one JSON object a line", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"monitor [options]",
	"Print a line for each event of a device: added, removed, wedged, reset, hang, fault,\n"
	"throttle. Faults and throttles, and whose jobs events are about, need CAP_SYS_ADMIN.",
	"snnq monitor\nsudo snnq monitor --json\n"
	"sudo snnq monitor --prom /var/lib/prometheus/node-exporter/snnq.prom\n",
	options,
	0,
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = true;
}

struct monitor {
	struct snnq_telemetry *telemetry;
	struct usage_events events;
	uint64_t shown, next_look_ns, next_prom_ns;
	bool clients; /* it is told of them */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* When it happened, by the wall clock as it is set now. */
static void wall_time(uint64_t monotonic_ns, char text[40])
{
	uint64_t ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC) + monotonic_ns;
	time_t seconds = (time_t)(ns / 1000000000u);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, 40 - n, ".%03uZ", (unsigned int)(ns / 1000000 % 1000));
}

static void put(cJSON *o, const char *key, double value)
{
	cJSON_AddNumberToObject(o, key, value);
}

static void put_fault(cJSON *o, const struct snnq_telemetry_event *e)
{
	const char *name = strerrorname_np(-e->error);

	put(o, "job", (double)e->seq);
	put(o, "error", e->error);
	cJSON_AddStringToObject(o, "errno", name ? name : "?");
	cJSON_AddStringToObject(o, "status", snnq_status_name(e->status));
	if (e->layer != UINT32_MAX)
		put(o, "layer", e->layer);
	if (e->region != UINT32_MAX) {
		put(o, "region", e->region);
		put(o, "offset", (double)e->offset);
	}
}

static bool print_json(const struct snnq_telemetry_event *e, const char *time)
{
	cJSON *o = cJSON_CreateObject();
	char *text;
	bool done;

	cJSON_AddStringToObject(o, "kind", "event");
	cJSON_AddStringToObject(o, "time", time);
	cJSON_AddStringToObject(o, "event", snnq_telemetry_kind_name(e->kind));
	put(o, "device", e->device);
	cJSON_AddStringToObject(o, "name", e->name);
	if (e->lost)
		put(o, "lost", (double)e->lost);
	if (e->kind == SNNQ_EVENT_RESET)
		cJSON_AddStringToObject(o, "scope", e->whole ? "device" : "core");
	if (e->core != UINT32_MAX)
		put(o, "core", e->core);
	if (e->client_id) {
		put(o, "client", (double)e->client_id);
		put(o, "pid", e->pid);
		put(o, "uid", e->uid);
		cJSON_AddStringToObject(o, "command", e->comm);
	}
	if (e->kind == SNNQ_EVENT_FAULT)
		put_fault(o, e);
	if (e->kind == SNNQ_EVENT_THROTTLE)
		put(o, "delay_ms", e->delay_ns / 1e6);
	text = cJSON_PrintUnformatted(o);
	done = text && !cli_print_json_text(text);
	cJSON_free(text);
	cJSON_Delete(o);
	return done;
}

static void print_fault(const struct snnq_telemetry_event *e)
{
	const char *name = strerrorname_np(-e->error);

	printf(" job %" PRIu64 ": %s (%s)", e->seq, snnq_status_name(e->status), name ? name : "?");
	if (e->layer != UINT32_MAX)
		printf(", layer %u", e->layer);
	if (e->region != UINT32_MAX)
		printf(", region %u at %#" PRIx64, e->region, e->offset);
}

static bool print_line(const struct snnq_telemetry_event *e, const char *time)
{
	char comm[16];

	printf("%s device %u (%s)", time, e->device, e->name);
	if (e->core != UINT32_MAX && !(e->kind == SNNQ_EVENT_RESET && e->whole))
		printf(" core %u", e->core);
	printf(" %s", snnq_telemetry_kind_name(e->kind));
	if (e->kind == SNNQ_EVENT_RESET && e->whole)
		printf(" of the device");
	if (e->client_id)
		printf(" by %s (pid %u, uid %u, client %" PRIu64 ")",
		       text_printable(e->comm, comm, sizeof(comm)), e->pid, e->uid, e->client_id);
	if (e->kind == SNNQ_EVENT_FAULT)
		print_fault(e);
	if (e->kind == SNNQ_EVENT_THROTTLE)
		printf(": waits %.0f ms", e->delay_ns / 1e6);
	if (e->lost)
		printf(" [%" PRIu64 " event%s before it %s lost]", e->lost, text_s((double)e->lost),
		       e->lost == 1 ? "was" : "were");
	putchar('\n');
	return !fflush(stdout);
}

static int take_event(struct monitor *m, const struct snnq_telemetry_event *e)
{
	char time[40];

	m->events.count[e->kind]++;
	m->events.lost += e->lost;
	m->shown++;
	wall_time(e->time_ns, time);
	if (json ? print_json(e, time) : print_line(e, time))
		return CLI_OK;
	return cli_fail(CLI_FAILED, "standard output: cannot be written");
}

/* Connect and listen, to as much as is allowed. 0 or -errno. */
static int start(struct monitor *m)
{
	int err = snnq_telemetry_open(&m->telemetry);

	if (err)
		return err;
	err = snnq_telemetry_listen(m->telemetry, true);
	m->clients = !err;
	if (err == -EPERM || err == -EACCES)
		err = snnq_telemetry_listen(m->telemetry, false);
	if (err) {
		snnq_telemetry_close(m->telemetry);
		m->telemetry = NULL;
	}
	return err;
}

static int write_metrics(struct monitor *m)
{
	struct usage usage = { .lost = false };
	int err = m->telemetry ? usage_read(m->telemetry, &usage) : 0, code = CLI_OK;

	/* No driver: no devices. Another failure is no reason to tell an old state for ever. */
	if (err && once)
		code = cli_fail(CLI_DEVICE, "monitor: %s", snnq_last_error(NULL));
	else if (usage_write_metrics(&usage, &m->events, prom))
		code = cli_fail(CLI_FAILED, "%s", output_problem());
	usage_free(&usage);
	return code;
}

static void ignore_device(void *ctx, const struct snnq_telemetry_device *device)
{
	(void)ctx;
	(void)device;
}

/* Whether the family is still there; a new one is another. */
static void look(struct monitor *m)
{
	if (m->telemetry && snnq_telemetry_devices(m->telemetry, ignore_device, NULL) == -ENOENT) {
		snnq_telemetry_close(m->telemetry);
		m->telemetry = NULL;
		cli_fail(CLI_OK, "monitor: the driver was unloaded; waiting for it");
	}
	if (!m->telemetry && !start(m))
		cli_fail(CLI_OK, "monitor: the driver is back");
}

/* What is due now. */
static int tick(struct monitor *m)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (now >= m->next_look_ns) {
		look(m);
		m->next_look_ns = now + LOOK_MS * 1000000ull;
	}
	if (!prom || now < m->next_prom_ns)
		return CLI_OK;
	m->next_prom_ns = now + interval * 1000000000ull;
	return write_metrics(m);
}

static int wait_event(struct monitor *m)
{
	const struct timespec pause = { LOOK_MS / 1000, 0 };
	struct snnq_telemetry_event event;
	int got;

	if (!m->telemetry) {
		nanosleep(&pause, NULL);
		return CLI_OK;
	}
	got = snnq_telemetry_next(m->telemetry, LOOK_MS, &event);
	if (got > 0)
		return take_event(m, &event);
	if (got == -ENOBUFS)
		m->events.lost++;
	if (got < 0)
		cli_fail(CLI_OK, "monitor: %s", snnq_last_error(NULL));
	return CLI_OK;
}

static int watch(struct monitor *m)
{
	int code = CLI_OK;

	if (!m->clients)
		cli_fail(CLI_OK,
			 "monitor: faults, throttles and whose they are need CAP_SYS_ADMIN");
	m->next_look_ns = clock_ns(CLOCK_MONOTONIC) + LOOK_MS * 1000000ull;
	while (!code && !ended && (!limit || m->shown < limit)) {
		code = tick(m);
		if (!code)
			code = wait_event(m);
	}
	return code || !prom ? code : write_metrics(m);
}

int verb_monitor(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end };
	struct monitor m = { .shown = 0 };
	char **args;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (once && !prom)
		return cli_fail(CLI_USAGE, "monitor: --once: expected --prom FILE beside it");
	code = prom ? cli_check_outputs(&prom, 1, NULL, 0) : CLI_OK;
	if (code)
		return code;
	if (start(&m))
		return cli_fail(CLI_DEVICE, "monitor: %s", snnq_last_error(NULL));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	code = once ? write_metrics(&m) : watch(&m);
	snnq_telemetry_close(m.telemetry);
	return code;
}
