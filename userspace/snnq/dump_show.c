// SPDX-License-Identifier: MIT
/*
 * dump_show.c - a dump of a job that failed, for people and as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "capabilities.h"
#include "cli.h"
#include "dump.h"
#include "snnq_drm.h"
#include "snnq_netlink.h"
#include "snnq_program.h"
#include "snnq_regs.h"
#include "snnq_validate.h"

/* A bit and its word; the last has none. */
struct bit {
	uint32_t bit;
	const char *word;
};

static const struct bit job_bits[] = {
	{ SNNQ_DUMP_JOB_HUNG, "hung" },
	{ SNNQ_DUMP_JOB_BLAMED, "blamed" },
	{ SNNQ_DUMP_JOB_CANCELLING, "cancelling" },
	{ SNNQ_DUMP_JOB_SEEN, "seen" },
	{ 0, NULL },
};

static const struct bit core_bits[] = {
	{ SNNQ_CORE_STATE_ENABLED, "enabled" },
	{ SNNQ_CORE_STATE_BROKEN, "broken" },
	{ SNNQ_CORE_STATE_POLLED, "polled" },
	{ 0, NULL },
};

static const struct bit slot_bits[] = {
	{ SNNQ_DUMP_SLOT_JOB, "this job" },
	{ SNNQ_DUMP_SLOT_OTHER, "another client's" },
	{ 0, NULL },
};

static const struct bit access_bits[] = {
	{ SNNQ_ACCESS_READ, "read" },
	{ SNNQ_ACCESS_WRITE, "write" },
	{ 0, NULL },
};

