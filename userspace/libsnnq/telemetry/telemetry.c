// SPDX-License-Identifier: MIT
/*
 * telemetry.c - the driver's netlink family, by libnl: lists and events.
 *
 * Two sockets: one for requests and their answers, one for events, which come at any
 * time.
 */
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "base/error.h"
#include "snnq_netlink.h"
#include "snnq_program.h"

/* Devices may come and go while a list is read; then it is read again, so often. */
#define TRIES 16

struct snnq_telemetry {
	struct nl_sock *ask, *events;
	int family;
	int error;  /* of the kernel's answer */
	bool found; /* an event, in @event */
	struct snnq_telemetry_event event;
};

/* What comes in: objects of one size, one after another. */
struct list {
	bool (*decode)(struct nlmsghdr *message, void *object);
	char *objects;
	size_t count, size, room;
	int error;
};

/* libnl's numbers are its own; the kernel's are kept when they come. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *ctx)
{
	struct snnq_telemetry *t = ctx;

	(void)from;
	t->error = err->error;
	return NL_STOP;
}

static int on_object(struct nl_msg *msg, void *ctx)
{
	struct list *list = ctx;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		char *grown = realloc(list->objects, room * list->size);

		if (!grown) {
			list->error = -ENOMEM;
			return NL_SKIP;
		}
		list->objects = grown;
		list->room = room;
	}
	if (list->decode(nlmsg_hdr(msg), list->objects + list->count * list->size))
		list->count++;
	else
		list->error = -EBADMSG;
	return NL_SKIP;
}

static int on_event(struct nl_msg *msg, void *ctx)
{
	struct snnq_telemetry *t = ctx;

	t->found = decode_event(nlmsg_hdr(msg), &t->event);
	return NL_STOP;
}

static int failed(const char *what, int error)
{
	return error_set(error, "telemetry: %s: %s", what, strerror(-error));
}

/* What a libnl call that failed means here. */
static int translate(int nl, int otherwise)
{
	switch (-nl) {
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOACCESS:
		return -EACCES;
	case NLE_AF_NOSUPPORT:
		return -EAFNOSUPPORT;
	default:
		return otherwise;
	}
}

static int connect_family(struct snnq_telemetry *t)
{
	int nl = genl_connect(t->ask);

	if (nl)
		return failed("netlink", translate(nl, -EIO));
	t->family = genl_ctrl_resolve(t->ask, SNNQ_FAMILY_NAME);
	if (t->family >= 0)
		return 0;
	if (translate(t->family, -EIO) != -ENOENT)
		return failed("netlink", translate(t->family, -EIO));
	return error_set(
		-ENOENT,
		"telemetry: the driver snnq is not loaded, or this is not the first network "
		"namespace");
}

int snnq_telemetry_open(struct snnq_telemetry **telemetry)
{
	struct snnq_telemetry *t = calloc(1, sizeof(*t));
	int err;

	*telemetry = NULL;
	if (t)
		t->ask = nl_socket_alloc();
	if (!t || !t->ask) {
		free(t);
		return failed("open", -ENOMEM);
	}
	err = connect_family(t);
	if (err)
		snnq_telemetry_close(t);
	else
		*telemetry = t;
	return err;
}

void snnq_telemetry_close(struct snnq_telemetry *t)
{
	if (!t)
		return;
	nl_socket_free(t->ask);
	nl_socket_free(t->events);
	free(t);
}

static int ask_once(struct snnq_telemetry *t, int cmd, struct list *list)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int nl;

	if (!cb)
		return -NLE_NOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_object, list);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, t);
	list->count = 0;
	list->error = 0;
	t->error = 0;
	nl = genl_send_simple(t->ask, t->family, cmd, SNNQ_FAMILY_VERSION, NLM_F_DUMP);
	if (nl >= 0)
		nl = nl_recvmsgs(t->ask, cb);
	nl_cb_put(cb);
	return nl;
}

static int ask(struct snnq_telemetry *t, int cmd, const char *what, struct list *list)
{
	int nl, tries = 0;

	do
		nl = ask_once(t, cmd, list);
	while (nl == -NLE_DUMP_INTR && ++tries < TRIES);
	if (nl >= 0 && list->error == -EBADMSG)
		return error_set(-EBADMSG, "telemetry: %s: the driver's answer is not understood",
				 what);
	if (nl >= 0 && list->error)
		return failed(what, list->error);
	if (nl == -NLE_DUMP_INTR)
		return failed(what, -EBUSY);
	return nl >= 0 ? 0 : failed(what, t->error ? t->error : translate(nl, -EIO));
}

/* The decoders of lists, without their types. */
static bool any_device(struct nlmsghdr *message, void *object)
{
	return decode_device(message, object);
}

static bool any_core(struct nlmsghdr *message, void *object)
{
	return decode_core(message, object);
}

static bool any_client(struct nlmsghdr *message, void *object)
{
	return decode_client(message, object);
}

