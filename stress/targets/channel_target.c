/* SPDX-License-Identifier: MIT */
/*
 * channel_target.c - one stream of records through rings that follow each other
 *
 * Each ring begins at a position beyond all that the one before can reach, so that positions count up over a swap. The
 * consumer reads a ring to its end once no write into it can be in progress, and then goes on to the next. Rings are
 * freed by who replaces them, after a grace period in which every watcher has looked away.
 */
#define _GNU_SOURCE
#include "channel_target.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <urcu/urcu-memb.h>

#include "channel.h"
#include "reader_state.h"
#include "ring.h"

/* Rings that may be on the way at a time; a power of two. */
#define SIDES 8u
/*
 * From where one ring is, as the next is made, to where that begins, in bytes. The consumer makes room meanwhile, so
 * what is written before the writer goes on to the next is bounded by time alone, and a thread that swaps may have to
 * wait for its CPU: this lasts for minutes at any speed that memory has.
 */
#define LEAP (UINT64_C(1) << 44)

/* Where a thread's RCU read side keeps its count: the first word of this. */
extern __thread unsigned long urcu_memb_reader[];

struct side {
	struct nrb_ring *ring;
	struct nrb_reader *reader; /* the consumer's */
};

struct chain {
	struct nrb_channel *channel;
	struct nrb_attr attr;
	bool graceless;
	bool consumed;  /* the consumer has been opened */
	uint64_t freed; /* sides below this are no more */
	/* What changes as it is written and read. */
	_Alignas(64) uint64_t newest; /* number of the side that is written into; stored by who swaps */
	uint64_t reading;             /* number of the side that is read; stored by the consumer */
	struct nrb_lost residual;     /* what the side read last has lost and could not tell, still to be told */
	uint64_t retired[SIDES];      /* no write into the side is in progress, nor will one be */
	struct side side[SIDES];
	struct nrb_lost told; /* by the record that was given last */
};

struct chain_reader {
	struct chain *chain;
	struct nrb_reader *late; /* NULL: it is the consumer; else of one side only */
};

static struct chain *chain_of(const struct target_ring *ring)
{
	return (struct chain *)(uintptr_t)ring;
}

static struct side *side_at(const struct chain *chain, uint64_t number)
{
	return (struct side *)(uintptr_t)&chain->side[number % SIDES];
}

struct nrb_channel *channel_of(struct target_ring *ring)
{
	return chain_of(ring)->channel;
}

/* ---- making sides, and going from one to the next ---- */

static void close_side(struct side *side)
{
	nrb_reader_close(side->reader);
	nrb_destroy(side->ring);
	memset(side, 0, sizeof(*side));
}

/* Return: 0 or -errno. */
static int open_side(struct chain *chain, uint64_t number, uint64_t start)
{
	struct side *side = side_at(chain, number);

	chain->attr.start = start;
	chain->retired[number % SIDES] = 0;
	side->ring = nrb_create(&chain->attr);
	side->reader = side->ring ? nrb_reader_open(side->ring) : NULL;
	if (side->reader)
		return 0;
	nrb_destroy(side->ring);
	side->ring = NULL;
	return -errno;
}

/* Beyond whatever is written into @number, which is written into now. */
static uint64_t start_after(const struct chain *chain, uint64_t number)
{
	return nrb_reserved_head(side_at(chain, number)->ring) + LEAP;
}

static struct target_ring *open_chain(const struct target_attr *attr, bool graceless)
{
	const struct nrb_attr plain = NRB_ATTR_INIT;
	struct chain *chain = aligned_alloc(64, sizeof(*chain));

	if (!chain)
		return NULL;
	memset(chain, 0, sizeof(*chain));
	chain->attr = plain;
	chain->attr.data_size = attr->data_size;
	chain->attr.id = attr->id;
	chain->graceless = graceless;
	chain->channel = nrb_channel_create(NULL, attr->id, NULL);
	/* The second one in advance, so that a swap in the midst of a write is a matter of pointers. */
	if (!chain->channel || open_side(chain, 0, attr->start) || open_side(chain, 1, attr->start + LEAP) ||
	    nrb_channel_replace(chain->channel, side_at(chain, 0)->ring, NULL)) {
		channel_close((struct target_ring *)chain);
		return NULL;
	}
	return (struct target_ring *)chain;
}

