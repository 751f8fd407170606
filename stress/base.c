/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cpu.h"
#include "event.h"
#include "inject/inject.h"
#include "levels.h"
#include "payload.h"
#include "plugin/contain.h"

/* The base's payloads in bytes: most are short, so that most of the time is spent in the steps and not in the copy. */
#define BASE_SHORT_MAX 24u
#define BASE_LONGER_MAX 128u
#define BASE_LONGER_ONE_IN 8u
#define BASE_LONG_MAX 1024u
#define BASE_LONG_ONE_IN 128u
#define BASE_IN_PLACE_ONE_IN 16u

/* Writes between two looks at anything else. All of them fit into what is_crowded() leaves free. */
#define BURST 16

_Static_assert(BURST *BASE_LONG_MAX <= WRITER_SCRATCH, "a burst's payloads fit");

/* The stack that handlers may reach, three levels deep, is touched before anything is timed. */
#define STACK_TOUCHED (64u << 10)

/* While it waits for room, the base looks so often before it lets somebody else have the CPU. */
#define SPINS_BEFORE_YIELD 256u

/* A burst of writes, drawn up beforehand. */
struct burst {
	uint32_t size[BURST];
	bool in_place[BURST];
};

static unsigned char *burst_payload(struct writer *writer, unsigned index)
{
	return writer->scratch[0] + index * BASE_LONG_MAX;
}

/*
 * All that a write does not need to do itself is done before: interrupts that strike there are lost. And a payload that
 * was stored just before it is copied stalls the copy until the stores are through, so that most would strike there.
 */
static void draw_burst(struct writer *writer, struct burst *burst)
{
	uint64_t sequence = writer->counts.attempts[0];

	for (unsigned i = 0; i < BURST; i++) {
		uint64_t draw = random_next(&writer->random[0]);
		uint32_t max = BASE_SHORT_MAX;

		if (draw % BASE_LONG_ONE_IN == 0)
			max = BASE_LONG_MAX;
		else if (draw % BASE_LONGER_ONE_IN == 0)
			max = BASE_LONGER_MAX;
		burst->size[i] = PAYLOAD_MIN + (((draw >> 32) * (max - PAYLOAD_MIN + 8) >> 32) & ~7u);
		burst->size[i] = target_payload(writer->target, burst->size[i]);
		burst->in_place[i] = (draw >> 16) % BASE_IN_PLACE_ONE_IN == 0 && writer->target->reserve;
		if (!burst->in_place[i])
			payload_fill(burst_payload(writer, i), burst->size[i], writer->stream, writer->lane,
				     sequence + i);
	}
}

static bool is_crowded(struct writer *writer)
{
	uint64_t limit = writer->config->data_size / 4 * 3;
	uint64_t head = writer->target->reserved_head(writer->ring);

	/* Signed: of records that are counted as their writes return, another thread's may have been read before. */
	if ((int64_t)(head - writer->tail_seen) <= (int64_t)limit)
		return false;
	/* The reader's line is touched only when there seems to be no room. */
	writer->tail_seen = writer->target->tail(writer->reader);
	return (int64_t)(head - writer->tail_seen) > (int64_t)limit;
}

static void base_advanced(struct writer *writer)
{
	nrb_store_relaxed(&writer->progress, writer->progress + 1);
}

/* A nested write that is refused exposes nothing; so the base leaves room for those who cannot wait. */
static void wait_for_room(struct writer *writer)
{
	unsigned spins = 0;

	if (!is_crowded(writer))
		return;
	writer->counts.waited++;
	while (is_crowded(writer) && !nrb_load_relaxed(&writer->stop)) {
		base_advanced(writer);
		nrb_cpu_relax();
		if (++spins % SPINS_BEFORE_YIELD == 0)
			sched_yield();
	}
}

static void resume_after_starvation(struct writer *writer)
{
	steer_halve(&writer->steer);
	nrb_store_relaxed(&writer->rearm, 0);
	nrb_store_relaxed(&writer->disarmed, 0);
	writer->injector->start(writer);
}

static void tell(struct writer *writer, const struct findings *findings)
{
	struct strike strike = { .number = 0 };

	for (unsigned i = 0; i < findings->count; i++) {
		strike_log_get(&writer->log, writer->strikes_checked, &strike);
		writer_blame(writer, &strike, findings->at[i].kind);
		event_report(writer->result, &writer->log, &strike, &findings->at[i], writer->index, EVENT_BY_WRITER,
			     clock_ns() - writer->start_ns);
	}
}

