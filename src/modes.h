/* SPDX-License-Identifier: MIT */
/*
 * modes.h - the steps of rings that do more than the plain one: overwrite, backward, wakeups, trailers (private)
 *
 * The same five steps in the same order, and the same publish; see steps.h. What a ring does of it stands in its flags,
 * which are looked at in each write: these rings pay for what they do, the plain one does not.
 *
 * One more pair, for snapshots of an overwrite ring that is being written; W the writer, R a reader on another CPU:
 *
 *   mark:E      W cas head          fence-release ... store data        with  snapshot:F
 *   snapshot:F  R load data ...     fence-acquire     load head         with  mark:E
 *
 * The reservation itself is the mark: who has loaded a byte of an overwriting record loads a head that covers it. A
 * separate store behind the reservation would not do: under nesting it would go backwards.
 */
#ifndef NRB_MODES_H
#define NRB_MODES_H

#define _GNU_SOURCE
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "steps.h"
#include "wakeup.h"

/* As nrb_has_space(), where positions go down. */
NRB_STEP bool nrb_has_space_backward(const struct nrb_ring *ring, uint64_t head, uint64_t size)
{
	struct nrb_writer *w = ring->writer;

	if (nrb_local_load(&w->tail_cache) - head + size < ring->data_size)
		return true;
	/* reserve:A, as there. */
	nrb_local_store(&w->tail_cache, nrb_load_acquire(&ring->control->data_tail));
	return nrb_local_load(&w->tail_cache) - head + size < ring->data_size;
}

NRB_STEP void nrb_begin_in_mode(struct nrb_ring *ring, struct nrb_reservation *r)
{
	/*
	 * Before nest is raised. From then on nested writers leave it to us to tell the reader, so what they change
	 * must not look old to us. Who strikes between the two tells it, and so do we: once too often, never not at
	 * all. Perf has it the other way round.
	 */
	r->wakeup = nrb_local_load(&ring->writer->wakeup);
	nrb_local_fence();
	nrb_begin(ring, r);
}

/*
 * A record has been reserved and the ring now reaches up to @head: note it if the reader is to be woken for that. Perf
 * adds the watermark in a load and an addition; a nested writer in between does the same, the mark comes to lie ahead
 * of head, and from then on every record wakes the reader. So the mark moves in one atomic step, or a nested writer,
 * which reserved after us, has moved it further.
 */
NRB_STEP void nrb_note_wakeup(struct nrb_ring *ring, uint64_t head)
{
	struct nrb_writer *w = ring->writer;
	uint64_t wakeup = nrb_local_load(&w->wakeup);

	if (ring->flags & NRB_WAKE_WATERMARK) {
		if ((int64_t)(head - wakeup) > (int64_t)ring->wakeup)
			nrb_local_cas(&w->wakeup, &wakeup, head);
	} else if ((nrb_local_add(&w->records, 1) + 1) % ring->wakeup == 0) {
		/* Each multiple is reached by one writer alone, however they nest. */
		nrb_local_add(&w->wakeup, 1);
	}
}

/*
 * There is no room up to @head: what was written since the last wakeup may never become enough for the next one, so the
 * reader is to be woken now. Of what it was woken for already it is not told again.
 */
NRB_STEP void nrb_note_full(struct nrb_ring *ring, uint64_t head)
{
	struct nrb_writer *w = ring->writer;
	uint64_t wakeup = nrb_local_load(&w->wakeup), records;

	if (ring->flags & NRB_WAKE_WATERMARK) {
		/* A nested writer that moves it meanwhile was refused as well, or had room that we did not. */
		if ((int64_t)(head - wakeup) > 0)
			nrb_local_cas(&w->wakeup, &wakeup, head);
		return;
	}
	records = nrb_local_load(&w->records);
	while (records % ring->wakeup) {
		/* Counted anew from here. Repeated only if a nested writer has counted one. */
		if (!nrb_local_cas(&w->records, &records, 0))
			continue;
		nrb_local_add(&w->wakeup, 1);
		return;
	}
}

