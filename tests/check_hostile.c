/* SPDX-License-Identifier: MIT */
/*
 * check_hostile.c - the writer against a consumer that stores anything into data_tail
 *
 * It may refuse to write, or overwrite what that consumer could have read. It may not store anywhere else, read out of
 * bounds, hang, miscount, or suffer for longer than the lie lasts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"
#include "order.h"
#include "ring.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

static const uint64_t starts[] = { 0, (1ull << 32) - 64, UINT64_MAX - 63 };

#define STARTS ((int)(sizeof(starts) / sizeof(starts[0])))

struct victim {
	struct nrb_ring *ring;
	struct nrb_control *control; /* as the consumer maps it */
	struct nrb_control before;
	struct nrb_writer writer_before;
	uint64_t refused, told;
};

/*
 * Nobody can store beside the mapping without a fault. Where something is mapped already, that is the guard made before
 * the ring, or the ring's other mapping, whose canaries stand in.
 */
static void guard(unsigned char *at)
{
	int fixed = at ? MAP_FIXED_NOREPLACE : 0;
	void *page = mmap(at, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);

	if (at && page != MAP_FAILED && page != at)
		munmap(page, PAGE);
}

static struct victim victim_make(uint64_t start)
{
	struct victim v = { .refused = 0 };

	guard(NULL);
	v.ring = ring_make(PAGE, start);
	guard(nrb_home(v.ring)->pages.address - PAGE);
	guard(nrb_home(v.ring)->pages.address + nrb_home(v.ring)->pages.length);
	guard(nrb_home(v.ring)->private_page.address - PAGE);
	guard(nrb_home(v.ring)->private_page.address + nrb_home(v.ring)->private_page.length);
	v.control = (struct nrb_control *)map_whole(nrb_fd(v.ring), NULL);
	/* The rest of both pages, as canaries. */
	memset(v.control + 1, 0xc5, PAGE - sizeof(*v.control));
	memset(v.ring->writer + 1, 0xc5, PAGE - sizeof(*v.ring->writer));
	v.before = *v.control;
	v.writer_before = *v.ring->writer;
	return v;
}

static void only_canaries(const void *from, size_t size)
{
	const unsigned char *at = from;

	for (size_t i = 0; i < size; i++)
		require(at[i] == 0xc5);
}

/* Everything that a write does not change is as it was. */
static void check_canaries(struct victim *v)
{
	struct nrb_control control = *v->control;
	struct nrb_writer writer = *v->ring->writer;

	control.data_head = v->before.data_head;
	control.data_tail = v->before.data_tail;
	require(!memcmp(&control, &v->before, sizeof(control)));
	writer.head = v->writer_before.head;
	writer.tail_cache = v->writer_before.tail_cache;
	writer.lost = v->writer_before.lost;
	/* nest included: nothing is in progress. */
	require(!memcmp(&writer, &v->writer_before, sizeof(writer)));
	only_canaries(v->control + 1, PAGE - sizeof(*v->control));
	only_canaries(v->ring->writer + 1, PAGE - sizeof(*v->ring->writer));
}

/* One write; whatever data_tail is, it gives 0 or -ENOSPC, and does what that says. */
static int attack(struct victim *v, uint64_t tail, size_t size, bool in_place)
{
	static const unsigned char payload[NRB_RECORD_MAX] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	const unsigned char *data = (const unsigned char *)v->control + PAGE;
	uint64_t head = nrb_reserved_head(v->ring), lost = nrb_lost(v->ring);
	uint64_t record = 8 + (size + 7) / 8 * 8, at = head + (lost ? 24 : 0);
	struct nrb_reservation r;
	struct nrb_header header;
	int rc;

	nrb_store_release(&v->control->data_tail, tail);
	if (in_place) {
		rc = nrb_reserve(v->ring, &r, 9, size);
		if (!rc) {
			memcpy(r.payload, payload, size);
			/* The consumer may change its mind in between. */
			nrb_store_release(&v->control->data_tail, ~tail);
			nrb_commit(v->ring, &r);
			nrb_store_release(&v->control->data_tail, tail);
		}
	} else {
		rc = nrb_write(v->ring, 9, payload, size);
	}
	require(rc == 0 || rc == -ENOSPC);
	require(nrb_load_acquire(&v->control->data_tail) == tail);
	require(nrb_load_acquire(&v->control->data_head) == nrb_reserved_head(v->ring));
	if (rc) {
		require(nrb_reserved_head(v->ring) == head && nrb_lost(v->ring) == lost + 1);
		v->refused++;
		return rc;
	}
	/* It stands where it belongs, with the loss before it. */
	require(nrb_reserved_head(v->ring) == at + record && nrb_lost(v->ring) == 0);
	v->told += lost;
	memcpy(&header, data + at % PAGE, sizeof(header));
	require(header.type == 9 && header.size == record && header.misc == 0);
	for (size_t i = 0; i < size && i < 8; i++)
		require(data[(at + 8 + i) % PAGE] == i + 1);
	return rc;
}

