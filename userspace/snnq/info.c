// SPDX-License-Identifier: MIT
/*
 * info.c - `snnq info`: a model, a recording, an array or a device in words.
 *
 * What the argument is follows from its content: a device by its name (or node),
 * a model by its safetensors header, an array by its own, anything else is tried as a recording.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/content.h"
#include "capabilities.h"
#include "cli.h"
#include "describe.h"

static const char *format;
static bool json;

static const struct cli_option options[] = {
	{ "format", 'f', "NAME", "of a recording: where content does not tell: see snnq(1)",
	  .text = &format },
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"info FILE|DEVICE [options]",
	"Describe a model (.snnq), a recording, an array (.npy, .npz), or a device (auto, sim,\n"
	"/dev/accel/accel0).",
	"snnq info digits.snnq\n"
	"snnq info hand_clap.aedat4 --json\n"
	"snnq info images.npy\n"
	"snnq info /dev/accel/accel0\n",
	options,
	1,
};

static int recording_info(const char *path)
{
	struct snnq_events_info i;
	struct snnq_events *events;
	int ret;
	cJSON *o;

	ret = snnq_events_open(path, SNNQ_OPTS(struct snnq_events_opts, .format = format), &events);
	if (ret)
		return cli_fail(cli_recording_code(ret), "%s", snnq_last_error(NULL));
	ret = snnq_events_info(events, &i);
	snnq_events_close(events);
	if (ret)
		return cli_fail(CLI_FILE, "%s", snnq_last_error(NULL));
	if (!json) {
		char name[4200], sensor[32] = "not said";

		if (i.width && i.height)
			snprintf(sensor, sizeof(sensor), "%ux%u", i.width, i.height);
		printf("%s: %s recording, %" PRIu64 " event%s in %.3f s, sensor %s\n",
		       text_printable(path, name, sizeof(name)), i.format, i.events,
		       text_s((double)i.events), (i.last_us - i.first_us) / 1e6, sensor);
		printf("%" PRIu64 " dropped, %" PRIu64 " backwards in time", i.dropped,
		       i.nonmonotonic);
		if (i.damaged_bytes)
			printf(", %" PRIu64 " damaged byte%s at the end", i.damaged_bytes,
			       text_s((double)i.damaged_bytes));
		printf("\n");
		return CLI_OK;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", "recording");
	cJSON_AddStringToObject(o, "format", i.format);
	cJSON_AddNumberToObject(o, "events", i.events);
	cJSON_AddNumberToObject(o, "first_us", i.first_us);
	cJSON_AddNumberToObject(o, "last_us", i.last_us);
	cJSON_AddNumberToObject(o, "duration_us", i.last_us - i.first_us);
	cJSON_AddNumberToObject(o, "width", i.width);
	cJSON_AddNumberToObject(o, "height", i.height);
	cJSON_AddNumberToObject(o, "dropped", i.dropped);
	cJSON_AddNumberToObject(o, "nonmonotonic", i.nonmonotonic);
	cJSON_AddNumberToObject(o, "damaged_bytes", i.damaged_bytes);
	return cli_print_json(o);
}

/* Of the numbers that are finite the least and the largest, NAN without any; how many are not. */
struct range {
	double least, most;
	uint64_t not_finite;
};

/* An exit code. */
static int find_range(struct snnq_values *values, struct range *r)
{
	double numbers[1024];
	uint64_t at = 0;
	int64_t n;

	while ((n = snnq_values_read(values, at, 1024, numbers)) > 0) {
		for (int64_t i = 0; i < n; i++) {
			if (!isfinite(numbers[i])) {
				r->not_finite++;
				continue;
			}
			r->least = fmin(r->least, numbers[i]); /* the number beside a NAN */
			r->most = fmax(r->most, numbers[i]);
		}
		at += (uint64_t)n;
	}
	return n ? cli_fail(CLI_FILE, "%s", snnq_last_error(NULL)) : CLI_OK;
}

