// SPDX-License-Identifier: MIT
/*
 * cache.c - files of quantized layers: a head, thresholds, biases, multipliers, weights, and the
 * SHA-256 of all before it.
 */
#define _GNU_SOURCE /* asprintf */
#include "quantize/cache.h"

#include <errno.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"

#define MAGIC "snnq layer 1\n\n\n"

enum { HAS_THRESHOLD = 1, HAS_MULTS = 2, HAS_WEIGHTS = 4 };

struct head {
	char magic[16];
	char made_of[64], what[8];
	struct weight_shape shape;
	uint32_t layer, scheme, bits, has;
	uint32_t shift, requant_shift;
	int32_t mult;
	uint64_t packed_bytes;
	double unit, signal, noise, distance, wrong;
	uint64_t level_counts[GRID_MAX_LEVELS];
};

int cache_check(const char *folder)
{
	const char *file = folder;
	char *within = NULL;
	struct stat st;
	int ret;

	if (!folder)
		return 0;
	if (!stat(folder, &st)) {
		if (!S_ISDIR(st.st_mode))
			return error_set(-ENOTDIR, "%s: expected a folder to keep layers in",
					 folder);
		if (asprintf(&within, "%s/layer", folder) < 0)
			return error_set(-ENOMEM, "%s: no memory", folder);
		file = within;
	}
	ret = output_check(&file, 1, NULL, 0);
	free(within);
	return ret ? error_set(ret, "%s: no layers can be kept: %s", folder, output_problem()) : 0;
}

int cache_open(const char *folder, const char *made_of, struct cache *c)
{
	*c = (struct cache){ .folder = folder };
	if (!folder)
		return 0;
	SHA256Data((const uint8_t *)made_of, strlen(made_of), c->made_of);
	if (!mkdir(folder, 0777) || errno == EEXIST)
		return 0;
	return error_set(-errno, "%s: %s", folder, strerror(errno));
}

/* Of a model's layer: FOLDER/HASH-LAYER-WHAT-SCHEMEBITS. NULL: no memory. */
static char *path_of(const struct cache *c, uint32_t layer, const char *what,
		     const struct grid *grid)
{
	char *path;

	if (asprintf(&path, "%s/%.16s-%u-%s-%s%u", c->folder, c->made_of, layer, what,
		     grid_scheme_name(grid->scheme), grid->bits) < 0)
		return NULL;
	return path;
}

/* What stands between the head and the hash. */
static uint64_t body_bytes(const struct head *h)
{
	uint64_t arrays = 1 + !!(h->has & HAS_THRESHOLD) + !!(h->has & HAS_MULTS);

	return h->has & HAS_WEIGHTS ?
		       arrays * h->shape.outputs * sizeof(int32_t) + h->packed_bytes :
		       0;
}

/* ---- reading ---- */

/* A whole file, or NULL. */
static uint8_t *read_all(const char *path, size_t *bytes)
{
	uint64_t size = 0;
	int ret;
	FILE *f = file_stream(path, &size, &ret);
	uint8_t *content = f && size ? malloc(size) : NULL;

	if (content && fread(content, 1, size, f) != size) {
		free(content);
		content = NULL;
	}
	*bytes = size;
	if (f)
		fclose(f);
	return content;
}

static bool is_whole(const uint8_t *content, size_t bytes, const struct head *want)
{
	uint8_t sum[SHA256_DIGEST_LENGTH];
	struct head h;
	SHA2_CTX ctx;

	if (bytes < sizeof(h) + sizeof(sum))
		return false;
	memcpy(&h, content, sizeof(h));
	if (memcmp(h.magic, want->magic, sizeof(h.magic)) != 0 ||
	    memcmp(h.made_of, want->made_of, sizeof(h.made_of)) != 0 ||
	    memcmp(h.what, want->what, sizeof(h.what)) != 0 ||
	    memcmp(&h.shape, &want->shape, sizeof(h.shape)) != 0 || h.layer != want->layer ||
	    h.scheme != want->scheme || h.bits != want->bits ||
	    h.packed_bytes != want->packed_bytes ||
	    bytes - sizeof(h) - sizeof(sum) != body_bytes(&h))
		return false;
	SHA256Init(&ctx);
	SHA256Update(&ctx, content, bytes - sizeof(sum));
	SHA256Final(sum, &ctx);
	return !memcmp(sum, content + bytes - sizeof(sum), sizeof(sum));
}

static void *take(const uint8_t **at, size_t bytes)
{
	void *to = malloc(bytes);

	if (to)
		memcpy(to, *at, bytes);
	*at += bytes;
	return to;
}

