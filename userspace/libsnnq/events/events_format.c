// SPDX-License-Identifier: MIT
/*
 * events_format.c - find the format of a recording.
 *
 * A format is found by content where the content can tell (a magic string), and then nobody
 * may name another; headerless formats go by the caller's option, then by the file's extension.
 */
#include "format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/content.h"
#include "base/error.h"
#include "base/npy_header.h"
#include "prophesee.h"

#define MAGIC_BYTES 16 /* beyond all of them */
#define UNNAMED	    "" /* name of what has a header of Prophesee's that names no format */
#define VALUES	    "values"

static const struct events_format formats[] = {
	{ .name = "atis", .extension = ".bin", .decoder = &events_atis },
	{ .name = "bs1", .extension = ".bs1", .decoder = &events_bs1 },
	{ .name = "bs2", .extension = ".bs2", .decoder = &events_bs2 },
	{ .name = "bs3", .extension = ".bs3", .decoder = &events_bs3 },
	{ .name = "aedat1", .magic = "#!AER-DAT1.0", .decoder = &events_aedat1 },
	{ .name = "aedat1-dvs128", .reading_of = "aedat1", .decoder = &events_aedat1_dvs128 },
	{ .name = "aedat1-tonic", .reading_of = "aedat1", .decoder = &events_aedat1_tonic },
	{ .name = "aedat2", .magic = "#!AER-DAT2.0", .decoder = &events_aedat2 },
	{ .name = "aedat2-dvs128", .reading_of = "aedat2", .decoder = &events_aedat2_dvs128 },
	{ .name = "aedat2-tonic", .reading_of = "aedat2", .decoder = &events_aedat2_tonic },
	{ .name = "aedat2-davis", .reading_of = "aedat2", .decoder = &events_aedat2_davis },
	{ .name = "aedat3", .magic = "#!AER-DAT3.1", .decoder = &events_aedat3 },
	{ .name = "aedat4", .magic = "#!AER-DAT4.0", .decoder = &events_aedat4 },
	/* Prophesee's are told apart by what their headers say. */
	{ .name = "evt2", .reading_of = UNNAMED, .decoder = &events_evt2 },
	{ .name = "evt21", .reading_of = UNNAMED, .decoder = &events_evt21 },
	{ .name = "evt3", .reading_of = UNNAMED, .decoder = &events_evt3 },
	{ .name = "dat", .reading_of = UNNAMED, .extension = ".dat", .decoder = &events_dat },
	{ .name = "es", .magic = "Event Stream", .decoder = &events_es },
	{ .name = "npy", .decoder = &events_npy, .unit = true },
	{ .name = "npy-txyp", .reading_of = VALUES, .decoder = &events_npy_txyp, .unit = true },
	{ .name = "npy-xytp", .reading_of = VALUES, .decoder = &events_npy_xytp, .unit = true },
	{ .name = "npy-xypt", .reading_of = VALUES, .decoder = &events_npy_xypt, .unit = true },
	{ .name = "npz",
	  .extension = ".npz",
	  .decoder = &events_npy,
	  .container = &events_npz,
	  .unit = true },
	{ .magic = "#!AER-DAT", .refusal = "a version of AEDAT" },
	{ .name = "hdf5",
	  .magic = "\x89HDF\r\n\x1a\n",
	  .reading_of = "mat73",
	  .decoder = &events_npy,
	  .container = &events_hdf5,
	  .unit = true,
	  .part = true },
	{ .name = "mat",
	  .magic = "MATLAB 5.0",
	  .decoder = &events_npy,
	  .container = &events_mat,
	  .unit = true },
	{ .name = "mat73",
	  .magic = "MATLAB 7.3",
	  .decoder = &events_npy,
	  .container = &events_hdf5,
	  .unit = true,
	  .part = true },
	{ .magic = "\x89PNG\r\n\x1a\n", .refusal = "a picture" },
	{ .magic = "#ROSBAG V", .refusal = "a ROS bag" },
	{ .magic = "\x7f"
		   "ELF\x02\x01\x01",
	  .refusal = "a program" },
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct events_format *find_by_name(const char *name)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (formats[i].name && !strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

/* What the header of a file of Prophesee's says; NULL: it has none. */
static const struct events_format *find_by_header(const uint8_t *data, size_t size)
{
	static const struct events_format unnamed = {
		.name = UNNAMED,
		.refusal = "a header that names no format (a format option may: evt2, evt21, evt3 "
			   "or dat)"
	};
	struct snnq_events nothing = { .data = NULL };
	struct prophesee_header header;
	int ret = prophesee_header_read(data, size, true, &nothing, &header);

	if (!header.bytes)
		return NULL;
	/* With a fault, any of them tells it. */
	return header.format[0] || ret ? find_by_name(header.format[0] ? header.format : "evt3") :
					 &unnamed;
}

/* Where nobody names a format; NULL: the camera is not known. */
static const struct events_format *find_by_camera(const uint8_t *data, size_t size)
{
	struct snnq_events nothing = { .data = NULL };
	struct prophesee_header header;

	prophesee_header_read(data, size, true, &nothing, &header);
	return header.bytes && header.usual[0] ? find_by_name(header.usual) : NULL;
}

/* An array of NumPy's: of events, or of values, unless somebody says that they are events. */
static const struct events_format *find_array(const uint8_t *data, size_t size)
{
	static const struct events_format values = { .name = VALUES,
						     .refusal = "values, in NumPy's format" };

	if (size < strlen(NPY_MAGIC) || memcmp(data, NPY_MAGIC, strlen(NPY_MAGIC)))
		return NULL;
	return npy_has_fields(data, size) ? find_by_name("npy") : &values;
}

static const struct events_format *find_by_magic(const uint8_t *data, size_t size)
{
	static const struct events_format model = { .refusal = "a model" };
	const struct events_format *array = find_array(data, size);

	if (content_is_model(data, size))
		return &model;
	if (array)
		return array;
	for (size_t i = 0; i < FORMATS; i++) {
		const char *magic = formats[i].magic;
		size_t n = magic ? strlen(magic) : 0;

		if (n && size >= n && !memcmp(data, magic, n))
			return &formats[i];
	}
	return find_by_header(data, size);
}

static const struct events_format *find_by_extension(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < FORMATS; i++)
		if (formats[i].extension && !strcasecmp(dot, formats[i].extension))
			return &formats[i];
	return NULL;
}

/* What content is @format may be read as @named. */
static bool may_be_read_as(const struct events_format *format, const struct events_format *named)
{
	return !format || format == named ||
	       (format->name && named->reading_of && !strcmp(named->reading_of, format->name));
}

/* "atis, bs2, ..." */
static const char *known_formats(char *text, size_t size)
{
	size_t n = 0;

	*text = 0;
	for (size_t i = 0; i < FORMATS && n < size; i++)
		if (formats[i].name)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "",
					      formats[i].name);
	return text;
}

