// SPDX-License-Identifier: MIT
/*
 * inspect.c - `snnq inspect`: what a recording looks like, and what a dump says.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "dump.h"
#include "inspect.h"
#include "base/number.h"
#include "base/output.h"

#define MAX_FRAMES   64
#define MAX_BINS     100000
#define MAX_TOP	     1000
#define FRAMES	     4
#define FRAMES_SMALL 8 /* in a file, of a sensor that is */
#define SMALL_SENSOR 346
#define USUAL_BINS   100
#define USUAL_TOP    5
#define LONGEST_US   1e15

static const char *format, *from_text, *to_text, *polarity, *output, *colours = "auto";
static uint32_t frames, bins = USUAL_BINS, top = USUAL_TOP, width, height;
static bool json;

static const struct cli_option options[] = {
	{ "output", 'o', "FILE", "write a picture: FILE.png or FILE.svg", .text = &output },
	{ "from", 0, "TIME", "begin this long after the first event: 20ms, 1.5s, 300us",
	  .text = &from_text },
	{ "to", 0, "TIME", "end this long after the first event (default: with the last)",
	  .text = &to_text },
	{ "frames", 'n', "N", "pictures of equal time (default: 4, or 8 in a file)",
	  .number = &frames, .max = MAX_FRAMES },
	{ "polarity", 0, "NAME", "on, off or both (default)", .text = &polarity },
	{ "top", 0, "N", "how many of the hottest pixels are named (default 5)", .number = &top,
	  .max = MAX_TOP, .zero = true },
	{ "bins", 0, "N", "parts of time whose rate --json gives (default 100)", .number = &bins,
	  .max = MAX_BINS },
	{ "color", 0, "WHEN", "auto (default: on terminals), always or never", .text = &colours },
	{ "format", 'f', "NAME", "where content does not tell: see snnq(1)", .text = &format },
	{ "width", 0, "N", "of the sensor, when the file does not say", .number = &width,
	  .max = UINT16_MAX },
	{ "height", 0, "N", "of the sensor, when the file does not say", .number = &height,
	  .max = UINT16_MAX },
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"inspect FILE [options]",
	"Show a recording: frames of accumulated events, their rate over time, the hottest pixels;\n"
	"in the terminal, or as a picture. Or the driver's dump of a job that failed.",
	"snnq inspect hand_clap.aedat4\n"
	"snnq inspect hand_clap.aedat4 --from 1.2s --to 1.4s --frames 6 -o clap.png\n"
	"snnq inspect 00002.bin --polarity on --json\n"
	"sudo snnq inspect /sys/class/devcoredump/devcd1/data\n",
	options,
	1,
};

/* ---- options ---- */

/* "20ms" in microseconds. */
static bool parse_time(const char *text, double *us)
{
	static const struct {
		const char *name;
		double us;
	} units[] = { { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 } };
	size_t bytes = strlen(text);
	char number[64];

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if (bytes <= n || bytes - n >= sizeof(number) ||
		    strcmp(text + bytes - n, units[i].name))
			continue;
		memcpy(number, text, bytes - n);
		number[bytes - n] = 0;
		if (!number_parse(number, us))
			return false;
		*us *= units[i].us;
		return *us >= 0 && *us <= LONGEST_US;
	}
	return false;
}

static int take_time(const char *name, const char *text, uint64_t *us)
{
	double value;

	if (!parse_time(text, &value))
		return cli_fail(CLI_USAGE,
				"inspect: --%s: expected a time as 20ms, 1.5s or 300us, found "
				"\"%s\"",
				name, text);
	*us = (uint64_t)(value + 0.5);
	return CLI_OK;
}

/* What --from and --to say; @span is 0 without an end. */
static int take_window(uint64_t *from, uint64_t *span)
{
	uint64_t to = 0;
	int code = from_text ? take_time("from", from_text, from) : CLI_OK;

	if (!code && to_text)
		code = take_time("to", to_text, &to);
	if (!code && to_text && to <= *from)
		code = cli_fail(CLI_USAGE, "inspect: --to: expected a time after --from, found %s",
				to_text);
	*span = to_text ? to - *from : 0;
	return code;
}

