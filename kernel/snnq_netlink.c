// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "snnq": devices, cores, clients, and events. What its
 * messages look like says Documentation/netlink/snnq.yaml; tests/netlink/spec compares.
 *
 * Who may see what: how devices fare is everyone's. How much is computed, when and by
 * whom is for CAP_PERFMON, or CAP_SYS_ADMIN, which both the caller and the opener of the
 * socket must have; others see the clients of their own user. Whose job caused an event
 * is told in a group of its own, for CAP_SYS_ADMIN. The family is in the first network
 * namespace only.
 *
 * What a caller may see is decided when a dump begins, in the caller's context. Its later
 * parts may be fetched by whoever has the socket.
 *
 * Locks, outermost first: genl's, snnq_devices_lock, the list of files of a device.
 * None is held while a device is unplugged.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>

#include <net/genetlink.h>
#include <net/sock.h>

#include <drm/drm_managed.h>

#include "snnq_compat.h"
#include "snnq_core.h"
#include "snnq_device.h"
#include "snnq_event.h"
#include "snnq_job.h"
#include "snnq_mem.h"
#include "snnq_netlink.h"
#include "snnq_telemetry.h"

enum { SNNQ_GROUP_HEALTH, SNNQ_GROUP_CLIENTS };

/* Devices that users can open, by number. */
static LIST_HEAD(snnq_devices);
static DEFINE_MUTEX(snnq_devices_lock);
/* Grows with each that comes or goes, so that a dump notices. */
static unsigned int snnq_devices_seq = 1;

static struct genl_family snnq_nl_family;

/**
 * struct snnq_viewer - what a caller may see
 * @all: everything.
 * @uid: clients of this user.
 */
struct snnq_viewer {
	bool all;
	kuid_t uid;
};

/**
 * struct snnq_dump - how far a dump is
 * @viewer: who asked for it.
 * @one: about device @device only.
 * @device: number of the device that is next.
 * @core: core that is next there.
 * @client: clients with smaller numbers are next; 0: the list begins.
 */
struct snnq_dump {
	struct snnq_viewer viewer;
	bool one;
	u32 device;
	u32 core;
	u64 client;
};

static_assert(sizeof(struct snnq_dump) <= sizeof_field(struct netlink_callback, ctx));

/* A counter and the attribute that tells it. */
struct snnq_told {
	u16 attr;
	enum snnq_counter counter;
};

static const struct snnq_told snnq_device_health[] = {
	{ SNNQ_A_DEVICE_HANGS, SNNQ_HANGS },
	{ SNNQ_A_DEVICE_CORE_RESETS, SNNQ_CORE_RESETS },
	{ SNNQ_A_DEVICE_DEVICE_RESETS, SNNQ_DEVICE_RESETS },
	{ SNNQ_A_DEVICE_BAD_COMPLETIONS, SNNQ_BAD_COMPLETIONS },
	{ SNNQ_A_DEVICE_THROTTLES, SNNQ_THROTTLES },
};

static const struct snnq_told snnq_device_work[] = {
	{ SNNQ_A_DEVICE_MEMORY, SNNQ_MEMORY_BYTES },
	{ SNNQ_A_DEVICE_JOBS_SUBMITTED, SNNQ_JOBS_SUBMITTED },
	{ SNNQ_A_DEVICE_JOBS_COMPLETED, SNNQ_JOBS_COMPLETED },
	{ SNNQ_A_DEVICE_JOBS_FAILED, SNNQ_JOBS_FAILED },
	{ SNNQ_A_DEVICE_JOBS_CANCELLED, SNNQ_JOBS_CANCELLED },
	{ SNNQ_A_DEVICE_STEPS, SNNQ_STEPS },
	{ SNNQ_A_DEVICE_BUSY, SNNQ_BUSY_NS },
	{ SNNQ_A_DEVICE_CYCLES, SNNQ_CYCLES },
};

