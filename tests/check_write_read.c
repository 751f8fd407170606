/* SPDX-License-Identifier: MIT */
/*
 * check_write_read.c - what is written is what is read: every size, every offset, every start, full rings, losses
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "payload.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
#define STREAM 3

/* Where positions wrap in 32 and 64 bits, and where they do not. */
static const uint64_t starts[] = {
	0,
	8,
	4096,
	(1ull << 32) - 8,
	(1ull << 32) - 64,
	(1ull << 32) - 4096,
	(1ull << 63) - 64,
	UINT64_MAX - 7,
	UINT64_MAX - 63,
	UINT64_MAX - 4095,
};

#define STARTS ((int)(sizeof(starts) / sizeof(starts[0])))

static uint64_t round_up(uint64_t size)
{
	return (size + 7) / 8 * 8;
}

/* The next record must be a LOST of @lost. */
static void expect_lost(struct nrb_reader *reader, uint64_t lost)
{
	struct nrb_record record;
	struct nrb_lost body;

	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_uint_eq(record.type, NRB_RECORD_LOST);
	ck_assert_uint_eq(record.size, sizeof(body));
	memcpy(&body, record.payload, sizeof(body));
	ck_assert_uint_eq(body.id, 0x1d);
	ck_assert_uint_eq(body.lost, lost);
}

static void expect_record(struct nrb_reader *reader, uint32_t type, const void *payload, size_t size)
{
	static const unsigned char zeros[8];
	struct nrb_record record;

	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_uint_eq(record.type, type);
	ck_assert_uint_eq(record.size, round_up(size));
	ck_assert((uintptr_t)record.payload % 8 == 0);
	ck_assert_int_eq(memcmp(record.payload, payload, size), 0);
	ck_assert_msg(!memcmp((const unsigned char *)record.payload + size, zeros, record.size - size),
		      "%zu bytes: the padding is not zero", size);
}

static void expect_end(struct nrb_reader *reader)
{
	struct nrb_record record;

	ck_assert_int_eq(nrb_reader_next(reader, &record), 0);
	nrb_reader_release(reader);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 0);
}

/* Write records of @size until one is refused. Return: how many were taken. */
static unsigned fill_up(struct nrb_ring *ring, size_t size)
{
	static const unsigned char payload[NRB_RECORD_MAX];
	unsigned taken = 0;
	int rc;

	while (!(rc = nrb_write(ring, 9, payload, size)))
		taken++;
	ck_assert_int_eq(rc, -ENOSPC);
	return taken;
}

/* ---- one record at a time ---- */

static void round_trip(struct nrb_ring *ring, struct nrb_reader *reader, unsigned char *file, size_t size,
		       bool in_place)
{
	static const uint32_t types[] = { 0, 1, 3, NRB_RECORD_SAMPLE, 0x7fffffff, UINT32_MAX };
	static unsigned char payload[NRB_RECORD_MAX];
	static uint64_t seed = 1;
	uint32_t type = types[size % 6];
	uint64_t before = nrb_reserved_head(ring), head = 0;
	unsigned char *data = file + PAGE;

	for (size_t i = 0; i < size; i++)
		payload[i] = (unsigned char)(suite_random(&seed) >> 32);
	/* Old data everywhere, so that what is not written shows. */
	memset(data, 0xa5, 65536);
	if (in_place) {
		struct nrb_reservation r;

		ck_assert_int_eq(nrb_reserve(ring, &r, type, size), 0);
		ck_assert_int_eq(nrb_reader_poll(reader, NULL), 0);
		memcpy(r.payload, payload, size);
		nrb_commit(ring, &r);
	} else {
		ck_assert_int_eq(nrb_write(ring, type, payload, size), 0);
	}
	ck_assert_int_eq(nrb_reader_poll(reader, &head), (int64_t)(8 + round_up(size)));
	ck_assert(head == before + 8 + round_up(size) && nrb_reserved_head(ring) == head);
	expect_record(reader, type, payload, size);
	expect_end(reader);
	ck_assert(nrb_reader_tail(reader) == head);
	/* Not a byte behind its end. */
	for (size_t i = 0; i < 8; i++)
		require(data[(head + i) % 65536] == 0xa5);
	ck_assert_uint_eq(nrb_lost(ring), 0);
}

