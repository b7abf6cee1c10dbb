// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_drm.c - the drm backend against a scripted kernel: what it sends,
 * how it tells errors apart, and that no call can fail without everything made
 * before it being freed.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "models.h"

#define PROFILED SNNQ_OPTS(struct snnq_stream_opts, .priority = SNNQ_PRIO_LOW, .profile = true)

static const char *model_path;

static void must(int ret)
{
	if (ret < 0)
		fail_msg("%s (%d)", snnq_last_error(NULL), ret);
}

static int start(void **state)
{
	(void)state;
	fake_start();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fake_expect_nothing_alive();
	fake_stop();
	return 0;
}

struct session {
	struct snnq_device *dev;
	struct snnq_model *model;
	struct snnq_stream *stream;
	struct snnq_tensor_buf *input;
};

static void session_open(struct session *s)
{
	must(snnq_open(fake.path, NULL, &s->dev));
	must(snnq_model_load(s->dev, model_path, NULL, &s->model));
	must(snnq_stream_create(s->model, NULL, &s->stream));
	must(snnq_tensor_alloc(s->dev, 8 * snnq_stream_input_bytes(s->stream), &s->input));
}

static void session_close(struct session *s)
{
	snnq_tensor_free(s->input);
	snnq_stream_destroy(s->stream);
	snnq_model_destroy(s->model);
	snnq_close(s->dev);
}

static void test_open(void **state)
{
	struct snnq_device_info info;
	struct snnq_device *dev;

	(void)state;
	must(snnq_open(fake.path, NULL, &dev));
	must(snnq_device_info(dev, &info));
	assert_string_equal(info.name, fake.path);
	assert_string_equal(info.driver, "snnq");
	assert_int_equal(info.cores, 2);
	assert_int_equal(info.queue_depth, 4);
	assert_int_equal(info.scheme_uniform, FAKE_UNIFORM);
	assert_int_equal(info.scheme_odd, FAKE_ODD);
	assert_int_equal(info.scheme_pot, FAKE_POT);
	assert_int_equal(info.scheme_apot, FAKE_APOT);
	assert_int_equal(info.scheme_ternary, FAKE_TERNARY);
#define OTHERS(member, name)                \
	if (strncmp(#member, "scheme_", 7)) \
		assert_int_equal(info.member, snnq_caps_all.member);
	SNNQ_CAPS(OTHERS)
#undef OTHERS
	snnq_close(dev);
}

/* The name decides, whole: neither a prefix nor a longer name is ours. /dev/null is opened alone. */
static void test_other_drivers(void **state)
{
	static const char *const names[] = { "i915", "snn", "snnq2", "snnq-something-very-long" };
	struct snnq_device *dev;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		fake.driver = names[i];
		assert_int_equal(snnq_open("/dev/null", NULL, &dev), -ENODEV);
		assert_non_null(strstr(snnq_last_error(NULL), "another driver's node"));
		assert_int_equal(snnq_open(fake.path, NULL, &dev), -ENODEV);
		assert_non_null(strstr(snnq_last_error(NULL), "is a regular file"));
	}
}

/* Weights reach the device as the file has them, and are flushed to it. */
static void test_weights(void **state)
{
	struct modelfile *file;
	struct session s;
	uint8_t image[72];
	bool found = false;

	(void)state;
	session_open(&s);
	must(modelfile_open(model_path, &file));
	for (uint32_t i = 1; i < FAKE_OBJECTS; i++)
		if (fake.buffers[i].live && fake.buffers[i].bytes == sizeof(image)) {
			found = true;
			assert_true(fake.buffers[i].synced & DRM_SNNQ_BO_SYNC_FOR_DEVICE);
			fake_read(i, image, sizeof(image));
		}
	assert_true(found);
	assert_memory_equal(image, modelfile_find(file, "conv1.weight")->data, 36);
	assert_memory_equal(image + 64, modelfile_find(file, "head.weight")->data, 8);
	modelfile_free(file);
	session_close(&s);
}

static void test_submit(void **state)
{
	struct snnq_result r;
	struct snnq_job *job;
	struct session s;
	uint32_t syncobj;
	uint64_t point;

	(void)state;
	session_open(&s);
	assert_int_equal(fake.priority, DRM_SNNQ_PRIORITY_NORMAL);
	for (uint32_t i = 1; i <= 3; i++) {
		fake.scores[0] = -5;
		fake.scores[1] = (int32_t)i;
		must(snnq_stream_submit(s.stream, s.input, i, &job));
		assert_int_equal(fake.job.steps, i);
		assert_int_equal(fake.job.flags, 0);
		assert_int_equal(fake.job.profile_handle, 0);
		assert_int_equal(fake.bindings[1].size, 128 * i);
		must(snnq_job_timeline(job, &syncobj, &point));
		assert_int_equal(point, i);
		must(snnq_job_wait(job, -1, &r));
		assert_int_equal(fake.wait_until, INT64_MAX);
		assert_int_equal(r.scores[0], -5);
		assert_int_equal(r.scores[1], i);
		assert_int_equal(r.class_index, 1);
		assert_string_equal(r.class_name, "no");
		assert_int_equal(r.cycles, FAKE_CYCLES);
		assert_true(r.latency_ns > INT64_MAX / 2); /* by the record */
		snnq_job_free(job);
	}
	must(snnq_stream_reset(s.stream));
	must(snnq_stream_submit(s.stream, s.input, 1, &job));
	assert_int_equal(fake.job.flags, DRM_SNNQ_JOB_RESET);
	snnq_job_free(job);
	session_close(&s);
}

static void test_push_resets(void **state)
{
	struct snnq_event e[2] = { { .t = 0 }, { .t = 8000 } };
	struct snnq_events *events;
	struct snnq_result r;
	struct session s;

	(void)state;
	session_open(&s);
	must(snnq_events_from_array(e, 2, &events));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(snnq_stream_push_events(s.stream, events, &r), 1);
		assert_int_equal(fake.job.flags, DRM_SNNQ_JOB_RESET);
		assert_int_equal(fake.job.steps, 8);
		assert_true(fake.buffers[fake.bindings[1].handle].synced &
			    DRM_SNNQ_BO_SYNC_FOR_DEVICE);
	}
	assert_int_equal(snnq_stream_push_events(s.stream, events, &r), 0);
	assert_int_equal(fake.submits, 2);
	snnq_events_close(events);
	session_close(&s);
}

