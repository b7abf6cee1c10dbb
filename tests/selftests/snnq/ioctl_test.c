// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl contract: each field wrong alone, padding, sizes, handles of others.
 * Catches: unread "must be zero" fields, wrapped sizes, copies past the user's
 * buffer, handles looked up in the wrong table or file.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snnq_harness.h"
#include "snnq_test.h"

FIXTURE(ioctl)
{
	int fd;
	struct test_net net;
	uint32_t stream, syncobj;
};

FIXTURE_SETUP(ioctl)
{
	self->fd = snnq_test_open();
	if (self->fd < 0)
		SKIP(return, "no snnq device");
	ASSERT_EQ(0, net_create(self->fd, 64, 1, &self->net));
	ASSERT_EQ(0, stream_create(self->fd, self->net.model, &self->stream));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(ioctl)
{
	if (self->fd >= 0) {
		net_destroy(&self->net);
		close(self->fd);
	}
}

TEST_F(ioctl, query_tells_its_size_and_zeroes_the_rest)
{
	struct {
		struct drm_snnq_dev_info info;
		uint8_t tail[64];
	} big;
	struct drm_snnq_dev_query q = { .type = DRM_SNNQ_QUERY_DEV_INFO };
	uint32_t cores = 0x5a5a5a5a;

	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q));
	EXPECT_EQ(sizeof(big.info), q.size);
	memset(&big, 0xa5, sizeof(big));
	q = (struct drm_snnq_dev_query){ .size = sizeof(big), .ptr = (uintptr_t)&big };
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q));
	EXPECT_EQ(sizeof(big.info), q.size);
	for (size_t i = 0; i < sizeof(big.tail); i++)
		EXPECT_EQ(0, big.tail[i]);
	EXPECT_GE(big.info.cores, 1);
	EXPECT_LE(big.info.cores, SNNQ_MAX_CORES);
	EXPECT_LT(0, big.info.limit_ms);
	EXPECT_LT(0, big.info.timeout_ms);
	EXPECT_EQ(page_bytes(), big.info.page_bytes);
	EXPECT_LT(0, big.info.max_models);
	EXPECT_LT(0, big.info.max_streams);
	EXPECT_LE(big.info.max_queued_stream, big.info.max_queued_file);
	EXPECT_LE(SNNQ_MAX_JOBS_PER_SUBMIT, big.info.max_jobs);
	EXPECT_LE(SNNQ_MAX_SYNCS_PER_JOB, big.info.max_syncs);
	EXPECT_EQ(0, big.info.flags & ~DRM_SNNQ_DEV_COHERENT);
	EXPECT_NE(0, big.info.neurons & 1u << SNNQ_NEURON_LIF);
	EXPECT_LT(0, big.info.max_tile_steps);
	EXPECT_LE(big.info.max_tile_steps, SNNQ_MAX_TILE_STEPS);
	EXPECT_NE(0, big.info.ops & (1ull << SNNQ_OP_LINEAR));
	/* a short buffer gets the first fields only */
	q = (struct drm_snnq_dev_query){ .size = 4, .ptr = (uintptr_t)&cores };
	ASSERT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q));
	EXPECT_EQ(big.info.hw_version, cores);
}

TEST_F(ioctl, query_refuses)
{
	struct drm_snnq_dev_query q = { .type = 77 };

	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q));
	q = (struct drm_snnq_dev_query){ .size = 8, .ptr = 8 };
	EXPECT_EQ(-EFAULT, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q));
}

TEST_F(ioctl, bo_create_refuses)
{
	struct drm_snnq_bo_create c = { .size = 0 };

	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_CREATE, &c));
	c = (struct drm_snnq_bo_create){ .size = 4096, .flags = 1u << 31 };
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_CREATE, &c));
	c = (struct drm_snnq_bo_create){ .size = UINT64_MAX };
	EXPECT_EQ(-ENOMEM, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_CREATE, &c));
	c = (struct drm_snnq_bo_create){ .size = UINT64_MAX - 4095 };
	EXPECT_EQ(-ENOMEM, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_CREATE, &c));
}

