/* SPDX-License-Identifier: MIT */
/* enclose.h - what a program may do that runs a library on files of others. */
#ifndef SNNQ_ENCLOSE_H
#define SNNQ_ENCLOSE_H

#include <stdint.h>

/* From here on: this memory, time of the processor for a file of so many bytes, and no system calls but those for memory and
 * for reading and writing what is open already.
 */
void enclose(uint64_t most_memory, uint64_t bytes);

#endif /* SNNQ_ENCLOSE_H */
