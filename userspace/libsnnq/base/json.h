/* SPDX-License-Identifier: MIT */
/*
 * json.h - JSON documents with one look at the end for whether memory was enough.
 *
 * cJSON lets a document go on growing without what did not fit. These calls count
 * such losses in the calling thread; who makes a document compares the count before
 * and after.
 */
#ifndef SNNQ_JSON_H
#define SNNQ_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* Items lost for want of memory, of this thread, ever. */
uint64_t json_losses(void);

/* 0, -EBADMSG, or -ENOMEM; nothing may follow the document but white space. */
int json_parse(const char *text, size_t length, cJSON **document);

/* These take @value over, whatever becomes of it; NULL counts as lost. */
void json_put(cJSON *object, const char *key, cJSON *value);
void json_append(cJSON *array, cJSON *value);
/* Of a key that is there; @value is a new one. */
void json_replace(cJSON *object, const char *key, cJSON *value);

void json_put_string(cJSON *object, const char *key, const char *value);
void json_put_number(cJSON *object, const char *key, double value);
/* New, empty and in @object, or NULL. */
cJSON *json_put_array(cJSON *object, const char *key);
cJSON *json_put_object(cJSON *object, const char *key);
cJSON *json_append_object(cJSON *array);

#endif /* SNNQ_JSON_H */