/* Of several records' ends in one part of the data, the first is noted: that of the record which enters it. */
NRB_STEP void nrb_note_boundary(struct nrb_ring *ring, uint64_t before, uint64_t head)
{
	/* Once for each part, by who leaves it: no other write, nested or not, stores for the same lap of it. */
	if ((before ^ head) >> ring->boundary_shift)
		nrb_store_relaxed(&ring->writer->boundary[(head >> ring->boundary_shift) % NRB_BOUNDARIES], head);
}

/* Whether there is room for @size bytes in front of @head. */
NRB_STEP bool nrb_has_space_in_mode(const struct nrb_ring *ring, uint64_t head, uint64_t size)
{
	const bool backward = ring->flags & NRB_BACKWARD;
	uint64_t published;

	if (!(ring->flags & NRB_OVERWRITE))
		return backward ? nrb_has_space_backward(ring, head, size) : nrb_has_space(ring, head, size);
	/*
	 * What is overwritten is what was published, never a record that is still being written: whoever we
	 * interrupted will go on filling it, over ours. data_head is this thread's own; somebody else's nonsense in it
	 * is as harmless as in data_tail, and gone with the next publish.
	 */
	published = nrb_load_relaxed(&ring->control->data_head);
	return (backward ? published - head : head - published) + size <= ring->data_size;
}

NRB_STEP int nrb_reserve_in_mode(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	const bool backward = ring->flags & NRB_BACKWARD;
	uint64_t head = nrb_local_load(&w->head), next;

	do {
		next = backward ? head - r->size : head + r->size;
		/* Again after each failure, as in nrb_reserve_space(). */
		if (!nrb_has_space_in_mode(ring, head, r->size)) {
			nrb_local_add(&w->lost, 1);
			if (ring->flags & (NRB_WAKE_WATERMARK | NRB_WAKE_RECORDS))
				nrb_note_full(ring, backward ? 0 - head : head);
			return -ENOSPC;
		}
	} while (!nrb_local_cas(&w->head, &head, next));
	r->position = backward ? next : head;
	if (ring->flags & NRB_OVERWRITE) {
		/* mark:E  pairs with snapshot:F: no byte is overwritten before the reservation that says so. */
		nrb_fence_release();
		nrb_note_boundary(ring, head, next);
	}
	if (ring->flags & (NRB_WAKE_WATERMARK | NRB_WAKE_RECORDS))
		nrb_note_wakeup(ring, backward ? 0 - next : next);
	return 0;
}

/* The trailer's words, in perf's order. */
NRB_STEP void nrb_put_trailer(struct nrb_ring *ring, unsigned char *at, uint64_t time, uint32_t cpu)
{
	const uint64_t fields = ring->sample_id;
	uint64_t word[8];
	unsigned words = 0;

	if (fields & NRB_SAMPLE_TID) {
		uint32_t pair[2] = { ring->pid, ring->tid };

		memcpy(&word[words++], pair, sizeof(pair));
	}
	if (fields & NRB_SAMPLE_TIME)
		word[words++] = time;
	if (fields & NRB_SAMPLE_ID)
		word[words++] = ring->id;
	if (fields & NRB_SAMPLE_STREAM_ID)
		word[words++] = ring->id;
	if (fields & NRB_SAMPLE_CPU) {
		uint32_t pair[2] = { cpu, 0 };

		memcpy(&word[words++], pair, sizeof(pair));
	}
	if (fields & NRB_SAMPLE_IDENTIFIER)
		word[words++] = ring->id;
	nrb_store_words(at, word, words * sizeof(word[0]));
}

/* Who writes, when and where. Handlers may call all of it: vDSO, and two system calls in a ring's life. */
NRB_STEP void nrb_stamp(struct nrb_ring *ring, uint64_t *time, uint32_t *cpu)
{
	struct timespec now = { 0 };
	int saved = errno;

	if (!nrb_local_load(&ring->tid)) {
		nrb_local_store(&ring->pid, (uint32_t)getpid());
		nrb_local_store(&ring->tid, (uint32_t)syscall(SYS_gettid));
	}
	if (ring->sample_id & NRB_SAMPLE_TIME)
		clock_gettime(ring->clock, &now);
	*time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	*cpu = ring->sample_id & NRB_SAMPLE_CPU ? (uint32_t)sched_getcpu() : 0;
	/* The clock of a process that is no more fails. */
	errno = saved;
}

