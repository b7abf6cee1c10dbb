// SPDX-License-Identifier: MIT
/*
 * usage.c - all that the driver tells of devices, cores and clients, at one moment.
 */
#include "usage.h"

#include <errno.h>
#include <stdlib.h>

/* Append @size bytes to an array that grows by halves; false: no memory. */
static bool append(void **array, size_t count, size_t size, void **place)
{
	if (!(count & (count - 1))) { /* 0, 1, 2, 4, ... */
		void *grown = realloc(*array, (count ? 2 * count : 1) * size);

		if (!grown)
			return false;
		*array = grown;
	}
	*place = (char *)*array + count * size;
	return true;
}

static void take_device(void *ctx, const struct snnq_telemetry_device *device)
{
	struct usage *u = ctx;
	void *place;

	if (append((void **)&u->devices, u->device_count, sizeof(*device), &place))
		u->devices[u->device_count++] = *device;
	else
		u->lost = true;
}

static void take_core(void *ctx, const struct snnq_telemetry_core *core)
{
	struct usage *u = ctx;
	void *place;

	if (append((void **)&u->cores, u->core_count, sizeof(*core), &place))
		u->cores[u->core_count++] = *core;
	else
		u->lost = true;
}

static void take_client(void *ctx, const struct snnq_telemetry_client *client)
{
	struct usage *u = ctx;
	void *place;

	if (append((void **)&u->clients, u->client_count, sizeof(*client), &place))
		u->clients[u->client_count++] = *client;
	else
		u->lost = true;
}

int usage_read(struct snnq_telemetry *telemetry, struct usage *usage)
{
	int err;

	*usage = (struct usage){ .lost = false };
	err = snnq_telemetry_devices(telemetry, take_device, usage);
	if (!err)
		err = snnq_telemetry_cores(telemetry, take_core, usage);
	if (!err)
		err = snnq_telemetry_clients(telemetry, take_client, usage);
	return err || !usage->lost ? err : -ENOMEM;
}

void usage_free(struct usage *usage)
{
	free(usage->devices);
	free(usage->cores);
	free(usage->clients);
	*usage = (struct usage){ .lost = false };
}

const struct snnq_telemetry_device *usage_device(const struct usage *usage, uint32_t id)
{
	for (size_t i = 0; i < usage->device_count; i++)
		if (usage->devices[i].id == id)
			return &usage->devices[i];
	return NULL;
}

const struct snnq_telemetry_core *usage_core(const struct usage *usage, uint32_t device,
					     uint32_t index)
{
	for (size_t i = 0; i < usage->core_count; i++)
		if (usage->cores[i].device == device && usage->cores[i].index == index)
			return &usage->cores[i];
	return NULL;
}

const struct snnq_telemetry_client *usage_client(const struct usage *usage, uint32_t device,
						 uint64_t id)
{
	for (size_t i = 0; i < usage->client_count; i++)
		if (usage->clients[i].device == device && usage->clients[i].id == id)
			return &usage->clients[i];
	return NULL;
}

const char *usage_state_name(uint32_t state)
{
	static const char *const names[] = {
		[SNNQ_STATE_READY] = "ready", [SNNQ_STATE_ASLEEP] = "asleep", [SNNQ_STATE_WEDGED] = "wedged"
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}
