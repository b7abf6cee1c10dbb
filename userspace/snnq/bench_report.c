// SPDX-License-Identifier: MIT
/*
 * bench_report.c - results of `snnq bench`, for people and for programs.
 */
#include <inttypes.h>
#include <stdio.h>

#include "bench.h"

double bench_quantile(const struct bench_times *times, double share)
{
	uint32_t at = (uint32_t)(share * times->count);

	return times->ms[at < times->count ? at : times->count - 1];
}

static double least(const struct bench_times *times)
{
	return times->ms[0];
}

static double most(const struct bench_times *times)
{
	return times->ms[times->count - 1];
}

static cJSON *times_json(const struct bench_times *times)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "count", times->count);
	cJSON_AddNumberToObject(o, "least_ms", least(times));
	cJSON_AddNumberToObject(o, "p50_ms", bench_quantile(times, .5));
	cJSON_AddNumberToObject(o, "p99_ms", bench_quantile(times, .99));
	cJSON_AddNumberToObject(o, "most_ms", most(times));
	return o;
}

static int print_json(const struct cli_session *s, const struct bench *b)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "kind", "benchmark");
	cJSON_AddStringToObject(o, "device", s->device_info.name);
	cJSON_AddStringToObject(o, "model", s->model_info.name);
	cJSON_AddNumberToObject(o, "params", s->model_info.params);
	cJSON_AddNumberToObject(o, "steps", b->steps);
	cJSON_AddNumberToObject(o, "streams", b->streams);
	cJSON_AddNumberToObject(o, "input_density", b->density);
	cJSON_AddNumberToObject(o, "load_ms", b->load_ms);
	cJSON_AddNumberToObject(o, "first_window_ms", b->first_ms);
	cJSON_AddNumberToObject(o, "memory_mb", b->memory_mb);
	cJSON_AddNumberToObject(o, "synops", b->synops);
	cJSON_AddItemToObject(o, "window", times_json(&b->windows));
	cJSON_AddItemToObject(o, "step", times_json(&b->single));
	return cli_print_json(o);
}

static void print_times(const char *what, const struct bench_times *times)
{
	printf("  %-18s %10.3f %10.3f %10.3f %10.3f\n", what, least(times),
	       bench_quantile(times, .5), bench_quantile(times, .99), most(times));
}

int bench_print(const struct cli_session *s, const struct bench *b, bool json)
{
	char name[64];
	double window = bench_quantile(&b->windows, .5);

	if (json)
		return print_json(s, b);
	printf("%s on %s: %" PRIu64 " parameter%s, %u step%s, %.0f %% of the input's bits set",
	       text_printable(s->model_info.name, name, sizeof(name)), s->device_info.name,
	       s->model_info.params, text_s((double)s->model_info.params), b->steps,
	       text_s(b->steps), b->density * 100);
	if (b->streams > 1)
		printf(", %u streams", b->streams);
	printf("\n\n");
	printf("  load               %10.3f ms\n", b->load_ms);
	printf("  first window       %10.3f ms, with what is done once\n", b->first_ms);
	printf("  memory             %10.1f MB at most\n\n", b->memory_mb);
	printf("  milliseconds            least     median        p99       most\n");
	print_times(b->streams > 1 ? "windows at once" : "window", &b->windows);
	print_times("step at a time", &b->single);
	printf("\n  %.1f windows a second, %.2f G synaptic operations a second\n",
	       b->streams * 1e3 / window, (double)b->synops * b->streams / window * 1e-6);
	return CLI_OK;
}

static void add_speed(void *ctx, const struct snnq_sim_speed *speed)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "isa", speed->isa);
	cJSON_AddBoolToObject(o, "used", speed->used);
	cJSON_AddNumberToObject(o, "event", speed->event);
	cJSON_AddNumberToObject(o, "lookup", speed->lookup);
	cJSON_AddNumberToObject(o, "dense", speed->dense);
	cJSON_AddNumberToObject(o, "attention", speed->attention);
	cJSON_AddNumberToObject(o, "neurons", speed->neurons);
	cJSON_AddItemToArray(ctx, o);
}

static void print_speed(void *ctx, const struct snnq_sim_speed *speed)
{
	(void)ctx;
	printf("%c %-8s %10.2f %10.2f %10.2f %10.2f %10.2f\n", speed->used ? '*' : ' ', speed->isa,
	       speed->event, speed->lookup, speed->dense, speed->attention, speed->neurons);
}

static void nothing(void *ctx, const struct snnq_sim_speed *speed)
{
	(void)ctx;
	(void)speed;
}

int bench_print_speeds(bool json)
{
	cJSON *o;

	if (snnq_sim_speeds(nothing, NULL) < 0)
		return cli_fail(CLI_USAGE, "%s", snnq_last_error(NULL));
	if (json) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "kind", "speeds");
		snnq_sim_speeds(add_speed, cJSON_AddArrayToObject(o, "giga_per_second"));
		return cli_print_json(o);
	}
	printf("10^9 a second, one thread; * is used (SNNQ_ISA names another)\n\n"
	       "  set           event     lookup      dense  attention    neurons\n");
	snnq_sim_speeds(print_speed, NULL);
	return CLI_OK;
}
