/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stepper.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __x86_64__

/* One stepper_run() in progress. */
struct run {
	void (*at_boundary)(void *context, uint64_t pc);
	void *context;
};

static struct run *volatile current;

/* Below the red zone, where the compiler may keep what it likes. */
#define SET_FLAGS(change)                                                                                              \
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\t" change "\n\tpopfq\n\tlea 128(%%rsp), %%rsp"            \
			 :                                                                                             \
			 :                                                                                             \
			 : "memory", "cc")

static inline __attribute__((always_inline)) void trap_on(void)
{
	SET_FLAGS("orq $0x100, (%%rsp)");
}

static inline __attribute__((always_inline)) void trap_off(void)
{
	SET_FLAGS("andq $~0x100, (%%rsp)");
}

/* The flag is clear in here, and back in force with the return. */
static void on_trap(int signal, siginfo_t *info, void *ucontext)
{
	const ucontext_t *uc = ucontext;
	struct run *run = current;
	int saved = errno;

	(void)signal;
	(void)info;
	if (run)
		run->at_boundary(run->context, (uint64_t)uc->uc_mcontext.gregs[REG_RIP]);
	errno = saved;
}

void stepper_run(void (*code)(void *argument), void *argument, void (*at_boundary)(void *context, uint64_t pc),
		 void *context)
{
	struct run run = { .at_boundary = at_boundary, .context = context };
	struct run *outer = current;
	/* Nodefer: a handler that steps code of its own takes traps inside itself. */
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (!outer)
		sigaction(SIGTRAP, &action, NULL);
	current = &run;
	trap_on();
	code(argument);
	trap_off();
	current = outer;
}

static void nothing(void *argument)
{
	(void)argument;
}

static void count(void *context, uint64_t pc)
{
	(void)pc;
	++*(volatile unsigned *)context;
}

/* In a process of its own: where the flag is not honoured (some emulators) it may as well be fatal. */
const char *stepper_missing(void)
{
	pid_t pid = fork();
	int status = 1;

	if (!pid) {
		volatile unsigned steps = 0;

		stepper_run(nothing, NULL, count, (void *)&steps);
		_exit(steps < 3);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status ? "the trap flag has no effect here" : NULL;
}

#else

void stepper_run(void (*code)(void *argument), void *argument, void (*at_boundary)(void *context, uint64_t pc),
		 void *context)
{
	(void)at_boundary;
	(void)context;
	code(argument);
}

const char *stepper_missing(void)
{
	return "single-stepping by the trap flag is for x86-64";
}

#endif
