/* SPDX-License-Identifier: MIT */
/*
 * check_stepper.c - the ways to run one instruction: both see the same, and a suspended write is data and nothing else
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "levels.h"
#include "step/explore.h"
#include "step/scenario.h"
#include "step/stage.h"
#include "step/step.h"
#include "stepping.h"
#include "suite.h"
#include "targets/ring_target.h"

static const struct stepper *const steppers[] = { &stepper_trap, &stepper_ptrace };

#define STEPPERS 2

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

#define MACHINES 3

/* All that they touch; in memory that a stepped process shares. */
static struct memory {
	unsigned char stack[MACHINES][MACHINE_STACK_SIZE];
	uint64_t in[4], out[4];
} * memory;

static _Alignas(64) struct machine machine[MACHINES];

static void open_stepper(const struct stepper *stepper)
{
	char message[192];

	memory = mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(memory != MAP_FAILED);
	ck_assert_msg(!stepper->open(message, sizeof(message)), "%s", message);
}

static void begin(const struct stepper *stepper, unsigned i, uintptr_t function)
{
	const struct machine_call call = { .function = function,
					   .argument = { (uintptr_t)memory->in, (uintptr_t)memory->out, 16 },
					   .stack_top = (uintptr_t)memory->stack[i] + MACHINE_STACK_SIZE - 256 };

	stepper->begin(&machine[i], &call);
}

/* At most @steps of it. Return: those that there were. */
static unsigned run(const struct stepper *stepper, unsigned i, unsigned steps)
{
	unsigned count = 0;

	while (count < steps && !stepper->returned(&machine[i])) {
		ck_assert_int_eq(stepper->step(&machine[i]), 0);
		count++;
	}
	return count;
}

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

	open_stepper(stepper);
	memory->in[0] = usr1;
	begin(stepper, 0, (uintptr_t)block_and_ask);
	steps = run(stepper, 0, UINT32_MAX);
	ck_assert(machine[0].blocked == usr1 && memory->out[1] == usr1);
	for (unsigned at = 0; at < steps; at += 1 + steps / 40) {
		begin(stepper, 0, (uintptr_t)block_and_ask);
		run(stepper, 0, at);
		seen += machine[0].blocked == usr1;
		/* Another, which blocks nothing, in between. */
		memcpy(out, memory->out, sizeof(out));
		memory->in[0] = 0;
		begin(stepper, 1, (uintptr_t)block_and_ask);
		run(stepper, 1, UINT32_MAX);
		require(!machine[1].blocked && !memory->out[1]);
		memory->in[0] = usr1;
		memcpy(memory->out, out, sizeof(out));
		run(stepper, 0, UINT32_MAX);
		require(machine[0].blocked == usr1 && memory->out[1] == usr1);
	}
	ck_assert_uint_gt(seen, 0);
	stepper->close();
}
END_TEST

#ifdef __x86_64__

/*
 * test_keep(in, out, n): vector registers, flags and general ones are given values, stay alone for a while, and are
 * told. test_spoil: the same registers get other values. test_rep: the instruction that repeats itself.
 */
void test_keep(void);
void test_spoil(void);
void test_rep(void);
void test_read_null(void);
void test_for_ever(void);
void test_ill(void);

__asm__("	.pushsection .text\n"
	"	.globl test_keep, test_spoil, test_rep, test_read_null, test_for_ever, test_ill\n"
	"	.hidden test_keep, test_spoil, test_rep, test_read_null, test_for_ever, test_ill\n"
	"test_keep:\n"
	"	movdqu (%rdi), %xmm0\n	movdqu 16(%rdi), %xmm15\n"
	"	push %rbx\n	mov 8(%rdi), %rbx\n"
	"	std\n	stc\n"
	"	nop\n	nop\n	nop\n"
	"	setc %al\n"
	"	pushfq\n	pop %rcx\n	shr $10, %rcx\n	and $1, %ecx\n	cld\n"
	"	movzbl %al, %eax\n	lea (%rax, %rcx, 2), %eax\n"
	"	paddq %xmm15, %xmm0\n	movdqu %xmm0, (%rsi)\n"
	"	mov %rbx, 16(%rsi)\n	pop %rbx\n"
	"	addq $1, 24(%rsi)\n"
	"	ret\n"
	"test_spoil:\n"
	"	pcmpeqd %xmm0, %xmm0\n	pxor %xmm15, %xmm15\n"
	"	mov $-1, %rcx\n	mov %rcx, %r8\n	mov %rcx, %rdx\n"
	"	clc\n	cld\n"
	"	mov $7, %eax\n"
	"	ret\n"
	"test_rep:\n"
	"	mov %rdx, %rcx\n	xchg %rsi, %rdi\n"
	"	rep movsb\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	"test_read_null:\n"
	"	xor %eax, %eax\n	mov (%rax), %eax\n	ret\n"
	"test_for_ever:\n"
	"	xor %eax, %eax\n"
	"1:	inc %rax\n	jmp 1b\n"
	"test_ill:\n"
	"	ud2\n"
	"	.popsection\n");

