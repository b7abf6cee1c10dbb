// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ops.c - the table of operations: all that plans and jobs know about them.
 */
#include "engine.h"

#define KERNELS(prefix) .kernels = {			\
	[SNNQ_KERNEL_GENERIC] = prefix##_generic,	\
	[SNNQ_KERNEL_EVENT] = prefix##_event,		\
	[SNNQ_KERNEL_DENSE] = prefix##_dense }

const struct op op_table[SNNQ_OP_COUNT] = {
	[SNNQ_OP_EVENTS] = {
		.lay_out = events_lay_out, .begin_job = events_begin, .run = events_run },
	[SNNQ_OP_CONV2D] = {
		.lay_out = conv_lay_out, .prepare = conv_prepare, .begin_job = weights_load,
		.count = window_count, .unpack = true, KERNELS(conv),
		.position_ops = conv_position_ops },
	[SNNQ_OP_LINEAR] = {
		.lay_out = conv_lay_out, .prepare = conv_prepare, .begin_job = weights_load,
		.count = window_count, .unpack = true, KERNELS(conv),
		.position_ops = conv_position_ops },
	[SNNQ_OP_POOL_MAX] = {
		.lay_out = window_lay_out, .prepare = pool_prepare, .count = window_count, .run = pool_max_run },
	[SNNQ_OP_POOL_SUM] = {
		.lay_out = window_lay_out, .prepare = pool_prepare, .count = window_count,
		.unpack = true, KERNELS(pool_sum),
		.position_ops = pool_position_ops },
	[SNNQ_OP_ELEMENTWISE] = {
		.count = count_spikes_as_synops, .run = add_run },
	[SNNQ_OP_ATTENTION] = {
		.prepare = attention_prepare, .count = attention_count, KERNELS(attention),
		.position_ops = attention_position_ops },
	[SNNQ_OP_READOUT] = {
		.lay_out = readout_lay_out, .prepare = readout_prepare,
		.count = count_spikes_as_synops, .run = readout_run, .end_job = readout_end },
};
