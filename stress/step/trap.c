/* SPDX-License-Identifier: MIT */
/*
 * trap.c - single-stepping within the process: the trap flag, x86-64
 *
 * A machine is entered as a signal handler returns: rt_sigreturn with a frame that was made up, in which the trap flag
 * is set. After one instruction the CPU traps, and the handler, on a stack of its own, takes the registers out of its
 * frame and jumps back to where the step was asked for. So nothing here ever nests, whatever the machines do.
 */
#define _GNU_SOURCE
#include "step/stepper.h"

#include "plugin/contain.h"

#include <errno.h>
#include <stdio.h>

#ifdef __x86_64__

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#define TRAP_FLAG 0x100u
#define RESUME_FLAG 0x10000u
#define DIRECTION_FLAG 0x400u
#define RED_ZONE 128u
#define ALT_STACK_SIZE (64u << 10)

/* Where the kernel says how much it saved: the software-reserved bytes of the FXSAVE area (asm/sigcontext.h). */
#define SOFTWARE_BYTES 464
#define XSTATE_MAGIC 0x46505853u

struct software_bytes {
	uint32_t magic;
	uint32_t size; /* of all, the closing magic included */
};

/* The stack pointer of whoever left; on its stack lie the registers that a call must keep. */
__attribute__((used, visibility("hidden"))) void *trap_left;

/*
 * trap_leave: go on in the context in @frame, as a signal handler's return does: rt_sigreturn (15), which looks for the
 * frame at the stack pointer. trap_raise: the same without a context to go to. trap_come_back: end that call.
 */
void trap_leave(const void *frame);
void trap_raise(void);
void trap_come_back(void);
/* A system call, and a trap right behind it. */
extern const char trap_system_call[];

/* clang-format off */
#define SAVE_REGISTERS \
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n" \
	"mov %rsp, trap_left(%rip)\n"
/* clang-format on */

__asm__("	.pushsection .text\n"
	"	.hidden trap_leave, trap_raise, trap_come_back\n"
	"	.globl trap_leave, trap_raise, trap_come_back\n"
	"	.type trap_leave, @function\n	.type trap_raise, @function\n	.type trap_come_back, @function\n"
	"trap_leave:\n" SAVE_REGISTERS "	mov %rdi, %rsp\n"
	"	mov $15, %eax\n"
	"	syscall\n"
	"	ud2\n"
	"trap_raise:\n" SAVE_REGISTERS "	int3\n"
	"	ud2\n"
	"trap_come_back:\n"
	"	mov trap_left(%rip), %rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
	"	ret\n"
	"	.hidden trap_system_call\n	.globl trap_system_call\n"
	"trap_system_call:\n"
	"	syscall\n"
	"	int3\n"
	"	.popsection\n");

/* Where code may never come back it is looked at (contain.h); after so many looks at one instruction it is taken to
 * hang. Looks at a process that does not run do not count. */
#define TICKS_STEP 25u

/* What may happen to an instruction. */
static const int signals[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, CONTAIN_TICK };

static struct {
	struct machine first; /* registers as a new machine finds them */
	ucontext_t frame;
	int raised;
	bool open;
	void *stack;
	stack_t old_stack;
	struct sigaction old[sizeof(signals) / sizeof(signals[0])];
	sigset_t old_mask;
	struct machine *into;
	bool handling; /* a signal, on the stack for that */
	uint64_t steps, steps_ticked;
	unsigned ticks; /* since that many steps */
} trap;

static uint32_t vector_size(const void *vector)
{
	struct software_bytes bytes;

	memcpy(&bytes, (const char *)vector + SOFTWARE_BYTES, sizeof(bytes));
	return bytes.magic == XSTATE_MAGIC ? bytes.size : sizeof(struct _libc_fpstate);
}

/* Whether what was interrupted by a look has not moved for so long that it never will. */
static bool hangs(const ucontext_t *context)
{
	if (trap.handling)
		return false;
	if (!trap.into) {
		contain_look(context);
		return false;
	}
	if (trap.steps != trap.steps_ticked) {
		trap.steps_ticked = trap.steps;
		trap.ticks = 0;
	}
	return ++trap.ticks >= TICKS_STEP;
}

