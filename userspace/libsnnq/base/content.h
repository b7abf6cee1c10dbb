/* SPDX-License-Identifier: MIT */
/*
 * content.h - what a file is that is not what was expected, by its first bytes.
 *
 * For messages only: most of these beginnings are too short to decide by.
 */
#ifndef SNNQ_CONTENT_H
#define SNNQ_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTENT_BYTES 16 /* that suffice */

/* A model file: the length of its header, and JSON. */
bool content_is_model(const uint8_t *head, size_t size);
/* "an HDF5 file", to stand behind "found"; NULL: nothing that is known. */
const char *content_name(const uint8_t *head, size_t size);

#endif /* SNNQ_CONTENT_H */