struct target_ring *channel_open(const struct target_attr *attr)
{
	return open_chain(attr, false);
}

struct target_ring *channel_open_graceless(const struct target_attr *attr)
{
	return open_chain(attr, true);
}

void channel_close(struct target_ring *ring)
{
	struct chain *chain = chain_of(ring);
	struct nrb_ring *last;

	if (chain->channel) {
		nrb_channel_replace(chain->channel, NULL, &last);
		nrb_channel_destroy(chain->channel);
	}
	for (uint64_t i = 0; i < SIDES; i++)
		close_side(&chain->side[i]);
	free(chain);
}

int channel_attach(struct target_ring *ring)
{
	return nrb_channel_join(chain_of(ring)->channel);
}

void channel_detach(struct target_ring *ring)
{
	nrb_channel_leave(chain_of(ring)->channel);
}

static void retire(struct chain *chain, uint64_t number)
{
	/* retire:M  pairs with retire:N: with this come the last stores into the ring. */
	nrb_store_release(&chain->retired[number % SIDES], 1);
}

/* Whether it is known that nobody writes into the side that is read. */
static bool is_retired(const struct chain *chain)
{
	/* retire:N  pairs with retire:M. */
	return nrb_load_acquire(&chain->retired[chain->reading % SIDES]);
}

static bool is_full(const struct chain *chain)
{
	return chain->newest + 1 - chain->freed == SIDES;
}

/* Have writes that begin now go into another ring. Return: 0 or -errno. */
static int move_on(struct chain *chain)
{
	uint64_t number = chain->newest + 1;
	struct side *side = side_at(chain, number);
	struct nrb_ring *old;
	int rc = side->ring ? 0 : open_side(chain, number, start_after(chain, chain->newest));

	if (rc)
		return rc;
	nrb_store_release(&chain->newest, number);
	if (chain->graceless)
		retire(chain, number - 1);
	return nrb_channel_replace(chain->channel, side->ring, &old);
}

int channel_swap(struct target_ring *ring)
{
	struct chain *chain = chain_of(ring);
	/* What the consumer had left before the grace period nobody looks at behind it. */
	uint64_t left = nrb_load_acquire(&chain->reading);
	bool full = is_full(chain);
	int rc = full ? -EAGAIN : move_on(chain);

	urcu_memb_synchronize_rcu();
	if (chain->newest)
		retire(chain, chain->newest - 1);
	for (; chain->freed < left; chain->freed++)
		close_side(side_at(chain, chain->freed));
	return rc;
}

/* By who steps the writer: the pointer alone. Once, since the second side was made for that. */
void channel_swap_begin(struct target_ring *ring)
{
	struct chain *chain = chain_of(ring);

	if (chain->newest)
		return;
	nrb_store_release(&chain->newest, 1);
	nrb_store_release(&chain->channel->ring, side_at(chain, 1)->ring);
	if (chain->graceless)
		retire(chain, 0);
}

void channel_swap_end(struct target_ring *ring)
{
	struct chain *chain = chain_of(ring);

	if (chain->newest)
		retire(chain, chain->newest - 1);
}

int channel_watch(void)
{
	urcu_memb_register_thread();
	return 0;
}

void channel_unwatch(void)
{
	urcu_memb_unregister_thread();
}

/* ---- looking at it ---- */

uint64_t channel_reserved_head(const struct target_ring *ring)
{
	struct chain *chain = chain_of(ring);
	uint64_t head;

	urcu_memb_read_lock();
	head = nrb_reserved_head(side_at(chain, nrb_load_acquire(&chain->newest))->ring);
	urcu_memb_read_unlock();
	return head;
}

uint64_t channel_lost(const struct target_ring *ring)
{
	struct chain *chain = chain_of(ring);

	return chain->residual.lost + nrb_lost(side_at(chain, chain->newest)->ring);
}

static struct chain_reader *reader_of(const struct target_reader *reader)
{
	return (struct chain_reader *)(uintptr_t)reader;
}

struct target_reader *channel_reader_open(struct target_ring *ring)
{
	struct chain_reader *reader = calloc(1, sizeof(*reader));
	struct chain *chain = chain_of(ring);