START_TEST(sizes)
{
	struct nrb_ring *ring = ring_make(65536, starts[_i]);
	struct nrb_reader *reader = reader_make(ring);
	unsigned char *file = map_whole(nrb_fd(ring), NULL);
	size_t max = nrb_payload_max(ring);

	for (unsigned in_place = 0; in_place < 2; in_place++) {
		for (size_t size = 0; size <= 200; size++)
			round_trip(ring, reader, file, size, in_place);
		for (size_t size = max - 17; size <= max; size++)
			round_trip(ring, reader, file, size, in_place);
		round_trip(ring, reader, file, 4095, in_place);
		round_trip(ring, reader, file, 32768, in_place);
	}
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

START_TEST(wraps_everywhere)
{
	struct nrb_ring *ring = ring_make(PAGE, UINT64_MAX - PAGE / 2 + 1);
	struct nrb_reader *reader = reader_make(ring);
	unsigned char *file = map_whole(nrb_fd(ring), NULL);
	/* 27 words share no factor with a power of two, so the ring ends in turn before every one of them. */
	unsigned char payload[27 * 8 - 8];
	uint64_t seen = 0;

	for (uint64_t i = 0; i < 2 * PAGE / 8; i++) {
		uint64_t at = nrb_reserved_head(ring) % PAGE;

		payload_fill(payload, sizeof(payload), STREAM, 0, i);
		ck_assert_int_eq(nrb_write(ring, 9, payload, sizeof(payload)), 0);
		/* As a reader without the trick of mapping twice would find it. */
		for (size_t b = 0; b < sizeof(payload); b++)
			require(file[PAGE + (at + 8 + b) % PAGE] == payload[b]);
		if (at + 8 + sizeof(payload) > PAGE)
			seen |= 1ull << (PAGE - at) / 8;
		ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
		expect_record(reader, 9, payload, sizeof(payload));
		expect_end(reader);
	}
	/* Cut after 1 to 26 words. */
	ck_assert_msg(seen == 0x7fffffe, "cuts: %#llx", (unsigned long long)seen);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* Batches of records of all sizes, some laps long. */
START_TEST(streams)
{
	struct nrb_ring *ring = ring_make(PAGE, starts[_i]);
	struct nrb_reader *reader = reader_make(ring);
	uint64_t seed = 77 + (uint64_t)_i, written = 0, read = 0, position = starts[_i];
	unsigned char payload[512];

	while (read < 2000) {
		struct nrb_record record;
		uint64_t sequence;
		unsigned level;

		for (;;) {
			size_t size = 16 + suite_random(&seed) % 60 * 8;

			payload_fill(payload, size, STREAM, 1, written);
			if (nrb_reserved_head(ring) - nrb_reader_tail(reader) + 8 + size >= PAGE)
				break;
			ck_assert_int_eq(nrb_write(ring, 9, payload, size), 0);
			written++;
		}
		ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
		while (nrb_reader_next(reader, &record) == 1) {
			require(record.position == position);
			require(payload_verify(record.payload, record.size, STREAM, &level, &sequence));
			require(level == 1 && sequence == read);
			position += 8 + record.size;
			read++;
		}
		nrb_reader_release(reader);
		ck_assert(read == written && position == nrb_reserved_head(ring));
	}
	ck_assert_uint_eq(nrb_lost(ring), 0);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* ---- full rings and losses ---- */

/* To the last byte, before the first wrap: what printk got wrong three times. */
START_TEST(full)
{
	static const size_t payloads[] = { 0, 16, 48 };
	static const unsigned char zeros[48];

	for (unsigned p = 0; p < 3; p++) {
		struct nrb_ring *ring = ring_make(PAGE, starts[_i]);
		struct nrb_reader *reader = reader_make(ring);
		unsigned fit = (unsigned)((PAGE - 8) / (8 + payloads[p]));
		/* What a last, shorter record has to fill; 0 when the others do exactly. */
		size_t rest = (PAGE - 8) % (8 + payloads[p]);

		for (unsigned lap = 0; lap < 3; lap++) {
			for (unsigned i = 0; i < fit; i++)
				ck_assert_int_eq(nrb_write(ring, 9, zeros, payloads[p]), 0);
			if (rest)
				ck_assert_int_eq(nrb_write(ring, 9, zeros, rest - 8), 0);
			ck_assert(nrb_reserved_head(ring) - nrb_reader_tail(reader) == PAGE - 8);
			/* 8 more bytes would make a full ring look like an empty one. */
			for (unsigned lost = 0; lost < 5; lost++) {
				ck_assert_uint_eq(nrb_lost(ring), lost);
				ck_assert_int_eq(nrb_write(ring, 9, zeros, 0), -ENOSPC);
			}
			ck_assert_int_eq(nrb_reader_poll(reader, NULL), (int64_t)PAGE - 8);
			for (unsigned i = 0; i < fit; i++)
				expect_record(reader, 9, zeros, payloads[p]);
			if (rest)
				expect_record(reader, 9, zeros, rest - 8);
			expect_end(reader);
			ck_assert_int_eq(nrb_write(ring, 9, zeros, 8), 0);
			ck_assert_uint_eq(nrb_lost(ring), 0);
			ck_assert_int_eq(nrb_reader_poll(reader, NULL), 24 + 16);
			expect_lost(reader, 5);
			expect_record(reader, 9, zeros, 8);
			expect_end(reader);
		}
		nrb_reader_close(reader);
		nrb_destroy(ring);
	}
}
END_TEST

/* A LOST record needs room of its own; without it the write fails as well, and is counted. */
START_TEST(lost_needs_room)
{
	struct nrb_ring *ring = ring_make(PAGE, 0);
	struct nrb_reader *reader = reader_make(ring);
	unsigned fit = fill_up(ring, 24);
	struct nrb_record record;

	/* Two records make room for one and a LOST: 64 bytes. */
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_uint_eq(nrb_lost(ring), 1);
	/* Gone through, but not released: no room. */
	ck_assert_int_eq(nrb_write(ring, 9, "", 0), -ENOSPC);
	nrb_reader_release(reader);
	/* 32 bytes and what the end of the ring leaves, (PAGE - 8) % 32 = 24; 56 suffice for 24 + 32 exactly. */
	ck_assert_int_eq(nrb_write(ring, 9, suite_zeros, 32), -ENOSPC);
	ck_assert_uint_eq(nrb_lost(ring), 3);
	ck_assert_int_eq(nrb_write(ring, 9, "123456781234567812345678", 24), 0);
	ck_assert_uint_eq(nrb_lost(ring), 0);
	ck_assert(nrb_reserved_head(ring) - nrb_reader_tail(reader) == PAGE - 8);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	for (unsigned i = 1; i < fit; i++)
		ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	expect_lost(reader, 3);
	expect_record(reader, 9, "123456781234567812345678", 24);
	expect_end(reader);
	/* Told once. */
	ck_assert_int_eq(nrb_write(ring, 9, "12345678", 8), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 16);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

START_TEST(largest_after_loss)
{
	static unsigned char payload[NRB_RECORD_MAX];
	static const uint64_t pages[] = { 1, 2, 16, 64 };

	for (unsigned p = 0; p < 4; p++) {
		struct nrb_ring *ring = ring_make(pages[p] * PAGE, starts[_i]);
		struct nrb_reader *reader = reader_make(ring);
		size_t max = nrb_payload_max(ring);
		struct nrb_record record;

		fill_up(ring, 0);
		ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
		while (nrb_reader_next(reader, &record) == 1)
			;
		nrb_reader_release(reader);
		payload_fill(payload, max, STREAM, 3, p);
		ck_assert_int_eq(nrb_write(ring, 9, payload, max), 0);
		ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
		expect_lost(reader, 1);
		expect_record(reader, 9, payload, max);
		expect_end(reader);
		nrb_reader_close(reader);
		nrb_destroy(ring);
	}
}
END_TEST

/* What can never succeed is no loss, and leaves no trace. */
START_TEST(refused_for_good)
{
	static const unsigned char payload[NRB_RECORD_MAX + 8];
	struct nrb_ring *ring = ring_make((uint64_t)_i * PAGE, 0);
	size_t max = nrb_payload_max(ring);
	const size_t too_large[] = { max + 1, max + 8, NRB_RECORD_MAX, SIZE_MAX / 2, SIZE_MAX - 7, SIZE_MAX };
	struct nrb_reservation r;

	for (unsigned i = 0; i < 6; i++) {
		ck_assert_int_eq(nrb_write(ring, 9, payload, too_large[i]), -EMSGSIZE);
		ck_assert_int_eq(nrb_reserve(ring, &r, 9, too_large[i]), -EMSGSIZE);
	}
	ck_assert_int_eq(nrb_write(ring, NRB_RECORD_LOST, payload, 16), -EINVAL);
	ck_assert_int_eq(nrb_reserve(ring, &r, NRB_RECORD_LOST, 16), -EINVAL);
	ck_assert_uint_eq(nrb_lost(ring), 0);
	ck_assert_uint_eq(nrb_reserved_head(ring), 0);
	/* Nor did it leave the ring with a write in progress that never ends. */
	struct nrb_reader *reader = reader_make(ring);

	ck_assert_int_eq(nrb_write(ring, 9, payload, max), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), (int64_t)max + 8);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* memcpy from NULL is undefined even for no bytes: an event that has no payload must be fine. */
START_TEST(no_payload)
{
	struct nrb_ring *ring = ring_make(PAGE, 0);
	struct nrb_reader *reader = reader_make(ring);

	ck_assert_int_eq(nrb_write(ring, 9, NULL, 0), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 8);
	expect_record(reader, 9, "", 0);
	expect_end(reader);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* ---- reservations that nest, as a handler's would ---- */

START_TEST(nested_reservations)
{
	struct nrb_ring *ring = ring_make(PAGE, starts[_i]);
	struct nrb_reader *reader = reader_make(ring);
	static const unsigned char large[NRB_RECORD_MAX];
	struct nrb_reservation r[8];
	uint64_t head;

	for (unsigned depth = 0; depth < 8; depth++) {
		ck_assert_int_eq(nrb_reserve(ring, &r[depth], depth + 10, 16), 0);
		payload_fill(r[depth].payload, 16, STREAM, 0, depth);
		/* Complete records between incomplete ones, and one that is refused. */
		ck_assert_int_eq(nrb_write(ring, 9, "complete", 8), 0);
		ck_assert_int_eq(nrb_write(ring, 9, large, nrb_payload_max(ring)), -ENOSPC);
	}
	for (unsigned depth = 8; depth-- > 0;) {
		ck_assert_int_eq(nrb_reader_poll(reader, &head), 0);
		ck_assert(head == starts[_i]);
		nrb_commit(ring, &r[depth]);
	}
	ck_assert_int_gt(nrb_reader_poll(reader, &head), 0);
	ck_assert(head == nrb_reserved_head(ring));
	for (unsigned depth = 0; depth < 8; depth++) {
		unsigned char payload[16];

		payload_fill(payload, 16, STREAM, 0, depth);
		if (depth)
			expect_lost(reader, 1);
		expect_record(reader, depth + 10, payload, 16);
		expect_record(reader, 9, "complete", 8);
	}
	expect_end(reader);
	ck_assert_uint_eq(nrb_lost(ring), 1);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("write_read");
	TCase *one = suite_case(suite, "records");
	TCase *loss = suite_case(suite, "loss");

	tcase_add_loop_test(one, sizes, 0, STARTS);
	tcase_add_test(one, wraps_everywhere);
	tcase_add_loop_test(one, streams, 0, STARTS);
	tcase_add_test(one, no_payload);
	tcase_add_loop_test(one, nested_reservations, 0, STARTS);
	tcase_add_loop_test(loss, full, 0, STARTS);
	tcase_add_test(loss, lost_needs_room);
	tcase_add_loop_test(loss, largest_after_loss, 0, STARTS);
	tcase_add_loop_test(loss, refused_for_good, 1, 2);
	return suite;
}
