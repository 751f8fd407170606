/* SPDX-License-Identifier: MIT */
/*
 * context.h - the interrupted code's registers, as a signal handler finds them: all that depends on the architecture
 */
#ifndef STRESS_CONTEXT_H
#define STRESS_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#ifdef __x86_64__
/* The trap flag: with it set in the frame, the CPU raises SIGTRAP after each instruction of the code it returns to. */
#define CONTEXT_CAN_STEP 1
#define CONTEXT_TRAP_FLAG 0x100

static inline uint64_t context_pc(const ucontext_t *context)
{
	return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
}

static inline bool context_steps(const ucontext_t *context)
{
	return context->uc_mcontext.gregs[REG_EFL] & CONTEXT_TRAP_FLAG;
}

static inline void context_set_step(ucontext_t *context, bool step)
{
	if (step)
		context->uc_mcontext.gregs[REG_EFL] |= CONTEXT_TRAP_FLAG;
	else
		context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)CONTEXT_TRAP_FLAG;
}

/* Begin stepping right here; ends when a SIGTRAP handler clears the flag in its frame. The red zone is left alone. */
static inline void context_step_here(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "pushfq\n\t"
			 "orq $0x100, (%%rsp)\n\t"
			 "popfq\n\t"
			 "lea 128(%%rsp), %%rsp" ::
				 : "memory", "cc");
}
#else
#define CONTEXT_CAN_STEP 0

static inline uint64_t context_pc(const ucontext_t *context)
{
#if defined(__aarch64__)
	return (uint64_t)context->uc_mcontext.pc;
#elif defined(__riscv)
	return (uint64_t)context->uc_mcontext.__gregs[REG_PC];
#else
	(void)context;
	return 0; /* told as unknown */
#endif
}

static inline bool context_steps(const ucontext_t *context)
{
	(void)context;
	return false;
}

static inline void context_set_step(ucontext_t *context, bool step)
{
	(void)context;
	(void)step;
}

static inline void context_step_here(void)
{
}
#endif

#endif /* STRESS_CONTEXT_H */
