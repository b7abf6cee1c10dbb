// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_modelfile.c - the container: what is written is read back, and
 * every way to be malformed is refused with its own words.
 */
#include <math.h>
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "models.h"

/* Write @size raw bytes. */
static const char *raw_write(const void *bytes, size_t size)
{
	const char *path = temporary_path();
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
	return path;
}

/* A container with this header, padded to 8, and @data bytes of zeros. */
static const char *header_write(const char *header, size_t data)
{
	uint64_t length = (strlen(header) + 7) & ~7ull;
	char *bytes = calloc(1, 8 + length + data);
	const char *path;

	assert_non_null(bytes);
	memcpy(bytes, &length, 8);
	memset(bytes + 8, ' ', length);
	memcpy(bytes + 8, header, strlen(header));
	path = raw_write(bytes, 8 + length + data);
	free(bytes);
	return path;
}

static void refused(const char *path, int error, const char *words)
{
	struct modelfile *file = NULL;

	assert_int_equal(modelfile_open(path, &file), error);
	assert_null(file);
	if (!strstr(error_of(path), words))
		fail_msg("expected \"%s\" in \"%s\"", words, snnq_last_error(NULL));
}

static void same_tensor(const struct tensor *a, const struct tensor *b)
{
	assert_non_null(b);
	assert_int_equal(a->dtype, b->dtype);
	assert_int_equal(a->dims, b->dims);
	assert_memory_equal(a->shape, b->shape, a->dims * sizeof(*a->shape));
	assert_int_equal(a->bytes, b->bytes);
	assert_memory_equal(a->data, b->data, a->bytes);
}

