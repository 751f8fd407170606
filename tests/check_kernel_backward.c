/* SPDX-License-Identifier: MIT */
/*
 * check_kernel_backward.c - the same oracle before mappings that are written backwards: snapshots of them, and in which
 *                           order events tell of a name
 */
#include <errno.h>

#include "imitated.h"

/* ---- written backwards ---- */

START_TEST(snapshots)
{
	begin_ring(true);
	for (uint64_t number = 0; number < 100; number++) {
		put_name(number);
		if (number % 4 == 0)
			put_sample(PUT_HANDLE + 4);
		publish();
		kernel_watch_look(&watch, false, &findings);
		if (number % 10 == 0)
			kernel_watch_snapshot(&watch, &findings);
		expect_clean();
		now++;
	}
	/* Each once, though snapshots overlap. */
	ck_assert_uint_ge(watch.samples, 22);
	ck_assert_uint_le(watch.samples, 25);
	ck_assert_uint_eq(sum.function[0].hits, watch.samples);
	page->data_head += COMM_BYTES;
	kernel_watch_look(&watch, false, &findings);
	expect(HEAD_BACKWARD);
}
END_TEST

START_TEST(snapshot_of_what_is_wrong)
{
	uint64_t record[COMM_BYTES / 8];

	begin_ring(true);
	put_name(0);
	put_name(2);
	publish();
	kernel_watch_snapshot(&watch, &findings);
	expect(SEQUENCE_GAP);

	begin_ring(true);
	put_name(0);
	put_lost(2);
	put_name(2);
	publish();
	kernel_watch_snapshot(&watch, &findings);
	expect_clean();

	begin_ring(true);
	put_name(0);
	make_comm(record, 1, 0);
	record[7] = 1;
	put(record, sizeof(record));
	put_comm(1, 1);
	publish();
	kernel_watch_snapshot(&watch, &findings);
	expect(TORN_RECORD);

	begin_ring(true);
	put_name(0);
	memset(record, 0x55, sizeof(record));
	put(record, sizeof(record));
	put_name(1);
	publish();
	kernel_watch_snapshot(&watch, &findings);
	expect(BAD_RECORD);
}
END_TEST

/* ---- in which order events tell of a name ---- */

START_TEST(ranks)
{
	for (unsigned backward = 0; backward < 2; backward++) {
		begin_ring(backward);
		facts.rank[0] = facts.rank[1] = 7;
		put_comm(0, 1);
		put_comm(0, 0);
		publish();
		ck_assert_int_eq(kernel_watch_ranks(&watch), 0);
		ck_assert_uint_eq(facts.rank[1], 0);
		ck_assert_uint_eq(facts.rank[0], 1);
		/* One is missing; something else is there. */
		begin_ring(backward);
		put_comm(0, 1);
		publish();
		ck_assert_int_eq(kernel_watch_ranks(&watch), -EPROTO);
		begin_ring(backward);
		put_comm(0, 1);
		put_sample(1);
		publish();
		ck_assert_int_eq(kernel_watch_ranks(&watch), -EPROTO);
		begin_ring(backward);
		publish();
		ck_assert_int_eq(kernel_watch_ranks(&watch), -EPROTO);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("kernel_backward");
	TCase *backward = suite_case(suite, "backward");

	tcase_add_checked_fixture(backward, map_make, map_remove);
	tcase_add_test(backward, snapshots);
	tcase_add_test(backward, snapshot_of_what_is_wrong);
	tcase_add_test(backward, ranks);
	return suite;
}
