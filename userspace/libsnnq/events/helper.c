// SPDX-License-Identifier: MIT
/* See helper.h. What the program says is believed as little as a file. */
#include "helper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "answer.h"
#include "base/error.h"
#include "base/text.h"

struct helper {
	char *path;
	struct process process;
	bool running, end;
	uint64_t left;	  /* bytes of the part */
	uint64_t seconds; /* for a part */
	int64_t unit_ns;
};

/* It ended too early. */
static int ended(struct helper *h)
{
	h->running = false;
	return process_failed(&h->process, process_end(&h->process));
}

static int read_all(struct helper *h, void *to, size_t bytes)
{
	while (bytes) {
		ssize_t n = process_read(&h->process, to, bytes);

		if (n <= 0)
			return ended(h);
		to = (char *)to + n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* A fault in its words. */
static int take_fault(struct helper *h, uint64_t bytes)
{
	char text[ANSWER_MOST_TEXT + 1] = "", shown[3 * ANSWER_MOST_TEXT + 1];
	int ret = bytes > ANSWER_MOST_TEXT ? ended(h) : read_all(h, text, (size_t)bytes);

	return ret ? ret :
		     error_set(-EBADMSG, "%s: %s", h->path,
			       text_printable(text, shown, sizeof(shown)));
}

/* The head of a part: the unit comes first, if at all, and no part is empty. */
static int take_head(struct helper *h)
{
	struct answer_head head;
	int ret;

	process_give(&h->process, h->seconds);
	ret = read_all(h, &head, sizeof(head));
	if (ret)
		return ret;
	if (head.magic != ANSWER_MAGIC)
		head.kind = ANSWER_KINDS;
	if (head.kind == ANSWER_FAULT)
		return take_fault(h, head.value);
	if (head.kind == ANSWER_UNIT && !h->unit_ns && head.value && head.value <= 1000000000)
		h->unit_ns = (int64_t)head.value;
	else if (head.kind == ANSWER_BYTES && head.value && head.value <= ANSWER_MOST)
		h->left = head.value;
	else if (head.kind == ANSWER_END)
		h->end = true;
	else
		return error_set(-EBADMSG, "%s: expected events from %s, found something else",
				 h->path, h->process.program->name);
	return 0;
}

/* To bytes of the array, or the end. */
static int next_part(struct helper *h)
{
	int ret = 0;

	while (!ret && !h->left && !h->end)
		ret = take_head(h);
	return ret;
}

int helper_open(int fd, const char *path, const struct process_program *program,
		const char *const arguments[], void **state, int64_t *unit_ns)
{
	struct helper *h = calloc(1, sizeof(*h));
	struct stat st;
	int ret;

	*state = h;
	if (!h)
		return error_set(-ENOMEM, "%s: no memory", path);
	h->path = strdup(path);
	if (!h->path)
		return error_set(-ENOMEM, "%s: no memory", path);
	if (fstat(fd, &st))
		return error_set(-errno, "%s: %s", path, strerror(errno));
	h->seconds = PROCESS_LEAST_TIME + (uint64_t)st.st_size / PROCESS_TIME_A_BYTE;
	ret = process_start(&h->process, h->path, program, fd, arguments);
	h->running = !ret;
	if (!ret)
		ret = next_part(h);
	*unit_ns = h->unit_ns;
	return ret;
}

ssize_t helper_read(void *state, uint8_t *to, size_t size)
{
	struct helper *h = state;
	int ret = next_part(h);

	if (ret || h->end)
		return ret;
	if (size > h->left)
		size = (size_t)h->left;
	ret = read_all(h, to, size);
	h->left -= size;
	return ret ? ret : (ssize_t)size;
}

void helper_close(void *state)
{
	struct helper *h = state;

	if (!h)
		return;
	if (h->running)
		process_end(&h->process);
	free(h->path);
	free(h);
}
