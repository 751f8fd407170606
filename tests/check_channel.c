/* SPDX-License-Identifier: MIT */
/*
 * check_channel.c - channels: who may write, rings that are replaced in the midst of it, and what their set delivers
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

#include "channel.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

static struct nrb_channel *channel_make(struct nrb_set *set, uint64_t id)
{
	struct nrb_channel *channel = nrb_channel_create(set, id, NULL);

	ck_assert_msg(channel, "nrb_channel_create: %m");
	return channel;
}

/* A record of one word. */
static int put(struct nrb_channel *channel, uint64_t word)
{
	return nrb_channel_write(channel, NRB_RECORD_SAMPLE, &word, sizeof(word));
}

static void run(void *(*body)(void *), void *argument)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, body, argument), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* What a set delivered: the first words. */
struct seen {
	uint64_t word[64], id[64];
	uint32_t type[64];
	unsigned records;
};

static int look(void *argument, const struct nrb_delivery *delivery)
{
	struct seen *seen = argument;

	require(seen->records < 64);
	seen->type[seen->records] = delivery->record->type;
	seen->id[seen->records] = delivery->id;
	memcpy(&seen->word[seen->records++],
	       (const char *)delivery->record->payload + (delivery->record->type == NRB_RECORD_LOST ? 8 : 0), 8);
	return 0;
}

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	ck_assert(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* ---- one thread ---- */

START_TEST(attach_replace_detach)
{
	struct nrb_ring *first = ring_make(PAGE, 0), *second = ring_make(PAGE, 0), *old = first;
	struct nrb_channel *channel = channel_make(NULL, 0);
	struct iovec parts[2] = { { "abcd", 4 }, { "efgh", 4 } };
	struct nrb_reservation r;
	struct nrb_reader *reader;
	struct nrb_record record;

	errno = 1234;
	ck_assert_int_eq(nrb_channel_join(channel), 0);
	ck_assert_int_eq(put(channel, 1), -ENOTCONN);
	ck_assert_int_eq(nrb_channel_reserve(channel, &r, 9, 8), -ENOTCONN);
	ck_assert_int_eq(nrb_channel_writev(channel, 9, parts, 2), -ENOTCONN);
	ck_assert_uint_eq(nrb_channel_refused(channel), 3);
	ck_assert_int_eq(nrb_channel_replace(channel, first, &old), 0);
	ck_assert_ptr_eq(old, NULL);
	errno = 1234;
	ck_assert_int_eq(put(channel, 1), 0);
	ck_assert_int_eq(nrb_channel_writev(channel, 9, parts, 2), 0);
	ck_assert_int_eq(nrb_channel_reserve(channel, &r, 9, 8), 0);
	memcpy(r.payload, "in place", 8);
	nrb_channel_commit(channel, &r);
	ck_assert_int_eq(nrb_channel_reserve(channel, &r, 9, 8), 0);
	nrb_channel_discard(channel, &r);
	ck_assert_int_eq(errno, 1234);
	ck_assert_int_eq(nrb_channel_write(channel, NRB_RECORD_LOST, "", 0), -EINVAL);
	/* One ring, one channel. */
	ck_assert_int_eq(nrb_channel_replace(channel, first, &old), -EBUSY);
	ck_assert_int_eq(nrb_channel_replace(channel, second, &old), 0);
	ck_assert_ptr_eq(old, first);
	ck_assert_int_eq(put(channel, 2), 0);
	reader = reader_make(first);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 4 * 16);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_int_eq(memcmp(record.payload, "abcdefgh", 8), 0);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_int_eq(memcmp(record.payload, "in place", 8), 0);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 0);
	nrb_reader_close(reader);
	/* It is the caller's again, and may be attached once more. */
	ck_assert_int_eq(nrb_channel_replace(channel, NULL, &old), 0);
	ck_assert_ptr_eq(old, second);
	ck_assert_int_eq(put(channel, 3), -ENOTCONN);
	ck_assert_int_eq(nrb_channel_replace(channel, first, NULL), 0);
	ck_assert_int_eq(put(channel, 4), 0);
	ck_assert_int_eq(nrb_channel_leave(channel), 0);
	ck_assert_int_eq(nrb_channel_destroy(channel), 0);
	nrb_destroy(second);
}
END_TEST

