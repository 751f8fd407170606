/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nesting.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "payload.h"
#include "ring.h"
#include "stepper.h"
#include "suite.h"
#include "targets/ring_target.h"

/* What profiling has found: which boundaries stand right before an access to the ring's memory. */
static struct {
	unsigned boundaries;
	bool access[NEST_BOUNDARIES];
} profile;

static struct nest_run *running;
static volatile bool hidden, hide_again;

static void take(struct nest_run *run, const struct findings *findings)
{
	for (unsigned i = 0; i < findings->count; i++) {
		run->violations[findings->at[i].kind]++;
		if (run->first.before || run->first.after)
			continue;
		run->first = findings->at[i];
		run->first_step = run->step[0];
	}
}

/* Look at the records up to data_head; nothing is released, so that the ring stays as it is. */
static void read_records(struct nest_run *run, struct findings *findings)
{
	const struct target *target = run->target;
	struct target_record record;
	uint64_t head;
	int rc;

	if (target->poll(run->reader, &head) < 0)
		return;
	run->seen = head;
	while ((rc = target->next(run->reader, &record)) == 1) {
		struct observed_record seen = {
			.type = record.type, .size = record.size, .position = record.position, .payload = record.payload
		};

		if (record.type == NRB_RECORD_LOST && record.size == 16)
			run->zero_lost += !((const struct nrb_lost *)record.payload)->lost;
		oracle_record(&run->stream, &seen, findings);
	}
	if (rc)
		oracle_bad_record(&run->stream, record.position, 0, findings);
	oracle_batch(&run->stream, findings);
}

void nest_observe(struct nest_run *run)
{
	struct findings findings = { .count = 0 };
	uint64_t tail = run->target->tail(run->reader);
	uint64_t head = run->target->head(run->reader);

	oracle_head(&run->watch, tail, head, &findings);
	oracle_fill(&run->stream, head, tail, &findings);
	take(run, &findings);
	findings.count = 0;
	if (head != run->seen)
		read_records(run, &findings);
	take(run, &findings);
}

struct call {
	struct nest_run *run;
	const void *payload;
	size_t size;
	int rc;
};

static void call_write(void *argument)
{
	struct call *call = argument;

	call->rc = call->run->target->write(call->run->ring, call->payload, call->size);
}

static void call_in_place(void *argument)
{
	struct call *call = argument;
	const struct target *target = call->run->target;
	struct target_reservation reservation;

	call->rc = target->reserve(call->run->ring, &reservation, call->size);
	if (call->rc)
		return;
	memcpy(reservation.payload, call->payload, call->size);
	target->commit(call->run->ring, &reservation);
}

static void hide(struct nest_run *run, bool hidden_now);
static void on_boundary_0(void *context, uint64_t pc);
static void on_boundary_1(void *context, uint64_t pc);

void nest_write(struct nest_run *run, unsigned level, size_t size, bool in_place, bool stepped)
{
	unsigned char payload[512];
	struct call call = { .run = run, .payload = payload, .size = size };
	void (*code)(void *argument) = in_place ? call_in_place : call_write;

	payload_fill(payload, size, NEST_STREAM, level, run->rest.attempts[level]++);
	if (run->profile == (int)level && stepped)
		hide(run, true);
	if (stepped)
		stepper_run(code, &call, level ? on_boundary_1 : on_boundary_0, run);
	else
		code(&call);
	if (run->profile == (int)level && stepped)
		hide(run, false);
	if (call.rc == -ENOSPC)
		run->rest.failed[level]++;
	else if (call.rc)
		abort();
}

static void on_boundary(struct nest_run *run, unsigned level)
{
	unsigned step = ++run->step[level];

	/* A write path that never ends. */
	if (step >= NEST_BOUNDARIES)
		abort();
	if (run->profile == (int)level) {
		profile.boundaries = step;
		if (hide_again)
			hide(run, true);
		return;
	}
	nest_observe(run);
	if (step != run->strike[level])
		return;
	run->struck[level] = true;
	nest_write(run, level + 1, run->scenario->nested_size, false,
		   level == 0 && (run->strike[1] || run->profile == 1));
	nest_observe(run);
}

static void on_boundary_0(void *context, uint64_t pc)
{
	(void)pc;
	on_boundary(context, 0);
}

static void on_boundary_1(void *context, uint64_t pc)
{
	(void)pc;
	on_boundary(context, 1);
}

/* ---- which boundaries stand before an access: the ring's pages are taken away, and a fault tells ---- */

static void hide(struct nest_run *run, bool hidden_now)
{
	struct nrb_ring *ring = ring_of(run->ring);
	int access = hidden_now ? PROT_NONE : PROT_READ | PROT_WRITE;

	hidden = hidden_now;
	hide_again = false;
	if (mprotect(ring->pages.address, ring->pages.length, access) ||
	    mprotect(ring->private_page.address, ring->private_page.length, access))
		abort();
}

