// SPDX-License-Identifier: MIT
/* fake_kernel.c - see fake_kernel.h. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/drm_ioctl.h"
#include "fake_kernel.h"
#include "snnq_regs.h"

#define PLACE_BYTES (1u << 20)

struct fake_kernel fake;
static int (*real_ioctl)(int fd, unsigned long request, void *arg);

static int refuse(int error)
{
	errno = error;
	return -1;
}

/* A free id, from 1. */
static uint32_t take(bool *table)
{
	for (uint32_t i = 1; i < FAKE_OBJECTS; i++)
		if (!table[i]) {
			table[i] = true;
			return i;
		}
	fail_msg("too many objects");
	return 0;
}

static int give(bool *table, uint32_t id)
{
	if (id >= FAKE_OBJECTS || !table[id])
		return refuse(ENOENT);
	table[id] = false;
	return 0;
}

static struct fake_buffer *buffer(uint32_t handle)
{
	return handle && handle < FAKE_OBJECTS && fake.buffers[handle].live ?
		       &fake.buffers[handle] :
		       NULL;
}

static uint32_t new_buffer(uint64_t bytes, bool imported)
{
	for (uint32_t i = 1; i < FAKE_OBJECTS; i++)
		if (!fake.buffers[i].live) {
			fake.buffers[i] = (struct fake_buffer){
				.live = true,
				.imported = imported,
				.bytes = bytes,
				.place = (uint64_t)i * PLACE_BYTES,
			};
			return i;
		}
	fail_msg("too many buffers");
	return 0;
}

void fake_read(uint32_t handle, void *data, uint64_t bytes)
{
	assert_non_null(buffer(handle));
	assert_int_equal(pread(fake.file, data, bytes, (off_t)buffer(handle)->place), bytes);
}

/* ---- DRM core ---- */

static int do_version(struct drm_version *v)
{
	size_t n = strlen(fake.driver);

	memcpy(v->name, fake.driver, n < v->name_len ? n : v->name_len);
	v->name_len = n;
	return 0;
}

static int do_gem_close(struct drm_gem_close *arg)
{
	struct fake_buffer *b = buffer(arg->handle);

	if (!b)
		return refuse(EINVAL);
	b->live = false;
	return 0;
}

static int do_export(struct drm_syncobj_handle *arg)
{
	assert_int_equal(arg->flags, DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE);
	assert_true(fake.syncobjs[arg->handle]);
	if (!fake.fence[arg->handle])
		return refuse(EINVAL); /* no fence in it */
	arg->fd = eventfd(!fake.pending, EFD_CLOEXEC);
	return 0;
}

static int do_transfer(struct drm_syncobj_transfer *arg)
{
	assert_true(fake.syncobjs[arg->src_handle] && fake.syncobjs[arg->dst_handle]);
	assert_in_range(arg->src_point, 1, fake.point);
	assert_int_equal(arg->dst_point, 0);
	assert_int_equal(arg->flags, 0);
	assert_int_equal(arg->pad, 0);
	fake.fence[arg->dst_handle] = true;
	return 0;
}

static int do_wait(struct drm_syncobj_timeline_wait *arg)
{
	const uint64_t *point = (void *)(uintptr_t)arg->points;

	assert_int_equal(arg->count_handles, 1);
	assert_true(fake.syncobjs[*(uint32_t *)(uintptr_t)arg->handles]);
	assert_in_range(*point, 1, fake.point);
	fake.wait_until = arg->timeout_nsec;
	return fake.pending ? refuse(ETIME) : 0;
}

/* ---- driver ---- */

static int do_query(struct drm_snnq_dev_query *arg)
{
	struct drm_snnq_dev_info info = {
		.hw_version = SNNQ_HW_VERSION,
		.cores = fake.cores,
		.queue_depth = 4,
	};

#define FILL(member, name) info.member = snnq_caps_all.member;
	SNNQ_CAPS(FILL)
#undef FILL
	info.scheme_uniform = FAKE_UNIFORM;
	info.scheme_odd = FAKE_ODD;
	info.scheme_pot = FAKE_POT;
	info.scheme_apot = FAKE_APOT;
	info.scheme_ternary = FAKE_TERNARY;
	assert_int_equal(arg->type, DRM_SNNQ_QUERY_DEV_INFO);
	assert_int_equal(arg->size, sizeof(info));
	memcpy((void *)(uintptr_t)arg->ptr, &info, sizeof(info));
	return 0;
}

static int do_bo_create(struct drm_snnq_bo_create *arg)
{
	if (!arg->size || arg->size > PLACE_BYTES)
		return refuse(ENOMEM);
	arg->handle = new_buffer(arg->size, false);
	arg->mmap_offset = buffer(arg->handle)->place;
	return 0;
}