START_TEST(mistakes)
{
	struct nrb_set *set = nrb_set_create();
	struct nrb_channel *channel = channel_make(set, 0), *other = channel_make(NULL, 0);
	struct nrb_ring *ring = ring_make(PAGE, 0);

	ck_assert(set);
	ck_assert_int_eq(nrb_channel_destroy(NULL), 0);
	ck_assert_int_eq(nrb_set_destroy(NULL), 0);
	ck_assert_int_eq(nrb_channel_leave(channel), -ENXIO);
	ck_assert_int_eq(nrb_channel_join(channel), 0);
	ck_assert_int_eq(nrb_channel_join(channel), -EALREADY);
	ck_assert_int_eq(nrb_channel_destroy(channel), -EBUSY);
	ck_assert_int_eq(nrb_set_destroy(set), -EBUSY);
	ck_assert_int_eq(nrb_channel_replace(channel, ring, NULL), 0);
	ck_assert_int_eq(nrb_channel_replace(other, ring, NULL), -EBUSY);
	ck_assert_int_eq(nrb_channel_leave(channel), 0);
	ck_assert_int_eq(nrb_channel_leave(channel), -ENXIO);
	ck_assert_int_eq(nrb_channel_destroy(channel), 0);
	ck_assert_int_eq(nrb_channel_destroy(other), 0);
	/* With the ring in it, which nobody has read. */
	ck_assert_int_eq(nrb_set_destroy(set), 0);
}
END_TEST

static struct {
	struct nrb_channel *channel;
	struct nrb_set *set;
	int join, leave, replace, destroy, set_destroy, write;
	void *made;
	int made_errno;
} strike;

static void call_everything(int signal)
{
	(void)signal;
	strike.join = nrb_channel_join(strike.channel);
	strike.leave = nrb_channel_leave(strike.channel);
	strike.replace = nrb_channel_replace(strike.channel, NULL, NULL);
	strike.destroy = nrb_channel_destroy(strike.channel);
	strike.set_destroy = nrb_set_destroy(strike.set);
	errno = 0;
	strike.made = nrb_channel_create(NULL, 0, NULL);
	strike.made_errno = errno;
	strike.write = put(strike.channel, 2);
}

START_TEST(in_a_write)
{
	struct sigaction action = { .sa_handler = call_everything };
	struct nrb_reservation r;
	struct seen seen = { 0 };

	strike.set = nrb_set_create();
	strike.channel = channel_make(strike.set, 0);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(nrb_channel_join(strike.channel), 0);
	ck_assert_int_eq(nrb_channel_replace(strike.channel, ring_make(PAGE, 0), NULL), 0);
	ck_assert_int_eq(nrb_channel_reserve(strike.channel, &r, 9, 8), 0);
	memset(r.payload, 0, 8);
	raise(SIGUSR1);
	ck_assert_int_eq(strike.join, -EDEADLK);
	ck_assert_int_eq(strike.leave, -EDEADLK);
	ck_assert_int_eq(strike.replace, -EDEADLK);
	ck_assert_int_eq(strike.destroy, -EDEADLK);
	ck_assert_int_eq(strike.set_destroy, -EDEADLK);
	ck_assert(!strike.made && strike.made_errno == EDEADLK);
	ck_assert_int_eq(strike.write, 0);
	nrb_channel_commit(strike.channel, &r);
	ck_assert_int_eq(nrb_set_read(strike.set, look, &seen, 0), 2);
	ck_assert(seen.word[0] == 0 && seen.word[1] == 2);
	ck_assert_int_eq(nrb_channel_leave(strike.channel), 0);
	ck_assert_int_eq(nrb_channel_destroy(strike.channel), 0);
	ck_assert_int_eq(nrb_set_destroy(strike.set), 0);
}
END_TEST