static const struct snnq_told snnq_client_told[] = {
	{ SNNQ_A_CLIENT_MEMORY, SNNQ_MEMORY_BYTES },
	{ SNNQ_A_CLIENT_JOBS_SUBMITTED, SNNQ_JOBS_SUBMITTED },
	{ SNNQ_A_CLIENT_JOBS_COMPLETED, SNNQ_JOBS_COMPLETED },
	{ SNNQ_A_CLIENT_JOBS_FAILED, SNNQ_JOBS_FAILED },
	{ SNNQ_A_CLIENT_JOBS_CANCELLED, SNNQ_JOBS_CANCELLED },
	{ SNNQ_A_CLIENT_STEPS, SNNQ_STEPS },
	{ SNNQ_A_CLIENT_BUSY, SNNQ_BUSY_NS },
	{ SNNQ_A_CLIENT_CYCLES, SNNQ_CYCLES },
	{ SNNQ_A_CLIENT_HANGS, SNNQ_HANGS },
	{ SNNQ_A_CLIENT_CORE_RESETS, SNNQ_CORE_RESETS },
	{ SNNQ_A_CLIENT_DEVICE_RESETS, SNNQ_DEVICE_RESETS },
	{ SNNQ_A_CLIENT_THROTTLES, SNNQ_THROTTLES },
};

/* The sets of attributes have their padding in different places. */
static int snnq_nl_put_counters(struct sk_buff *skb, const struct snnq_counters *c,
				const struct snnq_told *told, size_t count, int pad)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < count; i++)
		err = nla_put_u64_64bit(skb, told[i].attr,
					atomic64_read(&c->value[told[i].counter]), pad);
	return err;
}

static struct snnq_viewer snnq_nl_viewer(struct sk_buff *skb)
{
	kuid_t uid = NETLINK_CB(skb).sk->sk_uid;

	return (struct snnq_viewer){
		.all = netlink_capable(skb, CAP_PERFMON) || netlink_capable(skb, CAP_SYS_ADMIN),
		.uid = uid_eq(uid, current_euid()) ? uid : INVALID_UID,
	};
}

static u32 snnq_nl_state(const struct snnq_device *sdev)
{
	if (READ_ONCE(sdev->wedged))
		return SNNQ_DEVICE_STATE_WEDGED;
	return READ_ONCE(sdev->asleep) ? SNNQ_DEVICE_STATE_ASLEEP : SNNQ_DEVICE_STATE_READY;
}

static int snnq_nl_put_node(struct sk_buff *skb, const struct snnq_device *sdev)
{
	char node[32];

	snprintf(node, sizeof(node), SNNQ_NODE_FORMAT, snnq_device_number(sdev));
	return nla_put_string(skb, SNNQ_A_DEVICE_NODE, node);
}

static int snnq_nl_put_sensors(struct sk_buff *skb, struct snnq_device *sdev)
{
	s32 temperature;
	u32 power;

	if (!snnq_device_sensors(sdev, &temperature, &power))
		return 0;
	if (nla_put_s32(skb, SNNQ_A_DEVICE_TEMPERATURE, temperature) ||
	    nla_put_u32(skb, SNNQ_A_DEVICE_POWER, power))
		return -EMSGSIZE;
	return 0;
}

static int snnq_nl_put_device(struct sk_buff *skb, struct snnq_device *sdev)
{
	if (nla_put_u32(skb, SNNQ_A_DEVICE_ID, snnq_device_number(sdev)) ||
	    nla_put_string(skb, SNNQ_A_DEVICE_NAME, dev_name(sdev->drm.dev)) ||
	    snnq_nl_put_node(skb, sdev) ||
	    nla_put_u32(skb, SNNQ_A_DEVICE_STATE, snnq_nl_state(sdev)) ||
	    nla_put_u32(skb, SNNQ_A_DEVICE_CORES, sdev->info.cores) ||
	    nla_put_u32(skb, SNNQ_A_DEVICE_HW_VERSION, sdev->info.hw_version) ||
	    nla_put_u32(skb, SNNQ_A_DEVICE_CLOCK_KHZ, sdev->info.clock_khz) ||
	    snnq_nl_put_sensors(skb, sdev) ||
	    nla_put_u64_64bit(skb, SNNQ_A_DEVICE_TIME, ktime_get_ns(), SNNQ_A_DEVICE_PAD) ||
	    nla_put_u64_64bit(skb, SNNQ_A_DEVICE_MEMORY_LIMIT, snnq_memory_budget(),
			      SNNQ_A_DEVICE_PAD))
		return -EMSGSIZE;
	return snnq_nl_put_counters(skb, &sdev->counters, snnq_device_health,
				    ARRAY_SIZE(snnq_device_health), SNNQ_A_DEVICE_PAD);
}

