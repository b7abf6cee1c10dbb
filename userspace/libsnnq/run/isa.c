// SPDX-License-Identifier: MIT
/* See isa.h. */
#include "isa.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "snnq_engine.h"

int isa_check(void)
{
	const char *asked = getenv("SNNQ_ISA");
	char there[100] = "";
	size_t used = 0;
	int isa;

	if (!asked || snnq_isa_find(asked) != SNNQ_ISA_COUNT)
		return 0;
	for (isa = SNNQ_ISA_GENERIC; isa < SNNQ_ISA_COUNT; isa++)
		if (snnq_isa_name(isa) && used < sizeof(there))
			used += (size_t)snprintf(there + used, sizeof(there) - used, "%s%s",
						 used ? ", " : "", snnq_isa_name(isa));
	return error_set(-EINVAL,
			 "SNNQ_ISA: expected an instruction set that this machine has (%s); "
			 "found \"%.40s\"",
			 there, asked);
}