static int print_values(const char *path, const struct snnq_values_info *i, const struct range *r)
{
	cJSON *o, *shape;

	if (!json) {
		char name[4200];

		printf("%s: array of values, type %s, shape",
		       text_printable(path, name, sizeof(name)), i->type);
		for (uint32_t k = 0; k < i->dims; k++)
			printf("%s%" PRIu64, k ? " x " : " ", i->shape[k]);
		printf("%s, %" PRIu64 " number%s from %.9g to %.9g", i->dims ? "" : " of none",
		       i->count, text_s((double)i->count), r->least, r->most);
		if (r->not_finite)
			printf(", of which %" PRIu64 " %s not finite", r->not_finite,
			       r->not_finite == 1 ? "is" : "are");
		printf("\n");
		return CLI_OK;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", "values");
	cJSON_AddStringToObject(o, "format", i->format);
	cJSON_AddStringToObject(o, "type", i->type);
	shape = cJSON_AddArrayToObject(o, "shape");
	for (uint32_t k = 0; k < i->dims; k++)
		cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)i->shape[k]));
	cJSON_AddNumberToObject(o, "count", (double)i->count);
	cJSON_AddNumberToObject(o, "least", r->least);
	cJSON_AddNumberToObject(o, "most", r->most);
	cJSON_AddNumberToObject(o, "not_finite", (double)r->not_finite);
	return cli_print_json(o);
}

static int values_info(const char *path)
{
	struct snnq_values *values;
	struct snnq_values_info info;
	struct range range = { NAN, NAN, 0 };
	int code;

	if (snnq_values_open(path, &values))
		return cli_fail(CLI_FILE, "%s", snnq_last_error(NULL));
	snnq_values_info(values, &info);
	code = find_range(values, &range);
	snnq_values_close(values);
	return code ? code : print_values(path, &info, &range);
}

static int device_info(const char *name)
{
	struct snnq_device_info info, *i = &info;
	int code = capabilities_of(name, i);
	cJSON *o;

	if (code)
		return code;
	if (!json) {
		printf("%s: driver %s, hardware version %#x, %u core%s\n", i->name, i->driver,
		       i->hw_version, i->cores, text_s(i->cores));
		printf("%u KiB of memory per core, %u lane%s, %u MHz, queue of %u, %u DMA bits\n",
		       i->sram_bytes / 1024, i->lanes, text_s(i->lanes), i->clock_khz / 1000,
		       i->queue_depth, i->dma_bits);
		capabilities_print(i);
		return CLI_OK;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", "device");
	cJSON_AddStringToObject(o, "name", i->name);
	cJSON_AddStringToObject(o, "driver", i->driver);
	cJSON_AddNumberToObject(o, "hw_version", i->hw_version);
	cJSON_AddNumberToObject(o, "cores", i->cores);
	cJSON_AddNumberToObject(o, "sram_bytes", i->sram_bytes);
	cJSON_AddNumberToObject(o, "lanes", i->lanes);
	cJSON_AddNumberToObject(o, "clock_khz", i->clock_khz);
	cJSON_AddNumberToObject(o, "queue_depth", i->queue_depth);
	cJSON_AddNumberToObject(o, "port_bytes", i->port_bytes);
	cJSON_AddNumberToObject(o, "dma_bits", i->dma_bits);
	capabilities_to_json(i, o);
	return cli_print_json(o);
}

static bool is_model(const char *path)
{
	uint8_t head[CONTENT_BYTES];

	return content_is_model(head, cli_file_head(path, head, sizeof(head)));
}

static int format_is_for_recordings(void)
{
	return cli_fail(CLI_USAGE, "info: --format: expected a recording");
}

int verb_info(int argc, char **argv)
{
	struct stat st;
	char **args;
	const char *dot;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (!format && snnq_values_in(args[0]))
		return values_info(args[0]);
	if (stat(args[0], &st)) {
		if (!strcmp(args[0], "auto") || !strncmp(args[0], "sim", 3))
			return format ? format_is_for_recordings() : device_info(args[0]);
		return cli_fail(CLI_FILE, "%s: %s", args[0], strerror(errno));
	}
	if (S_ISCHR(st.st_mode))
		return format ? format_is_for_recordings() : device_info(args[0]);
	if (!S_ISREG(st.st_mode))
		return cli_fail(CLI_FILE, "%s: expected a regular file or a device", args[0]);
	dot = strrchr(args[0], '.');
	if (is_model(args[0]) || (dot && !strcmp(dot, ".snnq")))
		return format ? format_is_for_recordings() : describe_model(args[0], json);
	return recording_info(args[0]);
}