static int snnq_nl_put_device_work(struct sk_buff *skb, struct snnq_device *sdev)
{
	if (nla_put_u32(skb, SNNQ_A_DEVICE_CLIENTS, atomic_read(&sdev->drm.open_count)))
		return -EMSGSIZE;
	return snnq_nl_put_counters(skb, &sdev->counters, snnq_device_work,
				    ARRAY_SIZE(snnq_device_work), SNNQ_A_DEVICE_PAD);
}

/* The whole of a message but its header. */
static int snnq_nl_fill_device(struct sk_buff *skb, struct snnq_device *sdev,
			       const struct snnq_viewer *viewer)
{
	int err;

	snnq_device_settle(sdev);
	err = snnq_nl_put_device(skb, sdev);
	if (!err && viewer->all)
		err = snnq_nl_put_device_work(skb, sdev);
	return err;
}

/* Device @number or, with @more, the first behind it. */
static struct snnq_device *snnq_nl_find(u32 number, bool more)
{
	struct snnq_device *sdev;
	u32 n;

	lockdep_assert_held(&snnq_devices_lock);
	list_for_each_entry(sdev, &snnq_devices, node) {
		n = snnq_device_number(sdev);
		if (n == number || (more && n > number))
			return sdev;
	}
	return NULL;
}

static int snnq_nl_device_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct snnq_viewer viewer = snnq_nl_viewer(skb);
	struct snnq_device *sdev;
	struct sk_buff *reply;
	int err = -ENODEV;
	void *msg;

	if (GENL_REQ_ATTR_CHECK(info, SNNQ_A_DEVICE_ID))
		return -EINVAL;
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	msg = genlmsg_put_reply(reply, info, &snnq_nl_family, 0, SNNQ_CMD_DEVICE_GET);
	mutex_lock(&snnq_devices_lock);
	sdev = snnq_nl_find(nla_get_u32(info->attrs[SNNQ_A_DEVICE_ID]), false);
	if (sdev)
		err = msg ? snnq_nl_fill_device(reply, sdev, &viewer) : -EMSGSIZE;
	mutex_unlock(&snnq_devices_lock);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, msg);
	return genlmsg_reply(reply, info);
}

static struct snnq_dump *snnq_nl_dump(struct netlink_callback *cb)
{
	return (struct snnq_dump *)cb->ctx;
}

/* The attribute that names a device is the first of each set. */
static int snnq_nl_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = snnq_dump_attrs(cb), *device = attrs ? attrs[1] : NULL;
	struct snnq_dump *dump = snnq_nl_dump(cb);

	*dump = (struct snnq_dump){
		.viewer = snnq_nl_viewer(cb->skb),
		.one = device,
		.device = device ? nla_get_u32(device) : 0,
	};
	return 0;
}

/*
 * Call @put with one device after another, until one has more to say than there is room
 * for. That one is gone on with in the next part.
 */
static int snnq_nl_each(struct sk_buff *skb, struct netlink_callback *cb,
			int (*put)(struct sk_buff *skb, struct netlink_callback *cb,
				   struct snnq_device *sdev))
{
	struct snnq_dump *dump = snnq_nl_dump(cb);
	struct snnq_device *sdev;
	bool found = false;
	int err = 0;

	mutex_lock(&snnq_devices_lock);
	cb->seq = snnq_devices_seq;
	while (!err && (sdev = snnq_nl_find(dump->device, !dump->one))) {
		found = true;
		err = put(skb, cb, sdev);
		if (err)
			break;
		dump->device = snnq_device_number(sdev) + 1;
		dump->core = 0;
		dump->client = 0;
		if (dump->one) {
			dump->device = U32_MAX;
			break;
		}
	}
	mutex_unlock(&snnq_devices_lock);
	if (dump->one && !found && dump->device != U32_MAX)
		return -ENODEV;
	return skb->len ?: err;
}

static void *snnq_nl_part(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &snnq_nl_family,
			   NLM_F_MULTI, cmd);
}

/* -EMSGSIZE: there was no room, and nothing is left of the message. */
static int snnq_nl_finish(struct sk_buff *skb, struct netlink_callback *cb, void *msg, int err)
{
	if (err) {
		genlmsg_cancel(skb, msg);
		return err;
	}
	genl_dump_check_consistent(cb, msg);
	genlmsg_end(skb, msg);
	return 0;
}

