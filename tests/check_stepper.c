/* SPDX-License-Identifier: MIT */
/*
 * check_stepper.c - the ways to run one instruction: both see the same, and a suspended write is data and nothing else
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "levels.h"
#include "machines.h"
#include "step/explore.h"
#include "step/scenario.h"
#include "step/stage.h"
#include "steppers.h"
#include "suite.h"
#include "targets/ring_target.h"

/* ---- a write of a real target ---- */

#define STEPS_MOST 65536

struct trace {
	unsigned count;
	int result;
	uint64_t head, reserved;
	uint64_t pc[STEPS_MOST];
};

static void follow(const struct stepper *stepper, const struct scenario *scenario, struct trace *trace)
{
	static struct stage_write write;
	struct stage stage;
	bool taken;

	ck_assert_msg(!stage_open(&stage, stepper, &target_fixed, scenario), "%s", stage.message);
	stage_begin(&stage, &write, 0, 0);
	for (trace->count = 0; !stage_returned(&stage, &write); trace->count++) {
		require(trace->count < STEPS_MOST);
		trace->pc[trace->count] = stage_pc(&stage, &write);
		ck_assert_uint_eq(write.boundary, trace->count);
		require(!stage_step(&stage, &write));
		ck_assert_msg(!stage.error, "%s", stage.message);
	}
	trace->result = stepper->result(&write.machine);
	ck_assert_uint_eq(stage_finish(&stage, &write, &taken), 0);
	ck_assert_int_eq(taken, !trace->result);
	trace->head = target_fixed.head(stage.scene.reader);
	trace->reserved = target_fixed.reserved_head(stage.scene.ring);
	stage_close(&stage);
}

START_TEST(both_see_the_same)
{
	static struct trace trace[STEPPERS];
	static const char *const names[] = { "empty", "reserve and commit", "full", "loss to be told",
					     "across the last byte" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (unsigned s = 0; s < STEPPERS; s++)
			follow(steppers[s], scenario_find(names[i]), &trace[s]);
		ck_assert_uint_ge(trace[0].count, 20);
		ck_assert_uint_eq(trace[0].count, trace[1].count);
		for (unsigned k = 0; k < trace[0].count; k++)
			require(trace[0].pc[k] == trace[1].pc[k]);
		ck_assert_int_eq(trace[0].result, trace[1].result);
		ck_assert_int_eq(trace[0].result, strcmp(names[i], "full") ? 0 : -ENOSPC);
		ck_assert(trace[0].head == trace[1].head && trace[0].reserved == trace[1].reserved);
		ck_assert(trace[0].head == trace[0].reserved);
	}
}
END_TEST

/* A stepper that works leaves nothing behind: no process, no handler, no signal blocked or let through. */
START_TEST(nothing_is_left_behind)
{
	static struct trace trace;
	struct sigaction before, after;
	sigset_t blocked, now;
	stack_t stack_before, stack_after;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigaddset(&blocked, level_signal(2));
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	sigaction(SIGTRAP, NULL, &before);
	sigaltstack(NULL, &stack_before);
	follow(steppers[_i], &scenarios[0], &trace);
	sigaction(SIGTRAP, NULL, &after);
	sigaltstack(NULL, &stack_after);
	sigprocmask(SIG_SETMASK, NULL, &now);
	ck_assert(before.sa_handler == after.sa_handler);
	ck_assert(stack_before.ss_sp == stack_after.ss_sp && stack_before.ss_flags == stack_after.ss_flags);
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		ck_assert_msg(sigismember(&now, signal) == sigismember(&blocked, signal), "signal %d", signal);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* ---- machines of our own ---- */

/* Signals are asked for and blocked by the system calls themselves, which a sanitizer leaves alone. */
static int block_and_ask(const uint64_t *in, uint64_t *out)
{
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, in, NULL, sizeof(uint64_t));
	out[0]++;
	return (int)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &out[1], sizeof(uint64_t));
}

