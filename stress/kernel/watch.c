/* SPDX-License-Identifier: MIT */
/*
 * watch.c - reads a kernel's ring and puts it before the oracle
 *
 * What the kernel's side orders is its own affair; ours are the two halves of perf's protocol that a reader has:
 *
 *   watch:A  data_head by acquire, then the records     pairs with the kernel's barrier before it stores data_head
 *   watch:B  the records, then data_tail by release     pairs with its load of data_tail before it stores records
 */
#include "kernel/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "kernel/family.h"
#include "order.h"

/* Records between two looks at data_head. */
#define BATCH 16
/* Of a ring that is to be kept almost full nothing is taken while more is free: less than a COMM record. */
#define TIGHT_FREE 64
/* A write that had begun when a ring was paused may yet take so much of the oldest: four that nest, and a LOST each. */
#define IN_PROGRESS (4 * 2 * KERNEL_RECORD_MAX)
/* The kernel's half of all addresses. */
#define KERNEL_ADDRESS (1ull << 63)

uint64_t kernel_watch_head(const struct kernel_watch *watch)
{
	/* watch:A */
	uint64_t head = nrb_load_acquire(&watch->page->data_head);

	return watch->backward ? 0 - head : head;
}

void kernel_watch_init(struct kernel_watch *watch, struct perf_event_mmap_page *page, bool backward,
		       struct kernel_facts *facts, struct kernel_result *sum)
{
	*watch = (struct kernel_watch) { .page = page, .backward = backward, .facts = facts, .sum = sum };
	watch->data = (const unsigned char *)page + page->data_offset;
	watch->size = page->data_size;
	oracle_stream_init(&watch->stream, 0, watch->size);
}

void kernel_watch_poll(struct kernel_watch *watch, struct findings *findings)
{
	/* Tail before head: the other order would see the tail of a later time than the head. */
	uint64_t tail = watch->backward ? 0 : nrb_load_acquire(&watch->page->data_tail);
	uint64_t head = kernel_watch_head(watch);

	watch->polls++;
	oracle_head(&watch->watch, watch->backward ? head : tail, head, findings);
}

/* ---- records ---- */

/* @size bytes from @offset on, which may go round the end; both are multiples of 8. */
static void copy_out(const struct kernel_watch *watch, uint64_t offset, void *to, size_t size)
{
	uint64_t at = offset & (watch->size - 1);
	uint64_t first = watch->size - at < size ? watch->size - at : size;

	memcpy(to, watch->data + at, first);
	memcpy((char *)to + first, watch->data, size - first);
}

/* Which instruction a sample found, and what that proves. */
static void note_place(struct kernel_watch *watch, const struct kernel_record *record)
{
	struct kernel_function *function = watch->sum ? family_find(watch->sum, record->pc) : NULL;
	bool swept = watch->facts->kind[record->event] == KERNEL_BREAKPOINT;
	uint64_t offset;

	watch->samples += !swept;
	watch->swept += swept;
	watch->in_kernel += !swept && record->pc >= KERNEL_ADDRESS;
	if (!function)
		return;
	offset = record->pc - function->start;
	if (offset < KERNEL_OFFSETS)
		nrb_add_relaxed(swept ? &function->swept[offset] : &function->at[offset], 1);
	if (swept)
		return;
	nrb_add_relaxed(&function->hits, 1);
	/* Who steers looks on. */
	nrb_store_relaxed(&watch->in_family, watch->in_family + 1);
	watch->in_handle += function->handle;
}

static void take_whole(struct kernel_watch *watch, const struct kernel_record *record, uint64_t end,
		       struct findings *findings)
{
	bool older = true;

	if (record->time_ns > watch->youngest_ns)
		watch->youngest_ns = record->time_ns;
	switch (record->type) {
	case PERF_RECORD_COMM:
		watch->comms++;
		older = record->number < watch->quiet_number;
		oracle_sequence(&watch->stream, 0, record->sequence, findings);
		break;
	case PERF_RECORD_SAMPLE:
		if (record->time_ns > watch->counted_ns)
			note_place(watch, record);
		/* Nobody has numbered them. */
		oracle_sequence(&watch->stream, 1, watch->stream.next[1], findings);
		break;
	case PERF_RECORD_LOST:
		older = false;
		oracle_lost(&watch->stream, record->lost);
		break;
	case PERF_RECORD_THROTTLE: nrb_store_relaxed(&watch->throttles, watch->throttles + 1); break;
	default: break;
	}
	if (watch->resting && older)
		watch->late_end = end;
}

/* The record at @position, @offset in the ring, with @room bytes before what is no longer published. Return: its
 * size; 0: there is none. */
static uint16_t take_record(struct kernel_watch *watch, uint64_t position, uint64_t offset, uint64_t room,
			    uint64_t now_ns, struct findings *findings)
{
	uint64_t bytes[KERNEL_RECORD_MAX / 8];
	struct kernel_record record;
	uint16_t size;

	copy_out(watch, offset, bytes, 8);
	size = kernel_record_size(bytes[0]);
	if (!size || size > room) {
		oracle_bad_record(&watch->stream, position, bytes[0], findings);
		return 0;
	}
	copy_out(watch, offset, bytes, size);
	watch->records++;
	if (kernel_record_check(watch->facts, bytes, now_ns, &record) == KERNEL_RECORD_WHOLE)
		take_whole(watch, &record, position + size, findings);
	else
		oracle_torn(&watch->stream, position, record.type, findings);
	return size;
}

