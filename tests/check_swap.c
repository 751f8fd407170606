/* SPDX-License-Identifier: MIT */
/*
 * check_swap.c - rings swapped every millisecond under writers whose timers strike, and each write accounted for
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "nrb_channel.h"
#include "order.h"
#include "suite.h"

/* Some C libraries do not name the field. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define WRITERS 2
#define DEPTHS 3
/* At least so many swaps, strikes, and strikes into a write, for each writer. */
#define SWAPS 150
#define STRIKES 100
#define STRIKES_INSIDE 5

struct payload {
	uint64_t depth, sequence;
};

/* What became of the writes at each depth. By the writer alone, but for what it is to stop by. */
struct writer {
	struct nrb_channel *channel;
	uint64_t stop;
	uint64_t attempts[DEPTHS], full[DEPTHS], unattached[DEPTHS], strayed[DEPTHS];
	uint64_t strikes, strikes_inside;
	uint32_t inside;
	/* By the reader. */
	uint64_t delivered[DEPTHS], next[DEPTHS], lost;
};

static struct writer writers[WRITERS];
static __thread struct writer *me;
static uint64_t stop_reading;

/* One write at @depth, now this way, now that. Return: what came of it. */
static int write_somehow(struct nrb_channel *channel, const struct payload *payload)
{
	struct nrb_reservation r;
	int rc;

	if (payload->sequence % 4)
		return nrb_channel_write(channel, NRB_RECORD_SAMPLE, payload, sizeof(*payload));
	rc = nrb_channel_reserve(channel, &r, NRB_RECORD_SAMPLE, sizeof(*payload));
	if (rc)
		return rc;
	for (unsigned i = 0; i < 50; i++)
		nrb_cpu_relax();
	memcpy(r.payload, payload, sizeof(*payload));
	nrb_channel_commit(channel, &r);
	return 0;
}

static void write_at(unsigned depth)
{
	struct payload payload = { depth, me->attempts[depth]++ };
	int rc, before = errno;

	rc = write_somehow(me->channel, &payload);
	if (errno != before)
		abort();
	switch (rc) {
	case 0: break;
	case -ENOSPC: me->full[depth]++; break;
	case -ENOTCONN: me->unattached[depth]++; break;
	case -ENXIO: me->strayed[depth]++; break;
	default: abort();
	}
}

static void strike(int signal)
{
	nrb_store_relaxed(&me->strikes, me->strikes + 1);
	if (nrb_local_load(&me->inside))
		nrb_store_relaxed(&me->strikes_inside, me->strikes_inside + 1);
	write_at(signal == SIGUSR1 ? 1 : 2);
}

static timer_t start_timer(int signal, long interval_ns)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal };
	struct itimerspec often = { .it_value.tv_nsec = interval_ns, .it_interval.tv_nsec = interval_ns };
	timer_t timer;

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, NULL))
		abort();
	return timer;
}

static void *write_on(void *writer)
{
	timer_t timer[2];

	me = writer;
	/* They strike before it has joined, and after it has left. */
	timer[0] = start_timer(SIGUSR1, 300000);
	timer[1] = start_timer(SIGUSR2, 430000);
	raise(SIGUSR1);
	if (nrb_channel_join(me->channel))
		abort();
	while (!nrb_load_relaxed(&me->stop)) {
		nrb_local_store(&me->inside, 1);
		write_at(0);
		nrb_local_store(&me->inside, 0);
	}
	if (nrb_channel_leave(me->channel))
		abort();
	raise(SIGUSR2);
	timer_delete(timer[0]);
	timer_delete(timer[1]);
	return NULL;
}

static int account(void *unused, const struct nrb_delivery *delivery)
{
	struct writer *w = delivery->cookie;
	struct nrb_lost lost;
	struct payload payload;

	(void)unused;
	if (delivery->record->type == NRB_RECORD_LOST) {
		memcpy(&lost, delivery->record->payload, sizeof(lost));
		w->lost += lost.lost;
		return 0;
	}
	memcpy(&payload, delivery->record->payload, sizeof(payload));
	/* In order, over all rings, and none twice. */
	if (payload.depth >= DEPTHS || payload.sequence < w->next[payload.depth])
		abort();
	w->next[payload.depth] = payload.sequence + 1;
	w->delivered[payload.depth]++;
	return 0;
}

