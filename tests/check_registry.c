/* SPDX-License-Identifier: MIT */
/*
 * check_registry.c - threads that come and go by the dozen while a reader reads, and signals that land on any of them
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "channels.h"
#include "nrb_channel.h"
#include "order.h"
#include "suite.h"

#define WAVES 8
#define WAVE 6
#define MEMBERS (WAVES * WAVE)
#define WRITES 2000

enum { BASE, RAISED, ANYWHERE, DEPTHS };

struct payload {
	uint64_t depth, sequence;
};

struct member {
	struct nrb_registry *registry;
	uint64_t id;
	uint64_t attempts[DEPTHS], full[DEPTHS];
	/* By the reader. */
	uint64_t delivered[DEPTHS], next[DEPTHS], lost;
};

static struct member members[MEMBERS];
static struct nrb_registry *registry;
static __thread struct member *me;
static uint64_t stop;
/* Of signals that were sent to the process: by any thread. */
static uint64_t anywhere_strays, anywhere_written, anywhere_full, anywhere_delivered;

static struct nrb_registry *registry_make(void)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_registry *made;

	attr.data_size = (uint64_t)sysconf(_SC_PAGESIZE);
	made = nrb_registry_create(&attr);
	ck_assert_msg(made, "nrb_registry_create: %m");
	return made;
}

/* ---- coming and going ---- */

static void write_at(unsigned depth)
{
	struct payload payload = { depth, me->attempts[depth]++ };

	switch (nrb_registry_write(registry, NRB_RECORD_SAMPLE, &payload, sizeof(payload))) {
	case 0: break;
	case -ENOSPC: me->full[depth]++; break;
	default: abort();
	}
}

static void raised(int signal)
{
	(void)signal;
	write_at(RAISED);
}

/* On a member or not, in any state of joining and leaving. */
static void struck_anywhere(int signal)
{
	struct payload payload = { ANYWHERE, 0 };
	int before = errno;

	(void)signal;
	switch (nrb_registry_write(registry, NRB_RECORD_SAMPLE, &payload, sizeof(payload))) {
	case 0: nrb_add_relaxed(&anywhere_written, 1); break;
	case -ENOSPC: nrb_add_relaxed(&anywhere_full, 1); break;
	case -ENXIO: nrb_add_relaxed(&anywhere_strays, 1); break;
	default: abort();
	}
	if (errno != before)
		abort();
}

static void *be_member(void *member)
{
	me = member;
	/* What raised() asks of us. */
	if (nrb_registry_join(registry, me->id))
		abort();
	for (unsigned i = 0; i < WRITES; i++) {
		write_at(BASE);
		if (i % 4 == 0)
			raise(SIGUSR1);
	}
	/* Every other one just exits. */
	if (me->id % 2 && nrb_registry_leave(registry))
		abort();
	return NULL;
}

static int account(void *unused, const struct nrb_delivery *delivery)
{
	struct member *m;
	struct payload payload;
	struct nrb_lost lost;

	(void)unused;
	if (delivery->id >= MEMBERS)
		abort();
	m = &members[delivery->id];
	if (delivery->record->type == NRB_RECORD_LOST) {
		memcpy(&lost, delivery->record->payload, sizeof(lost));
		m->lost += lost.lost;
		return 0;
	}
	memcpy(&payload, delivery->record->payload, sizeof(payload));
	if (payload.depth == ANYWHERE) {
		anywhere_delivered++;
		return 0;
	}
	if (payload.depth >= DEPTHS || payload.sequence < m->next[payload.depth])
		abort();
	m->next[payload.depth] = payload.sequence + 1;
	m->delivered[payload.depth]++;
	return 0;
}

static void *read_on(void *unused)
{
	struct nrb_set *set = nrb_registry_set(registry);
	int rc;

	while (!nrb_load_relaxed(&stop)) {
		rc = nrb_set_wait(set, 10000000);
		if ((rc < 0 && rc != -EINTR) || nrb_set_read(set, account, NULL, 100) < 0)
			abort();
	}
	return unused;
}

static void *send_signals(void *unused)
{
	const struct timespec pause = { .tv_nsec = 50000 };

	while (!nrb_load_relaxed(&stop)) {
		kill(getpid(), SIGUSR2);
		nanosleep(&pause, NULL);
	}
	return unused;
}