static void test_timeout(void **state)
{
	struct pollfd p = { .events = POLLIN };
	struct snnq_job *job;
	struct session s;

	(void)state;
	session_open(&s);
	fake.pending = true;
	must(snnq_stream_submit(s.stream, s.input, 1, &job));
	assert_int_equal(snnq_job_wait(job, 1000, NULL), -ETIME);
	assert_true(fake.wait_until > 0 && fake.wait_until < INT64_MAX);
	p.fd = snnq_job_fd(job);
	must(p.fd);
	assert_int_equal(poll(&p, 1, 0), 0);
	close(p.fd);
	fake.pending = false;
	must(snnq_job_wait(job, 0, NULL));
	p.fd = snnq_job_fd(job);
	assert_int_equal(poll(&p, 1, 0), 1);
	close(p.fd);
	snnq_job_free(job);
	session_close(&s);
}

/* A job that failed says where; the stream works again after a reset. */
static void test_job_fails(void **state)
{
	struct snnq_job *job;
	struct session s;

	(void)state;
	session_open(&s);
	fake.job_error = -EFAULT;
	must(snnq_stream_submit(s.stream, s.input, 1, &job));
	assert_int_equal(snnq_job_wait(job, -1, NULL), -EFAULT);
	assert_non_null(strstr(snnq_last_error(s.dev), "Bad address"));
	assert_non_null(strstr(snnq_last_error(s.dev), "layer 2"));
	assert_non_null(strstr(snnq_last_error(s.dev), "offset 4096"));
	assert_int_equal(snnq_job_wait(job, -1, NULL), -EFAULT);
	snnq_job_free(job);
	fake.job_error = 0;
	assert_int_equal(snnq_stream_submit(s.stream, s.input, 1, &job), -ECANCELED);
	must(snnq_stream_reset(s.stream));
	must(snnq_stream_submit(s.stream, s.input, 1, &job));
	must(snnq_job_wait(job, -1, NULL));
	snnq_job_free(job);
	session_close(&s);
}

