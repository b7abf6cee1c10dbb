/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * genl.h - the driver's netlink family, in the plainest way: messages are made and
 * read by hand, so that tests can make wrong ones.
 */
#ifndef GENL_H
#define GENL_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snnq_netlink.h"

#define GENL_ROOM 65536

struct genl {
	int fd;
	uint16_t family;
	uint32_t groups[2]; /* health, clients */
	uint32_t seq;
};

/* 0 or -errno; -ENOENT: no such family here. */
int genl_open(struct genl *g);
void genl_close(struct genl *g);

/* A request with one attribute of 4 bytes, @attr 0: none. 0 or -errno. */
int genl_ask(struct genl *g, uint8_t cmd, uint16_t flags, uint16_t attr, uint32_t value);
/* Bytes as they are. */
int genl_send(struct genl *g, const void *bytes, size_t size);
/* What comes within @ms: bytes, 0 for nothing, -errno. */
int genl_receive(struct genl *g, void *buffer, size_t size, int ms);

/* An attribute of a message of the family, or NULL. */
const struct nlattr *genl_attr(const struct nlmsghdr *message, uint16_t type);
/* Its value; 0 when it is not there, or not of that size. */
uint32_t genl_u32(const struct nlmsghdr *message, uint16_t type);
uint64_t genl_u64(const struct nlmsghdr *message, uint16_t type);
const char *genl_text(const struct nlmsghdr *message, uint16_t type);

/*
 * Ask and call @each with the messages that answer. 0, or -errno as the kernel says;
 * -ETIME: no end within 20 s.
 */
int genl_dump(struct genl *g, uint8_t cmd, uint16_t attr, uint32_t value,
	      void (*each)(void *ctx, const struct nlmsghdr *message), void *ctx);
/* Listen to a group. 0 or -errno. */
int genl_listen(struct genl *g, uint32_t group);
/* The next event with @cmd within @ms, in @buffer, or NULL; others are passed over. */
const struct nlmsghdr *genl_event(struct genl *g, uint8_t cmd, int ms, void *buffer);

#endif /* GENL_H */
