// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of the fuzzer: a table of what the structures of uapi/ have, field by
 * field, and how numbers become calls. See fuzz.h.
 *
 * Of a choice, the low 4 bits say whether the value is a good one (below 12), the
 * others which.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "fuzz.h"
#include "genl.h"
#include "snnq_test.h"

#define ARENA_BYTES   (1ul << 18)
#define ELEMENTS      3 /* of an array that are filled in */
#define PATCHES	      6 /* of a program */
#define ODD_WAY	      12
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* What a field is. Those that make things come last. */
enum what {
	W_NUMBER,  /* one of its good numbers */
	W_FEW,	   /* likewise, never large: DRM allocates so much, and warns when it cannot */
	W_OUT,	   /* the kernel writes it */
	W_TIME,	   /* soon, by CLOCK_MONOTONIC */
	W_USER,	   /* memory of the caller */
	W_PROGRAM, /* a program there */
	W_ARRAY,   /* struct drm_snnq_array */
	W_HANDLES, /* of syncobjs there */
	W_POINTS,  /* of timelines there */
	W_BO,
	W_MODEL,
	W_STREAM,
	W_SYNCOBJ,
	W_FD,
	W_NEW, /* and one of the five before */
};

#define KINDS_OF_HANDLE (W_NEW - W_BO)
#define W_NEW_OF(what)	(W_NEW + (what)-W_BO)

struct shape;

struct field {
	uint16_t at, bytes, what;
	uint16_t count; /* of good numbers; the first is the usual one */
	const uint64_t *good;
	const struct shape *of; /* of an array's elements */
};

struct shape {
	uint32_t bytes, count;
	const struct field *field;
};

#define NUMBERS(...)                                                                     \
	.count = LENGTH(((const uint64_t[]){ __VA_ARGS__ })), .good = (const uint64_t[]) \
	{                                                                                \
		__VA_ARGS__                                                              \
	}
#define FIELD(type, name, is, ...)                                                            \
	{                                                                                     \
		.at = offsetof(struct type, name), .bytes = sizeof(((struct type *)0)->name), \
		.what = (is), __VA_ARGS__                                                     \
	}
#define FEW(type, name)	   FIELD(type, name, W_FEW, NUMBERS(1, 2))
#define N(type, name, ...) FIELD(type, name, W_NUMBER, NUMBERS(__VA_ARGS__))
#define SHAPE(type)                                     \
	{                                               \
		sizeof(struct type), LENGTH(type), type \
	}

static const struct field drm_snnq_dev_query[] = {
	N(drm_snnq_dev_query, type, 0, 1, 2),
	N(drm_snnq_dev_query, size, 216, 0, 8, 104, 4096),
	FIELD(drm_snnq_dev_query, ptr, W_USER),
};

static const struct field drm_snnq_bo_create[] = {
	N(drm_snnq_bo_create, size, 4096, 1, 8192, 65536, 1 << 20),
	N(drm_snnq_bo_create, flags, 0, 0, 0, DRM_SNNQ_BO_DEVICE_READONLY),
	FIELD(drm_snnq_bo_create, handle, W_NEW_OF(W_BO)),
	FIELD(drm_snnq_bo_create, mmap_offset, W_OUT),
};

static const struct field drm_snnq_bo_sync[] = {
	FIELD(drm_snnq_bo_sync, handle, W_BO),
	N(drm_snnq_bo_sync, flags, DRM_SNNQ_BO_SYNC_FOR_CPU, DRM_SNNQ_BO_SYNC_FOR_DEVICE),
	N(drm_snnq_bo_sync, offset, 0, 1, 64, 4095),
	N(drm_snnq_bo_sync, size, 4096, 1, 64, 8192),
};

static const struct field drm_snnq_bo_info[] = {
	FIELD(drm_snnq_bo_info, handle, W_BO),	  N(drm_snnq_bo_info, flags, 0),
	FIELD(drm_snnq_bo_info, size, W_OUT),	  FIELD(drm_snnq_bo_info, mmap_offset, W_OUT),
	FIELD(drm_snnq_bo_info, bo_flags, W_OUT), N(drm_snnq_bo_info, pad, 0),
};