/* Registers that tell of a moment. Capabilities are among what the driver knows. */
static const struct {
	uint32_t offset;
	const char *name;
} admin_registers[] = {
	{ SNNQ_REG_CONTROL, "CONTROL" },
	{ SNNQ_REG_STATUS, "STATUS" },
	{ SNNQ_REG_ERROR, "ERROR" },
	{ SNNQ_REG_ERROR_CORES, "ERROR_CORES" },
	{ SNNQ_REG_TEMPERATURE, "TEMPERATURE" },
	{ SNNQ_REG_POWER, "POWER" },
	{ SNNQ_REG_CYCLES_LO, "CYCLES_LO" },
	{ SNNQ_REG_CYCLES_HI, "CYCLES_HI" },
	{ SNNQ_REG_INT_STATUS, "INT_STATUS" },
	{ SNNQ_REG_INT_ENABLE, "INT_ENABLE" },
	{ SNNQ_REG_POWER_STATE, "POWER_STATE" },
	{ SNNQ_REG_RESET_TIME, "RESET_TIME" },
}, core_registers[] = {
	{ SNNQ_CORE_SQ_BASE_LO, "SQ_BASE_LO" },
	{ SNNQ_CORE_SQ_BASE_HI, "SQ_BASE_HI" },
	{ SNNQ_CORE_SQ_SIZE, "SQ_SIZE" },
	{ SNNQ_CORE_SQ_TAIL, "SQ_TAIL" },
	{ SNNQ_CORE_SQ_HEAD, "SQ_HEAD" },
	{ SNNQ_CORE_CQ_BASE_LO, "CQ_BASE_LO" },
	{ SNNQ_CORE_CQ_BASE_HI, "CQ_BASE_HI" },
	{ SNNQ_CORE_CQ_SIZE, "CQ_SIZE" },
	{ SNNQ_CORE_CQ_HEAD, "CQ_HEAD" },
	{ SNNQ_CORE_CQ_TAIL, "CQ_TAIL" },
	{ SNNQ_CORE_CONTROL, "CONTROL" },
	{ SNNQ_CORE_STATUS, "STATUS" },
	{ SNNQ_CORE_ERROR, "ERROR" },
	{ SNNQ_CORE_COALESCE, "COALESCE" },
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* A register's name, of a core as "core 1 STATUS"; "": it has none. */
static const char *register_name(uint32_t offset, char text[40])
{
	uint32_t page = offset / SNNQ_REG_PAGE, at = offset % SNNQ_REG_PAGE;

	for (size_t i = 0; !page && i < LENGTH(admin_registers); i++)
		if (admin_registers[i].offset == at)
			return admin_registers[i].name;
	for (size_t i = 0; page && i < LENGTH(core_registers); i++) {
		if (core_registers[i].offset != at)
			continue;
		snprintf(text, 40, "core %u %s", page - 1, core_registers[i].name);
		return text;
	}
	return "";
}

static const char *scheme_name(uint32_t scheme)
{
	static const char *const names[] = { "none", "uniform", "odd", "pot", "apot", "ternary" };

	return scheme < LENGTH(names) ? names[scheme] : "?";
}

/* The words of the bits, and those that have none as a number. */
static const char *words(const struct bit *bits, uint32_t mask, char text[64])
{
	*text = 0;
	for (; bits->word; bits++) {
		if (!(mask & bits->bit))
			continue;
		snprintf(text + strlen(text), 64 - strlen(text), "%s%s", *text ? ", " : "",
			 bits->word);
		mask &= ~bits->bit;
	}
	if (mask)
		snprintf(text + strlen(text), 64 - strlen(text), "%s%#x", *text ? ", " : "", mask);
	return text;
}

static cJSON *words_json(const struct bit *bits, uint32_t mask)
{
	cJSON *list = cJSON_CreateArray();

	for (; bits->word; bits++)
		if (mask & bits->bit)
			cJSON_AddItemToArray(list, cJSON_CreateString(bits->word));
	return list;
}

#define ENTRY(d, name, index, to) dump_entry(d, SNNQ_DUMP_SECTION_##name, index, to, sizeof(*(to)))
#define COUNT(d, name)		  ((d)->sections[SNNQ_DUMP_SECTION_##name].count)

/* ---- for people ---- */

static void print_place(const char *what, uint32_t value, uint32_t none)
{
	if (value != none)
		printf(", %s %u", what, value);
}

static void print_job(const struct dump *d)
{
	struct snnq_dump_job j;
	char comm[64], bits[64];

	ENTRY(d, JOB, 0, &j);
	printf("job %" PRIu64 " of %u step%s, of client %" PRIu64 " (%s, process %u, user %u)\n",
	       (uint64_t)j.seq, j.steps, text_s(j.steps), (uint64_t)j.client,
	       text_printable(j.comm, comm, sizeof(comm)), j.pid, j.uid);
	printf("failed on core %u: %s, %s", j.core, j.error < 0 ? strerror(-j.error) : "?",
	       snnq_status_name(j.status));
	print_place("layer", j.layer, SNNQ_LAYER_NONE);
	print_place("region", j.region, SNNQ_REGION_NONE);
	printf(", offset %#" PRIx64 "\n", (uint64_t)j.offset);
	printf("state: %s; replays %u, fatal errors %u\n",
	       j.state ? words(job_bits, j.state, bits) : "none", j.replays, j.fatals);
	printf("ran for %.3f of at most %.3f ms, %.3f ms after it was queued to the core\n",
	       (double)(j.ended_ns - j.begun_ns) / 1e6, (double)j.limit_ns / 1e6,
	       (double)(j.begun_ns - j.started_ns) / 1e6);
	printf("record: %s, %u step%s, %" PRIu64 " cycle%s", snnq_status_name(j.record_status),
	       j.record_steps, text_s(j.record_steps), (uint64_t)j.record_cycles,
	       text_s((double)j.record_cycles));
	print_place("layer", j.record_layer, SNNQ_LAYER_NONE);
	print_place("region", j.record_region, SNNQ_REGION_NONE);
	printf(", offset %#" PRIx64 "\n", (uint64_t)j.record_offset);
}

static void print_program(const struct dump *d)
{
	struct snnq_program_header p;
	struct snnq_layer l;

	if (!COUNT(d, PROGRAM)) {
		printf("program: none\n");
		return;
	}
	ENTRY(d, PROGRAM, 0, &p);
	printf("program: %u bytes, %u layer%s, at most %u step%s, tiles of %u; %" PRIu64
	       " bytes of state\n",
	       p.total_bytes, p.layer_count, text_s(p.layer_count), p.max_steps,
	       text_s(p.max_steps), p.tile_steps, (uint64_t)p.state_bytes);
	for (uint32_t i = 0; i < COUNT(d, LAYERS); i++) {
		ENTRY(d, LAYERS, i, &l);
		printf("  layer %-4u %-12s %ux%ux%u -> %ux%ux%u", i, capabilities_word("ops", l.op),
		       l.in[0].height, l.in[0].width, l.in[0].channels, l.out.height, l.out.width,
		       l.out.channels);
		if (l.quant.scheme)
			printf(", %s %u bit%s", scheme_name(l.quant.scheme), l.quant.bits,
			       text_s(l.quant.bits));
		printf("\n");
	}
}

static void print_regions(const struct dump *d)
{
	struct snnq_dump_region r;
	char bits[64];

	for (uint32_t i = 0; i < COUNT(d, REGIONS); i++) {
		ENTRY(d, REGIONS, i, &r);
		printf("  region %-3u %-11s %" PRIu64 " byte%s from %" PRIu64 " of %u page%s\n",
		       r.index, words(access_bits, r.access, bits), (uint64_t)r.bytes,
		       text_s((double)r.bytes), (uint64_t)r.start, r.pages, text_s(r.pages));
	}
}

static void print_cores(const struct dump *d)
{
	struct snnq_dump_core c;
	struct snnq_dump_slot s;
	char bits[64];

	for (uint32_t i = 0; i < COUNT(d, CORES); i++) {
		ENTRY(d, CORES, i, &c);
		printf("core %u: %s; rings of %u, tail %u, head %u, phase %u; resets %" PRIu64
		       ", fruitless %u\n",
		       c.index, words(core_bits, c.state, bits), c.entries, c.tail, c.head, c.phase,
		       (uint64_t)c.resets, c.fruitless);
	}
	printf("ring of its core:%s\n", COUNT(d, RING) ? "" : " empty");
	for (uint32_t i = 0; i < COUNT(d, RING); i++) {
		ENTRY(d, RING, i, &s);
		printf("  entry %-3u job %#x", s.slot, s.id);
		if (!(s.flags & SNNQ_DUMP_SLOT_OTHER))
			printf(", number %" PRIu64 ", %u step%s, progress %" PRIu64,
			       (uint64_t)s.seq, s.steps, text_s(s.steps), (uint64_t)s.progress);
		printf("%s%s\n", s.flags ? ", " : "", words(slot_bits, s.flags, bits));
	}
}

static void print_registers(const struct dump *d)
{
	struct snnq_dump_register r;
	char text[40];

	printf("registers:%s\n", COUNT(d, REGISTERS) ? "" : " none, the device had no power");
	for (uint32_t i = 0; i < COUNT(d, REGISTERS); i++) {
		const char *name;

		ENTRY(d, REGISTERS, i, &r);
		name = register_name(r.offset, text);
		if (*name)
			printf("  %-20s %#x\n", name, r.value);
	}
}

static void print_text(const struct dump *d, const char *title)
{
	struct snnq_dump_device v;
	char name[64], driver[64], kernel[128];

	ENTRY(d, DEVICE, 0, &v);
	printf("%s: a job that failed on %s, hardware %u.%u\n", title,
	       text_printable(v.name, name, sizeof(name)), v.hw_version >> 16,
	       v.hw_version & 0xffff);
	printf("driver %s %u.%u, kernel %s\n", text_printable(v.driver, driver, sizeof(driver)),
	       v.driver_major, v.driver_minor, text_printable(v.kernel, kernel, sizeof(kernel)));
	print_job(d);
	print_program(d);
	print_regions(d);
	print_cores(d);
	print_registers(d);
	if (d->unknown)
		printf("and %u section%s that this program does not know\n", d->unknown,
		       text_s(d->unknown));
}

/* ---- JSON ---- */

/* 64 bits do not fit a number of JSON. */
static void put_wide(cJSON *o, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%#" PRIx64, value);
	cJSON_AddStringToObject(o, key, text);
}

static void put(cJSON *o, const char *key, double value)
{
	cJSON_AddNumberToObject(o, key, value);
}

static cJSON *device_json(const struct dump *d)
{
	cJSON *o = cJSON_CreateObject();
	struct snnq_dump_device v;

	ENTRY(d, DEVICE, 0, &v);
	cJSON_AddStringToObject(o, "name", v.name);
	cJSON_AddStringToObject(o, "driver", v.driver);
	cJSON_AddStringToObject(o, "kernel", v.kernel);
	put(o, "driver_major", v.driver_major);
	put(o, "driver_minor", v.driver_minor);
	put(o, "hw_version", v.hw_version);
	put(o, "cores", v.cores);
	put(o, "time_ns", (double)v.time_ns);
	put(o, "real_ns", (double)v.real_ns);
	return o;
}

/* What the device can do, and how the driver treats it. */
static cJSON *info_json(const struct dump *d)
{
	cJSON *o = cJSON_CreateObject();
	struct drm_snnq_dev_info v;

	ENTRY(d, INFO, 0, &v);
#define PUT_MASK(member, name)	put_wide(o, #member, v.member);
#define PUT_LIMIT(member, name) put(o, #member, (double)v.member);
	SNNQ_CAPS_MASKS(PUT_MASK)
	SNNQ_CAPS_MASKS64(PUT_MASK)
	SNNQ_CAPS_LIMITS(PUT_LIMIT)
	SNNQ_CAPS_LIMITS64(PUT_LIMIT)
#undef PUT_MASK
#undef PUT_LIMIT
	put(o, "sram_bytes", v.sram_bytes);
	put(o, "dma_bits", v.dma_bits);
	put(o, "lanes", v.lanes);
	put(o, "port_bytes", v.port_bytes);
	put(o, "clock_khz", v.clock_khz);
	put(o, "features", v.features);
	put(o, "flags", v.flags);
	put(o, "queue_depth", v.queue_depth);
	put(o, "timeout_ms", v.timeout_ms);
	put(o, "limit_ms", v.limit_ms);
	put(o, "page_bytes", v.page_bytes);
	return o;
}

static void put_place(cJSON *o, const char *key, uint32_t value, uint32_t none)
{
	if (value != none)
		put(o, key, value);
}

static cJSON *record_json(const struct snnq_dump_job *j)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "status", snnq_status_name(j->record_status));
	put(o, "steps", j->record_steps);
	put(o, "cycles", (double)j->record_cycles);
	put_place(o, "layer", j->record_layer, SNNQ_LAYER_NONE);
	put_place(o, "region", j->record_region, SNNQ_REGION_NONE);
	put_wide(o, "offset", j->record_offset);
	return o;
}

