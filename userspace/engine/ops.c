// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ops.c - the table of operations: all that plans and jobs know about them.
 */
#include "engine.h"

const struct op op_table[SNNQ_OP_COUNT] = {
	[SNNQ_OP_EVENTS] = {
		.lay_out = events_lay_out, .begin_job = events_begin, .run = events_run },
	[SNNQ_OP_CONV2D] = {
		.lay_out = conv_lay_out, .prepare = conv_prepare, .begin_job = weights_load,
		.count = window_count, .generic = conv_generic, .sum = conv_depthwise,
		.choose = conv_choose, .take = dense_take, .block = conv_block },
	[SNNQ_OP_LINEAR] = {
		.lay_out = conv_lay_out, .prepare = conv_prepare, .begin_job = weights_load,
		.count = window_count, .generic = conv_generic, .sum = conv_depthwise,
		.choose = conv_choose, .take = dense_take, .block = conv_block },
	[SNNQ_OP_POOL_MAX] = {
		.lay_out = window_lay_out, .prepare = pool_prepare, .count = window_count,
		.run = pool_max_run },
	[SNNQ_OP_POOL_SUM] = {
		.lay_out = window_lay_out, .prepare = pool_prepare, .count = window_count,
		.generic = pool_sum_generic, .sum = pool_sum },
	[SNNQ_OP_ELEMENTWISE] = {
		.count = count_spikes_as_synops, .run = add_run },
	[SNNQ_OP_ATTENTION] = {
		.lay_out = attention_lay_out, .prepare = attention_prepare,
		.count = attention_count, .generic = attention_generic,
		.begin_step = attention_begin, .sum = attention_sum },
	[SNNQ_OP_READOUT] = {
		.lay_out = readout_lay_out, .prepare = readout_prepare,
		.count = count_spikes_as_synops, .run = readout_run, .end_job = readout_end },
};
