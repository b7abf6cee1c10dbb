/* SPDX-License-Identifier: MIT */
/*
 * file.h - open the files that users name: only regular ones, and never waiting for one that
 * nobody writes.
 */
#ifndef SNNQ_FILE_H
#define SNNQ_FILE_H

#include <stdint.h>
#include <stdio.h>

/* A descriptor for reading and the file's size, or -errno with the error set. */
int file_open(const char *path, uint64_t *bytes);
/* The same as a stream; NULL with the error set and the code in @ret. */
FILE *file_stream(const char *path, uint64_t *bytes, int *ret);

#endif /* SNNQ_FILE_H */
