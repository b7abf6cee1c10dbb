// SPDX-License-Identifier: MIT
/*
 * test_event_npy.c - arrays of NumPy's as recordings: in pieces, cut off, and damaged.
 * tests/cli/containers.py has what they may hold.
 */
#include <string.h>

#include "base/npy_header.h"
#include "event_file.h"

static void add_header(struct file *f, const char *text)
{
	add(f, "\x93NUMPY\1\0", 8);
	add_le(f, strlen(text), 2);
	add_text(f, text);
}

static void records_have_fields(void **state)
{
	static const struct snnq_event want[] = {
		{ .t = -5, .x = 600, .y = 479, .p = 1 },
		{ .t = 70000, .x = 0, .y = 1, .p = 0 },
		{ .t = 70000, .x = 65535, .y = 2, .p = 0 },
	};
	static const int polarity[] = { 1, -1, 0 };
	struct file f = { .size = 0 };

	(void)state;
	add_header(&f,
		   "{'shape': (3,), 'fortran_order': False, 'descr': [('p', '|i1'), ('', '|V1'), "
		   "('y', '<u2'), ('t', '>i4'), ('x', '<u2')], }   \n");
	for (int i = 0; i < 3; i++) {
		add_le(&f, (uint64_t)polarity[i], 1);
		add_le(&f, 0xee, 1);
		add_le(&f, want[i].y, 2);
		add_be32(&f, (uint32_t)want[i].t);
		add_le(&f, want[i].x, 2);
	}
	holds(&f, NULL, "npy", want, 3);
	refused(&f, "npy-txyp", "expected npy-txyp, as the option says, found npy");
	refused(&f, "evt3", "expected evt3, as the option says, found npy");
	survives(&f, &events_npy);
	add(&f, "a", 1);
	refused(&f, NULL, "expected the end of the file behind 3 elements, found more");
	f.size -= 2;
	refused(&f, NULL,
		"expected 3 elements of 10 bytes, found the end of the file in element 2");
}

static void columns_have_an_order(void **state)
{
	static const struct snnq_event want[] = { { .t = 7, .x = 3, .y = 4, .p = 1 },
						  { .t = 9, .x = 5, .y = 6, .p = 0 } };
	static const int order[3][4] = { { 0, 1, 2, 3 }, { 1, 2, 0, 3 }, { 1, 2, 3, 0 } };
	static const char *const names[] = { "npy-txyp", "npy-xytp", "npy-xypt" };
	static const struct events_decoder *const decoders[] = { &events_npy_txyp, &events_npy_xytp,
								 &events_npy_xypt };

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct file f = { .size = 0 };

		add_header(&f, "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 4), }");
		for (int i = 0; i < 2; i++) {
			const int64_t of[] = { want[i].t, want[i].x, want[i].y, want[i].p };

			for (int c = 0; c < 4; c++)
				add_le(&f, (uint64_t)of[order[k][c]], 2);
		}
		holds(&f, names[k], names[k], want, 2);
		refused(&f, NULL, "found values, in NumPy's format");
		survives(&f, decoders[k]);
	}
}

static void numbers_are_checked(void **state)
{
	struct file f = { .size = 0 };

	(void)state;
	add_header(&f, "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 4), }");
	add_le(&f, 0x3c00, 2); /* 1 */
	add_le(&f, 0x3c00, 2);
	add_le(&f, 0x3800, 2); /* 0.5 */
	add_le(&f, 0x3c00, 2);
	refused(&f, "npy-txyp:ms", "event 0: y: expected an integer from 0 to 65535, found 0.5");
	refused(&f, "npy-xypt:ms", "event 0: p: expected -1, 0 or 1, found 0.5");
	refused(&f, "npy-xytp",
		"header: t: expected integers of microseconds, found floats: their unit is to be "
		"named, as npy-xytp:s, npy-xytp:ms or npy-xytp:us");
	f.data[f.size - 4] = 0;
	f.data[f.size - 3] = 0x7c; /* infinite */
	refused(&f, "npy-xytp:s", "event 0: t: expected a time of less than 2^62 us, found inf");
}

/* As few bytes as tell anything, of versions that there are; a header that is none is empty. */
static void versions_are_known(void **state)
{
	static const struct {
		const char *begin;
		size_t size, bytes;
	} cases[] = {
		{ "", 0, 10 },
		{ "\x93NUMPY\1\0\2", 9, 10 },
		{ "\x93NUMPY\1\0\2\0", 10, 12 },
		{ "\x93NUMPY\1\0\0\x10", 10, 10 + 4096 },
		{ "\x93NUMPY\1\0\1\x10", 10, 0 },
		{ "\x93NUMPY\2\0\2\0", 10, 12 },
		{ "\x93NUMPY\2\0\2\0\0\0", 12, 14 },
		{ "\x93NUMPY\3\0\0\x10\0\0", 12, 12 + 4096 },
		{ "\x93NUMPY\3\0\2\0\1\0", 12, 0 },
		{ "\x93NUMPY\1\1\2\0{}", 12, 0 },
		{ "\x93NUMPY\0\0\2\0{}", 12, 0 },
		{ "\x93NUMPY\4\0\2\0{}", 12, 0 },
		{ "\x93NUMPX\1\0\2\0{}", 12, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *data = (const uint8_t *)cases[i].begin;
		bool whole = cases[i].bytes && cases[i].bytes <= cases[i].size;
		struct npy_header h;

		assert_int_equal(npy_header_bytes(data, cases[i].size), cases[i].bytes);
		assert_int_equal(npy_header_begin(data, cases[i].size, &h),
				 whole ? cases[i].bytes : 0);
		assert_string_equal(h.at, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_have_fields),
		cmocka_unit_test(columns_have_an_order),
		cmocka_unit_test(numbers_are_checked),
		cmocka_unit_test(versions_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
