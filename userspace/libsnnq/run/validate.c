// SPDX-License-Identifier: MIT
/*
 * validate.c - run golden vectors on a device: raw programs, below models and streams.
 *
 * The file's layout is in tests/reference/README.md. It is read as untrusted bytes.
 * Of a case, outputs and counters are compared byte by byte, and that jobs which
 * must fail do. State is not visible to users; what it does shows in later jobs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"

#define JOB_TIMEOUT_NS 120000000000ll
#define UNTOUCHED      0xa5 /* outputs are filled with it before each job */
#define COUNTERS       (sizeof(struct snnq_layer_stats) / 8)

enum { REGION_INPUT, REGION_INPUT_AGAIN, REGION_OUTPUT };

struct reader {
	const uint8_t *at, *end;
};

struct vector_job {
	uint32_t steps, flags, status, layer_region;
	uint64_t offset;
};

struct vector_region {
	uint32_t kind, reserved;
	uint64_t bytes;
	const uint8_t *content; /* NULL for INPUT_AGAIN */
};

struct vector_case {
	char name[65];
	uint32_t program_bytes, jobs, regions;
	struct snnq_device *dev;
	void *program, *stream;
	struct snnq_tensor_buf *buffers[BACKEND_MAX_BINDINGS], *profile;
	uint32_t layers;
	char detail[200];
};

/* The next @bytes, padded to 8; NULL when they are not there. */
static const void *take(struct reader *r, uint64_t bytes)
{
	const void *at = r->at;
	uint64_t padded = (bytes + 7) & ~7ull;

	if (bytes > UINT64_MAX - 7 || padded > (uint64_t)(r->end - r->at))
		return NULL;
	r->at += padded;
	return at;
}

static bool take_u32(struct reader *r, uint32_t *values, size_t count)
{
	const void *at = take(r, count * sizeof(*values));

	if (at)
		memcpy(values, at, count * sizeof(*values));
	return at;
}

static bool take_region(struct reader *r, struct vector_region *region)
{
	const uint8_t *at = take(r, 16);

	if (!at)
		return false;
	memcpy(region, at, 16);
	region->content = NULL;
	if (region->kind > REGION_OUTPUT)
		return false;
	if (region->kind == REGION_INPUT_AGAIN)
		return true;
	region->content = take(r, region->bytes);
	return region->content;
}

static int wrong(struct vector_case *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(struct vector_case *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->detail, sizeof(c->detail), format, args);
	va_end(args);
	return SNNQ_VALIDATE_FAILED;
}

/* A buffer of @bytes for region @i, kept from the job before when it has the size. */
static bool buffer_for(struct vector_case *c, uint32_t i, uint64_t bytes)
{
	size_t size = bytes ? bytes : 8;

	if (c->buffers[i] && snnq_tensor_size(c->buffers[i]) == size)
		return true;
	if (c->buffers[i])
		snnq_tensor_free(c->buffers[i]);
	c->buffers[i] = NULL;
	return !snnq_tensor_alloc(c->dev, size, &c->buffers[i]);
}

static bool fill_buffer(struct vector_case *c, uint32_t i, const struct vector_region *region)
{
	struct snnq_tensor_buf *buf;
	uint8_t *map;

	if (!buffer_for(c, i, region->bytes))
		return false;
	buf = c->buffers[i];
	map = snnq_tensor_map(buf);
	if (!map || snnq_tensor_sync_for_cpu(buf))
		return false;
	if (region->kind == REGION_INPUT)
		memcpy(map, region->content, region->bytes);
	else if (region->kind == REGION_OUTPUT)
		memset(map, UNTOUCHED, snnq_tensor_size(buf));
	return !snnq_tensor_sync_for_device(buf);
}

static int check_outputs(struct vector_case *c, uint32_t job, const struct vector_region *regions)
{
	for (uint32_t i = 0; i < c->regions; i++) {
		const uint8_t *map = snnq_tensor_map(c->buffers[i]);

		if (regions[i].kind != REGION_OUTPUT)
			continue;
		if (snnq_tensor_sync_for_cpu(c->buffers[i]))
			return wrong(c, "job %u: region %u cannot be read", job, i);
		for (uint64_t b = 0; b < regions[i].bytes; b++)
			if (map[b] != regions[i].content[b])
				return wrong(c,
					     "job %u: region %u: byte %" PRIu64
					     ": expected %02x, found %02x",
					     job, i, b, regions[i].content[b], map[b]);
	}
	return SNNQ_VALIDATE_PASSED;
}