static cJSON *job_json(const struct dump *d)
{
	cJSON *o = cJSON_CreateObject();
	struct snnq_dump_job j;

	ENTRY(d, JOB, 0, &j);
	put(o, "client", (double)j.client);
	put(o, "context", (double)j.context);
	put(o, "seq", (double)j.seq);
	put(o, "pid", j.pid);
	put(o, "uid", j.uid);
	cJSON_AddStringToObject(o, "comm", j.comm);
	put(o, "core", j.core);
	put(o, "id", j.id);
	put(o, "error", j.error);
	cJSON_AddStringToObject(o, "status", snnq_status_name(j.status));
	put_place(o, "layer", j.layer, SNNQ_LAYER_NONE);
	put_place(o, "region", j.region, SNNQ_REGION_NONE);
	put_wide(o, "offset", j.offset);
	put(o, "steps", j.steps);
	put(o, "flags", j.flags);
	cJSON_AddItemToObject(o, "state", words_json(job_bits, j.state));
	put(o, "replays", j.replays);
	put(o, "fatals", j.fatals);
	put(o, "limit_ns", (double)j.limit_ns);
	put(o, "started_ns", (double)j.started_ns);
	put(o, "begun_ns", (double)j.begun_ns);
	put(o, "ended_ns", (double)j.ended_ns);
	cJSON_AddItemToObject(o, "record", record_json(&j));
	return o;
}

