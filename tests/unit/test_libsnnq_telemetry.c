// SPDX-License-Identifier: MIT
/*
 * The driver's netlink messages as structures.
 * Catches: members at the wrong attribute, messages of another kind taken for ours,
 * attributes of another size read beyond their end, texts without one.
 */
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "snnq_netlink.h"
#include "snnq_program.h"
#include "telemetry/decode.h"

static struct nl_msg *message(int cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(msg);
	assert_non_null(genlmsg_put(msg, 0, 0, 0x20, 0, 0, (uint8_t)cmd, 1));
	return msg;
}

static void device_has_what_was_told(void **state)
{
	struct snnq_telemetry_device d;
	struct nl_msg *msg = message(SNNQ_CMD_DEVICE_GET);

	(void)state;
	nla_put_u32(msg, SNNQ_A_DEVICE_ID, 7);
	nla_put_string(msg, SNNQ_A_DEVICE_NAME, "0000:00:04.0");
	nla_put_s32(msg, SNNQ_A_DEVICE_TEMPERATURE, -5000);
	nla_put_u64(msg, SNNQ_A_DEVICE_HANGS, UINT64_MAX - 1);
	nla_put_u64(msg, 63, 1); /* of a newer driver */
	nla_put_u64(msg, 1000, 1);
	assert_true(decode_device(nlmsg_hdr(msg), &d));
	assert_int_equal(d.id, 7);
	assert_string_equal(d.name, "0000:00:04.0");
	assert_string_equal(d.node, "");
	assert_true(d.sensors);
	assert_int_equal(d.temperature, -5000);
	assert_true(d.hangs == UINT64_MAX - 1);
	assert_false(d.work);
	nla_put_u32(msg, SNNQ_A_DEVICE_CLIENTS, 3);
	nla_put_u64(msg, SNNQ_A_DEVICE_CYCLES, 12);
	assert_true(decode_device(nlmsg_hdr(msg), &d));
	assert_true(d.work);
	assert_int_equal(d.clients, 3);
	assert_int_equal(d.cycles, 12);
	nlmsg_free(msg);
}

static void cores_and_clients(void **state)
{
	struct nl_msg *msg = message(SNNQ_CMD_CORE_GET);
	struct snnq_telemetry_client client;
	struct snnq_telemetry_core core;
	struct snnq_telemetry_device d;

	(void)state;
	nla_put_u32(msg, SNNQ_A_CORE_INDEX, 2);
	nla_put_u64(msg, SNNQ_A_CORE_BUSY, 99);
	assert_true(decode_core(nlmsg_hdr(msg), &core));
	assert_int_equal(core.index, 2);
	assert_true(core.work);
	assert_int_equal(core.busy_ns, 99);
	/* it is no other thing */
	assert_false(decode_client(nlmsg_hdr(msg), &client));
	assert_false(decode_device(nlmsg_hdr(msg), &d));
	nlmsg_free(msg);

	msg = message(SNNQ_CMD_CLIENT_GET);
	nla_put_u64(msg, SNNQ_A_CLIENT_ID, 1ull << 40);
	nla_put_string(msg, SNNQ_A_CLIENT_COMM, "a name that is longer than names are");
	assert_true(decode_client(nlmsg_hdr(msg), &client));
	assert_true(client.id == 1ull << 40);
	assert_string_equal(client.comm, "a name that is ");
	nlmsg_free(msg);
}

static void other_sizes_are_refused(void **state)
{
	struct snnq_telemetry_client client;

	(void)state;
	for (int bytes = 0; bytes <= 12; bytes++) {
		struct nl_msg *msg = message(SNNQ_CMD_CLIENT_GET);

		nla_put(msg, SNNQ_A_CLIENT_ID, bytes, "0123456789abcdef");
		assert_int_equal(decode_client(nlmsg_hdr(msg), &client), bytes == 8);
		nlmsg_free(msg);
		msg = message(SNNQ_CMD_CLIENT_GET);
		nla_put(msg, SNNQ_A_CLIENT_PID, bytes, "0123456789abcdef");
		assert_int_equal(decode_client(nlmsg_hdr(msg), &client), bytes == 4);
		nlmsg_free(msg);
		/* a text need not have an end */
		msg = message(SNNQ_CMD_CLIENT_GET);
		nla_put(msg, SNNQ_A_CLIENT_COMM, bytes, "0123456789abcdef");
		assert_true(decode_client(nlmsg_hdr(msg), &client));
		assert_int_equal(strlen(client.comm), bytes);
		nlmsg_free(msg);
	}
}

static void events(void **state)
{
	struct nl_msg *msg = message(SNNQ_CMD_FAULT_EVENT);
	struct snnq_telemetry_event e;

	(void)state;
	nla_put_s32(msg, SNNQ_A_EVENT_ERROR, -14);
	nla_put_u32(msg, SNNQ_A_EVENT_LAYER, 3);
	assert_true(decode_event(nlmsg_hdr(msg), &e));
	assert_int_equal(e.kind, SNNQ_EVENT_FAULT);
	assert_int_equal(e.error, -14);
	assert_int_equal(e.layer, 3);
	assert_true(e.region == UINT32_MAX && e.core == UINT32_MAX);
	assert_int_equal(e.client_id, 0);
	nlmsg_free(msg);

	msg = message(SNNQ_CMD_RESET_EVENT);
	nla_put_u32(msg, SNNQ_A_EVENT_SCOPE, SNNQ_RESET_SCOPE_DEVICE);
	assert_true(decode_event(nlmsg_hdr(msg), &e));
	assert_int_equal(e.kind, SNNQ_EVENT_RESET);
	assert_true(e.whole);
	nlmsg_free(msg);

	msg = message(SNNQ_CMD_DEVICE_GET);
	assert_false(decode_event(nlmsg_hdr(msg), &e));
	nlmsg_free(msg);
	msg = message(SNNQ_CMD_MAX + 1);
	assert_false(decode_event(nlmsg_hdr(msg), &e));
	nlmsg_free(msg);
}

static void all_have_names(void **state)
{
	(void)state;
	for (int i = 0; i <= SNNQ_EVENT_THROTTLE; i++)
		assert_string_not_equal(snnq_telemetry_kind_name((enum snnq_telemetry_kind)i), "?");
	for (uint32_t i = 0; i < SNNQ_STATUS_COUNT; i++)
		assert_string_not_equal(snnq_status_name(i), "?");
	assert_string_equal(snnq_status_name(SNNQ_STATUS_COUNT), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_has_what_was_told), cmocka_unit_test(cores_and_clients),
		cmocka_unit_test(other_sizes_are_refused),  cmocka_unit_test(events),
		cmocka_unit_test(all_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
