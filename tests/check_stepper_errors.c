/* SPDX-License-Identifier: MIT */
/*
 * check_stepper_errors.c - what the steppers tell of code that faults or never ends, and where they are forbidden
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "clock.h"
#include "machines.h"
#include "step/scenario.h"
#include "step/stage.h"
#include "step/step.h"
#include "steppers.h"
#include "suite.h"
#include "targets/ring_target.h"

/* ---- code that goes wrong ---- */

#ifdef __x86_64__

START_TEST(faults_are_told)
{
	const struct stepper *stepper = steppers[_i];

	machines_open(stepper);
	for (unsigned time = 0; time < 2; time++) {
		machine_begin(stepper, 0, (uintptr_t)test_read_null);
		machine_run(stepper, 0, 1);
		ck_assert_int_eq(stepper->step(&machines[0]), SIGSEGV);
		machine_begin(stepper, 0, (uintptr_t)test_ill);
		ck_assert_int_eq(stepper->step(&machines[0]), SIGILL);
		/* And the stepper works on. */
		machine_begin(stepper, 1, (uintptr_t)test_spoil);
		machine_run(stepper, 1, UINT32_MAX);
		ck_assert_int_eq(stepper->result(&machines[1]), 7);
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

Suite *suite_make(void)
{
	Suite *suite = suite_create("stepper_errors");
	TCase *tcase = suite_case(suite, "errors");
	const char *missing[STEPPERS];

	steppers_missing(missing);
#ifdef __x86_64__
	steppers_add(tcase, faults_are_told, missing);
	suite_add(tcase, a_target_that_faults_is_an_error, missing[0]);
	steppers_add(tcase, a_write_without_end_is_cut_off, missing);
#endif
	/* Where there is none, it is not known whether filters are (emulators). */
	suite_add(tcase, ptrace_that_is_forbidden_is_told, missing[1]);
	return suite;
}