TEST_F(ioctl, bo_sync_refuses)
{
	struct drm_snnq_bo_sync good = {
		.handle = self->net.weights.handle, .flags = DRM_SNNQ_BO_SYNC_FOR_CPU,
		.size = 4096,
	}, s = good;

	EXPECT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_SYNC, &s));
	s = good;
	s.handle = 0;
	EXPECT_EQ(-ENOENT, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_SYNC, &s));
	s = good;
	s.flags = 0;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_SYNC, &s));
	s.flags = 1u << 5;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_SYNC, &s));
	s = good;
	s.size = 0;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_SYNC, &s));
	s = good;
	s.offset = UINT64_MAX - 100;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_SYNC, &s));
	s = good;
	s.size = self->net.weights.size + 1;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_BO_SYNC, &s));
}

TEST_F(ioctl, model_create_explains_what_is_wrong)
{
	struct test_program p;
	struct drm_snnq_model_create m = {};

	program_fill(&p, 16);
	p.layer[1].param = 9;
	m.program = (uintptr_t)&p;
	m.size = p.header.total_bytes;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_CREATE, &m));
	EXPECT_EQ(1U, m.error_layer);
	EXPECT_NE(0U, m.error_code);
	EXPECT_EQ(0, m.handle);
}

TEST_F(ioctl, model_create_refuses)
{
	struct test_program p;
	struct drm_snnq_model_create good = {}, m;

	program_fill(&p, 16);
	good.program = (uintptr_t)&p;
	good.size = p.header.total_bytes;
	m = good;
	m.flags = 1;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_CREATE, &m));
	m = good;
	m.reserved = 1;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_CREATE, &m));
	m = good;
	m.program = 16;
	EXPECT_EQ(-EFAULT, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_CREATE, &m));
	m = good;
	m.size = 0;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_CREATE, &m));
	m = good;
	m.size = 0xffffffff;
	EXPECT_EQ(-E2BIG, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_CREATE, &m));
	m = good;
	m.size -= 4;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_CREATE, &m));
}

/* Any byte of the program set to another value is accepted or refused, never more. */
TEST_F_TIMEOUT(ioctl, model_create_survives_any_changed_byte, 300)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct test_program good, p;

	program_fill(&good, 16);
	for (uint32_t i = 0; i < good.header.total_bytes; i++)
		for (size_t v = 0; v < sizeof(values); v++) {
			struct drm_snnq_model_destroy d = {};
			uint32_t handle;
			int ret;

			p = good;
			((uint8_t *)&p)[i] = values[v];
			ret = model_create(self->fd, &p, good.header.total_bytes, &handle);
			ASSERT_TRUE(ret == 0 || ret == -EINVAL || ret == -EOPNOTSUPP ||
				    ret == -EOVERFLOW || ret == -E2BIG);
			d.handle = handle;
			if (!ret)
				ASSERT_EQ(0,
					  snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_DESTROY, &d));
		}
}

TEST_F(ioctl, argument_at_the_end_of_a_mapping)
{
	struct drm_snnq_model_create *m;
	uint64_t bytes = page_bytes();
	char *page =
		mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + bytes, bytes));
	m = (void *)(page + bytes - sizeof(*m));
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_CREATE, m));
	m = (void *)(page + bytes - sizeof(*m) + 8);
	EXPECT_EQ(-EFAULT, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_MODEL_CREATE, m));
	munmap(page, bytes);
}

TEST_F(ioctl, streams_refuse)
{
	struct drm_snnq_stream_create good = {
		.model = self->net.model, .priority = DRM_SNNQ_PRIORITY_NORMAL,
	}, c = good;
	struct drm_snnq_stream_destroy d = { .handle = self->stream, .pad = 1 };
	struct drm_snnq_stream_query q = { .handle = self->stream, .flags = 1 };
	struct drm_snnq_stream_reset r = { .handle = self->stream, .flags = 1 };

	c.model = 4711;
	EXPECT_EQ(-ENOENT, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_CREATE, &c));
	c = good;
	c.priority = 3;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_CREATE, &c));
	c = good;
	c.flags = 1;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_CREATE, &c));
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &d));
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_QUERY, &q));
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_RESET, &r));
	EXPECT_EQ(-ENOENT, stream_reset(self->fd, 0));
	EXPECT_EQ(-ENOENT, stream_reset(self->fd, 0xffffffff));
	d.pad = 0;
	EXPECT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &d));
	EXPECT_EQ(-ENOENT, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &d));
}

