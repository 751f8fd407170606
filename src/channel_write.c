/* SPDX-License-Identifier: MIT */
/*
 * channel_write.c - the write path of channels: who may, which ring, and how long it stays
 */
#include <errno.h>
#include <urcu/urcu-memb.h>

#include "channel.h"

/* In a section of its own, as that of rings: NRB_STEPS_SECTION in steps.h tells why. */
#define CHANNEL_PATH __attribute__((section("nrb_channel_path")))
#define CHANNEL_STEP static inline __attribute__((always_inline))

/* In a section of its own, apart from what may hold no locked instruction: strays come on several threads at once. */
__attribute__((section("nrb_stray"))) int nrb_refuse(uint64_t *strays)
{
	/* In a child the counter is a copy, and it has no right to that either. */
	if (!nrb_is_granted())
		return -EPERM;
	nrb_add_relaxed(strays, 1);
	return -ENXIO;
}

/*
 * Both, since a forked child's thread has the address of the one that forked. Relaxed: who finds its own address there
 * has stored it itself.
 */
CHANNEL_STEP bool may_write(const struct nrb_channel *channel)
{
	return nrb_load_relaxed(&channel->writer) == &nrb_self && nrb_is_granted();
}

CHANNEL_STEP void leave_ring(void)
{
	int saved = errno;

	/* The outermost one wakes who waits for a grace period. */
	urcu_memb_read_unlock();
	errno = saved;
}

/* The ring that stays until leave_ring(). Return: 0 or -errno, then there is nothing to leave. */
CHANNEL_STEP int enter_ring(struct nrb_channel *channel, struct nrb_ring **ring)
{
	*ring = NULL;
	if (!may_write(channel))
		return nrb_refuse(&channel->strays);
	urcu_memb_read_lock();
	/* enter:L  pairs with attach:K: with the pointer comes the ring that it points to. */
	*ring = nrb_load_acquire(&channel->ring);
	if (*ring)
		return 0;
	nrb_local_add(&channel->refused, 1);
	leave_ring();
	return -ENOTCONN;
}

CHANNEL_PATH int nrb_channel_write(struct nrb_channel *channel, uint32_t type, const void *payload, size_t size)
{
	struct nrb_ring *ring;
	int rc = enter_ring(channel, &ring);

	if (rc)
		return rc;
	rc = nrb_write(ring, type, payload, size);
	leave_ring();
	return rc;
}

CHANNEL_PATH int nrb_channel_writev(struct nrb_channel *channel, uint32_t type, const struct iovec *part, int parts)
{
	struct nrb_ring *ring;
	int rc = enter_ring(channel, &ring);

	if (rc)
		return rc;
	rc = nrb_writev(ring, type, part, parts);
	leave_ring();
	return rc;
}

/* The ring that was reserved in, which need not be the current one any more, is remembered in the reservation. */
CHANNEL_STEP struct nrb_ring *ring_of(const struct nrb_reservation *reservation)
{
	return (struct nrb_ring *)(uintptr_t)reservation->restore[0];
}

CHANNEL_PATH int nrb_channel_reserve(struct nrb_channel *channel, struct nrb_reservation *reservation, uint32_t type,
				     size_t size)
{
	struct nrb_ring *ring;
	int rc = enter_ring(channel, &ring);

	if (rc)
		return rc;
	rc = nrb_reserve(ring, reservation, type, size);
	if (rc)
		leave_ring();
	else
		reservation->restore[0] = (uintptr_t)ring;
	return rc;
}

CHANNEL_PATH void nrb_channel_commit(struct nrb_channel *channel, struct nrb_reservation *reservation)
{
	/* Else a child that was forked in the middle of it. */
	if (!may_write(channel))
		return;
	nrb_commit(ring_of(reservation), reservation);
	leave_ring();
}

CHANNEL_PATH void nrb_channel_discard(struct nrb_channel *channel, struct nrb_reservation *reservation)
{
	if (!may_write(channel))
		return;
	nrb_discard(ring_of(reservation), reservation);
	leave_ring();
}

uint64_t nrb_channel_refused(const struct nrb_channel *channel)
{
	return nrb_load_relaxed(&channel->refused);
}

uint64_t nrb_channel_strays(const struct nrb_channel *channel)
{
	return nrb_load_relaxed(&channel->strays);
}