/* ---- who may write ---- */

static void *be_refused(void *channel)
{
	struct nrb_reservation r = { 0 };

	errno = 1234;
	require(put(channel, 99) == -ENXIO);
	require(nrb_channel_writev(channel, 9, NULL, 0) == -ENXIO);
	require(nrb_channel_reserve(channel, &r, 9, 8) == -ENXIO);
	require(errno == 1234);
	require(!r.payload && !r.restore[0]);
	require(nrb_channel_join(channel) == -EBUSY);
	require(nrb_channel_leave(channel) == -ENXIO);
	return NULL;
}

static void write_stray(int signal)
{
	(void)signal;
	strike.write = put(strike.channel, 99);
}

static void *be_struck(void *unused)
{
	raise(SIGUSR1);
	return unused;
}

START_TEST(strays)
{
	struct sigaction action = { .sa_handler = write_stray };
	struct nrb_ring *ring = ring_make(PAGE, 0);

	strike.channel = channel_make(NULL, 0);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(nrb_channel_replace(strike.channel, ring, NULL), 0);
	/* Before anybody has joined; on a thread that has not; on one that has left. */
	ck_assert_int_eq(put(strike.channel, 99), -ENXIO);
	ck_assert_int_eq(nrb_channel_join(strike.channel), 0);
	run(be_refused, strike.channel);
	ck_assert_uint_eq(nrb_channel_strays(strike.channel), 4);
	run(be_struck, NULL);
	ck_assert_int_eq(strike.write, -ENXIO);
	ck_assert_uint_eq(nrb_channel_strays(strike.channel), 5);
	ck_assert_uint_eq(nrb_reserved_head(ring), 0);
	raise(SIGUSR1);
	ck_assert_int_eq(strike.write, 0);
	ck_assert_uint_eq(nrb_reserved_head(ring), 16);
	ck_assert_int_eq(nrb_channel_leave(strike.channel), 0);
	raise(SIGUSR1);
	ck_assert_int_eq(strike.write, -ENXIO);
	ck_assert_uint_eq(nrb_channel_strays(strike.channel), 6);
	ck_assert_uint_eq(nrb_channel_refused(strike.channel), 0);
	ck_assert_uint_eq(nrb_reserved_head(ring), 16);
	ck_assert_int_eq(nrb_channel_destroy(strike.channel), 0);
}
END_TEST

static const struct nrb_thread *predecessor;

static void *exit_joined(void *channel)
{
	predecessor = &nrb_self;
	require(nrb_channel_join(channel) == 0);
	require(put(channel, 1) == 0);
	return NULL;
}

static void *cancelled_in_a_write(void *channel)
{
	struct nrb_reservation r;

	require(nrb_channel_join(channel) == 0);
	require(nrb_channel_reserve(channel, &r, 9, 8) == 0);
	pthread_exit(NULL);
}

static void *succeed(void *channel)
{
	if (&nrb_self == predecessor)
		suite_note("the successor has its predecessor's address\n");
	require(put(channel, 2) == -ENXIO);
	require(nrb_channel_join(channel) == 0);
	require(put(channel, 3) == 0);
	return NULL;
}

START_TEST(exit_without_leave)
{
	struct nrb_channel *channel = channel_make(NULL, 0);
	struct nrb_ring *ring = ring_make(PAGE, 0);

	ck_assert_int_eq(nrb_channel_replace(channel, ring, NULL), 0);
	run(exit_joined, channel);
	run(succeed, channel);
	ck_assert_uint_eq(nrb_reserved_head(ring), 2 * 16);
	/* Against the rules, but nobody waits for it for ever. */
	run(cancelled_in_a_write, channel);
	run(exit_joined, channel);
	ck_assert_int_eq(nrb_channel_replace(channel, NULL, NULL), 0);
	ck_assert_int_eq(nrb_channel_destroy(channel), 0);
}
END_TEST