static int check_counters(struct vector_case *c, uint32_t job, uint32_t mask, const uint8_t *want)
{
	const uint8_t *got = snnq_tensor_map(c->profile);

	if (snnq_tensor_sync_for_cpu(c->profile))
		return wrong(c, "job %u: counters cannot be read", job);
	for (uint32_t l = 0; l < c->layers; l++)
		for (uint32_t i = 0; i < COUNTERS; i++) {
			size_t at = l * sizeof(struct snnq_layer_stats) + i * 8;
			uint64_t w, g;

			memcpy(&w, want + at, 8);
			memcpy(&g, got + at, 8);
			if (mask >> i & 1 && w != g)
				return wrong(c,
					     "job %u: layer %u: counter %u: expected %" PRIu64
					     ", found %" PRIu64,
					     job, l, i, w, g);
		}
	return SNNQ_VALIDATE_PASSED;
}

/* Submit and wait; the job's error in @error. */
static int run_job(struct vector_case *c, const struct vector_job *head,
		   const struct vector_region *regions, int *error)
{
	struct backend_job job = { .steps = head->steps,
				   .reset = head->flags & 1,
				   .binding_count = c->regions,
				   .profile = c->profile,
				   .event_fd = -1 };
	int ret;

	for (uint32_t i = 0; i < c->regions; i++)
		job.bindings[i] = (struct backend_binding){ c->buffers[i], 0, regions[i].bytes };
	ret = c->dev->ops->submit(c->dev, c->stream, &job);
	if (!ret)
		ret = c->dev->ops->wait(c->dev, c->stream, &job, now_ns() + JOB_TIMEOUT_NS);
	*error = job.error;
	return ret;
}

/* The part of a job behind its regions. */
struct vector_result {
	const uint8_t *counters;
	uint32_t layers, mask;
};

static bool take_result(struct reader *r, struct vector_result *result)
{
	const uint8_t *at = take(r, 8);
	uint64_t state;
	uint32_t words[2];

	if (!at)
		return false;
	memcpy(&state, at, 8);
	if (!take(r, state) || !take_u32(r, words, 2))
		return false;
	*result = (struct vector_result){ NULL, words[0], words[1] };
	result->counters = take(r, (uint64_t)words[0] * sizeof(struct snnq_layer_stats));
	return result->counters;
}

/* A stream that failed takes no more jobs; a reset starts over on a new one. */
static bool renew_stream(struct vector_case *c)
{
	c->dev->ops->stream_destroy(c->dev, c->stream);
	c->stream = NULL;
	return !c->dev->ops->stream_create(c->dev, c->program, SNNQ_PRIO_NORMAL, &c->stream);
}

static int check_job(struct vector_case *c, uint32_t number, struct reader *r)
{
	struct vector_region regions[BACKEND_MAX_BINDINGS];
	struct vector_result result;
	struct vector_job head;
	const void *at = take(r, sizeof(head));
	int error, ret;

	for (uint32_t i = 0; at && i < c->regions; i++)
		if (!take_region(r, &regions[i]))
			at = NULL;
	if (!at || !take_result(r, &result) || (result.layers && result.layers != c->layers))
		return -EBADMSG;
	memcpy(&head, at, sizeof(head));
	for (uint32_t i = 0; i < c->regions; i++) {
		if (regions[i].kind == REGION_INPUT_AGAIN && c->buffers[i])
			regions[i].bytes = snnq_tensor_size(c->buffers[i]);
		if (!fill_buffer(c, i, &regions[i]))
			return wrong(c, "job %u: region %u: %s", number, i, error_get());
	}
	ret = run_job(c, &head, regions, &error);
	if (ret)
		return wrong(c, "job %u: %s", number, error_get());
	if ((error != 0) != (head.status != SNNQ_STATUS_OK))
		return wrong(c, "job %u: expected status %u, found error %d", number, head.status,
			     error);
	if (error)
		return renew_stream(c) ? SNNQ_VALIDATE_PASSED :
					 wrong(c, "job %u: no new stream", number);
	ret = check_outputs(c, number, regions);
	if (ret == SNNQ_VALIDATE_PASSED && result.layers)
		ret = check_counters(c, number, result.mask, result.counters);
	return ret;
}

