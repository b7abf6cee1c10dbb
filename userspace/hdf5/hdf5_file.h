/* SPDX-License-Identifier: MIT */
/* hdf5_file.h - the two directions of snnq-hdf5. Both return what it ends with, an errno. */
#ifndef SNNQ_HDF5_FILE_H
#define SNNQ_HDF5_FILE_H

#define H5_USE_110_API /* of later versions, which still have it */
#include <hdf5.h>
#include <stddef.h>
#include <stdio.h>

/* The members of the root that @names (ends in NULL) names, and of the others what they are. */
int hdf5_read(const void *image, size_t bytes, char *const *names, FILE *out);
int hdf5_write(FILE *in, FILE *out);

#endif /* SNNQ_HDF5_FILE_H */
