// SPDX-License-Identifier: MIT
/*
 * dump.c - find the sections of a dump, which may be cut or have been changed on its way.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dump.h"
#include "snnq_drm.h"
#include "snnq_program.h"
#include "snnq_regs.h"

#define MAX_SECTIONS 64u
#define MANY	     UINT32_MAX

/* Of each type: its least entry, and how many there are. */
static const struct {
	const char *name;
	size_t bytes;
	uint32_t least, most;
} kinds[SNNQ_DUMP_SECTION_COUNT] = {
	[SNNQ_DUMP_SECTION_DEVICE] = { "device", sizeof(struct snnq_dump_device), 1, 1 },
	[SNNQ_DUMP_SECTION_INFO] = { "info", sizeof(struct drm_snnq_dev_info), 1, 1 },
	[SNNQ_DUMP_SECTION_JOB] = { "job", sizeof(struct snnq_dump_job), 1, 1 },
	[SNNQ_DUMP_SECTION_CORES] = { "cores", sizeof(struct snnq_dump_core), 1, SNNQ_MAX_CORES },
	[SNNQ_DUMP_SECTION_RING] = { "ring", sizeof(struct snnq_dump_slot), 0, MANY },
	[SNNQ_DUMP_SECTION_REGISTERS] = { "registers", sizeof(struct snnq_dump_register), 0, MANY },
	[SNNQ_DUMP_SECTION_REGIONS] = { "regions", sizeof(struct snnq_dump_region), 0, MANY },
	[SNNQ_DUMP_SECTION_PROGRAM] = { "program", SNNQ_PROGRAM_HEADER_BYTES, 1, 1 },
	[SNNQ_DUMP_SECTION_NEEDS] = { "needs", SNNQ_REGION_DESC_BYTES, 0, SNNQ_MAX_USER_REGIONS },
	[SNNQ_DUMP_SECTION_LAYERS] = { "layers", sizeof(struct snnq_layer), 1, SNNQ_MAX_LAYERS },
};

/* What is read, and where. */
struct reader {
	const unsigned char *bytes;
	size_t size, at;
	char *problem;
};

static bool fail(const struct reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool fail(const struct reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->problem, DUMP_TEXT_BYTES, format, args);
	va_end(args);
	return false;
}

bool dump_is(const void *bytes, size_t size)
{
	struct snnq_dump_header h;

	if (size < offsetof(struct snnq_dump_header, version))
		return false;
	memcpy(&h, bytes, offsetof(struct snnq_dump_header, version));
	return h.magic == SNNQ_DUMP_MAGIC && h.kind == SNNQ_DUMP_KIND;
}

void dump_entry(const struct dump *d, uint32_t type, uint32_t index, void *to, size_t size)
{
	const struct dump_section *s = &d->sections[type];

	memcpy(to, s->entries + (size_t)s->entry_bytes * index, size);
}

static bool read_header(struct reader *r, struct snnq_dump_header *h)
{
	if (r->size < sizeof(*h))
		return fail(r, "header: expected %zu bytes, found %zu", sizeof(*h), r->size);
	memcpy(h, r->bytes, sizeof(*h));
	if (!dump_is(r->bytes, r->size))
		return fail(r, "header: expected the words of a dump, found %#x %#x", h->magic,
			    h->kind);
	if (h->version != SNNQ_DUMP_VERSION)
		return fail(r, "header: expected version %u, found %u", SNNQ_DUMP_VERSION,
			    h->version);
	if (h->total_bytes != r->size)
		return fail(r, "header: expected %" PRIu64 " bytes in all, found %zu",
			    (uint64_t)h->total_bytes, r->size);
	if (h->header_bytes < sizeof(*h) || h->header_bytes > r->size || h->header_bytes % 8)
		return fail(r, "header: expected a size of %zu to %zu bytes, found %u", sizeof(*h),
			    r->size, h->header_bytes);
	if (h->section_count > MAX_SECTIONS || h->reserved)
		return fail(r, "header: expected at most %u sections and zero, found %u and %u",
			    MAX_SECTIONS, h->section_count, h->reserved);
	r->at = h->header_bytes;
	return true;
}

