// SPDX-License-Identifier: MIT
/*
 * test_dump.c - dumps of jobs that failed: what is good is taken, also from newer drivers; what is
 * cut or changed is refused with its place, and nothing outside is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dump.h"
#include "snnq_drm.h"
#include "snnq_program.h"

#define ROOM 16384u

struct file {
	unsigned char *bytes;
	size_t size;
};

static struct snnq_dump_header *header_of(const struct file *f)
{
	return (void *)f->bytes;
}

static void begin(struct file *f)
{
	const struct snnq_dump_header h = {
		.magic = SNNQ_DUMP_MAGIC,
		.kind = SNNQ_DUMP_KIND,
		.version = SNNQ_DUMP_VERSION,
		.header_bytes = sizeof(h),
		.total_bytes = sizeof(h),
	};

	f->bytes = calloc(1, ROOM);
	assert_non_null(f->bytes);
	memcpy(f->bytes, &h, sizeof(h));
	f->size = sizeof(h);
}

/* A section of @count equal entries; where it begins. */
static size_t add(struct file *f, uint32_t type, const void *entry, uint32_t bytes, uint32_t count)
{
	const struct snnq_dump_section s = { .type = type, .entry_bytes = bytes, .count = count };
	size_t at = f->size;

	memcpy(f->bytes + f->size, &s, sizeof(s));
	f->size += sizeof(s);
	for (uint32_t i = 0; i < count; i++, f->size += bytes)
		memcpy(f->bytes + f->size, entry, bytes);
	f->size = (f->size + 7) / 8 * 8;
	assert_true(f->size <= ROOM);
	header_of(f)->section_count++;
	header_of(f)->total_bytes = f->size;
	return at;
}

static const struct snnq_dump_device device = {
	.cores = 2,
	.name = "0000:00:04.0",
	.driver = "snnq",
	.kernel = "6.12",
};
static const struct snnq_dump_job job = { .seq = 3, .core = 1, .error = -5, .comm = "test" };
static const struct drm_snnq_dev_info info;
static const struct snnq_dump_core core;
static const struct snnq_dump_slot slot;
static const struct snnq_dump_register reg = { .offset = 0x104, .value = 1 };
static const struct snnq_dump_region region;
static const struct snnq_program_header program = { .layer_count = 2, .region_count = 1 };
static const struct snnq_region_desc need;
static const struct snnq_layer layer = { .op = SNNQ_OP_LINEAR };