/* Context: signal handler, on the alternate stack. */
static void on_signal(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	struct machine *machine = trap.into;
	uint32_t size;

	(void)info;
	if (signal == CONTAIN_TICK && !hangs(uc))
		return;
	trap.handling = true;
	if (!machine) {
		contain_end(CRASH, signal, uc);
		/* Not ours: an honest crash. */
		sigaction(signal, &(struct sigaction) { .sa_handler = SIG_DFL }, NULL);
		return;
	}
	for (unsigned i = 0; i < NGREG; i++)
		machine->registers[i] = (uint64_t)uc->uc_mcontext.gregs[i];
	/* What the trap itself left there is not the machine's. */
	machine->registers[REG_EFL] &= ~(uint64_t)(TRAP_FLAG | RESUME_FLAG);
	machine->registers[REG_ERR] = 0;
	machine->registers[REG_TRAPNO] = 0;
	machine->registers[REG_OLDMASK] = 0;
	machine->registers[REG_CR2] = 0;
	memcpy(&machine->blocked, &uc->uc_sigmask, sizeof(machine->blocked));
	size = vector_size(uc->uc_mcontext.fpregs);
	machine->vector_size = size;
	if (size <= MACHINE_VECTOR_SIZE)
		memcpy(machine->vector, uc->uc_mcontext.fpregs, size);
	trap.raised = signal;
	trap.frame.uc_flags = uc->uc_flags;
	trap_come_back();
}

/*
 * Whether the instruction at @pc is a system call: the kernel returns from it with the trap flag set, so that the trap
 * comes one instruction late. Read through the kernel, since there may be no memory; once for each place.
 */
static bool is_system_call(uint64_t pc)
{
	static struct {
		uint64_t pc;
		bool is;
	} known[4096];
	unsigned at = pc % (sizeof(known) / sizeof(known[0]));
	unsigned char code[2] = { 0 };

	if (known[at].pc != pc) {
		process_vm_readv(getpid(), &(struct iovec) { code, sizeof(code) }, 1,
				 &(struct iovec) { (void *)(uintptr_t)pc, sizeof(code) }, 1, 0);
		known[at].pc = pc;
		known[at].is = code[0] == 0x0f && code[1] == 0x05;
	}
	return known[at].is;
}

static int trap_step(struct machine *machine)
{
	ucontext_t *uc = &trap.frame;
	uint64_t pc = machine->registers[REG_RIP];
	bool system_call = is_system_call(pc);

	for (unsigned i = 0; i < NGREG; i++)
		uc->uc_mcontext.gregs[i] = (greg_t)machine->registers[i];
	if (system_call)
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)trap_system_call;
	else
		uc->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
	/* The mask stays as the machine has it: nobody sends signals here, and it saves a system call. */
	memcpy(&uc->uc_sigmask, &machine->blocked, sizeof(machine->blocked));
	uc->uc_mcontext.fpregs = (fpregset_t)(void *)machine->vector;
	trap.steps++;
	trap.into = machine;
	trap_leave(uc);
	trap.into = NULL;
	trap.handling = false;
	if (system_call) {
		/* As if it had been made where it stands. */
		machine->registers[REG_RIP] = pc + 2;
		machine->registers[REG_RCX] = pc + 2;
	}
	return trap.raised == SIGTRAP ? 0 : trap.raised;
}

static uint64_t trap_pc(const struct machine *machine)
{
	return machine->registers[REG_RIP];
}

static uint64_t trap_sp(const struct machine *machine)
{
	/* Below it the compiler may keep what it likes. */
	return machine->registers[REG_RSP] - RED_ZONE;
}