START_TEST(a_machine_has_its_own_signal_mask)
{
	const struct stepper *stepper = steppers[_i];
	const uint64_t usr1 = 1ull << (SIGUSR1 - 1);
	unsigned steps, seen = 0;
	uint64_t out[4];

	machines_open(stepper);
	machine_memory->in[0] = usr1;
	machine_begin(stepper, 0, (uintptr_t)block_and_ask);
	steps = machine_run(stepper, 0, UINT32_MAX);
	ck_assert(machines[0].blocked == usr1 && machine_memory->out[1] == usr1);
	for (unsigned at = 0; at < steps; at += 1 + steps / 40) {
		machine_begin(stepper, 0, (uintptr_t)block_and_ask);
		machine_run(stepper, 0, at);
		seen += machines[0].blocked == usr1;
		/* Another, which blocks nothing, in between. */
		memcpy(out, machine_memory->out, sizeof(out));
		machine_memory->in[0] = 0;
		machine_begin(stepper, 1, (uintptr_t)block_and_ask);
		machine_run(stepper, 1, UINT32_MAX);
		require(!machines[1].blocked && !machine_memory->out[1]);
		machine_memory->in[0] = usr1;
		memcpy(machine_memory->out, out, sizeof(out));
		machine_run(stepper, 0, UINT32_MAX);
		require(machines[0].blocked == usr1 && machine_memory->out[1] == usr1);
	}
	ck_assert_uint_gt(seen, 0);
	stepper->close();
}
END_TEST

#ifdef __x86_64__

#define KEEP_RESULT 3 /* carry, and twice direction */

static void check_kept(const struct stepper *stepper, unsigned i)
{
	machine_run(stepper, i, UINT32_MAX);
	require(stepper->result(&machines[i]) == KEEP_RESULT);
	require(machine_memory->out[0] == machine_memory->in[0] + machine_memory->in[2] &&
		machine_memory->out[1] == machine_memory->in[1] + machine_memory->in[3]);
	require(machine_memory->out[2] == machine_memory->in[1] && machine_memory->out[3] == 1);
}

/* Suspended at each of its boundaries, copied, and gone on with twice, when others have been there in between. */
START_TEST(a_suspended_machine_is_data)
{
	const struct stepper *stepper = steppers[_i];
	unsigned char *stack = malloc(MACHINE_STACK_SIZE);
	uint64_t out[4];
	unsigned steps;

	ck_assert_ptr_nonnull(stack);
	machines_open(stepper);
	for (unsigned k = 0; k < 4; k++)
		machine_memory->in[k] = 0x0123456789abcdefu * (k + 1);
	machine_begin(stepper, 0, (uintptr_t)test_keep);
	steps = machine_run(stepper, 0, UINT32_MAX);
	ck_assert_uint_eq(steps, 23);
	check_kept(stepper, 0);
	for (unsigned at = 0; at < steps; at++) {
		memset(machine_memory->out, 0, sizeof(machine_memory->out));
		machine_begin(stepper, 0, (uintptr_t)test_keep);
		require(machine_run(stepper, 0, at) == at);
		memcpy(&machines[2], &machines[0], sizeof(machines[2]));
		memcpy(stack, machine_memory->stack[0], MACHINE_STACK_SIZE);
		memcpy(out, machine_memory->out, sizeof(out));
		for (unsigned time = 0; time < 2; time++) {
			machine_begin(stepper, 1, (uintptr_t)test_spoil);
			machine_run(stepper, 1, UINT32_MAX);
			require(stepper->result(&machines[1]) == 7);
			memcpy(&machines[0], &machines[2], sizeof(machines[0]));
			memcpy(machine_memory->stack[0], stack, MACHINE_STACK_SIZE);
			memcpy(machine_memory->out, out, sizeof(out));
			check_kept(stepper, 0);
		}
	}
	free(stack);
	stepper->close();
}
END_TEST

/* ---- an instruction that repeats itself ---- */

static int write_by_rep(struct target_ring *ring, const void *payload, size_t size)
{
	unsigned char copy[SCENE_PAYLOAD_MAX];
	unsigned char *to = copy;
	const unsigned char *from = payload;
	size_t left = size;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(left)::"memory");
	return target_fixed.write(ring, copy, size);
}

