// SPDX-License-Identifier: MIT
/*
 * capabilities.c - what a device can do, for people, as JSON, and back from JSON.
 *
 * The bits and limits are those of Documentation/program-format.md; words are the model
 * file's where it has them.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capabilities.h"
#include "cli.h"

#define LINE	   100
#define MOST_BYTES (1l << 20) /* of a description */

struct capability {
	const char *key, *label;
	size_t offset, bytes;
	const char *const *names; /* of bits, in order; NULL: a limit, or widths */
	bool widths;
};

/* clang-format off */
#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define FIELD(member, label) #member, label, offsetof(struct snnq_device_info, member), \
	sizeof(((struct snnq_device_info *)NULL)->member)
#define SET(member, label, ...) { FIELD(member, label), .names = WORDS(__VA_ARGS__) }
#define WIDTHS(member, label) { FIELD(member, label), .widths = true }
#define LIMIT(member, label) { FIELD(member, label), .names = NULL }
static const struct capability sets[] = {
	SET(ops, "operations", "", "events", "conv2d", "linear", "maxpool", "sumpool", "elementwise",
	    "attention", "readout", "matmul", "concat", "copy", "upsample", "reduce"),
	SET(elementwise, "elementwise", "add", "and", "and-not", "or", "multiply"),
	SET(attention, "attention", "qk-first", "kv-first", "token", "channel"),
	SET(readouts, "readout", "", "sum", "last", "max", "vote"),
	SET(neurons, "neurons", "none", "lif", "cuba"),
	SET(leaks, "leak", "none", "div", "q16", "tz12"),
	SET(resets, "reset", "hard", "soft", "none"),
	SET(compares, "compare", "ge", "gt"),
	SET(neuron_flags, "neuron flags", "sticky", "old_current", "delayed_reset", "clamp_low",
	    "state16", "half_levels", "level_thresholds"),
	SET(layer_flags, "layer flags", "skip_first", "acc64"),
	SET(formats, "tensors", "none", "unsigned", "signed", "int32", "events", "int8", "int16"),
	SET(needs, "features", "bounds", "views", "previous", "loops", "dense", "scales", "acc64",
	    "levels", "potentials", "tables", "resets", "state16", "padding"),
	WIDTHS(scheme_uniform, "uniform"),
	WIDTHS(scheme_odd, "odd"),
	WIDTHS(scheme_pot, "pot"),
	WIDTHS(scheme_apot, "apot"),
	WIDTHS(scheme_ternary, "ternary"),
	LIMIT(max_layers, "layers"),
	LIMIT(max_program_bytes, "bytes of program"),
	LIMIT(max_state_bytes, "of state"),
	LIMIT(max_scratch_bytes, "of scratch"),
	LIMIT(max_steps, "steps"),
	LIMIT(max_tile_steps, "of a tile"),
	LIMIT(max_dim, "height or width"),
	LIMIT(max_channels, "channels"),
	LIMIT(max_planes, "planes"),
	LIMIT(max_kernel, "kernel"),
	LIMIT(max_window, "window of a pool"),
	LIMIT(max_stride, "stride"),
	LIMIT(max_dilation, "dilation"),
	LIMIT(max_delay, "delay"),
};
/* clang-format on */
#define COUNT (sizeof(sets) / sizeof(sets[0]))

const char *capabilities_word(const char *key, unsigned int bit)
{
	for (const struct capability *c = sets; c < sets + COUNT; c++) {
		if (strcmp(c->key, key) || !c->names)
			continue;
		for (unsigned int i = 0; c->names[i]; i++)
			if (i == bit && *c->names[i])
				return c->names[i];
	}
	return "?";
}