static const struct field drm_snnq_model_create[] = {
	FIELD(drm_snnq_model_create, program, W_PROGRAM),
	N(drm_snnq_model_create, size, offsetof(struct test_program, table) + 4),
	N(drm_snnq_model_create, flags, 0),
	FIELD(drm_snnq_model_create, handle, W_NEW_OF(W_MODEL)),
	FIELD(drm_snnq_model_create, error_code, W_OUT),
	FIELD(drm_snnq_model_create, error_layer, W_OUT),
	N(drm_snnq_model_create, reserved, 0),
};

static const struct field drm_snnq_model_destroy[] = {
	FIELD(drm_snnq_model_destroy, handle, W_MODEL),
	N(drm_snnq_model_destroy, pad, 0),
};

static const struct field drm_snnq_stream_create[] = {
	FIELD(drm_snnq_stream_create, model, W_MODEL),
	N(drm_snnq_stream_create, priority, DRM_SNNQ_PRIORITY_NORMAL, DRM_SNNQ_PRIORITY_LOW,
	  DRM_SNNQ_PRIORITY_HIGH),
	N(drm_snnq_stream_create, flags, 0),
	FIELD(drm_snnq_stream_create, handle, W_NEW_OF(W_STREAM)),
	N(drm_snnq_stream_create, limit_ms, 0, 1, 100, 1 << 30),
	N(drm_snnq_stream_create, pad, 0),
};

static const struct field drm_snnq_stream_destroy[] = {
	FIELD(drm_snnq_stream_destroy, handle, W_STREAM),
	N(drm_snnq_stream_destroy, pad, 0),
};

static const struct field drm_snnq_stream_reset[] = {
	FIELD(drm_snnq_stream_reset, handle, W_STREAM),
	N(drm_snnq_stream_reset, flags, 0),
};

static const struct field drm_snnq_stream_query[] = {
	FIELD(drm_snnq_stream_query, handle, W_STREAM), FIELD(drm_snnq_stream_query, state, W_OUT),
	FIELD(drm_snnq_stream_query, steps, W_OUT),	FIELD(drm_snnq_stream_query, queued, W_OUT),
	FIELD(drm_snnq_stream_query, status, W_OUT),	FIELD(drm_snnq_stream_query, layer, W_OUT),
	FIELD(drm_snnq_stream_query, region, W_OUT),	FIELD(drm_snnq_stream_query, offset, W_OUT),
	FIELD(drm_snnq_stream_query, fault_seq, W_OUT), N(drm_snnq_stream_query, flags, 0),
	FIELD(drm_snnq_stream_query, error, W_OUT),
};

static const struct field drm_snnq_binding[] = {
	FIELD(drm_snnq_binding, handle, W_BO),
	N(drm_snnq_binding, flags, 0),
	N(drm_snnq_binding, offset, 0, 0, 64, 4096),
	N(drm_snnq_binding, size, 4096, 4096, 256, 8192),
};

static const struct shape bindings = SHAPE(drm_snnq_binding);

static const struct field drm_snnq_sync[] = {
	FIELD(drm_snnq_sync, handle, W_SYNCOBJ),
	N(drm_snnq_sync, flags, DRM_SNNQ_SYNC_SIGNAL, DRM_SNNQ_SYNC_WAIT,
	  DRM_SNNQ_SYNC_SIGNAL | DRM_SNNQ_SYNC_TIMELINE,
	  DRM_SNNQ_SYNC_WAIT | DRM_SNNQ_SYNC_TIMELINE),
	N(drm_snnq_sync, point, 0, 1, 2, 3),
};

static const struct shape syncs = SHAPE(drm_snnq_sync);

