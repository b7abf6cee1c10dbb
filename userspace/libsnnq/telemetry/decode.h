/* SPDX-License-Identifier: MIT */
/*
 * decode.h - what the driver's netlink family says, as structures.
 */
#ifndef SNNQ_DECODE_H
#define SNNQ_DECODE_H

#include <netlink/msg.h>

#include "snnq.h"

/* A message of the family that is none of these: false. */
bool decode_device(struct nlmsghdr *message, struct snnq_telemetry_device *device);
bool decode_core(struct nlmsghdr *message, struct snnq_telemetry_core *core);
bool decode_client(struct nlmsghdr *message, struct snnq_telemetry_client *client);
bool decode_event(struct nlmsghdr *message, struct snnq_telemetry_event *event);

#endif /* SNNQ_DECODE_H */
