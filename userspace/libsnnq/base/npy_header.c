// SPDX-License-Identifier: MIT
/* See npy_header.h. */
#include "npy_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static void skip_blanks(struct npy_header *h)
{
	h->at += strspn(h->at, " ");
}

bool npy_take(struct npy_header *h, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(h->at, text, n))
		return false;
	h->at += n;
	skip_blanks(h);
	return true;
}

/* A tuple: (), (n,), (n, n), ... */
static bool take_shape(struct npy_header *h, const struct npy_rules *rules)
{
	bool comma = true;

	h->count = 1;
	if (!npy_take(h, "("))
		return false;
	while (*h->at >= '0' && *h->at <= '9') {
		char *end;
		unsigned long long n = strtoull(h->at, &end, 10);

		if (!comma || (!n && !rules->empty) || n > rules->most_axis ||
		    (h->count && n > rules->most / h->count) || h->dims == NPY_MAX_DIMS)
			return false;
		h->count *= n;
		h->shape[h->dims++] = n;
		h->at = end;
		skip_blanks(h);
		comma = npy_take(h, ",");
	}
	return npy_take(h, ")") && (h->dims != 1 || comma);
}

const char *npy_header_take(struct npy_header *h, const struct npy_rules *rules, void *ctx)
{
	unsigned int seen = 0, key;
	const char *expected = NULL;

	if (strlen(h->text) != h->bytes || !npy_take(h, "{"))
		return "a dictionary";
	while (*h->at == '\'') {
		const char *start = h->at;

		key = npy_take(h, "'descr'")	     ? 1 :
		      npy_take(h, "'fortran_order'") ? 2 :
		      npy_take(h, "'shape'")	     ? 4 :
						       0;
		if (!key || (seen & key) || !npy_take(h, ":")) {
			h->at = start;
			return "descr, fortran_order and shape, each once";
		}
		seen |= key;
		if (key == 1)
			expected = rules->take_descr(h, ctx);
		else if (key == 2 && !npy_take(h, "False"))
			expected = "fortran_order: False";
		else if (key == 4 && !take_shape(h, rules))
			expected = rules->shape;
		if (expected)
			return expected;
		if (!npy_take(h, ",") && *h->at != '}')
			return "a comma between entries";
	}
	if (seen != 7)
		return "descr, fortran_order and shape";
	return npy_take(h, "}") && !h->at[strspn(h->at, " \n")] ? NULL :
								  "nothing behind the dictionary";
}

size_t npy_header_bytes(const uint8_t *data, size_t size)
{
	size_t begin = 10, text;

	if (size < begin)
		return begin;
	if (memcmp(data, NPY_MAGIC, 6) || !data[6] || data[6] > 3 || data[7])
		return 0;
	text = data[8] | (size_t)data[9] << 8;
	if (data[6] > 1) {
		begin = 12;
		if (size < begin)
			return begin;
		text |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
	}
	return text <= NPY_HEADER_BYTES ? begin + text : 0;
}

size_t npy_header_begin(const uint8_t *data, size_t size, struct npy_header *h)
{
	size_t n = npy_header_bytes(data, size);

	memset(h, 0, sizeof(*h));
	h->at = h->text;
	if (!n || n > size)
		return 0;
	h->offset = data[6] > 1 ? 12 : 10;
	h->bytes = n - h->offset;
	memcpy(h->text, data + h->offset, h->bytes);
	return n;
}

const char *npy_header_found(const struct npy_header *h, char shown[128])
{
	char text[41];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", h->at);

	n = n < sizeof(text) ? n : sizeof(text) - 1;
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\n'))
		text[--n] = 0;
	return text_printable(text, shown, 128);
}

bool npy_has_fields(const uint8_t *data, size_t size)
{
	struct npy_header h;
	const char *descr;

	if (!npy_header_begin(data, size, &h))
		return false;
	descr = strstr(h.text, "'descr'");
	if (!descr)
		return false;
	h.at = descr;
	return npy_take(&h, "'descr'") && npy_take(&h, ":") && *h.at == '[';
}
