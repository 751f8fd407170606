/* SPDX-License-Identifier: MIT */
/*
 * check_placement.c - who runs where, on forged machines
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "placement.h"
#include "suite.h"

/* How the kernel numbers SMT siblings: next to each other, or all first threads first. */
enum numbering { ADJACENT, SPLIT };

static struct topology topology;
static struct placement placement;

/* @packages of @caches with @cores of @threads each. */
static void machine(unsigned packages, unsigned caches, unsigned cores, unsigned threads, enum numbering numbering)
{
	unsigned all = packages * caches * cores;

	memset(&topology, 0, sizeof(topology));
	for (unsigned core = 0; core < all; core++)
		for (unsigned thread = 0; thread < threads; thread++) {
			unsigned cpu = numbering == ADJACENT ? core * threads + thread : thread * all + core;

			topology.cpu[cpu] = (struct topology_cpu) {
				.cpu = cpu, .core = core, .cache = core / cores, .package = core / cores / caches
			};
			topology.cpus++;
		}
}

/* Only the CPUs of the bits of @mask are left, as after taskset. */
static void restrict_to(uint64_t mask)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < topology.cpus; i++)
		if (mask >> topology.cpu[i].cpu & 1)
			topology.cpu[kept++] = topology.cpu[i];
	topology.cpus = kept;
}

static const struct topology_cpu *by_number(unsigned cpu)
{
	for (unsigned i = 0; i < topology.cpus; i++)
		if (topology.cpu[i].cpu == cpu)
			return &topology.cpu[i];
	ck_abort_msg("CPU %u is none of ours", cpu);
	return NULL;
}

static unsigned distance(unsigned a, unsigned b)
{
	return topology_distance(by_number(a), by_number(b));
}

/* ---- what holds for each placement ---- */

static void check_rings(void)
{
	unsigned consumers[PLACEMENT_MAX] = { 0 };

	for (unsigned r = 0; r < placement.readers; r++) {
		const struct placed_reader *reader = &placement.reader[r];

		require(reader->first_ring < placement.writers);
		if (!reader->consumer)
			continue;
		require(reader->stride > 0);
		for (unsigned ring = reader->first_ring; ring < placement.writers; ring += reader->stride) {
			consumers[ring]++;
			/* Whoever shares the writer's CPU sees nothing while it runs. */
			require(reader->cpu != placement.writer[ring].cpu || ring != reader->first_ring);
		}
	}
	for (unsigned ring = 0; ring < placement.writers; ring++)
		if (consumers[ring] != 1)
			ck_abort_msg("ring %u of %u has %u consumers", ring, placement.writers, consumers[ring]);
}

static void check_load(void)
{
	unsigned load[PLACEMENT_MAX] = { 0 }, most = 0, threads = placement.writers + placement.readers;

	for (unsigned w = 0; w < placement.writers; w++)
		load[by_number(placement.writer[w].cpu) - topology.cpu]++;
	for (unsigned r = 0; r < placement.readers; r++)
		load[by_number(placement.reader[r].cpu) - topology.cpu]++;
	for (unsigned i = 0; i < topology.cpus; i++)
		most = load[i] > most ? load[i] : most;
	require(placement.oversubscribed == (most > 1));
	/* Nobody shares as long as there is room. */
	require(threads > topology.cpus || most == 1);
}

static void check_kickers(void)
{
	bool writes[PLACEMENT_MAX] = { false };
	unsigned writing = 0;

	for (unsigned w = 0; w < placement.writers; w++) {
		bool *at = &writes[by_number(placement.writer[w].cpu) - topology.cpu];

		writing += !*at;
		*at = true;
	}
	for (unsigned w = 0; w < placement.writers; w++) {
		unsigned cpu = placement.writer[w].kicker_cpu;

		/* From outside; and not in the way of another writer as long as there is room. */
		require(cpu != placement.writer[w].cpu);
		require(writing == topology.cpus || !writes[by_number(cpu) - topology.cpu]);
	}
}

static void make(enum placement_policy policy, unsigned writers, unsigned readers)
{
	int rc;

	memset(&placement, 0xa5, sizeof(placement));
	rc = placement_make(&placement, &topology, policy, writers, readers);
	ck_assert_msg(rc == 0, "%s, %u writers, %u readers on %u CPUs: %s", placement_policy_name(policy), writers,
		      readers, topology.cpus, strerror(-rc));
	require(!writers || placement.writers == writers);
	require(!readers || placement.readers == readers);
	check_rings();
	check_load();
	check_kickers();
}

