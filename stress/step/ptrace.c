/* SPDX-License-Identifier: MIT */
/*
 * ptrace.c - single-stepping by the kernel, in a process of its own
 *
 * The stepped process is a fork of this one, stopped, which does nothing by itself: machines are put into it one
 * instruction at a time. What they write is memory that both share. Slower than the trap flag, and the only way where
 * a process cannot set that for itself.
 */
#define _GNU_SOURCE
#include "step/stepper.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "step/marks.h"

#if defined(__x86_64__)
#define SUPPORTED 1
#define VECTOR_SET NT_X86_XSTATE
#define RED_ZONE 128u
#elif defined(__aarch64__)
#define SUPPORTED 1
#define VECTOR_SET NT_FPREGSET
#define RED_ZONE 0u
#else
#define SUPPORTED 0
#endif

#if SUPPORTED

_Static_assert(sizeof(struct user_regs_struct) <= sizeof(((struct machine *)0)->registers), "they fit");

static struct {
	pid_t child;
	struct machine first; /* registers as a new machine finds them */
	struct machine there; /* what the stepped process holds now */
} traced;

#if defined(__x86_64__)

static struct user_regs_struct *registers(const struct machine *machine)
{
	return (struct user_regs_struct *)(void *)machine->registers;
}

static uint64_t traced_pc(const struct machine *machine)
{
	return registers(machine)->rip;
}

static uint64_t traced_sp(const struct machine *machine)
{
	return registers(machine)->rsp - RED_ZONE;
}

static void set_up(struct machine *machine, const struct machine_call *call)
{
	struct user_regs_struct *regs = registers(machine);
	uintptr_t sp = call->stack_top - sizeof(uintptr_t);

	*(volatile uintptr_t *)sp = (uintptr_t)stepper_landing;
	regs->r15 = regs->r14 = regs->r13 = regs->r12 = regs->rbp = regs->rbx = 0;
	regs->r11 = regs->r10 = regs->r9 = regs->r8 = regs->rax = regs->rcx = 0;
	regs->rdi = call->argument[0];
	regs->rsi = call->argument[1];
	regs->rdx = call->argument[2];
	/* None to be restarted. */
	regs->orig_rax = UINT64_MAX;
	regs->rsp = sp;
	regs->rip = call->function;
}

/* What the kernel keeps there for itself is not the machine's. */
static void clean(struct machine *machine)
{
	registers(machine)->orig_rax = UINT64_MAX;
	registers(machine)->eflags &= ~0x10100ull;
}

static int traced_result(const struct machine *machine)
{
	return (int)registers(machine)->rax;
}

static uint64_t traced_repeats_left(const struct machine *machine)
{
	return registers(machine)->rcx;
}

#else /* aarch64 */

static struct user_regs_struct *registers(const struct machine *machine)
{
	return (struct user_regs_struct *)(void *)machine->registers;
}

static uint64_t traced_pc(const struct machine *machine)
{
	return registers(machine)->pc;
}

static uint64_t traced_sp(const struct machine *machine)
{
	return registers(machine)->sp - RED_ZONE;
}

static void set_up(struct machine *machine, const struct machine_call *call)
{
	struct user_regs_struct *regs = registers(machine);

	memset(regs->regs, 0, sizeof(regs->regs));
	for (unsigned i = 0; i < 3; i++)
		regs->regs[i] = call->argument[i];
	regs->regs[30] = (uintptr_t)stepper_landing;
	regs->sp = call->stack_top;
	regs->pc = call->function;
}

static void clean(struct machine *machine)
{
	(void)machine;
}

static int traced_result(const struct machine *machine)
{
	return (int)registers(machine)->regs[0];
}

static uint64_t traced_repeats_left(const struct machine *machine)
{
	(void)machine;
	return 0;
}

#endif

static bool traced_returned(const struct machine *machine)
{
	return traced_pc(machine) == (uintptr_t)stepper_landing;
}

static int read_registers(struct machine *machine)
{
	struct iovec general = { machine->registers, sizeof(machine->registers) };
	struct iovec vector = { machine->vector, sizeof(machine->vector) };

	if (ptrace(PTRACE_GETREGSET, traced.child, NT_PRSTATUS, &general) ||
	    ptrace(PTRACE_GETREGSET, traced.child, VECTOR_SET, &vector) ||
	    ptrace(PTRACE_GETSIGMASK, traced.child, sizeof(machine->blocked), &machine->blocked))
		return -errno;
	if (vector.iov_len == sizeof(machine->vector))
		return -ENOTSUP;
	machine->vector_size = (uint32_t)vector.iov_len;
	clean(machine);
	return 0;
}