static const struct part {
	uint32_t type;
	const void *entry;
	uint32_t bytes, count;
	const char *name;
} parts[] = {
	{ SNNQ_DUMP_SECTION_DEVICE, &device, sizeof(device), 1, "device" },
	{ SNNQ_DUMP_SECTION_INFO, &info, sizeof(info), 1, "info" },
	{ SNNQ_DUMP_SECTION_JOB, &job, sizeof(job), 1, "job" },
	{ SNNQ_DUMP_SECTION_CORES, &core, sizeof(core), 2, "cores" },
	{ SNNQ_DUMP_SECTION_RING, &slot, sizeof(slot), 3, "ring" },
	{ SNNQ_DUMP_SECTION_REGISTERS, &reg, sizeof(reg), 5, "registers" },
	{ SNNQ_DUMP_SECTION_REGIONS, &region, sizeof(region), 4, "regions" },
	{ SNNQ_DUMP_SECTION_PROGRAM, &program, sizeof(program), 1, "program" },
	{ SNNQ_DUMP_SECTION_NEEDS, &need, sizeof(need), 1, "needs" },
	{ SNNQ_DUMP_SECTION_LAYERS, &layer, sizeof(layer), 2, "layers" },
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* A good dump without part @without; the places of its sections. */
static void make(struct file *f, size_t at[PARTS], size_t without)
{
	begin(f);
	for (size_t i = 0; i < PARTS; i++)
		if (i != without)
			at[i] = add(f, parts[i].type, parts[i].entry, parts[i].bytes,
				    parts[i].count);
}

/* In a piece of memory of just this size, so that a sanitizer sees each byte too many. */
static bool parse(struct dump *d, const struct file *f, size_t size, char *problem)
{
	static unsigned char *copy;

	free(copy);
	copy = malloc(size ? size : 1);
	assert_non_null(copy);
	memcpy(copy, f->bytes, size);
	return dump_parse(d, copy, size, problem);
}

static void refused(const struct file *f, const char *says)
{
	char problem[DUMP_TEXT_BYTES] = "";
	struct dump d;

	assert_false(parse(&d, f, f->size, problem));
	if (!strstr(problem, says))
		print_message("expected \"%s\", found \"%s\"\n", says, problem);
	assert_non_null(strstr(problem, says));
}

/* All of what is there can be read. */
static void read_all(const struct dump *d)
{
	static unsigned char entry[ROOM];

	for (uint32_t type = 1; type < SNNQ_DUMP_SECTION_COUNT; type++)
		for (uint32_t i = 0; i < d->sections[type].count && i < 100; i++)
			dump_entry(d, type, i, entry,
				   d->sections[type].entry_bytes < sizeof(entry) ?
					   d->sections[type].entry_bytes :
					   sizeof(entry));
}

static void good_dumps_are_read(void **state)
{
	char problem[DUMP_TEXT_BYTES];
	struct snnq_dump_job j;
	size_t at[PARTS];
	struct file f;
	struct dump d;

	(void)state;
	make(&f, at, PARTS);
	assert_true(dump_is(f.bytes, f.size));
	assert_true(parse(&d, &f, f.size, problem));
	for (size_t i = 0; i < PARTS; i++)
		assert_int_equal(d.sections[parts[i].type].count, parts[i].count);
	dump_entry(&d, SNNQ_DUMP_SECTION_JOB, 0, &j, sizeof(j));
	assert_memory_equal(&j, &job, sizeof(j));
	read_all(&d);
	free(f.bytes);
}

/* Of a program that could not be read, there is nothing. */
static void the_program_may_lack(void **state)
{
	char problem[DUMP_TEXT_BYTES];
	struct file f;
	struct dump d;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < 7; i++)
		add(&f, parts[i].type, parts[i].entry, parts[i].bytes, parts[i].count);
	assert_true(parse(&d, &f, f.size, problem));
	free(f.bytes);
}

static void newer_drivers_are_understood(void **state)
{
	unsigned char longer[sizeof(job) + 24] = { 0 };
	char problem[DUMP_TEXT_BYTES];
	struct snnq_dump_job j;
	size_t at[PARTS];
	struct file f;
	struct dump d;

	(void)state;
	make(&f, at, 2);
	memcpy(longer, &job, sizeof(job));
	longer[sizeof(job)] = 77;
	add(&f, SNNQ_DUMP_SECTION_JOB, longer, sizeof(longer), 1);
	add(&f, SNNQ_DUMP_SECTION_COUNT + 7, longer, 13, 3);
	assert_true(parse(&d, &f, f.size, problem));
	assert_int_equal(d.unknown, 1);
	dump_entry(&d, SNNQ_DUMP_SECTION_JOB, 0, &j, sizeof(j));
	assert_memory_equal(&j, &job, sizeof(j));
	free(f.bytes);
}

/* Each length but the right one; the header says what was to come. */
static void cut_dumps_are_refused(void **state)
{
	char problem[DUMP_TEXT_BYTES], says[64];
	size_t at[PARTS];
	struct file f;
	struct dump d;

	(void)state;
	make(&f, at, PARTS);
	snprintf(says, sizeof(says), "header: expected %zu bytes in all, found", f.size);
	for (size_t n = 0; n < f.size; n++) {
		assert_false(parse(&d, &f, n, problem));
		assert_non_null(strstr(problem, n < sizeof(struct snnq_dump_header) ?
							"header: expected 32 bytes, found" :
							says));
	}
	f.size += 8;
	refused(&f, says);
	/* cut, and its header corrected */
	for (size_t n = sizeof(struct snnq_dump_header); n < f.size - 8; n++) {
		header_of(&f)->total_bytes = n;
		assert_false(parse(&d, &f, n, problem));
		assert_non_null(strstr(problem, "found"));
	}
	free(f.bytes);
}

