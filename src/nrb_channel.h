/* SPDX-License-Identifier: MIT */
/*
 * nrb_channel.h - libnrb, rings that come and go under their writers: channels, reader sets, registries
 *
 * A channel is what a writer holds: it points to its current ring through RCU (liburcu, memb flavour), so that the ring
 * can be attached, replaced and removed while the writer and its signal handlers run. A reader set is what a consumer
 * holds: it reads the rings of many channels, each channel's one behind the other. A registry makes a channel and a
 * ring for each thread that joins it.
 *
 * "Context", beside those of nrb.h: "writer" is the thread that has joined the channel and, at any instruction and
 * nested, its signal handlers. Anywhere else calls of that context give -ENXIO, are counted, and touch nothing.
 * "thread" calls take locks and memory, and may wait for writers: never in a handler, nor between reserve and commit.
 * Where that can be told they give -EDEADLK: by who is in the midst of a write, in it or in a handler that interrupted
 * it, or of another such call. A thread that joins is registered with liburcu-memb by the library, and must not be so
 * by anybody else.
 *
 * fork: in the child every call here that returns a status gives -EPERM, or NULL and EPERM, and touches nothing; commit
 * and discard do nothing. The child lives on the parent's RCU state, in which threads stand that it does not have; exec
 * makes an end of that. (With vfork(2), which shares memory and thread, block the signals whose handlers write.)
 */
#ifndef NRB_CHANNEL_H
#define NRB_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "nrb.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nrb_channel;
struct nrb_set;
struct nrb_registry;

/* How many registries a thread can be a member of at a time. */
#define NRB_MEMBERSHIPS_MAX 8

/* ---- channels ---- */

/**
 * nrb_channel_create - make a channel, without a ring and without a writer
 * @set: who reads it, or NULL: the caller sees to that
 * @id: told with each record that @set delivers
 * @cookie: as @id
 *
 * Context: thread. Return: the channel, or NULL and errno:
 *   ENOMEM  no memory
 *   EAGAIN  no pthread key is left (the first channel, set or registry of a process takes one)
 *   EPERM, EDEADLK  as at the top
 */
struct nrb_channel *nrb_channel_create(struct nrb_set *set, uint64_t id, void *cookie);

/**
 * nrb_channel_destroy - free a channel
 * @channel: the channel, or NULL
 *
 * Its ring, if it has one, goes the way of one that is replaced: to the set, or it is destroyed. No thread or handler
 * may be using @channel, not even to be refused.
 *
 * Context: thread. Return: 0, or
 *   -EBUSY   it has a writer: that one leaves first
 *   -EINVAL  it belongs to a registry: nrb_registry_leave()
 *   -EPERM, -EDEADLK  as at the top
 */
int nrb_channel_destroy(struct nrb_channel *channel);

/**
 * nrb_channel_join - the calling thread, with its handlers, becomes the channel's writer
 * nrb_channel_leave - and is so no more
 * @channel: the channel
 *
 * A handler that strikes before join is done, or after leave has begun, is refused. A thread that exits leaves by
 * itself, in a pthread key's destructor. It must not exit between reserve and commit: what was written into the ring
 * since then would never be published. A thread may be the writer of any number of channels, and a channel go from one
 * to another.
 *
 * Context: thread, that of the writer. Return: 0, or
 *   -EALREADY  join: this thread is the writer
 *   -EBUSY     join: another thread is
 *   -ENOMEM    join: no memory
 *   -ENXIO     leave: this thread is not the writer
 *   -EINVAL    it belongs to a registry
 *   -EPERM, -EDEADLK  as at the top
 */
int nrb_channel_join(struct nrb_channel *channel);
int nrb_channel_leave(struct nrb_channel *channel);

