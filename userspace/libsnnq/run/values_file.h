/* SPDX-License-Identifier: MIT */
/* values_file.h - files of arrays: .npy, and .npz, whose arrays are unfolded when they are opened. */
#ifndef SNNQ_VALUES_FILE_H
#define SNNQ_VALUES_FILE_H

#include <stdint.h>

#include "base/npy.h"

/*
 * Open FILE.npy, FILE.npz or FILE.npz[ARRAY]; of an archive the array that is named, "frames", or the
 * only one. It is unfolded, whole, into a file without a name, in the folder of temporary files; at
 * most 4 GiB. Of at most @most elements. @format: "npy" or "npz". 0 or -errno with the error set.
 */
int values_file_open(const char *path, uint64_t most, struct npy *npy, const char **format);

#endif /* SNNQ_VALUES_FILE_H */