static const struct field drm_snnq_job[] = {
	FIELD(drm_snnq_job, stream, W_STREAM),
	N(drm_snnq_job, steps, 1, 4, 32, 256),
	N(drm_snnq_job, flags, 0, DRM_SNNQ_JOB_RESET, DRM_SNNQ_JOB_NO_IMPLICIT_SYNC),
	N(drm_snnq_job, profile_handle, 0, 1, 2),
	N(drm_snnq_job, profile_offset, 0, 64),
	N(drm_snnq_job, profile_size, 0, 256, 512),
	N(drm_snnq_job, profile_stride, 0, DRM_SNNQ_LAYER_STATS_SIZE_V1, 160),
	N(drm_snnq_job, result_handle, 0, 1, 2),
	N(drm_snnq_job, result_size, 0, DRM_SNNQ_RESULT_SIZE_V1, 128),
	N(drm_snnq_job, result_offset, 0, 64),
	FIELD(drm_snnq_job, bindings, W_ARRAY, NUMBERS(3, 3, 2, 4), .of = &bindings),
	FIELD(drm_snnq_job, syncs, W_ARRAY, NUMBERS(0, 1, 2, 3), .of = &syncs),
};

static const struct shape jobs = SHAPE(drm_snnq_job);

static const struct field drm_snnq_submit[] = {
	FIELD(drm_snnq_submit, jobs, W_ARRAY, NUMBERS(1, 2, 3), .of = &jobs),
	N(drm_snnq_submit, flags, 0),
	FIELD(drm_snnq_submit, failed_index, W_OUT),
};

/* Calls of DRM that have to do with ours. */

static const struct field drm_gem_close[] = {
	FIELD(drm_gem_close, handle, W_BO),
	N(drm_gem_close, pad, 0),
};

static const struct field to_fd[] = {
	FIELD(drm_prime_handle, handle, W_BO),
	N(drm_prime_handle, flags, DRM_CLOEXEC | DRM_RDWR, DRM_CLOEXEC),
	FIELD(drm_prime_handle, fd, W_NEW_OF(W_FD)),
};

static const struct field to_handle[] = {
	FIELD(drm_prime_handle, handle, W_NEW_OF(W_BO)),
	N(drm_prime_handle, flags, 0),
	FIELD(drm_prime_handle, fd, W_FD),
};

static const struct field drm_syncobj_create[] = {
	FIELD(drm_syncobj_create, handle, W_NEW_OF(W_SYNCOBJ)),
	N(drm_syncobj_create, flags, 0, DRM_SYNCOBJ_CREATE_SIGNALED),
};

static const struct field drm_syncobj_destroy[] = {
	FIELD(drm_syncobj_destroy, handle, W_SYNCOBJ),
	N(drm_syncobj_destroy, pad, 0),
};

static const struct field syncobj_to_fd[] = {
	FIELD(drm_syncobj_handle, handle, W_SYNCOBJ),
	N(drm_syncobj_handle, flags, DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE, 0),
	FIELD(drm_syncobj_handle, fd, W_NEW_OF(W_FD)),
};

static const struct field fd_to_syncobj[] = {
	FIELD(drm_syncobj_handle, handle, W_SYNCOBJ),
	N(drm_syncobj_handle, flags, DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE),
	FIELD(drm_syncobj_handle, fd, W_FD),
};

static const struct field drm_syncobj_wait[] = {
	FIELD(drm_syncobj_wait, handles, W_HANDLES),
	FIELD(drm_syncobj_wait, timeout_nsec, W_TIME),
	FEW(drm_syncobj_wait, count_handles),
	N(drm_syncobj_wait, flags, 0, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL),
};

static const struct field drm_syncobj_timeline_wait[] = {
	FIELD(drm_syncobj_timeline_wait, handles, W_HANDLES),
	FIELD(drm_syncobj_timeline_wait, points, W_POINTS),
	FIELD(drm_syncobj_timeline_wait, timeout_nsec, W_TIME),
	FEW(drm_syncobj_timeline_wait, count_handles),
	N(drm_syncobj_timeline_wait, flags, 0, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT),
};

static const struct field drm_syncobj_array[] = {
	FIELD(drm_syncobj_array, handles, W_HANDLES),
	FEW(drm_syncobj_array, count_handles),
};

