/* SPDX-License-Identifier: MIT */
/*
 * answer.h - a recording on its way from a program that reads containers: parts, each with a head.
 *
 * Together the bytes are an array of NumPy's with fields. Its last part is the end, or a fault in
 * words; without one it is not all there.
 */
#ifndef SNNQ_ANSWER_H
#define SNNQ_ANSWER_H

#include <stdint.h>

#define ANSWER_MAGIC	 0x61716e73u /* "snqa" */
#define ANSWER_MOST	 (1u << 20)  /* bytes of a part */
#define ANSWER_MOST_TEXT 400u

enum answer_kind { ANSWER_UNIT, ANSWER_BYTES, ANSWER_FAULT, ANSWER_END, ANSWER_KINDS };

struct answer_head {
	uint32_t magic, kind;
	uint64_t value; /* bytes behind it; or nanoseconds of a unit of time */
};

#endif /* SNNQ_ANSWER_H */