static void *write_one(void *channel)
{
	require(nrb_channel_join(channel) == 0);
	require(put(channel, 0) == 0);
	require(nrb_channel_leave(channel) == 0);
	return NULL;
}

static int collect_tid(void *argument, const struct nrb_delivery *delivery)
{
	struct nrb_sample_id id;
	uint32_t **at = argument;

	require(nrb_reader_sample_id(delivery->reader, delivery->record, &id) == 0);
	*(*at)++ = id.tid;
	return 0;
}

/* Trailers tell the thread that wrote, and not the one that had the ring before. */
START_TEST(hand_over)
{
	struct nrb_set *set = nrb_set_create();
	struct nrb_channel *channel = channel_make(set, 0);
	struct nrb_attr attr = NRB_ATTR_INIT;
	uint32_t tid[3], *at = tid;

	attr.sample_id = NRB_SAMPLE_TID;
	ck_assert_int_eq(nrb_channel_replace(channel, nrb_create(&attr), NULL), 0);
	write_one(channel);
	run(write_one, channel);
	write_one(channel);
	ck_assert_int_eq(nrb_set_read(set, collect_tid, &at, 0), 3);
	ck_assert_uint_eq(tid[0], (uint32_t)gettid());
	ck_assert_uint_ne(tid[1], tid[0]);
	ck_assert_uint_eq(tid[2], tid[0]);
	ck_assert_int_eq(nrb_channel_destroy(channel), 0);
	ck_assert_int_eq(nrb_set_destroy(set), 0);
}
END_TEST

/* ---- the grace period ---- */

/* In place of liburcu's: the broken twin of nrb_channel_replace() is the one that does not wait. */
static bool no_grace_period;

void urcu_memb_synchronize_rcu(void)
{
	void (*real)(void) = (void (*)(void))dlsym(RTLD_NEXT, "urcu_memb_synchronize_rcu");

	if (!no_grace_period)
		real();
}

static struct {
	struct nrb_channel *channel;
	sem_t inside, replaced;
} suspended;

/* A writer that is suspended in the midst of a write: until it hears that the ring is replaced, or, which shows that it
 * is waited for, until it has not heard of that for a while. */
static void *write_slowly(void *unused)
{
	struct nrb_reservation r;
	struct timespec until;

	require(nrb_channel_join(suspended.channel) == 0);
	require(nrb_channel_reserve(suspended.channel, &r, NRB_RECORD_SAMPLE, 8) == 0);
	memset(r.payload, 0, 8);
	sem_post(&suspended.inside);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += no_grace_period ? 60 : 0;
	until.tv_nsec += 50000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (sem_timedwait(&suspended.replaced, &until) && errno == EINTR)
		;
	nrb_channel_commit(suspended.channel, &r);
	return unused;
}

/* Return: records found in the old ring when replace gave it back. One was being written. */
static int64_t found_after_swap(void)
{
	struct nrb_ring *ring = ring_make(PAGE, 0), *old;
	struct nrb_reader *reader = reader_make(ring);
	pthread_t thread;
	int64_t found;

	suspended.channel = channel_make(NULL, 0);
	ck_assert_int_eq(sem_init(&suspended.inside, 0, 0), 0);
	ck_assert_int_eq(sem_init(&suspended.replaced, 0, 0), 0);
	ck_assert_int_eq(nrb_channel_replace(suspended.channel, ring, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_slowly, NULL), 0);
	ck_assert_int_eq(sem_wait(&suspended.inside), 0);
	ck_assert_int_eq(nrb_channel_replace(suspended.channel, NULL, &old), 0);
	ck_assert_ptr_eq(old, ring);
	found = nrb_reader_poll(reader, NULL) / 16;
	sem_post(&suspended.replaced);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	nrb_reader_close(reader);
	nrb_destroy(old);
	ck_assert_int_eq(nrb_channel_destroy(suspended.channel), 0);
	return found;
}

START_TEST(waits_for_writers)
{
	ck_assert_int_eq(found_after_swap(), 1);
}
END_TEST