static void trap_begin(struct machine *machine, const struct machine_call *call)
{
	uintptr_t sp = call->stack_top - sizeof(uintptr_t);

	memcpy(machine, &trap.first, sizeof(*machine));
	memset(machine->registers, 0, sizeof(uint64_t) * REG_RIP);
	*(volatile uintptr_t *)sp = (uintptr_t)stepper_landing;
	machine->registers[REG_RDI] = call->argument[0];
	machine->registers[REG_RSI] = call->argument[1];
	machine->registers[REG_RDX] = call->argument[2];
	machine->registers[REG_RSP] = sp;
	machine->registers[REG_RIP] = call->function;
	machine->registers[REG_EFL] &= ~(uint64_t)DIRECTION_FLAG;
	/* What else was blocked stays so: a Ctrl-C is the parent's to hear of. */
	machine->blocked = call->blocked | trap.first.blocked;
}

static bool trap_returned(const struct machine *machine)
{
	return machine->registers[REG_RIP] == (uintptr_t)stepper_landing;
}

static int trap_result(const struct machine *machine)
{
	return (int)machine->registers[REG_RAX];
}

static uint64_t trap_repeats_left(const struct machine *machine)
{
	return machine->registers[REG_RCX];
}

static void trap_close(void)
{
	if (!trap.open)
		return;
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &trap.old[i], NULL);
	sigaltstack(&trap.old_stack, NULL);
	/* What is in force is that of the machine that was stepped last. */
	sigprocmask(SIG_SETMASK, &trap.old_mask, NULL);
	free(trap.stack);
	memset(&trap, 0, sizeof(trap));
}

/* Whether the flag does anything: some emulators and sandboxes pass it over, and then the call runs to its end. */
static bool flag_works(void)
{
	struct machine *machine = aligned_alloc(_Alignof(struct machine), sizeof(*machine));
	uintptr_t stack[64] __attribute__((aligned(64)));
	struct machine_call call = { .function = (uintptr_t)trap_come_back, .stack_top = (uintptr_t)(stack + 64) };
	bool works;

	if (!machine)
		return false;
	trap_begin(machine, &call);
	works = !trap_step(machine) && trap_pc(machine) != call.function && !trap_returned(machine);
	free(machine);
	return works;
}

static int trap_open(char *message, size_t size)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART };
	stack_t stack = { .ss_size = ALT_STACK_SIZE };

	memset(&trap, 0, sizeof(trap));
	trap.stack = malloc(ALT_STACK_SIZE);
	if (!trap.stack) {
		snprintf(message, size, "no memory for a stack");
		return -ENOMEM;
	}
	stack.ss_sp = trap.stack;
	sigaltstack(&stack, &trap.old_stack);
	sigemptyset(&action.sa_mask);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, &trap.old[i]);
	sigprocmask(SIG_SETMASK, NULL, &trap.old_mask);
	trap.open = true;
	trap.frame.uc_stack = stack;
	/* Have the kernel show a frame, which has all that a machine needs to begin with. */
	trap.into = &trap.first;
	trap_raise();
	trap.into = NULL;
	trap.handling = false;
	if (trap.first.vector_size > MACHINE_VECTOR_SIZE) {
		snprintf(message, size, "this CPU's vector registers take %u bytes, more than the %d there is room for",
			 trap.first.vector_size, MACHINE_VECTOR_SIZE);
		trap_close();
		return -ENOTSUP;
	}
	if (!flag_works()) {
		snprintf(message, size, "the trap flag has no effect here; --stepper=ptrace may work");
		trap_close();
		return -ENOTSUP;
	}
	return 0;
}

const struct stepper stepper_trap = {
	.name = "trap",
	.open = trap_open,
	.begin = trap_begin,
	.step = trap_step,
	.pc = trap_pc,
	.sp = trap_sp,
	.returned = trap_returned,
	.result = trap_result,
	.repeats_left = trap_repeats_left,
	.close = trap_close,
};

#else

static int trap_open(char *message, size_t size)
{
	snprintf(message, size, "the trap flag is x86-64's; --stepper=ptrace works elsewhere");
	return -ENOTSUP;
}

const struct stepper stepper_trap = { .name = "trap", .open = trap_open };

#endif