	if (!reader)
		return NULL;
	reader->chain = chain;
	if (chain->consumed) {
		reader->late = nrb_reader_open(side_at(chain, chain->reading)->ring);
		if (!reader->late) {
			free(reader);
			return NULL;
		}
	}
	chain->consumed = true;
	return (struct target_reader *)reader;
}

void channel_reader_close(struct target_reader *reader)
{
	nrb_reader_close(reader_of(reader)->late);
	free(reader);
}

uint64_t channel_head(const struct target_reader *reader)
{
	struct chain *chain = reader_of(reader)->chain;
	uint64_t head;

	urcu_memb_read_lock();
	head = nrb_reader_head(side_at(chain, nrb_load_acquire(&chain->newest))->reader);
	urcu_memb_read_unlock();
	return head;
}

uint64_t channel_tail(const struct target_reader *reader)
{
	struct chain *chain = reader_of(reader)->chain;
	uint64_t tail;

	urcu_memb_read_lock();
	tail = nrb_reader_tail(side_at(chain, nrb_load_acquire(&chain->reading))->reader);
	urcu_memb_read_unlock();
	return tail;
}

/* The consumer's own side; nobody frees it before it has left it. */
static struct nrb_reader *current(const struct target_reader *reader)
{
	const struct chain *chain = reader_of(reader)->chain;

	return reader_of(reader)->late ? reader_of(reader)->late : side_at(chain, chain->reading)->reader;
}

int64_t channel_poll(struct target_reader *reader, uint64_t *head)
{
	struct chain *chain = reader_of(reader)->chain;

	/* On to where there is something, or may still be. Bounded by the sides that were made meanwhile. */
	for (;;) {
		/* Before the poll: what it finds then is the last of it. */
		bool retired = is_retired(chain);
		int64_t found = nrb_reader_poll(current(reader), head);

		if (found < 0 || reader_of(reader)->late)
			return found;
		if (found || !retired)
			return found + (chain->residual.lost ? (int64_t)sizeof(chain->residual) : 0);
		chain->residual.id = chain->attr.id;
		chain->residual.lost += nrb_lost(side_at(chain, chain->reading)->ring);
		nrb_store_release(&chain->reading, chain->reading + 1);
	}
}

int channel_next(struct target_reader *reader, struct target_record *record)
{
	struct chain *chain = reader_of(reader)->chain;

	if (!chain->residual.lost || reader_of(reader)->late)
		return ring_next((struct target_reader *)current(reader), record);
	/* In the form in which rings tell it. */
	chain->told = chain->residual;
	chain->residual.lost = 0;
	record->type = NRB_RECORD_LOST;
	record->size = sizeof(chain->told);
	record->position = nrb_reader_tail(current(reader));
	record->payload = &chain->told;
	return 1;
}

void channel_release(struct target_reader *reader)
{
	nrb_reader_release(current(reader));
}

uint64_t channel_skip(struct target_reader *reader)
{
	return nrb_reader_skip(current(reader));
}

/* Two sides, which is what stepping has; and the count of this thread, which a write that is suspended holds. */
unsigned channel_regions(struct target_ring *ring, struct target_reader *reader, struct target_region *region)
{
	struct chain *chain = chain_of(ring);
	struct target_region of_ring[TARGET_REGIONS];
	unsigned count = 0, last;

	(void)reader;
	region[count++] = (struct target_region) { .address = urcu_memb_reader, .size = sizeof(urcu_memb_reader[0]) };
	region[count++] =
		(struct target_region) { .address = &chain->newest,
					 .size = offsetof(struct chain, side) - offsetof(struct chain, newest) };
	/* Which it is, chain->newest tells. */
	region[count++] =
		(struct target_region) { .address = &chain->channel->ring, .size = sizeof(uintptr_t), .derived = true };
	for (unsigned i = 0; i < 2; i++) {
		last = ring_regions((struct target_ring *)chain->side[i].ring,
				    (struct target_reader *)chain->side[i].reader, of_ring);
		memcpy(&region[count], of_ring, last * sizeof(of_ring[0]));
		count += last;
	}
	return count;
}
