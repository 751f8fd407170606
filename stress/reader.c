/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "reader.h"

#include <sched.h>

#include "clock.h"
#include "cpu.h"
#include "event.h"
#include "plugin/contain.h"

/* Records between two looks at data_head: a decrease in slow motion lasts as long as a few dozen of them. */
#define BATCH 16

/* Where the ring is to be kept almost full, nothing is taken from it while more bytes than this are free: room for a
 * short record, but not with a LOST record beside it, or for a longer one. */
#define TIGHT_FREE 64

/*
 * The strike that a decrease follows. Its own mark is best: when it struck, the reserved head stood where data_head
 * went back to, since that is what the interrupted writer had loaded. Failing that, the latest.
 */
static uint64_t blame(const struct strike_log *log, uint64_t head, struct strike *strike)
{
	uint64_t count = nrb_load_relaxed(&log->count);
	struct strike latest = { .number = 0, .class = STRIKE_PLAIN };
	bool any = false, in_slow_since = false;

	for (uint64_t number = count; number && count - number < STRIKE_LOG_ENTRIES / 2; number--) {
		if (!strike_log_get(log, number, strike))
			continue;
		if (strike->head_before == head) {
			/* Once another has struck in its slow motion, it is no longer known whose doing it is. */
			if (strike->class == STRIKE_SLOW && in_slow_since)
				strike->class = STRIKE_IN_SLOW;
			return strike->number;
		}
		in_slow_since |= strike->class == STRIKE_IN_SLOW;
		if (!any)
			latest = *strike;
		any = true;
	}
	*strike = latest;
	return latest.number;
}

static bool is_decrease(enum violation kind)
{
	return kind == HEAD_BACKWARD || kind == HEAD_BELOW_TAIL;
}

/*
 * Whether a decrease after @strike is one of those that are known to have happened, so that the share of them that
 * readers see can be told: in slow motion the writer looks at each, else the boundary tells.
 */
static bool is_counted(const struct strike *strike)
{
	return strike->class != STRIKE_PLAIN || strike->exposed;
}

/* The same of two threads that share a ring: of the one whose mark it is, else of the one that was struck last. */
static struct writer *blame_either(struct writer *writer, uint64_t head, struct strike *strike, uint64_t *number)
{
	struct strike others;
	uint64_t others_number;

	*number = blame(&writer->log, head, strike);
	if (!writer->other || (*number && strike->head_before == head))
		return writer;
	others_number = blame(&writer->other->log, head, &others);
	if (!others_number || (*number && others.head_before != head && others.time_ns < strike->time_ns))
		return writer;
	*strike = others;
	*number = others_number;
	return writer->other;
}

static void take_findings(struct reader *reader, struct view *view, struct findings *findings)
{
	uint64_t now = clock_ns() - reader->start_ns;

	for (unsigned i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->at[i];

		/* What cannot be told of this target at all is none of its. */
		if (!(view->writer->target->checks & VIOLATION_BIT(finding->kind)))
			continue;
		uint64_t head = is_decrease(finding->kind) ? finding->after : UINT64_MAX;
		struct strike strike;
		uint64_t number;
		struct writer *writer = blame_either(view->writer, head, &strike, &number);

		if (is_decrease(finding->kind) && is_counted(&strike) && strike_log_claim(&writer->log, number))
			nrb_add_relaxed(&reader->result->counts.by_class[strike.class].seen, 1);
		writer_blame(writer, &strike, finding->kind);
		event_report(reader->result, &writer->log, &strike, finding, writer->index, reader->index, now);
		if (reader->first_violation_ns == UINT64_MAX)
			reader->first_violation_ns = now;
	}
	findings->count = 0;
}

static void consume_batch(struct view *view, struct findings *findings)
{
	const struct target *target = view->writer->target;
	struct target_reader *reader = view->writer->reader;
	struct observed_record observed;
	struct target_record record;
	unsigned done;
	int rc = 0;

	for (done = 0; done < BATCH && findings->count < ORACLE_FINDINGS; done++) {
		rc = target->next(reader, &record);
		if (rc <= 0)
			break;
		observed.type = record.type;
		observed.size = record.size;
		observed.position = record.position;
		observed.payload = record.payload;
		oracle_record(&view->stream, &observed, findings);
	}
	view->counts.records_read += done;
	if (rc < 0) {
		oracle_bad_record(&view->stream, record.position, 0, findings);
		target->skip(reader);
	} else {
		target->release(reader);
	}
	/* All of what was published at the last poll has been seen. */
	if (rc == 0 && done < BATCH)
		oracle_batch(&view->stream, findings);
}

