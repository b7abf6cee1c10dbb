// SPDX-License-Identifier: MIT
/*
 * events_camera.c - cameras that the files of jAER and cAER name, by their classes or sources, in
 * either case of letters.
 */
#include "bytes.h"
#include "events.h"

const struct events_camera *events_camera(const void *text, size_t bytes)
{
	static const struct events_camera cameras[] = {
		{ "DVS128", 128, 128, CAMERA_DVS128 },	{ "DAVIS128", 128, 128, CAMERA_DAVIS },
		{ "DAVIS208", 208, 192, CAMERA_DAVIS }, { "DAVIS240", 240, 180, CAMERA_DAVIS },
		{ "DAVIS346", 346, 260, CAMERA_DAVIS }, { "DAVI346", 346, 260, CAMERA_DAVIS },
		{ "DAVIS640", 640, 480, CAMERA_DAVIS }, { "DVXplorer", 640, 480, CAMERA_OTHER },
	};

	for (size_t i = 0; i < sizeof(cameras) / sizeof(cameras[0]); i++)
		if (text_contains(text, bytes, cameras[i].name))
			return &cameras[i];
	return NULL;
}
