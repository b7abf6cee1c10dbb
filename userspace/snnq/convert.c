// SPDX-License-Identifier: MIT
/*
 * convert.c - `snnq convert`: write a recording in another format.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static const char *format, *into, *compression;
static uint32_t width, height;
static bool partial, json;

static const struct cli_option options[] = {
	{ "format", 'f', "NAME", "of RECORDING, where content does not tell: see snnq(1)",
	  .text = &format },
	{ "into", 0, "NAME", "evt3 or aedat4 (default: by the extension, .raw or .aedat4)",
	  .text = &into },
	{ "compression", 0, "NAME", "of aedat4: none, lz4 (default) or zstd",
	  .text = &compression },
	{ "width", 0, "N", "of the sensor, when the recording does not say", .number = &width,
	  .max = UINT16_MAX },
	{ "height", 0, "N", "of the sensor, when the recording does not say", .number = &height,
	  .max = UINT16_MAX },
	{ "partial", 0, NULL, "of a damaged recording, keep what is before the damage",
	  .flag = &partial },
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"convert RECORDING OUTPUT [options]",
	"Write a recording in another format; \"-\" reads standard input.",
	"snnq convert user01.aedat user01.aedat4\n"
	"snnq convert digit.bin digit.raw --width 34 --height 34\n"
	"camera | snnq convert - now.aedat4 --compression zstd   # until Ctrl-C\n",
	options,
	2,
};

/*
 * Where events come from: a file, or a pipe. A file of which a part may do is read as a pipe,
 * whose events before the damage come first.
 */
struct input {
	const char *name;
	struct snnq_events *events;
	struct snnq_reader *reader;
	int fd; /* of the reader: standard input, or the file's */
};

static int input_open(struct input *in, const char *path)
{
	const struct snnq_events_opts *opts = SNNQ_OPTS(struct snnq_events_opts, .format = format,
							.width = (uint16_t)width,
							.height = (uint16_t)height);
	bool standard = !strcmp(path, "-");
	size_t bytes;
	int code = CLI_OK, ret;

	in->name = standard ? "standard input" : path;
	if (!standard && partial)
		code = cli_file_open(path, &in->fd, &bytes);
	if (code)
		return code;
	ret = standard || partial ? snnq_reader_open(in->fd, in->name, opts, &in->reader) :
				    snnq_events_open(path, opts, &in->events);
	if (ret && cli_input_ended())
		return cli_fail(CLI_FILE, "%s: ended by a signal before its format was known",
				in->name);
	return ret ? cli_fail(cli_recording_code(ret), "%s", snnq_last_error(NULL)) : CLI_OK;
}

static void input_close(struct input *in)
{
	snnq_reader_close(in->reader);
	snnq_events_close(in->events);
	if (in->fd > STDIN_FILENO)
		close(in->fd);
}

/* What was read of it. */
static void input_info(struct input *in, struct snnq_events_info *info)
{
	if (in->reader)
		snnq_reader_info(in->reader, info);
	else if (snnq_events_info(in->events, info))
		memset(info, 0, sizeof(*info));
}

static int report(struct input *in, const char *output, bool damaged)
{
	struct snnq_events_info info;
	struct stat st = { .st_size = 0 };
	cJSON *o;

	input_info(in, &info);
	if (stat(output, &st))
		return cli_fail(CLI_FAILED, "%s: %s", output, strerror(errno));
	if (!json) {
		printf("%s: %" PRIu64 " event%s, %jd bytes%s\n", output, info.events,
		       text_s((double)info.events), (intmax_t)st.st_size,
		       damaged ? " (up to the damage)" : "");
		if (info.dropped)
			fprintf(stderr,
				"snnq: %s: %" PRIu64 " event%s lost: outside the sensor, not "
				"valid, of a reserved type, or in %" PRIu64 " damaged byte%s\n",
				in->name, info.dropped, info.dropped == 1 ? " is" : "s are",
				info.damaged_bytes, text_s((double)info.damaged_bytes));
		return CLI_OK;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", "conversion");
	cJSON_AddStringToObject(o, "format", info.format ? info.format : "");
	cJSON_AddNumberToObject(o, "events", (double)info.events);
	cJSON_AddNumberToObject(o, "dropped", (double)info.dropped);
	cJSON_AddNumberToObject(o, "damaged_bytes", (double)info.damaged_bytes);
	cJSON_AddNumberToObject(o, "nonmonotonic", (double)info.nonmonotonic);
	cJSON_AddBoolToObject(o, "complete", !damaged);
	cJSON_AddNumberToObject(o, "bytes", (double)st.st_size);
	return cli_print_json(o);
}

/* A recording that cannot be written is at fault, not the place. */
static int write_code(int error)
{
	return error == -EBADMSG || error == -EINVAL ? CLI_FILE : CLI_FAILED;
}

/* Say how reading went, of which @ret came; @damaged: what was read is good all the same. */
static int read_code(struct input *in, int ret, bool *damaged)
{
	struct snnq_events_info info = { NULL };

	if (!ret)
		input_info(in, &info);
	*damaged = ret == -EBADMSG || info.damaged_bytes;
	if (*damaged && cli_input_ended()) { /* an event may be cut by that */
		*damaged = false;
		return ret ? cli_fail(CLI_OK, "note: %s; a signal ended it",
				      snnq_last_error(NULL)) :
			     CLI_OK;
	}
	if (ret)
		return cli_fail(write_code(ret), "%s", snnq_last_error(NULL));
	if (*damaged)
		return cli_fail(CLI_FILE, "%s: %" PRIu64 " byte%s damaged%s", in->name,
				info.damaged_bytes, info.damaged_bytes == 1 ? " is" : "s are",
				partial ? "" : "; --partial keeps the events beside them");
	return CLI_OK;
}

static int convert(struct input *in, const char *output)
{
	struct snnq_writer *writer;
	bool damaged, keep;
	int ret, code;

	ret = snnq_writer_open(output,
			       SNNQ_OPTS(struct snnq_writer_opts, .format = into,
					 .compression = compression, .width = (uint16_t)width,
					 .height = (uint16_t)height),
			       &writer);
	if (ret)
		return cli_fail(ret == -EINVAL ? CLI_USAGE : CLI_FAILED, "convert: %s",
				snnq_last_error(NULL));
	ret = in->reader ? snnq_writer_put_reader(writer, in->reader) :
			   snnq_writer_put_recording(writer, in->events);
	code = read_code(in, ret, &damaged);
	keep = !code || (damaged && partial);
	ret = snnq_writer_close(writer, keep);
	if (!keep)
		return code;
	if (ret)
		return cli_fail(write_code(ret), "%s", snnq_last_error(NULL));
	ret = report(in, output, damaged);
	return code ? code : ret;
}

int verb_convert(int argc, char **argv)
{
	struct input in = { .name = NULL };
	char **args;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	code = cli_check_outputs((const char *[]){ args[1] }, 1,
				 (const char *[]){ strcmp(args[0], "-") ? args[0] : NULL }, 1);
	if (!code && !strcmp(args[0], "-"))
		code = cli_signals_end_input();
	if (!code)
		code = input_open(&in, args[0]);
	if (!code)
		code = convert(&in, args[1]);
	input_close(&in);
	return code;
}
