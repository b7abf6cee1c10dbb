/* SPDX-License-Identifier: MIT */
/* version.h - the header of a MATLAB file, whose last four bytes say which version it is. */
#ifndef SNNQ_MAT_VERSION_H
#define SNNQ_MAT_VERSION_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VERSION_HEADER 128 /* bytes */

/* Whether numbers have their highest byte first. */
static inline bool version_high_first(const uint8_t h[VERSION_HEADER])
{
	return h[126] == 'M';
}

/* Of versions 5 to 7, that is: others bring HDF5. */
static inline bool version_is_5(const uint8_t h[VERSION_HEADER])
{
	return version_high_first(h) ? h[127] == 'I' && h[124] == 1 && h[125] == 0 :
				       !memcmp(h + 126, "IM", 2) && h[124] == 0 && h[125] == 1;
}

#endif /* SNNQ_MAT_VERSION_H */
