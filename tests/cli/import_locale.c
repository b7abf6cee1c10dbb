// SPDX-License-Identifier: MIT
/*
 * import_locale IN OUT FLOAT QUANTIZED MODEL RECORDING CONSTANTS: import, quantize and compute
 * energy as an application does whose locale has a decimal comma; the energy goes to standard
 * output.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "snnq.h"
#include "snnq_tools.h"

static int work(char **argv)
{
	struct snnq_layer_choice choice = { NULL, "uniform", 4 };
	const char *recording = argv[6];
	char *document;

	if (snnq_import(argv[1], argv[2], NULL) ||
	    snnq_quantize(argv[3], argv[4],
			  SNNQ_OPTS(struct snnq_quantize_opts, .choices = &choice,
				    .choice_count = 1)) ||
	    snnq_energy(argv[5],
			SNNQ_OPTS(struct snnq_energy_opts, .recordings = &recording,
				  .recording_count = 1, .reuse = 64, .constants = argv[7]),
			&document)) {
		puts(snnq_last_error(NULL));
		return 1;
	}
	puts(document);
	free(document);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 8 || !setlocale(LC_ALL, "") || localeconv()->decimal_point[0] != ',') {
		puts("expected a locale with a decimal comma");
		return 2;
	}
	if (work(argv))
		return 1;
	return strtod("0,5", NULL) != 0.5;
}
