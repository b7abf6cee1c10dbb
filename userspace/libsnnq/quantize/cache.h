/* SPDX-License-Identifier: MIT */
/*
 * cache.h - quantized layers in a folder, for later runs and for other machines.
 *
 * A file holds one layer at one grid, or that this grid is none for it. Its name says what it was
 * made of, so that works can share a folder. It appears complete or not at all; one
 * that is damaged is as if it were not there.
 */
#ifndef SNNQ_QUANTIZE_CACHE_H
#define SNNQ_QUANTIZE_CACHE_H

#include "quantize/quantize.h"

struct cache {
	const char *folder; /* NULL: none, where nothing is found and nothing kept */
	char made_of[65];   /* SHA-256 as hex */
};

/* Before the work: whether files can be written there; nothing is left. NULL: there is no folder. */
int cache_check(const char *folder);
/* @folder: made if need be, but for those it is in; or NULL. @made_of: text of any length. */
int cache_open(const char *folder, const char *made_of, struct cache *cache);
/*
 * Layer number @layer at @grid, as @what: up to 8 letters, where there are several. @shape: that of
 * its weights.
 * false: not there. True without q->packed: this grid is none for it. Thread safe.
 */
bool cache_read(const struct cache *cache, uint32_t layer, const char *what,
		const struct grid *grid, const struct weight_shape *shape, struct quantized *q);
/* Keep it; without q->packed that there is none. Thread safe. */
int cache_write(const struct cache *cache, uint32_t layer, const char *what,
		const struct grid *grid, const struct quantized *q);

#endif /* SNNQ_QUANTIZE_CACHE_H */