static bool take_arrays(const struct head *h, const uint8_t *at, struct quantized *q)
{
	size_t numbers = h->shape.outputs * sizeof(int32_t);

	if (h->has & HAS_THRESHOLD)
		q->threshold = take(&at, numbers);
	q->bias = take(&at, numbers);
	if (h->has & HAS_MULTS)
		q->mults = take(&at, numbers);
	q->packed = take(&at, h->packed_bytes);
	return q->bias && q->packed && !(h->has & HAS_THRESHOLD) == !q->threshold &&
	       !(h->has & HAS_MULTS) == !q->mults;
}

static struct head head_of(const struct cache *c, uint32_t layer, const char *what,
			   const struct grid *grid, const struct weight_shape *shape)
{
	struct head h;

	memset(&h, 0, sizeof(h)); /* with what lies between members */
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(h.made_of, c->made_of, sizeof(h.made_of));
	memcpy(h.what, what, strnlen(what, sizeof(h.what)));
	h.shape = *shape;
	h.layer = layer;
	h.scheme = grid->scheme;
	h.bits = grid->bits;
	h.packed_bytes = weight_packed_bytes(shape, grid);
	return h;
}

bool cache_read(const struct cache *c, uint32_t layer, const char *what, const struct grid *grid,
		const struct weight_shape *shape, struct quantized *q)
{
	char *path = c->folder ? path_of(c, layer, what, grid) : NULL;
	struct head h;
	uint8_t *content;
	size_t bytes;
	bool found;

	*q = (struct quantized){ 0 };
	content = path ? read_all(path, &bytes) : NULL;
	free(path);
	if (!content)
		return false;
	h = head_of(c, layer, what, grid, shape);
	found = is_whole(content, bytes, &h);
	if (found) {
		memcpy(&h, content, sizeof(h));
		*q = (struct quantized){
			.grid = *grid,
			.shape = h.shape,
			.shift = h.shift,
			.requant_shift = h.requant_shift,
			.mult = h.mult,
			.packed_bytes = h.packed_bytes,
			.unit = h.unit,
			.signal = h.signal,
			.noise = h.noise,
			.distance = h.distance,
			.wrong = h.wrong,
		};
		memcpy(q->level_counts, h.level_counts, sizeof(q->level_counts));
		if (h.has & HAS_WEIGHTS)
			found = take_arrays(&h, content + sizeof(h), q);
		if (!found)
			quantized_free(q);
	}
	free(content);
	return found;
}

/* ---- writing ---- */

struct sink {
	FILE *file;
	SHA2_CTX ctx;
};

static void put(struct sink *s, const void *data, size_t bytes)
{
	if (!data || !bytes)
		return;
	fwrite(data, 1, bytes, s->file); /* output_commit() asks the stream */
	SHA256Update(&s->ctx, data, bytes);
}

static void put_layer(FILE *file, const struct head *h, const struct quantized *q)
{
	size_t numbers = h->shape.outputs * sizeof(int32_t);
	uint8_t sum[SHA256_DIGEST_LENGTH];
	struct sink s = { .file = file };

	SHA256Init(&s.ctx);
	put(&s, h, sizeof(*h));
	if (h->has & HAS_WEIGHTS) {
		put(&s, q->threshold, numbers);
		put(&s, q->bias, numbers);
		put(&s, q->mults, numbers);
		put(&s, q->packed, q->packed_bytes);
	}
	SHA256Final(sum, &s.ctx);
	fwrite(sum, 1, sizeof(sum), file);
}

int cache_write(const struct cache *c, uint32_t layer, const char *what, const struct grid *grid,
		const struct quantized *q)
{
	struct head h;
	struct output o;
	char *path;
	int ret;

	if (!c->folder)
		return 0;
	path = path_of(c, layer, what, grid);
	if (!path)
		return error_set(-ENOMEM, "%s: no memory", c->folder);
	h = head_of(c, layer, what, grid, &q->shape);
	if (q->packed) {
		h.has = HAS_WEIGHTS | (q->threshold ? HAS_THRESHOLD : 0) |
			(q->mults ? HAS_MULTS : 0);
		h.shift = q->shift;
		h.requant_shift = q->requant_shift;
		h.mult = q->mult;
		h.unit = q->unit;
		h.signal = q->signal;
		h.noise = q->noise;
		h.distance = q->distance;
		h.wrong = q->wrong;
		memcpy(h.level_counts, q->level_counts, sizeof(h.level_counts));
	}
	ret = output_open(path, &o);
	if (!ret) {
		put_layer(o.file, &h, q);
		ret = output_commit(&o);
	}
	free(path);
	return ret ? error_set(ret, "%s", output_problem()) : 0;
}