static cJSON *layer_json(const struct dump *d, uint32_t index)
{
	cJSON *o = cJSON_CreateObject(), *out;
	struct snnq_layer l;

	ENTRY(d, LAYERS, index, &l);
	cJSON_AddStringToObject(o, "op", capabilities_word("ops", l.op));
	out = cJSON_AddArrayToObject(o, "out");
	cJSON_AddItemToArray(out, cJSON_CreateNumber(l.out.height));
	cJSON_AddItemToArray(out, cJSON_CreateNumber(l.out.width));
	cJSON_AddItemToArray(out, cJSON_CreateNumber(l.out.channels));
	put(o, "out_region", l.out.region);
	cJSON_AddStringToObject(o, "scheme", scheme_name(l.quant.scheme));
	put(o, "bits", l.quant.bits);
	put(o, "param", l.param);
	put(o, "flags", l.flags);
	return o;
}

static cJSON *need_json(const struct dump *d, uint32_t index)
{
	cJSON *o = cJSON_CreateObject();
	struct snnq_region_desc n;

	ENTRY(d, NEEDS, index, &n);
	put(o, "bytes", (double)n.bytes);
	put(o, "step_bytes", (double)n.step_bytes);
	put(o, "role", n.role);
	return o;
}

/* All entries of a section. */
static cJSON *list_json(const struct dump *d, uint32_t count,
			cJSON *(*entry)(const struct dump *d, uint32_t index))
{
	cJSON *list = cJSON_CreateArray();

	for (uint32_t i = 0; i < count; i++)
		cJSON_AddItemToArray(list, entry(d, i));
	return list;
}

