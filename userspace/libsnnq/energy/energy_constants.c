// SPDX-License-Identifier: MIT
/*
 * energy_constants.c - tables of constants from JSON files.
 *
 * { "name": "...", "constants": { "sram_bit": { "pj": 0.1, "source": "..." }, ... } }
 * Nothing unknown is accepted: a misspelt key would silently keep the default.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "energy.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define MAX_FILE (64u << 10)
#define MAX_PJ	 1e6

static const char *const names[ENERGY_CONSTANTS] = {
	[ENERGY_FP32_ADD] = "fp32_add",	      [ENERGY_FP32_MUL] = "fp32_mul",
	[ENERGY_INT_ADD_BIT] = "int_add_bit", [ENERGY_INT_MUL_BIT2] = "int_mul_bit2",
	[ENERGY_INT_MUL_BIT] = "int_mul_bit", [ENERGY_SRAM_BIT] = "sram_bit",
	[ENERGY_DRAM_BIT] = "dram_bit",	      [ENERGY_PAPER_MAC] = "paper_mac",
	[ENERGY_PAPER_AC] = "paper_ac",
};

const char *energy_constant_name(enum energy_constant constant)
{
	return names[constant];
}

/* Text of @item into @text; false when it is none or does not fit. */
static bool copy_text(const cJSON *item, char *text, size_t size)
{
	if (!cJSON_IsString(item) || !item->valuestring[0] || strlen(item->valuestring) >= size)
		return false;
	strcpy(text, item->valuestring);
	return true;
}

static int read_entry(const char *path, const cJSON *entry, double *pj, char *source, size_t size)
{
	const cJSON *item;
	int known = 0;

	if (!cJSON_IsObject(entry))
		return error_set(-EBADMSG, "%s: %s: expected an object with pj and source", path,
				 entry->string);
	cJSON_ArrayForEach(item, entry) {
		known++;
		if (strcmp(item->string, "pj") && strcmp(item->string, "source"))
			return error_set(-EBADMSG, "%s: %s: \"%s\" is not known", path,
					 entry->string, item->string);
	}
	if (known > 2)
		return error_set(-EBADMSG, "%s: %s: a key appears twice", path, entry->string);
	item = cJSON_GetObjectItemCaseSensitive(entry, "pj");
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > MAX_PJ)
		return error_set(-EBADMSG, "%s: %s: pj: expected a number from 0 to %g", path,
				 entry->string, MAX_PJ);
	*pj = item->valuedouble;
	if (!copy_text(cJSON_GetObjectItemCaseSensitive(entry, "source"), source, size))
		return error_set(-EBADMSG, "%s: %s: source: expected a text of 1 to %zu bytes",
				 path, entry->string, size - 1);
	return 0;
}

static int read_constants(const char *path, const cJSON *list, struct energy_constants *k)
{
	bool seen[ENERGY_CONSTANTS] = { false };
	const cJSON *entry;

	if (!cJSON_IsObject(list))
		return error_set(-EBADMSG, "%s: constants: expected an object", path);
	cJSON_ArrayForEach(entry, list) {
		int i = 0, ret;

		while (i < ENERGY_CONSTANTS && strcmp(names[i], entry->string))
			i++;
		if (i == ENERGY_CONSTANTS || seen[i])
			return error_set(-EBADMSG, "%s: constants: \"%s\" %s", path, entry->string,
					 i == ENERGY_CONSTANTS ? "is not known" : "appears twice");
		seen[i] = true;
		ret = read_entry(path, entry, &k->pj[i], k->source[i], sizeof(k->source[i]));
		if (ret)
			return ret;
	}
	return 0;
}

static int read_table(const char *path, const cJSON *root, struct energy_constants *k)
{
	const cJSON *item;
	int known = 0;

	if (!cJSON_IsObject(root))
		return error_set(-EBADMSG, "%s: expected a JSON object", path);
	cJSON_ArrayForEach(item, root) {
		known++;
		if (strcmp(item->string, "name") && strcmp(item->string, "constants"))
			return error_set(-EBADMSG, "%s: \"%s\" is not known", path, item->string);
	}
	if (known > 2)
		return error_set(-EBADMSG, "%s: a key appears twice", path);
	if (!copy_text(cJSON_GetObjectItemCaseSensitive(root, "name"), k->name, sizeof(k->name)))
		return error_set(-EBADMSG, "%s: name: expected a text of 1 to %zu bytes", path,
				 sizeof(k->name) - 1);
	return read_constants(path, cJSON_GetObjectItemCaseSensitive(root, "constants"), k);
}

int energy_constants_read(const char *path, struct energy_constants *constants)
{
	struct energy_constants k = energy_45nm;
	uint64_t bytes;
	int ret;
	FILE *f = file_stream(path, &bytes, &ret);
	char *text = f ? malloc(MAX_FILE + 1) : NULL;
	size_t n = text ? fread(text, 1, MAX_FILE + 1, f) : 0;
	cJSON *root = NULL;

	if (!f)
		return ret;
	fclose(f);
	if (!text)
		return error_set(-ENOMEM, "%s: no memory", path);
	if (n > MAX_FILE) {
		free(text);
		return error_set(-EBADMSG, "%s: expected at most %u bytes", path, MAX_FILE);
	}
	text[n] = 0;
	if (!text_is_utf8(text, n)) {
		free(text);
		return error_set(-EBADMSG, "%s: not UTF-8", path);
	}
	ret = json_parse(text, n, &root);
	ret = ret ? error_set(ret, ret == -ENOMEM ? "%s: no memory" : "%s: not JSON", path) :
		    read_table(path, root, &k);
	cJSON_Delete(root);
	free(text);
	if (!ret)
		*constants = k;
	return ret;
}