#define KEEP_RESULT 3 /* carry, and twice direction */

static void check_kept(const struct stepper *stepper, unsigned i)
{
	run(stepper, i, UINT32_MAX);
	require(stepper->result(&machine[i]) == KEEP_RESULT);
	require(memory->out[0] == memory->in[0] + memory->in[2] && memory->out[1] == memory->in[1] + memory->in[3]);
	require(memory->out[2] == memory->in[1] && memory->out[3] == 1);
}

/* Suspended at each of its boundaries, copied, and gone on with twice, when others have been there in between. */
START_TEST(a_suspended_machine_is_data)
{
	const struct stepper *stepper = steppers[_i];
	unsigned char *stack = malloc(MACHINE_STACK_SIZE);
	uint64_t out[4];
	unsigned steps;

	ck_assert_ptr_nonnull(stack);
	open_stepper(stepper);
	for (unsigned k = 0; k < 4; k++)
		memory->in[k] = 0x0123456789abcdefu * (k + 1);
	begin(stepper, 0, (uintptr_t)test_keep);
	steps = run(stepper, 0, UINT32_MAX);
	ck_assert_uint_eq(steps, 23);
	check_kept(stepper, 0);
	for (unsigned at = 0; at < steps; at++) {
		memset(memory->out, 0, sizeof(memory->out));
		begin(stepper, 0, (uintptr_t)test_keep);
		require(run(stepper, 0, at) == at);
		memcpy(&machine[2], &machine[0], sizeof(machine[2]));
		memcpy(stack, memory->stack[0], MACHINE_STACK_SIZE);
		memcpy(out, memory->out, sizeof(out));
		for (unsigned time = 0; time < 2; time++) {
			begin(stepper, 1, (uintptr_t)test_spoil);
			run(stepper, 1, UINT32_MAX);
			require(stepper->result(&machine[1]) == 7);
			memcpy(&machine[0], &machine[2], sizeof(machine[0]));
			memcpy(memory->stack[0], stack, MACHINE_STACK_SIZE);
			memcpy(memory->out, out, sizeof(out));
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

	open_stepper(stepper);
	memory->in[0] = 0x1122334455667788u;
	memory->in[1] = 0x99aabbccddeeff00u;
	begin(stepper, 0, (uintptr_t)test_rep);
	run(stepper, 0, 2);
	pc = stepper->pc(&machine[0]);
	for (unsigned turn = 0; turn < 16; turn++) {
		ck_assert(stepper->pc(&machine[0]) == pc);
		ck_assert_uint_eq(stepper->repeats_left(&machine[0]), 16 - turn);
		ck_assert_int_eq(memcmp(memory->in, memory->out, turn), 0);
		ck_assert_uint_eq(((unsigned char *)memory->out)[turn], 0);
		run(stepper, 0, 1);
	}
	ck_assert(stepper->pc(&machine[0]) != pc);
	ck_assert_int_eq(memcmp(memory->in, memory->out, 16), 0);
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

/* ---- code that goes wrong ---- */

START_TEST(faults_are_told)
{
	const struct stepper *stepper = steppers[_i];

	open_stepper(stepper);
	for (unsigned time = 0; time < 2; time++) {
		begin(stepper, 0, (uintptr_t)test_read_null);
		run(stepper, 0, 1);
		ck_assert_int_eq(stepper->step(&machine[0]), SIGSEGV);
		begin(stepper, 0, (uintptr_t)test_ill);
		ck_assert_int_eq(stepper->step(&machine[0]), SIGILL);
		/* And the stepper works on. */
		begin(stepper, 1, (uintptr_t)test_spoil);
		run(stepper, 1, UINT32_MAX);
		ck_assert_int_eq(stepper->result(&machine[1]), 7);
	}
	stepper->close();
}
END_TEST

static void expect_error(struct target *target, void (*code)(void), int error, const char *words)
{
	static struct step_result result;
	const struct step_config config = {
		.target = target, .stepper = &stepper_trap, .depth = 1, .strikes = 1, .duration_ns = 100 * NS_PER_S
	};

	target->write = (int (*)(struct target_ring *, const void *, size_t))(void *)code;
	target->reserve = NULL;
	memset(&result, 0, sizeof(result));
	step_run(&config, &result, NULL);
	ck_assert_int_eq(result.error, error);
	ck_assert(result.done && !result.confirmed && !result.missing);
	ck_assert_msg(strstr(result.message, words), "%s", result.message);
}

START_TEST(a_target_that_faults_is_an_error)
{
	struct target target = target_fixed;

	target.name = "faulty";
	expect_error(&target, test_read_null, -EFAULT, "faulty, empty: signal 11");
	expect_error(&target, test_ill, -EFAULT, "signal 4");
	/* It returns 7, which means nothing. */
	expect_error(&target, test_spoil, -EIO, "gave 7");
}
END_TEST

START_TEST(a_write_without_end_is_cut_off)
{
	struct target target = target_fixed;
	static struct stage_write write;
	struct stage stage;

	target.name = "endless";
	target.write = (int (*)(struct target_ring *, const void *, size_t))(void *)test_for_ever;
	ck_assert_int_eq(stage_open(&stage, steppers[_i], &target, scenario_find("empty")), 0);
	stage_begin(&stage, &write, 0, 0);
	/* As if it had been at it for long. */
	write.boundary = (1u << 18) - 50;
	for (unsigned steps = 0; !stage.error; steps++) {
		require(steps < 100);
		stage_step(&stage, &write);
	}
	ck_assert_int_eq(stage.error, -ETIME);
	ck_assert_msg(strstr(stage.message, "endless, empty") && strstr(stage.message, "end"), "%s", stage.message);
	stage_close(&stage);
}
END_TEST

#endif

/* ---- where it is not permitted ---- */

/* As a container does it. */
static void forbid_ptrace(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(ptrace_that_is_forbidden_is_told)
{
	static struct step_result result;
	struct step_config config = {
		.target = &target_fixed, .stepper = &stepper_ptrace, .depth = 1, .strikes = 1, .duration_ns = NS_PER_S
	};
	struct stage stage;
	char message[192] = "";

	forbid_ptrace();
	ck_assert_int_eq(stepper_ptrace.open(message, sizeof(message)), -EPERM);
	ck_assert_ptr_nonnull(strstr(message, "ptrace is not permitted"));
	ck_assert_int_eq(stage_open(&stage, &stepper_ptrace, &target_fixed, &scenarios[0]), -EPERM);
	ck_assert_str_eq(stage.message, message);
	stage_close(&stage);
	step_run(&config, &result, NULL);
	ck_assert(result.done && result.missing && result.error == -EPERM && !result.confirmed);
	ck_assert_str_eq(result.message, message);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

static void add_for_each(TCase *tcase, const TTest *test, const char *const missing[STEPPERS])
{
	for (int i = 0; i < STEPPERS; i++) {
		if (missing[i])
			suite_add(tcase, test, missing[i]);
		else
			tcase_add_loop_test(tcase, test, i, i + 1);
	}
}

Suite *suite_make(void)
{
	Suite *suite = suite_create("stepper");
	TCase *tcase = suite_case(suite, "stepper");
	const char *missing[STEPPERS] = { stepping_missing(steppers[0]), stepping_missing(steppers[1]) };

	suite_add(tcase, both_see_the_same, missing[0] ? missing[0] : missing[1]);
	add_for_each(tcase, nothing_is_left_behind, missing);
	add_for_each(tcase, a_machine_has_its_own_signal_mask, missing);
#ifdef __x86_64__
	add_for_each(tcase, a_suspended_machine_is_data, missing);
	add_for_each(tcase, turns_of_a_repeated_instruction, missing);
	add_for_each(tcase, first_second_and_last_turn_are_struck, missing);
	suite_add(tcase, repeats_are_explored, missing[0]);
	add_for_each(tcase, faults_are_told, missing);
	suite_add(tcase, a_target_that_faults_is_an_error, missing[0]);
	add_for_each(tcase, a_write_without_end_is_cut_off, missing);
#endif
	/* Where there is none, it is not known whether filters are (emulators). */
	suite_add(tcase, ptrace_that_is_forbidden_is_told, missing[1]);
	return suite;
}
