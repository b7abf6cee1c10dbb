// SPDX-License-Identifier: MIT
/*
 * import.c - `snnq import`: turn a foreign network into a .snnq model.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "describe.h"
#include "snnq_tools.h"

static const char *out, *name;
static uint32_t width, height, polarities, steps;
static bool json, ge, no_delay, skip_first;

static const struct cli_option options[] = {
	{ "output", 'o', "OUT", "the .snnq file to write", .text = &out },
	{ "name", 0, "TEXT", "of the model (default: of the input)", .text = &name },
	{ "width", 0, "N", "of the input (default: the source's, or a square)", .number = &width,
	  .max = UINT16_MAX },
	{ "height", 0, "N", "of the input; with --width", .number = &height, .max = UINT16_MAX },
	{ "polarities", 0, "N", "of the input: 1 or 2 (default 2)", .number = &polarities,
	  .max = 2 },
	{ "steps", 0, "N", "time steps (default: the source's)", .number = &steps },
	{ "compare-ge", 0, NULL, ".net: fire at the threshold, as the training code does",
	  .flag = &ge },
	{ "no-delay", 0, NULL, ".net: layers see spikes in the same step", .flag = &no_delay },
	{ "skip-first", 0, NULL, ".net: the first step is empty", .flag = &skip_first },
	{ "json", 0, NULL, "describe the model as one JSON document", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"import IN -o OUT [options]",
	"Import a SLAYER folder (network.yaml and .npy weights) or a lava-dl .net file.\n"
	"Integer weights are kept exactly, in the smallest scheme that holds them.",
	"snnq import TrainedFull/ -o nmnist.snnq\n"
	"snnq import network.net -o oxford.snnq --width 200 --height 1 --polarities 1\n"
	"snnq import network.net -o trained.snnq --compare-ge --json\n",
	options,
	1,
};

int verb_import(int argc, char **argv)
{
	char **args;
	int code, ret;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (!out)
		return cli_fail(CLI_USAGE, "import: -o is missing\nusage: snnq %s", command.usage);
	if (!width != !height)
		return cli_fail(CLI_USAGE, "import: --width and --height go together");
	code = cli_check_outputs((const char *[]){ out }, 1, (const char *[]){ args[0] }, 1);
	if (code)
		return code;
	ret = snnq_import(args[0], out,
			  SNNQ_OPTS(struct snnq_import_opts, .name = name, .width = width,
				    .height = height, .polarities = polarities, .steps = steps,
				    .compare_ge = ge, .no_delay = no_delay,
				    .skip_first = skip_first));
	if (ret)
		return cli_fail(ret == -EILSEQ ? CLI_USAGE : cli_file_code(ret), "%s",
				snnq_last_error(NULL));
	return describe_model(out, json);
}