static void *read_on(void *set)
{
	while (!nrb_load_relaxed(&stop_reading))
		if (nrb_set_wait(set, 10000000) < 0 || nrb_set_read(set, account, NULL, 1000) < 0)
			abort();
	return NULL;
}

static bool struck_enough(void)
{
	for (unsigned i = 0; i < WRITERS; i++)
		if (nrb_load_relaxed(&writers[i].strikes) < STRIKES ||
		    nrb_load_relaxed(&writers[i].strikes_inside) < STRIKES_INSIDE)
			return false;
	return true;
}

/* Rings of one page, which fill up, and larger ones; now and then none. */
static void swap_rings(void)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned i = 0; i < SWAPS || !struck_enough(); i++) {
		for (unsigned w = 0; w < WRITERS; w++) {
			struct nrb_ring *ring = (i + w) % 8 == 7 ? NULL : ring_make(page << i % 5, 0);

			ck_assert_int_eq(nrb_channel_replace(writers[w].channel, ring, NULL), 0);
		}
		nanosleep(&pause, NULL);
	}
}

static void check_account(const struct writer *w)
{
	uint64_t full = 0, unattached = 0, strayed = 0;

	for (unsigned depth = 0; depth < DEPTHS; depth++) {
		full += w->full[depth];
		unattached += w->unattached[depth];
		strayed += w->strayed[depth];
		ck_assert_uint_eq(w->delivered[depth] + w->full[depth] + w->unattached[depth] + w->strayed[depth],
				  w->attempts[depth]);
		ck_assert_uint_gt(w->delivered[depth], 0);
	}
	ck_assert_uint_eq(w->lost, full);
	ck_assert_uint_ge(strayed, 2);
	ck_assert_uint_eq(nrb_channel_refused(w->channel), unattached);
	ck_assert_uint_eq(nrb_channel_strays(w->channel), strayed);
	suite_note("%llu writes, %llu strikes, %llu of them into a write; %llu lost, %llu unattached, %llu stray\n",
		   (unsigned long long)w->attempts[0], (unsigned long long)w->strikes,
		   (unsigned long long)w->strikes_inside, (unsigned long long)full, (unsigned long long)unattached,
		   (unsigned long long)strayed);
}

START_TEST(storm)
{
	struct sigaction action = { .sa_handler = strike };
	struct nrb_set *set = nrb_set_create();
	pthread_t thread[WRITERS], reader;

	/* Depth 1 is struck by 2, and neither by itself. */
	sigaddset(&action.sa_mask, SIGUSR1);
	ck_assert_int_eq(sigaction(SIGUSR2, &action, NULL), 0);
	sigemptyset(&action.sa_mask);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(pthread_create(&reader, NULL, read_on, set), 0);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i].channel = nrb_channel_create(set, i, &writers[i]);
		ck_assert(writers[i].channel);
		ck_assert_int_eq(pthread_create(&thread[i], NULL, write_on, &writers[i]), 0);
	}
	swap_rings();
	for (unsigned i = 0; i < WRITERS; i++) {
		nrb_store_relaxed(&writers[i].stop, 1);
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_int_eq(nrb_channel_replace(writers[i].channel, NULL, NULL), 0);
	}
	nrb_store_relaxed(&stop_reading, 1);
	ck_assert_int_eq(pthread_join(reader, NULL), 0);
	while (nrb_set_read(set, account, NULL, 0) > 0)
		;
	ck_assert_uint_eq(nrb_set_damaged(set), 0);
	for (unsigned i = 0; i < WRITERS; i++) {
		check_account(&writers[i]);
		ck_assert_int_eq(nrb_channel_destroy(writers[i].channel), 0);
	}
	ck_assert_int_eq(nrb_set_destroy(set), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("swap");

	tcase_add_test(suite_case(suite, "under timers"), storm);
	return suite;
}