NRB_STEP uint32_t nrb_trailer_in_mode(const struct nrb_ring *ring, uint32_t type)
{
	return type == NRB_RECORD_SAMPLE && !ring->samples_trailed ? 0 : ring->trailer;
}

/* A header, and the last word of the payload, which the payload covers as far as it reaches. */
NRB_STEP void nrb_put_frame(unsigned char *at, uint32_t type, uint32_t size, uint32_t trailer)
{
	const struct nrb_header header = { .type = type, .size = (uint16_t)size };
	const uint64_t zero = 0;

	nrb_store_words(at, &header, sizeof(header));
	if (size - trailer > sizeof(header))
		nrb_store_words(at + size - trailer - 8, &zero, sizeof(zero));
}

/*
 * A LOST record is older than the record that it comes with. So in a backward ring it lies above: there who goes from
 * data_head upwards meets the newest first.
 *
 * @stamp: where time and CPU come from; the harness steps through writes with a clock of its own.
 */
NRB_STEP void nrb_frame_stamped(struct nrb_ring *ring, struct nrb_reservation *r, uint32_t type,
				void (*stamp)(struct nrb_ring *, uint64_t *, uint32_t *))
{
	unsigned char *at = ring->data + (r->position & (ring->data_size - 1));
	unsigned char *lost = ring->flags & NRB_BACKWARD ? at + r->record : at;
	const uint32_t trailer = nrb_trailer_in_mode(ring, type);
	uint64_t time = 0;
	uint32_t cpu = 0;

	if (ring->trailer)
		stamp(ring, &time, &cpu);
	if (r->lost_pending) {
		struct nrb_lost body = { .id = ring->id, .lost = nrb_local_take(&ring->writer->lost) };

		nrb_put_frame(lost, NRB_RECORD_LOST, NRB_LOST_SIZE + ring->trailer, ring->trailer);
		nrb_store_words(lost + sizeof(struct nrb_header), &body, sizeof(body));
		nrb_put_trailer(ring, lost + NRB_LOST_SIZE, time, cpu);
		if (lost == at)
			at += NRB_LOST_SIZE + ring->trailer;
	}
	nrb_put_frame(at, type, r->record, trailer);
	if (trailer)
		nrb_put_trailer(ring, at + r->record - trailer, time, cpu);
	r->payload = at + sizeof(struct nrb_header);
}

NRB_STEP void nrb_frame_in_mode(struct nrb_ring *ring, struct nrb_reservation *r, uint32_t type)
{
	nrb_frame_stamped(ring, r, type, nrb_stamp);
}

NRB_STEP void nrb_copy_in_mode(struct nrb_ring *ring, struct nrb_reservation *r, const void *payload, size_t size)
{
	/* A reader may be copying what we overwrite; it finds out afterwards, but neither may trip over the other. */
	if (ring->flags & NRB_OVERWRITE)
		nrb_store_words(r->payload, payload, size);
	else if (size)
		memcpy(r->payload, payload, size);
}

/* After the publish: a reader that is woken finds what it is woken for. */
NRB_STEP void nrb_end_in_mode(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;

	/* Not the outermost writer: it has not published yet, and sees what we noted. */
	if (nrb_local_load(&w->wakeup) == r->wakeup || nrb_local_load(&w->nest))
		return;
	nrb_local_add(&w->wakeups, 1);
	nrb_wakeup_signal(ring->wakeup_fd);
}

#define NRB_STEPS_IN_MODE                                                                                              \
	{                                                                                                              \
		.begin = nrb_begin_in_mode, .reserve = nrb_reserve_in_mode, .trailer = nrb_trailer_in_mode,            \
		.frame = nrb_frame_in_mode, .copy = nrb_copy_in_mode, .publish = nrb_publish, .end = nrb_end_in_mode   \
	}

#endif /* NRB_MODES_H */
