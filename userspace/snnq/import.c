// SPDX-License-Identifier: MIT
/*
 * import.c - `snnq import`: turn a foreign network into a .snnq model.
 */
#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "cli.h"
#include "describe.h"
#include "snnq_tools.h"

static const char *out, *name, *dt, *reset, *values;
static uint32_t width, height, polarities, steps, step_us, planes, restart, restart_offset;
static bool json, ge, no_delay, skip_first, spikes_in, old_current, transposed;

static const struct cli_option options[] = {
	{ "output", 'o', "OUT", "the .snnq file to write", .text = &out },
	{ "name", 0, "TEXT", "of the model (default: of the input)", .text = &name },
	{ "width", 0, "N", "of the input (default: the source's, or a square)", .number = &width,
	  .max = UINT16_MAX },
	{ "height", 0, "N", "of the input; with --width", .number = &height, .max = UINT16_MAX },
	{ "polarities", 0, "N", "of the input, 1 to 255 (default 2); of values: channels",
	  .number = &polarities, .max = 65536 },
	{ "values", 0, "FRAMES", "images, not events: repeat (one for all steps), steps (one each)",
	  .text = &values },
	{ "steps", 0, "N", "time steps (default: the source's)", .number = &steps },
	{ "compare-ge", 0, NULL, ".net, NIR: fire at the threshold, as training code does",
	  .flag = &ge },
	{ "no-delay", 0, NULL, ".net: layers see spikes in the same step", .flag = &no_delay },
	{ "skip-first", 0, NULL, ".net: the first step is empty", .flag = &skip_first },
	{ "spikes-in", 0, NULL, ".net: events are the spikes of its input layer",
	  .flag = &spikes_in },
	{ "restart", 0, "N", ".net: neurons start over every N steps (netx: reset_interval)",
	  .number = &restart },
	{ "restart-offset", 0, "N", ".net: in step N of them, layers one after the other (0)",
	  .number = &restart_offset, .zero = true },
	{ "step-us", 0, "N", "NIR: microseconds of a time step (default 1000)", .number = &step_us,
	  .max = 1000000000 },
	{ "planes", 0, "N", "NIR: bits of counts (default 1: spikes); bits of values (8)",
	  .number = &planes, .max = 16 },
	{ "dt", 0, "SECONDS", "NIR: step of the equations (default: that of --step-us)",
	  .text = &dt },
	{ "reset", 0, "NAME", "NIR: zero (default) or subtract", .text = &reset },
	{ "old-current", 0, NULL, "NIR: CubaLIF gets the current of the step before",
	  .flag = &old_current },
	{ "transposed", 0, NULL, "NIR: weights of linear nodes are (in, out)",
	  .flag = &transposed },
	{ "json", 0, NULL, "describe the model as one JSON document", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"import IN -o OUT [options]",
	"Import a SLAYER folder (network.yaml and .npy weights), a lava-dl .net file or a NIR\n"
	"graph. Integer weights are kept exactly, in the smallest scheme that holds them; a NIR\n"
	"graph becomes a float model, for quantize.",
	"snnq import TrainedFull/ -o nmnist.snnq\n"
	"snnq import network.net -o oxford.snnq --width 200 --height 1 --polarities 1\n"
	"snnq import network.net -o trained.snnq --compare-ge --json\n"
	"snnq import cnn.nir -o float.snnq --steps 350 --planes 4 --reset subtract\n"
	"snnq import cifar.nir -o float.snnq --steps 8 --values repeat\n",
	options,
	1,
};

/* What was made, with the notes. */
static int describe_notes(const cJSON *notes)
{
	cJSON *more = NULL;
	int code;

	if (cJSON_GetArraySize(notes)) {
		more = cJSON_CreateObject();
		cJSON_AddItemToObject(more, "warnings", cJSON_Duplicate(notes, true));
	}
	code = describe_result(out, json, more);
	cJSON_Delete(more);
	return code;
}

static bool parse_input(enum snnq_import_input *input)
{
	*input = !values		   ? SNNQ_IMPORT_AS_FOUND :
		 !strcmp(values, "repeat") ? SNNQ_IMPORT_IMAGE :
					     SNNQ_IMPORT_FRAMES;
	return *input != SNNQ_IMPORT_FRAMES || !strcmp(values, "steps");
}

static int import_file(const char *in, double seconds, enum snnq_import_input input)
{
	cJSON *notes = cJSON_CreateArray();
	int ret, code = CLI_OK;

	ret = snnq_import(
		in, out,
		SNNQ_OPTS(struct snnq_import_opts, .name = name, .width = width, .height = height,
			  .polarities = polarities, .steps = steps, .compare_ge = ge,
			  .no_delay = no_delay, .skip_first = skip_first, .spikes_in = spikes_in,
			  .restart_period = restart, .restart_offset = restart_offset,
			  .input = input, .step_us = step_us, .planes = planes, .dt = seconds,
			  .old_current = old_current, .transposed = transposed,
			  .note = cli_take_note, .note_ctx = notes,
			  .reset_subtract = reset && !strcmp(reset, "subtract")));
	if (ret)
		code = cli_fail(ret == -EILSEQ || ret == -EINVAL ? CLI_USAGE : cli_file_code(ret),
				"%s", snnq_last_error(NULL));
	if (!code)
		code = describe_notes(notes);
	cJSON_Delete(notes);
	return code;
}

int verb_import(int argc, char **argv)
{
	char **args;
	enum snnq_import_input input;
	double seconds = 0;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (!out)
		return cli_fail(CLI_USAGE, "import: -o is missing\nusage: snnq %s", command.usage);
	if (!width != !height)
		return cli_fail(CLI_USAGE, "import: --width and --height go together");
	if (dt && !(number_parse(dt, &seconds) && seconds > 0 && seconds <= 1e3))
		return cli_fail(
			CLI_USAGE,
			"import: --dt: expected seconds above 0, at most 1000, found \"%s\"", dt);
	if (reset && strcmp(reset, "zero") && strcmp(reset, "subtract"))
		return cli_fail(CLI_USAGE,
				"import: --reset: expected zero or subtract, found \"%s\"", reset);
	if (polarities > 255 && !values)
		return cli_fail(
			CLI_USAGE,
			"import: --polarities: expected 1..255, or --values beside it, found %u",
			polarities);
	if (!parse_input(&input))
		return cli_fail(CLI_USAGE,
				"import: --values: expected repeat or steps, found \"%s\"", values);
	code = cli_check_outputs((const char *[]){ out }, 1, (const char *[]){ args[0] }, 1);
	if (code)
		return code;
	return import_file(args[0], seconds, input);
}
