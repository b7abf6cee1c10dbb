// SPDX-License-Identifier: MIT
/*
 * export.c - `snnq export`: write a float model as a NIR graph.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli.h"
#include "snnq_tools.h"

static const char *out;
static bool json;

static const struct cli_option options[] = {
	{ "output", 'o', "OUT", "the NIR file to write", .text = &out },
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"export MODEL -o OUT [options]",
	"Write a float model as a NIR graph (HDF5), which other programs read. What NIR has no\n"
	"nodes for is refused, with the layer.",
	"snnq export float.snnq -o cnn.nir\n"
	"snnq export float.snnq -o cnn.nir --json\n",
	options,
	1,
};

static int report(const struct snnq_export_info *info, const cJSON *notes)
{
	struct stat st = { .st_size = 0 };
	cJSON *o;

	if (stat(out, &st))
		return cli_fail(CLI_FAILED, "%s: cannot be found again", out);
	if (!json) {
		printf("%s: %" PRIu32 " node%s, %" PRIu32 " edge%s, %jd bytes\n", out, info->nodes,
		       text_s(info->nodes), info->edges, text_s(info->edges), (intmax_t)st.st_size);
		printf("back: snnq import %s %s -o MODEL\n", out, info->import_options);
		return CLI_OK;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", "export");
	cJSON_AddStringToObject(o, "format", "nir");
	cJSON_AddNumberToObject(o, "nodes", info->nodes);
	cJSON_AddNumberToObject(o, "edges", info->edges);
	cJSON_AddNumberToObject(o, "bytes", (double)st.st_size);
	cJSON_AddStringToObject(o, "import_options", info->import_options);
	if (cJSON_GetArraySize(notes))
		cJSON_AddItemToObject(o, "warnings", cJSON_Duplicate(notes, true));
	return cli_print_json(o);
}

int verb_export(int argc, char **argv)
{
	struct snnq_export_info info;
	cJSON *notes;
	char **args;
	int code, ret;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (!out)
		return cli_fail(CLI_USAGE, "export: -o is missing\nusage: snnq %s", command.usage);
	code = cli_check_outputs((const char *[]){ out }, 1, (const char *[]){ args[0] }, 1);
	if (code)
		return code;
	notes = cJSON_CreateArray();
	ret = snnq_export(args[0], out,
			  SNNQ_OPTS(struct snnq_export_opts, .info = &info, .note = cli_take_note,
				    .note_ctx = notes));
	code = ret ? cli_fail(cli_file_code(ret), "%s", snnq_last_error(NULL)) :
		     report(&info, notes);
	cJSON_Delete(notes);
	return code;
}
