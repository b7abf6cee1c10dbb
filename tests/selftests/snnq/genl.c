// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink by hand: see genl.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "genl.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static const struct nlattr *find(const void *at, size_t bytes, uint16_t type)
{
	while (bytes >= sizeof(struct nlattr)) {
		const struct nlattr *a = at;
		size_t step = NLA_ALIGN(a->nla_len);

		if (a->nla_len < sizeof(*a) || a->nla_len > bytes)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		if (step >= bytes)
			return NULL;
		at = (const char *)at + step;
		bytes -= step;
	}
	return NULL;
}

static const void *data_of(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

static size_t size_of(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

const struct nlattr *genl_attr(const struct nlmsghdr *message, uint16_t type)
{
	size_t head = NLMSG_HDRLEN + GENL_HDRLEN;

	if (message->nlmsg_len < head)
		return NULL;
	return find((const char *)message + head, message->nlmsg_len - head, type);
}

/* A number of @size bytes; what is not there, or of another size, is left as it is. */
static void number(const struct nlmsghdr *message, uint16_t type, void *to, size_t size)
{
	const struct nlattr *a = genl_attr(message, type);

	if (a && size_of(a) == size)
		memcpy(to, data_of(a), size);
}

uint32_t genl_u32(const struct nlmsghdr *message, uint16_t type)
{
	uint32_t v = 0;

	number(message, type, &v, sizeof(v));
	return v;
}

uint64_t genl_u64(const struct nlmsghdr *message, uint16_t type)
{
	uint64_t v = 0;

	number(message, type, &v, sizeof(v));
	return v;
}

const char *genl_text(const struct nlmsghdr *message, uint16_t type)
{
	const struct nlattr *a = genl_attr(message, type);

	return a ? data_of(a) : "";
}

int genl_send(struct genl *g, const void *bytes, size_t size)
{
	return send(g->fd, bytes, size, 0) == (ssize_t)size ? 0 : -errno;
}

int genl_receive(struct genl *g, void *buffer, size_t size, int ms)
{
	struct pollfd p = { .fd = g->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return 0;
	n = recv(g->fd, buffer, size, MSG_DONTWAIT);
	return n < 0 ? -errno : (int)n;
}

struct request {
	struct nlmsghdr n;
	struct genlmsghdr g;
	struct nlattr a;
	char value[16];
};

static int ask(struct genl *g, uint16_t family, uint8_t cmd, uint16_t flags, uint16_t attr,
	       const void *value, size_t size)
{
	struct request r = {
		.n = { .nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
		       .nlmsg_type = family,
		       .nlmsg_flags = NLM_F_REQUEST | flags,
		       .nlmsg_seq = ++g->seq },
		.g = { .cmd = cmd, .version = 1 },
		.a = { .nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = attr },
	};

	if (attr)
		r.n.nlmsg_len += NLA_HDRLEN + NLA_ALIGN(size);
	memcpy(r.value, value, size);
	return genl_send(g, &r, r.n.nlmsg_len);
}

int genl_ask(struct genl *g, uint8_t cmd, uint16_t flags, uint16_t attr, uint32_t value)
{
	return ask(g, g->family, cmd, flags, attr, &value, sizeof(value));
}

/* The kernel's word in an error or an end, or 1: it is another message. */
static int verdict(const struct nlmsghdr *n)
{
	int error = 0;

	if (n->nlmsg_type != NLMSG_ERROR && n->nlmsg_type != NLMSG_DONE)
		return 1;
	if (n->nlmsg_len >= NLMSG_HDRLEN + sizeof(error))
		memcpy(&error, (const char *)n + NLMSG_HDRLEN, sizeof(error));
	return error;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Messages up to the end of a dump. */
static int collect(struct genl *g, void (*each)(void *ctx, const struct nlmsghdr *message),
		   void *ctx)
{
	static char buffer[GENL_ROOM] __attribute__((aligned(8)));
	int64_t end = now_ms() + 20000;

	while (now_ms() < end) {
		int n = genl_receive(g, buffer, sizeof(buffer), 1000);
		const struct nlmsghdr *m = (void *)buffer;

		if (n < 0)
			return n;
		for (; n > 0 && NLMSG_OK(m, (unsigned int)n); m = NLMSG_NEXT(m, n)) {
			int error = verdict(m);

			if (m->nlmsg_seq != g->seq)
				continue;
			if (error <= 0)
				return error;
			each(ctx, m);
		}
	}
	return -ETIME;
}

int genl_dump(struct genl *g, uint8_t cmd, uint16_t attr, uint32_t value,
	      void (*each)(void *ctx, const struct nlmsghdr *message), void *ctx)
{
	int err = genl_ask(g, cmd, NLM_F_DUMP, attr, value);

	return err ? err : collect(g, each, ctx);
}

/* Numbers of the family and its groups, from the controller's answer. */
static void take_family(struct genl *g, const struct nlmsghdr *m)
{
	const struct nlattr *id = genl_attr(m, CTRL_ATTR_FAMILY_ID),
			    *groups = genl_attr(m, CTRL_ATTR_MCAST_GROUPS);

	if (id)
		memcpy(&g->family, data_of(id), sizeof(g->family));
	for (uint16_t i = 1; groups && i <= 2; i++) {
		const struct nlattr *group = find(data_of(groups), size_of(groups), i), *a, *name;

		if (!group)
			continue;
		a = find(data_of(group), size_of(group), CTRL_ATTR_MCAST_GRP_ID);
		name = find(data_of(group), size_of(group), CTRL_ATTR_MCAST_GRP_NAME);
		if (a && name)
			memcpy(&g->groups[strcmp(data_of(name), SNNQ_MCGRP_HEALTH) != 0],
			       data_of(a), 4);
	}
}

int genl_open(struct genl *g)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	char buffer[8192] __attribute__((aligned(8)));
	int n;

	*g = (struct genl){ .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC) };
	if (g->fd < 0 || bind(g->fd, (struct sockaddr *)&any, sizeof(any)))
		return -errno;
	n = ask(g, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, CTRL_ATTR_FAMILY_NAME, SNNQ_FAMILY_NAME,
		sizeof(SNNQ_FAMILY_NAME));
	if (!n)
		n = genl_receive(g, buffer, sizeof(buffer), 5000);
	if (n > 0 && verdict((void *)buffer) < 0)
		n = verdict((void *)buffer);
	if (n <= 0) {
		genl_close(g);
		return n ? n : -ETIME;
	}
	take_family(g, (void *)buffer);
	return g->family && g->groups[0] && g->groups[1] ? 0 : -EBADMSG;
}

void genl_close(struct genl *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

int genl_listen(struct genl *g, uint32_t group)
{
	return setsockopt(g->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ?
		       -errno :
		       0;
}

const struct nlmsghdr *genl_event(struct genl *g, uint8_t cmd, int ms, void *buffer)
{
	int64_t end = now_ms() + ms;

	while (now_ms() < end) {
		int n = genl_receive(g, buffer, GENL_ROOM, (int)(end - now_ms()));
		const struct nlmsghdr *m = buffer;
		const struct genlmsghdr *h = NLMSG_DATA(m);

		if (n > 0 && NLMSG_OK(m, (unsigned int)n) && m->nlmsg_type == g->family &&
		    h->cmd == cmd)
			return m;
	}
	return NULL;
}