/* What it holds already need not be set again. */
static int write_registers(const struct machine *machine)
{
	struct iovec general = { (void *)(uintptr_t)machine->registers, sizeof(struct user_regs_struct) };
	struct iovec vector = { (void *)(uintptr_t)machine->vector, machine->vector_size };
	const struct machine *there = &traced.there;

	if (memcmp(machine->registers, there->registers, sizeof(machine->registers)) &&
	    ptrace(PTRACE_SETREGSET, traced.child, NT_PRSTATUS, &general))
		return -errno;
	if (memcmp(machine->vector, there->vector, machine->vector_size) &&
	    ptrace(PTRACE_SETREGSET, traced.child, VECTOR_SET, &vector))
		return -errno;
	if (machine->blocked != there->blocked &&
	    ptrace(PTRACE_SETSIGMASK, traced.child, sizeof(machine->blocked), &machine->blocked))
		return -errno;
	return 0;
}

/* What an instruction can raise; all else comes from without (a window's size, job control), and is not passed on. */
static bool is_raised(int signal)
{
	return signal == SIGTRAP || signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE;
}

static int traced_step(struct machine *machine)
{
	int status;

	if (write_registers(machine))
		return SIGKILL;
	do {
		if (ptrace(PTRACE_SINGLESTEP, traced.child, NULL, NULL))
			return SIGKILL;
		while (waitpid(traced.child, &status, __WALL) != traced.child)
			if (errno != EINTR)
				return SIGKILL;
		if (!WIFSTOPPED(status))
			return SIGKILL;
	} while (!is_raised(WSTOPSIG(status)));
	if (read_registers(&traced.there))
		return SIGKILL;
	memcpy(machine, &traced.there, sizeof(*machine));
	return WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
}

static void traced_begin(struct machine *machine, const struct machine_call *call)
{
	memcpy(machine, &traced.first, sizeof(*machine));
	set_up(machine, call);
	machine->blocked = call->blocked | traced.first.blocked;
}

static void traced_close(void)
{
	if (traced.child > 0) {
		kill(traced.child, SIGKILL);
		waitpid(traced.child, NULL, __WALL);
	}
	memset(&traced, 0, sizeof(traced));
}

static int traced_open(char *message, size_t size)
{
	int status = 0, rc;

	memset(&traced, 0, sizeof(traced));
	if (HAVE_MARKS) {
		/* They lie in memory of the stepped process alone. */
		snprintf(message, size,
			 "a stepped process keeps AddressSanitizer's marks of frames that were given up");
		return -ENOTSUP;
	}
	traced.child = fork();
	if (!traced.child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	if (traced.child < 0) {
		snprintf(message, size, "cannot start a process to be stepped: %s", strerror(errno));
		return -EAGAIN;
	}
	/* Untraced too: an emulator may say yes and do nothing, and then it would be waited for without end. */
	if (waitpid(traced.child, &status, __WALL | WUNTRACED) != traced.child || !WIFSTOPPED(status)) {
		snprintf(message, size, "ptrace is not permitted here");
		traced.child = 0;
		return -EPERM;
	}
	rc = read_registers(&traced.there);
	if (rc) {
		snprintf(message, size, "ptrace does not give the registers here: %s", strerror(-rc));
		traced_close();
		return rc;
	}
	memcpy(&traced.first, &traced.there, sizeof(traced.first));
	return 0;
}

const struct stepper stepper_ptrace = {
	.name = "ptrace",
	.open = traced_open,
	.begin = traced_begin,
	.step = traced_step,
	.pc = traced_pc,
	.sp = traced_sp,
	.returned = traced_returned,
	.result = traced_result,
	.repeats_left = traced_repeats_left,
	.close = traced_close,
};

#else

static int traced_open(char *message, size_t size)
{
	snprintf(message, size, "this architecture's registers are not known here");
	return -ENOTSUP;
}

const struct stepper stepper_ptrace = { .name = "ptrace", .open = traced_open };

#endif