static int snnq_nl_dump_device(struct sk_buff *skb, struct netlink_callback *cb,
			       struct snnq_device *sdev)
{
	void *msg = snnq_nl_part(skb, cb, SNNQ_CMD_DEVICE_GET);

	if (!msg)
		return -EMSGSIZE;
	return snnq_nl_finish(skb, cb, msg,
			      snnq_nl_fill_device(skb, sdev, &snnq_nl_dump(cb)->viewer));
}

static int snnq_nl_device_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	if (snnq_nl_dump(cb)->one) /* a dump is of all of them */
		return -EINVAL;
	return snnq_nl_each(skb, cb, snnq_nl_dump_device);
}

/* What a core is doing, taken at one moment. */
struct snnq_core_view {
	u32 state;
	u32 queued;
	u64 resets;
	u64 ended;
	u64 busy_ns;
};

static struct snnq_core_view snnq_nl_look(struct snnq_core *core)
{
	struct snnq_core_view v = {};
	unsigned long flags;
	u32 i;

	snnq_core_settle(core);
	spin_lock_irqsave(&core->lock, flags);
	for (i = 0; i < core->entries; i++)
		v.queued += !!core->jobs[i];
	v.state = (core->enabled ? SNNQ_CORE_STATE_ENABLED : 0) |
		  (core->broken ? SNNQ_CORE_STATE_BROKEN : 0) |
		  (core->guard.masked ? SNNQ_CORE_STATE_POLLED : 0);
	v.resets = core->resets;
	v.ended = core->ended;
	v.busy_ns = core->busy_ns;
	spin_unlock_irqrestore(&core->lock, flags);
	return v;
}

static int snnq_nl_put_core(struct sk_buff *skb, struct snnq_core *core, bool all)
{
	const struct snnq_core_view v = snnq_nl_look(core);

	if (nla_put_u32(skb, SNNQ_A_CORE_DEVICE_ID, snnq_device_number(core->sdev)) ||
	    nla_put_u32(skb, SNNQ_A_CORE_INDEX, core->index) ||
	    nla_put_u32(skb, SNNQ_A_CORE_STATE, v.state) ||
	    nla_put_u64_64bit(skb, SNNQ_A_CORE_TIME, ktime_get_ns(), SNNQ_A_CORE_PAD) ||
	    nla_put_u64_64bit(skb, SNNQ_A_CORE_RESETS, v.resets, SNNQ_A_CORE_PAD))
		return -EMSGSIZE;
	if (!all)
		return 0;
	if (nla_put_u32(skb, SNNQ_A_CORE_QUEUED, v.queued) ||
	    nla_put_u64_64bit(skb, SNNQ_A_CORE_JOBS, v.ended, SNNQ_A_CORE_PAD) ||
	    nla_put_u64_64bit(skb, SNNQ_A_CORE_BUSY, v.busy_ns, SNNQ_A_CORE_PAD))
		return -EMSGSIZE;
	return 0;
}

static int snnq_nl_dump_cores(struct sk_buff *skb, struct netlink_callback *cb,
			      struct snnq_device *sdev)
{
	struct snnq_dump *dump = snnq_nl_dump(cb);
	void *msg;
	int err;

	for (; dump->core < sdev->info.cores; dump->core++) {
		msg = snnq_nl_part(skb, cb, SNNQ_CMD_CORE_GET);
		if (!msg)
			return -EMSGSIZE;
		err = snnq_nl_put_core(skb, &sdev->cores[dump->core], dump->viewer.all);
		err = snnq_nl_finish(skb, cb, msg, err);
		if (err)
			return err;
	}
	return 0;
}

static int snnq_nl_core_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return snnq_nl_each(skb, cb, snnq_nl_dump_cores);
}

/* Process numbers are those of the reader's namespace. */
static int snnq_nl_put_whose(struct sk_buff *skb, const struct snnq_client *client)
{
	u32 uid = from_kuid_munged(current_user_ns(), client->uid);
	pid_t pid = pid_nr_ns(client->pid, task_active_pid_ns(current));

	if ((pid && nla_put_u32(skb, SNNQ_A_CLIENT_PID, pid)) ||
	    nla_put_u32(skb, SNNQ_A_CLIENT_UID, uid) ||
	    nla_put_string(skb, SNNQ_A_CLIENT_COMM, client->comm))
		return -EMSGSIZE;
	return 0;
}

