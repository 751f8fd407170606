/* SPDX-License-Identifier: MIT */
/*
 * registry.c - a channel and a ring for each thread that joins
 *
 * A member finds its channel in its own thread-local storage, so there is nothing that a handler could find locked or
 * half changed: the entry appears when its channel is ready, and is gone before that goes.
 */
#include <errno.h>
#include <stdlib.h>

#include "channel.h"

struct nrb_registry {
	struct nrb_attr attr;
	struct nrb_set *set;
	uint64_t strays;      /* by any thread */
	pthread_mutex_t lock; /* over members */
	uint64_t members;
};

/* What nrb_create() says to @attr; it is tried, since that knows best. Return: 0 or -errno. */
static int check_attr(const struct nrb_attr *attr)
{
	struct nrb_ring *ring;

	if (attr && attr->path)
		return -EINVAL;
	ring = nrb_create(attr);
	if (!ring)
		return -errno;
	nrb_destroy(ring);
	return 0;
}

struct nrb_registry *nrb_registry_create(const struct nrb_attr *attr)
{
	const struct nrb_attr initial = NRB_ATTR_INIT;
	struct nrb_registry *registry;
	int rc = check_attr(attr);

	if (rc) {
		errno = -rc;
		return NULL;
	}
	registry = calloc(1, sizeof(*registry));
	if (!registry)
		return NULL;
	registry->set = nrb_set_create();
	if (!registry->set) {
		free(registry);
		return NULL;
	}
	registry->attr = initial;
	memcpy(&registry->attr, attr, attr->struct_size < sizeof(*attr) ? attr->struct_size : sizeof(*attr));
	registry->attr.struct_size = sizeof(*attr);
	pthread_mutex_init(&registry->lock, NULL);
	return registry;
}

static void count_members(struct nrb_registry *registry, int change)
{
	pthread_mutex_lock(&registry->lock);
	registry->members += (uint64_t)(int64_t)change;
	pthread_mutex_unlock(&registry->lock);
}

int nrb_registry_destroy(struct nrb_registry *registry)
{
	uint64_t members;
	int rc;

	if (!registry)
		return 0;
	/* In a child the lock may be one that nobody gives back. */
	if (!nrb_is_granted())
		return -EPERM;
	pthread_mutex_lock(&registry->lock);
	members = registry->members;
	pthread_mutex_unlock(&registry->lock);
	rc = members ? -EBUSY : nrb_set_destroy(registry->set);
	if (rc)
		return rc;
	pthread_mutex_destroy(&registry->lock);
	free(registry);
	return 0;
}

/* Where this thread is a member of @registry (NULL: of none yet). Return: the index, or NRB_MEMBERSHIPS_MAX. */
static unsigned find(const struct nrb_registry *registry)
{
	unsigned i = 0;

	while (i < NRB_MEMBERSHIPS_MAX && nrb_local_load(&nrb_self.member[i].registry) != registry)
		i++;
	return i;
}

/* A channel with a ring, and this thread as its writer. Return: 0 or -errno. */
static int enlist(struct nrb_registry *registry, uint64_t id, struct nrb_channel **joined)
{
	struct nrb_attr attr = registry->attr;
	struct nrb_channel *channel;
	struct nrb_ring *ring;
	int rc;

	channel = nrb_channel_make(registry->set, id, NULL);
	if (!channel)
		return -errno;
	attr.id = id;
	ring = nrb_create(&attr);
	rc = ring ? nrb_channel_attach(channel, ring, NULL) : -errno;
	if (rc) {
		nrb_destroy(ring);
	} else {
		channel->owner = registry;
		rc = nrb_channel_grant(channel);
	}
	if (rc)
		nrb_channel_free(channel);
	else
		*joined = channel;
	return rc;
}

/* Join, between nrb_call_begin() and nrb_call_end(). */
static int join(struct nrb_registry *registry, uint64_t id)
{
	unsigned i = find(NULL);
	int rc;

	if (find(registry) < NRB_MEMBERSHIPS_MAX)
		return -EALREADY;
	if (i == NRB_MEMBERSHIPS_MAX)
		return -EMFILE;
	rc = enlist(registry, id, &nrb_self.member[i].channel);
	if (rc)
		return rc;
	count_members(registry, 1);
	/* A handler that finds the entry finds the channel in it. */
	nrb_local_fence();
	nrb_local_store(&nrb_self.member[i].registry, registry);
	return 0;
}

int nrb_registry_join(struct nrb_registry *registry, uint64_t id)
{
	int rc = nrb_call_begin();

	if (rc)
		return rc;
	rc = join(registry, id);
	nrb_call_end();
	return rc;
}

void nrb_registry_dismiss(struct nrb_channel *channel)
{
	struct nrb_registry *registry = channel->owner;

	nrb_local_store(&nrb_self.member[find(registry)].registry, NULL);
	/* No handler finds the channel any more. */
	nrb_local_fence();
	nrb_channel_revoke(channel);
	nrb_channel_free(channel);
	/* Last: from here on the registry may go. */
	count_members(registry, -1);
}

int nrb_registry_leave(struct nrb_registry *registry)
{
	int rc = nrb_call_begin();
	unsigned i;

	if (rc)
		return rc;
	i = find(registry);
	if (i < NRB_MEMBERSHIPS_MAX)
		nrb_registry_dismiss(nrb_self.member[i].channel);
	else
		rc = -ENXIO;
	nrb_call_end();
	return rc;
}

struct nrb_channel *nrb_registry_channel(const struct nrb_registry *registry)
{
	unsigned i = find(registry);

	return i < NRB_MEMBERSHIPS_MAX ? nrb_self.member[i].channel : NULL;
}

int nrb_registry_write(struct nrb_registry *registry, uint32_t type, const void *payload, size_t size)
{
	unsigned i = find(registry);

	if (i == NRB_MEMBERSHIPS_MAX)
		return nrb_refuse(&registry->strays);
	return nrb_channel_write(nrb_self.member[i].channel, type, payload, size);
}

struct nrb_set *nrb_registry_set(const struct nrb_registry *registry)
{
	return registry->set;
}

uint64_t nrb_registry_strays(const struct nrb_registry *registry)
{
	return nrb_load_relaxed(&registry->strays);
}
