/* SPDX-License-Identifier: MIT */
/* event_file.h - files made by hand, and what reading them at once and in pieces must come to. */
#ifndef TESTS_EVENT_FILE_H
#define TESTS_EVENT_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "events/events.h"

struct file {
	uint8_t data[2048];
	size_t size;
};

void add(struct file *f, const void *data, size_t size);
void add_text(struct file *f, const char *text);
/* @value, the lowest byte first. */
void add_le(struct file *f, uint64_t value, size_t bytes);
void add_be32(struct file *f, uint32_t value);

/* The events are these, and @format was found; the format by @name, or found when that is NULL. */
void holds(const struct file *f, const char *name, const char *format,
	   const struct snnq_event *want, size_t count);
/* With these words. */
void refused(const struct file *f, const char *name, const char *words);
struct snnq_events_info info_of(const struct file *f, const char *name);
/* Every cut, and every byte changed, at once and in pieces: ASan looks on. */
void survives(const struct file *f, const struct events_decoder *decoder);

#endif /* TESTS_EVENT_FILE_H */
