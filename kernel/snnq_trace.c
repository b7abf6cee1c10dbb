// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints: what snnq_trace.h describes is made here, once.
 */
#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include "snnq_trace.h"