static const struct field drm_syncobj_timeline_array[] = {
	FIELD(drm_syncobj_timeline_array, handles, W_HANDLES),
	FIELD(drm_syncobj_timeline_array, points, W_POINTS),
	FEW(drm_syncobj_timeline_array, count_handles),
};

static const struct field dma_buf_sync[] = {
	N(dma_buf_sync, flags, DMA_BUF_SYNC_RW, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END),
};

/* One process's files, handles and memory. */
static struct {
	int fd[FUZZ_FILES];
	struct {
		uint32_t handle[16], count;
	} have[FUZZ_FILES][KINDS_OF_HANDLE];
	unsigned char *arena, *readonly;
	size_t taken;
	struct test_program program;
	struct genl genl;
	volatile uint32_t *regs;
} own;

/* The choices of the call that is made. */
static struct fuzz_call *now;

static uint32_t choose(void)
{
	return now->used < FUZZ_CHOICES ? now->choice[now->used++] : 0;
}

static bool odd(uint32_t choice)
{
	return (choice & 15) >= ODD_WAY;
}

static uint64_t odd_value(uint32_t which)
{
	static const uint64_t edges[] = {
		0,
		1,
		2,
		7,
		8,
		9,
		32,
		63,
		64,
		65,
		127,
		255,
		4095,
		4096,
		4097,
		65535,
		0x7fffffff,
		0x80000000,
		0xfffffffe,
		0xffffffff,
		1ull << 32,
		1ull << 40,
		INT64_MAX,
		1ull << 63,
		UINT64_MAX - 4095,
		UINT64_MAX - 63,
		UINT64_MAX,
	};

	if (which & 1)
		return edges[which / 2 % LENGTH(edges)];
	return (uint64_t)(which >> 6) >> (which >> 1 & 15);
}

static uint64_t number(const struct field *f, uint32_t choice)
{
	return odd(choice) ? odd_value(choice >> 4) : f->good[(choice >> 4) % f->count];
}

/* A handle that there is; different ones for the elements of an array. */
static uint64_t handle(uint32_t what, uint32_t element, uint32_t choice)
{
	uint32_t file = what == W_FD ? 0 : now->file, n = own.have[file][what - W_BO].count;

	if (odd(choice))
		return odd_value(choice >> 4);
	return n ? own.have[file][what - W_BO].handle[(element + (choice >> 4)) % n] : 0;
}

/* Room for an argument, zeroed; beyond the last the kernel finds nothing. */
static void *take(size_t bytes)
{
	void *room = own.arena + own.taken;

	if (bytes > ARENA_BYTES - own.taken)
		return NULL;
	own.taken += (bytes + 7) & ~7ul;
	return memset(room, 0, bytes);
}

/* A pointer to @good, or to what may not be read or written, or ends early. */
static uint64_t pointer(const void *good, uint32_t choice)
{
	const uint64_t bad[] = {
		0,
		16,
		(uintptr_t)own.arena + ARENA_BYTES - 8,
		(uintptr_t)own.readonly,
		0xffff888000001000,
		1ull << 63,
		(uintptr_t)good + 1,
		UINT64_MAX - 7,
	};

	return odd(choice) ? bad[(choice >> 4) % LENGTH(bad)] : (uintptr_t)good;
}

static uint64_t program(uint32_t choice)
{
	struct test_program *p = take(sizeof(*p));

	if (!p)
		return 0;
	*p = own.program;
	for (int i = 0; i < PATCHES; i++) {
		uint32_t c = choose();
		uint16_t value = (uint16_t)odd_value(c >> 12);

		if (c)
			memcpy((char *)p + 2 * (c % (sizeof(*p) / 2)), &value, 2);
	}
	return pointer(p, choice);
}

static uint64_t list(uint32_t what, uint32_t choice)
{
	uint32_t *handles = take(4 * sizeof(*handles));
	uint64_t *points = take(4 * sizeof(*points));

	for (uint32_t i = 0; i < 2 && handles && points; i++)
		if (what == W_HANDLES)
			handles[i] = (uint32_t)handle(W_SYNCOBJ, i, choose());
		else
			points[i] = choose() >> 4 & 3;
	return pointer(what == W_HANDLES ? (void *)handles : (void *)points, choice);
}