static void wrong_heads_are_refused(void **state)
{
	struct snnq_dump_header *h, keep;
	size_t at[PARTS];
	struct file f;

	(void)state;
	make(&f, at, PARTS);
	h = header_of(&f);
	keep = *h;
	h->magic++;
	assert_false(dump_is(f.bytes, f.size));
	refused(&f, "expected the words of a dump");
	*h = keep;
	h->version = 2;
	refused(&f, "expected version 1, found 2");
	*h = keep;
	h->header_bytes = 24;
	refused(&f, "expected a size of 32 to");
	h->header_bytes = UINT32_MAX - 7;
	refused(&f, "found 4294967288");
	*h = keep;
	h->section_count = 65;
	refused(&f, "expected at most 64 sections and zero, found 65");
	h->section_count = keep.section_count - 1;
	refused(&f, "expected the end, found 1104 bytes more");
	h->section_count = keep.section_count + 1;
	refused(&f, "expected a section, found the end");
	*h = keep;
	h->reserved = 9;
	refused(&f, "found 10 and 9");
	free(f.bytes);
}

static void wrong_sections_are_refused(void **state)
{
	struct snnq_dump_section *s, keep;
	char says[80];
	size_t at[PARTS];
	struct file f;

	(void)state;
	make(&f, at, PARTS);
	for (size_t i = 0; i < PARTS; i++) {
		s = (void *)(f.bytes + at[i]);
		keep = *s;
		s->entry_bytes = 8 - (i == 5);
		snprintf(says, sizeof(says), "byte %zu: %s: expected entries of at least", at[i],
			 parts[i].name);
		refused(&f, says);
		*s = keep;
		s->count = UINT32_MAX;
		snprintf(says, sizeof(says), "byte %zu:", at[i] + (i > 3 && i < 7 ? 16 : 0));
		refused(&f, says);
		*s = keep;
		s->reserved = 1;
		refused(&f, "expected a section, found type");
		*s = keep;
		s->type = parts[i ? 0 : 1].type;
		refused(&f, i ? "expected one section \"device\", found another" : "info");
		*s = keep;
	}
	free(f.bytes);
}

static void missing_sections_are_named(void **state)
{
	char says[64];

	(void)state;
	for (size_t i = 0; i < PARTS; i++) {
		size_t at[PARTS];
		struct file f;

		if (i == 7) /* without a program, nothing of it is looked for */
			continue;
		make(&f, at, i);
		snprintf(says, sizeof(says), "expected a section \"%s\", found none",
			 parts[i].name);
		refused(&f, i < 7 ? says : "program: expected 2 layers and 1 regions, found");
		free(f.bytes);
	}
}

static void parts_must_agree(void **state)
{
	struct snnq_dump_device v = device;
	struct snnq_dump_job j = job;
	size_t at[PARTS];
	struct file f;

	(void)state;
	make(&f, at, PARTS);
	j.core = 2;
	memcpy(f.bytes + at[2] + 16, &j, sizeof(j));
	refused(&f, "expected one of 2 cores, found core 2");
	j = job;
	memset(j.comm, 'x', sizeof(j.comm));
	memcpy(f.bytes + at[2] + 16, &j, sizeof(j));
	refused(&f, "expected texts, found one without an end");
	memcpy(f.bytes + at[2] + 16, &job, sizeof(job));
	v.cores = 3;
	memcpy(f.bytes + at[0] + 16, &v, sizeof(v));
	refused(&f, "expected one of 3 cores, found core 1, and 2 described");
	free(f.bytes);
}

/* Each byte with other values: refused or read, never beyond the end. */
static void changed_bytes_do_no_harm(void **state)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	char problem[DUMP_TEXT_BYTES];
	size_t at[PARTS];
	struct file f;
	struct dump d;

	(void)state;
	make(&f, at, PARTS);
	for (size_t n = 0; n < f.size; n++) {
		unsigned char keep = f.bytes[n];

		for (size_t v = 0; v < sizeof(values); v++) {
			f.bytes[n] = values[v];
			if (parse(&d, &f, f.size, problem))
				read_all(&d);
		}
		f.bytes[n] = keep;
	}
	free(f.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_dumps_are_read),
		cmocka_unit_test(the_program_may_lack),
		cmocka_unit_test(newer_drivers_are_understood),
		cmocka_unit_test(cut_dumps_are_refused),
		cmocka_unit_test(wrong_heads_are_refused),
		cmocka_unit_test(wrong_sections_are_refused),
		cmocka_unit_test(missing_sections_are_named),
		cmocka_unit_test(parts_must_agree),
		cmocka_unit_test(changed_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