/* A record that an interrupt left unpublished stays so only until the next write: so it is looked for before that. */
static void check_published(struct writer *writer)
{
	struct findings findings = { .count = 0 };
	uint64_t reserved;

	writer->strikes_checked = nrb_local_load(&writer->log.count);
	reserved = writer->target->reserved_head(writer->ring);
	nrb_local_fence();
	oracle_between(reserved, writer->target->head(writer->reader), &findings);
	tell(writer, &findings);
}

/* Between two writes nothing is left that the reader should have been woken for. */
static void check_awaited(struct writer *writer)
{
	const struct target *target = writer->target;
	struct findings findings = { .count = 0 };
	uint64_t wakeups = target->wakeups(writer->ring), head;

	nrb_local_fence();
	head = target->head(writer->reader);
	nrb_local_fence();
	/* Who struck in between may have published more, and woken the reader: the next look will tell. */
	if (target->wakeups(writer->ring) != wakeups)
		return;
	oracle_awaited(&writer->wake, target->watermark, wakeups, head, &findings);
	if (findings.count)
		tell(writer, &findings);
}

static void write_burst(struct writer *writer, const struct burst *burst)
{
	for (unsigned i = 0; i < BURST; i++) {
		if (burst->in_place[i])
			writer_write_in_place(writer, 0, burst->size[i], NULL);
		else
			writer_write_payload(writer, 0, burst_payload(writer, i), burst->size[i]);
		slow_motion_settle(writer);
		/* What another thread is about to publish does not stay unpublished. */
		if (!writer->other && nrb_local_load(&writer->log.count) != writer->strikes_checked)
			check_published(writer);
		if (writer->target->wakeups)
			check_awaited(writer);
	}
}

static void run_base(struct writer *writer)
{
	bool drop = writer->config->drop;
	struct burst burst;

	while (!nrb_load_relaxed(&writer->stop)) {
		draw_burst(writer, &burst);
		if (!drop)
			wait_for_room(writer);
		write_burst(writer, &burst);
		base_advanced(writer);
		if (writer->injector->tend)
			writer->injector->tend(writer);
		if (nrb_load_relaxed(&writer->rearm))
			resume_after_starvation(writer);
	}
}

static void touch_stack(void)
{
	volatile unsigned char stack[STACK_TOUCHED];

	for (size_t i = 0; i < sizeof(stack); i += 1024)
		stack[i] = 0;
}

static void set_signals(int how)
{
	sigset_t set;

	level_signals(&set, LEVELS - 1);
	pthread_sigmask(how, &set, NULL);
}

static void settle(struct writer *writer)
{
	struct counts *counts = &writer->counts;

	counts->elapsed_ns = clock_ns() - writer->start_ns;
	for (unsigned level = 0; level < LEVELS; level++)
		counts->records += counts->attempts[level] - counts->refused[level];
	if (writer->lane)
		counts->shared_records = counts->records;
}

/* Return: whether the ring takes this thread for a writer; then it is to be told when it no longer is. */
static bool attach(struct writer *writer)
{
	if (!writer->target->attach)
		return true;
	writer->error = writer->target->attach(writer->ring);
	if (writer->error)
		snprintf(writer->message, sizeof(writer->message), "attach() refused %s: %s%s",
			 writer->other ? "one of two writing threads" : "the writing thread",
			 strerror(abs(writer->error)),
			 writer->other ? "; if one alone may write, leave NRB_PLUGIN_SHARED_WRITERS out of flags" : "");
	return !writer->error;
}

void *base_main(void *argument)
{
	struct writer *writer = argument;
	bool attached;

	touch_stack();
	this_writer = writer;
	if (writer->target->file)
		contain_thread(false);
	attached = attach(writer);
	if (attached)
		writer->error = writer->injector->attach(writer);
	writer->steered_ns = clock_ns();
	if (!writer->error) {
		set_signals(SIG_UNBLOCK);
		writer->injector->start(writer);
		run_base(writer);
		set_signals(SIG_BLOCK);
		writer->displaced = !cpu_is_kept(writer->cpu);
	}
	writer->injector->detach(writer);
	settle(writer);
	if (attached && writer->target->detach)
		writer->target->detach(writer->ring);
	/* slice:I  pairs with slice:J in reader.c: with "finished" come the writer's last counts. */
	nrb_store_release(&writer->finished, 1);
	return NULL;
}