static int do_sync(struct drm_snnq_bo_sync *arg)
{
	struct fake_buffer *b = buffer(arg->handle);

	if (!b)
		return refuse(ENOENT);
	assert_true(arg->size && arg->offset + arg->size <= b->bytes);
	b->synced |= arg->flags;
	return 0;
}

static int do_model_create(struct drm_snnq_model_create *arg)
{
	struct snnq_diag diag;
	int ret = snnq_program_validate((void *)(uintptr_t)arg->program, arg->size, &snnq_caps_all,
					&fake.info, &diag);

	if (ret)
		return refuse(-ret);
	arg->handle = take(fake.programs);
	return 0;
}

static int do_stream_create(struct drm_snnq_stream_create *arg)
{
	if (!fake.programs[arg->model])
		return refuse(ENOENT);
	if (arg->priority == DRM_SNNQ_PRIORITY_HIGH)
		return refuse(EACCES);
	fake.priority = arg->priority;
	arg->handle = take(fake.streams);
	return 0;
}

static void check_bindings(void)
{
	assert_int_equal(fake.job.bindings.count, fake.info.region_count);
	assert_int_equal(fake.job.bindings.stride, sizeof(struct drm_snnq_binding));
	memcpy(fake.bindings, (void *)(uintptr_t)fake.job.bindings.ptr,
	       fake.info.region_count * sizeof(*fake.bindings));
	for (uint32_t i = 0; i < fake.info.region_count; i++) {
		const struct drm_snnq_binding *b = &fake.bindings[i];

		assert_non_null(buffer(b->handle));
		assert_int_equal(b->flags, 0);
		assert_int_equal(b->offset % 64, 0);
		assert_true(b->offset + b->size <= buffer(b->handle)->bytes);
		assert_true(b->size >= snnq_region_required(&fake.info, i, fake.job.steps));
	}
}

static void signal_syncs(void)
{
	const struct drm_snnq_sync *syncs = (void *)(uintptr_t)fake.job.syncs.ptr;

	for (uint32_t i = 0; i < fake.job.syncs.count; i++) {
		assert_true(fake.syncobjs[syncs[i].handle]);
		assert_true(syncs[i].flags & DRM_SNNQ_SYNC_SIGNAL);
		assert_true(syncs[i].flags & DRM_SNNQ_SYNC_TIMELINE);
		assert_true(syncs[i].point > fake.point);
		fake.point = syncs[i].point;
	}
}

/* How the job ended, unless the device is gone before. */
static void write_record(void)
{
	const struct fake_buffer *b = buffer(fake.job.result_handle);
	struct drm_snnq_result r = {
		.seq = (uint64_t)fake.submits + 1,
		.error = fake.job_error,
		.layer = SNNQ_LAYER_NONE,
		.region = SNNQ_REGION_NONE,
		.steps = fake.job.steps,
		.cycles = FAKE_CYCLES,
		.start_ns = 1,
		.end_ns = INT64_MAX,
	};

	assert_non_null(b);
	assert_int_equal(fake.job.result_size, sizeof(r));
	assert_int_equal(fake.job.result_offset % 64, 0);
	assert_true(fake.job.result_offset + sizeof(r) <= b->bytes);
	if (fake.job_error == -EFAULT) {
		r.status = SNNQ_STATUS_ACCESS;
		r.layer = 2;
		r.region = 4;
		r.offset = 4096;
	} else if (fake.job_error) {
		r.status = SNNQ_STATUS_WATCHDOG;
	}
	if (!fake.removed)
		assert_int_equal(pwrite(fake.file, &r, sizeof(r),
					(off_t)(b->place + fake.job.result_offset)),
				 sizeof(r));
}

static void write_results(void)
{
	write_record();
	for (uint32_t i = 0; i < fake.info.region_count; i++)
		if (fake.info.regions[i].role == SNNQ_ROLE_READOUT)
			assert_true(pwrite(fake.file, fake.scores, fake.info.regions[i].bytes,
					   (off_t)buffer(fake.bindings[i].handle)->place) > 0);
}

static int do_submit(struct drm_snnq_submit *arg)
{
	assert_int_equal(arg->jobs.count, 1);
	assert_int_equal(arg->jobs.stride, sizeof(fake.job));
	memcpy(&fake.job, (void *)(uintptr_t)arg->jobs.ptr, sizeof(fake.job));
	assert_true(fake.streams[fake.job.stream]);
	if (fake.failed_stream && !(fake.job.flags & DRM_SNNQ_JOB_RESET))
		return refuse(ECANCELED);
	if (fake.job.profile_handle) {
		assert_non_null(buffer(fake.job.profile_handle));
		assert_int_equal(fake.job.profile_stride, sizeof(struct snnq_layer_stats));
		assert_int_equal(fake.job.profile_size,
				 fake.info.layer_count * sizeof(struct snnq_layer_stats));
	}
	check_bindings();
	signal_syncs();
	write_results();
	fake.failed_stream = fake.job_error != 0;
	fake.submits++;
	return 0;
}

