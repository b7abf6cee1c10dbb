// SPDX-License-Identifier: MIT
/*
 * fuzz_dumps.c - libFuzzer harness: any bytes as the dump of a job that failed.
 *
 * A refusal says what was expected and found; what is accepted is shown, as JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "capabilities.h"
#include "cli.h"
#include "dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the command has besides. */
const char *capabilities_word(const char *key, unsigned int bit)
{
	return *key && bit < 14 ? "op" : "?";
}

const char *snnq_status_name(uint32_t status)
{
	return status < 11 ? "status" : "?";
}

int cli_print_json(cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	if (!text || !strstr(text, "\"kind\":\"dump\""))
		abort();
	cJSON_free(text);
	cJSON_Delete(json);
	return CLI_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[DUMP_TEXT_BYTES] = "";
	struct dump d;

	if (dump_parse(&d, data, size, problem)) {
		if (!dump_is(data, size) || dump_show(&d, "dump", true) != CLI_OK)
			abort();
	} else if (!strstr(problem, "expected") || !strstr(problem, "found")) {
		abort();
	}
	return 0;
}