static uint64_t soon(uint32_t choice)
{
	static const int64_t ms[] = { 200, 0, 1, 20 };

	return (uint64_t)test_deadline_ns(ms[(choice >> 4) % LENGTH(ms)]);
}

static void fill(const struct shape *shape, uint32_t element, unsigned char *to);

static void array(const struct field *f, unsigned char *to)
{
	uint32_t count_choice = choose(), stride_choice = choose(), pointer_choice = choose();
	uint32_t stride = f->of->bytes;
	struct drm_snnq_array a = {
		.count = (uint32_t)number(f, count_choice),
		.stride = odd(stride_choice) ? (uint32_t)odd_value(stride_choice >> 4) : stride,
	};
	unsigned char *elements;

	if (a.stride > stride && a.stride <= 4096)
		stride = a.stride;
	elements = take(ELEMENTS * (size_t)stride);
	for (uint32_t i = 0; elements && i < a.count && i < ELEMENTS; i++)
		fill(f->of, i, elements + (size_t)i * stride);
	a.ptr = pointer(elements, pointer_choice);
	memcpy(to + f->at, &a, sizeof(a));
}

static uint64_t value(const struct field *f, uint32_t element, uint32_t choice)
{
	switch (f->what) {
	case W_NUMBER:
		return number(f, choice);
	case W_FEW:
		return number(f, choice) & 0xff;
	case W_TIME:
		return soon(choice);
	case W_USER:
		return pointer(take(4096), choice);
	case W_PROGRAM:
		return program(choice);
	case W_HANDLES:
	case W_POINTS:
		return list(f->what, choice);
	case W_BO:
	case W_MODEL:
	case W_STREAM:
	case W_SYNCOBJ:
	case W_FD:
		return handle(f->what, element, choice);
	default: /* written by the kernel, whatever is there */
		return odd(choice) ? odd_value(choice >> 4) : 0;
	}
}

static void fill(const struct shape *shape, uint32_t element, unsigned char *to)
{
	for (const struct field *f = shape->field; f < shape->field + shape->count; f++) {
		uint64_t v;

		if (f->what == W_ARRAY) {
			array(f, to);
			continue;
		}
		v = value(f, element, choose());
		memcpy(to + f->at, &v, f->bytes);
	}
}

static void keep(uint32_t file, uint32_t what, uint32_t made)
{
	uint32_t *count = &own.have[file][what].count;

	if (*count < LENGTH(own.have[file][what].handle))
		own.have[file][what].handle[(*count)++] = made;
	else if (what == W_FD - W_BO)
		close((int)made);
}

static void keep_made(const struct shape *shape, const unsigned char *argument)
{
	for (const struct field *f = shape->field; f < shape->field + shape->count; f++) {
		uint32_t made, what = f->what - W_NEW;

		if (f->what < W_NEW)
			continue;
		memcpy(&made, argument + f->at, sizeof(made));
		keep(what == W_FD - W_BO ? 0 : now->file, what, made);
	}
}

/* The size that is part of the number, and the direction, may be others. */
static unsigned long request(unsigned long usual, uint32_t choice)
{
	uint32_t which = choice >> 4;

	if (!odd(choice))
		return usual;
	if (which & 1)
		return usual ^ (1ul << 30 << (which / 2 % 2));
	return _IOC(_IOC_DIR(usual), _IOC_TYPE(usual), _IOC_NR(usual), odd_value(which) & 0x3fff);
}

static int call_ioctl(int fd, unsigned long usual, const struct shape *shape)
{
	unsigned long cmd = request(usual, choose());
	uint32_t where = choose();
	/* what the kernel copies is as long as the number says */
	unsigned char *argument = take(0x4000);
	int ret;

	if (!argument)
		return -ENOMEM;
	fill(shape, 0, argument);
	ret = ioctl(fd, cmd, pointer(argument, where));
	if (ret < 0)
		return -errno;
	if (!odd(where))
		keep_made(shape, argument);
	return ret;
}

