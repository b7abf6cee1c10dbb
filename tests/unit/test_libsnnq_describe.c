// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_describe.c - what is told about a model: sizes, bits, zeros, as structures and JSON.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models.h"
#include "snnq_tools.h"

static void must(int ret)
{
	if (ret < 0)
		fail_msg("%s (%d)", snnq_last_error(NULL), ret);
}

static void test_model_info(void **state)
{
	struct snnq_layer_info layer;
	struct snnq_model_info info;
	struct snnq_device *dev;
	struct snnq_model *model;

	(void)state;
	must(snnq_open("sim", NULL, &dev));
	must(snnq_model_load(dev, model_write(network_model()), NULL, &model));
	must(snnq_model_info(model, &info));
	assert_string_equal(info.name, "net");
	assert_int_equal(info.classes, 2);
	assert_int_equal(info.layers, 8);
	assert_int_equal(info.weight_bytes, 36 + 9 + 8);
	/* 54 weights of 4 bits, three times 12 of 2, 8 of 8 */
	assert_int_equal(info.weight_bits, 54 * 4 + 36 * 2 + 8 * 8);
	assert_int_equal(info.metadata_bytes, info.model_bytes - info.weight_bytes);
	assert_string_equal(snnq_model_class_name(model, 1), "no");
	assert_null(snnq_model_class_name(model, 2));
	must(snnq_model_layer(model, 2, &layer));
	assert_string_equal(layer.name, "q");
	assert_string_equal(layer.op, "linear");
	assert_string_equal(layer.scheme, "pot");
	assert_int_equal(layer.params, 12);
	assert_int_equal(snnq_model_layer(model, 8, &layer), -EINVAL);
	assert_int_equal(snnq_model_load(dev, "/nonexistent.snnq", NULL, &model), -ENOENT);
	snnq_model_destroy(model);
	snnq_close(dev);
}

/* Ternary weights count 8 / 5 bits, and their zeros are base-3 digits. */
static void test_ternary_info(void **state)
{
	struct modelfile *file = network_model();
	struct snnq_layer_info layer;
	struct snnq_model_info info;
	struct snnq_device *dev;
	struct snnq_model *model;
	const char *path;
	char *json;

	(void)state;
	edit(file, "layers.2.weight.scheme", "\"ternary\"");
	/* Three rows of four weights, a byte each: 0 1 2 0, 1 0 0 0 and 0 again. */
	memcpy((void *)(uintptr_t)modelfile_find(file, "q.weight")->data,
	       (uint8_t[]){ 1 * 3 + 2 * 9, 1, 243 }, 3);
	path = model_write(file);
	must(snnq_open("sim", NULL, &dev));
	must(snnq_model_load(dev, path, NULL, &model));
	must(snnq_model_info(model, &info));
	assert_int_equal(info.weight_bytes, 36 + 9 + 8);
	assert_int_equal(info.weight_bits, 54 * 4 + 20 + 24 * 2 + 8 * 8); /* 12 * 1.6 */
	must(snnq_model_layer(model, 2, &layer));
	assert_string_equal(layer.scheme, "ternary");
	assert_int_equal(layer.bits, 2);
	assert_true(layer.sparsity == 9 / 12.0);
	must(snnq_describe(path, &json));
	/* (54 * 4 + 12 * 1.6 + 24 * 2 + 8 * 8) / 98 */
	assert_non_null(strstr(json, "\"avg_weight_bits\":\t3.542857142857"));
	assert_non_null(strstr(json, "\"scheme\":\t\"ternary\""));
	free(json);
	snnq_model_destroy(model);
	snnq_close(dev);
}

/* What a model's JSON tells. */
static void test_describe(void **state)
{
	struct modelfile *file = network_model();
	cJSON *root, *layers, *input;
	const char *path;
	char *json;

	(void)state;
	edit(file, "layers.7.bias", "3"); /* one for both outputs */
	path = model_write(file);
	must(snnq_describe(path, &json));
	root = cJSON_Parse(json);
	free(json);
	assert_non_null(root);
	input = cJSON_GetObjectItem(root, "input");
	assert_true(cJSON_GetObjectItem(input, "step_us")->valuedouble == 1000);
	assert_true(cJSON_GetObjectItem(input, "steps")->valuedouble == 8);
	layers = cJSON_GetObjectItem(root, "layers");
	assert_int_equal(cJSON_GetArraySize(layers), 8);
	/* head: 4 inputs, 2 outputs and their biases */
	assert_true(cJSON_GetObjectItem(cJSON_GetArrayItem(layers, 7), "params")->valuedouble ==
		    10);
	assert_true(cJSON_GetObjectItem(root, "params")->valuedouble == 54 + 3 * 12 + 10);
	cJSON_Delete(root);
}

static int cleanup(void **state)
{
	(void)state;
	models_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_info),
		cmocka_unit_test(test_ternary_info),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