/* Whether nobody writes into its ring any more. */
static bool is_finished(const struct view *view)
{
	const struct writer *writer = view->writer;

	/* slice:J  pairs with slice:I: the counts that check_rest compares are the last ones. */
	return nrb_load_acquire(&writer->finished) && (!writer->other || nrb_load_acquire(&writer->other->finished));
}

/* Whether a consumer that is to keep the ring almost full leaves what there is. */
static bool holds_back(const struct view *view, uint64_t used)
{
	const struct slice_config *config = view->writer->config;

	return config->tight && !view->writer->target->overwrites && used < config->data_size - TIGHT_FREE &&
	       !is_finished(view);
}

/* Look at a ring once. Return: whether there was anything to read. */
static bool look(struct reader *reader, struct view *view)
{
	const struct target *target = view->writer->target;
	struct target_reader *side = view->writer->reader;
	struct findings findings = { .count = 0 };
	uint64_t tail, head;
	int64_t available = 0;

	/* Tail before head, both acquire: the other order would see the tail of a later time than the head. */
	tail = target->tail(side);
	if (view->consumer)
		available = target->poll(side, &head);
	else
		head = target->head(side);
	view->counts.polls++;
	if (view->consumer && target->missed && target->missed(side) != view->missed) {
		view->missed = target->missed(side);
		oracle_missed(&view->stream);
	}
	oracle_head(&view->watch, tail, head, &findings);
	if (view->consumer) {
		/* The tail is this thread's own, so it has not moved since. */
		oracle_fill(&view->stream, head, tail, &findings);
		if (available > 0 && !holds_back(view, head - tail))
			consume_batch(view, &findings);
	}
	if (findings.count)
		take_findings(reader, view, &findings);
	return available > 0;
}

/* The writer has finished and everything that is published has been read: now all must add up. */
static void check_rest(struct reader *reader, struct view *view)
{
	const struct writer *writer = view->writer;
	struct findings findings = { .count = 0 };
	struct observed_rest rest = {
		.published_head = writer->target->head(writer->reader),
		.reserved_head = writer->target->reserved_head(writer->ring),
		.residual_lost = writer->target->lost(writer->ring),
	};

	for (; writer; writer = writer->lane ? NULL : writer->other)
		for (unsigned level = 0; level < LEVELS; level++) {
			rest.attempts[writer->lane + level] = writer->counts.attempts[level];
			rest.failed[writer->lane + level] = writer->counts.refused[level];
		}
	oracle_rest(&view->stream, &rest, &findings);
	take_findings(reader, view, &findings);
	view->counts.lost_records = view->stream.lost_records;
}

/* Read what remains of rings whose writer has finished. Return: whether nothing remains to be done. */
static bool wind_up(struct reader *reader)
{
	bool all = true;

	for (unsigned i = 0; i < reader->views; i++) {
		struct view *view = &reader->view[i];

		if (!is_finished(view)) {
			all = false;
			continue;
		}
		if (!view->consumer || view->rested)
			continue;
		/* Bounded: the writer is at rest, so there is at most a ring full. */
		while (look(reader, view))
			;
		check_rest(reader, view);
		view->rested = true;
	}
	return all;
}

void *reader_main(void *argument)
{
	struct reader *reader = argument;
	const struct target *target = reader->config->target;
	bool shared = reader->config->placement->oversubscribed ||
		      (target->shared && reader->config->placement->writers == 1);
	bool watches = target->watch && target->watch() == 0;

	if (target->file)
		contain_thread(true);
	while (!nrb_load_relaxed(&reader->stop)) {
		bool any = false;

		for (unsigned i = 0; i < reader->views; i++)
			any |= look(reader, &reader->view[i]);
		if (any)
			continue;
		nrb_cpu_relax();
		/* Who shares a CPU with a writer must let it write. */
		if (shared)
			sched_yield();
	}
	reader->displaced = !cpu_is_kept(reader->cpu);
	wind_up(reader);
	if (watches)
		target->unwatch();
	reader->ended = true;
	return NULL;
}