static int snnq_nl_put_client(struct sk_buff *skb, const struct snnq_file *sfile)
{
	if (nla_put_u32(skb, SNNQ_A_CLIENT_DEVICE_ID, snnq_device_number(sfile->sdev)) ||
	    nla_put_u64_64bit(skb, SNNQ_A_CLIENT_ID, sfile->client.id, SNNQ_A_CLIENT_PAD) ||
	    snnq_nl_put_whose(skb, &sfile->client) ||
	    nla_put_u64_64bit(skb, SNNQ_A_CLIENT_TIME, ktime_get_ns(), SNNQ_A_CLIENT_PAD) ||
	    nla_put_u32(skb, SNNQ_A_CLIENT_MODELS, atomic_read(&sfile->model_count)) ||
	    nla_put_u32(skb, SNNQ_A_CLIENT_STREAMS, atomic_read(&sfile->stream_count)) ||
	    nla_put_u32(skb, SNNQ_A_CLIENT_QUEUED, atomic_read(&sfile->jobs)))
		return -EMSGSIZE;
	return snnq_nl_put_counters(skb, &sfile->counters, snnq_client_told,
				    ARRAY_SIZE(snnq_client_told), SNNQ_A_CLIENT_PAD);
}

/* From new files to old ones, so that it ends, however many come meanwhile. */
static int snnq_nl_dump_files(struct sk_buff *skb, struct netlink_callback *cb,
			      struct snnq_device *sdev)
{
	struct snnq_dump *dump = snnq_nl_dump(cb);
	const struct snnq_file *sfile;
	void *msg;
	int err;

	lockdep_assert_held(&sdev->files_lock);
	list_for_each_entry(sfile, &sdev->files, node) {
		if (dump->client && sfile->client.id >= dump->client)
			continue;
		if (!dump->viewer.all && !uid_eq(dump->viewer.uid, sfile->client.uid))
			continue;
		msg = snnq_nl_part(skb, cb, SNNQ_CMD_CLIENT_GET);
		if (!msg)
			return -EMSGSIZE;
		err = snnq_nl_finish(skb, cb, msg, snnq_nl_put_client(skb, sfile));
		if (err)
			return err;
		dump->client = sfile->client.id;
	}
	return 0;
}

static int snnq_nl_dump_clients(struct sk_buff *skb, struct netlink_callback *cb,
				struct snnq_device *sdev)
{
	int err;

	snnq_device_settle(sdev);
	mutex_lock(&sdev->files_lock);
	err = snnq_nl_dump_files(skb, cb, sdev);
	mutex_unlock(&sdev->files_lock);
	return err;
}

static int snnq_nl_client_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return snnq_nl_each(skb, cb, snnq_nl_dump_clients);
}

static int snnq_nl_put_event_device(struct sk_buff *skb, const struct snnq_device *sdev,
				    const struct snnq_event *event)
{
	if (nla_put_u32(skb, SNNQ_A_EVENT_DEVICE_ID, snnq_device_number(sdev)) ||
	    nla_put_string(skb, SNNQ_A_EVENT_NAME, dev_name(sdev->drm.dev)) ||
	    nla_put_u64_64bit(skb, SNNQ_A_EVENT_TIME, event->time, SNNQ_A_EVENT_PAD))
		return -EMSGSIZE;
	if (event->lost && nla_put_u64_64bit(skb, SNNQ_A_EVENT_LOST, event->lost, SNNQ_A_EVENT_PAD))
		return -EMSGSIZE;
	if (event->core != SNNQ_NO_CORE && nla_put_u32(skb, SNNQ_A_EVENT_CORE, event->core))
		return -EMSGSIZE;
	if (event->cmd == SNNQ_CMD_RESET_EVENT &&
	    nla_put_u32(skb, SNNQ_A_EVENT_SCOPE, event->scope))
		return -EMSGSIZE;
	return 0;
}

static int snnq_nl_put_event_client(struct sk_buff *skb, const struct snnq_event *event)
{
	u32 uid = from_kuid_munged(&init_user_ns, event->client.uid);

	if (nla_put_u64_64bit(skb, SNNQ_A_EVENT_CLIENT_ID, event->client.id, SNNQ_A_EVENT_PAD) ||
	    nla_put_u32(skb, SNNQ_A_EVENT_PID, event->pid) ||
	    nla_put_u32(skb, SNNQ_A_EVENT_UID, uid) ||
	    nla_put_string(skb, SNNQ_A_EVENT_COMM, event->client.comm))
		return -EMSGSIZE;
	return 0;
}