bool events_format_tells(const uint8_t *head, size_t size)
{
	struct snnq_events nothing = { .data = NULL };
	struct prophesee_header header;
	struct npy_header array;

	if (size >= MAGIC_BYTES && !memcmp(head, NPY_MAGIC, strlen(NPY_MAGIC)))
		return npy_header_begin(head, size, &array);
	return size >= MAGIC_BYTES &&
	       prophesee_header_read(head, size, false, &nothing, &header) <= 0;
}

static int refuse(const char *path, const char *found)
{
	char known[512];

	return error_set(-EBADMSG, "%s: offset 0: found %s, which is not supported; expected %s",
			 path, found, known_formats(known, sizeof(known)));
}

static const struct events_format *find_named(const char *path, const char *name,
					      const struct events_format *format, int *ret)
{
	const struct events_format *named = find_by_name(name);
	char known[512];

	if (!named) {
		*ret = error_set(-EINVAL, "%s: unknown format \"%s\" (known: %s)", path, name,
				 known_formats(known, sizeof(known)));
		return NULL;
	}
	if (may_be_read_as(format, named))
		return named;
	*ret = error_set(-EBADMSG, "%s: offset 0: expected %s, as the option says, found %s", path,
			 name, format->decoder ? format->name : format->refusal);
	return NULL;
}

