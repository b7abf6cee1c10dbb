/* SPDX-License-Identifier: MIT */
/* h5_process.h - starts snnq-hdf5, the program in which the HDF5 library does what it likes. */
#ifndef SNNQ_H5_PROCESS_H
#define SNNQ_H5_PROCESS_H

#include "h5_tree.h"

/* @path is for messages. The descriptor stays open. */
int h5_process_read(const char *path, int file, uint64_t bytes, struct tree_object **root);
int h5_process_write(const char *path, const struct tree_object *root, FILE *out);

#endif /* SNNQ_H5_PROCESS_H */
