/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - what is a violation: folds over observations (pure)
 *
 * No threads, no atomics, no history, and none of the ring's own arithmetic: an oracle that shares the ring's code
 * shares its bugs. Whoever observes (a reader thread, a stepper, a replay) feeds it plain values; positions are
 * compared by their unsigned difference only.
 */
#ifndef STRESS_ORACLE_H
#define STRESS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "words.h"

/* One violation: what, and the two numbers that contradict each other. */
struct finding {
	enum violation kind;
	uint64_t before; /* what was known: a position, a sequence number, or a count */
	uint64_t after;  /* what was observed against it */
};

/* The most findings that one call below can give. */
#define ORACLE_FINDINGS 4

/* Findings of one call. */
struct findings {
	unsigned count;
	struct finding at[ORACLE_FINDINGS];
};

/* ---- one observer's loads of data_head ---- */

struct oracle_watch {
	uint64_t head;
	bool any;   /* whether head holds anything yet */
	bool below; /* data_head was below data_tail at the last look: each episode counts once */
};

/*
 * oracle_head - an observer loaded data_tail, then data_head (both acquire, in this order)
 *
 * head_backward: before is the head loaded earlier, after this one. head_below_tail: before is the tail.
 */
void oracle_head(struct oracle_watch *watch, uint64_t tail, uint64_t head, struct findings *findings);

/* ---- the consumer's stream of records ---- */

struct oracle_stream {
	uint32_t stream;      /* the name that the payloads carry */
	uint64_t data_size;   /* bytes */
	uint64_t next[LANES]; /* the sequence number expected of each lane */
	uint64_t records;     /* records that verified */
	uint64_t received[LANES];
	uint64_t gaps; /* sequence numbers passed over, all lanes together */
	uint64_t lost; /* sum of LOST.lost */
	uint64_t lost_records;
	uint64_t torn;
	uint64_t told;    /* missing records that a sequence_gap has been reported for */
	uint64_t missed;  /* records that were overwritten before they could be read, as far as is known */
	bool open[LANES]; /* of the lane some may have been, since its last record */
	bool resynced;    /* a part was skipped: counts say nothing any more */
};

/* A record as the consumer found it; plain data, so that histories can be forged. */
struct observed_record {
	uint32_t type;
	uint32_t size; /* bytes of payload */
	uint64_t position;
	const void *payload;
};

void oracle_stream_init(struct oracle_stream *stream, uint32_t name, uint64_t data_size);

/*
 * The consumer loaded data_head; @tail is what it has released itself. overrun, bad_record (a head on no record's
 * boundary): before is @tail, after @head.
 */
void oracle_fill(const struct oracle_stream *stream, uint64_t head, uint64_t tail, struct findings *findings);

/*
 * oracle_record - the next record
 *
 * torn_record and bad_record (unknown type, LOST of another size): before is the position, after the type.
 * sequence_repeat: before is the number expected, after the number found.
 */
void oracle_record(struct oracle_stream *stream, const struct observed_record *record, struct findings *findings);

/*
 * The parts of oracle_record, for a ring whose records do not verify themselves: whoever knows them says what one is.
 * A whole record of @lane, number @sequence: sequence_repeat. A LOST record that tells of @lost. And one whose fields
 * are not what its header says they are: torn_record.
 */
void oracle_sequence(struct oracle_stream *stream, unsigned lane, uint64_t sequence, struct findings *findings);
void oracle_lost(struct oracle_stream *stream, uint64_t lost);
void oracle_torn(struct oracle_stream *stream, uint64_t position, uint32_t type, struct findings *findings);

/* A header at @position that no writer wrote; what is published up to there is given up. */
void oracle_bad_record(struct oracle_stream *stream, uint64_t position, uint64_t header, struct findings *findings);

/*
 * oracle_batch - everything up to a published head has been seen
 *
 * By then whatever was lost has been told: sequence_gap when more numbers are missing than LOST records account for:
 * before is what they account for, after what is missing.
 */
void oracle_batch(struct oracle_stream *stream, struct findings *findings);

/*
 * oracle_missed - a part was overwritten before it was read, as is the way of an overwrite ring
 *
 * Up to its next record each lane may lack any number.
 */
void oracle_missed(struct oracle_stream *stream);

/* ---- a reader that sleeps until it is woken ---- */

struct oracle_wake {
	uint64_t wakeups; /* how often it had been woken at the last look */
	uint64_t head;    /* data_head as it was then, or at the beginning */
};

/* At any time: the reader has been woken @wakeups times so far, and data_head is @head, loaded no earlier. */
void oracle_look(struct oracle_wake *wake, uint64_t wakeups, uint64_t head);

/*
 * oracle_awaited - the same, with the writer at rest or between two of its writes
 *
 * What has been published since the reader looked last is not more than the @watermark, bytes, or it would have been
 * woken. missed_wakeup: before is data_head when it was woken last, after data_head now.
 */
void oracle_awaited(struct oracle_wake *wake, uint64_t watermark, uint64_t wakeups, uint64_t head,
		    struct findings *findings);

/*
 * oracle_between - the writer stands between two of its writes, and loaded its reserved head, then data_head
 *
 * What was reserved has been published by then, by whoever wrote it; else it stays invisible until the next write.
 * stuck_head: before is the reserved head, after data_head.
 */
void oracle_between(uint64_t reserved_head, uint64_t published_head, struct findings *findings);

/* The state with all writers at rest and everything published consumed. */
struct observed_rest {
	uint64_t published_head;  /* data_head */
	uint64_t reserved_head;   /* the writer's own */
	uint64_t attempts[LANES]; /* writes tried */
	uint64_t failed[LANES];   /* of these refused */
	uint64_t residual_lost;   /* lost, and not told by a LOST record */
};

/*
 * oracle_rest - what must hold at rest
 *
 * stuck_head: before is the reserved head, after data_head. lost_mismatch: before is the number of failed writes, after
 * the number accounted for. sequence_gap: before is the number of records that must have come, after that of those
 * that did. A stuck head explains the other two, so it is told alone.
 */
void oracle_rest(struct oracle_stream *stream, const struct observed_rest *rest, struct findings *findings);

#endif /* STRESS_ORACLE_H */
