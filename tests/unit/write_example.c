// SPDX-License-Identifier: MIT
/*
 * write_example.c - a model and a recording of two windows for the example:
 * write_example MODEL RECORDING
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "models.h"

int main(int argc, char **argv)
{
	/* x, y, polarity and 23 bits of microseconds: 0 and 8 ms, windows 0 and 1 of 8 ms */
	static const uint8_t events[] = { 1, 2, 0x80, 0, 0, 3, 3, 0, 0x1f, 0x40 };
	struct modelfile *model = network_model();
	FILE *f;

	if (argc != 3 || modelfile_write(model, argv[1]))
		return 1;
	modelfile_free(model);
	f = fopen(argv[2], "wb");
	return !f || fwrite(events, 1, sizeof(events), f) != sizeof(events) || fclose(f);
}