/* Once the consumer is honest again, the next write goes through: no lie is remembered. */
static void recover(struct victim *v)
{
	require(!attack(v, nrb_reserved_head(v->ring), nrb_payload_max(v->ring), false));
}

START_TEST(special_values)
{
	struct victim v = victim_make(starts[_i]);
	static const uint64_t absolute[] = { 0,
					     1,
					     7,
					     8,
					     4095,
					     4096,
					     1ull << 31,
					     UINT32_MAX,
					     1ull << 32,
					     INT64_MAX,
					     1ull << 63,
					     (1ull << 63) + 8,
					     UINT64_MAX - 7,
					     UINT64_MAX };
	static const size_t sizes[] = { 0, 8, 100, 2000, 4056 };

	for (unsigned s = 0; s < 5; s++) {
		for (size_t i = 0; i < sizeof(absolute) / sizeof(absolute[0]); i++)
			for (unsigned again = 0; again < 3; again++)
				attack(&v, absolute[i], sizes[s], again & 1);
		check_canaries(&v);
		recover(&v);
		/* Near the head, where the space test turns over; and one ring, and 2^32 and 2^63, away from it. */
		for (int64_t off = -4200; off <= 4200; off++) {
			attack(&v, nrb_reserved_head(v.ring) + (uint64_t)off, sizes[s], off & 1);
			if (off % 64)
				continue;
			attack(&v, nrb_reserved_head(v.ring) + (1ull << 32) + (uint64_t)off, sizes[s], true);
			attack(&v, nrb_reserved_head(v.ring) + (1ull << 63) + (uint64_t)off, sizes[s], false);
			check_canaries(&v);
			recover(&v);
		}
	}
	ck_assert(v.refused == v.told + nrb_lost(v.ring) && v.refused > 1000);
	nrb_destroy(v.ring);
}
END_TEST

START_TEST(random_values)
{
	struct victim v = victim_make(starts[_i]);
	uint64_t seed = 99 + (uint64_t)_i, taken = 0;
	const unsigned rounds = 100000;

	for (unsigned round = 0; round < rounds; round++) {
		uint64_t draw = suite_random(&seed), tail = suite_random(&seed);

		/* Half of them near the head; all bits, or the low 14 bits, or aligned ones. */
		if (draw & 1)
			tail = nrb_reserved_head(v.ring) - tail % 16384;
		if (draw & 2)
			tail &= ~7ull;
		taken += !attack(&v, tail, draw >> 8 & 1 ? draw >> 16 & 63 : (draw >> 16) % 4057, draw >> 9 & 1);
		if (round % 64 == 0) {
			check_canaries(&v);
			recover(&v);
		}
	}
	/* Both happened a lot, or this proves nothing. */
	ck_assert_uint_gt(taken, rounds / 20);
	ck_assert_uint_gt(v.refused, rounds / 20);
	ck_assert_uint_eq(v.refused, v.told + nrb_lost(v.ring));
	nrb_destroy(v.ring);
}
END_TEST

/* What data_tail allows is the truth for an honest consumer: never more is overwritten than it has released. */
START_TEST(honest)
{
	struct victim v = victim_make(starts[_i]);
	uint64_t seed = 5, tail = starts[_i];

	for (unsigned round = 0; round < 20000; round++) {
		uint64_t used = nrb_reserved_head(v.ring) - tail, size = suite_random(&seed) % 512;
		uint64_t need = 8 + (size + 7) / 8 * 8 + (nrb_lost(v.ring) ? 24 : 0);
		int rc = attack(&v, tail, size, round & 1);

		require(rc == (used + need <= PAGE - 8 ? 0 : -ENOSPC));
		used = nrb_reserved_head(v.ring) - tail;
		require(used < PAGE);
		if (suite_random(&seed) % 4 == 0)
			tail += used ? suite_random(&seed) % (used / 8 + 1) * 8 : 0;
	}
	check_canaries(&v);
	nrb_destroy(v.ring);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("hostile");
	TCase *tail = suite_case(suite, "data_tail");

	tcase_add_loop_test(tail, special_values, 0, STARTS);
	tcase_add_loop_test(tail, random_values, 0, STARTS);
	tcase_add_loop_test(tail, honest, 0, STARTS);
	return suite;
}