/* The same test of a swap that does not wait: the ring would have been drained and freed under a write. */
START_TEST(broken_twin_is_caught)
{
	no_grace_period = true;
	ck_assert_int_eq(found_after_swap(), 0);
}
END_TEST

/* ---- sets ---- */

START_TEST(old_rings_first)
{
	struct nrb_set *set = nrb_set_create();
	struct nrb_channel *channel = channel_make(set, 7);
	unsigned files = open_files(), lost = 0;
	struct seen seen = { 0 };
	static char most[65536];

	ck_assert_int_eq(nrb_channel_join(channel), 0);
	for (uint64_t i = 0; i < 4; i++) {
		struct nrb_ring *old = (struct nrb_ring *)most;

		ck_assert_int_eq(nrb_channel_replace(channel, ring_make(PAGE, 0), &old), 0);
		ck_assert_ptr_eq(old, NULL);
		ck_assert_int_eq(put(channel, 2 * i), 0);
		ck_assert_int_eq(put(channel, 2 * i + 1), 0);
		/* Of the second, three more that no record will tell of. */
		while (i == 1 && lost < 3)
			lost += nrb_channel_write(channel, 9, most, PAGE - 40) == -ENOSPC;
	}
	ck_assert_int_eq(nrb_channel_replace(channel, NULL, NULL), 0);
	/* One at a time; the residue of the second ring is a record, too. */
	for (unsigned i = 0; i < 9; i++)
		ck_assert_int_eq(nrb_set_read(set, look, &seen, 1), 1);
	ck_assert_int_eq(nrb_set_read(set, look, &seen, 1), 0);
	for (unsigned i = 0, word = 0; i < 9; i++) {
		ck_assert_uint_eq(seen.id[i], 7);
		ck_assert_uint_eq(seen.type[i], i == 4 ? NRB_RECORD_LOST : NRB_RECORD_SAMPLE);
		ck_assert_uint_eq(seen.word[i], i == 4 ? 3 : word++);
	}
	/* The set has destroyed all four. */
	ck_assert_uint_eq(open_files(), files);
	ck_assert_int_eq(nrb_channel_leave(channel), 0);
	ck_assert_int_eq(nrb_channel_destroy(channel), 0);
	ck_assert_int_eq(nrb_set_destroy(set), 0);
}
END_TEST

struct meddler {
	struct nrb_set *set;
	struct nrb_channel *channel;
	uint64_t id[8];
	unsigned records;
};

/* Calls what a visit may call, and what it may not; ends the pass with the third record. */
static int meddle(void *argument, const struct nrb_delivery *delivery)
{
	struct meddler *m = argument;
	struct nrb_channel *made;

	require(delivery->cookie == m);
	require(nrb_set_read(m->set, meddle, m, 0) == -EBUSY);
	require(nrb_set_wait(m->set, 0) == -EBUSY);
	require(nrb_set_destroy(m->set) == -EBUSY);
	made = nrb_channel_create(m->set, 3, m);
	require(made && nrb_channel_destroy(made) == 0);
	m->id[m->records++] = delivery->id;
	if (m->records == 1)
		require(nrb_channel_replace(m->channel, ring_make(PAGE, 0), NULL) == 0);
	return m->records == 3;
}

