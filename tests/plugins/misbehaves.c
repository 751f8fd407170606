/* SPDX-License-Identifier: MIT */
/*
 * misbehaves.c - a queue that is sound, but for what MISBEHAVIOUR has its write do; built once for each
 */
#include <errno.h>
#include <nrb_plugin.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
enum { NOTHING, MALLOC, MUTEX, LOOP, NULL_POINTER, VERSION, ABORT, EXIT, STACK, READ_LOOP, OPEN_CRASH, SIZE, NO_WRITE,
       NAME_BAD, CONSTRUCTOR_CRASH, CONSTRUCTOR_LOOP, NESTED_NULL, REFUSES,
       /* Two threads share it, and all is well in the first. */
       BOTH_NULL, SECOND_NULL, SECOND_LOOP, SECOND_GONE, SECOND_REFUSED, SECOND_ATTACH_LOOP, READ_GONE };
/* clang-format on */

#define PAYLOAD_MAX 120u
#define SLOTS 64u

struct slot {
	_Atomic uint64_t ready;
	uint64_t size;
	unsigned char payload[PAYLOAD_MAX];
	void *copy; /* MALLOC: there instead */
};

struct ring {
	_Atomic uint64_t reserved;
	_Atomic uint64_t consumed;
	_Atomic uint64_t nest;
	_Atomic uint64_t attached;
	_Atomic uint64_t second; /* the thread that came second */
	pthread_mutex_t mutex;
	struct slot slot[SLOTS];
};

static volatile int zero;
static int *volatile nowhere;

__attribute__((constructor)) static void begin(void)
{
	if (MISBEHAVIOUR == CONSTRUCTOR_CRASH)
		*nowhere = 1;
	while (MISBEHAVIOUR == CONSTRUCTOR_LOOP)
		pause();
}

static void *ring_open(const struct nrb_plugin_host *host, size_t data_size)
{
	struct ring *ring = host->alloc(host, sizeof(*ring));

	(void)data_size;
	if (MISBEHAVIOUR == OPEN_CRASH)
		*nowhere = 1;
	if (ring)
		pthread_mutex_init(&ring->mutex, NULL);
	return ring;
}

static void ring_close(void *ring)
{
	(void)ring;
}

static bool is_second(struct ring *ring)
{
	return atomic_load(&ring->second) == (uint64_t)pthread_self();
}

static int ring_attach(void *opaque)
{
	struct ring *ring = opaque;

	if (atomic_fetch_add(&ring->attached, 1) != 1)
		return 0;
	atomic_store(&ring->second, (uint64_t)pthread_self());
	while (MISBEHAVIOUR == SECOND_ATTACH_LOOP && !zero)
		;
	return MISBEHAVIOUR == SECOND_REFUSED ? -EAGAIN : 0;
}

/* Who was not let in has nothing to take back. */
static void ring_detach(void *opaque)
{
	if (MISBEHAVIOUR == SECOND_REFUSED && is_second(opaque))
		*nowhere = 1;
}

static int overflow(int depth)
{
	volatile char page[4096];

	page[0] = (char)depth;
	return zero ? 0 : overflow(depth + 1) + page[0];
}

static void misbehave_second(struct ring *ring)
{
	if (!is_second(ring))
		return;
	if (MISBEHAVIOUR == SECOND_NULL)
		*nowhere = 1;
	while (MISBEHAVIOUR == SECOND_LOOP && !zero)
		;
	if (MISBEHAVIOUR == SECOND_GONE)
		pthread_exit(NULL);
}

static void misbehave(struct ring *ring)
{
	switch (MISBEHAVIOUR) {
	case LOOP:
		while (!zero)
			;
		break;
	case NULL_POINTER:
	case BOTH_NULL: *nowhere = 1; break;
	case NESTED_NULL:
		if (atomic_load(&ring->nest) > 1)
			*nowhere = 1;
		break;
	case ABORT: abort();
	case EXIT: exit(0);
	case STACK: overflow(0); break;
	default: misbehave_second(ring); break;
	}
}

static int put(struct ring *ring, const void *payload, size_t size)
{
	uint64_t at = atomic_load(&ring->reserved);
	struct slot *slot;

	do {
		slot = &ring->slot[at % SLOTS];
		if (at - atomic_load(&ring->consumed) >= SLOTS)
			return -ENOSPC;
	} while (!atomic_compare_exchange_weak(&ring->reserved, &at, at + 1));
	slot->size = size;
	if (MISBEHAVIOUR == MALLOC)
		slot->copy = malloc(PAYLOAD_MAX);
	memcpy(MISBEHAVIOUR == MALLOC ? slot->copy : slot->payload, payload, size);
	misbehave(ring);
	atomic_store(&slot->ready, 1);
	return 0;
}

static int ring_write(void *opaque, const void *payload, size_t size)
{
	struct ring *ring = opaque;
	int rc;

	atomic_fetch_add(&ring->nest, 1);
	if (MISBEHAVIOUR == MUTEX)
		pthread_mutex_lock(&ring->mutex);
	rc = MISBEHAVIOUR == REFUSES ? -ENOSPC : put(ring, payload, size);
	if (MISBEHAVIOUR == MUTEX)
		pthread_mutex_unlock(&ring->mutex);
	atomic_fetch_sub(&ring->nest, 1);
	return rc;
}

static int64_t ring_read(void *opaque, void *payload, size_t size)
{
	struct ring *ring = opaque;
	uint64_t at = atomic_load(&ring->consumed);
	struct slot *slot = &ring->slot[at % SLOTS];

	while (MISBEHAVIOUR == READ_LOOP && !zero)
		;
	if (MISBEHAVIOUR == READ_GONE && at > SLOTS)
		pthread_exit(NULL);
	if (at == atomic_load(&ring->reserved) || !atomic_load(&slot->ready) || slot->size > size)
		return 0;
	size = slot->size;
	memcpy(payload, MISBEHAVIOUR == MALLOC ? slot->copy : slot->payload, size);
	if (MISBEHAVIOUR == MALLOC)
		free(slot->copy);
	atomic_store(&slot->ready, 0);
	atomic_store(&ring->consumed, at + 1);
	return (int64_t)size;
}

const struct nrb_plugin nrb_plugin = {
	.version = MISBEHAVIOUR == VERSION ? 99 : NRB_PLUGIN_VERSION,
	.struct_size = MISBEHAVIOUR == SIZE ? 8 : sizeof(struct nrb_plugin),
	.name = MISBEHAVIOUR == NAME_BAD ? "not a name" : "misbehaves",
	.max_payload = PAYLOAD_MAX,
	.flags = MISBEHAVIOUR >= BOTH_NULL ? NRB_PLUGIN_SHARED_WRITERS : 0,
	.attach = MISBEHAVIOUR >= BOTH_NULL ? ring_attach : NULL,
	.detach = MISBEHAVIOUR >= BOTH_NULL ? ring_detach : NULL,
	.open = ring_open,
	.close = ring_close,
	.write = MISBEHAVIOUR == NO_WRITE ? NULL : ring_write,
	.read = ring_read,
};