START_TEST(all_kinds)
{
	static const unsigned machines[][4] = { { 1, 1, 2, 1 }, { 1, 1, 1, 2 }, { 1, 1, 2, 2 }, { 1, 1, 4, 2 },
						{ 1, 2, 2, 2 }, { 2, 1, 4, 2 }, { 2, 2, 2, 1 }, { 1, 1, 3, 1 },
						{ 4, 2, 4, 2 }, { 1, 1, 16, 4 } };

	for (size_t m = 0; m < sizeof(machines) / sizeof(machines[0]); m++)
		for (unsigned numbering = ADJACENT; numbering <= SPLIT; numbering++) {
			machine(machines[m][0], machines[m][1], machines[m][2], machines[m][3], numbering);
			for (unsigned policy = PLACEMENT_NEAR; policy <= PLACEMENT_SMT; policy++) {
				if (policy == PLACEMENT_SMT && machines[m][3] == 1)
					continue;
				for (unsigned writers = 0; writers <= 9; writers++)
					for (unsigned readers = 0; readers <= 9; readers++)
						make(policy, writers, readers);
			}
		}
}
END_TEST

/* Each writer's consumer is on another core that shares its cache. */
static void all_near(void)
{
	for (unsigned w = 0; w < placement.writers; w++)
		require(distance(placement.reader[w].cpu, placement.writer[w].cpu) == 2);
}

/* ---- known machines ---- */

START_TEST(one_cpu)
{
	machine(1, 1, 1, 1, ADJACENT);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, 0, 0), -ENODEV);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, 1, 1), -ENODEV);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_SMT, 0, 0), -ENODEV);
	topology.cpus = 0;
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, 0, 0), -ENODEV);
	/* A large machine of which we may use one. */
	machine(2, 1, 4, 2, SPLIT);
	restrict_to(1 << 5);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, 0, 0), -ENODEV);
}
END_TEST

START_TEST(two_cpus)
{
	machine(1, 1, 2, 1, ADJACENT);
	make(PLACEMENT_NEAR, 0, 0);
	ck_assert(placement.writers == 1 && placement.readers == 1 && placement.reader[0].consumer);
	ck_assert(placement.writer[0].cpu != placement.reader[0].cpu && !placement.oversubscribed);
	/* More on purpose: each CPU has a writer, and the reader of the other. */
	make(PLACEMENT_NEAR, 2, 2);
	ck_assert(placement.oversubscribed && placement.writer[0].cpu != placement.writer[1].cpu);
	ck_assert(placement.reader[0].cpu == placement.writer[1].cpu);
	ck_assert(placement.reader[1].cpu == placement.writer[0].cpu);
	/* One core with two threads: one writes, the other one reads. */
	machine(1, 1, 1, 2, ADJACENT);
	make(PLACEMENT_NEAR, 0, 0);
	ck_assert(placement.writers == 1 && placement.readers == 1 && !placement.oversubscribed);
	make(PLACEMENT_SMT, 0, 0);
	ck_assert(placement.writers == 1 && placement.readers == 1);
}
END_TEST

/* Half of the cores write, each paired with a reader on a core that has nothing else to do; siblings poll. */
START_TEST(defaults_with_smt)
{
	for (unsigned numbering = ADJACENT; numbering <= SPLIT; numbering++) {
		unsigned threads[4] = { 0 };

		machine(1, 1, 4, 2, numbering);
		make(PLACEMENT_NEAR, 0, 0);
		ck_assert(placement.writers == 2 && placement.readers == 6 && !placement.oversubscribed);
		for (unsigned w = 0; w < 2; w++)
			threads[by_number(placement.writer[w].cpu)->core]++;
		for (unsigned r = 0; r < 2; r++) {
			ck_assert(placement.reader[r].consumer && placement.reader[r].first_ring == r);
			threads[by_number(placement.reader[r].cpu)->core]++;
		}
		for (unsigned core = 0; core < 4; core++)
			ck_assert_msg(threads[core] == 1, "numbering %u: core %u has %u writers and consumers",
				      numbering, core, threads[core]);
		for (unsigned r = 2; r < 6; r++)
			ck_assert(!placement.reader[r].consumer);
	}
}
END_TEST

START_TEST(smt)
{
	machine(1, 1, 4, 2, SPLIT);
	make(PLACEMENT_SMT, 0, 0);
	ck_assert_uint_eq(placement.writers, 2);
	for (unsigned r = 0; r < placement.writers; r++)
		ck_assert_uint_eq(distance(placement.reader[r].cpu, placement.writer[r].cpu), 1);
	/* No siblings: one thread a core, or the others taken away. */
	machine(1, 1, 4, 1, SPLIT);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_SMT, 0, 0), -ENOENT);
	machine(1, 1, 4, 2, SPLIT);
	restrict_to(0x0f);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_SMT, 0, 0), -ENOENT);
	/* One pair is left: the writer goes there. */
	machine(1, 1, 4, 2, SPLIT);
	restrict_to(0x4f);
	make(PLACEMENT_SMT, 1, 1);
	ck_assert_uint_eq(distance(placement.reader[0].cpu, placement.writer[0].cpu), 1);
}
END_TEST

