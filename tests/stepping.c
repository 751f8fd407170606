/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stepping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "suite.h"

/* What must come to its end does so long before; below a case's timeout. */
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
