/* SPDX-License-Identifier: MIT */
/*
 * check_forked.c - what a forked child may do with channels, sets and registries: nothing, and nothing comes of it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nrb_channel.h"
#include "suite.h"

static struct {
	struct nrb_set *set;
	struct nrb_channel *channel, *free_channel;
	struct nrb_registry *registry;
	struct nrb_ring *ring, *spare;
	struct nrb_reservation pending;
} parent;

static int count(void *argument, const struct nrb_delivery *delivery)
{
	(void)delivery;
	++*(unsigned *)argument;
	return 0;
}

/* In the child: @condition, or exit with the line. */
#define want(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			suite_note("line %d in the child: %s\n", __LINE__, #condition);                                \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static void *exit_thread(void *unused)
{
	want(nrb_channel_write(parent.channel, 9, "", 0) == -EPERM);
	return unused;
}

static void try_writing(void)
{
	struct nrb_reservation r;

	errno = 1234;
	want(nrb_channel_write(parent.channel, 9, "12345678", 8) == -EPERM);
	want(nrb_channel_write(parent.free_channel, 9, "12345678", 8) == -EPERM);
	want(nrb_channel_writev(parent.channel, 9, NULL, 0) == -EPERM);
	want(nrb_channel_reserve(parent.channel, &r, 9, 8) == -EPERM);
	want(nrb_registry_write(parent.registry, 9, "12345678", 8) == -EPERM);
	want(errno == 1234);
	/* What was pending is the parent's to commit. */
	nrb_channel_commit(parent.channel, &parent.pending);
	nrb_channel_discard(parent.channel, &parent.pending);
	want(nrb_channel_strays(parent.channel) == 0 && nrb_registry_strays(parent.registry) == 0);
}

static void try_the_rest(void)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	unsigned records = 0;

	want(nrb_channel_join(parent.free_channel) == -EPERM);
	want(nrb_channel_leave(parent.channel) == -EPERM);
	want(nrb_channel_replace(parent.channel, NULL, NULL) == -EPERM);
	want(nrb_channel_destroy(parent.free_channel) == -EPERM);
	want(!nrb_channel_create(parent.set, 1, NULL) && errno == EPERM);
	want(!nrb_set_create() && errno == EPERM);
	want(nrb_set_read(parent.set, count, &records, 0) == -EPERM && !records);
	want(nrb_set_wait(parent.set, -1) == -EPERM);
	want(nrb_set_destroy(parent.set) == -EPERM);
	want(!nrb_registry_create(&attr) && errno == EPERM);
	want(nrb_registry_join(parent.registry, 2) == -EPERM);
	want(nrb_registry_leave(parent.registry) == -EPERM);
	want(nrb_registry_destroy(parent.registry) == -EPERM);
}

static void exit_a_thread(void)
{
	pthread_t thread;

	want(!pthread_create(&thread, NULL, exit_thread, NULL) && !pthread_join(thread, NULL));
}

static void end_child(void *unused)
{
	(void)unused;
	_exit(0);
}

/* Through the destructors of keys, of which ours is the last since it is the newest: no atexit, nor a leak check. */
static void exit_by_destructor(void)
{
	pthread_key_t key;

	want(!pthread_key_create(&key, end_child) && !pthread_setspecific(key, &parent));
	pthread_exit(NULL);
}

/* @by_thread_exit: the child ends by the destructors of the thread that forked, which had joined in the parent. */
static void check_child(bool by_thread_exit)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		try_writing();
		try_the_rest();
		exit_a_thread();
		if (by_thread_exit)
			exit_by_destructor();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status), "the child ended with status %#x", status);
}

static void set_up(void)
{
	struct nrb_attr attr = NRB_ATTR_INIT;

	parent.set = nrb_set_create();
	parent.channel = nrb_channel_create(parent.set, 1, NULL);
	parent.free_channel = nrb_channel_create(parent.set, 2, NULL);
	parent.registry = nrb_registry_create(&attr);
	ck_assert(parent.set && parent.channel && parent.free_channel && parent.registry);
	parent.ring = ring_make((uint64_t)sysconf(_SC_PAGESIZE), 0);
	ck_assert_int_eq(nrb_channel_join(parent.channel), 0);
	ck_assert_int_eq(nrb_registry_join(parent.registry, 1), 0);
	ck_assert_int_eq(nrb_channel_replace(parent.channel, parent.ring, NULL), 0);
	ck_assert_int_eq(nrb_channel_write(parent.channel, 9, "12345678", 8), 0);
}

/* All is as if there had been no child. */
static void wind_up(unsigned expected)
{
	unsigned records = 0;

	ck_assert_int_eq(nrb_set_read(parent.set, count, &records, 0), expected);
	ck_assert_int_eq(nrb_set_read(nrb_registry_set(parent.registry), count, &records, 0), 0);
	ck_assert_int_eq(nrb_channel_strays(parent.channel), 0);
	ck_assert_int_eq(nrb_registry_write(parent.registry, 9, "", 0), 0);
	ck_assert_int_eq(nrb_channel_leave(parent.channel), 0);
	ck_assert_int_eq(nrb_registry_leave(parent.registry), 0);
	ck_assert_int_eq(nrb_channel_destroy(parent.channel), 0);
	ck_assert_int_eq(nrb_channel_destroy(parent.free_channel), 0);
	ck_assert_int_eq(nrb_set_destroy(parent.set), 0);
	ck_assert_int_eq(nrb_registry_destroy(parent.registry), 0);
}

START_TEST(between_writes)
{
	set_up();
	check_child(false);
	ck_assert_uint_eq(nrb_reserved_head(parent.ring), 16);
	check_child(true);
	ck_assert_uint_eq(nrb_reserved_head(parent.ring), 16);
	ck_assert_int_eq(nrb_channel_write(parent.channel, 9, "12345678", 8), 0);
	wind_up(2);
}
END_TEST

START_TEST(in_a_write)
{
	set_up();
	ck_assert_int_eq(nrb_channel_reserve(parent.channel, &parent.pending, 9, 8), 0);
	check_child(false);
	check_child(true);
	ck_assert_uint_eq(nrb_reserved_head(parent.ring), 32);
	memcpy(parent.pending.payload, "12345678", 8);
	nrb_channel_commit(parent.channel, &parent.pending);
	wind_up(2);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("forked");
	TCase *forked = suite_case(suite, "fork");

	tcase_add_test(forked, between_writes);
	tcase_add_test(forked, in_a_write);
	return suite;
}