static int snnq_nl_put_event_fault(struct sk_buff *skb, const struct snnq_fault *f)
{
	if (nla_put_u64_64bit(skb, SNNQ_A_EVENT_SEQ, f->seq, SNNQ_A_EVENT_PAD) ||
	    nla_put_s32(skb, SNNQ_A_EVENT_ERROR, f->error) ||
	    nla_put_u32(skb, SNNQ_A_EVENT_STATUS, f->status) ||
	    nla_put_u64_64bit(skb, SNNQ_A_EVENT_OFFSET, f->offset, SNNQ_A_EVENT_PAD))
		return -EMSGSIZE;
	if (f->layer != SNNQ_LAYER_NONE && nla_put_u32(skb, SNNQ_A_EVENT_LAYER, f->layer))
		return -EMSGSIZE;
	if (f->region != SNNQ_REGION_NONE && nla_put_u32(skb, SNNQ_A_EVENT_REGION, f->region))
		return -EMSGSIZE;
	return 0;
}

static int snnq_nl_put_event_private(struct sk_buff *skb, const struct snnq_event *event)
{
	int err = event->client.id ? snnq_nl_put_event_client(skb, event) : 0;

	if (!err && event->cmd == SNNQ_CMD_FAULT_EVENT)
		err = snnq_nl_put_event_fault(skb, &event->fault);
	if (!err && event->cmd == SNNQ_CMD_THROTTLE_EVENT)
		err = nla_put_u64_64bit(skb, SNNQ_A_EVENT_DELAY, event->delay_ns, SNNQ_A_EVENT_PAD);
	return err;
}

/* That nobody listens, or has no room, is no error of ours. */
static void snnq_nl_send_to(struct snnq_device *sdev, const struct snnq_event *event,
			    unsigned int group)
{
	struct sk_buff *skb;
	void *msg;
	int err;

	if (!genl_has_listeners(&snnq_nl_family, &init_net, group))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return;
	msg = genlmsg_put(skb, 0, 0, &snnq_nl_family, 0, event->cmd);
	err = msg ? snnq_nl_put_event_device(skb, sdev, event) : -EMSGSIZE;
	if (!err && group == SNNQ_GROUP_CLIENTS)
		err = snnq_nl_put_event_private(skb, event);
	if (err) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, msg);
	genlmsg_multicast(&snnq_nl_family, skb, 0, group, GFP_KERNEL);
}

static void snnq_nl_send(struct snnq_device *sdev, const struct snnq_event *event)
{
	snnq_nl_send_to(sdev, event, SNNQ_GROUP_CLIENTS);
	if (event->cmd != SNNQ_CMD_FAULT_EVENT && event->cmd != SNNQ_CMD_THROTTLE_EVENT)
		snnq_nl_send_to(sdev, event, SNNQ_GROUP_HEALTH);
}

/*
 * Once, as drivers of DRM tell those who watch devices. Not among the events, of which
 * some may be lost.
 */
static void snnq_nl_send_wedged(struct snnq_device *sdev)
{
	char methods[] = "WEDGED=rebind,bus-reset", *envp[] = { methods, NULL };

	if (!READ_ONCE(sdev->wedged) || sdev->events.wedged)
		return;
	sdev->events.wedged = true;
	kobject_uevent_env(&snnq_wedged_node(&sdev->drm)->kobj, KOBJ_CHANGE, envp);
}

static void snnq_nl_send_work(struct work_struct *work)
{
	struct snnq_device *sdev = container_of(work, struct snnq_device, events.send);
	struct snnq_event event;

	snnq_nl_send_wedged(sdev);
	while (snnq_events_take(&sdev->events, &event)) {
		snnq_nl_send(sdev, &event);
		cond_resched();
	}
}

static const struct nla_policy snnq_device_get_nl_policy[SNNQ_A_DEVICE_ID + 1] = {
	[SNNQ_A_DEVICE_ID] = { .type = NLA_U32, },
};

