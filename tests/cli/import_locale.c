// SPDX-License-Identifier: MIT
/* import_locale IN OUT: import as an application does whose locale has a decimal comma. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "snnq.h"
#include "snnq_tools.h"

int main(int argc, char **argv)
{
	if (argc != 3 || !setlocale(LC_ALL, "") || localeconv()->decimal_point[0] != ',') {
		puts("expected a locale with a decimal comma");
		return 2;
	}
	if (!snnq_import(argv[1], argv[2], NULL) && strtod("0,5", NULL) == 0.5)
		return 0;
	puts(snnq_last_error(NULL));
	return 1;
}
