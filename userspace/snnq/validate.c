// SPDX-License-Identifier: MIT
/*
 * validate.c - `snnq validate`: the device against golden vectors.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "snnq_tools.h"

#ifndef SNNQ_VECTORS
#define SNNQ_VECTORS "/usr/share/snnq/golden.bin"
#endif

static const char *device, *vectors;
static bool json, verbose;

static const struct cli_option options[] = {
	{ "device", 'd', "NAME", "auto (default), sim[:cores=N] or a path", .text = &device },
	{ "vectors", 0, "FILE", "golden vectors (default: the installed ones)", .text = &vectors },
	{ "verbose", 'v', NULL, "show cases that pass, too", .flag = &verbose },
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"validate [options]",
	"Run every operation, scheme and width on a device and compare all results, bit by\n"
	"bit, with vectors from an independent reference.",
	"snnq validate\n"
	"snnq validate --device sim --json\n"
	"snnq validate --vectors tests/golden/golden.bin --device /dev/accel/accel0\n",
	options,
	0,
};

struct tally {
	uint32_t counts[3];
	cJSON *cases;
};

static void report(void *ctx, const char *name, enum snnq_validate_result result,
		   const char *detail, uint32_t done, uint32_t total)
{
	static const char *const words[] = { "passed", "failed", "skipped" };
	struct tally *t = ctx;
	cJSON *o = cJSON_CreateObject();
	char safe[256], why[600];

	t->counts[result]++;
	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddStringToObject(o, "result", words[result]);
	cJSON_AddStringToObject(o, "detail", detail);
	cJSON_AddItemToArray(t->cases, o);
	cli_progress("validate", done, total);
	if (!json && (verbose || result != SNNQ_VALIDATE_PASSED))
		printf("%-7s %s%s%s\n", words[result], text_printable(name, safe, sizeof(safe)),
		       *detail ? ": " : "", text_printable(detail, why, sizeof(why)));
}

/*
 * The vectors of this installation, wherever it was moved, or of this source tree: places beside
 * the program, and last the one that it was made for. NULL: not there.
 */
static const char *default_vectors(char *path, size_t bytes)
{
	static const char *const places[] = {
		"../share/snnq/golden.bin",
		"../tests/golden/golden.bin",
		"../../../../tests/golden/golden.bin",
	};
	ssize_t n = readlink("/proc/self/exe", path, bytes - 1);
	char *name;

	path[n > 0 ? n : 0] = 0;
	name = strrchr(path, '/');
	for (size_t i = 0; name && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(name + 1, bytes - (size_t)(name + 1 - path), "%s", places[i]);
		if (!access(path, R_OK))
			return path;
	}
	return access(SNNQ_VECTORS, R_OK) ? NULL : SNNQ_VECTORS;
}

static int validate(struct cli_session *s, const char *path)
{
	cJSON *document = cJSON_CreateObject();
	struct tally t = { .cases = cJSON_CreateArray() };
	int code, ret;

	cJSON_AddStringToObject(document, "kind", "validation");
	ret = snnq_validate(s->device, path,
			    SNNQ_OPTS(struct snnq_validate_opts, .report = report,
				      .report_ctx = &t));
	cJSON_AddStringToObject(document, "device", s->device_info.name);
	cJSON_AddNumberToObject(document, "passed", t.counts[SNNQ_VALIDATE_PASSED]);
	cJSON_AddNumberToObject(document, "failed", t.counts[SNNQ_VALIDATE_FAILED]);
	cJSON_AddNumberToObject(document, "skipped", t.counts[SNNQ_VALIDATE_SKIPPED]);
	cJSON_AddItemToObject(document, "cases", t.cases);
	code = t.counts[SNNQ_VALIDATE_FAILED] || !t.counts[SNNQ_VALIDATE_PASSED] ? CLI_FAILED :
										   CLI_OK;
	if (!ret && json) {
		if (cli_print_json(document))
			code = CLI_FAILED;
		return code;
	}
	cJSON_Delete(document);
	if (ret)
		return cli_fail(cli_file_code(ret), "%s", snnq_last_error(s->device));
	printf("%s: %u passed, %u failed, %u skipped\n", s->device_info.name,
	       t.counts[SNNQ_VALIDATE_PASSED], t.counts[SNNQ_VALIDATE_FAILED],
	       t.counts[SNNQ_VALIDATE_SKIPPED]);
	return code;
}

int verb_validate(int argc, char **argv)
{
	struct cli_session s;
	char place[PATH_MAX];
	char **args;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (json && verbose)
		return cli_fail(CLI_USAGE, "validate: --verbose has no use with --json, which has "
					   "all cases");
	if (!vectors)
		vectors = default_vectors(place, sizeof(place));
	if (!vectors)
		return cli_fail(CLI_FILE,
				"%s: not found; install snnq's data files (meson install), "
				"or name the vectors with --vectors",
				SNNQ_VECTORS);
	code = cli_session_open(&s, device, 1);
	if (!code)
		code = validate(&s, vectors);
	cli_session_close(&s);
	return code;
}