TEST_F(ioctl, handles_of_another_file_are_unknown)
{
	struct test_job j;
	struct drm_snnq_stream_create c = {
		.model = self->net.model,
		.priority = DRM_SNNQ_PRIORITY_NORMAL,
	};
	int other = snnq_test_open();

	ASSERT_GE(other, 0);
	EXPECT_EQ(-ENOENT, snnq_ioctl(other, DRM_IOCTL_SNNQ_STREAM_CREATE, &c));
	EXPECT_EQ(-ENOENT, stream_reset(other, self->stream));
	job_fill(&j, &self->net, self->stream, 0, 1, self->syncobj, 1);
	EXPECT_EQ(-ENOENT, submit(other, &j.job, 1, NULL));
	close(other);
}

struct submit_case {
	const char *what;
	void (*spoil)(struct test_job *j);
	int error;
};

#define SPOIL(name, statement)               \
	static void name(struct test_job *j) \
	{                                    \
		statement;                   \
	}
SPOIL(bad_stream, j->job.stream = 99)
SPOIL(no_steps, j->job.steps = 0)
SPOIL(many_steps, j->job.steps = MAX_TEST_STEPS + 1)
SPOIL(bad_flags, j->job.flags = 1u << 30)
SPOIL(stray_profile_offset, j->job.profile_offset = 64)
SPOIL(stray_profile_size, j->job.profile_size = 256)
SPOIL(stray_profile_stride, j->job.profile_stride = 128)
SPOIL(bad_profile, job_profile(&j->job, 12345, 0, 128))
SPOIL(no_profile_stride, job_profile(&j->job, j->binding[2].handle, 0, 0))
SPOIL(short_profile_stride, job_profile(&j->job, j->binding[2].handle, 0, 120))
SPOIL(odd_profile_stride, job_profile(&j->job, j->binding[2].handle, 0, 132))
SPOIL(long_profile_stride, job_profile(&j->job, j->binding[0].handle, 0, 4104))
SPOIL(odd_profile_offset, job_profile(&j->job, j->binding[2].handle, 32, 128))
SPOIL(profile_wraps, job_profile(&j->job, j->binding[2].handle, UINT64_MAX - 63, 128))
SPOIL(profile_beyond_bo, job_profile(&j->job, j->binding[2].handle, page_bytes() - 192, 128))
SPOIL(small_profile, (job_profile(&j->job, j->binding[2].handle, 0, 128), j->job.profile_size--))
SPOIL(stray_result_offset, j->job.result_offset = 64)
SPOIL(stray_result_size, j->job.result_size = 64)
SPOIL(bad_result, job_result(&j->job, 12345, 0))
SPOIL(odd_result_offset, job_result(&j->job, j->binding[2].handle, 32))
SPOIL(result_wraps, job_result(&j->job, j->binding[2].handle, UINT64_MAX - 63))
SPOIL(result_beyond_bo, job_result(&j->job, j->binding[2].handle, page_bytes()))
SPOIL(small_result, (job_result(&j->job, j->binding[2].handle, 0), j->job.result_size = 56))
SPOIL(few_bindings, j->job.bindings.count = 2)
SPOIL(no_bindings, j->job.bindings.count = 0)
SPOIL(short_stride, j->job.bindings.stride = 8)
SPOIL(long_stride, j->job.bindings.stride = 8192)
SPOIL(bad_bindings_pointer, j->job.bindings.ptr = 64)
SPOIL(many_syncs, j->job.syncs.count = SNNQ_MAX_SYNCS_PER_JOB + 1)
SPOIL(huge_syncs, j->job.syncs.count = 0xffffffff)
SPOIL(bad_bo, j->binding[0].handle = 9999)
SPOIL(zero_bo, j->binding[1].handle = 0)
SPOIL(binding_flags, j->binding[2].flags = 1)
SPOIL(odd_offset, j->binding[1].offset = 4)
SPOIL(offset_wraps, j->binding[1].offset = UINT64_MAX - 63)
SPOIL(size_wraps, j->binding[1].size = UINT64_MAX)
SPOIL(beyond_bo, j->binding[0].size += page_bytes())
SPOIL(too_small, j->binding[0].size = WEIGHT_BYTES - 1)
SPOIL(bad_syncobj, j->sync[0].handle = 4242)
SPOIL(sync_flags, j->sync[0].flags |= 1u << 9)
SPOIL(sync_both, j->sync[0].flags |= DRM_SNNQ_SYNC_WAIT)
SPOIL(sync_neither, j->sync[0].flags = DRM_SNNQ_SYNC_TIMELINE)
SPOIL(timeline_zero, j->sync[0].point = 0)
SPOIL(binary_point, j->sync[0].flags = DRM_SNNQ_SYNC_SIGNAL)

