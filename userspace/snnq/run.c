// SPDX-License-Identifier: MIT
/*
 * run.c - `snnq run`: classify one recording, window by window, or the samples of an array.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "live.h"

static const char *device, *raster, *format;
static uint32_t width, height, queue;
static bool json, wait_for_room;

static const struct cli_option options[] = {
	{ "device", 'd', "NAME", "auto (default), sim[:cores=N] or a path", .text = &device },
	{ "raster", 'r', "DIR", "write each layer's output as .npy [T][H][W][C]", .text = &raster },
	{ "format", 'f', "NAME", "of the recording: where content does not tell: see snnq(1)",
	  .text = &format },
	{ "width", 0, "N", "of the sensor, when the file does not say", .number = &width,
	  .max = UINT16_MAX },
	{ "height", 0, "N", "of the sensor, when the file does not say", .number = &height,
	  .max = UINT16_MAX },
	{ "queue", 'q', "N", "of a feed: most windows that wait for their results (default 4)",
	  .number = &queue, .max = 1024 },
	{ "wait", 'w', NULL, "of a feed: wait for the device, instead of dropping windows",
	  .flag = &wait_for_room },
	{ "json", 0, NULL, "one JSON document on standard output; of a feed one for each window",
	  .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"run MODEL RECORDING|ARRAY|- [options]",
	"Classify a recording, the samples of an array, or a feed from standard input (-). Each\n"
	"window of the model's length gives one result.",
	"snnq run digits.snnq seven.bs2\n"
	"snnq run gesture.snnq hand_clap.aedat4 --json\n"
	"snnq run digits.snnq seven.bs2 --device sim --raster spikes/\n"
	"snnq run cifar.snnq images.npy\n"
	"camera | snnq run gesture.snnq - --format evt3\n",
	options,
	2,
};

/* Whether a layer puts out integers: heads of a float model do not. */
static bool is_integer(const struct cli_session *s, uint32_t layer)
{
	struct snnq_layer_info info;

	return !strcmp(s->model_info.arithmetic, "integer") ||
	       (!snnq_model_layer(s->model, layer, &info) && info.planes);
}

static void raster_path(const char *layer, char *path, size_t bytes)
{
	snprintf(path, bytes, "%s/%s.npy", raster, layer);
}

/* Before the work: make the folder, and see whether all files in it can be written. */
static int check_rasters(const struct cli_session *s, const char *model, const char *recording)
{
	uint32_t layers = s->model_info.layers;
	char(*paths)[4096] = calloc(layers, sizeof(*paths));
	const char **outputs = calloc(layers, sizeof(*outputs));
	struct snnq_layer_info info;
	int code = CLI_OK;

	if (mkdir(raster, 0777) && errno != EEXIST)
		code = cli_fail(CLI_FAILED, "%s: %s", raster, strerror(errno));
	if (!paths || !outputs)
		code = cli_fail(CLI_FAILED, "no memory");
	for (uint32_t i = 0; !code && i < layers; i++) {
		if (!is_integer(s, i) || snnq_model_layer(s->model, i, &info))
			continue;
		raster_path(info.name, paths[i], sizeof(paths[i]));
		outputs[i] = paths[i];
	}
	if (!code)
		code = cli_check_outputs(outputs, layers, (const char *[]){ model, recording }, 2);
	free(outputs);
	free(paths);
	return code;
}

/* One layer's tap as DIR/LAYER.npy. */
static int write_raster(const struct cli_session *s, struct snnq_stream *stream, uint32_t layer,
			uint64_t steps)
{
	int64_t count = snnq_stream_tap(stream, layer, NULL, 0);
	struct snnq_layer_info info;
	char path[4096];
	int32_t *values;
	int code;

	if (snnq_model_layer(s->model, layer, &info) || count <= 0)
		return cli_fail(CLI_FAILED, "layer %u: %s", layer, snnq_last_error(s->device));
	values = malloc(count * sizeof(*values));
	if (!values || snnq_stream_tap(stream, layer, values, count) != count) {
		free(values);
		return cli_fail(CLI_FAILED, "layer %s: its output cannot be read", info.name);
	}
	raster_path(info.name, path, sizeof(path));
	code = cli_npy_write(path, values,
			     (uint32_t[]){ steps, info.height, info.width, info.channels }, 4);
	free(values);
	return code;
}

static int write_rasters(const struct cli_session *s, struct snnq_stream *stream, uint64_t steps)
{
	int code = CLI_OK;

	for (uint32_t i = 0; !code && i < s->model_info.layers; i++)
		if (is_integer(s, i))
			code = write_raster(s, stream, i, steps);
	return code;
}

