/* SPDX-License-Identifier: MIT */
/*
 * check_signals.c - real signals, raised between reserve and commit: a tower of writes, each published by the outermost
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "payload.h"
#include "suite.h"
#include "words.h"

#define STREAM 11
/* Just below 2^64, so that positions wrap in the middle of it all. */
#define START (UINT64_MAX - 63)

#define DEEPEST 12

static struct {
	struct nrb_ring *ring;
	struct nrb_reader *reader;
	const int *signals; /* what strikes at each depth */
	unsigned depth, deepest;
	uint64_t sequence[LEVELS];
	unsigned published_early;
} tower;

/* Reserve, let the next signal strike, fill, commit. */
static void build(int signal)
{
	unsigned depth = tower.depth++, level = depth % LEVELS;
	uint64_t sequence = tower.sequence[level]++;
	struct nrb_reservation r;

	(void)signal;
	if (nrb_reserve(tower.ring, &r, 9, 16 + 8 * depth))
		abort();
	if (tower.depth < tower.deepest)
		raise(tower.signals[tower.depth]);
	payload_fill(r.payload, 16 + 8 * depth, STREAM, level, sequence);
	tower.published_early += nrb_reader_head(tower.reader) != START;
	nrb_commit(tower.ring, &r);
}

static void check_tower(const int *signals, unsigned deepest, int flags)
{
	struct sigaction action = { .sa_handler = build, .sa_flags = flags };
	uint64_t next[LEVELS] = { 0 }, sequence, head;
	struct nrb_record record;
	unsigned level;

	memset(&tower, 0, sizeof(tower));
	tower.signals = signals;
	tower.deepest = deepest;
	tower.ring = ring_make(65536, START);
	tower.reader = reader_make(tower.ring);
	for (unsigned depth = 1; depth < deepest; depth++)
		ck_assert_int_eq(sigaction(signals[depth], &action, NULL), 0);
	build(0);
	ck_assert_uint_eq(tower.depth, deepest);
	ck_assert_uint_eq(tower.published_early, 0);
	ck_assert_int_gt(nrb_reader_poll(tower.reader, &head), 0);
	ck_assert(head == nrb_reserved_head(tower.ring));
	for (unsigned depth = 0; depth < deepest; depth++) {
		ck_assert_int_eq(nrb_reader_next(tower.reader, &record), 1);
		ck_assert_uint_eq(record.size, 16 + 8 * depth);
		ck_assert(payload_verify(record.payload, record.size, STREAM, &level, &sequence));
		ck_assert_uint_eq(level, depth % LEVELS);
		ck_assert_uint_eq(sequence, next[level]++);
	}
	ck_assert_int_eq(nrb_reader_next(tower.reader, &record), 0);
	nrb_reader_close(tower.reader);
	nrb_destroy(tower.ring);
}

START_TEST(signals)
{
	static const int distinct[] = { 0, SIGUSR1, SIGUSR2, SIGHUP, SIGWINCH, SIGURG };
	int same[DEEPEST];

	for (unsigned i = 0; i < DEEPEST; i++)
		same[i] = SIGUSR1;
	for (unsigned deepest = 1; deepest <= sizeof(distinct) / sizeof(distinct[0]); deepest++)
		check_tower(distinct, deepest, 0);
	for (unsigned deepest = 1; deepest <= DEEPEST; deepest++)
		check_tower(same, deepest, SA_NODEFER);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("signals");

	tcase_add_test(suite_case(suite, "signals"), signals);
	return suite;
}