#define LIST(d, name, entry) list_json(d, COUNT(d, name), entry)

static cJSON *program_json(const struct dump *d)
{
	cJSON *o = cJSON_CreateObject();
	struct snnq_program_header p;

	ENTRY(d, PROGRAM, 0, &p);
	put(o, "total_bytes", p.total_bytes);
	put(o, "max_steps", p.max_steps);
	put(o, "tile_steps", p.tile_steps);
	put(o, "table_count", p.table_count);
	put_wide(o, "needs", p.needs);
	put(o, "state_bytes", (double)p.state_bytes);
	put(o, "scratch_step_bytes", (double)p.scratch_step_bytes);
	cJSON_AddItemToObject(o, "regions", LIST(d, NEEDS, need_json));
	cJSON_AddItemToObject(o, "layers", LIST(d, LAYERS, layer_json));
	return o;
}

static cJSON *region_json(const struct dump *d, uint32_t index)
{
	cJSON *o = cJSON_CreateObject();
	struct snnq_dump_region r;

	ENTRY(d, REGIONS, index, &r);
	put(o, "index", r.index);
	cJSON_AddItemToObject(o, "access", words_json(access_bits, r.access));
	put(o, "start", (double)r.start);
	put(o, "bytes", (double)r.bytes);
	put(o, "pages", r.pages);
	return o;
}

static cJSON *core_json(const struct dump *d, uint32_t index)
{
	cJSON *o = cJSON_CreateObject();
	struct snnq_dump_core c;

	ENTRY(d, CORES, index, &c);
	put(o, "index", c.index);
	cJSON_AddItemToObject(o, "state", words_json(core_bits, c.state));
	put(o, "entries", c.entries);
	put(o, "tail", c.tail);
	put(o, "head", c.head);
	put(o, "phase", c.phase);
	put(o, "resets", (double)c.resets);
	put(o, "fruitless", c.fruitless);
	return o;
}

static cJSON *slot_json(const struct dump *d, uint32_t index)
{
	cJSON *o = cJSON_CreateObject();
	struct snnq_dump_slot s;

	ENTRY(d, RING, index, &s);
	put(o, "slot", s.slot);
	put(o, "id", s.id);
	cJSON_AddItemToObject(o, "flags", words_json(slot_bits, s.flags));
	if (!(s.flags & SNNQ_DUMP_SLOT_OTHER)) {
		put(o, "seq", (double)s.seq);
		put(o, "context", (double)s.context);
		put(o, "steps", s.steps);
		put(o, "progress", (double)s.progress);
	}
	return o;
}

static cJSON *register_json(const struct dump *d, uint32_t index)
{
	cJSON *o = cJSON_CreateObject();
	struct snnq_dump_register r;
	const char *name;
	char text[40];

	ENTRY(d, REGISTERS, index, &r);
	name = register_name(r.offset, text);
	put(o, "offset", r.offset);
	put(o, "value", r.value);
	if (*name)
		cJSON_AddStringToObject(o, "name", name);
	return o;
}

static int print_json(const struct dump *d)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "kind", "dump");
	cJSON_AddItemToObject(o, "device", device_json(d));
	cJSON_AddItemToObject(o, "info", info_json(d));
	cJSON_AddItemToObject(o, "job", job_json(d));
	if (COUNT(d, PROGRAM))
		cJSON_AddItemToObject(o, "program", program_json(d));
	cJSON_AddItemToObject(o, "regions", LIST(d, REGIONS, region_json));
	cJSON_AddItemToObject(o, "cores", LIST(d, CORES, core_json));
	cJSON_AddItemToObject(o, "ring", LIST(d, RING, slot_json));
	cJSON_AddItemToObject(o, "registers", LIST(d, REGISTERS, register_json));
	put(o, "unknown_sections", d->unknown);
	return cli_print_json(o);
}

int dump_show(const struct dump *d, const char *title, bool json)
{
	if (json)
		return print_json(d);
	print_text(d, title);
	return CLI_OK;
}
