// SPDX-License-Identifier: MIT
/*
 * test_golden.c - the engine against the golden vectors of the independent reference.
 *
 *   test_golden [FILE [NAME]]	TAP, one line per case; NAME selects cases by a part of their name
 *
 * Each case runs with every choice of kernel, as recorded and in other forms which
 * must not change a bit: other tiles, jobs split into single steps and into pieces.
 * The format of the file is in tests/reference/README.md.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define GOLDEN_VERSION 1u
#define GOLDEN_FILL    0xa5
#define GOLDEN_RESET   1u
#define STATS_WORDS    (sizeof(struct snnq_layer_stats) / 8)
#define MAX_REPORTS    8u /* mismatches shown of one case */

enum { KIND_DATA, KIND_SAME, KIND_RESULT };

struct file_head {
	char magic[8];
	uint32_t version, cases;
};

struct case_head {
	uint64_t bytes;
	char name[64];
	uint32_t program_bytes, jobs, regions, zero;
};

struct job_head {
	uint32_t steps, flags, status;
	uint16_t layer, region;
	uint64_t offset;
};

struct region_head {
	uint32_t kind, zero;
	uint64_t bytes;
};

struct content {
	const uint8_t *data;
	uint64_t bytes;
};

/* A recorded job. */
struct job {
	struct job_head head;
	struct content regions[SNNQ_MAX_USER_REGIONS];
	struct content state;
	uint32_t layers, mask;
	const uint64_t *stats;
};

/* How to run a case: the kernel, the tile (0: as recorded), steps per job (0: all). */
struct form {
	enum snnq_kernel_choice kernel;
	uint32_t tile, piece;
};

/* A case while it runs. */
struct run_state {
	const struct case_head *head;
	uint64_t *program;
	struct snnq_plan *plan;
	struct form form;
	uint32_t job;
	uint64_t seq;
	uint8_t *state;	 /* of the last job that succeeded */
	uint64_t *stats; /* sum over the pieces of a job */
	uint32_t failures;
};

static void die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(2);
}

/* The next @bytes of the file, padded to a multiple of 8. */
static const void *take(struct content *from, uint64_t bytes)
{
	const void *p = from->data;
	uint64_t padded = (bytes + 7) & ~7ull;

	if (padded < bytes || padded > from->bytes)
		die("the file of golden vectors is cut short");
	from->data += padded;
	from->bytes -= padded;
	return p;
}

static void parse_region(struct content *from, struct content *region, uint32_t access)
{
	const struct region_head *h = take(from, sizeof(*h));

	if (h->kind > KIND_RESULT || (h->kind == KIND_RESULT) != (access == SNNQ_ACCESS_WRITE))
		die("a region is of another kind than in the program");
	if (h->kind == KIND_SAME)
		return;
	region->bytes = h->bytes;
	region->data = take(from, h->bytes);
}

/* @job holds the one before, for regions that did not change. */
static void parse_job(struct content *from, const struct snnq_program_info *info, struct job *job)
{
	const uint32_t *counters;
	uint32_t r;

	memcpy(&job->head, take(from, sizeof(job->head)), sizeof(job->head));
	for (r = 0; r < info->region_count; r++)
		parse_region(from, &job->regions[r], info->regions[r].access);
	job->state.bytes = *(const uint64_t *)take(from, 8);
	job->state.data = take(from, job->state.bytes);
	counters = take(from, 8);
	job->layers = counters[0];
	job->mask = counters[1];
	job->stats = take(from, job->layers * sizeof(struct snnq_layer_stats));
	if (job->layers != (job->head.status == SNNQ_STATUS_OK ? info->layer_count : 0))
		die("a job has counters for another number of layers");
}

