// SPDX-License-Identifier: MIT
/* See json.h. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "json.h"

static _Thread_local uint64_t losses;

uint64_t json_losses(void)
{
	return losses;
}

int json_parse(const char *text, size_t length, cJSON **document)
{
	const char *end = text;

	/* cJSON does not tell a bad document from too little memory; the allocator does. */
	errno = 0;
	*document = cJSON_ParseWithLengthOpts(text, length, &end, false);
	if (!*document)
		return errno == ENOMEM ? -ENOMEM : -EBADMSG;
	while (end < text + length && (*end == ' ' || *end == '\n' || *end == '\r' || *end == '\t'))
		end++;
	if (end == text + length)
		return 0;
	cJSON_Delete(*document);
	*document = NULL;
	return -EBADMSG;
}

static bool settle(bool good, cJSON *value)
{
	if (good)
		return true;
	cJSON_Delete(value);
	losses++;
	return false;
}

void json_put(cJSON *object, const char *key, cJSON *value)
{
	settle(value && cJSON_AddItemToObject(object, key, value), value);
}

void json_append(cJSON *array, cJSON *value)
{
	settle(value && cJSON_AddItemToArray(array, value), value);
}

void json_replace(cJSON *object, const char *key, cJSON *value)
{
	/* cJSON's own by key goes on without a key when there is no memory for it. */
	cJSON *old = cJSON_GetObjectItemCaseSensitive(object, key);
	char *name = value ? cJSON_malloc(strlen(key) + 1) : NULL;

	if (name)
		value->string = strcpy(name, key);
	settle(name && cJSON_ReplaceItemViaPointer(object, old, value), value);
}

void json_put_string(cJSON *object, const char *key, const char *value)
{
	json_put(object, key, cJSON_CreateString(value));
}

void json_put_number(cJSON *object, const char *key, double value)
{
	json_put(object, key, cJSON_CreateNumber(value));
}

cJSON *json_append_object(cJSON *array)
{
	cJSON *object = cJSON_CreateObject();

	return settle(object && cJSON_AddItemToArray(array, object), object) ? object : NULL;
}

cJSON *json_put_array(cJSON *object, const char *key)
{
	json_put(object, key, cJSON_CreateArray());
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

cJSON *json_put_object(cJSON *object, const char *key)
{
	json_put(object, key, cJSON_CreateObject());
	return cJSON_GetObjectItemCaseSensitive(object, key);
}
