// SPDX-License-Identifier: MIT
/* See content.h. */
#include "content.h"

#include <string.h>

#include "npy_header.h"

static const struct {
	const char *magic, *name;
} known[] = {
	{ "\x89HDF\r\n\x1a\n", "an HDF5 file (snnq import makes models of NIR graphs and .net)" },
	{ "PK\x03\x04", "a zip archive (tools/train makes models of checkpoints of PyTorch)" },
	{ NPY_MAGIC, "an array of NumPy's" },
	{ "#!AER-DAT", "a recording in AEDAT" },
	{ "Event Stream", "a recording in Event Stream" },
	{ "% ", "a recording of Prophesee's" },
	{ "\x89PNG\r\n\x1a\n", "a picture" },
	{ "\x7f"
	  "ELF",
	  "a program" },
	{ "\x1f\x8b\x08", "gzip" },
	{ "BZh", "bzip2" },
	{ "\xfd"
	  "7zXZ",
	  "xz" },
	{ "\x28\xb5\x2f\xfd", "Zstandard" },
	{ "\x04\x22\x4d\x18", "LZ4" },
	{ "7z\xbc\xaf", "a 7z archive" },
};

bool content_is_model(const uint8_t *head, size_t size)
{
	static const uint8_t high[] = { 0, 0, 0, 0, '{' }; /* of a length below 4 GiB */
	size_t n = 9;

	if (size < CONTENT_BYTES || memcmp(head + 4, high, sizeof(high)))
		return false;
	while (n < CONTENT_BYTES - 1 && strchr(" \t\r\n", head[n]))
		n++;
	return head[n] == '"';
}

const char *content_name(const uint8_t *head, size_t size)
{
	if (content_is_model(head, size))
		return "a model of snnq";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i].magic);

		if (size >= n && !memcmp(head, known[i].magic, n))
			return known[i].name;
	}
	return NULL;
}
