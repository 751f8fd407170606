/* SPDX-License-Identifier: MIT */
/*
 * channel.h - channels as their writers hold them, and what a thread has the right to (private)
 *
 * Who may write is told without RCU, and before it: by the address of a thread-local object, which no other living
 * thread has. So nothing of RCU is reached by a thread that never registered, nor by a forked child.
 *
 * Pairs (W: writer, its handlers too; T: who replaces):
 *
 *   attach:K  T store-release channel->ring    with  enter:L
 *   enter:L   W load-acquire channel->ring     with  attach:K
 *
 * The way back, from a writer's last store into a ring to whoever has it next, is the grace period.
 */
#ifndef NRB_CHANNEL_PRIVATE_H
#define NRB_CHANNEL_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "nrb_channel.h"
#include "order.h"

struct nrb_source;
struct nrb_stage;

/*
 * What a thread has joined. Written by that thread; its handlers read the members. Initial-exec, so that no access to
 * it ever takes memory.
 */
struct nrb_thread {
	struct nrb_channel *joined; /* all channels that it is the writer of */
	uint32_t busy;              /* in a call that takes locks */
	int32_t cancel_state;       /* as it was before that */
	struct {
		const struct nrb_registry *registry; /* NULL: free; stored last when joining, first when leaving */
		struct nrb_channel *channel;
	} member[NRB_MEMBERSHIPS_MAX];
};

extern __thread struct nrb_thread nrb_self __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* In memory that a forked child finds zeroed. NULL: there has been no channel, set or registry yet. */
struct nrb_rights {
	uint32_t granted;
};

extern struct nrb_rights *nrb_rights __attribute__((visibility("hidden")));

struct nrb_channel {
	const struct nrb_thread *writer; /* by that thread alone; others only find that it is not them */
	struct nrb_ring *ring;           /* by who holds the lock, for writers under RCU */
	uint64_t refused;                /* by the writer */
	uint64_t strays;                 /* by any thread */
	/* The thread side. */
	pthread_mutex_t lock;       /* over who is the writer, and which ring is attached */
	struct nrb_channel *next;   /* in nrb_thread.joined */
	struct nrb_registry *owner; /* NULL: the user */
	struct nrb_set *set;        /* NULL: none, nor the following two */
	struct nrb_source *source;
	struct nrb_stage *stage; /* of the current ring */
};

/* Whether this is no forked child. Context: any, once there is a channel, set or registry. */
static inline bool nrb_is_granted(void)
{
	return nrb_load_relaxed(&nrb_rights->granted);
}

/* Refuse who is not the writer. Context: any. Return: -ENXIO, counted in @strays; or -EPERM: a forked child. */
int nrb_refuse(uint64_t *strays);

/* The calling thread joins or leaves @channel; with the first it registers with RCU. Return: 0 or -ENOMEM. */
int nrb_thread_enter(struct nrb_channel *channel);
void nrb_thread_exit(struct nrb_channel *channel);

/* The first call of a process makes nrb_rights. Context: thread. Return: 0 or -errno. */
int nrb_rights_open(void);

/*
 * nrb_call_begin - begin a call that takes locks or waits for writers
 *
 * Return: 0, and it is ended by nrb_call_end(); or -EPERM, -EDEADLK. Cancellation is off in between: waiting for a
 * grace period is a place for it, and would leave locks behind.
 */
int nrb_call_begin(void);
void nrb_call_end(void);

/* The parts of channel and registry calls; Context: thread, between nrb_call_begin() and nrb_call_end(). */

struct nrb_channel *nrb_channel_make(struct nrb_set *set, uint64_t id, void *cookie); /* or NULL and errno */
int nrb_channel_attach(struct nrb_channel *channel, struct nrb_ring *ring, struct nrb_ring **old);
int nrb_channel_grant(struct nrb_channel *channel);
/* By the writer. */
void nrb_channel_revoke(struct nrb_channel *channel);
/* There is no writer. */
void nrb_channel_free(struct nrb_channel *channel);
/* The member leaves, and @channel is freed. */
void nrb_registry_dismiss(struct nrb_channel *channel);

#endif /* NRB_CHANNEL_PRIVATE_H */
