// SPDX-License-Identifier: MIT
/*
 * top.c - `snnq top`: what devices, cores and processes do, live.
 *
 * Shares of time are differences of two looks, by the kernel's clock.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "usage.h"

#define BAR 30

static uint32_t interval = 1000;
static bool once, json;

static const struct cli_option options[] = {
	{ "interval", 'd', "MS", "time between looks in milliseconds (default 1000)",
	  .number = &interval, .max = 3600000 },
	{ "once", '1', NULL, "show one interval and end", .flag = &once },
	{ "json", 0, NULL, "one JSON document on standard output; implies --once", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"top [options]",
	"Show what devices, their cores and the processes that use them do.\n"
	"Without CAP_PERFMON: how devices fare, and the user's own processes.",
	"snnq top\nsudo snnq top -d 500\nsnnq top --json --interval 200\n",
	options,
	0,
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = true;
}

/* Share of a time; 0 where it cannot be told. */
static double share(uint64_t busy, uint64_t busy0, uint64_t time, uint64_t time0)
{
	if (busy < busy0 || time <= time0)
		return 0;
	return (double)(busy - busy0) / (double)(time - time0);
}

static double rate(uint64_t n, uint64_t n0, uint64_t time, uint64_t time0)
{
	return 1e9 * share(n, n0, time, time0);
}

/* Of a client, between two looks. */
struct row {
	const struct snnq_telemetry_client *client;
	double cores, jobs, steps; /* cores: may be more than 1 */
};

static int by_use(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->cores != y->cores)
		return x->cores < y->cores ? 1 : -1;
	return x->client->id < y->client->id ? -1 : x->client->id > y->client->id;
}

/* When the earlier look was. */
static uint64_t look_ns(const struct usage *u)
{
	return u->device_count ? u->devices[0].time_ns : 0;
}

/* Rows of all clients, to be freed; those that came between the looks began at 0. */
static struct row *rows_of(const struct usage *now, const struct usage *before)
{
	const struct snnq_telemetry_client none = { .time_ns = look_ns(before) };
	struct row *rows = calloc(now->client_count + 1, sizeof(*rows));

	for (size_t i = 0; rows && i < now->client_count; i++) {
		const struct snnq_telemetry_client *c = &now->clients[i],
						   *old = usage_client(before, c->device, c->id);

		if (!old)
			old = &none;
		rows[i] = (struct row){
			c,
			share(c->busy_ns, old->busy_ns, c->time_ns, old->time_ns),
			rate(c->jobs_completed, old->jobs_completed, c->time_ns, old->time_ns),
			rate(c->steps, old->steps, c->time_ns, old->time_ns),
		};
	}
	if (rows)
		qsort(rows, now->client_count, sizeof(*rows), by_use);
	return rows;
}

static double core_share(const struct snnq_telemetry_core *c, const struct usage *before)
{
	const struct snnq_telemetry_core *old = usage_core(before, c->device, c->index);

	return old ? share(c->busy_ns, old->busy_ns, c->time_ns, old->time_ns) : 0;
}

/* ---- text ---- */

static const char *bytes_text(uint64_t bytes, char text[16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t u = 0;

	for (; value >= 1024 && u + 1 < sizeof(units) / sizeof(units[0]); u++)
		value /= 1024;
	snprintf(text, 16, u ? "%.1f %s" : "%.0f %s", value, units[u]);
	return text;
}

static void print_core(const struct snnq_telemetry_core *c, const struct usage *before)
{
	double used = core_share(c, before);
	int filled = (int)(used * BAR + 0.5);

	printf("  core %-2u ", c->index);
	if (c->work)
		printf("[%.*s%*s] %5.1f%%  in ring %u", filled > BAR ? BAR : filled,
		       "##############################", filled > BAR ? 0 : BAR - filled, "",
		       100 * used, c->queued);
	else
		printf("(hidden)");
	printf("%s%s%s\n", c->state & SNNQ_TELEMETRY_CORE_ENABLED ? "" : "  off",
	       c->state & SNNQ_TELEMETRY_CORE_BROKEN ? "  broken" : "",
	       c->state & SNNQ_TELEMETRY_CORE_POLLED ? "  polled" : "");
}

static void print_device(const struct snnq_telemetry_device *d, const struct usage *now,
			 const struct usage *before)
{
	char name[64], a[16], b[16];

	printf("%s (%s): %s", text_printable(d->node, name, sizeof(name)), d->name,
	       usage_state_name(d->state));
	if (d->sensors)
		printf(", %.1f C, %.3f W", d->temperature / 1e3, d->power / 1e6);
	if (d->work)
		printf(", %u client%s, %s of %s", d->clients, d->clients == 1 ? "" : "s",
		       bytes_text(d->memory, a), bytes_text(d->memory_limit, b));
	printf("\n  hangs %" PRIu64 ", resets %" PRIu64 " + %" PRIu64 ", refused %" PRIu64
	       ", throttled %" PRIu64,
	       d->hangs, d->core_resets, d->device_resets, d->bad_completions, d->throttles);
	if (d->work)
		printf(", jobs %" PRIu64 " done, %" PRIu64 " failed, %" PRIu64 " cancelled",
		       d->jobs_completed, d->jobs_failed, d->jobs_cancelled);
	putchar('\n');
	for (size_t i = 0; i < now->core_count; i++)
		if (now->cores[i].device == d->id)
			print_core(&now->cores[i], before);
}

static const char *user_name(uint32_t uid, char text[16])
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		text_printable(user->pw_name, text, 16);
	else
		snprintf(text, 16, "%u", uid);
	return text;
}

