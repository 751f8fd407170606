/* SPDX-License-Identifier: MIT */
/*
 * channel.c - making channels, who writes into them, and which ring they have: the thread side
 */
#include <errno.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

#include "channel.h"
#include "reader_set.h"
#include "ring.h"

/* Over nrb_home.attached of all rings. */
static pthread_mutex_t attaching = PTHREAD_MUTEX_INITIALIZER;

struct nrb_channel *nrb_channel_make(struct nrb_set *set, uint64_t id, void *cookie)
{
	struct nrb_channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return NULL;
	channel->set = set;
	if (set) {
		channel->source = nrb_source_make(set, id, cookie);
		if (!channel->source) {
			free(channel);
			return NULL;
		}
	}
	pthread_mutex_init(&channel->lock, NULL);
	return channel;
}

struct nrb_channel *nrb_channel_create(struct nrb_set *set, uint64_t id, void *cookie)
{
	int rc = nrb_rights_open();
	struct nrb_channel *channel;

	if (!rc)
		rc = nrb_call_begin();
	if (rc) {
		errno = -rc;
		return NULL;
	}
	channel = nrb_channel_make(set, id, cookie);
	nrb_call_end();
	return channel;
}

/* One ring, one channel. Return: 0, -EBUSY, or -EPERM: the ring is not this process's. */
static int claim(struct nrb_ring *ring)
{
	int rc = -EPERM;

	pthread_mutex_lock(&attaching);
	if (ring->payload_limit)
		rc = nrb_home(ring)->attached ? -EBUSY : 0;
	if (!rc)
		nrb_home(ring)->attached = true;
	pthread_mutex_unlock(&attaching);
	return rc;
}

static void disclaim(struct nrb_ring *ring)
{
	pthread_mutex_lock(&attaching);
	nrb_home(ring)->attached = false;
	pthread_mutex_unlock(&attaching);
}

/* Its trailers tell who writes; the last one who did may have been another. */
static void forget_writer(struct nrb_ring *ring)
{
	nrb_local_store(&ring->tid, 0);
	nrb_local_store(&ring->pid, 0);
}

/* Whether somebody may be writing into the ring that the channel had until now. The caller, if it is the writer, is
 * not: its handlers have come to their ends. */
static bool has_others(const struct nrb_channel *channel)
{
	const struct nrb_thread *writer = nrb_load_relaxed(&channel->writer);

	return writer && writer != &nrb_self;
}

/* Return: the ring before, which has no writer any more; NULL: there was none, or it is the set's now. */
static struct nrb_ring *swap_ring(struct nrb_channel *channel, struct nrb_ring *ring, struct nrb_stage *stage)
{
	struct nrb_stage *old_stage = channel->stage;
	struct nrb_ring *old = channel->ring;

	if (stage)
		nrb_stage_push(channel->set, channel->source, stage);
	channel->stage = stage;
	/* attach:K  pairs with enter:L: who gets the pointer finds the ring complete. */
	nrb_store_release(&channel->ring, ring);
	/* Whoever still has the old one began before this; and what they wrote is ours to see afterwards. */
	if (old && has_others(channel))
		urcu_memb_synchronize_rcu();
	if (!old_stage)
		return old;
	nrb_stage_retire(channel->set, old_stage);
	return NULL;
}

int nrb_channel_attach(struct nrb_channel *channel, struct nrb_ring *ring, struct nrb_ring **old)
{
	struct nrb_stage *stage = NULL;
	struct nrb_ring *before;
	int rc = 0;

	if (ring) {
		rc = claim(ring);
		if (rc)
			return rc;
		forget_writer(ring);
		/* All that can fail comes before anything is changed. */
		if (channel->set) {
			stage = nrb_stage_make(ring);
			if (!stage) {
				rc = -errno;
				disclaim(ring);
				return rc;
			}
		}
	}
	pthread_mutex_lock(&channel->lock);
	before = swap_ring(channel, ring, stage);
	pthread_mutex_unlock(&channel->lock);
	if (before)
		disclaim(before);
	if (old)
		*old = before;
	else
		nrb_destroy(before);
	return 0;
}

int nrb_channel_replace(struct nrb_channel *channel, struct nrb_ring *ring, struct nrb_ring **old)
{
	int rc = nrb_call_begin();

	if (rc)
		return rc;
	rc = nrb_channel_attach(channel, ring, old);
	nrb_call_end();
	return rc;
}

int nrb_channel_grant(struct nrb_channel *channel)
{
	int rc = 0;

	pthread_mutex_lock(&channel->lock);
	if (channel->writer)
		rc = channel->writer == &nrb_self ? -EALREADY : -EBUSY;
	else
		rc = nrb_thread_enter(channel);
	if (!rc) {
		if (channel->ring)
			forget_writer(channel->ring);
		/* All is ready for a handler that finds the right given. */
		nrb_local_fence();
		nrb_store_relaxed(&channel->writer, &nrb_self);
	}
	pthread_mutex_unlock(&channel->lock);
	return rc;
}

void nrb_channel_revoke(struct nrb_channel *channel)
{
	pthread_mutex_lock(&channel->lock);
	nrb_store_relaxed(&channel->writer, NULL);
	/* Handlers are refused before we cease to be registered. */
	nrb_local_fence();
	nrb_thread_exit(channel);
	pthread_mutex_unlock(&channel->lock);
}

int nrb_channel_join(struct nrb_channel *channel)
{
	int rc = nrb_call_begin();

	if (rc)
		return rc;
	rc = channel->owner ? -EINVAL : nrb_channel_grant(channel);
	nrb_call_end();
	return rc;
}

int nrb_channel_leave(struct nrb_channel *channel)
{
	int rc = nrb_call_begin();

	if (rc)
		return rc;
	if (channel->owner)
		rc = -EINVAL;
	else if (nrb_load_relaxed(&channel->writer) != &nrb_self)
		rc = -ENXIO;
	else
		nrb_channel_revoke(channel);
	nrb_call_end();
	return rc;
}

void nrb_channel_free(struct nrb_channel *channel)
{
	nrb_channel_attach(channel, NULL, NULL);
	if (channel->source)
		nrb_source_depart(channel->set, channel->source);
	pthread_mutex_destroy(&channel->lock);
	free(channel);
}

int nrb_channel_destroy(struct nrb_channel *channel)
{
	bool written;
	int rc;

	if (!channel)
		return 0;
	rc = nrb_call_begin();
	if (rc)
		return rc;
	pthread_mutex_lock(&channel->lock);
	written = channel->writer;
	pthread_mutex_unlock(&channel->lock);
	if (channel->owner)
		rc = -EINVAL;
	else if (written)
		rc = -EBUSY;
	else
		nrb_channel_free(channel);
	nrb_call_end();
	return rc;
}
