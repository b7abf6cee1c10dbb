/* SPDX-License-Identifier: MIT */
/*
 * private.h - what libsnnq-tools uses of libsnnq beside the public calls.
 *
 * The compiler includes it before every source of both libraries. These names leave libsnnq
 * under the prefix snnq_private_, so that no program's function of the same name takes their
 * place, and with a symbol version for exactly this release (libsnnq.map.in), so that the loader
 * refuses a libsnnq-tools of another one. Nobody else may use them. A name that is missing here
 * is an undefined reference when libsnnq-tools is linked.
 */
#ifndef SNNQ_PRIVATE_H
#define SNNQ_PRIVATE_H

#define bins_fill	       snnq_private_bins_fill
#define compact_model	       snnq_private_compact_model
#define compile_free	       snnq_private_compile_free
#define compile_graph	       snnq_private_compile_graph
#define error_set	       snnq_private_error_set
#define file_open	       snnq_private_file_open
#define file_stream	       snnq_private_file_stream
#define floatnet_create	       snnq_private_floatnet_create
#define floatnet_destroy       snnq_private_floatnet_destroy
#define floatnet_record_alloc  snnq_private_floatnet_record_alloc
#define floatnet_record_free   snnq_private_floatnet_record_free
#define floatnet_run	       snnq_private_floatnet_run
#define floatnet_shape	       snnq_private_floatnet_shape
#define floatnet_slot_words    snnq_private_floatnet_slot_words
#define floatnet_words	       snnq_private_floatnet_words
#define graph_feeds_weights    snnq_private_graph_feeds_weights
#define graph_free	       snnq_private_graph_free
#define graph_keeps_format     snnq_private_graph_keeps_format
#define graph_layer_params     snnq_private_graph_layer_params
#define graph_number	       snnq_private_graph_number
#define graph_parse	       snnq_private_graph_parse
#define graph_real	       snnq_private_graph_real
#define graph_shape	       snnq_private_graph_shape
#define graph_units	       snnq_private_graph_units
#define grid_find_exact	       snnq_private_grid_find_exact
#define grid_init	       snnq_private_grid_init
#define grid_nearest	       snnq_private_grid_nearest
#define grid_scheme	       snnq_private_grid_scheme
#define grid_scheme_name       snnq_private_grid_scheme_name
#define isa_check	       snnq_private_isa_check
#define job_memory_of	       snnq_private_job_memory_of
#define json_append	       snnq_private_json_append
#define json_append_object     snnq_private_json_append_object
#define json_losses	       snnq_private_json_losses
#define json_parse	       snnq_private_json_parse
#define json_put	       snnq_private_json_put
#define json_put_array	       snnq_private_json_put_array
#define json_put_number	       snnq_private_json_put_number
#define json_put_object	       snnq_private_json_put_object
#define json_put_string	       snnq_private_json_put_string
#define json_replace	       snnq_private_json_replace
#define model_add_integers     snnq_private_model_add_integers
#define model_add_packed       snnq_private_model_add_packed
#define model_add_weight       snnq_private_model_add_weight
#define modelfile_add	       snnq_private_modelfile_add
#define modelfile_free	       snnq_private_modelfile_free
#define modelfile_new	       snnq_private_modelfile_new
#define modelfile_open	       snnq_private_modelfile_open
#define modelfile_size	       snnq_private_modelfile_size
#define modelfile_write	       snnq_private_modelfile_write
#define npy_close	       snnq_private_npy_close
#define npy_open	       snnq_private_npy_open
#define npy_read	       snnq_private_npy_read
#define parallel_for	       snnq_private_parallel_for
#define process_above_standard snnq_private_process_above_standard
#define process_end	       snnq_private_process_end
#define process_failed	       snnq_private_process_failed
#define process_give	       snnq_private_process_give
#define process_read	       snnq_private_process_read
#define process_start	       snnq_private_process_start
#define weight_pack	       snnq_private_weight_pack
#define weight_packed_bytes    snnq_private_weight_packed_bytes
#define tensor_elements	       snnq_private_tensor_elements
#define tensor_real	       snnq_private_tensor_real
#define values_fill	       snnq_private_values_fill
#define values_check_options   snnq_private_values_check_options
#define values_samples	       snnq_private_values_samples
#define weight_stored_bits     snnq_private_weight_stored_bits

#endif /* SNNQ_PRIVATE_H */
