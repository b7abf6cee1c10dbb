/* SPDX-License-Identifier: MIT */
/* hdf5_file.h - what snnq-hdf5 does. All return what it ends with, an errno. */
#ifndef SNNQ_HDF5_FILE_H
#define SNNQ_HDF5_FILE_H

#define H5_USE_110_API /* of later versions, which still have it */
#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The members of the root that @names (ends in NULL) names, and of the others what they are. */
int hdf5_read(const void *image, size_t bytes, char *const *names, FILE *out);
int hdf5_write(FILE *in, FILE *out);
/* Put out the events of a recording, those in @part if that is no empty text, or a fault. */
int hdf5_events(const void *image, size_t bytes, const char *part);

/* A file in memory, of which no copy is made; negative: it is none. */
hid_t hdf5_open_image(const void *image, size_t bytes);
/* Whether as many elements as a set says are in the file, for all that can be known. */
bool hdf5_is_inside(hid_t set, hid_t type, uint64_t count);

#endif /* SNNQ_HDF5_FILE_H */
