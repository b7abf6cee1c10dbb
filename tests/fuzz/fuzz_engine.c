// SPDX-License-Identifier: MIT
/*
 * fuzz_engine.c - libFuzzer harness: any bytes as a program and memory contents.
 *
 * The input is a program of the size that its header states; what follows is what
 * memory holds, over and over. What the validator accepts is run, if it is small
 * enough: no access may leave the regions that the program declares, whatever
 * they hold, and all kernels agree. With the lowest bit of the first content byte
 * set, memory changes between two reads.
 *
 * The mutator keeps headers consistent most of the time and changes single fields
 * and whole tensors of layers, so that mutants get past the first checks.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "snnq_engine.h"

#define MAX_WORK      200000u
#define MAX_BYTES     (1u << 18)
#define MAX_JOB_STEPS 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Memory made of the content; writes are summed up. */
struct content {
	const struct snnq_program_info *info;
	const uint8_t *bytes;
	size_t size;
	uint32_t steps;
	bool changes;
	uint64_t reads;
	uint64_t sum;
};

/* Abort unless [offset, offset + bytes) is what the program may access. */
static void check_access(const struct content *c, uint32_t region, uint64_t offset, size_t bytes,
			 uint32_t right)
{
	uint64_t limit = c->info->state_bytes;

	if (region >= SNNQ_REGION_USER) {
		uint32_t r = region - SNNQ_REGION_USER;

		if (r >= c->info->region_count || c->info->regions[r].access != right)
			abort();
		limit = snnq_region_required(c->info, r, c->steps);
	} else if (region !=
		   (right == SNNQ_ACCESS_READ ? SNNQ_REGION_STATE_IN : SNNQ_REGION_STATE_OUT)) {
		abort();
	}
	if (bytes > limit || offset > limit - bytes)
		abort();
}

static int content_read(void *ctx, uint32_t region, uint64_t offset, void *buf, size_t bytes)
{
	struct content *c = ctx;
	uint8_t *out = buf;
	size_t i;

	check_access(c, region, offset, bytes, SNNQ_ACCESS_READ);
	for (i = 0; i < bytes; i++) {
		out[i] = c->size ? c->bytes[(offset + i + region) % c->size] : 0;
		if (c->changes)
			out[i] ^= (uint8_t)(c->reads * 37 >> 2);
	}
	c->reads++;
	/* The state version is right, otherwise nothing would run. */
	if (region == SNNQ_REGION_STATE_IN && offset == 0 && bytes >= 8)
		memset(buf, 0, 8);
	return SNNQ_STATUS_OK;
}

static int content_write(void *ctx, uint32_t region, uint64_t offset, const void *buf, size_t bytes)
{
	struct content *c = ctx;
	const uint8_t *in = buf;
	size_t i;

	check_access(c, region, offset, bytes, SNNQ_ACCESS_WRITE);
	for (i = 0; i < bytes; i++)
		c->sum = (c->sum ^ in[i] ^ region) * 0x100000001b3ull;
	return SNNQ_STATUS_OK;
}

/* Run one job and sum up all it did. */
static uint64_t run_job(struct snnq_plan *plan, const uint8_t *bytes, size_t size, bool reset,
			enum snnq_kernel_choice kernel)
{
	const struct snnq_program_info *info = snnq_plan_info(plan);
	struct content c = { .info = info, .bytes = bytes, .size = size };
	struct snnq_layer_stats *stats = calloc(info->layer_count, sizeof(*stats));
	struct snnq_outcome outcome;
	struct snnq_run run = { .reset = reset, .stats = stats };
	uint32_t r;

	if (!stats)
		abort();
	c.steps = info->max_steps < MAX_JOB_STEPS ? info->max_steps : MAX_JOB_STEPS;
	c.changes = size && bytes[0] & 1;
	run.steps = c.steps;
	run.memory =
		(struct snnq_memory){ .read = content_read, .write = content_write, .ctx = &c };
	for (r = 0; r < info->region_count; r++)
		run.event_bytes[r] = snnq_region_required(info, r, c.steps);
	snnq_plan_force_kernel(plan, kernel);
	snnq_plan_run(plan, &run, &outcome);
	/* Such memory never fails: only an event can be wrong. */
	if (outcome.status != SNNQ_STATUS_OK && outcome.status != SNNQ_STATUS_BAD_EVENT)
		abort();
	if (outcome.status == SNNQ_STATUS_OK && outcome.steps != c.steps)
		abort();
	if (outcome.status == SNNQ_STATUS_OK)
		for (r = 0; r < info->layer_count; r++)
			c.sum = (c.sum ^ stats[r].synops ^ stats[r].saturations) * 31 +
				stats[r].output_spikes;
	free(stats);
	return c.sum + outcome.status + outcome.offset;
}

/* Whether each kernel gives @sum, with each instruction set. */
static bool kernels_agree(struct snnq_plan *plan, const uint8_t *bytes, size_t size, bool reset,
			  uint64_t sum)
{
	enum snnq_kernel_choice k;
	enum snnq_isa isa;
	bool agree = true;

	for (isa = SNNQ_ISA_GENERIC; isa < SNNQ_ISA_COUNT; isa++) {
		if (!snnq_plan_force_isa(plan, isa))
			continue;
		for (k = SNNQ_KERNEL_EVENT; k < SNNQ_KERNEL_CHOICES; k++)
			agree &= run_job(plan, bytes, size, reset, k) == sum;
	}
	return agree;
}

