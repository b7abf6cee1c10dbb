/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_harness.h - the kernel's test harness, with time for an emulated machine
 * whose kernel checks all that it does. A test that hangs is found all the same.
 */
#ifndef SNNQ_HARNESS_H
#define SNNQ_HARNESS_H

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#endif /* SNNQ_HARNESS_H */