static void on_fault(int signal)
{
	/* A fault of another kind is for Check to report. */
	if (!hidden) {
		sigaction(signal, &(struct sigaction) { .sa_handler = SIG_DFL }, NULL);
		return;
	}
	profile.access[running->step[running->profile]] = true;
	hide(running, false);
	/* After the instruction has run, which traps again. */
	hide_again = true;
}

static void catch_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	ck_assert_int_eq(sigaction(SIGSEGV, &action, NULL), 0);
}

/* ---- running ---- */

static void run_open(struct nest_run *run)
{
	const struct target_attr attr = { .data_size = NEST_DATA_SIZE, .start = NEST_START, .id = NEST_STREAM };

	run->ring = run->target->open(&attr);
	ck_assert_msg(run->ring, "%m");
	run->reader = run->target->reader_open(run->ring);
	ck_assert_msg(run->reader, "%m");
	run->seen = NEST_START;
	oracle_stream_init(&run->stream, NEST_STREAM, NEST_DATA_SIZE);
	if (run->scenario->prepare)
		run->scenario->prepare(run);
	nest_observe(run);
}

static void run_close(struct nest_run *run)
{
	struct findings findings = { .count = 0 };

	nest_observe(run);
	run->rest.published_head = run->target->head(run->reader);
	run->rest.reserved_head = run->target->reserved_head(run->ring);
	run->rest.residual_lost = run->target->lost(run->ring);
	oracle_rest(&run->stream, &run->rest, &findings);
	take(run, &findings);
	run->target->reader_close(run->reader);
	run->target->close(run->ring);
}

struct nest_run nest_once(const struct target *target, const struct nest_scenario *scenario, unsigned strike0,
			  unsigned strike1, int profiled)
{
	struct nest_run run = {
		.target = target, .scenario = scenario, .strike = { strike0, strike1 }, .profile = profiled
	};
	uint64_t failed;

	run_open(&run);
	running = &run;
	failed = run.rest.failed[0];
	nest_write(&run, 0, scenario->size, scenario->in_place, true);
	run.profile = -1;
	failed = run.rest.failed[0] + run.rest.failed[1] + run.rest.failed[2] - failed;
	run_close(&run);
	running = NULL;
	if (run.struck[0] != !!strike0 || run.struck[1] != !!strike1)
		ck_abort_msg("%s %s: there was no boundary %u, %u", target->name, scenario->name, strike0, strike1);
	if (failed > scenario->refused)
		ck_abort_msg("%s %s at %u, %u: %llu writes refused", target->name, scenario->name, strike0, strike1,
			     (unsigned long long)failed);
	return run;
}

static unsigned distances[NEST_BOUNDARIES];

static int by_distance(const void *a, const void *b)
{
	unsigned left = *(const unsigned *)a, right = *(const unsigned *)b;

	if (distances[left] != distances[right])
		return distances[left] < distances[right] ? -1 : 1;
	return left < right ? -1 : left > right;
}

void nest_order(const struct target *target, const struct nest_scenario *scenario, unsigned strike0,
		struct nest_order *order)
{
	unsigned last = 0;

	catch_faults();
	memset(&profile, 0, sizeof(profile));
	nest_once(target, scenario, strike0, 0, strike0 ? 1 : 0);
	profile.access[profile.boundaries] = true;
	order->count = 0;
	order->accesses = 0;
	/* To the next access behind; boundary 0, before the first step, cannot be struck. */
	for (unsigned i = profile.boundaries; i > 0; i--) {
		if (profile.access[i])
			last = i;
		distances[i] = last - i;
		order->at[order->count++] = i;
		order->accesses += profile.access[i];
	}
	qsort(order->at, order->count, sizeof(order->at[0]), by_distance);
}

uint64_t nest_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void nest_sum_add(struct nest_sum *sum, const struct nest_run *run)
{
	sum->runs++;
	sum->zero_lost += run->zero_lost;
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		if (!run->violations[kind])
			continue;
		sum->with[kind]++;
		if (run->target->claim == CLAIM_SOUND)
			ck_abort_msg("%s, %s, struck at boundary %u, %u: %s; first %s after step %u: %#llx, then %#llx",
				     run->target->name, run->scenario->name, run->strike[0], run->strike[1],
				     violation_name(kind), violation_name(run->first.kind), run->first_step,
				     (unsigned long long)run->first.before, (unsigned long long)run->first.after);
	}
}

struct nest_sum nest_enumerate(const struct target *target, const struct nest_scenario *scenario, uint64_t budget_ns)
{
	static struct nest_order order;
	struct nest_sum sum = { .runs = 0 };
	uint64_t end;

	nest_order(target, scenario, 0, &order);
	end = nest_now_ns() + budget_ns;
	for (unsigned i = 0; i < order.count && (i < order.accesses || nest_now_ns() < end); i++) {
		struct nest_run run = nest_once(target, scenario, order.at[i], 0, -1);

		nest_sum_add(&sum, &run);
	}
	suite_note("%s, %s: struck at %u of %u boundaries, and before all of %u accesses to the ring\n", target->name,
		   scenario->name, sum.runs, order.count, order.accesses);
	return sum;
}
