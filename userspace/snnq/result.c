// SPDX-License-Identifier: MIT
/*
 * result.c - results of windows, as text and as JSON.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"

cJSON *cli_result_json(const struct snnq_result *r)
{
	cJSON *o = cJSON_CreateObject(), *scores;

	cJSON_AddStringToObject(o, "kind", "result");
	scores = cJSON_AddArrayToObject(o, "scores");
	cJSON_AddNumberToObject(o, "class", r->class_index);
	if (r->class_name)
		cJSON_AddStringToObject(o, "class_name", r->class_name);
	for (uint32_t i = 0; i < r->count; i++)
		cJSON_AddItemToArray(scores, cJSON_CreateNumber(cli_score(r, i)));
	cJSON_AddNumberToObject(o, "latency_us", r->latency_ns / 1e3);
	cJSON_AddNumberToObject(o, "steps", r->steps);
	cJSON_AddNumberToObject(o, "synops", r->synops);
	cJSON_AddNumberToObject(o, "cycles", r->cycles);
	cJSON_AddNumberToObject(o, "first_step", r->first_step);
	cJSON_AddNumberToObject(o, "dropped_events", r->dropped_events);
	return o;
}

void cli_print_result(const struct cli_session *s, const struct snnq_result *r)
{
	char name[64];

	printf("class %s  scores", cli_class_name(s, r->class_index, name));
	for (uint32_t i = 0; i < r->count; i++)
		printf(" %.10g", cli_score(r, i));
	printf("  steps %" PRIu64 "  synops %" PRIu64 "  latency %.0f us", r->steps, r->synops,
	       r->latency_ns / 1e3);
	if (r->dropped_events)
		printf("  dropped %" PRIu64, r->dropped_events);
	printf("\n");
}