static int call_reopen(void)
{
	close(own.fd[now->file]);
	for (uint32_t i = 0; i < W_FD - W_BO; i++)
		own.have[now->file][i].count = 0;
	own.fd[now->file] = snnq_test_open();
	return own.fd[now->file] < 0 ? -ENODEV : 0;
}

static int call_touch(void)
{
	uint32_t pages = choose(), at = choose();
	struct drm_snnq_bo_info arg = { .handle = (uint32_t)handle(W_BO, 0, choose()) };
	size_t bytes = 4096 * (1 + (pages >> 4) % 3);
	volatile char *map;

	if (snnq_ioctl(own.fd[now->file], DRM_IOCTL_SNNQ_BO_INFO, &arg))
		return -ENOENT;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, own.fd[now->file],
		   (off_t)arg.mmap_offset);
	if (map == MAP_FAILED)
		return -errno;
	map[(at >> 4) % bytes]++;
	return munmap((void *)map, bytes);
}

static int call_fdinfo(void)
{
	return (int)fdinfo(own.fd[now->file], "snnq-memory");
}

static int call_netlink(void)
{
	uint32_t cmd = choose(), attr = choose(), id = choose();
	uint8_t answer[4096];
	int ret;

	if (own.genl.fd < 0)
		return -ENOENT;
	ret = genl_ask(&own.genl, (uint8_t)(1 + (cmd >> 4) % 12), odd(cmd) ? 0 : NLM_F_DUMP,
		       (uint16_t)((attr >> 4) % 5), (uint32_t)(odd(id) ? odd_value(id >> 4) : 0));
	while (!ret && genl_receive(&own.genl, answer, sizeof(answer), 5) > 0)
		;
	return ret;
}

/* Memory that does not answer, a bad record, interrupts that do not come. */
static int call_inject(void)
{
	static const uint32_t what[] = {
		SNNQ_INJECT_DMA_ERROR,
		SNNQ_INJECT_BAD_RECORD,
		SNNQ_INJECT_LOST_IRQ,
		SNNQ_INJECT_DEV_ERROR,
	};
	uint32_t which = choose() >> 4, value = choose() >> 4;

	if (!own.regs)
		return -ENOENT;
	inject(own.regs, what[which % LENGTH(what)], 1 + value % 4);
	return 0;
}

#define CALL(name, number, layout, on_fd)                                                    \
	{                                                                                    \
		name, number, { sizeof(struct layout), LENGTH(layout), layout }, on_fd, NULL \
	}
#define SNNQ(name, layout) CALL(#name, DRM_IOCTL_SNNQ_##name, layout, false)
#define DRM(name, layout)  CALL(#name, DRM_IOCTL_##name, layout, false)
#define DRM_AS(name, type, table)                                                  \
	{                                                                          \
#name, DRM_IOCTL_##name,                                           \
			{ sizeof(struct type), LENGTH(table), table }, false, NULL \
	}
#define OTHER(name, function)                            \
	{                                                \
		name, 0, { 0, 0, NULL }, false, function \
	}

