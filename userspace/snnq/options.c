// SPDX-License-Identifier: MIT
/*
 * options.c - command lines from tables: parsing and help come from one place.
 *
 * --help and -h exist for every verb and are not in the tables.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "base/number.h"

#define MAX_OPTIONS 64
#define OPTION_HELP 0xff /* above the indices of options, below no letter */
#define OPTION_BASE 0x100

static void show_option(const struct cli_option *o)
{
	char left[40];

	snprintf(left, sizeof(left), "%s%c%s--%s%s%s", o->letter ? "-" : " ",
		 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
		 o->argument ? " " : "", o->argument ? o->argument : "");
	printf("  %-28s %s\n", left, o->help);
}

static void show_help(const struct cli_command *c)
{
	printf("usage: snnq %s\n\n%s\n\noptions:\n", c->usage, c->summary);
	for (const struct cli_option *o = c->options; o->name; o++)
		show_option(o);
	printf("  -h, --help                   this text\n\nexamples:\n");
	for (const char *e = c->examples; *e;) {
		size_t n = strcspn(e, "\n");

		printf("  %.*s\n", (int)n, e);
		e += n + (e[n] == '\n');
	}
}

static bool list_add(struct cli_list *list, const char *value)
{
	const char **values = realloc(list->values, (list->count + 1) * sizeof(*values));

	if (!values)
		return false;
	list->values = values;
	list->values[list->count++] = value;
	return true;
}

static uint32_t largest(const struct cli_option *o)
{
	return o->max ? o->max : UINT32_MAX;
}

/* Store @value where the option says; false when it is no number in range. */
static bool store(const struct cli_option *o, const char *value)
{
	uint64_t n;

	if (o->flag) {
		*o->flag = true;
	} else if (o->text) {
		*o->text = value;
	} else if (o->list) {
		return list_add(o->list, value);
	} else {
		if (!number_parse_u64(value, largest(o), &n) || (!n && !o->zero))
			return false;
		*o->number = (uint32_t)n;
	}
	return true;
}

/* getopt's tables from ours. */
static void build_tables(const struct cli_command *c, struct option *longs, char *letters)
{
	int n = 0;

	*letters++ = ':';
	*letters++ = 'h';
	for (const struct cli_option *o = c->options; o->name && n < MAX_OPTIONS; o++, n++) {
		longs[n] = (struct option){ o->name, o->argument ? required_argument : no_argument,
					    NULL, OPTION_BASE + n };
		if (!o->letter)
			continue;
		*letters++ = o->letter;
		if (o->argument)
			*letters++ = ':';
	}
	*letters = 0;
	longs[n++] = (struct option){ "help", no_argument, NULL, OPTION_HELP };
	longs[n] = (struct option){ NULL, 0, NULL, 0 };
}

static const struct cli_option *find_option(const struct cli_command *c, int code)
{
	if (code >= OPTION_BASE)
		return &c->options[code - OPTION_BASE];
	for (const struct cli_option *o = c->options; o->name; o++)
		if (o->letter && o->letter == code)
			return o;
	return NULL;
}

static int wrong_number(const struct cli_command *c, const struct cli_option *o, const char *value)
{
	return cli_fail(CLI_USAGE,
			"--%s: expected a number %d..%u, found \"%s\"\nusage: snnq %s (see "
			"--help)",
			o->name, !o->zero, largest(o), value, c->usage);
}

static int wrong(const struct cli_command *c, const char *what, const char *where)
{
	return cli_fail(CLI_USAGE, "%s: %s\nusage: snnq %s (see --help)", where, what, c->usage);
}

/* What getopt does not take: ':' misses a value, '?' is unknown, ambiguous, or has one too many. */
static int not_taken(const struct cli_command *c, int found, const char *argument)
{
	const struct cli_option *o = find_option(c, optopt);
	char letter[] = { '-', (char)optopt, 0 };
	size_t bytes = strcspn(argument, "="), begin = 0;

	if (found == ':')
		return wrong(c, "expected a value", optopt < OPTION_HELP ? letter : argument);
	if (o || optopt == OPTION_HELP)
		return wrong(c, "expected no value", argument);
	if (optopt)
		return wrong(c, "unknown option", letter);
	for (o = c->options; o->name; o++)
		begin += bytes > 2 && !strncmp(o->name, argument + 2, bytes - 2);
	return wrong(c, begin > 1 ? "several options begin so" : "unknown option", argument);
}

/* Flags and lists may be repeated; of two values one would be lost. */
static bool is_repeated(const struct cli_command *c, const struct cli_option *o,
			bool given[MAX_OPTIONS])
{
	bool *before = &given[o - c->options], again = *before && (o->text || o->number);

	*before = true;
	return again;
}

static int take(const struct cli_command *c, const struct cli_option *o, bool given[MAX_OPTIONS])
{
	if (is_repeated(c, o, given))
		return cli_fail(CLI_USAGE, "--%s: given twice\nusage: snnq %s (see --help)",
				o->name, c->usage);
	if (store(o, optarg))
		return CLI_OK;
	return o->number ? wrong_number(c, o, optarg) : cli_fail(CLI_FAILED, "no memory");
}

bool cli_parse(const struct cli_command *c, int argc, char **argv, char ***positional, int *code)
{
	struct option longs[MAX_OPTIONS + 2];
	char letters[2 * MAX_OPTIONS + 3];
	bool taken[MAX_OPTIONS] = { false };
	int o, given;

	build_tables(c, longs, letters);
	optind = 1;
	opterr = 0;
	*code = CLI_OK;
	while ((o = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct cli_option *option = find_option(c, o);

		if (o == 'h' || o == OPTION_HELP) {
			show_help(c);
			return false;
		}
		*code = option ? take(c, option, taken) : not_taken(c, o, argv[optind - 1]);
		if (*code)
			return false;
	}
	*positional = argv + optind;
	given = argc - optind;
	if (given == c->arguments || (c->arguments == CLI_ONE_OR_MORE && given) ||
	    (c->arguments == CLI_ZERO_OR_ONE && given <= 1))
		return true;
	*code = wrong(c, !given || given < c->arguments ? "argument missing" : "too many arguments",
		      argv[0]);
	return false;
}
