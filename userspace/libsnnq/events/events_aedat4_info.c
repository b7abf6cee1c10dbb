// SPDX-License-Identifier: MIT
/*
 * events_aedat4_info.c - the XML info node of an AEDAT 4 header.
 *
 * <dv><node name="outInfo"><node name="ID"><attr key="typeIdentifier">EVTS</attr>
 * <node name="info"><attr key="sizeX">346</attr>...: type and sensor of each stream.
 * Everything else is skipped.
 */
#include <errno.h>
#include <expat.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "base/number.h"

/* Elements above a stream's attributes: dv, outInfo, stream, info, attr. */
#define MAX_DEPTH 5

struct walk {
	struct aedat4_info *info;
	unsigned int depth;
	char names[MAX_DEPTH][24]; /* "name" or "key" of each open element */
	char text[24];
	size_t text_bytes;
};

static const char *attribute(const char **attrs, const char *key)
{
	for (; attrs[0]; attrs += 2)
		if (!strcmp(attrs[0], key))
			return attrs[1];
	return "";
}

static void start(void *ctx, const char *element, const char **attrs)
{
	struct walk *w = ctx;

	if (w->depth < MAX_DEPTH) {
		const char *name = attribute(attrs, !strcmp(element, "attr") ? "key" : "name");

		snprintf(w->names[w->depth], sizeof(w->names[0]), "%s", name);
	}
	w->depth++;
	w->text_bytes = 0;
}

static void text(void *ctx, const char *s, int n)
{
	struct walk *w = ctx;

	for (int i = 0; i < n && w->text_bytes < sizeof(w->text) - 1; i++)
		w->text[w->text_bytes++] = s[i];
}

/* The stream whose part is being read, or NULL. */
static struct aedat4_stream *open_stream(struct walk *w)
{
	uint64_t id;

	if (w->depth < 4 || strcmp(w->names[1], "outInfo") ||
	    !number_parse_u64(w->names[2], AEDAT4_STREAMS - 1, &id))
		return NULL;
	return &w->info->streams[id];
}

static uint16_t size_value(const char *s)
{
	uint64_t value;

	return number_parse_u64(s, INT16_MAX, &value) ? (uint16_t)value : 0;
}

static void end(void *ctx, const char *element)
{
	struct walk *w = ctx;
	struct aedat4_stream *stream = open_stream(w);

	w->text[w->text_bytes] = 0;
	if (stream && !strcmp(element, "attr")) {
		const char *key = w->depth <= MAX_DEPTH ? w->names[w->depth - 1] : "";
		bool info = w->depth == 5 && !strcmp(w->names[3], "info");

		if (w->depth == 4 && !strcmp(key, "typeIdentifier"))
			snprintf(stream->type, sizeof(stream->type), "%.4s", w->text);
		else if (info && !strcmp(key, "sizeX"))
			stream->width = size_value(w->text);
		else if (info && !strcmp(key, "sizeY"))
			stream->height = size_value(w->text);
	}
	w->depth--;
	if (w->depth < MAX_DEPTH)
		memset(w->names[w->depth], 0, sizeof(w->names[0]));
	w->text_bytes = 0;
}

int aedat4_info_parse(const char *xml, size_t size, struct aedat4_info *info, unsigned long *line)
{
	struct walk walk = { .info = info };
	XML_Parser parser;
	bool ok;
	int ret;

	if (size > INT_MAX)
		return -EBADMSG;
	parser = XML_ParserCreate(NULL);
	if (!parser)
		return -ENOMEM;
	XML_SetUserData(parser, &walk);
	XML_SetElementHandler(parser, start, end);
	XML_SetCharacterDataHandler(parser, text);
	ok = XML_Parse(parser, xml, (int)size, 1) == XML_STATUS_OK;
	*line = XML_GetCurrentLineNumber(parser);
	if (!ok && XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY)
		ret = -ENOMEM;
	else
		ret = ok ? 0 : -EBADMSG;
	XML_ParserFree(parser);
	return ret;
}