START_TEST(visits)
{
	struct meddler m = { .set = nrb_set_create() };
	struct nrb_channel *other = nrb_channel_create(m.set, 2, &m);

	ck_assert(m.set && other);
	ck_assert_int_eq(nrb_set_wait(m.set, 0), 0);
	ck_assert_int_eq(nrb_set_wait(m.set, 1000000), 0);
	m.channel = nrb_channel_create(m.set, 1, &m);
	ck_assert_int_eq(nrb_channel_join(m.channel), 0);
	ck_assert_int_eq(nrb_channel_join(other), 0);
	ck_assert_int_eq(nrb_channel_replace(m.channel, ring_make(PAGE, 0), NULL), 0);
	ck_assert_int_eq(nrb_channel_replace(other, ring_make(PAGE, 0), NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert(!put(m.channel, i) && !put(other, i));
	ck_assert_int_eq(nrb_set_wait(m.set, -1), 1);
	ck_assert_int_eq(nrb_set_read(m.set, meddle, &m, 0), 3);
	ck_assert_int_eq(nrb_set_wait(m.set, -1), 1);
	ck_assert_int_eq(nrb_set_read(m.set, meddle, &m, 0), 1);
	/* The second pass does not begin with the channel that the first began with. */
	ck_assert(m.id[0] == 2 && m.id[1] == 2 && m.id[2] == 1 && m.id[3] == 1);
	ck_assert_int_eq(nrb_set_read(m.set, meddle, &m, 0), 0);
	ck_assert_int_eq(nrb_set_wait(m.set, 0), 0);
	ck_assert_uint_eq(nrb_set_damaged(m.set), 0);
	/* What a ring held when its channel was destroyed is delivered as well. */
	ck_assert_int_eq(put(other, 9), 0);
	ck_assert_int_eq(nrb_channel_leave(other), 0);
	ck_assert_int_eq(nrb_channel_destroy(other), 0);
	ck_assert_int_eq(nrb_set_wait(m.set, 0), 1);
	ck_assert_int_eq(nrb_set_read(m.set, meddle, &m, 0), 1);
	ck_assert_uint_eq(m.id[4], 2);
	ck_assert_int_eq(nrb_channel_leave(m.channel), 0);
	ck_assert_int_eq(nrb_channel_destroy(m.channel), 0);
	ck_assert_int_eq(nrb_set_destroy(m.set), 0);
}
END_TEST

/* A ring that a stranger has scribbled into must not stop the others. */
START_TEST(damage)
{
	struct nrb_set *set = nrb_set_create();
	struct nrb_channel *bad = channel_make(set, 1), *good = channel_make(set, 2);
	struct nrb_ring *ring = ring_make(PAGE, 0);
	unsigned char *pages = map_whole(nrb_fd(ring), NULL);
	struct seen seen = { 0 };

	ck_assert_int_eq(nrb_channel_replace(bad, ring, NULL), 0);
	ck_assert_int_eq(nrb_channel_replace(good, ring_make(PAGE, 0), NULL), 0);
	ck_assert(!nrb_channel_join(bad) && !nrb_channel_join(good));
	ck_assert(!put(bad, 1) && !put(bad, 2) && !put(good, 3));
	/* The size of the second record. */
	pages[PAGE + 16 + 6] = 3;
	ck_assert_int_eq(nrb_set_read(set, look, &seen, 0), 2);
	ck_assert(seen.word[0] == 1 && seen.word[1] == 3);
	ck_assert_uint_eq(nrb_set_damaged(set), 1);
	ck_assert(!put(bad, 4) && nrb_set_read(set, look, &seen, 0) == 1 && seen.word[2] == 4);
	ck_assert(!nrb_channel_leave(bad) && !nrb_channel_leave(good));
	ck_assert(!nrb_channel_destroy(bad) && !nrb_channel_destroy(good));
	ck_assert_int_eq(nrb_set_destroy(set), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("channel");
	TCase *one = suite_case(suite, "one thread"), *rights = suite_case(suite, "who may write");
	TCase *grace = suite_case(suite, "grace period"), *sets = suite_case(suite, "sets");

	tcase_add_test(one, attach_replace_detach);
	tcase_add_test(one, mistakes);
	tcase_add_test(one, in_a_write);
	tcase_add_test(rights, strays);
	tcase_add_test(rights, exit_without_leave);
	tcase_add_test(rights, hand_over);
	tcase_add_test(grace, waits_for_writers);
	tcase_add_test(grace, broken_twin_is_caught);
	tcase_add_test(sets, old_rings_first);
	tcase_add_test(sets, visits);
	tcase_add_test(sets, damage);
	return suite;
}