/* What is wrong with a job stays wrong, though the stream was reset since. */
static void test_failure_survives_reset(void **state)
{
	struct snnq_job *bad, *good;
	struct session s;

	(void)state;
	session_open(&s);
	fake.job_error = -EFAULT;
	must(snnq_stream_submit(s.stream, s.input, 1, &bad));
	fake.job_error = 0;
	must(snnq_stream_reset(s.stream));
	must(snnq_stream_submit(s.stream, s.input, 1, &good));
	assert_false(fake.failed_stream);
	assert_int_equal(snnq_job_wait(good, -1, NULL), 0);
	assert_int_equal(snnq_job_wait(bad, -1, NULL), -EFAULT);
	snnq_job_free(bad);
	snnq_job_free(good);
	session_close(&s);
}

/* A job that hung is not a wait that was too short. */
static void test_hang(void **state)
{
	struct snnq_job *job;
	struct session s;

	(void)state;
	session_open(&s);
	fake.job_error = -ETIME;
	must(snnq_stream_submit(s.stream, s.input, 1, &job));
	assert_int_equal(snnq_job_wait(job, -1, NULL), -EIO);
	assert_non_null(strstr(snnq_last_error(s.dev), "Timer expired"));
	assert_null(strstr(snnq_last_error(s.dev), "layer")); /* none is to blame */
	snnq_job_free(job);
	session_close(&s);
}

/* The device is gone, and with it what it would have noted. */
static void test_no_record(void **state)
{
	struct snnq_job *job;
	struct session s;

	(void)state;
	session_open(&s);
	fake.removed = true;
	must(snnq_stream_submit(s.stream, s.input, 1, &job));
	assert_int_equal(snnq_job_wait(job, -1, NULL), -ENODEV);
	assert_non_null(strstr(snnq_last_error(s.dev), "removed"));
	snnq_job_free(job);
	session_close(&s);
}

static void test_profile_buffer(void **state)
{
	struct snnq_stream *stream;
	struct snnq_job *job;
	struct session s;

	(void)state;
	session_open(&s);
	must(snnq_stream_create(s.model, PROFILED, &stream));
	assert_int_equal(fake.priority, DRM_SNNQ_PRIORITY_LOW);
	must(snnq_stream_submit(stream, s.input, 2, &job));
	assert_int_equal(fake.buffers[fake.job.profile_handle].bytes,
			 fake.info.layer_count * sizeof(struct snnq_layer_stats));
	snnq_job_free(job);
	snnq_stream_destroy(stream);
	session_close(&s);
}

/* Options that say nothing of the priority mean the usual one. */
static void test_priorities(void **state)
{
	static const struct {
		struct snnq_stream_opts opts;
		uint32_t priority;
	} cases[] = {
		{ { .size = sizeof(struct snnq_stream_opts) }, DRM_SNNQ_PRIORITY_NORMAL },
		{ { .size = sizeof(struct snnq_stream_opts), .priority = SNNQ_PRIO_NORMAL },
		  DRM_SNNQ_PRIORITY_NORMAL },
		{ { .size = sizeof(struct snnq_stream_opts), .priority = SNNQ_PRIO_LOW },
		  DRM_SNNQ_PRIORITY_LOW },
	};
	const struct drm_snnq_stream_create zeroed = { 0 };
	struct snnq_stream *stream;
	struct session s;

	(void)state;
	session_open(&s);
	assert_int_equal(zeroed.priority, DRM_SNNQ_PRIORITY_NORMAL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		must(snnq_stream_create(s.model, &cases[i].opts, &stream));
		assert_int_equal(fake.priority, cases[i].priority);
		snnq_stream_destroy(stream);
	}
	assert_int_equal(snnq_stream_create(s.model,
					    SNNQ_OPTS(struct snnq_stream_opts,
						      .priority = SNNQ_PRIO_HIGH + 1),
					    &stream),
			 -EINVAL);
	session_close(&s);
}