static uint64_t value_of(const struct snnq_device_info *info, const struct capability *c)
{
	const char *at = (const char *)info + c->offset;
	uint32_t narrow;
	uint64_t wide;

	if (c->bytes == sizeof(wide)) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

static void print_set(const struct capability *c, uint64_t mask)
{
	printf("%-14s", c->label);
	for (unsigned int i = 0; c->names[i]; i++) {
		if (mask >> i & 1 && *c->names[i])
			printf(" %s", c->names[i]);
		mask &= ~(1ull << i);
	}
	/* Newer than this program. */
	printf(mask ? " and bits %#" PRIx64 "\n" : "\n", mask);
}

static void print_widths(const struct capability *c, uint64_t mask, bool *first)
{
	for (unsigned int b = 0; b < 32; b++) {
		if (!(mask >> b & 1))
			continue;
		printf("%s%s:%u", *first ? "" : " ", c->label, b);
		*first = false;
		if (!(mask >> (b + 1) & 1))
			continue;
		while (mask >> (b + 1) & 1)
			b++;
		printf("..%u", b);
	}
}

static void print_limits(const struct snnq_device_info *info)
{
	const char *head = "at most";
	int at = LINE;

	for (const struct capability *c = sets; c < sets + COUNT; c++) {
		char text[80];
		int n;

		if (c->names || c->widths)
			continue;
		n = snprintf(text, sizeof(text), " %s %" PRIu64, c->label, value_of(info, c));
		at += printf("%s", *head ? "" : ",");
		if (at + n >= LINE)
			at = printf("\n%-14s", head) - 1;
		head = "";
		at += printf("%s", text);
	}
	printf("\n");
}

void capabilities_print(const struct snnq_device_info *info)
{
	const struct capability *c;
	bool first = true;

	for (c = sets; c < sets + COUNT; c++)
		if (c->names)
			print_set(c, value_of(info, c));
	printf("%-14s ", "weights");
	for (c = sets; c < sets + COUNT; c++)
		if (c->widths)
			print_widths(c, value_of(info, c), &first);
	print_limits(info);
}

void capabilities_to_json(const struct snnq_device_info *info, cJSON *to)
{
	for (size_t i = 0; i < COUNT; i++)
		cJSON_AddNumberToObject(to, sets[i].key, (double)value_of(info, &sets[i]));
}

static int take(const char *path, const cJSON *from, const struct capability *c,
		struct snnq_device_info *info)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, c->key);
	double most = c->bytes == sizeof(uint64_t) ? 9007199254740992.0 : UINT32_MAX;
	uint64_t wide;
	uint32_t narrow;

	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > most ||
	    item->valuedouble != floor(item->valuedouble))
		return cli_fail(CLI_FILE,
				"%s: %s: expected an integer from 0 to %.0f, as snnq info DEVICE "
				"--json writes it",
				path, c->key, most);
	wide = (uint64_t)item->valuedouble;
	narrow = (uint32_t)wide;
	memcpy((char *)info + c->offset,
	       c->bytes == sizeof(wide) ? (const void *)&wide : (const void *)&narrow, c->bytes);
	return CLI_OK;
}

static int read_file(const char *path, struct snnq_device_info *info)
{
	char *text;
	size_t n;
	int code = cli_file_text(path, MOST_BYTES, &text, &n);
	/* Nothing follows the document. */
	cJSON *from = !code && strlen(text) == n ?
			      cJSON_ParseWithLengthOpts(text, n + 1, NULL, true) :
			      NULL;
	const cJSON *kind = cJSON_GetObjectItemCaseSensitive(from, "kind");

	free(text);
	if (code)
		return code;
	memset(info, 0, sizeof(*info));
	if (!cJSON_IsString(kind) || strcmp(kind->valuestring, "device"))
		code = cli_fail(CLI_FILE,
				"%s: expected a device, or what snnq info DEVICE --json writes",
				path);
	for (size_t i = 0; !code && i < COUNT; i++)
		code = take(path, from, &sets[i], info);
	cJSON_Delete(from);
	return code;
}

int capabilities_of(const char *name, struct snnq_device_info *info)
{
	struct cli_session s;
	struct stat st;
	int code;

	if (!stat(name, &st) && S_ISREG(st.st_mode))
		return read_file(name, info);
	code = cli_session_open(&s, name, 1);
	if (code)
		return code;
	*info = s.device_info;
	cli_session_close(&s);
	return CLI_OK;
}
