// SPDX-License-Identifier: MIT
/*
 * decode.c - attributes of the netlink family into structures, by tables.
 *
 * Newer drivers may send what is not known here, which is skipped; what is known
 * and has another size makes the message unusable.
 */
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <stddef.h>
#include <string.h>

#include "decode.h"
#include "snnq_netlink.h"

/* Most attributes of a set. */
#define MAX_ATTRS 64

enum kind { U32, U64, TEXT };

struct field {
	int attr;
	enum kind kind;
	size_t offset, size;
	size_t flag; /* of a bool that is set when the attribute is there; 0: none */
};

#define FIELD(type, attr, kind, member)                                                          \
	{                                                                                        \
		attr, kind, offsetof(struct type, member), sizeof(((struct type *)0)->member), 0 \
	}
#define FLAGGED(type, attr, kind, member, flag)                                                \
	{                                                                                      \
		attr, kind, offsetof(struct type, member), sizeof(((struct type *)0)->member), \
			offsetof(struct type, flag)                                            \
	}

#define DEVICE(attr, kind, member) FIELD(snnq_telemetry_device, SNNQ_A_DEVICE_##attr, kind, member)
#define DEVICE_IF(attr, kind, member, flag) \
	FLAGGED(snnq_telemetry_device, SNNQ_A_DEVICE_##attr, kind, member, flag)

static const struct field device_fields[] = {
	DEVICE(ID, U32, id),
	DEVICE(NAME, TEXT, name),
	DEVICE(NODE, TEXT, node),
	DEVICE(STATE, U32, state),
	DEVICE(CORES, U32, cores),
	DEVICE(HW_VERSION, U32, hw_version),
	DEVICE(CLOCK_KHZ, U32, clock_khz),
	DEVICE_IF(TEMPERATURE, U32, temperature, sensors),
	DEVICE(POWER, U32, power),
	DEVICE(TIME, U64, time_ns),
	DEVICE(HANGS, U64, hangs),
	DEVICE(CORE_RESETS, U64, core_resets),
	DEVICE(DEVICE_RESETS, U64, device_resets),
	DEVICE(BAD_COMPLETIONS, U64, bad_completions),
	DEVICE(THROTTLES, U64, throttles),
	DEVICE(MEMORY_LIMIT, U64, memory_limit),
	DEVICE_IF(CLIENTS, U32, clients, work),
	DEVICE(MEMORY, U64, memory),
	DEVICE(JOBS_SUBMITTED, U64, jobs_submitted),
	DEVICE(JOBS_COMPLETED, U64, jobs_completed),
	DEVICE(JOBS_FAILED, U64, jobs_failed),
	DEVICE(JOBS_CANCELLED, U64, jobs_cancelled),
	DEVICE(STEPS, U64, steps),
	DEVICE(BUSY, U64, busy_ns),
	DEVICE(CYCLES, U64, cycles),
	{ 0 },
};

#define CORE(attr, kind, member) FIELD(snnq_telemetry_core, SNNQ_A_CORE_##attr, kind, member)

static const struct field core_fields[] = {
	CORE(DEVICE_ID, U32, device),
	CORE(INDEX, U32, index),
	CORE(STATE, U32, state),
	CORE(TIME, U64, time_ns),
	CORE(RESETS, U64, resets),
	CORE(QUEUED, U32, queued),
	CORE(JOBS, U64, jobs),
	FLAGGED(snnq_telemetry_core, SNNQ_A_CORE_BUSY, U64, busy_ns, work),
	{ 0 },
};

#define CLIENT(attr, kind, member) FIELD(snnq_telemetry_client, SNNQ_A_CLIENT_##attr, kind, member)

static const struct field client_fields[] = {
	CLIENT(DEVICE_ID, U32, device),
	CLIENT(ID, U64, id),
	CLIENT(PID, U32, pid),
	CLIENT(UID, U32, uid),
	CLIENT(COMM, TEXT, comm),
	CLIENT(TIME, U64, time_ns),
	CLIENT(MEMORY, U64, memory),
	CLIENT(MODELS, U32, models),
	CLIENT(STREAMS, U32, streams),
	CLIENT(QUEUED, U32, queued),
	CLIENT(JOBS_SUBMITTED, U64, jobs_submitted),
	CLIENT(JOBS_COMPLETED, U64, jobs_completed),
	CLIENT(JOBS_FAILED, U64, jobs_failed),
	CLIENT(JOBS_CANCELLED, U64, jobs_cancelled),
	CLIENT(STEPS, U64, steps),
	CLIENT(BUSY, U64, busy_ns),
	CLIENT(CYCLES, U64, cycles),
	CLIENT(HANGS, U64, hangs),
	CLIENT(CORE_RESETS, U64, core_resets),
	CLIENT(DEVICE_RESETS, U64, device_resets),
	CLIENT(THROTTLES, U64, throttles),
	{ 0 },
};

#define EVENT(attr, kind, member) FIELD(snnq_telemetry_event, SNNQ_A_EVENT_##attr, kind, member)

static const struct field event_fields[] = {
	EVENT(DEVICE_ID, U32, device),
	EVENT(NAME, TEXT, name),
	EVENT(TIME, U64, time_ns),
	EVENT(LOST, U64, lost),
	EVENT(CORE, U32, core),
	EVENT(CLIENT_ID, U64, client_id),
	EVENT(PID, U32, pid),
	EVENT(UID, U32, uid),
	EVENT(COMM, TEXT, comm),
	EVENT(SEQ, U64, seq),
	EVENT(ERROR, U32, error),
	EVENT(STATUS, U32, status),
	EVENT(LAYER, U32, layer),
	EVENT(REGION, U32, region),
	EVENT(OFFSET, U64, offset),
	EVENT(DELAY, U64, delay_ns),
	{ 0 },
};

/* One attribute into its member; false: it has another size. */
static bool take(const struct field *f, struct nlattr *attr, char *object)
{
	char *to = object + f->offset;
	int bytes = nla_len(attr);

	if (f->kind == TEXT) {
		size_t n = strnlen(nla_data(attr), (size_t)bytes);

		memcpy(to, nla_data(attr), n < f->size ? n : f->size - 1);
	} else {
		if (bytes != (f->kind == U64 ? 8 : 4))
			return false;
		memcpy(to, nla_data(attr), (size_t)bytes);
	}
	if (f->flag)
		*(bool *)(object + f->flag) = true;
	return true;
}

/* The members of a zeroed object, of message @cmd. */
static bool decode(struct nlmsghdr *message, int cmd, const struct field *fields, void *object)
{
	struct nlattr *attrs[MAX_ATTRS + 1];

	if (!genlmsg_valid_hdr(message, 0) || genlmsg_hdr(message)->cmd != cmd ||
	    genlmsg_parse(message, 0, attrs, MAX_ATTRS, NULL) < 0)
		return false;
	for (const struct field *f = fields; f->attr; f++)
		if (attrs[f->attr] && !take(f, attrs[f->attr], object))
			return false;
	return true;
}

bool decode_device(struct nlmsghdr *message, struct snnq_telemetry_device *device)
{
	memset(device, 0, sizeof(*device));
	return decode(message, SNNQ_CMD_DEVICE_GET, device_fields, device);
}

bool decode_core(struct nlmsghdr *message, struct snnq_telemetry_core *core)
{
	memset(core, 0, sizeof(*core));
	return decode(message, SNNQ_CMD_CORE_GET, core_fields, core);
}

bool decode_client(struct nlmsghdr *message, struct snnq_telemetry_client *client)
{
	memset(client, 0, sizeof(*client));
	return decode(message, SNNQ_CMD_CLIENT_GET, client_fields, client);
}

/* The kind of a notification, or -1. */
static int kind_of(int cmd)
{
	static const int cmds[] = {
		[SNNQ_EVENT_DEVICE_ADDED] = SNNQ_CMD_DEVICE_ADDED,
		[SNNQ_EVENT_DEVICE_REMOVED] = SNNQ_CMD_DEVICE_REMOVED,
		[SNNQ_EVENT_DEVICE_WEDGED] = SNNQ_CMD_DEVICE_WEDGED,
		[SNNQ_EVENT_RESET] = SNNQ_CMD_RESET_EVENT,
		[SNNQ_EVENT_HANG] = SNNQ_CMD_HANG_EVENT,
		[SNNQ_EVENT_FAULT] = SNNQ_CMD_FAULT_EVENT,
		[SNNQ_EVENT_THROTTLE] = SNNQ_CMD_THROTTLE_EVENT,
	};

	for (int i = 0; i < (int)(sizeof(cmds) / sizeof(cmds[0])); i++)
		if (cmds[i] == cmd)
			return i;
	return -1;
}

bool decode_event(struct nlmsghdr *message, struct snnq_telemetry_event *event)
{
	struct nlattr *scope;
	int cmd, kind;

	memset(event, 0, sizeof(*event));
	event->core = event->layer = event->region = UINT32_MAX;
	if (!genlmsg_valid_hdr(message, 0))
		return false;
	cmd = genlmsg_hdr(message)->cmd;
	kind = kind_of(cmd);
	if (kind < 0 || !decode(message, cmd, event_fields, event))
		return false;
	event->kind = (enum snnq_telemetry_kind)kind;
	scope = nlmsg_find_attr(message, GENL_HDRLEN, SNNQ_A_EVENT_SCOPE);
	event->whole = scope && nla_len(scope) == 4 &&
		       nla_get_u32(scope) == SNNQ_RESET_SCOPE_DEVICE;
	return true;
}