int snnq_telemetry_devices(struct snnq_telemetry *t,
			   void (*each)(void *ctx, const struct snnq_telemetry_device *device),
			   void *ctx)
{
	struct list list = { .decode = any_device, .size = sizeof(struct snnq_telemetry_device) };
	int err = ask(t, SNNQ_CMD_DEVICE_GET, "devices", &list);

	for (size_t i = 0; !err && i < list.count; i++)
		each(ctx, (const void *)(list.objects + i * list.size));
	free(list.objects);
	return err;
}

int snnq_telemetry_cores(struct snnq_telemetry *t,
			 void (*each)(void *ctx, const struct snnq_telemetry_core *core), void *ctx)
{
	struct list list = { .decode = any_core, .size = sizeof(struct snnq_telemetry_core) };
	int err = ask(t, SNNQ_CMD_CORE_GET, "cores", &list);

	for (size_t i = 0; !err && i < list.count; i++)
		each(ctx, (const void *)(list.objects + i * list.size));
	free(list.objects);
	return err;
}

int snnq_telemetry_clients(struct snnq_telemetry *t,
			   void (*each)(void *ctx, const struct snnq_telemetry_client *client),
			   void *ctx)
{
	struct list list = { .decode = any_client, .size = sizeof(struct snnq_telemetry_client) };
	int err = ask(t, SNNQ_CMD_CLIENT_GET, "clients", &list);

	for (size_t i = 0; !err && i < list.count; i++)
		each(ctx, (const void *)(list.objects + i * list.size));
	free(list.objects);
	return err;
}

/* Events are not in answer to anything: no sequence, and no waiting. */
static int listen_to(struct snnq_telemetry *t, const char *group)
{
	int id = genl_ctrl_resolve_grp(t->ask, SNNQ_FAMILY_NAME, group), nl;

	if (id < 0)
		return failed(group, translate(id, -EIO));
	nl_socket_disable_seq_check(t->events);
	nl = genl_connect(t->events);
	if (!nl)
		nl = nl_socket_set_nonblocking(t->events);
	if (!nl)
		nl = nl_socket_modify_cb(t->events, NL_CB_VALID, NL_CB_CUSTOM, on_event, t);
	if (!nl)
		nl = nl_socket_add_membership(t->events, id);
	return nl ? failed(group, translate(nl, -EIO)) : 0;
}

int snnq_telemetry_listen(struct snnq_telemetry *t, bool clients)
{
	int err;

	nl_socket_free(t->events);
	t->events = nl_socket_alloc();
	if (!t->events)
		return failed("listen", -ENOMEM);
	err = listen_to(t, clients ? SNNQ_MCGRP_CLIENTS : SNNQ_MCGRP_HEALTH);
	if (err) {
		nl_socket_free(t->events);
		t->events = NULL;
	}
	return err;
}

int snnq_telemetry_fd(const struct snnq_telemetry *t)
{
	return t->events ? nl_socket_get_fd(t->events) :
			   error_set(-EINVAL, "telemetry: expected snnq_telemetry_listen() before");
}

int snnq_telemetry_next(struct snnq_telemetry *t, int timeout_ms,
			struct snnq_telemetry_event *event)
{
	struct pollfd p = { .fd = snnq_telemetry_fd(t), .events = POLLIN };
	int nl;

	if (p.fd < 0)
		return p.fd;
	if (poll(&p, 1, timeout_ms) <= 0)
		return 0;
	t->found = false;
	nl = nl_recvmsgs_default(t->events);
	if (nl == -NLE_NOMEM) /* ENOBUFS */
		return error_set(-ENOBUFS, "telemetry: events came faster than they were read");
	if (nl < 0 && nl != -NLE_AGAIN)
		return failed("events", translate(nl, -EIO));
	if (t->found)
		*event = t->event;
	return t->found;
}

const char *snnq_telemetry_kind_name(enum snnq_telemetry_kind kind)
{
	static const char *const names[] = {
		[SNNQ_EVENT_DEVICE_ADDED] = "added",
		[SNNQ_EVENT_DEVICE_REMOVED] = "removed",
		[SNNQ_EVENT_DEVICE_WEDGED] = "wedged",
		[SNNQ_EVENT_RESET] = "reset",
		[SNNQ_EVENT_HANG] = "hang",
		[SNNQ_EVENT_FAULT] = "fault",
		[SNNQ_EVENT_THROTTLE] = "throttle",
	};

	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

const char *snnq_status_name(uint32_t status)
{
	static const char *const names[] = {
		[SNNQ_STATUS_OK] = "ok",
		[SNNQ_STATUS_BAD_PROGRAM] = "bad program",
		[SNNQ_STATUS_BAD_REGION] = "bad region",
		[SNNQ_STATUS_ACCESS] = "access",
		[SNNQ_STATUS_DMA] = "no memory there",
		[SNNQ_STATUS_BAD_EVENT] = "bad event",
		[SNNQ_STATUS_BAD_STATE] = "bad state",
		[SNNQ_STATUS_CANCELLED] = "cancelled",
		[SNNQ_STATUS_WATCHDOG] = "watchdog",
		[SNNQ_STATUS_INTERNAL] = "internal",
		[SNNQ_STATUS_BAD_ENTRY] = "bad entry",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == SNNQ_STATUS_COUNT, "all have names");
	return status < SNNQ_STATUS_COUNT ? names[status] : "?";
}