START_TEST(two_packages)
{
	machine(2, 1, 4, 1, ADJACENT);
	make(PLACEMENT_NEAR, 1, 1);
	ck_assert_uint_eq(distance(placement.reader[0].cpu, placement.writer[0].cpu), 2);
	make(PLACEMENT_FAR, 1, 1);
	ck_assert_uint_eq(distance(placement.reader[0].cpu, placement.writer[0].cpu), 4);
	/* Half write; with one thread a core nothing is left to poll. */
	make(PLACEMENT_NEAR, 0, 0);
	ck_assert(placement.writers == 4 && placement.readers == 4 && !placement.oversubscribed);
	all_near();
	/* Two caches in each: near is one cache, far another package. */
	machine(2, 2, 2, 1, ADJACENT);
	make(PLACEMENT_NEAR, 1, 1);
	ck_assert_uint_eq(distance(placement.reader[0].cpu, placement.writer[0].cpu), 2);
	make(PLACEMENT_FAR, 1, 1);
	ck_assert_uint_eq(distance(placement.reader[0].cpu, placement.writer[0].cpu), 4);
	/* With the nearer ones taken away, the next best. */
	restrict_to(0x35);
	make(PLACEMENT_NEAR, 1, 1);
	ck_assert_uint_eq(distance(placement.reader[0].cpu, placement.writer[0].cpu), 3);
}
END_TEST

START_TEST(restricted)
{
	/* A core's two threads, and one of another core. */
	machine(1, 1, 4, 2, ADJACENT);
	restrict_to(0x13);
	make(PLACEMENT_NEAR, 0, 0);
	ck_assert(placement.writers == 1 && placement.readers == 2);
	ck_assert_uint_eq(distance(placement.reader[0].cpu, placement.writer[0].cpu), 2);
	ck_assert(placement.reader[0].consumer && !placement.reader[1].consumer);
	/* CPU numbers are the kernel's, not indices. */
	machine(2, 2, 4, 2, SPLIT);
	restrict_to(0xa0000000);
	make(PLACEMENT_NEAR, 0, 0);
	ck_assert(placement.writer[0].cpu + placement.reader[0].cpu == 29 + 31);
}
END_TEST

START_TEST(fewer_and_more_readers)
{
	machine(1, 1, 8, 1, ADJACENT);
	make(PLACEMENT_NEAR, 5, 2);
	ck_assert(placement.reader[0].consumer && placement.reader[1].consumer);
	ck_assert(placement.reader[0].first_ring == 0 && placement.reader[0].stride == 2);
	ck_assert(placement.reader[1].first_ring == 1 && placement.reader[1].stride == 2);
	make(PLACEMENT_NEAR, 5, 1);
	ck_assert(placement.reader[0].first_ring == 0 && placement.reader[0].stride == 1);
	make(PLACEMENT_NEAR, 2, 5);
	for (unsigned r = 0; r < 5; r++) {
		ck_assert(placement.reader[r].consumer == (r < 2));
		ck_assert_uint_eq(placement.reader[r].first_ring, r % 2);
	}
}
END_TEST

START_TEST(too_many)
{
	machine(1, 1, 2, 1, ADJACENT);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, PLACEMENT_MAX + 1, 0), -ERANGE);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, 1, PLACEMENT_MAX + 1), -ERANGE);
	make(PLACEMENT_NEAR, PLACEMENT_MAX, PLACEMENT_MAX);
	/* The largest machine, all of it used. */
	machine(2, 2, 32, 2, SPLIT);
	ck_assert_uint_eq(topology.cpus, PLACEMENT_MAX);
	make(PLACEMENT_NEAR, 0, 0);
	ck_assert(placement.writers == 64 && placement.readers == 192 && !placement.oversubscribed);
	all_near();
}
END_TEST

START_TEST(distances)
{
	machine(2, 2, 2, 2, ADJACENT);
	ck_assert_uint_eq(distance(0, 0), 0);
	ck_assert_uint_eq(distance(0, 1), 1);
	ck_assert_uint_eq(distance(0, 2), 2);
	ck_assert_uint_eq(distance(0, 4), 3);
	ck_assert_uint_eq(distance(0, 8), 4);
	ck_assert_uint_eq(distance(8, 0), 4);
	ck_assert_str_eq(placement_policy_name(PLACEMENT_NEAR), "near");
	ck_assert_str_eq(placement_policy_name(PLACEMENT_FAR), "far");
	ck_assert_str_eq(placement_policy_name(PLACEMENT_SMT), "smt");
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("placement");
	TCase *all = suite_case(suite, "placement");

	tcase_add_test(all, all_kinds);
	tcase_add_test(all, one_cpu);
	tcase_add_test(all, two_cpus);
	tcase_add_test(all, defaults_with_smt);
	tcase_add_test(all, smt);
	tcase_add_test(all, two_packages);
	tcase_add_test(all, restricted);
	tcase_add_test(all, fewer_and_more_readers);
	tcase_add_test(all, too_many);
	tcase_add_test(all, distances);
	return suite;
}