static const struct submit_case submit_cases[] = {
	{ "stream", bad_stream, -ENOENT },
	{ "no steps", no_steps, -EINVAL },
	{ "many steps", many_steps, -EINVAL },
	{ "flags", bad_flags, -EINVAL },
	{ "profile offset without buffer", stray_profile_offset, -EINVAL },
	{ "profile size without buffer", stray_profile_size, -EINVAL },
	{ "profile stride without buffer", stray_profile_stride, -EINVAL },
	{ "profile handle", bad_profile, -ENOENT },
	{ "no profile stride", no_profile_stride, -EINVAL },
	{ "short profile stride", short_profile_stride, -EINVAL },
	{ "odd profile stride", odd_profile_stride, -EINVAL },
	{ "long profile stride", long_profile_stride, -EINVAL },
	{ "odd profile offset", odd_profile_offset, -EINVAL },
	{ "profile offset wraps", profile_wraps, -EINVAL },
	{ "profile beyond BO", profile_beyond_bo, -EINVAL },
	{ "small profile", small_profile, -EOVERFLOW },
	{ "result offset without buffer", stray_result_offset, -EINVAL },
	{ "result size without buffer", stray_result_size, -EINVAL },
	{ "result handle", bad_result, -ENOENT },
	{ "odd result offset", odd_result_offset, -EINVAL },
	{ "result offset wraps", result_wraps, -EINVAL },
	{ "result beyond BO", result_beyond_bo, -EINVAL },
	{ "small result", small_result, -EINVAL },
	{ "few bindings", few_bindings, -EINVAL },
	{ "no bindings", no_bindings, -EINVAL },
	{ "short stride", short_stride, -EINVAL },
	{ "long stride", long_stride, -EINVAL },
	{ "bindings pointer", bad_bindings_pointer, -EFAULT },
	{ "many syncs", many_syncs, -E2BIG },
	{ "huge syncs", huge_syncs, -E2BIG },
	{ "BO", bad_bo, -ENOENT },
	{ "BO 0", zero_bo, -ENOENT },
	{ "binding flags", binding_flags, -EINVAL },
	{ "odd offset", odd_offset, -EINVAL },
	{ "offset wraps", offset_wraps, -EINVAL },
	{ "size wraps", size_wraps, -EINVAL },
	{ "beyond BO", beyond_bo, -EINVAL },
	{ "too small", too_small, -EOVERFLOW },
	{ "syncobj", bad_syncobj, -ENOENT },
	{ "sync flags", sync_flags, -EINVAL },
	{ "sync both", sync_both, -EINVAL },
	{ "sync neither", sync_neither, -EINVAL },
	{ "timeline point 0", timeline_zero, -EINVAL },
	{ "binary with point", binary_point, -EINVAL },
};