static int check_options(bool wanted[2], bool *svg)
{
	wanted[0] = !polarity || strcmp(polarity, "on");
	wanted[1] = !polarity || strcmp(polarity, "off");
	if (polarity && wanted[0] && wanted[1] && strcmp(polarity, "both"))
		return cli_fail(CLI_USAGE,
				"inspect: --polarity: expected on, off or both, found \"%s\"",
				polarity);
	if (strcmp(colours, "auto") && strcmp(colours, "always") && strcmp(colours, "never"))
		return cli_fail(CLI_USAGE,
				"inspect: --color: expected auto, always or never, found \"%s\"",
				colours);
	if (output && !canvas_knows(output, svg))
		return cli_fail(CLI_USAGE,
				"inspect: --output: expected FILE.png or FILE.svg, found \"%s\"",
				output);
	return CLI_OK;
}

/* ---- results ---- */

static cJSON *count_json(const struct activity_count *c)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "on", c->polarity[1]);
	cJSON_AddNumberToObject(o, "off", c->polarity[0]);
	return o;
}

static int print_json(const struct activity *a, const struct activity_count *rate,
		      const struct activity_pixel *hottest, uint32_t hot)
{
	cJSON *o = cJSON_CreateObject(), *list, *window;
	double events = (double)(a->total[0] + a->total[1]), span = (double)a->span_us;

	cJSON_AddStringToObject(o, "kind", "activity");
	cJSON_AddStringToObject(o, "format", a->info.format);
	cJSON_AddNumberToObject(o, "width", a->width);
	cJSON_AddNumberToObject(o, "height", a->height);
	cJSON_AddNumberToObject(o, "recording_events", (double)a->info.events);
	window = cJSON_AddObjectToObject(o, "window");
	cJSON_AddNumberToObject(window, "first_us", (double)a->first_us);
	cJSON_AddNumberToObject(window, "duration_us", span);
	cJSON_AddNumberToObject(o, "events", events);
	cJSON_AddNumberToObject(o, "on", (double)a->total[1]);
	cJSON_AddNumberToObject(o, "off", (double)a->total[0]);
	cJSON_AddNumberToObject(o, "events_per_second", events / span * 1e6);
	cJSON_AddNumberToObject(o, "bin_us", span / bins);
	list = cJSON_AddArrayToObject(o, "bins");
	for (uint32_t i = 0; i < bins; i++)
		cJSON_AddItemToArray(list, count_json(&rate[i]));
	list = cJSON_AddArrayToObject(o, "hottest");
	for (uint32_t i = 0; i < hot; i++) {
		cJSON *pixel = count_json(&hottest[i].count);

		cJSON_AddNumberToObject(pixel, "x", hottest[i].x);
		cJSON_AddNumberToObject(pixel, "y", hottest[i].y);
		cJSON_AddItemToArray(list, pixel);
	}
	cJSON_AddNumberToObject(o, "dropped", (double)a->info.dropped);
	cJSON_AddNumberToObject(o, "nonmonotonic", (double)a->info.nonmonotonic);
	cJSON_AddNumberToObject(o, "damaged_bytes", (double)a->info.damaged_bytes);
	return cli_print_json(o);
}

static void print_figures(const struct inspection *in, const struct activity_pixel *hottest,
			  uint32_t hot)
{
	const struct activity *a = &in->activity;
	double events = (double)(a->total[0] + a->total[1]), span = (double)a->span_us;
	char time[32], n[32];

	printf("%s: %s, %ux%u\n", in->title, a->info.format, a->width, a->height);
	printf("%" PRIu64 " event%s in %s (%" PRIu64 " ON, %" PRIu64 " OFF), %s/s\n",
	       a->total[0] + a->total[1], text_s(events), inspect_time(span, span, time),
	       a->total[1], a->total[0], inspect_number(events / span * 1e6, n));
	for (uint32_t i = 0; i < hot; i++)
		printf("%s%u,%u (%s)", i ? ", " : "hottest pixels: ", hottest[i].x, hottest[i].y,
		       inspect_number((double)activity_sum(&hottest[i].count), n));
	if (hot)
		putchar('\n');
}

static int write_picture(struct inspection *in, bool svg)
{
	struct canvas *c = inspect_sheet(in, svg);
	struct output out;
	int code = CLI_OK;

	if (!c)
		return CLI_FAILED;
	if (output_open(output, &out)) {
		code = cli_fail(CLI_FAILED, "%s", output_problem());
	} else if (!canvas_write(c, out.file) && !ferror(out.file)) {
		output_cancel(&out);
		code = cli_fail(CLI_FAILED, "%s: no memory for a picture", output);
	} else if (output_commit(&out)) {
		code = cli_fail(CLI_FAILED, "%s", output_problem());
	}
	canvas_free(c);
	return code;
}