static const struct nla_policy snnq_core_get_nl_policy[SNNQ_A_CORE_DEVICE_ID + 1] = {
	[SNNQ_A_CORE_DEVICE_ID] = { .type = NLA_U32, },
};

static const struct nla_policy snnq_client_get_nl_policy[SNNQ_A_CLIENT_DEVICE_ID + 1] = {
	[SNNQ_A_CLIENT_DEVICE_ID] = { .type = NLA_U32, },
};

static_assert(SNNQ_A_DEVICE_ID == 1 && SNNQ_A_CORE_DEVICE_ID == 1 && SNNQ_A_CLIENT_DEVICE_ID == 1);

static const struct genl_ops snnq_nl_ops[] = {
	{
		.cmd = SNNQ_CMD_DEVICE_GET,
		.doit = snnq_nl_device_get_doit,
		.start = snnq_nl_start,
		.dumpit = snnq_nl_device_get_dumpit,
		.policy = snnq_device_get_nl_policy,
		.maxattr = SNNQ_A_DEVICE_ID,
	},
	{
		.cmd = SNNQ_CMD_CORE_GET,
		.start = snnq_nl_start,
		.dumpit = snnq_nl_core_get_dumpit,
		.policy = snnq_core_get_nl_policy,
		.maxattr = SNNQ_A_CORE_DEVICE_ID,
	},
	{
		.cmd = SNNQ_CMD_CLIENT_GET,
		.start = snnq_nl_start,
		.dumpit = snnq_nl_client_get_dumpit,
		.policy = snnq_client_get_nl_policy,
		.maxattr = SNNQ_A_CLIENT_DEVICE_ID,
	},
};

static const struct genl_multicast_group snnq_nl_mcgrps[] = {
	[SNNQ_GROUP_HEALTH] = { .name = SNNQ_MCGRP_HEALTH },
	[SNNQ_GROUP_CLIENTS] = { .name = SNNQ_MCGRP_CLIENTS, SNNQ_MCGRP_ADMIN },
};

static struct genl_family snnq_nl_family __ro_after_init = {
	.name = SNNQ_FAMILY_NAME,
	.version = SNNQ_FAMILY_VERSION,
	.module = THIS_MODULE,
	.ops = snnq_nl_ops,
	.n_ops = ARRAY_SIZE(snnq_nl_ops),
	.mcgrps = snnq_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(snnq_nl_mcgrps),
};

int __init snnq_netlink_init(void)
{
	return genl_register_family(&snnq_nl_family);
}

void snnq_netlink_exit(void)
{
	genl_unregister_family(&snnq_nl_family);
}

static void snnq_nl_stop(struct drm_device *drm, void *send)
{
	cancel_work_sync(send);
}

/* From here on events may happen. */
int snnq_netlink_prepare(struct snnq_device *sdev)
{
	snnq_events_init(&sdev->events);
	INIT_LIST_HEAD(&sdev->node);
	INIT_WORK(&sdev->events.send, snnq_nl_send_work);
	return drmm_add_action_or_reset(&sdev->drm, snnq_nl_stop, &sdev->events.send);
}

static void snnq_nl_announce(struct snnq_device *sdev, u8 cmd)
{
	struct snnq_event event = { .cmd = cmd, .core = SNNQ_NO_CORE };

	snnq_event_raise(sdev, &event, NULL);
	flush_work(&sdev->events.send);
}

/* Users can open it. */
void snnq_netlink_add(struct snnq_device *sdev)
{
	struct list_head *at = &snnq_devices;
	struct snnq_device *other;

	mutex_lock(&snnq_devices_lock);
	list_for_each_entry(other, &snnq_devices, node) {
		if (snnq_device_number(other) > snnq_device_number(sdev)) {
			at = &other->node;
			break;
		}
	}
	list_add_tail(&sdev->node, at);
	snnq_devices_seq++;
	mutex_unlock(&snnq_devices_lock);
	snnq_nl_announce(sdev, SNNQ_CMD_DEVICE_ADDED);
}

/* It goes; nothing of it is removed yet. */
void snnq_netlink_remove(struct snnq_device *sdev)
{
	mutex_lock(&snnq_devices_lock);
	list_del_init(&sdev->node);
	snnq_devices_seq++;
	mutex_unlock(&snnq_devices_lock);
	snnq_nl_announce(sdev, SNNQ_CMD_DEVICE_REMOVED);
}
