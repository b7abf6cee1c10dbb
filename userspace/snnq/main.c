// SPDX-License-Identifier: MIT
/*
 * main.c - the snnq command: the table of verbs and nothing else.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

const struct cli_verb cli_verbs[] = {
	{ "info", "describe a model, a recording or a device", verb_info },
	{ "inspect", "show a recording, in the terminal or as a picture; or a dump", verb_inspect },
	{ "convert", "write a recording in another format", verb_convert },
	{ "import", "turn a foreign network into a .snnq model", verb_import },
	{ "export", "write a float model as a NIR graph", verb_export },
	{ "quantize", "turn a float model into an integer one", verb_quantize },
	{ "run", "classify one recording", verb_run },
	{ "eval", "accuracy over a labelled list of recordings", verb_eval },
	{ "compare", "two models on the same recordings", verb_compare },
	{ "energy", "energy of an inference, models side by side", verb_energy },
	{ "bench", "how fast a model runs here, and what this machine can", verb_bench },
	{ "top", "what devices, cores and processes do, live", verb_top },
	{ "monitor", "a line for each fault, reset, hang, throttle; metrics", verb_monitor },
	{ "validate", "test a device against golden vectors", verb_validate },
	{ "doctor", "find what is missing for the driver to work", verb_doctor },
	{ NULL, NULL, NULL },
};

static void usage(FILE *out)
{
	fprintf(out, "usage: snnq VERB [ARGUMENTS]\n\n");
	for (const struct cli_verb *v = cli_verbs; v->name; v++)
		fprintf(out, "  %-10s %s\n", v->name, v->summary);
	fprintf(out,
		"\n  --version  the program's version\n\nEvery verb knows --help and --json. Exit codes: 0 success, 1 failed,\n"
		"2 wrong usage, 3 device trouble, 4 bad input file.\n");
}

/* What a verb printed must have arrived. */
static int finish(int code)
{
	bool good = !ferror(stdout);

	good = !fclose(stdout) && good;
	return good || code ? code : cli_fail(CLI_FAILED, "standard output cannot be written");
}

static const struct cli_verb *find_verb(const char *name)
{
	for (const struct cli_verb *v = cli_verbs; v->name; v++)
		if (!strcmp(name, v->name))
			return v;
	return NULL;
}

/* "help", "help VERB" */
static int help(int argc, char **argv)
{
	const struct cli_verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;
	char option[] = "--help";

	if (argc == 1) {
		usage(stdout);
		return CLI_OK;
	}
	if (!verb || argc > 2)
		return cli_fail(CLI_USAGE, "help: expected a verb, found \"%s\" (see snnq --help)",
				argv[verb ? 2 : 1]);
	return verb->run(2, (char *[]){ argv[1], option, NULL });
}

int main(int argc, char **argv)
{
	const struct cli_verb *verb;

	signal(SIGXFSZ, SIG_IGN); /* a limit of files' sizes is an error as a full disk is */
	if (argc < 2) {
		usage(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return finish(help(argc - 1, argv + 1));
	if (!strcmp(argv[1], "--version")) {
		puts("snnq " SNNQ_VERSION);
		return finish(CLI_OK);
	}
	verb = find_verb(argv[1]);
	if (verb)
		return finish(verb->run(argc - 1, argv + 1));
	return cli_fail(CLI_USAGE, "unknown verb \"%s\" (see snnq --help)", argv[1]);
}