/**
 * nrb_channel_replace - attach, replace or detach the channel's ring
 * @channel: the channel
 * @ring: the new one, or NULL: none; the channel owns it from here on
 * @old: receives the one before, which is the caller's again, or NULL; may be NULL: it is destroyed
 *
 * Writes that begin later go into @ring. Those in progress, which have begun with the old one, are waited for (a grace
 * period, unless the channel has no writer, or that is the caller), so that when this returns the old one is complete,
 * and nrb_lost() of it exact. With a set the old one is not given back (@old receives NULL): the set reads it to its
 * end before it reads @ring, tells what was lost last, and destroys it.
 *
 * Context: thread. Takes as long as the longest write in progress (from reserve to commit).
 * Return: 0, or, with nothing changed and @ring still the caller's:
 *   -EBUSY  @ring is attached to a channel, perhaps to this one
 *   -EPERM  @ring came here through fork(); or as at the top
 *   -EDEADLK  as at the top: this would wait for its own caller
 *   and, with a set, what nrb_reader_open() gives
 */
int nrb_channel_replace(struct nrb_channel *channel, struct nrb_ring *ring, struct nrb_ring **old);

/**
 * nrb_channel_write, nrb_channel_writev - write one record into the channel's current ring
 * nrb_channel_reserve, nrb_channel_commit, nrb_channel_discard - the same in place
 *
 * As the functions of nrb.h without "channel". From reserve to commit or discard the ring stays, and who replaces it
 * waits: keep it short.
 *
 * Context: writer. Async-signal-safe, keeps errno; but not on an alternate signal stack, which liburcu excludes.
 * Wait-free, but that the end of a write for which somebody waits wakes that one (futex(2)).
 * Return: as there, or
 *   -ENXIO     this thread is not the channel's writer; counted: nrb_channel_strays()
 *   -ENOTCONN  the channel has no ring; counted: nrb_channel_refused()
 *   -EPERM     a forked child
 */
int nrb_channel_write(struct nrb_channel *channel, uint32_t type, const void *payload, size_t size);
int nrb_channel_writev(struct nrb_channel *channel, uint32_t type, const struct iovec *part, int parts);
int nrb_channel_reserve(struct nrb_channel *channel, struct nrb_reservation *reservation, uint32_t type, size_t size);
void nrb_channel_commit(struct nrb_channel *channel, struct nrb_reservation *reservation);
void nrb_channel_discard(struct nrb_channel *channel, struct nrb_reservation *reservation);

/**
 * nrb_channel_refused - writes that found no ring
 * nrb_channel_strays - writes of threads, or of their handlers, that are not the channel's writer
 *
 * Context: any. The first is exact for the writer, and for others while it does not write.
 */
uint64_t nrb_channel_refused(const struct nrb_channel *channel);
uint64_t nrb_channel_strays(const struct nrb_channel *channel);

/* ---- reader sets ---- */

/* A record as a set delivers it, and from where. */
struct nrb_delivery {
	uint64_t id; /* the channel's, from nrb_channel_create() or nrb_registry_join() */
	void *cookie;
	const struct nrb_record *record;
	const struct nrb_reader *reader; /* for nrb_reader_sample_id() */
};

/**
 * nrb_set_create - make a reader set, of no channels yet
 *
 * Context: thread. Return: the set, or NULL and errno, as nrb_channel_create().
 */
struct nrb_set *nrb_set_create(void);

/**
 * nrb_set_destroy - free a set; records that it has not delivered are given up
 * @set: the set, or NULL
 *
 * Context: thread. Return: 0, or
 *   -EBUSY  a channel feeds it; or it is being read
 *   -EPERM, -EDEADLK  as at the top
 */
int nrb_set_destroy(struct nrb_set *set);

/**
 * nrb_set_read - deliver what the rings of a set's channels hold
 * @set: the set
 * @visit: is called for each record, which is valid during the call; returns 0 to go on, else reading stops behind it
 * @argument: for @visit
 * @budget: records at most; 0: no limit
 *
 * Goes once round the channels, from one call to the next beginning with another, and through each as far as it was
 * published when its turn came. A channel's records come in the order in which they were reserved, those of a replaced
 * ring before those of its successor. What a replaced ring lost and could not tell itself comes last, as an
 * NRB_RECORD_LOST without a trailer: then the sum over all LOST records is that of all failed writes. (What was
 * overwritten in an NRB_OVERWRITE ring is not told.) A ring that was replaced and read to its end is destroyed here.
 *
 * @visit may call everything but nrb_set_read(), nrb_set_wait() and nrb_set_destroy() of @set. Cancellation is off
 * meanwhile, so that a thread which is cancelled leaves the set whole, with nothing delivered twice or not at all.
 *
 * Context: thread, one at a time. Return: records delivered, or
 *   -EBUSY  another thread, or @visit, is reading @set
 *   -EPERM  a forked child
 */
