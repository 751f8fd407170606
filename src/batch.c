/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "batch.h"

#include <errno.h>
#include <stdlib.h>

#include "order.h"

int nrb_batch_open(struct nrb_reader *reader)
{
	reader->record = malloc(reader->data_size / 8 * sizeof(reader->record[0]));
	if (!reader->record)
		return -ENOMEM;
	if (!(reader->flags & NRB_OVERWRITE))
		return 0;
	reader->copy = aligned_alloc(64, reader->data_size);
	return reader->copy ? 0 : -ENOMEM;
}

void nrb_batch_close(struct nrb_reader *reader)
{
	free(reader->record);
	free(reader->copy);
}

static const unsigned char *batch_data(const struct nrb_reader *reader)
{
	if (reader->copy)
		return reader->copy;
	return reader->data + (reader->low & (reader->data_size - 1));
}

/*
 * Where the writer's reservations end by now. Behind this, by more than the ring is large, data may be overwritten at
 * this moment. Without the writer's page only a writer that is paused can be trusted to have stopped there.
 */
static uint64_t load_mark(const struct nrb_reader *reader)
{
	return reader->writer ? nrb_load_relaxed(&reader->writer->head) : reader->head;
}

/* Copy the words from @low to @high. Return: the mark after that, so that it covers whatever was copied. */
static uint64_t copy_out(struct nrb_reader *reader, uint64_t low, uint64_t high)
{
	reader->low = low;
	nrb_load_words(reader->copy, reader->data + (low & (reader->data_size - 1)), high - low);
	/* snapshot:F  pairs with mark:E: if a word was of an overwriting record, its reservation is seen below. */
	nrb_fence_acquire();
	return load_mark(reader);
}

/*
 * Whether from @low to @high is more than the ring holds: then one end, which was reserved last, lies on the other.
 * @high is the mark of a forward ring, @low that of a backward one.
 */
static bool is_overwritten(const struct nrb_reader *reader, uint64_t low, uint64_t high)
{
	return high - low > reader->data_size;
}

/*
 * The oldest place where a record is known to begin and that is whole, of a ring whose reservations reached @mark; what
 * is published ends at @head. Values of the writer's page are of different laps; one that is not between the two is no
 * use. Nothing found: @head, where nothing is to be read.
 */
static uint64_t oldest_boundary(const struct nrb_reader *reader, uint64_t head, uint64_t mark)
{
	uint64_t oldest = head;

	for (unsigned i = 0; reader->writer && i < NRB_BOUNDARIES; i++) {
		uint64_t boundary = nrb_load_relaxed(&reader->writer->boundary[i]);

		if (boundary % 8 == 0 && !is_overwritten(reader, boundary, mark) && (int64_t)(oldest - boundary) > 0)
			oldest = boundary;
	}
	return oldest;
}

/* Note where the records from @from to @to begin, as far as there are any. */
static void note_records(struct nrb_reader *reader, uint64_t from, uint64_t to)
{
	const unsigned char *data = batch_data(reader);
	struct nrb_record record;

	while (from != to) {
		uint32_t size = nrb_record_at(reader, data + (from - reader->low), to - from, &record);

		if (!size) {
			reader->stopped = 1;
			reader->bad = from;
			return;
		}
		reader->record[reader->records++] = (uint32_t)((from - reader->low) / 8);
		from += size;
	}
}

/*
 * Where the writer's reservations end by now, and that @head does not lie beyond it: then what is not overwritten is no
 * more than a ring. data_head may be anybody's lie. Return: 0 or -EPROTO.
 */
static int check_mark(const struct nrb_reader *reader, uint64_t head, uint64_t *mark)
{
	*mark = load_mark(reader);
	return (int64_t)(reader->flags & NRB_BACKWARD ? head - *mark : *mark - head) < 0 ? -EPROTO : 0;
}

/* Forward, overwritten: from where the last batch ended, or as near to that as there is anything left. */
static int64_t snapshot_forward(struct nrb_reader *reader, uint64_t head)
{
	uint64_t from = reader->position, mark;

	if (check_mark(reader, head, &mark))
		return -EPROTO;
	if (!reader->writer && is_overwritten(reader, from, mark))
		/* Nobody tells where to begin; only what comes from now on can be read. */
		from = head;
	else if (is_overwritten(reader, from, mark))
		from = oldest_boundary(reader, head, mark);
	mark = copy_out(reader, from, head);
	/* Overtaken while we copied. The boundary is one that was noted before its data could be overwritten. */
	if (is_overwritten(reader, from, mark))
		from = oldest_boundary(reader, head, mark);
	/* It cannot lie below what was copied, unless the mark went back. */
	if (head - from > head - reader->low)
		from = head;
	if (!reader->rewound)
		reader->missed += from - reader->position;
	reader->position = head;
	note_records(reader, from, head);
	return (int64_t)(head - from);
}

/*
 * Backward, overwritten: from data_head, where the newest record begins, to where the last batch began, or to the first
 * record that is not whole any more. Positions count down, so reservations and what they overwrite do as well.
 */
static int64_t snapshot_backward(struct nrb_reader *reader, uint64_t head)
{
	const uint64_t size = reader->data_size;
	uint64_t to = reader->position, at = head, mark;

	if (check_mark(reader, head, &mark))
		return -EPROTO;
	if (to - head > size)
		to = head + size;
	mark = copy_out(reader, head, to);
	/* First the header must be whole, then the record that it tells the size of. */
	while (at != to && !is_overwritten(reader, mark, at + sizeof(struct nrb_header))) {
		struct nrb_record record;
		uint32_t length = nrb_record_at(reader, reader->copy + (at - head), size, &record);

		if (length && is_overwritten(reader, mark, at + length))
			break;
		if (!length || length > to - at) {
			reader->stopped = 1;
			reader->bad = at;
			break;
		}
		reader->record[reader->records++] = (uint32_t)((at - head) / 8);
		at += length;
	}
	/* Above what is no record nobody knows where one begins; but only what is overwritten was missed. */
	reader->top = at;
	if (reader->stopped)
		reader->top = is_overwritten(reader, mark, to) ? mark + size : to;
	if (!reader->rewound)
		reader->missed += reader->position - reader->top;
	reader->position = head;
	return (int64_t)(reader->top - head);
}