static bool is_small(const struct snnq_program_info *info)
{
	uint32_t r;

	for (r = 0; r < info->region_count; r++)
		if (snnq_region_required(info, r, MAX_JOB_STEPS) > MAX_BYTES)
			return false;
	return info->work_per_step <= MAX_WORK && info->scratch_bytes <= MAX_BYTES &&
	       info->state_bytes <= MAX_BYTES;
}

/* The size that the program claims, as far as there are bytes. */
static size_t program_size(const uint8_t *data, size_t size)
{
	struct snnq_program_header h;

	if (size < sizeof(h))
		return size;
	memcpy(&h, data, sizeof(h));
	return h.total_bytes < size ? h.total_bytes : size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t program = program_size(data, size);
	const uint8_t *content = data + program;
	struct snnq_program_info info;
	struct snnq_diag diag;
	struct snnq_plan *plan;
	bool reset;
	void *blob;
	int ret;

	blob = malloc(program ? program : 1); /* exact, so that overreads are seen */
	if (!blob)
		return 0;
	memcpy(blob, data, program);
	ret = snnq_program_validate(blob, program, &snnq_caps_all, &info, &diag);
	if (!ret != (diag.check == SNNQ_CHECK_OK) || !diag.field)
		abort();
	if (!ret && is_small(&info) &&
	    !snnq_plan_create(blob, program, &snnq_caps_all, UINT64_MAX, NULL, &plan, NULL)) {
		for (reset = false;; reset = true) {
			uint64_t sum =
				run_job(plan, content, size - program, reset, SNNQ_KERNEL_GENERIC);
			bool same = !(size > program && content[0] & 1);

			if (!kernels_agree(plan, content, size - program, reset, sum) && same)
				abort();
			if (reset)
				break;
		}
		snnq_plan_destroy(plan);
	}
	free(blob);
	return 0;
}

static uint32_t descriptor_bytes(uint32_t stated, uint32_t least)
{
	return stated < least || stated > SNNQ_MAX_DESC_BYTES || stated % 8 ? least : stated;
}

/* Make the sizes in the header agree with each other. */
static void repair_header(uint8_t *data, size_t size)
{
	struct snnq_program_header h;
	uint64_t bytes;

	if (size < sizeof(h))
		return;
	memcpy(&h, data, sizeof(h));
	h.magic = SNNQ_PROGRAM_MAGIC;
	h.version = SNNQ_PROGRAM_VERSION;
	h.header_bytes = descriptor_bytes(h.header_bytes, sizeof(h));
	h.region_bytes = descriptor_bytes(h.region_bytes, sizeof(struct snnq_region_desc));
	h.layer_bytes = descriptor_bytes(h.layer_bytes, sizeof(struct snnq_layer));
	bytes = h.header_bytes + (uint64_t)h.region_count * h.region_bytes +
		(uint64_t)h.layer_count * h.layer_bytes + (uint64_t)h.table_count * 4;
	if (bytes > size)
		return;
	h.total_bytes = (uint32_t)bytes;
	memcpy(data, &h, sizeof(h));
}

static uint32_t next_random(unsigned int *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Change one field of @width bytes at @at. */
static void mutate_field(uint8_t *data, size_t at, uint32_t width, unsigned int *seed)
{
	static const uint64_t special[] = { 0, 1, 2, 3, 8, 16, 64, 255, 4096, 65535, 65536, ~0ull };
	uint64_t v = 0;

	memcpy(&v, data + at, width);
	switch (next_random(seed) % 4) {
	case 0:
		v++;
		break;
	case 1:
		v--;
		break;
	case 2:
		v = special[next_random(seed) % (sizeof(special) / sizeof(special[0]))];
		break;
	default:
		v ^= 1ull << next_random(seed) % (8 * width);
	}
	memcpy(data + at, &v, width);
}

/* Copy a tensor from one place of a layer, operand or result, to one of another. */
static void mutate_tensor(uint8_t *data, size_t layers_at, const struct snnq_program_header *h,
			  unsigned int *seed)
{
	const size_t bytes = sizeof(struct snnq_tensor), first = offsetof(struct snnq_layer, in);
	const uint32_t tensors = SNNQ_MAX_OPERANDS + 1;
	size_t from = layers_at + next_random(seed) % h->layer_count * h->layer_bytes + first +
		      next_random(seed) % tensors * bytes;
	size_t to = layers_at + next_random(seed) % h->layer_count * h->layer_bytes + first +
		    next_random(seed) % tensors * bytes;

	memmove(data + to, data + from, bytes);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct snnq_program_header h;
	size_t layers_at, program = program_size(data, size);
	uint32_t kind = next_random(&seed) % 8;

	if (program < sizeof(h) || kind == 0) {
		size = LLVMFuzzerMutate(data, size, max_size);
		if (next_random(&seed) % 4)
			repair_header(data, size);
		return size;
	}
	memcpy(&h, data, sizeof(h));
	layers_at = h.header_bytes + (size_t)h.region_count * h.region_bytes;
	if (kind <= 2 || h.layer_count == 0 || h.layer_count > SNNQ_MAX_LAYERS ||
	    h.layer_bytes < sizeof(struct snnq_layer) || layers_at >= program ||
	    (program - layers_at) / h.layer_bytes < h.layer_count)
		return program +
		       LLVMFuzzerMutate(data + program, size - program, max_size - program);
	if (kind == 3) {
		mutate_tensor(data, layers_at, &h, &seed);
	} else {
		uint32_t width = 1u << next_random(&seed) % 4;
		/* Mostly layers, now and then the header or a region. */
		size_t first = kind == 4 ? 0 : layers_at;

		mutate_field(data, first + next_random(&seed) % ((program - first) / width) * width,
			     width, &seed);
	}
	return size;
}
