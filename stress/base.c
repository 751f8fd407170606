/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "event.h"
#include "inject/inject.h"
#include "payload.h"

/* The base's payloads in bytes: most are short, so that most of the time is spent in the steps and not in the copy. */
#define BASE_SHORT_MAX 24u
#define BASE_LONGER_MAX 128u
#define BASE_LONGER_ONE_IN 8u
#define BASE_LONG_MAX 1024u
#define BASE_LONG_ONE_IN 128u
#define BASE_IN_PLACE_ONE_IN 16u

/* The stack that handlers may reach, three levels deep, is touched before anything is timed. */
#define STACK_TOUCHED (64u << 10)

/* While it waits for room, the base looks so often before it lets somebody else have the CPU. */
#define SPINS_BEFORE_YIELD 256u

static void base_write(struct writer *writer)
{
	struct random *random = &writer->random[0];
	uint64_t draw = random_next(random);
	uint32_t max = BASE_SHORT_MAX, size;

	if (draw % BASE_LONG_ONE_IN == 0)
		max = BASE_LONG_MAX;
	else if (draw % BASE_LONGER_ONE_IN == 0)
		max = BASE_LONGER_MAX;
	size = PAYLOAD_MIN + (random_below(random, max - PAYLOAD_MIN + 1) & ~7u);
	if (writer->target->reserve && (draw >> 32) % BASE_IN_PLACE_ONE_IN == 0)
		writer_write_in_place(writer, 0, size, NULL);
	else
		writer_write(writer, 0, size);
}

static bool is_crowded(struct writer *writer)
{
	uint64_t limit = writer->config->data_size / 4 * 3;
	uint64_t head = writer->target->reserved_head(writer->ring);

	if (head - writer->tail_seen <= limit)
		return false;
	/* The reader's line is touched only when there seems to be no room. */
	writer->tail_seen = writer->target->tail(writer->reader);
	return head - writer->tail_seen > limit;
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

/* A record that an interrupt left unpublished stays so only until the next write: so it is looked for before that. */
static void check_published(struct writer *writer)
{
	struct findings findings = { .count = 0 };
	struct strike strike = { .number = 0 };
	uint64_t reserved;

	writer->strikes_checked = nrb_local_load(&writer->log.count);
	reserved = writer->target->reserved_head(writer->ring);
	nrb_local_fence();
	oracle_between(reserved, writer->target->head(writer->reader), &findings);
	for (unsigned i = 0; i < findings.count; i++) {
		strike_log_get(&writer->log, writer->strikes_checked, &strike);
		event_report(writer->result, &writer->log, &strike, &findings.at[i], writer->index, EVENT_BY_WRITER,
			     clock_ns() - writer->start_ns);
	}
}

static void run_base(struct writer *writer)
{
	bool drop = writer->config->drop;

	while (!nrb_load_relaxed(&writer->stop)) {
		if (!drop)
			wait_for_room(writer);
		base_write(writer);
		slow_motion_settle(writer);
		if (nrb_local_load(&writer->log.count) != writer->strikes_checked)
			check_published(writer);
		base_advanced(writer);
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

	inject_signals(&set, LEVELS - 1);
	pthread_sigmask(how, &set, NULL);
}

/* The kernel moves a pinned thread away when its CPU goes offline, and forgets the mask. */
static void check_place(struct writer *writer)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (!pthread_getaffinity_np(pthread_self(), sizeof(set), &set) && CPU_COUNT(&set) == 1 &&
	    CPU_ISSET(writer->cpu, &set))
		return;
	writer->error = -ENODEV;
	snprintf(writer->message, sizeof(writer->message),
		 "CPU %u was taken away while a writer was pinned to it: bring it back online, or name others with "
		 "--cpus",
		 writer->cpu);
}

static void settle(struct writer *writer)
{
	struct counts *counts = &writer->counts;

	counts->elapsed_ns = clock_ns() - writer->start_ns;
	for (unsigned level = 0; level < LEVELS; level++)
		counts->records += counts->attempts[level] - counts->refused[level];
}

void *base_main(void *argument)
{
	struct writer *writer = argument;

	touch_stack();
	this_writer = writer;
	if (writer->target->attach)
		writer->error = writer->target->attach(writer->ring);
	if (!writer->error)
		writer->error = writer->injector->attach(writer);
	writer->steered_ns = clock_ns();
	if (!writer->error) {
		set_signals(SIG_UNBLOCK);
		writer->injector->start(writer);
		run_base(writer);
		set_signals(SIG_BLOCK);
		check_place(writer);
	}
	writer->injector->detach(writer);
	settle(writer);
	if (writer->target->detach)
		writer->target->detach(writer->ring);
	/* slice:I  pairs with slice:J in reader.c: with "finished" come the writer's last counts. */
	nrb_store_release(&writer->finished, 1);
	return NULL;
}
