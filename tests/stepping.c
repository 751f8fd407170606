/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stepping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "step/explore.h"
#include "suite.h"

/* What must come to its end does so long before; below a case's timeout. */
#define PATIENCE_NS (100 * NS_PER_S)
#define REASON_SIZE 200
#define STEPPERS 4

static void try_and_tell(const struct stepper *stepper, int fd)
{
	char message[REASON_SIZE] = "";

	if (!stepper->open(message, sizeof(message)))
		stepper->close();
	else if (!message[0])
		strcpy(message, "it gives no reason");
	_exit(write(fd, message, strlen(message)) < 0);
}

/* In a process of its own: where the flag is not honoured (some emulators) it may as well be fatal. */
const char *stepping_missing(const struct stepper *stepper)
{
	static char reasons[STEPPERS][REASON_SIZE];
	static unsigned used;
	char *reason = reasons[used++ % STEPPERS];
	int fd[2], status = 1;
	ssize_t size;
	pid_t pid;

	if (pipe(fd))
		return "no pipe";
	pid = fork();
	if (!pid)
		try_and_tell(stepper, fd[1]);
	close(fd[1]);
	size = pid > 0 ? read(fd[0], reason, REASON_SIZE - 1) : -1;
	close(fd[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (status || size < 0)
		return "stepping ends the process here";
	reason[size] = 0;
	return size ? reason : NULL;
}

void stepping_run(void (*code)(void *argument), void *argument, void (*at_boundary)(void *context, uint64_t pc),
		  void *context)
{
	struct machine *machine = aligned_alloc(_Alignof(struct machine), sizeof(*machine));
	unsigned char *stack = aligned_alloc(64, MACHINE_STACK_SIZE);
	const struct machine_call call = { .function = (uintptr_t)code,
					   .argument = { (uintptr_t)argument },
					   .stack_top = (uintptr_t)stack + MACHINE_STACK_SIZE - 256 };
	char message[REASON_SIZE];
	int signal = 0, saved;

	ck_assert(machine && stack);
	ck_assert_msg(!stepper_trap.open(message, sizeof(message)), "%s", message);
	stepper_trap.begin(machine, &call);
	while (!signal && !stepper_trap.returned(machine)) {
		signal = stepper_trap.step(machine);
		/* The code's, wherever it stands. */
		saved = errno;
		if (!signal && !stepper_trap.returned(machine))
			at_boundary(context, stepper_trap.pc(machine));
		errno = saved;
	}
	stepper_trap.close();
	ck_assert_msg(!signal, "signal %d (%s)", signal, strsignal(signal));
	free(stack);
	free(machine);
}

const struct step_result *stepping_target(const struct target *target, const struct stepper *stepper, unsigned depth,
					  unsigned strikes)
{
	static struct step_result result;
	const struct step_config config = {
		.target = target, .stepper = stepper, .depth = depth, .strikes = strikes, .duration_ns = PATIENCE_NS
	};

	memset(&result, 0, sizeof(result));
	step_run(&config, &result, NULL);
	ck_assert(result.done);
	return &result;
}

uint32_t stepping_found(const struct step_result *result)
{
	uint32_t kinds = 0;

	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		kinds |= result->found[kind] ? VIOLATION_BIT(kind) : 0;
	return kinds;
}

void stepping_expect_clean(const struct target *target, const struct stepper *stepper, unsigned depth, unsigned strikes)
{
	const struct step_result *result = stepping_target(target, stepper, depth, strikes);

	ck_assert_msg(!result->error, "%s: %s", target->name, result->message);
	ck_assert_msg(!stepping_found(result), "%s: violations 0x%x", target->name, stepping_found(result));
	for (unsigned i = 0; i < result->passes; i++)
		ck_assert_uint_eq(result->pass[i].scenarios, result->scenarios);
}

/* One scenario alone. */
static void expect_clean_in(const struct target *target, const struct stepper *stepper, unsigned strikes,
			    const struct scenario *scenario)
{
	static struct explore_result explored;
	const struct explore_plan plan = { .stepper = stepper,
					   .depth = 1,
					   .strikes = strikes,
					   .accelerations = EXPLORE_FAST,
					   .deadline_ns = clock_ns() + PATIENCE_NS };

	memset(&explored, 0, sizeof(explored));
	explore(target, scenario, &plan, &explored, NULL);
	ck_assert_msg(!explored.error && explored.complete, "%s: %s", target->name, explored.message);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		ck_assert_msg(!explored.found[kind], "%s, %s: %s", target->name, scenario->name, violation_name(kind));
}

const struct step_result *stepping_twins(const struct target *broken, const struct target *sound,
					 const struct stepper *stepper, unsigned strikes, uint32_t kinds)
{
	const struct step_result *result = stepping_target(broken, stepper, 1, strikes);
	uint64_t seen = 0;

	ck_assert_msg(!result->error && result->confirmed, "%s: %s", broken->name, result->message);
	ck_assert_msg(stepping_found(result) & kinds, "%s: found 0x%x, not 0x%x", broken->name, stepping_found(result),
		      kinds);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		const struct witness *witness = &result->witness[kind];

		if (witness->known && !(seen & 1ull << witness->scenario))
			expect_clean_in(sound, stepper, strikes, &scenarios[witness->scenario]);
		seen |= witness->known ? 1ull << witness->scenario : 0;
	}
	return result;
}