static struct target target_rep(void)
{
	struct target target = target_fixed;

	target.name = "rep";
	target.write = write_by_rep;
	target.reserve = NULL;
	target.commit = NULL;
	return target;
}

START_TEST(turns_of_a_repeated_instruction)
{
	const struct stepper *stepper = steppers[_i];
	uint64_t pc;

	machines_open(stepper);
	machine_memory->in[0] = 0x1122334455667788u;
	machine_memory->in[1] = 0x99aabbccddeeff00u;
	machine_begin(stepper, 0, (uintptr_t)test_rep);
	machine_run(stepper, 0, 2);
	pc = stepper->pc(&machines[0]);
	for (unsigned turn = 0; turn < 16; turn++) {
		ck_assert(stepper->pc(&machines[0]) == pc);
		ck_assert_uint_eq(stepper->repeats_left(&machines[0]), 16 - turn);
		ck_assert_int_eq(memcmp(machine_memory->in, machine_memory->out, turn), 0);
		ck_assert_uint_eq(((unsigned char *)machine_memory->out)[turn], 0);
		machine_run(stepper, 0, 1);
	}
	ck_assert(stepper->pc(&machines[0]) != pc);
	ck_assert_int_eq(memcmp(machine_memory->in, machine_memory->out, 16), 0);
	stepper->close();
}
END_TEST

START_TEST(first_second_and_last_turn_are_struck)
{
	struct target target = target_rep();
	static struct stage_write write;
	unsigned turns = 0, closed = 0, open_at[16] = { 0 }, open = 0;
	struct stage stage;

	ck_assert_int_eq(stage_open(&stage, steppers[_i], &target, scenario_find("empty")), 0);
	stage_begin(&stage, &write, 0, 0);
	while (!stage_returned(&stage, &write)) {
		if (!stage_open_here(&stage, &write)) {
			closed++;
			turns = write.repeats;
		} else if (write.repeats && open < 16) {
			open_at[open++] = write.repeats;
		}
		require(!stage_masked(&stage, &write));
		require(!stage_step(&stage, &write) && !stage.error);
	}
	stage_close(&stage);
	ck_assert_uint_eq(closed, 13);
	ck_assert_uint_eq(turns, 14);
	ck_assert_uint_ge(open, 2);
	ck_assert(open_at[0] == 1 && open_at[1] == 15);
}
END_TEST

START_TEST(repeats_are_explored)
{
	const struct explore_plan plan = { .stepper = &stepper_trap,
					   .depth = 1,
					   .strikes = 1,
					   .accelerations = EXPLORE_FAST,
					   .deadline_ns = clock_ns() + 100 * NS_PER_S };
	struct explore_result *explored = calloc(1, sizeof(*explored));
	struct target target = target_rep();

	ck_assert_ptr_nonnull(explored);
	explore(&target, scenario_find("empty"), &plan, explored, NULL);
	ck_assert_msg(explored->complete, "%s", explored->message);
	ck_assert_uint_eq(explored->counts.tuples[1] + 13, explored->counts.boundaries);
	free(explored);
}
END_TEST

#endif

Suite *suite_make(void)
{
	Suite *suite = suite_create("stepper");
	TCase *tcase = suite_case(suite, "stepper");
	const char *missing[STEPPERS];

	steppers_missing(missing);
	suite_add(tcase, both_see_the_same, missing[0] ? missing[0] : missing[1]);
	steppers_add(tcase, nothing_is_left_behind, missing);
	steppers_add(tcase, a_machine_has_its_own_signal_mask, missing);
#ifdef __x86_64__
	steppers_add(tcase, a_suspended_machine_is_data, missing);
	steppers_add(tcase, turns_of_a_repeated_instruction, missing);
	steppers_add(tcase, first_second_and_last_turn_are_struck, missing);
	suite_add(tcase, repeats_are_explored, missing[0]);
#endif
	return suite;
}