__attribute__((format(printf, 2, 3))) static void fail(struct run_state *s, const char *format, ...)
{
	static const char *const kernels[] = { "auto", "generic", "event", "dense" };
	va_list args;

	if (s->failures++ >= MAX_REPORTS)
		return;
	printf("# %s: kernel %s, tile %u, piece %u: job %u: ", s->head->name,
	       kernels[s->form.kernel], s->form.tile, s->form.piece, s->job);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* @first: the number of the first byte, for the report. */
static void compare(struct run_state *s, const char *what, uint64_t first, const uint8_t *got,
		    const uint8_t *want, uint64_t bytes)
{
	uint64_t i;

	for (i = 0; i < bytes; i++)
		if (got[i] != want[i]) {
			fail(s, "%s differs at byte %llu: expected 0x%02x, got 0x%02x", what,
			     (unsigned long long)(first + i), want[i], got[i]);
			return;
		}
}

static void resize(struct memory *m, uint32_t region, uint64_t bytes)
{
	free(m->bytes[region]);
	m->bytes[region] = calloc(1, bytes ? bytes : 1);
	if (!m->bytes[region])
		die("out of memory");
	m->size[region] = bytes;
}

/* The events of [first, first + steps), in a list of their own. */
static void cut_events(struct memory *m, const struct snnq_tensor *t, const struct content *all,
		       uint64_t least, uint32_t first, uint32_t steps)
{
	uint64_t at, step, to = t->offset, bytes = all->bytes + 8, word;

	resize(m, t->region, bytes > least ? bytes : least);
	memcpy(m->bytes[t->region], all->data, t->offset);
	for (at = t->offset; all->bytes - at >= 8; at += 8) {
		memcpy(&word, all->data + at, 8);
		if (word == SNNQ_EVENT_END)
			break;
		step = word >> SNNQ_EVENT_STEP_SHIFT;
		if (step < first || step >= (uint64_t)first + steps)
			continue;
		word -= (uint64_t)first << SNNQ_EVENT_STEP_SHIFT;
		memcpy(m->bytes[t->region] + to, &word, 8);
		to += 8;
	}
	word = SNNQ_EVENT_END;
	memcpy(m->bytes[t->region] + to, &word, 8);
}

/* Regions of the piece that starts at step @first of a recorded job. */
static void fill_regions(struct run_state *s, struct memory *m, const struct job *job,
			 uint32_t first, uint32_t steps)
{
	const struct snnq_program_info *info = snnq_plan_info(s->plan);
	uint32_t r, i;

	for (r = 0; r < info->region_count; r++) {
		const struct snnq_region_info *d = &info->regions[r];
		const struct content *c = &job->regions[r];
		uint32_t region = SNNQ_REGION_USER + r;

		if (d->access == SNNQ_ACCESS_WRITE) {
			memset(m->bytes[region], GOLDEN_FILL, m->size[region]);
			continue;
		}
		if (d->role == SNNQ_ROLE_EVENTS)
			resize(m, region, c->bytes);
		if (d->step_bytes * first + m->size[region] > c->bytes)
			die("a recorded input is too short");
		memcpy(m->bytes[region], c->data + d->step_bytes * first, m->size[region]);
	}
	for (i = 0; i < info->layer_count && steps < job->head.steps; i++) {
		const struct snnq_layer *l = snnq_program_layer(s->program, i);
		const struct snnq_tensor *t = &l->in[0];

		r = t->region - SNNQ_REGION_USER;
		if (l->op == SNNQ_OP_EVENTS)
			cut_events(m, t, &job->regions[r], info->regions[r].bytes, first, steps);
	}
}

/* Layers follow each other; memory traffic beyond a layer's computation stalls it. */
static uint64_t job_cycles(const struct job *job)
{
	const struct snnq_layer_stats *stats = (const void *)job->stats;
	uint64_t cycles = 0;
	uint32_t i;

	for (i = 0; i < job->layers; i++)
		cycles += stats[i].compute_cycles + stats[i].stall_cycles;
	return cycles;
}

static void check_outcome(struct run_state *s, const struct job *job, const struct snnq_outcome *o,
			  uint32_t steps)
{
	const struct job_head *h = &job->head;

	if (o->status != h->status || o->layer != h->layer || o->region != h->region ||
	    o->offset != h->offset)
		fail(s, "expected status %u layer %u region %u offset %llu, got %u %u %u %llu",
		     h->status, h->layer, h->region, (unsigned long long)h->offset, o->status,
		     o->layer, o->region, (unsigned long long)o->offset);
	if (o->status == SNNQ_STATUS_OK && o->steps != steps)
		fail(s, "%u steps done of %u", o->steps, steps);
	if (!s->form.tile && !s->form.piece && o->cycles != job_cycles(job))
		fail(s, "expected %llu cycles, got %llu", (unsigned long long)job_cycles(job),
		     (unsigned long long)o->cycles);
}

/* What the piece wrote; readouts hold their value after the last piece only. */
static void check_outputs(struct run_state *s, const struct memory *m, const struct job *job,
			  uint32_t first, bool last)
{
	const struct snnq_program_info *info = snnq_plan_info(s->plan);
	uint32_t r;

	for (r = 0; r < info->region_count; r++) {
		const struct snnq_region_info *d = &info->regions[r];
		uint64_t start = d->step_bytes * first, size = m->size[SNNQ_REGION_USER + r];
		char name[32];

		if (d->access != SNNQ_ACCESS_WRITE || (!d->step_bytes && !last))
			continue;
		if (start + size > job->regions[r].bytes)
			die("a recorded output is too short");
		snprintf(name, sizeof(name), "region %u", SNNQ_REGION_USER + r);
		compare(s, name, start, m->bytes[SNNQ_REGION_USER + r],
			job->regions[r].data + start, size);
	}
}

/* Whether a sum over pieces, or other tiles, give another number by definition. */
static bool depends_on_form(const struct form *f, const struct snnq_layer *l, uint32_t word)
{
	enum {
		SPIKES_OUT = 4,
		WEIGHTS,
		BYTES_IN,
		BYTES_OUT,
		STATE,
		SRAM,
		COMPUTE,
		MEMORY,
		STALL,
		SATURATED
	};
	bool has_weights = l->op == SNNQ_OP_CONV2D || l->op == SNNQ_OP_LINEAR;

	if (word == WEIGHTS)
		return f->piece || (f->tile && has_weights);
	if (word == STATE)
		return f->piece || (f->tile && l->state_offset);
	if (word == SRAM || word == MEMORY || word == STALL)
		return f->piece || (f->tile && (has_weights || l->state_offset));
	if (!f->piece)
		return false;
	if (word == COMPUTE) /* each piece is rounded up */
		return true;
	return (l->op == SNNQ_OP_EVENTS && word == BYTES_IN) ||
	       (l->op == SNNQ_OP_READOUT &&
		(word == SPIKES_OUT || word == BYTES_OUT || word == SATURATED));
}

static void check_stats(struct run_state *s, const struct job *job)
{
	uint32_t i, w;

	for (i = 0; i < job->layers; i++)
		for (w = 0; w < STATS_WORDS; w++) {
			uint64_t got = s->stats[i * STATS_WORDS + w];
			uint64_t want = job->stats[i * STATS_WORDS + w];

			if (!(job->mask >> w & 1) || got == want ||
			    depends_on_form(&s->form, snnq_program_layer(s->program, i), w))
				continue;
			fail(s, "layer %u counter %u: expected %llu, got %llu", i, w,
			     (unsigned long long)want, (unsigned long long)got);
		}
}

/* All but the version, which counts the pieces, is as recorded after the last piece. */
static void check_state(struct run_state *s, const struct memory *m, const struct job *job,
			bool last)
{
	const uint8_t *out = m->bytes[SNNQ_REGION_STATE_OUT];
	uint64_t bytes = m->size[SNNQ_REGION_STATE_OUT], seq;

	memcpy(&seq, out, 8);
	if (seq != s->seq + 1)
		fail(s, "state version is %llu", (unsigned long long)seq);
	if (last && job->state.bytes != bytes)
		fail(s, "state has %llu bytes", (unsigned long long)bytes);
	else if (last)
		compare(s, "state", 8, out + 8, job->state.data + 8, bytes - 8);
	memcpy(s->state, out, bytes);
	s->seq++;
}

/* Old and new state of a job: a reset reads neither, and nobody reads the new one. */
static void fill_state(const struct run_state *s, struct memory *m, bool reset)
{
	uint64_t bytes = m->size[SNNQ_REGION_STATE_IN];

	if (reset)
		memset(m->bytes[SNNQ_REGION_STATE_IN], 0xee, bytes);
	else
		memcpy(m->bytes[SNNQ_REGION_STATE_IN], s->state, bytes);
	memset(m->bytes[SNNQ_REGION_STATE_OUT], 0x77, bytes);
}

/* Whether what a job left is neither what was there before nor marked as torn. */
static bool is_state(const uint8_t *bytes)
{
	struct snnq_state_header h;

	memcpy(&h, bytes, sizeof(h));
	return h.seq != 0x7777777777777777 && h.seq != SNNQ_STATE_TORN;
}

static void run_piece(struct run_state *s, const struct job *job, uint32_t first, uint32_t steps)
{
	const struct snnq_program_info *info = snnq_plan_info(s->plan);
	struct snnq_layer_stats *stats = calloc(info->layer_count, sizeof(*stats));
	bool last = first + steps == job->head.steps;
	struct snnq_outcome outcome;
	struct snnq_run run;
	struct memory m;
	size_t i;

	if (!stats)
		die("out of memory");
	memory_init(&m, info, steps);
	fill_regions(s, &m, job, first, steps);
	run_init(&run, &m, steps);
	run.reset = !first && (job->head.flags & GOLDEN_RESET);
	run.state_seq = s->seq;
	run.stats = stats;
	m.use_view = s->job % 2;
	fill_state(s, &m, run.reset);
	snnq_plan_run(s->plan, &run, &outcome);
	check_outcome(s, job, &outcome, steps);
	check_outputs(s, &m, job, first, last);
	if (outcome.status == SNNQ_STATUS_OK)
		check_state(s, &m, job, last);
	else if (is_state(m.bytes[SNNQ_REGION_STATE_OUT]))
		fail(s, "a failed job left a state behind");
	for (i = 0; i < info->layer_count * STATS_WORDS; i++)
		s->stats[i] += ((uint64_t *)stats)[i];
	free(stats);
	memory_free(&m);
}

static void run_job(struct run_state *s, const struct job *job)
{
	uint32_t piece = s->form.piece, first, steps = job->head.steps;

	/* Where a list is wrong depends on how it is cut: only as recorded. */
	if (piece && job->head.status != SNNQ_STATUS_OK)
		return;
	memset(s->stats, 0, snnq_plan_info(s->plan)->layer_count * STATS_WORDS * 8);
	if (!piece)
		piece = steps;
	for (first = 0; first < steps; first += piece)
		run_piece(s, job, first, piece < steps - first ? piece : steps - first);
	check_stats(s, job);
}

static void run_jobs(struct run_state *s, struct content jobs)
{
	const struct snnq_program_info *info = snnq_plan_info(s->plan);
	struct job job = { 0 };

	if (info->region_count != s->head->regions)
		die("a case has another number of regions than its program");
	s->seq = 0;
	s->state = calloc(1, info->state_bytes);
	s->stats = calloc(info->layer_count, sizeof(struct snnq_layer_stats));
	if (!s->state || !s->stats)
		die("out of memory");
	for (s->job = 0; s->job < s->head->jobs; s->job++) {
		parse_job(&jobs, info, &job);
		run_job(s, &job);
	}
	if (jobs.bytes)
		die("something follows the last job of a case");
	free(s->stats);
	free(s->state);
}

static void run_form(struct run_state *s, struct content jobs)
{
	struct snnq_program_header *header = (void *)s->program;
	uint32_t recorded = header->tile_steps;
	struct snnq_diag diag;

	s->job = 0;
	if (s->form.tile)
		header->tile_steps = s->form.tile;
	if (snnq_plan_create(s->program, s->head->program_bytes, &snnq_caps_all, UINT64_MAX, NULL,
			     &s->plan, &diag)) {
		fail(s, "program refused: layer %d, %s: %s", (int)diag.layer, diag.field,
		     snnq_check_text(diag.check));
	} else {
		snnq_plan_force_kernel(s->plan, s->form.kernel);
		run_jobs(s, jobs);
		snnq_plan_destroy(s->plan);
	}
	header->tile_steps = recorded;
}

/* Whether all forms of a case give what was recorded. */
static bool run_case(const struct case_head *head, struct content jobs)
{
	static const struct {
		uint32_t tile, piece;
	} forms[] = {
		{ 0, 0 }, { 1, 0 }, { 7, 0 }, { 0, 1 }, { 3, 2 },
	};
	struct run_state s = { .head = head };
	const void *program = take(&jobs, head->program_bytes);
	enum snnq_kernel_choice k;
	size_t i;

	s.program = malloc(head->program_bytes);
	if (!s.program)
		die("out of memory");
	memcpy(s.program, program, head->program_bytes);
	for (k = SNNQ_KERNEL_AUTO; k < SNNQ_KERNEL_CHOICES; k++)
		for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
			s.form.kernel = k;
			s.form.tile = forms[i].tile;
			s.form.piece = forms[i].piece;
			run_form(&s, jobs);
		}
	free(s.program);
	return !s.failures;
}

