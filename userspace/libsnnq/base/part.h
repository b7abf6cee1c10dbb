/* SPDX-License-Identifier: MIT */
/* part.h - "FILE[PART]": what one of a file's parts is called. */
#ifndef SNNQ_PART_H
#define SNNQ_PART_H

/*
 * Where no file has all of this name: cut @path behind that of the file, and return the part, which
 * stays in it. NULL: it names no part, and is as it was. Brackets in a part are in pairs.
 */
char *part_split(char *path);

#endif /* SNNQ_PART_H */