/* What is known of a section fits its head. */
static bool check_kind(const struct reader *r, const struct dump *d,
		       const struct snnq_dump_section *s)
{
	const char *name = kinds[s->type].name;

	if (d->sections[s->type].entries)
		return fail(r, "byte %zu: expected one section \"%s\", found another", r->at, name);
	if (s->entry_bytes < kinds[s->type].bytes)
		return fail(r, "byte %zu: %s: expected entries of at least %zu bytes, found %u",
			    r->at, name, kinds[s->type].bytes, s->entry_bytes);
	if (s->count < kinds[s->type].least || s->count > kinds[s->type].most)
		return fail(r, "byte %zu: %s: expected %u to %u entries, found %u", r->at, name,
			    kinds[s->type].least, kinds[s->type].most, s->count);
	return true;
}

static bool read_section(struct reader *r, struct dump *d)
{
	struct snnq_dump_section s;
	uint64_t bytes, room;
	bool known;

	if (r->size - r->at < sizeof(s))
		return fail(r, "byte %zu: expected a section, found the end", r->at);
	memcpy(&s, r->bytes + r->at, sizeof(s));
	if (!s.type || s.reserved)
		return fail(r, "byte %zu: expected a section, found type %u and %u", r->at, s.type,
			    s.reserved);
	known = s.type < SNNQ_DUMP_SECTION_COUNT;
	if (known && !check_kind(r, d, &s))
		return false;
	r->at += sizeof(s);
	bytes = (uint64_t)s.entry_bytes * s.count;
	room = r->size - r->at;
	if (bytes > room || (bytes + 7) / 8 * 8 > room)
		return fail(r,
			    "byte %zu: section of type %u: expected %" PRIu64
			    " bytes, found %" PRIu64,
			    r->at, s.type, bytes, room);
	if (known)
		d->sections[s.type] =
			(struct dump_section){ r->bytes + r->at, s.entry_bytes, s.count };
	else
		d->unknown++;
	r->at += (size_t)((bytes + 7) / 8 * 8);
	return true;
}

static bool is_text(const char *text, size_t bytes)
{
	return memchr(text, 0, bytes);
}

/* Texts end, and parts that speak of each other agree. */
static bool check_content(const struct reader *r, const struct dump *d)
{
	const struct dump_section *s = d->sections;
	struct snnq_dump_device device;
	struct snnq_program_header p;
	struct snnq_dump_job job;

	dump_entry(d, SNNQ_DUMP_SECTION_DEVICE, 0, &device, sizeof(device));
	dump_entry(d, SNNQ_DUMP_SECTION_JOB, 0, &job, sizeof(job));
	if (!is_text(device.name, sizeof(device.name)) ||
	    !is_text(device.driver, sizeof(device.driver)) ||
	    !is_text(device.kernel, sizeof(device.kernel)) || !is_text(job.comm, sizeof(job.comm)))
		return fail(r, "device, job: expected texts, found one without an end");
	if (job.core >= s[SNNQ_DUMP_SECTION_CORES].count ||
	    device.cores != s[SNNQ_DUMP_SECTION_CORES].count)
		return fail(r, "job: expected one of %u cores, found core %u, and %u described",
			    device.cores, job.core, s[SNNQ_DUMP_SECTION_CORES].count);
	if (!s[SNNQ_DUMP_SECTION_PROGRAM].count)
		return true;
	dump_entry(d, SNNQ_DUMP_SECTION_PROGRAM, 0, &p, sizeof(p));
	if (p.layer_count != s[SNNQ_DUMP_SECTION_LAYERS].count ||
	    p.region_count != s[SNNQ_DUMP_SECTION_NEEDS].count)
		return fail(r, "program: expected %u layers and %u regions, found %u and %u",
			    p.layer_count, p.region_count, s[SNNQ_DUMP_SECTION_LAYERS].count,
			    s[SNNQ_DUMP_SECTION_NEEDS].count);
	return true;
}

bool dump_parse(struct dump *d, const void *bytes, size_t size, char problem[DUMP_TEXT_BYTES])
{
	struct reader r = { .bytes = bytes, .size = size, .problem = problem };
	struct snnq_dump_header h;

	memset(d, 0, sizeof(*d));
	if (!read_header(&r, &h))
		return false;
	for (uint32_t i = 0; i < h.section_count; i++)
		if (!read_section(&r, d))
			return false;
	if (r.at != size)
		return fail(&r, "byte %zu: expected the end, found %zu bytes more", r.at,
			    size - r.at);
	/* Of the program there may be nothing. */
	for (uint32_t type = 1; type < SNNQ_DUMP_SECTION_PROGRAM; type++)
		if (!d->sections[type].entries)
			return fail(&r, "expected a section \"%s\", found none", kinds[type].name);
	return check_content(&r, d);
}