TEST_F(ioctl, submit_refuses_each_field_and_queues_nothing)
{
	struct drm_snnq_stream_query q;

	for (size_t i = 0; i < sizeof(submit_cases) / sizeof(*submit_cases); i++) {
		struct test_job j[2];
		struct drm_snnq_job jobs[2];
		uint32_t failed = 0;

		job_fill(&j[0], &self->net, self->stream, 0, 1, self->syncobj, 1);
		job_fill(&j[1], &self->net, self->stream, 0, 8, self->syncobj, 2);
		submit_cases[i].spoil(&j[1]);
		jobs[0] = j[0].job;
		jobs[1] = j[1].job;
		EXPECT_EQ(submit_cases[i].error, submit(self->fd, jobs, 2, &failed))
		TH_LOG("case: %s", submit_cases[i].what);
		EXPECT_EQ(1, failed) TH_LOG("case: %s", submit_cases[i].what);
	}
	ASSERT_EQ(0, stream_query(self->fd, self->stream, &q));
	EXPECT_EQ(0, q.queued);
	EXPECT_EQ(0, q.steps);
}

TEST_F(ioctl, submit_array_refuses)
{
	struct test_job j;
	struct drm_snnq_submit good, s;

	job_fill(&j, &self->net, self->stream, 0, 1, self->syncobj, 1);
	good = (struct drm_snnq_submit){
		.jobs = { (uintptr_t)&j.job, 1, sizeof(j.job) },
	};
	s = good;
	s.jobs.count = 0;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_SUBMIT, &s));
	s = good;
	s.jobs.count = dev_info(self->fd).max_jobs + 1;
	EXPECT_EQ(-E2BIG, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_SUBMIT, &s));
	s = good;
	s.jobs.count = 0xffffffff;
	EXPECT_EQ(-E2BIG, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_SUBMIT, &s));
	s = good;
	s.jobs.stride = sizeof(j.job) - 8;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_SUBMIT, &s));
	s = good;
	s.jobs.ptr = 4096;
	EXPECT_EQ(-EFAULT, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_SUBMIT, &s));
	s = good;
	s.flags = 1;
	EXPECT_EQ(-EINVAL, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_SUBMIT, &s));
}

/* A longer element is taken when its tail is zero. */
TEST_F(ioctl, submit_element_tail)
{
	struct {
		struct drm_snnq_job job;
		uint64_t tail;
	} longer;
	struct test_job j;
	struct drm_snnq_submit s;

	job_fill(&j, &self->net, self->stream, 0, 4, self->syncobj, 1);
	longer.job = j.job;
	longer.tail = 1;
	s = (struct drm_snnq_submit){ .jobs = { (uintptr_t)&longer, 1, sizeof(longer) } };
	EXPECT_EQ(-E2BIG, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_SUBMIT, &s));
	longer.tail = 0;
	s = (struct drm_snnq_submit){ .jobs = { (uintptr_t)&longer, 1, sizeof(longer) } };
	EXPECT_EQ(0, snnq_ioctl(self->fd, DRM_IOCTL_SNNQ_SUBMIT, &s));
	EXPECT_EQ(0, timeline_wait(self->fd, self->syncobj, 1, 10000));
}

TEST_F(ioctl, read_only_buffer_is_not_written)
{
	struct test_bo ro;
	struct test_job j;

	ASSERT_EQ(0, bo_create(self->fd, 4096, DRM_SNNQ_BO_DEVICE_READONLY, &ro));
	job_fill(&j, &self->net, self->stream, 0, 1, self->syncobj, 1);
	j.binding[2].handle = ro.handle;
	EXPECT_EQ(-EACCES, submit(self->fd, &j.job, 1, NULL));
	job_fill(&j, &self->net, self->stream, 0, 1, self->syncobj, 1);
	job_profile(&j.job, ro.handle, 0, sizeof(struct snnq_layer_stats));
	EXPECT_EQ(-EACCES, submit(self->fd, &j.job, 1, NULL));
	job_fill(&j, &self->net, self->stream, 0, 1, self->syncobj, 1);
	job_result(&j.job, ro.handle, 0);
	EXPECT_EQ(-EACCES, submit(self->fd, &j.job, 1, NULL));
	bo_destroy(&ro);
}

TEST_HARNESS_MAIN