/* Nothing is lost on the way through a file, however often. */
static void test_round_trip(void **state)
{
	struct modelfile *first = network_model(), *second, *third;
	const char *path = temporary_path(), *again = temporary_path();
	struct stat st;

	(void)state;
	edit(first, "future", "{\"key\": [1, 2.5, null], \"deep\": {\"x\": true}}");
	edit(first, "layers.0.note", "\"kept \\u00e9\"");
	assert_int_equal(modelfile_write(first, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(first->file_bytes, st.st_size);
	assert_int_equal(modelfile_open(path, &second), 0);
	assert_true(cJSON_Compare(first->graph, second->graph, true));
	for (size_t i = 0; i < first->count; i++)
		same_tensor(&first->tensors[i], modelfile_find(second, first->tensors[i].name));
	assert_int_equal(modelfile_write(second, again), 0);
	assert_int_equal(modelfile_open(again, &third), 0);
	assert_int_equal(second->file_bytes, third->file_bytes);
	assert_memory_equal(second->map, third->map, second->map_bytes);
	modelfile_free(first);
	modelfile_free(second);
	modelfile_free(third);
}

/* Offsets are multiples of 8 and there are no holes: other readers insist. */
static void test_layout(void **state)
{
	struct modelfile *file;
	uint64_t length, at = 0;
	const char *data;

	(void)state;
	assert_int_equal(modelfile_open(model_write(network_model()), &file), 0);
	memcpy(&length, file->map, 8);
	assert_int_equal(length % 8, 0);
	data = (const char *)file->map + 8 + length;
	for (size_t i = 0; i < file->count; i++) {
		const struct tensor *t = &file->tensors[i];

		assert_ptr_equal(t->data, data + at);
		if (strncmp(t->name, "pad.", 4))
			assert_int_equal(at % 8, 0);
		at += t->bytes;
	}
	assert_int_equal(8 + length + at, file->map_bytes);
	modelfile_free(file);
}

/* A disk that is full after @bytes, as far as the tested call can tell. */
static int write_to_full_disk(struct modelfile *file, const char *path, rlim_t bytes)
{
	struct rlimit old, small;
	int ret;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ bytes, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	ret = modelfile_write(file, path);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	return ret;
}

/* A write that cannot be finished leaves what was there, and no litter. */
static void test_full_disk(void **state)
{
	const char *path = model_write(network_model());
	struct modelfile *good, *file = network_model(), *again;
	char litter[96];
	glob_t found;

	(void)state;
	snprintf(litter, sizeof(litter), "%.*s/.snnq-%ld-*", (int)(strrchr(path, '/') - path), path,
		 (long)getpid());
	assert_int_equal(modelfile_open(path, &good), 0);
	edit(file, "name", "\"another\"");
	for (rlim_t bytes = 0; bytes < good->map_bytes; bytes += 97) {
		assert_int_equal(write_to_full_disk(file, path, bytes), -EFBIG);
		assert_string_equal(error_of(path), "cannot be written: File too large");
		assert_int_equal(glob(litter, 0, NULL, &found), GLOB_NOMATCH);
		assert_int_equal(modelfile_open(path, &again), 0);
		assert_int_equal(again->map_bytes, good->map_bytes);
		assert_memory_equal(again->map, good->map, good->map_bytes);
		modelfile_free(again);
	}
	assert_int_equal(write_to_full_disk(file, path, 1 << 20), 0);
	modelfile_free(file);
	modelfile_free(good);
}

static void test_write_is_atomic(void **state)
{
	struct modelfile *file = network_model();
	char folder[96];

	(void)state;
	snprintf(folder, sizeof(folder), "%s.d/missing/model.snnq", temporary_path());
	assert_int_equal(modelfile_write(file, folder), -ENOENT);
	assert_string_equal(error_of(folder), "cannot be written: No such file or directory");
	modelfile_free(file);
}

#define META "\"__metadata__\": {\"snnq\": \"{}\"}"
#define TENSOR(type, shape, offsets)                                    \
	"{" META ", \"a\": {\"dtype\": " type ", \"shape\": " shape "," \
	" \"data_offsets\": " offsets "}}"

static const struct {
	const char *header;
	const char *words;
} malformed[] = {
	{ "[]", "offset 8: the header is not a JSON object" },
	{ "{\"a\": ", "offset 8: the header is not a JSON object" },
	{ "{}", "__metadata__.snnq is missing" },
	{ "{\"__metadata__\": {}}", "__metadata__.snnq is missing" },
	{ "{\"__metadata__\": {\"snnq\": {}}}", "__metadata__.snnq is missing" },
	{ "{\"__metadata__\": {\"snnq\": \"{\"}}", "__metadata__.snnq is not JSON" },
	{ "{\"__metadata__\": {\"snnq\": \"{\\\"x\\\": {\\\"k\\\": 1, \\\"k\\\": 2}}\"}}",
	  "key \"k\" appears twice" },
	{ "{" META ", " META "}", "key \"__metadata__\" appears twice" },
	{ TENSOR("1", "[1]", "[0, 4]"), "tensor a: dtype: expected a string" },
	{ TENSOR("\"F32\"", "1", "[0, 4]"), "tensor a: shape: expected an array of at most 8" },
	{ TENSOR("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0, 4]"),
	  "tensor a: shape: expected an array of at most 8" },
	{ TENSOR("\"F32\"", "[-1]", "[0, 4]"), "tensor a: shape: size out of range" },
	{ TENSOR("\"F32\"", "[0.5]", "[0, 4]"), "tensor a: shape: size out of range" },
	{ TENSOR("\"U8\"", "[1e300]", "[0, 4]"), "tensor a: shape: size out of range" },
	{ TENSOR("\"F32\"", "[4294967296, 4294967296]", "[0, 0]"),
	  "tensor a: shape: size out of range" },
	{ TENSOR("\"F32\"", "[1]", "[0]"), "tensor a: data_offsets: expected two offsets" },
	{ TENSOR("\"F32\"", "[1]", "[0, \"4\"]"), "tensor a: data_offsets: expected two offsets" },
	{ TENSOR("\"F32\"", "[1]", "[4, 0]"), "tensor a: data_offsets: 4..0 leave the 16 bytes" },
	{ TENSOR("\"F32\"", "[4]", "[4, 20]"), "tensor a: data_offsets: 4..20 leave the 16 bytes" },
	{ TENSOR("\"F32\"", "[2]", "[0, 4]"), "tensor a: expected 8 bytes by its shape, found 4" },
	{ "{" META ", \"a\": {\"dtype\": \"U8\", \"shape\": [8], \"data_offsets\": [0, 8]},"
	  " \"b\": {\"dtype\": \"U8\", \"shape\": [8], \"data_offsets\": [7, 15]}}",
	  "tensors a and b overlap" },
	/* Bytes that no tensor accounts for, which other readers refuse: in front, between, behind. */
	{ TENSOR("\"U8\"", "[12]", "[4, 16]"), "bytes 0..4 of the data belong to no tensor" },
	{ "{" META ", \"b\": {\"dtype\": \"U8\", \"shape\": [8], \"data_offsets\": [8, 16]},"
	  " \"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0, 4]}}",
	  "bytes 4..8 of the data belong to no tensor" },
	{ TENSOR("\"U8\"", "[9]", "[0, 9]"), "bytes 9..16 of the data belong to no tensor" },
	{ "{" META "}", "bytes 0..16 of the data belong to no tensor" },
	{ "\xef\xbb\xbf{" META "}", "offset 8: the header is not a JSON object" },
	{ " {" META "}", "offset 8: the header is not a JSON object" },
	{ "{" META "} x", "offset 8: the header is not a JSON object" },
	{ "{\"__metadata__\": {\"snnq\": \"{} {}\"}}", "__metadata__.snnq is not JSON" },
	{ TENSOR("\"F12\"", "[1]", "[0, 4]"), "tensor a: dtype: \"F12\" is not known" },
	{ TENSOR("\"F8_E4M3FN\"", "[4]", "[0, 4]"),
	  "tensor a: dtype: expected a name of at most 7 bytes" },
	{ TENSOR("\"F64\"", "[1]", "[0, 4]"), "tensor a: expected 8 bytes by its shape, found 4" },
	{ TENSOR("\"BF16\"", "[3]", "[0, 4]"), "tensor a: expected 6 bytes by its shape, found 4" },
	{ "{" META
	  ", \"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0, 4], \"order\":"
	  " \"F\"}}",
	  "tensor a: expected dtype, shape and data_offsets only" },
	{ "{" META ", \"a\": 3}", "tensor a: dtype: expected a string" },
};

static void test_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
		refused(header_write(malformed[i].header, 16), -EBADMSG, malformed[i].words);
}

static void test_not_a_container(void **state)
{
	static const uint64_t huge[2] = { (16u << 20) + 8, 0 }, beyond[2] = { 9, 0 };
	char folder[64];

	(void)state;
	refused(raw_write("short", 5), -EBADMSG, "expected a .snnq file");
	refused(raw_write(huge, sizeof(huge)), -EBADMSG, "offset 0: header of 16777224 bytes");
	refused(raw_write(beyond, sizeof(beyond)), -EBADMSG, "offset 0: header of 9 bytes");
	refused(temporary_path(), -ENOENT, "No such file or directory");
	snprintf(folder, sizeof(folder), "%s", temporary_path());
	*strrchr(folder, '/') = 0;
	refused(folder, -EBADMSG, "expected a regular file");
}

/* Cut anywhere, a file is refused, and never read beyond its end (ASan watches). */
static void test_cut_everywhere(void **state)
{
	const char *path = model_write(network_model());
	static uint8_t bytes[8192];
	FILE *f = fopen(path, "rb");
	size_t size = fread(bytes, 1, sizeof(bytes), f);
	struct modelfile *file;

	(void)state;
	fclose(f);
	assert_in_range(size, 1000, sizeof(bytes) - 1);
	for (size_t n = 0; n < size; n++)
		assert_int_equal(modelfile_open(memory_file(bytes, n), &file), -EBADMSG);
}

/* Any byte of the header changed: refused or read, never a crash. */
static void test_damage_everywhere(void **state)
{
	const char *path = model_write(network_model()), *bad;
	static uint8_t bytes[8192];
	FILE *f = fopen(path, "rb");
	size_t size = fread(bytes, 1, sizeof(bytes), f), refusals = 0;

	(void)state;
	fclose(f);
	for (size_t at = 0; at < size; at++) {
		struct modelfile *file;
		struct graph graph;

		bytes[at] ^= 0x15;
		bad = memory_file(bytes, size);
		bytes[at] ^= 0x15;
		if (modelfile_open(bad, &file)) {
			refusals++;
			continue;
		}
		if (graph_parse(bad, file, &graph))
			refusals++;
		else
			graph_free(&graph);
		modelfile_free(file);
	}
	assert_in_range(refusals, size / 4, size);
}

static int cleanup(void **state)
{
	(void)state;
	models_cleanup();
	return 0;
}

/* What an element of @mantissa_bits says, by powers of two. */
static double meaning(uint32_t bits, int mantissa_bits)
{
	int exponent_bits = 15 - mantissa_bits, bias = (1 << (exponent_bits - 1)) - 1;
	int exponent = (int)(bits >> mantissa_bits & ((1u << exponent_bits) - 1));
	double part = bits & ((1u << mantissa_bits) - 1), value;

	if (exponent == (1 << exponent_bits) - 1)
		value = part > 0 ? NAN : INFINITY;
	else if (exponent)
		value = ldexp(ldexp(1, mantissa_bits) + part, exponent - bias - mantissa_bits);
	else
		value = ldexp(part, 1 - bias - mantissa_bits);
	return bits >> 15 ? -value : value;
}

/* Every F16 and BF16 is its own value as a float, at any byte, and keeps its sign. */
static void short_floats_are_exact(void **state)
{
	static const struct {
		enum dtype dtype;
		int mantissa_bits;
	} types[] = { { DTYPE_F16, 10 }, { DTYPE_BF16, 7 } };
	uint8_t bytes[5];
	size_t nans = 0, infinite = 0;

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (uint32_t bits = 0; bits < 1 << 16; bits++) {
			struct tensor t = { .dtype = types[k].dtype, .data = bytes + 1 };
			double want = meaning(bits, types[k].mantissa_bits);
			float got;

			bytes[3] = bits & 255;
			bytes[4] = bits >> 8;
			got = tensor_real(&t, 1);
			nans += isnan(got) != 0;
			infinite += isinf(got) != 0;
			assert_true(isnan(want) ? isnan(got) : got == want);
			assert_int_equal(!signbit(got), !(bits >> 15));
		}
	assert_int_equal(nans, 2 * (1023 + 127));
	assert_int_equal(infinite, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_floats_are_exact),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_write_is_atomic),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_not_a_container),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_damage_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