static const struct {
	const char *name;
	unsigned long request;
	struct shape shape;
	bool on_fd; /* not on the device's file */
	int (*other)(void);
} calls[] = {
	SNNQ(DEV_QUERY, drm_snnq_dev_query),
	SNNQ(BO_CREATE, drm_snnq_bo_create),
	SNNQ(BO_SYNC, drm_snnq_bo_sync),
	SNNQ(BO_INFO, drm_snnq_bo_info),
	SNNQ(MODEL_CREATE, drm_snnq_model_create),
	SNNQ(MODEL_DESTROY, drm_snnq_model_destroy),
	SNNQ(STREAM_CREATE, drm_snnq_stream_create),
	SNNQ(STREAM_DESTROY, drm_snnq_stream_destroy),
	SNNQ(STREAM_RESET, drm_snnq_stream_reset),
	SNNQ(STREAM_QUERY, drm_snnq_stream_query),
	SNNQ(SUBMIT, drm_snnq_submit),
	DRM(GEM_CLOSE, drm_gem_close),
	DRM_AS(PRIME_HANDLE_TO_FD, drm_prime_handle, to_fd),
	DRM_AS(PRIME_FD_TO_HANDLE, drm_prime_handle, to_handle),
	DRM(SYNCOBJ_CREATE, drm_syncobj_create),
	DRM(SYNCOBJ_DESTROY, drm_syncobj_destroy),
	DRM_AS(SYNCOBJ_HANDLE_TO_FD, drm_syncobj_handle, syncobj_to_fd),
	DRM_AS(SYNCOBJ_FD_TO_HANDLE, drm_syncobj_handle, fd_to_syncobj),
	DRM(SYNCOBJ_WAIT, drm_syncobj_wait),
	DRM(SYNCOBJ_TIMELINE_WAIT, drm_syncobj_timeline_wait),
	DRM(SYNCOBJ_RESET, drm_syncobj_array),
	DRM(SYNCOBJ_SIGNAL, drm_syncobj_array),
	DRM(SYNCOBJ_TIMELINE_SIGNAL, drm_syncobj_timeline_array),
	CALL("DMA_BUF_SYNC", DMA_BUF_IOCTL_SYNC, dma_buf_sync, true),
	OTHER("reopen", call_reopen),
	OTHER("touch", call_touch),
	OTHER("fdinfo", call_fdinfo),
	OTHER("netlink", call_netlink),
	OTHER("inject", call_inject),
};

uint32_t fuzz_kinds(void)
{
	return LENGTH(calls);
}

uint32_t fuzz_kind(const char *name)
{
	uint32_t i = 0;

	while (i < LENGTH(calls) && strcmp(calls[i].name, name))
		i++;
	return i;
}

/* Each byte is of the field that follows the one before it. */
static bool complete(const struct shape *shape)
{
	uint32_t at = 0;

	for (const struct field *f = shape->field; f < shape->field + shape->count; f++) {
		if (f->at != at || (f->of && !complete(f->of)))
			return false;
		at += f->bytes;
	}
	return at == shape->bytes;
}

bool fuzz_table_complete(void)
{
	uint32_t ours = 0;

	for (size_t i = 0; i < LENGTH(calls); i++) {
		uint32_t nr = _IOC_NR(calls[i].request);

		if (calls[i].other || nr < DRM_COMMAND_BASE || nr >= DRM_COMMAND_END)
			continue;
		if (!complete(&calls[i].shape) ||
		    _IOC_SIZE(calls[i].request) != calls[i].shape.bytes)
			return false;
		ours++;
	}
	return ours == DRM_SNNQ_SUBMIT + 1;
}

int fuzz_prepare(void)
{
	own.arena = mmap(NULL, ARENA_BYTES + 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	own.readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (own.arena == MAP_FAILED || own.readonly == MAP_FAILED ||
	    mprotect(own.arena + ARENA_BYTES, 4096, PROT_NONE))
		return -errno;
	program_fill(&own.program, 512);
	if (genl_open(&own.genl))
		own.genl.fd = -1;
	own.regs = map_registers();
	return 0;
}

int fuzz_open(void)
{
	memset(own.have, 0, sizeof(own.have));
	for (int i = 0; i < FUZZ_FILES; i++) {
		own.fd[i] = snnq_test_open();
		if (own.fd[i] < 0)
			return -ENODEV;
	}
	return 0;
}

int fuzz_make(struct fuzz_call *call)
{
	uint32_t kind = call->kind % LENGTH(calls);

	now = call;
	now->file %= FUZZ_FILES;
	now->used = 0;
	own.taken = 0;
	if (calls[kind].other)
		return calls[kind].other();
	return call_ioctl(calls[kind].on_fd ? (int)handle(W_FD, 0, choose()) : own.fd[now->file],
			  calls[kind].request, &calls[kind].shape);
}

void fuzz_close(void)
{
	for (int i = 0; i < FUZZ_FILES; i++)
		close(own.fd[i]);
	for (uint32_t i = 0; i < own.have[0][W_FD - W_BO].count; i++)
		close((int)own.have[0][W_FD - W_BO].handle[i]);
}