static void check_accounts(void)
{
	uint64_t lost = 0, full = anywhere_full;

	for (unsigned i = 0; i < MEMBERS; i++) {
		struct member *m = &members[i];

		ck_assert_uint_eq(m->attempts[BASE], WRITES);
		ck_assert_uint_eq(m->attempts[RAISED], WRITES / 4);
		for (unsigned depth = BASE; depth <= RAISED; depth++)
			ck_assert_uint_eq(m->delivered[depth] + m->full[depth], m->attempts[depth]);
		lost += m->lost;
		full += m->full[BASE] + m->full[RAISED];
	}
	ck_assert_uint_eq(lost, full);
	ck_assert_uint_eq(anywhere_delivered, anywhere_written);
	ck_assert_uint_eq(nrb_registry_strays(registry), anywhere_strays);
	suite_note("%d threads; %llu signals into a member, %llu elsewhere; %llu writes lost\n", MEMBERS,
		   (unsigned long long)anywhere_written, (unsigned long long)anywhere_strays, (unsigned long long)lost);
}

START_TEST(come_and_go)
{
	struct sigaction on_raise = { .sa_handler = raised }, on_kill = { .sa_handler = struck_anywhere };
	pthread_t thread[WAVE], reader, sender;

	registry = registry_make();
	ck_assert_int_eq(sigaction(SIGUSR1, &on_raise, NULL), 0);
	ck_assert_int_eq(sigaction(SIGUSR2, &on_kill, NULL), 0);
	ck_assert_int_eq(pthread_create(&reader, NULL, read_on, NULL), 0);
	ck_assert_int_eq(pthread_create(&sender, NULL, send_signals, NULL), 0);
	for (unsigned wave = 0; wave < WAVES; wave++) {
		for (unsigned i = 0; i < WAVE; i++) {
			members[wave * WAVE + i].id = wave * WAVE + i;
			ck_assert_int_eq(pthread_create(&thread[i], NULL, be_member, &members[wave * WAVE + i]), 0);
		}
		for (unsigned i = 0; i < WAVE; i++)
			ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	}
	nrb_store_relaxed(&stop, 1);
	ck_assert_int_eq(pthread_join(sender, NULL), 0);
	ck_assert_int_eq(pthread_join(reader, NULL), 0);
	while (nrb_set_read(nrb_registry_set(registry), account, NULL, 0) > 0)
		;
	check_accounts();
	ck_assert_uint_eq(nrb_set_damaged(nrb_registry_set(registry)), 0);
	ck_assert_int_eq(nrb_registry_destroy(registry), 0);
}
END_TEST

/* ---- one at a time ---- */

static int refuse_all(void *unused, const struct nrb_delivery *delivery)
{
	(void)unused;
	(void)delivery;
	abort();
}

static int count(void *argument, const struct nrb_delivery *delivery)
{
	(void)delivery;
	++*(unsigned *)argument;
	return 0;
}

static void *be_stray(void *unused)
{
	errno = 1234;
	require(nrb_registry_write(registry, 9, "12345678", 8) == -ENXIO);
	require(!nrb_registry_channel(registry));
	require(nrb_registry_leave(registry) == -ENXIO);
	require(errno == 1234);
	return unused;
}

START_TEST(strays)
{
	registry = registry_make();
	ck_assert_int_eq(nrb_registry_join(registry, 1), 0);
	thread_run(be_stray, NULL);
	ck_assert_uint_eq(nrb_registry_strays(registry), 1);
	ck_assert_int_eq(nrb_set_read(nrb_registry_set(registry), refuse_all, NULL, 0), 0);
	ck_assert_int_eq(nrb_registry_leave(registry), 0);
	be_stray(NULL);
	ck_assert_uint_eq(nrb_registry_strays(registry), 2);
	ck_assert_int_eq(nrb_set_read(nrb_registry_set(registry), refuse_all, NULL, 0), 0);
	ck_assert_int_eq(nrb_registry_destroy(registry), 0);
}
END_TEST

static void *join_and_exit(void *unused)
{
	require(nrb_registry_join(registry, 5) == 0);
	require(nrb_registry_write(registry, 9, "12345678", 8) == 0);
	return unused;
}

START_TEST(exit_drains)
{
	unsigned records = 0;

	registry = registry_make();
	ck_assert_int_eq(nrb_registry_destroy(NULL), 0);
	/* One with records that nobody reads before it goes; nothing but the reader knows of them then. */
	thread_run(join_and_exit, NULL);
	thread_run(join_and_exit, NULL);
	ck_assert_int_eq(nrb_set_wait(nrb_registry_set(registry), 0), 1);
	ck_assert_int_eq(nrb_set_read(nrb_registry_set(registry), count, &records, 0), 2);
	ck_assert_int_eq(nrb_set_wait(nrb_registry_set(registry), 0), 0);
	thread_run(join_and_exit, NULL);
	ck_assert_int_eq(nrb_registry_destroy(registry), 0);
}
END_TEST