static void print_clients(const struct usage *now, const struct row *rows, int lines)
{
	char user[16], memory[16], comm[16];

	printf("\n%7s %-10s %4s %7s %9s %9s %6s %10s %6s  %s\n", "PID", "USER", "DEV", "CORES%",
	       "JOBS/s", "STEPS/s", "QUEUED", "MEMORY", "FAILED", "COMMAND");
	for (size_t i = 0; i < now->client_count && lines; i++, lines--) {
		const struct snnq_telemetry_client *c = rows[i].client;

		printf("%7u %-10.10s %4u %7.1f %9.1f %9.1f %6u %10s %6" PRIu64 "  %s\n", c->pid,
		       user_name(c->uid, user), c->device, 100 * rows[i].cores, rows[i].jobs,
		       rows[i].steps, c->queued, bytes_text(c->memory, memory), c->jobs_failed,
		       text_printable(c->comm, comm, sizeof(comm)));
	}
	if (!now->client_count)
		puts("  no clients");
}

/* Lines of the terminal for clients, below what is above them; -1: as many as there are. */
static int room(const struct usage *now)
{
	struct winsize size;

	if (once || !isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ||
	    !size.ws_row)
		return -1;
	return size.ws_row > 2 * now->device_count + now->core_count + 5 ?
		       (int)(size.ws_row - 2 * now->device_count - now->core_count - 5) :
		       1;
}

static int print_text(const struct usage *now, const struct usage *before, bool redraw)
{
	struct row *rows = rows_of(now, before);
	bool hidden = false;

	if (!rows)
		return cli_fail(CLI_FAILED, "no memory");
	if (redraw)
		fputs("\033[H\033[J", stdout);
	for (size_t i = 0; i < now->device_count; i++) {
		print_device(&now->devices[i], now, before);
		hidden |= !now->devices[i].work;
	}
	if (!now->device_count)
		puts("no devices");
	print_clients(now, rows, room(now));
	if (hidden)
		puts("(others' work is hidden without CAP_PERFMON)");
	free(rows);
	return fflush(stdout) ? CLI_FAILED : CLI_OK;
}

/* ---- JSON ---- */

static void put(cJSON *o, const char *key, double value)
{
	cJSON_AddNumberToObject(o, key, value);
}

static cJSON *core_json(const struct snnq_telemetry_core *c, const struct usage *before)
{
	cJSON *o = cJSON_CreateObject();

	put(o, "index", c->index);
	cJSON_AddBoolToObject(o, "enabled", c->state & SNNQ_TELEMETRY_CORE_ENABLED);
	cJSON_AddBoolToObject(o, "broken", c->state & SNNQ_TELEMETRY_CORE_BROKEN);
	cJSON_AddBoolToObject(o, "polled", c->state & SNNQ_TELEMETRY_CORE_POLLED);
	put(o, "resets", (double)c->resets);
	if (!c->work)
		return o;
	put(o, "utilization", core_share(c, before));
	put(o, "busy_ns", (double)c->busy_ns);
	put(o, "jobs", (double)c->jobs);
	put(o, "queued", c->queued);
	return o;
}

static void put_work(cJSON *o, const struct snnq_telemetry_device *d,
		     const struct snnq_telemetry_device *old)
{
	put(o, "clients", d->clients);
	put(o, "memory_bytes", (double)d->memory);
	put(o, "jobs_submitted", (double)d->jobs_submitted);
	put(o, "jobs_completed", (double)d->jobs_completed);
	put(o, "jobs_failed", (double)d->jobs_failed);
	put(o, "jobs_cancelled", (double)d->jobs_cancelled);
	put(o, "steps", (double)d->steps);
	put(o, "cycles", (double)d->cycles);
	put(o, "busy_ns", (double)d->busy_ns);
	if (old && d->cores)
		put(o, "utilization",
		    share(d->busy_ns, old->busy_ns, d->time_ns, old->time_ns) / d->cores);
}