static uint8_t *read_file(const char *path, uint64_t *bytes)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size = -1;

	if (f && !fseek(f, 0, SEEK_END))
		size = ftell(f);
	if (size < 0) {
		printf("Bail out! cannot read %s\n", path);
		exit(2);
	}
	rewind(f);
	data = malloc((size_t)size + 1);
	if (!data || fread(data, 1, (size_t)size, f) != (size_t)size)
		die("cannot read the golden vectors");
	fclose(f);
	*bytes = (uint64_t)size;
	return data;
}

int main(int argc, char **argv)
{
	uint32_t i, number = 0, failed = 0;
	const struct file_head *head;
	struct content file;
	uint8_t *data = read_file(argc > 1 ? argv[1] : GOLDEN_FILE, &file.bytes);

	file.data = data;
	head = take(&file, sizeof(*head));
	if (memcmp(head->magic, "SNNQGOLD", 8) || head->version != GOLDEN_VERSION)
		die("not a file of golden vectors");
	for (i = 0; i < head->cases; i++) {
		const struct case_head *c = (const void *)file.data;
		uint64_t bytes = *(const uint64_t *)take(&file, 8);
		struct content body = { take(&file, bytes), bytes };
		bool good;

		take(&body, sizeof(*c) - 8);
		if (argc > 2 && !strstr(c->name, argv[2]))
			continue;
		good = run_case(c, body);
		failed += !good;
		printf("%s %u %s\n", good ? "ok" : "not ok", ++number, c->name);
	}
	if (file.bytes)
		die("something follows the last case");
	printf("1..%u\n", number);
	free(data);
	return failed || !number;
}