START_TEST(mistakes)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_channel *channel;
	struct nrb_registry *too_many[NRB_MEMBERSHIPS_MAX + 1];

	registry = registry_make();
	ck_assert(!nrb_registry_create(NULL) && errno == EINVAL);
	attr.path = "/no/such/place";
	ck_assert(!nrb_registry_create(&attr) && errno == EINVAL);
	attr.path = NULL;
	attr.data_size = 12345;
	ck_assert(!nrb_registry_create(&attr) && errno == EDOM);
	ck_assert_int_eq(nrb_registry_join(registry, 1), 0);
	ck_assert_int_eq(nrb_registry_join(registry, 1), -EALREADY);
	ck_assert_int_eq(nrb_registry_destroy(registry), -EBUSY);
	/* A member's channel is the registry's. */
	channel = nrb_registry_channel(registry);
	ck_assert(channel);
	ck_assert_int_eq(nrb_channel_join(channel), -EINVAL);
	ck_assert_int_eq(nrb_channel_leave(channel), -EINVAL);
	ck_assert_int_eq(nrb_channel_destroy(channel), -EINVAL);
	ck_assert_int_eq(nrb_registry_leave(registry), 0);
	ck_assert_int_eq(nrb_registry_leave(registry), -ENXIO);
	ck_assert_int_eq(nrb_registry_destroy(registry), 0);
	for (unsigned i = 0; i <= NRB_MEMBERSHIPS_MAX; i++) {
		too_many[i] = registry_make();
		ck_assert_int_eq(nrb_registry_join(too_many[i], i), i < NRB_MEMBERSHIPS_MAX ? 0 : -EMFILE);
	}
	for (unsigned i = 0; i <= NRB_MEMBERSHIPS_MAX; i++) {
		ck_assert_int_eq(nrb_registry_leave(too_many[i]), i < NRB_MEMBERSHIPS_MAX ? 0 : -ENXIO);
		ck_assert_int_eq(nrb_registry_destroy(too_many[i]), 0);
	}
}
END_TEST

/* A member's ring is replaced by another thread, and its channel written in place. */
START_TEST(channel_of_a_member)
{
	struct nrb_reservation r;
	unsigned records = 0;

	registry = registry_make();
	ck_assert_int_eq(nrb_registry_join(registry, 1), 0);
	ck_assert_int_eq(nrb_channel_reserve(nrb_registry_channel(registry), &r, 9, 8), 0);
	memset(r.payload, 0, 8);
	ck_assert_int_eq(nrb_registry_leave(registry), -EDEADLK);
	ck_assert_int_eq(nrb_registry_join(registry, 2), -EDEADLK);
	ck_assert_int_eq(nrb_registry_destroy(registry), -EBUSY);
	nrb_channel_commit(nrb_registry_channel(registry), &r);
	ck_assert_int_eq(nrb_channel_replace(nrb_registry_channel(registry), NULL, NULL), 0);
	ck_assert_int_eq(nrb_registry_write(registry, 9, "", 0), -ENOTCONN);
	ck_assert_int_eq(nrb_set_read(nrb_registry_set(registry), count, &records, 0), 1);
	ck_assert_int_eq(nrb_registry_leave(registry), 0);
	ck_assert_int_eq(nrb_registry_destroy(registry), 0);
}
END_TEST

static int cancel_reader(void *argument, const struct nrb_delivery *delivery)
{
	pthread_cancel(pthread_self());
	pthread_testcancel();
	return count(argument, delivery);
}

static void *cancelled_in_a_visit(void *records)
{
	nrb_set_read(nrb_registry_set(registry), cancel_reader, records, 0);
	pthread_testcancel();
	abort();
}

static void *cancelled_in_its_sleep(void *unused)
{
	pthread_cancel(pthread_self());
	nrb_set_wait(nrb_registry_set(registry), -1);
	abort();
	return unused;
}

/* Who reads next finds a set that nobody reads, with all its sources. */
START_TEST(cancelled_readers)
{
	unsigned records = 0;

	registry = registry_make();
	thread_run(cancelled_in_its_sleep, NULL);
	ck_assert_int_eq(nrb_set_wait(nrb_registry_set(registry), 0), 0);
	thread_run(join_and_exit, NULL);
	thread_run(join_and_exit, NULL);
	thread_run(cancelled_in_a_visit, &records);
	ck_assert_uint_eq(records, 2);
	thread_run(join_and_exit, NULL);
	ck_assert_int_eq(nrb_set_read(nrb_registry_set(registry), count, &records, 0), 1);
	ck_assert_int_eq(nrb_registry_destroy(registry), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("registry");
	TCase *one = suite_case(suite, "one at a time"), *many = suite_case(suite, "dozens");

	tcase_add_test(one, strays);
	tcase_add_test(one, exit_drains);
	tcase_add_test(one, mistakes);
	tcase_add_test(one, channel_of_a_member);
	tcase_add_test(one, cancelled_readers);
	tcase_add_test(many, come_and_go);
	return suite;
}