static cJSON *device_json(const struct snnq_telemetry_device *d, const struct usage *now,
			  const struct usage *before)
{
	cJSON *o = cJSON_CreateObject(), *cores;

	put(o, "id", d->id);
	cJSON_AddStringToObject(o, "name", d->name);
	cJSON_AddStringToObject(o, "node", d->node);
	cJSON_AddStringToObject(o, "state", usage_state_name(d->state));
	put(o, "clock_khz", d->clock_khz);
	if (d->sensors) {
		put(o, "temperature_c", d->temperature / 1e3);
		put(o, "power_w", d->power / 1e6);
	}
	put(o, "hangs", (double)d->hangs);
	put(o, "core_resets", (double)d->core_resets);
	put(o, "device_resets", (double)d->device_resets);
	put(o, "bad_completions", (double)d->bad_completions);
	put(o, "throttles", (double)d->throttles);
	put(o, "memory_limit_bytes", (double)d->memory_limit);
	cJSON_AddBoolToObject(o, "complete", d->work);
	if (d->work)
		put_work(o, d, usage_device(before, d->id));
	cores = cJSON_AddArrayToObject(o, "cores");
	for (size_t i = 0; i < now->core_count; i++)
		if (now->cores[i].device == d->id)
			cJSON_AddItemToArray(cores, core_json(&now->cores[i], before));
	return o;
}

static cJSON *client_json(const struct row *row)
{
	const struct snnq_telemetry_client *c = row->client;
	cJSON *o = cJSON_CreateObject();

	put(o, "device", c->device);
	put(o, "id", (double)c->id);
	put(o, "pid", c->pid);
	put(o, "uid", c->uid);
	cJSON_AddStringToObject(o, "command", c->comm);
	put(o, "utilization", row->cores);
	put(o, "jobs_per_second", row->jobs);
	put(o, "steps_per_second", row->steps);
	put(o, "memory_bytes", (double)c->memory);
	put(o, "models", c->models);
	put(o, "streams", c->streams);
	put(o, "queued", c->queued);
	put(o, "jobs_submitted", (double)c->jobs_submitted);
	put(o, "jobs_completed", (double)c->jobs_completed);
	put(o, "jobs_failed", (double)c->jobs_failed);
	put(o, "jobs_cancelled", (double)c->jobs_cancelled);
	put(o, "steps", (double)c->steps);
	put(o, "cycles", (double)c->cycles);
	put(o, "busy_ns", (double)c->busy_ns);
	put(o, "hangs", (double)c->hangs);
	put(o, "core_resets", (double)c->core_resets);
	put(o, "device_resets", (double)c->device_resets);
	put(o, "throttles", (double)c->throttles);
	return o;
}

static int print_document(const struct usage *now, const struct usage *before)
{
	struct row *rows = rows_of(now, before);
	cJSON *o, *list;

	if (!rows)
		return cli_fail(CLI_FAILED, "no memory");
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", "usage");
	list = cJSON_AddArrayToObject(o, "devices");
	for (size_t i = 0; i < now->device_count; i++)
		cJSON_AddItemToArray(list, device_json(&now->devices[i], now, before));
	list = cJSON_AddArrayToObject(o, "clients");
	for (size_t i = 0; i < now->client_count; i++)
		cJSON_AddItemToArray(list, client_json(&rows[i]));
	free(rows);
	return cli_print_json(o);
}

/* ---- the loop ---- */

static void wait_interval(void)
{
	const struct timespec time = { interval / 1000, interval % 1000 * 1000000L };

	nanosleep(&time, NULL); /* a signal ends it */
}

static int watch(struct snnq_telemetry *telemetry)
{
	bool redraw = !once && isatty(STDOUT_FILENO);
	struct usage before, now = { .lost = false };
	int code = CLI_OK, err = usage_read(telemetry, &before);

	while (!err && !code && !ended) {
		wait_interval();
		if (ended)
			break;
		err = usage_read(telemetry, &now);
		if (err)
			break;
		code = json ? print_document(&now, &before) : print_text(&now, &before, redraw);
		usage_free(&before);
		before = now;
		now = (struct usage){ .lost = false };
		if (once)
			break;
	}
	usage_free(&before);
	usage_free(&now);
	return err ? cli_fail(CLI_DEVICE, "top: %s", snnq_last_error(NULL)) : code;
}

int verb_top(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end };
	struct snnq_telemetry *telemetry;
	char **args;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (interval < 10)
		return cli_fail(CLI_USAGE, "top: --interval: expected at least 10, found %u",
				interval);
	once |= json;
	if (snnq_telemetry_open(&telemetry))
		return cli_fail(CLI_DEVICE, "top: %s", snnq_last_error(NULL));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	code = watch(telemetry);
	snnq_telemetry_close(telemetry);
	return code;
}
