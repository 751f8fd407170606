/* SPDX-License-Identifier: MIT */
/*
 * check_grace.c - a ring that is replaced is given back once no write goes on in it; and that this is looked at
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

#include "channels.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

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

Suite *suite_make(void)
{
	Suite *suite = suite_create("grace");
	TCase *grace = suite_case(suite, "grace period");

	tcase_add_test(grace, waits_for_writers);
	tcase_add_test(grace, broken_twin_is_caught);
	return suite;
}