/* ---- forward ---- */

/* Read from @tail on. Return: how far. */
static uint64_t consume(struct kernel_watch *watch, uint64_t tail, uint64_t head, struct findings *findings)
{
	uint64_t now_ns = clock_ns();

	for (unsigned done = 0; done < BATCH && tail != head && findings->count < ORACLE_FINDINGS; done++) {
		uint16_t size = take_record(watch, tail, tail, head - tail, now_ns, findings);

		/* Where the next one begins nobody knows: what is published is given up. */
		tail = size ? tail + size : head;
	}
	/* All of what was published has been seen. */
	if (tail == head)
		oracle_batch(&watch->stream, findings);
	return tail;
}

bool kernel_watch_look(struct kernel_watch *watch, bool hold_back, struct findings *findings)
{
	/* This thread's own. */
	uint64_t tail = watch->backward ? 0 : nrb_load_relaxed(&watch->page->data_tail);
	uint64_t head = kernel_watch_head(watch);

	watch->polls++;
	if (watch->backward) {
		oracle_head(&watch->watch, head, head, findings);
		return false;
	}
	oracle_head(&watch->watch, tail, head, findings);
	oracle_fill(&watch->stream, head, tail, findings);
	if ((int64_t)(head - tail) <= 0 || head - tail > watch->size || head % 8)
		return false;
	if (hold_back && head - tail < watch->size - TIGHT_FREE)
		return false;
	tail = consume(watch, tail, head, findings);
	/* watch:B */
	nrb_store_release(&watch->page->data_tail, tail);
	return true;
}

/* ---- backward ---- */

/* Offsets of the records of a paused ring, from the newest on. Return: how many; @bad: the last is none. */
static size_t list_records(const struct kernel_watch *watch, uint64_t head, uint64_t *offset, size_t most, bool *bad)
{
	uint64_t written = 0 - head, room = written < watch->size ? written : watch->size;
	size_t count = 0;

	/* Nobody has written over the oldest of a ring that was not full yet. */
	if (written >= watch->size)
		room -= IN_PROGRESS < room ? IN_PROGRESS : room;
	*bad = false;
	for (uint64_t at = 0; at + 8 <= room && count < most;) {
		uint64_t first;
		uint16_t size;

		copy_out(watch, head + at, &first, 8);
		size = kernel_record_size(first);
		offset[count++] = head + at;
		*bad = !size;
		if (*bad)
			return count;
		at += size;
		/* The last one may have been cut, or be about to be. */
		count -= at > room;
	}
	return count;
}

void kernel_watch_snapshot(struct kernel_watch *watch, struct findings *findings)
{
	uint64_t head = nrb_load_acquire(&watch->page->data_head);
	size_t most = watch->size / 8, count;
	uint64_t *offset = malloc(most * sizeof(*offset));
	uint64_t now_ns = clock_ns();
	bool bad;

	if (!offset)
		return;
	count = list_records(watch, head, offset, most, &bad);
	/* Each snapshot accounts for itself; what came and went between two is nobody's loss. */
	watch->stream.gaps = watch->stream.lost = watch->stream.torn = watch->stream.told = 0;
	oracle_missed(&watch->stream);
	/* The next numbers stay, but the oldest that is left was read before, perhaps. */
	watch->stream.next[0] = 0;
	memset(watch->facts->latest, 0, sizeof(watch->facts->latest));
	while (count--) {
		/* What was listed last, and is none, is the oldest. */
		if (!take_record(watch, 0 - offset[count], offset[count], watch->size, now_ns, findings) && !bad)
			break;
		bad = false;
		if (findings->count == ORACLE_FINDINGS)
			break;
	}
	if (!findings->count)
		oracle_batch(&watch->stream, findings);
	watch->counted_ns = watch->youngest_ns;
	free(offset);
}

/* ---- before and after ---- */

int kernel_watch_ranks(struct kernel_watch *watch)
{
	struct kernel_facts *facts = watch->facts;
	uint64_t head = kernel_watch_head(watch);
	uint64_t bytes[KERNEL_RECORD_MAX / 8];
	uint64_t at = watch->backward ? 0 - head : 0, end = at + head;
	unsigned found = 0;

	while (at != end && found < facts->comms) {
		struct kernel_record record;
		uint16_t size;

		copy_out(watch, at, bytes, 8);
		size = kernel_record_size(bytes[0]);
		if (!size || size > end - at)
			return -EPROTO;
		copy_out(watch, at, bytes, size);
		if (kernel_record_check(facts, bytes, clock_ns(), &record) != KERNEL_RECORD_WHOLE ||
		    record.type != PERF_RECORD_COMM || record.number)
			return -EPROTO;
		/* The newest comes first in a ring that is written downwards. */
		facts->rank[record.event] = watch->backward ? facts->comms - 1 - found : found;
		found++;
		at += size;
	}
	return at == end && found == facts->comms ? 0 : -EPROTO;
}

void kernel_watch_quiet(struct kernel_watch *watch, uint64_t number)
{
	watch->resting = true;
	watch->quiet_number = number;
}

void kernel_watch_woken(const struct kernel_watch *watch, uint64_t head, struct findings *findings)
{
	if (watch->late_end)
		oracle_between(watch->late_end, head, findings);
}