/* Top level: the first window, and the recording; all windows under "windows". */
static int print_windows(cJSON *windows, const struct snnq_recordings *seen)
{
	cJSON *top = cJSON_Duplicate(cJSON_GetArrayItem(windows, 0), 1);

	cJSON_DeleteItemFromObject(top, "dropped_events");
	cli_put_recordings(top, seen);
	cJSON_AddItemToObject(top, "windows", windows);
	return cli_print_json(top);
}

/* What windows come from: one of the two. */
struct input {
	struct snnq_events *events;
	struct snnq_values *values;
	uint64_t samples;
};

static int push(struct snnq_stream *stream, struct input *in, struct snnq_result *result)
{
	return in->values ? snnq_stream_push_values(stream, in->values, in->samples++, result) :
			    snnq_stream_push_events(stream, in->events, result);
}

static int run_windows(const struct cli_session *s, struct snnq_stream *stream, const char *path,
		       struct input *in)
{
	cJSON *windows = cJSON_CreateArray();
	struct snnq_recordings seen = { 0 };
	uint64_t first_step = 0, dropped = 0, count = 0;
	struct snnq_result result;
	int ret, code = CLI_OK;

	while (!code && (ret = push(stream, in, &result)) > 0) {
		if (!count++)
			first_step = result.first_step;
		dropped += result.dropped_events;
		seen.clamped_values += result.clamped_values;
		if (json)
			cJSON_AddItemToArray(windows, cli_result_json(&result));
		else
			cli_print_result(s, &result);
		if (raster && count == 1)
			code = write_rasters(s, stream, result.steps);
	}
	if (!code && ret < 0)
		code = cli_fail(cli_run_code(ret), "run: %s", snnq_last_error(s->device));
	if (!code && !count)
		code = cli_fail(CLI_FILE, "%s: recording has no events", path);
	if (!code) {
		if (in->events)
			snnq_recordings_add(&seen, in->events, dropped, first_step);
		cli_note_recordings(path, &seen);
	}
	if (!code && json)
		return print_windows(windows, &seen);
	cJSON_Delete(windows);
	return code;
}

static int open_input(const struct cli_session *s, const char *path, struct input *in)
{
	struct snnq_events_opts how = { .size = sizeof(how),
					.format = format,
					.width = (uint16_t)width,
					.height = (uint16_t)height,
					.channels = (uint8_t)s->model_info.input_polarities };
	int ret;

	if (!s->model_info.input_values) {
		ret = snnq_events_open(path, &how, &in->events);
		return ret ? cli_fail(cli_recording_code(ret), "%s", snnq_last_error(NULL)) :
			     CLI_OK;
	}
	if (format || width || height)
		return cli_fail(CLI_USAGE,
				"run: --%s: of no use: the model takes values, not events",
				format ? "format" :
				width  ? "width" :
					 "height");
	return snnq_values_open(path, &in->values) ?
		       cli_fail(CLI_FILE, "%s (the model takes values)", snnq_last_error(NULL)) :
		       CLI_OK;
}

static int run_recording(const struct cli_session *s, const char *path)
{
	struct snnq_stream *stream = NULL;
	struct input in = { NULL };
	int code = open_input(s, path, &in);

	if (!code && snnq_stream_create(s->model,
					SNNQ_OPTS(struct snnq_stream_opts,
						  .priority = SNNQ_PRIO_NORMAL, .profile = true),
					&stream))
		code = cli_fail(CLI_DEVICE, "stream: %s", snnq_last_error(s->device));
	else if (!code)
		code = run_windows(s, stream, path, &in);
	snnq_stream_destroy(stream);
	snnq_events_close(in.events);
	snnq_values_close(in.values);
	return code;
}

static int run_live(const struct cli_session *s)
{
	struct live_opts opts = {
		.events = { .size = sizeof(opts.events),
			    .format = format,
			    .width = (uint16_t)width,
			    .height = (uint16_t)height,
			    .channels = (uint8_t)s->model_info.input_polarities },
		.queue = queue,
		.wait = wait_for_room,
		.json = json,
	};

	return live_run(s, &opts);
}

int verb_run(int argc, char **argv)
{
	struct cli_session s;
	char **args;
	bool live;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	live = !strcmp(args[1], "-");
	if (live && raster)
		return cli_fail(CLI_USAGE,
				"run: --raster: expected a recording in a file, found -");
	if (!live && (queue || wait_for_room))
		return cli_fail(CLI_USAGE, "run: --%s: expected a feed (-), found %s",
				queue ? "queue" : "wait", args[1]);
	code = cli_session_open(&s, device, 1);
	if (!code)
		code = cli_session_load(&s, args[0], raster != NULL);
	if (!code && live && s.model_info.input_values)
		code = cli_fail(
			CLI_USAGE,
			"run: -: the model takes values: expected an array in a file (.npy)");
	if (!code && raster)
		code = check_rasters(&s, args[0], args[1]);
	if (!code)
		code = live ? run_live(&s) : run_recording(&s, args[1]);
	cli_session_close(&s);
	return code;
}