/* What the pictures lack. */
static void note_losses(const char *path, const struct snnq_events_info *i)
{
	const struct snnq_recordings seen = {
		.count = 1,
		.dropped_events = i->dropped,
		.nonmonotonic = i->nonmonotonic,
		.unordered = i->nonmonotonic > 0,
		.damaged_bytes = i->damaged_bytes,
		.damaged = i->damaged_bytes > 0,
	};

	cli_note_recordings(path, &seen);
}

static int show(struct inspection *in, bool svg, struct activity_count *rate,
		struct activity_pixel *hottest)
{
	struct activity *a = &in->activity;
	uint32_t hot = top;
	struct terminal terminal;
	int code = CLI_OK;

	if (!in->frames)
		in->frames = output && a->width <= SMALL_SENSOR ? FRAMES_SMALL : FRAMES;
	if (!activity_hottest(a, hottest, &hot))
		return CLI_FAILED;
	if (output)
		code = write_picture(in, svg);
	if (code)
		return code;
	if (json) {
		return activity_rate(a, rate, bins) ? print_json(a, rate, hottest, hot) :
						      CLI_FAILED;
	}
	print_figures(in, hottest, hot);
	terminal = inspect_terminal(colours);
	if (!output && !inspect_print(in, &terminal))
		code = CLI_FAILED;
	return code;
}

static int inspect(const char *path, uint64_t from, uint64_t span, const bool wanted[2], bool svg)
{
	struct activity_count *rate = calloc(bins, sizeof(*rate));
	struct activity_pixel *hottest = calloc(top + 1, sizeof(*hottest));
	struct inspection in = { .frames = frames };
	struct snnq_events *events = NULL;
	const char *reason, *name = strrchr(path, '/');
	int code, ret;

	text_printable(name ? name + 1 : path, in.title, sizeof(in.title));
	ret = rate && hottest ?
		      snnq_events_open(path,
				       SNNQ_OPTS(struct snnq_events_opts, .format = format,
						 .width = (uint16_t)width,
						 .height = (uint16_t)height),
				       &events) :
		      -ENOMEM;
	if (!rate || !hottest)
		code = cli_fail(CLI_FAILED, "no memory");
	else if (ret)
		code = cli_fail(cli_recording_code(ret), "%s", snnq_last_error(NULL));
	else if (!activity_open(&in.activity, events, from, span, wanted, &reason))
		code = reason ? cli_fail(CLI_FILE, "%s: %s", path, reason) :
				cli_fail(CLI_FILE, "%s", snnq_last_error(NULL));
	else
		code = show(&in, svg, rate, hottest);
	if (!code)
		note_losses(path, &in.activity.info);
	snnq_events_close(events);
	free(hottest);
	free(rate);
	return code;
}

/* ---- dumps ---- */

static bool only_for_recordings(void)
{
	return output || from_text || to_text || frames || polarity || top != USUAL_TOP ||
	       bins != USUAL_BINS || format || width || height;
}

static int inspect_dump(const char *path, const unsigned char *bytes, size_t size)
{
	char problem[DUMP_TEXT_BYTES], title[256];
	struct dump d;

	if (only_for_recordings())
		return cli_fail(CLI_USAGE,
				"inspect: %s is a dump: expected no option but --json with it",
				path);
	if (!dump_parse(&d, bytes, size, problem))
		return cli_fail(CLI_FILE, "%s: dump: %s", path, problem);
	return dump_show(&d, text_printable(path, title, sizeof(title)), json);
}

int verb_inspect(int argc, char **argv)
{
	uint64_t from = 0, span = 0;
	bool wanted[2], svg = false;
	unsigned char *dump;
	size_t dump_bytes;
	char **args;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (dump_read(args[0], &dump, &dump_bytes, &code)) {
		code = code ? code : inspect_dump(args[0], dump, dump_bytes);
		free(dump);
		return code;
	}
	code = check_options(wanted, &svg);
	if (!code)
		code = take_window(&from, &span);
	if (!code && output)
		code = cli_check_outputs((const char *[]){ output }, 1, (const char *[]){ args[0] },
					 1);
	return code ? code : inspect(args[0], from, span, wanted, svg);
}
