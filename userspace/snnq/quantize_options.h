/* SPDX-License-Identifier: MIT */
/* quantize_options.h - what the command line of `snnq quantize` says: parsed, and free of contradictions. */
#ifndef SNNQ_CLI_QUANTIZE_OPTIONS_H
#define SNNQ_CLI_QUANTIZE_OPTIONS_H

#include "cli.h"
#include "snnq_tools.h"

struct quantize_options {
	const char *in, *out; /* @out NULL: nothing is written */
	struct cli_source source,
		check; /* recordings for calibration, and to check with; or no path */
	uint32_t check_limit;
	const char *report, *front; /* to write; or NULL */
	const char *pick;	    /* document to pick grids from; or NULL */
	int64_t point;		    /* of it; -1: one within the targets */
	bool json, explain;
	/* What the library is told, but for recordings, grids of @pick and what it tells. */
	struct snnq_quantize_opts opts;
};

/*
 * Read the command line. NULL: the verb is over, with its exit code in @code. To be freed in either
 * case; there is one command line.
 */
const struct quantize_options *quantize_options_read(int argc, char **argv, int *code);
void quantize_options_free(void);

#endif /* SNNQ_CLI_QUANTIZE_OPTIONS_H */