int64_t nrb_set_read(struct nrb_set *set, int (*visit)(void *argument, const struct nrb_delivery *delivery),
		     void *argument, uint64_t budget);

/**
 * nrb_set_wait - wait until there is something to read
 * @set: the set
 * @timeout_ns: how long at most; 0: not at all; negative: as long as it takes
 *
 * Looks at intervals that grow to 10 ms, whatever wakeups the rings were made with. A cancellation point: the set is
 * for another thread to read then.
 *
 * Context: as nrb_set_read(). Return: 1, or 0: the time ran out; or
 *   -EINTR  a signal handler ran
 *   -EBUSY, -EPERM  as nrb_set_read()
 */
int nrb_set_wait(struct nrb_set *set, int64_t timeout_ns);

/* How often a ring held what no writer of this library stores, and the rest of it was skipped. Context: any. */
uint64_t nrb_set_damaged(const struct nrb_set *set);

/* ---- registries ---- */

/**
 * nrb_registry_create - make a registry of threads that write
 * @attr: what the ring of each is to be; without a path. Its id is replaced by that of the member
 *
 * Context: thread. Return: the registry, or NULL and errno:
 *   EINVAL  @attr has a path, which is one for all
 *   and as nrb_create() and nrb_channel_create()
 */
struct nrb_registry *nrb_registry_create(const struct nrb_attr *attr);

/**
 * nrb_registry_destroy - free a registry and its set; records that were not delivered are given up
 * @registry: the registry, or NULL. No thread or handler may be using it, not even to be refused
 *
 * Context: thread. Return: 0, or
 *   -EBUSY  it has members; or its set is being read, or fed by a channel of the caller's
 *   -EPERM, -EDEADLK  as at the top
 */
int nrb_registry_destroy(struct nrb_registry *registry);

/**
 * nrb_registry_join - the calling thread becomes a member, and has a channel and a ring of its own
 * nrb_registry_leave - and is so no more; the set reads its ring to the end and frees it
 * @registry: the registry
 * @id: told with each of its records, and in LOST records
 *
 * A thread that exits leaves by itself, as of nrb_channel_join(). Leaving waits for nobody.
 *
 * Context: thread. Return: 0, or
 *   -EALREADY  join: it is a member
 *   -EMFILE    join: it is one of NRB_MEMBERSHIPS_MAX registries; or as nrb_create()
 *   -ENXIO     leave: it is none
 *   -EPERM, -EDEADLK  as at the top
 *   and what nrb_create() and nrb_reader_open() give
 */
int nrb_registry_join(struct nrb_registry *registry, uint64_t id);
int nrb_registry_leave(struct nrb_registry *registry);

/**
 * nrb_registry_write - write one record into the calling thread's own ring
 * @registry: the registry; else as nrb_write()
 *
 * Finds it without a lock and without memory. Context: any thread that is a member, and its handlers; as
 * nrb_channel_write().
 * Return: as nrb_channel_write(); -ENXIO: no member, counted by nrb_registry_strays().
 */
int nrb_registry_write(struct nrb_registry *registry, uint32_t type, const void *payload, size_t size);

/**
 * nrb_registry_channel - the calling thread's channel, for nrb_channel_reserve() and the like
 *
 * nrb_channel_replace() may be used on it too, by any thread, while its writer is a member. It is the registry's to
 * join, leave and destroy.
 *
 * Context: any, handlers included. Return: the channel, until the thread leaves; or NULL: no member. Not counted.
 */
struct nrb_channel *nrb_registry_channel(const struct nrb_registry *registry);

/* The set in which the rings of all members are read; it belongs to the registry. Context: any. */
struct nrb_set *nrb_registry_set(const struct nrb_registry *registry);

/* Writes of threads, or of their handlers, that are no members. Context: any. */
uint64_t nrb_registry_strays(const struct nrb_registry *registry);

#ifdef __cplusplus
}
#endif

#endif /* NRB_CHANNEL_H */
