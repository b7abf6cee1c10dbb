// SPDX-License-Identifier: MIT
/*
 * layout.c - sizes and offsets of every structure that crosses a boundary: user
 * and kernel, program and device, driver and device. The suite compiles this to
 * assembly as C and C++ for several ABIs, executes nothing, and compares the
 * lines that begin with "->"; sizes are asserted here, so that a change is
 * noticed on any one of them. No header of a C library is needed.
 */
#include <stddef.h>

#include "snnq_drm.h"
#include "snnq_program.h"
#include "snnq_regs.h"

#ifdef __cplusplus
#define ASSERT(condition, text)	static_assert(condition, text)
#else
#define ASSERT(condition, text)	_Static_assert(condition, text)
#endif

/* A line with two constants in the assembly, as kbuild does it for asm-offsets.h. */
#define EMIT(name, first, second)						\
	__asm__ volatile("\n.ascii \"->" name " %0 %1\"" :: "i"(first), "i"(second))

#define STRUCT(name, bytes) do {						\
	ASSERT(sizeof(struct name) == (bytes), "size of " #name);		\
	EMIT(#name, 0, sizeof(struct name));					\
	} while (0)
#define FIELD(name, member)							\
	EMIT(#name "." #member, offsetof(struct name, member),			\
	     sizeof(((struct name *)NULL)->member))

static void emit_program(void)
{
	STRUCT(snnq_state_header, 64);
	FIELD(snnq_state_header, seq);
	FIELD(snnq_state_header, step);
	FIELD(snnq_state_header, reserved);
	STRUCT(snnq_program_header, 64);
	FIELD(snnq_program_header, magic);
	FIELD(snnq_program_header, version);
	FIELD(snnq_program_header, total_bytes);
	FIELD(snnq_program_header, layer_count);
	FIELD(snnq_program_header, region_count);
	FIELD(snnq_program_header, table_count);
	FIELD(snnq_program_header, max_steps);
	FIELD(snnq_program_header, tile_steps);
	FIELD(snnq_program_header, scratch_step_bytes);
	FIELD(snnq_program_header, state_bytes);
	FIELD(snnq_program_header, flags);
	FIELD(snnq_program_header, reserved);
	STRUCT(snnq_region_desc, 32);
	FIELD(snnq_region_desc, bytes);
	FIELD(snnq_region_desc, step_bytes);
	FIELD(snnq_region_desc, access);
	FIELD(snnq_region_desc, role);
	FIELD(snnq_region_desc, reserved);
	STRUCT(snnq_tensor, 24);
	FIELD(snnq_tensor, offset);
	FIELD(snnq_tensor, region);
	FIELD(snnq_tensor, format);
	FIELD(snnq_tensor, planes);
	FIELD(snnq_tensor, height);
	FIELD(snnq_tensor, width);
	FIELD(snnq_tensor, channels);
	FIELD(snnq_tensor, reserved);
	STRUCT(snnq_quant, 16);
	FIELD(snnq_quant, offset);
	FIELD(snnq_quant, region);
	FIELD(snnq_quant, scheme);
	FIELD(snnq_quant, bits);
	FIELD(snnq_quant, reserved);
	STRUCT(snnq_geometry, 16);
	FIELD(snnq_geometry, kernel_h);
	FIELD(snnq_geometry, kernel_w);
	FIELD(snnq_geometry, stride_h);
	FIELD(snnq_geometry, stride_w);
	FIELD(snnq_geometry, pad_h);
	FIELD(snnq_geometry, pad_w);
	FIELD(snnq_geometry, dilation_h);
	FIELD(snnq_geometry, dilation_w);
	FIELD(snnq_geometry, groups);
}

static void emit_layers(void)
{
	STRUCT(snnq_neuron, 60);
	FIELD(snnq_neuron, model);
	FIELD(snnq_neuron, compare);
	FIELD(snnq_neuron, reset);
	FIELD(snnq_neuron, leak);
	FIELD(snnq_neuron, current_leak);
	FIELD(snnq_neuron, shift);
	FIELD(snnq_neuron, delay);
	FIELD(snnq_neuron, requant_shift);
	FIELD(snnq_neuron, leak_param);
	FIELD(snnq_neuron, current_leak_param);
	FIELD(snnq_neuron, reset_value);
	FIELD(snnq_neuron, refractory);
	FIELD(snnq_neuron, flags);
	FIELD(snnq_neuron, threshold_index);
	FIELD(snnq_neuron, threshold_count);
	FIELD(snnq_neuron, bias_index);
	FIELD(snnq_neuron, bias_count);
	FIELD(snnq_neuron, mult_index);
	FIELD(snnq_neuron, mult_count);
	FIELD(snnq_neuron, reserved);
	STRUCT(snnq_layer, 224);
	FIELD(snnq_layer, op);
	FIELD(snnq_layer, flags);
	FIELD(snnq_layer, param);
	FIELD(snnq_layer, in);
	FIELD(snnq_layer, out);
	FIELD(snnq_layer, quant);
	FIELD(snnq_layer, geometry);
	FIELD(snnq_layer, loop);
	FIELD(snnq_layer, neuron);
	FIELD(snnq_layer, state_offset);
	FIELD(snnq_layer, tag);
	FIELD(snnq_layer, reserved);
	STRUCT(snnq_layer_stats, 128);
	FIELD(snnq_layer_stats, input_spikes);
	FIELD(snnq_layer_stats, input_possible);
	FIELD(snnq_layer_stats, synops);
	FIELD(snnq_layer_stats, neuron_updates);
	FIELD(snnq_layer_stats, output_spikes);
	FIELD(snnq_layer_stats, weight_bytes);
	FIELD(snnq_layer_stats, input_bytes);
	FIELD(snnq_layer_stats, output_bytes);
	FIELD(snnq_layer_stats, state_bytes);
	FIELD(snnq_layer_stats, sram_bytes);
	FIELD(snnq_layer_stats, compute_cycles);
	FIELD(snnq_layer_stats, memory_cycles);
	FIELD(snnq_layer_stats, stall_cycles);
	FIELD(snnq_layer_stats, saturations);
	FIELD(snnq_layer_stats, steps);
	FIELD(snnq_layer_stats, reserved);
}

static void emit_rings(void)
{
	STRUCT(snnq_sq_entry, 64);
	FIELD(snnq_sq_entry, program);
	FIELD(snnq_sq_entry, region_table);
	FIELD(snnq_sq_entry, profile);
	FIELD(snnq_sq_entry, progress);
	FIELD(snnq_sq_entry, state_seq);
	FIELD(snnq_sq_entry, job_id);
	FIELD(snnq_sq_entry, program_bytes);
	FIELD(snnq_sq_entry, steps);
	FIELD(snnq_sq_entry, region_count);
	FIELD(snnq_sq_entry, flags);
	FIELD(snnq_sq_entry, reserved);
	STRUCT(snnq_cq_entry, 32);
	FIELD(snnq_cq_entry, cycles);
	FIELD(snnq_cq_entry, offset);
	FIELD(snnq_cq_entry, job_id);
	FIELD(snnq_cq_entry, steps);
	FIELD(snnq_cq_entry, status);
	FIELD(snnq_cq_entry, layer);
	FIELD(snnq_cq_entry, region);
	FIELD(snnq_cq_entry, phase);
	STRUCT(snnq_region_entry, 32);
	FIELD(snnq_region_entry, page_list);
	FIELD(snnq_region_entry, start);
	FIELD(snnq_region_entry, bytes);
	FIELD(snnq_region_entry, pages);
	FIELD(snnq_region_entry, access);
}

static void emit_objects(void)
{
	STRUCT(drm_snnq_bo_create, 24);
	FIELD(drm_snnq_bo_create, size);
	FIELD(drm_snnq_bo_create, flags);
	FIELD(drm_snnq_bo_create, handle);
	FIELD(drm_snnq_bo_create, mmap_offset);
	STRUCT(drm_snnq_bo_sync, 24);
	FIELD(drm_snnq_bo_sync, handle);
	FIELD(drm_snnq_bo_sync, flags);
	FIELD(drm_snnq_bo_sync, offset);
	FIELD(drm_snnq_bo_sync, size);
	STRUCT(drm_snnq_bo_info, 32);
	FIELD(drm_snnq_bo_info, handle);
	FIELD(drm_snnq_bo_info, flags);
	FIELD(drm_snnq_bo_info, size);
	FIELD(drm_snnq_bo_info, mmap_offset);
	FIELD(drm_snnq_bo_info, bo_flags);
	FIELD(drm_snnq_bo_info, pad);
	STRUCT(drm_snnq_model_create, 32);
	FIELD(drm_snnq_model_create, program);
	FIELD(drm_snnq_model_create, size);
	FIELD(drm_snnq_model_create, flags);
	FIELD(drm_snnq_model_create, handle);
	FIELD(drm_snnq_model_create, error_code);
	FIELD(drm_snnq_model_create, error_layer);
	FIELD(drm_snnq_model_create, reserved);
	STRUCT(drm_snnq_model_destroy, 8);
	FIELD(drm_snnq_model_destroy, handle);
	FIELD(drm_snnq_model_destroy, pad);
	STRUCT(drm_snnq_stream_create, 24);
	FIELD(drm_snnq_stream_create, model);
	FIELD(drm_snnq_stream_create, priority);
	FIELD(drm_snnq_stream_create, flags);
	FIELD(drm_snnq_stream_create, handle);
	FIELD(drm_snnq_stream_create, limit_ms);
	FIELD(drm_snnq_stream_create, pad);
	STRUCT(drm_snnq_stream_destroy, 8);
	FIELD(drm_snnq_stream_destroy, handle);
	FIELD(drm_snnq_stream_destroy, pad);
	STRUCT(drm_snnq_stream_reset, 8);
	FIELD(drm_snnq_stream_reset, handle);
	FIELD(drm_snnq_stream_reset, flags);
	STRUCT(drm_snnq_stream_query, 56);
	FIELD(drm_snnq_stream_query, handle);
	FIELD(drm_snnq_stream_query, state);
	FIELD(drm_snnq_stream_query, steps);
	FIELD(drm_snnq_stream_query, queued);
	FIELD(drm_snnq_stream_query, status);
	FIELD(drm_snnq_stream_query, layer);
	FIELD(drm_snnq_stream_query, region);
	FIELD(drm_snnq_stream_query, offset);
	FIELD(drm_snnq_stream_query, fault_seq);
	FIELD(drm_snnq_stream_query, flags);
	FIELD(drm_snnq_stream_query, error);
}

static void emit_queries(void)
{
	STRUCT(drm_snnq_dev_query, 16);
	FIELD(drm_snnq_dev_query, type);
	FIELD(drm_snnq_dev_query, size);
	FIELD(drm_snnq_dev_query, ptr);
	STRUCT(drm_snnq_dev_info, 128);
	FIELD(drm_snnq_dev_info, hw_version);
	FIELD(drm_snnq_dev_info, cores);
	FIELD(drm_snnq_dev_info, sram_bytes);
	FIELD(drm_snnq_dev_info, dma_bits);
	FIELD(drm_snnq_dev_info, max_layers);
	FIELD(drm_snnq_dev_info, max_dim);
	FIELD(drm_snnq_dev_info, max_channels);
	FIELD(drm_snnq_dev_info, max_steps);
	FIELD(drm_snnq_dev_info, max_program_bytes);
	FIELD(drm_snnq_dev_info, features);
	FIELD(drm_snnq_dev_info, ops);
	FIELD(drm_snnq_dev_info, scheme_uniform);
	FIELD(drm_snnq_dev_info, scheme_odd);
	FIELD(drm_snnq_dev_info, scheme_pot);
	FIELD(drm_snnq_dev_info, lanes);
	FIELD(drm_snnq_dev_info, port_bytes);
	FIELD(drm_snnq_dev_info, clock_khz);
	FIELD(drm_snnq_dev_info, queue_depth);
	FIELD(drm_snnq_dev_info, scheme_apot);
	FIELD(drm_snnq_dev_info, scheme_ternary);
	FIELD(drm_snnq_dev_info, limit_ms);
	FIELD(drm_snnq_dev_info, timeout_ms);
	FIELD(drm_snnq_dev_info, flags);
	FIELD(drm_snnq_dev_info, page_bytes);
	FIELD(drm_snnq_dev_info, max_models);
	FIELD(drm_snnq_dev_info, max_streams);
	FIELD(drm_snnq_dev_info, max_queued_stream);
	FIELD(drm_snnq_dev_info, max_queued_file);
	FIELD(drm_snnq_dev_info, max_jobs);
	FIELD(drm_snnq_dev_info, max_syncs);
	FIELD(drm_snnq_dev_info, reserved);
	STRUCT(drm_snnq_stats, 104);
	FIELD(drm_snnq_stats, jobs_submitted);
	FIELD(drm_snnq_stats, jobs_completed);
	FIELD(drm_snnq_stats, jobs_failed);
	FIELD(drm_snnq_stats, jobs_cancelled);
	FIELD(drm_snnq_stats, steps);
	FIELD(drm_snnq_stats, busy_ns);
	FIELD(drm_snnq_stats, cycles);
	FIELD(drm_snnq_stats, hangs);
	FIELD(drm_snnq_stats, core_resets);
	FIELD(drm_snnq_stats, device_resets);
	FIELD(drm_snnq_stats, bad_completions);
	FIELD(drm_snnq_stats, memory_bytes);
	FIELD(drm_snnq_stats, memory_limit);
}

static void emit_jobs(void)
{
	STRUCT(drm_snnq_array, 16);
	FIELD(drm_snnq_array, ptr);
	FIELD(drm_snnq_array, count);
	FIELD(drm_snnq_array, stride);
	STRUCT(drm_snnq_binding, 24);
	FIELD(drm_snnq_binding, handle);
	FIELD(drm_snnq_binding, flags);
	FIELD(drm_snnq_binding, offset);
	FIELD(drm_snnq_binding, size);
	STRUCT(drm_snnq_sync, 16);
	FIELD(drm_snnq_sync, handle);
	FIELD(drm_snnq_sync, flags);
	FIELD(drm_snnq_sync, point);
	STRUCT(drm_snnq_job, 80);
	FIELD(drm_snnq_job, stream);
	FIELD(drm_snnq_job, steps);
	FIELD(drm_snnq_job, flags);
	FIELD(drm_snnq_job, profile_handle);
	FIELD(drm_snnq_job, profile_offset);
	FIELD(drm_snnq_job, profile_size);
	FIELD(drm_snnq_job, profile_stride);
	FIELD(drm_snnq_job, result_handle);
	FIELD(drm_snnq_job, result_size);
	FIELD(drm_snnq_job, result_offset);
	FIELD(drm_snnq_job, bindings);
	FIELD(drm_snnq_job, syncs);
	STRUCT(drm_snnq_result, 64);
	FIELD(drm_snnq_result, seq);
	FIELD(drm_snnq_result, error);
	FIELD(drm_snnq_result, status);
	FIELD(drm_snnq_result, layer);
	FIELD(drm_snnq_result, region);
	FIELD(drm_snnq_result, offset);
	FIELD(drm_snnq_result, steps);
	FIELD(drm_snnq_result, reserved);
	FIELD(drm_snnq_result, cycles);
	FIELD(drm_snnq_result, start_ns);
	FIELD(drm_snnq_result, end_ns);
	STRUCT(drm_snnq_submit, 24);
	FIELD(drm_snnq_submit, jobs);
	FIELD(drm_snnq_submit, flags);
	FIELD(drm_snnq_submit, failed_index);
}

int main(void)
{
	emit_program();
	emit_layers();
	emit_rings();
	emit_objects();
	emit_queries();
	emit_jobs();
	return 0;
}
