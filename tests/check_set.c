/* SPDX-License-Identifier: MIT */
/*
 * check_set.c - what a set of channels delivers: old rings first, in turn, and past what is damaged
 */
#include <errno.h>
#include <unistd.h>

#include "channels.h"
#include "confined.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

START_TEST(old_rings_first)
{
	struct nrb_set *set = nrb_set_create();
	struct nrb_channel *channel = channel_make(set, 7);
	unsigned files = open_descriptors(), lost = 0;
	struct seen seen = { 0 };
	static char most[65536];

	ck_assert_int_eq(nrb_channel_join(channel), 0);
	for (uint64_t i = 0; i < 4; i++) {
		struct nrb_ring *old = (struct nrb_ring *)most;

		ck_assert_int_eq(nrb_channel_replace(channel, ring_make(PAGE, 0), &old), 0);
		ck_assert_ptr_eq(old, NULL);
		ck_assert_int_eq(channel_put(channel, 2 * i), 0);
		ck_assert_int_eq(channel_put(channel, 2 * i + 1), 0);
		/* Of the second, three more that no record will tell of. */
		while (i == 1 && lost < 3)
			lost += nrb_channel_write(channel, 9, most, PAGE - 40) == -ENOSPC;
	}
	ck_assert_int_eq(nrb_channel_replace(channel, NULL, NULL), 0);
	/* One at a time; the residue of the second ring is a record, too. */
	for (unsigned i = 0; i < 9; i++)
		ck_assert_int_eq(nrb_set_read(set, seen_add, &seen, 1), 1);
	ck_assert_int_eq(nrb_set_read(set, seen_add, &seen, 1), 0);
	for (unsigned i = 0, word = 0; i < 9; i++) {
		ck_assert_uint_eq(seen.id[i], 7);
		ck_assert_uint_eq(seen.type[i], i == 4 ? NRB_RECORD_LOST : NRB_RECORD_SAMPLE);
		ck_assert_uint_eq(seen.word[i], i == 4 ? 3 : word++);
	}
	/* The set has destroyed all four. */
	ck_assert_uint_eq(open_descriptors(), files);
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
		ck_assert(!channel_put(m.channel, i) && !channel_put(other, i));
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
	ck_assert_int_eq(channel_put(other, 9), 0);
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
	ck_assert(!channel_put(bad, 1) && !channel_put(bad, 2) && !channel_put(good, 3));
	/* The size of the second record. */
	pages[PAGE + 16 + 6] = 3;
	ck_assert_int_eq(nrb_set_read(set, seen_add, &seen, 0), 2);
	ck_assert(seen.word[0] == 1 && seen.word[1] == 3);
	ck_assert_uint_eq(nrb_set_damaged(set), 1);
	ck_assert(!channel_put(bad, 4) && nrb_set_read(set, seen_add, &seen, 0) == 1 && seen.word[2] == 4);
	ck_assert(!nrb_channel_leave(bad) && !nrb_channel_leave(good));
	ck_assert(!nrb_channel_destroy(bad) && !nrb_channel_destroy(good));
	ck_assert_int_eq(nrb_set_destroy(set), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("set");
	TCase *sets = suite_case(suite, "sets");

	tcase_add_test(sets, old_rings_first);
	tcase_add_test(sets, visits);
	tcase_add_test(sets, damage);
	return suite;
}