static void test_high_priority_needs_a_right(void **state)
{
	struct snnq_stream *stream;
	struct session s;

	(void)state;
	session_open(&s);
	assert_int_equal(
		snnq_stream_create(s.model,
				   SNNQ_OPTS(struct snnq_stream_opts, .priority = SNNQ_PRIO_HIGH),
				   &stream),
		-EACCES);
	assert_non_null(strstr(snnq_last_error(s.dev), "STREAM_CREATE: Permission denied"));
	session_close(&s);
}

static void test_share(void **state)
{
	struct snnq_tensor_buf *buf;
	struct snnq_device *dev;
	int fd;

	(void)state;
	must(snnq_open(fake.path, NULL, &dev));
	must(snnq_tensor_alloc(dev, 4096, &buf));
	fd = snnq_tensor_export(buf);
	must(fd);
	snnq_tensor_free(buf);
	must(snnq_tensor_import(dev, fd, &buf));
	assert_int_equal(snnq_tensor_size(buf), 8192);
	assert_null(snnq_tensor_map(buf)); /* an eventfd cannot be mapped */
	snnq_tensor_free(buf);
	close(fd);
	snnq_close(dev);
}

/* ---- every call fails once ---- */

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* One whole life. Returns the first error. */
static int live(void)
{
	struct session s = { NULL };
	struct snnq_job *job = NULL;
	struct snnq_result r;
	int ret = snnq_open(fake.path, NULL, &s.dev), fd = -1;

	if (!ret)
		ret = snnq_model_load(s.dev, model_path, NULL, &s.model);
	if (!ret)
		ret = snnq_stream_create(s.model, PROFILED, &s.stream);
	if (!ret)
		ret = snnq_tensor_alloc(s.dev, 1024, &s.input);
	if (!ret)
		ret = snnq_tensor_sync_for_device(s.input);
	if (!ret)
		ret = snnq_stream_submit(s.stream, s.input, 8, &job);
	if (!ret) {
		fd = snnq_job_fd(job);
		ret = fd < 0 ? fd : 0;
	}
	if (!ret)
		ret = snnq_job_wait(job, -1, &r);
	if (fd >= 0)
		close(fd);
	snnq_job_free(job);
	snnq_tensor_free(s.input);
	snnq_stream_destroy(s.stream);
	snnq_model_destroy(s.model);
	snnq_close(s.dev);
	return ret;
}

static bool may_fail_silently(unsigned long request)
{
	return request == DRM_IOCTL_GEM_CLOSE || request == DRM_IOCTL_SYNCOBJ_DESTROY ||
	       request == DRM_IOCTL_SNNQ_MODEL_DESTROY || request == DRM_IOCTL_SNNQ_STREAM_DESTROY;
}

static void test_every_call_fails_once(void **state)
{
	int total, fds = open_fds();

	(void)state;
	must(live());
	total = fake.calls;
	assert_in_range(total, 20, 200);
	for (int i = 0; i < total; i++) {
		int ret;

		fake.calls = 0;
		fake.point = 0;
		fake.fail_at = i;
		fake.fail_errno = ENOSPC;
		ret = live();
		/* a node that does not tell its driver is not ours */
		if (fake.failed == DRM_IOCTL_VERSION)
			assert_int_equal(ret, -ENODEV);
		else if (!may_fail_silently(fake.failed) && ret != -ENOSPC)
			fail_msg("call %d (%#lx) failed, result %d", i, fake.failed, ret);
		fake_expect_nothing_alive();
		assert_int_equal(open_fds(), fds);
	}
}

static int cleanup(void **state)
{
	(void)state;
	models_cleanup();
	return 0;
}

static int prepare(void **state)
{
	(void)state;
	model_path = model_write(network_model());
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),
		TEST(test_other_drivers),
		TEST(test_weights),
		TEST(test_submit),
		TEST(test_push_resets),
		TEST(test_timeout),
		TEST(test_job_fails),
		TEST(test_failure_survives_reset),
		TEST(test_hang),
		TEST(test_no_record),
		TEST(test_profile_buffer),
		TEST(test_priorities),
		TEST(test_high_priority_needs_a_right),
		TEST(test_share),
		TEST(test_every_call_fails_once),
	};

	return cmocka_run_group_tests(tests, prepare, cleanup);
}
