/* SPDX-License-Identifier: MIT */
/*
 * thread.c - what a thread has joined, what it may do at all, and its end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <urcu/urcu-memb.h>

#include "channel.h"

__thread struct nrb_thread nrb_self;
struct nrb_rights *nrb_rights;

static pthread_key_t exit_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_status;

/* A thread exits, and may be the writer of channels: the next one at its address must not take them over. */
static void leave_all(void *self)
{
	(void)self;
	/* In a child they are the parent's. */
	if (!nrb_is_granted())
		return;
	/* Cancelled in the midst of a write, against the rules: at least nobody shall wait for it for ever. */
	while (nrb_self.joined && urcu_memb_read_ongoing())
		urcu_memb_read_unlock();
	nrb_self.busy = 0;
	if (nrb_call_begin())
		return;
	while (nrb_self.joined) {
		struct nrb_channel *channel = nrb_self.joined;

		if (channel->owner)
			nrb_registry_dismiss(channel);
		else
			nrb_channel_revoke(channel);
	}
	nrb_call_end();
}

/* In a child. Where the kernel wipes, it has done so, and for a child that was made behind the C library's back as
 * well; Linux before 4.14 does not, nor does every emulator. */
static void lose_rights(void)
{
	nrb_store_relaxed(&nrb_rights->granted, 0);
}

/* Return: 0 or -errno. */
static int open_rights(void)
{
	struct nrb_rights *rights;
	int rc;

	rights = mmap(NULL, sizeof(*rights), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rights == MAP_FAILED)
		return -ENOMEM;
	madvise(rights, sizeof(*rights), MADV_WIPEONFORK);
	nrb_store_relaxed(&rights->granted, 1);
	rc = pthread_key_create(&exit_key, leave_all);
	if (rc) {
		munmap(rights, sizeof(*rights));
		return -rc;
	}
	/* Before it may be called. */
	nrb_rights = rights;
	return -pthread_atfork(NULL, NULL, lose_rights);
}

static void open_once(void)
{
	once_status = open_rights();
}

int nrb_rights_open(void)
{
	/* Orders nrb_rights before whatever the caller makes. */
	pthread_once(&once, open_once);
	return once_status;
}

int nrb_call_begin(void)
{
	if (!nrb_is_granted())
		return -EPERM;
	if (nrb_local_load(&nrb_self.busy) || urcu_memb_read_ongoing())
		return -EDEADLK;
	nrb_local_store(&nrb_self.busy, 1);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &nrb_self.cancel_state);
	return 0;
}

void nrb_call_end(void)
{
	int unused;

	pthread_setcancelstate(nrb_self.cancel_state, &unused);
	nrb_local_store(&nrb_self.busy, 0);
}

int nrb_thread_enter(struct nrb_channel *channel)
{
	if (!nrb_self.joined) {
		/* Any value but NULL has leave_all() called. */
		if (pthread_setspecific(exit_key, &nrb_self))
			return -ENOMEM;
		/* No signal needs to be blocked meanwhile: a handler has no right to write until this is done. */
		urcu_memb_register_thread();
	}
	channel->next = nrb_self.joined;
	nrb_self.joined = channel;
	return 0;
}

void nrb_thread_exit(struct nrb_channel *channel)
{
	struct nrb_channel **at = &nrb_self.joined;

	while (*at != channel)
		at = &(*at)->next;
	*at = channel->next;
	if (!nrb_self.joined)
		urcu_memb_unregister_thread();
}
