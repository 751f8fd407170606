/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include <string.h>

#include "payload.h"

/* The two record types that a ring under stress holds, with the numbers of perf's format. */
enum { TYPE_LOST = 2, TYPE_SAMPLE = 9 };

static void add(struct findings *findings, enum violation kind, uint64_t before, uint64_t after)
{
	if (findings->count < ORACLE_FINDINGS)
		findings->at[findings->count++] = (struct finding) { .kind = kind, .before = before, .after = after };
}

void oracle_head(struct oracle_watch *watch, uint64_t tail, uint64_t head, struct findings *findings)
{
	bool below = (int64_t)(head - tail) < 0;

	if (watch->any && (int64_t)(head - watch->head) < 0)
		add(findings, HEAD_BACKWARD, watch->head, head);
	if (below && !watch->below)
		add(findings, HEAD_BELOW_TAIL, tail, head);
	watch->head = head;
	watch->any = true;
	watch->below = below;
}

void oracle_stream_init(struct oracle_stream *stream, uint32_t name, uint64_t data_size)
{
	memset(stream, 0, sizeof(*stream));
	stream->stream = name;
	stream->data_size = data_size;
}

void oracle_fill(const struct oracle_stream *stream, uint64_t head, uint64_t tail, struct findings *findings)
{
	/* Signed, so that a head behind the tail is told by its own name only. */
	if ((int64_t)(head - tail) > (int64_t)stream->data_size)
		add(findings, OVERRUN, tail, head);
	else if (head % 8)
		add(findings, BAD_RECORD, tail, head);
}

static void take_lost(struct oracle_stream *stream, const struct observed_record *record, struct findings *findings)
{
	uint64_t body[2]; /* id, lost */

	if (record->size != sizeof(body)) {
		add(findings, BAD_RECORD, record->position, record->type);
		return;
	}
	memcpy(body, record->payload, sizeof(body));
	oracle_lost(stream, body[1]);
}

void oracle_lost(struct oracle_stream *stream, uint64_t lost)
{
	stream->lost += lost;
	stream->lost_records++;
}

void oracle_torn(struct oracle_stream *stream, uint64_t position, uint32_t type, struct findings *findings)
{
	stream->torn++;
	add(findings, TORN_RECORD, position, type);
}

void oracle_sequence(struct oracle_stream *stream, unsigned lane, uint64_t sequence, struct findings *findings)
{
	uint64_t expected = stream->next[lane];

	stream->records++;
	stream->received[lane]++;
	if ((int64_t)(sequence - expected) < 0) {
		/* After a part was skipped nobody knows what has been seen. */
		if (!stream->resynced)
			add(findings, SEQUENCE_REPEAT, expected, sequence);
		return;
	}
	if (stream->open[lane])
		stream->missed += sequence - expected;
	else
		stream->gaps += sequence - expected;
	stream->open[lane] = false;
	stream->next[lane] = sequence + 1;
}

void oracle_record(struct oracle_stream *stream, const struct observed_record *record, struct findings *findings)
{
	uint64_t sequence;
	unsigned lane;

	if (record->type == TYPE_LOST) {
		take_lost(stream, record, findings);
	} else if (record->type != TYPE_SAMPLE) {
		add(findings, BAD_RECORD, record->position, record->type);
	} else if (!payload_verify(record->payload, record->size, stream->stream, &lane, &sequence)) {
		oracle_torn(stream, record->position, record->type, findings);
	} else {
		oracle_sequence(stream, lane, sequence, findings);
	}
}

void oracle_bad_record(struct oracle_stream *stream, uint64_t position, uint64_t header, struct findings *findings)
{
	stream->resynced = true;
	add(findings, BAD_RECORD, position, header);
}

void oracle_batch(struct oracle_stream *stream, struct findings *findings)
{
	/* Who wrote a torn record is not known: it may be any of those missing. */
	uint64_t accounted = stream->lost + stream->torn + stream->told;

	if (stream->resynced || stream->gaps <= accounted)
		return;
	add(findings, SEQUENCE_GAP, accounted, stream->gaps);
	stream->told += stream->gaps - accounted;
}

void oracle_missed(struct oracle_stream *stream)
{
	for (unsigned lane = 0; lane < LANES; lane++)
		stream->open[lane] = true;
}

void oracle_look(struct oracle_wake *wake, uint64_t wakeups, uint64_t head)
{
	if (wake->wakeups == wakeups)
		return;
	wake->wakeups = wakeups;
	wake->head = head;
}

void oracle_awaited(struct oracle_wake *wake, uint64_t watermark, uint64_t wakeups, uint64_t head,
		    struct findings *findings)
{
	oracle_look(wake, wakeups, head);
	if ((int64_t)(head - wake->head) <= (int64_t)watermark)
		return;
	add(findings, MISSED_WAKEUP, wake->head, head);
	/* Told once. */
	wake->head = head;
}

void oracle_between(uint64_t reserved_head, uint64_t published_head, struct findings *findings)
{
	/* A handler may have published more in between the two loads. */
	if ((int64_t)(published_head - reserved_head) < 0)
		add(findings, STUCK_HEAD, reserved_head, published_head);
}

void oracle_rest(struct oracle_stream *stream, const struct observed_rest *rest, struct findings *findings)
{
	uint64_t accounted = stream->lost + rest->residual_lost;
	uint64_t attempts = 0, failed = 0, received = 0;

	for (unsigned lane = 0; lane < LANES; lane++) {
		attempts += rest->attempts[lane];
		failed += rest->failed[lane];
		received += stream->received[lane];
		/* Its last ones may be among those that were overwritten. */
		if (stream->open[lane])
			received += rest->attempts[lane] - stream->next[lane];
	}
	if (rest->published_head != rest->reserved_head) {
		add(findings, STUCK_HEAD, rest->reserved_head, rest->published_head);
		return;
	}
	if (stream->resynced)
		return;
	if (accounted != failed)
		add(findings, LOST_MISMATCH, failed, accounted);
	received += stream->torn + stream->told + stream->missed;
	if (received < attempts - failed)
		add(findings, SEQUENCE_GAP, attempts - failed, received);
}