/* What it is without its name: by content, then by extension. */
static const struct events_format *find_unnamed(const char *path, const uint8_t *head, size_t size,
						int *ret)
{
	const struct events_format *format = find_by_magic(head, size), *other;
	const char *container;
	char known[512];

	other = find_by_extension(path);
	if (other && may_be_read_as(format, other))
		format = other;
	else if (format && format->name && !strcmp(format->name, UNNAMED))
		format = find_by_camera(head, size) ?: format;
	else if (!format && size >= 4 && !memcmp(head, "PK\x03\x04", 4))
		format = find_by_name("npz");
	if (format && format->decoder)
		return format;
	container = format ? format->refusal : content_name(head, size);
	if (container)
		*ret = refuse(path, container);
	else
		*ret = error_set(-EBADMSG,
				 "%s: offset 0: no known format in content or extension "
				 "(.bin, .bs1, .bs2, .bs3, .dat); name it with a format option: %s",
				 path, known_formats(known, sizeof(known)));
	return NULL;
}

const struct events_format *events_format_find(const char *path, const struct format_option *option,
					       const uint8_t *head, size_t size, int *ret)
{
	const struct events_format *format;

	if (!option)
		return find_unnamed(path, head, size, ret);
	format = find_named(path, option->name, find_by_magic(head, size), ret);
	if (!format || ((!option->unit_ns || format->unit) && (!*option->part || format->part)))
		return format;
	*ret = error_set(-EINVAL, "%s: format option: %s is of no use for %s", path,
			 option->unit_ns && !format->unit ? "a unit of time" : "a part",
			 format->name);
	return NULL;
}

/* ---- options ---- */

static const struct {
	const char *name;
	int64_t ns;
} units[] = { { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 } };

/* All that stands behind "part=": names of groups may have colons. */
static int take_part(const char *path, const char *part, struct format_option *option)
{
	if (!*part || strlen(part) >= sizeof(option->part))
		return error_set(-EINVAL,
				 "%s: format option: expected a name behind part=, of less than "
				 "%zu letters",
				 path, sizeof(option->part));
	snprintf(option->part, sizeof(option->part), "%s", part);
	return 0;
}

/* A word behind a colon. */
static int take_unit(const char *path, const char *word, size_t n, struct format_option *option)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].name) != n || memcmp(word, units[i].name, n))
			continue;
		if (option->unit_ns)
			return error_set(-EINVAL,
					 "%s: format option: expected a unit of time once, found "
					 "more than one unit",
					 path);
		option->unit_ns = units[i].ns;
		return 0;
	}
	return error_set(-EINVAL,
			 "%s: format option: expected a unit of time (s, ms, us, ns) or part=NAME "
			 "behind the colon, found \"%.*s\"",
			 path, (int)n, word);
}

int format_option_read(const char *path, const char *text, struct format_option *option)
{
	static const char part[] = "part=";
	size_t n = strcspn(text, ":");
	int ret = 0;

	*option = (struct format_option){ .unit_ns = 0 };
	snprintf(option->name, sizeof(option->name), "%.*s", (int)n, text);
	while (!ret && text[n]) {
		text += n + 1;
		n = strcspn(text, ":");
		if (!strncmp(text, part, sizeof(part) - 1))
			return take_part(path, text + sizeof(part) - 1, option);
		ret = take_unit(path, text, n, option);
	}
	return ret;
}