static int check_jobs(struct vector_case *c, const void *program, struct reader *r)
{
	const struct snnq_program_header *header = program;
	int ret;

	if (c->program_bytes < sizeof(*header) || header->layer_count > SNNQ_MAX_LAYERS)
		return -EBADMSG;
	c->layers = header->layer_count;
	ret = c->dev->ops->program_create(c->dev, program, c->program_bytes, &c->program);
	if (ret == -EOPNOTSUPP) {
		wrong(c, "%s", error_get());
		return SNNQ_VALIDATE_SKIPPED;
	}
	if (!ret)
		ret = c->dev->ops->stream_create(c->dev, c->program, SNNQ_PRIO_NORMAL, &c->stream);
	if (!ret)
		ret = snnq_tensor_alloc(c->dev, c->layers * sizeof(struct snnq_layer_stats),
					&c->profile);
	if (ret)
		return wrong(c, "%s", error_get());
	ret = SNNQ_VALIDATE_PASSED;
	for (uint32_t i = 0; ret == SNNQ_VALIDATE_PASSED && i < c->jobs; i++)
		ret = check_job(c, i, r);
	return ret;
}

/* SNNQ_VALIDATE_*, or -EBADMSG. */
static int check_case(struct vector_case *c, struct reader r)
{
	uint32_t words[4];
	const void *name = take(&r, 64), *program = NULL;
	int ret = -EBADMSG;

	if (name && take_u32(&r, words, 4)) {
		memcpy(c->name, name, 64);
		c->program_bytes = words[0];
		c->jobs = words[1];
		c->regions = words[2];
		program = take(&r, c->program_bytes);
	}
	if (program && c->regions <= BACKEND_MAX_BINDINGS)
		ret = check_jobs(c, program, &r);
	if (c->stream)
		c->dev->ops->stream_destroy(c->dev, c->stream);
	if (c->program)
		c->dev->ops->program_destroy(c->dev, c->program);
	for (uint32_t i = 0; i < BACKEND_MAX_BINDINGS; i++)
		if (c->buffers[i])
			snnq_tensor_free(c->buffers[i]);
	if (c->profile)
		snnq_tensor_free(c->profile);
	return ret;
}

static int check_file(struct snnq_device *dev, const char *path, struct reader *r,
		      const struct snnq_validate_opts *opts)
{
	const char *magic = take(r, 8);
	uint32_t words[2];

	if (!magic || memcmp(magic, "SNNQGOLD", 8) || !take_u32(r, words, 2) || words[0] != 1)
		return error_set(-EBADMSG, "%s: offset 0: expected golden vectors, version 1",
				 path);
	for (uint32_t i = 0; i < words[1]; i++) {
		struct vector_case c = { .dev = dev };
		const uint8_t *at = take(r, 8), *body = NULL;
		uint64_t bytes = 0;
		int result;

		if (at) {
			memcpy(&bytes, at, 8);
			body = take(r, bytes);
		}
		result = body ? check_case(&c, (struct reader){ body, body + bytes }) : -EBADMSG;
		if (result < 0)
			return error_set(result, "%s: case %u of %u is malformed", path, i,
					 words[1]);
		opts->report(opts->report_ctx, c.name, (enum snnq_validate_result)result, c.detail,
			     i + 1, words[1]);
	}
	return 0;
}

int snnq_validate(struct snnq_device *dev, const char *path, const struct snnq_validate_opts *opts)
{
	struct reader r;
	uint64_t bytes;
	void *map;
	int fd, ret;

	if (!opts || opts->size != sizeof(*opts) || !opts->report)
		return error_set(-EINVAL, "snnq_validate: options are missing or of unknown size");
	fd = file_open(path, &bytes);
	if (fd < 0)
		return fd;
	map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return error_set(-EBADMSG, "%s: cannot be mapped (empty?)", path);
	r = (struct reader){ map, (const uint8_t *)map + bytes };
	ret = check_file(dev, path, &r, opts);
	munmap(map, bytes);
	return ret;
}
