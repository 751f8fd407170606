/* SPDX-License-Identifier: MIT */
/*
 * check_channel.c - channels: rings that come and go, what may not be called where, and who may write
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "channel.h"
#include "channels.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

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
	ck_assert_int_eq(channel_put(channel, 1), -ENOTCONN);
	ck_assert_int_eq(nrb_channel_reserve(channel, &r, 9, 8), -ENOTCONN);
	ck_assert_int_eq(nrb_channel_writev(channel, 9, parts, 2), -ENOTCONN);
	ck_assert_uint_eq(nrb_channel_refused(channel), 3);
	ck_assert_int_eq(nrb_channel_replace(channel, first, &old), 0);
	ck_assert_ptr_eq(old, NULL);
	errno = 1234;
	ck_assert_int_eq(channel_put(channel, 1), 0);
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
	ck_assert_int_eq(channel_put(channel, 2), 0);
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
	ck_assert_int_eq(channel_put(channel, 3), -ENOTCONN);
	ck_assert_int_eq(nrb_channel_replace(channel, first, NULL), 0);
	ck_assert_int_eq(channel_put(channel, 4), 0);
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
	strike.write = channel_put(strike.channel, 2);
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
	ck_assert_int_eq(nrb_set_read(strike.set, seen_add, &seen, 0), 2);
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
	require(channel_put(channel, 99) == -ENXIO);
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
	strike.write = channel_put(strike.channel, 99);
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
	ck_assert_int_eq(channel_put(strike.channel, 99), -ENXIO);
	ck_assert_int_eq(nrb_channel_join(strike.channel), 0);
	thread_run(be_refused, strike.channel);
	ck_assert_uint_eq(nrb_channel_strays(strike.channel), 4);
	thread_run(be_struck, NULL);
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
	require(channel_put(channel, 1) == 0);
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
	require(channel_put(channel, 2) == -ENXIO);
	require(nrb_channel_join(channel) == 0);
	require(channel_put(channel, 3) == 0);
	return NULL;
}

START_TEST(exit_without_leave)
{
	struct nrb_channel *channel = channel_make(NULL, 0);
	struct nrb_ring *ring = ring_make(PAGE, 0);

	ck_assert_int_eq(nrb_channel_replace(channel, ring, NULL), 0);
	thread_run(exit_joined, channel);
	thread_run(succeed, channel);
	ck_assert_uint_eq(nrb_reserved_head(ring), 2 * 16);
	/* Against the rules, but nobody waits for it for ever. */
	thread_run(cancelled_in_a_write, channel);
	thread_run(exit_joined, channel);
	ck_assert_int_eq(nrb_channel_replace(channel, NULL, NULL), 0);
	ck_assert_int_eq(nrb_channel_destroy(channel), 0);
}
END_TEST

static void *write_one(void *channel)
{
	require(nrb_channel_join(channel) == 0);
	require(channel_put(channel, 0) == 0);
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
	thread_run(write_one, channel);
	write_one(channel);
	ck_assert_int_eq(nrb_set_read(set, collect_tid, &at, 0), 3);
	ck_assert_uint_eq(tid[0], (uint32_t)gettid());
	ck_assert_uint_ne(tid[1], tid[0]);
	ck_assert_uint_eq(tid[2], tid[0]);
	ck_assert_int_eq(nrb_channel_destroy(channel), 0);
	ck_assert_int_eq(nrb_set_destroy(set), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("channel");
	TCase *one = suite_case(suite, "one thread"), *rights = suite_case(suite, "who may write");

	tcase_add_test(one, attach_replace_detach);
	tcase_add_test(one, mistakes);
	tcase_add_test(one, in_a_write);
	tcase_add_test(rights, strays);
	tcase_add_test(rights, exit_without_leave);
	tcase_add_test(rights, hand_over);
	return suite;
}