/* Backward, not overwritten: what lies between data_head and what was read before, where it lies. */
static int64_t look_backward(struct nrb_reader *reader, uint64_t head)
{
	uint64_t to = reader->position;

	reader->low = head;
	reader->top = to;
	reader->position = head;
	note_records(reader, head, to);
	return (int64_t)(to - head);
}

/* Whether @head can be true: on a record's boundary, not behind what was seen, and not further off than can be. */
static bool is_plausible(const struct nrb_reader *reader, uint64_t head)
{
	uint64_t ahead = reader->flags & NRB_BACKWARD ? reader->position - head : head - reader->position;
	uint64_t used = reader->flags & NRB_BACKWARD ? reader->released - head : head - reader->released;

	if (head % 8 || (int64_t)ahead < 0)
		return false;
	return reader->flags & NRB_OVERWRITE || used < reader->data_size;
}

/* Bytes of the batch that were not given yet. */
static int64_t left_of_batch(const struct nrb_reader *reader)
{
	uint64_t through = nrb_batch_through(reader);

	/* Of what is none, enough for somebody to come and see. */
	if (reader->stopped)
		return sizeof(struct nrb_header);
	return (int64_t)(reader->flags & NRB_BACKWARD ? through - reader->low : reader->position - through);
}

/* Whether the writer may be storing while we copy, and nothing tells us where. */
static bool is_blind(const struct nrb_reader *reader)
{
	return reader->flags & NRB_OVERWRITE && !reader->writer && !nrb_load_relaxed(&reader->control->paused);
}

static int64_t take_batch(struct nrb_reader *reader, uint64_t head)
{
	if (!(reader->flags & NRB_OVERWRITE))
		return look_backward(reader, head);
	return reader->flags & NRB_BACKWARD ? snapshot_backward(reader, head) : snapshot_forward(reader, head);
}

bool nrb_batch_is_left(const struct nrb_reader *reader)
{
	return reader->stopped || reader->delivered != reader->records;
}

int64_t nrb_batch_poll(struct nrb_reader *reader, uint64_t head)
{
	const uint64_t position = reader->position, missed = reader->missed;
	int64_t rc;

	/* What was found is given first; nobody has to read a batch to its end before the next poll. */
	if (nrb_batch_is_left(reader))
		return left_of_batch(reader);
	if (!is_plausible(reader, head))
		return -EPROTO;
	if (is_blind(reader))
		return -EACCES;
	reader->head = head;
	reader->records = 0;
	reader->delivered = 0;
	rc = take_batch(reader, head);
	/* Resumed meanwhile: what was copied may be anything, so it is as if we had not looked. */
	if (is_blind(reader)) {
		reader->position = position;
		reader->missed = missed;
		nrb_batch_forget(reader);
		return -EACCES;
	}
	if (rc < 0)
		nrb_batch_forget(reader);
	else
		reader->rewound = 0;
	return rc;
}

/* Forward the first is the oldest, backward the last. */
static uint32_t number_of(const struct nrb_reader *reader, uint32_t delivered)
{
	return reader->flags & NRB_BACKWARD ? reader->records - 1 - delivered : delivered;
}

uint64_t nrb_batch_through(const struct nrb_reader *reader)
{
	if (reader->delivered == reader->records && !(reader->flags & NRB_BACKWARD))
		return reader->stopped ? reader->bad : reader->position;
	if (reader->flags & NRB_BACKWARD) {
		if (!reader->delivered)
			return reader->top;
		return reader->low + 8ull * reader->record[number_of(reader, reader->delivered - 1)];
	}
	return reader->low + 8ull * reader->record[reader->delivered];
}

int nrb_batch_next(struct nrb_reader *reader, struct nrb_record *record)
{
	uint64_t offset;

	while (reader->delivered != reader->records) {
		offset = 8ull * reader->record[number_of(reader, reader->delivered)];
		record->position = reader->low + offset;
		/* Once more, since in a ring that is not copied somebody may have changed it. */
		if (!nrb_record_at(reader, batch_data(reader) + offset, reader->data_size - offset, record))
			return -EBADMSG;
		reader->delivered++;
		if (record->type != NRB_RECORD_PADDING)
			return 1;
	}
	if (!reader->stopped)
		return 0;
	record->position = reader->bad;
	return -EBADMSG;
}

void nrb_batch_forget(struct nrb_reader *reader)
{
	reader->records = 0;
	reader->delivered = 0;
	reader->stopped = 0;
	reader->low = reader->position;
	reader->top = reader->position;
}

uint64_t nrb_batch_skip(struct nrb_reader *reader)
{
	uint64_t through = nrb_batch_through(reader);
	uint64_t left = reader->flags & NRB_BACKWARD ? through - reader->position : reader->position - through;

	/* Backward the newest records are given before what lies below them is found to be none. */
	if (reader->stopped && reader->flags & NRB_BACKWARD && reader->delivered)
		left += reader->top - reader->bad;
	nrb_batch_forget(reader);
	if (!(reader->flags & NRB_OVERWRITE) && reader->released != reader->position) {
		reader->released = reader->position;
		/* release:D, as in nrb_reader_release(). */
		if (!reader->readonly)
			nrb_store_release(&reader->control->data_tail, reader->position);
	}
	return left;
}