static int do_prime_import(struct drm_prime_handle *arg)
{
	arg->handle = new_buffer(8192, true);
	return 0;
}

static int do_prime_export(struct drm_prime_handle *arg)
{
	if (!buffer(arg->handle))
		return refuse(ENOENT);
	arg->fd = eventfd(0, EFD_CLOEXEC);
	return 0;
}

static int do_bo_info(struct drm_snnq_bo_info *arg)
{
	if (arg->flags || arg->pad)
		return refuse(EINVAL);
	arg->size = buffer(arg->handle)->bytes;
	arg->bo_flags = DRM_SNNQ_BO_IMPORTED;
	return 0;
}

static int do_objects(unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_SYNCOBJ_CREATE: {
		struct drm_syncobj_create *c = arg;

		if (!memchr(fake.syncobjs, true, sizeof(fake.syncobjs)))
			fake.point = 0; /* a stream of its own */
		c->handle = take(fake.syncobjs);
		fake.fence[c->handle] = false;
		return 0;
	}
	case DRM_IOCTL_SYNCOBJ_DESTROY:
		return give(fake.syncobjs, ((struct drm_syncobj_destroy *)arg)->handle);
	case DRM_IOCTL_SNNQ_MODEL_DESTROY:
		return give(fake.programs, ((struct drm_snnq_model_destroy *)arg)->handle);
	case DRM_IOCTL_SNNQ_STREAM_DESTROY:
		return give(fake.streams, ((struct drm_snnq_stream_destroy *)arg)->handle);
	default:
		fail_msg("unknown ioctl %#lx", request);
		return -1;
	}
}

static int answer(unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_VERSION:
		return do_version(arg);
	case DRM_IOCTL_GEM_CLOSE:
		return do_gem_close(arg);
	case DRM_IOCTL_PRIME_FD_TO_HANDLE:
		return do_prime_import(arg);
	case DRM_IOCTL_PRIME_HANDLE_TO_FD:
		return do_prime_export(arg);
	case DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD:
		return do_export(arg);
	case DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT:
		return do_wait(arg);
	case DRM_IOCTL_SYNCOBJ_TRANSFER:
		return do_transfer(arg);
	case DRM_IOCTL_SNNQ_DEV_QUERY:
		return do_query(arg);
	case DRM_IOCTL_SNNQ_BO_CREATE:
		return do_bo_create(arg);
	case DRM_IOCTL_SNNQ_BO_SYNC:
		return do_sync(arg);
	case DRM_IOCTL_SNNQ_BO_INFO:
		return do_bo_info(arg);
	case DRM_IOCTL_SNNQ_MODEL_CREATE:
		return do_model_create(arg);
	case DRM_IOCTL_SNNQ_STREAM_CREATE:
		return do_stream_create(arg);
	case DRM_IOCTL_SNNQ_SUBMIT:
		return do_submit(arg);
	default:
		return do_objects(request, arg);
	}
}

/* What frees something does so even when it reports an error. */
static bool frees(unsigned long request)
{
	return request == DRM_IOCTL_GEM_CLOSE || request == DRM_IOCTL_SYNCOBJ_DESTROY ||
	       request == DRM_IOCTL_SNNQ_MODEL_DESTROY || request == DRM_IOCTL_SNNQ_STREAM_DESTROY;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	if (fake.calls++ == fake.fail_at) {
		fake.failed = request;
		if (frees(request))
			answer(request, arg);
		return refuse(fake.fail_errno);
	}
	return answer(request, arg);
}

void fake_start(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.driver = SNNQ_DRIVER_NAME;
	fake.fail_at = -1;
	fake.cores = 2;
	strcpy(fake.path, "/tmp/snnq-node-XXXXXX");
	fake.file = mkstemp(fake.path);
	assert_true(fake.file >= 0);
	assert_int_equal(ftruncate(fake.file, (off_t)FAKE_OBJECTS * PLACE_BYTES), 0);
	if (!real_ioctl)
		real_ioctl = drm_ioctl_hook;
	drm_ioctl_hook = fake_ioctl;
}

void fake_expect_nothing_alive(void)
{
	for (uint32_t i = 0; i < FAKE_OBJECTS; i++)
		if (fake.buffers[i].live || fake.programs[i] || fake.streams[i] || fake.syncobjs[i])
			fail_msg("object %u is still alive (buffer %d, program %d, stream %d, "
				 "syncobj %d) after call %d (%#lx) failed",
				 i, fake.buffers[i].live, fake.programs[i], fake.streams[i],
				 fake.syncobjs[i], fake.fail_at, fake.failed);
}

void fake_stop(void)
{
	drm_ioctl_hook = real_ioctl;
	close(fake.file);
	unlink(fake.path);
}
